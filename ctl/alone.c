/* See alone.h. */
#include "ctl/alone.h"

#include <stdio.h>

/* It knows no start of an earlier ftd: what that has granted may have been granted just now. */
static int64_t granted_until(const struct ft_core *c)
{
	int64_t bound_under = c->params.session.window_ms * FT_NS_PER_MS, ours = c->params.window;
	return c->started_at + (bound_under > ours ? bound_under : ours) + c->params.guard;
}

int64_t ft_alone_until(const struct ft_core *c)
{
	return granted_until(c) + FT_MAY_START_NS;
}

static bool something_is_under_way(const struct ft_core *c)
{
	return c->arbiter_busy || c->past_asked || c->fencing || c->storing;
}

/* Somebody whose answer is needed could not be asked.  He is not asked again: the lock is held meanwhile, and an ftd may be about to
 * start. */
static bool has_failed(const struct ft_core *c)
{
	bool past = c->session.stage == FT_SESSION_NONE && c->past == FT_CLAIM_UNREACHABLE;
	bool arbiter = c->claim == FT_CLAIM_UNREACHABLE || c->verdict_unreachable || past;
	return arbiter || c->fence_fault[0] || c->store_fault[0];
}

static bool is_in_vain(const struct ft_core *c, int64_t now)
{
	bool over = now >= ft_alone_until(c) || (now >= granted_until(c) && has_failed(c));
	return over && !something_is_under_way(c);
}

enum ft_alone ft_alone_answer(const struct ft_core *c, int64_t now, char why[FT_TEXT_MAX])
{
	int may = ft_core_may_start(c, c->start_confirmed, why);
	bool stored = !c->storing && !c->winner_unstored && !c->held_unstored;
	if (may == 1 && stored)
		return FT_ALONE_YES;
	if (may == 0 && !c->storing)
		return FT_ALONE_NO;
	if (may == 1)
		snprintf(why, FT_TEXT_MAX,
		         "that the last session has ended could not be stored; mend this and ask again");
	return is_in_vain(c, now) ? FT_ALONE_IN_VAIN : FT_ALONE_OPEN;
}
