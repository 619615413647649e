/* See deathwatch.h. */
#include "process/deathwatch.h"

#include "base/clock.h"
#include "base/timer.h"

#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS 2
/* A thread that has to wait for a CPU to find that it was killed waits some ms: so long it is looked for all the time. */
#define ASK_EVERY (FT_NS_PER_MS / 2)
#define ASK_EAGER (15 * FT_NS_PER_MS)
#define ASK_LAST  (60 * FT_NS_PER_MS)

struct thread {
	int fd;
	struct event *exited;
};

struct ft_deathwatch {
	struct event_base *base;
	const struct ft_process *process;
	ft_deathwatch_told *told;
	void *arg;
	int stat;
	struct event *died;
	struct thread threads[THREADS];
	int n_threads;
	struct ft_timer *again;
	int64_t asked_at; /* first */
	pid_t stays;      /* the thread that is not dying, as far as is known */
	bool dying_told;
};

static void forget_threads(struct ft_deathwatch *w)
{
	for (int i = 0; i < w->n_threads; i++) {
		if (w->threads[i].exited)
			event_free(w->threads[i].exited);
		close(w->threads[i].fd);
	}
	w->n_threads = 0;
}

/* True: it is dying, and w may be gone. */
static bool tell_dying(struct ft_deathwatch *w)
{
	if (w->dying_told || !ft_process_dying(w->process, &w->stays))
		return w->dying_told;
	w->dying_told = true;
	forget_threads(w);
	ft_timer_set(w->again, FT_NEVER);
	w->told(w->arg, false);
	return true;
}

/* Again and again at first, then each time when twice as much time has passed. */
static void ask_again(struct ft_deathwatch *w)
{
	int64_t now = ft_clock_now(), asked_for = now - w->asked_at;
	if (asked_for < ASK_LAST)
		ft_timer_set(w->again, now + (asked_for < ASK_EAGER ? ASK_EVERY : asked_for));
}

static void on_again(void *arg)
{
	struct ft_deathwatch *w = arg;
	if (!tell_dying(w))
		ask_again(w);
}

/* True: it is dying, and w may be gone. */
static bool ask(struct ft_deathwatch *w)
{
	if (tell_dying(w))
		return true;
	w->asked_at = ft_clock_now();
	ask_again(w);
	return false;
}

void ft_deathwatch_ask(struct ft_deathwatch *w)
{
	(void)ask(w);
}

void ft_deathwatch_look(struct ft_deathwatch *w)
{
	if (!w->dying_told && ft_process_leader_leaves(w->stat))
		(void)ask(w);
}

static void watch_threads(struct ft_deathwatch *w);

/* Usually one that was not needed any more. */
static void on_thread_exited(evutil_socket_t fd, short what, void *arg)
{
	struct ft_deathwatch *w = arg;
	(void)fd, (void)what;
	forget_threads(w);
	if (!ask(w))
		watch_threads(w);
}

static void watch_threads(struct ft_deathwatch *w)
{
	int fds[THREADS];
	w->n_threads = ft_process_open_threads(w->process, fds, THREADS);
	for (int i = 0; i < w->n_threads; i++) {
		struct thread *t = &w->threads[i];
		t->fd = fds[i];
		t->exited = event_new(w->base, t->fd, EV_READ, on_thread_exited, w);
		if (!t->exited || event_add(t->exited, NULL) != 0)
			abort();
	}
}

static void on_died(evutil_socket_t fd, short what, void *arg)
{
	struct ft_deathwatch *w = arg;
	(void)fd, (void)what;
	w->told(w->arg, true);
}

struct ft_deathwatch *ft_deathwatch_new(struct event_base *base, struct ft_timers *timers,
                                        const struct ft_process *process, ft_deathwatch_told *told, void *arg)
{
	struct ft_deathwatch *w = calloc(1, sizeof *w);
	if (!w)
		abort();
	w->base = base;
	w->process = process;
	w->told = told;
	w->arg = arg;
	w->stat = ft_process_open_stat(process);
	w->died = event_new(base, process->pidfd, EV_READ, on_died, w);
	w->again = ft_timer_new(timers, on_again, w);
	if (!w->died || !w->again || event_add(w->died, NULL) != 0)
		abort();
	watch_threads(w);
	return w;
}

void ft_deathwatch_free(struct ft_deathwatch *w)
{
	if (!w)
		return;
	forget_threads(w);
	event_free(w->died);
	ft_timer_free(w->again);
	if (w->stat >= 0)
		close(w->stat);
	free(w);
}
