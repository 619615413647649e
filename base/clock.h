/* The clocks of this host.
 * Knows: clock_gettime.  Must not know: anything else.  Pure files never include this; they are handed `now`. */
#ifndef FT_BASE_CLOCK_H
#define FT_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* ns: the clock of every decision.  It goes on while the host sleeps, is never set, and is never slewed: it is
 * CLOCK_MONOTONIC_RAW and the time that the host has slept.
 *
 * CLOCK_BOOTTIME is slewed along with the wall clock, by 500 ppm (ntpd, adjtime) or 83 333 ppm (chronyd as shipped), and 10 %
 * at the most: a primary's right to run would last so much longer than its secondary's patience.  What is left is how far the
 * hardware's clock itself is off, which no NTP client can mend beyond 500 ppm: a thousandth for two hosts, which
 * failover.guard_ms has room for. */
int64_t ft_clock_now(void);
/* How much of that the host has slept, since it was started. */
int64_t ft_clock_slept(void);
/* For timerfd_settime(TFD_TIMER_ABSTIME) of a timer of CLOCK_BOOTTIME: when that clock will show what ft_clock_now() will
 * show at `at`, as the two have run of late; never zero, which would disarm it.  The kernel's clock may be slewed otherwise
 * from now on, by a fifth of the time left: look again when it has expired. */
struct itimerspec ft_clock_timer(int64_t at);
/* CLOCK_REALTIME: for people, and to tell lives of the peer apart (hub.h); decides nothing, since anyone may set it. */
struct timespec ft_clock_wall(void);

#endif
