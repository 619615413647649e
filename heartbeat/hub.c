/* See hub.h. */
#include "heartbeat/hub.h"

#include <assert.h>
#include <string.h>

/* The next question comes after a twelfth of the time left, so that a long window lasts through a long burst of losses
 * and a short one still holds a dozen questions; but not sooner than half a millisecond. */
#define QUESTION_PARTS 12
#define QUESTION_MIN   (FT_NS_PER_MS / 2)

const char *ft_reject_name(int reject)
{
	static const char *const names[FT_REJECT_COUNT] = {
	    [FT_REJECT_REFLECTED] = "reflected", [FT_REJECT_NODE] = "node", [FT_REJECT_LINK] = "link",
	    [FT_REJECT_REPLAY] = "replay",       [FT_REJECT_ECHO] = "echo",
	};

	if (reject >= 0 && reject < FT_REJECT_COUNT && names[reject])
		return names[reject];
	return ft_wire_error_name((enum ft_wire_error)reject);
}

static int64_t min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static bool elapsed(int64_t since, int64_t period, int64_t now)
{
	return since == FT_NEVER || now - since >= period;
}

static void take_settings(struct ft_hub *h, const struct ft_heartbeat_settings *settings)
{
	assert(settings->n_links >= 1 && settings->n_links <= FT_LINKS_MAX && settings->n_keys >= 1);
	h->keys = settings->keys;
	h->n_keys = settings->n_keys;
	h->n_links = settings->n_links;
}

/* Some number below range, always the same for this incarnation and n (the mixer of splitmix64). */
static int64_t draw(const struct ft_hub *h, uint64_t n, int64_t range)
{
	uint64_t x = h->incarnation + (n + 1) * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	x ^= x >> 31;
	return (int64_t)(x % (uint64_t)range);
}

/* The peer leads: this side sends when it hears the peer (see hub.h).  Not with a window of two intervals: what we send is
 * then acknowledged an interval later, and in doubt before. */
static bool in_step(const struct ft_hub *h)
{
	return h->have_peer && h->peer.side.role == FT_ROLE_PRIMARY && h->detector.window > 2 * h->detector.interval;
}

/* The first slot after now, and when to send for it.  In step the peer's heartbeat says when, and its slot is the last. */
static void next_slot(struct ft_hub *h, int64_t now)
{
	int64_t interval = h->detector.interval;

	h->slot += ((now > h->slot ? now - h->slot : 0) / interval + 1) * interval;
	h->slot_moved = false;
	h->next_send = h->slot - (in_step(h) ? 0 : draw(h, (uint64_t)h->slot, interval / FT_JITTER_PARTS));
}

/* The leading peer was heard.  What is meant for the slot ahead is sent now if that slot is near, else it has been sent
 * already.  The slots are moved to where the peer's are, a little each time, so that its heartbeats come in up to
 * FT_JITTER_PARTS of an interval before them; one that is lost changes nothing.  A slot moves once, or one whose peer sends
 * many times an interval would never come. */
static void keep_step(struct ft_hub *h, int64_t now)
{
	int64_t interval = h->detector.interval, stray = interval / FT_JITTER_PARTS;
	int64_t ahead = h->slot - now;

	if (ahead < interval / 2) {
		h->slot = min64(h->slot, now + stray);
		h->next_send = now;
	} else if (ahead < interval && !h->slot_moved) {
		h->next_send = h->slot += min64(interval - ahead, stray);
		h->slot_moved = true;
	}
}

void ft_hub_init(struct ft_hub *h, const struct ft_heartbeat_settings *settings, uint64_t incarnation, int64_t born,
                 int64_t now)
{
	assert(incarnation != 0 && born >= 0);
	*h = (struct ft_hub){.incarnation = incarnation, .born = born, .next_send = now};
	memcpy(h->pair, settings->pair, sizeof h->pair);
	memcpy(h->node, settings->node, sizeof h->node);
	take_settings(h, settings);
	for (int i = 0; i < FT_LINKS_MAX; i++) {
		h->links[i].acked_sent = h->links[i].was_on = h->links[i].answered_at = FT_NEVER;
		h->links[i].stats.rtt = -1;
		h->links[i].stats.acked_at = h->links[i].stats.heard_since = FT_NEVER;
	}
	ft_detector_init(&h->detector, settings->n_links, settings->interval_ms * FT_NS_PER_MS, settings->lost_after,
	                 now);
	h->slot = now - draw(h, 0, h->detector.interval);
	ft_arrivals_init(&h->arrivals, h->detector.interval, h->detector.window, now);
}

/* Links keep their sequences, dropped ones too: the peer goes on counting by index if the link comes back. */
void ft_hub_reconfigure(struct ft_hub *h, const struct ft_heartbeat_settings *settings, int64_t now)
{
	const struct ft_detector *d = &h->detector;
	bool anew = settings->n_links != h->n_links || settings->interval_ms * FT_NS_PER_MS != d->interval;

	take_settings(h, settings);
	ft_detector_retime(&h->detector, settings->n_links, settings->interval_ms * FT_NS_PER_MS, settings->lost_after,
	                   now);
	ft_arrivals_retime(&h->arrivals, d->interval, d->window, anew, now);
	if (h->next_send > now + h->detector.interval) {
		h->slot = now - draw(h, 0, h->detector.interval);
		next_slot(h, now);
	}
}

/* Whom the next heartbeat on link echoes: the stranger to be answered, else the peer, else whoever may be that. */
static void echo(struct ft_hub *h, int link, int64_t now, struct ft_beat *beat)
{
	struct ft_hub_link *l = &h->links[link];
	bool stranger = l->stranger.incarnation && (l->answers || !h->have_peer);
	const struct ft_hub_rx *rx = stranger ? &l->stranger.rx : &l->rx;

	l->answers = false;
	if (!stranger && !h->have_peer)
		return;
	beat->tentative = stranger;
	beat->echo_incarnation = stranger ? l->stranger.incarnation : h->peer.incarnation;
	if (rx->sequence) {
		int64_t held_us = (now - rx->at) / 1000;

		beat->ack_sequence = rx->sequence;
		beat->echo_sent = rx->sent;
		beat->held_us = held_us < UINT32_MAX ? (uint32_t)held_us : UINT32_MAX;
	}
}

/* A doubt is worth a question from .. until; both FT_NEVER if there is nothing to doubt. */
struct doubt {
	int64_t from, until;
};

enum { ARE_THEY_THERE, ARE_WE_HEARD, DOUBTS };

/* Not while the next heartbeat may be on time; and half the window or more is left for questions. */
static int64_t overdue_after(const struct ft_detector *d)
{
	return max64(d->interval + d->interval / 4, (d->window - d->interval) / 2);
}

/* What hangs on being heard is a primary's right to run. */
static int64_t right_lasts(const struct ft_detector *d)
{
	return d->window - ft_right_ends_early(d->window);
}

/* An acknowledgement waits for the peer's next heartbeat, so ours may be an interval older than what we hear.  With a
 * window of two intervals even that is too long, in some phases of the two schedules: then it is asked for every time. */
static int64_t unheard_after(const struct ft_detector *d)
{
	int64_t early_enough = max64(right_lasts(d) - 3 * d->interval / 4, d->interval + d->interval / 4);

	return min64(overdue_after(d) + d->interval, early_enough);
}

static void doubt(const struct ft_hub *h, struct doubt doubts[DOUBTS])
{
	const struct ft_detector *d = &h->detector;
	int64_t acked = ft_hub_acked_sent(h);

	doubts[ARE_THEY_THERE].from = ft_detector_silent_at(d, overdue_after(d));
	doubts[ARE_THEY_THERE].until = ft_detector_silent_at(d, d->window);
	doubts[ARE_WE_HEARD].from = acked == FT_NEVER ? FT_NEVER : acked + unheard_after(d);
	doubts[ARE_WE_HEARD].until = acked == FT_NEVER ? FT_NEVER : acked + right_lasts(d);
}

/* When a question is due if none may be asked before not_before; FT_NEVER if nothing is in doubt then. */
static int64_t question_due(const struct ft_hub *h, int64_t not_before)
{
	int64_t due = FT_NEVER;
	struct doubt doubts[DOUBTS];

	doubt(h, doubts);
	for (int i = 0; i < DOUBTS; i++) {
		int64_t at = max64(doubts[i].from, not_before);

		if (at < doubts[i].until)
			due = min64(due, at);
	}
	return due;
}

/* Whether what goes out on this link now is a question; if so, the next one has to wait for its turn. */
static bool ask(const struct ft_hub *h, struct ft_hub_link *l, int64_t now)
{
	int64_t left = h->detector.window;
	struct doubt doubts[DOUBTS];

	if (now < question_due(h, l->next_question))
		return false;
	doubt(h, doubts);
	for (int i = 0; i < DOUBTS; i++)
		if (now >= doubts[i].from && now < doubts[i].until)
			left = min64(left, doubts[i].until - now);
	l->asked_at = now;
	l->next_question = now + max64(left / QUESTION_PARTS, QUESTION_MIN);
	return true;
}

size_t ft_hub_compose(struct ft_hub *h, int link, const struct ft_side *self, int64_t now, uint8_t out[FT_WIRE_MAX])
{
	struct ft_hub_link *l;
	struct ft_beat beat = {
	    .link = (uint8_t)link,
	    .incarnation = h->incarnation,
	    .born = h->born,
	    .sent = now,
	    .side = *self,
	};

	assert(link >= 0 && link < h->n_links);
	l = &h->links[link];
	beat.sequence = ++l->tx_sequence;
	beat.asking = ask(h, l, now);
	memcpy(beat.node, h->node, sizeof beat.node);
	echo(h, link, now, &beat);
	l->stats.sent++;
	return ft_wire_encode(&beat, &h->keys[0], h->pair, out);
}

static enum ft_heard reject(struct ft_hub_link *l, int reason, int64_t now)
{
	l->stats.rejected[reason]++;
	ft_trouble_note(&l->trouble, reason, now);
	return FT_HEARD_NOTHING;
}

static int64_t newer(int64_t a, int64_t b)
{
	return a == FT_NEVER || (b != FT_NEVER && b > a) ? b : a;
}

/* An acknowledgement of what we never sent, or sent in the future, is a fault of the peer: no right comes from it.  Nor
 * does any come from a peer that is past its promise not to claim. */
static void take_acknowledgement(struct ft_hub_link *l, const struct ft_beat *beat, int64_t now)
{
	if (beat->ack_sequence == 0 || beat->ack_sequence > l->tx_sequence || beat->echo_sent > now)
		return;
	if (beat->ack_sequence > l->acked) {
		int64_t rtt = now - beat->echo_sent - (int64_t)beat->held_us * 1000;
		l->acked = beat->ack_sequence;
		l->stats.acked_at = now;
		l->stats.rtt = beat->held_us == UINT32_MAX ? -1 : rtt > 0 ? rtt : 0;
	}
	if (beat->tentative)
		return;
	int64_t held = beat->held_us == UINT32_MAX ? 0 : (int64_t)beat->held_us * 1000;
	int64_t on = held < now - beat->echo_sent ? beat->echo_sent + held : now;
	l->was_on = newer(l->was_on, on);
	if (ft_side_calm(&beat->side))
		l->acked_sent = newer(l->acked_sent, beat->echo_sent);
}

/* unscheduled: it may be a question or an answer, which keep to no schedule. */
static void note_arrival(struct ft_hub *h, int link, const struct ft_beat *beat, bool unscheduled, int64_t now)
{
	const struct ft_hub_link *l = &h->links[link];

	ft_arrivals_heard(&h->arrivals, link,
	                  &(struct ft_arrival){
	                      .now = now,
	                      .awake = h->detector.newest_awake,
	                      .incarnation = beat->incarnation,
	                      .sequence = beat->sequence,
	                      .sent = beat->sent,
	                      .rtt = l->stats.rtt,
	                      .acked = ft_hub_acked_sent(h),
	                      .doubt = unscheduled,
	                  });
}

static void take_life(struct ft_hub *h, int link, const struct ft_beat *beat, int64_t now)
{
	struct ft_hub_link *l = &h->links[link];
	bool asked = l->asked_at >= l->rx.at; /* since the one before */

	l->stats.received++;
	if (!h->detector.links[link].alive)
		l->stats.heard_since = now;
	h->foreign_version = 0;
	l->rx = (struct ft_hub_rx){.sequence = beat->sequence, .sent = beat->sent, .at = now};
	take_acknowledgement(l, beat, now);
	ft_detector_heard(&h->detector, link, now);
	note_arrival(h, link, beat, asked || beat->asking, now);
	/* A slow link brings what a fast one has long overtaken: it is life, but no news. */
	if (beat->sent >= h->peer.sent)
		h->peer = *beat;
	if (in_step(h) && !asked && !beat->asking)
		keep_step(h, now);
}

static enum ft_heard from_peer(struct ft_hub *h, int link, const struct ft_beat *beat, int64_t now)
{
	struct ft_hub_link *l = &h->links[link];

	if (beat->sequence <= l->seen)
		return reject(l, FT_REJECT_REPLAY, now);
	if (beat->sent < h->peer_since)
		return reject(l, FT_REJECT_REPLAY, now);
	if (l->seen)
		l->stats.lost += beat->sequence - l->seen - 1;
	l->seen = beat->sequence;
	if (beat->echo_incarnation != h->incarnation)
		return reject(l, FT_REJECT_ECHO, now);
	take_life(h, link, beat, now);
	return beat->asking ? FT_HEARD_ASKED : FT_HEARD_LIFE;
}

/* The stranger becomes the peer.  What it sent before is never heard again, and what its forerunner acknowledged gives
 * no right any more. */
static void enthrone(struct ft_hub *h, const struct ft_beat *beat)
{
	for (int i = 0; i < FT_LINKS_MAX; i++) {
		struct ft_hub_link *l = &h->links[i];
		bool heard = l->stranger.incarnation == beat->incarnation;

		l->rx = heard ? l->stranger.rx : (struct ft_hub_rx){0};
		l->seen = l->rx.sequence;
		l->stranger.incarnation = 0;
		l->floor = l->tx_sequence;
		l->acked_sent = l->was_on = FT_NEVER;
	}
	h->have_peer = true;
	h->peer = *beat;
	h->peer_since = beat->sent;
}

/* Only who lives could hear what we have sent so lately: an earlier life of the peer ended before the present one was heard,
 * and one of another that is delayed on its way is old. */
static bool proves_life(const struct ft_hub *h, const struct ft_hub_link *l, const struct ft_beat *beat, int64_t now)
{
	return beat->echo_incarnation == h->incarnation && beat->ack_sequence > l->floor &&
	       beat->ack_sequence <= l->tx_sequence && beat->echo_sent <= now &&
	       now - beat->echo_sent <= h->detector.window;
}

/* Who is silent for longer than that gives way to any other. */
static int64_t attends_to(const struct ft_detector *d)
{
	return d->interval + d->interval / 4;
}

/* Whether it is the one to be echoed on this link. */
static bool attract(struct ft_hub *h, struct ft_hub_link *l, const struct ft_beat *beat, int64_t now)
{
	struct ft_stranger *s = &l->stranger;

	if (s->incarnation && s->incarnation != beat->incarnation && beat->born < s->born &&
	    now - s->rx.at < attends_to(&h->detector))
		return false;
	*s = (struct ft_stranger){.incarnation = beat->incarnation,
	                          .born = beat->born,
	                          .rx = {.sequence = beat->sequence, .sent = beat->sent, .at = now}};
	return true;
}

static enum ft_heard from_stranger(struct ft_hub *h, int link, const struct ft_beat *beat, int64_t now)
{
	struct ft_hub_link *l = &h->links[link];

	if (l->stranger.incarnation == beat->incarnation && beat->sequence <= l->stranger.rx.sequence)
		return reject(l, FT_REJECT_REPLAY, now);
	if (proves_life(h, l, beat, now)) {
		enthrone(h, beat);
		take_life(h, link, beat, now);
		l->seen = beat->sequence;
		return FT_HEARD_NEW_PEER;
	}
	reject(l, FT_REJECT_ECHO, now);
	if (!attract(h, l, beat, now) || !elapsed(l->answered_at, h->detector.interval / 2, now))
		return FT_HEARD_NOTHING;
	l->answered_at = now;
	l->answers = true;
	return FT_HEARD_HELLO;
}

enum ft_heard ft_hub_receive(struct ft_hub *h, int link, const uint8_t *data, size_t len, int64_t now)
{
	struct ft_hub_link *l;
	struct ft_beat beat;
	enum ft_wire_error error;

	assert(link >= 0 && link < h->n_links);
	l = &h->links[link];
	error = ft_wire_decode(data, len, h->keys, h->n_keys, h->pair, &beat);
	if (error == FT_WIRE_VERSION_UNKNOWN) {
		int version = ft_wire_version(data, len, h->keys, h->n_keys, h->pair);
		h->foreign_version = version ? version : h->foreign_version;
	}
	if (error != FT_WIRE_OK)
		return reject(l, (int)error, now);
	if (beat.incarnation == h->incarnation)
		return reject(l, FT_REJECT_REFLECTED, now);
	if (strcmp(beat.node, h->node) == 0)
		return reject(l, FT_REJECT_NODE, now);
	if (beat.link != link)
		return reject(l, FT_REJECT_LINK, now);
	if (h->have_peer && beat.incarnation == h->peer.incarnation && strcmp(beat.node, h->peer.node) == 0)
		return from_peer(h, link, &beat, now);
	return from_stranger(h, link, &beat, now);
}

/* On whichever link it is first. */
static int64_t next_question(const struct ft_hub *h)
{
	int64_t not_before = FT_NEVER;

	for (int i = 0; i < h->n_links; i++)
		not_before = min64(not_before, h->links[i].next_question);
	return question_due(h, not_before);
}

bool ft_hub_send_due(struct ft_hub *h, int64_t now)
{
	bool scheduled = now >= h->next_send;

	if (scheduled)
		next_slot(h, now);
	return scheduled || now >= next_question(h);
}

/* Late is as late as a heartbeat may be early: what came in meanwhile is then acknowledged by what is sent. */
bool ft_hub_only_sends(const struct ft_hub *h, int64_t now)
{
	int64_t late = now - h->next_send;

	return late >= 0 && late < h->detector.interval / FT_JITTER_PARTS && now < ft_detector_deadline(&h->detector) &&
	       now < next_question(h);
}

int64_t ft_hub_deadline(const struct ft_hub *h)
{
	return min64(ft_detector_deadline(&h->detector), min64(h->next_send, next_question(h)));
}

int64_t ft_hub_acked_sent(const struct ft_hub *h)
{
	int64_t newest = FT_NEVER;

	/* All slots: a link dropped by a reload takes no right away. */
	for (int i = 0; i < FT_LINKS_MAX; i++)
		newest = newer(newest, h->links[i].acked_sent);
	return newest;
}

int64_t ft_hub_was_on(const struct ft_hub *h)
{
	int64_t newest = FT_NEVER;

	for (int i = 0; i < FT_LINKS_MAX; i++)
		newest = newer(newest, h->links[i].was_on);
	return newest;
}
