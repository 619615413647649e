/* See control.h. */
#include "ctl/control.h"

#include "base/log.h"
#include "report/record.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUEST_MS     10000 /* a whole request must be there */
#define ANSWER_MS      60000 /* the verb must have answered */
#define TAKE_MS        10000 /* the client must have read it */
#define ACCEPT_PAUSE_S 1     /* after accept(2) failed, e.g. for want of descriptors */
#define ACCEPT_AT_ONCE 8     /* in one turn of the loop: who connects in a circle must not keep it */
#define LOOK_MS        5000  /* for the socket's name */

/* What ft.conf says of it. */
struct place {
	char path[FT_SOCKPATH_MAX];
	mode_t mode;
	gid_t gid;
};

struct ft_call {
	struct client *client; /* NULL: nobody waits for the answer any more */
};

struct client {
	LIST_ENTRY(client) next;
	struct ft_control *control;
	uid_t uid;
	struct bufferevent *io;
	struct event *deadline; /* of whatever is awaited: a request, an answer, its being taken */
	struct ft_call *call;   /* NULL: none outstanding */
	bool last;              /* close when the answer is taken */
	bool serving;           /* inside serve() */
};

struct ft_control {
	struct event_base *base;
	int fd; /* -1: not yet */
	struct event *acceptable;
	struct event *resume; /* accepts again after a failed accept */
	ft_control_verb *verb;
	void *arg;
	LIST_HEAD(, client) clients;
	int n_clients;
	int request_ms, answer_ms, take_ms;
	struct place place;
	struct event *look;
	int look_ms;
	char fault[FT_TEXT_MAX + FT_SOCKPATH_MAX]; /* why the name cannot be made anew, as told last; "" it can */
	dev_t dev;                                 /* of the socket's name, so that a successor's is not removed */
	ino_t ino;
};

static void arm(struct client *c, int ms)
{
	struct timeval in = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000L};
	event_add(c->deadline, &in);
}

static void client_free(struct client *c)
{
	LIST_REMOVE(c, next);
	c->control->n_clients--;
	if (c->call != NULL)
		c->call->client = NULL;
	event_free(c->deadline);
	bufferevent_free(c->io);
	free(c);
}

/* {"code":..,"result":..,"error":..} and a line feed. Steals result. NULL: out of memory. The caller frees. */
static char *answer_line(int code, json_t *result, const char *error)
{
	json_t *answer = json_pack("{s:i}", "code", code);
	if (result != NULL)
		json_object_set_new(answer, "result", result);
	if (error != NULL)
		json_object_set_new(answer, "error", ft_text_json(error));
	char *line = json_dumps(answer, FT_JSON_FLAGS);
	json_decref(answer);
	return line;
}

static void send_answer(struct client *c, int code, json_t *result, const char *error)
{
	char *line = answer_line(code, result, error);
	if (line == NULL)
		line = strdup("{\"code\":1,\"error\":\"out of memory\"}");
	if (line != NULL) {
		bufferevent_write(c->io, line, strlen(line));
		bufferevent_write(c->io, "\n", 1);
	}
	free(line);
	arm(c, c->control->take_ms);
}

static void refuse(struct client *c, const char *error)
{
	send_answer(c, 2, NULL, error);
}

static void dispatch(struct client *c, const char *line, size_t len)
{
	json_error_t fault;
	char text[FT_TEXT_MAX];
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &fault);
	const char *verb = json_string_value(json_object_get(request, "verb"));
	if (request == NULL) {
		snprintf(text, sizeof(text), "the request is not JSON: %s", fault.text);
		refuse(c, text);
	} else if (verb == NULL) {
		refuse(c, "the request must be an object with a \"verb\"");
	} else if ((c->call = calloc(1, sizeof(*c->call))) == NULL) {
		refuse(c, "out of memory");
	} else {
		c->call->client = c;
		arm(c, c->control->answer_ms);
		c->control->verb(c->control->arg, verb, request, c->call);
	}
	json_decref(request);
}

/* Takes requests, one at a time: the next one only when the last answer is on its way out of our buffers. */
static void serve(struct client *c)
{
	struct evbuffer *in = bufferevent_get_input(c->io), *out = bufferevent_get_output(c->io);
	if (c->serving)
		return;
	c->serving = true;
	while (c->call == NULL && !c->last && evbuffer_get_length(out) == 0) {
		size_t len;
		char *line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF);
		if (line != NULL) {
			dispatch(c, line, len);
			free(line);
		} else if (evbuffer_get_length(in) >= FT_CONTROL_REQUEST_MAX) {
			c->last = true;
			refuse(c, "the request is longer than 64 KiB");
		} else {
			break;
		}
	}
	c->serving = false;
}

static void on_readable(struct bufferevent *io, void *arg)
{
	(void)io;
	serve(arg);
}

/* The answer has been handed to the kernel. */
static void on_written(struct bufferevent *io, void *arg)
{
	struct client *c = arg;
	(void)io;
	if (c->call != NULL)
		return;
	if (c->last) {
		client_free(c);
		return;
	}
	arm(c, c->control->request_ms);
	serve(c);
}

/* The client has closed its side or is gone. One that only has no more to say still gets the answer it waits for. */
static void on_event(struct bufferevent *io, short what, void *arg)
{
	struct client *c = arg;
	bool answer_owed = c->call != NULL || evbuffer_get_length(bufferevent_get_output(io)) > 0;
	if ((what & BEV_EVENT_EOF) && answer_owed) {
		c->last = true;
		bufferevent_disable(io, EV_READ);
	} else {
		client_free(c);
	}
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;
	(void)fd;
	(void)what;
	if (c->call == NULL) {
		client_free(c);
		return;
	}
	c->call->client = NULL;
	c->call = NULL;
	send_answer(c, 1, NULL, "ftd has found no answer in time; see its log");
}

void ft_call_answer(struct ft_call *call, int code, json_t *result, const char *error)
{
	struct client *c = call->client;
	free(call);
	if (c == NULL) {
		json_decref(result);
		return;
	}
	c->call = NULL;
	send_answer(c, code, result, error);
}

/* One short write into an empty socket buffer: never blocks, never short. */
static void turn_away(int fd, uid_t uid, const char *why)
{
	char answer[FT_TEXT_MAX];
	int len = snprintf(answer, sizeof(answer), "{\"code\":1,\"error\":\"%s; try again in a moment\"}\n", why);
	if (send(fd, answer, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		why = "it has left already";
	ft_log(FT_LOG_WARN, "control", "a client of user %u was turned away: %s", (unsigned)uid, why);
	close(fd);
}

static bool is_trusted(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

/* Returns NULL, or why there is none for who comes now. */
static const char *no_place(const struct ft_control *control, uid_t uid)
{
	const struct client *c;
	int same = 0, others = 0;
	LIST_FOREACH(c, &control->clients, next)
	{
		same += c->uid == uid;
		others += !is_trusted(c->uid);
	}
	if (control->n_clients >= FT_CONTROL_CLIENTS_MAX)
		return "32 clients are connected already";
	if (!is_trusted(uid) && same >= FT_CONTROL_EACH_MAX)
		return "8 clients of this user are connected already";
	if (!is_trusted(uid) && others >= FT_CONTROL_CLIENTS_MAX - FT_CONTROL_RESERVED)
		return "24 clients are connected already, and the other places are root's";
	return NULL;
}

static void take_in(struct ft_control *control, int fd, uid_t uid)
{
	struct client *c = calloc(1, sizeof(*c));
	if (c == NULL)
		abort();
	c->control = control;
	c->uid = uid;
	c->io = bufferevent_socket_new(control->base, fd, BEV_OPT_CLOSE_ON_FREE);
	c->deadline = evtimer_new(control->base, on_deadline, c);
	if (c->io == NULL || c->deadline == NULL)
		abort();
	bufferevent_setcb(c->io, on_readable, on_written, on_event, c);
	bufferevent_setwatermark(c->io, EV_READ, 0, FT_CONTROL_REQUEST_MAX);
	bufferevent_enable(c->io, EV_READ | EV_WRITE);
	LIST_INSERT_HEAD(&control->clients, c, next);
	control->n_clients++;
	arm(c, c->control->request_ms);
}

static void receive(struct ft_control *control, int fd)
{
	struct ucred who = {.uid = (uid_t)-1};
	socklen_t len = sizeof(who);
	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len);
	const char *why = no_place(control, who.uid);
	if (why != NULL)
		turn_away(fd, who.uid, why);
	else
		take_in(control, fd, who.uid);
}

/* accept(2) fails again and again as long as its cause lasts; without a pause that would fill the loop. */
static void pause_accepting(struct ft_control *control)
{
	struct timeval in = {.tv_sec = ACCEPT_PAUSE_S};
	ft_log(FT_LOG_WARN, "control", "cannot accept a client: %s", strerror(errno));
	event_del(control->acceptable);
	event_add(control->resume, &in);
}

static void on_acceptable(evutil_socket_t listening, short what, void *arg)
{
	struct ft_control *control = arg;
	(void)what;
	for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
		int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			receive(control, fd);
		} else if (errno != EINTR && errno != ECONNABORTED) {
			if (errno != EAGAIN)
				pause_accepting(control);
			return;
		}
	}
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct ft_control *control = arg;
	(void)fd;
	(void)what;
	event_add(control->acceptable, NULL);
}

/* Removes a name that nobody listens on. Returns 0, or -1 after a line to errors. */
static int clear_name(const struct sockaddr_un *address, FILE *errors)
{
	const char *path = address->sun_path;
	struct stat st;
	if (lstat(path, &st) != 0)
		return 0; /* whatever it is, bind(2) says it better */
	if (!S_ISSOCK(st.st_mode)) {
		fprintf(errors,
		        "control.socket %s: something else than a socket is there; remove it or name another path\n",
		        path);
		return -1;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)address, sizeof(*address));
	int why = errno;
	if (fd >= 0)
		close(fd);
	if (rc == 0 || why == EAGAIN) {
		fprintf(errors,
		        "control.socket %s: another process listens there; is another ftd running for this pair?\n",
		        path);
		return -1;
	}
	if (why != ECONNREFUSED || unlink(path) != 0) {
		fprintf(errors, "control.socket %s: cannot replace the old one: %s\n", path,
		        strerror(why != ECONNREFUSED ? why : errno));
		return -1;
	}
	return 0;
}

/* /run is empty after every boot.  One folder is made, not a whole path: the rest is somebody's mistake in ft.conf. */
static void make_folder(const char *path)
{
	char folder[FT_SOCKPATH_MAX];
	snprintf(folder, sizeof(folder), "%s", path);
	char *slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder)
		return;
	*slash = '\0';
	mode_t old = umask(0022);   /* the socket's own mode says who may talk to us */
	(void)!mkdir(folder, 0755); /* if it cannot be, bind says what is wrong */
	umask(old);
}

/* Nobody can connect before listen(2), and nobody but us before the mode is opened up. */
static int bind_name(int fd, const struct sockaddr_un *address, const struct place *place, FILE *errors)
{
	make_folder(place->path);
	mode_t old = umask(0177);
	int rc = bind(fd, (const struct sockaddr *)address, sizeof(*address));
	umask(old);
	if (rc != 0) {
		fprintf(errors, "control.socket %s: cannot bind it: %s; its folder must exist and belong to ftd\n",
		        address->sun_path, strerror(errno));
		return -1;
	}
	if (place->gid != (gid_t)-1 && chown(address->sun_path, (uid_t)-1, place->gid) != 0) {
		fprintf(errors, "control.socket %s: cannot give it to control.group (gid %u): %s\n", address->sun_path,
		        (unsigned)place->gid, strerror(errno));
	} else if (chmod(address->sun_path, place->mode) != 0) {
		fprintf(errors, "control.socket %s: cannot set its mode: %s\n", address->sun_path, strerror(errno));
	} else {
		return 0;
	}
	unlink(address->sun_path);
	return -1;
}

/* The bound socket, -1 after a line to errors. */
static int open_socket(const struct place *place, FILE *errors)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", place->path);
	if (clear_name(&address, errors) != 0)
		return -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		fprintf(errors, "control.socket %s: %s\n", place->path, strerror(errno));
		return -1;
	}
	if (bind_name(fd, &address, place, errors) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void stop_listening(struct ft_control *c)
{
	if (c->fd < 0)
		return;
	event_free(c->acceptable);
	close(c->fd);
}

/* Listens on a new socket under the name. Returns 0, or -1 after a line to errors and nothing changed. */
static int listen_anew(struct ft_control *c, FILE *errors)
{
	struct stat st = {0};
	int fd = open_socket(&c->place, errors);
	if (fd < 0)
		return -1;
	struct event *acceptable = event_new(c->base, fd, EV_READ | EV_PERSIST, on_acceptable, c);
	if (acceptable == NULL)
		abort();
	if (listen(fd, FT_CONTROL_CLIENTS_MAX) != 0) {
		fprintf(errors, "control.socket %s: cannot listen: %s\n", c->place.path, strerror(errno));
		event_free(acceptable);
		close(fd);
		unlink(c->place.path);
		return -1;
	}
	stop_listening(c);
	c->fd = fd;
	c->acceptable = acceptable;
	event_add(acceptable, NULL);
	if (lstat(c->place.path, &st) == 0) {
		c->dev = st.st_dev;
		c->ino = st.st_ino;
	}
	return 0;
}

static bool name_is_ours(const struct ft_control *c)
{
	struct stat st;
	return lstat(c->place.path, &st) == 0 && st.st_dev == c->dev && st.st_ino == c->ino;
}

/* Told once, and again when it is another fault. */
static void make_name_anew(struct ft_control *c)
{
	char fault[sizeof(c->fault)] = "";
	FILE *errors = fmemopen(fault, sizeof(fault) - 1, "w");
	if (errors == NULL)
		return;
	bool made = listen_anew(c, errors) == 0;
	fclose(errors);
	fault[strcspn(fault, "\n")] = '\0';
	if (made)
		ft_log(FT_LOG_WARN, "control", "control.socket %s was gone, and is made anew", c->place.path);
	else if (strcmp(fault, c->fault) != 0)
		ft_log(FT_LOG_ERROR, "control",
		       "%s; the name of ftd's socket was taken away, and ftctl finds it no more", fault);
	snprintf(c->fault, sizeof(c->fault), "%s", fault);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct ft_control *c = arg;
	(void)fd;
	(void)what;
	if (!name_is_ours(c))
		make_name_anew(c);
	ft_control_look_every(c, c->look_ms);
}

struct ft_control *ft_control_new(struct event_base *base, const struct ft_config *config, ft_control_verb *verb,
                                  void *arg, FILE *errors)
{
	struct ft_control *c = calloc(1, sizeof(*c));
	if (c == NULL)
		abort();
	c->base = base;
	c->fd = -1;
	c->verb = verb;
	c->arg = arg;
	c->place = (struct place){.mode = config->control_mode, .gid = config->control_gid};
	memcpy(c->place.path, config->control_socket, sizeof(c->place.path));
	ft_control_deadlines(c, REQUEST_MS, ANSWER_MS, TAKE_MS);
	LIST_INIT(&c->clients);
	c->resume = evtimer_new(base, on_resume, c);
	c->look = evtimer_new(base, on_look, c);
	if (c->resume == NULL || c->look == NULL)
		abort();
	if (listen_anew(c, errors) != 0) {
		ft_control_free(c);
		return NULL;
	}
	ft_control_look_every(c, LOOK_MS);
	return c;
}

void ft_control_look_every(struct ft_control *c, int ms)
{
	struct timeval in = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000L};
	c->look_ms = ms;
	event_add(c->look, &in);
}

void ft_control_deadlines(struct ft_control *c, int request_ms, int answer_ms, int take_ms)
{
	c->request_ms = request_ms;
	c->answer_ms = answer_ms;
	c->take_ms = take_ms;
}

/* The loop has ended: what the kernel takes at once is what the client gets. */
static void say_goodbye(struct client *c)
{
	if (c->call != NULL) {
		c->call->client = NULL;
		c->call = NULL;
		send_answer(c, 1, NULL, "ftd is leaving");
	}
	struct evbuffer *out = bufferevent_get_output(c->io);
	evbuffer_unfreeze(out, 1); /* a bufferevent keeps its output's front to itself */
	evbuffer_write(out, bufferevent_getfd(c->io));
	client_free(c);
}

void ft_control_free(struct ft_control *c)
{
	if (c == NULL)
		return;
	for (struct client *client = LIST_FIRST(&c->clients), *next; client != NULL; client = next) {
		next = LIST_NEXT(client, next);
		say_goodbye(client);
	}
	stop_listening(c);
	event_free(c->resume);
	event_free(c->look);
	if (c->ino != 0 && name_is_ours(c))
		unlink(c->place.path);
	free(c);
}
