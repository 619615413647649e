/* ftctl, and something that has taken the place of the daemon: it may answer whatever it likes. */
#include "ctl/command.h"
#include "tests/fuzz/fuzz.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

struct answer {
	int listener;
	const uint8_t *data;
	size_t size;
};

/* One answer of the input's to one request. */
static void *serve(void *arg)
{
	const struct answer *a = arg;
	char request[512];
	int fd = accept(a->listener, NULL, NULL);
	LAW(fd >= 0 && recv(fd, request, sizeof request, 0) > 0, "ftctl asks");
	if (send(fd, a->data, a->size, MSG_NOSIGNAL) == (ssize_t)a->size)
		(void)!send(fd, "\n", 1, MSG_NOSIGNAL);
	close(fd);
	return NULL;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof address.sun_path, "%.100s", path);
	LAW(fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0,
	    "a socket");
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char verbs[][9] = {"status", "check", "failover", "last", "tune", "reload"};
	static char name[] = "ftctl", at[] = "-s", as_json[] = "--json";
	static char path[128];
	static int listener = -1;
	struct input in = {data, size};
	pthread_t thread;
	if (listener < 0) {
		snprintf(path, sizeof path, "%s/control", fuzz_folder());
		listener = listen_at(path);
	}
	char *verb = verbs[choose(&in, sizeof verbs / sizeof verbs[0])], *json = take(&in, 1) & 1 ? as_json : NULL;
	char *argv[] = {name, at, path, verb, json, NULL};
	struct answer answer = {listener, in.data, in.left};
	LAW(pthread_create(&thread, NULL, serve, &answer) == 0, "a thread");
	int code = ft_ctl_run(json ? 5 : 4, argv, fuzz_nowhere(), fuzz_nowhere());
	pthread_join(thread, NULL);
	LAW(code >= 0 && code <= 255, "an exit code is one");
	return 0;
}
