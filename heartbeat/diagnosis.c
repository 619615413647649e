/* See diagnosis.h. */
#include "heartbeat/diagnosis.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* A few of these are met whenever one side is started anew. */
#define MANY 4

/* An acknowledgement may be lost, too. */
#define UNHEARD_MIN (1000 * FT_NS_PER_MS)

#define ONGOING_MIN (3000 * FT_NS_PER_MS)

enum kind {
	NO_TROUBLE = 0,
	REJECTED, /* + the reason */
	UNREACHABLE = REJECTED + FT_TROUBLES_MAX,
	UNHEARD, /* by the peer, which we hear */
	SILENT,
	UNSENT, /* + errno */
};

const char *ft_link_state_name(enum ft_link_state s)
{
	static const char *const names[FT_LINK_STATES] = {"up", "one-way", "down"};

	return (unsigned)s < FT_LINK_STATES ? names[s] : "?";
}

struct words {
	const char *what, *fix;
};

#define SAME_KEY     "give both hosts the same key file and pair name"
#define SAME_VERSION "run the same version of ftd on both hosts"
#define LET_THROUGH                                                                                                    \
	"let UDP through from this host to that address and port, and see whether peer and local of this link agree "  \
	"with the other host's ft.conf"

static const struct words rejected[FT_REJECT_COUNT] = {
    [FT_WIRE_LENGTH] = {"what comes in are no heartbeats", "see who else sends to this port"},
    [FT_WIRE_MAGIC] = {"what comes in are no heartbeats", "see who else sends to this port"},
    [FT_WIRE_VERSION_UNKNOWN] = {"heartbeats of another version of ftd come in", SAME_VERSION},
    [FT_WIRE_KEY] = {"heartbeats fail authentication: they are made with another key", SAME_KEY},
    [FT_WIRE_AUTH] = {"heartbeats fail authentication: they are of another pair, or forged", SAME_KEY},
    [FT_WIRE_VALUE] = {"heartbeats come in that this version of ftd does not understand", SAME_VERSION},
    [FT_REJECT_REFLECTED] = {"our own heartbeats come back", "is peer an address of this host?"},
    [FT_REJECT_NODE] = {"the other side has the same node name as this one",
                        "give each host a node name of its own in ft.conf"},
    [FT_REJECT_LINK] = {"heartbeats of another link come in on it",
                        "list heartbeat.links in the same order on both hosts"},
    [FT_REJECT_REPLAY] = {"old heartbeats come in again", "see what repeats them: a device on the way, or somebody"},
    [FT_REJECT_ECHO] = {"the peer's heartbeats come in, and it does not hear ours", LET_THROUGH},
};

/* What explains a silence comes in all the while: what came before it does not. */
static int64_t ongoing(const struct ft_hub *h)
{
	return h->detector.window > ONGOING_MIN ? h->detector.window : ONGOING_MIN;
}

/* The reason met most often lately; 0 none.  Only what is of no use to a link that works is looked for there: a network may
 * double, and a peer be started anew. */
static int worst_reason(const struct ft_hub *h, int link, bool works, int64_t now)
{
	const struct ft_trouble *t = &h->links[link].trouble;
	uint32_t most = 0;
	int worst = 0;

	for (int r = 1; r < FT_REJECT_COUNT; r++) {
		bool usual = r == FT_REJECT_REPLAY || r == FT_REJECT_ECHO;
		uint32_t n = works ? ft_trouble_recent(t, r, now) : ft_trouble_ongoing(t, r, ongoing(h), now);

		if (n <= most || (usual && (works || n < MANY)))
			continue;
		most = n;
		worst = r;
	}
	return worst;
}

static bool unheard(const struct ft_hub *h, int link, int64_t now)
{
	const struct ft_link_stats *s = &h->links[link].stats;
	bool acked = s->acked_at != FT_NEVER && (s->heard_since == FT_NEVER || s->acked_at > s->heard_since);
	int64_t from = acked ? s->acked_at : s->heard_since;
	int64_t patience = h->detector.window > UNHEARD_MIN ? h->detector.window : UNHEARD_MIN;

	return from != FT_NEVER && now - from >= patience;
}

static void say(struct ft_diagnosis *d, enum ft_link_state state, int kind, const char *what, const char *fix)
{
	d->state = state;
	d->kind = kind;
	d->silent = kind == SILENT || kind == UNREACHABLE;
	d->fix = fix;
	(void)snprintf(d->what, sizeof d->what, "%s", what);
}

static void say_rejected(struct ft_diagnosis *d, enum ft_link_state state, int reason)
{
	say(d, state, REJECTED + reason, rejected[reason].what, rejected[reason].fix);
}

static void diagnose_silence(const struct ft_hub *h, int link, int64_t now, struct ft_diagnosis *d)
{
	const struct ft_hub_link *l = &h->links[link];
	int reason = worst_reason(h, link, false, now);

	if (l->stats.send_error) {
		say(d, FT_LINK_DOWN, UNSENT + l->stats.send_error, "",
		    "is the address on this host, its interface up, and a route there?");
		(void)snprintf(d->what, sizeof d->what, "heartbeats cannot be sent: %s", strerror(l->stats.send_error));
	} else if (reason) {
		say_rejected(d, FT_LINK_DOWN, reason);
	} else if (ft_trouble_ongoing(&l->trouble, FT_TROUBLE_REFUSED, ongoing(h), now) >= MANY) {
		say(d, FT_LINK_DOWN, UNREACHABLE, "nothing heard, and that host says that nobody listens there",
		    "is the peer's ftd running, and are peer and local of this link the same in its ft.conf?");
	} else {
		say(d, FT_LINK_DOWN, SILENT, "nothing heard",
		    "is the peer's ftd running, the address its own, and UDP let through both ways?");
	}
}

void ft_diagnose(const struct ft_hub *h, int link, int64_t now, struct ft_diagnosis *out)
{
	assert(link >= 0 && link < h->n_links);
	*out = (struct ft_diagnosis){.fix = ""};
	if (!h->detector.links[link].alive) {
		diagnose_silence(h, link, now, out);
		return;
	}
	int reason = worst_reason(h, link, true, now);
	if (unheard(h, link, now))
		say(out, FT_LINK_ONE_WAY, UNHEARD, "the peer is heard, and does not hear us", LET_THROUGH);
	else if (reason)
		say_rejected(out, FT_LINK_UP, reason);
}
