/* Everything about /proc and pidfds that ftd needs to know of its QEMU. */
#include "qmp/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define PF_EXITING 0x4u /* include/linux/sched.h; shown in field 9 of /proc/PID/stat */

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

/* Calls see() for every thread of pid until it returns false. False if the threads cannot be listed. */
static bool each_thread(pid_t pid, bool (*see)(void *arg, const char *task_dir), void *arg)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	DIR *dir = opendir(path);
	if (!dir)
		return false;
	struct dirent *entry;
	while ((entry = readdir(dir)) != NULL) {
		char task[96];
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(task, sizeof task, "%s/%.16s", path, entry->d_name);
		if (!see(arg, task))
			break;
	}
	closedir(dir);
	return true;
}

struct wanted_thread {
	pid_t tid;
	bool found;
};

static bool is_wanted_thread(void *arg, const char *task_dir)
{
	struct wanted_thread *w = arg;
	char path[128], status[4096];
	snprintf(path, sizeof path, "%s/status", task_dir);
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
	if (p->pidfd >= 0 && each_thread(p->pid, is_wanted_thread, &w) && w.found && ft_process_alive(p)) {
		*real_pid = p->pid;
		return true;
	}
	char path[64], status[4096];
	snprintf(path, sizeof path, "/proc/%d/status", (int)tid);
	if (read_proc(path, status, sizeof status))
		*real_pid = status_number(status, "\nTgid:");
	return false;
}

struct thread_count {
	int live;    /* threads that are not yet dead */
	int stopped; /* of those, in state T (stopped) or t (held by a debugger) */
	int waiting; /* of those, in state D: a stop that is on its way takes hold before they leave the kernel */
	int exiting; /* of those, on their way out: they never run guest code again */
};

static bool count_thread(void *arg, const char *task_dir)
{
	struct thread_count *count = arg;
	char path[128], stat[1024];
	snprintf(path, sizeof path, "%s/stat", task_dir);
	if (!read_proc(path, stat, sizeof stat))
		return true; /* it has exited meanwhile */
	/* "PID (NAME) STATE PPID ... FLAGS ...", the flags six fields after the state; the name may hold anything, ')' too. */
	const char *field = strrchr(stat, ')');
	field = field ? strchr(field, ' ') : NULL;
	if (!field)
		return true;
	char state = field[1];
	for (int i = 0; i < 6 && field; i++)
		field = strchr(field + 1, ' ');
	if (!field)
		return true;
	unsigned long flags = strtoul(field + 1, NULL, 10);
	if (state == 'Z' || state == 'X')
		return true;
	count->live++;
	if (flags & PF_EXITING)
		count->exiting++;
	else if (state == 'T' || state == 't')
		count->stopped++;
	else if (state == 'D')
		count->waiting++;
	return true;
}

static struct thread_count count_threads(const struct ft_process *p)
{
	struct thread_count count = {0};
	if (p->pidfd < 0 || !each_thread(p->pid, count_thread, &count) || !ft_process_alive(p))
		count = (struct thread_count){0};
	return count;
}

bool ft_process_stopped(const struct ft_process *p)
{
	struct thread_count count = count_threads(p);
	return count.stopped > 0 && count.stopped + count.waiting + count.exiting == count.live;
}

bool ft_process_dying(const struct ft_process *p)
{
	struct thread_count count = count_threads(p);
	return count.live > 0 && count.exiting == count.live;
}
