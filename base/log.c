/* See log.h.
 *
 * Why not sd_journal_send(3): it sends on a blocking datagram socket, so a journald that hangs with its queue full would
 * hang the event loop, and with it the heartbeats.  Its native protocol is small and documented (systemd.io,
 * JOURNAL_NATIVE_PROTOCOL): a datagram of KEY=value lines.  It is sent from here with MSG_DONTWAIT, so the fields are kept
 * and nothing waits.  No value can hold a line feed: text is cleaned first, names are checked by the config. */
#include "base/log.h"

#include "base/clock.h"
#include "base/limit.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define TEXT_MAX       3072 /* a whole line, and a whole datagram, then stay below PIPE_BUF */
#define AT_ONCE        200  /* more than any plan has steps */
#define PER_SECOND     5
#define AREAS          10
#define LEVELS         4

static struct {
	char program[32];
	char pair[FT_NAME_MAX], node[FT_NAME_MAX];
	enum ft_log_level level;
	int journal; /* datagram socket, -1: standard error */
	struct sockaddr_un journal_address;
	bool stderr_is_journal; /* then a line there begins with <N>, which journald reads as the priority */
	unsigned long dropped;
	struct {
		char name[16]; /* "": of no area yet */
		struct ft_limit of[LEVELS];
	} limits[AREAS];
} log_state = {.program = "ftd", .level = FT_LOG_INFO, .journal = -1};

static const struct {
	const char *name;
	int priority; /* syslog(3) */
} levels[] = {[FT_LOG_ERROR] = {"ERROR", 3},
              [FT_LOG_WARN] = {"WARN", 4},
              [FT_LOG_INFO] = {"INFO", 6},
              [FT_LOG_DEBUG] = {"DEBUG", 7}};

/* JOURNAL_STREAM is inherited: it counts only while standard error still is the very stream it names (systemd.exec(5)). */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char ours[64];
	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return false;
	snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, ours) == 0;
}

void ft_log_init(const char *program)
{
	snprintf(log_state.program, sizeof(log_state.program), "%s", program);
	log_state.stderr_is_journal = stderr_is_journal();
	if (log_state.stderr_is_journal && ft_log_journal(JOURNAL_SOCKET) != 0)
		ft_log(FT_LOG_WARN, "main", "cannot reach journald at %s: %s; lines go without fields", JOURNAL_SOCKET,
		       strerror(errno));
}

void ft_log_context(const char *pair, const char *node)
{
	snprintf(log_state.pair, sizeof(log_state.pair), "%s", pair);
	snprintf(log_state.node, sizeof(log_state.node), "%s", node);
}

void ft_log_level(enum ft_log_level level)
{
	log_state.level = level;
}

int ft_log_journal(const char *socket_path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = -1;
	if (socket_path != NULL) {
		if (strlen(socket_path) >= sizeof(address.sun_path)) {
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return -1;
	}
	if (log_state.journal >= 0)
		close(log_state.journal);
	log_state.journal = fd;
	log_state.journal_address = address;
	return 0;
}

/* The socket is not connected: a journald that was restarted is found again by its name. */
static bool to_journal(enum ft_log_level level, const char *area, const char *text, bool *stuck)
{
	char message[PIPE_BUF];
	int n = snprintf(message, sizeof(message), "MESSAGE=%s: %s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nFT_AREA=%s\n",
	                 area, text, levels[level].priority, log_state.program, area);
	if (log_state.pair[0] != '\0')
		n += snprintf(message + n, sizeof(message) - (size_t)n, "FT_PAIR=%s\nFT_NODE=%s\n", log_state.pair,
		              log_state.node);
	ssize_t sent = sendto(log_state.journal, message, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL,
	                      (const struct sockaddr *)&log_state.journal_address, sizeof(log_state.journal_address));
	*stuck = sent < 0 && errno == EAGAIN;
	return sent == n;
}

/* A pipe that polls as writable takes PIPE_BUF bytes at once, so the one write does not tear.  But hooks write there too, and
 * may fill it in between: nothing may wait then for its reader.  O_NONBLOCK on the stream itself would be theirs and our
 * parent's as well, hence a way in of our own; where the pipe is somebody else's there is none. */
static bool write_stderr(const char *line, size_t len)
{
	struct stat st = {0};
	int fd = -1;
	if (fstat(STDERR_FILENO, &st) == 0 && S_ISSOCK(st.st_mode))
		return send(STDERR_FILENO, line, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;
	if (S_ISFIFO(st.st_mode))
		fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	bool written = write(fd >= 0 ? fd : STDERR_FILENO, line, len) == (ssize_t)len;
	if (fd >= 0)
		close(fd);
	return written;
}

static bool to_stderr(enum ft_log_level level, const char *area, const char *text)
{
	struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
	if (poll(&ready, 1, 0) != 1 || ready.revents != POLLOUT)
		return false;

	char stamp[32] = "", line[PIPE_BUF];
	int n = 0;
	if (log_state.stderr_is_journal) {
		n = snprintf(line, sizeof(line), "<%d>", levels[level].priority);
	} else {
		struct timespec now;
		struct tm utc;
		clock_gettime(CLOCK_REALTIME, &now);
		gmtime_r(&now.tv_sec, &utc);
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
		n = snprintf(line, sizeof(line), "%s.%03ldZ ", stamp, now.tv_nsec / 1000000);
	}
	n += snprintf(line + n, sizeof(line) - (size_t)n, "%s", log_state.program);
	if (log_state.pair[0] != '\0')
		n += snprintf(line + n, sizeof(line) - (size_t)n, "[%s/%s]", log_state.pair, log_state.node);
	n += snprintf(line + n, sizeof(line) - (size_t)n, " %s %s: %s\n", levels[level].name, area, text);
	return write_stderr(line, (size_t)n);
}

static bool emit(enum ft_log_level level, const char *area, const char *text)
{
	if (log_state.journal >= 0) {
		bool stuck = false;
		if (to_journal(level, area, text, &stuck))
			return true;
		if (stuck) /* journald is there and stuck; standard error leads to the same reader */
			return false;
	}
	return to_stderr(level, area, text);
}

static void log_line(enum ft_log_level level, const char *area, const char *text)
{
	if (log_state.dropped > 0) {
		char note[96];
		snprintf(note, sizeof(note), "%lu lines dropped: the reader of the log was stuck", log_state.dropped);
		if (emit(FT_LOG_WARN, "report", note))
			log_state.dropped = 0;
	}
	/* While lines are owed, a line that still got through would hide the gap. */
	if (log_state.dropped > 0 || !emit(level, area, text))
		log_state.dropped++;
}

static void log_args(enum ft_log_level level, const char *area, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
static void log_args(enum ft_log_level level, const char *area, const char *format, va_list args)
{
	char raw[TEXT_MAX], text[TEXT_MAX];
	vsnprintf(raw, sizeof(raw), format, args);
	ft_text_clean(text, sizeof(text), raw);
	log_line(level, area, text);
}

/* There is one for each area of log.h; should there ever be more, the last is for all the others. */
static struct ft_limit *limit_of(enum ft_log_level level, const char *area)
{
	int i = 0;
	while (i < AREAS - 1 && log_state.limits[i].name[0] && strcmp(log_state.limits[i].name, area) != 0)
		i++;
	if (!log_state.limits[i].name[0])
		snprintf(log_state.limits[i].name, sizeof(log_state.limits[i].name), "%s", area);
	struct ft_limit *l = &log_state.limits[i].of[level];
	l->at_once = AT_ONCE;
	l->per_second = PER_SECOND;
	return l;
}

static void tell_left_out(enum ft_log_level level, const char *area, struct ft_limit *l, int64_t now)
{
	char text[96];
	unsigned long n = ft_limit_tell(l, now);
	if (n == 0)
		return;
	snprintf(text, sizeof(text), "%lu such lines were left out: there were too many", n);
	log_line(level, area, text);
}

void ft_log(enum ft_log_level level, const char *area, const char *format, ...)
{
	if (level > log_state.level)
		return;
	int saved_errno = errno;
	int64_t now = ft_clock_now();
	struct ft_limit *limit = limit_of(level, area);
	tell_left_out(level, area, limit, now);
	if (ft_limit_take(limit, now)) {
		va_list args;
		va_start(args, format);
		log_args(level, area, format, args);
		va_end(args);
	}
	errno = saved_errno;
}

void ft_log_surely(enum ft_log_level level, const char *area, const char *format, ...)
{
	if (level > log_state.level)
		return;
	int saved_errno = errno;
	va_list args;
	va_start(args, format);
	log_args(level, area, format, args);
	va_end(args);
	errno = saved_errno;
}

void ft_log_tell_left_out(void)
{
	int64_t now = ft_clock_now();
	for (int i = 0; i < AREAS; i++)
		for (enum ft_log_level level = 0; level < LEVELS; level++)
			if (log_state.limits[i].of[level].left_out > 0)
				tell_left_out(level, log_state.limits[i].name, &log_state.limits[i].of[level], now);
}
