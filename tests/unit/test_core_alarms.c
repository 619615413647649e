/* The decision core: alarms, two guests that both run, and the register that a winner looks after.
 * Times: heartbeat 100 ms, lost after 500 ms, guard 20 ms. */
#include "tests/unit/core_world.h"

#include <stdio.h>
#include <stdlib.h>

static struct world {
	struct ft_core c;
	int64_t now;
	struct ft_qemu_facts q;
	struct ft_peer_news p;
	struct pending pending;
	int did[FT_DO_EXIT + 1], raised[FT_ALARM_COUNT], cleared[FT_ALARM_COUNT];
	char said[8192];
} w;

#define EPOCH 3
static const uint8_t id[FT_SESSION_BYTES] = {7};

static void step(const struct ft_event *e)
{
	struct ft_actions out;
	ft_core_step(&w.c, e, w.now, &out);
	const char *fault = broken_law(&w.c, e, &w.pending, &out);
	ck_assert_msg(!fault, "event %d in phase %s: %s", (int)e->kind, phase_name(w.c.phase), fault);
	for (int i = 0; i < out.n; i++) {
		const struct ft_action *a = &out.a[i];
		size_t used = strlen(w.said);
		w.did[a->kind]++;
		if (a->kind == FT_DO_ALARM)
			(a->raised ? w.raised : w.cleared)[a->alarm]++;
		snprintf(w.said + used, sizeof w.said - used, "%s %s\n", action_name(a->kind), a->text);
	}
}

static void pass(double ms)
{
	int64_t end = w.now + MS(ms);
	while (ft_core_deadline(&w.c) <= end) {
		w.now = ft_core_deadline(&w.c);
		step(&(struct ft_event){.kind = FT_EVENT_TIME});
	}
	w.now = end;
	step(&(struct ft_event){.kind = FT_EVENT_TIME});
}

static void peer_says(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_PEER, .peer = &w.p});
}

static void qemu_is(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &w.q});
}

static void hear(enum ft_peer_hearing h)
{
	step(&(struct ft_event){.kind = FT_EVENT_HEARING, .hearing = h, .heard_at = w.now});
}

static void register_is(enum ft_claim claim, const char *text)
{
	ck_assert(w.c.arbiter_busy);
	step(&(struct ft_event){.kind = FT_EVENT_REGISTER, .claim = claim, .text = text});
}

static void claim_is(enum ft_claim claim, const char *text)
{
	ck_assert(w.c.arbiter_busy);
	step(&(struct ft_event){.kind = FT_EVENT_CLAIM, .claim = claim, .text = text});
}

static void forget(void)
{
	memset(w.did, 0, sizeof w.did);
	memset(w.raised, 0, sizeof w.raised);
	memset(w.cleared, 0, sizeof w.cleared);
	w.said[0] = '\0';
}

#define expect_phase(p)                                                                                                \
	ck_assert_msg(w.c.phase == FT_PHASE_##p, "in %s, not %s; since then:\n%s", phase_name(w.c.phase), #p, w.said)
#define expect_did(k, n)                                                                                               \
	ck_assert_msg(w.did[FT_DO_##k] == (n), "%s %d times, not %d:\n%s", #k, w.did[FT_DO_##k], (n), w.said)
#define expect_alarm(k, n)                                                                                             \
	ck_assert_msg(w.raised[FT_ALARM_##k] == (n) && (w.c.alarms[FT_ALARM_##k].since != FT_NEVER) == ((n) > 0),      \
	              "raised %d times, not %d:\n%s", w.raised[FT_ALARM_##k], (n), w.said)

enum arbiter { NONE, REGISTERS, FENCE, ARBITERS };

static void start(enum arbiter arbiter, const char *winner)
{
	memset(&w, 0, sizeof w);
	w.now = SECOND(1000);
	struct ft_core_params params = {.node = "alpha",
	                                .incarnation = 0xa1,
	                                .interval = MS(100),
	                                .window = MS(500),
	                                .reply_timeout = SECOND(1),
	                                .guard = MS(20),
	                                .arbitrated = arbiter != NONE,
	                                .registers = arbiter == REGISTERS};
	if (arbiter != NONE) {
		params.session = (struct ft_session){
		    .stage = FT_SESSION_ENDED, .epoch = EPOCH, .role = FT_ROLE_SECONDARY, .instance = 5};
		memcpy(params.session.id, id, sizeof id);
		memcpy(params.recorded, id, sizeof id);
		strcpy(params.session.peer, "beta");
		strcpy(params.session.winner, winner);
	}
	ft_core_init(&w.c, &params, w.now);
	w.p = (struct ft_peer_news){
	    .node = "beta", .incarnation = 0xb1, .side = {.epoch = arbiter == NONE ? 0 : EPOCH, .window_ms = 500}};
}

/* A QEMU that was never in COLO, and its guest runs. */
static void boot(void)
{
	w.q = (struct ft_qemu_facts){
	    .connected = true, .oob = true, .pid_verified = true, .running = true, .instance = 9, .vm = FT_VM_ALIVE};
	qemu_is();
}

static void no_qemu(void)
{
	w.q = (struct ft_qemu_facts){.vm = FT_VM_ABSENT};
	qemu_is();
}

static void peer_runs_alone(void)
{
	w.p.side.state = FT_SOLO;
	w.p.side.role = FT_ROLE_SOLO;
	w.p.side.proven = true;
	w.p.side.vm = FT_VM_ALIVE;
	peer_says();
	hear(FT_PEER_ALIVE);
}

/* We have won and run the guest alone. */
static void run_alone(enum arbiter arbiter)
{
	start(arbiter, "alpha");
	w.q = (struct ft_qemu_facts){.connected = true,
	                             .oob = true,
	                             .pid_verified = true,
	                             .running = true,
	                             .instance = 5,
	                             .vm = FT_VM_ALIVE,
	                             .last_role = FT_ROLE_SECONDARY};
	qemu_is();
	pass(4000);
	expect_phase(SOLO);
	if (arbiter == REGISTERS) {
		claim_is(FT_CLAIM_WON, "alpha"); /* the verdict */
		step(&(struct ft_event){.kind = FT_EVENT_TIME});
	}
}

/* ---- two masters ---- */

/* Started on the side that lost, without asking: it had no right from its first moment, and is stopped. */
START_TEST(a_qemu_started_beside_the_winner_is_an_alarm_and_ended)
{
	start((enum arbiter)_i, "beta");
	no_qemu();
	peer_runs_alone();
	pass(4000);
	expect_phase(UNPROTECTED);
	boot();
	pass(900);
	expect_alarm(TWO_MASTERS, 0);
	pass(200);
	expect_alarm(TWO_MASTERS, 1);
	ck_assert_ptr_nonnull(strstr(w.said, "TWO MASTERS"));
	expect_did(FREEZE, 0);
	pass(2000);
	expect_did(FREEZE, 1);
	expect_phase(YIELDING);
	step(&(struct ft_event){.kind = FT_EVENT_FROZEN});
	expect_did(KILL, 1);
	expect_phase(FENCED);
	ck_assert_int_eq(w.cleared[FT_ALARM_TWO_MASTERS], 1);
	expect_did(THAW, 0);
}
END_TEST

/* It ran before the winner was heard, or before we came: what it holds, nobody else has.  A person decides. */
START_TEST(a_qemu_that_ran_before_is_an_alarm_and_not_touched)
{
	start((enum arbiter)(_i / 2), "beta");
	if (_i % 2) {
		no_qemu();
		boot();
		pass(4000);
		peer_runs_alone();
	} else {
		peer_runs_alone();
		boot();
	}
	pass(60e3);
	expect_alarm(TWO_MASTERS, 1);
	ck_assert_int_eq(w.cleared[FT_ALARM_TWO_MASTERS], 0);
	expect_did(FREEZE, 0);
	expect_did(KILL, 0);
	/* The other one is ended: it is over. */
	w.p.side =
	    (struct ft_side){.state = FT_UNPROTECTED, .vm = FT_VM_ABSENT, .epoch = w.p.side.epoch, .window_ms = 500};
	peer_says();
	ck_assert_int_eq(w.cleared[FT_ALARM_TWO_MASTERS], 1);
	ck_assert_int_eq(w.c.alarms[FT_ALARM_TWO_MASTERS].since, FT_NEVER);
}
END_TEST

/* The winner's side says so, too; of a guest that was never in COLO, of an old copy that was not frozen, of another winner. */
START_TEST(the_winner_cries_two_masters_too)
{
	run_alone((enum arbiter)(_i / 3));
	forget();
	w.p.side.state = _i % 3 == 2 ? FT_SOLO : FT_UNPROTECTED;
	w.p.side.vm = FT_VM_ALIVE;
	w.p.side.runs = _i % 3 == 0;
	w.p.side.role = _i % 3 == 1 ? FT_ROLE_PRIMARY : FT_ROLE_NONE;
	peer_says();
	hear(FT_PEER_ALIVE);
	pass(1100);
	expect_alarm(TWO_MASTERS, 1);
	expect_phase(SOLO);
	expect_did(FREEZE, 0);
	/* While the peer is not heard nothing is known of it: the alarm stands. */
	hear(FT_PEER_LOST);
	pass(5000);
	ck_assert_int_eq(w.cleared[FT_ALARM_TWO_MASTERS], 0);
	w.p.side.state = FT_FENCED;
	w.p.side.vm = FT_VM_GONE;
	w.p.side.runs = false;
	w.p.side.role = FT_ROLE_NONE;
	peer_says();
	hear(FT_PEER_ALIVE);
	ck_assert_int_eq(w.cleared[FT_ALARM_TWO_MASTERS], 1);
	ck_assert_int_eq(w.raised[FT_ALARM_TWO_MASTERS], 1);
}
END_TEST

/* Two that nobody has set up as a pair yet: no word who is right, so nothing is ended. */
START_TEST(two_guests_without_a_session_are_an_alarm)
{
	start(REGISTERS, "beta");
	w.c.session = (struct ft_session){0};
	boot();
	w.p.side.state = FT_UNPROTECTED;
	w.p.side.vm = FT_VM_ALIVE;
	w.p.side.runs = true;
	peer_says();
	hear(FT_PEER_ALIVE);
	pass(5000);
	expect_alarm(TWO_MASTERS, 1);
	expect_did(FREEZE, 0);
}
END_TEST

/* What comes and goes in a takeover, and while a new pair is made, is none. */
START_TEST(no_alarm_where_there_are_not_two)
{
	run_alone(REGISTERS);
	forget();
	/* The loser's primary is on its way out. */
	w.p.side.state = FT_SUSPECT;
	w.p.side.vm = FT_VM_ALIVE;
	w.p.side.role = FT_ROLE_PRIMARY;
	peer_says();
	hear(FT_PEER_ALIVE);
	pass(300);
	w.p.side.state = FT_FENCED;
	w.p.side.vm = FT_VM_YIELDED;
	peer_says();
	pass(3000);
	/* It waits as the new secondary, and is seen running for a moment before its role is. */
	w.p.side.state = FT_UNPROTECTED;
	w.p.side.vm = FT_VM_ALIVE;
	w.p.side.role = FT_ROLE_NONE;
	peer_says();
	pass(3000);
	w.p.side.runs = true;
	peer_says();
	pass(100);
	w.p.side.runs = false;
	w.p.side.role = FT_ROLE_SECONDARY;
	peer_says();
	pass(3000);
	expect_alarm(TWO_MASTERS, 0);
	/* Ours is such a one: it does not run. */
	start(REGISTERS, "beta");
	no_qemu();
	peer_runs_alone();
	pass(4000);
	w.q = (struct ft_qemu_facts){
	    .connected = true, .pid_verified = true, .incoming = true, .instance = 9, .vm = FT_VM_ALIVE};
	qemu_is();
	pass(20e3);
	expect_alarm(TWO_MASTERS, 0);
	expect_did(FREEZE, 0);
}
END_TEST

/* Nor may one be started beside a guest that runs outside of any pair. */
START_TEST(a_guest_that_runs_there_forbids_a_start_here)
{
	char why[FT_TEXT_MAX];
	start(REGISTERS, "alpha");
	no_qemu();
	w.p.side.state = FT_UNPROTECTED;
	w.p.side.vm = FT_VM_ALIVE;
	w.p.side.runs = true;
	peer_says();
	hear(FT_PEER_ALIVE);
	pass(4000);
	step(&(struct ft_event){.kind = FT_EVENT_WANT_START});
	ck_assert_int_eq(ft_core_may_start(&w.c, false, why), 0);
	ck_assert_str_eq(why, "the other side runs the guest");
	ck_assert_int_eq(ft_core_may_start(&w.c, true, why), 0);
}
END_TEST

/* ---- the register ---- */

START_TEST(a_winner_puts_its_name_back)
{
	run_alone(REGISTERS);
	register_is(FT_CLAIM_LOST, "alpha"); /* looked at as we came */
	forget();
	pass(9000);
	expect_did(READ, 0);
	pass(1500);
	expect_did(READ, 1);
	register_is(FT_CLAIM_NOT_NEEDED, "");
	expect_did(READ, 2);
	register_is(FT_CLAIM_NOT_NEEDED, "");
	expect_did(CLAIM, 1);
	ck_assert_ptr_nonnull(strstr(w.said, "put back to an earlier state"));
	claim_is(FT_CLAIM_WON, "alpha");
	expect_phase(SOLO);
	expect_alarm(REGISTER, 0);
	expect_did(CLAIM, 2); /* the verdict, too */
	claim_is(FT_CLAIM_WON, "alpha");
	pass(1000);
	expect_did(CLAIM, 2);
}
END_TEST

/* A plain read may be answered by a state from before we had won. */
START_TEST(an_empty_register_by_a_read_that_may_be_old_is_asked_surely_first)
{
	run_alone(REGISTERS);
	register_is(FT_CLAIM_LOST, "alpha");
	forget();
	pass(10500);
	expect_did(READ, 1);
	ck_assert(!w.c.asked_surely);
	register_is(FT_CLAIM_NOT_NEEDED, "");
	expect_did(READ, 2);
	ck_assert(w.c.asked_surely);
	register_is(FT_CLAIM_UNREACHABLE, "no answer");
	pass(2000);
	expect_did(READ, 3);
	ck_assert(w.c.asked_surely);
	register_is(FT_CLAIM_LOST, "alpha");
	expect_did(CLAIM, 0);
	ck_assert_ptr_null(strstr(w.said, "put back"));
	pass(10500);
	expect_did(READ, 4);
	ck_assert(!w.c.asked_surely);
}
END_TEST

/* Somebody has won what we had won.  Ours goes on all the same: nothing says that the other is right. */
START_TEST(a_register_that_names_the_other_is_an_alarm)
{
	run_alone(REGISTERS);
	forget();
	if (_i) {
		register_is(FT_CLAIM_NOT_NEEDED, "");
		register_is(FT_CLAIM_NOT_NEEDED, "");
		claim_is(FT_CLAIM_LOST, "beta"); /* faster than we */
	} else {
		register_is(FT_CLAIM_LOST, "beta");
	}
	expect_alarm(REGISTER, 1);
	ck_assert_ptr_nonnull(strstr(w.c.alarms[FT_ALARM_REGISTER].evidence, "beta"));
	expect_phase(SOLO);
	for (int i = 0; i < 20; i++) {
		pass(10e3);
		if (w.c.arbiter_busy)
			register_is(FT_CLAIM_LOST, "beta");
	}
	expect_phase(SOLO);
	expect_did(FREEZE, 0);
	expect_did(KILL, 0);
	ck_assert_int_eq(w.raised[FT_ALARM_REGISTER], 1);
	pass(61e3);
	register_is(FT_CLAIM_LOST, "alpha");
	ck_assert_int_eq(w.cleared[FT_ALARM_REGISTER], 1);
}
END_TEST

/* An etcd that is being restored is out of reach first: then it is asked every second, which is more often than anyone who is
 * held asks. */
START_TEST(a_register_out_of_reach_is_asked_soon_again)
{
	run_alone(REGISTERS);
	for (int i = 0; i < 5; i++) {
		register_is(FT_CLAIM_UNREACHABLE, "no answer");
		pass(1000);
	}
	register_is(FT_CLAIM_LOST, "alpha");
	forget();
	/* A peer that is heard, and holds nothing, makes it less urgent. */
	w.p.side.state = FT_UNPROTECTED;
	peer_says();
	hear(FT_PEER_ALIVE);
	pass(11e3);
	expect_did(READ, 1);
	register_is(FT_CLAIM_LOST, "alpha");
	pass(55e3);
	expect_did(READ, 1);
	pass(6e3);
	expect_did(READ, 2);
}
END_TEST

/* What was won by the peer's word stands in no register yet, and its loser looks after nothing. */
START_TEST(only_a_title_of_the_register_is_looked_after)
{
	run_alone(REGISTERS);
	register_is(FT_CLAIM_LOST, "alpha");
	w.c.session.title = FT_TITLE_REGAINED;
	forget();
	pass(120e3);
	expect_did(READ, 0);
	start(REGISTERS, "beta");
	no_qemu();
	pass(120e3);
	expect_did(READ, 0);
	run_alone(FENCE);
	pass(120e3);
	expect_did(READ, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("alarms");
	TCase *t = tcase_create("alarms");
	suite_add_tcase(s, t);
	tcase_add_loop_test(t, a_qemu_started_beside_the_winner_is_an_alarm_and_ended, 0, ARBITERS);
	tcase_add_loop_test(t, a_qemu_that_ran_before_is_an_alarm_and_not_touched, 0, 2 * ARBITERS);
	tcase_add_loop_test(t, the_winner_cries_two_masters_too, 0, 3 * ARBITERS);
	tcase_add_test(t, two_guests_without_a_session_are_an_alarm);
	tcase_add_test(t, no_alarm_where_there_are_not_two);
	tcase_add_test(t, a_guest_that_runs_there_forbids_a_start_here);
	tcase_add_test(t, a_winner_puts_its_name_back);
	tcase_add_test(t, an_empty_register_by_a_read_that_may_be_old_is_asked_surely_first);
	tcase_add_loop_test(t, a_register_that_names_the_other_is_an_alarm, 0, 2);
	tcase_add_test(t, a_register_out_of_reach_is_asked_soon_again);
	tcase_add_test(t, only_a_title_of_the_register_is_looked_after);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
