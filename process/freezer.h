/* Stops a process and says when it has stopped.
 * Knows: libevent, the process handle.  Must not know: why. */
#ifndef FT_PROCESS_FREEZER_H
#define FT_PROCESS_FREEZER_H

#include "process/process.h"

#define FT_FREEZER_STARVED_NS                                                                                          \
	(100 * FT_NS_PER_MS) /* ten times what the kernel may take to count it (a tick, at 100 Hz) */

struct event_base;
struct ft_freezer;

/* error: NULL when every thread stands still (ft_process_stopped), or waits for a CPU to stop on, else what failed. */
typedef void ft_freezer_done(void *arg, const char *error);

struct ft_freezer *ft_freezer_new(struct event_base *base, ft_freezer_done *done, void *arg);
/* SIGSTOP, then looks every millisecond until the kernel shows every thread stopped, for within_ns at the most.  One that is
 * kept from taking the signal (its cgroup is frozen) stands still, too; so does one that has used no CPU time for
 * FT_FREEZER_STARVED_NS since.
 * done always follows, from the event loop, unless ft_freezer_cancel comes first.  process must outlive the wait. */
void ft_freezer_start(struct ft_freezer *f, const struct ft_process *process, int64_t within_ns);
/* When done says that it failed: whether the process has ended meanwhile, or is on its way out, and will never run again. */
bool ft_freezer_outlived(const struct ft_freezer *f);
void ft_freezer_cancel(struct ft_freezer *f);
void ft_freezer_free(struct ft_freezer *f);

#endif
