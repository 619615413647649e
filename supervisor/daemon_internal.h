/* What the files of the daemon share.  Each needs only those before it: view.c (what all look at), params.c (settings for the
 * core), reload.c (new settings), operators.c (signals and verbs), deeds.c (doing what the node says), news.c (what the shells
 * tell it), daemon.c (life).  Nobody else includes this. */
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
#include "supervisor/node.h"
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
	struct ft_node node;
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
	pid_t instance_pid; /* the QEMU process that instance names */
	uint64_t instance;
	struct event *signal_events[FT_SIGNALS];
	struct ft_timers *timers;
	struct ft_timer *core_timer;
	struct event *leave_timer, *goodbye_timer, *watchdog_timer;
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

static inline bool ft_daemon_feed(struct ft_daemon *d, const struct ft_event *event)
{
	return ft_node_feed(&d->node, event);
}

/* view.c */
struct ft_status_source ft_daemon_status(const struct ft_daemon *d);
/* QEMU's process: as QMP knows it, or as found from the session. */
const struct ft_process *ft_daemon_process(const struct ft_daemon *d);
/* Names that process for ever; 1 for one that answers and whose process is not known, 0 for none. */
uint64_t ft_daemon_instance(struct ft_daemon *d);
/* Whether that is QEMU, and not somebody who has passed the socket on, or stands between: else it is not to be signalled. */
bool ft_daemon_process_is_qemu(struct ft_daemon *d);

/* params.c */
struct ft_core_params ft_daemon_core_params(const struct ft_config *config, uint64_t incarnation);

/* reload.c: call NULL for a signal; the answer and the log say how it ended. */
void ft_daemon_reload(struct ft_daemon *d, struct ft_call *call);
void ft_daemon_on_reload_timer(evutil_socket_t fd, short what, void *arg);

/* operators.c; arg: the daemon */
void ft_daemon_on_signal(evutil_socket_t sig, short what, void *arg);
void ft_daemon_on_verb(void *arg, const char *verb, const json_t *request, struct ft_call *call);
/* The answer to whoever asked whether the VM may be started. */
void ft_daemon_may_start(void *arg, bool may, const char *why);

/* deeds.c; world: the daemon */
extern const struct ft_node_deeds ft_daemon_deeds;
/* Has the hook told of what is no change of state: event "link" or "arbiter". */
void ft_daemon_tell(struct ft_daemon *d, const char *event, const char *reason);
/* Puts on disk that a success of this session was told: outcomes.jsonl may be rotated away. */
void ft_daemon_note_announced(struct ft_daemon *d, const uint8_t session[FT_SESSION_BYTES]);

/* news.c; arg: the daemon */
extern const struct ft_turn_callbacks ft_daemon_links_tell;
extern const struct ft_qmp_callbacks ft_daemon_qmp_tells;
extern const struct ft_exclusion_callbacks ft_daemon_exclusion_tells;
void ft_daemon_on_frozen(void *arg, const char *error);
/* The session names its QEMU.  One that an earlier ftd has frozen answers nothing, and must be known all the same; and one
 * whose socket is gone is not absent: a peer that is told so takes over beside it. */
void ft_daemon_find_qemu(struct ft_daemon *d);
void ft_daemon_forget_found(struct ft_daemon *d);

#endif
