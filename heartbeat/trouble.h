/* What has gone wrong lately, by kind: counters that fade, so that a fault of last week is not shown as today's.  Pure.
 * Knows: times.  Must not know: what the kinds are. */
#ifndef FT_HEARTBEAT_TROUBLE_H
#define FT_HEARTBEAT_TROUBLE_H

#include "base/types.h"

#define FT_TROUBLES_MAX  16
#define FT_TROUBLE_LASTS (60000 * FT_NS_PER_MS) /* what is older is forgotten; what is older than half of it may be */

/* All zero: nothing has gone wrong. */
struct ft_trouble {
	int64_t half_began;
	uint32_t counts[2][FT_TROUBLES_MAX]; /* in this half of the time, and in the one before */
	int64_t newest[FT_TROUBLES_MAX];
};

void ft_trouble_note(struct ft_trouble *t, int kind, int64_t now);
/* How often lately. */
uint32_t ft_trouble_recent(const struct ft_trouble *t, int kind, int64_t now);
/* The same, but 0 if the newest is older than that: it has ceased. */
uint32_t ft_trouble_ongoing(const struct ft_trouble *t, int kind, int64_t within, int64_t now);

#endif
