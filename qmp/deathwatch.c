/* See deathwatch.h. */
#include "qmp/deathwatch.h"

#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS     2
#define ASK_FIRST   1  /* ms, doubling ... */
#define ASK_LONGEST 32 /* ... to this */

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
	struct event *again;
	int ask_ms; /* until it is asked again */
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
	if (w->dying_told || !ft_process_dying(w->process))
		return w->dying_told;
	w->dying_told = true;
	forget_threads(w);
	event_del(w->again);
	w->told(w->arg, false);
	return true;
}

static void ask_again(struct ft_deathwatch *w)
{
	struct timeval tv = {.tv_usec = w->ask_ms * 1000};
	if (w->ask_ms <= ASK_LONGEST)
		evtimer_add(w->again, &tv);
	w->ask_ms *= 2;
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct ft_deathwatch *w = arg;
	(void)fd, (void)what;
	if (!tell_dying(w))
		ask_again(w);
}

void ft_deathwatch_ask(struct ft_deathwatch *w)
{
	if (tell_dying(w))
		return;
	w->ask_ms = ASK_FIRST;
	ask_again(w);
}

void ft_deathwatch_look(struct ft_deathwatch *w)
{
	if (!w->dying_told && ft_process_leader_leaves(w->stat))
		ft_deathwatch_ask(w);
}

static void watch_threads(struct ft_deathwatch *w);

/* Usually one that was not needed any more. */
static void on_thread_exited(evutil_socket_t fd, short what, void *arg)
{
	struct ft_deathwatch *w = arg;
	(void)fd, (void)what;
	forget_threads(w);
	watch_threads(w);
	ft_deathwatch_ask(w);
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

struct ft_deathwatch *ft_deathwatch_new(struct event_base *base, const struct ft_process *process,
                                        ft_deathwatch_told *told, void *arg)
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
	w->again = evtimer_new(base, on_again, w);
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
	event_free(w->again);
	if (w->stat >= 0)
		close(w->stat);
	free(w);
}
