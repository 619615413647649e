/* How long to wait before what has failed is tried again.  Pure. */
#ifndef FT_CORE_BACKOFF_H
#define FT_CORE_BACKOFF_H

#include "base/types.h"

#define FT_RETRY_NS     (1000 * FT_NS_PER_MS)
#define FT_BACKOFF_MOST 6 /* doublings of FT_RETRY_NS between one failed attempt and the next */

/* After so many failures in a row. */
static inline int64_t ft_backoff(int failures)
{
	return FT_RETRY_NS << (failures < FT_BACKOFF_MOST ? failures : FT_BACKOFF_MOST);
}

#endif
