/* See child.h.
 *
 * fork and not vfork or posix_spawn: those hold the parent until exec is done, and a program on a storage that hangs
 * would hold it for ever. */
#include "base/child.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_WAIT_MS 200
#define REFILL_MS    100  /* after the reserve was used: not in the midst of what it was used for */
#define AGAIN_MS     1000 /* after one that died, or could not be had */
#define READS_MAX    16   /* of what a dead child has left in its pipe: others may hold that open and write on */

struct ft_child {
	struct ft_children *all;
	int slot; /* in all */
	pid_t pid;
	int pidfd, pipe; /* pipe -1: closed */
	struct event *died, *readable;
	ft_child_ended *ended; /* NULL: abandoned */
	void *arg;
	size_t len;
	char output[2 * FT_CHILD_KEEPS_MAX];
};

/* A process that waits for its job. */
struct spare {
	pid_t pid; /* 0: none */
	int pidfd, pipe, socket;
	struct event *died;
};

struct ft_children {
	struct event_base *base;
	struct ft_child *slots[FT_CHILDREN_MAX]; /* NULL: free */
	struct spare spare;
	struct event *refill; /* NULL: no reserve is wanted */
};

/* One message to it. */
struct order {
	ft_child_main *run; /* we are forks of one another: the same function there */
	size_t len;
	_Alignas(max_align_t) char job[FT_CHILD_JOB_MAX];
};

static void *must(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

struct ft_children *ft_children_new(struct event_base *base)
{
	struct ft_children *all = must(calloc(1, sizeof(*all)));

	all->base = base;
	return all;
}

int ft_children_running(const struct ft_children *all)
{
	int n = 0;

	for (int i = 0; i < FT_CHILDREN_MAX; i++)
		n += all->slots[i] != NULL;
	return n;
}

enum { OUT = STDERR_FILENO + 1, JOB, FIRST_FREE };

/* Out of the way of the low numbers. */
static int raised(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE);

	if (high < 0)
		_exit(1);
	return high;
}

/* In the child: leaves everything of ftd behind but the output, now OUT, and where its job will come from, now JOB; -1 none. */
static void settle_in(pid_t parent, int out, int job)
{
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int high_out = raised(out), high_job = job >= 0 ? raised(job) : -1;
	if (dup2(high_out, OUT) < 0 || (job >= 0 && dup2(high_job, JOB) < 0))
		_exit(1);
	int empty = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (empty < 0 || dup2(empty, STDIN_FILENO) < 0 || dup2(empty, STDOUT_FILENO) < 0)
		_exit(1);
	close_range(job >= 0 ? FIRST_FREE : JOB, ~0u, 0);
}

/* One read of what is there; returns as read(2) does. */
static ssize_t take_output(struct ft_child *c)
{
	ssize_t n = read(c->pipe, c->output + c->len, sizeof(c->output) - c->len);

	c->len += n > 0 ? (size_t)n : 0;
	if (c->len == sizeof(c->output)) {
		c->len = FT_CHILD_KEEPS_MAX;
		memcpy(c->output, c->output + FT_CHILD_KEEPS_MAX, FT_CHILD_KEEPS_MAX);
	}
	return n;
}

static void close_pipe(struct ft_child *c)
{
	if (c->pipe < 0)
		return;
	event_free(c->readable);
	close(c->pipe);
	c->pipe = -1;
}

static void unlist(struct ft_child *c)
{
	close_pipe(c);
	event_free(c->died);
	close(c->pidfd);
	c->all->slots[c->slot] = NULL;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct ft_child *c = arg;

	(void)fd;
	(void)what;
	if (take_output(c) == 0)
		event_del(c->readable); /* closed: its death follows, or it goes on in silence */
}

static void on_died(evutil_socket_t fd, short what, void *arg)
{
	struct ft_child *c = arg;
	siginfo_t end = {0};

	(void)fd;
	(void)what;
	for (int i = 0; c->pipe >= 0 && i < READS_MAX && take_output(c) > 0; i++) {
	}
	kill(-c->pid, SIGKILL); /* what it has left behind; before it is reaped, while the number is surely its own */
	waitid(P_PIDFD, (id_t)c->pidfd, &end, WEXITED);
	unlist(c); /* before ended, which may free the whole list */
	if (c->ended != NULL) {
		size_t kept = c->len < FT_CHILD_KEEPS_MAX ? c->len : FT_CHILD_KEEPS_MAX;
		c->ended(c->arg, &end, c->output + c->len - kept, kept);
	}
	free(c);
}

static void watch(struct ft_child *c, int pipe)
{
	c->pipe = pipe;
	c->died = must(event_new(c->all->base, c->pidfd, EV_READ, on_died, c));
	c->readable = must(event_new(c->all->base, c->pipe, EV_READ | EV_PERSIST, on_readable, c));
	event_add(c->died, NULL);
	event_add(c->readable, NULL);
	c->all->slots[c->slot] = c;
}

static pid_t fork_child(ft_child_main *run, void *main_arg, int out)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	settle_in(parent, out, -1);
	run(main_arg, OUT);
	_exit(1);
}

/* ---- the reserve ---- */

static pid_t fork_spare(int out, int job)
{
	struct order order;
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	settle_in(parent, out, job);
	prctl(PR_SET_NAME, "ftd-reserve");
	if (recv(JOB, &order, sizeof(order), 0) < (ssize_t)offsetof(struct order, job))
		_exit(0);
	close(JOB);
	order.run(order.job, OUT);
	_exit(1);
}

static void refill_in(struct ft_children *all, int ms)
{
	struct timeval in = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	event_add(all->refill, &in);
}

static void close_fds(const int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

/* Leaves its pipe and its pidfd to whoever has taken them over. */
static void forget_spare(struct spare *spare)
{
	event_free(spare->died);
	close(spare->socket);
	*spare = (struct spare){.pidfd = -1};
}

static void end_spare(struct spare *spare)
{
	struct pollfd dead = {.fd = spare->pidfd, .events = POLLIN};

	if (spare->pid == 0)
		return;
	pidfd_send_signal(spare->pidfd, SIGKILL, NULL, 0);
	if (poll(&dead, 1, KILL_WAIT_MS) == 1)
		waitid(P_PIDFD, (id_t)spare->pidfd, &(siginfo_t){0}, WEXITED);
	close(spare->pipe);
	close(spare->pidfd);
	forget_spare(spare);
}

static void on_spare_died(evutil_socket_t fd, short what, void *arg)
{
	struct ft_children *all = arg;

	(void)fd;
	(void)what;
	end_spare(&all->spare);
	refill_in(all, AGAIN_MS);
}

static bool make_spare(struct ft_children *all)
{
	struct spare *spare = &all->spare;
	int pipe[2], pair[2];

	if (pipe2(pipe, O_CLOEXEC) != 0)
		return false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		close_fds(pipe);
		return false;
	}
	pid_t pid = fork_spare(pipe[1], pair[1]);
	int pidfd = pid > 0 ? pidfd_open(pid, 0) : -1;
	close(pipe[1]);
	close(pair[1]);
	if (pidfd < 0 || evutil_make_socket_nonblocking(pipe[0]) != 0) {
		close(pipe[0]);
		close(pair[0]); /* it ends by this, if it is there */
		if (pidfd >= 0)
			close(pidfd);
		if (pid > 0)
			waitpid(pid, NULL, 0);
		return false;
	}
	setpgid(pid, pid);
	*spare = (struct spare){.pid = pid, .pidfd = pidfd, .pipe = pipe[0], .socket = pair[0]};
	spare->died = must(event_new(all->base, pidfd, EV_READ, on_spare_died, all));
	event_add(spare->died, NULL);
	return true;
}

static void on_refill(evutil_socket_t fd, short what, void *arg)
{
	struct ft_children *all = arg;

	(void)fd;
	(void)what;
	if (all->spare.pid == 0 && !make_spare(all))
		refill_in(all, AGAIN_MS);
}

void ft_children_reserve(struct ft_children *all)
{
	all->refill = must(evtimer_new(all->base, on_refill, all));
	on_refill(-1, 0, all);
}

bool ft_children_reserved(const struct ft_children *all)
{
	return all->refill == NULL || all->spare.pid != 0;
}

/* Hands the job over. False: there is no spare, or it is no more. */
static bool employ(struct ft_children *all, ft_child_main *run, const void *job, size_t len)
{
	struct order order = {.run = run, .len = len};

	assert(len <= sizeof(order.job));
	memcpy(order.job, job, len);
	return all->spare.pid != 0 && send(all->spare.socket, &order, sizeof(order), MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
}

static int free_slot(const struct ft_children *all)
{
	int slot = 0;

	while (slot < FT_CHILDREN_MAX && all->slots[slot] != NULL)
		slot++;
	return slot;
}

struct ft_child *ft_child_start_now(struct ft_children *all, ft_child_main *run, const void *job, size_t len,
                                    ft_child_ended *ended, void *arg, char error[FT_TEXT_MAX])
{
	int slot = free_slot(all);

	if (slot == FT_CHILDREN_MAX || !employ(all, run, job, len))
		return ft_child_start(all, run, (void *)(uintptr_t)job, ended, arg, error);
	struct ft_child *c = must(calloc(1, sizeof(*c)));
	struct spare spare = all->spare;
	*c = (struct ft_child){
	    .all = all, .slot = slot, .pid = spare.pid, .pidfd = spare.pidfd, .ended = ended, .arg = arg};
	forget_spare(&all->spare);
	watch(c, spare.pipe);
	refill_in(all, REFILL_MS);
	return c;
}

struct ft_child *ft_child_start(struct ft_children *all, ft_child_main *run, void *main_arg, ft_child_ended *ended,
                                void *arg, char error[FT_TEXT_MAX])
{
	int pipe[2], slot = free_slot(all);

	if (slot == FT_CHILDREN_MAX) {
		(void)snprintf(error, FT_TEXT_MAX, "%d processes of earlier tries hang there still", slot);
		return NULL;
	}
	if (pipe2(pipe, O_CLOEXEC) != 0) {
		(void)snprintf(error, FT_TEXT_MAX, "cannot make a pipe: %s", strerror(errno));
		return NULL;
	}
	struct ft_child *c = must(calloc(1, sizeof(*c)));
	*c = (struct ft_child){.all = all, .slot = slot, .ended = ended, .arg = arg, .pidfd = -1};
	c->pid = fork_child(run, main_arg, pipe[1]);
	if (c->pid > 0) {
		setpgid(c->pid, c->pid); /* here too: the group must be there before it could be killed */
		c->pidfd = pidfd_open(c->pid, 0);
	}
	close(pipe[1]);
	if (c->pidfd >= 0 && evutil_make_socket_nonblocking(pipe[0]) == 0) {
		watch(c, pipe[0]);
		return c;
	}
	(void)snprintf(error, FT_TEXT_MAX, "cannot start a process: %s", strerror(errno));
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, WNOHANG); /* it may hang by now, and must not be waited for */
	}
	close(pipe[0]);
	free(c);
	return NULL;
}

void ft_child_abandon(struct ft_child *c)
{
	c->ended = NULL;
	kill(-c->pid, SIGKILL);
	close_pipe(c);
}

/* Waits for the end of an abandoned child until then. */
static void await(struct ft_child *c, int64_t until)
{
	int64_t left = until - ft_clock_now();
	struct pollfd dead = {.fd = c->pidfd, .events = POLLIN};

	if (poll(&dead, 1, left > 0 ? (int)(left / FT_NS_PER_MS) + 1 : 0) == 1) {
		on_died(-1, EV_READ, c);
	} else {
		unlist(c);
		free(c);
	}
}

void ft_children_free(struct ft_children *all)
{
	int64_t until = ft_clock_now() + KILL_WAIT_MS * FT_NS_PER_MS;

	for (int i = 0; i < FT_CHILDREN_MAX; i++) {
		if (all->slots[i] != NULL)
			ft_child_abandon(all->slots[i]);
	}
	for (int i = 0; i < FT_CHILDREN_MAX; i++) {
		if (all->slots[i] != NULL)
			await(all->slots[i], until);
	}
	if (all->refill != NULL) {
		end_spare(&all->spare);
		event_free(all->refill);
	}
	free(all);
}
