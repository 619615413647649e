/* The writer's parent side; see writer.h.
 *
 * A child that is late is not killed: it is the disk that is late, and a process that waits for a disk cannot be killed
 * anyway.  A second writer beside one that may yet wake would break the order of the jobs. */
#include "store/writer.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "store/writer_child.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_WAIT_MS 200 /* how long ft_writer_free waits for a killed child: one that waits for a disk does not die */

#define ERROR_MAX (FT_PATH_MAX + FT_WRITER_NAME_MAX + FT_TEXT_MAX + 64)

struct job {
	TAILQ_ENTRY(job) next;
	struct ft_writer *writer;
	struct event *deadline;
	int deadline_ms;
	ft_writer_done *done;
	void *arg;
	bool told;                 /* done was called; the child is still at it */
	char refusal[FT_TEXT_MAX]; /* fails with this as soon as the loop runs; "" none */
	size_t sent;               /* bytes of request and text handed to the child */
	struct ft_writer_request request;
	char text[];
};

struct ft_writer {
	struct event_base *base;
	char state_dir[FT_PATH_MAX];
	int folder;
	pid_t pid; /* 0: no child */
	int pidfd, fd;
	bool answered; /* this child has done a job: it is worth forking another at once when it dies */
	struct event *died, *readable, *writable;
	struct ft_writer_reply reply;
	size_t reply_len;
	TAILQ_HEAD(, job) jobs; /* the first one is the child's */
	int n_jobs;
	bool leaving; /* ft_writer_free is telling what is left; nothing new is taken */
};

static void tell(struct job *j, const char *error)
{
	if (j->told)
		return;
	j->told = true;
	event_del(j->deadline);
	if (j->done != NULL)
		j->done(j->arg, error);
	else if (error[0] != '\0')
		ft_log(FT_LOG_ERROR, "report", "%s", error);
}

static void drop(struct job *j)
{
	TAILQ_REMOVE(&j->writer->jobs, j, next);
	j->writer->n_jobs--;
	event_free(j->deadline);
	free(j);
}

/* done() may queue new jobs; those are not part of what failed. */
static void fail_all(struct ft_writer *s, const char *why)
{
	for (int n = s->n_jobs; n > 0; n--) {
		struct job *j = TAILQ_FIRST(&s->jobs);
		char error[ERROR_MAX];
		snprintf(error, sizeof(error), "%s/%s: not written: %s", s->state_dir, j->request.name, why);
		tell(j, error);
		drop(j);
	}
}

static void forget_child(struct ft_writer *s)
{
	struct event **events[] = {&s->died, &s->readable, &s->writable};
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (*events[i] != NULL)
			event_free(*events[i]);
		*events[i] = NULL;
	}
	if (s->fd >= 0)
		close(s->fd);
	if (s->pidfd >= 0)
		close(s->pidfd);
	s->fd = s->pidfd = -1;
	s->pid = 0;
	s->reply_len = 0;
}

static void on_died(evutil_socket_t fd, short what, void *arg);
static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);

/* Returns 0, or -1 with errno. */
static int fork_child(struct ft_writer *s)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0)
		ft_writer_child(pair[1], s->folder);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return -1;
	}
	s->pid = pid;
	s->fd = pair[0];
	s->answered = false;
	s->pidfd = pidfd_open(pid, 0);
	if (s->pidfd < 0 || evutil_make_socket_nonblocking(s->fd) != 0) {
		int why = errno;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		forget_child(s);
		errno = why;
		return -1;
	}
	s->died = event_new(s->base, s->pidfd, EV_READ | EV_PERSIST, on_died, s);
	s->readable = event_new(s->base, s->fd, EV_READ | EV_PERSIST, on_readable, s);
	s->writable = event_new(s->base, s->fd, EV_WRITE, on_writable, s);
	event_add(s->died, NULL);
	event_add(s->readable, NULL);
	return 0;
}

/* Hands the first job to the child, as far as the socket takes it. */
static void push(struct ft_writer *s)
{
	struct job *j = TAILQ_FIRST(&s->jobs);
	if (j == NULL || s->pid == 0 ||
	    j->refusal[0] != '\0') /* a refused one goes by itself, then the next is pushed */
		return;
	const size_t head = sizeof(j->request), total = head + j->request.len;
	while (j->sent < total) {
		const char *from = j->sent < head ? (const char *)&j->request + j->sent : j->text + (j->sent - head);
		size_t len = j->sent < head ? head - j->sent : total - j->sent;
		ssize_t n = send(s->fd, from, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0) {
			if (errno == EAGAIN || errno == EINTR)
				event_add(s->writable, NULL);
			return; /* any other error: the child has died, which its pidfd says as well */
		}
		j->sent += (size_t)n;
	}
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	push(arg);
}

static void settle(struct ft_writer *s)
{
	struct job *j = TAILQ_FIRST(&s->jobs);
	char error[ERROR_MAX] = "";
	if (s->reply.error != 0)
		snprintf(error, sizeof(error), "cannot %.*s %s/%s: %s", (int)sizeof(s->reply.step), s->reply.step,
		         s->state_dir, j->request.name, ft_file_error(s->reply.error));
	if (j->told)
		ft_log(FT_LOG_WARN, "report", "%s/%s: the disk has answered at last%s%s", s->state_dir, j->request.name,
		       error[0] != '\0' ? ": " : "", error);
	tell(j, error);
	drop(j);
	push(s);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct ft_writer *s = arg;
	(void)fd;
	(void)what;
	ssize_t n = recv(s->fd, (char *)&s->reply + s->reply_len, sizeof(s->reply) - s->reply_len, MSG_DONTWAIT);
	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			event_del(s->readable); /* what follows is told by the pidfd */
		return;
	}
	s->reply_len += (size_t)n;
	if (s->reply_len < sizeof(s->reply))
		return;
	s->reply_len = 0;
	s->answered = true;
	settle(s);
}

static void on_died(evutil_socket_t fd, short what, void *arg)
{
	struct ft_writer *s = arg;
	char why[FT_TEXT_MAX] = "the writer process ended";
	siginfo_t info = {0};
	(void)fd;
	(void)what;
	on_readable(s->fd, EV_READ, s); /* its last words */
	if (waitid(P_PIDFD, (id_t)s->pidfd, &info, WEXITED) == 0)
		snprintf(why, sizeof(why), "the writer process %d ended (%s %d)", (int)s->pid,
		         info.si_code == CLD_EXITED ? "exit status" : "signal", info.si_status);
	bool again = s->answered;
	forget_child(s);
	/* A child that dies before it did anything is not forked in a circle, but when there is work for it. */
	if (again && fork_child(s) != 0)
		ft_log(FT_LOG_ERROR, "report", "cannot fork the writer: %s; it is tried again for the next job",
		       strerror(errno));
	ft_log(FT_LOG_ERROR, "report", "%s; %s", why,
	       s->pid != 0 ? "a new one was started" : "a new one is started for the next job");
	fail_all(s, why);
	push(s);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct job *j = arg;
	struct ft_writer *s = j->writer;
	char error[ERROR_MAX];
	(void)fd;
	(void)what;
	if (j->refusal[0] != '\0')
		snprintf(error, sizeof(error), "%s/%s: not written: %s", s->state_dir, j->request.name, j->refusal);
	else
		snprintf(error, sizeof(error), "%s/%s: not on disk after %d ms; see whether the disk hangs",
		         s->state_dir, j->request.name, j->deadline_ms);
	bool begun = j->sent > 0;
	tell(j, error);
	if (begun) /* the child has it in hand: it stays until the answer comes */
		return;
	drop(j);
	push(s);
}

static void add_job(struct ft_writer *s, enum ft_writer_op op, const char *name, const char *text, size_t len,
                    int deadline_ms, ft_writer_done *done, void *arg)
{
	assert(strlen(name) < FT_WRITER_NAME_MAX && strchr(name, '/') == NULL && name[0] != '.' && name[0] != '\0');
	if (s->leaving) {
		ft_log(FT_LOG_ERROR, "report", "%s/%s: not written: ftd was stopped first", s->state_dir, name);
		return;
	}
	bool too_long = len > FT_WRITER_TEXT_MAX, too_many = s->n_jobs >= FT_WRITER_JOBS_MAX;
	size_t kept = too_long || too_many ? 0 : len;
	struct job *j = calloc(1, sizeof(*j) + kept);
	if (j == NULL)
		abort();
	*j = (struct job){.writer = s, .deadline_ms = deadline_ms, .done = done, .arg = arg, .request = {.op = op}};
	j->request.len = (uint32_t)kept;
	memcpy(j->request.name, name, strlen(name) + 1);
	memcpy(j->text, text, kept);
	j->deadline = evtimer_new(s->base, on_deadline, j);
	struct timeval in = {.tv_sec = deadline_ms / 1000, .tv_usec = deadline_ms % 1000 * 1000L};
	event_add(j->deadline, &in);
	TAILQ_INSERT_TAIL(&s->jobs, j, next);
	s->n_jobs++;

	if (too_long)
		snprintf(j->refusal, sizeof(j->refusal), "%zu bytes, at most %u are allowed", len, FT_WRITER_TEXT_MAX);
	else if (too_many)
		snprintf(j->refusal, sizeof(j->refusal), "%d jobs are waiting already; see whether the disk hangs",
		         FT_WRITER_JOBS_MAX);
	else if (s->pid == 0 && fork_child(s) != 0)
		snprintf(j->refusal, sizeof(j->refusal), "cannot fork the writer: %s", strerror(errno));
	if (j->refusal[0] != '\0')
		event_active(j->deadline, EV_TIMEOUT, 0);
	else if (TAILQ_FIRST(&s->jobs) == j)
		push(s);
}

struct ft_writer *ft_writer_new(struct event_base *base, const char *state_dir, FILE *errors)
{
	struct ft_writer *s = calloc(1, sizeof(*s));
	if (s == NULL)
		abort();
	s->base = base;
	s->fd = s->pidfd = -1;
	TAILQ_INIT(&s->jobs);
	snprintf(s->state_dir, sizeof(s->state_dir), "%s", state_dir);
	s->folder = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->folder < 0) {
		fprintf(errors, "state_dir %s: %s; create it, owned by the user ftd runs as, mode 0750\n", state_dir,
		        strerror(errno));
	} else if (faccessat(s->folder, ".", W_OK | X_OK, AT_EACCESS) != 0) {
		fprintf(errors, "state_dir %s: cannot write there: %s; it must belong to the user ftd runs as\n",
		        state_dir, strerror(errno));
	} else if (fork_child(s) != 0) {
		fprintf(errors, "cannot fork the process that writes to %s: %s\n", state_dir, strerror(errno));
	} else {
		return s;
	}
	ft_writer_free(s, 0);
	return NULL;
}

void ft_writer_append(struct ft_writer *s, const char *name, const char *text, size_t len, int deadline_ms,
                      ft_writer_done *done, void *arg)
{
	add_job(s, FT_WRITER_APPEND, name, text, len, deadline_ms, done, arg);
}

void ft_writer_append_once(struct ft_writer *s, const char *name, const char *text, size_t len, int deadline_ms,
                           ft_writer_done *done, void *arg)
{
	add_job(s, FT_WRITER_APPEND_ONCE, name, text, len, deadline_ms, done, arg);
}

void ft_writer_replace(struct ft_writer *s, const char *name, const char *text, size_t len, int deadline_ms,
                       ft_writer_done *done, void *arg)
{
	add_job(s, FT_WRITER_REPLACE, name, text, len, deadline_ms, done, arg);
}

pid_t ft_writer_pid(const struct ft_writer *s)
{
	return s->pid;
}

static void tell_refused(struct ft_writer *s)
{
	for (struct job *j = TAILQ_FIRST(&s->jobs), *next; j != NULL; j = next) {
		next = TAILQ_NEXT(j, next);
		if (j->refusal[0] != '\0')
			on_deadline(-1, EV_TIMEOUT, j);
	}
}

/* One wait for the child, at most until end. False: there is no use in another. */
static bool serve_child(struct ft_writer *s, const struct job *first, int64_t end)
{
	int64_t left = end - ft_clock_now();
	struct pollfd fds[] = {{.fd = s->fd, .events = POLLIN}, {.fd = s->pidfd, .events = POLLIN}};
	if (first->sent < sizeof(first->request) + first->request.len)
		fds[0].events |= POLLOUT;
	if (left <= 0 || (poll(fds, 2, (int)(left / FT_NS_PER_MS) + 1) < 0 && errno != EINTR))
		return false;
	if (fds[0].revents & POLLIN)
		on_readable(s->fd, EV_READ, s);
	else if (fds[1].revents & POLLIN)
		return false;
	else if (fds[0].revents & POLLOUT)
		push(s);
	return true;
}

/* The event loop has ended by now, so the socket is served from here. */
static void finish_jobs(struct ft_writer *s, int wait_ms)
{
	int64_t end = ft_clock_now() + wait_ms * FT_NS_PER_MS;
	bool more = s->pid != 0;
	while (more) {
		tell_refused(s);
		const struct job *first = TAILQ_FIRST(&s->jobs);
		more = first != NULL && serve_child(s, first, end);
	}
	s->leaving = true;
	fail_all(s, "ftd was stopped first");
}

static void end_child(struct ft_writer *s)
{
	if (s->pid == 0)
		return;
	kill(s->pid, SIGKILL);
	struct pollfd dead = {.fd = s->pidfd, .events = POLLIN};
	if (poll(&dead, 1, KILL_WAIT_MS) == 1)
		waitpid(s->pid, NULL, 0);
	forget_child(s);
}

void ft_writer_free(struct ft_writer *s, int wait_ms)
{
	if (s == NULL)
		return;
	finish_jobs(s, wait_ms);
	end_child(s);
	if (s->folder >= 0)
		close(s->folder);
	free(s);
}
