/* realtime = true: this process runs before ordinary ones, and none of its memory is ever fetched from a disk.
 * Knows: Linux's limits.  Must not know: what the process does.
 *
 * A promise that cannot be kept is refused at start.  The host is safe from a fault of ours: a process that runs on the
 * CPU for FT_REALTIME_RUNAWAY_MS without once waiting for anything goes on as an ordinary one, and says so. */
#ifndef FT_BASE_REALTIME_H
#define FT_BASE_REALTIME_H

#include <stdbool.h>
#include <stdio.h>

#define FT_REALTIME_PRIORITY   10 /* SCHED_RR, 1 .. 99 */
#define FT_SENTINEL_PRIORITY   50 /* above ours: it must stop QEMU whatever we are doing */
#define FT_REALTIME_RUNAWAY_MS 500
/* Bytes of stack in reserve: the actions of three steps of the core, one within the other, and what is called there. */
#define FT_REALTIME_STACK (1024L * 1024)

/* SCHED_RR, not inherited by children; all memory, present and future, locked; a reserve of heap and stack.
 * Once, before any child that must be told apart is forked.  0, or -1 after one line to errors that names the limit and
 * what to do. */
int ft_realtime_begin(FILE *errors);
/* Whether it still holds; false after a runaway. */
bool ft_realtime_holds(void);
/* For a process that runs little else than this program's own code: locks that, the C library and the stack; what is
 * touched besides stays in memory from then on.  As far as the limits allow. */
void ft_realtime_lock_own_code(void);

#endif
