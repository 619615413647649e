/* The herald: what a leaving ftd leaves behind, so that the end of its QEMU is told although no ftd is here any more.  A shell.
 * Knows: a process, sockets, two texts of the session file.  Must not know: heartbeats, sessions, libevent.
 *
 * A host that shuts down ends ftd and QEMU in any order.  Once ftd has said goodbye neither side may claim, so the peer would
 * keep its copy and run it never.  The herald waits for QEMU's end.  Then it puts on disk that this side has given up its right
 * (only over what its ftd left there: another ftd may have come since), and sends datagrams that are ready.  It keeps no socket
 * open meanwhile, so the next ftd finds its ports free; it ignores every signal that can be ignored, and ends with QEMU or
 * when the next ftd relieves it. */
#ifndef FT_SUPERVISOR_HERALD_H
#define FT_SUPERVISOR_HERALD_H

#include "config/config.h"
#include "heartbeat/wire.h"
#include "process/process.h"

#define FT_HERALD_ROUNDS 3 /* datagrams on each link, in case one is lost */

struct ft_herald_word {
	int n_links;
	struct ft_link_settings links[FT_LINKS_MAX];
	uint8_t data[FT_LINKS_MAX][FT_HERALD_ROUNDS][FT_WIRE_MAX];
	size_t len[FT_LINKS_MAX][FT_HERALD_ROUNDS];
	const char *found,
	    *resigned; /* the session file's text as it is, and as it is to be; NULL: without an arbiter */
};

/* Forks.  What cannot be done is logged.  The caller leaves now: it gives its sockets up, and writes nothing more to state_dir. */
void ft_herald_leave(const struct ft_herald_word *word, const struct ft_process *qemu, const char *state_dir);

/* Ends the herald that an earlier ftd has left in this state_dir, and waits for its end so long at the most.  Call it before
 * the session is read.  False, after a line in the log: one is still there. */
bool ft_herald_relieve(const char *state_dir, int within_ms);

#endif
