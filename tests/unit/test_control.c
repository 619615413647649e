/* The control socket with real clients, good and bad ones, and ftctl's answers and exit codes. */
#include "base/clock.h"
#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/control.h"
#include "tests/unit/skip.h"

#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG_MS 20000 /* only a hang takes that long */

static struct event_base *base;
static struct ft_control *control;
static struct ft_config config;
static char dir[64];
static struct ft_call *deferred;
static pid_t server;

static const char status_json[] = "{\"pair\":\"vm1\",\"node\":\"alpha\",\"state\":\"%s\",\"protected\":%s,"
                                  "\"arbiter\":{\"type\":\"none\",\"reachable\":null}}";
static const char outcome_json[] = "{\"pair\":\"vm1\",\"node\":\"alpha\",\"result\":\"%s\",\"epoch\":%d}";

static json_t *made(const char *format, ...) __attribute__((format(printf, 1, 2)));
static json_t *made(const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return json_loads(text, 0, NULL);
}

/* A daemon's verbs, played: the test's words come in as arg. */
static void play(void *arg, const char *verb, const json_t *request, struct ft_call *call)
{
	const char *mood = arg;
	if (strcmp(verb, "echo") == 0) {
		ft_call_answer(call, 0, json_incref(json_object_get(request, "text")), NULL);
	} else if (strcmp(verb, "defer") == 0) {
		deferred = call;
	} else if (strcmp(verb, "big") == 0) {
		char *big = malloc(4 << 20);
		memset(big, 'b', 4 << 20);
		ft_call_answer(call, 0, json_stringn(big, 4 << 20), NULL);
		free(big);
	} else if (strcmp(verb, "status") == 0) {
		ft_call_answer(call, 0, made(status_json, mood, strcmp(mood, "protected") == 0 ? "true" : "false"),
		               NULL);
	} else if (strcmp(verb, "failover") == 0) {
		bool sure = json_is_true(json_object_get(request, "confirm_fenced"));
		ft_call_answer(call, sure ? 0 : 4, made(outcome_json, sure ? "success" : "refused", 7),
		               sure ? NULL : "no");
	} else if (strcmp(verb, "check") == 0) {
		ft_call_answer(
		    call, 0,
		    made("{\"checks\":[{\"name\":\"qmp\",\"result\":\"%s\",\"detail\":\"d\",\"fix\":\"f\"}]}", mood),
		    NULL);
	} else if (strcmp(verb, "last") == 0) {
		ft_call_answer(call, 0, json_pack("[o]", made(outcome_json, "success", 9)), NULL);
	} else if (strcmp(verb, "tune") == 0) {
		ft_call_answer(call, 12,
		               made("{\"verdict\":\"too-little-data\",\"asked\":%f}",
		                    json_number_value(json_object_get(request, "alarms_per_hour"))),
		               NULL);
	} else if (strcmp(verb, "reload") == 0 && strcmp(mood, "ok") == 0) {
		ft_call_answer(call, 0, NULL, NULL);
	} else {
		ft_call_answer(call, 2, NULL, "ft.conf:3: first fault\nft.conf:4: second fault\n");
	}
}

static void set_up(void)
{
	signal(SIGPIPE, SIG_IGN);
	strcpy(dir, "/tmp/ftd-test-control.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	config = (struct ft_config){.control_mode = 0660, .control_gid = (gid_t)-1};
	snprintf(config.control_socket, sizeof(config.control_socket), "%s/socket", dir);
	base = event_base_new();
	control = NULL;
	server = 0;
}

static void stop_serving(void)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	server = 0;
}

static void tear_down(void)
{
	char command[128];
	if (server > 0)
		stop_serving();
	ft_control_free(control);
	event_base_free(base);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void start(void)
{
	static char mood[] = "ok";
	control = ft_control_new(base, &config, play, mood, stderr);
	ck_assert_ptr_nonnull(control);
}

static int connected(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	strcpy(address.sun_path, config.control_socket);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* The next line from fd while the loop runs; "" when the server has closed. Valid until the next call. */
static const char *hear(int fd)
{
	static char *line;
	size_t len = 0, size = 8 << 20;
	int64_t end = ft_clock_now() + LONG_MS * FT_NS_PER_MS;
	free(line);
	line = calloc(1, size);
	while (ft_clock_now() < end && len + 1 < size) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		ssize_t n = recv(fd, line + len, size - len - 1, MSG_PEEK);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return line;
		if (n < 0) {
			usleep(200);
			continue;
		}
		const char *feed = memchr(line + len, '\n', (size_t)n);
		size_t take = feed ? (size_t)(feed + 1 - (line + len)) : (size_t)n;
		ck_assert_int_eq(recv(fd, line + len, take, 0), (ssize_t)take);
		len += take;
		line[len] = '\0'; /* what was only peeked at comes again */
		if (feed) {
			line[len - 1] = '\0';
			return line;
		}
	}
	ck_abort_msg("no answer");
}

static void pump(int times)
{
	for (int i = 0; i < times; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(200);
	}
}

START_TEST(a_request_gets_its_answer)
{
	start();
	int fd = connected();
	say(fd, "{\"verb\":\"echo\",\"text\":{\"a\":[1,2.5]}}\n");
	ck_assert_str_eq(hear(fd), "{\"code\":0,\"result\":{\"a\":[1,2.5]}}");
	say(fd, "{\"verb\":\"what\"}\n");
	ck_assert_str_eq(hear(fd), "{\"code\":2,\"error\":\"ft.conf:3: first fault\\nft.conf:4: second fault\\n\"}");
	close(fd);
}
END_TEST

START_TEST(a_request_may_come_in_pieces)
{
	const char *request = "{\"verb\":\"echo\",\"text\":[true]}\n";
	start();
	int fd = connected();
	for (const char *p = request; *p != '\0'; p++) {
		char piece[2] = {*p, '\0'};
		say(fd, piece);
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	ck_assert_str_eq(hear(fd), "{\"code\":0,\"result\":[true]}");
	close(fd);
}
END_TEST

START_TEST(requests_sent_at_once_are_answered_in_order)
{
	start();
	int fd = connected();
	say(fd, "{\"verb\":\"echo\",\"text\":[1]}\n{\"verb\":\"defer\"}\n{\"verb\":\"echo\",\"text\":[3]}\n");
	ck_assert_str_eq(hear(fd), "{\"code\":0,\"result\":[1]}");
	pump(50);
	char byte;
	ck_assert_int_eq(recv(fd, &byte, 1, 0), -1); /* the third waits for the second */
	ft_call_answer(deferred, 0, json_pack("[i]", 2), NULL);
	ck_assert_str_eq(hear(fd), "{\"code\":0,\"result\":[2]}");
	ck_assert_str_eq(hear(fd), "{\"code\":0,\"result\":[3]}");
	close(fd);
}
END_TEST

START_TEST(garbage_is_refused_and_the_client_may_go_on)
{
	static const char *const garbage[] = {"\n",
	                                      "hello\n",
	                                      "{\"verb\":\n",
	                                      "[]\n",
	                                      "7\n",
	                                      "{}\n",
	                                      "{\"verb\":7}\n",
	                                      "{\"verb\":\"echo\",\"verb\":\"echo\"}\n",
	                                      "\xff\xfe\x80\n",
	                                      "{\"verb\":\"\\u0000\"}\n"};
	start();
	int fd = connected();
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		say(fd, garbage[i]);
		const char *answer = hear(fd);
		ck_assert_msg(strncmp(answer, "{\"code\":2,\"error\":\"the request ", 31) == 0, "%s", answer);
	}
	say(fd, "{\"verb\":\"echo\",\"text\":[1]}\n");
	ck_assert_str_eq(hear(fd), "{\"code\":0,\"result\":[1]}");
	close(fd);
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
	enum { DEPTH = 60000 };
	start();
	char *deep = malloc(DEPTH + 2);
	memset(deep, '[', DEPTH);
	strcpy(deep + DEPTH, "\n");
	int fd = connected();
	say(fd, deep);
	ck_assert_int_eq(strncmp(hear(fd), "{\"code\":2", 9), 0);
	free(deep);
	close(fd);
}
END_TEST

START_TEST(a_request_without_end_is_refused_and_closed)
{
	start();
	char *endless = malloc(FT_CONTROL_REQUEST_MAX + 2);
	memset(endless, 'x', FT_CONTROL_REQUEST_MAX + 1);
	endless[FT_CONTROL_REQUEST_MAX + 1] = '\0';
	int fd = connected();
	say(fd, endless);
	ck_assert_str_eq(hear(fd), "{\"code\":2,\"error\":\"the request is longer than 64 KiB\"}");
	ck_assert_str_eq(hear(fd), "");
	free(endless);
	close(fd);
}
END_TEST

START_TEST(the_largest_request_passes)
{
	start();
	char *text = malloc(FT_CONTROL_REQUEST_MAX + 1);
	size_t len = FT_CONTROL_REQUEST_MAX - 2;
	memset(text, ' ', len);
	memcpy(text, "{\"verb\":\"echo\",\"text\":[1]", 25);
	strcpy(text + len - 1, "}\n");
	int fd = connected();
	say(fd, text);
	ck_assert_str_eq(hear(fd), "{\"code\":0,\"result\":[1]}");
	free(text);
	close(fd);
}
END_TEST

START_TEST(an_answer_may_come_later)
{
	start();
	int first = connected(), second = connected();
	say(first, "{\"verb\":\"defer\"}\n");
	pump(20);
	ck_assert_ptr_nonnull(deferred);
	say(second, "{\"verb\":\"echo\",\"text\":[1]}\n"); /* is not held up */
	ck_assert_str_eq(hear(second), "{\"code\":0,\"result\":[1]}");
	ft_call_answer(deferred, 4, json_pack("[i]", 1), "refused");
	ck_assert_str_eq(hear(first), "{\"code\":4,\"result\":[1],\"error\":\"refused\"}");
	close(first);
	close(second);
}
END_TEST

START_TEST(a_client_that_left_may_still_be_answered)
{
	start();
	int fd = connected();
	say(fd, "{\"verb\":\"defer\"}\n");
	pump(20);
	close(fd);
	pump(20);
	ft_call_answer(deferred, 0, json_pack("[i]", 1), NULL);
	pump(20);
	fd = connected();
	say(fd, "{\"verb\":\"echo\",\"text\":[1]}\n");
	ck_assert_str_eq(hear(fd), "{\"code\":0,\"result\":[1]}");
	close(fd);
}
END_TEST

START_TEST(a_client_that_has_no_more_to_say_gets_its_answer)
{
	start();
	int fd = connected();
	say(fd, "{\"verb\":\"defer\"}\n");
	shutdown(fd, SHUT_WR);
	pump(20);
	ft_call_answer(deferred, 0, json_pack("[i]", 1), NULL);
	ck_assert_str_eq(hear(fd), "{\"code\":0,\"result\":[1]}");
	ck_assert_str_eq(hear(fd), "");
	close(fd);
}
END_TEST

START_TEST(a_silent_client_is_closed)
{
	start();
	ft_control_deadlines(control, 50, LONG_MS, LONG_MS);
	int silent = connected(), trickling = connected();
	for (int i = 0; i < 5; i++) { /* a byte now and then is no request */
		if (send(trickling, "{", 1, MSG_NOSIGNAL) != 1)
			break;
		pump(100);
	}
	ck_assert_str_eq(hear(silent), "");
	ck_assert_str_eq(hear(trickling), "");
	close(silent);
	close(trickling);
}
END_TEST

START_TEST(a_client_that_never_reads_delays_nobody_and_is_closed)
{
	start();
	ft_control_deadlines(control, LONG_MS, LONG_MS, 50);
	int stuck = connected(), other = connected();
	say(stuck, "{\"verb\":\"big\"}\n{\"verb\":\"big\"}\n{\"verb\":\"defer\"}\n");
	say(other, "{\"verb\":\"echo\",\"text\":[1]}\n");
	ck_assert_str_eq(hear(other), "{\"code\":0,\"result\":[1]}");
	/* closed when our end sees the end of what the kernel had taken, far less than the whole answer */
	int64_t end = ft_clock_now() + LONG_MS * FT_NS_PER_MS;
	static char bytes[1 << 16];
	ssize_t n = 0;
	pump(500);
	size_t got = 0;
	while ((n = recv(stuck, bytes, sizeof bytes, 0)) > 0 && ft_clock_now() < end)
		got += (size_t)n;
	ck_assert_int_eq(n, 0);
	ck_assert_uint_lt(got, 4 << 20);
	ck_assert_ptr_null(deferred); /* and its further requests were never looked at */
	close(stuck);
	close(other);
}
END_TEST

START_TEST(a_big_answer_reaches_a_client_that_reads)
{
	start();
	ft_control_deadlines(control, LONG_MS, LONG_MS, LONG_MS);
	int fd = connected();
	say(fd, "{\"verb\":\"big\"}\n");
	ck_assert_uint_eq(strlen(hear(fd)), (4 << 20) + strlen("{\"code\":0,\"result\":\"\"}"));
	close(fd);
}
END_TEST

START_TEST(a_verb_that_never_answers_is_answered_for)
{
	start();
	ft_control_deadlines(control, LONG_MS, 50, LONG_MS);
	int fd = connected();
	say(fd, "{\"verb\":\"defer\"}\n");
	const char *answer = hear(fd);
	ck_assert_msg(strncmp(answer, "{\"code\":1,\"error\":\"ftd has found no answer", 42) == 0, "%s", answer);
	ft_call_answer(deferred, 0, json_pack("[i]", 1), NULL); /* too late: goes nowhere */
	say(fd, "{\"verb\":\"echo\",\"text\":[2]}\n");
	ck_assert_str_eq(hear(fd), "{\"code\":0,\"result\":[2]}");
	close(fd);
}
END_TEST

static int connected_as(uid_t uid)
{
	ck_assert_int_eq(seteuid(uid), 0);
	int fd = connected();
	ck_assert_int_eq(seteuid(0), 0);
	pump(2);
	return fd;
}

/* Who may ask, and asks from everywhere at once, keeps neither other users nor root from it. */
START_TEST(no_user_takes_all_places)
{
	int fds[4 * FT_CONTROL_CLIENTS_MAX], n = 0;
	if (geteuid() != 0) {
		skipped("places by user", "it takes root to be another user");
		return;
	}
	config.control_mode = 0666;
	ck_assert_int_eq(chmod(dir, 0755), 0);
	start();
	for (int i = 0; i < FT_CONTROL_CLIENTS_MAX; i++)
		fds[n++] = connected_as(1001);
	ck_assert_ptr_nonnull(strstr(hear(fds[FT_CONTROL_EACH_MAX]), "8 clients of this user are connected already"));
	int other = fds[n++] = connected_as(1002);
	say(other, "{\"verb\":\"echo\",\"text\":[1]}\n");
	ck_assert_str_eq(hear(other), "{\"code\":0,\"result\":[1]}");
	for (uid_t uid = 1003; uid < 1006; uid++)
		for (int i = 0; i < FT_CONTROL_EACH_MAX; i++)
			fds[n++] = connected_as(uid);
	ck_assert_ptr_nonnull(strstr(hear(fds[n - 1]), "the other places are root's"));
	int roots = fds[n++] = connected_as(0);
	say(roots, "{\"verb\":\"echo\",\"text\":[2]}\n");
	ck_assert_str_eq(hear(roots), "{\"code\":0,\"result\":[2]}");
	while (n > 0)
		close(fds[--n]);
}
END_TEST

/* Each turned away, and back at once: the loop has other things to do in between. */
START_TEST(who_connects_in_a_circle_does_not_keep_the_loop)
{
	int fds[FT_CONTROL_CLIENTS_MAX];
	start();
	for (int i = 0; i < FT_CONTROL_CLIENTS_MAX; i++)
		fds[i] = connected();
	event_base_loop(base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
	for (int i = 0; i < FT_CONTROL_CLIENTS_MAX; i++)
		say(fds[i], "{\"verb\":\"echo\",\"text\":[1]}\n");
	event_base_loop(base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
	int served = 0;
	for (int i = 0; i < FT_CONTROL_CLIENTS_MAX; i++) {
		char c;
		served += recv(fds[i], &c, 1, MSG_PEEK) == 1;
	}
	ck_assert_int_le(served, 8); /* those that the first turn took in */
	for (int i = 0; i < FT_CONTROL_CLIENTS_MAX; i++) {
		ck_assert_str_eq(hear(fds[i]), "{\"code\":0,\"result\":[1]}");
		close(fds[i]);
	}
}
END_TEST

START_TEST(the_33rd_client_is_refused_in_words)
{
	int fds[FT_CONTROL_CLIENTS_MAX];
	start();
	for (int i = 0; i < FT_CONTROL_CLIENTS_MAX; i++) {
		fds[i] = connected();
		pump(2);
	}
	int one_more = connected();
	say(one_more, "{\"verb\":\"echo\",\"text\":[1]}\n");
	ck_assert_str_eq(hear(one_more),
	                 "{\"code\":1,\"error\":\"32 clients are connected already; try again in a moment\"}");
	ck_assert_str_eq(hear(one_more), "");
	close(one_more);
	say(fds[31], "{\"verb\":\"echo\",\"text\":[1]}\n");
	ck_assert_str_eq(hear(fds[31]), "{\"code\":0,\"result\":[1]}");
	close(fds[0]);
	pump(20);
	one_more = connected();
	say(one_more, "{\"verb\":\"echo\",\"text\":[2]}\n");
	ck_assert_str_eq(hear(one_more), "{\"code\":0,\"result\":[2]}");
	close(one_more);
	for (int i = 1; i < FT_CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
}
END_TEST

START_TEST(leaving_answers_what_is_open)
{
	start();
	int fd = connected();
	say(fd, "{\"verb\":\"defer\"}\n");
	pump(20);
	ft_control_free(control);
	control = NULL;
	ck_assert_str_eq(hear(fd), "{\"code\":1,\"error\":\"ftd is leaving\"}");
	ft_call_answer(deferred, 0, NULL, NULL); /* its verb still owes this; it goes nowhere */
	ck_assert_int_eq(access(config.control_socket, F_OK), -1);
	close(fd);
}
END_TEST

START_TEST(mode_and_group_are_the_configs)
{
	struct stat st;
	config.control_mode = 0620;
	if (geteuid() == 0)
		config.control_gid = 12345;
	umask(0);
	start();
	ck_assert_int_eq(stat(config.control_socket, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0620);
	ck_assert_uint_eq(st.st_gid, geteuid() == 0 ? 12345 : getegid());
	ck_assert_uint_eq(umask(0), 0); /* put back */
}
END_TEST

static void assert_refused(const char *expected)
{
	char *text = NULL;
	size_t size = 0;
	FILE *errors = open_memstream(&text, &size);
	ck_assert_ptr_null(ft_control_new(base, &config, play, NULL, errors));
	fclose(errors);
	ck_assert_msg(strstr(text, expected) != NULL, "\"%s\" is not in: %s", expected, text);
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
	free(text);
}

START_TEST(a_live_server_is_not_replaced)
{
	start();
	assert_refused("another process listens there");
	int fd = connected();
	say(fd, "{\"verb\":\"echo\",\"text\":[1]}\n");
	ck_assert_str_eq(hear(fd), "{\"code\":0,\"result\":[1]}");
	close(fd);
}
END_TEST

START_TEST(a_stale_socket_is_replaced)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	strcpy(address.sun_path, config.control_socket);
	int dead = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(dead, (struct sockaddr *)&address, sizeof(address)), 0);
	close(dead);
	start();
	int fd = connected();
	say(fd, "{\"verb\":\"echo\",\"text\":[1]}\n");
	ck_assert_str_eq(hear(fd), "{\"code\":0,\"result\":[1]}");
	close(fd);
}
END_TEST

START_TEST(what_is_no_socket_is_left_alone)
{
	FILE *f = fopen(config.control_socket, "w");
	fputs("precious", f);
	fclose(f);
	assert_refused("something else than a socket");
	ck_assert_int_eq(access(config.control_socket, F_OK), 0);
}
END_TEST

START_TEST(a_missing_folder_is_said)
{
	snprintf(config.control_socket, sizeof(config.control_socket), "%s/none/none/socket", dir);
	assert_refused("its folder must exist");
}
END_TEST

START_TEST(the_last_folder_is_made)
{
	char folder[sizeof(dir) + 8];
	snprintf(folder, sizeof(folder), "%s/run", dir);
	snprintf(config.control_socket, sizeof(config.control_socket), "%s/socket", folder);
	struct ft_control *made = ft_control_new(base, &config, play, NULL, stderr);
	ck_assert_ptr_nonnull(made);
	struct stat st;
	ck_assert_int_eq(stat(folder, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0755);
	ft_control_free(made);
	rmdir(folder);
}
END_TEST

static void wait_for_name(bool there)
{
	for (int i = 0; i < 2000 && (access(config.control_socket, F_OK) == 0) != there; i++) {
		struct timeval in = {.tv_usec = 10000};
		event_base_loopexit(base, &in);
		event_base_dispatch(base);
	}
	ck_assert_int_eq(access(config.control_socket, F_OK) == 0, there);
}

/* Somebody cleans up in /run: with the socket, or with its folder. */
START_TEST(a_name_that_is_swept_away_is_made_anew)
{
	char folder[sizeof(dir) + 8];
	struct stat st;
	snprintf(folder, sizeof(folder), "%s/run", dir);
	snprintf(config.control_socket, sizeof(config.control_socket), "%s/socket", folder);
	config.control_mode = 0620;
	start();
	ft_control_look_every(control, 20);
	int fd = connected();
	say(fd, "{\"verb\":\"status\"}\n");
	ck_assert_ptr_nonnull(strstr(hear(fd), "\"code\":0"));
	ck_assert_int_eq(unlink(config.control_socket), 0);
	wait_for_name(true);
	ck_assert_int_eq(stat(config.control_socket, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0620);
	ck_assert_int_eq(unlink(config.control_socket), 0);
	ck_assert_int_eq(rmdir(folder), 0);
	wait_for_name(true);
	say(fd, "{\"verb\":\"status\"}\n"); /* who was connected still is */
	ck_assert_ptr_nonnull(strstr(hear(fd), "\"code\":0"));
	close(fd);
	fd = connected();
	say(fd, "{\"verb\":\"status\"}\n");
	ck_assert_ptr_nonnull(strstr(hear(fd), "\"code\":0"));
	close(fd);
	ft_control_free(control);
	control = NULL;
	ck_assert_int_eq(access(config.control_socket, F_OK), -1);
	rmdir(folder);
}
END_TEST

START_TEST(a_successors_socket_is_not_removed)
{
	start();
	unlink(config.control_socket);
	struct ft_control *successor = ft_control_new(base, &config, play, NULL, stderr);
	ck_assert_ptr_nonnull(successor);
	ft_control_free(control);
	control = NULL;
	ck_assert_int_eq(access(config.control_socket, F_OK), 0);
	ft_control_free(successor);
}
END_TEST

/* ---- ftctl ---- */

/* A daemon in a process of its own; listens before this returns. */
static void serve(const char *mood)
{
	char copy[32], byte;
	int ready[2];
	snprintf(copy, sizeof(copy), "%s", mood);
	ck_assert_int_eq(pipe(ready), 0);
	server = fork();
	if (server == 0) {
		event_reinit(base);
		if (ft_control_new(base, &config, play, copy, stderr) != NULL && write(ready[1], "r", 1) == 1)
			event_base_dispatch(base);
		_exit(1);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
}

struct said {
	int code;
	char *out, *errors;
};

/* Runs ftctl with the words of line. */
static struct said ftctl(const char *line)
{
	char words[512], *argv[16], *save = NULL;
	int argc = 0;
	size_t a, b;
	struct said said = {0};
	snprintf(words, sizeof(words), "ftctl %s", line);
	for (char *w = strtok_r(words, " ", &save); w != NULL && argc < 15; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	FILE *out = open_memstream(&said.out, &a), *errors = open_memstream(&said.errors, &b);
	said.code = ft_ctl_run(argc, argv, out, errors);
	fclose(out);
	fclose(errors);
	return said;
}

static struct said ftctl_s(const char *verb)
{
	char line[256];
	snprintf(line, sizeof(line), "-s %s %s", config.control_socket, verb);
	return ftctl(line);
}

static void forget(struct said s)
{
	free(s.out);
	free(s.errors);
}

/* What was said is one JSON value and nothing else. The caller decrefs. */
static json_t *one_json(struct said s)
{
	json_error_t fault;
	json_t *j = json_loads(s.out, JSON_DECODE_ANY, &fault);
	ck_assert_msg(j != NULL, "%s in: %s", fault.text, s.out);
	ck_assert_str_eq(s.errors, "");
	return j;
}

START_TEST(status_says_where_this_side_stands)
{
	static const struct {
		const char *state;
		int code;
	} cases[] = {{"protected", 0}, {"arming", 10}, {"solo", 10}, {"held", 11}, {"fenced", 11}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		serve(cases[i].state);
		struct said s = ftctl_s("status");
		ck_assert_int_eq(s.code, cases[i].code);
		ck_assert_ptr_nonnull(strstr(s.out, cases[i].state));
		ck_assert_ptr_nonnull(strstr(s.out, "two masters"));
		ck_assert_str_eq(s.errors, "");
		forget(s);
		s = ftctl_s("--json status");
		ck_assert_int_eq(s.code, cases[i].code);
		json_t *j = one_json(s);
		ck_assert_str_eq(json_string_value(json_object_get(j, "state")), cases[i].state);
		json_decref(j);
		forget(s);
		stop_serving();
	}
}
END_TEST

START_TEST(without_a_daemon_the_socket_and_the_way_to_start_are_named)
{
	struct said s = ftctl_s("status");
	ck_assert_int_eq(s.code, 3);
	ck_assert_str_eq(s.out, "");
	ck_assert_ptr_nonnull(strstr(s.errors, config.control_socket));
	ck_assert_ptr_nonnull(strstr(s.errors, "start it"));
	forget(s);
	s = ftctl_s("status --json");
	ck_assert_int_eq(s.code, 3);
	json_t *j = one_json(s);
	ck_assert_int_eq(json_integer_value(json_object_get(j, "code")), 3);
	ck_assert(json_is_string(json_object_get(j, "error")));
	json_decref(j);
	forget(s);
}
END_TEST

START_TEST(a_daemon_that_hangs_is_no_daemon)
{
	char error[FT_CLIENT_ERROR_MAX];
	json_t *answer = NULL, *request = json_pack("{s:s}", "verb", "status");
	start(); /* and nobody runs its loop */
	ck_assert_int_eq(ft_client_ask(config.control_socket, request, 50, &answer, error), FT_ASKED_NO_DAEMON);
	ck_assert_ptr_nonnull(strstr(error, "has not answered in 50 ms"));
	json_decref(request);
}
END_TEST

START_TEST(failover_waits_for_its_outcome)
{
	serve("ok");
	struct said s = ftctl_s("failover");
	ck_assert_int_eq(s.code, 4);
	ck_assert_ptr_nonnull(strstr(s.out, "vm1 on alpha: refused"));
	forget(s);
	s = ftctl_s("failover --confirm-fenced --json");
	ck_assert_int_eq(s.code, 0);
	json_t *j = one_json(s);
	ck_assert_str_eq(json_string_value(json_object_get(j, "result")), "success");
	json_decref(j);
	forget(s);
}
END_TEST

START_TEST(reload_tells_every_fault)
{
	serve("faulty");
	struct said s = ftctl_s("reload");
	ck_assert_int_eq(s.code, 2);
	ck_assert_str_eq(s.errors, "ftctl: ft.conf:3: first fault\n       ft.conf:4: second fault\n");
	forget(s);
}
END_TEST

START_TEST(tune_asks_for_a_wish)
{
	serve("ok");
	struct said s = ftctl_s("--json tune --false-alarms 12/day --detection 300");
	ck_assert_int_eq(s.code, 12);
	json_t *j = one_json(s);
	ck_assert_double_eq(json_number_value(json_object_get(j, "asked")), 0.5);
	json_decref(j);
	forget(s);
	s = ftctl_s("tune --false-alarms 12");
	ck_assert_int_eq(s.code, 2);
	ck_assert_ptr_nonnull(strstr(s.errors, "N/PERIOD"));
	forget(s);
	s = ftctl_s("status --detection 300");
	ck_assert_int_eq(s.code, 2);
	forget(s);
}
END_TEST

START_TEST(check_fails_if_one_thing_fails)
{
	static const struct {
		const char *result;
		int code;
	} cases[] = {{"ok", 0}, {"warn", 0}, {"FAIL", 1}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		serve(cases[i].result);
		struct said s = ftctl_s("check");
		ck_assert_int_eq(s.code, cases[i].code);
		ck_assert_ptr_nonnull(strstr(s.out, "qmp         d\n"));
		ck_assert((strstr(s.out, "to do: f\n") != NULL) == (i > 0));
		forget(s);
		s = ftctl_s("--json check");
		json_t *j = one_json(s);
		ck_assert_int_eq(json_integer_value(json_object_get(j, "code")), cases[i].code);
		ck_assert_uint_eq(json_array_size(json_object_get(j, "checks")), 2);
		json_decref(j);
		forget(s);
		stop_serving();
	}
}
END_TEST

/* A config without faults, made with ftctl's own genkey. */
static void write_config(void)
{
	char path[128], line[160];
	snprintf(line, sizeof(line), "genkey %s/key", dir);
	struct said s = ftctl(line);
	ck_assert_msg(s.code == 0, "%s", s.errors);
	forget(s);
	s = ftctl(line);
	ck_assert_int_eq(s.code, 1); /* never over an existing key */
	forget(s);
	snprintf(path, sizeof(path), "%s/ft.conf", dir);
	FILE *f = fopen(path, "w");
	fprintf(f,
	        "pair = \"vm1\";\nnode = \"alpha\";\nstate_dir = \"%s\";\n"
	        "heartbeat: { key_file = \"%s/key\"; interval_ms = 100; lost_after = 5;\n"
	        "  links = ( { local = \"127.0.0.1:7400\"; peer = \"127.0.0.1:7401\"; } ); };\n"
	        "qmp: { socket = \"%s/qmp\"; oob_socket = \"%s/oob\"; };\narbiter: { type = \"none\"; };\n"
	        "control: { socket = \"%s/socket\"; };\n",
	        dir, dir, dir, dir, dir);
	fclose(f);
}

static struct said ftctl_c(const char *verb)
{
	char line[256];
	snprintf(line, sizeof(line), "-c %s/ft.conf %s", dir, verb);
	return ftctl(line);
}

START_TEST(check_tells_what_it_can_without_a_daemon)
{
	write_config();
	struct said s = ftctl_c("check");
	ck_assert_int_eq(s.code, 3);
	ck_assert_ptr_nonnull(strstr(s.out, "ok    ft.conf "));
	ck_assert_ptr_nonnull(strstr(s.out, "FAIL  ftd "));
	forget(s);
}
END_TEST

START_TEST(a_faulty_config_is_told_with_all_its_faults)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/ft.conf", dir);
	FILE *f = fopen(path, "w");
	fputs("pair = \"VM 1\";\ncolour = \"red\";\n", f);
	fclose(f);
	struct said s = ftctl_c("status");
	ck_assert_int_eq(s.code, 2);
	ck_assert_ptr_nonnull(strstr(s.errors, "ft.conf:1: "));
	ck_assert_ptr_nonnull(strstr(s.errors, "ft.conf:2: "));
	ck_assert_ptr_nonnull(strstr(s.errors, "-s SOCKET"));
	forget(s);
	s = ftctl_c("check");
	ck_assert_int_eq(s.code, 1);
	ck_assert_ptr_nonnull(strstr(s.out, "FAIL  ft.conf "));
	forget(s);
	s = ftctl_c("status --json");
	json_t *j = one_json(s);
	ck_assert_int_eq(json_integer_value(json_object_get(j, "code")), 2);
	json_decref(j);
	forget(s);
}
END_TEST

/* An operator may not read the key, a program may be gone, a mistake half mended: the daemon that runs is asked all the same,
 * and so is the file of outcomes. */
START_TEST(a_running_daemon_is_asked_whatever_else_is_wrong_with_the_config)
{
	static const char *const verbs[] = {"status", "failover --confirm-fenced", "last", "reload"};
	char command[256];
	write_config();
	snprintf(command, sizeof(command), "rm %s/key && echo 'colour = 1;' >> %s/ft.conf", dir, dir);
	ck_assert_int_eq(system(command), 0);
	serve("ok");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		struct said s = ftctl_c(verbs[i]);
		ck_assert_msg(s.code == 0 || (i == 0 && s.code == 10), "%s: %d, %s", verbs[i], s.code, s.errors);
		forget(s);
	}
	struct said s = ftctl_c("may-start"); /* this daemon says no, in its own words */
	ck_assert_int_eq(s.code, 1);
	ck_assert_ptr_nonnull(strstr(s.errors, "first fault"));
	forget(s);
	s = ftctl_c("check");
	ck_assert_int_eq(s.code, 1);
	ck_assert_ptr_nonnull(strstr(s.out, "FAIL  ft.conf "));
	ck_assert_ptr_nonnull(strstr(s.out, "ok    ftd "));
	ck_assert_ptr_nonnull(strstr(s.out, "ok    qmp "));
	forget(s);
	stop_serving();
	s = ftctl_c("may-start");
	ck_assert_int_eq(s.code, 2);
	ck_assert_ptr_nonnull(strstr(s.errors, "colour"));
	forget(s);
	s = ftctl_c("status");
	ck_assert_int_eq(s.code, 3);
	forget(s);
}
END_TEST

static void write_outcomes(const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/outcomes.jsonl", dir);
	FILE *f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

static json_int_t epoch_of(const json_t *j)
{
	return json_integer_value(json_object_get(j, "epoch"));
}

START_TEST(last_reads_the_file_without_a_daemon)
{
	write_config();
	struct said s = ftctl_c("last");
	ck_assert_int_eq(s.code, 0);
	ck_assert_str_eq(s.out, "no outcome yet\n");
	forget(s);
	s = ftctl_c("last --json");
	ck_assert_str_eq(s.out, "null\n");
	forget(s);

	write_outcomes("{\"epoch\":1,\"result\":\"success\"}\n{\"epoch\":2}\n{\"epoch\":3,\"result\":\"held\"}\n");
	s = ftctl_c("last");
	ck_assert_ptr_nonnull(strstr(s.out, "epoch 3"));
	ck_assert_ptr_null(strstr(s.out, "epoch 2"));
	forget(s);
	s = ftctl_c("last --json");
	json_t *j = one_json(s);
	ck_assert_int_eq(epoch_of(j), 3);
	json_decref(j);
	forget(s);
	s = ftctl_c("--json last 2");
	j = one_json(s);
	ck_assert_uint_eq(json_array_size(j), 2);
	ck_assert_int_eq(epoch_of(json_array_get(j, 0)), 2);
	ck_assert_int_eq(epoch_of(json_array_get(j, 1)), 3);
	json_decref(j);
	forget(s);
}
END_TEST

START_TEST(a_torn_outcome_hides_no_whole_one)
{
	write_config();
	write_outcomes("{\"epoch\":1}\n{\"epoch\":2,\"resu\n\n{\"epoch\":3}\n{\"epoch\":4,\"result\":\"succ");
	struct said s = ftctl_c("last 2 --json");
	ck_assert_int_eq(s.code, 0);
	ck_assert_str_eq(s.out, "[{\"epoch\":1},{\"epoch\":3}]\n");
	ck_assert_str_eq(s.errors, "ftctl: 3 damaged lines were skipped\n");
	forget(s);
}
END_TEST

START_TEST(last_asks_the_daemon_when_given_only_its_socket)
{
	serve("ok");
	struct said s = ftctl_s("last --json");
	json_t *j = one_json(s);
	ck_assert_int_eq(epoch_of(j), 9);
	json_decref(j);
	forget(s);
}
END_TEST

START_TEST(usage_faults_exit_with_2)
{
	static const char *const wrong[] = {"",
	                                    "dance",
	                                    "status now",
	                                    "--colour status",
	                                    "genkey",
	                                    "last 0",
	                                    "last 1x",
	                                    "last 1 2",
	                                    "-c",
	                                    "-c a -s b status",
	                                    "last -- -1",
	                                    "last 9999",
	                                    "status --confirm-fenced"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct said s = ftctl(wrong[i]);
		ck_assert_msg(s.code == 2, "\"%s\" exits with %d", wrong[i], s.code);
		ck_assert_str_eq(s.out, "");
		ck_assert_str_ne(s.errors, "");
		forget(s);
		char line[64];
		snprintf(line, sizeof(line), "--json %s", wrong[i]);
		s = ftctl(line);
		ck_assert_int_eq(s.code, 2);
		json_decref(one_json(s));
		forget(s);
	}
}
END_TEST

START_TEST(help_and_version_are_answers)
{
	struct said s = ftctl("--help");
	ck_assert_int_eq(s.code, 0);
	ck_assert_ptr_nonnull(strstr(s.out, "usage: ftctl"));
	ck_assert_ptr_nonnull(strstr(s.out, "failover [--confirm-fenced]"));
	forget(s);
	s = ftctl("version");
	ck_assert_str_eq(s.out, "ftctl " FT_VERSION "\n");
	forget(s);
	s = ftctl("--json version");
	json_decref(one_json(s));
	forget(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("control");
	TCase *c = tcase_create("server");
	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, a_request_gets_its_answer);
	tcase_add_test(c, a_request_may_come_in_pieces);
	tcase_add_test(c, requests_sent_at_once_are_answered_in_order);
	tcase_add_test(c, garbage_is_refused_and_the_client_may_go_on);
	tcase_add_test(c, deep_nesting_is_refused);
	tcase_add_test(c, a_request_without_end_is_refused_and_closed);
	tcase_add_test(c, the_largest_request_passes);
	tcase_add_test(c, an_answer_may_come_later);
	tcase_add_test(c, a_client_that_left_may_still_be_answered);
	tcase_add_test(c, a_client_that_has_no_more_to_say_gets_its_answer);
	tcase_add_test(c, a_silent_client_is_closed);
	tcase_add_test(c, a_client_that_never_reads_delays_nobody_and_is_closed);
	tcase_add_test(c, a_big_answer_reaches_a_client_that_reads);
	tcase_add_test(c, a_verb_that_never_answers_is_answered_for);
	tcase_add_test(c, the_33rd_client_is_refused_in_words);
	tcase_add_test(c, no_user_takes_all_places);
	tcase_add_test(c, who_connects_in_a_circle_does_not_keep_the_loop);
	tcase_add_test(c, leaving_answers_what_is_open);
	tcase_add_test(c, mode_and_group_are_the_configs);
	tcase_add_test(c, a_live_server_is_not_replaced);
	tcase_add_test(c, a_stale_socket_is_replaced);
	tcase_add_test(c, what_is_no_socket_is_left_alone);
	tcase_add_test(c, a_missing_folder_is_said);
	tcase_add_test(c, the_last_folder_is_made);
	tcase_add_test(c, a_name_that_is_swept_away_is_made_anew);
	tcase_add_test(c, a_successors_socket_is_not_removed);
	suite_add_tcase(s, c);
	c = tcase_create("ftctl");
	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, status_says_where_this_side_stands);
	tcase_add_test(c, without_a_daemon_the_socket_and_the_way_to_start_are_named);
	tcase_add_test(c, a_daemon_that_hangs_is_no_daemon);
	tcase_add_test(c, failover_waits_for_its_outcome);
	tcase_add_test(c, reload_tells_every_fault);
	tcase_add_test(c, tune_asks_for_a_wish);
	tcase_add_test(c, check_fails_if_one_thing_fails);
	tcase_add_test(c, check_tells_what_it_can_without_a_daemon);
	tcase_add_test(c, a_faulty_config_is_told_with_all_its_faults);
	tcase_add_test(c, a_running_daemon_is_asked_whatever_else_is_wrong_with_the_config);
	tcase_add_test(c, last_reads_the_file_without_a_daemon);
	tcase_add_test(c, a_torn_outcome_hides_no_whole_one);
	tcase_add_test(c, last_asks_the_daemon_when_given_only_its_socket);
	tcase_add_test(c, usage_faults_exit_with_2);
	tcase_add_test(c, help_and_version_are_answers);
	suite_add_tcase(s, c);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
