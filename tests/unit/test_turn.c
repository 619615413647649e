/* The turn of the links over a table of deeds that writes down what is done.  That news are told before anything is sent, and what
 * is read with which time, is seen in test_links and in the simulation. */
#include "heartbeat/turn.h"

#include <check.h>
#include <string.h>

#define MS FT_NS_PER_MS

static struct ft_heartbeat_settings settings[2];
static struct ft_hub hub, peer;
static struct ft_turn t;
static struct ft_side side;
static struct world {
	char story[256]; /* what was done, in order */
	int64_t now;
	int lives;  /* moments until it dies; 0 it does not */
	bool comes; /* a heartbeat of the peer's has come in */
	uint8_t data[FT_WIRE_MAX];
	size_t len;
} w;

static void told(const char *what)
{
	strncat(w.story, what, sizeof w.story - strlen(w.story) - 1);
}

static int64_t now(void *world)
{
	(void)world;
	return w.now;
}

static bool moment(void *world)
{
	(void)world;
	return w.lives == 0 || --w.lives > 0;
}

static bool receive(void *world, struct ft_datagram *out)
{
	(void)world;
	told("read ");
	bool comes = w.comes;
	w.comes = false;
	*out = (struct ft_datagram){.link = 0, .data = w.data, .len = w.len};
	return comes;
}

static void send_on(void *world, int link, const uint8_t *data, size_t len, int64_t at)
{
	(void)world, (void)link, (void)data, (void)len;
	ck_assert_int_le(at, w.now);
	told("send ");
}

static const struct ft_side *on_self(void *arg)
{
	(void)arg;
	return &side;
}

static bool on_news(void *arg, const struct ft_beat *beat, bool new_incarnation, int64_t at)
{
	(void)arg, (void)beat, (void)new_incarnation, (void)at;
	told("news ");
	return true;
}

static bool on_acked(void *arg, int64_t sent, int64_t at)
{
	(void)arg, (void)sent, (void)at;
	told("acked ");
	return true;
}

static bool on_answered(void *arg, int64_t sent, int64_t at)
{
	(void)arg, (void)sent, (void)at;
	told("answered ");
	return true;
}

static bool on_hearing(void *arg, enum ft_hearing hearing, int64_t at)
{
	(void)arg, (void)hearing, (void)at;
	told("hearing ");
	return true;
}

static bool on_refused(void *arg, int link, int64_t at)
{
	(void)arg, (void)at;
	told(link == 0 ? "refused-0 " : "refused-1 ");
	return true;
}

static bool on_foreign(void *arg, int version, int64_t at)
{
	(void)arg, (void)version, (void)at;
	return true;
}

static bool on_stalled(void *arg, int64_t gap, int64_t at)
{
	(void)arg, (void)gap, (void)at;
	told("stalled ");
	return true;
}

static bool on_due(void *arg, int64_t at)
{
	(void)arg, (void)at;
	told("due ");
	return true;
}

static const struct ft_turn_deeds deeds = {.now = now, .moment = moment, .receive = receive, .send = send_on};
static const struct ft_turn_callbacks callbacks = {on_self,    on_news,    on_acked,   on_answered, on_hearing,
                                                   on_refused, on_foreign, on_stalled, on_due};

static void begin(void)
{
	for (int i = 0; i < 2; i++) {
		settings[i] = (struct ft_heartbeat_settings){.pair = "vm1",
		                                             .n_keys = 1,
		                                             .keys = {{.id = 7, .bytes = {1, 2, 3}}},
		                                             .interval_ms = 100,
		                                             .lost_after = 5,
		                                             .n_links = 2};
		strcpy(settings[i].node, i ? "beta" : "alpha");
	}
	w = (struct world){.now = 1000000 * MS};
	ft_hub_init(&hub, &settings[0], 1, 0, w.now);
	ft_hub_init(&peer, &settings[1], 2, 0, w.now);
	ft_turn_init(&t, &hub, &deeds, &w, &callbacks, NULL);
}

static void forget(void)
{
	w.story[0] = '\0';
}

/* ... of which each has heard the other. */
static void become_a_pair(void)
{
	uint8_t out[FT_WIRE_MAX];
	begin();
	for (int i = 0; i < 2; i++) {
		size_t len = ft_hub_compose(&hub, 0, &side, w.now, out);
		ft_hub_receive(&peer, 0, out, len, w.now);
		w.now += 1 * MS;
		w.len = ft_hub_compose(&peer, 0, &side, w.now, w.data);
		w.comes = true;
		ck_assert(ft_turn_run(&t));
	}
	ck_assert_int_eq(hub.detector.hearing, FT_HEARING_ALIVE);
	forget();
}

START_TEST(what_was_read_is_told_before_anything_is_sent)
{
	become_a_pair();
	side.epoch++;
	w.len = ft_hub_compose(&peer, 0, &side, w.now, w.data);
	side.epoch--;
	w.now = ft_turn_deadline(&t) + 50 * MS;
	w.comes = true;
	ck_assert(ft_turn_run(&t));
	ck_assert_str_eq(w.story, "read read news due send send ");
}
END_TEST

/* Where there is only a heartbeat to be sent, in time, the sockets are left to the loop. */
START_TEST(a_heartbeat_alone_is_sent_without_a_read)
{
	become_a_pair();
	w.now = hub.next_send;
	ck_assert(ft_turn_timer(&t));
	ck_assert_str_eq(w.story, "due send send ");
	forget();
	w.now = hub.next_send + 90 * MS;
	ck_assert(ft_turn_timer(&t));
	ck_assert_msg(strncmp(w.story, "read ", 5) == 0, "%s", w.story);
}
END_TEST

START_TEST(a_stall_is_told)
{
	become_a_pair();
	w.now += 600 * MS;
	ck_assert(ft_turn_run(&t));
	ck_assert_msg(strncmp(w.story, "read stalled ", 13) == 0, "%s", w.story);
}
END_TEST

/* Anybody may forge them, so they are counted, and told once an interval. */
START_TEST(a_refusal_is_told_once_an_interval)
{
	become_a_pair();
	for (int i = 0; i < 3; i++)
		ft_turn_refused(&t, 1, w.now);
	ck_assert_int_eq(ft_turn_deadline(&t), 0);
	ft_turn_run(&t);
	ck_assert_ptr_nonnull(strstr(w.story, "refused-1 "));
	forget();
	ft_turn_refused(&t, 1, w.now + 99 * MS);
	ft_turn_run(&t);
	ck_assert_ptr_null(strstr(w.story, "refused"));
	ft_turn_refused(&t, 1, w.now + 100 * MS);
	ft_turn_run(&t);
	ck_assert_ptr_nonnull(strstr(w.story, "refused-1 "));
	ck_assert_int_eq(hub.links[1].stats.refused, 5);
}
END_TEST

/* Wherever it dies, nothing more is done. */
START_TEST(who_dies_between_two_instructions_does_nothing_more)
{
	static const char *const stories[] = {"read ", "read ", "read due ", "read due send ", "read due send send "};
	for (int i = 1; i <= 5; i++) {
		begin();
		w.lives = i;
		ck_assert_int_eq(ft_turn_run(&t), i == 5);
		ck_assert_str_eq(w.story, stories[i - 1]);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("turn");
	TCase *tc = tcase_create("turn");
	tcase_add_test(tc, what_was_read_is_told_before_anything_is_sent);
	tcase_add_test(tc, a_heartbeat_alone_is_sent_without_a_read);
	tcase_add_test(tc, a_stall_is_told);
	tcase_add_test(tc, a_refusal_is_told_once_an_interval);
	tcase_add_test(tc, who_dies_between_two_instructions_does_nothing_more);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
