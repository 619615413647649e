/* Sees a process die, as early as the kernel shows it.  A libevent shell around process.
 * Knows: libevent, pidfds, /proc.  Must not know: QMP, the peer, what a death leads to.
 *
 * A process that is killed is done for within a fraction of a millisecond: every thread is on its way out, and none runs
 * guest code again.  But the last one first takes the memory down (75 ms a GB), then closes the sockets, then tears down
 * KVM's VM (some ms), and only then its pidfd is readable.  So "dying" is told apart from "dead", and looked for
 * - before every heartbeat, in one read of a file that is kept open;
 * - when one of two threads has exited, where the kernel tells that (Linux 6.9): the other threads do not wait for the one
 *   that takes the memory down, so at least one of two is free to go;
 * - when it is asked for: a socket of the process was closed, it does not answer, the peer says that replication broke. */
#ifndef FT_PROCESS_DEATHWATCH_H
#define FT_PROCESS_DEATHWATCH_H

#include "process/process.h"

struct event_base;
struct ft_timers;
struct ft_deathwatch;

/* dead false: it is dying, told once at most; true: it has died, told once.  From the event loop, or from within the two
 * calls below.  It may free the watch. */
typedef void ft_deathwatch_told(void *arg, bool dead);

/* process (alive, not none) must stay open as long as the watch; base and timers must outlive it. */
struct ft_deathwatch *ft_deathwatch_new(struct event_base *base, struct ft_timers *timers,
                                        const struct ft_process *process, ft_deathwatch_told *told, void *arg);
void ft_deathwatch_free(struct ft_deathwatch *w); /* NULL is fine */

/* Cheap (some us). For every heartbeat. */
void ft_deathwatch_look(struct ft_deathwatch *w);
/* Something points at its death: looks at its threads up to the first that stays, now, every half millisecond for 15 ms and
 * twice later, since a thread may not have run yet since it was killed.  Half a millisecond is what is then lost at most:
 * one more of many, if it is to be known in a few. */
void ft_deathwatch_ask(struct ft_deathwatch *w);

#endif
