/* What the node's deeds are live: libevent, QEMU's process, the disk, the arbiter, people. */
#include "base/clock.h"
#include "base/log.h"
#include "report/record.h"
#include "supervisor/daemon_internal.h"
#include "supervisor/service.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static void run_hook(struct ft_daemon *d, const char *event, const struct ft_action *a, const char *result,
                     const json_t *json)
{
	char *text = json_dumps(json, FT_JSON_FLAGS);
	struct ft_hook_event e = {
	    .event = event,
	    .state_old = ft_state_name(a ? a->from : d->told),
	    .state = ft_state_name(a ? a->to : ft_core_state(&d->core)),
	    .role = ft_role_name(d->core.self.role),
	    .reason = a ? a->text : ft_cause_name(d->pending.cause),
	    .result = result,
	    .epoch = d->core.self.epoch,
	    .json = text ? text : "{}",
	};
	ft_hooks_run(d->hooks, &e);
	free(text);
}

/* Something that is no change of state.  Takes over json. */
static void run_news(struct ft_daemon *d, const char *event, const char *reason, const char *result, json_t *json)
{
	char *text = json_dumps(json, FT_JSON_FLAGS);
	const char *state = ft_state_name(ft_core_state(&d->core));
	struct ft_hook_event e = {
	    .event = event,
	    .state_old = state,
	    .state = state,
	    .role = ft_role_name(d->core.self.role),
	    .reason = reason,
	    .result = result,
	    .epoch = d->core.self.epoch,
	    .json = text ? text : "{}",
	};
	ft_hooks_run(d->hooks, &e);
	free(text);
	json_decref(json);
}

void ft_daemon_tell(struct ft_daemon *d, const char *event, const char *reason)
{
	struct ft_status_source source = ft_daemon_status(d);
	run_news(d, event, reason, "", ft_status_json(&source));
}

static void do_alarm(struct ft_daemon *d, const struct ft_action *a)
{
	const char *name = ft_alarm_name(a->alarm);
	if (a->raised)
		ft_log_surely(FT_LOG_ERROR, "core", "ALARM %s: %s", name, a->text);
	else
		ft_log_surely(FT_LOG_WARN, "core", "alarm %s is over", name);
	struct ft_status_source source = ft_daemon_status(d);
	json_t *json = ft_status_json(&source);
	json_object_set_new(json, "alarm", json_string(name));
	run_news(d, "alarm", a->text, a->raised ? "raised" : "cleared", json);
}

static enum ft_log_level state_level(enum ft_state s)
{
	switch (s) {
	case FT_FAILED:
	case FT_HELD:
		return FT_LOG_ERROR;
	case FT_STARTING:
	case FT_ARMING:
	case FT_PROTECTED:
		return FT_LOG_INFO;
	case FT_UNPROTECTED:
	case FT_SUSPECT:
	case FT_CLAIMING:
	case FT_FAILING_OVER:
	case FT_SOLO:
	case FT_FENCED:
	case FT_STATE_COUNT:
		break;
	}
	return FT_LOG_WARN;
}

static void do_state(struct ft_daemon *d, const struct ft_action *a)
{
	ft_log_surely(state_level(a->to), "core", "%s -> %s (%s): %s", ft_state_name(a->from), ft_state_name(a->to),
	              ft_role_name(d->core.self.role), a->text);
	char status[FT_TEXT_MAX + 32];
	snprintf(status, sizeof status, "%s: %s", ft_state_name(a->to), a->text);
	ft_service_status(status);
	struct ft_status_source source = ft_daemon_status(d);
	json_t *json = ft_status_json(&source);
	run_hook(d, "state", a, "", json);
	d->told = a->to;
	json_decref(json);
}

static void recorded(void *arg, const char *error)
{
	struct ft_daemon *d = arg;
	ft_daemon_feed(d, &(struct ft_event){.kind = FT_EVENT_RECORDED, .error = error[0] != '\0', .text = error});
}

void ft_daemon_note_announced(struct ft_daemon *d, const uint8_t session[FT_SESSION_BYTES])
{
	char text[FT_ANNOUNCED_MAX];
	ft_announced_text(session, text);
	if (d->exclusion) /* else there is no session, and nothing to tell twice */
		ft_writer_replace(d->writer, FT_ANNOUNCED_FILE, text, strlen(text), FT_DISK_MS, NULL, NULL);
}

static void recorded_success(void *arg, const char *error)
{
	struct ft_daemon *d = arg;
	if (error[0] == '\0')
		ft_daemon_note_announced(d, d->success_session);
	recorded(arg, error);
}

static void recorded_after_all(void *arg, const char *error)
{
	if (error[0] == '\0')
		ft_log(FT_LOG_WARN, "report", "the outcome that could not be written is on disk now");
	recorded_success(arg, error);
}

static void do_record(struct ft_daemon *d, const struct ft_outcome *o)
{
	d->pending = *o;
	struct timespec wall = ft_clock_wall();
	int64_t ns = (int64_t)wall.tv_sec * 1000000000 + wall.tv_nsec - (ft_clock_now() - o->ended_at);
	wall = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
	json_decref(d->pending_outcome);
	d->pending_outcome =
	    ft_outcome_json(o, d->config->pair, d->config->node, ft_arbiter_word(d->config->arbiter.type), wall);
	char *text = d->pending_outcome ? json_dumps(d->pending_outcome, FT_JSON_FLAGS) : NULL;
	bool success = o->result == FT_SUCCESS;
	if (text)
		ft_writer_append(d->writer, FT_OUTCOMES_FILE, text, strlen(text), FT_DISK_MS,
		                 success ? recorded_success : recorded, d);
	else
		ft_log(FT_LOG_ERROR, "report", "out of memory: the outcome cannot be written");
	if (text && success) {
		free(d->success);
		d->success = text;
		memcpy(d->success_session, o->session, sizeof d->success_session);
		return;
	}
	free(text);
}

/* The very same text, by which one that came through all the same is known. */
static void do_repeat(struct ft_daemon *d)
{
	ft_writer_append_once(d->writer, FT_OUTCOMES_FILE, d->success, strlen(d->success), FT_DISK_MS,
	                      recorded_after_all, d);
}

static int outcome_code(enum ft_result r)
{
	return r == FT_SUCCESS ? 0 : r == FT_REFUSED ? 4 : 1;
}

static void log_outcome(const struct ft_outcome *o)
{
	bool good = o->result == FT_SUCCESS;
	for (int i = 0; i < o->n_evidence; i++)
		ft_log_surely(FT_LOG_WARN, "core", "evidence at %+.1f ms: %s",
		              (double)(o->evidence[i].at - o->first_evidence_at) / 1e6, o->evidence[i].text);
	ft_log_surely(good ? FT_LOG_WARN : FT_LOG_ERROR, "core",
	              "failover %s: cause %s, was %s, %.1f ms from first evidence%s%s", ft_result_name(o->result),
	              ft_cause_name(o->cause), ft_role_name(o->role_before),
	              (double)(o->ended_at - o->first_evidence_at) / 1e6, o->error[0] ? ": " : "", o->error);
}

static void do_outcome(struct ft_daemon *d, const struct ft_action *a)
{
	const struct ft_outcome *o = &d->pending;
	if (a->text[0])
		ft_log_surely(FT_LOG_ERROR, "report", "the outcome is not known to be in %s/%s: %s",
		              d->config->state_dir, FT_OUTCOMES_FILE, a->text);
	log_outcome(o);
	json_t *outcome = d->pending_outcome;
	d->pending_outcome = NULL;
	if (json_array_size(d->outcomes) == FT_OUTCOMES_KEPT)
		json_array_remove(d->outcomes, 0);
	json_array_append(d->outcomes, outcome);
	run_hook(d, "outcome", NULL, ft_result_name(o->result), outcome);
	for (int i = 0; i < d->n_calls; i++)
		ft_call_answer(d->calls[i], outcome_code(o->result), json_incref(outcome),
		               o->error[0] ? o->error : NULL);
	d->n_calls = 0;
	json_decref(outcome);
}

static void do_freeze(struct ft_daemon *d)
{
	static const struct ft_process none = FT_PROCESS_NONE;
	ft_qmp_set_frozen(d->qmp, true);
	ft_freezer_start(d->freezer, ft_daemon_process_is_qemu(d) ? ft_daemon_process(d) : &none, FT_FREEZE_NS);
}

static void do_signal(struct ft_daemon *d, int sig, const char *what)
{
	const struct ft_process *p = ft_daemon_process(d);
	if (!ft_process_alive(p))
		return;
	if (!ft_daemon_process_is_qemu(d))
		ft_log_surely(FT_LOG_ERROR, "core", "cannot %s QEMU: process %d is not shown to be it", what,
		              (int)p->pid);
	else if (ft_process_signal(p, sig) != 0)
		ft_log_surely(FT_LOG_ERROR, "core", "cannot %s QEMU (process %d): %s", what, (int)p->pid,
		              strerror(errno));
}

static void do_thaw(struct ft_daemon *d)
{
	ft_freezer_cancel(d->freezer);
	do_signal(d, SIGCONT, "thaw");
	ft_qmp_set_frozen(d->qmp, false);
}

static void do_claim(struct ft_daemon *d, const struct ft_action *a)
{
	if (a->verdict)
		ft_exclusion_put_verdict(d->exclusion, d->core.claim_id, a->text);
	else
		ft_exclusion_claim(d->exclusion, d->core.claim_id, a->fence);
}

static void do_read(struct ft_daemon *d, const struct ft_action *a)
{
	if (a->verdict)
		ft_exclusion_look_at_verdict(d->exclusion, d->core.claim_id);
	else
		ft_exclusion_look(d->exclusion, d->core.claim_id, a->sure);
}

/* What the disk, the arbiter and the fence are asked for. */
static void do_exclusion(struct ft_daemon *d, const struct ft_action *a)
{
	if (a->kind == FT_DO_STORE)
		ft_exclusion_store(d->exclusion, &d->core.store_next);
	else if (a->kind == FT_DO_CLAIM)
		do_claim(d, a);
	else if (a->kind == FT_DO_FENCE)
		ft_exclusion_fence(d->exclusion);
	else if (a->kind == FT_DO_READ)
		do_read(d, a);
	else if (a->kind == FT_DO_MARK)
		ft_exclusion_mark(d->exclusion, d->core.self.share.next_mark, d->core.marked_epoch);
	else
		ft_exclusion_remember(d->exclusion);
}

static void do_exit(struct ft_daemon *d)
{
	d->exit_code = 0;
	ft_service_stopping();
	struct timeval now = {0};
	evtimer_add(d->goodbye_timer, &now);
}

static bool act(void *world, const struct ft_action *a)
{
	struct ft_daemon *d = world;
	static const enum ft_log_level levels[] = {FT_LOG_ERROR, FT_LOG_WARN, FT_LOG_INFO};
	switch (a->kind) {
	case FT_DO_SAY:
		ft_log(levels[a->level], "core", "%s", a->text);
		break;
	case FT_DO_STATE:
		do_state(d, a);
		break;
	case FT_DO_SEND:
		ft_links_send_now(d->links);
		break;
	case FT_DO_PROBE:
		ft_qmp_probe(d->qmp);
		break;
	case FT_DO_YANK:
		ft_qmp_yank(d->qmp);
		break;
	case FT_DO_FREEZE:
		do_freeze(d);
		break;
	case FT_DO_THAW:
		do_thaw(d);
		break;
	case FT_DO_KILL:
		do_signal(d, SIGKILL, "end");
		break;
	case FT_DO_STORE:
	case FT_DO_CLAIM:
	case FT_DO_FENCE:
	case FT_DO_READ:
	case FT_DO_MARK:
	case FT_DO_REMEMBER:
		do_exclusion(d, a);
		break;
	case FT_DO_ALARM:
		do_alarm(d, a);
		break;
	case FT_DO_PLAN:
		ft_qmp_run_plan(d->qmp);
		break;
	case FT_DO_RECORD:
		do_record(d, a->outcome);
		break;
	case FT_DO_REPEAT:
		do_repeat(d);
		break;
	case FT_DO_OUTCOME:
		do_outcome(d, a);
		break;
	case FT_DO_EXIT:
		do_exit(d);
		break;
	}
	return true;
}

static int64_t now(void *world)
{
	(void)world;
	return ft_clock_now();
}

static bool moment(void *world)
{
	(void)world;
	return true;
}

static int64_t stood_still(void *world)
{
	struct ft_daemon *d = world;
	if (!d->exclusion || !ft_pulse_hypervisor())
		return 0;
	struct ft_pulse_reading reading = ft_pulse_read();
	int64_t missed = ft_pulse_missed(&d->pulse, &reading);
	if (missed == 0)
		return 0;
	d->missed = missed;
	d->missed_at = reading.now;
	ft_log_surely(
	    FT_LOG_ERROR, "core",
	    "this host's clocks stood still for %.0f ms or more: it is a virtual machine that was paused or moved (or "
	    "its wall clock was set); what was granted before is over, and if the peer has taken over, two guests have "
	    "run since this one woke",
	    (double)missed / 1e6);
	return missed;
}

static bool catch_up(void *world)
{
	struct ft_daemon *d = world;
	ft_links_catch_up(d->links);
	ft_qmp_catch_up(d->qmp);
	return true;
}

static struct ft_node_qemu qemu(void *world)
{
	struct ft_daemon *d = world;
	return (struct ft_node_qemu){.instance = ft_daemon_instance(d), .answers = ft_qmp_view(d->qmp)->connected};
}

static struct ft_node_guard guard(void *world, int64_t lease, bool known)
{
	struct ft_daemon *d = world;
	if (!d->exclusion)
		return (struct ft_node_guard){.on_guard = true, .may_stop = true};
	bool on_guard = ft_exclusion_publish(d->exclusion, ft_daemon_process(d), lease, known);
	return (struct ft_node_guard){.on_guard = on_guard, .may_stop = ft_exclusion_may_stop(d->exclusion)};
}

static void wake(void *world, int64_t at)
{
	ft_timer_set(((struct ft_daemon *)world)->core_timer, at);
}

static void goodbye_later(void *world)
{
	struct timeval next = ft_ms(FT_GOODBYE_EVERY_MS);
	evtimer_add(((struct ft_daemon *)world)->goodbye_timer, &next);
}

static void leave(void *world)
{
	event_base_loopexit(((struct ft_daemon *)world)->base, NULL);
}

/* By their names in docs/decisions.md. */
static void stepped(void *world, const struct ft_event *event, int64_t at, const struct ft_actions *out)
{
	(void)world, (void)event, (void)at;
	for (int i = 0; i < out->n_rows; i++)
		ft_log(FT_LOG_DEBUG, "core", "decided: %s", out->rows[i]);
}

const struct ft_node_deeds ft_daemon_deeds = {
    .now = now,
    .moment = moment,
    .stood_still = stood_still,
    .catch_up = catch_up,
    .qemu = qemu,
    .guard = guard,
    .act = act,
    .may_start = ft_daemon_may_start,
    .wake = wake,
    .goodbye_later = goodbye_later,
    .leave = leave,
    .stepped = stepped,
};
