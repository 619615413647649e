/* A disk that is slow to flush, or fails to (LD_PRELOAD), for tests: each flush takes FLUSH_MS milliseconds; with FLUSH_WHILE, a
 * path, only while that exists.  It is an error once there is a file called FLUSH_FAILS. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int fdatasync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
	const char *text = getenv("FLUSH_MS"), *fails = getenv("FLUSH_FAILS");
	long ms = text ? strtol(text, NULL, 10) : 0;
	struct timespec nap = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	const char *gate = getenv("FLUSH_WHILE");
	if (!gate || access(gate, F_OK) == 0)
		nanosleep(&nap, NULL);
	if (fails && access(fails, F_OK) == 0) {
		errno = EIO;
		return -1;
	}
	return real(fd);
}
