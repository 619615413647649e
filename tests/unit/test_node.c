/* What one ftd does around a step of the core, over a table of deeds that writes down what is done: the order of things is
 * what keeps two guests from running. */
#include "supervisor/node.h"

#include <check.h>
#include <string.h>

#define MS    FT_NS_PER_MS
#define LOOKS 4

static struct ft_core core;
static struct ft_node n;
static struct world {
	char story[512]; /* what was done, in order */
	int64_t now;
	int64_t missed[LOOKS]; /* what .stood_still answers, by w.asked */
	int asked;             /* it, so often */
	int stops_at;          /* the time of which it is asked takes a second: ftd was stopped; 0 none */
	int64_t lease;         /* published last */
	bool known;
	int64_t wake;
	int lives; /* moments until it dies; 0 it does not */
	struct ft_node_guard guard;
	int answer; /* of .may_start; -1 none */
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

static int64_t stood_still(void *world)
{
	(void)world;
	w.asked++;
	if (w.asked == w.stops_at)
		w.now += 1000 * MS;
	return w.asked < LOOKS ? w.missed[w.asked] : 0;
}

static bool catch_up(void *world)
{
	(void)world;
	told("catch-up ");
	return true;
}

static struct ft_node_qemu qemu(void *world)
{
	(void)world;
	return (struct ft_node_qemu){.instance = 5, .answers = true};
}

static struct ft_node_guard guard(void *world, int64_t lease, bool known)
{
	(void)world;
	told("publish ");
	w.lease = lease;
	w.known = known;
	return w.guard;
}

static bool act(void *world, const struct ft_action *a)
{
	(void)world;
	static const char *const names[] = {
	    [FT_DO_SEND] = "send ", [FT_DO_FREEZE] = "freeze ", [FT_DO_THAW] = "thaw ", [FT_DO_EXIT] = "exit "};
	if ((size_t)a->kind < sizeof names / sizeof names[0] && names[a->kind])
		told(names[a->kind]);
	return true;
}

static void may_start(void *world, bool may, const char *why)
{
	(void)world;
	ck_assert(why[0]);
	w.answer = may;
}

static void wake(void *world, int64_t at)
{
	(void)world;
	w.wake = at;
}

static void goodbye_later(void *world)
{
	(void)world;
	told("later ");
}

static void leave(void *world)
{
	(void)world;
	told("leave ");
}

static void hears(void *world, const struct ft_event *e)
{
	(void)world;
	told(e->kind == FT_EVENT_STOOD_STILL ? "hears-stood-still "
	     : e->kind == FT_EVENT_TIME      ? "hears-time "
	     : e->kind == FT_EVENT_ACK       ? "hears-ack "
	                                     : "hears ");
}

static struct ft_node_deeds deeds = {.now = now,
                                     .moment = moment,
                                     .stood_still = stood_still,
                                     .catch_up = catch_up,
                                     .qemu = qemu,
                                     .guard = guard,
                                     .act = act,
                                     .may_start = may_start,
                                     .wake = wake,
                                     .goodbye_later = goodbye_later,
                                     .leave = leave};

/* A primary that has just come back to its session.  If that is bound, nobody has acknowledged anything yet: its right is over. */
static void come_back(enum ft_session_stage stage)
{
	struct ft_core_params p = {.node = "alpha",
	                           .incarnation = 1,
	                           .interval = 100 * MS,
	                           .window = 500 * MS,
	                           .reply_timeout = 1000 * MS,
	                           .arbitrated = true,
	                           .registers = true,
	                           .session = {.stage = stage, .epoch = 1, .role = FT_ROLE_PRIMARY, .instance = 5}};
	p.session.id[0] = 7;
	deeds.hears = NULL;
	w = (struct world){.now = 1000000 * MS, .guard = {.on_guard = true, .may_stop = true}, .answer = -1};
	ft_core_init(&core, &p, w.now);
	ft_node_init(&n, &core, &deeds, &w);
}

static bool see_qemu(void)
{
	return ft_node_see(&n, &(struct ft_qemu_facts){.connected = true,
	                                               .oob = true,
	                                               .plan_ready = true,
	                                               .pid_verified = true,
	                                               .instance = 5,
	                                               .vm = FT_VM_ALIVE,
	                                               .role = FT_ROLE_PRIMARY});
}

static bool feed(enum ft_event_kind kind)
{
	return ft_node_feed(&n, &(struct ft_event){.kind = kind, .at = w.now});
}

static void forget(void)
{
	w.story[0] = '\0';
	w.asked = 0;
}

/* ... and that its peer has acknowledged: it has a right for half a second. */
static void come_back_acknowledged(void)
{
	come_back(FT_SESSION_BOUND);
	struct ft_beat peer = {
	    .node = "beta",
	    .incarnation = 2,
	    .side = {
	        .state = FT_PROTECTED, .vm = FT_VM_ALIVE, .role = FT_ROLE_SECONDARY, .window_ms = 500, .epoch = 1}};
	peer.side.session[0] = 7;
	ck_assert(ft_node_peer(&n, &peer));
	feed(FT_EVENT_ACK);
	see_qemu();
	ck_assert(ft_core_may_run(&core));
	forget();
	deeds.hears = hears;
}

/* The sentinel knows the lease before anybody is told, or anything done, that rests on it. */
START_TEST(a_lease_is_published_before_anything_is_done)
{
	come_back(FT_SESSION_BOUND);
	ck_assert(feed(FT_EVENT_TIME));
	ck_assert_msg(strncmp(w.story, "publish send", 12) == 0, "%s", w.story);
	forget();
	ck_assert(see_qemu());
	ck_assert_msg(strncmp(w.story, "publish publish ", 16) == 0 && strstr(w.story, "freeze"), "%s", w.story);
	ck_assert_int_eq(w.lease, ft_core_lease(&core));
	ck_assert_int_le(w.lease, w.now);
}
END_TEST

/* Between the decision and the deed ftd may have been stopped, and the right have ended: then the core looks again first. */
START_TEST(nothing_is_thawed_whose_right_has_ended)
{
	come_back_acknowledged();
	w.stops_at = 2; /* after the time was told, as the guest is about to be thawed */
	ck_assert(ft_node_sentinel_froze(&n));
	ck_assert_msg(strncmp(w.story, "catch-up hears-time publish hears-time publish ", 47) == 0, "%s", w.story);
	ck_assert_msg(!strstr(w.story, "thaw"), "%s", w.story);
	ck_assert(!ft_core_may_run(&core) && !n.thaw_refused);
}
END_TEST

START_TEST(what_has_a_right_is_thawed)
{
	come_back_acknowledged();
	ck_assert(ft_node_sentinel_froze(&n));
	ck_assert_str_eq(w.story, "catch-up hears-time publish thaw hears-time publish ");
}
END_TEST

/* An acknowledgement that came in before the clocks stood still gives no right any more. */
START_TEST(clocks_that_stood_still_are_told_of_first)
{
	come_back(FT_SESSION_BOUND);
	deeds.hears = hears;
	w.missed[1] = 50 * MS;
	ck_assert(feed(FT_EVENT_ACK));
	ck_assert_msg(strncmp(w.story, "hears-stood-still publish ", 26) == 0, "%s", w.story);
	ck_assert(strstr(w.story, "hears-ack"));
	ck_assert_int_eq(core.stood_still_at, w.now);
}
END_TEST

/* Found in the midst of a thaw: it is told of before anything else is. */
START_TEST(clocks_that_stood_still_keep_a_guest_from_being_thawed)
{
	come_back_acknowledged();
	w.missed[2] = 50 * MS; /* not yet as the time was told */
	ck_assert(ft_node_sentinel_froze(&n));
	ck_assert_msg(strncmp(w.story, "catch-up hears-time publish hears-stood-still publish ", 54) == 0, "%s",
	              w.story);
	ck_assert(!strstr(w.story, "thaw"));
	ck_assert_int_eq(n.missed, 0);
}
END_TEST

/* Wherever it dies, nothing more is done. */
START_TEST(who_dies_between_two_instructions_does_nothing_more)
{
	size_t before = 0;
	for (int i = 1; i <= 4; i++) {
		come_back(FT_SESSION_BOUND);
		deeds.hears = hears;
		w.lives = i;
		bool goes_on = feed(FT_EVENT_TIME);
		ck_assert_msg(!goes_on || i == 4, "%d: %s", i, w.story);
		ck_assert_msg(strlen(w.story) >= before, "%d: %s", i, w.story);
		ck_assert(i > 2 || !strstr(w.story, "publish"));
		ck_assert(i > 3 || !strstr(w.story, "send"));
		before = strlen(w.story);
		ck_assert(goes_on || w.wake == 0);
	}
}
END_TEST

/* Whether somebody is on guard is part of what is known of QEMU. */
START_TEST(what_hangs_on_the_guard_is_told_with_qemu)
{
	come_back(FT_SESSION_RELEASED);
	see_qemu();
	ck_assert(!core.qemu.unguarded && core.qemu.pid_verified);
	w.guard = (struct ft_node_guard){.on_guard = false, .may_stop = false};
	see_qemu();
	ck_assert(core.qemu.unguarded && !core.qemu.pid_verified);
	ck_assert(w.known);
}
END_TEST

/* Whether the VM may be started is answered once it is known, and when the time for that is over. */
START_TEST(a_question_about_a_start_stays_open_for_its_time)
{
	come_back(FT_SESSION_BOUND);
	ft_node_see(&n, &(struct ft_qemu_facts){.vm = FT_VM_ABSENT});
	ck_assert(ft_node_want_start(&n, false));
	ck_assert_int_eq(w.answer, -1);
	int64_t until = w.now + FT_MAY_START_NS;
	for (int i = 0; i < 1000 && w.answer < 0; i++) {
		ck_assert_int_le(w.wake, until);
		w.now = w.wake > w.now ? w.wake : w.now + 1 * MS;
		ck_assert(ft_node_time(&n));
	}
	ck_assert_int_eq(w.answer, 0);
	ck_assert_int_eq(w.now, until);
	ck_assert(!n.start_asked);
}
END_TEST

START_TEST(goodbye_is_said_three_times)
{
	come_back(FT_SESSION_NONE);
	feed(FT_EVENT_TIME);
	feed(FT_EVENT_LEAVE);
	for (int i = 0; i < 100 && !ft_core_exits(&core); i++) {
		w.now += 100 * MS;
		ft_node_time(&n);
	}
	ck_assert(ft_core_exits(&core));
	forget();
	for (int i = 0; i < FT_GOODBYES; i++)
		ck_assert(ft_node_goodbye(&n));
	ck_assert_str_eq(w.story, "send later send later send later ");
	ck_assert(!ft_node_goodbye(&n));
	ck_assert_str_eq(w.story, "send later send later send later leave ");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("node");
	TCase *tc = tcase_create("one event");
	tcase_add_test(tc, a_lease_is_published_before_anything_is_done);
	tcase_add_test(tc, nothing_is_thawed_whose_right_has_ended);
	tcase_add_test(tc, what_has_a_right_is_thawed);
	tcase_add_test(tc, clocks_that_stood_still_are_told_of_first);
	tcase_add_test(tc, clocks_that_stood_still_keep_a_guest_from_being_thawed);
	tcase_add_test(tc, who_dies_between_two_instructions_does_nothing_more);
	tcase_add_test(tc, what_hangs_on_the_guard_is_told_with_qemu);
	tcase_add_test(tc, a_question_about_a_start_stays_open_for_its_time);
	tcase_add_test(tc, goodbye_is_said_three_times);
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
