/* One judge for each kind of value.
 * Knows: what a good name, path, mode, ... is.  Must not know: which settings there are (that is the table's). */
#include "base/address.h"
#include "base/file.h"
#include "base/secret.h"
#include "config/internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *ft_shown(const char *text, char out[FT_SHOWN_MAX])
{
	size_t n = 0;

	out[n++] = '"';
	for (; *text && n < FT_SHOWN_MAX - 5; text++)
		out[n++] = iscntrl((unsigned char)*text) ? '?' : *text;
	(void)snprintf(out + n, FT_SHOWN_MAX - n, "%s", *text ? "...\"" : "\"");
	return out;
}

static void refuse_text(struct ft_reader *r, const struct ft_setting *row, struct ft_where w, const char *text,
                        const char *what)
{
	char shown[FT_SHOWN_MAX];

	ft_fault(r, w, "%s %s %s; %s", row->path, ft_shown(text, shown), what, row->allowed);
}

/* Too long for its place is a fault too, never a cut. */
static void store(struct ft_reader *r, const struct ft_setting *row, struct ft_where w, const char *text, void *slot)
{
	if (!slot)
		return;
	if (strlen(text) >= row->room)
		ft_fault(r, w, "%s is too long; %s, at most %zu characters", row->path, row->allowed, row->room - 1);
	else
		memcpy(slot, text, strlen(text) + 1);
}

static const char *type_name(const config_setting_t *s)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_GROUP:
		return "a group";
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return "an integer";
	case CONFIG_TYPE_FLOAT:
		return "a floating-point number";
	case CONFIG_TYPE_STRING:
		return "a string";
	case CONFIG_TYPE_BOOL:
		return "a bool";
	case CONFIG_TYPE_ARRAY:
		return "an array";
	default:
		return "a list";
	}
}

void ft_type_fault(struct ft_reader *r, const struct ft_setting *row, const config_setting_t *s)
{
	ft_fault(r, ft_where(s), "%s is %s%s; %s", row->path, type_name(s),
	         row->type == FT_STRING ? ", not a string" : "", row->allowed);
}

void ft_judge_int(struct ft_reader *r, const struct ft_setting *row, const config_setting_t *s, void *slot)
{
	long long value = config_setting_get_int64(s);

	if (config_setting_type(s) != CONFIG_TYPE_INT && config_setting_type(s) != CONFIG_TYPE_INT64)
		ft_fault(r, ft_where(s), "%s is %s; an integer from %d to %d (%s)", row->path, type_name(s), row->min,
		         row->max, row->allowed);
	else if (value < row->min || value > row->max)
		ft_fault(r, ft_where(s), "%s is %lld, out of range; an integer from %d to %d (%s)", row->path, value,
		         row->min, row->max, row->allowed);
	else if (slot)
		*(int *)slot = (int)value;
}

void ft_judge_bool(struct ft_reader *r, const struct ft_setting *row, const config_setting_t *s, void *slot)
{
	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		ft_type_fault(r, row, s);
	else
		*(bool *)slot = config_setting_get_bool(s);
}

void ft_judge_any(struct ft_reader *r, const struct ft_setting *row, struct ft_where w, const char *text, void *slot)
{
	store(r, row, w, text, slot);
}

static bool name_of(const char *text, const char *letters)
{
	size_t len = strlen(text);

	return len > 0 && len < FT_NAME_MAX && text[0] != '.' && strspn(text, letters) == len;
}

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789._-"

void ft_judge_pair(struct ft_reader *r, const struct ft_setting *row, struct ft_where w, const char *text, void *slot)
{
	if (name_of(text, NAME_LETTERS))
		store(r, row, w, text, slot);
	else
		refuse_text(r, row, w, text, "is no valid name");
}

void ft_judge_node(struct ft_reader *r, const struct ft_setting *row, struct ft_where w, const char *text, void *slot)
{
	if (name_of(text, NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
		store(r, row, w, text, slot);
	else
		refuse_text(r, row, w, text, "is no valid name");
}

void ft_judge_path(struct ft_reader *r, const struct ft_setting *row, struct ft_where w, const char *text, void *slot)
{
	bool may_be_empty = row->need == FT_OPTIONAL && !row->fallback; /* "": none */

	if (text[0] == '/' || (text[0] == '\0' && may_be_empty))
		store(r, row, w, text, slot);
	else
		refuse_text(r, row, w, text, "is not an absolute path");
}

/* What ftd has in there decides what it does. Not looked at by who only asks a running ftd. */
void ft_judge_state_dir(struct ft_reader *r, const struct ft_setting *row, struct ft_where w, const char *text,
                        void *slot)
{
	const char *fault = text[0] == '/' && !r->only ? ft_file_judge(text, FT_FILE_OBEYED) : NULL;

	if (fault)
		refuse_text(r, row, w, text, fault);
	else
		ft_judge_path(r, row, w, text, slot);
}

/* Who could put a socket of his own there while no ftd runs would answer for it: that the VM may be started, say. */
void ft_judge_own_socket(struct ft_reader *r, const struct ft_setting *row, struct ft_where w, const char *text,
                         void *slot)
{
	char folder[FT_PATH_MAX];
	const char *slash = strrchr(text, '/'), *fault = NULL;

	(void)snprintf(folder, sizeof(folder), "%.*s", slash > text ? (int)(slash - text) : 1, text);
	if (text[0] == '/' && !r->only)
		fault = ft_file_judge(folder, FT_FILE_OBEYED);
	if (fault)
		ft_fault(r, w, "%s: its folder %s %s; %s", row->path, folder, fault, row->allowed);
	else
		ft_judge_path(r, row, w, text, slot);
}

/* Told as row's fault, unless it is a regular file that ftd may use so, and nobody else may change; access: as in
 * faccessat(2). */
static bool is_usable(struct ft_reader *r, const struct ft_setting *row, struct ft_where w, const char *path,
                      int access)
{
	struct stat st;
	const char *what = NULL;

	if (path[0] != '/')
		what = "is not an absolute path";
	else if (stat(path, &st) != 0)
		what = strerror(errno);
	else if (!S_ISREG(st.st_mode) || faccessat(AT_FDCWD, path, access, AT_EACCESS) != 0)
		what = access == X_OK ? "is not a program that ftd may run" : "is not a file that ftd may read";
	else
		what = ft_file_judge(path, FT_FILE_OBEYED);
	if (what)
		refuse_text(r, row, w, path, what);
	return !what;
}

void ft_judge_file(struct ft_reader *r, const struct ft_setting *row, struct ft_where w, const char *text, void *slot)
{
	if (text[0] == '\0' || is_usable(r, row, w, text, R_OK))
		store(r, row, w, text, slot);
}

void ft_judge_program(struct ft_reader *r, const struct ft_setting *row, struct ft_where w, const char *text,
                      void *slot)
{
	if (is_usable(r, row, w, text, X_OK))
		store(r, row, w, text, slot);
}

/* Returns NULL, or what is wrong. */
static const char *secret_fault(const char *path)
{
	char secret[FT_SETTING_MAX];

	if (path[0] != '/')
		return "is not an absolute path";
	const char *fault = ft_secret_read(path, secret);
	sodium_memzero(secret, sizeof(secret));
	return fault;
}

void ft_judge_secret(struct ft_reader *r, const struct ft_setting *row, struct ft_where w, const char *text, void *slot)
{
	const char *fault = text[0] ? secret_fault(text) : NULL;

	if (fault)
		refuse_text(r, row, w, text, fault);
	else
		store(r, row, w, text, slot);
}

void ft_judge_plain(struct ft_reader *r, const struct ft_setting *row, struct ft_where w, const char *text, void *slot)
{
	const char *c = text;

	while (*c >= ' ' && *c <= '~')
		c++;
	if (*c)
		refuse_text(r, row, w, text, "holds other than printable characters");
	else
		store(r, row, w, text, slot);
}

void ft_judge_word(struct ft_reader *r, const struct ft_setting *row, struct ft_where w, const char *text, void *slot)
{
	for (unsigned i = 0; row->words[i]; i++)
		if (strcmp(row->words[i], text) == 0) {
			*(unsigned *)slot = i;
			return;
		}
	refuse_text(r, row, w, text, "is none of the words known");
}

void ft_judge_mode(struct ft_reader *r, const struct ft_setting *row, struct ft_where w, const char *text, void *slot)
{
	size_t digits = strspn(text, "01234567");
	unsigned long mode = strtoul(text, NULL, 8);

	if (digits < 3 || digits > 4 || text[digits] || mode < 0600 || mode > 0777)
		refuse_text(r, row, w, text, "is no valid mode");
	else
		*(mode_t *)slot = (mode_t)mode;
}

void ft_judge_group(struct ft_reader *r, const struct ft_setting *row, struct ft_where w, const char *text, void *slot)
{
	*(gid_t *)slot = (gid_t)-1;
	if (text[0] == '\0')
		return;
	const struct group *g = getgrnam(text);
	if (g)
		*(gid_t *)slot = g->gr_gid;
	else
		refuse_text(r, row, w, text, "is no group of this host");
}

/* The texts of an array or list of strings. Returns their number, or -1 after a fault.
 * Faults are told at the line of the whole value: libconfig's line for an element may already be the next one's. */
static int strings_of(struct ft_reader *r, const struct ft_setting *row, const config_setting_t *s, const char **out,
                      int max)
{
	if (!config_setting_is_array(s) && !config_setting_is_list(s)) {
		ft_type_fault(r, row, s);
		return -1;
	}
	int n = config_setting_length(s);
	if (n > max) {
		ft_fault(r, ft_where(s), "%s has %d elements; at most %d", row->path, n, max);
		return -1;
	}
	for (int i = 0; i < n; i++) {
		out[i] = config_setting_get_string_elem(s, i);
		if (!out[i]) {
			ft_fault(r, ft_where(s), "%s has an element that is no string; %s", row->path, row->allowed);
			return -1;
		}
	}
	return n;
}

static void add_key(struct ft_reader *r, const struct ft_setting *row, struct ft_where w, const char *path)
{
	char why[FT_KEY_WHY_MAX];
	char shown[FT_SHOWN_MAX];
	struct ft_key *key = &r->c->heartbeat.keys[r->c->heartbeat.n_keys];

	if (path[0] != '/') {
		refuse_text(r, row, w, path, "is not an absolute path");
		return;
	}
	if (ft_key_load(path, key, why) != 0) {
		ft_fault(r, w, "%s %s %s", row->path, ft_shown(path, shown), why);
		return;
	}
	for (int i = 0; i < r->c->heartbeat.n_keys; i++)
		if (r->c->heartbeat.keys[i].id == key->id) {
			refuse_text(r, row, w, path, "holds a key that an earlier file holds already");
			return;
		}
	r->c->heartbeat.n_keys++;
}

void ft_judge_key_files(struct ft_reader *r, const struct ft_setting *row, const config_setting_t *s, void *slot)
{
	const char *paths[FT_KEYS_MAX] = {config_setting_get_string(s)};
	int n = paths[0] ? 1 : strings_of(r, row, s, paths, FT_KEYS_MAX);

	if (n == 0)
		ft_fault(r, ft_where(s), "%s is empty; %s", row->path, row->allowed);
	if (n > 0)
		store(r, row, ft_where(s), paths[0], slot);
	for (int i = 0; i < n; i++)
		add_key(r, row, ft_where(s), paths[i]);
}

void ft_judge_hook(struct ft_reader *r, const struct ft_setting *row, const config_setting_t *s, void *slot)
{
	const char *argv[FT_ARGV_MAX];
	int n = strings_of(r, row, s, argv, FT_ARGV_MAX);
	char **copy = slot;

	if (n <= 0 || !is_usable(r, row, ft_where(s), argv[0], X_OK))
		return;
	for (int i = 0; i < n; i++) {
		copy[i] = strdup(argv[i]);
		if (!copy[i]) {
			ft_fault(r, ft_where(s), "%s: out of memory; try again", row->path);
			return;
		}
		r->c->hook.argc = i + 1;
	}
}

/* Whether it can be the name of a doubt: one that is mistyped would vouch for nothing, and look as if it did. */
static bool names_a_doubt(const char *text)
{
	static const char *const kinds[] = {"chardev ", "block-node ", "object ", "export ", "yank "};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t len = strlen(kinds[i]);
		if (strncmp(text, kinds[i], len) == 0)
			return text[len] != '\0' && text[len] != ' ' && strlen(text) < FT_DISREGARD_NAME_MAX;
	}
	return false;
}

void ft_judge_disregard(struct ft_reader *r, const struct ft_setting *row, const config_setting_t *s, void *slot)
{
	const char *names[FT_DISREGARDS_MAX];
	int n = strings_of(r, row, s, names, FT_DISREGARDS_MAX);
	struct ft_disregard *d = slot;

	for (int i = 0; i < n; i++) {
		if (!names_a_doubt(names[i]))
			refuse_text(r, row, ft_where(s), names[i], "is no kind and id");
		else
			(void)snprintf(d->name[d->n++], sizeof(d->name[0]), "%s", names[i]);
	}
}

bool ft_disregards(const struct ft_disregard *d, const char *name)
{
	for (int i = 0; i < d->n; i++)
		if (strcmp(d->name[i], name) == 0)
			return true;
	return false;
}

void ft_judge_endpoints(struct ft_reader *r, const struct ft_setting *row, const config_setting_t *s, void *slot)
{
	const char *urls[FT_ENDPOINTS_MAX];
	int n = strings_of(r, row, s, urls, FT_ENDPOINTS_MAX);
	char(*places)[FT_SETTING_MAX] = slot;

	for (int i = 0; i < n; i++) {
		const char *fault = strlen(urls[i]) < sizeof(places[i]) ? ft_url_fault(urls[i]) : "is too long";
		if (fault)
			refuse_text(r, row, ft_where(s), urls[i], fault);
		else
			(void)snprintf(places[i], sizeof(places[i]), "%s", urls[i]);
		r->c->arbiter.n_endpoints = i + 1;
	}
}

/* One of fence.options. Returns NULL, or what is wrong and what is allowed. */
static const char *option_fault(const struct ft_fence_option *o)
{
	if (strchr(o->name, '*'))
		return "is no name of an option; A-Z a-z 0-9 _ - are allowed";
	if (strcmp(o->name, "action") == 0)
		return "must be left out; ftd sets the action itself";
	for (const char *c = o->value; *c; c++)
		if (iscntrl((unsigned char)*c))
			return "holds control characters; one line of text is allowed";
	return NULL;
}

static void add_option(struct ft_reader *r, const struct ft_setting *row, const config_setting_t *s,
                       struct ft_fence_option *o)
{
	const char *name = config_setting_name(s), *value = config_setting_get_string(s);
	char shown[FT_SHOWN_MAX];

	if (!value) {
		ft_fault(r, ft_where(s), "%s.%s is %s; %s", row->path, name, type_name(s), row->allowed);
		return;
	}
	if (strlen(name) >= sizeof(o->name) || strlen(value) >= sizeof(o->value)) {
		ft_fault(r, ft_where(s),
		         "%s.%s is too long; a name of at most %zu and a value of at most %zu characters", row->path,
		         ft_shown(name, shown), sizeof(o->name) - 1, sizeof(o->value) - 1);
		return;
	}
	memcpy(o->name, name, strlen(name) + 1);
	memcpy(o->value, value, strlen(value) + 1);
	const char *fault = option_fault(o);
	if (fault)
		ft_fault(r, ft_where(s), "%s.%s %s", row->path, name, fault);
	else if (strcmp(name, "password_file") == 0 && (fault = secret_fault(value)))
		ft_fault(r, ft_where(s), "%s.%s %s %s; " FT_A_SECRET, row->path, name, ft_shown(value, shown), fault);
}

void ft_judge_options(struct ft_reader *r, const struct ft_setting *row, const config_setting_t *s, void *slot)
{
	struct ft_fence_option *options = slot;
	int n = config_setting_length(s);

	if (!config_setting_is_group(s)) {
		ft_type_fault(r, row, s);
		return;
	}
	if (n > FT_FENCE_OPTIONS_MAX) {
		ft_fault(r, ft_where(s), "%s has %d options; at most %d", row->path, n, FT_FENCE_OPTIONS_MAX);
		return;
	}
	for (int i = 0; i < n; i++)
		add_option(r, row, config_setting_get_elem(s, (unsigned)i), &options[i]);
	r->c->arbiter.fence.n_options = n;
}
