/* One ftd: the real node and turn of the links, with the core, the hub and the runner, over models of what is live the shells'.
 *
 * What is done in which order is theirs.  At their moments between two instructions this process may be stopped for a while, or
 * killed: the world goes on without it, and boundary() returns false if there is nothing to go on with. */
#include "ctl/alone.h"
#include "tests/sim/sim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ft_heartbeat_settings settings[2];
static struct ft_plan plans[2];
static json_t *done, *refused, *colo_status[3][3], *migrate_status[2], *run_status[3];

/* ---- once a process ---- */

static void prepare_plan(const char *name, struct ft_plan *plan)
{
	static struct ft_topology topology;
	char path[128], error[FT_TEXT_MAX] = "no such file";
	snprintf(path, sizeof path, "tests/unit/fixtures/%s.json", name);
	json_t *answers = json_load_file(path, 0, NULL);
	if (!answers || ft_topology_build(answers, &topology, error) != 0 ||
	    ft_plan_build(&topology, SECOND(1), plan, error) != 0) {
		fprintf(stderr, "%s: %s; run this from the project's top folder\n", path, error);
		exit(2);
	}
	json_decref(answers);
}

static void prepare_replies(void)
{
	done = json_pack("{s:{}}", "return");
	refused = json_pack("{s:{s:s,s:s}}", "error", "class", "GenericError", "desc", "it would not");
	for (int mode = 0; mode < 3; mode++)
		for (int last = 0; last < 3; last++)
			colo_status[mode][last] =
			    json_pack("{s:{s:s,s:s}}", "return", "mode", ft_role_name((enum ft_role)mode), "last-mode",
			              ft_role_name((enum ft_role)last));
	static const char *const migrate[] = {"colo", "completed"}, *const run[] = {"running", "paused", "colo"};
	for (int i = 0; i < 2; i++)
		migrate_status[i] = json_pack("{s:{s:s}}", "return", "status", migrate[i]);
	for (int i = 0; i < 3; i++)
		run_status[i] = json_pack("{s:{s:s}}", "return", "status", run[i]);
}

const struct ft_heartbeat_settings *settings_of(int host)
{
	return &settings[host];
}

void ftd_prepare(void)
{
	prepare_plan("default-primary", &plans[0]);
	prepare_plan("default-secondary", &plans[1]);
	prepare_replies();
	for (int i = 0; i < 2; i++) {
		struct ft_heartbeat_settings *c = &settings[i];
		*c = (struct ft_heartbeat_settings){.pair = "vm1",
		                                    .n_keys = 1,
		                                    .keys = {{.id = 7, .bytes = {1, 2, 3}}},
		                                    .interval_ms = INTERVAL_MS,
		                                    .lost_after = LOST_AFTER,
		                                    .n_links = LINKS};
		snprintf(c->node, sizeof c->node, "%s", i ? "beta" : "alpha");
	}
}

const struct ft_plan *plan_of(enum ft_role role)
{
	return role == FT_ROLE_PRIMARY ? &plans[0] : role == FT_ROLE_SECONDARY ? &plans[1] : NULL;
}

static enum stream of(int host)
{
	return (enum stream)(RANDOM_HOST + host);
}

bool ftd_can_run(int host)
{
	const struct host *h = &w.host[host];
	return h->up && !h->suspended && h->ftd.running == FTD_RUNS;
}

/* ---- between two instructions ---- */

static bool boundary(int host)
{
	struct ftd *f = &w.host[host].ftd;
	uint64_t life = f->life;
	if (f->dies_in > 0 && --f->dies_in == 0) {
		death_strikes(host);
		return false;
	}
	if (f->stall_in == 0 || --f->stall_in > 0 || w.depth > 0)
		return !w.broken;
	tell(host, "ftd is stopped between two instructions for %.0f ms", f->stall_ms);
	f->running = FTD_STOPPED;
	f->stops++;
	f->stalled = true;
	w.depth++;
	world_run(w.now + MS(f->stall_ms), NULL);
	while (!w.broken && f->life == life && w.host[host].suspended)
		world_run(w.now + MS(1), NULL);
	w.depth--;
	if (w.broken || f->life != life || f->running == FTD_DEAD)
		return false;
	tell(host, "ftd goes on");
	f->stalled = false;
	f->resumed_at = w.now;
	later(0, HOST_FTD_RESUME, host)->arg = f->stops;
	f->running = FTD_RUNS;
	return true;
}

/* ---- links ---- */

static void transmit(int host, int link, const uint8_t *data, size_t len)
{
	double lost = w.lossy ? 0.4 : 0.002;
	attacker_hears(host, link, data, len);
	struct host *h = &w.host[host];
	bool muted = w.now < h->muted_until;
	if (h->words > 0 && --h->words == 0)
		h->muted_until = w.now + MS(h->mute_ms);
	if (muted || w.cut[link][host] || happens(RANDOM_NET, lost))
		return;
	int copies = happens(RANDOM_NET, 0.01) ? 2 : 1;
	for (int i = 0; i < copies; i++) {
		struct datagram *d = take_datagram();
		if (!d)
			return;
		d->link = link;
		d->len = len;
		memcpy(d->data, data, len);
		double ms = w.slow_net && happens(RANDOM_NET, 0.3) ? between(RANDOM_NET, 10, 3000)
		                                                   : between(RANDOM_NET, 0.1, 2);
		later(ms, FTD_DATAGRAM, 1 - host)->arg = (uint32_t)(d - w.datagrams);
	}
}

static int host_of(const void *world)
{
	return (int)((const struct host *)world - w.host);
}

static int64_t now(void *world)
{
	return local_time(host_of(world));
}

static bool moment(void *world)
{
	return boundary(host_of(world));
}

static bool receive(void *world, struct ft_datagram *out)
{
	struct ftd *f = &((struct host *)world)->ftd;
	if (f->n_socket == 0)
		return false;
	const struct datagram *d = &w.datagrams[f->socket[0]];
	memcpy(f->received, d->data, sizeof f->received);
	*out = (struct ft_datagram){.link = d->link, .data = f->received, .len = d->len};
	drop_datagram(f->socket[0]);
	memmove(f->socket, f->socket + 1, (size_t)--f->n_socket * sizeof f->socket[0]);
	return true;
}

static void send_on(void *world, int link, const uint8_t *data, size_t len, int64_t now)
{
	(void)now;
	transmit(host_of(world), link, data, len);
}

static const struct ft_turn_deeds turn_deeds = {.now = now, .moment = moment, .receive = receive, .send = send_on};

static const struct ft_side *on_self(void *arg)
{
	return &((struct host *)arg)->ftd.core.self;
}

static struct ft_node *node_of(void *arg)
{
	return &((struct host *)arg)->ftd.node;
}

static bool on_news(void *arg, const struct ft_beat *peer, bool new_incarnation, int64_t now)
{
	(void)new_incarnation, (void)now;
	return ft_node_peer(node_of(arg), peer);
}

static bool on_acked(void *arg, int64_t sent, int64_t now)
{
	(void)now;
	return ft_node_feed(node_of(arg), &(struct ft_event){.kind = FT_EVENT_ACK, .at = sent});
}

static bool on_answered(void *arg, int64_t at, int64_t now)
{
	(void)now;
	return ft_node_feed(node_of(arg), &(struct ft_event){.kind = FT_EVENT_ANSWERED, .at = at});
}

static bool on_hearing(void *arg, enum ft_hearing hearing, int64_t now)
{
	(void)now;
	if (hearing == FT_HEARING_LOST) {
		tell(host_of(arg), "the peer is lost");
		laws_before_loss(host_of(arg));
	}
	return ft_node_hearing(node_of(arg), &((struct host *)arg)->ftd.hub.detector);
}

static bool on_refused(void *arg, int link, int64_t now)
{
	(void)now;
	return ft_node_feed(node_of(arg), &(struct ft_event){.kind = FT_EVENT_REFUSED, .link = link});
}

static bool on_foreign(void *arg, int version, int64_t now)
{
	(void)arg, (void)version, (void)now;
	return true;
}

static bool on_stalled(void *arg, int64_t gap, int64_t now)
{
	(void)gap, (void)now;
	return ft_node_feed(node_of(arg), &(struct ft_event){.kind = FT_EVENT_STALLED});
}

static bool on_due(void *arg, int64_t now)
{
	(void)now;
	return ft_node_look_at_clocks(node_of(arg));
}

static const struct ft_turn_callbacks told = {
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

/* Timers come late, now and then by some ms. */
static double lateness(int host)
{
	return between(of(host), 0, happens(of(host), 0.01) ? 5 : 0.2);
}

/* When this host's timers ring for a local time.  One that rings early is set again. */
static int64_t alarm(int host, int64_t local)
{
	int64_t at = true_time(host, local);
	if (at == FT_NEVER)
		return at;
	double stretch = w.host[host].stretch;
	int64_t late = stretch > 1 && at > w.now ? (int64_t)((double)(at - w.now) * (stretch - 1)) : 0;
	return at + late + MS(lateness(host));
}

/* Its processor's counter has gone on meanwhile. */
#define LEAST_MISSED MS(20)
static int64_t stood_still(void *world)
{
	struct host *h = world;
	int64_t missed = h->missed;
	if (!w.options.arbitrated || missed < LEAST_MISSED)
		return 0;
	h->missed = 0;
	h->paused_until = w.now;
	return missed;
}

static void turn_by(int host, bool (*what)(struct ft_turn *))
{
	struct ftd *f = &w.host[host].ftd;
	if (f->alone || f->turn.running || !ftd_can_run(host) || !boundary(host))
		return;
	if (what(&f->turn))
		f->wake_links = alarm(host, ft_turn_deadline(&f->turn));
}

static void turn(int host)
{
	turn_by(host, ft_turn_run);
}

static void arrives(const struct happening *h)
{
	struct host *at = &w.host[h->host];
	struct ftd *f = &at->ftd;
	int from = 1 - h->host, link = w.datagrams[h->arg].link;
	bool listens = f->running != FTD_DEAD && !f->alone;
	bool received = at->up && !at->suspended && listens && f->n_socket < SOCKET_MAX;
	if (!received) {
		drop_datagram((int)h->arg);
		if (at->up && !at->suspended && !listens && !w.cut[link][h->host] && happens(RANDOM_NET, 0.1))
			later(between(RANDOM_NET, 0.1, 2), FTD_REFUSED, from)->arg = (uint32_t)link;
		return;
	}
	f->socket[f->n_socket++] = (int)h->arg;
	turn(h->host);
}

/* ---- the sentinel ---- */

static struct ft_node_qemu seen_qemu(void *world)
{
	const struct ftd *f = &((struct host *)world)->ftd;
	return (struct ft_node_qemu){.instance = f->seen.instance, .answers = f->seen.connected};
}

/* The lease first, then the QEMU that is seen now; then the sentinels of earlier ftd are relieved. */
static struct ft_node_guard guard(void *world, int64_t lease, bool known)
{
	struct host *h = world;
	struct ft_node_guard guard = {.on_guard = true, .may_stop = true};
	if (!w.options.arbitrated)
		return guard;
	sentinel_lease(host_of(h), lease, h->ftd.seen.instance);
	if (!h->predecessor.on || h->ftd.seen.instance == 0 || !known)
		return guard;
	h->predecessor.on = false;
	later(0.1, FTD_SENTINEL, host_of(h)); /* it may have stopped QEMU as late as now */
	return guard;
}

/* ---- QMP ---- */

void look_soon(int host, double ms)
{
	if (w.host[host].ftd.running != FTD_DEAD)
		later(ms, FTD_LOOK, host);
}

static void see_live_qemu(int host, struct ft_qemu_facts *v)
{
	struct ftd *f = &w.host[host].ftd;
	const struct qemu *q = &w.host[host].qemu;
	if (v->instance != q->instance) {
		f->frozen_held = false; /* that was another one's */
		*v = (struct ft_qemu_facts){.instance = q->instance, .stopped = q->stopped};
		f->spoken = false;
	}
	v->vm = FT_VM_ALIVE;
	bool answers = qemu_answers(host, FT_CHANNEL_QMP);
	bool late = q->silent_since != FT_NEVER && w.now - q->silent_since >= SECOND(1);
	if (answers) {
		f->spoken = v->connected = true;
		v->role = q->mode;
		v->last_role = q->last;
		v->running = !q->stopped && !q->halted;
		v->incoming = !q->booted && q->mode == FT_ROLE_NONE && q->last == FT_ROLE_NONE;
		v->checkpoint_ms = (int)(w.checkpoint_every / FT_NS_PER_MS);
		v->pid_verified = !w.host[host].unverifiable;
		if (!f->plan_runs)
			f->plan = plan_of(q->mode);
	} else if (late || !f->spoken) {
		v->connected = false;
	}
	if (qemu_answers(host, FT_CHANNEL_OOB))
		v->oob = true;
	else if (late || !f->spoken)
		v->oob = false;
	/* One that cleans up behind a failover makes no new one, whatever becomes of QEMU meanwhile. */
	v->plan_ready = f->plan != NULL && f->plan == plan_of(v->role) && v->connected;
}

static void see_no_qemu(struct ft_qemu_facts *v, bool died)
{
	if (v->vm != FT_VM_GONE)
		v->vm = died ? FT_VM_GONE : FT_VM_ABSENT;
	v->connected = v->oob = v->plan_ready = v->pid_verified = false;
}

static bool same_facts(const struct ft_qemu_facts *a, const struct ft_qemu_facts *b)
{
	return a->connected == b->connected && a->running == b->running && a->oob == b->oob &&
	       a->plan_ready == b->plan_ready && a->pid_verified == b->pid_verified && a->instance == b->instance &&
	       a->vm == b->vm && a->role == b->role && a->last_role == b->last_role && a->incoming == b->incoming &&
	       a->checkpoint_ms == b->checkpoint_ms;
}

static void look(int host, bool died)
{
	struct ftd *f = &w.host[host].ftd;
	const struct qemu *q = &w.host[host].qemu;
	struct ft_qemu_facts v = f->seen;
	if (f->alone)
		return;
	if (q->alive && f->frozen_held && v.instance == q->instance)
		return; /* while our own freeze lasts, silence is no news */
	if (q->alive)
		see_live_qemu(host, &v);
	else if (died || v.vm != FT_VM_ALIVE) /* the kernel's word comes first */
		see_no_qemu(&v, died);
	if (same_facts(&v, &f->seen))
		return;
	f->seen = v;
	tell(host, "ftd sees its QEMU: %s, %s, %s", ft_vm_name(v.vm), v.connected ? "answers" : "silent",
	     ft_role_name(v.role));
	ft_node_see(&f->node, &v);
}

/* ---- the plan ---- */

static void run_steps(int host)
{
	struct ftd *f = &w.host[host].ftd;
	int64_t now = local_time(host);
	for (int i; (i = ft_runner_send(&f->runner, now)) >= 0;) {
		struct happening *h = later(between(of(host), 0.02, 0.3), QEMU_COMMAND, host);
		h->arg = f->plan_run;
		h->more = f->runner.plan->role;
		h->detail = (uint8_t)i;
	}
	if (f->runner.proof_known && !f->plan_told) {
		f->plan_told = true;
		later(0, FTD_PLANNED, host);
	}
	f->wake_plan = true_time(host, ft_runner_deadline(&f->runner));
	if (f->runner.finished) {
		f->plan_runs = false;
		look_soon(host, 1);
	}
}

static const json_t *reply_to(int host, const struct ft_step *s, bool error)
{
	const struct qemu *q = &w.host[host].qemu;
	if (error)
		return refused;
	if (!strcmp(s->command, "query-colo-status"))
		return colo_status[q->mode][q->last];
	if (!strcmp(s->command, "query-migrate"))
		return migrate_status[q->mode == FT_ROLE_NONE];
	if (!strcmp(s->command, "query-status"))
		return run_status[q->mode == FT_ROLE_NONE ? 0 : 2];
	return done;
}

static void replied(int host, const struct happening *h)
{
	struct ftd *f = &w.host[host].ftd;
	if (!f->plan_runs || h->arg != f->plan_run)
		return;
	ft_runner_reply(&f->runner, h->detail, reply_to(host, &f->runner.plan->steps[h->detail], h->error),
	                local_time(host));
	run_steps(host);
}

static void run_plan(int host)
{
	struct ftd *f = &w.host[host].ftd;
	if (f->plan_runs && !f->plan_told) {
		law_broken("a plan is begun while another runs");
		return;
	}
	f->plan_runs = true; /* whatever an earlier one still cleans up */
	f->plan_told = false;
	f->plan_run = (uint32_t)++w.names;
	if (!f->plan || !w.host[host].qemu.alive || f->seen.instance != w.host[host].qemu.instance) {
		f->runner.report = (struct ft_plan_report){.proven_at = FT_NEVER, .error = "no plan is prepared"};
		f->runner.finished = f->plan_told = true;
		f->plan_runs = false;
		later(0, FTD_PLANNED, host);
		return;
	}
	ft_runner_start(&f->runner, f->plan, true, local_time(host));
	run_steps(host);
}

static void died(int host)
{
	struct ftd *f = &w.host[host].ftd;
	if (f->plan_runs) {
		ft_runner_disconnected(&f->runner, FT_CHANNEL_OOB, "QEMU has died", local_time(host));
		ft_runner_disconnected(&f->runner, FT_CHANNEL_QMP, "QEMU has died", local_time(host));
		run_steps(host);
	}
	look(host, f->seen.instance == w.host[host].qemu.instance);
}

/* ---- the disk ---- */

static void do_store(int host)
{
	struct disk *d = &w.host[host].disk;
	d->coming = w.host[host].ftd.core.store_next;
	d->writing = true;
	double ms = d->full ? 1 : d->hangs ? 4500 : between(of(host), 1, happens(of(host), 0.05) ? 1000 : 20);
	later(ms, FTD_STORED, host)->error = d->full || d->hangs;
}

static void stored(int host, bool error)
{
	struct disk *d = &w.host[host].disk;
	if (!d->writing)
		return;
	d->writing = false;
	/* What hung may be there in the end. */
	if (!error || (d->hangs && happens(of(host), 0.5))) {
		d->file = w.options.no_fsync ? d->cached : d->coming;
		d->cached = d->coming;
		laws_after_write(host);
	}
	ftd_feed(host,
	         &(struct ft_event){.kind = FT_EVENT_STORED, .error = error, .text = error ? "no space left" : NULL});
}

static void hand_to_disk(int host, const struct kept_outcome *o)
{
	struct disk *d = &w.host[host].disk;
	assert(d->n_coming < RECORDS_MAX);
	d->outcomes_coming[d->n_coming++] = *o;
	double ms = d->full ? 1 : d->hangs ? 4500 : between(of(host), 1, 20);
	later(ms, FTD_RECORDED, host)->error = d->full || d->hangs;
}

static void do_record(int host, const struct ft_outcome *o)
{
	struct ftd *f = &w.host[host].ftd;
	f->pending = *o;
	laws_before_record(host, o);
	struct kept_outcome kept = {.result = o->result, .ordered = is_order(o->cause), .rebuilt = w.rebuilt};
	memcpy(kept.session, o->session, sizeof kept.session);
	if (o->result == FT_SUCCESS)
		f->success = kept;
	hand_to_disk(host, &kept);
}

static void do_repeat(int host)
{
	struct kept_outcome kept = w.host[host].ftd.success;
	kept.again = true;
	hand_to_disk(host, &kept);
}

/* In their order, whichever of them took longer. */
static void recorded(int host, bool error)
{
	struct disk *d = &w.host[host].disk;
	assert(d->n_coming > 0);
	struct kept_outcome kept = d->outcomes_coming[0];
	memmove(d->outcomes_coming, d->outcomes_coming + 1, (size_t)--d->n_coming * sizeof kept);
	/* What hung may be there in the end. */
	if (!error || (d->hangs && happens(of(host), 0.5)))
		disk_keeps(d, &kept);
	ftd_feed(host,
	         &(struct ft_event){.kind = FT_EVENT_RECORDED, .error = error, .text = error ? "no space left" : NULL});
}

static void read_outcomes(int host, uint8_t success[FT_SESSION_BYTES])
{
	const struct disk *d = &w.host[host].disk;
	for (int i = 0; i < d->n_outcomes; i++)
		if (d->outcomes[i].result == FT_SUCCESS)
			memcpy(success, d->outcomes[i].session, FT_SESSION_BYTES);
}

static void read_disk(int host, struct ft_session *out)
{
	struct disk *d = &w.host[host].disk;
	d->lost |= d->next_reading != FILE_WHOLE;
	if (d->next_reading == FILE_LOST)
		d->file = d->cached = (struct ft_session){.stage = FT_SESSION_NONE};
	if (d->next_reading == FILE_TORN)
		d->file = d->cached = (struct ft_session){.stage = FT_SESSION_UNKNOWN};
	d->next_reading = FILE_WHOLE;
	*out = d->cached;
}

/* ---- what the core says ---- */

/* All of the plan's; of no run, so that no answer is waited for. */
static void do_yank(int host)
{
	const struct ft_plan *plan = w.host[host].ftd.plan;
	for (int i = 0; plan && i < plan->n; i++)
		if (plan->steps[i].channel == FT_CHANNEL_OOB) {
			struct happening *h = later(between(of(host), 0.02, 0.3), QEMU_COMMAND, host);
			h->more = plan->role;
			h->detail = (uint8_t)i;
		}
}

static void do_freeze(int host)
{
	struct ftd *f = &w.host[host].ftd;
	const struct qemu *q = &w.host[host].qemu;
	f->frozen_held = true;
	f->freezes++;
	bool possible = q->alive && f->seen.instance == q->instance;
	if (possible)
		qemu_signal_stop(host);
	later(possible ? 1 : 0.1, FTD_FROZEN, host)->arg = f->freezes;
}

/* Looks once a ms, as the freezer does. */
static void frozen(int host, const struct happening *h)
{
	struct ftd *f = &w.host[host].ftd;
	const struct qemu *q = &w.host[host].qemu;
	if (h->arg != f->freezes || !f->frozen_held)
		return;
	bool known = f->seen.instance == q->instance && q->alive;
	if (known && !q->stopped && h->more < 2000) {
		struct happening *next = later(1, FTD_FROZEN, host);
		next->arg = h->arg;
		next->more = h->more + 1;
		return;
	}
	bool error = !known || !q->stopped;
	if (error)
		f->frozen_held = false;
	ftd_feed(host,
	         &(struct ft_event){.kind = FT_EVENT_FROZEN, .error = error, .text = error ? "no such process" : NULL});
}

static void do_thaw(int host)
{
	struct ftd *f = &w.host[host].ftd;
	f->frozen_held = false;
	f->freezes++;
	if (f->seen.instance == w.host[host].qemu.instance)
		qemu_signal_cont(host);
	look_soon(host, 50);
}

static void do_outcome(int host, const struct ft_action *a)
{
	laws_after_outcome(host, a);
	const struct ft_outcome *o = &w.host[host].ftd.pending;
	tell(host, "outcome: %s, %s %s%s", ft_cause_name(o->cause), ft_result_name(o->result), o->error, a->text);
}

static void do_exit(int host)
{
	struct ftd *f = &w.host[host].ftd;
	f->exiting = true;
	later(0, FTD_GOODBYE, host)->arg = ++f->exits;
}

static void note_question(int host, const struct ft_action *a)
{
	struct ftd *f = &w.host[host].ftd;
	bool ends = a->kind == FT_DO_CLAIM && !arbiter_find(f->core.session.id);
	if (a->verdict || ends)
		f->verdict_asked_at = w.now; /* nobody stands in the verdict of a session that a claim is yet to end */
	if (a->verdict)
		return;
	f->claimed_released = a->kind == FT_DO_CLAIM && f->core.session.stage != FT_SESSION_BOUND;
	if (f->claimed_released && ft_record_busy(&f->core.record) && is_order(f->core.outcome.cause)) {
		w.order_claimed[host] = w.host[host].qemu.instance;
		w.order_life[host] = f->life;
	}
}

static bool act(void *world, const struct ft_action *a)
{
	struct ftd *f = &((struct host *)world)->ftd;
	int host = host_of(world);
	laws_before_act(host, a);
	switch (a->kind) {
	case FT_DO_SAY:
		tell(host, "says: %s", a->text);
		break;
	case FT_DO_STATE:
		tell(host, "%s -> %s: %s", ft_state_name(a->from), ft_state_name(a->to), a->text);
		break;
	case FT_DO_SEND:
		return f->alone || ft_turn_send_now(&f->turn); /* ftctl has no peer */
	case FT_DO_PROBE:
		qemu_probe(host);
		break;
	case FT_DO_YANK:
		tell(host, "YANK");
		do_yank(host);
		break;
	case FT_DO_FREEZE:
		tell(host, "FREEZE");
		do_freeze(host);
		break;
	case FT_DO_THAW:
		tell(host, "THAW");
		do_thaw(host);
		break;
	case FT_DO_KILL:
		tell(host, "KILL");
		if (f->seen.instance == w.host[host].qemu.instance) {
			laws_before_kill(host);
			qemu_kill(host);
		}
		break;
	case FT_DO_STORE:
		tell(host, "STORE %s %02x%02x, epoch %llu", ft_session_stage_name(f->core.store_next.stage),
		     f->core.store_next.id[0], f->core.store_next.id[1], (unsigned long long)f->core.store_next.epoch);
		do_store(host);
		break;
	case FT_DO_CLAIM:
	case FT_DO_READ:
		tell(host, "%s%s %02x%02x", a->kind == FT_DO_CLAIM ? "CLAIM" : "READ",
		     a->verdict ? " the verdict of" : "", f->core.claim_id[0], f->core.claim_id[1]);
		note_question(host, a);
		arbiter_ask(host, a);
		break;
	case FT_DO_FENCE:
		tell(host, "FENCE");
		laws_before_fence(host);
		arbiter_fence(host);
		break;
	case FT_DO_ALARM:
		tell(host, "ALARM %s %s: %s", ft_alarm_name(a->alarm), a->raised ? "raised" : "over", a->text);
		break;
	case FT_DO_MARK:
		arbiter_mark(host);
		break;
	case FT_DO_REMEMBER:
		arbiter_remember(host, a->sure);
		break;
	case FT_DO_PLAN:
		tell(host, "PLAN");
		run_plan(host);
		break;
	case FT_DO_RECORD:
		do_record(host, a->outcome);
		break;
	case FT_DO_REPEAT:
		tell(host, "REPEAT");
		do_repeat(host);
		break;
	case FT_DO_OUTCOME:
		do_outcome(host, a);
		break;
	case FT_DO_EXIT:
		do_exit(host);
		break;
	}
	return !w.broken;
}

static bool catch_up(void *world)
{
	struct ftd *f = &((struct host *)world)->ftd;
	uint64_t life = f->life;
	turn(host_of(world));
	return !w.broken && f->life == life && ftd_can_run(host_of(world));
}

static void may_start(void *world, bool may, const char *why)
{
	unit_hears(host_of(world), may, why);
}

static void wake(void *world, int64_t at)
{
	((struct host *)world)->ftd.wake_core = alarm(host_of(world), at);
}

static void goodbye_later(void *world)
{
	struct ftd *f = &((struct host *)world)->ftd;
	later(FT_GOODBYE_EVERY_MS, FTD_GOODBYE, host_of(world))->arg = f->exits;
}

static void leave(void *world)
{
	struct host *h = world;
	ftd_end(host_of(h), ft_core_lease(&h->ftd.core) != FT_NEVER);
	later(between(of(host_of(h)), 50, 2000), HOST_FTD_START, host_of(h));
}

static void hears(void *world, const struct ft_event *e)
{
	death_hears_of(host_of(world), e);
}

static void stepped(void *world, const struct ft_event *e, int64_t now, const struct ft_actions *out)
{
	if (w.options.digest)
		digest_takes(&w.digest, host_of(world), e, now, out);
	laws_after_step(host_of(world), out);
}

static const struct ft_node_deeds node_deeds = {
    .now = now,
    .moment = moment,
    .stood_still = stood_still,
    .catch_up = catch_up,
    .qemu = seen_qemu,
    .guard = guard,
    .act = act,
    .may_start = may_start,
    .wake = wake,
    .goodbye_later = goodbye_later,
    .leave = leave,
    .hears = hears,
    .stepped = stepped,
};

/* And then it ends.  A person who keeps the VM off here does so whatever it says. */
static void answer_alone(int host)
{
	const struct ft_core *c = &w.host[host].ftd.core;
	char why[FT_TEXT_MAX];
	enum ft_alone answer = ft_alone_answer(c, local_time(host), why);
	if (answer == FT_ALONE_OPEN) {
		int64_t at = ft_core_deadline(c), until = ft_alone_until(c);
		wake(&w.host[host], at < until ? at : until);
		return;
	}
	unit_hears(host, answer == FT_ALONE_YES && !person_keeps_off(host), why);
	ftd_end(host, true);
}

/* As ctl/may_start.c: no peer, no QEMU, no sentinel; whoever was asked answers, and then it is judged again. */
static void feed_alone(int host, const struct ft_event *e)
{
	struct ftd *f = &w.host[host].ftd;
	uint64_t life = f->life;
	struct ft_actions out;
	hears(&w.host[host], e);
	if (!boundary(host))
		return;
	ft_core_step(&f->core, e, local_time(host), &out);
	stepped(&w.host[host], e, local_time(host), &out);
	for (int i = 0; i < out.n; i++)
		if (!boundary(host) || !act(&w.host[host], &out.a[i]) || f->life != life)
			return;
	if (e->kind != FT_EVENT_QEMU) /* that comes before the question */
		answer_alone(host);
}

void ftd_feed(int host, const struct ft_event *e)
{
	struct ftd *f = &w.host[host].ftd;
	if (f->alone)
		feed_alone(host, e);
	else
		ft_node_feed(&f->node, e);
}

void ftd_may_start(int host, bool confirmed)
{
	struct ftd *f = &w.host[host].ftd;
	if (!f->alone && !f->node.start_asked)
		ft_node_want_start(&f->node, confirmed);
}

/* ---- life ---- */

void ftd_wakes(int host)
{
	struct ftd *f = &w.host[host].ftd;
	if (f->wake_core <= w.now) {
		f->wake_core = FT_NEVER;
		if (f->alone)
			feed_alone(host, &(struct ft_event){.kind = FT_EVENT_TIME});
		else
			ft_node_time(&f->node);
	} else if (f->wake_links <= w.now) {
		turn_by(host, ft_turn_timer);
	} else {
		f->wake_plan = FT_NEVER;
		if (!f->plan_runs)
			return;
		ft_runner_tick(&f->runner, local_time(host));
		run_steps(host);
	}
}

static void arbiter_answered(int host, const struct happening *h)
{
	struct ftd *f = &w.host[host].ftd;
	if (!f->request_open || h->arg != f->requests)
		return;
	f->request_open = false;
	enum ft_claim claim = (enum ft_claim)h->detail;
	bool read = f->core.errand == FT_ERRAND_READ || f->core.errand == FT_ERRAND_READ_VERDICT;
	const char *text = claim == FT_CLAIM_UNREACHABLE ? "no answer" : h->more ? "beta" : "alpha";
	tell(host, "the arbiter says %s %s", ft_claim_name(claim), text);
	ftd_feed(host,
	         &(struct ft_event){.kind = read ? FT_EVENT_REGISTER : FT_EVENT_CLAIM, .claim = claim, .text = text});
}

static void marked(int host, const struct happening *h)
{
	struct ftd *f = &w.host[host].ftd;
	if (h->arg != f->mark_open)
		return;
	f->mark_open = 0;
	ftd_feed(host, &(struct ft_event){.kind = FT_EVENT_MARKED,
	                                  .error = h->error,
	                                  .text = h->error ? "no answer" : "",
	                                  .mark = h->error ? 0 : arbiter_found(h->arg)});
}

/* What a QEMU has said comes by its own connection: of one that is gone nothing is told of the next. */
static bool said_by_another(int host, const struct happening *h)
{
	bool said = h->what == FTD_COLO_EXIT || h->what == FTD_SHUTDOWN || h->what == FTD_CHECKPOINT;
	return said && h->arg != (uint32_t)w.host[host].ftd.seen.instance;
}

/* It has asked a disk, an arbiter and a fence agent, and hears nobody else. */
static bool is_not_for_ftctl(int host, enum what what)
{
	bool answer = what == FTD_STORED || what == FTD_REGISTER || what == FTD_FENCED || what == FTD_REMEMBERED;
	return w.host[host].ftd.alone && !answer;
}

static void handle(int host, const struct happening *h)
{
	struct ftd *f = &w.host[host].ftd;
	const struct qemu *q = &w.host[host].qemu;
	if (said_by_another(host, h) || is_not_for_ftctl(host, h->what))
		return;
	switch ((int)h->what) { /* the others are not for it */
	case FTD_REFUSED:
		ft_turn_refused(&f->turn, (int)h->arg, local_time(host));
		turn(host);
		break;
	case FTD_LOOK:
		look(host, false);
		if (h->detail)
			later(1000, FTD_LOOK, host)->detail = 1;
		break;
	case FTD_GONE:
		died(host);
		break;
	case FTD_HUNG:
		if (q->alive && q->stopped && !f->frozen_held && f->spoken && w.now - f->resumed_at > SECOND(1)) {
			tell(host, "ftd finds that its QEMU hangs");
			ftd_feed(host, &(struct ft_event){.kind = FT_EVENT_HUNG, .text = "stopped by someone"});
		}
		break;
	case FTD_COLO_EXIT:
		ftd_feed(host, &(struct ft_event){.kind = FT_EVENT_COLO_EXIT, .error = true, .text = "error"});
		break;
	case FTD_SHUTDOWN:
		ftd_feed(host,
		         &(struct ft_event){.kind = FT_EVENT_SHUTDOWN,
		                            .ending = (enum ft_ending)h->detail,
		                            .text = h->detail == FT_ENDING_GUEST ? "guest-shutdown" : "host-signal"});
		break;
	case FTD_CHECKPOINT:
		if (qemu_answers(host, FT_CHANNEL_QMP))
			ftd_feed(host, &(struct ft_event){.kind = FT_EVENT_CHECKPOINT});
		break;
	case FTD_FROZEN:
		frozen(host, h);
		break;
	case FTD_SENTINEL:
		ft_node_sentinel_froze(&f->node);
		break;
	case FTD_REPLY:
		replied(host, h);
		break;
	case FTD_PLANNED:
		ftd_feed(host, &(struct ft_event){.kind = FT_EVENT_PLAN, .plan = &f->runner.report});
		break;
	case FTD_STORED:
		stored(host, h->error);
		break;
	case FTD_RECORDED:
		recorded(host, h->error);
		break;
	case FTD_REGISTER:
		arbiter_answered(host, h);
		break;
	case FTD_FENCED:
		tell(host, "the fence has %s", h->error ? "failed" : "succeeded");
		ftd_feed(host, &(struct ft_event){.kind = FT_EVENT_FENCED, .error = h->error, .text = "stuck"});
		break;
	case FTD_MARKED:
		marked(host, h);
		break;
	case FTD_REMEMBERED:
		ftd_feed(host, &(struct ft_event){.kind = FT_EVENT_REMEMBERED,
		                                  .claim = (enum ft_claim)h->detail,
		                                  .epoch = h->arg,
		                                  .text = "the other side"});
		break;
	case FTD_TERM:
		ftd_feed(host, &(struct ft_event){.kind = FT_EVENT_LEAVE});
		break;
	case FTD_GOODBYE:
		if (h->arg == f->exits)
			ft_node_goodbye(&f->node);
		break;
	default:
		break;
	}
}

/* A socket holds one error, however many come in. */
static bool is_pending(const struct ftd *f, const struct happening *h)
{
	for (int i = 0; h->what == FTD_REFUSED && i < f->n_inbox; i++)
		if (f->inbox[i].what == FTD_REFUSED && f->inbox[i].arg == h->arg)
			return true;
	return false;
}

void ftd_happens(const struct happening *h)
{
	struct ftd *f = &w.host[h->host].ftd;
	if (h->what == FTD_DATAGRAM) { /* for whoever holds the socket when it comes in */
		arrives(h);
		return;
	}
	if (f->running == FTD_DEAD || h->guard != f->life)
		return;
	if (ftd_can_run(h->host) && !f->turn.running)
		handle(h->host, h);
	else if (!is_pending(f, h)) {
		assert(f->n_inbox < INBOX_MAX); /* what is dropped here would look like a fault of ftd's */
		f->inbox[f->n_inbox++] = *h;
	}
}

/* All that came in meanwhile is ready at once, in an order that the event loop makes up. */
void ftd_resumes(int host)
{
	struct ftd *f = &w.host[host].ftd;
	uint64_t life = f->life;
	f->resumed_at = w.now;
	if (happens(of(host), 0.5))
		turn(host);
	while (f->life == life && f->n_inbox > 0 && ftd_can_run(host) && !f->turn.running && !w.broken) {
		struct happening h = f->inbox[0];
		memmove(f->inbox, f->inbox + 1, (size_t)--f->n_inbox * sizeof f->inbox[0]);
		handle(host, &h);
	}
	if (f->life == life)
		turn(host);
}

void ftd_stop(int host, double ms)
{
	struct ftd *f = &w.host[host].ftd;
	if (f->running != FTD_RUNS)
		return;
	tell(host, "ftd is stopped");
	f->stopped_at = local_time(host);
	f->running = FTD_STOPPED;
	later(ms, HOST_FTD_RESUME, host)->arg = ++f->stops;
}

static void postpone(int64_t *at, int64_t by)
{
	if (*at != FT_NEVER)
		*at += by;
}

void ftd_pauses(int host, int64_t for_ns)
{
	struct host *h = &w.host[host];
	postpone(&h->ftd.wake_links, for_ns);
	postpone(&h->ftd.wake_core, for_ns);
	postpone(&h->ftd.wake_plan, for_ns);
	postpone(&h->sentinel.wake, for_ns);
	postpone(&h->predecessor.wake, for_ns);
}

void ftd_continue(int host, uint32_t which_stop)
{
	struct ftd *f = &w.host[host].ftd;
	if (f->running == FTD_DEAD || f->stalled || f->stops != which_stop)
		return;
	const struct ft_detector *d = &f->hub.detector;
	bool there = d->hearing == FT_HEARING_ALIVE || d->hearing == FT_HEARING_QUIET;
	if (f->running == FTD_STOPPED && there && !d->anew_spent && local_time(host) - f->stopped_at > 2 * d->window)
		f->anew_from = local_time(host);
	if (f->running == FTD_STOPPED)
		tell(host, "ftd runs again");
	f->running = FTD_RUNS;
	if (ftd_can_run(host))
		ftd_resumes(host);
}

static void start_sentinel(int host)
{
	struct host *h = &w.host[host];
	/* Of several the one that acts first is enough; one that was given no QEMU never does. */
	bool guards = h->sentinel.on && h->sentinel.instance != 0;
	if (guards && !(h->predecessor.on && h->predecessor.lease < h->sentinel.lease))
		h->predecessor = h->sentinel;
	h->sentinel = (struct sentinel){.on = true, .lease = FT_NEVER, .wake = FT_NEVER};
}

/* What its wall clock shows.  In some worlds nothing sets it: it begins where it stands at each boot. */
int64_t wall_time(int host)
{
	int64_t began = w.walls_unset ? w.host[host].booted_at : 0;
	return SECOND(1e6) + w.now - began;
}

static struct ft_core_params params_of(int host)
{
	const struct host *h = &w.host[host];
	struct ft_core_params p = {.incarnation = chance(of(host)) | 1,
	                           .interval = MS(INTERVAL_MS),
	                           .window = MS(INTERVAL_MS * h->lost_after),
	                           .reply_timeout = SECOND(1),
	                           .arbitrated = w.options.arbitrated,
	                           .registers = w.options.arbitrated && !w.options.fence,
	                           .fenced = w.options.behind,
	                           .guard = w.options.no_guard ? 0 : MS(w.guard_ms),
	                           .share = {.arbiter = (uint8_t)(w.options.fence        ? 4
	                                                          : w.options.arbitrated ? 3
	                                                                                 : 1),
	                                     .guard_ms = (uint32_t)w.guard_ms,
	                                     .n_links = LINKS}};
	memcpy(p.node, settings[host].node, sizeof p.node);
	for (int i = 0; i < LINKS; i++)
		p.share.links[i] = (uint32_t)i + 1;
	for (size_t i = 0; i < sizeof p.seed; i++)
		p.seed[i] = (uint8_t)chance(of(host));
	return p;
}

static void forget_predecessor(struct ftd *f)
{
	memset(f, 0, offsetof(struct ftd, core));
	f->running = FTD_RUNS;
	f->life = ++w.names;
	f->resumed_at = w.now;
	f->anew_from = FT_NEVER;
	memset(&f->turn, 0, offsetof(struct ftd, socket) - offsetof(struct ftd, turn));
	memset(&f->seen, 0, offsetof(struct ftd, runner) - offsetof(struct ftd, seen));
	f->n_inbox = f->stall_in = f->dies_in = 0;
	f->plan_runs = f->request_open = false;
	f->verdict_asked_at = 0;
	f->mark_open = 0;
}

void ftd_start(int host)
{
	struct host *h = &w.host[host];
	struct ftd *f = &h->ftd;
	if (f->running != FTD_DEAD && f->alone) { /* the lock is held, and a unit starts it again */
		later(100, HOST_FTD_START, host);
		return;
	}
	if (!h->up || h->suspended || f->running != FTD_DEAD || h->blown)
		return;
	settings[host].lost_after = h->lost_after;
	struct ft_core_params p = params_of(host);
	forget_predecessor(f);
	if (h->missed > 0) /* nobody has read the counter before: it goes by its session, once it has seen its QEMU */
		h->paused_until = w.now + MS(100);
	h->missed = 0;
	h->words = h->muted_after;
	h->muted_after = 0;
	if (w.options.arbitrated) {
		p.fresh = !h->disk.used;
		h->disk.used = true;
		read_disk(host, &p.session);
		read_outcomes(host, p.recorded);
		start_sentinel(host);
	}
	tell(host, "ftd starts, its session: %s %02x%02x", ft_session_stage_name(p.session.stage), p.session.id[0],
	     p.session.id[1]);
	ft_core_init(&f->core, &p, local_time(host));
	ft_node_init(&f->node, &f->core, &node_deeds, h);
	ft_hub_init(&f->hub, &settings[host], p.incarnation, wall_time(host), local_time(host));
	ft_turn_init(&f->turn, &f->hub, &turn_deeds, h, &told, h);
	faults_at_start();
	f->wake_links = w.now + MS(between(of(host), 0, 5));
	f->wake_plan = FT_NEVER;
	f->wake_core = w.now;
	later(between(of(host), 2, 100), FTD_LOOK, host)->detail = 1;
}

/* Its lock leaves a fresh state_dir fresh.  It looks for the session's QEMU, and there is none. */
void ftd_ask_alone(int host, bool confirmed)
{
	struct host *h = &w.host[host];
	struct ftd *f = &h->ftd;
	if (!h->up || h->suspended || f->running != FTD_DEAD || h->blown)
		return;
	struct ft_core_params p = params_of(host);
	forget_predecessor(f);
	memset(&p.share, 0, sizeof p.share);
	p.fresh = !h->disk.used;
	read_disk(host, &p.session);
	f->alone = true;
	f->wake_links = f->wake_plan = f->wake_core = FT_NEVER;
	tell(host, "ftctl asks without ftd%s, its session: %s %02x%02x", confirmed ? ", confirmed" : "",
	     ft_session_stage_name(p.session.stage), p.session.id[0], p.session.id[1]);
	uint64_t life = f->life;
	ft_core_init(&f->core, &p, local_time(host));
	ftd_feed(host, &(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &(struct ft_qemu_facts){.vm = FT_VM_ABSENT}});
	if (f->life == life && f->running != FTD_DEAD)
		ftd_feed(host, &(struct ft_event){.kind = FT_EVENT_WANT_START, .confirmed = confirmed});
}

/* Its next ftd knows of a success by its QEMU's own session alone, if that is on its disk. */
static void forget_success(int host)
{
	struct host *h = &w.host[host];
	const struct ft_core *c = &h->ftd.core;
	bool unwritten = ft_record_owes_success(&c->record), tried = h->disk.full || h->disk.hangs;
	bool on_disk = c->session.instance == h->qemu.instance &&
	               memcmp(h->disk.file.id, h->qemu.session, sizeof h->qemu.session) == 0;
	if (unwritten && (tried || !ft_core_exits(c)) && !on_disk)
		memset(h->qemu.session, 0, sizeof h->qemu.session);
}

void ftd_end(int host, bool sentinel_stays)
{
	struct host *h = &w.host[host];
	struct ftd *f = &h->ftd;
	if (f->running == FTD_DEAD)
		return;
	tell(host, "ftd ends");
	w.crashed_at[1 - host] = FT_NEVER; /* who has died is no survivor */
	f->running = FTD_DEAD;
	f->life = 0;
	while (f->n_socket > 0)
		drop_datagram(f->socket[--f->n_socket]);
	f->n_inbox = 0;
	disk_settles(host, false);
	forget_success(host);
	if (!sentinel_stays) /* it dismisses its own; one of an earlier ftd that it has not relieved yet stays */
		h->sentinel.on = false;
}
