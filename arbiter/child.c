/* See child.h.
 *
 * fork and not vfork or posix_spawn: those hold the parent until exec is done, and a program on a storage that hangs
 * would hold it for ever. */
#include "arbiter/child.h"

#include "supervisor/clock.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_WAIT_MS 200
#define READS_MAX    16 /* of what a dead child has left in its pipe: others may hold that open and write on */

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

struct ft_children {
	struct event_base *base;
	struct ft_child *slots[FT_CHILDREN_MAX]; /* NULL: free */
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

/* In the child: leaves everything of ftd behind. */
static void settle_in(pid_t parent, int *out)
{
	enum { OUT = STDERR_FILENO + 1 };
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (*out != OUT && dup2(*out, OUT) < 0)
		_exit(1);
	*out = OUT;
	int empty = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (empty < 0 || dup2(empty, STDIN_FILENO) < 0 || dup2(empty, STDOUT_FILENO) < 0)
		_exit(1);
	close_range(OUT + 1, ~0u, 0);
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
	settle_in(parent, &out);
	run(main_arg, out);
	_exit(1);
}

struct ft_child *ft_child_start(struct ft_children *all, ft_child_main *run, void *main_arg, ft_child_ended *ended,
                                void *arg, char error[FT_TEXT_MAX])
{
	int pipe[2], slot = 0;

	while (slot < FT_CHILDREN_MAX && all->slots[slot] != NULL)
		slot++;
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
	free(all);
}
