/* See alarm.h. */
#include "supervisor/alarm.h"
#include "supervisor/clock.h"
#include "supervisor/types.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct ft_alarm {
	struct ft_alarms *set;
	LIST_ENTRY(ft_alarm) next;
	int64_t from, at; /* FT_NEVER: not set */
	uint64_t round;   /* in which it rang last */
	void (*ring)(void *arg);
	void *arg;
};

struct ft_alarms {
	int fd;
	int64_t at; /* what fd is set to, FT_NEVER: not set */
	struct event *readable;
	bool ringing;
	uint64_t round;
	LIST_HEAD(, ft_alarm) all;
};

static void set_timer(struct ft_alarms *s, int64_t at)
{
	struct itimerspec spec = {0};

	s->at = at;
	if (at != FT_NEVER)
		spec = ft_clock_timer(at);
	if (timerfd_settime(s->fd, TFD_TIMER_ABSTIME, &spec, NULL) != 0)
		assert(!"a deadline of ours is no valid time");
}

static int64_t earliest(const struct ft_alarms *s)
{
	const struct ft_alarm *a;
	int64_t at = FT_NEVER;

	LIST_FOREACH(a, &s->all, next)
	if (a->at < at)
		at = a->at;
	return at;
}

/* Of those that may ring now and have not done so in this round, the one to be served first. */
static struct ft_alarm *next_to_ring(const struct ft_alarms *s, int64_t now)
{
	struct ft_alarm *a, *first = NULL;

	LIST_FOREACH(a, &s->all, next)
	if (a->from <= now && a->round != s->round && (!first || a->at < first->at))
		first = a;
	return first;
}

/* An alarm rings once a round: one that sets itself to the past keeps nobody from the sockets. */
static void ring_all(struct ft_alarms *s, int64_t now)
{
	struct ft_alarm *a;

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
	struct ft_alarms *s = arg;
	int64_t now = ft_clock_now();

	(void)fd, (void)what;
	if (now >=
	    s->at) /* else it was set anew since it became readable, or the kernel's clock was slewed meanwhile */
		ring_all(s, now);
	/* In any case: it is not read, this is what makes it unreadable again. */
	set_timer(s, earliest(s));
}

void ft_alarms_join(struct ft_alarms *s)
{
	int64_t at;

	assert(!s->ringing);
	ring_all(s, ft_clock_now());
	at = earliest(s);
	if (at != s->at)
		set_timer(s, at);
}

struct ft_alarms *ft_alarms_new(struct event_base *base)
{
	struct ft_alarms *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	*s = (struct ft_alarms){.at = FT_NEVER};
	LIST_INIT(&s->all);
	s->fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (s->fd >= 0)
		s->readable = event_new(base, s->fd, EV_READ | EV_PERSIST, on_readable, s);
	if (s->readable && event_add(s->readable, NULL) == 0)
		return s;
	ft_alarms_free(s);
	return NULL;
}

void ft_alarms_free(struct ft_alarms *s)
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

struct ft_alarm *ft_alarm_new(struct ft_alarms *s, void (*ring)(void *arg), void *arg)
{
	struct ft_alarm *a = calloc(1, sizeof *a);

	if (!a)
		return NULL;
	*a = (struct ft_alarm){.set = s, .from = FT_NEVER, .at = FT_NEVER, .ring = ring, .arg = arg};
	LIST_INSERT_HEAD(&s->all, a, next);
	return a;
}

void ft_alarm_set_from(struct ft_alarm *a, int64_t from, int64_t at)
{
	struct ft_alarms *s = a->set;

	assert(from <= at);
	a->from = from;
	a->at = at;
	if (s->ringing)
		return; /* the timer is set once all have rung */
	at = earliest(s);
	if (at != s->at)
		set_timer(s, at);
}

void ft_alarm_set(struct ft_alarm *a, int64_t at)
{
	ft_alarm_set_from(a, at, at);
}

void ft_alarm_free(struct ft_alarm *a)
{
	if (!a)
		return;
	ft_alarm_set(a, FT_NEVER);
	LIST_REMOVE(a, next);
	free(a);
}
