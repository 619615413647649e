/* See herald.h. */
#include "supervisor/herald.h"

#include "base/file.h"
#include "base/log.h"
#include "store/session_file.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOCK_FILE  "herald"
#define NEXT_FILE  "session.herald"
#define BETWEEN_MS 10 /* rounds of datagrams */
#define TEXT_MAX   4096
#define SETTLES_MS 1000 /* what it does first takes less than one */

enum { PROCESS = 3, FOLDER, HELD, SETTLED, FIRST_FREE }; /* descriptors of the child */

static void nap(int ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

/* ---- the child ---- */

static bool holds(const char *text)
{
	char now[TEXT_MAX];
	int fd = ft_file_openat(FOLDER, FT_SESSION_FILE, O_RDONLY | O_NOFOLLOW, 0);
	ssize_t n = fd < 0 ? -1 : read(fd, now, sizeof now);
	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text) && memcmp(now, text, (size_t)n) == 0;
}

/* Durable, or not at all. */
static bool resign(const struct ft_herald_word *word)
{
	size_t len = strlen(word->resigned);
	int fd = ft_file_openat(FOLDER, NEXT_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	bool written = fd >= 0 && write(fd, word->resigned, len) == (ssize_t)len && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return written && holds(word->found) && renameat(FOLDER, NEXT_FILE, FOLDER, FT_SESSION_FILE) == 0 &&
	       fsync(FOLDER) == 0;
}

/* From the same address as ever: the peer takes nothing from another.  Where another ftd has it, that tells. */
static void tell(const struct ft_herald_word *word, int round)
{
	for (int i = 0; i < word->n_links; i++) {
		const struct ft_link_settings *c = &word->links[i];
		int on = 1, fd = socket(c->local.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			continue;
		if (c->local.ss_family == AF_INET6)
			(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
		if (bind(fd, (const struct sockaddr *)&c->local, c->local_len) == 0 &&
		    connect(fd, (const struct sockaddr *)&c->peer, c->peer_len) == 0)
			(void)!send(fd, word->data[i][round], word->len[i][round], 0);
		close(fd);
	}
}

/* Everything else of the parent is closed, and then what it waits for that at. */
static void keep_only(int process, int folder, int held, int settled)
{
	int high[] = {fcntl(process, F_DUPFD, FIRST_FREE), fcntl(folder, F_DUPFD, FIRST_FREE),
	              fcntl(held, F_DUPFD, FIRST_FREE), fcntl(settled, F_DUPFD, FIRST_FREE)};
	int null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < PROCESS; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			_exit(1);
	for (int i = 0; i < FIRST_FREE - PROCESS; i++)
		if (dup2(high[i], PROCESS + i) < 0)
			_exit(1);
	close_range(FIRST_FREE, ~0u, 0);
	close(SETTLED);
}

static noreturn void herald(const struct ft_herald_word *word, int process, int folder, int held, int settled)
{
	struct pollfd end = {.fd = PROCESS, .events = POLLIN};
	sigset_t all;
	char pid[16];
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "ftd-herald");
	keep_only(process, folder, held, settled);
	int len = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
	if (pwrite(HELD, pid, (size_t)len, 0) != len)
		_exit(1);
	while (poll(&end, 1, -1) < 0)
		if (errno != EINTR)
			_exit(1);
	if (word->resigned && !resign(word))
		_exit(1);
	for (int round = 0; round < FT_HERALD_ROUNDS; round++) {
		tell(word, round);
		nap(BETWEEN_MS);
	}
	_exit(0);
}

/* ---- ftd's side ---- */

/* Until then it holds what we hold: the lock on state_dir, ports, the control socket. The next ftd may come as soon as we end. */
static void await_settled(int settled[2])
{
	struct pollfd end = {.fd = settled[0], .events = POLLIN};
	close(settled[1]);
	(void)poll(&end, 1, SETTLES_MS);
	close(settled[0]);
}

/* The lock is the child's, too, and lasts as long as it does. */
void ft_herald_leave(const struct ft_herald_word *word, const struct ft_process *qemu, const char *state_dir)
{
	int folder = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int held = folder < 0 ? -1 : ft_file_openat(folder, LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	int settled[2] = {-1, -1};
	pid_t pid = -1;
	if (held >= 0 && qemu->pidfd >= 0 && flock(held, LOCK_EX | LOCK_NB) == 0 && ftruncate(held, 0) == 0 &&
	    pipe2(settled, O_CLOEXEC) == 0)
		pid = fork();
	if (pid == 0)
		herald(word, qemu->pidfd, folder, held, settled[1]);
	int error = errno;
	if (settled[0] >= 0)
		await_settled(settled);
	if (pid < 0)
		ft_log(FT_LOG_WARN, "main",
		       "no herald could be left (%s): if QEMU ends before the next ftd comes, the guest does not go on "
		       "at the "
		       "peer's",
		       strerror(error));
	else
		ft_log(FT_LOG_INFO, "main",
		       "process %d stays, and tells the peer if QEMU ends before the next ftd comes", (int)pid);
	if (held >= 0)
		close(held);
	if (folder >= 0)
		close(folder);
}

static bool is_held(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return true;
	flock(fd, LOCK_UN);
	return false;
}

/* The number in the file is the herald's for as long as the lock is held: looked at once more when the process is in hand. */
static void end(int fd)
{
	char text[16] = "";
	if (pread(fd, text, sizeof text - 1, 0) <= 0)
		return; /* it is about to write it */
	pid_t pid = (pid_t)strtol(text, NULL, 10);
	int pidfd = pid > 0 ? pidfd_open(pid, 0) : -1;
	if (pidfd < 0)
		return;
	if (is_held(fd))
		pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	close(pidfd);
}

bool ft_herald_relieve(const char *state_dir, int within_ms)
{
	char path[FT_PATH_MAX + sizeof LOCK_FILE];
	snprintf(path, sizeof path, "%s/" LOCK_FILE, state_dir);
	int fd = ft_file_openat(AT_FDCWD, path, O_RDWR | O_NOFOLLOW, 0);
	if (fd < 0)
		return true;
	bool held = is_held(fd);
	for (int ms = 0; held && ms < within_ms; ms++) {
		end(fd);
		nap(1);
		held = is_held(fd);
	}
	if (held)
		ft_log(FT_LOG_ERROR, "main",
		       "the herald of an earlier ftd (see %s) does not end: it may tell the peer that QEMU has died "
		       "when it dies",
		       path);
	close(fd);
	return !held;
}
