/* One alarm on the clock of the decisions (CLOCK_BOOTTIME, ns, absolute).
 * Knows: libevent, timerfd.  Must not know: what it wakes for.
 * libevent's own timers are those of epoll_wait, rounded up to a whole millisecond, and stand still while the host
 * sleeps.  This one is neither, and it allocates nothing once it is made. */
#ifndef FT_SUPERVISOR_ALARM_H
#define FT_SUPERVISOR_ALARM_H

#include <stdint.h>

struct event_base;
struct ft_alarm;

/* NULL if there is no memory or no file descriptor left (errno).  base must outlive it.  ring: from the event loop, once
 * for each time set; the alarm is not set then, and ring may set it again. */
struct ft_alarm *ft_alarm_new(struct event_base *base, void (*ring)(void *arg), void *arg);
/* Rings at that time in place of any set before; at once if it is past.  FT_NEVER: not at all. */
void ft_alarm_set(struct ft_alarm *a, int64_t at);
void ft_alarm_free(struct ft_alarm *a); /* NULL is fine */

#endif
