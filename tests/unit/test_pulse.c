/* Signs that the clocks of this host have stood still. */
#include "supervisor/pulse.h"

#include <check.h>
#include <stdlib.h>
#include <time.h>

#define MS INT64_C(1000000)

static struct ft_pulse pulse;
static struct ft_pulse_reading host;
static double ticks; /* of the counter in a ns */
static bool counter;

/* Real time passes.  clock, wall: how much of it those show. */
static int64_t pass(int64_t ns, int64_t clock, int64_t wall)
{
	host.now += clock;
	host.wall += wall;
	host.ticks += counter ? (uint64_t)((double)ns * ticks) : 0;
	return ft_pulse_missed(&pulse, &host);
}

static void live(int n)
{
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(pass(100 * MS, 100 * MS, 100 * MS), 0);
}

static void setup(void)
{
	pulse = (struct ft_pulse){0};
	ticks = 2.6;
	counter = true;
	host = (struct ft_pulse_reading){.now = 5000 * MS, .wall = INT64_C(1700000000) * 1000 * MS, .ticks = 77777};
}

/* Paused for 3 s: the wall clock stood still as well. */
START_TEST(a_pause_is_seen_by_the_processors_counter)
{
	live(10);
	int64_t missed = pass(3100 * MS, 100 * MS, 100 * MS);
	ck_assert_int_ge(missed, 2990 * MS);
	ck_assert_int_le(missed, 3010 * MS);
	live(100); /* told once */
	ck_assert_int_gt(pass(50 * MS, 10 * MS, 10 * MS), 0);
}
END_TEST

/* There is no counter, or it was set back with all else; then somebody sets the wall clock right. */
START_TEST(a_wall_clock_that_is_set_forward_is_a_sign)
{
	counter = _i == 0;
	live(10);
	ck_assert_int_ge(pass(100 * MS, 100 * MS, 500 * MS), 390 * MS);
	live(10);
}
END_TEST

START_TEST(nothing_else_is_a_sign)
{
	live(10);
	ck_assert_int_eq(pass(100 * MS, 100 * MS, -5000 * MS), 0);        /* the wall clock is set back */
	ck_assert_int_eq(pass(3000 * MS, 3000 * MS, 3000 * MS), 0);       /* we were stopped, or starved */
	ck_assert_int_eq(pass(100000 * MS, 100000 * MS, 108330 * MS), 0); /* slewed as chronyd does */
	host.within = 700 * MS;                                           /* interrupted between two clocks ... */
	ck_assert_int_eq(pass(701 * MS, MS, MS), 0);
	host.within = 0; /* ... and read together again */
	ck_assert_int_eq(pass(100 * MS, 800 * MS, 800 * MS), 0);
	ticks *= 1.1; /* moved to a faster machine */
	live(200);
	host.ticks = 5; /* the counter begins anew: the machine slept */
	live(10);
	ck_assert_int_gt(pass(3100 * MS, 100 * MS, 100 * MS), 0);
}
END_TEST

/* Whatever machine this runs on, no sign is seen where nothing has happened, and its hypervisor's name can be printed. */
START_TEST(this_machine_has_not_stood_still)
{
	struct ft_pulse p = {0};
	for (int i = 0; i < 2000; i++) {
		struct ft_pulse_reading r = ft_pulse_read();
		int64_t missed = ft_pulse_missed(&p, &r);
		ck_assert_int_eq(missed, 0);
		nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
	}
	const char *name = ft_pulse_hypervisor();
	ck_assert(!name || name[0]);
	ck_assert_ptr_eq(name, ft_pulse_hypervisor());
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("pulse");
	TCase *tc = tcase_create("pulse");
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, a_pause_is_seen_by_the_processors_counter);
	tcase_add_loop_test(tc, a_wall_clock_that_is_set_forward_is_a_sign, 0, 2);
	tcase_add_test(tc, nothing_else_is_a_sign);
	tcase_add_test(tc, this_machine_has_not_stood_still);
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
