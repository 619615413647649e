/* See init.h. */
#include "supervisor/init.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* All that have ended.  Does not return once the child has. */
static void reap(pid_t child)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
		if (pid == child)
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static _Noreturn void be_init(pid_t child, const sigset_t *wanted)
{
	prctl(PR_SET_NAME, "ftd-init");
	for (;;) {
		int sig = sigwaitinfo(wanted, NULL);
		if (sig == SIGCHLD)
			reap(child);
		else if (sig > 0)
			kill(child, sig);
	}
}

void ft_init_be_two(void)
{
	static const int passed_on[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
	sigset_t wanted, before;
	if (getpid() != 1)
		return;
	sigemptyset(&wanted);
	for (size_t i = 0; i < sizeof passed_on / sizeof passed_on[0]; i++)
		sigaddset(&wanted, passed_on[i]);
	sigaddset(&wanted, SIGCHLD);
	sigprocmask(SIG_BLOCK, &wanted, &before); /* before there is a child that could end */
	pid_t child = fork();
	if (child < 0) {
		fprintf(stderr, "ftd: process 1 cannot start a child to be ftd: %s\n", strerror(errno));
		exit(1);
	}
	if (child > 0)
		be_init(child, &wanted);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigprocmask(SIG_SETMASK, &before, NULL);
}
