/* The sentinel's child: guards one process by one shared page; see sentinel.h.
 * Knows: a page, pidfds, a watchdog device.  Must not know: libevent, heartbeats, sessions.
 * It waits for nothing but its own timer, and touches no disk once it is ready. */
#ifndef FT_PROCESS_SENTINEL_CHILD_H
#define FT_PROCESS_SENTINEL_CHILD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>
#include <sys/types.h>

/* Shared by parent and child. */
struct ft_sentinel_page {
	_Atomic int64_t lease; /* the parent's word; until when the guest may run */
	_Atomic int64_t
	    frozen_at;        /* the child's from here on: its last SIGSTOP that began a freeze; FT_NEVER none yet */
	_Atomic int64_t late; /* that one, after the end of the lease; see sentinel.h */
	_Atomic int freeze_error;   /* errno of a SIGSTOP that failed, 0 */
	_Atomic bool apart;         /* it is in a control group that nobody can freeze */
	_Atomic int watchdog_error; /* errno of opening or feeding the device, 0 */
};

enum ft_sentinel_op { FT_SENTINEL_GUARD, FT_SENTINEL_DISMISS };

/* On the socket (SOCK_SEQPACKET).  GUARD carries the pidfd, if pid is not 0.  The child's first reply has number 0 and says
 * whether it is ready; to DISMISS it answers by exiting. */
struct ft_sentinel_request {
	uint32_t number;
	enum ft_sentinel_op op;
	pid_t pid;
};

struct ft_sentinel_reply {
	uint32_t number;
	int error; /* errno, 0 */
};

struct ft_sentinel_ends {
	int socket;
	int poke;  /* eventfd: look at the page now */
	int told;  /* eventfd: the child has written to the page */
	int slots; /* FT_SENTINEL_FILE */
};

/* Each sentinel of one state directory holds a lock (fcntl) on a byte of its own in this file, so that a successor can
 * ask the kernel who they are: no number in a file that may be stale. */
#define FT_SENTINEL_FILE  "sentinel.lock"
#define FT_SENTINEL_SLOTS 16

/* Never returns.  Everything else of the parent is closed. */
noreturn void ft_sentinel_child(struct ft_sentinel_page *page, const struct ft_sentinel_ends *ends,
                                const char *watchdog_device);

#endif
