/* The control socket: one JSON object a line each way, over a UNIX stream socket.
 * Server side, used by the daemon.  Knows: libevent, sockets, jansson.  Must not know: what the verbs do.
 *
 *   -> {"verb":"status"}            any further keys are the verb's arguments
 *   <- {"code":0,"result":{...}}    code: ftctl's exit code; "error" instead of or beside "result" says why
 *
 * A client may send one request after the other; the next one is looked at when the answer has been taken.
 * Bounded: requests of at most 64 KiB, 32 clients, 10 s of silence before a request, 60 s for an answer, 10 s to take it.
 * 8 places are kept for root and ftd's own user, and no other user has more than 8.
 * A slow or hostile client never delays the loop. */
#ifndef FT_CTL_CONTROL_H
#define FT_CTL_CONTROL_H

#include "config/config.h"

#include <jansson.h>

#define FT_CONTROL_REQUEST_MAX (64u << 10)
#define FT_CONTROL_CLIENTS_MAX 32
#define FT_CONTROL_RESERVED    8
#define FT_CONTROL_EACH_MAX    8

struct event_base;
struct ft_control;
struct ft_call; /* one request waiting for its answer */

/* Must answer every call, now or later, with ft_call_answer; a call whose client has left, whose time was up, or whose
 * ft_control is gone is answered all the same: the answer then goes nowhere. */
typedef void ft_control_verb(void *arg, const char *verb, const json_t *request, struct ft_call *call);

/* Makes the socket's folder if that alone is missing (mode 0755), and binds the socket with mode and group of the config (created private, then opened up; a stale one is replaced, a live one refused).
 * A name that is swept away later (/run emptied by a clean-up) is made anew within seconds; who is connected stays so.
 * NULL after a line to errors. */
struct ft_control *ft_control_new(struct event_base *base, const struct ft_config *config, ft_control_verb *verb,
                                  void *arg, FILE *errors);
/* Other deadlines than those above, from the next wait on; for tests. */
/* How often the name is looked for; for tests. */
void ft_control_look_every(struct ft_control *c, int ms);
void ft_control_deadlines(struct ft_control *c, int request_ms, int answer_ms, int take_ms);
/* result (reference stolen) may be NULL; error may be NULL. Ends the call. */
void ft_call_answer(struct ft_call *call, int code, json_t *result, const char *error);
/* Unanswered calls are answered with code 1 "ftd is leaving" first. The socket's name is removed if it is still ours. NULL is fine. */
void ft_control_free(struct ft_control *c);

#endif
