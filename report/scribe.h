/* A child process that writes to disk, so that a disk that hangs never stops a heartbeat.
 * Knows: files, fsync, a socketpair to its parent, libevent on the parent's side.  Must not know: what it writes.
 * Forked at start, holds the state directory open.  Jobs are done one at a time, in order; each has a deadline on the parent's side. */
#ifndef FT_REPORT_SCRIBE_H
#define FT_REPORT_SCRIBE_H

#include "config/config.h"

struct event_base;
struct ft_scribe;

/* error: "" when it is on disk (written and flushed), else what failed. Always called, from the event loop, within deadline_ms. */
typedef void ft_scribe_done(void *arg, const char *error);

/* Forks. state_dir must exist. NULL after a line to errors.
 * If the child dies it is forked anew, and what was outstanding fails with a clear text. */
struct ft_scribe *ft_scribe_new(struct event_base *base, const char *state_dir, FILE *errors);
/* Appends text and a line feed to state_dir/name and flushes it (fsync; of the folder too when the file is new). A torn last line of an earlier crash is ended first.
 * name: a plain file name. done may be NULL. */
void ft_scribe_append(struct ft_scribe *s, const char *name, const char *text, size_t len, int deadline_ms,
                      ft_scribe_done *done, void *arg);
/* Replaces state_dir/name as a whole: write to a temporary file, fsync, rename, fsync of the folder. */
void ft_scribe_replace(struct ft_scribe *s, const char *name, const char *text, size_t len, int deadline_ms,
                       ft_scribe_done *done, void *arg);
/* Waits for what is outstanding, at most for wait_ms, then ends the child. */
void ft_scribe_free(struct ft_scribe *s, int wait_ms);

#endif
