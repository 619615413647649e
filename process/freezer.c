/* Stops a process and says when it has stopped: SIGSTOP is sent at once, but each thread stops only when it next
 * leaves the kernel or is interrupted, and until then the guest may run.  Where the thread is kept from both, by a frozen
 * cgroup or for want of a CPU, the guest does not run either, and the stop is the first thing that it does. */
#include "process/freezer.h"

#include "base/clock.h"
#include "process/stop.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ft_freezer {
	struct event *timer;
	ft_freezer_done *done;
	void *arg;
	struct ft_process process; /* a pidfd of our own: whoever asked may come to know it otherwise meanwhile */
	int64_t until;
	int64_t starved_since;    /* FT_NEVER: a thread has not been told to stop */
	unsigned long long ticks; /* then */
	char error[FT_TEXT_MAX];  /* known before the first look; told from the event loop */
};

static const struct timeval look_again = {.tv_usec = 1000};
static const struct timeval at_once = {0};

/* Stopped, or told to and without a CPU all the while. */
static bool stands_still(struct ft_freezer *f, int64_t now)
{
	unsigned long long ticks;
	if (ft_process_stopped(&f->process))
		return true;
	if (!ft_process_is_to_stop(&f->process, &ticks)) {
		f->starved_since = FT_NEVER;
		return false;
	}
	if (f->starved_since == FT_NEVER || ticks != f->ticks) {
		f->starved_since = now;
		f->ticks = ticks;
	}
	return now - f->starved_since >= FT_FREEZER_STARVED_NS;
}

static void look(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct ft_freezer *f = arg;
	if (f->error[0]) {
		f->done(f->arg, f->error);
	} else if (stands_still(f, ft_clock_now())) {
		f->done(f->arg, NULL);
	} else if (ft_clock_now() >= f->until) {
		snprintf(f->error, sizeof f->error, "process %d has not stopped in time", (int)f->process.pid);
		f->done(f->arg, f->error);
	} else {
		evtimer_add(f->timer, &look_again);
	}
}

struct ft_freezer *ft_freezer_new(struct event_base *base, ft_freezer_done *done, void *arg)
{
	struct ft_freezer *f = calloc(1, sizeof *f);
	if (!f || !(f->timer = evtimer_new(base, look, f)))
		abort();
	f->process = (struct ft_process)FT_PROCESS_NONE;
	f->done = done;
	f->arg = arg;
	return f;
}

void ft_freezer_start(struct ft_freezer *f, const struct ft_process *process, int64_t within_ns)
{
	int pidfd = process->pidfd >= 0 ? fcntl(process->pidfd, F_DUPFD_CLOEXEC, 0) : -1;
	ft_process_close(&f->process);
	f->process = (struct ft_process){.pid = process->pid, .pidfd = pidfd};
	f->until = ft_clock_now() + within_ns;
	f->starved_since = FT_NEVER;
	f->error[0] = '\0';
	if (ft_process_stop(process) != 0)
		snprintf(f->error, sizeof f->error, "cannot stop process %d: %s", (int)process->pid, strerror(errno));
	evtimer_add(f->timer, &at_once);
}

bool ft_freezer_outlived(const struct ft_freezer *f)
{
	bool known = f->process.pidfd >= 0;
	return known && (!ft_process_alive(&f->process) || ft_process_dying(&f->process, NULL));
}

void ft_freezer_cancel(struct ft_freezer *f)
{
	evtimer_del(f->timer);
}

void ft_freezer_free(struct ft_freezer *f)
{
	if (!f)
		return;
	event_free(f->timer);
	ft_process_close(&f->process);
	free(f);
}
