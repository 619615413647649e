/* Many COLO pairs of QEMU that are none: a process a side, for benchmarks in which hundreds of real ones find no room.
 * Knows: QMP, what a QEMU 7.2 in COLO answers and tells (recorded: tests/unit/fixtures), and when.
 * Must not know: ftd, beyond what ftd can ask.
 *
 *   fake_qemu FIXTURES DIR PAIRS CHECKPOINT_MS [events | large | larger | rubbish | mute]
 *
 * Side a (primary) and b (secondary) of pair N listen on DIR/N/a/qmp.sock, DIR/N/a/qmp-oob.sock and so on.  Standard output,
 * a line each: "side N a PID" once it listens, then "ready"; "lead N b NANOSECONDS" (CLOCK_REALTIME) when a side was told to
 * lead alone and its guest runs.  All end with the first process.
 *
 * Checkpoints, the failover command and the death of the other side are followed by the events that a real QEMU sends.  What
 * takes a real one a few ms takes these nothing, and no name is ever taken off a list but by the failover.
 *
 * With a fifth argument a side is hostile from SIGUSR1 on: events as fast as they are read; such events and answers as large as ftd
 * lets them be; answers that are larger; random bytes for answers and events; silence. */
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define GREETING                                                                                                       \
	"{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, \"package\": \"fake\"}, "     \
	"\"capabilities\": [\"oob\"]}}\r\n"
#define ANSWERS_MAX     256
#define SOCKET_PATH_MAX 108
#define SMALL           (256u << 10) /* what ftd takes for one object, and for a list that it has asked for */
#define LARGE           (4u << 20)
#define RUBBISH         4096

enum { QMP, OOB, CHANNELS };
enum hostility { FRIENDLY, EVENTS, LARGE_ONES, LARGER, RUBBISH_ONLY, MUTE };
static const char *const hostilities[] = {"", "events", "large", "larger", "rubbish", "mute"};
static enum hostility can_be;
static volatile sig_atomic_t is = FRIENDLY, begins;

/* What a role answers for as long as it is in COLO, rendered once, before the fork: all sides share these pages. */
struct book {
	int n;
	struct {
		char *key, *text; /* the key as topology.c forms it */
	} answers[ANSWERS_MAX];
	char *yanks_left; /* query-yank once the failover is done */
};

struct client {
	int listener, fd; /* fd -1: nobody */
	int passed, kept; /* files that came with a request; -1: none */
	size_t len;
	char in[8192];
};

struct side {
	const struct book *book;
	int pair;
	char letter;
	const char *role;
	struct client clients[CHANNELS];
	int partner; /* a stream to the other side, -1: it has died */
	bool alone;  /* x-colo-lost-heartbeat was carried out */
	bool exit_told;
	int64_t every, next; /* ns; primary: of checkpoints, and when the next one is due */
};

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void fail(const char *what)
{
	fprintf(stderr, "fake_qemu: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the recorded answers ---- */

static void add_answer(struct book *book, const char *key, const json_t *value)
{
	if (book->n == ANSWERS_MAX)
		fail("too many answers in the fixture");
	book->answers[book->n].key = strdup(key);
	book->answers[book->n++].text = json_dumps(value, JSON_ENCODE_ANY);
}

static char *monitors_of(const json_t *yanks)
{
	json_t *left = json_array(), *instance;
	size_t i;
	json_array_foreach(yanks, i, instance)
	{
		const char *id = json_string_value(json_object_get(instance, "id"));
		if (id && !strncmp(id, "compat_monitor", 14))
			json_array_append(left, instance);
	}
	char *text = json_dumps(left, 0);
	json_decref(left);
	return text;
}

static void load_book(struct book *book, const char *folder, const char *role)
{
	char path[4096];
	const char *key;
	json_t *value;
	json_error_t error;

	snprintf(path, sizeof path, "%s/default-%s.json", folder, role);
	json_t *fixture = json_load_file(path, 0, &error);
	if (!fixture) {
		fprintf(stderr, "fake_qemu: %s:%d: %s\n", path, error.line, error.text);
		exit(1);
	}
	json_object_foreach(fixture, key, value) add_answer(book, key, value);
	book->yanks_left = monitors_of(json_object_get(fixture, "query-yank"));
	json_decref(fixture);
}

static const char *recorded(const struct book *book, const char *key)
{
	for (int i = 0; i < book->n; i++)
		if (!strcmp(book->answers[i].key, key))
			return book->answers[i].text;
	return NULL;
}

/* ---- speaking ---- */

static void hang_up(struct client *c)
{
	close(c->fd);
	c->fd = -1;
	c->len = 0;
}

static void say(struct client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct client *c, const char *format, ...)
{
	static char text[65536];
	va_list ap;

	if (c->fd < 0)
		return;
	va_start(ap, format);
	int len = vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	/* A client that does not read for so long that its buffer is full has gone wrong. */
	if (len < 0 || (size_t)len >= sizeof text || send(c->fd, text, (size_t)len, MSG_NOSIGNAL) != len)
		hang_up(c);
}

static void say_bytes(struct client *c, const char *bytes, size_t len)
{
	for (size_t at = 0; c->fd >= 0 && at < len;) {
		ssize_t n = send(c->fd, bytes + at, len - at, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			hang_up(c);
		else
			at += (size_t)n;
	}
}

/* Fills up an object that is to be len bytes, with as many values as ftd lets it have. */
static void say_stuffing(struct client *c, size_t len)
{
	static const char unit[] = "{},                             ";
	static char stuffing[LARGE];

	if (!stuffing[0])
		for (size_t i = 0; i + sizeof unit <= sizeof stuffing; i += sizeof unit - 1)
			memcpy(stuffing + i, unit, sizeof unit - 1);
	say(c, ", \"stuffing\": [");
	say_bytes(c, stuffing, len / (sizeof unit - 1) * (sizeof unit - 1));
	say(c, "{}]");
}

static void say_rubbish(struct client *c)
{
	char bytes[RUBBISH];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(random() >> 8);
	say_bytes(c, bytes, sizeof bytes);
}

/* data: JSON, or "" for none. */
static void tell(struct side *s, const char *event, const char *data)
{
	int64_t us = now_ns(CLOCK_REALTIME) / 1000;
	for (int i = 0; i < CHANNELS; i++)
		say(&s->clients[i],
		    "{\"timestamp\": {\"seconds\": %lld, \"microseconds\": %lld}, \"event\": \"%s\"%s%s}\r\n",
		    (long long)(us / 1000000), (long long)(us % 1000000), event, *data ? ", \"data\": " : "", data);
}

static void tell_exit(struct side *s, const char *reason)
{
	char data[80];
	if (s->exit_told)
		return;
	s->exit_told = true;
	snprintf(data, sizeof data, "{\"mode\": \"%s\", \"reason\": \"%s\"}", s->role, reason);
	tell(s, "COLO_EXIT", data);
}

static void checkpoint(struct side *s)
{
	tell(s, "STOP", "");
	tell(s, "RESUME", "");
}

/* The primary's part of a checkpoint; it is then that a real one finds out that its secondary is gone. */
static void start_checkpoint(struct side *s)
{
	if (s->alone)
		return;
	s->next = now_ns(CLOCK_MONOTONIC) + s->every;
	if (s->partner >= 0 && send(s->partner, "", 1, MSG_NOSIGNAL) == 1)
		checkpoint(s);
	else
		tell_exit(s, "error");
}

/* ---- hostility ---- */

static void on_signal(int sig)
{
	(void)sig;
	begins = 1;
	is = (int)can_be;
}

static void learn_hostility(const char *word)
{
	struct sigaction action = {.sa_handler = on_signal};

	for (size_t i = 1; i < sizeof hostilities / sizeof hostilities[0]; i++)
		if (!strcmp(word, hostilities[i]))
			can_be = (enum hostility)i;
	if (can_be == FRIENDLY || sigaction(SIGUSR1, &action, NULL) != 0)
		fail(word);
}

/* Who connects anew asks a hundred questions. */
static void be_asked_anew(struct side *s)
{
	begins = 0;
	for (int i = 0; i < CHANNELS; i++)
		if (s->clients[i].fd >= 0)
			hang_up(&s->clients[i]);
}

/* What nobody has asked for.  Of a checkpoint ftd makes the most. */
static void flood(struct side *s)
{
	for (int i = 0; i < CHANNELS; i++) {
		struct client *c = &s->clients[i];
		for (int n = 0; is == EVENTS && n < 16; n++)
			say(c,
			    "{\"timestamp\": {\"seconds\": %d, \"microseconds\": 2}, \"event\": \"%s\"}\r\n"
			    "{\"timestamp\": {\"seconds\": %d, \"microseconds\": 2}, \"event\": "
			    "\"NOBODY_KNOWS_%d\"}\r\n",
			    n, n % 2 ? "RESUME" : "STOP", n, n);
		if (is == LARGE_ONES) {
			say(c, "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"RESUME\"");
			say_stuffing(c, SMALL - 512);
			say(c, "}\r\n");
		}
		if (is == RUBBISH_ONLY)
			say_rubbish(c);
	}
}

/* Whether this answer is one of these. */
static bool answers_badly(struct client *c, const char *command, const char *value, const char *id)
{
	bool list = !strcmp(command, "query-named-block-nodes");

	if (is == RUBBISH_ONLY)
		say_rubbish(c);
	if (is != LARGE_ONES && is != LARGER)
		return is == RUBBISH_ONLY;
	say(c, "{\"return\": %s, \"id\": %s", value, id);
	say_stuffing(c, is == LARGER ? LARGE : list ? LARGE - SMALL : SMALL - RUBBISH);
	say(c, "}\r\n");
	return true;
}

/* ---- commands ---- */

static bool is_primary(const struct side *s)
{
	return s->letter == 'a';
}

/* The events in the order of a real one's. */
static void lead_alone(struct side *s)
{
	s->alone = true;
	tell(s, "STOP", "");
	if (is_primary(s))
		tell(s, "MIGRATION", "{\"status\": \"completed\"}");
	tell_exit(s, "request");
	tell(s, "RESUME", "");
	printf("lead %d %c %lld\n", s->pair, s->letter, (long long)now_ns(CLOCK_REALTIME));
}

/* What depends on where this side stands; NULL for what does not. */
static const char *present(const struct side *s, const char *command, char room[160])
{
	if (!strcmp(command, "query-status"))
		return "{\"status\": \"running\", \"singlestep\": false, \"running\": true}";
	if (!strcmp(command, "query-colo-status"))
		snprintf(room, 160, "{\"last-mode\": \"%s\", \"mode\": \"%s\", \"reason\": \"%s\"}",
		         s->alone ? s->role : "none", s->alone ? "none" : s->role, s->alone ? "request" : "none");
	else if (!strcmp(command, "query-migrate"))
		snprintf(room, 160, "{\"status\": \"%s\"}", s->alone ? "completed" : "colo");
	else if (!strcmp(command, "query-cpus-fast"))
		snprintf(room, 160, "[{\"thread-id\": %d, \"cpu-index\": 0, \"target\": \"x86_64\"}]", (int)getpid());
	else if (s->alone && !strcmp(command, "query-yank"))
		return s->book->yanks_left;
	else
		return NULL;
	return room;
}

static const char *from_book(const struct side *s, const char *command, const json_t *arguments)
{
	char key[512];
	const char *path = json_string_value(json_object_get(arguments, "path"));
	const char *property = json_string_value(json_object_get(arguments, "property"));

	if (path && property)
		snprintf(key, sizeof key, "%s.%s", path, property);
	else
		snprintf(key, sizeof key, "%s%s%s", command, path ? " " : "", path ? path : "");
	return recorded(s->book, key);
}

/* As QEMU does: what came along with the request, and none without. */
static bool keeps_file(struct client *c, const char *command)
{
	bool drop = !strcmp(command, "closefd");
	if (!drop && (strcmp(command, "getfd") != 0 || c->passed < 0))
		return false;
	if (c->kept >= 0)
		close(c->kept);
	c->kept = drop ? -1 : c->passed;
	c->passed = -1;
	return true;
}

static bool just_succeeds(const char *command)
{
	static const char *const commands[] = {"qmp_capabilities", "yank",
	                                       "object-del",       "chardev-remove",
	                                       "blockdev-del",     "x-blockdev-change",
	                                       "nbd-server-stop",  "block-export-del"};
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (!strcmp(command, commands[i]))
			return true;
	return false;
}

static void answer(struct side *s, struct client *c, const char *command, const json_t *arguments, const char *id)
{
	char room[160];
	const char *value = present(s, command, room);

	if (!value)
		value = from_book(s, command, arguments);
	if (!value && (just_succeeds(command) || keeps_file(c, command)))
		value = "{}";
	if (!strcmp(command, "x-colo-lost-heartbeat") && !s->alone) {
		say(c, "{\"return\": {}, \"id\": %s}\r\n", id);
		lead_alone(s);
	} else if (!strcmp(command, "x-colo-lost-heartbeat")) {
		say(c,
		    "{\"error\": {\"class\": \"GenericError\", \"desc\": \"The feature 'colo' is not enabled\"}, "
		    "\"id\": %s}\r\n",
		    id);
	} else if (!strcmp(command, "migrate-set-parameters")) {
		say(c, "{\"return\": {}, \"id\": %s}\r\n", id);
		if (is_primary(s))
			start_checkpoint(s);
	} else if (value && !answers_badly(c, command, value, id)) {
		say(c, "{\"return\": %s, \"id\": %s}\r\n", value, id);
	} else if (!value) {
		say(c,
		    "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command %s has not been found\"}, "
		    "\"id\": %s}\r\n",
		    command, id);
	}
	if (!strcmp(command, "nbd-server-stop"))
		tell(s, "BLOCK_EXPORT_DELETED", "{\"id\": \"parent0\"}");
}

static void request(struct side *s, struct client *c, const char *line, size_t len)
{
	json_t *asked = json_loadb(line, len, 0, NULL);
	const char *command = json_string_value(json_object_get(asked, "execute"));
	json_t *id = json_object_get(asked, "id");

	if (!command)
		command = json_string_value(json_object_get(asked, "exec-oob"));
	if (!command) {
		json_decref(asked);
		hang_up(c);
		return;
	}
	char *id_text = id ? json_dumps(id, JSON_ENCODE_ANY) : strdup("null");
	answer(s, c, command, json_object_get(asked, "arguments"), id_text);
	free(id_text);
	json_decref(asked);
}

static ssize_t receive(struct client *c)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {.iov_base = c->in + c->len, .iov_len = sizeof c->in - c->len};
	struct msghdr message = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t n = recvmsg(c->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *head = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (head)
		memcpy(&c->passed, CMSG_DATA(head), sizeof c->passed);
	return n;
}

static void listen_to(struct side *s, struct client *c)
{
	ssize_t n = receive(c);
	if (n <= 0) {
		hang_up(c);
		return;
	}
	c->len += (size_t)n;
	for (char *end; c->len > 0 && (end = memchr(c->in, '\n', c->len)) != NULL;) {
		size_t line = (size_t)(end - c->in) + 1;
		request(s, c, c->in, line);
		if (c->fd < 0)
			return;
		c->len -= line;
		memmove(c->in, c->in + line, c->len);
	}
}

/* ---- a side's life ---- */

static void take_client(struct client *c)
{
	c->fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC);
	say(c, GREETING);
}

static void hear_partner(struct side *s)
{
	char byte;
	if (recv(s->partner, &byte, 1, MSG_DONTWAIT) == 1) {
		if (!s->alone)
			checkpoint(s);
		return;
	}
	close(s->partner);
	s->partner = -1;
	if (!is_primary(s))
		tell_exit(s, "error");
}

static int until_checkpoint(const struct side *s)
{
	if (!is_primary(s) || s->alone)
		return -1;
	int64_t left = s->next - now_ns(CLOCK_MONOTONIC);
	return left > 0 ? (int)(left / 1000000) + 1 : 0;
}

static void serve(struct side *s)
{
	struct pollfd fds[CHANNELS + 1];
	for (int i = 0; i < CHANNELS; i++) {
		struct client *c = &s->clients[i];
		fds[i] = (struct pollfd){.fd = is == MUTE ? -1 : c->fd >= 0 ? c->fd : c->listener, .events = POLLIN};
	}
	fds[CHANNELS] = (struct pollfd){.fd = s->partner, .events = POLLIN};
	bool floods = is == EVENTS || is == LARGE_ONES || is == RUBBISH_ONLY;
	if (poll(fds, CHANNELS + 1, floods ? 0 : until_checkpoint(s)) < 0) {
		if (errno != EINTR)
			fail("poll");
		return;
	}
	for (int i = 0; i < CHANNELS; i++) {
		if (!fds[i].revents)
			continue;
		if (s->clients[i].fd >= 0)
			listen_to(s, &s->clients[i]);
		else
			take_client(&s->clients[i]);
	}
	if (fds[CHANNELS].revents)
		hear_partner(s);
	if (is == LARGE_ONES && begins)
		be_asked_anew(s);
	if (floods)
		flood(s);
	if (until_checkpoint(s) == 0)
		start_checkpoint(s);
}

static int listener(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (snprintf(address.sun_path, SOCKET_PATH_MAX, "%s", path) >= SOCKET_PATH_MAX)
		errno = ENAMETOOLONG;
	else if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0)
		return fd;
	fail(path);
	return -1;
}

static _Noreturn void live(struct side *s, const char *dir, pid_t parent)
{
	static const char *const names[CHANNELS] = {"qmp", "qmp-oob"};
	char path[4096];

	setsid(); /* the kernel shares the processors out among sessions: all sides together must not count as one */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	for (int i = 0; i < CHANNELS; i++) {
		snprintf(path, sizeof path, "%s/%d/%c/%s.sock", dir, s->pair, s->letter, names[i]);
		s->clients[i] = (struct client){.listener = listener(path), .fd = -1, .passed = -1, .kept = -1};
	}
	/* Not all pairs at the same moment. */
	s->next = now_ns(CLOCK_MONOTONIC) + s->every * (s->pair % 97) / 97;
	printf("side %d %c %d\n", s->pair, s->letter, (int)getpid());
	for (;;)
		serve(s);
}

static void start_pair(int pair, const char *dir, const struct book books[2], int64_t every)
{
	static struct side side;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		fail("socketpair");
	for (int i = 0; i < 2; i++) {
		pid_t parent = getpid(), pid = fork();
		if (pid < 0)
			fail("fork");
		if (pid > 0)
			continue;
		close(ends[!i]);
		side = (struct side){
		    .book = &books[i],
		    .pair = pair,
		    .letter = i == 0 ? 'a' : 'b',
		    .role = i == 0 ? "primary" : "secondary",
		    .partner = ends[i],
		    .every = every,
		};
		live(&side, dir, parent);
	}
	close(ends[0]);
	close(ends[1]);
}

int main(int argc, char **argv)
{
	static struct book books[2];

	if (argc != 5 && argc != 6) {
		fputs("usage: fake_qemu FIXTURES DIR PAIRS CHECKPOINT_MS [HOSTILITY]\n", stderr);
		return 2;
	}
	if (argc == 6)
		learn_hostility(argv[5]);
	setvbuf(stdout, NULL, _IOLBF, 0); /* a line is one write, so that those of many processes do not mix */
	signal(SIGCHLD, SIG_IGN);         /* nobody waits for a side that was killed */
	load_book(&books[0], argv[1], "primary");
	load_book(&books[1], argv[1], "secondary");
	for (int pair = 0; pair < atoi(argv[3]); pair++)
		start_pair(pair, argv[2], books, atoll(argv[4]) * 1000000);
	puts("ready");
	for (;;)
		pause();
}
