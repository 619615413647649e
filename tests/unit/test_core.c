/* The decision core alone, in virtual time: every row of its table is the reason for at least one assertion here.
 * Times: heartbeat 100 ms, lost after 500 ms, a checkpoint at least every 2 s, stuck 5 s after it was due. */
#include "core/core_internal.h"
#include "tests/unit/core_world.h"

#include <stdio.h>
#include <stdlib.h>

static struct world {
	struct ft_core c;
	int64_t now;
	struct ft_qemu_facts q;
	struct ft_peer_news p;
	struct pending pending;
	struct ft_actions out;   /* of the newest step */
	int did[FT_DO_EXIT + 1]; /* since forget() */
	char said[8192];         /* every text since forget() */
	int64_t done_at[FT_DO_EXIT + 1];
} w;

static const enum ft_role both_roles[] = {FT_ROLE_PRIMARY, FT_ROLE_SECONDARY};

static enum ft_role other(enum ft_role r)
{
	return r == FT_ROLE_PRIMARY ? FT_ROLE_SECONDARY : FT_ROLE_PRIMARY;
}

/* ---- driving ---- */

static void note_actions(void)
{
	for (int i = 0; i < w.out.n; i++) {
		const struct ft_action *a = &w.out.a[i];
		w.did[a->kind]++;
		w.done_at[a->kind] = w.now;
		size_t used = strlen(w.said);
		snprintf(w.said + used, sizeof w.said - used, "%s %s\n", action_name(a->kind), a->text);
	}
}

static void step(const struct ft_event *e)
{
	static const struct ft_event nothing = {.kind = FT_EVENT_TIME};
	ft_core_step(&w.c, e, w.now, &w.out);
	const char *fault = broken_law(&w.c, e, &w.pending, &w.out);
	ck_assert_msg(!fault, "event %d in phase %s: %s", (int)e->kind, phase_name(w.c.phase), fault);
	note_actions();
	struct ft_actions again;
	ft_core_step(&w.c, &nothing, w.now, &again);
	ck_assert_msg(again.n == 0, "the table had not come to rest in %s: %s %s", phase_name(w.c.phase),
	              action_name(again.a[0].kind), again.a[0].text);
}

static void pass(double ms)
{
	static const struct ft_event e = {.kind = FT_EVENT_TIME};
	int64_t end = w.now + MS(ms);
	for (int n = 0; ft_core_deadline(&w.c) <= end; n++) {
		ck_assert_msg(n < 1000, "a deadline that never lets go in %s", phase_name(w.c.phase));
		w.now = ft_core_deadline(&w.c);
		step(&e);
	}
	w.now = end;
	step(&e);
}

static void forget(void)
{
	memset(w.did, 0, sizeof w.did);
	w.said[0] = '\0';
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

static void peer_state(enum ft_state s)
{
	w.p.side.state = s;
	peer_says();
}

static void peer_is_solo(void)
{
	w.p.side.role = FT_ROLE_SOLO;
	w.p.side.ready = false;
	w.p.side.proven = true;
	peer_state(FT_SOLO);
}

static void peer_asks(void)
{
	w.p.side.request = FT_REQUEST_YIELD;
	w.p.side.request_id++;
	w.p.side.state = FT_CLAIMING;
	peer_says();
}

static void peer_answers(enum ft_answer a)
{
	w.p.side.answer = a;
	w.p.side.answer_id = w.c.self.request_id;
	if (a == FT_ANSWER_YIELDED)
		w.p.side.vm = FT_VM_YIELDED;
	peer_says();
}

/* As the detector does: the newest heartbeat came in half a window, or a whole one, ago. */
static void hear(enum ft_peer_hearing h)
{
	static int64_t heard_at;
	if (h == FT_PEER_ALIVE)
		heard_at = w.now;
	int64_t age = h == FT_PEER_QUIET ? MS(250) : h == FT_PEER_LOST ? MS(500) : 0;
	if (w.now < heard_at + age) {
		pass((double)(heard_at + age - w.now) / 1e6);
	} else if (h != FT_PEER_ALIVE) {
		heard_at = w.now;
		pass((double)age / 1e6);
	}
	step(&(struct ft_event){.kind = FT_EVENT_HEARING, .hearing = h, .heard_at = heard_at});
}

static void peer_is_lost(void)
{
	hear(FT_PEER_QUIET);
	hear(FT_PEER_LOST);
}

static void port_unreachable(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_REFUSED});
}

static void qemu_is(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &w.q});
}

static void qemu_dies(void)
{
	w.q.vm = FT_VM_GONE;
	w.q.connected = w.q.oob = w.q.plan_ready = w.q.pid_verified = false;
	qemu_is();
}

static void qemu_left_colo(void)
{
	w.q.last_role = w.q.role;
	w.q.role = FT_ROLE_NONE;
	w.q.plan_ready = false;
	qemu_is();
}

static void new_qemu(enum ft_role role)
{
	w.q = (struct ft_qemu_facts){.connected = true,
	                             .oob = true,
	                             .plan_ready = true,
	                             .pid_verified = true,
	                             .instance = w.q.instance + 1,
	                             .vm = FT_VM_ALIVE,
	                             .role = role,
	                             .checkpoint_ms = 2000};
	qemu_is();
}

static void checkpoint(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_CHECKPOINT});
}

/* The guest stood so long for it. */
static void checkpoint_took(int ms)
{
	step(&(struct ft_event){.kind = FT_EVENT_CHECKPOINT, .at = ms * FT_NS_PER_MS});
}

static void colo_exit(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_COLO_EXIT, .error = true, .text = "error"});
}

static void qemu_hangs(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_HUNG, .text = "stopped by someone"});
}

static void frozen(bool ok)
{
	step(&(struct ft_event){.kind = FT_EVENT_FROZEN, .error = !ok, .text = ok ? NULL : "no permission"});
}

static void planned(bool ok)
{
	struct ft_plan_report r = {.ok = ok, .proven_at = ok ? w.now : FT_NEVER, .n_steps = 1};
	r.steps[0] = (struct ft_step_record){.channel = FT_CHANNEL_QMP, .result = ok ? FT_STEP_OK : FT_STEP_ERROR};
	strcpy(r.error, ok ? "" : "x-colo-lost-heartbeat: refused");
	step(&(struct ft_event){.kind = FT_EVENT_PLAN, .plan = &r});
}

static void recorded(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_RECORDED});
}

static void force(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR});
}

static void leave(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_LEAVE});
}

/* Time in which the guest runs, replication goes on and the peer is heard. */
static void live(double seconds)
{
	for (int i = 0; i < (int)seconds; i++) {
		pass(1000);
		hear(FT_PEER_ALIVE);
		checkpoint();
	}
}

/* ---- expecting ---- */

/* How long a peer has to answer: the detection time of these tests, and FT_ASK_NS. */
#define ASK_MS (500 + (int)(FT_ASK_NS / FT_NS_PER_MS))
#define expect_phase(p)                                                                                                \
	ck_assert_msg(w.c.phase == FT_PHASE_##p, "in %s, not %s; since then:\n%s", phase_name(w.c.phase), #p, w.said)
#define expect_did(k, n)                                                                                               \
	ck_assert_msg(w.did[FT_DO_##k] == (n), "%s %d times, not %d:\n%s", #k, w.did[FT_DO_##k], (n), w.said)
#define expect_not_said(t) ck_assert_msg(strstr(w.said, t) == NULL, "\"%s\" was said:\n%s", t, w.said)
#define expect_said(t)     ck_assert_msg(strstr(w.said, t) != NULL, "\"%s\" was not said:\n%s", t, w.said)

static void expect_no_failover(void)
{
	expect_did(PLAN, 0);
	expect_did(FREEZE, 0);
	expect_did(KILL, 0);
	expect_did(RECORD, 0);
}

static void expect_answer(enum ft_answer a)
{
	ck_assert_int_eq(w.c.self.answer, a);
	ck_assert_uint_eq(w.c.self.answer_id, w.p.side.request_id);
}

/* The rest of a takeover that has begun, up to its announcement. */
static void expect_takeover(enum ft_cause cause)
{
	expect_phase(PLANNING);
	expect_did(PLAN, 1);
	ck_assert_str_eq(ft_cause_name(w.c.outcome.cause), ft_cause_name(cause));
	planned(true);
	expect_phase(RECORDING);
	expect_did(RECORD, 1);
	expect_did(OUTCOME, 0);
	recorded();
	expect_phase(SOLO);
	expect_did(OUTCOME, 1);
	ck_assert_int_eq(w.c.outcome.result, FT_SUCCESS);
	ck_assert_int_eq(w.c.self.role, FT_ROLE_SOLO);
}

static void expect_outcome(enum ft_result result, const char *error)
{
	expect_did(RECORD, 1);
	recorded();
	expect_did(OUTCOME, 1);
	ck_assert_str_eq(ft_result_name(w.c.outcome.result), ft_result_name(result));
	ck_assert_msg(strstr(w.c.outcome.error, error), "\"%s\" is not in \"%s\"", error, w.c.outcome.error);
}

/* ---- reaching a phase ---- */

static void begin(void)
{
	uint64_t instance = w.q.instance;
	memset(&w, 0, sizeof w);
	w.q.instance = instance;
	w.now = SECOND(1000);
	struct ft_core_params params = {
	    .node = "alpha", .incarnation = 0xa1, .interval = MS(100), .window = MS(500), .reply_timeout = SECOND(1)};
	ft_core_init(&w.c, &params, w.now);
}

static void arm(enum ft_role role)
{
	begin();
	new_qemu(role);
	w.p = (struct ft_peer_news){
	    .node = "beta",
	    .incarnation = 0xb1,
	    .side = {
	        .state = FT_ARMING, .role = other(role), .vm = FT_VM_ALIVE, .checkpoint_ms = 2000, .request_id = 70}};
	peer_says();
	hear(FT_PEER_ALIVE);
}

static void protect(enum ft_role role)
{
	arm(role);
	checkpoint();
	w.p.side.ready = true;
	peer_state(FT_PROTECTED);
	expect_phase(PROTECTED);
	forget();
}

static void fail_plan(void)
{
	for (int i = 0; i < FT_PLAN_TRIES; i++) {
		planned(false);
		pass(1000);
	}
	recorded();
}

static void yield_to(enum ft_phase phase)
{
	peer_asks();
	if (phase == FT_PHASE_YIELDING)
		return;
	frozen(true);
	if (phase == FT_PHASE_HELD)
		peer_is_lost();
	if (phase == FT_PHASE_FENCED) {
		w.p.side.request = FT_REQUEST_NONE;
		peer_is_solo();
	}
}

static void take_over_to(enum ft_phase phase)
{
	peer_vm(FT_VM_GONE);
	if (phase == FT_PHASE_FAILED)
		fail_plan();
	if (phase == FT_PHASE_RECORDING || phase == FT_PHASE_SOLO)
		planned(true);
	if (phase == FT_PHASE_SOLO)
		recorded();
}

static void reach(enum ft_phase phase, enum ft_role role)
{
	protect(role);
	switch (phase) {
	case FT_PHASE_STARTING:
		begin();
		break;
	case FT_PHASE_UNPROTECTED:
		w.p.side.leaving = true;
		peer_says();
		w.p.side.leaving = false;
		w.p.side.role = FT_ROLE_NONE;
		peer_says();
		break;
	case FT_PHASE_ARMING:
		arm(role);
		break;
	case FT_PHASE_PROTECTED:
		break;
	case FT_PHASE_SUSPECT:
		hear(FT_PEER_QUIET);
		break;
	case FT_PHASE_WATCH:
		w.p.side.ready = false;
		peer_says();
		break;
	case FT_PHASE_ASKING:
		force();
		break;
	case FT_PHASE_PLANNING:
	case FT_PHASE_RECORDING:
	case FT_PHASE_SOLO:
	case FT_PHASE_FAILED:
		take_over_to(phase);
		break;
	case FT_PHASE_YIELDING:
	case FT_PHASE_YIELDED:
	case FT_PHASE_HELD:
	case FT_PHASE_FENCED:
		yield_to(phase);
		break;
	case FT_PHASE_FREEZING: /* only with an arbiter: the simulation's part */
	case FT_PHASE_CLAIMING:
	case FT_PHASE_CUT_OFF:
	case FT_PHASE_COUNT:
		ck_abort();
	}
	ck_assert_msg(w.c.phase == phase, "%s, not %s:\n%s", phase_name(w.c.phase), phase_name(phase), w.said);
	forget();
}

/* ---- calm ---- */

START_TEST(calm_start_leads_to_protected)
{
	enum ft_role role = both_roles[_i];
	arm(role);
	expect_phase(ARMING);
	ck_assert(!w.c.self.ready);
	/* Only the primary can make a checkpoint happen. */
	ck_assert_int_eq(w.did[FT_DO_PROBE], role == FT_ROLE_PRIMARY);
	checkpoint();
	ck_assert(w.c.self.ready);
	expect_phase(ARMING);
	ck_assert_int_ge(count_actions(&w.out, FT_DO_SEND), 1);
	w.p.side.ready = true;
	peer_says();
	expect_phase(PROTECTED);
	expect_no_failover();
	forget();
	live(60);
	expect_phase(PROTECTED);
	expect_did(SAY, 0);
	expect_did(PROBE, 0);
}
END_TEST

START_TEST(late_peer_is_waited_for)
{
	begin();
	ck_assert_str_ne(w.c.reason, ""); /* from the first moment */
	new_qemu(both_roles[_i]);
	expect_phase(STARTING);
	pass(2999);
	expect_phase(STARTING);
	pass(1);
	expect_phase(UNPROTECTED);
	ck_assert_str_eq(w.c.reason, "the peer has not been heard yet");
	pass(3600e3);
	expect_phase(UNPROTECTED);
	expect_no_failover();
	w.p = (struct ft_peer_news){.node = "beta",
	                            .incarnation = 0xb1,
	                            .side = {.role = other(both_roles[_i]), .vm = FT_VM_ALIVE, .ready = true}};
	peer_says();
	hear(FT_PEER_ALIVE);
	checkpoint();
	expect_phase(PROTECTED);
}
END_TEST

START_TEST(primary_probes_until_a_checkpoint_completes)
{
	arm(FT_ROLE_PRIMARY);
	expect_did(PROBE, 1);
	pass(3500);
	expect_did(PROBE, 4);
	checkpoint();
	forget();
	pass(999);
	/* The peer has not seen one: it may have connected after ours. */
	w.p.side.state = FT_ARMING;
	peer_says();
	pass(1000);
	ck_assert_int_ge(w.did[FT_DO_PROBE], 1);
	w.p.side.ready = true;
	peer_says();
	expect_phase(PROTECTED);
}
END_TEST

START_TEST(arming_ends_when_the_peer_no_longer_fits)
{
	arm(both_roles[_i]);
	w.p.side.role = FT_ROLE_NONE;
	peer_says();
	expect_phase(UNPROTECTED);
	ck_assert_str_eq(w.c.reason, "the peer's QEMU is not our counterpart in COLO");
	w.p.side.role = other(both_roles[_i]);
	peer_says();
	expect_phase(ARMING);
}
END_TEST

START_TEST(reason_of_being_unprotected_is_kept_true)
{
	begin();
	pass(3000);
	forget();
	w.q.vm = FT_VM_ABSENT;
	qemu_is();
	expect_said("no QEMU listens");
	w.q.vm = FT_VM_ALIVE;
	w.q.connected = true;
	w.q.instance = 9;
	qemu_is();
	expect_said("oob_socket");
	ck_assert_str_eq(w.c.reason, "our QEMU does not answer on qmp.oob_socket");

	reach(FT_PHASE_WATCH, both_roles[_i]);
	w.q.oob = false;
	qemu_is();
	expect_phase(WATCH);
	ck_assert_str_eq(w.c.reason, "our QEMU does not answer on qmp.oob_socket");
}
END_TEST

START_TEST(what_is_missing_interrupts_protection_and_heals)
{
	enum ft_role role = both_roles[_i];
	protect(role);
	w.q.plan_ready = false;
	strcpy(w.q.fault, "unknown block driver");
	qemu_is();
	expect_phase(WATCH);
	ck_assert_str_eq(w.c.reason, "unknown block driver");
	ck_assert_int_eq(ft_core_state(&w.c), FT_UNPROTECTED);
	w.q.plan_ready = true;
	qemu_is();
	expect_phase(PROTECTED);
	expect_no_failover();
}
END_TEST

START_TEST(qmp_reconnect_needs_a_new_proof)
{
	enum ft_role role = both_roles[_i];
	protect(role);
	live(2);
	w.q.connected = w.q.oob = w.q.plan_ready = false;
	w.q.role = w.q.last_role = FT_ROLE_NONE; /* nobody there to say it */
	qemu_is();
	expect_phase(WATCH);
	ck_assert(!w.c.self.ready);
	ck_assert_int_eq(w.c.self.role, role);
	w.q.connected = w.q.oob = w.q.plan_ready = true;
	w.q.role = role;
	qemu_is();
	expect_phase(WATCH);
	ck_assert_str_eq(w.c.reason, "no checkpoint has completed yet");
	if (role == FT_ROLE_PRIMARY)
		ck_assert_int_ge(w.did[FT_DO_PROBE], 1);
	checkpoint();
	expect_phase(PROTECTED);
	expect_no_failover();
}
END_TEST

START_TEST(a_new_qemu_is_not_bound_by_the_old_ones_pair)
{
	protect(both_roles[_i]);
	new_qemu(FT_ROLE_NONE);
	expect_phase(UNPROTECTED);
	peer_is_lost();
	expect_phase(UNPROTECTED);
	expect_no_failover();
}
END_TEST

START_TEST(a_new_qemu_in_colo_needs_its_own_proof)
{
	enum ft_role role = both_roles[_i];
	protect(role);
	colo_exit();
	if (role == FT_ROLE_PRIMARY)
		peer_answers(FT_ANSWER_REFUSED);
	ck_assert(w.c.self.repl_broken);
	new_qemu(role);
	expect_phase(ARMING);
	ck_assert(!w.c.self.ready);
	ck_assert(!w.c.self.repl_broken);
	checkpoint();
	expect_phase(PROTECTED);
}
END_TEST

START_TEST(peers_restarted_ftd_fails_nothing_over)
{
	protect(both_roles[_i]);
	w.p.incarnation++;
	w.p.side = (struct ft_side){.state = FT_STARTING, .vm = FT_VM_UNKNOWN};
	peer_says();
	expect_phase(WATCH);
	ck_assert_str_eq(w.c.reason, "the peer does not reach its QEMU yet");
	live(2);
	w.p.side =
	    (struct ft_side){.state = FT_ARMING, .role = other(both_roles[_i]), .vm = FT_VM_ALIVE, .ready = true};
	peer_says();
	expect_phase(PROTECTED);
	expect_no_failover();
}
END_TEST

START_TEST(own_restart_fails_nothing_over)
{
	enum ft_role role = both_roles[_i];
	begin(); /* the peer is silent just then, too */
	new_qemu(role);
	pass(10e3);
	expect_phase(UNPROTECTED);
	expect_no_failover();
	arm(role);
	hear(FT_PEER_LOST);
	pass(10e3);
	expect_phase(UNPROTECTED);
	expect_no_failover();
}
END_TEST

/* ---- silence ---- */

START_TEST(a_quiet_peer_is_suspect_and_no_more)
{
	protect(both_roles[_i]);
	hear(FT_PEER_QUIET);
	expect_phase(SUSPECT);
	hear(FT_PEER_ALIVE);
	expect_phase(PROTECTED);
	expect_no_failover();
	hear(FT_PEER_QUIET);
	w.p.side.ready = false;
	peer_says();
	hear(FT_PEER_ALIVE);
	expect_phase(WATCH);
}
END_TEST

START_TEST(a_silent_peer_is_failed_over)
{
	enum ft_role role = both_roles[_i];
	protect(role);
	peer_is_lost();
	expect_takeover(FT_CAUSE_PEER_LOST);
	ck_assert_int_eq(w.c.outcome.role_before, role);
	ck_assert_int_eq(w.c.outcome.claim, FT_CLAIM_NOT_NEEDED);
	ck_assert_str_eq(w.c.outcome.peer, "beta");
	/* Measured from the last heartbeat on, which is the first evidence. */
	ck_assert_int_eq(w.c.outcome.judged_at - w.c.outcome.first_evidence_at, MS(500));
	ck_assert_str_eq(w.c.outcome.evidence[0].text, "the peer's last heartbeat was heard");
	ck_assert_int_eq(w.c.outcome.ended_at, w.c.outcome.plan.proven_at);
}
END_TEST

START_TEST(a_peer_lost_while_something_was_missing_is_failed_over)
{
	reach(FT_PHASE_WATCH, both_roles[_i]);
	peer_is_lost();
	expect_takeover(FT_CAUSE_PEER_LOST);
}
END_TEST

START_TEST(port_unreachable_and_a_live_replication_mean_only_its_ftd_is_dead)
{
	enum ft_role role = both_roles[_i];
	protect(role);
	hear(FT_PEER_QUIET);
	port_unreachable();
	hear(FT_PEER_LOST);
	expect_phase(WATCH);
	ck_assert_int_eq(ft_core_state(&w.c), FT_UNPROTECTED);
	expect_said("silent, but its side gives other signs of life");
	ck_assert_int_eq(w.did[FT_DO_PROBE], role == FT_ROLE_PRIMARY ? 2 : 0); /* in doubt, and for the silence */
	pass(60);
	for (int i = 0; i < 600; i++) {
		checkpoint();
		pass(1000);
		if (i % 2)
			port_unreachable();
	}
	expect_phase(WATCH);
	expect_no_failover();
	ck_assert_int_eq(w.did[FT_DO_PROBE], role == FT_ROLE_PRIMARY ? 2 : 0); /* one question for one silence */
	hear(FT_PEER_ALIVE);
	checkpoint();
	expect_phase(PROTECTED);
	expect_no_failover();
}
END_TEST

/* No checkpoint was ever asked for of the new one: "never" is no time that a wait can be counted from. */
START_TEST(a_qemu_that_is_replaced_in_a_silence_was_not_asked_yet)
{
	protect(both_roles[_i]);
	hear(FT_PEER_QUIET);
	port_unreachable();
	hear(FT_PEER_LOST);
	expect_phase(WATCH);
	new_qemu(both_roles[_i]);
	ck_assert(!w.c.silence_probed);
	pass(2000);
	port_unreachable();
	expect_phase(UNPROTECTED);
	expect_no_failover();
}
END_TEST

START_TEST(checkpoints_alone_keep_a_silent_peer_until_they_are_overdue)
{
	enum ft_role role = both_roles[_i];
	protect(role);
	hear(FT_PEER_QUIET);
	checkpoint(); /* 250 ms after the last heartbeat: more than two intervals */
	hear(FT_PEER_LOST);
	expect_phase(WATCH);
	expect_no_failover();
	checkpoint(); /* answers the primary's question */
	pass(6999);
	expect_phase(WATCH);
	pass(1);
	expect_takeover(FT_CAUSE_PEER_LOST);
}
END_TEST

START_TEST(a_checkpoint_that_may_have_begun_before_the_silence_proves_nothing)
{
	protect(both_roles[_i]);
	hear(FT_PEER_ALIVE);
	pass(190);
	checkpoint();
	peer_is_lost();
	expect_takeover(FT_CAUSE_PEER_LOST);
}
END_TEST

START_TEST(port_unreachable_that_ends_is_no_sign_of_life)
{
	protect(FT_ROLE_SECONDARY);
	hear(FT_PEER_QUIET);
	port_unreachable();
	hear(FT_PEER_LOST);
	expect_phase(WATCH);
	pass(2749);
	expect_phase(WATCH);
	pass(1);
	expect_takeover(FT_CAUSE_PEER_LOST);
}
END_TEST

START_TEST(forged_port_unreachable_cannot_hold_a_failover_for_ever)
{
	protect(both_roles[_i]);
	hear(FT_PEER_QUIET);
	port_unreachable();
	hear(FT_PEER_LOST);
	for (int i = 0; i < 20 && w.c.phase == FT_PHASE_WATCH; i++) {
		port_unreachable();
		pass(500);
	}
	expect_takeover(FT_CAUSE_PEER_LOST);
	ck_assert_int_le(w.c.outcome.judged_at - w.c.outcome.first_evidence_at, SECOND(8));
}
END_TEST

START_TEST(an_unanswered_probe_ends_the_signs_of_life)
{
	protect(FT_ROLE_PRIMARY);
	hear(FT_PEER_QUIET);
	expect_did(PROBE, 1); /* so that cut links are known from a dead host in time */
	checkpoint();
	hear(FT_PEER_LOST);
	expect_phase(WATCH);
	expect_did(PROBE, 2);
	pass(4999);
	expect_phase(WATCH);
	pass(1);
	expect_takeover(FT_CAUSE_PEER_LOST);
}
END_TEST

START_TEST(a_silent_peers_broken_replication_ends_the_signs_of_life)
{
	protect(both_roles[_i]);
	hear(FT_PEER_QUIET);
	port_unreachable();
	checkpoint();
	hear(FT_PEER_LOST);
	expect_phase(WATCH);
	pass(40);
	colo_exit();
	expect_takeover(FT_CAUSE_PEER_LOST);
}
END_TEST

START_TEST(watching_a_silent_peer_says_why)
{
	reach(FT_PHASE_WATCH, both_roles[_i]);
	hear(FT_PEER_QUIET);
	port_unreachable();
	hear(FT_PEER_LOST);
	expect_phase(WATCH);
	ck_assert_str_eq(w.c.reason, "the peer's ftd is silent, but its side gives other signs of life");
}
END_TEST

/* ---- the peer's word ---- */

START_TEST(a_peer_whose_vm_died_is_failed_over_at_once)
{
	static const enum ft_phase from[] = {FT_PHASE_PROTECTED, FT_PHASE_SUSPECT, FT_PHASE_WATCH};
	reach(from[_i / 2], both_roles[_i % 2]);
	int64_t before = w.now;
	peer_vm(FT_VM_GONE);
	ck_assert_int_eq(w.now, before);
	expect_takeover(FT_CAUSE_PEER_VM_GONE);
}
END_TEST

START_TEST(a_proven_replica_takes_over_even_before_the_peer_was_ready)
{
	arm(both_roles[_i]);
	checkpoint();
	expect_phase(ARMING);
	forget();
	peer_vm(FT_VM_GONE);
	expect_takeover(FT_CAUSE_PEER_VM_GONE);
}
END_TEST

START_TEST(a_leaving_peers_vm_may_die_as_well)
{
	protect(both_roles[_i]);
	w.p.side.leaving = true;
	peer_says();
	expect_phase(UNPROTECTED);
	ck_assert_str_eq(w.c.reason, "the peer's ftd was asked to stop");
	peer_vm(FT_VM_GONE);
	expect_phase(UNPROTECTED);
	peer_is_lost();
	pass(60e3);
	expect_phase(UNPROTECTED);
	expect_no_failover();
}
END_TEST

START_TEST(an_absent_peer_vm_is_asked_for_before_it_is_believed)
{
	enum ft_role role = both_roles[_i];
	protect(role);
	live(2);
	peer_vm(FT_VM_ABSENT);
	expect_phase(WATCH);
	expect_no_failover();
	/* The primary has to ask: it would only notice at its next checkpoint. */
	ck_assert_int_eq(w.did[FT_DO_PROBE], role == FT_ROLE_PRIMARY);
	colo_exit();
	expect_takeover(FT_CAUSE_PEER_VM_GONE);
}
END_TEST

/* The break was before our ftd came, say, and QEMU keeps its guest stopped for a checkpoint that came to nothing. */
START_TEST(an_absent_peer_vm_is_believed_once_checkpoints_are_overdue)
{
	enum ft_role role = both_roles[_i];
	protect(role);
	live(2);
	peer_vm(FT_VM_ABSENT);
	pass(6000);
	expect_phase(WATCH);
	expect_no_failover();
	pass(2000);
	if (role == FT_ROLE_PRIMARY)
		expect_takeover(FT_CAUSE_PEER_VM_GONE);
	else
		expect_no_failover();
}
END_TEST

START_TEST(a_peer_that_froze_its_qemu_is_failed_over)
{
	protect(both_roles[_i]);
	peer_vm(FT_VM_YIELDED);
	expect_takeover(FT_CAUSE_PEER_YIELDED);
}
END_TEST

START_TEST(a_primary_whose_peer_went_solo_ends)
{
	static const enum ft_phase from[] = {FT_PHASE_UNPROTECTED, FT_PHASE_ARMING, FT_PHASE_PROTECTED, FT_PHASE_WATCH};
	reach(from[_i], FT_ROLE_PRIMARY);
	peer_is_solo();
	expect_phase(YIELDING);
	expect_did(FREEZE, 1);
	frozen(true);
	expect_phase(FENCED);
	expect_did(KILL, 1);
	ck_assert_int_eq(w.c.self.answer, FT_ANSWER_NONE); /* nobody asked */
}
END_TEST

START_TEST(a_bound_secondary_whose_peer_went_solo_ends)
{
	protect(FT_ROLE_SECONDARY);
	peer_is_solo();
	frozen(true);
	expect_phase(FENCED);
	expect_did(KILL, 1);
}
END_TEST

START_TEST(a_solo_peer_may_take_in_a_new_secondary)
{
	arm(FT_ROLE_SECONDARY);
	forget();
	peer_is_solo();
	expect_phase(UNPROTECTED);
	pass(60e3);
	expect_no_failover();
}
END_TEST

START_TEST(a_failed_side_ends_when_its_peer_went_solo)
{
	reach(FT_PHASE_FAILED, FT_ROLE_PRIMARY);
	w.p.side.vm = FT_VM_ALIVE;
	peer_is_solo();
	expect_phase(YIELDING);
	frozen(true);
	expect_phase(FENCED);
}
END_TEST

START_TEST(a_freeze_for_a_solo_peer_is_tried_again)
{
	protect(both_roles[_i]);
	peer_is_solo();
	expect_did(FREEZE, 1);
	frozen(false);
	expect_did(THAW, 1);
	expect_said("did not stand still");
	expect_did(FREEZE, 1);
	pass(2999);
	expect_did(FREEZE, 1);
	pass(1);
	expect_did(FREEZE, 2);
	frozen(true);
	expect_phase(FENCED);
}
END_TEST

/* ---- replication broken, both sides alive ---- */

START_TEST(a_primary_with_broken_replication_asks_and_goes_on)
{
	protect(FT_ROLE_PRIMARY);
	colo_exit();
	expect_phase(ASKING);
	ck_assert_int_eq(ft_core_state(&w.c), FT_CLAIMING);
	ck_assert_int_eq(w.c.self.request, FT_REQUEST_YIELD);
	ck_assert_int_ge(count_actions(&w.out, FT_DO_SEND), 1);
	expect_did(PLAN, 0);
	peer_answers(FT_ANSWER_YIELDED);
	ck_assert_int_eq(w.c.self.request, FT_REQUEST_NONE);
	expect_takeover(FT_CAUSE_REPLICATION_BROKEN);
}
END_TEST

START_TEST(a_secondary_with_broken_replication_waits_for_its_peers_word)
{
	protect(FT_ROLE_SECONDARY);
	colo_exit();
	expect_phase(SUSPECT);
	ck_assert(w.c.self.repl_broken);
	ck_assert(!w.c.self.ready);
	pass(2999);
	expect_phase(SUSPECT);
	pass(1);
	expect_phase(WATCH);
	ck_assert_str_eq(w.c.reason, "replication is broken");
	pass(600e3);
	expect_phase(WATCH);
	expect_no_failover();
	peer_asks();
	expect_phase(YIELDING);
	frozen(true);
	expect_answer(FT_ANSWER_YIELDED);
	expect_did(PLAN, 0);
}
END_TEST

START_TEST(a_colo_exit_of_a_dead_peers_death_freezes_no_survivor)
{
	enum ft_role role = both_roles[_i];
	protect(role);
	colo_exit(); /* 3 ms after the kill; the peer's ftd has yet to notice */
	pass(1);
	expect_did(PLAN, 0);
	peer_vm(FT_VM_GONE);
	expect_did(FREEZE, 0);
	expect_takeover(FT_CAUSE_PEER_VM_GONE); /* the better cause, though a primary began to ask for another */
}
END_TEST

START_TEST(broken_and_then_silent_is_lost)
{
	enum ft_role role = both_roles[_i];
	protect(role);
	colo_exit();
	ck_assert(w.c.phase == (role == FT_ROLE_PRIMARY ? FT_PHASE_ASKING : FT_PHASE_SUSPECT));
	peer_is_lost();
	expect_takeover(FT_CAUSE_PEER_LOST);
}
END_TEST

START_TEST(broken_and_the_primary_replaced)
{
	protect(FT_ROLE_SECONDARY);
	colo_exit();
	w.p.side.role = FT_ROLE_NONE; /* its QEMU lives, but was never in COLO */
	peer_state(FT_UNPROTECTED);
	pass(2999);
	expect_phase(SUSPECT);
	pass(1);
	expect_phase(ASKING);
	peer_answers(FT_ANSWER_YIELDED);
	expect_takeover(FT_CAUSE_REPLICATION_BROKEN);
}
END_TEST

START_TEST(a_peer_that_says_broken_makes_the_primary_look)
{
	protect(FT_ROLE_PRIMARY);
	live(2);
	w.p.side.repl_broken = true;
	w.p.side.ready = false;
	peer_says();
	expect_did(PROBE, 1);
	expect_phase(WATCH);
	pass(1500);
	expect_did(PROBE, 2);
	expect_no_failover();
	colo_exit();
	expect_phase(ASKING);
}
END_TEST

START_TEST(stuck_replication_is_broken_replication)
{
	protect(FT_ROLE_PRIMARY);
	pass(6999);
	expect_phase(PROTECTED);
	pass(1);
	expect_phase(ASKING);
	peer_answers(FT_ANSWER_YIELDED);
	expect_takeover(FT_CAUSE_REPLICATION_BROKEN);
	ck_assert(strstr(w.c.outcome.evidence[0].text, "stuck"));
}
END_TEST

/* A big guest's, or a slow link's: what took 4 s may take 12 the next time. */
START_TEST(a_checkpoint_is_stuck_only_well_beyond_the_longest)
{
	protect(FT_ROLE_PRIMARY);
	checkpoint_took(4000);
	checkpoint_took(40);
	pass(2000 + 3 * 4000 - 1);
	expect_phase(PROTECTED);
	pass(1);
	expect_phase(ASKING);
}
END_TEST

START_TEST(another_qemu_has_had_no_checkpoint)
{
	protect(FT_ROLE_PRIMARY);
	checkpoint_took(4000);
	new_qemu(FT_ROLE_PRIMARY);
	ck_assert_int_eq(w.c.longest, 0);
}
END_TEST

START_TEST(stuck_since_qmp_was_connected_is_told_as_that)
{
	protect(FT_ROLE_PRIMARY);
	w.q.connected = false;
	qemu_is();
	w.q.connected = true;
	qemu_is();
	expect_phase(WATCH);
	pass(7000);
	expect_phase(ASKING);
	const struct ft_evidence *e = &w.c.outcome.evidence[0];
	ck_assert_msg(strstr(e->text, "stuck") && !strchr(e->text, '-'), "%s", e->text);
}
END_TEST

START_TEST(a_secondary_does_not_judge_stuck_replication)
{
	protect(FT_ROLE_SECONDARY);
	pass(600e3);
	expect_phase(PROTECTED);
	expect_no_failover();
}
END_TEST

START_TEST(an_ask_of_our_own_that_fails_is_repeated)
{
	protect(FT_ROLE_PRIMARY);
	colo_exit();
	peer_answers(FT_ANSWER_REFUSED);
	expect_phase(WATCH);
	expect_said("replication is broken and the peer refuses");
	expect_did(RECORD, 0);
	uint32_t first = w.c.self.request_id;
	pass(4999 + 500); /* the wait for an answer, the detection time in it, and a pause */
	expect_phase(WATCH);
	pass(1);
	expect_phase(ASKING);
	ck_assert_uint_ne(w.c.self.request_id, first); /* the refusal answers the first only */
	pass(ASK_MS);
	expect_phase(WATCH);
	expect_said("did not yield in time");
}
END_TEST

/* ---- hung ---- */

START_TEST(a_hung_qemu_yields_to_a_live_peer)
{
	protect(both_roles[_i]);
	qemu_hangs();
	expect_phase(YIELDING);
	ck_assert(!w.c.self.ready);
	frozen(true);
	expect_phase(YIELDED);
	ck_assert_int_eq(w.c.self.vm, FT_VM_YIELDED);
	ck_assert_int_eq(w.c.self.answer, FT_ANSWER_NONE);
	w.p.side.request = FT_REQUEST_NONE;
	peer_is_solo();
	expect_phase(FENCED);
	expect_did(KILL, 1);
}
END_TEST

START_TEST(a_hung_qemu_is_not_frozen_for_a_peer_without_a_vm)
{
	protect(both_roles[_i]);
	peer_vm(FT_VM_ABSENT);
	qemu_hangs();
	expect_phase(WATCH);
	expect_did(FREEZE, 0);
}
END_TEST

START_TEST(a_hang_that_ended_is_forgotten)
{
	protect(both_roles[_i]);
	w.q.pid_verified = false; /* it cannot be frozen */
	qemu_is();
	qemu_hangs();
	expect_phase(WATCH);
	ck_assert_str_eq(w.c.reason, "our QEMU hangs");
	qemu_is();
	expect_phase(PROTECTED);
}
END_TEST

/* ---- blocked: QEMU answers out of band alone ---- */

#define DUE_MS   (2000 + 5000) /* from one checkpoint on: the next is overdue */
#define STUCK_MS 5000          /* so long may a QEMU be silent that the peer no longer holds up */

static void qemu_answers(bool does)
{
	w.q.connected = w.q.oob = w.q.plan_ready = does;
	qemu_is();
}

/* Silent, and freed of the peer. */
static void block(enum ft_role role)
{
	protect(role);
	qemu_answers(false);
	pass(DUE_MS - 1);
	expect_did(YANK, 0);
	pass(1);
	expect_did(YANK, 1);
	ck_assert(!w.c.self.sick);
	pass(1000);
	ck_assert(w.c.self.sick);
}

/* It may be the peer that it waits for: a cut cable, say. */
START_TEST(a_silent_qemu_is_freed_of_the_peer_before_that_is_asked)
{
	protect(both_roles[_i]);
	qemu_answers(false);
	pass(DUE_MS);
	expect_phase(WATCH);
	expect_did(YANK, 1);
	ck_assert_int_eq(w.c.self.request, FT_REQUEST_NONE);
	pass(20);
	qemu_answers(true);
	expect_said("in case it waits for those");
	if (both_roles[_i] == FT_ROLE_PRIMARY) {
		expect_phase(ASKING);
		peer_answers(FT_ANSWER_YIELDED);
		expect_takeover(FT_CAUSE_REPLICATION_BROKEN);
	} else {
		ck_assert(w.c.self.repl_broken); /* the primary asks */
		expect_no_failover();
	}
	expect_did(YANK, 1);
}
END_TEST

/* Seen in the simulation: the yank had failed, this side called replication broken, and the other saw nothing of it. */
START_TEST(a_yank_is_repeated_until_qemu_says_that_replication_is_over)
{
	block(FT_ROLE_SECONDARY);
	qemu_answers(true);
	pass(2000);
	expect_did(YANK, 3);
	step(&(struct ft_event){.kind = FT_EVENT_COLO_EXIT, .error = true, .text = "error"});
	pass(20e3);
	expect_did(YANK, 3);
}
END_TEST

START_TEST(a_blocked_qemu_gives_way_and_asks_nobody)
{
	block(both_roles[_i]);
	pass(STUCK_MS - 1001);
	expect_phase(WATCH);
	pass(1);
	expect_said("main loop is blocked");
	expect_phase(YIELDING);
	frozen(true);
	expect_phase(YIELDED);
	ck_assert_int_eq(w.c.self.vm, FT_VM_YIELDED);
	ck_assert_int_eq(w.c.self.request, FT_REQUEST_NONE);
	expect_did(PLAN, 0);
	peer_is_solo();
	expect_phase(FENCED);
	expect_did(KILL, 1);
}
END_TEST

/* Who answered, gives way to nobody, however late that is. */
START_TEST(one_that_answers_again_in_time_does_not_give_way)
{
	block(both_roles[_i]);
	pass(STUCK_MS - 1001);
	qemu_answers(true);
	ck_assert(!w.c.self.sick);
	pass(1000);
	expect_did(FREEZE, 0);
}
END_TEST

/* Neither is frozen, since a frozen QEMU would never answer; and neither is ended. */
START_TEST(both_blocked_the_first_that_answers_goes_on)
{
	enum ft_role role = both_roles[_i / 2];
	bool ours = _i % 2;
	block(role);
	w.p.side.sick = true;
	peer_says();
	pass(60e3);
	expect_phase(WATCH);
	expect_no_failover();
	expect_said("so is the peer's");
	if (!ours) {
		w.p.side.sick = false;
		peer_says();
		expect_phase(YIELDING);
		return;
	}
	qemu_answers(true);
	expect_did(FREEZE, 0);
	if (role == FT_ROLE_PRIMARY)
		expect_phase(ASKING);
	peer_answers(FT_ANSWER_YIELDED);
	expect_takeover(role == FT_ROLE_PRIMARY ? FT_CAUSE_REPLICATION_BROKEN : FT_CAUSE_PEER_YIELDED);
}
END_TEST

START_TEST(a_hung_qemu_does_not_yield_to_a_blocked_one)
{
	protect(both_roles[_i]);
	w.p.side.sick = true;
	peer_says();
	qemu_hangs();
	expect_phase(WATCH);
	ck_assert(w.c.self.sick);
	expect_no_failover();
	w.p.side.sick = false;
	peer_says();
	expect_phase(YIELDING);
}
END_TEST

/* A big checkpoint, in which QEMU 11 answers nothing in band: it comes to an end. */
START_TEST(slow_is_not_blocked)
{
	protect(both_roles[_i]);
	for (int i = 0; i < 10; i++) {
		qemu_answers(false);
		pass(DUE_MS - 1000);
		checkpoint();
		qemu_answers(true);
		pass(500);
	}
	expect_did(YANK, 0);
	expect_no_failover();
}
END_TEST

/* Nor is one that we have not listened to. */
START_TEST(a_silence_in_which_we_did_not_run_is_counted_anew)
{
	block(both_roles[_i]);
	w.now += SECOND(60);
	step(&(struct ft_event){.kind = FT_EVENT_STALLED});
	pass(STUCK_MS - 1);
	expect_did(FREEZE, 0);
	pass(1);
	expect_did(FREEZE, 1);
}
END_TEST

/* What is broken already, or of no use to the peer, is not waited for. */
START_TEST(nothing_is_spared_that_is_over)
{
	protect(both_roles[_i / 2]);
	qemu_answers(false);
	if (_i % 2) {
		colo_exit();
	} else {
		w.p.side.sick = true;
		peer_says();
	}
	expect_did(YANK, 1);
}
END_TEST

/* Whoever is asked may be the only one that can go on. */
START_TEST(the_blocked_are_refused_what_they_ask)
{
	protect(both_roles[_i]);
	w.p.side.sick = true;
	peer_asks();
	expect_answer(FT_ANSWER_REFUSED);
	expect_said("answers nothing");
	expect_did(FREEZE, 0);
}
END_TEST

START_TEST(an_order_waits_for_a_silent_qemu_and_is_refused_for_a_blocked_one)
{
	protect(both_roles[_i / 2]);
	qemu_answers(false);
	force();
	expect_did(YANK, 1);
	ck_assert_int_eq(w.c.self.request, FT_REQUEST_NONE);
	if (_i % 2) {
		qemu_answers(true);
		expect_phase(ASKING);
		return;
	}
	pass(STUCK_MS);
	expect_outcome(FT_REFUSED, "give the order on the peer's host");
	expect_phase(YIELDING); /* it gives way */
}
END_TEST

/* A claim that was won could not be used. */
START_TEST(a_blocked_side_takes_over_once_it_answers)
{
	block(both_roles[_i]);
	w.p.side.sick = true;
	peer_says();
	pass(STUCK_MS);
	peer_is_lost();
	pass(60e3);
	expect_no_failover();
	qemu_answers(true);
	expect_takeover(FT_CAUSE_PEER_LOST);
}
END_TEST

START_TEST(both_frozen_the_primary_goes_on)
{
	enum ft_role role = both_roles[_i];
	protect(role);
	qemu_hangs();
	frozen(true);
	w.p.side.state = FT_FENCED;
	peer_vm(FT_VM_YIELDED);
	if (role == FT_ROLE_PRIMARY) {
		expect_did(THAW, 1);
		expect_takeover(FT_CAUSE_PEER_YIELDED);
	} else {
		pass(60e3);
		expect_phase(YIELDED);
		expect_did(THAW, 0);
	}
}
END_TEST

/* ---- yielding ---- */

START_TEST(asked_to_yield_it_freezes_then_answers_then_ends)
{
	static const enum ft_phase from[] = {FT_PHASE_UNPROTECTED, FT_PHASE_ARMING, FT_PHASE_PROTECTED,
	                                     FT_PHASE_SUSPECT, FT_PHASE_WATCH};
	reach(from[_i / 2], both_roles[_i % 2]);
	peer_asks();
	expect_phase(YIELDING);
	ck_assert_int_eq(ft_core_state(&w.c), FT_FENCED);
	expect_did(FREEZE, 1);
	ck_assert_int_eq(w.c.self.answer, FT_ANSWER_NONE);
	ck_assert_int_eq(w.c.self.vm, FT_VM_ALIVE);
	frozen(true);
	expect_phase(YIELDED);
	expect_answer(FT_ANSWER_YIELDED);
	ck_assert_int_eq(w.c.self.vm, FT_VM_YIELDED);
	expect_did(KILL, 0); /* the peer has not proven yet that it can */
	w.p.side.request = FT_REQUEST_NONE;
	peer_state(FT_FAILING_OVER);
	pass(10e3);
	expect_phase(YIELDED);
	peer_is_solo();
	expect_phase(FENCED);
	expect_did(KILL, 1);
	expect_did(THAW, 0);
	qemu_dies();
	expect_phase(FENCED);
	new_qemu(FT_ROLE_NONE);
	expect_phase(UNPROTECTED);
	expect_did(PLAN, 0);
}
END_TEST

START_TEST(asked_while_failed_it_yields)
{
	reach(FT_PHASE_FAILED, both_roles[_i]);
	w.p.side.vm = FT_VM_ALIVE;
	peer_asks();
	expect_phase(YIELDING);
	frozen(true);
	expect_answer(FT_ANSWER_YIELDED);
}
END_TEST

START_TEST(a_freeze_that_fails_is_a_refusal)
{
	protect(both_roles[_i]);
	peer_asks();
	frozen(false);
	expect_phase(PROTECTED); /* nothing has happened */
	expect_answer(FT_ANSWER_REFUSED);
	expect_did(THAW, 1);
}
END_TEST

START_TEST(a_freeze_that_is_never_answered_is_a_refusal)
{
	protect(both_roles[_i]);
	peer_asks();
	pass(1999);
	expect_phase(YIELDING);
	pass(1);
	expect_phase(PROTECTED); /* nothing has happened */
	expect_answer(FT_ANSWER_REFUSED);
	expect_did(THAW, 1); /* the signal may yet take hold */
	frozen(true);        /* and so its late answer counts for nothing */
	ck_assert_int_eq(w.c.self.vm, FT_VM_ALIVE);
}
END_TEST

START_TEST(a_qemu_that_dies_while_being_frozen_has_yielded)
{
	protect(both_roles[_i]);
	peer_asks();
	qemu_dies();
	expect_phase(FENCED);
	expect_answer(FT_ANSWER_YIELDED);
	expect_did(PLAN, 0);
}
END_TEST

START_TEST(a_frozen_qemu_that_dies_is_fenced)
{
	static const enum ft_phase from[] = {FT_PHASE_YIELDED, FT_PHASE_HELD};
	reach(from[_i], FT_ROLE_PRIMARY);
	qemu_dies();
	expect_phase(FENCED);
	ck_assert_int_eq(w.c.self.vm, FT_VM_GONE);
}
END_TEST

START_TEST(nothing_running_yields_at_once)
{
	reach(FT_PHASE_UNPROTECTED, both_roles[_i]);
	qemu_dies();
	peer_asks();
	expect_answer(FT_ANSWER_YIELDED);
	expect_did(FREEZE, 0);
	/* Once is enough. */
	forget();
	pass(10e3);
	peer_says();
	expect_did(SAY, 0);
}
END_TEST

START_TEST(fenced_and_frozen_sides_answer_every_new_request)
{
	static const enum ft_phase from[] = {FT_PHASE_YIELDED, FT_PHASE_HELD, FT_PHASE_FENCED};
	reach(from[_i / 2], both_roles[_i % 2]);
	peer_asks();
	hear(FT_PEER_ALIVE);
	expect_answer(FT_ANSWER_YIELDED);
	expect_did(FREEZE, 0);
}
END_TEST

START_TEST(an_unverified_process_is_never_signalled)
{
	protect(both_roles[_i]);
	w.q.pid_verified = false;
	qemu_is();
	peer_asks();
	expect_answer(FT_ANSWER_REFUSED);
	expect_said("we cannot signal our QEMU");
	expect_did(FREEZE, 0);
	expect_phase(PROTECTED);
}
END_TEST

/* It may be a proxy.  What is left here is an old copy, and takes over from nobody. */
START_TEST(an_unverified_process_is_not_ended_for_a_peer_that_is_solo)
{
	protect(both_roles[_i]);
	w.q.pid_verified = false;
	qemu_is();
	w.p.side.proven = true;
	peer_state(FT_SOLO);
	expect_did(FREEZE, 0);
	expect_phase(UNPROTECTED);
	ck_assert_int_eq(strstr(w.said, "TWO MASTERS") != NULL, both_roles[_i] == FT_ROLE_PRIMARY);
	hear(FT_PEER_LOST);
	pass(60e3);
	expect_did(FREEZE, 0);
	expect_did(KILL, 0);
	expect_did(PLAN, 0);
	expect_phase(UNPROTECTED);
}
END_TEST

START_TEST(a_side_that_takes_over_refuses_to_yield)
{
	static const enum ft_phase from[] = {FT_PHASE_PLANNING, FT_PHASE_RECORDING, FT_PHASE_SOLO};
	reach(from[_i / 2], both_roles[_i % 2]);
	peer_asks();
	expect_answer(FT_ANSWER_REFUSED);
	expect_did(FREEZE, 0);
}
END_TEST

START_TEST(a_restarted_peers_request_is_not_answered_by_an_old_answer)
{
	protect(both_roles[_i]);
	peer_asks();
	frozen(false);
	expect_answer(FT_ANSWER_REFUSED);
	w.p.incarnation++;
	peer_says();
	ck_assert_int_eq(w.c.self.answer, FT_ANSWER_NONE);
	expect_phase(YIELDING); /* asked by another peer, with the same number */
}
END_TEST

START_TEST(an_unwanted_yield_is_undone)
{
	reach(FT_PHASE_YIELDED, both_roles[_i]);
	w.p.side.request = FT_REQUEST_NONE; /* it gave up, or forgot: restarted */
	peer_state(FT_UNPROTECTED);
	pass(2999);
	expect_phase(YIELDED);
	pass(1);
	expect_did(THAW, 1);
	ck_assert_int_eq(w.c.self.vm, FT_VM_ALIVE);
	ck_assert(w.c.phase == FT_PHASE_ARMING || w.c.phase == FT_PHASE_UNPROTECTED);
	expect_did(KILL, 0);
}
END_TEST

START_TEST(a_yield_that_the_peer_still_wants_is_kept)
{
	static const enum ft_state busy[] = {FT_CLAIMING, FT_FAILING_OVER, FT_STARTING, FT_FAILED};
	reach(FT_PHASE_YIELDED, FT_ROLE_PRIMARY);
	w.p.side.request = FT_REQUEST_NONE;
	peer_state(busy[_i]);
	pass(60e3);
	expect_did(THAW, 0);
	ck_assert_int_eq(w.c.self.vm, FT_VM_YIELDED);
}
END_TEST

START_TEST(a_yielded_side_takes_over_from_a_peer_that_died_meanwhile)
{
	reach(FT_PHASE_YIELDED, both_roles[_i]);
	w.p.side.request = FT_REQUEST_NONE;
	w.p.side.state = FT_FAILING_OVER;
	peer_vm(FT_VM_GONE);
	expect_did(THAW, 1);
	expect_takeover(FT_CAUSE_PEER_VM_GONE);
}
END_TEST

START_TEST(a_yielded_side_whose_peer_falls_silent_is_held)
{
	reach(FT_PHASE_YIELDED, both_roles[_i]);
	peer_is_lost();
	expect_phase(HELD);
	ck_assert_int_eq(ft_core_state(&w.c), FT_HELD);
	expect_did(PLAN, 0);
	pass(3600e3);
	expect_phase(HELD);
	hear(FT_PEER_ALIVE);
	expect_phase(YIELDED);
	peer_is_lost();
	w.p.side.request = FT_REQUEST_NONE;
	hear(FT_PEER_ALIVE);
	peer_is_solo();
	expect_phase(FENCED);
	expect_did(KILL, 1);
}
END_TEST

START_TEST(a_held_side_runs_again_by_a_persons_order)
{
	reach(FT_PHASE_HELD, both_roles[_i]);
	force();
	expect_did(THAW, 1);
	ck_assert_int_eq(w.c.self.vm, FT_VM_ALIVE);
	expect_takeover(FT_CAUSE_OPERATOR);
}
END_TEST

START_TEST(a_peer_that_failed_is_said_once)
{
	reach(FT_PHASE_YIELDED, both_roles[_i]);
	w.p.side.request = FT_REQUEST_NONE;
	peer_state(FT_FAILED);
	expect_said("could not take over");
	forget();
	w.p.side.checkpoint_ms++;
	peer_says();
	pass(60e3);
	expect_did(SAY, 0);
	force();
	expect_phase(ASKING);
	peer_answers(FT_ANSWER_YIELDED);
	expect_did(THAW, 1);
	expect_takeover(FT_CAUSE_OPERATOR);
}
END_TEST

/* ---- a person's order ---- */

/* What was decided is told, however much there was to decide it by. */
START_TEST(the_decision_is_told_when_evidence_is_full)
{
	reach(FT_PHASE_PROTECTED, FT_ROLE_SECONDARY);
	for (int i = 0; i < 2 * FT_EVIDENCE_MAX; i++)
		ft_core_note(&w.c, w.now, "number %d", i);
	w.p.side.vm = FT_VM_GONE;
	peer_says();
	expect_phase(PLANNING);
	const struct ft_outcome *o = &w.c.outcome;
	ck_assert_int_eq(o->n_evidence, FT_EVIDENCE_MAX);
	ck_assert_str_eq(o->evidence[FT_EVIDENCE_MAX - 1].text, "decided: the peer's guest is dead by its own word");
}
END_TEST

START_TEST(forced_with_a_live_peer_asks_first)
{
	static const enum ft_phase from[] = {FT_PHASE_UNPROTECTED, FT_PHASE_ARMING, FT_PHASE_PROTECTED,
	                                     FT_PHASE_SUSPECT,     FT_PHASE_WATCH,  FT_PHASE_YIELDED};
	reach(from[_i / 2], both_roles[_i % 2]);
	force();
	expect_phase(ASKING);
	expect_did(PLAN, 0);
	peer_answers(FT_ANSWER_YIELDED);
	expect_takeover(FT_CAUSE_OPERATOR);
	ck_assert_str_eq(w.c.outcome.evidence[0].text, "ftctl failover received");
	ck_assert_int_eq(w.c.outcome.n_evidence, 2);
	ck_assert_str_eq(w.c.outcome.evidence[1].text, "decided: ordered, with a peer that is heard");
}
END_TEST

START_TEST(forced_by_signal_says_so)
{
	protect(both_roles[_i]);
	step(&(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_SIGNAL});
	peer_answers(FT_ANSWER_YIELDED);
	expect_takeover(FT_CAUSE_SIGNAL);
	ck_assert_str_eq(w.c.outcome.evidence[0].text, "SIGUSR1 received");
}
END_TEST

START_TEST(forced_without_a_peer_goes_ahead)
{
	enum ft_role role = both_roles[_i];
	begin();
	new_qemu(role);
	force();
	expect_phase(STARTING); /* not looked at anything yet */
	pass(3000);
	expect_takeover(FT_CAUSE_OPERATOR);

	reach(FT_PHASE_UNPROTECTED, role);
	peer_is_lost();
	force();
	expect_takeover(FT_CAUSE_OPERATOR);

	reach(FT_PHASE_WATCH, role);
	peer_vm(FT_VM_ABSENT);
	forget();
	force();
	expect_takeover(FT_CAUSE_OPERATOR);
}
END_TEST

START_TEST(forced_again_after_a_failure_tries_again)
{
	reach(FT_PHASE_FAILED, both_roles[_i]);
	force();
	expect_takeover(FT_CAUSE_OPERATOR);
	reach(FT_PHASE_FAILED, both_roles[_i]);
	w.p.side.vm = FT_VM_ALIVE;
	peer_says();
	force();
	expect_phase(ASKING);
}
END_TEST

START_TEST(forced_where_nothing_can_run_is_refused)
{
	reach(FT_PHASE_SOLO, FT_ROLE_PRIMARY);
	force();
	expect_outcome(FT_REFUSED, "already runs the guest alone");
	ck_assert_str_eq(ft_role_name(w.c.outcome.role_before), "solo");
	expect_phase(SOLO);

	reach(FT_PHASE_FENCED, FT_ROLE_PRIMARY);
	force();
	expect_outcome(FT_REFUSED, "yielded");
	expect_phase(FENCED);

	reach(FT_PHASE_UNPROTECTED, FT_ROLE_PRIMARY);
	qemu_dies();
	force();
	expect_outcome(FT_REFUSED, "no QEMU here");

	begin();
	new_qemu(FT_ROLE_NONE);
	pass(3000);
	force();
	expect_outcome(FT_REFUSED, "not in COLO");
	expect_did(PLAN, 0);
}
END_TEST

START_TEST(forced_during_a_failover_joins_it)
{
	static const enum ft_phase from[] = {FT_PHASE_ASKING, FT_PHASE_PLANNING, FT_PHASE_RECORDING};
	reach(from[_i / 2], both_roles[_i % 2]);
	force();
	expect_said("one is under way already");
	if (w.c.phase == FT_PHASE_ASKING)
		peer_answers(FT_ANSWER_YIELDED);
	if (w.c.phase == FT_PHASE_PLANNING)
		planned(true);
	recorded();
	expect_phase(SOLO);
	expect_did(OUTCOME, 1);
	pass(60e3);
	expect_did(OUTCOME, 1);
}
END_TEST

START_TEST(forced_while_yielding_waits_for_the_end_of_it)
{
	reach(FT_PHASE_YIELDING, both_roles[_i]);
	force();
	expect_phase(YIELDING);
	frozen(true);
	expect_answer(FT_ANSWER_YIELDED);
	expect_phase(ASKING);
	w.p.side.request = FT_REQUEST_NONE;
	w.p.side.state = FT_FAILING_OVER;
	peer_answers(FT_ANSWER_REFUSED);
	expect_phase(YIELDED);
	expect_outcome(FT_REFUSED, "refuses to yield");
	expect_did(THAW, 0);
}
END_TEST

START_TEST(a_forced_ask_that_comes_to_nothing_is_an_outcome)
{
	enum ft_role role = both_roles[_i];
	reach(FT_PHASE_ASKING, role);
	peer_answers(FT_ANSWER_REFUSED);
	expect_outcome(FT_REFUSED, "refuses to yield");
	expect_phase(PROTECTED);

	reach(FT_PHASE_ASKING, role);
	w.p.side.answer = FT_ANSWER_YIELDED; /* to another request */
	w.p.side.answer_id = w.c.self.request_id - 1;
	peer_says();
	pass(ASK_MS - 1);
	expect_phase(ASKING);
	pass(1);
	expect_outcome(FT_REFUSED, "did not yield in time");

	reach(FT_PHASE_ASKING, role);
	qemu_dies();
	expect_outcome(FT_REFUSED, "our own QEMU died");
	expect_phase(UNPROTECTED);

	reach(FT_PHASE_ASKING, role);
	peer_is_solo();
	expect_outcome(FT_REFUSED, "runs the guest alone already");
	expect_phase(YIELDING);
}
END_TEST

START_TEST(asking_a_peer_that_goes_goes_ahead)
{
	reach(FT_PHASE_ASKING, both_roles[_i]);
	peer_is_lost();
	expect_takeover(FT_CAUSE_OPERATOR);
	reach(FT_PHASE_ASKING, both_roles[_i]);
	peer_vm(FT_VM_GONE);
	expect_takeover(FT_CAUSE_OPERATOR);
	reach(FT_PHASE_ASKING, both_roles[_i]);
	peer_vm(FT_VM_ABSENT);
	expect_takeover(FT_CAUSE_OPERATOR);
}
END_TEST

START_TEST(a_frozen_peer_that_has_not_answered_is_waited_for)
{
	reach(FT_PHASE_ASKING, both_roles[_i]);
	peer_vm(FT_VM_YIELDED); /* for another reason: it may thaw it while we decide */
	expect_phase(ASKING);
	expect_did(PLAN, 0);
}
END_TEST

START_TEST(both_forced_at_once_the_primarys_word_goes_first)
{
	enum ft_role role = both_roles[_i];
	reach(FT_PHASE_ASKING, role);
	peer_asks();
	if (role == FT_ROLE_PRIMARY) {
		expect_phase(ASKING);
		w.p.side.request = FT_REQUEST_NONE;
		peer_answers(FT_ANSWER_YIELDED);
		expect_takeover(FT_CAUSE_OPERATOR);
	} else {
		expect_phase(YIELDING);
		expect_outcome(FT_REFUSED, "the peer asked us to yield at the same time");
		frozen(true);
		expect_answer(FT_ANSWER_YIELDED);
	}
}
END_TEST

/* ---- plan, record ---- */

START_TEST(a_plan_that_fails_is_tried_again)
{
	reach(FT_PHASE_PLANNING, both_roles[_i]);
	planned(false);
	expect_phase(PLANNING);
	pass(999);
	expect_did(PLAN, 0);
	pass(1);
	expect_did(PLAN, 1);
	planned(true);
	expect_phase(RECORDING);
	recorded();
	ck_assert_int_eq(w.c.outcome.result, FT_SUCCESS);
}
END_TEST

START_TEST(a_plan_that_never_works_is_a_failure)
{
	reach(FT_PHASE_PLANNING, both_roles[_i]);
	for (int i = 1; i < FT_PLAN_TRIES; i++) {
		planned(false);
		pass(1000);
	}
	expect_did(PLAN, FT_PLAN_TRIES - 1);
	planned(false);
	expect_phase(RECORDING);
	expect_outcome(FT_RESULT_FAILED, "x-colo-lost-heartbeat: refused");
	expect_phase(FAILED);
	pass(3600e3);
	expect_phase(FAILED);
	expect_did(PLAN, FT_PLAN_TRIES - 1);
}
END_TEST

START_TEST(a_plan_whose_qemu_died_is_hopeless)
{
	reach(FT_PHASE_PLANNING, both_roles[_i]);
	qemu_dies();
	expect_phase(PLANNING); /* the runner always answers */
	planned(false);
	expect_phase(RECORDING);
	expect_did(PLAN, 0);
	recorded();
	expect_phase(UNPROTECTED);
	ck_assert_int_eq(w.c.outcome.result, FT_RESULT_FAILED);
}
END_TEST

START_TEST(a_record_that_fails_is_announced_with_the_reason)
{
	reach(FT_PHASE_RECORDING, both_roles[_i]);
	step(&(struct ft_event){.kind = FT_EVENT_RECORDED, .error = true, .text = "no space left"});
	expect_phase(SOLO);
	expect_did(OUTCOME, 1);
	expect_said("OUTCOME no space left");
}
END_TEST

START_TEST(a_disk_that_never_answers_holds_nothing_up)
{
	reach(FT_PHASE_RECORDING, both_roles[_i]);
	pass(4999);
	expect_did(OUTCOME, 0);
	pass(1);
	expect_phase(SOLO);
	expect_said("OUTCOME the disk has not answered");
	recorded();
	pass(60e3);
	expect_did(OUTCOME, 1);
}
END_TEST

START_TEST(a_record_in_time_is_announced_without_a_fault)
{
	reach(FT_PHASE_RECORDING, both_roles[_i]);
	recorded();
	expect_said("OUTCOME \n");
	pass(60e3);
	expect_did(OUTCOME, 1);
	expect_did(RECORD, 0);
}
END_TEST

/* The refusal's record may take its time; the failover may not wait for it. */
START_TEST(a_failover_while_a_refusal_is_being_written)
{
	reach(FT_PHASE_ASKING, both_roles[_i]);
	peer_answers(FT_ANSWER_REFUSED);
	expect_did(RECORD, 1);
	peer_vm(FT_VM_GONE);
	expect_phase(PLANNING);
	expect_did(OUTCOME, 1);
	expect_said("OUTCOME a failover began");
	recorded(); /* the refusal's */
	planned(true);
	expect_did(RECORD, 2);
	expect_did(OUTCOME, 1);
	recorded();
	expect_phase(SOLO);
	expect_did(OUTCOME, 2);
	ck_assert_int_eq(w.c.outcome.result, FT_SUCCESS);
}
END_TEST

START_TEST(a_late_answer_of_the_disk_is_not_taken_for_the_next_records)
{
	reach(FT_PHASE_ASKING, both_roles[_i]);
	peer_answers(FT_ANSWER_REFUSED);
	pass(5000);
	expect_did(OUTCOME, 1);
	peer_vm(FT_VM_GONE);
	planned(true);
	recorded(); /* the refusal's, at last */
	expect_phase(RECORDING);
	expect_did(OUTCOME, 1);
	recorded();
	expect_phase(SOLO);
	expect_did(OUTCOME, 2);
}
END_TEST

/* ---- leaving ---- */

START_TEST(leaving_says_goodbye_wherever_it_can)
{
	for (int p = 0; p < FT_PHASE_COUNT; p++) {
		if (p == FT_PHASE_ASKING || p == FT_PHASE_PLANNING || p == FT_PHASE_RECORDING ||
		    p == FT_PHASE_YIELDING || (p >= FT_PHASE_FREEZING && p <= FT_PHASE_CUT_OFF))
			continue;
		reach((enum ft_phase)p, both_roles[_i]);
		leave();
		expect_did(EXIT, 1);
		ck_assert(w.c.self.leaving);
		ck_assert_int_ge(w.did[FT_DO_SEND], 1);
		expect_did(KILL, 0);
		expect_did(THAW, 0);
		expect_did(PLAN, 0);
		pass(100);
		expect_did(EXIT, 1);
	}
}
END_TEST

START_TEST(leaving_waits_for_what_was_begun)
{
	enum ft_role role = both_roles[_i];
	reach(FT_PHASE_ASKING, role);
	leave();
	expect_did(EXIT, 0);
	peer_answers(FT_ANSWER_YIELDED);
	expect_did(EXIT, 0);
	planned(true);
	expect_did(EXIT, 0);
	recorded();
	expect_did(OUTCOME, 1);
	expect_did(EXIT, 1);

	reach(FT_PHASE_YIELDING, role);
	leave();
	expect_did(EXIT, 0);
	frozen(true);
	expect_answer(FT_ANSWER_YIELDED);
	expect_did(EXIT, 1);

	reach(FT_PHASE_ASKING, role);
	leave();
	peer_answers(FT_ANSWER_REFUSED);
	expect_did(EXIT, 0);
	recorded();
	expect_did(EXIT, 1);
}
END_TEST

/* The shell says goodbye for a while before it goes: nothing is begun in it. */
START_TEST(who_has_left_decides_nothing_more)
{
	enum ft_role role = both_roles[_i];
	protect(role);
	leave();
	forget();
	peer_vm(FT_VM_GONE);
	peer_is_lost();
	pass(60e3);
	expect_no_failover();
	protect(role);
	leave();
	forget();
	peer_asks();
	force();
	colo_exit();
	expect_no_failover();
	expect_did(EXIT, 0);
}
END_TEST

START_TEST(a_peer_that_left_and_is_silent_is_not_failed_over)
{
	protect(both_roles[_i]);
	w.p.side.leaving = true;
	peer_says();
	peer_is_lost();
	ck_assert_str_eq(w.c.reason, "the peer's ftd was asked to stop, and has gone");
	colo_exit();
	pass(3600e3);
	expect_phase(UNPROTECTED);
	expect_no_failover();
	w.p.incarnation++;
	w.p.side.leaving = false;
	peer_says();
	hear(FT_PEER_ALIVE);
	/* Its guest may stand in a checkpoint that came to nothing, and the peer can be asked now. */
	if (both_roles[_i] == FT_ROLE_PRIMARY)
		expect_phase(ASKING);
	else
		expect_phase(UNPROTECTED);
}
END_TEST

/* A primary with an arbiter, bound since before it was restarted; its peer is bound by the same session. */
static void protect_in_session(void)
{
	arm(FT_ROLE_PRIMARY);
	step(&(struct ft_event){.kind = FT_EVENT_ACK, .at = w.now});
	w.q.pid_verified = true;
	w.c.params.arbitrated = w.c.params.registers = true;
	w.c.params.guard = MS(20);
	w.c.session = (struct ft_session){
	    .stage = FT_SESSION_BOUND, .id = {7}, .epoch = 1, .role = FT_ROLE_PRIMARY, .instance = w.q.instance};
	memcpy(w.p.side.session, w.c.session.id, sizeof w.p.side.session);
	w.p.side.window_ms = 500;
	w.p.side.ready = true;
	peer_says();
	qemu_is();
	checkpoint();
	peer_state(FT_PROTECTED);
	expect_phase(PROTECTED);
	forget();
}

/* The disk takes its time, and the peer's next ftd comes meanwhile: named to it, the session would bind it again, while
 * ours is released the moment the disk answers, and runs without a lease. */
START_TEST(a_session_that_is_being_released_is_offered_to_nobody)
{
	static const uint8_t none[FT_SESSION_BYTES];
	protect_in_session();
	ck_assert_mem_eq(w.c.self.session, w.c.session.id, FT_SESSION_BYTES);
	w.p.side.leaving = w.p.side.released = true;
	w.p.side.epoch = w.c.session.epoch;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	peer_says();
	ck_assert_int_eq(w.did[FT_DO_STORE], 1);
	ck_assert_int_eq(w.c.store_next.stage, FT_SESSION_RELEASED);
	ck_assert_mem_eq(w.c.self.session, none, FT_SESSION_BYTES);
}
END_TEST

/* What the disk says it did not take it may have taken: our next ftd would find the session released. */
START_TEST(a_release_that_failed_is_offered_to_nobody_until_the_disk_says_bound_again)
{
	static const uint8_t none[FT_SESSION_BYTES];
	protect_in_session();
	w.p.side.leaving = w.p.side.released = true;
	w.p.side.epoch = w.c.session.epoch;
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	peer_says();
	step(&(struct ft_event){.kind = FT_EVENT_STORED, .error = true, .text = "no space left"});
	w.p.side.leaving = false; /* it is back before the disk is */
	w.p.incarnation++;
	peer_says();
	ck_assert_mem_eq(w.c.self.session, none, FT_SESSION_BYTES);
	/* It is bound again by our word alone, so our right goes on by its word until then. */
	forget();
	for (int i = 0; i < 4; i++) {
		int64_t sent = w.now;
		step(&(struct ft_event){.kind = FT_EVENT_ACK, .at = sent});
		ck_assert_int_gt(ft_core_lease(&w.c), sent);
		pass(300);
	}
	ck_assert_int_eq(w.did[FT_DO_STORE], 1);
	ck_assert_int_eq(w.c.store_next.stage, FT_SESSION_BOUND);
	ck_assert_mem_eq(w.c.self.session, none, FT_SESSION_BYTES);
	step(&(struct ft_event){.kind = FT_EVENT_STORED});
	ck_assert_mem_eq(w.c.self.session, w.c.session.id, FT_SESSION_BYTES);
}
END_TEST

/* Seen in the simulation: it had found its own name in the register, and ran the guest alone once we were silent. */
START_TEST(who_names_the_session_no_longer_has_not_released_it_but_by_its_word)
{
	protect_in_session();
	w.p.side.epoch = w.c.session.epoch;
	peer_says();
	if (_i)
		w.p.side.leaving = true;
	else
		step(&(struct ft_event){.kind = FT_EVENT_LEAVE});
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	peer_says();
	expect_did(READ, 1);
	step(&(struct ft_event){.kind = FT_EVENT_REGISTER, .claim = FT_CLAIM_NOT_NEEDED, .text = ""});
	ck_assert_int_eq(w.did[FT_DO_STORE], 0);
	w.p.side.released = true;
	peer_says();
	ck_assert_int_eq(w.did[FT_DO_STORE], 1);
}
END_TEST

/* Proposed sooner, it would be stored with no right to run, and QEMU frozen at once. */
START_TEST(no_session_is_proposed_before_the_peer_has_acknowledged_us)
{
	arm(FT_ROLE_PRIMARY);
	w.q.pid_verified = true;
	w.c.params.arbitrated = w.c.params.registers = true;
	w.p.side.window_ms = 500;
	w.p.side.ready = true;
	peer_says();
	qemu_is();
	checkpoint();
	ck_assert_int_eq(w.did[FT_DO_STORE], 0);
	step(&(struct ft_event){.kind = FT_EVENT_ACK, .at = w.now - MS(1)});
	ck_assert_int_eq(w.did[FT_DO_STORE], 1);
	step(&(struct ft_event){.kind = FT_EVENT_STORED});
	ck_assert_int_eq(w.c.session.stage, FT_SESSION_BOUND);
	ck_assert_int_eq(w.did[FT_DO_FREEZE], 0);
}
END_TEST

/* Asked to leave before it has seen its QEMU: the claim is on disk all the same. */
START_TEST(a_bound_secondary_gives_up_its_claim_before_it_says_goodbye)
{
	begin();
	w.c.params.arbitrated = w.c.params.registers = true;
	w.c.session = (struct ft_session){
	    .stage = FT_SESSION_BOUND, .id = {7}, .epoch = 1, .role = FT_ROLE_SECONDARY, .instance = 1};
	hear(FT_PEER_ALIVE);
	leave();
	ck_assert(!w.c.self.leaving);
	expect_did(STORE, 1);
	ck_assert_int_eq(w.c.store_next.stage, FT_SESSION_RELEASED);
	step(&(struct ft_event){.kind = FT_EVENT_STORED});
	ck_assert(w.c.self.leaving);
}
END_TEST

/* Asked to leave while the session that it accepts is on its way to disk. */
START_TEST(a_secondary_about_to_be_bound_does_not_say_goodbye)
{
	arm(FT_ROLE_SECONDARY);
	w.c.params.arbitrated = w.c.params.registers = true;
	w.q.pid_verified = true;
	qemu_is();
	checkpoint();
	w.p.side.session[0] = 7;
	w.p.side.window_ms = 500;
	peer_says();
	expect_did(STORE, 1);
	leave();
	ck_assert(!w.c.self.leaving);
	step(&(struct ft_event){.kind = FT_EVENT_STORED});
	expect_did(STORE, 2);
	ck_assert_int_eq(w.c.store_next.stage, FT_SESSION_RELEASED);
	ck_assert(!w.c.self.leaving);
	step(&(struct ft_event){.kind = FT_EVENT_STORED});
	ck_assert(w.c.self.leaving);
	peer_says(); /* who leaves accepts nothing, whatever the peer goes on naming */
	expect_did(STORE, 2);
}
END_TEST

/* The session turns out to have been ended: the peer has named another before the disk has answered. */
START_TEST(a_secondary_looks_up_a_session_that_its_peer_names_no_more)
{
	arm(FT_ROLE_SECONDARY);
	w.c.params.arbitrated = w.c.params.registers = true;
	w.q.pid_verified = true;
	qemu_is();
	checkpoint();
	w.p.side.session[0] = 7;
	w.p.side.window_ms = 500;
	peer_says();
	w.p.side.session[0] = 8;
	peer_says();
	step(&(struct ft_event){.kind = FT_EVENT_STORED});
	expect_did(READ, 1);
}
END_TEST

static void stored(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_STORED});
}

static void claimed(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_CLAIM, .claim = FT_CLAIM_WON, .text = "alpha"});
}

/* ---- replication breaks outside of a binding ---- */

/* The session was released for a goodbye of the peer's ftd, whose next one has come and is no further yet. */
static void release_session(void)
{
	protect_in_session();
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	w.p.side.leaving = w.p.side.released = true;
	w.p.side.epoch = w.c.session.epoch;
	peer_says();
	stored();
	expect_phase(UNPROTECTED);
	ck_assert_int_eq(w.c.session.stage, FT_SESSION_RELEASED);
	w.p.incarnation++;
	w.p.side.leaving = w.p.side.ready = false;
	peer_state(FT_UNPROTECTED);
	forget();
}

/* QEMU keeps its guest stopped if it was in the middle of a checkpoint, so somebody must fail over. */
START_TEST(a_primary_that_breaks_in_a_released_session_asks_and_goes_on)
{
	release_session();
	colo_exit();
	expect_phase(ASKING);
	expect_did(PLAN, 0);
	memcpy(w.p.side.session, w.c.session.id, sizeof w.p.side.session); /* what it gives up */
	peer_answers(FT_ANSWER_YIELDED);
	expect_phase(PLANNING);
	expect_did(CLAIM, 1); /* for the record */
	claimed();
	expect_takeover(FT_CAUSE_REPLICATION_BROKEN);
}
END_TEST

START_TEST(a_primary_that_breaks_in_a_released_session_takes_no_silence_for_a_yes)
{
	release_session();
	colo_exit();
	expect_phase(ASKING);
	peer_is_lost();
	pass(3600e3);
	expect_phase(UNPROTECTED);
	expect_no_failover();
	expect_did(CLAIM, 0);
}
END_TEST

START_TEST(a_peer_that_refuses_to_yield_a_released_session_is_asked_again)
{
	release_session();
	colo_exit();
	peer_answers(FT_ANSWER_REFUSED);
	expect_phase(UNPROTECTED);
	expect_no_failover();
	pass(ASK_MS + 3000);
	expect_phase(ASKING);
}
END_TEST

/* Nobody has seen it break. But replication was proven in this session. */
START_TEST(replication_that_answers_no_more_in_a_released_session_is_broken)
{
	release_session();
	w.q.connected = w.q.oob = false;
	qemu_is();
	w.q.connected = w.q.oob = true;
	qemu_is();
	expect_phase(ARMING);
	pass(7900); /* a second of it until it is told why there is no session */
	expect_phase(ARMING);
	pass(200);
	expect_phase(ASKING);
}
END_TEST

START_TEST(a_new_pair_may_take_its_time)
{
	arm(FT_ROLE_PRIMARY);
	w.q.pid_verified = w.c.params.arbitrated = w.c.params.registers = _i;
	qemu_is();
	pass(60e3);
	expect_phase(ARMING);
	expect_not_said("asking peer");
}
END_TEST

/* The other side has ended the last session: it alone may lead a new pair, or end one. */
START_TEST(a_primary_that_may_not_lead_does_not_ask)
{
	release_session();
	w.c.session.stage = FT_SESSION_ENDED;
	w.c.session.instance = w.q.instance + 100;
	strcpy(w.c.session.winner, "beta");
	colo_exit();
	pass(60e3);
	expect_phase(UNPROTECTED);
	expect_not_said("asking peer");
	expect_no_failover();
}
END_TEST

/* Solo, and given a new secondary, which is gone again before there was a session. */
START_TEST(a_survivor_whose_new_pair_breaks_goes_on)
{
	release_session();
	w.c.session.stage = FT_SESSION_ENDED;
	strcpy(w.c.session.winner, "alpha");
	if (_i) {
		colo_exit();
		expect_phase(ASKING);
	}
	peer_is_lost();
	pass(1000);
	if (!_i) {
		expect_did(PLAN, 0); /* its guest runs */
		colo_exit();
	}
	expect_takeover(FT_CAUSE_PEER_LOST);
}
END_TEST

/* Seen in the simulation: the winner's QEMU was another one by now, and its guest stood in a checkpoint for good as the new secondary's host
 * died.  _i: 1 the peer was given the guest since; 2 the win is not complete. */
START_TEST(a_guest_that_was_started_anew_and_whose_new_pair_breaks_goes_on)
{
	release_session();
	w.c.session.stage = FT_SESSION_ENDED;
	strcpy(w.c.session.winner, "alpha");
	w.c.session.instance = w.q.instance + 100;
	w.c.session.yielded = _i == 1 ? w.c.session.instance : 0;
	w.c.session.title = _i == 2 ? FT_TITLE_FOUND : FT_TITLE_REGISTER;
	colo_exit();
	peer_is_lost();
	pass(1000);
	expect_did(PLAN, _i == 0);
}
END_TEST

/* Our ftd came after its new secondary had died, and so after the break. */
START_TEST(a_survivor_that_finds_its_new_pair_halved_goes_on)
{
	release_session();
	w.c.session.stage = FT_SESSION_ENDED;
	strcpy(w.c.session.winner, "alpha");
	w.c.checkpoint_at = FT_NEVER;
	peer_vm(_i ? FT_VM_ABSENT : FT_VM_GONE);
	pass(5000);
	expect_did(PLAN, 0); /* its ftd may look at the wrong socket: only checkpoints tell */
	pass(5000);
	expect_did(PLAN, 1);
}
END_TEST

/* ---- a plan that QEMU could not answer ---- */

static void plan_is_not_answered(void)
{
	struct ft_plan_report r = {.proven_at = FT_NEVER, .error = "no failover plan is prepared"};
	for (int i = 0; i < FT_PLAN_TRIES; i++) {
		step(&(struct ft_event){.kind = FT_EVENT_PLAN, .plan = &r});
		pass(1000);
	}
	expect_outcome(FT_RESULT_FAILED, "no failover plan");
	expect_phase(FAILED);
}

/* A primary that is blocked by what its dead peer left behind wins the claim, and can do nothing with it. */
static void win_in_vain(void)
{
	protect_in_session();
	qemu_answers(false);
	peer_is_lost();
	pass(20);
	frozen(true);
	pass(1100); /* in which the peer would have been first */
	claimed();
	expect_phase(PLANNING);
	plan_is_not_answered();
	forget();
}

START_TEST(a_failover_that_was_not_answered_is_tried_again_when_qemu_answers)
{
	win_in_vain();
	pass(3600e3);
	expect_did(PLAN, 0);
	qemu_answers(true);
	expect_takeover(FT_CAUSE_PEER_LOST);
}
END_TEST

/* Each time that it comes to answer, and at growing distances, not for ever. */
START_TEST(a_failover_that_is_refused_is_not_tried_without_end)
{
	win_in_vain();
	qemu_answers(true);
	for (int i = 0; i < 2; i++) {
		pass(4000);
		expect_phase(PLANNING);
		fail_plan();
		expect_phase(FAILED);
		forget();
		pass(3600e3);
		expect_did(PLAN, 0);
		qemu_answers(false);
		qemu_answers(true);
	}
	fail_plan();
	qemu_answers(false);
	qemu_answers(true);
	pass(15e3);
	expect_phase(FAILED);
	pass(1000);
	expect_phase(PLANNING);
}
END_TEST

START_TEST(a_failed_side_leaves_a_solo_peer_alone)
{
	win_in_vain();
	w.c.session.role = w.q.role = FT_ROLE_SECONDARY; /* a primary would end its QEMU */
	hear(FT_PEER_ALIVE);
	peer_is_solo();
	qemu_answers(true);
	pass(3600e3);
	expect_did(PLAN, 0);
}
END_TEST

/* Somebody may have helped himself at the peer's meanwhile. */
START_TEST(without_an_arbiter_only_the_peers_word_lets_it_try_again)
{
	enum ft_role role = both_roles[_i];
	for (int gone = 0; gone < 2; gone++) {
		protect(role);
		qemu_answers(false);
		peer_vm(FT_VM_GONE);
		plan_is_not_answered();
		if (!gone)
			peer_is_lost();
		forget();
		qemu_answers(true);
		pass(2000);
		expect_did(PLAN, gone);
	}
}
END_TEST

/* ---- what was not seen ---- */

START_TEST(a_guest_that_has_failed_over_already_is_solo)
{
	enum ft_role role = both_roles[_i];
	begin();
	new_qemu(role);
	qemu_left_colo();
	pass(3000);
	expect_phase(SOLO);
	expect_no_failover();
	protect(role);
	qemu_left_colo(); /* by hand */
	expect_phase(SOLO);
	expect_no_failover();
	reach(FT_PHASE_FAILED, role);
	qemu_left_colo();
	expect_phase(SOLO);
}
END_TEST

/* Its ftd was restarted, and hears the request before it could say that it is solo. */
START_TEST(a_guest_that_runs_alone_is_not_yielded_to_an_old_copy)
{
	begin();
	w.p = (struct ft_peer_news){.node = "beta", .incarnation = 0xb1, .side = {.vm = FT_VM_ALIVE, .request_id = 70}};
	w.p.side.role = other(both_roles[_i]);
	peer_asks();
	hear(FT_PEER_ALIVE);
	w.q.instance++;
	w.q.connected = w.q.oob = w.q.pid_verified = true;
	w.q.vm = FT_VM_ALIVE;
	w.q.last_role = both_roles[_i];
	qemu_is();
	expect_phase(SOLO);
	expect_answer(FT_ANSWER_REFUSED);
	expect_did(FREEZE, 0);
}
END_TEST

START_TEST(two_masters_are_said_once)
{
	reach(FT_PHASE_SOLO, both_roles[_i]);
	w.p.side.vm = FT_VM_ALIVE;
	peer_is_solo();
	expect_said("TWO MASTERS");
	forget();
	pass(60e3);
	w.p.side.checkpoint_ms++;
	peer_says();
	expect_did(SAY, 0);
	expect_did(FREEZE, 0);
	expect_did(KILL, 0);
}
END_TEST

/* ---- a table that does not come to rest ---- */

static bool always(const struct ft_core *c)
{
	(void)c;
	return true;
}

static void do_nothing(struct ft_core *c, struct ft_actions *out)
{
	(void)c;
	(void)out;
}

static void say_much(struct ft_core *c, struct ft_actions *out)
{
	for (int i = 0; i < FT_ACTIONS_MAX / 2 - 1; i++)
		ft_core_say(c, out, FT_LEVEL_INFO, "much");
}

static void write_much(struct ft_core *c, struct ft_actions *out)
{
	(void)c;
	out->n_records++;
}

/* It says so once, is read again soon, and goes on as if nothing had been once it comes to rest. */
START_TEST(a_table_that_does_not_come_to_rest_ends_the_step_and_not_ftd)
{
	static void (*const deeds[])(struct ft_core *, struct ft_actions *) = {do_nothing, say_much, write_much};
	const struct ft_rule rule = {.name = "ever", .phases = 1u << FT_PHASE_SOLO, .when = always, .then = deeds[_i]};
	const struct ft_table table = {"a test's", &rule, 1};
	reach(FT_PHASE_SOLO, FT_ROLE_PRIMARY);
	ck_assert_int_eq(ft_core_deadline(&w.c), FT_NEVER);
	w.out.n = w.out.n_records = w.out.n_rows = 0;
	ft_rules_read(&table, 1, &w.c, &w.out);
	ck_assert_int_lt(w.out.n, FT_ACTIONS_MAX); /* and what we say of ourselves may be sent */
	ck_assert_int_le(w.out.n_records, FT_RECORDS_MAX);
	ck_assert_int_gt(w.out.n, 0);
	ck_assert_int_eq(w.out.a[w.out.n - 1].level, FT_LEVEL_ERROR);
	ck_assert_int_eq(ft_core_deadline(&w.c), w.now + SECOND(1));
	w.out.n = w.out.n_records = w.out.n_rows = 0;
	ft_rules_read(&table, 1, &w.c, &w.out);
	ck_assert(w.out.n == 0 || w.out.a[w.out.n - 1].level != FT_LEVEL_ERROR);
	pass(1000);
	ck_assert_int_eq(w.c.resume_at, FT_NEVER);
	expect_phase(SOLO);
}
END_TEST

/* What we say of ourselves as we leave is what has become of our QEMU. */
START_TEST(a_solo_side_that_leaves_tells_of_a_death)
{
	reach(FT_PHASE_SOLO, both_roles[_i]);
	step(&(struct ft_event){.kind = FT_EVENT_LEAVE});
	pass(5000);
	ck_assert(ft_core_exits(&w.c));
	qemu_dies();
	ck_assert_int_eq(w.c.self.vm, FT_VM_ABSENT);
	ck_assert_int_eq(w.c.self.state, FT_UNPROTECTED);
}
END_TEST

START_TEST(the_end_of_a_solo_guest_is_the_end)
{
	static const enum ft_phase from[] = {FT_PHASE_SOLO, FT_PHASE_FAILED};
	reach(from[_i / 2], both_roles[_i % 2]);
	qemu_dies();
	expect_phase(UNPROTECTED);
	ck_assert_str_eq(w.c.reason, "our QEMU has died");
}
END_TEST

START_TEST(a_solo_side_is_protected_again_by_a_new_pair)
{
	reach(FT_PHASE_SOLO, both_roles[_i]);
	w.q.last_role = w.q.role;
	w.q.role = FT_ROLE_PRIMARY;
	qemu_is();
	expect_phase(SOLO);
	w.p.side = (struct ft_side){.state = FT_UNPROTECTED, .role = FT_ROLE_SECONDARY, .vm = FT_VM_ALIVE};
	peer_says();
	expect_phase(ARMING);
	checkpoint();
	w.p.side.ready = true;
	peer_says();
	expect_phase(PROTECTED);
}
END_TEST

START_TEST(own_vm_gone_is_told_at_once)
{
	protect(both_roles[_i]);
	qemu_dies();
	ck_assert_int_eq(w.c.self.vm, FT_VM_GONE);
	ck_assert_int_eq(w.c.self.role, FT_ROLE_NONE);
	ck_assert_int_eq(count_actions(&w.out, FT_DO_SEND), 1);
	expect_phase(UNPROTECTED);
	expect_did(PLAN, 0);
}
END_TEST

/* ---- holes ---- */

/* A secondary whose ftd was restarted may not have seen that its peer went solo long ago.  Its copy of the guest is as
 * old as that, and the end of the peer's guest must not wake it: so that end is not told as the death of half a pair. */
START_TEST(the_end_of_a_solo_guest_wakes_no_old_copy)
{
	reach(FT_PHASE_SOLO, both_roles[_i]);
	qemu_dies();
	expect_phase(UNPROTECTED);
	ck_assert_int_eq(w.c.self.vm, FT_VM_ABSENT);
	arm(other(both_roles[_i]));
	if (_i == 0)
		checkpoint();
	forget();
	w.p.side.state = FT_UNPROTECTED;
	w.p.side.role = FT_ROLE_NONE;
	peer_vm(FT_VM_ABSENT);
	pass(60e3);
	expect_no_failover();
}
END_TEST

/* Nor does it wake one that was frozen for the peer and did not hear how it went. */
START_TEST(a_held_replica_is_not_woken_by_the_end_of_a_solo_guest)
{
	reach(FT_PHASE_HELD, both_roles[_i]);
	pass(3600e3);
	w.p.side.request = FT_REQUEST_NONE;
	w.p.side.state = FT_UNPROTECTED;
	w.p.side.role = FT_ROLE_NONE;
	peer_vm(FT_VM_ABSENT);
	hear(FT_PEER_ALIVE);
	pass(60e3);
	expect_phase(HELD);
	peer_vm(FT_VM_ALIVE); /* a new QEMU there, no news of the old */
	pass(60e3);
	peer_vm(FT_VM_ABSENT);
	expect_phase(HELD);
	expect_did(PLAN, 0);
	force();
	expect_takeover(FT_CAUSE_OPERATOR);
}
END_TEST

START_TEST(a_held_replica_goes_on_when_its_peer_died_in_the_pair)
{
	reach(FT_PHASE_HELD, both_roles[_i]);
	w.p.side.role = FT_ROLE_NONE;
	w.p.side.state = FT_UNPROTECTED;
	peer_vm(FT_VM_GONE);
	hear(FT_PEER_ALIVE);
	expect_did(THAW, 1);
	expect_takeover(FT_CAUSE_PEER_VM_GONE);
}
END_TEST

START_TEST(a_force_that_joined_an_ask_of_our_own_gets_its_outcome)
{
	protect(FT_ROLE_PRIMARY);
	colo_exit();
	expect_phase(ASKING);
	force();
	peer_answers(FT_ANSWER_REFUSED);
	expect_outcome(FT_REFUSED, "refuses to yield");
	ck_assert_int_eq(w.c.outcome.cause, FT_CAUSE_OPERATOR);
}
END_TEST

START_TEST(evidence_of_an_earlier_trouble_is_not_that_of_a_later_one)
{
	protect(both_roles[_i]);
	port_unreachable(); /* one link of several, for a moment */
	live(3600);
	expect_phase(PROTECTED);
	int64_t before = w.now;
	peer_is_lost();
	expect_phase(PLANNING);
	ck_assert_int_ge(w.c.outcome.first_evidence_at, before - SECOND(1));
}
END_TEST

/* What the plan did to QEMU before it failed nobody knows: the last checkpoint proves nothing any more. */
START_TEST(a_failed_plan_voids_the_proof_of_replication)
{
	reach(FT_PHASE_FAILED, both_roles[_i]);
	w.p.side.vm = FT_VM_ALIVE;
	peer_says();
	hear(FT_PEER_ALIVE);
	ck_assert(!w.c.self.ready);
	ck_assert(w.c.phase != FT_PHASE_PROTECTED);
}
END_TEST

/* After our restart QEMU tells of no break that was before.  The peer does. */
START_TEST(a_restarted_primary_learns_from_its_peer_that_replication_is_broken)
{
	arm(FT_ROLE_PRIMARY);
	w.p.side.repl_broken = true;
	w.p.side.state = FT_SUSPECT;
	peer_says();
	for (int i = 0; i < 20 && w.c.phase != FT_PHASE_ASKING; i++)
		pass(1000);
	expect_phase(ASKING);
	peer_answers(FT_ANSWER_YIELDED);
	expect_takeover(FT_CAUSE_REPLICATION_BROKEN);
}
END_TEST

#define EACH_ROLE(t) tcase_add_loop_test(tc, t, 0, 2)
#define EACH(t, n)   tcase_add_loop_test(tc, t, 0, n)
#define ONCE(t)      tcase_add_test(tc, t)

static TCase *calm_case(void)
{
	TCase *tc = tcase_create("calm");
	EACH_ROLE(calm_start_leads_to_protected);
	EACH_ROLE(late_peer_is_waited_for);
	ONCE(primary_probes_until_a_checkpoint_completes);
	EACH_ROLE(arming_ends_when_the_peer_no_longer_fits);
	EACH_ROLE(reason_of_being_unprotected_is_kept_true);
	EACH_ROLE(what_is_missing_interrupts_protection_and_heals);
	EACH_ROLE(qmp_reconnect_needs_a_new_proof);
	EACH_ROLE(a_new_qemu_is_not_bound_by_the_old_ones_pair);
	EACH_ROLE(a_new_qemu_in_colo_needs_its_own_proof);
	EACH_ROLE(peers_restarted_ftd_fails_nothing_over);
	EACH_ROLE(own_restart_fails_nothing_over);
	return tc;
}

static TCase *silence_case(void)
{
	TCase *tc = tcase_create("silence");
	EACH_ROLE(a_quiet_peer_is_suspect_and_no_more);
	EACH_ROLE(a_silent_peer_is_failed_over);
	EACH_ROLE(a_peer_lost_while_something_was_missing_is_failed_over);
	EACH_ROLE(port_unreachable_and_a_live_replication_mean_only_its_ftd_is_dead);
	EACH_ROLE(a_qemu_that_is_replaced_in_a_silence_was_not_asked_yet);
	EACH_ROLE(checkpoints_alone_keep_a_silent_peer_until_they_are_overdue);
	EACH_ROLE(a_checkpoint_that_may_have_begun_before_the_silence_proves_nothing);
	ONCE(port_unreachable_that_ends_is_no_sign_of_life);
	EACH_ROLE(forged_port_unreachable_cannot_hold_a_failover_for_ever);
	ONCE(an_unanswered_probe_ends_the_signs_of_life);
	EACH_ROLE(a_silent_peers_broken_replication_ends_the_signs_of_life);
	EACH_ROLE(watching_a_silent_peer_says_why);
	return tc;
}

static TCase *peer_case(void)
{
	TCase *tc = tcase_create("the peer's word");
	EACH(a_peer_whose_vm_died_is_failed_over_at_once, 6);
	EACH_ROLE(a_proven_replica_takes_over_even_before_the_peer_was_ready);
	EACH_ROLE(a_leaving_peers_vm_may_die_as_well);
	EACH_ROLE(an_absent_peer_vm_is_asked_for_before_it_is_believed);
	EACH_ROLE(an_absent_peer_vm_is_believed_once_checkpoints_are_overdue);
	EACH_ROLE(a_peer_that_froze_its_qemu_is_failed_over);
	EACH(a_primary_whose_peer_went_solo_ends, 4);
	ONCE(a_bound_secondary_whose_peer_went_solo_ends);
	ONCE(a_solo_peer_may_take_in_a_new_secondary);
	ONCE(a_failed_side_ends_when_its_peer_went_solo);
	EACH_ROLE(a_freeze_for_a_solo_peer_is_tried_again);
	return tc;
}

static TCase *broken_case(void)
{
	TCase *tc = tcase_create("broken or hung");
	ONCE(a_primary_with_broken_replication_asks_and_goes_on);
	ONCE(a_secondary_with_broken_replication_waits_for_its_peers_word);
	EACH_ROLE(a_colo_exit_of_a_dead_peers_death_freezes_no_survivor);
	EACH_ROLE(broken_and_then_silent_is_lost);
	ONCE(broken_and_the_primary_replaced);
	ONCE(a_peer_that_says_broken_makes_the_primary_look);
	ONCE(stuck_replication_is_broken_replication);
	ONCE(a_checkpoint_is_stuck_only_well_beyond_the_longest);
	ONCE(another_qemu_has_had_no_checkpoint);
	ONCE(stuck_since_qmp_was_connected_is_told_as_that);
	ONCE(a_secondary_does_not_judge_stuck_replication);
	ONCE(an_ask_of_our_own_that_fails_is_repeated);
	EACH_ROLE(a_hung_qemu_yields_to_a_live_peer);
	EACH_ROLE(a_hung_qemu_is_not_frozen_for_a_peer_without_a_vm);
	EACH_ROLE(a_hang_that_ended_is_forgotten);
	EACH_ROLE(a_silent_qemu_is_freed_of_the_peer_before_that_is_asked);
	tcase_add_test(tc, a_yank_is_repeated_until_qemu_says_that_replication_is_over);
	EACH_ROLE(a_blocked_qemu_gives_way_and_asks_nobody);
	EACH_ROLE(one_that_answers_again_in_time_does_not_give_way);
	EACH(both_blocked_the_first_that_answers_goes_on, 4);
	EACH_ROLE(a_hung_qemu_does_not_yield_to_a_blocked_one);
	EACH_ROLE(slow_is_not_blocked);
	EACH_ROLE(a_silence_in_which_we_did_not_run_is_counted_anew);
	EACH(nothing_is_spared_that_is_over, 4);
	EACH_ROLE(the_blocked_are_refused_what_they_ask);
	EACH(an_order_waits_for_a_silent_qemu_and_is_refused_for_a_blocked_one, 4);
	EACH_ROLE(a_blocked_side_takes_over_once_it_answers);
	EACH_ROLE(both_frozen_the_primary_goes_on);
	return tc;
}

static TCase *yield_case(void)
{
	TCase *tc = tcase_create("yielding");
	EACH(asked_to_yield_it_freezes_then_answers_then_ends, 10);
	EACH_ROLE(asked_while_failed_it_yields);
	EACH_ROLE(a_freeze_that_fails_is_a_refusal);
	EACH_ROLE(a_freeze_that_is_never_answered_is_a_refusal);
	EACH_ROLE(a_qemu_that_dies_while_being_frozen_has_yielded);
	EACH(a_frozen_qemu_that_dies_is_fenced, 2);
	EACH_ROLE(nothing_running_yields_at_once);
	EACH(fenced_and_frozen_sides_answer_every_new_request, 6);
	EACH_ROLE(an_unverified_process_is_never_signalled);
	EACH_ROLE(an_unverified_process_is_not_ended_for_a_peer_that_is_solo);
	EACH(a_side_that_takes_over_refuses_to_yield, 6);
	EACH_ROLE(a_restarted_peers_request_is_not_answered_by_an_old_answer);
	EACH_ROLE(an_unwanted_yield_is_undone);
	EACH(a_yield_that_the_peer_still_wants_is_kept, 4);
	EACH_ROLE(a_yielded_side_takes_over_from_a_peer_that_died_meanwhile);
	EACH_ROLE(a_yielded_side_whose_peer_falls_silent_is_held);
	EACH_ROLE(a_held_side_runs_again_by_a_persons_order);
	EACH_ROLE(a_peer_that_failed_is_said_once);
	return tc;
}

static TCase *force_case(void)
{
	TCase *tc = tcase_create("a person's order");
	ONCE(the_decision_is_told_when_evidence_is_full);
	EACH(forced_with_a_live_peer_asks_first, 12);
	EACH_ROLE(forced_by_signal_says_so);
	EACH_ROLE(forced_without_a_peer_goes_ahead);
	EACH_ROLE(forced_again_after_a_failure_tries_again);
	ONCE(forced_where_nothing_can_run_is_refused);
	EACH(forced_during_a_failover_joins_it, 6);
	EACH_ROLE(forced_while_yielding_waits_for_the_end_of_it);
	EACH_ROLE(a_forced_ask_that_comes_to_nothing_is_an_outcome);
	EACH_ROLE(asking_a_peer_that_goes_goes_ahead);
	EACH_ROLE(a_frozen_peer_that_has_not_answered_is_waited_for);
	EACH_ROLE(both_forced_at_once_the_primarys_word_goes_first);
	return tc;
}

static TCase *ending_case(void)
{
	TCase *tc = tcase_create("plan, record, goodbye");
	EACH_ROLE(a_plan_that_fails_is_tried_again);
	EACH_ROLE(a_plan_that_never_works_is_a_failure);
	EACH_ROLE(a_plan_whose_qemu_died_is_hopeless);
	EACH_ROLE(a_record_that_fails_is_announced_with_the_reason);
	EACH_ROLE(a_disk_that_never_answers_holds_nothing_up);
	EACH_ROLE(a_record_in_time_is_announced_without_a_fault);
	EACH_ROLE(a_failover_while_a_refusal_is_being_written);
	EACH_ROLE(a_late_answer_of_the_disk_is_not_taken_for_the_next_records);
	EACH_ROLE(leaving_says_goodbye_wherever_it_can);
	EACH_ROLE(leaving_waits_for_what_was_begun);
	EACH_ROLE(who_has_left_decides_nothing_more);
	EACH_ROLE(a_peer_that_left_and_is_silent_is_not_failed_over);
	ONCE(a_session_that_is_being_released_is_offered_to_nobody);
	ONCE(a_release_that_failed_is_offered_to_nobody_until_the_disk_says_bound_again);
	EACH(who_names_the_session_no_longer_has_not_released_it_but_by_its_word, 2);
	ONCE(no_session_is_proposed_before_the_peer_has_acknowledged_us);
	ONCE(a_bound_secondary_gives_up_its_claim_before_it_says_goodbye);
	ONCE(a_secondary_about_to_be_bound_does_not_say_goodbye);
	ONCE(a_secondary_looks_up_a_session_that_its_peer_names_no_more);
	return tc;
}

static TCase *unbound_case(void)
{
	TCase *tc = tcase_create("broken outside of a binding, or unanswered");
	ONCE(a_primary_that_breaks_in_a_released_session_asks_and_goes_on);
	ONCE(a_primary_that_breaks_in_a_released_session_takes_no_silence_for_a_yes);
	ONCE(a_peer_that_refuses_to_yield_a_released_session_is_asked_again);
	ONCE(replication_that_answers_no_more_in_a_released_session_is_broken);
	EACH(a_new_pair_may_take_its_time, 2);
	ONCE(a_primary_that_may_not_lead_does_not_ask);
	EACH(a_survivor_whose_new_pair_breaks_goes_on, 2);
	EACH(a_guest_that_was_started_anew_and_whose_new_pair_breaks_goes_on, 3);
	EACH(a_survivor_that_finds_its_new_pair_halved_goes_on, 2);
	ONCE(a_failover_that_was_not_answered_is_tried_again_when_qemu_answers);
	ONCE(a_failover_that_is_refused_is_not_tried_without_end);
	ONCE(a_failed_side_leaves_a_solo_peer_alone);
	EACH_ROLE(without_an_arbiter_only_the_peers_word_lets_it_try_again);
	return tc;
}

static TCase *unseen_case(void)
{
	TCase *tc = tcase_create("what was not seen");
	EACH_ROLE(a_guest_that_has_failed_over_already_is_solo);
	EACH_ROLE(a_guest_that_runs_alone_is_not_yielded_to_an_old_copy);
	EACH_ROLE(two_masters_are_said_once);
	EACH(a_table_that_does_not_come_to_rest_ends_the_step_and_not_ftd, 3);
	EACH(a_solo_side_that_leaves_tells_of_a_death, 2);
	EACH(the_end_of_a_solo_guest_is_the_end, 4);
	EACH_ROLE(a_solo_side_is_protected_again_by_a_new_pair);
	EACH_ROLE(own_vm_gone_is_told_at_once);
	EACH_ROLE(the_end_of_a_solo_guest_wakes_no_old_copy);
	EACH_ROLE(a_held_replica_is_not_woken_by_the_end_of_a_solo_guest);
	EACH_ROLE(a_held_replica_goes_on_when_its_peer_died_in_the_pair);
	ONCE(a_force_that_joined_an_ask_of_our_own_gets_its_outcome);
	EACH_ROLE(evidence_of_an_earlier_trouble_is_not_that_of_a_later_one);
	EACH_ROLE(a_failed_plan_voids_the_proof_of_replication);
	ONCE(a_restarted_primary_learns_from_its_peer_that_replication_is_broken);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("core");
	suite_add_tcase(s, calm_case());
	suite_add_tcase(s, silence_case());
	suite_add_tcase(s, peer_case());
	suite_add_tcase(s, broken_case());
	suite_add_tcase(s, yield_case());
	suite_add_tcase(s, force_case());
	suite_add_tcase(s, ending_case());
	suite_add_tcase(s, unbound_case());
	suite_add_tcase(s, unseen_case());
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
