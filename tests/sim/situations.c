/* Situations that a pair meets where people run it, beside all faults: an orderly end of QEMU, a blocked one, clocks that are
 * slewed or stand still, settings that differ across restarts, a state_dir or a register put back to an earlier time.
 * Each comes seldom, and of its own stream of chance; where it is asked for by name, mostly. */
#include "tests/sim/sim.h"

#include <string.h>

#define FIRST_AT SECOND(1.8)
#define FASTEST  1.083333 /* 83 333 ppm, by which chrony slews at the most */

/* ---- planned ---- */

static double lasts(enum fault_kind kind)
{
	switch ((int)kind) {
	case BLOCK_QEMU:
		return between(RANDOM_SITUATION, 500, 14000);
	case RETIME:
	case RESTORE_DISK:
		return between(RANDOM_SITUATION, 0, 1500);
	case PAUSE_HOST:
		return between(RANDOM_SITUATION, 10, 3000);
	case ROLL_BACK:
		return between(RANDOM_SITUATION, 0, 3000);
	case STALE_READS: /* also while what all this has led to is settled */
		return between(RANDOM_SITUATION, 500, 60000);
	default:
		return between(RANDOM_SITUATION, 20, 6000);
	}
}

/* What ftd does not hold yet comes where it is asked for by name. */
static const uint64_t unmended = FAULT(RESTORE_DISK) | FAULT(LOSE_DISK) | FAULT(ROLL_BACK);

static void add(enum fault_kind kind)
{
	bool named = w.options.kinds != ALL_FAULTS;
	bool comes = happens(RANDOM_SITUATION, named ? 0.7 : 0.05);
	double after = between(RANDOM_SITUATION, 0, happens(RANDOM_SITUATION, 0.6) ? 500 : 4000);
	struct fault f = {.kind = kind, .host = (int)(chance(RANDOM_SITUATION) % 2), .on = true};
	f.at = w.now + FIRST_AT + MS(after);
	f.ms = lasts(kind);
	f.nth = (int)(chance(RANDOM_SITUATION) % 8);
	if (!comes || !(w.options.kinds & FAULT(kind)) || (!named && (unmended & FAULT(kind))))
		return;
	w.faults[w.n_faults] = f;
	later((double)(f.at - w.now) / 1e6, FAULT_STRIKES, f.host)->arg = (uint32_t)w.n_faults++;
}

void situations_plan(void)
{
	static const double guards[] = {40, 100, 400};
	if (happens(RANDOM_SITUATION, 0.1))
		w.guard_ms = guards[chance(RANDOM_SITUATION) % 3];
	for (int kind = END_QEMU; kind < VOUCH; kind++)
		if (w.options.arbitrated || kind == SLEW_CLOCK)
			add((enum fault_kind)kind);
}

/* ---- what they are ---- */

/* As a host is shut down, or a unit stopped: QEMU alone, or ftd with it, a moment before or after. */
static void end_qemu(const struct fault *f)
{
	static const enum ft_ending how[] = {FT_ENDING_HOST, FT_ENDING_HOST, FT_ENDING_HOST, FT_ENDING_GUEST};
	qemu_end(f->host, how[f->nth % 4]);
	if (f->nth < 4 || !ftd_can_run(f->host))
		return;
	later(f->nth % 2 ? 0 : f->ms / 100, FTD_TERM, f->host);
}

static void restart(int host, double after)
{
	ftd_end(host, true);
	later(after, HOST_FTD_START, host);
}

static void retime(const struct fault *f)
{
	static const int counts[] = {3, 4, 8, 12};
	for (int i = 0; i < 2; i++) {
		struct host *h = &w.host[i];
		h->lost_after = counts[f->nth % 4];
		h->longest_after = h->lost_after > h->longest_after ? h->lost_after : h->longest_after;
	}
	restart(f->host, 50);
}

/* Made anew or put back while no ftd holds it. */
static void replace_disk(int host, const struct disk *with)
{
	struct disk *d = &w.host[host].disk;
	ftd_end(host, true);
	if (w.host[host].qemu.alive)
		w.host[host].swapped_beside = w.host[host].qemu.instance;
	bool newer = memcmp(d->file.id, with->file.id, sizeof d->file.id) != 0 && d->file.stage != FT_SESSION_NONE;
	if (!newer && d->file.stage != with->file.stage)
		memcpy(w.host[host].set_back, with->file.id, sizeof with->file.id);
	*d = *with;
	d->lost = true;
	later(between(RANDOM_SITUATION, 20, 600), HOST_FTD_START, host);
}

static void roll_back(double ms)
{
	while (w.n_registers > 0 && w.registers[w.n_registers - 1].at > w.now - MS(ms)) {
		const struct registration *r = &w.registers[--w.n_registers];
		if (w.n_rolled_back < REGISTERS_MAX)
			memcpy(w.rolled_back[w.n_rolled_back++], r->id, sizeof r->id);
	}
}

static void pause_host(int host)
{
	struct host *h = &w.host[host];
	if (!h->up || h->suspended)
		return;
	h->suspended = true;
	h->paused_at = w.now;
}

static void go_on(int host)
{
	struct host *h = &w.host[host];
	if (h->paused_at == FT_NEVER)
		return;
	int64_t stood = w.now - h->paused_at;
	h->missed = stood;
	h->paused_until = w.now;
	h->booted_at += stood;
	h->paused_at = FT_NEVER;
	ftd_pauses(host, stood);
	later(0, HOST_RESUME, host);
}

void situation_begins(struct fault *f, int which)
{
	struct host *h = &w.host[f->host];
	tell(f->host, "**** %s %.0f ms", fault_names[f->kind], f->ms);
	later(f->ms, FAULT_ENDS, f->host)->arg = (uint32_t)which;
	switch ((int)f->kind) {
	case END_QEMU:
		end_qemu(f);
		break;
	case BLOCK_QEMU:
		qemu_block(f->host, f->ms, f->nth % 2);
		break;
	case SLEW_CLOCK:
		h->stretch = FASTEST;
		break;
	case RETIME:
		retime(f);
		break;
	case RESTORE_DISK:
		h->backup = h->disk;
		h->backup.writing = false;
		h->backup.n_coming = 0;
		break;
	case LOSE_DISK:
		replace_disk(f->host, &(struct disk){.full = h->disk.full, .hangs = h->disk.hangs});
		break;
	case ROLL_BACK:
		roll_back(f->ms);
		break;
	case LATE_CLAIM:
		w.late_claims[f->host]++;
		break;
	case PAUSE_HOST:
		pause_host(f->host);
		break;
	case STALE_READS:
		arbiter_reads_stale(500.0 * f->nth);
		break;
	default:
		break;
	}
}

void situation_ends(const struct fault *f)
{
	struct host *h = &w.host[f->host];
	switch ((int)f->kind) { /* the others have no end of their own */
	case SLEW_CLOCK:
		h->stretch = 1;
		break;
	case RETIME:
		restart(1 - f->host, 50);
		break;
	case RESTORE_DISK:
		tell(f->host, "**** state_dir is put back");
		replace_disk(f->host, &h->backup);
		break;
	case LATE_CLAIM:
		w.late_claims[f->host]--;
		break;
	case PAUSE_HOST:
		go_on(f->host);
		break;
	case STALE_READS:
		w.stale_reads--;
		break;
	default:
		break;
	}
}

void situations_heal(void)
{
	memset(w.late_claims, 0, sizeof w.late_claims);
	w.stale_reads = 0;
	for (int i = 0; i < 2; i++) {
		w.host[i].stretch = 1;
		go_on(i);
		/* Whoever changes the detection time starts both anew. */
		if (w.host[i].lost_after != LOST_AFTER && w.host[i].ftd.running != FTD_DEAD)
			restart(i, 20);
	}
}
