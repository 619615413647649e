/* The two clocks of this host.
 * Knows: clock_gettime.  Must not know: anything else.  Pure files never include this; they are handed `now`. */
#ifndef FT_SUPERVISOR_CLOCK_H
#define FT_SUPERVISOR_CLOCK_H

#include <stdint.h>
#include <time.h>

/* CLOCK_BOOTTIME, ns: the clock of every decision. It goes on while the host sleeps and is never set. */
int64_t ft_clock_now(void);
/* CLOCK_REALTIME: for people only, since anyone may set it. */
struct timespec ft_clock_wall(void);

#endif
