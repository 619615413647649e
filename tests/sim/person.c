/* A person who vouches: `ftctl failover --confirm-fenced`, and `may-start --confirm-fenced` where no QEMU is left.  He tells the truth: he has
 * ended the other side's QEMU before, or switched its host off; and as the manual asks him to, he keeps that host off, and then its unit
 * from starting the VM, until the order is done with, and the register names the side that went on by his word. */
#include "tests/sim/sim.h"

#include <string.h>

#define FIRST_AT  SECOND(1.8) /* as the other faults */
#define TRIES_MAX 10          /* to find an ftd that takes the order */

enum way { SWITCHES_OFF, SWITCHES_OFF_AS_WELL, ENDS_QEMU, STOPS_QEMU_FIRST, WAYS };

bool is_order(enum ft_cause cause)
{
	return cause == FT_CAUSE_SIGNAL || cause == FT_CAUSE_OPERATOR;
}

/* ---- planned ---- */

static double delay(void)
{
	switch (chance(RANDOM_PERSON) % 3) {
	case 0:
		return between(RANDOM_PERSON, 0, 30);
	case 1:
		return between(RANDOM_PERSON, 30, 700);
	default:
		return between(RANDOM_PERSON, 500, 4000);
	}
}

static void add(double probability)
{
	bool comes = happens(RANDOM_PERSON, probability);
	double after = between(RANDOM_PERSON, 0, happens(RANDOM_PERSON, 0.4) ? 700 : 5000);
	struct fault f = {.kind = VOUCH, .host = (int)(chance(RANDOM_PERSON) % 2), .on = true};
	f.at = w.now + FIRST_AT + MS(after);
	f.ms = between(RANDOM_PERSON, 100, 6000);
	f.nth = (int)(chance(RANDOM_PERSON) % WAYS);
	f.steps = 1 + (int)(chance(RANDOM_PERSON) % 2);
	if (!comes || !(w.options.kinds & FAULT(VOUCH)))
		return;
	w.faults[w.n_faults] = f;
	later((double)(f.at - w.now) / 1e6, FAULT_STRIKES, f.host)->arg = (uint32_t)w.n_faults++;
}

void person_plan(void)
{
	bool named = w.options.kinds != ALL_FAULTS;
	add(named ? 0.8 : 0.05);
	add(named ? 0.3 : 0);
}

/* ---- what he keeps off ---- */

/* A fence tells nobody: whoever had won there before goes by that, unless its ftd comes back with its host, or hears the other, which
 * knows itself by then that its guest runs (of a yes of ftctl's alone the ftd that comes next knows nothing). */
static bool hears(int host)
{
	const struct ftd *f = &w.host[host].ftd, *other = &w.host[1 - host].ftd;
	bool tells = other->running != FTD_DEAD && !other->alone && other->core.self.guest;
	return f->running == FTD_DEAD || f->life != w.kept_off[host].life ||
	       (f->core.hearing == FT_PEER_ALIVE && tells);
}

static bool is_told(int by)
{
	const struct ft_session *s = &w.host[by].ftd.core.session;
	if (s->stage != FT_SESSION_NONE && w.options.fence)
		return hears(1 - by);
	const struct registration *r = arbiter_find(s->id), *v = arbiter_verdict(s->id);
	bool named = s->stage != FT_SESSION_NONE && ((r && r->winner == by) || (v && v->winner == by));
	/* Else whoever has won before goes by that. */
	const struct ftd *f = &w.host[1 - by].ftd;
	return named || (f->running != FTD_DEAD && !f->alone && f->core.hearing == FT_PEER_ALIVE);
}

static bool waits_for(int by)
{
	const struct host *h = &w.host[by];
	const struct ft_core *c = &h->ftd.core;
	bool asked =
	    c->forced != FT_CAUSE_NONE || ft_record_busy(&c->record) || h->ftd.alone || h->ftd.node.start_asked;
	return h->unit_starts || h->ftd.running == FTD_DEAD || asked; /* nobody there could say what became of it */
}

static bool goes_on(int by)
{
	const struct qemu *q = &w.host[by].qemu;
	return q->alive && q->mode == FT_ROLE_NONE && (q->last != FT_ROLE_NONE || q->booted);
}

bool person_keeps_down(int host)
{
	const struct kept_off *k = &w.kept_off[host];
	bool ordering = k->orders > 0 && !w.healed;
	return k->on && (ordering || waits_for(1 - host));
}

bool person_keeps_off(int host)
{
	struct kept_off *k = &w.kept_off[host];
	k->on &= person_keeps_down(host) || (goes_on(1 - host) && !is_told(1 - host));
	return k->on;
}

/* ---- what he does ---- */

static void again(double ms, const struct fault *f, const struct happening *h)
{
	struct happening *next = later(ms, FAULT_STRIKES, f->host);
	next->arg = h->arg;
	next->more = h->more + 1;
}

static void end_the_other(const struct fault *f)
{
	int other = 1 - f->host;
	w.kept_off[other] = (struct kept_off){.on = true, .orders = f->steps, .tries = TRIES_MAX};
	w.kept_off[other].life = w.host[other].ftd.life;
	w.kept_off[other].stopped = f->nth == STOPS_QEMU_FIRST;
	if (w.host[other].asks_alone) /* what ftctl allowed it before is void */
		w.host[other].unit_starts = false;
	if (f->nth == STOPS_QEMU_FIRST)
		qemu_signal_stop(other);
	else if (f->nth == ENDS_QEMU)
		qemu_kill(other);
	else if (w.host[other].up)
		host_crash(other);
}

static void end_what_stands(int host)
{
	if (w.kept_off[host].stopped)
		qemu_kill(host);
	w.kept_off[host].stopped = false;
}

void person_heals(void)
{
	end_what_stands(0);
	end_what_stands(1);
}

/* False: nobody is there to take it. */
static bool order(int host)
{
	const struct host *h = &w.host[host];
	struct ftd *f = &w.host[host].ftd;
	bool alone = h->asks_alone && f->running == FTD_DEAD && !h->qemu.alive && h->up && !h->suspended;
	if (!(ftd_can_run(host) || alone) || f->alone || f->node.start_asked || h->unit_starts)
		return false;
	if (w.host[host].qemu.alive) {
		tell(host, "a person orders a failover, and vouches that the other side's QEMU is dead");
		w.ordered[host] = w.host[host].qemu.instance; /* whichever ftd carries it through, and however late */
		ftd_feed(host,
		         &(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_OPERATOR, .confirmed = true});
	} else if (person_keeps_off(host)) {
		return false; /* another one is at it */
	} else if (w.options.arbitrated) {
		tell(host, "a person wants to start the VM, and vouches that the other side's QEMU is dead");
		if (alone)
			ftd_ask_alone(host, true);
		else
			ftd_may_start(host, true);
	}
	return true;
}

/* Again and again, as long as the other side's QEMU is dead. */
static void go_about_it(const struct fault *f, const struct happening *h)
{
	struct kept_off *k = &w.kept_off[1 - f->host];
	end_what_stands(1 - f->host);
	if (k->orders == 0 || w.host[1 - f->host].qemu.alive) {
		k->orders = 0;
		return;
	}
	bool taken = order(f->host);
	k->tries--;
	k->orders = k->tries == 0 ? 0 : k->orders - taken;
	if (k->orders > 0)
		again(taken ? between(RANDOM_PERSON, 300, 3000) : 300, f, h);
}

void person_vouches(const struct fault *f, const struct happening *h)
{
	if (h->more > 0) {
		go_about_it(f, h);
		return;
	}
	if (w.host[1 - f->host].unit_starts)
		return;
	tell(f->host, "**** a person ends the other side's %s", f->nth < ENDS_QEMU ? "host" : "QEMU");
	end_the_other(f);
	if (f->nth < ENDS_QEMU)
		later(f->ms, HOST_BOOT, 1 - f->host);
	again(delay(), f, h);
}
