/* What is the matter with a link, and what to do about it: one answer for log, status and check.  Pure.
 * Knows: what the hub has counted.  Must not know: who is told.  Nothing is decided by it. */
#ifndef FT_HEARTBEAT_DIAGNOSIS_H
#define FT_HEARTBEAT_DIAGNOSIS_H

#include "heartbeat/hub.h"

enum ft_link_state {
	FT_LINK_UP = 0,
	FT_LINK_ONE_WAY, /* the peer is heard on it, and does not hear us */
	FT_LINK_DOWN,
	FT_LINK_STATES
};
const char *ft_link_state_name(enum ft_link_state s); /* "up", "one-way", "down" */

struct ft_diagnosis {
	enum ft_link_state state;
	int kind;               /* of the trouble: the same number as long as it is the same; 0 none */
	bool silent;            /* and there is no more to it than that nothing comes in */
	char what[FT_TEXT_MAX]; /* "" all is well; on a link that is up: what comes in besides */
	const char *fix;        /* "" there is nothing to do */
};

/* As of the last tick. */
void ft_diagnose(const struct ft_hub *h, int link, int64_t now, struct ft_diagnosis *out);

#endif
