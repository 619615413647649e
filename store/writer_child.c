/* See writer_child.h. */
#include "store/writer_child.h"

#include "base/file.h"
#include "store/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_BACK (1u << 20)

/* A file was created or renamed and the folder not yet flushed. True at first: an earlier child may have died in between. */
static bool folder_dirty = true;

static bool read_all(int fd, void *to, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = read(fd, (char *)to + done, len - done);
		if (n == 0 || (n < 0 && errno != EINTR))
			return false;
		done += n > 0 ? (size_t)n : 0;
	}
	return true;
}

static bool write_all(int fd, const void *from, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, (const char *)from + done, len - done);
		if (n < 0 && errno != EINTR)
			return false;
		done += n > 0 ? (size_t)n : 0;
	}
	return true;
}

static struct ft_writer_reply failed(const char *step)
{
	struct ft_writer_reply reply = {.error = errno};
	snprintf(reply.step, sizeof(reply.step), "%s", step);
	return reply;
}

static struct ft_writer_reply flush_folder(int folder)
{
	if (folder_dirty && fsync(folder) != 0)
		return failed("flush folder of");
	folder_dirty = false;
	return (struct ft_writer_reply){0};
}

/* Whether the text is a line among the last ones.  Its line feed may be missing: the next line brings one. */
static bool has_line(int fd, off_t size, const char *text, size_t len)
{
	size_t most = len + 2 + LOOK_BACK, kept = (size_t)size < most ? (size_t)size : most;
	char *tail = malloc(kept + 1);
	if (tail == NULL)
		return false;
	tail[0] = '\n';
	ssize_t n = pread(fd, tail + 1, kept, size - (off_t)kept);
	bool found = false;
	const char *end = tail + 1 + (n > 0 ? n : 0);
	for (const char *at = tail + 1; !found && (at = memmem(at, (size_t)(end - at), text, len)) != NULL; at++)
		found = at[-1] == '\n' && (at + len == end || at[len] == '\n');
	free(tail);
	return found;
}

static struct ft_writer_reply flush_file(int fd)
{
	if (fsync(fd) != 0)
		return failed("flush");
	return (struct ft_writer_reply){0};
}

/* The text and its line feed, after a line feed that ends a torn last line. On failure the file is as long as before: what
 * could not be flushed may be lost, and must not be taken for written. */
static struct ft_writer_reply append_line(int fd, const char *text, size_t len, bool once)
{
	struct stat before;
	char last = '\n';
	if (fstat(fd, &before) != 0)
		return failed("stat");
	if (once && has_line(fd, before.st_size, text, len))
		return flush_file(fd);
	if (before.st_size > 0 && pread(fd, &last, 1, before.st_size - 1) != 1)
		return failed("read");
	if ((last != '\n' && !write_all(fd, "\n", 1)) || !write_all(fd, text, len) || !write_all(fd, "\n", 1)) {
		struct ft_writer_reply reply = failed("write");
		if (ftruncate(fd, before.st_size) != 0) /* then the next append ends the torn line */
			snprintf(reply.step, sizeof(reply.step), "write and undo");
		return reply;
	}
	struct ft_writer_reply reply = flush_file(fd);
	if (reply.error != 0 && ftruncate(fd, before.st_size) != 0)
		snprintf(reply.step, sizeof(reply.step), "flush and undo");
	return reply;
}

/* A file that is full makes room. Returns whether it has: fd is closed then. */
static bool make_room(int folder, const char *name, int fd, const char *text, size_t len, bool once)
{
	char old[FT_WRITER_NAME_MAX + 8];
	struct stat st;
	if (fstat(fd, &st) != 0 || st.st_size == 0 || (size_t)st.st_size + len < FT_WRITER_FILE_MAX)
		return false;
	snprintf(old, sizeof(old), "%s.1", name);
	if ((once && has_line(fd, st.st_size, text, len)) || renameat(folder, name, folder, old) != 0)
		return false; /* better a long file than none */
	folder_dirty = true;
	close(fd);
	return true;
}

static struct ft_writer_reply do_append(int folder, const char *name, const char *text, size_t len, bool once)
{
	int flags = O_RDWR | O_APPEND | O_NOFOLLOW;
	int fd = ft_file_openat(folder, name, flags, 0);
	bool anew = fd >= 0 ? make_room(folder, name, fd, text, len, once) : errno == ENOENT;
	if (anew) {
		folder_dirty = true;
		fd = ft_file_openat(folder, name, flags | O_CREAT, 0640);
	}
	if (fd < 0)
		return failed("open");
	struct ft_writer_reply reply = append_line(fd, text, len, once);
	close(fd);
	return reply.error != 0 ? reply : flush_folder(folder);
}

static struct ft_writer_reply do_replace(int folder, const char *name, const char *text, size_t len)
{
	char temporary[FT_WRITER_NAME_MAX + 8];
	snprintf(temporary, sizeof(temporary), ".%s.new", name);
	int fd = ft_file_openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return failed("open");
	struct ft_writer_reply reply = {0};
	if (!write_all(fd, text, len))
		reply = failed("write");
	else if (fsync(fd) != 0)
		reply = failed("flush");
	close(fd);
	folder_dirty = true;
	if (reply.error == 0 && renameat(folder, temporary, folder, name) != 0)
		reply = failed("rename");
	if (reply.error != 0) {
		unlinkat(folder, temporary, 0);
		return reply;
	}
	return flush_folder(folder);
}

/* SIGTERM and its kin are sent to a whole service or terminal at once; the writer's work ends when its parent says so.
 * SIGXFSZ would kill where an error of write(2) says the same. */
static void settle_in(int fd, int folder)
{
	static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGXFSZ};
	sigset_t none;
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Killed rather than left to finish: a successor of ftd may already be writing the same files. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "ftd-writer");

	unsigned low = (unsigned)(fd < folder ? fd : folder), high = (unsigned)(fd < folder ? folder : fd);
	close_range(STDERR_FILENO + 1, low - 1, 0);
	close_range(low + 1, high - 1, 0);
	close_range(high + 1, ~0u, 0);
}

noreturn void ft_writer_child(int fd, int folder)
{
	struct ft_writer_request request;
	settle_in(fd, folder);
	/* A parent that died before the prctl is seen here too: its end of the socket is closed. */
	while (read_all(fd, &request, sizeof(request))) {
		char *text = malloc((size_t)request.len + 1);
		if (text == NULL || !read_all(fd, text, request.len))
			_exit(1);
		bool once = request.op == FT_WRITER_APPEND_ONCE;
		struct ft_writer_reply reply = request.op == FT_WRITER_REPLACE
		                                   ? do_replace(folder, request.name, text, request.len)
		                                   : do_append(folder, request.name, text, request.len, once);
		free(text);
		if (!write_all(fd, &reply, sizeof(reply)))
			_exit(1);
	}
	_exit(0);
}
