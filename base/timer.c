/* See timer.h. */
#include "base/timer.h"
#include "base/clock.h"
#include "base/types.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct ft_timer {
	struct ft_timers *set;
	LIST_ENTRY(ft_timer) next;
	int64_t from, at; /* FT_NEVER: not set */
	uint64_t round;   /* in which it rang last */
	void (*ring)(void *arg);
	void *arg;
};

struct ft_timers {
	int fd;
	int64_t at; /* what fd is set to, FT_NEVER: not set */
	struct event *readable;
	bool ringing;
	uint64_t round;
	LIST_HEAD(, ft_timer) all;
};

static void set_timer(struct ft_timers *s, int64_t at)
{
	struct itimerspec spec = {0};

	s->at = at;
	if (at != FT_NEVER)
		spec = ft_clock_timer(at);
	if (timerfd_settime(s->fd, TFD_TIMER_ABSTIME, &spec, NULL) != 0)
		assert(!"a deadline of ours is no valid time");
}

static int64_t earliest(const struct ft_timers *s)
{
	const struct ft_timer *a;
	int64_t at = FT_NEVER;

	LIST_FOREACH(a, &s->all, next)
	if (a->at < at)
		at = a->at;
	return at;
}

/* Of those that may ring now and have not done so in this round, the one to be served first. */
static struct ft_timer *next_to_ring(const struct ft_timers *s, int64_t now)
{
	struct ft_timer *a, *first = NULL;

	LIST_FOREACH(a, &s->all, next)
	if (a->from <= now && a->round != s->round && (!first || a->at < first->at))
		first = a;
	return first;
}

/* A timer rings once a round: one that sets itself to the past keeps nobody from the sockets. */
static void ring_all(struct ft_timers *s, int64_t now)
{
	struct ft_timer *a;

	s->round++;
	s->ringing = true;
	while ((a = next_to_ring(s, now))) {
		a->round = s->round;
		a->from = a->at = FT_NEVER;
		a->ring(a->arg);
	}
	s->ringing = false;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct ft_timers *s = arg;
	int64_t now = ft_clock_now();

	(void)fd, (void)what;
	if (now >=
	    s->at) /* else it was set anew since it became readable, or the kernel's clock was slewed meanwhile */
		ring_all(s, now);
	/* In any case: it is not read, this is what makes it unreadable again. */
	set_timer(s, earliest(s));
}

void ft_timers_join(struct ft_timers *s)
{
	int64_t at;

	assert(!s->ringing);
	ring_all(s, ft_clock_now());
	at = earliest(s);
	if (at != s->at)
		set_timer(s, at);
}

struct ft_timers *ft_timers_new(struct event_base *base)
{
	struct ft_timers *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	*s = (struct ft_timers){.at = FT_NEVER};
	LIST_INIT(&s->all);
	s->fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (s->fd >= 0)
		s->readable = event_new(base, s->fd, EV_READ | EV_PERSIST, on_readable, s);
	if (s->readable && event_add(s->readable, NULL) == 0)
		return s;
	ft_timers_free(s);
	return NULL;
}

void ft_timers_free(struct ft_timers *s)
{
	int error = errno;

	if (!s)
		return;
	assert(LIST_EMPTY(&s->all) && !s->ringing);
	if (s->readable)
		event_free(s->readable);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
	errno = error;
}

struct ft_timer *ft_timer_new(struct ft_timers *s, void (*ring)(void *arg), void *arg)
{
	struct ft_timer *a = calloc(1, sizeof *a);

	if (!a)
		return NULL;
	*a = (struct ft_timer){.set = s, .from = FT_NEVER, .at = FT_NEVER, .ring = ring, .arg = arg};
	LIST_INSERT_HEAD(&s->all, a, next);
	return a;
}

void ft_timer_set_from(struct ft_timer *a, int64_t from, int64_t at)
{
	struct ft_timers *s = a->set;

	assert(from <= at);
	a->from = from;
	a->at = at;
	if (s->ringing)
		return; /* the timer is set once all have rung */
	at = earliest(s);
	if (at != s->at)
		set_timer(s, at);
}

void ft_timer_set(struct ft_timer *a, int64_t at)
{
	ft_timer_set_from(a, at, at);
}

void ft_timer_free(struct ft_timer *a)
{
	if (!a)
		return;
	ft_timer_set(a, FT_NEVER);
	LIST_REMOVE(a, next);
	free(a);
}
