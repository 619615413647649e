/* The whole of the QMP room on a false clock, and a QEMU that answers as a real one once did, or says what it likes, in any
 * pieces, early, late or never, hangs up and comes again. */
#include "base/timer.h"
#include "qmp/session.h"
#include "tests/fuzz/fuzz.h"

#include <event2/event.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>

#define SOCKETS 2
#define HOUR    (3600000 * FT_NS_PER_MS)
#define BEGINS                                                                                                         \
	(INT64_C(100000) *                                                                                             \
	 HOUR) /* where no clock of the kernel's is: its timers never ring, this program rings the timers */
#define GREETING                                                                                                       \
	"{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, \"package\": \"\"}, "         \
	"\"capabilities\": [\"oob\"]}}\r\n"
#define TIMES        4
#define REQUESTS_MAX 65536

static int64_t now;
static json_t *recorded[TIMES]; /* what a primary and a secondary answered; and the two after a failover */

static struct qemu {
	int listener, fd;
	char in[REQUESTS_MAX];
	size_t len;
} qemus[SOCKETS];

static struct ft_qmp_settings config = {.reply_timeout_ms = 1000};
static struct ft_qmp *qmp;
static int plans_run, plans_done, plans_finished;

/* ---- the clock, of ftd and of libevent; libFuzzer's own is the wall clock ---- */

int clock_gettime(clockid_t clock, struct timespec *out)
{
	if (clock == CLOCK_REALTIME)
		return (int)syscall(SYS_clock_gettime, clock, out);
	*out = (struct timespec){.tv_sec = now / 1000000000, .tv_nsec = now % 1000000000};
	return 0;
}

/* ---- QEMU ---- */

static void say(struct qemu *q, const void *text, size_t len)
{
	if (q->fd >= 0)
		(void)!send(q->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void hang_up(struct qemu *q)
{
	if (q->fd >= 0)
		close(q->fd);
	q->fd = -1;
	q->len = 0;
}

static void listen_at(struct qemu *q, char path[FT_SOCKPATH_MAX], const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(path, FT_SOCKPATH_MAX, "%s/%s", fuzz_folder(), name);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	q->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	LAW(bind(q->listener, (const struct sockaddr *)&address, sizeof address) == 0 && listen(q->listener, 8) == 0,
	    "a socket");
}

/* What the fixtures do not have. */
static void add_answers(json_t *answers, const char *role, bool over)
{
	if (over)
		json_object_set_new(answers, "query-colo-status",
		                    json_pack("{s:s,s:s,s:s}", "mode", "none", "last-mode", role, "reason", "request"));
	json_object_set_new(answers, "query-cpus-fast", json_pack("[{s:i}]", "thread-id", (int)getpid()));
	json_object_set_new(answers, "query-status", json_pack("{s:b,s:s}", "running", 1, "status", "running"));
	json_object_set_new(answers, "query-migrate", json_pack("{s:s}", "status", "colo"));
	json_object_set_new(answers, "query-migrate-capabilities",
	                    json_pack("[{s:b,s:s}]", "state", 1, "capability", "x-colo"));
	json_object_set_new(answers, "query-memory-size-summary", json_pack("{s:i}", "base-memory", 16 << 20));
	json_object_set_new(answers, "/machine.type", json_string("pc-i440fx-7.2-machine"));
}

/* As the fixtures name it. */
static const json_t *recorded_answer(const json_t *request, const json_t *answers)
{
	const char *command = json_string_value(json_object_get(request, "execute"));
	const json_t *arguments = json_object_get(request, "arguments");
	const char *path = json_string_value(json_object_get(arguments, "path"));
	const char *property = json_string_value(json_object_get(arguments, "property"));
	char key[512];
	if (!command)
		command = json_string_value(json_object_get(request, "exec-oob"));
	if (path && property)
		snprintf(key, sizeof key, "%s.%s", path, property);
	else if (path)
		snprintf(key, sizeof key, "%s %s", command ? command : "", path);
	else
		snprintf(key, sizeof key, "%s", command ? command : "");
	return json_object_get(answers, key);
}

static void answer(struct qemu *q, const json_t *request, int how, struct input *in)
{
	const uint8_t *bytes;
	const json_t *known = recorded_answer(request, recorded[how % TIMES]);
	json_t *reply = json_object();
	if (how < 8)
		json_object_set_new(reply, "return", known ? json_deep_copy(known) : json_object());
	else if (how == 8)
		json_object_set_new(reply, "error", json_pack("{s:s,s:s}", "class", "GenericError", "desc", "no"));
	else
		json_object_set_new(reply, "return",
		                    json_stringn((const char *)in->data, take_bytes(in, take(in, 1), &bytes)));
	if (how != 11)
		json_object_set(reply, "id", json_object_get(request, "id"));
	char *text = json_dumps(reply, 0);
	if (text)
		say(q, text, strlen(text));
	say(q, "\r\n", 2);
	free(text);
	json_decref(reply);
}

/* Accepts who comes, and reads what is asked; the answers come when the input says so. */
static void look(struct qemu *q)
{
	int fd = accept4(q->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		hang_up(q);
		q->fd = fd;
		say(q, GREETING, strlen(GREETING));
	}
	ssize_t n = q->fd >= 0 ? recv(q->fd, q->in + q->len, sizeof q->in - q->len, MSG_DONTWAIT) : 0;
	q->len += n > 0 ? (size_t)n : 0;
}

static void answer_next(struct qemu *q, struct input *in)
{
	int how = choose(in, 12);
	look(q);
	char *end = memchr(q->in, '\n', q->len);
	if (!end)
		return;
	size_t line = (size_t)(end - q->in) + 1;
	json_t *request = json_loadb(q->in, line, 0, NULL);
	LAW(json_is_object(request), "what ftd asks is one JSON object a line");
	q->len -= line;
	memmove(q->in, end + 1, q->len);
	answer(q, request, how, in);
	json_decref(request);
}

static void speak(struct qemu *q, struct input *in)
{
	static const char *const events[] = {
	    "STOP\"",
	    "RESUME\"",
	    "COLO_EXIT\", \"data\": {\"mode\": \"primary\", \"reason\": \"error\"}",
	    "SHUTDOWN\", \"data\": {\"guest\": false, \"reason\": \"host-signal\"}",
	    "MIGRATION\", \"data\": {\"status\": \"colo\"}",
	    "QUORUM_FAILURE\", \"data\": {\"reference\": \"colo-disk0\"}",
	    "RESET\"",
	};
	char text[256];
	snprintf(text, sizeof text, "{\"event\": \"%s}\r\n", events[choose(in, sizeof events / sizeof events[0])]);
	say(q, text, strlen(text));
}

/* ---- ftd ---- */

static void on_view(void *arg, const struct ft_qemu_view *view, int64_t at)
{
	(void)arg;
	LAW(view->vm != FT_VM_YIELDED && at == now, "what is seen is seen now");
	LAW(!view->plan_ready || ft_qmp_plan(qmp), "a plan that is ready is there");
}

static void on_colo_exit(void *arg, const char *mode, const char *reason, int64_t at)
{
	(void)arg;
	LAW(mode && reason && at == now, "an exit from COLO has a mode and a reason");
}

static void on_checkpoint(void *arg, int64_t took, int64_t at)
{
	(void)arg;
	LAW(took >= 0 && took <= 60000 * FT_NS_PER_MS && at == now, "a checkpoint takes at most a minute");
}

static void on_hung(void *arg, const char *evidence, int64_t at)
{
	(void)arg;
	LAW(evidence[0] && at == now, "a hang has evidence");
}

static void on_plan_done(void *arg, const struct ft_plan_report *report, int64_t at)
{
	(void)arg;
	LAW(at == now && (report->ok || report->error[0]), "a plan that failed says why");
	plans_done++;
}

static void on_plan_finished(void *arg, const struct ft_plan_report *report, int64_t at)
{
	(void)arg, (void)report, (void)at;
	plans_finished++;
}

static void on_disk(void *arg, bool own, const char *what, int64_t at)
{
	(void)arg, (void)own, (void)at;
	LAW(what, "a disk's failure has words");
}

static void on_shutdown(void *arg, const char *reason, int64_t at)
{
	(void)arg, (void)reason, (void)at;
}

static void run_plan(void)
{
	if (plans_run == plans_finished) { /* as the core does: one after the other */
		plans_run++;
		ft_qmp_run_plan(qmp);
	}
}

static void act(struct input *in)
{
	struct qemu *q = &qemus[choose(in, SOCKETS)];
	const uint8_t *bytes;
	size_t n;
	switch (choose(in, 12)) {
	case 0:
		now += (int64_t)take(in, 2) * FT_NS_PER_MS;
		break;
	case 1:
		n = take_bytes(in, take(in, 1), &bytes);
		say(q, bytes, n);
		break;
	case 2:
		speak(q, in);
		break;
	case 3:
		hang_up(q);
		break;
	case 4:
		run_plan();
		break;
	case 5:
		ft_qmp_probe(qmp);
		ft_qmp_yank(qmp);
		break;
	case 6:
		ft_qmp_set_frozen(qmp, take(in, 1) & 1);
		break;
	case 7:
		ft_qmp_catch_up(qmp);
		ft_qmp_ask_traits(qmp);
		break;
	default:
		answer_next(q, in);
	}
}

static void turn(struct event_base *base, struct ft_timers *timers)
{
	ft_timers_join(timers);
	event_base_loop(base, EVLOOP_NONBLOCK);
	for (int i = 0; i < SOCKETS; i++)
		look(&qemus[i]);
}

static void set_up(void)
{
	static const char *const roles[] = {"primary", "secondary"};
	char path[128];
	for (int i = 0; i < TIMES; i++) {
		snprintf(path, sizeof path, "tests/unit/fixtures/default-%s.json", roles[i & 1]);
		recorded[i] = json_load_file(path, 0, NULL);
		LAW(recorded[i], "the fixtures, from the project's root");
		add_answers(recorded[i], roles[i & 1], i > 1);
	}
	listen_at(&qemus[0], config.socket, "qmp");
	listen_at(&qemus[1], config.oob_socket, "oob");
	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ft_qmp_callbacks cb = {on_view,      on_colo_exit,     on_checkpoint, on_hung,
	                                           on_plan_done, on_plan_finished, on_disk,       on_shutdown};
	struct input in = {data, size};
	if (!recorded[0])
		set_up();
	for (int i = 0; i < SOCKETS; i++)
		qemus[i].fd = -1;
	now = BEGINS;
	plans_run = plans_done = plans_finished = 0;
	struct event_base *base = event_base_new();
	struct ft_timers *timers = ft_timers_new(base);
	qmp = ft_qmp_new(base, timers, &config, &cb, NULL);
	while (in.left > 0) {
		turn(base, timers);
		act(&in);
	}
	/* Every plan ends, within its deadlines, whatever QEMU does. */
	for (int64_t end = now + HOUR; plans_finished < plans_run && now < end; now += 500 * FT_NS_PER_MS)
		turn(base, timers);
	LAW(plans_done == plans_run && plans_finished == plans_run, "every plan ends");
	ft_qmp_free(qmp);
	ft_timers_free(timers);
	event_base_free(base);
	for (int i = 0; i < SOCKETS; i++) {
		hang_up(&qemus[i]);
		for (int fd; (fd = accept(qemus[i].listener, NULL, NULL)) >= 0;)
			close(fd);
	}
	return 0;
}
