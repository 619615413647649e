/* Signals, and the verbs of the control socket. */
#include "base/log.h"
#include "report/record.h"
#include "supervisor/daemon_internal.h"
#include "supervisor/tune.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

void ft_daemon_may_start(void *arg, bool may, const char *why)
{
	struct ft_daemon *d = arg;
	struct ft_call *call = d->may_start;
	d->may_start = NULL;
	ft_log(FT_LOG_WARN, "control", "may this host start the VM? %s: %s", may ? "yes" : "no", why);
	ft_call_answer(call, may ? 0 : 1, may ? ft_text_json(why) : NULL, may ? NULL : why);
}

void ft_daemon_on_signal(evutil_socket_t sig, short what, void *arg)
{
	(void)what;
	struct ft_daemon *d = arg;
	struct timeval leave = ft_ms(FT_LEAVE_MS);
	switch (sig) {
	case SIGUSR1:
		ft_log(FT_LOG_WARN, "main", "SIGUSR1: forced failover");
		ft_daemon_feed(d, &(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_SIGNAL});
		break;
	case SIGHUP:
		ft_daemon_reload(d, NULL);
		break;
	default:
		ft_log(FT_LOG_INFO, "main", "asked to stop (signal %d)", (int)sig);
		evtimer_add(d->leave_timer, &leave);
		ft_daemon_feed(d, &(struct ft_event){.kind = FT_EVENT_LEAVE});
	}
}

static void verb_failover(struct ft_daemon *d, const json_t *request, struct ft_call *call)
{
	if (d->n_calls == FT_CALLS_MAX) {
		ft_call_answer(call, 1, NULL, "too many are waiting for a failover already");
		return;
	}
	bool confirmed = json_is_true(json_object_get(request, "confirm_fenced"));
	ft_log(FT_LOG_WARN, "control", "ftctl failover%s: forced failover", confirmed ? " --confirm-fenced" : "");
	d->calls[d->n_calls++] = call;
	ft_daemon_feed(d,
	               &(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR, .confirmed = confirmed});
}

struct check_call {
	struct ft_daemon *d;
	struct ft_call *call;
	char disk_error[FT_TEXT_MAX];
};

/* Where the rest of the memory is, and what the guest's packets go through, only the kernel can tell. */
static struct ft_setup setup_of(const struct ft_daemon *d)
{
	const struct ft_qemu_view *view = ft_qmp_view(d->qmp);
	const struct ft_process *process = ft_qmp_process(d->qmp);
	return (struct ft_setup){
	    .answers = view->connected,
	    .role = view->role,
	    .incoming = strcmp(view->status, "inmigrate") == 0,
	    .traits = *ft_qmp_traits(d->qmp),
	    .peer = d->core.peer_known ? d->core.peer.side.emulator : (struct ft_emulator){.major = 0},
	    .vhost = view->pid_verified ? ft_process_has_open(process, "/dev/vhost-net") : -1,
	    .memory_held = view->pid_verified ? ft_process_memory(process) : 0,
	    .memory_free = view->pid_verified ? ft_process_free_memory() : 0,
	};
}

static void check_arbiter_done(void *arg, const char *fault, const char *warning)
{
	struct check_call *c = arg;
	struct ft_status_source source = ft_daemon_status(c->d);
	struct ft_setup setup = setup_of(c->d);
	source.setup = &setup;
	ft_call_answer(c->call, 0, ft_check_json(&source, c->disk_error, fault, warning), NULL);
	free(c);
}

static void check_disk_done(void *arg, const char *error)
{
	struct check_call *c = arg;
	snprintf(c->disk_error, sizeof c->disk_error, "%s", error);
	if (c->d->exclusion)
		ft_exclusion_check(c->d->exclusion, check_arbiter_done, c);
	else
		check_arbiter_done(c, "", "");
}

static void verb_check(struct ft_daemon *d, struct ft_call *call)
{
	struct check_call *c = malloc(sizeof *c);
	if (!c) {
		ft_call_answer(call, 1, NULL, "out of memory");
		return;
	}
	*c = (struct check_call){.d = d, .call = call};
	ft_qmp_ask_traits(d->qmp); /* it has answered when the disk has, or what it said last is told */
	ft_writer_replace(d->writer, "check", "ftctl check\n", 12, FT_DISK_MS, check_disk_done, c);
}

static void verb_may_start(struct ft_daemon *d, const json_t *request, struct ft_call *call)
{
	if (d->may_start) {
		ft_call_answer(call, 1, NULL, "somebody else waits for this answer already; try again");
		return;
	}
	d->may_start = call;
	ft_node_want_start(&d->node, json_is_true(json_object_get(request, "confirm_fenced")));
}

static void verb_last(struct ft_daemon *d, const json_t *request, struct ft_call *call)
{
	size_t have = json_array_size(d->outcomes);
	json_int_t wanted = json_integer_value(json_object_get(request, "count"));
	size_t n = wanted < 1 ? 1 : (size_t)wanted;
	json_t *result = json_array();
	for (size_t i = have > n ? have - n : 0; i < have; i++)
		json_array_append(result, json_array_get(d->outcomes, i));
	ft_call_answer(call, 0, result, NULL);
}

static void verb_tune(const struct ft_status_source *source, const json_t *request, struct ft_call *call)
{
	const char *error;
	int code;
	json_t *result = ft_tune_json(source, request, &code, &error);
	ft_call_answer(call, code, result, error);
}

void ft_daemon_on_verb(void *arg, const char *verb, const json_t *request, struct ft_call *call)
{
	struct ft_daemon *d = arg;
	struct ft_status_source source = ft_daemon_status(d);
	if (strcmp(verb, "status") == 0)
		ft_call_answer(call, 0, ft_status_json(&source), NULL);
	else if (strcmp(verb, "check") == 0)
		verb_check(d, call);
	else if (strcmp(verb, "failover") == 0)
		verb_failover(d, request, call);
	else if (strcmp(verb, "last") == 0)
		verb_last(d, request, call);
	else if (strcmp(verb, "may-start") == 0)
		verb_may_start(d, request, call);
	else if (strcmp(verb, "tune") == 0)
		verb_tune(&source, request, call);
	else if (strcmp(verb, "reload") == 0)
		ft_daemon_reload(d, call);
	else
		ft_call_answer(call, 2, NULL,
		               "unknown verb; this ftd knows status, check, failover, last, may-start, tune, reload");
}
