/* Is this QEMU, as it is and as it was set up, fit for COLO?  Pure: rows of what is known to go wrong.
 * Knows: which releases and settings COLO fails on.  Must not know: how that was learned, who is told.
 * Nothing is decided by it: what a release is said to do, a build of it may have mended, so that it is for people alone. */
#ifndef FT_SUPERVISOR_FITNESS_H
#define FT_SUPERVISOR_FITNESS_H

#include "qmp/traits.h"

struct ft_setup {
	bool answers;                      /* our QEMU does; else nothing is said of it */
	enum ft_role role;                 /* in COLO; NONE before and after */
	bool incoming;                     /* it waits for its primary */
	struct ft_traits traits;           /* of ours */
	struct ft_emulator peer;           /* all zero: not known */
	int vhost;                         /* it has /dev/vhost-net open: 1, 0, or -1, which is not known */
	uint64_t memory_held, memory_free; /* by our QEMU, and on this host; bytes, 0 not known */
};

struct ft_finding {
	const char *name;   /* short: one word or two */
	const char *result; /* "ok", "warn", "FAIL" */
	const char *fix;    /* what to do; "" with ok */
	char detail[384];   /* what was found, and what happens */
};

#define FT_FINDINGS_MAX 8

/* Returns how many, at most FT_FINDINGS_MAX: one for each thing that could be judged. */
int ft_fitness_judge(const struct ft_setup *s, struct ft_finding out[FT_FINDINGS_MAX]);

#endif
