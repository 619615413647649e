/* See link_news.h. */
#include "supervisor/link_news.h"

static bool peer_is_there(const struct ft_hub *h)
{
	return h->detector.hearing == FT_HEARING_ALIVE || h->detector.hearing == FT_HEARING_QUIET;
}

bool ft_link_news(struct ft_link_news *n, const struct ft_hub *h, int link, int64_t now, struct ft_diagnosis *out)
{
	int64_t first = FT_LINK_NEWS_FIRST > 2 * h->detector.window ? FT_LINK_NEWS_FIRST : 2 * h->detector.window;

	if (n->from == 0)
		n->from = now + first;
	ft_diagnose(h, link, now, out);
	bool told = out->state == n->links[link].state && out->kind == n->links[link].kind;
	bool lasts = out->state == n->links[link].seen_state && out->kind == n->links[link].seen_kind;
	bool just_told = n->links[link].told && now < n->links[link].at + FT_LINK_NEWS_APART;
	n->links[link].seen_state = out->state;
	n->links[link].seen_kind = out->kind;
	if (told || !lasts || now < n->from || just_told || (out->silent && !peer_is_there(h)))
		return false;
	n->links[link].state = out->state;
	n->links[link].kind = out->kind;
	n->links[link].told = true;
	n->links[link].at = now;
	return true;
}

void ft_link_news_reset(struct ft_link_news *n)
{
	*n = (struct ft_link_news){0};
}
