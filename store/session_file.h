/* state_dir/session: the session as it is on this side's disk, as text and back.
 * Knows: the file's form, JSON, a checksum.  Must not know: how it gets to disk (the writer's work), what a stage leads to.
 *
 * One line of JSON with a checksum at its end.  What is read must be, byte for byte, what would be written: so a file that
 * is torn, damaged or edited is never taken for another session, nor for none. */
#ifndef FT_STORE_SESSION_FILE_H
#define FT_STORE_SESSION_FILE_H

#include "base/types.h"

#define FT_SESSION_FILE           "session"
#define FT_SESSION_FILE_ERROR_MAX 512

/* Returns 0 with *out as it was stored; its stage is FT_SESSION_NONE if there is no such file.  Returns -1 with the stage
 * FT_SESSION_UNKNOWN and error, one line that says why and what to do, if the file cannot be read, is damaged, is of
 * another version, or is another pair's or node's.  Blocks for the disk.  sodium_init() must have been called. */
int ft_session_file_read(const char *state_dir, const char *pair, const char *node, struct ft_session *out,
                         char error[FT_SESSION_FILE_ERROR_MAX]);

/* The file's text, line feed included, for the caller to free.  NULL if it could not be read back: the stage is NONE or
 * UNKNOWN, the role neither primary nor secondary, a winner is missing or too early, the epoch is beyond INT64_MAX; or
 * when out of memory. */
char *ft_session_file_text(const struct ft_session *session, const char *pair, const char *node);

#endif
