/* What makes sessions and leases hold in the world. */
#include "supervisor/exclusion.h"

#include "arbiter/arbiter.h"
#include "arbiter/fence.h"
#include "report/log.h"
#include "supervisor/sentinel.h"
#include "supervisor/session_file.h"

#include <errno.h>
#include <event2/event.h>
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
#define TRIAL_MOST_MS  60000

struct ft_exclusion {
	const struct ft_exclusion_callbacks *cb;
	void *arg;
	char pair[FT_NAME_MAX], node[FT_NAME_MAX];
	enum ft_arbiter_type type;
	struct ft_scribe *scribe;
	struct ft_arbiter *arbiter;
	struct ft_fence *fence; /* behind a won claim; NULL: none */
	struct ft_fence *power; /* the same agent for its status, so that a check never stands in the way of a claim */
	bool fenced;            /* the claim under way is won only once the other host is off */
	struct event *granted;  /* what needs nobody to be asked is answered from the event loop, too */
	struct ft_sentinel *sentinel;
	pid_t guarded;     /* the QEMU the sentinel was given, 0 none */
	bool may_stop;     /* it, by the kernel's rules */
	bool relieved;     /* the sentinels of earlier ftd are gone */
	int64_t relief_ms; /* one is not, and is tried again after so long; 0: none is known that stays */
	struct event *relief_again, *after_relief;
	bool relief_told;
	bool reachable;             /* the arbiter */
	bool checking, check_again; /* as soon as it ends: it began before it was asked for */
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

static void note_reach(struct ft_exclusion *x, const char *error)
{
	bool reachable = error[0] == '\0';
	if (reachable && !x->reachable)
		ft_log(FT_LOG_INFO, "core", "the arbiter is in reach again");
	if (!reachable && (x->reachable || strncmp(error, x->unreachable, sizeof x->unreachable - 1) != 0))
		ft_log(FT_LOG_WARN, "core", "the arbiter is out of reach: %s", error);
	x->reachable = reachable;
	snprintf(x->unreachable, sizeof x->unreachable, "%s", error);
}

static void on_froze(void *arg, int64_t at, int error)
{
	struct ft_exclusion *x = arg;
	if (error)
		ft_log(FT_LOG_ERROR, "core", "the sentinel cannot stop QEMU: %s; it goes on trying", strerror(error));
	else
		ft_log(FT_LOG_WARN, "core", "the sentinel has stopped QEMU: its right to run had ended");
	x->cb->sentinel_froze(x->arg, at);
}

static void on_guard(void *arg)
{
	struct ft_exclusion *x = arg;
	ft_log(FT_LOG_INFO, "core", "the sentinel, process %d, is on guard over QEMU",
	       (int)ft_sentinel_pid(x->sentinel));
	x->cb->may_guard(x->arg);
}

/* One of them may have sent SIGSTOP as late as its end, and has told nobody. */
static void on_relieved(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct ft_exclusion *x = arg;
	x->cb->may_guard(x->arg);
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

static void try_soon(struct ft_exclusion *x, const char *peer)
{
	struct timeval now = {0};
	snprintf(x->peer, sizeof x->peer, "%s", peer);
	ft_arbiter_meet(x->arbiter, x->peer);
	x->trial_ms = TRIAL_FIRST_MS;
	x->check_again = x->checking;
	if (!x->checking && x->type != FT_ARBITER_FENCE) /* a switch may take one at a time, and a claim may come */
		evtimer_add(x->trial, &now);
}

struct ft_exclusion *ft_exclusion_new(struct event_base *base, const struct ft_config *config, struct ft_scribe *scribe,
                                      const struct ft_exclusion_callbacks *cb, void *arg, struct ft_session *session,
                                      FILE *errors)
{
	static const struct ft_sentinel_callbacks sentinel = {.froze = on_froze, .on_guard = on_guard};
	struct ft_exclusion *x = calloc(1, sizeof *x);
	char error[FT_SESSION_FILE_ERROR_MAX];
	if (!x)
		return NULL;
	x->cb = cb;
	x->arg = arg;
	x->scribe = scribe;
	x->granted = evtimer_new(base, on_granted, x);
	x->after_relief = evtimer_new(base, on_relieved, x);
	x->relief_again = evtimer_new(base, on_relief_again, x);
	x->trial = evtimer_new(base, on_trial, x);
	x->reachable = x->may_stop = true;
	x->type = config->arbiter.type;
	memcpy(x->pair, config->pair, sizeof x->pair);
	memcpy(x->node, config->node, sizeof x->node);
	if (ft_session_file_read(config->state_dir, config->pair, config->node, session, error) != 0)
		ft_log(FT_LOG_ERROR, "core", "%s", error);
	/* Forked before the arbiter is made, which may bring a library as large as all the rest. */
	x->sentinel = ft_sentinel_new(base, config->state_dir, config->watchdog_device, &sentinel, x, errors);
	x->arbiter = ft_arbiter_new(base, &config->arbiter, errors);
	bool behind = config->arbiter.type != FT_ARBITER_FENCE && config->arbiter.fence.agent[0];
	if (behind)
		x->fence = ft_fence_new(base, &config->arbiter.fence, errors);
	if (x->fence)
		x->power = ft_fence_new(base, &config->arbiter.fence, errors);
	bool timers = x->granted && x->after_relief && x->relief_again && x->trial;
	if (x->arbiter && x->sentinel && timers && (x->power || !behind)) {
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
	ft_scribe_replace(x->scribe, SESSION_FILE, text, strlen(text), STORE_MS, on_stored, x);
	free(text);
}

static void on_fenced(void *arg, const char *fault, const char *last_line)
{
	(void)last_line;
	struct ft_exclusion *x = arg;
	if (fault[0]) {
		ft_log(FT_LOG_WARN, "core", "claim won, but the other host is not known to be off: %s", fault);
		x->cb->claimed(x->arg, FT_CLAIM_UNREACHABLE, fault);
	} else {
		ft_log(FT_LOG_WARN, "core", "claim won, and the other host is fenced");
		x->cb->claimed(x->arg, FT_CLAIM_WON, x->node);
	}
}

static void on_claimed(void *arg, enum ft_claim result, const char *winner, const char *error)
{
	struct ft_exclusion *x = arg;
	note_reach(x, error);
	if (result == FT_CLAIM_WON && x->fence && x->fenced)
		ft_fence_run(x->fence, FT_FENCE_OFF, on_fenced, x);
	else
		x->cb->claimed(x->arg, result, result == FT_CLAIM_UNREACHABLE ? error : winner);
}

void ft_exclusion_claim(struct ft_exclusion *x, const uint8_t id[FT_SESSION_BYTES], bool fence)
{
	struct timeval now = {0};
	x->fenced = fence;
	if (x->type == FT_ARBITER_FENCE && !fence)
		evtimer_add(x->granted, &now);
	else
		ft_arbiter_claim(x->arbiter, id, x->node, on_claimed, x);
}

static void on_looked(void *arg, enum ft_register what, const char *name, const char *error)
{
	static const enum ft_claim map[] = {
	    [FT_REGISTER_UNKNOWN] = FT_CLAIM_UNREACHABLE,
	    [FT_REGISTER_ABSENT] = FT_CLAIM_NOT_NEEDED,
	    [FT_REGISTER_TAKEN] = FT_CLAIM_LOST,
	};
	struct ft_exclusion *x = arg;
	note_reach(x, error);
	x->cb->looked(x->arg, map[what], what == FT_REGISTER_UNKNOWN ? error : name);
}

void ft_exclusion_look(struct ft_exclusion *x, const uint8_t id[FT_SESSION_BYTES])
{
	ft_arbiter_read(x->arbiter, id, on_looked, x);
}

/* The sentinel may do what we may: it is our fork. */
static bool may_stop(const struct ft_process *qemu)
{
	if (qemu->pid == 0 || ft_process_signal(qemu, 0) == 0 || errno == ESRCH)
		return true;
	ft_log(FT_LOG_ERROR, "core",
	       "ftd may not signal QEMU (process %d): %s; run ftd as root, or as the user that runs QEMU",
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
	bool guarded = ft_sentinel_on_guard(x->sentinel) && x->may_stop;
	/* Earlier ones hold leases that nobody renews; ours has taken over by now. */
	if (guarded && qemu->pid != 0 && known && !x->relieved && x->relief_ms == 0)
		relieve_predecessors(x);
	return guarded && x->relief_ms == 0;
}

bool ft_exclusion_reachable(const struct ft_exclusion *x, const char **text)
{
	*text = x->unreachable;
	return x->reachable;
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
	if (!ft_fence_reached(fault, last_line, &off))
		tell_checked(x, fault, "");
	else
		tell_checked(x, "", off ? FT_FENCE_IS_OFF : x->check_warning);
}

static void on_checked(void *arg, const char *fault, const char *warning)
{
	struct ft_exclusion *x = arg;
	bool first = x->trial_ms == TRIAL_FIRST_MS; /* the peer may leave its mark just now */
	if (!fault[0] || x->checked || !first)
		note_reach(x, fault);
	if (fault[0] && x->type != FT_ARBITER_FENCE)
		try_again_later(x);
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

static void on_trial(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct ft_exclusion *x = arg;
	if (x->checking)
		try_again_later(x);
	else
		check_now(x);
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
	ft_arbiter_free(x->arbiter);
	ft_fence_free(x->fence);
	ft_fence_free(x->power);
	if (on_guard)
		ft_sentinel_abandon(x->sentinel);
	else
		ft_sentinel_dismiss(x->sentinel);
	free(x);
}
