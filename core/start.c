/* May the VM be started here, as the primary of a pair that has to begin anew?  Pure.
 * Knows: the session, the peer's word, the register's answers.  Must not know: who asks, and how a VM is started. */
#include "core/core_internal.h"

#include <stdio.h>
#include <string.h>

static bool no_qemu(const struct ft_core *c)
{
	return c->qemu.vm == FT_VM_GONE || c->qemu.vm == FT_VM_ABSENT;
}

/* Its own word, which may be newer than what we have on disk: a pair that was made anew has no session at first. */
static bool runs_there(const struct ft_core *c)
{
	const struct ft_side *p = &c->peer.side;
	return ft_peer_heard(c) &&
	       (p->role == FT_ROLE_PRIMARY || p->role == FT_ROLE_SOLO || p->state == FT_FAILING_OVER || p->runs);
}

static bool out_there(const struct ft_core *c)
{
	return ft_peer_heard(c) && (c->peer.side.vm == FT_VM_GONE || c->peer.side.vm == FT_VM_ABSENT);
}

/* It has said so, whether or not its QEMU is there yet. */
static bool peer_starts(const struct ft_core *c)
{
	return ft_peer_heard(c) && c->peer.side.guest;
}

/* Both QEMUs died in it, neither having run alone: each side left the guest to the other. */
static bool both_gave_up(const struct ft_core *c)
{
	return c->session.stage == FT_SESSION_RESIGNED && ft_session_shared(c) && c->peer.side.vm == FT_VM_GONE;
}

/* The peer is heard, and nothing of its runs, by its own word: after an outage of both, say.  Whether it ran the guest
 * before, the register knows. */
static bool nobody_there(const struct ft_core *c)
{
	const struct ft_side *p = &c->peer.side;
	bool elsewhere = ft_peer_has_session(c) && !ft_session_shared(c);
	return out_there(c) && !elsewhere && !peer_starts(c) && (p->state == FT_UNPROTECTED || p->state == FT_FENCED);
}

/* Whatever the other side was granted. */
static bool grants_are_over(const struct ft_core *c)
{
	bool lost = c->hearing != FT_PEER_LOST || ft_due(c, c->lost_at + c->params.guard);
	return lost && ft_due(c, ft_session_granted_until(c));
}

struct verdict {
	int may; /* as ft_core_may_start */
	const char *why;
};

/* ---- what the arbiter remembers ---- */

/* Asked for each start: what it said before may be old. */
bool ft_past_due(const struct ft_core *c)
{
	return c->past_wanted && !c->past_asked && ft_due(c, c->past_again_at);
}

void ft_remember(struct ft_core *c, struct ft_actions *out)
{
	c->past_asked = true;
	ft_core_do(out, FT_DO_REMEMBER)->sure = true;
}

void ft_past_absorb(struct ft_core *c, const struct ft_event *e)
{
	if (!c->past_asked)
		return;
	c->past_asked = false;
	c->past = e->claim;
	c->past_known = e->claim != FT_CLAIM_UNREACHABLE;
	c->past_wanted = !c->past_known;
	c->past_again_at = c->now + FT_RETRY_NS;
	c->past_epoch = e->claim == FT_CLAIM_LOST ? e->epoch : 0;
}

/* One that was lost here would be known there. */
static bool never_was(const struct ft_core *c)
{
	enum ft_state s = c->peer.side.state;
	return out_there(c) && c->peer.side.epoch == 0 && (s == FT_UNPROTECTED || s == FT_ARMING);
}

/* Our disk is an old copy, put back, or a new one where there was another; or the arbiter is yet to say. */
static struct verdict by_past(const struct ft_core *c)
{
	bool unread = ft_session_unread(c);
	if (!c->params.registers || (unread && never_was(c)))
		return (struct verdict){1, NULL};
	if (!c->past_known && c->past != FT_CLAIM_UNREACHABLE)
		return (struct verdict){-1, "the arbiter is being asked"};
	if (!c->past_known && unread)
		return (struct verdict){-1,
		                        "no session is known, and the arbiter, which may know one, is out of reach; if "
		                        "nothing runs anywhere: --confirm-fenced"};
	if (unread && c->past == FT_CLAIM_LOST)
		return (struct verdict){0,
		                        "no session is known, but the arbiter knows this pair: one was lost here; if "
		                        "nothing runs anywhere: --confirm-fenced"};
	if (c->past == FT_CLAIM_LOST && c->past_epoch > c->session.epoch)
		return (struct verdict){0,
		                        "the arbiter knows a later session than this side, whose state_dir is an old "
		                        "copy; if the other host is surely off: --confirm-fenced"};
	return (struct verdict){1, NULL};
}

/* ---- what is ended for it ---- */

/* Nothing of the session runs here, nothing there or nobody speaks for it, and whatever it was granted is over.  A released
 * session grants no lease, so a side that was its secondary cannot know whether the other's guest runs, nor can one that has
 * resigned; but a person may vouch for that. */
static bool start_may_end_it(const struct ft_core *c)
{
	bool ours = c->session.stage == FT_SESSION_BOUND ||
	            (c->session.stage == FT_SESSION_RELEASED && c->session.role == FT_ROLE_PRIMARY);
	bool known = (ours && !ft_session_given_up(c)) || (c->start_confirmed && ft_session_unended(c));
	bool both = both_gave_up(c) && !peer_starts(c);
	return (known && (!ft_peer_heard(c) || nobody_there(c)) && grants_are_over(c)) || both;
}

/* What our disk knows is the newest, as far as can be known: by an old copy nothing is ended, and no host powered off. */
static bool past_allows(const struct ft_core *c)
{
	return c->start_confirmed || by_past(c).may == 1;
}

static bool start_wanted(const struct ft_core *c)
{
	return c->start_wanted && no_qemu(c) && past_allows(c);
}

bool ft_start_claim_due(const struct ft_core *c)
{
	/* A fence keeps no register: a claim would power the other host off at every start here. */
	return c->params.registers && start_wanted(c) && start_may_end_it(c) && ft_can_ask_arbiter(c);
}

/* The other side may run beyond its right only where it was the bound primary: its ftd and its sentinel may have been killed in one
 * blow.  Where we were that, or the session was released, nobody runs there by it once the register names us; but a win that waits
 * for its fence already may be from after our own word. */
static bool start_needs_fence(const struct ft_core *c)
{
	bool open = c->session.stage == FT_SESSION_BOUND || c->session.title == FT_TITLE_FOUND;
	bool primary_there = open && c->session.role == FT_ROLE_SECONDARY;
	return !c->start_confirmed && (primary_there || c->session.title == FT_TITLE_UNFENCED);
}

bool ft_start_spares_peer(const struct ft_core *c)
{
	return c->start_wanted && no_qemu(c) && !start_needs_fence(c);
}

/* What has been read of it names us for ever, or nobody. */
static bool verdict_is_open(const struct ft_core *c)
{
	return c->verdict_wanted && c->verdict != FT_VERDICT_STANDS;
}

static bool has_listened(const struct ft_core *c)
{
	return c->hearing != FT_PEER_NEVER || grants_are_over(c);
}

/* Asked for each start: an empty one says nothing of the next.  The register first, where that is still to say who has won; and after
 * the peer was listened for, in which time a person may let that go on. */
bool ft_start_verdict_due(const struct ft_core *c)
{
	bool won = ft_session_ended_by_us(c) && c->session.title != FT_TITLE_WORD;
	return verdict_is_open(c) && won && has_listened(c) && no_qemu(c) && !c->arbiter_busy &&
	       ft_due(c, c->verdict_again_at);
}

/* The register names us; whatever the other side was granted is over, and it is silent.  Not whom the verdict names, or who was
 * given a new guest since: that one runs it. */
static bool start_waits_for_the_fence(const struct ft_core *c)
{
	bool wanted = start_wanted(c) && start_needs_fence(c) && !verdict_is_open(c);
	return wanted && c->session.yielded == 0 && !ft_peer_heard(c) && grants_are_over(c);
}

bool ft_start_fence_look_due(const struct ft_core *c)
{
	return start_waits_for_the_fence(c) && ft_fence_look_due(c);
}

bool ft_start_fence_due(const struct ft_core *c)
{
	return start_waits_for_the_fence(c) && ft_fence_due(c);
}

/* ---- what is told first ---- */

/* Both disks say that their own side has ended the session: the peer was let go on after it had lost, by a person, or the host of each
 * was switched off by the other's fence. */
static bool is_rivalled(const struct ft_core *c)
{
	const struct ft_side *p = &c->peer.side;
	return ft_peer_heard(c) && ft_session_ended_by_us(c) && p->win != FT_WIN_NONE && p->epoch == c->session.epoch;
}

/* Neither was later than the other, so that either may start. */
static bool is_equalled(const struct ft_core *c)
{
	return is_rivalled(c) && c->peer.side.win == ft_session_win(c);
}

/* What overrules anybody's word. */
static struct verdict forbidden(const struct ft_core *c)
{
	if (!no_qemu(c))
		return (struct verdict){0, "a QEMU is here already"};
	if (runs_there(c) && c->peer.side.state == FT_HELD)
		return (struct verdict){0, "the guest stands still at the other side, held; ftctl failover "
		                           "--confirm-fenced there lets it go on"};
	if (runs_there(c))
		return (struct verdict){0, "the other side runs the guest"};
	if (c->session.stage != FT_SESSION_ENDED)
		return (struct verdict){1, NULL};
	if (!ft_session_ended_by_us(c))
		return (struct verdict){0, "the other side ended the last session; start the VM there"};
	if (c->phase == FT_PHASE_FENCED)
		return (struct verdict){0, "this side ended the last session, but the peer was given the guest since"};
	return (struct verdict){1, NULL};
}

/* Where no session is known, or each has ended the last one, both hosts may come up at once, each with a unit that starts the
 * VM.  So it is told first, and the one that knows of the other's intention when it gets its own leaves it to that; of two that
 * did not, one has the smaller name.  Who has ended the last session tells it, too: a person may order the other side to go on,
 * which goes by our word that nothing runs here. */
void ft_start_announce(struct ft_core *c)
{
	c->start_told_until = c->now + FT_START_NS;
	if (c->start_confirmed)
		c->start_vouched_until = c->start_told_until;
}

/* Nor where the peer's session makes the answer a no for certain: it would wait for us in vain. */
static bool may_be_starting(const struct ft_core *c)
{
	/* Once a person has been told yes, whatever the arbiter says since: the QEMU may be on its way. */
	bool counts = c->start_granted || c->session.stage != FT_SESSION_ENDED;
	bool vouched = !ft_due(c, c->start_vouched_until) && counts;
	bool unread = ft_session_unread(c) && !(ft_peer_heard(c) && c->peer.side.epoch > 0);
	bool starts = unread || vouched || ft_session_ended_by_us(c);
	return c->params.arbitrated && !ft_due(c, c->start_told_until) && starts && no_qemu(c);
}

/* Also where it has fallen silent since: by what it said before us it may have been told yes, and its QEMU be on its way. */
static bool peer_may_be_starting(const struct ft_core *c)
{
	return c->peer.side.guest && (ft_peer_heard(c) || !ft_due(c, ft_after(c->heard_at, FT_START_NS)));
}

/* Beside what the peer said before us. */
static bool gives_way(const struct ft_core *c)
{
	return peer_may_be_starting(c) && (!ft_session_ended_by_us(c) || is_equalled(c));
}

/* The peer has not won, but a person vouches there: it may have been told yes while it did not hear us.  It withdraws that where it has not
 * been. */
static bool vouched_there(const struct ft_core *c)
{
	return peer_starts(c) && out_there(c) && !is_rivalled(c);
}

/* By what a peer says that is heard, its host is not off; or it was first.  Once the answer was yes, only that its QEMU is there counts. */
static bool vouch_is_refused(const struct ft_core *c)
{
	bool goes_first =
	    c->start_second || c->peer.side.win != FT_WIN_NONE || strcmp(c->peer.node, c->params.node) < 0;
	if (c->start_granted)
		return !no_qemu(c);
	return forbidden(c).may == 0 || (ft_peer_heard(c) && !out_there(c)) || (peer_starts(c) && goes_first);
}

bool ft_start_announced(const struct ft_core *c)
{
	return may_be_starting(c) && (!c->start_second || c->start_granted);
}

/* The peer has acknowledged a heartbeat that told it. */
static bool start_is_known(const struct ft_core *c)
{
	bool knows = c->peer_knows_until != FT_NEVER && c->peer_knows_until > c->start_told_from;
	return ft_start_announced(c) && knows;
}

/* Of two that may, one does. */
static struct verdict as_one_of_two(const struct ft_core *c)
{
	if (c->start_second || (c->peer.side.guest && strcmp(c->peer.node, c->params.node) < 0))
		return (struct verdict){0, "the other side is starting the VM"};
	if (!start_is_known(c))
		return (struct verdict){-1, "the other side is being told"};
	return (struct verdict){1, NULL};
}

static struct verdict by_a_persons_word(void)
{
	return (struct verdict){1, "a person vouches that the other host is off; keep it off until ftctl status here "
	                           "shows this side protected or solo"};
}

/* A peer that is heard may be about to start the VM: a winner does so as soon as it is asked. */
static struct verdict vouched_for(const struct ft_core *c)
{
	bool askable = c->params.registers && ft_session_unended(c);
	if (ft_peer_heard(c) && !out_there(c))
		return (struct verdict){0, "the peer is there and has a QEMU, so its host is not off"};
	if (vouch_is_refused(c))
		return (struct verdict){0, "the other side is starting the VM"};
	if (ft_peer_heard(c) && as_one_of_two(c).may != 1)
		return as_one_of_two(c);
	if (askable && c->claim != FT_CLAIM_UNREACHABLE)
		return (struct verdict){-1, "the arbiter is being asked"};
	return by_a_persons_word();
}

static struct verdict by_register(const struct ft_core *c)
{
	if (!c->params.registers)
		return (struct verdict){
		    0, "a fence keeps no register to ask; if the other host is surely off: --confirm-fenced"};
	if (c->claim == FT_CLAIM_UNREACHABLE)
		return (struct verdict){
		    -1, "the arbiter is out of reach; if the other host is surely off: --confirm-fenced"};
	return (struct verdict){-1, "the arbiter is being asked"};
}

static struct verdict in_open_session(const struct ft_core *c)
{
	if (both_gave_up(c))
		return by_register(c);
	if (ft_session_given_up(c))
		return (struct verdict){
		    0, "this side gave up the session, and the other may run the guest; if that host is surely off: "
		       "--confirm-fenced"};
	if (ft_peer_heard(c) && !nobody_there(c))
		return (struct verdict){
		    0, "the peer is there, and the session is open: start the VM where it ran, or end it there first"};
	if (c->session.stage == FT_SESSION_RELEASED && c->session.role == FT_ROLE_SECONDARY)
		return (struct verdict){
		    0,
		    "the other side's guest may be running without ftd; if that host is surely off: --confirm-fenced"};
	return by_register(c);
}

/* No session says who may run the guest: it must be sure that there never was one, and that the peer does not run it. */
static struct verdict without_session(const struct ft_core *c)
{
	enum ft_state s = c->peer.side.state;
	bool unknown = c->peer.side.epoch > 0 || (s != FT_UNPROTECTED && s != FT_ARMING);
	if (!c->params.fresh && !never_was(c))
		return (struct verdict){
		    0, "no session is known, but ftd was here before: one may have been lost; if nothing "
		       "runs anywhere: --confirm-fenced"};
	if (c->hearing == FT_PEER_LOST)
		return (struct verdict){0,
		                        "there was a peer without a session, and it is silent: it may run the guest"};
	if (ft_peer_heard(c) && unknown)
		return (struct verdict){0, "the peer runs the guest, or may"};
	if (!ft_peer_heard(c))
		return (struct verdict){1, "no session is known"};
	if (c->peer.side.guest && !out_there(c))
		return (struct verdict){0, "the other side runs the guest"};
	struct verdict first = as_one_of_two(c);
	return first.may == 1 ? (struct verdict){1, "no session is known"} : first;
}

/* Our win is from before this ftd, which has not seen our guest run by it; and a person may have let the peer power this host off
 * and go on, since.  No register would tell. */
static bool win_may_be_old(const struct ft_core *c)
{
	const struct ft_session *found = &c->params.session;
	bool earlier = found->stage == FT_SESSION_ENDED && memcmp(found->id, c->session.id, sizeof found->id) == 0;
	return earlier && !c->params.registers && !c->win_seen && !ft_peer_heard(c);
}

/* The peer may have gone on by our own word before we won, and run yet, also without its ftd; or it had won before a person let us go on,
 * and may start by that: then only a verdict in our name, or that it is heard to have nothing that runs, says that the guest is ours. */
static bool peer_may_run_by_right(const struct ft_core *c)
{
	const struct ft_side *p = &c->peer.side;
	bool stands = p->vm == FT_VM_YIELDED || p->role == FT_ROLE_SECONDARY;
	bool still = out_there(c) || (ft_peer_heard(c) && stands);
	bool before = c->session.given_before && c->verdict != FT_VERDICT_STANDS;
	return (before || c->session.yielded) && !still;
}

static struct verdict after_the_peers_right(const struct ft_core *c)
{
	if (ft_peer_heard(c) && (c->peer.side.state == FT_STARTING || c->peer.side.vm == FT_VM_UNKNOWN))
		return (struct verdict){-1, "the peer does not know yet whether it runs the guest"};
	if (c->session.yielded)
		return (struct verdict){
		    0, "this side ended the last session, but has given the guest to the peer since, which may run it; "
		       "if that host is surely off: --confirm-fenced"};
	return (struct verdict){
	    0,
	    "this side ended the last session after the guest had been the peer's, which may run it; if that host is "
	    "surely off: --confirm-fenced"};
}

static struct verdict asked_in_vain(void)
{
	return (struct verdict){
	    -1, "the arbiter, which knows whether the guest is this side's still, is out of reach; if the other host "
	        "is surely off: --confirm-fenced"};
}

/* It stands above the register. */
static struct verdict by_verdict(const struct ft_core *c, bool confirmed)
{
	if (!verdict_is_open(c) && !confirmed && peer_may_run_by_right(c))
		return after_the_peers_right(c);
	if (!verdict_is_open(c))
		return (struct verdict){1, "this side ended the last session"};
	bool by_word =
	    c->session.title == FT_TITLE_WORD && c->claim == FT_CLAIM_UNREACHABLE; /* not even the register */
	if (!c->verdict_unreachable && !by_word)
		return (struct verdict){-1, "the arbiter is being asked"};
	if (confirmed)
		return by_a_persons_word();
	return asked_in_vain();
}

/* Also where a person vouches: the other's host is heard. */
static struct verdict beside_a_rival(const struct ft_core *c)
{
	if (c->peer.side.win == FT_WIN_REGAINED && ft_session_win(c) != FT_WIN_REGAINED)
		return (struct verdict){
		    0, "this side ended the last session, but the peer was given the guest since: start the VM there"};
	if (!is_equalled(c))
		return (struct verdict){1, NULL};
	return as_one_of_two(c);
}

/* Who speaks may have had a right when we won; who does not may be on still. */
static bool win_waits(const struct ft_core *c)
{
	return !ft_win_complete(c) && (c->hearing == FT_PEER_ALIVE || start_needs_fence(c));
}

/* The win lets nobody go on before the other host is off. */
static struct verdict before_the_fence(const struct ft_core *c)
{
	if (c->session.yielded)
		return after_the_peers_right(c);
	if (c->verdict_unreachable)
		return asked_in_vain();
	return (struct verdict){-1, c->fence_fault[0]
	                                ? "this side ended the last session, but the other host cannot be powered "
	                                  "off (the log says why); if it is surely off: --confirm-fenced"
	                                : "the other host is being powered off"};
}

/* Our disk may be an old one, put back. */
static struct verdict as_winner(const struct ft_core *c, bool confirmed)
{
	if (ft_return_owed(c))
		return (struct verdict){0, "the session is being given back: the peer's copy of the guest is to go on"};
	if (ft_peer_heard(c) && c->peer.side.epoch > c->session.epoch)
		return (struct verdict){0, "the peer knows a later session than this side: start the VM there"};
	if (is_rivalled(c) && beside_a_rival(c).may != 1)
		return beside_a_rival(c);
	if (vouched_there(c))
		return (struct verdict){0, "the other side is starting the VM"};
	if (win_may_be_old(c) && !confirmed)
		return (struct verdict){
		    0, "this side ended the last session, but the peer is silent, and may have been given the guest "
		       "since: "
		       "a fence keeps no register to ask; if that host is surely off: --confirm-fenced"};
	/* It was given to us, and a person may have let the peer go on with it since: the register first, then a person. */
	if (c->session.title == FT_TITLE_WORD && !(confirmed && c->claim == FT_CLAIM_UNREACHABLE))
		return by_register(c);
	if (!confirmed && ft_win_pending(c) && !out_there(c)) {
		if (ft_peer_heard(c) && c->session.role == FT_ROLE_SECONDARY)
			return (struct verdict){0, "this side ended the last session, but the peer is there and may "
			                           "run the guest: end it there first"};
		if (!grants_are_over(c))
			return (struct verdict){-1, "the peer may hold a right to run yet"};
	}
	if (!confirmed && win_waits(c))
		return before_the_fence(c);
	if (ft_peer_heard(c) && !out_there(c) && !start_is_known(c))
		return (struct verdict){-1, "the other side is being told"};
	return by_verdict(c, confirmed);
}

static struct verdict judge_start(const struct ft_core *c, bool confirm_fenced)
{
	if (!c->params.arbitrated)
		return (struct verdict){1, "arbiter type none: nothing excludes two masters"};
	struct verdict v = forbidden(c);
	if (v.may == 0)
		return v;
	if (!has_listened(c))
		return (struct verdict){-1, "the peer is being listened for"};
	/* What is known of the one before says nothing any more: our QEMU has died in a new one, which is the peer's from there on. */
	if (ft_bind_may_stand(c) && !(confirm_fenced && !c->storing))
		return (struct verdict){-1, "a session is on its way to disk; is state_dir full or read-only?"};
	if (c->session.stage == FT_SESSION_ENDED)
		return as_winner(c, confirm_fenced);
	if (confirm_fenced)
		return vouched_for(c);
	if (c->session.stage == FT_SESSION_NONE)
		return without_session(c);
	if (c->session.stage == FT_SESSION_UNKNOWN)
		return (struct verdict){
		    0, "the last session cannot be read; if the other host is surely off: --confirm-fenced"};
	return in_open_session(c);
}

void ft_start_tell(struct ft_core *c)
{
	if (vouch_is_refused(c))
		c->start_vouched_until = c->now;
	bool vouched = !ft_due(c, c->start_vouched_until);
	bool starts = may_be_starting(c), anew = !c->start_said || (c->start_second && !peer_may_be_starting(c));
	if (starts && anew) {
		c->start_told_from = c->now;
		c->start_second = gives_way(c);
	}
	c->start_said = starts;
	c->start_granted = vouched && (c->start_granted || judge_start(c, true).may == 1);
}

int ft_core_may_start(const struct ft_core *c, bool confirm_fenced, char why[FT_TEXT_MAX])
{
	struct verdict v = judge_start(c, confirm_fenced), past = by_past(c);
	/* An old copy stays one, whatever the peer will say; where no session is known, it may know more. */
	bool old = v.may == -1 && past.may == 0 && !ft_session_unread(c);
	if (((v.may == 1 && past.may != 1) || old) && c->params.arbitrated && !confirm_fenced)
		v = past;
	snprintf(why, FT_TEXT_MAX, "%s", v.why);
	return v.may;
}
