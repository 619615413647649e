/* Two hubs and a network that loses, doubles, delays, reorders, replays and cuts, all in virtual time. */
#include "heartbeat/diagnosis.h"

#include <check.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MS        FT_NS_PER_MS
#define INTERVAL  (100 * MS)
#define WINDOW    (500 * MS) /* 5 intervals */
#define IN_FLIGHT 1024
#define RECORDED  4096
#define LINKS     2

struct datagram {
	int64_t at; /* FT_NEVER: a free slot */
	int to, link;
	size_t len;
	uint8_t data[FT_WIRE_MAX];
};

struct host {
	bool running;
	struct ft_heartbeat_settings config;
	struct ft_hub hub;
	struct ft_side side;
	int lost;      /* times the peer was declared lost */
	int new_peers; /* times a new incarnation became the peer */
};

static struct host hosts[2];
static int64_t now;
static int64_t wall; /* what the wall clock is ahead of it; it may be set */
static uint64_t dice_state, incarnations;

/* The network, towards host 0 and towards host 1 */
static struct {
	bool cut[2][LINKS];
	bool answers_only[2]; /* what a host sends unasked is lost */
	int64_t delay[LINKS], jitter;
	int loss, doubling; /* percent */
} net;
static struct datagram in_flight[IN_FLIGHT];
static struct datagram recorded[RECORDED];
static int n_recorded;

static unsigned dice(unsigned sides)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 7;
	dice_state ^= dice_state << 17;
	return (unsigned)(dice_state >> 32) % sides;
}

static void set_config(struct ft_heartbeat_settings *c, const char *node, int n_links)
{
	*c = (struct ft_heartbeat_settings){
	    .pair = "vm1", .n_keys = 1, .interval_ms = 100, .lost_after = 5, .n_links = n_links};
	strcpy(c->node, node);
	c->keys[0] = (struct ft_key){.id = 42, .bytes = {1, 2, 3}};
}

static void boot(int i, const char *node)
{
	struct host *h = &hosts[i];

	*h = (struct host){.running = true, .side = {.state = FT_UNPROTECTED}};
	set_config(&h->config, node, LINKS);
	ft_hub_init(&h->hub, &h->config, ++incarnations, wall + now, now);
}

static void put_in_flight(const struct datagram *d, int64_t at)
{
	for (int i = 0; i < IN_FLIGHT; i++) {
		if (in_flight[i].at != FT_NEVER)
			continue;
		in_flight[i] = *d;
		in_flight[i].at = at;
		return;
	}
	ck_abort_msg("the network is full: somebody answers without end");
}

static void send_on(int from, int link)
{
	struct host *h = &hosts[from];
	struct datagram d = {.to = !from, .link = link};

	d.len = ft_hub_compose(&h->hub, link, &h->side, now, d.data);
	if (n_recorded < RECORDED)
		recorded[n_recorded++] = d;
	if (net.cut[d.to][link] || dice(100) < (unsigned)net.loss)
		return;
	for (int copies = dice(100) < (unsigned)net.doubling ? 2 : 1; copies > 0; copies--)
		put_in_flight(&d, now + net.delay[link] + (net.jitter ? dice((unsigned)net.jitter) : 0));
}

static void send_all(int from)
{
	bool cut[LINKS];

	memcpy(cut, net.cut[!from], sizeof cut);
	for (int link = 0; link < LINKS; link++)
		net.cut[!from][link] |= net.answers_only[!from];
	for (int link = 0; link < hosts[from].hub.n_links; link++)
		send_on(from, link);
	memcpy(net.cut[!from], cut, sizeof cut);
}

static enum ft_heard receive(int to, int link, const uint8_t *data, size_t len)
{
	enum ft_heard heard = ft_hub_receive(&hosts[to].hub, link, data, len, now);

	if (heard == FT_HEARD_HELLO || heard == FT_HEARD_ASKED)
		send_on(to, link);
	if (heard == FT_HEARD_NEW_PEER) {
		hosts[to].new_peers++;
		send_all(to);
	}
	return heard;
}

static void turn(int i)
{
	struct host *h = &hosts[i];

	if (ft_detector_tick(&h->hub.detector, now) && h->hub.detector.hearing == FT_HEARING_LOST) {
		int64_t acked = ft_hub_acked_sent(&hosts[!i].hub);

		h->lost++;
		/* The law of the lease: who is declared lost knows of nothing heard that is younger than the window. */
		if (hosts[!i].running && acked != FT_NEVER)
			ck_assert_int_le(acked, now - h->hub.detector.window);
	}
	if (ft_hub_send_due(&h->hub, now))
		send_all(i);
}

/* A turn that was due, with nothing heard.  One that only sends sends, and neither judges nor asks. */
static void turn_when_due(int i)
{
	const struct ft_hub *h = &hosts[i].hub;
	bool only_sends = ft_hub_only_sends(h, now);
	enum ft_hearing hearing = h->detector.hearing;
	uint64_t sent = h->links[0].stats.sent;

	turn(i);
	if (!only_sends)
		return;
	ck_assert_int_eq(h->detector.hearing, hearing);
	ck_assert_uint_gt(h->links[0].stats.sent, sent);
	for (int link = 0; link < h->n_links; link++)
		ck_assert_int_ne(h->links[link].asked_at, now);
}

static struct datagram *next_datagram(void)
{
	struct datagram *next = &in_flight[0];

	for (int i = 1; i < IN_FLIGHT; i++)
		if (in_flight[i].at < next->at)
			next = &in_flight[i];
	return next;
}

static void run(int64_t duration)
{
	int64_t end = now + duration;

	for (;;) {
		struct datagram *d = next_datagram(), copy;
		int64_t due = d->at;
		int who = -1;

		for (int i = 0; i < 2; i++) {
			int64_t deadline = hosts[i].running ? ft_hub_deadline(&hosts[i].hub) : FT_NEVER;

			if (deadline < due) {
				due = deadline;
				who = i;
			}
		}
		if (due > end)
			break;
		now = due > now ? due : now;
		if (who >= 0) {
			turn_when_due(who);
			continue;
		}
		copy = *d;
		d->at = FT_NEVER;
		if (!hosts[copy.to].running)
			continue;
		if (copy.link < hosts[copy.to].hub.n_links)
			receive(copy.to, copy.link, copy.data, copy.len);
		turn(copy.to);
	}
	now = end;
}

static void setup(void)
{
	memset(&net, 0, sizeof net);
	for (int i = 0; i < IN_FLIGHT; i++)
		in_flight[i].at = FT_NEVER;
	n_recorded = 0;
	wall = 1000000 * 1000 * MS;
	now = 5000 * MS;
	dice_state = 88172645463325252;
	incarnations = 1000;
	net.delay[0] = net.delay[1] = 1 * MS;
	boot(0, "alpha");
	hosts[1].running = false;
	run(37 * MS);
	boot(1, "beta");
}

static bool knows(int i)
{
	const struct ft_hub *h = &hosts[i].hub;

	return h->have_peer && h->peer.incarnation == hosts[!i].hub.incarnation &&
	       h->detector.hearing == FT_HEARING_ALIVE;
}

static uint64_t rejected(int i, int reason)
{
	uint64_t n = 0;

	for (int link = 0; link < LINKS; link++)
		n += hosts[i].hub.links[link].stats.rejected[reason];
	return n;
}

static uint64_t received(int i)
{
	return hosts[i].hub.links[0].stats.received + hosts[i].hub.links[1].stats.received;
}

START_TEST(a_pair_finds_itself)
{
	int64_t start = now;

	run(5 * MS);
	ck_assert_msg(knows(0) && knows(1), "two round trips after the second one started");
	ck_assert_str_eq(hosts[0].hub.peer.node, "beta");
	run(1000 * MS);
	for (int i = 0; i < 2; i++) {
		const struct ft_hub *h = &hosts[i].hub;

		/* It may have waited for a whole interval at the peer. */
		ck_assert_int_gt(ft_hub_acked_sent(h), now - 2 * INTERVAL - 10 * MS);
		ck_assert_int_eq(hosts[i].new_peers, 1);
		ck_assert_int_eq(hosts[i].lost, 0);
		for (int link = 0; link < LINKS; link++) {
			/* held is sent in whole microseconds */
			ck_assert_int_ge(h->links[link].stats.rtt, 2 * MS);
			ck_assert_int_lt(h->links[link].stats.rtt, 2 * MS + 1000);
			ck_assert_uint_eq(h->links[link].stats.lost, 0);
			ck_assert(h->detector.links[link].alive);
		}
	}
	/* Once met, nothing but the schedule is sent. */
	ck_assert_uint_le(hosts[0].hub.links[0].stats.sent, (uint64_t)((now - start) / INTERVAL) + 6);
}
END_TEST

START_TEST(silence_is_lost_at_the_window)
{
	int64_t heard;

	run(1000 * MS);
	hosts[1].running = false;
	run(20 * MS);
	heard = ft_detector_last_heard(&hosts[0].hub.detector);
	run(heard + WINDOW - 1 - now);
	ck_assert_int_eq(hosts[0].hub.detector.hearing, FT_HEARING_QUIET);
	run(1);
	ck_assert_int_eq(hosts[0].hub.detector.hearing, FT_HEARING_LOST);
}
END_TEST

/* The law of the lease is asserted in turn(), each time somebody declares the other lost. */
START_TEST(a_one_way_cut_ends_the_right_before_the_loss)
{
	run(1000 * MS);
	net.cut[1][0] = net.cut[1][1] = true;
	run(2000 * MS);
	ck_assert_int_eq(hosts[1].lost, 1);
	ck_assert_int_eq(hosts[0].lost, 0);
	ck_assert_msg(knows(0), "the other way the packets still flow");
	ck_assert_int_lt(ft_hub_acked_sent(&hosts[0].hub), now - WINDOW);
	net.cut[1][0] = net.cut[1][1] = false;
	run(2 * INTERVAL);
	ck_assert(knows(0) && knows(1));
	ck_assert_int_gt(ft_hub_acked_sent(&hosts[0].hub), now - 2 * INTERVAL);
	ck_assert_int_eq(hosts[0].new_peers + hosts[1].new_peers, 2);
}
END_TEST

START_TEST(one_link_of_two_is_enough)
{
	run(1000 * MS);
	net.cut[0][1] = net.cut[1][1] = true;
	run(3000 * MS);
	ck_assert(knows(0) && knows(1));
	ck_assert(!hosts[0].hub.detector.links[1].alive);
	ck_assert_int_gt(ft_hub_acked_sent(&hosts[0].hub), now - 2 * INTERVAL);
	net.cut[0][1] = net.cut[1][1] = false;
	run(2 * INTERVAL);
	ck_assert(hosts[0].hub.detector.links[1].alive);
	/* Exactly those of the cut are counted, none of those before and after. */
	ck_assert_uint_ge(hosts[0].hub.links[1].stats.lost, 29);
	ck_assert_uint_le(hosts[0].hub.links[1].stats.lost, 31);
	ck_assert_uint_eq(hosts[0].hub.links[0].stats.lost, 0);
}
END_TEST

/* Not one heartbeat of the one side arrives, the k-th neither: the questions alone keep the pair together, those about
 * the peer as well where no right is at stake. */
START_TEST(an_answer_is_as_good_as_a_heartbeat)
{
	bool calm = _i / 2;

	hosts[0].side.state = hosts[1].side.state = calm ? FT_PROTECTED : FT_HELD;
	run(1000 * MS);
	net.answers_only[_i % 2] = true;
	run(1000 * INTERVAL);
	ck_assert_int_eq(hosts[0].lost + hosts[1].lost, 0);
	for (int i = 0; i < 2 && calm; i++)
		ck_assert_int_gt(ft_hub_acked_sent(&hosts[i].hub), now - WINDOW);
}
END_TEST

/* Nothing that is not calm gives a right, so the doubt of both is not to be settled by any answer. */
START_TEST(doubts_of_both_do_not_feed_on_each_other)
{
	uint64_t sent;

	run(1000 * MS);
	sent = hosts[0].hub.links[0].stats.sent;
	hosts[0].side.state = hosts[1].side.state = FT_HELD;
	run(100 * INTERVAL);
	ck_assert_int_lt(ft_hub_acked_sent(&hosts[0].hub), now - 90 * INTERVAL);
	ck_assert_uint_ge(hosts[0].hub.links[0].stats.sent - sent, 100);
	/* the schedule; some forty questions, since each comes after a twelfth of the time left; and as many answers */
	ck_assert_uint_le(hosts[0].hub.links[0].stats.sent - sent, 100 + 2 * 60);
	/* What was in doubt once, and no answer can help any more, hurries no later question. */
	hosts[1].running = false;
	sent = hosts[0].hub.links[0].stats.sent;
	run(10 * INTERVAL);
	ck_assert_int_eq(hosts[0].lost, 1);
	ck_assert_uint_le(hosts[0].hub.links[0].stats.sent - sent, 10 + 60);
}
END_TEST

/* One link, a fifth of all packets lost each way, five losses in a row to be declared lost: heartbeats alone would
 * alarm some eight times on each side in 30000 intervals. */
START_TEST(random_loss_alarms_nobody)
{
	net.loss = 20;
	net.cut[0][1] = net.cut[1][1] = true;
	run(30000 * INTERVAL);
	ck_assert_int_eq(hosts[0].lost + hosts[1].lost, 0);
	ck_assert_int_eq(hosts[0].new_peers + hosts[1].new_peers, 2);
	ck_assert_uint_gt(hosts[0].hub.links[0].stats.lost, 5000);
	/* and the questions are few: less than one packet in two is one or its answer */
	ck_assert_uint_lt(hosts[0].hub.links[0].stats.sent, 45000);
}
END_TEST

START_TEST(a_bad_network_is_counted_and_survived)
{
	net.loss = 10;
	net.doubling = 20;
	net.jitter = 150 * MS;
	run(3000 * INTERVAL);
	ck_assert_int_eq(hosts[0].lost + hosts[1].lost, 0);
	ck_assert_int_eq(hosts[0].new_peers + hosts[1].new_peers, 2);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_gt(rejected(i, FT_REJECT_REPLAY), 500);
		ck_assert_uint_lt(rejected(i, FT_REJECT_ECHO), 20);
		ck_assert_uint_gt(hosts[i].hub.links[0].stats.lost, 200);
		/* Each sequence is counted once: received, or in a gap. */
		ck_assert_uint_le(hosts[i].hub.links[0].stats.lost + hosts[i].hub.links[0].stats.received,
		                  hosts[!i].hub.links[0].stats.sent);
	}
}
END_TEST

/* Plays what was recorded on its way to `to`, from..before, to it again, as it was or on the other link. */
static int replay(int to, int from, int before, bool other_link)
{
	int n = 0;

	for (int i = from; i < before; i++)
		if (recorded[i].to == to) {
			receive(to, other_link ? !recorded[i].link : recorded[i].link, recorded[i].data,
			        recorded[i].len);
			n++;
		}
	return n;
}

START_TEST(a_replay_is_no_life)
{
	uint64_t life;
	int n;

	run(1000 * MS);
	hosts[1].running = false;
	net.cut[0][0] = net.cut[0][1] = true;
	run(100 * MS);
	life = received(0);
	while (hosts[0].lost == 0) {
		n = replay(0, 0, n_recorded, false);
		ck_assert_int_gt(n, 20);
		run(20 * MS);
		ck_assert_int_le(now, 5000 * MS + 37 * MS + 2000 * MS);
	}
	ck_assert_uint_eq(received(0), life);
	ck_assert_uint_gt(rejected(0, FT_REJECT_REPLAY), 100);
}
END_TEST

START_TEST(own_packets_and_a_namesake_are_reflections)
{
	struct ft_hub twin;
	struct ft_heartbeat_settings config;
	uint8_t data[FT_WIRE_MAX];
	size_t len;

	run(1000 * MS);
	for (int i = 0; i < n_recorded; i++)
		if (recorded[i].to == 1)
			ck_assert_int_eq(receive(0, recorded[i].link, recorded[i].data, recorded[i].len),
			                 FT_HEARD_NOTHING);
	ck_assert_uint_gt(rejected(0, FT_REJECT_REFLECTED), 10);
	set_config(&config, "alpha", LINKS);
	ft_hub_init(&twin, &config, 77, 0, now);
	len = ft_hub_compose(&twin, 0, &hosts[0].side, now, data);
	ck_assert_int_eq(receive(0, 0, data, len), FT_HEARD_NOTHING);
	set_config(&config, "gamma", LINKS);
	ft_hub_init(&twin, &config, hosts[0].hub.incarnation, 0, now);
	len = ft_hub_compose(&twin, 0, &hosts[0].side, now, data);
	ck_assert_int_eq(receive(0, 0, data, len), FT_HEARD_NOTHING);
	ck_assert_uint_eq(rejected(0, FT_REJECT_NODE), 1);
	ck_assert_uint_gt(rejected(0, FT_REJECT_REFLECTED), 11);
	run(1000 * MS);
	ck_assert(knows(0) && hosts[0].new_peers == 1);
}
END_TEST

START_TEST(damaged_forged_and_misdirected_packets_do_not_exist)
{
	struct ft_hub before;
	uint8_t data[FT_WIRE_MAX], bent[FT_WIRE_MAX];
	size_t len;

	run(1000 * MS);
	before = hosts[0].hub;
	hosts[1].hub.born = 0; /* no record follows the name */
	len = ft_hub_compose(&hosts[1].hub, 0, &hosts[1].side, now, data);
	for (size_t n = 0; n < len; n++)
		ck_assert_int_eq(receive(0, 0, data, n), FT_HEARD_NOTHING);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		memcpy(bent, data, len);
		bent[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(receive(0, 0, bent, len), FT_HEARD_NOTHING);
	}
	ck_assert_int_eq(receive(0, 1, data, len), FT_HEARD_NOTHING);
	ck_assert_uint_eq(rejected(0, FT_WIRE_LENGTH), len + 8);
	ck_assert_uint_gt(rejected(0, FT_WIRE_AUTH), 100);
	ck_assert_uint_eq(rejected(0, FT_REJECT_LINK), 1);
	/* Nothing but the counters has changed. */
	for (int link = 0; link < LINKS; link++) {
		before.links[link].stats = hosts[0].hub.links[link].stats;
		before.links[link].trouble = hosts[0].hub.links[link].trouble;
	}
	ck_assert_mem_eq(&before, &hosts[0].hub, sizeof before);
	ck_assert_int_eq(receive(0, 0, data, len), FT_HEARD_LIFE);
}
END_TEST

/* What the other side would send now, to be made another. */
static struct ft_beat composed(void)
{
	uint8_t data[FT_WIRE_MAX];
	struct ft_beat beat;
	size_t len = ft_hub_compose(&hosts[1].hub, 0, &hosts[1].side, now, data);
	ck_assert_int_eq(ft_wire_decode(data, len, hosts[1].config.keys, 1, "vm1", &beat), FT_WIRE_OK);
	return beat;
}

static enum ft_heard receive_beat(const struct ft_beat *beat)
{
	uint8_t data[FT_WIRE_MAX];
	size_t len = ft_wire_encode(beat, &hosts[1].config.keys[0], "vm1", data);
	return receive(0, 0, data, len);
}

/* Who has the key may still say nonsense: that it acknowledges what we are to send in centuries, and held it for an hour. */
START_TEST(an_acknowledgement_from_the_future_gives_no_right)
{
	run(1000 * MS);
	struct ft_beat beat = composed();
	int64_t rtt = hosts[0].hub.links[0].stats.rtt, right = ft_hub_acked_sent(&hosts[0].hub);
	beat.ack_sequence = hosts[0].hub.links[0].tx_sequence;
	beat.echo_sent = INT64_MAX;
	beat.held_us = UINT32_MAX - 1;
	ck_assert_int_eq(receive_beat(&beat), FT_HEARD_LIFE);
	ck_assert_int_eq(hosts[0].hub.links[0].stats.rtt, rtt);
	ck_assert_int_eq(ft_hub_acked_sent(&hosts[0].hub), right);
}
END_TEST

/* Whatever it stands for.  _i: it says that it held ours for longer than that is ago. */
START_TEST(how_long_a_heartbeat_was_held_tells_when_the_peer_was_on)
{
	run(1000 * MS);
	struct ft_beat beat = composed();
	int64_t right = ft_hub_acked_sent(&hosts[0].hub), echoed = beat.echo_sent;
	beat.side.state = FT_HELD;
	beat.held_us = _i ? 3600000000 : 250000;
	now += 400 * MS;
	ck_assert_int_eq(receive_beat(&beat), FT_HEARD_LIFE);
	ck_assert_int_eq(ft_hub_was_on(&hosts[0].hub), _i ? now : echoed + 250 * MS);
	ck_assert_int_eq(ft_hub_acked_sent(&hosts[0].hub), right);
}
END_TEST

/* As an ftd of before, or of later, would send it. */
static size_t of_another_version(uint8_t data[FT_WIRE_MAX], uint8_t version, const uint8_t key[FT_KEY_BYTES])
{
	size_t len = ft_hub_compose(&hosts[1].hub, 0, &hosts[1].side, now, data);
	crypto_generichash_state state;

	data[4] = version;
	crypto_generichash_init(&state, key, FT_KEY_BYTES, FT_WIRE_MAC);
	crypto_generichash_update(&state, (const uint8_t *)"vm1", sizeof "vm1");
	crypto_generichash_update(&state, data, len - FT_WIRE_MAC);
	crypto_generichash_final(&state, data + len - FT_WIRE_MAC, FT_WIRE_MAC);
	return len;
}

START_TEST(a_peer_of_another_version_is_known_and_is_no_life)
{
	static const uint8_t forged[FT_KEY_BYTES] = {1};
	uint8_t data[FT_WIRE_MAX];

	ck_assert_int_eq(receive(0, 0, data, of_another_version(data, 2, forged)), FT_HEARD_NOTHING);
	ck_assert_int_eq(hosts[0].hub.foreign_version, 0);
	ck_assert_int_eq(receive(0, 0, data, of_another_version(data, 2, hosts[0].hub.keys[0].bytes)),
	                 FT_HEARD_NOTHING);
	ck_assert_int_eq(hosts[0].hub.foreign_version, 2);
	ck_assert_uint_eq(rejected(0, FT_WIRE_VERSION_UNKNOWN), 2);
	ck_assert(!knows(0));
	run(1000 * MS);
	ck_assert(knows(0));
	ck_assert_int_eq(hosts[0].hub.foreign_version, 0);
}
END_TEST

START_TEST(a_restarted_peer_is_back_at_once)
{
	uint64_t old;

	run(1000 * MS);
	old = hosts[1].hub.incarnation;
	boot(1, "beta");
	ck_assert_uint_ne(old, hosts[1].hub.incarnation);
	run(INTERVAL + 2 * MS);
	ck_assert(knows(0) && knows(1));
	ck_assert_int_eq(hosts[0].new_peers, 2);
	ck_assert_int_eq(hosts[0].lost, 0);
	run(3000 * MS);
	ck_assert_int_eq(hosts[0].new_peers, 2);
	ck_assert_int_eq(hosts[0].lost + hosts[1].lost, 0);
}
END_TEST

START_TEST(a_replaced_host_becomes_the_peer)
{
	run(1000 * MS);
	boot(1, "gamma");
	run(INTERVAL + 2 * MS);
	ck_assert(knows(0) && knows(1));
	ck_assert_str_eq(hosts[0].hub.peer.node, "gamma");
}
END_TEST

START_TEST(both_restarted_at_once_find_each_other)
{
	run(1000 * MS);
	boot(0, "alpha");
	boot(1, "beta");
	run(INTERVAL + 4 * MS);
	ck_assert(knows(0) && knows(1));
}
END_TEST

START_TEST(restarts_heal_on_a_lossy_network_too)
{
	net.loss = 30;
	net.jitter = 20 * MS;
	for (int i = 0; i < 200; i++) {
		boot(0, "alpha");
		if (i % 2)
			boot(1, "beta");
		run(20 * INTERVAL);
		ck_assert_msg(hosts[0].hub.have_peer && hosts[1].hub.have_peer &&
		                  hosts[0].hub.peer.incarnation == hosts[1].hub.incarnation &&
		                  hosts[1].hub.peer.incarnation == hosts[0].hub.incarnation,
		              "not healed after restart %d", i);
	}
}
END_TEST

/* What two earlier lives of beta sent, some of it never delivered: recorded[0 .. the return value). */
static int record_old_lives(void)
{
	run(500 * MS);
	net.cut[0][0] = net.cut[0][1] = true;
	run(1000 * MS);
	boot(1, "beta");
	run(500 * MS);
	net.cut[0][0] = net.cut[0][1] = false;
	run(500 * MS);
	boot(1, "beta");
	return n_recorded;
}

START_TEST(old_lives_do_not_disturb_a_healthy_pair)
{
	int n = record_old_lives(), told, losses;
	uint64_t sent;

	run(2000 * MS);
	ck_assert(knows(0) && knows(1));
	told = hosts[0].new_peers;
	losses = hosts[0].lost;
	sent = hosts[0].hub.links[0].stats.sent;
	for (int i = 0; i < 100; i++) {
		for (int j = 0; j < 5; j++)
			replay(0, 0, n, false);
		run(INTERVAL / 2);
		ck_assert(knows(0) && knows(1));
	}
	ck_assert_int_eq(hosts[0].new_peers, told);
	ck_assert_int_eq(hosts[0].lost, losses);
	ck_assert_int_eq(hosts[1].lost, 0);
	/* Thousands of replays a second and link, and no more than an answer each half interval. */
	ck_assert_uint_le(hosts[0].hub.links[0].stats.sent - sent, 50 + 100 + 5);
}
END_TEST

START_TEST(old_lives_do_not_keep_a_restarted_peer_out)
{
	int n = record_old_lives();
	int64_t booted;

	run(2000 * MS);
	/* The old lives speak first and go on, several times for each packet of the living. */
	replay(0, 0, n, false);
	boot(1, "beta");
	booted = now;
	while (!(knows(0) && knows(1))) {
		replay(0, 0, n, false);
		run(5 * MS);
		ck_assert_int_le(now - booted, INTERVAL + 10 * MS);
	}
}
END_TEST

START_TEST(old_lives_do_not_revive_a_dead_peer)
{
	int n = record_old_lives(), told;

	run(2000 * MS);
	ck_assert(knows(0));
	told = hosts[0].new_peers;
	hosts[0].lost = 0;
	hosts[1].running = false;
	for (int i = 0; i < 50; i++) {
		replay(0, 0, n, false);
		run(INTERVAL / 4);
	}
	ck_assert_int_eq(hosts[0].lost, 1);
	ck_assert_int_eq(hosts[0].new_peers, told);
	ck_assert_int_eq(hosts[0].hub.detector.hearing, FT_HEARING_LOST);
}
END_TEST

/* A heartbeat from one hub to the other at this moment, past the network. */
static enum ft_heard pass(struct ft_hub *from, struct ft_hub *to, int link)
{
	static const struct ft_side side = {.state = FT_UNPROTECTED};
	uint8_t data[FT_WIRE_MAX];
	size_t len = ft_hub_compose(from, link, &side, now, data);

	return ft_hub_receive(to, link, data, len, now);
}

START_TEST(hellos_are_answered_twice_an_interval)
{
	struct ft_heartbeat_settings config;
	struct ft_hub old[100];
	int answers = 0;

	run(1000 * MS);
	set_config(&config, "beta", LINKS);
	for (int i = 0; i < 100; i++)
		ft_hub_init(&old[i], &config, 77 + (uint64_t)i, 0, now);
	for (int i = 0; i < 1000; i++, now += INTERVAL / 100)
		answers += pass(&old[i % 100], &hosts[0].hub, 0) == FT_HEARD_HELLO;
	ck_assert_int_eq(answers, 20);
}
END_TEST

/* So many earlier lives of each side are on tape, and a pair of later ones knows each other. */
static void live_and_die(int lives)
{
	for (int i = 0; i < lives; i++) {
		boot(0, "alpha");
		boot(1, "beta");
		run(150 * MS);
	}
	boot(0, "alpha");
	boot(1, "beta");
	run(1000 * MS);
	ck_assert(knows(0) && knows(1));
}

/* 20 000 replays a second, of all lives on tape up to there, towards host 0, or towards both, until the two know each other.
 * Returns how long it took. */
static int64_t meet_under_replay(int before, bool both)
{
	int64_t begun = now;

	for (int next = 0; !(knows(0) && knows(1)) && now - begun < 4 * WINDOW; run(MS / 20)) {
		const struct datagram *d = &recorded[next];

		next = (next + 1 + (int)dice(7)) % before;
		if (both || d->to == 0)
			receive(d->to, d->link, d->data, d->len);
	}
	return now - begun;
}

static void check_meeting(int lives, bool both_attacked, bool both_restart)
{
	uint64_t sent[2];
	int on_tape, lost;
	int64_t took;

	live_and_die(lives);
	on_tape = n_recorded;
	lost = hosts[0].lost;
	boot(1, "beta");
	if (both_restart)
		boot(0, "alpha");
	for (int i = 0; i < 2; i++)
		sent[i] = hosts[i].hub.links[0].stats.sent;
	took = meet_under_replay(on_tape, both_attacked);
	ck_assert_msg(took <= INTERVAL + 10 * MS, "after %d lives they meet in %lld ms", lives, (long long)(took / MS));
	if (!both_restart)
		ck_assert_int_eq(hosts[0].lost, lost);
	/* The schedule, an answer each half interval, and those that a meeting takes. */
	for (int i = 0; i < 2; i++)
		ck_assert_int_le((int64_t)(hosts[i].hub.links[0].stats.sent - sent[i]), 3 * took / INTERVAL + 8);
}

static const struct {
	int lives;
	bool both_attacked, both_restart;
} meetings[] = {{8, false, false},  {100, false, false}, {8, true, false},
                {100, true, false}, {8, true, true},     {100, true, true}};

/* More replays than any number of slots could hold, and hellos among them. */
START_TEST(any_number_of_old_lives_keeps_nobody_out)
{
	check_meeting(meetings[_i].lives, meetings[_i].both_attacked, meetings[_i].both_restart);
}
END_TEST

/* The wall clock was set back before the restart: the earlier lives seem younger, and are heard more often. */
START_TEST(who_seems_older_than_its_earlier_lives_proves_itself_all_the_same)
{
	int on_tape;

	live_and_die(8);
	on_tape = n_recorded;
	wall -= 3600 * 1000 * MS;
	boot(1, "beta");
	ck_assert_int_lt(meet_under_replay(on_tape, false), WINDOW);
	/* Nobody is replayed: no slower than ever, for the earlier life is not heard any more. */
	wall -= 3600 * 1000 * MS;
	boot(0, "alpha");
	boot(1, "beta");
	run(INTERVAL + 4 * MS);
	ck_assert(knows(0) && knows(1));
}
END_TEST

/* It had heard us when it died, but nothing came of it here; its last words come late. */
START_TEST(the_last_words_of_a_stranger_prove_no_life_after_a_window)
{
	struct ft_hub *alpha = &hosts[0].hub, *beta = &hosts[1].hub;
	uint8_t last[2][FT_WIRE_MAX];
	size_t len[2];

	run(1000 * MS);
	boot(1, "beta");
	ck_assert_int_eq(pass(alpha, beta, 0), FT_HEARD_HELLO);
	for (int i = 0; i < 2; i++)
		len[i] = ft_hub_compose(beta, 0, &hosts[1].side, now, last[i]);
	hosts[1].running = false;
	now += WINDOW + 1;
	ck_assert_int_ne(ft_hub_receive(alpha, 0, last[0], len[0], now), FT_HEARD_NEW_PEER);
	now -= 1;
	ck_assert_int_eq(ft_hub_receive(alpha, 0, last[1], len[1], now), FT_HEARD_NEW_PEER);
}
END_TEST

/* The peer has been replaced; what its forerunner acknowledged was sent before that, however lately. */
START_TEST(a_forerunner_does_not_come_back)
{
	struct ft_hub *alpha = &hosts[0].hub, *beta = &hosts[1].hub;
	uint8_t last[FT_WIRE_MAX];
	size_t len;

	run(1000 * MS);
	len = ft_hub_compose(beta, 0, &hosts[1].side, now, last);
	boot(1, "beta");
	ck_assert_int_eq(pass(alpha, beta, 0), FT_HEARD_HELLO);
	ck_assert_int_eq(pass(beta, alpha, 0), FT_HEARD_NEW_PEER);
	ck_assert_int_ne(ft_hub_receive(alpha, 0, last, len, now + MS), FT_HEARD_NEW_PEER);
	ck_assert_uint_eq(alpha->peer.incarnation, beta->incarnation);
}
END_TEST

/* It was heard on one link; what it had sent on the other before that was held back. */
START_TEST(what_was_sent_before_it_became_the_peer_is_no_life)
{
	struct ft_hub *alpha = &hosts[0].hub, *beta = &hosts[1].hub;
	uint8_t early[FT_WIRE_MAX];
	size_t len;

	run(1000 * MS);
	boot(1, "beta");
	ck_assert_int_eq(pass(alpha, beta, 1), FT_HEARD_HELLO);
	len = ft_hub_compose(beta, 1, &hosts[1].side, now, early);
	now += MS;
	ck_assert_int_eq(pass(alpha, beta, 0), FT_HEARD_HELLO);
	ck_assert_int_eq(pass(beta, alpha, 0), FT_HEARD_NEW_PEER);
	ck_assert_int_eq(ft_hub_receive(alpha, 1, early, len, now), FT_HEARD_NOTHING);
	ck_assert_int_eq(pass(beta, alpha, 1), FT_HEARD_LIFE);
}
END_TEST

/* Among hellos of several lives it attends to the youngest; but who has fallen silent does not keep others from being answered. */
START_TEST(a_younger_stranger_that_is_silent_gives_way)
{
	struct ft_hub *alpha = &hosts[0].hub, *beta = &hosts[1].hub;

	run(1000 * MS);
	boot(1, "beta");
	ck_assert_int_eq(pass(beta, alpha, 0), FT_HEARD_HELLO);
	wall -= 3600 * 1000 * MS;
	boot(1, "beta");
	now += INTERVAL + INTERVAL / 4 - 1;
	ck_assert_int_eq(pass(beta, alpha, 0), FT_HEARD_NOTHING);
	now += 1;
	ck_assert_int_eq(pass(beta, alpha, 0), FT_HEARD_HELLO);
}
END_TEST

/* Once it is the peer, no link of ours answers it as a stranger any more: by such an answer it would have no right. */
START_TEST(who_has_become_the_peer_is_a_stranger_on_no_link)
{
	struct ft_hub *alpha = &hosts[0].hub, *beta = &hosts[1].hub;

	run(1000 * MS);
	boot(1, "beta");
	ck_assert_int_eq(pass(beta, alpha, 1), FT_HEARD_HELLO);
	ck_assert_int_eq(pass(beta, alpha, 0), FT_HEARD_HELLO);
	ck_assert_int_eq(pass(alpha, beta, 0), FT_HEARD_NEW_PEER);
	ck_assert_int_eq(pass(beta, alpha, 0), FT_HEARD_NEW_PEER);
	ck_assert_int_eq(ft_hub_acked_sent(beta), FT_NEVER);
	ck_assert_int_eq(pass(alpha, beta, 1), FT_HEARD_LIFE);
	ck_assert_int_eq(ft_hub_acked_sent(beta), now);
}
END_TEST

START_TEST(an_acknowledgement_from_the_future_makes_no_peer)
{
	struct ft_hub *alpha = &hosts[0].hub, *beta = &hosts[1].hub;
	uint8_t data[FT_WIRE_MAX];
	struct ft_beat beat;
	size_t len;

	run(1000 * MS);
	boot(1, "beta");
	ck_assert_int_eq(pass(beta, alpha, 0), FT_HEARD_HELLO);
	ck_assert_int_eq(pass(alpha, beta, 0), FT_HEARD_NEW_PEER);
	for (int early = 1; early >= 0; early--) {
		len = ft_hub_compose(beta, 0, &hosts[1].side, now, data);
		ck_assert_int_eq(ft_wire_decode(data, len, hosts[1].config.keys, 1, "vm1", &beat), FT_WIRE_OK);
		beat.echo_sent = now + early;
		len = ft_wire_encode(&beat, &hosts[1].config.keys[0], "vm1", data);
		ck_assert_int_eq(ft_hub_receive(alpha, 0, data, len, now),
		                 early ? FT_HEARD_NOTHING : FT_HEARD_NEW_PEER);
	}
}
END_TEST

/* The restarted beta is heard by alpha, but never proves itself there: alpha goes on counting the silence of beta's
 * earlier life.  That beta knows itself received must give it no right. */
START_TEST(a_received_hello_gives_no_right)
{
	struct ft_hub *alpha = &hosts[0].hub, *beta = &hosts[1].hub;

	run(1000 * MS);
	boot(1, "beta");
	ck_assert_int_eq(pass(beta, alpha, 0), FT_HEARD_HELLO);
	ck_assert_int_eq(pass(alpha, beta, 0), FT_HEARD_NEW_PEER);
	ck_assert_uint_ne(alpha->peer.incarnation, beta->incarnation);
	ck_assert_int_eq(ft_hub_acked_sent(beta), FT_NEVER);
	/* Once it has proved itself, the right is there. */
	ck_assert_int_eq(pass(beta, alpha, 0), FT_HEARD_NEW_PEER);
	ck_assert_int_eq(pass(alpha, beta, 0), FT_HEARD_LIFE);
	ck_assert_int_eq(ft_hub_acked_sent(beta), now);
}
END_TEST

START_TEST(an_earlier_life_s_acknowledgements_end_with_it)
{
	run(1000 * MS);
	ck_assert_int_ne(ft_hub_acked_sent(&hosts[0].hub), FT_NEVER);
	boot(1, "beta");
	while (hosts[0].new_peers < 2)
		run(MS / 10);
	/* Only what the new life has acknowledged counts, and that was sent after it began. */
	ck_assert(ft_hub_acked_sent(&hosts[0].hub) == FT_NEVER || ft_hub_acked_sent(&hosts[0].hub) > now - 10 * MS);
}
END_TEST

START_TEST(a_slow_link_brings_no_old_news)
{
	net.delay[1] = 250 * MS;
	run(2000 * MS);
	hosts[1].side.state = FT_PROTECTED;
	send_all(1);
	run(2 * MS);
	for (int i = 0; i < 500; i++) {
		ck_assert_int_eq(hosts[0].hub.peer.side.state, FT_PROTECTED);
		run(1 * MS);
	}
	ck_assert_msg(hosts[0].hub.detector.links[1].alive, "but it is life");
}
END_TEST

/* The time at which the next heartbeat is due, having sent it so much later. */
static int64_t next_heartbeat(struct ft_hub *h, int64_t late)
{
	int64_t due;

	for (;; ft_detector_tick(&h->detector, due)) {
		due = ft_hub_deadline(h);
		if (ft_hub_send_due(h, due + late)) {
			ft_detector_tick(&h->detector, due + late);
			return due;
		}
		ck_assert_int_le(due, h->next_send);
	}
}

START_TEST(the_schedule_does_not_drift_nor_catch_up)
{
	struct ft_hub *h = &hosts[0].hub;
	int64_t first, earliest = 0;

	ft_hub_init(h, &hosts[0].config, 5, 0, now);
	ck_assert_int_eq(next_heartbeat(h, 3 * MS), now);
	first = next_heartbeat(h, 3 * MS);
	ck_assert_int_gt(first, now);
	ck_assert_int_le(first, now + INTERVAL);
	/* Always 3 ms late: still one an interval, each a little early and never by more than it may. */
	for (int i = 1; i < 1000; i++) {
		int64_t off = next_heartbeat(h, 3 * MS) - first - i * INTERVAL;

		ck_assert_int_lt(llabs(off), INTERVAL / FT_JITTER_PARTS);
		earliest = off < earliest ? off : earliest;
	}
	ck_assert_int_ne(earliest, 0);
	/* A stall of twenty intervals is followed by one heartbeat, and the old phase. */
	now = next_heartbeat(h, 20 * INTERVAL + 50 * MS);
	for (int i = 0; i < 3; i++)
		ck_assert_int_lt(llabs(next_heartbeat(h, 0) - now - (21 + i) * INTERVAL), INTERVAL / FT_JITTER_PARTS);
}
END_TEST

/* Then nobody needs to have read what came in; else it might be judged, or left without an acknowledgement. */
START_TEST(a_calm_heartbeat_in_time_only_sends)
{
	const struct ft_hub *h = &hosts[0].hub;

	run(1000 * MS);
	ck_assert_int_eq(ft_hub_deadline(h), h->next_send);
	ck_assert(!ft_hub_only_sends(h, h->next_send - 1));
	ck_assert(ft_hub_only_sends(h, h->next_send));
	ck_assert(ft_hub_only_sends(h, h->next_send + 1 * MS));
	ck_assert(!ft_hub_only_sends(h, h->next_send + INTERVAL / FT_JITTER_PARTS));
	/* Nor when a question or a verdict is due in the same moment, from the first doubt to the last. */
	hosts[1].running = false;
	for (int i = 0; i < 1000 && h->detector.hearing != FT_HEARING_LOST; i++) {
		struct ft_hub both = *h;
		int64_t other;

		both.next_send = FT_NEVER;
		other = ft_hub_deadline(&both);
		both.next_send = other - 1;
		ck_assert(ft_hub_only_sends(&both, other - 1));
		ck_assert(!ft_hub_only_sends(&both, other));
		run(ft_hub_deadline(h) - now);
	}
	ck_assert_int_eq(h->detector.hearing, FT_HEARING_LOST);
}
END_TEST

/* Five hundred daemons that one script starts: a tenth of an interval must not see much more than a tenth of them. */
START_TEST(pairs_on_one_host_do_not_send_at_once)
{
	struct ft_hub *h = &hosts[0].hub;
	int in_tenth[10] = {0};

	for (uint64_t i = 0; i < 500; i++) {
		ft_hub_init(h, &hosts[0].config, incarnations + i, 0, now);
		next_heartbeat(h, 0);
		in_tenth[(next_heartbeat(h, 0) - now) * 10 / (INTERVAL + 1)]++;
	}
	for (int i = 0; i < 10; i++) {
		ck_assert_int_ge(in_tenth[i], 25);
		ck_assert_int_le(in_tenth[i], 100);
	}
}
END_TEST

static uint64_t sent_within(int i, int64_t duration)
{
	uint64_t before = hosts[i].hub.links[0].stats.sent;

	run(duration);
	return hosts[i].hub.links[0].stats.sent - before;
}

/* From whichever phase they began with. */
START_TEST(the_secondary_keeps_in_step_with_the_primary)
{
	const struct ft_hub *primary = &hosts[0].hub;
	int64_t longest = INTERVAL + INTERVAL / FT_JITTER_PARTS;
	uint64_t sent;

	run(_i * 13 * MS);
	boot(1, "beta");
	hosts[0].side.role = FT_ROLE_PRIMARY;
	hosts[1].side.role = FT_ROLE_SECONDARY;
	run(12 * INTERVAL);
	for (int i = 0; i < 500; i++) {
		/* a way there and back; elsewhere in the interval it would be nearly two intervals at times */
		ck_assert_int_le(now - ft_hub_acked_sent(primary), longest + 2 * MS);
		run(3 * MS);
	}
	sent = sent_within(1, 50 * INTERVAL);
	ck_assert(sent >= 48 && sent <= 52);
	/* Left alone, it goes on by itself, no rarer than anybody; the questions come on top. */
	net.cut[1][0] = net.cut[1][1] = true;
	ck_assert_uint_ge(sent_within(1, 20 * longest), 20);
}
END_TEST

/* An acknowledgement that is always an interval late would be in doubt every time. */
START_TEST(with_two_intervals_nobody_keeps_in_step)
{
	hosts[0].config.lost_after = hosts[1].config.lost_after = 2;
	for (int i = 0; i < 2; i++)
		ft_hub_reconfigure(&hosts[i].hub, &hosts[i].config, now);
	hosts[0].side.role = FT_ROLE_PRIMARY;
	hosts[1].side.role = FT_ROLE_SECONDARY;
	run(12 * INTERVAL);
	ck_assert_uint_le(sent_within(1, 50 * INTERVAL), 110);
	ck_assert_int_ne(hosts[1].hub.next_send - hosts[1].hub.slot, INTERVAL / FT_JITTER_PARTS);
}
END_TEST

/* As while the two hosts are given another interval, one after the other.  A follower that waited a little longer at each of
 * the primary's many heartbeats would never send: the primary would live on questions. */
START_TEST(a_slow_secondary_of_a_fast_primary_sends_by_itself)
{
	hosts[0].config.interval_ms = 20;
	hosts[0].config.lost_after = 100;
	hosts[1].config.interval_ms = 400;
	for (int i = 0; i < 2; i++)
		ft_hub_reconfigure(&hosts[i].hub, &hosts[i].config, now);
	hosts[0].side.role = FT_ROLE_PRIMARY;
	hosts[1].side.role = FT_ROLE_SECONDARY;
	run(4000 * MS);
	for (int i = 0; i < 500; i++) {
		ck_assert_int_le(now - ft_hub_acked_sent(&hosts[0].hub), 2 * 400 * MS);
		run(11 * MS);
	}
	ck_assert_uint_ge(sent_within(1, 50 * 400 * MS), 46);
	ck_assert_int_lt(hosts[0].hub.links[0].asked_at, now - 20000 * MS);
}
END_TEST

START_TEST(a_reload_misses_nothing)
{
	struct ft_heartbeat_settings other = hosts[0].config;

	run(1000 * MS);
	/* A new key signs, the old one is still accepted; then one link less; then back. */
	other.n_keys = 2;
	other.keys[1] = other.keys[0];
	other.keys[0] = (struct ft_key){.id = 43, .bytes = {9}};
	ft_hub_reconfigure(&hosts[1].hub, &other, now);
	ft_hub_reconfigure(&hosts[0].hub, &other, now);
	run(1000 * MS);
	net.cut[0][1] = net.cut[1][1] = true;
	other.n_links = 1;
	ft_hub_reconfigure(&hosts[0].hub, &other, now);
	ft_hub_reconfigure(&hosts[1].hub, &other, now);
	ck_assert_int_gt(ft_hub_acked_sent(&hosts[0].hub), now - 2 * INTERVAL);
	run(10 * MS);
	run(1000 * MS);
	net.cut[0][1] = net.cut[1][1] = false;
	other.n_links = 2;
	ft_hub_reconfigure(&hosts[0].hub, &other, now);
	ft_hub_reconfigure(&hosts[1].hub, &other, now);
	run(2 * INTERVAL);
	ck_assert(knows(0) && knows(1));
	ck_assert(hosts[0].hub.detector.links[1].alive);
	ck_assert_int_eq(hosts[0].lost + hosts[1].lost, 0);
	ck_assert_int_eq(hosts[0].new_peers + hosts[1].new_peers, 2);
}
END_TEST

/* The next heartbeat was planned by the old interval: the peer would miss it by the new one. */
START_TEST(a_shorter_interval_counts_at_once)
{
	for (int i = 0; i < 2; i++) {
		hosts[i].config.interval_ms = 5000;
		ft_hub_reconfigure(&hosts[i].hub, &hosts[i].config, now);
	}
	run(12000 * MS);
	for (int i = 0; i < 2; i++) {
		hosts[i].config.interval_ms = INTERVAL / MS;
		ft_hub_reconfigure(&hosts[i].hub, &hosts[i].config, now);
		ck_assert_int_le(hosts[i].hub.next_send, now + INTERVAL);
	}
	run(1000 * MS);
	ck_assert(knows(0) && knows(1));
	ck_assert_int_eq(hosts[0].lost + hosts[1].lost, 0);
}
END_TEST

static struct ft_diagnosis diagnosis(int i, int link)
{
	struct ft_diagnosis d;

	ft_diagnose(&hosts[i].hub, link, now, &d);
	return d;
}

static void assert_trouble(int i, int link, enum ft_link_state state, const char *what)
{
	struct ft_diagnosis d = diagnosis(i, link);

	ck_assert_msg(d.state == state && strstr(d.what, what), "%s: %s", ft_link_state_name(d.state), d.what);
	ck_assert(d.fix[0] != '\0');
}

static void assert_well(int i, int link)
{
	struct ft_diagnosis d = diagnosis(i, link);

	ck_assert_msg(d.state == FT_LINK_UP && d.kind == 0 && d.what[0] == '\0', "%s: %s", ft_link_state_name(d.state),
	              d.what);
}

/* Which setting is wrong is said by name, on both sides, though the pair never finds itself. */
START_TEST(a_pair_that_is_set_up_wrongly_is_told_how)
{
	static const char *const expected[] = {"same node name", "made with another key", "another pair"};
	struct ft_heartbeat_settings *c = &hosts[1].config;

	if (_i == 0)
		strcpy(c->node, "alpha");
	else if (_i == 1)
		c->keys[0] = (struct ft_key){.id = 43, .bytes = {3, 2, 1}};
	else if (_i == 2)
		strcpy(c->pair, "vm2");
	ft_hub_init(&hosts[1].hub, c, ++incarnations, 0, now);
	run(5000 * MS);
	ck_assert(!knows(0) && !knows(1));
	for (int i = 0; i < 2; i++)
		for (int link = 0; link < LINKS; link++)
			assert_trouble(i, link, FT_LINK_DOWN, expected[_i]);
}
END_TEST

START_TEST(links_in_another_order_are_told)
{
	uint8_t data[FT_WIRE_MAX];

	hosts[1].running = false;
	for (int n = 0; n < 10; n++) {
		for (int link = 0; link < LINKS; link++)
			receive(0, !link, data, ft_hub_compose(&hosts[1].hub, link, &hosts[1].side, now, data));
		run(100 * MS);
	}
	assert_trouble(0, 0, FT_LINK_DOWN, "another link");
	assert_trouble(0, 1, FT_LINK_DOWN, "another link");
}
END_TEST

/* A firewall that lets nothing through one way, from the start and later: who hears is told that it is not heard, and shows no
 * figure that was measured before. */
START_TEST(a_one_way_link_is_told_as_one)
{
	net.cut[1][0] = net.cut[1][1] = true;
	run(2000 * MS);
	assert_trouble(0, 0, FT_LINK_DOWN, "does not hear ours");
	assert_trouble(1, 0, FT_LINK_DOWN, "nothing heard");
	net.cut[1][0] = net.cut[1][1] = false;
	run(2000 * MS);
	for (int i = 0; i < 2; i++)
		for (int link = 0; link < LINKS; link++)
			assert_well(i, link);
	net.cut[1][0] = true;
	run(2000 * MS);
	ck_assert(hosts[0].hub.detector.links[0].alive);
	assert_trouble(0, 0, FT_LINK_ONE_WAY, "does not hear us");
	ck_assert_int_gt(now - hosts[0].hub.links[0].stats.acked_at, 1500 * MS);
	assert_well(0, 1);
	assert_trouble(1, 0, FT_LINK_DOWN, "nothing heard");
	assert_well(1, 1);
	net.cut[1][0] = false;
	run(2000 * MS);
	assert_well(0, 0);
}
END_TEST

/* What came in while the pair was finding itself says nothing of a silence that begins later. */
START_TEST(a_silence_is_not_explained_by_what_came_before_it)
{
	net.cut[1][0] = net.cut[1][1] = true;
	run(2000 * MS);
	net.cut[1][0] = net.cut[1][1] = false;
	run(1000 * MS);
	assert_well(0, 0);
	net.cut[0][0] = net.cut[1][0] = true;
	run(5000 * MS);
	assert_trouble(0, 0, FT_LINK_DOWN, "nothing heard");
}
END_TEST

/* Half a minute of another pair's heartbeats on our port, or of somebody who forges them. */
START_TEST(what_has_passed_is_forgotten)
{
	uint8_t data[FT_WIRE_MAX];
	struct ft_hub stranger;
	struct ft_heartbeat_settings config;

	run(1000 * MS);
	set_config(&config, "gamma", LINKS);
	strcpy(config.pair, "vm9");
	ft_hub_init(&stranger, &config, 4711, 0, now);
	receive(0, 0, data, ft_hub_compose(&stranger, 0, &hosts[1].side, now, data));
	run(1000 * MS);
	assert_trouble(0, 0, FT_LINK_UP, "another pair");
	run(28000 * MS);
	assert_trouble(0, 0, FT_LINK_UP, "another pair");
	run(32000 * MS);
	assert_well(0, 0);
	ck_assert_uint_eq(rejected(0, FT_WIRE_AUTH), 1); /* for ever, for who draws rates of it */
	receive(0, 0, data, ft_hub_compose(&stranger, 0, &hosts[1].side, now, data));
	assert_trouble(0, 0, FT_LINK_UP, "another pair");
}
END_TEST

/* A network that doubles, loses and reorders, and a peer that is started anew, are no trouble of a link that works. */
START_TEST(what_is_usual_is_no_trouble)
{
	net.doubling = 30;
	net.loss = 5;
	net.jitter = 5 * MS;
	for (int n = 0; n < 5; n++) {
		run(3000 * MS);
		boot(1, "beta");
	}
	run(3000 * MS);
	for (int link = 0; link < LINKS; link++)
		assert_well(0, link);
}
END_TEST

START_TEST(every_reason_has_its_own_name)
{
	for (int i = 0; i < FT_REJECT_COUNT; i++) {
		ck_assert_str_ne(ft_reject_name(i), "?");
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(ft_reject_name(i), ft_reject_name(j));
	}
	ck_assert_str_eq(ft_reject_name(-1), "?");
	ck_assert_str_eq(ft_reject_name(FT_REJECT_COUNT), "?");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hub");
	TCase *t = tcase_create("hub");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, a_pair_finds_itself);
	tcase_add_test(t, silence_is_lost_at_the_window);
	tcase_add_test(t, a_one_way_cut_ends_the_right_before_the_loss);
	tcase_add_test(t, one_link_of_two_is_enough);
	tcase_add_loop_test(t, an_answer_is_as_good_as_a_heartbeat, 0, 4);
	tcase_add_test(t, doubts_of_both_do_not_feed_on_each_other);
	tcase_add_test(t, random_loss_alarms_nobody);
	tcase_add_test(t, a_bad_network_is_counted_and_survived);
	tcase_add_test(t, a_replay_is_no_life);
	tcase_add_test(t, own_packets_and_a_namesake_are_reflections);
	tcase_add_test(t, damaged_forged_and_misdirected_packets_do_not_exist);
	tcase_add_test(t, an_acknowledgement_from_the_future_gives_no_right);
	tcase_add_loop_test(t, how_long_a_heartbeat_was_held_tells_when_the_peer_was_on, 0, 2);
	tcase_add_test(t, a_peer_of_another_version_is_known_and_is_no_life);
	tcase_add_test(t, a_restarted_peer_is_back_at_once);
	tcase_add_test(t, a_replaced_host_becomes_the_peer);
	tcase_add_test(t, both_restarted_at_once_find_each_other);
	tcase_add_test(t, restarts_heal_on_a_lossy_network_too);
	tcase_add_test(t, old_lives_do_not_disturb_a_healthy_pair);
	tcase_add_test(t, old_lives_do_not_keep_a_restarted_peer_out);
	tcase_add_test(t, old_lives_do_not_revive_a_dead_peer);
	tcase_add_test(t, hellos_are_answered_twice_an_interval);
	tcase_add_loop_test(t, any_number_of_old_lives_keeps_nobody_out, 0, sizeof meetings / sizeof meetings[0]);
	tcase_add_test(t, who_seems_older_than_its_earlier_lives_proves_itself_all_the_same);
	tcase_add_test(t, the_last_words_of_a_stranger_prove_no_life_after_a_window);
	tcase_add_test(t, a_forerunner_does_not_come_back);
	tcase_add_test(t, what_was_sent_before_it_became_the_peer_is_no_life);
	tcase_add_test(t, a_younger_stranger_that_is_silent_gives_way);
	tcase_add_test(t, who_has_become_the_peer_is_a_stranger_on_no_link);
	tcase_add_test(t, an_acknowledgement_from_the_future_makes_no_peer);
	tcase_add_test(t, a_received_hello_gives_no_right);
	tcase_add_test(t, an_earlier_life_s_acknowledgements_end_with_it);
	tcase_add_test(t, a_slow_link_brings_no_old_news);
	tcase_add_test(t, the_schedule_does_not_drift_nor_catch_up);
	tcase_add_test(t, a_calm_heartbeat_in_time_only_sends);
	tcase_add_test(t, pairs_on_one_host_do_not_send_at_once);
	tcase_add_loop_test(t, the_secondary_keeps_in_step_with_the_primary, 0, 8);
	tcase_add_test(t, with_two_intervals_nobody_keeps_in_step);
	tcase_add_test(t, a_slow_secondary_of_a_fast_primary_sends_by_itself);
	tcase_add_test(t, a_reload_misses_nothing);
	tcase_add_test(t, a_shorter_interval_counts_at_once);
	tcase_add_loop_test(t, a_pair_that_is_set_up_wrongly_is_told_how, 0, 3);
	tcase_add_test(t, links_in_another_order_are_told);
	tcase_add_test(t, a_one_way_link_is_told_as_one);
	tcase_add_test(t, a_silence_is_not_explained_by_what_came_before_it);
	tcase_add_test(t, what_has_passed_is_forgotten);
	tcase_add_test(t, what_is_usual_is_no_trouble);
	tcase_add_test(t, every_reason_has_its_own_name);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
