/* A QMP server in a process of its own that can be made to misbehave: what a real QEMU cannot be asked to do.
 * Its greeting and envelope are those of QEMU 7.2 (test_session.c checks that against a real one); it plays a secondary
 * without a network, which x-colo-lost-heartbeat promotes. */
#ifndef FT_TESTS_FAKE_QMP_H
#define FT_TESTS_FAKE_QMP_H

#include <fcntl.h>
#include <jansson.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAKE_GREETING                                                                                                  \
	"{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, \"package\": \"fake\"}, "     \
	"\"capabilities\": [\"oob\"]}}\r\n"
#define FAKE_BIG    (1u << 20) /* more than ftd takes for one object, unless it has asked for a list */
#define FAKE_EVENTS 16         /* more than ftd has requests under way */

enum { FAKE_QMP, FAKE_OOB };

/* Shared with the test. The test writes the first part at any time, the fake the second. */
struct fake_orders {
	atomic_int no_greeting;   /* accepts and says nothing */
	atomic_int bad_greeting;  /* says something that is not QMP */
	atomic_int mute[2];       /* requests wait unread; answered, in order, once this is 0 again */
	atomic_int hang_up_on[2]; /* closes instead of answering the Nth request from now; 0: never */
	atomic_int big_answers;   /* answers to query-status are too large */
	atomic_int big_lists;     /* those to query-named-block-nodes are as large, and may be */
	atomic_int big_events;    /* many events as large come before those */
	atomic_int big_numbers;   /* the migration may take all bandwidth there is, and the answer says more such */
	atomic_int comes_in;      /* its migration is not through: no COLO yet */
	atomic_int stranger;      /* it has a chardev mon0 that nobody knows what it is for */
	atomic_int refuses;       /* the failover command */
	atomic_int thread_id;     /* that it says its CPU has; 0: its own */
	atomic_int another_says;  /* a child of it writes one answer */
	atomic_int rubbish;       /* before each answer comes an event, and before one of them a broken line */
	atomic_int say;           /* counts up: sends the event in event on both connections */
	char event[256];

	atomic_int said; /* follows say */
	atomic_int accepted[2];
	atomic_int nodes;       /* query-named-block-nodes was asked so often */
	atomic_int promoted;    /* x-colo-lost-heartbeat was carried out */
	atomic_int return_path; /* its capabilities: beside x-colo, which is on */
	atomic_int parameters;  /* migrate-set-parameters was asked so often, rightly */
};

struct fake {
	pid_t pid;
	bool contained;
	bool socket_passed; /* to be started with sockets that the test listens on */
	char paths[2][108];
	struct fake_orders *orders;
};

struct fake_client {
	int listener, fd;
	char in[65536];
	size_t len;
};

/* In the fake: what came along with the bytes it read last, and what it was told to keep of that; -1: nothing. */
static int fake_passed = -1, fake_kept = -1;
/* A socket: what it was told to keep is passed on to whoever holds the other end; -1: to nobody. */
static int fake_lends_to = -1;

static void fake_say(int fd, const char *text)
{
	for (size_t at = 0, len = strlen(text); at < len;) {
		ssize_t n = send(fd, text + at, len - at, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		at += (size_t)n;
	}
}

static json_t *fake_error(const char *class, const char *desc)
{
	return json_pack("{s:{s:s,s:s}}", "error", "class", class, "desc", desc);
}

static json_t *fake_lost_heartbeat(struct fake_orders *o)
{
	if (o->refuses)
		return fake_error("GenericError", "no");
	if (atomic_exchange(&o->promoted, 1))
		return fake_error("GenericError", "The feature 'colo' is not enabled");
	return json_pack("{s:{}}", "return");
}

static void fake_lend(int file)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.room = {0}};
	struct iovec part = {.iov_base = (char[1]){0}, .iov_len = 1};
	struct msghdr message = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.head), &file, sizeof file);
	if (sendmsg(fake_lends_to, &message, 0) < 0)
		abort();
}

static json_t *fake_getfd(void)
{
	if (fake_passed < 0)
		return fake_error("GenericError", "No file descriptor supplied via SCM_RIGHTS");
	if (fake_kept >= 0)
		close(fake_kept);
	fake_kept = fake_passed;
	fake_passed = -1;
	if (fake_lends_to >= 0) {
		fake_lend(fake_kept);
		usleep(200000); /* it is to have it before ftd looks */
	}
	return json_pack("{s:{}}", "return");
}

static json_t *fake_closefd(void)
{
	if (fake_kept < 0 || close(fake_kept) < 0)
		abort();
	fake_kept = -1;
	return json_pack("{s:{}}", "return");
}

/* What it is, as a QEMU 7.2 says it; NULL: that is not the question. */
static json_t *fake_traits(const struct fake_orders *o, const char *command, const json_t *arguments)
{
	const char *property = json_string_value(json_object_get(arguments, "property"));
	if (!strcmp(command, "qom-get") && property && !strcmp(property, "type"))
		return json_pack("{s:s}", "return", "pc-i440fx-7.2-machine");
	if (!strcmp(command, "query-migrate-capabilities"))
		return json_pack("{s:[{s:b,s:s},{s:b,s:s}]}", "return", "state", (int)o->return_path, "capability",
		                 "return-path", "state", 1, "capability", "x-colo");
	if (!strcmp(command, "query-memory-size-summary"))
		return json_pack("{s:{s:i,s:i}}", "return", "base-memory", 16 << 20, "plugged-memory", 0);
	return NULL;
}

static json_t *fake_answer(struct fake_orders *o, const char *command, const json_t *arguments)
{
	bool promoted = o->promoted, comes_in = o->comes_in;
	static const char *const empty_lists[] = {"query-named-block-nodes", "query-block-exports", "query-chardev",
	                                          "qom-list"};
	static const char *const empty_objects[] = {"qmp_capabilities", "yank", "nbd-server-stop"};
	if (!strcmp(command, "query-status"))
		return json_pack("{s:{s:b,s:b,s:s}}", "return", "running", 1, "singlestep", 0, "status",
		                 comes_in ? "inmigrate" : "running");
	o->nodes += !strcmp(command, "query-named-block-nodes");
	if (!strcmp(command, "query-colo-status"))
		return json_pack("{s:{s:s,s:s,s:s}}", "return", "mode", promoted || comes_in ? "none" : "secondary",
		                 "last-mode", promoted ? "secondary" : "none", "reason", "none");
	if (!strcmp(command, "query-migrate"))
		return json_pack("{s:{s:s}}", "return", "status", promoted ? "completed" : "colo");
	if (!strcmp(command, "query-migrate-parameters"))
		return json_pack("{s:{s:i}}", "return", "x-checkpoint-delay", 345);
	if (!strcmp(command, "query-yank") && o->stranger)
		return json_pack("{s:[{s:s},{s:s,s:s}]}", "return", "type", "migration", "type", "chardev", "id",
		                 "mon0");
	if (!strcmp(command, "query-chardev") && o->stranger)
		return json_pack("{s:[{s:s,s:s}]}", "return", "label", "mon0", "filename",
		                 "disconnected:tcp:0.0.0.0:4444,server=on");
	if (!strcmp(command, "query-yank"))
		return json_pack(promoted ? "{s:[]}" : "{s:[{s:s}]}", "return", "type", "migration");
	if (!strcmp(command, "query-cpus-fast"))
		return json_pack("{s:[{s:i}]}", "return", "thread-id", o->thread_id ? o->thread_id : (int)getpid());
	if (!strcmp(command, "getfd"))
		return fake_getfd();
	if (!strcmp(command, "closefd"))
		return fake_closefd();
	if (!strcmp(command, "x-debug-query-block-graph"))
		return json_pack("{s:{s:[],s:[]}}", "return", "nodes", "edges");
	if (!strcmp(command, "x-colo-lost-heartbeat"))
		return fake_lost_heartbeat(o);
	json_t *traits = fake_traits(o, command, arguments);
	if (traits)
		return traits;
	if (!strcmp(command, "migrate-set-parameters")) {
		o->parameters += json_integer_value(json_object_get(arguments, "x-checkpoint-delay")) == 345;
		return json_pack("{s:{}}", "return");
	}
	for (size_t i = 0; i < sizeof empty_lists / sizeof empty_lists[0]; i++)
		if (!strcmp(command, empty_lists[i]))
			return json_pack("{s:[]}", "return");
	for (size_t i = 0; i < sizeof empty_objects / sizeof empty_objects[0]; i++)
		if (!strcmp(command, empty_objects[i]))
			return json_pack("{s:{}}", "return");
	return fake_error("CommandNotFound", "The command has not been found");
}

static void fake_say_big(int fd, const char *before, const char *after)
{
	char *big = malloc(FAKE_BIG + 1);
	memset(big, 'x', FAKE_BIG);
	big[FAKE_BIG] = '\0';
	fake_say(fd, before);
	fake_say(fd, big);
	fake_say(fd, after);
	free(big);
}

/* False: hang up. */
static bool fake_request(struct fake_orders *o, struct fake_client *c, int which, const char *line, size_t len)
{
	json_t *request = json_loadb(line, len, 0, NULL);
	const char *command = json_string_value(json_object_get(request, "execute"));
	if (!command)
		command = json_string_value(json_object_get(request, "exec-oob"));
	if (!command || (o->hang_up_on[which] > 0 && --o->hang_up_on[which] == 0)) {
		json_decref(request);
		return false;
	}
	if (o->rubbish) {
		fake_say(c->fd, "{\"timestamp\": {}, \"event\": \"NOBODY_KNOWS_THIS\"}\r\n");
		fake_say(c->fd, o->rubbish == 2 ? "{\"return\": ]\r\n" : "{\"return\": 1, \"id\": 4711}\r\n");
	}
	for (int i = 0; o->big_events && i < FAKE_EVENTS && !strcmp(command, "query-named-block-nodes"); i++)
		fake_say_big(c->fd, "{\"event\": \"", "\"}\r\n");
	if (o->big_answers && !strcmp(command, "query-status")) {
		fake_say_big(c->fd, "{\"return\": {\"status\": \"", "\"}}\r\n");
	} else if (o->big_numbers && !strcmp(command, "query-migrate-parameters")) {
		char text[256];
		snprintf(text, sizeof text,
		         "{\"return\": {\"x\": \"\\\"99999999999999999999\", \"y\": [9223372036854775808,-9], "
		         "\"max-bandwidth\": 18446744073709551615, \"x-checkpoint-delay\": 346}, \"id\": %d}\r\n",
		         (int)json_integer_value(json_object_get(request, "id")));
		fake_say(c->fd, text);
	} else {
		json_t *answer = fake_answer(o, command, json_object_get(request, "arguments"));
		json_object_set(answer, "id", json_object_get(request, "id"));
		if (o->big_lists && !strcmp(command, "query-named-block-nodes"))
			json_object_set_new(answer, "disks", json_sprintf("%*s", (int)FAKE_BIG, "many"));
		char *text = json_dumps(answer, 0);
		pid_t child = atomic_exchange(&o->another_says, 0) ? fork() : -1;
		if (child > 0)
			waitpid(child, NULL, 0);
		else
			fake_say(c->fd, text);
		if (child == 0)
			_exit(0);
		fake_say(c->fd, "\r\n");
		free(text);
		json_decref(answer);
	}
	json_decref(request);
	return true;
}

static void fake_hang_up(struct fake_client *c)
{
	close(c->fd);
	c->fd = -1;
	c->len = 0;
}

static ssize_t fake_receive(struct fake_client *c)
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
		memcpy(&fake_passed, CMSG_DATA(head), sizeof fake_passed);
	return n;
}

static void fake_read(struct fake_orders *o, struct fake_client *c, int which)
{
	ssize_t n = fake_receive(c);
	if (n <= 0) {
		fake_hang_up(c);
		return;
	}
	c->len += (size_t)n;
	for (char *end; (end = memchr(c->in, '\n', c->len)) != NULL;) {
		size_t line = (size_t)(end - c->in) + 1;
		if (!fake_request(o, c, which, c->in, line)) {
			fake_hang_up(c);
			return;
		}
		c->len -= line;
		memmove(c->in, c->in + line, c->len);
	}
}

static void fake_accept(struct fake_orders *o, struct fake_client *c, int which)
{
	c->fd = accept(c->listener, NULL, NULL);
	if (c->fd < 0)
		return;
	o->accepted[which]++;
	if (o->bad_greeting)
		fake_say(c->fd, "SSH-2.0-not QMP at all\r\n");
	else if (!o->no_greeting)
		fake_say(c->fd, FAKE_GREETING);
}

static void fake_serve(struct fake_orders *o, struct fake_client clients[2])
{
	for (;;) {
		struct pollfd fds[2];
		for (int i = 0; i < 2; i++) {
			bool deaf = clients[i].fd >= 0 && o->mute[i];
			fds[i] = (struct pollfd){.fd = deaf                 ? -1
			                               : clients[i].fd >= 0 ? clients[i].fd
			                                                    : clients[i].listener,
			                         .events = POLLIN};
		}
		poll(fds, 2, 2);
		for (int i = 0; i < 2; i++) {
			if (!fds[i].revents)
				continue;
			if (clients[i].fd >= 0)
				fake_read(o, &clients[i], i);
			else
				fake_accept(o, &clients[i], i);
		}
		for (; o->said != o->say; o->said++)
			for (int i = 0; i < 2; i++)
				if (clients[i].fd >= 0)
					fake_say(clients[i].fd, o->event);
	}
}

static int fake_listen(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	unlink(path);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 1) < 0)
		abort();
	return fd;
}

/* contained: in a pid namespace of its own; -1 where none may be made. */
static pid_t fake_fork(bool contained)
{
	struct clone_args how = {.flags = contained ? CLONE_NEWPID : 0, .exit_signal = SIGCHLD};
	return (pid_t)syscall(SYS_clone3, &how, sizeof how);
}

static bool fake_may_be_contained(void)
{
	pid_t pid = fake_fork(true);
	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid(pid, NULL, 0) == pid;
}

/* Orders for a fake to come: they can be given before it starts. */
static void fake_prepare(struct fake *f, const char *dir, const char *name)
{
	memset(f, 0, sizeof *f);
	snprintf(f->paths[FAKE_QMP], sizeof f->paths[0], "%s/%s.sock", dir, name);
	snprintf(f->paths[FAKE_OOB], sizeof f->paths[0], "%s/%s-oob.sock", dir, name);
	f->orders = mmap(NULL, sizeof *f->orders, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (f->orders == MAP_FAILED)
		abort();
}

static void fake_open(const struct fake *f, struct fake_client clients[2])
{
	for (int i = 0; i < 2; i++)
		clients[i] = (struct fake_client){.listener = fake_listen(f->paths[i]), .fd = -1};
}

static void fake_start(struct fake *f)
{
	static struct fake_client clients[2];
	int ready[2];
	char byte;
	if (f->socket_passed)
		fake_open(f, clients);
	if (pipe(ready) < 0 || (f->pid = fake_fork(f->contained)) < 0)
		abort();
	if (f->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!f->socket_passed)
			fake_open(f, clients);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		fake_serve(f->orders, clients);
	}
	if (read(ready[0], &byte, 1) != 1)
		abort();
	close(ready[0]);
	close(ready[1]);
	for (int i = 0; f->socket_passed && i < 2; i++)
		close(clients[i].listener);
}

static void fake_emit(struct fake *f, const char *name, const char *data)
{
	snprintf(f->orders->event, sizeof f->orders->event,
	         "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"%s\"%s%s}\r\n", name,
	         *data ? ", \"data\": " : "", data);
	int wanted = ++f->orders->say;
	while (f->orders->said != wanted && kill(f->pid, 0) == 0)
		usleep(1000);
}

static void fake_kill(struct fake *f)
{
	if (f->pid <= 0)
		return;
	kill(f->pid, SIGKILL);
	waitpid(f->pid, NULL, 0);
	f->pid = 0;
}

static void fake_end(struct fake *f)
{
	fake_kill(f);
	if (!f->orders)
		return;
	unlink(f->paths[FAKE_QMP]);
	unlink(f->paths[FAKE_OOB]);
	munmap(f->orders, sizeof *f->orders);
	f->orders = NULL;
}

#endif
