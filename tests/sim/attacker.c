/* Somebody on the network, without a key, who records every heartbeat and sends it again, to either host.
 * Knows: what was sent, as bytes.  Must not know: what it means. */
#include "tests/sim/sim.h"

#include <string.h>

#define RECORDED_MAX 512 /* some ten seconds of both links; then the oldest are overwritten */

static struct recorded {
	int link;
	size_t len;
	uint8_t data[FT_WIRE_MAX];
} tape[2][RECORDED_MAX];

void attacker_hears(int from, int link, const uint8_t *data, size_t len)
{
	struct recorded *r = &tape[from][w.n_recorded[from]++ % RECORDED_MAX];
	r->link = link;
	r->len = len;
	memcpy(r->data, data, len);
}

void attacker_sends(const struct happening *h)
{
	if (!w.replayed[h->host])
		return;
	int from = happens(RANDOM_NET, 0.1) ? h->host : 1 - h->host;
	int n = w.n_recorded[from] < RECORDED_MAX ? w.n_recorded[from] : RECORDED_MAX;
	struct datagram *d = n > 0 ? take_datagram() : NULL;
	if (d) {
		const struct recorded *r = &tape[from][h->arg % (uint32_t)n];
		d->link = r->link;
		d->len = r->len;
		memcpy(d->data, r->data, r->len);
		later(between(RANDOM_NET, 0.1, 2), FTD_DATAGRAM, h->host)->arg = (uint32_t)(d - w.datagrams);
	}
	later(between(RANDOM_NET, 5, 30), ATTACK, h->host)->arg = h->arg + 1;
}

void attack(int host)
{
	later(0, ATTACK, host)->arg = (uint32_t)(chance(RANDOM_NET) % RECORDED_MAX);
}
