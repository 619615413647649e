/* A child process that writes to disk, so that a disk that hangs never stops a heartbeat.
 * Knows: files, fsync, a socketpair to its parent, libevent on the parent's side.  Must not know: what it writes.
 * Forked at start, holds the state directory open.  Jobs are done one at a time, in order; each has a deadline on the parent's side.
 *
 * A job whose deadline passed while it waited is never done.  One that was already begun may still reach the disk later, but
 * before any later job: so whoever writes the same file again has the last word. */
#ifndef FT_STORE_WRITER_H
#define FT_STORE_WRITER_H

#include "base/types.h"

#include <stdio.h>
#include <sys/types.h>

#define FT_WRITER_TEXT_MAX (1u << 20) /* bytes of one job; a longer one fails */
#define FT_WRITER_FILE_MAX (2u << 20) /* bytes of a file that is appended to: a longer one makes room first */
#define FT_WRITER_JOBS_MAX 256        /* waiting at once; further ones fail */

struct event_base;
struct ft_writer;

/* error: "" when it is on disk (written and flushed), else what failed. Always called, from the event loop, within deadline_ms
 * (or from ft_writer_free, if that comes first). Never from inside append or replace. */
typedef void ft_writer_done(void *arg, const char *error);

/* Forks. state_dir must exist. NULL after a line to errors.
 * If the child dies it is forked anew, and what was outstanding fails with a clear text. */
struct ft_writer *ft_writer_new(struct event_base *base, const char *state_dir, FILE *errors);
/* Appends text and a line feed to state_dir/name and flushes it (fsync; of the folder too when the file is new). A torn last line of an earlier crash is ended first.
 * A file that would become longer than FT_WRITER_FILE_MAX is renamed to name.1 first, in place of the one before.
 * name: a plain file name of at most 63 bytes. text is copied. done may be NULL: then a failure is logged. */
void ft_writer_append(struct ft_writer *s, const char *name, const char *text, size_t len, int deadline_ms,
                      ft_writer_done *done, void *arg);
/* The same for a text whose append has failed: if it is among the last lines all the same, it is only flushed.  An append that
 * was late, or whose child died, may have come through. */
void ft_writer_append_once(struct ft_writer *s, const char *name, const char *text, size_t len, int deadline_ms,
                           ft_writer_done *done, void *arg);
/* Replaces state_dir/name as a whole: write to a temporary file, fsync, rename, fsync of the folder. */
void ft_writer_replace(struct ft_writer *s, const char *name, const char *text, size_t len, int deadline_ms,
                       ft_writer_done *done, void *arg);
/* The child's process id, 0 if there is none now. For logs and tests. */
pid_t ft_writer_pid(const struct ft_writer *s);
/* Waits for what is outstanding, at most for wait_ms, then ends the child. What is left then fails, and
 * a job queued from such a done() is only logged. NULL is fine. */
void ft_writer_free(struct ft_writer *s, int wait_ms);

#endif
