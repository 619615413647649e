/* See stop.h. */
#include "process/stop.h"

#include <signal.h>
#include <unistd.h>

/* tgkill knows threads by their numbers, which are this process's while its pidfd says that it lives. */
static bool stop_thread(void *arg, pid_t pid, pid_t thread)
{
	if (!ft_process_alive(arg))
		return false;
	(void)tgkill(pid, thread, SIGSTOP); /* one that has exited needs none */
	return true;
}

int ft_process_stop(const struct ft_process *p)
{
	struct ft_process process = *p;
	if (ft_process_signal(p, SIGSTOP) != 0)
		return -1;
	/* If they cannot be listed, it has exited meanwhile, or /proc is not there and one signal must do. */
	(void)ft_process_each_thread(process.pid, stop_thread, &process);
	return 0;
}
