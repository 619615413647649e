/* Hosts: crash, boot, suspend; the watchdog's reset. */
#include "tests/sim/sim.h"

#include <string.h>

static bool is_kept(const struct disk *d, const struct kept_outcome *o)
{
	for (int i = 0; i < d->n_outcomes; i++)
		if (d->outcomes[i].result == o->result &&
		    memcmp(d->outcomes[i].session, o->session, sizeof o->session) == 0)
			return true;
	return false;
}

void disk_keeps(struct disk *d, const struct kept_outcome *o)
{
	if (d->n_outcomes < OUTCOMES_MAX && !(o->again && is_kept(d, o)))
		d->outcomes[d->n_outcomes++] = *o;
}

/* What was not yet answered for may be on the disk or not; what was is. */
void disk_settles(int host, bool crash)
{
	struct disk *d = &w.host[host].disk;
	if (crash)
		d->cached = d->file;
	if (d->writing && happens(RANDOM_SETUP, 0.5)) {
		d->file = d->cached = d->coming;
		laws_after_write(host);
	}
	for (int i = 0; i < d->n_coming && happens(RANDOM_SETUP, 0.5); i++)
		disk_keeps(d, &d->outcomes_coming[i]);
	d->n_coming = 0;
	d->writing = false;
}

void host_crash(int host)
{
	struct host *h = &w.host[host];
	if (!h->up)
		return;
	tell(host, "the host goes down");
	laws_before_crash(host);
	disk_settles(host, true);
	ftd_end(host, false);
	h->up = h->suspended = h->blown = h->unit_starts = false;
	h->boots++;
	h->paused_at = FT_NEVER;
	h->qemu.alive = false;
	h->sentinel.on = h->predecessor.on = false;
}

static void boot(int host)
{
	struct host *h = &w.host[host];
	if (h->up)
		return;
	if (person_keeps_down(host)) {
		later(50, HOST_BOOT, host);
		return;
	}
	tell(host, "the host boots");
	h->up = true;
	h->booted_at = w.now;
	h->clock_base = MS(between(RANDOM_SETUP, 1e3, 1e4));
	colo_closes(1 - host); /* its kernel knows nothing of the connection */
	later(between(RANDOM_SETUP, 50, 500), HOST_FTD_START, host);
	if (h->asks_alone) /* its unit does not wait for ftd */
		later(between(RANDOM_ALONE, 0, 100), HOST_UNIT_ASKS, host)->arg = 1;
}

static void resume(int host)
{
	struct host *h = &w.host[host];
	if (!h->suspended || h->paused_at != FT_NEVER)
		return;
	tell(host, "the host resumes");
	h->suspended = false;
	h->resumed_at = w.now;
	h->sentinel.wake = h->sentinel.wake < w.now ? w.now + MS(between(RANDOM_SETUP, 0, 2)) : h->sentinel.wake;
	if (h->ftd.running == FTD_RUNS)
		ftd_resumes(host);
}

/* ---- a unit that starts the VM, as systemd would: ftctl may-start first, and again after a while ---- */

static void unit_asks(int host)
{
	struct host *h = &w.host[host];
	bool runs = ftd_can_run(host), asked = runs || h->asks_alone;
	if (!h->unit || !asked || h->qemu.alive || h->unit_starts || person_keeps_off(host))
		return;
	w.questions++;
	if (runs)
		ftd_may_start(host, false);
	else
		ftd_ask_alone(host, false);
}

void unit_hears(int host, bool may, const char *why)
{
	struct host *h = &w.host[host];
	tell(host, "may the VM be started here? %s: %s", may ? "yes" : "no", why);
	h->unit_starts = may;
	h->booted_unheard = h->ftd.core.hearing == FT_PEER_NEVER || h->ftd.core.hearing == FT_PEER_LOST;
	if (may)
		later(between(RANDOM_ON_TOP, 5, happens(RANDOM_ON_TOP, 0.2) ? 2000 : 100), HOST_UNIT_STARTS, host)
		    ->arg = h->boots;
}

static void unit_starts(int host, uint32_t boot)
{
	struct host *h = &w.host[host];
	if (!h->unit_starts || boot != h->boots || person_keeps_off(host)) {
		h->unit_starts = false;
		return;
	}
	if (h->suspended) {
		later(10, HOST_UNIT_STARTS, host)->arg = boot;
		return;
	}
	h->unit_starts = false;
	if (!h->qemu.alive)
		qemu_boot(host);
}

void host_happens(const struct happening *h)
{
	struct host *at = &w.host[h->host];
	switch ((int)h->what) { /* the others are not for it */
	case HOST_FTD_START:
		ftd_start(h->host);
		break;
	case HOST_FTD_RESUME:
		ftd_continue(h->host, h->arg);
		break;
	case HOST_BOOT:
		boot(h->host);
		break;
	case HOST_RESUME:
		resume(h->host);
		break;
	case HOST_UNIT_ASKS:
		unit_asks(h->host);
		if (h->arg == 0)
			later(between(RANDOM_ON_TOP, 100, 2000), HOST_UNIT_ASKS, h->host);
		break;
	case HOST_UNIT_STARTS:
		unit_starts(h->host, h->arg);
		break;
	case HOST_RESET:
		if (at->blown) {
			tell(h->host, "the watchdog resets the host");
			host_crash(h->host);
			later(1000, HOST_BOOT, h->host);
		}
		break;
	default:
		break;
	}
}
