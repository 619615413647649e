/* Everything about /proc and pidfds that ftd needs to know of its QEMU. */
#include "process/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* include/linux/sched.h; shown in field 9 of /proc/PID/stat.  On its way out, the first thing a thread does there; waiting
 * for another thread to write the core file; writing it (seconds for a big guest). None of them comes back. */
#define PF_EXITING      0x4ul
#define PF_POSTCOREDUMP 0x8ul
#define PF_DUMPCORE     0x200ul
#define PF_NEVER_BACK   (PF_EXITING | PF_POSTCOREDUMP | PF_DUMPCORE)

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* linux/pidfd.h, from Linux 6.9 on */
#endif

int ft_process_open(pid_t pid, struct ft_process *out)
{
	*out = (struct ft_process)FT_PROCESS_NONE;
	if (pid <= 0) {
		errno = ESRCH;
		return -1;
	}
	int fd = pidfd_open(pid, 0);
	if (fd < 0)
		return -1;
	out->pid = pid;
	out->pidfd = fd;
	return 0;
}

int ft_process_of_socket(int fd, struct ft_process *out)
{
	struct ucred peer;
	socklen_t len = sizeof peer;
	*out = (struct ft_process)FT_PROCESS_NONE;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -1;
	return ft_process_open(peer.pid, out); /* pid 0: it lives in a pid namespace we cannot see into */
}

int ft_process_try(FILE *errors)
{
	struct ft_process self;
	const char *what = ft_process_open(getpid(), &self) != 0            ? "pidfd_open(2)"
	                   : pidfd_send_signal(self.pidfd, 0, NULL, 0) != 0 ? "pidfd_send_signal(2)"
	                                                                    : NULL;
	if (what)
		fprintf(errors,
		        "%s: %s; Linux 5.3 or newer is needed, and a container's or service's system call filter that "
		        "lets it "
		        "pass\n",
		        what, strerror(errno));
	ft_process_close(&self);
	return what ? -1 : 0;
}

void ft_process_close(struct ft_process *p)
{
	if (p->pidfd >= 0)
		close(p->pidfd);
	*p = (struct ft_process)FT_PROCESS_NONE;
}

bool ft_process_alive(const struct ft_process *p)
{
	struct pollfd pfd = {.fd = p->pidfd, .events = POLLIN};
	if (p->pidfd < 0)
		return false;
	return poll(&pfd, 1, 0) == 0; /* readable once all its threads have exited, reaped or not */
}

int ft_process_signal(const struct ft_process *p, int sig)
{
	if (p->pidfd < 0) {
		errno = ESRCH;
		return -1;
	}
	return pidfd_send_signal(p->pidfd, sig, NULL, 0);
}

/* The whole of a small /proc file, NUL-terminated. False if it cannot be read. */
static bool read_proc(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	size_t len = 0;
	ssize_t n = 0;
	while (len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	text[len] = '\0';
	return n >= 0 && len > 0;
}

/* The last number of the line "key:\t12\t3" in a status file; 0 if it is not there. */
static pid_t status_number(const char *status, const char *key)
{
	const char *line = strstr(status, key); /* key begins with the line feed before it */
	if (!line)
		return 0;
	const char *p = line + strlen(key);
	long value = 0;
	while (*p && *p != '\n') {
		if (!isdigit((unsigned char)*p)) {
			p++;
			continue;
		}
		char *end;
		value = strtol(p, &end, 10);
		p = end;
	}
	return (pid_t)value;
}

/* For every number in that folder of pid's.  Asked in the middle of a failover, too: hence not by opendir, which allocates. */
static bool each_number(pid_t pid, const char *folder, ft_process_see_thread *see, void *arg)
{
	char path[64];
	_Alignas(struct dirent64) char some[2048];
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, folder);
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return false;
	ssize_t n;
	bool more = true;
	while (more && (n = getdents64(dir, some, sizeof some)) > 0)
		for (ssize_t at = 0; more && at < n;) {
			const struct dirent64 *entry = (const struct dirent64 *)(some + at);
			at += entry->d_reclen;
			if (isdigit((unsigned char)entry->d_name[0]))
				more = see(arg, pid, (pid_t)strtol(entry->d_name, NULL, 10));
		}
	close(dir);
	return true;
}

bool ft_process_each_thread(pid_t pid, ft_process_see_thread *see, void *arg)
{
	return each_number(pid, "task", see, arg);
}

struct wanted_thread {
	pid_t tid;
	bool found;
};

static bool is_wanted_thread(void *arg, pid_t pid, pid_t tid)
{
	struct wanted_thread *w = arg;
	char path[64], status[4096];
	snprintf(path, sizeof path, "/proc/%d/task/%d/status", (int)pid, (int)tid);
	/* The last number is the id inside the thread's own pid namespace: a QEMU in a container tells that one. */
	if (read_proc(path, status, sizeof status) && status_number(status, "\nNSpid:") == w->tid)
		w->found = true;
	return !w->found;
}

bool ft_process_owns_thread(const struct ft_process *p, pid_t tid, pid_t *real_pid)
{
	struct wanted_thread w = {.tid = tid, .found = false};
	*real_pid = 0;
	if (tid <= 0)
		return false;
	/* Alive afterwards too: then the number was this process's all the while. */
	if (p->pidfd >= 0 && ft_process_each_thread(p->pid, is_wanted_thread, &w) && w.found && ft_process_alive(p)) {
		*real_pid = p->pid;
		return true;
	}
	char path[64], status[4096];
	snprintf(path, sizeof path, "/proc/%d/status", (int)tid);
	if (read_proc(path, status, sizeof status))
		*real_pid = status_number(status, "\nTgid:");
	return false;
}

int ft_process_make_token(void)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	close(ends[0]);
	return ends[1];
}

struct wanted_file {
	char link[64]; /* "pipe:[NUMBER]" */
	bool found, hidden;
};

/* Read as a link and not by stat, which would wait for a file server that hangs. */
static bool read_fd_link(pid_t pid, int fd, char link[64])
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
	ssize_t n = readlink(path, link, 63);
	link[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool is_wanted_file(void *arg, pid_t pid, pid_t fd)
{
	struct wanted_file *w = arg;
	char link[64];
	bool read = read_fd_link(pid, fd, link);
	w->hidden |= !read && errno == EACCES;
	w->found = read && strcmp(link, w->link) == 0;
	return !w->found;
}

int ft_process_holds(const struct ft_process *p, int token)
{
	struct wanted_file w = {.found = false};
	if (token < 0 || p->pidfd < 0 || !read_fd_link(getpid(), token, w.link)) {
		errno = EBADF;
		return -1;
	}
	if (!each_number(p->pid, "fd", is_wanted_file, &w))
		return -1;
	if (!w.found && w.hidden) { /* the names can be seen without what they stand for */
		errno = EACCES;
		return -1;
	}
	return w.found &&
	       ft_process_alive(p); /* alive afterwards too: then the number was this process's all the while */
}

int ft_process_has_open(const struct ft_process *p, const char *path)
{
	struct wanted_file w = {.found = false};
	snprintf(w.link, sizeof w.link, "%s", path);
	if (p->pidfd < 0 || !each_number(p->pid, "fd", is_wanted_file, &w))
		return -1;
	if (!ft_process_alive(p) || (!w.found && w.hidden))
		return -1;
	return w.found;
}

/* The number of a line "NAME:   1234 kB", in bytes; 0: there is none. */
static uint64_t kilobytes(const char *text, const char *name)
{
	const char *line = strstr(text, name);
	return line ? strtoull(line + strlen(name), NULL, 10) * 1024 : 0;
}

uint64_t ft_process_memory(const struct ft_process *p)
{
	char path[64], status[4096];
	snprintf(path, sizeof path, "/proc/%d/status", (int)p->pid);
	if (p->pidfd < 0 || !read_proc(path, status, sizeof status) || !ft_process_alive(p))
		return 0;
	return kilobytes(status, "\nVmRSS:") + kilobytes(status, "\nHugetlbPages:");
}

uint64_t ft_process_free_memory(void)
{
	char info[4096];
	return read_proc("/proc/meminfo", info, sizeof info) ? kilobytes(info, "\nMemAvailable:") : 0;
}

/* Of a stat file. */
struct thread_stat {
	char state;
	unsigned long flags, pending; /* signals sent to this very thread that it has not taken */
	unsigned long long ticks;     /* of CPU time */
};

/* The number that many fields after the state. 0: there is none. */
static unsigned long number_after(const char *state, int fields)
{
	const char *field = state - 1;
	for (int i = 0; i < fields && field; i++)
		field = strchr(field + 1, ' ');
	return field ? strtoul(field + 1, NULL, 10) : 0;
}

/* False: that is no such text. */
static bool parse_stat(const char *stat, struct thread_stat *out)
{
	/* "PID (NAME) STATE PPID ... FLAGS ..."; the name may hold anything, ')' too. */
	const char *state = strrchr(stat, ')');
	if (!state || state[1] != ' ' || !state[2])
		return false;
	state += 2;
	*out = (struct thread_stat){
	    .state = *state,
	    .flags = number_after(state, 6),
	    .ticks = (unsigned long long)number_after(state, 11) + number_after(state, 12),
	    .pending = number_after(state, 28),
	};
	return true;
}

static bool is_pending(const struct thread_stat *s, int sig)
{
	return s->pending >> (sig - 1) & 1;
}

/* On its way out.  A kill is sent to each thread of the process, none of which leaves the kernel again but by its end: also
 * one that cannot take it yet, in a wait that nothing interrupts (state D) or in a frozen cgroup (version 1). */
static bool never_back(const struct thread_stat *s)
{
	return s->flags & PF_NEVER_BACK || is_pending(s, SIGKILL);
}

enum thread {
	THREAD_DEAD,
	THREAD_EXITING, /* it never runs guest code again */
	THREAD_STOPPED, /* in state T (stopped) or t (held by a debugger) */
	THREAD_HELD,    /* it sleeps (S or D), and SIGSTOP is pending: below */
	THREAD_WAITING, /* in state D: a stop that is on its way takes hold before it leaves the kernel */
	THREAD_STARVED, /* said to run, and SIGSTOP is pending: it is about to stop, or gets no CPU for it */
	THREAD_RUNS,
};

/* A thread that sleeps is woken by SIGSTOP, and takes it before it is back in its program or its guest.  One that sleeps on is
 * kept from that, by the cgroup freezer (which shows S in version 2, D in version 1) or by a wait that nothing interrupts.
 * Thawed, it takes the stop before anything else: Linux 6.18, both versions, 300 times each with threads that count all the
 * time, and a KVM guest that counts: not one went on. */
static enum thread thread_from(const struct thread_stat *s)
{
	if (s->state == 'Z' || s->state == 'X')
		return THREAD_DEAD;
	if (never_back(s))
		return THREAD_EXITING;
	if (s->state == 'T' || s->state == 't')
		return THREAD_STOPPED;
	bool told = is_pending(s, SIGSTOP);
	if (told && (s->state == 'S' || s->state == 'D'))
		return THREAD_HELD;
	if (s->state == 'D')
		return THREAD_WAITING;
	return told ? THREAD_STARVED : THREAD_RUNS;
}

static enum thread look_at_thread(pid_t pid, pid_t tid, unsigned long long *ticks)
{
	char path[64], text[1024];
	struct thread_stat stat;
	snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)pid, (int)tid);
	if (!read_proc(path, text, sizeof text) || !parse_stat(text, &stat))
		return THREAD_DEAD; /* it has exited meanwhile */
	if (ticks)
		*ticks += stat.ticks;
	return thread_from(&stat);
}

struct standstill {
	bool stopped, starved, runs;
	unsigned long long ticks;
};

static bool see_standstill(void *arg, pid_t pid, pid_t tid)
{
	struct standstill *s = arg;
	enum thread thread = look_at_thread(pid, tid, &s->ticks);
	s->stopped |= thread == THREAD_STOPPED || thread == THREAD_HELD;
	s->starved |= thread == THREAD_STARVED;
	s->runs |= thread == THREAD_RUNS;
	return !s->runs;
}

/* False: a thread runs that has not been told to stop, or there is no such process. */
static bool see_all(const struct ft_process *p, struct standstill *s)
{
	*s = (struct standstill){0};
	return p->pidfd >= 0 && ft_process_each_thread(p->pid, see_standstill, s) && !s->runs && ft_process_alive(p);
}

bool ft_process_stopped(const struct ft_process *p)
{
	struct standstill s;
	return see_all(p, &s) && s.stopped && !s.starved;
}

bool ft_process_is_to_stop(const struct ft_process *p, unsigned long long *ticks)
{
	struct standstill s;
	bool told = see_all(p, &s) && (s.stopped || s.starved);
	*ticks = s.ticks;
	return told;
}

struct departure {
	bool exiting; /* a thread is on its way out */
	pid_t stays;  /* the first that is not, 0: none */
};

static bool see_departure(void *arg, pid_t pid, pid_t tid)
{
	struct departure *d = arg;
	enum thread thread = look_at_thread(pid, tid, NULL);
	d->exiting |= thread == THREAD_EXITING;
	if (thread > THREAD_EXITING)
		d->stays = tid;
	return !d->stays;
}

bool ft_process_dying(const struct ft_process *p, pid_t *stays)
{
	struct departure d = {0};
	if (p->pidfd < 0 || (stays && *stays && look_at_thread(p->pid, *stays, NULL) > THREAD_EXITING))
		return false;
	bool listed = ft_process_each_thread(p->pid, see_departure, &d);
	if (stays)
		*stays = d.stays;
	return listed && d.exiting && !d.stays && ft_process_alive(p);
}

int ft_process_open_stat(const struct ft_process *p)
{
	char path[64];
	/* The thread's own file, not the process's: the kernel goes through all threads to sum up what that says. */
	snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)p->pid, (int)p->pid);
	int fd = p->pidfd >= 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd >= 0 && !ft_process_alive(p)) { /* else the number was this process's when the file was opened */
		close(fd);
		fd = -1;
	}
	return fd;
}

bool ft_process_leader_leaves(int stat_fd)
{
	char text[1024];
	struct thread_stat stat;
	ssize_t n = stat_fd >= 0 ? pread(stat_fd, text, sizeof text - 1, 0) : -1;
	if (n <= 0)
		return false;
	text[n] = '\0';
	return parse_stat(text, &stat) && never_back(&stat);
}

struct opened_threads {
	int *fds;
	int n, max;
};

static bool open_thread(void *arg, pid_t pid, pid_t tid)
{
	struct opened_threads *o = arg;
	/* The leader's would be silent until all threads are gone. */
	int fd = tid != pid ? pidfd_open(tid, PIDFD_THREAD) : -1;
	if (fd >= 0)
		o->fds[o->n++] = fd;
	return o->n < o->max;
}

// NOLINTNEXTLINE(readability-non-const-parameter): they are written through opened_threads
int ft_process_open_threads(const struct ft_process *p, int fds[], int max)
{
	struct opened_threads o = {.fds = fds, .max = max};
	if (p->pidfd >= 0 && max > 0)
		ft_process_each_thread(p->pid, open_thread, &o);
	return o.n;
}
