/* Virtual time: chance, clocks, the queue of what happens, the history. */
#include "tests/sim/sim.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 200000 /* hundreds of times the usual */

struct world w;

/* ---- chance ---- */

uint64_t chance(enum stream s) /* splitmix64 */
{
	uint64_t z = (w.random[s] += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

double between(enum stream s, double low, double high)
{
	return low + (high - low) * (double)(chance(s) >> 11) / 9007199254740992.0;
}

bool happens(enum stream s, double probability)
{
	return between(s, 0, 1) < probability;
}

/* ---- clocks ---- */

#define MILLION INT64_C(1000000)

static int64_t local_at(const struct host *h, int64_t at)
{
	int64_t passed = at - h->booted_at;
	/* In two parts: it overflows nothing, and never goes back. */
	return h->clock_base + passed + passed / MILLION * h->drift + passed % MILLION * h->drift / MILLION;
}

/* That of a host that is paused stands still, whatever is planned for the time after. */
int64_t local_time(int host)
{
	const struct host *h = &w.host[host];
	return local_at(h, h->paused_at != FT_NEVER ? h->paused_at : w.now);
}

int64_t true_time(int host, int64_t local)
{
	const struct host *h = &w.host[host];
	if (local == FT_NEVER)
		return FT_NEVER;
	int64_t passed = local - h->clock_base;
	int64_t at = h->booted_at + passed - passed / MILLION * h->drift;
	/* That is right to some hundred ns; what is missing is added up. */
	for (int64_t short_of; (short_of = local - local_at(h, at)) > 0;)
		at += short_of;
	return at < w.now ? w.now : at;
}

/* ---- history ---- */

void tell(int host, const char *format, ...)
{
	if (!w.verbose)
		return;
	printf("%10.3f  %-5s  ", (double)w.now / 1e6, host < 0 ? "" : host ? "beta" : "alpha");
	va_list args;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* ---- datagrams under way ---- */

struct datagram *take_datagram(void)
{
	if (w.free_datagram < 0)
		return NULL;
	struct datagram *d = &w.datagrams[w.free_datagram];
	w.free_datagram = d->next_free;
	return d;
}

void drop_datagram(int i)
{
	w.datagrams[i].next_free = w.free_datagram;
	w.free_datagram = i;
}

/* ---- the queue: a binary heap ---- */

static bool before(const struct happening *a, const struct happening *b)
{
	return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static int sift_up(int i)
{
	while (i > 0 && before(&w.queue[i], &w.queue[(i - 1) / 2])) {
		struct happening h = w.queue[i];
		w.queue[i] = w.queue[(i - 1) / 2];
		w.queue[(i - 1) / 2] = h;
		i = (i - 1) / 2;
	}
	return i;
}

static void sift_down(int i)
{
	for (;;) {
		int least = i;
		for (int child = 2 * i + 1; child <= 2 * i + 2 && child < w.n_queue; child++)
			if (before(&w.queue[child], &w.queue[least]))
				least = child;
		if (least == i)
			return;
		struct happening h = w.queue[i];
		w.queue[i] = w.queue[least];
		w.queue[least] = h;
		i = least;
	}
}

static uint64_t guard_of(enum what what, int host)
{
	if (what <= FTD_LAST)
		return w.host[host].ftd.life;
	return what <= QEMU_LAST ? w.host[host].qemu.instance : 0;
}

struct happening *later(double ms, enum what what, int host)
{
	if (w.n_queue == QUEUE_MAX) {
		fprintf(stderr, "seed %llu: more is under way than the simulation has room for\n",
		        (unsigned long long)w.seed);
		abort();
	}
	int64_t at = w.now + MS(ms);
	w.queue[w.n_queue] = (struct happening){
	    .at = at, .order = w.order++, .what = (uint8_t)what, .host = (uint8_t)host, .guard = guard_of(what, host)};
	return &w.queue[sift_up(w.n_queue++)];
}

static void take_first(struct happening *out)
{
	*out = w.queue[0];
	w.queue[0] = w.queue[--w.n_queue];
	sift_down(0);
}

/* ---- running ---- */

static void happen(const struct happening *h)
{
	if (h->what <= FTD_LAST)
		ftd_happens(h);
	else if (h->what <= QEMU_LAST)
		qemu_happens(h);
	else if (h->what <= HOST_RESET)
		host_happens(h);
	else if (h->what == ARBITER_ARRIVES)
		arbiter_arrives(h);
	else if (h->what == ARBITER_MARKS)
		arbiter_marks(h);
	else if (h->what == ARBITER_REMEMBERS)
		arbiter_remembers(h);
	else if (h->what == ARBITER_SHOOTS)
		arbiter_shoots(h);
	else if (h->what == ATTACK)
		attacker_sends(h);
	else if (h->what == ATTACK_IN_LIFE)
		attacker_plays(h);
	else if (h->what == ATTACK_FLOODS)
		attacker_floods();
	else if (h->what == ATTACK_BY_ICMP)
		attacker_forges(h->host);
	else if (h->what == HEAL)
		heal();
	else
		fault_happens(h);
}

static int64_t earliest_of(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t ftd_wake(int host)
{
	const struct ftd *f = &w.host[host].ftd;
	if (!ftd_can_run(host) || f->turn.running)
		return FT_NEVER;
	return earliest_of(f->wake_links, earliest_of(f->wake_core, f->wake_plan));
}

static int64_t sentinel_wake(int host, const struct sentinel *s)
{
	return s->on && w.host[host].up && !w.host[host].suspended ? s->wake : FT_NEVER;
}

/* The processes that wait for a time of their own. */
static int64_t wake_someone(int64_t until, bool really)
{
	int64_t best = FT_NEVER;
	int who = -1;
	for (int i = 0; i < 6; i++) {
		struct host *h = &w.host[i & 1];
		int64_t at = i < 2   ? ftd_wake(i & 1)
		             : i < 4 ? sentinel_wake(i & 1, &h->sentinel)
		                     : sentinel_wake(i & 1, &h->predecessor);
		if (at < best) {
			best = at;
			who = i;
		}
	}
	if (!really || best > until)
		return best;
	w.now = best > w.now ? best : w.now;
	if (who < 2)
		ftd_wakes(who);
	else
		sentinel_wakes(who & 1, who < 4 ? &w.host[who & 1].sentinel : &w.host[who & 1].predecessor);
	return best;
}

void world_run(int64_t until, bool (*enough)(void))
{
	while (!w.broken) {
		int64_t queued = w.n_queue ? w.queue[0].at : FT_NEVER;
		int64_t waking = wake_someone(0, false);
		int64_t next = earliest_of(queued, waking);
		if (next > until) {
			w.now = until > w.now ? until : w.now;
			return;
		}
		if (++w.events > EVENTS_MAX)
			law_broken(world_spins);
		if (queued <= waking) {
			struct happening h;
			take_first(&h);
			w.now = h.at > w.now ? h.at : w.now;
			happen(&h);
		} else {
			wake_someone(FT_NEVER - 1, true);
		}
		laws_after_event();
		if (enough && enough())
			return;
	}
}

void world_begin(uint64_t seed, const struct options *options, bool verbose)
{
	memset(&w, 0, offsetof(struct world, queue));
	w.n_queue = 0;
	w.seed = seed;
	w.options = *options;
	w.verbose = verbose;
	for (int i = 0; i < RANDOM_STREAMS; i++) {
		w.random[i] = seed * RANDOM_ON_TOP + (uint64_t)i; /* so that a new stream changes no old one */
		w.random[i] = chance((enum stream)i);
	}
	w.now = SECOND(1000);
	w.free_datagram = -1;
	for (int i = DATAGRAMS_MAX; i-- > 0;)
		drop_datagram(i);
	w.walls_unset = seed % 5 == 0;
	digest_begins(&w.digest);
	w.checkpoint_every = MS(300);
	w.guard_ms = GUARD_MS;
	for (int i = 0; i < 2; i++) {
		struct host *h = &w.host[i];
		w.crashed_at[i] = FT_NEVER;
		h->up = true;
		h->booted_at = w.now;
		h->clock_base = MS(between(RANDOM_SETUP, 1e3, 1e7));
		h->drift = (int)between(RANDOM_SETUP, -500, 500); /* a thousandth between two hosts */
		h->stretch = 1;
		h->lost_after = h->longest_after = LOST_AFTER;
		h->paused_at = FT_NEVER;
		h->paused_until = FT_NEVER;
		h->resumed_at = FT_NEVER;
		h->unverifiable = happens(RANDOM_SETUP, 0.005);
		qemu_start(i, i ? FT_ROLE_SECONDARY : FT_ROLE_PRIMARY);
		later(between(RANDOM_SETUP, 0, 300), HOST_FTD_START, i);
	}
	faults_plan();
}
