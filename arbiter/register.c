/* See register.h. */
#include "arbiter/register.h"

#include "arbiter/entry.h"
#include "base/clock.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Temporary files: ".ftd.HOST.PID.RANDOM", 16 hex digits of it. */
#define TEMPORARY_MAX   (sizeof(((struct utsname *)0)->nodename) + 48)
#define RANDOM_BYTES    8
#define STALE_SECONDS   3600 /* no claim lives that long: timeout_ms is at most 600000 */
#define SAYS_WHAT_TO_DO "see whether the storage is mounted and ftd may write there"

#define MARK_MAX ((size_t)2 * FT_NAME_MAX) /* "PAIR@NODE" */

struct folder {
	int fd;
	const char *path;
	const struct ft_register_place *place;
};

/* What failed, when something did. */
struct fault {
	const char *step; /* NULL: nothing */
	int error;
};

static struct fault failed(const char *step)
{
	return (struct fault){.step = step, .error = errno};
}

static bool open_folder(struct folder *f, const struct ft_register_place *place, struct ft_told *out)
{
	const char *path = place->path;

	memset(out, 0, sizeof(*out));
	*f = (struct folder){.path = path, .place = place};
	f->fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (f->fd >= 0)
		return true;
	if (errno == ENOTDIR || errno == ELOOP)
		ft_told_fail(out, "%s is not a folder (nor may it be a symbolic link to one)", path);
	else
		ft_told_fail(out, "%s: cannot open the folder: %s; " SAYS_WHAT_TO_DO, path, strerror(errno));
	return false;
}

static void host_prefix(char out[TEMPORARY_MAX])
{
	struct utsname host;

	if (uname(&host) != 0)
		strcpy(host.nodename, "unknown");
	for (char *c = host.nodename; *c != '\0'; c++) {
		if (*c == '/')
			*c = '_';
	}
	(void)snprintf(out, TEMPORARY_MAX, ".ftd.%s.", host.nodename);
}

static void temporary_name(char out[TEMPORARY_MAX])
{
	uint8_t random[RANDOM_BYTES];
	char hex[sizeof(random) * 2 + 1];

	host_prefix(out);
	randombytes_buf(random, sizeof(random));
	size_t used = strlen(out);
	(void)snprintf(out + used, TEMPORARY_MAX - used, "%ld.%s", (long)getpid(),
	               sodium_bin2hex(hex, sizeof(hex), random, sizeof(random)));
}

static struct fault write_flushed(int fd, const char *text, size_t len)
{
	if (write(fd, text, len) != (ssize_t)len) /* 128 bytes at most: all or a fault */
		return failed("write a file");
	if (fchmod(fd, 0644) != 0) /* the other host may run ftd as another user */
		return failed("set the mode of a file");
	if (fsync(fd) != 0)
		return failed("flush a file");
	return (struct fault){0};
}

/* A new file of our own with this text, on disk. Left in place on success only. */
static struct fault make_temporary(int folder, const char *name, const char *text, size_t len)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return failed("create a file");
	struct fault fault = write_flushed(fd, text, len);
	if (close(fd) != 0 && fault.step == NULL) /* where NFS reports what write did not */
		fault = failed("close a file");
	if (fault.step != NULL)
		unlinkat(folder, name, 0);
	return fault;
}

static struct fault link_own(int folder, const char *key, const char *name)
{
	char text[FT_ENTRY_MAX], temporary[TEMPORARY_MAX];
	size_t len = ft_entry_write(name, ft_clock_wall(), text);

	temporary_name(temporary);
	struct fault fault = make_temporary(folder, temporary, text, len);
	if (fault.step != NULL)
		return fault;
	if (linkat(folder, temporary, folder, key, 0) != 0)
		fault = failed("link a file");
	unlinkat(folder, temporary, 0);
	return fault;
}

/* A client of a network filesystem may go on believing for a while that a name does not exist.  A change of the folder
 * by itself brings it the folder's present state, and with it the end of that belief. */
static struct fault refresh(int folder)
{
	char temporary[TEMPORARY_MAX];

	temporary_name(temporary);
	struct fault fault = make_temporary(folder, temporary, "\n", 1);
	if (fault.step == NULL && unlinkat(folder, temporary, 0) != 0)
		fault = failed("remove a file");
	return fault;
}

static void read_entry(const struct folder *f, int fd, const char *key, struct ft_told *out)
{
	char text[FT_ENTRY_MAX];
	struct stat st;

	if (fstat(fd, &st) != 0) {
		ft_told_fail(out, "%s/%s: cannot be looked at: %s", f->path, key, strerror(errno));
		return;
	}
	ssize_t len = S_ISREG(st.st_mode) ? read(fd, text, sizeof(text)) : 0;
	if (len < 0)
		ft_told_fail(out, "%s/%s: cannot be read: %s", f->path, key, strerror(errno));
	else if (ft_entry_read(text, (size_t)len, out->name))
		out->what = FT_REGISTER_TAKEN;
	else
		ft_told_fail(out, "%s/%s: holds no whole claim of ftd's: it is torn or foreign; find out who wrote it",
		             f->path, key);
}

/* Who stands there.  The folder is flushed first: nobody shall act on a register that a crash of the storage could
 * undo. */
static void look(const struct folder *f, const char *key, struct ft_told *out)
{
	if (fsync(f->fd) != 0) {
		ft_told_fail(out, "%s: cannot flush the folder: %s; the storage must be able to", f->path,
		             strerror(errno));
		return;
	}
	/* Not to be held by a FIFO, nor led elsewhere by a link. */
	int fd = openat(f->fd, key, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0) {
		read_entry(f, fd, key, out);
		close(fd);
	} else if (errno == ENOENT) {
		out->what = FT_REGISTER_ABSENT;
	} else {
		ft_told_fail(out, "%s/%s: cannot be opened: %s", f->path, key, strerror(errno));
	}
}

static void tell_fault(const struct folder *f, struct fault fault, struct ft_told *out)
{
	ft_told_fail(out, "%s: cannot %s: %s; " SAYS_WHAT_TO_DO, f->path, fault.step, strerror(fault.error));
}

static void claim_in(const struct folder *f, const char *key, const char *name, struct ft_told *out)
{
	struct fault fault = link_own(f->fd, key, name);

	look(f, key, out);
	if (out->what == FT_REGISTER_ABSENT && fault.step != NULL)
		tell_fault(f, fault, out);
}

static void mark_name(const struct folder *f, const char *node, char out[MARK_MAX])
{
	(void)snprintf(out, MARK_MAX, "%s@%s", f->place->pair, node);
}

static struct fault leave_mark(const struct folder *f)
{
	static const char text[] = "The pair before the @ keeps its claims here.  Written by ftd; leave it.\n";
	char name[MARK_MAX];

	mark_name(f, f->place->node, name);
	struct fault fault = make_temporary(f->fd, name, text, sizeof(text) - 1);
	if (fault.step != NULL && fault.error == EEXIST)
		fault.step = NULL; /* it is there */
	return fault;
}

/* Whose mark is missing; NULL: nobody's. */
static const char *missing(const struct folder *f)
{
	const char *const nodes[] = {f->place->node, f->place->peer};
	char name[MARK_MAX];

	for (int i = 0; i < 2; i++) {
		mark_name(f, nodes[i], name);
		if (faccessat(f->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
			return nodes[i];
	}
	return NULL;
}

/* That nobody has claimed is a fact about the storage that both hosts share, and about no other. */
static void doubt(const struct folder *f, const char *node, struct ft_told *out)
{
	if (node != NULL)
		ft_told_fail(
		    out,
		    "%s is not known to be the storage that both hosts share: no mark of \"%s\" is there (%s@%s); "
		    "mount it on both hosts, start ftd on both, and run `ftctl check` on both",
		    f->place->path, node, f->place->pair, node);
}

void ft_register_claim(const struct ft_register_place *place, const char *key, const char *name, struct ft_told *out)
{
	struct folder f;

	if (!open_folder(&f, place, out))
		return;
	const char *stranger = missing(&f);
	if (stranger != NULL && refresh(f.fd).step == NULL) /* an old belief may hide a mark, too */
		stranger = missing(&f);
	if (stranger == NULL)
		claim_in(&f, key, name, out);
	else
		look(&f, key, out);
	if (out->what == FT_REGISTER_ABSENT)
		doubt(&f, stranger, out);
	close(f.fd);
}

void ft_register_read(const struct ft_register_place *place, const char *key, struct ft_told *out)
{
	struct folder f;

	if (!open_folder(&f, place, out))
		return;
	struct fault fault = refresh(f.fd); /* else what is absent may be an old belief */
	look(&f, key, out);
	if (out->what == FT_REGISTER_ABSENT)
		doubt(&f, missing(&f), out);
	if (out->what == FT_REGISTER_ABSENT && fault.step != NULL)
		tell_fault(&f, fault, out);
	close(f.fd);
}

/* statfs(2) asks the server of a network filesystem, whatever this host has in its cache. */
void ft_register_reach(const struct ft_register_place *place, struct ft_told *out)
{
	struct folder f;
	struct statfs fs;

	if (!open_folder(&f, place, out))
		return;
	out->what = FT_REGISTER_ABSENT;
	if (fstatfs(f.fd, &fs) != 0)
		tell_fault(&f, failed("ask for the filesystem's state"), out);
	else if (faccessat(f.fd, ".", W_OK | X_OK, AT_EACCESS) != 0) /* EROFS, too */
		tell_fault(&f, failed("write there"), out);
	else if (fs.f_blocks > 0 && fs.f_bfree == 0)
		ft_told_fail(out, "%s: the filesystem is full; make room", f.path);
	else if (place->peer[0] != '\0')
		doubt(&f, missing(&f), out);
	close(f.fd);
}

/* By rename(2): whoever looks finds the old one or the new one. */
static struct fault replace_mark(const struct folder *f, uint64_t mark, uint64_t epoch)
{
	char text[FT_ENTRY_MAX], temporary[TEMPORARY_MAX], name[MARK_MAX];
	size_t len = ft_mark_write(mark, epoch, text);

	mark_name(f, f->place->node, name);
	temporary_name(temporary);
	struct fault fault = make_temporary(f->fd, temporary, text, len);
	if (fault.step != NULL)
		return fault;
	if (renameat(f->fd, temporary, f->fd, name) != 0) {
		fault = failed("put a file in place of another");
		unlinkat(f->fd, temporary, 0);
	} else if (fsync(f->fd) != 0) {
		fault = failed("flush the folder");
	}
	return fault;
}

/* That it was changed just now by us has brought a network filesystem's client the folder as it is.  Returns the length of
 * what stands in the mark, -1 where there is none, or after out tells why it cannot be read. */
static ssize_t read_mark(const struct folder *f, const char *name, char text[FT_ENTRY_MAX], struct ft_told *out)
{
	struct stat st;

	int fd = openat(f->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	bool none = fd < 0 && errno == ENOENT;
	bool whole = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	ssize_t len = whole ? read(fd, text, FT_ENTRY_MAX) : -1;
	if (len < 0 && !none)
		ft_told_fail(out, "%s/%s: cannot be read: %s", f->path, name,
		             whole || fd < 0 ? strerror(errno) : "it is no file");
	if (fd >= 0)
		close(fd);
	return len;
}

static void find_peers_mark(const struct folder *f, struct ft_told *out)
{
	char text[FT_ENTRY_MAX], name[MARK_MAX];

	mark_name(f, f->place->peer, name);
	ssize_t len = read_mark(f, name, text, out);
	if (len >= 0)
		out->mark = ft_mark_read(text, (size_t)len);
}

void ft_register_mark(const struct ft_register_place *place, uint64_t mark, uint64_t epoch, struct ft_told *out)
{
	struct folder f;

	if (!open_folder(&f, place, out))
		return;
	struct fault fault = replace_mark(&f, mark, epoch);
	out->what = FT_REGISTER_TAKEN;
	if (fault.step != NULL)
		tell_fault(&f, fault, out);
	else
		find_peers_mark(&f, out);
	close(f.fd);
}

static void remember(const struct folder *f, const char *node, struct ft_told *out)
{
	char text[FT_ENTRY_MAX], name[MARK_MAX];

	mark_name(f, node, name);
	ssize_t len = out->error[0] == '\0' ? read_mark(f, name, text, out) : -1;
	uint64_t epoch = len < 0 ? 0 : ft_mark_epoch(text, (size_t)len);
	if (len < 0 || (out->what == FT_REGISTER_TAKEN && epoch <= out->epoch))
		return;
	out->what = FT_REGISTER_TAKEN;
	out->epoch = epoch;
	(void)snprintf(out->name, sizeof(out->name), "%s", node);
}

static void remember_any(const struct folder *f, struct ft_told *out)
{
	char start[MARK_MAX];
	const struct dirent *entry;
	int fd = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir == NULL) {
		tell_fault(f, failed("list the folder"), out);
		if (fd >= 0)
			close(fd);
		return;
	}
	mark_name(f, "", start);
	while ((entry = readdir(dir)) != NULL) {
		const char *node = entry->d_name + strlen(start);
		if (strncmp(entry->d_name, start, strlen(start)) == 0 && strlen(node) < FT_NAME_MAX)
			remember(f, node, out);
	}
	closedir(dir);
}

void ft_register_past(const struct ft_register_place *place, struct ft_told *out)
{
	struct folder f;

	if (!open_folder(&f, place, out))
		return;
	out->what = FT_REGISTER_ABSENT;
	struct fault fault = refresh(f.fd); /* else what is absent may be an old belief */
	if (place->peer[0] == '\0') {
		remember_any(&f, out);
	} else {
		remember(&f, place->node, out);
		remember(&f, place->peer, out);
	}
	if (out->what == FT_REGISTER_ABSENT && fault.step != NULL)
		tell_fault(&f, fault, out);
	close(f.fd);
}

/* Is it the temporary file of a process of this host, and is that process dead? */
static bool is_orphan(const char *name, const char *prefix)
{
	char *end = NULL;

	if (strncmp(name, prefix, strlen(prefix)) != 0)
		return false;
	long pid = strtol(name + strlen(prefix), &end, 10);
	return pid > 0 && *end == '.' && strspn(end + 1, "0123456789abcdef") == (size_t)2 * RANDOM_BYTES &&
	       end[1 + 2 * RANDOM_BYTES] == '\0' && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

/* Two hosts of one name are possible, hence the age as well; by the storage's own clock, as the file just made shows
 * it. */
static void remove_orphans(const struct folder *f, time_t storage_now)
{
	char prefix[TEMPORARY_MAX];
	const struct dirent *entry;
	struct stat st;
	int fd = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return; /* litter, no more: the next check comes */
	}
	host_prefix(prefix);
	while ((entry = readdir(dir)) != NULL) {
		if (is_orphan(entry->d_name, prefix) && fstatat(f->fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && st.st_mtime + STALE_SECONDS < storage_now)
			unlinkat(f->fd, entry->d_name, 0);
	}
	closedir(dir);
}

static void warn_if_local(const struct folder *f, struct ft_told *out)
{
	static const struct {
		unsigned long magic;
		const char *name;
	} local[] = {
	    {EXT4_SUPER_MAGIC, "ext4"},   {XFS_SUPER_MAGIC, "xfs"},
	    {BTRFS_SUPER_MAGIC, "btrfs"}, {TMPFS_MAGIC, "tmpfs"},
	    {RAMFS_MAGIC, "ramfs"},       {OVERLAYFS_SUPER_MAGIC, "overlay"},
	    {F2FS_SUPER_MAGIC, "f2fs"},   {0x2fc12fc1 /* in no header */, "zfs"},
	};
	struct statfs fs;

	if (fstatfs(f->fd, &fs) != 0)
		return;
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
		if ((unsigned long)fs.f_type == local[i].magic)
			(void)snprintf(out->warning, sizeof(out->warning),
			               "%s is on a local filesystem (%s); both hosts must share it, else both win",
			               f->path, local[i].name);
	}
}

static void check_in(const struct folder *f, const char *key, const char *name, struct ft_told *out)
{
	struct stat st;

	assert(strncmp(key, "check-", strlen("check-")) == 0); /* it is removed below: never a real one */
	claim_in(f, key, name, out);                           /* and flushes the folder, the mark in it */
	if (out->what != FT_REGISTER_TAKEN)
		return;
	bool dated = fstatat(f->fd, key, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (unlinkat(f->fd, key, 0) != 0)
		tell_fault(f, failed("remove a file"), out);
	else if (dated)
		remove_orphans(f, st.st_mtime);
	warn_if_local(f, out);
	if (out->what == FT_REGISTER_TAKEN && f->place->peer[0] != '\0')
		doubt(f, missing(f), out);
}

void ft_register_check(const struct ft_register_place *place, const char *key, const char *name, struct ft_told *out)
{
	struct fault fault = {0};
	struct folder f;

	if (!open_folder(&f, place, out))
		return;
	if (place->peer[0] != '\0') /* under this name the peer has taken us for its other half */
		fault = leave_mark(&f);
	if (fault.step != NULL)
		tell_fault(&f, fault, out);
	else
		check_in(&f, key, name, out);
	close(f.fd);
}
