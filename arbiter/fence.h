/* Runs of a fence agent, the program that powers the other host off.  The interface of the fence-agents project:
 * options as name=value lines on standard input, action=off; exit status 0 alone means that it is done.
 * Knows: the agent's path and options.  Must not know: why the other host is to be fenced.
 *
 * What cannot be seen from here: an agent that exits with 0 and has powered off nothing, or another host than meant. */
#ifndef FT_ARBITER_FENCE_H
#define FT_ARBITER_FENCE_H

#include "arbiter/settings.h"

#include <stdio.h>

struct event_base;
struct ft_fence;

#define FT_FENCE_IS_OFF   "the fence agent says that the other host is off"
#define FT_FENCE_IN_DOUBT "; whether the other host is off is not known"

enum ft_fence_action { FT_FENCE_OFF, FT_FENCE_STATUS };

/* The end of a run, always from the event loop, never from inside ft_fence_run.
 * fault: "" if the agent exited with 0, else what happened, with the last line of the agent's output.
 * last_line: of its output, "" none.  Both valid for the call only. */
typedef void ft_fence_done(void *arg, const char *fault, const char *last_line);

/* settings are copied. NULL after a line a fault to errors. */
struct ft_fence *ft_fence_new(struct event_base *base, const struct ft_fence_settings *settings, FILE *errors);
/* The process for a run is forked ahead from now on; see child.h.  A run of STATUS takes another. */
void ft_fence_reserve(struct ft_fence *f);
bool ft_fence_reserved(const struct ft_fence *f);
/* One run at a time (assert).  OFF waits for delay_ms first.  The agent then has timeout_ms; a late one is killed with
 * its whole process group, and that is a failure.  The environment of the agent is PATH and LC_ALL=C alone. */
void ft_fence_run(struct ft_fence *f, enum ft_fence_action action, ft_fence_done *done, void *arg);
/* Of a STATUS run that has ended: whether the power switch was reached; *off: the agent says that the other host is off. */
bool ft_fence_reached(const char *fault, const char *last_line, bool *off);
/* Ends a run; done is not called.  The other host may be off all the same.  Nothing happens when nothing runs. */
void ft_fence_cancel(struct ft_fence *f);
void ft_fence_free(struct ft_fence *f); /* cancels; NULL is fine */

#endif
