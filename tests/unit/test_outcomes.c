/* The outcomes on disk, read back: what a crash has torn says nothing, and hides nothing. */
#include "store/outcomes.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static char dir[64], path[128];

static void set_up(void)
{
	strcpy(dir, "/tmp/ftd-test-outcomes.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/outcomes.jsonl", dir);
}

static void tear_down(void)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void put_in(const char *name, const char *text)
{
	char other[128];
	snprintf(other, sizeof(other), "%s/%s", dir, name);
	FILE *f = fopen(other, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void put(const char *text)
{
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

#define LINE(first, result) "{\"session\":\"" first "000000000000000000000000000000\",\"result\":\"" result "\"}\n"

START_TEST(the_newest_success_is_found)
{
	static const struct {
		const char *file;
		uint8_t first; /* byte of its session; 0 none */
	} cases[] = {
	    {"", 0},
	    {LINE("01", "success"), 1},
	    {LINE("01", "success") LINE("02", "success"), 2},
	    {LINE("01", "success") LINE("02", "failed") LINE("03", "held") LINE("04", "refused"), 1},
	    {LINE("01", "lost-claim"), 0},
	    {LINE("01", "success") "{\"session\":\"0200000000000000000000000000", 1}, /* torn */
	    {"{\"session\":\"02000\n" LINE("01", "success"), 1},
	    {LINE("01", "success") "{\"session\":null,\"result\":\"success\"}\n", 1}, /* without an arbiter */
	    {LINE("01", "success") "{\"session\":\"02\",\"result\":\"success\"}\n", 1},
	    {LINE("01", "success") LINE("zz", "success") "{\"result\":7}\n[]\n\n", 1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t expected[FT_SESSION_BYTES] = {cases[i].first}, found[FT_SESSION_BYTES] = {9};
		put(cases[i].file);
		ck_assert_int_eq(ft_outcomes_newest_success(dir, found), 0);
		ck_assert_msg(memcmp(found, expected, sizeof(found)) == 0, "case %zu: %02x", i, found[0]);
	}
}
END_TEST

/* However much came after it: the newest hundred are not enough. */
START_TEST(a_success_is_found_behind_many_others)
{
	uint8_t found[FT_SESSION_BYTES];
	put(LINE("01", "success"));
	FILE *f = fopen(path, "a");
	for (int i = 0; i < 1000; i++)
		fputs(LINE("01", "refused"), f);
	fclose(f);
	ck_assert_int_eq(ft_outcomes_newest_success(dir, found), 0);
	ck_assert_int_eq(found[0], 1);
}
END_TEST

/* What ftd itself has rotated away is read on. */
START_TEST(what_was_rotated_comes_before_what_is_new)
{
	uint8_t found[FT_SESSION_BYTES];
	int damaged;
	put_in("outcomes.jsonl.1", LINE("01", "success") LINE("02", "success") "torn\n" LINE("03", "failed"));
	put(LINE("04", "held") LINE("05", "refused"));
	ck_assert_int_eq(ft_outcomes_newest_success(dir, found), 0);
	ck_assert_int_eq(found[0], 2);
	json_t *outcomes = ft_outcomes_read(dir, 4, &damaged);
	ck_assert_uint_eq(json_array_size(outcomes), 4);
	ck_assert_int_eq(damaged, 1);
	for (size_t i = 0; i < 4; i++) {
		const char *session = json_string_value(json_object_get(json_array_get(outcomes, i), "session"));
		ck_assert_int_eq(session[1], "2345"[i]);
	}
	json_decref(outcomes);
}
END_TEST

/* 100 MB, as they come together in years of a pair that is held up again and again: its end is read and no more.  The time
 * it would take to read the whole is many times what a busy machine could add. */
START_TEST(a_file_of_any_length_is_read_at_once)
{
	uint8_t found[FT_SESSION_BYTES];
	struct timespec before, after;
	int damaged;
	FILE *f = fopen(path, "w");
	fputs(LINE("01", "success"), f);
	for (int i = 0; i < 1600000; i++)
		fputs(LINE("02", "refused"), f);
	fputs(LINE("03", "success"), f);
	fclose(f);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	ck_assert_int_eq(ft_outcomes_newest_success(dir, found), 0);
	ck_assert_int_eq(found[0], 3);
	json_t *outcomes = ft_outcomes_read(dir, 100, &damaged);
	ck_assert_uint_eq(json_array_size(outcomes), 100);
	ck_assert_int_eq(damaged, 0);
	json_decref(outcomes);
	outcomes = ft_outcomes_read(dir, 1000000, &damaged);
	ck_assert_uint_gt(json_array_size(outcomes), 10000);
	ck_assert_uint_lt(json_array_size(outcomes), 50000);
	ck_assert_int_eq(damaged, 0); /* a line that is cut by where reading begins is not damaged */
	json_decref(outcomes);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	ck_assert_int_lt(after.tv_sec - before.tv_sec, 10);
}
END_TEST

START_TEST(what_was_announced_is_known_without_the_outcomes)
{
	static const char *const nothing[] = {"", "\n", "0100", "zz000000000000000000000000000000\n",
	                                      "0100000000000000000000000000000000\n"};
	uint8_t found[FT_SESSION_BYTES] = {9}, none[FT_SESSION_BYTES] = {0}, told[FT_SESSION_BYTES] = {7, 6, 5};
	char text[FT_ANNOUNCED_MAX];
	ck_assert_int_eq(ft_outcomes_announced(dir, found), 0);
	ck_assert_mem_eq(found, none, sizeof(none));
	ft_announced_text(told, text);
	put_in("announced", text);
	ck_assert_int_eq(ft_outcomes_announced(dir, found), 0);
	ck_assert_mem_eq(found, told, sizeof(told));
	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
		put_in("announced", nothing[i]);
		ck_assert_int_eq(ft_outcomes_announced(dir, found), 0);
		ck_assert_mem_eq(found, none, sizeof(none));
	}
}
END_TEST

START_TEST(no_file_is_an_empty_one_and_an_unreadable_one_is_not)
{
	uint8_t found[FT_SESSION_BYTES] = {9}, none[FT_SESSION_BYTES] = {0};
	int damaged;
	ck_assert_int_eq(ft_outcomes_newest_success(dir, found), 0);
	ck_assert_mem_eq(found, none, sizeof(none));
	ck_assert_int_eq(mkdir(path, 0700), 0); /* root reads everything but a folder */
	ck_assert_int_eq(ft_outcomes_newest_success(dir, found), -1);
	ck_assert_int_eq(errno, EISDIR);
	ck_assert_ptr_null(ft_outcomes_read(dir, 1, &damaged));
	ck_assert_int_eq(errno, EISDIR);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0); /* nobody writes into it */
	ck_assert_int_eq(ft_outcomes_newest_success(dir, found), -1);
	ck_assert_int_eq(errno, EMEDIUMTYPE);
}
END_TEST

static bool unreadable; /* what stands in a file is not given back */

ssize_t pread(int fd, void *to, size_t len, off_t at)
{
	if (!unreadable)
		return syscall(SYS_pread64, fd, to, len, at);
	errno = EIO;
	return -1;
}

/* Whoever took it for an empty one would tell a success again that was told long ago. */
START_TEST(a_disk_that_gives_nothing_back_is_no_empty_file)
{
	uint8_t found[FT_SESSION_BYTES] = {9};
	int damaged;
	put(LINE("01", "success"));
	unreadable = true;
	ck_assert_int_eq(ft_outcomes_newest_success(dir, found), -1);
	ck_assert_int_eq(errno, EIO);
	ck_assert_ptr_null(ft_outcomes_read(dir, 1, &damaged));
	ck_assert_int_eq(errno, EIO);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("outcomes");
	TCase *c = tcase_create("outcomes");
	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, the_newest_success_is_found);
	tcase_add_test(c, a_success_is_found_behind_many_others);
	tcase_add_test(c, what_was_rotated_comes_before_what_is_new);
	tcase_add_test(c, a_file_of_any_length_is_read_at_once);
	tcase_add_test(c, what_was_announced_is_known_without_the_outcomes);
	tcase_add_test(c, no_file_is_an_empty_one_and_an_unreadable_one_is_not);
	tcase_add_test(c, a_disk_that_gives_nothing_back_is_no_empty_file);
	suite_add_tcase(s, c);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
