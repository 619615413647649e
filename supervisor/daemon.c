/* The loop around the node: its life. */
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "store/session_file.h"
#include "supervisor/daemon_internal.h"
#include "supervisor/herald.h"
#include "supervisor/service.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define HERALD_MS 1000 /* for an earlier ftd's to end */

static const int signals[FT_SIGNALS] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};

static void on_core_timer(void *arg)
{
	ft_node_time(&((struct ft_daemon *)arg)->node);
}

static void on_goodbye_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	ft_node_goodbye(&((struct ft_daemon *)arg)->node);
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
	d->reload_timer = evtimer_new(d->base, ft_daemon_on_reload_timer, d);
	d->goodbye_timer = evtimer_new(d->base, on_goodbye_timer, d);
	d->watchdog_timer = event_new(d->base, -1, EV_PERSIST, on_watchdog_timer, d);
	bool good = d->core_timer && d->leave_timer && d->reload_timer && d->goodbye_timer && d->watchdog_timer;
	for (int i = 0; i < FT_SIGNALS && good; i++) {
		d->signal_events[i] = evsignal_new(d->base, signals[i], ft_daemon_on_signal, d);
		good = d->signal_events[i] && evsignal_add(d->signal_events[i], NULL) == 0;
	}
	return good;
}

/* The children first: they are forked, and should hold as little of us as possible. */
static bool make_children(struct ft_daemon *d, struct ft_session *session, FILE *errors)
{
	ft_herald_relieve(d->config->state_dir, HERALD_MS);
	d->writer = ft_writer_new(d->base, d->config->state_dir, errors);
	if (!d->writer || d->config->arbiter.type == FT_ARBITER_NONE)
		return d->writer != NULL;
	d->exclusion = ft_exclusion_new(d->base, d->config, d->writer, &ft_daemon_exclusion_tells, d, session, errors);
	return d->exclusion != NULL;
}

static bool make_shells(struct ft_daemon *d, uint64_t incarnation, FILE *errors)
{
	d->control = ft_control_new(d->base, d->config, ft_daemon_on_verb, d, errors);
	if (!d->control)
		return false;
	d->links =
	    ft_links_new(d->base, d->timers, &d->config->heartbeat, incarnation, &ft_daemon_links_tell, d, errors);
	if (!d->links)
		return false;
	d->children = ft_children_new(d->base);
	d->hooks = ft_hooks_new(d->base, &d->config->hook);
	if (d->hooks && d->exclusion)
		ft_hooks_yield_to(d->hooks, on_may_run_hook, d);
	d->freezer = ft_freezer_new(d->base, ft_daemon_on_frozen, d);
	d->qmp = ft_qmp_new(d->base, d->timers, &d->config->qmp, &ft_daemon_qmp_tells, d);
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
	ft_node_init(&d->node, &d->core, &ft_daemon_deeds, d);
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
		ft_daemon_find_qemu(d);
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
	ft_daemon_forget_found(d);
	if (d->links)
		ft_links_free(d->links);
	for (int i = 0; i < FT_SIGNALS; i++)
		free_event(d->signal_events[i]);
	ft_timer_free(d->core_timer);
	ft_timers_free(d->timers);
	free_event(d->leave_timer);
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
