/* See record.h. */
#include "core/record.h"
#include "core/backoff.h"

#include <stdio.h>
#include <string.h>

/* The one door. */
static void go(struct ft_record *r, enum ft_record_state from, enum ft_record_state to)
{
	r->astray |= r->state != from;
	r->state = to;
}

void ft_record_open(struct ft_record *r)
{
	go(r, FT_RECORD_NONE, FT_RECORD_OPEN);
}

void ft_record_drop(struct ft_record *r)
{
	go(r, FT_RECORD_OPEN, FT_RECORD_NONE);
}

static void hand_over_success(struct ft_record *r, const uint8_t session[FT_SESSION_BYTES])
{
	memcpy(r->session, session, sizeof r->session);
	r->success = FT_SUCCESS_HANDED;
	r->success_in = r->out;
	r->failures = 0;
}

void ft_record_hand_over(struct ft_record *r, const uint8_t success[FT_SESSION_BYTES], int64_t now)
{
	go(r, FT_RECORD_OPEN, FT_RECORD_WRITING);
	r->until = now + FT_RECORD_NS;
	snprintf(r->fault, sizeof r->fault, "the disk has not answered within %d ms",
	         (int)(FT_RECORD_NS / FT_NS_PER_MS));
	r->out++;
	if (success)
		hand_over_success(r, success);
}

void ft_record_told(struct ft_record *r)
{
	go(r, r->state == FT_RECORD_ANSWERED ? FT_RECORD_ANSWERED : FT_RECORD_WRITING, FT_RECORD_NONE);
}

bool ft_record_may_repeat(const struct ft_record *r)
{
	return r->success == FT_SUCCESS_UNWRITTEN && r->state == FT_RECORD_NONE && r->out == 0;
}

void ft_record_repeat(struct ft_record *r)
{
	r->astray |= !ft_record_may_repeat(r);
	r->success = FT_SUCCESS_REPEATED;
	r->success_in = ++r->out;
}

static void absorb_success(struct ft_record *r, bool error, int64_t now)
{
	r->success = error ? FT_SUCCESS_UNWRITTEN : FT_SUCCESS_KEPT;
	r->again_at = now + ft_backoff(r->failures);
	r->failures = error ? r->failures + 1 : 0;
}

void ft_record_absorb(struct ft_record *r, const char *fault, bool error, int64_t now)
{
	if (r->out > 0)
		r->out--;
	bool on_its_way = r->success == FT_SUCCESS_HANDED || r->success == FT_SUCCESS_REPEATED;
	if (on_its_way && --r->success_in == 0)
		absorb_success(r, error, now);
	/* A late answer to an earlier one says nothing about the one under way. */
	if (r->state != FT_RECORD_WRITING || r->out > 0)
		return;
	go(r, FT_RECORD_WRITING, FT_RECORD_ANSWERED);
	snprintf(r->fault, sizeof r->fault, "%s", error && fault ? fault : "");
}

bool ft_record_owes_success(const struct ft_record *r)
{
	return r->success != FT_SUCCESS_KEPT;
}

bool ft_record_knows(const struct ft_record *r, const uint8_t session[FT_SESSION_BYTES])
{
	return memcmp(r->session, session, sizeof r->session) == 0;
}
