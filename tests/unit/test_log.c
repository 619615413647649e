/* Log lines: what a person sees, and that a stuck reader stops nothing. */
#include "base/log.h"
#include "base/text.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int reader;        /* what the log wrote comes out here */
static bool hook_is_next; /* a hook fills standard error as soon as it was seen to have room */

static void fill_stderr(int stream)
{
	char page[PIPE_BUF] = "";
	while (send(stream, page, sizeof(page), MSG_DONTWAIT) > 0) {
	}
	int fd = errno == ENOTSOCK ? open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC) : -1;
	while (fd >= 0 && write(fd, page, sizeof(page)) > 0) {
	}
	close(fd);
}

/* In place of the C library's. */
int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	const struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
	int ready = ppoll(fds, n, timeout_ms >= 0 ? &timeout : NULL, NULL);
	if (hook_is_next)
		fill_stderr(fds[0].fd);
	return ready;
}

static void stderr_to_pipe(void)
{
	int fds[2];
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	close(fds[1]);
	reader = fds[0];
	fcntl(reader, F_SETFL, O_NONBLOCK);
	unsetenv("JOURNAL_STREAM");
	ft_log_init("ftd");
}

static size_t drain(char *out, size_t size)
{
	size_t len = 0;
	ssize_t n;
	while (len + 1 < size && (n = read(reader, out + len, size - 1 - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	return len;
}

static void assert_matches(const char *text, const char *pattern)
{
	regex_t re;
	ck_assert_int_eq(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	ck_assert_msg(regexec(&re, text, 0, NULL, 0) == 0, "\"%s\" does not match %s", text, pattern);
	regfree(&re);
}

START_TEST(a_line_has_time_program_pair_level_and_area)
{
	char out[512];
	stderr_to_pipe();
	ft_log(FT_LOG_INFO, "main", "starting");
	drain(out, sizeof(out));
	assert_matches(out,
	               "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z ftd INFO main: starting\n$");
	ft_log_context("vm1", "alpha");
	ft_log(FT_LOG_WARN, "core", "peer %s", "beta");
	drain(out, sizeof(out));
	assert_matches(out, "Z ftd\\[vm1/alpha\\] WARN core: peer beta\n$");
}
END_TEST

START_TEST(lines_above_the_level_are_not_written)
{
	char out[512];
	stderr_to_pipe();
	ft_log(FT_LOG_DEBUG, "qmp", "hidden");
	ck_assert_uint_eq(drain(out, sizeof(out)), 0);
	ft_log_level(FT_LOG_DEBUG);
	ft_log(FT_LOG_DEBUG, "qmp", "shown");
	drain(out, sizeof(out));
	ck_assert_ptr_nonnull(strstr(out, "DEBUG qmp: shown"));
}
END_TEST

START_TEST(control_characters_cannot_forge_a_line)
{
	char out[512];
	stderr_to_pipe();
	ft_log(FT_LOG_INFO, "qmp",
	       "a\nb\x1b[2Jc\xc2\x9b"
	       "d");
	drain(out, sizeof(out));
	ck_assert_ptr_nonnull(strstr(out, "a\\nb\\x1b[2Jc\\x9bd\n"));
	ck_assert_ptr_eq(strchr(out, '\n'), out + strlen(out) - 1);
}
END_TEST

START_TEST(a_long_line_is_cut_and_says_so)
{
	char big[9000], out[9000];
	memset(big, '\n', sizeof(big) - 1); /* the worst: every byte grows */
	big[sizeof(big) - 1] = '\0';
	stderr_to_pipe();
	ft_log(FT_LOG_INFO, "main", "%s", big);
	size_t len = drain(out, sizeof(out));
	ck_assert_uint_gt(len, 1000);
	ck_assert_uint_le(len, PIPE_BUF);
	ck_assert_str_eq(out + len - 4, "...\n");
}
END_TEST

START_TEST(text_clean_cuts_at_whole_escapes)
{
	char out[8];
	ck_assert_uint_eq(ft_text_clean(out, sizeof(out), "1234567"), 7);
	ck_assert_str_eq(out, "1234567");
	ft_text_clean(out, sizeof(out), "12345678");
	ck_assert_str_eq(out, "1234...");
	ft_text_clean(out, sizeof(out),
	              "123\x01"
	              "5678");
	ck_assert_str_eq(out, "123...");
}
END_TEST

START_TEST(a_stuck_reader_drops_lines_and_their_number_is_said)
{
	static char out[1 << 20];
	stderr_to_pipe();
	for (int i = 0; i < 5000; i++) /* far more than a pipe holds: would hang for ever if it blocked */
		ft_log_surely(FT_LOG_INFO, "main", "line %d of a log that nobody reads", i);
	drain(out, sizeof(out));
	int written = 0;
	for (const char *p = out; (p = strchr(p, '\n')) != NULL; p++)
		written++;
	ck_assert_int_gt(written, 100);
	ck_assert_int_lt(written, 5000);

	char expected[64];
	snprintf(expected, sizeof(expected), "WARN report: %d lines dropped", 5000 - written);
	ft_log(FT_LOG_INFO, "main", "read again");
	drain(out, sizeof(out));
	char *note = strstr(out, expected);
	ck_assert_msg(note != NULL, "no \"%s\" in: %s", expected, out);
	ck_assert_ptr_nonnull(strstr(note, "INFO main: read again\n"));
	ft_log(FT_LOG_INFO, "main", "once only");
	drain(out, sizeof(out));
	ck_assert_ptr_null(strstr(out, "dropped"));
}
END_TEST

/* Whoever asks in a loop fills no disk, and hides neither a change of state nor what another room says. */
START_TEST(a_flood_of_lines_is_left_out_and_counted)
{
	static char out[1 << 20];
	int lines = 0;
	stderr_to_pipe();
	for (int i = 0; i < 30000; i++) {
		ft_log(FT_LOG_WARN, "control", "may this host start the VM? no");
		if (i % 10000 == 9999) {
			ft_log_surely(FT_LOG_WARN, "control", "change %d", i / 10000);
			ft_log(FT_LOG_WARN, "core", "another room %d", i / 10000);
			ft_log(FT_LOG_ERROR, "control", "another level %d", i / 10000);
		}
	}
	drain(out, sizeof(out));
	for (const char *p = out; (p = strstr(p, "may this host")) != NULL; p++)
		lines++;
	ck_assert_int_ge(lines, 200);
	ck_assert_int_lt(lines, 400);
	for (const char *const *p = (const char *const[]){"change 2", "another room 2", "another level 2", NULL}; *p;
	     p++)
		ck_assert_msg(strstr(out, *p) != NULL, "no \"%s\"", *p);
	for (int i = 0; i < 300 && !strstr(out, "such lines"); i++) { /* until half of what goes out at once would */
		usleep(100000);
		ft_log_tell_left_out();
		drain(out, sizeof(out));
	}
	assert_matches(out, "WARN control: [0-9]+ such lines were left out");
}
END_TEST

START_TEST(a_pipe_that_a_hook_fills_in_between_is_not_waited_for)
{
	static char out[1 << 20];
	stderr_to_pipe();
	hook_is_next = true;
	ft_log(FT_LOG_INFO, "main", "would hang for ever");
	hook_is_next = false;
	while (read(reader, out, sizeof(out)) > 0) {
	}
	ft_log(FT_LOG_INFO, "main", "read again");
	drain(out, sizeof(out));
	ck_assert_ptr_nonnull(strstr(out, "WARN report: 1 lines dropped"));
	ck_assert_ptr_nonnull(strstr(out, "INFO main: read again\n"));
	ck_assert_int_eq(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0); /* it is the hooks' as well */
}
END_TEST

START_TEST(a_socket_that_a_hook_fills_in_between_is_not_waited_for)
{
	static char out[1 << 20];
	int fds[2];
	stderr_to_pipe();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ck_assert_int_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	hook_is_next = true;
	ft_log(FT_LOG_INFO, "main", "would hang for ever");
	hook_is_next = false;
	while (recv(fds[0], out, sizeof(out), MSG_DONTWAIT) > 0) {
	}
	ft_log(FT_LOG_INFO, "main", "read again");
	ck_assert_int_gt(recv(fds[0], out, sizeof(out) - 1, MSG_DONTWAIT), 0);
	ck_assert_ptr_nonnull(strstr(out, "WARN report: 1 lines dropped"));
}
END_TEST

START_TEST(a_reader_that_has_left_is_no_signal)
{
	stderr_to_pipe();
	close(reader);
	signal(SIGPIPE, SIG_DFL);
	ft_log(FT_LOG_INFO, "main", "into the void");
}
END_TEST

static int journal_socket(char path[64])
{
	snprintf(path, 64, "/tmp/ftd-test-log.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(path));
	strcat(path, "/j");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	strcpy(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void remove_journal_socket(char path[64])
{
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
}

START_TEST(the_journal_gets_fields)
{
	char path[64], out[4096] = "";
	stderr_to_pipe();
	int fd = journal_socket(path);
	ck_assert_int_eq(ft_log_journal(path), 0);
	ft_log_context("vm1", "alpha");
	ft_log(FT_LOG_WARN, "core", "two\nlines");
	ssize_t n = recv(fd, out, sizeof(out) - 1, 0);
	ck_assert_int_gt(n, 0);
	ck_assert_str_eq(out, "MESSAGE=core: two\\nlines\nPRIORITY=4\nSYSLOG_IDENTIFIER=ftd\nFT_AREA=core\n"
	                      "FT_PAIR=vm1\nFT_NODE=alpha\n");
	ck_assert_uint_eq(drain(out, sizeof(out)), 0);
	close(fd);
	remove_journal_socket(path);
}
END_TEST

START_TEST(a_stuck_journal_stops_nothing_and_the_number_is_said)
{
	char path[64], out[8192] = "";
	stderr_to_pipe();
	int fd = journal_socket(path);
	ck_assert_int_eq(ft_log_journal(path), 0);
	for (int i = 0; i < 5000; i++)
		ft_log_surely(FT_LOG_INFO, "main", "line %d", i);
	ck_assert_uint_eq(drain(out, sizeof(out)), 0); /* not on standard error either: it has the same reader */
	int got = 0;
	while (recv(fd, out, sizeof(out) - 1, 0) > 0)
		got++;
	ck_assert_int_lt(got, 5000);
	ft_log(FT_LOG_INFO, "main", "read again");
	ssize_t n = recv(fd, out, sizeof(out) - 1, 0);
	ck_assert_int_gt(n, 0);
	out[n] = '\0';
	char expected[64];
	snprintf(expected, sizeof(expected), "%d lines dropped", 5000 - got);
	ck_assert_ptr_nonnull(strstr(out, expected));
	close(fd);
	remove_journal_socket(path);
}
END_TEST

START_TEST(without_a_journald_lines_go_to_stderr)
{
	char out[512];
	stderr_to_pipe();
	ck_assert_int_eq(ft_log_journal("/nonexistent/journal"), 0);
	ft_log(FT_LOG_ERROR, "main", "still heard");
	drain(out, sizeof(out));
	ck_assert_ptr_nonnull(strstr(out, "ERROR main: still heard\n"));
}
END_TEST

START_TEST(a_stale_journal_stream_is_not_believed)
{
	char out[512];
	stderr_to_pipe();
	setenv("JOURNAL_STREAM", "1:2", 1);
	ft_log_init("ftd");
	ft_log(FT_LOG_INFO, "main", "plain");
	drain(out, sizeof(out));
	assert_matches(out, "^[0-9]{4}-.*INFO main: plain\n$");
}
END_TEST

START_TEST(errno_is_left_alone)
{
	stderr_to_pipe();
	close(STDERR_FILENO);
	errno = ENOSPC;
	ft_log(FT_LOG_INFO, "main", "x");
	ck_assert_int_eq(errno, ENOSPC);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("log");
	TCase *c = tcase_create("log");
	tcase_add_test(c, a_line_has_time_program_pair_level_and_area);
	tcase_add_test(c, lines_above_the_level_are_not_written);
	tcase_add_test(c, control_characters_cannot_forge_a_line);
	tcase_add_test(c, a_long_line_is_cut_and_says_so);
	tcase_add_test(c, text_clean_cuts_at_whole_escapes);
	tcase_add_test(c, a_stuck_reader_drops_lines_and_their_number_is_said);
	tcase_add_test(c, a_pipe_that_a_hook_fills_in_between_is_not_waited_for);
	tcase_add_test(c, a_socket_that_a_hook_fills_in_between_is_not_waited_for);
	tcase_add_test(c, a_reader_that_has_left_is_no_signal);
	tcase_add_test(c, the_journal_gets_fields);
	tcase_add_test(c, a_stuck_journal_stops_nothing_and_the_number_is_said);
	tcase_add_test(c, without_a_journald_lines_go_to_stderr);
	tcase_add_test(c, a_stale_journal_stream_is_not_believed);
	tcase_add_test(c, a_flood_of_lines_is_left_out_and_counted);
	tcase_add_test(c, errno_is_left_alone);
	suite_add_tcase(s, c);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
