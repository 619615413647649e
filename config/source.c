/* ft.conf as bytes: opened without being taken in by a device, a pipe or a folder, and looked through for what libconfig 1.5
 * would swallow (a number that does not fit becomes another number) or die of (an included folder ends the process, an
 * included pipe blocks it).
 * Knows: files, comments, strings, numbers and @include of libconfig's syntax.  Must not know: any setting. */
#include "base/file.h"
#include "config/internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE_MAX_FILE (1L << 20)
#define INCLUDES_MAX  32

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct scan {
	struct ft_reader *r;
	const char *file; /* NULL: ft.conf itself */
	const char *at;
	unsigned line;
	int *n_files;
};

static char *read_regular(struct ft_reader *r, struct ft_where w, const char *path, int *error);
static void scan_text(struct scan *s);

static struct ft_where here(const struct scan *s)
{
	return (struct ft_where){s->file, s->line};
}

static bool name_start(char c)
{
	return isalpha((unsigned char)c) || c == '*';
}

static void skip_name(struct scan *s)
{
	while (isalnum((unsigned char)*s->at) || (*s->at && strchr("*-_", *s->at)))
		s->at++;
}

static void skip_string(struct scan *s)
{
	for (s->at++; *s->at && *s->at != '"'; s->at++) {
		if (*s->at == '\\' && s->at[1])
			s->at++;
		if (*s->at == '\n')
			s->line++;
	}
	if (*s->at)
		s->at++;
}

static void skip_line(struct scan *s)
{
	s->at += strcspn(s->at, "\n");
}

static void skip_block(struct scan *s)
{
	for (s->at += 2; *s->at && strncmp(s->at, "*/", 2) != 0; s->at++)
		if (*s->at == '\n')
			s->line++;
	if (*s->at)
		s->at += 2;
}

static void judge_number(struct scan *s)
{
	bool hex = s->at[0] == '0' && (s->at[1] == 'x' || s->at[1] == 'X');
	char *end;

	errno = 0;
	long long value = strtoll(s->at, &end, hex ? 16 : 10);
	bool whole = *end != '.';
	if (whole && (errno == ERANGE || value > INT32_MAX))
		ft_fault(s->r, here(s), "the number %.*s is too large; no setting is larger than %d",
		         (int)(end - s->at > 40 ? 40 : end - s->at), s->at, INT32_MAX);
	s->at = end > s->at ? end : s->at + 1;
	while (isalnum((unsigned char)*s->at) || *s->at == '.')
		s->at++;
}

/* An included file is read by libconfig itself; here it is only looked at beforehand. One that cannot be opened is left to
 * libconfig, which says so. */
static void check_included(struct scan *s, const char *path)
{
	int error = 0;

	if (++*s->n_files > INCLUDES_MAX) {
		ft_fault(s->r, here(s), "too many included files; at most %d, and none may include itself",
		         INCLUDES_MAX);
		return;
	}
	char *text = read_regular(s->r, here(s), path, &error);
	if (text && strncmp(text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0) {
		ft_fault(s->r, (struct ft_where){path, 1},
		         "begins with a byte-order mark, which libconfig cannot read in an included file; save it as "
		         "UTF-8 without one");
	} else if (text) {
		struct scan inner = {.r = s->r, .file = path, .at = text, .line = 1, .n_files = s->n_files};
		scan_text(&inner);
	}
	free(text);
}

static void judge_include(struct scan *s)
{
	const char *start = s->at + strlen("@include");
	char path[FT_PATH_MAX] = "";

	start += strspn(start, " \t");
	if (*start == '"') {
		size_t len = strcspn(++start, "\"\n\\");
		if (start[len] != '"' || start[0] != '/' || len >= sizeof(path)) {
			ft_fault(s->r, here(s),
			         "@include of this file is not possible; "
			         "@include \"/absolute/path\" on one line, without a backslash");
		} else {
			memcpy(path, start, len);
			check_included(s, path);
		}
	}
	skip_line(s);
}

static void scan_token(struct scan *s)
{
	if (*s->at == '#' || strncmp(s->at, "//", 2) == 0)
		skip_line(s);
	else if (strncmp(s->at, "/*", 2) == 0)
		skip_block(s);
	else if (*s->at == '"')
		skip_string(s);
	else if (isdigit((unsigned char)*s->at))
		judge_number(s);
	else if (name_start(*s->at))
		skip_name(s);
	else if (strncmp(s->at, "@include", strlen("@include")) == 0)
		judge_include(s);
	else if (*s->at++ == '\n')
		s->line++;
}

static void scan_text(struct scan *s)
{
	while (*s->at && *s->n_files <= INCLUDES_MAX)
		scan_token(s);
}

/* At most limit bytes; the file may be growing or shrinking meanwhile. Returns the length, or -1. */
static ssize_t read_all(int fd, char *out, size_t limit)
{
	size_t len = 0;

	while (len < limit) {
		ssize_t got = read(fd, out + len, limit - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	return (ssize_t)len;
}

static void check_no_nul(struct ft_reader *r, const char *file, const char *text, size_t len)
{
	const char *nul = memchr(text, '\0', len);
	unsigned line = 1;

	if (!nul)
		return;
	for (const char *p = text; p < nul; p++)
		line += *p == '\n';
	ft_fault(r, (struct ft_where){file, line}, "a NUL byte; a configuration file is plain text");
}

static char *read_open_file(struct ft_reader *r, struct ft_where w, int fd, const char *path)
{
	const char *file = w.line ? path : NULL;
	char *text = malloc(SIZE_MAX_FILE + 2);
	ssize_t len = text ? read_all(fd, text, SIZE_MAX_FILE + 1) : -1;
	if (len < 0 || len > SIZE_MAX_FILE) {
		ft_fault(r, w, "%s %s; a readable file of at most 1 MiB is allowed", path,
		         len < 0 ? strerror(errno) : "is too large");
		free(text);
		return NULL;
	}
	text[len] = '\0';
	check_no_nul(r, file, text, (size_t)len);
	return text;
}

/* w: what to blame. NULL after a fault, or with *error set when the file could not be opened. */
static char *read_regular(struct ft_reader *r, struct ft_where w, const char *path, int *error)
{
	int fd = ft_file_openat(AT_FDCWD, path, O_RDONLY, 0);
	char *text = NULL;

	if (fd < 0 && errno != EISDIR && errno != EMEDIUMTYPE) {
		*error = errno;
		return NULL;
	}
	/* Who may write there has ftd run a hook of his choice. Who only asks a running ftd obeys nothing of it. */
	const char *fault = fd < 0    ? "is not a regular file; a configuration file is"
	                    : r->only ? NULL
	                              : ft_file_judge(path, FT_FILE_OBEYED);
	if (fault)
		ft_fault(r, w, "%s %s", path, fault);
	else
		text = read_open_file(r, w, fd, path);
	if (fd >= 0)
		(void)close(fd);
	return text;
}

char *ft_source_read(struct ft_reader *r, const char *path)
{
	int error = 0;
	int n_files = 0;
	char *text = read_regular(r, (struct ft_where){0}, path, &error);

	if (!text) {
		if (error)
			ft_fault(r, (struct ft_where){0}, "cannot be opened: %s; a readable file is needed",
			         strerror(error));
		return NULL;
	}
	if (strncmp(text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0) /* of another system's editor */
		memmove(text, text + strlen(BYTE_ORDER_MARK), strlen(text + strlen(BYTE_ORDER_MARK)) + 1);
	struct scan s = {.r = r, .at = text, .line = 1, .n_files = &n_files};
	scan_text(&s);
	if (r->n_faults > 0) { /* like a syntax error: what the values are cannot be told */
		free(text);
		return NULL;
	}
	return text;
}
