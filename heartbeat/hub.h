/* Both directions of one pair's heartbeats: who the peer is, what counts as life, what goes out.  Pure: datagrams and times
 * come in, datagrams and news go out.  The links (libevent) and the simulation both drive this.
 * Knows: wire format, detector, acceptance rules.  Must not know: sockets, clocks, what the news lead to.
 *
 * Life is an authentic heartbeat, of the peer's current incarnation, that echoes our own, newer than the last on that link.
 * A new incarnation of the peer becomes current only once it acknowledges a heartbeat that we sent after first seeing it:
 * a recording of an earlier life of the peer can never do that.  All else is counted and otherwise does not exist. */
#ifndef FT_HEARTBEAT_HUB_H
#define FT_HEARTBEAT_HUB_H

#include "heartbeat/detector.h"
#include "heartbeat/wire.h"

enum ft_reject { /* after FT_WIRE_OK; the first FT_WIRE_ERROR_COUNT slots of the counters are enum ft_wire_error */
	         FT_REJECT_REFLECTED = FT_WIRE_ERROR_COUNT, /* carries our own node name or incarnation */
	         FT_REJECT_LINK,                            /* came in on another link than it was sent on */
	         FT_REJECT_REPLAY,                          /* not newer than the last */
	         FT_REJECT_ECHO, /* does not echo our incarnation, or not freshly: not (yet) the current peer */
	         FT_REJECT_COUNT
};
const char *ft_reject_name(int reject); /* every reason, ft_wire_error_name() included */

struct ft_link_stats {
	uint64_t sent, received, lost; /* lost: gaps in the peer's sequence */
	uint64_t rejected[FT_REJECT_COUNT];
	uint64_t refused; /* port unreachable answers */
	int64_t rtt;      /* ns, last; -1 unknown */
};

enum ft_heard {
	FT_HEARD_NOTHING = 0, /* rejected */
	FT_HEARD_HELLO,       /* an unproven incarnation of the peer: answer at once, so that it can prove itself */
	FT_HEARD_LIFE,        /* life; hub->peer may have changed */
	FT_HEARD_NEW_PEER,    /* life, and the first of a new incarnation of the peer */
};

struct ft_hub_link {
	uint64_t tx_sequence;    /* last sent */
	uint64_t rx_sequence;    /* newest of the current peer's */
	int64_t rx_sent, rx_at;  /* its "sent", and when it came in */
	uint64_t hello_sequence; /* newest of the candidate's, 0 none */
	int64_t hello_sent, hello_at;
	int64_t acked_sent; /* when the newest heartbeat of ours that the peer acknowledged was sent; FT_NEVER none */
	struct ft_link_stats stats;
};

struct ft_hub {
	char pair[FT_NAME_MAX], node[FT_NAME_MAX];
	const struct ft_key *keys; /* owned by the config; swapped on reload */
	int n_keys;
	uint64_t incarnation;
	int n_links;
	struct ft_hub_link links[FT_LINKS_MAX];
	struct ft_detector detector;
	bool have_peer;
	struct ft_beat peer;                    /* the newest heartbeat that counted as life */
	uint64_t candidate;                     /* an incarnation that has yet to prove itself, 0 none */
	uint64_t candidate_floor[FT_LINKS_MAX]; /* tx_sequence when it was first seen */
};

/* config must outlive the hub; incarnation is random and not 0. */
void ft_hub_init(struct ft_hub *h, const struct ft_config *config, uint64_t incarnation, int64_t now);
void ft_hub_reconfigure(struct ft_hub *h, const struct ft_config *config, int64_t now);

/* Writes the next heartbeat for link; returns its length.  Counts it as sent. */
size_t ft_hub_compose(struct ft_hub *h, int link, const struct ft_side *self, int64_t now, uint8_t out[FT_WIRE_MAX]);
enum ft_heard ft_hub_receive(struct ft_hub *h, int link, const uint8_t *data, size_t len, int64_t now);
/* Send time of the newest heartbeat of ours, on any link, that the current peer is known to have heard; FT_NEVER none. */
int64_t ft_hub_acked_sent(const struct ft_hub *h);

#endif
