/* The sentinel: a tiny child that stops QEMU when the right to run ends, whatever has become of ftd.
 * Parent's side.  Knows: a shared page, a child process, libevent.  Must not know: why a lease is what it is.
 *
 * The child is handed QEMU's pidfd and reads the lease from a page it shares with us.  When the lease is over by
 * ft_clock_now() it sends SIGSTOP, and again every 100 ms while it stays over.  It never thaws: that is decided here, by
 * a later lease first and then SIGCONT.
 *
 * It outlives us: killed, hung or stopped, we cannot stop it from doing its duty.  Alone, it stays until QEMU has died or
 * until the next ftd relieves it.  It ignores every signal that can be ignored, has a session of its own, and leaves our
 * control group for the root one, where nobody freezes it or kills it along with us.  Where it may not (it takes root and the
 * host's own control groups), what stops or kills a whole group does so to both of us: ft_sentinel_apart.
 *
 * With a watchdog device it feeds that once a second, while the lease holds or the guest stands still or is gone.  If the
 * child itself is killed, the host is reset within FT_SENTINEL_WATCHDOG_S, but only if a lease with an end was in force:
 * a guest that may run without limit (a survivor) is not worth a reset.  Until then, and without a watchdog, a guest whose
 * ftd and sentinel were killed in one blow runs on beyond its right; so it does, for moments, after a suspend of the host. */
#ifndef FT_PROCESS_SENTINEL_H
#define FT_PROCESS_SENTINEL_H

#include "process/process.h"

#include <stdio.h>

#define FT_SENTINEL_WATCHDOG_S 3 /* asked of the device; some round it up */

struct event_base;
struct ft_sentinel;

/* From the event loop. */
struct ft_sentinel_callbacks {
	/* The child has sent SIGSTOP to QEMU at the time at; error: 0, or the errno of an attempt that failed and is
	 * repeated.  Once each time a lease ends.  When a lease was renewed at that very moment, QEMU now stands still
	 * under a lease that holds: whoever is told looks, and thaws it.
	 * late: so long after the end of a lease that the child had seen in force, the host's sleep not counted, ns; more than a
	 * few ms mean that it was stopped itself, or starved, and that the guest ran on. */
	void (*froze)(void *arg, int64_t at, int error, int64_t late);
	/* A child that was not, or not known to be, is on guard over the QEMU named last. */
	void (*on_guard)(void *arg);
	/* None is any more: it has died, and none has taken its place yet.  It is tried every second. */
	void (*lost)(void *arg);
};

/* Forks; waits for the child to be ready, one second at the most.  No QEMU is guarded yet and the lease is FT_NEVER.
 * state_dir must exist.  watchdog_device: "" none.  NULL after a line to errors.
 * A child that dies is logged and forked anew, with the same QEMU and lease. */
struct ft_sentinel *ft_sentinel_new(struct event_base *base, const char *state_dir, const char *watchdog_device,
                                    const struct ft_sentinel_callbacks *cb, void *arg, FILE *errors);
/* This QEMU from now on, instead of the last; FT_PROCESS_NONE: none.  Returns 0 once the child is on guard over it, or -1
 * with errno: until on_guard() is told, this guest may not be given a lease.  EINPROGRESS: it has not said so within 5 ms,
 * as it is starved.  A child that does not within 1 s, or cannot, is replaced. */
int ft_sentinel_guard(struct ft_sentinel *s, const struct ft_process *p);
/* Until when QEMU may run; FT_NEVER: no limit.  A later end is one store and no system call, while the one before holds.
 * An earlier one wakes the child: call it before the peer is told anything that rests on it. */
void ft_sentinel_lease(struct ft_sentinel *s, int64_t until);
/* Whether a child is on guard over the QEMU named last (or over none, if that was named). */
bool ft_sentinel_on_guard(const struct ft_sentinel *s);
/* Whether the child's control group is one that cannot be frozen, hence none of ours. */
bool ft_sentinel_apart(const struct ft_sentinel *s);
/* The child's process id, 0 if there is none now.  For logs and tests. */
pid_t ft_sentinel_pid(const struct ft_sentinel *s);
/* Ends the sentinels that earlier ftd have left in this state_dir, and waits for that within_ms for all together; call it
 * once ours is on guard with a lease in force.  Returns how many have ended, or -1 if one is still there, and *stays is its
 * process, not above 0 unknown: then call it again later. */
int ft_sentinel_relieve_predecessors(struct ft_sentinel *s, int within_ms, pid_t *stays);
/* A clean leave: the child ends without touching QEMU.  Frees s.  NULL is fine. */
void ft_sentinel_dismiss(struct ft_sentinel *s);
/* Leaves the child on guard with the lease as it is.  Frees s.  NULL is fine. */
void ft_sentinel_abandon(struct ft_sentinel *s);

#endif
