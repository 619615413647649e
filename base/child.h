/* Child processes that may hang: each in a process group of its own, its output kept within bounds.
 * Knows: fork, pidfd, libevent.  Must not know: what they do.
 *
 * A process that waits in the kernel for a dead storage does not die when killed.  Such ones are abandoned: their end
 * is reaped when it comes, and while there are FT_CHILDREN_MAX of them, no more are started. */
#ifndef FT_BASE_CHILD_H
#define FT_BASE_CHILD_H

#include "base/types.h"

#include <signal.h>

#define FT_CHILDREN_MAX    8
#define FT_CHILD_KEEPS_MAX 4096 /* of the output, the end of it */
#define FT_CHILD_JOB_MAX   1024

struct event_base;
struct ft_children;
struct ft_child;

/* Runs in the child; must not return.  out: where its output goes.  All other descriptors but standard error are
 * closed, standard input is empty, all signals are as in a new process.  Dies with ftd. */
typedef void ft_child_main(void *arg, int out);
/* It has died, and with it all of its process group.  end: si_code CLD_EXITED with the exit status in si_status, or
 * another with the signal.  output: not ended by a NUL; valid for the call.  The child is gone after this: do not
 * abandon it. */
typedef void ft_child_ended(void *arg, const siginfo_t *end, const char *output, size_t len);

struct ft_children *ft_children_new(struct event_base *base);
/* NULL with a text in error; ended is then not called. main_arg is for the child, arg for ended. */
struct ft_child *ft_child_start(struct ft_children *all, ft_child_main *run, void *main_arg, ft_child_ended *ended,
                                void *arg, char error[FT_TEXT_MAX]);
/* Has one process forked ahead, for ft_child_start_now: what is urgent must not hang on whether a process can be had just
 * then.  Everything that its run() finds by pointers must be in place by now, and stay as it is: the process has its copy.
 * One that is used or dies is replaced, soon, and tried every second if it cannot be had. */
void ft_children_reserve(struct ft_children *all);
/* Whether it is there, or was not asked for. */
bool ft_children_reserved(const struct ft_children *all);
/* As ft_child_start, in the process that was forked ahead if there is one.  run() gets a copy of job, FT_CHILD_JOB_MAX bytes at
 * the most, as its arg. */
struct ft_child *ft_child_start_now(struct ft_children *all, ft_child_main *run, const void *job, size_t len,
                                    ft_child_ended *ended, void *arg, char error[FT_TEXT_MAX]);
/* How many there are, abandoned ones included, and without the one in reserve. */
int ft_children_running(const struct ft_children *all);
/* Kills its group. ended is not called any more. */
void ft_child_abandon(struct ft_child *c);
/* Abandons all, and waits up to 0.2 s for their end. */
void ft_children_free(struct ft_children *all);

#endif
