/* Which interval and loss count a wished rate of false alarms asks for, from what the links have really done.  Pure.
 * Knows: arrivals, the legal settings.  Must not know: ft.conf, clocks, how the advice is told.
 *
 * Seen and modelled.  A silence seen is a fact; so is that none was seen in N hours, but then no rate below 3 / N an hour
 * is supported with 95 % confidence (the rule of three).  What is beyond that is a model, and every figure says which:
 *   - Silences on all links together were measured, so nothing is assumed of the links' independence.
 *   - A level that was exceeded often (20 times) is taken at the upper 95 % bound of its rate.  Beyond, the worst is taken
 *     of what that level and each rarer one would lead to, if every further interval of silence is as likely as the upper
 *     95 % bound of what was seen: of all silences, of the long ones, and of those rarer still, if
 *     there are three (at what was seen): bursts among lone losses are a kind of their own.
 *   - Longer silences than were ever seen may come of a cause that has not shown yet: they are taken to be as frequent as
 *     the rule of three allows, and half of them to last one more interval, or 50 ms where an interval is shorter.
 *   - Between two heartbeats nothing is seen.  So a shorter interval is credited with nothing: what was silent for 200 ms
 *     is taken to be silent then, too.  A longer one is credited neither with less loss nor with shorter bursts.
 *   - The primary's right to run ends as the peer's silence does, but needs both ways: its ages are judged alike, and each
 *     of the two is granted half of the wished rate.
 * Questions before the verdict, which end most silences, are not counted on: they are the margin. */
#ifndef FT_HEARTBEAT_ADVICE_H
#define FT_HEARTBEAT_ADVICE_H

#include "heartbeat/arrivals.h"

#define FT_ADVICE_HEARTBEATS_MIN 1000 /* less says nothing */

struct ft_advice_wish {
	double alarms_per_hour; /* above 0 */
	int64_t detection;      /* ns; 0: as fast as the rate allows */
	bool lease;             /* a primary's right to run depends on the links: there is an arbiter */
};

struct ft_advice_setting {
	int interval_ms, lost_after; /* legal ones; 0, 0: none */
	int64_t window;              /* ns */
	double per_hour;             /* false alarms: upper bound, by the model where not seen */
	double supported;            /* ... what observation alone supports */
	double if_independent;       /* ... by a model in which every heartbeat is lost for itself; no bound */
};

enum ft_advice_verdict {
	FT_ADVICE_TOO_LITTLE = 0, /* of data: only today, wait, hours and heartbeats are set */
	FT_ADVICE_MET,            /* best meets the wish */
	FT_ADVICE_NOT_IN_TIME, /* no setting meets both: best is the safest in the wished time, fastest meets the rate */
	FT_ADVICE_IMPOSSIBLE,  /* no legal setting meets the rate */
};

struct ft_advice {
	enum ft_advice_verdict verdict;
	double hours;        /* listened to a peer that was there */
	uint64_t heartbeats; /* scheduled ones, on all links */
	int64_t wait;        /* ns until there is enough for a first advice */
	struct ft_advice_setting today, best, fastest;
	struct ft_advice_setting finer; /* as safe as best, and shows more next time; none if best is the finest */
};

/* lost_after: today's. */
struct ft_advice ft_advise(const struct ft_arrivals *a, int lost_after, const struct ft_advice_wish *wish);

#endif
