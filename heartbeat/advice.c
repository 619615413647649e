/* See advice.h. */
#include "heartbeat/advice.h"

#include <assert.h>
#include <math.h>

#define INTERVAL_MIN 5 /* ms; the limits of ft.conf */
#define INTERVAL_MAX 10000
#define COUNT_MIN    2
#define COUNT_MAX    100
#define LEVELS       256 /* beyond, only the model */
#define Z95          1.645
#define SILENCES_MIN 20  /* fewer say too little of how they go on */
#define RARE_MIN     3   /* longer than those: fewer are no kind of their own */
#define NEVER_SEEN   0.5 /* that a silence goes on, where none of its kind tells */
/* What has never been seen knows nothing of our interval: a starved host or a switch takes its own time. */
#define UNSEEN_HALVES (50 * FT_NS_PER_MS)
#define COUNT_GOOD    10 /* of heartbeats in a wished time: bursts aside, ten at 10 ms beat three at 33 ms by far */

/* How often a silence of this kind exceeded each level, and what follows for those that none has reached. */
struct tail {
	double hours;
	int ordinary; /* levels that are no silence at all */
	uint64_t reached[LEVELS + 1];
	int highest;    /* level that was ever reached; 0 none */
	int often;      /* the highest level that enough silences reached; 1 if none was */
	double goes_on; /* upper bound for a silence of any level to last one more */
	double unseen_goes_on;
	double each; /* upper bound for an ordinary turn to end in level 1 */
};

static double poisson_upper(uint64_t n)
{
	double m = (double)n + 1, root = 1 - 1 / (9 * m) + Z95 / (3 * sqrt(m));

	return m * root * root * root; /* Wilson and Hilferty; 3.0 for none */
}

static double share_upper(double hits, double trials)
{
	double z2 = Z95 * Z95, p = hits / trials;

	return (p + z2 / (2 * trials) + Z95 * sqrt(p * (1 - p) / trials + z2 / (4 * trials * trials))) /
	       (1 + z2 / trials); /* Wilson */
}

/* How likely a silence that reached a level is to reach the next one: all levels from that one on taken together. */
static double going_on(const struct tail *t, int level, bool upper)
{
	double trials = 0, hits = 0, p;

	for (int j = level; j < LEVELS; j++) {
		trials += (double)t->reached[j];
		hits += (double)t->reached[j + 1];
	}
	if (trials <= 0)
		return NEVER_SEEN;
	p = upper ? share_upper(hits, trials) : hits / trials;
	return hits == 0 && p > NEVER_SEEN ? NEVER_SEEN : p;
}

/* Of all silences, of the long ones that are many enough, and of those that are longer still and rare: these may be of
 * another kind, lone losses below and bursts above. */
static double worst_going_on(const struct tail *t)
{
	double worst = fmax(going_on(t, 1, true), going_on(t, t->often, true));

	if (t->often < LEVELS && t->reached[t->often + 1] >= RARE_MIN)
		worst = fmax(worst, going_on(t, t->often + 1, false));
	return worst;
}

static struct tail tail_of(const struct ft_histogram *h, int ordinary, const struct ft_arrivals *a)
{
	struct tail t = {.hours = (double)a->listened / (3600e3 * FT_NS_PER_MS), .ordinary = ordinary};

	t.unseen_goes_on = fmax(NEVER_SEEN, exp2(-(double)a->interval / (double)UNSEEN_HALVES));
	for (int j = 0; j <= LEVELS; j++)
		t.reached[j] = ft_histogram_at_least(h, j == 0 ? 0 : j + ordinary);
	while (t.highest < LEVELS && t.reached[t.highest + 1] > 0)
		t.highest++;
	t.often = 1;
	while (t.often < LEVELS && t.reached[t.often + 1] >= SILENCES_MIN)
		t.often++;
	t.goes_on = worst_going_on(&t);
	t.each = h->n ? share_upper((double)t.reached[1], (double)h->n) : 1;
	return t;
}

/* Silences beyond a level, an hour.  Levels that were often exceeded speak for themselves; beyond those, the worst of what
 * the last of them and each rarer one would lead to, and of what has never been seen but may be there. */
static double rate(const struct tail *t, int64_t level)
{
	double r = 0, unseen = poisson_upper(0);

	if (level < 1)
		return (double)t->reached[0] / t->hours;
	for (int64_t j = level < t->often ? level : t->often; j <= level; j++) {
		r *= t->goes_on;
		if (j <= LEVELS && (j <= t->often || t->reached[j] > 0))
			r = fmax(r, poisson_upper(t->reached[j]));
	}
	for (int64_t j = t->highest + 1; j < level; j++)
		unseen *= t->unseen_goes_on;
	return (level > t->highest ? fmax(r, unseen) : r) / t->hours;
}

static double seen_rate(const struct tail *t, int64_t level)
{
	return poisson_upper(level < 1 ? t->reached[0] : level > LEVELS ? 0 : t->reached[level]) / t->hours;
}

struct judge {
	const struct ft_arrivals *a;
	struct tail silence, lease;
	bool with_lease;
	double most; /* alarms an hour for each of the two */
};

/* The levels that fit into a window, and what is left of them for the unusual when the interval is `times` as long.  One
 * heartbeat of the longer interval is heard up to that much later after a silence; the lease needs two. */
static int64_t level_for(const struct judge *g, const struct tail *t, int64_t window, int64_t interval)
{
	int64_t extra = interval > g->a->interval ? interval - g->a->interval : 0;
	int64_t left = window - extra * (t->ordinary > 0 ? 2 : 1);

	return left < 0 ? 0 : left / g->a->interval - t->ordinary;
}

/* An alarm of `count` losses where every heartbeat of an interval that is `times` as long is lost by the worst chance
 * that was seen, bursts included: those may be as long in heartbeats as they are in time. */
static double slow_rate(const struct tail *t, int64_t times, int64_t count)
{
	double q = 1, r = poisson_upper(t->reached[1]) / t->hours;

	for (int64_t i = 0; i < times; i++)
		q *= t->goes_on;
	q = fmin(t->goes_on, q + t->each);
	for (int64_t i = 1; i < count; i++)
		r *= q;
	return r;
}

static double tail_rate(const struct judge *g, const struct tail *t, const struct ft_advice_setting *s)
{
	int64_t interval = s->interval_ms * FT_NS_PER_MS, times = interval / g->a->interval;
	double r = rate(t, level_for(g, t, s->window, interval));

	if (times > 1)
		r = fmax(r, slow_rate(t, times, s->lost_after - (t->ordinary > 0 ? 2 : 0)));
	return r;
}

/* Of the links, the one that is late least often. */
static uint64_t least_late(const struct ft_arrivals *a, int64_t late)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < FT_LINKS_MAX; i++) {
		const struct ft_histogram *h = &a->links[i].late_us;
		uint64_t n = ft_histogram_at_least(h, late / 1000);

		if (h->n > 0 && n < least)
			least = n;
	}
	return least == UINT64_MAX ? 0 : least;
}

static double independent_rate(const struct judge *g, const struct ft_advice_setting *s)
{
	int64_t interval = s->interval_ms * FT_NS_PER_MS;
	double r = 3600e3 / s->interval_ms;

	for (int i = 0; i < s->lost_after; i++)
		r *= g->silence.each;
	return r + (double)least_late(g->a, s->window - interval) / g->silence.hours;
}

static struct ft_advice_setting judged(const struct judge *g, int64_t interval_ms, int64_t lost_after)
{
	int64_t interval = interval_ms * FT_NS_PER_MS;
	struct ft_advice_setting s = {
	    .interval_ms = (int)interval_ms, .lost_after = (int)lost_after, .window = lost_after * interval};

	if (g->silence.hours <= 0)
		return s;
	s.per_hour = tail_rate(g, &g->silence, &s);
	s.supported = seen_rate(&g->silence, level_for(g, &g->silence, s.window, interval));
	s.if_independent = independent_rate(g, &s);
	if (g->with_lease) {
		s.per_hour += tail_rate(g, &g->lease, &s);
		s.supported += seen_rate(&g->lease, level_for(g, &g->lease, s.window, interval));
	}
	return s;
}

static bool meets(const struct judge *g, const struct ft_advice_setting *s)
{
	return tail_rate(g, &g->silence, s) <= g->most && (!g->with_lease || tail_rate(g, &g->lease, s) <= g->most);
}

/* The least loss count that meets the rate at this interval; lost_after 0: none does. */
static struct ft_advice_setting least_count(const struct judge *g, int64_t interval_ms)
{
	for (int count = COUNT_MIN; count <= COUNT_MAX; count++) {
		struct ft_advice_setting s = judged(g, interval_ms, count);

		if (meets(g, &s))
			return s;
	}
	return (struct ft_advice_setting){0};
}

/* Today's interval, if any count will do; else the least that is twice, four, eight times ... as long. */
static struct ft_advice_setting fastest(const struct judge *g)
{
	for (int64_t ms = g->a->interval / FT_NS_PER_MS; ms <= INTERVAL_MAX; ms *= 2) {
		struct ft_advice_setting s = least_count(g, ms);

		if (s.lost_after > 0)
			return s;
	}
	return (struct ft_advice_setting){0};
}

/* The setting with the longest window within a time, at this interval or the nearest that can be. */
static struct ft_advice_setting longest_within(const struct judge *g, int64_t time, int64_t interval_ms)
{
	int64_t count = time / (interval_ms * FT_NS_PER_MS);

	count = count < COUNT_MIN ? COUNT_MIN : count > COUNT_MAX ? COUNT_MAX : count;
	return judged(g, interval_ms, count);
}

/* Too short a time for the wished rate: the safest there is, which lets the most heartbeats be lost. */
static struct ft_advice_setting safest_within(const struct judge *g, int64_t time)
{
	int64_t ms = time / FT_NS_PER_MS / COUNT_GOOD, today = g->a->interval / FT_NS_PER_MS;

	ms = ms < INTERVAL_MIN ? INTERVAL_MIN : ms > today ? today : ms;
	return longest_within(g, time, ms);
}

static void choose(const struct judge *g, int64_t detection, struct ft_advice *out)
{
	out->fastest = out->best = fastest(g);
	out->verdict = out->best.lost_after > 0 ? FT_ADVICE_MET : FT_ADVICE_IMPOSSIBLE;
	if (detection > 0 && out->best.lost_after > 0 && out->best.window <= detection) {
		/* A slower one that is still in time costs nothing that was not granted. */
		out->best = longest_within(g, detection, out->fastest.interval_ms);
	} else if (detection > 0) {
		out->best = safest_within(g, detection);
		out->verdict = FT_ADVICE_NOT_IN_TIME;
	}
}

/* Half the interval, and a little more than twice the count. */
static struct ft_advice_setting finer_than(const struct judge *g, const struct ft_advice_setting *s)
{
	struct ft_advice_setting half;

	if (s->interval_ms / 2 < INTERVAL_MIN || s->lost_after * 2 + 1 > COUNT_MAX)
		return (struct ft_advice_setting){0};
	half = judged(g, s->interval_ms / 2, s->lost_after * 2 + 1);
	return meets(g, &half) ? half : (struct ft_advice_setting){0};
}

/* A right is counted from when a heartbeat was sent: in ordinary times its age reaches two intervals and a round trip. */
static int ordinary_age(const struct ft_arrivals *a)
{
	int64_t rtt_us = -1;

	for (int i = 0; i < FT_LINKS_MAX; i++) {
		const struct ft_histogram *h = &a->links[i].rtt_us;
		int64_t usual = ft_histogram_quantile(h, 0.5);

		if (h->n > 0 && (rtt_us < 0 || usual < rtt_us))
			rtt_us = usual;
	}
	return 2 + (int)((rtt_us < 0 ? 0 : rtt_us * 1000) / a->interval);
}

struct ft_advice ft_advise(const struct ft_arrivals *a, int lost_after, const struct ft_advice_wish *wish)
{
	struct ft_advice out = {.verdict = FT_ADVICE_TOO_LITTLE};
	struct judge g = {.a = a, .with_lease = wish->lease};

	assert(wish->alarms_per_hour > 0);
	g.most = wish->lease ? wish->alarms_per_hour / 2 : wish->alarms_per_hour;
	g.silence = tail_of(&a->silence, 0, a);
	g.lease = tail_of(&a->lease, ordinary_age(a), a);
	out.hours = g.silence.hours;
	out.today = judged(&g, a->interval / FT_NS_PER_MS, lost_after);
	for (int i = 0; i < FT_LINKS_MAX; i++)
		out.heartbeats += a->links[i].heard;
	if (a->silence.n < FT_ADVICE_HEARTBEATS_MIN)
		out.wait = (int64_t)(FT_ADVICE_HEARTBEATS_MIN - a->silence.n) * a->interval;
	else
		choose(&g, wish->detection, &out);
	if (out.verdict == FT_ADVICE_MET)
		out.finer = finer_than(&g, &out.best);
	return out;
}
