/* What makes sessions and leases hold in the world. */
#include "supervisor/exclusion.h"

#include "arbiter/arbiter.h"
#include "arbiter/fence.h"
#include "base/clock.h"
#include "base/log.h"
#include "process/sentinel.h"
#include "store/session_file.h"

#include <errno.h>
#include <event2/event.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SESSION_FILE "session"
#define STORE_MS     4500 /* for the disk; a proposal that is not on it by then is tried again */

/* How long the loop waits for an earlier ftd's sentinel to end, which takes far less than 1 ms; then it is looked for by a
 * timer, ever more rarely, without waiting. */
#define RELIEF_WAIT_MS  5
#define RELIEF_FIRST_MS 10
#define RELIEF_MOST_MS  5000
#define RELIEF_LATE_MS  1000 /* looked for that rarely: it will hardly end by itself */

/* Until a claim has been shown to work, that is tried ever more rarely. */
#define TRIAL_FIRST_MS 1000
#define TRIAL_MOST_MS  10000

/* Then the arbiter is looked at this often, a tenth sooner or later, since ten thousand pairs may share it.  A power switch
 * is slow, and some take one at a time. */
#define LOOK_MS       10000
#define POWER_MS      60000
#define POWER_SOON_MS 10000 /* after one try that failed */

struct ft_exclusion {
	const struct ft_exclusion_callbacks *cb;
	void *arg;
	char pair[FT_NAME_MAX], node[FT_NAME_MAX];
	enum ft_arbiter_type type;
	struct ft_writer *writer;
	struct ft_arbiter *arbiter;
	struct ft_fence *fence; /* behind a won claim; NULL: none */
	struct ft_fence *power; /* the same agent for its status, so that a check never stands in the way of a claim */
	struct event *granted;  /* what needs nobody to be asked is answered from the event loop, too */
	struct ft_sentinel *sentinel;
	pid_t guarded;     /* the QEMU the sentinel was given, 0 none */
	bool may_stop;     /* it, by the kernel's rules */
	bool relieved;     /* the sentinels of earlier ftd are gone */
	int64_t relief_ms; /* one is not, and is tried again after so long; 0: none is known that stays */
	struct event *relief_again, *after_relief;
	bool relief_told;
	int64_t guard;               /* failover.guard_ms */
	int64_t overrun_at, overrun; /* see exclusion.h */
	bool reachable;              /* the arbiter */
	bool checking, check_again;  /* as soon as it ends: it began before it was asked for */
	bool well;                   /* a claim has been shown to work, with this peer */
	bool power_reached;          /* the switch behind the register */
	bool powering;               /* it is being looked at, by ourselves */
	int64_t power_at;            /* the next look at it */
	int look_ms, power_ms;
	char power_fault[FT_TEXT_MAX];
	struct event *tell; /* news of reach; later, for a failover may be under way */
	bool told_reachable, told_power;
	char unreachable[FT_TEXT_MAX];
	char store_fault[FT_TEXT_MAX]; /* as logged last */
	struct event *trial;
	int64_t trial_ms;                                                   /* until the next after one that fails */
	char peer[FT_NAME_MAX];                                             /* "" while it is not known */
	void (*checked)(void *arg, const char *fault, const char *warning); /* who has asked, NULL: nobody */
	void *checked_arg;
	char check_warning[FT_TEXT_MAX]; /* of the arbiter, while the fence is looked at */
};

const char *ft_arbiter_word(enum ft_arbiter_type type)
{
	static const char *const words[] = {"none", "file", "etcd", "fence"};
	return words[type];
}

static void tell_later(struct ft_exclusion *x)
{
	struct timeval now = {0};
	if (x->reachable != x->told_reachable || x->power_reached != x->told_power)
		evtimer_add(x->tell, &now);
}

static void note_reach(struct ft_exclusion *x, const char *error)
{
	bool reachable = error[0] == '\0';
	if (reachable && !x->reachable)
		ft_log(FT_LOG_INFO, "core", "the arbiter is in reach again");
	if (!reachable && (x->reachable || strncmp(error, x->unreachable, sizeof x->unreachable - 1) != 0))
		ft_log(FT_LOG_WARN, "core", "the arbiter is out of reach: %s", error);
	x->reachable = reachable;
	snprintf(x->unreachable, sizeof x->unreachable, "%s", error);
	tell_later(x);
}

static void note_power(struct ft_exclusion *x, const char *error)
{
	bool reached = error[0] == '\0';
	if (reached && !x->power_reached)
		ft_log(FT_LOG_INFO, "core", "the other host's power switch is in reach again");
	if (!reached && x->power_reached)
		ft_log(FT_LOG_WARN, "core", "the other host's power switch is out of reach: %s", error);
	x->power_reached = reached;
	snprintf(x->power_fault, sizeof x->power_fault, "%s", error);
	tell_later(x);
}

static void tell_reach(struct ft_exclusion *x, bool good, bool *told, const char *what, const char *why)
{
	char text[2 * FT_TEXT_MAX];
	if (good == *told)
		return;
	*told = good;
	snprintf(text, sizeof text, "%s is %s%s%s", what, good ? "in reach again" : "out of reach", good ? "" : ": ",
	         good ? "" : why);
	x->cb->reach(x->arg, good, text);
}

static void on_tell(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct ft_exclusion *x = arg;
	tell_reach(x, x->reachable, &x->told_reachable, "the arbiter", x->unreachable);
	tell_reach(x, x->power_reached, &x->told_power, "the other host's power switch", x->power_fault);
}

/* The guard is what a freeze may take.  More means that nobody stopped QEMU in time, and what may have come of it. */
static void note_overrun(struct ft_exclusion *x, int64_t at, int64_t late)
{
	if (late <= x->guard)
		return;
	x->overrun = late;
	x->overrun_at = at;
	ft_log_surely(
	    FT_LOG_ERROR, "core",
	    "QEMU ran for %.0f ms beyond its right: the sentinel was stopped or starved, and ftd with it (a frozen "
	    "control group, a paused container, a busy host). If the peer has taken over, two guests ran in that time",
	    (double)late / 1e6);
}

static void on_froze(void *arg, int64_t at, int error, int64_t late)
{
	struct ft_exclusion *x = arg;
	note_overrun(x, at, late);
	if (error)
		ft_log_surely(FT_LOG_ERROR, "core", "the sentinel cannot stop QEMU: %s; it goes on trying",
		              strerror(error));
	else
		ft_log_surely(FT_LOG_WARN, "core", "the sentinel has stopped QEMU: its right to run had ended");
	x->cb->sentinel_froze(x->arg, at);
}

static void on_guard(void *arg)
{
	struct ft_exclusion *x = arg;
	ft_log(FT_LOG_INFO, "core", "the sentinel, process %d, is on guard over QEMU",
	       (int)ft_sentinel_pid(x->sentinel));
	x->cb->guard_changed(x->arg);
}

static void on_lost(void *arg)
{
	struct ft_exclusion *x = arg;
	x->cb->guard_changed(x->arg);
}

/* One of them may have sent SIGSTOP as late as its end, and has told nobody. */
static void on_relieved(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct ft_exclusion *x = arg;
	x->cb->guard_changed(x->arg);
	x->cb->sentinel_froze(x->arg, FT_NEVER);
}

/* One that stays goes on stopping our QEMU: no protection with it. */
static void try_relief_later(struct ft_exclusion *x, pid_t stays)
{
	int64_t ms = x->relief_ms == 0 ? RELIEF_FIRST_MS : 2 * x->relief_ms;
	x->relief_ms = ms < RELIEF_MOST_MS ? ms : RELIEF_MOST_MS;
	struct timeval later = {.tv_sec = x->relief_ms / 1000, .tv_usec = x->relief_ms % 1000 * 1000};
	evtimer_add(x->relief_again, &later);
	if (x->relief_ms < RELIEF_LATE_MS || x->relief_told)
		return;
	x->relief_told = true;
	ft_log(FT_LOG_ERROR, "core",
	       "an earlier ftd's sentinel, process %d, cannot be ended, and may stop QEMU at any time: no protection "
	       "until it has gone; end it by SIGKILL",
	       (int)stays);
}

static void relieve_predecessors(struct ft_exclusion *x)
{
	struct timeval now = {0};
	pid_t stays = 0;
	bool again = x->relief_ms > 0;
	int n = ft_sentinel_relieve_predecessors(x->sentinel, again ? 0 : RELIEF_WAIT_MS, &stays);
	if (n < 0) {
		try_relief_later(x, stays);
		return;
	}
	if (x->relief_told)
		ft_log(FT_LOG_INFO, "core", "the earlier ftd's sentinel has ended");
	x->relieved = true;
	x->relief_ms = 0;
	if (n > 0 || again)
		evtimer_add(x->after_relief, &now);
}

static void on_relief_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	relieve_predecessors(arg);
}

static void on_granted(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct ft_exclusion *x = arg;
	x->cb->claimed(x->arg, FT_CLAIM_WON, x->node);
}

static void on_trial(evutil_socket_t fd, short what, void *arg);

static void look_again_in(struct ft_exclusion *x, int64_t ms)
{
	int64_t in = ms - ms / 10 + randombytes_uniform((uint32_t)ms / 5);
	struct timeval tv = {.tv_sec = in / 1000, .tv_usec = in % 1000 * 1000};
	evtimer_add(x->trial, &tv);
}

static void try_soon(struct ft_exclusion *x, const char *peer)
{
	struct timeval now = {0};
	snprintf(x->peer, sizeof x->peer, "%s", peer);
	ft_arbiter_meet(x->arbiter, x->peer);
	x->trial_ms = TRIAL_FIRST_MS;
	x->well = false;
	x->check_again = x->checking;
	if (!x->checking && x->type != FT_ARBITER_FENCE)
		evtimer_add(x->trial, &now);
	else if (!x->checking) /* a switch may take one at a time, and a claim may come */
		look_again_in(x, x->power_ms);
}

struct ft_exclusion *ft_exclusion_new(struct event_base *base, const struct ft_config *config, struct ft_writer *writer,
                                      const struct ft_exclusion_callbacks *cb, void *arg, struct ft_session *session,
                                      FILE *errors)
{
	static const struct ft_sentinel_callbacks sentinel = {.froze = on_froze, .on_guard = on_guard, .lost = on_lost};
	struct ft_exclusion *x = calloc(1, sizeof *x);
	char error[FT_SESSION_FILE_ERROR_MAX];
	if (!x)
		return NULL;
	x->cb = cb;
	x->arg = arg;
	x->writer = writer;
	x->granted = evtimer_new(base, on_granted, x);
	x->after_relief = evtimer_new(base, on_relieved, x);
	x->relief_again = evtimer_new(base, on_relief_again, x);
	x->trial = evtimer_new(base, on_trial, x);
	x->tell = evtimer_new(base, on_tell, x);
	x->reachable = x->may_stop = x->power_reached = x->told_reachable = x->told_power = true;
	ft_exclusion_look_every(x, LOOK_MS, POWER_MS);
	x->type = config->arbiter.type;
	x->guard = config->guard_ms * FT_NS_PER_MS;
	x->overrun_at = FT_NEVER;
	memcpy(x->pair, config->pair, sizeof x->pair);
	memcpy(x->node, config->node, sizeof x->node);
	if (ft_session_file_read(config->state_dir, config->pair, config->node, session, error) != 0)
		ft_log(FT_LOG_ERROR, "core", "%s", error);
	/* Forked before the arbiter is made, which may bring a library as large as all the rest. */
	x->sentinel = ft_sentinel_new(base, config->state_dir, config->watchdog_device, &sentinel, x, errors);
	if (x->sentinel && !ft_sentinel_apart(x->sentinel))
		ft_log(FT_LOG_WARN, "core", "%s", FT_NOT_APART);
	x->arbiter = ft_arbiter_new(base, &config->arbiter, errors);
	bool behind = config->arbiter.type != FT_ARBITER_FENCE && config->arbiter.fence.agent[0];
	if (behind)
		x->fence = ft_fence_new(base, &config->arbiter.fence, errors);
	if (x->fence)
		x->power = ft_fence_new(base, &config->arbiter.fence, errors);
	bool timers = x->granted && x->after_relief && x->relief_again && x->trial && x->tell;
	if (x->arbiter && x->sentinel && timers && (x->power || !behind)) {
		ft_arbiter_reserve(x->arbiter);
		if (x->fence)
			ft_fence_reserve(x->fence);
		try_soon(x, session->peer);
		return x;
	}
	ft_exclusion_free(x, false);
	return NULL;
}

static void on_stored(void *arg, const char *error)
{
	struct ft_exclusion *x = arg;
	if (strncmp(error, x->store_fault, sizeof x->store_fault - 1) != 0)
		ft_log(error[0] ? FT_LOG_ERROR : FT_LOG_INFO, "core", "the session is %s%s",
		       error[0] ? "not on disk: " : "on disk", error);
	snprintf(x->store_fault, sizeof x->store_fault, "%s", error);
	x->cb->stored(x->arg, error);
}

void ft_exclusion_store(struct ft_exclusion *x, const struct ft_session *session)
{
	char *text = ft_session_file_text(session, x->pair, x->node);
	if (!text)
		abort(); /* out of memory, or a session that the core may not make */
	ft_writer_replace(x->writer, SESSION_FILE, text, strlen(text), STORE_MS, on_stored, x);
	free(text);
}

static void on_fenced(void *arg, const char *fault, const char *last_line)
{
	(void)last_line;
	struct ft_exclusion *x = arg;
	if (fault[0])
		ft_log(FT_LOG_WARN, "core", "the other host is not known to be off: %s", fault);
	else
		ft_log(FT_LOG_WARN, "core", "the other host is fenced");
	x->cb->fenced(x->arg, fault);
}

/* A look of our own at the power switch is no reason for a claim to wait, nor to meet a switch that is busy. */
static void make_way(struct ft_exclusion *x)
{
	if (!x->checking || x->checked || (x->type != FT_ARBITER_FENCE && !x->powering))
		return;
	if (x->powering)
		ft_fence_cancel(x->power);
	else
		ft_arbiter_make_way(x->arbiter);
	x->checking = x->check_again = x->powering = false;
	look_again_in(x, x->power_ms);
}

void ft_exclusion_fence(struct ft_exclusion *x)
{
	make_way(x);
	ft_fence_run(x->fence, FT_FENCE_OFF, on_fenced, x);
}

static void on_claimed(void *arg, enum ft_claim result, const char *winner, const char *error)
{
	struct ft_exclusion *x = arg;
	note_reach(x, error);
	x->cb->claimed(x->arg, result, result == FT_CLAIM_UNREACHABLE ? error : winner);
}

void ft_exclusion_claim(struct ft_exclusion *x, const uint8_t id[FT_SESSION_BYTES], bool fence)
{
	struct timeval now = {0};
	make_way(x);
	if (x->type == FT_ARBITER_FENCE && !fence)
		evtimer_add(x->granted, &now);
	else
		ft_arbiter_claim(x->arbiter, id, x->node, on_claimed, x);
}

static const enum ft_claim means[] = {
    [FT_REGISTER_UNKNOWN] = FT_CLAIM_UNREACHABLE,
    [FT_REGISTER_ABSENT] = FT_CLAIM_NOT_NEEDED,
    [FT_REGISTER_TAKEN] = FT_CLAIM_LOST,
};

static void on_looked(void *arg, enum ft_register what, const char *name, const char *error)
{
	struct ft_exclusion *x = arg;
	note_reach(x, error);
	x->cb->looked(x->arg, means[what], what == FT_REGISTER_UNKNOWN ? error : name);
}

void ft_exclusion_look(struct ft_exclusion *x, const uint8_t id[FT_SESSION_BYTES], bool sure)
{
	ft_arbiter_read(x->arbiter, id, sure, on_looked, x);
}

void ft_exclusion_put_verdict(struct ft_exclusion *x, const uint8_t id[FT_SESSION_BYTES], const char *name)
{
	ft_arbiter_put_verdict(x->arbiter, id, name, on_claimed, x);
}

void ft_exclusion_look_at_verdict(struct ft_exclusion *x, const uint8_t id[FT_SESSION_BYTES])
{
	ft_arbiter_read_verdict(x->arbiter, id, on_looked, x);
}

static void on_marked(void *arg, uint64_t found, const char *error)
{
	struct ft_exclusion *x = arg;
	note_reach(x, error);
	x->cb->marked(x->arg, found, error);
}

void ft_exclusion_mark(struct ft_exclusion *x, uint64_t mark, uint64_t epoch)
{
	ft_arbiter_mark(x->arbiter, mark, epoch, on_marked, x);
}

static void on_remembered(void *arg, enum ft_register what, uint64_t epoch, const char *node, const char *error)
{
	struct ft_exclusion *x = arg;
	note_reach(x, error);
	x->cb->remembered(x->arg, means[what], epoch, what == FT_REGISTER_UNKNOWN ? error : node);
}

void ft_exclusion_remember(struct ft_exclusion *x)
{
	ft_arbiter_remember(x->arbiter, on_remembered, x);
}

/* The sentinel may do what we may: it is our fork. */
static bool may_stop(const struct ft_process *qemu)
{
	if (qemu->pid == 0 || ft_process_signal(qemu, 0) == 0 || errno == ESRCH)
		return true;
	ft_log(FT_LOG_ERROR, "core",
	       "ftd may not signal QEMU (process %d): %s; run ftd as root, or with CAP_KILL, or as the user that runs "
	       "QEMU",
	       (int)qemu->pid, strerror(errno));
	return false;
}

bool ft_exclusion_publish(struct ft_exclusion *x, const struct ft_process *qemu, int64_t lease, bool known)
{
	/* The lease first: a sentinel that is given a QEMU must already know its right. */
	ft_sentinel_lease(x->sentinel, lease);
	if (qemu->pid != x->guarded) {
		x->guarded = qemu->pid;
		if (ft_sentinel_guard(x->sentinel, qemu) != 0 && errno != EINPROGRESS)
			ft_log(FT_LOG_ERROR, "core", "the sentinel is not on guard over QEMU (process %d): %s",
			       (int)qemu->pid, strerror(errno));
		x->may_stop = may_stop(qemu);
	}
	bool guarded = ft_sentinel_on_guard(x->sentinel);
	/* Earlier ones hold leases that nobody renews; ours has taken over by now. */
	if (guarded && x->may_stop && qemu->pid != 0 && known && !x->relieved && x->relief_ms == 0)
		relieve_predecessors(x);
	return guarded && x->relief_ms == 0;
}

bool ft_exclusion_may_stop(const struct ft_exclusion *x)
{
	return x->may_stop;
}

struct ft_guard_report ft_exclusion_guard_report(const struct ft_exclusion *x)
{
	return (struct ft_guard_report){
	    .pid = ft_sentinel_pid(x->sentinel),
	    .on_guard = ft_sentinel_on_guard(x->sentinel) && x->relief_ms == 0,
	    .apart = ft_sentinel_apart(x->sentinel),
	    .overrun_at = x->overrun_at,
	    .overrun = x->overrun,
	};
}

bool ft_exclusion_reachable(const struct ft_exclusion *x, const char **text)
{
	*text = x->unreachable;
	return x->reachable;
}

bool ft_exclusion_power(const struct ft_exclusion *x, const char **text)
{
	*text = x->power_fault;
	return x->power_reached;
}

bool ft_exclusion_reserved(const struct ft_exclusion *x)
{
	return ft_arbiter_reserved(x->arbiter) && (!x->fence || ft_fence_reserved(x->fence));
}

static void check_now(struct ft_exclusion *x);

static void try_again_later(struct ft_exclusion *x)
{
	struct timeval later = {.tv_sec = x->trial_ms / 1000, .tv_usec = x->trial_ms % 1000 * 1000};
	int64_t longer = 2 * x->trial_ms;
	x->trial_ms = longer < TRIAL_MOST_MS ? longer : TRIAL_MOST_MS;
	evtimer_add(x->trial, &later);
}

static void tell_checked(struct ft_exclusion *x, const char *fault, const char *warning)
{
	void (*checked)(void *, const char *, const char *) = x->checked;
	x->checking = false;
	if (x->check_again) {
		check_now(x);
		return;
	}
	x->checked = NULL;
	if (checked)
		checked(x->checked_arg, fault, warning);
	else if (warning[0] && !fault[0] && x->peer[0])
		ft_log(FT_LOG_WARN, "core", "arbiter: %s", warning);
}

static void on_power(void *arg, const char *fault, const char *last_line)
{
	struct ft_exclusion *x = arg;
	bool off;
	bool reached = ft_fence_reached(fault, last_line, &off);
	note_power(x, reached ? "" : fault);
	if (!reached)
		tell_checked(x, fault, "");
	else
		tell_checked(x, "", off ? FT_FENCE_IS_OFF : x->check_warning);
}

/* What was found of the arbiter; when to look again.  One try that fails is no news yet: the peer may leave its mark just now,
 * or the server be busy. */
static void settle(struct ft_exclusion *x, const char *fault)
{
	bool first = x->trial_ms == TRIAL_FIRST_MS, good = fault[0] == '\0';
	if (good || x->checked || !first)
		note_reach(x, fault);
	x->well |= good;
	if (good)
		x->trial_ms = TRIAL_FIRST_MS;
	if (x->type == FT_ARBITER_FENCE) {
		look_again_in(x, !good && first && x->power_ms > POWER_SOON_MS ? POWER_SOON_MS : x->power_ms);
		x->trial_ms = good ? TRIAL_FIRST_MS : TRIAL_MOST_MS;
	} else if (good) {
		look_again_in(x, x->look_ms);
	} else {
		try_again_later(x);
	}
}

static void on_checked(void *arg, const char *fault, const char *warning)
{
	struct ft_exclusion *x = arg;
	settle(x, fault);
	if (fault[0] || !x->power || !x->checked || x->check_again) {
		tell_checked(x, fault, warning);
		return;
	}
	snprintf(x->check_warning, sizeof x->check_warning, "%s", warning);
	ft_fence_run(x->power, FT_FENCE_STATUS, on_power, x);
}

static void check_now(struct ft_exclusion *x)
{
	x->checking = true;
	x->check_again = false;
	ft_arbiter_check(x->arbiter, on_checked, x);
}

/* One failure may be a switch that was busy. */
static void on_power_looked(void *arg, const char *fault, const char *last_line)
{
	struct ft_exclusion *x = arg;
	bool off, reached = ft_fence_reached(fault, last_line, &off), first = x->power_fault[0] == '\0';
	x->powering = false;
	if (reached || !first)
		note_power(x, reached ? "" : fault);
	else
		snprintf(x->power_fault, sizeof x->power_fault, "%s", fault);
	x->power_at = ft_clock_now() + (!reached && first ? 0 : x->power_ms * FT_NS_PER_MS);
	tell_checked(x, "", "");
}

static void on_reached(void *arg, const char *fault, const char *warning)
{
	(void)warning;
	struct ft_exclusion *x = arg;
	settle(x, fault);
	x->powering = !fault[0] && x->power && !x->check_again && ft_clock_now() >= x->power_at;
	if (x->powering)
		ft_fence_run(x->power, FT_FENCE_STATUS, on_power_looked, x);
	else
		tell_checked(x, fault, "");
}

static void on_trial(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct ft_exclusion *x = arg;
	if (x->checking) {
		try_again_later(x);
	} else if (x->well) {
		x->checking = true;
		ft_arbiter_reach(x->arbiter, on_reached, x);
	} else {
		check_now(x);
	}
}

void ft_exclusion_meet(struct ft_exclusion *x, const char *peer)
{
	if (strcmp(x->peer, peer) != 0)
		try_soon(x, peer);
}

void ft_exclusion_check(struct ft_exclusion *x, void (*done)(void *arg, const char *fault, const char *warning),
                        void *arg)
{
	if (x->checked) {
		done(arg, "another check is under way; try again in a second", "");
		return;
	}
	x->checked = done;
	x->checked_arg = arg;
	x->check_again = x->checking;
	if (!x->checking)
		check_now(x);
}

void ft_exclusion_look_every(struct ft_exclusion *x, int look_ms, int power_ms)
{
	x->look_ms = look_ms;
	x->power_ms = power_ms;
	x->power_at = ft_clock_now() + power_ms * FT_NS_PER_MS;
	if (x->type == FT_ARBITER_FENCE)
		look_again_in(x, power_ms);
	else if (x->well && !x->checking)
		look_again_in(x, look_ms);
}

void ft_exclusion_free(struct ft_exclusion *x, bool on_guard)
{
	if (!x)
		return;
	if (x->granted)
		event_free(x->granted);
	if (x->after_relief)
		event_free(x->after_relief);
	if (x->relief_again)
		event_free(x->relief_again);
	if (x->trial)
		event_free(x->trial);
	if (x->tell)
		event_free(x->tell);
	ft_arbiter_free(x->arbiter);
	ft_fence_free(x->fence);
	ft_fence_free(x->power);
	if (on_guard)
		ft_sentinel_abandon(x->sentinel);
	else
		ft_sentinel_dismiss(x->sentinel);
	free(x);
}
