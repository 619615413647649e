/* The two QMP connections to the local QEMU, kept up, and everything asked over them.  A libevent shell around framing,
 * topology, plan and runner.
 * Knows: libevent, UNIX sockets, deadlines.  Must not know: the peer, the decision.
 *
 * In band: greeting and capabilities, discovery (topology and plan, renewed on every event that can change them, when
 * query-yank's answer changes, and every half minute), query-status/query-colo-status, the plan.
 * Out of band: query-yank as a ping, yank.  Nothing else ever goes there.
 * No request is without a deadline; a connection that breaks its deadlines is closed and opened anew with backoff
 * (25 ms doubling to 1 s), unless a plan is running over it.
 * An answer that is late makes the view not connected; the connection itself is kept for ten times as long, at least 10 s,
 * since closing it does not free a blocked QEMU.  In band an answer is late after the reply timeout and the longest checkpoint
 * that this QEMU has had in its role, and much later while a checkpoint is under way: while memory goes over, one of the two
 * QEMUs answers nothing (up to 10.x the secondary, from 11.0 on the primary). */
#ifndef FT_QMP_SESSION_H
#define FT_QMP_SESSION_H

#include "process/process.h"
#include "qmp/plan.h"
#include "qmp/settings.h"
#include "qmp/traits.h"

struct event_base;
struct ft_timers;
struct ft_qmp;

/* The local QEMU as last seen. */
struct ft_qemu_view {
	bool connected, oob; /* negotiated and answering */
	pid_t pid;           /* 0 unknown */
	bool pid_verified;   /* this QEMU is pid, by proof: signals will hit the right process */
	enum ft_vm vm;       /* ALIVE, GONE, ABSENT or UNKNOWN; never YIELDED: that is the core's word */
	char version[32];
	struct ft_emulator emulator; /* all zero before it was asked */
	char status[24];             /* query-status, "" unknown; "colo" within a checkpoint */
	enum ft_role role;           /* query-colo-status mode */
	enum ft_role last_role;
	bool plan_ready;
	bool plan_doubted;            /* there is one, and it is not ready because of doubts alone */
	char plan_fault[FT_TEXT_MAX]; /* why not, when not */
	int checkpoint_ms;
	int64_t checkpoint_at; /* the last checkpoint seen to complete on this connection; FT_NEVER none */
};

/* From the event loop, where all below may be called but ft_qmp_free.  now: ns, as ft_clock_now() tells. */
struct ft_qmp_callbacks {
	/* Something in it changed. checkpoint_at alone does not count, nor does status "colo" for "running". */
	void (*view)(void *arg, const struct ft_qemu_view *view, int64_t now);
	void (*colo_exit)(void *arg, const char *mode, const char *reason, int64_t now);
	/* One completed: STOP then RESUME while in COLO; took: ns from the one to the other, at most a minute. */
	void (*checkpoint)(void *arg, int64_t took, int64_t now);
	/* OOB silent and the process stopped by someone, or silent far too long; once per hang. */
	void (*hung)(void *arg, const char *evidence, int64_t now);
	/* Proven or failed: report->ok is final. */
	void (*plan_done)(void *arg, const struct ft_plan_report *report, int64_t now);
	/* Clean-up is over as well. */
	void (*plan_finished)(void *arg, const struct ft_plan_report *report, int64_t now);
	/* A copy of the guest's disk has failed; own: the one of this host.  As often as QEMU says so. */
	void (*disk)(void *arg, bool own, const char *what, int64_t now);
	/* QEMU is on its way out, or only its guest has stopped for good (-no-shutdown); reason NULL: its machine was reset. */
	void (*shutdown)(void *arg, const char *reason, int64_t now);
};

/* base and timers must outlive it. */
struct ft_qmp *ft_qmp_new(struct event_base *base, struct ft_timers *timers, const struct ft_qmp_settings *settings,
                          const struct ft_qmp_callbacks *cb, void *arg);
/* Changed sockets are reconnected; unchanged ones stay. */
void ft_qmp_reconfigure(struct ft_qmp *q, const struct ft_qmp_settings *settings);
const struct ft_qemu_view *ft_qmp_view(const struct ft_qmp *q);
/* What of this QEMU's COLO is not understood, as last asked: while any of it is not disregarded (ft.conf), no plan is ready. */
const struct ft_doubts *ft_qmp_doubts(const struct ft_qmp *q);
/* What it is and how it is set up, as last asked; and asks again, so that who waits for a disk or an arbiter first has what is
 * true now. */
const struct ft_traits *ft_qmp_traits(const struct ft_qmp *q);
void ft_qmp_ask_traits(struct ft_qmp *q);
/* The prepared plan, NULL while there is none. Valid until control returns to the event loop. */
const struct ft_plan *ft_qmp_plan(const struct ft_qmp *q);
const struct ft_process *ft_qmp_process(const struct ft_qmp *q);
/* Looks whether QEMU is dying, so that the heartbeat about to be sent says so: one read of a file. view() may follow. */
void ft_qmp_look(struct ft_qmp *q);
/* The same, thoroughly: there is reason to think so. */
void ft_qmp_ask_death(struct ft_qmp *q);
/* Runs the prepared plan (ignored while one runs); plan_done and plan_finished follow, always, within the plan's deadlines.
 * With no plan or no in-band connection plan_done(ok=false) comes from the event loop, not from inside this call. */
void ft_qmp_run_plan(struct ft_qmp *q);
/* Primary: forces a checkpoint (sets x-checkpoint-delay to what it is). The answer is checkpoint() or colo_exit(). */
void ft_qmp_probe(struct ft_qmp *q);
/* Yanks, out of band, all that the plan would: what points at the peer.  No answer is waited for. */
void ft_qmp_yank(struct ft_qmp *q);
/* Takes in what a QEMU that was silent has answered by now: for a caller that is about to judge that silence. */
void ft_qmp_catch_up(struct ft_qmp *q);
/* While our own freeze lasts, silence is no hang, and deadlines close no connection. */
void ft_qmp_set_frozen(struct ft_qmp *q, bool frozen);
void ft_qmp_free(struct ft_qmp *q);

#endif
