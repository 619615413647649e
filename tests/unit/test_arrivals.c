/* What is counted of the links, with made-up traces of known make and with two real hubs, all in virtual time. */
#include "heartbeat/hub.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MS       FT_NS_PER_MS
#define INTERVAL (100 * MS)
#define GRACE    (INTERVAL / 16)
#define WINDOW   (5 * INTERVAL)
#define AWAY     (123456789 * MS) /* the peer's clock beside ours */

static struct ft_arrivals a;
static int64_t now, awake;
static uint64_t sequence[FT_LINKS_MAX], dice_state;

static unsigned dice(unsigned sides)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 7;
	dice_state ^= dice_state << 17;
	return (unsigned)(dice_state >> 32) % sides;
}

static void start(void)
{
	now = awake = 1000000 * MS;
	dice_state = 88172645463325252u;
	memset(sequence, 0, sizeof sequence);
	ft_arrivals_init(&a, INTERVAL, WINDOW, now);
}

/* A heartbeat sent `way` ago; clocks stand at now. */
static void hear_on(int link, int64_t way, bool doubt)
{
	ft_arrivals_heard(&a, link,
	                  &(struct ft_arrival){.now = now,
	                                       .awake = awake,
	                                       .incarnation = 7,
	                                       .sequence = ++sequence[link],
	                                       .sent = now - way + AWAY,
	                                       .rtt = 2 * way,
	                                       .acked = FT_NEVER,
	                                       .doubt = doubt});
}

static void pass(int64_t time)
{
	now += time;
	awake += time;
}

/* One interval, and a heartbeat at its end: heard, or lost. */
static void beat(bool lost)
{
	pass(INTERVAL);
	if (lost)
		sequence[0]++;
	else
		hear_on(0, MS, false);
}

static uint64_t runs_of(int64_t length)
{
	const struct ft_histogram *h = &a.links[0].runs;

	return ft_histogram_at_least(h, length) - ft_histogram_at_least(h, length + 1);
}

START_TEST(a_histogram_is_exact_below_16_and_never_too_few_above)
{
	struct ft_histogram h;

	ft_histogram_clear(&h);
	ck_assert_int_eq(ft_histogram_quantile(&h, 0.5), -1);
	ck_assert_uint_eq(ft_histogram_at_least(&h, 0), 0);
	for (int64_t v = 0; v < 100000; v++)
		ft_histogram_add(&h, v);
	for (int64_t v = 0; v <= 16; v++)
		ck_assert_uint_eq(ft_histogram_at_least(&h, v), (uint64_t)(100000 - v));
	for (int64_t v = 16; v < 100000; v += 7) {
		ck_assert_uint_ge(ft_histogram_at_least(&h, v), (uint64_t)(100000 - v));
		ck_assert_uint_le(ft_histogram_at_least(&h, v), (uint64_t)(100000 - v + v / 8 + 1));
	}
	for (int permille = 1; permille <= 1000; permille++) {
		int64_t q = ft_histogram_quantile(&h, permille / 1000.0);

		ck_assert_int_ge(q, permille * 100 - 1);
		ck_assert_int_le(q, permille * 100 * 9 / 8 + 1);
	}
	ck_assert_int_eq(ft_histogram_quantile(&h, 1), 99999);
	ck_assert_int_eq(h.min, 0);
	ft_histogram_add(&h, INT64_MAX);
	ft_histogram_add(&h, -5);
	ck_assert_int_eq(h.max, INT64_MAX);
	ck_assert_uint_eq(ft_histogram_at_least(&h, (int64_t)1 << 40), 1);
	ck_assert_int_eq(ft_histogram_quantile(&h, 1), INT64_MAX);
}
END_TEST

START_TEST(losses_and_their_runs)
{
	static const int pattern[] = {0, 0, 1, 0, 0, 1, 1, 0, 1, 0, 1, 1, 1, 0, 0};

	start();
	for (int i = 0; i < 15; i++)
		beat(pattern[i]);
	ck_assert_uint_eq(a.links[0].heard, 7); /* the first one is where counting begins */
	ck_assert_uint_eq(a.links[0].lost, 7);
	ck_assert_uint_eq(runs_of(1), 2);
	ck_assert_uint_eq(runs_of(2), 1);
	ck_assert_uint_eq(runs_of(3), 1);
	ck_assert_uint_eq(ft_histogram_at_least(&a.silence, 1), 4);
	ck_assert_uint_eq(ft_histogram_at_least(&a.silence, 3), 1);
	ck_assert_uint_eq(ft_histogram_at_least(&a.silence, 4), 0);
	ck_assert_int_eq(a.longest, 4 * INTERVAL);
	ck_assert_int_eq(a.listened, 14 * INTERVAL);
	ck_assert_uint_eq(a.alarms, 0);
}
END_TEST

START_TEST(a_level_is_the_count_that_would_have_alarmed)
{
	start();
	beat(false);
	for (int i = 0; i < 3; i++) {
		pass(2 * INTERVAL + GRACE + i -
		     1); /* 2 intervals and the grace are no loss yet; a nanosecond more is */
		sequence[0]++;
		hear_on(0, MS, false);
	}
	ck_assert_uint_eq(ft_histogram_at_least(&a.silence, 1), 3);
	ck_assert_uint_eq(ft_histogram_at_least(&a.silence, 2), 1);
}
END_TEST

START_TEST(lateness_needs_no_common_clock_and_no_common_rate)
{
	start();
	for (int i = 0; i < 20000; i++) {
		int64_t late = dice(1000) == 0 ? 30 * MS : dice(2001) * 1000; /* us */

		pass(INTERVAL - INTERVAL / 10000); /* the peer's clock is 100 ppm fast: 0.2 s in the end */
		ft_arrivals_heard(&a, 0,
		                  &(struct ft_arrival){.now = now + late,
		                                       .awake = awake + late,
		                                       .incarnation = 7,
		                                       .sequence = ++sequence[0],
		                                       .sent = AWAY + i * INTERVAL,
		                                       .rtt = -1,
		                                       .acked = FT_NEVER});
	}
	const struct ft_histogram *h = &a.links[0].late_us;
	ck_assert_int_ge(ft_histogram_quantile(h, 0.5), 800);
	ck_assert_int_le(ft_histogram_quantile(h, 0.5), 1300);
	ck_assert_int_ge(ft_histogram_quantile(h, 0.999), 1950);
	ck_assert_int_ge(h->max, 29000);
	ck_assert_int_le(h->max, 31000);
	ck_assert_uint_eq(a.links[0].rtt_us.n, 0);
}
END_TEST

START_TEST(a_stall_of_ours_is_nobodys_fault)
{
	start();
	for (int i = 0; i < 100; i++)
		beat(false);
	struct ft_arrivals before = a;
	/* 25 intervals away: the first 20 wait in the socket, the others did not fit */
	now += 25 * INTERVAL;
	awake += INTERVAL + GRACE;
	for (int i = 0; i < 20; i++)
		hear_on(0, (25 - i) * INTERVAL + MS, true);
	sequence[0] += 5;
	beat(false);
	ck_assert_uint_eq(a.stalls, 1);
	ck_assert_uint_eq(a.links[0].lost, 0);
	ck_assert_int_eq(a.links[0].late_us.max, before.links[0].late_us.max);
	ck_assert_uint_eq(ft_histogram_at_least(&a.silence, 1), 0);
	ck_assert_int_eq(a.longest, before.longest);
	ck_assert_uint_eq(a.links[0].pauses, 0);
	for (int i = 0; i < 10; i++)
		beat(i == 5);
	ck_assert_uint_eq(a.links[0].lost, 1); /* and what comes after it counts again */
	ck_assert_uint_ge(a.links[0].heard, before.links[0].heard + 9);
}
END_TEST

START_TEST(a_pause_of_the_peer_is_no_loss_but_a_silence)
{
	start();
	beat(false);
	beat(false);
	pass(4 * INTERVAL + 10 * MS);
	hear_on(0, MS, false);
	beat(false);
	ck_assert_uint_eq(a.links[0].lost, 0);
	ck_assert_uint_eq(a.links[0].pauses, 1);
	ck_assert_int_eq(a.links[0].longest_pause, 3 * INTERVAL + 10 * MS);
	ck_assert_uint_eq(ft_histogram_at_least(&a.silence, 4), 1);
}
END_TEST

START_TEST(answers_end_no_silence)
{
	start();
	beat(false);
	/* two lost, then questions whose answers are heard, two more lost */
	for (int i = 1; i <= 4; i++) {
		pass(INTERVAL);
		sequence[0]++;
		if (i < 3)
			continue;
		pass(30 * MS);
		hear_on(0, MS, true);
		pass(-30 * MS);
	}
	beat(false);
	ck_assert_uint_eq(a.links[0].lost, 4);
	ck_assert_uint_eq(runs_of(4), 1);
	ck_assert_uint_eq(ft_histogram_at_least(&a.silence, 4), 1);
	ck_assert_int_lt(a.longest, 4 * INTERVAL); /* what the detector saw */
	/* news between two scheduled ones hide nothing and lose nothing */
	beat(false);
	pass(40 * MS);
	hear_on(0, MS, false);
	pass(-40 * MS);
	beat(true);
	beat(false);
	ck_assert_uint_eq(a.links[0].lost, 5);
	ck_assert_uint_eq(ft_histogram_at_least(&a.silence, 1), 2);
}
END_TEST

START_TEST(the_joint_silence_is_measured_not_multiplied)
{
	start();
	for (int i = 0; i < 10000; i++) {
		bool both = i % 100 == 50, one = i % 10 == 5;

		pass(INTERVAL);
		for (int link = 0; link < 2; link++) {
			if (both || (one && link == 0))
				sequence[link]++;
			else
				hear_on(link, MS, false);
		}
	}
	ck_assert_uint_eq(a.links[0].lost, 1100);
	ck_assert_uint_eq(a.links[1].lost, 100);
	ck_assert_uint_eq(ft_histogram_at_least(&a.silence, 1), 100);
	ck_assert_uint_eq(ft_histogram_at_least(&a.silence, 2), 0);
}
END_TEST

START_TEST(an_alarm_and_a_cut)
{
	start();
	beat(false);
	for (int i = 0; i < 5; i++)
		beat(true);
	beat(false);
	ck_assert_uint_eq(a.alarms, 1);
	for (int i = 0; i < 1000; i++)
		beat(true);
	beat(false);
	beat(false);
	ck_assert_uint_eq(a.alarms, 2);
	ck_assert_uint_eq(a.cuts, 1);
	ck_assert_uint_eq(a.links[0].lost, 5);
	ck_assert_int_eq(a.longest, 6 * INTERVAL);
	ck_assert_int_eq(a.listened, 7 * INTERVAL);
}
END_TEST

START_TEST(another_life_of_the_peer_is_no_silence)
{
	start();
	beat(false);
	beat(false);
	pass(50 * INTERVAL);
	ft_arrivals_heard(
	    &a, 0,
	    &(struct ft_arrival){.now = now, .awake = awake, .incarnation = 8, .sequence = 1, .acked = FT_NEVER});
	ck_assert_int_eq(a.longest, INTERVAL);
	ck_assert_uint_eq(a.alarms, 0);
	ck_assert_uint_eq(a.links[0].lost, 0);
	ck_assert_uint_eq(ft_histogram_at_least(&a.silence, 1), 0);
}
END_TEST

START_TEST(any_time_a_peer_may_claim_is_survived)
{
	start();
	for (int i = 0; i < 20000; i++) {
		static const int64_t odd[] = {INT64_MIN, INT64_MAX, 0, -1, 1, INT64_MAX - INTERVAL, INTERVAL};

		pass(dice(200) * MS);
		ft_arrivals_heard(&a, (int)dice(2),
		                  &(struct ft_arrival){.now = now,
		                                       .awake = awake,
		                                       .incarnation = 1 + dice(20) / 19,
		                                       .sequence = ++sequence[0] * (dice(2) ? 1 : UINT64_MAX / 50000),
		                                       .sent = odd[dice(7)],
		                                       .rtt = dice(2) ? INT64_MAX : -1,
		                                       .acked = dice(3) ? FT_NEVER : now - dice(300) * MS,
		                                       .doubt = dice(2)});
	}
	ck_assert_int_ge(a.listened, 0);
}
END_TEST

START_TEST(another_interval_begins_anew_another_window_does_not)
{
	start();
	for (int i = 0; i < 10; i++)
		beat(false);
	ft_arrivals_retime(&a, INTERVAL, 8 * INTERVAL, false, now);
	ck_assert_uint_eq(a.links[0].heard, 9);
	ck_assert_int_eq(a.window, 8 * INTERVAL);
	ft_arrivals_retime(&a, 2 * INTERVAL, 8 * INTERVAL, true, now);
	ck_assert_uint_eq(a.links[0].heard, 0);
	ck_assert_int_eq(a.since, now);
}
END_TEST

/* ---- two hubs that ask and answer, over a link that loses in bursts ---- */

#define IN_FLIGHT 64

static struct ft_heartbeat_settings config[2];
static struct ft_hub hub[2];
static struct {
	int64_t at;
	int to;
	size_t len;
	uint8_t data[FT_WIRE_MAX];
} flight[IN_FLIGHT];
static bool bad[2];
static uint64_t true_runs[65], true_lost, true_run; /* of scheduled heartbeats from host 1 to host 0 */

/* Bursts in time: whatever is sent within one is lost. */
static void weather(unsigned start_permille, unsigned stay_percent)
{
	for (int to = 0; to < 2; to++)
		bad[to] = bad[to] ? dice(100) < stay_percent : dice(1000) < start_permille;
}

static void send_from(int from)
{
	const struct ft_side side = {.state = FT_UNPROTECTED};
	uint8_t data[FT_WIRE_MAX];
	size_t len = ft_hub_compose(&hub[from], 0, &side, now, data);
	int i = 0;

	if (bad[!from])
		return;
	while (i < IN_FLIGHT && flight[i].at != FT_NEVER)
		i++;
	ck_assert_int_lt(i, IN_FLIGHT);
	flight[i].at = now + MS + dice(1000) * 1000;
	flight[i].to = !from;
	flight[i].len = len;
	memcpy(flight[i].data, data, len);
}

static void take_datagrams(void)
{
	for (int i = 0; i < IN_FLIGHT; i++) {
		if (flight[i].at > now || flight[i].at == FT_NEVER)
			continue;
		flight[i].at = FT_NEVER;
		enum ft_heard heard = ft_hub_receive(&hub[flight[i].to], 0, flight[i].data, flight[i].len, now);
		if (heard == FT_HEARD_HELLO || heard == FT_HEARD_ASKED || heard == FT_HEARD_NEW_PEER)
			send_from(flight[i].to);
		ft_detector_tick(&hub[flight[i].to].detector, now);
	}
}

static void note_truth(void)
{
	if (bad[0]) {
		true_lost++;
		true_run++;
	} else {
		true_runs[true_run < 64 ? true_run : 64]++;
		true_run = 0;
	}
}

static void turn(int i)
{
	int64_t due = hub[i].next_send;

	ft_detector_tick(&hub[i].detector, now);
	if (!ft_hub_send_due(&hub[i], now))
		return;
	if (i == 1 && hub[i].next_send != due)
		note_truth();
	send_from(i);
}

static int64_t next_event(void)
{
	int64_t next = INT64_MAX;

	for (int i = 0; i < 2; i++)
		if (ft_hub_deadline(&hub[i]) < next)
			next = ft_hub_deadline(&hub[i]);
	for (int i = 0; i < IN_FLIGHT; i++)
		if (flight[i].at != FT_NEVER && flight[i].at < next)
			next = flight[i].at;
	return next;
}

static void boot_hubs(void)
{
	start();
	for (int i = 0; i < 2; i++) {
		config[i] = (struct ft_heartbeat_settings){
		    .pair = "vm1", .n_keys = 1, .interval_ms = 100, .lost_after = 5, .n_links = 1};
		strcpy(config[i].node, i ? "beta" : "alpha");
		config[i].keys[0] = (struct ft_key){.id = 42, .bytes = {1, 2, 3}};
		ft_hub_init(&hub[i], &config[i], (uint64_t)i + 1, 0, now + i * 37 * MS);
	}
	for (int i = 0; i < IN_FLIGHT; i++)
		flight[i].at = FT_NEVER;
}

START_TEST(two_hubs_that_ask_and_answer_find_the_truth)
{
	boot_hubs();
	int64_t next_weather = now, end = now + 4 * 3600 * 1000 * MS;
	while (now < end) {
		int64_t next = next_event();

		now = next < next_weather ? next : next_weather;
		if (now == next_weather) {
			weather(10, 90); /* every 10 ms: bursts of 100 ms on average, one a second */
			next_weather += 10 * MS;
		}
		take_datagrams();
		for (int i = 0; i < 2; i++)
			turn(i);
	}
	const struct ft_arrivals_link *l = &hub[0].arrivals.links[0];
	double total = (double)(l->heard + l->lost);
	/* In a doubt, one that is sent too early or late for the schedule by a hair counts as an answer. */
	ck_assert_double_gt(total, 0.95 * 4 * 36000);
	/* The losses are those of the schedule, answers or not; what is taken wrongly makes the link look worse, and not by much */
	ck_assert_double_ge((double)l->lost, 0.99 * (double)true_lost);
	ck_assert_double_le((double)l->lost, 1.10 * (double)true_lost);
	uint64_t reached = 0;
	for (int length = 64; length >= 1; length--) {
		uint64_t seen = ft_histogram_at_least(&l->runs, length);

		reached += true_runs[length];
		if (reached < 100)
			continue;
		ck_assert_msg((double)seen > 0.85 * (double)reached && (double)seen < 1.25 * (double)reached,
		              "runs of %d or more: %llu seen, %llu in truth", length, (unsigned long long)seen,
		              (unsigned long long)reached);
	}
	ck_assert_int_ge(l->rtt_us.min, 2000);
	ck_assert_int_le(l->rtt_us.max, 4000);
	ck_assert_int_le(l->late_us.max, 1000);
	/* The right to run: two intervals and a round trip in ordinary times, more where something was lost */
	ck_assert_int_gt(hub[0].arrivals.oldest, 3 * INTERVAL);
	ck_assert_uint_gt(hub[0].arrivals.lease.n, 36000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("arrivals");
	TCase *c = tcase_create("arrivals");

	tcase_set_timeout(c, 120);
	tcase_add_test(c, a_histogram_is_exact_below_16_and_never_too_few_above);
	tcase_add_test(c, losses_and_their_runs);
	tcase_add_test(c, a_level_is_the_count_that_would_have_alarmed);
	tcase_add_test(c, lateness_needs_no_common_clock_and_no_common_rate);
	tcase_add_test(c, a_stall_of_ours_is_nobodys_fault);
	tcase_add_test(c, a_pause_of_the_peer_is_no_loss_but_a_silence);
	tcase_add_test(c, answers_end_no_silence);
	tcase_add_test(c, the_joint_silence_is_measured_not_multiplied);
	tcase_add_test(c, an_alarm_and_a_cut);
	tcase_add_test(c, another_life_of_the_peer_is_no_silence);
	tcase_add_test(c, any_time_a_peer_may_claim_is_survived);
	tcase_add_test(c, another_interval_begins_anew_another_window_does_not);
	tcase_add_test(c, two_hubs_that_ask_and_answer_find_the_truth);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
