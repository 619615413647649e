/* The laws.  What each one means is said where it is judged. */
#include "tests/sim/sim.h"
#include "tests/unit/core_world.h"

#include <stdio.h>
#include <string.h>

#define FREEZES_MAX     60
#define ASKS_MAX        300 /* and so many for each question of a unit that would start the VM: */
#define ASKS_TO_START   2
#define SLEEP_LOOKED_AT 16 /* of so many moments at one, as it costs more than a step */

const char *const world_spins = "the world spins";
static const uint8_t none[FT_SESSION_BYTES];

void law_broken(const char *law)
{
	bool judged = !w.options.law || strcmp(law, w.options.law) == 0 || strcmp(law, world_spins) == 0;
	if (w.broken || !judged)
		return;
	w.broken = law;
	for (int i = 0; i < 2; i++) {
		const struct host *h = &w.host[i];
		const struct ft_core *c = &h->ftd.core;
		tell(i, "at the end: ftd %s, %s: %s; session %s %02x%02x of %s, winner %s; QEMU %s%s, %s, was %s",
		     h->ftd.running == FTD_RUNS ? "runs" : "does not run", ft_state_name(ft_core_state(c)), c->reason,
		     ft_session_stage_name(c->session.stage), c->session.id[0], c->session.id[1],
		     ft_role_name(c->session.role), c->session.winner, h->qemu.alive ? "alive" : "dead",
		     h->qemu.stopped ? ", stopped" : "", ft_role_name(h->qemu.mode), ft_role_name(h->qemu.last));
		tell(i, "it sees: %s, %s, %s%s, frozen %d", h->ftd.seen.connected ? "answers" : "silent",
		     ft_role_name(h->ftd.seen.role), c->self.ready ? "ready" : "not ready",
		     c->qemu.plan_ready ? "" : ", no plan", c->frozen);
		const struct ft_link_stats *l = &h->ftd.hub.links[0].stats;
		tell(i, "hearing %d, link 0: sent %llu, received %llu, echo %llu, replay %llu", (int)c->hearing,
		     (unsigned long long)l->sent, (unsigned long long)l->received,
		     (unsigned long long)l->rejected[FT_REJECT_ECHO],
		     (unsigned long long)l->rejected[FT_REJECT_REPLAY]);
	}
	tell(-1, "BROKEN: %s", law);
}

/* ---- never two masters ---- */

/* What the documentation leaves open: the moments after a suspend of the whole host, and the time until the watchdog
 * resets a host on which ftd and sentinel were killed in one blow. */
static bool excused(int host)
{
	const struct host *h = &w.host[host];
	if (w.options.fence || w.options.behind)
		return false; /* whoever took over has powered it off before */
	bool woken = h->resumed_at != FT_NEVER && w.now < h->resumed_at + MS(5 + w.options.freeze_ms);
	/* One that was paused finds out at its next heartbeat; where there is no ftd to, its sentinel's clock has missed that
	 * time as well. */
	bool found_out = h->missed == 0;
	/* Its lease is of the detection time that its last ftd had, which may have been a longer one. */
	double lease = INTERVAL_MS * (h->longest_after + 1);
	bool came_since = h->paused_until != FT_NEVER && h->ftd.resumed_at < h->paused_until;
	double late = !ftd_can_run(host) || came_since ? lease : found_out ? 5 : INTERVAL_MS + 10;
	/* One that was stopped as it found out, or before, tells its sentinel once it goes on. */
	bool stopped = h->paused_until != FT_NEVER && h->ftd.resumed_at > h->paused_until &&
	               h->ftd.resumed_at < h->paused_until + MS(lease);
	int64_t since =
	    stopped || (!found_out && h->ftd.resumed_at > h->paused_until) ? h->ftd.resumed_at : h->paused_until;
	bool unpaused = since != FT_NEVER && w.now < since + MS(late + w.options.freeze_ms);
	return h->blown || woken || unpaused;
}

/* Nothing keeps a unit from starting the guest beside the peer's in a pair that never had a session, but a peer that is
 * heard. */
static bool booted_unbound(void)
{
	bool booted = false, bound = false;
	for (int i = 0; i < 2; i++) {
		booted |= w.host[i].qemu.booted && w.host[i].booted_unheard;
		bound |= w.host[i].disk.file.stage != FT_SESSION_NONE || w.host[i].disk.lost;
	}
	return booted && !bound;
}

/* A state_dir that is taken from under a QEMU that lives on, or has a session at an earlier stage, and a register that has forgotten
 * who had won: what they knew of the right to run nobody else knows.  ftd(8) says so.  Of what is started afterwards may-start judges, and that is held to all laws; but a
 * fence keeps no register that it could ask. */
static bool robbed_of_proof(void)
{
	for (int i = 0; i < 2; i++) {
		const struct host *h = &w.host[i];
		if (h->swapped_beside != 0 && h->swapped_beside == h->qemu.instance)
			return true;
		if (w.options.fence && h->disk.lost)
			return true;
		bool set_back = memcmp(h->set_back, none, sizeof none) != 0;
		for (int k = 0; k < 2; k++)
			if (set_back && memcmp(h->set_back, w.host[k].ftd.core.session.id, sizeof none) == 0)
				return true;
		for (int k = 0; k < w.n_rolled_back; k++)
			if (memcmp(w.rolled_back[k], h->ftd.core.session.id, FT_SESSION_BYTES) == 0)
				return true;
	}
	return false;
}

/* A person answers for one QEMU: whatever is started in its place he knows nothing of.  But until the register names the side
 * that went on by his word, he has to keep the other host off. */
static bool vouched_pair(void)
{
	bool both = true;
	const struct registration *r = arbiter_find(w.vouched_session);
	bool told = w.options.fence || (r && r->winner == w.vouched_by);
	for (int i = 0; i < 2; i++) {
		bool same = w.vouched_for[i] != 0 && w.vouched_for[i] == w.host[i].qemu.instance;
		both &= same || (i != w.vouched_by && w.vouched_for[i] != 0 && !told);
	}
	return both;
}

/* Whose peer has run the guest alone, for however short a time, holds a copy that is not needed any more. */
static void note_proof(int host)
{
	const struct qemu *peers = &w.host[1 - host].qemu;
	if (runs_as_master(1 - host) && (peers->released || peers->booted))
		w.superseded[host] = w.host[host].qemu.instance;
}

/* What is said and done rests on the right to run that the sentinel knows of, and a guest is set free within it. */
void laws_before_act(int host, const struct ft_action *a)
{
	const struct ftd *f = &w.host[host].ftd;
	bool known = w.host[host].sentinel.lease == ft_core_lease_of(&f->core, f->seen.instance);
	if (w.options.arbitrated && !f->alone && !known)
		law_broken("something is done before the sentinel knows of the right that it rests on");
	if (a->kind == FT_DO_THAW && local_time(host) >= ft_core_lease(&f->core))
		law_broken("a guest is thawed whose right to run has ended");
}

/* Only a copy of which the other side has a newer one, that runs, is ended. */
void laws_before_kill(int host)
{
	const struct qemu *q = &w.host[host].qemu;
	bool copy = q->alive && (q->mode != FT_ROLE_NONE || q->last != FT_ROLE_NONE || q->booted);
	if (w.law && copy && !w.guest_ended && w.superseded[host] != q->instance)
		law_broken("the last copy of the guest is ended");
}

/* Whose peer runs the guest alone, and knows it, or has booted it anew, holds an old copy, which with an arbiter never
 * runs again; but where a person orders it since that guest has died. */
static void judge_copies(int host)
{
	const struct qemu *ours = &w.host[host].qemu, *peers = &w.host[1 - host].qemu;
	bool known = w.host[1 - host].ftd.core.qemu.last_role != FT_ROLE_NONE;
	if (runs_as_master(1 - host) && ((peers->released && known) || (peers->booted && !booted_unbound())))
		w.old_copy[host] = ours->instance;
	bool runs = runs_as_master(host) && !runs_as_master(1 - host) && !excused(host);
	/* Whoever of ftd has died since.  Or he took back what had been given away, while the other side was silent. */
	bool taken_back = w.taken_back[host] == ours->instance;
	bool wanted = w.ordered[host] == ours->instance || vouched_pair();
	bool ordered = (!peers->alive && wanted) || taken_back;
	bool ousted = w.ousted_for[host] == ours->instance; /* who has won is off, and that is all the loser can know */
	bool old = ours->instance == w.old_copy[host];
	if (runs && old && ordered) /* the newer one is gone for ever, and whatever is started there is of this one */
		w.old_copy[host] = 0;
	if (w.options.arbitrated && runs && old && !ordered && !ousted && !vouched_pair() && !robbed_of_proof())
		law_broken("an old copy of the guest runs");
}

/* ---- a late failover is an outage ---- */

#define TAKES_OVER_WITHIN SECOND(1.5) /* detection, the guard, the claim and the plan, where nothing else is wrong */

static bool is_protected(int host)
{
	return ftd_can_run(host) && w.host[host].ftd.core.phase == FT_PHASE_PROTECTED;
}

void laws_before_crash(int host)
{
	if (faults_are_a_crash(host) && is_protected(1 - host) && !w.healed)
		w.crashed_at[host] = w.now;
}

#define ANSWERED_WITHIN SECOND(1.2) /* by the arbiter, or it was out of reach */

/* By what was sent here within half a detection time, whatever state the other side says it is in. */
static bool is_answered(int host)
{
	const struct ft_hub *hub = &w.host[host].ftd.hub;
	const struct ft_core *c = &w.host[host].ftd.core;
	bool lately = false;
	for (int i = 0; i < hub->n_links; i++) {
		const struct ft_hub_link *l = &hub->links[i];
		int64_t at = l->stats.acked_at;
		/* Before the first acknowledgement that is not tentative, neither side has proved to the other what it is. */
		bool proven = at != FT_NEVER && l->was_on != FT_NEVER;
		bool since = proven && (c->stood_still_at == FT_NEVER || at - l->stats.rtt > c->stood_still_at);
		lately |= since && l->stats.rtt >= 0 && c->now - at + l->stats.rtt < c->params.window / 2;
	}
	return c->hearing == FT_PEER_ALIVE && lately;
}

/* Whom the verdict names runs the guest, or is to; but he may come to stand there as the answer is on its way. */
void laws_before_fence(int host)
{
	const struct host *h = &w.host[host];
	if (is_answered(host))
		law_broken("a host is powered off that hears us, and is heard");
	const struct registration *v = arbiter_verdict(h->ftd.core.session.id);
	int64_t asked = h->ftd.verdict_asked_at;
	bool held_up = h->ftd.resumed_at > asked || (h->resumed_at != FT_NEVER && h->resumed_at > asked) ||
	               (h->paused_until != FT_NEVER && h->paused_until > asked);
	bool late = asked == 0 || (w.now > asked + ANSWERED_WITHIN && !held_up);
	if (v && v->winner != host && v->at <= w.now && (late || v->at < asked) && !robbed_of_proof())
		law_broken("a host is powered off that the verdict names");
}

/* So long after its start each has heard the other, whatever is replayed to them. */
#define HEARD_WITHIN MS(3.2 * INTERVAL_MS)

/* Nothing has ever kept the two from hearing each other but that the peer's ftd was away, and it is back. */
static bool is_back(int host)
{
	const struct ftd *theirs = &w.host[1 - host].ftd;
	return faults_are_restarts() && !w.walls_unset && theirs->running == FTD_RUNS && !theirs->alone &&
	       !theirs->exiting && w.now >= theirs->resumed_at + HEARD_WITHIN;
}

/* Who was stopped for longer than the detection time has not listened: its peer has a whole one to be heard. */
void laws_before_loss(int host)
{
	const struct ftd *f = &w.host[host].ftd;
	const struct ft_detector *d = &f->hub.detector;
	bool heard = d->newest_at != FT_NEVER && d->newest_at >= f->anew_from;
	if (!heard && d->last_tick >= f->anew_from && d->last_tick < f->anew_from + d->window)
		law_broken("a peer is given up at once after a stall");
	if (is_back(host))
		law_broken("a peer that is back is given up");
}

static void judge_survivor(int crashed)
{
	int64_t agent = w.options.fence ? SECOND(4) : w.options.behind ? SECOND(60) : 0; /* with its delay */
	/* Without an arbiter a port unreachable stands for life, until the next checkpoint is overdue: security.md. */
	int64_t forged = !w.options.arbitrated && faults_forge_icmp() ? w.checkpoint_every + SECOND(5) : 0;
	int64_t within = TAKES_OVER_WITHIN + MS(w.guard_ms) + agent + forged;
	if (w.host[crashed].ftd.running != FTD_DEAD) /* it is back, and what it says of itself is waited for */
		w.crashed_at[crashed] = FT_NEVER;
	if (w.crashed_at[crashed] == FT_NEVER || w.now < w.crashed_at[crashed] + within)
		return;
	if (!runs_as_master(1 - crashed))
		law_broken("the survivor of a crash takes over late");
	w.crashed_at[crashed] = FT_NEVER;
}

void laws_after_event(void)
{
	note_proof(0);
	note_proof(1);
	if (!w.law)
		return;
	judge_survivor(0);
	judge_survivor(1);
	judge_copies(0);
	judge_copies(1);
	bool both = runs_as_master(0) && runs_as_master(1);
	if (both && !excused(0) && !excused(1) && !booted_unbound() && !vouched_pair() && !robbed_of_proof())
		law_broken("two masters");
}

/* ---- after each step of a core ---- */

static bool waits(const struct ft_core *c)
{
	switch (c->phase) {
	case FT_PHASE_STARTING:
	case FT_PHASE_ASKING:
	case FT_PHASE_FREEZING:
	case FT_PHASE_CLAIMING:
	case FT_PHASE_PLANNING:
	case FT_PHASE_RECORDING:
	case FT_PHASE_YIELDING:
		return true;
	case FT_PHASE_CUT_OFF:
		/* Which only the peer or a person ends; so it is where we have won, and the peer is heard. */
		return !c->cannot_know && c->session.stage != FT_SESSION_ENDED;
	case FT_PHASE_UNPROTECTED:
	case FT_PHASE_ARMING:
	case FT_PHASE_PROTECTED:
	case FT_PHASE_SUSPECT:
	case FT_PHASE_WATCH:
	case FT_PHASE_SOLO:
	case FT_PHASE_YIELDED: /* until the peer is solo, or silent */
	case FT_PHASE_HELD:    /* for a person */
	case FT_PHASE_FENCED:
	case FT_PHASE_FAILED:
	case FT_PHASE_COUNT:
		break;
	}
	return false;
}

/* A person orders a failover, the peer is silent, and the register cannot be asked, or names us in a session that was released or
 * resigned, so that no lease stops the peer's guest: he answers for it, also as its ftd comes back meanwhile and knows nothing yet.
 * Where the register names the other side, nobody may.  An order that is confirmed is a truthful one, person.c sees to that: it excuses
 * nothing. */
static bool vouches(int host)
{
	const struct ft_core *c = &w.host[host].ftd.core;
	bool ordered = is_order(c->outcome.cause) && !c->forced_confirmed;
	bool heard = c->hearing == FT_PEER_ALIVE || c->hearing == FT_PEER_QUIET;
	bool knows = c->peer.side.state != FT_STARTING || c->now < c->asked_arbiter_at + FT_ASK_NS;
	bool won = c->claim == FT_CLAIM_WON && w.host[host].ftd.claimed_released;
	bool lost = c->claim == FT_CLAIM_LOST && c->session.instance == w.host[host].qemu.instance;
	return ordered && !(heard && knows) && !lost && (c->claim != FT_CLAIM_WON || won);
}

/* A success is one; but a person may have led our QEMU into a new pair in the moment before its ftd looks. */
void laws_before_record(int host, const struct ft_outcome *o)
{
	const struct qemu *q = &w.host[host].qemu;
	bool led_since = w.rebuilt && w.now < w.rebuilt_at + MS(100);
	if (o->result == FT_RESULT_NONE || o->ended_at > w.host[host].ftd.core.now)
		law_broken("an outcome is recorded that has not ended");
	if (o->cause == FT_CAUSE_NONE)
		law_broken("an outcome is recorded that nothing has begun");
	if (o->result == FT_SUCCESS && q->alive && q->mode != FT_ROLE_NONE && !led_since)
		law_broken("a success is recorded, and QEMU has not failed over");
}

/* What is said to be on disk is there, and no claim of it is lost. */
void laws_after_outcome(int host, const struct ft_action *a)
{
	const struct disk *d = &w.host[host].disk;
	const struct ft_outcome *o = &w.host[host].ftd.pending;
	const struct kept_outcome *newest = d->n_outcomes ? &d->outcomes[d->n_outcomes - 1] : NULL;
	bool kept =
	    newest && newest->result == o->result && memcmp(newest->session, o->session, sizeof o->session) == 0;
	if (!a->text[0] && !kept && d->n_outcomes < OUTCOMES_MAX)
		law_broken("an outcome is announced as written, and is not");
	if (o->result == FT_SUCCESS && o->claim == FT_CLAIM_LOST)
		law_broken("a success whose claim is lost");
}

/* Whoever resigns on disk gives the session to the other side, whatever claim of his had landed before. */
void laws_after_write(int host)
{
	const struct ft_session *s = &w.host[host].disk.file;
	if (s->stage != FT_SESSION_RESIGNED || w.n_resigned[host] == REGISTERS_MAX)
		return;
	memcpy(w.resigned[host][w.n_resigned[host]++], s->id, sizeof s->id);
}

static bool has_resigned(int host, const uint8_t id[FT_SESSION_BYTES])
{
	for (int i = 0; i < w.n_resigned[host]; i++)
		if (memcmp(w.resigned[host][i], id, FT_SESSION_BYTES) == 0)
			return true;
	return false;
}

/* A session is told to the peer once it would survive a crash; and so is its end.  But where the disk takes nothing, and our QEMU is
 * dead, that it may be there; and the one before, until ftd knows that the next one is there.  No word contradicts itself: what does
 * is not believed. */
static void judge_word(int host)
{
	const struct ft_core *c = &w.host[host].ftd.core;
	struct ft_side last;
	if (!ft_side_possible(&c->self) || (ft_core_last_word(c, &last) && !ft_side_possible(&last)))
		law_broken("a side contradicts itself");
	const struct ft_session *stored = &w.host[host].disk.file;
	bool refused = c->bind_failed && c->self.vm == FT_VM_ABSENT && !c->self.returned &&
	               memcmp(c->self.session, c->bind.id, sizeof none) == 0;
	bool unanswered = c->storing && memcmp(c->store_next.id, stored->id, sizeof none) == 0 &&
	                  memcmp(c->self.session, c->session.id, sizeof none) == 0;
	if (!refused && !unanswered && memcmp(c->self.session, none, sizeof none) != 0 &&
	    memcmp(c->self.session, stored->id, sizeof none) != 0)
		law_broken("a session is told before it is stored");
	bool open = stored->stage == FT_SESSION_BOUND || stored->stage == FT_SESSION_RELEASED;
	const struct ft_side *peer = &c->peer.side;
	bool answered = peer->request == FT_REQUEST_YIELD && c->self.answer_id == peer->request_id &&
	                c->self.answer == FT_ANSWER_YIELDED &&
	                c->self.vm != FT_VM_ABSENT; /* then it asks the register */
	bool given = c->self.vm == FT_VM_GONE || c->self.vm == FT_VM_YIELDED || answered;
	if (open && c->session.stage != FT_SESSION_ENDED && given && w.options.arbitrated)
		law_broken("a right is given away before that is stored");
}

/* A primary whose session was released runs without a lease: its peer must not be bound, for it could claim. */
static void judge_release(int primary)
{
	const struct host *h = &w.host[primary], *other = &w.host[1 - primary];
	const struct ft_session *ours = &h->ftd.core.session, *peers = &other->ftd.core.session;
	bool released = ours->stage == FT_SESSION_RELEASED && ours->role == FT_ROLE_PRIMARY && runs_as_master(primary);
	bool bound = peers->stage == FT_SESSION_BOUND && memcmp(peers->id, ours->id, sizeof ours->id) == 0;
	bool running = h->ftd.running != FTD_DEAD && other->ftd.running != FTD_DEAD;
	if (released && bound && running && !robbed_of_proof())
		law_broken("a primary has released a session that binds its peer");
}

/* Who yields, at the other's word or by itself, leaves the guest to one that can go on, as far as both know. */
static void judge_yield(int host, const struct ft_actions *out)
{
	const struct ft_core *c = &w.host[host].ftd.core;
	const struct ft_side *peer = &c->peer.side;
	for (int i = 0; i < out->n; i++) {
		bool asks = out->a[i].kind == FT_DO_STATE && c->phase == FT_PHASE_ASKING;
		if (asks && !c->frozen && !w.host[host].ftd.seen.connected)
			law_broken("a peer is asked to yield to a QEMU that does not answer");
		bool by_itself = out->a[i].kind == FT_DO_FREEZE && c->phase == FT_PHASE_YIELDING && !c->owes_answer &&
		                 (c->hung || c->sick) && c->ending == FT_ENDING_NOT;
		bool over = peer->state == FT_SOLO || c->session.stage == FT_SESSION_ENDED ||
		            c->session.stage == FT_SESSION_RESIGNED;
		if (by_itself && !over && peer->sick)
			law_broken("a guest is left to a QEMU that does not answer");
	}
}

/* Once it has claimed, an order may stand in the register, whatever this ftd hears of that, and whichever ftd comes next may carry it
 * through: by a plan, with its fence, if one belongs to it.  To wake the copy otherwise is not to carry it through. */
static void note_order(int host)
{
	const struct ft_core *c = &w.host[host].ftd.core;
	uint64_t instance = w.host[host].qemu.instance;
	bool ordered = is_order(c->outcome.cause), goes_on = c->phase == FT_PHASE_PLANNING;
	bool fenced = c->session.title != FT_TITLE_UNFENCED;
	if (ordered && goes_on)
		w.ordered[host] = instance;
	const struct registration *r = arbiter_find(c->session.id);
	bool stands = w.options.fence || (r && r->winner == host);
	if (goes_on && fenced && stands && w.order_claimed[host] == instance)
		w.taken_back[host] = instance;
}

void laws_after_step(int host, const struct ft_actions *out)
{
	const struct ft_core *c = &w.host[host].ftd.core;
	int64_t due = ft_core_deadline(c);
	note_order(host);
	if (c->phase == FT_PHASE_PLANNING && c->tries == 0 && !c->plan_running &&
	    c->now >= c->phase_since + FT_RECORD_NS)
		law_broken("a failover waits for a disk without end");
	if (c->resume_at != FT_NEVER)
		law_broken("the table does not come to rest");
	if (c->record.astray)
		law_broken("an outcome is under way that was never begun, or was told twice");
	if (w.now % SLEEP_LOOKED_AT == 0 && sleeps_too_long(c))
		law_broken("the deadline is later than something comes due");
	if (due <= c->now)
		law_broken("a deadline that is not in the future: a busy loop");
	bool owed = c->plan_running || c->arbiter_busy || c->fencing || c->storing;
	if (waits(c) && due == FT_NEVER && !owed && !ft_core_exits(c))
		law_broken("a phase that waits has no deadline");
	for (int i = 0; i < out->n; i++)
		if (out->a[i].kind == FT_DO_FREEZE && ++w.freezes > FREEZES_MAX)
			law_broken("frozen and thawed without end");
	for (int i = 0; i < out->n; i++)
		if ((out->a[i].kind == FT_DO_CLAIM || out->a[i].kind == FT_DO_READ) &&
		    ++w.asks > ASKS_MAX + ASKS_TO_START * w.questions)
			law_broken("the arbiter is asked without end");
	for (int i = 0; i < out->n; i++)
		if (out->a[i].kind == FT_DO_PLAN && vouches(host)) {
			w.vouched = true;
			for (int k = 0; k < 2; k++)
				w.vouched_for[k] = w.host[k].qemu.instance;
			w.vouched_by = host;
			memcpy(w.vouched_session, c->outcome.session, sizeof w.vouched_session);
			tell(host, "a person vouches: for the other side's QEMU he answers from here on");
		}
	if (w.options.apart && c->phase == FT_PHASE_PROTECTED)
		law_broken("protected by registers that are not shared");
	judge_yield(host, out);
	judge_word(host);
	judge_release(0);
	judge_release(1);
	if (c->session.stage != FT_SESSION_ENDED || memcmp(c->session.id, none, sizeof none) == 0)
		return;
	const struct registration *r = arbiter_find(c->session.id);
	bool given = !r && has_resigned(1 - host, c->session.id); /* which the register may be yet to hear */
	bool returned = c->session.title == FT_TITLE_RETURNED || c->session.title == FT_TITLE_REGAINED;
	const struct registration *v = arbiter_verdict(c->session.id);
	bool agrees = w.options.fence || given || returned ||
	              (v && strcmp(c->session.winner, v->winner ? "beta" : "alpha") == 0) ||
	              (r && strcmp(c->session.winner, r->winner ? "beta" : "alpha") == 0);
	if (!agrees && !robbed_of_proof() && !(r && (has_resigned(r->winner, r->id) || !w.host[r->winner].qemu.alive)))
		law_broken("a core does not agree with the register about who has won");
}

/* ---- after all has healed ---- */

static bool protects(int host)
{
	return w.host[host].ftd.running == FTD_RUNS && w.host[host].ftd.core.phase == FT_PHASE_PROTECTED;
}

static bool knows_nothing_of_its_qemu(const struct host *h)
{
	const struct ft_session *s = &h->ftd.core.session;
	return s->stage == FT_SESSION_ENDED || s->stage == FT_SESSION_NONE || s->instance != h->qemu.instance;
}

static bool solo(int host)
{
	const struct host *h = &w.host[host], *other = &w.host[1 - host];
	const struct qemu *old = &other->qemu;
	/* A QEMU of which its ftd has no open session is left for a person to end, as that ftd says: a secondary, and one that
	 * stood still when its ftd came. */
	bool left =
	    other->ftd.core.phase == FT_PHASE_UNPROTECTED && (other->disk.lost || knows_nothing_of_its_qemu(other));
	bool left_over = left && old->mode == FT_ROLE_SECONDARY && h->qemu.booted;
	bool left_still = left && old->stopped && other->ftd.core.qemu.stopped;
	bool other_rests =
	    !old->alive || (old->mode == FT_ROLE_NONE && old->last == FT_ROLE_NONE) || left_over || left_still;
	bool leads_nobody = h->qemu.mode == FT_ROLE_PRIMARY && left_still;
	bool ours_rests = h->ftd.core.phase == FT_PHASE_SOLO ||
	                  ((h->qemu.booted || leads_nobody) && h->ftd.core.phase == FT_PHASE_UNPROTECTED);
	return runs_as_master(host) && h->ftd.running == FTD_RUNS && ours_rests && other_rests &&
	       !ft_record_busy(&h->ftd.core.record);
}

static bool has_won(int host)
{
	const struct ft_core *c = &w.host[host].ftd.core;
	return c->session.stage == FT_SESSION_ENDED && strcmp(c->session.winner, c->params.node) == 0;
}

/* Both have ended the session, and the other side later: the VM is to be started there. */
static bool won_before_the_other(int host)
{
	const struct ft_session *ours = &w.host[host].ftd.core.session, *theirs = &w.host[1 - host].ftd.core.session;
	return has_won(host) && has_won(1 - host) && memcmp(ours->id, theirs->id, sizeof none) == 0 &&
	       ours->title != FT_TITLE_REGAINED && theirs->title == FT_TITLE_REGAINED;
}

/* A unit waits to start the VM here, and ftd can find out that it may. */
static bool could_start(int host)
{
	const struct host *h = &w.host[host];
	const struct ft_core *c = &h->ftd.core;
	const struct ft_session *s = &c->session;
	bool won = has_won(host) && !won_before_the_other(host);
	bool ours = s->stage == FT_SESSION_BOUND || (s->stage == FT_SESSION_RELEASED && s->role == FT_ROLE_PRIMARY);
	bool claimable = ours && c->params.registers; /* after a fence a person says where */
	bool given = c->phase == FT_PHASE_FENCED && s->instance != c->seen_instance; /* in a later pair */
	/* Whoever was told there that he may start it by his word, has a minute for that. */
	bool waits = c->hearing == FT_PEER_ALIVE && w.host[1 - host].ftd.core.start_granted;
	return h->unit && h->ftd.running == FTD_RUNS && !given && !waits && (won || claimable);
}

/* Nothing is left that could run, and nobody will start anything. */
static bool all_dead(void)
{
	return !w.host[0].qemu.alive && !w.host[1].qemu.alive && !could_start(0) && !could_start(1);
}

static bool is_held(int host)
{
	const struct host *h = &w.host[host];
	enum ft_phase p = h->ftd.core.phase;
	return h->qemu.alive && (p == FT_PHASE_CUT_OFF || p == FT_PHASE_HELD || p == FT_PHASE_YIELDED ||
	                         p == FT_PHASE_FREEZING || p == FT_PHASE_CLAIMING || p == FT_PHASE_YIELDING);
}

static bool runs_guest(int host)
{
	return runs_as_master(host) && !w.host[host].qemu.halted;
}

/* No ftd that runs now was there as it broke. */
static bool broke_unseen(int host)
{
	const struct host *h = &w.host[host];
	return h->qemu.exit_said && h->qemu.exit_life != h->ftd.life;
}

/* Its present pair has had no session, as far as this side knows. */
static bool never_bound(int host)
{
	const struct ft_session *s = &w.host[host].ftd.core.session;
	const struct qemu *q = &w.host[host].qemu;
	bool over = s->stage != FT_SESSION_BOUND && s->stage != FT_SESSION_RELEASED;
	return over && (s->instance != q->instance || s->role != q->mode);
}

/* Replication broke, and no ftd was there to see it: the guest runs, unprotected, and a person sees that; or it stands still in
 * a pair of which no ftd knows that it ever replicated: how long its first checkpoint may take, nobody can say. */
static bool runs_unprotected(void)
{
	bool broken = w.host[0].qemu.exit_said || w.host[1].qemu.exit_said;
	bool runs = runs_guest(0) != runs_guest(1), unseen = broke_unseen(0) && broke_unseen(1);
	return broken && (runs || (unseen && never_bound(0) && never_bound(1))) && !is_held(0) && !is_held(1);
}

static bool both_protect(void)
{
	return protects(0) && protects(1);
}

/* A claim that was given up has landed: whoever does not stand there could not go on without the other. */
static bool right_is_spent(void)
{
	return arbiter_find(w.host[0].ftd.core.session.id) != NULL;
}

static bool has_success(const struct disk *d, const uint8_t id[FT_SESSION_BYTES])
{
	for (int i = 0; i < d->n_outcomes; i++)
		if (d->outcomes[i].result == FT_SUCCESS && memcmp(d->outcomes[i].session, id, FT_SESSION_BYTES) == 0)
			return true;
	return d->n_outcomes == OUTCOMES_MAX;
}

/* Whoever runs the guest alone since a failover of ftd's, has a success on its disk: of the session that it has won by the core's
 * word, and of the one that QEMU was failed over in, unless the disk has lost it, or ftd has died before it took it. */
static bool owes_outcome(int host)
{
	const struct host *h = &w.host[host];
	const struct ft_session *s = &h->ftd.core.session;
	const struct qemu *q = &h->qemu;
	bool alone = q->alive && !q->stopped && q->mode == FT_ROLE_NONE;
	bool won = s->stage == FT_SESSION_ENDED && strcmp(s->winner, h->ftd.core.params.node) == 0 &&
	           s->instance == q->instance;
	/* What had not reached the disk as its ftd died, nobody here knows of. */
	bool known = !h->disk.lost && h->disk.file.stage != FT_SESSION_NONE;
	bool led = memcmp(q->session, none, sizeof none) != 0 && known;
	return alone && ((won && !has_success(&h->disk, s->id)) || (led && !has_success(&h->disk, q->session)));
}

bool laws_settled(void)
{
	return w.healed && !owes_outcome(0) && !owes_outcome(1) &&
	       ((both_protect() && !right_is_spent()) || solo(0) || solo(1) || all_dead());
}

/* The winner's is there.  And at most one success a session, on both disks together; but for a person's order; for a winner that
 * was switched off since; and for a pair that was made anew and broke before it had a session of its own. */
static void judge_outcomes(void)
{
	if (owes_outcome(0) || owes_outcome(1))
		law_broken("a winner runs the guest alone, and has no outcome on disk");
	for (int i = 0; i < w.n_registers; i++) {
		int successes = 0;
		bool ordered = false;
		for (int k = 0; k < 2 * OUTCOMES_MAX; k++) {
			const struct disk *d = &w.host[k % 2].disk;
			const struct kept_outcome *o = &d->outcomes[k / 2];
			if (k / 2 >= d->n_outcomes || o->result != FT_SUCCESS || o->rebuilt ||
			    memcmp(o->session, w.registers[i].id, sizeof o->session) != 0)
				continue;
			successes++;
			ordered |= o->ordered || w.ordered[k % 2] != 0; /* whichever ftd carried it through */
		}
		bool ousted = w.ousted_for[0] != 0 || w.ousted_for[1] != 0;
		if (successes > 1 && !ordered && !ousted && !w.vouched && !robbed_of_proof())
			law_broken("a session has two successful outcomes");
	}
}

/* What ftd does not promise to mend: a QEMU that was stuck when its ftd came, so that no plan could be made; a QEMU that somebody else
 * has stopped; a death while an ftd took its leave, or where the other side has lost its file, or had not written it yet when
 * it was given the guest; a peer that may have run the guest alone before it died; a QEMU that nobody could freeze, which is
 * never protected; an order that nothing but a person's word stood for, and that failed, as that person was told, or whose ftd died,
 * so that he gives it again. */
static bool beyond_help(int host)
{
	const struct host *h = &w.host[host];
	bool stopped = h->qemu.alive && h->qemu.stopped && h->qemu.foreign;
	bool resigned = h->ftd.core.session.stage == FT_SESSION_RESIGNED || h->ftd.core.phase == FT_PHASE_HELD;
	bool for_a_person = resigned && h->qemu.alive && !w.host[1 - host].qemu.alive;
	bool left = h->ftd.core.session.stage == FT_SESSION_RELEASED && !w.host[1 - host].qemu.alive;
	bool unknowing = h->ftd.core.cannot_know && h->ftd.core.phase == FT_PHASE_CUT_OFF;
	bool forgot = (h->disk.lost || w.host[1 - host].disk.lost) && h->qemu.alive &&
	              (unknowing || is_held(host) || h->qemu.stopped || !w.host[1 - host].qemu.alive);
	bool unbound = h->qemu.mode == FT_ROLE_SECONDARY && !w.host[1 - host].qemu.alive &&
	               h->ftd.core.session.instance != h->qemu.instance;
	bool unaskable = h->qemu.stuck && !h->ftd.plan;
	bool alone = unknowing && !w.host[1 - host].qemu.alive;
	bool given_unwritten = unknowing && h->ftd.core.session.stage == FT_SESSION_NONE &&
	                       w.host[1 - host].ftd.core.session.stage == FT_SESSION_RESIGNED;
	bool ordered_in_vain = h->ftd.core.phase == FT_PHASE_FAILED && is_order(h->ftd.core.outcome.cause) &&
	                       h->ftd.core.claim == FT_CLAIM_UNREACHABLE;
	bool order_died =
	    is_held(host) && w.order_claimed[host] == h->qemu.instance && w.order_life[host] != h->ftd.life;
	return alone || ordered_in_vain || order_died || given_unwritten || unaskable || stopped || left || forgot ||
	       for_a_person || unbound || h->unverifiable;
}

/* Where no register is shared there is no protection, and nobody is promised that a guest survives. */
void laws_at_end(void)
{
	if (!w.law || w.options.apart)
		return;
	judge_outcomes();
	bool both = runs_as_master(0) && runs_as_master(1);
	bool answered_for = (both && w.vouched) || robbed_of_proof();
	if (answered_for || w.guest_ended || laws_settled() || runs_unprotected() || beyond_help(0) || beyond_help(1))
		return;
	if (both_protect())
		law_broken("protected by a session that has ended");
	if (is_held(0) || is_held(1))
		law_broken("held, though peer and arbiter are in reach");
	if (!runs_as_master(0) && !runs_as_master(1))
		law_broken("nobody runs the guest, and somebody could");
	law_broken("neither protected nor solo");
}
