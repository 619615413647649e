/* See arrivals.h. */
#include "heartbeat/arrivals.h"

#include <assert.h>

#define SUB_BITS    3 /* eight buckets an octave */
#define EXACT       (2 << SUB_BITS)
#define NS_PER_US   1000
#define CUT_LEVELS  100                    /* the most that lost_after may be */
#define CUT_NS      (10000 * FT_NS_PER_MS) /* nobody would wait longer, however short the interval */
#define ON_SCHEDULE 16                     /* share of an interval by which a sender is early or late at the most */
#define SENT_MAX    (INT64_MAX / 4)        /* the peer's times may be anything: differences must not overflow */
#define LOST_SIGHT  32                     /* intervals without one on schedule: the peer must have moved it */
/* Two hosts' clocks drift apart by up to 0.1 ms a second: the quickest way is sought anew that often. */
#define BLOCK_NS        (2000 * FT_NS_PER_MS)
#define BLOCK_INTERVALS 32

/* ---- histograms ---- */

void ft_histogram_clear(struct ft_histogram *h)
{
	*h = (struct ft_histogram){.min = -1, .max = -1};
}

static int bucket_of(int64_t value)
{
	int octave = 0, bucket;

	if (value < 0)
		return 0;
	while (value >> octave >= EXACT)
		octave++;
	bucket = (octave << SUB_BITS) + (int)(value >> octave);
	return bucket < FT_HISTOGRAM_BUCKETS ? bucket : FT_HISTOGRAM_BUCKETS - 1;
}

/* The largest value in a bucket. */
static int64_t bucket_end(int bucket)
{
	int octave = bucket < EXACT ? 0 : (bucket >> SUB_BITS) - 1;

	return ((int64_t)(bucket - (octave << SUB_BITS) + 1) << octave) - 1;
}

void ft_histogram_add(struct ft_histogram *h, int64_t value)
{
	if (value < 0)
		value = 0;
	if (h->n == 0 || value < h->min)
		h->min = value;
	if (h->n == 0 || value > h->max)
		h->max = value;
	h->n++;
	h->count[bucket_of(value)]++;
}

uint64_t ft_histogram_at_least(const struct ft_histogram *h, int64_t value)
{
	uint64_t n = 0;

	if (value > h->max)
		return 0;
	for (int i = bucket_of(value); i < FT_HISTOGRAM_BUCKETS; i++)
		n += h->count[i];
	return n;
}

int64_t ft_histogram_quantile(const struct ft_histogram *h, double share)
{
	uint64_t below = 0;

	for (int i = 0; i < FT_HISTOGRAM_BUCKETS - 1; i++) {
		below += h->count[i];
		if (below > 0 && (double)below >= share * (double)h->n)
			return bucket_end(i) < h->max ? bucket_end(i) : h->max;
	}
	return h->max;
}

/* ---- following the peer ---- */

static void forget_peer(struct ft_arrivals *a)
{
	a->following = false;
	a->acked = FT_NEVER;
	for (int i = 0; i < FT_LINKS_MAX; i++)
		a->links[i].following = a->links[i].doubt = false;
}

static void set_timing(struct ft_arrivals *a, int64_t interval, int64_t window)
{
	assert(interval > 0 && window >= interval);
	a->interval = interval;
	a->window = window;
	a->grace = interval / ON_SCHEDULE;
}

void ft_arrivals_init(struct ft_arrivals *a, int64_t interval, int64_t window, int64_t now)
{
	*a = (struct ft_arrivals){.since = now, .stall_at = now, .acked = FT_NEVER};
	set_timing(a, interval, window);
	ft_histogram_clear(&a->silence);
	ft_histogram_clear(&a->lease);
	for (int i = 0; i < FT_LINKS_MAX; i++) {
		ft_histogram_clear(&a->links[i].runs);
		ft_histogram_clear(&a->links[i].late_us);
		ft_histogram_clear(&a->links[i].rtt_us);
	}
}

void ft_arrivals_retime(struct ft_arrivals *a, int64_t interval, int64_t window, bool anew, int64_t now)
{
	if (anew)
		ft_arrivals_init(a, interval, window, now);
	else
		set_timing(a, interval, window);
}

static int64_t level_of(const struct ft_arrivals *a, int64_t silence)
{
	return silence > a->grace ? (silence - a->grace - 1) / a->interval : 0;
}

static bool is_cut(const struct ft_arrivals *a, int64_t silence)
{
	return silence > CUT_NS && level_of(a, silence) > CUT_LEVELS;
}

/* Real time that awake time has no share in was not spent listening. */
static void watch_for_stall(struct ft_arrivals *a, const struct ft_arrival *h)
{
	if ((h->now - a->at) - (h->awake - a->awake) > a->grace) {
		a->stall_at = h->now;
		a->stalls++;
	}
}

/* How much later than the quickest one of late this one was.  What waited for a stall of ours to end says nothing of the
 * link, and the first one of a block has nothing to be compared with. */
static void measure_lateness(const struct ft_arrivals *a, struct ft_arrivals_link *l, const struct ft_arrival *h)
{
	int64_t way = h->now - h->sent, block = BLOCK_INTERVALS * a->interval, quickest;

	if (!l->following) {
		l->quickest[0] = l->quickest[1] = way;
		l->block_end = h->now;
	}
	quickest = l->quickest[0] < l->quickest[1] ? l->quickest[0] : l->quickest[1];
	if (way < quickest)
		quickest = way;
	if (h->now - (way - quickest) > a->stall_at)
		ft_histogram_add(&l->late_us, (way - quickest) / NS_PER_US);
	if (h->now >= l->block_end) {
		l->quickest[1] = l->quickest[0];
		l->quickest[0] = way;
		l->block_end = h->now + (block > BLOCK_NS ? block : BLOCK_NS);
	} else if (way < l->quickest[0]) {
		l->quickest[0] = way;
	}
	if (h->rtt >= 0 && h->now > a->stall_at)
		ft_histogram_add(&l->rtt_us, h->rtt / NS_PER_US);
}

/* How many intervals after the last scheduled one this one was sent, if it is a scheduled one itself; else 0. */
static int64_t rounds_since(const struct ft_arrivals *a, const struct ft_arrivals_link *l, int64_t sent)
{
	int64_t after = sent - l->on_schedule, rounds, off;

	if (after <= 0)
		return 0;
	rounds = (after + a->interval / 2) / a->interval;
	off = after - rounds * a->interval;
	if (l->doubt && (off > a->interval / ON_SCHEDULE || off < -a->interval / ON_SCHEDULE))
		return 0;
	return rounds;
}

/* A scheduled one, `rounds` after the last: what is missing in the sequence was lost, what is not was never sent. */
static void count_losses(const struct ft_arrivals *a, struct ft_arrivals_link *l, const struct ft_arrival *h,
                         int64_t rounds)
{
	int64_t skipped = rounds - 1, pause;
	int64_t lost = (uint64_t)skipped < l->missing ? skipped : (int64_t)l->missing;

	/* Our socket may have been too small for what came in a stall: what is missing behind that is not lost on the way. */
	if (l->on_schedule_at <= a->stall_at || is_cut(a, h->now - l->on_schedule_at))
		return;
	l->heard++;
	l->lost += (uint64_t)lost;
	if (lost > 0)
		ft_histogram_add(&l->runs, lost);
	pause = h->sent - l->on_schedule - (lost + 1) * a->interval;
	if (pause <= a->interval / 2)
		return;
	l->pauses++;
	if (pause > l->longest_pause)
		l->longest_pause = pause;
}

static void count_silence(struct ft_arrivals *a, const struct ft_arrival *h)
{
	int64_t silence = h->awake - a->plain_wak;

	if (a->plain_at >= a->stall_at && is_cut(a, silence)) {
		a->cuts++;
	} else if (a->plain_at >= a->stall_at) {
		ft_histogram_add(&a->silence, level_of(a, silence));
		a->listened += silence;
	}
	a->plain_at = h->now;
	a->plain_wak = h->awake;
}

/* Whether this one is scheduled; if so, its losses are counted. */
static bool follow_schedule(struct ft_arrivals *a, struct ft_arrivals_link *l, const struct ft_arrival *h)
{
	int64_t rounds;

	l->doubt = l->doubt || h->doubt;
	l->missing += h->sequence - l->sequence - 1;
	rounds = rounds_since(a, l, h->sent);
	if (rounds == 0) {
		int64_t unseen = h->sent - l->on_schedule;

		if (unseen >= 0 && unseen <= LOST_SIGHT * a->interval)
			return false;
		a->plain_at = h->now;
		a->plain_wak = h->awake;
	} else {
		count_losses(a, l, h, rounds);
	}
	l->doubt = h->doubt;
	return true;
}

static void note_silence_heard(struct ft_arrivals *a, struct ft_arrivals_link *l, const struct ft_arrival *h)
{
	int64_t all = h->awake - a->awake, here = h->awake - l->awake;

	if (a->following && a->at >= a->stall_at && !is_cut(a, all) && all > a->longest)
		a->longest = all;
	if (a->following && all >= a->window)
		a->alarms++;
	if (l->following && l->at >= a->stall_at && !is_cut(a, here) && here > l->longest)
		l->longest = here;
}

static void note_lease(struct ft_arrivals *a, const struct ft_arrival *h)
{
	int64_t age = h->now - a->acked;

	if (h->acked == FT_NEVER || (a->acked != FT_NEVER && h->acked <= a->acked))
		return;
	if (a->acked != FT_NEVER && a->acked >= a->stall_at && !is_cut(a, age)) {
		ft_histogram_add(&a->lease, level_of(a, age));
		if (age > a->oldest)
			a->oldest = age;
	}
	a->acked = h->acked;
}

static void follow(struct ft_arrivals *a, struct ft_arrivals_link *l, const struct ft_arrival *h)
{
	bool scheduled = true, first;

	if (h->incarnation != a->incarnation)
		forget_peer(a);
	a->incarnation = h->incarnation;
	first = !a->following;
	if (!first)
		watch_for_stall(a, h);
	measure_lateness(a, l, h);
	note_silence_heard(a, l, h);
	note_lease(a, h);
	if (l->following)
		scheduled = follow_schedule(a, l, h);
	if (scheduled && first) {
		a->plain_at = h->now;
		a->plain_wak = h->awake;
	} else if (scheduled) {
		count_silence(a, h);
	}
	if (scheduled) {
		l->on_schedule = h->sent;
		l->on_schedule_at = h->now;
		l->missing = 0;
	}
	l->sequence = h->sequence;
	l->following = a->following = true;
	l->at = a->at = h->now;
	l->awake = a->awake = h->awake;
}

void ft_arrivals_heard(struct ft_arrivals *a, int link, const struct ft_arrival *h)
{
	struct ft_arrival sane = *h;

	assert(link >= 0 && link < FT_LINKS_MAX && h->incarnation != 0);
	if (sane.sent < 0 || sane.sent > SENT_MAX)
		sane.sent = 0;
	follow(a, &a->links[link], &sane);
}
