/* Every setting of ft.conf, one row each, and the walk of the parsed tree against the rows.
 * Adding a setting is adding a row.
 * Knows: names, types, ranges, defaults.  Must not know: what the settings are used for. */
#include "base/address.h"
#include "config/internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IN(holder, field)                                                                                              \
	.stored = true, .offset = offsetof(struct holder, field), .room = sizeof(((struct holder *)0)->field)
#define FIXED                      .reload = FT_FIXED
#define WITH_ARBITER               .reload = FT_FIXED_WITH_ARBITER
#define RANGE(low, high, standard) .min = (low), .max = (high), .number = (standard)

static void judge_links(struct ft_reader *r, const struct ft_setting *row, const config_setting_t *s, void *slot);

/* In the order of the enums they are stored in. */
const char *const ft_arbiter_words[] = {"none", "file", "etcd", "fence", NULL};
static const char *const log_words[] = {"error", "warn", "info", "debug", NULL};

#define A_GROUP   "a group, NAME: { ... };"
#define A_PATH    "a path that begins with /"
#define AN_OPTION "a path that begins with /, or \"\" for none"
#define A_SOCKET  "the path of a UNIX socket, which begins with /"
#define A_FILE    "the absolute path of a file that ftd can read, or \"\" for none"
#define PLAIN     "printable ASCII characters"
#define A_NAME    "at most 63 of a-z 0-9 . _ -, not beginning with a dot"
#define AN_END    "\"a.b.c.d:port\", \"[v6]:port\" or \"[fe80::1%eth0]:port\", numeric, port 1 to 65535"

static const struct ft_setting settings[] = {
    {"pair", FT_STRING, FT_ALWAYS, ft_judge_pair, IN(ft_config, pair), FIXED, .allowed = A_NAME},
    {"node", FT_STRING, FT_OPTIONAL, ft_judge_node, IN(ft_config, node), FIXED, .fallback = "HOST",
     .allowed = "at most 63 of A-Z a-z 0-9 . _ -, not beginning with a dot (not given: the host name)"},
    {"state_dir", FT_STRING, FT_OPTIONAL, ft_judge_state_dir, IN(ft_config, state_dir), FIXED,
     .fallback = "/var/lib/ftd/PAIR", .allowed = A_PATH},
    {"realtime", FT_BOOL, FT_OPTIONAL, IN(ft_config, realtime), FIXED, .allowed = "true or false"},
    {"watchdog_device", FT_STRING, FT_OPTIONAL, ft_judge_path, IN(ft_config, watchdog_device), FIXED,
     .allowed = AN_OPTION},

    {"heartbeat", FT_GROUP, FT_OPTIONAL, .allowed = A_GROUP},
    {"heartbeat.key_file", FT_TREE, FT_ALWAYS, .tree = ft_judge_key_files, IN(ft_config, key_file),
     .allowed = "the absolute path of a file with 64 hex digits, mode 0600, or a list of up to 4 such paths"},
    {"heartbeat.interval_ms", FT_INT, FT_OPTIONAL, IN(ft_config, heartbeat.interval_ms), WITH_ARBITER,
     RANGE(5, 10000, 100), .allowed = "milliseconds"},
    {"heartbeat.lost_after", FT_INT, FT_OPTIONAL, IN(ft_config, heartbeat.lost_after), WITH_ARBITER, RANGE(2, 100, 5),
     .allowed = "intervals"},
    {"heartbeat.links", FT_TREE, FT_ALWAYS, .tree = judge_links, IN(ft_config, heartbeat.links),
     .allowed = "a list of 1 to 8 links, ( { local = \"10.0.0.1:7400\"; peer = \"10.0.0.2:7400\"; } )"},
    {"heartbeat.links.local", FT_STRING, FT_OPTIONAL, ft_judge_any, IN(ft_link_settings, local_text),
     .allowed = AN_END},
    {"heartbeat.links.peer", FT_STRING, FT_OPTIONAL, ft_judge_any, IN(ft_link_settings, peer_text), .allowed = AN_END},

    {"qmp", FT_GROUP, FT_OPTIONAL, .allowed = A_GROUP},
    {"qmp.socket", FT_STRING, FT_ALWAYS, ft_judge_path, IN(ft_config, qmp.socket), .allowed = A_SOCKET},
    {"qmp.oob_socket", FT_STRING, FT_ALWAYS, ft_judge_path, IN(ft_config, qmp.oob_socket), .allowed = A_SOCKET},
    {"qmp.reply_timeout_ms", FT_INT, FT_OPTIONAL, IN(ft_config, qmp.reply_timeout_ms), RANGE(50, 60000, 1000),
     .allowed = "milliseconds"},
    {"qmp.disregard", FT_TREE, FT_OPTIONAL, .tree = ft_judge_disregard, IN(ft_config, qmp.disregard),
     .allowed = "an array of up to 16 strings, each a kind and an id as `ftctl check` names them, "
                "[ \"chardev mon0\" ]; kinds: chardev, block-node, object, export, yank"},

    {"arbiter", FT_GROUP, FT_OPTIONAL, .allowed = A_GROUP},
    {"arbiter.type", FT_STRING, FT_ALWAYS, ft_judge_word, IN(ft_config, arbiter.type), FIXED, .words = ft_arbiter_words,
     .allowed = "\"none\", \"file\", \"etcd\" or \"fence\"; there is no default"},
    {"arbiter.timeout_ms", FT_INT, FT_OPTIONAL, IN(ft_config, arbiter.timeout_ms), FIXED, RANGE(10, 600000, 1000),
     .allowed = "milliseconds"},
    {"arbiter.path", FT_STRING, FT_OPTIONAL, ft_judge_path, IN(ft_config, arbiter.path), FIXED, .allowed = AN_OPTION},
    {"arbiter.endpoints", FT_TREE, FT_OPTIONAL, .tree = ft_judge_endpoints, IN(ft_config, arbiter.endpoints), FIXED,
     .allowed = "an array of 1 to 5 URLs of scheme, host and port and no more, [ \"https://10.0.0.9:2379\" ]"},
    {"arbiter.prefix", FT_STRING, FT_OPTIONAL, ft_judge_plain, IN(ft_config, arbiter.prefix), FIXED,
     .fallback = "/ftd/", .allowed = PLAIN},
    {"arbiter.ca_file", FT_STRING, FT_OPTIONAL, ft_judge_file, IN(ft_config, arbiter.ca_file), FIXED,
     .allowed = A_FILE},
    {"arbiter.cert_file", FT_STRING, FT_OPTIONAL, ft_judge_file, IN(ft_config, arbiter.cert_file), FIXED,
     .allowed = A_FILE},
    {"arbiter.cert_key_file", FT_STRING, FT_OPTIONAL, ft_judge_file, IN(ft_config, arbiter.cert_key_file), FIXED,
     .allowed = A_FILE},
    {"arbiter.user", FT_STRING, FT_OPTIONAL, ft_judge_plain, IN(ft_config, arbiter.user), FIXED, .allowed = PLAIN},
    {"arbiter.password_file", FT_STRING, FT_OPTIONAL, ft_judge_secret, IN(ft_config, arbiter.password_file), FIXED,
     .allowed = FT_A_SECRET ", or \"\" for none"},

    {"fence", FT_GROUP, FT_OPTIONAL, .allowed = A_GROUP},
    {"fence.agent", FT_STRING, FT_IN_GROUP, ft_judge_program, IN(ft_config, arbiter.fence.agent), FIXED,
     .allowed = "the absolute path of a fence agent, a program that ftd may run"},
    {"fence.options", FT_TREE, FT_OPTIONAL, .tree = ft_judge_options, IN(ft_config, arbiter.fence.options), FIXED,
     .allowed = "a group of up to 32 strings, { ip = \"10.0.0.250\"; }"},
    {"fence.delay_ms", FT_INT, FT_OPTIONAL, IN(ft_config, arbiter.fence.delay_ms), FIXED, RANGE(0, 600000, 0),
     .allowed = "milliseconds"},
    {"fence.timeout_ms", FT_INT, FT_OPTIONAL, IN(ft_config, arbiter.fence.timeout_ms), FIXED, RANGE(10, 600000, 20000),
     .allowed = "milliseconds"},

    {"failover", FT_GROUP, FT_OPTIONAL, .allowed = A_GROUP},
    {"failover.guard_ms", FT_INT, FT_OPTIONAL, IN(ft_config, guard_ms), WITH_ARBITER, RANGE(0, 10000, 20),
     .allowed = "milliseconds"}, /* with an arbiter the default follows from the detection time: relations.c */

    {"report", FT_GROUP, FT_OPTIONAL, .allowed = A_GROUP},
    {"report.hook", FT_TREE, FT_OPTIONAL, .tree = ft_judge_hook, IN(ft_config, hook.argv),
     .allowed = "an array of strings, [ \"/absolute/program\", \"argument\" ], or [] for none"},
    {"report.hook_timeout_ms", FT_INT, FT_OPTIONAL, IN(ft_config, hook.timeout_ms), RANGE(100, 600000, 10000),
     .allowed = "milliseconds"},

    {"control", FT_GROUP, FT_OPTIONAL, .allowed = A_GROUP},
    {"control.socket", FT_STRING, FT_OPTIONAL, ft_judge_own_socket, IN(ft_config, control_socket), FIXED,
     .fallback = "/run/ftd/PAIR.sock", .allowed = A_SOCKET " in a folder that nobody else writes to"},
    {"control.mode", FT_STRING, FT_OPTIONAL, ft_judge_mode, IN(ft_config, control_mode), FIXED, .fallback = "0660",
     .allowed = "an octal mode in quotes, \"0600\" to \"0777\""},
    {"control.group", FT_STRING, FT_OPTIONAL, ft_judge_group, IN(ft_config, control_gid), FIXED, .fallback = "",
     .allowed = "the name of an existing group, or \"\" to leave it as it is"},

    {"log", FT_GROUP, FT_OPTIONAL, .allowed = A_GROUP},
    {"log.level", FT_STRING, FT_OPTIONAL, ft_judge_word, IN(ft_config, log_level), .words = log_words,
     .fallback = "info", .allowed = "\"error\", \"warn\", \"info\" or \"debug\""},
};
#define N_SETTINGS (sizeof(settings) / sizeof(settings[0]))
#define LABEL_MAX  FT_SHOWN_MAX /* longer than any row's path */

static const struct ft_setting *find_row(const char *path)
{
	for (size_t i = 0; i < N_SETTINGS; i++)
		if (strcmp(settings[i].path, path) == 0)
			return &settings[i];
	return NULL;
}

/* The name of row inside group ("" is the top), or NULL if it is not a direct child of it. */
static const char *name_in(const struct ft_setting *row, const char *group)
{
	size_t len = strlen(group);

	if (strncmp(row->path, group, len) != 0 || (len > 0 && row->path[len] != '.'))
		return NULL;
	const char *name = row->path + len + (len > 0);
	return strchr(name, '.') ? NULL : name;
}

static void unknown_fault(struct ft_reader *r, const config_setting_t *s, const char *group)
{
	char shown[FT_SHOWN_MAX];
	char known[256] = "";

	for (size_t i = 0; i < N_SETTINGS; i++) {
		const char *name = name_in(&settings[i], group);
		size_t used = strlen(known);
		if (name)
			(void)snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "", name);
	}
	ft_fault(r, ft_where(s), "unknown setting %s%s%s; known %s%s: %s", ft_shown(config_setting_name(s), shown),
	         *group ? " in " : "", group, *group ? "in " : "here", group, known);
}

/* Whether this reader is to look at it at all. */
static bool is_wanted(const struct ft_reader *r, const char *path)
{
	for (const char *const *p = r->only; p && *p; p++)
		if (strcmp(*p, path) == 0)
			return true;
	return !r->only;
}

static void walk(struct ft_reader *r, const config_setting_t *group, const char *path, void *base);

static void apply(struct ft_reader *r, const struct ft_setting *row, const config_setting_t *s, void *base)
{
	void *slot = row->stored ? (char *)base + row->offset : NULL;

	switch (row->type) {
	case FT_GROUP:
		if (config_setting_is_group(s))
			walk(r, s, row->path, base);
		else
			ft_type_fault(r, row, s);
		break;
	case FT_INT:
		ft_judge_int(r, row, s, slot);
		break;
	case FT_BOOL:
		ft_judge_bool(r, row, s, slot);
		break;
	case FT_STRING:
		if (config_setting_type(s) == CONFIG_TYPE_STRING)
			row->text(r, row, ft_where(s), config_setting_get_string(s), slot);
		else
			ft_type_fault(r, row, s);
		break;
	case FT_TREE:
		row->tree(r, row, s, slot);
		break;
	}
}

/* Judges everything that is in the group, in the order of the file. base: the struct that holds its values. */
static void walk(struct ft_reader *r, const config_setting_t *group, const char *path, void *base)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		char full[LABEL_MAX];
		int len = snprintf(full, sizeof(full), "%s%s%s", path, *path ? "." : "", config_setting_name(s));
		const struct ft_setting *row = len < (int)sizeof(full) ? find_row(full) : NULL;
		if (!is_wanted(r, full))
			continue;
		if (row)
			apply(r, row, s, base);
		else
			unknown_fault(r, s, path);
	}
}

static void judge_end(struct ft_reader *r, config_setting_t *link, const char *name, struct sockaddr_storage *out,
                      socklen_t *len)
{
	const config_setting_t *s = config_setting_get_member(link, name);
	const char *text = s ? config_setting_get_string(s) : NULL;
	char shown[FT_SHOWN_MAX];

	if (!s)
		ft_fault(r, ft_where(link), "heartbeat.links: a link has no %s; %s", name, AN_END);
	if (!text)
		return; /* not there, or of another type: told */
	const char *wrong = ft_address_parse(text, out, len);
	if (wrong)
		ft_fault(r, ft_where(s), "heartbeat.links: %s %s %s; %s", name, ft_shown(text, shown), wrong, AN_END);
}

/* Interfaces that are missing have no number yet to tell them apart. */
static bool same_end(const struct sockaddr_storage *a, const char *a_text, const struct sockaddr_storage *b,
                     const char *b_text)
{
	const char *a_interface = strchr(a_text, '%'), *b_interface = strchr(b_text, '%');

	if (a_interface && b_interface && strcmp(a_interface, b_interface) != 0)
		return false;
	return ft_address_equal(a, b);
}

/* What a link must hold within itself and against the links before it. */
static void judge_pairing(struct ft_reader *r, struct ft_where w, const struct ft_link_settings *link)
{
	if (link->local.ss_family != link->peer.ss_family)
		ft_fault(r, w, "heartbeat.links: local %s and peer %s are of two families; both IPv4, or both IPv6",
		         link->local_text, link->peer_text);
	if (same_end(&link->local, link->local_text, &link->peer, link->peer_text))
		ft_fault(r, w, "heartbeat.links: local and peer are both %s; two different addresses",
		         link->local_text);
	for (const struct ft_link_settings *other = r->c->heartbeat.links; other < link; other++)
		if (same_end(&other->local, other->local_text, &link->local, link->local_text))
			ft_fault(r, w,
			         "heartbeat.links: local %s is the same as in an earlier link; one address and port "
			         "for each link",
			         link->local_text);
}

static void judge_link(struct ft_reader *r, const struct ft_setting *row, config_setting_t *s,
                       struct ft_link_settings *link)
{
	int before = r->n_faults;

	if (!config_setting_is_group(s)) {
		ft_fault(r, ft_where(s), "%s has an element that is no group; %s", row->path, row->allowed);
		return;
	}
	walk(r, s, row->path, link);
	judge_end(r, s, "local", &link->local, &link->local_len);
	judge_end(r, s, "peer", &link->peer, &link->peer_len);
	if (r->n_faults == before)
		judge_pairing(r, ft_where(s), link);
}

static void judge_links(struct ft_reader *r, const struct ft_setting *row, const config_setting_t *s, void *slot)
{
	struct ft_link_settings *links = slot;
	int n = config_setting_is_list(s) ? config_setting_length(s) : -1;

	if (n < 0) {
		ft_type_fault(r, row, s);
		return;
	}
	if (n < 1 || n > FT_LINKS_MAX)
		ft_fault(r, ft_where(s), "%s has %d links; %s", row->path, n, row->allowed);
	for (int i = 0; i < n && i < FT_LINKS_MAX; i++)
		judge_link(r, row, config_setting_get_elem(s, (unsigned)i), &links[i]);
	r->c->heartbeat.n_links = n;
}

/* The fallback with PAIR or HOST filled in. */
static void expand(const struct ft_config *c, const char *fallback, char *out, size_t size)
{
	const char *pair = strstr(fallback, "PAIR");

	if (strcmp(fallback, "HOST") == 0) {
		if (gethostname(out, size) != 0)
			out[0] = '\0';
		out[size - 1] = '\0';
	} else if (pair) {
		(void)snprintf(out, size, "%.*s%s%s", (int)(pair - fallback), fallback, c->pair, pair + strlen("PAIR"));
	} else {
		(void)snprintf(out, size, "%s", fallback);
	}
}

static void apply_absent(struct ft_reader *r, const struct ft_setting *row, struct ft_where w, bool group_there)
{
	void *slot = row->stored ? (char *)r->c + row->offset : NULL;
	char text[FT_PATH_MAX];

	if (row->need == FT_ALWAYS || (row->need == FT_IN_GROUP && group_there)) {
		ft_fault(r, w, "%s is missing; %s", row->path, row->allowed);
	} else if (row->type == FT_INT && slot) {
		*(int *)slot = row->number;
	} else if (row->fallback) {
		expand(r->c, row->fallback, text, sizeof(text));
		row->text(r, row, w, text, slot);
	}
}

/* A setting that is not there, unless its group is at fault as a whole. */
static void judge_absence(struct ft_reader *r, const config_t *tree, const struct ft_setting *row)
{
	char group_path[LABEL_MAX];
	const char *dot = strrchr(row->path, '.');
	const config_setting_t *group = NULL;

	if (config_lookup(tree, row->path))
		return;
	if (dot) {
		(void)snprintf(group_path, sizeof(group_path), "%.*s", (int)(dot - row->path), row->path);
		group = config_lookup(tree, group_path);
		if (group && !config_setting_is_group(group))
			return;
	}
	apply_absent(r, row, group ? ft_where(group) : (struct ft_where){NULL, 1}, group != NULL);
}

void ft_settings_apply(struct ft_reader *r, const config_t *tree)
{
	walk(r, config_root_setting(tree), "", r->c);
	for (size_t i = 0; i < N_SETTINGS; i++)
		if (is_wanted(r, settings[i].path))
			judge_absence(r, tree, &settings[i]);
}

/* Places are compared as bytes: each was zero before its value was stored. */
const char *ft_config_fixed_difference(const struct ft_config *old_config, const struct ft_config *new_config)
{
	enum ft_reload least = old_config->arbiter.type == FT_ARBITER_NONE ? FT_FIXED : FT_FIXED_WITH_ARBITER;

	for (size_t i = 0; i < N_SETTINGS; i++) {
		const struct ft_setting *row = &settings[i];
		const char *old_value = (const char *)old_config + row->offset;
		const char *new_value = (const char *)new_config + row->offset;
		if (row->reload >= least && memcmp(old_value, new_value, row->room) != 0)
			return row->path;
	}
	return NULL;
}
