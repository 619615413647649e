/* The clock of the decisions, beside a kernel whose own clock is slewed and whose host sleeps.  clock_gettime() is ours here. */
#include "base/clock.h"

#include <check.h>
#include <stdlib.h>

#define MS     INT64_C(1000000)
#define SECOND (1000 * MS)

static struct {
	int64_t raw, kernel, slept; /* CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC, and what CLOCK_BOOTTIME is ahead of it */
	int64_t interrupted;        /* for so long, right after CLOCK_BOOTTIME was read next */
} host;

static void pass(int64_t ns, double rate)
{
	host.raw += ns;
	host.kernel += (int64_t)((double)ns * rate);
}

int clock_gettime(clockid_t id, struct timespec *out)
{
	int64_t ns = id == CLOCK_MONOTONIC_RAW ? host.raw : host.kernel + (id == CLOCK_BOOTTIME ? host.slept : 0);
	*out = (struct timespec){.tv_sec = ns / SECOND, .tv_nsec = ns % SECOND};
	if (id == CLOCK_BOOTTIME) {
		pass(host.interrupted, 1);
		host.interrupted = 0;
	}
	return 0;
}

static void setup(void)
{
	host.raw = 5000 * SECOND;
	host.kernel = 5000 * SECOND + 123456789;
	host.slept = 70 * SECOND;
	host.interrupted = 0;
}

/* As far as chronyd slews it, and as far as the kernel lets anybody. */
static const double rates[] = {1, 1 + 500e-6, 1 - 500e-6, 1.083333, 1 - 0.083333, 1.1005, 1 - 0.1005};

START_TEST(nobody_slews_it)
{
	int64_t from = ft_clock_now();
	for (int i = 0; i < 100; i++) {
		pass(10 * MS, rates[_i]);
		ck_assert_int_eq(ft_clock_now(), from + (i + 1) * 10 * MS);
	}
}
END_TEST

START_TEST(it_goes_on_while_the_host_sleeps)
{
	int64_t from = ft_clock_now();
	pass(300 * MS, rates[_i]);
	host.slept += 40 * MS;
	ck_assert_int_eq(ft_clock_now(), from + 340 * MS);
	host.slept += 3600 * SECOND;
	ck_assert_int_eq(ft_clock_now(), from + 340 * MS + 3600 * SECOND);
}
END_TEST

/* Who is interrupted between two looks must not take that for sleep, nor lose sleep by it. */
START_TEST(an_interruption_is_no_sleep)
{
	int64_t from = ft_clock_now();
	host.interrupted = 7 * MS;
	ck_assert_int_le(ft_clock_now(), from + 7 * MS);
	ck_assert_int_eq(ft_clock_now(), from + 7 * MS);
	host.slept += SECOND;
	host.interrupted = 7 * MS;
	int64_t now = ft_clock_now();
	ck_assert_int_le(now, from + 14 * MS + SECOND);
	ck_assert_int_ge(now, from + 7 * MS + SECOND);
	ck_assert_int_eq(ft_clock_now(), from + 14 * MS + SECOND);
}
END_TEST

static int64_t timer_ns(int64_t at)
{
	struct itimerspec t = ft_clock_timer(at);
	ck_assert_int_ge(t.it_value.tv_nsec, 0);
	ck_assert_int_lt(t.it_value.tv_nsec, SECOND);
	return t.it_value.tv_sec * SECOND + t.it_value.tv_nsec;
}

START_TEST(a_timer_expires_when_it_is_due_by_a_kernel_that_is_slewed)
{
	for (int i = 0; i < 20; i++) { /* until the rate is known */
		pass(100 * MS, rates[_i]);
		(void)timer_ns(ft_clock_now() + SECOND);
	}
	int64_t due = ft_clock_now() + SECOND, timer = timer_ns(due), left = timer - host.kernel - host.slept;
	int64_t expires = ft_clock_now() + (int64_t)((double)left / rates[_i]);
	ck_assert_int_ge(expires, due);
	ck_assert_int_le(expires, due + MS / 10);
}
END_TEST

START_TEST(a_timer_that_is_due_or_has_no_end_is_armed)
{
	ck_assert_int_gt(timer_ns(ft_clock_now() - SECOND), 0);
	ck_assert_int_gt(timer_ns(INT64_MIN / 2), 0);
	ck_assert_int_le(timer_ns(ft_clock_now()), host.kernel + host.slept);
	ck_assert_int_gt(timer_ns(INT64_MAX), host.kernel + host.slept + 3600 * SECOND);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("clock");
	TCase *tc = tcase_create("clock");
	const int n = (int)(sizeof rates / sizeof rates[0]);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, nobody_slews_it, 0, n);
	tcase_add_loop_test(tc, it_goes_on_while_the_host_sleeps, 0, n);
	tcase_add_test(tc, an_interruption_is_no_sleep);
	tcase_add_loop_test(tc, a_timer_expires_when_it_is_due_by_a_kernel_that_is_slewed, 0, n);
	tcase_add_test(tc, a_timer_that_is_due_or_has_no_end_is_armed);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
