/* For tests: a control group of our own, whose freezer or CPU bandwidth can be used; of version 2 where that is mounted, and of
 * version 1, which is mounted for the test where it is not. */
#ifndef FT_TESTS_UNIT_CGROUPS_H
#define FT_TESTS_UNIT_CGROUPS_H

#include "tests/unit/skip.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <poll.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

struct cgroup {
	char mounted[256]; /* "" it was there */
	char dir[512];
};

/* The mount point of such a hierarchy. */
static inline bool cgroup_mount_point(const char *type, const char *option, char *out, size_t size)
{
	bool found = false;
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	for (struct mntent *m; mounts && !found && (m = getmntent(mounts));)
		if (strcmp(m->mnt_type, type) == 0 && (!option || hasmntopt(m, option))) {
			snprintf(out, size, "%s", m->mnt_dir);
			found = true;
		}
	if (mounts)
		endmntent(mounts);
	return found;
}

/* controller: of version 1; NULL: version 2.  False: not on this machine, and the test has said so. */
static inline bool cgroup_make(struct cgroup *g, const char *controller)
{
	char root[256], template[] = "/tmp/ft-cgroup-XXXXXX";
	*g = (struct cgroup){0};
	bool there = cgroup_mount_point(controller ? "cgroup" : "cgroup2", controller, root, sizeof root);
	if (!there && mkdtemp(template)) {
		snprintf(root, sizeof root, "%s", template);
		there = mount("ft-cgroup", root, controller ? "cgroup" : "cgroup2", 0, controller) == 0;
		if (there)
			memcpy(g->mounted, root, sizeof root);
		else
			rmdir(root);
	}
	snprintf(g->dir, sizeof g->dir, "%s/ftd-test-%d", root, (int)getpid());
	if (there && mkdir(g->dir, 0755) == 0)
		return true;
	char missing[128];
	snprintf(missing, sizeof missing, "no writable cgroup hierarchy (%s): %s",
	         controller ? controller : "version 2", strerror(errno));
	if (g->mounted[0] && umount(root) == 0)
		rmdir(root);
	*g = (struct cgroup){0};
	skipped("a process in a control group", missing);
	return false;
}

static inline void cgroup_write(const struct cgroup *g, const char *file, const char *text)
{
	char path[600];
	snprintf(path, sizeof path, "%s/%s", g->dir, file);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	ck_assert_msg(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s: %s", path, strerror(errno));
	close(fd);
}

static inline bool cgroup_says(const struct cgroup *g, const char *file, const char *text)
{
	char path[600], found[512] = "";
	snprintf(path, sizeof path, "%s/%s", g->dir, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, found, sizeof found - 1) < 0)
		found[0] = '\0';
	if (fd >= 0)
		close(fd);
	return strstr(found, text) != NULL;
}

static inline void cgroup_add(const struct cgroup *g, pid_t pid)
{
	char text[16];
	snprintf(text, sizeof text, "%d", (int)pid);
	cgroup_write(g, "cgroup.procs", text);
}

/* And waits until it is so. */
static inline void cgroup_freeze(const struct cgroup *g, bool frozen)
{
	char path[600];
	snprintf(path, sizeof path, "%s/freezer.state", g->dir);
	bool v1 = access(path, F_OK) == 0;
	if (v1)
		cgroup_write(g, "freezer.state", frozen ? "FROZEN" : "THAWED");
	else
		cgroup_write(g, "cgroup.freeze", frozen ? "1" : "0");
	const char *file = v1 ? "freezer.state" : "cgroup.events";
	const char *text = v1 ? (frozen ? "FROZEN" : "THAWED") : frozen ? "frozen 1" : "frozen 0";
	for (int i = 0; i < 20000 && !cgroup_says(g, file, text); i++)
		poll(NULL, 0, 1);
	ck_assert(cgroup_says(g, file, text));
}

/* Whoever is in it must have ended. */
static inline void cgroup_end(struct cgroup *g)
{
	if (!g->dir[0])
		return;
	for (int i = 0; i < 20000 && rmdir(g->dir) != 0; i++)
		poll(NULL, 0, 1);
	if (g->mounted[0] && umount(g->mounted) == 0)
		rmdir(g->mounted);
	*g = (struct cgroup){0};
}

#endif
