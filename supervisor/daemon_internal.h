/* What the files of the daemon share: daemon.c (life, what the shells tell), actions.c (doing what the core says),
 * operators.c (signals and verbs), reload.c (new settings).  Nobody else includes this. */
#ifndef FT_SUPERVISOR_DAEMON_INTERNAL_H
#define FT_SUPERVISOR_DAEMON_INTERNAL_H

#include "base/child.h"
#include "base/timer.h"
#include "core/core.h"
#include "ctl/control.h"
#include "heartbeat/links.h"
#include "process/deathwatch.h"
#include "process/freezer.h"
#include "qmp/session.h"
#include "report/hook.h"
#include "store/outcomes.h"
#include "store/writer.h"
#include "supervisor/daemon.h"
#include "supervisor/exclusion.h"
#include "supervisor/link_news.h"
#include "supervisor/pulse.h"
#include "supervisor/status.h"

#include <event2/event.h>

#define FT_SIGNALS       4 /* that the daemon answers to */
#define FT_OUTCOMES_KEPT 100
#define FT_CALLS_MAX     16                    /* operators waiting for one failover */
#define FT_LEAVE_MS      30000                 /* a failover under way is finished first, but not for longer */
#define FT_LOOK_NS       (1000 * FT_NS_PER_MS) /* between two looks at what is the matter with the links */
#define FT_DISK_MS       4500                  /* for the writer; within the core's own FT_RECORD_NS */

struct ft_daemon {
	struct ft_config *config;
	struct event_base *base;
	struct ft_core core;
	struct ft_links *links;
	struct ft_qmp *qmp;
	struct ft_writer *writer;
	struct ft_hooks *hooks;
	enum ft_state told; /* the newest state that the hook was told of */
	struct ft_control *control;
	struct ft_freezer *freezer;
	struct ft_exclusion *exclusion; /* NULL without an arbiter */
	struct ft_process found;        /* the session's QEMU, from before it answers: it may stand still, frozen */
	uint64_t found_instance;
	struct ft_deathwatch *found_watch; /* NULL: none was found, or it has answered */
	struct ft_pulse pulse;
	int64_t missed,
	    missed_at; /* when the clocks of this host were last found to have stood still, and for how long; FT_NEVER */
	bool stood_still;   /* found in the midst of a thaw, which is refused: the core is told next */
	bool thaw_refused;  /* the core is owed a look at the time, before anything else is told */
	pid_t instance_pid; /* the QEMU process that instance names */
	uint64_t instance;
	struct event *signal_events[FT_SIGNALS];
	struct ft_timers *timers;
	struct ft_timer *core_timer;
	struct event *leave_timer, *goodbye_timer, *watchdog_timer;
	int goodbyes_left;
	int exit_code;
	json_t *outcomes; /* the newest FT_OUTCOMES_KEPT that were announced, oldest first */
	/* The outcome on its way to disk, as the core handed it over: a failover may begin before the disk answers. */
	struct ft_outcome pending;
	json_t *pending_outcome;
	char *success; /* the newest success as it was handed to the disk, for another attempt; NULL none */
	uint8_t success_session[FT_SESSION_BYTES];
	int n_calls;
	struct ft_call *calls[FT_CALLS_MAX]; /* operators waiting for an outcome */
	struct ft_call *may_start;           /* whoever waits to start the VM; NULL nobody */
	bool confirm_fenced;                 /* ... and vouches that the other host is off */
	struct event *may_start_timer;
	struct ft_children *children;
	struct ft_child *reading;    /* ft.conf, for a reload; NULL none */
	struct ft_call *reload_call; /* whoever waits for it; NULL nobody */
	bool reload_again;           /* asked for while one was under way */
	struct event *reload_timer;
	struct ft_link_news link_news;
	int64_t links_looked_at;
};

static inline struct timeval ft_ms(int64_t n)
{
	return (struct timeval){.tv_sec = n / 1000, .tv_usec = n % 1000 * 1000};
}

/* Hands an event to the core and does what it says. Read the clock anew: time has passed since the event was told. */
void ft_daemon_feed(struct ft_daemon *d, const struct ft_event *event);
/* Whether this host's clocks have stood still since it was asked last; then no right that was counted by them holds. */
bool ft_daemon_stood_still(struct ft_daemon *d);
struct ft_status_source ft_daemon_status(const struct ft_daemon *d);
/* QEMU's process: as QMP knows it, or as found from the session. */
const struct ft_process *ft_daemon_process(const struct ft_daemon *d);
/* Whether that is QEMU, and not somebody who has passed the socket on, or stands between: else it is not to be signalled. */
bool ft_daemon_process_is_qemu(struct ft_daemon *d);
struct ft_core_params ft_daemon_core_params(const struct ft_config *config, uint64_t incarnation);

/* actions.c */
void ft_daemon_act(struct ft_daemon *d, const struct ft_action *a);
void ft_daemon_thaw(struct ft_daemon *d);
/* Has the hook told of what is no change of state: event "link" or "arbiter". */
void ft_daemon_tell(struct ft_daemon *d, const char *event, const char *reason);
/* Puts on disk that a success of this session was told: outcomes.jsonl may be rotated away. */
void ft_daemon_note_announced(struct ft_daemon *d, const uint8_t session[FT_SESSION_BYTES]);

/* operators.c; arg: the daemon */
void ft_daemon_on_signal(evutil_socket_t sig, short what, void *arg);
void ft_daemon_on_may_start_timer(evutil_socket_t fd, short what, void *arg);
void ft_daemon_on_verb(void *arg, const char *verb, const json_t *request, struct ft_call *call);
/* reload.c: call NULL for a signal; the answer and the log say how it ended. */
void ft_daemon_reload(struct ft_daemon *d, struct ft_call *call);
void ft_daemon_on_reload_timer(evutil_socket_t fd, short what, void *arg);
/* Answers whoever asked whether the VM may be started, once it is known; last_word: now, in any case. */
void ft_daemon_answer_may_start(struct ft_daemon *d, bool last_word);

#endif
