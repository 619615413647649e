/* See session_file.h. */
#include "store/session_file.h"

#include "base/file.h"
#include "base/types.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERSION        1
#define SIZE_MAX_READ  4096 /* several times what we write */
#define CHECKSUM_BYTES 32
#define ID_HEX         (2 * FT_SESSION_BYTES)

/* What a fault means for the person who finds it; the register at the arbiter knows more than this file. */
#define WHAT_TO_DO                                                                                                     \
	"the session in it is unknown; ftd asks its peer, and lets no primary run until it knows; if no pair of this " \
	"name is running anywhere, remove the file"

static bool paired(enum ft_role r)
{
	return r == FT_ROLE_PRIMARY || r == FT_ROLE_SECONDARY;
}

/* No session, or one that could not be read: written for what was given beside it, and once that is over. */
static bool valid_beside(const struct ft_session *s)
{
	return s->stage <= FT_SESSION_UNKNOWN && s->title == FT_TITLE_REGISTER && s->role == FT_ROLE_NONE &&
	       s->instance == 0 && s->peer[0] != '\0' && s->winner[0] == '\0';
}

static bool valid_session(const struct ft_session *s)
{
	bool ended = s->stage == FT_SESSION_ENDED;
	bool known = s->stage > FT_SESSION_UNKNOWN && s->stage < FT_SESSION_STAGE_COUNT;
	return known && s->title < FT_TITLE_COUNT && (ended || s->title == FT_TITLE_REGISTER) && paired(s->role) &&
	       s->peer[0] != '\0' && ended == (s->winner[0] != '\0');
}

static bool valid(const struct ft_session *s)
{
	bool given = s->yielded ? paired(s->yielded_as) : s->yielded_as == FT_ROLE_NONE;
	return (valid_session(s) || valid_beside(s)) && given && s->epoch <= INT64_MAX;
}

/* {"version":1,...} without the checksum. A new reference. */
static json_t *body(const struct ft_session *s, const char *pair, const char *node)
{
	char id[ID_HEX + 1], instance[17], yielded[17];
	sodium_bin2hex(id, sizeof(id), s->id, sizeof(s->id));
	snprintf(instance, sizeof(instance), "%016llx", (unsigned long long)s->instance);
	snprintf(yielded, sizeof(yielded), "%016llx", (unsigned long long)s->yielded);
	json_t *window = s->window_ms ? json_integer(s->window_ms) : NULL;
	json_t *bad = s->disk_bad ? json_true() : NULL;
	json_t *stayed = s->stayed && s->stage == FT_SESSION_RESIGNED ? json_true() : NULL;
	json_t *given = s->given_before && s->stage == FT_SESSION_ENDED ? json_true() : NULL;
	json_t *given_to = s->yielded ? json_string(yielded) : NULL;
	json_t *given_as = s->yielded ? json_string(ft_role_name(s->yielded_as)) : NULL;
	return json_pack("{s:i, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:o*, s:o*, s:o*, s:o*, s:o*, s:o*, s:s, s:s}",
	                 "version", VERSION, "pair", pair, "node", node, "stage",
	                 s->title ? ft_title_name(s->title) : ft_session_stage_name(s->stage), "session", id, "epoch",
	                 (json_int_t)s->epoch, "role", ft_role_name(s->role), "instance", instance, "window_ms", window,
	                 "disk_bad", bad, "stayed", stayed, "given_before", given, "yielded", given_to, "yielded_as",
	                 given_as, "peer", s->peer, "winner", s->winner);
}

static char *seal(json_t *object)
{
	uint8_t sum[CHECKSUM_BYTES];
	char hex[2 * CHECKSUM_BYTES + 1], *line = NULL;
	char *text = json_dumps(object, JSON_COMPACT);
	if (!text)
		return NULL;
	crypto_generichash(sum, sizeof(sum), (const unsigned char *)text, strlen(text), NULL, 0);
	free(text);
	sodium_bin2hex(hex, sizeof(hex), sum, sizeof(sum));
	json_object_set_new(object, "checksum", json_string(hex));
	text = json_dumps(object, JSON_COMPACT);
	bool whole = text && asprintf(&line, "%s\n", text) >= 0;
	free(text);
	return whole ? line : NULL;
}

char *ft_session_file_text(const struct ft_session *session, const char *pair, const char *node)
{
	if (!valid(session))
		return NULL;
	json_t *object = body(session, pair, node);
	char *text = object ? seal(object) : NULL;
	json_decref(object);
	return text;
}

/* ---- reading ---- */

static bool name_from(const char *text, char out[FT_NAME_MAX])
{
	if (strlen(text) >= FT_NAME_MAX)
		return false;
	snprintf(out, FT_NAME_MAX, "%s", text);
	return true;
}

static bool hex_from(const char *text, void *out, size_t size)
{
	size_t n = 0;
	return strlen(text) == 2 * size && sodium_hex2bin(out, size, text, 2 * size, NULL, &n, NULL) == 0 && n == size;
}

static bool number_from(const char *text, uint64_t *out)
{
	uint8_t number[8];
	if (!hex_from(text, number, sizeof(number)))
		return false;
	for (size_t i = 0; i < sizeof(number); i++)
		*out = *out << 8 | number[i];
	return true;
}

static enum ft_title title_from(const char *stage)
{
	for (enum ft_title t = FT_TITLE_REGISTER; t < FT_TITLE_COUNT; t++)
		if (strcmp(stage, ft_title_name(t)) == 0)
			return t;
	return FT_TITLE_REGISTER;
}

/* A word of a title's is "ended", and says how. */
static enum ft_session_stage stage_from(const char *name)
{
	if (title_from(name) != FT_TITLE_REGISTER)
		return FT_SESSION_ENDED;
	for (enum ft_session_stage s = FT_SESSION_NONE; s < FT_SESSION_STAGE_COUNT; s++)
		if (strcmp(name, ft_session_stage_name(s)) == 0)
			return s;
	return FT_SESSION_UNKNOWN;
}

static enum ft_role role_from(const char *name)
{
	for (enum ft_role r = FT_ROLE_PRIMARY; r <= FT_ROLE_SECONDARY; r++)
		if (strcmp(name, ft_role_name(r)) == 0)
			return r;
	return FT_ROLE_NONE;
}

/* The session in object, whose checksum nobody has looked at yet. Returns NULL, or what is wrong. */
static const char *unpack(json_t *object, struct ft_session *out, const char **pair, const char **node)
{
	const char *stage, *id, *role, *instance, *peer, *winner, *sum, *yielded = NULL, *yielded_as = "none";
	json_int_t version = 0, epoch, window = 0; /* not there: of an ftd that did not write it */
	uint64_t ours = 0, given_ours = 0;
	int bad = 0, stayed = 0, given = 0;
	if (json_unpack(object, "{s:I}", "version", &version) == 0 && version != VERSION)
		return "it is of another version of ftd";
	if (json_unpack_ex(object, NULL, JSON_STRICT,
	                   "{s:I, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s?I, s?b, s?b, s?b, s?s, s?s, s:s, s:s, s:s}",
	                   "version", &version, "pair", pair, "node", node, "stage", &stage, "session", &id, "epoch",
	                   &epoch, "role", &role, "instance", &instance, "window_ms", &window, "disk_bad", &bad,
	                   "stayed", &stayed, "given_before", &given, "yielded", &yielded, "yielded_as", &yielded_as,
	                   "peer", &peer, "winner", &winner, "checksum", &sum) != 0)
		return "it is not whole";
	if (epoch < 0 || window < 0 || window > UINT32_MAX || !hex_from(id, out->id, sizeof(out->id)) ||
	    !number_from(instance, &ours) || (yielded && !number_from(yielded, &given_ours)) ||
	    !name_from(peer, out->peer) || !name_from(winner, out->winner))
		return "it is damaged";
	out->stage = stage_from(stage);
	out->title = title_from(stage);
	out->role = role_from(role);
	out->epoch = (uint64_t)epoch;
	out->window_ms = (uint32_t)window;
	out->disk_bad = bad;
	out->stayed = stayed;
	out->given_before = given;
	out->instance = ours;
	out->yielded = given_ours;
	out->yielded_as = role_from(yielded_as);
	return NULL;
}

/* Returns NULL, or what is wrong. */
static const char *parse(const char *text, size_t len, const char *pair, const char *node, struct ft_session *out)
{
	const char *its_pair = "", *its_node = "";
	json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const char *fault = object ? unpack(object, out, &its_pair, &its_node) : "it is not whole";
	char *expected = fault ? NULL : ft_session_file_text(out, its_pair, its_node);
	if (!fault && (!expected || strlen(expected) != len || memcmp(expected, text, len) != 0))
		fault = "it is damaged";
	else if (!fault && strcmp(its_pair, pair) != 0)
		fault = "it is another pair's";
	else if (!fault && strcmp(its_node, node) != 0)
		fault = "it is another node's";
	free(expected);
	json_decref(object);
	return fault;
}

/* Returns the number of bytes, or -1 with errno. */
static ssize_t read_whole(const char *path, char *text, size_t size)
{
	int fd = ft_file_openat(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0);
	size_t len = 0;
	ssize_t n = fd < 0 ? -1 : 1;
	while (n > 0 && len < size) {
		n = read(fd, text + len, size - len);
		len += n > 0 ? (size_t)n : 0;
	}
	int why = errno;
	if (fd >= 0)
		close(fd);
	errno = why;
	return n < 0 ? -1 : (ssize_t)len;
}

int ft_session_file_read(const char *state_dir, const char *pair, const char *node, struct ft_session *out,
                         char error[FT_SESSION_FILE_ERROR_MAX])
{
	char path[FT_PATH_MAX + sizeof(FT_SESSION_FILE)], text[SIZE_MAX_READ];
	*out = (struct ft_session){.stage = FT_SESSION_NONE};
	error[0] = '\0';
	snprintf(path, sizeof(path), "%s/%s", state_dir, FT_SESSION_FILE);
	ssize_t len = read_whole(path, text, sizeof(text));
	if (len < 0 && errno == ENOENT)
		return 0;
	const char *fault = len < 0 ? ft_file_error(errno) : parse(text, (size_t)len, pair, node, out);
	if (!fault)
		return 0;
	*out = (struct ft_session){.stage = FT_SESSION_UNKNOWN};
	snprintf(error, FT_SESSION_FILE_ERROR_MAX, "%s: %s; " WHAT_TO_DO, path, fault);
	return -1;
}
