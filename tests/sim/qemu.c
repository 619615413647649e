/* Two QEMUs in COLO, as measured on 7.2, and the sentinels that stop them.
 *
 * The primary takes a checkpoint every now and then; a peer that is frozen or cut off holds it up and blocks its main
 * loop, a peer that is gone makes it say COLO_EXIT at the next one.  A secondary notices a dead primary within ms.  SIGSTOP
 * takes a moment to take hold, and SIGCONT undoes it.  A command sent to a QEMU that stands still is worked off when it
 * goes on, whoever sent it and whatever has happened since. */
#include "tests/sim/sim.h"

#include <string.h>

static int64_t again(int64_t lease)
{
	return lease + 100 * FT_NS_PER_MS;
}

/* ---- the pair ---- */

static enum stream of(int host)
{
	return (enum stream)(RANDOM_HOST + host);
}

bool runs_as_master(int host)
{
	const struct host *h = &w.host[host];
	const struct qemu *q = &h->qemu;
	bool runs = h->up && !h->suspended && q->alive && !q->stopped;
	return runs && (q->mode == FT_ROLE_PRIMARY || (q->mode == FT_ROLE_NONE && q->last != FT_ROLE_NONE));
}

static bool stands(int host)
{
	return w.host[host].qemu.stopped || w.host[host].suspended;
}

static bool replicates(int host)
{
	const struct qemu *q = &w.host[host].qemu;
	return q->alive && q->mode != FT_ROLE_NONE;
}

/* The other end has closed the connection, and that can be known here. */
static bool closed(int host)
{
	bool reachable = w.host[1 - host].up && !w.colo_silent;
	return w.colo_closed || (reachable && !replicates(1 - host));
}

bool qemu_answers(int host, enum ft_channel channel)
{
	const struct qemu *q = &w.host[host].qemu;
	return q->alive && !stands(host) && (channel == FT_CHANNEL_OOB || (!q->stuck && !q->hung));
}

/* Whoever has just begun or ceased to answer is seen so by its ftd, sooner or later. */
static void answers_changed(int host)
{
	struct qemu *q = &w.host[host].qemu;
	bool in_band = qemu_answers(host, FT_CHANNEL_QMP);
	if (qemu_answers(host, FT_CHANNEL_OOB)) { /* the others stay parked until they can be served */
		int n = q->n_parked;
		q->n_parked = 0;
		for (int i = 0; i < n; i++) {
			double ms = 0.05 * (i + 1);
			struct happening *h = later(ms, QEMU_COMMAND, host);
			h->arg = q->parked[i].arg;
			h->more = q->parked[i].more;
			h->detail = q->parked[i].detail;
		}
	}
	if (in_band == (q->silent_since == FT_NEVER))
		return;
	q->silent_since = in_band ? FT_NEVER : w.now;
	look_soon(host, in_band ? between(of(host), 1, 60) : 1000.1);
}

static void say_colo_exit(int host)
{
	struct qemu *q = &w.host[host].qemu;
	if (q->exit_said || !replicates(host))
		return;
	q->exit_said = true;
	q->stuck = false;
	tell(host, "QEMU emits COLO_EXIT{error}");
	answers_changed(host);
	if (w.host[host].ftd.spoken)
		later(between(of(host), 0.05, 1), FTD_COLO_EXIT, host);
}

void colo_closes(int host)
{
	if (replicates(host))
		later(between(of(host), 2, 4), QEMU_NOTICE, host);
}

void colo_close(void)
{
	w.colo_closed = true;
	colo_closes(0);
	colo_closes(1);
}

static void notice(int host)
{
	const struct qemu *q = &w.host[host].qemu;
	/* A primary notices at its next attempt only. */
	if (!stands(host) && closed(host) && (q->mode == FT_ROLE_SECONDARY || q->stuck))
		say_colo_exit(host);
}

static void attempt_checkpoint(int host)
{
	struct qemu *q = &w.host[host].qemu;
	if (q->mode != FT_ROLE_PRIMARY || stands(host) || q->exit_said || q->hung)
		return;
	if (closed(host)) {
		say_colo_exit(host);
		return;
	}
	bool was = q->stuck;
	q->stuck = w.colo_silent || !w.host[1 - host].up || stands(1 - host);
	if (q->stuck != was)
		answers_changed(host);
	if (q->stuck)
		return;
	for (int i = 0; i < 2; i++)
		if (w.host[i].ftd.spoken)
			later(between(of(host), 10, 40), FTD_CHECKPOINT, i);
}

void qemu_probe(int host)
{
	if (qemu_answers(host, FT_CHANNEL_QMP))
		attempt_checkpoint(host);
}

/* ---- one QEMU ---- */

void qemu_start(int host, enum ft_role mode)
{
	struct qemu *q = &w.host[host].qemu;
	*q = (struct qemu){.instance = ++w.names, .alive = true, .mode = mode, .silent_since = FT_NEVER};
	if (mode == FT_ROLE_PRIMARY)
		later(between(of(host), 0, 300), QEMU_ATTEMPT, host);
}

void qemu_kill(int host)
{
	struct qemu *q = &w.host[host].qemu;
	if (!q->alive)
		return;
	tell(host, "QEMU dies");
	q->alive = false;
	later(between(of(host), 0.2, 100), FTD_GONE, host);
	colo_closes(1 - host);
}

void qemu_signal_stop(int host)
{
	struct qemu *q = &w.host[host].qemu;
	if (q->alive)
		later(between(of(host), 0, happens(of(host), 0.2) ? w.options.freeze_ms : 0.5), QEMU_STOP, host)->arg =
		    q->conts;
}

void qemu_signal_cont(int host)
{
	struct qemu *q = &w.host[host].qemu;
	if (!q->alive)
		return;
	q->conts++;
	q->foreign = false;
	if (!q->stopped)
		return;
	q->stopped = false;
	tell(host, "QEMU runs again");
	answers_changed(host);
	if (closed(host))
		colo_closes(host);
}

void qemu_hang(int host, bool hung)
{
	w.host[host].qemu.hung = hung;
	answers_changed(host);
}

/* ---- commands ---- */

static void reply(double ms, const struct happening *command, bool error)
{
	struct happening *h = later(ms, FTD_REPLY, command->host);
	h->arg = command->arg;
	h->detail = command->detail;
	h->error = error;
}

static void unblock(int host)
{
	struct qemu *q = &w.host[host].qemu;
	w.colo_closed = true;
	colo_closes(1 - host);
	if (q->stuck)
		later(between(of(host), 1, 4), QEMU_NOTICE, host);
}

/* Returns whether it worked. */
static bool fail_over(int host)
{
	struct qemu *q = &w.host[host].qemu;
	if (q->mode == FT_ROLE_NONE)
		return false;
	tell(host, "QEMU has failed over from %s", ft_role_name(q->mode));
	q->last = q->mode;
	q->mode = FT_ROLE_NONE;
	q->released = true;
	memcpy(q->session, w.host[host].ftd.core.outcome.session, sizeof q->session);
	q->stuck = false;
	answers_changed(host);
	colo_closes(1 - host);
	look_soon(host, between(of(host), 1, 60));
	return true;
}

static bool carry_out(int host, const char *command)
{
	if (!strcmp(command, "yank"))
		unblock(host);
	else if (!strcmp(command, "x-colo-lost-heartbeat"))
		return fail_over(host);
	return true;
}

/* The order was given before the process that gave it could die, and stays in the socket. */
static void obey(const struct happening *h)
{
	struct qemu *q = &w.host[h->host].qemu;
	const struct ft_step *s = &plan_of((enum ft_role)h->more)->steps[h->detail];
	if (!qemu_answers(h->host, s->channel)) {
		if (q->n_parked < PARKED_MAX)
			q->parked[q->n_parked++] = *h;
		return;
	}
	bool trouble = q->trouble_in > 0 && --q->trouble_in == 0;
	if (trouble)
		tell(h->host, "trouble with %s", s->command);
	if (trouble && q->trouble == TROUBLE_SILENT) {
		if (happens(of(h->host), 0.5))
			carry_out(h->host, s->command);
		return;
	}
	bool error = (trouble && q->trouble == TROUBLE_ERROR) || !carry_out(h->host, s->command);
	double late = trouble && q->trouble == TROUBLE_LATE ? between(of(h->host), 500, 4000) : 0;
	reply(late + between(of(h->host), 0.1, happens(of(h->host), 0.1) ? 40 : 3), h, error);
}

void qemu_happens(const struct happening *h)
{
	struct qemu *q = &w.host[h->host].qemu;
	if (h->guard != q->instance || !q->alive)
		return;
	switch ((int)h->what) { /* the others are not for it */
	case QEMU_ATTEMPT:
		attempt_checkpoint(h->host);
		if (q->mode == FT_ROLE_PRIMARY && !q->exit_said)
			later(q->stuck || stands(h->host) ? 50 : (double)w.checkpoint_every / 1e6, QEMU_ATTEMPT,
			      h->host);
		break;
	case QEMU_NOTICE:
		notice(h->host);
		break;
	case QEMU_STOP:
		if (q->conts != h->arg || q->stopped)
			break;
		q->stopped = true;
		tell(h->host, "QEMU stands still");
		answers_changed(h->host);
		if (w.host[h->host].ftd.spoken && !w.host[h->host].ftd.frozen_held)
			later(between(of(h->host), 1250, 1600), FTD_HUNG, h->host);
		break;
	case QEMU_COMMAND:
		obey(h);
		break;
	default:
		break;
	}
}

/* ---- the sentinel ---- */

void sentinel_wakes(int host, struct sentinel *s)
{
	struct qemu *q = &w.host[host].qemu;
	int64_t now = local_time(host);
	if (now < s->lease) {
		s->told = false;
		s->wake = s->lease == FT_NEVER ? FT_NEVER : true_time(host, s->lease);
		return;
	}
	s->wake = true_time(host, again(now));
	if (w.options.no_sentinel || !q->alive || q->instance != s->instance)
		return;
	qemu_signal_stop(host);
	if (!s->told && s == &w.host[host].sentinel) {
		tell(host, "the sentinel stops QEMU");
		later(0.1, FTD_SENTINEL, host);
	}
	s->told = true;
}

void sentinel_lease(int host, int64_t lease, uint64_t instance)
{
	struct sentinel *s = &w.host[host].sentinel;
	if (s->lease == lease && s->instance == instance)
		return;
	s->lease = lease;
	s->instance = instance;
	s->told = s->told && lease <= local_time(host);
	if (lease == FT_NEVER)
		s->wake = FT_NEVER;
	else
		s->wake = true_time(host, lease) + MS(between(of(host), 0, 0.3));
}
