/* The writer: what it says is on disk is there, and nothing a disk does stops the loop. */
#include "base/clock.h"
#include "store/writer.h"

#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG_MS 20000 /* a deadline that only a hang reaches */

static struct event_base *base;
static struct ft_writer *writer;
static char dir[64];

struct answer {
	int calls;
	char error[1024];
};

static void set_up(void)
{
	signal(SIGPIPE, SIG_IGN);
	strcpy(dir, "/tmp/ftd-test-writer.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	base = event_base_new();
	writer = ft_writer_new(base, dir, stderr);
	ck_assert_ptr_nonnull(writer);
}

static void tear_down(void)
{
	char command[128];
	ft_writer_free(writer, 0);
	event_base_free(base);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void on_done(void *arg, const char *error)
{
	struct answer *a = arg;
	a->calls++;
	snprintf(a->error, sizeof(a->error), "%s", error);
}

static void wait_for(const struct answer *a)
{
	while (a->calls == 0)
		ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
}

static void append(const char *text, int deadline_ms, struct answer *a)
{
	*a = (struct answer){0};
	ft_writer_append(writer, "log", text, strlen(text), deadline_ms, on_done, a);
	ck_assert_int_eq(a->calls, 0);
}

static void append_once(const char *text, struct answer *a)
{
	*a = (struct answer){0};
	ft_writer_append_once(writer, "log", text, strlen(text), LONG_MS, on_done, a);
}

static void append_ok(const char *text)
{
	struct answer a;
	append(text, LONG_MS, &a);
	wait_for(&a);
	ck_assert_str_eq(a.error, "");
}

static void path_of(const char *name, char out[128])
{
	snprintf(out, 128, "%s/%s", dir, name);
}

/* The whole file; NULL if there is none. The caller frees. */
static char *content(const char *name)
{
	char path[128];
	struct stat st;
	path_of(name, path);
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		return NULL;
	ck_assert_int_eq(fstat(fd, &st), 0);
	char *text = calloc(1, (size_t)st.st_size + 1);
	ck_assert_int_eq(read(fd, text, (size_t)st.st_size), st.st_size);
	close(fd);
	return text;
}

static void assert_content(const char *name, const char *expected)
{
	char *text = content(name);
	ck_assert_ptr_nonnull(text);
	ck_assert_str_eq(text, expected);
	free(text);
}

static void put(const char *name, const char *text)
{
	char path[128];
	path_of(name, path);
	FILE *f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

START_TEST(lines_are_appended_in_order)
{
	append_ok("one");
	append_ok("two");
	assert_content("log", "one\ntwo\n");
}
END_TEST

START_TEST(jobs_queued_at_once_are_done_in_order)
{
	struct answer a[20];
	char expected[200] = "";
	for (int i = 0; i < 20; i++) {
		char line[16];
		snprintf(line, sizeof(line), "%d", i);
		append(line, LONG_MS, &a[i]);
		strcat(strcat(expected, line), "\n");
	}
	for (int i = 0; i < 20; i++) {
		wait_for(&a[i]);
		ck_assert_str_eq(a[i].error, "");
	}
	assert_content("log", expected);
}
END_TEST

START_TEST(a_torn_last_line_is_ended_first)
{
	put("log", "whole\nto");
	append_ok("next");
	append_ok("last");
	assert_content("log", "whole\nto\nnext\nlast\n");
}
END_TEST

START_TEST(a_long_line_passes)
{
	enum { LEN = 256 * 1024 };
	char *line = malloc(LEN + 1);
	for (int i = 0; i < LEN; i++)
		line[i] = (char)('a' + i % 26);
	line[LEN] = '\0';
	append_ok(line);
	append_ok("short");
	char *text = content("log");
	ck_assert_uint_eq(strlen(text), LEN + 1 + 6);
	ck_assert_int_eq(memcmp(text, line, LEN), 0);
	ck_assert_str_eq(text + LEN, "\nshort\n");
	free(text);
	free(line);
}
END_TEST

START_TEST(too_long_a_text_is_refused_and_changes_nothing)
{
	char *big = malloc(FT_WRITER_TEXT_MAX + 2);
	memset(big, 'x', FT_WRITER_TEXT_MAX + 1);
	struct answer first, refused = {0}, last;
	append("one", LONG_MS, &first);
	ft_writer_replace(writer, "log", big, FT_WRITER_TEXT_MAX + 1, LONG_MS, on_done, &refused);
	append("two", LONG_MS, &last);
	wait_for(&last);
	ck_assert_int_eq(refused.calls, 1);
	ck_assert_ptr_nonnull(strstr(refused.error, "at most"));
	ck_assert_str_eq(last.error, "");
	assert_content("log", "one\ntwo\n");
	free(big);
}
END_TEST

static void replace_ok(const char *text)
{
	struct answer a = {0};
	ft_writer_replace(writer, "session", text, strlen(text), LONG_MS, on_done, &a);
	wait_for(&a);
	ck_assert_str_eq(a.error, "");
}

START_TEST(replace_leaves_the_old_file_to_its_readers)
{
	char path[128], old[16] = "";
	replace_ok("first, longer");
	path_of("session", path);
	int reader = open(path, O_RDONLY);
	replace_ok("second");
	ck_assert_int_eq(read(reader, old, sizeof(old) - 1), 13);
	ck_assert_str_eq(old, "first, longer"); /* never truncated under a reader: another file has taken the name */
	close(reader);
	assert_content("session", "second");
	ck_assert_ptr_null(content(".session.new"));
}
END_TEST

/* ---- what must have reached the disk, and when: the child is a fork of this program, so these calls are its own ---- */

struct seen {
	pid_t looker; /* the test's own calls do not count */
	bool file_flush_fails, folder_flush_fails;
	char steps[512]; /* of the child, each with the name of its file; "." is the folder */
};
static struct seen *seen; /* shared with the child; NULL: nobody looks */

static bool is_looked_at(void)
{
	return seen != NULL && getpid() != seen->looker;
}

/* One that is repeated at once is told once: in how many pieces a text is written is all the same. */
static void note(const char *step, int fd)
{
	char link[64], path[256] = "", text[300] = "answer; "; /* to the parent, on the socket */
	size_t used = strlen(seen->steps), folder_len = strlen(dir);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof(path) - 1) < 0)
		_exit(2);
	if (strncmp(path, dir, folder_len) == 0)
		snprintf(text, sizeof(text), "%s %s; ", step, path[folder_len] == '/' ? path + folder_len + 1 : ".");
	size_t len = strlen(text);
	if (used < len || strcmp(seen->steps + used - len, text) != 0)
		snprintf(seen->steps + used, sizeof(seen->steps) - used, "%s", text);
}

ssize_t write(int fd, const void *from, size_t len)
{
	if (is_looked_at())
		note("write", fd);
	return syscall(SYS_write, fd, from, len);
}

static bool flush_fails(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && (S_ISDIR(st.st_mode) ? seen->folder_flush_fails : seen->file_flush_fails);
}

int fsync(int fd)
{
	if (is_looked_at())
		note("fsync", fd);
	if (is_looked_at() && flush_fails(fd)) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	if (is_looked_at())
		note("rename in", to_dir);
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

/* Another child, whose steps are told from here on. */
static void look_at_the_child(void)
{
	void *shared = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	ft_writer_free(writer, 0);
	seen = shared;
	seen->looker = getpid();
	writer = ft_writer_new(base, dir, stderr);
	ck_assert_ptr_nonnull(writer);
}

static void assert_steps(const char *expected)
{
	ck_assert_str_eq(seen->steps, expected);
	seen->steps[0] = '\0';
}

START_TEST(what_replaces_a_file_is_on_disk_before_it_takes_the_name_and_the_name_before_the_answer)
{
	put("session", "old");
	look_at_the_child();
	for (int i = 0; i < 2; i++) { /* each rename anew */
		replace_ok("new");
		assert_steps("write .session.new; fsync .session.new; rename in .; fsync .; answer; ");
	}
	assert_content("session", "new");
}
END_TEST

START_TEST(a_line_is_on_disk_before_the_answer_and_so_is_the_name_of_a_new_file)
{
	look_at_the_child();
	append_ok("one");
	assert_steps("write log; fsync log; fsync .; answer; ");
	append_ok("two");
	assert_steps("write log; fsync log; answer; ");
	char path[128];
	path_of("log", path);
	ck_assert_int_eq(unlink(path), 0); /* as who rotates it may */
	append_ok("anew");
	assert_steps("write log; fsync log; fsync .; answer; ");
	look_at_the_child(); /* another child does not know what the one before it has flushed */
	append_ok("three");
	assert_steps("write log; fsync log; fsync .; answer; ");
}
END_TEST

static void assert_not_flushed(const struct answer *a, const char *step)
{
	wait_for(a);
	ck_assert_msg(strstr(a->error, step) && strstr(a->error, "Input/output error"), "%s", a->error);
}

START_TEST(what_cannot_be_flushed_is_not_said_to_be_on_disk)
{
	struct answer a = {0}, b = {0};
	put("session", "old");
	look_at_the_child();
	seen->file_flush_fails = true;
	append("line", LONG_MS, &a);
	assert_not_flushed(&a, "cannot flush");
	ft_writer_replace(writer, "session", "new", 3, LONG_MS, on_done, &b);
	assert_not_flushed(&b, "cannot flush");
	assert_content("session", "old");
	ck_assert_ptr_null(content(".session.new"));

	seen->file_flush_fails = false;
	seen->folder_flush_fails = true;
	b = (struct answer){0};
	ft_writer_replace(writer, "session", "new", 3, LONG_MS, on_done, &b);
	assert_not_flushed(&b, "cannot flush folder of");
	append("line", LONG_MS, &a); /* nor does the next job pass over it */
	assert_not_flushed(&a, "cannot flush folder of");
	seen->folder_flush_fails = false;
	append_ok("line");
}
END_TEST

START_TEST(a_failed_write_says_why_and_leaves_no_torn_line)
{
	struct answer a = {0};
	struct rlimit limit = {.rlim_cur = 4096, .rlim_max = 4096};
	char big[8192];
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	append_ok("before");
	replace_ok("old");
	/* A file size limit fails like a full disk: some bytes, then an error. It works without root. */
	ck_assert_int_eq(prlimit(ft_writer_pid(writer), RLIMIT_FSIZE, &limit, NULL), 0);
	append(big, LONG_MS, &a);
	wait_for(&a);
	ck_assert_msg(strstr(a.error, "cannot write") && strstr(a.error, "/log: File too large"), "%s", a.error);
	append_ok("after");
	assert_content("log", "before\nafter\n");

	a = (struct answer){0};
	ft_writer_replace(writer, "session", big, strlen(big), LONG_MS, on_done, &a);
	wait_for(&a);
	ck_assert_ptr_nonnull(strstr(a.error, "/session: File too large"));
	assert_content("session", "old");
	ck_assert_ptr_null(content(".session.new"));
}
END_TEST

START_TEST(a_name_that_cannot_be_opened_is_said)
{
	char path[128];
	struct answer a;
	path_of("log", path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	append("x", LONG_MS, &a);
	wait_for(&a);
	ck_assert_msg(strstr(a.error, "cannot open") && strstr(a.error, "Is a directory"), "%s", a.error);
}
END_TEST

/* Where somebody has put one, a write would wait for its reader, and keep every record that comes after it. */
START_TEST(a_fifo_holds_nothing_up)
{
	char path[128];
	struct answer a, b = {0};
	path_of("log", path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	append("x", LONG_MS, &a);
	wait_for(&a);
	ck_assert_msg(strstr(a.error, "cannot open") && strstr(a.error, "is not a regular file"), "%s", a.error);
	path_of(".session.new", path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ft_writer_replace(writer, "session", "y", 1, LONG_MS, on_done, &b);
	wait_for(&b);
	ck_assert_msg(strstr(b.error, "is not a regular file"), "%s", b.error);
}
END_TEST

/* Which of two appends of one text reaches the disk cannot be told from their answers. */
START_TEST(what_came_through_after_all_is_not_appended_again)
{
	struct answer late, again;
	append_ok("one");
	kill(ft_writer_pid(writer), SIGSTOP);
	append("two", 100, &late);
	wait_for(&late);
	ck_assert_ptr_nonnull(strstr(late.error, "not on disk after 100 ms"));
	append_once("two", &again);
	kill(ft_writer_pid(writer), SIGCONT);
	wait_for(&again);
	ck_assert_str_eq(again.error, "");
	assert_content("log", "one\ntwo\n");
	append_once("one", &again); /* nor if it is not the last one */
	wait_for(&again);
	assert_content("log", "one\ntwo\n");
}
END_TEST

/* Two files of FT_WRITER_FILE_MAX are all that there ever is, and no line is lost on the way or written twice. */
START_TEST(a_full_file_makes_room)
{
	static char full[FT_WRITER_FILE_MAX];
	struct answer a;
	memset(full, 'x', sizeof(full));
	full[sizeof(full) - 1] = '\0';
	memcpy(full + sizeof(full) - 7, "\nlast\n", 7);
	put("log.1", "older\n");
	put("log", full);
	append_ok("one");
	assert_content("log", "one\n");
	assert_content("log.1", full);
	append_ok("two");
	assert_content("log", "one\ntwo\n");
	/* A text that is there already needs no room. */
	put("log", full);
	append_once("last", &a);
	wait_for(&a);
	ck_assert_str_eq(a.error, "");
	assert_content("log", full);
}
END_TEST

START_TEST(what_did_not_come_through_is_appended)
{
	static const struct {
		const char *before, *after;
	} cases[] = {{"", "two\n"},
	             {"one\n", "one\ntwo\n"},
	             {"one\ntwo", "one\ntwo"}, /* a child that died before the line feed */
	             {"one\ntw", "one\ntw\ntwo\n"},
	             {"two three\nand two\n", "two three\nand two\ntwo\n"}};
	struct answer a;
	put("log", cases[_i].before);
	append_once("two", &a);
	wait_for(&a);
	ck_assert_str_eq(a.error, "");
	assert_content("log", cases[_i].after);
}
END_TEST

START_TEST(a_killed_child_fails_what_is_outstanding_and_is_replaced)
{
	struct answer a, b;
	append_ok("one");
	pid_t old = ft_writer_pid(writer);
	kill(old, SIGSTOP); /* so that both jobs are surely outstanding when it dies */
	append("two", LONG_MS, &a);
	append("three", LONG_MS, &b);
	kill(old, SIGKILL);
	wait_for(&b);
	ck_assert_int_eq(a.calls, 1);
	ck_assert_ptr_nonnull(strstr(a.error, "signal 9"));
	ck_assert_ptr_nonnull(strstr(b.error, "signal 9"));
	ck_assert_int_ne(ft_writer_pid(writer), 0);
	ck_assert_int_ne(ft_writer_pid(writer), old);
	ck_assert_int_eq(waitpid(old, NULL, WNOHANG), -1); /* reaped */
	append_ok("four");
	assert_content("log", "one\nfour\n");
}
END_TEST

START_TEST(a_child_that_dies_at_once_is_not_forked_in_a_circle)
{
	pid_t first = ft_writer_pid(writer);
	kill(first, SIGKILL);
	while (ft_writer_pid(writer) != 0)
		event_base_loop(base, EVLOOP_ONCE);
	append_ok("anew for the next job");
	assert_content("log", "anew for the next job\n");
}
END_TEST

static void count(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	++*(int *)arg;
}

START_TEST(a_hanging_disk_meets_the_deadline_and_the_loop_goes_on)
{
	struct answer begun, waiting, later;
	int beats = 0;
	struct timeval beat = {.tv_usec = 5000};
	struct event *heartbeat = event_new(base, -1, EV_PERSIST, count, &beats);
	event_add(heartbeat, &beat);
	append_ok("one");
	kill(ft_writer_pid(writer), SIGSTOP);
	append("begun", 100, &begun);
	append("never begun", 100, &waiting);
	wait_for(&begun);
	wait_for(&waiting);
	ck_assert_ptr_nonnull(strstr(begun.error, "not on disk after 100 ms"));
	ck_assert_ptr_nonnull(strstr(waiting.error, "not on disk after 100 ms"));
	ck_assert_int_gt(beats, 3);
	append("later", LONG_MS, &later);
	kill(ft_writer_pid(writer), SIGCONT);
	wait_for(&later);
	ck_assert_str_eq(later.error, "");
	ck_assert_int_eq(begun.calls, 1);
	ck_assert_int_eq(waiting.calls, 1);
	assert_content("log", "one\nbegun\nlater\n");
	event_free(heartbeat);
}
END_TEST

START_TEST(a_big_job_to_a_hanging_child_does_not_block)
{
	struct answer a;
	char *line = malloc(FT_WRITER_TEXT_MAX + 1);
	memset(line, 'x', FT_WRITER_TEXT_MAX);
	line[FT_WRITER_TEXT_MAX] = '\0';
	kill(ft_writer_pid(writer), SIGSTOP);
	append(line, 50, &a); /* more than the socket holds: would hang here if it were a blocking one */
	wait_for(&a);
	kill(ft_writer_pid(writer), SIGCONT);
	append_ok("after");
	char *text = content("log");
	ck_assert_uint_eq(strlen(text), FT_WRITER_TEXT_MAX + 1 + 6);
	free(text);
	free(line);
}
END_TEST

START_TEST(waiting_jobs_are_bounded)
{
	struct answer a[FT_WRITER_JOBS_MAX], over;
	kill(ft_writer_pid(writer), SIGSTOP);
	for (int i = 0; i < FT_WRITER_JOBS_MAX; i++)
		append("x", LONG_MS, &a[i]);
	append("over", LONG_MS, &over);
	wait_for(&over);
	ck_assert_ptr_nonnull(strstr(over.error, "jobs are waiting already"));
	ck_assert_int_eq(a[0].calls, 0);
	kill(ft_writer_pid(writer), SIGKILL);
	wait_for(&a[FT_WRITER_JOBS_MAX - 1]);
	ck_assert_ptr_nonnull(strstr(a[0].error, "signal 9"));
}
END_TEST

START_TEST(free_waits_for_what_is_outstanding)
{
	struct answer a[5];
	for (int i = 0; i < 5; i++)
		append("x", LONG_MS, &a[i]);
	ft_writer_free(writer, LONG_MS);
	writer = NULL;
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(a[i].calls, 1);
		ck_assert_str_eq(a[i].error, "");
	}
	assert_content("log", "x\nx\nx\nx\nx\n");
}
END_TEST

START_TEST(free_does_not_wait_for_ever)
{
	struct answer a;
	pid_t pid = ft_writer_pid(writer);
	kill(pid, SIGSTOP);
	append("x", LONG_MS, &a);
	ft_writer_free(writer, 50);
	writer = NULL;
	ck_assert_int_eq(a.calls, 1);
	ck_assert_ptr_nonnull(strstr(a.error, "stopped first"));
	ck_assert_int_eq(kill(pid, 0), -1); /* no process is left behind */
	ck_assert_int_eq(errno, ESRCH);
}
END_TEST

START_TEST(the_child_outlives_signals_to_the_whole_group)
{
	pid_t pid = ft_writer_pid(writer);
	append_ok("it runs");
	kill(pid, SIGTERM);
	kill(pid, SIGINT);
	kill(pid, SIGHUP);
	append_ok("still there");
	ck_assert_int_eq(ft_writer_pid(writer), pid);
}
END_TEST

START_TEST(the_child_holds_no_file_of_its_parent)
{
	int pipe_fds[2];
	char byte;
	ck_assert_int_eq(pipe(pipe_fds), 0);
	ft_writer_free(writer, 0);
	writer = ft_writer_new(base, dir, stderr);
	append_ok("it runs");
	close(pipe_fds[1]);
	fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
	ck_assert_int_eq(read(pipe_fds[0], &byte, 1), 0); /* end of file: no other writer */
	close(pipe_fds[0]);
}
END_TEST

START_TEST(the_child_dies_with_its_parent)
{
	int tell[2];
	pid_t grandchild = 0;
	ck_assert_int_eq(pipe(tell), 0);
	pid_t parent = fork();
	if (parent == 0) {
		struct event_base *own = event_base_new();
		struct ft_writer *s = ft_writer_new(own, dir, stderr);
		pid_t pid = ft_writer_pid(s);
		if (write(tell[1], &pid, sizeof(pid)) != sizeof(pid))
			_exit(1);
		_exit(0); /* without any farewell */
	}
	ck_assert_int_eq(read(tell[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));
	waitpid(parent, NULL, 0);
	int64_t end = ft_clock_now() + LONG_MS * FT_NS_PER_MS;
	char path[64], state = 'R';
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)grandchild);
	while (state != 'Z' &&
	       ft_clock_now() < end) { /* a zombie until whoever inherited it looks: dead all the same */
		FILE *f = fopen(path, "r");
		if (f == NULL)
			break;
		if (fscanf(f, "%*d %*s %c", &state) != 1)
			state = 'Z';
		fclose(f);
		usleep(1000);
	}
	ck_assert_int_lt(ft_clock_now(), end);
}
END_TEST

START_TEST(a_missing_state_dir_is_said)
{
	char *text = NULL;
	size_t size = 0;
	FILE *errors = open_memstream(&text, &size);
	ck_assert_ptr_null(ft_writer_new(base, "/nonexistent/state", errors));
	fclose(errors);
	ck_assert_ptr_nonnull(strstr(text, "/nonexistent/state: No such file or directory; create it"));
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("writer");
	TCase *c = tcase_create("writer");
	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, lines_are_appended_in_order);
	tcase_add_test(c, jobs_queued_at_once_are_done_in_order);
	tcase_add_test(c, a_torn_last_line_is_ended_first);
	tcase_add_test(c, a_long_line_passes);
	tcase_add_test(c, too_long_a_text_is_refused_and_changes_nothing);
	tcase_add_test(c, replace_leaves_the_old_file_to_its_readers);
	tcase_add_test(c, what_replaces_a_file_is_on_disk_before_it_takes_the_name_and_the_name_before_the_answer);
	tcase_add_test(c, a_line_is_on_disk_before_the_answer_and_so_is_the_name_of_a_new_file);
	tcase_add_test(c, what_cannot_be_flushed_is_not_said_to_be_on_disk);
	tcase_add_test(c, a_failed_write_says_why_and_leaves_no_torn_line);
	tcase_add_test(c, a_name_that_cannot_be_opened_is_said);
	tcase_add_test(c, a_fifo_holds_nothing_up);
	tcase_add_test(c, what_came_through_after_all_is_not_appended_again);
	tcase_add_test(c, a_full_file_makes_room);
	tcase_add_loop_test(c, what_did_not_come_through_is_appended, 0, 5);
	tcase_add_test(c, a_killed_child_fails_what_is_outstanding_and_is_replaced);
	tcase_add_test(c, a_child_that_dies_at_once_is_not_forked_in_a_circle);
	tcase_add_test(c, a_hanging_disk_meets_the_deadline_and_the_loop_goes_on);
	tcase_add_test(c, a_big_job_to_a_hanging_child_does_not_block);
	tcase_add_test(c, waiting_jobs_are_bounded);
	tcase_add_test(c, free_waits_for_what_is_outstanding);
	tcase_add_test(c, free_does_not_wait_for_ever);
	tcase_add_test(c, the_child_outlives_signals_to_the_whole_group);
	tcase_add_test(c, the_child_holds_no_file_of_its_parent);
	tcase_add_test(c, the_child_dies_with_its_parent);
	tcase_add_test(c, a_missing_state_dir_is_said);
	suite_add_tcase(s, c);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
