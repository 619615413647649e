/* Which changes of a link are news: told soon, and not again and again.  Pure.
 * Knows: what is the matter with each link.  Must not know: who is told, and how. */
#ifndef FT_SUPERVISOR_LINK_NEWS_H
#define FT_SUPERVISOR_LINK_NEWS_H

#include "heartbeat/diagnosis.h"

#define FT_LINK_NEWS_FIRST (3000 * FT_NS_PER_MS)  /* after the start: links come up one after the other */
#define FT_LINK_NEWS_APART (10000 * FT_NS_PER_MS) /* between two of one link */

/* All zero: nothing was told yet. */
struct ft_link_news {
	int64_t from; /* nothing is told before; 0: not asked yet */
	struct {
		enum ft_link_state state,
		    seen_state; /* as told; at the last look, for what passes at once is no news */
		int kind, seen_kind;
		bool told; /* once at least */
		int64_t at;
	} links[FT_LINKS_MAX];
};

/* Whether what is the matter with this link is news now; if so, it counts as told.  Ask once a second or so, after the tick.
 * That nothing is heard is none while the whole peer is silent: that is told by itself. */
bool ft_link_news(struct ft_link_news *n, const struct ft_hub *h, int link, int64_t now, struct ft_diagnosis *out);
/* The links have changed. */
void ft_link_news_reset(struct ft_link_news *n);

#endif
