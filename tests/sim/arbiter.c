/* The arbiter: write-once registers behind a network that delays and loses, both ways.
 * A request that was given up can still land: what was sent is not taken back.
 * What is only read may be answered by an earlier state, for a while; what goes through its log, as every claim and mark does, is
 * answered by what stands there. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS       1000
#define FENCE_TIMEOUT_MS 5000

static struct asked {
	uint8_t id[FT_SESSION_BYTES];
	bool claim, verdict, sure;
	int name; /* to put there */
	int of;   /* whose arbiter */
} asked[1024];    /* by the number of the request: far more than can be under way */
static uint32_t n_asked;

static const struct registration *find(const uint8_t id[FT_SESSION_BYTES], bool verdict)
{
	for (int i = 0; i < w.n_registers; i++)
		if (memcmp(w.registers[i].id, id, FT_SESSION_BYTES) == 0 && w.registers[i].verdict == verdict)
			return &w.registers[i];
	return NULL;
}

const struct registration *arbiter_find(const uint8_t id[FT_SESSION_BYTES])
{
	return find(id, false);
}

const struct registration *arbiter_verdict(const uint8_t id[FT_SESSION_BYTES])
{
	return find(id, true);
}

void arbiter_reads_stale(double back_ms)
{
	w.stale_reads++;
	w.stale_since = w.now - MS(back_ms);
}

/* The time by whose state this is answered.  sure: it goes through the log. */
static int64_t answered_by(bool sure)
{
	bool stale = w.stale_reads > 0 && !sure && happens(RANDOM_SITUATION, 0.8);
	return stale ? w.stale_since : w.now;
}

/* Where each host has its own. */
static int arbiter_of(int host)
{
	return w.options.apart ? host : 0;
}

static const struct registration *find_asked(const struct asked *a, int64_t by)
{
	const struct registration *r;
	for (int i = 0; i < w.n_registers; i++) {
		r = &w.registers[i];
		bool same = r->of == a->of && r->verdict == a->verdict && memcmp(r->id, a->id, FT_SESSION_BYTES) == 0;
		if (same && r->at <= by)
			return r;
	}
	return NULL;
}

static double way(void)
{
	if (w.slow_arbiter && happens(RANDOM_ARBITER, 0.5))
		return between(RANDOM_ARBITER, 100, 4000);
	return between(RANDOM_ARBITER, 0.3, happens(RANDOM_ARBITER, 0.1) ? 100 : 5);
}

static bool reaches(int host)
{
	return !w.cut_arbiter[host] && w.host[host].up && !(w.slow_arbiter && happens(RANDOM_ARBITER, 0.2));
}

static void answer(double ms, int host, uint64_t life, uint32_t request, enum ft_claim claim, int winner)
{
	struct happening *h = later(ms, FTD_REGISTER, host);
	h->guard = life;
	h->arg = request;
	h->detail = (uint8_t)claim;
	h->more = (uint32_t)winner;
}

/* Arbiter type fence: whoever has powered the other host off has won.  One side waits a little, so that they do not shoot
 * each other; the word of a peer that nothing of its runs needs no shot. */
static void shoot(int host, bool fence)
{
	struct ftd *f = &w.host[host].ftd;
	f->requests++;
	f->request_open = true;
	if (!fence) {
		answer(0.1, host, f->life, f->requests, FT_CLAIM_WON, host);
		return;
	}
	struct happening *h = later((host ? 1500 : 0) + between(RANDOM_ARBITER, 100, 2000), ARBITER_SHOOTS, host);
	h->more = f->requests;
	h->guard = f->life;
	answer(FENCE_TIMEOUT_MS, host, f->life, f->requests, FT_CLAIM_UNREACHABLE, 0);
}

static void tell_fenced(double ms, int host, uint64_t life, bool failed)
{
	struct happening *h = later(ms, FTD_FENCED, host);
	h->guard = life;
	h->error = failed;
}

/* The agent is a process of the host, and dies with it; its ftd's death it survives. */
void arbiter_shoots(const struct happening *h)
{
	int other = 1 - h->host;
	bool able = reaches(h->host);
	if (w.options.behind)
		tell_fenced(0.1, h->host, h->guard, !able);
	if (!able)
		return;
	tell(h->host, "powers the other host off");
	if (w.host[h->host].ftd.core.ousting)
		w.ousted_for[h->host] = w.host[h->host].qemu.instance;
	host_crash(other);
	later(between(RANDOM_ARBITER, 1000, 5000), HOST_BOOT, other);
	if (!w.options.behind)
		answer(0.1, h->host, h->guard, h->more, FT_CLAIM_WON, h->host);
}

/* It fails as often as not, each time anew. */
void arbiter_fence(int host)
{
	uint64_t life = w.host[host].ftd.life;
	double ms = between(RANDOM_ARBITER, 100, 2000);
	if (happens(RANDOM_ARBITER, 0.5))
		tell_fenced(ms, host, life, true);
	else
		later(ms, ARBITER_SHOOTS, host)->guard = life;
}

void arbiter_ask(int host, const struct ft_action *a)
{
	if (w.options.fence) {
		shoot(host, a->fence);
		return;
	}
	struct ftd *f = &w.host[host].ftd;
	uint32_t n = n_asked++ % (sizeof asked / sizeof asked[0]);
	memcpy(asked[n].id, f->core.claim_id, sizeof asked[n].id);
	asked[n].claim = a->kind == FT_DO_CLAIM;
	asked[n].verdict = a->verdict;
	asked[n].sure = a->sure;
	asked[n].of = arbiter_of(host);
	asked[n].name = strcmp(a->text, "beta") == 0;
	f->requests++;
	f->request_open = true;
	if (reaches(host)) {
		bool late = asked[n].claim && w.late_claims[host] && happens(RANDOM_SITUATION, 0.7);
		double ms = late ? between(RANDOM_SITUATION, 1000, 9000) : way();
		struct happening *h = later(ms, ARBITER_ARRIVES, host);
		h->arg = n;
		h->more = f->requests;
		h->guard = f->life;
	}
	answer(TIMEOUT_MS, host, f->life, f->requests, FT_CLAIM_UNREACHABLE, 0);
}

static const struct registration *put_if_absent(const struct asked *a)
{
	const struct registration *there = find_asked(a, w.now);
	if (there)
		return there;
	if (w.n_registers == REGISTERS_MAX) {
		fprintf(stderr, "seed %llu: more sessions than the simulation has room for\n",
		        (unsigned long long)w.seed);
		abort();
	}
	struct registration *r = &w.registers[w.n_registers++];
	memcpy(r->id, a->id, sizeof r->id);
	r->winner = a->name;
	r->verdict = a->verdict;
	r->of = a->of;
	r->at = w.now;
	tell(a->name, "stands in the %s of session %02x%02x now", a->verdict ? "verdict" : "register", a->id[0],
	     a->id[1]);
	return r;
}

void arbiter_arrives(const struct happening *h)
{
	const struct asked *a = &asked[h->arg];
	const struct registration *r = a->claim ? put_if_absent(a) : find_asked(a, answered_by(a->sure));
	if (!reaches(h->host))
		return;
	enum ft_claim said = !r ? FT_CLAIM_NOT_NEEDED : a->claim && r->winner == a->name ? FT_CLAIM_WON : FT_CLAIM_LOST;
	answer(way(), h->host, h->guard, h->more, said, r ? r->winner : 0);
}

/* ---- marks ---- */

static struct mark {
	uint64_t ours, found;
	uint32_t epoch;
} marks[1024]; /* by their number; far more than can be under way */
static uint32_t n_marks;

#define MARK(n) (&marks[(n) % (sizeof marks / sizeof marks[0])])

static void answer_mark(double ms, int host, uint64_t life, uint32_t n, bool error)
{
	struct happening *h = later(ms, FTD_MARKED, host);
	h->guard = life;
	h->arg = n;
	h->error = error;
}

void arbiter_mark(int host)
{
	struct ftd *f = &w.host[host].ftd;
	uint32_t n = ++n_marks;
	*MARK(n) = (struct mark){.ours = f->core.self.share.next_mark, .epoch = (uint32_t)f->core.marked_epoch};
	f->mark_open = n;
	if (reaches(host)) {
		struct happening *h = later(way(), ARBITER_MARKS, host);
		h->arg = n;
		h->guard = f->life;
	}
	answer_mark(TIMEOUT_MS, host, f->life, n, true);
}

/* One transaction. */
void arbiter_marks(const struct happening *h)
{
	uint64_t *at = w.marks[arbiter_of(h->host)];
	at[h->host] = MARK(h->arg)->ours;
	w.marked[w.n_marked++ % MARKED_MAX] =
	    (struct marked){.at = w.now, .of = arbiter_of(h->host), .host = h->host, .epoch = MARK(h->arg)->epoch};
	MARK(h->arg)->found = at[1 - h->host];
	if (reaches(h->host))
		answer_mark(way(), h->host, h->guard, h->arg, false);
}

static void answer_remembered(double ms, int host, uint64_t life, enum ft_claim claim, uint32_t epoch)
{
	struct happening *h = later(ms, FTD_REMEMBERED, host);
	h->guard = life;
	h->arg = epoch;
	h->detail = (uint8_t)claim;
}

void arbiter_remember(int host, bool sure)
{
	uint64_t life = w.host[host].ftd.life;
	if (!reaches(host)) {
		answer_remembered(TIMEOUT_MS, host, life, FT_CLAIM_UNREACHABLE, 0);
		return;
	}
	struct happening *h = later(way(), ARBITER_REMEMBERS, host);
	h->guard = life;
	h->detail = sure;
}

void arbiter_remembers(const struct happening *h)
{
	uint32_t epochs[2] = {0, 0};
	bool any = false;
	int64_t by = answered_by(h->detail != 0);
	int first = w.n_marked > MARKED_MAX ? w.n_marked - MARKED_MAX : 0;
	for (int i = first; i < w.n_marked; i++) {
		const struct marked *m = &w.marked[i % MARKED_MAX];
		if (m->of != arbiter_of(h->host) || m->at > by)
			continue;
		epochs[m->host] = m->epoch;
		any = true;
	}
	uint32_t epoch = epochs[0] > epochs[1] ? epochs[0] : epochs[1];
	if (reaches(h->host))
		answer_remembered(way(), h->host, h->guard, any ? FT_CLAIM_LOST : FT_CLAIM_NOT_NEEDED, epoch);
	else
		answer_remembered(TIMEOUT_MS, h->host, h->guard, FT_CLAIM_UNREACHABLE, 0);
}

uint64_t arbiter_found(uint32_t n)
{
	return MARK(n)->found;
}
