/* The decision table: who may run the guest, and what is done about it.  Pure.
 * Read it from the bottom: `table` is the whole behaviour.  A row is a set of phases, a condition, and what is done.
 * The first row that holds is done; then the table is read again from the top, until no row holds.
 *
 * The law behind the order: a wrong failover is worse than a late one.  So what gives up the right to run stands before
 * what takes it, a peer's own word stands before silence, and other signs of life stand before giving a peer up. */
#include "core/core_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- what the facts mean ---- */

/* A peer that has not been heard since we came is lost, if we hold a session with it, or our copy stands still for it. */
static bool waits_for_peer(const struct ft_core *c)
{
	bool yielded = c->frozen && (c->session.stage == FT_SESSION_RESIGNED || ft_session_yielded(c));
	return ft_session_current(c) || ft_win_pending(c) || ft_session_lost(c) || yielded;
}

/* With an arbiter the guard is waited out, from the end of the primary's right to run until we claim: what of it has passed
 * before the peer was lost counts.  One that was never heard is lost once any right that our predecessor granted is over. */
static int64_t lost_from(const struct ft_core *c)
{
	int64_t granted = ft_session_granted_until(c);
	if (c->hearing != FT_PEER_LOST)
		return c->hearing == FT_PEER_NEVER && waits_for_peer(c) ? granted : FT_NEVER;
	if (!c->params.arbitrated)
		return c->lost_at;
	int64_t passed = ft_right_ends_early(c->params.window);
	int64_t guarded = c->lost_at + (c->params.guard > passed ? c->params.guard - passed : 0);
	return guarded > granted ? guarded : granted;
}

static bool peer_lost(const struct ft_core *c)
{
	return ft_due(c, lost_from(c));
}

static bool peer_vm_is(const struct ft_core *c, enum ft_vm vm)
{
	return ft_peer_heard(c) && c->peer.side.vm == vm;
}

/* Nothing of the peer's runs: its own word.  (A frozen QEMU is not out: it could be thawed while we decide.) */
static bool peer_vm_out(const struct ft_core *c)
{
	return ft_session_matches(c) && (peer_vm_is(c, FT_VM_GONE) || peer_vm_is(c, FT_VM_ABSENT));
}

static bool peer_solo(const struct ft_core *c)
{
	return ft_peer_heard(c) && c->peer.side.state == FT_SOLO;
}

/* What must hold before a copy of ours is ended for it. */
static bool peer_proven(const struct ft_core *c)
{
	/* In the place of the copy that won a new guest may have been booted. */
	return c->peer.side.proven && (peer_solo(c) || (ft_peer_heard(c) && ft_session_lost(c)));
}

static bool vm_here(const struct ft_core *c)
{
	return c->qemu.instance != 0 && c->qemu.vm != FT_VM_GONE && c->qemu.vm != FT_VM_ABSENT;
}

static bool no_vm_here(const struct ft_core *c)
{
	return c->qemu.vm == FT_VM_GONE || c->qemu.vm == FT_VM_ABSENT;
}

static bool in_colo(const struct ft_core *c)
{
	return vm_here(c) && c->qemu.role != FT_ROLE_NONE;
}

static bool can_freeze(const struct ft_core *c)
{
	return vm_here(c) && c->qemu.pid_verified;
}

static bool broken(const struct ft_core *c)
{
	return c->broken_at != FT_NEVER;
}

/* It can be told what to do. */
static bool answers_in_band(const struct ft_core *c)
{
	return !c->hung && c->silent_from == FT_NEVER;
}

/* It cannot, and it is not the peer that it waits for. */
static bool is_sick(const struct ft_core *c)
{
	return (c->hung || c->sick) && !c->frozen;
}

static bool is_primary(const struct ft_core *c)
{
	return c->qemu.role == FT_ROLE_PRIMARY;
}

static enum ft_role opposite(enum ft_role r)
{
	return r == FT_ROLE_PRIMARY ? FT_ROLE_SECONDARY : r == FT_ROLE_SECONDARY ? FT_ROLE_PRIMARY : FT_ROLE_NONE;
}

/* QEMU takes a checkpoint at least every x-checkpoint-delay of the primary. */
static int64_t checkpoint_due(const struct ft_core *c)
{
	uint32_t ms = is_primary(c) ? c->self.checkpoint_ms : c->peer.side.checkpoint_ms;
	if (ms == 0)
		ms = 20000; /* QEMU's default */
	int64_t last = c->checkpoint_at != FT_NEVER ? c->checkpoint_at : c->phase_since;
	return last + (int64_t)ms * FT_NS_PER_MS + ft_stuck_after(c);
}

/* Until when the signs of life that a silent peer gives besides heartbeats hold.  A dead host gives neither:
 * its kernel answers "port unreachable" (its ftd is dead, its host is not), or a checkpoint completed that began after
 * its ftd fell silent.  Anyone can forge the first, so it counts only while replication is not overdue. */
static int64_t signs_of_life_until(const struct ft_core *c)
{
	/* The kernel sends one such answer a second to a stubborn sender, so three seconds without mean that it ended. */
	static const int64_t fresh = FT_WORD_NS;
	int64_t until = c->now, due = checkpoint_due(c);
	/* With an arbiter a silent peer's guest stands still by now, and claiming is safe. */
	if (broken(c) || c->heard_at == FT_NEVER || c->params.arbitrated)
		return until;
	if (c->refused_at != FT_NEVER) {
		int64_t refused = c->refused_at + (fresh > 3 * c->params.interval ? fresh : 3 * c->params.interval);
		until = refused < due ? refused : due;
	}
	if (c->checkpoint_at != FT_NEVER && c->checkpoint_at > c->heard_at + 2 * c->params.interval)
		until = due;
	if (c->silence_probed && (c->checkpoint_at == FT_NEVER || c->checkpoint_at < c->probed_at)) {
		int64_t answer = ft_after(c->probed_at, ft_stuck_after(c));
		until = answer < until ? answer : until;
	}
	return until;
}

static bool can_arm(const struct ft_core *c)
{
	const struct ft_side *p = &c->peer.side;
	return ft_peer_heard(c) && !ft_sharing_differs(c) && !p->leaving && !peer_solo(c) && p->vm == FT_VM_ALIVE &&
	       in_colo(c) && p->role == opposite(c->qemu.role) && c->qemu.connected && c->qemu.oob &&
	       c->qemu.plan_ready && !c->hung && !c->frozen && !broken(c) && c->ending == FT_ENDING_NOT && !p->ending &&
	       (!c->params.arbitrated || (c->qemu.pid_verified && !c->qemu.unguarded));
}

/* We have won, and nothing of ours was seen to run by it; the peer's copy stands still for that.  A QEMU that an earlier ftd may
 * have promoted is not given back by us: a person has to. */
static bool is_awaited(const struct ft_core *c)
{
	return ft_session_won(c) && c->proven_instance != c->qemu.instance && peer_vm_is(c, FT_VM_YIELDED);
}

/* It has said nothing to this ftd, and nothing says why. */
static bool found_still_and_unknown(const struct ft_core *c)
{
	const struct ft_qemu_facts *q = &c->qemu;
	bool unknown = !c->role_said && !c->frozen && c->session.instance != q->instance;
	return unknown && !q->connected && q->stopped;
}

/* The first thing that stands between here and protection, for people: in three parts.  NULL: nothing here. */
static const char *missing_here(const struct ft_core *c)
{
	const struct ft_qemu_facts *q = &c->qemu;
	bool both = c->peer.side.sick && ft_peer_heard(c);
	if (no_vm_here(c))
		return q->vm == FT_VM_GONE ? "our QEMU has died" : "no QEMU listens on qmp.socket";
	if (c->ending != FT_ENDING_NOT)
		return c->ending == FT_ENDING_GUEST ? "the guest has powered itself off" : "our QEMU is on its way out";
	if (c->disk_bad && q->role != FT_ROLE_NONE)
		return "our copy of the guest's disk is bad";
	if ((c->hung || !q->connected) && is_awaited(c))
		return "this side has won, and our QEMU answers nothing; the peer's copy waits: end our QEMU, and then "
		       "on the peer's host: ftctl failover --confirm-fenced";
	if (c->hung)
		return both ? "our QEMU hangs, and the peer's is no better; whichever answers first goes on"
		            : "our QEMU hangs";
	if (c->sick)
		return both ? "our QEMU's main loop is blocked, and so is the peer's; whichever answers first goes on"
		            : "our QEMU's main loop is blocked: it answers nothing in band";
	if (found_still_and_unknown(c))
		return "our QEMU stood still when this ftd came (SIGSTOP), in no session that it knows of: if the "
		       "guest runs elsewhere, end it; if you have stopped it, kill -CONT";
	if (!q->connected)
		return "our QEMU does not answer on qmp.socket";
	if (!q->oob)
		return "our QEMU does not answer on qmp.oob_socket";
	if (q->role == FT_ROLE_NONE)
		return "our QEMU is not in COLO";
	return broken(c) ? "replication is broken" : NULL;
}

static const char *missing_there(const struct ft_core *c)
{
	const struct ft_side *p = &c->peer.side;
	if (!ft_peer_heard(c) && c->foreign_version)
		return "the peer's ftd speaks another version of the heartbeat: upgrade the older of the two (ftctl "
		       "check)";
	if (peer_lost(c) && p->leaving)
		return "the peer's ftd was asked to stop, and has gone";
	if (peer_lost(c))
		return c->bound ? "the peer's ftd is silent, but its side gives other signs of life"
		                : "the peer is silent";
	if (!ft_peer_heard(c))
		return "the peer has not been heard yet";
	if (p->leaving)
		return "the peer's ftd was asked to stop";
	if (p->disk_bad)
		return "the peer's copy of the guest's disk is bad";
	if (p->ending)
		return "the peer's QEMU is on its way out";
	if (p->sick)
		return "the peer's QEMU is blocked or hangs";
	if (ft_sharing_differs(c))
		return c->share_fault;
	if (p->vm != FT_VM_ALIVE)
		return p->vm == FT_VM_UNKNOWN ? "the peer does not reach its QEMU yet" : "the peer has no running QEMU";
	return p->role != opposite(c->qemu.role) ? "the peer's QEMU is not our counterpart in COLO" : NULL;
}

static const char *missing_between(const struct ft_core *c)
{
	const struct ft_qemu_facts *q = &c->qemu;
	if (!q->plan_ready)
		return q->fault[0] ? q->fault : "no plan is prepared yet";
	if (c->params.arbitrated && !q->pid_verified)
		return "ftd cannot be sure of QEMU's process, or may not signal it, so it could not freeze it";
	if (c->params.arbitrated && q->unguarded)
		return "no sentinel is on guard over our QEMU: what stops this ftd would let it run beyond its right";
	if (!c->self.ready && c->checkpoint_at == FT_NEVER)
		return "no checkpoint has completed yet";
	if (!c->peer.side.ready)
		return "the peer is not ready";
	return ft_session_missing(c);
}

static void missing(const struct ft_core *c, char out[FT_TEXT_MAX])
{
	const char *t = missing_here(c);
	t = t ? t : missing_there(c);
	t = t ? t : missing_between(c);
	snprintf(out, FT_TEXT_MAX, "%s", t ? t : "all is well");
}

/* ---- conditions of the table ---- */

static bool binds_secondary(const struct ft_session *s)
{
	return s->stage == FT_SESSION_BOUND && s->role == FT_ROLE_SECONDARY;
}

/* Or it may be on disk, though that said no. */
static bool is_binding_secondary(const struct ft_core *c)
{
	return (c->storing && binds_secondary(&c->store_next)) || (c->bind_failed && binds_secondary(&c->bind));
}

/* Or about to be.  Whatever QEMU is here, or not seen yet: our next ftd could claim. */
static bool bound_secondary(const struct ft_core *c)
{
	return c->params.arbitrated && (is_binding_secondary(c) || binds_secondary(&c->session));
}

/* Heard again, and its QEMU is still the other half of the pair: it did not run the guest alone in between. */
static bool peer_in_pair(const struct ft_core *c)
{
	return peer_vm_is(c, FT_VM_ALIVE) && c->peer.side.role == opposite(c->role);
}

static bool answer_is(const struct ft_core *c, enum ft_answer a)
{
	return ft_peer_heard(c) && c->peer.side.answer == a && c->peer.side.answer_id == c->self.request_id;
}

/* ---- a QEMU on its way out: see enum ft_ending ---- */

/* It asks, claims and proposes nothing any more. */
static bool is_ending(const struct ft_core *c)
{
	return c->ending != FT_ENDING_NOT && vm_here(c);
}

static bool by_the_host(const struct ft_core *c)
{
	return is_ending(c) && c->ending == FT_ENDING_HOST && c->qemu.role != FT_ROLE_NONE;
}

static bool is_in_session(const struct ft_core *c)
{
	if (!c->params.arbitrated)
		return c->bound;
	return ft_session_open(c) && c->session.instance == c->qemu.instance;
}

/* There is a copy to go on with, and our word gives the right to.  Alone, or where both end, each ends in its own order. */
static bool can_give_way(const struct ft_core *c)
{
	return by_the_host(c) && is_in_session(c) && peer_in_pair(c) && !c->peer.side.ending;
}

/* How long QEMU takes to go, with its disks to be flushed, nobody knows: it stands still, and the peer need not wait.  Nor may
 * it run beyond its right; and that is not claimed any more. */
static bool gives_way(const struct ft_core *c)
{
	bool past_right = by_the_host(c) && ft_session_current(c) && ft_lease_over(c);
	return (can_give_way(c) || past_right) && can_freeze(c) && ft_due(c, c->freeze_again_at);
}

/* A claim that is under way says first what has become of it. */
static bool gives_way_unclaimed(const struct ft_core *c)
{
	bool settled = c->arbiter_busy || c->claim == FT_CLAIM_WON || c->claim == FT_CLAIM_LOST;
	return by_the_host(c) && !settled && can_freeze(c) && ft_session_open(c);
}

/* ---- a bad disk ---- */

/* It does not end on the bad one while there is a good one. */
static bool has_the_worse_disk(const struct ft_core *c)
{
	return c->disk_bad && !(c->peer_known && c->peer.side.disk_bad);
}

/* Here the guest runs still: only a peer that can go on is given way to, though replication may be broken. */
static bool gives_way_for_disk(const struct ft_core *c)
{
	const struct ft_side *p = &c->peer.side;
	bool able = p->ready || broken(c) || p->repl_broken;
	return has_the_worse_disk(c) && in_colo(c) && is_in_session(c) && peer_in_pair(c) && !p->ending && !p->sick &&
	       able && can_freeze(c) && ft_due(c, c->freeze_again_at);
}

/* For so long a silent peer that can go on better is let to claim first: it does within a detection time of the same silence. */
static int64_t peers_turn(const struct ft_core *c)
{
	return 2 * c->params.window + c->params.guard;
}

/* A silent peer that has the good disk is to have the session. */
static int64_t claims_from(const struct ft_core *c)
{
	bool ordered = c->outcome.cause == FT_CAUSE_SIGNAL || c->outcome.cause == FT_CAUSE_OPERATOR;
	bool waits = has_the_worse_disk(c) && !ft_peer_heard(c) && !ordered;
	return waits ? c->phase_since + peers_turn(c) : c->phase_since;
}

static bool disk_news(const struct ft_core *c)
{
	return c->disk_bad && !c->said_disk_bad && vm_here(c);
}

/* It has just died, and the peer, which can go on by our word, is not seen to do so yet. */
static bool tells_of_death(const struct ft_core *c)
{
	bool told = c->self.vm == FT_VM_GONE || c->self.vm == FT_VM_UNKNOWN;
	return c->qemu.vm == FT_VM_GONE && told && !ft_due(c, c->gone_at + FT_LANDS_NS) && peer_in_pair(c) &&
	       c->role != FT_ROLE_NONE && c->gone_instance != 0;
}

/* Of a side that leaves nobody takes a word. */
static bool left_before_its_qemu(const struct ft_core *c)
{
	return ft_has_left(c) && ((can_give_way(c) && can_freeze(c)) || tells_of_death(c));
}

/* The guest has powered itself off at the primary, and its QEMU is gone: its copy is not to go on. */
static bool asked_to_end(const struct ft_core *c)
{
	const struct ft_side *p = &c->peer.side;
	bool answered = c->self.answer != FT_ANSWER_NONE && c->self.answer_id == p->request_id;
	return ft_peer_heard(c) && p->request == FT_REQUEST_END && !answered;
}

static bool asked_to_end_copy(const struct ft_core *c)
{
	bool ours = !c->params.arbitrated || ft_session_shared(c);
	return asked_to_end(c) && c->role == FT_ROLE_SECONDARY && in_colo(c) && can_freeze(c) && ours;
}

static bool ended_as_asked(const struct ft_core *c)
{
	return asked_to_end(c) && no_vm_here(c) && !ft_session_open(c);
}

static bool asked_to_end_in_vain(const struct ft_core *c)
{
	return asked_to_end(c) && (c->phase == FT_PHASE_SOLO || !can_freeze(c)) && !no_vm_here(c);
}

static bool end_is_answered(const struct ft_core *c)
{
	return c->guest_ended && (answer_is(c, FT_ANSWER_YIELDED) || answer_is(c, FT_ANSWER_REFUSED));
}

/* Our QEMU is on its way out, and there is a peer that will go on: first we see it do so, for so long as that may take. */
static bool giving_way(const struct ft_core *c)
{
	bool yielded = c->phase == FT_PHASE_YIELDED && !ft_due(c, c->phase_since + FT_LANDS_NS);
	bool by_host = c->ending == FT_ENDING_HOST && (can_give_way(c) || yielded);
	return ft_peer_heard(c) && (by_host || c->guest_ended || tells_of_death(c));
}

/* The disk has refused the newest success, or has not answered about it. */
static bool success_unwritten(const struct ft_core *c)
{
	return ft_record_owes_success(&c->record);
}

static bool leaves_at_rest(const struct ft_core *c)
{
	return c->leave != FT_LEAVE_NOT && !ft_core_exits(c) && !ft_record_busy(&c->record);
}

/* The next ftd may not know of it: first it is tried once more, at once, and for as long as any outcome waits for the disk. */
static bool leaves_unwritten(const struct ft_core *c)
{
	return leaves_at_rest(c) && success_unwritten(c) && c->write_until == FT_NEVER;
}

static bool writes_before_leaving(const struct ft_core *c)
{
	return success_unwritten(c) && !ft_due(c, c->write_until);
}

/* A bound secondary says goodbye only once its claim is given up on disk (ft_release_due); one that cannot write, or whose
 * peer is not heard, leaves without a word, and its peer takes it for lost. */
static bool may_say_goodbye(const struct ft_core *c)
{
	bool waits = bound_secondary(c) && !c->store_fault[0] && ft_peer_heard(c);
	return leaves_at_rest(c) && !ft_has_left(c) && !writes_before_leaving(c) && !waits && !giving_way(c);
}

/* A bound primary waits until its peer has given up its claim; in vain, the sentinel stays on guard. */
static bool may_exit(const struct ft_core *c)
{
	bool waiting = ft_session_current(c) && c->session.role == FT_ROLE_PRIMARY && !ft_due(c, c->leave_until);
	return ft_has_left(c) && leaves_at_rest(c) && !writes_before_leaving(c) && !waiting && !c->storing;
}

static bool has_exited(const struct ft_core *c)
{
	return ft_core_exits(c);
}

static bool outcome_written(const struct ft_core *c)
{
	const struct ft_record *r = &c->record;
	return r->state == FT_RECORD_ANSWERED || (r->state == FT_RECORD_WRITING && ft_due(c, r->until));
}

static bool started(const struct ft_core *c)
{
	bool known = (c->qemu.connected && c->hearing != FT_PEER_NEVER);
	return known || ft_due(c, c->phase_since + FT_STARTING_NS);
}

/* Only a side that was in this COLO pair is ended by the peer's going solo: a primary always was; a secondary may be
 * a new one that the solo side has just taken in, unless it was bound. */
static bool pair_is_over(const struct ft_core *c)
{
	return peer_proven(c) && in_colo(c) && (is_primary(c) || c->bound);
}

/* Without an arbiter a pair is bound though nobody knows which process QEMU is: what could be frozen and ended then is who
 * listens in its place. */
static bool is_nowhere_to_be_frozen(const struct ft_core *c)
{
	return !c->params.arbitrated && !c->qemu.pid_verified;
}

static bool ended_by_peer(const struct ft_core *c)
{
	return pair_is_over(c) && !is_nowhere_to_be_frozen(c) && ft_due(c, c->freeze_again_at);
}

static bool ended_by_peer_in_vain(const struct ft_core *c)
{
	return pair_is_over(c) && is_nowhere_to_be_frozen(c) && !(is_primary(c) && c->left_the_pair);
}

static bool asked_to_yield(const struct ft_core *c)
{
	const struct ft_side *p = &c->peer.side;
	bool answered = c->self.answer != FT_ANSWER_NONE && c->self.answer_id == p->request_id;
	return ft_peer_heard(c) && p->request == FT_REQUEST_YIELD && !answered;
}

/* The session is over, and there is none after it that could be yielded: neither the plan nor the new pair is through. */
static bool asked_of_winner(const struct ft_core *c)
{
	return asked_to_yield(c) && ft_session_won(c);
}

static bool asked_with_nothing_running(const struct ft_core *c)
{
	return asked_to_yield(c) && no_vm_here(c);
}

/* The answer to a peer that asks gives our right away, too: once that is on disk. */
static bool death_unwritten(const struct ft_core *c)
{
	return c->qemu.vm == FT_VM_GONE && ft_session_open(c);
}

static bool asked_before_the_death_is_written(const struct ft_core *c)
{
	return asked_to_yield(c) && death_unwritten(c);
}

/* A QEMU that is being ended may run until it has. */
static bool asked_and_out(const struct ft_core *c)
{
	bool given_up = c->frozen && !ft_resignation_unproven(c);
	return asked_to_yield(c) && (no_vm_here(c) || given_up) && !ft_session_open(c);
}

/* It found that out as it asked: it could not go on. */
static bool asked_by_the_sick(const struct ft_core *c)
{
	return asked_to_yield(c) && c->peer.side.sick && vm_here(c);
}

static bool asked_but_cannot(const struct ft_core *c)
{
	return asked_to_yield(c) && !can_freeze(c);
}

static bool asked_and_unwritten(const struct ft_core *c)
{
	return asked_to_yield(c) && ft_yield_write_due(c);
}

/* A disk that refuses, or hangs, keeps no answer back for longer than the peer waits: our QEMU stands still all the same, nobody
 * thaws one whose story is not known, and it is tried again for as long as it stands. */
static int64_t written_until(const struct ft_core *c)
{
	return c->peer_at + FT_RETRY_NS;
}

static bool asked_and_being_written(const struct ft_core *c)
{
	return asked_to_yield(c) && ft_yield_unwritten(c) && c->storing && !ft_due(c, written_until(c));
}

static bool yield_is_over(const struct ft_core *c)
{
	return ft_yield_is_over(c) && !asked_to_yield(c);
}

/* It was started anew: there is no copy of its guest. */
static bool never_in_colo(const struct ft_core *c)
{
	return vm_here(c) && c->qemu.connected && c->qemu.role == FT_ROLE_NONE && c->qemu.last_role == FT_ROLE_NONE;
}

/* It was booted here, or is about to be: what the peer has is of the time before. */
static bool asked_for_a_new_guest(const struct ft_core *c)
{
	bool booted = never_in_colo(c) && !c->qemu.incoming;
	return asked_to_yield(c) && c->params.arbitrated && (booted || ft_start_announced(c));
}

/* Both sides forced at once: the primary's word goes first, or neither would ever answer. */
static bool asked_by_primary(const struct ft_core *c)
{
	return asked_to_yield(c) && c->role == FT_ROLE_SECONDARY;
}

/* Who yields gives up its claim on disk before it says so: a restart must not take it back. */
static bool frozen(const struct ft_core *c)
{
	return c->frozen && !ft_session_open(c);
}

static bool frozen_but_bound(const struct ft_core *c)
{
	return c->frozen && ft_resign_wanted(c);
}

/* No disk is waited for, and nothing is thawed. */
static bool peer_has_it(const struct ft_core *c)
{
	return c->params.arbitrated && peer_proven(c);
}

static bool frozen_and_over(const struct ft_core *c)
{
	return c->frozen && peer_has_it(c);
}

static bool unfrozen_and_over(const struct ft_core *c)
{
	return !c->frozen && ft_due(c, c->freeze_until) && peer_has_it(c);
}

static bool may_freeze_again(const struct ft_core *c)
{
	return !c->frozen && ft_due(c, c->freeze_until) && ft_due(c, c->freeze_again_at);
}

/* It is to stand still, and not to be thawed again; nor to be ended yet. */
static bool unfrozen_and_lost(const struct ft_core *c)
{
	return ft_session_lost(c) && may_freeze_again(c);
}

/* Whose host our own fence is switching off, or has, runs no guest whatever stands there: then ours is not ended for it. */
static bool lost_and_verdict_stands(const struct ft_core *c)
{
	return !c->ousting && !c->ousted && c->frozen && ft_session_lost(c) && c->verdict == FT_VERDICT_STANDS &&
	       c->session.title != FT_TITLE_RETURNED;
}

static const char ousted_in_vain[] = "the winner's guest ran, by the verdict, and our fence has powered its host off: "
                                     "start the VM there; our older copy stays frozen";

/* Its name landed between our last look and our own. */
static bool is_ousted_in_vain(const struct ft_core *c)
{
	return c->ousted && ft_session_lost(c) && c->verdict == FT_VERDICT_STANDS;
}

static bool ousted_in_vain_unsaid(const struct ft_core *c)
{
	return is_ousted_in_vain(c) && strcmp(c->reason, ousted_in_vain) != 0;
}

/* Its resignation was stored although the disk had said that it was not, and the next ftd finds it so. */
static bool resigned_but_runs(const struct ft_core *c)
{
	bool in_it = c->session.stage == FT_SESSION_RESIGNED && c->session.instance == c->qemu.instance;
	return in_it && !c->frozen && in_colo(c) && can_freeze(c);
}

static bool ends_past_right(const struct ft_core *c)
{
	return by_the_host(c) && ft_session_current(c) && ft_lease_over(c);
}

static bool ends_unfrozen(const struct ft_core *c)
{
	return ends_past_right(c) && may_freeze_again(c);
}

/* What has no right any more is stopped again and again instead. */
static bool freeze_failed(const struct ft_core *c)
{
	return ft_due(c, c->freeze_until) && !c->storing && !ft_session_lost(c) && !resigned_but_runs(c) &&
	       !ends_past_right(c);
}

static bool freeze_failed_past_right(const struct ft_core *c)
{
	return freeze_failed(c) && ft_lease_over(c);
}

static bool resigned_unfrozen(const struct ft_core *c)
{
	return resigned_but_runs(c) && !c->storing && may_freeze_again(c);
}

/* It was said, and one that stands still says nothing else since. */
static bool has_left_colo(const struct ft_core *c)
{
	return vm_here(c) && c->qemu.role == FT_ROLE_NONE && c->qemu.last_role != FT_ROLE_NONE;
}

/* The peer had won, and its QEMU is certainly ended: by its word, or by the verdict. */
static bool given_back(const struct ft_core *c)
{
	bool copy = in_colo(c) || has_left_colo(c);
	return ft_given_back(c) && copy && c->session.instance == c->qemu.instance && !c->arbiter_busy;
}

/* The other side has a QEMU that is not known to stand still for good: a person had vouched for it, wrongly. */
static bool winner_may_run(const struct ft_core *c)
{
	bool returned = memcmp(c->peer_returned, c->session.id, sizeof c->peer_returned) == 0;
	bool may = peer_vm_is(c, FT_VM_ALIVE) || peer_vm_is(c, FT_VM_UNKNOWN) ||
	           (ft_peer_heard(c) && c->peer.side.guest); /* ... or starts the VM anew */
	return c->taken && may && !returned;
}

static bool regained(const struct ft_core *c)
{
	bool ousts = c->oust_owed && !ft_peer_heard(c);
	return ft_session_won(c) && c->frozen && !winner_may_run(c) && !ousts;
}

/* An earlier ftd had regained it, and died before that was on disk. */
static bool regained_and_over(const struct ft_core *c)
{
	return regained(c) && has_left_colo(c);
}

/* Its guest was started anew, by its win of a session that is no earlier than ours; where we never had that, no register of ours
 * tells. */
static bool peer_began_anew(const struct ft_core *c)
{
	return ft_peer_heard(c) && c->peer.side.proven && c->peer.side.epoch >= c->session.epoch;
}

static bool proven_and_over(const struct ft_core *c)
{
	return (peer_proven(c) || peer_began_anew(c)) && !c->taking && !ft_session_won(c);
}

/* No copy of ours is left: then at least the right to start anew is known to be here. */
static bool given_back_to_nobody(const struct ft_core *c)
{
	return ft_given_back(c) && (no_vm_here(c) || (vm_here(c) && c->session.instance != c->qemu.instance));
}

/* We have won, and our QEMU could not be made to run the guest; the peer's copy stands frozen and waits.  Not by a win that an earlier
 * ftd made, of a QEMU that has said nothing since: its guest may have run. */
static bool failed_for_good(const struct ft_core *c)
{
	bool won = ft_session_won(c) && ft_may_return(c) && ft_stayed_in_pair(c);
	return won && in_colo(c) && can_freeze(c) && peer_vm_is(c, FT_VM_YIELDED) && !ft_record_busy(&c->record) &&
	       ft_due(c, c->phase_since + FT_GIVE_BACK_NS) && ft_due(c, c->freeze_again_at);
}

/* On its way to disk.  One that says it did not take it may have: then ours must not go on, either. */
static bool giving_back(const struct ft_core *c)
{
	return c->frozen && ft_session_won(c) && ft_may_return(c);
}

/* The register names us, and by our disk alone we gave way: nothing was given by that, and who may have run alone since is our copy.
 * (Where it is known to have stayed, the session is given back.) */
static bool won_by_the_register(const struct ft_core *c)
{
	return c->given_away && !c->session.stayed && ft_resignation_unproven(c);
}

/* Both froze for each other (each found its QEMU hung): the primary's guest is the one to go on, but for a QEMU that is on its
 * way out, and a disk that is bad. */
static bool peer_yielded_too(const struct ft_core *c)
{
	const struct ft_side *p = &c->peer.side;
	bool worse = has_the_worse_disk(c), better = !c->disk_bad && p->disk_bad;
	/* One that has left COLO, and one that stands still since before we came, are what the session says that they were. */
	bool led = c->role == FT_ROLE_PRIMARY || (c->role == FT_ROLE_NONE && c->session.role == FT_ROLE_PRIMARY);
	bool ours = c->ending == FT_ENDING_NOT && (p->ending || better || (led && !worse) || won_by_the_register(c));
	bool idle = p->request == FT_REQUEST_NONE;
	return peer_vm_is(c, FT_VM_YIELDED) && idle && ours && !ft_session_lost(c);
}

/* Who is only absent may have run the guest alone: no old copy is woken then but by a person. */
static bool peer_died_in_pair(const struct ft_core *c)
{
	bool in_pair = peer_vm_is(c, FT_VM_GONE) && !c->peer.side.leaving && ft_session_matches(c);
	return in_pair && !ft_session_lost(c) && !is_ending(c);
}

static bool peer_lost_or_absent(const struct ft_core *c)
{
	return peer_lost(c) || peer_vm_is(c, FT_VM_ABSENT);
}

static bool peer_does_not_want_it(const struct ft_core *c)
{
	const struct ft_side *p = &c->peer.side;
	int64_t since = c->phase_since > c->peer_at ? c->phase_since : c->peer_at;
	bool calm =
	    p->state == FT_UNPROTECTED || p->state == FT_ARMING || p->state == FT_PROTECTED || p->state == FT_SUSPECT;
	/* Under a session it may have taken over by our word. */
	bool unbound = !ft_session_unended(c) || c->session.stage == FT_SESSION_RELEASED;
	return unbound && !ft_session_lost(c) && ft_peer_heard(c) && calm && p->request == FT_REQUEST_NONE &&
	       p->role == opposite(c->role) && ft_due(c, since + FT_WORD_NS);
}

/* It has won, or our word, and goes on with neither; that it has failed it says itself. */
static int64_t idles_from(const struct ft_core *c)
{
	return (c->phase_since > c->peer_at ? c->phase_since : c->peer_at) + FT_GIVE_BACK_NS;
}

static void idling(const struct ft_core *c, char out[FT_TEXT_MAX])
{
	snprintf(out, FT_TEXT_MAX,
	         "frozen for peer %.50s, whose QEMU is not seen to run the guest; if it never will: end that QEMU, and "
	         "then here: ftctl failover --confirm-fenced",
	         c->session.peer);
}

static bool peer_idles(const struct ft_core *c)
{
	char text[FT_TEXT_MAX];
	enum ft_state s = c->peer.side.state;
	bool idle = s == FT_UNPROTECTED || s == FT_ARMING;
	bool ours = ft_session_lost(c) || c->session.stage == FT_SESSION_RESIGNED;
	idling(c, text);
	return c->params.arbitrated && ours && idle && peer_vm_is(c, FT_VM_ALIVE) && ft_due(c, idles_from(c)) &&
	       strcmp(text, c->reason) != 0;
}

static bool peer_failed(const struct ft_core *c)
{
	return ft_peer_heard(c) && c->peer.side.state == FT_FAILED && !c->said_failed;
}

static bool is_forced(const struct ft_core *c)
{
	return c->forced != FT_CAUSE_NONE;
}

/* Its death is on its way to disk, so its word does not give us the right yet; the register may, and sooner.  One in doubt
 * may stand there itself: then only the word helps. */
static bool peer_vm_dying(const struct ft_core *c)
{
	const struct ft_side *p = &c->peer.side;
	bool ours = ft_session_current(c) && ft_session_shared(c);
	return c->params.registers && ours && p->dying && !p->doubtful && !p->leaving && in_colo(c);
}

/* What may yet be dropped for the peer's word, as if it had not been begun, takes no order in: that waits a moment. */
static bool forced_meanwhile(const struct ft_core *c)
{
	return is_forced(c) && !(c->phase == FT_PHASE_CLAIMING && peer_vm_dying(c));
}

static bool forced_in_vain(const struct ft_core *c)
{
	return is_forced(c) && !ft_record_busy(&c->record) && (!in_colo(c) || is_ending(c));
}

static bool forced_at_live_peer(const struct ft_core *c)
{
	return is_forced(c) && !ft_record_busy(&c->record) && ft_peer_heard(c) &&
	       (!peer_vm_out(c) || c->peer.side.guest);
}

/* Who is to yield ends what may be the only guest that can run: ours must be able to go on, as far as can be told. */
static bool forced_with_live_peer(const struct ft_core *c)
{
	return forced_at_live_peer(c) && (c->frozen || answers_in_band(c));
}

static bool forced_but_sick(const struct ft_core *c)
{
	bool unsaid = !c->qemu.connected && !c->role_said && !c->frozen; /* ... nor has it answered this ftd yet */
	return forced_at_live_peer(c) && (is_sick(c) || unsaid);
}

/* On disk before it is claimed, or a crash would leave a claim that nobody knows of. */
static bool is_binding(const struct ft_core *c)
{
	return c->storing && c->store_next.stage == FT_SESSION_BOUND;
}

static bool forced_in_the_peers_session(const struct ft_core *c)
{
	return is_forced(c) && !ft_record_busy(&c->record) && ft_session_peers_to_claim(c);
}

static bool forced_in_the_peers_session_unstored(const struct ft_core *c)
{
	return is_forced(c) && !ft_record_busy(&c->record) && ft_session_peers_unstorable(c);
}

/* An order does not shorten the primary's lease: what we acknowledged last, or our predecessor, must be over. */
static bool forced_alone(const struct ft_core *c)
{
	bool holds_none = !ft_session_current(c) && !ft_win_pending(c);
	return is_forced(c) && !ft_record_busy(&c->record) && !is_binding(c) && !forced_at_live_peer(c) &&
	       (holds_none || peer_lost(c) || peer_vm_out(c));
}

/* Its ftd was stopped, or came to no session with ours yet, and its QEMU runs without a lease: no claim makes that stand still.
 * Whoever knows better says so.  (Where no checkpoint was seen yet, that lasts as long as the first may take.) */
static bool runs_unheard(const struct ft_core *c)
{
	bool unleased = c->params.arbitrated && !ft_session_current(c);
	bool replicates =
	    c->qemu.role == FT_ROLE_SECONDARY && in_colo(c) && !broken(c) && !ft_due(c, checkpoint_due(c));
	return unleased && replicates && !ft_peer_heard(c) && !c->forced_confirmed;
}

static bool forced_beside_replication(const struct ft_core *c)
{
	return is_forced(c) && !ft_record_busy(&c->record) && runs_unheard(c);
}

static bool unheard_beside_replication(const struct ft_core *c)
{
	return peer_lost(c) && runs_unheard(c);
}

/* The other side has won: more than an order is needed, and what the verdict says. */
static bool forced_and_lost(const struct ft_core *c)
{
	return is_forced(c) && !ft_record_busy(&c->record) && in_colo(c) && ft_session_lost(c);
}

static bool vouched_for_the_winner(const struct ft_core *c)
{
	bool never = c->hearing == FT_PEER_NEVER && ft_due(c, ft_session_granted_until(c));
	bool silent = c->hearing == FT_PEER_LOST && peer_lost(c);
	bool out = peer_vm_out(c) && !c->peer.side.guest; /* nor is it starting the guest anew */
	return forced_and_lost(c) && c->forced_confirmed && (never || silent || out);
}

static bool vouched_and_askable(const struct ft_core *c)
{
	bool unasked = c->verdict == FT_VERDICT_UNKNOWN;
	return vouched_for_the_winner(c) && c->params.registers && unasked && !c->arbiter_busy;
}

static bool vouched_and_asked(const struct ft_core *c)
{
	return vouched_for_the_winner(c) && c->params.registers && c->arbiter_busy;
}

static bool vouched_and_unaskable(const struct ft_core *c)
{
	bool unaskable = !c->params.registers || c->verdict == FT_VERDICT_UNREACHABLE;
	return vouched_for_the_winner(c) && unaskable;
}

static bool forced_too_late(const struct ft_core *c)
{
	return is_forced(c) && !ft_record_busy(&c->record);
}

/* Replication broke because the peer died: what we then learn is the better cause. */
static bool unasked(const struct ft_core *c)
{
	return c->outcome.cause == FT_CAUSE_REPLICATION_BROKEN;
}

static bool unasked_and_gone(const struct ft_core *c)
{
	return unasked(c) && peer_vm_out(c);
}

static bool claim_of_dying_due(const struct ft_core *c)
{
	return peer_vm_dying(c) && ft_can_ask_arbiter(c);
}

static bool unasked_and_dying(const struct ft_core *c)
{
	return unasked(c) && claim_of_dying_due(c);
}

static bool unasked_and_lost(const struct ft_core *c)
{
	return unasked(c) && peer_lost(c);
}

/* Of a session that nobody may claim, or of none, the peer's word was all that could give us the right. */
static bool unasked_and_lost_unbound(const struct ft_core *c)
{
	bool claimable = ft_session_current(c) || c->session.stage == FT_SESSION_RESIGNED;
	return unasked_and_lost(c) && c->params.arbitrated && !claimable && !ft_session_won(c);
}

static bool peer_is_out(const struct ft_core *c)
{
	return answer_is(c, FT_ANSWER_YIELDED) || (peer_vm_out(c) && !c->peer.side.guest);
}

/* It was in another session, or may have ended ours and run the guest since: the register decides. */
static bool peer_is_out_elsewhere(const struct ft_core *c)
{
	bool unsure = !ft_session_shared(c) || peer_vm_is(c, FT_VM_ABSENT);
	bool ours = ft_session_unended(c) && c->session.instance == c->qemu.instance;
	return peer_is_out(c) && ours && unsure;
}

/* By which the VM may be started there, or go on: as forced_in_the_peers_session. */
static bool goes_on_without_the_peer(const struct ft_core *c)
{
	return peer_is_out(c) || (peer_lost(c) && !runs_unheard(c));
}

static bool asked_in_the_peers_session(const struct ft_core *c)
{
	return ft_session_peers_to_claim(c) && goes_on_without_the_peer(c);
}

static bool asked_in_the_peers_session_unstored(const struct ft_core *c)
{
	return ft_session_peers_unstorable(c) && goes_on_without_the_peer(c);
}

static bool ask_refused(const struct ft_core *c)
{
	return answer_is(c, FT_ANSWER_REFUSED);
}

static bool ask_overdue(const struct ft_core *c)
{
	return ft_due(c, c->ask_until);
}

/* The right was given by the peer's word, and the register tells of a later one. */
static bool plan_over_but_lost(const struct ft_core *c)
{
	return !c->plan_running && !c->arbiter_busy && ft_session_lost(c);
}

static bool plan_ok(const struct ft_core *c)
{
	bool claiming = c->arbiter_busy && c->errand != FT_ERRAND_READ;
	return !c->plan_running && c->outcome.plan.ok && !claiming; /* the claim is in the record, too */
}

static bool plan_hopeless(const struct ft_core *c)
{
	return !c->plan_running && !c->outcome.plan.ok && (c->tries >= FT_PLAN_TRIES || no_vm_here(c));
}

static bool plan_retry_due(const struct ft_core *c)
{
	return !c->plan_running && !c->outcome.plan.ok && ft_due(c, c->retry_at);
}

static bool plan_due(const struct ft_core *c)
{
	return plan_retry_due(c) && !ft_stayed_may_stand(c);
}

/* For ever no failover waits for a disk: what our next ftd finds there it does not say before it has asked the verdict. */
static bool plan_overdue(const struct ft_core *c)
{
	return plan_retry_due(c) && ft_due(c, c->phase_since + FT_RECORD_NS);
}

/* QEMU itself says that it has left COLO in a failover: by hand, or under a predecessor of this ftd. */
static bool left_colo(const struct ft_core *c)
{
	return vm_here(c) && c->qemu.connected && c->qemu.role == FT_ROLE_NONE && c->qemu.last_role != FT_ROLE_NONE;
}

static bool already_over(const struct ft_core *c)
{
	return !ft_session_unended(c) && !ft_session_lost(c) && left_colo(c);
}

/* We have won, and the guest runs here by that; but no success of the session was ever handed to the disk.  While the arbiter
 * is asked, whether it names us is about to be known; and a success that the disk has not taken yet is not forgotten for this one. */
static bool outcome_owed(const struct ft_core *c)
{
	return ft_session_won(c) && left_colo(c) && !ft_record_knows(&c->record, c->session.id) &&
	       !success_unwritten(c) && !ft_record_busy(&c->record) && !c->arbiter_busy;
}

static bool repeat_due(const struct ft_core *c)
{
	return ft_record_may_repeat(&c->record) && ft_due(c, c->record.again_at);
}

/* ... but no register is known to have given it the right. */
static bool over_but_unsettled(const struct ft_core *c)
{
	return ft_session_unended(c) && left_colo(c) && can_freeze(c);
}

static bool replaced(const struct ft_core *c)
{
	return vm_here(c) && c->qemu.instance != c->gone_instance;
}

/* It stood still for the peer, and is dead; and the session is ours after all: given back, named by the verdict, or won to start the
 * VM anew.  Of a QEMU of a later pair, which the peer has the guest of, that says nothing. */
static bool may_start_anew(const struct ft_core *c)
{
	return no_vm_here(c) && ft_session_ended_by_us(c) && c->session.instance == c->seen_instance;
}

static bool killed_but_alive(const struct ft_core *c)
{
	bool alive = c->qemu.vm == FT_VM_ALIVE && c->qemu.instance == c->gone_instance;
	return alive && ft_due(c, c->kill_again_at);
}

static bool unbound(const struct ft_core *c)
{
	return !c->bound || !in_colo(c);
}

static bool peer_leaves(const struct ft_core *c)
{
	return c->peer.side.leaving && !ft_session_current(c);
}

static bool peer_vm_dead(const struct ft_core *c)
{
	bool ours = !c->params.arbitrated || (ft_session_current(c) && ft_session_matches(c));
	return peer_vm_is(c, FT_VM_GONE) && in_colo(c) && !c->peer.side.leaving && ours;
}

static bool peer_yielded(const struct ft_core *c)
{
	return peer_vm_is(c, FT_VM_YIELDED);
}

/* It yields in a session that was released, or its QEMU has died in it: its word is all that is needed, and it names the
 * session. */
static bool out_unbound(const struct ft_core *c, enum ft_vm how)
{
	return peer_vm_is(c, how) && c->session.stage == FT_SESSION_RELEASED && ft_session_shared(c) && in_colo(c) &&
	       c->session.instance == c->qemu.instance && c->role_said && !c->peer.side.leaving;
}

static bool yielded_unbound(const struct ft_core *c)
{
	return out_unbound(c, FT_VM_YIELDED);
}

static bool gone_unbound(const struct ft_core *c)
{
	return out_unbound(c, FT_VM_GONE);
}

static bool sick_with_able_peer(const struct ft_core *c)
{
	return is_sick(c) && peer_vm_is(c, FT_VM_ALIVE) && !c->peer.side.sick && !c->peer.side.ending &&
	       can_freeze(c) && ft_due(c, c->freeze_again_at);
}

static bool stuck(const struct ft_core *c)
{
	return is_primary(c) && ft_due(c, checkpoint_due(c));
}

/* Our QEMU may wait for the peer, whose answer in a checkpoint does not come.  What leads there may be broken where replication
 * is over anyway: it is broken or overdue, or the peer finds itself no better, or a person has ordered its end. */
static bool yank_due(const struct ft_core *c)
{
	bool silent = c->silent_from != FT_NEVER && !c->frozen && !c->hung && c->yanked_at == FT_NEVER;
	bool over = broken(c) || ft_due(c, checkpoint_due(c)) || c->peer.side.sick;
	return silent && in_colo(c) && !is_ending(c) && ft_peer_heard(c) && (is_forced(c) || (c->bound && over));
}

/* A yank can fail, and the peer's side sees nothing of what is broken here in our mind alone: both would wait for ever. */
static bool yank_unproven(const struct ft_core *c)
{
	return answers_in_band(c) && c->qemu.connected && in_colo(c) && !is_ending(c) && ft_due(c, c->yank_again_at);
}

static bool sick_unsaid(const struct ft_core *c)
{
	bool both = c->peer.side.sick && ft_peer_heard(c);
	return c->sick && is_sick(c) && c->said_sick < (both ? FT_SICK_BOTH : FT_SICK_ALONE);
}

/* Of a primary also one that nobody saw break: its checkpoints are overdue, and the peer has no QEMU to take them. */
static bool broken_and_absent(const struct ft_core *c)
{
	bool can_ask = !c->params.arbitrated || (!c->arbiter_busy && ft_due(c, c->arbiter_again_at));
	bool out = peer_vm_is(c, FT_VM_ABSENT) || peer_vm_is(c, FT_VM_GONE);
	bool absent = peer_vm_is(c, FT_VM_ABSENT) && ft_session_matches(c);
	/* It was lost before it was bound, too: its word gives us nothing, and the register does. */
	bool unbound = out && !ft_session_matches(c) && c->only_proposed;
	return (broken(c) || stuck(c)) && (absent || unbound) && can_ask;
}

/* The old primary's host was started anew, without it: the register decides.  (A primary asks its peer to yield.) */
static bool primary_absent(const struct ft_core *c)
{
	return ft_session_current(c) && ft_session_shared(c) && c->session.role == FT_ROLE_SECONDARY &&
	       peer_vm_is(c, FT_VM_ABSENT) && c->peer.side.state == FT_UNPROTECTED && !c->arbiter_busy &&
	       ft_due(c, c->arbiter_again_at);
}

/* Our own QEMU's COLO_EXIT is asked for, not the peer's word: only a QEMU that lives can have said it.  A peer that is on its
 * way out needs not be asked. */
static bool broken_here_is_primary(const struct ft_core *c)
{
	return (broken(c) || stuck(c)) && is_primary(c) && answers_in_band(c) && peer_vm_is(c, FT_VM_ALIVE) &&
	       !c->peer.side.ending && !has_the_worse_disk(c) && ft_due(c, c->ask_again_at);
}

/* The peer's QEMU is there but never was in COLO: a new one, started in the dead one's place. */
static bool broken_and_primary_replaced(const struct ft_core *c)
{
	return broken(c) && !is_primary(c) && answers_in_band(c) && peer_vm_is(c, FT_VM_ALIVE) &&
	       c->peer.side.role == FT_ROLE_NONE && c->peer.side.state == FT_UNPROTECTED &&
	       ft_due(c, c->broken_at + FT_WORD_NS) && ft_due(c, c->ask_again_at);
}

static bool peer_says_broken(const struct ft_core *c)
{
	bool says = ft_peer_heard(c) && (c->peer.side.repl_broken || c->peer.side.vm == FT_VM_ABSENT);
	return says && is_primary(c) && !broken(c) && ft_due(c, c->probe_again_at);
}

static bool lost_but_alive(const struct ft_core *c)
{
	return peer_lost(c) && !ft_due(c, signs_of_life_until(c));
}

static bool lost_but_alive_unprobed(const struct ft_core *c)
{
	return lost_but_alive(c) && is_primary(c) && c->qemu.connected && !c->silence_probed;
}

static bool broken_and_waiting(const struct ft_core *c)
{
	return broken(c) && ft_peer_heard(c) && !ft_due(c, c->broken_at + FT_WORD_NS);
}

/* A side that is blocked takes nothing over before it answers: then it claims, if nobody has before. */
static bool lost_and_able(const struct ft_core *c)
{
	return peer_lost(c) && !(c->sick && is_sick(c));
}

static bool quiet(const struct ft_core *c)
{
	return c->hearing == FT_PEER_QUIET;
}

static bool all_well(const struct ft_core *c)
{
	return c->hearing == FT_PEER_ALIVE && c->self.ready && c->peer.side.ready && can_arm(c) &&
	       ft_session_settled(c) && ft_sharing_good(c);
}

static bool not_well(const struct ft_core *c)
{
	return c->hearing == FT_PEER_ALIVE && !all_well(c);
}

/* Nobody takes over for a side that keeps to other rules.  (With a session, that is released first.) */
static bool unshared(const struct ft_core *c)
{
	return ft_sharing_differs(c) && ft_peer_heard(c) && !ft_session_open(c);
}

static bool cannot_arm(const struct ft_core *c)
{
	return !can_arm(c);
}

/* QEMU does not tell of a break that was before we came; the peer's does, and our probes go unanswered. */
static bool broken_before_we_came(const struct ft_core *c)
{
	return c->peer.side.repl_broken && c->checkpoint_at == FT_NEVER && ft_due(c, c->phase_since + FT_WORD_NS);
}

/* Nor does anybody, if both ftd came after it.  Replication that was proven once, and does not answer now, is broken; a
 * pair that is new may take its time. */
static bool stuck_since_we_came(const struct ft_core *c)
{
	bool proven_once =
	    c->session.stage == FT_SESSION_BOUND || c->session.stage == FT_SESSION_RELEASED || c->forgot || c->undone;
	return c->phase == FT_PHASE_ARMING && proven_once && stuck(c);
}

/* Nor where the other half has died since: its ftd sees no QEMU, and no checkpoint completes. */
static bool half_a_pair_since_we_came(const struct ft_core *c)
{
	bool none = peer_vm_is(c, FT_VM_GONE) || peer_vm_is(c, FT_VM_ABSENT);
	return c->phase == FT_PHASE_UNPROTECTED && none && stuck(c);
}

static bool could_fail_over(const struct ft_core *c)
{
	return in_colo(c) && c->qemu.connected && c->qemu.plan_ready && !c->hung && !c->frozen && !is_ending(c);
}

/* QEMU may have stopped the guest for a checkpoint that came to nothing: then only a failover lets it go on.  The peer's
 * QEMU does not run the guest, and its ftd gives up what right it may have before it says that it yields. */
static bool broken_unbound(const struct ft_core *c)
{
	const struct ft_side *p = &c->peer.side;
	bool in_pair = peer_vm_is(c, FT_VM_ALIVE) && p->role == FT_ROLE_SECONDARY;
	bool known = broken(c) || (c->phase == FT_PHASE_ARMING && broken_before_we_came(c)) || stuck_since_we_came(c) ||
	             half_a_pair_since_we_came(c);
	return is_primary(c) && could_fail_over(c) && ft_session_may_lead(c) && known && !p->leaving &&
	       (in_pair || peer_vm_is(c, FT_VM_GONE)) && ft_due(c, c->ask_again_at);
}

/* The last session was ended by us, and no new one was made: there is nobody to be asked, and nobody else may run it. */
static bool broken_and_alone(const struct ft_core *c)
{
	bool nobody = peer_lost(c) || peer_vm_is(c, FT_VM_ABSENT);
	bool known = broken(c) || half_a_pair_since_we_came(c);
	/* Or the guest was started anew here since, by that win. */
	bool anew = ft_session_ended_by_us(c) && !ft_win_pending(c) && c->session.yielded == 0 &&
	            c->session.instance != c->qemu.instance;
	return is_primary(c) && could_fail_over(c) && known && (ft_session_won(c) || anew) && nobody;
}

/* Both are ready, and yet no session comes about: a person must know what it hangs on. */
static bool can_arm_again(const struct ft_core *c)
{
	return can_arm(c) && !ft_session_unended(c);
}

static bool arming_hangs(const struct ft_core *c)
{
	const char *text = ft_session_missing(c);
	return text && ft_due(c, c->phase_since + FT_RETRY_NS) && strcmp(text, c->reason) != 0;
}

static bool checkpoint_wanted(const struct ft_core *c)
{
	bool peer_wants = ft_peer_heard(c) && c->peer.side.state == FT_ARMING && !c->peer.side.ready;
	return is_primary(c) && c->qemu.connected && (c->checkpoint_at == FT_NEVER || peer_wants) &&
	       ft_due(c, c->probe_again_at);
}

static bool reason_is_stale(const struct ft_core *c)
{
	char text[FT_TEXT_MAX];
	missing(c, text);
	return strcmp(text, c->reason) != 0;
}

static bool ending_news(const struct ft_core *c)
{
	return is_ending(c) && reason_is_stale(c);
}

static bool lost_but_alive_news(const struct ft_core *c)
{
	return lost_but_alive(c) && reason_is_stale(c);
}

/* Sessions, leases and claims (facts of them: sessions.c) */

static bool found_place(const struct ft_core *c)
{
	return ft_session_current(c) && c->qemu.connected && in_colo(c);
}

/* Under a session no QEMU is left alone, whatever it lacks. */
static bool bound_but_cannot_arm(const struct ft_core *c)
{
	return found_place(c) && !can_arm(c);
}

/* A primary may have been given a new secondary since, and that is not to be broken: it is asked whether the peer is in
 * the old session still, or gone. */
static bool won_and_able(const struct ft_core *c)
{
	bool out = peer_vm_is(c, FT_VM_GONE) || peer_vm_is(c, FT_VM_ABSENT) || peer_vm_is(c, FT_VM_YIELDED);
	bool silent = c->hearing == FT_PEER_LOST && peer_lost(c);
	bool nobody = c->hearing == FT_PEER_NEVER && ft_due(c, c->started_at + FT_STARTING_NS);
	bool old_peer = is_primary(c) && ft_session_shared(c);
	if (ft_win_pending(
	        c)) { /* what the peer has been granted must be over, and one that is quiet may be heard again */
		nobody = nobody && peer_lost(c);
		old_peer = old_peer && c->hearing == FT_PEER_ALIVE;
	} else {
		old_peer = old_peer || !is_primary(c);
	}
	/* Of a plan that was begun, what is left of COLO is doubted, and the guest waits for the rest of it. */
	return ft_session_won(c) && c->qemu.connected && (c->qemu.plan_ready || c->qemu.plan_doubted) && !c->frozen &&
	       (old_peer || out || silent || nobody);
}

static bool won_but_undone(const struct ft_core *c)
{
	return c->undone && won_and_able(c);
}

/* The peer's own word, and it holds still.  A silence is not enough: a person may have helped himself meanwhile. */
static bool right_is_given(const struct ft_core *c)
{
	bool ours = !c->params.arbitrated || (ft_session_current(c) && ft_session_shared(c));
	return ours && (peer_vm_is(c, FT_VM_GONE) || peer_vm_is(c, FT_VM_YIELDED));
}

/* The plan met a QEMU that was blocked, by a dead peer's connection perhaps.  It answers now, and nobody else may run
 * the guest.  Once for each time that it comes to answer, so that what cannot work is left to a person. */
static bool failed_but_able(const struct ft_core *c)
{
	bool able = could_fail_over(c) && (won_and_able(c) || right_is_given(c)) && !peer_solo(c);
	return c->retry_owed && able && ft_due(c, c->phase_since + ft_backoff(c->failures));
}

/* Found standing still: an earlier ftd froze it, or its sentinel.  However late it is seen; what we freeze ourselves has phases of
 * its own. */

static bool stands_still_here(const struct ft_core *c)
{
	return c->frozen && vm_here(c);
}

static bool found_frozen_primary(const struct ft_core *c)
{
	return stands_still_here(c) && ft_session_current(c) && is_primary(c);
}

/* We have won, and the title alone lets nobody go on; and a primary that is thawed runs its guest at once: beside a peer, it may be,
 * that has our right by an earlier word of ours. */
static bool wins_a_frozen_primary(const struct ft_core *c)
{
	return ft_session_won(c) && ft_win_pending(c) && c->session.role == FT_ROLE_PRIMARY;
}

/* It was cut off, and its guest is seen by nobody; or we have won, or nobody may claim: it may run. */
static bool found_frozen_in_vain(const struct ft_core *c)
{
	bool secondary = ft_session_current(c) && c->qemu.role == FT_ROLE_SECONDARY;
	bool released = c->session.stage == FT_SESSION_RELEASED && c->session.instance == c->qemu.instance;
	return stands_still_here(c) && (secondary || released || (ft_session_won(c) && !wins_a_frozen_primary(c)));
}

/* What it was granted must be over, and one that is quiet may be heard again: as in won_and_able. */
static bool found_frozen_unfenced(const struct ft_core *c)
{
	return stands_still_here(c) && wins_a_frozen_primary(c) && (c->hearing == FT_PEER_ALIVE || peer_lost(c));
}

static bool found_yielded(const struct ft_core *c)
{
	return stands_still_here(c) && ft_session_yielded(c);
}

static bool right_has_ended(const struct ft_core *c)
{
	return ft_lease_over(c) && in_colo(c) && can_freeze(c);
}

static bool right_is_back(const struct ft_core *c)
{
	return c->frozen && is_primary(c) && ft_session_current(c) && !ft_lease_over(c) && !c->arbiter_busy;
}

/* The peer's ftd is there, and it neither was bound nor ended anything: there was no session. */
static bool nothing_was_lost(const struct ft_core *c)
{
	static const uint8_t none[FT_SESSION_BYTES];
	const struct ft_side *p = &c->peer.side;
	bool no_session = memcmp(p->session, none, sizeof none) == 0 && p->epoch == 0;
	/* A QEMU that stands still has not said what it is; the peer's has. */
	bool ours_unknown = c->qemu.role == FT_ROLE_NONE;
	bool pair = ours_unknown ? p->role != FT_ROLE_NONE : p->role == opposite(c->qemu.role);
	/* It gave way to an earlier ftd of ours, before there was one. */
	bool gave_way = p->vm == FT_VM_YIELDED && (p->state == FT_FENCED || p->state == FT_HELD);
	bool waits = gave_way && p->role == FT_ROLE_SECONDARY && no_session;
	bool calm = ft_side_calm(p) && p->state != FT_STARTING && p->vm == FT_VM_ALIVE;
	return c->cannot_know && ft_peer_heard(c) && (calm || waits) && pair &&
	       (no_session || (ours_unknown && p->role == FT_ROLE_PRIMARY));
}

static bool frozen_not_knowing(const struct ft_core *c)
{
	return stands_still_here(c) && c->cannot_know;
}

/* The outcome is of a failover that has begun and not ended; otherwise it is done, or on its way to disk. */
static bool attempt_open(const struct ft_core *c)
{
	return c->record.state == FT_RECORD_OPEN;
}

/* There is no session, or none that anyone may claim: nothing is left to be frozen for. */
static bool known_again(const struct ft_core *c)
{
	bool none = c->session.stage == FT_SESSION_NONE || c->session.stage == FT_SESSION_RELEASED;
	return c->frozen && none && !c->cannot_know && !left_colo(c) && !attempt_open(c);
}

/* A blocked QEMU claims last: whoever can go on has the time to be first.  If nobody has, it is the last copy.  One that has only
 * stopped answering may be no better, where both hosts were starved: it lets the peer be first, or our right come back. */
static int64_t claim_from(const struct ft_core *c)
{
	/* One that has just come waits for its first acknowledgement; one whose clock stood still, for the peer's news. */
	int64_t granted = ft_session_granted_until(c), news = ft_news_until(c);
	int64_t from = granted > news ? granted : news;
	int64_t late = c->phase_since + (c->sick ? FT_SICK_NS : answers_in_band(c) ? 0 : peers_turn(c));
	return late > from ? late : from;
}

static bool may_claim(const struct ft_core *c)
{
	bool waited = ft_due(c, claim_from(c));
	return c->frozen && ft_session_unended(c) && waited && !c->arbiter_busy;
}

/* A person says that the other host is off, and it is silent. */
static bool vouched_for(const struct ft_core *c)
{
	bool ordered = c->outcome.cause == FT_CAUSE_SIGNAL || c->outcome.cause == FT_CAUSE_OPERATOR;
	return attempt_open(c) && ordered && c->forced_confirmed && !ft_peer_heard(c);
}

static bool win_counts(const struct ft_core *c)
{
	return ft_win_complete(c) || vouched_for(c);
}

/* A claim that had been given up has landed, and the register was read meanwhile. */
static bool found_won(const struct ft_core *c)
{
	return c->frozen && ft_session_won(c) && win_counts(c);
}

static bool found_unfenced(const struct ft_core *c)
{
	return c->frozen && ft_session_won(c) && !win_counts(c);
}

static bool fence_look_due(const struct ft_core *c)
{
	return c->claim == FT_CLAIM_WON && ft_fence_look_due(c) && !vouched_for(c);
}

static bool fence_due(const struct ft_core *c)
{
	return c->claim == FT_CLAIM_WON && ft_fence_due(c) && !vouched_for(c);
}

/* It has failed, or must not be used: the peer is heard, and has yet to say that it stands still. */
static bool win_is_held(const struct ft_core *c)
{
	return c->claim == FT_CLAIM_WON && !c->arbiter_busy && !c->fencing && !win_counts(c);
}

/* We had given up our right, and who has it is heard again, with a QEMU: it may be the one that runs the guest.  Where ours has
 * left COLO since, it has run alone, by a right that never reached the disk: the register decides, unless the peer goes on. */
static bool given_and_taken(const struct ft_core *c)
{
	const struct ft_side *p = &c->peer.side;
	bool there = p->vm == FT_VM_ALIVE || p->vm == FT_VM_UNKNOWN;
	bool goes_on = p->state == FT_FAILING_OVER || p->state == FT_SOLO;
	return c->session.stage == FT_SESSION_RESIGNED && c->frozen && ft_peer_heard(c) && there &&
	       (goes_on || !has_left_colo(c));
}

static bool claim_unsent(const struct ft_core *c)
{
	return c->claim == FT_CLAIM_NOT_NEEDED && !c->arbiter_busy && ft_session_unended(c) &&
	       ft_due(c, claims_from(c));
}

static bool claim_won(const struct ft_core *c)
{
	return c->claim == FT_CLAIM_WON && !c->arbiter_busy && win_counts(c);
}

/* A person answers for a peer that is silent, but this one speaks again since, and is bound by nothing: where it runs the guest, only what
 * it reads in the register stops it.  It is given the time for that. */
static bool order_meets_who_may_run(const struct ft_core *c)
{
	const struct ft_side *p = &c->peer.side;
	bool ordered = c->outcome.cause == FT_CAUSE_SIGNAL || c->outcome.cause == FT_CAUSE_OPERATOR;
	bool stands = p->state == FT_HELD || p->role == FT_ROLE_SECONDARY;
	bool may_run = (p->vm == FT_VM_ALIVE || p->vm == FT_VM_UNKNOWN) && !stands;
	return c->params.registers && !c->params.fenced && claim_won(c) && ordered && ft_peer_heard(c) &&
	       !ft_session_shared(c) && may_run && !ft_due(c, c->asked_arbiter_at + FT_ASK_NS);
}

static bool claim_won_afterwards(const struct ft_core *c)
{
	return claim_won(c) && left_colo(c);
}

/* It was of an earlier QEMU, so ours may stay. */
static bool claim_lost(const struct ft_core *c)
{
	return c->claim == FT_CLAIM_LOST && !c->arbiter_busy && !ft_session_lost(c);
}

static bool claim_unreachable(const struct ft_core *c)
{
	return c->claim == FT_CLAIM_UNREACHABLE && !c->arbiter_busy;
}

/* Its word is about to come, and our right has not ended. */
static bool unreachable_but_dying(const struct ft_core *c)
{
	return claim_unreachable(c) && peer_vm_dying(c) && !c->frozen && !ft_lease_over(c);
}

static bool forced_and_unreachable(const struct ft_core *c)
{
	/* A person vouches for a peer that is silent.  One that is heard can have won. */
	bool ordered = c->outcome.cause == FT_CAUSE_SIGNAL || c->outcome.cause == FT_CAUSE_OPERATOR;
	return claim_unreachable(c) && ordered && !ft_peer_heard(c);
}

static bool claim_again_due(const struct ft_core *c)
{
	return !ft_claim_proves_nothing(c) && ft_session_unended(c) && !c->cannot_know && !c->arbiter_busy &&
	       ft_due(c, c->arbiter_again_at);
}

/* A cut-off secondary goes back to its promise first; the primary's right can then be renewed.  Not one whose QEMU has left
 * COLO by a win that never reached its disk: that runs the guest as soon as it is thawed. */
static bool peer_is_back(const struct ft_core *c)
{
	enum ft_state s = c->peer.side.state;
	return c->frozen && !is_primary(c) && !left_colo(c) && ft_session_current(c) && ft_session_shared(c) &&
	       !c->arbiter_busy && s != FT_SOLO && s != FT_FAILING_OVER && s != FT_CLAIMING;
}

static bool forced_cut_off(const struct ft_core *c)
{
	return is_forced(c) && !c->arbiter_busy;
}

/* There is no register for our session, and the one that a person vouches for speaks. */
static bool forced_against_the_peers_word(const struct ft_core *c)
{
	bool claimable = ft_session_unended(c) && c->session.stage != FT_SESSION_RELEASED;
	return forced_cut_off(c) && !claimable && ft_peer_heard(c) && !peer_vm_out(c);
}

/* A failover that rests on nothing but a person's word for a silent peer, and has not come through yet: the peer speaks. */
static bool order_is_refuted(const struct ft_core *c)
{
	bool ordered = c->outcome.cause == FT_CAUSE_SIGNAL || c->outcome.cause == FT_CAUSE_OPERATOR;
	return plan_retry_due(c) && ordered && !ft_session_won(c) && peer_vm_is(c, FT_VM_ALIVE) &&
	       c->peer.side.role != FT_ROLE_NONE && c->qemu.connected;
}

/* ---- what is done ---- */

static void write_before_leaving(struct ft_core *c, struct ft_actions *out)
{
	(void)out;
	c->record.again_at = c->now;
	c->write_until = c->now + FT_RECORD_NS;
}

static void say_goodbye(struct ft_core *c, struct ft_actions *out)
{
	if (success_unwritten(c))
		ft_core_say(c, out, FT_LEVEL_ERROR,
		            "leaving, and the outcome of the newest failover is in this log alone");
	c->leave_until = c->now + 2 * c->params.window + FT_LEAVE_NS;
	if (!bound_secondary(c)) {
		c->leave = FT_LEAVE_SAID;
		return;
	}
	if (ft_peer_heard(c))
		ft_core_say(c, out, FT_LEVEL_ERROR,
		            "leaving without goodbye: the claim cannot be given up on disk (%.120s)", c->store_fault);
	else
		ft_core_say(
		    c, out, FT_LEVEL_WARN,
		    "leaving without goodbye: the peer is not heard; the session stands, and the next ftd here may "
		    "claim it");
	c->leave = FT_LEAVE_MUTE;
	ft_core_do(out, FT_DO_EXIT);
}

static void exit_now(struct ft_core *c, struct ft_actions *out)
{
	if (ft_core_lease(c) != FT_NEVER)
		ft_core_say(
		    c, out, FT_LEVEL_WARN,
		    "the peer has not answered our goodbye: the sentinel stays, and stops QEMU when the lease ends");
	c->leave = FT_LEAVE_OVER;
	ft_core_do(out, FT_DO_EXIT);
}

static void to_unprotected(struct ft_core *c, struct ft_actions *out)
{
	char text[FT_TEXT_MAX];
	c->bound = false;
	missing(c, text);
	ft_core_enter(c, out, FT_PHASE_UNPROTECTED, "%s", text);
}

static void to_watch(struct ft_core *c, struct ft_actions *out)
{
	char text[FT_TEXT_MAX];
	missing(c, text);
	ft_core_enter(c, out, FT_PHASE_WATCH, "%s", text);
}

static void to_yielded(struct ft_core *c, struct ft_actions *out)
{
	int64_t first_look = c->now + FT_RETRY_NS; /* the winner's word mostly comes sooner */
	c->verdict_again_at = first_look > c->verdict_again_at ? first_look : c->verdict_again_at;
	const char *peer = c->peer.node[0] ? c->peer.node : c->session.peer;
	ft_core_enter(c, out, FT_PHASE_YIELDED, "our QEMU is frozen; it ends once peer %.60s is seen to run the guest",
	              peer);
}

/* Where a side stands again that neither took over nor yielded; the table finds the exact place. */
static void to_rest(struct ft_core *c, struct ft_actions *out)
{
	if (c->frozen)
		to_yielded(c, out);
	else if (c->bound)
		to_watch(c, out);
	else
		to_unprotected(c, out);
}

static void to_arming(struct ft_core *c, struct ft_actions *out)
{
	c->probe_again_at = c->now;
	c->n_evidence = 0;
	ft_core_enter(c, out, FT_PHASE_ARMING, "peer %s heard, our QEMU is the %s", c->peer.node,
	              ft_role_name(c->qemu.role));
}

static void to_arming_in_vain(struct ft_core *c, struct ft_actions *out)
{
	ft_core_enter(c, out, FT_PHASE_ARMING, "%s", ft_session_missing(c));
}

static void to_protected(struct ft_core *c, struct ft_actions *out)
{
	c->bound = true;
	c->n_evidence = 0;
	c->said_failed = c->left_the_pair = false;
	ft_core_enter(c, out, FT_PHASE_PROTECTED, "%s with peer %s: replication proven on both sides",
	              ft_role_name(c->qemu.role), c->peer.node);
}

static void probe(struct ft_core *c, struct ft_actions *out)
{
	c->probed_at = c->now;
	c->probe_again_at = c->now + FT_RETRY_NS;
	ft_core_do(out, FT_DO_PROBE);
}

static void to_suspect_quiet(struct ft_core *c, struct ft_actions *out)
{
	ft_core_enter(c, out, FT_PHASE_SUSPECT, "nothing heard from peer %s for %.0f ms", c->peer.node,
	              (double)(c->now - c->heard_at) / 1e6);
	/* Without an arbiter a checkpoint is all that tells cut links from a dead host before the time is over. */
	if (!c->params.arbitrated && is_primary(c) && c->qemu.connected)
		probe(c, out);
}

static void to_suspect_broken(struct ft_core *c, struct ft_actions *out)
{
	ft_core_enter(c, out, FT_PHASE_SUSPECT, "replication broke; waiting for peer %s's word", c->peer.node);
}

static void to_solo_as_found(struct ft_core *c, struct ft_actions *out)
{
	c->bound = false;
	ft_core_enter(c, out, FT_PHASE_SOLO, "QEMU has already failed over (its last COLO mode was %s)",
	              ft_role_name(c->qemu.last_role));
}

/* What we have is an old copy from here on, that nobody here can end. */
static void leave_the_pair(struct ft_core *c, struct ft_actions *out)
{
	c->left_the_pair = true;
	to_unprotected(c, out);
}

static void yank(struct ft_core *c, struct ft_actions *out)
{
	double ms = (double)(c->now - c->silent_from) / 1e6;
	c->yanked_at = c->now;
	if (!broken(c)) {
		c->broken_at = c->now; /* on purpose */
		c->yank_again_at = c->now + FT_RETRY_NS;
		ft_core_note(c, c->now,
		             "QEMU has answered nothing in band for %.0f ms: replication is broken on purpose", ms);
	}
	ft_core_say(
	    c, out, FT_LEVEL_WARN,
	    "our QEMU has answered nothing in band for %.0f ms: its connections to the peer are broken, in case it "
	    "waits for those",
	    ms);
	ft_core_do(out, FT_DO_YANK);
}

static void yank_again(struct ft_core *c, struct ft_actions *out)
{
	int64_t since = c->now - c->broken_at; /* so that one that goes on unmoved draws ever fewer */
	c->yank_again_at = c->now + (since > FT_RETRY_NS ? since : FT_RETRY_NS);
	ft_core_do(out, FT_DO_YANK);
}

static void say_sick(struct ft_core *c, struct ft_actions *out)
{
	bool both = c->peer.side.sick && ft_peer_heard(c);
	if (c->said_sick == FT_SICK_UNSAID)
		ft_core_note(c, c->now,
		             "QEMU answers nothing in band, though freed of the peer: its main loop is blocked");
	c->said_sick = both ? FT_SICK_BOTH : FT_SICK_ALONE;
	ft_core_say(
	    c, out, FT_LEVEL_ERROR,
	    "our QEMU's main loop is blocked (a disk or NBD server that hangs, a monitor command that waits?): %s",
	    both ? "so is the peer's, so nobody gives way; whichever answers first goes on"
	         : "this side asks nobody to yield, and gives way if the peer can go on");
}

static void probe_silence(struct ft_core *c, struct ft_actions *out)
{
	c->silence_probed = true;
	probe(c, out);
}

/* Yielding */

static void answer(struct ft_core *c, enum ft_answer a)
{
	c->self.answer = a;
	c->self.answer_id = c->peer.side.request_id;
}

static void answer_yielded(struct ft_core *c, struct ft_actions *out)
{
	answer(c, FT_ANSWER_YIELDED);
	ft_core_say(c, out, FT_LEVEL_INFO, "peer %s asks us to yield: nothing of ours runs", c->peer.node);
}

static void refuse_to_yield(struct ft_core *c, struct ft_actions *out)
{
	answer(c, FT_ANSWER_REFUSED);
	ft_core_say(c, out, FT_LEVEL_WARN, "peer %s asks us to yield: refused, %s", c->peer.node,
	            ft_session_won(c)   ? "this side has ended the session"
	            : c->peer.side.sick ? "its own QEMU answers nothing"
	            : can_freeze(c)     ? "this side ends the pair itself"
	                                : "we cannot signal our QEMU");
}

static void freeze(struct ft_core *c, struct ft_actions *out, const char *why)
{
	c->freeze_until = c->now + FT_FREEZE_NS;
	ft_core_do(out, FT_DO_FREEZE);
	ft_core_enter(c, out, FT_PHASE_YIELDING, "%s; freezing our QEMU", why);
}

static void freeze_as_asked(struct ft_core *c, struct ft_actions *out)
{
	char why[FT_TEXT_MAX / 2];
	snprintf(why, sizeof why, "peer %.60s asks us to yield", c->peer.node);
	c->owes_answer = true;
	freeze(c, out, why);
}

static void freeze_for_solo(struct ft_core *c, struct ft_actions *out)
{
	char why[FT_TEXT_MAX / 2];
	snprintf(why, sizeof why, "peer %.60s runs the guest alone now", c->peer.node);
	c->owes_answer = false;
	freeze(c, out, why);
}

static void freeze_for_winner(struct ft_core *c, struct ft_actions *out)
{
	char why[FT_TEXT_MAX / 2];
	snprintf(why, sizeof why, "%.60s has ended the session", c->session.winner);
	c->owes_answer = false;
	freeze(c, out, why);
}

static void freeze_sick(struct ft_core *c, struct ft_actions *out)
{
	char why[FT_TEXT_MAX / 2];
	if (c->hung)
		snprintf(why, sizeof why, "our QEMU hangs (%.60s)", c->hung_text);
	else
		snprintf(why, sizeof why, "our QEMU's main loop is blocked, and peer %.40s can go on", c->peer.node);
	c->owes_answer = false;
	freeze(c, out, why);
}

static void freeze_ending(struct ft_core *c, struct ft_actions *out)
{
	char why[FT_TEXT_MAX / 2];
	snprintf(why, sizeof why, "our QEMU is on its way out (%.60s)", c->ending_text);
	c->owes_answer = false;
	freeze(c, out, why);
}

static void freeze_for_disk(struct ft_core *c, struct ft_actions *out)
{
	c->owes_answer = false;
	freeze(c, out, "our copy of the guest's disk is bad, and the peer's is not");
}

static void alarm_disk(struct ft_core *c, struct ft_actions *out)
{
	c->said_disk_bad = true;
	ft_core_say(
	    c, out, FT_LEVEL_ERROR,
	    "our copy of the guest's disk is BAD (%.120s): mend the disk, and set replication up anew from a good copy",
	    c->disk_text[0] ? c->disk_text : "as an earlier ftd was told");
}

static void freeze_resigned(struct ft_core *c, struct ft_actions *out)
{
	c->owes_answer = false;
	freeze(c, out, "this side has given up its right to run");
}

static void freeze_to_give_back(struct ft_core *c, struct ft_actions *out)
{
	c->owes_answer = false;
	freeze(c, out, "our QEMU could not be made to run the guest, and the peer's copy waits");
}

static void settle_yield(struct ft_core *c, struct ft_actions *out)
{
	c->freeze_until = FT_NEVER;
	if (c->owes_answer)
		answer(c, FT_ANSWER_YIELDED);
	c->owes_answer = false;
	to_yielded(c, out);
}

static void give_up_freezing(struct ft_core *c, struct ft_actions *out)
{
	c->freeze_until = FT_NEVER;
	c->freeze_again_at = c->now + FT_WORD_NS;
	c->frozen = false;
	if (c->owes_answer)
		answer(c, FT_ANSWER_REFUSED);
	c->owes_answer = false;
	ft_core_do(out, FT_DO_THAW); /* a SIGSTOP that was sent may yet take hold */
	ft_core_say(c, out, FT_LEVEL_ERROR,
	            "our QEMU did not stand still within %d ms: this machine is starved, or ftd may not signal it "
	            "(ftctl check)",
	            (int)(FT_FREEZE_NS / FT_NS_PER_MS));
	if (c->failures > 0 && ft_session_won(c)) /* it was to be given back, and that is tried again */
		ft_core_enter(c, out, FT_PHASE_FAILED,
		              "failover failed, and our QEMU could not be stopped to give it back");
	else
		to_rest(c, out);
}

static void kill_qemu(struct ft_core *c, struct ft_actions *out)
{
	c->gone_instance = c->qemu.instance;
	c->kill_again_at = c->now + FT_RETRY_NS;
	ft_core_do(out, FT_DO_KILL);
}

static void end_copy(struct ft_core *c, struct ft_actions *out)
{
	c->bound = false;
	kill_qemu(c, out);
	ft_core_enter(c, out, FT_PHASE_FENCED, "the guest has powered itself off at peer %s: its copy here is ended",
	              c->peer.node);
}

static void answer_ended(struct ft_core *c, struct ft_actions *out)
{
	(void)out;
	answer(c, FT_ANSWER_YIELDED);
}

static void refuse_to_end(struct ft_core *c, struct ft_actions *out)
{
	answer(c, FT_ANSWER_REFUSED);
	ft_core_say(c, out, FT_LEVEL_WARN, "the guest has powered itself off at peer %s: %s", c->peer.node,
	            c->phase == FT_PHASE_SOLO ? "here it goes on alone"
	                                      : "we cannot end its copy here, end our QEMU by hand");
}

static void settle_end(struct ft_core *c, struct ft_actions *out)
{
	c->guest_ended = false;
	if (answer_is(c, FT_ANSWER_YIELDED))
		ft_core_say(c, out, FT_LEVEL_INFO, "the guest has powered itself off, and peer %s has ended its copy",
		            c->peer.node);
	else
		ft_core_say(
		    c, out, FT_LEVEL_ERROR,
		    "the guest has powered itself off, but peer %s has not ended its copy: end its QEMU by hand",
		    c->peer.node);
}

static void kill_again(struct ft_core *c, struct ft_actions *out)
{
	kill_qemu(c, out);
	c->kill_again_at = c->now + 10 * FT_RETRY_NS;
	ft_core_say(c, out, FT_LEVEL_ERROR,
	            "our QEMU is NOT ended, though this side has no right to run it: end it by hand (ftctl check)");
}

static void end_frozen(struct ft_core *c, struct ft_actions *out)
{
	c->bound = false;
	c->freeze_until = FT_NEVER;
	kill_qemu(c, out);
	ft_core_enter(c, out, FT_PHASE_FENCED, "peer %s runs the guest alone; our QEMU is ended", c->peer.node);
}

static void to_fenced(struct ft_core *c, struct ft_actions *out)
{
	c->bound = false;
	if (c->owes_answer && !death_unwritten(c))
		answer(c, FT_ANSWER_YIELDED);
	c->owes_answer = false;
	c->freeze_until = FT_NEVER;
	ft_core_enter(c, out, FT_PHASE_FENCED, "our QEMU has ended");
}

static void to_held(struct ft_core *c, struct ft_actions *out)
{
	if (is_ousted_in_vain(c)) {
		ft_core_enter(c, out, FT_PHASE_HELD, "%s", ousted_in_vain);
		return;
	}
	if (ft_session_lost(c) && c->verdict == FT_VERDICT_STANDS) {
		ft_core_enter(c, out, FT_PHASE_HELD,
		              "frozen: the guest is %.50s's by the verdict; start the VM there, if it does not run",
		              c->session.winner);
		return;
	}
	bool lost_or_yielded = ft_session_lost(c) || c->session.stage == FT_SESSION_RESIGNED;
	c->said_ousts = c->ousts >= FT_OUST_TRIES;
	if (lost_or_yielded && c->params.registers && c->params.fenced && !c->said_ousts) {
		ft_core_enter(c, out, FT_PHASE_HELD,
		              "frozen for %.50s, which was not seen to run the guest; if it stays silent, its host is "
		              "powered off, and our copy goes on",
		              c->session.peer);
		return;
	}
	if (ft_session_lost(c)) {
		ft_core_enter(
		    c, out, FT_PHASE_HELD,
		    "frozen: %.50s has won the session, and was not seen to run the guest; if its host is surely "
		    "off: ftctl failover --confirm-fenced",
		    c->session.winner);
		return;
	}
	ft_core_enter(c, out, FT_PHASE_HELD,
	              "frozen for peer %.60s, which went away before it was seen solo; if it is dead: ftctl failover",
	              c->peer.node[0] ? c->peer.node : c->session.peer);
}

static void to_yielded_to_the_idle(struct ft_core *c, struct ft_actions *out)
{
	char text[FT_TEXT_MAX];
	idling(c, text);
	ft_core_enter(c, out, FT_PHASE_YIELDED, "%s", text);
}

static void thaw_unwanted(struct ft_core *c, struct ft_actions *out)
{
	c->frozen = false;
	c->hung = false;
	ft_core_hear_anew(c);
	c->checkpoint_at = FT_NEVER; /* replication is to be proven again */
	ft_core_do(out, FT_DO_THAW);
	ft_core_say(c, out, FT_LEVEL_WARN, "peer %s did not take over: our QEMU is thawed", c->peer.node);
	to_unprotected(c, out);
}

static void alarm_peer_failed(struct ft_core *c, struct ft_actions *out)
{
	c->said_failed = true;
	ft_core_say(c, out, FT_LEVEL_ERROR, "peer %s could not take over and our QEMU is frozen for it: %s",
	            c->peer.node,
	            ft_session_lost(c) ? "ours goes on when it has given the session back; ending its QEMU hurries that"
	                               : "`ftctl failover` here goes on with ours");
}

/* Taking over */

static void announce(struct ft_core *c, struct ft_actions *out)
{
	ft_record_told(&c->record);
	struct ft_action *a = ft_core_do(out, FT_DO_OUTCOME);
	memcpy(a->text, c->record.fault, sizeof a->text);
	if (c->phase != FT_PHASE_RECORDING)
		return;
	c->n_evidence = 0;
	if (c->outcome.result == FT_SUCCESS)
		ft_core_enter(c, out, FT_PHASE_SOLO, "failover done: the guest runs here alone");
	else
		ft_core_enter(c, out, FT_PHASE_FAILED, "failover failed: %.150s", c->outcome.error);
}

/* A failover does not wait for the disk to take an earlier refusal, or that it was held. */
static void announce_earlier(struct ft_core *c, struct ft_actions *out)
{
	if (!ft_record_busy(&c->record))
		return;
	snprintf(c->record.fault, sizeof c->record.fault, "a failover began before the disk answered");
	announce(c, out);
}

/* What a minute (and no silence that was still to be judged) without any more evidence has followed came to nothing: the guest
 * ran on. */
static void forget_earlier_trouble(const struct ft_core *c, struct ft_outcome *o)
{
	int first = 0;
	for (int i = 1; i < o->n_evidence; i++)
		if (o->evidence[i].at - o->evidence[i - 1].at > c->params.window + FT_TROUBLE_NS)
			first = i;
	o->n_evidence -= first;
	memmove(o->evidence, o->evidence + first, (size_t)o->n_evidence * sizeof o->evidence[0]);
}

/* Last, since it follows from what stands before it. */
static void note_decision(struct ft_core *c)
{
	struct ft_outcome *o = &c->outcome;
	bool full = o->n_evidence == FT_EVIDENCE_MAX;
	struct ft_evidence *e = &o->evidence[full ? FT_EVIDENCE_MAX - 1 : o->n_evidence++];
	e->at = c->now;
	snprintf(e->text, sizeof e->text, "decided: %s", c->row);
}

static void begin_outcome(struct ft_core *c, struct ft_actions *out, enum ft_cause cause)
{
	announce_earlier(c, out);
	struct ft_outcome *o = &c->outcome;
	if (cause == FT_CAUSE_SIGNAL || cause == FT_CAUSE_OPERATOR) {
		c->n_evidence = 0;
		ft_core_note(c, c->now, "%s",
		             cause == FT_CAUSE_SIGNAL ? "SIGUSR1 received"
		             : c->forced_confirmed
		                 ? "ftctl failover --confirm-fenced received: the other host is said to be powered off"
		                 : "ftctl failover received");
	}
	*o = (struct ft_outcome){
	    .cause = cause,
	    .role_before = c->role,
	    .epoch = c->self.epoch,
	    .n_evidence = c->n_evidence,
	    .first_evidence_at = c->now,
	    .judged_at = c->now,
	    .claimed_at = FT_NEVER,
	    .planned_at = FT_NEVER,
	    .ended_at = FT_NEVER,
	    .plan = {.proven_at = FT_NEVER},
	};
	if (c->params.arbitrated)
		memcpy(o->session, c->session.id, sizeof o->session);
	memcpy(o->peer, c->peer_known ? c->peer.node : c->session.peer, sizeof o->peer);
	memcpy(o->evidence, c->evidence, sizeof o->evidence);
	/* The last heartbeat is noted when its absence is judged, but it comes first. */
	for (int i = 1; i < o->n_evidence; i++)
		for (int k = i; k > 0 && o->evidence[k].at < o->evidence[k - 1].at; k--) {
			struct ft_evidence e = o->evidence[k];
			o->evidence[k] = o->evidence[k - 1];
			o->evidence[k - 1] = e;
		}
	forget_earlier_trouble(c, o);
	note_decision(c);
	o->first_evidence_at = o->evidence[0].at;
	ft_record_open(&c->record);
}

static void record(struct ft_core *c, struct ft_actions *out, enum ft_result result)
{
	c->outcome.result = result;
	c->outcome.ended_at = c->outcome.plan.ok ? c->outcome.plan.proven_at : c->now;
	assert(out->n_records < FT_RECORDS_MAX);
	struct ft_outcome *kept = &out->records[out->n_records++];
	*kept = c->outcome;
	ft_core_do(out, FT_DO_RECORD)->outcome = kept;
	ft_record_hand_over(&c->record, result == FT_SUCCESS ? c->outcome.session : NULL, c->now);
	if (result == FT_SUCCESS)
		c->write_until = FT_NEVER;
}

static void repeat(struct ft_core *c, struct ft_actions *out)
{
	ft_core_do(out, FT_DO_REPEAT);
	ft_record_repeat(&c->record);
}

static void thaw(struct ft_core *c, struct ft_actions *out)
{
	if (c->frozen) {
		ft_core_do(out, FT_DO_THAW);
		ft_core_hear_anew(c);
	}
	c->frozen = c->hung = false;
}

/* It must run now, whoever stopped it: our own freeze, or a sentinel, whose SIGSTOP may come as late as this. */
static void run_plan(struct ft_core *c, struct ft_actions *out)
{
	c->tries++;
	c->plan_running = true;
	c->outcome.plan.ok = false;
	c->frozen |= can_freeze(c);
	thaw(c, out);
	ft_core_do(out, FT_DO_PLAN);
}

/* A failover that was told as held comes to its end after all.  It is the same one: its times count on. */
static void reopen_held(struct ft_core *c, struct ft_actions *out)
{
	if (c->phase != FT_PHASE_CUT_OFF || c->outcome.result != FT_RESULT_HELD)
		return;
	announce_earlier(c, out);
	c->outcome.result = FT_RESULT_NONE;
	c->outcome.claim = FT_CLAIM_NOT_NEEDED;
	c->outcome.error[0] = '\0';
	ft_record_open(&c->record);
}

static void run_plan_uncleared(struct ft_core *c, struct ft_actions *out)
{
	ft_core_say(c, out, FT_LEVEL_ERROR,
	            "state_dir takes nothing (%.80s): failing over although the session there says still that our QEMU "
	            "has never run the guest alone",
	            c->store_fault[0] ? c->store_fault : "it hangs");
	run_plan(c, out);
}

/* What our next ftd would give the session back by is cleared on disk first: see sessions.c. */
static void await_clearing(struct ft_core *c)
{
	c->outcome.plan.ok = false;
	c->retry_at = c->now;
}

/* The right to go on is in hand: won, or given by the peer's own word; then the claim is made as it goes. */
/* Found standing still, and won since: why it stands only the ftd knew that had stopped it. */
static void begin_as_found(struct ft_core *c, struct ft_actions *out)
{
	if (c->role == FT_ROLE_NONE)
		c->role = c->session.role;
	begin_outcome(c, out, FT_CAUSE_UNKNOWN);
}

static void proceed(struct ft_core *c, struct ft_actions *out)
{
	reopen_held(c, out);
	if (!attempt_open(c))
		begin_as_found(c, out);
	bool asked = c->outcome.claim_asked;
	c->ask_until = FT_NEVER;
	c->cannot_know = false;
	c->outcome.claimed_at = c->outcome.planned_at = c->now;
	c->outcome.claim_ns = asked ? c->now - c->asked_arbiter_at : 0;
	if (!ft_win_complete(c))
		ft_core_say(c, out, FT_LEVEL_ERROR,
		            "the other host is not known to be off (%.80s): going on by a person's word alone",
		            c->fence_fault[0] ? c->fence_fault : "the fence was not tried");
	if (asked && claim_unreachable(c))
		ft_core_say(c, out, FT_LEVEL_ERROR,
		            "the arbiter is out of reach (%.80s): going on by a person's order alone", c->arbiter_text);
	if (c->params.arbitrated) { /* one that was taken up since the outcome began */
		memcpy(c->outcome.session, c->session.id, sizeof c->outcome.session);
		c->outcome.epoch = c->session.epoch;
	}
	if (!asked && ft_session_unended(c) && !c->arbiter_busy)
		ft_session_claim(c, out, FT_ERRAND_RECORD);
	c->given_in_doubt = false;
	if (!asked && ft_session_given(c))
		ft_session_take(c);
	ft_win_settle(c);
	c->tries = 0;
	c->session.stayed = false;
	if (ft_stayed_may_stand(c))
		await_clearing(c);
	else
		run_plan(c, out);
	ft_core_enter(c, out, FT_PHASE_PLANNING, "%s: failing over as %s", ft_cause_name(c->outcome.cause),
	              ft_role_name(c->role));
}

static void take_over_unheard(struct ft_core *c, struct ft_actions *out, enum ft_cause cause);
static void to_solo_as_settled(struct ft_core *c, struct ft_actions *out);

/* Who has resigned needs more than the peer's word: the peer may have ended the session, and run the guest, since. */
static void take_over(struct ft_core *c, struct ft_actions *out, enum ft_cause cause)
{
	if (c->params.arbitrated && c->session.stage == FT_SESSION_RESIGNED) {
		take_over_unheard(c, out, cause);
		return;
	}
	begin_outcome(c, out, cause);
	proceed(c, out);
}

static void drop_attempt(struct ft_core *c)
{
	if (attempt_open(c))
		ft_record_drop(&c->record);
}

/* An attempt that came to nothing.  For a person that is an outcome. */
static void give_up_attempt(struct ft_core *c, struct ft_actions *out, const char *why)
{
	bool ordered = c->outcome.cause == FT_CAUSE_SIGNAL || c->outcome.cause == FT_CAUSE_OPERATOR;
	if (!attempt_open(c) || !ordered) {
		drop_attempt(c);
		return;
	}
	snprintf(c->outcome.error, sizeof c->outcome.error, "%s", why);
	record(c, out, FT_REFUSED);
}

/* Our QEMU stands still before the arbiter is asked, if it could be heard: the answer may be no. */
static void freeze_and_claim(struct ft_core *c, struct ft_actions *out, const char *why)
{
	c->claim = FT_CLAIM_NOT_NEEDED;
	c->freeze_until = c->now + FT_FREEZE_NS;
	ft_core_do(out, FT_DO_FREEZE);
	ft_core_enter(c, out, FT_PHASE_FREEZING, "%s: freezing our QEMU", why);
}

static void to_claiming(struct ft_core *c, struct ft_actions *out)
{
	if (!attempt_open(c))
		begin_outcome(c, out, FT_CAUSE_PEER_LOST);
	c->outcome.claim_asked = true;
	c->freeze_until = FT_NEVER;
	c->claim = FT_CLAIM_NOT_NEEDED;
	ft_core_enter(c, out, FT_PHASE_CLAIMING, "%s: claiming session %llu", ft_cause_name(c->outcome.cause),
	              (unsigned long long)c->session.epoch);
}

/* The register names us already, and that is not enough. */
static void to_fencing(struct ft_core *c, struct ft_actions *out)
{
	if (!attempt_open(c))
		begin_outcome(c, out, FT_CAUSE_PEER_LOST);
	c->outcome.claim_asked = true;
	c->freeze_until = FT_NEVER;
	c->claim = FT_CLAIM_WON;
	c->asked_arbiter_at = c->fence_again_at = c->verdict_again_at = c->now;
	ft_core_enter(c, out, FT_PHASE_CLAIMING, "%s: session %llu is won, the other host is to be powered off",
	              ft_cause_name(c->outcome.cause), (unsigned long long)c->session.epoch);
}

/* The peer has said nothing that gives us the right, so the register must. */
static void take_over_unheard(struct ft_core *c, struct ft_actions *out, enum ft_cause cause)
{
	if (!ft_session_unended(c) && ft_win_complete(c)) {
		take_over(c, out, cause);
		return;
	}
	begin_outcome(c, out, cause);
	if (vouched_for(c) && ft_win_pending(c))
		proceed(c, out);
	else if (is_primary(c) && !c->frozen)
		freeze_and_claim(c, out, ft_cause_name(cause));
	else if (ft_win_pending(c))
		to_fencing(c, out);
	else
		to_claiming(c, out);
}

static void take_over_lost(struct ft_core *c, struct ft_actions *out)
{
	take_over_unheard(c, out, FT_CAUSE_PEER_LOST);
}

static void take_over_gone(struct ft_core *c, struct ft_actions *out)
{
	take_over(c, out, FT_CAUSE_PEER_VM_GONE);
}

/* A primary's right lasts meanwhile: it is not frozen for the question. */
static void take_over_absent(struct ft_core *c, struct ft_actions *out)
{
	begin_outcome(c, out, FT_CAUSE_PEER_VM_GONE);
	if (ft_session_unended(c))
		to_claiming(c, out);
	else
		proceed(c, out);
}

static void take_over_dying_after_all(struct ft_core *c, struct ft_actions *out)
{
	ft_record_drop(&c->record);
	take_over_absent(c, out);
}

/* The peer's word has overtaken the register's: it is all we need, and what the register says goes into the record. */
static void take_as_given(struct ft_core *c, struct ft_actions *out)
{
	c->outcome.claim_asked = false;
	if (c->arbiter_busy && c->errand == FT_ERRAND_FAILOVER)
		c->errand = FT_ERRAND_RECORD;
	proceed(c, out);
}

static void wait_for_the_word(struct ft_core *c, struct ft_actions *out)
{
	give_up_attempt(c, out, "the arbiter is out of reach");
	to_rest(c, out);
}

static void take_over_lost_after_all(struct ft_core *c, struct ft_actions *out)
{
	ft_record_drop(&c->record);
	take_over_lost(c, out);
}

static void take_over_gone_after_all(struct ft_core *c, struct ft_actions *out)
{
	ft_record_drop(&c->record);
	take_over_gone(c, out);
}

static void take_over_again(struct ft_core *c, struct ft_actions *out)
{
	c->retry_owed = false;
	ft_core_note(c, c->now, "a failover had failed, and QEMU answers now");
	take_over(c, out,
	          peer_vm_is(c, FT_VM_GONE)      ? FT_CAUSE_PEER_VM_GONE
	          : peer_vm_is(c, FT_VM_YIELDED) ? FT_CAUSE_PEER_YIELDED
	                                         : FT_CAUSE_PEER_LOST);
}

static void take_over_yielded(struct ft_core *c, struct ft_actions *out)
{
	take_over(c, out, FT_CAUSE_PEER_YIELDED);
}

static enum ft_cause take_force(struct ft_core *c)
{
	enum ft_cause cause = c->forced;
	c->forced = FT_CAUSE_NONE;
	return cause;
}

/* Whoever was told that the failover is held hears of its end. */
static void take_back(struct ft_core *c, struct ft_actions *out)
{
	bool held = attempt_open(c) || (c->phase == FT_PHASE_CUT_OFF && c->outcome.result == FT_RESULT_HELD);
	ft_regain(c);
	ft_core_note(c, c->now, "the peer gives session %llu back: its QEMU ended before its guest was seen to run",
	             (unsigned long long)c->session.epoch);
	if (has_left_colo(c))
		to_solo_as_settled(c, out);
	else if (held)
		proceed(c, out);
	else
		take_over(c, out, FT_CAUSE_PEER_VM_GONE);
}

static void take_over_regained(struct ft_core *c, struct ft_actions *out)
{
	bool ordered = is_forced(c);
	take_over(c, out, ordered ? take_force(c) : c->taken ? FT_CAUSE_PEER_LOST : FT_CAUSE_PEER_VM_GONE);
}

static void know_given_back(struct ft_core *c, struct ft_actions *out)
{
	(void)out;
	ft_regain(c);
}

/* Nobody can be asked: his word alone.  Nobody keeps the winner from starting the VM by its win once its host is on again, so neither do
 * we then, unheard, before the verdict names us. */
static void take_over_as_vouched(struct ft_core *c, struct ft_actions *out)
{
	if (c->params.registers)
		ft_core_say(
		    c, out, FT_LEVEL_ERROR,
		    "the arbiter is out of reach (%.80s), and %.60s has won: going on by a person's order alone",
		    c->arbiter_text, c->session.winner);
	ft_regain(c);
	c->session.given_before = c->params.registers;
	take_over_regained(c, out);
}

static void ask(struct ft_core *c, struct ft_actions *out, enum ft_cause cause)
{
	begin_outcome(c, out, cause);
	c->self.request_id++;
	c->ask_until = c->now + c->params.window + FT_ASK_NS; /* a dead peer must have had the time to be lost */
	c->ask_again_at = c->ask_until + FT_WORD_NS;
	ft_core_enter(c, out, FT_PHASE_ASKING, "%s: asking peer %s to yield", ft_cause_name(cause), c->peer.node);
}

static void ask_broken(struct ft_core *c, struct ft_actions *out)
{
	if (!broken(c) && c->checkpoint_at != FT_NEVER)
		ft_core_note(c, c->now, "no checkpoint has completed for %.0f ms: replication is stuck",
		             (double)(c->now - c->checkpoint_at) / 1e6);
	else if (!broken(c))
		ft_core_note(c, c->now, "no checkpoint has completed since QMP was connected: replication is stuck");
	ask(c, out, FT_CAUSE_REPLICATION_BROKEN);
}

static void ask_forced(struct ft_core *c, struct ft_actions *out)
{
	ask(c, out, take_force(c));
}

static void take_over_forced(struct ft_core *c, struct ft_actions *out)
{
	enum ft_cause cause = take_force(c);
	/* Who is only absent may start anew, by the register; who names another session may have ended ours. */
	bool gone = peer_vm_is(c, FT_VM_GONE) && ft_session_shared(c);
	if (gone || !c->params.arbitrated)
		take_over(c, out, cause);
	else
		take_over_unheard(c, out, cause);
}

/* ---- sessions, leases and claims ---- */

static void to_place(struct ft_core *c, struct ft_actions *out)
{
	c->bound = true;
	ft_core_enter(c, out, FT_PHASE_WATCH, "found session %llu again, as its %s",
	              (unsigned long long)c->session.epoch, ft_role_name(c->session.role));
}

static void freeze_at_end_of_right(struct ft_core *c, struct ft_actions *out)
{
	if (c->cannot_know) {
		freeze_and_claim(c, out, "our QEMU is a primary, and no session can be read: it may have been ended");
		return;
	}
	if (unasked(c))
		drop_attempt(c); /* replication broke because the peer was dying: that is the better cause */
	/* Of a peer that is heard all the while, where one direction is cut, this is all that tells since when. */
	if (c->hearing != FT_PEER_LOST && c->acked_sent != FT_NEVER)
		ft_core_note(c, c->acked_sent,
		             "the last heartbeat of ours that the peer is known to have heard was sent");
	ft_core_note(c, c->now, "our right to run has ended: no heartbeat of ours was acknowledged in time");
	freeze_and_claim(c, out, "our right to run has ended, unacknowledged by the peer");
}

/* The yield has failed, and meanwhile our right to run has ended: it stays frozen for that. */
static void refuse_past_right(struct ft_core *c, struct ft_actions *out)
{
	if (c->owes_answer)
		answer(c, FT_ANSWER_REFUSED);
	c->owes_answer = false;
	freeze_at_end_of_right(c, out);
}

static void freeze_until_settled(struct ft_core *c, struct ft_actions *out)
{
	freeze_and_claim(c, out, "QEMU has left COLO, and nobody is known to have ended the session");
}

static void thaw_back(struct ft_core *c, struct ft_actions *out)
{
	give_up_attempt(c, out, "the peer is back, and the session stands");
	c->freeze_until = FT_NEVER;
	thaw(c, out);
	c->checkpoint_at = FT_NEVER; /* replication is to be proven again */
	ft_core_say(c, out, FT_LEVEL_WARN, "peer %s is back and the session stands: our QEMU is thawed", c->peer.node);
	to_rest(c, out);
}

static void forget_doubt(struct ft_core *c, struct ft_actions *out)
{
	(void)out;
	c->cannot_know = false;
	c->forgot = true;
	c->session.stage = FT_SESSION_NONE;
}

static void end_unfrozen(struct ft_core *c, struct ft_actions *out)
{
	c->freeze_until = FT_NEVER;
	c->bound = false;
	kill_qemu(c, out);
	ft_core_enter(c, out, FT_PHASE_FENCED, "our QEMU could not be stopped in time, and is ended");
}

/* A SIGKILL would take hold no sooner than the SIGSTOP that was sent, and could not be taken back. */
static void freeze_again(struct ft_core *c, struct ft_actions *out)
{
	c->freeze_until = c->now + FT_FREEZE_NS;
	c->freeze_again_at = c->now + ft_backoff(c->freezes_failed++);
	ft_core_do(out, FT_DO_FREEZE);
	ft_core_say(c, out, FT_LEVEL_ERROR,
	            "our QEMU has no right to run, and does not stand still yet: it is stopped again; this machine is "
	            "starved, or ftd may not signal it (ftctl check)");
}

static void send_claim(struct ft_core *c, struct ft_actions *out)
{
	if (ft_claim_proves_nothing(c)) { /* what it says is not what the peer's says */
		c->claim = FT_CLAIM_UNREACHABLE;
		c->arbiter_again_at = c->now + FT_RETRY_NS;
		memcpy(c->arbiter_text, c->share_fault, sizeof c->arbiter_text);
		return;
	}
	ft_session_claim(c, out, FT_ERRAND_FAILOVER);
}

static void proceed_as_found(struct ft_core *c, struct ft_actions *out)
{
	if (!attempt_open(c))
		begin_outcome(c, out, FT_CAUSE_PEER_LOST);
	c->freeze_until = FT_NEVER;
	proceed(c, out);
}

static void claim_came_to(struct ft_core *c, enum ft_claim claim)
{
	c->outcome.claimed_at = c->now;
	c->outcome.claim = claim;
	c->outcome.claim_ns = c->now - c->asked_arbiter_at;
}

static void send_fence(struct ft_core *c, struct ft_actions *out)
{
	if (c->phase == FT_PHASE_CUT_OFF)
		c->asked_arbiter_at = c->now;
	ft_fence(c, out);
}

/* Why we have won, and do not go on.  What a fence has come to is not all: before each try the verdict is asked. */
static const char *unfenced(const struct ft_core *c)
{
	if (c->verdict_unreachable && !ft_peer_heard(c))
		return "no fence before the arbiter, out of reach, says that it does not run the guest";
	if (c->fence_fault[0])
		return c->fence_fault;
	return ft_peer_heard(c) ? "it is heard, and has not said yet that its QEMU stands still"
	                        : "the arbiter is to say first that it does not run the guest";
}

/* Nobody knows how long it lasts, so it is told now; whoever waits for the outcome of an order is told so, too. */
static void record_hold(struct ft_core *c, struct ft_actions *out)
{
	if (!attempt_open(c)) {
		c->outcome.result = FT_RESULT_NONE; /* no failover is held: what is known does not allow one */
		return;
	}
	bool won = c->claim == FT_CLAIM_WON;
	claim_came_to(c, won ? FT_CLAIM_WON : FT_CLAIM_UNREACHABLE);
	if (won)
		memcpy(c->outcome.winner, c->params.node, sizeof c->outcome.winner);
	snprintf(c->outcome.error, sizeof c->outcome.error, "%s (%.135s)",
	         won ? "won, but the other host is not known to be off" : "the arbiter is out of reach",
	         won ? unfenced(c) : c->arbiter_text);
	record(c, out, FT_RESULT_HELD);
}

/* No session can be read here.  A peer that is heard, and cannot say either that none was ended, says no more by itself. */
static const char *not_knowing(const struct ft_core *c)
{
	return ft_peer_heard(c)
	           ? "frozen: neither this side nor the peer, which is heard, knows which copy is to go on; end the "
	             "older copy's QEMU, and then on the other side: ftctl failover --confirm-fenced"
	           : "frozen until the peer is heard; if it is surely dead: ftctl failover --confirm-fenced";
}

/* Why we stand still, and what ends that. */
static void cut_off(const struct ft_core *c, char out[FT_TEXT_MAX])
{
	if (c->cannot_know)
		snprintf(out, FT_TEXT_MAX, "%s", not_knowing(c));
	else if (c->claim == FT_CLAIM_WON)
		snprintf(out, FT_TEXT_MAX,
		         "won, but the other host may be on (%.85s), frozen; if it is off: ftctl failover "
		         "--confirm-fenced",
		         unfenced(c));
	else
		snprintf(
		    out, FT_TEXT_MAX,
		    "arbiter out of reach (%.60s), frozen; if the peer is surely dead: ftctl failover --confirm-fenced",
		    c->arbiter_text);
}

/* Of a claim that is tried again it is not, nor is that of a fence that is at work. */
static bool cut_off_is_stale(const struct ft_core *c)
{
	char why[FT_TEXT_MAX];
	cut_off(c, why);
	return (c->cannot_know || (c->claim == FT_CLAIM_WON && !c->fencing)) && strcmp(c->reason, why) != 0;
}

static void say_what_frees_it(struct ft_core *c, struct ft_actions *out)
{
	char why[FT_TEXT_MAX];
	cut_off(c, why);
	ft_core_enter(c, out, FT_PHASE_CUT_OFF, "%s", why);
}

static void to_cut_off(struct ft_core *c, struct ft_actions *out)
{
	record_hold(c, out);
	if (!c->frozen)
		ft_core_do(out, FT_DO_FREEZE);
	c->freeze_until = FT_NEVER;
	say_what_frees_it(c, out);
}

static void claim_as_ordered(struct ft_core *c, struct ft_actions *out)
{
	drop_attempt(c);
	begin_outcome(c, out, take_force(c));
	if (ft_session_unended(c))
		to_claiming(c, out);
	else if (!win_counts(c))
		to_fencing(c, out);
	else
		proceed(c, out);
}

static void ask_after_all(struct ft_core *c, struct ft_actions *out)
{
	enum ft_cause cause = c->outcome.cause;
	drop_attempt(c);
	ask(c, out, cause);
}

static void to_solo_as_settled(struct ft_core *c, struct ft_actions *out)
{
	give_up_attempt(c, out, "this side runs the guest alone already");
	thaw(c, out);
	to_solo_as_found(c, out);
}

static void note_lost_end(struct ft_core *c)
{
	unsigned long long epoch = (unsigned long long)c->session.epoch;
	if (c->failures > 0)
		ft_core_note(c, c->now, "QEMU has left COLO after all: session %llu's failover had been given up",
		             epoch);
	else
		ft_core_note(c, c->now,
		             "QEMU has left COLO, and no outcome of session %llu is on disk: "
		             "ftd was ended before it could write it, or somebody helped by hand",
		             epoch);
}

/* What we cannot know any more is left open: the cause, the times, the steps. */
static void make_up_outcome(struct ft_core *c, struct ft_actions *out)
{
	c->n_evidence = 0;
	note_lost_end(c);
	begin_outcome(c, out, FT_CAUSE_UNKNOWN);
	struct ft_outcome *o = &c->outcome;
	o->role_before = c->session.role;
	o->judged_at = FT_NEVER;
	if (c->session.title == FT_TITLE_REGISTER || ft_win_pending(c)) {
		o->claim = FT_CLAIM_WON;
		memcpy(o->winner, c->session.winner, sizeof o->winner);
	}
	snprintf(o->plan.guest_colo_mode, sizeof o->plan.guest_colo_mode, "%s", ft_role_name(c->qemu.role));
	snprintf(o->plan.guest_last_mode, sizeof o->plan.guest_last_mode, "%s", ft_role_name(c->qemu.last_role));
	record(c, out, FT_SUCCESS);
}

static void record_loss(struct ft_core *c, struct ft_actions *out)
{
	reopen_held(c, out);
	bool open = attempt_open(c);
	if (open && c->outcome.claim_asked) {
		claim_came_to(c, FT_CLAIM_LOST);
		memcpy(c->outcome.winner, c->session.winner, sizeof c->outcome.winner);
		snprintf(c->outcome.error, sizeof c->outcome.error, "%.60s has ended the session before us",
		         c->session.winner);
		record(c, out, FT_LOST_CLAIM);
	} else {
		give_up_attempt(c, out, "the other side has ended the session before us");
	}
}

static void conclude_loss(struct ft_core *c, struct ft_actions *out)
{
	c->outcome.claim = FT_CLAIM_LOST;
	memcpy(c->outcome.winner, c->session.winner, sizeof c->outcome.winner);
	snprintf(c->outcome.error, sizeof c->outcome.error, "%.60s has ended the session, and not by what it told us",
	         c->session.winner);
	record(c, out, FT_LOST_CLAIM);
	to_unprotected(c, out);
}

/* The other side ended the session: ours stands still, and is not seen again unless it is given back. */
static void lose(struct ft_core *c, struct ft_actions *out)
{
	record_loss(c, out);
	c->bound = false;
	c->freeze_until = FT_NEVER;
	if (c->frozen)
		to_yielded(c, out);
	else
		freeze_for_winner(c, out);
}

static void lose_elsewhere(struct ft_core *c, struct ft_actions *out)
{
	record_loss(c, out);
	c->bound = false;
	thaw(c, out);
	to_rest(c, out);
}

static void refuse_force(struct ft_core *c, struct ft_actions *out)
{
	begin_outcome(c, out, take_force(c));
	c->outcome.role_before = c->self.role; /* not the one of a session that is over */
	snprintf(
	    c->outcome.error, sizeof c->outcome.error, "%s",
	    c->phase == FT_PHASE_SOLO ? "this side already runs the guest alone"
	    : no_vm_here(c)           ? "there is no QEMU here to fail over to"
	    : is_ending(c)            ? "our QEMU is on its way out"
	    : c->phase == FT_PHASE_CUT_OFF && ft_win_pending(c)
	        ? "this side has ended the session, and the peer is heard: its QEMU ends by itself"
	    : c->phase == FT_PHASE_CUT_OFF
	        ? "the peer is heard, and this side has lost its session: give the order there, or end its QEMU first"
	    : is_sick(c) || (!c->qemu.connected && !c->frozen)
	        ? "our QEMU answers nothing, so it could not go on: give the order on the peer's host"
	    : ft_session_lost(c) && ft_peer_heard(c) && c->peer.side.vm != FT_VM_ABSENT
	        ? "the peer has won this session, and has a QEMU that may run the guest; if it never will, end that "
	          "QEMU, then here: ftctl failover --confirm-fenced"
	    : ft_session_lost(c) ? "the peer has won this session, and may run the guest; if its host is surely off, "
	                           "and its ftd silent: "
	                           "ftctl failover --confirm-fenced"
	    : c->frozen          ? "this side has yielded and its QEMU is being ended"
	                         : "our QEMU is not in COLO, so it holds no copy of the guest");
	record(c, out, FT_REFUSED);
}

static const char still_replicates[] = "the peer's ftd is silent, and its QEMU replicates still, or may: so it runs "
                                       "the guest; end it, or, if its host is off: "
                                       "ftctl failover --confirm-fenced";

static void refuse_beside_replication(struct ft_core *c, struct ft_actions *out)
{
	begin_outcome(c, out, take_force(c));
	snprintf(c->outcome.error, sizeof c->outcome.error, "%s", still_replicates);
	record(c, out, FT_REFUSED);
}

static void join_force(struct ft_core *c, struct ft_actions *out)
{
	enum ft_cause cause = take_force(c);
	if (c->phase == FT_PHASE_ASKING && c->outcome.cause == FT_CAUSE_REPLICATION_BROKEN)
		c->outcome.cause = cause; /* a person waits: should the ask come to nothing, that is an outcome */
	ft_core_say(c, out, FT_LEVEL_INFO, "forced failover: one is under way already, its outcome stands for both");
}

/* The ask came to nothing.  For a person that is an outcome; by ourselves we only go on watching, and ask again. */
static void drop_ask(struct ft_core *c, struct ft_actions *out, const char *why)
{
	c->ask_until = FT_NEVER;
	if (unasked(c)) {
		ft_record_drop(&c->record);
		ft_core_say(c, out, FT_LEVEL_ERROR, "replication is broken and %s", why);
	} else {
		snprintf(c->outcome.error, sizeof c->outcome.error, "%s", why);
		record(c, out, FT_REFUSED);
	}
	to_rest(c, out);
}

static void ask_was_refused(struct ft_core *c, struct ft_actions *out)
{
	c->refused = true;
	drop_ask(c, out, "the peer refuses to yield; its log says why");
}

static void ask_timed_out(struct ft_core *c, struct ft_actions *out)
{
	drop_ask(c, out, "the peer is alive but did not yield in time; end its QEMU by hand, then try again");
}

static void ask_was_unheard(struct ft_core *c, struct ft_actions *out)
{
	drop_ask(c, out, "the peer fell silent before it yielded; if it is surely dead: ftctl failover");
}

static void ask_beside_replication(struct ft_core *c, struct ft_actions *out)
{
	drop_ask(c, out, still_replicates);
}

/* Where the guest stands since its right has ended, or since before we came, there is no failover yet that an outcome could tell of. */
static void claim_was_late(struct ft_core *c, struct ft_actions *out)
{
	if (attempt_open(c))
		drop_ask(c, out, "the peer is heard again, and may run the guest by our own word");
	else
		to_rest(c, out);
}

/* The plan has not begun: it waits for the disk.  What that says of our QEMU is true still. */
static void order_was_late(struct ft_core *c, struct ft_actions *out)
{
	c->session.stayed = true;
	claim_was_late(c, out);
}

static void ask_lost_own_vm(struct ft_core *c, struct ft_actions *out)
{
	drop_ask(c, out, "our own QEMU died meanwhile");
}

static void ask_outlived(struct ft_core *c, struct ft_actions *out)
{
	drop_ask(c, out, "our own QEMU is on its way out");
}

static void ask_without_right(struct ft_core *c, struct ft_actions *out)
{
	drop_ask(c, out, "this side has given up its right to run");
}

static void ask_was_late(struct ft_core *c, struct ft_actions *out)
{
	drop_ask(c, out, "the peer runs the guest alone already");
}

static void concede(struct ft_core *c, struct ft_actions *out)
{
	drop_ask(c, out, "the peer asked us to yield at the same time, and it is the primary");
}

/* What became of the claim, into the record. */
static void settle_claim(struct ft_core *c)
{
	bool ours = c->session.instance == c->qemu.instance || no_vm_here(c); /* else it was of an earlier pair */
	bool here = c->params.arbitrated && ours;
	c->outcome.claim = here ? c->claim : FT_CLAIM_NOT_NEEDED;
	if (c->outcome.claim == FT_CLAIM_WON)
		memcpy(c->outcome.winner, c->params.node, sizeof c->outcome.winner);
}

static void conclude_success(struct ft_core *c, struct ft_actions *out)
{
	c->bound = c->retry_owed = false;
	c->failures = 0;
	settle_claim(c);
	c->broken_at = c->yank_again_at = FT_NEVER;
	record(c, out, FT_SUCCESS);
	ft_core_enter(c, out, FT_PHASE_RECORDING, "the guest runs; writing the outcome");
}

/* QEMU was asked nothing, or was silent; what it has refused, it would refuse again. */
static bool plan_unanswered(const struct ft_plan_report *p)
{
	for (int i = 0; i < p->n_steps; i++)
		if (p->steps[i].channel == FT_CHANNEL_QMP && p->steps[i].result == FT_STEP_TIMEOUT)
			return true;
	return p->n_steps == 0;
}

static void conclude_failure(struct ft_core *c, struct ft_actions *out)
{
	c->bound = false;
	c->checkpoint_at = FT_NEVER; /* what the plan did to replication nobody knows */
	/* What we know of it may be from before the plan, so that nothing will tell us when it comes to answer. */
	c->retry_owed = c->failures++ == 0 && plan_unanswered(&c->outcome.plan);
	/* A peer that does not know yet that we have won may be taken for our secondary meanwhile. */
	c->undone = c->retry_owed && ft_session_won(c);
	settle_claim(c);
	snprintf(c->outcome.error, sizeof c->outcome.error, "%s", c->outcome.plan.error);
	record(c, out, FT_RESULT_FAILED);
	ft_core_enter(c, out, FT_PHASE_RECORDING, "the plan failed; writing the outcome");
}

/* A forced or self-made ask whose peer fell silent: from here on it is as if it had never been heard. */
static void go_on_unheard(struct ft_core *c, struct ft_actions *out)
{
	enum ft_cause cause = c->outcome.cause;
	ft_record_drop(&c->record);
	c->ask_until = FT_NEVER;
	c->n_evidence = c->outcome.n_evidence;
	take_over_unheard(c, out, cause);
}

static void yield_unclaimed(struct ft_core *c, struct ft_actions *out)
{
	give_up_attempt(c, out, "our own QEMU is on its way out");
	freeze_ending(c, out);
}

static void stay_to_give_way(struct ft_core *c, struct ft_actions *out)
{
	(void)out; /* the goodbye is taken back, and said when that is done */
	c->leave = FT_LEAVE_ASKED;
}

static void drop_claim(struct ft_core *c, struct ft_actions *out)
{
	give_up_attempt(c, out, "our own QEMU died meanwhile");
	to_unprotected(c, out);
}

static void freeze_claim_for_solo(struct ft_core *c, struct ft_actions *out)
{
	give_up_attempt(c, out, "the peer runs the guest alone already");
	if (c->frozen)
		end_frozen(c, out);
	else
		freeze_for_solo(c, out);
}

/* ---- the table ---- */

#define P(name) (1u << FT_PHASE_##name)
#define OPEN    (P(UNPROTECTED) | P(ARMING))
#define BOUND   (P(PROTECTED) | P(SUSPECT) | P(WATCH))
#define ENDING  (P(PLANNING) | P(RECORDING))
#define FROZEN  (P(YIELDED) | P(HELD))
#define CLAIM   (P(FREEZING) | P(CLAIMING) | P(CUT_OFF))
#define BUSY    (ENDING | P(ASKING) | P(YIELDING) | P(FREEZING) | P(CLAIMING))
#define RUNNING (P(STARTING) | OPEN | BOUND | P(ASKING) | P(FAILED))
#define ANY     ((1u << FT_PHASE_COUNT) - 1)

#define ROW(name, phases, when, then) {name, phases, #phases, when, #when, then, #then}
#define STOP(name, phases, when)      {name, phases, #phases, when, #when, NULL, ""}
#define TABLE(name, rules)            {name, rules, sizeof(rules) / sizeof(rules)[0]}

/* Whatever else happens. */
static const struct ft_rule always[] = {
    ROW("an outcome is on disk, or late: it is told", ANY, outcome_written, announce),
    ROW("who has won is not on disk yet", ANY, ft_winner_unstored, ft_store_as_known),
    ROW("a refused session is written again", ANY, ft_bind_again_due, ft_bind_again),
    ROW("a bad disk is not on disk yet", ANY, ft_disk_unwritten, ft_write_disk_bad),
    ROW("news of the disks", ANY, disk_news, alarm_disk),
    ROW("QEMU ends after the goodbye: it is taken back", ANY & ~BUSY, left_before_its_qemu, stay_to_give_way),
    ROW("leaving: the session is released", ANY & ~BUSY, ft_release_due, ft_release),
    ROW("a release is taken back", ANY & ~BUSY, ft_unrelease_due, ft_store_as_known),
    ROW("that our copy has stayed is over", ANY & ~BUSY, ft_stayed_no_more, ft_store_as_known),
    ROW("a resignation that is over is taken off the disk", ANY & ~BUSY & ~FROZEN, ft_unresign_due, ft_store_as_known),
    ROW("a yield without a session is over", ANY & ~BUSY, yield_is_over, ft_forget_yield),
    ROW("going on beside an earlier win is not on disk", ANY & ~BUSY, ft_gone_on_unwritten, ft_know_gone_on),
    ROW("leaving: what our QEMU has done is written first", ANY & ~BUSY, leaves_unwritten, write_before_leaving),
    ROW("leaving: the goodbye", ANY & ~BUSY, may_say_goodbye, say_goodbye),
    ROW("leaving: the end", ANY & ~BUSY, may_exit, exit_now),
    ROW("our QEMU of the session has died, or yields: it is resigned", ANY, ft_resign_due, ft_resign),
    ROW("who runs alone has no QEMU any more", P(SOLO) | P(FAILED), no_vm_here,
        to_unprotected), /* also in our last words */
    STOP("the end was said: nothing more is decided", ANY, has_exited),
    ROW("a success that the disk did not take is written again", ANY & ~BUSY, repeat_due, repeat),
    ROW("our mark is due at the arbiter", ANY, ft_mark_due, ft_mark),
    ROW("the guest runs on both hosts, or no longer", ANY, ft_both_run_changed, ft_note_both_run),
    ROW("an alarm begins, or is over", ANY, ft_alarm_changed, ft_alarm),
    ROW("started: our QEMU is of a pair, or runs alone", P(STARTING), found_place, to_place),
    ROW("found frozen as the primary of its session", P(STARTING) | OPEN, found_frozen_primary, freeze_at_end_of_right),
    ROW("found frozen for nothing", P(STARTING) | OPEN, found_frozen_in_vain, thaw),
    ROW("found frozen, and its win waits for the fence", P(STARTING) | OPEN, found_frozen_unfenced, to_fencing),
    ROW("found yielded to the peer", P(STARTING) | OPEN, found_yielded, to_yielded),
    ROW("found frozen, and what became of the session is not known", P(STARTING) | OPEN, frozen_not_knowing,
        to_cut_off),
    ROW("started: it is known where we stand", P(STARTING), started, to_unprotected),
};

/* The right to run, with an arbiter. */
static const struct ft_rule right[] = {
    ROW("going on alone, and known to have been given back", P(SOLO), ft_given_back, know_given_back),
    ROW("a claim that nobody won, and the right is given back", P(CLAIMING), given_back,
        take_back), /* a claim that is lost to nobody */
    ROW("the other side has ended the session", RUNNING | CLAIM | P(SOLO), ft_session_lost, lose),
    ROW("a win that cannot run is given back", ANY & ~P(SOLO), ft_return_due, ft_return),
    ROW("frozen for a doubt, and nothing was lost", ANY, nothing_was_lost, forget_doubt),
    ROW("we have resigned, and our guest runs", RUNNING & ~(P(FAILED) | P(ASKING)), resigned_but_runs, freeze_resigned),
    ROW("the guest has failed over, and no register has given the right", RUNNING, over_but_unsettled,
        freeze_until_settled),
    ROW("our QEMU is on its way out: it gives way", OPEN | BOUND | P(FAILED), gives_way, freeze_ending),
    ROW("our disk is the worse: it gives way", OPEN | BOUND | P(FAILED), gives_way_for_disk, freeze_for_disk),
    ROW("the right to run has ended", RUNNING, right_has_ended, freeze_at_end_of_right),
    ROW("claiming, and our QEMU has died", CLAIM, no_vm_here, drop_claim),
    ROW("claiming, and the peer is proven to run the guest", CLAIM, peer_proven, freeze_claim_for_solo),
    ROW("claiming, and our QEMU is on its way out", CLAIM, gives_way_unclaimed, yield_unclaimed),
    ROW("frozen at the end of the right, and the right is back", P(FREEZING) | P(CUT_OFF), right_is_back, thaw_back),
    ROW("frozen not knowing, and known again", P(FREEZING) | P(CUT_OFF), known_again, thaw_back),
    ROW("cut off, and the right is given back", P(CUT_OFF), given_back, take_back),
    ROW("cut off, and the peer is back", P(CUT_OFF), peer_is_back, thaw_back),
    ROW("claiming what was given to us, and taken", CLAIM, given_and_taken, claim_was_late),
    ROW("freezing for a claim, and what became of the session is not known", P(FREEZING), frozen_not_knowing,
        to_cut_off),
    ROW("our guest stands: it is claimed", P(FREEZING), may_claim, to_claiming),
    ROW("frozen, and won already", P(FREEZING), found_won, proceed_as_found),
    ROW("frozen, and its win waits for the fence", P(FREEZING), found_unfenced, to_fencing),
    ROW("not frozen in time: once more", P(FREEZING), may_freeze_again, freeze_again),
    ROW("claiming, and the peer's guest is dead by its own word", P(CLAIMING), peer_vm_dead, take_as_given),
    ROW("the claim is to be sent", P(CLAIMING), claim_unsent, send_claim),
    ROW("won: the verdict is read before the fence", P(CLAIMING) | P(CUT_OFF), fence_look_due, ft_look_at_verdict),
    ROW("won: the other host is to be off first", P(CLAIMING) | P(CUT_OFF), fence_due, send_fence),
    STOP("an order claims what the peer may run", P(CLAIMING), order_meets_who_may_run),
    ROW("won, after the guest had failed over", P(CLAIMING) | P(CUT_OFF), claim_won_afterwards, to_solo_as_settled),
    ROW("won", P(CLAIMING) | P(CUT_OFF), claim_won, proceed),
    ROW("won, and something holds it", P(CLAIMING), win_is_held, to_cut_off),
    ROW("ordered, vouched for, and the arbiter is out of reach", P(CLAIMING), forced_and_unreachable, proceed),
    ROW("the other side stands in the register", P(CLAIMING) | P(CUT_OFF), claim_lost, lose_elsewhere),
    ROW("the arbiter is out of reach, and the peer is dying", P(CLAIMING), unreachable_but_dying, wait_for_the_word),
    ROW("the arbiter is out of reach", P(CLAIMING), claim_unreachable, to_cut_off),
    ROW("cut off, and ordered against the peer's word", P(CUT_OFF), forced_against_the_peers_word, refuse_force),
    ROW("cut off, and ordered", P(CUT_OFF), forced_cut_off, claim_as_ordered),
    ROW("cut off, and the claim is due again", P(CUT_OFF), claim_again_due, send_claim),
    ROW("cut off, and what frees it has changed", P(CUT_OFF), cut_off_is_stale, say_what_frees_it),
    ROW("going on alone: the register is to name us", P(SOLO), ft_settle_due, ft_settle),
    ROW("running alone: the register is to name us", OPEN | P(SOLO), ft_record_due, ft_settle),
    ROW("won and proven: the verdict is put", ANY, ft_verdict_due, ft_put_verdict),
    ROW("won, and no success was ever written", P(SOLO), outcome_owed, make_up_outcome),
    ROW("a start asks what the arbiter remembers", ANY, ft_past_due, ft_remember),
    ROW("a start ends the old session", P(STARTING) | OPEN | P(FENCED), ft_start_claim_due, ft_end_old),
    ROW("a start reads the verdict of what we won", P(STARTING) | OPEN | P(FENCED), ft_start_verdict_due,
        ft_look_at_verdict),
    ROW("a start reads the verdict before its fence", P(STARTING) | OPEN | P(FENCED), ft_start_fence_look_due,
        ft_look_at_verdict),
    ROW("a start has the other host powered off", P(STARTING) | OPEN | P(FENCED), ft_start_fence_due, ft_fence),
};

/* Giving up the right to run. */
static const struct ft_rule yielding[] = {
    ROW("yielding, and our QEMU is gone", P(YIELDING) | FROZEN, no_vm_here, to_fenced),
    ROW("frozen, and the peer has it for good", P(YIELDING), frozen_and_over, end_frozen),
    ROW("not frozen, and the peer has it for good", P(YIELDING), unfrozen_and_over, end_unfrozen),
    ROW("not frozen, and lost", P(YIELDING), unfrozen_and_lost, freeze_again),
    STOP("a win is being given back: its disk is waited for", P(YIELDING), giving_back),
    ROW("yielded: the session is resigned", P(YIELDING) | FROZEN, frozen_but_bound, ft_resign),
    ROW("yielded: that is written", P(YIELDING) | FROZEN, ft_yield_write_due, ft_write_yield),
    ROW("yielded, as our guest stands", P(YIELDING), frozen, settle_yield),
    ROW("resigned, and not frozen yet", P(YIELDING), resigned_unfrozen, freeze_again),
    ROW("on its way out, and not frozen yet", P(YIELDING), ends_unfrozen, freeze_again),
    ROW("yielding failed, past the right to run", P(YIELDING), freeze_failed_past_right, refuse_past_right),
    ROW("yielding failed", P(YIELDING), freeze_failed, give_up_freezing),
    ROW("frozen, and the winner is proven to run", FROZEN, proven_and_over, end_frozen),
    ROW("frozen, and the right is given back", FROZEN, given_back, take_back),
    ROW("frozen, and the right is ours again: it has failed over", FROZEN, regained_and_over, to_solo_as_settled),
    ROW("frozen, and the right is ours again", FROZEN, regained, take_over_regained),
    ROW("asking, and the peer runs alone", P(ASKING), peer_solo, ask_was_late),
    ROW("asking, and our QEMU is on its way out", P(ASKING), is_ending, ask_outlived),
    ROW("asking, and our right is gone", P(ASKING), resigned_but_runs, ask_without_right),
    ROW("the guest has ended itself: our copy is asked to end", OPEN | BOUND | FROZEN | P(FAILED), asked_to_end_copy,
        end_copy),
    ROW("our copy has ended as it was asked", OPEN | BOUND | P(FENCED), ended_as_asked, answer_ended),
    ROW("our copy cannot end as it is asked", OPEN | BOUND | P(FAILED) | P(SOLO), asked_to_end_in_vain, refuse_to_end),
    ROW("the peer has answered the end of the guest", ANY, end_is_answered, settle_end),
    ROW("the peer runs the guest alone: our copy is frozen", OPEN | BOUND | P(FAILED), ended_by_peer, freeze_for_solo),
    ROW("begun beside a winner: it is frozen", OPEN, ft_began_beside_winner, freeze_for_solo),
    ROW("the peer runs the guest alone, and our copy cannot be frozen", OPEN | BOUND | P(FAILED), ended_by_peer_in_vain,
        leave_the_pair),
    /* Before any order: who runs the guest alone does not yield it to an old copy, however lately its ftd has come. */
    ROW("who runs the guest alone is found out", OPEN | BOUND | P(FAILED), already_over, to_solo_as_found),
    ROW("asked to yield, and has", FROZEN | P(FENCED), asked_and_out, answer_yielded),
    ROW("asked to yield what is being taken over", ENDING | CLAIM | P(SOLO), asked_to_yield, refuse_to_yield),
    ROW("asked to yield what was won", P(ASKING) | OPEN | BOUND | P(FAILED), asked_of_winner, refuse_to_yield),
    ROW("asked to yield by the primary while asking it", P(ASKING), asked_by_primary, concede),
    STOP("asked to yield, and a death is not on disk yet", OPEN | BOUND | P(FAILED), asked_before_the_death_is_written),
    ROW("asked to yield a guest that was started anew", OPEN, asked_for_a_new_guest, refuse_to_yield),
    ROW("asked to yield, and nothing runs here", OPEN | BOUND | P(FAILED), asked_with_nothing_running, answer_yielded),
    ROW("asked to yield by a side whose QEMU is blocked", OPEN | BOUND | P(FAILED), asked_by_the_sick, refuse_to_yield),
    ROW("asked to yield, and cannot", OPEN | BOUND | P(FAILED), asked_but_cannot, refuse_to_yield),
    ROW("asked to yield: that is written first", OPEN | BOUND | P(FAILED), asked_and_unwritten, ft_write_yield),
    STOP("asked to yield: it is being written", OPEN | BOUND | P(FAILED), asked_and_being_written),
    ROW("asked to yield: our guest is frozen", OPEN | BOUND | P(FAILED), asked_to_yield, freeze_as_asked),
};

/* A failover under way. */
static const struct ft_rule failover[] = {
    ROW("asking, and our QEMU has died", P(ASKING), no_vm_here, ask_lost_own_vm),
    ROW("asking, and the session is left to us", P(ASKING), ft_session_left_to_us, ft_adopt),
    ROW("asking, and the session is left to us, and our disk refuses it", P(ASKING), ft_session_left_unstorable,
        ft_adopt_unstored),
    ROW("asking, in a session that the peer alone has", P(ASKING), asked_in_the_peers_session, ft_adopt),
    ROW("asking, in a session that the peer alone has, and our disk refuses it", P(ASKING),
        asked_in_the_peers_session_unstored, ft_adopt_unstored),
    STOP("asking: the session is being stored", P(ASKING), is_binding),
    ROW("asking, and the peer's host is back without it: claimed", P(ASKING), peer_is_out_elsewhere, to_claiming),
    ROW("asked unasked, and the peer has gone", P(ASKING), unasked_and_gone, take_over_gone_after_all),
    ROW("asked unasked, and the peer is dying", P(ASKING), unasked_and_dying, take_over_dying_after_all),
    ROW("asked unasked without a session, and the peer is lost", P(ASKING), unasked_and_lost_unbound, ask_was_unheard),
    ROW("asked unasked, and the peer is lost", P(ASKING), unasked_and_lost, take_over_lost_after_all),
    ROW("asking, and the peer is out", P(ASKING), peer_is_out, proceed),
    ROW("asked by order, the peer is silent, and replicates still", P(ASKING), unheard_beside_replication,
        ask_beside_replication),
    ROW("asked by order, and the peer is lost", P(ASKING), peer_lost, go_on_unheard),
    ROW("the peer refuses", P(ASKING), ask_refused, ask_was_refused),
    ROW("the peer does not answer", P(ASKING), ask_overdue, ask_timed_out),
    ROW("the plan is over, and the other side has won", P(PLANNING), plan_over_but_lost, conclude_loss),
    ROW("the plan worked", P(PLANNING), plan_ok, conclude_success),
    ROW("the plan failed", P(PLANNING), plan_hopeless, conclude_failure),
    ROW("ordered, and another has taken what was given to us", P(PLANNING), given_and_taken, order_was_late),
    ROW("ordered, and the peer is heard to run", P(PLANNING), order_is_refuted, ask_after_all),
    ROW("the plan waits for the disk that says our copy stayed", P(PLANNING), ft_stayed_to_be_cleared,
        ft_store_as_known),
    ROW("the plan is due", P(PLANNING), plan_due, run_plan),
    ROW("the plan is due, and the disk hangs", P(PLANNING), plan_overdue, run_plan_uncleared),
};

/* Our QEMU is silent: is it the peer that it waits for?. */
static const struct ft_rule silent_qemu[] = {
    ROW("our QEMU is silent: what leads to the peer is yanked", OPEN | BOUND | P(FAILED), yank_due, yank),
    ROW("our QEMU is silent, though yanked: it is said", BOUND, sick_unsaid, say_sick),
};

/* A person's order. */
static const struct ft_rule order[] = {
    ROW("ordered, and a failover is under way", ENDING | P(ASKING) | P(FREEZING) | P(CLAIMING), forced_meanwhile,
        join_force),
    ROW("ordered, and it is too late", P(SOLO) | P(FENCED), forced_too_late, refuse_force),
    ROW("vouched for, and the verdict can be taken", FROZEN, vouched_and_askable, ft_take_verdict),
    STOP("vouched for, and the verdict is being taken", FROZEN, vouched_and_asked),
    ROW("vouched for, and the verdict cannot be taken", FROZEN, vouched_and_unaskable, take_over_as_vouched),
    ROW("ordered, and the other side has won", FROZEN, forced_and_lost, refuse_force),
    ROW("ordered, and our QEMU cannot", OPEN | BOUND | FROZEN | P(FAILED), forced_in_vain, refuse_force),
    ROW("ordered, and our QEMU is blocked", OPEN | BOUND | P(FAILED), forced_but_sick, refuse_force),
    ROW("ordered, with a peer that is heard", OPEN | BOUND | FROZEN | P(FAILED), forced_with_live_peer, ask_forced),
    ROW("ordered beside replication that lives", OPEN | BOUND | FROZEN | P(FAILED), forced_beside_replication,
        refuse_beside_replication),
    ROW("ordered, in a session that the peer alone has", OPEN | FROZEN | P(FAILED), forced_in_the_peers_session,
        ft_adopt),
    ROW("ordered, in a session that the peer alone has, and our disk refuses it", OPEN | FROZEN | P(FAILED),
        forced_in_the_peers_session_unstored, ft_adopt_unstored),
    ROW("ordered, with nobody to ask", OPEN | BOUND | FROZEN | P(FAILED), forced_alone, take_over_forced),
};

/* Frozen for the peer. */
static const struct ft_rule frozen_for_peer[] = {
    ROW("frozen, and the verdict names the winner", FROZEN, lost_and_verdict_stands, end_frozen),
    ROW("held, and the winner's host is off: the verdict is taken", P(HELD), ft_take_as_ousted_due, ft_take_verdict),
    ROW("held, and the winner is silent: its host is to be off", P(HELD), ft_oust_due, ft_oust),
    ROW("held, and the fence is given up", P(HELD), ft_ousts_given_up, to_held),
    ROW("held, and the winner's host is off, but its guest ran", P(HELD), ousted_in_vain_unsaid, to_held),
    ROW("frozen: the verdict is read", FROZEN, ft_verdict_look_due, ft_look_at_verdict),
    ROW("what has stayed by our disk: the verdict is read", OPEN | BOUND | P(FENCED), ft_stayed_look_due,
        ft_look_at_verdict),
    ROW("yielded, and the peer has died in the pair", FROZEN, peer_died_in_pair, take_over_gone),
    ROW("yielded, and so has the peer", FROZEN, peer_yielded_too, take_over_yielded),
    ROW("yielded, and the peer does not want it", FROZEN, peer_does_not_want_it, thaw_unwanted),
    ROW("yielded, and the peer's failover has failed", P(YIELDED), peer_failed, alarm_peer_failed),
    ROW("yielded, and the peer idles", P(YIELDED), peer_idles, to_yielded_to_the_idle),
    ROW("yielded, and the peer is lost or has nothing", P(YIELDED), peer_lost_or_absent, to_held),
    ROW("held, and the peer is in the pair again", P(HELD), peer_in_pair, to_yielded),
};

/* New QEMUs. */
static const struct ft_rule new_qemu[] = {
    ROW("killed, and still alive", P(FENCED), killed_but_alive, kill_again),
    ROW("a new QEMU is here", P(FENCED), replaced, to_unprotected),
    ROW("nothing stands in the way of a new guest", P(FENCED), may_start_anew, to_unprotected),
    ROW("failed, and QEMU is another one, never in COLO", P(FAILED), never_in_colo,
        to_unprotected), /* while the failure was on its way to disk */
};

/* Bound: the peer's word first. */
static const struct ft_rule peers_word[] = {
    ROW("bound no more", BOUND, unbound, to_unprotected),
    ROW("bound, and not known to share", BOUND, unshared, to_unprotected),
    ROW("bound, and the peer leaves", BOUND, peer_leaves, to_unprotected),
    ROW("bound, and the right is given back", OPEN | BOUND, given_back, take_back),
    ROW("given back, and there is nobody to take it", OPEN | P(FENCED), given_back_to_nobody, know_given_back),
    ROW("bound, and our QEMU is on its way out", P(PROTECTED) | P(SUSPECT), is_ending, to_watch),
    ROW("arming, and our QEMU is on its way out", P(ARMING), is_ending, to_unprotected),
    ROW("news of our QEMU on its way out", P(WATCH), ending_news, to_watch),
    ROW("news of our QEMU on its way out, in no pair", P(UNPROTECTED), ending_news, to_unprotected),
    STOP("our QEMU is on its way out: nothing is taken over", OPEN | BOUND, is_ending),
    ROW("the peer's guest is dead by its own word", OPEN | BOUND, peer_vm_dead, take_over_gone),
    ROW("the peer is dying, and may be claimed from", BOUND, claim_of_dying_due, take_over_absent),
    ROW("the peer has yielded", BOUND, peer_yielded, take_over_yielded),
    ROW("the peer has yielded what bound nobody", OPEN, yielded_unbound, take_over_yielded),
    ROW("the peer has gone from what bound nobody", OPEN, gone_unbound, take_over_gone),
    ROW("the session is left to us", OPEN, ft_session_left_to_us, ft_adopt),
    ROW("the session is left to us, and our disk refuses it", OPEN, ft_session_left_unstorable, ft_adopt_unstored),
    ROW("our QEMU is blocked, and the peer is able", BOUND, sick_with_able_peer, freeze_sick),
};

/* Bound: replication broken. */
static const struct ft_rule broken_pair[] = {
    ROW("yanked, and it has come to nothing", OPEN | BOUND, yank_unproven, yank_again),
    ROW("broken: the peer has no primary any more", BOUND, primary_absent, take_over_absent),
    ROW("broken: the peer has no QEMU any more", BOUND, broken_and_absent, take_over_absent),
    ROW("broken here: the primary asks", BOUND, broken_here_is_primary, ask_broken),
    ROW("broken, and the peer's primary is another one", BOUND, broken_and_primary_replaced, ask_broken),
    ROW("the peer says that replication is broken", BOUND, peer_says_broken, probe),
    ROW("replication is broken, a moment ago", P(PROTECTED), broken_and_waiting, to_suspect_broken),
};

/* Bound: silence. */
static const struct ft_rule silence[] = {
    ROW("the peer is silent, and its QEMU is to show whether it lives", BOUND, lost_but_alive_unprobed, probe_silence),
    ROW("the peer is silent, and there are signs of life", P(PROTECTED) | P(SUSPECT), lost_but_alive, to_watch),
    ROW("news of a silent peer with signs of life", P(WATCH), lost_but_alive_news, to_watch),
    STOP("the peer is silent with signs of life: waited for", P(WATCH), lost_but_alive),
    ROW("the peer is lost", BOUND, lost_and_able, take_over_lost),
    ROW("the peer is quiet", P(PROTECTED), quiet, to_suspect_quiet),
};

/* Bound: calm. */
static const struct ft_rule calm[] = {
    STOP("replication is broken: a moment is given", P(SUSPECT), broken_and_waiting),
    ROW("bound, and all is well", P(SUSPECT) | P(WATCH), all_well, to_protected),
    ROW("bound, and all is not well", P(PROTECTED) | P(SUSPECT), not_well, to_watch),
};

/* On the way to protection. */
static const struct ft_rule protection[] = {
    ROW("won, and the failover was not finished", P(STARTING) | OPEN, won_but_undone, take_over_lost),
    ROW("bound, and cannot protect", OPEN, bound_but_cannot_arm, to_place),
    ROW("the peer's session is taken up", OPEN | P(WATCH) | P(CUT_OFF), ft_adopt_due, ft_adopt),
    ROW("the old session is to end", P(ARMING) | P(WATCH), ft_end_old_due, ft_end_old),
    ROW("a session is proposed", P(ARMING) | P(WATCH), ft_propose_due, ft_propose),
    ROW("the peer's session is accepted", P(ARMING) | P(WATCH), ft_accept_due, ft_adopt),
    ROW("a session in doubt is looked up", OPEN | BOUND | FROZEN | P(FENCED), ft_look_up_due, ft_look_up),
    ROW("our name is put back into the register", OPEN | P(SOLO), ft_put_back_due, ft_stand_again),
    ROW("our name in the register is looked after", OPEN | P(SOLO), ft_guard_due, ft_guard_title),
    ROW("arming, and cannot protect", P(ARMING), cannot_arm, to_unprotected),
    ROW("armed, and all is well", P(ARMING), all_well, to_protected),
    ROW("arming, and it takes too long", P(ARMING), arming_hangs, to_arming_in_vain),
    ROW("broken without a session: the peer is asked", OPEN | P(SOLO), broken_unbound, ask_broken),
    ROW("broken without a session, and nobody is there", OPEN | P(SOLO), broken_and_alone, take_over_lost),
    ROW("a checkpoint is wanted", P(ARMING) | P(WATCH), checkpoint_wanted, probe),
    ROW("failed, and able again", P(FAILED), failed_but_able, take_over_again),
    ROW("failed for good: it is to be given back", P(UNPROTECTED) | P(FAILED), failed_for_good, freeze_to_give_back),
    ROW("a pair that could be protected", P(UNPROTECTED) | P(FAILED), can_arm, to_arming),
    ROW("alone, and a pair that could be protected", P(SOLO), can_arm_again, to_arming),
    ROW("the reason for no protection has changed", P(UNPROTECTED), reason_is_stale, to_unprotected),
    ROW("the reason for waiting has changed", P(WATCH), reason_is_stale, to_watch),
};

/* What gives up the right to run stands before what takes it, and a peer's word before its silence. */
static const struct ft_table law[] = {
    TABLE("whatever else happens", always),
    TABLE("the right to run, with an arbiter", right),
    TABLE("giving up the right to run", yielding),
    TABLE("a failover under way", failover),
    TABLE("our QEMU is silent: is it the peer that it waits for?", silent_qemu),
    TABLE("A person's order", order),
    TABLE("frozen for the peer", frozen_for_peer),
    TABLE("new QEMUs", new_qemu),
    TABLE("bound: the peer's word first", peers_word),
    TABLE("bound: replication broken", broken_pair),
    TABLE("bound: silence", silence),
    TABLE("bound: calm", calm),
    TABLE("on the way to protection", protection),
};

static bool step_is_full(const struct ft_actions *out, int round)
{
	return round == FT_ROWS_MAX || out->n >= FT_ACTIONS_MAX / 2 || out->n_records == FT_RECORDS_MAX;
}

/* The first row that holds, or NULL. */
static const struct ft_rule *first_due(const struct ft_table *tables, size_t n, const struct ft_core *c)
{
	for (size_t t = 0; t < n; t++)
		for (size_t i = 0; i < tables[t].n; i++) {
			const struct ft_rule *r = &tables[t].rules[i];
			if ((r->phases >> c->phase & 1u) && r->when(c))
				return r;
		}
	return NULL;
}

/* Rows that undo each other are a bug of ours, but somebody else's word may be what shows it, and who guards a guest does not end for
 * that.  Each row that was done was right by what was known, and the next event finds the rest: such a step is cut short, no more. */
void ft_rules_read(const struct ft_table *tables, size_t n, struct ft_core *c, struct ft_actions *out)
{
	bool resumes = c->resume_at != FT_NEVER;
	c->resume_at = FT_NEVER;
	for (int round = 0;; round++) {
		const struct ft_rule *r = first_due(tables, n, c);
		if (!r || !r->then) {
			c->asking = NULL;
			return;
		}
		if (step_is_full(out, round))
			break;
		c->row = out->rows[out->n_rows++] = r->name;
		r->then(c, out);
		ft_core_refresh_self(c);
	}
	c->asking = NULL;
	c->resume_at = c->wake_at = c->now + FT_RETRY_NS;
	if (!resumes)
		ft_core_say(
		    c, out, FT_LEVEL_ERROR,
		    "ftd comes to no decision, which is a bug of its own: it goes on with what it knows next; please "
		    "report it, with this log");
}

const struct ft_table *ft_rules_law(size_t *n)
{
	*n = sizeof law / sizeof law[0];
	return law;
}
