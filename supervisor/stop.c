/* See stop.h. */
#include "supervisor/stop.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int ft_process_stop(const struct ft_process *p)
{
	char path[64];
	struct dirent *entry;
	if (ft_process_signal(p, SIGSTOP) != 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)p->pid);
	DIR *threads = opendir(path);
	if (!threads)
		return 0; /* it has exited meanwhile, or /proc is not there and one signal must do */
	/* tgkill knows threads by their numbers, which are this process's while its pidfd says that it lives. */
	while ((entry = readdir(threads)) != NULL && ft_process_alive(p)) {
		pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10); /* 0 for the dots */
		if (thread > 0)
			(void)tgkill(p->pid, thread, SIGSTOP); /* one that has exited needs none */
	}
	closedir(threads);
	return 0;
}
