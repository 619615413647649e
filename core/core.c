/* The decision core's facts and bookkeeping: what each event changes.  Pure.
 * Knows: events.  Must not know: what follows from them; that is rules.c. */
#include "core/core_internal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum ft_state ft_phase_state(enum ft_phase p)
{
	static const enum ft_state states[FT_PHASE_COUNT] = {
	    [FT_PHASE_STARTING] = FT_STARTING,
	    [FT_PHASE_UNPROTECTED] = FT_UNPROTECTED,
	    [FT_PHASE_ARMING] = FT_ARMING,
	    [FT_PHASE_PROTECTED] = FT_PROTECTED,
	    [FT_PHASE_SUSPECT] = FT_SUSPECT,
	    [FT_PHASE_WATCH] = FT_UNPROTECTED,
	    [FT_PHASE_FREEZING] = FT_CLAIMING,
	    [FT_PHASE_CLAIMING] = FT_CLAIMING,
	    [FT_PHASE_CUT_OFF] = FT_HELD,
	    [FT_PHASE_ASKING] = FT_CLAIMING,
	    [FT_PHASE_PLANNING] = FT_FAILING_OVER,
	    [FT_PHASE_RECORDING] = FT_FAILING_OVER,
	    [FT_PHASE_SOLO] = FT_SOLO,
	    [FT_PHASE_YIELDING] = FT_FENCED,
	    [FT_PHASE_YIELDED] = FT_FENCED,
	    [FT_PHASE_HELD] = FT_HELD,
	    [FT_PHASE_FENCED] = FT_FENCED,
	    [FT_PHASE_FAILED] = FT_FAILED,
	};
	assert(p < FT_PHASE_COUNT);
	return states[p];
}

enum ft_ending ft_ending_of(const char *reason)
{
	bool by_guest = strcmp(reason, "guest-shutdown") == 0 || strcmp(reason, "guest-reset") == 0;
	return by_guest ? FT_ENDING_GUEST : FT_ENDING_HOST;
}

struct ft_action *ft_core_do(struct ft_actions *out, enum ft_action_kind kind)
{
	assert(out->n < FT_ACTIONS_MAX);
	struct ft_action *a = &out->a[out->n++];
	*a = (struct ft_action){.kind = kind};
	return a;
}

void ft_core_say(struct ft_core *c, struct ft_actions *out, enum ft_level level, const char *format, ...)
{
	(void)c;
	struct ft_action *a = ft_core_do(out, FT_DO_SAY);
	a->level = level;
	va_list args;
	va_start(args, format);
	vsnprintf(a->text, sizeof a->text, format, args);
	va_end(args);
}

void ft_core_enter(struct ft_core *c, struct ft_actions *out, enum ft_phase phase, const char *format, ...)
{
	char reason[FT_TEXT_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(reason, sizeof reason, format, args);
	va_end(args);

	enum ft_state from = ft_phase_state(c->phase), to = ft_phase_state(phase);
	bool news = from != to || strcmp(reason, c->reason) != 0;
	c->phase = phase;
	c->phase_since = c->now;
	memcpy(c->reason, reason, sizeof reason);
	if (from == to) {
		if (news)
			ft_core_say(c, out, FT_LEVEL_WARN, "still %s: %s", ft_state_name(to), reason);
		return;
	}
	c->state_since = c->now;
	struct ft_action *a = ft_core_do(out, FT_DO_STATE);
	a->from = from;
	a->to = to;
	memcpy(a->text, reason, sizeof a->text);
}

void ft_core_note(struct ft_core *c, int64_t at, const char *format, ...)
{
	if (c->n_evidence < FT_EVIDENCE_MAX)
		c->n_evidence++;
	struct ft_evidence *e = &c->evidence[c->n_evidence - 1];
	e->at = at;
	va_list args;
	va_start(args, format);
	vsnprintf(e->text, sizeof e->text, format, args);
	va_end(args);
}

void ft_core_init(struct ft_core *c, const struct ft_core_params *params, int64_t now)
{
	*c = (struct ft_core){
	    .params = *params,
	    .now = now,
	    .phase = FT_PHASE_STARTING,
	    .phase_since = now,
	    .state_since = now,
	    .heard_at = FT_NEVER,
	    .refused_at = FT_NEVER,
	    .checkpoint_at = FT_NEVER,
	    .broken_at = FT_NEVER,
	    .probed_at = FT_NEVER,
	    .silent_from = FT_NEVER,
	    .yanked_at = FT_NEVER,
	    .yank_again_at = FT_NEVER,
	    .ask_until = FT_NEVER,
	    .ask_again_at = now,
	    .freeze_until = FT_NEVER,
	    .freeze_again_at = now,
	    .retry_at = FT_NEVER,
	    .kill_again_at = FT_NEVER,
	    .probe_again_at = now,
	    .peer_at = now,
	    .resume_at = FT_NEVER,
	    .wake_at = now,
	    .started_at = now,
	    .over_at = now,
	    .session = params->session,
	    .store_again_at = now,
	    .stayed_stored = params->session.stayed,
	    .acked_sent = FT_NEVER,
	    .peer_knows_until = FT_NEVER,
	    .answered_at = FT_NEVER,
	    .stood_still_at = FT_NEVER,
	    .lost_at = FT_NEVER,
	    .arbiter_again_at = now,
	    .fence_again_at = now,
	    .ousted_at = FT_NEVER,
	    .unnamed_at = FT_NEVER,
	    .unnamed_since = FT_NEVER,
	    .unsure = params->registers && ft_session_unended_stage(params->session.stage),
	    .sure_from = now + FT_LANDS_NS,
	    .look_again_at = now,
	    .verdict_again_at = now,
	    .mark_again_at = now,
	    .both_since = FT_NEVER,
	    .leave_until = FT_NEVER,
	    .write_until = FT_NEVER,
	};
	memcpy(c->record.session, params->recorded, sizeof c->record.session);
	snprintf(c->reason, sizeof c->reason, "just started: QEMU is asked, and the peer listened for");
	for (int i = 0; i < FT_ALARM_COUNT; i++)
		c->alarms[i].since = FT_NEVER;
	/* An answer that the peer still shows to our predecessor must not fit a request of ours. */
	c->self.request_id = (uint32_t)params->incarnation;
	c->self.share = params->share;
}

/* Who contradicts itself has said nothing of its QEMU: that gives us no right, ends no copy of ours, asks for nothing and answers
 * nothing.  Where it stands, and in which session, it has said all the same. */
static void settle(struct ft_side *s)
{
	if (ft_side_possible(s))
		return;
	s->role = s->state == FT_SOLO ? FT_ROLE_SOLO : FT_ROLE_NONE;
	s->vm = FT_VM_UNKNOWN;
	s->ready = s->repl_broken = s->released = s->proven = s->returned = s->dying = s->disk_bad = s->ending = false;
	s->sick = s->runs = false;
	s->request = FT_REQUEST_NONE;
	s->answer = FT_ANSWER_NONE;
}

static void absorb_peer(struct ft_core *c, const struct ft_event *e)
{
	struct ft_peer_news settled = *e->peer;
	settle(&settled.side);
	const struct ft_peer_news *news = &settled;
	const struct ft_side *was = &c->peer.side, *is = &news->side;
	if (!c->peer_known || c->peer.incarnation != news->incarnation) {
		/* Its requests are counted anew, so what we answered to its predecessor answers nothing now. */
		c->self.answer = FT_ANSWER_NONE;
		c->self.answer_id = 0;
		/* Nor can it know whether its predecessor was bound by what we have proposed to that, should its disk be lost. */
		c->only_proposed = c->proposed_again = false;
		if (c->peer_known && c->bound)
			ft_core_note(c, c->now, "the peer's ftd was restarted");
	}
	bool died = is->dying || is->vm == FT_VM_GONE, had_died = was->dying || was->vm == FT_VM_GONE;
	if (died && !had_died)
		ft_core_note(c, c->now, "the peer's ftd says that its QEMU has died");
	if (is->vm == FT_VM_ABSENT && was->vm != FT_VM_ABSENT)
		ft_core_note(c, c->now, "the peer's ftd finds nobody listening on its QMP socket");
	if (is->vm == FT_VM_YIELDED && was->vm != FT_VM_YIELDED)
		ft_core_note(c, c->now, "the peer's ftd has frozen its QEMU and yields");
	if (is->ending && !was->ending)
		ft_core_note(c, c->now, "the peer's ftd says that its QEMU is on its way out");
	if (is->disk_bad && !was->disk_bad)
		ft_core_note(c, c->now, "the peer's ftd says that its copy of the guest's disk is bad");
	if (is->repl_broken && !was->repl_broken)
		ft_core_note(c, c->now, "the peer's QEMU reports that replication broke");
	ft_sharing_meet(c, news);
	c->foreign_version = 0;
	c->peer = *news;
	c->peer_known = true;
	memset(c->peer_returned, 0, sizeof c->peer_returned);
	if (is->returned) { /* it names the session, and is not bound by it */
		memcpy(c->peer_returned, is->session, sizeof c->peer_returned);
		memset(c->peer.side.session, 0, sizeof c->peer.side.session);
	}
	is = &c->peer.side;
	if (memcmp(is->session, c->session.id, sizeof is->session) == 0)
		c->named_by = news->incarnation;
	if (is->epoch >= c->session.epoch)
		c->only_proposed = false; /* it was bound once, and may have ended it since */
	c->peer_at = c->now;
}

/* Who comes back within our reach, or we in its, has time to answer before its host is powered off. */
static void give_time_to_answer(struct ft_core *c)
{
	if (c->fence_again_at < c->now + c->params.window)
		c->fence_again_at = c->now + c->params.window;
}

static void absorb_hearing(struct ft_core *c, const struct ft_event *e)
{
	bool back = !ft_peer_heard(c) && e->hearing == FT_PEER_ALIVE;
	c->lost_at = e->hearing == FT_PEER_LOST ? c->now : FT_NEVER;
	c->hearing = e->hearing;
	c->heard_at = e->heard_at;
	switch (e->hearing) {
	case FT_PEER_ALIVE:
		if (back)
			give_time_to_answer(c);
		c->refused_at = FT_NEVER;
		c->silence_probed = false;
		break;
	case FT_PEER_LOST:
		ft_core_note(c, c->heard_at, "the peer's last heartbeat was heard");
		ft_core_note(c, c->now, "no heartbeat on any link for %.0f ms", (double)(c->now - c->heard_at) / 1e6);
		break;
	case FT_PEER_NEVER:
	case FT_PEER_QUIET:
		break;
	}
}

/* Another QEMU process, or the same one in another role: what was known of its replication is void. */
static void forget_replication(struct ft_core *c)
{
	c->checkpoint_at = c->broken_at = c->yank_again_at = c->probed_at = FT_NEVER;
	c->silence_probed = false;
	c->longest = 0;
	c->probe_again_at = c->now;
}

/* One that stands still cannot say who it is.  The session does: its QEMU was verified before it was bound.  (One that we
 * have won with may have failed over before it was stopped; but not a primary by a win that alone lets nobody go on.) */
void ft_core_recognise(const struct ft_core *c, struct ft_qemu_facts *q)
{
	enum ft_session_stage stage = c->session.stage;
	bool unspent = ft_win_pending(c) && c->frozen && c->session.role == FT_ROLE_PRIMARY;
	bool bound = stage == FT_SESSION_BOUND || stage == FT_SESSION_RESIGNED ||
	             (stage == FT_SESSION_ENDED && (!ft_session_ended_by_us(c) || unspent));
	bool yielded = q->instance == c->session.yielded;
	bool known = yielded || (bound && q->instance == c->session.instance);
	if (!c->params.arbitrated || !known || q->connected || q->instance == 0)
		return;
	q->pid_verified = true;
	if (q->role == FT_ROLE_NONE && q->last_role == FT_ROLE_NONE)
		q->role = yielded ? c->session.yielded_as : c->session.role;
}

/* With it dies the guest that it had as a primary, by its own will. */
static void guest_ends(struct ft_core *c)
{
	if (c->ending != FT_ENDING_GUEST || c->qemu.role != FT_ROLE_PRIMARY)
		return;
	c->guest_ended = true;
	c->self.request_id++;
}

/* Nothing that was known of the one before is true of it. */
static void absorb_another(struct ft_core *c, const struct ft_qemu_facts *q, bool unread)
{
	bool may_be_ours = unread || q->instance == c->session.instance || q->instance == c->session.yielded;
	c->hung = c->bound = c->cannot_know = c->forgot = c->start_wanted = c->retry_owed = false;
	c->guest_ended = c->said_disk_bad = c->role_said = false;
	c->ending = FT_ENDING_NOT;
	c->disk_bad = c->session.disk_bad && q->instance == c->session.instance;
	c->failures = 0;
	c->frozen = c->params.arbitrated && q->stopped && may_be_ours;
	ft_core_hear_anew(c);
}

static void absorb_qemu(struct ft_core *c, const struct ft_event *e)
{
	struct ft_qemu_facts q = *e->qemu;
	bool other = q.instance != c->qemu.instance && q.instance != 0;
	bool unread = ft_session_unread(c), first_look = c->qemu.vm == FT_VM_UNKNOWN && c->seen_instance == 0;
	if (q.vm == FT_VM_GONE && c->qemu.vm != FT_VM_GONE) {
		c->gone_instance = c->seen_instance; /* its process may be gone from our sight before it is known why */
		c->gone_at = c->now;
		guest_ends(c);
	}
	bool none_before = c->qemu.vm == FT_VM_GONE || c->qemu.vm == FT_VM_ABSENT;
	if (other && none_before && ft_peer_heard(c) && c->peer.side.state == FT_SOLO)
		c->began_beside = q.instance;
	if (q.instance != 0)
		c->seen_instance = q.instance;
	if (other) {
		absorb_another(c, &q, unread);
	} else if (!q.connected) { /* it has not said that its role changed */
		q.role = c->qemu.role;
		q.last_role = c->qemu.last_role;
	}
	ft_core_recognise(c, &q);
	if (q.role != FT_ROLE_NONE && (other || c->qemu.role == FT_ROLE_NONE || q.role != c->role)) {
		c->role = q.role;
		forget_replication(c);
	} else if (q.connected && !c->qemu.connected) {
		c->checkpoint_at = FT_NEVER; /* a COLO_EXIT may have been missed: replication is to be proven again */
	}
	if (q.connected && q.oob)
		c->hung = false;
	c->role_said |= q.connected;
	if (q.connected && q.running && q.role == FT_ROLE_NONE && q.last_role != FT_ROLE_NONE)
		c->proven_instance = q.instance;
	/* It was a primary before we came, and nothing says in which session, or whether that was ended.  Also where this ftd was
	 * stopped as it started, and looks late. */
	if (other && (first_look || c->phase == FT_PHASE_STARTING || !ft_due(c, c->started_at + FT_STARTING_NS)))
		c->found_instance = q.instance; /* however late it says what it is */
	if (q.connected && q.role == FT_ROLE_NONE)
		c->found_instance = 0; /* what it becomes from here on, we see */
	bool found = q.instance != 0 && q.instance == c->found_instance;
	bool primary = q.role == FT_ROLE_PRIMARY && c->qemu.role == FT_ROLE_NONE;
	bool yielded = c->frozen && q.instance == c->session.yielded; /* ... or why it stands still */
	if (c->params.arbitrated && !c->params.fresh && unread && found && !yielded &&
	    (primary || (other && c->frozen)))
		c->cannot_know = true;
	bool able = q.connected && q.plan_ready, was_able = c->qemu.connected && c->qemu.plan_ready;
	bool failed = c->phase == FT_PHASE_FAILED || c->phase == FT_PHASE_RECORDING;
	c->retry_owed |= failed && able && !was_able;
	bool booted = q.connected && q.role == FT_ROLE_NONE && q.last_role == FT_ROLE_NONE && !q.incoming;
	/* No older copy may follow a guest that was started anew, nor once that has ended. */
	c->session.stayed = c->session.stayed && !(booted && q.instance != c->session.instance);
	bool first_words = q.connected && q.role != c->qemu.role && c->phase != FT_PHASE_SOLO;
	c->qemu = q;
	/* An earlier ftd won the claim, and died before its plan was through. */
	if (first_words)
		c->undone = ft_session_won(c) && q.role == c->session.role;
	c->undone = c->undone && q.role != FT_ROLE_NONE;
}

static void absorb_colo_exit(struct ft_core *c, const struct ft_event *e)
{
	c->yank_again_at = FT_NEVER; /* whatever broke it, it is broken */
	if (c->phase == FT_PHASE_PLANNING || c->phase == FT_PHASE_RECORDING || !e->error)
		return; /* our own doing, or no fault */
	if (c->broken_at == FT_NEVER) {
		c->broken_at = c->now;
		ft_core_note(c, c->now, "QEMU reports COLO_EXIT{%s}", e->text ? e->text : "");
	}
}

/* Who powers a machine off that its guest has switched off already changes nothing. */
static void absorb_shutdown(struct ft_core *c, const struct ft_event *e)
{
	bool copy = e->ending == FT_ENDING_GUEST && c->qemu.role == FT_ROLE_SECONDARY;
	bool known = e->ending == FT_ENDING_HOST && c->ending == FT_ENDING_GUEST;
	bool reset_too_late = e->ending == FT_ENDING_NOT && c->ending == FT_ENDING_HOST;
	if (copy || known || reset_too_late)
		return;
	c->ending = e->ending;
	snprintf(c->ending_text, sizeof c->ending_text, "%s", e->text ? e->text : "");
	if (e->ending != FT_ENDING_NOT)
		ft_core_note(c, c->now, "QEMU reports SHUTDOWN{%s}", c->ending_text);
}

/* With the peer's copy replication is broken: the guest's disk there is not what its memory believes.  It is broken by our own
 * plan, too, and nobody's copy where there is no pair. */
static void absorb_disk(struct ft_core *c, const struct ft_event *e)
{
	const char *text = e->text ? e->text : "";
	bool plans = c->phase == FT_PHASE_PLANNING || c->phase == FT_PHASE_RECORDING || c->phase == FT_PHASE_SOLO;
	if (e->error && !c->disk_bad) {
		c->disk_bad = true;
		snprintf(c->disk_text, sizeof c->disk_text, "%s", text);
		ft_core_note(c, c->now, "our copy of the guest's disk is bad: %.150s", text);
	}
	if (!e->error && !plans && c->qemu.role == FT_ROLE_PRIMARY && c->broken_at == FT_NEVER) {
		c->broken_at = c->now;
		ft_core_note(c, c->now, "the guest's disk cannot be written to the peer: %.150s", text);
	}
}

static void absorb_checkpoint(struct ft_core *c, const struct ft_event *e)
{
	c->checkpoint_at = c->now;
	if (e->at > c->longest)
		c->longest = e->at;
	if (c->silent_from != FT_NEVER)
		c->silent_from = c->now; /* slow: it gets on */
	bool hinted = c->refused_at != FT_NEVER && !ft_due(c, c->refused_at + FT_WORD_NS);
	if (c->phase == FT_PHASE_PROTECTED && c->hearing == FT_PEER_ALIVE && !hinted) {
		/* All is well: a hint that nothing followed is no evidence of what comes. */
		c->refused_at = FT_NEVER;
		c->n_evidence = 0;
	}
}

static void absorb_recorded(struct ft_core *c, const struct ft_event *e)
{
	ft_record_absorb(&c->record, e->text, e->error, c->now);
}

static void absorb_plan(struct ft_core *c, const struct ft_event *e)
{
	const struct ft_plan_report *report = e->plan;
	if (!c->plan_running)
		return;
	c->plan_running = false;
	c->outcome.plan = *report;
	c->retry_at = c->now + FT_RETRY_NS;
	/* The clean-up goes on after the proof and is no part of the outcome. */
	struct ft_plan_report *p = &c->outcome.plan;
	while (p->n_steps > 0 && p->steps[p->n_steps - 1].result == FT_STEP_SKIPPED &&
	       !p->steps[p->n_steps - 1].error[0])
		p->n_steps--;
	if (report->ok) { /* proven by QEMU's own answer: no need to wait for the next look at it */
		c->qemu.last_role = c->role;
		c->qemu.role = FT_ROLE_NONE;
		c->proven_instance = c->qemu.instance;
	}
}

static void absorb_want_start(struct ft_core *c, const struct ft_event *e)
{
	c->start_wanted = true;
	c->start_confirmed = e->confirmed;
	c->past_wanted = c->params.registers;
	c->past_known = false;
	c->past = FT_CLAIM_NOT_NEEDED;
	c->past_again_at = c->now;
	c->verdict_wanted = c->params.registers;
	c->verdict_unreachable = false;
	c->verdict_again_at = c->now;
	ft_start_announce(c);
	if (c->claim == FT_CLAIM_UNREACHABLE)
		c->claim = FT_CLAIM_NOT_NEEDED; /* that was then */
}

static void absorb_stall(struct ft_core *c, const struct ft_event *e)
{
	(void)e;
	if (c->silent_from != FT_NEVER)
		c->silent_from = c->now;
	if (c->yanked_at != FT_NEVER)
		c->yanked_at = c->now;
	give_time_to_answer(c);
}

static void absorb_refused(struct ft_core *c, const struct ft_event *e)
{
	if (c->refused_at == FT_NEVER)
		ft_core_note(c, c->now, "link %d: the peer's host answers \"port unreachable\"", e->link + 1);
	c->refused_at = c->now;
}

static void absorb_hung(struct ft_core *c, const struct ft_event *e)
{
	c->hung = true;
	snprintf(c->hung_text, sizeof c->hung_text, "%s", e->text ? e->text : "");
	ft_core_note(c, c->now, "%s", c->hung_text);
}

static void absorb_frozen(struct ft_core *c, const struct ft_event *e)
{
	if (c->phase != FT_PHASE_YIELDING && c->phase != FT_PHASE_FREEZING && c->phase != FT_PHASE_CUT_OFF)
		return;
	c->frozen = !e->error;
	c->freezes_failed = e->error ? c->freezes_failed : 0;
	c->freeze_until = c->now;
}

static void absorb_stood_still(struct ft_core *c, const struct ft_event *e)
{
	ft_core_note(c, c->now, "this host's clocks stood still for %.0f ms or more: it was paused, or moved",
	             (double)e->at / 1e6);
	c->stood_still_at = c->now;
	give_time_to_answer(c);
}

static void absorb_version(struct ft_core *c, const struct ft_event *e)
{
	c->foreign_version = e->version;
}

static void absorb_settings(struct ft_core *c, const struct ft_event *e)
{
	const struct ft_core_params *params = e->settings;
	c->params.interval = params->interval;
	c->params.window = params->window;
	c->params.reply_timeout = params->reply_timeout;
	c->params.share = params->share;
	memcpy(c->self.share.links, params->share.links, sizeof c->self.share.links);
	c->self.share.n_links = params->share.n_links;
}

static void absorb_force(struct ft_core *c, const struct ft_event *e)
{
	c->forced = e->cause;
	c->forced_confirmed = e->confirmed;
	if (c->verdict == FT_VERDICT_UNREACHABLE) /* that was then */
		c->verdict = FT_VERDICT_UNKNOWN;
}

static void absorb_leave(struct ft_core *c, const struct ft_event *e)
{
	(void)e;
	if (c->leave == FT_LEAVE_NOT)
		c->leave = FT_LEAVE_ASKED;
}

/* What each event changes; that time has passed changes nothing by itself. */
static void absorb(struct ft_core *c, const struct ft_event *e)
{
	static void (*const absorbers[FT_EVENT_COUNT])(struct ft_core *, const struct ft_event *) = {
	    [FT_EVENT_PEER] = absorb_peer,           [FT_EVENT_HEARING] = absorb_hearing,
	    [FT_EVENT_REFUSED] = absorb_refused,     [FT_EVENT_QEMU] = absorb_qemu,
	    [FT_EVENT_COLO_EXIT] = absorb_colo_exit, [FT_EVENT_SHUTDOWN] = absorb_shutdown,
	    [FT_EVENT_DISK] = absorb_disk,           [FT_EVENT_CHECKPOINT] = absorb_checkpoint,
	    [FT_EVENT_HUNG] = absorb_hung,           [FT_EVENT_STALLED] = absorb_stall,
	    [FT_EVENT_FROZEN] = absorb_frozen,       [FT_EVENT_PLAN] = absorb_plan,
	    [FT_EVENT_RECORDED] = absorb_recorded,   [FT_EVENT_STOOD_STILL] = absorb_stood_still,
	    [FT_EVENT_ACK] = ft_session_absorb,      [FT_EVENT_ANSWERED] = ft_session_absorb,
	    [FT_EVENT_STORED] = ft_session_absorb,   [FT_EVENT_CLAIM] = ft_session_absorb,
	    [FT_EVENT_REGISTER] = ft_session_absorb, [FT_EVENT_FENCED] = ft_session_absorb,
	    [FT_EVENT_MARKED] = ft_mark_absorb,      [FT_EVENT_VERSION] = absorb_version,
	    [FT_EVENT_REMEMBERED] = ft_past_absorb,  [FT_EVENT_WANT_START] = absorb_want_start,
	    [FT_EVENT_FORCE] = absorb_force,         [FT_EVENT_LEAVE] = absorb_leave,
	    [FT_EVENT_SETTINGS] = absorb_settings,
	};
	if (absorbers[e->kind])
		absorbers[e->kind](c, e);
}

bool ft_due(const struct ft_core *c, int64_t at)
{
	bool due = c->now >= at;
	if (!due && c->asking && at < *c->asking)
		*c->asking = at;
	return due;
}

/* A death that is told gives our right to run away: so first that is on disk, or after a crash we might claim it again.  If
 * the disk does not take it, we have no QEMU, and the register decides. */
static enum ft_vm gone_as_told(const struct ft_core *c)
{
	/* It ran alone, or may start anew as we have ended the session: its end must not wake an old copy at the peer's. */
	if (c->qemu.role == FT_ROLE_NONE)
		return FT_VM_ABSENT;
	/* A person who lets the peer go on, as nothing is here, does so without the session that our disk may hold, and that nobody
	 * there knows of: our next ftd could end it, and start the guest beside that. */
	if (ft_bind_may_stand(c) && c->qemu.role == FT_ROLE_PRIMARY)
		return ft_bind_to_claim(c) ? FT_VM_ABSENT : FT_VM_UNKNOWN;
	if (ft_session_ended_by_us(c))
		return FT_VM_ABSENT;
	if (!ft_session_open(c))
		return ft_resignation_unproven(c) ? FT_VM_ABSENT : FT_VM_GONE;
	if (!ft_session_given_up(c)) /* or it may have run alone, before we came */
		return FT_VM_ABSENT;
	bool waits = !c->store_fault[0] && !ft_due(c, c->gone_at + FT_RETRY_NS);
	return waits ? FT_VM_UNKNOWN : FT_VM_ABSENT;
}

void ft_core_hear_anew(struct ft_core *c)
{
	c->silent_from = c->yanked_at = FT_NEVER;
	c->sick = false;
	c->said_sick = FT_SICK_UNSAID;
}

/* In band our QEMU is silent, or it is not. While it stands still by us that says nothing, and what was known stays. */
static void judge_silence(struct ft_core *c)
{
	if (c->qemu.connected || c->qemu.vm != FT_VM_ALIVE || !c->role_said)
		ft_core_hear_anew(c);
	else if (!c->frozen && c->silent_from == FT_NEVER)
		c->silent_from = c->now;
	else if (!c->frozen && ft_due(c, ft_after(c->yanked_at, ft_stuck_after(c))))
		c->sick = true;
}

/* In which session we stand, and by what right. */
static void say_session(struct ft_core *c)
{
	const struct ft_qemu_facts *q = &c->qemu;
	struct ft_side *s = &c->self;
	/* Also where it was resigned: the peer must know in which one our QEMU died, or yields.  Not before that has been seen: the disk may
	 * say so although it ran the guest alone since, and a primary takes its right from whoever names the session. */
	bool resigned = c->session.stage == FT_SESSION_RESIGNED && s->vm != FT_VM_ALIVE && s->vm != FT_VM_UNKNOWN;
	/* A secondary's word gives the primary its right to run: first its QEMU must have said that it is one still.  A primary's lets the
	 * peer claim: first its QEMU is seen, so that the sentinel stops it in time. */
	bool led = c->session.role == FT_ROLE_PRIMARY && q->vm != FT_VM_UNKNOWN;
	bool known = led || (c->role_said && q->role == FT_ROLE_SECONDARY);
	/* A release on its way to disk takes the primary's word back at once: the peer's next ftd must not be bound by it. */
	bool releasing = ft_release_may_stand(c) && c->session.role == FT_ROLE_PRIMARY;
	bool named = known && !releasing && !ft_session_outdated(c) && !c->held_unstored;
	bool bound = (c->session.stage == FT_SESSION_BOUND && named) || resigned;
	memset(s->session, 0, sizeof s->session);
	s->proven = s->vm == FT_VM_ALIVE && ft_guest_proven(c);
	c->win_seen |= s->proven;
	const struct ft_session *told = ft_bind_to_claim(c) ? &c->bind : &c->session;
	s->returned = told == &c->session && (ft_session_returned(c) || ft_win_given_away(c));
	if ((bound || s->returned || told == &c->bind) && c->params.arbitrated)
		memcpy(s->session, told->id, sizeof s->session);
	s->doubtful = bound && (c->unsure || c->given_away || (ft_claim_under_way(c) && c->params.registers));
	s->released = c->params.arbitrated && c->session.stage == FT_SESSION_RELEASED && !c->storing && !c->bind_failed;
	/* The word that gives our right away waits for the disk; a peer that can ask the register need not. */
	s->dying = bound && q->vm == FT_VM_GONE && s->vm == FT_VM_UNKNOWN && ft_session_given_up(c) && !c->guest_ended;
	s->epoch = told->epoch;
	s->win = told == &c->session ? ft_session_win(c) : FT_WIN_NONE;
}

/* self follows from the facts, so that no row of the table can forget to say something. */
void ft_core_refresh_self(struct ft_core *c)
{
	const struct ft_qemu_facts *q = &c->qemu;
	bool here = q->vm != FT_VM_GONE && q->vm != FT_VM_ABSENT;
	struct ft_side *s = &c->self;
	c->wake_at = FT_NEVER;
	c->asking = &c->wake_at;
	judge_silence(c);
	s->state = ft_phase_state(c->phase);
	s->role = c->phase == FT_PHASE_SOLO ? FT_ROLE_SOLO : here ? q->role : FT_ROLE_NONE;
	/* Frozen because our right has ended is no yielding: the right may come back.  Nor is what stands still since before we came,
	 * and has won; or what is about to run, once the disk has taken that; or where we go on. */
	bool found = c->phase == FT_PHASE_STARTING || c->phase == FT_PHASE_UNPROTECTED || c->phase == FT_PHASE_ARMING;
	bool own_doing = c->phase == FT_PHASE_FREEZING || c->phase == FT_PHASE_CLAIMING ||
	                 c->phase == FT_PHASE_CUT_OFF || c->phase == FT_PHASE_PLANNING || (found && ft_session_won(c));
	bool goes_on = c->phase == FT_PHASE_RECORDING || c->phase == FT_PHASE_SOLO;
	/* Nor may it be told before the claim is given up on disk, or while the disk alone says that it is. */
	bool given_up = !ft_session_open(c) && !ft_resignation_unproven(c);
	bool yielded = c->frozen && here && !own_doing && !goes_on && given_up;
	s->vm = yielded ? FT_VM_YIELDED : q->vm == FT_VM_GONE ? gone_as_told(c) : q->vm;
	s->repl_broken = c->broken_at != FT_NEVER && c->phase != FT_PHASE_SOLO;
	/* Else it accepts no session; nor another one, while it may be about to be bound by an earlier one. */
	bool binds = q->role == FT_ROLE_SECONDARY && ft_bind_may_stand(c);
	bool holdable = !c->params.arbitrated || (q->pid_verified && !q->unguarded && !binds);
	s->ready = q->connected && q->oob && q->plan_ready && q->role != FT_ROLE_NONE && s->vm == FT_VM_ALIVE &&
	           holdable && !c->hung && c->checkpoint_at != FT_NEVER && c->broken_at == FT_NEVER &&
	           c->ending == FT_ENDING_NOT && !c->disk_bad;
	s->disk_bad = here && c->disk_bad;
	s->ending = here && c->ending != FT_ENDING_NOT;
	s->sick = here && (c->hung || ft_due(c, ft_after(c->yanked_at, c->params.reply_timeout)));
	s->checkpoint_ms = q->checkpoint_ms > 0 ? (uint32_t)q->checkpoint_ms : 0;
	s->leaving = ft_has_left(c);
	say_session(c);
	bool outside = here && q->vm == FT_VM_ALIVE && q->role == FT_ROLE_NONE && q->last_role == FT_ROLE_NONE;
	s->runs = outside && q->connected && q->running && !q->incoming && !c->frozen;
	ft_start_tell(c);
	if (c->start_wanted) /* whoever waits for it is answered then */
		(void)ft_due(c, ft_session_granted_until(c));
	s->guest = ft_start_announced(c) || (outside && !q->incoming);
	s->emulator = q->emulator;
	s->window_ms = (uint32_t)(c->params.window / FT_NS_PER_MS);
	s->request = c->phase == FT_PHASE_ASKING ? FT_REQUEST_YIELD : c->guest_ended ? FT_REQUEST_END : FT_REQUEST_NONE;
}

void ft_core_step(struct ft_core *c, const struct ft_event *event, int64_t now, struct ft_actions *out)
{
	assert(now >= c->now);
	assert(event->kind < FT_EVENT_COUNT);
	struct ft_side was = c->self;
	c->now = now;
	out->n = out->n_records = out->n_rows = 0;
	c->named_nobody = false;
	absorb(c, event);
	ft_sharing_refresh(c);
	ft_core_refresh_self(c);
	size_t n;
	const struct ft_table *law = ft_rules_law(&n);
	ft_rules_read(law, n, c, out);
	if (!ft_side_equal(&was, &c->self))
		ft_core_do(out, FT_DO_SEND);
}

int64_t ft_core_deadline(const struct ft_core *c)
{
	return c->wake_at;
}

bool ft_core_may_run(const struct ft_core *c)
{
	bool freezing = c->phase == FT_PHASE_YIELDING || c->phase == FT_PHASE_FREEZING ||
	                c->phase == FT_PHASE_CUT_OFF || c->phase == FT_PHASE_FENCED;
	return !c->frozen && !freezing && !ft_due(c, ft_core_lease(c));
}

bool ft_core_last_word(const struct ft_core *c, struct ft_side *word)
{
	const struct ft_qemu_facts *q = &c->qemu;
	bool released = c->session.stage == FT_SESSION_RELEASED && !c->storing && !c->bind_failed &&
	                c->session.instance == q->instance;
	bool pair = q->vm == FT_VM_ALIVE && q->role != FT_ROLE_NONE && c->peer_known && c->ending != FT_ENDING_GUEST;
	if (!ft_core_exits(c) || !pair || c->frozen || (c->params.arbitrated && !released))
		return false;
	*word = c->self;
	word->state = FT_UNPROTECTED;
	word->role = FT_ROLE_NONE;
	word->vm = FT_VM_GONE;
	word->ready = word->leaving = word->guest = false;
	word->request = FT_REQUEST_NONE;
	word->doubtful = c->unsure || c->given_away;
	if (c->params.arbitrated)
		memcpy(word->session, c->session.id, sizeof word->session);
	return true;
}
