/* The plan: every command of a failover, composed before it is needed; and the runner that walks it.  Pure.
 * Knows: QEMU's commands, their order and why.  Must not know: sockets, clocks.
 * Order: yank out of band what points at the peer, detach what can block, x-colo-lost-heartbeat, prove, clean up. */
#ifndef FT_QMP_PLAN_H
#define FT_QMP_PLAN_H

#include "qmp/topology.h"

enum ft_policy {
	FT_MUST,  /* its failure is the plan's failure */
	FT_MAY,   /* its failure is recorded, and the plan goes on */
	FT_PROVE, /* asked again every few ms until the answer is as it must be, or the deadline passes */
	FT_CLEAN, /* like MAY, after the proof: the outcome does not wait for it */
};

struct ft_step {
	enum ft_channel channel;
	enum ft_policy policy;
	char command[48];
	char what[80];
	char *text; /* the whole request with its id "plan-N" (N: index), one line, no line feed; owned by the plan */
	size_t text_len;
};

struct ft_plan {
	enum ft_role role;
	int64_t timeout; /* ns, for each step */
	int n;
	struct ft_step steps[FT_STEPS_MAX];
};

/* Returns 0; -1 with a line in error (no role, too many steps). out is valid for ft_plan_free either way. */
int ft_plan_build(const struct ft_topology *t, int64_t step_timeout_ns, struct ft_plan *out, char error[FT_TEXT_MAX]);
void ft_plan_free(struct ft_plan *p);
bool ft_plan_equal(const struct ft_plan *a, const struct ft_plan *b);

/* The runner. Out-of-band yanks go out together and do not wait for each other; in-band commands go one at a time.
 * When an in-band command is overdue and there were yanks, they are sent once more before it is given up. */
struct ft_runner {
	const struct ft_plan *plan; /* must stay as it is while running */
	bool oob_up;                /* without an OOB connection its steps are skipped, and the record says so */
	int next;                   /* the first step not yet sent */
	int64_t sent[FT_STEPS_MAX], deadline[FT_STEPS_MAX], again_at[FT_STEPS_MAX];
	bool settled[FT_STEPS_MAX];
	bool rescued, proof_known, finished;
	struct ft_plan_report report; /* reserved here, filled as it goes */
};

void ft_runner_start(struct ft_runner *r, const struct ft_plan *plan, bool oob_up, int64_t now);
/* The next step to send now, or -1.  Call until -1 after start, every reply and every tick. Marks it sent. */
int ft_runner_send(struct ft_runner *r, int64_t now);
/* QEMU's answer to a step: the parsed reply object ("return" or "error"). Unknown or late ones are ignored. */
void ft_runner_reply(struct ft_runner *r, int step, const json_t *reply, int64_t now);
void ft_runner_tick(struct ft_runner *r, int64_t now);
/* The connection is gone: everything outstanding on that channel fails with this text. */
void ft_runner_disconnected(struct ft_runner *r, enum ft_channel channel, const char *why, int64_t now);
int64_t ft_runner_deadline(const struct ft_runner *r); /* FT_NEVER when finished */
/* proof_known: report.ok is final (proven, or failed for good), the outcome may be told; finished: clean-up is over too. */

#endif
