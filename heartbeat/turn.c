/* See turn.h. */
#include "heartbeat/turn.h"

#include <string.h>

void ft_turn_init(struct ft_turn *t, struct ft_hub *hub, const struct ft_turn_deeds *deeds, void *world,
                  const struct ft_turn_callbacks *cb, void *arg)
{
	*t = (struct ft_turn){.hub = hub, .deeds = deeds, .world = world, .cb = cb, .arg = arg};
	for (int i = 0; i < FT_LINKS_MAX; i++)
		t->refused_at[i] = FT_NEVER;
}

static bool moment(struct ft_turn *t)
{
	return t->deeds->moment(t->world);
}

static bool send_on(struct ft_turn *t, int link, int64_t now)
{
	uint8_t out[FT_WIRE_MAX];
	/* Composed in any case: whether it is time for the next question is counted for each link. */
	size_t len = ft_hub_compose(t->hub, link, t->cb->self(t->arg), now, out);

	if (!moment(t))
		return false;
	t->deeds->send(t->world, link, out, len, now);
	return true;
}

static bool send_all(struct ft_turn *t, int64_t now)
{
	for (int i = 0; i < t->hub->n_links; i++)
		if (!send_on(t, i, now))
			return false;
	return true;
}

/* What was read beside a hello or a question, before or after it, may change what we stand for: it is told first. */
static bool answer_all(struct ft_turn *t, int64_t now)
{
	for (int i = 0; i < t->hub->n_links; i++) {
		bool answers = t->answers[i];

		t->answers[i] = false;
		if (answers && !send_on(t, i, now))
			return false;
	}
	return true;
}

static void hear(struct ft_turn *t, const struct ft_datagram *d, int64_t now)
{
	switch (ft_hub_receive(t->hub, d->link, d->data, d->len, now)) {
	case FT_HEARD_HELLO:
	case FT_HEARD_ASKED:
		t->answers[d->link] = true;
		break;
	case FT_HEARD_NEW_PEER:
		t->greet = true;
		break;
	case FT_HEARD_NOTHING:
	case FT_HEARD_LIFE:
		break;
	}
}

/* Each has a time of its own, taken after it was received: had we been stopped in between, an older one would make a heartbeat
 * seem heard before it was sent, and the peer's right to run outlast our patience. */
static bool drain(struct ft_turn *t)
{
	struct ft_datagram d;

	while (t->deeds->receive(t->world, &d)) {
		if (!moment(t))
			return false;
		hear(t, &d, t->deeds->now(t->world));
	}
	return moment(t);
}

static bool tell_news(struct ft_turn *t, int64_t now)
{
	struct ft_beat peer = t->hub->peer;
	bool other = !t->told_any || peer.incarnation != t->told.incarnation || strcmp(peer.node, t->told.node) != 0;

	if (!t->hub->have_peer || (!other && ft_side_equal(&peer.side, &t->told.side)))
		return true;
	t->told_any = true;
	t->told = peer;
	return t->cb->news(t->arg, &peer, other, now);
}

static bool tell_foreign(struct ft_turn *t, int64_t now)
{
	int version = t->hub->foreign_version;
	bool told = version == 0 || version == t->told_foreign;

	t->told_foreign = version;
	return told || t->cb->foreign(t->arg, version, now);
}

static bool tell_acked(struct ft_turn *t, int64_t now)
{
	int64_t acked = ft_hub_acked_sent(t->hub);

	if (acked == FT_NEVER || acked == t->told_acked)
		return true;
	t->told_acked = acked;
	return t->cb->acked(t->arg, acked, now);
}

static bool tell_answered(struct ft_turn *t, int64_t now)
{
	int64_t at = ft_hub_was_on(t->hub);

	if (at == FT_NEVER || at == t->told_answered)
		return true;
	t->told_answered = at;
	return t->cb->answered(t->arg, at, now);
}

static bool tell_refused(struct ft_turn *t, int64_t now)
{
	for (int i = 0; i < t->hub->n_links; i++) {
		bool refused = t->refused[i];

		t->refused[i] = false;
		if (refused && !t->cb->refused(t->arg, i, now))
			return false;
	}
	return true;
}

/* What the peer said first, then what we make of its silence: its last word may say why it is silent. */
static bool tell(struct ft_turn *t, bool hearing_changed, int64_t now)
{
	struct ft_detector *d = &t->hub->detector;
	int64_t gap = d->stalled_ns;

	d->stalled_ns = 0;
	if (gap > d->window && !t->cb->stalled(t->arg, gap, now))
		return false;
	if (!tell_news(t, now) || !tell_foreign(t, now) || !tell_acked(t, now) || !tell_answered(t, now))
		return false;
	if (hearing_changed && !t->cb->hearing(t->arg, d->hearing, now))
		return false;
	return tell_refused(t, now);
}

/* The rest of a turn: what is to be done at that time, by what has been read so far. */
static bool finish(struct ft_turn *t, int64_t now)
{
	t->now = now;
	if (!moment(t))
		return false;
	bool changed = ft_detector_tick(&t->hub->detector, now);

	/* Tell before sending, so that what goes out after a stall is what this side stands for now. */
	if (!tell(t, changed, now) || !answer_all(t, now))
		return false;
	bool due = ft_hub_send_due(t->hub, now);

	if (due && !t->cb->due(t->arg, now))
		return false;
	if ((due || t->greet) && !send_all(t, now))
		return false;
	t->greet = false;
	t->running = false;
	return true;
}

bool ft_turn_run(struct ft_turn *t)
{
	if (t->running)
		return true;
	t->running = true;
	if (!drain(t))
		return false;
	/* No earlier time: where we were stopped since, what was heard would seem older than it is, and a claim come early. */
	return finish(t, t->deeds->now(t->world));
}

/* Without a look at the sockets the turn keeps to the time by which it needs none: were we stopped in between, a later one
 * would judge what was never read. */
bool ft_turn_timer(struct ft_turn *t)
{
	int64_t now = t->deeds->now(t->world);

	if (t->running || !ft_hub_only_sends(t->hub, now))
		return ft_turn_run(t);
	t->running = true;
	return finish(t, now);
}

/* Within a turn its time holds: what is sent later must not carry an earlier time. */
bool ft_turn_send_now(struct ft_turn *t)
{
	return send_all(t, t->running ? t->now : t->deeds->now(t->world));
}

void ft_turn_refused(struct ft_turn *t, int link, int64_t now)
{
	struct ft_hub_link *l = &t->hub->links[link];
	int64_t *told = &t->refused_at[link];

	l->stats.refused++;
	ft_trouble_note(&l->trouble, FT_TROUBLE_REFUSED, now);
	if (*told != FT_NEVER && now - *told < t->hub->detector.interval)
		return;
	*told = now;
	t->refused[link] = true;
}

/* What is refused as we send outside a turn is told in the next one. */
int64_t ft_turn_deadline(const struct ft_turn *t)
{
	for (int i = 0; i < t->hub->n_links; i++)
		if (t->refused[i])
			return 0;
	return ft_hub_deadline(t->hub);
}
