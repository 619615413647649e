/* How much of something may be done that others can make us do: so much at once, so much a second later on; what is over is
 * counted, and told later.
 * Knows: arithmetic (pure).  Must not know: clocks, what is counted. */
#ifndef FT_BASE_LIMIT_H
#define FT_BASE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct ft_limit {
	/* Set by the owner, and no more: */
	int at_once, per_second;
	/* Zero at first: */
	int64_t spent;          /* ns of the time that what was done has used up */
	int64_t at;             /* when that was counted last */
	unsigned long left_out; /* not told yet */
	int64_t told_at;        /* when some were, or began to be left out */
};

/* Whether one more may be done now; if not, it is counted as left out. */
bool ft_limit_take(struct ft_limit *l, int64_t now);
/* How many were left out, where it is time to tell it: when it is over, or every ten seconds of a flood.  They count as told then.
 * 0: nothing to tell. */
unsigned long ft_limit_tell(struct ft_limit *l, int64_t now);

#endif
