/* The turn of the links: what is done, and in which order, when something has come in or it is time.  Pure: the sockets and
 * libevent stand behind a table of deeds, or the network of the simulation does; both drive this.
 * Knows: the hub.  Must not know: clocks, sockets, what the news lead to.
 *
 * Everything that has come in is read; then the time is taken, and by that is judged, told, answered and sent. */
#ifndef FT_HEARTBEAT_TURN_H
#define FT_HEARTBEAT_TURN_H

#include "heartbeat/hub.h"

struct ft_datagram {
	int link;
	const uint8_t *data; /* until the next is received */
	size_t len;          /* as it came in, which may be more than FT_WIRE_MAX; then not all of it is there */
};

/* What the world does for a turn. */
struct ft_turn_deeds {
	/* ns, as ft_clock_now() tells. */
	int64_t (*now)(void *world);
	/* Between two instructions.  The simulation stops this process here for a while, or has it die: then false, and
	 * whoever is told so does nothing more.  Live there is nothing to do, and it is true. */
	bool (*moment)(void *world);
	/* The next that has come in, on whichever link; false: there is no more. */
	bool (*receive)(void *world, struct ft_datagram *out);
	/* What it may not reach is counted in the hub's link, by whoever sends. */
	void (*send)(void *world, int link, const uint8_t *data, size_t len, int64_t now);
};

/* Who is told.  All pointers are valid only for the call; now: the time of the turn.  Each returns whether this process goes on,
 * as .moment does.  A callback may send (ft_turn_send_now), and have no other turn. */
struct ft_turn_callbacks {
	/* What this side says of itself, asked for every heartbeat sent; must do nothing else. */
	const struct ft_side *(*self)(void *arg);
	/* A heartbeat counted as life and the peer's side, node or incarnation differ from the last one told. */
	bool (*news)(void *arg, const struct ft_beat *peer, bool new_incarnation, int64_t now);
	/* ft_hub_acked_sent() has moved on. Told after the news that came in with it. */
	bool (*acked)(void *arg, int64_t sent, int64_t now);
	/* ft_hub_was_on() has. */
	bool (*answered)(void *arg, int64_t at, int64_t now);
	/* The detector's verdict changed. */
	bool (*hearing)(void *arg, enum ft_hearing hearing, int64_t now);
	/* The peer's host says that nobody listens there (ft_turn_refused). */
	bool (*refused)(void *arg, int link, int64_t now);
	/* Heartbeats of this pair come in that are of another version of the format, and none of ours. */
	bool (*foreign)(void *arg, int version, int64_t now);
	/* This process was not run for so long (ns; more than the detection window). */
	bool (*stalled)(void *arg, int64_t gap, int64_t now);
	/* A heartbeat of the schedule is about to be sent: the moment to see whether what it says still holds. */
	bool (*due)(void *arg, int64_t now);
};

struct ft_turn {
	struct ft_hub *hub;
	const struct ft_turn_deeds *deeds;
	void *world;
	const struct ft_turn_callbacks *cb;
	void *arg;
	bool running;                     /* a turn is under way */
	int64_t now;                      /* of the current or last turn */
	bool greet;                       /* a new peer: let it know at once that it has been accepted */
	bool answers[FT_LINKS_MAX];       /* in this turn */
	bool refused[FT_LINKS_MAX];       /* not told yet */
	int64_t refused_at[FT_LINKS_MAX]; /* the newest that was told, or is to be; FT_NEVER none */
	bool told_any;
	struct ft_beat told;
	int64_t told_acked, told_answered;
	int told_foreign;
};

/* All must outlive it. */
void ft_turn_init(struct ft_turn *t, struct ft_hub *hub, const struct ft_turn_deeds *deeds, void *world,
                  const struct ft_turn_callbacks *cb, void *arg);
/* A whole turn.  Does nothing within another one.  These return whether this process goes on. */
bool ft_turn_run(struct ft_turn *t);
/* The time of ft_turn_deadline has come, as the loop says before it has looked at the sockets: where there is only a heartbeat to
 * be sent, nothing is received. */
bool ft_turn_timer(struct ft_turn *t);
/* A heartbeat on every link at once: a change of state. */
bool ft_turn_send_now(struct ft_turn *t);
/* "Port unreachable" on that link: counted, and told in this turn or the next, but at most once an interval and link. */
void ft_turn_refused(struct ft_turn *t, int link, int64_t now);
/* When the next turn is due at the latest. */
int64_t ft_turn_deadline(const struct ft_turn *t);

#endif
