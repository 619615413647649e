#include "qmp/connection.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/timer.h"
#include "qmp/framing.h"

#include <ctype.h>
#include <errno.h>
#include <event2/event.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKOFF_MIN (25 * FT_NS_PER_MS)
#define BACKOFF_MAX (1000 * FT_NS_PER_MS)
#define STALL       (200 * FT_NS_PER_MS) /* a timer this late means that we did not run, not that QEMU did not answer */
#define OUTPUT_MAX  (256u << 10)         /* a whole plan fits several times */
#define ID_BITS     ((INT64_C(1) << 30) - 1) /* any parser takes numbers as large as that */
#define READ_CHUNK  16384u
#define READ_ROUNDS 16 /* chunks read before the loop gets its turn */

enum phase { CLOSED, GREETING, NEGOTIATING, UP };

struct pending {
	bool used, large; /* large: the answer may be */
	json_int_t id;
	char command[48];
	int64_t asked_at;
	ft_conn_reply *reply;
	void *arg;
	int tag;
};

struct ft_conn {
	const char *label;
	char path[FT_SOCKPATH_MAX];
	bool want_oob;
	int64_t reply_timeout, allowed; /* allowed: on top of it, for answers */
	struct ft_conn_callbacks cb;
	void *arg;

	struct event_base *base;
	struct event *readable, *writable; /* of fd; made and freed with it */
	struct ft_timer *timer;            /* the next deadline, or the next attempt to connect */
	int64_t timer_due;
	int fd;
	struct ucred listener, sender; /* who called listen(), and who wrote what has come; pid 0: not known */
	bool heard;
	enum phase phase;
	int64_t phase_since;
	bool oob_offered, overdue, held;
	unsigned lifetimes; /* counts closes: a callback may have closed the connection under the reader's feet */
	int64_t backoff;
	char fault_told[FT_TEXT_MAX]; /* the last fault in the log: a repeated one is not said again */

	json_t *greeting; /* kept until capabilities are negotiated */
	json_int_t next_id;
	struct pending pending[FT_CONN_REQUESTS];
	struct ft_framing *framing;
	int passing; /* goes with the first byte of out; -1: nothing does */
	size_t out_len;
	char out[OUTPUT_MAX];
};

static void set_timer(struct ft_conn *c);

/* ---- closing -------------------------------------------------------------------------------------------------- */

static void close_socket(struct ft_conn *c)
{
	if (c->readable)
		event_free(c->readable);
	if (c->writable)
		event_free(c->writable);
	c->readable = c->writable = NULL;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->listener = c->sender = (struct ucred){.pid = 0};
	c->heard = false;
	c->phase = CLOSED;
	c->overdue = false;
	c->out_len = 0;
	c->passing = -1;
	c->lifetimes++;
	json_decref(c->greeting);
	c->greeting = NULL;
	ft_framing_reset(c->framing);
}

/* Each large answer that is asked for may come, and nothing else that is large. */
static void set_limit(struct ft_conn *c)
{
	bool large = false;
	for (int i = 0; i < FT_CONN_REQUESTS; i++)
		large |= c->pending[i].used && c->pending[i].large;
	ft_framing_limit(c->framing, large ? FT_FRAME_MAX : FT_FRAME_SMALL);
}

/* Something large has come: one fewer may. */
static void count_large(struct ft_conn *c, json_int_t id)
{
	struct pending *other = NULL;
	for (int i = 0; i < FT_CONN_REQUESTS; i++) {
		struct pending *p = &c->pending[i];
		if (p->used && p->large && (!other || p->id == id))
			other = p;
	}
	if (other)
		other->large = false;
	set_limit(c);
}

static void fail_requests(struct ft_conn *c, int64_t now)
{
	for (int i = 0; i < FT_CONN_REQUESTS; i++) {
		struct pending p = c->pending[i];
		if (!p.used)
			continue;
		c->pending[i].used = false;
		p.reply(p.arg, p.tag, NULL, now);
	}
	set_limit(c);
}

static void schedule_connect(struct ft_conn *c, int64_t now, int64_t delay)
{
	c->timer_due = now + delay;
	ft_timer_set(c->timer, c->timer_due);
}

static void fail(struct ft_conn *c, enum ft_conn_fault fault, const char *why, int64_t now)
{
	close_socket(c);
	schedule_connect(c, now, c->backoff);
	c->backoff = c->backoff * 2 > BACKOFF_MAX ? BACKOFF_MAX : c->backoff * 2;
	if (strcmp(why, c->fault_told) != 0) {
		ft_log(fault == FT_CONN_NOBODY ? FT_LOG_INFO : FT_LOG_WARN, "qmp", "%s %s: %s", c->label, c->path, why);
		snprintf(c->fault_told, sizeof c->fault_told, "%s", why);
	}
	fail_requests(c, now);
	c->cb.down(c->arg, fault, why, now);
}

/* ---- deadlines ------------------------------------------------------------------------------------------------ */

static const struct pending *oldest(const struct ft_conn *c)
{
	const struct pending *found = NULL;
	for (int i = 0; i < FT_CONN_REQUESTS; i++)
		if (c->pending[i].used && (!found || c->pending[i].asked_at < found->asked_at))
			found = &c->pending[i];
	return found;
}

static int64_t late_after(const struct ft_conn *c)
{
	return c->reply_timeout + c->allowed;
}

static int64_t next_deadline(const struct ft_conn *c)
{
	const struct pending *p = oldest(c);
	if (c->held || c->phase == CLOSED)
		return FT_NEVER;
	if (c->phase != UP)
		return c->phase_since + c->reply_timeout;
	if (!p)
		return FT_NEVER;
	int64_t patience = late_after(c) * FT_CONN_PATIENCE;
	if (patience < FT_CONN_PATIENCE_MIN)
		patience = FT_CONN_PATIENCE_MIN;
	return p->asked_at + (c->overdue ? patience : late_after(c));
}

static void set_timer(struct ft_conn *c)
{
	if (c->phase == CLOSED)
		return; /* the timer waits for the next attempt to connect */
	c->timer_due = next_deadline(c);
	ft_timer_set(c->timer, c->timer_due);
}

void ft_conn_begin_anew(struct ft_conn *c)
{
	int64_t now = ft_clock_now();
	c->phase_since = now;
	for (int i = 0; i < FT_CONN_REQUESTS; i++)
		c->pending[i].asked_at = now;
}

static void greeting_late(struct ft_conn *c, int64_t now)
{
	char why[FT_TEXT_MAX];
	long long ms = (now - c->phase_since) / FT_NS_PER_MS;
	if (c->phase == GREETING)
		snprintf(why, sizeof why,
		         "connected, but no greeting: another client probably holds the socket (QMP serves one client "
		         "per socket), or QEMU is stopped");
	else
		snprintf(why, sizeof why, "qmp_capabilities not answered for %lld ms", ms);
	fail(c, FT_CONN_BUSY, why, now);
}

static void reply_late(struct ft_conn *c, const struct pending *p, int64_t now)
{
	char why[FT_TEXT_MAX];
	int64_t waited = now - p->asked_at;
	if (c->overdue) {
		snprintf(why, sizeof why, "%s not answered for %lld ms; connecting anew", p->command,
		         (long long)(waited / FT_NS_PER_MS));
		fail(c, FT_CONN_BUSY, why, now);
		return;
	}
	c->overdue = true;
	set_timer(c);
	c->cb.overdue(c->arg, p->command, waited, now);
}

static void start_connect(struct ft_conn *c, int64_t now);

static void on_timer(void *arg)
{
	struct ft_conn *c = arg;
	int64_t now = ft_clock_now();
	unsigned lifetime = c->lifetimes;
	if (c->phase == CLOSED) {
		start_connect(c, now);
		return;
	}
	if (now > c->timer_due + STALL)
		ft_conn_begin_anew(c);
	ft_conn_catch_up(c);
	if (c->lifetimes != lifetime)
		return;
	if (now < next_deadline(c)) {
		set_timer(c);
		return;
	}
	const struct pending *p = oldest(c);
	if (c->phase != UP)
		greeting_late(c, now);
	else if (p)
		reply_late(c, p, now);
}

/* ---- sending -------------------------------------------------------------------------------------------------- */

static void drop_sent(struct ft_conn *c, size_t n)
{
	c->out_len -= n;
	memmove(c->out, c->out + n, c->out_len);
}

static ssize_t send_some(struct ft_conn *c)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.room = {0}};
	struct iovec part = {.iov_base = c->out, .iov_len = c->out_len};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	if (c->passing >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof control;
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &c->passing, sizeof(int));
	}
	return sendmsg(c->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* False: the connection is broken, and has been closed. */
static bool flush(struct ft_conn *c)
{
	while (c->out_len > 0) {
		ssize_t n = send_some(c);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			event_add(c->writable, NULL);
			return true;
		}
		if (n < 0)
			return false;
		c->passing = -1;
		drop_sent(c, (size_t)n);
	}
	return true;
}

static bool queue(struct ft_conn *c, const char *text, size_t len, int file)
{
	if (len + 1 > OUTPUT_MAX - c->out_len || (file >= 0 && c->out_len > 0))
		return false;
	if (file >= 0)
		c->passing = file;
	memcpy(c->out + c->out_len, text, len);
	c->out[c->out_len + len] = '\n';
	c->out_len += len + 1;
	/* A broken connection is found, and told, by the reader. */
	if (!event_pending(c->writable, EV_WRITE, NULL))
		flush(c);
	return true;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	flush(arg);
}

bool ft_conn_send(struct ft_conn *c, const char *text, size_t len)
{
	return c->phase == UP && queue(c, text, len, -1);
}

static struct pending *free_slot(struct ft_conn *c)
{
	for (int i = 0; i < FT_CONN_REQUESTS; i++)
		if (!c->pending[i].used)
			return &c->pending[i];
	return NULL;
}

bool ft_conn_request(struct ft_conn *c, const char *command, const json_t *arguments, ft_conn_reply *reply, void *arg,
                     int tag)
{
	return ft_conn_request_with(c, command, arguments, -1, reply, arg, tag);
}

bool ft_conn_request_with(struct ft_conn *c, const char *command, const json_t *arguments, int file,
                          ft_conn_reply *reply, void *arg, int tag)
{
	struct pending *p = free_slot(c);
	if (c->phase != UP || !p)
		return false;
	if (file >=
	    0) /* so that no answer to this, or to the next ones, can be there already, by somebody who has gone since */
		randombytes_buf(&c->next_id, sizeof c->next_id);
	c->next_id &= ID_BITS;
	json_int_t id = ++c->next_id;
	json_t *request = json_pack("{s:s, s:I}", ft_conn_has_oob(c) ? "exec-oob" : "execute", command, "id", id);
	if (arguments)
		json_object_set_new(request, "arguments", json_deep_copy(arguments));
	char *text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	bool queued = text && queue(c, text, strlen(text), file);
	free(text);
	if (!queued)
		return false;
	int64_t now = ft_clock_now();
	*p = (struct pending){.used = true, .id = id, .asked_at = now, .reply = reply, .arg = arg, .tag = tag};
	snprintf(p->command, sizeof p->command, "%s", command);
	set_limit(c);
	set_timer(c);
	return true;
}

bool ft_conn_request_list(struct ft_conn *c, const char *command, const json_t *arguments, ft_conn_reply *reply,
                          void *arg, int tag)
{
	struct pending *p = free_slot(c);
	if (!p || !ft_conn_request(c, command, arguments, reply, arg, tag))
		return false;
	p->large = true;
	set_limit(c);
	return true;
}

/* ---- receiving ------------------------------------------------------------------------------------------------ */

static void on_greeting(struct ft_conn *c, json_t *qmp, int64_t now)
{
	size_t i;
	const json_t *capability;
	c->oob_offered = false;
	json_array_foreach(json_object_get(qmp, "capabilities"), i, capability)
	{
		if (json_is_string(capability) && strcmp(json_string_value(capability), "oob") == 0)
			c->oob_offered = true;
	}
	c->greeting = json_incref(qmp);
	c->phase = NEGOTIATING;
	c->phase_since = now;
	static const char plain[] = "{\"execute\":\"qmp_capabilities\",\"id\":0}";
	static const char oob[] = "{\"execute\":\"qmp_capabilities\",\"id\":0,\"arguments\":{\"enable\":[\"oob\"]}}";
	if (c->want_oob && c->oob_offered)
		queue(c, oob, sizeof oob - 1, -1);
	else
		queue(c, plain, sizeof plain - 1, -1);
	set_timer(c);
}

static void on_negotiated(struct ft_conn *c, const json_t *object, int64_t now)
{
	char why[FT_TEXT_MAX];
	if (!json_object_get(object, "return")) {
		const char *desc = json_string_value(json_object_get(json_object_get(object, "error"), "desc"));
		snprintf(why, sizeof why, "qmp_capabilities refused: %.120s", desc ? desc : "?");
		fail(c, FT_CONN_BUSY, why, now);
		return;
	}
	c->phase = UP;
	c->backoff = BACKOFF_MIN;
	c->fault_told[0] = '\0';
	set_timer(c);
	json_t *greeting = c->greeting;
	c->greeting = NULL;
	c->cb.up(c->arg, greeting, now);
	json_decref(greeting);
}

static void after_answer(struct ft_conn *c, int64_t now)
{
	const struct pending *p = oldest(c);
	if (!c->overdue || (p && now - p->asked_at >= late_after(c)))
		return;
	c->overdue = false;
	set_timer(c);
	c->cb.overdue(c->arg, NULL, 0, now);
}

static void on_answer(struct ft_conn *c, const json_t *object, int64_t now)
{
	const json_t *id = json_object_get(object, "id");
	if (c->phase == NEGOTIATING) {
		on_negotiated(c, object, now);
		return;
	}
	if (json_is_string(id)) {
		c->cb.answer(c->arg, json_string_value(id), object, now);
		return;
	}
	for (int i = 0; i < FT_CONN_REQUESTS; i++) {
		struct pending p = c->pending[i];
		if (!p.used || !json_is_integer(id) || p.id != json_integer_value(id))
			continue;
		c->pending[i].used = false;
		set_limit(c);
		set_timer(c);
		after_answer(c, now);
		p.reply(p.arg, p.tag, object, now);
		return;
	}
	ft_log(FT_LOG_DEBUG, "qmp", "%s: an answer to nothing we asked is ignored", c->label);
}

static void broken(struct ft_conn *c, const char *what, const char *text, size_t len, int64_t now)
{
	char why[FT_TEXT_MAX], start[33];
	size_t n = len < sizeof start - 1 ? len : sizeof start - 1;
	for (size_t i = 0; i < n; i++)
		start[i] = (char)(text[i] >= ' ' && text[i] < 127 ? text[i] : '?');
	start[n] = '\0';
	snprintf(why, sizeof why, "QEMU sent %s: %s", what, start);
	if (c->phase != UP) {
		fail(c, FT_CONN_BUSY, why, now); /* not QMP at all */
		return;
	}
	/* Which request it answered cannot be known: its deadline settles that. */
	ft_log(FT_LOG_WARN, "qmp", "%s: %s; skipped", c->label, why);
}

static void on_object(struct ft_conn *c, json_t *object, const char *text, size_t len, int64_t now)
{
	const char *event = json_string_value(json_object_get(object, "event"));
	json_t *qmp = json_object_get(object, "QMP");
	if (c->phase == GREETING && json_is_object(qmp))
		on_greeting(c, qmp, now);
	else if (event)
		c->cb.event(c->arg, event, json_object_get(object, "data"), now);
	else if (c->phase != GREETING && (json_object_get(object, "return") || json_object_get(object, "error")))
		on_answer(c, object, now);
	else
		broken(c, "an object that is not QMP", text, len, now);
}

/* Numbers above what the parser takes are made as large as it takes. Their digits' places stay taken: by spaces. */
static void limit_numbers(char *text, size_t len)
{
	static const char most[] = "9223372036854775807"; /* INT64_MAX */
	const size_t n_most = sizeof most - 1;
	bool in_string = false;
	for (size_t i = 0; i < len; i++) {
		if (in_string && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			in_string = !in_string;
		if (in_string || !isdigit((unsigned char)text[i]))
			continue;
		size_t n = 0, whole = 0;
		while (i + n < len && text[i + n] && strchr("0123456789.eE+-", text[i + n]))
			n++;
		while (whole < n && isdigit((unsigned char)text[i + whole]))
			whole++;
		if (whole == n && (n > n_most || (n == n_most && memcmp(text + i, most, n) > 0))) {
			memset(text + i, ' ', n);
			memcpy(text + i, most, n_most);
		}
		i += n - 1;
	}
}

/* QEMU has unsigned numbers of 64 bits, and tells them as they are: a max-bandwidth of "all there is", say. */
static json_t *parse(const char *text, size_t len)
{
	json_error_t error;
	json_t *object = json_loadb(text, len, 0, &error);
	if (object || json_error_code(&error) != json_error_numeric_overflow)
		return object;
	char *copy = malloc(len);
	if (!copy)
		return NULL;
	memcpy(copy, text, len);
	limit_numbers(copy, len);
	object = json_loadb(copy, len, 0, NULL);
	free(copy);
	return object;
}

static void on_frame(void *arg, enum ft_frame kind, const char *text, size_t len)
{
	struct ft_conn *c = arg;
	int64_t now = ft_clock_now();
	if (kind == FT_FRAME_OVERSIZED) {
		broken(c, "an object that is too large", text, len, now);
		return;
	}
	json_t *object = kind == FT_FRAME_OBJECT ? parse(text, len) : NULL;
	if (len > FT_FRAME_SMALL)
		count_large(c, json_integer_value(json_object_get(object, "id")));
	if (object)
		on_object(c, object, text, len, now);
	else
		broken(c, "something that is not JSON", text, len, now);
	json_decref(object);
}

/* As recv(2). from: who wrote it, as the kernel says; what one call returns is one process's. */
static ssize_t receive(const struct ft_conn *c, char *data, size_t size, struct ucred *from)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(struct ucred))]; /* and no file that is passed to us fits in */
	} control;
	struct iovec part = {.iov_base = data, .iov_len = size};
	struct msghdr message = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t n = recvmsg(c->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *head = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	*from = (struct ucred){.pid = 0};
	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_CREDENTIALS &&
	    head->cmsg_len == CMSG_LEN(sizeof *from))
		memcpy(from, CMSG_DATA(head), sizeof *from);
	return n;
}

/* False: somebody else has written into it, and it has been closed.  One process speaks, from the greeting on. */
static bool is_same_sender(struct ft_conn *c, const struct ucred *from)
{
	char why[FT_TEXT_MAX];
	if (!c->heard || c->sender.pid == from->pid) {
		c->heard = true;
		c->sender = *from;
		return true;
	}
	snprintf(why, sizeof why, "two processes write to it, %d and %d", (int)c->sender.pid, (int)from->pid);
	fail(c, FT_CONN_BUSY, why, ft_clock_now());
	return false;
}

void ft_conn_catch_up(struct ft_conn *c)
{
	unsigned lifetime = c->lifetimes;
	char data[READ_CHUNK], why[FT_TEXT_MAX];
	for (int i = 0; c->phase != CLOSED && i < READ_ROUNDS; i++) {
		struct ucred from;
		ssize_t n = receive(c, data, sizeof data, &from);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
			return;
		if (n <= 0) {
			snprintf(why, sizeof why, "%s", n == 0 ? "QEMU closed the connection" : strerror(errno));
			fail(c, FT_CONN_BUSY, why, ft_clock_now());
			return;
		}
		if (!is_same_sender(c, &from))
			return;
		ft_framing_feed(c->framing, data, (size_t)n, on_frame, c);
		if (c->lifetimes != lifetime || (size_t)n < sizeof data)
			return;
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	ft_conn_catch_up(arg);
}

/* ---- opening -------------------------------------------------------------------------------------------------- */

static const char *connect_fault(int error)
{
	switch (error) {
	case ENOENT:
		return "no such socket; is QEMU running, and is this its -qmp socket?";
	case ECONNREFUSED:
		return "nobody listens; is QEMU running, and is this its -qmp socket?";
	case EAGAIN:
		return "its queue is full: other clients hold it, or QEMU is stopped; give ftd a socket of its own";
	case EACCES:
		return "permission denied; ftd must be allowed to open it";
	default:
		return strerror(error);
	}
}

static void connect_failed(struct ft_conn *c, int error, int64_t now)
{
	bool nobody = error == ENOENT || error == ECONNREFUSED;
	fail(c, nobody ? FT_CONN_NOBODY : FT_CONN_BUSY, connect_fault(error), now);
}

static struct ucred listener_of(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 ? peer : (struct ucred){.pid = 0};
}

/* The kernel notes the writer of every byte from here on. */
static bool ask_for_senders(int fd)
{
	int on = 1;
	return setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0;
}

static void start_connect(struct ft_conn *c, int64_t now)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	memcpy(address.sun_path, c->path, sizeof address.sun_path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || !ask_for_senders(c->fd) ||
	    connect(c->fd, (const struct sockaddr *)&address, sizeof address) < 0) {
		connect_failed(c, errno, now);
		return;
	}
	c->readable = event_new(c->base, c->fd, EV_READ | EV_PERSIST, on_readable, c);
	c->writable = event_new(c->base, c->fd, EV_WRITE, on_writable, c);
	if (!c->readable || !c->writable || event_add(c->readable, NULL) < 0) {
		connect_failed(c, ENOMEM, now);
		return;
	}
	c->listener = listener_of(c->fd);
	c->phase = GREETING;
	c->phase_since = now;
	set_timer(c);
	c->cb.connected(c->arg, c->fd, now);
}

void ft_conn_reopen(struct ft_conn *c)
{
	int64_t now = ft_clock_now();
	close_socket(c);
	c->backoff = BACKOFF_MIN;
	schedule_connect(c, now, 0);
	fail_requests(c, now);
}

struct ft_conn *ft_conn_new(struct event_base *base, struct ft_timers *timers, const char *label, const char *path,
                            bool want_oob, int64_t reply_timeout, const struct ft_conn_callbacks *cb, void *arg)
{
	struct ft_conn *c = calloc(1, sizeof *c);
	if (!c)
		abort();
	c->base = base;
	c->label = label;
	c->want_oob = want_oob;
	c->reply_timeout = reply_timeout;
	c->cb = *cb;
	c->arg = arg;
	c->fd = c->passing = -1;
	c->backoff = BACKOFF_MIN;
	c->framing = ft_framing_new(FT_FRAME_SMALL);
	c->timer = ft_timer_new(timers, on_timer, c);
	if (!c->timer)
		abort();
	snprintf(c->path, sizeof c->path, "%s", path);
	schedule_connect(c, ft_clock_now(), 0);
	return c;
}

void ft_conn_free(struct ft_conn *c)
{
	if (!c)
		return;
	close_socket(c);
	ft_timer_free(c->timer);
	ft_framing_free(c->framing);
	free(c);
}

bool ft_conn_reconfigure(struct ft_conn *c, const char *path, int64_t reply_timeout)
{
	bool moved = strcmp(path, c->path) != 0;
	c->reply_timeout = reply_timeout;
	if (!moved) {
		set_timer(c);
		return false;
	}
	snprintf(c->path, sizeof c->path, "%s", path);
	ft_conn_reopen(c);
	return true;
}

void ft_conn_allow(struct ft_conn *c, int64_t allowed)
{
	c->allowed = allowed;
	set_timer(c);
}

void ft_conn_hold(struct ft_conn *c, bool held)
{
	if (c->held == held)
		return;
	c->held = held;
	if (!held)
		ft_conn_begin_anew(c);
	set_timer(c);
}

bool ft_conn_is_up(const struct ft_conn *c)
{
	return c->phase == UP;
}

bool ft_conn_has_oob(const struct ft_conn *c)
{
	return c->phase == UP && c->want_oob && c->oob_offered;
}

bool ft_conn_is_overdue(const struct ft_conn *c)
{
	return c->overdue;
}

pid_t ft_conn_listener(const struct ft_conn *c)
{
	return c->listener.pid;
}

bool ft_conn_is_from(const struct ft_conn *c, pid_t pid)
{
	bool may_speak = pid == c->listener.pid || c->listener.uid == 0 || c->listener.uid == c->sender.uid;
	return pid > 0 && c->heard && c->sender.pid == pid && c->listener.pid > 0 && may_speak;
}

int64_t ft_conn_waiting_since(const struct ft_conn *c)
{
	const struct pending *p = oldest(c);
	return p ? p->asked_at : FT_NEVER;
}

int ft_conn_outstanding(const struct ft_conn *c)
{
	int n = 0;
	for (int i = 0; i < FT_CONN_REQUESTS; i++)
		n += c->pending[i].used;
	return n;
}
