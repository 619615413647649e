/* Two decision cores and all that is between and below them, in virtual time: heartbeats that are lost, delayed and cut,
 * two QEMUs in COLO that die, hang and are frozen, daemons that are killed, restarted and asked to stop.
 * For a single fault, without an arbiter: the guest runs within a stated bound, nobody fails over who need not, and while heartbeats
 * get through there are never two guests that run as master.  Many faults at once are the simulation's (tests/sim).
 *
 * Every run follows from its seed.  A failure prints the seed and what happened; FT_SEED=n runs that one alone,
 * FT_SEEDS=n runs n of each kind instead of the usual number. */
#include "tests/unit/core_world.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define INTERVAL     MS(100)
#define WINDOW       MS(500) /* five intervals */
#define QUEUE_MAX    256
#define HISTORY_MAX  300
#define FAULTS_MAX   6
#define USUAL_SEEDS  20000
#define CALM_ENDS_AT SECOND(3) /* when the first fault may come */

enum what {
	TICK,       /* ftd: the next scheduled heartbeat */
	BEAT,       /* ftd: a heartbeat comes in */
	REFUSED,    /* ftd: port unreachable */
	LOOK,       /* ftd: QMP shows how QEMU stands */
	GONE,       /* ftd: the kernel says that QEMU has died */
	HUNG,       /* ftd: QEMU is stopped and answers nothing */
	COLO_EXIT,  /* ftd: the event */
	CHECKPOINT, /* ftd: the event */
	FROZEN,     /* ftd: the freezer's answer */
	PLANNED,    /* ftd: the plan's answer */
	RECORDED,   /* ftd: the disk's answer */
	START,      /* host: ftd is started */
	ATTEMPT,    /* QEMU: a primary's next checkpoint */
	NOTICE,     /* QEMU: a secondary finds its primary's connection closed */
	STOP,       /* QEMU: SIGSTOP takes hold */
	PROMOTE,    /* QEMU: x-colo-lost-heartbeat is carried out */
	FAULT,
};

struct beat {
	uint64_t from, echo, sequence;
	struct ft_side side;
};

struct happening {
	int64_t at;
	uint64_t order, guard; /* guard: the incarnation or instance it is meant for; another one never gets it */
	enum what what;
	int host, detail;
	uint64_t asker; /* PROMOTE: the incarnation that gets the answer */
	struct beat beat;
};

enum link { LINK_UP, LINK_CLOSED, LINK_SILENT };

struct qemu {
	uint64_t instance;
	bool alive, stopped;
	bool stuck;     /* a primary that waits in a checkpoint for an answer */
	bool exit_said; /* COLO_EXIT comes once */
	enum ft_role mode, last;
	int stops; /* SIGCONT undoes a SIGSTOP still on its way: only the newest counts */
};

struct ftd {
	bool up;
	struct ft_core core;
	struct pending pending;
	struct ft_qemu_facts seen;
	bool connected_once, gone_seen;
	uint64_t peer, sequence, peer_sequence;
	struct ft_side peer_side;
	uint64_t peer_told; /* incarnation that the core knows */
	enum ft_peer_hearing hearing;
	int64_t heard_at, refused_at;
};

struct host {
	bool up;
	struct qemu qemu;
	struct ftd ftd;
	bool freeze_fails, freeze_silent; /* faults to come */
	int plan_fails;
	bool disk_fails, disk_silent;
	int promotions, kills, freezes, outcomes;
	enum ft_result result; /* of the newest outcome */
	int64_t promoted_at;
	bool owes_outcome; /* a person waits for one */
};

enum fault_kind {
	KILL_QEMU,
	POWER_OFF,
	KILL_BOTH, /* QEMU and ftd; the host lives */
	STOP_QEMU,
	CLOSE_COLO,
	SILENCE_COLO,
	FORCE,
	KILL_FTD,
	RESTART_FTD,
	LEAVE,
	LEAVE_AND_RETURN,
	SHORT_CUT,         /* heartbeats, for less than the detection time */
	CUT,               /* heartbeats, for longer: no law */
	FORCE_NO_FREEZE,   /* FORCE, and the peer's QEMU cannot be frozen */
	FORCE_LATE_FREEZE, /* FORCE, and the freezer never answers */
	FORCE_PLAN_TWICE,  /* FORCE, and the plan works at the second try */
	FORCE_NO_PLAN,     /* FORCE, and no plan ever works */
	FAULT_KINDS
};
static const char *const fault_names[FAULT_KINDS] = {
    "KILL_QEMU",        "POWER_OFF",    "KILL_BOTH", "STOP_QEMU",       "CLOSE_COLO",
    "SILENCE_COLO",     "FORCE",        "KILL_FTD",  "RESTART_FTD",     "LEAVE",
    "LEAVE_AND_RETURN", "SHORT_CUT",    "CUT",       "FORCE_NO_FREEZE", "FORCE_LATE_FREEZE",
    "FORCE_PLAN_TWICE", "FORCE_NO_PLAN"};

struct fault {
	enum fault_kind kind;
	int host;
	int64_t at;
};

static struct sim {
	uint64_t seed, random, order, next_id;
	int64_t now;
	struct host host[2]; /* 0 starts as the primary */
	bool cut[2];         /* heartbeats from this host */
	double loss;
	enum link colo;
	int64_t checkpoint_every;
	bool law; /* is it in force in this run */
	int n_faults;
	struct fault faults[FAULTS_MAX];
	char headline[160];
	int n_queue;
	struct happening queue[QUEUE_MAX];
	uint64_t n_history;
	char history[HISTORY_MAX][200];
} s;

/* ---- chance, history ---- */

static uint64_t chance(void) /* splitmix64 */
{
	uint64_t z = (s.random += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static double between(double low, double high)
{
	return low + (high - low) * (double)(chance() >> 11) / 9007199254740992.0;
}

static bool happens(double probability)
{
	return between(0, 1) < probability;
}

__attribute__((format(printf, 2, 3))) static void tell(int host, const char *format, ...)
{
	char *line = s.history[s.n_history++ % HISTORY_MAX];
	int n = snprintf(line, 40, "%10.3f ms  %c  ", (double)s.now / 1e6, host < 0 ? ' ' : "AB"[host]);
	va_list args;
	va_start(args, format);
	vsnprintf(line + n, sizeof s.history[0] - (size_t)n, format, args);
	va_end(args);
}

/* Also called from a signal handler: write() and nothing more. */
static void print_line(const char *line)
{
	if (write(STDERR_FILENO, line, strlen(line)) < 0 || write(STDERR_FILENO, "\n", 1) < 0)
		_exit(EXIT_FAILURE);
}

static void print_history(void)
{
	print_line(s.headline);
	uint64_t first = s.n_history > HISTORY_MAX ? s.n_history - HISTORY_MAX : 0;
	for (uint64_t i = first; i < s.n_history; i++)
		print_line(s.history[i % HISTORY_MAX]);
}

static void on_abort(int sig)
{
	signal(sig, SIG_DFL);
	print_history(); /* an assertion of the core's: nothing to lose any more */
	raise(sig);
}

#define demand(condition, ...)                                                                                         \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			print_history();                                                                               \
			ck_abort_msg(__VA_ARGS__);                                                                     \
		}                                                                                                      \
	} while (0)

/* ---- the queue ---- */

static struct happening *later(double ms, enum what what, int host, uint64_t guard)
{
	demand(s.n_queue < QUEUE_MAX, "more is under way than this model has room for");
	struct happening *h = &s.queue[s.n_queue++];
	h->at = s.now + MS(ms);
	h->order = s.order++;
	h->guard = guard;
	h->what = what;
	h->host = host;
	h->detail = 0;
	return h;
}

static void for_ftd(double ms, enum what what, int host, int detail)
{
	if (s.host[host].ftd.up)
		later(ms, what, host, s.host[host].ftd.core.params.incarnation)->detail = detail;
}

static void for_qemu(double ms, enum what what, int host, int detail)
{
	later(ms, what, host, s.host[host].qemu.instance)->detail = detail;
}

static bool take_next(int64_t until, struct happening *out)
{
	int best = -1;
	for (int i = 0; i < s.n_queue; i++)
		if (best < 0 || s.queue[i].at < s.queue[best].at ||
		    (s.queue[i].at == s.queue[best].at && s.queue[i].order < s.queue[best].order))
			best = i;
	if (best < 0 || s.queue[best].at > until)
		return false;
	*out = s.queue[best];
	s.queue[best] = s.queue[--s.n_queue];
	return true;
}

/* ---- QEMU ---- */

static bool runs_as_master(int host)
{
	const struct qemu *q = &s.host[host].qemu;
	return q->alive && !q->stopped &&
	       (q->mode == FT_ROLE_PRIMARY || (q->mode == FT_ROLE_NONE && q->last != FT_ROLE_NONE));
}

static bool replicates(int host)
{
	const struct qemu *q = &s.host[host].qemu;
	return q->alive && q->mode != FT_ROLE_NONE;
}

/* The other end has closed the connection: killed, promoted, or the network said so.  A host without power says nothing. */
static bool colo_closed(int host)
{
	return s.colo == LINK_CLOSED || (s.host[1 - host].up && s.colo == LINK_UP && !replicates(1 - host));
}

static void say_colo_exit(int host)
{
	struct qemu *q = &s.host[host].qemu;
	if (q->exit_said)
		return;
	q->exit_said = true;
	q->stuck = false;
	tell(host, "QEMU emits COLO_EXIT{error}");
	if (s.host[host].ftd.connected_once)
		for_ftd(between(0.05, 1), COLO_EXIT, host, 0);
}

static void attempt_checkpoint(int host)
{
	struct qemu *q = &s.host[host].qemu;
	const struct qemu *peer = &s.host[1 - host].qemu;
	if (!q->alive || q->mode != FT_ROLE_PRIMARY || q->stopped || q->exit_said)
		return;
	if (colo_closed(host)) {
		say_colo_exit(host);
		return;
	}
	bool was_stuck = q->stuck;
	q->stuck = s.colo == LINK_SILENT || !s.host[1 - host].up || peer->stopped;
	if (q->stuck && !was_stuck) {
		tell(host, "QEMU is stuck in a checkpoint");
		for_ftd(1000, LOOK, host, 0);
	}
	if (q->stuck)
		return;
	for (int i = 0; i < 2; i++)
		if (s.host[i].ftd.connected_once)
			for_ftd(between(10, 40), CHECKPOINT, i, 0);
}

/* What the peer's end of the connection finds out, and when. */
static void colo_closes(int host)
{
	if (replicates(host))
		for_qemu(between(2, 4), NOTICE, host, 0);
}

static void kill_qemu(int host)
{
	struct qemu *q = &s.host[host].qemu;
	if (!q->alive)
		return;
	q->alive = false;
	for_ftd(between(0.2, 100), GONE, host, 0);
	colo_closes(1 - host);
}

static void thaw_qemu(int host)
{
	struct qemu *q = &s.host[host].qemu;
	q->stopped = false;
	q->stops++;
	if (colo_closed(host))
		colo_closes(host);
}

static void promote_qemu(int host, bool works, uint64_t asker)
{
	struct host *h = &s.host[host];
	struct qemu *q = &h->qemu;
	works = works && q->alive && !q->stopped && q->mode != FT_ROLE_NONE;
	if (works) {
		tell(host, "QEMU has failed over");
		q->last = q->mode;
		q->mode = FT_ROLE_NONE;
		q->stuck = false;
		h->promotions++;
		h->promoted_at = s.now;
		colo_closes(1 - host);
		for_ftd(between(1, 20), LOOK, host, 0);
	}
	later(q->stopped ? 4000 : between(0.2, 5), PLANNED, host, asker)->detail = works;
}

static void qemu_happens(const struct happening *h)
{
	struct qemu *q = &s.host[h->host].qemu;
	if (h->guard != q->instance)
		return;
	switch ((int)h->what) { /* the others are not for it */
	case ATTEMPT:
		attempt_checkpoint(h->host);
		for_qemu(q->stuck ? 50 : (double)s.checkpoint_every / 1e6, ATTEMPT, h->host, 0);
		break;
	case NOTICE: /* a primary notices at its next attempt only */
		if (q->alive && !q->stopped && (q->mode == FT_ROLE_SECONDARY || q->stuck))
			say_colo_exit(h->host);
		break;
	case STOP:
		if (q->stops == h->detail)
			q->stopped = q->alive;
		break;
	default:
		promote_qemu(h->host, h->detail, h->asker);
	}
}

/* ---- ftd ---- */

static void feed(int host, const struct ft_event *e);

static void send_beat(int host)
{
	struct ftd *f = &s.host[host].ftd;
	const struct ftd *peer = &s.host[1 - host].ftd;
	f->sequence++;
	if (s.cut[host] || !s.host[1 - host].up)
		return;
	if (!peer->up) {
		if (!s.cut[1 - host] && s.now >= f->refused_at + SECOND(1)) { /* the kernel's limit */
			f->refused_at = s.now;
			for_ftd(between(0.1, 2), REFUSED, host, 0);
		}
		return;
	}
	/* Two links: the faster one counts. */
	double best = 1e9;
	for (int link = 0; link < 2; link++) {
		double ms = between(0.1, 3);
		if (!happens(s.loss) && ms < best)
			best = ms;
	}
	if (best > 1e8)
		return;
	struct happening *h = later(best, BEAT, 1 - host, peer->core.params.incarnation);
	h->beat = (struct beat){
	    .from = f->core.params.incarnation, .echo = f->peer, .sequence = f->sequence, .side = f->core.self};
}

static void hear(int host, enum ft_peer_hearing hearing)
{
	struct ftd *f = &s.host[host].ftd;
	if (f->hearing == hearing)
		return;
	f->hearing = hearing;
	if (hearing == FT_PEER_LOST)
		tell(host, "the peer is lost");
	feed(host, &(struct ft_event){.kind = FT_EVENT_HEARING, .hearing = hearing, .heard_at = f->heard_at});
}

static bool same_side(const struct ft_side *a, const struct ft_side *b)
{
	return a->state == b->state && a->role == b->role && a->vm == b->vm && a->ready == b->ready &&
	       a->leaving == b->leaving && a->repl_broken == b->repl_broken && a->request == b->request &&
	       a->request_id == b->request_id && a->answer == b->answer && a->answer_id == b->answer_id &&
	       a->checkpoint_ms == b->checkpoint_ms;
}

static void receive_beat(int host, const struct beat *b)
{
	struct ftd *f = &s.host[host].ftd;
	if (b->from < f->peer)
		return;
	if (b->from > f->peer) {
		f->peer = b->from;
		f->peer_sequence = 0;
	}
	if (b->echo != f->core.params.incarnation) { /* a hello: answered at once, and no life */
		send_beat(host);
		return;
	}
	if (b->sequence <= f->peer_sequence)
		return;
	f->peer_sequence = b->sequence;
	f->heard_at = s.now;
	if (f->peer_told != b->from || !same_side(&f->peer_side, &b->side)) {
		struct ft_peer_news news = {.incarnation = b->from, .side = b->side};
		snprintf(news.node, sizeof news.node, "%s", host ? "A" : "B");
		f->peer_told = b->from;
		f->peer_side = b->side;
		feed(host, &(struct ft_event){.kind = FT_EVENT_PEER, .peer = &news});
	}
	if (f->up)
		hear(host, FT_PEER_ALIVE);
}

/* QEMU as its ftd sees it over QMP and pidfd. */
static struct ft_qemu_facts look_at(int host)
{
	struct host *h = &s.host[host];
	const struct qemu *q = &h->qemu;
	struct ft_qemu_facts v = h->ftd.seen;
	if (h->ftd.core.frozen && q->alive)
		return v; /* while our own freeze lasts, silence is no news */
	v.connected = q->alive && !q->stopped && !q->stuck;
	v.oob = q->alive && !q->stopped;
	if (v.connected) {
		h->ftd.connected_once = true;
		v.role = q->mode;
		v.last_role = q->last;
	}
	v.plan_ready = v.connected && q->mode != FT_ROLE_NONE;
	v.pid_verified = h->ftd.connected_once && q->alive;
	v.checkpoint_ms = (int)(s.checkpoint_every / FT_NS_PER_MS);
	if (q->alive) {
		v.instance = q->instance;
		v.vm = FT_VM_ALIVE;
	} else {
		v.vm = h->ftd.gone_seen ? FT_VM_GONE : FT_VM_ABSENT;
	}
	return v;
}

static void look(int host)
{
	struct ftd *f = &s.host[host].ftd;
	if (!s.host[host].qemu.alive && f->seen.vm == FT_VM_ALIVE && !f->gone_seen)
		return; /* the kernel's word comes first */
	f->seen = look_at(host);
	feed(host, &(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &f->seen});
}

static void start_ftd(int host)
{
	struct ftd *f = &s.host[host].ftd;
	if (!s.host[host].up || f->up)
		return;
	memset(f, 0, sizeof *f);
	f->up = true;
	f->heard_at = FT_NEVER;
	f->refused_at = -SECOND(10);
	struct ft_core_params p = {
	    .incarnation = ++s.next_id, .interval = INTERVAL, .window = WINDOW, .reply_timeout = SECOND(1)};
	snprintf(p.node, sizeof p.node, "%s", host ? "B" : "A");
	ft_core_init(&f->core, &p, s.now);
	tell(host, "ftd starts");
	for_ftd(between(5, 200), LOOK, host, 0);
	for_ftd(between(0, 5), TICK, host, 0);
}

static void end_ftd(int host)
{
	if (s.host[host].ftd.up)
		tell(host, "ftd ends");
	s.host[host].ftd.up = s.host[host].owes_outcome = false;
}

/* QEMU closes its end: one that waits is free, and says that replication broke. */
static void do_yank(int host)
{
	if (s.colo == LINK_UP) {
		s.colo = LINK_CLOSED;
		colo_closes(1 - host);
	}
	if (replicates(host))
		for_qemu(between(1, 4), NOTICE, host, 0);
	for_ftd(between(5, 20), LOOK, host, 0);
}

static void do_freeze(int host)
{
	struct host *h = &s.host[host];
	h->freezes++;
	if (h->freeze_silent)
		return;
	double ms = between(0.1, 10);
	if (!h->freeze_fails) {
		for_qemu(ms, STOP, host, ++h->qemu.stops);
	}
	for_ftd(ms + 1, FROZEN, host, 0);
}

static void do_plan(int host)
{
	struct host *h = &s.host[host];
	bool works = h->plan_fails == 0;
	h->plan_fails -= !works;
	struct happening *promotion = later(between(2, 40), PROMOTE, host, h->qemu.instance);
	promotion->detail = works;
	promotion->asker = h->ftd.core.params.incarnation;
}

static void do_outcome(int host)
{
	struct host *h = &s.host[host];
	h->outcomes++;
	h->owes_outcome = false;
	h->result = h->ftd.core.outcome.result;
	tell(host, "outcome: %s, %s %s", ft_cause_name(h->ftd.core.outcome.cause), ft_result_name(h->result),
	     h->ftd.core.outcome.error);
}

static void act(int host, const struct ft_action *a)
{
	struct host *h = &s.host[host];
	if (a->kind != FT_DO_SEND && a->kind != FT_DO_STATE)
		tell(host, "%s %s", action_name(a->kind), a->text);
	switch (a->kind) {
	case FT_DO_SAY:
		break;
	case FT_DO_STATE:
		tell(host, "%s -> %s: %s", ft_state_name(a->from), ft_state_name(a->to), a->text);
		break;
	case FT_DO_SEND:
		send_beat(host);
		break;
	case FT_DO_ALARM:
	case FT_DO_MARK: /* its sides do not say which arbiter they have */
		break;
	case FT_DO_PROBE:
		if (h->ftd.seen.connected)
			attempt_checkpoint(host);
		break;
	case FT_DO_YANK:
		do_yank(host);
		break;
	case FT_DO_FREEZE:
		do_freeze(host);
		break;
	case FT_DO_THAW:
		thaw_qemu(host);
		for_ftd(between(1, 20), LOOK, host, 0);
		break;
	case FT_DO_KILL:
		h->kills++;
		kill_qemu(host);
		break;
	case FT_DO_PLAN:
		do_plan(host);
		break;
	case FT_DO_RECORD:
	case FT_DO_REPEAT:
		for_ftd(h->disk_silent ? 20000 : between(1, 20), RECORDED, host, 0);
		break;
	case FT_DO_OUTCOME:
		do_outcome(host);
		break;
	case FT_DO_STORE: /* only with an arbiter */
	case FT_DO_CLAIM:
	case FT_DO_FENCE:
	case FT_DO_REMEMBER:
	case FT_DO_READ:
		abort();
	case FT_DO_EXIT:
		break; /* after the goodbye of the same step */
	}
}

static void feed(int host, const struct ft_event *e)
{
	struct ftd *f = &s.host[host].ftd;
	struct ft_actions out;
	ft_core_step(&f->core, e, s.now, &out);
	const char *fault = broken_law(&f->core, e, &f->pending, &out);
	for (int i = 0; i < out.n; i++)
		act(host, &out.a[i]);
	demand(!fault, "%c: %s", "AB"[host], fault);
	if (count_actions(&out, FT_DO_EXIT))
		end_ftd(host);
}

static void event(int host, enum ft_event_kind kind, bool error, const char *text)
{
	feed(host, &(struct ft_event){.kind = kind, .error = error, .text = text});
}

static void planned(int host, bool ok)
{
	static struct ft_plan_report r;
	memset(&r, 0, sizeof r);
	r.ok = ok;
	r.proven_at = ok ? s.now : FT_NEVER;
	feed(host, &(struct ft_event){.kind = FT_EVENT_PLAN, .plan = &r});
}

static void ftd_happens(const struct happening *h)
{
	struct host *at = &s.host[h->host];
	if (!at->ftd.up || h->guard != at->ftd.core.params.incarnation)
		return;
	switch ((int)h->what) { /* the others are not for it */
	case TICK:
		send_beat(h->host);
		for_ftd((double)INTERVAL / 1e6, TICK, h->host, 0);
		break;
	case BEAT:
		receive_beat(h->host, &h->beat);
		break;
	case REFUSED:
		event(h->host, FT_EVENT_REFUSED, false, NULL);
		break;
	case GONE:
		tell(h->host, "the kernel says that QEMU has died");
		at->ftd.gone_seen = at->ftd.seen.vm == FT_VM_ALIVE;
		look(h->host);
		break;
	case LOOK:
		look(h->host);
		break;
	case HUNG:
		if (at->qemu.alive && at->qemu.stopped && !at->ftd.core.frozen)
			event(h->host, FT_EVENT_HUNG, false, "stopped by someone");
		break;
	case COLO_EXIT:
		event(h->host, FT_EVENT_COLO_EXIT, true, "error");
		break;
	case CHECKPOINT:
		event(h->host, FT_EVENT_CHECKPOINT, false, NULL);
		break;
	case FROZEN:
		event(h->host, FT_EVENT_FROZEN, !at->qemu.stopped, "could not");
		break;
	case PLANNED:
		planned(h->host, h->detail);
		break;
	default:
		event(h->host, FT_EVENT_RECORDED, at->disk_fails, "no space left");
	}
}

/* ---- faults ---- */

static void force(int host)
{
	if (!s.host[host].ftd.up)
		return;
	s.host[host].owes_outcome = true;
	feed(host, &(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR});
}

static void stop_qemu(int host)
{
	struct qemu *q = &s.host[host].qemu;
	q->stopped = q->alive;
	q->stops++;
	for_ftd(1000, LOOK, host, 0);
	for_ftd(between(1500, 2000), HUNG, host, 0);
}

static void cut_heartbeats(int host, double ms)
{
	bool both = happens(0.5);
	s.cut[host] = true;
	s.cut[1 - host] = both;
	later(ms, FAULT, -1, 0);
}

static void restart_ftd(int host, double ms)
{
	end_ftd(host);
	later(ms, START, host, 0);
}

static void power_off(int host)
{
	struct host *h = &s.host[host];
	h->up = h->qemu.alive = false;
	end_ftd(host);
}

static void strike_force(const struct fault *f)
{
	struct host *peer = &s.host[1 - f->host];
	peer->freeze_fails |= f->kind == FORCE_NO_FREEZE;
	peer->freeze_silent |= f->kind == FORCE_LATE_FREEZE;
	if (f->kind == FORCE_PLAN_TWICE)
		s.host[f->host].plan_fails = 1;
	if (f->kind == FORCE_NO_PLAN)
		s.host[f->host].plan_fails = 1000;
	force(f->host);
}

static void strike(const struct fault *f)
{
	struct host *h = &s.host[f->host];
	tell(f->host, "******** %s", fault_names[f->kind]);
	switch (f->kind) {
	case KILL_QEMU:
		kill_qemu(f->host);
		break;
	case POWER_OFF:
		power_off(f->host);
		break;
	case KILL_BOTH:
		kill_qemu(f->host);
		end_ftd(f->host);
		break;
	case STOP_QEMU:
		stop_qemu(f->host);
		break;
	case CLOSE_COLO:
		s.colo = LINK_CLOSED;
		colo_closes(0);
		colo_closes(1);
		break;
	case SILENCE_COLO:
		s.colo = LINK_SILENT;
		break;
	case KILL_FTD:
		end_ftd(f->host);
		break;
	case RESTART_FTD:
		restart_ftd(f->host, s.n_faults > 1 ? between(5, 100) : between(5, 5000));
		break;
	case LEAVE_AND_RETURN:
		later(between(3000, 6000), START, f->host, 0);
		__attribute__((fallthrough));
	case LEAVE:
		if (h->ftd.up)
			event(f->host, FT_EVENT_LEAVE, false, NULL);
		break;
	case SHORT_CUT:
		cut_heartbeats(f->host, between(1, 190));
		break;
	case CUT:
		cut_heartbeats(f->host, between(1000, 20000));
		break;
	case FORCE:
	case FORCE_NO_FREEZE:
	case FORCE_LATE_FREEZE:
	case FORCE_PLAN_TWICE:
	case FORCE_NO_PLAN:
	case FAULT_KINDS:
		strike_force(f);
	}
}

static void fault_happens(const struct happening *h)
{
	if (h->host >= 0) {
		strike(&s.faults[h->host]);
		return;
	}
	s.cut[0] = s.cut[1] = false;
	tell(-1, "heartbeats get through again");
}

/* ---- running ---- */

static void happen(const struct happening *h)
{
	switch (h->what) {
	case FAULT:
		fault_happens(h);
		break;
	case START:
		start_ftd(h->host);
		break;
	case ATTEMPT:
	case NOTICE:
	case STOP:
	case PROMOTE:
		qemu_happens(h);
		break;
	case TICK:
	case BEAT:
	case REFUSED:
	case LOOK:
	case GONE:
	case HUNG:
	case COLO_EXIT:
	case CHECKPOINT:
	case FROZEN:
	case PLANNED:
	case RECORDED:
		ftd_happens(h);
	}
	demand(!s.law || !runs_as_master(0) || !runs_as_master(1), "two masters");
}

/* The detector's next verdict, if time alone brings it. */
static int64_t verdict_at(const struct ftd *f)
{
	if (f->hearing == FT_PEER_ALIVE)
		return f->heard_at + WINDOW / 2;
	return f->hearing == FT_PEER_QUIET ? f->heard_at + WINDOW : FT_NEVER;
}

static int64_t next_of(int host)
{
	const struct ftd *f = &s.host[host].ftd;
	if (!f->up)
		return FT_NEVER;
	int64_t core = ft_core_deadline(&f->core), verdict = verdict_at(f);
	return core < verdict ? core : verdict;
}

static void time_passes(int host)
{
	struct ftd *f = &s.host[host].ftd;
	if (verdict_at(f) <= s.now)
		hear(host, f->hearing == FT_PEER_ALIVE ? FT_PEER_QUIET : FT_PEER_LOST);
	else
		event(host, FT_EVENT_TIME, false, NULL);
	demand(!s.law || !runs_as_master(0) || !runs_as_master(1), "two masters");
}

static void run_until(int64_t end)
{
	for (;;) {
		int host = next_of(1) < next_of(0);
		int64_t due = next_of(host);
		struct happening h;
		if (take_next(due < end ? due : end, &h)) {
			s.now = h.at;
			happen(&h);
		} else if (due <= end) {
			s.now = due;
			time_passes(host);
		} else {
			s.now = end;
			return;
		}
	}
}

static void begin(uint64_t seed)
{
	static const double every[] = {100, 500, 2000, 20000};
	memset(&s, 0, offsetof(struct sim, queue));
	s.n_history = 0;
	s.n_queue = 0;
	s.seed = s.random = seed;
	s.next_id = 100;
	s.now = SECOND(1000);
	s.checkpoint_every = MS(every[chance() % 4]);
	s.loss = happens(0.5) ? 0 : 0.05;
	s.law = true;
	snprintf(s.headline, sizeof s.headline,
	         "\nseed %llu (FT_SEED=%llu runs it alone), checkpoints every %.0f ms, loss %.0f %%",
	         (unsigned long long)seed, (unsigned long long)seed, (double)s.checkpoint_every / 1e6, 100 * s.loss);
	for (int i = 0; i < 2; i++) {
		s.host[i].up = true;
		s.host[i].qemu = (struct qemu){
		    .instance = ++s.next_id, .alive = true, .mode = i ? FT_ROLE_SECONDARY : FT_ROLE_PRIMARY};
		later(between(0, 500), START, i, 0);
	}
	for_qemu(between(0, 100), ATTEMPT, 0, 0);
}

static void add_fault(enum fault_kind kind, int host, int64_t at)
{
	s.faults[s.n_faults] = (struct fault){.kind = kind, .host = host, .at = at};
	later((double)(at - s.now) / 1e6, FAULT, s.n_faults++, 0);
}

static bool protected_again(void)
{
	return s.host[0].ftd.core.phase == FT_PHASE_PROTECTED && s.host[1].ftd.core.phase == FT_PHASE_PROTECTED;
}

static void run_calm(uint64_t seed)
{
	begin(seed);
	run_until(s.now + CALM_ENDS_AT);
	demand(protected_again(), "not protected %.0f ms after the start", (double)CALM_ENDS_AT / 1e6);
}

/* ---- a single fault ---- */

enum end {
	SURVIVOR_RUNS,
	ASKER_RUNS,
	PRIMARY_RUNS,
	NOTHING_HAPPENS,
	PROTECTED_AGAIN,
	IS_REFUSED,
	HAS_FAILED,
	NO_PROMISE
};

/* The promise for each fault: how it ends, and in how many ms from the fault on. */
static const struct promise {
	enum end end;
	double ms;
} promises[FAULT_KINDS] = {
    [KILL_QEMU] = {SURVIVOR_RUNS, 300},
    [POWER_OFF] = {SURVIVOR_RUNS, 700},
    [KILL_BOTH] = {SURVIVOR_RUNS, 800},
    [STOP_QEMU] = {SURVIVOR_RUNS, 2500},
    [CLOSE_COLO] = {PRIMARY_RUNS, 1500},
    [SILENCE_COLO] = {PRIMARY_RUNS, 6000}, /* and x-checkpoint-delay */
    [FORCE] = {ASKER_RUNS, 300},
    [KILL_FTD] = {NOTHING_HAPPENS, 60000},
    [RESTART_FTD] = {PROTECTED_AGAIN, 10000},
    [LEAVE] = {NOTHING_HAPPENS, 60000},
    [LEAVE_AND_RETURN] = {PROTECTED_AGAIN, 12000},
    [SHORT_CUT] = {PROTECTED_AGAIN, 3000},
    [CUT] = {NO_PROMISE, 30000},
    [FORCE_NO_FREEZE] = {IS_REFUSED, 10000},
    [FORCE_LATE_FREEZE] = {IS_REFUSED, 10000},
    [FORCE_PLAN_TWICE] = {ASKER_RUNS, 1500},
    [FORCE_NO_PLAN] = {HAS_FAILED, 15000},
};

static bool nothing_happened(void)
{
	for (int i = 0; i < 2; i++)
		if (s.host[i].promotions || s.host[i].kills || !s.host[i].qemu.alive || s.host[i].qemu.stopped)
			return false;
	return true;
}

static void demand_runs_alone(int host, int64_t since, double ms)
{
	const struct host *h = &s.host[host];
	demand(runs_as_master(host) && h->promotions == 1, "%c does not run the guest", "AB"[host]);
	demand(h->promoted_at <= since + MS(ms), "%c runs the guest only after %.1f ms, not %.1f", "AB"[host],
	       (double)(h->promoted_at - since) / 1e6, ms);
	demand(h->outcomes == 1 && h->result == FT_SUCCESS, "%c: no outcome of a success", "AB"[host]);
	demand(h->ftd.core.phase == FT_PHASE_SOLO, "%c is not solo", "AB"[host]);
	demand(!s.host[1 - host].qemu.alive || s.host[1 - host].qemu.stopped, "the other guest can still run");
	demand(s.host[1 - host].promotions == 0, "both failed over");
}

static void demand_refused(int host)
{
	demand(nothing_happened(), "a refused failover changed something");
	demand(s.host[host].outcomes == 1 && s.host[host].result == FT_REFUSED, "no outcome of a refusal");
	demand(protected_again(), "not protected again");
}

static void demand_promise(const struct promise *p, const struct fault *f)
{
	double checkpoint_ms = (double)s.checkpoint_every / 1e6;
	switch (p->end) {
	case SURVIVOR_RUNS:
		demand_runs_alone(1 - f->host, f->at, p->ms);
		break;
	case ASKER_RUNS:
		demand_runs_alone(f->host, f->at, p->ms);
		demand(!s.host[1 - f->host].qemu.alive, "who yielded was not ended");
		break;
	case PRIMARY_RUNS:
		demand_runs_alone(0, f->at, p->ms + checkpoint_ms);
		break;
	case NOTHING_HAPPENS:
		demand(nothing_happened(), "a failover without a cause");
		demand(ft_core_state(&s.host[1 - f->host].ftd.core) == FT_UNPROTECTED,
		       "the other side raises no alarm");
		break;
	case PROTECTED_AGAIN:
		demand(nothing_happened(), "a failover without a cause");
		demand(protected_again(), "not protected again");
		break;
	case IS_REFUSED:
		demand_refused(f->host);
		break;
	case HAS_FAILED:
		demand(s.host[f->host].result == FT_RESULT_FAILED, "no outcome of a failure");
		demand(s.host[1 - f->host].qemu.alive && s.host[1 - f->host].qemu.stopped,
		       "the peer's guest is not kept");
		break;
	case NO_PROMISE:
		break;
	}
}

static void run_single_fault(uint64_t seed)
{
	run_calm(seed);
	enum fault_kind kind = (enum fault_kind)(chance() % FAULT_KINDS);
	int host = (int)(chance() % 2);
	const struct promise *p = &promises[kind];
	s.law = kind != CUT;
	if (kind == POWER_OFF)
		s.loss = 0; /* a checkpoint after a lost heartbeat is a sign of life, and that costs time */
	add_fault(kind, host, s.now + MS(between(0, (double)s.checkpoint_every / 1e6 + 500)));
	const struct fault *f = &s.faults[0];
	double slow = kind == SILENCE_COLO ? (double)s.checkpoint_every / 1e6 : 0;
	run_until(f->at + MS(p->ms + slow) + SECOND(3));
	demand_promise(p, f);
}

/* Replication breaks while one ftd is away: nobody is bound when it comes back, and the primary's guest may stand. */
static void run_break_while_left(uint64_t seed)
{
	run_calm(seed);
	s.loss = 0; /* a goodbye that is not heard is a crash, and that is another story */
	int64_t from = s.now;
	double within = 15000 + (double)s.checkpoint_every / 1e6;
	add_fault(LEAVE_AND_RETURN, (int)(chance() % 2), from);
	add_fault(CLOSE_COLO, 0, from + MS(between(500, 2500)));
	run_until(from + MS(within) + SECOND(3));
	demand_runs_alone(0, from, within);
}

/* ---- suite ---- */

static void run_seeds(uint64_t first, void (*run)(uint64_t))
{
	const char *one = getenv("FT_SEED"), *many = getenv("FT_SEEDS");
	uint64_t n = many ? strtoull(many, NULL, 10) : USUAL_SEEDS;
	signal(SIGABRT, on_abort);
	if (one) {
		run(strtoull(one, NULL, 10));
		print_history();
		return;
	}
	for (uint64_t i = 0; i < n; i++)
		run(first + i);
}

START_TEST(one_fault_ends_as_promised)
{
	run_seeds(1, run_single_fault);
}
END_TEST

START_TEST(a_pair_that_breaks_while_one_ftd_is_away_goes_on)
{
	run_seeds(1, run_break_while_left);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("two cores");
	TCase *tc = tcase_create("two cores");
	tcase_set_timeout(tc, 3600);
	tcase_add_test(tc, one_fault_ends_as_promised);
	tcase_add_test(tc, a_pair_that_breaks_while_one_ftd_is_away_goes_on);
	suite_add_tcase(suite, tc);
	SRunner *sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
