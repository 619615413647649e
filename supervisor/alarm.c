/* See alarm.h. */
#include "supervisor/alarm.h"
#include "supervisor/types.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct ft_alarm {
	int fd;
	int64_t at; /* what fd is set to, FT_NEVER: not set */
	struct event *readable;
	void (*ring)(void *arg);
	void *arg;
};

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct ft_alarm *a = arg;
	uint64_t expirations;

	(void)what;
	/* Set anew since it became readable: what was read is void, and there is nothing to read. */
	if (read(fd, &expirations, sizeof expirations) < 0) {
		assert(errno == EAGAIN);
		return;
	}
	a->at = FT_NEVER;
	a->ring(a->arg);
}

struct ft_alarm *ft_alarm_new(struct event_base *base, void (*ring)(void *arg), void *arg)
{
	struct ft_alarm *a = calloc(1, sizeof *a);

	if (!a)
		return NULL;
	*a = (struct ft_alarm){.at = FT_NEVER, .ring = ring, .arg = arg};
	a->fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (a->fd >= 0)
		a->readable = event_new(base, a->fd, EV_READ | EV_PERSIST, on_readable, a);
	if (a->readable && event_add(a->readable, NULL) == 0)
		return a;
	ft_alarm_free(a);
	return NULL;
}

void ft_alarm_set(struct ft_alarm *a, int64_t at)
{
	struct itimerspec spec = {0};

	if (at == a->at)
		return;
	a->at = at;
	if (at != FT_NEVER) {
		int64_t ns = at > 0 ? at : 1; /* zero would disarm it */

		spec.it_value.tv_sec = ns / (1000 * FT_NS_PER_MS);
		spec.it_value.tv_nsec = ns % (1000 * FT_NS_PER_MS);
	}
	if (timerfd_settime(a->fd, TFD_TIMER_ABSTIME, &spec, NULL) != 0)
		assert(!"a deadline of ours is no valid time");
}

void ft_alarm_free(struct ft_alarm *a)
{
	int error = errno;

	if (!a)
		return;
	if (a->readable)
		event_free(a->readable);
	if (a->fd >= 0)
		close(a->fd);
	free(a);
	errno = error;
}
