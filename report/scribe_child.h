/* The scribe's child: takes jobs off a socket, one at a time, and puts them on disk.
 * Knows: files, fsync.  Must not know: libevent, deadlines (they are the parent's). */
#ifndef FT_REPORT_SCRIBE_CHILD_H
#define FT_REPORT_SCRIBE_CHILD_H

#include <stdint.h>
#include <stdnoreturn.h>

enum ft_scribe_op { FT_SCRIBE_APPEND, FT_SCRIBE_APPEND_ONCE, FT_SCRIBE_REPLACE };

#define FT_SCRIBE_NAME_MAX 64

/* On the socket: a request, then len bytes of text; the answer is one reply.  Both ends are the same program. */
struct ft_scribe_request {
	enum ft_scribe_op op;
	uint32_t len;
	char name[FT_SCRIBE_NAME_MAX];
};

struct ft_scribe_reply {
	int error;     /* errno, 0: it is on disk */
	char step[16]; /* what failed: "open", "write", ... */
};

/* Never returns.  Keeps only fd (the socket), folder (the state directory) and standard error open; ends when the parent
 * has closed its end or has died. */
noreturn void ft_scribe_child(int fd, int folder);

#endif
