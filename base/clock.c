/* See clock.h. */
#include "base/clock.h"

#include <assert.h>
#include <stdbool.h>

#define SECOND     INT64_C(1000000000)
#define LOOKS      4                     /* at how long the host has slept, when that seems to have changed */
#define RATE_AFTER (SECOND / 20)         /* the rate of the kernel's clock is measured over that long at least */
#define RATE_PARTS (INT64_C(1) << 30)    /* ... in so many parts */
#define SLEW_MOST  (RATE_PARTS >> 3)     /* what differs by more is no slewing: we were interrupted */
#define LONGEST    (1000000 * SECOND)    /* eleven days, of what may be without end */
#define LATE(ns)   (1000 + (ns) / 65536) /* rather than too early, which costs another wake-up */

static struct timespec read_clock(clockid_t id)
{
	struct timespec t = {0};
	int rc = clock_gettime(id, &t);

	/* All of them exist on every Linux we can run on. */
	assert(rc == 0);
	(void)rc;
	return t;
}

static int64_t read_ns(clockid_t id)
{
	struct timespec t = read_clock(id);

	return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

/* What CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC: the two share one rate, so it changes with each sleep and never else.
 * Read in this order it is never too much, whatever comes between the two; so the most of all readings is the best.  One that
 * seems to be news is looked at again. */
int64_t ft_clock_slept(void)
{
	static int64_t most = INT64_MIN;

	for (int i = 0; i < LOOKS; i++) {
		int64_t boot = read_ns(CLOCK_BOOTTIME), ahead = boot - read_ns(CLOCK_MONOTONIC);
		if (ahead <= most)
			break;
		most = ahead;
	}
	return most;
}

int64_t ft_clock_now(void)
{
	int64_t raw = read_ns(CLOCK_MONOTONIC_RAW);

	return raw + ft_clock_slept();
}

/* How fast the kernel's clock has run beside ours of late, in RATE_PARTS. */
static int64_t kernel_rate(int64_t now, int64_t boot)
{
	static int64_t rate = RATE_PARTS, from_now, from_boot;
	int64_t passed = now - from_now;

	if (from_now == 0 || passed > RATE_AFTER) {
		double measured = passed > 0 ? (double)(boot - from_boot) / (double)passed * RATE_PARTS : 0;
		double least = RATE_PARTS - SLEW_MOST, most = RATE_PARTS + SLEW_MOST;
		if (from_now != 0 && measured > least && measured < most)
			rate = (int64_t)measured;
		from_now = now;
		from_boot = boot;
	}
	return rate;
}

struct itimerspec ft_clock_timer(int64_t at)
{
	int64_t now = ft_clock_now(), boot = read_ns(CLOCK_BOOTTIME), left = at > now ? at - now : 0;

	left = left < LONGEST ? left : LONGEST;
	int64_t rate = kernel_rate(now, boot);
	/* In two parts: the product of days in ns and RATE_PARTS has no room. */
	int64_t wait = left / RATE_PARTS * rate + left % RATE_PARTS * rate / RATE_PARTS;
	int64_t then = left > 0 ? boot + wait + LATE(wait) : 1;

	return (struct itimerspec){.it_value = {.tv_sec = then / SECOND, .tv_nsec = then % SECOND}};
}

struct timespec ft_clock_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}
