/* What others can make us do: so much, and no more, and that it is told. */
#include "base/limit.h"

#include <check.h>

#define SECOND INT64_C(1000000000)

START_TEST(a_flood_comes_down_to_its_rate)
{
	struct ft_limit l = {.at_once = 20, .per_second = 5};
	int done = 0;
	for (int64_t now = 100 * SECOND; now < 160 * SECOND; now += SECOND / 1000)
		done += ft_limit_take(&l, now);
	ck_assert_int_ge(done, 20 + 60 * 5 - 1);
	ck_assert_int_le(done, 20 + 60 * 5 + 1);
	ck_assert_uint_eq(l.left_out, (unsigned long)(60000 - done));
}
END_TEST

START_TEST(what_keeps_to_the_rate_is_never_left_out)
{
	struct ft_limit l = {.at_once = 20, .per_second = 5};
	for (int64_t now = 0; now < 1000 * SECOND; now += SECOND / 5)
		ck_assert(ft_limit_take(&l, now));
	for (int burst = 0; burst < 5; burst++)
		for (int i = 0; i < 20; i++)
			ck_assert(ft_limit_take(&l, (2000 + 10 * burst) * SECOND));
	ck_assert_uint_eq(ft_limit_tell(&l, 9000 * SECOND), 0);
}
END_TEST

START_TEST(what_was_left_out_is_told_once_when_it_is_over)
{
	struct ft_limit l = {.at_once = 10, .per_second = 5};
	for (int i = 0; i < 50; i++)
		ft_limit_take(&l, 100 * SECOND);
	ck_assert_uint_eq(ft_limit_tell(&l, 101 * SECOND), 40);
	ck_assert_uint_eq(ft_limit_tell(&l, 102 * SECOND), 0);
}
END_TEST

START_TEST(a_flood_that_goes_on_is_told_every_ten_seconds)
{
	struct ft_limit l = {.at_once = 10, .per_second = 5};
	int told = 0;
	unsigned long in_all = 0;
	for (int64_t now = 100 * SECOND; now < 160 * SECOND; now += SECOND / 1000) {
		ft_limit_take(&l, now);
		unsigned long n = ft_limit_tell(&l, now);
		told += n > 0;
		in_all += n;
	}
	ck_assert_int_ge(told, 5);
	ck_assert_int_le(told, 8);
	ck_assert_uint_gt(in_all, 40000);
}
END_TEST

START_TEST(a_clock_that_goes_back_is_no_licence)
{
	struct ft_limit l = {.at_once = 3, .per_second = 1};
	int done = 0;
	for (int i = 0; i < 100; i++)
		done += ft_limit_take(&l, (i % 2 ? 100 : 90) * SECOND);
	ck_assert_int_le(done, 5); /* and what was there again after ten seconds */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("limit");
	TCase *c = tcase_create("limit");
	tcase_add_test(c, a_flood_comes_down_to_its_rate);
	tcase_add_test(c, what_keeps_to_the_rate_is_never_left_out);
	tcase_add_test(c, what_was_left_out_is_told_once_when_it_is_over);
	tcase_add_test(c, a_flood_that_goes_on_is_told_every_ten_seconds);
	tcase_add_test(c, a_clock_that_goes_back_is_no_licence);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
