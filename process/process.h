/* The QEMU process as the kernel sees it: a pidfd, signals through it, and whether it is stopped.
 * Knows: Linux.  Must not know: libevent, QMP, why it is asked.
 * A pidfd never means another process, however often the number is reused. */
#ifndef FT_PROCESS_PROCESS_H
#define FT_PROCESS_PROCESS_H

#include "base/types.h"

#include <stdio.h>
#include <sys/types.h>

struct ft_process {
	pid_t pid; /* 0: none */
	int pidfd; /* -1: none; readable when the process has died */
};

/* clang-format off */
#define FT_PROCESS_NONE { .pid = 0, .pidfd = -1 }
/* clang-format on */

/* The process that listens on a connected UNIX socket (SO_PEERCRED, pidfd_open).  0, or -1 with errno and *out none. */
int ft_process_of_socket(int fd, struct ft_process *out);
/* Whether one of its threads is called tid where it lives (QMP query-cpus-fast "thread-id").  No proof: in another pid
 * namespace that may be another thread's number.  If not, *real_pid is the process of that tid here, 0 unknown. */
bool ft_process_owns_thread(const struct ft_process *p, pid_t tid, pid_t *real_pid);
/* A file that nobody else has open, to be passed to a process and looked for there, and closed by the caller; or -1 with
 * errno. */
int ft_process_make_token(void);
/* Whether it has the token open.  1 or 0, or -1 with errno where its open files may not be seen. */
int ft_process_holds(const struct ft_process *p, int token);
/* Whether it has a file open that has that path where it lives, at most 62 bytes: "/dev/vhost-net".  1 or 0; -1: not known. */
int ft_process_has_open(const struct ft_process *p, const char *path);
/* This host's memory that it holds, huge pages too, and what a program can still have here; bytes, 0: not known. */
uint64_t ft_process_memory(const struct ft_process *p);
uint64_t ft_process_free_memory(void);
int ft_process_open(pid_t pid, struct ft_process *out);
void ft_process_close(struct ft_process *p);
bool ft_process_alive(const struct ft_process *p); /* false: died (even if its parent has not reaped it), or none */
/* It stands still, and will until a SIGCONT: a thread is in state T, or t (held by a debugger), or has a SIGSTOP pending that it
 * cannot take (in a frozen cgroup, say), and so are the others, or in D.  Not who is only kept from running, without SIGSTOP. */
bool ft_process_stopped(const struct ft_process *p);
/* The same, or about to be so: what is said to run yet has a SIGSTOP pending.  *ticks: the CPU time that its threads have used.
 * While that stays as it is, no thread of it runs: it gets no CPU to take the signal with, and takes it first when it does. */
bool ft_process_is_to_stop(const struct ft_process *p, unsigned long long *ticks);
/* Killed, and the kernel is still taking its memory down (75 ms a GB), or a thread of it is in a wait that nothing interrupts
 * (a disk that hangs: it may stay so for ever, and the first thread a zombie) or in a frozen cgroup; or crashed, and it is
 * writing the core file: none of its threads will ever run guest code again, but the pidfd is not readable yet.  Also false
 * once it has died.
 * *stays: the thread that kept it from dying when it was asked last, 0 none; the first to be looked at now, and the only
 * one as long as it stays.  NULL for who asks once.
 * Few looks are not only cheap: who reads the stat file of a thread that still lives holds the process's memory for some us,
 * and would take all of it down in the thread's place if that left meanwhile; here, where heartbeats wait. */
bool ft_process_dying(const struct ft_process *p, pid_t *stays);
/* /proc/PID/task/PID/stat, of the first thread, to be closed by the caller, or -1.  It never tells of another process that gets the number later. */
int ft_process_open_stat(const struct ft_process *p);
/* One read, no allocation: whether the first thread is on its way out, or killed. That is a reason to ask ft_process_dying() and no
 * more, since the others may live on. */
bool ft_process_leader_leaves(int stat_fd);
/* pidfds of its oldest threads but the first, at most max, each readable once that thread has exited; to be closed by the
 * caller.  Returns how many; 0 before Linux 6.9.  A thread's end is a hint as well: threads come and go. */
int ft_process_open_threads(const struct ft_process *p, int fds[], int max);
/* Calls see() for every thread of pid, oldest first, until it returns false. False if the threads cannot be listed.
 * Allocates nothing. */
typedef bool ft_process_see_thread(void *arg, pid_t pid, pid_t tid);
bool ft_process_each_thread(pid_t pid, ft_process_see_thread *see, void *arg);
/* Whether this system lets us have pidfds and signal through them, which everything above rests on, and every child process,
 * too.  0, or -1 after a line to errors. */
int ft_process_try(FILE *errors);
/* Sends sig through the pidfd. 0, or -1 with errno. Signal 0 asks for permission only. */
int ft_process_signal(const struct ft_process *p, int sig);

#endif
