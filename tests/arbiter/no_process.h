/* For tests of what works though no process can be had: a fork() that fails when told to.  Of the whole program, so for one
 * file of it. */
#ifndef FT_TESTS_ARBITER_NO_PROCESS_H
#define FT_TESTS_ARBITER_NO_PROCESS_H

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

static bool no_process; /* to be had: the limit of the user or of the control group is reached */

pid_t fork(void)
{
	if (!no_process)
		return ((pid_t(*)(void))(uintptr_t)dlsym(RTLD_NEXT, "fork"))();
	errno = EAGAIN;
	return -1;
}

#endif
