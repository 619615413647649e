/* The session on disk: what was stored is read back, and nothing else is ever taken for it. */
#include "process/instance.h"
#include "store/session_file.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64], path[128], error[FT_SESSION_FILE_ERROR_MAX];

static const struct ft_session sample = {
    .stage = FT_SESSION_BOUND,
    .id = {0x00, 0x01, 0x7f, 0x80, 0xff, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    .epoch = 7,
    .role = FT_ROLE_PRIMARY,
    .instance = UINT64_C(0x8123456789abcdef),
    .window_ms = 500,
    .peer = "beta",
};

static void set_up(void)
{
	ck_assert_int_ge(sodium_init(), 0);
	strcpy(dir, "/tmp/ftd-test-session.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/%s", dir, FT_SESSION_FILE);
}

static void tear_down(void)
{
	remove(path);
	rmdir(dir);
}

static void put(const char *text, size_t len)
{
	FILE *f = fopen(path, "w");
	ck_assert_uint_eq(fwrite(text, 1, len, f), len);
	fclose(f);
}

static void put_line(const char *text)
{
	put(text, strlen(text));
}

static int get(struct ft_session *out)
{
	memset(out, 0x55, sizeof(*out));
	strcpy(error, "untouched");
	return ft_session_file_read(dir, "vm1", "alpha", out, error);
}

/* Nobody may take this file for a session, nor for the absence of one. */
static void assert_unknown(const char *words)
{
	struct ft_session s;
	ck_assert_int_eq(get(&s), -1);
	ck_assert_int_eq(s.stage, FT_SESSION_UNKNOWN);
	ck_assert_msg(strstr(error, path) && strstr(error, words) && !strchr(error, '\n'), "%s", error);
}

static void assert_round_trip(const struct ft_session *in)
{
	struct ft_session s;
	char *text = ft_session_file_text(in, "vm1", "alpha");
	ck_assert_ptr_nonnull(text);
	put_line(text);
	ck_assert_int_eq(get(&s), 0);
	ck_assert_str_eq(error, "");
	ck_assert_int_eq(s.stage, in->stage);
	ck_assert_mem_eq(s.id, in->id, sizeof(s.id));
	ck_assert_uint_eq(s.epoch, in->epoch);
	ck_assert_int_eq(s.role, in->role);
	ck_assert_uint_eq(s.instance, in->instance);
	ck_assert_uint_eq(s.window_ms, in->window_ms);
	ck_assert_int_eq(s.disk_bad, in->disk_bad);
	ck_assert_int_eq(s.stayed, in->stayed);
	ck_assert_int_eq(s.given_before, in->given_before);
	ck_assert_uint_eq(s.yielded, in->yielded);
	ck_assert_int_eq(s.yielded_as, in->yielded_as);
	ck_assert_str_eq(s.peer, in->peer);
	ck_assert_str_eq(s.winner, in->winner);
	ck_assert(s.title == in->title);
	free(text);
}

START_TEST(no_file_is_no_session)
{
	struct ft_session s;
	ck_assert_int_eq(get(&s), 0);
	ck_assert_int_eq(s.stage, FT_SESSION_NONE);
	ck_assert_uint_eq(s.epoch, 0);
	ck_assert_str_eq(error, "");
}
END_TEST

START_TEST(what_was_stored_is_read_back)
{
	for (enum ft_session_stage stage = FT_SESSION_BOUND; stage < FT_SESSION_STAGE_COUNT; stage++)
		for (enum ft_role role = FT_ROLE_PRIMARY; role <= FT_ROLE_SECONDARY; role++) {
			struct ft_session s = sample;
			s.stage = stage;
			s.role = role;
			if (stage == FT_SESSION_ENDED)
				strcpy(s.winner, "beta");
			assert_round_trip(&s);
		}
	for (enum ft_title t = FT_TITLE_REGISTER; t < FT_TITLE_COUNT; t++) {
		struct ft_session titled = sample;
		titled.stage = FT_SESSION_ENDED;
		titled.title = t;
		strcpy(titled.winner, "alpha");
		assert_round_trip(&titled);
		titled.given_before = true;
		assert_round_trip(&titled);
	}
	struct ft_session stayed = sample;
	stayed.stage = FT_SESSION_RESIGNED;
	stayed.stayed = true;
	assert_round_trip(&stayed);
	struct ft_session yielded = sample;
	yielded.yielded = UINT64_C(0xfedcba9876543210);
	yielded.yielded_as = FT_ROLE_SECONDARY;
	assert_round_trip(&yielded);
	for (enum ft_session_stage none = FT_SESSION_NONE; none <= FT_SESSION_UNKNOWN; none++) {
		struct ft_session beside = {.stage = none, .peer = "beta", .yielded = 1, .yielded_as = FT_ROLE_PRIMARY};
		assert_round_trip(&beside);
		beside.yielded = 0; /* it is over */
		beside.yielded_as = FT_ROLE_NONE;
		assert_round_trip(&beside);
	}
	struct ft_session big = sample;
	big.epoch = INT64_MAX;
	big.instance = 1;
	big.window_ms = UINT32_MAX;
	big.disk_bad = true;
	memset(big.peer, 'x', FT_NAME_MAX - 1);
	assert_round_trip(&big);
}
END_TEST

START_TEST(a_file_of_an_ftd_that_wrote_no_window_is_read)
{
	struct ft_session old = sample;
	old.window_ms = 0;
	old.disk_bad = false;
	char *text = ft_session_file_text(&old, "vm1", "alpha");
	ck_assert_ptr_null(strstr(text, "window_ms"));
	free(text);
	assert_round_trip(&old);
}
END_TEST

START_TEST(a_file_cut_short_anywhere_is_unknown)
{
	char *text = ft_session_file_text(&sample, "vm1", "alpha");
	for (size_t len = 0; len < strlen(text); len++) {
		put(text, len);
		assert_unknown("it is");
	}
	free(text);
}
END_TEST

START_TEST(a_flipped_bit_anywhere_is_unknown)
{
	char *text = ft_session_file_text(&sample, "vm1", "alpha");
	size_t len = strlen(text);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		text[bit / 8] ^= (char)(1 << bit % 8);
		put(text, len);
		assert_unknown("it is");
		text[bit / 8] ^= (char)(1 << bit % 8);
	}
	put(text, len);
	struct ft_session s;
	ck_assert_int_eq(get(&s), 0);
	free(text);
}
END_TEST

START_TEST(what_is_behind_or_around_it_is_unknown)
{
	char more[1024], *text = ft_session_file_text(&sample, "vm1", "alpha");
	snprintf(more, sizeof(more), "%s\n", text);
	put_line(more);
	assert_unknown("damaged");
	snprintf(more, sizeof(more), " %s", text);
	put_line(more);
	assert_unknown("damaged");
	snprintf(more, sizeof(more), "%s%s", text, text);
	put_line(more);
	assert_unknown("not whole");
	put_line("{}\n");
	assert_unknown("not whole");
	put_line("hello\n");
	assert_unknown("not whole");
	char zeros[600] = {0}; /* as some file systems leave it after a crash */
	put(zeros, sizeof(zeros));
	assert_unknown("not whole");
	free(text);
}
END_TEST

START_TEST(another_version_pair_or_node_is_unknown)
{
	char *text = ft_session_file_text(&sample, "vm2", "alpha");
	put_line(text);
	assert_unknown("another pair");
	free(text);
	text = ft_session_file_text(&sample, "vm1", "gamma");
	put_line(text);
	assert_unknown("another node");
	free(text);
	put_line("{\"version\":2,\"anything\":[]}\n");
	assert_unknown("another version");
}
END_TEST

START_TEST(what_cannot_be_read_is_unknown)
{
	ck_assert_int_eq(mkdir(path, 0700), 0);
	assert_unknown("Is a directory");
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(symlink("/dev/null", path), 0);
	assert_unknown("symbolic links");
}
END_TEST

START_TEST(what_could_not_be_read_back_is_never_written)
{
	struct ft_session s = sample;
	s.stage = FT_SESSION_NONE;
	ck_assert_ptr_null(ft_session_file_text(&s, "vm1", "alpha"));
	s.stage = FT_SESSION_UNKNOWN;
	ck_assert_ptr_null(ft_session_file_text(&s, "vm1", "alpha"));
	s = sample;
	s.role = FT_ROLE_SOLO;
	ck_assert_ptr_null(ft_session_file_text(&s, "vm1", "alpha"));
	s = sample;
	s.stage = FT_SESSION_ENDED; /* by nobody */
	ck_assert_ptr_null(ft_session_file_text(&s, "vm1", "alpha"));
	s = sample;
	strcpy(s.winner, "beta"); /* and not ended */
	ck_assert_ptr_null(ft_session_file_text(&s, "vm1", "alpha"));
	s = sample;
	s.yielded = 1; /* as nothing */
	ck_assert_ptr_null(ft_session_file_text(&s, "vm1", "alpha"));
	s = sample;
	s.epoch = UINT64_MAX;
	ck_assert_ptr_null(ft_session_file_text(&s, "vm1", "alpha"));
}
END_TEST

/* ---- instances ---- */

static pid_t start(const char *name)
{
	int ready[2];
	char byte;
	ck_assert_int_eq(pipe(ready), 0);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, name);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A process with this number: what was a user of it before is dead by then. 0 if this kernel does not let us choose. */
static pid_t start_with_number(pid_t number)
{
	char text[16];
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
	int len = snprintf(text, sizeof(text), "%d", (int)number - 1);
	bool chosen = fd >= 0 && write(fd, text, (size_t)len) == len;
	if (fd >= 0)
		close(fd);
	return chosen ? start("again") : 0;
}

START_TEST(an_instance_stays_the_same_and_differs_from_others)
{
	pid_t a = start("a) R 1 2 3 4 5 6"), b = start("b");
	uint64_t first = ft_instance_of(a);
	ck_assert_uint_ne(first, 0);
	ck_assert_uint_eq(ft_instance_of(a), first);
	ck_assert_uint_ne(ft_instance_of(b), first);
	kill(a, SIGSTOP); /* the state, the times used and the like are no part of it */
	usleep(50000);
	ck_assert_uint_eq(ft_instance_of(a), first);
	ck_assert_int_eq(ft_instance_find(first), a);
	end(a);
	end(b);
	ck_assert_uint_eq(ft_instance_of(a), 0);
	ck_assert_int_eq(ft_instance_find(first), 0);
	ck_assert_uint_eq(ft_instance_of(0), 0);
	ck_assert_uint_eq(ft_instance_of(-1), 0);
}
END_TEST

START_TEST(a_reused_number_is_another_instance)
{
	pid_t first = start("first");
	uint64_t before = ft_instance_of(first);
	end(first);
	usleep(50000);                  /* starting times are counted in ticks of 10 ms */
	for (int i = 0; i < 100; i++) { /* somebody else may be given the number first */
		pid_t second = start_with_number(first);
		if (second == 0)
			return;
		uint64_t after = ft_instance_of(second);
		end(second);
		if (second != first)
			continue;
		ck_assert_uint_ne(after, 0);
		ck_assert_uint_ne(after, before);
		return;
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("session_file");
	TCase *c = tcase_create("session_file");
	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, no_file_is_no_session);
	tcase_add_test(c, what_was_stored_is_read_back);
	tcase_add_test(c, a_file_of_an_ftd_that_wrote_no_window_is_read);
	tcase_add_test(c, a_file_cut_short_anywhere_is_unknown);
	tcase_add_test(c, a_flipped_bit_anywhere_is_unknown);
	tcase_add_test(c, what_is_behind_or_around_it_is_unknown);
	tcase_add_test(c, another_version_pair_or_node_is_unknown);
	tcase_add_test(c, what_cannot_be_read_is_unknown);
	tcase_add_test(c, what_could_not_be_read_back_is_never_written);
	tcase_add_test(c, an_instance_stays_the_same_and_differs_from_others);
	tcase_add_test(c, a_reused_number_is_another_instance);
	suite_add_tcase(s, c);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
