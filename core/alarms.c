/* What a person must know of at once, and when it is over.  Pure.
 * Knows: which facts are an alarm.  Must not know: who is told, and how. */
#include "core/core_internal.h"

#include <stdio.h>
#include <string.h>

/* Both QEMUs are looked at one after the other, and a heartbeat takes its time: so long must two guests be seen before it is
 * said of anything but two that say themselves that they run alone. */
#define BOTH_FOR FT_RETRY_NS

static bool peer_solo(const struct ft_core *c)
{
	return ft_peer_heard(c) && c->peer.side.state == FT_SOLO;
}

/* The guest runs here, and not as half of a pair: alone, in a QEMU that was never in COLO, or in an old copy that nobody here
 * can freeze. */
static bool ours_runs(const struct ft_core *c)
{
	bool alive = c->qemu.vm == FT_VM_ALIVE && c->qemu.instance != 0 && !c->frozen;
	bool copy = peer_solo(c) && c->qemu.role == FT_ROLE_PRIMARY && !c->params.arbitrated && !c->qemu.pid_verified;
	return alive && (c->phase == FT_PHASE_SOLO || c->self.runs || copy);
}

/* A primary that is no half of ours, too: who is frozen, or about to be, says so. */
static bool peers_runs(const struct ft_core *c)
{
	const struct ft_side *p = &c->peer.side;
	bool copy = c->phase == FT_PHASE_SOLO && p->role == FT_ROLE_PRIMARY && p->vm == FT_VM_ALIVE && ft_side_calm(p);
	return ft_peer_heard(c) && (peer_solo(c) || p->runs || copy);
}

static bool both_run(const struct ft_core *c)
{
	return ours_runs(c) && peers_runs(c);
}

static int64_t both_due(const struct ft_core *c)
{
	bool certain = peer_solo(c) && !c->self.runs;
	return certain ? c->both_since : ft_after(c->both_since, BOTH_FOR);
}

/* ---- what is one ---- */

enum answer { NO, YES, AS_BEFORE };

static enum answer two_masters(const struct ft_core *c)
{
	if (ours_runs(c) && !ft_peer_heard(c))
		return AS_BEFORE;
	return both_run(c) && ft_due(c, both_due(c)) ? YES : NO;
}

static enum answer unshared(const struct ft_core *c)
{
	if (!ft_peer_heard(c))
		return AS_BEFORE;
	return ft_sharing_differs(c) ? YES : NO;
}

static enum answer register_lost(const struct ft_core *c)
{
	return ft_holds_title(c) && c->register_names[0] ? YES : NO;
}

/* Asked in every step, so they say nothing yet. */
static enum answer (*const judges[FT_ALARM_COUNT])(const struct ft_core *c) = {
    [FT_ALARM_TWO_MASTERS] = two_masters,
    [FT_ALARM_UNSHARED] = unshared,
    [FT_ALARM_REGISTER] = register_lost,
};

static void evidence(const struct ft_core *c, enum ft_alarm_kind kind, char out[FT_TEXT_MAX])
{
	switch (kind) {
	case FT_ALARM_TWO_MASTERS:
		snprintf(
		    out, FT_TEXT_MAX,
		    "TWO MASTERS: the guest runs here, and peer %.60s runs it too; decide which one is right and end "
		    "the other's QEMU",
		    c->peer.node);
		break;
	case FT_ALARM_UNSHARED:
		ft_core_unshared(c, out);
		break;
	case FT_ALARM_REGISTER:
		snprintf(
		    out, FT_TEXT_MAX,
		    "the register of session %llu, won by this side, names %.50s: it was put back to an earlier state; "
		    "both may run the guest, end one",
		    (unsigned long long)c->session.epoch, c->register_names);
		break;
	case FT_ALARM_COUNT:
		break;
	}
}

const char *ft_alarm_name(enum ft_alarm_kind kind)
{
	static const char *const names[] = {"two-masters", "not-shared", "register"};
	return names[kind];
}

/* ---- for the table ---- */

bool ft_both_run_changed(const struct ft_core *c)
{
	return both_run(c) != (c->both_since != FT_NEVER);
}

void ft_note_both_run(struct ft_core *c, struct ft_actions *out)
{
	(void)out;
	c->both_since = both_run(c) ? c->now : FT_NEVER;
}

/* The first that has changed; FT_ALARM_COUNT: none. */
static enum ft_alarm_kind changed(const struct ft_core *c)
{
	for (enum ft_alarm_kind k = 0; k < FT_ALARM_COUNT; k++) {
		enum answer now = judges[k](c);
		if (now != AS_BEFORE && (now == YES) != (c->alarms[k].since != FT_NEVER))
			return k;
	}
	return FT_ALARM_COUNT;
}

bool ft_alarm_changed(const struct ft_core *c)
{
	return changed(c) != FT_ALARM_COUNT;
}

void ft_alarm(struct ft_core *c, struct ft_actions *out)
{
	enum ft_alarm_kind k = changed(c);
	struct ft_alarm *alarm = &c->alarms[k];
	struct ft_action *a = ft_core_do(out, FT_DO_ALARM);
	a->alarm = k;
	a->raised = alarm->since == FT_NEVER;
	if (a->raised)
		evidence(c, k, alarm->evidence);
	memcpy(a->text, alarm->evidence, sizeof a->text);
	alarm->since = a->raised ? c->now : FT_NEVER;
}

/* Its guest was booted while we heard that the other side had won and runs it: it never had a right, and has done nothing yet.
 * One that ran before may hold what nobody else has: a person decides. */
bool ft_began_beside_winner(const struct ft_core *c)
{
	return c->began_beside == c->qemu.instance && c->qemu.instance != 0 && c->self.runs && peer_solo(c) &&
	       c->peer.side.proven && c->qemu.pid_verified && ft_due(c, ft_after(c->both_since, FT_WORD_NS)) &&
	       ft_due(c, c->freeze_again_at);
}
