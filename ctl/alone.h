/* The question whether the VM may start here, put to a core that has no ftd around it: no peer, and an end.  Pure.
 * Knows: the core.  Must not know: how its actions are done. */
#ifndef FT_CTL_ALONE_H
#define FT_CTL_ALONE_H

#include "core/core.h"

enum ft_alone {
	FT_ALONE_OPEN = 0, /* what is under way, or the core's deadline, is to be waited for */
	FT_ALONE_YES,
	FT_ALONE_NO,
	FT_ALONE_IN_VAIN, /* no, as time is up, or somebody failed: what was to be known could not be found out */
};

/* After FT_EVENT_WANT_START.  why: the reason, for people.
 * What this core knows ends with its process: a yes that rests on what the disk has not taken is none, and a session that is found
 * to have ended is on disk before a no, if the disk takes it. */
enum ft_alone ft_alone_answer(const struct ft_core *c, int64_t now, char why[FT_TEXT_MAX]);
/* When time is up, if everybody answers: once every right is over that an earlier ftd can have granted, and then as long as a
 * running ftd keeps the question open. */
int64_t ft_alone_until(const struct ft_core *c);

#endif
