/* What goes wrong, when, and for how long; and the end of it all, after which things must come right. */
#include "tests/sim/sim.h"

#include <string.h>

const char *const fault_names[FAULT_KINDS] = {
    [CUT_LINK] = "cut-link",
    [CUT_ONE_WAY] = "cut-one-way",
    [CUT_LINKS] = "cut-links",
    [CUT_ARBITER] = "cut-arbiter",
    [ISOLATE] = "isolate",
    [PARTITION] = "partition",
    [FLAP] = "flap",
    [LOSSY] = "lossy",
    [SLOW_NET] = "slow-net",
    [SLOW_ARBITER] = "slow-arbiter",
    [STOP_FTD] = "stop-ftd",
    [STALL_FTD] = "stall-ftd",
    [KILL_FTD] = "kill-ftd",
    [LEAVE_FTD] = "leave-ftd",
    [CRASH_HOST] = "crash-host",
    [SUSPEND_HOST] = "suspend-host",
    [BLOW] = "blow",
    [KILL_QEMU] = "kill-qemu",
    [STOP_QEMU] = "stop-qemu",
    [HANG_QEMU] = "hang-qemu",
    [SILENCE_COLO] = "silence-colo",
    [CLOSE_COLO] = "close-colo",
    [FORCE] = "force",
    [DISK_FULL] = "disk-full",
    [DISK_HANGS] = "disk-hangs",
    [DISK_LOSES] = "disk-loses",
    [PLAN_TROUBLE] = "plan-trouble",
    [REPLAY] = "replay",
    [REBUILD] = "rebuild",
    [REPLAY_LIFE] = "replay-life",
    [MUTE_START] = "mute-start",
    [START_VM] = "start-vm",
    [START_ALONE] = "start-alone",
    [FLOOD_LIVES] = "flood-lives",
    [FORGE_ICMP] = "forge-icmp",
    [KILL_AT_ANSWER] = "kill-at-answer",
    [LEAVE_AT_ANSWER] = "leave-at-answer",
    [CRASH_AT_ANSWER] = "crash-at-answer",
    [END_QEMU] = "end-qemu",
    [BLOCK_QEMU] = "block-qemu",
    [SLEW_CLOCK] = "slew-clock",
    [RETIME] = "retime",
    [RESTORE_DISK] = "restore-disk",
    [LOSE_DISK] = "lose-disk",
    [ROLL_BACK] = "roll-back",
    [LATE_CLAIM] = "late-claim",
    [PAUSE_HOST] = "pause-host",
    [STALE_READS] = "stale-reads",
    [VOUCH] = "vouch",
};

#define FIRST_AT     SECOND(1.8) /* after the start: all are protected by then */
#define LAST_AT      SECOND(6)
#define HEAL_AT      SECOND(8)
#define HEAL_LATE_AT SECOND(80)
#define LASTS_LONG   900 /* ms */

/* ---- the plan of the run ---- */

/* Without an arbiter: heartbeats get through, and no ftd is stopped but the secondary's.  (A primary's that is stopped for
 * longer than the detection time is taken for dead unless a checkpoint comes in time, and that is luck.) */
#define DRAWN_KINDS REPLAY_LIFE /* those before it */
#define ALL_DRAWN   (FAULT(DRAWN_KINDS) - 1)
#define ATTACKS     (FAULT(REPLAY) | FAULT(REPLAY_LIFE) | FAULT(FLOOD_LIVES) | FAULT(FORGE_ICMP))
static const uint64_t harmless[] = {FAULT(KILL_QEMU) | FAULT(END_QEMU) | FAULT(CRASH_HOST) | FAULT(STOP_QEMU) |
                                        FAULT(HANG_QEMU) | FAULT(CLOSE_COLO) | FAULT(PLAN_TROUBLE) | FAULT(DISK_FULL) |
                                        FAULT(DISK_HANGS),
                                    FAULT(STOP_FTD) | FAULT(STALL_FTD) | FAULT(LOSSY) | ATTACKS | FAULT(PLAN_TROUBLE) |
                                        FAULT(DISK_FULL) | FAULT(DISK_HANGS)};

bool faults_are_harmless(void)
{
	uint64_t kinds = 0;
	bool primary_stopped = false;
	for (int i = 0; i < w.n_faults; i++) {
		const struct fault *f = &w.faults[i];
		if (f->on)
			kinds |= FAULT(f->kind);
		primary_stopped |= f->on && (f->kind == STOP_FTD || f->kind == STALL_FTD) && f->host == 0;
	}
	return !primary_stopped && ((kinds & ~harmless[0]) == 0 || (kinds & ~harmless[1]) == 0);
}

bool faults_are_a_crash(int host)
{
	int crashes = 0;
	for (int i = 0; i < w.n_faults; i++) {
		const struct fault *f = &w.faults[i];
		bool its_own = f->host == host && (f->kind == CRASH_HOST || f->kind == CUT_LINK);
		bool anyones = f->kind == KILL_FTD || FAULT(f->kind) & ATTACKS;
		crashes += f->on && f->kind == CRASH_HOST;
		if (f->on && !its_own && !anyones)
			return false;
	}
	return crashes == 1;
}

bool faults_forge_icmp(void)
{
	for (int i = 0; i < w.n_faults; i++)
		if (w.faults[i].on && w.faults[i].kind == FORGE_ICMP)
			return true;
	return false;
}

bool faults_are_restarts(void)
{
	for (int i = 0; i < w.n_faults; i++) {
		const struct fault *f = &w.faults[i];
		if (f->on && !(FAULT(f->kind) & (FAULT(KILL_FTD) | FAULT(LEAVE_FTD) | ATTACKS)))
			return false;
	}
	return true;
}

bool faults_named(const char *names, uint64_t *kinds)
{
	*kinds = 0;
	for (const char *name = names; *name;) {
		size_t len = strcspn(name, ",");
		uint64_t before = *kinds;
		for (int kind = 0; kind < FAULT_KINDS; kind++)
			if (strlen(fault_names[kind]) == len && strncmp(fault_names[kind], name, len) == 0)
				*kinds |= FAULT(kind);
		if (*kinds == before)
			return false;
		name += len + (name[len] == ',');
	}
	return *kinds != 0;
}

static enum fault_kind draw_kind(uint64_t of)
{
	enum fault_kind kind;
	do
		kind = (enum fault_kind)(chance(RANDOM_SETUP) % DRAWN_KINDS);
	while (!(of & FAULT(kind)));
	return kind;
}

static double lasts(enum fault_kind kind)
{
	switch ((int)kind) {
	case STOP_FTD:
	case STALL_FTD:
		return between(RANDOM_SETUP, 10, happens(RANDOM_SETUP, 0.5) ? 700 : 5000);
	case KILL_FTD:
		return between(RANDOM_SETUP, 0, happens(RANDOM_SETUP, 0.3) ? 1e6 : 3000); /* never, before all heals */
	case CRASH_HOST:
		return between(RANDOM_SETUP, 500, happens(RANDOM_SETUP, 0.5) ? 1e6 : 3000);
	case SUSPEND_HOST:
		return between(RANDOM_SETUP, 10, 3000);
	default:
		return between(RANDOM_SETUP, 20, happens(RANDOM_SETUP, 0.5) ? 900 : 6000);
	}
}

static void strike_at(int i, int64_t at)
{
	later((double)(at - w.now) / 1e6, FAULT_STRIKES, w.faults[i].host)->arg = (uint32_t)i;
}

/* Seldom among all kinds; where a few were asked for, mostly. */
static void add_on_top(enum stream s, enum fault_kind kind, int host, double most_ms)
{
	bool comes = happens(s, w.options.kinds == ALL_FAULTS ? 0.12 : 0.7);
	double after = between(s, 0, 3000), ms = between(s, 500, most_ms);
	if (!comes || !(w.options.kinds & FAULT(kind)))
		return;
	struct fault *f = &w.faults[w.n_faults++];
	*f = (struct fault){.kind = kind, .host = host, .at = w.now + FIRST_AT + MS(after), .ms = ms, .on = true};
	strike_at(w.n_faults - 1, f->at);
}

static void plan_on_top(void)
{
	for (int i = 0; i < 2 && w.options.arbitrated; i++)
		add_on_top(RANDOM_ON_TOP, START_VM, i, 10000);
	add_on_top(RANDOM_ON_TOP, REPLAY_LIFE, (int)(chance(RANDOM_ON_TOP) % 2), 10000);
	if (w.options.arbitrated)
		add_on_top(RANDOM_ON_TOP, MUTE_START, (int)(chance(RANDOM_ON_TOP) % 2), 10000);
	for (int i = 0; i < 2 && w.options.arbitrated; i++)
		add_on_top(RANDOM_ALONE, START_ALONE, i, 10000);
	add_on_top(RANDOM_ATTACK, FLOOD_LIVES, (int)(chance(RANDOM_ATTACK) % 2), 3000);
	add_on_top(RANDOM_ATTACK, FORGE_ICMP, (int)(chance(RANDOM_ATTACK) % 2), 10000);
}

/* Which faults are drawn in this world. */
static uint64_t draw_kinds(bool calm)
{
	/* Few kinds a world, so that the same ones meet often. */
	uint64_t few = chance(RANDOM_SETUP) & chance(RANDOM_SETUP) & w.options.kinds & ALL_DRAWN;
	uint64_t kinds = calm                                ? harmless[chance(RANDOM_SETUP) % 2]
	                 : few && happens(RANDOM_SETUP, 0.6) ? few
	                                                     : w.options.kinds;
	uint64_t theme = w.options.boundaries ? death_theme() & w.options.kinds : 0;
	return theme ? theme : kinds;
}

static void plan_drawn(void)
{
	w.n_faults = happens(RANDOM_SETUP, 0.25) ? 1 : 2 + (int)(chance(RANDOM_SETUP) % (DRAWN_MAX - 1));
	static const double spreads[] = {30, 400, 1500, 4000};
	double spread = spreads[chance(RANDOM_SETUP) % 4];
	int64_t first = w.now + FIRST_AT + MS(between(RANDOM_SETUP, 0, 400));
	bool calm = !w.options.arbitrated && happens(RANDOM_SETUP, 0.7);
	uint64_t kinds = draw_kinds(calm);
	for (int i = 0; i < w.n_faults; i++) {
		struct fault *f = &w.faults[i];
		*f = (struct fault){.kind = draw_kind(kinds),
		                    .host = (int)(chance(RANDOM_SETUP) % 2),
		                    .at = first + MS(between(RANDOM_SETUP, 0, spread)),
		                    .on = true};
		f->ms = lasts(f->kind);
		f->at_start = happens(RANDOM_SETUP, 0.1);
		if (f->at_start)
			continue;
		strike_at(i, f->at);
	}
}

static bool planned(enum fault_kind kind)
{
	for (int i = 0; i < w.n_faults; i++)
		if (w.faults[i].on && w.faults[i].kind == kind)
			return true;
	return false;
}

/* So long that a loser has its silent winner's host switched off, or that nothing of a claim that was given up can land any
 * more. */
static void stay_long(void)
{
	static const uint64_t silencing = FAULT(CUT_ONE_WAY) | FAULT(CUT_LINKS) | FAULT(CUT_ARBITER) | FAULT(ISOLATE) |
	                                  FAULT(PARTITION) | FAULT(KILL_FTD) | FAULT(CRASH_HOST) |
	                                  FAULT(KILL_AT_ANSWER) | FAULT(CRASH_AT_ANSWER);
	w.heals_at = w.now + HEAL_LATE_AT;
	w.heals_late = true;
	for (int i = 0; i < w.n_faults; i++)
		if (silencing & FAULT(w.faults[i].kind) && w.faults[i].ms > LASTS_LONG)
			w.faults[i].ms = 1e6;
}

void faults_plan(void)
{
	if (w.options.kinds & ALL_DRAWN)
		plan_drawn();
	plan_on_top();
	if (w.options.boundaries)
		deaths_plan();
	situations_plan();
	person_plan();
	w.heals_at = w.now + HEAL_AT;
	bool slow = planned(STALE_READS) && happens(RANDOM_SITUATION, 0.5);
	if (slow || (w.options.behind && happens(RANDOM_ON_TOP, 0.15)))
		stay_long();
	later((double)(w.heals_at - w.now) / 1e6, HEAL, 0);
}

void faults_at_start(void)
{
	for (int i = 0; i < w.n_faults; i++) {
		struct fault *f = &w.faults[i];
		if (!f->at_start || f->at > w.now)
			continue;
		f->at_start = false;
		later(between(RANDOM_NET, 0, 10), FAULT_STRIKES, f->host)->arg = (uint32_t)i;
	}
}

/* ---- what is held for a while ---- */

static void cut_from(int host, int by)
{
	for (int i = 0; i < LINKS; i++)
		w.cut[i][host] += by;
}

static void cut_both(int by)
{
	cut_from(0, by);
	cut_from(1, by);
}

/* It hurts most while a side has yet to be heard; so one is restarted meanwhile, as an upgrade does.  Without an arbiter the
 * primary's must not be. */
static void flood_begins(int host)
{
	if (w.lives_flooded == 1)
		later(0, ATTACK_FLOODS, host);
	if (!w.options.arbitrated || happens(RANDOM_ATTACK, 0.5))
		return;
	ftd_end(host, true);
	later(between(RANDOM_ATTACK, 10, 150), HOST_FTD_START, host);
}

/* by: 1 when it begins, -1 when it ends.  Returns false if it is not of that kind. */
static bool hold(const struct fault *f, int by)
{
	struct disk *d = &w.host[f->host].disk;
	switch ((int)f->kind) { /* the others happen at once */
	case CUT_LINK:
		w.cut[(int)(f->at % LINKS)][f->host] += by;
		return true;
	case CUT_ONE_WAY:
		cut_from(f->host, by);
		return true;
	case FLAP:
	case CUT_LINKS:
		cut_both(by);
		return true;
	case CUT_ARBITER:
		w.cut_arbiter[f->host] += by;
		return true;
	case ISOLATE:
		w.cut_arbiter[f->host] += by;
		cut_both(by);
		w.colo_silent += by;
		return true;
	case PARTITION:
		cut_both(by);
		w.colo_silent += by;
		return true;
	case LOSSY:
		w.lossy += by;
		return true;
	case SLOW_NET:
		w.slow_net += by;
		return true;
	case SLOW_ARBITER:
		w.slow_arbiter += by;
		return true;
	case REPLAY:
		w.replayed[f->host] += by;
		if (w.replayed[f->host] == 1 && by > 0)
			attack(f->host);
		return true;
	case REPLAY_LIFE:
		w.lives_played[f->host] += by;
		if (by > 0)
			later(0, ATTACK_IN_LIFE, f->host);
		return true;
	case FLOOD_LIVES:
		w.lives_flooded += by;
		if (by > 0)
			flood_begins(f->host);
		return true;
	case FORGE_ICMP:
		w.icmp_forged[f->host] += by;
		if (by > 0)
			later(0, ATTACK_BY_ICMP, f->host);
		return true;
	case SILENCE_COLO:
		w.colo_silent += by;
		return true;
	case DISK_FULL:
		d->full = by > 0;
		return true;
	case DISK_HANGS:
		d->hangs = by > 0;
		return true;
	case HANG_QEMU:
		qemu_hang(f->host, by > 0);
		return true;
	default:
		return false;
	}
}

/* ---- what happens at once ---- */

static void blow(int host)
{
	struct host *h = &w.host[host];
	if (h->ftd.running == FTD_DEAD || h->ftd.alone || !h->sentinel.on)
		return;
	/* By an earlier ftd's sentinel, too, as long as that has not been relieved. */
	bool limited =
	    ft_core_lease(&h->ftd.core) != FT_NEVER || (h->predecessor.on && h->predecessor.lease != FT_NEVER);
	bool fed = limited && w.options.arbitrated;
	ftd_end(host, false);
	h->predecessor.on = false;
	h->blown = fed; /* a guest that may run without limit is not worth a reset */
	later(fed ? 1000 : 500, fed ? HOST_RESET : HOST_FTD_START, host);
}

/* A person takes the survivor's guest and gives it a new secondary on the other host. */
static void rebuild(void)
{
	for (int i = 0; i < 2; i++) {
		struct host *survivor = &w.host[i], *other = &w.host[1 - i];
		const struct qemu *q = &survivor->qemu;
		const struct ft_core *c = &survivor->ftd.core;
		bool rests = c->phase == FT_PHASE_SOLO || (q->booted && c->phase == FT_PHASE_UNPROTECTED);
		bool settled = survivor->ftd.running == FTD_RUNS && rests && c->now > c->phase_since + SECOND(0.2);
		bool alone = settled && runs_as_master(i) && q->mode == FT_ROLE_NONE && qemu_answers(i, FT_CHANNEL_QMP);
		if (!alone || other->qemu.alive || !other->up || other->suspended || w.colo_silent)
			continue;
		w.rebuilt = true;
		w.rebuilt_at = w.now;
		tell(i, "a new secondary for the survivor");
		qemu_start(1 - i, FT_ROLE_SECONDARY);
		qemu_protect(i);
		look_soon(i, 20);
		look_soon(1 - i, between(RANDOM_SETUP, 25, 1000));
		return;
	}
}

static void strike_once(struct fault *f)
{
	struct host *h = &w.host[f->host];
	switch ((int)f->kind) { /* the others are held for a while */
	case STOP_FTD:
		ftd_stop(f->host, f->ms);
		break;
	case STALL_FTD:
		h->ftd.stall_in = 1 + (int)(f->at / 1000 % 60);
		h->ftd.stall_ms = f->ms;
		break;
	case KILL_FTD:
		ftd_end(f->host, true);
		later(f->ms, HOST_FTD_START, f->host);
		break;
	case LEAVE_FTD:
		if (ftd_can_run(f->host))
			ftd_feed(f->host, &(struct ft_event){.kind = FT_EVENT_LEAVE});
		break;
	case CRASH_HOST:
		host_crash(f->host);
		later(f->ms, HOST_BOOT, f->host);
		break;
	case SUSPEND_HOST:
		h->suspended = h->up;
		later(f->ms, HOST_RESUME, f->host);
		break;
	case BLOW:
		blow(f->host);
		break;
	case KILL_QEMU:
		qemu_kill(f->host);
		break;
	case STOP_QEMU:
		h->qemu.foreign = h->qemu.alive;
		qemu_signal_stop(f->host);
		break;
	case CLOSE_COLO:
		colo_close();
		break;
	case FORCE:
		if (ftd_can_run(f->host))
			ftd_feed(f->host, &(struct ft_event){.kind = FT_EVENT_FORCE, .cause = FT_CAUSE_SIGNAL});
		break;
	case DISK_LOSES:
		h->disk.next_reading = f->at % 2 ? FILE_LOST : FILE_TORN;
		break;
	case PLAN_TROUBLE:
		h->qemu.trouble_in = 1 + (int)(f->at / 1000 % 12);
		h->qemu.trouble = (enum trouble)(f->at / 7 % TROUBLE_KINDS);
		break;
	case REBUILD:
		rebuild();
		break;
	case MUTE_START:
		h->muted_after = 1 + (int)(f->at / 1000 % 4);
		h->mute_ms = f->ms;
		break;
	case KILL_AT_ANSWER:
	case LEAVE_AT_ANSWER:
	case CRASH_AT_ANSWER:
		f->armed = true;
		break;
	case START_ALONE:
		h->asks_alone = true;
		/* fall through */
	case START_VM:
		h->unit = true;
		later(0, HOST_UNIT_ASKS, f->host);
		break;
	default:
		break;
	}
}

/* Each flap is a cut of its own, some tens or hundreds of ms apart. */
static void flap_again(int i, uint32_t times)
{
	if (times == 0 || w.healed)
		return;
	struct happening *h = later(between(RANDOM_NET, 20, 500), FAULT_STRIKES, w.faults[i].host);
	h->arg = (uint32_t)i;
	h->more = times;
}

void fault_happens(const struct happening *h)
{
	struct fault *f = &w.faults[h->arg];
	if (!f->on || w.healed)
		return;
	if (f->kind == VOUCH) {
		person_vouches(f, h);
		return;
	}
	if (f->kind >= END_QEMU) {
		if (h->what == FAULT_ENDS)
			situation_ends(f);
		else
			situation_begins(f, (int)h->arg);
		return;
	}
	if (h->what == FAULT_ENDS) {
		tell(f->host, "**** %s ends", fault_names[f->kind]);
		hold(f, -1);
		colo_closes(0); /* what a silent link kept from them */
		colo_closes(1);
		if (f->kind == FLAP)
			flap_again((int)h->arg, h->more - 1);
		return;
	}
	if (h->more == 0)
		tell(f->host, "**** %s %.0f ms", fault_names[f->kind], f->ms);
	if (!hold(f, 1)) {
		strike_once(f);
		return;
	}
	double ms = f->kind == FLAP ? between(RANDOM_NET, 20, 800) : f->ms;
	struct happening *end = later(ms, FAULT_ENDS, f->host);
	end->arg = h->arg;
	end->more = h->more ? h->more : 6;
}

/* ---- the end of all faults ---- */

static void heal_host(int host)
{
	struct host *h = &w.host[host];
	h->disk.full = h->disk.hangs = false;
	h->qemu.trouble_in = 0;
	h->ftd.stall_in = h->ftd.dies_in = h->words = h->muted_after = 0;
	h->muted_until = w.now;
	if (!h->up)
		later(1, HOST_BOOT, host);
	if (h->suspended)
		later(1, HOST_RESUME, host);
	later(2, HOST_FTD_RESUME, host)->arg = h->ftd.stops;
	if (h->up)
		later(3, HOST_FTD_START, host);
	if (h->qemu.hung && !h->qemu.blocked)
		qemu_hang(host, false);
}

void heal(void)
{
	tell(-1, "**** everything heals");
	w.healed = true;
	w.healed_at = w.now;
	memset(w.cut, 0, sizeof w.cut);
	memset(w.cut_arbiter, 0, sizeof w.cut_arbiter);
	memset(w.replayed, 0, sizeof w.replayed);
	memset(w.lives_played, 0, sizeof w.lives_played);
	memset(w.icmp_forged, 0, sizeof w.icmp_forged);
	w.lives_flooded = 0;
	w.lossy = w.slow_net = w.slow_arbiter = w.colo_silent = 0;
	for (int i = 0; i < 2; i++) {
		heal_host(i);
		colo_closes(i);
	}
	situations_heal();
	person_heals();
}
