/* The decision core with an arbiter: claims whose answer was lost, words that were given, hosts that need no fence.
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
	int did[FT_DO_EXIT + 1];
	int put_verdict, read_verdict; /* not counted as claims and readings */
	char verdict[FT_NAME_MAX];     /* whose name was put there last */
	bool fenced;                   /* the newest claim asked for the fence */
	bool asks;                     /* what the fence waits for is not answered at once: nobody */
	char said[8192];
} w;

#define EPOCH 3
static const uint8_t id[FT_SESSION_BYTES] = {7};

static void note_verdict(const struct ft_action *a)
{
	bool put = a->kind == FT_DO_CLAIM;
	w.put_verdict += put;
	w.read_verdict += !put;
	if (put)
		snprintf(w.verdict, sizeof w.verdict, "%.63s", a->text);
}

static void step(const struct ft_event *e)
{
	struct ft_actions out;
	ft_core_step(&w.c, e, w.now, &out);
	const char *fault = broken_law(&w.c, e, &w.pending, &out);
	ck_assert_msg(!fault, "event %d in phase %s: %s", (int)e->kind, phase_name(w.c.phase), fault);
	for (int i = 0; i < out.n; i++) {
		const struct ft_action *a = &out.a[i];
		size_t used = strlen(w.said);
		if (a->verdict)
			note_verdict(a);
		else
			w.did[a->kind]++;
		w.fenced = a->kind == FT_DO_CLAIM ? a->fence : w.fenced;
		snprintf(w.said + used, sizeof w.said - used, "%s %s\n", action_name(a->kind), a->text);
	}
	if (count_actions(&out, FT_DO_REMEMBER))
		step(&(struct ft_event){.kind = FT_EVENT_REMEMBERED, .claim = FT_CLAIM_NOT_NEEDED});
	bool pending = w.c.session.title == FT_TITLE_FOUND || w.c.session.title == FT_TITLE_UNFENCED;
	bool for_fence = pending && w.c.params.fenced && !w.asks;
	if ((w.c.verdict_wanted || for_fence) && w.c.arbiter_busy && w.c.errand == FT_ERRAND_READ_VERDICT)
		step(&(struct ft_event){.kind = FT_EVENT_REGISTER, .claim = FT_CLAIM_NOT_NEEDED});
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

static void peer_vm(enum ft_vm vm)
{
	w.p.side.vm = vm;
	peer_says();
}

static void qemu_is(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &w.q});
}

static void hear(enum ft_peer_hearing h)
{
	step(&(struct ft_event){.kind = FT_EVENT_HEARING, .hearing = h, .heard_at = w.now});
}

static void acked(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_ACK, .at = w.now});
}

static void answered(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_ANSWERED, .at = w.now});
}

static void frozen(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_FROZEN});
}

static void stored(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_STORED});
}

static void claim_is(enum ft_claim claim, const char *text)
{
	step(&(struct ft_event){.kind = FT_EVENT_CLAIM, .claim = claim, .text = text});
}

static void register_is(enum ft_claim claim, const char *text)
{
	step(&(struct ft_event){.kind = FT_EVENT_REGISTER, .claim = claim, .text = text});
}

/* The register and the verdict name nobody, as often as they are asked. */
static void answer_vacant(void)
{
	for (int i = 0; i < 20; i++) {
		if (w.c.arbiter_busy)
			register_is(FT_CLAIM_NOT_NEEDED, "");
		pass(100);
	}
}

static void recorded(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_RECORDED});
}

static void not_recorded(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_RECORDED, .error = true, .text = "no space left"});
}

static void order(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_SIGNAL});
}

static void plan_works(void)
{
	struct ft_plan_report r = {.ok = true, .proven_at = w.now};
	step(&(struct ft_event){.kind = FT_EVENT_PLAN, .plan = &r});
}

static void forget(void)
{
	memset(w.did, 0, sizeof w.did);
	w.put_verdict = w.read_verdict = 0;
	w.said[0] = '\0';
}

#define expect_phase(p)                                                                                                \
	ck_assert_msg(w.c.phase == FT_PHASE_##p, "in %s, not %s; since then:\n%s", phase_name(w.c.phase), #p, w.said)
#define expect_did(k, n)                                                                                               \
	ck_assert_msg(w.did[FT_DO_##k] == (n), "%s %d times, not %d:\n%s", #k, w.did[FT_DO_##k], (n), w.said)
#define expect_stage(s)                                                                                                \
	ck_assert_str_eq(ft_session_stage_name(w.c.session.stage), ft_session_stage_name(FT_SESSION_##s))

/* An ftd that finds this on its disk. Its QEMU, if it shows up, is the session's.  told: and a success of the session, too. */
static void start_told(enum ft_session_stage stage, enum ft_role role, bool told)
{
	memset(&w, 0, sizeof w);
	w.now = SECOND(1000);
	struct ft_core_params params = {.node = "alpha",
	                                .incarnation = 0xa1,
	                                .interval = MS(100),
	                                .window = MS(500),
	                                .reply_timeout = SECOND(1),
	                                .guard = MS(20),
	                                .arbitrated = true,
	                                .registers = true,
	                                .session = {.stage = stage, .epoch = EPOCH, .role = role, .instance = 5}};
	memcpy(params.session.id, id, sizeof id);
	if (told)
		memcpy(params.recorded, id, sizeof id);
	strcpy(params.session.peer, "beta");
	if (stage == FT_SESSION_ENDED)
		strcpy(params.session.winner, "alpha");
	ft_core_init(&w.c, &params, w.now);
	w.q = (struct ft_qemu_facts){.connected = true,
	                             .oob = true,
	                             .plan_ready = true,
	                             .pid_verified = true,
	                             .instance = 5,
	                             .vm = FT_VM_ALIVE,
	                             .role = role,
	                             .checkpoint_ms = 2000};
	w.p = (struct ft_peer_news){.node = "beta",
	                            .incarnation = 0xb1,
	                            .side = {.state = FT_PROTECTED,
	                                     .role = role == FT_ROLE_PRIMARY ? FT_ROLE_SECONDARY : FT_ROLE_PRIMARY,
	                                     .vm = FT_VM_ALIVE,
	                                     .ready = true,
	                                     .epoch = EPOCH,
	                                     .checkpoint_ms = 2000,
	                                     .window_ms = 500}};
	memcpy(w.p.side.session, id, sizeof id);
}

static void start(enum ft_session_stage stage, enum ft_role role)
{
	start_told(stage, role, false);
}

/* Both sides are there and hear each other, and replication is proven. */
static void meet(void)
{
	peer_says();
	hear(FT_PEER_ALIVE);
	acked();
	qemu_is();
	step(&(struct ft_event){.kind = FT_EVENT_CHECKPOINT});
}

static void protect(enum ft_role role)
{
	start(FT_SESSION_BOUND, role);
	meet();
	expect_phase(PROTECTED);
}

/* Time in which the peer acknowledges all, and the register says this when it is asked. */
static void live(double seconds, enum ft_claim register_says, const char *name)
{
	for (int i = 0; i < (int)(seconds * 10); i++) {
		pass(100);
		acked();
		if (i % 10 == 0)
			step(&(struct ft_event){.kind = FT_EVENT_CHECKPOINT});
		if (w.c.arbiter_busy)
			register_is(register_says, name);
	}
}

/* For so long that no claim of a predecessor can land any more. */
static void protect_surely(enum ft_role role)
{
	protect(role);
	live(20, FT_CLAIM_NOT_NEEDED, "");
	ck_assert(!w.c.unsure);
	forget();
}

/* The acknowledgements end for a while, and what the claim has come to is not known. */
static void claim_in_vain(void)
{
	pass(500);
	frozen();
	expect_phase(CLAIMING);
	claim_is(FT_CLAIM_UNREACHABLE, "no answer");
	expect_phase(CUT_OFF);
	recorded();
	hear(FT_PEER_ALIVE);
	acked();
	expect_did(THAW, 1);
	qemu_is();
	step(&(struct ft_event){.kind = FT_EVENT_CHECKPOINT});
	expect_phase(PROTECTED);
}

/* It is heard, and runs the guest alone. */
static void peer_runs(void)
{
	w.p.side.state = FT_SOLO;
	w.p.side.role = FT_ROLE_SOLO;
	w.p.side.vm = FT_VM_ALIVE;
	w.p.side.proven = true;
	peer_says();
	hear(FT_PEER_ALIVE);
}

/* ---- a failover that is held ---- */

static void held(void)
{
	protect_surely(FT_ROLE_SECONDARY);
	hear(FT_PEER_QUIET);
	pass(500);
	hear(FT_PEER_LOST);
	pass(20);
	expect_phase(CLAIMING);
	claim_is(FT_CLAIM_UNREACHABLE, "no answer");
	expect_phase(CUT_OFF);
	expect_did(RECORD, 1);
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "held");
	ck_assert_str_eq(ft_claim_name(w.c.outcome.claim), "unreachable");
	ck_assert_str_ne(w.c.outcome.error, "");
}

/* Both blocked, and then cut off from each other: whoever can go on has the time to be first. */
START_TEST(a_blocked_primary_claims_last)
{
	protect_surely(FT_ROLE_PRIMARY);
	w.q.connected = w.q.plan_ready = false;
	qemu_is();
	w.p.side.sick = true;
	peer_says();
	for (int i = 0; i < 130; i++) {
		pass(100);
		acked();
	}
	ck_assert(w.c.sick);
	expect_did(FREEZE, 0);
	pass(500);
	expect_phase(FREEZING);
	int64_t since = w.now;
	frozen();
	hear(FT_PEER_LOST);
	pass(9000);
	expect_did(CLAIM, 0);
	pass(1000);
	expect_did(CLAIM, 1);
	ck_assert_int_le(w.now - since, SECOND(10));
	claim_is(FT_CLAIM_WON, "alpha");
	expect_did(PLAN, 1);
}
END_TEST

/* Nothing is wrong with it yet, but that it has not answered for a while, and then both hosts are starved: it could do nothing with
 * a win.  _i: 0 the peer is lost, and nobody claims; 1 it is heard again, and the right is back; 2 our QEMU answers after all. */
START_TEST(a_primary_that_does_not_answer_lets_the_peer_claim_first)
{
	protect_surely(FT_ROLE_PRIMARY);
	w.q.connected = w.q.plan_ready = false;
	qemu_is();
	pass(500);
	expect_phase(FREEZING);
	ck_assert(!w.c.sick);
	frozen();
	w.q.connected = w.q.plan_ready = _i == 2;
	qemu_is();
	expect_did(CLAIM, _i == 2);
	if (_i == 2)
		return;
	pass(900);
	expect_did(CLAIM, 0);
	if (_i == 1) {
		acked();
		expect_did(THAW, 1);
		expect_phase(WATCH);
	}
	hear(FT_PEER_LOST);
	pass(200);
	expect_did(CLAIM, _i == 0);
}
END_TEST

/* What it was before it stood still by us is not known of it afterwards. */
START_TEST(a_blocked_primary_that_is_thawed_is_judged_anew)
{
	protect_surely(FT_ROLE_PRIMARY);
	w.q.connected = w.q.plan_ready = false;
	qemu_is();
	w.p.side.sick = true;
	peer_says();
	for (int i = 0; i < 130; i++) {
		pass(100);
		acked();
	}
	pass(500);
	frozen();
	w.p.side.sick = false;
	peer_says();
	acked();
	expect_did(THAW, 1);
	ck_assert(!w.c.sick);
	pass(100);
	acked();
	expect_did(FREEZE, 1);
}
END_TEST

/* Told once, however often the claim is tried again; then as one failover with the hold.  _i: before the disk has said
 * that the hold is written. */
START_TEST(a_failover_that_is_held_is_an_outcome_and_goes_on)
{
	held();
	int64_t judged = w.c.outcome.judged_at;
	if (!_i) {
		recorded();
		expect_did(OUTCOME, 1);
		pass(5000);
		expect_did(CLAIM, 2);
		claim_is(FT_CLAIM_UNREACHABLE, "no answer");
		expect_did(RECORD, 1);
		pass(10e3);
	} else {
		pass(1000);
	}
	claim_is(FT_CLAIM_WON, "alpha");
	expect_phase(PLANNING);
	expect_did(OUTCOME, 1);
	ck_assert_int_eq(w.c.outcome.judged_at, judged);
	plan_works();
	expect_phase(RECORDING);
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "success");
	ck_assert_str_eq(ft_claim_name(w.c.outcome.claim), "won");
	ck_assert_str_eq(w.c.outcome.error, "");
	if (_i)
		recorded();
	recorded();
	expect_phase(SOLO);
	expect_did(RECORD, 2);
	expect_did(OUTCOME, 2);
}
END_TEST

START_TEST(a_claim_that_was_held_and_is_lost_is_told_as_lost)
{
	held();
	recorded();
	pass(1000);
	claim_is(FT_CLAIM_LOST, "beta");
	expect_did(RECORD, 2);
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "lost-claim");
	ck_assert_str_eq(w.c.outcome.winner, "beta");
}
END_TEST

/* Whoever waits for an order's outcome is told that it is held, though the peer is heard, and the guest may go on. */
START_TEST(an_order_that_is_held_is_told_as_held)
{
	held();
	recorded();
	forget();
	pass(1000);
	claim_is(FT_CLAIM_UNREACHABLE, "no answer");
	w.p.side.state = FT_CLAIMING;
	peer_says();
	hear(FT_PEER_ALIVE);
	order();
	expect_phase(CLAIMING);
	claim_is(FT_CLAIM_UNREACHABLE, "no answer");
	expect_phase(CUT_OFF);
	expect_did(RECORD, 1);
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "held");
	ck_assert_str_eq(ft_cause_name(w.c.outcome.cause), "signal");
}
END_TEST

/* A person waits for it; what ftd had begun by itself is no failover.  _i: ordered. */
START_TEST(an_order_that_comes_to_nothing_is_an_outcome)
{
	protect_surely(FT_ROLE_SECONDARY);
	w.c.params.guard = MS(40); /* 20 of it are left when the peer is lost */
	hear(FT_PEER_QUIET);
	pass(500);
	hear(FT_PEER_LOST);
	if (_i)
		order();
	pass(20);
	expect_phase(CLAIMING);
	w.p.side.state = FT_SOLO;
	w.p.side.role = FT_ROLE_SOLO;
	w.p.side.proven = true;
	peer_says();
	hear(FT_PEER_ALIVE);
	expect_did(RECORD, _i);
	if (!_i)
		return;
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "refused");
	ck_assert_str_eq(ft_cause_name(w.c.outcome.cause), "signal");
	ck_assert_str_ne(w.c.outcome.error, "");
	recorded();
	expect_did(OUTCOME, 1);
}
END_TEST

START_TEST(an_order_whose_qemu_dies_meanwhile_is_an_outcome)
{
	protect_surely(FT_ROLE_SECONDARY);
	w.c.params.guard = MS(40); /* 20 of it are left when the peer is lost */
	hear(FT_PEER_QUIET);
	pass(500);
	hear(FT_PEER_LOST);
	order();
	pass(20);
	expect_phase(CLAIMING);
	w.q.vm = FT_VM_GONE;
	qemu_is();
	expect_did(RECORD, 1);
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "refused");
}
END_TEST

/* Whoever vouches for the other host is quoted, before the arbiter has answered. */
START_TEST(a_persons_word_for_the_other_host_is_written_down)
{
	held();
	recorded();
	step(&(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR, .confirmed = _i});
	expect_phase(CLAIMING);
	ck_assert_int_eq(w.c.outcome.n_evidence, 2);
	const char *what = w.c.outcome.evidence[0].text;
	ck_assert_msg(!strstr(what, "--confirm-fenced") == !_i, "%s", what);
}
END_TEST

START_TEST(who_is_held_leaves_at_once)
{
	held();
	recorded();
	forget();
	step(&(struct ft_event){.kind = FT_EVENT_LEAVE});
	expect_did(EXIT, 1);
	expect_did(STORE, 0); /* the next ftd holds on to it, and goes on when the arbiter is back */
	expect_stage(BOUND);
}
END_TEST

START_TEST(a_failover_that_failed_says_what_the_claim_came_to)
{
	protect_surely(FT_ROLE_SECONDARY);
	hear(FT_PEER_QUIET);
	pass(500);
	hear(FT_PEER_LOST);
	pass(20);
	claim_is(FT_CLAIM_WON, "alpha");
	expect_phase(PLANNING);
	for (int i = 0; i < 20 && w.c.phase == FT_PHASE_PLANNING; i++) {
		struct ft_plan_report r = {.proven_at = FT_NEVER, .error = "refused"};
		step(&(struct ft_event){.kind = FT_EVENT_PLAN, .plan = &r});
		pass(1000);
	}
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "failed");
	ck_assert_str_eq(ft_claim_name(w.c.outcome.claim), "won");
	ck_assert_str_eq(w.c.outcome.winner, "alpha");
}
END_TEST

/* ---- the lease ---- */

/* One of the two was started anew with other settings: the peer claims after a silence of its own length, not of ours. */
START_TEST(the_right_to_run_lasts_no_longer_than_the_peers_patience)
{
	static const uint32_t peers[] = {200, 499, 500, 2000};
	protect(FT_ROLE_PRIMARY);
	w.p.side.window_ms = peers[_i];
	peer_says();
	pass(100);
	acked();
	expect_did(FREEZE, 0);
	int64_t lease = w.now + MS(peers[_i] < 500 ? peers[_i] : 500);
	ck_assert_int_le(ft_core_lease(&w.c), lease);
}
END_TEST

/* It has taken over meanwhile, and was started anew with a longer detection time: our right of before was over for good. */
START_TEST(a_right_that_was_granted_grows_no_longer_by_the_peers_new_settings)
{
	protect(FT_ROLE_PRIMARY);
	acked();
	int64_t granted = ft_core_lease(&w.c);
	w.c.params.window = MS(800);
	ck_assert_int_eq(ft_core_lease(&w.c), granted);
	w.p.incarnation++;
	w.p.side.window_ms = 800;
	w.p.side.vm = FT_VM_UNKNOWN;
	w.p.side.state = FT_STARTING;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	peer_says();
	ck_assert_int_eq(ft_core_lease(&w.c), granted);
}
END_TEST

/* Detection time, guard, and how long after the loss a secondary claims: the guard counts from the end of the primary's right. */
static const struct {
	double window, guard, right, wait;
} guards[] = {
    {500, 20, 480, 0},    {500, 5, 480, 0},    {500, 50, 480, 30},    {300, 20, 285, 5},
    {30, 20, 28.5, 18.5}, {3000, 20, 2980, 0}, {3000, 100, 2980, 80},
};

START_TEST(the_guard_begins_with_the_end_of_the_primarys_right)
{
	double window = guards[_i].window, wait = guards[_i].wait;
	start(FT_SESSION_BOUND, FT_ROLE_PRIMARY);
	w.c.params.window = MS(window);
	w.p.side.window_ms = (uint32_t)window;
	meet();
	ck_assert_int_eq(ft_core_lease(&w.c), w.now + MS(guards[_i].right));

	protect_surely(FT_ROLE_SECONDARY);
	w.c.params.window = MS(window);
	w.c.params.guard = MS(guards[_i].guard);
	hear(FT_PEER_QUIET);
	hear(FT_PEER_LOST);
	if (wait > 0)
		pass(wait - 0.1);
	expect_did(CLAIM, wait > 0 ? 0 : 1);
	pass(0.1);
	expect_did(CLAIM, 1);
}
END_TEST

START_TEST(what_an_earlier_ftd_has_granted_is_waited_out)
{
	if (_i)
		protect(FT_ROLE_SECONDARY);
	else
		start(FT_SESSION_BOUND, FT_ROLE_SECONDARY);
	w.c.session.window_ms = 3000;
	qemu_is();
	pass(600);
	if (_i) {
		register_is(FT_CLAIM_NOT_NEEDED, "");
		hear(FT_PEER_LOST);
	}
	pass(2419);
	expect_did(CLAIM, 0);
	pass(2);
	expect_did(CLAIM, 1);
}
END_TEST

START_TEST(a_session_is_bound_under_a_detection_time)
{
	start(FT_SESSION_NONE, FT_ROLE_PRIMARY);
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	w.p.side.epoch = 0;
	meet();
	expect_did(STORE, 1);
	ck_assert_int_eq(w.c.store_next.window_ms, 500);
}
END_TEST

/* The peer is heard all the while, and hears nothing: the outage began when the last was sent that it heard. */
START_TEST(an_outage_by_one_way_silence_begins_with_the_last_heartbeat_that_was_heard)
{
	protect_surely(FT_ROLE_PRIMARY);
	int64_t last = w.now;
	pass(490);
	frozen();
	expect_phase(CLAIMING);
	claim_is(FT_CLAIM_WON, "alpha");
	ck_assert_int_eq(w.c.outcome.first_evidence_at, last);
	ck_assert_int_le(w.c.outcome.judged_at - w.c.outcome.first_evidence_at, MS(500));
}
END_TEST

/* Something was amiss an hour ago, and protection has not come back since; that is no part of this outage. */
START_TEST(an_outage_does_not_begin_with_an_earlier_trouble)
{
	protect_surely(FT_ROLE_SECONDARY);
	w.p.incarnation++;
	w.p.side.ready = false;
	peer_says();
	expect_phase(WATCH);
	live(3600, FT_CLAIM_NOT_NEEDED, "");
	int64_t last = w.now;
	pass(500);
	step(&(struct ft_event){.kind = FT_EVENT_HEARING, .hearing = FT_PEER_LOST, .heard_at = last});
	pass(20);
	expect_phase(CLAIMING);
	ck_assert_int_eq(w.c.outcome.first_evidence_at, last);
}
END_TEST

static void clock_stood_still(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_STOOD_STILL, .at = SECOND(3)});
}

/* The host is a virtual machine that was paused, or moved: what its clock says is left of the right has long passed, and the
 * acknowledgements that waited for it are of before. */
START_TEST(a_right_does_not_outlive_a_clock_that_stood_still)
{
	protect_surely(FT_ROLE_PRIMARY);
	pass(100);
	int64_t before = w.now - MS(20);
	clock_stood_still();
	expect_did(FREEZE, 1);
	ck_assert_int_le(ft_core_lease(&w.c), w.now);
	frozen();
	step(&(struct ft_event){.kind = FT_EVENT_ACK, .at = before});
	expect_did(THAW, 0);
	pass(300);
	expect_did(CLAIM, 0);
	if (_i == 0) { /* the peer is there, and has ended nothing */
		acked();
		expect_did(THAW, 1);
		expect_did(CLAIM, 0);
		ck_assert_int_gt(ft_core_lease(&w.c), w.now);
	} else if (_i == 1) { /* it has */
		w.p.side.state = FT_SOLO;
		w.p.side.role = FT_ROLE_SOLO;
		peer_says();
		expect_did(THAW, 0);
		expect_did(CLAIM, 0);
	} else { /* it is not there */
		hear(FT_PEER_LOST);
		pass(219);
		expect_did(CLAIM, 0);
		pass(2);
		expect_did(CLAIM, 1);
		expect_did(THAW, 0);
	}
}
END_TEST

/* A survivor, and a secondary, have no right that could be over. */
START_TEST(who_has_no_right_that_ends_is_not_frozen_for_a_clock_that_stood_still)
{
	protect_surely(FT_ROLE_SECONDARY);
	clock_stood_still();
	expect_did(FREEZE, 0);
	hear(FT_PEER_LOST);
	pass(20);
	claim_is(FT_CLAIM_WON, "alpha");
	stored();
	plan_works();
	recorded();
	expect_phase(SOLO);
	clock_stood_still();
	pass(1000);
	expect_did(FREEZE, 0);
	expect_phase(SOLO);
}
END_TEST

/* Its sentinel was killed, and no other can be started: that is not called protected, on either side; but who stands in for
 * it stops its guest all the same, and whoever loses its peer goes on. */
START_TEST(who_has_no_sentinel_is_not_protected_and_keeps_to_its_right)
{
	protect_surely(_i == 0 ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	w.q.unguarded = true;
	qemu_is();
	expect_phase(WATCH);
	ck_assert_ptr_nonnull(strstr(w.c.reason, "no sentinel"));
	ck_assert(!w.c.self.ready);
	ck_assert(ft_session_stage_name(w.c.session.stage) == ft_session_stage_name(FT_SESSION_BOUND));
	if (_i == 0) {
		pass(490);
		expect_did(FREEZE, 1);
		acked();
		frozen();
	} else {
		hear(FT_PEER_LOST);
		pass(20);
		expect_phase(CLAIMING);
		return;
	}
	expect_did(THAW, 1);
	w.q.unguarded = false;
	qemu_is();
	step(&(struct ft_event){.kind = FT_EVENT_CHECKPOINT});
	expect_phase(PROTECTED);
}
END_TEST

START_TEST(no_session_is_made_without_a_sentinel)
{
	start(FT_SESSION_NONE, _i == 0 ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	w.p.side.epoch = 0;
	if (_i == 0)
		memset(w.p.side.session, 0, sizeof w.p.side.session);
	w.q.unguarded = true;
	meet();
	pass(5000);
	expect_did(STORE, 0);
	w.q.unguarded = false;
	acked();
	qemu_is();
	expect_did(STORE, 1);
}
END_TEST

/* ---- a claim that was given up ---- */

START_TEST(a_claim_that_has_landed_after_all_is_found_and_the_guest_goes_on_alone)
{
	protect_surely(FT_ROLE_PRIMARY);
	claim_in_vain();
	ck_assert(w.c.self.doubtful);
	live(1, FT_CLAIM_LOST, "alpha");
	expect_did(READ, 1);
	stored();
	expect_phase(PLANNING);
	expect_did(KILL, 0);
	plan_works();
	step(&(struct ft_event){.kind = FT_EVENT_RECORDED});
	expect_phase(SOLO);
}
END_TEST

START_TEST(a_claim_that_never_lands_is_looked_for_until_it_cannot_any_more)
{
	protect_surely(FT_ROLE_PRIMARY);
	claim_in_vain();
	live(30, FT_CLAIM_NOT_NEEDED, "");
	expect_phase(PROTECTED);
	ck_assert(!w.c.unsure && !w.c.self.doubtful);
	int reads = w.did[FT_DO_READ];
	ck_assert_int_ge(reads, 2);
	live(60, FT_CLAIM_NOT_NEEDED, "");
	expect_did(READ, reads);
}
END_TEST

/* Its word would renew the primary's right to run, and its QEMU may have failed over by the word of its predecessor. */
START_TEST(a_restarted_secondary_names_no_session_before_its_qemu_has_spoken)
{
	static const uint8_t none[FT_SESSION_BYTES];
	start(FT_SESSION_BOUND, FT_ROLE_SECONDARY);
	peer_says();
	hear(FT_PEER_ALIVE);
	w.q.connected = w.q.oob = w.q.plan_ready = false; /* its process is known, and answers nothing yet */
	w.q.role = FT_ROLE_NONE;
	qemu_is();
	ck_assert_mem_eq(w.c.self.session, none, sizeof none);
	w.q.connected = w.q.oob = w.q.plan_ready = true;
	w.q.role = FT_ROLE_SECONDARY;
	qemu_is();
	ck_assert_mem_eq(w.c.self.session, id, sizeof id);
}
END_TEST

/* Each side counts on the other's promise to wait for its own detection time: none is made or taken between two.  _i: from
 * the primary's side. */
START_TEST(a_pair_with_two_detection_times_has_no_session)
{
	start(FT_SESSION_NONE, _i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	w.p.side.state = FT_ARMING;
	w.p.side.window_ms = 600;
	w.c.params.fresh = true;
	if (_i)
		memset(w.p.side.session, 0, sizeof w.p.side.session);
	meet();
	pass(1000);
	expect_phase(ARMING);
	expect_did(STORE, 0);
	ck_assert_msg(strstr(w.c.reason, "make both the same"), "%s", w.c.reason);
	w.p.side.window_ms = 500;
	peer_says();
	acked();
	expect_did(STORE, 1);
}
END_TEST

/* Nor does it know what its predecessor has asked. */
START_TEST(an_ftd_that_was_restarted_looks_into_the_register)
{
	protect(_i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	ck_assert(w.c.self.doubtful);
	expect_did(READ, 1);
}
END_TEST

/* Seen in the simulation: the claim of an ftd before the loss landed later, and the pair went on in an ended session. */
START_TEST(a_session_that_was_lost_and_is_adopted_is_looked_up)
{
	start(FT_SESSION_UNKNOWN, _i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	memset(w.c.session.id, 0, sizeof w.c.session.id);
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	if (_i)
		frozen(); /* a primary that cannot know */
	step(&(struct ft_event){.kind = FT_EVENT_CHECKPOINT});
	expect_did(STORE, 1);
	acked();
	stored();
	expect_stage(BOUND);
	ck_assert(w.c.self.doubtful);
	expect_did(READ, 1);
	register_is(FT_CLAIM_LOST, "alpha");
	expect_stage(ENDED);
}
END_TEST

START_TEST(a_secondary_that_has_won_unasked_waits_until_the_primary_is_out)
{
	protect(FT_ROLE_SECONDARY);
	register_is(FT_CLAIM_LOST, "alpha");
	stored();
	expect_did(PLAN, 0);
	peer_vm(FT_VM_GONE);
	expect_phase(PLANNING);
}
END_TEST

/* It has answered nothing to this ftd: an earlier one may have promoted it, and died before that was on disk.  Told as the end of a
 * copy, its death would wake an old one at the peer's.  The register decides. */
START_TEST(a_silent_qemu_of_the_session_that_dies_gives_no_right_away)
{
	start(FT_SESSION_BOUND, _i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	peer_says();
	hear(FT_PEER_ALIVE);
	acked();
	w.q = (struct ft_qemu_facts){.instance = 5, .vm = FT_VM_ALIVE};
	qemu_is();
	w.q.instance = 0; /* nobody is known on its socket now */
	qemu_is();
	w.q.vm = FT_VM_GONE;
	qemu_is();
	expect_did(STORE, 0);
	expect_stage(BOUND);
	ck_assert_int_eq(w.c.self.vm, FT_VM_ABSENT);
}
END_TEST

/* It was failed over under an earlier ftd of ours, which died before that was on disk. */
START_TEST(a_qemu_that_has_left_colo_gives_no_right_away_as_it_dies)
{
	start(FT_SESSION_BOUND, FT_ROLE_SECONDARY);
	peer_says();
	hear(FT_PEER_ALIVE);
	w.q.role = FT_ROLE_NONE;
	w.q.last_role = FT_ROLE_SECONDARY;
	qemu_is();
	expect_did(FREEZE, 1);
	frozen();
	forget();
	w.q.connected = w.q.oob = false;
	w.q.vm = FT_VM_GONE;
	qemu_is();
	expect_did(STORE, 0);
	expect_stage(BOUND);
	ck_assert_int_eq(w.c.self.vm, FT_VM_ABSENT);
}
END_TEST

/* ---- words that were given ---- */

/* The peer's QEMU dies, and its word lets us go on; then the register names the peer. */
static void go_on_by_word(bool doubtful)
{
	protect_surely(FT_ROLE_PRIMARY);
	w.p.side.doubtful = doubtful;
	peer_vm(FT_VM_GONE);
	expect_phase(PLANNING);
	plan_works();
	forget();
}

START_TEST(a_right_that_was_given_outlives_the_givers_earlier_claim)
{
	go_on_by_word(true);
	hear(FT_PEER_LOST);
	claim_is(FT_CLAIM_LOST, "beta");
	stored();
	step(&(struct ft_event){.kind = FT_EVENT_RECORDED});
	expect_phase(SOLO);
	expect_did(KILL, 0);
	ck_assert_str_eq(w.c.session.winner, "alpha");
}
END_TEST

/* It had no claim under way: so it has claimed since, by a person's order perhaps. */
/* The arbiter may be away for long, and ftd be started anew: the guest must not stand still for that. */
START_TEST(a_right_that_was_given_is_on_disk_before_the_register_has_answered)
{
	protect_surely(FT_ROLE_PRIMARY);
	peer_vm(FT_VM_GONE);
	expect_phase(PLANNING);
	expect_did(STORE, 1);
	stored();
	expect_stage(ENDED);
	claim_is(FT_CLAIM_UNREACHABLE, "no answer");
	plan_works();
	step(&(struct ft_event){.kind = FT_EVENT_RECORDED});
	expect_phase(SOLO);
	pass(500);
	expect_did(CLAIM, 2); /* the register is to name us all the same */
	claim_is(FT_CLAIM_WON, "alpha");
	pass(60e3);
	expect_did(CLAIM, 2);
}
END_TEST

static void start_taken(void)
{
	start(FT_SESSION_ENDED, FT_ROLE_PRIMARY);
	w.c.session.title = FT_TITLE_WORD;
	w.q.role = FT_ROLE_NONE;
	w.q.last_role = FT_ROLE_PRIMARY;
}

START_TEST(who_has_taken_the_session_sees_to_it_that_the_register_says_so)
{
	start_taken();
	qemu_is();
	pass(3000);
	expect_phase(SOLO);
	expect_did(CLAIM, 1);
	claim_is(FT_CLAIM_LOST, "beta"); /* whose right was given to us after that claim */
	expect_phase(SOLO);
	expect_did(KILL, 0);
	ck_assert_str_eq(w.c.session.winner, "alpha");
	ck_assert_int_eq(w.c.session.title, FT_TITLE_REGISTER);
}
END_TEST

/* A person may have let the giver go on since, which claims then. */
START_TEST(what_was_taken_is_no_licence_to_start_before_the_register_has_said_so)
{
	char why[FT_TEXT_MAX];
	start_taken();
	w.q = (struct ft_qemu_facts){.vm = FT_VM_ABSENT};
	qemu_is();
	step(&(struct ft_event){.kind = FT_EVENT_WANT_START});
	pass(4000);
	ck_assert_int_eq(ft_core_may_start(&w.c, false, why), -1);
	ck_assert_int_eq(ft_core_may_start(&w.c, true, why), -1); /* nor has a person the first word */
	expect_did(CLAIM, 1);
	claim_is(_i ? FT_CLAIM_WON : FT_CLAIM_LOST, _i ? "alpha" : "beta");
	ck_assert_int_eq(ft_core_may_start(&w.c, false, why), _i);
}
END_TEST

/* What is on its way to disk is overtaken by what the register says. */
START_TEST(a_taken_session_that_the_register_gives_to_another_is_stored_so)
{
	protect_surely(FT_ROLE_PRIMARY);
	peer_vm(FT_VM_GONE);
	expect_did(STORE, 1);
	claim_is(FT_CLAIM_LOST, "beta");
	stored(); /* of ours */
	ck_assert_str_eq(w.c.session.winner, "beta");
	expect_did(STORE, 2);
	ck_assert_str_eq(w.c.store_next.winner, "beta");
}
END_TEST

/* Seen in the simulation: what had been asked before we went on was answered after, and the only guest was ended. */
START_TEST(a_right_that_was_given_outlives_an_earlier_look_into_the_register)
{
	protect(FT_ROLE_PRIMARY);
	pass(100);
	expect_did(READ, 1);
	w.p.side.doubtful = true;
	peer_vm(FT_VM_GONE);
	expect_phase(PLANNING);
	register_is(FT_CLAIM_LOST, "beta");
	expect_stage(ENDED);
	ck_assert_str_eq(w.c.session.winner, "alpha");
	plan_works();
	expect_did(KILL, 0);
}
END_TEST

START_TEST(a_right_that_was_given_does_not_outlive_a_later_claim)
{
	go_on_by_word(false);
	hear(FT_PEER_LOST);
	claim_is(FT_CLAIM_LOST, "beta");
	step(&(struct ft_event){.kind = FT_EVENT_RECORDED});
	expect_did(FREEZE, 1);
	frozen();
	expect_phase(HELD);
}
END_TEST

START_TEST(who_has_resigned_and_stands_in_the_register_gives_nothing_by_its_disk_alone)
{
	start(FT_SESSION_RESIGNED, FT_ROLE_PRIMARY);
	w.q.connected = w.q.oob = w.q.plan_ready = false;
	w.q.stopped = true;
	qemu_is();
	expect_phase(YIELDED);
	peer_says();
	hear(FT_PEER_ALIVE);
	ck_assert_int_ne(w.c.self.vm, FT_VM_YIELDED); /* we may have won later than the disk knows */
	expect_did(READ, 1);
	register_is(FT_CLAIM_LOST, "alpha");
	pass(30e3);
	ck_assert_int_ne(w.c.self.vm, FT_VM_YIELDED);
	expect_phase(YIELDED);
	expect_stage(RESIGNED);
	expect_did(THAW, 0);
}
END_TEST

/* A person orders it while the peer is silent; it is heard before the claim is through, and has a QEMU. */
START_TEST(an_order_to_who_has_resigned_ends_when_the_peer_is_heard_again)
{
	protect_surely(FT_ROLE_PRIMARY);
	w.p.side.request = FT_REQUEST_YIELD;
	peer_says();
	frozen();
	stored();
	expect_phase(YIELDED);
	w.p.side.request = FT_REQUEST_NONE;
	w.p.side.state = FT_FAILING_OVER;
	peer_says();
	hear(FT_PEER_LOST);
	forget();
	order();
	pass(20);
	expect_phase(CLAIMING);
	expect_did(CLAIM, 1);
	hear(FT_PEER_ALIVE);
	expect_phase(YIELDED);
	expect_did(RECORD, 1);
	claim_is(FT_CLAIM_WON, "alpha");
	expect_phase(YIELDED);
	expect_stage(RESIGNED);
	expect_did(THAW, 0);
	expect_did(PLAN, 0);
}
END_TEST

/* ---- what is given in a pair that has no session ---- */

/* Another ftd, with this on its disk; its QEMU is of a pair that was made anew. */
static void start_with(struct ft_session s, enum ft_role role)
{
	start(FT_SESSION_BOUND, role);
	struct ft_core_params params = w.c.params;
	params.session = s;
	ft_core_init(&w.c, &params, w.now);
	w.p.side.state = FT_ARMING;
	w.p.side.epoch = s.epoch;
	w.p.side.ready = false; /* no session is proposed yet */
	memset(w.p.side.session, 0, sizeof w.p.side.session);
}

/* None, or that of the pair before: won (1), lost (2), resigned (3). */
static struct ft_session session_before(int which)
{
	struct ft_session s = {.stage = FT_SESSION_NONE};
	if (which == 0)
		return s;
	s = (struct ft_session){.stage = which == 3 ? FT_SESSION_RESIGNED : FT_SESSION_ENDED,
	                        .epoch = EPOCH,
	                        .role = FT_ROLE_PRIMARY,
	                        .instance = 4,
	                        .peer = "beta"};
	memcpy(s.id, id, sizeof id);
	if (which < 3)
		strcpy(s.winner, which == 1 ? "alpha" : "beta");
	return s;
}

/* _i & 1: as the primary; _i / 2: the session before. */
static void meet_without_a_session(int i)
{
	enum ft_role role = i & 1 ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY;
	start_with(session_before(i / 2), role);
	w.q.role = FT_ROLE_NONE;
	w.q.connected = true;
	qemu_is();
	w.q.role = role;
	meet();
	expect_phase(ARMING);
	forget();
}

static void peer_asks(void)
{
	w.p.side.state = FT_CLAIMING;
	w.p.side.request = FT_REQUEST_YIELD;
	w.p.side.request_id = 9;
	peer_says();
}

#define expect_answer(a) ck_assert_int_eq(w.c.self.answer, FT_ANSWER_##a)

START_TEST(who_yields_without_a_session_writes_that_down_before_its_qemu_is_stopped)
{
	meet_without_a_session(_i);
	struct ft_session before = w.c.session;
	peer_asks();
	expect_did(STORE, 1);
	expect_did(FREEZE, 0);
	ck_assert_uint_eq(w.c.store_next.yielded, 5);
	ck_assert_int_eq(w.c.store_next.yielded_as, _i & 1 ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	ck_assert_str_eq(w.c.store_next.peer, "beta");
	pass(100);
	stored();
	expect_did(FREEZE, 1);
	expect_answer(NONE);
	frozen();
	expect_phase(YIELDED);
	expect_answer(YIELDED);
	expect_did(STORE, 1);
	ck_assert_int_eq(w.c.session.stage, before.stage); /* what was before is known as well */
	ck_assert_uint_eq(w.c.session.instance, before.instance);
	ck_assert_str_eq(w.c.session.winner, before.winner);
}
END_TEST

/* It refuses (0), or hangs (1); and takes it later. */
START_TEST(a_disk_that_takes_nothing_keeps_no_answer_back)
{
	meet_without_a_session(0);
	peer_asks();
	if (_i == 0)
		step(&(struct ft_event){.kind = FT_EVENT_STORED, .error = true, .text = "no space left"});
	else
		pass(1000);
	expect_did(FREEZE, 1);
	frozen();
	expect_answer(YIELDED);
	expect_phase(YIELDED);
	if (_i == 0) {
		pass(1000);
		expect_did(STORE, 2);
		ck_assert_uint_eq(w.c.store_next.yielded, 5);
	}
	stored();
	ck_assert_uint_eq(w.c.session.yielded, 5);
	expect_phase(YIELDED);
}
END_TEST

/* The peer takes its request back before it is stopped. */
START_TEST(what_is_not_asked_for_any_more_is_not_given)
{
	meet_without_a_session(_i);
	peer_asks();
	w.p.side.state = FT_ARMING;
	w.p.side.request = FT_REQUEST_NONE;
	peer_says();
	stored();
	expect_did(FREEZE, 0);
	expect_did(STORE, 2);
	ck_assert_uint_eq(w.c.store_next.yielded, 0);
	stored();
	pass(3000);
	expect_did(STORE, 2);
}
END_TEST

/* Seen in the simulation: it took that QEMU for somebody else's, or did not know what it stood still for. */
static void find_yielded(int i)
{
	enum ft_role role = i & 1 ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY;
	struct ft_session s = session_before(i / 2);
	s.yielded = 5;
	s.yielded_as = role;
	strcpy(s.peer, "beta");
	start_with(s, role);
	w.q = (struct ft_qemu_facts){.instance = 5, .vm = FT_VM_ALIVE, .stopped = true};
	qemu_is();
	expect_phase(YIELDED);
	ck_assert_int_eq(w.c.self.vm, FT_VM_YIELDED);
	ck_assert_int_eq(w.c.self.role, role);
	ck_assert(!w.c.cannot_know);
	ck_assert(ft_core_sets_free(&w.c, 5)); /* an earlier sentinel does not stop it again */
}

START_TEST(the_next_ftd_knows_what_was_yielded_without_a_session)
{
	find_yielded(_i);
	hear(FT_PEER_ALIVE);
	peer_asks();
	expect_answer(YIELDED);
	expect_did(FREEZE, 0);
	peer_runs();
	expect_did(KILL, 1);
	expect_phase(FENCED);
}
END_TEST

/* That the guest was given away is known until one is booted here: until then the win before is no licence, whatever QEMU comes. */
START_TEST(what_was_given_is_known_until_a_guest_is_booted)
{
	static const struct {
		enum ft_role role, last_role;
		bool incoming, over;
	} cases[] = {{FT_ROLE_NONE, FT_ROLE_NONE, false, true},
	             {FT_ROLE_NONE, FT_ROLE_NONE, true, false},
	             {FT_ROLE_SECONDARY, FT_ROLE_NONE, false, false},
	             {FT_ROLE_NONE, FT_ROLE_SECONDARY, false, false}};
	struct ft_session s = session_before(1);
	s.yielded = 5;
	s.yielded_as = FT_ROLE_SECONDARY;
	start_with(s, cases[_i].role);
	w.q.instance = 6;
	w.q.last_role = cases[_i].last_role;
	w.q.incoming = cases[_i].incoming;
	qemu_is();
	pass(10e3);
	expect_did(STORE, cases[_i].over);
	ck_assert_uint_eq(w.c.session.yielded, 5);
	if (cases[_i].over)
		ck_assert_uint_eq(w.c.store_next.yielded, 0);
}
END_TEST

START_TEST(what_was_yielded_without_a_session_is_thawed_for_a_peer_that_does_not_want_it)
{
	find_yielded(_i);
	hear(FT_PEER_ALIVE);
	peer_says();
	pass(3000);
	expect_did(THAW, 1);
	w.q = (struct ft_qemu_facts){.connected = true,
	                             .oob = true,
	                             .plan_ready = true,
	                             .pid_verified = true,
	                             .instance = 5,
	                             .vm = FT_VM_ALIVE,
	                             .role = _i & 1 ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY};
	expect_did(STORE, 0);
	qemu_is();
	expect_did(STORE, 1);
	ck_assert_uint_eq(w.c.store_next.yielded, 0);
	ck_assert_int_eq(w.c.store_next.yielded_as, FT_ROLE_NONE);
	stored();
	expect_phase(ARMING);
	expect_did(STORE, 1);
}
END_TEST

START_TEST(a_copy_that_was_yielded_without_a_session_is_held_for_a_peer_that_never_comes)
{
	find_yielded(_i);
	pass(5000);
	expect_phase(HELD);
	expect_did(THAW, 0);
	ck_assert_msg(strstr(w.c.reason, "beta"), "%s", w.c.reason);
}
END_TEST

/* Neither side knows: what a person is told does not wait for what has come. */
START_TEST(who_cannot_know_and_hears_the_peer_says_what_frees_it)
{
	start_with(session_before(0), FT_ROLE_PRIMARY);
	qemu_is();
	frozen();
	expect_phase(CUT_OFF);
	ck_assert_msg(strstr(w.c.reason, "until the peer is heard"), "%s", w.c.reason);
	w.p.side.state = FT_HELD;
	w.p.side.role = FT_ROLE_NONE;
	peer_says();
	hear(FT_PEER_ALIVE);
	expect_phase(CUT_OFF);
	ck_assert_msg(!strstr(w.c.reason, "until the peer is heard"), "%s", w.c.reason);
	ck_assert_msg(strstr(w.c.reason, "end the older copy") && strstr(w.c.reason, "--confirm-fenced"), "%s",
	              w.c.reason);
	hear(FT_PEER_QUIET);
	hear(FT_PEER_LOST);
	ck_assert_msg(strstr(w.c.reason, "until the peer is heard"), "%s", w.c.reason);
}
END_TEST

/* Seen in the simulation: its disk had been lost, the peer knew the session, and the register gave it to us.  The outcome told of no
 * cause, and of no role. */
START_TEST(who_cannot_know_and_wins_tells_of_an_outcome_that_it_began)
{
	start_with(session_before(0), FT_ROLE_PRIMARY);
	w.q.connected = w.q.oob = w.q.plan_ready = false;
	w.q.role = FT_ROLE_NONE;
	w.q.stopped = true;
	qemu_is();
	expect_phase(CUT_OFF);
	w.p.side.state = FT_UNPROTECTED;
	w.p.side.role = FT_ROLE_SECONDARY;
	w.p.side.epoch = EPOCH;
	memcpy(w.p.side.session, id, sizeof id);
	peer_says();
	hear(FT_PEER_ALIVE);
	stored();
	w.p.side.vm = FT_VM_YIELDED; /* by what it had read there */
	w.p.side.state = FT_FENCED;
	peer_says();
	pass(2000);
	claim_is(FT_CLAIM_WON, "alpha");
	expect_phase(PLANNING);
	ck_assert_str_eq(ft_cause_name(w.c.outcome.cause), "unknown");
	ck_assert_str_eq(ft_role_name(w.c.outcome.role_before), "primary");
}
END_TEST

/* Seen in the simulation: a heartbeat of before, held back on its way for seconds, bound the new secondary by the session that the peer
 * had won since: protected by it, it would have claimed that in a silence, and ended itself for having lost. */
START_TEST(a_session_that_has_ended_is_not_bound_again_by_what_comes_late)
{
	struct ft_session s = session_before(2);
	s.role = FT_ROLE_SECONDARY;
	start_with(s, FT_ROLE_SECONDARY);
	memcpy(w.p.side.session, id, sizeof id);
	w.p.side.ready = true;
	w.p.side.state = FT_PROTECTED;
	meet();
	pass(3000);
	ck_assert_int_eq(w.c.session.stage, FT_SESSION_ENDED);
	expect_did(STORE, 0);
	expect_phase(ARMING);
}
END_TEST

/* The disk has said no, and stored it all the same. */
START_TEST(a_qemu_that_runs_although_it_was_resigned_is_frozen_and_yielded)
{
	start(FT_SESSION_RESIGNED, _i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	peer_says();
	hear(FT_PEER_ALIVE);
	if (_i)
		ck_assert(ft_core_lease_of(&w.c, 5) <= w.now);
	qemu_is();
	expect_phase(YIELDING);
	frozen();
	expect_phase(YIELDED);
	ck_assert_int_eq(w.c.self.vm, FT_VM_YIELDED);
	expect_did(CLAIM, 0);
}
END_TEST

/* Nor ended: a SIGKILL would take hold no sooner, and cannot be taken back. */
START_TEST(a_qemu_that_was_resigned_and_does_not_stand_still_is_stopped_again)
{
	start(FT_SESSION_RESIGNED, FT_ROLE_PRIMARY);
	qemu_is();
	pass(2000);
	expect_phase(YIELDING);
	expect_did(FREEZE, 2);
	expect_did(KILL, 0);
	expect_did(THAW, 0);
	expect_did(CLAIM, 0);
	frozen();
	expect_phase(HELD); /* for a peer that is not heard */
}
END_TEST

/* ---- what a lease is of ---- */

START_TEST(only_the_sessions_own_qemu_is_ever_stopped_for_it)
{
	start(FT_SESSION_BOUND, FT_ROLE_PRIMARY);
	ck_assert(ft_core_lease_of(&w.c, 5) <= w.now); /* unacknowledged */
	ck_assert(ft_core_lease_of(&w.c, 6) == FT_NEVER);
	ck_assert(ft_core_lease_of(&w.c, 0) <= w.now); /* it may run, and not have been seen yet */
}
END_TEST

/* An earlier ftd's sentinel that is left on guard would stop it for a session that is over. */
START_TEST(a_silent_qemu_of_a_released_session_is_known_to_have_no_limit)
{
	start(FT_SESSION_BOUND, FT_ROLE_PRIMARY);
	ck_assert(!ft_core_sets_free(&w.c, 5));
	start(FT_SESSION_RELEASED, FT_ROLE_PRIMARY);
	ck_assert(ft_core_lease_of(&w.c, 5) == FT_NEVER);
	ck_assert(ft_core_sets_free(&w.c, 5));
	ck_assert(!ft_core_sets_free(&w.c, 6));
}
END_TEST

/* Seen in the simulation: an earlier ftd had read that it has lost, which the disk never took; the next one thaws its secondary, and that
 * was stopped again for ever. */
START_TEST(a_silent_secondary_that_is_thawed_is_known_to_have_no_limit)
{
	start(FT_SESSION_BOUND, FT_ROLE_SECONDARY);
	w.q = (struct ft_qemu_facts){.instance = 5, .vm = FT_VM_ALIVE, .stopped = true};
	qemu_is();
	expect_did(THAW, 1);
	ck_assert(ft_core_sets_free(&w.c, 5));
	ck_assert(!ft_core_sets_free(&w.c, 6));
}
END_TEST

/* Seen in the simulation: a fence, both hosts had been down, and the VM was started anew here by a person's word; the next secondary took up
 * the session of before, as we named it, and waited in it for ever.  _i: our QEMU is that session's. */
START_TEST(a_primary_does_not_name_the_session_of_the_qemu_before)
{
	static const uint8_t none[FT_SESSION_BYTES];
	start(FT_SESSION_BOUND, FT_ROLE_PRIMARY);
	w.c.params.registers = false;
	w.q.instance = _i ? 5 : 6;
	qemu_is();
	peer_says();
	hear(FT_PEER_ALIVE);
	ck_assert_mem_eq(w.c.self.session, _i ? id : none, sizeof none);
}
END_TEST

/* Seen in the simulation: its disk had taken the session as its ftd ended, and the next one named it, and was killed before it had seen
 * its QEMU: no sentinel knew of an end of its right, and the peer claimed and went on beside it. */
START_TEST(a_primary_names_its_session_once_its_qemu_is_seen)
{
	static const uint8_t none[FT_SESSION_BYTES];
	start(FT_SESSION_BOUND, FT_ROLE_PRIMARY);
	peer_says();
	hear(FT_PEER_ALIVE);
	ck_assert_mem_eq(w.c.self.session, none, sizeof none);
	qemu_is();
	ck_assert_mem_eq(w.c.self.session, id, sizeof id);
}
END_TEST

/* Seen in the simulation: the primary had gone on by a person's word alone, the arbiter out of reach, and its next ftd found itself bound
 * as ever; the new secondary waited for the end of that session for ever.  _i: the register cannot be asked. */
START_TEST(a_new_secondary_is_led_in_the_session_that_nobody_could_end)
{
	start(FT_SESSION_BOUND, FT_ROLE_SECONDARY);
	w.q.instance = 6;
	meet();
	ck_assert_uint_eq(w.c.session.instance, 5);
	for (int i = 0; i < 300 && w.did[FT_DO_STORE] == 0; i++) {
		if (w.c.arbiter_busy)
			register_is(_i ? FT_CLAIM_UNREACHABLE : FT_CLAIM_NOT_NEEDED, "");
		pass(100);
		acked();
	}
	expect_did(STORE, _i == 0);
	if (_i)
		return;
	ck_assert(w.now >= w.c.started_at + FT_LANDS_NS); /* a claim of an earlier ftd may have landed until then */
	stored();
	expect_stage(BOUND);
	ck_assert_uint_eq(w.c.session.instance, 6);
}
END_TEST

/* It has regained the session, and stands still by the sentinel of the ftd that had lost it. */
START_TEST(a_silent_qemu_of_a_session_that_is_won_is_known_to_have_no_limit)
{
	start(FT_SESSION_RESIGNED, FT_ROLE_SECONDARY);
	w.q = (struct ft_qemu_facts){.instance = 5, .vm = FT_VM_ALIVE, .stopped = true};
	qemu_is();
	answer_vacant();
	ck_assert(!ft_core_sets_free(&w.c, 5));
	w.p.side.returned = true;
	memcpy(w.p.side.session, w.c.session.id, sizeof w.p.side.session);
	w.p.side.vm = FT_VM_GONE;
	peer_says();
	hear(FT_PEER_ALIVE);
	expect_did(PLAN, 1);
	ck_assert(ft_core_sets_free(&w.c, 5));
}
END_TEST

/* Seen in the simulation: it was thawed, and before it had answered an earlier sentinel stopped it again, for ever. */
START_TEST(a_silent_qemu_that_never_was_in_a_session_is_known_to_have_no_limit)
{
	start(FT_SESSION_UNKNOWN, FT_ROLE_PRIMARY);
	w.q = (struct ft_qemu_facts){.pid_verified = true, .instance = 5, .vm = FT_VM_ALIVE, .stopped = true};
	qemu_is();
	expect_phase(CUT_OFF);
	ck_assert(!ft_core_sets_free(&w.c, 5));
	w.p.side.state = FT_UNPROTECTED;
	w.p.side.epoch = 0;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	peer_says();
	hear(FT_PEER_ALIVE);
	expect_did(THAW, 1);
	ck_assert(ft_core_sets_free(&w.c, 5));
	ck_assert(!ft_core_sets_free(&w.c, 6));
}
END_TEST

/* There may have been a session, and its end be lost with it: an earlier sentinel stays on guard over what has said nothing yet. */
START_TEST(a_silent_qemu_whose_session_may_be_lost_is_not_set_free)
{
	start(FT_SESSION_NONE, FT_ROLE_PRIMARY);
	w.q = (struct ft_qemu_facts){.pid_verified = true, .instance = 5, .vm = FT_VM_ALIVE, .stopped = true};
	qemu_is();
	expect_phase(CUT_OFF);
	ck_assert(!ft_core_sets_free(&w.c, 5));
	ck_assert(!ft_core_sets_free(&w.c, 0)); /* which one it is is not known yet */
}
END_TEST

/* Seen in the simulation: this ftd was stopped as it started, and its time to start was over before it saw its QEMU. */
START_TEST(a_qemu_that_is_seen_late_and_stands_still_is_found_as_at_the_start)
{
	static const enum ft_session_stage stages[] = {FT_SESSION_ENDED, FT_SESSION_RELEASED, FT_SESSION_BOUND,
	                                               FT_SESSION_RESIGNED};
	start(stages[_i / 2], _i % 2 ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	w.q = (struct ft_qemu_facts){.pid_verified = true, .instance = 5, .vm = FT_VM_ALIVE, .stopped = true};
	pass(3500);
	expect_phase(UNPROTECTED);
	forget();
	qemu_is();
	bool cut_off = stages[_i / 2] == FT_SESSION_BOUND && _i % 2;
	bool yielded = stages[_i / 2] == FT_SESSION_RESIGNED;
	expect_did(THAW, cut_off || yielded ? 0 : 1);
	ck_assert_int_eq(w.c.frozen, cut_off || yielded);
	if (yielded)
		expect_phase(HELD);
	if (cut_off)
		expect_phase(CLAIMING);
}
END_TEST

/* By its stopped QEMU nobody can tell in which session it was; nor by one that runs, and was there before us. */
START_TEST(a_qemu_that_is_seen_late_and_whose_session_is_lost_stands_still)
{
	start(_i % 2 ? FT_SESSION_UNKNOWN : FT_SESSION_NONE, FT_ROLE_PRIMARY);
	if (_i / 2)
		w.q = (struct ft_qemu_facts){.pid_verified = true, .instance = 5, .vm = FT_VM_ALIVE, .stopped = true};
	pass(3500);
	expect_phase(UNPROTECTED);
	forget();
	qemu_is();
	expect_did(FREEZE, _i / 2 ? 0 : 1);
	frozen();
	expect_phase(CUT_OFF);
	expect_did(THAW, 0);
	ck_assert(w.c.frozen);
}
END_TEST

START_TEST(one_that_dies_as_it_stands_still_is_not_found_again)
{
	protect_surely(FT_ROLE_PRIMARY);
	pass(500);
	frozen();
	expect_phase(CLAIMING);
	forget();
	w.q.vm = FT_VM_GONE;
	w.q.connected = false;
	qemu_is();
	expect_phase(UNPROTECTED);
	expect_did(FREEZE, 0);
}
END_TEST

/* It was looked for, and was not there: whoever started it since had the right to. */
START_TEST(a_primary_that_comes_after_us_is_not_doubted)
{
	start(FT_SESSION_NONE, FT_ROLE_PRIMARY);
	struct ft_qemu_facts none = {.vm = FT_VM_ABSENT}, comes = w.q;
	w.q = none;
	qemu_is();
	pass(3500);
	w.q = comes;
	qemu_is();
	pass(100);
	expect_did(FREEZE, 0);
	expect_phase(UNPROTECTED);
}
END_TEST

/* Seen in the simulation: both sides had yielded, one was given the right back, and its ftd died as the plan was through. */
START_TEST(a_qemu_that_has_failed_over_and_whose_side_has_resigned_goes_on_where_the_peer_has_yielded)
{
	start(FT_SESSION_RESIGNED, FT_ROLE_PRIMARY);
	w.q.role = FT_ROLE_NONE;
	w.q.last_role = FT_ROLE_PRIMARY;
	w.q.stopped = true;
	qemu_is();
	pass(3000);
	frozen();
	w.p.side.state = FT_FENCED;
	peer_vm(FT_VM_YIELDED);
	hear(FT_PEER_ALIVE);
	pass(100);
	expect_phase(CLAIMING);
	claim_is(FT_CLAIM_WON, "alpha");
	expect_phase(SOLO);
	expect_did(THAW, 1);
	expect_did(PLAN, 0);
}
END_TEST

/* Seen in the simulation: the session had come no further than to the primary's disk as that gave way.  _i & 1: its QEMU died.
 * _i & 2: our disk takes nothing. */
START_TEST(a_secondary_goes_on_by_the_word_of_who_gives_up_a_session_that_it_never_had)
{
	start(FT_SESSION_NONE, FT_ROLE_SECONDARY);
	w.q.instance = 6;
	w.p.side.state = _i & 1 ? FT_UNPROTECTED : FT_FENCED;
	w.p.side.vm = FT_VM_ALIVE;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	memcpy(w.p.side.session, id, sizeof id);
	peer_vm(_i & 1 ? FT_VM_GONE : FT_VM_YIELDED);
	expect_did(CLAIM, 0); /* the disk first: a crash must not leave a claim that nobody knows of */
	step(&(struct ft_event){.kind = FT_EVENT_STORED, .error = _i & 2, .text = "no space left"});
	expect_did(PLAN, 1);
	expect_did(CLAIM, 1); /* so that nobody else can, with it */
	expect_stage(ENDED);
	ck_assert_str_eq(w.c.session.winner, "alpha");
	ck_assert_mem_eq(w.c.session.id, id, sizeof id);
	ck_assert_mem_eq(w.c.outcome.session, id, sizeof id);
	ck_assert_uint_eq(w.c.outcome.epoch, EPOCH);
}
END_TEST

/* Seen in the simulation: the session had come no further than to the primary's disk as that host went down; a person ordered the
 * secondary to go on, its ftd died, and the other host started the VM by its session.  _i & 1: it is silent, and not back yet.
 * _i & 2: it has been faster.  _i & 4: the disk takes nothing. */
START_TEST(an_order_beside_a_session_that_the_peer_alone_has_claims_that)
{
	start(FT_SESSION_NONE, FT_ROLE_SECONDARY);
	w.q.instance = 6;
	w.p.side.state = FT_UNPROTECTED;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	memcpy(w.p.side.session, id, sizeof id);
	peer_vm(_i & 1 ? FT_VM_ALIVE : FT_VM_ABSENT);
	if (_i & 1) {
		hear(FT_PEER_QUIET);
		hear(FT_PEER_LOST);
		pass(10e3); /* nothing replicates any more */
	}
	expect_did(STORE, 0);
	order();
	expect_did(STORE, 1);
	expect_did(PLAN, 0);
	step(&(struct ft_event){.kind = FT_EVENT_STORED, .error = _i & 4, .text = "no space left"});
	expect_stage(BOUND);
	ck_assert_mem_eq(w.c.session.id, id, sizeof id);
	ck_assert_int_eq(memcmp(w.c.self.session, id, sizeof id) != 0,
	                 (_i & 4) != 0); /* only what is on disk is told */
	expect_did(CLAIM, 1);
	expect_did(PLAN, 0);
	claim_is(_i & 2 ? FT_CLAIM_LOST : FT_CLAIM_WON, _i & 2 ? "beta" : "alpha");
	expect_did(PLAN, _i & 2 ? 0 : 1);
	expect_did(STORE, 2); /* who has won; and that is tried until the disk takes it */
	step(&(struct ft_event){.kind = FT_EVENT_STORED, .error = _i & 4, .text = "no space left"});
	if (_i & 4) {
		pass(1000);
		expect_did(STORE, 3);
		stored();
	}
	pass(5000);
	expect_did(STORE, _i & 4 ? 3 : 2);
	expect_stage(ENDED);
	ck_assert_str_eq(w.c.session.winner, _i & 2 ? "beta" : "alpha");
}
END_TEST

START_TEST(a_session_held_to_unstored_is_written_once_the_disk_takes_it)
{
	start(FT_SESSION_NONE, FT_ROLE_SECONDARY);
	w.q.instance = 6;
	w.p.side.state = FT_UNPROTECTED;
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	peer_vm(FT_VM_ABSENT);
	order();
	step(&(struct ft_event){.kind = FT_EVENT_STORED, .error = true, .text = "no space left"});
	claim_is(FT_CLAIM_UNREACHABLE, "no answer");
	expect_phase(CUT_OFF); /* the peer is heard, so a person's word is not enough */
	recorded();
	forget();
	pass(1000);
	expect_did(STORE, 1);
	ck_assert_int_eq(w.c.store_next.stage, FT_SESSION_BOUND);
	stored();
	ck_assert_mem_eq(w.c.self.session, id, sizeof id);
	pass(5000);
	expect_did(STORE, 1);
}
END_TEST

/* _i: 0 what the peer names is earlier than what we know; 1 it is that of our own QEMU, bound again there; 2 a QEMU is there. */
START_TEST(an_order_takes_up_nothing_but_what_the_peer_alone_has)
{
	start(_i == 1 ? FT_SESSION_RELEASED : FT_SESSION_ENDED, FT_ROLE_SECONDARY);
	w.q.instance = _i == 1 ? 5 : 6;
	w.p.side.state = FT_UNPROTECTED;
	w.p.side.epoch = _i ? EPOCH + 1 : EPOCH - 1;
	w.p.side.session[0] = _i == 1 ? 7 : 8;
	w.p.side.vm = _i == 2 ? FT_VM_ALIVE : FT_VM_ABSENT;
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	forget();
	order();
	expect_did(STORE, 0);
	expect_did(CLAIM, _i == 1);
	expect_did(PLAN, _i == 0);
	if (_i == 2)
		expect_phase(ASKING);
}
END_TEST

/* The same where the person had ordered it before: it was asked to yield, and then its QEMU is gone, or it is silent (_i & 1).
 * _i & 2: the disk takes nothing. */
START_TEST(an_order_that_has_asked_first_claims_what_the_peer_alone_has)
{
	start(FT_SESSION_NONE, FT_ROLE_SECONDARY);
	w.q.instance = 6;
	w.p.side.state = FT_UNPROTECTED;
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	step(&(struct ft_event){.kind = FT_EVENT_COLO_EXIT, .error = true, .text = "secondary, error"});
	order();
	expect_phase(ASKING);
	forget();
	if (_i & 1) {
		hear(FT_PEER_QUIET);
		pass(500);
		hear(FT_PEER_LOST);
		pass(40);
	} else {
		peer_vm(FT_VM_ABSENT);
	}
	expect_did(PLAN, 0);
	expect_did(STORE, 1);
	step(&(struct ft_event){.kind = FT_EVENT_STORED, .error = _i & 2, .text = "no space left"});
	expect_stage(BOUND);
	expect_did(CLAIM, 1);
	expect_did(PLAN, 0);
	claim_is(FT_CLAIM_LOST, "beta");
	expect_did(PLAN, 0);
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "lost-claim");
}
END_TEST

/* It gives that up as it is asked (_i: it yields, else its QEMU has died): the session is on disk here before anything runs by it. */
START_TEST(an_order_that_has_asked_takes_up_what_the_peer_gives_up)
{
	start(FT_SESSION_NONE, FT_ROLE_SECONDARY);
	w.q.instance = 6;
	w.p.side.state = FT_UNPROTECTED;
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	step(&(struct ft_event){.kind = FT_EVENT_COLO_EXIT, .error = true, .text = "secondary, error"});
	order();
	expect_phase(ASKING);
	w.p.side.answer = FT_ANSWER_YIELDED;
	w.p.side.answer_id = w.c.self.request_id;
	peer_vm(_i ? FT_VM_YIELDED : FT_VM_GONE);
	expect_did(PLAN, 0);
	expect_did(STORE, 1);
	stored();
	expect_did(PLAN, 1);
	expect_stage(ENDED);
	ck_assert_mem_eq(w.c.session.id, id, sizeof id);
	ck_assert_str_eq(ft_cause_name(w.c.outcome.cause), "signal");
}
END_TEST

/* No claim makes that stand still. */
START_TEST(an_order_that_has_asked_does_not_take_up_the_session_of_who_falls_silent_and_replicates)
{
	start(FT_SESSION_NONE, FT_ROLE_SECONDARY);
	w.q.instance = 6;
	w.p.side.state = FT_UNPROTECTED;
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	order();
	expect_phase(ASKING);
	hear(FT_PEER_QUIET);
	pass(500);
	hear(FT_PEER_LOST);
	pass(40);
	expect_did(STORE, 0);
	expect_did(PLAN, 0);
	expect_phase(UNPROTECTED);
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "refused");
}
END_TEST

/* A failover without any session had failed; meanwhile the old primary's host has come back. */
START_TEST(an_order_after_a_failed_one_claims_what_the_peer_alone_has)
{
	start(FT_SESSION_NONE, FT_ROLE_SECONDARY);
	w.q.instance = 6;
	w.c.session.epoch = 0;
	qemu_is();
	step(&(struct ft_event){.kind = FT_EVENT_COLO_EXIT, .error = true, .text = "secondary, error"});
	pass(3500);
	order();
	for (int i = 0; i < FT_PLAN_TRIES; i++) {
		expect_phase(PLANNING);
		struct ft_plan_report r = {.proven_at = FT_NEVER, .error = "refused", .n_steps = 1};
		step(&(struct ft_event){.kind = FT_EVENT_PLAN, .plan = &r});
		pass(1000);
	}
	recorded();
	expect_phase(FAILED);
	forget();
	w.p.side.state = FT_UNPROTECTED;
	w.p.side.role = FT_ROLE_NONE;
	w.p.side.ready = false;
	peer_vm(FT_VM_ABSENT);
	hear(FT_PEER_ALIVE);
	order();
	expect_did(PLAN, 0);
	expect_did(STORE, 1);
	stored();
	expect_did(CLAIM, 1);
	expect_did(PLAN, 0);
}
END_TEST

/* ... or where it had asked us to yield, as its session had come no further than to its own disk, and fell silent before it was seen
 * to run: it may be cut off, and run.  _i: the disk takes nothing. */
START_TEST(an_order_for_a_frozen_copy_claims_what_the_peer_alone_has)
{
	start(FT_SESSION_NONE, FT_ROLE_SECONDARY);
	w.q.instance = 6;
	w.p.side.state = FT_UNPROTECTED;
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	w.p.side.request = FT_REQUEST_YIELD;
	w.p.side.request_id = 9;
	peer_says();
	stored();
	frozen();
	expect_phase(YIELDED);
	forget();
	hear(FT_PEER_QUIET);
	hear(FT_PEER_LOST);
	pass(10e3); /* nothing replicates any more */
	expect_phase(HELD);
	expect_did(STORE, 0);
	order();
	expect_did(PLAN, 0);
	step(&(struct ft_event){.kind = FT_EVENT_STORED, .error = _i, .text = "no space left"});
	expect_did(CLAIM, 1);
	if (!_i)
		stored();
	expect_did(PLAN, 0);
	claim_is(FT_CLAIM_LOST, "beta");
	expect_did(PLAN, 0);
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "lost-claim");
}
END_TEST

/* Who leaves gives nothing away, nor has a QEMU that has not spoken to this ftd a role to go on in.  _i: which of both. */
START_TEST(nothing_is_taken_up_from_who_leaves_nor_for_a_qemu_that_has_not_spoken)
{
	start(FT_SESSION_NONE, FT_ROLE_SECONDARY);
	w.q.instance = 6;
	w.q.connected = !_i;
	w.p.side.state = FT_FENCED;
	w.p.side.leaving = _i == 0;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	memcpy(w.p.side.session, id, sizeof id);
	peer_vm(FT_VM_GONE);
	pass(5000);
	expect_did(STORE, 0);
	expect_did(PLAN, 0);
	w.p.side.leaving = false;
	w.q.connected = true;
	peer_says();
	qemu_is();
	expect_did(STORE, 1);
}
END_TEST

/* Seen in the simulation: the claim had been won, and the guest ran here; but what the disk had taken last was that our right had
 * been given up, before that.  _i: the peer goes on already. */
START_TEST(who_resigned_and_has_left_colo_since_asks_the_register_before_it_yields)
{
	start(FT_SESSION_RESIGNED, FT_ROLE_PRIMARY);
	w.q.role = FT_ROLE_NONE;
	w.q.last_role = FT_ROLE_PRIMARY;
	static const enum ft_state states[] = {FT_UNPROTECTED, FT_FAILING_OVER, FT_SOLO};
	w.p.side.state = states[_i]; /* solo, and its QEMU is yet to say that the guest runs */
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	frozen();
	pass(5000);
	ck_assert_str_ne(ft_vm_name(w.c.self.vm), "yielded");
	if (_i) {
		expect_did(CLAIM, 0);
		answer_vacant();
		ck_assert_str_eq(ft_vm_name(w.c.self.vm), "yielded");
		return;
	}
	expect_did(CLAIM, 1);
	claim_is(FT_CLAIM_WON, "alpha");
	expect_phase(SOLO);
	expect_did(THAW, 1);
}
END_TEST

/* Its QEMU died as it failed over: by its own word nothing of its goes on. */
START_TEST(who_resigned_and_has_left_colo_since_asks_about_a_peer_that_died_as_it_went_on)
{
	static const enum ft_vm vms[] = {FT_VM_GONE, FT_VM_ABSENT};
	start(FT_SESSION_RESIGNED, FT_ROLE_PRIMARY);
	w.q.role = FT_ROLE_NONE;
	w.q.last_role = FT_ROLE_PRIMARY;
	w.p.side.vm = FT_VM_ALIVE;
	w.p.side.state = FT_PROTECTED;
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	frozen();
	w.p.side.state = FT_FAILING_OVER;
	peer_vm(vms[_i]);
	pass(5000);
	expect_phase(CLAIMING);
	expect_did(CLAIM, 1);
	expect_did(PLAN, 0);
}
END_TEST

/* It may have run the guest alone since, by a win that the disk did not take: a primary that hears the session named takes that for a
 * right to run. */
START_TEST(who_resigned_names_the_session_once_its_qemu_is_seen)
{
	static const uint8_t none[FT_SESSION_BYTES];
	start(FT_SESSION_RESIGNED, FT_ROLE_SECONDARY);
	peer_says();
	hear(FT_PEER_ALIVE);
	ck_assert_mem_eq(w.c.self.session, none, sizeof none);
	w.q.vm = FT_VM_GONE;
	qemu_is();
	ck_assert_mem_eq(w.c.self.session, id, sizeof id);
}
END_TEST

static void find_resigned_and_silent(enum ft_role role)
{
	start(FT_SESSION_RESIGNED, role);
	w.p.side.state = FT_UNPROTECTED;
	peer_says();
	hear(FT_PEER_ALIVE);
	w.q.connected = w.q.oob = w.q.plan_ready = false;
	w.q.stopped = true;
	w.q.role = FT_ROLE_NONE;
	qemu_is();
}

/* Seen in the simulation: a disk that hung took what it was said to have refused, and nothing of the win since; by the word of the
 * next ftd but one the peer went on with an old copy. */
START_TEST(who_resigned_by_its_disk_alone_yields_once_the_register_has_been_asked)
{
	find_resigned_and_silent(_i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	ck_assert_int_ne(w.c.self.vm, FT_VM_YIELDED);
	w.p.side.request = FT_REQUEST_YIELD;
	w.p.side.request_id = 77;
	peer_says();
	ck_assert_int_ne(w.c.self.answer, FT_ANSWER_YIELDED);
	answer_vacant();
	ck_assert_int_gt(w.did[FT_DO_READ], 0);
	ck_assert_int_eq(w.c.self.vm, FT_VM_YIELDED);
	ck_assert_int_eq(w.c.self.answer, FT_ANSWER_YIELDED);
	ck_assert_uint_eq(w.c.self.answer_id, 77);
}
END_TEST

START_TEST(who_resigned_by_its_disk_alone_and_is_named_by_the_verdict_goes_on)
{
	find_resigned_and_silent(_i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	for (int i = 0; i < 20 && w.c.session.stage == FT_SESSION_RESIGNED; i++) {
		if (w.c.arbiter_busy)
			register_is(FT_CLAIM_LOST, "alpha");
		ck_assert_int_ne(w.c.self.vm, FT_VM_YIELDED);
		pass(100);
	}
	ck_assert_str_eq(w.c.session.winner, "alpha");
	ck_assert_int_ne(w.c.self.vm, FT_VM_YIELDED);
}
END_TEST

/* It dies before that: no word then, either, and the peer has to claim. */
START_TEST(who_resigned_by_its_disk_alone_gives_nothing_by_its_death)
{
	find_resigned_and_silent(_i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	w.q = (struct ft_qemu_facts){.vm = FT_VM_GONE};
	qemu_is();
	expect_phase(FENCED);
	ck_assert_str_eq(ft_vm_name(w.c.self.vm), "absent");
	ck_assert_mem_eq(w.c.self.session, id, sizeof id);
	answer_vacant();
	ck_assert_str_eq(ft_vm_name(w.c.self.vm), "gone");
}
END_TEST

/* It had won after all, and the verdict is still to say so: the arbiter was out of reach once the guest ran, or ftd died before. */
START_TEST(who_resigned_by_its_disk_alone_and_stands_in_the_register_gives_nothing)
{
	find_resigned_and_silent(_i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	for (int i = 0; i < 300; i++) {
		if (w.c.arbiter_busy)
			register_is(w.c.errand == FT_ERRAND_READ ? FT_CLAIM_LOST : FT_CLAIM_NOT_NEEDED, "alpha");
		ck_assert_str_ne(ft_vm_name(w.c.self.vm), "yielded");
		pass(100);
	}
	ck_assert_int_gt(w.read_verdict, 0);
	ck_assert(w.c.given_away);
	if (_i)
		return;
	w.q = (struct ft_qemu_facts){.vm = FT_VM_GONE};
	qemu_is();
	ck_assert_str_eq(ft_vm_name(w.c.self.vm), "absent");
}
END_TEST

/* Of a QEMU that was heard, or that a session knows, no person is told that nobody knows what it is.  _i: 0 somebody stops one that runs,
 * 1 one that a session knows is found standing still, and thawed; 2 one that nobody knows is found so. */
START_TEST(only_what_stood_still_before_and_is_unknown_is_told_as_such)
{
	start(FT_SESSION_BOUND, FT_ROLE_SECONDARY);
	w.q.instance = _i == 1 ? 5 : 6;
	if (_i == 0)
		qemu_is();
	w.q.connected = w.q.oob = w.q.plan_ready = false;
	w.q.stopped = true;
	qemu_is();
	expect_did(THAW, _i == 1);
	hear(FT_PEER_ALIVE);
	pass(5000);
	bool told =
	    strstr(w.said, "stood still when this ftd came") || strstr(w.c.reason, "stood still when this ftd came");
	ck_assert_msg(told == (_i == 2), "%s", w.said);
}
END_TEST

/* Seen in the simulation: the peer had ended the session that it spoke of while our disk took nothing for seconds, and the VM had been
 * started anew there.  _i: it holds to it still. */
START_TEST(a_session_taken_up_late_gives_no_right_by_what_was_acknowledged_before)
{
	start(FT_SESSION_NONE, FT_ROLE_PRIMARY);
	memset(w.c.session.id, 0, sizeof w.c.session.id);
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	frozen();
	expect_did(STORE, 1);
	if (!_i) {
		memset(w.p.side.session, 0, sizeof w.p.side.session);
		w.p.side.state = FT_UNPROTECTED;
		w.p.side.role = FT_ROLE_NONE;
		peer_says();
	}
	acked();
	stored();
	expect_stage(BOUND);
	expect_did(THAW, _i);
}
END_TEST

/* Seen in the simulation: an earlier ftd had won, and died before that was on disk; the peer has read our name, and stands still for us.
 * _i: 1 the session is given back, as our copy is known to have stayed in the pair. */
START_TEST(who_resigned_by_its_disk_alone_and_stands_in_the_register_goes_on_as_the_peer_stands_still)
{
	find_resigned_and_silent(FT_ROLE_SECONDARY); /* a primary claims, whatever stands there */
	w.c.session.stayed = w.c.stayed_stored = _i == 1;
	w.p.side.state = FT_FENCED;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	peer_vm(FT_VM_YIELDED);
	for (int i = 0; i < 20 && !w.did[FT_DO_CLAIM]; i++) {
		if (w.c.arbiter_busy)
			register_is(w.c.errand == FT_ERRAND_READ ? FT_CLAIM_LOST : FT_CLAIM_NOT_NEEDED, "alpha");
		pass(100);
	}
	expect_did(PLAN, 0);
	expect_did(CLAIM, _i != 1);
	if (_i == 1)
		return;
	claim_is(FT_CLAIM_WON, "alpha");
	expect_did(PLAN, 1);
}
END_TEST

/* Found by fuzzing: it was given up by an earlier ftd, and its QEMU is seen while an order of a person's asks the peer. */
START_TEST(an_order_that_asks_ends_as_our_right_is_seen_to_be_given_up)
{
	start(FT_SESSION_RESIGNED, FT_ROLE_PRIMARY);
	w.q.instance = 6; /* of another pair, without a session */
	memset(w.p.side.session, 0, sizeof id);
	w.p.side.state = FT_UNPROTECTED;
	meet();
	order();
	expect_phase(ASKING);
	w.q.instance = 5;
	qemu_is();
	frozen();
	recorded();
	ck_assert(!ft_record_busy(&w.c.record));
	ck_assert_int_eq(w.c.outcome.result, FT_REFUSED);
	expect_phase(YIELDED);
}
END_TEST

/* Seen in the simulation: it had given the session up, a person had the guest started anew here as the arbiter was out of reach, and the
 * claim for that had landed. */
START_TEST(who_was_started_by_a_persons_word_and_finds_the_claim_landed_leads_on)
{
	start(FT_SESSION_RESIGNED, FT_ROLE_SECONDARY);
	w.q.role = FT_ROLE_PRIMARY;
	w.q.instance = 6;
	w.p.side.role = FT_ROLE_SECONDARY;
	w.p.side.state = FT_ARMING;
	memset(w.p.side.session, 0, sizeof id);
	meet();
	for (int i = 0; i < 50; i++) {
		if (w.c.arbiter_busy)
			register_is(FT_CLAIM_LOST, "alpha");
		pass(100);
		acked();
	}
	ck_assert(!w.c.given_away);
	ck_assert_str_eq(w.c.store_next.winner, "alpha");
	ck_assert(w.c.store_next.given_before); /* by that alone no VM is started here */
}
END_TEST

/* ... and the register was read before it led anybody: it is read again. */
START_TEST(who_was_started_by_a_persons_word_and_leads_only_later_reads_again)
{
	start(FT_SESSION_RESIGNED, FT_ROLE_SECONDARY);
	w.q.role = FT_ROLE_NONE;
	w.q.instance = 6;
	w.p.side.role = FT_ROLE_SECONDARY;
	w.p.side.state = FT_UNPROTECTED;
	memset(w.p.side.session, 0, sizeof id);
	meet();
	for (int i = 0; i < 100; i++) {
		if (w.c.arbiter_busy)
			register_is(FT_CLAIM_LOST, "alpha");
		pass(100);
		acked();
		if (i == 50) {
			ck_assert(w.c.given_away);
			w.q.role = FT_ROLE_PRIMARY;
			qemu_is();
		}
	}
	ck_assert_int_eq(w.c.store_next.stage, FT_SESSION_ENDED);
	ck_assert_str_eq(w.c.store_next.winner, "alpha");
}
END_TEST

/* Who never was in COLO, or is still not known to be, holds no copy. */
START_TEST(who_is_no_secondary_takes_nothing_up)
{
	start(FT_SESSION_NONE, FT_ROLE_SECONDARY);
	w.q.instance = 6;
	w.q.role = _i ? FT_ROLE_PRIMARY : FT_ROLE_NONE;
	w.p.side.state = FT_FENCED;
	w.p.side.vm = FT_VM_YIELDED;
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	pass(5000);
	expect_did(PLAN, 0);
	expect_did(CLAIM, 0);
}
END_TEST

/* Seen in the simulation: a claim of before the release landed late, and both sides waited for each other's word for ever. */
START_TEST(a_released_session_that_is_proposed_in_vain_is_looked_up)
{
	start(FT_SESSION_RELEASED, FT_ROLE_PRIMARY);
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	meet();
	pass(2000);
	acked();
	stored();
	expect_stage(BOUND);
	for (int i = 0; i < 30 && !w.c.arbiter_busy; i++) {
		pass(100);
		acked();
	}
	expect_did(READ, 1);
	register_is(FT_CLAIM_LOST, "beta");
	ck_assert_str_eq(w.c.session.winner, "beta");
}
END_TEST

START_TEST(a_new_qemu_that_somebody_stopped_is_not_held_for_frozen)
{
	start(FT_SESSION_BOUND, FT_ROLE_PRIMARY);
	w.q.instance = 6;
	w.q.connected = w.q.oob = w.q.plan_ready = false;
	w.q.stopped = true;
	w.q.role = FT_ROLE_NONE;
	qemu_is();
	ck_assert(!w.c.frozen);
}
END_TEST

/* The peer has accepted what we proposed, unheard, has ended it, and its QEMU has died since. */
START_TEST(the_acknowledgements_of_who_was_bound_once_give_no_right)
{
	start(FT_SESSION_NONE, FT_ROLE_PRIMARY);
	w.c.params.fresh = true;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	w.p.side.epoch = 8; /* of an earlier pair */
	meet();
	expect_did(STORE, 1);
	ck_assert_uint_eq(w.c.store_next.epoch, 9);
	stored();
	acked();
	ck_assert(ft_core_lease(&w.c) > w.now);
	pass(300);
	w.p.side.epoch = 9;
	peer_says();
	int64_t right = ft_core_lease(&w.c);
	acked();
	ck_assert(ft_core_lease(&w.c) == right);
}
END_TEST

/* Seen in the simulation: it had accepted what we proposed, unheard, ended it, and run the guest alone; then its QEMU died, and its
 * next ftd found its disk lost. */
START_TEST(the_acknowledgements_of_an_ftd_that_we_have_proposed_nothing_to_give_no_right)
{
	start(FT_SESSION_NONE, FT_ROLE_PRIMARY);
	w.c.params.fresh = true;
	w.c.params.registers = _i == 0;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	w.p.side.epoch = 0;
	meet();
	stored();
	acked();
	int64_t right = ft_core_lease(&w.c);
	ck_assert(right > w.now);
	pass(300);
	w.p.incarnation = 0xb2;
	w.p.side.state = FT_UNPROTECTED;
	w.p.side.ready = false;
	w.p.side.role = FT_ROLE_NONE;
	peer_vm(FT_VM_ABSENT);
	acked();
	ck_assert(ft_core_lease(&w.c) == right);
	if (w.c.arbiter_busy)
		register_is(FT_CLAIM_NOT_NEEDED, ""); /* by a read that may be old */
	pass(300);
	expect_did(FREEZE, 1);
	frozen();
	acked();
	expect_did(THAW, 0);
	expect_phase(CLAIMING);
	expect_did(CLAIM, 1);
}
END_TEST

/* What is written of the session later says nothing new of the peer, which had ended it. */
START_TEST(who_has_named_a_session_is_not_taken_for_one_that_never_did_as_it_is_stored_again)
{
	start(FT_SESSION_NONE, FT_ROLE_PRIMARY);
	w.c.params.fresh = true;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	w.p.side.epoch = 0;
	meet();
	stored();
	memcpy(w.p.side.session, w.c.session.id, sizeof w.p.side.session);
	w.p.side.epoch = w.c.session.epoch;
	peer_says();
	acked();
	int64_t right = ft_core_lease(&w.c);
	pass(100);
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	peer_says();
	step(&(struct ft_event){.kind = FT_EVENT_DISK, .error = true, .text = "bad"});
	expect_did(STORE, 2);
	stored();
	acked();
	ck_assert(ft_core_lease(&w.c) == right);
}
END_TEST

/* ---- ending a QEMU ---- */

START_TEST(a_qemu_that_does_not_end_is_told_and_ended_again)
{
	protect_surely(FT_ROLE_PRIMARY);
	pass(500);
	frozen();
	claim_is(FT_CLAIM_LOST, "beta");
	expect_phase(YIELDED);
	expect_did(KILL, 0);
	peer_runs();
	expect_phase(FENCED);
	expect_did(KILL, 1);
	pass(999);
	expect_did(KILL, 1);
	pass(1);
	expect_did(KILL, 2);
	ck_assert_ptr_nonnull(strstr(w.said, "is NOT ended"));
	w.q.vm = FT_VM_GONE;
	w.q.connected = false;
	qemu_is();
	pass(60e3);
	expect_did(KILL, 2);
}
END_TEST

/* ---- the last copy, the verdict, the hand-back ---- */

static void verdict_is(enum ft_claim claim, const char *text)
{
	enum ft_event_kind kind = w.c.errand == FT_ERRAND_READ_VERDICT ? FT_EVENT_REGISTER : FT_EVENT_CLAIM;
	ck_assert(w.c.arbiter_busy);
	ck_assert_int_ge(w.c.errand, FT_ERRAND_VERDICT);
	step(&(struct ft_event){.kind = kind, .claim = claim, .text = text});
}

/* Time in which readings of the verdict say this; NOT_NEEDED: it names nobody. */
static void silence(double seconds, enum ft_claim verdict, const char *name)
{
	for (int i = 0; i < (int)(seconds * 10); i++) {
		pass(100);
		if (w.c.arbiter_busy && w.c.errand == FT_ERRAND_READ_VERDICT)
			verdict_is(verdict, name);
	}
}

/* Its claim was too late: the peer has won, and is silent.  What is frozen stays so. */
static void lose_the_claim(enum ft_role role)
{
	protect_surely(role);
	if (role == FT_ROLE_PRIMARY) {
		pass(500);
		frozen();
	}
	hear(FT_PEER_QUIET);
	pass(500);
	hear(FT_PEER_LOST);
	pass(20);
	expect_phase(CLAIMING);
	claim_is(FT_CLAIM_LOST, "beta");
	stored();
	recorded();
	if (role == FT_ROLE_SECONDARY)
		frozen();
	expect_did(KILL, 0);
	ck_assert(w.c.frozen);
	forget();
}

static void yield_to_peer(void)
{
	protect_surely(FT_ROLE_PRIMARY);
	w.p.side.request = FT_REQUEST_YIELD;
	peer_says();
	frozen();
	stored();
	expect_phase(YIELDED);
	w.p.side.request = FT_REQUEST_NONE;
	w.p.side.state = FT_FAILING_OVER;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	peer_says();
	forget();
}

/* _i & 1: by the verdict, else by the peer's word.  _i & 2: role. */
static void ends_when_proven(bool by_verdict)
{
	pass(3000);
	expect_did(KILL, 0);
	expect_did(THAW, 0);
	if (by_verdict) {
		ck_assert_int_ge(w.read_verdict, 1);
		if (!w.c.arbiter_busy)
			pass(20e3);
		verdict_is(FT_CLAIM_LOST, "beta");
	} else {
		peer_runs();
	}
	expect_phase(FENCED);
	expect_did(KILL, 1);
}

START_TEST(who_loses_keeps_its_copy_until_the_winner_is_proven)
{
	lose_the_claim(_i & 2 ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	ends_when_proven(_i & 1);
}
END_TEST

START_TEST(who_yields_keeps_its_copy_until_the_winner_is_proven)
{
	yield_to_peer();
	if (_i & 2)
		hear(FT_PEER_LOST);
	ends_when_proven(_i & 1);
}
END_TEST

START_TEST(a_winner_that_only_says_solo_is_not_proven)
{
	yield_to_peer();
	w.p.side.state = FT_SOLO;
	w.p.side.role = FT_ROLE_SOLO;
	peer_says();
	pass(60e3);
	expect_did(KILL, 0);
	peer_runs();
	expect_did(KILL, 1);
}
END_TEST

/* ---- a peer that has the key, and contradicts itself as no ftd does ---- */

static const struct {
	enum ft_state state;
	enum ft_vm vm;
	bool dying, proven;
} contradictions[] = {
    {FT_SOLO, FT_VM_GONE, false, false},           {FT_SOLO, FT_VM_ABSENT, false, true},
    {FT_SOLO, FT_VM_YIELDED, false, true},         {FT_SOLO, FT_VM_UNKNOWN, true, false},
    {FT_FAILING_OVER, FT_VM_YIELDED, false, true}, {FT_UNPROTECTED, FT_VM_ALIVE, true, false},
    {FT_UNPROTECTED, FT_VM_GONE, true, false},     {FT_FAILED, FT_VM_YIELDED, false, true},
};
#define CONTRADICTIONS ((int)(sizeof contradictions / sizeof contradictions[0]))

static void peer_contradicts_itself(int i)
{
	w.p.side.state = contradictions[i].state;
	w.p.side.role = contradictions[i].state == FT_SOLO ? FT_ROLE_SOLO : FT_ROLE_NONE;
	w.p.side.dying = contradictions[i].dying;
	w.p.side.proven = contradictions[i].proven;
	w.p.side.answer = FT_ANSWER_YIELDED;
	w.p.side.answer_id = w.c.self.request_id;
	peer_vm(contradictions[i].vm);
}

static void peer_has_died(void)
{
	w.p.side.state = FT_UNPROTECTED;
	w.p.side.role = FT_ROLE_NONE;
	w.p.side.dying = w.p.side.proven = false;
	w.p.side.answer = FT_ANSWER_NONE;
	peer_vm(FT_VM_GONE);
}

START_TEST(a_word_that_contradicts_itself_gives_no_right_and_hides_none)
{
	protect_surely(_i % 2 ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	peer_contradicts_itself(_i / 2);
	pass(200);
	expect_phase(WATCH);
	ck_assert_int_eq(w.did[FT_DO_CLAIM] + w.did[FT_DO_PLAN] + w.did[FT_DO_FREEZE] + w.did[FT_DO_KILL], 0);
	peer_has_died();
	expect_phase(PLANNING);
}
END_TEST

/* Nor does it answer what a person has us ask. */
START_TEST(a_word_that_contradicts_itself_is_no_answer)
{
	protect_surely(FT_ROLE_SECONDARY);
	order();
	expect_phase(ASKING);
	peer_contradicts_itself(_i);
	ck_assert_int_eq(w.did[FT_DO_CLAIM] + w.did[FT_DO_PLAN], 0);
}
END_TEST

/* A copy that stands still is neither ended by it, nor let go. */
START_TEST(a_word_that_contradicts_itself_ends_no_copy)
{
	if (_i % 2)
		lose_the_claim(FT_ROLE_SECONDARY);
	else
		yield_to_peer();
	forget();
	peer_contradicts_itself(_i / 2);
	hear(FT_PEER_ALIVE);
	pass(1000);
	ck_assert_int_eq(w.did[FT_DO_KILL] + w.did[FT_DO_THAW] + w.did[FT_DO_PLAN], 0);
	w.p.side.dying = false;
	peer_runs();
	expect_did(KILL, 1);
}
END_TEST

/* In the place of what ran the guest alone somebody has put a QEMU that he has stopped. */
START_TEST(who_goes_on_alone_does_not_say_that_it_stands_still_for_the_peer)
{
	start(FT_SESSION_NONE, FT_ROLE_PRIMARY);
	w.q.role = FT_ROLE_NONE;
	w.q.last_role = FT_ROLE_PRIMARY;
	qemu_is();
	pass(3000);
	expect_phase(SOLO);
	w.q = (struct ft_qemu_facts){.instance = 9, .vm = FT_VM_ALIVE, .stopped = true};
	qemu_is();
	expect_phase(SOLO);
	ck_assert_int_eq(w.c.self.vm, FT_VM_ALIVE);
}
END_TEST

static const struct {
	enum ft_session_stage stage; /* of our last session, ... */
	const char *winner;
	bool earlier;   /* which was another QEMU's */
	uint64_t epoch; /* of the peer's win */
	bool proven, ends;
} started_anew[] = {
    {FT_SESSION_NONE, "", true, EPOCH + 1, true, true},
    {FT_SESSION_NONE, "", true, EPOCH + 1, false, false},
    {FT_SESSION_ENDED, "alpha", true, EPOCH + 1, true, true},
    {FT_SESSION_ENDED, "beta", true, EPOCH + 1, true, true},
    {FT_SESSION_RESIGNED, "", true, EPOCH + 1, true, true},
    {FT_SESSION_BOUND, "", false, EPOCH, true, true}, /* and no register tells */
    {FT_SESSION_BOUND, "", false, EPOCH - 1, true, false},
};

/* Seen in the simulation: it had given way to the peer, in no session of ours; the peer's host went down, and came back to start the
 * VM anew by its win, of which only its word tells.  _i & 1: our ftd has not heard it since. */
START_TEST(a_copy_that_gave_way_ends_beside_a_guest_that_was_started_anew)
{
	start(started_anew[_i / 2].stage, FT_ROLE_SECONDARY);
	w.c.params.registers = started_anew[_i / 2].earlier;
	strcpy(w.c.session.winner, started_anew[_i / 2].winner);
	if (started_anew[_i / 2].stage == FT_SESSION_NONE)
		memset(&w.c.session, 0, sizeof w.c.session);
	w.q.instance = started_anew[_i / 2].earlier ? 6 : 5;
	w.p.side.state = FT_CLAIMING;
	w.p.side.session[0] = started_anew[_i / 2].earlier ? 8 : 7;
	w.p.side.request = FT_REQUEST_YIELD;
	w.p.side.request_id = 1;
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	pass(100);
	if (started_anew[_i / 2].earlier)
		stored();
	frozen();
	stored();
	expect_phase(YIELDED);
	if (_i & 1) {
		hear(FT_PEER_LOST);
		pass(60e3);
		expect_phase(HELD);
	}
	w.p.incarnation++;
	w.p.side = (struct ft_side){.state = FT_UNPROTECTED,
	                            .vm = FT_VM_ALIVE,
	                            .runs = true,
	                            .guest = true,
	                            .proven = started_anew[_i / 2].proven,
	                            .win = FT_WIN_FIRST,
	                            .epoch = started_anew[_i / 2].epoch,
	                            .window_ms = 500};
	peer_says();
	hear(FT_PEER_ALIVE);
	expect_did(KILL, started_anew[_i / 2].ends);
	expect_did(THAW, 0);
}
END_TEST

START_TEST(a_copy_that_lost_is_not_woken_by_a_restart_nor_by_a_winner_at_rest)
{
	start(FT_SESSION_ENDED, _i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	strcpy(w.c.session.winner, "beta");
	w.q.connected = w.q.oob = w.q.plan_ready = false;
	w.q.stopped = true;
	qemu_is();
	expect_phase(YIELDED);
	ck_assert(!ft_core_may_run(&w.c));
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	w.p.side.state = FT_ARMING; /* its ftd was started anew as well */
	peer_says();
	hear(FT_PEER_ALIVE);
	pass(60e3);
	peer_vm(FT_VM_GONE); /* in whatever session */
	pass(5000);
	expect_did(THAW, 0);
	expect_did(PLAN, 0);
	expect_did(KILL, 0);
}
END_TEST

static void peer_gives_back(void)
{
	w.p.side.returned = true;
	memcpy(w.p.side.session, id, sizeof id);
	w.p.side.state = FT_UNPROTECTED;
	w.p.side.role = FT_ROLE_NONE;
	peer_vm(FT_VM_ABSENT);
	hear(FT_PEER_ALIVE);
}

/* _i & 1: by the verdict, else by word.  _i & 2: who lost was the primary.  _i & 4: it has yielded. */
START_TEST(who_is_given_the_session_back_goes_on)
{
	if (_i & 4)
		yield_to_peer();
	else
		lose_the_claim(_i & 2 ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	if (_i & 1) {
		pass(1000);
		verdict_is(FT_CLAIM_LOST, "alpha");
	} else {
		peer_gives_back();
	}
	expect_phase(PLANNING);
	expect_did(THAW, 1);
	expect_did(PLAN, 1);
	stored();
	ck_assert_str_eq(w.c.session.winner, "alpha");
	ck_assert_int_eq(w.c.session.title, FT_TITLE_REGAINED);
	plan_works();
	recorded();
	expect_phase(SOLO);
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "success");
	ck_assert_int_ne(w.c.outcome.claim, FT_CLAIM_LOST);
	pass(60e3); /* the register names the other side for ever, and is not asked again */
	expect_did(CLAIM, 0);
	expect_did(KILL, 0);
}
END_TEST

/* What becomes of that says nothing about a session that was given back, and must not stand in its record. */
START_TEST(a_session_given_back_is_taken_once_our_own_claim_is_settled)
{
	held();
	recorded();
	pass(10e3);
	expect_did(CLAIM, 2);
	peer_gives_back();
	claim_is(FT_CLAIM_UNREACHABLE, "no answer");
	expect_phase(PLANNING);
	stored();
	plan_works();
	recorded();
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "success");
	ck_assert_str_eq(ft_claim_name(w.c.outcome.claim), ft_claim_name(FT_CLAIM_NOT_NEEDED));
	ck_assert(!w.c.unsure);
}
END_TEST

/* Seen with real pairs: the register names the peer, which has given the session back already. */
START_TEST(a_claim_of_what_was_given_back_is_not_lost)
{
	protect_surely(FT_ROLE_SECONDARY);
	hear(FT_PEER_QUIET);
	pass(500);
	hear(FT_PEER_LOST);
	pass(20);
	expect_phase(CLAIMING);
	peer_gives_back();
	expect_did(PLAN, 0);
	claim_is(FT_CLAIM_LOST, "beta");
	expect_phase(PLANNING);
	expect_did(RECORD, 0);
	stored();
	plan_works();
	recorded();
	expect_did(RECORD, 1);
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "success");
}
END_TEST

/* Whoever waits for the outcome of an order, or was told that a failover is held, hears of its end: it is one.
 * _i: the claim's answer is "lost", or it never came, and the failover is held. */
START_TEST(what_was_under_way_as_the_session_was_given_back_is_the_same_failover)
{
	protect_surely(FT_ROLE_SECONDARY);
	hear(FT_PEER_QUIET);
	pass(500);
	hear(FT_PEER_LOST);
	if (!_i)
		order();
	pass(20);
	expect_phase(CLAIMING);
	int64_t judged_at = w.c.outcome.judged_at;
	enum ft_cause cause = w.c.outcome.cause;
	if (_i) {
		claim_is(FT_CLAIM_UNREACHABLE, "no answer");
		frozen();
		expect_phase(CUT_OFF);
		recorded();
		pass(100);
		peer_gives_back();
	} else {
		peer_gives_back();
		claim_is(FT_CLAIM_LOST, "beta");
	}
	expect_phase(PLANNING);
	ck_assert(w.c.outcome.judged_at == judged_at);
	ck_assert_int_eq(w.c.outcome.cause, cause);
	stored();
	plan_works();
	recorded();
	expect_did(RECORD, _i ? 2 : 1);
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "success");
}
END_TEST

/* Told as held and gone on with in one step: each outcome is written as it was. */
START_TEST(what_is_held_and_goes_on_at_once_has_two_outcomes)
{
	protect_surely(FT_ROLE_PRIMARY);
	pass(500);
	frozen();
	hear(FT_PEER_QUIET);
	pass(500);
	hear(FT_PEER_LOST);
	pass(20);
	expect_phase(CLAIMING);
	memcpy(w.p.side.session, id, sizeof id);
	w.p.side.state = FT_FENCED;
	hear(FT_PEER_ALIVE);
	peer_vm(FT_VM_YIELDED);
	acked();
	expect_phase(CLAIMING);
	claim_is(FT_CLAIM_UNREACHABLE, "no answer");
	expect_phase(PLANNING);
	expect_did(RECORD, 1); /* of the held one, and core_world.h sees that it has ended */
}
END_TEST

/* It had won unasked, in a doubt: the primary runs on meanwhile, and cannot claim any more. */
START_TEST(a_session_given_back_to_a_running_side_is_taken)
{
	protect_surely(FT_ROLE_PRIMARY);
	peer_gives_back();
	expect_phase(PLANNING);
	expect_did(FREEZE, 0);
	ck_assert_str_eq(w.c.session.winner, "alpha");
}
END_TEST

/* _i: by the peer's word, else by the register. */
static void win(bool by_word)
{
	protect_surely(FT_ROLE_SECONDARY);
	if (by_word) {
		peer_vm(FT_VM_YIELDED);
	} else {
		hear(FT_PEER_QUIET);
		pass(500);
		hear(FT_PEER_LOST);
		pass(20);
	}
	claim_is(FT_CLAIM_WON, "alpha");
	expect_phase(PLANNING);
	stored();
	stored(); /* that it was given, and that the register says so */
	ck_assert_str_eq(w.c.session.winner, "alpha");
	forget();
}

static void plan_fails(void)
{
	struct ft_plan_report r = {.proven_at = FT_NEVER, .error = "QEMU does not answer"};
	step(&(struct ft_event){.kind = FT_EVENT_PLAN, .plan = &r});
}

static void qemu_ends(void)
{
	w.q.vm = FT_VM_GONE;
	w.q.connected = w.q.oob = w.q.plan_ready = false;
	qemu_is();
}

START_TEST(a_winner_whose_qemu_dies_in_its_promotion_gives_back)
{
	win(_i);
	qemu_ends();
	expect_did(STORE, 0); /* the plan has not ended */
	plan_fails();
	expect_did(STORE, 1);
	ck_assert(!w.c.self.returned);
	stored();
	ck_assert(w.c.self.returned);
	ck_assert_mem_eq(w.c.self.session, id, sizeof id);
	ck_assert_int_eq(w.c.session.title, FT_TITLE_RETURNED);
	ck_assert_str_eq(w.c.session.winner, "beta");
	ck_assert_int_eq(w.put_verdict, 1);
	ck_assert_str_eq(w.verdict, "beta");
	verdict_is(FT_CLAIM_UNREACHABLE, "no answer");
	pass(1000);
	ck_assert_int_eq(w.put_verdict, 2);
	verdict_is(FT_CLAIM_WON, "beta");
	recorded();
	pass(60e3);
	ck_assert_int_eq(w.put_verdict, 2);
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "failed");
	char why[FT_TEXT_MAX];
	ck_assert_int_eq(ft_core_may_start(&w.c, false, why), 0);
}
END_TEST

START_TEST(what_is_not_on_disk_is_not_given_back)
{
	win(false);
	qemu_ends();
	plan_fails();
	step(&(struct ft_event){.kind = FT_EVENT_STORED, .error = true, .text = "no space left"});
	ck_assert(!w.c.self.returned);
	ck_assert_int_eq(w.put_verdict, 0);
	pass(1000);
	expect_did(STORE, 2);
	stored();
	ck_assert(w.c.self.returned);
}
END_TEST

/* _i: 0 it was proven; 1 its success is on disk, by an earlier ftd; 2 it was gone when this ftd came; 3 it has said nothing
 * to this ftd. */
START_TEST(a_winner_that_may_have_run_does_not_give_back)
{
	if (_i == 0) {
		win(false);
		plan_works();
		recorded();
	} else {
		start_told(FT_SESSION_ENDED, FT_ROLE_SECONDARY, _i == 1);
		if (_i == 2)
			w.q = (struct ft_qemu_facts){.vm = FT_VM_ABSENT};
		if (_i == 3)
			w.q.connected = w.q.oob = w.q.plan_ready = false;
		qemu_is();
	}
	forget();
	if (_i == 2)
		qemu_is();
	else
		qemu_ends();
	pass(60e3);
	expect_did(STORE, 0);
	ck_assert(!w.c.self.returned);
	ck_assert_int_eq(w.put_verdict, 0);
}
END_TEST

/* An earlier ftd had promoted it, and it was led into a new pair since: in that it was in COLO again as it died. */
START_TEST(a_winner_whose_qemu_has_another_role_by_now_does_not_give_back)
{
	start(FT_SESSION_ENDED, FT_ROLE_SECONDARY);
	w.q.role = FT_ROLE_PRIMARY;
	qemu_is();
	forget();
	qemu_ends();
	pass(60e3);
	expect_did(STORE, 0);
	ck_assert(!w.c.self.returned);
	ck_assert_int_eq(w.put_verdict, 0);
}
END_TEST

static void asked(void)
{
	w.p.side.request = FT_REQUEST_YIELD;
	w.p.side.request_id = 9;
	peer_says();
}

static void store_fails(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_STORED, .error = true, .text = "No space left on device"});
}

/* It had given its right up on disk; a claim of it had landed before, and the peer, whose own was too late, waits for it. */
static void resigned_and_named(bool frozen, bool stayed)
{
	start(FT_SESSION_RESIGNED, FT_ROLE_SECONDARY);
	w.c.session.stayed = w.c.stayed_stored = stayed;
	w.q.connected = w.q.oob = w.q.plan_ready = false;
	w.q.role = FT_ROLE_NONE;
	w.q.stopped = frozen;
	if (!frozen)
		w.q = (struct ft_qemu_facts){.vm = FT_VM_ABSENT};
	qemu_is();
	w.p.side.state = FT_FENCED;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	peer_vm(FT_VM_YIELDED);
	hear(FT_PEER_ALIVE);
	pass(4000);
	expect_did(READ, 1);
	ck_assert(!w.c.self.returned);
	register_is(FT_CLAIM_LOST, "alpha");
	pass(4000);
}

/* An earlier ftd of ours may have promoted it, then or since: a person decides.  _i: it stands still here, else it is gone. */
START_TEST(a_late_win_of_a_qemu_that_may_have_run_is_not_given_back)
{
	resigned_and_named(_i, false);
	ck_assert(!w.c.self.returned);
}
END_TEST

/* It runs in the pair: ftd may not signal it, or it would stand still. */
START_TEST(a_late_win_of_a_qemu_that_runs_is_not_given_back)
{
	start(FT_SESSION_RESIGNED, FT_ROLE_PRIMARY);
	w.q.pid_verified = false;
	w.p.side.state = FT_FENCED;
	w.p.side.vm = FT_VM_YIELDED;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	meet();
	pass(4000);
	expect_did(READ, 1);
	register_is(FT_CLAIM_LOST, "alpha");
	ck_assert(w.c.given_away && !w.c.frozen);
	ck_assert(!w.c.self.returned);
}
END_TEST

/* The verdict, as it is asked until nothing that an earlier ftd had put there can land any more, names nobody. */
static void verdict_stays_empty(void)
{
	for (int i = 0; i < 25; i++) {
		ck_assert(!w.c.self.returned || w.now >= w.c.started_at + FT_LANDS_NS);
		pass(1000);
		if (w.c.arbiter_busy)
			verdict_is(FT_CLAIM_NOT_NEEDED, "");
	}
}

/* Seen in the simulation: both copies stood frozen, for a claim had landed, and the ftd that gave the right up had ended. */
START_TEST(a_late_win_of_a_qemu_that_is_known_to_have_stayed_in_the_pair_is_given_back_by_the_next_ftd)
{
	resigned_and_named(_i, true);
	verdict_stays_empty();
	ck_assert(w.c.self.returned);
	ck_assert_str_eq(ft_vm_name(w.c.self.vm), _i ? "yielded" : "absent");
	ck_assert_mem_eq(w.c.self.session, id, sizeof id);
	forget();
	pass(60e3);
	ck_assert_int_eq(w.read_verdict, _i); /* a frozen one is not done with it */
}
END_TEST

/* Its disk took nothing as a failover began that waited for it, and the guest has run here without the disk's knowing.
 * _i: it stands still here, else it is gone. */
START_TEST(a_late_win_that_the_verdict_knows_more_of_is_not_given_back)
{
	resigned_and_named(_i, true);
	if (!w.c.arbiter_busy)
		pass(10e3);
	verdict_is(FT_CLAIM_UNREACHABLE, "no answer");
	ck_assert(!w.c.arbiter_busy); /* nor asked without a pause */
	pass(30e3);
	ck_assert(!w.c.self.returned);
	verdict_is(FT_CLAIM_LOST, "alpha");
	ck_assert(!w.c.self.returned);
	expect_stage(ENDED);
	ck_assert_str_eq(w.c.session.winner, "alpha");
	ck_assert_int_eq(w.c.session.title, FT_TITLE_REGAINED);
}
END_TEST

/* In its place a person has started the guest anew, as the arbiter was out of reach and the peer's host off: no older copy may
 * follow that, nor once it has ended. */
START_TEST(a_late_win_is_not_given_back_beside_a_guest_that_was_started_anew)
{
	start(FT_SESSION_RESIGNED, FT_ROLE_PRIMARY);
	w.c.session.stayed = w.c.stayed_stored = true;
	w.q = (struct ft_qemu_facts){.vm = FT_VM_ABSENT};
	qemu_is();
	pass(3000);
	step(&(struct ft_event){.kind = FT_EVENT_WANT_START, .confirmed = true});
	claim_is(FT_CLAIM_UNREACHABLE, "no answer");
	char why[FT_TEXT_MAX];
	ck_assert_int_eq(ft_core_may_start(&w.c, true, why), 1);
	w.q = (struct ft_qemu_facts){.instance = 9, .vm = FT_VM_ALIVE};
	qemu_is();
	w.p.side.state = FT_UNPROTECTED;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	peer_vm(FT_VM_ABSENT);
	hear(FT_PEER_ALIVE);
	pass(4000);
	register_is(FT_CLAIM_LOST, "alpha");
	w.c.unnamed_at = w.c.started_at + FT_LANDS_NS; /* the verdict was asked, and names nobody */
	qemu_is();
	ck_assert(!w.c.self.returned); /* it has not said yet what it is */
	forget();
	w.q.connected = w.q.oob = w.q.pid_verified = w.q.running = true;
	qemu_is();
	ck_assert(!w.c.self.returned);
	expect_did(STORE, 1);
	ck_assert_int_eq(w.c.store_next.stage, FT_SESSION_RESIGNED);
	ck_assert(!w.c.store_next.stayed);
	stored();
	w.q = (struct ft_qemu_facts){.instance = 9, .vm = FT_VM_GONE};
	qemu_is();
	pass(3000);
	ck_assert(!w.c.self.returned);
}
END_TEST

/* What was started in its place holds the other side's guest, or is to: that changes nothing. */
START_TEST(a_late_win_is_given_back_beside_a_new_secondary)
{
	resigned_and_named(false, true);
	verdict_stays_empty();
	w.q =
	    (struct ft_qemu_facts){.connected = true, .oob = true, .instance = 9, .vm = FT_VM_ALIVE, .incoming = true};
	qemu_is();
	ck_assert(w.c.self.returned);
	w.q = (struct ft_qemu_facts){.vm = FT_VM_ABSENT};
	qemu_is();
	ck_assert(w.c.self.returned);
}
END_TEST

/* Somebody has let it go on by hand. */
START_TEST(a_late_win_of_a_qemu_that_has_left_colo_is_not_given_back)
{
	start(FT_SESSION_RESIGNED, FT_ROLE_SECONDARY);
	w.c.session.stayed = w.c.stayed_stored = true;
	w.q.role = FT_ROLE_NONE;
	w.q.last_role = FT_ROLE_SECONDARY;
	qemu_is();
	w.q.vm = FT_VM_GONE;
	w.q.connected = false;
	qemu_is();
	w.p.side.state = FT_FENCED;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	peer_vm(FT_VM_YIELDED);
	hear(FT_PEER_ALIVE);
	pass(4000);
	expect_did(READ, 1);
	register_is(FT_CLAIM_LOST, "alpha");
	w.c.unnamed_at = w.c.started_at + FT_LANDS_NS; /* the verdict was asked, and names nobody */
	qemu_is();
	ck_assert(!w.c.self.returned);
}
END_TEST

/* _i: 0 a claim may have landed; 1 none can; 2 there is no register; 3 it may have run alone, before we came. */
START_TEST(who_resigns_in_doubt_writes_down_that_its_qemu_has_stayed)
{
	if (_i == 1)
		protect_surely(FT_ROLE_SECONDARY);
	else
		protect(FT_ROLE_SECONDARY);
	if (_i == 2)
		w.c.params.registers = w.c.unsure = false;
	if (_i == 3)
		w.c.proven_instance = 5;
	forget();
	qemu_ends();
	expect_did(STORE, 1);
	ck_assert_int_eq(w.c.store_next.stage, FT_SESSION_RESIGNED);
	ck_assert_int_eq(w.c.store_next.stayed, _i == 0);
}
END_TEST

/* Or our next ftd would take it for one that never ran, and give the session back beside it.
 * _i: it is claimed by a person's order, which the register hears; or does not; or it was given back to us. */
START_TEST(what_is_known_to_have_stayed_runs_once_the_disk_does_not_say_so_any_more)
{
	start(FT_SESSION_RESIGNED, FT_ROLE_SECONDARY);
	w.c.session.stayed = w.c.stayed_stored = true;
	w.q = (struct ft_qemu_facts){.pid_verified = true, .instance = 5, .vm = FT_VM_ALIVE, .stopped = true};
	qemu_is();
	pass(3000);
	expect_phase(HELD);
	if (w.c.arbiter_busy)
		verdict_is(FT_CLAIM_NOT_NEEDED, "");
	if (_i == 2) {
		w.p.side.returned = true;
		peer_vm(FT_VM_GONE);
		hear(FT_PEER_ALIVE);
	} else {
		step(&(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR, .confirmed = true});
		claim_is(_i ? FT_CLAIM_UNREACHABLE : FT_CLAIM_WON, _i ? "no answer" : "alpha");
	}
	expect_phase(PLANNING);
	expect_did(STORE, 1);
	ck_assert(!w.c.store_next.stayed);
	expect_did(PLAN, 0);
	expect_did(THAW, 0);
	store_fails();
	expect_did(PLAN, 0);
	pass(1000);
	expect_did(STORE, 2);
	stored();
	expect_did(THAW, 1);
	expect_did(PLAN, 1);
	plan_works();
	recorded();
	expect_phase(SOLO);
}
END_TEST

/* It hangs, or is full: no failover waits for it without end.  And what the disk says wrongly is put right as soon as it takes that.
 * _i: a person's order, with the arbiter out of reach, or the peer's word; and whether the disk answers at all. */
START_TEST(no_failover_waits_without_end_for_a_disk_that_says_that_our_qemu_has_stayed)
{
	start(FT_SESSION_RESIGNED, FT_ROLE_SECONDARY);
	w.c.session.stayed = w.c.stayed_stored = true;
	w.q = (struct ft_qemu_facts){.pid_verified = true, .instance = 5, .vm = FT_VM_ALIVE, .stopped = true};
	qemu_is();
	pass(3000);
	expect_phase(HELD);
	if (w.c.arbiter_busy)
		verdict_is(FT_CLAIM_NOT_NEEDED, "");
	if (_i / 2) {
		w.p.side.returned = true;
		peer_vm(FT_VM_GONE);
		hear(FT_PEER_ALIVE);
	} else {
		step(&(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR, .confirmed = true});
		claim_is(FT_CLAIM_UNREACHABLE, "no answer");
	}
	expect_phase(PLANNING);
	for (int i = 0; i < 49; i++) {
		pass(100);
		if (w.c.storing && _i % 2)
			store_fails();
		ck_assert_int_le(ft_core_deadline(&w.c), w.c.phase_since + SECOND(5)); /* nothing else may wake it */
	}
	expect_did(PLAN, 0);
	pass(100);
	expect_did(PLAN, 1);
	expect_did(THAW, 1);
	ck_assert_ptr_nonnull(strstr(w.said, "state_dir takes nothing"));
	ck_assert_ptr_nonnull(strstr(w.said, _i % 2 ? "No space left" : "it hangs"));
	plan_works();
	recorded();
	expect_phase(SOLO);
	w.q.connected = w.q.oob = w.q.running = true;
	w.q.stopped = false;
	w.q.last_role = FT_ROLE_SECONDARY;
	qemu_is();
	ck_assert(w.c.stayed_stored == (_i % 2 == 1) || w.c.storing);
	if (_i / 2 == 1) { /* the verdict, which our next ftd reads first, does not wait for it either */
		ck_assert_int_eq(w.put_verdict, 1);
		ck_assert_str_eq(w.verdict, "alpha");
		verdict_is(FT_CLAIM_WON, "alpha");
	}
	if (!w.c.storing)
		pass(1000);
	ck_assert(!w.c.store_next.stayed);
	stored();
	ck_assert(!w.c.stayed_stored);
}
END_TEST

/* The plan waits for the disk, and that for long: what is heard meanwhile counts, and nobody is told that he may go on.
 * _i: the peer runs the guest; or it has a QEMU that may take our word; or it is out. */
START_TEST(an_order_that_waits_for_the_disk_is_refuted_by_a_peer_that_is_heard)
{
	start(FT_SESSION_RESIGNED, FT_ROLE_PRIMARY);
	w.c.session.stayed = w.c.stayed_stored = true;
	w.q = (struct ft_qemu_facts){.pid_verified = true, .instance = 5, .vm = FT_VM_ALIVE, .stopped = true};
	qemu_is();
	pass(3000);
	expect_phase(HELD);
	if (w.c.arbiter_busy)
		verdict_is(FT_CLAIM_NOT_NEEDED, "");
	step(&(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR, .confirmed = true});
	claim_is(FT_CLAIM_UNREACHABLE, "no answer");
	expect_phase(PLANNING);
	ck_assert_int_eq(w.c.self.vm, FT_VM_ALIVE);
	store_fails();
	if (_i == 0) {
		peer_runs();
	} else {
		peer_vm(_i == 1 ? FT_VM_ALIVE : FT_VM_GONE);
		hear(FT_PEER_ALIVE);
	}
	pass(1000);
	stored();
	expect_did(PLAN, _i == 2);
	expect_did(THAW, _i == 2);
	if (_i == 2)
		return;
	expect_did(RECORD, 1);
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "refused");
	ck_assert(w.c.session.stayed);
}
END_TEST

/* Proposed again after a release, with a late claim of ours in its register, as we find at once; and the peer may be bound by it by
 * then.  _i: it is, and waits for us; else it is not, and another one is made. */
START_TEST(who_finds_a_win_hears_first_whether_the_peer_is_bound_by_it)
{
	start(FT_SESSION_RELEASED, FT_ROLE_PRIMARY);
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	w.p.side.released = true;
	meet();
	expect_did(STORE, 1);
	ck_assert_int_eq(w.c.store_next.stage, FT_SESSION_BOUND);
	stored();
	acked();
	expect_did(READ, 1);
	register_is(FT_CLAIM_LOST, "alpha");
	ck_assert_int_eq(w.c.store_next.stage, FT_SESSION_ENDED);
	stored();
	ck_assert_int_eq(w.c.session.title, FT_TITLE_FOUND);
	expect_did(STORE, 2);
	pass(50);
	if (_i) {
		w.p.side.released = false;
		w.p.side.epoch = EPOCH + 1;
		memcpy(w.p.side.session, id, sizeof id);
	}
	peer_says();
	acked();
	if (_i) {
		expect_phase(PLANNING);
		ck_assert_int_eq(w.c.store_next.stage, FT_SESSION_ENDED);
	} else {
		expect_did(STORE, 3);
		ck_assert_int_eq(w.c.store_next.stage, FT_SESSION_BOUND);
		ck_assert_mem_ne(w.c.store_next.id, id, sizeof id);
	}
}
END_TEST

/* The peer offers a session, or is there for one that we propose; it is on its way to our disk. */
static void begin_to_bind(enum ft_role role)
{
	start(FT_SESSION_NONE, role);
	w.c.session.instance = 0;
	w.c.params.fresh = true;
	w.p.side.epoch = role == FT_ROLE_PRIMARY ? 0 : EPOCH;
	if (role == FT_ROLE_PRIMARY)
		memset(w.p.side.session, 0, sizeof w.p.side.session);
	meet();
	expect_did(STORE, 1);
	ck_assert_int_eq(w.c.store_next.stage, FT_SESSION_BOUND);
}

/* Its disk is slow: it has heard of our win, and may be bound by what it had accepted before all the same. */
START_TEST(who_finds_a_win_makes_no_other_session_while_the_peer_may_be_bound_by_it)
{
	start(FT_SESSION_RELEASED, FT_ROLE_PRIMARY);
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	w.p.side.released = true;
	meet();
	stored();
	acked();
	w.p.side.ready = false;
	peer_says();
	register_is(FT_CLAIM_LOST, "alpha");
	stored();
	ck_assert_int_eq(w.c.session.title, FT_TITLE_FOUND);
	for (int i = 0; i < 50; i++) {
		pass(100);
		acked();
	}
	expect_did(STORE, 2);
	w.p.side.ready = true;
	w.p.side.released = false;
	w.p.side.epoch = EPOCH + 1;
	memcpy(w.p.side.session, id, sizeof id);
	peer_says();
	expect_phase(PLANNING);
}
END_TEST

/* _i: the disk has said that it did not take it. */
START_TEST(who_may_be_bound_soon_is_not_ready_for_another_session)
{
	begin_to_bind(FT_ROLE_SECONDARY);
	forget();
	if (_i)
		store_fails();
	ck_assert(!w.c.self.ready);
	pass(1000);
	ck_assert(!w.c.self.ready);
	ck_assert_ptr_null(strstr(w.said, "no checkpoint"));
	stored();
	ck_assert(w.c.self.ready);
	expect_phase(PROTECTED);
}
END_TEST

/* A disk that says that it did not take it may have. */
START_TEST(what_may_be_known_to_have_stayed_runs_once_the_disk_says_otherwise)
{
	protect(FT_ROLE_PRIMARY);
	asked();
	frozen();
	ck_assert(w.c.store_next.stayed);
	store_fails();
	expect_did(THAW, 1); /* it could not be given up */
	forget();
	w.p.side.request = FT_REQUEST_NONE;
	peer_vm(FT_VM_GONE);
	expect_did(PLAN, 0);
	pass(1000);
	stored();
	expect_did(PLAN, 1);
}
END_TEST

/* What the disk may say is put right as soon as it takes that, and not when a failover hangs on it. */
START_TEST(no_failover_waits_for_a_disk_that_has_taken_what_holds_since_a_resignation_failed)
{
	protect(FT_ROLE_PRIMARY);
	asked();
	frozen();
	store_fails();
	expect_did(THAW, 1);
	forget();
	w.p.side.request = FT_REQUEST_NONE;
	qemu_is();
	peer_says();
	live(0.9, FT_CLAIM_NOT_NEEDED, "");
	expect_did(STORE, 0);
	live(0.2, FT_CLAIM_NOT_NEEDED, "");
	expect_did(STORE, 1);
	expect_stage(BOUND);
	ck_assert_int_eq(w.c.store_next.stage, FT_SESSION_BOUND);
	ck_assert(!w.c.store_next.stayed);
	store_fails();
	live(1.1, FT_CLAIM_NOT_NEEDED, "");
	expect_did(STORE, 2);
	stored();
	live(5, FT_CLAIM_NOT_NEEDED, "");
	expect_did(STORE, 2);
	peer_vm(FT_VM_GONE);
	expect_phase(PLANNING);
	expect_did(PLAN, 1);
}
END_TEST

/* _i: 0 it has told this ftd that it is in COLO; 1 it has told it nothing; 2 that it has left COLO. */
START_TEST(only_who_stayed_in_the_pair_gives_it_back_as_it_dies)
{
	start(FT_SESSION_BOUND, FT_ROLE_SECONDARY);
	if (_i == 1)
		w.q.connected = w.q.oob = w.q.plan_ready = false;
	if (_i == 2)
		w.q.role = FT_ROLE_NONE, w.q.last_role = FT_ROLE_SECONDARY;
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	qemu_ends();
	expect_did(STORE, _i == 0); /* of the others nobody knows whether they may be followed by the peer's copy */
	if (_i == 0) {
		ck_assert_int_eq(w.c.store_next.stage, FT_SESSION_RESIGNED);
		stored();
	}
	register_is(FT_CLAIM_LOST, "alpha");
	ck_assert_int_eq(w.c.self.returned, _i == 0);
}
END_TEST

/* Its claim had been given up, landed late, and was forgotten when the session was released. */
START_TEST(a_released_side_looks_into_the_register_for_a_copy_that_waits)
{
	start(FT_SESSION_RELEASED, FT_ROLE_SECONDARY);
	w.p.side.state = FT_FENCED;
	w.p.side.vm = FT_VM_YIELDED;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	expect_did(READ, 1);
	register_is(FT_CLAIM_LOST, "alpha");
	expect_phase(PLANNING);
}
END_TEST

START_TEST(a_winner_whose_qemu_cannot_be_promoted_gives_back_what_stands_still)
{
	win(true);
	for (int attempt = 0; attempt < 2; attempt++) { /* it is tried again once, as QEMU answers */
		for (int i = 0; i < FT_PLAN_TRIES; i++) {
			plan_fails();
			pass(i < FT_PLAN_TRIES - 1 ? 1000 : 0);
		}
		recorded();
		expect_phase(FAILED);
		pass(attempt ? 0 : 2000);
	}
	forget();
	pass(9000);
	expect_did(FREEZE, 0);
	pass(1000);
	expect_did(FREEZE, 1);
	frozen();
	ck_assert(!w.c.self.returned);
	expect_did(STORE, 1);
	stored();
	ck_assert(w.c.self.returned);
	expect_phase(YIELDED);
	expect_did(KILL, 0); /* before the other is proven */
	w.p.side.state = FT_FAILING_OVER;
	peer_vm(FT_VM_ALIVE);
	pass(5000);
	expect_did(KILL, 0);
	expect_did(THAW, 0);
	peer_runs();
	expect_did(KILL, 1);
}
END_TEST

/* Nobody is known to have a copy that could go on: ours is not stopped for good.  _i: 0 the peer is silent; 1 it is heard, and
 * its QEMU runs; 2 it has none. */
START_TEST(a_winner_whose_qemu_cannot_be_promoted_keeps_at_it_where_nobody_waits)
{
	win(false);
	if (_i) {
		w.p.side.state = FT_UNPROTECTED;
		w.p.side.role = FT_ROLE_NONE;
		memset(w.p.side.session, 0, sizeof w.p.side.session);
		peer_vm(_i == 1 ? FT_VM_ALIVE : FT_VM_ABSENT);
		hear(FT_PEER_ALIVE);
	}
	for (int attempt = 0; attempt < 2; attempt++) {
		for (int i = 0; i < FT_PLAN_TRIES; i++) {
			plan_fails();
			pass(i < FT_PLAN_TRIES - 1 ? 1000 : 0);
		}
		recorded();
		expect_phase(FAILED);
		pass(attempt ? 0 : 2000);
	}
	forget();
	pass(60e3);
	expect_phase(FAILED);
	expect_did(FREEZE, 0);
	expect_did(STORE, 0);
	ck_assert(!w.c.self.returned);
}
END_TEST

/* Of the failure that is on its way to disk it knows nothing. */
START_TEST(a_qemu_that_was_started_since_has_not_failed)
{
	win(true);
	for (int i = 0; i < FT_PLAN_TRIES; i++) {
		plan_fails();
		pass(i < FT_PLAN_TRIES - 1 ? 1000 : 0);
	}
	expect_phase(RECORDING);
	w.q = (struct ft_qemu_facts){.instance = 6, .vm = FT_VM_ALIVE, .connected = true, .oob = true};
	qemu_is();
	recorded();
	expect_phase(UNPROTECTED);
}
END_TEST

START_TEST(a_winner_puts_its_name_into_the_verdict_once_its_guest_runs)
{
	win(false);
	pass(500);
	ck_assert_int_eq(w.put_verdict, 0);
	ck_assert(!w.c.self.proven);
	plan_works();
	recorded();
	expect_phase(SOLO);
	ck_assert(w.c.self.proven);
	ck_assert_int_eq(w.put_verdict, 1);
	ck_assert_str_eq(w.verdict, "alpha");
	verdict_is(FT_CLAIM_WON, "alpha");
	pass(60e3);
	ck_assert_int_eq(w.put_verdict, 1);
}
END_TEST

/* By a person's order, and the peer's word; a slow disk has the session to store first. */
START_TEST(an_order_waits_for_the_session_that_is_on_its_way_to_disk)
{
	start(FT_SESSION_NONE, FT_ROLE_SECONDARY);
	w.c.params.fresh = true;
	memset(&w.c.session, 0, sizeof w.c.session);
	w.p.side.state = FT_ARMING;
	meet();
	pass(1500);
	ck_assert_msg(w.c.storing, "%s in %s", w.c.reason, phase_name(w.c.phase));
	order();
	expect_phase(ASKING);
	w.p.side.answer = FT_ANSWER_YIELDED;
	w.p.side.answer_id = w.c.self.request_id;
	w.p.side.state = FT_FENCED;
	peer_vm(FT_VM_YIELDED);
	expect_did(PLAN, 0);
	expect_did(CLAIM, 0);
	stored();
	expect_phase(PLANNING);
	ck_assert_mem_eq(w.c.outcome.session, id, sizeof id);
	ck_assert_uint_eq(w.c.outcome.epoch, EPOCH);
	claim_is(FT_CLAIM_WON, "alpha");
	stored();
	plan_works();
	recorded();
	expect_phase(SOLO);
	w.q.role = FT_ROLE_NONE;
	w.q.last_role = FT_ROLE_SECONDARY;
	w.q.running = true;
	qemu_is();
	ck_assert_msg(w.c.self.proven, "its peer's copy waits frozen for ever: in %s, stage %s", phase_name(w.c.phase),
	              ft_session_stage_name(w.c.session.stage));
}
END_TEST

/* A person has vouched for us, wrongly. */
START_TEST(the_verdict_stands_above_the_register)
{
	win(false);
	plan_works();
	recorded();
	verdict_is(FT_CLAIM_LOST, "beta");
	expect_did(FREEZE, 1);
	frozen();
	ck_assert(w.c.frozen);
	ck_assert_str_eq(w.c.session.winner, "beta");
	expect_did(KILL, 0); /* before the other is proven */
	peer_runs();
	expect_did(KILL, 1);
}
END_TEST

/* Its next ftd: an earlier one may have promoted that QEMU, and it says nothing; the peer's copy stands frozen for it. */
static void win_with_a_silent_qemu(void)
{
	start(FT_SESSION_ENDED, FT_ROLE_SECONDARY);
	w.q.connected = w.q.oob = w.q.plan_ready = false;
	w.q.role = FT_ROLE_NONE;
	qemu_is();
	w.p.side.state = FT_FENCED;
	memset(w.p.side.session, 0, sizeof id);
	peer_vm(FT_VM_YIELDED);
	hear(FT_PEER_ALIVE);
	for (int i = 0; i < 100; i++) {
		pass(100);
		if (w.c.arbiter_busy)
			register_is(FT_CLAIM_LOST, "alpha");
	}
}

/* It cannot be given back, so a person must know what to do: end it.  _i: 1 it answers after all; 2 it does not even out of
 * band. */
START_TEST(a_winner_whose_qemu_is_silent_says_who_waits_for_it)
{
	win_with_a_silent_qemu();
	if (_i == 2)
		step(&(struct ft_event){.kind = FT_EVENT_HUNG, .text = "it answers nothing"});
	expect_phase(UNPROTECTED);
	const char *said = strstr(w.said, "end our QEMU");
	ck_assert_msg(strstr(w.c.reason, "end our QEMU") != NULL, "%s", w.c.reason);
	ck_assert_ptr_nonnull(said);
	ck_assert_ptr_null(strstr(said + 1, "end our QEMU")); /* once */
	expect_did(STORE, 0);
	ck_assert(!w.c.self.returned);
	if (_i == 1) {
		w.q.connected = w.q.oob = w.q.plan_ready = true;
		w.q.role = FT_ROLE_SECONDARY;
		qemu_is();
		expect_phase(PLANNING);
		return;
	}
	qemu_ends();
	pass(20e3);
	ck_assert_int_eq(w.c.self.vm, FT_VM_ABSENT);
	ck_assert(!w.c.self.returned); /* it may have run */
}
END_TEST

/* Seen in the simulation: an earlier ftd had promoted it, and died before anything of that was on disk; its QEMU was stopped by hand, and
 * the session given back, as if it had stayed in COLO. */
START_TEST(a_silent_qemu_whose_win_is_found_is_not_given_back)
{
	start(FT_SESSION_BOUND, FT_ROLE_SECONDARY);
	memset(w.p.side.session, 0, sizeof id);
	w.q.connected = w.q.oob = w.q.plan_ready = false;
	w.q.role = FT_ROLE_NONE;
	qemu_is();
	w.p.side.state = FT_FENCED;
	peer_vm(FT_VM_YIELDED);
	hear(FT_PEER_ALIVE);
	for (int i = 0; i < 300; i++) {
		pass(100);
		if (w.c.arbiter_busy)
			register_is(FT_CLAIM_LOST, "alpha");
	}
	ck_assert_str_eq(w.c.session.winner, "alpha");
	expect_did(FREEZE, 0);
}
END_TEST

/* _i & 1: who waits is the loser, else it has yielded.  _i & 2: the winner gets on in time. */
START_TEST(a_copy_whose_winner_does_nothing_says_what_frees_it)
{
	if (_i & 1)
		lose_the_claim(FT_ROLE_PRIMARY);
	else
		yield_to_peer();
	memset(w.p.side.session, 0, sizeof id);
	w.p.side.state = FT_UNPROTECTED; /* its ftd was restarted, and its QEMU answers nothing */
	peer_says();
	hear(FT_PEER_ALIVE);
	expect_phase(YIELDED);
	silence(_i & 2 ? 8 : 30, FT_CLAIM_NOT_NEEDED, "");
	if (_i & 2) {
		w.p.side.state = FT_FAILING_OVER;
		peer_says();
		silence(30, FT_CLAIM_NOT_NEEDED, "");
	}
	expect_phase(YIELDED);
	expect_did(PLAN, 0);
	const char *said = strstr(w.said, "--confirm-fenced");
	ck_assert_int_eq(said != NULL, !(_i & 2));
	ck_assert_int_eq(strstr(w.c.reason, "end that QEMU") != NULL, !(_i & 2));
	if (said)
		ck_assert_ptr_null(strstr(said + 1, "--confirm-fenced"));
}
END_TEST

/* It stood frozen for the peer, and died; then the session is ours after all: _i: 0 by the peer's word, 1 by the verdict, 2 as both had
 * given it up, 3 by a person's word.  4 it was of a later pair, in which the peer has the guest. */
START_TEST(who_is_given_the_session_as_its_copy_has_died_may_start_anew)
{
	char why[FT_TEXT_MAX];
	if (_i < 2) {
		lose_the_claim(FT_ROLE_SECONDARY);
	} else {
		yield_to_peer();
		w.c.session.instance = _i == 4 ? 4 : 5;
	}
	if (_i == 1)
		pass(20e3);
	ck_assert_int_eq(w.c.arbiter_busy, _i == 1);
	qemu_ends();
	expect_phase(FENCED);
	ck_assert_int_eq(ft_core_may_start(&w.c, false, why), 0);
	w.p.side.role = FT_ROLE_NONE;
	if (_i == 0) {
		peer_gives_back();
	} else if (_i == 1) {
		w.p.side.state = FT_UNPROTECTED;
		peer_vm(FT_VM_ABSENT);
		hear(FT_PEER_ALIVE);
		verdict_is(FT_CLAIM_LOST, "alpha");
	} else if (_i == 2) {
		memcpy(w.p.side.session, id, sizeof id);
		w.p.side.state = FT_FENCED;
		peer_vm(FT_VM_GONE);
	} else {
		hear(FT_PEER_LOST);
	}
	silence(1, FT_CLAIM_NOT_NEEDED, "");
	stored();
	w.p.side.guest = false;
	step(&(struct ft_event){.kind = FT_EVENT_WANT_START, .confirmed = _i >= 3});
	for (int k = 0; k < 20; k++) {
		pass(100);
		if (w.c.arbiter_busy && w.c.errand == FT_ERRAND_END_OLD)
			claim_is(FT_CLAIM_WON, "alpha");
		else if (w.c.arbiter_busy)
			register_is(FT_CLAIM_LOST, "alpha");
		acked();
	}
	ck_assert(w.c.session.stage == FT_SESSION_ENDED && strcmp(w.c.session.winner, "alpha") == 0);
	int may = ft_core_may_start(&w.c, _i >= 3, why);
	ck_assert_msg(may == (_i != 4), "%d in %s: %s", may, phase_name(w.c.phase), why);
}
END_TEST

static void order_confirmed(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR, .confirmed = true});
	if (w.c.arbiter_busy && w.c.errand == FT_ERRAND_READ_VERDICT)
		verdict_is(FT_CLAIM_NOT_NEEDED, "");
}

/* The whole way: the person is refused while the QEMU is there, ends it, and orders again. */
START_TEST(a_winner_that_hangs_is_ended_and_the_loser_goes_on)
{
	lose_the_claim(_i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	memset(w.p.side.session, 0, sizeof id);
	w.p.side.state = FT_UNPROTECTED;
	peer_says();
	hear(FT_PEER_ALIVE);
	silence(30, FT_CLAIM_NOT_NEEDED, "");
	forget();
	order_confirmed();
	expect_did(PLAN, 0);
	ck_assert_int_eq(w.put_verdict, 0);
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "refused");
	ck_assert_msg(strstr(w.c.outcome.error, "end that QEMU"), "%s", w.c.outcome.error);
	recorded();
	w.p.side.role = FT_ROLE_NONE;
	peer_vm(FT_VM_ABSENT);
	order_confirmed();
	ck_assert_int_eq(w.put_verdict, 1);
	verdict_is(FT_CLAIM_WON, "alpha");
	expect_did(PLAN, 1);
	stored();
	plan_works();
	recorded();
	expect_phase(SOLO);
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "success");
}
END_TEST

/* Who has yielded knows of no winner yet: the register is asked first, and then the verdict, by the same order. */
START_TEST(a_winner_that_hangs_is_ended_and_who_had_yielded_goes_on)
{
	yield_to_peer();
	w.p.side.state = FT_UNPROTECTED;
	w.p.side.role = FT_ROLE_NONE;
	peer_vm(FT_VM_ABSENT);
	silence(5, FT_CLAIM_NOT_NEEDED, "");
	order_confirmed();
	for (int i = 0; i < 50 && w.c.phase != FT_PHASE_PLANNING; i++) {
		if (w.c.arbiter_busy && w.c.errand >= FT_ERRAND_VERDICT)
			verdict_is(w.c.errand == FT_ERRAND_TAKE_VERDICT ? FT_CLAIM_WON : FT_CLAIM_NOT_NEEDED, "alpha");
		else if (w.c.arbiter_busy)
			claim_is(FT_CLAIM_LOST, "beta");
		if (w.c.storing)
			stored();
		recorded();
		pass(100);
		if (w.c.phase == FT_PHASE_YIELDED || w.c.phase == FT_PHASE_HELD)
			order_confirmed(); /* a second time, as the outcome of the first says */
	}
	expect_phase(PLANNING);
	ck_assert_int_eq(w.put_verdict, 1);
}
END_TEST

/* _i: 0 a mere order; 1 he vouches, and the peer is heard; 2 he vouches, and the verdict is empty; 3 it names the peer; 4 it
 * cannot be asked; 5 the arbiter keeps no register. */
START_TEST(an_order_against_a_winner_needs_a_person_who_vouches)
{
	lose_the_claim(FT_ROLE_PRIMARY);
	if (_i == 1)
		hear(FT_PEER_ALIVE);
	w.c.params.registers = _i != 5;
	step(&(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR, .confirmed = _i != 0});
	ck_assert_int_eq(w.put_verdict, _i >= 2 && _i <= 4);
	if (_i == 2)
		verdict_is(FT_CLAIM_WON, "alpha");
	if (_i == 3)
		verdict_is(FT_CLAIM_LOST, "beta");
	if (_i == 4)
		verdict_is(FT_CLAIM_UNREACHABLE, "no answer");
	bool goes_on = _i == 2 || _i >= 4;
	expect_did(PLAN, goes_on);
	expect_did(THAW, goes_on);
	expect_did(KILL, _i == 3);
	expect_did(RECORD, !goes_on);
	if (goes_on) { /* by his word against a register that can be asked again: the winner may start by that */
		pass(1000);
		ck_assert_int_eq(w.c.store_next.title, FT_TITLE_REGAINED);
		ck_assert_int_eq(w.c.store_next.given_before, _i == 4);
	}
	if (!goes_on)
		ck_assert_str_eq(ft_result_name(w.c.outcome.result), "refused");
	else
		ck_assert_str_eq(ft_cause_name(w.c.outcome.cause), "operator");
}
END_TEST

/* The arbiter cannot be asked for the verdict: by his order it is asked anew, and by that alone. */
START_TEST(an_order_asks_an_arbiter_anew_that_was_out_of_reach)
{
	lose_the_claim(FT_ROLE_PRIMARY);
	silence(5, FT_CLAIM_UNREACHABLE, "no answer");
	ck_assert_int_eq(w.put_verdict, 0);
	step(&(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR, .confirmed = true});
	pass(100);
	ck_assert_int_eq(w.put_verdict, 1);
	expect_did(PLAN, 0);
	verdict_is(FT_CLAIM_LOST, "beta");
	expect_did(PLAN, 0);
	expect_did(KILL, 1);
}
END_TEST

/* That nobody could be asked was true of an earlier order: the newest is not carried out by that. */
START_TEST(each_order_against_a_winner_asks_for_itself)
{
	struct ft_event vouched = {.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR, .confirmed = true};
	lose_the_claim(FT_ROLE_PRIMARY);
	step(&vouched);
	ck_assert_int_eq(w.put_verdict, 1);
	order(); /* refused, as it vouches for nothing, and that is on its way to disk */
	expect_did(RECORD, 1);
	step(&vouched);
	verdict_is(FT_CLAIM_UNREACHABLE, "no answer");
	step(&vouched);
	recorded();
	ck_assert_int_eq(w.put_verdict, 2);
	expect_did(PLAN, 0);
	verdict_is(FT_CLAIM_LOST, "beta");
	expect_did(PLAN, 0);
	expect_did(KILL, 1);
}
END_TEST

static void disk_refuses(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_STORED, .error = true, .text = "no space left"});
}

/* _i: what it says, late, to the claim for the record: our name, or the peer's. */
START_TEST(a_late_answer_of_the_register_does_not_take_a_hand_back_back)
{
	protect_surely(FT_ROLE_SECONDARY);
	peer_vm(FT_VM_YIELDED); /* taken by word; the claim for the record is on its way */
	expect_phase(PLANNING);
	ck_assert(w.c.arbiter_busy);
	stored();
	qemu_ends();
	plan_fails();
	stored();
	ck_assert(w.c.self.returned);
	if (_i)
		claim_is(FT_CLAIM_LOST, "beta");
	else
		claim_is(FT_CLAIM_WON, "alpha");
	ck_assert_str_eq(w.c.session.winner, "beta");
	ck_assert(w.c.self.returned);
	char why[FT_TEXT_MAX];
	ck_assert_int_eq(ft_core_may_start(&w.c, false, why), 0);
}
END_TEST

/* Neither side's QEMU could run it: they would give it to each other for ever. */
START_TEST(what_was_given_back_is_not_given_back_again)
{
	lose_the_claim(FT_ROLE_SECONDARY);
	peer_gives_back();
	expect_phase(PLANNING);
	stored();
	forget();
	qemu_ends();
	plan_fails();
	recorded();
	for (int i = 0; i < 50; i++) {
		pass(10);
		if (w.c.storing)
			stored();
	}
	ck_assert_msg(w.did[FT_DO_STORE] == 0, "%d stores", w.did[FT_DO_STORE]);
	ck_assert(!w.c.self.returned);
}
END_TEST

START_TEST(who_has_given_back_never_takes_it_again)
{
	win(false);
	qemu_ends();
	plan_fails();
	stored();
	verdict_is(FT_CLAIM_WON, "beta");
	recorded();
	forget();
	peer_gives_back();
	for (int i = 0; i < 50; i++) {
		pass(10);
		if (w.c.storing)
			stored();
	}
	ck_assert_msg(w.did[FT_DO_STORE] == 0, "%d stores", w.did[FT_DO_STORE]);
	ck_assert(w.c.self.returned);
}
END_TEST

/* A person vouches for the peer's host, and the VM is to be started here. */
START_TEST(a_claim_to_start_anew_is_not_given_back)
{
	protect_surely(FT_ROLE_PRIMARY);
	w.q.vm = FT_VM_GONE;
	w.q.connected = w.q.oob = w.q.plan_ready = false;
	qemu_is();
	stored();
	expect_stage(RESIGNED);
	hear(FT_PEER_QUIET);
	pass(500);
	hear(FT_PEER_LOST);
	pass(1000);
	step(&(struct ft_event){.kind = FT_EVENT_WANT_START, .confirmed = true});
	pass(1000);
	ck_assert(w.c.arbiter_busy);
	claim_is(FT_CLAIM_WON, "alpha");
	for (int i = 0; i < 5; i++) {
		if (w.c.storing)
			stored();
		pass(100);
	}
	char why[FT_TEXT_MAX];
	int may = ft_core_may_start(&w.c, true, why);
	ck_assert_msg(may == 1, "%d: %s", may, why);
}
END_TEST

/* _i: 0 on its way to disk; 1 the disk says that it did not take it, and may have. */
START_TEST(nothing_is_started_while_the_session_is_being_given_back)
{
	win(false);
	qemu_ends();
	plan_fails();
	recorded();
	if (_i)
		disk_refuses();
	hear(FT_PEER_LOST);
	step(&(struct ft_event){.kind = FT_EVENT_WANT_START});
	char why[FT_TEXT_MAX];
	int may = ft_core_may_start(&w.c, false, why);
	ck_assert_msg(may != 1, "%d: %s", may, why);
	pass(1000);
	stored();
	ck_assert(w.c.self.returned);
}
END_TEST

/* _i: 0 the disk did not take it; 1 QEMU did not stand still. */
START_TEST(a_hand_back_that_failed_is_tried_again)
{
	win(true);
	for (int attempt = 0; attempt < 2; attempt++) {
		for (int i = 0; i < FT_PLAN_TRIES; i++) {
			plan_fails();
			pass(i < FT_PLAN_TRIES - 1 ? 1000 : 0);
		}
		recorded();
		expect_phase(FAILED);
		pass(attempt ? 0 : 2000);
	}
	pass(10000);
	expect_phase(YIELDING);
	forget();
	if (_i) {
		step(&(struct ft_event){.kind = FT_EVENT_FROZEN, .error = true, .text = "?"});
	} else {
		frozen();
		disk_refuses();
	}
	forget();
	for (int i = 0; i < 600; i++) {
		pass(100);
		if (w.c.storing)
			stored();
		if (w.c.phase == FT_PHASE_YIELDING && !w.c.frozen)
			frozen();
	}
	ck_assert_msg(w.c.self.returned, "in %s: %s\n%s", phase_name(w.c.phase), w.c.reason, w.said);
}
END_TEST

/* The ftd that had regained it died before that was on disk.  _i: whether there are registers. */
START_TEST(a_guest_that_runs_by_a_hand_back_the_disk_did_not_take_goes_on)
{
	start(FT_SESSION_ENDED, FT_ROLE_SECONDARY);
	w.c.params.registers = _i;
	strcpy(w.c.session.winner, "beta");
	w.q.role = FT_ROLE_NONE;
	w.q.last_role = FT_ROLE_SECONDARY;
	w.q.running = true;
	qemu_is();
	expect_phase(YIELDING);
	frozen();
	peer_gives_back();
	for (int i = 0; i < 100; i++) {
		pass(100);
		if (w.c.arbiter_busy)
			verdict_is(FT_CLAIM_NOT_NEEDED, "");
		if (w.c.storing)
			stored();
	}
	ck_assert_msg(!w.c.frozen, "in %s: %s", phase_name(w.c.phase), w.c.reason);
}
END_TEST

/* It would stand there for ever, and the peer end its own for it. */
START_TEST(a_copy_is_not_ended_while_its_name_is_on_its_way_into_the_verdict)
{
	lose_the_claim(FT_ROLE_PRIMARY);
	step(&(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR, .confirmed = true});
	ck_assert_int_eq(w.put_verdict, 1);
	peer_runs();
	expect_did(KILL, 0);
	verdict_is(FT_CLAIM_WON, "alpha");
	expect_did(KILL, 0);
	expect_did(PLAN, 0); /* two guests */
	w.p.side.state = FT_FENCED;
	w.p.side.proven = false;
	peer_vm(FT_VM_YIELDED);
	expect_did(PLAN, 1);
}
END_TEST

START_TEST(an_order_against_a_winner_that_is_starting_the_guest_is_refused)
{
	lose_the_claim(FT_ROLE_PRIMARY);
	w.p.side.guest = true;
	w.p.side.state = FT_UNPROTECTED;
	memset(w.p.side.session, 0, sizeof id);
	w.p.side.role = FT_ROLE_NONE;
	peer_vm(FT_VM_ABSENT);
	hear(FT_PEER_ALIVE);
	step(&(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR, .confirmed = true});
	ck_assert_int_eq(w.put_verdict, 0);
}
END_TEST

/* It may have landed: a guest that ran on would be ended for it by our next ftd. */
START_TEST(a_hand_back_that_the_disk_may_have_taken_is_not_taken_back)
{
	win(true);
	for (int attempt = 0; attempt < 2; attempt++) {
		for (int i = 0; i < FT_PLAN_TRIES; i++) {
			plan_fails();
			pass(i < FT_PLAN_TRIES - 1 ? 1000 : 0);
		}
		recorded();
		pass(attempt ? 0 : 2000);
	}
	pass(10000);
	expect_phase(YIELDING);
	frozen();
	forget();
	disk_refuses();
	expect_did(THAW, 0);
}
END_TEST

/* ---- the plan finds its QEMU running ---- */

/* A sentinel of an earlier ftd may have stopped it as late as now, and has told nobody. */
START_TEST(each_try_of_the_plan_thaws_first)
{
	protect_surely(FT_ROLE_PRIMARY);
	peer_vm(FT_VM_GONE);
	expect_did(THAW, 1);
	struct ft_plan_report r = {.ok = false, .proven_at = FT_NEVER, .error = "no answer"};
	step(&(struct ft_event){.kind = FT_EVENT_PLAN, .plan = &r});
	pass(1000);
	expect_did(PLAN, 2);
	expect_did(THAW, 2);
}
END_TEST

/* ---- whom a fence is for ---- */

START_TEST(a_host_that_is_lost_is_fenced)
{
	protect_surely(_i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	hear(FT_PEER_QUIET);
	pass(500);
	hear(FT_PEER_LOST);
	pass(20);
	if (_i)
		frozen();
	expect_did(CLAIM, 1);
	ck_assert(w.fenced);
}
END_TEST

/* Its right has ended; the peer is quiet, and will be lost a moment later. */
START_TEST(a_primary_fences_before_its_peer_is_lost)
{
	protect_surely(FT_ROLE_PRIMARY);
	pass(300);
	hear(FT_PEER_QUIET);
	pass(180);
	frozen();
	expect_phase(CLAIMING);
	ck_assert(w.fenced);
}
END_TEST

/* The peer has won by our own word, and was powered off for a person's order: no register tells which of the two was later. */
START_TEST(who_wins_by_a_fence_what_it_had_given_away_says_that_it_was_the_later)
{
	start(FT_SESSION_RESIGNED, FT_ROLE_PRIMARY);
	w.c.params.registers = false;
	w.q.connected = w.q.oob = w.q.plan_ready = false;
	w.q.stopped = true;
	qemu_is();
	pass(600);
	expect_phase(HELD);
	order();
	expect_phase(CLAIMING);
	ck_assert(w.fenced);
	claim_is(FT_CLAIM_WON, "alpha");
	expect_phase(PLANNING);
	ck_assert_int_eq(w.c.self.win, FT_WIN_REGAINED);
	ck_assert_int_eq(w.c.store_next.title, FT_TITLE_REGAINED);
}
END_TEST

/* The peer may run by our own word, and nobody hears whether it does: that is for our next ftd to know.  _i: 1 the fence behind the
 * register has powered its host off first; 2 our right was never given; 3 a person vouches for its host; 4 it had no QEMU when it
 * was heard last; 5 a person vouches for it, and it is heard again before the register answers. */
START_TEST(who_wins_what_it_had_given_away_writes_that_down)
{
	start(_i == 2 ? FT_SESSION_BOUND : FT_SESSION_RESIGNED, FT_ROLE_PRIMARY);
	w.c.params.fenced = _i == 1;
	w.q.connected = w.q.oob = w.q.plan_ready = false;
	w.q.stopped = true;
	qemu_is();
	if (_i == 4)
		peer_vm(FT_VM_ABSENT);
	pass(600);
	if (_i != 2) /* the verdict, before it says that it yields */
		register_is(FT_CLAIM_NOT_NEEDED, "");
	if (_i == 3 || _i == 5)
		order_confirmed();
	else
		order();
	expect_phase(CLAIMING);
	if (_i == 5) {
		w.p.side.state = FT_HELD;
		peer_vm(FT_VM_YIELDED);
		hear(FT_PEER_ALIVE);
	}
	claim_is(FT_CLAIM_WON, "alpha");
	step(&(struct ft_event){.kind = FT_EVENT_FENCED});
	while (w.c.storing)
		stored();
	ck_assert_int_eq(w.c.store_next.title, FT_TITLE_REGISTER);
	ck_assert_int_eq(w.c.store_next.given_before, _i == 0 || _i >= 4);
}
END_TEST

/* It was powered off for that just now, so nobody can have let it go on since.  _i: an earlier session was won before this ftd. */
START_TEST(who_wins_by_a_fence_under_this_ftd_may_start_anew)
{
	char why[FT_TEXT_MAX];
	start(_i ? FT_SESSION_ENDED : FT_SESSION_RESIGNED, FT_ROLE_PRIMARY);
	w.c.params.registers = false;
	w.c.session.id[0] = _i ? 8 : 7;
	w.c.session.stage = FT_SESSION_RESIGNED;
	w.c.session.winner[0] = '\0';
	w.q.connected = w.q.oob = w.q.plan_ready = false;
	w.q.stopped = true;
	qemu_is();
	pass(600);
	order();
	claim_is(FT_CLAIM_WON, "alpha");
	stored();
	expect_phase(PLANNING);
	w.q.vm = FT_VM_GONE;
	qemu_is();
	step(&(struct ft_event){.kind = FT_EVENT_PLAN,
	                        .plan = &(struct ft_plan_report){.proven_at = FT_NEVER, .error = "no"}});
	recorded();
	step(&(struct ft_event){.kind = FT_EVENT_WANT_START});
	ck_assert_msg(ft_core_may_start(&w.c, false, why) == 1, "%s", why);
}
END_TEST

START_TEST(a_host_whose_ftd_says_that_nothing_runs_there_is_not_fenced)
{
	protect_surely(FT_ROLE_SECONDARY);
	w.c.params.registers = _i;
	peer_vm(FT_VM_GONE);
	expect_did(CLAIM, 1);
	ck_assert(!w.fenced);
}
END_TEST

START_TEST(a_host_that_yields_to_an_order_is_not_fenced)
{
	protect_surely(FT_ROLE_SECONDARY);
	w.c.params.registers = _i;
	order();
	w.p.side.answer = FT_ANSWER_YIELDED;
	w.p.side.answer_id = w.c.self.request_id;
	peer_vm(FT_VM_YIELDED);
	expect_phase(PLANNING);
	expect_did(CLAIM, 1);
	ck_assert(!w.fenced);
}
END_TEST

/* Our order ran out before the answer was heard, and our QEMU waits for the frozen one in mid-checkpoint, in band. */
START_TEST(who_is_yielded_to_in_a_released_session_goes_on_though_its_qemu_is_blocked)
{
	start(FT_SESSION_RELEASED, FT_ROLE_SECONDARY);
	hear(FT_PEER_ALIVE);
	peer_says();
	qemu_is();
	w.q.connected = w.q.plan_ready = false;
	qemu_is();
	expect_did(PLAN, 0);
	peer_vm(FT_VM_YIELDED);
	expect_phase(PLANNING);
	ck_assert_int_eq(w.c.outcome.cause, FT_CAUSE_PEER_YIELDED);
	expect_did(PLAN, 1);
}
END_TEST

/* Else the winner would hold the peer's for a later session, and never start the VM again. */
START_TEST(who_ends_a_session_that_the_peer_has_bound_again_ends_that_one)
{
	char why[FT_TEXT_MAX];
	start(FT_SESSION_RELEASED, FT_ROLE_SECONDARY);
	hear(FT_PEER_ALIVE);
	w.p.side.epoch = EPOCH + 1;
	peer_says();
	qemu_is();
	peer_vm(FT_VM_YIELDED);
	claim_is(FT_CLAIM_WON, "alpha");
	plan_works();
	recorded();
	if (w.c.arbiter_busy)
		verdict_is(FT_CLAIM_WON, "alpha");
	ck_assert_int_eq(w.c.session.epoch, EPOCH + 1);
	w.q.vm = FT_VM_GONE;
	qemu_is();
	w.p.side.role = FT_ROLE_NONE;
	w.p.side.state = FT_FENCED;
	peer_vm(FT_VM_GONE);
	step(&(struct ft_event){.kind = FT_EVENT_WANT_START});
	ck_assert_msg(ft_core_may_start(&w.c, false, why) == 1, "%s", why);
}
END_TEST

/* It is heard, and does not hear us: where there is a register it reads there that it has lost. */
START_TEST(a_peer_that_is_heard_is_powered_off_only_where_nothing_else_proves_anything)
{
	protect_surely(FT_ROLE_PRIMARY);
	w.c.params.registers = _i;
	pass(500);
	frozen();
	expect_did(CLAIM, 1);
	ck_assert_int_eq(w.fenced, !_i);
}
END_TEST

/* ---- an arbiter without registers ---- */

START_TEST(after_a_fence_a_new_pair_is_bound_without_a_register)
{
	start(FT_SESSION_BOUND, FT_ROLE_SECONDARY); /* it was powered off in that session */
	w.c.params.registers = w.c.unsure = false;
	w.q.instance = 6; /* ... and a new secondary was started after the boot */
	w.p.side.session[0] = 8;
	w.p.side.epoch = EPOCH + 1;
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	step(&(struct ft_event){.kind = FT_EVENT_CHECKPOINT});
	expect_did(READ, 0);
	expect_did(STORE, 1);
	stored();
	expect_stage(BOUND);
	ck_assert_int_eq(w.c.session.id[0], 8);
}
END_TEST

START_TEST(a_survivor_proposes_although_its_old_peer_still_names_the_session_that_it_ended)
{
	start(FT_SESSION_ENDED, FT_ROLE_PRIMARY);
	w.c.params.registers = false;
	peer_says(); /* the host that was powered off, back, and bound by its disk */
	hear(FT_PEER_ALIVE);
	acked();
	w.q.instance = 6;
	qemu_is();
	step(&(struct ft_event){.kind = FT_EVENT_CHECKPOINT});
	pass(100);
	expect_did(STORE, 1);
	ck_assert_uint_eq(w.c.store_next.epoch, EPOCH + 1);
}
END_TEST

/* The session file holds no more than INT64_MAX. */
START_TEST(an_absurd_epoch_of_the_peer_makes_no_session_that_cannot_be_stored)
{
	start(FT_SESSION_ENDED, FT_ROLE_PRIMARY);
	w.c.params.registers = false;
	w.p.side.epoch = _i ? INT64_MAX : UINT64_MAX;
	peer_says();
	hear(FT_PEER_ALIVE);
	acked();
	w.q.instance = 6;
	qemu_is();
	step(&(struct ft_event){.kind = FT_EVENT_CHECKPOINT});
	pass(100);
	expect_did(STORE, 1);
	ck_assert(w.c.store_next.epoch == INT64_MAX);
}
END_TEST

/* Both QEMUs have died at once, and each side has given the session up; a new pair was started. */
START_TEST(a_session_that_both_sides_gave_up_is_ended_for_the_new_pair)
{
	start(FT_SESSION_RESIGNED, FT_ROLE_PRIMARY);
	w.q.instance = 6;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	meet();
	if (w.did[FT_DO_READ]) /* nobody has ended it */
		register_is(FT_CLAIM_NOT_NEEDED, "");
	live(1, FT_CLAIM_WON, "alpha");
	expect_did(CLAIM, 1);
	ck_assert(!w.fenced);
	expect_stage(ENDED);
	stored();
	expect_did(STORE, 2); /* of the end, and of the next one */
}
END_TEST

/* ---- both session files lost ---- */

START_TEST(replication_that_broke_while_the_session_was_lost_is_broken)
{
	start(FT_SESSION_UNKNOWN, FT_ROLE_PRIMARY);
	w.p.side.ready = false;
	w.p.side.epoch = 0;
	w.p.side.state = FT_ARMING;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	qemu_is();
	frozen();
	expect_phase(CUT_OFF);
	peer_says();
	hear(FT_PEER_ALIVE);
	expect_did(THAW, 1);
	pass(6e3);
	expect_phase(ARMING);
	pass(2e3);
	expect_phase(ASKING);
}
END_TEST

/* Its ftd ended as the peer yielded to it by a person's order, before they had a session: both would stand still for ever.
 * _i: or the peer had a session once. */
START_TEST(a_peer_that_yielded_without_a_session_shows_that_none_was_lost)
{
	start(FT_SESSION_NONE, FT_ROLE_PRIMARY);
	qemu_is();
	frozen();
	expect_phase(CUT_OFF);
	w.p.side.state = FT_FENCED;
	w.p.side.ready = false;
	w.p.side.epoch = _i;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	peer_vm(FT_VM_YIELDED);
	hear(FT_PEER_ALIVE);
	expect_did(THAW, !_i);
	ck_assert(_i == (w.c.phase == FT_PHASE_CUT_OFF));
}
END_TEST

/* ---- a death is written before it is told ---- */

static void qemu_dies(void)
{
	w.q.vm = FT_VM_GONE;
	w.q.connected = false;
	qemu_is();
}

/* Our host may crash now, come back alone, and claim what the peer has gone on with by our word. */
START_TEST(a_death_is_told_once_it_is_on_disk)
{
	protect_surely(_i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	qemu_dies();
	expect_did(STORE, 1);
	ck_assert_int_eq(w.c.self.vm, FT_VM_UNKNOWN);
	asked();
	ck_assert_int_eq(w.c.self.answer, FT_ANSWER_NONE);
	stored();
	expect_stage(RESIGNED);
	ck_assert_int_eq(w.c.self.vm, FT_VM_GONE);
	ck_assert_int_eq(w.c.self.answer, FT_ANSWER_YIELDED);
}
END_TEST

/* It is no word that gives the right away: the peer asks the register. */
START_TEST(a_death_that_the_disk_does_not_take_is_an_absence)
{
	protect_surely(_i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	qemu_dies();
	store_fails();
	ck_assert_int_eq(w.c.self.vm, FT_VM_ABSENT);

	protect_surely(_i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	qemu_dies();
	pass(990);
	ck_assert_int_eq(w.c.self.vm, FT_VM_UNKNOWN);
	pass(10);
	ck_assert_int_eq(w.c.self.vm, FT_VM_ABSENT);
	stored(); /* at last */
	ck_assert_int_eq(w.c.self.vm, FT_VM_GONE);
}
END_TEST

/* ---- a session that the disk said it did not take, and may have ---- */

/* Seen in the simulation: it was told as a word that gives the right away, and the disk had what it did not own to. */
START_TEST(a_death_beside_a_session_that_may_be_on_disk_is_told_once_that_is_given_up)
{
	bool primary = _i % 2, failed = _i / 2;
	begin_to_bind(primary ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	if (failed)
		store_fails();
	qemu_dies();
	pass(500);
	/* Of a primary's nobody else knows: an order there would go on beside it.  The other's peer can ask the register. */
	ck_assert_int_eq(w.c.self.vm, primary ? FT_VM_UNKNOWN : FT_VM_ABSENT);
	asked();
	ck_assert_int_eq(w.c.self.answer, FT_ANSWER_NONE);
	pass(500);
	expect_did(STORE, failed ? 2 : 1);
	stored();
	ck_assert_int_eq(w.c.self.answer, FT_ANSWER_NONE);
	ck_assert_int_ne(w.c.self.vm, FT_VM_GONE);
	ck_assert_int_eq(w.c.store_next.stage, FT_SESSION_RESIGNED);
	stored();
	expect_stage(RESIGNED);
	ck_assert_int_eq(w.c.self.vm, FT_VM_GONE);
	ck_assert_mem_eq(w.c.self.session, w.c.session.id, sizeof w.c.session.id);
	ck_assert_int_eq(w.c.self.answer, FT_ANSWER_YIELDED);
}
END_TEST

/* Of a copy that has died nobody is told in a session that its own side may not have; the peer, its primary, knows of it. */
START_TEST(a_session_that_the_disk_refuses_is_not_told_of_a_dead_secondary)
{
	static const uint8_t none[FT_SESSION_BYTES];
	begin_to_bind(FT_ROLE_SECONDARY);
	w.c.params.registers = false;
	store_fails();
	qemu_dies();
	ck_assert_int_eq(w.c.self.vm, FT_VM_ABSENT);
	ck_assert_mem_eq(w.c.self.session, none, sizeof none);
}
END_TEST

START_TEST(a_survivors_next_session_is_given_up_before_its_death_is_told)
{
	start(FT_SESSION_ENDED, FT_ROLE_PRIMARY);
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	w.q.instance = 6;
	meet();
	expect_did(STORE, 1);
	store_fails();
	qemu_dies();
	ck_assert_int_eq(w.c.self.vm, FT_VM_UNKNOWN);
	pass(1000);
	stored();
	stored();
	expect_stage(RESIGNED);
	ck_assert_int_eq(w.c.self.vm, FT_VM_GONE);
}
END_TEST

static void marked(bool error)
{
	step(&(struct ft_event){.kind = FT_EVENT_MARKED, .error = error, .mark = 1});
}

/* Seen by reading: the other side's orders were refused for as long as the disk was full.  _i: the first session; or a survivor's next
 * one, by the last one of which the next ftd here might start the VM.  & 2: the arbiter keeps no registers. */
START_TEST(a_session_that_the_disk_refuses_is_told_once_its_primary_is_dead)
{
	static const uint8_t none[FT_SESSION_BYTES];
	bool registers = !(_i & 2);
	start(_i & 1 ? FT_SESSION_ENDED : FT_SESSION_NONE, FT_ROLE_PRIMARY);
	w.c.params.registers = registers;
	w.c.params.share.arbiter = w.p.side.share.arbiter = registers;
	w.c.self.share = w.c.params.share;
	w.c.params.fresh = !(_i & 1);
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	w.p.side.epoch = _i & 1 ? EPOCH : 0;
	w.q.instance = 6;
	meet();
	if (registers) {
		expect_did(MARK, 1);
		w.p.side.share.mark = 1;
		w.p.side.share.verdict = FT_SHARING_PROVEN;
		w.p.side.share.about = w.c.params.incarnation;
		peer_says();
		marked(false);
		acked();
	}
	expect_did(STORE, 1);
	uint64_t epoch = w.c.store_next.epoch;
	store_fails();
	int marks = w.did[FT_DO_MARK];
	qemu_dies();
	if (registers) {
		expect_did(MARK, marks + 1);
		ck_assert_uint_eq(w.c.marked_epoch, epoch);
		ck_assert_int_eq(w.c.self.vm, FT_VM_UNKNOWN);
		marked(true);
		ck_assert_int_eq(w.c.self.vm, FT_VM_UNKNOWN);
		pass(1000);
		store_fails();
		expect_did(MARK, marks + 2);
		marked(false);
	}
	ck_assert_int_eq(w.c.self.vm, FT_VM_ABSENT);
	ck_assert_mem_eq(w.c.self.session, w.c.bind.id, sizeof w.c.bind.id);
	ck_assert_mem_ne(w.c.self.session, none, sizeof none);
	ck_assert_uint_eq(w.c.self.epoch, epoch);
	ck_assert_int_eq(w.c.self.win, FT_WIN_NONE);
	while (!w.c.storing)
		pass(100);
	stored();
	stored();
	expect_stage(RESIGNED);
	ck_assert_int_eq(w.c.self.vm, FT_VM_GONE);
	ck_assert_uint_eq(w.c.self.epoch, epoch);
}
END_TEST

/* A person vouches for a silent peer whose guest may run without a lease; it speaks again before the claim is answered. */
static void win_by_an_order_beside_who_comes_back(enum ft_state state, enum ft_role role, enum ft_vm vm)
{
	start(FT_SESSION_RELEASED, FT_ROLE_SECONDARY);
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	w.p.side.state = FT_UNPROTECTED;
	w.p.side.leaving = true;
	meet();
	hear(FT_PEER_LOST);
	pass(3000);
	step(&(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR, .confirmed = true});
	expect_did(CLAIM, 1);
	w.p.incarnation++;
	w.p.side.leaving = w.p.side.ready = false;
	w.p.side.state = state;
	w.p.side.role = role;
	w.p.side.vm = vm;
	peer_says();
	hear(FT_PEER_ALIVE);
	claim_is(FT_CLAIM_WON, "alpha");
	expect_did(PLAN, 0);
}

/* _i 0: it does not know yet what its QEMU does, 1: it has it, and runs the guest.  Then it is no silent peer any more that he answers for;
 * but not for ever. */
START_TEST(a_peer_that_comes_back_before_the_claim_is_answered_says_first_what_it_runs)
{
	if (_i)
		win_by_an_order_beside_who_comes_back(FT_UNPROTECTED, FT_ROLE_PRIMARY, FT_VM_ALIVE);
	else
		win_by_an_order_beside_who_comes_back(FT_STARTING, FT_ROLE_NONE, FT_VM_UNKNOWN);
	pass(1500);
	expect_did(PLAN, 0);
	pass(500);
	expect_did(PLAN, 1);
}
END_TEST

/* It has read that it has lost; its guest runs until it says that it stands still. */
START_TEST(an_order_goes_on_once_the_peer_that_came_back_stands_still)
{
	win_by_an_order_beside_who_comes_back(FT_UNPROTECTED, FT_ROLE_PRIMARY, FT_VM_ALIVE);
	w.p.side.state = FT_FENCED;
	peer_says();
	expect_did(PLAN, 0);
	peer_vm(FT_VM_YIELDED);
	expect_did(PLAN, 1);
}
END_TEST

/* Its right was given away by an earlier ftd, and whose process its QEMU is was not known as the order came. */
START_TEST(an_order_that_asks_ends_where_the_right_was_given_away)
{
	start(FT_SESSION_RESIGNED, FT_ROLE_PRIMARY);
	w.q.pid_verified = false;
	w.p.side.state = FT_UNPROTECTED;
	meet();
	order();
	expect_phase(ASKING);
	w.q.pid_verified = true;
	qemu_is();
	ck_assert_int_eq(w.c.self.request, FT_REQUEST_NONE);
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "refused");
	expect_phase(YIELDING);
	expect_did(FREEZE, 1);
	expect_did(RECORD, 1);
	expect_did(PLAN, 0);
}
END_TEST

/* Its ftd was stopped as the session was released, and a person ordered the other side to go on. */
START_TEST(who_has_released_and_hears_the_other_claim_looks_whether_it_has_lost)
{
	start(FT_SESSION_RELEASED, FT_ROLE_PRIMARY);
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	w.p.side.state = FT_CLAIMING;
	meet();
	expect_did(READ, 1);
}
END_TEST

/* As above, of a side that had given the session before back: what it says of that one is no word about the next one, or the
 * peer does not see that there is one to be claimed, goes on by an order without, and our next ftd wins it beside that. */
START_TEST(a_refused_session_is_not_told_as_given_back)
{
	start(FT_SESSION_ENDED, FT_ROLE_PRIMARY);
	w.c.session.title = FT_TITLE_RETURNED;
	strcpy(w.c.session.winner, "beta");
	w.c.params.session = w.c.session;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	w.p.side.win = FT_WIN_REGAINED;
	w.c.params.share.arbiter = w.p.side.share.arbiter = 1;
	w.c.self.share = w.c.params.share;
	w.q.instance = 6; /* led anew by a person: the peer's next QEMU is its secondary */
	meet();
	expect_did(MARK, 1);
	w.p.side.share.mark = 1;
	w.p.side.share.verdict = FT_SHARING_PROVEN;
	w.p.side.share.about = w.c.params.incarnation;
	peer_says();
	marked(false);
	acked();
	for (int i = 0; i < 20 && !w.c.storing; i++) {
		pass(100);
		acked();
	}
	expect_did(STORE, 1);
	ck_assert_int_eq(w.c.store_next.stage, FT_SESSION_BOUND);
	store_fails();
	qemu_dies();
	marked(false);
	ck_assert_int_eq(w.c.self.vm, FT_VM_ABSENT);
	ck_assert_mem_eq(w.c.self.session, w.c.bind.id, sizeof w.c.bind.id);
	ck_assert(!w.c.self.returned);
}
END_TEST

/* The peer would run its guest without a lease, and our next ftd be bound. */
START_TEST(who_may_be_bound_again_does_not_say_that_it_is_released)
{
	start(FT_SESSION_RELEASED, FT_ROLE_SECONDARY);
	w.p.side.epoch = EPOCH + 1;
	meet();
	expect_did(STORE, 1);
	store_fails();
	ck_assert(!w.c.self.released);
	step(&(struct ft_event){.kind = FT_EVENT_LEAVE});
	ck_assert(!w.c.self.leaving);
	expect_did(EXIT, 1);
	ck_assert_ptr_nonnull(strstr(w.said, "leaving without goodbye"));
}
END_TEST

/* By that word the peer would go on, and our next ftd claim the same session. */
START_TEST(who_may_be_bound_again_leaves_no_word_of_its_qemus_end)
{
	struct ft_side word;
	start(FT_SESSION_RELEASED, FT_ROLE_PRIMARY);
	meet();
	expect_did(STORE, 1);
	ck_assert_int_eq(w.c.store_next.stage, FT_SESSION_BOUND);
	store_fails();
	step(&(struct ft_event){.kind = FT_EVENT_LEAVE});
	expect_did(EXIT, 1);
	ck_assert(!ft_core_last_word(&w.c, &word));
}
END_TEST

START_TEST(who_may_be_bound_yields_once_that_is_given_up)
{
	begin_to_bind(FT_ROLE_SECONDARY);
	store_fails();
	asked();
	frozen();
	ck_assert_int_ne(w.c.self.vm, FT_VM_YIELDED);
	ck_assert_int_ne(w.c.self.answer, FT_ANSWER_YIELDED);
}
END_TEST

/* The register may be asked about who is dying, which does not hang on its disk. */
START_TEST(a_death_on_its_way_to_disk_is_told_as_such)
{
	protect_surely(_i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	qemu_dies();
	ck_assert(w.c.self.dying);
	expect_did(SEND, 1);
	stored();
	ck_assert(!w.c.self.dying);

	protect_surely(_i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	qemu_dies();
	store_fails();
	ck_assert(!w.c.self.dying);
}
END_TEST

static void peer_is_dying(void)
{
	w.p.side.dying = true;
	peer_vm(FT_VM_UNKNOWN);
}

static void dead_peer_is_claimed_from(int role)
{
	protect_surely(role);
	peer_is_dying();
	expect_phase(CLAIMING);
	expect_did(CLAIM, 1);
	expect_did(FREEZE, 0);
	ck_assert(!w.fenced);
}

/* A host whose ftd is heard is not powered off for its QEMU's death, however quiet it was before. */
START_TEST(the_host_of_who_is_dying_is_not_powered_off)
{
	protect_surely(_i);
	hear(FT_PEER_QUIET);
	peer_is_dying();
	expect_did(CLAIM, 1);
	ck_assert(!w.fenced);
}
END_TEST

/* The claim may yet come to nothing, and the order is not to be forgotten with it. */
START_TEST(an_order_beside_the_claim_of_who_is_dying_is_carried_out)
{
	dead_peer_is_claimed_from(_i);
	order();
	claim_is(FT_CLAIM_UNREACHABLE, "no answer");
	expect_phase(ASKING);
	w.p.side.dying = false;
	peer_vm(FT_VM_GONE);
	expect_phase(PLANNING);
	ck_assert_str_eq(ft_cause_name(w.c.outcome.cause), "signal");
}
END_TEST

/* Whichever comes first: the register's word, or the peer's. */
START_TEST(who_is_dying_is_claimed_from_at_once)
{
	dead_peer_is_claimed_from(_i);
	claim_is(FT_CLAIM_WON, "alpha");
	expect_phase(PLANNING);
	stored();
	plan_works();
	recorded();
	expect_phase(SOLO);
	expect_did(CLAIM, 1);
	ck_assert_str_eq(ft_cause_name(w.c.outcome.cause), "peer-vm-gone");
	ck_assert_str_eq(ft_claim_name(w.c.outcome.claim), "won");
}
END_TEST

START_TEST(the_word_of_who_was_dying_may_come_before_the_registers)
{
	dead_peer_is_claimed_from(_i);
	w.p.side.dying = false;
	peer_vm(FT_VM_GONE);
	expect_phase(PLANNING);
	plan_works();
	expect_phase(PLANNING); /* the claim is in the record, too */
	claim_is(FT_CLAIM_WON, "alpha");
	expect_phase(RECORDING);
	expect_did(CLAIM, 1);
	ck_assert_str_eq(ft_claim_name(w.c.outcome.claim), "won");
	ck_assert_str_eq(w.c.session.winner, "alpha");
}
END_TEST

/* Nothing is held: the word is about to come. */
START_TEST(an_arbiter_out_of_reach_does_not_freeze_who_waits_for_the_word_of_the_dying)
{
	dead_peer_is_claimed_from(_i);
	claim_is(FT_CLAIM_UNREACHABLE, "no answer");
	expect_phase(WATCH);
	expect_did(FREEZE, 0);
	expect_did(RECORD, 0);
	w.p.side.dying = false;
	peer_vm(FT_VM_GONE);
	expect_phase(PLANNING);
}
END_TEST

START_TEST(the_death_is_a_better_cause_than_the_break)
{
	protect_surely(FT_ROLE_PRIMARY);
	step(&(struct ft_event){.kind = FT_EVENT_COLO_EXIT, .error = true, .text = "primary, error"});
	expect_phase(ASKING);
	peer_is_dying();
	expect_phase(CLAIMING);
	claim_is(FT_CLAIM_WON, "alpha");
	ck_assert_str_eq(ft_cause_name(w.c.outcome.cause), "peer-vm-gone");
}
END_TEST

/* In doubt, it may stand in the register itself, and then only its word lets us go on; without a register there is nothing to
 * be asked but a fence; and who takes its leave is not failed over from. */
START_TEST(who_is_dying_is_waited_for_where_the_register_cannot_help)
{
	protect_surely(FT_ROLE_SECONDARY);
	w.p.side.doubtful = _i == 0;
	w.p.side.leaving = _i == 1;
	w.c.params.registers = _i != 2;
	if (_i == 3)
		w.p.side.session[0]++;
	peer_is_dying();
	expect_did(CLAIM, 0);
	expect_did(PLAN, 0);
}
END_TEST

/* Its session would be there after a restart, and could be claimed. */
START_TEST(who_yields_while_its_session_is_on_the_way_to_disk_gives_that_up_first)
{
	start(FT_SESSION_NONE, FT_ROLE_SECONDARY);
	w.p.side.state = FT_ARMING;
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	step(&(struct ft_event){.kind = FT_EVENT_CHECKPOINT});
	expect_phase(ARMING);
	expect_did(STORE, 1);
	asked();
	frozen();
	ck_assert_int_eq(w.c.self.answer, FT_ANSWER_NONE);
	stored();
	expect_did(STORE, 2);
	ck_assert_int_eq(w.c.self.answer, FT_ANSWER_NONE);
	stored();
	expect_stage(RESIGNED);
	ck_assert_int_eq(w.c.self.answer, FT_ANSWER_YIELDED);
	ck_assert_int_eq(w.c.self.vm, FT_VM_YIELDED);
}
END_TEST

START_TEST(a_qemu_that_is_being_ended_has_not_yielded_before_it_has_ended)
{
	protect_surely(FT_ROLE_PRIMARY);
	pass(500);
	expect_phase(FREEZING);
	pass(FT_FREEZE_NS / 1e6);
	expect_phase(FREEZING); /* it could not be stopped */
	expect_did(KILL, 0);
	peer_runs();
	expect_phase(YIELDING);
	pass(FT_FREEZE_NS / 1e6);
	expect_phase(FENCED);
	expect_did(KILL, 1);
	w.p.side.state = FT_PROTECTED;
	w.p.side.role = FT_ROLE_SECONDARY;
	asked();
	ck_assert_int_eq(w.c.self.answer, FT_ANSWER_NONE);
	qemu_dies();
	ck_assert_int_eq(w.c.self.answer, FT_ANSWER_NONE);
	stored();
	ck_assert_int_eq(w.c.self.answer, FT_ANSWER_YIELDED);
}
END_TEST

/* An ftd that had won died in the midst of its plan.  What is left of COLO then looks like nothing that is known. */
START_TEST(a_plan_that_an_earlier_ftd_has_begun_is_ended_whatever_is_doubted)
{
	start(FT_SESSION_ENDED, _i ? FT_ROLE_SECONDARY : FT_ROLE_PRIMARY);
	w.q.plan_ready = false;
	qemu_is();
	w.p.side.vm = FT_VM_GONE;
	peer_says();
	hear(FT_PEER_ALIVE);
	pass(3000);
	expect_did(PLAN, 0); /* there is none */
	w.q.plan_doubted = true;
	qemu_is();
	pass(3000);
	expect_did(PLAN, 1);
}
END_TEST

/* ---- a survivor of pairs that came to nothing ---- */

/* Ours ended the last session, and runs the guest as the primary of a new pair without one. */
static void lead_a_new_pair(void)
{
	start(FT_SESSION_ENDED, FT_ROLE_SECONDARY);
	w.q.role = FT_ROLE_PRIMARY;
	w.p.side.role = FT_ROLE_SECONDARY;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	w.p.side.state = FT_ARMING;
	peer_says();
	hear(FT_PEER_ALIVE);
	acked();
	qemu_is();
	expect_phase(ARMING);
}

/* That we have ended the last one is still to be told to the register, whose answer comes when the next one is bound. */
START_TEST(an_answer_about_an_earlier_session_says_nothing_about_this_one)
{
	start_taken();
	qemu_is();
	pass(3000);
	expect_phase(SOLO);
	expect_did(CLAIM, 1);
	w.q.role = FT_ROLE_PRIMARY; /* it was given a new secondary */
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	w.p.side.state = FT_ARMING;
	meet();
	expect_phase(ARMING);
	expect_did(STORE, 1);
	stored();
	expect_stage(BOUND);
	ck_assert(w.c.arbiter_busy);
	claim_is(_i ? FT_CLAIM_WON : FT_CLAIM_LOST, _i ? "alpha" : "beta");
	expect_stage(BOUND);
	ck_assert_int_eq(w.c.claim, FT_CLAIM_NOT_NEEDED);
	expect_did(FREEZE, 0);
}
END_TEST

/* Its host was started anew while our QEMU waited for it, so that nothing was heard of the break before. */
START_TEST(a_survivor_goes_on_when_the_new_peer_comes_back_without_its_qemu)
{
	lead_a_new_pair();
	w.p.side.role = FT_ROLE_NONE;
	w.p.side.state = FT_UNPROTECTED;
	w.p.side.ready = false;
	peer_vm(FT_VM_ABSENT);
	expect_did(PLAN, 0);
	step(&(struct ft_event){.kind = FT_EVENT_COLO_EXIT, .error = true, .text = "error"});
	expect_did(PLAN, 1);
}
END_TEST

/* A person has let its secondary go on when the winner's guest died before there was a session. */
START_TEST(who_has_lost_and_was_let_go_on_leads_the_next_pair)
{
	start(FT_SESSION_ENDED, FT_ROLE_SECONDARY);
	strcpy(w.c.session.winner, "beta");
	w.q.instance = 6;
	w.q.role = FT_ROLE_PRIMARY;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	w.p.side.state = FT_ARMING;
	w.p.side.role = FT_ROLE_SECONDARY;
	meet();
	expect_did(STORE, 1);
	stored();
	expect_stage(BOUND);
}
END_TEST

/* ---- a person's order ---- */

/* What the peer has is a copy of an earlier guest. */
START_TEST(a_guest_that_was_booted_here_is_yielded_to_nobody)
{
	start(FT_SESSION_NONE, FT_ROLE_NONE);
	qemu_is();
	w.p.side.role = FT_ROLE_SECONDARY;
	hear(FT_PEER_ALIVE);
	asked();
	ck_assert_int_eq(w.c.self.answer, FT_ANSWER_REFUSED);
	expect_did(FREEZE, 0);
}
END_TEST

START_TEST(an_order_does_not_go_past_a_peer_that_is_starting_the_guest)
{
	start(FT_SESSION_NONE, FT_ROLE_SECONDARY);
	qemu_is();
	w.p.side.guest = true;
	w.p.side.role = FT_ROLE_NONE;
	hear(FT_PEER_ALIVE);
	peer_vm(FT_VM_GONE);
	order();
	expect_phase(ASKING);
	expect_did(PLAN, 0);
}
END_TEST

/* Seen in the simulation: the order was carried out beside a peer whose guest ran. */
START_TEST(an_order_beside_a_peer_that_is_heard_is_refused_where_no_register_can_tell)
{
	start(FT_SESSION_UNKNOWN, FT_ROLE_PRIMARY);
	w.q.stopped = true; /* by somebody */
	w.q.connected = w.q.oob = w.q.plan_ready = false;
	w.q.role = FT_ROLE_NONE;
	w.p.side.state = FT_STARTING;
	w.p.side.vm = FT_VM_UNKNOWN;
	w.p.side.role = FT_ROLE_NONE;
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	expect_phase(CUT_OFF);
	order();
	expect_phase(CUT_OFF);
	expect_did(PLAN, 0);
	ck_assert_msg(strstr(w.c.outcome.error, "the peer is heard"), "%s", w.c.outcome.error);
	peer_vm(FT_VM_ABSENT);
	step(&(struct ft_event){.kind = FT_EVENT_RECORDED});
	order();
	expect_did(PLAN, 1);
}
END_TEST

/* Seen in the simulation: the claim was repeated for ever, and the survivor was never protected again. */
START_TEST(who_has_resigned_and_is_given_the_right_back_has_won)
{
	protect_surely(FT_ROLE_PRIMARY);
	w.p.side.request = FT_REQUEST_YIELD;
	peer_says();
	frozen();
	stored();
	expect_stage(RESIGNED);
	w.p.side.request = FT_REQUEST_NONE;
	peer_says();
	order();
	expect_phase(ASKING);
	w.p.side.answer = FT_ANSWER_YIELDED;
	w.p.side.answer_id = w.c.self.request_id;
	peer_vm(FT_VM_YIELDED);
	expect_phase(PLANNING);
	claim_is(FT_CLAIM_WON, "alpha");
	expect_stage(ENDED);
	ck_assert_str_eq(w.c.session.winner, "alpha");
}
END_TEST

START_TEST(a_peer_that_speaks_before_an_ordered_plan_comes_through_is_asked)
{
	start(FT_SESSION_NONE, FT_ROLE_SECONDARY);
	qemu_is();
	pass(30e3);
	order();
	expect_did(PLAN, 1);
	struct ft_plan_report r = {.ok = false, .proven_at = FT_NEVER, .error = "no answer"};
	step(&(struct ft_event){.kind = FT_EVENT_PLAN, .plan = &r});
	peer_says();
	hear(FT_PEER_ALIVE);
	pass(1000);
	expect_did(PLAN, 1);
	expect_phase(ASKING);
}
END_TEST

/* ---- a winner's outcome that is not on disk ---- */

/* An ftd comes to a QEMU that has failed over, and hears nobody. */
static void find_it_over(enum ft_session_stage stage, bool told)
{
	start_told(stage, FT_ROLE_SECONDARY, told);
	w.q.role = FT_ROLE_NONE;
	w.q.last_role = FT_ROLE_SECONDARY;
	qemu_is();
	if (stage == FT_SESSION_BOUND)
		frozen();
	pass(3000);
}

static void expect_made_up(void)
{
	const struct ft_outcome *o = &w.c.outcome;
	expect_phase(SOLO);
	expect_did(RECORD, 1);
	ck_assert_str_eq(ft_result_name(o->result), "success");
	ck_assert_str_eq(ft_cause_name(o->cause), "unknown");
	ck_assert_str_eq(ft_role_name(o->role_before), "secondary");
	ck_assert_str_eq(ft_claim_name(o->claim), "won");
	ck_assert_str_eq(o->winner, "alpha");
	ck_assert_str_eq(o->peer, "beta");
	ck_assert_str_eq(o->plan.guest_colo_mode, "none");
	ck_assert_str_eq(o->plan.guest_last_mode, "secondary");
	ck_assert_mem_eq(o->session, id, sizeof id);
	ck_assert_int_eq(o->epoch, EPOCH);
	ck_assert_int_eq(o->plan.n_steps, 0);
	ck_assert_int_eq(o->n_evidence, 2);
	ck_assert_msg(strstr(o->evidence[0].text, "ftd was ended before it could write it"), "%s", o->evidence[0].text);
	ck_assert(o->judged_at == FT_NEVER && o->claimed_at == FT_NEVER && o->planned_at == FT_NEVER);
	ck_assert(o->ended_at != FT_NEVER);
}

/* It was ended between the plan and the disk: the next one writes the outcome, once. */
START_TEST(an_outcome_that_an_earlier_ftd_did_not_write_is_made_up_for)
{
	find_it_over(FT_SESSION_ENDED, false);
	expect_made_up();
	expect_did(OUTCOME, 0);
	recorded();
	expect_did(OUTCOME, 1);
	pass(100e3);
	expect_did(RECORD, 1);
	expect_did(REPEAT, 0);
}
END_TEST

/* Its end had not reached the disk: the register gives it to us, and then it is told.  A claim that cannot be made at first
 * is told as held before. */
START_TEST(a_failover_that_is_found_over_and_is_won_by_the_register_is_told)
{
	find_it_over(FT_SESSION_BOUND, false);
	expect_phase(CLAIMING);
	expect_did(RECORD, 0);
	if (_i) {
		claim_is(FT_CLAIM_UNREACHABLE, "no answer");
		expect_phase(CUT_OFF);
		expect_did(RECORD, 1);
		recorded();
		forget();
		pass(1000);
	}
	claim_is(FT_CLAIM_WON, "alpha");
	stored();
	expect_made_up();
	recorded();
	pass(100e3);
	expect_did(RECORD, 1);
}
END_TEST

/* Found by the exhaustive search: the guest that it runs would have been thawed, and frozen again, without end. */
START_TEST(a_guest_that_has_failed_over_is_not_thawed_for_a_peer_that_is_back)
{
	find_it_over(FT_SESSION_BOUND, false);
	claim_is(FT_CLAIM_UNREACHABLE, "no answer");
	expect_phase(CUT_OFF);
	recorded();
	forget();
	peer_says();
	hear(FT_PEER_ALIVE);
	acked();
	pass(500);
	expect_phase(CUT_OFF);
	expect_did(THAW, 0);
	ck_assert(w.c.frozen);
	pass(1000);
	claim_is(FT_CLAIM_WON, "alpha");
	expect_did(THAW, 1);
	stored();
	expect_made_up();
}
END_TEST

/* _i: the end of the session is on disk, or is not. */
START_TEST(an_outcome_that_is_on_disk_is_not_told_again)
{
	find_it_over(_i ? FT_SESSION_BOUND : FT_SESSION_ENDED, true);
	if (_i) {
		claim_is(FT_CLAIM_WON, "alpha");
		stored();
	}
	expect_phase(SOLO);
	pass(100e3);
	expect_did(RECORD, 0);
}
END_TEST

/* A session that we have ended for a new QEMU was no failover. */
START_TEST(a_session_of_an_earlier_qemu_has_no_outcome)
{
	start(FT_SESSION_ENDED, FT_ROLE_SECONDARY);
	w.q.role = FT_ROLE_NONE;
	w.q.last_role = FT_ROLE_SECONDARY;
	w.q.instance = 6;
	qemu_is();
	pass(3000);
	expect_phase(SOLO);
	expect_did(RECORD, 0);
}
END_TEST

static void fail_over(void)
{
	protect_surely(FT_ROLE_SECONDARY);
	hear(FT_PEER_QUIET);
	pass(500);
	hear(FT_PEER_LOST);
	pass(20);
	claim_is(FT_CLAIM_WON, "alpha");
	stored();
	plan_works();
	w.q.role = FT_ROLE_NONE;
	w.q.last_role = FT_ROLE_SECONDARY;
	qemu_is();
	expect_phase(RECORDING);
}

/* Announced once, at once; written again, ever more rarely, until it is there. */
START_TEST(an_outcome_that_the_disk_did_not_take_is_written_later)
{
	fail_over();
	not_recorded();
	expect_phase(SOLO);
	expect_did(OUTCOME, 1);
	pass(999);
	expect_did(REPEAT, 0);
	pass(1);
	expect_did(REPEAT, 1);
	not_recorded();
	pass(1999);
	expect_did(REPEAT, 1);
	pass(1);
	expect_did(REPEAT, 2);
	pass(100e3); /* not before it has been answered */
	expect_did(REPEAT, 2);
	recorded();
	pass(1000e3);
	expect_did(REPEAT, 2);
	expect_did(RECORD, 1);
	expect_did(OUTCOME, 1);
}
END_TEST

/* Seen in the simulation: the session of before, that the disk takes now, has no success; making that up must not forget the other. */
START_TEST(an_outcome_that_is_to_be_written_later_is_not_forgotten_for_one_that_is_owed)
{
	fail_over();
	not_recorded();
	claim_is(FT_CLAIM_WON, "alpha");
	w.c.session.id[0] ^= 1;
	pass(1000);
	expect_did(REPEAT, 1);
	expect_did(RECORD, 1);
	recorded();
	pass(100);
	expect_did(RECORD, 2);
	ck_assert_str_eq(ft_cause_name(w.c.outcome.cause), "unknown");
}
END_TEST

START_TEST(a_disk_that_never_takes_an_outcome_is_asked_about_once_a_minute)
{
	fail_over();
	not_recorded();
	for (int i = 0; i < 36000; i++) {
		int before = w.did[FT_DO_REPEAT];
		pass(100);
		if (w.did[FT_DO_REPEAT] > before)
			not_recorded();
	}
	ck_assert_int_gt(w.did[FT_DO_REPEAT], 50);
	ck_assert_int_lt(w.did[FT_DO_REPEAT], 65);
	expect_did(OUTCOME, 1);
}
END_TEST

static void leave(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_LEAVE});
}

/* It is tried at once, whenever the next try was due. */
START_TEST(who_leaves_writes_an_outcome_first_that_the_disk_did_not_take)
{
	fail_over();
	not_recorded();
	pass(1000);
	not_recorded();
	leave();
	expect_did(REPEAT, 2);
	expect_did(EXIT, 0);
	pass(100);
	recorded();
	expect_did(EXIT, 1);
	ck_assert_ptr_null(strstr(w.said, "in this log alone"));
}
END_TEST

/* _i: the disk refuses, is silent about the record, or about the last try. */
START_TEST(who_leaves_does_not_wait_long_for_a_disk_that_takes_no_outcome)
{
	fail_over();
	if (_i == 1)
		pass(5000); /* announced without its answer */
	else
		not_recorded();
	expect_phase(SOLO);
	leave();
	for (int i = 0; i < 49; i++) {
		pass(100);
		if (_i == 0 && w.pending.records > 0)
			not_recorded();
	}
	expect_did(EXIT, 0);
	pass(100);
	expect_did(EXIT, 1);
	ck_assert_ptr_nonnull(strstr(w.said, "in this log alone"));
}
END_TEST

/* It had been waiting for the earlier one since long. */
START_TEST(who_leaves_waits_anew_for_the_outcome_of_a_failover_since)
{
	fail_over();
	not_recorded();
	claim_is(FT_CLAIM_WON, "alpha"); /* its verdict */
	leave();
	pass(4900);
	w.q.vm = FT_VM_GONE;
	qemu_is();
	w.q.vm = FT_VM_ALIVE;
	w.q.role = FT_ROLE_PRIMARY; /* of a new pair, that has no session yet */
	w.q.instance++;
	qemu_is();
	order();
	plan_works();
	expect_did(RECORD, 2);
	not_recorded(); /* the earlier one, again */
	pass(4900);
	not_recorded();
	pass(100);
	expect_did(EXIT, 0);
	expect_did(REPEAT, 2);
	recorded();
	expect_did(EXIT, 1);
}
END_TEST

/* A refusal meanwhile: neither takes the other's answer for its own. */
START_TEST(a_refusal_beside_an_outcome_that_is_written_again_has_its_own_answer)
{
	fail_over();
	not_recorded();
	pass(1000);
	expect_did(REPEAT, 1);
	order();
	expect_did(RECORD, 2);
	not_recorded(); /* the success, again */
	expect_did(OUTCOME, 1);
	recorded(); /* the refusal */
	expect_did(OUTCOME, 2);
	ck_assert_str_eq(w.c.record.fault, "");
	pass(2000);
	expect_did(REPEAT, 2);
	recorded();
	pass(100e3);
	expect_did(REPEAT, 2);
}
END_TEST

/* Given up as failed, and QEMU leaves COLO after all. */
START_TEST(a_failed_failover_that_comes_through_after_all_is_a_success)
{
	protect_surely(FT_ROLE_SECONDARY);
	hear(FT_PEER_LOST);
	pass(20);
	claim_is(FT_CLAIM_WON, "alpha");
	stored();
	for (int i = 0; i < FT_PLAN_TRIES; i++) {
		step(&(struct ft_event){.kind = FT_EVENT_PLAN,
		                        .plan = &(struct ft_plan_report){.proven_at = FT_NEVER, .error = "no"}});
		pass(1000);
	}
	recorded();
	expect_phase(FAILED);
	forget();
	w.q.role = FT_ROLE_NONE;
	w.q.last_role = FT_ROLE_SECONDARY;
	qemu_is();
	expect_phase(SOLO);
	expect_did(RECORD, 1);
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "success");
	ck_assert_ptr_nonnull(strstr(w.c.outcome.evidence[0].text, "had been given up"));
}
END_TEST

/* ---- what was won, and is not enough yet ---- */

static void starts_won(enum ft_title title, enum ft_role role)
{
	start(FT_SESSION_ENDED, role);
	w.c.session.title = title;
	w.c.session.window_ms = 500;
}

/* The primary holds a lease, by what the one that found it has acknowledged.  _i: it is heard, or nobody is yet; and an ftd
 * that ended in between must not make more of it. */
START_TEST(what_was_found_to_be_won_waits_after_a_restart_as_before)
{
	protect(FT_ROLE_SECONDARY);
	register_is(FT_CLAIM_LOST, "alpha");
	stored();
	ck_assert_int_eq(w.c.session.title, FT_TITLE_FOUND);
	starts_won(FT_TITLE_FOUND, FT_ROLE_SECONDARY);
	if (_i) {
		peer_says();
		hear(FT_PEER_ALIVE);
	}
	qemu_is();
	pass(_i ? 60e3 : 3000 - 1);
	expect_did(PLAN, 0);
	if (_i)
		peer_vm(FT_VM_GONE);
	else
		pass(1);
	expect_phase(PLANNING);
}
END_TEST

/* Its right may last as long as the session's detection time, which was longer then, and ours is shorter since. */
START_TEST(what_was_found_to_be_won_waits_for_every_right_that_was_granted)
{
	starts_won(FT_TITLE_FOUND, FT_ROLE_SECONDARY);
	w.c.session.window_ms = 10000;
	qemu_is();
	if (_i)
		order(); /* nor does a person's order shorten it */
	pass(10019);
	expect_did(PLAN, 0);
	pass(1);
	expect_phase(PLANNING);
}
END_TEST

START_TEST(what_was_found_to_be_won_is_won_for_good_once_it_is_gone_on_with)
{
	starts_won(FT_TITLE_FOUND, FT_ROLE_SECONDARY);
	qemu_is();
	pass(3000);
	expect_phase(PLANNING);
	expect_did(STORE, 1);
	stored();
	expect_stage(ENDED);
	ck_assert_int_eq(w.c.session.title, FT_TITLE_REGISTER);
}
END_TEST

START_TEST(a_win_that_was_asked_for_is_gone_on_with_at_once_after_a_restart)
{
	starts_won(FT_TITLE_REGISTER, FT_ROLE_SECONDARY);
	qemu_is();
	pass(3000);
	expect_phase(PLANNING);
}
END_TEST

/* The peer, the primary, may run it: no new guest beside it. */
START_TEST(what_was_found_to_be_won_is_no_licence_to_start_beside_who_may_run)
{
	char why[FT_TEXT_MAX];
	starts_won(FT_TITLE_FOUND, FT_ROLE_SECONDARY);
	w.c.session.window_ms = 10000;
	w.q = (struct ft_qemu_facts){.vm = FT_VM_ABSENT};
	qemu_is();
	step(&(struct ft_event){.kind = FT_EVENT_WANT_START});
	pass(10019);
	ck_assert_int_eq(ft_core_may_start(&w.c, false, why), -1);
	pass(1);
	ck_assert_int_eq(ft_core_may_start(&w.c, false, why), 1);
	w.p.side.role = FT_ROLE_NONE;
	peer_says();
	hear(FT_PEER_ALIVE);
	ck_assert_int_eq(ft_core_may_start(&w.c, false, why), 0);
}
END_TEST

/* ---- a fence behind the register ---- */

static void fenced(const char *fault)
{
	step(&(struct ft_event){.kind = FT_EVENT_FENCED, .error = fault != NULL, .text = fault});
}

static void win_behind(enum ft_role role)
{
	protect_surely(role);
	w.c.params.fenced = true;
	hear(FT_PEER_QUIET);
	pass(500);
	hear(FT_PEER_LOST);
	pass(20);
	if (role == FT_ROLE_PRIMARY)
		frozen();
	claim_is(FT_CLAIM_WON, "alpha");
	expect_phase(CLAIMING);
	expect_did(FENCE, 1);
	expect_did(PLAN, 0);
}

START_TEST(a_claim_is_won_only_once_the_other_host_is_off)
{
	win_behind(_i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	ck_assert_int_eq(w.c.store_next.title, FT_TITLE_UNFENCED);
	stored();
	pass(5000);
	expect_did(PLAN, 0);
	fenced(NULL);
	expect_phase(PLANNING);
	expect_did(FENCE, 1);
	expect_did(CLAIM, 1);
	stored();
	ck_assert_int_eq(w.c.session.title, FT_TITLE_REGISTER);
	plan_works();
	ck_assert_str_eq(ft_claim_name(w.c.outcome.claim), "won");
}
END_TEST

static void fail_to_fence(enum ft_role role)
{
	win_behind(role);
	stored();
	fenced("the plug is stuck");
	expect_phase(CUT_OFF);
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "held");
	ck_assert_str_eq(ft_claim_name(w.c.outcome.claim), "won");
	ck_assert_msg(strstr(w.c.outcome.error, "the plug is stuck"), "%s", w.c.outcome.error);
	recorded();
}

START_TEST(a_fence_that_fails_is_tried_again_until_it_works)
{
	fail_to_fence(_i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	for (int i = 0; i < 5; i++) {
		pass(10e3);
		expect_did(FENCE, 2 + i);
		fenced("the plug is stuck");
		expect_phase(CUT_OFF);
	}
	expect_did(PLAN, 0);
	pass(10e3);
	fenced(NULL);
	expect_phase(PLANNING);
	expect_did(CLAIM, 1);
}
END_TEST

/* ... and where the arbiter does not say whether the other side runs the guest, it is not powered off; that is told. */
START_TEST(a_fence_that_has_failed_waits_for_the_arbiter_and_says_so)
{
	fail_to_fence(_i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	w.asks = true;
	ck_assert_msg(strstr(w.c.reason, "the plug is stuck"), "%s", w.c.reason);
	for (int i = 0; i < 3; i++) {
		pass(40e3);
		register_is(FT_CLAIM_UNREACHABLE, "no answer");
		ck_assert_msg(strstr(w.c.reason, "no fence before the arbiter, out of reach"), "%s", w.c.reason);
		ck_assert_msg(strstr(w.c.reason, "if it is off: ftctl failover --confirm-fenced"), "%s", w.c.reason);
		expect_phase(CUT_OFF);
	}
	expect_did(FENCE, 1);
	ck_assert_ptr_null(strstr(strstr(w.said, "no fence before") + 1, "no fence before")); /* said once */
	if (!_i) { /* then it is not the arbiter that is waited for */
		hear(FT_PEER_ALIVE);
		ck_assert_ptr_null(strstr(w.c.reason, "no fence before"));
		hear(FT_PEER_LOST);
	}
	pass(40e3);
	register_is(FT_CLAIM_NOT_NEEDED, "");
	expect_did(FENCE, 2);
	ck_assert_msg(strstr(w.c.reason, "no fence before"), "%s", w.c.reason); /* it is tried: nothing is known yet */
	fenced("the plug is stuck");
	ck_assert_msg(strstr(w.c.reason, "the plug is stuck"), "%s", w.c.reason);
}
END_TEST

/* The issue's way: it is heard again, falls silent again, and now the register is known to name us. */
START_TEST(a_win_without_its_fence_is_not_gone_on_with_for_a_second_silence)
{
	fail_to_fence(_i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	pass(10e3);
	fenced("the plug is stuck");
	hear(FT_PEER_ALIVE);
	w.p.side.vm = FT_VM_UNKNOWN;
	peer_says();
	if (_i) { /* a secondary has no right to run but by the register */
		expect_phase(PLANNING);
		return;
	}
	for (int i = 0; i < 300; i++) {
		answered();
		pass(200);
	}
	expect_phase(CUT_OFF);
	expect_did(FENCE, 2); /* a host that is heard, and hears us, is not powered off */
	hear(FT_PEER_LOST);
	pass(10e3);
	expect_did(PLAN, 0);
	expect_did(FENCE, 3);
	fenced(NULL);
	expect_phase(PLANNING);
}
END_TEST

/* It has been out of reach, as the arbiter has, and is heard again: it has frozen its QEMU, and a person has had it claim. */
static void come_back(void)
{
	protect_surely(FT_ROLE_SECONDARY);
	w.c.params.fenced = true;
	hear(FT_PEER_QUIET);
	pass(500);
	hear(FT_PEER_LOST);
	pass(20);
	claim_is(FT_CLAIM_UNREACHABLE, "no answer");
	frozen();
	recorded();
	pass(300);
	w.p.side.state = FT_CLAIMING;
	w.p.side.request = FT_REQUEST_YIELD;
	peer_says();
}

static void claim_again(bool answers)
{
	hear(FT_PEER_ALIVE);
	for (int i = 0; i < 60 && !w.c.arbiter_busy; i++) {
		if (answers)
			answered();
		pass(10);
	}
	expect_did(CLAIM, 2);
}

/* Its heartbeats were held back on the way, and come when its host, a virtual machine, stands still: it runs when that wakes.
 * _i: it acknowledges what we have sent since (1), or did so before our own clock stood still (2). */
START_TEST(a_primary_that_is_heard_is_powered_off_where_it_acknowledges_nothing)
{
	come_back();
	if (_i)
		answered();
	if (_i == 2)
		step(&(struct ft_event){.kind = FT_EVENT_STOOD_STILL});
	claim_again(_i == 1);
	ck_assert_int_eq(w.fenced, _i != 1);
	claim_is(FT_CLAIM_WON, "alpha");
	stored();
	expect_did(FENCE, 0);
	pass(600); /* it has time to acknowledge us */
	expect_did(FENCE, _i != 1);
	expect_did(PLAN, _i == 1);
	if (_i == 1)
		return;
	fenced(NULL);
	expect_phase(PLANNING);
}
END_TEST

/* Nor by what it acknowledged longer ago than one detection time, nor sooner. */
START_TEST(a_primary_that_is_heard_is_powered_off_a_detection_time_after_its_last_answer)
{
	come_back();
	claim_again(false);
	claim_is(FT_CLAIM_WON, "alpha");
	stored();
	for (int i = 0; i < 100; i++) {
		answered();
		pass(20);
	}
	pass(470);
	expect_did(FENCE, 0);
	pass(20);
	expect_did(FENCE, 1);
}
END_TEST

/* Somebody lets one of them through now and then; and each time it is lost it has its time to answer once. */
START_TEST(heartbeats_that_come_now_and_then_do_not_put_the_fence_off)
{
	come_back();
	claim_again(false);
	claim_is(FT_CLAIM_WON, "alpha");
	stored();
	hear(FT_PEER_QUIET);
	hear(FT_PEER_ALIVE);
	pass(100);
	hear(FT_PEER_QUIET);
	pass(100);
	hear(FT_PEER_ALIVE);
	pass(300);
	expect_did(FENCE, 1);
	fenced("the plug is stuck");
	pass(400);
	hear(FT_PEER_LOST);
	hear(FT_PEER_ALIVE);
	for (int i = 0; i < 3; i++) {
		pass(200);
		expect_did(FENCE, i == 2 ? 2 : 1);
		hear(FT_PEER_QUIET);
		hear(FT_PEER_ALIVE);
	}
}
END_TEST

/* It was there as we asked. */
START_TEST(a_primary_that_falls_silent_before_the_arbiters_answer_is_powered_off)
{
	come_back();
	claim_again(true);
	ck_assert(!w.fenced);
	hear(FT_PEER_QUIET);
	pass(250);
	hear(FT_PEER_LOST);
	claim_is(FT_CLAIM_WON, "alpha");
	stored();
	pass(600);
	expect_did(PLAN, 0);
	expect_did(FENCE, 1);
	fenced(NULL);
	expect_phase(PLANNING);
}
END_TEST

/* Its first heartbeat after a silence acknowledges what was sent before that. */
START_TEST(a_dying_qemu_powers_no_host_off_by_the_time_of_its_last_answer)
{
	protect_surely(FT_ROLE_SECONDARY);
	w.c.params.fenced = true;
	pass(600);
	peer_is_dying();
	expect_did(CLAIM, 1);
	ck_assert(!w.fenced);
	claim_is(FT_CLAIM_WON, "alpha");
	stored();
	expect_did(FENCE, 0);
	expect_phase(PLANNING);
}
END_TEST

/* It is heard no more as the answer comes: its last word holds. */
START_TEST(a_dying_qemu_that_was_told_powers_no_host_off_that_is_lost_since)
{
	protect_surely(FT_ROLE_SECONDARY);
	w.c.params.fenced = true;
	answered();
	peer_is_dying();
	expect_did(CLAIM, 1);
	hear(FT_PEER_QUIET);
	pass(250);
	hear(FT_PEER_LOST);
	claim_is(FT_CLAIM_WON, "alpha");
	stored();
	expect_did(FENCE, 0);
	expect_phase(PLANNING);
}
END_TEST

/* One heartbeat that is late as the answer comes is no silence. */
START_TEST(a_primary_that_answered_a_moment_ago_is_not_powered_off_for_a_late_heartbeat)
{
	come_back();
	claim_again(true);
	answered();
	pass(250);
	hear(FT_PEER_QUIET);
	claim_is(FT_CLAIM_WON, "alpha");
	stored();
	expect_did(FENCE, 0);
	expect_phase(PLANNING);
}
END_TEST

/* It waits, and is answered; then it is this ftd (_i: this host) that does not run, and the other side has no time to answer. */
START_TEST(a_pause_of_ours_powers_no_host_off_that_answers)
{
	come_back();
	claim_again(false);
	claim_is(FT_CLAIM_WON, "alpha");
	stored();
	for (int i = 0; i < 100; i++) {
		answered();
		pass(20);
	}
	w.now += MS(_i ? 20 : 900);
	step(&(struct ft_event){.kind = _i ? FT_EVENT_STOOD_STILL : FT_EVENT_STALLED, .at = MS(_i ? 20 : 900)});
	expect_did(FENCE, 0);
	pass(50);
	answered();
	pass(490);
	expect_did(FENCE, 0);
	pass(20);
	expect_did(FENCE, 1);
}
END_TEST

/* The former secondary leads a new pair.  _i: its new secondary has acknowledged nothing yet, or our clock stood still since. */
START_TEST(a_new_pair_powers_no_host_off)
{
	start(FT_SESSION_BOUND, FT_ROLE_SECONDARY);
	w.c.params.registers = false;
	w.q.instance = 6;
	w.q.role = FT_ROLE_PRIMARY;
	w.p.side.role = FT_ROLE_SECONDARY;
	w.p.side.state = FT_ARMING;
	w.p.side.ready = true;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	peer_says();
	hear(FT_PEER_ALIVE);
	if (_i) {
		acked();
		step(&(struct ft_event){.kind = FT_EVENT_STOOD_STILL, .at = MS(300)});
	}
	qemu_is();
	step(&(struct ft_event){.kind = FT_EVENT_CHECKPOINT});
	pass(10);
	expect_did(CLAIM, 1);
	ck_assert(!w.fenced);
}
END_TEST

/* We may have given it our right by word before a person had us claim: then it runs, and its next ftd does not know yet. */
START_TEST(a_win_without_its_fence_waits_for_what_a_peer_that_has_just_come_knows)
{
	fail_to_fence(FT_ROLE_PRIMARY);
	pass(10e3);
	fenced("the plug is stuck");
	w.p.incarnation++;
	w.p.side.vm = FT_VM_UNKNOWN;
	w.p.side.state = FT_STARTING;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	peer_says();
	hear(FT_PEER_ALIVE);
	expect_did(PLAN, 0);
	w.p.side.state = FT_UNPROTECTED;
	peer_says();
	expect_phase(PLANNING);
}
END_TEST

/* Its claim was given up, as it says by its own word; whether it is off does not matter any more. */
START_TEST(who_says_that_it_stands_still_needs_no_fence)
{
	static const enum ft_vm words[] = {FT_VM_YIELDED, FT_VM_GONE};
	fail_to_fence(FT_ROLE_SECONDARY);
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	w.p.side.state = FT_FENCED;
	w.p.side.vm = words[_i];
	peer_says();
	expect_did(PLAN, 0);
	hear(FT_PEER_ALIVE);
	expect_phase(PLANNING);
}
END_TEST

START_TEST(only_a_person_that_vouches_for_the_other_host_goes_past_a_fence_that_fails)
{
	fail_to_fence(FT_ROLE_SECONDARY);
	order();
	expect_phase(CLAIMING);
	expect_did(FENCE, 2);
	fenced("the plug is stuck");
	expect_phase(CUT_OFF);
	expect_did(PLAN, 0);
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "held");
	recorded();
	step(&(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR, .confirmed = true});
	expect_phase(PLANNING);
	ck_assert_msg(strstr(w.said, "going on by a person's word alone"), "%s", w.said);
}
END_TEST

/* Then it is not off.  _i: 0 it stays silent. */
START_TEST(a_persons_word_is_no_fence_for_a_peer_that_is_heard_again)
{
	start(FT_SESSION_BOUND, FT_ROLE_SECONDARY);
	w.c.params.fenced = true;
	qemu_is();
	pass(3000);
	if (w.c.arbiter_busy)
		claim_is(FT_CLAIM_UNREACHABLE, "no answer");
	recorded();
	step(&(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR, .confirmed = true});
	ck_assert(w.c.arbiter_busy);
	if (_i) {
		w.p.incarnation++;
		w.p.side.state = FT_STARTING;
		w.p.side.vm = FT_VM_UNKNOWN;
		w.p.side.role = FT_ROLE_NONE;
		memset(w.p.side.session, 0, sizeof w.p.side.session);
		peer_says();
		hear(FT_PEER_ALIVE);
	}
	claim_is(FT_CLAIM_WON, "alpha");
	pass(5000);
	expect_did(PLAN, !_i);
}
END_TEST

/* Killed or stopped in between, and the peer still silent; or the win was found, and the fence never tried. */
START_TEST(a_win_without_its_fence_is_one_after_a_restart)
{
	starts_won(_i % 2 ? FT_TITLE_UNFENCED : FT_TITLE_FOUND, _i / 2 ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	w.c.params.fenced = true;
	qemu_is();
	pass(4000);
	if (_i / 2)
		frozen();
	expect_did(PLAN, 0);
	expect_did(FENCE, 1);
	fenced("the plug is stuck");
	pass(10e3);
	expect_did(PLAN, 0);
	fenced(NULL);
	expect_phase(PLANNING);
}
END_TEST

/* Thawed, it would run beside a peer that has our right by an earlier word of ours.  _i & 1: by a register alone. */
START_TEST(a_frozen_primary_that_has_won_without_the_fence_is_not_woken_by_a_restart)
{
	starts_won(_i & 1 ? FT_TITLE_FOUND : FT_TITLE_UNFENCED, FT_ROLE_PRIMARY);
	w.c.params.fenced = true;
	w.q.connected = w.q.oob = w.q.plan_ready = w.q.pid_verified = false;
	w.q.role = FT_ROLE_NONE;
	w.q.stopped = true;
	if (_i & 4) { /* the peer runs by that word, and its next ftd does not know yet */
		memset(w.p.side.session, 0, sizeof w.p.side.session);
		w.p.side.state = FT_STARTING;
		w.p.side.vm = FT_VM_UNKNOWN;
		peer_says();
		hear(FT_PEER_ALIVE);
	}
	if (_i & 2) /* this ftd was held up */
		pass(10e3);
	qemu_is();
	ck_assert_int_eq(w.c.self.vm, FT_VM_ALIVE); /* or the peer would go on by that word */
	if (!(_i & 6)) {
		pass(500); /* it may be heard yet, and nobody is switched off for a silence that is shorter */
		expect_did(FENCE, 0);
	}
	pass(600);
	expect_did(THAW, 0);
	expect_did(FENCE, _i & 4 ? 0 : 1);
	if (_i & 4) {
		expect_phase(CUT_OFF);
		peer_runs();
		expect_did(KILL, 1);
		return;
	}
	expect_phase(CLAIMING);
	fenced(NULL);
	expect_did(THAW, 1);
	expect_did(PLAN, 1);
}
END_TEST

/* An earlier ftd may have gone on with it alone, and its disk not have taken that: until it says itself what it is, the other host
 * is told that a guest may run here, or would start it anew beside this one. */
START_TEST(a_primary_that_has_won_without_the_fence_and_does_not_stand_still_is_not_known_by_its_session)
{
	starts_won(_i ? FT_TITLE_FOUND : FT_TITLE_UNFENCED, FT_ROLE_PRIMARY);
	w.c.params.fenced = true;
	w.q.connected = w.q.oob = w.q.plan_ready = w.q.pid_verified = false;
	w.q.role = FT_ROLE_NONE;
	qemu_is();
	pass(60e3);
	ck_assert(w.c.self.guest);
	ck_assert_int_eq(w.c.self.role, FT_ROLE_NONE);
	w.q.connected = w.q.oob = w.q.pid_verified = w.q.running = true;
	w.q.last_role = FT_ROLE_PRIMARY;
	qemu_is();
	expect_phase(SOLO);
	expect_did(FREEZE, 0);
}
END_TEST

/* No failover waits for the verdict: nobody can stand there yet.  _i: role. */
START_TEST(a_winner_reads_no_verdict_before_its_first_fence)
{
	win_behind(_i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	ck_assert_int_eq(w.read_verdict, 0);
}
END_TEST

/* An earlier claim of ours may have landed, and a person have let the loser go on since. */
START_TEST(who_cannot_know_when_it_has_won_reads_the_verdict_before_its_fence)
{
	protect_surely(FT_ROLE_SECONDARY);
	w.c.params.fenced = true;
	hear(FT_PEER_LOST);
	pass(520);
	claim_is(FT_CLAIM_UNREACHABLE, "no answer");
	expect_phase(CUT_OFF);
	recorded();
	w.asks = true;
	pass(20e3);
	claim_is(FT_CLAIM_WON, "alpha");
	expect_did(FENCE, 0);
	verdict_is(FT_CLAIM_NOT_NEEDED, "");
	expect_did(FENCE, 1);
}
END_TEST

/* By our own word, say, or by a person's: the verdict may name it by now.  _i & 1: our ftd was started anew since we won; _i / 2: 0 it
 * names the peer, 1 nobody, 2 it is out of reach. */
START_TEST(who_is_named_by_the_verdict_is_not_powered_off_for_a_win)
{
	static const enum ft_claim says[] = {FT_CLAIM_LOST, FT_CLAIM_NOT_NEEDED, FT_CLAIM_UNREACHABLE};
	start(_i & 1 ? FT_SESSION_ENDED : FT_SESSION_RESIGNED, FT_ROLE_PRIMARY);
	w.c.session.title = _i & 1 ? FT_TITLE_UNFENCED : FT_TITLE_REGISTER;
	w.c.params.fenced = w.asks = true;
	w.q.connected = w.q.oob = w.q.plan_ready = false;
	w.q.stopped = true;
	qemu_is();
	silence(5, FT_CLAIM_NOT_NEEDED, ""); /* which says nothing of later */
	if (!(_i & 1)) {
		w.c.unsure = false; /* nor is that a claim of before */
		order();
		claim_is(FT_CLAIM_WON, "alpha");
	}
	expect_did(FENCE, _i & 1); /* the other has had its answer, and one of those was for this */
	if (_i & 1) {
		fenced("the plug is stuck");
		silence(3, FT_CLAIM_UNREACHABLE, "no answer");
		pass(20e3);
	}
	forget();
	verdict_is(says[_i / 2], "beta");
	expect_did(FENCE, _i / 2 == 1);
	expect_did(PLAN, 0);
	if (_i / 2 == 2) {
		expect_phase(CUT_OFF);
		pass(20e3);
		verdict_is(FT_CLAIM_NOT_NEEDED, "");
		expect_did(FENCE, 1);
	}
	if (_i / 2 == 0) {
		expect_phase(HELD);
		ck_assert_ptr_nonnull(strstr(w.c.reason, "by the verdict"));
		ck_assert_str_eq(w.c.session.winner, "beta");
		expect_did(KILL, 0);
	}
}
END_TEST

/* Each try for a start, too. */
START_TEST(who_is_named_by_the_verdict_since_a_fence_failed_is_not_powered_off_for_a_start)
{
	char why[FT_TEXT_MAX];
	starts_won(FT_TITLE_UNFENCED, FT_ROLE_SECONDARY);
	w.c.params.fenced = true;
	w.q = (struct ft_qemu_facts){.vm = FT_VM_ABSENT};
	qemu_is();
	step(&(struct ft_event){.kind = FT_EVENT_WANT_START});
	pass(4000);
	expect_did(FENCE, 1);
	w.asks = true;
	fenced("the plug is stuck");
	pass(10e3);
	verdict_is(FT_CLAIM_LOST, "beta");
	pass(10e3);
	expect_did(FENCE, 1);
	ck_assert_int_eq(ft_core_may_start(&w.c, false, why), 0);
}
END_TEST

START_TEST(a_vm_is_not_started_before_the_other_host_is_off)
{
	char why[FT_TEXT_MAX];
	starts_won(FT_TITLE_UNFENCED, FT_ROLE_SECONDARY);
	w.c.params.fenced = true;
	w.q = (struct ft_qemu_facts){.vm = FT_VM_ABSENT};
	qemu_is();
	step(&(struct ft_event){.kind = FT_EVENT_WANT_START});
	pass(4000);
	expect_did(FENCE, 1);
	ck_assert_int_eq(ft_core_may_start(&w.c, false, why), -1);
	fenced("the plug is stuck");
	ck_assert_int_eq(ft_core_may_start(&w.c, false, why), -1);
	ck_assert_int_eq(ft_core_may_start(&w.c, true, why), 1);
	pass(10e3);
	expect_did(FENCE, 2);
	fenced(NULL);
	ck_assert_int_eq(ft_core_may_start(&w.c, false, why), 1);
	pass(60e3);
	expect_did(FENCE, 2);
}
END_TEST

/* ---- a loser with a fence ---- */

static void lose_behind(enum ft_role role)
{
	lose_the_claim(role);
	w.c.params.fenced = true;
	hear(FT_PEER_ALIVE);
	expect_phase(YIELDED);
	hear(FT_PEER_LOST);
	pass(20);
	expect_phase(HELD);
	forget();
}

static void oust(enum ft_role role)
{
	lose_behind(role);
	silence(role == FT_ROLE_SECONDARY ? 59 : 29, FT_CLAIM_NOT_NEEDED, "");
	expect_did(FENCE, 0);
	silence(12, FT_CLAIM_NOT_NEEDED, "");
	expect_did(FENCE, 1);
	ck_assert_int_eq(w.put_verdict, 0);
}

START_TEST(a_loser_takes_over_once_its_fence_has_switched_the_winner_off)
{
	oust(_i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	ck_assert_ptr_nonnull(strstr(w.said, "is to be powered off"));
	silence(20, FT_CLAIM_NOT_NEEDED, ""); /* not before it says so */
	ck_assert_int_eq(w.put_verdict, 0);
	fenced(NULL);
	if (w.put_verdict == 0)
		verdict_is(FT_CLAIM_NOT_NEEDED, "");
	ck_assert_int_eq(w.put_verdict, 1);
	ck_assert_str_eq(w.verdict, "alpha");
	expect_did(PLAN, 0);
	verdict_is(FT_CLAIM_WON, "alpha");
	expect_phase(PLANNING);
	expect_did(PLAN, 1);
	stored();
	ck_assert_int_eq(w.c.session.title, FT_TITLE_REGAINED);
	plan_works();
	recorded();
	expect_phase(SOLO);
	ck_assert_str_eq(ft_cause_name(w.c.outcome.cause), "peer-lost");
	expect_did(FENCE, 1);
}
END_TEST

/* By its word, which may have come to nothing as well. */
START_TEST(who_has_yielded_takes_over_by_its_fence_as_well)
{
	yield_to_peer();
	w.c.params.fenced = true;
	hear(FT_PEER_LOST);
	pass(20);
	expect_phase(HELD);
	silence(42, FT_CLAIM_NOT_NEEDED, "");
	expect_did(FENCE, 1);
	fenced(NULL);
	if (w.put_verdict == 0)
		verdict_is(FT_CLAIM_NOT_NEEDED, "");
	verdict_is(FT_CLAIM_WON, "alpha");
	expect_phase(PLANNING);
	stored();
	ck_assert_int_eq(w.c.session.title, FT_TITLE_REGAINED);
}
END_TEST

/* That it was off says nothing of later: heard in between, it is switched off anew. */
START_TEST(a_fence_that_worked_before_the_winner_was_heard_again_does_not_count)
{
	oust(FT_ROLE_SECONDARY);
	if (!w.c.arbiter_busy)
		pass(10e3);
	ck_assert(w.c.arbiter_busy);
	fenced(NULL);
	hear(FT_PEER_ALIVE);
	verdict_is(FT_CLAIM_NOT_NEEDED, "");
	pass(100);
	hear(FT_PEER_LOST);
	silence(72, FT_CLAIM_NOT_NEEDED, "");
	ck_assert_int_eq(w.put_verdict, 0);
	expect_did(FENCE, 2);
}
END_TEST

/* It ran the guest, and told so as late as this. */
START_TEST(who_is_named_after_all_is_not_taken_over_from)
{
	oust(FT_ROLE_SECONDARY);
	fenced(NULL);
	verdict_is(FT_CLAIM_LOST, "beta");
	expect_did(PLAN, 0);
	expect_did(KILL, 0); /* it is off, so that nothing runs there */
	expect_phase(HELD);
	ck_assert_ptr_nonnull(strstr(w.c.reason, "start the VM there"));
}
END_TEST

/* _i: 0 the verdict names it; 1 it cannot be read; 2 it is heard; 3 there is no fence. */
START_TEST(a_winner_is_not_switched_off_where_it_may_be_well)
{
	lose_behind(FT_ROLE_PRIMARY);
	if (_i == 2)
		hear(FT_PEER_ALIVE);
	w.c.params.fenced = _i != 3;
	silence(120, _i == 0 ? FT_CLAIM_LOST : _i == 1 ? FT_CLAIM_UNREACHABLE : FT_CLAIM_NOT_NEEDED, "beta");
	expect_did(FENCE, 0);
	expect_did(PLAN, 0);
	ck_assert_int_eq(w.put_verdict, 0);
}
END_TEST

/* Each try reads the verdict first; in the end it is left to a person, and told once. */
START_TEST(a_fence_that_fails_a_loser_is_tried_so_many_times)
{
	oust(FT_ROLE_PRIMARY);
	for (int i = 1; i < FT_OUST_TRIES; i++) {
		fenced("the plug is stuck");
		int readings = w.read_verdict;
		silence(30, FT_CLAIM_NOT_NEEDED, "");
		ck_assert_int_gt(w.read_verdict, readings);
		expect_did(FENCE, 1 + i);
	}
	forget();
	fenced("the plug is stuck");
	silence(300, FT_CLAIM_NOT_NEEDED, "");
	expect_did(FENCE, 0);
	expect_did(PLAN, 0);
	expect_phase(HELD);
	ck_assert_msg(strstr(w.c.reason, "--confirm-fenced"), "%s", w.c.reason);
	ck_assert_ptr_nonnull(strstr(w.said, "still held"));
	ck_assert_ptr_null(strstr(strstr(w.said, "still held") + 1, "still held"));
	step(&(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR, .confirmed = true});
	if (w.put_verdict == 0)
		verdict_is(FT_CLAIM_NOT_NEEDED, "");
	verdict_is(FT_CLAIM_WON, "alpha");
	expect_did(PLAN, 1);
}
END_TEST

/* Its answer was lost: meanwhile that host may have come back, asked the empty verdict and started the VM. */
START_TEST(a_name_that_landed_late_counts_once_the_winner_is_switched_off_again)
{
	oust(FT_ROLE_SECONDARY);
	fenced(NULL);
	verdict_is(FT_CLAIM_UNREACHABLE, "no answer");
	for (int i = 0; i < 100 && w.c.session.title != FT_TITLE_REGAINED; i++) {
		pass(100);
		if (w.c.arbiter_busy && w.c.errand == FT_ERRAND_READ_VERDICT)
			verdict_is(FT_CLAIM_LOST, "alpha");
	}
	ck_assert_int_eq(w.c.session.title, FT_TITLE_REGAINED);
	pass(1000);
	stored();
	expect_did(PLAN, 0);
	pass(2000);
	expect_did(FENCE, 2);
	expect_did(PLAN, 0);
	fenced(NULL);
	expect_did(PLAN, 1);
}
END_TEST

/* It was off, and is on again; _i: it has a QEMU, or is starting one, and knows nothing of the verdict yet. */
START_TEST(who_is_heard_again_with_a_guest_is_not_taken_over_from)
{
	oust(FT_ROLE_SECONDARY);
	fenced(NULL);
	w.p.incarnation++;
	memset(w.p.side.session, 0, sizeof id);
	w.p.side.state = FT_UNPROTECTED;
	w.p.side.role = FT_ROLE_NONE;
	w.p.side.guest = true;
	peer_vm(_i ? FT_VM_ALIVE : FT_VM_ABSENT);
	hear(FT_PEER_ALIVE);
	verdict_is(FT_CLAIM_WON, "alpha");
	pass(3000);
	expect_did(PLAN, 0);
	w.p.side.guest = false;
	peer_vm(FT_VM_ABSENT);
	expect_did(PLAN, 1);
}
END_TEST

/* The next ftd knows of no silence yet; it waits for the winner anew, and then does the same. */
START_TEST(a_loser_whose_ftd_was_restarted_is_held_and_takes_over_by_its_fence)
{
	start(FT_SESSION_ENDED, FT_ROLE_SECONDARY);
	strcpy(w.c.session.winner, "beta");
	w.c.params.fenced = _i;
	w.q.connected = w.q.oob = w.q.plan_ready = false;
	w.q.stopped = true;
	qemu_is();
	silence(3, FT_CLAIM_NOT_NEEDED, "");
	expect_phase(HELD);
	silence(72, FT_CLAIM_NOT_NEEDED, "");
	expect_did(FENCE, _i);
}
END_TEST

/* Both have given their right away to each other, and then no link is left: two hosts that switch each other off at one time leave
 * no guest at all. */
static double ousts_after(enum ft_role role)
{
	protect_surely(role);
	w.p.side.request = FT_REQUEST_YIELD;
	peer_says();
	frozen();
	stored();
	expect_phase(YIELDED);
	w.p.side.request = FT_REQUEST_NONE;
	w.c.params.fenced = true;
	hear(FT_PEER_LOST);
	pass(20);
	expect_phase(HELD);
	forget();
	double seconds = 0;
	for (; seconds < 200 && w.did[FT_DO_FENCE] == 0; seconds++)
		silence(1, FT_CLAIM_NOT_NEEDED, "");
	return seconds;
}

START_TEST(two_that_have_yielded_do_not_switch_each_other_off_at_one_time)
{
	double primary = ousts_after(FT_ROLE_PRIMARY), secondary = ousts_after(FT_ROLE_SECONDARY);
	ck_assert_msg(secondary >= primary + 15 || primary >= secondary + 15,
	              "the primary after %.0f s, the secondary after %.0f s", primary, secondary);
}
END_TEST

/* The arbiter was out of reach of both: the winner has not had the time yet to put its name there. */
START_TEST(a_winner_is_not_switched_off_the_moment_that_the_arbiter_is_back)
{
	lose_behind(FT_ROLE_SECONDARY);
	silence(60, FT_CLAIM_UNREACHABLE, "no answer");
	expect_did(FENCE, 0);
	for (int i = 0; i < 200 && !w.c.arbiter_busy; i++)
		pass(100);
	verdict_is(FT_CLAIM_NOT_NEEDED, "");
	expect_did(FENCE, 0);
}
END_TEST

/* It was heard until a moment ago, its guest just promoted and not told as proven yet. */
START_TEST(a_winner_is_switched_off_so_long_after_it_fell_silent)
{
	lose_behind(FT_ROLE_SECONDARY);
	w.p.side.state = FT_FAILING_OVER;
	w.p.side.role = FT_ROLE_NONE; /* the outcome is on its way to disk */
	peer_says();
	hear(FT_PEER_ALIVE);
	silence(60, FT_CLAIM_NOT_NEEDED, "");
	expect_phase(HELD);
	hear(FT_PEER_LOST);
	silence(25, FT_CLAIM_NOT_NEEDED, "");
	expect_did(FENCE, 0);
}
END_TEST

/* Our fence is switching its host off meanwhile: then there would be no guest at all. */
START_TEST(no_copy_is_ended_for_a_winner_that_our_own_fence_is_switching_off)
{
	oust(FT_ROLE_SECONDARY);
	for (int i = 0; i < 200 && !w.c.arbiter_busy; i++)
		pass(100);
	if (w.c.arbiter_busy)
		verdict_is(FT_CLAIM_LOST, "beta"); /* proven since the fence was begun */
	fenced(NULL);
	expect_did(KILL, 0);
}
END_TEST

/* Yielded in the pair, and then it went on after all, and ran alone; and its host crashed.  _i: 0 it had won, and the disk took
 * nothing of that; 1 the disk took the success; 2 the answer to the claim was lost, and it went on by a person's order, all of which the
 * disk took. */
START_TEST(who_ran_alone_after_it_had_resigned_does_not_give_back_after_a_restart)
{
	yield_to_peer();
	hear(FT_PEER_LOST);
	pass(20);
	expect_phase(HELD);
	if (w.c.arbiter_busy)
		verdict_is(FT_CLAIM_NOT_NEEDED, "");
	order();
	expect_phase(CLAIMING);
	if (w.c.arbiter_busy && w.c.errand == FT_ERRAND_READ_VERDICT)
		verdict_is(FT_CLAIM_NOT_NEEDED, "");
	expect_did(CLAIM, 1);
	struct ft_session on_disk = w.c.session;
	claim_is(_i == 2 ? FT_CLAIM_UNREACHABLE : FT_CLAIM_WON, _i == 2 ? "no answer" : "alpha");
	expect_did(PLAN, 1);
	step(&(struct ft_event){.kind = FT_EVENT_STORED, .error = true, .text = "no space left"});
	if (_i == 2)
		ck_assert(!w.c.storing);
	if (w.c.arbiter_busy) /* tried again as it goes, in vain */
		claim_is(FT_CLAIM_UNREACHABLE, "no answer");
	plan_works();
	_i ? recorded() : not_recorded();
	expect_phase(SOLO);
	if (w.c.arbiter_busy)
		claim_is(FT_CLAIM_UNREACHABLE, "no answer");
	int verdicts = w.put_verdict;
	if (_i == 2) {
		ck_assert_int_eq(w.c.session.stage, FT_SESSION_RESIGNED);
		ck_assert(!w.c.storing);
	}
	/* The host crashes, and its next ftd comes. */
	start_told(FT_SESSION_RESIGNED, FT_ROLE_PRIMARY, _i);
	w.c.session = on_disk;
	ck_assert_int_eq(w.c.session.stage, FT_SESSION_RESIGNED);
	w.q = (struct ft_qemu_facts){.vm = FT_VM_ABSENT};
	qemu_is();
	w.p.side.state = FT_HELD;
	peer_vm(FT_VM_ALIVE);
	hear(FT_PEER_ALIVE);
	pass(4000);
	ck_assert(w.c.arbiter_busy);
	register_is(FT_CLAIM_LOST, "alpha");
	pass(4000);
	ck_assert_msg(!w.c.self.returned, "given back though it ran alone; the verdict was put %d times", verdicts);
}
END_TEST

/* ---- a winner, asked to yield ---- */

static void ask_us(void)
{
	w.p.side.request = FT_REQUEST_YIELD;
	w.p.side.request_id++;
	peer_says();
}

/* It died before the plan was through; the other side's session is released, and a person orders there. */
START_TEST(who_has_won_yields_to_nobody)
{
	static const enum ft_title titles[] = {FT_TITLE_REGISTER, FT_TITLE_WORD, FT_TITLE_FOUND, FT_TITLE_UNFENCED};
	starts_won(titles[_i / 2], FT_ROLE_PRIMARY);
	w.c.params.fenced = true;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	w.q.plan_ready = false; /* not yet */
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	if (_i % 2)
		pass(5000);
	ask_us();
	ck_assert_int_eq(w.c.self.answer, FT_ANSWER_REFUSED);
	expect_did(FREEZE, 0);
	expect_stage(ENDED);
}
END_TEST

/* The one that had asked held the session for released: it learns that it has lost. */
START_TEST(who_is_refused_looks_whether_it_has_lost)
{
	start(FT_SESSION_RELEASED, _i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	expect_did(READ, 0);
	order();
	expect_phase(ASKING);
	w.p.side.answer = FT_ANSWER_REFUSED;
	w.p.side.answer_id = w.c.self.request_id;
	peer_says();
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "refused");
	expect_did(READ, 1);
	register_is(FT_CLAIM_LOST, "beta");
	expect_did(FREEZE, 1);
	expect_did(PLAN, 0);
}
END_TEST

/* ---- orders in a released session ---- */

static void find_released(enum ft_role role)
{
	start(FT_SESSION_RELEASED, role);
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	qemu_is();
	peer_says();
	hear(FT_PEER_ALIVE);
	hear(FT_PEER_LOST);
	pass(10e3); /* no checkpoint completes */
	if (w.c.arbiter_busy)
		register_is(FT_CLAIM_NOT_NEEDED, "");
	forget();
}

/* The register first.  _i: the role, and what it says. */
START_TEST(an_order_in_a_released_session_claims_first)
{
	static const enum ft_claim says[] = {FT_CLAIM_WON, FT_CLAIM_LOST, FT_CLAIM_UNREACHABLE};
	enum ft_claim claim = says[_i / 2];
	bool primary = _i % 2;
	find_released(primary ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY);
	order();
	if (primary)
		frozen();
	expect_phase(CLAIMING);
	expect_did(CLAIM, 1);
	expect_did(PLAN, 0);
	claim_is(claim, claim == FT_CLAIM_LOST ? "beta" : claim == FT_CLAIM_WON ? "alpha" : "no answer");
	if (claim == FT_CLAIM_LOST) {
		expect_did(PLAN, 0);
		ck_assert_str_eq(ft_result_name(w.c.outcome.result), "lost-claim");
		return;
	}
	expect_phase(PLANNING);
	plan_works();
	ck_assert_str_eq(ft_claim_name(w.c.outcome.claim), ft_claim_name(claim));
}
END_TEST

/* Its ftd is being upgraded.  No claim would make its guest stand still. */
START_TEST(an_order_beside_a_guest_that_replicates_still_is_refused)
{
	find_released(FT_ROLE_SECONDARY);
	step(&(struct ft_event){.kind = FT_EVENT_CHECKPOINT});
	order();
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "refused");
	expect_did(CLAIM, 0);
	expect_did(PLAN, 0);
	recorded();
	step(&(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR, .confirmed = true});
	expect_phase(CLAIMING);
}
END_TEST

/* Seen in the simulation: a pair that was made anew, and whose primary's ftd died before there was a session. */
START_TEST(an_order_beside_a_guest_that_replicates_without_a_session_is_refused)
{
	start(FT_SESSION_NONE, FT_ROLE_SECONDARY);
	qemu_is();
	pass(3000);
	if (_i)
		step(&(struct ft_event){.kind = FT_EVENT_CHECKPOINT}); /* else none was seen since QMP was connected */
	order();
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "refused");
	expect_did(PLAN, 0);
	recorded();
	step(&(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR, .confirmed = true});
	expect_did(PLAN, 1);
}
END_TEST

/* Its session was lost, it was ended for that, and its QEMU of now has none: nothing is claimed, and so nothing is lost. */
START_TEST(a_failover_without_a_session_tells_no_claim_of_an_earlier_pair)
{
	protect_surely(FT_ROLE_PRIMARY);
	pass(500);
	frozen();
	claim_is(FT_CLAIM_LOST, "beta");
	recorded();
	peer_runs();
	expect_phase(FENCED);
	struct ft_qemu_facts next = w.q;
	w.q.vm = FT_VM_GONE;
	w.q.connected = false;
	qemu_is();
	w.q = next;
	w.q.instance = 6;
	w.q.role = FT_ROLE_SECONDARY;
	qemu_is();
	hear(FT_PEER_LOST);
	pass(30e3);
	order();
	expect_did(PLAN, 1);
	plan_works();
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "success");
	ck_assert_str_eq(ft_claim_name(w.c.outcome.claim), "not-needed");
}
END_TEST

/* Its goodbye was heard a moment ago, and it is asked in vain. */
START_TEST(an_order_that_outlasts_the_goodbye_of_a_guest_that_replicates_is_refused)
{
	start(FT_SESSION_RELEASED, FT_ROLE_SECONDARY);
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	step(&(struct ft_event){.kind = FT_EVENT_CHECKPOINT});
	order();
	expect_phase(ASKING);
	hear(FT_PEER_LOST);
	pass(1000);
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "refused");
	expect_did(CLAIM, 0);
	expect_did(PLAN, 0);
}
END_TEST

/* It says that nothing of its runs: it may have ended the session, and have run the guest since. */
START_TEST(an_order_by_the_word_of_who_names_no_session_claims_first)
{
	find_released(FT_ROLE_SECONDARY);
	w.p.side.state = FT_FENCED;
	w.p.side.vm = _i ? FT_VM_GONE : FT_VM_ABSENT;
	peer_says();
	hear(FT_PEER_ALIVE);
	order();
	if (w.c.phase == FT_PHASE_ASKING) {
		w.p.side.answer = FT_ANSWER_YIELDED;
		w.p.side.answer_id = w.c.self.request_id;
		peer_says();
	}
	expect_phase(CLAIMING);
	claim_is(FT_CLAIM_LOST, "beta");
	expect_did(PLAN, 0);
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "lost-claim");
}
END_TEST

/* We went on by the peer's word, and the register tells of a claim after it: what was run here is no success. */
START_TEST(no_failover_succeeds_whose_claim_is_lost)
{
	protect_surely(FT_ROLE_PRIMARY);
	peer_vm(FT_VM_GONE);
	expect_phase(PLANNING);
	hear(FT_PEER_LOST);
	claim_is(FT_CLAIM_LOST, "beta");
	plan_works();
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "lost-claim");
	ck_assert_str_eq(w.c.outcome.winner, "beta");
}
END_TEST

/* Without a lease it runs, and a person may have let the other side go on meanwhile. */
START_TEST(a_released_primary_that_hears_nobody_looks_whether_it_has_lost)
{
	start(FT_SESSION_RELEASED, FT_ROLE_PRIMARY);
	qemu_is();
	pass(4000);
	expect_did(READ, 1);
	for (int i = 0; i < 5; i++) {
		register_is(FT_CLAIM_NOT_NEEDED, "");
		pass(10e3);
	}
	expect_did(READ, 6);
	register_is(FT_CLAIM_LOST, "beta");
	expect_did(FREEZE, 1);
}
END_TEST

/* Our disk holds an earlier session that nobody is known to have ended, of a QEMU that is no more; the peer's new one has come no
 * further than to its disk as the peer yields or dies in it. */
static void begin_after(enum ft_session_stage stage, enum ft_role role, bool registers, enum ft_vm out)
{
	start(stage, role);
	w.c.params.registers = registers;
	w.c.params.fenced = !registers;
	w.c.unsure = false;
	w.q.instance = 6;
	w.q.role = FT_ROLE_SECONDARY;
	w.p.side.role = FT_ROLE_PRIMARY;
	w.p.side.state = FT_ARMING;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	peer_says();
	hear(FT_PEER_ALIVE);
	qemu_is();
	step(&(struct ft_event){.kind = FT_EVENT_CHECKPOINT});
	if (w.c.storing)
		stored();
	w.p.side.epoch = EPOCH + 1;
	w.p.side.session[0] = 8;
	w.p.side.vm = out;
	w.p.side.role = out == FT_VM_GONE ? FT_ROLE_NONE : FT_ROLE_PRIMARY;
	w.p.side.state = FT_FENCED;
	peer_says();
}

START_TEST(a_left_session_is_taken_up_over_one_that_was_resigned_or_released)
{
	static const struct {
		enum ft_session_stage stage;
		enum ft_role role;
		bool registers;
	} cases[] = {
	    {FT_SESSION_BOUND, FT_ROLE_PRIMARY, true},      {FT_SESSION_RESIGNED, FT_ROLE_PRIMARY, true},
	    {FT_SESSION_RESIGNED, FT_ROLE_SECONDARY, true}, {FT_SESSION_RELEASED, FT_ROLE_SECONDARY, true},
	    {FT_SESSION_BOUND, FT_ROLE_SECONDARY, false},
	};
	begin_after(cases[_i / 2].stage, cases[_i / 2].role, cases[_i / 2].registers,
	            _i % 2 ? FT_VM_GONE : FT_VM_YIELDED);
	for (int i = 0; i < 600; i++) {
		pass(100);
		if (w.c.storing)
			stored();
		if (w.c.arbiter_busy) /* nobody had ended the old one */
			register_is(FT_CLAIM_NOT_NEEDED, "");
	}
	expect_did(PLAN, 1);
}
END_TEST

/* The claim was won, the plan came to nothing since QEMU died: the record says who has won. */
START_TEST(a_failure_tells_of_the_claim_though_the_qemu_has_died)
{
	protect_surely(FT_ROLE_SECONDARY);
	hear(FT_PEER_QUIET);
	pass(500);
	hear(FT_PEER_LOST);
	pass(20);
	claim_is(FT_CLAIM_WON, "alpha");
	expect_phase(PLANNING);
	w.q.vm = FT_VM_GONE;
	w.q.connected = false;
	w.q.instance = _i ? 5 : 0;
	qemu_is();
	struct ft_plan_report r = {.ok = false, .proven_at = FT_NEVER};
	step(&(struct ft_event){.kind = FT_EVENT_PLAN, .plan = &r});
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "failed");
	ck_assert_str_eq(ft_claim_name(w.c.outcome.claim), "won");
}
END_TEST

/* ---- what happens seldom on the way ---- */

/* Its ftd was started anew, and says that it has no QEMU: only the register knows whether it was given the guest meanwhile. */
START_TEST(a_secondary_whose_primary_is_absent_asks_the_register)
{
	protect_surely(FT_ROLE_SECONDARY);
	w.p.side.state = FT_UNPROTECTED;
	w.p.side.role = FT_ROLE_NONE;
	peer_vm(FT_VM_ABSENT);
	expect_phase(CLAIMING);
	expect_did(CLAIM, 1);
	expect_did(PLAN, 0);
	claim_is(FT_CLAIM_WON, "alpha");
	expect_phase(PLANNING);
}
END_TEST

/* A primary without acknowledgements has no right to wait for an answer, whatever it has asked. */
START_TEST(an_ask_ends_with_our_right_to_run)
{
	protect_surely(FT_ROLE_PRIMARY);
	step(&(struct ft_event){.kind = FT_EVENT_COLO_EXIT, .error = true, .text = "error"});
	expect_phase(ASKING);
	pass(500);
	expect_phase(FREEZING);
	expect_did(FREEZE, 1);
	frozen();
	expect_phase(CLAIMING);
	ck_assert_str_eq(ft_cause_name(w.c.outcome.cause), "peer-lost"); /* the better cause of the two */
	expect_did(RECORD, 0);
}
END_TEST

/* It may run no more, and whoever asked must not take it for stopped. */
START_TEST(a_yield_that_fails_past_our_right_is_refused_and_the_qemu_is_stopped_again)
{
	protect_surely(FT_ROLE_PRIMARY);
	w.p.side.request = FT_REQUEST_YIELD;
	w.p.side.request_id++;
	peer_says();
	expect_phase(YIELDING);
	expect_did(FREEZE, 1);
	pass(600); /* unacknowledged */
	expect_phase(YIELDING);
	step(&(struct ft_event){.kind = FT_EVENT_FROZEN, .error = true, .text = "still running"});
	ck_assert_int_eq(w.c.self.answer, FT_ANSWER_REFUSED);
	ck_assert_uint_eq(w.c.self.answer_id, w.p.side.request_id);
	expect_phase(FREEZING);
	expect_did(FREEZE, 2);
	expect_did(THAW, 0);
}
END_TEST

/* The register is read as our right ends: it names us, by a claim that had been given up. */
START_TEST(a_win_that_is_found_while_our_qemu_is_being_stopped_is_gone_on_with)
{
	protect_surely(FT_ROLE_PRIMARY);
	claim_in_vain();
	for (int i = 0; i < 20 && !w.c.arbiter_busy; i++) {
		pass(100);
		acked();
	}
	expect_did(READ, 1);
	hear(FT_PEER_QUIET);
	pass(500);
	expect_phase(FREEZING);
	register_is(FT_CLAIM_LOST, "alpha");
	hear(FT_PEER_LOST);
	stored();
	expect_did(PLAN, 0);
	frozen();
	expect_phase(PLANNING);
	expect_did(CLAIM, 1); /* the first one */
}
END_TEST

/* Who has lost the session has not lost what was started since. */
START_TEST(a_claim_that_is_lost_ends_no_qemu_of_another_session)
{
	protect_surely(FT_ROLE_PRIMARY);
	pass(500);
	frozen();
	expect_phase(CLAIMING);
	w.q.instance = 6;
	qemu_is();
	claim_is(FT_CLAIM_LOST, "beta");
	stored();
	recorded();
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), "lost-claim");
	expect_phase(ARMING); /* on the way to a session of its own */
	expect_did(KILL, 0);
	ck_assert(!w.c.frozen);
}
END_TEST

/* The QEMU that it was to go on with has died since. */
START_TEST(a_session_that_is_given_back_to_nobody_is_ours_all_the_same)
{
	lose_the_claim(FT_ROLE_PRIMARY);
	w.q.vm = FT_VM_GONE;
	w.q.connected = w.q.oob = w.q.plan_ready = w.q.pid_verified = false;
	qemu_is();
	expect_phase(FENCED);
	peer_gives_back();
	stored();
	ck_assert_str_eq(w.c.session.winner, "alpha");
	ck_assert_int_eq(w.c.session.title, FT_TITLE_REGAINED);
	expect_did(PLAN, 0);
	expect_did(CLAIM, 0);
	ck_assert_int_eq(w.c.self.win, FT_WIN_REGAINED); /* as the peer, and whoever asks it, is told */
}
END_TEST

/* Its win was found on its disk, and the other host cannot be switched off. */
START_TEST(a_person_who_vouches_needs_no_fence_after_a_restart)
{
	starts_won(FT_TITLE_UNFENCED, FT_ROLE_SECONDARY);
	w.c.params.fenced = true;
	pass(100);
	qemu_is();
	hear(FT_PEER_LOST);
	step(&(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR, .confirmed = true});
	pass(4000);
	expect_phase(PLANNING);
	ck_assert_str_eq(ft_cause_name(w.c.outcome.cause), "operator");
}
END_TEST

/* A resignation was refused by the disk; that QEMU died, the peer went on, and a new secondary was started, as the disk mends. */
START_TEST(what_holds_of_another_qemus_session_is_not_written_to_bind_this_one)
{
	protect(FT_ROLE_PRIMARY);
	asked();
	frozen();
	store_fails();
	w.p.side.request = FT_REQUEST_NONE;
	qemu_is();
	peer_says();
	w.q.vm = FT_VM_GONE;
	w.q.connected = false;
	qemu_is();
	peer_runs();
	memset(w.p.side.session, 0, sizeof id);
	peer_says();
	for (int i = 0; i < 20; i++) {
		pass(100);
		if (w.c.storing)
			store_fails();
		if (w.c.arbiter_busy)
			register_is(FT_CLAIM_UNREACHABLE, "no answer");
	}
	w.q = (struct ft_qemu_facts){.connected = true,
	                             .oob = true,
	                             .plan_ready = true,
	                             .pid_verified = true,
	                             .instance = 6,
	                             .vm = FT_VM_ALIVE,
	                             .role = FT_ROLE_SECONDARY,
	                             .checkpoint_ms = 2000};
	forget();
	qemu_is();
	for (int i = 0; i < 20; i++) {
		pass(100);
		if (w.c.storing)
			stored();
		if (w.c.arbiter_busy)
			register_is(FT_CLAIM_UNREACHABLE, "no answer");
	}
	ck_assert_int_eq(w.did[FT_DO_FREEZE], 0);
	ck_assert(!w.c.frozen);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("claims");
	TCase *tc = tcase_create("claims");
	tcase_add_loop_test(tc, a_failover_that_is_held_is_an_outcome_and_goes_on, 0, 2);
	tcase_add_test(tc, a_claim_that_was_held_and_is_lost_is_told_as_lost);
	tcase_add_test(tc, a_blocked_primary_claims_last);
	tcase_add_loop_test(tc, a_primary_that_does_not_answer_lets_the_peer_claim_first, 0, 3);
	tcase_add_test(tc, a_blocked_primary_that_is_thawed_is_judged_anew);
	tcase_add_test(tc, an_order_that_is_held_is_told_as_held);
	tcase_add_loop_test(tc, an_order_that_comes_to_nothing_is_an_outcome, 0, 2);
	tcase_add_test(tc, an_order_whose_qemu_dies_meanwhile_is_an_outcome);
	tcase_add_loop_test(tc, a_persons_word_for_the_other_host_is_written_down, 0, 2);
	tcase_add_test(tc, who_is_held_leaves_at_once);
	tcase_add_test(tc, a_failover_that_failed_says_what_the_claim_came_to);
	tcase_add_loop_test(tc, the_right_to_run_lasts_no_longer_than_the_peers_patience, 0, 4);
	tcase_add_test(tc, a_right_that_was_granted_grows_no_longer_by_the_peers_new_settings);
	tcase_add_loop_test(tc, the_guard_begins_with_the_end_of_the_primarys_right, 0,
	                    (int)(sizeof guards / sizeof guards[0]));
	tcase_add_loop_test(tc, what_an_earlier_ftd_has_granted_is_waited_out, 0, 2);
	tcase_add_test(tc, a_session_is_bound_under_a_detection_time);
	tcase_add_loop_test(tc, a_right_does_not_outlive_a_clock_that_stood_still, 0, 3);
	tcase_add_test(tc, who_has_no_right_that_ends_is_not_frozen_for_a_clock_that_stood_still);
	tcase_add_loop_test(tc, who_has_no_sentinel_is_not_protected_and_keeps_to_its_right, 0, 2);
	tcase_add_loop_test(tc, no_session_is_made_without_a_sentinel, 0, 2);
	tcase_add_test(tc, an_outage_by_one_way_silence_begins_with_the_last_heartbeat_that_was_heard);
	tcase_add_test(tc, an_outage_does_not_begin_with_an_earlier_trouble);
	tcase_add_test(tc, a_claim_that_has_landed_after_all_is_found_and_the_guest_goes_on_alone);
	tcase_add_test(tc, a_claim_that_never_lands_is_looked_for_until_it_cannot_any_more);
	tcase_add_loop_test(tc, an_ftd_that_was_restarted_looks_into_the_register, 0, 2);
	tcase_add_loop_test(tc, a_session_that_was_lost_and_is_adopted_is_looked_up, 0, 2);
	tcase_add_loop_test(tc, a_silent_qemu_of_the_session_that_dies_gives_no_right_away, 0, 2);
	tcase_add_test(tc, a_qemu_that_has_left_colo_gives_no_right_away_as_it_dies);
	tcase_add_test(tc, a_secondary_that_has_won_unasked_waits_until_the_primary_is_out);
	tcase_add_test(tc, a_right_that_was_given_outlives_the_givers_earlier_claim);
	tcase_add_test(tc, a_right_that_was_given_is_on_disk_before_the_register_has_answered);
	tcase_add_test(tc, who_has_taken_the_session_sees_to_it_that_the_register_says_so);
	tcase_add_loop_test(tc, what_was_taken_is_no_licence_to_start_before_the_register_has_said_so, 0, 2);
	tcase_add_test(tc, a_taken_session_that_the_register_gives_to_another_is_stored_so);
	tcase_add_test(tc, a_right_that_was_given_outlives_an_earlier_look_into_the_register);
	tcase_add_test(tc, a_right_that_was_given_does_not_outlive_a_later_claim);
	tcase_add_test(tc, who_has_resigned_and_stands_in_the_register_gives_nothing_by_its_disk_alone);
	tcase_add_test(tc, an_order_to_who_has_resigned_ends_when_the_peer_is_heard_again);
	tcase_add_loop_test(tc, who_yields_without_a_session_writes_that_down_before_its_qemu_is_stopped, 0, 8);
	tcase_add_loop_test(tc, a_disk_that_takes_nothing_keeps_no_answer_back, 0, 2);
	tcase_add_loop_test(tc, what_is_not_asked_for_any_more_is_not_given, 0, 8);
	tcase_add_loop_test(tc, the_next_ftd_knows_what_was_yielded_without_a_session, 0, 8);
	tcase_add_loop_test(tc, what_was_given_is_known_until_a_guest_is_booted, 0, 4);
	tcase_add_loop_test(tc, what_was_yielded_without_a_session_is_thawed_for_a_peer_that_does_not_want_it, 0, 6);
	tcase_add_loop_test(tc, a_copy_that_was_yielded_without_a_session_is_held_for_a_peer_that_never_comes, 0, 8);
	tcase_add_test(tc, who_cannot_know_and_hears_the_peer_says_what_frees_it);
	tcase_add_test(tc, who_cannot_know_and_wins_tells_of_an_outcome_that_it_began);
	tcase_add_test(tc, a_session_that_has_ended_is_not_bound_again_by_what_comes_late);
	tcase_add_loop_test(tc, a_qemu_that_runs_although_it_was_resigned_is_frozen_and_yielded, 0, 2);
	tcase_add_test(tc, a_qemu_that_was_resigned_and_does_not_stand_still_is_stopped_again);
	tcase_add_test(tc, only_the_sessions_own_qemu_is_ever_stopped_for_it);
	tcase_add_test(tc, a_silent_qemu_of_a_released_session_is_known_to_have_no_limit);
	tcase_add_test(tc, a_primary_names_its_session_once_its_qemu_is_seen);
	tcase_add_loop_test(tc, a_new_secondary_is_led_in_the_session_that_nobody_could_end, 0, 2);
	tcase_add_test(tc, a_silent_secondary_that_is_thawed_is_known_to_have_no_limit);
	tcase_add_loop_test(tc, a_primary_does_not_name_the_session_of_the_qemu_before, 0, 2);
	tcase_add_test(tc, a_silent_qemu_of_a_session_that_is_won_is_known_to_have_no_limit);
	tcase_add_test(tc, a_silent_qemu_that_never_was_in_a_session_is_known_to_have_no_limit);
	tcase_add_test(tc, a_qemu_that_has_failed_over_and_whose_side_has_resigned_goes_on_where_the_peer_has_yielded);
	tcase_add_loop_test(tc, a_secondary_goes_on_by_the_word_of_who_gives_up_a_session_that_it_never_had, 0, 4);
	tcase_add_loop_test(tc, an_order_beside_a_session_that_the_peer_alone_has_claims_that, 0, 8);
	tcase_add_loop_test(tc, an_order_takes_up_nothing_but_what_the_peer_alone_has, 0, 3);
	tcase_add_test(tc, a_session_held_to_unstored_is_written_once_the_disk_takes_it);
	tcase_add_loop_test(tc, an_order_that_has_asked_first_claims_what_the_peer_alone_has, 0, 4);
	tcase_add_loop_test(tc, an_order_for_a_frozen_copy_claims_what_the_peer_alone_has, 0, 2);
	tcase_add_loop_test(tc, nothing_is_taken_up_from_who_leaves_nor_for_a_qemu_that_has_not_spoken, 0, 2);
	tcase_add_test(tc, a_silent_qemu_whose_session_may_be_lost_is_not_set_free);
	tcase_add_loop_test(tc, who_resigned_and_has_left_colo_since_asks_the_register_before_it_yields, 0, 3);
	tcase_add_loop_test(tc, who_resigned_and_has_left_colo_since_asks_about_a_peer_that_died_as_it_went_on, 0, 2);
	tcase_add_loop_test(tc, a_word_that_contradicts_itself_gives_no_right_and_hides_none, 0, 2 * CONTRADICTIONS);
	tcase_add_test(tc, who_goes_on_alone_does_not_say_that_it_stands_still_for_the_peer);
	tcase_add_loop_test(tc, a_word_that_contradicts_itself_is_no_answer, 0, CONTRADICTIONS);
	tcase_add_loop_test(tc, a_word_that_contradicts_itself_ends_no_copy, 0, 2 * CONTRADICTIONS);
	tcase_add_test(tc, who_resigned_names_the_session_once_its_qemu_is_seen);
	tcase_add_test(tc, who_was_started_by_a_persons_word_and_finds_the_claim_landed_leads_on);
	tcase_add_test(tc, who_was_started_by_a_persons_word_and_leads_only_later_reads_again);
	tcase_add_test(tc, an_order_that_asks_ends_as_our_right_is_seen_to_be_given_up);
	tcase_add_loop_test(tc, who_resigned_by_its_disk_alone_yields_once_the_register_has_been_asked, 0, 2);
	tcase_add_loop_test(tc, who_resigned_by_its_disk_alone_and_is_named_by_the_verdict_goes_on, 0, 2);
	tcase_add_loop_test(tc, who_resigned_by_its_disk_alone_gives_nothing_by_its_death, 0, 2);
	tcase_add_loop_test(tc, who_resigned_by_its_disk_alone_and_stands_in_the_register_gives_nothing, 0, 2);
	tcase_add_loop_test(tc, only_what_stood_still_before_and_is_unknown_is_told_as_such, 0, 3);
	tcase_add_loop_test(
	    tc, who_resigned_by_its_disk_alone_and_stands_in_the_register_goes_on_as_the_peer_stands_still, 0, 2);
	tcase_add_loop_test(tc, a_session_taken_up_late_gives_no_right_by_what_was_acknowledged_before, 0, 2);
	tcase_add_loop_test(tc, who_is_no_secondary_takes_nothing_up, 0, 2);
	tcase_add_test(tc, a_released_session_that_is_proposed_in_vain_is_looked_up);
	tcase_add_test(tc, a_new_qemu_that_somebody_stopped_is_not_held_for_frozen);
	tcase_add_loop_test(tc, a_left_session_is_taken_up_over_one_that_was_resigned_or_released, 0, 10);
	tcase_add_loop_test(tc, a_failure_tells_of_the_claim_though_the_qemu_has_died, 0, 2);
	tcase_add_test(tc, a_secondary_whose_primary_is_absent_asks_the_register);
	tcase_add_test(tc, an_ask_ends_with_our_right_to_run);
	tcase_add_test(tc, a_yield_that_fails_past_our_right_is_refused_and_the_qemu_is_stopped_again);
	tcase_add_test(tc, a_win_that_is_found_while_our_qemu_is_being_stopped_is_gone_on_with);
	tcase_add_test(tc, a_claim_that_is_lost_ends_no_qemu_of_another_session);
	tcase_add_test(tc, a_session_that_is_given_back_to_nobody_is_ours_all_the_same);
	tcase_add_test(tc, a_person_who_vouches_needs_no_fence_after_a_restart);
	tcase_add_test(tc, the_acknowledgements_of_who_was_bound_once_give_no_right);
	tcase_add_test(tc, a_qemu_that_does_not_end_is_told_and_ended_again);
	tcase_add_loop_test(tc, who_loses_keeps_its_copy_until_the_winner_is_proven, 0, 4);
	tcase_add_loop_test(tc, who_yields_keeps_its_copy_until_the_winner_is_proven, 0, 4);
	tcase_add_test(tc, a_winner_that_only_says_solo_is_not_proven);
	tcase_add_loop_test(tc, a_copy_that_gave_way_ends_beside_a_guest_that_was_started_anew, 0,
	                    2 * sizeof started_anew / sizeof started_anew[0]);
	tcase_add_loop_test(tc, a_copy_that_lost_is_not_woken_by_a_restart_nor_by_a_winner_at_rest, 0, 2);
	tcase_add_loop_test(tc, who_is_given_the_session_back_goes_on, 0, 8);
	tcase_add_test(tc, a_session_given_back_is_taken_once_our_own_claim_is_settled);
	tcase_add_test(tc, a_claim_of_what_was_given_back_is_not_lost);
	tcase_add_test(tc, what_is_held_and_goes_on_at_once_has_two_outcomes);
	tcase_add_test(tc, a_session_given_back_to_a_running_side_is_taken);
	tcase_add_loop_test(tc, a_winner_whose_qemu_dies_in_its_promotion_gives_back, 0, 2);
	tcase_add_test(tc, what_is_not_on_disk_is_not_given_back);
	tcase_add_loop_test(tc, a_winner_that_may_have_run_does_not_give_back, 0, 4);
	tcase_add_test(tc, a_winner_whose_qemu_has_another_role_by_now_does_not_give_back);
	tcase_add_loop_test(tc, a_late_win_of_a_qemu_that_may_have_run_is_not_given_back, 0, 2);
	tcase_add_test(tc, a_late_win_of_a_qemu_that_runs_is_not_given_back);
	tcase_add_loop_test(tc, only_who_stayed_in_the_pair_gives_it_back_as_it_dies, 0, 3);
	tcase_add_test(tc, a_released_side_looks_into_the_register_for_a_copy_that_waits);
	tcase_add_test(tc, a_winner_whose_qemu_cannot_be_promoted_gives_back_what_stands_still);
	tcase_add_loop_test(tc, a_winner_whose_qemu_cannot_be_promoted_keeps_at_it_where_nobody_waits, 0, 3);
	tcase_add_loop_test(tc, who_is_given_the_session_as_its_copy_has_died_may_start_anew, 0, 5);
	tcase_add_loop_test(tc, a_winner_whose_qemu_is_silent_says_who_waits_for_it, 0, 3);
	tcase_add_test(tc, a_silent_qemu_whose_win_is_found_is_not_given_back);
	tcase_add_loop_test(tc, a_copy_whose_winner_does_nothing_says_what_frees_it, 0, 4);
	tcase_add_loop_test(tc, a_winner_that_hangs_is_ended_and_the_loser_goes_on, 0, 2);
	tcase_add_test(tc, a_winner_that_hangs_is_ended_and_who_had_yielded_goes_on);
	tcase_add_test(tc, a_qemu_that_was_started_since_has_not_failed);
	tcase_add_test(tc, a_winner_puts_its_name_into_the_verdict_once_its_guest_runs);
	tcase_add_test(tc, an_order_waits_for_the_session_that_is_on_its_way_to_disk);
	tcase_add_test(tc, the_verdict_stands_above_the_register);
	tcase_add_loop_test(tc, an_order_against_a_winner_needs_a_person_who_vouches, 0, 6);
	tcase_add_test(tc, an_order_asks_an_arbiter_anew_that_was_out_of_reach);
	tcase_add_test(tc, each_order_against_a_winner_asks_for_itself);
	tcase_add_loop_test(tc, a_late_answer_of_the_register_does_not_take_a_hand_back_back, 0, 2);
	tcase_add_test(tc, what_was_given_back_is_not_given_back_again);
	tcase_add_test(tc, who_has_given_back_never_takes_it_again);
	tcase_add_test(tc, a_claim_to_start_anew_is_not_given_back);
	tcase_add_loop_test(tc, nothing_is_started_while_the_session_is_being_given_back, 0, 2);
	tcase_add_loop_test(tc, a_hand_back_that_failed_is_tried_again, 0, 2);
	tcase_add_loop_test(tc, a_guest_that_runs_by_a_hand_back_the_disk_did_not_take_goes_on, 0, 2);
	tcase_add_test(tc, a_copy_is_not_ended_while_its_name_is_on_its_way_into_the_verdict);
	tcase_add_test(tc, an_order_against_a_winner_that_is_starting_the_guest_is_refused);
	tcase_add_test(tc, a_hand_back_that_the_disk_may_have_taken_is_not_taken_back);
	tcase_add_test(tc, each_try_of_the_plan_thaws_first);
	tcase_add_loop_test(tc, a_host_that_is_lost_is_fenced, 0, 2);
	tcase_add_test(tc, a_primary_fences_before_its_peer_is_lost);
	tcase_add_loop_test(tc, who_wins_by_a_fence_under_this_ftd_may_start_anew, 0, 2);
	tcase_add_loop_test(tc, who_wins_what_it_had_given_away_writes_that_down, 0, 6);
	tcase_add_test(tc, who_wins_by_a_fence_what_it_had_given_away_says_that_it_was_the_later);
	tcase_add_loop_test(tc, a_host_whose_ftd_says_that_nothing_runs_there_is_not_fenced, 0, 2);
	tcase_add_test(tc, who_ends_a_session_that_the_peer_has_bound_again_ends_that_one);
	tcase_add_test(tc, who_is_yielded_to_in_a_released_session_goes_on_though_its_qemu_is_blocked);
	tcase_add_loop_test(tc, a_host_that_yields_to_an_order_is_not_fenced, 0, 2);
	tcase_add_loop_test(tc, a_peer_that_is_heard_is_powered_off_only_where_nothing_else_proves_anything, 0, 2);
	tcase_add_test(tc, after_a_fence_a_new_pair_is_bound_without_a_register);
	tcase_add_test(tc, a_survivor_proposes_although_its_old_peer_still_names_the_session_that_it_ended);
	tcase_add_loop_test(tc, an_absurd_epoch_of_the_peer_makes_no_session_that_cannot_be_stored, 0, 2);
	tcase_add_test(tc, a_session_that_both_sides_gave_up_is_ended_for_the_new_pair);
	tcase_add_test(tc, replication_that_broke_while_the_session_was_lost_is_broken);
	tcase_add_loop_test(tc, a_peer_that_yielded_without_a_session_shows_that_none_was_lost, 0, 2);
	tcase_add_loop_test(tc, a_death_is_told_once_it_is_on_disk, 0, 2);
	tcase_add_loop_test(tc, a_death_that_the_disk_does_not_take_is_an_absence, 0, 2);
	tcase_add_loop_test(tc, a_death_on_its_way_to_disk_is_told_as_such, 0, 2);
	tcase_add_loop_test(tc, the_host_of_who_is_dying_is_not_powered_off, FT_ROLE_PRIMARY, FT_ROLE_SECONDARY + 1);
	tcase_add_loop_test(tc, an_order_beside_the_claim_of_who_is_dying_is_carried_out, FT_ROLE_PRIMARY,
	                    FT_ROLE_SECONDARY + 1);
	tcase_add_loop_test(tc, who_is_dying_is_claimed_from_at_once, FT_ROLE_PRIMARY, FT_ROLE_SECONDARY + 1);
	tcase_add_loop_test(tc, the_word_of_who_was_dying_may_come_before_the_registers, FT_ROLE_PRIMARY,
	                    FT_ROLE_SECONDARY + 1);
	tcase_add_loop_test(tc, an_arbiter_out_of_reach_does_not_freeze_who_waits_for_the_word_of_the_dying,
	                    FT_ROLE_PRIMARY, FT_ROLE_SECONDARY + 1);
	tcase_add_test(tc, the_death_is_a_better_cause_than_the_break);
	tcase_add_loop_test(tc, who_is_dying_is_waited_for_where_the_register_cannot_help, 0, 4);
	tcase_add_test(tc, who_yields_while_its_session_is_on_the_way_to_disk_gives_that_up_first);
	tcase_add_test(tc, a_qemu_that_is_being_ended_has_not_yielded_before_it_has_ended);
	tcase_add_loop_test(tc, an_answer_about_an_earlier_session_says_nothing_about_this_one, 0, 2);
	tcase_add_test(tc, a_restarted_secondary_names_no_session_before_its_qemu_has_spoken);
	tcase_add_loop_test(tc, a_pair_with_two_detection_times_has_no_session, 0, 2);
	tcase_add_test(tc, a_survivor_goes_on_when_the_new_peer_comes_back_without_its_qemu);
	tcase_add_test(tc, who_has_lost_and_was_let_go_on_leads_the_next_pair);
	tcase_add_test(tc, a_guest_that_was_booted_here_is_yielded_to_nobody);
	tcase_add_test(tc, an_order_does_not_go_past_a_peer_that_is_starting_the_guest);
	tcase_add_test(tc, an_order_beside_a_peer_that_is_heard_is_refused_where_no_register_can_tell);
	tcase_add_test(tc, who_has_resigned_and_is_given_the_right_back_has_won);
	tcase_add_test(tc, a_peer_that_speaks_before_an_ordered_plan_comes_through_is_asked);
	tcase_add_loop_test(tc, a_plan_that_an_earlier_ftd_has_begun_is_ended_whatever_is_doubted, 0, 2);
	tcase_add_test(tc, an_outcome_that_an_earlier_ftd_did_not_write_is_made_up_for);
	tcase_add_loop_test(tc, a_failover_that_is_found_over_and_is_won_by_the_register_is_told, 0, 2);
	tcase_add_test(tc, a_guest_that_has_failed_over_is_not_thawed_for_a_peer_that_is_back);
	tcase_add_loop_test(tc, an_outcome_that_is_on_disk_is_not_told_again, 0, 2);
	tcase_add_test(tc, a_session_of_an_earlier_qemu_has_no_outcome);
	tcase_add_test(tc, an_outcome_that_the_disk_did_not_take_is_written_later);
	tcase_add_test(tc, an_outcome_that_is_to_be_written_later_is_not_forgotten_for_one_that_is_owed);
	tcase_add_test(tc, a_disk_that_never_takes_an_outcome_is_asked_about_once_a_minute);
	tcase_add_test(tc, who_leaves_writes_an_outcome_first_that_the_disk_did_not_take);
	tcase_add_test(tc, who_leaves_waits_anew_for_the_outcome_of_a_failover_since);
	tcase_add_loop_test(tc, who_leaves_does_not_wait_long_for_a_disk_that_takes_no_outcome, 0, 3);
	tcase_add_test(tc, a_refusal_beside_an_outcome_that_is_written_again_has_its_own_answer);
	tcase_add_test(tc, a_failed_failover_that_comes_through_after_all_is_a_success);
	tcase_add_loop_test(tc, what_was_found_to_be_won_waits_after_a_restart_as_before, 0, 2);
	tcase_add_loop_test(tc, what_was_found_to_be_won_waits_for_every_right_that_was_granted, 0, 2);
	tcase_add_test(tc, what_was_found_to_be_won_is_won_for_good_once_it_is_gone_on_with);
	tcase_add_test(tc, a_win_that_was_asked_for_is_gone_on_with_at_once_after_a_restart);
	tcase_add_test(tc, what_was_found_to_be_won_is_no_licence_to_start_beside_who_may_run);
	tcase_add_loop_test(tc, a_claim_is_won_only_once_the_other_host_is_off, 0, 2);
	tcase_add_loop_test(tc, a_fence_that_fails_is_tried_again_until_it_works, 0, 2);
	tcase_add_loop_test(tc, a_fence_that_has_failed_waits_for_the_arbiter_and_says_so, 0, 2);
	tcase_add_loop_test(tc, a_primary_that_is_heard_is_powered_off_where_it_acknowledges_nothing, 0, 3);
	tcase_add_test(tc, a_primary_that_is_heard_is_powered_off_a_detection_time_after_its_last_answer);
	tcase_add_test(tc, heartbeats_that_come_now_and_then_do_not_put_the_fence_off);
	tcase_add_test(tc, a_primary_that_falls_silent_before_the_arbiters_answer_is_powered_off);
	tcase_add_test(tc, a_dying_qemu_powers_no_host_off_by_the_time_of_its_last_answer);
	tcase_add_test(tc, a_dying_qemu_that_was_told_powers_no_host_off_that_is_lost_since);
	tcase_add_test(tc, a_primary_that_answered_a_moment_ago_is_not_powered_off_for_a_late_heartbeat);
	tcase_add_loop_test(tc, a_pause_of_ours_powers_no_host_off_that_answers, 0, 2);
	tcase_add_loop_test(tc, a_new_pair_powers_no_host_off, 0, 2);
	tcase_add_loop_test(tc, a_win_without_its_fence_is_not_gone_on_with_for_a_second_silence, 0, 2);
	tcase_add_loop_test(tc, who_says_that_it_stands_still_needs_no_fence, 0, 2);
	tcase_add_test(tc, only_a_person_that_vouches_for_the_other_host_goes_past_a_fence_that_fails);
	tcase_add_loop_test(tc, a_persons_word_is_no_fence_for_a_peer_that_is_heard_again, 0, 2);
	tcase_add_test(tc, a_win_without_its_fence_waits_for_what_a_peer_that_has_just_come_knows);
	tcase_add_loop_test(tc, a_win_without_its_fence_is_one_after_a_restart, 0, 4);
	tcase_add_loop_test(tc, a_frozen_primary_that_has_won_without_the_fence_is_not_woken_by_a_restart, 0, 8);
	tcase_add_loop_test(
	    tc, a_primary_that_has_won_without_the_fence_and_does_not_stand_still_is_not_known_by_its_session, 0, 2);
	tcase_add_loop_test(tc, a_winner_reads_no_verdict_before_its_first_fence, 0, 2);
	tcase_add_test(tc, who_cannot_know_when_it_has_won_reads_the_verdict_before_its_fence);
	tcase_add_loop_test(tc, who_is_named_by_the_verdict_is_not_powered_off_for_a_win, 0, 6);
	tcase_add_test(tc, who_is_named_by_the_verdict_since_a_fence_failed_is_not_powered_off_for_a_start);
	tcase_add_test(tc, a_vm_is_not_started_before_the_other_host_is_off);
	tcase_add_loop_test(tc, a_loser_takes_over_once_its_fence_has_switched_the_winner_off, 0, 2);
	tcase_add_test(tc, who_has_yielded_takes_over_by_its_fence_as_well);
	tcase_add_test(tc, a_fence_that_worked_before_the_winner_was_heard_again_does_not_count);
	tcase_add_test(tc, who_is_named_after_all_is_not_taken_over_from);
	tcase_add_loop_test(tc, a_winner_is_not_switched_off_where_it_may_be_well, 0, 4);
	tcase_add_test(tc, a_fence_that_fails_a_loser_is_tried_so_many_times);
	tcase_add_test(tc, a_name_that_landed_late_counts_once_the_winner_is_switched_off_again);
	tcase_add_loop_test(tc, who_is_heard_again_with_a_guest_is_not_taken_over_from, 0, 2);
	tcase_add_loop_test(tc, a_loser_whose_ftd_was_restarted_is_held_and_takes_over_by_its_fence, 0, 2);
	tcase_add_test(tc, two_that_have_yielded_do_not_switch_each_other_off_at_one_time);
	tcase_add_test(tc, a_winner_is_not_switched_off_the_moment_that_the_arbiter_is_back);
	tcase_add_test(tc, a_winner_is_switched_off_so_long_after_it_fell_silent);
	tcase_add_test(tc, no_copy_is_ended_for_a_winner_that_our_own_fence_is_switching_off);
	tcase_add_loop_test(tc, who_ran_alone_after_it_had_resigned_does_not_give_back_after_a_restart, 0, 3);
	tcase_add_loop_test(tc, who_has_won_yields_to_nobody, 0, 8);
	tcase_add_loop_test(tc, a_qemu_that_is_seen_late_and_stands_still_is_found_as_at_the_start, 0, 8);
	tcase_add_loop_test(tc, a_qemu_that_is_seen_late_and_whose_session_is_lost_stands_still, 0, 4);
	tcase_add_loop_test(tc, a_death_beside_a_session_that_may_be_on_disk_is_told_once_that_is_given_up, 0, 4);
	tcase_add_test(tc, a_session_that_the_disk_refuses_is_not_told_of_a_dead_secondary);
	tcase_add_test(tc, a_survivors_next_session_is_given_up_before_its_death_is_told);
	tcase_add_loop_test(tc, a_session_that_the_disk_refuses_is_told_once_its_primary_is_dead, 0, 4);
	tcase_add_loop_test(tc, a_peer_that_comes_back_before_the_claim_is_answered_says_first_what_it_runs, 0, 2);
	tcase_add_test(tc, an_order_goes_on_once_the_peer_that_came_back_stands_still);
	tcase_add_test(tc, an_order_that_asks_ends_where_the_right_was_given_away);
	tcase_add_test(tc, who_has_released_and_hears_the_other_claim_looks_whether_it_has_lost);
	tcase_add_test(tc, a_refused_session_is_not_told_as_given_back);
	tcase_add_test(tc, who_may_be_bound_again_does_not_say_that_it_is_released);
	tcase_add_test(tc, who_may_be_bound_again_leaves_no_word_of_its_qemus_end);
	tcase_add_test(tc, who_may_be_bound_yields_once_that_is_given_up);
	tcase_add_loop_test(tc, an_order_that_has_asked_takes_up_what_the_peer_gives_up, 0, 2);
	tcase_add_test(tc, an_order_that_has_asked_does_not_take_up_the_session_of_who_falls_silent_and_replicates);
	tcase_add_test(tc, an_order_after_a_failed_one_claims_what_the_peer_alone_has);
	tcase_add_loop_test(tc, what_was_under_way_as_the_session_was_given_back_is_the_same_failover, 0, 2);
	tcase_add_loop_test(
	    tc, a_late_win_of_a_qemu_that_is_known_to_have_stayed_in_the_pair_is_given_back_by_the_next_ftd, 0, 2);
	tcase_add_test(tc, a_late_win_of_a_qemu_that_has_left_colo_is_not_given_back);
	tcase_add_loop_test(tc, a_late_win_that_the_verdict_knows_more_of_is_not_given_back, 0, 2);
	tcase_add_loop_test(tc, no_failover_waits_without_end_for_a_disk_that_says_that_our_qemu_has_stayed, 0, 4);
	tcase_add_loop_test(tc, who_resigns_in_doubt_writes_down_that_its_qemu_has_stayed, 0, 4);
	tcase_add_loop_test(tc, what_is_known_to_have_stayed_runs_once_the_disk_does_not_say_so_any_more, 0, 3);
	tcase_add_loop_test(tc, an_order_that_waits_for_the_disk_is_refuted_by_a_peer_that_is_heard, 0, 3);
	tcase_add_test(tc, a_late_win_is_not_given_back_beside_a_guest_that_was_started_anew);
	tcase_add_test(tc, a_late_win_is_given_back_beside_a_new_secondary);
	tcase_add_test(tc, what_may_be_known_to_have_stayed_runs_once_the_disk_says_otherwise);
	tcase_add_loop_test(tc, who_finds_a_win_hears_first_whether_the_peer_is_bound_by_it, 0, 2);
	tcase_add_test(tc, who_finds_a_win_makes_no_other_session_while_the_peer_may_be_bound_by_it);
	tcase_add_loop_test(tc, who_may_be_bound_soon_is_not_ready_for_another_session, 0, 2);
	tcase_add_test(tc, what_holds_of_another_qemus_session_is_not_written_to_bind_this_one);
	tcase_add_test(tc, no_failover_waits_for_a_disk_that_has_taken_what_holds_since_a_resignation_failed);
	tcase_add_test(tc, one_that_dies_as_it_stands_still_is_not_found_again);
	tcase_add_test(tc, a_primary_that_comes_after_us_is_not_doubted);
	tcase_add_loop_test(tc, the_acknowledgements_of_an_ftd_that_we_have_proposed_nothing_to_give_no_right, 0, 2);
	tcase_add_test(tc, who_has_named_a_session_is_not_taken_for_one_that_never_did_as_it_is_stored_again);
	tcase_add_loop_test(tc, who_is_refused_looks_whether_it_has_lost, 0, 2);
	tcase_add_loop_test(tc, an_order_in_a_released_session_claims_first, 0, 6);
	tcase_add_test(tc, an_order_beside_a_guest_that_replicates_still_is_refused);
	tcase_add_loop_test(tc, an_order_beside_a_guest_that_replicates_without_a_session_is_refused, 0, 2);
	tcase_add_test(tc, a_failover_without_a_session_tells_no_claim_of_an_earlier_pair);
	tcase_add_test(tc, an_order_that_outlasts_the_goodbye_of_a_guest_that_replicates_is_refused);
	tcase_add_loop_test(tc, an_order_by_the_word_of_who_names_no_session_claims_first, 0, 2);
	tcase_add_test(tc, no_failover_succeeds_whose_claim_is_lost);
	tcase_add_test(tc, a_released_primary_that_hears_nobody_looks_whether_it_has_lost);
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
