/* Both directions of one pair's heartbeats: who the peer is, what counts as life, what goes out and when.  Pure: datagrams
 * and times come in, datagrams and news go out.  The links (libevent) and the simulation both drive this.
 * Knows: wire format, detector, acceptance rules.  Must not know: sockets, clocks, what the news lead to.
 *
 * Life is an authentic heartbeat, of the peer's current incarnation, that echoes our own, newer than the last on that link.
 * A new incarnation of the peer (a stranger) becomes current once it acknowledges, within the window, a heartbeat that we
 * sent since the present peer became current.  A recording of an earlier life can never do that, for that life ended before
 * the present one was first heard.  Nothing is remembered of a stranger for this, so any number of lives that are replayed at
 * any rate cannot keep the living one out.  All else is counted and otherwise does not exist.
 *
 * What a stranger acknowledges is any heartbeat of ours, for whomever it is meant; each that we send gives it the chance.  So
 * that it need not wait for one, the user of the hub answers its first, a hello, at once on the same link.  That one answer
 * echoes the stranger; all other heartbeats go on echoing the current peer, so that a stranger costs a healthy pair nothing.
 * There is one answer to strangers a link and half an interval, whoever they are and however many: what is replayed to us
 * draws no more.
 *
 * Somebody without a peer, who has just started, echoes a stranger in each heartbeat, and must choose among the living one
 * and its earlier lives, if those are replayed.  So each heartbeat says when its life began, and the youngest that is heard
 * is chosen, since who lives is younger than its earlier lives.  It is a choice and no proof: where a clock was set back, or the
 * peer does not say (0), it is the one heard last.
 *
 * An answer acknowledges a hello, and a hello is not life.  Such a heartbeat is marked tentative, and its receiver does
 * not count it in acked_sent: a restarted primary must not draw a right to run from a secondary that received its
 * hello, but whose detector is still counting the silence of the primary's earlier life.
 *
 * A doubt is asked, not waited out.  There are two: the peer's heartbeats are missing, or its acknowledgements are, on
 * which a primary's right to run rests.  Each lasts until the peer, or the right, is lost.  Meanwhile questions go out on every
 * link, the faster the less time is left, and the peer answers each at once: random loss then costs no false alarm and
 * no right.  Heartbeats and answers may carry a question too, but never sooner than its turn: who is asked by a peer
 * that is in doubt itself does not ask back without end.
 *
 * The secondary keeps in step with the primary: it sends its heartbeat when it hears the primary's.  It wakes once an
 * interval for both, and the primary hears it while its caches are warm from sending; a wake-up is most of what a heartbeat
 * costs.  And the primary's newest heartbeat is acknowledged at once, so that its right to run is as fresh as can be.
 *
 * Links are known by their index; so are their counters, whatever addresses a reload gives them. */
#ifndef FT_HEARTBEAT_HUB_H
#define FT_HEARTBEAT_HUB_H

#include "heartbeat/arrivals.h"
#include "heartbeat/detector.h"
#include "heartbeat/trouble.h"
#include "heartbeat/wire.h"

#define FT_JITTER_PARTS 16 /* a heartbeat is early by less than a 16th of the interval */

enum ft_reject { /* after FT_WIRE_OK; the first FT_WIRE_ERROR_COUNT slots of the counters are enum ft_wire_error */
	         FT_REJECT_REFLECTED = FT_WIRE_ERROR_COUNT, /* carries our own incarnation */
	         FT_REJECT_NODE,   /* carries our own node name: of a twin, or of an earlier ftd here */
	         FT_REJECT_LINK,   /* came in on another link than it was sent on */
	         FT_REJECT_REPLAY, /* not newer than the last */
	         FT_REJECT_ECHO,   /* does not echo our incarnation, or not freshly: not (yet) the current peer */
	         FT_REJECT_COUNT
};
#define FT_TROUBLE_REFUSED FT_REJECT_COUNT /* beside the reasons, in ft_hub_link.trouble: port unreachable */
_Static_assert(FT_TROUBLE_REFUSED < FT_TROUBLES_MAX, "each kind of trouble has its counter");
const char *ft_reject_name(int reject); /* every reason, ft_wire_error_name() included */

struct ft_link_stats {
	uint64_t sent, received; /* composed; counted as life */
	uint64_t lost;           /* gaps in the peer's sequence; a late one is counted as lost and as replay */
	uint64_t rejected[FT_REJECT_COUNT];
	uint64_t refused;    /* port unreachable answers */
	uint64_t unsent;     /* composed, but the kernel would not take it; the user of the hub counts these */
	int send_error;      /* errno of the newest, 0 if it was taken; the user's, too */
	int64_t rtt;         /* ns, of the newest heartbeat of ours that was acknowledged; -1 unknown */
	int64_t acked_at;    /* when a heartbeat of ours was found acknowledged that was not before; FT_NEVER never */
	int64_t heard_since; /* when the peer was heard on it after a silence as long as the window; FT_NEVER never */
};

enum ft_heard {
	FT_HEARD_NOTHING = 0, /* rejected */
	FT_HEARD_HELLO,       /* an unproven incarnation of the peer: send on that link at once */
	FT_HEARD_LIFE,        /* life; hub->peer may have changed */
	FT_HEARD_NEW_PEER,    /* life, and the first of a new incarnation of the peer: send on every link at once */
	FT_HEARD_ASKED,       /* life, and the peer is in doubt: send on that link at once */
};

/* The newest heartbeat of one incarnation on one link: what we acknowledge. */
struct ft_hub_rx {
	uint64_t sequence; /* 0 none */
	int64_t sent, at;  /* by the sender's clock; by ours, when it came in */
};

struct ft_hub_link {
	uint64_t tx_sequence; /* last sent */
	struct ft_hub_rx rx;  /* the current peer's newest that counted as life */
	uint64_t seen;        /* the current peer's newest sequence, life or not */
	uint64_t acked;       /* the newest of our sequences on it that any peer acknowledged */
	uint64_t floor;       /* tx_sequence when the present peer became that: a stranger must acknowledge more */
	bool answers;         /* the next heartbeat on this link echoes the stranger */
	int64_t answered_at;  /* the last answer to a stranger; FT_NEVER never */
	struct ft_stranger {  /* the one that is worth an echo */
		uint64_t incarnation; /* 0 none */
		int64_t born;
		struct ft_hub_rx rx;
	} stranger;
	int64_t acked_sent; /* when the newest heartbeat of ours that counted as life there was sent; FT_NEVER none */
	int64_t was_on;     /* ft_hub_was_on(), by this link alone */
	int64_t asked_at;   /* the last question */
	int64_t next_question; /* no question before this */
	struct ft_link_stats stats;
	struct ft_trouble trouble; /* enum ft_reject and FT_TROUBLE_REFUSED; the user of the hub counts the latter */
};

struct ft_hub {
	char pair[FT_NAME_MAX], node[FT_NAME_MAX];
	const struct ft_key *keys; /* owned by the settings; swapped on reload */
	int n_keys;
	uint64_t incarnation;
	int64_t born;
	int n_links;
	struct ft_hub_link links[FT_LINKS_MAX];
	struct ft_detector detector;
	struct ft_arrivals arrivals; /* of the current peer and those before; for people alone */
	int foreign_version;         /* of this pair's heartbeats that are not of ours, since the last life; 0 none */
	bool have_peer;
	struct ft_beat peer; /* of the heartbeats that counted as life, on whichever link, the one sent last */
	int64_t peer_since;  /* by its clock: when it sent what made it the peer; what it sent before is not life */
	int64_t slot;        /* of the schedule, for which next_send is meant */
	int64_t next_send;   /* a little before its slot, never after */
	bool slot_moved;     /* to where the peer's are; once is enough */
};

/* config must outlive the hub, or be replaced; incarnation is random and not 0; born is the wall clock's time, ns, 0 unknown. */
void ft_hub_init(struct ft_hub *h, const struct ft_heartbeat_settings *settings, uint64_t incarnation, int64_t born,
                 int64_t now);
/* A new config in place of the old one. Tick first. */
void ft_hub_reconfigure(struct ft_hub *h, const struct ft_heartbeat_settings *settings, int64_t now);

/* Writes the next heartbeat for link; returns its length.  Counts it as sent.  After FT_HEARD_HELLO on that link it is the
 * answer to the hello. */
size_t ft_hub_compose(struct ft_hub *h, int link, const struct ft_side *self, int64_t now, uint8_t out[FT_WIRE_MAX]);
/* len may be larger than what data holds once it is above FT_WIRE_MAX: such a datagram is refused unread. Call
 * ft_detector_tick when all that has come in was received. */
enum ft_heard ft_hub_receive(struct ft_hub *h, int link, const uint8_t *data, size_t len, int64_t now);

/* True if a heartbeat on every link is due, by the schedule or as a question; moves on to the next.  Call after the tick.
 * The schedule is absolute, so it does not drift; what was missed is not made up for.  The first heartbeat goes out at
 * once, the others at a phase of the interval that the incarnation draws, each up to FT_JITTER_PARTS of an interval
 * before its slot: many pairs on one host do not send in one moment, nor for ever beside what else comes periodically.
 * In step with a primary it is due as soon as the primary was heard, and the primary's slots become this side's. */
bool ft_hub_send_due(struct ft_hub *h, int64_t now);
/* Whether the schedule alone asks for a turn now, and asks for it in time: a heartbeat is due, and nothing that heartbeats
 * which are yet to be read could have a say in. */
bool ft_hub_only_sends(const struct ft_hub *h, int64_t now);
/* When to tick and to ask ft_hub_send_due at the latest. */
int64_t ft_hub_deadline(const struct ft_hub *h);

/* Send time of the newest heartbeat of ours, on any link, that the current peer is known to have heard, as life and while
 * it was calm (ft_side_calm); FT_NEVER none. */
int64_t ft_hub_acked_sent(const struct ft_hub *h);
/* A time at which the current peer surely was on, in whatever state: when it sent the newest heartbeat of its that tells how long it had
 * held one of ours, counted from when that was sent.  No delay on the way makes it later than it was.  FT_NEVER none. */
int64_t ft_hub_was_on(const struct ft_hub *h);

#endif
