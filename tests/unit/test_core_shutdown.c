/* The decision core where a QEMU is on its way out, or its guest's disk is bad: who gives way, who goes on, and when neither.
 * Each case without an arbiter and with one, in both roles, unless it says otherwise. */
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
	char said[8192];
} w;

static const uint8_t id[FT_SESSION_BYTES] = {7};

static void step(const struct ft_event *e)
{
	struct ft_actions out;
	ft_core_step(&w.c, e, w.now, &out);
	const char *fault = broken_law(&w.c, e, &w.pending, &out);
	ck_assert_msg(!fault, "event %d in phase %s: %s", (int)e->kind, phase_name(w.c.phase), fault);
	for (int i = 0; i < out.n; i++) {
		size_t used = strlen(w.said);
		w.did[out.a[i].kind]++;
		snprintf(w.said + used, sizeof w.said - used, "%s %s\n", action_name(out.a[i].kind), out.a[i].text);
	}
}

static void event(enum ft_event_kind kind)
{
	step(&(struct ft_event){.kind = kind});
}

/* The disk and the freezer answer whatever they are asked. */
static void settle(void)
{
	for (int i = 0; i < 5; i++) {
		if (w.c.storing)
			event(FT_EVENT_STORED);
		if (w.c.freeze_until != FT_NEVER && !w.c.frozen)
			event(FT_EVENT_FROZEN);
	}
}

static void pass(double ms)
{
	int64_t end = w.now + MS(ms);
	while (ft_core_deadline(&w.c) <= end) {
		w.now = ft_core_deadline(&w.c);
		event(FT_EVENT_TIME);
	}
	w.now = end;
	event(FT_EVENT_TIME);
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

static void peer_is_ending(void)
{
	w.p.side.ending = true;
	w.p.side.ready = false;
	peer_says();
}

static void peer_is_solo(void)
{
	w.p.side.ready = false;
	w.p.side.role = FT_ROLE_SOLO;
	w.p.side.state = FT_SOLO;
	w.p.side.proven = true;
	peer_says();
}

static void acked(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_HEARING, .hearing = FT_PEER_ALIVE, .heard_at = w.now});
	step(&(struct ft_event){.kind = FT_EVENT_ACK, .at = w.now});
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

static void shutdown(const char *reason)
{
	step(&(struct ft_event){.kind = FT_EVENT_SHUTDOWN, .ending = ft_ending_of(reason), .text = reason});
}

static void colo_exit(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_COLO_EXIT, .error = true, .text = "error"});
}

#define expect_phase(p)                                                                                                \
	ck_assert_msg(w.c.phase == FT_PHASE_##p, "in %s, not %s; since then:\n%s", phase_name(w.c.phase), #p, w.said)
#define expect_did(k, n)                                                                                               \
	ck_assert_msg(w.did[FT_DO_##k] == (n), "%s %d times, not %d:\n%s", #k, w.did[FT_DO_##k], (n), w.said)

static void protect(int arbitrated, enum ft_role role)
{
	memset(&w, 0, sizeof w);
	w.now = SECOND(1000);
	struct ft_core_params params = {.node = "alpha",
	                                .incarnation = 0xa1,
	                                .interval = MS(100),
	                                .window = MS(500),
	                                .reply_timeout = SECOND(1),
	                                .guard = MS(20)};
	if (arbitrated) {
		params.arbitrated = params.registers = true;
		params.session =
		    (struct ft_session){.stage = FT_SESSION_BOUND, .epoch = 3, .role = role, .instance = 5};
		memcpy(params.session.id, id, sizeof id);
		strcpy(params.session.peer, "beta");
	}
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
	                                     .request_id = 70,
	                                     .epoch = 3,
	                                     .checkpoint_ms = 2000,
	                                     .window_ms = 500}};
	if (arbitrated)
		memcpy(w.p.side.session, id, sizeof id);
	peer_says();
	acked();
	qemu_is();
	event(FT_EVENT_CHECKPOINT);
	for (int i = 0; i < 200; i++) { /* until no claim of a predecessor can land any more */
		pass(100);
		acked();
		event(FT_EVENT_CHECKPOINT);
		if (w.c.arbiter_busy)
			step(&(struct ft_event){.kind = FT_EVENT_REGISTER, .claim = FT_CLAIM_NOT_NEEDED, .text = ""});
	}
	expect_phase(PROTECTED);
	memset(w.did, 0, sizeof w.did);
	w.said[0] = '\0';
}

/* _i: bit 0 an arbiter, bit 1 the secondary, as every case below. */
#define ARBITER (_i & 1)
#define ROLE    ((_i & 2) ? FT_ROLE_SECONDARY : FT_ROLE_PRIMARY)

START_TEST(a_qemu_on_its_way_out_gives_way)
{
	protect(ARBITER, ROLE);
	shutdown("host-signal");
	ck_assert(w.c.self.ending && !w.c.self.ready);
	expect_phase(YIELDING);
	expect_did(FREEZE, 1);
	colo_exit();
	ck_assert_int_eq(w.c.self.request, FT_REQUEST_NONE);
	ck_assert_int_ne(w.c.self.vm, FT_VM_YIELDED); /* not before it is on disk, and it stands still */
	settle();
	expect_phase(YIELDED);
	ck_assert_int_eq(w.c.self.vm, FT_VM_YIELDED);
	expect_did(KILL, 0); /* it is the last copy until the peer's runs */
	expect_did(CLAIM, 0);
	peer_is_solo();
	expect_phase(FENCED);
	expect_did(KILL, 1);
}
END_TEST

/* Its death is as good as its standing still. */
START_TEST(a_qemu_that_ends_sooner_than_it_stands_still_is_told_as_gone)
{
	protect(ARBITER, ROLE);
	shutdown("host-qmp-quit");
	colo_exit();
	qemu_dies();
	settle();
	ck_assert_int_eq(w.c.self.vm, FT_VM_GONE);
	ck_assert(!w.c.self.ending);
	expect_did(CLAIM, 0);
}
END_TEST

/* One that cannot be stopped, in the midst of a flush say, is let go on ending; and is stopped again later. */
START_TEST(a_qemu_that_does_not_stand_still_goes_on_ending)
{
	protect(ARBITER, ROLE);
	shutdown("host-signal");
	step(&(struct ft_event){.kind = FT_EVENT_FROZEN, .error = true, .text = "not in time"});
	expect_did(THAW, 1);
	ck_assert(w.c.self.ending);
	for (int i = 0; i < 40; i++) {
		pass(100);
		acked();
	}
	expect_did(FREEZE, 2);
	expect_did(CLAIM, 0);
	qemu_dies();
	settle();
	ck_assert_int_eq(w.c.self.vm, FT_VM_GONE);
}
END_TEST

START_TEST(the_peer_of_an_ending_qemu_waits_for_its_word_and_goes_on)
{
	protect(ARBITER, ROLE);
	peer_is_ending();
	ck_assert_str_eq(ft_state_name(w.c.self.state), "unprotected");
	colo_exit();
	expect_did(FREEZE, 0);
	peer_vm(FT_VM_YIELDED);
	expect_phase(PLANNING);
	ck_assert_int_eq(w.c.outcome.cause, FT_CAUSE_PEER_YIELDED);
}
END_TEST

/* Whose QEMU ends claims nothing, though it has lost its peer. */
START_TEST(an_ending_side_claims_nothing_from_a_silent_peer)
{
	protect(1, ROLE);
	step(&(struct ft_event){.kind = FT_EVENT_HEARING, .hearing = FT_PEER_QUIET, .heard_at = w.now});
	w.p.side.ending = true; /* or it would be given way to at once */
	peer_says();
	shutdown("host-signal");
	pass(500);
	step(&(struct ft_event){.kind = FT_EVENT_HEARING, .hearing = FT_PEER_LOST, .heard_at = w.now - MS(500)});
	pass(100);
	settle();
	pass(30000);
	expect_did(CLAIM, 0);
	expect_did(PLAN, 0);
}
END_TEST

START_TEST(a_claim_that_is_not_sent_is_given_up_for_the_end)
{
	protect(1, FT_ROLE_PRIMARY);
	pass(500);
	expect_phase(FREEZING);
	shutdown("host-signal");
	settle();
	expect_phase(YIELDED);
	expect_did(CLAIM, 0);
	ck_assert_int_eq(w.c.session.stage, FT_SESSION_RESIGNED);
}
END_TEST

/* Nobody is frozen for a peer that ends as well: each disk is flushed in order. */
START_TEST(two_that_end_freeze_nobody)
{
	protect(ARBITER, ROLE);
	peer_is_ending();
	shutdown("host-signal");
	expect_did(FREEZE, 0);
	peer_vm(FT_VM_GONE);
	expect_did(PLAN, 0);
	qemu_dies();
	settle();
	expect_did(PLAN, 0);
}
END_TEST

/* There is nothing to go on with: QEMU is on its way out, and cannot be kept from it. */
START_TEST(who_has_given_way_takes_nothing_over_when_its_peer_dies)
{
	protect(ARBITER, ROLE);
	shutdown("host-signal");
	settle();
	expect_phase(YIELDED);
	peer_vm(FT_VM_GONE);
	settle();
	expect_did(CLAIM, 0);
	expect_did(PLAN, 0);
}
END_TEST

START_TEST(of_two_frozen_sides_the_one_that_can_go_on_does)
{
	protect(ARBITER, ROLE);
	w.p.side.request = FT_REQUEST_YIELD;
	w.p.side.request_id++;
	w.p.side.state = FT_CLAIMING;
	peer_says();
	settle();
	expect_phase(YIELDED);
	w.p.side.request = FT_REQUEST_NONE;
	w.p.side.ending = true;
	peer_vm(FT_VM_YIELDED);
	if (ARBITER) { /* which had resigned for the peer, and asks the register */
		expect_phase(CLAIMING);
		step(&(struct ft_event){.kind = FT_EVENT_CLAIM, .claim = FT_CLAIM_WON, .text = "alpha"});
	}
	expect_phase(PLANNING);
}
END_TEST

START_TEST(an_order_to_a_side_that_ends_is_refused)
{
	protect(ARBITER, ROLE);
	w.q.pid_verified = false;
	qemu_is();
	shutdown("host-signal");
	step(&(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR});
	expect_did(RECORD, 1);
	ck_assert_str_eq(w.c.outcome.error, "our QEMU is on its way out");
}
END_TEST

/* The peer has read our name in the register, and would wait for us for ever. */
START_TEST(a_win_that_is_learned_of_after_giving_way_is_given_back)
{
	protect(1, FT_ROLE_SECONDARY);
	step(&(struct ft_event){.kind = FT_EVENT_HEARING, .hearing = FT_PEER_QUIET, .heard_at = w.now});
	pass(500);
	step(&(struct ft_event){.kind = FT_EVENT_HEARING, .hearing = FT_PEER_LOST, .heard_at = w.now - MS(500)});
	pass(20);
	expect_phase(CLAIMING);
	shutdown("host-signal");
	step(&(struct ft_event){.kind = FT_EVENT_CLAIM, .claim = FT_CLAIM_UNREACHABLE, .text = "no answer"});
	settle();
	ck_assert_int_eq(w.c.session.stage, FT_SESSION_RESIGNED);
	memset(w.p.side.session, 0, sizeof w.p.side.session);
	w.p.side.state = FT_FENCED;
	peer_vm(FT_VM_YIELDED);
	acked();
	for (int i = 0; i < 50 && w.did[FT_DO_READ] == 0; i++)
		pass(100);
	ck_assert(!w.c.self.returned);
	step(&(struct ft_event){.kind = FT_EVENT_REGISTER, .claim = FT_CLAIM_LOST, .text = "alpha"});
	ck_assert(w.c.self.returned);
	ck_assert_mem_eq(w.c.self.session, id, sizeof id);
}
END_TEST

/* Past its right it is stopped again and again, and claims nothing. */
START_TEST(an_ending_qemu_past_its_right_is_stopped_again)
{
	protect(1, FT_ROLE_PRIMARY);
	w.p.side.vm = FT_VM_UNKNOWN; /* nobody to give way to yet */
	peer_says();
	shutdown("host-signal");
	for (int i = 0; i < 20; i++) {
		pass(100);
		if (w.c.phase == FT_PHASE_YIELDING)
			step(&(struct ft_event){.kind = FT_EVENT_FROZEN, .error = true, .text = "it is dead"});
	}
	expect_phase(YIELDING);
	ck_assert_int_lt(w.did[FT_DO_FREEZE], 4);
	expect_did(THAW, 0);
	expect_did(CLAIM, 0);
}
END_TEST

/* ---- its ftd is asked to leave, too ---- */

START_TEST(who_leaves_gives_way_first_if_its_qemu_ends)
{
	int exits = (_i & 4) && !ARBITER ? 2 : 1; /* without an arbiter a leaving ftd is on its way at once */
	protect(ARBITER, ROLE);
	if (_i & 4)
		event(FT_EVENT_LEAVE);
	shutdown("host-signal");
	if (!(_i & 4))
		event(FT_EVENT_LEAVE);
	settle();
	expect_phase(YIELDED);
	ck_assert(!w.c.self.leaving);
	ck_assert_int_eq(w.c.self.vm, FT_VM_YIELDED);
	expect_did(EXIT, exits - 1);
	ck_assert(!ft_core_exits(&w.c));
	peer_is_solo();
	expect_did(KILL, 1);
	ck_assert(w.c.self.leaving);
	expect_did(EXIT, exits);
}
END_TEST

/* Of who leaves nobody takes a word, so that is taken back; and the peer is seen to go on first.  _i & 4: it died before. */
START_TEST(who_leaves_tells_of_its_qemus_death_first)
{
	protect(ARBITER, ROLE);
	if (_i & 4)
		qemu_dies();
	event(FT_EVENT_LEAVE);
	if (!(_i & 4))
		qemu_dies();
	settle();
	ck_assert_int_eq(w.c.self.vm, FT_VM_GONE);
	ck_assert(!w.c.self.leaving && !ft_core_exits(&w.c));
	peer_is_solo();
	ck_assert(w.c.self.leaving && ft_core_exits(&w.c));
}
END_TEST

/* Nor is it waited for without an end. */
START_TEST(who_leaves_waits_ten_seconds_for_its_peer_to_go_on)
{
	protect(ARBITER, ROLE);
	shutdown("host-signal");
	settle();
	event(FT_EVENT_LEAVE);
	for (int i = 0; i < 110; i++) {
		pass(100);
		acked();
	}
	expect_did(EXIT, 1);
}
END_TEST

/* The peer's ftd took its leave, and only then its QEMU ended: there is no claim any more, and its word is enough. */
START_TEST(the_end_of_a_qemu_after_the_goodbye_is_a_word_too)
{
	protect(1, ROLE);
	w.p.side.leaving = w.p.side.released = true;
	peer_says();
	settle();
	ck_assert_int_eq(w.c.session.stage, FT_SESSION_RELEASED);
	colo_exit();
	pass(200);
	expect_did(PLAN, 0);
	w.p.side.leaving = false;
	peer_vm(FT_VM_GONE);
	expect_phase(PLANNING);
	ck_assert_int_eq(w.c.outcome.cause, FT_CAUSE_PEER_VM_GONE);
}
END_TEST

/* ---- the guest ends itself ---- */

START_TEST(a_guest_that_powers_itself_off_ends_on_both_sides)
{
	protect(ARBITER, FT_ROLE_PRIMARY);
	shutdown("guest-shutdown");
	expect_did(FREEZE, 0);
	colo_exit();
	qemu_dies();
	ck_assert_int_eq(w.c.self.request, FT_REQUEST_END);
	ck_assert(!w.c.self.dying);
	settle();
	ck_assert_int_eq(w.c.self.request, FT_REQUEST_END);
	w.p.side.answer = FT_ANSWER_YIELDED;
	w.p.side.answer_id = w.c.self.request_id;
	peer_vm(FT_VM_GONE);
	ck_assert_int_eq(w.c.self.request, FT_REQUEST_NONE);
	expect_did(PLAN, 0);
	expect_did(CLAIM, 0);
	expect_did(RECORD, 0);
}
END_TEST

START_TEST(the_copy_of_a_guest_that_has_ended_is_ended)
{
	protect(ARBITER, FT_ROLE_SECONDARY);
	peer_is_ending();
	colo_exit();
	w.p.side.request = FT_REQUEST_END;
	w.p.side.request_id++;
	peer_vm(_i & 4 ? FT_VM_GONE : FT_VM_UNKNOWN);
	expect_phase(FENCED);
	expect_did(KILL, 1);
	qemu_dies();
	settle();
	ck_assert_int_eq(w.c.self.answer, FT_ANSWER_YIELDED);
	ck_assert_uint_eq(w.c.self.answer_id, w.p.side.request_id);
	expect_did(PLAN, 0);
	expect_did(CLAIM, 0);
}
END_TEST

/* It has gone on alone: the guest that has ended there is an old one. */
START_TEST(who_goes_on_alone_is_not_ended_for_the_guest_of_the_peer)
{
	protect(1, FT_ROLE_SECONDARY);
	peer_vm(FT_VM_GONE);
	settle();
	if (w.c.arbiter_busy)
		step(&(struct ft_event){.kind = FT_EVENT_CLAIM, .claim = FT_CLAIM_WON, .text = "alpha"});
	settle();
	expect_phase(PLANNING);
	struct ft_plan_report r = {.ok = true, .proven_at = w.now};
	step(&(struct ft_event){.kind = FT_EVENT_PLAN, .plan = &r});
	event(FT_EVENT_RECORDED);
	settle();
	expect_phase(SOLO);
	w.p.side.request = FT_REQUEST_END;
	w.p.side.request_id++;
	peer_says();
	ck_assert_int_eq(w.c.self.answer, FT_ANSWER_REFUSED);
	ck_assert_uint_eq(w.c.self.answer_id, w.p.side.request_id);
	ck_assert_msg(strstr(w.said, "here it goes on alone"), "%s", w.said);
	expect_did(KILL, 0);
	expect_phase(SOLO);
}
END_TEST

/* ftd does not know which process it is. */
START_TEST(a_copy_that_ftd_cannot_end_is_told_to_a_person)
{
	protect(ARBITER, FT_ROLE_SECONDARY);
	w.q.pid_verified = false;
	qemu_is();
	peer_is_ending();
	colo_exit();
	w.p.side.request = FT_REQUEST_END;
	w.p.side.request_id++;
	peer_says();
	ck_assert_int_eq(w.c.self.answer, FT_ANSWER_REFUSED);
	ck_assert_msg(strstr(w.said, "end our QEMU by hand"), "%s", w.said);
	expect_did(KILL, 0);
}
END_TEST

START_TEST(a_copy_that_the_peer_cannot_end_is_told_to_a_person)
{
	protect(ARBITER, FT_ROLE_PRIMARY);
	shutdown("guest-shutdown");
	colo_exit();
	qemu_dies();
	settle();
	ck_assert_int_eq(w.c.self.request, FT_REQUEST_END);
	w.p.side.answer = FT_ANSWER_REFUSED;
	w.p.side.answer_id = w.c.self.request_id;
	peer_says();
	ck_assert_int_eq(w.c.self.request, FT_REQUEST_NONE);
	ck_assert_msg(strstr(w.said, "has not ended its copy: end its QEMU by hand"), "%s", w.said);
}
END_TEST

/* It was to ask the peer to yield, and has to give way itself. */
START_TEST(who_asks_and_is_on_its_way_out_asks_no_more)
{
	protect(ARBITER, FT_ROLE_PRIMARY);
	colo_exit();
	expect_phase(ASKING);
	shutdown("host-signal");
	ck_assert_int_eq(w.c.self.request, FT_REQUEST_NONE);
	ck_assert_msg(strstr(w.said, "our own QEMU is on its way out"), "%s", w.said);
	expect_did(PLAN, 0);
	settle();
	ck_assert_int_eq(w.c.self.vm, FT_VM_YIELDED);
}
END_TEST

/* With -no-shutdown QEMU stays, and may be reset: nothing is ended, and nothing failed over. */
START_TEST(a_guest_that_is_off_in_a_qemu_that_stays_fails_over_to_nobody)
{
	protect(ARBITER, FT_ROLE_PRIMARY);
	shutdown("guest-shutdown");
	ck_assert_str_eq(ft_state_name(w.c.self.state), "unprotected");
	ck_assert_str_eq(w.c.reason, "the guest has powered itself off");
	for (int i = 0; i < 300; i++) {
		pass(100);
		acked();
		event(FT_EVENT_CHECKPOINT);
	}
	expect_did(FREEZE, 0);
	ck_assert_int_eq(w.c.self.request, FT_REQUEST_NONE);
	if (_i & 4) { /* whoever ends its QEMU then wants no guest elsewhere */
		shutdown("host-qmp-quit");
		qemu_dies();
		ck_assert_int_eq(w.c.self.request, FT_REQUEST_END);
		return;
	}
	step(&(struct ft_event){.kind = FT_EVENT_SHUTDOWN, .ending = FT_ENDING_NOT});
	event(FT_EVENT_CHECKPOINT);
	expect_phase(PROTECTED);
}
END_TEST

/* What the primary sends next overwrites it. */
START_TEST(a_secondarys_guest_that_powers_off_says_nothing)
{
	protect(ARBITER, FT_ROLE_SECONDARY);
	shutdown("guest-shutdown");
	expect_phase(PROTECTED);
	ck_assert(!w.c.self.ending);
}
END_TEST

/* ---- the guest's disk is bad ---- */

static void disk_fails(bool own)
{
	step(
	    &(struct ft_event){.kind = FT_EVENT_DISK, .error = own, .text = "write of node disk0: Input/output error"});
}

/* And what it knows of its disk is on disk before it has resigned, or not at all. */
START_TEST(a_bad_disk_gives_way_to_a_good_one)
{
	protect(ARBITER, ROLE);
	disk_fails(true);
	ck_assert(w.c.self.disk_bad && !w.c.self.ready);
	ck_assert(strstr(w.said, "our copy of the guest's disk is BAD"));
	settle();
	expect_phase(YIELDED);
	ck_assert_int_eq(w.c.self.vm, FT_VM_YIELDED);
	expect_did(CLAIM, 0);
	peer_is_solo();
	expect_did(KILL, 1);
}
END_TEST

/* _i & 4: the peer's is bad, too; else it could not go on: _i & 8: its QEMU is blocked. */
START_TEST(a_bad_disk_is_no_reason_to_stop_where_nobody_could_go_on)
{
	protect(ARBITER, ROLE);
	w.p.side.ready = false;
	w.p.side.disk_bad = _i & 4;
	w.p.side.sick = w.p.side.repl_broken = _i & 8;
	peer_says();
	disk_fails(true);
	disk_fails(true);
	settle();
	ck_assert_str_eq(ft_state_name(w.c.self.state), "unprotected");
	ck_assert_str_eq(w.c.reason, "our copy of the guest's disk is bad");
	expect_did(FREEZE, 0);
	ck_assert(strstr(strstr(w.said, "is BAD") + 1, "is BAD") == NULL); /* once */
	if (!(_i & 4)) {
		w.p.side.ready = true;
		w.p.side.sick = false;
		peer_says();
		expect_did(FREEZE, 1);
	}
}
END_TEST

/* Replication breaks, and a primary asks its peer to yield; but not to a disk that is worse. */
START_TEST(a_bad_disk_does_not_ask_a_good_one_to_yield)
{
	protect(ARBITER, FT_ROLE_PRIMARY);
	w.p.side.ready = false;
	w.p.side.disk_bad = _i & 4;
	peer_says();
	disk_fails(true);
	settle();
	colo_exit();
	ck_assert_int_eq(w.c.self.request, (_i & 4) ? FT_REQUEST_YIELD : FT_REQUEST_NONE);
	expect_did(FREEZE, (_i & 4) ? 0 : 1);
}
END_TEST

/* The good one's claim comes within a detection time; only if none does is this disk better than none. */
START_TEST(a_bad_disk_claims_late)
{
	protect(1, ROLE);
	w.p.side.ready = false; /* or it would have been given way to */
	peer_says();
	disk_fails(true);
	settle();
	step(&(struct ft_event){.kind = FT_EVENT_HEARING, .hearing = FT_PEER_QUIET, .heard_at = w.now});
	pass(500);
	step(&(struct ft_event){.kind = FT_EVENT_HEARING, .hearing = FT_PEER_LOST, .heard_at = w.now - MS(500)});
	settle();
	pass(800);
	expect_did(CLAIM, 0);
	pass(400);
	expect_did(CLAIM, 1);
}
END_TEST

START_TEST(of_two_frozen_sides_the_good_disk_goes_on)
{
	protect(0, ROLE);
	w.p.side.request = FT_REQUEST_YIELD;
	w.p.side.request_id++;
	w.p.side.state = FT_CLAIMING;
	peer_says();
	settle();
	expect_phase(YIELDED);
	w.p.side.request = FT_REQUEST_NONE;
	if (_i & 4)
		disk_fails(true);
	else
		w.p.side.disk_bad = true;
	peer_vm(FT_VM_YIELDED);
	if (_i & 4)
		expect_phase(YIELDED);
	else
		expect_phase(PLANNING);
}
END_TEST

/* What is written is lost at the peer's: its memory goes on from a checkpoint that its disk does not know. */
START_TEST(a_peers_copy_that_takes_no_write_is_replication_that_is_broken)
{
	protect(ARBITER, FT_ROLE_PRIMARY);
	disk_fails(false);
	ck_assert(w.c.self.repl_broken && !w.c.self.disk_bad);
	expect_phase(ASKING);
	ck_assert_int_eq(w.c.outcome.cause, FT_CAUSE_REPLICATION_BROKEN);
}
END_TEST

START_TEST(a_bad_disk_is_known_to_the_next_ftd)
{
	protect(1, ROLE);
	w.p.side.ready = false;
	peer_says();
	disk_fails(true);
	settle();
	ck_assert(w.c.session.disk_bad);
	struct ft_core_params params = w.c.params;
	params.session = w.c.session;
	memset(w.said, 0, sizeof w.said);
	ft_core_init(&w.c, &params, w.now);
	qemu_is();
	ck_assert(w.c.self.disk_bad);
	ck_assert(strstr(w.said, "our copy of the guest's disk is BAD"));
	w.q.instance++;
	qemu_is();
	ck_assert(!w.c.self.disk_bad);
}
END_TEST

/* What is to be said if our QEMU ends when no ftd is here any more; of a guest that is to go on nowhere, nothing. */
START_TEST(who_has_left_leaves_a_word)
{
	struct ft_side word;
	protect(ARBITER, ROLE);
	ck_assert(!ft_core_last_word(&w.c, &word));
	if (_i & 4)
		shutdown("guest-shutdown");
	event(FT_EVENT_LEAVE);
	settle();
	w.p.side.released = true;
	peer_says();
	settle();
	ck_assert(ft_core_exits(&w.c));
	bool said = ft_core_last_word(&w.c, &word);
	ck_assert_int_eq(said, !(_i & 4) || ROLE == FT_ROLE_SECONDARY); /* a secondary's guest is the primary's */
	if (!said)
		return;
	ck_assert(word.vm == FT_VM_GONE && !word.leaving && word.role == FT_ROLE_NONE);
	if (ARBITER)
		ck_assert_mem_eq(word.session, id, sizeof id);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core, a QEMU on its way out");
	TCase *tc = tcase_create("ending");
	tcase_add_loop_test(tc, a_qemu_on_its_way_out_gives_way, 0, 4);
	tcase_add_loop_test(tc, a_qemu_that_ends_sooner_than_it_stands_still_is_told_as_gone, 0, 4);
	tcase_add_loop_test(tc, a_qemu_that_does_not_stand_still_goes_on_ending, 0, 4);
	tcase_add_loop_test(tc, the_peer_of_an_ending_qemu_waits_for_its_word_and_goes_on, 0, 4);
	tcase_add_loop_test(tc, an_ending_side_claims_nothing_from_a_silent_peer, 0, 4);
	tcase_add_test(tc, a_claim_that_is_not_sent_is_given_up_for_the_end);
	tcase_add_loop_test(tc, two_that_end_freeze_nobody, 0, 4);
	tcase_add_loop_test(tc, who_has_given_way_takes_nothing_over_when_its_peer_dies, 0, 4);
	tcase_add_loop_test(tc, of_two_frozen_sides_the_one_that_can_go_on_does, 0, 4);
	tcase_add_test(tc, a_win_that_is_learned_of_after_giving_way_is_given_back);
	tcase_add_test(tc, an_ending_qemu_past_its_right_is_stopped_again);
	tcase_add_loop_test(tc, an_order_to_a_side_that_ends_is_refused, 0, 4);
	tcase_add_loop_test(tc, who_leaves_gives_way_first_if_its_qemu_ends, 0, 8);
	tcase_add_loop_test(tc, who_leaves_tells_of_its_qemus_death_first, 0, 8);
	tcase_add_loop_test(tc, who_has_left_leaves_a_word, 0, 8);
	tcase_add_loop_test(tc, who_leaves_waits_ten_seconds_for_its_peer_to_go_on, 0, 4);
	tcase_add_loop_test(tc, the_end_of_a_qemu_after_the_goodbye_is_a_word_too, 0, 4);
	tcase_add_loop_test(tc, a_guest_that_powers_itself_off_ends_on_both_sides, 0, 2);
	tcase_add_loop_test(tc, the_copy_of_a_guest_that_has_ended_is_ended, 0, 6);
	tcase_add_test(tc, who_goes_on_alone_is_not_ended_for_the_guest_of_the_peer);
	tcase_add_loop_test(tc, a_copy_that_ftd_cannot_end_is_told_to_a_person, 0, 2);
	tcase_add_loop_test(tc, a_copy_that_the_peer_cannot_end_is_told_to_a_person, 0, 2);
	tcase_add_loop_test(tc, who_asks_and_is_on_its_way_out_asks_no_more, 0, 2);
	tcase_add_loop_test(tc, a_guest_that_is_off_in_a_qemu_that_stays_fails_over_to_nobody, 0, 6);
	tcase_add_loop_test(tc, a_secondarys_guest_that_powers_off_says_nothing, 0, 2);
	suite_add_tcase(s, tc);
	tc = tcase_create("disk");
	tcase_add_loop_test(tc, a_bad_disk_gives_way_to_a_good_one, 0, 4);
	tcase_add_loop_test(tc, a_bad_disk_is_no_reason_to_stop_where_nobody_could_go_on, 0, 16);
	tcase_add_loop_test(tc, a_bad_disk_does_not_ask_a_good_one_to_yield, 0, 6);
	tcase_add_loop_test(tc, a_bad_disk_claims_late, 0, 4);
	tcase_add_loop_test(tc, of_two_frozen_sides_the_good_disk_goes_on, 0, 8);
	tcase_add_loop_test(tc, a_peers_copy_that_takes_no_write_is_replication_that_is_broken, 0, 2);
	tcase_add_loop_test(tc, a_bad_disk_is_known_to_the_next_ftd, 0, 4);
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
