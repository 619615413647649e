/* What ft.conf says to the decision core, whoever asks it: ftd, or ftctl without one.
 * Knows: both structs.  Must not know: what is decided by it. */
#include "config/config.h"

#include <string.h>

struct ft_core_params ft_config_core(const struct ft_config *c)
{
	bool arbitrated = c->arbiter.type != FT_ARBITER_NONE;
	bool registers = arbitrated && c->arbiter.type != FT_ARBITER_FENCE;
	struct ft_core_params p = {
	    .interval = c->heartbeat.interval_ms * FT_NS_PER_MS,
	    .window = (int64_t)c->heartbeat.interval_ms * c->heartbeat.lost_after * FT_NS_PER_MS,
	    .reply_timeout = c->qmp.reply_timeout_ms * FT_NS_PER_MS,
	    .arbitrated = arbitrated,
	    .registers = registers,
	    .fenced = registers && c->arbiter.fence.agent[0],
	    .guard = c->guard_ms * FT_NS_PER_MS,
	};
	memcpy(p.node, c->node, sizeof p.node);
	return p;
}
