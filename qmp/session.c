/* What is asked over the two connections, and what the answers add up to: the view.
 * In order: the view · the process · the proof of it · the plan's preparation · status polls · pings and the hang ·
 * running a plan · events. */
#include "qmp/session.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/timer.h"
#include "process/deathwatch.h"
#include "qmp/connection.h"
#include "qmp/discovery.h"
#include "qmp/runner.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LONGEST_MOST   (60000 * FT_NS_PER_MS) /* who needs longer for a checkpoint replicates nothing worth waiting for */
#define PING_EVERY     (500 * FT_NS_PER_MS)
#define PING_LATE      (100 * FT_NS_PER_MS)   /* it waits so long for a heartbeat's wake-up */
#define PINGS_A_POLL   2                      /* one wake-up for both */
#define DISCOVER_EVERY (30000 * FT_NS_PER_MS) /* a hundred questions */
#define REFRESH_AFTER  (50 * FT_NS_PER_MS)    /* events come in flocks */
#define HUNG_AFTER     3                      /* reply timeouts without an out-of-band answer ... */
#define HUNG_MIN       (3000 * FT_NS_PER_MS)
#define TOKEN_NAME     "ftd-token" /* of what is passed to QEMU; one of that name takes the last one's place */

struct side { /* what a connection's callbacks are told to say which one it is */
	struct ft_qmp *q;
	enum ft_channel channel;
};

struct ft_qmp {
	struct event_base *base;
	struct ft_timers *timers;
	int64_t reply_timeout;
	struct ft_qmp_callbacks cb;
	void *arg;
	struct side sides[2];
	struct ft_conn *qmp, *oob;

	struct ft_qemu_view view, told;
	bool frozen;
	bool status_known; /* query-status and query-colo-status were answered on this connection */

	struct ft_process process;
	struct ft_deathwatch *watch; /* over process; NULL: there is none */
	pid_t listener;              /* who listens on the command socket; process may be another, see prove */
	struct ft_process candidate; /* it may be QEMU, and is asked for once more; pid 0: none */
	bool listener_died; /* before it could be verified: whether QEMU died with it, the next connect tells */
	bool middleman;     /* the listener is not QEMU: its death says nothing */
	int token;          /* a proof is under way; -1: none */
	bool token_taken;   /* QEMU says so */

	struct ft_discovery *discovery;
	struct event *refresh_timer;
	int64_t discovered_at;
	char plan_fault[FT_TEXT_MAX];
	bool
	    discover_retried; /* a failed discovery is repeated once at once: something may have changed while we asked */
	struct ft_plan *plan;
	struct ft_disregard disregard;
	struct ft_doubts doubts;
	struct ft_traits traits;
	bool asking_traits; /* one after the other */
	struct ft_ids disks,
	    peer_nodes; /* block nodes: the guest's disks, and of what is beneath them the peer's copies */
	json_t *yanks;  /* query-yank's answer to the last ping */

	struct ft_timer *ping_timer;
	int pings_to_poll;
	int polls_waiting;
	bool guest_stopped, replicating; /* checkpoints: a STOP was seen; COLO has not ended since */
	int64_t guest_stopped_at;        /* that STOP; FT_NEVER: we have stopped QEMU since */
	int64_t longest;                 /* ns of the longest checkpoint of this QEMU in its role */
	int64_t pinged_at;               /* when that last rang */
	int64_t stopped_since;           /* the process was first seen in state T, with a ping unanswered */
	bool hung_told;

	bool running, done_told;
	bool begun;    /* a plan was run in this COLO: what is left of it looks odd, and the rest must be done */
	bool doubted;  /* plan_fault tells of doubts */
	bool unproven; /* the last run of a plan, on this QEMU, gave up before the proof */
	const char *run_refused;  /* there was nothing to run, or nothing to run it on */
	struct ft_plan *run_plan; /* the runner's; q->plan may be replaced meanwhile */
	struct ft_runner runner;
	struct event *run_timer;
	/* Answers still to come to a step's id, and how many of those belong to an earlier run. */
	int owed[2][FT_STEPS_MAX], stale[2][FT_STEPS_MAX];
};

static void set_text(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text ? text : "");
}

static void add_timer(struct event *timer, int64_t delay)
{
	struct timeval tv = {.tv_sec = delay / 1000000000, .tv_usec = delay % 1000000000 / 1000};
	evtimer_add(timer, &tv);
}

/* ---- the view ------------------------------------------------------------------------------------------------- */

/* Polls that happen to meet a checkpoint find "colo" where it was "running" before and is again after: no news. */
static bool same_status(const char *a, const char *b)
{
	const char *x = strcmp(a, "colo") == 0 ? "running" : a;
	const char *y = strcmp(b, "colo") == 0 ? "running" : b;
	return strcmp(x, y) == 0;
}

static bool view_equal(const struct ft_qemu_view *a, const struct ft_qemu_view *b)
{
	return a->connected == b->connected && a->oob == b->oob && a->pid == b->pid &&
	       a->pid_verified == b->pid_verified && a->vm == b->vm && a->role == b->role &&
	       a->last_role == b->last_role && a->plan_ready == b->plan_ready && a->plan_doubted == b->plan_doubted &&
	       a->checkpoint_ms == b->checkpoint_ms && strcmp(a->version, b->version) == 0 &&
	       ft_emulator_equal(&a->emulator, &b->emulator) && same_status(a->status, b->status) &&
	       strcmp(a->plan_fault, b->plan_fault) == 0;
}

static void derive_plan_fault(struct ft_qmp *q)
{
	struct ft_qemu_view *v = &q->view;
	const char *fault = q->plan_fault;
	if (!fault[0] && !q->plan)
		fault = "QEMU has not been asked yet";
	else if (!fault[0] && q->plan->role != v->role)
		fault = "QEMU's role has changed; the plan is being made anew";
	v->plan_ready = !fault[0];
	v->plan_doubted = q->doubted && q->plan && q->plan->role == v->role;
	set_text(v->plan_fault, sizeof v->plan_fault, fault);
}

/* Tells the view if it has changed. */
static void tell_view(struct ft_qmp *q, int64_t now)
{
	struct ft_qemu_view *v = &q->view;
	bool same_listener = ft_conn_listener(q->qmp) == ft_conn_listener(q->oob);
	v->connected = ft_conn_is_up(q->qmp) && q->status_known && !ft_conn_is_overdue(q->qmp);
	v->oob = ft_conn_has_oob(q->oob) && !ft_conn_is_overdue(q->oob) && (same_listener || !ft_conn_listener(q->qmp));
	v->pid = q->process.pid;
	derive_plan_fault(q);
	if (view_equal(v, &q->told))
		return;
	q->told = *v;
	q->cb.view(q->arg, v, now);
}

static void free_plan(struct ft_plan *plan)
{
	if (plan)
		ft_plan_free(plan);
	free(plan);
}

static void drop_plan(struct ft_qmp *q, const char *fault)
{
	q->doubted = false;
	set_text(q->plan_fault, sizeof q->plan_fault, fault);
	if (q->plan != q->run_plan)
		free_plan(q->plan);
	q->plan = NULL;
}

static bool in_checkpoint(const struct ft_qmp *q)
{
	return q->guest_stopped && q->replicating && q->view.role != FT_ROLE_NONE;
}

/* How long an answer may take.  While a checkpoint is under way, a side of it may answer nothing in band; that is known to take
 * too long by when the checkpoint is stuck, which is at five reply timeouts, or at three times the longest. */
static void allow_time(struct ft_qmp *q)
{
	int64_t least = 3 * q->reply_timeout, twice = 2 * q->longest;
	ft_conn_allow(q->qmp, !in_checkpoint(q) ? q->longest : twice > least ? twice : least);
}

static void know_longest(struct ft_qmp *q, int64_t longest)
{
	q->longest = longest;
	allow_time(q);
}

static void forget_qemu(struct ft_qmp *q)
{
	drop_plan(q, "");
	ft_discovery_stop(q->discovery);
	json_decref(q->yanks);
	q->yanks = NULL;
	q->disks.n = q->peer_nodes.n = q->doubts.n = 0;
	q->traits = (struct ft_traits){.memory = 0};
	q->begun = false;
	q->status_known = q->discover_retried = q->guest_stopped = q->hung_told = q->unproven = false;
	q->replicating = true;
	know_longest(q, 0);
	q->discovered_at = q->stopped_since = FT_NEVER;
	q->view = (struct ft_qemu_view){.vm = q->view.vm, .checkpoint_at = FT_NEVER};
}

/* ---- the process ---------------------------------------------------------------------------------------------- */

static void on_death(void *arg, bool dead);
static void apply_hold(struct ft_qmp *q);
static void run_lost(struct ft_qmp *q, enum ft_channel channel, const char *why, int64_t now);

static void close_process(struct ft_qmp *q)
{
	ft_deathwatch_free(q->watch);
	q->watch = NULL;
	ft_process_close(&q->process);
	q->view.pid_verified = false;
}

static void watch_process(struct ft_qmp *q, struct ft_process process)
{
	close_process(q);
	q->process = process;
	q->watch = ft_deathwatch_new(q->base, q->timers, &q->process, on_death, q);
}

/* What we froze has died so: whoever comes next is not frozen, and is to be asked. */
static void freeze_is_over(struct ft_qmp *q)
{
	q->frozen = false;
	apply_hold(q);
}

/* The process is dead, or as good as dead. The view keeps what was last seen of it. */
static void process_gone(struct ft_qmp *q, bool dead, int64_t now)
{
	ft_log(FT_LOG_WARN, "qmp", "QEMU (process %d) %s", (int)q->process.pid,
	       dead ? "has died" : "is dying: its threads have ended, the kernel is still freeing its memory");
	close_process(q);
	freeze_is_over(q);
	drop_plan(q, "QEMU has died");
	ft_discovery_stop(q->discovery);
	q->view.vm = FT_VM_GONE;
	q->status_known = false;
	ft_conn_reopen(q->qmp);
	ft_conn_reopen(q->oob);
	run_lost(q, FT_CHANNEL_OOB, "QEMU has died", now);
	run_lost(q, FT_CHANNEL_QMP, "QEMU has died", now);
	tell_view(q, now);
}

static void on_death(void *arg, bool dead)
{
	struct ft_qmp *q = arg;
	int64_t now = ft_clock_now();
	if (q->view.pid_verified) {
		process_gone(q, dead, now);
		return;
	}
	if (!dead)
		return;
	close_process(q);
	freeze_is_over(q);
	q->listener_died = true;
	ft_conn_reopen(q->qmp);
	ft_conn_reopen(q->oob);
	tell_view(q, now);
}

/* A connection to a listener we do not know: another QEMU. */
static void adopt(struct ft_qmp *q, int fd, pid_t listener)
{
	struct ft_process process;
	bool found = ft_process_of_socket(fd, &process) == 0;
	if (found && ft_process_dying(&process, NULL)) {
		ft_process_close(&process); /* its sockets outlive it while its memory is taken down */
		return;
	}
	forget_qemu(q);
	close_process(q);
	q->listener = listener;
	q->listener_died = q->middleman = false;
	q->view.vm = found ? FT_VM_ALIVE : FT_VM_UNKNOWN; /* until it speaks, if it cannot be watched */
	if (found)
		watch_process(q, process);
}

static void on_connected(void *arg, int fd, int64_t now)
{
	const struct side *side = arg;
	struct ft_qmp *q = side->q;
	pid_t listener = ft_conn_listener(side->channel == FT_CHANNEL_QMP ? q->qmp : q->oob);
	bool known = q->process.pid != 0;
	/* The command socket says which QEMU it is; the other one only while that is not connected. */
	if (side->channel == FT_CHANNEL_QMP ? !known || listener != q->listener : !known && !ft_conn_listener(q->qmp))
		adopt(q, fd, listener);
	tell_view(q, now);
}

/* ---- the proof that a process is QEMU -------------------------------------------------------------------------- *
 * The listener may have been somebody who passed the socket on, or who stands between, as a proxy into a container does.
 * The number of a CPU's thread, as QEMU tells it, says which process to look at, but in a pid namespace that we do not know
 * it may be another thread's, the proxy's or a stranger's.  So QEMU is passed a file over its socket, and must have that
 * open: a proxy passes bytes on, and files not.  And who has it may pass it on, to a process that is to be ended in its
 * place: so it must also be the one that has written what came over the connection, as the kernel says.
 *
 * The kernel says a number, which is a process's for sure if that was held (by a pidfd) before it wrote, and is alive
 * afterwards.  The listener is held since we are connected; another process is held when it is found, and asked again. */

static void forget_token(struct ft_qmp *q)
{
	if (q->token >= 0)
		close(q->token);
	q->token = -1;
	q->token_taken = false;
}

static bool is_qemu(const struct ft_qmp *q, const struct ft_process *p, pid_t tid, pid_t *real)
{
	return ft_process_owns_thread(p, tid, real) && ft_process_holds(p, q->token) > 0 &&
	       ft_conn_is_from(q->qmp, p->pid) && ft_process_alive(p);
}

enum found { FOUND_NONE, FOUND_CANDIDATE, FOUND_QEMU };

/* The listener, or whatever process has that thread here. */
static enum found find_qemu(struct ft_qmp *q, pid_t tid)
{
	pid_t real = 0, same;
	struct ft_process before = q->candidate, process = FT_PROCESS_NONE;
	q->candidate = (struct ft_process)FT_PROCESS_NONE;
	enum found found = is_qemu(q, &q->process, tid, &real) ? FOUND_QEMU : FOUND_NONE;
	if (found == FOUND_NONE && is_qemu(q, &before, tid, &same)) {
		ft_log(FT_LOG_INFO, "qmp", "process %d listens on the socket, QEMU itself is process %d",
		       (int)q->listener, (int)before.pid);
		watch_process(q, before);
		q->view.vm = FT_VM_ALIVE;
		return FOUND_QEMU;
	}
	bool again = before.pid == 0;
	ft_process_close(&before);
	if (found == FOUND_QEMU || !again || real <= 0 || ft_process_open(real, &process) != 0)
		return found;
	if (!is_qemu(q, &process, tid, &same)) {
		ft_process_close(&process);
		return FOUND_NONE;
	}
	q->candidate = process;
	return FOUND_CANDIDATE;
}

static void log_unproven(const struct ft_qmp *q, pid_t tid)
{
	const char *why =
	    "no process here has that thread, has what ftd passed, and writes the answers; run ftd in QEMU's "
	    "pid namespace, or in one above it";
	if (!q->token_taken)
		why = "what ftd passes it does not arrive, so something stands between (a proxy?); let ftd open the "
		      "socket that QEMU itself has made, out of a container through a folder that both share";
	else if (ft_process_holds(&q->process, q->token) < 0 && (errno == EACCES || errno == EPERM))
		why = "ftd may not see its open files; run ftd as root, or with CAP_SYS_PTRACE and "
		      "CAP_DAC_READ_SEARCH, or as the "
		      "user that has run QEMU from the first (of one that was started with -runas the others see them)";
	ft_log(FT_LOG_WARN, "qmp",
	       "process %d on qmp.socket is not shown to be QEMU (CPU thread %d), which can thus not be stopped or "
	       "ended: %s",
	       (int)q->listener, (int)tid, why);
}

static void prove(struct ft_qmp *q);

static void on_token(void *arg, int tag, const json_t *reply, int64_t now)
{
	struct ft_qmp *q = arg;
	(void)tag, (void)now;
	q->token_taken = json_object_get(reply, "return") != NULL;
}

/* The last answer of the proof. */
static void on_cpus(void *arg, int tag, const json_t *reply, int64_t now)
{
	static const char drop[] =
	    "{\"execute\":\"closefd\",\"id\":\"proof\",\"arguments\":{\"fdname\":\"" TOKEN_NAME "\"}}";
	struct ft_qmp *q = arg;
	const json_t *cpu = json_array_get(json_object_get(reply, "return"), 0);
	pid_t tid = (pid_t)json_integer_value(json_object_get(cpu, "thread-id"));
	enum found found = FOUND_NONE;
	(void)tag;
	if (tid > 0) { /* else a machine without a CPU, or no answer */
		q->middleman = !q->token_taken || ft_process_holds(&q->process, q->token) == 0;
		found = find_qemu(q, tid);
		q->view.pid_verified = found == FOUND_QEMU;
		if (found == FOUND_NONE)
			log_unproven(q, tid);
	}
	if (q->token_taken) /* and has been looked for */
		ft_conn_send(q->qmp, drop, sizeof drop - 1);
	forget_token(q);
	if (found == FOUND_CANDIDATE)
		prove(q);
	tell_view(q, now);
}

static void prove(struct ft_qmp *q)
{
	json_t *name = json_pack("{s:s}", "fdname", TOKEN_NAME);
	forget_token(q);
	q->token = ft_process_make_token();
	if (q->token < 0)
		ft_log(FT_LOG_ERROR, "qmp", "cannot prove which process is QEMU: %s", strerror(errno));
	else if (!ft_conn_request_with(q->qmp, "getfd", name, q->token, on_token, q, 0) ||
	         !ft_conn_request(q->qmp, "query-cpus-fast", NULL, on_cpus, q, 0))
		ft_log(FT_LOG_ERROR, "qmp", "cannot prove which process is QEMU: qmp.socket takes no request now");
	json_decref(name);
}

/* ---- what it is ------------------------------------------------------------------------------------------------ */

static bool may_ask(const struct ft_qmp *q)
{
	return ft_conn_is_up(q->qmp) && !q->running && !q->frozen;
}

static void on_trait(void *arg, int tag, const json_t *reply, int64_t now);

static void ask_trait(struct ft_qmp *q, enum ft_trait trait)
{
	json_t *arguments = ft_traits_arguments(trait);
	q->asking_traits =
	    may_ask(q) && ft_conn_request(q->qmp, ft_traits_command(trait), arguments, on_trait, q, (int)trait);
	json_decref(arguments);
}

static void on_trait(void *arg, int tag, const json_t *reply, int64_t now)
{
	struct ft_qmp *q = arg;
	enum ft_trait trait = (enum ft_trait)tag;
	ft_traits_take(&q->traits, trait, reply);
	q->view.emulator = q->traits.emulator;
	if (trait + 1 < FT_TRAIT_COUNT && reply)
		ask_trait(q, trait + 1);
	else
		q->asking_traits = false;
	if (q->status_known)
		tell_view(q, now);
}

void ft_qmp_ask_traits(struct ft_qmp *q)
{
	if (!q->asking_traits && q->token < 0) /* what is asked for the proof leaves room for no more */
		ask_trait(q, FT_TRAIT_MACHINE);
}

/* ---- the plan's preparation ----------------------------------------------------------------------------------- */

static void poll_now(struct ft_qmp *q);

static void refresh_soon(struct ft_qmp *q)
{
	if (!evtimer_pending(q->refresh_timer, NULL))
		add_timer(q->refresh_timer, REFRESH_AFTER);
}

/* While the migration comes in, QEMU 7.2 opens its images anew; whoever asks for its block nodes in that moment is
 * answered by an assertion of qcow2, and QEMU is dead. */
static bool comes_in(const struct ft_qmp *q)
{
	return strcmp(q->view.status, "inmigrate") == 0;
}

static void on_refresh_timer(evutil_socket_t fd, short what, void *arg)
{
	struct ft_qmp *q = arg;
	(void)fd, (void)what;
	/* While one is under way it is tried again later: what has changed may have been asked before it changed. */
	if (!may_ask(q))
		return; /* begun anew when it may */
	poll_now(q);
	ft_qmp_ask_traits(q);
	if (q->status_known && !comes_in(q) && !ft_discovery_start(q->discovery))
		refresh_soon(q);
}

static void take_plan(struct ft_qmp *q, struct ft_plan *plan)
{
	if (q->plan && ft_plan_equal(q->plan, plan) && q->plan->timeout == plan->timeout) {
		free_plan(plan);
		q->plan_fault[0] = '\0';
		return;
	}
	drop_plan(q, "");
	q->plan = plan;
	q->unproven = false;
	ft_log(FT_LOG_INFO, "qmp", "failover plan of the %s: %d steps", ft_role_name(plan->role), plan->n);
}

/* The failover command may take longer than a step may, since QEMU flushes its disks in it, and leave COLO when the plan has
 * given up.  No plan can be made any more, and what the old one had still to do (a secondary's gates) would stay undone. */
static void keep_or_drop_plan(struct ft_qmp *q, enum ft_role role, const char *fault)
{
	if (q->unproven && role == FT_ROLE_NONE)
		set_text(q->plan_fault, sizeof q->plan_fault, fault);
	else
		drop_plan(q, fault);
}

static bool has_id(const struct ft_ids *ids, const char *name)
{
	for (int i = 0; i < ids->n; i++)
		if (strcmp(ids->id[i].s, name) == 0)
			return true;
	return false;
}

/* A survivor's last answer holds, as what comes late is of that time. */
static void note_disks(struct ft_qmp *q, const struct ft_topology *t)
{
	if (t->role != FT_ROLE_NONE)
		ft_topology_disk_nodes(t, &q->disks, &q->peer_nodes);
}

static bool is_open(const struct ft_qmp *q, const struct ft_doubt *d)
{
	return !ft_disregards(&q->disregard, d->name);
}

static void log_new_doubts(const struct ft_qmp *q, const struct ft_doubts *now)
{
	for (int i = 0; i < now->n; i++) {
		const struct ft_doubt *d = &now->doubt[i];
		bool known = false;
		for (int k = 0; k < q->doubts.n; k++)
			known |= strcmp(q->doubts.doubt[k].name, d->name) == 0;
		if (!known)
			ft_log(FT_LOG_WARN, "qmp", "%s: %s%s", d->name, d->why,
			       is_open(q, d) ? "" : " (disregarded, by qmp.disregard)");
	}
}

/* A plan that leaves out what may lead to the peer is kept, and run if it must be; but it is not sold as ready. */
static void take_doubts(struct ft_qmp *q, const struct ft_topology *t)
{
	const struct ft_doubt *first = NULL;
	int open = 0;
	char more[32] = "", text[FT_DOUBT_NAME_MAX + FT_TEXT_MAX + 32];

	if (t->role == FT_ROLE_NONE)
		q->begun = false;
	log_new_doubts(q, &t->doubts);
	q->doubted = false;
	q->doubts = t->doubts;
	for (int i = t->doubts.n - 1; i >= 0; i--)
		if (is_open(q, &t->doubts.doubt[i])) {
			first = &t->doubts.doubt[i];
			open++;
		}
	if (!first || q->begun || q->plan_fault[0])
		return;
	if (open > 1)
		snprintf(more, sizeof more, " (and %d more)", open - 1);
	snprintf(text, sizeof text, "%s: %s%s", first->name, first->why, more);
	snprintf(q->plan_fault, sizeof q->plan_fault, "%.*s", (int)sizeof q->plan_fault - 1, text);
	q->doubted = true;
}

static void on_discovered(void *arg, const struct ft_topology *topology, const char *error, int64_t now)
{
	struct ft_qmp *q = arg;
	char fault[FT_TEXT_MAX];
	if (q->running)
		return;
	q->discovered_at = now;
	if (!topology) {
		/* The old plan, if there is one, is better than none; but it is not sold as ready. */
		if (!q->discover_retried) {
			refresh_soon(q);
		} else {
			set_text(q->plan_fault, sizeof q->plan_fault, error);
			q->doubted = false;
		}
		q->discover_retried = true;
		tell_view(q, now);
		return;
	}
	q->discover_retried = false;
	note_disks(q, topology);
	q->view.checkpoint_ms = topology->checkpoint_ms;
	struct ft_plan *plan = calloc(1, sizeof *plan);
	if (!plan)
		abort();
	if (ft_plan_build(topology, q->reply_timeout, plan, fault) == 0) {
		take_plan(q, plan);
	} else {
		free_plan(plan);
		keep_or_drop_plan(q, topology->role, fault);
	}
	take_doubts(q, topology);
	tell_view(q, now);
}

/* ---- status polls --------------------------------------------------------------------------------------------- */

static enum ft_role role_of(const json_t *object, const char *key)
{
	const char *mode = json_string_value(json_object_get(object, key));
	if (mode && strcmp(mode, "primary") == 0)
		return FT_ROLE_PRIMARY;
	if (mode && strcmp(mode, "secondary") == 0)
		return FT_ROLE_SECONDARY;
	return FT_ROLE_NONE;
}

enum { POLL_STATUS, POLL_COLO };

static void take_colo_status(struct ft_qmp *q, const json_t *answer)
{
	enum ft_role role = role_of(answer, "mode");
	if (role != q->view.role) {
		q->replicating = true;
		q->guest_stopped = false;
		know_longest(q, 0);
		refresh_soon(q);
	}
	q->view.role = role;
	q->view.last_role = role_of(answer, "last-mode");
}

static void take_status(struct ft_qmp *q, const char *status)
{
	bool came_in = comes_in(q);
	set_text(q->view.status, sizeof q->view.status, status);
	if (came_in && !comes_in(q))
		refresh_soon(q);
}

static void on_poll(void *arg, int tag, const json_t *reply, int64_t now)
{
	struct ft_qmp *q = arg;
	const json_t *answer = json_object_get(reply, "return");
	q->polls_waiting--;
	if (!reply)
		return;
	if (tag == POLL_COLO)
		take_colo_status(q, answer);
	else
		take_status(q, json_string_value(json_object_get(answer, "status")));
	if (q->polls_waiting == 0 && !q->status_known) {
		q->status_known = true;
		refresh_soon(q);
	}
	if (q->status_known)
		tell_view(q, now);
}

static void poll_now(struct ft_qmp *q)
{
	if (!may_ask(q) || q->polls_waiting > 0)
		return;
	q->polls_waiting += ft_conn_request(q->qmp, "query-status", NULL, on_poll, q, POLL_STATUS);
	q->polls_waiting += ft_conn_request(q->qmp, "query-colo-status", NULL, on_poll, q, POLL_COLO);
}

static void poll_at_times(struct ft_qmp *q, int64_t now)
{
	if (--q->pings_to_poll > 0)
		return;
	q->pings_to_poll = PINGS_A_POLL;
	poll_now(q);
	if (!q->traits.emulator.machine[0])
		ft_qmp_ask_traits(q);
	if (may_ask(q) && q->discovered_at != FT_NEVER && now - q->discovered_at >= DISCOVER_EVERY)
		ft_discovery_start(q->discovery);
}

/* ---- pings and the hang --------------------------------------------------------------------------------------- */

static void on_pong(void *arg, int tag, const json_t *reply, int64_t now)
{
	struct ft_qmp *q = arg;
	json_t *yanks = json_object_get(reply, "return");
	(void)tag, (void)now;
	if (!reply)
		return;
	q->hung_told = false;
	q->stopped_since = FT_NEVER;
	if (!yanks || (q->yanks && json_equal(yanks, q->yanks)))
		return;
	refresh_soon(q); /* of the first answer, too: it may be newer than what discovery was told */
	json_decref(q->yanks);
	q->yanks = json_incref(yanks);
}

static void tell_hung(struct ft_qmp *q, const char *evidence, int64_t now)
{
	if (q->hung_told)
		return;
	q->hung_told = true;
	q->cb.hung(q->arg, evidence, now);
}

static void judge_silence(struct ft_qmp *q, int64_t silent_since, int64_t now)
{
	char evidence[FT_TEXT_MAX];
	int64_t limit = HUNG_AFTER * q->reply_timeout;
	int64_t silent = now - silent_since;
	ft_qmp_ask_death(q);
	if (q->process.pid == 0)
		return;
	if (!ft_process_stopped(&q->process))
		q->stopped_since = FT_NEVER;
	else if (q->stopped_since == FT_NEVER)
		q->stopped_since = now;
	if (q->stopped_since != FT_NEVER && now - q->stopped_since >= q->reply_timeout) {
		snprintf(evidence, sizeof evidence, "QEMU pid %d has been stopped (state T) for %lld ms",
		         (int)q->process.pid, (long long)((now - q->stopped_since) / FT_NS_PER_MS));
		tell_hung(q, evidence, now);
	} else if (silent >= (limit > HUNG_MIN ? limit : HUNG_MIN)) {
		snprintf(evidence, sizeof evidence,
		         "QEMU pid %d has answered nothing, not even out of band, for %lld ms", (int)q->process.pid,
		         (long long)(silent / FT_NS_PER_MS));
		tell_hung(q, evidence, now);
	}
}

static void ping_later(struct ft_qmp *q, int64_t now)
{
	q->pinged_at = now;
	ft_timer_set_from(q->ping_timer, now + PING_EVERY, now + PING_EVERY + PING_LATE);
}

static void on_ping_timer(void *arg)
{
	struct ft_qmp *q = arg;
	int64_t now = ft_clock_now();
	bool stalled = now - q->pinged_at > 2 * PING_EVERY; /* we did not run: silence until now proves nothing */
	ping_later(q, now);
	poll_at_times(q, now);
	if (!ft_conn_has_oob(q->oob) || q->running || q->frozen)
		return;
	if (stalled) {
		q->stopped_since = FT_NEVER;
		ft_conn_begin_anew(q->oob);
	}
	if (ft_conn_outstanding(q->oob) > 0)
		ft_conn_catch_up(q->oob);
	int64_t since = ft_conn_waiting_since(q->oob);
	if (since == FT_NEVER)
		ft_conn_request(q->oob, "query-yank", NULL, on_pong, q, 0);
	else if (!stalled && now - since >= PING_EVERY / 2)
		judge_silence(q, since, now);
}

/* ---- running a plan ------------------------------------------------------------------------------------------- */

static void apply_hold(struct ft_qmp *q)
{
	ft_conn_hold(q->qmp, q->frozen || q->running);
	ft_conn_hold(q->oob, q->frozen || q->running);
}

static void run_finished(struct ft_qmp *q, int64_t now)
{
	q->running = false;
	q->unproven = q->run_refused ? q->unproven : !q->runner.report.ok;
	q->run_refused = NULL;
	if (q->run_plan != q->plan)
		free_plan(q->run_plan);
	q->run_plan = NULL;
	evtimer_del(q->run_timer);
	apply_hold(q);
	q->cb.plan_finished(q->arg, &q->runner.report, now);
	poll_now(q);
	refresh_soon(q);
}

static void run_tell(struct ft_qmp *q, int64_t now)
{
	if (q->runner.proof_known && !q->done_told) {
		q->done_told = true;
		q->cb.plan_done(q->arg, &q->runner.report, now);
	}
	if (q->runner.finished) {
		run_finished(q, now);
		return;
	}
	int64_t due = ft_runner_deadline(&q->runner);
	add_timer(q->run_timer, due > now ? due - now : 0);
}

static void send_steps(struct ft_qmp *q, int64_t now)
{
	int i;
	while ((i = ft_runner_send(&q->runner, now)) >= 0) {
		const struct ft_step *s = &q->run_plan->steps[i];
		if (ft_conn_send(s->channel == FT_CHANNEL_OOB ? q->oob : q->qmp, s->text, s->text_len))
			q->owed[s->channel][i]++;
		else
			ft_runner_disconnected(&q->runner, s->channel, "not connected", now);
	}
}

static void run_send(struct ft_qmp *q, int64_t now)
{
	send_steps(q, now);
	run_tell(q, now);
}

static void run_lost(struct ft_qmp *q, enum ft_channel channel, const char *why, int64_t now)
{
	memset(q->owed[channel], 0, sizeof q->owed[channel]);
	memset(q->stale[channel], 0, sizeof q->stale[channel]);
	if (!q->running || q->run_refused)
		return;
	ft_runner_disconnected(&q->runner, channel, why, now);
	run_send(q, now);
}

static void on_run_timer(evutil_socket_t fd, short what, void *arg)
{
	struct ft_qmp *q = arg;
	int64_t now = ft_clock_now();
	(void)fd, (void)what;
	if (!q->run_refused) {
		ft_runner_tick(&q->runner, now);
		run_send(q, now);
		return;
	}
	memset(&q->runner, 0, sizeof q->runner);
	q->runner.report.proven_at = FT_NEVER;
	set_text(q->runner.report.error, sizeof q->runner.report.error, q->run_refused);
	q->runner.proof_known = q->runner.finished = true;
	run_tell(q, now);
}

/* The N of "plan-N", -1 for another id. */
static int step_of_id(const char *id)
{
	char *end;
	if (strncmp(id, "plan-", 5) != 0)
		return -1;
	long step = strtol(id + 5, &end, 10);
	return end == id + 5 || *end || step < 0 || step >= FT_STEPS_MAX ? -1 : (int)step;
}

static void on_answer(void *arg, const char *id, const json_t *reply, int64_t now)
{
	const struct side *side = arg;
	struct ft_qmp *q = side->q;
	int step = step_of_id(id);
	if (step < 0)
		return;
	int *owed = &q->owed[side->channel][step], *stale = &q->stale[side->channel][step];
	if (*owed > 0)
		(*owed)--;
	if (*stale > 0) {
		(*stale)--; /* an answer that an earlier run gave up waiting for */
		return;
	}
	if (!q->running || q->run_refused)
		return;
	ft_runner_reply(&q->runner, step, reply, now);
	run_send(q, now);
}

/* Why there is nothing to run, or nothing to run it on; NULL: there is. */
static const char *unable_to_run(const struct ft_qmp *q)
{
	if (!q->plan)
		return "no failover plan is prepared";
	if (!ft_conn_is_up(q->qmp))
		return "no connection to QEMU";
	/* One that was kept, and QEMU is in a new pair. */
	if (q->view.role != FT_ROLE_NONE && q->view.role != q->plan->role)
		return "the failover plan is of another role than QEMU's";
	return NULL;
}

void ft_qmp_run_plan(struct ft_qmp *q)
{
	int64_t now = ft_clock_now();
	if (q->running && q->done_told) /* whatever it still cleans up or waits for */
		run_finished(q, now);
	if (q->running) {
		ft_log(FT_LOG_WARN, "qmp", "a plan is running already");
		return;
	}
	q->running = true;
	q->done_told = false;
	ft_discovery_stop(q->discovery);
	apply_hold(q);
	q->run_refused = unable_to_run(q);
	if (q->run_refused) {
		add_timer(q->run_timer, 0);
		return;
	}
	q->run_plan = q->plan;
	q->begun = true;
	memcpy(q->stale, q->owed, sizeof q->stale);
	ft_runner_start(&q->runner, q->run_plan, ft_conn_has_oob(q->oob), now);
	send_steps(q, now);
	/* Whatever there is to tell is told from the event loop. */
	add_timer(q->run_timer, q->runner.proof_known ? 0 : ft_runner_deadline(&q->runner) - now);
}

/* ---- what the connections tell -------------------------------------------------------------------------------- */

static void on_qmp_up(struct ft_qmp *q, const json_t *greeting)
{
	const json_t *version = json_object_get(json_object_get(greeting, "version"), "qemu");
	snprintf(q->view.version, sizeof q->view.version, "%d.%d.%d",
	         (int)json_integer_value(json_object_get(version, "major")),
	         (int)json_integer_value(json_object_get(version, "minor")),
	         (int)json_integer_value(json_object_get(version, "micro")));
	ft_log(FT_LOG_INFO, "qmp", "connected to QEMU %s (process %d)", q->view.version, (int)q->process.pid);
	ft_traits_greet(&q->traits, greeting);
	q->view.emulator = q->traits.emulator;
	q->view.vm = FT_VM_ALIVE;
	q->view.checkpoint_at = FT_NEVER;
	q->guest_stopped = false;
	allow_time(q);
	ft_process_close(&q->candidate);
	if (!q->running)
		prove(q);
	poll_now(q);
	add_timer(q->refresh_timer, 0);
}

static void on_up(void *arg, const json_t *greeting, int64_t now)
{
	const struct side *side = arg;
	struct ft_qmp *q = side->q;
	if (side->channel == FT_CHANNEL_QMP)
		on_qmp_up(q, greeting);
	else if (!ft_conn_has_oob(q->oob))
		ft_log(FT_LOG_WARN, "qmp",
		       "QEMU offers no out-of-band execution on the out-of-band socket: a blocked "
		       "main loop could not be freed; a failover may hang");
	if (ft_conn_listener(q->qmp) && ft_conn_listener(q->oob) &&
	    ft_conn_listener(q->qmp) != ft_conn_listener(q->oob))
		ft_log(FT_LOG_ERROR, "qmp",
		       "qmp.socket and qmp.oob_socket are of two processes, %d and %d; both must be of the same QEMU",
		       (int)ft_conn_listener(q->qmp), (int)ft_conn_listener(q->oob));
	tell_view(q, now);
}

static void nobody_listens(struct ft_qmp *q)
{
	if (ft_process_alive(&q->process) || q->view.vm == FT_VM_GONE)
		return;
	if (q->middleman) { /* the guest may run on behind it */
		q->view.vm = FT_VM_UNKNOWN;
		return;
	}
	if (q->listener_died)
		ft_log(FT_LOG_WARN, "qmp", "QEMU (process %d) has died", (int)q->listener);
	q->view.vm = q->listener_died ? FT_VM_GONE : FT_VM_ABSENT;
	q->listener_died = false;
	drop_plan(q, "QEMU is not running");
}

static void on_down(void *arg, enum ft_conn_fault fault, const char *why, int64_t now)
{
	const struct side *side = arg;
	struct ft_qmp *q = side->q;
	if (side->channel == FT_CHANNEL_QMP) {
		q->status_known = false;
		if (fault == FT_CONN_NOBODY)
			nobody_listens(q);
	}
	run_lost(q, side->channel, why, now);
	tell_view(q, now);
	ft_qmp_ask_death(q); /* a dying QEMU's sockets are closed some ms before its pidfd tells */
}

static void on_overdue(void *arg, const char *command, int64_t waited, int64_t now)
{
	const struct side *side = arg;
	struct ft_qmp *q = side->q;
	long long ms = waited / FT_NS_PER_MS;
	bool oob_answers = ft_conn_has_oob(q->oob) && !ft_conn_is_overdue(q->oob);
	if (!command)
		ft_log(FT_LOG_INFO, "qmp", "QEMU answers again%s",
		       side->channel == FT_CHANNEL_OOB ? " out of band" : "");
	else if (side->channel == FT_CHANNEL_OOB)
		ft_log(FT_LOG_WARN, "qmp", "QEMU has not answered %s out of band for %lld ms", command, ms);
	else
		ft_log(FT_LOG_WARN, "qmp", "QEMU has not answered %s for %lld ms; %s", command, ms,
		       !oob_answers       ? "nor does it answer out of band"
		       : in_checkpoint(q) ? "it answers out of band: a checkpoint takes longer than ever, or its main "
		                            "loop is blocked"
		                          : "it answers out of band: its main loop is blocked");
	tell_view(q, now);
}

static bool text_is(const json_t *data, const char *key, const char *value)
{
	const char *text = json_string_value(json_object_get(data, key));
	return text && strcmp(text, value) == 0;
}

static const char *text_of(const json_t *data, const char *key)
{
	const char *text = json_string_value(json_object_get(data, key));
	return text ? text : "";
}

static void on_resume(struct ft_qmp *q, int64_t now)
{
	bool checkpoint = in_checkpoint(q);
	int64_t took = q->guest_stopped_at == FT_NEVER ? 0 : now - q->guest_stopped_at;
	if (took > LONGEST_MOST)
		took = LONGEST_MOST;
	q->guest_stopped = false;
	know_longest(q, checkpoint && took > q->longest ? took : q->longest);
	if (!checkpoint)
		return;
	q->view.checkpoint_at = q->told.checkpoint_at = now;
	q->cb.checkpoint(q->arg, took, now);
}

static void on_colo_exit(struct ft_qmp *q, const json_t *data, int64_t now)
{
	q->replicating = false;
	allow_time(q);
	refresh_soon(q);
	q->cb.colo_exit(q->arg, text_of(data, "mode"), text_of(data, "reason"), now);
}

/* Of a read there may be no error, but copies that differ: which one is wrong nobody knows. */
static void on_quorum_report(struct ft_qmp *q, const json_t *data, int64_t now)
{
	char what[FT_TEXT_MAX];
	const char *node = text_of(data, "node-name"), *error = text_of(data, "error");
	bool peers = has_id(&q->peer_nodes, node);
	if (!error[0] || q->view.role == FT_ROLE_NONE)
		return;
	if (!peers && q->view.role == FT_ROLE_PRIMARY && q->disks.n == 0)
		return; /* it has not been asked yet what it has */
	snprintf(what, sizeof what, "%s of node %s: %s", text_of(data, "type"), node, error);
	q->cb.disk(q->arg, !peers, what, now);
}

/* The guest itself was told, or stopped: no copy has taken it, or what it has is no replicated disk.  A CD that cannot be read
 * is no reason for anything. */
static void on_block_error(struct ft_qmp *q, const json_t *data, int64_t now)
{
	char what[FT_TEXT_MAX];
	const char *node = text_of(data, "node-name");
	if (q->view.role == FT_ROLE_NONE || !(text_is(data, "operation", "write") || has_id(&q->disks, node)))
		return;
	snprintf(what, sizeof what, "%s of %s: %s", text_of(data, "operation"), node, text_of(data, "reason"));
	q->cb.disk(q->arg, true, what, now);
}

static void on_quorum_failure(struct ft_qmp *q, const json_t *data, int64_t now)
{
	char what[FT_TEXT_MAX];
	if (q->view.role == FT_ROLE_NONE)
		return;
	snprintf(what, sizeof what, "no copy of %s answers well", text_of(data, "reference"));
	q->cb.disk(q->arg, true, what, now);
}

/* Events after which topology, plan or role may be others. A checkpoint's STOP and RESUME are not among them. */
static bool changes_much(const char *name, const json_t *data)
{
	static const char *const names[] = {"MIGRATION", "BLOCK_JOB_COMPLETED", "DEVICE_DELETED", "SHUTDOWN"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return strcmp(name, "JOB_STATUS_CHANGE") == 0 && text_is(data, "status", "concluded");
}

static void on_event(void *arg, const char *name, const json_t *data, int64_t now)
{
	const struct side *side = arg;
	struct ft_qmp *q = side->q;
	/* Both connections see every event. */
	if (side->channel == FT_CHANNEL_OOB && ft_conn_is_up(q->qmp))
		return;
	ft_log(FT_LOG_DEBUG, "qmp", "event %s %s%s", name, text_of(data, "status"), text_of(data, "reason"));
	if (strcmp(name, "STOP") == 0) {
		q->guest_stopped = true;
		q->guest_stopped_at = now;
		allow_time(q);
	} else if (strcmp(name, "RESUME") == 0) {
		on_resume(q, now);
	} else if (strcmp(name, "COLO_EXIT") == 0) {
		on_colo_exit(q, data, now);
	} else if (strcmp(name, "QUORUM_REPORT_BAD") == 0) {
		on_quorum_report(q, data, now);
	} else if (strcmp(name, "QUORUM_FAILURE") == 0) {
		on_quorum_failure(q, data, now);
	} else if (strcmp(name, "BLOCK_IO_ERROR") == 0) {
		on_block_error(q, data, now);
	} else if (strcmp(name, "RESET") == 0) {
		q->cb.shutdown(q->arg, NULL, now);
	} else if (changes_much(name, data)) {
		if (strcmp(name, "SHUTDOWN") == 0)
			q->cb.shutdown(q->arg, text_of(data, "reason"), now);
		q->replicating |= text_is(data, "status", "colo");
		refresh_soon(q);
	}
}

/* ---- the rest of the interface -------------------------------------------------------------------------------- */

static struct event *new_timer(struct ft_qmp *q, event_callback_fn fire)
{
	struct event *timer = evtimer_new(q->base, fire, q);
	if (!timer)
		abort();
	return timer;
}

static void make_timers(struct ft_qmp *q)
{
	q->ping_timer = ft_timer_new(q->timers, on_ping_timer, q);
	if (!q->ping_timer)
		abort();
	q->refresh_timer = new_timer(q, on_refresh_timer);
	q->run_timer = new_timer(q, on_run_timer);
	ping_later(q, ft_clock_now());
}

struct ft_qmp *ft_qmp_new(struct event_base *base, struct ft_timers *timers, const struct ft_qmp_settings *settings,
                          const struct ft_qmp_callbacks *cb, void *arg)
{
	static const struct ft_conn_callbacks callbacks = {
	    .connected = on_connected,
	    .up = on_up,
	    .down = on_down,
	    .event = on_event,
	    .answer = on_answer,
	    .overdue = on_overdue,
	};
	struct ft_qmp *q = calloc(1, sizeof *q);
	if (!q)
		abort();
	q->base = base;
	q->timers = timers;
	q->reply_timeout = settings->reply_timeout_ms * FT_NS_PER_MS;
	q->disregard = settings->disregard;
	q->cb = *cb;
	q->arg = arg;
	q->process = q->candidate = (struct ft_process)FT_PROCESS_NONE;
	q->token = -1;
	q->sides[FT_CHANNEL_QMP] = (struct side){q, FT_CHANNEL_QMP};
	q->sides[FT_CHANNEL_OOB] = (struct side){q, FT_CHANNEL_OOB};
	q->qmp = ft_conn_new(base, timers, "qmp.socket", settings->socket, false, q->reply_timeout, &callbacks,
	                     &q->sides[FT_CHANNEL_QMP]);
	q->oob = ft_conn_new(base, timers, "qmp.oob_socket", settings->oob_socket, true, q->reply_timeout, &callbacks,
	                     &q->sides[FT_CHANNEL_OOB]);
	q->discovery = ft_discovery_new(q->qmp, on_discovered, q);
	make_timers(q);
	forget_qemu(q);
	derive_plan_fault(q);
	q->told = q->view;
	return q;
}

void ft_qmp_reconfigure(struct ft_qmp *q, const struct ft_qmp_settings *settings)
{
	int64_t now = ft_clock_now();
	q->reply_timeout = settings->reply_timeout_ms * FT_NS_PER_MS;
	q->disregard = settings->disregard;
	if (ft_conn_reconfigure(q->oob, settings->oob_socket, q->reply_timeout))
		run_lost(q, FT_CHANNEL_OOB, "the socket was changed", now);
	if (ft_conn_reconfigure(q->qmp, settings->socket, q->reply_timeout)) {
		q->status_known = false;
		run_lost(q, FT_CHANNEL_QMP, "the socket was changed", now);
	}
	refresh_soon(q); /* the plan carries the reply timeout, and what is disregarded decides whether it is ready */
	tell_view(q, now);
}

const struct ft_qemu_view *ft_qmp_view(const struct ft_qmp *q)
{
	return &q->view;
}

const struct ft_doubts *ft_qmp_doubts(const struct ft_qmp *q)
{
	return &q->doubts;
}

const struct ft_traits *ft_qmp_traits(const struct ft_qmp *q)
{
	return &q->traits;
}

const struct ft_plan *ft_qmp_plan(const struct ft_qmp *q)
{
	return q->plan;
}

const struct ft_process *ft_qmp_process(const struct ft_qmp *q)
{
	return &q->process;
}

void ft_qmp_look(struct ft_qmp *q)
{
	if (q->watch)
		ft_deathwatch_look(q->watch);
}

void ft_qmp_ask_death(struct ft_qmp *q)
{
	if (q->watch)
		ft_deathwatch_ask(q->watch);
}

static void on_probed(void *arg, int tag, const json_t *reply, int64_t now)
{
	(void)arg, (void)tag, (void)now;
	const json_t *error = json_object_get(reply, "error");
	if (error)
		ft_log(FT_LOG_WARN, "qmp", "a checkpoint could not be forced: %s", text_of(error, "desc"));
}

void ft_qmp_probe(struct ft_qmp *q)
{
	if (!may_ask(q) || q->view.checkpoint_ms <= 0)
		return; /* without the delay it cannot be set to what it is */
	json_t *arguments = json_pack("{s:i}", "x-checkpoint-delay", q->view.checkpoint_ms);
	ft_conn_request(q->qmp, "migrate-set-parameters", arguments, on_probed, q, 0);
	json_decref(arguments);
}

void ft_qmp_yank(struct ft_qmp *q)
{
	const struct ft_plan *plan = q->plan;
	int yanks = 0;
	if (q->running)
		return; /* it yanks itself */
	for (int i = 0; plan && i < plan->n; i++) {
		const struct ft_step *s = &plan->steps[i];
		if (s->channel != FT_CHANNEL_OOB || !ft_conn_send(q->oob, s->text, s->text_len))
			continue;
		q->owed[FT_CHANNEL_OOB][i]++;
		yanks++;
		ft_log(FT_LOG_INFO, "qmp", "%s %s", s->command, s->what);
	}
	if (yanks == 0)
		ft_log(FT_LOG_ERROR, "qmp", "nothing that leads to the peer can be yanked: %s",
		       plan ? "QEMU does not answer on qmp.oob_socket" : "no plan is prepared that names it");
}

void ft_qmp_catch_up(struct ft_qmp *q)
{
	if (!q->view.connected && !q->running && ft_conn_is_up(q->qmp))
		ft_conn_catch_up(q->qmp);
}

void ft_qmp_set_frozen(struct ft_qmp *q, bool frozen)
{
	if (q->frozen == frozen)
		return;
	q->frozen = frozen;
	q->stopped_since = q->guest_stopped_at = FT_NEVER;
	q->hung_told = false; /* thawed, it may hang as before, and the one who had it frozen wants to know */
	apply_hold(q);
	if (!frozen)
		refresh_soon(q);
}

void ft_qmp_free(struct ft_qmp *q)
{
	if (!q)
		return;
	ft_discovery_free(q->discovery);
	ft_conn_free(q->qmp);
	ft_conn_free(q->oob);
	close_process(q);
	ft_process_close(&q->candidate);
	forget_token(q);
	ft_timer_free(q->ping_timer);
	event_free(q->refresh_timer);
	event_free(q->run_timer);
	drop_plan(q, "");
	free_plan(q->run_plan);
	json_decref(q->yanks);
	free(q);
}
