/* See node.h. */
#include "supervisor/node.h"

#include <stdio.h>
#include <string.h>

void ft_node_init(struct ft_node *n, struct ft_core *core, const struct ft_node_deeds *deeds, void *world)
{
	*n = (struct ft_node){.core = core, .deeds = deeds, .world = world};
}

static bool moment(struct ft_node *n)
{
	return n->deeds->moment(n->world);
}

static struct ft_node_guard publish(struct ft_node *n)
{
	struct ft_node_qemu q = n->deeds->qemu(n->world);
	int64_t lease = ft_core_lease_of(n->core, q.instance);
	/* Of a QEMU that has said nothing, in a session that cannot be read, only an earlier sentinel knows the limit. */
	bool known = lease != FT_NEVER || q.answers || ft_core_sets_free(n->core, q.instance);
	return n->deeds->guard(n->world, lease, known);
}

/* Between the decision and here we may have been stopped, and the right to run may have ended: it is looked at once more, as
 * late as can be. */
static bool right_has_ended(struct ft_node *n)
{
	int64_t lease = ft_core_lease(n->core);
	if (lease == FT_NEVER)
		return false;
	n->missed += n->deeds->stood_still(n->world);
	return n->missed > 0 || n->deeds->now(n->world) >= lease;
}

/* The core finds the same at once: an acknowledgement that came first would leave it with a QEMU that it holds for running. */
static bool refuse_to_thaw(struct ft_node *n)
{
	struct ft_action say = {.kind = FT_DO_SAY, .level = FT_LEVEL_WARN};
	snprintf(say.text, sizeof say.text, "QEMU is not thawed: the right to run has ended meanwhile");
	n->thaw_refused = true;
	return n->deeds->act(n->world, &say);
}

static bool act(struct ft_node *n, const struct ft_action *a)
{
	if (a->kind == FT_DO_THAW && right_has_ended(n))
		return refuse_to_thaw(n);
	if (a->kind == FT_DO_EXIT)
		n->goodbyes_left = FT_GOODBYES;
	return n->deeds->act(n->world, a);
}

/* What is not known yet keeps the question open. */
static void answer_start(struct ft_node *n)
{
	char why[FT_TEXT_MAX];
	int may = ft_core_may_start(n->core, n->start_confirmed, why);
	if (may < 0 && n->deeds->now(n->world) < n->start_until)
		return;
	n->start_asked = false;
	n->deeds->may_start(n->world, may == 1, why);
}

static void set_wake(struct ft_node *n)
{
	int64_t at = ft_core_deadline(n->core);
	n->deeds->wake(n->world, n->start_asked && n->start_until < at ? n->start_until : at);
}

static bool step(struct ft_node *n, const struct ft_event *event)
{
	struct ft_actions out;
	if (n->deeds->hears)
		n->deeds->hears(n->world, event);
	if (!moment(n))
		return false;
	int64_t now = n->deeds->now(n->world);
	ft_core_step(n->core, event, now, &out);
	if (n->deeds->stepped)
		n->deeds->stepped(n->world, event, now, &out);
	if (!moment(n))
		return false;
	publish(n); /* before anything is said or done that rests on it */
	for (int i = 0; i < out.n; i++)
		if (!moment(n) || !act(n, &out.a[i]))
			return false;
	if (n->thaw_refused) {
		n->thaw_refused = false;
		return ft_node_feed(n, &(struct ft_event){.kind = FT_EVENT_TIME});
	}
	if (n->start_asked)
		answer_start(n);
	set_wake(n);
	return true;
}

bool ft_node_look_at_clocks(struct ft_node *n)
{
	int64_t missed = n->missed + n->deeds->stood_still(n->world);
	n->missed = 0;
	return missed == 0 || step(n, &(struct ft_event){.kind = FT_EVENT_STOOD_STILL, .at = missed});
}

/* An acknowledgement that came in before our clocks stood still gives no right any more. */
bool ft_node_feed(struct ft_node *n, const struct ft_event *event)
{
	return ft_node_look_at_clocks(n) && step(n, event);
}

/* After a stall of ours the peer may have been heard meanwhile, and QEMU. */
bool ft_node_time(struct ft_node *n)
{
	return n->deeds->catch_up(n->world) && ft_node_feed(n, &(struct ft_event){.kind = FT_EVENT_TIME});
}

bool ft_node_peer(struct ft_node *n, const struct ft_beat *peer)
{
	struct ft_peer_news news = {.incarnation = peer->incarnation, .side = peer->side};
	memcpy(news.node, peer->node, sizeof news.node);
	return ft_node_feed(n, &(struct ft_event){.kind = FT_EVENT_PEER, .peer = &news});
}

bool ft_node_hearing(struct ft_node *n, const struct ft_detector *d)
{
	static const enum ft_peer_hearing map[] = {
	    [FT_HEARING_NEVER] = FT_PEER_NEVER,
	    [FT_HEARING_ALIVE] = FT_PEER_ALIVE,
	    [FT_HEARING_QUIET] = FT_PEER_QUIET,
	    [FT_HEARING_LOST] = FT_PEER_LOST,
	};
	return ft_node_feed(n, &(struct ft_event){.kind = FT_EVENT_HEARING,
	                                          .hearing = map[d->hearing],
	                                          .heard_at = ft_detector_last_heard(d)});
}

/* The sentinel knows its QEMU before the core does, and does anything about it. */
bool ft_node_see(struct ft_node *n, const struct ft_qemu_facts *seen)
{
	struct ft_qemu_facts q = *seen;
	struct ft_node_guard guard = publish(n);
	q.unguarded = !guard.on_guard;
	q.pid_verified &= guard.may_stop;
	return ft_node_feed(n, &(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &q});
}

/* If the lease was renewed at that very moment, QEMU stands still although it may run: the core did not ask for it.  It is
 * thawed whether it is seen stopped yet or not: a SIGSTOP on its way is taken back. */
bool ft_node_sentinel_froze(struct ft_node *n)
{
	static const struct ft_action thaw = {.kind = FT_DO_THAW};
	if (!ft_node_time(n))
		return false;
	if (!ft_core_may_run(n->core))
		return true;
	return act(n, &thaw) && ft_node_feed(n, &(struct ft_event){.kind = FT_EVENT_TIME});
}

bool ft_node_want_start(struct ft_node *n, bool confirmed)
{
	n->start_asked = true;
	n->start_confirmed = confirmed;
	n->start_until = n->deeds->now(n->world) + FT_MAY_START_NS;
	return ft_node_feed(n, &(struct ft_event){.kind = FT_EVENT_WANT_START, .confirmed = confirmed});
}

bool ft_node_goodbye(struct ft_node *n)
{
	static const struct ft_action send = {.kind = FT_DO_SEND};
	if (!ft_core_exits(n->core))
		return true; /* taken back, since QEMU ends as well */
	if (n->goodbyes_left-- == 0) {
		n->deeds->leave(n->world);
		return false;
	}
	if (!n->deeds->act(n->world, &send))
		return false;
	n->deeds->goodbye_later(n->world);
	return true;
}
