/* The advice against links of known make: is the wished rate met by a receiver with a plain deadline, in a trace far longer
 * than the one the advice was drawn from, and is nothing given away? */
#include "heartbeat/advice.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MS   FT_NS_PER_MS
#define HOUR (3600 * 1000 * MS)

/* A link as it is in time: lone losses, and bursts in which all is lost; lateness up to `jitter`, now and then more. */
struct make {
	double loss;         /* of a heartbeat */
	double bursts, mean; /* an hour; ms */
	int64_t jitter;      /* ns, even */
	double spikes;       /* share of heartbeats that are late by up to ten times jitter */
};

struct link {
	const struct make *make;
	uint64_t state;
	int64_t burst_at, burst_end;
};

static double chance(struct link *l)
{
	l->state ^= l->state << 13;
	l->state ^= l->state >> 7;
	l->state ^= l->state << 17;
	return ((double)(l->state >> 11) + 0.5) / 9007199254740992.0;
}

/* Exponential, with mean 1. */
static double lapse(struct link *l)
{
	return -log(chance(l));
}

static struct link link_of(const struct make *make, uint64_t seed)
{
	struct link l = {.make = make, .state = seed * 0x9e3779b97f4a7c15u + 1, .burst_at = INT64_MAX};

	for (int i = 0; i < 20; i++)
		(void)chance(&l);
	if (make->bursts > 0)
		l.burst_at = (int64_t)(lapse(&l) * (double)HOUR / make->bursts);
	return l;
}

/* When what is sent at `sent` (never decreasing) comes in; FT_NEVER: it does not. */
static int64_t arrival(struct link *l, int64_t sent)
{
	const struct make *m = l->make;

	while (sent >= l->burst_at) {
		l->burst_end = l->burst_at + (int64_t)(lapse(l) * m->mean * 1e6);
		l->burst_at = l->burst_end + (int64_t)(lapse(l) * (double)HOUR / m->bursts);
	}
	if (sent < l->burst_end || (m->loss > 0 && chance(l) < m->loss))
		return FT_NEVER;
	if (m->jitter == 0)
		return sent + MS;
	if (m->spikes > 0 && chance(l) < m->spikes)
		return sent + MS + (int64_t)(chance(l) * 10 * (double)m->jitter);
	return sent + MS + (int64_t)(chance(l) * (double)m->jitter);
}

/* A plain deadline, and the grace of arrivals.h, in place of the questions that are asked before a verdict. */
static int64_t window_of(int interval_ms, int lost_after)
{
	return lost_after * interval_ms * MS + interval_ms * MS / 16;
}

static struct ft_arrivals observed; /* too large for a stack with sanitizers */

/* What `hours` of a link at this interval leave behind. */
static const struct ft_arrivals *observe(const struct make *make, int interval_ms, double hours, uint64_t seed)
{
	struct link l = link_of(make, seed);
	int64_t interval = interval_ms * MS, last = 0;
	uint64_t sequence = 0;

	ft_arrivals_init(&observed, interval, 5 * interval, 0);
	for (int64_t sent = interval; sent < (int64_t)(hours * (double)HOUR); sent += interval) {
		int64_t at = arrival(&l, sent);

		sequence++;
		if (at == FT_NEVER || at <= last) /* overtaken: a replay to the hub */
			continue;
		last = at;
		ft_arrivals_heard(&observed, 0,
		                  &(struct ft_arrival){.now = at,
		                                       .awake = at,
		                                       .incarnation = 7,
		                                       .sequence = sequence,
		                                       .sent = sent,
		                                       .rtt = 2 * MS,
		                                       .acked = FT_NEVER});
	}
	return &observed;
}

/* Alarms an hour of a receiver with a plain deadline. */
static double alarms(const struct make *make, int interval_ms, int lost_after, double hours, uint64_t seed)
{
	struct link l = link_of(make, seed);
	int64_t interval = interval_ms * MS, window = window_of(interval_ms, lost_after), last = 0;
	uint64_t n = 0;

	for (int64_t sent = interval; sent < (int64_t)(hours * (double)HOUR); sent += interval) {
		int64_t at = arrival(&l, sent);

		if (at == FT_NEVER || at <= last)
			continue;
		if (last > 0 && at - last > window)
			n++;
		last = at;
	}
	return (double)n / hours;
}

static struct ft_advice advise(const struct ft_arrivals *a, double per_hour, int64_t detection)
{
	return ft_advise(a, 5, &(struct ft_advice_wish){.alarms_per_hour = per_hour, .detection = detection});
}

static const struct make makes[] = {
    {.loss = 0.01},                                     /* 0: lone losses */
    {.loss = 0.10},                                     /* 1: many */
    {.bursts = 60, .mean = 250},                        /* 2: bursts alone */
    {.loss = 0.01, .bursts = 20, .mean = 400},          /* 3: both */
    {.loss = 0.01, .jitter = 20 * MS, .spikes = 0.001}, /* 4: late ones */
    {.loss = 0.01, .bursts = 1, .mean = 500},           /* 5: a rare kind of burst */
};
#define RARE    (N_MAKES - 1) /* too rare for ten hours to tell what an hour brings */
#define N_MAKES ((int)(sizeof makes / sizeof makes[0]))

/* From ten hours, one alarm an hour is wished; judged in 300 others. */
START_TEST(the_wished_rate_is_met_and_nothing_given_away)
{
	const struct make *m = &makes[_i];

	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct ft_advice out = advise(observe(m, 100, 10, seed), 1, 0);
		const struct ft_advice_setting *b = &out.best;
		double met = alarms(m, b->interval_ms, b->lost_after, 300, seed + 100);
		int wasteful = b->lost_after * 3 / 5 < b->lost_after - 2 ? b->lost_after * 3 / 5 : b->lost_after - 2;

		ck_assert_int_eq(out.verdict, FT_ADVICE_MET);
		ck_assert_int_eq(b->interval_ms, 100);
		ck_assert_double_le(b->per_hour, 1);
		ck_assert_msg(met <= 1, "%d x %d ms alarms %.2f times an hour", b->lost_after, b->interval_ms, met);
		/* Two intervals less, or two fifths where it is many, and it would not hold */
		if (wasteful >= 2)
			ck_assert_double_gt(alarms(m, b->interval_ms, wasteful, 300, seed + 200), 1);
		else
			ck_assert_int_le(b->lost_after, 4);
		/* And what is suggested to see finer is as safe */
		ck_assert_int_eq(out.finer.interval_ms, 50);
		ck_assert_double_le(alarms(m, out.finer.interval_ms, out.finer.lost_after, 300, seed + 300), 1);
	}
}
END_TEST

/* The forecast of a rate never seen: one alarm a day, from six hours, judged in a thousand others. */
START_TEST(the_model_holds_beyond_what_was_seen)
{
	const struct make *m = &makes[_i];
	struct ft_advice out = advise(observe(m, 100, 6, 11), 1.0 / 24, 0);
	double met = alarms(m, out.best.interval_ms, out.best.lost_after, 1000, 12);

	ck_assert_int_eq(out.verdict, FT_ADVICE_MET);
	ck_assert_double_gt(out.best.supported, 1.0 / 24); /* six hours cannot show it, and it says so */
	ck_assert_double_le(met, out.best.supported);
	if (_i >= RARE) /* in these six hours not one burst came: no model can know of it */
		return;
	ck_assert_double_le(met, 1.0 / 24);
	/* nor is it out of all proportion: half of it, the unseen apart, would not do */
	int half = (out.best.lost_after - 4) / 2;
	ck_assert(half < 2 || alarms(m, out.best.interval_ms, half, 1000, 12) > 1.0 / 24);
}
END_TEST

START_TEST(a_lower_rate_never_asks_for_less)
{
	for (int m = 0; m < N_MAKES; m++) {
		const struct ft_arrivals *a = observe(&makes[m], m % 2 ? 100 : 10, 1, 5);
		int64_t window = 0;

		for (double per_hour = 100; per_hour > 1e-9; per_hour /= 3) {
			struct ft_advice out = advise(a, per_hour, 0);

			if (out.verdict == FT_ADVICE_IMPOSSIBLE)
				window = INT64_MAX;
			ck_assert(window < INT64_MAX || out.verdict == FT_ADVICE_IMPOSSIBLE);
			if (out.verdict == FT_ADVICE_IMPOSSIBLE)
				continue;
			ck_assert_int_ge(out.best.window, window);
			ck_assert_double_le(out.best.per_hour, per_hour);
			ck_assert(out.best.interval_ms >= 5 && out.best.interval_ms <= 10000);
			ck_assert(out.best.lost_after >= 2 && out.best.lost_after <= 100);
			window = out.best.window;
		}
	}
}
END_TEST

START_TEST(more_of_the_same_data_allows_more)
{
	static const struct make clean = {0};
	int before = 101;

	for (double hours = 0.05; hours < 200; hours *= 8) {
		struct ft_advice out = advise(observe(&clean, 100, hours, 1), 1.0 / 8766, 0);

		ck_assert_int_eq(out.verdict, FT_ADVICE_MET);
		ck_assert_int_lt(out.best.lost_after, before);
		ck_assert_double_eq_tol(out.best.supported, 3 / hours, 0.1 / hours); /* the rule of three */
		before = out.best.lost_after;
	}
}
END_TEST

/* A minute of a quiet link supports no claim for a year, however many heartbeats went by in it. */
START_TEST(a_shorter_interval_makes_no_bolder_claim)
{
	static const struct make clean = {0};
	int64_t slow = advise(observe(&clean, 50, 1, 1), 1.0 / 8766, 0).best.window;
	int64_t quick = advise(observe(&clean, 5, 1, 1), 1.0 / 8766, 0).best.window;

	ck_assert_int_gt(quick, slow * 3 / 4);
	ck_assert_int_le(quick, slow);
}
END_TEST

START_TEST(too_little_data_gives_no_advice)
{
	static struct ft_arrivals none;
	struct ft_advice out;

	ft_arrivals_init(&none, 100 * MS, 500 * MS, 0);
	out = advise(&none, 1, 0);
	ck_assert_int_eq(out.verdict, FT_ADVICE_TOO_LITTLE);
	ck_assert_int_eq(out.wait, 100 * 1000 * MS);
	ck_assert_int_eq(out.best.lost_after, 0);
	out = advise(observe(&makes[0], 100, 60.0 / 3600, 1), 1, 200 * MS);
	ck_assert_int_eq(out.verdict, FT_ADVICE_TOO_LITTLE);
	ck_assert_int_gt(out.wait, 35 * 1000 * MS);
	ck_assert_int_lt(out.wait, 50 * 1000 * MS);
}
END_TEST

START_TEST(a_wished_time_is_kept_or_said_to_be_too_short)
{
	const struct ft_arrivals *a = observe(&makes[3], 100, 10, 1);
	struct ft_advice fast = advise(a, 1, 0), out = advise(a, 1, 2 * fast.best.window);

	ck_assert_int_eq(out.verdict, FT_ADVICE_MET);
	ck_assert_int_le(out.best.window, 2 * fast.best.window);
	ck_assert_int_gt(out.best.window, 2 * fast.best.window - 200 * MS); /* all the time there is makes it safer */
	ck_assert_double_lt(out.best.per_hour, fast.best.per_hour);
	for (int64_t wish = fast.best.window - 1; wish >= 11 * MS; wish = wish * 2 / 3) {
		out = advise(a, 1, wish);
		ck_assert_int_eq(out.verdict, FT_ADVICE_NOT_IN_TIME);
		ck_assert_int_le(out.best.window, wish);
		ck_assert_int_eq(out.fastest.lost_after, fast.best.lost_after);
		ck_assert_double_gt(out.best.per_hour, 1);
		/* and the figure is a bound, also where no interval was that short */
		ck_assert_double_ge(out.best.per_hour,
		                    alarms(&makes[3], out.best.interval_ms, out.best.lost_after, 20, 9));
	}
}
END_TEST

/* Bursts that no hundred of today's intervals cover. */
START_TEST(a_longer_interval_where_no_count_will_do)
{
	static const struct make long_bursts = {.loss = 0.001, .bursts = 30, .mean = 600};
	struct ft_advice out = advise(observe(&long_bursts, 10, 20, 3), 1.0 / 10, 0);

	ck_assert_int_eq(out.verdict, FT_ADVICE_MET);
	ck_assert_int_gt(out.best.interval_ms, 10);
	ck_assert_double_le(alarms(&long_bursts, out.best.interval_ms, out.best.lost_after, 1000, 4), 0.1);
	ck_assert_int_lt(out.best.window, 3 * 3400 * MS); /* the truth asks for about 3.4 s */
	static const struct make hopeless = {.loss = 0.999};
	out = advise(observe(&hopeless, 1000, 3000, 3), 1.0 / 8766, 0);
	ck_assert_int_eq(out.verdict, FT_ADVICE_IMPOSSIBLE);
}
END_TEST

/* Thousands of lone losses must not make four bursts of a second look as if the next could not be longer. */
START_TEST(few_bursts_among_many_lone_losses_are_a_kind_of_their_own)
{
	static const int64_t bursts[] = {8, 9, 11, 14};
	static struct ft_arrivals a;

	a = *observe(&(struct make){0}, 100, 10, 1);
	for (int i = 0; i < 3000; i++)
		ft_histogram_add(&a.silence, i < 30 ? 2 : 1);
	int lone = advise(&a, 0.01, 0).best.lost_after;
	for (int i = 0; i < 4; i++)
		ft_histogram_add(&a.silence, bursts[i]);
	int both = advise(&a, 0.01, 0).best.lost_after;
	ck_assert_int_le(lone, 8);
	ck_assert_int_gt(both, 30); /* four bursts of ten on average: one in eight goes on no further */
	ck_assert_int_lt(both, 60);
}
END_TEST

START_TEST(the_lease_asks_for_a_third_interval)
{
	static struct ft_arrivals a;
	struct ft_advice_wish wish = {.alarms_per_hour = 1, .lease = true};
	struct ft_advice out;

	a = *observe(&(struct make){.jitter = MS}, 100, 100, 1);
	for (int i = 0; i < 3600000; i++)
		ft_histogram_add(&a.lease, 1 + i % 2); /* ages of up to three intervals: nothing is lost */
	out = ft_advise(&a, 5, &wish);
	ck_assert_int_eq(out.verdict, FT_ADVICE_MET);
	ck_assert_int_ge(out.best.lost_after, 3);
	ck_assert_int_le(out.best.lost_after, 5);
	for (int i = 0; i < 1000; i++)
		ft_histogram_add(&a.lease, 7);
	ck_assert_int_ge(ft_advise(&a, 5, &wish).best.lost_after, 8);
	wish.lease = false;
	ck_assert_int_eq(ft_advise(&a, 5, &wish).best.lost_after, 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("advice");
	TCase *c = tcase_create("advice");

	tcase_set_timeout(c, 300);
	tcase_add_loop_test(c, the_wished_rate_is_met_and_nothing_given_away, 0, RARE);
	tcase_add_loop_test(c, the_model_holds_beyond_what_was_seen, 0, N_MAKES);
	tcase_add_test(c, a_lower_rate_never_asks_for_less);
	tcase_add_test(c, more_of_the_same_data_allows_more);
	tcase_add_test(c, a_shorter_interval_makes_no_bolder_claim);
	tcase_add_test(c, too_little_data_gives_no_advice);
	tcase_add_test(c, a_wished_time_is_kept_or_said_to_be_too_short);
	tcase_add_test(c, a_longer_interval_where_no_count_will_do);
	tcase_add_test(c, the_lease_asks_for_a_third_interval);
	suite_add_tcase(s, c);
	c = tcase_create("kinds");
	tcase_add_test(c, few_bursts_among_many_lone_losses_are_a_kind_of_their_own);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
