/* The runner: walks a plan, one answer at a time, and says how it ended.  Pure: times and answers come in, steps go out.
 * Knows: policies, deadlines, what proves a failover.  Must not know: sockets, clocks.
 *
 * Out-of-band yanks go out together and do not wait for each other, nor does anything wait for them but the steps marked
 * needs_yank.  In-band commands go one at a time.  When one is overdue, all yanks are sent once more (once a plan) and it
 * gets as long again.  After that the monitor counts as stuck until it answers anything: MAY and CLEAN steps are then sent
 * without waiting for each other (QEMU works them off in order once it is free), so that a hang costs four times the
 * plan's timeout before the verdict, however many steps there are.
 *
 * A MUST that QEMU refuses is not the end: the failover may have happened already.  The proof decides. */
#ifndef FT_QMP_RUNNER_H
#define FT_QMP_RUNNER_H

#include "qmp/plan.h"

#define FT_PROVE_EVERY (2 * FT_NS_PER_MS)

struct ft_runner {
	const struct ft_plan *plan;     /* must stay as it is while running */
	bool oob_up;                    /* without an OOB connection its steps are skipped, and the record says so */
	int next;                       /* the first step not yet sent */
	int64_t deadline[FT_STEPS_MAX]; /* of a step that is sent and not settled */
	int64_t again_at[FT_STEPS_MAX]; /* when a step that was sent is to be sent again; FT_NEVER: not */
	bool settled[FT_STEPS_MAX];
	bool rescued;                 /* the yanks were sent a second time */
	bool stuck;                   /* an in-band command was given up, and nothing in band was answered since */
	bool proof_known;             /* report.ok is final (proven, or failed for good): the outcome may be told */
	bool finished;                /* clean-up is over too: report is final */
	struct ft_plan_report report; /* reserved here, filled as it goes */
};

/* plan must come from ft_plan_build and succeed there. */
void ft_runner_start(struct ft_runner *r, const struct ft_plan *plan, bool oob_up, int64_t now);
/* The next step to send now, or -1.  Call until -1 after start, every reply, every tick and every disconnect.
 * Marks it sent.  The same step can come more than once: a proof asked again, a yank repeated. */
int ft_runner_send(struct ft_runner *r, int64_t now);
/* QEMU's answer to a step: the parsed reply object ("return" or "error").  Unknown or late ones change no record. */
void ft_runner_reply(struct ft_runner *r, int step, const json_t *reply, int64_t now);
void ft_runner_tick(struct ft_runner *r, int64_t now);
/* The connection is gone: everything outstanding on that channel fails with this text. */
void ft_runner_disconnected(struct ft_runner *r, enum ft_channel channel, const char *why, int64_t now);
/* When to call ft_runner_tick at the latest; FT_NEVER when finished. */
int64_t ft_runner_deadline(const struct ft_runner *r);

#endif
