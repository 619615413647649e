/* Asking a running ftd over its control socket; see control.h for what goes over it.
 * Knows: a UNIX socket, deadlines.  Must not know: what the verbs mean, how answers are shown. */
#ifndef FT_CTL_CLIENT_H
#define FT_CTL_CLIENT_H

#include "base/types.h"

#include <jansson.h>

#define FT_CLIENT_CONNECT_MS 2000
#define FT_CLIENT_ANSWER_MAX (16u << 20) /* bytes */
#define FT_CLIENT_ERROR_MAX  384

enum ft_asked {
	FT_ASKED_OK = 0,
	FT_ASKED_NO_DAEMON, /* nobody listens there, or who does is silent */
	FT_ASKED_FAULT,     /* not allowed, or the answer makes no sense */
};

/* Sends request (borrowed) and waits for the answer, an object with an integer "code".  With FT_ASKED_OK *answer is a new
 * reference; else error says what happened and what to do, in one line. */
enum ft_asked ft_client_ask(const char *socket_path, const json_t *request, int answer_ms, json_t **answer,
                            char error[FT_CLIENT_ERROR_MAX]);

#endif
