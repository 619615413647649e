/* Deaths at boundaries: ftd is killed or asked to stop, or its host crashes, right after a certain answer: of the disk, the
 * register, the plan or the freezer; before it is heard, or between any two things that are then done about it.
 * Where a thing is known, and not yet said or done, is where an order of steps is right or wrong; and faults at random moments
 * hardly ever meet it, for it lasts microseconds.
 *
 * One death of each world is systematic: the seeds count through all kinds, hosts, answers, and places.  Often there is another
 * one, at random. */
#include "tests/sim/sim.h"

#define ARMED_AT  SECOND(1.8) /* as the other faults; or from the beginning on */
#define STEPS_MAX 6

static const enum fault_kind kinds[] = {KILL_AT_ANSWER, LEAVE_AT_ANSWER, CRASH_AT_ANSWER};
static const int nths[] = {1, 1, 1, 2, 2, 3};

static uint64_t pick(uint64_t *n, uint64_t of)
{
	uint64_t picked = *n % of;
	*n /= of;
	return picked;
}

/* How long there is no ftd, or no host. */
static double away(enum fault_kind kind)
{
	if (happens(RANDOM_DEATH, 0.1))
		return 1e6; /* until all heals */
	double least = kind == CRASH_AT_ANSWER ? 500 : 5;
	return least + (happens(RANDOM_DEATH, 0.6) ? between(RANDOM_DEATH, 0, 400) : between(RANDOM_DEATH, 0, 4000));
}

/* n names the death. */
static void plan(uint64_t n)
{
	struct fault *f = &w.faults[w.n_faults];
	*f = (struct fault){.kind = kinds[pick(&n, sizeof kinds / sizeof kinds[0])],
	                    .host = (int)pick(&n, 2),
	                    .answer = (enum answer)pick(&n, ANSWERS),
	                    .nth = nths[pick(&n, sizeof nths / sizeof nths[0])],
	                    .steps = (int)pick(&n, STEPS_MAX),
	                    .on = true};
	f->ms = away(f->kind);
	double after = between(RANDOM_DEATH, 0, happens(RANDOM_DEATH, 0.7) ? 400 : 4000);
	f->at = w.now + (happens(RANDOM_DEATH, 0.15) ? 0 : ARMED_AT + MS(after));
	if (!(w.options.kinds & FAULT(f->kind)))
		return;
	later((double)(f->at - w.now) / 1e6, FAULT_STRIKES, f->host)->arg = (uint32_t)w.n_faults++;
}

void deaths_plan(void)
{
	plan(w.seed);
	if (happens(RANDOM_DEATH, 0.5))
		plan(chance(RANDOM_DEATH));
}

/* Faults that leave a side not knowing what has become of the other, of its claim, its disk or its QEMU; each alone with its
 * like, for what comes of two that fit is rare among all. */
uint64_t death_theme(void)
{
	static const uint64_t themes[] = {
	    FAULT(CUT_LINKS) | FAULT(CUT_ARBITER) | FAULT(SLOW_ARBITER),
	    FAULT(ISOLATE) | FAULT(PARTITION) | FAULT(FLAP) | FAULT(KILL_QEMU) | FAULT(CUT_ONE_WAY),
	    FAULT(FORCE) | FAULT(CUT_LINKS) | FAULT(CUT_ARBITER) | FAULT(LEAVE_FTD) | FAULT(KILL_FTD),
	    FAULT(CRASH_HOST) | FAULT(KILL_QEMU) | FAULT(REBUILD) | FAULT(CUT_ARBITER) | FAULT(SLOW_ARBITER),
	    FAULT(DISK_FULL) | FAULT(DISK_HANGS) | FAULT(DISK_LOSES) | FAULT(KILL_FTD) | FAULT(CUT_LINKS) |
	        FAULT(FORCE),
	    FAULT(HANG_QEMU) | FAULT(STOP_QEMU) | FAULT(CLOSE_COLO) | FAULT(PLAN_TROUBLE) | FAULT(CUT_LINKS),
	};
	uint64_t theme = themes[chance(RANDOM_DEATH) % (sizeof themes / sizeof themes[0])];
	return happens(RANDOM_DEATH, 0.6) ? theme : 0;
}

static bool is_answer(enum ft_event_kind kind, enum answer answer)
{
	switch (answer) {
	case ANSWER_STORED:
		return kind == FT_EVENT_STORED;
	case ANSWER_RECORDED:
		return kind == FT_EVENT_RECORDED;
	case ANSWER_REGISTER:
		return kind == FT_EVENT_CLAIM || kind == FT_EVENT_REGISTER || kind == FT_EVENT_FENCED;
	case ANSWER_PLAN:
		return kind == FT_EVENT_PLAN;
	case ANSWER_FROZEN:
		return kind == FT_EVENT_FROZEN;
	case ANSWERS:
		break;
	}
	return false;
}

/* SIGTERM is taken up by the event loop, once it has done with what it is at. */
static void approach(int host, int fault)
{
	static const double ms[STEPS_MAX] = {0, 0.3, 1, 3, 10, 100};
	struct fault *f = &w.faults[fault];
	struct ftd *ftd = &w.host[host].ftd;
	f->armed = false;
	if (f->kind == LEAVE_AT_ANSWER) {
		later(ms[f->steps], FTD_TERM, host);
		return;
	}
	ftd->dies_in = 1 + f->steps;
	ftd->dies_of = fault;
}

void death_hears_of(int host, const struct ft_event *e)
{
	for (int i = 0; i < w.n_faults; i++) {
		struct fault *f = &w.faults[i];
		bool counts = f->armed && f->on && f->host == host && !w.healed && is_answer(e->kind, f->answer);
		if (counts && --f->nth == 0)
			approach(host, i);
	}
}

void death_strikes(int host)
{
	const struct fault *f = &w.faults[w.host[host].ftd.dies_of];
	tell(host, "**** dies between two instructions");
	if (f->kind == CRASH_AT_ANSWER) {
		host_crash(host);
		later(f->ms, HOST_BOOT, host);
	} else {
		ftd_end(host, true);
		later(f->ms, HOST_FTD_START, host);
	}
}
