/* See outcomes.h. */
#include "store/outcomes.h"

#include "base/file.h"
#include "base/types.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of each file, from its end: more than ftd's own rotation leaves, and soon read whatever somebody has made of it. */
#define TAIL_MAX (2u << 20)

#define ID_HEX ((size_t)2 * FT_SESSION_BYTES)

struct tail {
	char *text; /* owned; NULL: there is nothing */
	size_t len;
	ino_t inode;
};

/* Returns 0 (no file is an empty one), or -1 with errno. */
static int read_tail(int fd, struct tail *t)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return -1;
	size_t most = (size_t)st.st_size < TAIL_MAX ? (size_t)st.st_size : TAIL_MAX;
	off_t from = st.st_size - (off_t)most;
	ssize_t n = -1;
	t->inode = st.st_ino;
	t->text = malloc(most + 1);
	if (t->text != NULL)
		n = pread(fd, t->text, most, from);
	if (n < 0)
		return -1;
	t->len = (size_t)n;
	if (from == 0)
		return 0;
	const char *whole = memchr(t->text, '\n', t->len); /* what is before it began earlier */
	size_t cut = whole != NULL ? (size_t)(whole + 1 - t->text) : t->len;
	memmove(t->text, t->text + cut, t->len - cut);
	t->len -= cut;
	return 0;
}

static int open_tail(const char *state_dir, const char *name, struct tail *t)
{
	char path[FT_PATH_MAX + 32];
	*t = (struct tail){0};
	snprintf(path, sizeof(path), "%s/%s", state_dir, name);
	int fd = ft_file_openat(AT_FDCWD, path, O_RDONLY, 0);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	int rc = read_tail(fd, t), why = errno;
	close(fd);
	errno = why;
	return rc;
}

/* Returns whether it wants more. */
typedef bool take_outcome(void *arg, json_t *outcome);

/* From the last line to the first. Returns whether more is wanted. */
static bool each_line(const struct tail *t, int *damaged, take_outcome *take, void *arg)
{
	const char *end = t->text + t->len;
	if (t->len > 0 && end[-1] == '\n')
		end--;
	for (bool more = true; more && t->len > 0;) {
		const char *feed = memrchr(t->text, '\n', (size_t)(end - t->text));
		const char *line = feed != NULL ? feed + 1 : t->text;
		json_t *outcome = json_loadb(line, (size_t)(end - line), 0, NULL);
		if (json_is_object(outcome))
			more = take(arg, outcome);
		else
			++*damaged;
		json_decref(outcome);
		if (feed == NULL || !more)
			return more;
		end = feed;
	}
	return true;
}

/* Hands the outcomes over, newest first, as long as they are wanted and as far back as is read; counts the lines that are
 * none.  Returns 0, or -1 with errno. */
static int each_outcome(const char *state_dir, int *damaged, take_outcome *take, void *arg)
{
	struct tail newer, older = {0};
	*damaged = 0;
	int rc = open_tail(state_dir, FT_OUTCOMES_FILE, &newer);
	bool more = rc == 0 && each_line(&newer, damaged, take, arg);
	if (more)
		rc = open_tail(state_dir, FT_OUTCOMES_FILE ".1", &older);
	/* Unless the first was renamed to the second just now. */
	if (more && rc == 0 && older.inode != newer.inode)
		each_line(&older, damaged, take, arg);
	int why = errno;
	free(newer.text);
	free(older.text);
	errno = why;
	return rc;
}

struct newest {
	json_t *outcomes;
	size_t count;
};

static bool keep_newest(void *arg, json_t *outcome)
{
	const struct newest *n = arg;
	json_array_insert(n->outcomes, 0, outcome);
	return json_array_size(n->outcomes) < n->count;
}

json_t *ft_outcomes_read(const char *state_dir, size_t count, int *damaged)
{
	struct newest n = {.outcomes = json_array(), .count = count};
	if (each_outcome(state_dir, damaged, keep_newest, &n) == 0)
		return n.outcomes;
	int why = errno;
	json_decref(n.outcomes);
	errno = why;
	return NULL;
}

static bool session_from(const char *hex, size_t len, uint8_t session[FT_SESSION_BYTES])
{
	uint8_t id[FT_SESSION_BYTES];
	size_t n = 0;
	if (len != ID_HEX || sodium_hex2bin(id, sizeof(id), hex, len, NULL, &n, NULL) != 0 || n != sizeof(id))
		return false;
	memcpy(session, id, sizeof(id));
	return true;
}

static bool keep_success(void *arg, json_t *outcome)
{
	const char *result = json_string_value(json_object_get(outcome, "result"));
	const char *hex = json_string_value(json_object_get(outcome, "session"));
	if (result == NULL || strcmp(result, ft_result_name(FT_SUCCESS)) != 0 || hex == NULL)
		return true;
	return !session_from(hex, strlen(hex), arg);
}

int ft_outcomes_newest_success(const char *state_dir, uint8_t session[FT_SESSION_BYTES])
{
	int damaged;
	memset(session, 0, FT_SESSION_BYTES);
	return each_outcome(state_dir, &damaged, keep_success, session);
}

int ft_outcomes_announced(const char *state_dir, uint8_t session[FT_SESSION_BYTES])
{
	struct tail t;
	memset(session, 0, FT_SESSION_BYTES);
	int rc = open_tail(state_dir, FT_ANNOUNCED_FILE, &t), why = errno;
	/* Another length: somebody has written there; it says nothing. */
	if (rc == 0 && t.len == ID_HEX + 1 && t.text[ID_HEX] == '\n')
		session_from(t.text, ID_HEX, session);
	free(t.text);
	errno = why;
	return rc;
}

void ft_announced_text(const uint8_t session[FT_SESSION_BYTES], char out[FT_ANNOUNCED_MAX])
{
	sodium_bin2hex(out, ID_HEX + 1, session, FT_SESSION_BYTES);
	memcpy(out + ID_HEX, "\n", 2);
}
