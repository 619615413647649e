/* Both directions of the heartbeats: an authentic peer, in many lives, that says anything, at any time. */
#include "heartbeat/hub.h"
#include "tests/fuzz/fuzz.h"

#include <sodium.h>

#define LIVES 8

static struct ft_heartbeat_settings config = {.pair = "vm1",
                                              .node = "alpha",
                                              .interval_ms = 100,
                                              .lost_after = 5,
                                              .n_links = 2,
                                              .n_keys = 1,
                                              .keys = {{.id = 1, .bytes = "a key"}}};

struct world {
	struct ft_hub hub;
	int64_t now;
	uint64_t sent[FT_LINKS_MAX];          /* our newest sequence on each link */
	uint8_t recorded[LIVES][FT_WIRE_MAX]; /* by whoever listens, to be sent again */
	size_t recorded_len[LIVES];
};

static void compose(struct world *w, int link)
{
	static const struct ft_side self;
	uint8_t out[FT_WIRE_MAX];
	struct ft_beat beat;
	size_t len = ft_hub_compose(&w->hub, link, &self, w->now, out);
	LAW(ft_wire_decode(out, len, config.keys, 1, config.pair, &beat) == FT_WIRE_OK,
	    "what we send can be understood");
	LAW(beat.sequence > w->sent[link], "sequences only grow");
	w->sent[link] = beat.sequence;
}

static void hear(struct world *w, const uint8_t *datagram, size_t len, int link)
{
	bool had_peer = w->hub.have_peer;
	enum ft_heard heard = ft_hub_receive(&w->hub, link, datagram, len, w->now);
	LAW(heard <= FT_HEARD_ASKED, "what was heard has a name");
	LAW(!had_peer || w->hub.have_peer, "a peer is not forgotten by hearing another");
	LAW(heard == FT_HEARD_NOTHING || heard == FT_HEARD_HELLO || w->hub.have_peer, "life is somebody's");
	ft_detector_tick(&w->hub.detector, w->now);
}

/* An echo of ours, or nearly; a sequence of ours, or nearly: what is far from the truth is refused at the first look. */
static void beat(struct world *w, struct input *in)
{
	struct ft_beat b = {.link = (uint8_t)choose(in, 2), .asking = take(in, 1) & 1, .tentative = take(in, 1) & 1};
	int life = choose(in, LIVES), link = choose(in, 2);
	strcpy(b.node, take(in, 1) % 16 ? "beta" : "alpha");
	b.incarnation = (uint64_t)life + 1;
	b.echo_incarnation = take(in, 1) % 8 ? w->hub.incarnation : take(in, 8);
	b.born = (int64_t)take(in, 1);
	b.sequence = take(in, 2) + 1;
	b.ack_sequence = take(in, 1) % 8 ? w->sent[b.link] - take(in, 1) % 4 : take(in, 8);
	b.sent = (int64_t)(take(in, 8) >> 1);
	b.echo_sent = (int64_t)(take(in, 1) % 8 ? (uint64_t)w->now - take(in, 3) : take(in, 8) >> 1);
	b.held_us = (uint32_t)take(in, 4);
	b.side.role = (enum ft_role)choose(in, FT_ROLE_COUNT);
	b.side.state = (enum ft_state)choose(in, FT_STATE_COUNT);
	b.side.window_ms = (uint32_t)take(in, 4);
	w->recorded_len[life] = ft_wire_encode(&b, &config.keys[0], config.pair, w->recorded[life]);
	hear(w, w->recorded[life], w->recorded_len[life], link);
}

static void act(struct world *w, struct input *in)
{
	const uint8_t *bytes;
	size_t n;
	int life = choose(in, LIVES);
	switch (choose(in, 5)) {
	case 0:
		w->now += (int64_t)take(in, 4);
		ft_detector_tick(&w->hub.detector, w->now);
		break;
	case 1:
		beat(w, in);
		break;
	case 2:
		hear(w, w->recorded[life], w->recorded_len[life], choose(in, 2));
		break;
	case 3:
		n = take_bytes(in, take(in, 1), &bytes);
		hear(w, bytes, n, choose(in, 2));
		break;
	default:
		if (ft_hub_send_due(&w->hub, w->now))
			for (int link = 0; link < config.n_links; link++)
				compose(w, link);
	}
	LAW(ft_hub_acked_sent(&w->hub) == FT_NEVER || ft_hub_acked_sent(&w->hub) <= w->now,
	    "what is acknowledged was sent");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	struct input in = {data, size};
	if (sodium_init() < 0)
		return 0;
	memset(&w, 0, sizeof w);
	w.now = 1000 * FT_NS_PER_MS;
	ft_hub_init(&w.hub, &config, UINT64_C(0x1122334455667788), 1, w.now);
	while (in.left > 0)
		act(&w, &in);
	return 0;
}
