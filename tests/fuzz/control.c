/* The control socket, and clients that send what they like, in pieces, leave in between, and come again. */
#include "ctl/control.h"
#include "tests/fuzz/fuzz.h"

#include <event2/event.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#define CLIENTS 4

static struct ft_config config = {.control_mode = 0600, .control_gid = (gid_t)-1};
static struct ft_call *owed[FT_CONTROL_CLIENTS_MAX];
static int n_owed, n_asked, n_answered;

static void answer(struct ft_call *call)
{
	n_answered++;
	ft_call_answer(call, 0, json_true(), NULL);
}

/* "later" is answered when the input says so. */
static void take_verb(void *arg, const char *verb, const json_t *request, struct ft_call *call)
{
	(void)arg;
	LAW(json_is_object(request), "a request is an object");
	n_asked++;
	if (strcmp(verb, "later") == 0 && n_owed < FT_CONTROL_CLIENTS_MAX)
		owed[n_owed++] = call;
	else
		answer(call);
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	close(fd);
	return -1;
}

static void act(struct input *in, int clients[CLIENTS])
{
	int *fd = &clients[choose(in, CLIENTS)];
	const uint8_t *bytes;
	size_t n;
	char sink[4096];
	switch (choose(in, 4)) {
	case 0:
		close(*fd);
		*fd = connect_to(config.control_socket);
		break;
	case 1:
		n = take_bytes(in, take(in, 1), &bytes);
		(void)!send(*fd, bytes, n, MSG_NOSIGNAL);
		break;
	case 2:
		(void)!recv(*fd, sink, sizeof sink, 0);
		break;
	default:
		if (n_owed > 0)
			answer(owed[--n_owed]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	int clients[CLIENTS] = {-1, -1, -1, -1};
	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	snprintf(config.control_socket, sizeof config.control_socket, "%s/control", fuzz_folder());
	struct event_base *base = event_base_new();
	struct ft_control *control = ft_control_new(base, &config, take_verb, NULL, stderr);
	LAW(control, "a control socket");
	while (in.left > 0) {
		act(&in, clients);
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	do { /* an answer that is taken lets the next request in */
		while (n_owed > 0)
			answer(owed[--n_owed]);
		event_base_loop(base, EVLOOP_NONBLOCK);
	} while (n_owed > 0);
	LAW(n_asked == n_answered, "every call is answered once");
	for (int i = 0; i < CLIENTS; i++)
		close(clients[i]);
	ft_control_free(control);
	event_base_free(base);
	return 0;
}
