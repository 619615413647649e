/* Alarms on the clock of the decisions (ft_clock_now, ns, absolute), all behind one timer of the kernel.
 * Knows: libevent, timerfd.  Must not know: what they wake for.
 * libevent's own timers are those of epoll_wait, rounded up to a whole millisecond, and stand still while the host
 * sleeps.  These are neither, and allocate nothing once they are made.  They share a timer since a wake-up is what costs
 * most: what can wait for another alarm's is served in that one, and a deadline that is moved on before it is the next
 * one due costs the kernel nothing. */
#ifndef FT_SUPERVISOR_ALARM_H
#define FT_SUPERVISOR_ALARM_H

#include <stdint.h>

struct event_base;
struct ft_alarms;
struct ft_alarm;

/* NULL if there is no memory or no file descriptor left (errno).  base must outlive it. */
struct ft_alarms *ft_alarms_new(struct event_base *base);
void ft_alarms_free(struct ft_alarms *s); /* once it has no alarms any more; NULL is fine */

/* NULL if there is no memory (errno).  ring: from the event loop, once for each time set; the alarm is not set then, and
 * ring may set it again, or free it.  What is due at the same time rings in the order of time. */
struct ft_alarm *ft_alarm_new(struct ft_alarms *s, void (*ring)(void *arg), void *arg);
/* Rings at that time in place of any set before; at once if it is past.  FT_NEVER: not at all. */
void ft_alarm_set(struct ft_alarm *a, int64_t at);
/* As above, or from that time on along with another that rings, or in ft_alarms_join: a wake-up less. */
void ft_alarm_set_from(struct ft_alarm *a, int64_t from, int64_t at);
void ft_alarm_free(struct ft_alarm *a); /* NULL is fine */

/* For a shell that something else has woken: what may ring by now rings along.  From the event loop, outside of an alarm. */
void ft_alarms_join(struct ft_alarms *s);

#endif
