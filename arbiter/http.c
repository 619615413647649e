/* See http.h.
 *
 * libcurl says which sockets it waits for and how long (socket_wanted, timer_wanted); the event loop tells it what has
 * happened (on_socket, on_timer); finished transfers are then collected. */
#include "arbiter/http.h"

#include "arbiter/curl.h"

#include <assert.h>
#include <event2/event.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct ft_http {
	struct event_base *base;
	const struct ft_arbiter_settings *settings;
	struct ft_curl curl;
	CURLM *multi;
	struct event *timer;
};

struct ft_http_call {
	struct ft_http *http;
	CURL *easy;
	struct curl_slist *headers;
	ft_http_done *done;
	void *arg;
	char error[CURL_ERROR_SIZE];
	size_t len;
	bool too_long;
	char body[FT_HTTP_BODY_MAX];
};

static void *must(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

static void end_call(struct ft_http_call *call)
{
	call->http->curl.multi_remove_handle(call->http->multi, call->easy);
	call->http->curl.easy_cleanup(call->easy);
	call->http->curl.slist_free_all(call->headers);
	free(call);
}

static void finish(struct ft_http_call *call, CURLcode result)
{
	struct ft_http_answer answer = {.body = call->body, .len = call->len};

	call->http->curl.easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &answer.status);
	if (call->too_long)
		answer.error = "the answer is too long to be one of etcd's";
	else if (result != CURLE_OK)
		answer.error = call->error[0] != '\0' ? call->error : call->http->curl.easy_strerror(result);
	call->done(call->arg, &answer);
	end_call(call);
}

static void collect(struct ft_http *h)
{
	CURLMsg *message;
	int left;

	while ((message = h->curl.multi_info_read(h->multi, &left)) != NULL) {
		char *call = NULL;
		CURLcode result = message->data.result; /* message is gone once its handle is removed */
		if (message->msg == CURLMSG_DONE &&
		    h->curl.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call) == CURLE_OK)
			finish((struct ft_http_call *)(void *)call, result);
	}
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct ft_http *h = arg;
	int running, flags = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);

	h->curl.multi_socket_action(h->multi, fd, flags, &running);
	collect(h);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct ft_http *h = arg;
	int running;

	(void)fd;
	(void)what;
	h->curl.multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(h);
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct ft_http *h = arg;
	struct event *watch = socket_arg;
	int flags = EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);

	(void)easy;
	if (watch != NULL)
		event_free(watch);
	watch = NULL;
	if (what != CURL_POLL_REMOVE) {
		watch = must(event_new(h->base, fd, (short)flags, on_socket, h));
		event_add(watch, NULL);
	}
	h->curl.multi_assign(h->multi, fd, watch);
	return 0;
}

static int timer_wanted(CURLM *multi, long ms, void *arg)
{
	struct ft_http *h = arg;
	struct timeval in = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	(void)multi;
	if (ms < 0)
		event_del(h->timer);
	else
		event_add(h->timer, &in);
	return 0;
}

static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
	struct ft_http_call *call = arg;
	size_t len = size * n;

	if (len > sizeof(call->body) - call->len) {
		call->too_long = true;
		return 0; /* ends the transfer */
	}
	memcpy(call->body + call->len, data, len);
	call->len += len;
	return len;
}

static void set_text(const struct ft_http *h, CURL *easy, CURLoption option, const char *text)
{
	if (text[0] != '\0' && h->curl.easy_setopt(easy, option, text) != CURLE_OK)
		abort(); /* out of memory, or a libcurl without TLS, which ft_http_new refuses */
}

/* A call that is given up takes what it had not sent yet with it: the kernel would go on trying to deliver that for minutes
 * after a cut, and a claim would land long after everybody has forgotten it. */
static int reset_on_close(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	(void)arg;
	(void)purpose;
	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0 ? CURL_SOCKOPT_OK
	                                                                             : CURL_SOCKOPT_ERROR;
}

static void set_bounds(const struct ft_http_call *call, int timeout_ms)
{
	const struct ft_curl *curl = &call->http->curl;
	CURL *easy = call->easy;

	curl->easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl->easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, reset_on_close);
	curl->easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* else a name server that hangs is waited for at the end */
	curl->easy_setopt(easy, CURLOPT_PROXY, "");
	curl->easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl->easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl->easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl->easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
}

static void add_header(struct ft_http_call *call, const char *header)
{
	call->headers = must(call->http->curl.slist_append(call->headers, header));
}

static void add_token(struct ft_http_call *call, const char *token)
{
	char *header = NULL;

	if (asprintf(&header, "Authorization: %s", token) < 0)
		abort();
	add_header(call, header);
	free(header);
}

/* body: NULL for a GET. */
static struct ft_http_call *begin_call(struct ft_http *h, const char *url, const char *token, const char *body,
                                       int timeout_ms, ft_http_done *done, void *arg)
{
	struct ft_http_call *call = must(calloc(1, sizeof(*call)));
	CURL *easy = must(h->curl.easy_init());

	call->http = h;
	call->easy = easy;
	call->done = done;
	call->arg = arg;
	if (body != NULL)
		add_header(call, "Content-Type: application/json");
	add_header(call, "Expect:"); /* no question beforehand whether the body may come */
	if (token != NULL && token[0] != '\0')
		add_token(call, token);
	set_bounds(call, timeout_ms);
	set_text(h, easy, CURLOPT_URL, url);
	set_text(h, easy, CURLOPT_CAINFO, h->settings->ca_file);
	set_text(h, easy, CURLOPT_SSLCERT, h->settings->cert_file);
	set_text(h, easy, CURLOPT_SSLKEY, h->settings->cert_key_file);
	if (body != NULL)
		set_text(h, easy, CURLOPT_COPYPOSTFIELDS, body);
	h->curl.easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
	h->curl.easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
	h->curl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	h->curl.easy_setopt(easy, CURLOPT_WRITEDATA, call);
	h->curl.easy_setopt(easy, CURLOPT_PRIVATE, call);
	if (h->curl.multi_add_handle(h->multi, easy) !=
	    CURLM_OK) /* only sets the timer: done is never called from here */
		abort();
	return call;
}

struct ft_http_call *ft_http_post(struct ft_http *h, const char *url, const char *token, const char *body,
                                  int timeout_ms, ft_http_done *done, void *arg)
{
	return begin_call(h, url, token, body, timeout_ms, done, arg);
}

struct ft_http_call *ft_http_get(struct ft_http *h, const char *url, const char *token, int timeout_ms,
                                 ft_http_done *done, void *arg)
{
	return begin_call(h, url, token, NULL, timeout_ms, done, arg);
}

void ft_http_cancel(struct ft_http_call *call)
{
	end_call(call);
}

/* libcurl copies what it sends, and what it sends may be a password: nothing of it is to be left where a core file shows it. */
static void free_wiped(void *p)
{
	if (p != NULL)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

static void *realloc_wiped(void *p, size_t size)
{
	size_t had = p != NULL ? malloc_usable_size(p) : 0;
	if (p != NULL && size > 0 && size <= had)
		return p;
	void *more = malloc(size > 0 ? size : 1);
	if (more == NULL)
		return NULL;
	if (p != NULL)
		memcpy(more, p, had < size ? had : size);
	free_wiped(p);
	return more;
}

static bool is_fit(const struct ft_curl *curl, FILE *errors)
{
	const curl_version_info_data *built = curl->version_info(CURLVERSION_NOW);

	if ((built->features & CURL_VERSION_ASYNCHDNS) && (built->features & CURL_VERSION_SSL))
		return true;
	(void)fprintf(errors, "this libcurl (%s) has no TLS or blocks while it resolves names; another is needed\n",
	              built->version);
	return false;
}

struct ft_http *ft_http_new(struct event_base *base, const struct ft_arbiter_settings *settings, FILE *errors)
{
	struct ft_curl curl;

	if (ft_curl_load(&curl, errors) != 0 || !is_fit(&curl, errors))
		return NULL;
	if (curl.global_init_mem(CURL_GLOBAL_DEFAULT, malloc, free_wiped, realloc_wiped, strdup, calloc) != CURLE_OK)
		abort();
	struct ft_http *h = must(calloc(1, sizeof(*h)));
	h->curl = curl;
	h->base = base;
	h->settings = settings;
	h->timer = must(evtimer_new(base, on_timer, h));
	h->multi = must(curl.multi_init());
	curl.multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
	curl.multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl.multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
	curl.multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	return h;
}

void ft_http_free(struct ft_http *h)
{
	if (h == NULL)
		return;
	h->curl.multi_cleanup(h->multi); /* takes its sockets' events back */
	event_free(h->timer);
	h->curl.global_cleanup();
	free(h);
}
