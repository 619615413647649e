/* What the daemon's files look at: which process QEMU is, and where this side stands. */
#include "base/clock.h"
#include "process/instance.h"
#include "supervisor/daemon_internal.h"

struct ft_status_source ft_daemon_status(const struct ft_daemon *d)
{
	return (struct ft_status_source){
	    .config = d->config,
	    .core = &d->core,
	    .hub = ft_links_hub(d->links),
	    .qemu = ft_qmp_view(d->qmp),
	    .plan = ft_qmp_plan(d->qmp),
	    .doubts = ft_qmp_doubts(d->qmp),
	    .process = ft_daemon_process(d),
	    .exclusion = d->exclusion,
	    .missed = d->missed,
	    .missed_at = d->missed_at,
	    .last_outcome = json_array_get(d->outcomes, json_array_size(d->outcomes) - 1),
	    .now = ft_clock_now(),
	    .wall = ft_clock_wall(),
	};
}

const struct ft_process *ft_daemon_process(const struct ft_daemon *d)
{
	/* Whoever listens may have passed the socket on: until QEMU has spoken, the session knows better. */
	const struct ft_qemu_view *view = ft_qmp_view(d->qmp);
	bool spoken = view->pid_verified || view->connected;
	return !spoken && ft_process_alive(&d->found) ? &d->found : ft_qmp_process(d->qmp);
}

uint64_t ft_daemon_instance(struct ft_daemon *d)
{
	pid_t pid = ft_daemon_process(d)->pid;
	if (pid != d->instance_pid) {
		d->instance_pid = pid;
		d->instance = pid ? ft_instance_of(pid) : 0;
	}
	return pid ? d->instance : ft_qmp_view(d->qmp)->connected ? 1 : 0;
}

bool ft_daemon_process_is_qemu(struct ft_daemon *d)
{
	bool shown = ft_qmp_view(d->qmp)->pid_verified || ft_daemon_process(d) == &d->found;
	uint64_t instance = ft_daemon_instance(d);
	/* The session's was shown to be QEMU before it was bound, or stopped. */
	return shown ||
	       (instance != 0 && (instance == d->core.session.instance || instance == d->core.session.yielded));
}
