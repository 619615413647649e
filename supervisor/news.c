/* What the shells tell, as the events that the node is fed with. */
#include "base/clock.h"
#include "base/log.h"
#include "process/instance.h"
#include "supervisor/daemon_internal.h"

#include <string.h>

void ft_daemon_forget_found(struct ft_daemon *d)
{
	ft_deathwatch_free(d->found_watch);
	d->found_watch = NULL;
	ft_process_close(&d->found);
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
	return ft_node_peer(&d->node, peer);
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
	if (!ft_node_look_at_clocks(&d->node))
		return false;
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

static bool on_answered(void *arg, int64_t at, int64_t now)
{
	(void)now;
	ft_daemon_feed(arg, &(struct ft_event){.kind = FT_EVENT_ANSWERED, .at = at});
	return true;
}

static bool on_hearing(void *arg, enum ft_hearing hearing, int64_t now)
{
	(void)now;
	struct ft_daemon *d = arg;
	if (hearing == FT_HEARING_LOST && d->core.peer_known && d->core.peer.side.leaving)
		ft_log(FT_LOG_INFO, "heartbeat", "peer %s's ftd, which was asked to stop, has gone", d->core.peer.node);
	else if (hearing == FT_HEARING_LOST)
		ft_log(FT_LOG_WARN, "heartbeat", "peer lost: nothing heard on any of %d links",
		       d->config->heartbeat.n_links);
	else if (d->core.hearing == FT_PEER_LOST)
		ft_log(FT_LOG_WARN, "heartbeat", "peer heard again");
	return ft_node_hearing(&d->node, &ft_links_hub(d->links)->detector);
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
		ft_daemon_forget_found(d);
	const struct ft_process *process = ft_daemon_process(d);
	bool found = process == &d->found;
	struct ft_qemu_facts q = {
	    .connected = view->connected,
	    .oob = view->oob,
	    .plan_ready = view->plan_ready,
	    .plan_doubted = view->plan_doubted,
	    .pid_verified = view->pid_verified || found,
	    /* Looked at before a sentinel is given it. */
	    .stopped = !view->connected && process->pid != 0 && ft_process_stopped(process),
	    .running = strcmp(view->status, "running") == 0,
	    .incoming = strcmp(view->status, "inmigrate") == 0,
	    .instance = ft_daemon_instance(d),
	    .vm = found ? FT_VM_ALIVE : view->vm,
	    .role = view->role,
	    .last_role = view->last_role,
	    .checkpoint_ms = view->checkpoint_ms,
	    .emulator = view->emulator,
	};
	snprintf(q.fault, sizeof q.fault, "%s", view->plan_fault);
	ft_node_see(&d->node, &q);
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
	ft_daemon_forget_found(d);
	struct ft_qemu_facts q = {.vm = FT_VM_GONE};
	if (d->core.qemu.instance == d->found_instance)
		ft_daemon_feed(d, &(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &q});
	on_view(d, ft_qmp_view(d->qmp), ft_clock_now());
}

void ft_daemon_find_qemu(struct ft_daemon *d)
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

void ft_daemon_on_frozen(void *arg, const char *error)
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

static void on_sentinel_froze(void *arg, int64_t at)
{
	(void)at;
	ft_node_sentinel_froze(&((struct ft_daemon *)arg)->node);
}

const struct ft_turn_callbacks ft_daemon_links_tell = {
    .self = on_self,
    .news = on_news,
    .acked = on_acked,
    .answered = on_answered,
    .hearing = on_hearing,
    .refused = on_refused,
    .foreign = on_foreign,
    .stalled = on_stalled,
    .due = on_due,
};

const struct ft_qmp_callbacks ft_daemon_qmp_tells = {
    .view = on_view,
    .colo_exit = on_colo_exit,
    .checkpoint = on_checkpoint,
    .hung = on_hung,
    .plan_done = on_plan_done,
    .plan_finished = on_plan_finished,
    .disk = on_disk,
    .shutdown = on_shutdown,
};

const struct ft_exclusion_callbacks ft_daemon_exclusion_tells = {
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
