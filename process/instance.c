/* See instance.h. */
#include "process/instance.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STARTTIME_FIELD 22 /* of /proc/PID/stat, clock ticks since boot; proc(5) */

/* A small /proc file as text. False if it cannot be read. */
static bool read_proc(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* "PID (NAME) STATE PPID ...": the name may hold anything, ") " too, so fields are counted from its last parenthesis. */
static bool start_time(const char *stat, unsigned long long *ticks)
{
	const char *p = strrchr(stat, ')');
	for (int field = 2; p && field < STARTTIME_FIELD; field++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	char *end = NULL;
	*ticks = p ? strtoull(p, &end, 10) : 0;
	return end != p && *ticks != ULLONG_MAX;
}

uint64_t ft_instance_of(pid_t pid)
{
	char path[64], boot[64], stat[1024];
	unsigned long long ticks;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (pid <= 0 || !read_proc("/proc/sys/kernel/random/boot_id", boot, sizeof(boot)) ||
	    !read_proc(path, stat, sizeof(stat)) || !start_time(stat, &ticks))
		return 0;

	char name[128];
	uint8_t hash[crypto_generichash_BYTES_MIN];
	uint64_t instance = 0;
	int len = snprintf(name, sizeof(name), "%.40s %d %llu", boot, (int)pid, ticks);
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)name, (size_t)len, NULL, 0);
	memcpy(&instance, hash, sizeof(instance));
	return instance != 0 ? instance : 1; /* 0 is nobody */
}

pid_t ft_instance_find(uint64_t instance)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;
	while (proc && found == 0 && (entry = readdir(proc)) != NULL) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10); /* 0 for what is no process */
		if (pid > 0 && ft_instance_of(pid) == instance)
			found = pid;
	}
	if (proc)
		closedir(proc);
	return found;
}
