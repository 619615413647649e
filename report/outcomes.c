/* See outcomes.h. */
#include "report/outcomes.h"

#include "config/config.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Hands each outcome over, oldest first, and counts the lines that are none.  No file is an empty one.  Returns 0, or -1
 * with errno. */
static int each_outcome(const char *state_dir, int *damaged, void (*take)(void *arg, json_t *outcome), void *arg)
{
	char path[FT_PATH_MAX + 32];
	snprintf(path, sizeof(path), "%s/outcomes.jsonl", state_dir);
	*damaged = 0;
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return errno == ENOENT ? 0 : -1;
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	while ((len = getline(&line, &size, f)) > 0) {
		json_t *outcome = json_loadb(line, (size_t)len, 0, NULL);
		if (json_is_object(outcome))
			take(arg, outcome);
		else
			++*damaged;
		json_decref(outcome);
	}
	int why = ferror(f) ? errno : 0;
	free(line);
	fclose(f);
	errno = why;
	return why == 0 ? 0 : -1;
}

struct newest {
	json_t *outcomes;
	size_t count;
};

static void keep_newest(void *arg, json_t *outcome)
{
	const struct newest *n = arg;
	json_array_append(n->outcomes, outcome);
	if (json_array_size(n->outcomes) > n->count)
		json_array_remove(n->outcomes, 0);
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

static void keep_success(void *arg, json_t *outcome)
{
	uint8_t id[FT_SESSION_BYTES];
	size_t n = 0;
	const char *result = json_string_value(json_object_get(outcome, "result"));
	const char *hex = json_string_value(json_object_get(outcome, "session"));
	if (result == NULL || strcmp(result, ft_result_name(FT_SUCCESS)) != 0 || hex == NULL)
		return;
	if (sodium_hex2bin(id, sizeof(id), hex, strlen(hex), NULL, &n, NULL) == 0 && n == sizeof(id))
		memcpy(arg, id, sizeof(id));
}

int ft_outcomes_newest_success(const char *state_dir, uint8_t session[FT_SESSION_BYTES])
{
	int damaged;
	memset(session, 0, FT_SESSION_BYTES);
	return each_outcome(state_dir, &damaged, keep_success, session);
}
