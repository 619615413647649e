/* See outcomes.h. */
#include "report/outcomes.h"

#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

json_t *ft_outcomes_read(const char *state_dir, size_t count, int *damaged)
{
	char path[FT_PATH_MAX + 32];
	snprintf(path, sizeof(path), "%s/outcomes.jsonl", state_dir);
	json_t *newest = json_array();
	*damaged = 0;
	FILE *f = fopen(path, "re");
	if (f == NULL && errno == ENOENT)
		return newest;
	if (f == NULL) {
		json_decref(newest);
		return NULL;
	}
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	while ((len = getline(&line, &size, f)) > 0) {
		json_t *outcome = json_loadb(line, (size_t)len, 0, NULL);
		if (!json_is_object(outcome)) {
			json_decref(outcome);
			++*damaged;
			continue;
		}
		json_array_append_new(newest, outcome);
		if (json_array_size(newest) > count)
			json_array_remove(newest, 0);
	}
	int why = ferror(f) ? errno : 0;
	free(line);
	fclose(f);
	if (why == 0)
		return newest;
	json_decref(newest);
	errno = why;
	return NULL;
}
