/* What random loss costs, measured: two hubs on one link that loses datagrams either way, for hours of virtual time.
 * Counted are false alarms, and how often a side's right to run (its newest acknowledged heartbeat is younger than the
 * detection time less ft_right_ends_early()) has ended although both are there.  Pairs are made anew all the time, so that every phase between
 * the two schedules has its turn: the right is in most danger where acknowledgements wait longest.
 * All is played by two sides without roles, which keep to schedules of their own, and by a primary and a secondary, which
 * keeps in step. */
#include "heartbeat/hub.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS            FT_NS_PER_MS
#define HOUR          (3600 * 1000 * MS)
#define IN_FLIGHT     64  /* each way; a power of two */
#define LIFE          500 /* intervals that a pair lives */
#define SCHEDULE_EACH 2   /* heartbeats an interval of both sides together */

enum roles { NO_ROLES, PAIR, ROLES };

struct setting {
	int interval_ms, lost_after;
	int loss;    /* percent, each way */
	int64_t rtt; /* ns */
};

struct tally {
	int64_t played;
	int alarms, expiries; /* of both sides together */
	double extra;         /* datagrams beyond the schedule, as a part of it */
};

struct datagram {
	int64_t at;
	size_t len;
	uint8_t data[FT_WIRE_MAX];
};

/* One side, and what is on its way to it, in order. */
struct side {
	struct ft_heartbeat_settings config;
	struct ft_hub hub;
	unsigned first, n;
	struct datagram in_flight[IN_FLIGHT];
	int64_t acked;
};

static struct side sides[2];
static struct setting set;
static enum roles roles;
static struct tally tally;
static int64_t now;
static uint64_t dice_state, incarnations, sent;

static unsigned dice(unsigned n)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 7;
	dice_state ^= dice_state << 17;
	return (unsigned)(dice_state >> 32) % n;
}

static void send_from(int i)
{
	static const struct ft_side self[ROLES][2] = {
	    [NO_ROLES] = {{.state = FT_PROTECTED}, {.state = FT_PROTECTED}},
	    [PAIR] = {{.state = FT_PROTECTED, .role = FT_ROLE_PRIMARY},
	              {.state = FT_PROTECTED, .role = FT_ROLE_SECONDARY}},
	};
	struct side *to = &sides[!i];
	struct datagram *d = &to->in_flight[(to->first + to->n) % IN_FLIGHT];

	ck_assert_uint_lt(to->n, IN_FLIGHT);
	d->len = ft_hub_compose(&sides[i].hub, 0, &self[roles][i], now, d->data);
	d->at = now + set.rtt / 2;
	sent++;
	to->n += dice(100) >= (unsigned)set.loss;
}

static void receive(int i)
{
	struct side *s = &sides[i];
	const struct datagram *d = &s->in_flight[s->first++ % IN_FLIGHT];
	enum ft_heard heard = ft_hub_receive(&s->hub, 0, d->data, d->len, now);

	s->n--;
	if (heard == FT_HEARD_HELLO || heard == FT_HEARD_ASKED || heard == FT_HEARD_NEW_PEER)
		send_from(i);
}

/* The right to run has ended when an acknowledgement comes after the one before it is over. */
static void watch_right(struct side *s)
{
	int64_t acked = ft_hub_acked_sent(&s->hub);

	if (acked == s->acked)
		return;
	int64_t window = s->hub.detector.window;
	if (s->acked != FT_NEVER && now - s->acked >= window - ft_right_ends_early(window))
		tally.expiries++;
	s->acked = acked;
}

static void turn(int i)
{
	struct side *s = &sides[i];

	while (s->n && s->in_flight[s->first % IN_FLIGHT].at <= now)
		receive(i);
	if (ft_detector_tick(&s->hub.detector, now) && s->hub.detector.hearing == FT_HEARING_LOST)
		tally.alarms++;
	watch_right(s);
	if (ft_hub_send_due(&s->hub, now))
		send_from(i);
}

static int64_t wake_at(const struct side *s)
{
	int64_t deadline = ft_hub_deadline(&s->hub);

	return s->n && s->in_flight[s->first % IN_FLIGHT].at < deadline ? s->in_flight[s->first % IN_FLIGHT].at
	                                                                : deadline;
}

static void run(int64_t duration)
{
	int64_t end = now + duration;

	for (;;) {
		int64_t at[2] = {wake_at(&sides[0]), wake_at(&sides[1])};
		int i = at[1] < at[0];

		if (at[i] > end)
			break;
		now = at[i] > now ? at[i] : now;
		turn(i);
	}
	now = end;
}

static void meet(void)
{
	int loss = set.loss;

	for (int i = 0; i < 2; i++) {
		struct side *s = &sides[i];

		s->config = (struct ft_heartbeat_settings){.pair = "vm1", .n_keys = 1, .n_links = 1};
		s->config.interval_ms = set.interval_ms;
		s->config.lost_after = set.lost_after;
		strcpy(s->config.node, i ? "beta" : "alpha");
		s->n = 0;
		s->acked = FT_NEVER;
		ft_hub_init(&s->hub, &s->config, ++incarnations, 0, now);
	}
	set.loss = 0;
	run(2 * set.interval_ms * MS + 4 * set.rtt);
	set.loss = loss;
}

static struct tally play(struct setting setting, int64_t duration)
{
	int64_t life = LIFE * (int64_t)setting.interval_ms * MS;
	uint64_t scheduled;

	set = setting;
	tally = (struct tally){0};
	now = 5000 * MS;
	dice_state = 88172645463325252;
	incarnations = 1000;
	sent = 0;
	for (; tally.played < duration; tally.played += life) {
		meet();
		run(life);
	}
	scheduled = (uint64_t)(now / (setting.interval_ms * MS)) * SCHEDULE_EACH;
	tally.extra = (double)sent / (double)scheduled - 1;
	return tally;
}

/* FTD_LOSS_HOURS=10 plays each setting for ten virtual hours, and says what it cost. */
static struct tally play_hours(struct setting setting, double hours)
{
	const char *wanted = getenv("FTD_LOSS_HOURS");
	struct tally t = play(setting, (int64_t)((wanted ? atof(wanted) : hours) * HOUR));

	if (wanted)
		printf("%s, %d ms x %d, %d %% lost, round trip %.1f ms: in %.1f h %d false alarms, %d rights ended, "
		       "%.0f %% more datagrams\n",
		       roles == PAIR ? "in step" : "no roles", setting.interval_ms, setting.lost_after, setting.loss,
		       (double)setting.rtt / 1e6, (double)t.played / HOUR, t.alarms, t.expiries, 100 * t.extra);
	fflush(stdout); /* a test that fails does not */
	return t;
}

/* Round trips of up to a quarter of the interval. */
static const struct {
	struct setting setting;
	double hours, extra;
} settings[] = {
    {{10, 3, 1, 100000}, 0.2, 0.04},  {{10, 3, 10, 100000}, 0.2, 0.3},  {{10, 3, 20, 100000}, 0.5, 0.6},
    {{10, 3, 20, 1 * MS}, 0.2, 0.8},  {{10, 3, 10, 2500000}, 0.2, 1.2}, {{50, 3, 20, 1 * MS}, 0.5, 0.6},
    {{50, 3, 20, 12 * MS}, 0.5, 1.8}, {{100, 5, 20, 10 * MS}, 2, 0.4},  {{300, 3, 20, 30 * MS}, 2, 0.9},
    {{10, 2, 10, 100000}, 0.1, 1.4},
};

START_TEST(random_loss_alarms_nobody_and_ends_no_right)
{
	roles = _i % ROLES;
	struct tally t = play_hours(settings[_i / ROLES].setting, settings[_i / ROLES].hours);

	ck_assert_int_eq(t.alarms, 0);
	ck_assert_int_eq(t.expiries, 0);
	ck_assert_double_le(t.extra, settings[_i / ROLES].extra);
}
END_TEST

START_TEST(no_loss_no_question)
{
	roles = _i;
	ck_assert_double_lt(play_hours((struct setting){10, 3, 0, 500000}, 0.1).extra, 0.01);
	ck_assert_double_lt(play_hours((struct setting){100, 5, 0, 20 * MS}, 1).extra, 0.01);
}
END_TEST

/* What the tests above say there is none of would have been seen. */
START_TEST(too_much_loss_is_seen_here)
{
	roles = _i;
	struct tally t = play_hours((struct setting){10, 3, 90, 100000}, 0.01);

	ck_assert_int_gt(t.alarms, 10);
	ck_assert_int_gt(t.expiries, 10);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("loss");
	TCase *t = tcase_create("loss");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 0);
	tcase_add_loop_test(t, random_loss_alarms_nobody_and_ends_no_right, 0,
	                    ROLES * (int)(sizeof settings / sizeof settings[0]));
	tcase_add_loop_test(t, no_loss_no_question, 0, ROLES);
	tcase_add_loop_test(t, too_much_loss_is_seen_here, 0, ROLES);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
