/* Reading ft.conf again.  Knows: the daemon, how settings are swapped.  Must not know: who asked, but for whom to answer.
 *
 * A child reads it first, with a deadline: the file, a key, the hook or the list of groups may be on a storage or behind a
 * name server that hangs, and no heartbeat may wait for that.  Only what the child has found good is read by us. */
#include "base/log.h"
#include "supervisor/daemon_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_MS 3000

/* All or nothing: a doubtful file changes nothing. */
static bool swap(struct ft_daemon *d, FILE *errors)
{
	struct ft_config *next = ft_config_load(d->config->path, errors);
	const char *fixed = next ? ft_config_fixed_difference(d->config, next) : NULL;
	if (fixed)
		fprintf(errors, "%s: %s has changed; that takes a restart of ftd\n", d->config->path, fixed);
	if (!next || fixed || ft_links_reconfigure(d->links, &next->heartbeat, errors) != 0) {
		ft_config_free(next);
		return false;
	}
	ft_link_news_reset(&d->link_news);
	ft_qmp_reconfigure(d->qmp, &next->qmp);
	ft_hooks_reconfigure(d->hooks, &next->hook);
	ft_log_level(next->log_level);
	struct ft_core_params params = ft_daemon_core_params(next, d->core.params.incarnation);
	ft_config_free(d->config);
	d->config = next;
	ft_daemon_feed(d, &(struct ft_event){.kind = FT_EVENT_SETTINGS, .settings = &params});
	return true;
}

/* faults: lines, NULL if there are none.  Whoever asks again while one is under way may have changed the file since it was
 * read: it is read again. */
static void finish(struct ft_daemon *d, const char *faults)
{
	d->reading = NULL;
	evtimer_del(d->reload_timer);
	char *copy = faults ? strdup(faults) : NULL, *rest = copy;
	for (char *line; copy && (line = strsep(&rest, "\n"));)
		if (line[0])
			ft_log(FT_LOG_ERROR, "config", "%s", line);
	free(copy);
	if (faults)
		ft_log(FT_LOG_ERROR, "config", "%s not reloaded: the old settings stay in force", d->config->path);
	else
		ft_log(FT_LOG_INFO, "config", "%s reloaded", d->config->path);
	if (d->reload_call)
		ft_call_answer(d->reload_call, faults ? 2 : 0, NULL, faults);
	d->reload_call = NULL;
	if (!d->reload_again)
		return;
	d->reload_again = false;
	ft_daemon_reload(d, NULL);
}

static void read_in_child(void *arg, int out)
{
	const struct ft_daemon *d = arg;
	FILE *errors = fdopen(out, "w");
	struct ft_config *config = errors ? ft_config_load(d->config->path, errors) : NULL;
	if (errors)
		fflush(errors);
	_exit(config ? 0 : 1);
}

static void on_read(void *arg, const siginfo_t *end, const char *output, size_t len)
{
	struct ft_daemon *d = arg;
	char *text = NULL;
	size_t size = 0;
	FILE *errors = open_memstream(&text, &size);
	bool good = false;
	if (errors) {
		bool judged = end->si_code == CLD_EXITED && end->si_status <= 1;
		if (!judged)
			fprintf(errors, "%s: the process that reads it has died\n", d->config->path);
		else if (end->si_status == 0)
			good = swap(d, errors);
		else
			fwrite(output, 1, len, errors);
		fclose(errors);
	}
	finish(d, good ? NULL : text ? text : "out of memory");
	free(text);
}

void ft_daemon_on_reload_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct ft_daemon *d = arg;
	char fault[FT_TEXT_MAX + FT_PATH_MAX];
	snprintf(fault, sizeof fault,
	         "%s: reading it takes more than %d s; is it, a key, the hook or the list of groups on a storage or "
	         "behind a name server that hangs?",
	         d->config->path, READ_MS / 1000);
	ft_child_abandon(d->reading);
	finish(d, fault);
}

void ft_daemon_reload(struct ft_daemon *d, struct ft_call *call)
{
	if (d->reading && call) {
		ft_call_answer(call, 1, NULL, "a reload is under way already; try again");
		return;
	}
	if (d->reading) {
		d->reload_again = true;
		return;
	}
	char error[FT_TEXT_MAX];
	d->reload_call = call;
	d->reading = ft_child_start(d->children, read_in_child, d, on_read, d, error);
	struct timeval limit = ft_ms(READ_MS);
	if (d->reading)
		evtimer_add(d->reload_timer, &limit);
	else
		finish(d, error);
}
