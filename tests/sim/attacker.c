/* Somebody on the network, without a key, who records every heartbeat and sends it again, to either host: at random; or,
 * while a host is silent, what it said before, in order and at its pace, so that it may seem to live on; or as a flood,
 * together with the hellos of earlier lives, more than anybody could keep apart.  And he says in the name of a host's kernel that
 * nobody has its port open.
 * Knows: what was sent, as bytes.  Must not know: what it means. */
#include "tests/sim/sim.h"

#include <string.h>

#define RECORDED_MAX 2048 /* a whole history, as a rule; then the oldest are overwritten */
#define SILENT_AFTER MS(1.5 * INTERVAL_MS)

static struct recorded {
	int64_t at;
	int link;
	size_t len;
	uint8_t data[FT_WIRE_MAX];
} tape[2][RECORDED_MAX];

void attacker_hears(int from, int link, const uint8_t *data, size_t len)
{
	struct recorded *r = &tape[from][w.n_recorded[from]++ % RECORDED_MAX];
	r->at = w.now;
	r->link = link;
	r->len = len;
	memcpy(r->data, data, len);
}

/* The hellos of the lives that ended before this world began. */
#define FORMER_LIVES 100
static struct recorded hellos[2][FORMER_LIVES];

static void recall_hellos(void)
{
	static const struct ft_side side = {.state = FT_UNPROTECTED, .vm = FT_VM_UNKNOWN};
	if (hellos[0][0].len > 0)
		return;
	for (int i = 0; i < 2 * FORMER_LIVES; i++) {
		struct recorded *r = &hellos[i % 2][i / 2];
		struct ft_hub life;
		ft_hub_init(&life, settings_of(i % 2), (uint64_t)i + 1, SECOND(1e5 + i), 0);
		r->link = i / 2 % LINKS;
		r->len = ft_hub_compose(&life, r->link, &side, 0, r->data);
	}
}

static int on_tape(int from)
{
	return w.n_recorded[from] < RECORDED_MAX ? w.n_recorded[from] : RECORDED_MAX;
}

static void send_again(const struct recorded *r, double ms, int to)
{
	struct datagram *d = take_datagram();
	if (!d)
		return;
	d->link = r->link;
	d->len = r->len;
	memcpy(d->data, r->data, r->len);
	later(ms, FTD_DATAGRAM, to)->arg = (uint32_t)(d - w.datagrams);
}

void attacker_sends(const struct happening *h)
{
	if (!w.replayed[h->host])
		return;
	int from = happens(RANDOM_NET, 0.1) ? h->host : 1 - h->host;
	int n = on_tape(from);
	if (n > 0)
		send_again(&tape[from][h->arg % (uint32_t)n], between(RANDOM_NET, 0.1, 2), h->host);
	later(between(RANDOM_NET, 5, 30), ATTACK, h->host)->arg = h->arg + 1;
}

void attack(int host)
{
	later(0, ATTACK, host)->arg = (uint32_t)(chance(RANDOM_NET) % RECORDED_MAX);
}

static bool is_silent(int from)
{
	int n = w.n_recorded[from];
	return n > 0 && w.now - tape[from][(n - 1) % RECORDED_MAX].at >= SILENT_AFTER;
}

/* Begins anywhere on the tape, and plays on to its end; then from elsewhere. */
void attacker_plays(const struct happening *h)
{
	int from = 1 - h->host;
	if (!w.lives_played[h->host])
		return;
	if (!is_silent(from)) {
		later(50, ATTACK_IN_LIFE, h->host);
		return;
	}
	int last = w.n_recorded[from] - 1;
	int i = h->arg ? (int)h->arg : last - (int)(chance(RANDOM_ON_TOP) % (uint64_t)on_tape(from));
	const struct recorded *r = &tape[from][i % RECORDED_MAX], *next = &tape[from][(i + 1) % RECORDED_MAX];
	send_again(r, 0.1, h->host);
	double ms = i < last ? (double)(next->at - r->at) / 1e6 : 50;
	later(ms, ATTACK_IN_LIFE, h->host)->arg = i < last ? (uint32_t)i + 1 : 0;
}

#define BURST 8
/* Among all kinds it is a drizzle, so that it costs no more than the rest of the world; where it was asked for, 20 000 a second. */
#define BURST_MS (w.options.kinds == ALL_FAULTS ? 10 : 0.4)

void attacker_floods(void)
{
	if (w.lives_flooded == 0)
		return;
	recall_hellos();
	for (int i = 0; i < BURST; i++) {
		int from = (int)(chance(RANDOM_ATTACK) % 2), n = on_tape(from);
		bool former = n == 0 || happens(RANDOM_ATTACK, 0.7);
		uint64_t which = chance(RANDOM_ATTACK);
		send_again(former ? &hellos[from][which % FORMER_LIVES] : &tape[from][which % (uint64_t)n],
		           between(RANDOM_ATTACK, 0.1, 2), 1 - from);
	}
	later(BURST_MS, ATTACK_FLOODS, 0);
}

void attacker_forges(int host)
{
	if (w.icmp_forged[host] == 0)
		return;
	for (int link = 0; link < LINKS; link++)
		later(0, FTD_REFUSED, host)->arg = (uint32_t)link;
	later(15, ATTACK_BY_ICMP, host);
}
