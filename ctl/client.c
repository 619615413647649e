/* See client.h. */
#include "ctl/client.h"

#include "base/clock.h"
#include "report/record.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG_RETRY_MS 20

/* Waits until fd is ready for events. Returns 0, or -1 with errno, ETIMEDOUT past the deadline. */
static int wait_ready(int fd, short events, int64_t deadline)
{
	for (;;) {
		int64_t left = deadline - ft_clock_now();
		struct pollfd p = {.fd = fd, .events = events};
		int n = left > 0 ? poll(&p, 1, (int)(left / FT_NS_PER_MS) + 1) : 0;
		if (n > 0)
			return 0;
		if (n == 0 && left <= 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (n < 0 && errno != EINTR)
			return -1;
	}
}

/* A UNIX socket connects at once or not at all; EAGAIN is a full backlog, which may clear. -1 with errno. */
static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int64_t deadline = ft_clock_now() + FT_CLIENT_CONNECT_MS * FT_NS_PER_MS;
	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	while (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		if ((errno != EAGAIN && errno != EINTR) || ft_clock_now() > deadline) {
			int why = errno == EAGAIN ? ETIMEDOUT : errno;
			close(fd);
			errno = why;
			return -1;
		}
		poll(NULL, 0, BACKLOG_RETRY_MS);
	}
	return fd;
}

/* A server that turns us away may close before it has read: its answer is then still there, so that is no error here. */
static int send_all(int fd, const char *text, size_t len, int64_t deadline)
{
	for (size_t sent = 0; sent < len;) {
		ssize_t n = send(fd, text + sent, len - sent, MSG_NOSIGNAL);
		if (n >= 0)
			sent += (size_t)n;
		else if (errno == EPIPE || errno == ECONNRESET)
			return 0;
		else if (errno == EAGAIN ? wait_ready(fd, POLLOUT, deadline) != 0 : errno != EINTR)
			return -1;
	}
	return 0;
}

/* Reads up to the first line feed. The text, NUL-terminated without it, which the caller frees; NULL with errno. */
static char *read_line(int fd, int64_t deadline)
{
	char *text = NULL;
	size_t len = 0, size = 0;
	for (;;) {
		if (len + 1 >= size) {
			size = size == 0 ? 16384 : 2 * size;
			char *grown = size <= 2 * (size_t)FT_CLIENT_ANSWER_MAX ? realloc(text, size) : NULL;
			if (grown == NULL) {
				free(text);
				errno = EMSGSIZE;
				return NULL;
			}
			text = grown;
		}
		ssize_t n = recv(fd, text + len, size - 1 - len, 0);
		if (n > 0) {
			char *end = memchr(text + len, '\n', (size_t)n);
			len += (size_t)n;
			if (end == NULL)
				continue;
			*end = '\0';
			return text;
		}
		if (n < 0 && (errno == EINTR || (errno == EAGAIN && wait_ready(fd, POLLIN, deadline) == 0)))
			continue;
		int why = n == 0 ? ECONNRESET : errno;
		free(text);
		errno = why;
		return NULL;
	}
}

static enum ft_asked explain_connect(const char *path, int why, char error[FT_CLIENT_ERROR_MAX])
{
	switch (why) {
	case ENOENT:
	case ECONNREFUSED:
		snprintf(error, FT_CLIENT_ERROR_MAX,
		         "no ftd listens on %s (%s); start it: ftd -c FILE, or its systemd service", path,
		         strerror(why));
		return FT_ASKED_NO_DAEMON;
	case ETIMEDOUT:
		snprintf(error, FT_CLIENT_ERROR_MAX,
		         "ftd at %s has taken no connection for %d ms; is it stopped or hanging?", path,
		         FT_CLIENT_CONNECT_MS);
		return FT_ASKED_NO_DAEMON;
	case EACCES:
		snprintf(error, FT_CLIENT_ERROR_MAX,
		         "not allowed to use %s; be root, or in the group of control.group in ft.conf", path);
		return FT_ASKED_FAULT;
	default:
		snprintf(error, FT_CLIENT_ERROR_MAX, "cannot connect to %s: %s", path, strerror(why));
		return FT_ASKED_FAULT;
	}
}

static enum ft_asked explain_silence(const char *path, int why, int answer_ms, char error[FT_CLIENT_ERROR_MAX])
{
	if (why == ETIMEDOUT)
		snprintf(error, FT_CLIENT_ERROR_MAX,
		         "ftd at %s has not answered in %d ms; is it stopped or hanging? see its log", path, answer_ms);
	else
		snprintf(error, FT_CLIENT_ERROR_MAX, "ftd at %s has left without an answer: %s; see its log", path,
		         strerror(why));
	return FT_ASKED_NO_DAEMON;
}

enum ft_asked ft_client_ask(const char *socket_path, const json_t *request, int answer_ms, json_t **answer,
                            char error[FT_CLIENT_ERROR_MAX])
{
	char *text = json_dumps(request, FT_JSON_FLAGS);
	int fd = connect_to(socket_path);
	if (fd < 0 || text == NULL) {
		enum ft_asked why = explain_connect(socket_path, fd < 0 ? errno : ENOMEM, error);
		if (fd >= 0)
			close(fd);
		free(text);
		return why;
	}
	size_t len = strlen(text);
	text[len] = '\n'; /* in place of the NUL: the line feed that ends a request */
	int64_t deadline = ft_clock_now() + answer_ms * FT_NS_PER_MS;
	int rc = send_all(fd, text, len + 1, deadline);
	char *line = rc == 0 ? read_line(fd, deadline) : NULL;
	int why = errno;
	close(fd);
	free(text);
	if (line == NULL)
		return explain_silence(socket_path, why, answer_ms, error);

	*answer = json_loads(line, 0, NULL);
	free(line);
	if (json_is_integer(json_object_get(*answer, "code")))
		return FT_ASKED_OK;
	json_decref(*answer);
	*answer = NULL;
	snprintf(error, FT_CLIENT_ERROR_MAX, "what listens on %s has not answered like ftd does", socket_path);
	return FT_ASKED_FAULT;
}
