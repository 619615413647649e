/* POST of a JSON text, or GET, over HTTP or HTTPS, asynchronous: libcurl's multi interface on the event loop.
 * Knows: libcurl, libevent.  Must not know: what is asked.
 *
 * Follows no redirects, heeds no proxy of the environment, takes answers of at most FT_HTTP_BODY_MAX.
 * A name that is slow to resolve holds nobody up: libcurl must be built with a resolver that does not block. */
#ifndef FT_ARBITER_HTTP_H
#define FT_ARBITER_HTTP_H

#include "arbiter/settings.h"

#include <stdio.h>

#define FT_HTTP_BODY_MAX 65536

struct event_base;
struct ft_http;
struct ft_http_call;

struct ft_http_answer {
	long status;      /* HTTP's; 0 when there was no answer */
	const char *body; /* not ended by a NUL */
	size_t len;
	const char *error; /* why there was no whole answer; NULL if there was */
};

/* Always from the event loop, within the call's timeout. The answer is valid for the call only. */
typedef void ft_http_done(void *arg, const struct ft_http_answer *answer);

/* Of settings: ca_file, cert_file, cert_key_file, which must outlive it. NULL after a line to errors. */
struct ft_http *ft_http_new(struct event_base *base, const struct ft_arbiter_settings *settings, FILE *errors);
/* token: for the header Authorization; NULL or "": none. body and token are copied. timeout_ms: above 0. */
struct ft_http_call *ft_http_post(struct ft_http *h, const char *url, const char *token, const char *body,
                                  int timeout_ms, ft_http_done *done, void *arg);
struct ft_http_call *ft_http_get(struct ft_http *h, const char *url, const char *token, int timeout_ms,
                                 ft_http_done *done, void *arg);
/* done is not called. What was sent may be carried out all the same. */
void ft_http_cancel(struct ft_http_call *call);
void ft_http_free(struct ft_http *h); /* all calls are done or cancelled by then; NULL is fine */

#endif
