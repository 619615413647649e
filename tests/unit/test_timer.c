/* The timer, on a real event loop.  It may ring late on a busy machine, but never early, twice, or in vain. */
#include "base/clock.h"
#include "base/timer.h"
#include "base/types.h"

#include <check.h>
#include <event2/event.h>
#include <stdlib.h>

#define MS FT_NS_PER_MS

static struct event_base *base;
static struct ft_timers *timers;
static struct ft_timer *alarm_a, *alarm_b;
static int rung_a, rung_b;
static int64_t rung_at, again_at, sets_b_to;
static bool restless;

static void on_a(void *arg)
{
	ck_assert_ptr_eq(arg, &rung_a);
	rung_a++;
	rung_at = ft_clock_now();
	ft_timer_set(alarm_a, restless ? 1 : again_at);
	again_at = FT_NEVER;
	if (sets_b_to != FT_NEVER)
		ft_timer_set(alarm_b, sets_b_to);
}

static void on_b(void *arg)
{
	(void)arg;
	rung_b++;
	event_base_loopexit(base, NULL);
}

static void setup(void)
{
	base = event_base_new();
	ck_assert_ptr_nonnull(base);
	timers = ft_timers_new(base);
	ck_assert_ptr_nonnull(timers);
	alarm_a = ft_timer_new(timers, on_a, &rung_a);
	alarm_b = ft_timer_new(timers, on_b, NULL);
	ck_assert(alarm_a && alarm_b);
	rung_a = rung_b = 0;
	again_at = sets_b_to = FT_NEVER;
	restless = false;
}

static void clean_up(void)
{
	ft_timer_free(alarm_a);
	ft_timer_free(alarm_b);
	ft_timers_free(timers);
	event_base_free(base);
}

/* Runs the loop until b rings. */
static void run_until(int64_t at)
{
	ft_timer_set(alarm_b, at);
	event_base_dispatch(base);
	ck_assert_int_ge(ft_clock_now(), at);
}

START_TEST(it_rings_once_and_never_early)
{
	/* Not in whole milliseconds. */
	for (int i = 0; i < 20; i++) {
		int64_t at = ft_clock_now() + 1100000 + i * 70001;

		rung_a = 0;
		ft_timer_set(alarm_a, at);
		run_until(at + 5 * MS);
		ck_assert_int_eq(rung_a, 1);
		ck_assert_int_ge(rung_at, at);
	}
}
END_TEST

START_TEST(the_past_rings_at_once)
{
	static const int64_t past[] = {0, 1, -5 * MS, 1000 * MS};

	for (int i = 0; i < 4; i++) {
		ft_timer_set(alarm_a, past[i]);
		run_until(ft_clock_now() + 2 * MS);
		ck_assert_int_eq(rung_a, i + 1);
	}
}
END_TEST

START_TEST(the_newest_time_holds)
{
	int64_t now = ft_clock_now();

	ft_timer_set(alarm_a, now + 1 * MS);
	ft_timer_set(alarm_a, now + 20 * MS);
	run_until(now + 10 * MS);
	ck_assert_int_eq(rung_a, rung_at >= now + 20 * MS ? 1 : 0);
	run_until(now + 30 * MS);
	ck_assert_int_eq(rung_a, 1);
	ck_assert_int_ge(rung_at, now + 20 * MS);
	/* Also when it could have rung already. */
	ft_timer_set(alarm_a, 1);
	ft_timer_set(alarm_a, FT_NEVER);
	run_until(ft_clock_now() + 5 * MS);
	ck_assert_int_eq(rung_a, 1);
}
END_TEST

START_TEST(it_may_be_set_while_it_rings)
{
	int64_t at = ft_clock_now() + 2 * MS;

	/* the same time, which is past by then */
	again_at = at;
	ft_timer_set(alarm_a, at);
	run_until(at + 5 * MS);
	ck_assert_int_eq(rung_a, 2);
}
END_TEST

START_TEST(one_that_can_wait_rings_with_another)
{
	int64_t now = ft_clock_now();

	/* not before its time, with whatever rings */
	ft_timer_set_from(alarm_a, now + 10000 * MS, now + 20000 * MS);
	run_until(now + 2 * MS);
	ck_assert_int_eq(rung_a, 0);
	/* from then on with the next one */
	ft_timer_set_from(alarm_a, now + 3 * MS, now + 20000 * MS);
	run_until(now + 5 * MS);
	run_until(now + 6 * MS); /* whose round may have ended the loop first */
	ck_assert_int_eq(rung_a, 1);
	/* with none, at its own */
	now = ft_clock_now();
	ft_timer_set_from(alarm_a, now + 1 * MS, now + 4 * MS);
	run_until(now + 5 * MS);
	ck_assert_int_eq(rung_a, 2);
	ck_assert_int_ge(rung_at, now + 4 * MS);
}
END_TEST

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	ft_timers_join(timers);
}

START_TEST(one_that_can_wait_rings_with_any_event)
{
	struct event *other = event_new(base, -1, 0, on_event, NULL);
	int64_t now = ft_clock_now();

	/* not before its time */
	ft_timer_set_from(alarm_a, now + 10000 * MS, now + 20000 * MS);
	event_active(other, 0, 0);
	event_base_loop(base, EVLOOP_ONCE);
	ck_assert_int_eq(rung_a, 0);
	/* from then on once */
	ft_timer_set_from(alarm_a, now, now + 20000 * MS);
	for (int i = 0; i < 2; i++) {
		event_active(other, 0, 0);
		event_base_loop(base, EVLOOP_ONCE);
		ck_assert_int_eq(rung_a, 1);
	}
	/* and all go on as they were set */
	ft_timer_set_from(alarm_a, now, now + 20000 * MS);
	again_at = now + 5 * MS;
	event_active(other, 0, 0);
	event_base_loop(base, EVLOOP_ONCE);
	ck_assert_int_eq(rung_a, 2);
	run_until(now + 8 * MS);
	ck_assert_int_eq(rung_a, 3);
	ck_assert_int_ge(rung_at, now + 5 * MS);
	event_free(other);
}
END_TEST

START_TEST(one_alarm_may_set_another_off)
{
	sets_b_to = 1;
	ft_timer_set(alarm_a, ft_clock_now() + 2 * MS);
	event_base_dispatch(base);
	ck_assert_int_eq(rung_a, 1);
	ck_assert_int_eq(rung_b, 1);
	/* and one that is no more does not ring */
	sets_b_to = FT_NEVER;
	ft_timer_set(alarm_a, 1);
	ft_timer_free(alarm_a);
	alarm_a = NULL;
	run_until(ft_clock_now() + 2 * MS);
	ck_assert_int_eq(rung_a, 1);
}
END_TEST

static void free_it(void *arg)
{
	struct ft_timer **own = arg;

	ft_timer_free(*own);
	*own = NULL;
}

/* Whoever is told something by a timer may have no use for it any more. */
START_TEST(one_that_rings_may_be_freed)
{
	struct ft_timer *last = ft_timer_new(timers, free_it, &last);

	ck_assert_ptr_nonnull(last);
	ft_timer_set(last, 1);
	ft_timer_set(alarm_a, 2);
	run_until(ft_clock_now() + 2 * MS);
	ck_assert_ptr_null(last);
	ck_assert_int_eq(rung_a, 1);
}
END_TEST

START_TEST(who_always_wants_to_ring_keeps_nobody_from_it)
{
	restless = true;
	ft_timer_set(alarm_a, 1);
	run_until(ft_clock_now());
	ck_assert_int_eq(rung_b, 1);
	ck_assert_int_ge(rung_a, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("timer");
	TCase *t = tcase_create("timer");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, clean_up);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, it_rings_once_and_never_early);
	tcase_add_test(t, the_past_rings_at_once);
	tcase_add_test(t, the_newest_time_holds);
	tcase_add_test(t, it_may_be_set_while_it_rings);
	tcase_add_test(t, one_that_can_wait_rings_with_another);
	tcase_add_test(t, one_that_can_wait_rings_with_any_event);
	tcase_add_test(t, one_alarm_may_set_another_off);
	tcase_add_test(t, one_that_rings_may_be_freed);
	tcase_add_test(t, who_always_wants_to_ring_keeps_nobody_from_it);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
