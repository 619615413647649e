/* `status` and `check` as JSON. */
#include "supervisor/status.h"

#include "base/realtime.h"
#include "heartbeat/diagnosis.h"
#include "qmp/plan.h"
#include "report/record.h"
#include "supervisor/nic.h"
#include "supervisor/pulse.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#define CLOCK_OFF_PPM 500 /* what ft.conf(5) has the guard's room for the clocks made of */

/* A time as wall-clock text, by the present difference of the two. */
static json_t *time_json(const struct ft_status_source *s, int64_t at)
{
	int64_t ago = s->now - at;
	int64_t ns = (int64_t)s->wall.tv_sec * 1000000000 + s->wall.tv_nsec - ago;
	char text[32];
	ft_time_text((struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000}, text);
	return json_string(text);
}

static json_t *age_json(const struct ft_status_source *s, int64_t at)
{
	return at == FT_NEVER ? json_null() : ft_ms_json(s->now - at);
}

static json_t *session_json(const struct ft_core *c)
{
	bool known = c->session.stage != FT_SESSION_NONE && c->session.stage != FT_SESSION_UNKNOWN;
	bool shared = memcmp(c->self.session, c->peer.side.session, sizeof c->self.session) == 0;
	return json_pack("{s:o, s:I, s:b, s:b, s:s, s:o}", "id", known ? ft_session_json(c->session.id) : json_null(),
	                 "epoch", (json_int_t)c->session.epoch, "accepted",
	                 c->session.stage == FT_SESSION_BOUND && shared, "doubtful", c->self.doubtful, "stage",
	                 ft_session_stage_name(c->session.stage), "winner", ft_text_json(c->session.winner));
}

static json_t *arbiter_json(const struct ft_status_source *s)
{
	const char *text = "";
	char unshared[FT_TEXT_MAX];
	ft_core_unshared(s->core, unshared);
	if (!s->exclusion)
		return json_pack("{s:s, s:n, s:s, s:o}", "type", "none", "reachable", "warning",
		                 "no arbiter: a partition can make two masters", "unshared", ft_text_json(unshared));
	const char *power_text = "";
	bool reachable = ft_exclusion_reachable(s->exclusion, &text);
	bool behind = s->config->arbiter.type != FT_ARBITER_FENCE && s->config->arbiter.fence.agent[0];
	bool power = ft_exclusion_power(s->exclusion, &power_text);
	json_t *fence =
	    behind ? json_pack("{s:b, s:o}", "reachable", power, "error", ft_text_json(power ? "" : power_text))
	           : json_null();
	return json_pack("{s:s, s:b, s:o, s:o, s:s, s:o}", "type", ft_arbiter_word(s->config->arbiter.type),
	                 "reachable", reachable, "error", ft_text_json(text), "fence", fence, "shared",
	                 ft_sharing_name(ft_core_sharing(s->core)), "unshared", ft_text_json(unshared));
}

static json_t *sentinel_json(const struct ft_status_source *s)
{
	if (!s->exclusion)
		return json_null();
	struct ft_guard_report r = ft_exclusion_guard_report(s->exclusion);
	bool overran = r.overrun_at != FT_NEVER;
	return json_pack("{s:o, s:b, s:b, s:o, s:o}", "pid", r.pid ? json_integer(r.pid) : json_null(), "on_guard",
	                 r.on_guard, "apart", r.apart, "overrun_ms", overran ? ft_ms_json(r.overrun) : json_null(),
	                 "overrun_at", overran ? time_json(s, r.overrun_at) : json_null());
}

static json_t *host_json(const struct ft_status_source *s)
{
	const char *under = ft_pulse_hypervisor();
	bool missed = s->missed_at != FT_NEVER;
	return json_pack("{s:o, s:o, s:o}", "hypervisor", under ? json_string(under) : json_null(), "stood_still_ms",
	                 missed ? ft_ms_json(s->missed) : json_null(), "stood_still_at",
	                 missed ? time_json(s, s->missed_at) : json_null());
}

bool ft_status_unfenced_guest(const struct ft_config *config)
{
	enum ft_arbiter_type type = config->arbiter.type;
	bool fenced = type == FT_ARBITER_FENCE || config->arbiter.fence.agent[0];
	return type != FT_ARBITER_NONE && !fenced && ft_pulse_hypervisor() != NULL;
}

static json_t *peer_json(const struct ft_status_source *s)
{
	const struct ft_core *c = s->core;
	if (!c->peer_known)
		return json_pack("{s:n, s:n, s:n, s:b, s:n}", "node", "state", "role", "alive", 0, "incarnation");
	char incarnation[17];
	snprintf(incarnation, sizeof incarnation, "%016llx", (unsigned long long)c->peer.incarnation);
	const struct ft_side *p = &c->peer.side;
	bool alive = c->hearing == FT_PEER_ALIVE || c->hearing == FT_PEER_QUIET;
	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:s, s:b, s:b, s:b}", "node", c->peer.node, "state",
	                 ft_state_name(p->state), "role", ft_role_name(p->role), "alive", alive, "incarnation",
	                 incarnation, "vm", ft_vm_name(p->vm), "ready", p->ready, "leaving", p->leaving, "disk_bad",
	                 p->disk_bad);
}

static json_t *link_json(const struct ft_status_source *s, int i)
{
	const struct ft_link_settings *lc = &s->config->heartbeat.links[i];
	const struct ft_detector_link *d = &s->hub->detector.links[i];
	const struct ft_link_stats *st = &s->hub->links[i].stats;
	const struct ft_arrivals_link *al = &s->hub->arrivals.links[i];
	int64_t late_us = ft_histogram_quantile(&al->late_us, 0.99);
	struct ft_diagnosis g;
	ft_diagnose(s->hub, i, s->now, &g);
	/* What was measured before the peer ceased to hear us is no figure of today. */
	bool fresh = st->rtt >= 0 && g.state == FT_LINK_UP;
	json_t *reasons = json_object();
	uint64_t rejected = 0;
	for (int r = 1; r < FT_REJECT_COUNT; r++) {
		rejected += st->rejected[r];
		if (st->rejected[r])
			json_object_set_new(reasons, ft_reject_name(r), json_integer((json_int_t)st->rejected[r]));
	}
	return json_pack("{s:s, s:s, s:b, s:s, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:I, s:o, s:I, s:o, s:o}",
	                 "local", lc->local_text, "peer", lc->peer_text, "alive", d->alive, "state",
	                 ft_link_state_name(g.state), "trouble", ft_text_json(g.what), "last_heard_ms",
	                 d->heard_ever ? age_json(s, d->heard_at) : json_null(), "acked_ms", age_json(s, st->acked_at),
	                 "rtt_ms", fresh ? ft_ms_json(st->rtt) : json_null(), "sent", (json_int_t)st->sent, "received",
	                 (json_int_t)st->received, "lost", (json_int_t)st->lost, "rejected", (json_int_t)rejected,
	                 "rejected_by", reasons, "unsent", (json_int_t)st->unsent, "send_error",
	                 ft_text_json(st->send_error ? strerror(st->send_error) : ""), "port_unreachable",
	                 (json_int_t)st->refused, "jitter_ms", late_us < 0 ? json_null() : ft_ms_json(late_us * 1000),
	                 "longest_gap_ms", ft_ms_json(al->longest));
}

/* What ftd does not understand about this QEMU's COLO, and what a person vouches for, whether it is there or not. */
static void add_doubts(json_t *qemu, const struct ft_status_source *s)
{
	const struct ft_disregard *vouched = &s->config->qmp.disregard;
	json_t *doubts = json_array(), *names = json_array();
	for (int i = 0; s->doubts && i < s->doubts->n; i++) {
		const struct ft_doubt *d = &s->doubts->doubt[i];
		json_array_append_new(doubts,
		                      json_pack("{s:o, s:o, s:b}", "name", ft_text_json(d->name), "why",
		                                ft_text_json(d->why), "disregarded", ft_disregards(vouched, d->name)));
	}
	for (int i = 0; i < vouched->n; i++)
		json_array_append_new(names, ft_text_json(vouched->name[i]));
	json_object_set_new(qemu, "doubts", doubts);
	json_object_set_new(qemu, "disregard", names);
}

static json_t *qemu_json(const struct ft_status_source *s)
{
	const struct ft_qemu_view *q = s->qemu;
	/* A process that stands still answers nothing: what it said last is past. */
	const char *status = s->core->frozen ? "frozen" : q->status;
	const char *disk = !s->core->disk_bad ? "" : s->core->disk_text[0] ? s->core->disk_text : "bad";
	json_t *out =
	    json_pack("{s:b, s:b, s:o, s:b, s:s, s:o, s:o, s:s, s:o, s:b, s:o, s:o}", "connected", q->connected, "oob",
	              q->oob, "pid", q->pid ? json_integer(q->pid) : json_null(), "pid_verified", q->pid_verified, "vm",
	              ft_vm_name(s->core->self.vm), "version", ft_text_json(q->version), "status", ft_text_json(status),
	              "colo_mode", ft_role_name(q->role), "checkpoint_age_ms", age_json(s, q->checkpoint_at),
	              "plan_ready", q->plan_ready, "plan_fault", ft_text_json(q->plan_ready ? "" : q->plan_fault),
	              "disk_fault", ft_text_json(disk));
	add_doubts(out, s);
	return out;
}

/* Those that are not over. */
static json_t *alarms_json(const struct ft_status_source *s)
{
	json_t *alarms = json_array();
	for (enum ft_alarm_kind k = 0; k < FT_ALARM_COUNT; k++) {
		const struct ft_alarm *a = &s->core->alarms[k];
		if (a->since != FT_NEVER)
			json_array_append_new(alarms, json_pack("{s:s, s:o, s:o, s:n}", "alarm", ft_alarm_name(k),
			                                        "since", time_json(s, a->since), "evidence",
			                                        ft_text_json(a->evidence), "cleared_by"));
	}
	return alarms;
}

json_t *ft_status_json(const struct ft_status_source *s)
{
	const struct ft_core *c = s->core;
	char time[32];
	ft_time_text(s->wall, time);
	json_t *links = json_array();
	for (int i = 0; i < s->config->heartbeat.n_links; i++)
		json_array_append_new(links, link_json(s, i));
	enum ft_state state = ft_core_state(c);
	json_t *out =
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:b, s:b, s:o, s:o, s:o, s:o}", "pair", s->config->pair,
	              "node", s->config->node, "time", time, "version", FT_VERSION, "state", ft_state_name(state),
	              "role", ft_role_name(c->self.role), "since", time_json(s, c->state_since), "reason",
	              ft_text_json(c->reason), "protected", state == FT_PROTECTED, "paused", 0, "session",
	              session_json(c), "peer", peer_json(s), "links", links, "qemu", qemu_json(s));
	json_object_set_new(out, "arbiter", arbiter_json(s));
	json_object_set_new(out, "sentinel", sentinel_json(s));
	json_object_set_new(out, "host", host_json(s));
	json_object_set_new(out, "alarms", alarms_json(s));
	json_object_set(out, "last_outcome", s->last_outcome ? s->last_outcome : json_null());
	return out;
}

/* ---- check ---- */

static void add(json_t *checks, const char *name, const char *result, const char *fix, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

static void add(json_t *checks, const char *name, const char *result, const char *fix, const char *format, ...)
{
	char detail[512];
	va_list args;
	va_start(args, format);
	vsnprintf(detail, sizeof detail, format, args);
	va_end(args);
	json_array_append_new(checks, json_pack("{s:s, s:s, s:o, s:o}", "name", name, "result", result, "detail",
	                                        ft_text_json(detail), "fix", ft_text_json(fix)));
}

static void check_qmp(json_t *checks, const struct ft_status_source *s)
{
	const struct ft_qemu_view *q = s->qemu;
	if (q->connected)
		add(checks, "qmp", "ok", "", "QEMU %s answers on %s", q->version, s->config->qmp.socket);
	else
		add(checks, "qmp", "FAIL", "is QEMU running with this socket, and no other client on it?",
		    "QEMU does not answer on %s", s->config->qmp.socket);
	if (q->oob)
		add(checks, "qmp-oob", "ok", "", "out-of-band commands work on %s", s->config->qmp.oob_socket);
	else
		add(checks, "qmp-oob", "FAIL", "give QEMU a second -qmp socket for ftd alone",
		    "no out-of-band answers on %s", s->config->qmp.oob_socket);
}

static void check_process(json_t *checks, const struct ft_status_source *s)
{
	int pid = (int)s->qemu->pid;
	if (pid == 0)
		add(checks, "process", "FAIL", "start QEMU, or let it open its QMP sockets itself",
		    "QEMU's process is not known");
	else if (ft_process_signal(s->process, 0) != 0)
		add(checks, "process", "FAIL", "run ftd as root, or with CAP_KILL, or as the user that runs QEMU",
		    "ftd may not signal QEMU (process %d): %s", pid, strerror(errno));
	else if (!s->qemu->pid_verified)
		add(checks, "process", "FAIL",
		    "see why in the log: let ftd open the sockets that QEMU itself has made, not a proxy's, and run it "
		    "as root "
		    "where QEMU was started with -runas",
		    "process %d is not shown to be this QEMU", pid);
	else
		add(checks, "process", "ok", "", "ftd may freeze and end QEMU (process %d)", pid);
}

static void check_replication(json_t *checks, const struct ft_status_source *s)
{
	const struct ft_core *c = s->core;
	const struct ft_qemu_view *q = s->qemu;
	if (c->self.vm == FT_VM_GONE)
		add(checks, "colo", "FAIL",
		    "see ftctl last; then start QEMU anew, as the secondary of whoever runs the guest",
		    "our QEMU has ended");
	else if (!q->connected)
		add(checks, "colo", "FAIL", "see qmp above",
		    "QEMU does not answer: how replication stands is not known");
	else if (q->role == FT_ROLE_NONE)
		add(checks, "colo", "FAIL", "start COLO replication between the two QEMUs", "QEMU is not in COLO");
	else if (c->broken_at != FT_NEVER)
		add(checks, "colo", "FAIL", "set replication up anew", "QEMU reported that replication broke");
	else if (c->checkpoint_at == FT_NEVER)
		add(checks, "colo", "warn", "wait for a checkpoint", "%s, but no checkpoint seen yet",
		    ft_role_name(q->role));
	else
		add(checks, "colo", "ok", "", "%s, newest checkpoint %.0f ms ago", ft_role_name(q->role),
		    (double)(s->now - c->checkpoint_at) / 1e6);
	if (c->disk_bad)
		add(checks, "disk", "FAIL", "mend the disk, and set replication up anew from a good copy",
		    "QEMU reports that this side's copy of the guest's disk has failed: %s",
		    c->disk_text[0] ? c->disk_text : "an earlier ftd was told");
	if (q->plan_ready && s->plan)
		add(checks, "plan", "ok", "", "%d steps prepared for the %s", s->plan->n, ft_role_name(s->plan->role));
	else
		add(checks, "plan", "FAIL", "see the fault; replication must be up for a plan", "%s: %s",
		    s->plan ? "not ready" : "no plan",
		    q->plan_fault[0] ? q->plan_fault : "QEMU has not been asked yet");
}

static void check_doubts(json_t *checks, const struct ft_status_source *s)
{
	const struct ft_disregard *vouched = &s->config->qmp.disregard;
	for (int i = 0; s->doubts && i < s->doubts->n; i++) {
		const struct ft_doubt *d = &s->doubts->doubt[i];
		if (!ft_disregards(vouched, d->name))
			add(checks, "doubt", "FAIL",
			    "take it away, or wire it as QEMU documents it; if a silent peer cannot block it, name it "
			    "in "
			    "qmp.disregard",
			    "%s: %s", d->name, d->why);
	}
	for (int i = 0; i < vouched->n; i++) {
		const char *why = "this QEMU has none of that name that ftd would doubt";
		for (int k = 0; s->doubts && k < s->doubts->n; k++)
			if (strcmp(s->doubts->doubt[k].name, vouched->name[i]) == 0)
				why = s->doubts->doubt[k].why;
		add(checks, "disregard", "warn", "take it out of qmp.disregard once it is gone",
		    "%s, by qmp.disregard: %s", vouched->name[i], why);
	}
}

/* What is known of such a QEMU, set up so. */
static void check_setup(json_t *checks, const struct ft_setup *setup)
{
	struct ft_finding findings[FT_FINDINGS_MAX];
	int n = setup ? ft_fitness_judge(setup, findings) : 0;
	for (int i = 0; i < n; i++)
		add(checks, findings[i].name, findings[i].result, findings[i].fix, "%s", findings[i].detail);
}

static void check_link(json_t *checks, const struct ft_status_source *s, int i)
{
	const struct ft_link_settings *lc = &s->config->heartbeat.links[i];
	struct ft_diagnosis g;
	char name[24];
	snprintf(name, sizeof name, "link %d", i + 1);
	ft_diagnose(s->hub, i, s->now, &g);
	if (g.state == FT_LINK_UP && !g.kind)
		add(checks, name, "ok", "", "%s <-> %s, round trip %.3f ms", lc->local_text, lc->peer_text,
		    (double)s->hub->links[i].stats.rtt / 1e6);
	else
		add(checks, name, g.state == FT_LINK_UP ? "warn" : "FAIL", g.fix, "%s <-> %s: %s", lc->local_text,
		    lc->peer_text, g.what);
}

/* Two links are one where a single cable, or a port of a switch, takes both. */
static void check_nics(json_t *checks, const struct ft_config *config)
{
	char first[IF_NAMESIZE], other[IF_NAMESIZE];
	const struct ft_link_settings *l = config->heartbeat.links;
	if (config->heartbeat.n_links < 2 || ft_nic_of(&l[0].local, &l[0].peer, first) != 0)
		return;
	for (int i = 1; i < config->heartbeat.n_links; i++)
		if (ft_nic_of(&l[i].local, &l[i].peer, other) != 0 || strcmp(other, first) != 0)
			return;
	add(checks, "links", "warn", "give one of them a NIC, a cable and a switch of its own",
	    "all %d links go through one NIC, %s: what cuts one cuts all", config->heartbeat.n_links, first);
}

static void check_peer(json_t *checks, const struct ft_status_source *s)
{
	const struct ft_core *c = s->core;
	for (int i = 0; i < s->config->heartbeat.n_links; i++)
		check_link(checks, s, i);
	check_nics(checks, s->config);
	if (c->peer_known && c->peer.side.leaving)
		add(checks, "peer", "FAIL", "start ftd there again", "peer %s's ftd was asked to stop", c->peer.node);
	else if (!c->peer_known || c->hearing != FT_PEER_ALIVE)
		add(checks, "peer", "FAIL", "start ftd on the other host", "the peer is not heard");
	else if (!c->peer.side.ready)
		add(checks, "peer", "warn", "run ftctl check there", "peer %s is %s and not ready", c->peer.node,
		    ft_state_name(c->peer.side.state));
	else
		add(checks, "peer", "ok", "", "peer %s is %s and ready", c->peer.node,
		    ft_state_name(c->peer.side.state));
}

/* What both must have in common.  Without a peer nothing can be compared. */
static void check_shared(json_t *checks, const struct ft_core *c)
{
	char text[FT_TEXT_MAX];
	if (c->foreign_version && c->hearing != FT_PEER_ALIVE)
		add(checks, "shared", "FAIL", "upgrade the older of the two", "%s",
		    "the peer's ftd speaks another version of the heartbeat, and is not understood");
	else if (ft_core_unshared(c, text))
		add(checks, "shared", "FAIL", "make them the same in both ft.conf, and restart the ftd that was wrong",
		    "%s", text);
	else if (!c->peer_known || c->hearing != FT_PEER_ALIVE)
		add(checks, "shared", "warn", "look again once the peer is heard",
		    "not compared: the peer is not heard");
	else if (c->params.registers && ft_core_sharing(c) != FT_SHARING_PROVEN)
		add(checks, "shared", "warn", "look again in a moment; the arbiter must be in reach of both hosts",
		    "%s", c->share_fault[0] ? c->share_fault : "not proven yet that both hosts share the registers");
	else
		add(checks, "shared", "ok", "", "%s",
		    c->params.registers
		        ? "both hosts have found each other's mark beside the registers; arbiter, detection time, "
		          "guard and the order of the links are the same"
		        : "arbiter type, detection time, guard and the order of the links are the same");
}

/* What an NTP client has the kernel add to what the hardware counts, in ppm: how far that is off, and while a wall clock is
 * brought back to the right time, how fast. */
static double correction_of(const struct timex *tx)
{
	long usual = 1000000 / sysconf(_SC_CLK_TCK);
	return (double)tx->freq / 65536 + (double)(tx->tick - usual) / (double)usual * 1e6;
}

static void check_clock(json_t *checks)
{
	struct timex tx = {0};
	bool unknown = adjtimex(&tx) == TIME_ERROR || (tx.status & STA_UNSYNC);
	double ppm = correction_of(&tx);
	if (fabs(ppm) > CLOCK_OFF_PPM)
		add(checks, "clock", "warn",
		    "look again once the wall clock is right: if it is so still, this hardware keeps no time, and "
		    "failover.guard_ms must make up for it",
		    "the kernel's clock is corrected by %+.0f ppm (ftd's is not, so slewing harms nothing)", ppm);
	else if (unknown)
		add(checks, "clock", "warn", "run an NTP client: records of both hosts are easier to compare",
		    "the wall clock is not synchronised (no decision depends on it)");
	else
		add(checks, "clock", "ok", "",
		    "synchronised (no decision depends on it); the hardware is off by %+.0f ppm", -ppm);
}

static void check_host(json_t *checks, const struct ft_status_source *s, const char *disk_error)
{
	if (disk_error[0])
		add(checks, "state_dir", "FAIL", "make it writable: an outcome must be on disk before it is announced",
		    "cannot write to %s: %s", s->config->state_dir, disk_error);
	else
		add(checks, "state_dir", "ok", "", "%s can be written and flushed", s->config->state_dir);
	check_clock(checks);
}

static void check_realtime(json_t *checks, const struct ft_config *config)
{
	if (!config->realtime)
		add(checks, "realtime", "ok", "", "false: an ordinary process");
	else if (ft_realtime_holds())
		add(checks, "realtime", "ok", "", "SCHED_RR, priority %d; memory is locked", FT_REALTIME_PRIORITY);
	else
		add(checks, "realtime", "warn", "restart ftd, and report what it did at the time",
		    "ftd ran for %d ms without a rest and is an ordinary process since", FT_REALTIME_RUNAWAY_MS);
}

static void check_sentinel(json_t *checks, const struct ft_status_source *s)
{
	if (!s->exclusion)
		return;
	struct ft_guard_report r = ft_exclusion_guard_report(s->exclusion);
	if (!r.on_guard)
		add(checks, "sentinel", "FAIL",
		    "let this user and this control group have more processes; end what earlier ftd have left: ftd's "
		    "log "
		    "names it",
		    "not on guard: nothing but this ftd stops QEMU when its right to run ends");
	else if (r.overrun_at != FT_NEVER)
		add(checks, "sentinel", "warn",
		    "find out what stopped ftd and its sentinel; see the peer's outcomes, too",
		    "QEMU once ran for %.0f ms beyond its right (%.0f s ago)", (double)r.overrun / 1e6,
		    (double)(s->now - r.overrun_at) / 1e9);
	else if (!r.apart)
		add(checks, "sentinel", "warn",
		    "run ftd as root on the host itself; never freeze or pause its control group", FT_NOT_APART);
	else
		add(checks, "sentinel", "ok", "", "process %d is on guard, in a control group of its own", (int)r.pid);
}

static void check_paused(json_t *checks, const struct ft_status_source *s)
{
	const char *under = ft_pulse_hypervisor();
	if (s->missed_at != FT_NEVER)
		add(checks, "host", "warn", "do not pause or move a host of a pair; see the peer's outcomes",
		    "its clocks once stood still for %.0f ms or more (%.0f s ago)", (double)s->missed / 1e6,
		    (double)(s->now - s->missed_at) / 1e9);
	else if (ft_status_unfenced_guest(s->config))
		add(checks, "host", "warn", "configure a fence, or hosts of metal", "%s (%s)", FT_PAUSED_UNFENCED,
		    under);
	else
		add(checks, "host", "ok", "", under ? "a virtual machine (%s)" : "no virtual machine", under);
}

static const char *arbiter_proof(const struct ft_config *config)
{
	if (config->arbiter.type == FT_ARBITER_FENCE)
		return "the agent reaches the other host's power switch";
	if (config->arbiter.fence.agent[0])
		return "a scratch register can be claimed, and the fence agent reaches the other host's power switch";
	return "a scratch register can be claimed";
}

static void check_arbiter(json_t *checks, const struct ft_status_source *s, const char *fault, const char *warning)
{
	const char *type = ft_arbiter_word(s->config->arbiter.type);
	if (!s->exclusion)
		add(checks, "arbiter", "warn", "use arbiter type file or etcd if that must not happen",
		    "type none: a partition can make two masters");
	else if (fault[0])
		add(checks, "arbiter", "FAIL", "make it reachable: without it nobody may fail over", "%s: %s", type,
		    fault);
	else if (warning[0])
		add(checks, "arbiter", "warn", "see the text", "%s: %s", type, warning);
	else
		add(checks, "arbiter", "ok", "", "%s: %s", type, arbiter_proof(s->config));
}

static const char *policy_name(enum ft_policy p)
{
	static const char *const names[] = {"must", "may", "prove", "clean"};
	return names[p];
}

static json_t *plan_json(const struct ft_plan *plan)
{
	json_t *steps = json_array();
	for (int i = 0; plan && i < plan->n; i++) {
		const struct ft_step *p = &plan->steps[i];
		json_array_append_new(steps, json_pack("{s:s, s:s, s:s, s:o}", "command", p->command, "channel",
		                                       ft_channel_name(p->channel), "policy", policy_name(p->policy),
		                                       "what", ft_text_json(p->what)));
	}
	return steps;
}

static void check_alarms(json_t *checks, const struct ft_core *c)
{
	for (enum ft_alarm_kind k = 0; k < FT_ALARM_COUNT; k++) {
		char name[32];
		snprintf(name, sizeof name, "alarm %s", ft_alarm_name(k));
		if (c->alarms[k].since != FT_NEVER)
			add(checks, name, "FAIL", "see the text", "%s", c->alarms[k].evidence);
	}
}

static void check_state(json_t *checks, const struct ft_core *c)
{
	enum ft_state state = ft_core_state(c);
	if (state == FT_PROTECTED)
		add(checks, "state", "ok", "", "protected: %s", c->reason);
	else
		add(checks, "state", state == FT_SOLO ? "warn" : "FAIL",
		    "the lines above and below say what is missing", "%s: %s", ft_state_name(state), c->reason);
}

json_t *ft_check_json(const struct ft_status_source *s, const char *disk_error, const char *arbiter_fault,
                      const char *arbiter_warning)
{
	json_t *checks = json_array();
	check_qmp(checks, s);
	check_process(checks, s);
	check_replication(checks, s);
	check_doubts(checks, s);
	check_setup(checks, s->setup);
	check_peer(checks, s);
	check_alarms(checks, s->core);
	check_state(checks, s->core);
	check_host(checks, s, disk_error);
	check_realtime(checks, s->config);
	check_sentinel(checks, s);
	check_paused(checks, s);
	check_arbiter(checks, s, arbiter_fault, arbiter_warning);
	check_shared(checks, s->core);
	return json_pack("{s:o, s:o}", "checks", checks, "plan", plan_json(s->plan));
}
