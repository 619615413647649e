/* Two QEMUs in COLO, as measured on 7.2, and the sentinels that stop them.  tests/conformance holds this against real ones.
 *
 * The primary takes a checkpoint every now and then.  One whose peer stands still or is cut off just waits in it, and
 * answers; but once a checkpoint is under way such a silence can block the main loop on either side, and a primary's step
 * that touches the disk blocks it always, until the peer goes on or the connection is yanked: the disk's for a primary, the
 * migration's for a secondary.  A closed connection makes a secondary say COLO_EXIT within ms, and a primary at its next
 * checkpoint.  SIGSTOP takes a moment to take hold, and SIGCONT undoes it.  A command sent to a QEMU that stands still is
 * worked off when it goes on, whoever sent it and whatever has happened since. */
#include "tests/sim/sim.h"

#include <string.h>

#define CAUGHT_BLOCKS 0.3 /* how often a silence in a checkpoint blocks a main loop; a real one far less often */

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
	bool runs = h->up && !h->suspended && q->alive && !q->stopped && !q->ending;
	bool alone = q->mode == FT_ROLE_NONE && (q->last != FT_ROLE_NONE || q->booted);
	return runs && (q->mode == FT_ROLE_PRIMARY || alone);
}

static bool stands(int host)
{
	return w.host[host].qemu.stopped || w.host[host].suspended;
}

static bool replicates(int host)
{
	const struct qemu *q = &w.host[host].qemu;
	return q->alive && !q->quit && q->mode != FT_ROLE_NONE;
}

/* Nothing comes from the other side, and nothing says why. */
static bool peer_is_silent(int host)
{
	const struct host *peer = &w.host[1 - host];
	return w.colo_silent || !peer->up || (peer->qemu.alive && stands(1 - host));
}

/* The connection is closed, and that can be known here.  Who went down with his host has closed nothing: a primary learns
 * it from the answer to what it sends, and a secondary sends nothing. */
static bool closed(int host)
{
	const struct host *peer = &w.host[1 - host];
	const struct qemu *q = &w.host[host].qemu;
	bool reachable = peer->up && !w.colo_silent;
	bool left = peer->qemu.alive || peer->qemu.killed || q->mode == FT_ROLE_PRIMARY;
	return w.colo_closed || q->yanked || (reachable && (peer->qemu.yanked || (!replicates(1 - host) && left)));
}

bool qemu_answers(int host, enum ft_channel channel)
{
	const struct qemu *q = &w.host[host].qemu;
	return q->alive && !q->ending && !stands(host) && (channel == FT_CHANNEL_OOB || (!q->stuck && !q->hung));
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

/* To whom it is connected. */
static void emit(int host, double ms, enum what what, uint8_t detail)
{
	if (!w.host[host].ftd.spoken)
		return;
	struct happening *h = later(ms, what, host);
	h->arg = (uint32_t)w.host[host].qemu.instance;
	h->detail = detail;
}

static void emit_colo_exit(int host, const char *reason)
{
	tell(host, "QEMU emits COLO_EXIT{%s}", reason);
	emit(host, between(of(host), 0.05, 1), FTD_COLO_EXIT, 0);
}

static void say_colo_exit(int host)
{
	struct qemu *q = &w.host[host].qemu;
	if (q->exit_said)
		return;
	q->exit_said = true;
	q->exit_life = w.host[host].ftd.life;
	q->halted = q->checkpoint > CHECKPOINT_ASKED;
	q->checkpoint = CHECKPOINT_NONE;
	emit_colo_exit(host, "error");
}

void colo_closes(int host)
{
	if (w.host[host].qemu.alive)
		later(between(of(host), 2, 4), QEMU_NOTICE, host);
}

void colo_close(void)
{
	w.colo_closed = true;
	colo_closes(0);
	colo_closes(1);
}

/* ---- a main loop that waits for the peer ---- */

static bool had_the_peers_disk(const struct qemu *q)
{
	return q->mode == FT_ROLE_PRIMARY || q->last == FT_ROLE_PRIMARY;
}

static bool disk_is_silent(int host)
{
	const struct qemu *q = &w.host[host].qemu;
	return had_the_peers_disk(q) && peer_is_silent(host) && !q->disk_yanked;
}

static bool held_up(int host)
{
	const struct qemu *q = &w.host[host].qemu;
	return had_the_peers_disk(q) ? disk_is_silent(host) : peer_is_silent(host) && !closed(host);
}

static void notice_again(int host)
{
	later(50, QEMU_NOTICE, host)->detail = 1;
}

static void get_stuck(int host)
{
	struct qemu *q = &w.host[host].qemu;
	if (!q->alive || stands(host) || q->stuck || !held_up(host))
		return;
	tell(host, "QEMU waits for its peer, and answers nothing in band");
	q->stuck = true;
	answers_changed(host);
	notice_again(host);
}

static void notice(int host, bool again)
{
	struct qemu *q = &w.host[host].qemu;
	if (stands(host)) {
		if (again || (w.host[host].suspended && !q->stopped))
			notice_again(host);
		return;
	}
	if (q->stuck && !held_up(host)) {
		q->stuck = false;
		answers_changed(host);
	}
	/* A primary notices at its next attempt only. */
	bool listens = q->mode == FT_ROLE_SECONDARY || q->checkpoint != CHECKPOINT_NONE;
	if (!q->stuck && listens && closed(host))
		say_colo_exit(host);
	if (q->stuck && again)
		notice_again(host);
}

/* ---- checkpoints ---- */

static void attempt_in(int host, double ms)
{
	w.host[host].qemu.attempt_at = later(ms, QEMU_ATTEMPT, host)->at;
}

/* In the middle of it somebody fell silent; what that does depends on the very moment. */
static void catch_in_checkpoint(int host)
{
	w.host[host].qemu.checkpoint = CHECKPOINT_CAUGHT;
	for (int i = 0; i < 2; i++)
		if (happens(of(host), CAUGHT_BLOCKS))
			get_stuck(i);
}

static void end_checkpoint(int host)
{
	w.host[host].qemu.checkpoint = CHECKPOINT_NONE;
	for (int i = 0; i < 2; i++)
		emit(i, between(of(host), 0.05, 1), FTD_CHECKPOINT, 0);
	attempt_in(host, (double)w.checkpoint_every / 1e6);
}

static void go_on_with_checkpoint(int host)
{
	struct qemu *q = &w.host[host].qemu;
	bool silent = peer_is_silent(host);
	if (q->checkpoint == CHECKPOINT_NONE)
		q->checkpoint = CHECKPOINT_ASKED;
	if (q->checkpoint == CHECKPOINT_ASKED && !silent) {
		q->checkpoint = CHECKPOINT_RUNS;
		attempt_in(host, between(of(host), 10, 40));
	} else if (!silent) {
		end_checkpoint(host);
	} else {
		if (q->checkpoint == CHECKPOINT_RUNS)
			catch_in_checkpoint(host);
		attempt_in(host, 50);
	}
}

static void attempt_checkpoint(int host)
{
	struct qemu *q = &w.host[host].qemu;
	if (q->mode != FT_ROLE_PRIMARY || q->exit_said)
		return;
	if (stands(host) || q->hung || q->stuck) {
		if (stands(host) && q->checkpoint == CHECKPOINT_RUNS)
			catch_in_checkpoint(host);
		attempt_in(host, 50);
	} else if (closed(host)) {
		say_colo_exit(host);
	} else {
		go_on_with_checkpoint(host);
	}
}

void qemu_probe(int host)
{
	if (qemu_answers(host, FT_CHANNEL_QMP) && w.host[host].qemu.checkpoint == CHECKPOINT_NONE)
		attempt_checkpoint(host);
}

/* ---- one QEMU ---- */

void qemu_start(int host, enum ft_role mode)
{
	struct qemu *q = &w.host[host].qemu;
	*q = (struct qemu){.instance = ++w.names, .alive = true, .mode = mode, .silent_since = FT_NEVER};
	if (mode == FT_ROLE_PRIMARY)
		attempt_in(host, between(of(host), 0, 300));
}

void qemu_boot(int host)
{
	tell(host, "QEMU is started, and boots the guest");
	qemu_start(host, FT_ROLE_NONE);
	w.host[host].qemu.booted = true;
	look_soon(host, between(RANDOM_ON_TOP, 20, 300));
}

void qemu_protect(int host)
{
	struct qemu *q = &w.host[host].qemu;
	q->mode = FT_ROLE_PRIMARY; /* and its last mode stays what it was */
	q->exit_said = q->released = q->booted = q->yanked = q->disk_yanked = w.colo_closed = false;
	attempt_in(host, 50);
}

void qemu_kill(int host)
{
	struct qemu *q = &w.host[host].qemu;
	if (!q->alive)
		return;
	tell(host, "QEMU dies");
	q->alive = false;
	q->killed = true;
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
	colo_closes(host); /* what it has missed */
}

void qemu_hang(int host, bool hung)
{
	w.host[host].qemu.hung = hung;
	answers_changed(host);
}

void qemu_block(int host, double ms, bool killed)
{
	if (!w.host[host].qemu.alive)
		return;
	w.host[host].qemu.blocked = true;
	qemu_hang(host, true);
	later(ms, QEMU_UNBLOCK, host)->detail = killed;
}

static void unblock(int host, bool killed)
{
	w.host[host].qemu.blocked = false;
	if (killed)
		qemu_kill(host);
	else
		qemu_hang(host, false);
}

/* ---- its end, by a signal, by `quit`, or because the guest has powered itself off ---- */

static void end_goes_on(double ms, const struct happening *h, uint32_t stage)
{
	struct happening *next = later(ms, QEMU_ENDS, h->host);
	next->detail = h->detail;
	next->arg = stage;
}

void qemu_end(int host, enum ft_ending how)
{
	struct happening *h = later(0, QEMU_ENDS, host);
	h->detail = (uint8_t)how;
	h->arg = 0;
}

/* SHUTDOWN, COLO_EXIT 1 ms later, and the end once the disks are flushed: all done by the main loop. */
static void ends(const struct happening *h)
{
	int host = h->host;
	struct qemu *q = &w.host[host].qemu;
	bool by_guest = h->detail == FT_ENDING_GUEST;
	bool void_now = h->arg == 0 && (q->ending || (by_guest && !runs_as_master(host)));
	if (void_now)
		return;
	if (stands(host) || q->stuck || q->hung) {
		end_goes_on(20, h, h->arg);
	} else if (h->arg == 0) {
		tell(host, "QEMU emits SHUTDOWN{%s}", by_guest ? "guest-shutdown" : "host-signal");
		q->ending = true;
		w.guest_ended |= by_guest;
		answers_changed(host);
		emit(host, between(of(host), 0.05, 0.5), FTD_SHUTDOWN, h->detail);
		end_goes_on(1, h, 1);
	} else if (h->arg == 1) {
		q->quit = true;
		if (q->mode != FT_ROLE_NONE)
			say_colo_exit(host);
		colo_closes(1 - host);
		end_goes_on(happens(of(host), 0.5) ? between(of(host), 5, 10) : between(of(host), 10, 300), h, 2);
	} else {
		qemu_kill(host);
	}
}

/* ---- commands ---- */

static void reply(double ms, const struct happening *command, bool error)
{
	struct happening *h = later(ms, FTD_REPLY, command->host);
	h->arg = command->arg;
	h->detail = command->detail;
	h->error = error;
}

/* Which connection, the request says. */
static void yank(int host, const struct ft_step *s)
{
	struct qemu *q = &w.host[host].qemu;
	q->yanked |= strstr(s->text, "\"migration\"") != NULL;
	q->disk_yanked |= strstr(s->text, "\"block-node\"") != NULL;
	later(between(of(host), 1, 4), QEMU_NOTICE, host);
	if (q->yanked)
		colo_closes(1 - host);
}

/* Returns whether it worked. */
static bool fail_over(int host)
{
	struct qemu *q = &w.host[host].qemu;
	if (q->mode == FT_ROLE_NONE)
		return false;
	if (!q->exit_said)
		emit_colo_exit(host, "request");
	tell(host, "QEMU has failed over from %s", ft_role_name(q->mode));
	q->last = q->mode;
	q->mode = FT_ROLE_NONE;
	q->released = true;
	q->halted = false;
	memcpy(q->session, w.host[host].ftd.core.outcome.session, sizeof q->session);
	q->checkpoint = CHECKPOINT_NONE;
	colo_closes(1 - host);
	look_soon(host, between(of(host), 1, 60));
	return true;
}

static bool carry_out(int host, const struct ft_step *s)
{
	if (!strcmp(s->command, "yank"))
		yank(host, s);
	else if (!strcmp(s->command, "x-colo-lost-heartbeat"))
		return fail_over(host);
	return true;
}

static bool drains(const struct ft_step *s)
{
	return !strcmp(s->command, "x-blockdev-change") || !strcmp(s->command, "x-colo-lost-heartbeat") ||
	       !strcmp(s->command, "blockdev-del");
}

/* The order was given before the process that gave it could die, and stays in the socket. */
static void obey(const struct happening *h)
{
	struct qemu *q = &w.host[h->host].qemu;
	const struct ft_step *s = &plan_of((enum ft_role)h->more)->steps[h->detail];
	if (qemu_answers(h->host, s->channel) && drains(s) && disk_is_silent(h->host))
		get_stuck(h->host);
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
			carry_out(h->host, s);
		return;
	}
	bool error = (trouble && q->trouble == TROUBLE_ERROR) || !carry_out(h->host, s);
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
		if (w.now >= q->attempt_at) /* else a later one was begun instead */
			attempt_checkpoint(h->host);
		break;
	case QEMU_NOTICE:
		notice(h->host, h->detail == 1);
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
	case QEMU_ENDS:
		ends(h);
		break;
	case QEMU_UNBLOCK:
		unblock(h->host, h->detail);
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
