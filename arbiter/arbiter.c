/* Which type of arbiter: the one file that knows them all. */
#include "arbiter/internal.h"

#include <assert.h>
#include <stdlib.h>

static const struct ft_arbiter_ops *ops_of(enum ft_arbiter_type type)
{
	switch (type) {
	case FT_ARBITER_FILE:
		return &ft_arbiter_file_ops;
	case FT_ARBITER_ETCD:
		return &ft_arbiter_etcd_ops;
	case FT_ARBITER_FENCE:
		return &ft_arbiter_fence_ops;
	case FT_ARBITER_NONE:
		break;
	}
	assert(false);
	abort();
}

struct ft_arbiter *ft_arbiter_new(struct event_base *base, const struct ft_arbiter_settings *settings, FILE *errors)
{
	return ft_arbiter_front(base, settings, ops_of(settings->type), errors);
}
