/* See detector.h. */
#include "heartbeat/detector.h"

#include <assert.h>

static int64_t min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The window is exactly k intervals.  The k-th heartbeat after the last one heard is then due at the very moment of the
 * verdict and cannot count on being in time.  It need not: once heartbeats are missing the peer is asked again and again
 * (hub.h), and a peer that is there has answered long before.  A window with some slack for that one heartbeat
 * would make every detection slower to win one chance more, where the questions have given a dozen. */
static void set_timing(struct ft_detector *d, int n_links, int64_t interval_ns, int lost_after)
{
	assert(n_links >= 1 && n_links <= FT_LINKS_MAX && interval_ns > 0 && lost_after >= 2);
	d->n_links = n_links;
	d->interval = interval_ns;
	d->tick_period = interval_ns + interval_ns / 16;
	d->window = lost_after * interval_ns;
}

void ft_detector_init(struct ft_detector *d, int n_links, int64_t interval_ns, int lost_after, int64_t now)
{
	*d = (struct ft_detector){.last_tick = now, .newest_at = FT_NEVER, .hearing = FT_HEARING_NEVER};
	set_timing(d, n_links, interval_ns, lost_after);
}

/* The awake time at now: a tick period counts in full, what is beyond it was not spent listening.  A tick that is late
 * as timers are late (5 ms is the worst that a loaded host's usually are) has not been away. */
static int64_t awake_at(const struct ft_detector *d, int64_t now)
{
	int64_t gap = now > d->last_tick ? now - d->last_tick : 0;

	return d->awake + min64(gap, d->tick_period + min64(d->interval / 16, 5 * FT_NS_PER_MS));
}

/* Never while the next heartbeat may still be on time. */
static int64_t quiet_after(const struct ft_detector *d)
{
	int64_t late = d->interval + d->interval / 2;

	return d->window / 2 > late ? d->window / 2 : late;
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
	return age >= quiet_after(d) ? FT_HEARING_QUIET : FT_HEARING_ALIVE;
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
	int64_t best = d->last_tick + d->tick_period;

	if (anyone_there(d)) {
		best = earlier(d, best, d->newest_awake + quiet_after(d));
		best = earlier(d, best, d->newest_awake + d->window);
	}
	for (int i = 0; i < d->n_links; i++)
		if (d->links[i].alive)
			best = earlier(d, best, d->links[i].heard_awake + d->window);
	return best;
}

int64_t ft_detector_silent_at(const struct ft_detector *d, int64_t silence)
{
	assert(silence <= d->window);
	return anyone_there(d) ? d->last_tick + (d->newest_awake + silence - d->awake) : FT_NEVER;
}

int64_t ft_detector_last_heard(const struct ft_detector *d)
{
	return d->newest_at;
}
