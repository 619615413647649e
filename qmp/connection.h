/* One QMP connection, kept up: connect, greeting, capabilities, requests with ids and deadlines, reconnect with backoff.
 * Knows: libevent, UNIX sockets, QMP's envelope.  Must not know: what is asked, or why.
 *
 * A request that is not answered in time (the reply timeout, and what ft_conn_allow adds to it) makes the connection "overdue" and nothing else: the answer may still come and is
 * matched by its id.  After FT_CONN_PATIENCE times that long, and at least FT_CONN_PATIENCE_MIN, the connection is
 * closed and opened anew. */
#ifndef FT_QMP_CONNECTION_H
#define FT_QMP_CONNECTION_H

#include "base/types.h"

#include <jansson.h>
#include <sys/types.h>

#define FT_CONN_PATIENCE     10 /* reply timeouts until a silent connection is given up */
#define FT_CONN_PATIENCE_MIN (10000 * FT_NS_PER_MS)
#define FT_CONN_REQUESTS     8 /* outstanding at most; QEMU reads no further ahead either */

struct event_base;
struct ft_timers;
struct ft_conn;

enum ft_conn_fault {
	FT_CONN_NOBODY, /* no socket, or nobody listens on it */
	FT_CONN_BUSY,   /* somebody may listen: no greeting, a full backlog, no permission, a broken conversation */
};

/* From the event loop.  None of them may free the connection; all else is allowed. */
struct ft_conn_callbacks {
	/* The socket is connected; nothing has been heard yet. */
	void (*connected)(void *arg, int fd, int64_t now);
	/* Capabilities are negotiated. greeting: the "QMP" object. */
	void (*up)(void *arg, const json_t *greeting, int64_t now);
	/* It could not be opened, or is no longer open. Told every time. Requests outstanding have been answered with NULL. */
	void (*down)(void *arg, enum ft_conn_fault fault, const char *why, int64_t now);
	void (*event)(void *arg, const char *name, const json_t *data, int64_t now); /* data may be NULL */
	/* The answer to a text sent by ft_conn_send, by its string id. */
	void (*answer)(void *arg, const char *id, const json_t *reply, int64_t now);
	/* Became overdue (command has not been answered for waited ns), or no longer is (command NULL). */
	void (*overdue)(void *arg, const char *command, int64_t waited, int64_t now);
};

/* The parsed reply object ("return" or "error"), or NULL: the connection is gone. tag: as given with the request. */
typedef void ft_conn_reply(void *arg, int tag, const json_t *reply, int64_t now);

/* want_oob: enable out-of-band execution where QEMU offers it, and send every request that way.
 * label: for the log, not copied. path and callbacks are copied. Opens at once, from the event loop. */
struct ft_conn *ft_conn_new(struct event_base *base, struct ft_timers *timers, const char *label, const char *path,
                            bool want_oob, int64_t reply_timeout, const struct ft_conn_callbacks *cb, void *arg);
void ft_conn_free(struct ft_conn *c); /* without callbacks; NULL is fine */

/* Another socket is opened in place of the present one, as by ft_conn_reopen, and true returned; the same one stays. */
bool ft_conn_reconfigure(struct ft_conn *c, const char *path, int64_t reply_timeout);
/* Closes without a callback (requests outstanding are answered with NULL) and opens anew from the event loop, at once. */
void ft_conn_reopen(struct ft_conn *c);
/* Reads what has come in by now.  For a caller about to judge a silence because a timer of its own fired: after a stall of
 * ours that timer may be served before the socket is. */
void ft_conn_catch_up(struct ft_conn *c);
/* From now on an answer may take so much longer, in ns, than the reply timeout; 0: no longer. */
void ft_conn_allow(struct ft_conn *c, int64_t allowed);
/* Every wait begins now: we did not run, or did not want an answer. */
void ft_conn_begin_anew(struct ft_conn *c);
/* While held, no deadline counts; afterwards each begins anew. Our own freeze of QEMU, or a plan that has its own deadlines. */
void ft_conn_hold(struct ft_conn *c, bool held);

bool ft_conn_is_up(const struct ft_conn *c);
bool ft_conn_has_oob(const struct ft_conn *c); /* up, and out-of-band execution is enabled */
bool ft_conn_is_overdue(const struct ft_conn *c);
pid_t ft_conn_listener(const struct ft_conn *c); /* who called listen(), 0 unknown or not connected */
/* Whether that process, and no other, has written all that has come over this connection.  Where it is not the one that called
 * listen(), that one was root, or is the same user's: nobody makes another user's process speak for him.
 * As of now: the number may be another process's by the time that somebody looks what it is of. */
bool ft_conn_is_from(const struct ft_conn *c, pid_t pid);
/* Since when the oldest outstanding request waits, FT_NEVER if none does. Begins anew after a hold and after a stall of our own. */
int64_t ft_conn_waiting_since(const struct ft_conn *c);
int ft_conn_outstanding(const struct ft_conn *c);

/* arguments: borrowed, may be NULL. False if the connection is not up or FT_CONN_REQUESTS are outstanding: reply is not called. */
bool ft_conn_request(struct ft_conn *c, const char *command, const json_t *arguments, ft_conn_reply *reply, void *arg,
                     int tag);
/* The same where the answer is a list that may be large, FT_FRAME_MAX at the most.  All else that QEMU says ends at
 * FT_FRAME_SMALL, since it costs time to parse: what is larger is skipped. */
bool ft_conn_request_list(struct ft_conn *c, const char *command, const json_t *arguments, ft_conn_reply *reply,
                          void *arg, int tag);
/* The same, and passes file along.  False, too, while earlier requests are still to be written.  file must stay open until
 * reply is called. */
bool ft_conn_request_with(struct ft_conn *c, const char *command, const json_t *arguments, int file,
                          ft_conn_reply *reply, void *arg, int tag);
/* A ready-made request with a string id and no line feed; allocates nothing. False if the connection is not up or its
 * output is full. The answer comes through answer(), without a deadline. */
bool ft_conn_send(struct ft_conn *c, const char *text, size_t len);

#endif
