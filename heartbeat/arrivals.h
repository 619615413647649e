/* What the links have really done since the start, or since the timing was changed: losses and how long they last, lateness,
 * round trips, silences.  Pure; bounded memory, no allocation.
 * Knows: when which heartbeat was sent and heard.  Must not know: clocks, sockets, what the figures lead to (advice.h).
 *
 * The figures are those of a receiver that hears scheduled heartbeats alone.  Answers to questions, and news, come between
 * them; they end a silence for the detector, but a longer window would have asked later, so that they must not make the
 * link look better than it is.  Outside of a doubt all but the news are scheduled; in a doubt (a question is out, ours or
 * the peer's) only what was sent on the peer's schedule counts, known from the times it sends along.  What is taken for
 * unscheduled by mistake makes the link look worse, never better.
 *
 * The peer's clock is compared with itself alone, and differences with differences.  Time in which this process was not run
 * is left out: the silence, the losses and the lateness across such a stall are nobody's. */
#ifndef FT_HEARTBEAT_ARRIVALS_H
#define FT_HEARTBEAT_ARRIVALS_H

#include "base/types.h"

/* Log-scaled: values below 16 exactly, above to an eighth of their size, up to 2^26. */
#define FT_HISTOGRAM_BUCKETS 192

struct ft_histogram {
	uint64_t n;
	int64_t min, max; /* exact; -1 while n is 0 */
	uint64_t count[FT_HISTOGRAM_BUCKETS];
};

void ft_histogram_clear(struct ft_histogram *h);
void ft_histogram_add(struct ft_histogram *h, int64_t value); /* below 0 counts as 0 */
/* How many values were `value` or more.  Values that share its bucket count too: never too few. */
uint64_t ft_histogram_at_least(const struct ft_histogram *h, int64_t value);
/* The value that `share` (0 .. 1) of all are at most.  Never too low, and never above the maximum; -1 while n is 0. */
int64_t ft_histogram_quantile(const struct ft_histogram *h, double share);

struct ft_arrivals_link {
	/* What was heard */
	uint64_t heard, lost;        /* scheduled heartbeats */
	struct ft_histogram runs;    /* length of each run of losses */
	struct ft_histogram late_us; /* on the way, beyond the quickest of the last seconds */
	struct ft_histogram rtt_us;  /* without the time the peer held it */
	int64_t longest;             /* silence, ns awake, answers and news included */
	uint64_t pauses;             /* times the peer sent nothing for half an interval beyond its schedule */
	int64_t longest_pause;       /* ns beyond the schedule */

	/* How it is followed */
	bool following;         /* the fields below are of an earlier heartbeat of this incarnation */
	bool doubt;             /* only what is on schedule counts */
	uint64_t sequence;      /* of the last one */
	uint64_t missing;       /* sequences missed since the last scheduled one */
	int64_t at, awake;      /* of the last one */
	int64_t on_schedule;    /* sent: of the last scheduled one */
	int64_t on_schedule_at; /* ... and when it came in */
	int64_t quickest[2];    /* arrival minus sent, least of this block of time and of the one before */
	int64_t block_end;
};

struct ft_arrivals {
	int64_t interval, window; /* ns, as the detector has them */
	int64_t grace;            /* a silence may be so much longer and still be of the same level */
	int64_t since;
	uint64_t incarnation; /* of the peer that is followed; 0 none */
	int64_t listened;     /* ns awake, the sum of all silences counted */

	/* Silences on all links together, of scheduled heartbeats, in levels: level j is a silence that a window of j intervals
	 * would have called a loss, and one of j + 1 would not.  0 is the ordinary one.  The heartbeat that ends it may come
	 * after its place by the grace, a sender's freedom: a verdict just before it would have come after many questions. */
	struct ft_histogram silence;
	/* The same for the primary's right to run: how old, when the next acknowledgement came, the heartbeat was that the
	 * right was counted from.  Answers help here. */
	struct ft_histogram lease;
	int64_t longest;  /* silence on all links, ns awake, answers and news included: what the detector saw */
	int64_t oldest;   /* age in `lease`, ns */
	uint64_t alarms;  /* silences of the whole window after which the same peer was heard again */
	uint64_t cuts;    /* silences too long for any setting: no link's habit, and in none of the figures above */
	uint64_t stalls;  /* times that this process was not run, and nothing was counted */
	int64_t stall_at; /* end of the last one */

	bool following;
	int64_t at, awake;           /* of the last heartbeat on any link */
	int64_t plain_at, plain_wak; /* of the last scheduled one on any link: real and awake time */
	int64_t acked;               /* newest of ours known to be heard; FT_NEVER none */
	struct ft_arrivals_link links[FT_LINKS_MAX];
};

/* One heartbeat that counted as life. */
struct ft_arrival {
	int64_t now, awake; /* when it came in: real time, and the detector's awake time */
	uint64_t incarnation, sequence;
	int64_t sent;  /* by the peer's clock; any value */
	int64_t rtt;   /* ns, -1 unknown */
	int64_t acked; /* ft_hub_acked_sent() with this one */
	bool doubt;    /* we or the peer are asking: answers are under way */
};

void ft_arrivals_init(struct ft_arrivals *a, int64_t interval, int64_t window, int64_t now);
/* After a reload.  Another interval or number of links (`anew`) begins all figures anew; another window changes none. */
void ft_arrivals_retime(struct ft_arrivals *a, int64_t interval, int64_t window, bool anew, int64_t now);
void ft_arrivals_heard(struct ft_arrivals *a, int link, const struct ft_arrival *h);

#endif
