/* See hook.h.
 *
 * fork and not vfork or posix_spawn: those hold the parent until exec is done, and a hook on a storage that hangs would
 * hold it for ever.  Standard input is a file in memory: it is complete before the hook starts, and nothing has to be fed. */
#include "report/hook.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOOK_PATH    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define CANNOT_RUN   127
#define AGAIN_MS     100   /* between two looks whether a hook may be started */
#define SCARCE_MS    1000  /* after no process could be had for it */
#define SAID_MAX     1024  /* of a line that a hook writes; the rest is cut off */
#define SAID_AT_ONCE 8192  /* bytes of what it writes, and then a pause, or a hook that floods us would have our CPU */
#define SAID_ROUNDS  9     /* what a full pipe holds is so often read */
#define SAID_PAUSE   10000 /* us */
#define KILL_WAIT_MS 200   /* how long ft_hooks_free waits for a killed hook: one that waits for a disk does not die */

enum {
	ENV_PATH,
	ENV_PAIR,
	ENV_NODE,
	ENV_EVENT,
	ENV_STATE_OLD,
	ENV_STATE,
	ENV_ROLE,
	ENV_REASON,
	ENV_EPOCH,
	ENV_RESULT,
	ENV_END
};

struct call {
	TAILQ_ENTRY(call) next;
	bool is_outcome;
	char name[80];          /* "outcome success" or "state suspect", for the log */
	char *env[ENV_END + 1]; /* owned */
	char *json;
};

struct ft_hooks {
	struct event_base *base;
	char pair[FT_NAME_MAX], node[FT_NAME_MAX];
	int argc;
	char *argv[FT_ARGV_MAX + 1]; /* owned */
	int timeout_ms;
	bool (*may)(void *arg); /* NULL: always */
	void *may_arg;
	struct event *again;
	bool said_scarce; /* that no process can be had for the one that waits */
	bool leaving;
	/* What hooks write, and what they have left running, comes out of one pipe and goes into the log, line by line. */
	int said_from, said_to;
	struct event *said, *said_again;
	char line[SAID_MAX];
	size_t line_len;
	TAILQ_HEAD(, call) waiting;
	int n_waiting;
	/* The one that runs: */
	pid_t pid; /* 0: none */
	int pidfd;
	struct event *died, *deadline;
	int64_t started_at, late_at;
	const char *killed; /* why, NULL: not killed */
	char running[80], program[FT_PATH_MAX];
};

static void *must(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

static char *env_entry(const char *name, const char *value)
{
	char *entry = NULL;
	if (asprintf(&entry, "%s=%s", name, value != NULL ? value : "") < 0)
		abort();
	return entry;
}

static struct call *call_new(const struct ft_hooks *h, const struct ft_hook_event *e)
{
	struct call *c = must(calloc(1, sizeof(*c)));
	char epoch[24];
	snprintf(epoch, sizeof(epoch), "%" PRIu64, e->epoch);
	c->is_outcome = strcmp(e->event, "outcome") == 0;
	snprintf(c->name, sizeof(c->name), "%s %s", e->event, c->is_outcome ? e->result : e->state);
	c->env[ENV_PATH] = must(strdup(HOOK_PATH));
	c->env[ENV_PAIR] = env_entry("FT_PAIR", h->pair);
	c->env[ENV_NODE] = env_entry("FT_NODE", h->node);
	c->env[ENV_EVENT] = env_entry("FT_EVENT", e->event);
	c->env[ENV_STATE_OLD] = env_entry("FT_STATE_OLD", e->state_old);
	c->env[ENV_STATE] = env_entry("FT_STATE", e->state);
	c->env[ENV_ROLE] = env_entry("FT_ROLE", e->role);
	c->env[ENV_REASON] = env_entry("FT_REASON", e->reason);
	c->env[ENV_EPOCH] = env_entry("FT_EPOCH", epoch);
	c->env[ENV_RESULT] = env_entry("FT_RESULT", e->result);
	c->json = must(strdup(e->json));
	return c;
}

static void call_free(struct call *c)
{
	for (int i = 0; i < ENV_END; i++)
		free(c->env[i]);
	free(c->json);
	free(c);
}

static void drop(struct ft_hooks *h, struct call *c)
{
	TAILQ_REMOVE(&h->waiting, c, next);
	h->n_waiting--;
	call_free(c);
}

/* A file in memory that holds text and is read from its start; -1 with errno. */
static int memory_file(const char *text)
{
	int fd = memfd_create("ftd-hook", MFD_CLOEXEC);
	size_t len = strlen(text);
	if (fd >= 0 && (write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) != 0)) {
		int why = errno;
		close(fd);
		errno = why;
		return -1;
	}
	return fd;
}

/* In the child: a plain process of its own, whatever priorities and signal masks ftd runs with. */
static void exec_hook(const struct ft_hooks *h, char **env, int input)
{
	static const struct sched_param plain = {0};
	sigset_t none;
	setpgid(0, 0);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	sched_setscheduler(0, SCHED_OTHER, &plain);
	setpriority(PRIO_PROCESS, 0, 0);
	dup2(input, STDIN_FILENO);
	dup2(h->said_to, STDOUT_FILENO);
	dup2(h->said_to, STDERR_FILENO);
	close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	execve(h->argv[0], h->argv, env);
	dprintf(STDERR_FILENO, "cannot run %s: %s; see report.hook in ft.conf\n", h->argv[0], strerror(errno));
	_exit(CANNOT_RUN);
}

/* ---- what hooks write ---- */

static void end_line(struct ft_hooks *h)
{
	if (h->line_len > 0)
		ft_log(FT_LOG_INFO, "hook", "%.*s", (int)h->line_len, h->line);
	h->line_len = 0;
}

/* Returns whether there may be more. */
static bool read_said(struct ft_hooks *h)
{
	char text[SAID_AT_ONCE];
	ssize_t n = read(h->said_from, text, sizeof(text));
	for (ssize_t i = 0; i < n; i++) {
		if (text[i] == '\n')
			end_line(h);
		else if (h->line_len < sizeof(h->line))
			h->line[h->line_len++] = text[i];
	}
	return n == (ssize_t)sizeof(text);
}

/* One that has ended has no more to say; what it has left running may, and is read later. */
static void read_last_words(struct ft_hooks *h)
{
	for (int i = 0; i < SAID_ROUNDS && read_said(h); i++)
		;
	end_line(h);
}

static void on_said(evutil_socket_t fd, short what, void *arg)
{
	struct ft_hooks *h = arg;
	struct timeval pause = {.tv_usec = SAID_PAUSE};
	(void)fd;
	(void)what;
	if (!read_said(h))
		return;
	event_del(h->said);
	event_add(h->said_again, &pause);
}

static void on_said_again(evutil_socket_t fd, short what, void *arg)
{
	struct ft_hooks *h = arg;
	(void)fd;
	(void)what;
	event_add(h->said, NULL);
}

static void listen_to_hooks(struct ft_hooks *h)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		abort();
	h->said_from = ends[0];
	h->said_to = ends[1];
	fcntl(h->said_from, F_SETFL, O_NONBLOCK); /* the other end, a hook's, may wait */
	h->said = must(event_new(h->base, h->said_from, EV_READ | EV_PERSIST, on_said, h));
	h->said_again = must(evtimer_new(h->base, on_said_again, h));
	event_add(h->said, NULL);
}

static void listen_no_more(struct ft_hooks *h)
{
	read_last_words(h);
	event_free(h->said);
	event_free(h->said_again);
	close(h->said_from);
	close(h->said_to);
}

/* ---- running one ---- */

static void on_died(evutil_socket_t fd, short what, void *arg);
static void on_late(evutil_socket_t fd, short what, void *arg);

/* Returns 0, or -1 with errno and nothing running. */
static int spawn(struct ft_hooks *h, const struct call *c)
{
	int input = memory_file(c->json);
	if (input < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0)
		exec_hook(h, (char **)(uintptr_t)c->env, input);
	int why = errno;
	close(input);
	if (pid < 0) {
		errno = why;
		return -1;
	}
	setpgid(pid, pid); /* here too: whoever of us comes first, the group is there before it could be killed */
	h->pidfd = pidfd_open(pid, 0);
	if (h->pidfd < 0) {
		why = errno;
		kill(-pid, SIGKILL);
		waitpid(pid, NULL, 0);
		errno = why;
		return -1;
	}
	h->pid = pid;
	return 0;
}

static void watch(struct ft_hooks *h, const struct call *c)
{
	struct timeval in = {.tv_sec = h->timeout_ms / 1000, .tv_usec = h->timeout_ms % 1000 * 1000L};
	snprintf(h->running, sizeof(h->running), "%s", c->name);
	snprintf(h->program, sizeof(h->program), "%s", h->argv[0]);
	h->killed = NULL;
	h->started_at = ft_clock_now();
	h->late_at = h->started_at + h->timeout_ms * FT_NS_PER_MS;
	h->died = must(event_new(h->base, h->pidfd, EV_READ, on_died, h));
	event_add(h->died, NULL);
	event_add(h->deadline, &in);
}

static void look_again_in(struct ft_hooks *h, int ms)
{
	struct timeval in = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000L};
	event_add(h->again, &in);
}

static void say_none_to_be_had(struct ft_hooks *h, const struct call *c)
{
	if (!h->said_scarce)
		ft_log(
		    FT_LOG_ERROR, "report",
		    "hook %s (%s): no process can be had for it: it waits; let this user and this control group have "
		    "more",
		    h->argv[0], c->name);
	h->said_scarce = true;
}

static void start_next(struct ft_hooks *h)
{
	while (h->pid == 0 && !TAILQ_EMPTY(&h->waiting)) {
		if (h->may && !h->may(h->may_arg)) {
			look_again_in(h, AGAIN_MS);
			return;
		}
		struct call *c = TAILQ_FIRST(&h->waiting);
		if (spawn(h, c) == 0) {
			watch(h, c);
		} else if (errno == EAGAIN && !h->leaving) { /* who has the last process may end */
			say_none_to_be_had(h, c);
			look_again_in(h, SCARCE_MS);
			return;
		} else {
			ft_log(FT_LOG_ERROR, "report", "hook %s (%s): cannot start it: %s", h->argv[0], c->name,
			       strerror(errno));
		}
		h->said_scarce = false;
		drop(h, c);
	}
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	start_next(arg);
}

static void log_end(const struct ft_hooks *h, const siginfo_t *end)
{
	double ms = (double)(ft_clock_now() - h->started_at) / 1e6;
	bool good = end->si_code == CLD_EXITED && end->si_status == 0;
	if (h->killed != NULL)
		ft_log(FT_LOG_WARN, "report", "hook %s (%s): killed after %.0f ms: %s", h->program, h->running, ms,
		       h->killed);
	else
		ft_log(good ? FT_LOG_INFO : FT_LOG_WARN, "report", "hook %s (%s): %s %d after %.0f ms", h->program,
		       h->running, end->si_code == CLD_EXITED ? "exit status" : "died of signal", end->si_status, ms);
}

static void on_died(evutil_socket_t fd, short what, void *arg)
{
	struct ft_hooks *h = arg;
	siginfo_t end = {0};
	(void)fd;
	(void)what;
	waitid(P_PIDFD, (id_t)h->pidfd, &end, WEXITED);
	read_last_words(h);
	log_end(h, &end);
	event_del(h->deadline);
	event_free(h->died);
	close(h->pidfd);
	h->died = NULL;
	h->pidfd = -1;
	h->pid = 0;
	start_next(h);
}

static void kill_group(struct ft_hooks *h, const char *why)
{
	h->killed = why;
	kill(-h->pid, SIGKILL);
}

/* Its end is still awaited, and the next one with it: a process that waits for a storage dies when the storage answers,
 * and the next one would only wait beside it. */
static void on_late(evutil_socket_t fd, short what, void *arg)
{
	struct ft_hooks *h = arg;
	(void)fd;
	(void)what;
	kill_group(h, "report.hook_timeout_ms is over");
}

static void forget_command(struct ft_hooks *h)
{
	for (int i = 0; i < h->argc; i++)
		free(h->argv[i]);
	memset(h->argv, 0, sizeof(h->argv));
	h->argc = 0;
}

struct ft_hooks *ft_hooks_new(struct event_base *base, const struct ft_hook_settings *settings)
{
	struct ft_hooks *h = must(calloc(1, sizeof(*h)));
	h->base = base;
	h->pidfd = -1;
	h->deadline = must(evtimer_new(base, on_late, h));
	h->again = must(evtimer_new(base, on_again, h));
	TAILQ_INIT(&h->waiting);
	listen_to_hooks(h);
	ft_hooks_reconfigure(h, settings);
	return h;
}

void ft_hooks_yield_to(struct ft_hooks *h, bool (*may)(void *arg), void *arg)
{
	h->may = may;
	h->may_arg = arg;
}

void ft_hooks_reconfigure(struct ft_hooks *h, const struct ft_hook_settings *settings)
{
	forget_command(h);
	h->argc = settings->argc;
	for (int i = 0; i < settings->argc; i++)
		h->argv[i] = must(strdup(settings->argv[i]));
	h->timeout_ms = settings->timeout_ms;
	snprintf(h->pair, sizeof(h->pair), "%s", settings->pair);
	snprintf(h->node, sizeof(h->node), "%s", settings->node);
	while (h->argc == 0 && !TAILQ_EMPTY(&h->waiting))
		drop(h, TAILQ_FIRST(&h->waiting));
}

/* Drops the oldest waiting state event; the oldest outcome only for another outcome's sake.  False: there is no room. */
static bool make_room(struct ft_hooks *h, bool for_outcome)
{
	struct call *c;
	TAILQ_FOREACH(c, &h->waiting, next)
	if (!c->is_outcome)
		break;
	if (c == NULL && for_outcome)
		c = TAILQ_FIRST(&h->waiting);
	if (c == NULL)
		return false;
	ft_log(FT_LOG_WARN, "report", "hook (%s): never run, %d are waiting behind a late one", c->name, h->n_waiting);
	drop(h, c);
	return true;
}

void ft_hooks_run(struct ft_hooks *h, const struct ft_hook_event *e)
{
	if (h->argc == 0)
		return;
	struct call *c = call_new(h, e);
	if (h->n_waiting >= FT_HOOKS_WAITING_MAX && !make_room(h, c->is_outcome)) {
		ft_log(FT_LOG_WARN, "report", "hook (%s): never run, %d outcomes are waiting behind a late one",
		       c->name, h->n_waiting);
		call_free(c);
		return;
	}
	TAILQ_INSERT_TAIL(&h->waiting, c, next);
	h->n_waiting++;
	start_next(h);
}

/* The event loop has ended by now, so the running hook is watched from here. */
static void finish(struct ft_hooks *h, int wait_ms)
{
	int64_t end = ft_clock_now() + wait_ms * FT_NS_PER_MS;
	while (h->pid != 0) {
		int64_t now = ft_clock_now(), until = h->killed == NULL && h->late_at < end ? h->late_at : end;
		struct pollfd on[] = {{.fd = h->pidfd, .events = POLLIN}, {.fd = h->said_from, .events = POLLIN}};
		int ready = poll(on, 2, now < until ? (int)((until - now) / FT_NS_PER_MS) + 1 : 0);
		if (ready > 0 && on[1].revents)
			read_said(h);
		if (ready > 0 && on[0].revents)
			on_died(h->pidfd, EV_READ, h);
		else if (ft_clock_now() >= end)
			return;
		else if (h->killed == NULL && ft_clock_now() >= h->late_at)
			on_late(-1, EV_TIMEOUT, h);
	}
}

void ft_hooks_free(struct ft_hooks *h, int wait_ms)
{
	if (h == NULL)
		return;
	h->may = NULL; /* nothing is more urgent any more */
	h->leaving = true;
	start_next(h);
	finish(h, wait_ms);
	while (!TAILQ_EMPTY(&h->waiting)) {
		ft_log(FT_LOG_WARN, "report", "hook (%s): never run, ftd is leaving", TAILQ_FIRST(&h->waiting)->name);
		drop(h, TAILQ_FIRST(&h->waiting));
	}
	if (h->pid != 0) {
		kill_group(h, "ftd is leaving");
		finish(h, KILL_WAIT_MS);
	}
	if (h->pid != 0) { /* it waits for a storage; whoever inherits it will reap it */
		event_free(h->died);
		close(h->pidfd);
	}
	event_free(h->deadline);
	event_free(h->again);
	listen_no_more(h);
	forget_command(h);
	free(h);
}
