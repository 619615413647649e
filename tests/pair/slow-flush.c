/* A disk whose flush takes its time (LD_PRELOAD), for tests: FLUSH_MS milliseconds each; with FLUSH_WHILE, a path, only while
 * that exists. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int fdatasync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
	const char *text = getenv("FLUSH_MS");
	long ms = text ? strtol(text, NULL, 10) : 0;
	struct timespec nap = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	const char *gate = getenv("FLUSH_WHILE");
	if (!gate || access(gate, F_OK) == 0)
		nanosleep(&nap, NULL);
	return real(fd);
}
