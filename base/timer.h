/* Timers on the clock of the decisions (ft_clock_now, ns, absolute), all behind one timer of the kernel.
 * Knows: libevent, timerfd.  Must not know: what they wake for.
 * libevent's own timers are those of epoll_wait, rounded up to a whole millisecond, and stand still while the host
 * sleeps.  These are neither, and allocate nothing once they are made.  They share a timer since a wake-up is what costs
 * most: what can wait for another timer's is served in that one, and a deadline that is moved on before it is the next
 * one due costs the kernel nothing. */
#ifndef FT_BASE_TIMER_H
#define FT_BASE_TIMER_H

#include <stdint.h>

struct event_base;
struct ft_timers;
struct ft_timer;

/* NULL if there is no memory or no file descriptor left (errno).  base must outlive it. */
struct ft_timers *ft_timers_new(struct event_base *base);
void ft_timers_free(struct ft_timers *s); /* once it has no timers any more; NULL is fine */

/* NULL if there is no memory (errno).  ring: from the event loop, once for each time set; the timer is not set then, and
 * ring may set it again, or free it.  What is due at the same time rings in the order of time. */
struct ft_timer *ft_timer_new(struct ft_timers *s, void (*ring)(void *arg), void *arg);
/* Rings at that time in place of any set before; at once if it is past.  FT_NEVER: not at all. */
void ft_timer_set(struct ft_timer *a, int64_t at);
/* As above, or from that time on along with another that rings, or in ft_timers_join: a wake-up less. */
void ft_timer_set_from(struct ft_timer *a, int64_t from, int64_t at);
void ft_timer_free(struct ft_timer *a); /* NULL is fine */

/* For a shell that something else has woken: what may ring by now rings along.  From the event loop, outside of a timer. */
void ft_timers_join(struct ft_timers *s);

#endif
