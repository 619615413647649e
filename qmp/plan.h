/* The plan: every command of a failover, composed before it is needed.  Pure.
 * Knows: QEMU's commands, their order and why.  Must not know: sockets, clocks, how the commands go (qmp/runner.h walks it).
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
	bool
	    needs_yank; /* left out unless every yank worked: it could wait for a silent peer for ever, and the guest with it */
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

#endif
