/* See model.h. */
#include "tests/exhaustive/model.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PLAN_LASTS   SECOND(4) /* until the runner gives it up */
#define CLAIM_LASTS  SECOND(1)
#define SILENT_AFTER SECOND(1) /* a QEMU that answers nothing counts as silent from then on */
#define FENCE_DELAY  SECOND(1.5)

const char *const choice_names[CHOICE_KINDS] = {
    [DO_TIME] = "time",
    [DO_MEET] = "meet",
    [DO_HEAR] = "hear",
    [DO_MISS] = "miss",
    [DO_LOOK] = "look",
    [DO_STOP] = "stop",
    [DO_SENTINEL_STOPS] = "sentinel-stops",
    [DO_SENTINEL_TELLS] = "sentinel-tells",
    [DO_FROZEN] = "frozen",
    [DO_OBEY] = "obey",
    [DO_PLANNED] = "planned",
    [DO_STORED] = "stored",
    [DO_RECORDED] = "recorded",
    [DO_LAND] = "land",
    [DO_ANSWER] = "answer",
    [DO_FENCE] = "fence",
    [DO_CHECKPOINT] = "checkpoint",
    [DO_COLO_EXIT] = "colo-exit",
    [DO_EXIT] = "exit",
    [DO_LAND_LATE] = "land-late",
    [DO_START] = "start",
    [DO_BOOT] = "boot",
    [DO_JOIN] = "join",
    [DO_REACH] = "reach",
    [DO_WAIT] = "wait",
    [FAULT_KILL] = "kill-ftd",
    [FAULT_KILL_WITHIN] = "kill-within",
    [FAULT_LEAVE] = "leave-ftd",
    [FAULT_FORCE] = "force",
    [FAULT_CRASH] = "crash-host",
    [FAULT_QEMU] = "kill-qemu",
    [FAULT_CUT] = "cut-one-way",
    [FAULT_PART] = "partition",
    [FAULT_ARBITER] = "cut-arbiter",
    [FAULT_STORE] = "disk-full",
    [FAULT_PLAN] = "plan-trouble",
    [FAULT_FENCE] = "fence-fails",
    [FAULT_SLOW_STORE] = "slow-disk",
    [FAULT_SLOW_CLAIM] = "slow-arbiter",
    [FAULT_SLOW_PLAN] = "slow-plan",
    [FAULT_STALE] = "stale-read",
};

struct options options = {.window_ms = 500, .faults = UINT64_MAX};
bool verbose;
static const char *const nodes[2] = {"alpha", "beta"};

/* The step under way: where ftd is to be killed, and what is on disk then; and how far it has come. */
static int killed_at, killed_on_disk, things_done;

void tell(const struct world *w, int host, const char *format, ...)
{
	if (!verbose)
		return;
	printf("%10.1f  %-6s ", (double)(w->now - TIME_BEGINS) / 1e6, host < 0 ? "" : nodes[host]);
	va_list args;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* ---- copying ---- */

static void copy_part(struct world *to, const struct world *from, size_t begin, size_t end)
{
	memcpy((char *)to + begin, (const char *)from + begin, end - begin);
}

void world_copy(struct world *to, const struct world *from)
{
	size_t begin = 0;
	for (int i = 0; i < 2; i++) {
		size_t steps = offsetof(struct world, host[0]) + (size_t)i * sizeof(struct host) +
		               offsetof(struct host, core.outcome.plan.steps);
		copy_part(to, from, begin, steps + sizeof(struct ft_step_record));
		begin = steps + sizeof from->host[i].core.outcome.plan.steps;
	}
	copy_part(to, from, begin, sizeof *to);
}

/* ---- who hears whom ---- */

static bool cut_from(const struct world *w, int host)
{
	return w->cut[host] || w->silent;
}

static bool both_speak(const struct world *w)
{
	return w->host[0].ftd && w->host[1].ftd;
}

/* Heartbeats of the other come in, and count as life. */
static bool hears(const struct world *w, int host)
{
	const struct host *h = &w->host[host], *peer = &w->host[1 - host];
	return both_speak(w) && !cut_from(w, 1 - host) && h->knows == peer->life && peer->knows == h->life;
}

static bool has_news(const struct world *w, int host)
{
	const struct host *h = &w->host[host], *peer = &w->host[1 - host];
	return h->told_life != peer->life || !ft_side_equal(&h->told, &peer->core.self);
}

/* The other's newest word acknowledges ours without a pause. */
static bool acknowledged(const struct world *w, int host)
{
	bool heard = hears(w, 1 - host) && w->host[1 - host].hearing == FT_PEER_ALIVE;
	return heard && hears(w, host) && !has_news(w, host) && ft_side_calm(&w->host[host].told);
}

/* ---- QEMU ---- */

bool runs_as_master(const struct world *w, int host)
{
	const struct host *h = &w->host[host];
	const struct qemu *q = &h->qemu;
	bool alone = q->mode == FT_ROLE_NONE && q->last != FT_ROLE_NONE;
	return h->up && q->alive && !q->stopped && (q->mode == FT_ROLE_PRIMARY || alone);
}

static bool replicates(const struct world *w)
{
	const struct qemu *a = &w->host[0].qemu, *b = &w->host[1].qemu;
	bool whole = a->alive && b->alive && a->mode != FT_ROLE_NONE && b->mode != FT_ROLE_NONE;
	return whole && !w->silent && !a->stopped && !b->stopped && !a->exit_said && !b->exit_said;
}

/* The other half is gone, or has left the pair: the connection is closed. */
static void closes(struct world *w, int host)
{
	struct qemu *q = &w->host[host].qemu;
	if (!q->alive || q->mode == FT_ROLE_NONE || q->exit_said)
		return;
	q->exit_said = q->exit_coming = true;
}

static void qemu_dies(struct world *w, int host)
{
	struct host *h = &w->host[host];
	if (!h->qemu.alive)
		return;
	tell(w, host, "QEMU dies");
	h->qemu.alive = h->qemu.stopping = h->qemu.exit_coming = h->qemu.plan_sent = false;
	if (h->planning && h->plan == PLAN_WAITS)
		h->plan = PLAN_DEAD;
	closes(w, 1 - host);
}

static void qemu_stops(struct world *w, int host)
{
	struct qemu *q = &w->host[host].qemu;
	q->stopping = false;
	q->stopped = true;
	q->silent_since = w->now;
}

static void qemu_fails_over(struct world *w, int host)
{
	struct qemu *q = &w->host[host].qemu;
	q->plan_sent = false;
	if (q->mode != FT_ROLE_NONE) {
		tell(w, host, "QEMU has failed over from %s", ft_role_name(q->mode));
		q->last = q->mode;
		q->mode = FT_ROLE_NONE;
		q->exit_said = true;
		q->exit_coming = false;
		q->released = true;
		closes(w, 1 - host);
	}
	if (w->host[host].planning && w->host[host].plan == PLAN_WAITS)
		w->host[host].plan = PLAN_GOOD;
}

/* What ftd would see now; false: that is no news. */
static bool see(const struct world *w, int host, struct ft_qemu_facts *out, bool *spoken)
{
	const struct host *h = &w->host[host];
	const struct qemu *q = &h->qemu;
	struct ft_qemu_facts v = h->seen;
	*spoken = h->spoken;
	if (!q->alive) {
		v.vm = v.vm == FT_VM_ALIVE || v.vm == FT_VM_GONE ? FT_VM_GONE : FT_VM_ABSENT;
		v.connected = v.running = v.oob = v.plan_ready = v.pid_verified = false;
	} else if (h->frozen_held && v.instance == q->instance) {
		return false; /* while our own freeze lasts, silence is no news */
	} else {
		if (v.instance != q->instance) {
			v = (struct ft_qemu_facts){.instance = q->instance, .stopped = q->stopped};
			*spoken = false;
		}
		v.vm = FT_VM_ALIVE;
		if (!q->stopped) {
			*spoken = v.connected = v.oob = v.pid_verified = true;
			v.role = q->mode;
			v.last_role = q->last;
			v.running = true;
			v.checkpoint_ms = 500;
		} else if (!*spoken || w->now >= q->silent_since + SILENT_AFTER) {
			v.connected = v.running = v.oob = false;
		}
		v.plan_ready = v.connected && v.role != FT_ROLE_NONE;
	}
	const struct ft_qemu_facts *s = &h->seen;
	*out = v;
	return v.connected != s->connected || v.running != s->running || v.oob != s->oob ||
	       v.plan_ready != s->plan_ready || v.pid_verified != s->pid_verified || v.instance != s->instance ||
	       v.vm != s->vm || v.role != s->role || v.last_role != s->last_role;
}

static const struct sentinel *sentinel_due(const struct world *w, int host)
{
	const struct host *h = &w->host[host];
	const struct sentinel *both[] = {&h->sentinel, &h->predecessor};
	for (int i = 0; i < 2; i++)
		if (both[i]->on && both[i]->instance == h->qemu.instance && h->qemu.alive && !h->qemu.stopped &&
		    w->now >= both[i]->lease)
			return both[i];
	return NULL;
}

/* ---- ends of processes ---- */

static void keep_success(struct host *h)
{
	h->success_coming = false;
	if (h->n_successes < SUCCESSES_MAX)
		memcpy(h->successes[h->n_successes++], h->success, sizeof h->success);
}

/* What an ftd that is gone had asked of the register may land yet. */
static void give_up_request(struct world *w, int host)
{
	struct request *r = &w->host[host].request;
	if (r->open && !r->landed && !r->read && options.arbiter != ARBITER_FENCE && w->n_late < LATE_MAX) {
		w->late[w->n_late].key = r->key;
		w->late[w->n_late].host = host;
		w->late[w->n_late].name = r->name;
		w->late[w->n_late++].until = w->now + FT_LANDS_NS;
	}
	*r = (struct request){0};
}

static void ftd_ends(struct world *w, int host, int on_disk)
{
	struct host *h = &w->host[host];
	if (!h->ftd)
		return;
	tell(w, host, "ftd ends");
	if (h->writing && (on_disk & 1))
		h->file = h->coming;
	if (h->success_coming && (on_disk & 2))
		keep_success(h);
	give_up_request(w, host);
	h->ftd = h->writing = h->store_slow = h->success_coming = h->fencing = false;
	h->recording = 0;
	h->life = h->knows = h->told_life = 0;
	memset(&h->core, 0, offsetof(struct ft_core, outcome.plan.steps));
	h->core.self = (struct ft_side){0};
	h->due = FT_NEVER;
	memset(&h->told, 0, sizeof h->told);
	memset(&h->seen, 0, sizeof h->seen);
	h->hearing = FT_PEER_NEVER;
	h->heard_at = FT_NEVER;
	h->spoken = h->frozen_held = h->freezing = h->sentinel_tells = h->planning = h->plan_slow = false;
	h->checkpoint = h->exiting = h->qemu.exit_coming = false;
}

static void host_crashes(struct world *w, int host, int on_disk)
{
	struct host *h = &w->host[host];
	if (!h->up)
		return;
	tell(w, host, "the host goes down");
	ftd_ends(w, host, on_disk);
	qemu_dies(w, host);
	h->up = false;
	h->sentinel.on = h->predecessor.on = false;
}

/* ---- one step of a core ---- */

/* Whether ftd is killed before the next thing that can be seen outside. */
static bool killed_here(struct world *w, int host)
{
	if (things_done++ != killed_at)
		return false;
	tell(w, host, "ftd is killed between two things that it does");
	ftd_ends(w, host, killed_on_disk);
	return true;
}

static void publish(struct world *w, int host)
{
	struct host *h = &w->host[host];
	int64_t lease = ft_core_lease_of(&h->core, h->seen.instance);
	h->sentinel.lease = lease;
	h->sentinel.instance = h->seen.instance;
	bool known = lease != FT_NEVER || h->seen.connected || ft_core_sets_free(&h->core, h->seen.instance);
	if (!h->predecessor.on || h->seen.instance == 0 || !known)
		return;
	h->predecessor = (struct sentinel){0};
	h->sentinel_tells = true; /* it may have stopped QEMU as late as now */
}

/* Not where the right to run has ended: step() has the core look at that. */
static void thaw(struct world *w, int host)
{
	struct host *h = &w->host[host];
	if (w->now >= ft_core_lease(&h->core))
		return;
	h->frozen_held = h->freezing = false;
	if (h->qemu.alive && h->seen.instance == h->qemu.instance)
		h->qemu.stopped = h->qemu.stopping = false;
}

static void ask_register(struct world *w, int host, const struct ft_action *a)
{
	struct host *h = &w->host[host];
	give_up_request(w, host);
	h->request = (struct request){.open = true,
	                              .read = a->kind == FT_DO_READ,
	                              .sure = a->sure,
	                              .fence = a->fence,
	                              .name = strcmp(a->text, nodes[1]) == 0,
	                              .key = {.verdict = a->verdict},
	                              .at = w->now,
	                              .not_before = w->now};
	if (a->fence && options.arbiter == ARBITER_FENCE && host == 1)
		h->request.not_before += FENCE_DELAY; /* so that they do not shoot each other */
	memcpy(h->request.key.id, h->core.claim_id, sizeof h->request.key.id);
}

static void run_plan(struct world *w, int host)
{
	struct host *h = &w->host[host];
	bool able = h->qemu.alive && h->seen.instance == h->qemu.instance && h->seen.plan_ready;
	h->planning = true;
	h->plan_slow = false;
	h->plan = able ? PLAN_WAITS : PLAN_NONE;
	h->plan_until = w->now + PLAN_LASTS;
	h->qemu.plan_sent |= able;
}

static bool act(struct world *w, int host, const struct ft_action *a)
{
	struct host *h = &w->host[host];
	switch (a->kind) {
	case FT_DO_SAY:
		tell(w, host, "says: %s", a->text);
		return true;
	case FT_DO_STATE:
		tell(w, host, "%s -> %s: %s", ft_state_name(a->from), ft_state_name(a->to), a->text);
		return true;
	case FT_DO_SEND: /* what is heard is always the newest */
	case FT_DO_OUTCOME:
	case FT_DO_REMEMBER: /* nobody asks whether a VM may be started */
	case FT_DO_ALARM:
	case FT_DO_MARK: /* its sides do not say which arbiter they have, so they need not prove that they share it */
	case FT_DO_YANK: /* no QEMU of its is blocked: what is silent stands still, and has broken with its peer already */
		return true;
	case FT_DO_PROBE:
	case FT_DO_FREEZE:
	case FT_DO_THAW:
	case FT_DO_KILL:
	case FT_DO_STORE:
	case FT_DO_CLAIM:
	case FT_DO_FENCE:
	case FT_DO_READ:
	case FT_DO_PLAN:
	case FT_DO_RECORD:
	case FT_DO_REPEAT:
	case FT_DO_EXIT:
		break;
	}
	if (killed_here(w, host))
		return false;
	laws_on_action(w, host, a);
	switch ((int)a->kind) {
	case FT_DO_PROBE:
		if (replicates(w))
			w->host[0].checkpoint = w->host[1].checkpoint = true;
		break;
	case FT_DO_FREEZE:
		tell(w, host, "FREEZE");
		h->frozen_held = h->freezing = true;
		h->qemu.stopping = h->qemu.alive && !h->qemu.stopped && h->seen.instance == h->qemu.instance;
		break;
	case FT_DO_THAW:
		tell(w, host, "THAW");
		thaw(w, host);
		break;
	case FT_DO_KILL:
		tell(w, host, "KILL");
		if (h->seen.instance == h->qemu.instance)
			qemu_dies(w, host);
		break;
	case FT_DO_STORE:
		tell(w, host, "STORE %s %02x%02x of %s", ft_session_stage_name(h->core.store_next.stage),
		     h->core.store_next.id[0], h->core.store_next.id[1], h->core.store_next.winner);
		h->coming = h->core.store_next;
		h->writing = true;
		h->store_slow = false;
		break;
	case FT_DO_CLAIM:
	case FT_DO_READ:
		tell(w, host, "%s%s %02x%02x%s", a->kind == FT_DO_CLAIM ? "CLAIM" : "READ",
		     a->verdict ? " the verdict of" : "", h->core.claim_id[0], h->core.claim_id[1],
		     a->fence ? ", with a fence" : "");
		if (!a->verdict && a->kind == FT_DO_CLAIM)
			h->claimed_unbound = h->core.session.stage != FT_SESSION_BOUND;
		ask_register(w, host, a);
		break;
	case FT_DO_FENCE:
		tell(w, host, "FENCE");
		h->fencing = true;
		break;
	case FT_DO_PLAN:
		tell(w, host, "PLAN");
		run_plan(w, host);
		break;
	case FT_DO_RECORD:
		tell(w, host, "RECORD %s, claim %s", ft_result_name(a->outcome->result),
		     ft_claim_name(a->outcome->claim));
		h->recording++;
		if (a->outcome->result == FT_SUCCESS) {
			memcpy(h->success, a->outcome->session, sizeof h->success);
			h->success_coming = true;
		}
		break;
	case FT_DO_REPEAT:
		tell(w, host, "REPEAT");
		h->recording++;
		h->success_coming = true;
		break;
	case FT_DO_EXIT:
		h->exiting = true;
		break;
	}
	return true;
}

static bool thaw_was_refused(const struct world *w, const struct ft_actions *out, int host)
{
	for (int i = 0; i < out->n; i++)
		if (out->a[i].kind == FT_DO_THAW && w->now >= ft_core_lease(&w->host[host].core))
			return true;
	return false;
}

static void step(struct world *w, int host, const struct ft_event *e)
{
	struct host *h = &w->host[host];
	struct ft_actions out;
	uint64_t life = h->life;
	if (!h->ftd)
		return;
	ft_core_step(&h->core, e, w->now, &out);
	laws_after_step(w, host, e, &out);
	if (killed_here(w, host))
		return;
	publish(w, host);
	for (int i = 0; i < out.n; i++)
		if (!act(w, host, &out.a[i]) || h->life != life)
			return;
	h->due = ft_core_deadline(&h->core);
	if (thaw_was_refused(w, &out, host))
		step(w, host, &(struct ft_event){.kind = FT_EVENT_TIME});
}

/* ---- links ---- */

static void acknowledge(struct world *w, int host)
{
	if (!acknowledged(w, host))
		return;
	w->host[1 - host].heard_at = w->now;
	step(w, host, &(struct ft_event){.kind = FT_EVENT_ACK, .at = w->now});
}

static void hear(struct world *w, int host)
{
	struct host *h = &w->host[host], *peer = &w->host[1 - host];
	h->heard_at = w->now;
	if (has_news(w, host)) {
		struct ft_peer_news news = {.incarnation = peer->life, .side = peer->core.self};
		memcpy(news.node, peer->core.params.node, sizeof news.node);
		h->told_life = peer->life;
		h->told = peer->core.self;
		step(w, host, &(struct ft_event){.kind = FT_EVENT_PEER, .peer = &news});
	}
	acknowledge(w, host);
	if (!h->ftd || h->hearing == FT_PEER_ALIVE)
		return;
	h->hearing = FT_PEER_ALIVE;
	step(w, host, &(struct ft_event){.kind = FT_EVENT_HEARING, .hearing = FT_PEER_ALIVE, .heard_at = h->heard_at});
}

static int64_t quiet_after(void)
{
	int64_t late = MS(INTERVAL_MS) * 3 / 2, half = MS(options.window_ms) / 2;
	return half > late ? half : late;
}

/* When the peer's silence means more than now. */
static int64_t missed_at(const struct world *w, int host)
{
	const struct host *h = &w->host[host];
	if (!h->ftd || hears(w, host))
		return FT_NEVER;
	if (h->hearing == FT_PEER_ALIVE)
		return h->heard_at + quiet_after();
	return h->hearing == FT_PEER_QUIET ? h->heard_at + MS(options.window_ms) : FT_NEVER;
}

static void miss(struct world *w, int host)
{
	struct host *h = &w->host[host];
	h->hearing = w->now >= h->heard_at + MS(options.window_ms) ? FT_PEER_LOST : FT_PEER_QUIET;
	step(w, host, &(struct ft_event){.kind = FT_EVENT_HEARING, .hearing = h->hearing, .heard_at = h->heard_at});
}

/* ---- the register ---- */

int winner_of(const struct world *w, const struct key *key)
{
	for (int i = 0; i < w->n_registers; i++)
		if (w->registers[i].key.verdict == key->verdict &&
		    memcmp(w->registers[i].key.id, key->id, sizeof key->id) == 0)
			return w->registers[i].winner;
	return -1;
}

static int put_if_absent(struct world *w, const struct key *key, int name)
{
	int there = winner_of(w, key);
	if (there >= 0)
		return there;
	assert(w->n_registers < REGISTERS_MAX);
	w->registers[w->n_registers].key = *key;
	w->registers[w->n_registers++].winner = name;
	tell(w, name, "stands in the %s of session %02x%02x now", key->verdict ? "verdict" : "register", key->id[0],
	     key->id[1]);
	return name;
}

static bool must_shoot(const struct request *r)
{
	return options.arbiter == ARBITER_FENCE && !r->read && r->fence;
}

static void land(struct world *w, int host)
{
	struct request *r = &w->host[host].request;
	r->landed = true;
	r->winner = options.arbiter == ARBITER_FENCE ? host
	            : r->read                        ? winner_of(w, &r->key)
	                                             : put_if_absent(w, &r->key, r->name);
	r->said = r->winner < 0 ? FT_CLAIM_NOT_NEEDED : !r->read && r->winner == r->name ? FT_CLAIM_WON : FT_CLAIM_LOST;
	if (!must_shoot(r))
		return;
	tell(w, host, "powers the other host off");
	host_crashes(w, 1 - host, 0);
}

static void answer(struct world *w, int host, enum ft_claim said)
{
	struct host *h = &w->host[host];
	bool read = h->request.read;
	const char *text = said == FT_CLAIM_UNREACHABLE ? "no answer"
	                   : h->request.winner >= 0     ? nodes[h->request.winner]
	                                                : "nobody";
	if (said == FT_CLAIM_UNREACHABLE)
		give_up_request(w, host);
	h->request = (struct request){0};
	tell(w, host, "the arbiter says %s %s", ft_claim_name(said), text);
	step(w, host,
	     &(struct ft_event){.kind = read ? FT_EVENT_REGISTER : FT_EVENT_CLAIM, .claim = said, .text = text});
}

/* ---- the plan ---- */

static void planned(struct world *w, int host)
{
	static struct ft_plan_report report;
	struct host *h = &w->host[host];
	report = (struct ft_plan_report){.ok = h->plan == PLAN_GOOD,
	                                 .n_steps = h->plan != PLAN_NONE,
	                                 .proven_at = h->plan == PLAN_GOOD ? w->now : FT_NEVER};
	report.steps[0].channel = FT_CHANNEL_QMP;
	report.steps[0].result = h->plan == PLAN_GOOD    ? FT_STEP_OK
	                         : h->plan == PLAN_WAITS ? FT_STEP_TIMEOUT
	                                                 : FT_STEP_ERROR;
	h->planning = h->plan_slow = false;
	h->plan = PLAN_WAITS;
	step(w, host, &(struct ft_event){.kind = FT_EVENT_PLAN, .plan = &report});
}

/* ---- life ---- */

static void ftd_starts(struct world *w, int host)
{
	struct host *h = &w->host[host];
	struct ft_core_params p = {.interval = MS(INTERVAL_MS),
	                           .window = MS(options.window_ms),
	                           .reply_timeout = SECOND(1),
	                           .arbitrated = true,
	                           .registers = options.arbiter != ARBITER_FENCE,
	                           .fenced = options.arbiter == ARBITER_BEHIND,
	                           .guard = MS(GUARD_MS),
	                           .session = h->file,
	                           .fresh = h->lives == 0};
	h->ftd = true;
	h->life = p.incarnation = 2 * ++h->lives + (uint64_t)host;
	memcpy(p.node, nodes[host], strlen(nodes[host]) + 1);
	p.seed[0] = (uint8_t)h->life;
	p.seed[1] = 0xf7;
	if (h->n_successes > 0)
		memcpy(p.recorded, h->successes[h->n_successes - 1], sizeof p.recorded);
	if (h->sentinel.on && h->sentinel.instance != 0 &&
	    !(h->predecessor.on && h->predecessor.lease < h->sentinel.lease))
		h->predecessor = h->sentinel;
	h->sentinel = (struct sentinel){.on = true, .lease = FT_NEVER};
	tell(w, host, "ftd starts, its session: %s %02x%02x of %s", ft_session_stage_name(p.session.stage),
	     p.session.id[0], p.session.id[1], p.session.winner);
	ft_core_init(&h->core, &p, w->now);
	h->due = w->now;
	h->pending = (struct pending){0};
}

static void ftd_leaves(struct world *w, int host)
{
	struct host *h = &w->host[host];
	bool duty = ft_core_lease(&h->core) != FT_NEVER;
	ftd_ends(w, host, 3);
	if (!duty)
		h->sentinel.on = false;
}

void world_begin(struct world *w)
{
	memset(w, 0, sizeof *w);
	w->now = TIME_BEGINS + SECOND(1000);
	for (int i = 0; i < 2; i++) {
		struct host *h = &w->host[i];
		h->up = true;
		h->heard_at = FT_NEVER;
		h->qemu = (struct qemu){.instance = (uint64_t)(11 + i),
		                        .alive = true,
		                        .mode = i == 0 ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY};
		ftd_starts(w, i);
	}
}

void world_heal(struct world *w)
{
	w->cut[0] = w->cut[1] = w->silent = false;
	for (int i = 0; i < 2; i++) {
		struct host *h = &w->host[i];
		h->arbiter_cut = h->store_slow = h->plan_slow = h->request.slow = false;
		h->up = true;
		if (!h->ftd)
			ftd_starts(w, i);
	}
}

/* ---- time ---- */

static int64_t min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t next_moment(const struct world *w)
{
	int64_t next = FT_NEVER;
	for (int i = 0; i < 2; i++) {
		const struct host *h = &w->host[i];
		const int64_t at[] = {
		    h->ftd ? h->due : FT_NEVER,
		    missed_at(w, i),
		    h->sentinel.on && h->qemu.alive && !h->qemu.stopped ? h->sentinel.lease : FT_NEVER,
		    h->predecessor.on && h->qemu.alive && !h->qemu.stopped ? h->predecessor.lease : FT_NEVER,
		    h->ftd && h->qemu.alive && h->qemu.stopped && h->seen.connected && !h->frozen_held
		        ? h->qemu.silent_since + SILENT_AFTER
		        : FT_NEVER,
		    h->planning && h->plan == PLAN_WAITS ? h->plan_until : FT_NEVER,
		    h->request.open ? h->request.at + CLAIM_LASTS : FT_NEVER,
		    h->request.open ? h->request.not_before : FT_NEVER,
		};
		for (size_t k = 0; k < sizeof at / sizeof at[0]; k++)
			if (at[k] > w->now)
				next = min64(next, at[k]);
	}
	return next;
}

static void drop_late(struct world *w)
{
	int n = 0;
	for (int i = 0; i < w->n_late; i++)
		if (w->late[i].until > w->now && winner_of(w, &w->late[i].key) < 0)
			w->late[n++] = w->late[i];
	memset(&w->late[n], 0, (size_t)(LATE_MAX - n) * sizeof w->late[0]);
	w->n_late = n;
}

/* What is always so between two moments was so until the second: heartbeats, their echoes, checkpoints. */
static void wait(struct world *w)
{
	bool acks[2] = {acknowledged(w, 0), acknowledged(w, 1)}, lives[2] = {hears(w, 0), hears(w, 1)};
	bool replicated = replicates(w);
	w->now = next_moment(w);
	w->freezes = 0;
	drop_late(w);
	for (int i = 0; i < 2; i++) {
		if (lives[i])
			w->host[i].heard_at = w->now;
		if (acks[i])
			step(w, i, &(struct ft_event){.kind = FT_EVENT_ACK, .at = w->now});
		if (replicated && w->host[i].spoken)
			step(w, i, &(struct ft_event){.kind = FT_EVENT_CHECKPOINT});
	}
}

/* ---- what can happen ---- */

struct list {
	int n;
	struct choice *c;
};

static void add(struct list *l, bool can, int kind, int host, int arg)
{
	if (!can)
		return;
	assert(l->n < CHOICES_MAX);
	l->c[l->n++] = (struct choice){(uint8_t)kind, (uint8_t)host, (uint8_t)arg, WHOLE};
}

static bool freeze_is_done(const struct world *w, int host)
{
	const struct host *h = &w->host[host];
	bool known = h->qemu.alive && h->seen.instance == h->qemu.instance;
	return h->ftd && h->freezing && (h->qemu.stopped || !known);
}

static bool may_land(const struct world *w, int host)
{
	const struct host *h = &w->host[host];
	return h->ftd && h->request.open && !h->request.landed && !h->arbiter_cut && w->now >= h->request.not_before;
}

static bool is_answered(const struct world *w, int host)
{
	const struct host *h = &w->host[host];
	bool late = h->request.open && w->now >= h->request.at + CLAIM_LASTS && w->now > h->request.not_before;
	return h->ftd && h->request.open && (h->request.landed || h->arbiter_cut || late);
}

static bool can_do(const struct world *w, int i, int kind)
{
	const struct host *h = &w->host[i];
	struct ft_qemu_facts v;
	bool spoken;
	switch (kind) {
	case DO_TIME:
		return h->ftd && w->now >= h->due;
	case DO_STOP:
		return h->qemu.alive && h->qemu.stopping;
	case DO_SENTINEL_STOPS:
		return sentinel_due(w, i) != NULL;
	case DO_SENTINEL_TELLS:
		return h->ftd && h->sentinel_tells;
	case DO_MEET:
		return both_speak(w) && !cut_from(w, 0) && !cut_from(w, 1) && h->knows != w->host[1 - i].life;
	case DO_HEAR:
		return hears(w, i) && (has_news(w, i) || h->hearing != FT_PEER_ALIVE);
	case DO_MISS:
		return w->now >= missed_at(w, i);
	case DO_FROZEN:
		return freeze_is_done(w, i);
	case DO_COLO_EXIT:
		return h->ftd && h->qemu.exit_coming && !h->qemu.stopped;
	case DO_CHECKPOINT:
		return h->ftd && h->checkpoint;
	case DO_LAND:
		return may_land(w, i);
	case DO_ANSWER:
		return is_answered(w, i);
	case DO_FENCE:
		return h->ftd && h->fencing;
	case DO_OBEY:
		return h->qemu.alive && !h->qemu.stopped && h->qemu.plan_sent;
	case DO_PLANNED:
		return h->ftd && h->planning && (h->plan != PLAN_WAITS || w->now >= h->plan_until);
	case DO_STORED:
		return h->ftd && h->writing;
	case DO_RECORDED:
		return h->ftd && h->recording > 0;
	case DO_LOOK:
		return h->ftd && see(w, i, &v, &spoken);
	case DO_EXIT:
		return h->ftd && h->exiting;
	}
	return false;
}

/* What need not be over before time goes on. */
static bool holds_time(const struct world *w, const struct choice *c)
{
	const struct host *h = &w->host[c->host];
	switch ((int)c->kind) {
	case DO_STORED:
		return !h->store_slow;
	case DO_LAND:
		return !h->request.slow;
	case DO_ANSWER:
		return !h->request.slow || w->now >= h->request.at + CLAIM_LASTS;
	case DO_OBEY:
		return !h->plan_slow;
	default:
		return c->kind <= URGENT_LAST;
	}
}

int world_choices(const struct world *w, struct choice out[CHOICES_MAX])
{
	struct list l = {.c = out};
	for (int kind = 0; kind <= URGENT_LAST; kind++)
		for (int i = 0; i < 2; i++)
			add(&l, can_do(w, i, kind), kind, i, 0);
	bool held = false;
	for (int i = 0; i < l.n; i++)
		held |= holds_time(w, &out[i]);
	for (int i = 0; i < w->n_late; i++)
		add(&l, !w->host[w->late[i].host].arbiter_cut, DO_LAND_LATE, w->late[i].host, i);
	for (int i = 0; i < 2; i++) {
		const struct host *h = &w->host[i];
		add(&l, h->up && !h->ftd, DO_START, i, 0);
		add(&l, !h->up, DO_BOOT, i, 0);
		add(&l, w->cut[i], DO_JOIN, i, i);
		add(&l, h->arbiter_cut, DO_REACH, i, 0);
	}
	add(&l, w->silent, DO_JOIN, 0, 2);
	add(&l, !held && next_moment(w) != FT_NEVER, DO_WAIT, 0, 0);
	return l.n;
}

static bool wanted(int kind)
{
	return options.faults >> (kind - FAULT_KILL) & 1u;
}

static void add_fault(struct list *l, bool can, int kind, int host, int arg)
{
	add(l, can && wanted(kind), kind, host, arg);
}

int world_faults(const struct world *w, struct choice out[CHOICES_MAX])
{
	struct list l = {.c = out};
	for (int i = 0; i < 2; i++) {
		const struct host *h = &w->host[i];
		bool ordered = h->core.forced != FT_CAUSE_NONE;
		for (int disk = 0; disk < 4; disk++) {
			bool told_apart = (h->writing || !(disk & 1)) && (h->success_coming || !(disk & 2));
			add_fault(&l, h->ftd && told_apart, FAULT_KILL, i, disk);
			add_fault(&l, h->up && (h->ftd || disk == 0) && told_apart, FAULT_CRASH, i, disk);
		}
		add_fault(&l, h->ftd && h->core.leave == FT_LEAVE_NOT, FAULT_LEAVE, i, 0);
		add_fault(&l, h->ftd && !ordered, FAULT_FORCE, i, 0);
		add_fault(&l, h->qemu.alive, FAULT_QEMU, i, 0);
		add_fault(&l, !cut_from(w, i), FAULT_CUT, i, 0);
		add_fault(&l, !h->arbiter_cut, FAULT_ARBITER, i, 0);
		add_fault(&l, h->ftd && h->writing, FAULT_STORE, i, 0);
		add_fault(&l, h->planning && h->plan == PLAN_WAITS && h->qemu.alive, FAULT_PLAN, i, 0);
		bool shoots = options.arbiter == ARBITER_FENCE && may_land(w, i) && h->request.fence;
		add_fault(&l, shoots || (h->ftd && h->fencing), FAULT_FENCE, i, 0);
		const struct request *r = &h->request;
		bool stale = may_land(w, i) && r->read && !r->sure && winner_of(w, &r->key) >= 0;
		add_fault(&l, stale, FAULT_STALE, i, 0);
		add_fault(&l, h->writing && !h->store_slow, FAULT_SLOW_STORE, i, 0);
		add_fault(&l, h->request.open && !h->request.slow, FAULT_SLOW_CLAIM, i, 0);
		add_fault(&l, h->planning && !h->plan_slow && h->plan == PLAN_WAITS, FAULT_SLOW_PLAN, i, 0);
	}
	add_fault(&l, !w->silent, FAULT_PART, 0, 0);
	return l.n;
}

/* ---- doing it ---- */

static void do_look(struct world *w, int host)
{
	struct host *h = &w->host[host];
	struct ft_qemu_facts v;
	see(w, host, &v, &h->spoken);
	if (v.instance != h->seen.instance)
		h->frozen_held = h->freezing = false;
	h->seen = v;
	publish(w, host);
	tell(w, host, "ftd sees its QEMU: %s, %s, %s, was %s", ft_vm_name(v.vm), v.connected ? "answers" : "silent",
	     ft_role_name(v.role), ft_role_name(v.last_role));
	step(w, host, &(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &v});
}

static void sentinel_tells(struct world *w, int host)
{
	struct host *h = &w->host[host];
	h->sentinel_tells = false;
	step(w, host, &(struct ft_event){.kind = FT_EVENT_TIME});
	if (!h->ftd || h->frozen_held || !ft_core_may_run(&h->core))
		return;
	if (killed_here(w, host))
		return;
	thaw(w, host);
	step(w, host, &(struct ft_event){.kind = FT_EVENT_TIME});
}

static void sentinel_stops(struct world *w, int host)
{
	struct host *h = &w->host[host];
	bool own = sentinel_due(w, host) == &h->sentinel;
	tell(w, host, "the sentinel stops QEMU");
	qemu_stops(w, host);
	h->sentinel_tells |= own && h->ftd;
}

static void frozen(struct world *w, int host)
{
	struct host *h = &w->host[host];
	bool error = !h->qemu.alive || h->seen.instance != h->qemu.instance;
	h->freezing = false;
	h->frozen_held = !error;
	step(w, host,
	     &(struct ft_event){.kind = FT_EVENT_FROZEN, .error = error, .text = error ? "no such process" : NULL});
}

static void stored(struct world *w, int host, bool error)
{
	struct host *h = &w->host[host];
	h->writing = h->store_slow = false;
	if (!error)
		h->file = h->coming;
	step(w, host, &(struct ft_event){.kind = FT_EVENT_STORED, .error = error, .text = error ? "no space" : NULL});
}

static void recorded(struct world *w, int host)
{
	struct host *h = &w->host[host];
	if (--h->recording == 0 && h->success_coming)
		keep_success(h);
	step(w, host, &(struct ft_event){.kind = FT_EVENT_RECORDED});
}

static void do_answer(struct world *w, int host)
{
	struct host *h = &w->host[host];
	bool lost = h->arbiter_cut || !h->request.landed;
	answer(w, host, lost ? FT_CLAIM_UNREACHABLE : h->request.said);
}

static void fenced(struct world *w, int host, bool error)
{
	w->host[host].fencing = false;
	tell(w, host, error ? "the fence fails" : "powers the other host off");
	w->host[host].qemu.ousted |= !error && w->host[host].core.ousting;
	if (!error)
		host_crashes(w, 1 - host, 0);
	step(w, host, &(struct ft_event){.kind = FT_EVENT_FENCED, .error = error, .text = "stuck"});
}

/* As the arbiter: the other host is not off, so nobody has won. */
static void fence_fails(struct world *w, int host)
{
	struct host *h = &w->host[host];
	if (h->fencing) {
		fenced(w, host, true);
		return;
	}
	h->request.fence = false;
	tell(w, host, "the fence fails");
	land(w, host);
	if (h->request.said == FT_CLAIM_WON)
		h->request.said = FT_CLAIM_UNREACHABLE;
}

static void do_urgent(struct world *w, int i, int kind)
{
	struct host *h = &w->host[i];
	switch (kind) {
	case DO_TIME:
		step(w, i, &(struct ft_event){.kind = FT_EVENT_TIME});
		break;
	case DO_MEET:
		h->knows = w->host[1 - i].life;
		hear(w, i);
		break;
	case DO_HEAR:
		hear(w, i);
		break;
	case DO_MISS:
		miss(w, i);
		break;
	case DO_LOOK:
		do_look(w, i);
		break;
	case DO_STOP:
		qemu_stops(w, i);
		tell(w, i, "QEMU stands still");
		break;
	case DO_SENTINEL_STOPS:
		sentinel_stops(w, i);
		break;
	case DO_SENTINEL_TELLS:
		sentinel_tells(w, i);
		break;
	case DO_FROZEN:
		frozen(w, i);
		break;
	case DO_OBEY:
		qemu_fails_over(w, i);
		break;
	case DO_PLANNED:
		planned(w, i);
		break;
	case DO_STORED:
		stored(w, i, false);
		break;
	case DO_RECORDED:
		recorded(w, i);
		break;
	case DO_LAND:
		land(w, i);
		break;
	case DO_ANSWER:
		do_answer(w, i);
		break;
	case DO_FENCE:
		fenced(w, i, false);
		break;
	case DO_CHECKPOINT:
		h->checkpoint = false;
		if (h->spoken)
			step(w, i, &(struct ft_event){.kind = FT_EVENT_CHECKPOINT});
		break;
	case DO_COLO_EXIT:
		h->qemu.exit_coming = false;
		if (h->spoken)
			step(w, i, &(struct ft_event){.kind = FT_EVENT_COLO_EXIT, .error = true, .text = "error"});
		break;
	case DO_EXIT:
		ftd_leaves(w, i);
		break;
	}
}

static void do_fault(struct world *w, struct choice c)
{
	struct host *h = &w->host[c.host];
	switch ((int)c.kind) {
	case FAULT_KILL:
		ftd_ends(w, c.host, c.arg);
		break;
	case FAULT_LEAVE:
		step(w, c.host, &(struct ft_event){.kind = FT_EVENT_LEAVE});
		break;
	case FAULT_FORCE:
		step(w, c.host, &(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_SIGNAL});
		break;
	case FAULT_CRASH:
		host_crashes(w, c.host, c.arg);
		break;
	case FAULT_QEMU:
		qemu_dies(w, c.host);
		break;
	case FAULT_CUT:
		w->cut[c.host] = true;
		break;
	case FAULT_PART:
		w->silent = true;
		break;
	case FAULT_ARBITER:
		h->arbiter_cut = true;
		break;
	case FAULT_STORE:
		stored(w, c.host, true);
		break;
	case FAULT_PLAN:
		h->plan = PLAN_REFUSED;
		h->qemu.plan_sent = false;
		break;
	case FAULT_FENCE:
		fence_fails(w, c.host);
		break;
	case FAULT_SLOW_STORE:
		h->store_slow = true;
		break;
	case FAULT_SLOW_CLAIM:
		h->request.slow = true;
		break;
	case FAULT_SLOW_PLAN:
		h->plan_slow = true;
		break;
	case FAULT_STALE:
		h->request.landed = true;
		h->request.winner = -1;
		h->request.said = FT_CLAIM_NOT_NEEDED;
		break;
	}
}

static void do_other(struct world *w, struct choice c)
{
	struct host *h = &w->host[c.host];
	switch ((int)c.kind) {
	case DO_LAND_LATE:
		put_if_absent(w, &w->late[c.arg].key, w->late[c.arg].name);
		drop_late(w);
		break;
	case DO_START:
		ftd_starts(w, c.host);
		break;
	case DO_BOOT:
		h->up = true;
		break;
	case DO_JOIN:
		if (c.arg == 2)
			w->silent = false;
		else
			w->cut[c.arg] = false;
		break;
	case DO_REACH:
		h->arbiter_cut = false;
		break;
	case DO_WAIT:
		wait(w);
		break;
	}
}

int world_do(struct world *w, struct choice c)
{
	killed_at = c.cut == WHOLE ? -1 : c.cut / 2;
	killed_on_disk = c.cut % 2;
	things_done = 0;
	if (verbose)
		printf("%10.1f  %-6s * %s%s\n", (double)(w->now - TIME_BEGINS) / 1e6, nodes[c.host],
		       choice_names[c.kind], c.cut == WHOLE ? "" : ", and ftd is killed in it");
	if (c.kind <= URGENT_LAST)
		do_urgent(w, c.host, c.kind);
	else if (c.kind >= FAULT_KILL)
		do_fault(w, c);
	else
		do_other(w, c);
	laws_after(w);
	return things_done;
}

/* ---- telling worlds apart ---- */

static uint64_t mix(uint64_t h, uint64_t v)
{
	h ^= v + UINT64_C(0x9e3779b97f4a7c15) + (h << 6) + (h >> 2);
	h *= UINT64_C(0xff51afd7ed558ccd);
	return h ^ h >> 32;
}

/* The longest that the core looks back at a moment; but for the pause after many failures in a row. */
#define LOOKS_BACK SECOND(31)

/* A time counts by how far it is away, and one long past is past. */
static uint64_t mix_bytes(uint64_t h, const void *data, size_t len, int64_t now)
{
	const char *p = data;
	for (size_t i = 0; i + 8 <= len; i += 8) {
		int64_t v;
		memcpy(&v, p + i, 8);
		if (v == 0)
			continue;
		if (v >= TIME_BEGINS && v < TIME_ENDS)
			v = v - now < -LOOKS_BACK ? TIME_BEGINS - LOOKS_BACK : TIME_BEGINS + (v - now);
		h = mix(h, (uint64_t)v ^ (uint64_t)i << 40);
	}
	for (size_t i = len & ~(size_t)7; i < len; i++)
		h = mix(h, (uint64_t)(unsigned char)p[i]);
	return h;
}

static void past_is_now(int64_t *t, int64_t now)
{
	if (*t < now)
		*t = now;
}

static void past_is_old(int64_t *t, int64_t now, int64_t after)
{
	if (*t < now - after)
		*t = now - after;
}

static bool in(enum ft_phase p, uint32_t phases)
{
	return phases >> p & 1u;
}
#define P(name) (1u << FT_PHASE_##name)

/* Takes out of a copy what is for people, and what can no longer matter. */
static void forget_idle(struct ft_core *c)
{
	int64_t now = c->now;
	bool reads_reason = in(c->phase, P(UNPROTECTED) | P(ARMING) | P(WATCH));
	if (!reads_reason)
		memset(c->reason, 0, sizeof c->reason);
	else
		memset(c->reason + strlen(c->reason), 0, sizeof c->reason - strlen(c->reason));
	memset(c->hung_text, 0, sizeof c->hung_text);
	memset(c->arbiter_text, 0, sizeof c->arbiter_text);
	memset(c->store_fault + 1, 0, sizeof c->store_fault - 1);
	c->state_since = c->heard_at = c->probed_at = c->refused_at = 0;
	c->n_evidence = 0;
	memset(c->evidence, 0, sizeof c->evidence);
	memset(c->record.fault, 0, sizeof c->record.fault);
	if (!c->arbiter_busy) {
		c->asked_arbiter_at = 0;
		c->asked_surely = false;
	}
	memset(c->fence_fault, 0, sizeof c->fence_fault);
	c->named_nobody = false;
	if (!c->fencing)
		memset(c->fence_id, 0, sizeof c->fence_id);
	if (!c->params.fenced || !in(c->phase, P(YIELDED) | P(HELD)))
		c->unnamed_at = FT_NEVER;
	if (!c->storing)
		memset(&c->store_next, 0, sizeof c->store_next);
	if (!c->bind_failed)
		memset(&c->bind, 0, sizeof c->bind);
	if (!c->unsure)
		c->sure_from = 0;
	if (c->qemu.vm != FT_VM_GONE)
		c->gone_at = 0;
	if (!in(c->phase, P(YIELDED) | P(HELD)))
		c->peer_at = 0;
	if (in(c->phase, P(SOLO) | P(FENCED) | P(ASKING) | P(PLANNING) | P(RECORDING) | P(FREEZING) | P(CLAIMING) |
	                     P(CUT_OFF) | P(YIELDING)))
		c->phase_since = 0;
	bool pending = c->session.title == FT_TITLE_FOUND || c->session.title == FT_TITLE_UNFENCED;
	if (!pending || (c->acked_sent != FT_NEVER && c->acked_sent > c->over_at))
		c->over_at = 0;
	past_is_old(&c->started_at, now, SECOND(4));
	past_is_old(&c->broken_at, now, SECOND(4));
	past_is_old(&c->checkpoint_at, now, SECOND(7));
	past_is_old(&c->lost_at, now, SECOND(1));
	past_is_old(&c->acked_sent, now, c->params.window + SECOND(1));
	int64_t *until[] = {&c->ask_until,        &c->ask_again_at,   &c->freeze_until,   &c->freeze_again_at,
	                    &c->record.until,     &c->retry_at,       &c->probe_again_at, &c->kill_again_at,
	                    &c->store_again_at,   &c->look_again_at,  &c->leave_until,    &c->record.again_at,
	                    &c->arbiter_again_at, &c->fence_again_at, &c->write_until};
	for (size_t i = 0; i < sizeof until / sizeof until[0]; i++)
		past_is_now(until[i], now);
	c->wake_at = 0; /* follows from the others */
	c->now = 0;
}

#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
#define CLEAR(x) __builtin_clear_padding(x)
#endif
#endif
#ifndef CLEAR
#define CLEAR(x) (void)(x)
#endif

static uint64_t hash_core(uint64_t h, const struct ft_core *core, int64_t now)
{
	static struct ft_core c;
	size_t head = offsetof(struct ft_core, outcome), tail = head + sizeof c.outcome;
	memcpy(&c, core, head);
	memcpy((char *)&c + tail, (const char *)core + tail, sizeof c - tail);
	c.now = now;
	forget_idle(&c);
	CLEAR(&c.session);
	CLEAR(&c.store_next);
	CLEAR(&c.bind);
	CLEAR(&c.self);
	CLEAR(&c.peer);
	CLEAR(&c.qemu);
	h = mix_bytes(h, &c, head, now);
	h = mix_bytes(h, (const char *)&c + tail, sizeof c - tail, now);
	const struct ft_outcome *o = &core->outcome;
	h = mix(h, (uint64_t)o->cause << 32 | (uint64_t)o->result << 16);
	if (!ft_record_busy(&core->record))
		return h;
	h = mix(h, (uint64_t)o->claim << 16 | (uint64_t)o->role_before << 8 | (uint64_t)o->claim_asked << 4 |
	               (uint64_t)o->plan.ok);
	return mix_bytes(h, o->session, sizeof o->session, now);
}

static uint64_t hash_host(uint64_t h, const struct host *x, int64_t now)
{
	static struct host y;
	size_t head = offsetof(struct host, core), tail = offsetof(struct host, due);
	memcpy(&y, x, head);
	memcpy((char *)&y + tail, (const char *)x + tail, sizeof y - tail);
	if (!y.writing)
		memset(&y.coming, 0, sizeof y.coming);
	if (!y.planning || y.plan != PLAN_WAITS)
		y.plan_until = 0;
	if (!y.qemu.stopped)
		y.qemu.silent_since = 0;
	else
		past_is_old(&y.qemu.silent_since, now, SILENT_AFTER);
	if (y.hearing != FT_PEER_ALIVE && y.hearing != FT_PEER_QUIET)
		y.heard_at = 0;
	past_is_now(&y.sentinel.lease, now);
	past_is_now(&y.predecessor.lease, now);
	if (!y.sentinel.on)
		y.sentinel = (struct sentinel){0};
	y.due = y.due <= now; /* the rest follows from the core */
	CLEAR(&y.seen);
	CLEAR(&y.told);
	CLEAR(&y.file);
	CLEAR(&y.coming);
	CLEAR(&y.request);
	CLEAR(&y.qemu);
	CLEAR(&y.sentinel);
	CLEAR(&y.predecessor);
	h = mix_bytes(h, &y, head, now);
	h = mix_bytes(h, (const char *)&y + tail, sizeof y - tail, now);
	return x->ftd ? hash_core(h, &x->core, now) : h;
}

uint64_t world_hash(const struct world *w)
{
	uint64_t h = 1;
	h = hash_host(h, &w->host[0], w->now);
	h = hash_host(h, &w->host[1], w->now);
	size_t rest = offsetof(struct world, cut);
	return mix_bytes(h, (const char *)w + rest, sizeof *w - rest, w->now);
}

void world_print(const struct world *w)
{
	for (int i = 0; i < 2; i++) {
		const struct host *h = &w->host[i];
		const struct qemu *q = &h->qemu;
		printf("            %-6s ftd %s, %s: %s; disk: %s %02x%02x of %s, winner %s; QEMU %s%s%s, %s, was %s\n",
		       nodes[i], h->ftd ? "runs" : "does not run",
		       h->ftd ? ft_state_name(ft_core_state(&h->core)) : "-", h->core.reason,
		       ft_session_stage_name(h->file.stage), h->file.id[0], h->file.id[1], ft_role_name(h->file.role),
		       h->file.winner, q->alive ? "alive" : "dead", q->stopped ? ", stopped" : "",
		       runs_as_master(w, i) ? ", RUNS THE GUEST" : "", ft_role_name(q->mode), ft_role_name(q->last));
	}
}
