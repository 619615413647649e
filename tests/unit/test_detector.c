/* The failure detector, in virtual time. */
#include "heartbeat/detector.h"

#include <check.h>
#include <stdlib.h>

#define MS FT_NS_PER_MS
/* What a gap counts for at the most, with an interval of 100 ms: a tick period, and how late timers are. */
#define GAP_COUNTS (INT64_C(106250000) + 5 * MS)

static struct ft_detector d;
static int64_t now;

/* Ticks at every deadline up to `until`, as an undisturbed daemon does. */
static void run_until(int64_t until)
{
	while (ft_detector_deadline(&d) < until) {
		now = ft_detector_deadline(&d);
		ft_detector_tick(&d, now);
	}
	now = until;
	ft_detector_tick(&d, now);
}

/* The time of the next change of the verdict, at which it has been told; fails if there is none for a minute. */
static int64_t next_change(void)
{
	int64_t end = now + 60000 * MS;

	while (now < end) {
		int64_t due = ft_detector_deadline(&d);

		ck_assert_int_gt(due, now);
		ck_assert_int_le(due, now + d.tick_period);
		now = due;
		if (ft_detector_tick(&d, now))
			return now;
	}
	ck_abort_msg("the verdict never changed");
	return FT_NEVER;
}

static void hear(int link)
{
	ft_detector_heard(&d, link, now);
	ft_detector_tick(&d, now);
}

static void start(int n_links, int64_t interval, int lost_after)
{
	now = 1000000 * MS;
	ft_detector_init(&d, n_links, interval, lost_after, now);
}

START_TEST(silence_from_the_start_is_no_loss)
{
	start(2, 100 * MS, 5);
	run_until(now + 60000 * MS);
	ck_assert_int_eq(d.hearing, FT_HEARING_NEVER);
	ck_assert_int_eq(ft_detector_last_heard(&d), FT_NEVER);
	ck_assert(!d.links[0].alive);
}
END_TEST

START_TEST(hearing_is_told_by_the_tick_alone)
{
	start(1, 100 * MS, 5);
	ft_detector_heard(&d, 0, now);
	ck_assert_int_eq(d.hearing, FT_HEARING_NEVER);
	ck_assert(ft_detector_tick(&d, now));
	ck_assert_int_eq(d.hearing, FT_HEARING_ALIVE);
	ck_assert(d.links[0].alive);
	ck_assert_int_eq(ft_detector_last_heard(&d), now);
	ck_assert(!ft_detector_tick(&d, now + MS));
}
END_TEST

static const struct {
	int64_t interval;
	int lost_after;
	int64_t quiet, window;
} settings[] = {
    {5 * MS, 2, 7500000, 10 * MS},        {10 * MS, 3, 15 * MS, 30 * MS},          {100 * MS, 5, 250 * MS, 500 * MS},
    {1000 * MS, 3, 1500 * MS, 3000 * MS}, {10000 * MS, 2, 15000 * MS, 20000 * MS}, {10 * MS, 100, 500 * MS, 1000 * MS},
};

START_TEST(loss_is_declared_exactly_at_the_window)
{
	int64_t heard;

	start(1, settings[_i].interval, settings[_i].lost_after);
	run_until(now + 7 * MS);
	hear(0);
	heard = now;
	ck_assert_int_eq(next_change() - heard, settings[_i].quiet);
	ck_assert_int_eq(d.hearing, FT_HEARING_QUIET);
	ck_assert_int_eq(next_change() - heard, settings[_i].window);
	ck_assert_int_eq(d.hearing, FT_HEARING_LOST);
	ck_assert_int_eq(ft_detector_last_heard(&d), heard);
}
END_TEST

START_TEST(silence_is_foretold)
{
	int64_t heard;

	start(1, 100 * MS, 5);
	ck_assert_int_eq(ft_detector_silent_at(&d, 0), FT_NEVER);
	hear(0);
	heard = now;
	run_until(now + 130 * MS);
	ck_assert_int_eq(ft_detector_silent_at(&d, 100 * MS), heard + 100 * MS);
	ck_assert_int_eq(ft_detector_silent_at(&d, 500 * MS), heard + 500 * MS);
	/* What we slept is no silence. */
	now += 300 * MS;
	ft_detector_tick(&d, now);
	ck_assert_int_eq(ft_detector_silent_at(&d, 500 * MS), heard + 500 * MS + 300 * MS - GAP_COUNTS);
	next_change();
	ck_assert_int_eq(next_change(), heard + 500 * MS + 300 * MS - GAP_COUNTS);
	ck_assert_int_eq(d.hearing, FT_HEARING_LOST);
	ck_assert_int_eq(ft_detector_silent_at(&d, 500 * MS), FT_NEVER);
}
END_TEST

START_TEST(heard_again_after_quiet_and_after_loss)
{
	start(1, 100 * MS, 5);
	hear(0);
	run_until(now + 300 * MS);
	ck_assert_int_eq(d.hearing, FT_HEARING_QUIET);
	hear(0);
	ck_assert_int_eq(d.hearing, FT_HEARING_ALIVE);
	run_until(now + 5000 * MS);
	ck_assert_int_eq(d.hearing, FT_HEARING_LOST);
	ck_assert(!d.links[0].alive);
	hear(0);
	ck_assert_int_eq(d.hearing, FT_HEARING_ALIVE);
	ck_assert(d.links[0].alive);
	/* and a second loss takes as long as the first */
	next_change();
	next_change();
	ck_assert_int_eq(d.hearing, FT_HEARING_LOST);
	ck_assert_int_eq(now - ft_detector_last_heard(&d), 500 * MS);
}
END_TEST

START_TEST(one_link_of_two_is_enough)
{
	int64_t cut;

	start(2, 100 * MS, 5);
	hear(0);
	hear(1);
	cut = now;
	while (now < cut + 3000 * MS) {
		run_until(now + 100 * MS);
		hear(1);
		ck_assert_int_eq(d.hearing, FT_HEARING_ALIVE);
		ck_assert_int_eq(d.links[0].alive, now - cut < 500 * MS);
		ck_assert(d.links[1].alive);
	}
	hear(0);
	ck_assert(d.links[0].alive);
	next_change();
	next_change();
	ck_assert_int_eq(d.hearing, FT_HEARING_LOST);
}
END_TEST

/* SIGSTOP, a starved host, a suspended laptop: our own absence is not the peer's. */
START_TEST(a_stall_of_our_own_is_not_held_against_the_peer)
{
	start(2, 100 * MS, 5);
	hear(0);
	hear(1);
	run_until(now + 80 * MS);
	now += 2000 * MS;
	ck_assert(!ft_detector_tick(&d, now));
	ck_assert_int_eq(d.hearing, FT_HEARING_ALIVE);
	ck_assert(d.links[0].alive && d.links[1].alive);
	ck_assert_int_eq(d.stalled_ns, 2000 * MS);
	/* The peer has a whole window from now. */
	{
		int64_t woke = now;

		next_change();
		next_change();
		ck_assert_int_eq(d.hearing, FT_HEARING_LOST);
		ck_assert_int_eq(now - woke, 500 * MS);
	}
}
END_TEST

/* Shorter than the window, and yet it was not listening: only one tick period of it counts. */
START_TEST(a_short_stall_counts_as_one_tick)
{
	int64_t heard;

	start(1, 100 * MS, 5);
	hear(0);
	heard = now;
	now += 500 * MS;
	ft_detector_tick(&d, now);
	ck_assert_int_eq(d.hearing, FT_HEARING_ALIVE);
	next_change();
	next_change();
	ck_assert_int_eq(d.hearing, FT_HEARING_LOST);
	ck_assert_int_eq(now - heard, 500 * MS + 500 * MS - GAP_COUNTS);
}
END_TEST

START_TEST(a_starved_daemon_still_comes_to_a_verdict)
{
	int ticks = 0;

	start(1, 100 * MS, 5);
	hear(0);
	while (d.hearing != FT_HEARING_LOST) {
		now += 1500 * MS;
		ft_detector_tick(&d, now);
		ck_assert_int_lt(++ticks, 20);
	}
	/* One tick began anew, then five intervals had to pass. */
	ck_assert_int_eq(ticks, 6);
}
END_TEST

START_TEST(a_stall_brings_no_lost_peer_back)
{
	start(1, 100 * MS, 5);
	hear(0);
	run_until(now + 1000 * MS);
	ck_assert_int_eq(d.hearing, FT_HEARING_LOST);
	now += 5000 * MS;
	ck_assert(!ft_detector_tick(&d, now));
	ck_assert_int_eq(d.hearing, FT_HEARING_LOST);
	ck_assert(!d.links[0].alive);
}
END_TEST

START_TEST(a_clock_that_steps_back_does_nothing)
{
	start(1, 100 * MS, 5);
	hear(0);
	ck_assert(!ft_detector_tick(&d, now - 5000 * MS));
	ck_assert_int_gt(ft_detector_deadline(&d), now);
	next_change();
	next_change();
	ck_assert_int_eq(now - ft_detector_last_heard(&d), 500 * MS);
}
END_TEST

START_TEST(a_shorter_window_judges_nobody_by_itself)
{
	int64_t changed;

	start(1, 100 * MS, 10);
	hear(0);
	run_until(now + 400 * MS);
	ck_assert_int_eq(d.hearing, FT_HEARING_ALIVE);
	changed = now;
	ft_detector_retime(&d, 1, 10 * MS, 3, now);
	ck_assert(!ft_detector_tick(&d, now));
	next_change();
	next_change();
	ck_assert_int_eq(d.hearing, FT_HEARING_LOST);
	ck_assert_int_eq(now - changed, 30 * MS);
}
END_TEST

START_TEST(a_longer_window_brings_no_lost_peer_back)
{
	start(1, 10 * MS, 3);
	hear(0);
	run_until(now + 100 * MS);
	ck_assert_int_eq(d.hearing, FT_HEARING_LOST);
	ft_detector_retime(&d, 1, 1000 * MS, 10, now);
	run_until(now + 20000 * MS);
	ck_assert_int_eq(d.hearing, FT_HEARING_LOST);
	hear(0);
	ck_assert_int_eq(d.hearing, FT_HEARING_ALIVE);
}
END_TEST

/* The only living link is taken away by a reload: the rest have a window to be heard. */
START_TEST(a_link_taken_away_is_no_loss)
{
	start(2, 100 * MS, 5);
	hear(1);
	ft_detector_retime(&d, 1, 100 * MS, 5, now);
	ck_assert(!ft_detector_tick(&d, now));
	run_until(now + 400 * MS);
	ck_assert_int_eq(d.hearing, FT_HEARING_QUIET);
	hear(0);
	ck_assert_int_eq(d.hearing, FT_HEARING_ALIVE);
	ft_detector_retime(&d, 2, 100 * MS, 5, now);
	ft_detector_tick(&d, now);
	ck_assert(d.links[0].alive && !d.links[1].alive && !d.links[1].heard_ever);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("detector");
	TCase *t = tcase_create("detector");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_test(t, silence_from_the_start_is_no_loss);
	tcase_add_test(t, hearing_is_told_by_the_tick_alone);
	tcase_add_loop_test(t, loss_is_declared_exactly_at_the_window, 0, (int)(sizeof settings / sizeof settings[0]));
	tcase_add_test(t, silence_is_foretold);
	tcase_add_test(t, heard_again_after_quiet_and_after_loss);
	tcase_add_test(t, one_link_of_two_is_enough);
	tcase_add_test(t, a_stall_of_our_own_is_not_held_against_the_peer);
	tcase_add_test(t, a_short_stall_counts_as_one_tick);
	tcase_add_test(t, a_starved_daemon_still_comes_to_a_verdict);
	tcase_add_test(t, a_stall_brings_no_lost_peer_back);
	tcase_add_test(t, a_clock_that_steps_back_does_nothing);
	tcase_add_test(t, a_shorter_window_judges_nobody_by_itself);
	tcase_add_test(t, a_longer_window_brings_no_lost_peer_back);
	tcase_add_test(t, a_link_taken_away_is_no_loss);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
