/* Do both hosts share what they must share?  Pure.
 * Knows: what each side says of its arbiter, its timing and its links, and the marks.  Must not know: how a mark is kept.
 *
 * Two that claim in different registers both win.  So each side leaves a mark, a number it has drawn, beside its registers,
 * tells it in its heartbeats, and looks for the peer's beside its own.  Who finds what the peer tells asks the registers that
 * the peer writes to; only what both have found so is shared.  A folder that was copied holds an old mark, and another etcd
 * none, or one of another life.
 *
 * It is done anew every now and then, with new marks, since a storage can be mounted elsewhere while we run.  An arbiter that
 * is out of reach says nothing, and changes nothing.  A mark that is not the peer's is no proof at once: a storage may show
 * old things for a while, and a write that had been given up may land late.  Several readings in a row, over some time, each
 * begun after the peer had told its mark, are. */
#include "core/core_internal.h"

#include <stdio.h>
#include <string.h>

#define MARK_EVERY     (300000 * FT_NS_PER_MS) /* once it is proven */
#define MARK_WAIT      (1000 * FT_NS_PER_MS)   /* for the peer's first mark */
#define MARK_SOON      (100 * FT_NS_PER_MS)    /* the peer has just told a new one */
#define MARK_AGAIN     (3000 * FT_NS_PER_MS) /* after one that is not the peer's; also for a peer that has not found ours */
#define MARK_DIFFERENT (10000 * FT_NS_PER_MS) /* once it is proven that they are not shared */
#define MISSES         4                      /* in a row, which is 9 s at least, make a proof */

static bool takes_part(const struct ft_core *c)
{
	return c->params.registers && c->params.share.arbiter != 0;
}

static const struct ft_share *theirs(const struct ft_core *c)
{
	return &c->peer.side.share;
}

/* By our reading, or by the peer's, of whoever both are now. */
static bool either_says(const struct ft_core *c, enum ft_sharing verdict)
{
	const struct ft_share *o = &c->self.share, *t = theirs(c);
	bool by_us = o->verdict == verdict && o->about == c->peer.incarnation;
	bool by_peer = t->verdict == verdict && t->about == c->params.incarnation;
	return by_us || by_peer;
}

static bool both_say(const struct ft_core *c, enum ft_sharing verdict)
{
	const struct ft_share *o = &c->self.share, *t = theirs(c);
	return o->verdict == verdict && o->about == c->peer.incarnation && t->verdict == verdict &&
	       t->about == c->params.incarnation;
}

static bool other_arbiter(const struct ft_core *c)
{
	uint8_t ours = c->params.share.arbiter, its = theirs(c)->arbiter;
	return c->peer_known && ours != 0 && its != 0 && ours != its;
}

bool ft_sharing_differs(const struct ft_core *c)
{
	return other_arbiter(c) || (takes_part(c) && c->peer_known && either_says(c, FT_SHARING_DIFFERS));
}

enum ft_sharing ft_core_sharing(const struct ft_core *c)
{
	if (ft_sharing_differs(c))
		return FT_SHARING_DIFFERS;
	return c->peer_known && takes_part(c) && both_say(c, FT_SHARING_PROVEN) ? FT_SHARING_PROVEN
	                                                                        : FT_SHARING_UNKNOWN;
}

/* ---- what differs, for people ---- */

/* The first link that stands at another place of the peer's list; -1: none.  (One that the peer does not know says
 * nothing: an address may be translated on its way, and a reload comes to one side first.) */
static int link_out_of_order(const struct ft_core *c, int *there)
{
	const struct ft_share *o = &c->params.share, *t = theirs(c);
	for (int i = 0; i < o->n_links; i++)
		for (int k = 0; k < t->n_links; k++)
			if (k != i && o->links[i] == t->links[k] && (i >= t->n_links || o->links[i] != t->links[i])) {
				*there = k;
				return i;
			}
	return -1;
}

static const char *arbiter_name(uint8_t arbiter)
{
	static const char *const names[] = {"?", "none", "file", "etcd", "fence"};
	return arbiter < sizeof names / sizeof names[0] ? names[arbiter] : "?";
}

bool ft_core_unshared(const struct ft_core *c, char out[FT_TEXT_MAX])
{
	const struct ft_share *o = &c->params.share, *t = theirs(c);
	unsigned window = (unsigned)(c->params.window / FT_NS_PER_MS), its = c->peer.side.window_ms;
	int here, there = 0;
	out[0] = '\0';
	if (!c->peer_known || o->arbiter == 0 || t->arbiter == 0)
		return false;
	if (other_arbiter(c))
		snprintf(out, FT_TEXT_MAX, "arbiter.type is %s here and %s at peer %.60s: both hosts need the same",
		         arbiter_name(o->arbiter), arbiter_name(t->arbiter), c->peer.node);
	else if (ft_sharing_differs(c))
		snprintf(out, FT_TEXT_MAX,
		         "the hosts do not share their registers, so both could win: %.55s here, %.55s there", o->place,
		         t->place);
	else if (window != its)
		snprintf(out, FT_TEXT_MAX,
		         "heartbeat.interval_ms x lost_after is %u ms here and %u ms at the peer; make both the same",
		         window, its);
	else if (o->guard_ms != t->guard_ms)
		snprintf(out, FT_TEXT_MAX, "failover.guard_ms is %u here and %u at the peer; make both the same",
		         o->guard_ms, t->guard_ms);
	else if ((here = link_out_of_order(c, &there)) >= 0)
		snprintf(out, FT_TEXT_MAX,
		         "heartbeat.links: link %d here is link %d at the peer; list them in the same order on both",
		         here + 1, there + 1);
	return out[0] != '\0';
}

static void unproven(const struct ft_core *c, char out[FT_TEXT_MAX])
{
	if (c->mark_fault[0])
		snprintf(out, FT_TEXT_MAX, "not proven yet that both hosts share the registers: %.130s", c->mark_fault);
	else
		snprintf(out, FT_TEXT_MAX,
		         "not proven yet that both hosts share the registers: looking for the peer's mark");
}

void ft_sharing_refresh(struct ft_core *c)
{
	if (!ft_core_unshared(c, c->share_fault) && !ft_sharing_good(c))
		unproven(c, c->share_fault);
}

/* ---- what it is needed for ---- */

static bool same_settings(const struct ft_core *c)
{
	char text[FT_TEXT_MAX];
	return !ft_core_unshared(c, text);
}

bool ft_sharing_proven(const struct ft_core *c)
{
	return same_settings(c) && (!takes_part(c) || ft_core_sharing(c) == FT_SHARING_PROVEN);
}

/* A session was made by two that had proven it.  An arbiter that cannot be asked does not end that. */
bool ft_sharing_good(const struct ft_core *c)
{
	bool had = ft_session_current(c) && ft_session_shared(c) && c->mark_fault[0];
	return same_settings(c) && (had || !takes_part(c) || ft_core_sharing(c) == FT_SHARING_PROVEN);
}

/* ---- the rounds ---- */

/* The mixer of splitmix64: never 0, and never what an earlier ftd drew. */
static uint64_t draw(struct ft_core *c)
{
	uint64_t x;
	memcpy(&x, c->params.seed, sizeof x);
	x += ++c->marks_drawn * UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	x ^= x >> 31;
	return x ? x : 1;
}

static bool may_mark(const struct ft_core *c)
{
	return takes_part(c) && c->peer_known && ft_peer_heard(c) && !other_arbiter(c) && !c->marking;
}

/* Of a session that the disk refuses only what the peer is to claim. */
static uint64_t epoch_to_mark(const struct ft_core *c)
{
	return ft_bind_is_of_the_dead(c) ? c->bind.epoch : c->session.epoch;
}

/* What a host that loses its disk must not forget is marked at once. */
bool ft_mark_due(const struct ft_core *c)
{
	bool news = epoch_to_mark(c) != c->marked_epoch && !c->mark_fault[0];
	return may_mark(c) && (news || ft_due(c, c->mark_again_at));
}

/* One that may have been written is written again until it is known that it was: no third one is ever about. */
void ft_mark(struct ft_core *c, struct ft_actions *out)
{
	if (c->self.share.next_mark == 0)
		c->self.share.next_mark = draw(c);
	c->marking = true;
	c->marked_epoch = epoch_to_mark(c);
	c->marked_at = c->now;
	c->mark_told = theirs(c)->mark;
	ft_core_do(out, FT_DO_MARK);
}

static void judge(struct ft_core *c, uint64_t found)
{
	struct ft_share *o = &c->self.share;
	const struct ft_share *t = theirs(c);
	bool comparable = c->mark_told != 0 && c->mark_told == t->mark;
	if (found != 0 && (found == t->mark || found == t->next_mark)) {
		c->mark_misses = 0;
		o->verdict = FT_SHARING_PROVEN;
		o->about = c->peer.incarnation;
	} else if (comparable && ++c->mark_misses >= MISSES) {
		o->verdict = FT_SHARING_DIFFERS;
		o->about = c->peer.incarnation;
	}
}

static int64_t next_round(const struct ft_core *c)
{
	if (c->self.share.verdict == FT_SHARING_DIFFERS)
		return MARK_DIFFERENT;
	if (c->mark_misses > 0)
		return MARK_AGAIN;
	if (c->self.share.verdict == FT_SHARING_UNKNOWN)
		return MARK_WAIT;
	return both_say(c, FT_SHARING_PROVEN) ? MARK_EVERY : MARK_AGAIN;
}

void ft_mark_absorb(struct ft_core *c, const struct ft_event *e)
{
	struct ft_share *o = &c->self.share;
	if (!c->marking)
		return;
	c->marking = false;
	if (e->error) {
		snprintf(c->mark_fault, sizeof c->mark_fault, "%s",
		         e->text && e->text[0] ? e->text : "no reason is known");
		c->mark_again_at = c->now + ft_backoff(c->mark_backoff);
		c->mark_backoff += c->mark_backoff < FT_BACKOFF_MOST;
		return;
	}
	c->mark_fault[0] = '\0';
	c->mark_backoff = 0;
	o->mark = o->next_mark;
	o->next_mark = 0;
	judge(c, e->mark);
	c->mark_again_at = c->now + next_round(c);
}

void ft_sharing_meet(struct ft_core *c, const struct ft_peer_news *news)
{
	const struct ft_share *was = theirs(c), *is = &news->side.share;
	struct ft_share *o = &c->self.share;
	if (!c->peer_known || c->peer.incarnation != news->incarnation) {
		o->verdict = FT_SHARING_UNKNOWN;
		o->about = 0;
		c->mark_misses = 0;
		c->mark_again_at = c->now;
		return;
	}
	int64_t soon = c->marked_at + MARK_SOON > c->now ? c->marked_at + MARK_SOON : c->now;
	bool news_for_us = is->mark != was->mark && o->verdict == FT_SHARING_UNKNOWN && c->mark_misses == 0;
	/* Nor may it have found ours: an earlier one of ours may have landed after the newest, on a slow way. */
	news_for_us |= is->mark != was->mark && !c->marking && c->now - c->marked_at >= MARK_AGAIN;
	if (news_for_us && c->mark_again_at > soon)
		c->mark_again_at = soon;
}

/* ---- what becomes of a session that was made before ---- */

/* It is released, in the order of a leave: the secondary forgets its claim before the primary runs without a lease. */
bool ft_release_unshared(const struct ft_core *c)
{
	const struct ft_side *p = &c->peer.side;
	bool released = p->released && (p->epoch == c->session.epoch || c->only_proposed);
	bool secondary = c->session.role == FT_ROLE_SECONDARY;
	return ft_sharing_differs(c) && ft_peer_heard(c) && ft_side_calm(p) && (secondary || released);
}

/* Until then nobody wins by a register that the other side never sees.  One that is heard, and bound by no session, claims
 * nothing anywhere; nor does a secondary that has no arbiter at all, for it never takes over from a side that has one. */
bool ft_claim_proves_nothing(const struct ft_core *c)
{
	const struct ft_side *p = &c->peer.side;
	bool unbound = ft_peer_heard(c) && ft_side_calm(p) && !ft_peer_has_session(c);
	bool none = strcmp(arbiter_name(p->share.arbiter), "none") == 0;
	bool primary = c->session.role == FT_ROLE_PRIMARY;
	return ft_sharing_differs(c) && !(primary && (unbound || none));
}
