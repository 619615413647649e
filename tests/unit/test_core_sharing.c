/* The decision core: nobody is protected by what the other side does not share.
 * Times: heartbeat 100 ms, lost after 500 ms, guard 20 ms. */
#include "tests/unit/core_world.h"

#include <stdio.h>
#include <stdlib.h>

enum arbiter { NONE = 1, FILE_ARBITER = 2, ETCD = 3, FENCE = 4 };

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
		const struct ft_action *a = &out.a[i];
		size_t used = strlen(w.said);
		w.did[a->kind]++;
		snprintf(w.said + used, sizeof w.said - used, "%s %s\n", action_name(a->kind), a->text);
	}
}

static void peer_says(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_PEER, .peer = &w.p});
}

static void hear(enum ft_peer_hearing h)
{
	step(&(struct ft_event){.kind = FT_EVENT_HEARING, .hearing = h, .heard_at = w.now});
}

static void acked(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_ACK, .at = w.now});
}

static void stored(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_STORED});
}

static void finds(uint64_t mark)
{
	ck_assert(w.c.marking);
	step(&(struct ft_event){.kind = FT_EVENT_MARKED, .mark = mark});
}

static void no_answer(void)
{
	ck_assert(w.c.marking);
	step(&(struct ft_event){.kind = FT_EVENT_MARKED, .error = true, .text = "no answer"});
}

/* The peer acknowledges all meanwhile, and checkpoints complete. */
static void pass(double ms)
{
	int64_t end = w.now + MS(ms);
	while (w.now < end) {
		int64_t next = w.now + MS(100) < end ? w.now + MS(100) : end;
		while (ft_core_deadline(&w.c) <= next) {
			w.now = ft_core_deadline(&w.c);
			step(&(struct ft_event){.kind = FT_EVENT_TIME});
		}
		w.now = next;
		acked();
		step(&(struct ft_event){.kind = FT_EVENT_CHECKPOINT});
	}
}

static void forget(void)
{
	memset(w.did, 0, sizeof w.did);
	w.said[0] = '\0';
}

#define expect_phase(p)                                                                                                \
	ck_assert_msg(w.c.phase == FT_PHASE_##p, "in %s, not %s; since then:\n%s", phase_name(w.c.phase), #p, w.said)
#define expect_reason(text)                                                                                            \
	ck_assert_msg(strstr(w.c.reason, text) != NULL, "\"%s\" is not in \"%s\":\n%s", text, w.c.reason, w.said)

static const enum ft_role both_roles[] = {FT_ROLE_PRIMARY, FT_ROLE_SECONDARY};

static void start(enum arbiter arbiter, enum ft_session_stage stage, enum ft_role role)
{
	memset(&w, 0, sizeof w);
	w.now = SECOND(1000);
	bool arbitrated = arbiter != NONE;
	struct ft_core_params params = {
	    .node = "alpha",
	    .incarnation = 0xa1,
	    .interval = MS(100),
	    .window = MS(500),
	    .reply_timeout = SECOND(1),
	    .guard = MS(20),
	    .arbitrated = arbitrated,
	    .registers = arbitrated && arbiter != FENCE,
	    .fresh = stage == FT_SESSION_NONE,
	    .seed = {8, 8},
	    .share =
	        {.arbiter = (uint8_t)arbiter, .guard_ms = 20, .n_links = 2, .links = {11, 12}, .place = "/ftd/ at e"},
	    .session = {.stage = stage, .epoch = stage ? 3 : 0, .role = role, .instance = 5}};
	if (stage)
		memcpy(params.session.id, id, sizeof id);
	strcpy(params.session.peer, "beta");
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
	                            .side = {.state = FT_ARMING,
	                                     .role = role == FT_ROLE_PRIMARY ? FT_ROLE_SECONDARY : FT_ROLE_PRIMARY,
	                                     .vm = FT_VM_ALIVE,
	                                     .ready = true,
	                                     .epoch = stage ? 3 : 0,
	                                     .checkpoint_ms = 2000,
	                                     .window_ms = 500,
	                                     .share = params.share}};
	if (stage == FT_SESSION_BOUND)
		memcpy(w.p.side.session, id, sizeof id);
	strcpy(w.p.side.share.place, "/other/ at e");
}

/* Both sides are there and hear each other, and replication is proven. */
static void meet(void)
{
	peer_says();
	hear(FT_PEER_ALIVE);
	acked();
	step(&(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &w.q});
	step(&(struct ft_event){.kind = FT_EVENT_CHECKPOINT});
}

/* What the peer tells of its own mark, and what it has found of ours. */
static void peer_marks(uint64_t mark, enum ft_sharing verdict)
{
	w.p.side.share.mark = mark;
	w.p.side.share.verdict = verdict;
	w.p.side.share.about = verdict ? 0xa1 : 0;
	peer_says();
}

static void prove(void)
{
	finds(0);
	peer_marks(77, FT_SHARING_PROVEN);
	pass(100);
	finds(77);
}

/* The primary offers a session, or the secondary is offered one. */
static void bind_pair(enum ft_role role)
{
	if (role == FT_ROLE_SECONDARY) {
		memcpy(w.p.side.session, id, sizeof id);
		w.p.side.epoch = 1;
		peer_says();
	}
	ck_assert(w.c.storing);
	stored();
	memcpy(w.p.side.session, w.c.session.id, sizeof id);
	w.p.side.epoch = w.c.session.epoch;
	w.p.side.state = FT_PROTECTED;
	peer_says();
}

START_TEST(a_session_waits_until_both_have_found_the_others_mark)
{
	enum ft_role role = both_roles[_i];
	start(ETCD, FT_SESSION_NONE, role);
	meet();
	expect_phase(ARMING);
	if (role == FT_ROLE_SECONDARY) {
		memcpy(w.p.side.session, id, sizeof id);
		w.p.side.epoch = 1;
	}
	uint64_t ours = w.c.self.share.next_mark;
	ck_assert_uint_ne(ours, 0); /* told before it is written */
	finds(0);
	ck_assert_uint_eq(w.c.self.share.mark, ours);
	pass(1500);
	expect_phase(ARMING);
	expect_reason("not proven yet");
	peer_marks(77, FT_SHARING_UNKNOWN);
	finds(77);
	ck_assert_int_eq(w.c.self.share.verdict, FT_SHARING_PROVEN);
	ck_assert_uint_eq(w.c.self.share.about, 0xb1);
	pass(1000);
	ck_assert(!w.c.storing); /* the peer has not found ours */
	peer_marks(77, FT_SHARING_PROVEN);
	ck_assert(w.c.storing);
	bind_pair(role);
	expect_phase(PROTECTED);
	ck_assert_int_eq(ft_core_sharing(&w.c), FT_SHARING_PROVEN);
}
END_TEST

/* Told of another life of ours, it says nothing of what we have written. */
START_TEST(a_verdict_about_an_earlier_ftd_counts_for_nothing)
{
	start(ETCD, FT_SESSION_NONE, FT_ROLE_PRIMARY);
	meet();
	w.p.side.share.about = 0xa0;
	w.p.side.share.mark = 77;
	w.p.side.share.verdict = _i ? FT_SHARING_DIFFERS : FT_SHARING_PROVEN;
	peer_says();
	finds(77);
	pass(300);
	ck_assert(!w.c.storing);
	ck_assert_int_eq(ft_core_sharing(&w.c), FT_SHARING_UNKNOWN);
}
END_TEST

/* What is found must be looked for in vain several times, over some seconds: a storage may lag, a write land late. */
START_TEST(one_mark_that_is_not_the_peers_is_no_proof)
{
	start(FILE_ARBITER, FT_SESSION_NONE, FT_ROLE_PRIMARY);
	meet();
	finds(0);
	peer_marks(77, FT_SHARING_UNKNOWN);
	pass(100);
	for (int i = 0; i < 3; i++) {
		finds(76);
		ck_assert_int_eq(ft_core_sharing(&w.c), FT_SHARING_UNKNOWN);
		pass(3000);
	}
	finds(77);
	peer_marks(77, FT_SHARING_PROVEN);
	ck_assert_int_eq(ft_core_sharing(&w.c), FT_SHARING_PROVEN);
}
END_TEST

static void find_a_difference(uint64_t found)
{
	for (int i = 0; i < 4; i++) {
		if (!w.c.marking)
			pass(3000);
		finds(found);
	}
}

/* _i % 2: an old mark, of a folder that was copied, or none at all. */
START_TEST(registers_that_differ_are_proven_and_named)
{
	start(ETCD, FT_SESSION_NONE, both_roles[_i / 2]);
	meet();
	finds(0);
	peer_marks(77, FT_SHARING_UNKNOWN);
	pass(100);
	int64_t from = w.now;
	find_a_difference(_i % 2 ? 76 : 0);
	ck_assert_int_ge(w.now - from, SECOND(8.9));
	ck_assert_int_eq(w.c.self.share.verdict, FT_SHARING_DIFFERS);
	ck_assert_int_eq(ft_core_sharing(&w.c), FT_SHARING_DIFFERS);
	expect_phase(UNPROTECTED);
	expect_reason("/ftd/ at e here, /other/ at e there");
	/* Set right, with a new life of the peer, it is proven and forgotten. */
	w.p.incarnation = 0xb2;
	w.p.side.share.mark = 0;
	peer_says();
	ck_assert_int_eq(ft_core_sharing(&w.c), FT_SHARING_UNKNOWN);
	finds(0);
	peer_marks(78, FT_SHARING_PROVEN);
	pass(200);
	finds(78);
	ck_assert_int_eq(ft_core_sharing(&w.c), FT_SHARING_PROVEN);
}
END_TEST

/* The peer finds it, and we cannot: our side may read what the other never writes to. */
START_TEST(the_peers_word_that_they_differ_is_enough)
{
	start(FILE_ARBITER, FT_SESSION_NONE, both_roles[_i]);
	meet();
	prove();
	peer_marks(77, FT_SHARING_DIFFERS);
	expect_phase(UNPROTECTED);
	expect_reason("do not share their registers");
}
END_TEST

/* No comparison where the peer told a new mark after we had begun to look. */
START_TEST(a_mark_told_while_we_look_is_compared_the_next_time)
{
	start(ETCD, FT_SESSION_NONE, FT_ROLE_PRIMARY);
	meet();
	prove();
	pass(301e3);
	for (int i = 0; i < 8; i++) {
		ck_assert(w.c.marking);
		uint64_t before = w.p.side.share.mark;
		peer_marks(before + 1, FT_SHARING_PROVEN);
		finds(before);
		ck_assert_int_eq(ft_core_sharing(&w.c), FT_SHARING_PROVEN);
		pass(301e3);
	}
}
END_TEST

/* Not even for long: it says nothing. */
START_TEST(an_arbiter_out_of_reach_does_not_end_protection)
{
	enum ft_role role = both_roles[_i];
	start(ETCD, FT_SESSION_NONE, role);
	meet();
	prove();
	bind_pair(role);
	expect_phase(PROTECTED);
	forget();
	pass(300e3);
	for (int i = 0; i < 20; i++) {
		if (w.c.marking)
			no_answer();
		pass(64e3);
	}
	expect_phase(PROTECTED);
	ck_assert_int_eq(w.did[FT_DO_STATE], 0);
	ck_assert_int_gt(w.did[FT_DO_MARK], 10);
	ck_assert_int_lt(w.did[FT_DO_MARK], 100);
}
END_TEST

/* Seen in the simulation: an earlier mark of ours landed after the newest, on a slow way, and was all that the peer found for
 * minutes: it called the registers not shared. */
START_TEST(who_sees_the_peer_look_again_puts_its_own_mark_anew)
{
	start(ETCD, FT_SESSION_NONE, FT_ROLE_PRIMARY);
	meet();
	prove();
	bind_pair(FT_ROLE_PRIMARY);
	expect_phase(PROTECTED);
	for (int i = 0; i < 2; i++) { /* what was under way, and what the new epoch asks for */
		pass(10e3);
		if (w.c.marking)
			finds(77);
	}
	pass(60e3);
	forget();
	peer_marks(4711, FT_SHARING_PROVEN);
	pass(1000);
	ck_assert_int_eq(w.did[FT_DO_MARK], 1);
	finds(4711);
	pass(1000);
	peer_marks(4712, FT_SHARING_PROVEN); /* which ours made it do */
	pass(60e3);
	ck_assert_int_eq(w.did[FT_DO_MARK], 1);
}
END_TEST

/* Found again after a restart: it was made by two that had proven it. */
START_TEST(a_session_found_again_is_protected_while_the_arbiter_is_away)
{
	start(ETCD, FT_SESSION_BOUND, both_roles[_i]);
	w.p.side.state = FT_PROTECTED;
	meet();
	expect_phase(WATCH);
	no_answer();
	expect_phase(PROTECTED);
	pass(1000);
	finds(0);
	expect_phase(WATCH);
	peer_marks(77, FT_SHARING_PROVEN);
	pass(200);
	finds(77);
	expect_phase(PROTECTED);
}
END_TEST

/* A proven difference ends it, in the order of a leave: the secondary gives its claim up first. */
START_TEST(a_proven_difference_releases_the_session)
{
	enum ft_role role = both_roles[_i];
	start(FILE_ARBITER, FT_SESSION_NONE, role);
	meet();
	prove();
	bind_pair(role);
	expect_phase(PROTECTED);
	pass(301e3);
	find_a_difference(76);
	expect_phase(WATCH);
	if (role == FT_ROLE_PRIMARY) {
		ck_assert(!w.c.storing);
		w.p.side.released = true;
		memset(w.p.side.session, 0, sizeof id);
		peer_says();
	}
	ck_assert(w.c.storing);
	ck_assert_int_eq(w.c.store_next.stage, FT_SESSION_RELEASED);
	stored();
	expect_phase(UNPROTECTED);
	expect_reason("do not share their registers");
	/* A silent peer leads to nothing then: no right hangs on it. */
	forget();
	hear(FT_PEER_LOST);
	ck_assert_int_eq(ft_core_lease(&w.c), FT_NEVER);
	pass(5000);
	ck_assert_int_eq(w.did[FT_DO_CLAIM] + w.did[FT_DO_PLAN] + w.did[FT_DO_FREEZE], 0);
}
END_TEST

/* It is known that they differ, and the peer falls silent before the session was released on both sides. */
START_TEST(nobody_claims_where_the_other_does_not_ask)
{
	enum ft_role role = both_roles[_i];
	start(ETCD, FT_SESSION_BOUND, role);
	w.p.side.state = FT_PROTECTED;
	meet();
	w.c.store_again_at = FT_NEVER - 1; /* a disk that does not take the release */
	finds(0);
	peer_marks(77, FT_SHARING_DIFFERS);
	hear(FT_PEER_LOST);
	for (int64_t end = w.now + SECOND(5); w.now < end;) {
		w.now += MS(100);
		step(&(struct ft_event){.kind = FT_EVENT_TIME});
		if (w.c.phase == FT_PHASE_FREEZING)
			step(&(struct ft_event){.kind = FT_EVENT_FROZEN});
		if (w.c.marking)
			no_answer();
		if (w.c.arbiter_busy) /* whether its own name stands there */
			step(&(struct ft_event){.kind = FT_EVENT_REGISTER, .claim = FT_CLAIM_NOT_NEEDED});
	}
	expect_phase(CUT_OFF);
	ck_assert_int_eq(w.did[FT_DO_CLAIM] + w.did[FT_DO_PLAN], 0);
	/* A person may know better. */
	step(&(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR, .confirmed = true});
	expect_phase(PLANNING);
}
END_TEST

/* Our claim, which would prove nothing, is not asked for again and again, while the disk has yet to take that we give it up. */
START_TEST(nobody_claims_from_the_dying_where_the_other_does_not_ask)
{
	start(ETCD, FT_SESSION_BOUND, both_roles[_i]);
	w.p.side.state = FT_PROTECTED;
	meet();
	w.c.store_again_at = FT_NEVER - 1; /* a disk that does not take the release */
	w.p.side.share.arbiter = FILE_ARBITER;
	peer_says();
	if (w.c.arbiter_busy)
		step(&(struct ft_event){.kind = FT_EVENT_REGISTER, .claim = FT_CLAIM_NOT_NEEDED});
	w.p.side.state = FT_UNPROTECTED;
	w.p.side.role = FT_ROLE_NONE;
	w.p.side.vm = FT_VM_UNKNOWN;
	w.p.side.dying = true;
	peer_says();
	expect_phase(WATCH);
	ck_assert_int_eq(w.did[FT_DO_CLAIM] + w.did[FT_DO_PLAN] + w.did[FT_DO_FREEZE], 0);
	w.p.side.dying = false;
	w.p.side.vm = FT_VM_GONE;
	peer_says();
	expect_phase(PLANNING);
}
END_TEST

/* One here, and none or another kind there: known without any mark. */
START_TEST(another_kind_of_arbiter_is_named_on_both_sides)
{
	static const struct {
		enum arbiter here, there;
		const char *says;
	} kinds[] = {{NONE, FILE_ARBITER, "is none here and file at peer beta"},
	             {FILE_ARBITER, NONE, "is file here and none at peer beta"},
	             {ETCD, FILE_ARBITER, "is etcd here and file at peer beta"},
	             {FENCE, ETCD, "is fence here and etcd at peer beta"}};
	start(kinds[_i].here, FT_SESSION_NONE, FT_ROLE_SECONDARY);
	w.p.side.share.arbiter = (uint8_t)kinds[_i].there;
	meet();
	pass(3000);
	expect_phase(UNPROTECTED);
	expect_reason(kinds[_i].says);
	ck_assert(!w.c.storing);
	hear(FT_PEER_LOST);
	pass(5000);
	ck_assert_int_eq(w.did[FT_DO_PLAN] + w.did[FT_DO_CLAIM], 0);
}
END_TEST

/* A session of before the peer's settings were changed: its side has no claim to fear any more, ours must not use one. */
START_TEST(a_secondary_whose_peer_has_no_arbiter_any_more_gives_its_claim_up)
{
	start(FILE_ARBITER, FT_SESSION_BOUND, FT_ROLE_SECONDARY);
	w.p.side.share.arbiter = NONE;
	memset(w.p.side.session, 0, sizeof id);
	w.p.side.epoch = 0;
	meet();
	ck_assert(w.c.storing);
	ck_assert_int_eq(w.c.store_next.stage, FT_SESSION_RELEASED);
}
END_TEST

/* Settings that both must share, but for which no session has to end: no state is called protected with them. */
START_TEST(settings_that_differ_are_named_with_both_values)
{
	static const char *const says[] = {"is 500 ms here and 700 ms at the peer",
	                                   "guard_ms is 20 here and 40 at the peer",
	                                   "link 1 here is link 2 at the peer"};
	enum arbiter arbiter = _i < 3 ? ETCD : _i < 6 ? NONE : FENCE;
	start(arbiter, FT_SESSION_NONE, FT_ROLE_SECONDARY);
	w.p.side.window_ms = _i % 3 == 0 ? 700 : 500;
	w.p.side.share.guard_ms = _i % 3 == 1 ? 40 : 20;
	if (_i % 3 == 2) {
		w.p.side.share.links[0] = 12;
		w.p.side.share.links[1] = 11;
	}
	meet();
	if (arbiter == ETCD)
		prove();
	pass(3000);
	expect_phase(ARMING);
	expect_reason(says[_i % 3]);
	ck_assert(!w.c.storing);
	/* Set right by a reload there. */
	w.p.side.window_ms = 500;
	w.p.side.share.guard_ms = 20;
	w.p.side.share.links[0] = 11;
	w.p.side.share.links[1] = 12;
	peer_says();
	if (arbiter != NONE)
		bind_pair(FT_ROLE_SECONDARY);
	expect_phase(PROTECTED);
}
END_TEST

START_TEST(settings_are_set_right_by_a_reload_here)
{
	start(NONE, FT_SESSION_NONE, FT_ROLE_SECONDARY);
	w.p.side.window_ms = 700;
	w.p.side.share.links[1] = 11;
	w.p.side.share.links[0] = 12;
	meet();
	pass(1000);
	expect_phase(ARMING);
	struct ft_core_params now = w.c.params;
	now.interval = MS(140);
	now.window = MS(700);
	now.share.links[0] = 12;
	now.share.links[1] = 11;
	step(&(struct ft_event){.kind = FT_EVENT_SETTINGS, .settings = &now});
	pass(100);
	expect_phase(PROTECTED);
	ck_assert_uint_eq(w.c.self.share.links[0], 12); /* so that the peer sees it, too */
}
END_TEST

START_TEST(an_arbiter_that_cannot_be_asked_is_named_while_nothing_is_proven)
{
	start(ETCD, FT_SESSION_NONE, FT_ROLE_PRIMARY);
	meet();
	no_answer();
	pass(3000);
	expect_phase(ARMING);
	expect_reason("no answer");
	ck_assert(!w.c.storing);
}
END_TEST

/* Links that one side alone knows say nothing: a reload comes to one first, and an address may be translated. */
START_TEST(links_of_one_side_alone_are_no_difference)
{
	start(NONE, FT_SESSION_NONE, FT_ROLE_SECONDARY);
	w.p.side.share.n_links = 3;
	w.p.side.share.links[1] = 99;
	w.p.side.share.links[2] = 98;
	meet();
	expect_phase(PROTECTED);
}
END_TEST

START_TEST(a_peer_of_another_version_is_named)
{
	start(ETCD, FT_SESSION_NONE, FT_ROLE_SECONDARY);
	step(&(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &w.q});
	step(&(struct ft_event){.kind = FT_EVENT_VERSION, .version = 2});
	w.now += SECOND(5);
	step(&(struct ft_event){.kind = FT_EVENT_TIME});
	expect_phase(UNPROTECTED);
	expect_reason("speaks another version");
	meet();
	ck_assert_ptr_null(strstr(w.c.reason, "version"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sharing");
	TCase *t = tcase_create("sharing");
	suite_add_tcase(s, t);
	tcase_add_loop_test(t, a_session_waits_until_both_have_found_the_others_mark, 0, 2);
	tcase_add_loop_test(t, a_verdict_about_an_earlier_ftd_counts_for_nothing, 0, 2);
	tcase_add_test(t, one_mark_that_is_not_the_peers_is_no_proof);
	tcase_add_loop_test(t, registers_that_differ_are_proven_and_named, 0, 4);
	tcase_add_loop_test(t, the_peers_word_that_they_differ_is_enough, 0, 2);
	tcase_add_test(t, a_mark_told_while_we_look_is_compared_the_next_time);
	tcase_add_loop_test(t, an_arbiter_out_of_reach_does_not_end_protection, 0, 2);
	tcase_add_test(t, who_sees_the_peer_look_again_puts_its_own_mark_anew);
	tcase_add_loop_test(t, a_session_found_again_is_protected_while_the_arbiter_is_away, 0, 2);
	tcase_add_loop_test(t, a_proven_difference_releases_the_session, 0, 2);
	tcase_add_loop_test(t, nobody_claims_from_the_dying_where_the_other_does_not_ask, 0, 2);
	tcase_add_loop_test(t, nobody_claims_where_the_other_does_not_ask, 0, 2);
	tcase_add_loop_test(t, another_kind_of_arbiter_is_named_on_both_sides, 0, 4);
	tcase_add_test(t, a_secondary_whose_peer_has_no_arbiter_any_more_gives_its_claim_up);
	tcase_add_loop_test(t, settings_that_differ_are_named_with_both_values, 0, 9);
	tcase_add_test(t, settings_are_set_right_by_a_reload_here);
	tcase_add_test(t, an_arbiter_that_cannot_be_asked_is_named_while_nothing_is_proven);
	tcase_add_test(t, links_of_one_side_alone_are_no_difference);
	tcase_add_test(t, a_peer_of_another_version_is_named);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
