/* See file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as many as the kernel follows */
#define FAULT_MAX (2 * PATH_MAX + 256)
#define BY_OTHERS (S_IWGRP | S_IWOTH)
#define TO_OTHERS (S_IRWXG | S_IRWXO)
#define MODE(st)  ((unsigned)((st).st_mode & 07777))

/* linux/posix_acl_xattr.h: a version, and then entries, all little-endian. */
#define ACL_VERSION   2
#define ACL_HEAD      4
#define ACL_ENTRY     8
#define ACL_XATTR     "system.posix_acl_access"
#define ACL_USER_OBJ  0x01
#define ACL_USER      0x02
#define ACL_MASK      0x10
#define ACL_BYTES_MAX 1024

/* ---- opening ---- */

int ft_file_openat(int folder, const char *name, int flags, mode_t mode)
{
	struct stat st;
	int fd = openat(folder, name, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);
	if (fd < 0) {
		if (errno == ENXIO) /* a socket, or a FIFO that nobody reads */
			errno = EMEDIUMTYPE;
		return -1;
	}
	int error = fstat(fd, &st) != 0 ? errno : S_ISREG(st.st_mode) ? 0 : S_ISDIR(st.st_mode) ? EISDIR : EMEDIUMTYPE;
	if (error == 0)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

const char *ft_file_error(int error)
{
	return error == EMEDIUMTYPE ? "is not a regular file" : strerror(error);
}

/* ---- judging ---- */

static struct {
	bool other;
	uid_t user;
} judged_for;

void ft_file_judge_for(uid_t user)
{
	judged_for.other = true;
	judged_for.user = user;
}

static uid_t obeying(void)
{
	return judged_for.other ? judged_for.user : geteuid();
}

static uint32_t little(const uint8_t *at, int bytes)
{
	uint32_t value = 0;

	for (int i = bytes - 1; i >= 0; i--)
		value = value << 8 | at[i];
	return value;
}

bool ft_file_acl_opens(const void *acl, size_t size, uid_t user)
{
	const uint8_t *at = acl, *end = at + size;

	if (size < ACL_HEAD || (size - ACL_HEAD) % ACL_ENTRY != 0 || little(at, 4) != ACL_VERSION)
		return true;
	for (at += ACL_HEAD; at < end; at += ACL_ENTRY) {
		uint32_t tag = little(at, 2), bits = little(at + 2, 2), id = little(at + 4, 4);
		bool ours = tag == ACL_USER_OBJ || tag == ACL_MASK || (tag == ACL_USER && id == user);
		/* What the mask takes away again is not looked at: such an entry is a mistake, and one step from open. */
		if (!ours && bits != 0)
			return true;
	}
	return false;
}

/* With an access control list the group's bits are its mask, and no group has them: so a file is shown as 0440 that systemd's
 * LoadCredential= lets this user alone read. */
static bool is_read_by_us_alone(const char *path, const struct stat *st)
{
	uint8_t acl[ACL_BYTES_MAX];

	if (!(st->st_mode & TO_OTHERS))
		return true;
	ssize_t size = st->st_mode & S_IRWXO ? -1 : getxattr(path, ACL_XATTR, acl, sizeof(acl));
	return size > 0 && !ft_file_acl_opens(acl, (size_t)size, obeying());
}

struct walk {
	char done[PATH_MAX];     /* judged, and without links: "" is the root */
	char rest[2 * PATH_MAX]; /* of the path, yet to be gone */
	int links;
	bool missing; /* there is nothing at done, or we may not see it: then nor can it be opened */
	enum ft_file_guard guard;
	char fault[FAULT_MAX]; /* "": none */
};

static const char *place(const struct walk *w)
{
	return w->done[0] ? w->done : "/";
}

static void blame(struct walk *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void blame(struct walk *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(w->fault, sizeof(w->fault), format, args);
	va_end(args);
}

/* What path leads to in the end. */
static void judge_end(struct walk *w, const struct stat *st)
{
	if (st->st_uid != 0 && st->st_uid != obeying())
		blame(w, "belongs to another user (%u), not to the user of ftd or to root; chown %u '%s'",
		      (unsigned)st->st_uid, (unsigned)obeying(), place(w));
	else if (w->guard == FT_FILE_SECRET && !is_read_by_us_alone(place(w), st))
		blame(w, "has mode %04o, so it can be reached by others; chmod 600 '%s'", MODE(*st), place(w));
	else if (w->guard != FT_FILE_SECRET && st->st_mode & BY_OTHERS)
		blame(w, "has mode %04o, so others can write there; chmod go-w '%s'", MODE(*st), place(w));
}

/* A folder or a link on the way. */
static void judge_step(struct walk *w, const struct stat *st)
{
	bool link = S_ISLNK(st->st_mode), open = !link && st->st_mode & BY_OTHERS && !(st->st_mode & S_ISVTX);

	if (st->st_uid != 0 && st->st_uid != obeying())
		blame(w,
		      "is reached through %s, which belongs to another user (%u), who could put something else in its "
		      "place; chown %s%u '%s'",
		      place(w), (unsigned)st->st_uid, link ? "-h " : "", (unsigned)obeying(), place(w));
	else if (open)
		blame(w,
		      "is reached through %s, which has mode %04o, so others could put something else in its place; "
		      "chmod go-w '%s'",
		      place(w), MODE(*st), place(w));
}

static void step_back(struct walk *w)
{
	char *slash = strrchr(w->done, '/');

	if (slash)
		*slash = '\0';
}

/* The rest begins anew where the link leads. */
static void follow(struct walk *w)
{
	char target[PATH_MAX], rest[sizeof(w->rest)];
	ssize_t len = readlink(w->done, target, sizeof(target) - 1);
	size_t most = sizeof(w->rest);

	if (len < 0 || ++w->links > LINKS_MAX) {
		blame(w, "cannot be followed: %s", strerror(len < 0 ? errno : ELOOP));
		return;
	}
	target[len] = '\0';
	memcpy(rest, w->rest, sizeof(rest));
	if (target[0] == '/')
		w->done[0] = '\0';
	else
		step_back(w);
	if (snprintf(w->rest, most, "%s/%s", target, rest) >= (int)most)
		blame(w, "cannot be followed: %s", strerror(ENAMETOOLONG));
}

/* Takes the next name off the rest, and returns its length; 0: none is left. */
static size_t next_name(struct walk *w, char name[NAME_MAX + 1])
{
	size_t from = strspn(w->rest, "/"), len = strcspn(w->rest + from, "/");

	if (len > NAME_MAX) {
		blame(w, "cannot be followed: %s", strerror(ENAMETOOLONG));
		return 0;
	}
	memcpy(name, w->rest + from, len);
	name[len] = '\0';
	from += len;
	from += strspn(w->rest + from, "/");
	memmove(w->rest, w->rest + from, strlen(w->rest + from) + 1);
	return len;
}

/* The next name is put behind what is judged, and judged unless it is the last. Returns false where there is none. */
static bool step(struct walk *w)
{
	struct stat st = {0};
	char name[NAME_MAX + 1];
	size_t len = next_name(w, name), used = strlen(w->done), room = sizeof(w->done) - used;

	if (len == 0)
		return false;
	if (strcmp(name, ".") == 0)
		return true;
	if (strcmp(name, "..") == 0) {
		step_back(w);
		return true;
	}
	if (snprintf(w->done + used, room, "/%s", name) >= (int)room)
		blame(w, "cannot be followed: %s", strerror(ENAMETOOLONG));
	else if (lstat(w->done, &st) != 0)
		w->missing = true;
	else if (S_ISLNK(st.st_mode) || w->rest[0])
		judge_step(w, &st);
	if (!w->fault[0] && !w->missing && S_ISLNK(st.st_mode))
		follow(w);
	return !w->fault[0] && !w->missing;
}

const char *ft_file_judge(const char *path, enum ft_file_guard guard)
{
	static struct walk w;
	struct stat st;
	char here[PATH_MAX] = "";

	w = (struct walk){.guard = guard};
	if ((path[0] != '/' && !getcwd(here, sizeof(here))) || stat("/", &st) != 0)
		return strerror(errno);
	(void)snprintf(w.rest, sizeof(w.rest), "%s/%s", here, path);
	judge_step(&w, &st);
	while (!w.fault[0] && step(&w))
		;
	if (!w.fault[0] && !w.missing && stat(place(&w), &st) == 0)
		judge_end(&w, &st);
	return w.fault[0] ? w.fault : NULL;
}
