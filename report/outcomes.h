/* state_dir/outcomes.jsonl, read back: for `ftctl last`, and for a daemon that starts again.
 * Knows: the file.  Must not know: who asks. */
#ifndef FT_REPORT_OUTCOMES_H
#define FT_REPORT_OUTCOMES_H

#include "supervisor/types.h"

#include <jansson.h>

/* The newest count outcomes, oldest first: a new array, empty if there is no such file. damaged: lines that are no JSON object,
 * as a crash leaves them, are skipped and counted. NULL with errno if the file is there and cannot be read. */
json_t *ft_outcomes_read(const char *state_dir, size_t count, int *damaged);

/* The session of the newest success, all zero if there is none.  Damaged lines are passed over.  Returns 0, or -1 with errno
 * if the file is there and cannot be read: then nothing is known. */
int ft_outcomes_newest_success(const char *state_dir, uint8_t session[FT_SESSION_BYTES]);

#endif
