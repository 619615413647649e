/* See detector.h. */
#include "heartbeat/detector.h"

#include <assert.h>

static int64_t min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* With a window of exactly k intervals, the k-th heartbeat after the last one heard is due at the very moment of the
 * verdict, and a few microseconds of delay decide: k - 1 losses would be enough.  The slack lets that heartbeat win.
 * A sixteenth of an interval covers timers and the network where intervals are short; 5 ms is the worst that a
 * loaded host's timers usually do, so more would only make detection slower. */
static void set_timing(struct ft_detector *d, int n_links, int64_t interval_ns, int lost_after)
{
	assert(n_links >= 1 && n_links <= FT_LINKS_MAX && interval_ns > 0 && lost_after >= 1);
	d->n_links = n_links;
	d->interval = interval_ns;
	d->slack = min64(interval_ns / 16, 5 * FT_NS_PER_MS);
	d->window = lost_after * interval_ns + d->slack;
}

void ft_detector_init(struct ft_detector *d, int n_links, int64_t interval_ns, int lost_after, int64_t now)
{
	*d = (struct ft_detector){.last_tick = now, .newest_at = FT_NEVER, .hearing = FT_HEARING_NEVER};
	set_timing(d, n_links, interval_ns, lost_after);
}

/* The awake time at now: a tick period counts in full, what is beyond it was not spent listening. */
static int64_t awake_at(const struct ft_detector *d, int64_t now)
{
	int64_t gap = now > d->last_tick ? now - d->last_tick : 0;

	return d->awake + min64(gap, d->interval + d->slack);
}

static bool anyone_there(const struct ft_detector *d)
{
	return d->hearing == FT_HEARING_ALIVE || d->hearing == FT_HEARING_QUIET;
}

/* Whoever was there at the last tick is given a whole window from now. */
static void begin_anew(struct ft_detector *d)
{
	for (int i = 0; i < d->n_links; i++)
		if (d->links[i].alive)
			d->links[i].heard_awake = d->awake;
	if (anyone_there(d))
		d->newest_awake = d->awake;
}

void ft_detector_retime(struct ft_detector *d, int n_links, int64_t interval_ns, int lost_after, int64_t now)
{
	d->awake = awake_at(d, now);
	d->last_tick = now > d->last_tick ? now : d->last_tick;
	for (int i = d->n_links; i < n_links; i++)
		d->links[i] = (struct ft_detector_link){0};
	set_timing(d, n_links, interval_ns, lost_after);
	/* A longer window must not bring back to life who was lost under the shorter one. */
	for (int i = 0; i < n_links; i++)
		if (!d->links[i].alive)
			d->links[i].heard_awake = d->awake - d->window;
	if (!anyone_there(d))
		d->newest_awake = d->awake - d->window;
	begin_anew(d);
}

void ft_detector_heard(struct ft_detector *d, int link, int64_t now)
{
	assert(link >= 0 && link < d->n_links);
	d->newest_at = now;
	d->newest_awake = awake_at(d, now);
	d->links[link].heard_ever = true;
	d->links[link].heard_at = d->newest_at;
	d->links[link].heard_awake = d->newest_awake;
	d->anew_spent = false;
}

static enum ft_hearing judge(const struct ft_detector *d)
{
	int64_t age = d->awake - d->newest_awake;

	if (d->newest_at == FT_NEVER)
		return FT_HEARING_NEVER;
	if (age >= d->window)
		return FT_HEARING_LOST;
	return age >= d->window / 2 ? FT_HEARING_QUIET : FT_HEARING_ALIVE;
}

bool ft_detector_tick(struct ft_detector *d, int64_t now)
{
	enum ft_hearing before = d->hearing;
	int64_t gap = now > d->last_tick ? now - d->last_tick : 0;

	d->awake = awake_at(d, now);
	d->last_tick += gap;
	if (gap > d->stalled_ns)
		d->stalled_ns = gap;
	if (gap > d->window && !d->anew_spent) {
		begin_anew(d);
		d->anew_spent = true;
	}
	for (int i = 0; i < d->n_links; i++) {
		struct ft_detector_link *l = &d->links[i];

		l->alive = l->heard_ever && d->awake - l->heard_awake < d->window;
	}
	d->hearing = judge(d);
	return d->hearing != before;
}

/* The earlier of best and the time at which awake time reaches `awake`, if that is still to come. */
static int64_t earlier(const struct ft_detector *d, int64_t best, int64_t awake)
{
	return awake > d->awake ? min64(best, d->last_tick + (awake - d->awake)) : best;
}

int64_t ft_detector_deadline(const struct ft_detector *d)
{
	int64_t best = d->last_tick + d->interval;

	if (anyone_there(d)) {
		best = earlier(d, best, d->newest_awake + d->window / 2);
		best = earlier(d, best, d->newest_awake + d->window);
	}
	for (int i = 0; i < d->n_links; i++)
		if (d->links[i].alive)
			best = earlier(d, best, d->links[i].heard_awake + d->window);
	return best;
}

int64_t ft_detector_last_heard(const struct ft_detector *d)
{
	return d->newest_at;
}
