/* The loop that feeds the decision core. */
#include "supervisor/daemon.h"

#include "ctl/control.h"
#include "heartbeat/links.h"
#include "qmp/session.h"
#include "report/hook.h"
#include "report/log.h"
#include "report/outcomes.h"
#include "report/record.h"
#include "report/scribe.h"
#include "supervisor/clock.h"
#include "supervisor/core.h"
#include "supervisor/exclusion.h"
#include "supervisor/freezer.h"
#include "supervisor/instance.h"
#include "supervisor/service.h"
#include "supervisor/status.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define OUTCOMES_FILE    "outcomes.jsonl"
#define OUTCOMES_KEPT    100
#define CALLS_MAX        16    /* operators waiting for one failover */
#define GOODBYES         3     /* heartbeats that say goodbye, in case one is lost ... */
#define GOODBYE_EVERY_MS 10    /* ... this far apart */
#define MAY_START_MS     20000 /* how long the question whether the VM may start can stay open */
#define LEAVE_MS         30000 /* a failover under way is finished first, but not for longer */
#define DISK_MS          4500  /* for the scribe; within the core's own FT_RECORD_NS */

static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
#define N_SIGNALS ((int)(sizeof signals / sizeof signals[0]))

struct ft_daemon {
	struct ft_config *config;
	struct event_base *base;
	struct ft_core core;
	struct ft_links *links;
	struct ft_qmp *qmp;
	struct ft_scribe *scribe;
	struct ft_hooks *hooks;
	struct ft_control *control;
	struct ft_freezer *freezer;
	struct ft_exclusion *exclusion; /* NULL without an arbiter */
	pid_t instance_pid;             /* the QEMU process that instance names */
	uint64_t instance;
	struct event *signal_events[N_SIGNALS];
	struct event *core_timer, *leave_timer, *goodbye_timer, *watchdog_timer;
	int goodbyes_left;
	int exit_code;
	json_t *outcomes; /* the newest OUTCOMES_KEPT that were announced, oldest first */
	/* The outcome on its way to disk, as the core handed it over: a failover may begin before the disk answers. */
	struct ft_outcome pending;
	json_t *pending_outcome;
	int n_calls;
	struct ft_call *calls[CALLS_MAX]; /* operators waiting for an outcome */
	struct ft_call *may_start;        /* whoever waits to start the VM; NULL nobody */
	bool confirm_fenced;              /* ... and vouches that the other host is off */
	struct event *may_start_timer;
};

static void feed(struct ft_daemon *d, const struct ft_event *event);

static struct timeval ms(int64_t n)
{
	return (struct timeval){.tv_sec = n / 1000, .tv_usec = n % 1000 * 1000};
}

/* ---- doing what the core says ---- */

static void run_hook(struct ft_daemon *d, const char *event, const struct ft_action *a, const char *result,
                     const json_t *json)
{
	char *text = json_dumps(json, FT_JSON_FLAGS);
	struct ft_hook_event e = {
	    .event = event,
	    .state_old = a ? ft_state_name(a->from) : "",
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

static struct ft_status_source status_source(const struct ft_daemon *d)
{
	return (struct ft_status_source){
	    .config = d->config,
	    .core = &d->core,
	    .hub = ft_links_hub(d->links),
	    .qemu = ft_qmp_view(d->qmp),
	    .plan = ft_qmp_plan(d->qmp),
	    .process = ft_qmp_process(d->qmp),
	    .exclusion = d->exclusion,
	    .last_outcome = json_array_get(d->outcomes, json_array_size(d->outcomes) - 1),
	    .now = ft_clock_now(),
	    .wall = ft_clock_wall(),
	};
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
	ft_log(state_level(a->to), "core", "%s -> %s (%s): %s", ft_state_name(a->from), ft_state_name(a->to),
	       ft_role_name(d->core.self.role), a->text);
	char status[FT_TEXT_MAX + 32];
	snprintf(status, sizeof status, "%s: %s", ft_state_name(a->to), a->text);
	ft_service_status(status);
	struct ft_status_source source = status_source(d);
	json_t *json = ft_status_json(&source);
	run_hook(d, "state", a, "", json);
	json_decref(json);
}

static void recorded(void *arg, const char *error)
{
	struct ft_daemon *d = arg;
	feed(d, &(struct ft_event){.kind = FT_EVENT_RECORDED, .error = error[0] != '\0', .text = error});
}

static void do_record(struct ft_daemon *d)
{
	const struct ft_outcome *o = &d->pending;
	d->pending = d->core.outcome;
	struct timespec wall = ft_clock_wall();
	int64_t ns = (int64_t)wall.tv_sec * 1000000000 + wall.tv_nsec - (ft_clock_now() - o->ended_at);
	wall = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
	json_decref(d->pending_outcome);
	d->pending_outcome =
	    ft_outcome_json(o, d->config->pair, d->config->node, ft_arbiter_word(d->config->arbiter.type), wall);
	char *text = d->pending_outcome ? json_dumps(d->pending_outcome, FT_JSON_FLAGS) : NULL;
	if (text)
		ft_scribe_append(d->scribe, OUTCOMES_FILE, text, strlen(text), DISK_MS, recorded, d);
	else
		ft_log(FT_LOG_ERROR, "report", "out of memory: the outcome cannot be written");
	free(text);
}

static int outcome_code(enum ft_result r)
{
	return r == FT_SUCCESS ? 0 : r == FT_REFUSED ? 4 : 1;
}

static void log_outcome(const struct ft_outcome *o)
{
	bool good = o->result == FT_SUCCESS;
	for (int i = 0; i < o->n_evidence; i++)
		ft_log(FT_LOG_WARN, "core", "evidence at %+.1f ms: %s",
		       (double)(o->evidence[i].at - o->first_evidence_at) / 1e6, o->evidence[i].text);
	ft_log(good ? FT_LOG_WARN : FT_LOG_ERROR, "core",
	       "failover %s: cause %s, was %s, %.1f ms from first evidence%s%s", ft_result_name(o->result),
	       ft_cause_name(o->cause), ft_role_name(o->role_before),
	       (double)(o->ended_at - o->first_evidence_at) / 1e6, o->error[0] ? ": " : "", o->error);
}

static void do_outcome(struct ft_daemon *d, const struct ft_action *a)
{
	const struct ft_outcome *o = &d->pending;
	if (a->text[0])
		ft_log(FT_LOG_ERROR, "report", "the outcome is not known to be in %s/%s: %s", d->config->state_dir,
		       OUTCOMES_FILE, a->text);
	log_outcome(o);
	json_t *outcome = d->pending_outcome;
	d->pending_outcome = NULL;
	if (json_array_size(d->outcomes) == OUTCOMES_KEPT)
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
	ft_qmp_set_frozen(d->qmp, true);
	ft_freezer_start(d->freezer, ft_qmp_process(d->qmp), FT_FREEZE_NS);
}

static void do_signal(struct ft_daemon *d, int sig, const char *what)
{
	const struct ft_process *p = ft_qmp_process(d->qmp);
	if (ft_process_alive(p) && ft_process_signal(p, sig) != 0)
		ft_log(FT_LOG_ERROR, "core", "cannot %s QEMU (process %d): %s", what, (int)p->pid, strerror(errno));
}

static void do_thaw(struct ft_daemon *d)
{
	ft_freezer_cancel(d->freezer);
	do_signal(d, SIGCONT, "thaw");
	ft_qmp_set_frozen(d->qmp, false);
}

static void do_exit(struct ft_daemon *d)
{
	d->exit_code = 0;
	d->goodbyes_left = GOODBYES;
	ft_service_stopping();
	struct timeval now = {0};
	evtimer_add(d->goodbye_timer, &now);
}

static void act(struct ft_daemon *d, const struct ft_action *a)
{
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
		ft_exclusion_store(d->exclusion, &d->core.store_next);
		break;
	case FT_DO_CLAIM:
		ft_exclusion_claim(d->exclusion, d->core.claim_id);
		break;
	case FT_DO_READ:
		ft_exclusion_look(d->exclusion, d->core.claim_id);
		break;
	case FT_DO_PLAN:
		ft_qmp_run_plan(d->qmp);
		break;
	case FT_DO_RECORD:
		do_record(d);
		break;
	case FT_DO_OUTCOME:
		do_outcome(d, a);
		break;
	case FT_DO_EXIT:
		do_exit(d);
		break;
	}
}

static void answer_may_start(struct ft_daemon *d, bool last_word)
{
	char why[FT_TEXT_MAX];
	int may = ft_core_may_start(&d->core, d->confirm_fenced, why);
	if (may < 0 && !last_word)
		return;
	struct ft_call *call = d->may_start;
	d->may_start = NULL;
	evtimer_del(d->may_start_timer);
	ft_log(FT_LOG_WARN, "control", "may this host start the VM? %s: %s", may == 1 ? "yes" : "no", why);
	ft_call_answer(call, may == 1 ? 0 : 1, may == 1 ? ft_text_json(why) : NULL, may == 1 ? NULL : why);
}

static void feed(struct ft_daemon *d, const struct ft_event *event)
{
	struct ft_actions actions;
	ft_core_step(&d->core, event, ft_clock_now(), &actions);
	/* Before anything is said or done that rests on it. */
	if (d->exclusion)
		ft_exclusion_publish(d->exclusion, ft_qmp_process(d->qmp), ft_core_lease(&d->core));
	for (int i = 0; i < actions.n; i++)
		act(d, &actions.a[i]);
	if (d->may_start)
		answer_may_start(d, false);
	int64_t at = ft_core_deadline(&d->core);
	if (at == FT_NEVER) {
		evtimer_del(d->core_timer);
		return;
	}
	int64_t wait = at - ft_clock_now();
	/* Rounded up, or the core would be asked a few times too early. */
	int64_t us = wait > 0 ? (wait + 999) / 1000 : 0;
	struct timeval tv = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};
	evtimer_add(d->core_timer, &tv);
}

/* ---- what the shells tell ---- */

static void on_core_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct ft_daemon *d = arg;
	ft_links_catch_up(d->links); /* after a stall of ours the peer may have been heard meanwhile */
	feed(d, &(struct ft_event){.kind = FT_EVENT_TIME});
}

static const struct ft_side *on_self(void *arg)
{
	struct ft_daemon *d = arg;
	return &d->core.self;
}

static void on_news(void *arg, const struct ft_beat *peer, bool new_incarnation, int64_t now)
{
	(void)now;
	struct ft_peer_news news = {.incarnation = peer->incarnation, .side = peer->side};
	memcpy(news.node, peer->node, sizeof news.node);
	if (new_incarnation)
		ft_log(FT_LOG_INFO, "heartbeat", "peer %s heard, incarnation %016llx, state %s", peer->node,
		       (unsigned long long)peer->incarnation, ft_state_name(peer->side.state));
	feed(arg, &(struct ft_event){.kind = FT_EVENT_PEER, .peer = &news});
}

static void on_acked(void *arg, int64_t sent, int64_t now)
{
	(void)now;
	feed(arg, &(struct ft_event){.kind = FT_EVENT_ACK, .at = sent});
}

static void on_hearing(void *arg, enum ft_hearing hearing, int64_t now)
{
	(void)now;
	static const enum ft_peer_hearing map[] = {
	    [FT_HEARING_NEVER] = FT_PEER_NEVER,
	    [FT_HEARING_ALIVE] = FT_PEER_ALIVE,
	    [FT_HEARING_QUIET] = FT_PEER_QUIET,
	    [FT_HEARING_LOST] = FT_PEER_LOST,
	};
	struct ft_daemon *d = arg;
	if (hearing == FT_HEARING_LOST)
		ft_log(FT_LOG_WARN, "heartbeat", "peer lost: nothing heard on any of %d links", d->config->n_links);
	feed(d, &(struct ft_event){
	            .kind = FT_EVENT_HEARING,
	            .hearing = map[hearing],
	            .heard_at = ft_detector_last_heard(&ft_links_hub(d->links)->detector),
	        });
}

static void on_refused(void *arg, int link, int64_t now)
{
	(void)now;
	feed(arg, &(struct ft_event){.kind = FT_EVENT_REFUSED, .link = link});
}

static void on_stalled(void *arg, int64_t gap, int64_t now)
{
	(void)arg, (void)now;
	ft_log(FT_LOG_WARN, "heartbeat",
	       "this ftd did not run for %.0f ms (stopped, starved or suspended): the peer's silence is counted anew",
	       (double)gap / 1e6);
}

/* Names the QEMU process for ever; 1 for one that answers and whose process is not known. */
static uint64_t instance_of(struct ft_daemon *d, const struct ft_qemu_view *view)
{
	if (view->pid == 0)
		return view->connected ? 1 : 0;
	if (view->pid != d->instance_pid) {
		d->instance_pid = view->pid;
		d->instance = ft_instance_of(view->pid);
	}
	return d->instance;
}

static void on_view(void *arg, const struct ft_qemu_view *view, int64_t now)
{
	(void)now;
	struct ft_daemon *d = arg;
	/* Without a sentinel on guard over it, a QEMU gets no lease. */
	bool guarded =
	    !d->exclusion || ft_exclusion_publish(d->exclusion, ft_qmp_process(d->qmp), ft_core_lease(&d->core));
	struct ft_qemu_facts q = {
	    .connected = view->connected,
	    .oob = view->oob,
	    .plan_ready = view->plan_ready,
	    .pid_verified = view->pid_verified && guarded,
	    .instance = instance_of(d, view),
	    .vm = view->vm,
	    .role = view->role,
	    .last_role = view->last_role,
	    .checkpoint_ms = view->checkpoint_ms,
	};
	snprintf(q.fault, sizeof q.fault, "%s", view->plan_fault);
	feed(d, &(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &q});
}

static void on_colo_exit(void *arg, const char *mode, const char *reason, int64_t now)
{
	(void)now;
	char text[FT_TEXT_MAX];
	snprintf(text, sizeof text, "%s,%s", mode, reason);
	ft_log(FT_LOG_WARN, "qmp", "COLO_EXIT{%s}", text);
	bool error = strcmp(reason, "error") == 0;
	feed(arg, &(struct ft_event){.kind = FT_EVENT_COLO_EXIT, .error = error, .text = text});
}

static void on_checkpoint(void *arg, int64_t now)
{
	(void)now;
	feed(arg, &(struct ft_event){.kind = FT_EVENT_CHECKPOINT});
}

static void on_hung(void *arg, const char *evidence, int64_t now)
{
	(void)now;
	ft_log(FT_LOG_ERROR, "qmp", "our QEMU hangs: %s", evidence);
	feed(arg, &(struct ft_event){.kind = FT_EVENT_HUNG, .text = evidence});
}

static void on_plan_done(void *arg, const struct ft_plan_report *report, int64_t now)
{
	(void)now;
	feed(arg, &(struct ft_event){.kind = FT_EVENT_PLAN, .plan = report});
}

static void on_plan_finished(void *arg, const struct ft_plan_report *report, int64_t now)
{
	(void)arg, (void)now;
	for (int i = 0; i < report->n_steps; i++) {
		const struct ft_step_record *s = &report->steps[i];
		if (s->result == FT_STEP_ERROR || s->result == FT_STEP_TIMEOUT)
			ft_log(FT_LOG_INFO, "qmp", "plan step %d, %s %s: %s %s", i, s->command, s->what,
			       ft_step_result_name(s->result), s->error);
	}
	ft_log(FT_LOG_INFO, "qmp", "plan and clean-up finished: %d steps", report->n_steps);
}

static void on_frozen(void *arg, const char *error)
{
	struct ft_daemon *d = arg;
	if (error) {
		ft_log(FT_LOG_ERROR, "core", "freezing QEMU failed: %s", error);
		ft_qmp_set_frozen(d->qmp, false);
	}
	feed(d, &(struct ft_event){.kind = FT_EVENT_FROZEN, .error = error != NULL, .text = error});
}

static void on_stored(void *arg, const char *error)
{
	feed(arg, &(struct ft_event){.kind = FT_EVENT_STORED, .error = error[0] != '\0', .text = error});
}

static void on_claimed(void *arg, enum ft_claim result, const char *text)
{
	struct ft_daemon *d = arg;
	ft_log(FT_LOG_WARN, "core", "claim of session %llu: %s%s%s", (unsigned long long)d->core.session.epoch,
	       ft_claim_name(result), text[0] ? ", " : "", text);
	feed(d, &(struct ft_event){.kind = FT_EVENT_CLAIM, .claim = result, .text = text});
}

static void on_looked(void *arg, enum ft_claim result, const char *text)
{
	feed(arg, &(struct ft_event){.kind = FT_EVENT_REGISTER, .claim = result, .text = text});
}

/* If the lease was renewed at that very moment, QEMU stands still although it may run: the core did not ask for it.  It is
 * thawed whether it is seen stopped yet or not: a SIGSTOP on its way is taken back. */
static void on_sentinel_froze(void *arg, int64_t at)
{
	(void)at;
	struct ft_daemon *d = arg;
	ft_links_catch_up(d->links);
	feed(d, &(struct ft_event){.kind = FT_EVENT_TIME});
	if (ft_core_may_run(&d->core))
		do_thaw(d);
}

static void on_goodbye_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct ft_daemon *d = arg;
	if (d->goodbyes_left-- == 0) {
		event_base_loopexit(d->base, NULL);
		return;
	}
	ft_links_send_now(d->links);
	struct timeval next = ms(GOODBYE_EVERY_MS);
	evtimer_add(d->goodbye_timer, &next);
}

static void on_leave_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct ft_daemon *d = arg;
	ft_log(FT_LOG_ERROR, "main", "asked to stop %d s ago, and a failover is still under way: leaving it",
	       LEAVE_MS / 1000);
	event_base_loopexit(d->base, NULL);
}

static void on_watchdog_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	ft_service_alive();
}

/* ---- signals and operators ---- */

static struct ft_core_params core_params(const struct ft_config *config, uint64_t incarnation)
{
	struct ft_core_params p = {
	    .incarnation = incarnation,
	    .interval = config->interval_ms * FT_NS_PER_MS,
	    .window = (int64_t)config->interval_ms * config->lost_after * FT_NS_PER_MS,
	    .reply_timeout = config->qmp_reply_timeout_ms * FT_NS_PER_MS,
	};
	memcpy(p.node, config->node, sizeof p.node);
	p.arbitrated = config->arbiter.type != FT_ARBITER_NONE;
	p.guard = config->guard_ms * FT_NS_PER_MS;
	randombytes_buf(p.seed, sizeof p.seed);
	return p;
}

/* All or nothing: a doubtful file changes nothing.  Returns what is wrong with it, to be freed; NULL: swapped. */
static char *reload(struct ft_daemon *d)
{
	char *text = NULL;
	size_t size = 0;
	FILE *errors = open_memstream(&text, &size);
	if (!errors)
		return strdup("out of memory");
	struct ft_config *next = ft_config_load(d->config->path, errors);
	const char *fixed = next ? ft_config_fixed_difference(d->config, next) : NULL;
	if (fixed)
		fprintf(errors, "%s: %s has changed; that takes a restart of ftd\n", d->config->path, fixed);
	bool good = next && !fixed && ft_links_reconfigure(d->links, next, errors) == 0;
	fclose(errors);
	if (!good) {
		ft_config_free(next);
		return text;
	}
	free(text);
	ft_qmp_reconfigure(d->qmp, next);
	ft_hooks_reconfigure(d->hooks, next);
	ft_log_level(next->log_level);
	struct ft_core_params params = core_params(next, d->core.params.incarnation);
	ft_core_retime(&d->core, &params);
	ft_config_free(d->config);
	d->config = next;
	return NULL;
}

static char *reload_and_log(struct ft_daemon *d)
{
	char *faults = reload(d);
	if (!faults) {
		ft_log(FT_LOG_INFO, "config", "%s reloaded", d->config->path);
		return NULL;
	}
	char *copy = strdup(faults), *rest = copy;
	for (char *line; copy && (line = strsep(&rest, "\n"));)
		if (line[0])
			ft_log(FT_LOG_ERROR, "config", "%s", line);
	free(copy);
	ft_log(FT_LOG_ERROR, "config", "%s not reloaded: the old settings stay in force", d->config->path);
	return faults;
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	(void)what;
	struct ft_daemon *d = arg;
	struct timeval leave = ms(LEAVE_MS);
	switch (sig) {
	case SIGUSR1:
		ft_log(FT_LOG_WARN, "main", "SIGUSR1: forced failover");
		feed(d, &(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_SIGNAL});
		break;
	case SIGHUP:
		free(reload_and_log(d));
		break;
	default:
		ft_log(FT_LOG_INFO, "main", "asked to stop (signal %d)", (int)sig);
		evtimer_add(d->leave_timer, &leave);
		feed(d, &(struct ft_event){.kind = FT_EVENT_LEAVE});
	}
}

static void verb_failover(struct ft_daemon *d, struct ft_call *call)
{
	if (d->n_calls == CALLS_MAX) {
		ft_call_answer(call, 1, NULL, "too many are waiting for a failover already");
		return;
	}
	ft_log(FT_LOG_WARN, "control", "ftctl failover: forced failover");
	d->calls[d->n_calls++] = call;
	feed(d, &(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR});
}

struct check_call {
	struct ft_daemon *d;
	struct ft_call *call;
	char disk_error[FT_TEXT_MAX];
};

static void check_arbiter_done(void *arg, const char *fault, const char *warning)
{
	struct check_call *c = arg;
	struct ft_status_source source = status_source(c->d);
	ft_call_answer(c->call, 0, ft_check_json(&source, c->disk_error, fault, warning), NULL);
	free(c);
}

static void check_disk_done(void *arg, const char *error)
{
	struct check_call *c = arg;
	snprintf(c->disk_error, sizeof c->disk_error, "%s", error);
	if (c->d->exclusion)
		ft_exclusion_check(c->d->exclusion, check_arbiter_done, c);
	else
		check_arbiter_done(c, "", "");
}

static void verb_check(struct ft_daemon *d, struct ft_call *call)
{
	struct check_call *c = malloc(sizeof *c);
	if (!c) {
		ft_call_answer(call, 1, NULL, "out of memory");
		return;
	}
	*c = (struct check_call){.d = d, .call = call};
	ft_scribe_replace(d->scribe, "check", "ftctl check\n", 12, DISK_MS, check_disk_done, c);
}

static void on_may_start_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	answer_may_start(arg, true);
}

static void verb_may_start(struct ft_daemon *d, const json_t *request, struct ft_call *call)
{
	if (d->may_start) {
		ft_call_answer(call, 1, NULL, "somebody else waits for this answer already; try again");
		return;
	}
	struct timeval limit = ms(MAY_START_MS);
	d->may_start = call;
	d->confirm_fenced = json_is_true(json_object_get(request, "confirm_fenced"));
	evtimer_add(d->may_start_timer, &limit);
	/* A fence keeps no register: a claim would power the other host off at every start here. */
	bool may_claim = d->config->arbiter.type != FT_ARBITER_FENCE;
	feed(d, &(struct ft_event){.kind = may_claim ? FT_EVENT_WANT_START : FT_EVENT_TIME});
}

static void verb_reload(struct ft_daemon *d, struct ft_call *call)
{
	char *faults = reload_and_log(d);
	ft_call_answer(call, faults ? 2 : 0, NULL, faults);
	free(faults);
}

static void verb_last(struct ft_daemon *d, const json_t *request, struct ft_call *call)
{
	size_t have = json_array_size(d->outcomes);
	json_int_t wanted = json_integer_value(json_object_get(request, "count"));
	size_t n = wanted < 1 ? 1 : (size_t)wanted;
	json_t *result = json_array();
	for (size_t i = have > n ? have - n : 0; i < have; i++)
		json_array_append(result, json_array_get(d->outcomes, i));
	ft_call_answer(call, 0, result, NULL);
}

/* What earlier ftd left. Read once, before any heartbeat waits for us. */
static json_t *earlier_outcomes(const char *state_dir)
{
	int damaged = 0;
	json_t *outcomes = ft_outcomes_read(state_dir, OUTCOMES_KEPT, &damaged);
	if (!outcomes)
		ft_log(FT_LOG_ERROR, "report", "cannot read %s/%s: %s", state_dir, OUTCOMES_FILE, strerror(errno));
	if (damaged)
		ft_log(FT_LOG_WARN, "report", "%s/%s: %d damaged lines skipped", state_dir, OUTCOMES_FILE, damaged);
	return outcomes ? outcomes : json_array();
}

static void on_verb(void *arg, const char *verb, const json_t *request, struct ft_call *call)
{
	struct ft_daemon *d = arg;
	struct ft_status_source source = status_source(d);
	if (strcmp(verb, "status") == 0)
		ft_call_answer(call, 0, ft_status_json(&source), NULL);
	else if (strcmp(verb, "check") == 0)
		verb_check(d, call);
	else if (strcmp(verb, "failover") == 0)
		verb_failover(d, call);
	else if (strcmp(verb, "last") == 0)
		verb_last(d, request, call);
	else if (strcmp(verb, "may-start") == 0)
		verb_may_start(d, request, call);
	else if (strcmp(verb, "reload") == 0)
		verb_reload(d, call);
	else
		ft_call_answer(call, 2, NULL,
		               "unknown verb; this ftd knows status, check, failover, last, may-start, reload");
}

/* ---- life ---- */

static bool make_events(struct ft_daemon *d)
{
	d->core_timer = evtimer_new(d->base, on_core_timer, d);
	d->leave_timer = evtimer_new(d->base, on_leave_timer, d);
	d->may_start_timer = evtimer_new(d->base, on_may_start_timer, d);
	d->goodbye_timer = evtimer_new(d->base, on_goodbye_timer, d);
	d->watchdog_timer = event_new(d->base, -1, EV_PERSIST, on_watchdog_timer, d);
	bool good = d->core_timer && d->leave_timer && d->may_start_timer && d->goodbye_timer && d->watchdog_timer;
	for (int i = 0; i < N_SIGNALS && good; i++) {
		d->signal_events[i] = evsignal_new(d->base, signals[i], on_signal, d);
		good = d->signal_events[i] && evsignal_add(d->signal_events[i], NULL) == 0;
	}
	return good;
}

/* The children first: they are forked, and should hold as little of us as possible. */
static bool make_children(struct ft_daemon *d, struct ft_session *session, FILE *errors)
{
	static const struct ft_exclusion_callbacks exclusion = {
	    .stored = on_stored,
	    .claimed = on_claimed,
	    .looked = on_looked,
	    .sentinel_froze = on_sentinel_froze,
	};
	d->scribe = ft_scribe_new(d->base, d->config->state_dir, errors);
	if (!d->scribe || d->config->arbiter.type == FT_ARBITER_NONE)
		return d->scribe != NULL;
	d->exclusion = ft_exclusion_new(d->base, d->config, d->scribe, &exclusion, d, session, errors);
	return d->exclusion != NULL;
}

static bool make_shells(struct ft_daemon *d, uint64_t incarnation, FILE *errors)
{
	static const struct ft_links_callbacks links = {
	    .self = on_self,
	    .news = on_news,
	    .acked = on_acked,
	    .hearing = on_hearing,
	    .refused = on_refused,
	    .stalled = on_stalled,
	};
	static const struct ft_qmp_callbacks qmp = {
	    .view = on_view,
	    .colo_exit = on_colo_exit,
	    .checkpoint = on_checkpoint,
	    .hung = on_hung,
	    .plan_done = on_plan_done,
	    .plan_finished = on_plan_finished,
	};
	d->control = ft_control_new(d->base, d->config, on_verb, d, errors);
	if (!d->control)
		return false;
	d->links = ft_links_new(d->base, d->config, incarnation, &links, d, errors);
	if (!d->links)
		return false;
	d->hooks = ft_hooks_new(d->base, d->config);
	d->freezer = ft_freezer_new(d->base, on_frozen, d);
	d->qmp = ft_qmp_new(d->base, d->config, &qmp, d);
	return d->hooks && d->freezer && d->qmp;
}

struct ft_daemon *ft_daemon_new(struct ft_config *config, FILE *errors)
{
	struct ft_daemon *d = calloc(1, sizeof *d);
	if (!d) {
		ft_config_free(config);
		return NULL;
	}
	d->config = config;
	d->exit_code = 1;
	d->outcomes = earlier_outcomes(config->state_dir);
	uint64_t incarnation;
	do
		randombytes_buf(&incarnation, sizeof incarnation);
	while (incarnation == 0);
	struct ft_core_params params = core_params(config, incarnation);
	d->base = event_base_new();
	bool good = d->base && make_events(d) && make_children(d, &params.session, errors);
	ft_core_init(&d->core, &params, ft_clock_now());
	if (!good || !make_shells(d, incarnation, errors)) {
		ft_daemon_free(d);
		return NULL;
	}
	return d;
}

int ft_daemon_run(struct ft_daemon *d)
{
	ft_log(FT_LOG_INFO, "main", "ftd %s, incarnation %016llx, %d links, heartbeat %d ms x %d, arbiter %s",
	       FT_VERSION, (unsigned long long)d->core.params.incarnation, d->config->n_links, d->config->interval_ms,
	       d->config->lost_after, ft_arbiter_word(d->config->arbiter.type));
	if (!d->exclusion)
		ft_log(FT_LOG_WARN, "main", "arbiter type none: nothing excludes two masters in a partition");
	uint64_t us = ft_service_watchdog_us();
	if (us) {
		struct timeval every = {.tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000)};
		event_add(d->watchdog_timer, &every);
	}
	ft_service_ready();
	feed(d, &(struct ft_event){.kind = FT_EVENT_TIME});
	if (event_base_dispatch(d->base) != 0)
		ft_log(FT_LOG_ERROR, "main", "the event loop failed");
	ft_log(FT_LOG_INFO, "main", "leaving with exit code %d; QEMU is left as it is", d->exit_code);
	return d->exit_code;
}

static void free_event(struct event *e)
{
	if (e)
		event_free(e);
}

void ft_daemon_free(struct ft_daemon *d)
{
	for (int i = 0; i < d->n_calls; i++)
		ft_call_answer(d->calls[i], 1, NULL, "ftd is leaving");
	if (d->may_start)
		ft_call_answer(d->may_start, 1, NULL, "ftd is leaving");
	/* What waits for the disk looks at the others when it is told. */
	if (d->scribe)
		ft_scribe_free(d->scribe, 2000);
	ft_exclusion_free(d->exclusion, ft_core_lease(&d->core) != FT_NEVER);
	if (d->control)
		ft_control_free(d->control);
	if (d->hooks)
		ft_hooks_free(d->hooks, 1000);
	if (d->qmp)
		ft_qmp_free(d->qmp);
	ft_freezer_free(d->freezer);
	if (d->links)
		ft_links_free(d->links);
	for (int i = 0; i < N_SIGNALS; i++)
		free_event(d->signal_events[i]);
	free_event(d->core_timer);
	free_event(d->leave_timer);
	free_event(d->may_start_timer);
	free_event(d->goodbye_timer);
	free_event(d->watchdog_timer);
	if (d->base)
		event_base_free(d->base);
	json_decref(d->outcomes);
	json_decref(d->pending_outcome);
	ft_config_free(d->config);
	free(d);
}
