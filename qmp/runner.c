/* The runner: see runner.h.
 *
 * A step is unsent (index >= next), outstanding (sent, not settled) or settled.  A PROVE step stays outstanding over all its
 * questions; between two of them again_at says when the next one is due. */
#include "qmp/runner.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct ft_step *step_of(const struct ft_runner *r, int i)
{
	return &r->plan->steps[i];
}

static bool outstanding(const struct ft_runner *r, int i)
{
	return i < r->next && !r->settled[i];
}

static bool optional(enum ft_policy policy)
{
	return policy == FT_MAY || policy == FT_CLEAN;
}

static void say(char out[FT_TEXT_MAX], const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(char out[FT_TEXT_MAX], const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(out, FT_TEXT_MAX, format, ap);
	va_end(ap);
}

/* ---- how steps and the plan end ---- */

static void settle(struct ft_runner *r, int i, enum ft_step_result result, int64_t now)
{
	struct ft_step_record *rec = &r->report.steps[i];

	r->settled[i] = true;
	r->again_at[i] = FT_NEVER;
	rec->result = result;
	rec->took_ns = rec->sent_at == FT_NEVER ? 0 : now - rec->sent_at;
}

static void skip(struct ft_runner *r, int i, const char *why)
{
	r->settled[i] = true;
	say(r->report.steps[i].error, "%s", why);
}

static void skip_unsent(struct ft_runner *r, const char *why)
{
	for (; r->next < r->plan->n; r->next++)
		skip(r, r->next, why);
}

/* The verdict against.  What QEMU said to the failover command stands above what its absence led to. */
static void fail(struct ft_runner *r, const char *why)
{
	if (r->proof_known)
		return;
	if (!*r->report.error)
		say(r->report.error, "%s", why);
	r->proof_known = true;
	skip_unsent(r, "the failover was not proven");
}

static void review(struct ft_runner *r, int64_t now)
{
	bool waiting = r->next < r->plan->n, proving = false;

	for (int i = 0; i < r->plan->n; i++) {
		proving |= step_of(r, i)->policy == FT_PROVE && !r->settled[i];
		waiting |= outstanding(r, i);
	}
	if (!r->proof_known && !proving) {
		r->proof_known = r->report.ok = true;
		r->report.proven_at = now;
		*r->report.error = 0;
	}
	r->finished = r->proof_known && !waiting;
}

void ft_runner_start(struct ft_runner *r, const struct ft_plan *plan, bool oob_up, int64_t now)
{
	assert(plan->n > 0);
	(void)now;
	memset(r, 0, sizeof *r);
	r->plan = plan;
	r->oob_up = oob_up;
	r->report.n_steps = plan->n;
	r->report.proven_at = FT_NEVER;
	for (int i = 0; i < plan->n; i++) {
		struct ft_step_record *rec = &r->report.steps[i];
		r->again_at[i] = FT_NEVER;
		rec->sent_at = FT_NEVER;
		rec->channel = plan->steps[i].channel;
		memcpy(rec->command, plan->steps[i].command, sizeof rec->command);
		memcpy(rec->what, plan->steps[i].what, sizeof rec->what);
	}
}

/* ---- sending ---- */

static bool in_band_free(const struct ft_runner *r)
{
	for (int i = 0; i < r->next; i++) {
		const struct ft_step *s = step_of(r, i);
		if (s->channel == FT_CHANNEL_QMP && outstanding(r, i) && !(r->stuck && optional(s->policy)))
			return false;
	}
	return true;
}

enum yanks { YANKS_WAITING, YANKS_WORKED, YANKS_FAILED };

static enum yanks yanks_of(const struct ft_runner *r)
{
	bool waiting = false, worked = true;

	for (int i = 0; i < r->next; i++)
		if (step_of(r, i)->channel == FT_CHANNEL_OOB) {
			waiting |= !r->settled[i];
			worked &= r->report.steps[i].result == FT_STEP_OK;
		}
	if (waiting)
		return YANKS_WAITING;
	return worked ? YANKS_WORKED : YANKS_FAILED;
}

/* Passes over what must be left out; returns false if it has yet to be seen whether the next step must. */
static bool pass_over(struct ft_runner *r)
{
	for (; r->next < r->plan->n; r->next++) {
		const struct ft_step *s = step_of(r, r->next);
		if (s->channel == FT_CHANNEL_OOB && !r->oob_up) {
			skip(r, r->next, "no out-of-band connection to QEMU");
		} else if (s->needs_yank) {
			enum yanks yanks = yanks_of(r);
			if (yanks != YANKS_FAILED)
				return yanks == YANKS_WORKED;
			skip(r, r->next, "not every yank worked; without them this could hang the guest");
		} else {
			return true;
		}
	}
	return true;
}

static int send_again(struct ft_runner *r, int64_t now)
{
	for (int i = 0; i < r->next; i++)
		if (r->again_at[i] <= now) {
			r->again_at[i] = FT_NEVER;
			return i;
		}
	return -1;
}

int ft_runner_send(struct ft_runner *r, int64_t now)
{
	int i = r->finished ? -1 : send_again(r, now);

	if (i >= 0)
		return i;
	if (!pass_over(r) || r->next == r->plan->n) {
		review(r, now);
		return -1;
	}
	const struct ft_step *s = step_of(r, r->next);
	if (s->policy == FT_CLEAN && !r->proof_known)
		return -1;
	if (s->channel == FT_CHANNEL_QMP && !in_band_free(r))
		return -1;
	r->report.steps[r->next].sent_at = now;
	r->deadline[r->next] = now + r->plan->timeout;
	return r->next++;
}

/* ---- answers ---- */

static void copy(char *to, size_t size, const json_t *value, const char *key)
{
	const char *s = json_string_value(json_object_get(value, key));
	snprintf(to, size, "%s", s ? s : "");
}

/* Whether an answer proves its part; if not, why says what it lacks. */
static bool proves(struct ft_runner *r, const char *command, const json_t *value, char why[FT_TEXT_MAX])
{
	struct ft_plan_report *p = &r->report;
	const char *role = ft_role_name(r->plan->role);

	if (!strcmp(command, "query-colo-status")) {
		copy(p->guest_colo_mode, sizeof p->guest_colo_mode, value, "mode");
		copy(p->guest_last_mode, sizeof p->guest_last_mode, value, "last-mode");
		say(why, "QEMU has not left COLO as %s: mode is '%s', last-mode '%s'", role, p->guest_colo_mode,
		    p->guest_last_mode);
		return !strcmp(p->guest_colo_mode, "none") && !strcmp(p->guest_last_mode, role);
	}
	if (!strcmp(command, "query-migrate")) {
		char status[24];
		copy(status, sizeof status, value, "status");
		say(why, "the migration that carried COLO is '%s', not completed", status);
		return !strcmp(status, "completed");
	}
	assert(!strcmp(command, "query-status"));
	copy(p->guest_status, sizeof p->guest_status, value, "status");
	say(why, "the guest is '%s', not running", p->guest_status);
	return !strcmp(p->guest_status, "running");
}

static void reply_to_proof(struct ft_runner *r, int i, const json_t *value, int64_t now)
{
	char *error = r->report.steps[i].error;

	if (value && proves(r, step_of(r, i)->command, value, error)) {
		*error = 0;
		settle(r, i, FT_STEP_OK, now);
		return;
	}
	r->again_at[i] = now + FT_PROVE_EVERY;
}

/* failure: the reply's "error"; succeeded: it has a "return". */
static void reply_to_command(struct ft_runner *r, int i, bool succeeded, const json_t *failure, int64_t now)
{
	const struct ft_step *s = step_of(r, i);
	const char *class = json_string_value(json_object_get(failure, "class"));
	/* A yank's instance that is gone is what the yank was for. */
	bool gone = s->channel == FT_CHANNEL_OOB && class && !strcmp(class, "DeviceNotFound");

	if (succeeded || gone) {
		*r->report.steps[i].error = 0;
		settle(r, i, FT_STEP_OK, now);
		return;
	}
	settle(r, i, FT_STEP_ERROR, now);
	if (s->policy == FT_MUST)
		say(r->report.error, "%s: %.150s", s->command, r->report.steps[i].error);
}

void ft_runner_reply(struct ft_runner *r, int step, const json_t *reply, int64_t now)
{
	if (r->finished || step < 0 || step >= r->next)
		return;
	const struct ft_step *s = step_of(r, step);
	if (s->channel == FT_CHANNEL_QMP)
		r->stuck = false;
	if (!outstanding(r, step) || (s->policy == FT_PROVE && r->again_at[step] != FT_NEVER))
		return;
	const json_t *value = json_object_get(reply, "return"), *failure = json_object_get(reply, "error");
	if (!value) {
		const char *desc = json_string_value(json_object_get(failure, "desc"));
		say(r->report.steps[step].error, "%s", desc ? desc : "an answer with neither return nor error");
	}
	if (s->policy == FT_PROVE)
		reply_to_proof(r, step, value, now);
	else
		reply_to_command(r, step, value != NULL, failure, now);
	review(r, now);
}

/* ---- time ---- */

static bool can_rescue(const struct ft_runner *r)
{
	return !r->rescued && r->oob_up && step_of(r, 0)->channel == FT_CHANNEL_OOB;
}

/* The peer may have connected again since the yanks, or they came too early: once more, and as long again. */
static void rescue(struct ft_runner *r, int64_t now)
{
	r->rescued = true;
	for (int i = 0; i < r->next; i++) {
		if (step_of(r, i)->channel == FT_CHANNEL_OOB)
			r->again_at[i] = now;
		else if (outstanding(r, i))
			r->deadline[i] = now + r->plan->timeout;
	}
}

static void give_up(struct ft_runner *r, int i, int64_t now)
{
	const struct ft_step *s = step_of(r, i);
	struct ft_step_record *rec = &r->report.steps[i];
	bool answered = s->policy == FT_PROVE && r->again_at[i] != FT_NEVER;
	char why[FT_TEXT_MAX];

	if (!answered)
		say(rec->error, "no answer within %lld ms", (long long)((now - rec->sent_at) / FT_NS_PER_MS));
	settle(r, i, answered ? FT_STEP_ERROR : FT_STEP_TIMEOUT, now);
	r->stuck |= s->channel == FT_CHANNEL_QMP && !answered;
	if (optional(s->policy))
		return;
	say(why, "%s: %.120s%s", s->command, rec->error, answered ? "" : "; QEMU's monitor hangs");
	fail(r, why);
}

void ft_runner_tick(struct ft_runner *r, int64_t now)
{
	for (int i = 0; i < r->next && !r->finished; i++) {
		if (!outstanding(r, i) || now < r->deadline[i])
			continue;
		if (step_of(r, i)->channel == FT_CHANNEL_QMP && can_rescue(r))
			rescue(r, now);
		else
			give_up(r, i, now);
	}
	review(r, now);
}

void ft_runner_disconnected(struct ft_runner *r, enum ft_channel channel, const char *why, int64_t now)
{
	if (r->finished)
		return;
	if (channel == FT_CHANNEL_OOB)
		r->oob_up = false;
	for (int i = 0; i < r->next; i++) {
		if (step_of(r, i)->channel != channel)
			continue;
		r->again_at[i] = FT_NEVER;
		if (outstanding(r, i)) {
			say(r->report.steps[i].error, "%s", why);
			settle(r, i, FT_STEP_ERROR, now);
		}
	}
	if (channel == FT_CHANNEL_QMP) {
		fail(r, why);
		skip_unsent(r, why);
	}
	review(r, now);
}

int64_t ft_runner_deadline(const struct ft_runner *r)
{
	int64_t at = FT_NEVER;

	for (int i = 0; i < r->next && !r->finished; i++) {
		if (r->again_at[i] < at)
			at = r->again_at[i];
		if (outstanding(r, i) && r->deadline[i] < at)
			at = r->deadline[i];
	}
	return at;
}
