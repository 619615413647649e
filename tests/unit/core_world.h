/* One decision core in virtual time, and what must hold after every step whatever the scenario: the table has come to
 * rest, no deadline is in the past or now, nothing waits without an end, nothing is announced before it was written. */
#ifndef FT_TESTS_UNIT_CORE_WORLD_H
#define FT_TESTS_UNIT_CORE_WORLD_H

#include "core/core.h"

#include <check.h>
#include <string.h>

#define MS(x)     ((int64_t)(1e6 * (double)(x)))
#define SECOND(x) MS(1000.0 * (x))

static inline const char *phase_name(enum ft_phase p)
{
	static const char *const names[FT_PHASE_COUNT] = {
	    [FT_PHASE_STARTING] = "STARTING", [FT_PHASE_UNPROTECTED] = "UNPROTECTED",
	    [FT_PHASE_ARMING] = "ARMING",     [FT_PHASE_PROTECTED] = "PROTECTED",
	    [FT_PHASE_SUSPECT] = "SUSPECT",   [FT_PHASE_WATCH] = "WATCH",
	    [FT_PHASE_ASKING] = "ASKING",     [FT_PHASE_FREEZING] = "FREEZING",
	    [FT_PHASE_CLAIMING] = "CLAIMING", [FT_PHASE_CUT_OFF] = "CUT_OFF",
	    [FT_PHASE_PLANNING] = "PLANNING", [FT_PHASE_RECORDING] = "RECORDING",
	    [FT_PHASE_SOLO] = "SOLO",         [FT_PHASE_YIELDING] = "YIELDING",
	    [FT_PHASE_YIELDED] = "YIELDED",   [FT_PHASE_HELD] = "HELD",
	    [FT_PHASE_FENCED] = "FENCED",     [FT_PHASE_FAILED] = "FAILED",
	};
	return p < FT_PHASE_COUNT ? names[p] : "?";
}

static inline const char *action_name(enum ft_action_kind k)
{
	static const char *const names[] = {
	    [FT_DO_SAY] = "SAY",       [FT_DO_STATE] = "STATE",       [FT_DO_SEND] = "SEND",
	    [FT_DO_PROBE] = "PROBE",   [FT_DO_FREEZE] = "FREEZE",     [FT_DO_THAW] = "THAW",
	    [FT_DO_KILL] = "KILL",     [FT_DO_STORE] = "STORE",       [FT_DO_CLAIM] = "CLAIM",
	    [FT_DO_READ] = "READ",     [FT_DO_PLAN] = "PLAN",         [FT_DO_RECORD] = "RECORD",
	    [FT_DO_REPEAT] = "REPEAT", [FT_DO_OUTCOME] = "OUTCOME",   [FT_DO_EXIT] = "EXIT",
	    [FT_DO_FENCE] = "FENCE",   [FT_DO_YANK] = "YANK",         [FT_DO_ALARM] = "ALARM",
	    [FT_DO_MARK] = "MARK",     [FT_DO_REMEMBER] = "REMEMBER",
	};
	return k < sizeof names / sizeof names[0] ? names[k] : "?";
}

static inline int count_actions(const struct ft_actions *out, enum ft_action_kind kind)
{
	int n = 0;
	for (int i = 0; i < out->n; i++)
		n += out->a[i].kind == kind;
	return n;
}

/* What a core has asked for and not been answered yet. */
struct pending {
	int plans, records;
};

/* Between a step and the time for which the core asks to be woken nothing comes due: its deadline follows from the same reading of the
 * table, and what a condition would look at beside it would be slept through. */
static inline bool sleeps_too_long(const struct ft_core *c)
{
	static struct ft_core copy;
	static struct ft_actions out;
	int64_t due = ft_core_deadline(c);
	int64_t until = due == FT_NEVER ? c->now + SECOND(1000) : due;
	const int64_t looks[] = {c->now + (until - c->now) / 2, until - 1};
	for (int i = 0; i < 2; i++) {
		copy = *c;
		if (looks[i] <= c->now)
			continue;
		ft_core_step(&copy, &(struct ft_event){.kind = FT_EVENT_TIME}, looks[i], &out);
		if (out.n > 0 || !ft_side_equal(&copy.self, &c->self))
			return true;
	}
	return false;
}

/* NULL, or the invariant that the step just done has broken. */
static inline const char *broken_invariant(const struct ft_core *c, const struct ft_event *e, struct pending *p,
                                           const struct ft_actions *out)
{
	if (e->kind == FT_EVENT_PLAN && p->plans > 0)
		p->plans--;
	p->plans += count_actions(out, FT_DO_PLAN);
	if (p->plans > 1)
		return "two plans at once";
	if (e->kind == FT_EVENT_RECORDED && p->records > 0)
		p->records--;
	for (int i = 0; i < out->n; i++) {
		const struct ft_outcome *o = out->a[i].outcome;
		if (out->a[i].kind == FT_DO_RECORD || out->a[i].kind == FT_DO_REPEAT)
			p->records++;
		if (o && (o->result == FT_RESULT_NONE || o->ended_at > c->now))
			return "an outcome is recorded that has not ended";
		if (o && o->cause == FT_CAUSE_NONE)
			return "an outcome is recorded that nothing has begun";
		if (out->a[i].kind == FT_DO_OUTCOME && p->records > 0 && !out->a[i].text[0])
			return "an outcome is announced as durable before the disk has said so";
	}
	for (int i = 0; i < out->n; i++) {
		const struct ft_action *a = &out->a[i];
		bool reads = a->kind == FT_DO_READ || a->kind == FT_DO_REMEMBER;
		bool matters = a->kind == FT_DO_REMEMBER || a->verdict || c->unsure;
		if (reads && matters && !a->sure)
			return "the arbiter is asked by a read that may be old for what something follows from";
	}
	if (c->phase == FT_PHASE_PLANNING && c->tries == 0 && !c->plan_running &&
	    c->now >= c->phase_since + FT_RECORD_NS)
		return "a failover waits for a disk without end";
	if (c->resume_at != FT_NEVER)
		return "the table does not come to rest";
	if (c->record.astray)
		return "an outcome is under way that was never begun, or was told twice";
	int64_t due = ft_core_deadline(c);
	if (due <= c->now)
		return "the deadline is not in the future: a busy loop";
	bool waits = c->phase == FT_PHASE_STARTING || c->phase == FT_PHASE_ASKING || c->phase == FT_PHASE_YIELDING ||
	             c->phase == FT_PHASE_RECORDING || (c->phase == FT_PHASE_PLANNING && p->plans == 0);
	bool owed = c->storing || c->arbiter_busy || ft_core_exits(c);
	if (waits && due == FT_NEVER && !owed)
		return "a phase that waits has no deadline";
	if (ft_record_busy(&c->record) && due == FT_NEVER && p->plans == 0 && !c->arbiter_busy && !c->fencing &&
	    !c->storing)
		return "an outcome is under way and nothing will end it";
	if (c->self.state != ft_phase_state(c->phase))
		return "what we say of ourselves is not where we stand";
	struct ft_side last;
	if (!ft_side_possible(&c->self) || (ft_core_last_word(c, &last) && !ft_side_possible(&last)))
		return "what we say of ourselves contradicts itself";
	return NULL;
}

/* The same, where a step may take its time. */
static inline const char *broken_law(const struct ft_core *c, const struct ft_event *e, struct pending *p,
                                     const struct ft_actions *out)
{
	const char *broken = broken_invariant(c, e, p, out);
	return broken ? broken : sleeps_too_long(c) ? "the deadline is later than something comes due" : NULL;
}

#endif
