/* May the VM be started here as primary, and what becomes of the guest that was: the decision core of a host that has
 * come back, alone, in virtual time.  Times: heartbeat 100 ms, lost after 500 ms, guard 20 ms. */
#include "tests/unit/core_world.h"

#include <stdlib.h>

static struct ft_core c;
static int64_t now;
static struct ft_peer_news peer;
static struct ft_qemu_facts qemu;
static struct pending pending;
static int did[FT_DO_EXIT + 1];
static enum ft_claim past; /* what the arbiter says when it is asked; COUNT: nothing yet */
static uint64_t past_epoch;
static enum ft_claim verdict; /* what a reading of the verdict says; COUNT: nothing yet */
static const char *named;     /* whom it names */
static int verdicts_read;     /* not counted as readings */

static void step(const struct ft_event *e)
{
	struct ft_actions out;
	ft_core_step(&c, e, now, &out);
	const char *fault = broken_law(&c, e, &pending, &out);
	ck_assert_msg(!fault, "event %d in phase %s: %s", (int)e->kind, phase_name(c.phase), fault);
	bool reads = false;
	for (int i = 0; i < out.n; i++) {
		reads |= out.a[i].kind == FT_DO_READ && out.a[i].verdict;
		did[out.a[i].kind] += !out.a[i].verdict;
	}
	verdicts_read += reads;
	if (reads && verdict != FT_CLAIM_COUNT)
		step(&(struct ft_event){.kind = FT_EVENT_REGISTER, .claim = verdict, .text = named});
	if (count_actions(&out, FT_DO_REMEMBER) && past != FT_CLAIM_COUNT)
		step(&(struct ft_event){
		    .kind = FT_EVENT_REMEMBERED, .claim = past, .epoch = past_epoch, .text = "beta"});
}

static void pass(double ms)
{
	now += MS(ms);
	step(&(struct ft_event){.kind = FT_EVENT_TIME});
}

static void begin(const struct ft_session *session, bool fresh)
{
	struct ft_core_params params = {.node = "alpha",
	                                .incarnation = 0xa1,
	                                .interval = MS(100),
	                                .window = MS(500),
	                                .reply_timeout = SECOND(1),
	                                .arbitrated = true,
	                                .registers = true,
	                                .guard = MS(20),
	                                .session = *session,
	                                .fresh = fresh};
	now = SECOND(1000);
	memset(did, 0, sizeof did);
	past = verdict = FT_CLAIM_NOT_NEEDED;
	named = "";
	verdicts_read = 0;
	past_epoch = 0;
	memset(&pending, 0, sizeof pending);
	qemu = (struct ft_qemu_facts){.vm = FT_VM_ABSENT};
	peer = (struct ft_peer_news){.node = "beta",
	                             .incarnation = 0xb1,
	                             .side = {.state = FT_UNPROTECTED, .vm = FT_VM_ABSENT, .window_ms = 500}};
	ft_core_init(&c, &params, now);
	step(&(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &qemu});
}

static struct ft_session session(enum ft_session_stage stage, enum ft_role role, const char *winner)
{
	struct ft_session s = {.stage = stage, .id = {7}, .epoch = 1, .role = role, .instance = 41, .peer = "beta"};
	strcpy(s.winner, winner);
	return s;
}

static void begin_in(enum ft_session_stage stage, enum ft_role role, const char *winner)
{
	struct ft_session s = session(stage, role, winner);
	begin(&s, false);
}

static void hear(enum ft_peer_hearing h)
{
	step(&(struct ft_event){.kind = FT_EVENT_PEER, .peer = &peer});
	step(&(struct ft_event){.kind = FT_EVENT_HEARING, .hearing = h, .heard_at = now});
}

static void want(void)
{
	step(&(struct ft_event){.kind = FT_EVENT_WANT_START});
}

/* The winner looks at its register now and then. */
static void register_names_us(void)
{
	ck_assert(c.arbiter_busy);
	step(&(struct ft_event){.kind = FT_EVENT_REGISTER, .claim = FT_CLAIM_LOST, .text = "alpha"});
}

/* A unit asks, and the peer acknowledges what we have said since. */
static void start_is_told(void)
{
	want();
	now += MS(1);
	step(&(struct ft_event){.kind = FT_EVENT_ACK, .at = now});
}

static int may(bool confirmed)
{
	char why[FT_TEXT_MAX];
	return ft_core_may_start(&c, confirmed, why);
}

static void new_qemu(enum ft_role role)
{
	qemu = (struct ft_qemu_facts){
	    .connected = true, .oob = true, .pid_verified = true, .instance = 42, .vm = FT_VM_ALIVE, .role = role};
	step(&(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &qemu});
}

static void qemu_dies(void)
{
	qemu.vm = FT_VM_GONE;
	qemu.connected = qemu.oob = qemu.pid_verified = false;
	step(&(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &qemu});
}

static void peer_asks(void)
{
	peer.side.request = FT_REQUEST_YIELD;
	peer.side.request_id++;
	step(&(struct ft_event){.kind = FT_EVENT_PEER, .peer = &peer});
}

/* ---- without a session ---- */

START_TEST(the_first_start_waits_until_the_peer_has_been_listened_for)
{
	begin(&(struct ft_session){0}, true);
	want();
	ck_assert_int_eq(may(false), -1);
	pass(521);
	ck_assert_int_eq(may(false), 1);
	ck_assert_int_eq(did[FT_DO_CLAIM], 0);
}
END_TEST

/* state_dir was lost: the lock knows of no ftd, and the arbiter does. */
START_TEST(a_session_that_was_lost_here_is_known_to_the_arbiter)
{
	begin(&(struct ft_session){0}, true);
	past = FT_CLAIM_COUNT;
	want();
	pass(1000);
	ck_assert_int_eq(may(false), -1);
	ck_assert_int_eq(did[FT_DO_REMEMBER], 1);
	step(&(struct ft_event){.kind = FT_EVENT_REMEMBERED, .claim = FT_CLAIM_UNREACHABLE, .text = "no answer"});
	ck_assert_int_eq(may(false), -1);
	past = FT_CLAIM_LOST;
	pass(1000);
	ck_assert_int_eq(did[FT_DO_REMEMBER], 2);
	ck_assert_int_eq(may(false), 0);
	ck_assert_int_eq(may(true), 1);
	past = FT_CLAIM_NOT_NEEDED;
	want(); /* asked anew for each start */
	ck_assert_int_eq(may(false), 1);
}
END_TEST

/* Both were set up anew: the other side's own word that it knows of nothing, and runs nothing, is enough. */
START_TEST(a_peer_that_knows_of_nothing_overrules_old_marks)
{
	begin(&(struct ft_session){0}, true);
	past = FT_CLAIM_LOST;
	hear(FT_PEER_ALIVE);
	start_is_told();
	ck_assert_int_eq(may(false), 1);
}
END_TEST

/* state_dir was put back from an older copy.  _i: what it says of the session before. */
START_TEST(a_later_session_is_known_to_the_arbiter)
{
	static const enum ft_session_stage stages[] = {FT_SESSION_ENDED, FT_SESSION_BOUND};
	begin_in(stages[_i], FT_ROLE_PRIMARY, _i ? "" : "alpha");
	past = FT_CLAIM_LOST;
	past_epoch = 2;
	want();
	pass(600);
	ck_assert_int_eq(may(false), 0);
	ck_assert_int_eq(may(true), _i ? -1 : 1);
	ck_assert_int_eq(did[FT_DO_CLAIM], 0);
	past_epoch = 1;
	want();
	if (_i)
		step(&(struct ft_event){.kind = FT_EVENT_CLAIM, .claim = FT_CLAIM_WON, .text = "alpha"});
	ck_assert_int_eq(may(false), 1);
	past = FT_CLAIM_UNREACHABLE; /* who has won starts without it */
	want();
	ck_assert_int_eq(may(false), 1);
}
END_TEST

static const struct {
	struct ft_side side;
	enum ft_peer_hearing hearing;
	int answer;
} unbound[] = {
    {{.state = FT_UNPROTECTED, .vm = FT_VM_ABSENT}, FT_PEER_ALIVE, 1},
    {{.state = FT_UNPROTECTED, .vm = FT_VM_ALIVE}, FT_PEER_ALIVE, 1},                /* a secondary that waits for us */
    {{.state = FT_UNPROTECTED, .vm = FT_VM_ALIVE, .guest = true}, FT_PEER_ALIVE, 0}, /* it runs there already */
    {{.state = FT_UNPROTECTED, .vm = FT_VM_ALIVE}, FT_PEER_LOST, 0},
    {{.state = FT_STARTING}, FT_PEER_ALIVE, 0},
    {{.state = FT_UNPROTECTED, .vm = FT_VM_ALIVE, .role = FT_ROLE_PRIMARY}, FT_PEER_ALIVE, 0},
    {{.state = FT_SOLO, .vm = FT_VM_ALIVE, .role = FT_ROLE_SOLO}, FT_PEER_ALIVE, 0},
    {{.state = FT_FAILING_OVER, .vm = FT_VM_ALIVE}, FT_PEER_ALIVE, 0},
    {{.state = FT_UNPROTECTED, .vm = FT_VM_ALIVE, .epoch = 3}, FT_PEER_ALIVE, 0}, /* what we never heard of */
};

START_TEST(without_a_session_the_peers_word_counts)
{
	begin(&(struct ft_session){0}, true);
	peer.side = unbound[_i].side;
	hear(FT_PEER_ALIVE);
	hear(unbound[_i].hearing);
	start_is_told();
	ck_assert_int_eq(may(false), unbound[_i].answer);
}
END_TEST

/* Both hosts come up at once, and each would start the VM: one may. */
START_TEST(of_two_that_would_start_at_once_one_may)
{
	const char *const names[] = {"beta", "aaron"};
	begin(&(struct ft_session){0}, true);
	strcpy(peer.node, names[_i]);
	hear(FT_PEER_ALIVE);
	want();
	ck_assert(c.self.guest);
	ck_assert_int_eq(may(false), -1); /* the peer does not know yet */
	peer.side.guest = true;
	hear(FT_PEER_ALIVE);
	start_is_told();
	ck_assert_int_eq(may(false), _i == 0); /* of two that did not know of each other, the smaller name */
}
END_TEST

START_TEST(who_hears_that_the_other_is_starting_does_not)
{
	begin(&(struct ft_session){0}, true);
	peer.side.guest = true;
	hear(FT_PEER_ALIVE);
	start_is_told();
	ck_assert_int_eq(may(false), 0);
	ck_assert(!c.self.guest);
	peer.side.guest = false; /* it came to nothing */
	hear(FT_PEER_ALIVE);
	start_is_told();
	ck_assert_int_eq(may(false), 1);
	pass(60000);
	ck_assert(!c.self.guest); /* nor did ours */
}
END_TEST

/* A person has been told yes, as the other was silent; it is back, and starts, too. */
START_TEST(a_start_that_was_granted_is_told_though_the_other_said_so_first)
{
	begin(&(struct ft_session){0}, true);
	peer.side.guest = true;
	hear(FT_PEER_ALIVE);
	start_is_told();
	hear(FT_PEER_LOST);
	pass(5000);
	step(&(struct ft_event){.kind = FT_EVENT_WANT_START, .confirmed = true});
	ck_assert_int_eq(may(true), 1);
	ck_assert(c.self.guest);
	peer.incarnation++;
	hear(FT_PEER_ALIVE);
	ck_assert(c.self.guest);
}
END_TEST

/* A person may let the peer go on while it is listened for. */
START_TEST(the_verdict_is_read_after_the_peer_was_listened_for)
{
	begin_in(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	want();
	pass(500);
	int before = verdicts_read;
	ck_assert_int_eq(may(false), -1);
	pass(100);
	ck_assert_int_eq(before, 0);
	ck_assert_int_eq(verdicts_read, 1);
	ck_assert_int_eq(may(false), 1);
}
END_TEST

/* Whoever asks is not told of a guest that runs: a person lets it go on, or nobody does. */
START_TEST(a_guest_that_is_held_at_the_other_side_is_not_said_to_run)
{
	char why[FT_TEXT_MAX];
	begin_in(FT_SESSION_ENDED, FT_ROLE_SECONDARY, "alpha");
	peer.side.role = FT_ROLE_PRIMARY;
	peer.side.vm = FT_VM_ALIVE;
	peer.side.state = FT_HELD;
	hear(FT_PEER_ALIVE);
	start_is_told();
	ck_assert_int_eq(ft_core_may_start(&c, false, why), 0);
	ck_assert_msg(strstr(why, "stands still at the other side") != NULL, "%s", why);
	ck_assert_msg(strstr(why, "ftctl failover --confirm-fenced there") != NULL, "%s", why);
}
END_TEST

/* It may have been told yes, and its QEMU be on its way.  _i: we were not asked before it was silent. */
START_TEST(who_has_heard_that_the_other_is_starting_does_not_after_a_silence)
{
	begin(&(struct ft_session){0}, true);
	peer.side.guest = true;
	hear(FT_PEER_ALIVE);
	if (_i == 0) {
		start_is_told();
		ck_assert_int_eq(may(false), 0);
	}
	hear(FT_PEER_LOST);
	start_is_told();
	ck_assert_int_eq(may(false), 0);
	hear(FT_PEER_ALIVE);
	start_is_told();
	ck_assert_int_eq(may(false), 0);
	hear(FT_PEER_LOST);
	pass(60000); /* as long as it may take: then we are as free as it is, and the smaller name goes first */
	want();
	hear(FT_PEER_ALIVE);
	start_is_told();
	ck_assert_int_eq(may(false), 1);
}
END_TEST

START_TEST(a_guest_outside_of_colo_is_told_and_one_to_be_is_not)
{
	begin(&(struct ft_session){0}, true);
	new_qemu(FT_ROLE_NONE);
	ck_assert(c.self.guest);
	qemu.incoming = true;
	step(&(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &qemu});
	ck_assert(!c.self.guest);
	qemu.incoming = false;
	qemu.role = FT_ROLE_SECONDARY;
	step(&(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &qemu});
	ck_assert(!c.self.guest);
}
END_TEST

START_TEST(a_session_that_may_have_been_lost_is_no_licence)
{
	begin(&(struct ft_session){0}, false);
	pass(1000);
	ck_assert_int_eq(may(false), 0);
	ck_assert_int_eq(may(true), 1);
}
END_TEST

/* ---- ended ---- */

START_TEST(who_ended_the_session_may_start_unless_the_guest_was_given_away_since)
{
	begin_in(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	want();
	ck_assert_int_eq(may(false), -1); /* our disk may be an old one, put back: the peer may know better */
	pass(521);
	ck_assert_int_eq(may(false), 1);
	c.phase = FT_PHASE_FENCED;
	ck_assert_int_eq(may(false), 0);
}
END_TEST

/* Seen in the simulation: the disk took nothing, and what had been heard was forgotten once the peer was silent. */
START_TEST(a_winner_that_heard_the_guest_run_there_remembers_it_though_its_disk_takes_nothing)
{
	begin_in(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	want();
	pass(521);
	ck_assert_int_eq(may(false), 1);
	peer.side.state = FT_SOLO;
	peer.side.role = FT_ROLE_SOLO;
	peer.side.vm = FT_VM_ALIVE;
	hear(FT_PEER_ALIVE);
	ck_assert_int_eq(did[FT_DO_STORE], 1);
	step(&(struct ft_event){.kind = FT_EVENT_STORED, .error = true, .text = "no space left"});
	ck_assert_int_eq(may(false), 0);
	hear(FT_PEER_LOST);
	pass(5000);
	ck_assert_int_eq(did[FT_DO_STORE], 2);
	ck_assert_int_eq(may(false), 0);
}
END_TEST

/* Seen in the simulation: the session had come no further than to this disk when the host died (_i & 1: or the arbiter was out of the
 * peer's reach); a person let the other side go on, and no register tells of that once it is silent.  _i & 2: the disk takes nothing. */
START_TEST(a_guest_that_was_seen_to_run_there_is_not_started_here_once_it_is_silent)
{
	begin_in(FT_SESSION_BOUND, _i & 1 ? FT_ROLE_SECONDARY : FT_ROLE_PRIMARY, "");
	peer.side.state = FT_SOLO;
	peer.side.role = FT_ROLE_SOLO;
	peer.side.vm = FT_VM_ALIVE;
	peer.side.proven = true;
	if (_i & 1)
		memcpy(peer.side.session, c.session.id, sizeof peer.side.session);
	hear(FT_PEER_ALIVE);
	step(&(struct ft_event){.kind = FT_EVENT_STORED, .error = _i & 2, .text = "no space left"});
	ck_assert_str_eq(ft_session_stage_name(c.session.stage), _i & 2 ? "bound" : "resigned");
	want();
	hear(FT_PEER_LOST);
	pass(30e3);
	ck_assert_int_eq(may(false), 0);
	ck_assert_int_eq(did[FT_DO_CLAIM], 0);
}
END_TEST

/* That the peer goes on alone is not yet that its guest runs: it may fail, and then ours is the right to start anew. */
START_TEST(a_right_is_not_given_up_for_a_guest_that_was_not_seen_to_run)
{
	begin_in(FT_SESSION_BOUND, FT_ROLE_PRIMARY, "");
	peer.side.state = FT_SOLO;
	peer.side.role = FT_ROLE_SOLO;
	peer.side.vm = FT_VM_ALIVE;
	hear(FT_PEER_ALIVE);
	pass(5000);
	ck_assert_int_eq(did[FT_DO_STORE], 0);
	ck_assert_str_eq(ft_session_stage_name(c.session.stage), "bound");
}
END_TEST

/* The same, and this ftd has not seen it: its next QEMU is the secondary of the peer's.  The peer must not take the old session up. */
START_TEST(a_primarys_session_is_over_where_its_next_qemu_is_the_peers_secondary)
{
	static const uint8_t none[FT_SESSION_BYTES];
	begin_in(FT_SESSION_BOUND, FT_ROLE_PRIMARY, "");
	peer.side.state = FT_ARMING;
	peer.side.role = FT_ROLE_PRIMARY;
	peer.side.vm = FT_VM_ALIVE;
	hear(FT_PEER_ALIVE);
	new_qemu(FT_ROLE_SECONDARY);
	ck_assert_mem_eq(c.self.session, none, sizeof none);
	step(&(struct ft_event){.kind = FT_EVENT_STORED});
	ck_assert_str_eq(ft_session_stage_name(c.session.stage), "resigned");
}
END_TEST

/* Taken by the peer's word, and the arbiter is out of reach: his word is all that there is. */
START_TEST(a_person_vouches_for_who_has_won_by_word_where_nobody_can_be_asked)
{
	begin_in(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	c.session.title = FT_TITLE_WORD;
	verdict = FT_CLAIM_COUNT;
	step(&(struct ft_event){.kind = FT_EVENT_WANT_START, .confirmed = true});
	for (int i = 0; i < 300; i++) {
		pass(100);
		if (c.arbiter_busy && c.errand == FT_ERRAND_READ_VERDICT)
			step(&(struct ft_event){
			    .kind = FT_EVENT_REGISTER, .claim = FT_CLAIM_UNREACHABLE, .text = "no answer"});
		else if (c.arbiter_busy)
			step(&(struct ft_event){
			    .kind = FT_EVENT_CLAIM, .claim = FT_CLAIM_UNREACHABLE, .text = "no answer"});
	}
	char why[FT_TEXT_MAX];
	int may_start = ft_core_may_start(&c, true, why);
	ck_assert_msg(may_start == 1, "%d: %s; verdicts read: %d", may_start, why, verdicts_read);
}
END_TEST

/* A person may order the old copy over there to go on, by our word that nothing runs here. */
START_TEST(the_winner_tells_a_peer_that_has_a_qemu_before_it_starts)
{
	begin_in(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	peer.side.vm = FT_VM_ALIVE;
	peer.side.role = FT_ROLE_SECONDARY;
	hear(FT_PEER_ALIVE);
	pass(4000);
	register_names_us();
	want();
	ck_assert(c.self.guest);
	ck_assert_int_eq(may(false), -1);
	if (_i) {
		peer.side.state = FT_FAILING_OVER; /* the order was first */
		hear(FT_PEER_ALIVE);
	}
	pass(10);
	step(&(struct ft_event){.kind = FT_EVENT_ACK, .at = now});
	ck_assert_int_eq(may(false), !_i);
	peer.side.request = FT_REQUEST_YIELD;
	peer.side.request_id = 1;
	hear(FT_PEER_ALIVE);
	ck_assert_int_eq(c.self.answer, FT_ANSWER_REFUSED);
}
END_TEST

/* The session was given back, or the peer has taken it by a person's order, and our disk does not know: an old copy of it, put
 * back, or we were off.  _i: 0 it was won long ago; 1 the claim for this start finds our name there. */
START_TEST(a_winner_that_the_verdict_does_not_name_may_not_start)
{
	begin_in(_i ? FT_SESSION_BOUND : FT_SESSION_ENDED, FT_ROLE_PRIMARY, _i ? "" : "alpha");
	verdict = FT_CLAIM_LOST;
	named = "beta";
	want();
	pass(521);
	if (_i)
		step(&(struct ft_event){.kind = FT_EVENT_CLAIM, .claim = FT_CLAIM_WON, .text = "alpha"});
	ck_assert_int_eq(may(false), 0);
	ck_assert_int_eq(may(true), 0);
	ck_assert_int_eq(verdicts_read, 1);
	while (c.storing)
		step(&(struct ft_event){.kind = FT_EVENT_STORED});
	ck_assert_str_eq(c.session.winner, "beta"); /* for the next ftd, too */
	want();
	pass(1000);
	ck_assert_int_eq(may(false), 0);
}
END_TEST

START_TEST(a_winner_waits_for_the_verdict)
{
	begin_in(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	verdict = FT_CLAIM_COUNT;
	want();
	pass(521);
	ck_assert_int_eq(may(false), -1);
	ck_assert_int_eq(may(true), -1);
	step(&(struct ft_event){.kind = FT_EVENT_REGISTER, .claim = FT_CLAIM_UNREACHABLE, .text = "no answer"});
	ck_assert_int_eq(may(false), -1);
	ck_assert_int_eq(may(true), 1); /* as for a register out of reach */
	verdict = FT_CLAIM_LOST;
	named = "alpha";
	pass(1000);
	ck_assert_int_eq(verdicts_read, 2);
	ck_assert_int_eq(may(false), 1);
	pass(60e3);
	want(); /* what names us does so for ever */
	ck_assert_int_eq(verdicts_read, 2);
	ck_assert_int_eq(may(false), 1);
}
END_TEST

/* Our QEMU died as the new pair's session was on its way to a slow disk: from there on the peer's copy may go on.
 * _i: the disk does not take it. */
START_TEST(nothing_is_started_while_a_session_is_on_its_way_to_disk)
{
	begin_in(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	peer.side = (struct ft_side){
	    .state = FT_ARMING, .role = FT_ROLE_SECONDARY, .vm = FT_VM_ALIVE, .ready = true, .window_ms = 500};
	hear(FT_PEER_ALIVE);
	new_qemu(FT_ROLE_PRIMARY);
	qemu.plan_ready = true;
	step(&(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &qemu});
	step(&(struct ft_event){.kind = FT_EVENT_ACK, .at = now});
	step(&(struct ft_event){.kind = FT_EVENT_CHECKPOINT});
	ck_assert_int_eq(did[FT_DO_STORE], 1);
	qemu_dies();
	register_names_us();
	start_is_told();
	ck_assert_int_eq(may(false), -1);
	ck_assert_int_eq(may(true), -1);
	step(&(struct ft_event){.kind = FT_EVENT_STORED, .error = _i, .text = "no space left"});
	if (!_i) {
		ck_assert_int_eq(may(false), 0);
		return;
	}
	ck_assert_int_eq(may(false), -1); /* it may have, and our next ftd would find it so beside the new guest */
	ck_assert_int_eq(may(true), 1);
	pass(1000);
	ck_assert_int_eq(did[FT_DO_STORE], 2);
	ck_assert_int_eq(c.store_next.stage, FT_SESSION_BOUND);
	ck_assert_int_eq(may(false), -1);
	step(&(struct ft_event){.kind = FT_EVENT_STORED});
	ck_assert_int_eq(c.store_next.stage, FT_SESSION_RESIGNED);
	step(&(struct ft_event){.kind = FT_EVENT_STORED});
	ck_assert_int_eq(may(false), 0); /* it is the peer's */
	pass(5000);
	ck_assert_int_eq(did[FT_DO_STORE], 3);
}
END_TEST

/* What was said of one start is old for the next: meanwhile the peer may have taken it. */
START_TEST(an_empty_verdict_is_read_for_each_start)
{
	begin_in(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	want();
	pass(521);
	ck_assert_int_eq(may(false), 1);
	pass(60e3);
	register_names_us();
	ck_assert_int_eq(verdicts_read, 1);
	verdict = FT_CLAIM_LOST;
	named = "beta";
	want();
	ck_assert_int_eq(may(false), 0);
}
END_TEST

/* Seen in the simulation: a person let the loser go on, whose fence powered the winner's host off; that came back, and heard nobody.
 * _i: 1 the guest was seen to run here by that win; 2 the peer is heard, and has none. */
START_TEST(a_winner_that_was_powered_off_since_asks_a_person_where_no_register_can_tell)
{
	begin_in(FT_SESSION_ENDED, FT_ROLE_SECONDARY, "alpha");
	c.params.registers = false;
	c.params.fenced = true;
	if (_i == 1) {
		new_qemu(FT_ROLE_NONE);
		qemu.running = true;
		qemu.last_role = FT_ROLE_NONE;
		step(&(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &qemu});
		qemu_dies();
	}
	if (_i == 2)
		hear(FT_PEER_ALIVE);
	want();
	pass(4000);
	ck_assert_int_eq(may(false), _i > 0);
	ck_assert_int_eq(may(true), 1);
	ck_assert_int_eq(did[FT_DO_FENCE], 0); /* it may run the guest */
}
END_TEST

/* Seen in the simulation: a person's order let us win after we had given the peer our right, by which its QEMU ran, without its ftd;
 * our host crashed before the verdict named us.  _i: 1 the verdict names us; 2 the peer is heard, and has no QEMU; 3 our right was
 * never given; 4 the peer had won, and a person let us go on as nobody could be asked. */
START_TEST(a_win_after_our_own_word_is_no_licence_beside_a_silent_peer_and_an_empty_verdict)
{
	struct ft_session s = session(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	s.given_before = _i != 3;
	s.title = _i == 4 ? FT_TITLE_REGAINED : FT_TITLE_REGISTER;
	begin(&s, false);
	verdict = _i == 1 ? FT_CLAIM_LOST : FT_CLAIM_NOT_NEEDED;
	named = "alpha";
	if (_i == 2)
		hear(FT_PEER_ALIVE);
	want();
	pass(4000);
	ck_assert_int_eq(verdicts_read, 1);
	ck_assert_int_eq(may(false), _i > 0 && _i < 4);
	ck_assert_int_eq(may(true), 1);
}
END_TEST

/* Neither runs, by the peer's own word; our host may crash once more before the verdict names us.  _i: 1 the peer is silent, and a
 * person vouches for its host; 2 its next ftd has come before the register answers, and may find that it runs after all. */
START_TEST(who_wins_what_both_had_given_up_needs_no_person_later)
{
	begin_in(FT_SESSION_RESIGNED, FT_ROLE_PRIMARY, "");
	if (_i != 1) {
		memcpy(peer.side.session, c.session.id, sizeof peer.side.session);
		peer.side.vm = FT_VM_GONE;
		hear(FT_PEER_ALIVE);
	}
	step(&(struct ft_event){.kind = FT_EVENT_WANT_START, .confirmed = _i == 1});
	pass(600);
	ck_assert_int_eq(did[FT_DO_CLAIM], 1);
	if (_i == 2) {
		peer.incarnation++;
		peer.side.state = FT_STARTING;
		peer.side.vm = FT_VM_UNKNOWN;
		hear(FT_PEER_ALIVE);
	}
	step(&(struct ft_event){.kind = FT_EVENT_CLAIM, .claim = FT_CLAIM_WON, .text = "alpha"});
	ck_assert_str_eq(c.session.winner, "alpha");
	ck_assert_int_eq(c.session.given_before, _i == 2);
}
END_TEST

/* Heard, but not known to have nothing that runs: its ftd has just come (0), or its QEMU is not in COLO (1), or not known (4); a waiting
 * secondary (2), no QEMU (3), or one that stands still (5), is no danger: while that is heard.  Nor is it asked too late (6). */
START_TEST(a_win_after_our_own_word_is_no_licence_beside_a_peer_that_may_run)
{
	static const struct {
		enum ft_state state;
		enum ft_vm vm;
		enum ft_role role;
		int may;
	} cases[] = {{FT_STARTING, FT_VM_UNKNOWN, FT_ROLE_NONE, -1},    {FT_UNPROTECTED, FT_VM_ALIVE, FT_ROLE_NONE, 0},
	             {FT_ARMING, FT_VM_ALIVE, FT_ROLE_SECONDARY, 1},    {FT_UNPROTECTED, FT_VM_ABSENT, FT_ROLE_NONE, 1},
	             {FT_UNPROTECTED, FT_VM_UNKNOWN, FT_ROLE_NONE, -1}, {FT_FENCED, FT_VM_YIELDED, FT_ROLE_NONE, 1},
	             {FT_STARTING, FT_VM_ALIVE, FT_ROLE_NONE, -1}};
	struct ft_session s = session(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	char why[FT_TEXT_MAX];
	s.given_before = true;
	begin(&s, false);
	verdict = FT_CLAIM_NOT_NEEDED;
	peer.side.state = cases[_i].state;
	peer.side.vm = cases[_i].vm;
	peer.side.role = cases[_i].role;
	peer.side.epoch = 1;
	hear(FT_PEER_ALIVE);
	want();
	pass(600);
	step(&(struct ft_event){.kind = FT_EVENT_ACK, .at = now});
	ck_assert_int_eq(ft_core_may_start(&c, false, why), cases[_i].may);
	verdict = FT_CLAIM_COUNT; /* it may name us */
	want();
	pass(1);
	ck_assert_int_eq(ft_core_may_start(&c, false, why), -1);
	step(&(struct ft_event){.kind = FT_EVENT_REGISTER, .claim = FT_CLAIM_NOT_NEEDED});
	hear(FT_PEER_LOST);
	pass(600);
	ck_assert_int_eq(ft_core_may_start(&c, false, why), 0);
}
END_TEST

/* In a pair that was made anew, and had no session yet.  The peer is silent (0), has just come (1), or has no QEMU (2). */
START_TEST(what_was_given_since_the_win_is_no_licence_beside_a_peer_that_may_run)
{
	struct ft_session s = session(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	char why[FT_TEXT_MAX];
	s.yielded = 42;
	s.yielded_as = FT_ROLE_SECONDARY;
	begin(&s, false);
	verdict = FT_CLAIM_LOST; /* the guest was ours by it */
	named = "alpha";
	peer.side.state = _i == 1 ? FT_STARTING : FT_UNPROTECTED;
	peer.side.vm = _i == 1 ? FT_VM_UNKNOWN : FT_VM_ABSENT;
	if (_i > 0)
		hear(FT_PEER_ALIVE);
	want();
	pass(_i > 0 ? 600 : 4000);
	step(&(struct ft_event){.kind = FT_EVENT_ACK, .at = now});
	ck_assert_int_eq(ft_core_may_start(&c, false, why), _i == 0 ? 0 : _i == 1 ? -1 : 1);
	if (_i == 0)
		ck_assert_msg(strstr(why, "since") && strstr(why, "--confirm-fenced"), "%s", why);
	if (_i == 0)
		ck_assert_int_eq(ft_core_may_start(&c, true, why), 1);
}
END_TEST

/* The peer asks us to yield (0), goes on (1), runs the guest (2), or one that was started anew (3), or is about to start it, by a person's
 * word (4), as nothing runs here, or (from 5 on) our QEMU has died under us: it is silent later, and our next ftd has not heard it. */
START_TEST(that_the_peer_goes_on_beside_an_earlier_win_is_written_down)
{
	static const enum ft_state states[] = {FT_CLAIMING, FT_FAILING_OVER, FT_SOLO, FT_UNPROTECTED, FT_UNPROTECTED};
	begin_in(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	peer.side.vm = FT_VM_ALIVE;
	peer.side.role = FT_ROLE_SECONDARY;
	hear(FT_PEER_ALIVE);
	if (_i >= 5) {
		new_qemu(FT_ROLE_NONE);
		qemu_dies();
	}
	ck_assert_int_eq(did[FT_DO_STORE], 0);
	int does = _i % 5;
	peer.side.state = states[does];
	peer.side.request = does == 0 ? FT_REQUEST_YIELD : FT_REQUEST_NONE;
	peer.side.request_id = 9;
	peer.side.runs = does == 3;
	peer.side.guest = does == 4;
	peer.side.epoch = 1;
	hear(FT_PEER_ALIVE);
	ck_assert_int_eq(did[FT_DO_STORE], 1);
	ck_assert_uint_eq(c.store_next.yielded, 41);
	ck_assert_int_eq(c.store_next.stage, FT_SESSION_ENDED);
	step(&(struct ft_event){.kind = FT_EVENT_STORED});
	ck_assert_int_eq(did[FT_DO_STORE], 1);
}
END_TEST

static void begin_won(enum ft_title title, enum ft_win peers, uint64_t peers_epoch)
{
	struct ft_session s = session(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	s.title = title;
	begin(&s, false);
	peer.side.win = peers;
	peer.side.epoch = peers_epoch;
	hear(FT_PEER_ALIVE);
}

/* Both disks say that their own side has ended the session: a person let the loser go on, once the winner's host was off, and then
 * both went down.  _i & 1: by a fence, without a register. */
START_TEST(of_two_that_have_both_won_the_later_starts)
{
	static const struct {
		enum ft_title title;
		enum ft_win peers;
		uint64_t epoch;
		int answer;
	} cases[] = {
	    {FT_TITLE_REGISTER, FT_WIN_REGAINED, 1, 0}, {FT_TITLE_REGAINED, FT_WIN_FIRST, 1, 1},
	    {FT_TITLE_REGISTER, FT_WIN_NONE, 1, 1},     {FT_TITLE_REGISTER, FT_WIN_FIRST, 0, 1},
	    {FT_TITLE_REGISTER, FT_WIN_REGAINED, 0, 1},
	};
	begin_won(cases[_i / 2].title, cases[_i / 2].peers, cases[_i / 2].epoch);
	c.params.registers = _i % 2 == 0;
	verdict = FT_CLAIM_COUNT;
	want();
	pass(1000);
	if (_i % 2 == 0 && cases[_i / 2].answer == 1) { /* the verdict stands above both */
		ck_assert_int_eq(may(false), -1);
		step(&(struct ft_event){.kind = FT_EVENT_REGISTER, .claim = FT_CLAIM_NOT_NEEDED});
	}
	ck_assert_int_eq(may(false), cases[_i / 2].answer);
	ck_assert_int_eq(may(true), cases[_i / 2].answer); /* nobody can vouch that a host is off which is heard */
	ck_assert_int_eq(c.self.win, cases[_i / 2].title == FT_TITLE_REGAINED ? FT_WIN_REGAINED : FT_WIN_FIRST);
}
END_TEST

/* That the other side is about to start the VM, too, is no reason for a winner not to tell that it is: it would wait for ever. */
START_TEST(a_winner_tells_of_its_start_beside_one_that_has_not_won)
{
	begin_won(FT_TITLE_REGISTER, FT_WIN_NONE, 0);
	peer.side.vm = FT_VM_UNKNOWN;
	peer.side.guest = true;
	hear(FT_PEER_ALIVE);
	want();
	pass(1000);
	ck_assert_int_eq(may(false), -1);
	ck_assert(c.self.guest);
	start_is_told();
	ck_assert_int_eq(may(false), 1);
}
END_TEST

/* Their fences had switched each other off.  _i & 1: it has the smaller name.  _i & 2: it was first.  _i & 4: both had lost before. */
START_TEST(of_two_that_have_won_alike_one_starts)
{
	begin_won(_i & 4 ? FT_TITLE_REGAINED : FT_TITLE_REGISTER, _i & 4 ? FT_WIN_REGAINED : FT_WIN_FIRST, 1);
	c.params.registers = false;
	strcpy(peer.node, _i & 1 ? "aaron" : "beta");
	peer.side.guest = _i & 2;
	hear(FT_PEER_ALIVE);
	want();
	ck_assert_int_eq(may(false), _i & 2 ? 0 : -1);
	ck_assert_int_eq(may(true), _i & 2 ? 0 : -1); /* its host is heard */
	ck_assert_int_eq(c.self.guest, !(_i & 2));
	peer.side.guest = true;
	hear(FT_PEER_ALIVE);
	start_is_told();
	ck_assert_int_eq(may(false), !(_i & 1) && !(_i & 2));
	ck_assert_int_eq(may(true), !(_i & 1) && !(_i & 2));
	peer.side.guest = false; /* it came to nothing */
	hear(FT_PEER_ALIVE);
	start_is_told();
	ck_assert_int_eq(may(false), 1);
}
END_TEST

/* A loser, beside whose dead winner a person vouches, with a fence; the winner is heard, and has no QEMU either. */
static void vouch_beside_a_winner(bool it_starts)
{
	begin_in(FT_SESSION_RESIGNED, FT_ROLE_PRIMARY, "");
	c.params.registers = false;
	peer.side.win = FT_WIN_FIRST;
	peer.side.epoch = 1;
	peer.side.guest = it_starts;
	hear(FT_PEER_ALIVE);
	step(&(struct ft_event){.kind = FT_EVENT_WANT_START, .confirmed = true});
	pass(1000);
}

/* _i: 1 its session is open, so that no acknowledgement gives a right. */
START_TEST(a_start_that_is_vouched_for_is_told_to_a_peer_that_is_heard)
{
	vouch_beside_a_winner(false);
	c.session.stage = _i ? FT_SESSION_BOUND : FT_SESSION_RESIGNED;
	ck_assert(c.self.guest);
	ck_assert_int_eq(may(true), -1);
	now += MS(1);
	step(&(struct ft_event){.kind = FT_EVENT_ACK, .at = now});
	ck_assert_int_eq(may(true), 1);
	/* From here on that stands, whatever the peer says of itself, until our QEMU is seen. */
	peer.side.guest = true;
	peer.side.state = FT_STARTING;
	peer.side.vm = FT_VM_UNKNOWN;
	hear(FT_PEER_ALIVE);
	ck_assert(c.self.guest);
	/* Nor what the arbiter says, which is in reach again: seen in the simulation, the winner's unit started it there. */
	c.session.stage = FT_SESSION_ENDED;
	strcpy(c.session.winner, "beta");
	pass(100);
	ck_assert(c.self.guest);
}
END_TEST

/* _i: 1 both say so at once, and the winner has been told yes. */
START_TEST(a_start_that_is_vouched_for_gives_way_to_a_winner_that_starts)
{
	vouch_beside_a_winner(_i == 0);
	peer.side.guest = true;
	hear(FT_PEER_ALIVE);
	ck_assert(!c.self.guest);
	ck_assert_int_eq(may(true), 0);
	peer.side.guest = false; /* the refusal has been told, and nobody asks any more */
	hear(FT_PEER_ALIVE);
	ck_assert(!c.self.guest);
}
END_TEST

/* The peer, which has lost, or has lost its file (1), says that it starts the VM: it was told so while it did not hear us. */
START_TEST(a_winner_gives_way_to_a_start_that_is_vouched_for)
{
	begin_won(FT_TITLE_REGISTER, FT_WIN_NONE, _i ? 0 : 1);
	c.params.registers = false;
	start_is_told();
	ck_assert_int_eq(may(false), 1);
	peer.side.guest = true;
	hear(FT_PEER_ALIVE);
	ck_assert_int_eq(may(false), 0);
	ck_assert_int_eq(may(true), 0);
	peer.side.guest = false; /* it came to nothing */
	hear(FT_PEER_ALIVE);
	ck_assert_int_eq(may(false), 1);
}
END_TEST

/* It would be told no, and the winner wait for it. */
START_TEST(who_has_no_session_does_not_say_that_it_starts_beside_one_that_has)
{
	begin_in(FT_SESSION_NONE, FT_ROLE_NONE, "");
	peer.side.epoch = _i;
	hear(FT_PEER_ALIVE);
	want();
	ck_assert_int_eq(c.self.guest, !_i);
}
END_TEST

START_TEST(an_open_session_is_not_claimed_beside_a_peer_that_starts_the_vm)
{
	begin_in(_i & 2 ? FT_SESSION_RESIGNED : FT_SESSION_BOUND, FT_ROLE_PRIMARY, "");
	memcpy(peer.side.session, c.session.id, sizeof peer.side.session);
	peer.side.vm = FT_VM_GONE;
	peer.side.guest = _i & 1;
	hear(FT_PEER_ALIVE);
	want();
	pass(600);
	ck_assert_int_eq(did[FT_DO_CLAIM], !(_i & 1));
}
END_TEST

/* It runs the guest by that. */
START_TEST(who_is_named_by_the_verdict_is_not_powered_off_for_a_start)
{
	struct ft_session s = session(FT_SESSION_ENDED, FT_ROLE_SECONDARY, "alpha");
	s.title = FT_TITLE_UNFENCED;
	begin(&s, false);
	c.params.fenced = true;
	verdict = FT_CLAIM_COUNT;
	want();
	pass(4000);
	ck_assert_int_eq(did[FT_DO_FENCE], 0);
	step(&(struct ft_event){
	    .kind = FT_EVENT_REGISTER, .claim = _i ? FT_CLAIM_LOST : FT_CLAIM_UNREACHABLE, .text = "beta"});
	pass(4000);
	ck_assert_int_eq(did[FT_DO_FENCE], 0);
	char why[FT_TEXT_MAX];
	ck_assert_int_eq(ft_core_may_start(&c, false, why), _i ? 0 : -1);
	if (!_i)
		ck_assert_msg(strstr(why, "the arbiter") && strstr(why, "out of reach"), "%s", why);
	ck_assert_int_eq(ft_core_may_start(&c, true, why),
	                 _i ? 0 : 1); /* a person answers for the host, not for the verdict */
}
END_TEST

/* Nobody wants the VM here (0), a person vouches (1), the other side holds a right yet (2), or is heard, if less well (3); then it is
 * silent for long (4). */
START_TEST(a_start_powers_off_only_who_is_silent_for_longer_than_its_right)
{
	struct ft_session s = session(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	char why[FT_TEXT_MAX];
	s.title = FT_TITLE_UNFENCED;
	begin(&s, false);
	c.params.fenced = true;
	peer.side.vm = FT_VM_UNKNOWN;
	if (_i == 2 || _i == 3)
		hear(FT_PEER_QUIET);
	if (_i == 2)
		hear(FT_PEER_LOST);
	if (_i > 0)
		step(&(struct ft_event){.kind = FT_EVENT_WANT_START, .confirmed = _i == 1});
	pass(_i == 2 ? 510 : 600);
	ck_assert_int_eq(did[FT_DO_FENCE], _i == 4);
	if (_i < 4)
		return;
	ck_assert_int_eq(ft_core_may_start(&c, false, why), -1);
	ck_assert_msg(strstr(why, "is being powered off"), "%s", why);
	step(&(struct ft_event){.kind = FT_EVENT_FENCED, .error = true, .text = "the plug is stuck"});
	ck_assert_int_eq(ft_core_may_start(&c, false, why), -1);
	ck_assert_msg(strstr(why, "cannot be powered off"), "%s", why);
	ck_assert_int_eq(ft_core_may_start(&c, true, why), 1);
}
END_TEST

/* The rule of ftctl(8), may-start. */
static const struct {
	enum ft_session_stage stage;
	enum ft_role role;
	enum ft_title title;
	bool confirmed;
	bool claims, fences;
} starts[] = {
    {FT_SESSION_BOUND, FT_ROLE_SECONDARY, 0, false, true, true},
    {FT_SESSION_BOUND, FT_ROLE_SECONDARY, 0, true, true, false},
    {FT_SESSION_BOUND, FT_ROLE_PRIMARY, 0, false, true, false},
    {FT_SESSION_BOUND, FT_ROLE_PRIMARY, 0, true, true, false},
    {FT_SESSION_RELEASED, FT_ROLE_PRIMARY, 0, false, true, false},
    {FT_SESSION_RELEASED, FT_ROLE_SECONDARY, 0, true, true, false},
    {FT_SESSION_RESIGNED, FT_ROLE_PRIMARY, 0, true, true, false},
    {FT_SESSION_ENDED, FT_ROLE_SECONDARY, FT_TITLE_FOUND, false, false, true},
    {FT_SESSION_ENDED, FT_ROLE_SECONDARY, FT_TITLE_FOUND, true, false, false},
    {FT_SESSION_ENDED, FT_ROLE_PRIMARY, FT_TITLE_FOUND, false, false, false},
    {FT_SESSION_ENDED, FT_ROLE_PRIMARY, FT_TITLE_UNFENCED, false, false, true},
    {FT_SESSION_ENDED, FT_ROLE_PRIMARY, FT_TITLE_UNFENCED, true, false, false},
};

START_TEST(a_start_powers_off_only_who_was_the_bound_primary)
{
	bool ended = starts[_i].stage == FT_SESSION_ENDED;
	struct ft_session s = session(starts[_i].stage, starts[_i].role, ended ? "alpha" : "");
	s.title = starts[_i].title;
	begin(&s, false);
	c.params.fenced = true;
	step(&(struct ft_event){.kind = FT_EVENT_WANT_START, .confirmed = starts[_i].confirmed});
	pass(600);
	ck_assert_int_eq(did[FT_DO_CLAIM], starts[_i].claims);
	ck_assert_int_eq(did[FT_DO_FENCE], starts[_i].fences && !starts[_i].claims);
	if (starts[_i].claims)
		step(&(struct ft_event){.kind = FT_EVENT_CLAIM, .claim = FT_CLAIM_WON, .text = "alpha"});
	ck_assert_int_eq(did[FT_DO_FENCE], starts[_i].fences);
	ck_assert_int_eq(may(starts[_i].confirmed), starts[_i].fences ? -1 : 1);
	step(&(struct ft_event){.kind = FT_EVENT_FENCED});
	ck_assert_int_eq(may(starts[_i].confirmed), 1);
	ck_assert_int_eq(did[FT_DO_FENCE], starts[_i].fences);
}
END_TEST

/* The guest runs over there by a later session, which the arbiter remembers.  _i: a win by an old copy waits for its fence. */
START_TEST(a_start_by_an_old_copy_of_state_dir_ends_nothing_and_powers_nobody_off)
{
	struct ft_session s = session(_i ? FT_SESSION_ENDED : FT_SESSION_BOUND, FT_ROLE_SECONDARY, _i ? "alpha" : "");
	s.title = _i ? FT_TITLE_UNFENCED : FT_TITLE_REGISTER;
	begin(&s, false);
	c.params.fenced = true;
	past = FT_CLAIM_UNREACHABLE;
	want();
	past = FT_CLAIM_COUNT; /* slow to answer, and what it said before is old */
	want();
	pass(600);
	ck_assert_int_eq(may(false), -1);
	ck_assert_int_eq(did[FT_DO_CLAIM] + did[FT_DO_FENCE], 0);
	step(&(struct ft_event){.kind = FT_EVENT_REMEMBERED, .claim = FT_CLAIM_LOST, .epoch = 2, .text = "beta"});
	pass(5000);
	ck_assert_int_eq(may(false), 0);
	ck_assert_int_eq(did[FT_DO_CLAIM] + did[FT_DO_FENCE], 0);
	past = FT_CLAIM_UNREACHABLE;
	want();
	for (int i = 0; i < 20; i++)
		pass(1000);
	ck_assert_int_eq(did[FT_DO_CLAIM] + did[FT_DO_FENCE], 1);
}
END_TEST

/* _i & 1: its fence is to be tried still.  _i & 2: the peer is heard now and then. */
START_TEST(who_was_given_a_new_guest_is_not_powered_off_by_an_earlier_win)
{
	struct ft_session s = session(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	char why[FT_TEXT_MAX];
	s.title = _i & 1 ? FT_TITLE_UNFENCED : FT_TITLE_FOUND;
	s.yielded = 42;
	s.yielded_as = FT_ROLE_SECONDARY;
	begin(&s, false);
	c.params.fenced = true;
	peer.side.vm = FT_VM_UNKNOWN;
	if (_i & 2) {
		hear(FT_PEER_ALIVE);
		hear(FT_PEER_LOST);
	}
	want();
	for (int i = 0; i < 5; i++)
		pass(4000);
	ck_assert_int_eq(did[FT_DO_FENCE], 0);
	ck_assert_int_eq(ft_core_may_start(&c, false, why), 0);
	ck_assert_msg(strstr(why, "given the guest to the peer since"), "%s", why);
	ck_assert_int_eq(ft_core_may_start(&c, true, why), 1);
}
END_TEST

START_TEST(who_lost_the_session_may_not_start)
{
	begin_in(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "beta");
	ck_assert_int_eq(may(false), 0);
	ck_assert_int_eq(may(true), 0);
}
END_TEST

/* ---- open ---- */

START_TEST(an_open_session_is_claimed_once_every_right_is_over)
{
	begin_in(FT_SESSION_BOUND, _i, "");
	want();
	pass(519);
	ck_assert_int_eq(did[FT_DO_CLAIM], 0);
	pass(2);
	ck_assert_int_eq(did[FT_DO_CLAIM], 1);
	ck_assert_int_eq(may(false), -1);
	step(&(struct ft_event){.kind = FT_EVENT_CLAIM, .claim = FT_CLAIM_WON, .text = "alpha"});
	ck_assert_int_eq(may(false), 1);
}
END_TEST

/* Both hosts were out: neither would ever start the guest, if the peer's ftd alone were enough for a no. */
START_TEST(a_peer_with_nothing_running_leaves_it_to_the_register)
{
	begin_in(FT_SESSION_BOUND, FT_ROLE_PRIMARY, "");
	hear(FT_PEER_ALIVE);
	want();
	ck_assert_int_eq(may(false), -1);
	pass(521);
	ck_assert_int_eq(did[FT_DO_CLAIM], 1);
	step(&(struct ft_event){.kind = FT_EVENT_CLAIM, .claim = FT_CLAIM_LOST, .text = "beta"});
	ck_assert_int_eq(may(false), 0);
}
END_TEST

START_TEST(a_peer_whose_qemu_is_there_keeps_the_session)
{
	begin_in(FT_SESSION_BOUND, FT_ROLE_PRIMARY, "");
	memcpy(peer.side.session, c.session.id, sizeof peer.side.session);
	peer.side.vm = FT_VM_ALIVE;
	peer.side.role = FT_ROLE_SECONDARY;
	hear(FT_PEER_ALIVE);
	want();
	pass(521);
	ck_assert_int_eq(may(false), 0);
	ck_assert_int_eq(did[FT_DO_CLAIM], 0);
}
END_TEST

/* The peer was told, and may have gone on with the guest while the disk would not take that we never do. */
START_TEST(a_session_in_which_our_qemu_died_is_never_claimed)
{
	struct ft_session s = session(FT_SESSION_BOUND, FT_ROLE_PRIMARY, "");
	s.instance = 42;
	begin(&s, false);
	new_qemu(FT_ROLE_PRIMARY);
	qemu_dies();
	ck_assert_int_eq(did[FT_DO_STORE], 1);
	step(&(struct ft_event){.kind = FT_EVENT_STORED, .error = true, .text = "no space left"});
	want();
	pass(600);
	ck_assert_int_eq(may(false), 0);
	ck_assert_int_eq(did[FT_DO_CLAIM], 0);
}
END_TEST

#define expect_why(confirmed, answer, part)                                                                            \
	do {                                                                                                           \
		char why[FT_TEXT_MAX];                                                                                 \
		int got = ft_core_may_start(&c, confirmed, why);                                                       \
		ck_assert_msg(got == (answer) && strstr(why, part) != NULL, "%d: %s", got, why);                       \
	} while (0)

/* A person's word comes after the register's, wherever that can be asked; and it is asked anew for each start. */
START_TEST(who_vouches_waits_for_the_register_and_no_longer)
{
	begin_in(FT_SESSION_BOUND, FT_ROLE_PRIMARY, "");
	want();
	pass(600);
	ck_assert_int_eq(did[FT_DO_CLAIM], 1);
	expect_why(true, -1, "being asked");
	step(&(struct ft_event){.kind = FT_EVENT_CLAIM, .claim = FT_CLAIM_UNREACHABLE, .text = "no answer"});
	expect_why(false, -1, "out of reach");
	expect_why(true, 1, "vouches");
	want();
	expect_why(true, -1, "being asked");
	expect_why(false, -1, "being asked");
	pass(20e3);
	ck_assert_int_eq(did[FT_DO_CLAIM], 2);
}
END_TEST

START_TEST(nobody_vouches_for_a_host_that_is_heard_with_a_qemu)
{
	begin_in(FT_SESSION_BOUND, FT_ROLE_PRIMARY, "");
	peer.side.vm = FT_VM_ALIVE;
	peer.side.role = FT_ROLE_SECONDARY;
	hear(FT_PEER_ALIVE);
	pass(600);
	expect_why(true, 0, "its host is not off");
}
END_TEST

START_TEST(an_open_session_waits_for_a_person_where_no_register_can_tell)
{
	begin_in(FT_SESSION_BOUND, FT_ROLE_PRIMARY, "");
	c.params.registers = false;
	want();
	pass(600);
	expect_why(false, 0, "--confirm-fenced");
	expect_why(true, 1, "vouches");
	ck_assert_int_eq(did[FT_DO_CLAIM] + did[FT_DO_FENCE], 0);
}
END_TEST

/* It had a right without an end, and may have left ftd alone. */
START_TEST(a_released_session_is_claimed_by_who_was_its_primary)
{
	begin_in(FT_SESSION_RELEASED, _i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY, "");
	want();
	pass(600);
	ck_assert_int_eq(did[FT_DO_CLAIM], _i);
	if (!_i)
		expect_why(false, 0, "may be running without ftd");
	else
		step(&(struct ft_event){.kind = FT_EVENT_CLAIM, .claim = FT_CLAIM_WON, .text = "alpha"});
	if (_i)
		ck_assert_int_eq(may(false), 1);
}
END_TEST

/* Each had left the guest to the other, and no QEMU is left. */
START_TEST(a_session_that_both_gave_up_is_left_to_the_register)
{
	begin_in(FT_SESSION_RESIGNED, FT_ROLE_PRIMARY, "");
	memcpy(peer.side.session, c.session.id, sizeof peer.side.session);
	peer.side.epoch = 1;
	peer.side.vm = FT_VM_GONE;
	hear(FT_PEER_ALIVE);
	want();
	pass(600);
	expect_why(false, -1, "being asked");
	ck_assert_int_eq(did[FT_DO_CLAIM], 1);
	step(&(struct ft_event){.kind = FT_EVENT_CLAIM, .claim = FT_CLAIM_WON, .text = "alpha"});
	ck_assert_int_eq(did[FT_DO_FENCE], 0);
}
END_TEST

START_TEST(a_session_that_cannot_be_read_needs_a_person)
{
	begin_in(FT_SESSION_UNKNOWN, FT_ROLE_PRIMARY, "");
	want();
	pass(600);
	expect_why(false, 0, "cannot be read");
	expect_why(true, 1, "vouches");
}
END_TEST

/* Our disk is an old copy. */
START_TEST(a_winner_whose_peer_knows_a_later_session_may_not_start)
{
	begin_in(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	peer.side.epoch = 2;
	hear(FT_PEER_ALIVE);
	start_is_told();
	pass(600);
	expect_why(false, 0, "later session");
	expect_why(true, 0, "later session");
}
END_TEST

/* The peer was heard until now, and its right lasts a little longer than that. */
START_TEST(a_win_that_was_found_waits_for_the_right_of_who_has_just_fallen_silent)
{
	struct ft_session s = session(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	s.title = FT_TITLE_FOUND;
	begin(&s, false);
	pass(600);
	peer.side.state = FT_STARTING;
	peer.side.vm = FT_VM_UNKNOWN;
	hear(FT_PEER_ALIVE);
	hear(FT_PEER_LOST);
	want();
	expect_why(false, -1, "hold a right to run");
	pass(21);
	expect_why(false, 1, "");
}
END_TEST

START_TEST(a_qemu_that_is_here_is_not_started_twice)
{
	begin_in(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	new_qemu(FT_ROLE_NONE);
	pass(600);
	expect_why(false, 0, "here already");
	expect_why(true, 0, "here already");
}
END_TEST

START_TEST(without_an_arbiter_everybody_may_and_is_told_what_that_means)
{
	begin(&(struct ft_session){0}, true);
	c.params.arbitrated = c.params.registers = false;
	expect_why(false, 1, "nothing excludes two masters");
}
END_TEST

/* ---- what was ---- */

START_TEST(a_released_session_is_looked_up_when_the_peer_has_started_anew)
{
	struct ft_session s = session(FT_SESSION_RELEASED, FT_ROLE_SECONDARY, "");
	s.instance = 42;
	begin(&s, false);
	new_qemu(FT_ROLE_SECONDARY);
	hear(FT_PEER_ALIVE);
	ck_assert_int_eq(did[FT_DO_READ], 0);
	peer.side.vm = FT_VM_ALIVE;
	hear(FT_PEER_ALIVE);
	ck_assert_int_eq(did[FT_DO_READ], 1);
	step(&(struct ft_event){.kind = FT_EVENT_REGISTER, .claim = FT_CLAIM_LOST, .text = "beta"});
	ck_assert_int_eq(did[FT_DO_FREEZE], 1);
	step(&(struct ft_event){.kind = FT_EVENT_FROZEN});
	ck_assert_int_eq(did[FT_DO_KILL], 0);
	peer.side.proven = true; /* what was started anew there runs */
	hear(FT_PEER_ALIVE);
	ck_assert_int_eq(did[FT_DO_KILL], 1);
}
END_TEST

/* The peer holds a copy of the time before, and cannot reach the register that says so. */
START_TEST(a_guest_started_anew_is_not_yielded_to_an_old_copy)
{
	begin_in(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	hear(FT_PEER_ALIVE);
	new_qemu(FT_ROLE_NONE);
	peer_asks();
	ck_assert_int_eq(did[FT_DO_FREEZE], 0);
	ck_assert_int_eq(c.self.answer, FT_ANSWER_REFUSED);
}
END_TEST

START_TEST(a_guest_started_anew_has_not_failed)
{
	begin_in(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	c.phase = FT_PHASE_FAILED;
	new_qemu(FT_ROLE_NONE);
	ck_assert_int_eq(c.phase, FT_PHASE_UNPROTECTED);
}
END_TEST

/* Its host is up, without its QEMU: it may be about to start anew, with the register's leave. */
START_TEST(an_order_asks_the_register_about_a_peer_that_is_only_absent)
{
	struct ft_session s = session(FT_SESSION_BOUND, FT_ROLE_SECONDARY, "");
	s.instance = 42;
	begin(&s, false);
	new_qemu(FT_ROLE_SECONDARY);
	memcpy(peer.side.session, c.session.id, sizeof peer.side.session);
	peer.side.state = FT_STARTING;
	hear(FT_PEER_ALIVE);
	step(&(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_SIGNAL});
	ck_assert_int_eq(did[FT_DO_CLAIM], 1);
	ck_assert_int_eq(did[FT_DO_PLAN], 0);
	step(&(struct ft_event){.kind = FT_EVENT_CLAIM, .claim = FT_CLAIM_WON, .text = "alpha"});
	ck_assert_int_eq(did[FT_DO_PLAN], 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("core_start");
	TCase *tc = tcase_create("may_start");
	tcase_add_test(tc, the_first_start_waits_until_the_peer_has_been_listened_for);
	tcase_add_test(tc, a_session_that_was_lost_here_is_known_to_the_arbiter);
	tcase_add_test(tc, a_peer_that_knows_of_nothing_overrules_old_marks);
	tcase_add_loop_test(tc, a_later_session_is_known_to_the_arbiter, 0, 2);
	tcase_add_loop_test(tc, without_a_session_the_peers_word_counts, 0, sizeof unbound / sizeof unbound[0]);
	tcase_add_loop_test(tc, of_two_that_would_start_at_once_one_may, 0, 2);
	tcase_add_test(tc, who_hears_that_the_other_is_starting_does_not);
	tcase_add_loop_test(tc, who_has_heard_that_the_other_is_starting_does_not_after_a_silence, 0, 2);
	tcase_add_test(tc, a_guest_that_is_held_at_the_other_side_is_not_said_to_run);
	tcase_add_test(tc, the_verdict_is_read_after_the_peer_was_listened_for);
	tcase_add_test(tc, a_start_that_was_granted_is_told_though_the_other_said_so_first);
	tcase_add_test(tc, a_guest_outside_of_colo_is_told_and_one_to_be_is_not);
	tcase_add_test(tc, a_session_that_may_have_been_lost_is_no_licence);
	tcase_add_test(tc, who_ended_the_session_may_start_unless_the_guest_was_given_away_since);
	tcase_add_test(tc, a_winner_that_heard_the_guest_run_there_remembers_it_though_its_disk_takes_nothing);
	tcase_add_loop_test(tc, a_guest_that_was_seen_to_run_there_is_not_started_here_once_it_is_silent, 0, 4);
	tcase_add_test(tc, a_right_is_not_given_up_for_a_guest_that_was_not_seen_to_run);
	tcase_add_test(tc, a_primarys_session_is_over_where_its_next_qemu_is_the_peers_secondary);
	tcase_add_loop_test(tc, the_winner_tells_a_peer_that_has_a_qemu_before_it_starts, 0, 2);
	tcase_add_loop_test(tc, a_winner_that_the_verdict_does_not_name_may_not_start, 0, 2);
	tcase_add_test(tc, a_winner_waits_for_the_verdict);
	tcase_add_loop_test(tc, nothing_is_started_while_a_session_is_on_its_way_to_disk, 0, 2);
	tcase_add_test(tc, an_empty_verdict_is_read_for_each_start);
	tcase_add_test(tc, a_person_vouches_for_who_has_won_by_word_where_nobody_can_be_asked);
	tcase_add_loop_test(tc, a_winner_that_was_powered_off_since_asks_a_person_where_no_register_can_tell, 0, 3);
	tcase_add_loop_test(tc, a_win_after_our_own_word_is_no_licence_beside_a_silent_peer_and_an_empty_verdict, 0, 5);
	tcase_add_loop_test(tc, who_wins_what_both_had_given_up_needs_no_person_later, 0, 3);
	tcase_add_loop_test(tc, a_win_after_our_own_word_is_no_licence_beside_a_peer_that_may_run, 0, 7);
	tcase_add_loop_test(tc, what_was_given_since_the_win_is_no_licence_beside_a_peer_that_may_run, 0, 3);
	tcase_add_loop_test(tc, that_the_peer_goes_on_beside_an_earlier_win_is_written_down, 0, 10);
	tcase_add_loop_test(tc, of_two_that_have_both_won_the_later_starts, 0, 10);
	tcase_add_test(tc, a_winner_tells_of_its_start_beside_one_that_has_not_won);
	tcase_add_loop_test(tc, of_two_that_have_won_alike_one_starts, 0, 8);
	tcase_add_loop_test(tc, a_start_that_is_vouched_for_is_told_to_a_peer_that_is_heard, 0, 2);
	tcase_add_loop_test(tc, a_start_that_is_vouched_for_gives_way_to_a_winner_that_starts, 0, 2);
	tcase_add_loop_test(tc, a_winner_gives_way_to_a_start_that_is_vouched_for, 0, 2);
	tcase_add_loop_test(tc, who_has_no_session_does_not_say_that_it_starts_beside_one_that_has, 0, 2);
	tcase_add_loop_test(tc, an_open_session_is_not_claimed_beside_a_peer_that_starts_the_vm, 0, 4);
	tcase_add_loop_test(tc, who_is_named_by_the_verdict_is_not_powered_off_for_a_start, 0, 2);
	tcase_add_loop_test(tc, who_was_given_a_new_guest_is_not_powered_off_by_an_earlier_win, 0, 4);
	tcase_add_loop_test(tc, a_start_powers_off_only_who_is_silent_for_longer_than_its_right, 0, 5);
	tcase_add_loop_test(tc, a_start_powers_off_only_who_was_the_bound_primary, 0, sizeof starts / sizeof starts[0]);
	tcase_add_loop_test(tc, a_start_by_an_old_copy_of_state_dir_ends_nothing_and_powers_nobody_off, 0, 2);
	tcase_add_test(tc, who_lost_the_session_may_not_start);
	tcase_add_loop_test(tc, an_open_session_is_claimed_once_every_right_is_over, FT_ROLE_PRIMARY,
	                    FT_ROLE_SECONDARY + 1);
	tcase_add_test(tc, a_peer_with_nothing_running_leaves_it_to_the_register);
	tcase_add_test(tc, a_peer_whose_qemu_is_there_keeps_the_session);
	tcase_add_test(tc, a_session_in_which_our_qemu_died_is_never_claimed);
	tcase_add_test(tc, who_vouches_waits_for_the_register_and_no_longer);
	tcase_add_test(tc, nobody_vouches_for_a_host_that_is_heard_with_a_qemu);
	tcase_add_test(tc, an_open_session_waits_for_a_person_where_no_register_can_tell);
	tcase_add_test(tc, a_session_that_both_gave_up_is_left_to_the_register);
	tcase_add_test(tc, a_session_that_cannot_be_read_needs_a_person);
	tcase_add_test(tc, a_winner_whose_peer_knows_a_later_session_may_not_start);
	tcase_add_test(tc, a_win_that_was_found_waits_for_the_right_of_who_has_just_fallen_silent);
	tcase_add_test(tc, a_qemu_that_is_here_is_not_started_twice);
	tcase_add_test(tc, without_an_arbiter_everybody_may_and_is_told_what_that_means);
	tcase_add_loop_test(tc, a_released_session_is_claimed_by_who_was_its_primary, 0, 2);
	tcase_add_test(tc, a_released_session_is_looked_up_when_the_peer_has_started_anew);
	tcase_add_test(tc, a_guest_started_anew_is_not_yielded_to_an_old_copy);
	tcase_add_test(tc, a_guest_started_anew_has_not_failed);
	tcase_add_test(tc, an_order_asks_the_register_about_a_peer_that_is_only_absent);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
