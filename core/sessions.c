/* Sessions: how two hosts agree on who may end their pair.  Pure.
 * Knows: stages of a session, the lease, what a register's answer means.  Must not know: arbiters, files, the plan.
 *
 * The primary proposes a session and is bound by it from its own disk on; the secondary is bound once it is on its disk.
 * Ending a session is a claim: put-if-absent in the register that its id names.  Whoever loses ends its QEMU.
 * A bound primary may run only while its lease lasts: until one detection time, less ft_right_ends_early(), after it sent
 * the newest heartbeat that a calm peer is known to have heard.  A new session is proposed only by the side that ended the
 * last one.
 *
 * A claim whose answer did not come may have landed, or land yet: then the session is over, and neither side knows.  So who
 * has given a claim up, or has just come, is in doubt: it looks into the register until nothing of it can land any more,
 * and says so to its peer.  Who gives his right away by word while in doubt gives it for good: whoever takes it goes on
 * even if the register names the giver, and the giver never takes that for a win.
 *
 * A register is written once.  So who is read there stands there; but where a reading may be answered by an earlier state, that
 * nobody does may be old.  From such a one nothing follows.  Whoever would give up a doubt, switch a host off, start the VM or
 * put a name back for it asks surely.
 *
 * To have won is not to run.  Who loses, or yields, keeps its copy frozen until the winner is proven to run the guest: by the
 * winner's own word, or by the session's second write-once register, its verdict.  It holds the name of the side that runs
 * the guest by this session, or is to, and it stands above the register.
 *   - The winner puts its own name there once QEMU itself has said that the guest runs.  Nobody waits for that.
 *   - A winner whose QEMU has died, or stands still for good, and was never seen to run the guest gives the session back:
 *     first on its own disk (FT_TITLE_RETURNED), then by word and by the peer's name in the verdict.  It never runs again by
 *     this session, whatever its next ftd finds.  Only the ftd that saw that QEMU die, in COLO by its last word, may give back:
 *     of one that it finds gone it cannot know whether it had run for a while, and then a person decides.
 *   - Who has resigned, and then finds its own name in the register, by a claim that landed late, says as much; but only the ftd that
 *     saw its QEMU in COLO and then die or stand still.  Who resigns while such a claim may land writes that down with it, for
 *     its next ftd; and clears it on disk before a plan may run, for which the disk has FT_RECORD_NS.  So that one reads the verdict
 *     first: where the guest has run without the disk's knowing, that names this side.  After a restart without it a person
 *     decides.
 *   - Who is named there, or told so, goes on with its frozen copy (FT_TITLE_REGAINED).  Who reads the other's name ends it.
 *   - Where neither word nor verdict is to be had, the copy stays frozen; a person who vouches that the winner's host is off
 *     puts the loser's name there, if the winner's is not there yet.  So does a loser's fence, where one stands behind the
 *     register: FT_OUST_NS after the winner fell silent (the session's secondary: twice that), and after the verdict has named
 *     nobody for longer than a winner needs that was cut off from the arbiter, it powers the winner's host off;
 *     then, and not before, the loser's name is put there, and it goes on if it stands there.  What that cannot know is
 *     whether the winner's guest had run, cut off from the arbiter or without its ftd: then it is the older copy that goes on,
 *     alone. */
#include "core/core_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define BACKOFF_FIRST (500 * FT_NS_PER_MS)
#define BACKOFF_MOST  (10000 * FT_NS_PER_MS)
#define GUARD_EVERY   (10000 * FT_NS_PER_MS)
#define GUARD_CALM    (60000 * FT_NS_PER_MS)

static const uint8_t no_id[FT_SESSION_BYTES];

static bool open_stage(const struct ft_core *c)
{
	return c->session.stage == FT_SESSION_BOUND || c->session.stage == FT_SESSION_RELEASED;
}

bool ft_session_unread(const struct ft_core *c)
{
	return c->session.stage == FT_SESSION_NONE || c->session.stage == FT_SESSION_UNKNOWN;
}

static bool same_qemu(const struct ft_core *c)
{
	return c->qemu.instance != 0 && c->session.instance == c->qemu.instance &&
	       (c->qemu.role == FT_ROLE_NONE || c->session.role == c->qemu.role);
}

bool ft_peer_has_session(const struct ft_core *c)
{
	return ft_peer_heard(c) && memcmp(c->peer.side.session, no_id, sizeof no_id) != 0;
}

bool ft_session_open(const struct ft_core *c)
{
	return c->params.arbitrated && (open_stage(c) || ft_bind_may_stand(c)); /* it may be on disk already */
}

static bool binds_anew(const struct ft_core *c, const struct ft_session *s)
{
	bool bound = c->session.stage == FT_SESSION_BOUND && memcmp(c->session.id, s->id, sizeof no_id) == 0;
	return s->stage == FT_SESSION_BOUND && !bound;
}

bool ft_bind_may_stand(const struct ft_core *c)
{
	return c->bind_failed || (c->storing && binds_anew(c, &c->store_next));
}

bool ft_bind_is_of_the_dead(const struct ft_core *c)
{
	return c->bind_failed && c->bind.role == FT_ROLE_PRIMARY && c->qemu.vm == FT_VM_GONE;
}

/* Where there are registers, our mark beside them says first that there is a later session than the one on our disk: should that
 * never take this one, the next ftd would start the VM by the one before. */
bool ft_bind_to_claim(const struct ft_core *c)
{
	bool marked = c->marked_epoch == c->bind.epoch && !c->marking && !c->mark_fault[0];
	return ft_bind_is_of_the_dead(c) && (marked || !c->params.registers);
}

bool ft_session_current(const struct ft_core *c)
{
	return c->params.arbitrated && c->session.stage == FT_SESSION_BOUND && same_qemu(c);
}

bool ft_session_stale(const struct ft_core *c)
{
	return c->params.arbitrated && open_stage(c) && c->qemu.instance != 0 && !same_qemu(c);
}

bool ft_session_outdated(const struct ft_core *c)
{
	return ft_session_stale(c) && c->session.role == FT_ROLE_PRIMARY && c->qemu.role != FT_ROLE_NONE;
}

static bool ended_here(const struct ft_core *c, bool by_us)
{
	bool over = c->session.stage == FT_SESSION_ENDED && (strcmp(c->session.winner, c->params.node) == 0) == by_us;
	return c->params.arbitrated && over && c->qemu.instance != 0 && c->session.instance == c->qemu.instance &&
	       c->qemu.vm != FT_VM_GONE && c->qemu.vm != FT_VM_ABSENT;
}

bool ft_session_won(const struct ft_core *c)
{
	return ended_here(c, true);
}

bool ft_session_lost(const struct ft_core *c)
{
	return ended_here(c, false);
}

bool ft_win_pending(const struct ft_core *c)
{
	bool pending = c->session.title == FT_TITLE_FOUND || c->session.title == FT_TITLE_UNFENCED;
	return c->params.arbitrated && ft_session_ended_by_us(c) && pending;
}

/* The session is over for the peer, too, by its own word: it finds our name in the register, whenever it asks. */
static bool peer_is_out(const struct ft_core *c)
{
	enum ft_vm vm = c->peer.side.vm;
	return ft_peer_heard(c) && (vm == FT_VM_GONE || vm == FT_VM_ABSENT || vm == FT_VM_YIELDED);
}

/* A secondary has no right to run but by the register; or by our own word, which we may have given before we won by a person's
 * order.  One that has just come knows neither yet. */
static bool secondary_waits(const struct ft_core *c)
{
	enum ft_state s = c->peer.side.state;
	return s != FT_STARTING && s != FT_CLAIMING && s != FT_FAILING_OVER && s != FT_SOLO;
}

/* It was on within the last detection time, by our own clock.  That it is heard is less: its heartbeats may have been held back on their
 * way, or recorded by somebody, and its host be a virtual machine that was paused since, a primary's right with it. */
static bool answered_lately(const struct ft_core *c)
{
	int64_t at = c->answered_at;
	bool since = at != FT_NEVER && (c->stood_still_at == FT_NEVER || at > c->stood_still_at);
	return since && !ft_due(c, at + c->params.window);
}

/* It is there now.  Of a secondary each heartbeat says so: it has no right that would last while its host stands still. */
static bool peer_answers(const struct ft_core *c)
{
	return c->hearing == FT_PEER_ALIVE && (c->session.role == FT_ROLE_PRIMARY || answered_lately(c));
}

bool ft_win_complete(const struct ft_core *c)
{
	if (!ft_win_pending(c) || peer_is_out(c))
		return true;
	if (c->hearing == FT_PEER_ALIVE)
		return c->session.role == FT_ROLE_PRIMARY && secondary_waits(c);
	return !c->params.fenced;
}

void ft_win_settle(struct ft_core *c)
{
	if (!ft_win_pending(c))
		return;
	c->session.title = FT_TITLE_REGISTER;
	c->claim = FT_CLAIM_WON;
	c->store_again_at = c->now;
	c->winner_unstored = true;
	c->start_wanted = false;
}

/* It answers, or says that its QEMU is dying: then it has no guest, whether or not it hears us. */
static bool peer_is_there(const struct ft_core *c)
{
	bool dying = ft_session_shared(c) && c->peer.side.dying;
	return peer_answers(c) || dying;
}

static bool fence_wanted(const struct ft_core *c)
{
	bool silent = !peer_is_there(c) && !peer_is_out(c);
	return ft_win_pending(c) && c->params.fenced && silent && !c->fencing && ft_due(c, c->fence_again_at);
}

/* Each try reads the verdict first, but for the one that follows upon a claim that has ended the session: the other side may have had
 * our word before we won, or been let go on by a person since, and run the guest. */
static bool names_no_other(const struct ft_core *c)
{
	return c->named_nobody || c->verdict == FT_VERDICT_STANDS;
}

bool ft_fence_look_due(const struct ft_core *c)
{
	return fence_wanted(c) && !names_no_other(c) && !c->arbiter_busy && ft_due(c, c->verdict_again_at);
}

bool ft_fence_due(const struct ft_core *c)
{
	return fence_wanted(c) && names_no_other(c);
}

void ft_fence(struct ft_core *c, struct ft_actions *out)
{
	c->fencing = true;
	memcpy(c->fence_id, c->session.id, sizeof c->fence_id);
	c->fence_fault[0] = '\0';
	ft_core_do(out, FT_DO_FENCE);
}

/* What a JSON number can hold, as the session file has to. */
static uint64_t peers_epoch(const struct ft_core *c)
{
	return c->peer.side.epoch < INT64_MAX ? c->peer.side.epoch : INT64_MAX;
}

/* By its last word, though it may be silent since. */
static bool peer_named_ours(const struct ft_core *c)
{
	return memcmp(c->peer.side.session, c->session.id, sizeof no_id) == 0;
}

bool ft_session_shared(const struct ft_core *c)
{
	return ft_peer_heard(c) && peer_named_ours(c);
}

bool ft_session_settled(const struct ft_core *c)
{
	return !c->params.arbitrated || (ft_session_current(c) && ft_session_shared(c));
}

bool ft_session_matches(const struct ft_core *c)
{
	return !c->params.arbitrated || c->session.stage != FT_SESSION_BOUND || ft_session_shared(c);
}

static bool same_timing(const struct ft_core *c)
{
	return (int64_t)c->peer.side.window_ms * FT_NS_PER_MS == c->params.window;
}

bool ft_session_ended_by_us(const struct ft_core *c)
{
	return c->session.stage == FT_SESSION_ENDED && strcmp(c->session.winner, c->params.node) == 0;
}

enum ft_win ft_session_win(const struct ft_core *c)
{
	if (!c->params.arbitrated || !ft_session_ended_by_us(c))
		return FT_WIN_NONE;
	return c->session.title == FT_TITLE_REGAINED ? FT_WIN_REGAINED : FT_WIN_FIRST;
}

static bool ended_by_peer(const struct ft_core *c)
{
	return c->session.stage == FT_SESSION_ENDED && strcmp(c->session.winner, c->peer.node) == 0;
}

/* Put for the sake of its answer to the others: a question about the verdict says nothing about the register. */
static bool about_verdict(enum ft_errand errand)
{
	return errand == FT_ERRAND_VERDICT || errand == FT_ERRAND_TAKE_VERDICT || errand == FT_ERRAND_READ_VERDICT;
}

static bool can_store(const struct ft_core *c)
{
	return !c->storing && ft_due(c, c->store_again_at);
}

bool ft_can_ask_arbiter(const struct ft_core *c)
{
	return !c->arbiter_busy && ft_due(c, c->arbiter_again_at);
}

/* Lost, and yet a person has let our next QEMU go on: the winner's has ended, and its next one is the secondary of ours. */
static bool succeeds_the_winner(const struct ft_core *c)
{
	const struct ft_side *p = &c->peer.side;
	bool lost = c->session.stage == FT_SESSION_ENDED && !ft_session_ended_by_us(c);
	return lost && c->session.instance != c->qemu.instance && ft_peer_heard(c) && p->role == FT_ROLE_SECONDARY &&
	       p->ready && p->epoch == c->session.epoch;
}

const char *ft_session_missing(const struct ft_core *c)
{
	if (c->share_fault[0])
		return c->share_fault;
	if (!c->params.arbitrated || ft_session_settled(c))
		return NULL;
	if (c->store_fault[0])
		return "the session cannot be written to state_dir; is the disk full or read-only?";
	if (!same_timing(c))
		return "heartbeat.interval_ms x lost_after differs from the peer's; make both the same";
	if (ft_session_stale(c))
		return "the last session has not been ended yet: the arbiter is being asked";
	if (c->qemu.role == FT_ROLE_PRIMARY && c->session.stage == FT_SESSION_ENDED && !ft_session_ended_by_us(c) &&
	    !succeeds_the_winner(c))
		return "the other side ended the last session: only it may lead a new one";
	if (c->qemu.role == FT_ROLE_PRIMARY && c->session.stage == FT_SESSION_RESIGNED)
		return "this side gave up the last session: only the other side may lead a new one";
	return "the session is being agreed on";
}

/* ---- storing ---- */

static void store(struct ft_core *c, struct ft_actions *out, const struct ft_session *next)
{
	assert(!c->storing);
	c->store_next = *next;
	c->storing = true;
	ft_core_do(out, FT_DO_STORE);
}

/* By its last word to this ftd.  One that was silent may have been promoted by an earlier ftd of ours, and have run the guest alone;
 * one in another role has, and was led into a new pair since. */
static bool said_in_colo(const struct ft_core *c)
{
	return c->role_said && c->qemu.role == c->session.role;
}

/* Our QEMU of the session, and this ftd was there. */
static bool died_here(const struct ft_core *c)
{
	return c->qemu.vm == FT_VM_GONE && c->gone_instance == c->session.instance;
}

/* The guest of our QEMU of the session is not known to have run alone for a moment. */
bool ft_stayed_in_pair(const struct ft_core *c)
{
	return said_in_colo(c) && c->proven_instance != c->session.instance;
}

/* It stands still, or is dead, and a claim of ours may have landed all the same: then the peer waits for it, and our next ftd could not
 * know whether it may give that back.  Of no other is it written: it is to be cleared before this QEMU may run the guest. */
static bool stays_in_doubt(const struct ft_core *c)
{
	bool still = (c->frozen && c->qemu.instance == c->session.instance) || died_here(c);
	return c->params.registers && c->unsure && still && ft_stayed_in_pair(c);
}

void ft_session_store(struct ft_core *c, struct ft_actions *out, enum ft_session_stage stage, const char *winner)
{
	struct ft_session next = c->session;
	next.stage = stage;
	next.stayed = stage == FT_SESSION_RESIGNED && stays_in_doubt(c);
	next.title = FT_TITLE_REGISTER;
	snprintf(next.winner, sizeof next.winner, "%s", winner);
	store(c, out, &next);
}

static struct ft_session session_to_bind(const struct ft_core *c, const uint8_t id[FT_SESSION_BYTES], uint64_t epoch)
{
	bool silent = c->qemu.role == FT_ROLE_NONE; /* adopted for a QEMU that stands still */
	struct ft_session next = {
	    .stage = FT_SESSION_BOUND,
	    .epoch = epoch,
	    .role = silent ? FT_ROLE_PRIMARY : c->qemu.role,
	    .instance = c->qemu.instance,
	    .disk_bad = c->disk_bad,
	    .window_ms = (uint32_t)(c->params.window / FT_NS_PER_MS),
	};
	memcpy(next.id, id, sizeof next.id);
	memcpy(next.peer, c->peer.node, sizeof next.peer);
	return next;
}

static void bind_to(struct ft_core *c, struct ft_actions *out, const uint8_t id[FT_SESSION_BYTES], uint64_t epoch)
{
	struct ft_session next = session_to_bind(c, id, epoch);
	store(c, out, &next);
}

/* As if the disk had been slow: what is said of it and of its end then waits for the disk as ever. */
bool ft_bind_again_due(const struct ft_core *c)
{
	return c->bind_failed && can_store(c);
}

void ft_bind_again(struct ft_core *c, struct ft_actions *out)
{
	store(c, out, &c->bind);
}

bool ft_stayed_may_stand(const struct ft_core *c)
{
	return c->stayed_stored || (c->storing && c->store_next.stayed);
}

bool ft_stayed_no_more(const struct ft_core *c)
{
	return c->session.stage == FT_SESSION_RESIGNED && ft_stayed_to_be_cleared(c);
}

bool ft_stayed_to_be_cleared(const struct ft_core *c)
{
	return c->stayed_stored && !c->session.stayed && can_store(c);
}

/* It was not given up after all; and a failover is not to wait for this write, of a disk that takes nothing by then.  Of our QEMU's own
 * session alone: to write another one's would bind this QEMU by it. */
bool ft_unresign_due(const struct ft_core *c)
{
	return ft_session_current(c) && ft_stayed_to_be_cleared(c) && !ft_resign_due(c);
}

/* ---- what is given outside of a session ---- */

bool ft_session_yielded(const struct ft_core *c)
{
	bool resigned = c->session.stage == FT_SESSION_RESIGNED && c->session.instance == c->qemu.instance;
	return resigned || (c->qemu.instance != 0 && c->session.yielded == c->qemu.instance);
}

/* A pair that was made anew has no session yet, or that of the pair before: before our QEMU is stopped for the peer, our next ftd is to
 * know whose that is, and why it stands still.  Where the pair has a session, or is about to, that says it. */
bool ft_yield_unwritten(const struct ft_core *c)
{
	bool ours = c->session.instance == c->qemu.instance || c->session.yielded == c->qemu.instance;
	return c->params.arbitrated && c->qemu.instance != 0 && c->role != FT_ROLE_NONE && !ours &&
	       !ft_bind_may_stand(c);
}

bool ft_yield_write_due(const struct ft_core *c)
{
	return ft_yield_unwritten(c) && can_store(c);
}

/* Nothing of ours runs, and the peer goes on, or has the guest anew by a person's word, or is about to: the win of the session before is
 * no licence from then on. */
bool ft_gone_on_unwritten(const struct ft_core *c)
{
	const struct ft_side *p = &c->peer.side;
	bool none = c->qemu.vm == FT_VM_GONE || c->qemu.vm == FT_VM_ABSENT;
	bool anew = p->runs || (p->guest && p->win == FT_WIN_NONE && p->epoch > 0);
	bool goes_on = p->request == FT_REQUEST_YIELD || p->state == FT_FAILING_OVER || p->state == FT_SOLO || anew;
	return ft_session_ended_by_us(c) && none && c->session.yielded == 0 && ft_peer_heard(c) && goes_on &&
	       c->params.arbitrated && !c->storing;
}

/* At once, and the disk follows: the peer may be silent before that has mended. */
void ft_know_gone_on(struct ft_core *c, struct ft_actions *out)
{
	(void)out;
	c->session.yielded = c->session.instance;
	c->session.yielded_as = c->session.role;
	c->held_unstored = true;
}

void ft_write_yield(struct ft_core *c, struct ft_actions *out)
{
	struct ft_session next = c->session;
	next.yielded = c->qemu.instance;
	next.yielded_as = c->role;
	if (!next.peer[0])
		memcpy(next.peer, c->peer.node, sizeof next.peer);
	store(c, out, &next);
}

/* It was thawed, as the peer did not go on, or by a person's order; or the guest was started anew here, by somebody who knew. */
bool ft_yield_is_over(const struct ft_core *c)
{
	const struct ft_qemu_facts *q = &c->qemu;
	bool booted = q->role == FT_ROLE_NONE && q->last_role == FT_ROLE_NONE && !q->incoming;
	return c->session.yielded != 0 && q->connected && !c->frozen && (c->session.yielded == q->instance || booted) &&
	       can_store(c);
}

void ft_forget_yield(struct ft_core *c, struct ft_actions *out)
{
	struct ft_session next = c->session;
	next.yielded = 0;
	next.yielded_as = FT_ROLE_NONE;
	store(c, out, &next);
}

bool ft_winner_unstored(const struct ft_core *c)
{
	return (c->winner_unstored || c->held_unstored) && can_store(c);
}

void ft_store_as_known(struct ft_core *c, struct ft_actions *out)
{
	store(c, out, &c->session);
}

/* That the disk is bad is known from an event alone, and the next ftd has not seen it. */
bool ft_disk_unwritten(const struct ft_core *c)
{
	bool ours =
	    (open_stage(c) || c->session.stage == FT_SESSION_RESIGNED) && c->session.instance == c->qemu.instance;
	return c->params.arbitrated && c->disk_bad && !c->session.disk_bad && ours && can_store(c);
}

void ft_write_disk_bad(struct ft_core *c, struct ft_actions *out)
{
	struct ft_session next = c->session;
	next.disk_bad = true;
	store(c, out, &next);
}

/* ---- making one ---- */

/* The order: nothing is open, or what is open is this very QEMU's and was released. */
static bool may_propose(const struct ft_core *c)
{
	if (c->session.stage == FT_SESSION_RELEASED)
		return same_qemu(c);
	return (ft_session_unread(c) && !c->cannot_know) || ft_session_ended_by_us(c) || succeeds_the_winner(c);
}

bool ft_session_may_lead(const struct ft_core *c)
{
	bool bound = ft_session_current(c) && c->session.role == FT_ROLE_PRIMARY;
	return !c->params.arbitrated || bound || may_propose(c);
}

/* The peer holds on to a session that we have not released together with it.  (One that we ended it looks up; without a
 * register it cannot, and there was no claim but ours.) */
static bool claimable(const struct ft_core *c)
{
	bool over = c->session.stage == FT_SESSION_RELEASED || (!c->params.registers && ft_session_ended_by_us(c));
	return ft_peer_has_session(c) && !(over && ft_session_shared(c));
}

static int64_t shorter(int64_t ours, int64_t peers)
{
	return peers > 0 && peers < ours ? peers : ours;
}

/* Who acknowledges us claims nothing before a silence of its own detection time.  A session is agreed on by two that have
 * the same; but one of them may have been started anew since, with other settings.  What was granted under the earlier ones
 * grows no longer by that. */
static int64_t acknowledged_until(const struct ft_core *c)
{
	int64_t peers = (int64_t)c->peer.side.window_ms * FT_NS_PER_MS;
	int64_t grant = shorter(shorter(c->params.window, peers), c->acked_grant);
	/* What an earlier ftd was granted is not known: first a new acknowledgement. */
	if (c->acked_sent == FT_NEVER)
		return c->started_at;
	/* Nor how long ago it was that our clock says, where that has stood still: first one of what was sent since. */
	if (c->stood_still_at != FT_NEVER && c->acked_sent <= c->stood_still_at)
		return c->stood_still_at;
	return c->acked_sent + grant - ft_right_ends_early(grant);
}

int64_t ft_news_until(const struct ft_core *c)
{
	return c->stood_still_at == FT_NEVER ? c->started_at : c->stood_still_at + c->params.window + c->params.guard;
}

/* We have found that we have won, and the peer may have bound that session just then, by our own proposal: then it waits for us in
 * it, and says so in what it answers to our news.  With another one on its way to our disk, ours would forget the win. */
static bool may_be_waited_for(const struct ft_core *c)
{
	bool answered = c->acked_sent != FT_NEVER && c->acked_sent > c->over_at;
	return ft_win_pending(c) && same_qemu(c) && !answered;
}

/* Not before a calm peer has acknowledged us: the right to run would have ended before it began, and QEMU be frozen. */
bool ft_propose_due(const struct ft_core *c)
{
	bool acknowledged = !ft_due(c, acknowledged_until(c)) && ft_sharing_proven(c);
	return acknowledged && c->params.arbitrated && c->qemu.role == FT_ROLE_PRIMARY && c->self.ready &&
	       ft_peer_heard(c) && c->peer.side.ready && same_timing(c) && !claimable(c) && may_propose(c) &&
	       !may_be_waited_for(c) && can_store(c);
}

void ft_propose(struct ft_core *c, struct ft_actions *out)
{
	uint8_t id[FT_SESSION_BYTES];
	/* Above the peer's, too: its epoch then tells when it has stored this one, whatever it says of it later. */
	uint64_t last = peers_epoch(c) > c->session.epoch ? peers_epoch(c) : c->session.epoch;
	uint64_t epoch = last < INT64_MAX ? last + 1 : INT64_MAX;
	if (c->session.stage == FT_SESSION_RELEASED) { /* the same one again: nobody has ended it */
		memcpy(id, c->session.id, sizeof id);
	} else {
		uint32_t n = ++c->drawn;
		memcpy(id, c->params.seed, sizeof id);
		for (size_t i = 0; i < sizeof n; i++)
			id[i] ^= (uint8_t)(n >> (8 * i));
	}
	c->proposing = true;
	bind_to(c, out, id, epoch);
}

/* A primary that has no session on its disk, and hears its secondary speak of one: it was there, and was lost. */
bool ft_adopt_due(const struct ft_core *c)
{
	/* A QEMU that stands still has not said what it is; its secondary has. */
	bool primary = c->qemu.role == FT_ROLE_PRIMARY || (c->frozen && c->cannot_know && !c->qemu.connected);
	return c->params.arbitrated && ft_session_unread(c) && primary && ft_peer_has_session(c) &&
	       c->peer.side.role == FT_ROLE_SECONDARY && ft_side_calm(&c->peer.side) && same_timing(c) && can_store(c);
}

void ft_adopt(struct ft_core *c, struct ft_actions *out)
{
	c->proposing = false;
	bind_to(c, out, c->peer.side.session, peers_epoch(c));
}

/* What the primary proposes is accepted when the last one is known to be over, or it is that one.  One that has ended stays so: who names
 * it has said that before, however late it comes. */
static bool offered(const struct ft_core *c)
{
	if (ft_session_shared(c) && c->session.stage == FT_SESSION_ENDED)
		return false;
	return c->params.arbitrated && c->leave == FT_LEAVE_NOT && c->qemu.role == FT_ROLE_SECONDARY && c->self.ready &&
	       ft_peer_has_session(c) && c->peer.side.role == FT_ROLE_PRIMARY && same_timing(c) &&
	       !(c->session.stage == FT_SESSION_BOUND && ft_session_shared(c) && same_qemu(c));
}

/* Our QEMU of the last session is gone, which is not ours to claim any more, and the peer leads another one: so it holds on
 * to the last no longer, however that was ended.  Where we may claim it yet, the register must say first by whom. */
static bool outlived(const struct ft_core *c)
{
	bool claims_none = ft_session_ended_by_us(c) || c->session.stage == FT_SESSION_RESIGNED;
	bool ended = claims_none && c->peer.side.epoch > c->session.epoch;
	bool unasked = ft_session_unended(c) && !c->params.registers;
	/* By a person's word it went on in this very one, which it could not end: it leads our new QEMU in it. */
	bool led_on = ft_session_unended(c) && c->vacant && !c->unsure && ft_session_shared(c);
	return c->session.instance != c->qemu.instance && (ended || unasked || led_on);
}

bool ft_accept_due(const struct ft_core *c)
{
	/* Released, it is nobody's to claim; a primary that has lost its copy proposes another. */
	bool released = c->session.stage == FT_SESSION_RELEASED;
	return offered(c) && ft_sharing_proven(c) &&
	       (ft_session_unread(c) || released || ended_by_peer(c) || outlived(c)) && can_store(c);
}

/* Our side's new primary cannot begin before the old session is over; so it ends it.  One that we have resigned, too, where
 * the peer has a new secondary for us: whether it had gone on with the old one, the register knows. */
bool ft_end_old_due(const struct ft_core *c)
{
	bool resigned = c->session.stage == FT_SESSION_RESIGNED && c->session.instance != c->qemu.instance &&
	                c->peer.side.role == FT_ROLE_SECONDARY && !c->given_away;
	return (ft_session_stale(c) || resigned) && c->qemu.role == FT_ROLE_PRIMARY && ft_peer_heard(c) &&
	       c->peer.side.ready && !c->storing && ft_can_ask_arbiter(c);
}

void ft_end_old(struct ft_core *c, struct ft_actions *out)
{
	ft_session_claim(c, out, FT_ERRAND_END_OLD);
}

/* The guest was started anew here since, by a person's word, and leads: our claim for that had landed unseen. */
static bool leads_anew(const struct ft_core *c)
{
	return c->session.instance != c->qemu.instance && c->role_said && c->qemu.role == FT_ROLE_PRIMARY;
}

/* We hold on to a session that the peer, heard, does not name: it may be over.  Or our own name may stand there, and then
 * we must go on alone before the peer has to: it never could.  The register knows.  One that was released is named by
 * nobody; but where a new QEMU stands in the place of the other half, it was ended for that. */
bool ft_look_up_due(const struct ft_core *c)
{
	bool replaced = c->peer.side.vm == FT_VM_ALIVE && c->peer.side.role == FT_ROLE_NONE;
	/* One that was released, while a claim of ours was on its way, has lost to that; its copy waits for us. */
	bool waits = c->peer.side.vm == FT_VM_YIELDED;
	bool alone = c->session.role == FT_ROLE_PRIMARY && !ft_peer_heard(c);
	bool claims = c->peer.side.state == FT_CLAIMING; /* by an order, as we were away */
	bool released = c->session.stage == FT_SESSION_RELEASED && (replaced || waits || claims || c->refused || alone);
	bool held = c->session.stage == FT_SESSION_BOUND || c->session.stage == FT_SESSION_RESIGNED || released;
	bool settled = ft_peer_heard(c) && c->peer.side.state != FT_STARTING;
	bool doubt = c->unsure || (!ft_session_shared(c) && !c->given_away) || (c->given_away && leads_anew(c));
	bool claimable = !c->only_proposed || c->proposed_again; /* it was, at some time */
	return c->params.registers && held && (settled || (released && alone)) && doubt && claimable && !c->storing &&
	       ft_can_ask_arbiter(c) && ft_due(c, c->look_again_at);
}

static struct ft_action *ask_arbiter(struct ft_core *c, struct ft_actions *out, enum ft_action_kind kind,
                                     enum ft_errand errand)
{
	assert(!c->arbiter_busy);
	memcpy(c->claim_id, c->session.id, sizeof c->claim_id);
	c->arbiter_busy = true;
	c->errand = errand;
	c->asked_arbiter_at = c->now;
	struct ft_action *a = ft_core_do(out, kind);
	a->verdict = about_verdict(errand);
	return a;
}

static void read_arbiter(struct ft_core *c, struct ft_actions *out, enum ft_errand errand, bool sure)
{
	c->asked_surely = sure;
	ask_arbiter(c, out, FT_DO_READ, errand)->sure = sure;
}

void ft_look_up(struct ft_core *c, struct ft_actions *out)
{
	read_arbiter(c, out, FT_ERRAND_READ, c->unsure || c->refused);
}

/* ---- leaving it ---- */

/* The peer takes its leave: neither side may claim until both are bound again.  It waits for our word. */
bool ft_release_due(const struct ft_core *c)
{
	/* One that names none may have ended it: only who has named it, is calm, and says so, has released it. */
	bool same = c->named_by == c->peer.incarnation && ft_side_calm(&c->peer.side);
	/* What was released before we proposed it again is so still. */
	bool released = c->peer.side.released && (c->peer.side.epoch == c->session.epoch || c->only_proposed);
	bool secondary = c->session.role == FT_ROLE_SECONDARY;
	/* A secondary must have forgotten its claim before the primary runs without a lease. */
	bool peer_leaves = ft_peer_heard(c) && same && c->peer.side.leaving && (secondary || released);
	bool answered = ft_has_left(c) && ft_peer_heard(c) && same && released;
	/* Nobody who is not heard has a use for it, and our next ftd may have to claim. */
	bool we_leave = c->leave != FT_LEAVE_NOT && ((secondary && ft_peer_heard(c)) || answered);
	return c->params.arbitrated && c->session.stage == FT_SESSION_BOUND &&
	       (peer_leaves || we_leave || ft_release_unshared(c)) && can_store(c) && !c->arbiter_busy;
}

void ft_release(struct ft_core *c, struct ft_actions *out)
{
	ft_session_store(c, out, FT_SESSION_RELEASED, "");
}

/* On its way to disk, or said not to have got there: it may have, and our next ftd finds it. */
bool ft_release_may_stand(const struct ft_core *c)
{
	bool bound = c->params.arbitrated && c->session.stage == FT_SESSION_BOUND;
	return bound && (c->release_failed || (c->storing && c->store_next.stage == FT_SESSION_RELEASED));
}

/* There is no cause for it any more: the disk is to say again what holds. */
bool ft_unrelease_due(const struct ft_core *c)
{
	return c->session.stage == FT_SESSION_BOUND && c->release_failed && can_store(c) && !ft_release_due(c);
}

/* We give up the right for good, on disk, before anyone is told. */
bool ft_resign_wanted(const struct ft_core *c)
{
	return ft_session_open(c) && can_store(c) && !ft_claim_under_way(c);
}

/* The peer runs the guest alone, and nothing of the session is left here: it may have gone on without one, by a person's order,
 * where ours had come no further than to our own disk, or the arbiter was out of its reach.  Then no register tells, and once it is
 * silent what it said last counts. */
static bool went_on_without_us(const struct ft_core *c)
{
	bool nothing_here = c->qemu.vm == FT_VM_ABSENT || c->qemu.vm == FT_VM_GONE;
	const struct ft_side *p = &c->peer.side;
	return open_stage(c) && nothing_here && p->state == FT_SOLO && p->proven;
}

/* Or that was before we came: our next QEMU is a copy of its guest. */
static bool leads_us_now(const struct ft_core *c)
{
	return ft_session_outdated(c) && c->qemu.role == FT_ROLE_SECONDARY && ft_peer_heard(c) &&
	       c->peer.side.role == FT_ROLE_PRIMARY;
}

/* The peer was told, and may have gone on with it: so it is from then on, and once it is on disk for ever.  From a death that may be
 * that of a survivor nothing follows: the register decides. */
bool ft_session_given_up(const struct ft_core *c)
{
	return c->session.stage == FT_SESSION_RESIGNED || (died_here(c) && said_in_colo(c)) || went_on_without_us(c) ||
	       leads_us_now(c);
}

/* Our QEMU has died in it, and the peer was or will be told so: we never may claim it. */
bool ft_resign_due(const struct ft_core *c)
{
	return ft_session_given_up(c) && ft_resign_wanted(c);
}

void ft_resign(struct ft_core *c, struct ft_actions *out)
{
	ft_session_store(c, out, FT_SESSION_RESIGNED, "");
}

/* ---- the claim and the lease ---- */

/* Powering off is for a peer that cannot be asked.  One that is heard reads the register, and ends its own QEMU; one that was
 * quiet, and says as it speaks again that its QEMU is dying, is there as well.  (Quiet alone is not: a primary's right ends
 * before its peer is lost.)  Without a register it is the only proof, but for the peer's own word that it has given up.  (Who
 * is only absent may start anew.) */
static bool needs_fence(const struct ft_core *c, enum ft_errand errand)
{
	if (errand == FT_ERRAND_RECORD || (errand == FT_ERRAND_END_OLD && ft_start_spares_peer(c)))
		return false;
	if (errand == FT_ERRAND_END_OLD)
		return c->hearing != FT_PEER_ALIVE && !peer_is_there(c);
	if (c->params.registers)
		return !peer_is_there(c);
	enum ft_vm vm = c->peer.side.vm;
	return !ft_peer_heard(c) || !(vm == FT_VM_GONE || vm == FT_VM_YIELDED);
}

void ft_session_claim(struct ft_core *c, struct ft_actions *out, enum ft_errand errand)
{
	c->claim_fences = needs_fence(c, errand);
	struct ft_action *a = ask_arbiter(c, out, FT_DO_CLAIM, errand);
	a->fence = c->claim_fences;
	snprintf(a->text, sizeof a->text, "%s", c->params.node);
}

bool ft_session_unended_stage(enum ft_session_stage stage)
{
	return stage == FT_SESSION_BOUND || stage == FT_SESSION_RELEASED || stage == FT_SESSION_RESIGNED;
}

bool ft_session_unended(const struct ft_core *c)
{
	return c->params.arbitrated && ft_session_unended_stage(c->session.stage);
}

bool ft_settle_due(const struct ft_core *c)
{
	return ft_session_unended(c) && ft_can_ask_arbiter(c);
}

bool ft_record_due(const struct ft_core *c)
{
	return c->session.title == FT_TITLE_WORD && ft_can_ask_arbiter(c);
}

/* ---- the title that we hold ---- */

bool ft_holds_title(const struct ft_core *c)
{
	return c->params.registers && ft_session_ended_by_us(c) && c->session.title == FT_TITLE_REGISTER;
}

/* An etcd that was restored, a folder that was put back: whoever is held, or has a claim under way, would win what we have
 * won.  That side asks again every ten seconds; where none is in sight, it is not worth so much. */
static int64_t guard_every(const struct ft_core *c)
{
	enum ft_state s = c->peer.side.state;
	bool calm = ft_peer_heard(c) && s != FT_HELD && s != FT_CLAIMING;
	return calm ? GUARD_CALM : GUARD_EVERY;
}

bool ft_guard_due(const struct ft_core *c)
{
	return ft_holds_title(c) && !ft_has_left(c) && !ft_record_busy(&c->record) && !c->put_back &&
	       ft_can_ask_arbiter(c) && ft_due(c, c->guard_at);
}

/* For as long as the guest runs alone: by what costs the arbiter least. */
void ft_guard_title(struct ft_core *c, struct ft_actions *out)
{
	read_arbiter(c, out, FT_ERRAND_READ, c->looks_empty);
}

bool ft_put_back_due(const struct ft_core *c)
{
	return ft_holds_title(c) && !ft_has_left(c) && !ft_record_busy(&c->record) && c->put_back &&
	       ft_can_ask_arbiter(c);
}

void ft_stand_again(struct ft_core *c, struct ft_actions *out)
{
	ft_core_say(
	    c, out, FT_LEVEL_ERROR,
	    "nobody stands in the register of session %llu, which this side has won: it was put back to an earlier "
	    "state; this side's name is put there again",
	    (unsigned long long)c->session.epoch);
	c->put_back = false;
	ft_session_claim(c, out, FT_ERRAND_RECORD);
}

/* Whatever it says now, we have won, and our guest has served people since: nothing of ours is ended for it. */
static void absorb_guard(struct ft_core *c, enum ft_claim claim, const char *text)
{
	bool ours = claim == FT_CLAIM_WON || strcmp(text, c->params.node) == 0;
	bool empty = claim == FT_CLAIM_NOT_NEEDED;
	c->looks_empty = empty && !c->asked_surely;
	c->put_back = empty && c->asked_surely;
	c->guard_at = c->looks_empty ? c->now : c->now + guard_every(c);
	if (claim == FT_CLAIM_WON) /* by our putting it there again; the verdict was put back with it */
		c->verdict = FT_VERDICT_UNKNOWN;
	snprintf(c->register_names, sizeof c->register_names, "%s", ours || empty ? "" : text);
}

void ft_settle(struct ft_core *c, struct ft_actions *out)
{
	ft_session_claim(c, out, FT_ERRAND_RECORD);
}

/* ---- the verdict and the hand-back ---- */

static bool died_unproven(const struct ft_core *c)
{
	return died_here(c) && ft_stayed_in_pair(c);
}

/* Once, and by who won it: the verdict can name the other side once, and what was given back comes back to nobody.  Nor is a
 * session given back that was ended to start the VM anew here. */
bool ft_may_return(const struct ft_core *c)
{
	bool written = ft_record_knows(&c->record, c->session.id);
	return c->params.arbitrated && ft_session_ended_by_us(c) && c->session.title != FT_TITLE_REGAINED && !written &&
	       !c->won_to_start;
}

bool ft_return_owed(const struct ft_core *c)
{
	/* One that stands still in YIELDING is so for nothing else: who has won does not yield but to give back. */
	bool still = c->phase == FT_PHASE_YIELDING && c->frozen && ft_session_won(c);
	return ft_may_return(c) && (died_unproven(c) || still);
}

bool ft_return_due(const struct ft_core *c)
{
	return ft_return_owed(c) && !c->winner_unstored && !c->plan_running && can_store(c);
}

void ft_return(struct ft_core *c, struct ft_actions *out)
{
	struct ft_session next = c->session;
	next.title = FT_TITLE_RETURNED;
	memcpy(next.winner, next.peer, sizeof next.winner);
	store(c, out, &next);
	ft_core_say(
	    c, out, FT_LEVEL_ERROR,
	    "our QEMU %s before its guest was seen to run: session %llu is given back to peer %.60s, which holds "
	    "the other copy",
	    c->qemu.vm == FT_VM_GONE ? "died" : "was stopped for good", (unsigned long long)next.epoch, next.peer);
}

/* On our disk, and nothing of it runs here. */
bool ft_session_returned(const struct ft_core *c)
{
	const struct ft_qemu_facts *q = &c->qemu;
	bool none = q->vm == FT_VM_GONE || q->vm == FT_VM_ABSENT;
	bool other = q->instance != 0 && q->instance != c->session.instance;
	return c->params.arbitrated && c->session.title == FT_TITLE_RETURNED && (none || other || c->frozen);
}

/* Our disk says of our QEMU, which has not run since, that it never ran the guest alone. */
static bool is_known_to_have_stayed(const struct ft_core *c)
{
	const struct ft_qemu_facts *q = &c->qemu;
	bool none = q->vm == FT_VM_GONE || q->vm == FT_VM_ABSENT;
	bool other = q->instance != 0 && q->instance != c->session.instance && c->role_said; /* so it is no guest */
	bool left_colo = !other && q->role == FT_ROLE_NONE && q->last_role != FT_ROLE_NONE;  /* by hand */
	return c->session.stayed && (none || other || c->frozen) && !left_colo &&
	       c->proven_instance != c->session.instance;
}

/* By the ftd that saw it die, or stopped it. */
static bool is_seen_to_have_stayed(const struct ft_core *c)
{
	bool stands = c->frozen && c->qemu.instance == c->session.instance;
	return ft_stayed_in_pair(c) && (died_here(c) || stands);
}

/* Whatever an earlier ftd of ours had put there: none of that lands any more. */
static bool verdict_never_named_us(const struct ft_core *c)
{
	return c->unnamed_at != FT_NEVER && c->unnamed_at >= c->started_at + FT_LANDS_NS;
}

/* A next ftd knows by its disk alone whether it has run alone, before it resigned, or since, by a failover that the disk did not take:
 * first the verdict is to say that it does not know of one. */
bool ft_win_given_away(const struct ft_core *c)
{
	bool known = is_known_to_have_stayed(c) && verdict_never_named_us(c);
	return c->params.arbitrated && c->session.stage == FT_SESSION_RESIGNED && c->given_away &&
	       (is_seen_to_have_stayed(c) || known);
}

/* Our disk says that we have given the session up, and may be older than what became of it: an earlier ftd may have been thawed again,
 * have won and gone on while the disk took nothing.  Of a QEMU that says nothing to us, and of one that has died so, the register
 * alone knows that: the verdict is put only after the guest runs. */
bool ft_resignation_unproven(const struct ft_core *c)
{
	const struct ft_session *found = &c->params.session;
	bool by_disk = found->stage == FT_SESSION_RESIGNED && c->session.stage == FT_SESSION_RESIGNED &&
	               memcmp(found->id, c->session.id, sizeof no_id) == 0;
	bool of_it = c->session.instance == c->qemu.instance || died_here(c);
	return c->params.registers && by_disk && of_it && !c->vacant && !ft_win_given_away(c) && !said_in_colo(c);
}

bool ft_stayed_look_due(const struct ft_core *c)
{
	bool unknown = c->verdict == FT_VERDICT_UNKNOWN && !verdict_never_named_us(c);
	return c->session.stage == FT_SESSION_RESIGNED && c->given_away && is_known_to_have_stayed(c) &&
	       !is_seen_to_have_stayed(c) && unknown && !c->arbiter_busy && ft_due(c, c->verdict_again_at);
}

bool ft_given_back(const struct ft_core *c)
{
	bool known = !ft_session_unread(c) && memcmp(c->peer_returned, c->session.id, sizeof no_id) == 0;
	return c->params.arbitrated && known && ft_peer_heard(c) && !ft_session_ended_by_us(c) &&
	       c->session.title != FT_TITLE_RETURNED;
}

bool ft_guest_proven(const struct ft_core *c)
{
	const struct ft_qemu_facts *q = &c->qemu;
	bool outside = q->vm == FT_VM_ALIVE && q->role == FT_ROLE_NONE && q->instance != 0;
	bool promoted = c->phase == FT_PHASE_SOLO && c->proven_instance == q->instance;
	bool booted = q->connected && q->running && q->last_role == FT_ROLE_NONE && !q->incoming;
	return outside && (promoted || (booted && ft_session_ended_by_us(c)));
}

/* Our own name waits for no disk: where that takes nothing, the verdict alone tells our next ftd that our guest has run.  The peer's
 * does: what is given back is so on our disk first. */
bool ft_verdict_due(const struct ft_core *c)
{
	/* The register first, where it is still to say that the session is over. */
	bool runs = ft_session_ended_by_us(c) && ft_guest_proven(c) && c->session.title != FT_TITLE_WORD;
	bool returned = ft_session_returned(c) && !c->winner_unstored;
	return c->params.registers && (runs || returned) && c->verdict == FT_VERDICT_UNKNOWN && !c->arbiter_busy &&
	       ft_due(c, c->verdict_again_at);
}

static void put_verdict(struct ft_core *c, struct ft_actions *out, enum ft_errand errand, const char *name)
{
	struct ft_action *a = ask_arbiter(c, out, FT_DO_CLAIM, errand);
	snprintf(a->text, sizeof a->text, "%s", name);
}

void ft_put_verdict(struct ft_core *c, struct ft_actions *out)
{
	put_verdict(c, out, FT_ERRAND_VERDICT, c->session.winner);
}

void ft_take_verdict(struct ft_core *c, struct ft_actions *out)
{
	c->taking = true;
	c->taking_until = c->now + FT_LANDS_NS;
	put_verdict(c, out, FT_ERRAND_TAKE_VERDICT, c->params.node);
}

/* ---- a loser with a fence ---- */

/* Of a winner that runs the guest, and reaches the arbiter, the verdict tells at once.  This is longer than a promotion should
 * take, or the winner's own fence, with which it may be about to switch this host off. */
static int64_t oust_from(const struct ft_core *c)
{
	bool heard_once = c->hearing == FT_PEER_LOST && c->lost_at > c->phase_since;
	int64_t silent_since = heard_once ? c->lost_at : c->phase_since;
	/* Where both wait, as both have yielded, they must not switch each other off at one time. */
	int times = c->session.role == FT_ROLE_SECONDARY ? 2 : 1;
	return silent_since + times * FT_OUST_NS + c->params.guard;
}

/* Who runs the guest, and was cut off from the arbiter as we were, needs so long to put its name there once that is back. */
static bool named_nobody_for_long(const struct ft_core *c)
{
	return c->unnamed_since != FT_NEVER && c->unnamed_at >= c->unnamed_since + BACKOFF_MOST + FT_ASK_NS;
}

/* Our copy stands still for who has won, or has our word. */
static bool waits_for_winner(const struct ft_core *c)
{
	bool yielded = c->session.stage == FT_SESSION_RESIGNED && c->session.instance == c->qemu.instance;
	return (yielded || ft_session_lost(c)) && c->session.title != FT_TITLE_RETURNED &&
	       c->verdict != FT_VERDICT_STANDS;
}

static bool may_oust(const struct ft_core *c)
{
	bool owed = ft_session_won(c) && c->oust_owed;
	return c->params.registers && c->params.fenced && c->phase == FT_PHASE_HELD && c->frozen &&
	       (waits_for_winner(c) || owed) && !ft_peer_heard(c);
}

static bool ousts(const struct ft_core *c)
{
	return may_oust(c) && c->ousts < FT_OUST_TRIES;
}

bool ft_ousts_given_up(const struct ft_core *c)
{
	return may_oust(c) && !ousts(c) && !c->said_ousts;
}

/* For so long is it surely off, with no VM started on it anew. */
static bool is_ousted(const struct ft_core *c)
{
	bool since = c->hearing != FT_PEER_LOST || c->ousted_at >= c->lost_at;
	return c->ousted_at != FT_NEVER && since && !ft_due(c, c->ousted_at + FT_LANDS_NS);
}

/* Each try reads the verdict first: who stands there runs the guest. */
bool ft_oust_due(const struct ft_core *c)
{
	int64_t from = oust_from(c) > c->fence_again_at ? oust_from(c) : c->fence_again_at;
	bool unnamed = named_nobody_for_long(c) && c->unnamed_at >= from;
	return ousts(c) && ft_due(c, from) && (unnamed || ft_session_won(c)) && !is_ousted(c) && !c->fencing &&
	       !c->arbiter_busy;
}

void ft_oust(struct ft_core *c, struct ft_actions *out)
{
	ft_core_say(c, out, FT_LEVEL_WARN,
	            "%.60s is silent, was not seen to run the guest, and the verdict of session %llu names nobody: its "
	            "host is to be powered off, before our copy goes on",
	            c->session.peer, (unsigned long long)c->session.epoch);
	c->ousting = true;
	ft_fence(c, out);
}

bool ft_take_as_ousted_due(const struct ft_core *c)
{
	return is_ousted(c) && may_oust(c) && waits_for_winner(c) && !c->arbiter_busy;
}

static void absorb_oust(struct ft_core *c, bool error)
{
	c->ousting = false;
	if (error) {
		c->ousts++;
		return;
	}
	ft_core_note(c, c->now, "our fence has powered the peer's host off");
	c->oust_owed = false;
	c->ousted = true;
	c->ousted_at = waits_for_winner(c) ? c->now : FT_NEVER;
}

/* The answer to our name.  One that did not come may land yet, when that host is on again, and has asked before. */
static void settle_oust(struct ft_core *c, bool answered)
{
	if (c->ousted_at == FT_NEVER)
		return;
	bool in_time = answered && !ft_due(c, c->ousted_at + FT_LANDS_NS);
	c->ousted_at = FT_NEVER;
	c->oust_owed = !in_time;
	c->ousts += !in_time;
	c->fence_again_at = c->now + ft_backoff(c->ousts);
}

/* Our copy stands frozen for a winner that may be proven, or have given the session back, without our hearing of it. */
bool ft_verdict_look_due(const struct ft_core *c)
{
	bool resigned = c->session.stage == FT_SESSION_RESIGNED && c->session.instance == c->qemu.instance;
	return c->params.registers && c->frozen && (resigned || ft_session_lost(c)) &&
	       c->session.title != FT_TITLE_RETURNED && c->verdict != FT_VERDICT_STANDS && !c->arbiter_busy &&
	       ft_due(c, c->verdict_again_at);
}

void ft_look_at_verdict(struct ft_core *c, struct ft_actions *out)
{
	read_arbiter(c, out, FT_ERRAND_READ_VERDICT, true);
}

/* Of a primary in this phase: whether its right to run hangs on the session at all. */
static bool session_rules(const struct ft_core *c)
{
	switch (c->phase) {
	case FT_PHASE_PLANNING: /* the right was given by the register, or by a peer that has none any more */
	case FT_PHASE_RECORDING:
	case FT_PHASE_SOLO:
		return false;
	case FT_PHASE_ASKING: /* what was resigned stands still here, or a person has answered for the peer */
	case FT_PHASE_FREEZING:
	case FT_PHASE_CLAIMING:
	case FT_PHASE_CUT_OFF:
	case FT_PHASE_YIELDED:
	case FT_PHASE_HELD:
	case FT_PHASE_FENCED:
	case FT_PHASE_FAILED:
		return c->session.stage == FT_SESSION_BOUND;
	case FT_PHASE_STARTING:
	case FT_PHASE_UNPROTECTED:
	case FT_PHASE_ARMING:
	case FT_PHASE_PROTECTED:
	case FT_PHASE_SUSPECT:
	case FT_PHASE_WATCH:
	case FT_PHASE_YIELDING:
	case FT_PHASE_COUNT:
		break;
	}
	return true;
}

/* Of the primary in an open session. */
static int64_t right_in_session(const struct ft_core *c)
{
	bool resigned = c->session.stage == FT_SESSION_RESIGNED;
	bool holds = c->params.arbitrated && (resigned || c->session.stage == FT_SESSION_BOUND);
	if (!holds || c->session.role != FT_ROLE_PRIMARY)
		return FT_NEVER;
	return resigned ? c->started_at : acknowledged_until(c);
}

int64_t ft_core_lease(const struct ft_core *c)
{
	if (c->cannot_know || ft_session_lost(c)) /* it stands still until the other's is proven, or gives it back */
		return c->started_at;
	if (c->qemu.instance == 0 && c->phase == FT_PHASE_STARTING)
		return right_in_session(c); /* its QEMU may run, and not have been seen yet */
	bool primary = same_qemu(c) && c->qemu.role == FT_ROLE_PRIMARY;
	return primary && session_rules(c) ? right_in_session(c) : FT_NEVER;
}

int64_t ft_core_lease_of(const struct ft_core *c, uint64_t instance)
{
	if (instance == c->qemu.instance)
		return ft_core_lease(c);
	return instance == c->session.instance ? right_in_session(c) : FT_NEVER;
}

bool ft_core_sets_free(const struct ft_core *c, uint64_t instance)
{
	bool won = ft_session_ended_by_us(c) && !ft_win_pending(c);
	/* By the peer's word there was nothing to be read. */
	bool none = c->forgot && c->session.stage == FT_SESSION_NONE && c->found_instance != 0;
	bool yielded = instance != 0 && instance == c->session.yielded;
	/* A secondary has no limit; an earlier ftd may have stopped it for a loss that our disk never took, and it is thawed again. */
	bool secondary = c->session.stage == FT_SESSION_BOUND && c->session.role == FT_ROLE_SECONDARY;
	bool ours = instance == c->session.instance;
	return yielded || (ours && (c->session.stage == FT_SESSION_RELEASED || won || secondary)) ||
	       (instance == c->found_instance && none);
}

bool ft_lease_over(const struct ft_core *c)
{
	return ft_due(c, ft_core_lease(c));
}

/* ---- answers ---- */

static void doubt(struct ft_core *c)
{
	c->unsure = c->params.registers;
	c->sure_from = c->now + FT_LANDS_NS;
	c->look_again_at = c->now;
	c->look_backoff = 0;
}

/* What was known of the one before says nothing of a new one. */
static void forget_last_session(struct ft_core *c)
{
	c->claim = FT_CLAIM_NOT_NEEDED;
	c->unsure = c->vacant = c->refused = c->given_away = c->given = c->given_in_doubt = false;
	c->won_to_start = c->taking = c->taken = false;
	c->verdict = FT_VERDICT_UNKNOWN;
	if (c->qemu.role != FT_ROLE_NONE) /* that it has run alone was before this pair */
		c->proven_instance = 0;
	c->oust_owed = c->said_ousts = c->ousted = false;
	c->ousts = 0;
	c->ousted_at = c->unnamed_at = c->unnamed_since = FT_NEVER;
}

/* What is in store_next is our session from here on. */
static void hold_to_it(struct ft_core *c)
{
	bool new_one = memcmp(c->session.id, c->store_next.id, sizeof no_id) != 0;
	bool lost = new_one && ft_session_unread(c) && !c->proposing && !c->params.fresh;
	c->session = c->store_next;
	c->winner_unstored = false;
	if (new_one)
		forget_last_session(c);
	if (lost) /* what was lost may have been this one, and our predecessor may have claimed it */
		doubt(c);
	bool named = peer_named_ours(c);
	if (new_one || named)
		c->named_by = named ? c->peer.incarnation : 0;
	/* Taken up from the peer, which may have ended it while our disk was slow: what it acknowledged meanwhile says nothing of it. */
	if (new_one && !named && !c->proposing)
		c->acked_sent = FT_NEVER;
	/* Also one that was released: the peer names it as soon as it is bound again.  What is written of a session later says nothing
	 * new of the peer. */
	bool proposed = c->proposing || (c->only_proposed && !new_one);
	c->only_proposed = proposed && c->session.stage == FT_SESSION_BOUND && !named;
	c->proposed_again = c->only_proposed && !new_one && (c->proposing || c->proposed_again);
	c->proposing = false;
	if (c->session.stage == FT_SESSION_BOUND) {
		c->bound = true;
		c->cannot_know = false;
		ft_core_recognise(c, &c->qemu);
		/* Heard by a calm peer just now, or it could not have been agreed on: the lease counts from the last such. */
		c->arbiter_again_at = c->now;
		c->arbiter_backoff = BACKOFF_FIRST;
	}
	if (c->session.stage == FT_SESSION_RELEASED || c->session.stage == FT_SESSION_ENDED)
		c->bound = false;
}

static void absorb_stored(struct ft_core *c, const struct ft_event *e)
{
	if (!c->storing)
		return;
	c->storing = false;
	if (e->error) {
		snprintf(c->store_fault, sizeof c->store_fault, "%s", e->text ? e->text : "unknown");
		c->store_again_at = c->now + FT_RETRY_NS;
		c->release_failed |= c->store_next.stage == FT_SESSION_RELEASED;
		c->stayed_stored |= c->store_next.stayed;
		if (binds_anew(c, &c->store_next) && !c->winner_unstored) { /* that it is over is written next */
			c->bind_failed = true;
			c->bind = c->store_next;
		}
		return;
	}
	c->release_failed = c->bind_failed = false;
	c->stayed_stored = c->store_next.stayed;
	bool same = c->store_next.stage == FT_SESSION_ENDED && c->store_next.title == c->session.title &&
	            strcmp(c->store_next.winner, c->session.winner) == 0;
	if (c->winner_unstored && !same)
		return; /* it was ended meanwhile: what was on its way to disk is overtaken */
	c->store_fault[0] = '\0';
	c->held_unstored = false;
	hold_to_it(c);
}

/* The register is the truth; the disk follows, and need not be waited for. */
static void know_winner(struct ft_core *c, const char *winner)
{
	/* The peer has bound it again after a release, which our disk did not take, or says that it did not. */
	if (ft_session_shared(c) && c->peer.side.epoch > c->session.epoch)
		c->session.epoch = peers_epoch(c);
	c->session.stage = FT_SESSION_ENDED;
	c->session.title = FT_TITLE_REGISTER;
	c->session.stayed = false;
	snprintf(c->session.winner, sizeof c->session.winner, "%s", winner);
	c->over_at = c->now;
	c->store_again_at = c->now;
	c->winner_unstored = true;
	c->start_wanted = c->unsure = c->bound = false;
	c->guard_at = c->now + GUARD_EVERY;
}

/* It had come no further than to the peer's disk. */
static bool only_peer_has_session(const struct ft_core *c)
{
	bool over = !ft_session_unended(c) || c->session.stage == FT_SESSION_RELEASED || outlived(c);
	bool none = c->params.arbitrated && over && c->session.instance != c->qemu.instance;
	bool newer = ft_session_unread(c) || peers_epoch(c) > c->session.epoch;
	bool named = c->peer_known && memcmp(c->peer.side.session, no_id, sizeof no_id) != 0;
	return none && named && newer && c->role_said && c->qemu.role == FT_ROLE_SECONDARY;
}

static bool peer_leaves_it_to_us(const struct ft_core *c)
{
	enum ft_vm vm = c->peer.side.vm;
	bool left = ft_peer_heard(c) && (vm == FT_VM_GONE || vm == FT_VM_YIELDED) && !c->peer.side.leaving;
	return only_peer_has_session(c) && left;
}

bool ft_session_left_to_us(const struct ft_core *c)
{
	return peer_leaves_it_to_us(c) && can_store(c);
}

bool ft_session_left_unstorable(const struct ft_core *c)
{
	return peer_leaves_it_to_us(c) && !c->storing && !can_store(c);
}

static bool peer_cannot_go_on(const struct ft_core *c)
{
	return ft_peer_heard(c) ? c->peer.side.vm == FT_VM_ABSENT : c->hearing == FT_PEER_LOST;
}

bool ft_session_peers_to_claim(const struct ft_core *c)
{
	return only_peer_has_session(c) && peer_cannot_go_on(c) && can_store(c);
}

bool ft_session_peers_unstorable(const struct ft_core *c)
{
	return only_peer_has_session(c) && peer_cannot_go_on(c) && !c->storing && !can_store(c);
}

/* The register answers a claim of the same side as it did before: should we die now, our next ftd asks again, by the peer's word or a
 * person's order as we did, and the peer finds our name there. */
void ft_adopt_unstored(struct ft_core *c, struct ft_actions *out)
{
	ft_core_say(c, out, FT_LEVEL_ERROR,
	            "state_dir takes nothing (%.80s): the session that %.60s alone has on its disk is taken up without "
	            "being written here",
	            c->store_fault, c->peer.node);
	c->store_next = session_to_bind(c, c->peer.side.session, peers_epoch(c));
	c->proposing = c->bind_failed = false;
	c->held_unstored = true;
	hold_to_it(c);
}

bool ft_session_given(const struct ft_core *c)
{
	enum ft_vm vm = c->peer.side.vm;
	bool ours = ft_session_unended(c) && c->session.instance == c->qemu.instance;
	return ours && ft_session_shared(c) && (vm == FT_VM_GONE || vm == FT_VM_YIELDED);
}

void ft_session_take(struct ft_core *c)
{
	c->given = true;
	c->given_in_doubt = c->peer.side.doubtful;
	know_winner(c, c->params.node);
	c->session.title = c->params.registers ? FT_TITLE_WORD : FT_TITLE_REGISTER;
}

/* By the winner's own word, durable there, that it never runs by this session again; or by a person's for it. */
void ft_regain(struct ft_core *c)
{
	c->verdict = FT_VERDICT_UNKNOWN;
	know_winner(c, c->params.node);
	c->session.title = FT_TITLE_REGAINED;
	c->claim = FT_CLAIM_NOT_NEEDED;
}

static int64_t longer(int64_t backoff)
{
	int64_t next = backoff == 0 ? BACKOFF_FIRST : 2 * backoff;
	return next < BACKOFF_MOST ? next : BACKOFF_MOST;
}

static void absorb_unreachable(struct ft_core *c, const char *why, bool about_ours)
{
	snprintf(c->arbiter_text, sizeof c->arbiter_text, "%s", why);
	c->arbiter_backoff = longer(c->arbiter_backoff);
	c->arbiter_again_at = c->now + c->arbiter_backoff;
	if (c->errand == FT_ERRAND_READ || !about_ours)
		return;
	c->claim = FT_CLAIM_UNREACHABLE;
	doubt(c);
}

static void absorb_vacant(struct ft_core *c)
{
	if (c->asked_surely && c->asked_arbiter_at >= c->sure_from)
		c->unsure = false;
	c->vacant |= c->asked_surely;
	c->refused = c->refused && !c->asked_surely;
	c->look_backoff = longer(c->look_backoff);
	c->look_again_at = c->now + c->look_backoff;
}

/* The register names a peer that has given us its right since.  Its claim, which it had given up for lost, was earlier. */
static bool given_by(const struct ft_core *c, const char *winner)
{
	const struct ft_side *p = &c->peer.side;
	bool still = ft_session_shared(c) && p->doubtful && (p->vm == FT_VM_GONE || p->vm == FT_VM_YIELDED);
	bool given = c->errand == FT_ERRAND_RECORD ? c->given_in_doubt || still
	                                           : c->errand == FT_ERRAND_READ && c->given_in_doubt;
	return given && strcmp(winner, c->peer.node) == 0;
}

/* An earlier ftd of ours took it.  The name in the register is of before, or a person has let the peer go on with its old copy
 * since; what runs here is not ended for that.  Where nothing runs, the register's word is all that may be believed. */
static bool taken_and_runs(const struct ft_core *c)
{
	bool runs = c->qemu.instance == c->session.instance && c->qemu.vm == FT_VM_ALIVE;
	return c->session.title == FT_TITLE_WORD && !c->given && runs;
}

/* A primary may have as the answer of the register was on its way.  Not one whose last word was that its QEMU is dead, or dying. */
static bool fell_silent(const struct ft_core *c)
{
	const struct ft_side *p = &c->peer.side;
	bool ended = p->vm == FT_VM_GONE || p->vm == FT_VM_YIELDED || (peer_named_ours(c) && p->dying);
	return c->session.role == FT_ROLE_SECONDARY && !ended && !(ft_peer_heard(c) && answered_lately(c));
}

/* What one reads without having asked for it was won at a time when the peer may have held a right. */
static enum ft_title title_won(const struct ft_core *c, bool given_before)
{
	if (c->errand == FT_ERRAND_READ)
		return FT_TITLE_FOUND;
	/* The peer may have won by our word, and no register says who was later. */
	if (given_before && !c->params.registers)
		return FT_TITLE_REGAINED;
	bool vouched = c->errand == FT_ERRAND_END_OLD && c->start_confirmed;
	bool silent = c->errand == FT_ERRAND_FAILOVER && fell_silent(c);
	return c->params.fenced && (c->claim_fences || silent) && !vouched ? FT_TITLE_UNFENCED : FT_TITLE_REGISTER;
}

/* The peer may have gone on by our own word, unheard: unless it is heard to have no QEMU, its host is off by a person's word, or the win
 * counts only once our fence has worked. */
static bool may_run_by_our_word(const struct ft_core *c)
{
	enum ft_vm vm = c->peer.side.vm;
	bool none = ft_peer_heard(c) && (vm == FT_VM_GONE || vm == FT_VM_ABSENT);
	bool ordered = c->outcome.cause == FT_CAUSE_SIGNAL || c->outcome.cause == FT_CAUSE_OPERATOR;
	bool for_order = ordered && c->forced_confirmed && !ft_peer_heard(c);
	bool vouched = c->errand == FT_ERRAND_END_OLD ? c->start_confirmed : for_order;
	return c->params.registers && !none && !vouched && !(c->params.fenced && ft_win_pending(c));
}

static void absorb_winner(struct ft_core *c, enum ft_claim claim, const char *winner)
{
	/* What was given back since stays so, whoever stands in the register. */
	if (c->session.title == FT_TITLE_RETURNED || c->session.title == FT_TITLE_REGAINED) {
		c->unsure = false;
		return;
	}
	bool read = c->errand == FT_ERRAND_READ, start = c->start_wanted, unsure = c->unsure;
	bool asked_to_go_on = c->phase == FT_PHASE_CLAIMING || c->phase == FT_PHASE_CUT_OFF;
	/* The peer has given its right to us, after we had given ours to it. */
	bool goes_on = c->phase == FT_PHASE_PLANNING || c->phase == FT_PHASE_RECORDING || c->phase == FT_PHASE_SOLO;
	bool claiming = asked_to_go_on || goes_on || c->errand == FT_ERRAND_END_OLD;
	bool given_before = c->session.stage == FT_SESSION_RESIGNED;
	bool ours = claim == FT_CLAIM_WON || strcmp(winner, c->params.node) == 0;
	c->won_to_start |= ours && c->errand == FT_ERRAND_END_OLD;
	if (ours && c->session.stage == FT_SESSION_RESIGNED && !claiming && !leads_anew(c)) {
		c->unsure = false;
		c->given_away = true;
	} else if (!ours && (given_by(c, winner) || taken_and_runs(c))) {
		ft_core_note(c, c->now, "the register names %s, whose right was given to us after that claim", winner);
		c->claim = FT_CLAIM_NOT_NEEDED;
		know_winner(c, c->params.node);
	} else {
		if (read && ours) {
			c->undone = true;
			ft_core_note(c, c->now, "a claim of ours that had been given up stands in the register");
		}
		c->claim = ours ? FT_CLAIM_WON : FT_CLAIM_LOST;
		know_winner(c, ours ? c->params.node : winner);
		if (ours)
			c->session.title = title_won(c, given_before);
		c->session.given_before |= ours && given_before && may_run_by_our_word(c);
		/* Where it ends by this very claim, and we had never given it, nobody can stand in its verdict. */
		c->named_nobody = ours && c->errand == FT_ERRAND_FAILOVER && !given_before && !unsure;
		c->verdict_again_at = c->now; /* else the fence waits for that */
		c->start_wanted = start && ft_win_pending(c);
	}
}

static void verdict_again(struct ft_core *c)
{
	c->verdict_backoff = longer(c->verdict_backoff);
	c->verdict_again_at = c->now + c->verdict_backoff;
}

static void absorb_named(struct ft_core *c, const char *name)
{
	bool by_word = c->session.stage == FT_SESSION_ENDED && strcmp(c->session.winner, name) == 0;
	bool ours = strcmp(name, c->params.node) == 0;
	c->verdict_backoff = 0;
	c->verdict = FT_VERDICT_STANDS;
	c->taken = c->taking && ours;
	c->taking = false;
	if (by_word ||
	    c->session.title == FT_TITLE_RETURNED) /* what was given back is not ours whatever stands there */
		return;
	if (ours) {
		ft_core_note(c, c->now, "the verdict of session %llu names this side",
		             (unsigned long long)c->session.epoch);
		know_winner(c, name);
		c->session.title = FT_TITLE_REGAINED;
		c->claim = FT_CLAIM_WON;
	} else {
		/* Over our win it says who is to run; over a peer's, who does: only that one puts its own name there. */
		enum ft_title title = ft_session_ended_by_us(c) ? FT_TITLE_RETURNED : FT_TITLE_REGISTER;
		know_winner(c, name);
		c->session.title = title;
		c->claim = FT_CLAIM_LOST;
	}
}

static void absorb_verdict(struct ft_core *c, const struct ft_event *e, const char *text)
{
	if (c->errand == FT_ERRAND_TAKE_VERDICT)
		settle_oust(c, e->claim != FT_CLAIM_UNREACHABLE);
	c->named_nobody = e->claim == FT_CLAIM_NOT_NEEDED;
	if (c->named_nobody) {
		c->unnamed_at = c->asked_arbiter_at;
		if (c->unnamed_since == FT_NEVER)
			c->unnamed_since = c->unnamed_at;
	} else {
		c->unnamed_since = FT_NEVER;
	}
	if (e->claim == FT_CLAIM_NOT_NEEDED && c->asked_arbiter_at >= c->taking_until)
		c->taking = c->oust_owed = false; /* it never landed */
	if (e->claim == FT_CLAIM_UNREACHABLE || e->claim == FT_CLAIM_NOT_NEEDED)
		verdict_again(c);
	else
		absorb_named(c, text);
	c->verdict_unreachable = e->claim == FT_CLAIM_UNREACHABLE;
	if (!c->verdict_unreachable) {
		c->verdict_wanted = false;
		return;
	}
	snprintf(c->arbiter_text, sizeof c->arbiter_text, "%s", text);
	if (c->errand == FT_ERRAND_TAKE_VERDICT && c->forced != FT_CAUSE_NONE)
		c->verdict = FT_VERDICT_UNREACHABLE;
}

static void absorb_arbiter(struct ft_core *c, const struct ft_event *e)
{
	if (!c->arbiter_busy)
		return;
	bool about_ours = memcmp(c->claim_id, c->session.id, sizeof no_id) == 0;
	const char *text = e->text ? e->text : "?";
	c->arbiter_busy = false;
	c->arbiter_text[0] = '\0';
	if (about_verdict(c->errand)) {
		if (about_ours)
			absorb_verdict(c, e, text);
		return;
	}
	if (about_ours && ft_holds_title(c)) {
		c->arbiter_again_at = c->now + (e->claim == FT_CLAIM_UNREACHABLE ? FT_RETRY_NS : 0);
		if (e->claim != FT_CLAIM_UNREACHABLE)
			absorb_guard(c, e->claim, text);
		return;
	}
	if (e->claim == FT_CLAIM_UNREACHABLE) {
		absorb_unreachable(c, text, about_ours);
		return;
	}
	c->arbiter_backoff = 0;
	c->arbiter_again_at = c->now;
	if (about_ours && e->claim == FT_CLAIM_NOT_NEEDED)
		absorb_vacant(c);
	else if (about_ours)
		absorb_winner(c, e->claim, text);
}

static void absorb_fenced(struct ft_core *c, const struct ft_event *e)
{
	if (!c->fencing)
		return;
	bool about_ours = memcmp(c->fence_id, c->session.id, sizeof no_id) == 0;
	c->fencing = false;
	if (c->ousting && about_ours)
		absorb_oust(c, e->error);
	c->ousting = false;
	if (!e->error) {
		c->fence_backoff = 0;
		if (about_ours)
			ft_win_settle(c);
		return;
	}
	snprintf(c->fence_fault, sizeof c->fence_fault, "%s", e->text ? e->text : "unknown");
	c->fence_backoff = longer(c->fence_backoff);
	c->fence_again_at = c->now + c->fence_backoff;
}

/* Only who is bound by our session, or cannot be yet, holds to a promise in it.  One that names none may have ended it; but one
 * that says that it has released it is bound again by our word alone, which it has not while ours may be released, too. */
static bool ack_counts(const struct ft_core *c)
{
	bool bound = c->session.stage == FT_SESSION_BOUND;
	bool named = peer_named_ours(c);
	bool released = ft_release_may_stand(c) && c->peer.side.released && c->peer.side.epoch == c->session.epoch;
	return !bound || named || c->only_proposed || released;
}

int64_t ft_session_granted_until(const struct ft_core *c)
{
	int64_t bound_under = c->session.window_ms * FT_NS_PER_MS;
	return c->started_at + (bound_under > c->params.window ? bound_under : c->params.window) + c->params.guard;
}

static void absorb_ack(struct ft_core *c, int64_t sent)
{
	bool newer = c->acked_sent == FT_NEVER || sent > c->acked_sent;
	if (sent != FT_NEVER)
		c->peer_knows_until = sent;
	if (sent == FT_NEVER || !ack_counts(c) || !newer)
		return;
	c->acked_sent = sent;
	c->acked_grant = (int64_t)c->peer.side.window_ms * FT_NS_PER_MS;
}

void ft_session_absorb(struct ft_core *c, const struct ft_event *e)
{
	if (e->kind == FT_EVENT_STORED)
		absorb_stored(c, e);
	else if (e->kind == FT_EVENT_ACK)
		absorb_ack(c, e->at);
	else if (e->kind == FT_EVENT_ANSWERED)
		c->answered_at = e->at;
	else if (e->kind == FT_EVENT_FENCED)
		absorb_fenced(c, e);
	else if (e->kind == FT_EVENT_CLAIM || e->kind == FT_EVENT_REGISTER)
		absorb_arbiter(c, e);
}
