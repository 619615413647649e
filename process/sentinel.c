/* The sentinel, the parent's side; see sentinel.h. */
#include "process/sentinel.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/types.h"
#include "process/sentinel_child.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_MS 1000
#define QUICK_MS 5    /* the loop waits so long for an answer, which takes a fraction of 1 ms as a rule ... */
#define ANSWER_S 1    /* ... and then for so long without waiting */
#define END_MS   1000 /* for a child to die: it waits for no disk */
#define AGAIN_S  1    /* a child that dies young is not forked in a circle */

struct ft_sentinel {
	struct event_base *base;
	char state_dir[FT_PATH_MAX], watchdog_device[FT_PATH_MAX];
	const struct ft_sentinel_callbacks *cb;
	void *arg;
	struct ft_sentinel_page *page;
	int poke, told, slots;
	int64_t seen_frozen_at; /* of what the page says, what has been passed on */
	int seen_freeze_error, seen_watchdog_error;

	struct ft_process process; /* a pidfd of our own */
	bool on_guard;             /* the child has said so */
	pid_t pid;                 /* 0: no child */
	int pidfd, socket;
	int64_t born;
	int fork_error;  /* of the newest attempt to fork, as logged; 0 */
	uint32_t number; /* of the newest request */
	struct event *died, *answers, *look, *again;
	struct event *late; /* pending: the newest request is still to be answered */
};

static const struct timeval later = {.tv_sec = AGAIN_S}, answer_time = {.tv_sec = ANSWER_S};

static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "the lease is one store, never a lock");

/* ---- talking to the child ---- */

static int64_t soon(int ms)
{
	return ft_clock_now() + ms * FT_NS_PER_MS;
}

/* Waits until fd is readable. False when that takes too long. */
static bool comes(int fd, int64_t deadline)
{
	for (;;) {
		int64_t left = deadline - ft_clock_now();
		struct pollfd on = {.fd = fd, .events = POLLIN};
		int n = poll(&on, 1, left > 0 ? (int)(left / FT_NS_PER_MS) + 1 : 0);
		if (n != 0 && !(n < 0 && errno == EINTR))
			return n > 0;
		if (left <= 0)
			return false;
	}
}

/* True with the child's word on that request, 0 or an errno; an error in one before it is as good, and so is its end:
 * ECHILD.  False: it has not come yet. */
static bool take_reply(const struct ft_sentinel *s, uint32_t number, int *error)
{
	struct ft_sentinel_reply reply;
	*error = ECHILD;
	if (s->socket < 0)
		return true;
	ssize_t n = recv(s->socket, &reply, sizeof(reply), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	*error = n == (ssize_t)sizeof(reply) ? reply.error : ECHILD;
	return *error != 0 || reply.number == number;
}

/* The child's word on that request, or ETIMEDOUT. */
static int await_reply(const struct ft_sentinel *s, uint32_t number, int ms)
{
	int64_t deadline = soon(ms);
	int error;
	while (comes(s->socket, deadline))
		if (take_reply(s, number, &error))
			return error;
	return ETIMEDOUT;
}

static int send_request(struct ft_sentinel *s, enum ft_sentinel_op op, const struct ft_process *p)
{
	struct ft_sentinel_request request = {.number = ++s->number, .op = op, .pid = p->pid};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.room = {0}};
	struct iovec part = {.iov_base = &request, .iov_len = sizeof(request)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	if (p->pid != 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &p->pidfd, sizeof(int));
	}
	ssize_t n = sendmsg(s->socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n == (ssize_t)sizeof(request) ? 0 : -1;
}

/* A child that cannot be on guard is of no use: it is killed, and its end brings a new one. */
static void settle(struct ft_sentinel *s, int error)
{
	evtimer_del(s->late);
	s->on_guard = error == 0;
	if (error != 0)
		pidfd_send_signal(s->pidfd, SIGKILL, NULL, 0);
}

/* Puts the present child on guard.  0, or -1 with errno; EINPROGRESS: it is still to say so. */
static int put_on_guard(struct ft_sentinel *s)
{
	s->on_guard = false;
	if (s->pid == 0) {
		errno = ECHILD;
		return -1;
	}
	int error = send_request(s, FT_SENTINEL_GUARD, &s->process) != 0 ? errno : await_reply(s, s->number, QUICK_MS);
	if (error == ETIMEDOUT) {
		evtimer_add(s->late, &answer_time);
		errno = EINPROGRESS;
		return -1;
	}
	settle(s, error);
	errno = error;
	return s->on_guard ? 0 : -1;
}

static void not_on_guard(const struct ft_sentinel *s, int error)
{
	ft_log(FT_LOG_ERROR, "core", "the sentinel, process %d, is not on guard over QEMU: %s; another takes its place",
	       (int)s->pid, strerror(error));
}

static void conclude(struct ft_sentinel *s, int error)
{
	settle(s, error);
	if (error != 0)
		not_on_guard(s, error);
	else
		s->cb->on_guard(s->arg);
}

/* Or we are, and the answer has come meanwhile. */
static void on_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct ft_sentinel *s = arg;
	conclude(s, await_reply(s, s->number, 0));
}

static void on_answer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct ft_sentinel *s = arg;
	int error;
	if (!take_reply(s, s->number, &error))
		return;
	if (error == ECHILD)
		event_del(s->answers); /* its pidfd tells the rest */
	if (evtimer_pending(s->late, NULL))
		conclude(s, error);
}

/* ---- the child's life ---- */

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void forget_child(struct ft_sentinel *s)
{
	if (s->died)
		event_free(s->died);
	if (s->answers)
		event_free(s->answers);
	s->died = s->answers = NULL;
	if (s->late)
		evtimer_del(s->late);
	close_fd(s->pidfd);
	close_fd(s->socket);
	s->pidfd = s->socket = -1;
	s->pid = 0;
	s->on_guard = false;
}

/* Ends a child that does not end by itself, and forgets it. */
static void end_child(struct ft_sentinel *s)
{
	if (!comes(s->pidfd, soon(END_MS)))
		pidfd_send_signal(s->pidfd, SIGKILL, NULL, 0);
	if (comes(s->pidfd, soon(END_MS)))
		waitid(P_PIDFD, (id_t)s->pidfd, &(siginfo_t){0}, WEXITED);
	forget_child(s);
}

static void on_died(evutil_socket_t fd, short what, void *arg);

/* Returns 0 or an errno.  The child's first answer says whether it is ready. */
static int fork_child(struct ft_sentinel *s)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return errno;
	s->born = ft_clock_now();
	pid_t pid = fork();
	if (pid == 0) {
		struct ft_sentinel_ends ends = {.socket = pair[1], .poke = s->poke, .told = s->told, .slots = s->slots};
		ft_sentinel_child(s->page, &ends, s->watchdog_device);
	}
	int error = errno;
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return error;
	}
	s->pid = pid;
	s->socket = pair[0];
	s->pidfd = pidfd_open(pid, 0);
	if (s->pidfd < 0) {
		error = errno;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		forget_child(s);
		return error;
	}
	s->died = event_new(s->base, s->pidfd, EV_READ, on_died, s);
	s->answers = event_new(s->base, s->socket, EV_READ | EV_PERSIST, on_answer, s);
	if (!s->died || !s->answers || event_add(s->died, NULL) != 0 || event_add(s->answers, NULL) != 0)
		abort();
	return 0;
}

static int fork_first(struct ft_sentinel *s)
{
	int error = fork_child(s);
	if (error == 0)
		error = await_reply(s, 0, READY_MS);
	if (error != 0 && s->pid != 0) {
		pidfd_send_signal(s->pidfd, SIGKILL, NULL, 0);
		end_child(s);
	}
	return error;
}

/* Said once, however often it is tried. */
static void cannot_fork(struct ft_sentinel *s, int error)
{
	if (error != s->fork_error)
		ft_log(
		    FT_LOG_ERROR, "core",
		    "cannot start a new sentinel: %s; nothing but this ftd now stops QEMU, so there is no protection; "
		    "it is tried every second: let this user and this control group have more processes",
		    strerror(error));
	s->fork_error = error;
}

static void fork_anew(struct ft_sentinel *s)
{
	int error = fork_child(s);
	if (error != 0) {
		cannot_fork(s, error);
		evtimer_add(s->again, &later);
		return;
	}
	s->fork_error = 0;
	if (put_on_guard(s) == 0)
		s->cb->on_guard(s->arg);
	else if (errno != EINPROGRESS)
		not_on_guard(s, errno);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	fork_anew(arg);
}

static void on_died(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct ft_sentinel *s = arg;
	siginfo_t info = {0};
	waitid(P_PIDFD, (id_t)s->pidfd, &info, WEXITED);
	ft_log(FT_LOG_ERROR, "core", "the sentinel, process %d, ended (%s %d); a new one takes its place", (int)s->pid,
	       info.si_code == CLD_EXITED ? "exit status" : "signal", info.si_status);
	bool young = ft_clock_now() - s->born < INT64_C(1000) * AGAIN_S * FT_NS_PER_MS;
	forget_child(s);
	if (young)
		evtimer_add(s->again, &later);
	else
		fork_anew(s);
	if (!s->on_guard)
		s->cb->lost(s->arg);
}

/* ---- what it tells ---- */

static const char *watchdog_fault_text(int error)
{
	return error == ERANGE ? "it resets the host after less than 3 s, and cannot be told otherwise"
	                       : strerror(error);
}

static void on_told(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct ft_sentinel *s = arg;
	eventfd_t count;
	(void)eventfd_read(s->told, &count);
	int error = atomic_load(&s->page->watchdog_error);
	if (error != s->seen_watchdog_error) {
		s->seen_watchdog_error = error;
		if (error == 0)
			ft_log(FT_LOG_INFO, "core", "watchdog_device %s is being fed", s->watchdog_device);
		else
			ft_log(FT_LOG_ERROR, "core",
			       "watchdog_device %s: %s; it is tried again every second, until then it guards nothing",
			       s->watchdog_device, watchdog_fault_text(error));
	}
	int64_t at = atomic_load(&s->page->frozen_at), late = atomic_load(&s->page->late);
	error = atomic_load(&s->page->freeze_error);
	if (at == s->seen_frozen_at && error == s->seen_freeze_error)
		return;
	s->seen_frozen_at = at;
	s->seen_freeze_error = error;
	s->cb->froze(s->arg, at, error, late);
}

/* ---- predecessors ---- */

/* The process that holds this slot: the kernel knows. 0 none, -1 it cannot be told. */
static pid_t holder_of(const struct ft_sentinel *s, int slot)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = slot, .l_len = 1};
	if (fcntl(s->slots, F_GETLK, &lock) != 0)
		return -1;
	if (lock.l_type == F_UNLCK)
		return 0;
	return lock.l_pid > 0 ? lock.l_pid : -1; /* 0 and -1: held from a pid namespace that we cannot see */
}

static int count_predecessors(const struct ft_sentinel *s, pid_t *one)
{
	int n = 0;
	for (int slot = 0; slot < FT_SENTINEL_SLOTS; slot++) {
		pid_t pid = holder_of(s, slot);
		if (pid == 0 || pid == s->pid)
			continue;
		n++;
		*one = pid;
	}
	return n;
}

/* SIGKILL to the holder of a slot, if it is not our child. Returns its pidfd, or -1. */
static int end_holder(const struct ft_sentinel *s, int slot)
{
	pid_t pid = holder_of(s, slot);
	int pidfd = pid > 0 && pid != s->pid ? pidfd_open(pid, 0) : -1;
	/* Asked again with the pidfd in hand: then it is the holder's, and not that of a later user of the number. */
	if (pidfd >= 0 && holder_of(s, slot) == pid)
		(void)pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	return pidfd;
}

/* A lock that is let go is proof enough: its holder will never signal again. */
int ft_sentinel_relieve_predecessors(struct ft_sentinel *s, int within_ms, pid_t *stays)
{
	int ending[FT_SENTINEL_SLOTS], were = count_predecessors(s, stays);
	int64_t deadline = soon(within_ms);
	for (int slot = 0; slot < FT_SENTINEL_SLOTS; slot++)
		ending[slot] = end_holder(s, slot);
	for (int slot = 0; slot < FT_SENTINEL_SLOTS; slot++) {
		if (ending[slot] < 0)
			continue;
		comes(ending[slot], deadline);
		close(ending[slot]);
	}
	if (count_predecessors(s, stays) > 0)
		return -1;
	(void)eventfd_write(s->poke, 1); /* the watchdog is free now */
	return were;
}

/* ---- the interface ---- */

int ft_sentinel_guard(struct ft_sentinel *s, const struct ft_process *p)
{
	struct ft_process own = FT_PROCESS_NONE;
	if (p->pid != 0) {
		own = (struct ft_process){.pid = p->pid, .pidfd = fcntl(p->pidfd, F_DUPFD_CLOEXEC, 0)};
		if (own.pidfd < 0)
			return -1;
	}
	ft_process_close(&s->process);
	s->process = own;
	return put_on_guard(s);
}

void ft_sentinel_lease(struct ft_sentinel *s, int64_t until)
{
	int64_t before = atomic_exchange(&s->page->lease, until);
	bool asleep = before <= ft_clock_now(); /* it looks now and then only */
	if (until < before || (asleep && until != before))
		(void)eventfd_write(s->poke, 1); /* a full counter is a poke that the child has yet to see */
}

bool ft_sentinel_on_guard(const struct ft_sentinel *s)
{
	return s->on_guard;
}

bool ft_sentinel_apart(const struct ft_sentinel *s)
{
	return s->pid != 0 && atomic_load(&s->page->apart);
}

pid_t ft_sentinel_pid(const struct ft_sentinel *s)
{
	return s->pid;
}

static void free_event(struct event *e)
{
	if (e)
		event_free(e);
}

static void release(struct ft_sentinel *s)
{
	forget_child(s);
	free_event(s->look);
	free_event(s->again);
	free_event(s->late);
	ft_process_close(&s->process);
	close_fd(s->poke);
	close_fd(s->told);
	close_fd(s->slots);
	if (s->page != MAP_FAILED)
		munmap(s->page, sizeof(*s->page));
	free(s);
}

/* Opened once and inherited by every child: a disk that hangs later delays none. */
static bool make_shared(struct ft_sentinel *s)
{
	char path[FT_PATH_MAX + sizeof(FT_SENTINEL_FILE)];
	snprintf(path, sizeof(path), "%s/%s", s->state_dir, FT_SENTINEL_FILE);
	s->slots = ft_file_openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	s->page = mmap(NULL, sizeof(*s->page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	s->poke = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->told = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->slots < 0 || s->page == MAP_FAILED || s->poke < 0 || s->told < 0)
		return false;
	atomic_init(&s->page->lease, FT_NEVER);
	atomic_init(&s->page->frozen_at, FT_NEVER);
	atomic_init(&s->page->late, 0);
	atomic_init(&s->page->apart, false);
	atomic_init(&s->page->freeze_error, 0);
	atomic_init(&s->page->watchdog_error, 0);
	s->look = event_new(s->base, s->told, EV_READ | EV_PERSIST, on_told, s);
	s->again = evtimer_new(s->base, on_again, s);
	s->late = evtimer_new(s->base, on_late, s);
	return s->look && s->again && s->late && event_add(s->look, NULL) == 0;
}

/* The device may be busy as long as an earlier ftd's sentinel feeds it. */
static int watchdog_fault(const struct ft_sentinel *s)
{
	pid_t feeds;
	int error = atomic_load(&s->page->watchdog_error);
	return error != 0 && count_predecessors(s, &feeds) == 0 ? error : 0;
}

struct ft_sentinel *ft_sentinel_new(struct event_base *base, const char *state_dir, const char *watchdog_device,
                                    const struct ft_sentinel_callbacks *cb, void *arg, FILE *errors)
{
	struct ft_sentinel *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->base = base;
	snprintf(s->state_dir, sizeof(s->state_dir), "%s", state_dir);
	snprintf(s->watchdog_device, sizeof(s->watchdog_device), "%s", watchdog_device);
	s->cb = cb;
	s->arg = arg;
	s->page = MAP_FAILED;
	s->poke = s->told = s->slots = s->pidfd = s->socket = -1;
	s->process = (struct ft_process)FT_PROCESS_NONE;
	s->seen_frozen_at = FT_NEVER;
	int error = make_shared(s) ? fork_first(s) : errno;
	if (error != 0) {
		fprintf(errors, "cannot start the sentinel in %s: %s\n", state_dir,
		        error == EUSERS ? "too many sentinels of earlier ftd are there; end them (SIGKILL)"
		                        : strerror(error));
		release(s);
		return NULL;
	}
	s->on_guard = true; /* over none */
	error = watchdog_fault(s);
	if (error != 0) {
		fprintf(errors, "watchdog_device %s: %s; name a watchdog that is free, or \"\" for none\n",
		        watchdog_device, watchdog_fault_text(error));
		ft_sentinel_dismiss(s);
		return NULL;
	}
	return s;
}

void ft_sentinel_dismiss(struct ft_sentinel *s)
{
	if (!s)
		return;
	if (s->pid != 0) {
		if (send_request(s, FT_SENTINEL_DISMISS, &(struct ft_process)FT_PROCESS_NONE) != 0)
			pidfd_send_signal(s->pidfd, SIGKILL, NULL, 0);
		end_child(s);
	}
	release(s);
}

void ft_sentinel_abandon(struct ft_sentinel *s)
{
	if (s)
		release(s);
}
