/* Watches a process from within (LD_PRELOAD): who allocates memory, and who makes a call that can touch a disk, a name server
 * or a log.  Each call is counted in the file $WITNESS by the stack that it came from; witness.py reads it.
 * Only the first process and its main thread are watched, not their children. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRAMES 30
#define STACKS 16384 /* a power of two */

/* As witness.py knows it.  A free one has no count. */
struct stack {
	char call[16];
	uint64_t count, n_frames, frames[FRAMES];
};

struct page {
	uint64_t pid;
	uint64_t base;   /* of the program */
	uint64_t missed; /* calls from one stack too many */
	struct stack stacks[STACKS];
};

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void __libc_free(void *);

static struct page *page;
static bool recording;

static int program_base(struct dl_phdr_info *info, size_t size, void *out)
{
	(void)size;
	*(uint64_t *)out = info->dlpi_addr;
	return 1; /* the program is the first */
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("WITNESS");
	int fd =
	    path ? open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1; /* a program run by it has no page */
	void *first[1];

	if (fd < 0)
		return;
	if (ftruncate(fd, sizeof *page) != 0)
		abort();
	page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		abort();
	close(fd);
	page->pid = (uint64_t)getpid();
	dl_iterate_phdr(program_base, &page->base);
	backtrace(first, 1); /* its first call loads a library */
	recording = true;
}

static bool same(const struct stack *a, const struct stack *b)
{
	return a->n_frames == b->n_frames && !strcmp(a->call, b->call) &&
	       !memcmp(a->frames, b->frames, a->n_frames * sizeof *a->frames);
}

/* Where it is counted, in a hash table; NULL: no room. */
static struct stack *find(const struct stack *wanted)
{
	uint64_t hash = 0;

	for (uint64_t i = 0; i < wanted->n_frames; i++)
		hash = (hash ^ wanted->frames[i]) * UINT64_C(0x9e3779b97f4a7c15);
	for (uint64_t i = 0; i < STACKS; i++) {
		struct stack *s = &page->stacks[((hash >> 32) + i) % STACKS];

		if (s->count == 0)
			*s = *wanted;
		if (same(s, wanted))
			return s;
	}
	return NULL;
}

static void note(const char *call)
{
	struct stack from = {0}, *s;

	if (!recording || page->pid != (uint64_t)getpid() || gettid() != getpid())
		return;
	recording = false; /* what is called from here is our own */
	snprintf(from.call, sizeof from.call, "%s", call);
	from.n_frames = (uint64_t)backtrace((void **)(void *)from.frames, FRAMES);
	s = find(&from);
	if (s)
		s->count++;
	else
		page->missed++;
	recording = true;
}

void *malloc(size_t size)
{
	note("malloc");
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	note("calloc");
	return __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	note("realloc");
	return __libc_realloc(old, size);
}

void free(void *p)
{
	if (p)
		note("free");
	__libc_free(p);
}

#define PASS_ON(type, name, parameters, arguments)                                                                     \
	type name parameters                                                                                           \
	{                                                                                                              \
		static type(*real) parameters;                                                                         \
		if (!real)                                                                                             \
			real = (type(*) parameters)dlsym(RTLD_NEXT, #name);                                            \
		note(#name);                                                                                           \
		return real arguments;                                                                                 \
	}

struct addrinfo;
PASS_ON(int, fsync, (int fd), (fd))
PASS_ON(int, fdatasync, (int fd), (fd))
PASS_ON(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size))
PASS_ON(ssize_t, sendto, (int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t len),
        (fd, data, size, flags, to, len))
PASS_ON(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
PASS_ON(FILE *, fopen, (const char *path, const char *mode), (path, mode))
PASS_ON(int, access, (const char *path, int mode), (path, mode))
PASS_ON(pid_t, fork, (void), ())
PASS_ON(int, getaddrinfo, (const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out),
        (node, service, hints, out))

PASS_ON(int, posix_memalign, (void **out, size_t alignment, size_t size), (out, alignment, size))
PASS_ON(void *, mmap, (void *at, size_t size, int prot, int flags, int fd, off_t from),
        (at, size, prot, flags, fd, from))
PASS_ON(void *, mmap64, (void *at, size_t size, int prot, int flags, int fd, off64_t from),
        (at, size, prot, flags, fd, from))
PASS_ON(FILE *, fopen64, (const char *path, const char *mode), (path, mode))
PASS_ON(DIR *, opendir, (const char *path), (path))
PASS_ON(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at))
PASS_ON(int, stat, (const char *path, struct stat *out), (path, out))
PASS_ON(int, lstat, (const char *path, struct stat *out), (path, out))
PASS_ON(int, fstatat, (int dir, const char *path, struct stat *out, int flags), (dir, path, out, flags))
PASS_ON(int, stat64, (const char *path, struct stat64 *out), (path, out))
PASS_ON(int, lstat64, (const char *path, struct stat64 *out), (path, out))
PASS_ON(int, fstatat64, (int dir, const char *path, struct stat64 *out, int flags), (dir, path, out, flags))
PASS_ON(int, faccessat, (int dir, const char *path, int mode, int flags), (dir, path, mode, flags))
PASS_ON(ssize_t, readlink, (const char *path, char *out, size_t size), (path, out, size))
PASS_ON(int, unlink, (const char *path), (path))
PASS_ON(int, unlinkat, (int dir, const char *path, int flags), (dir, path, flags))
PASS_ON(int, renameat, (int from, const char *old, int to, const char *new), (from, old, to, new))
PASS_ON(int, linkat, (int from, const char *old, int to, const char *new, int flags), (from, old, to, new, flags))
PASS_ON(int, mkdir, (const char *path, mode_t mode), (path, mode))
/* What open64 is called in a program whose flags the compiler has checked. */
PASS_ON(int, __open64_2, (const char *path, int flags), (path, flags))
PASS_ON(int, __openat64_2, (int dir, const char *path, int flags), (dir, path, flags))

static int mode_of(int flags, va_list more)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(more, int) : 0;
}

#define PASS_OPEN_ON(name, parameters, ...)                                                                            \
	int name parameters                                                                                            \
	{                                                                                                              \
		static int(*real) parameters;                                                                          \
		va_list more;                                                                                          \
		int mode;                                                                                              \
                                                                                                                       \
		if (!real)                                                                                             \
			real = (int(*) parameters)dlsym(RTLD_NEXT, #name);                                             \
		va_start(more, flags);                                                                                 \
		mode = mode_of(flags, more);                                                                           \
		va_end(more);                                                                                          \
		note(#name);                                                                                           \
		return real(__VA_ARGS__, mode);                                                                        \
	}

PASS_OPEN_ON(open, (const char *path, int flags, ...), path, flags)
PASS_OPEN_ON(open64, (const char *path, int flags, ...), path, flags)
PASS_OPEN_ON(openat, (int dir, const char *path, int flags, ...), dir, path, flags)
PASS_OPEN_ON(openat64, (int dir, const char *path, int flags, ...), dir, path, flags)
