/* state_dir/outcomes.jsonl, read back: for `ftctl last`, and for a daemon that starts again; and state_dir/announced, the
 * session whose success was told last.
 * Knows: the files.  Must not know: who asks.
 *
 * The writer renames outcomes.jsonl to outcomes.jsonl.1 once it is full (FT_WRITER_FILE_MAX).  They are read from their
 * ends, and no more than the last 2 MiB of each, so that reading takes no time to speak of whatever has become of them. */
#ifndef FT_STORE_OUTCOMES_H
#define FT_STORE_OUTCOMES_H

#include "base/types.h"

#include <jansson.h>

#define FT_OUTCOMES_FILE  "outcomes.jsonl"
#define FT_ANNOUNCED_FILE "announced"
#define FT_ANNOUNCED_MAX  (2 * FT_SESSION_BYTES + 2)

/* The newest count outcomes, oldest first: a new array, empty if there is no such file. damaged: lines that are no JSON object,
 * as a crash leaves them, are skipped and counted, as far back as was looked. NULL with errno if a file is there and cannot be
 * read. */
json_t *ft_outcomes_read(const char *state_dir, size_t count, int *damaged);

/* The session of the newest success, all zero if there is none as far back as is read.  Damaged lines are passed over.
 * Returns 0, or -1 with errno if a file is there and cannot be read: then nothing is known. */
int ft_outcomes_newest_success(const char *state_dir, uint8_t session[FT_SESSION_BYTES]);

/* The session whose success was announced last, all zero if none was; whatever has become of outcomes.jsonl, which people
 * rotate away.  Returns as the above. */
int ft_outcomes_announced(const char *state_dir, uint8_t session[FT_SESSION_BYTES]);
/* What is to stand in that file, line feed included. */
void ft_announced_text(const uint8_t session[FT_SESSION_BYTES], char out[FT_ANNOUNCED_MAX]);

#endif
