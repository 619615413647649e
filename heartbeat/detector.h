/* The failure detector of one pair: several links, one verdict.  Pure.
 * Knows: when a link was last heard, in awake time.  Must not know: clocks, sockets, packets.
 *
 * A judgement is made in awake time: a daemon that was stopped, starved or suspended has not been listening, so the
 * time it was away does not count against its peer.  The shell ticks at least once a tick period, which is an interval and
 * what its heartbeats stray from that, so that the process wakes for no tick alone; a gap between two ticks counts as one
 * tick period at the most, and a gap longer than the whole window begins the count anew (once per heard
 * heartbeat, so that a starved daemon still comes to a verdict).
 * Awake time is never ahead of real time: a verdict may come later than the window, never earlier. */
#ifndef FT_HEARTBEAT_DETECTOR_H
#define FT_HEARTBEAT_DETECTOR_H

#include "base/types.h"

enum ft_hearing {
	FT_HEARING_NEVER = 0, /* no authentic, echoed heartbeat yet since start */
	FT_HEARING_ALIVE,
	FT_HEARING_QUIET, /* nothing on any link for half the window, or for an interval and a half if that is longer */
	FT_HEARING_LOST,  /* nothing on any link for the whole window */
};

struct ft_detector_link {
	bool heard_ever;
	int64_t heard_at;    /* real time, for people */
	int64_t heard_awake; /* awake time, for the verdict */
	bool alive;          /* heard within the window, as of the last tick */
};

struct ft_detector {
	int64_t interval, window; /* ns; window = lost_after intervals, to the nanosecond; see detector.c */
	int64_t tick_period;      /* ns; an interval and a sixteenth */
	int64_t last_tick, awake; /* real time of the last tick; awake time so far */
	bool anew_spent;          /* the fresh count after a stall was already granted since the last heartbeat heard */
	int n_links;
	struct ft_detector_link links[FT_LINKS_MAX];
	int64_t newest_at, newest_awake; /* the newest heartbeat on any link, one since removed included */
	enum ft_hearing hearing;
	int64_t stalled_ns; /* longest gap between ticks seen since last asked for; for the log */
};

void ft_detector_init(struct ft_detector *d, int n_links, int64_t interval_ns, int lost_after, int64_t now);
/* New timing or number of links after a reload: what was heard stays heard, nothing is judged by the change itself:
 * who was alive has a whole new window from now, who was lost stays lost until heard. */
void ft_detector_retime(struct ft_detector *d, int n_links, int64_t interval_ns, int lost_after, int64_t now);
/* A heartbeat that counts as life came in on link.  Only records it: the next tick judges and reports the change. */
void ft_detector_heard(struct ft_detector *d, int link, int64_t now);
/* Call after the sockets have been drained, never before.  Returns true if d->hearing changed. */
bool ft_detector_tick(struct ft_detector *d, int64_t now);
/* When the next tick is due at the latest: at most one tick period after the last, earlier where a verdict would change. */
int64_t ft_detector_deadline(const struct ft_detector *d);
/* When the peer will have been silent for so long (ns, at most the window) if it is not heard before; may be past.
 * FT_NEVER if it is not there: never heard, or lost. */
int64_t ft_detector_silent_at(const struct ft_detector *d, int64_t silence);
/* Newest heartbeat on any link (real time), FT_NEVER if none. */
int64_t ft_detector_last_heard(const struct ft_detector *d);

#endif
