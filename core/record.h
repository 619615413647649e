/* The outcome of a failover on its way to disk, one at a time and in order; and the newest success until the disk has it.  Pure.
 * Knows: that the disk answers each that it was handed, in order, or never.  Must not know: what an outcome says. */
#ifndef FT_CORE_RECORD_H
#define FT_CORE_RECORD_H

#include "base/types.h"

#define FT_RECORD_NS (5000 * FT_NS_PER_MS) /* for the disk to answer; then it is told as late, and goes on */

enum ft_record_state {
	FT_RECORD_NONE = 0, /* no outcome is under way */
	FT_RECORD_OPEN,     /* a failover is: its outcome is being made */
	FT_RECORD_WRITING,  /* it was handed over; from until on it counts as late */
	FT_RECORD_ANSWERED, /* and is to be told, with fault */
};

/* Of the newest success that was handed over. */
enum ft_success_state {
	FT_SUCCESS_KEPT = 0,  /* the disk has it; or there was none */
	FT_SUCCESS_HANDED,    /* the disk has yet to answer */
	FT_SUCCESS_UNWRITTEN, /* it did not take it: tried again at again_at */
	FT_SUCCESS_REPEATED,  /* that it has yet to answer */
};

struct ft_record {
	enum ft_record_state state;
	/* A transition came from a state that it should not come from: a bug of the table's, which costs an outcome its truth, and no guest its
	 * ftd.  The tests look for it. */
	bool astray;
	int64_t until;
	char fault[FT_TEXT_MAX]; /* why the outcome is not known to be on disk; "" it is */
	int out;                 /* handed over and not answered yet */

	enum ft_success_state success;
	int success_in;                    /* HANDED, REPEATED: so many answers from now it is that one's */
	int64_t again_at;                  /* UNWRITTEN */
	int failures;                      /* in a row, of the newest success */
	uint8_t session[FT_SESSION_BYTES]; /* of the newest success, on disk or handed over to be; all zero: none */
};

/* core->outcome is being made or written: not to be touched. */
static inline bool ft_record_busy(const struct ft_record *r)
{
	return r->state != FT_RECORD_NONE;
}

void ft_record_open(struct ft_record *r); /* from NONE */
void ft_record_drop(struct ft_record *r); /* from OPEN: the failover came to nothing that need be told */
/* From OPEN: the outcome is handed to the disk; success: its session, NULL for any other result. */
void ft_record_hand_over(struct ft_record *r, const uint8_t success[FT_SESSION_BYTES], int64_t now);
void ft_record_told(struct ft_record *r); /* from WRITING or ANSWERED */
/* The newest success is handed over once more, from UNWRITTEN; nothing else may be on its way, whose answer would be taken for its. */
void ft_record_repeat(struct ft_record *r);
bool ft_record_may_repeat(const struct ft_record *r);

/* The disk answers the oldest that has no answer yet.  fault: NULL or "", it is on disk. */
void ft_record_absorb(struct ft_record *r, const char *fault, bool error, int64_t now);

/* The disk has refused the newest success, or has not answered about it. */
bool ft_record_owes_success(const struct ft_record *r);
bool ft_record_knows(const struct ft_record *r, const uint8_t session[FT_SESSION_BYTES]);

#endif
