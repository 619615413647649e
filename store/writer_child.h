/* The writer's child: takes jobs off a socket, one at a time, and puts them on disk.
 * Knows: files, fsync.  Must not know: libevent, deadlines (they are the parent's). */
#ifndef FT_STORE_WRITER_CHILD_H
#define FT_STORE_WRITER_CHILD_H

#include <stdint.h>
#include <stdnoreturn.h>

enum ft_writer_op { FT_WRITER_APPEND, FT_WRITER_APPEND_ONCE, FT_WRITER_REPLACE };

#define FT_WRITER_NAME_MAX 64

/* On the socket: a request, then len bytes of text; the answer is one reply.  Both ends are the same program. */
struct ft_writer_request {
	enum ft_writer_op op;
	uint32_t len;
	char name[FT_WRITER_NAME_MAX];
};

struct ft_writer_reply {
	int error;     /* errno, 0: it is on disk */
	char step[16]; /* what failed: "open", "write", ... */
};

/* Never returns.  Keeps only fd (the socket), folder (the state directory) and standard error open; ends when the parent
 * has closed its end or has died. */
noreturn void ft_writer_child(int fd, int folder);

#endif
