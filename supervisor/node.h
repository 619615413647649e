/* One ftd but for the world: what is done about one event, and in which order.  Pure: the shells stand behind a table of
 * deeds, or the models of the simulation do; both drive this.
 * Knows: the core.  Must not know: clocks, processes, disks, who tells the events.
 *
 * First of all what makes void what the event may rest on, our clocks having stood still; then the core's step; then our
 * right to run is published, before anything is said or done that rests on it; then what the core says, in its order.
 * A guest is thawed only after one more look at the time. */
#ifndef FT_SUPERVISOR_NODE_H
#define FT_SUPERVISOR_NODE_H

#include "core/core.h"
#include "heartbeat/hub.h"

/* Heartbeats that say goodbye, in case one is lost, and what lies between them. */
#define FT_GOODBYES         3
#define FT_GOODBYE_EVERY_MS 10

/* The QEMU process that is there now. */
struct ft_node_qemu {
	uint64_t instance; /* as in struct ft_qemu_facts */
	bool answers;
};

struct ft_node_guard {
	bool on_guard; /* a sentinel of ours, and no other, over the QEMU that is there */
	bool may_stop; /* it, by the kernel's rules */
};

/* What the world does for a node. */
struct ft_node_deeds {
	int64_t (*now)(void *world);
	/* Between two instructions: see turn.h. */
	bool (*moment)(void *world);
	/* ns that this host's clocks have missed since this was asked last, at least; 0: they have gone on. */
	int64_t (*stood_still)(void *world);
	/* Receives, and tells of, what has come in by now: what is decided next must not be older.  Returns whether this process
	 * goes on. */
	bool (*catch_up)(void *world);
	struct ft_node_qemu (*qemu)(void *world);
	/* Gives the sentinel that QEMU, and until when it may run.  known: no sentinel of an earlier ftd knows better. */
	struct ft_node_guard (*guard)(void *world, int64_t lease, bool known);
	/* What core.h says of the action; whether this process goes on.  At FT_DO_EXIT: ft_node_goodbye is due at once. */
	bool (*act)(void *world, const struct ft_action *a);
	/* The answer to ft_node_want_start.  why: for people. */
	void (*may_start)(void *world, bool may, const char *why);
	/* ft_node_time is due then; FT_NEVER nothing is. */
	void (*wake)(void *world, int64_t at);
	/* ft_node_goodbye is due in FT_GOODBYE_EVERY_MS. */
	void (*goodbye_later)(void *world);
	/* The end of this process. */
	void (*leave)(void *world);
	/* For who watches; NULL nobody does.  The core is about to be told this; and has been, at that time, and said that. */
	void (*hears)(void *world, const struct ft_event *event);
	void (*stepped)(void *world, const struct ft_event *event, int64_t now, const struct ft_actions *out);
};

struct ft_node {
	struct ft_core *core;
	const struct ft_node_deeds *deeds;
	void *world;
	int64_t missed;    /* found in the midst of a thaw: the core is to be told of it first; 0 nothing */
	bool thaw_refused; /* the core is owed a look at the time, before anything else is told */
	int goodbyes_left;
	bool start_asked; /* somebody waits to hear whether he may start the VM */
	bool start_confirmed;
	int64_t start_until;
};

/* core, deeds and world must outlive it. */
void ft_node_init(struct ft_node *n, struct ft_core *core, const struct ft_node_deeds *deeds, void *world);

/* All return whether this process goes on. */
bool ft_node_feed(struct ft_node *n, const struct ft_event *event);
/* The time has come that .wake was told. */
bool ft_node_time(struct ft_node *n);
/* Whoever is about to say where we stand looks at the clocks first: who was cut off when it wakes is told of nothing else
 * before its right has ended. */
bool ft_node_look_at_clocks(struct ft_node *n);
/* What the peer says of itself has changed, and the detector's verdict on it (see turn.h). */
bool ft_node_peer(struct ft_node *n, const struct ft_beat *peer);
bool ft_node_hearing(struct ft_node *n, const struct ft_detector *d);
/* What is known of our QEMU has changed, or who is on guard over it.  What hangs on the guard is filled in here: unguarded, and
 * whether it may be signalled. */
bool ft_node_see(struct ft_node *n, const struct ft_qemu_facts *seen);
/* A sentinel has stopped our QEMU, or may have. */
bool ft_node_sentinel_froze(struct ft_node *n);
/* Somebody asks whether he may start the VM; nobody else does yet.  He is answered by .may_start. */
bool ft_node_want_start(struct ft_node *n, bool confirmed);
/* The next goodbye, or the end. */
bool ft_node_goodbye(struct ft_node *n);

#endif
