/* One ftd per pair and host. */
#include "store/lock.h"

#include "base/file.h"
#include "base/types.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_dirs(const char *path)
{
	char part[FT_PATH_MAX];
	if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (char *p = part + 1; *p; p++)
		if (*p == '/') {
			*p = '\0';
			if (mkdir(part, 0755) != 0 && errno != EEXIST)
				return -1;
			*p = '/';
		}
	return mkdir(part, 0700) != 0 && errno != EEXIST ? -1 : 0;
}

/* The length comes first: it takes no room on a full disk, and is enough to tell that somebody was here. */
static int write_holder(int fd)
{
	char holder[32];
	int len = snprintf(holder, sizeof holder, "%d\n", (int)getpid());
	return ftruncate(fd, len) == 0 && pwrite(fd, holder, (size_t)len, 0) == len ? 0 : -1;
}

int ft_lock_state_dir(const char *state_dir, bool *fresh, FILE *errors)
{
	char path[FT_PATH_MAX + 8], holder[32] = "";
	if (make_dirs(state_dir) != 0) {
		fprintf(errors, "cannot make state_dir %s: %s; make it, or allow ftd to\n", state_dir, strerror(errno));
		return -1;
	}
	snprintf(path, sizeof path, "%s/lock", state_dir);
	int fd = ft_file_openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	if (fd < 0) {
		fprintf(errors, "cannot open %s: %s; is state_dir writable for ftd?\n", path, ft_file_error(errno));
		return -1;
	}
	bool held = flock(fd, LOCK_EX | LOCK_NB) != 0;
	ssize_t n = pread(fd, holder, sizeof holder - 1, 0);
	holder[n > 0 ? strcspn(holder, "\n") : 0] = '\0';
	*fresh = n == 0; /* every ftd leaves its process number */
	if (held) {
		fprintf(errors, "state_dir %s is held by another ftd, process %s; one ftd per pair and host\n",
		        state_dir, holder[0] ? holder : "unknown");
		close(fd);
		return -1;
	}
	if (write_holder(fd) != 0)
		fprintf(errors, "cannot write our process number to %s: %s; going on\n", path, strerror(errno));
	return fd;
}

void ft_unlock_state_dir(int lock, bool fresh)
{
	/* Should it stay, the next ftd only trusts less in what it finds. */
	int kept = fresh ? ftruncate(lock, 0) : 0;
	(void)kept;
	close(lock);
}
