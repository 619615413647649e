/* The loop that feeds the decision core: its life, and what the shells tell. */
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "process/instance.h"
#include "store/session_file.h"
#include "supervisor/daemon_internal.h"
#include "supervisor/herald.h"
#include "supervisor/service.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define HERALD_MS        1000 /* for an earlier ftd's to end */
#define GOODBYE_EVERY_MS 10   /* between the heartbeats that say goodbye */

static const int signals[FT_SIGNALS] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};

struct ft_status_source ft_daemon_status(const struct ft_daemon *d)
{
	return (struct ft_status_source){
	    .config = d->config,
	    .core = &d->core,
	    .hub = ft_links_hub(d->links),
	    .qemu = ft_qmp_view(d->qmp),
	    .plan = ft_qmp_plan(d->qmp),
	    .doubts = ft_qmp_doubts(d->qmp),
	    .process = ft_daemon_process(d),
	    .exclusion = d->exclusion,
	    .missed = d->missed,
	    .missed_at = d->missed_at,
	    .last_outcome = json_array_get(d->outcomes, json_array_size(d->outcomes) - 1),
	    .now = ft_clock_now(),
	    .wall = ft_clock_wall(),
	};
}

const struct ft_process *ft_daemon_process(const struct ft_daemon *d)
{
	/* Whoever listens may have passed the socket on: until QEMU has spoken, the session knows better. */
	const struct ft_qemu_view *view = ft_qmp_view(d->qmp);
	bool spoken = view->pid_verified || view->connected;
	return !spoken && ft_process_alive(&d->found) ? &d->found : ft_qmp_process(d->qmp);
}

static uint32_t hash(uint32_t h, const void *bytes, size_t n)
{
	for (const uint8_t *b = bytes; n-- > 0; b++) /* FNV-1a */
		h = (h ^ *b) * UINT32_C(16777619);
	return h;
}

/* Address and port.  (A scope is one host's own number.) */
static uint32_t name_of_end(const struct sockaddr_storage *a)
{
	const struct sockaddr_in *four = (const void *)a;
	const struct sockaddr_in6 *six = (const void *)a;
	uint32_t h = UINT32_C(2166136261);
	if (a->ss_family == AF_INET)
		return hash(hash(h, &four->sin_addr, sizeof four->sin_addr), &four->sin_port, sizeof four->sin_port);
	return hash(hash(h, &six->sin6_addr, sizeof six->sin6_addr), &six->sin6_port, sizeof six->sin6_port);
}

/* The same on both hosts, where one's end is local and the other's is the peer's. */
static uint32_t name_of_link(const struct ft_link_settings *link)
{
	uint32_t local = name_of_end(&link->local), peer = name_of_end(&link->peer);
	uint32_t lower = local < peer ? local : peer, upper = local < peer ? peer : local;
	return hash(hash(UINT32_C(2166136261), &lower, sizeof lower), &upper, sizeof upper);
}

static void place_of(const struct ft_arbiter_settings *a, char out[FT_PLACE_MAX])
{
	if (a->type == FT_ARBITER_FILE)
		snprintf(out, FT_PLACE_MAX, "%.*s", FT_PLACE_MAX - 1, a->path);
	else if (a->type == FT_ARBITER_ETCD)
		snprintf(out, FT_PLACE_MAX, "%.30s at %.28s", a->prefix, a->endpoints[0]);
	for (char *c = out; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

/* Our side of what both must share. */
static struct ft_share share_of(const struct ft_config *config)
{
	struct ft_share s = {
	    .arbiter = (uint8_t)(1 + config->arbiter.type),
	    .guard_ms = (uint32_t)config->guard_ms,
	    .n_links = config->heartbeat.n_links,
	};
	for (int i = 0; i < config->heartbeat.n_links; i++)
		s.links[i] = name_of_link(&config->heartbeat.links[i]);
	place_of(&config->arbiter, s.place);
	return s;
}

struct ft_core_params ft_daemon_core_params(const struct ft_config *config, uint64_t incarnation)
{
	struct ft_core_params p = {
	    .incarnation = incarnation,
	    .interval = config->heartbeat.interval_ms * FT_NS_PER_MS,
	    .window = (int64_t)config->heartbeat.interval_ms * config->heartbeat.lost_after * FT_NS_PER_MS,
	    .reply_timeout = config->qmp.reply_timeout_ms * FT_NS_PER_MS,
	};
	memcpy(p.node, config->node, sizeof p.node);
	p.arbitrated = config->arbiter.type != FT_ARBITER_NONE;
	p.registers = p.arbitrated && config->arbiter.type != FT_ARBITER_FENCE;
	p.fenced = p.registers && config->arbiter.fence.agent[0];
	p.guard = config->guard_ms * FT_NS_PER_MS;
	p.share = share_of(config);
	randombytes_buf(p.seed, sizeof p.seed);
	return p;
}

/* Names the QEMU process for ever; 1 for one that answers and whose process is not known. */
static uint64_t instance_of(struct ft_daemon *d)
{
	pid_t pid = ft_daemon_process(d)->pid;
	if (pid != d->instance_pid) {
		d->instance_pid = pid;
		d->instance = pid ? ft_instance_of(pid) : 0;
	}
	return pid ? d->instance : ft_qmp_view(d->qmp)->connected ? 1 : 0;
}

bool ft_daemon_process_is_qemu(struct ft_daemon *d)
{
	bool shown = ft_qmp_view(d->qmp)->pid_verified || ft_daemon_process(d) == &d->found;
	uint64_t instance = instance_of(d);
	/* The session's was shown to be QEMU before it was bound, or stopped. */
	return shown ||
	       (instance != 0 && (instance == d->core.session.instance || instance == d->core.session.yielded));
}

static void forget_found(struct ft_daemon *d)
{
	ft_deathwatch_free(d->found_watch);
	d->found_watch = NULL;
	ft_process_close(&d->found);
}

/* Whether a sentinel is on guard over QEMU. */
static bool publish(struct ft_daemon *d)
{
	const struct ft_process *process = ft_daemon_process(d);
	uint64_t instance = instance_of(d);
	int64_t lease = ft_core_lease_of(&d->core, instance);
	/* Of a QEMU that has said nothing, in a session that cannot be read, only an earlier sentinel knows the limit. */
	bool known = lease != FT_NEVER || ft_qmp_view(d->qmp)->connected || ft_core_sets_free(&d->core, instance);
	return !d->exclusion || ft_exclusion_publish(d->exclusion, process, lease, known);
}

bool ft_daemon_stood_still(struct ft_daemon *d)
{
	if (!d->exclusion || !ft_pulse_hypervisor())
		return false;
	struct ft_pulse_reading reading = ft_pulse_read();
	int64_t missed = ft_pulse_missed(&d->pulse, &reading);
	if (missed == 0)
		return false;
	d->missed = missed;
	d->missed_at = reading.now;
	ft_log_surely(
	    FT_LOG_ERROR, "core",
	    "this host's clocks stood still for %.0f ms or more: it is a virtual machine that was paused or moved (or "
	    "its wall clock was set); what was granted before is over, and if the peer has taken over, two guests have "
	    "run since this one woke",
	    (double)missed / 1e6);
	return true;
}

static void feed(struct ft_daemon *d, const struct ft_event *event)
{
	struct ft_actions actions;
	ft_core_step(&d->core, event, ft_clock_now(), &actions);
	publish(d); /* before anything is said or done that rests on it */
	for (int i = 0; i < actions.n; i++)
		ft_daemon_act(d, &actions.a[i]);
	if (d->thaw_refused) {
		d->thaw_refused = false;
		enum ft_event_kind kind = d->stood_still ? FT_EVENT_STOOD_STILL : FT_EVENT_TIME;
		feed(d, &(struct ft_event){.kind = kind, .at = d->missed});
	}
	if (d->may_start)
		ft_daemon_answer_may_start(d, false);
	ft_timer_set(d->core_timer, ft_core_deadline(&d->core));
}

static void look_at_clocks(struct ft_daemon *d)
{
	if (ft_daemon_stood_still(d))
		feed(d, &(struct ft_event){.kind = FT_EVENT_STOOD_STILL, .at = d->missed});
}

/* First of all what makes void what the event may rest on: an acknowledgement that came in before we were paused. */
void ft_daemon_feed(struct ft_daemon *d, const struct ft_event *event)
{
	look_at_clocks(d);
	feed(d, event);
}

/* ---- what the shells tell ---- */

static void on_core_timer(void *arg)
{
	struct ft_daemon *d = arg;
	ft_links_catch_up(d->links); /* after a stall of ours the peer may have been heard meanwhile */
	ft_qmp_catch_up(d->qmp);     /* and QEMU */
	ft_daemon_feed(d, &(struct ft_event){.kind = FT_EVENT_TIME});
}

static const struct ft_side *on_self(void *arg)
{
	struct ft_daemon *d = arg;
	return &d->core.self;
}

static bool on_news(void *arg, const struct ft_beat *peer, bool new_incarnation, int64_t now)
{
	(void)now;
	struct ft_daemon *d = arg;
	if (peer->side.repl_broken)
		ft_qmp_ask_death(d->qmp); /* what it saw may be our QEMU's end */
	struct ft_peer_news news = {.incarnation = peer->incarnation, .side = peer->side};
	memcpy(news.node, peer->node, sizeof news.node);
	if (d->exclusion)
		ft_exclusion_meet(d->exclusion, peer->node);
	if (new_incarnation)
		ft_log(FT_LOG_INFO, "heartbeat", "peer %s heard, incarnation %016llx, state %s", peer->node,
		       (unsigned long long)peer->incarnation, ft_state_name(peer->side.state));
	if (!ft_side_possible(&peer->side))
		ft_log(FT_LOG_WARN, "heartbeat",
		       "peer %s contradicts itself (%s, its QEMU %s%s%s): what it says of its QEMU is not believed",
		       peer->node, ft_state_name(peer->side.state), ft_vm_name(peer->side.vm),
		       peer->side.dying ? ", dying" : "", peer->side.proven ? ", its guest runs" : "");
	ft_daemon_feed(d, &(struct ft_event){.kind = FT_EVENT_PEER, .peer = &news});
	return true;
}

static void tell_link(struct ft_daemon *d, int i, const struct ft_diagnosis *g)
{
	const struct ft_link_settings *c = &d->config->heartbeat.links[i];
	bool well = g->state == FT_LINK_UP && g->kind == 0;
	char text[4 * FT_TEXT_MAX];
	snprintf(text, sizeof text, "link %d, %s -> %s, is %s%s%s%s%s", i + 1, c->local_text, c->peer_text,
	         ft_link_state_name(g->state), g->what[0] ? ": " : "", g->what, g->fix[0] ? "; " : "", g->fix);
	ft_log(well ? FT_LOG_INFO : FT_LOG_WARN, "heartbeat", "%s", text);
	ft_daemon_tell(d, "link", text);
}

static void look_at_links(struct ft_daemon *d, int64_t now)
{
	struct ft_diagnosis g;
	if (now < d->links_looked_at + FT_LOOK_NS)
		return;
	d->links_looked_at = now;
	ft_log_tell_left_out();
	for (int i = 0; i < d->config->heartbeat.n_links; i++)
		if (ft_link_news(&d->link_news, ft_links_hub(d->links), i, now, &g))
			tell_link(d, i, &g);
}

static bool on_due(void *arg, int64_t now)
{
	struct ft_daemon *d = arg;
	look_at_clocks(d); /* who is cut off when it wakes is told of nothing else before its right has ended */
	ft_qmp_look(d->qmp);
	look_at_links(d, now);
	return true;
}

static bool on_acked(void *arg, int64_t sent, int64_t now)
{
	(void)now;
	ft_daemon_feed(arg, &(struct ft_event){.kind = FT_EVENT_ACK, .at = sent});
	return true;
}

static bool on_hearing(void *arg, enum ft_hearing hearing, int64_t now)
{
	(void)now;
	static const enum ft_peer_hearing map[] = {
	    [FT_HEARING_NEVER] = FT_PEER_NEVER,
	    [FT_HEARING_ALIVE] = FT_PEER_ALIVE,
	    [FT_HEARING_QUIET] = FT_PEER_QUIET,
	    [FT_HEARING_LOST] = FT_PEER_LOST,
	};
	struct ft_daemon *d = arg;
	if (hearing == FT_HEARING_LOST && d->core.peer_known && d->core.peer.side.leaving)
		ft_log(FT_LOG_INFO, "heartbeat", "peer %s's ftd, which was asked to stop, has gone", d->core.peer.node);
	else if (hearing == FT_HEARING_LOST)
		ft_log(FT_LOG_WARN, "heartbeat", "peer lost: nothing heard on any of %d links",
		       d->config->heartbeat.n_links);
	else if (d->core.hearing == FT_PEER_LOST)
		ft_log(FT_LOG_WARN, "heartbeat", "peer heard again");
	ft_daemon_feed(d, &(struct ft_event){
	                      .kind = FT_EVENT_HEARING,
	                      .hearing = map[hearing],
	                      .heard_at = ft_detector_last_heard(&ft_links_hub(d->links)->detector),
	                  });
	return true;
}

static bool on_refused(void *arg, int link, int64_t now)
{
	(void)now;
	ft_daemon_feed(arg, &(struct ft_event){.kind = FT_EVENT_REFUSED, .link = link});
	return true;
}

static bool on_foreign(void *arg, int version, int64_t now)
{
	(void)now;
	ft_log(
	    FT_LOG_WARN, "heartbeat",
	    "the peer's heartbeats are of version %d, and this ftd understands %d alone: upgrade the older of the two",
	    version, FT_WIRE_VERSION);
	ft_daemon_feed(arg, &(struct ft_event){.kind = FT_EVENT_VERSION, .version = version});
	return true;
}

static bool on_stalled(void *arg, int64_t gap, int64_t now)
{
	(void)now;
	ft_log(FT_LOG_WARN, "heartbeat",
	       "this ftd did not run for %.0f ms (stopped, starved or suspended): the peer's silence is counted anew",
	       (double)gap / 1e6);
	ft_daemon_feed(arg, &(struct ft_event){.kind = FT_EVENT_STALLED});
	return true;
}

static void on_view(void *arg, const struct ft_qemu_view *view, int64_t now)
{
	(void)now;
	struct ft_daemon *d = arg;
	if (view->pid_verified)
		forget_found(d);
	const struct ft_process *process = ft_daemon_process(d);
	bool found = process == &d->found;
	/* Looked at before a sentinel is given it. */
	bool stopped = !view->connected && process->pid != 0 && ft_process_stopped(process);
	bool guarded = publish(d);
	struct ft_qemu_facts q = {
	    .connected = view->connected,
	    .oob = view->oob,
	    .plan_ready = view->plan_ready,
	    .plan_doubted = view->plan_doubted,
	    .pid_verified = (view->pid_verified || found) && (!d->exclusion || ft_exclusion_may_stop(d->exclusion)),
	    .unguarded = !guarded,
	    .stopped = stopped,
	    .running = strcmp(view->status, "running") == 0,
	    .incoming = strcmp(view->status, "inmigrate") == 0,
	    .instance = instance_of(d),
	    .vm = found ? FT_VM_ALIVE : view->vm,
	    .role = view->role,
	    .last_role = view->last_role,
	    .checkpoint_ms = view->checkpoint_ms,
	    .emulator = view->emulator,
	};
	snprintf(q.fault, sizeof q.fault, "%s", view->plan_fault);
	ft_daemon_feed(d, &(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &q});
}

/* Who is on guard has changed: the core hears of QEMU anew. */
static void on_guard_changed(void *arg)
{
	struct ft_daemon *d = arg;
	on_view(d, ft_qmp_view(d->qmp), ft_clock_now());
}

/* QMP may not know that it was QEMU, and so not tell. */
static void on_found_died(void *arg, bool dead)
{
	(void)dead;
	struct ft_daemon *d = arg;
	ft_log(FT_LOG_WARN, "core", "the session's QEMU (process %d) has died, and had not answered",
	       (int)d->found.pid);
	forget_found(d);
	struct ft_qemu_facts q = {.vm = FT_VM_GONE};
	if (d->core.qemu.instance == d->found_instance)
		ft_daemon_feed(d, &(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &q});
	on_view(d, ft_qmp_view(d->qmp), ft_clock_now());
}

/* The session names its QEMU.  One that an earlier ftd has frozen answers nothing, and must be known all the same; and one
 * whose socket is gone is not absent: a peer that is told so takes over beside it. */
static void find_qemu_of_session(struct ft_daemon *d)
{
	const struct ft_session *s = &d->core.session;
	pid_t yielded = s->yielded ? ft_instance_find(s->yielded) : 0;
	pid_t pid = yielded == 0 && s->instance ? ft_instance_find(s->instance) : yielded;
	if (pid == 0 || ft_process_open(pid, &d->found) != 0)
		return;
	d->found_instance = yielded ? s->yielded : s->instance;
	d->found_watch = ft_deathwatch_new(d->base, d->timers, &d->found, on_found_died, d);
	on_view(d, ft_qmp_view(d->qmp), ft_clock_now());
}

static void on_colo_exit(void *arg, const char *mode, const char *reason, int64_t now)
{
	(void)now;
	char text[FT_TEXT_MAX];
	snprintf(text, sizeof text, "%s,%s", mode, reason);
	ft_log(FT_LOG_WARN, "qmp", "COLO_EXIT{%s}", text);
	bool error = strcmp(reason, "error") == 0;
	ft_daemon_feed(arg, &(struct ft_event){.kind = FT_EVENT_COLO_EXIT, .error = error, .text = text});
}

static void on_disk(void *arg, bool own, const char *what, int64_t now)
{
	(void)now;
	ft_daemon_feed(arg, &(struct ft_event){.kind = FT_EVENT_DISK, .error = own, .text = what});
}

static void on_shutdown(void *arg, const char *reason, int64_t now)
{
	(void)now;
	if (reason)
		ft_log(FT_LOG_WARN, "qmp", "SHUTDOWN{%s}", reason);
	ft_daemon_feed(arg, &(struct ft_event){
	                        .kind = FT_EVENT_SHUTDOWN,
	                        .ending = reason ? ft_ending_of(reason) : FT_ENDING_NOT,
	                        .text = reason,
	                    });
}

static void on_checkpoint(void *arg, int64_t took, int64_t now)
{
	(void)now;
	ft_daemon_feed(arg, &(struct ft_event){.kind = FT_EVENT_CHECKPOINT, .at = took});
}

static void on_hung(void *arg, const char *evidence, int64_t now)
{
	(void)now;
	ft_log(FT_LOG_ERROR, "qmp", "our QEMU hangs: %s", evidence);
	ft_daemon_feed(arg, &(struct ft_event){.kind = FT_EVENT_HUNG, .text = evidence});
}

static void on_plan_done(void *arg, const struct ft_plan_report *report, int64_t now)
{
	(void)now;
	ft_daemon_feed(arg, &(struct ft_event){.kind = FT_EVENT_PLAN, .plan = report});
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
	if (error && ft_freezer_outlived(d->freezer))
		ft_log(FT_LOG_INFO, "core", "QEMU has ended before it stood still");
	else if (error)
		ft_log(FT_LOG_ERROR, "core", "freezing QEMU failed: %s", error);
	if (error)
		ft_qmp_set_frozen(d->qmp, false);
	ft_daemon_feed(d, &(struct ft_event){.kind = FT_EVENT_FROZEN, .error = error != NULL, .text = error});
}

static void on_stored(void *arg, const char *error)
{
	ft_daemon_feed(arg, &(struct ft_event){.kind = FT_EVENT_STORED, .error = error[0] != '\0', .text = error});
}

static void on_claimed(void *arg, enum ft_claim result, const char *text)
{
	struct ft_daemon *d = arg;
	bool verdict = d->core.errand == FT_ERRAND_VERDICT || d->core.errand == FT_ERRAND_TAKE_VERDICT;
	ft_log_surely(FT_LOG_WARN, "core", "%s of session %llu: %s%s%s", verdict ? "verdict" : "claim",
	              (unsigned long long)d->core.session.epoch, ft_claim_name(result), text[0] ? ", " : "", text);
	ft_daemon_feed(d, &(struct ft_event){.kind = FT_EVENT_CLAIM, .claim = result, .text = text});
}

static void on_fenced(void *arg, const char *error)
{
	ft_daemon_feed(arg, &(struct ft_event){.kind = FT_EVENT_FENCED, .error = error[0] != '\0', .text = error});
}

static void on_looked(void *arg, enum ft_claim result, const char *text)
{
	ft_daemon_feed(arg, &(struct ft_event){.kind = FT_EVENT_REGISTER, .claim = result, .text = text});
}

static void on_reach(void *arg, bool good, const char *what)
{
	struct ft_daemon *d = arg;
	char text[4 * FT_TEXT_MAX];
	snprintf(text, sizeof text, "%s%s", what, good ? "" : "; until it is, a failover may be held");
	ft_daemon_tell(d, "arbiter", text);
}

static void on_remembered(void *arg, enum ft_claim result, uint64_t epoch, const char *text)
{
	ft_daemon_feed(arg,
	               &(struct ft_event){.kind = FT_EVENT_REMEMBERED, .claim = result, .epoch = epoch, .text = text});
}

static void on_marked(void *arg, uint64_t found, const char *error)
{
	bool failed = error[0] != '\0';
	ft_daemon_feed(arg, &(struct ft_event){.kind = FT_EVENT_MARKED, .mark = found, .error = failed, .text = error});
}

/* If the lease was renewed at that very moment, QEMU stands still although it may run: the core did not ask for it.  It is
 * thawed whether it is seen stopped yet or not: a SIGSTOP on its way is taken back. */
static void on_sentinel_froze(void *arg, int64_t at)
{
	(void)at;
	struct ft_daemon *d = arg;
	ft_links_catch_up(d->links);
	ft_daemon_feed(d, &(struct ft_event){.kind = FT_EVENT_TIME});
	if (!ft_core_may_run(&d->core))
		return;
	ft_daemon_thaw(d);
	ft_daemon_feed(d, &(struct ft_event){.kind = FT_EVENT_TIME});
}

static void on_goodbye_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct ft_daemon *d = arg;
	if (!d->core.exited)
		return; /* taken back, since QEMU ends as well */
	if (d->goodbyes_left-- == 0) {
		event_base_loopexit(d->base, NULL);
		return;
	}
	ft_links_send_now(d->links);
	struct timeval next = ft_ms(GOODBYE_EVERY_MS);
	evtimer_add(d->goodbye_timer, &next);
}

static void on_leave_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct ft_daemon *d = arg;
	ft_log(FT_LOG_ERROR, "main", "asked to stop %d s ago, and a failover is still under way: leaving it",
	       FT_LEAVE_MS / 1000);
	event_base_loopexit(d->base, NULL);
}

static void on_watchdog_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	ft_service_alive();
}

/* A hook must not take the last process that can be had. */
static bool on_may_run_hook(void *arg)
{
	struct ft_daemon *d = arg;
	return ft_exclusion_reserved(d->exclusion);
}

/* What earlier ftd left. Read once, before any heartbeat waits for us. */
static json_t *earlier_outcomes(const char *state_dir)
{
	int damaged = 0;
	json_t *outcomes = ft_outcomes_read(state_dir, FT_OUTCOMES_KEPT, &damaged);
	if (!outcomes)
		ft_log(FT_LOG_ERROR, "report", "cannot read %s/%s: %s", state_dir, FT_OUTCOMES_FILE,
		       ft_file_error(errno));
	if (damaged)
		ft_log(FT_LOG_WARN, "report", "%s/%s: %d damaged lines skipped", state_dir, FT_OUTCOMES_FILE, damaged);
	return outcomes ? outcomes : json_array();
}

/* Whether a success of this session was told: by either file, since people rotate the outcomes away.  One that cannot be read
 * is taken for yes: better none than two. */
static void find_success(struct ft_daemon *d, struct ft_core_params *p)
{
	const char *state_dir = d->config->state_dir;
	bool read = ft_outcomes_announced(state_dir, p->recorded) == 0;
	if (read && memcmp(p->recorded, p->session.id, sizeof p->recorded) == 0)
		return;
	if (!read || ft_outcomes_newest_success(state_dir, p->recorded) != 0)
		memcpy(p->recorded, p->session.id, sizeof p->recorded);
	else if (d->exclusion && memcmp(p->recorded, p->session.id, sizeof p->recorded) == 0)
		ft_daemon_note_announced(d,
		                         p->recorded); /* an earlier version, or a crash right after it was written */
}

/* ---- life ---- */

static bool make_events(struct ft_daemon *d)
{
	d->timers = ft_timers_new(d->base);
	d->core_timer = d->timers ? ft_timer_new(d->timers, on_core_timer, d) : NULL;
	d->leave_timer = evtimer_new(d->base, on_leave_timer, d);
	d->may_start_timer = evtimer_new(d->base, ft_daemon_on_may_start_timer, d);
	d->reload_timer = evtimer_new(d->base, ft_daemon_on_reload_timer, d);
	d->goodbye_timer = evtimer_new(d->base, on_goodbye_timer, d);
	d->watchdog_timer = event_new(d->base, -1, EV_PERSIST, on_watchdog_timer, d);
	bool good = d->core_timer && d->leave_timer && d->may_start_timer && d->reload_timer && d->goodbye_timer &&
	            d->watchdog_timer;
	for (int i = 0; i < FT_SIGNALS && good; i++) {
		d->signal_events[i] = evsignal_new(d->base, signals[i], ft_daemon_on_signal, d);
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
	    .fenced = on_fenced,
	    .looked = on_looked,
	    .marked = on_marked,
	    .remembered = on_remembered,
	    .sentinel_froze = on_sentinel_froze,
	    .guard_changed = on_guard_changed,
	    .reach = on_reach,
	};
	ft_herald_relieve(d->config->state_dir, HERALD_MS);
	d->writer = ft_writer_new(d->base, d->config->state_dir, errors);
	if (!d->writer || d->config->arbiter.type == FT_ARBITER_NONE)
		return d->writer != NULL;
	d->exclusion = ft_exclusion_new(d->base, d->config, d->writer, &exclusion, d, session, errors);
	return d->exclusion != NULL;
}

static bool make_shells(struct ft_daemon *d, uint64_t incarnation, FILE *errors)
{
	static const struct ft_turn_callbacks links = {
	    .self = on_self,
	    .news = on_news,
	    .acked = on_acked,
	    .hearing = on_hearing,
	    .refused = on_refused,
	    .foreign = on_foreign,
	    .stalled = on_stalled,
	    .due = on_due,
	};
	static const struct ft_qmp_callbacks qmp = {
	    .view = on_view,
	    .colo_exit = on_colo_exit,
	    .checkpoint = on_checkpoint,
	    .hung = on_hung,
	    .plan_done = on_plan_done,
	    .plan_finished = on_plan_finished,
	    .disk = on_disk,
	    .shutdown = on_shutdown,
	};
	d->control = ft_control_new(d->base, d->config, ft_daemon_on_verb, d, errors);
	if (!d->control)
		return false;
	d->links = ft_links_new(d->base, d->timers, &d->config->heartbeat, incarnation, &links, d, errors);
	if (!d->links)
		return false;
	d->children = ft_children_new(d->base);
	d->hooks = ft_hooks_new(d->base, &d->config->hook);
	if (d->hooks && d->exclusion)
		ft_hooks_yield_to(d->hooks, on_may_run_hook, d);
	d->freezer = ft_freezer_new(d->base, on_frozen, d);
	d->qmp = ft_qmp_new(d->base, d->timers, &d->config->qmp, &qmp, d);
	return d->hooks && d->freezer && d->qmp;
}

struct ft_daemon *ft_daemon_new(struct ft_config *config, bool fresh, FILE *errors)
{
	struct ft_daemon *d = calloc(1, sizeof *d);
	if (!d) {
		ft_config_free(config);
		return NULL;
	}
	d->config = config;
	d->exit_code = 1;
	d->missed_at = FT_NEVER;
	d->found = (struct ft_process)FT_PROCESS_NONE;
	d->outcomes = earlier_outcomes(config->state_dir);
	uint64_t incarnation;
	do
		randombytes_buf(&incarnation, sizeof incarnation);
	while (incarnation == 0);
	struct ft_core_params params = ft_daemon_core_params(config, incarnation);
	params.fresh = fresh;
	d->base = event_base_new();
	bool good = d->base && make_events(d) && make_children(d, &params.session, errors);
	if (good)
		find_success(d, &params);
	ft_core_init(&d->core, &params, ft_clock_now());
	if (!good || !make_shells(d, incarnation, errors)) {
		ft_daemon_free(d);
		return NULL;
	}
	return d;
}

/* Nobody here would see our QEMU end, and the peer has nothing to go on by but our word. */
static void leave_herald(struct ft_daemon *d)
{
	static struct ft_herald_word word;
	struct ft_side side;
	char *found = NULL, *resigned = NULL;
	if (!ft_core_last_word(&d->core, &side))
		return;
	if (d->exclusion) {
		struct ft_session session = d->core.session;
		found = ft_session_file_text(&session, d->config->pair, d->config->node);
		session.stage = FT_SESSION_RESIGNED;
		resigned = ft_session_file_text(&session, d->config->pair, d->config->node);
	}
	word = (struct ft_herald_word){.n_links = d->config->heartbeat.n_links, .found = found, .resigned = resigned};
	memcpy(word.links, d->config->heartbeat.links, sizeof word.links);
	for (int i = 0; i < word.n_links; i++)
		for (int k = 0; k < FT_HERALD_ROUNDS; k++)
			word.len[i][k] = ft_links_compose(d->links, i, &side, word.data[i][k]);
	if (!d->exclusion || (found && resigned))
		ft_herald_leave(&word, ft_daemon_process(d), d->config->state_dir);
	free(found);
	free(resigned);
}

int ft_daemon_run(struct ft_daemon *d)
{
	ft_log(FT_LOG_INFO, "main", "ftd %s, incarnation %016llx, %d links, heartbeat %d ms x %d, arbiter %s",
	       FT_VERSION, (unsigned long long)d->core.params.incarnation, d->config->heartbeat.n_links,
	       d->config->heartbeat.interval_ms, d->config->heartbeat.lost_after,
	       ft_arbiter_word(d->config->arbiter.type));
	if (ft_status_unfenced_guest(d->config))
		ft_log(FT_LOG_WARN, "main", "%s (%s)", FT_PAUSED_UNFENCED, ft_pulse_hypervisor());
	if (!d->exclusion)
		ft_log(FT_LOG_WARN, "main", "arbiter type none: nothing excludes two masters in a partition");
	uint64_t us = ft_service_watchdog_us();
	if (us) {
		struct timeval every = {.tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000)};
		event_add(d->watchdog_timer, &every);
	}
	ft_service_ready();
	if (d->exclusion)
		find_qemu_of_session(d);
	ft_daemon_feed(d, &(struct ft_event){.kind = FT_EVENT_TIME});
	if (event_base_dispatch(d->base) != 0)
		ft_log(FT_LOG_ERROR, "main", "the event loop failed");
	leave_herald(d);
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
	if (d->children)
		ft_children_free(d->children);
	/* What waits for the disk looks at the others when it is told, and may be the answer that an operator waits for. */
	if (d->writer)
		ft_writer_free(d->writer, 2000);
	for (int i = 0; i < d->n_calls; i++)
		ft_call_answer(d->calls[i], 1, NULL, "ftd is leaving");
	if (d->may_start)
		ft_call_answer(d->may_start, 1, NULL, "ftd is leaving");
	if (d->reload_call)
		ft_call_answer(d->reload_call, 1, NULL, "ftd is leaving");
	ft_exclusion_free(d->exclusion, ft_core_lease(&d->core) != FT_NEVER);
	if (d->control)
		ft_control_free(d->control);
	if (d->hooks)
		ft_hooks_free(d->hooks, 1000);
	if (d->qmp)
		ft_qmp_free(d->qmp);
	ft_freezer_free(d->freezer);
	forget_found(d);
	if (d->links)
		ft_links_free(d->links);
	for (int i = 0; i < FT_SIGNALS; i++)
		free_event(d->signal_events[i]);
	ft_timer_free(d->core_timer);
	ft_timers_free(d->timers);
	free_event(d->leave_timer);
	free_event(d->may_start_timer);
	free_event(d->reload_timer);
	free_event(d->goodbye_timer);
	free_event(d->watchdog_timer);
	if (d->base)
		event_base_free(d->base);
	json_decref(d->outcomes);
	json_decref(d->pending_outcome);
	free(d->success);
	ft_config_free(d->config);
	free(d);
}
