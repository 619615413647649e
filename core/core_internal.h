/* What core.c (facts, time) and rules.c (decisions) share.  Nobody else includes this, but the test of ft_rules_read(). */
#ifndef FT_CORE_CORE_INTERNAL_H
#define FT_CORE_CORE_INTERNAL_H

#include "core/core.h"

/* A decision: in these phases, where this holds, that is done.  One with then == NULL ends the reading: its only duty is to keep those
 * below it from being done.  The texts are for docs/decisions.md. */
struct ft_rule {
	const char *name; /* for people: in the log, in an outcome's evidence */
	uint32_t phases;  /* 1 << enum ft_phase, each in which it may be done */
	const char *phases_text;
	bool (*when)(const struct ft_core *c);
	const char *when_text;
	void (*then)(struct ft_core *c, struct ft_actions *out);
	const char *then_text;
};
struct ft_table {
	const char *name;
	const struct ft_rule *rules;
	size_t n;
};
/* All tables, in the order in which they are read. */
const struct ft_table *ft_rules_law(size_t *n);
/* Reads the tables from the top until no row holds, or for so long as a step may be; then core->resume_at. */
void ft_rules_read(const struct ft_table *tables, size_t n, struct ft_core *c, struct ft_actions *out);
/* Whether that time has come.  No condition compares with core->now but by this: what it asks about in vain, in the reading of the
 * table that comes to rest, is when the table is read again, so that none can be forgotten. */
bool ft_due(const struct ft_core *c, int64_t at);

/* Makes core->self say what the facts and the phase are now; a reading of the table begins with it. */
void ft_core_refresh_self(struct ft_core *c);
/* The one place where the phase changes. */
void ft_core_enter(struct ft_core *c, struct ft_actions *out, enum ft_phase phase, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void ft_core_say(struct ft_core *c, struct ft_actions *out, enum ft_level level, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
struct ft_action *ft_core_do(struct ft_actions *out, enum ft_action_kind kind);
/* What is known of our QEMU's silence is void: it answers, or is another one, or stood still by us. */
void ft_core_hear_anew(struct ft_core *c);
/* What the session knows of a QEMU that does not answer. */
void ft_core_recognise(const struct ft_core *c, struct ft_qemu_facts *q);
/* The goodbye has been said. */
static inline bool ft_has_left(const struct ft_core *c)
{
	return c->leave == FT_LEAVE_SAID || c->leave == FT_LEAVE_OVER;
}
/* Keeps a piece of evidence; when the list is full the newest replaces the last, the first ones stay. */
void ft_core_note(struct ft_core *c, int64_t at, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* start.c: that the VM may be started here soon is told to a peer that might do the same. */
void ft_start_announce(struct ft_core *c);
void ft_start_tell(struct ft_core *c); /* before our side is composed */
bool ft_start_announced(const struct ft_core *c);
/* The session is won, and the verdict is to be read before the VM may start here. */
bool ft_start_verdict_due(const struct ft_core *c);

/* sessions.c, start.c: what the session, the lease and the register mean, and what is done about them. */
bool ft_session_unread(const struct ft_core *c);  /* there is none, or it cannot be read */
bool ft_session_open(const struct ft_core *c);    /* or about to be: neither ended nor resigned, whatever our QEMU */
bool ft_session_current(const struct ft_core *c); /* bound, and our QEMU is the one in it */
bool ft_session_unended_stage(enum ft_session_stage stage);
bool ft_session_unended(const struct ft_core *c); /* there is one that nobody is known to have ended */
bool ft_session_stale(const struct ft_core *c);   /* not ended, but our QEMU is another one */
/* ... and in COLO, where the session's was the primary: it is of a pair that came later. */
bool ft_session_outdated(const struct ft_core *c);
bool ft_session_won(const struct ft_core *c); /* we ended it, and our QEMU of it is still here */
/* We ended it, and the title alone lets nobody go on: see ft_win_complete(). */
bool ft_win_pending(const struct ft_core *c);
/* It does by now: the peer says that nothing of its runs, or cannot have had a right, or its host need not be off. */
bool ft_win_complete(const struct ft_core *c);
void ft_win_settle(struct ft_core *c); /* what was pending is no more */
/* The other host is to be off before we go on, is silent, and may be asked to be. */
bool ft_fence_due(const struct ft_core *c);
bool ft_fence_look_due(const struct ft_core *c); /* ... once the verdict is known to name nobody */
void ft_fence(struct ft_core *c, struct ft_actions *out);
bool ft_session_lost(const struct ft_core *c);    /* the other side ended it, and our QEMU of it is still here */
bool ft_session_shared(const struct ft_core *c);  /* the peer is bound by the same one */
bool ft_session_settled(const struct ft_core *c); /* enough for protection: always so without an arbiter */
bool ft_session_matches(
    const struct ft_core *c); /* the peer's word is about the session that we are bound by, if any */
/* Of a side whose QEMU is the primary: no other may run the guest of this pair but by a right that we give. */
bool ft_session_may_lead(const struct ft_core *c);
/* The first thing that keeps a session from being made, for people; NULL: nothing does. */
const char *ft_session_missing(const struct ft_core *c);
void ft_session_store(struct ft_core *c, struct ft_actions *out, enum ft_session_stage stage, const char *winner);
void ft_session_claim(struct ft_core *c, struct ft_actions *out, enum ft_errand errand);
void ft_session_absorb(struct ft_core *c, const struct ft_event *event);

bool ft_lease_over(const struct ft_core *c);
/* Until when a peer that is there has had the time to be heard, since our clock stood still: it may have ended the session. */
int64_t ft_news_until(const struct ft_core *c);
/* Until when a right may last that an earlier ftd of ours has granted: its detection time may have been a longer one. */
int64_t ft_session_granted_until(const struct ft_core *c);
bool ft_propose_due(const struct ft_core *c);
bool ft_adopt_due(const struct ft_core *c);
bool ft_accept_due(const struct ft_core *c);
bool ft_end_old_due(const struct ft_core *c);
bool ft_start_claim_due(const struct ft_core *c);
/* A start wants it ended, and the other host need not be off for that. */
bool ft_start_spares_peer(const struct ft_core *c);
bool ft_start_fence_look_due(const struct ft_core *c);
bool ft_start_fence_due(const struct ft_core *c);
bool ft_past_due(const struct ft_core *c);
void ft_remember(struct ft_core *c, struct ft_actions *out);
void ft_past_absorb(struct ft_core *c, const struct ft_event *e);
bool ft_look_up_due(const struct ft_core *c);
bool ft_release_due(const struct ft_core *c);
bool ft_release_may_stand(const struct ft_core *c); /* on disk, although the session is held for bound */
bool ft_unrelease_due(const struct ft_core *c);
bool ft_resign_wanted(const struct ft_core *c);
bool ft_resign_due(const struct ft_core *c);
bool ft_settle_due(const struct ft_core *c); /* solo, and the register does not say so yet */
bool ft_disk_unwritten(const struct ft_core *c);
void ft_write_disk_bad(struct ft_core *c, struct ft_actions *out);
/* On its way to disk, or said not to have got there, is a session that would bind us: our next ftd may find it. */
bool ft_bind_may_stand(const struct ft_core *c);
bool ft_bind_is_of_the_dead(const struct ft_core *c); /* our QEMU, its primary, is dead, and the disk takes nothing */
/* Then it is told, so that the peer can claim it before it goes on. */
bool ft_bind_to_claim(const struct ft_core *c);
bool ft_bind_again_due(const struct ft_core *c);
void ft_bind_again(struct ft_core *c, struct ft_actions *out);
/* Our disk says, or may, that our QEMU has never run the guest alone: it must not begin to while that stands. */
bool ft_stayed_may_stand(const struct ft_core *c);
bool ft_stayed_to_be_cleared(const struct ft_core *c);
/* The same, of what is resigned still: the guest was started anew in another QEMU, or went on by a person's word alone. */
bool ft_stayed_no_more(const struct ft_core *c);
bool ft_unresign_due(const struct ft_core *c);
bool ft_session_yielded(const struct ft_core *c); /* our disk says that our QEMU is to stand still for the peer */
/* In a pair that has no session of its own: see struct ft_session.yielded. */
bool ft_yield_unwritten(const struct ft_core *c);
bool ft_yield_write_due(const struct ft_core *c);
bool ft_gone_on_unwritten(const struct ft_core *c);
void ft_write_yield(struct ft_core *c, struct ft_actions *out);
void ft_know_gone_on(struct ft_core *c, struct ft_actions *out);
bool ft_yield_is_over(const struct ft_core *c);
void ft_forget_yield(struct ft_core *c, struct ft_actions *out);
bool ft_winner_unstored(const struct ft_core *c);
void ft_store_as_known(struct ft_core *c, struct ft_actions *out);
void ft_propose(struct ft_core *c, struct ft_actions *out);
void ft_adopt(struct ft_core *c, struct ft_actions *out);
void ft_end_old(struct ft_core *c, struct ft_actions *out);
void ft_look_up(struct ft_core *c, struct ft_actions *out);
void ft_release(struct ft_core *c, struct ft_actions *out);
void ft_resign(struct ft_core *c, struct ft_actions *out);
void ft_settle(struct ft_core *c, struct ft_actions *out);
/* The peer has given up for good one that we never had: nobody but our QEMU, its secondary, can go on. */
bool ft_session_left_to_us(const struct ft_core *c);
bool ft_session_left_unstorable(const struct ft_core *c); /* the same, and our disk does not take it */
/* The peer alone has one, and no QEMU, or is lost: by it the VM may be started there, or go on, so whoever goes on here must
 * end it first. */
bool ft_session_peers_to_claim(const struct ft_core *c);
bool ft_session_peers_unstorable(const struct ft_core *c); /* the same, and our disk does not take it */
void ft_adopt_unstored(struct ft_core *c, struct ft_actions *out);
/* The peer has given its right away, on its disk, and to us: the session is over, and the register is still to say so. */
bool ft_session_given(const struct ft_core *c);
void ft_session_take(struct ft_core *c);
bool ft_record_due(const struct ft_core *c);
/* We have ended the session by the register's word: our name stands there, or somebody has put it back. */
bool ft_holds_title(const struct ft_core *c);
bool ft_guard_due(const struct ft_core *c);
void ft_guard_title(struct ft_core *c, struct ft_actions *out);
bool ft_put_back_due(const struct ft_core *c);
void ft_stand_again(struct ft_core *c, struct ft_actions *out);

/* The verdict, and the hand-back: see the top of sessions.c. */
bool ft_return_due(const struct ft_core *c); /* we have won, and our QEMU ended before its guest was proven to run */
void ft_return(struct ft_core *c, struct ft_actions *out);
bool ft_may_return(const struct ft_core *c);  /* it is ours to give back, should our QEMU never run its guest */
bool ft_return_owed(const struct ft_core *c); /* it is to be, or on its way to be: nothing is started here */
bool ft_session_returned(const struct ft_core *c);
/* The register names us by a claim whose answer came too late, and the right was given up on disk meanwhile: as good as returned,
 * or a peer that has read our name would wait for us for ever. */
bool ft_win_given_away(const struct ft_core *c);
/* Our QEMU of the session says, or said to this ftd, that it is in COLO, and its guest is not known to have run alone since. */
bool ft_stayed_in_pair(const struct ft_core *c);
/* Our disk alone says that we gave the session up: our word waits for the register, which may know better. */
bool ft_resignation_unproven(const struct ft_core *c);
/* Our disk alone says that our QEMU has stayed: the verdict may know better. */
bool ft_stayed_look_due(const struct ft_core *c);
bool ft_given_back(const struct ft_core *c); /* the peer says so of our session */
void ft_regain(struct ft_core *c);
/* QEMU itself says that the guest of this side runs, which has ended the session, or without one is alone: promoted, or booted
 * anew since. */
bool ft_guest_proven(const struct ft_core *c);
bool ft_verdict_due(const struct ft_core *c);
void ft_put_verdict(struct ft_core *c, struct ft_actions *out);
bool ft_verdict_look_due(const struct ft_core *c);
void ft_look_at_verdict(struct ft_core *c, struct ft_actions *out);
/* By a person's order, or as the winner's host is off, our name into it. */
void ft_take_verdict(struct ft_core *c, struct ft_actions *out);
/* The winner has been silent for long, and was neither proven nor named in the verdict: our fence may switch its host off. */
bool ft_oust_due(const struct ft_core *c);
void ft_oust(struct ft_core *c, struct ft_actions *out);
bool ft_ousts_given_up(const struct ft_core *c);     /* too often in vain, which is news */
bool ft_take_as_ousted_due(const struct ft_core *c); /* it is off */
/* sharing.c: do both ask the same registers, and have the same settings? */
void ft_sharing_meet(struct ft_core *c, const struct ft_peer_news *news); /* before it is taken over */
void ft_mark_absorb(struct ft_core *c, const struct ft_event *e);
void ft_sharing_refresh(struct ft_core *c);        /* core->share_fault */
bool ft_sharing_proven(const struct ft_core *c);   /* enough to agree on a session */
bool ft_sharing_good(const struct ft_core *c);     /* enough to be protected */
bool ft_sharing_differs(const struct ft_core *c);  /* another arbiter, by proof */
bool ft_release_unshared(const struct ft_core *c); /* so the session is to be given up */
bool ft_claim_proves_nothing(const struct ft_core *c);
bool ft_mark_due(const struct ft_core *c);
void ft_mark(struct ft_core *c, struct ft_actions *out);

/* alarms.c: alarms, and what is done about two guests. */
bool ft_both_run_changed(const struct ft_core *c);
void ft_note_both_run(struct ft_core *c, struct ft_actions *out);
bool ft_alarm_changed(const struct ft_core *c);
void ft_alarm(struct ft_core *c, struct ft_actions *out);
bool ft_began_beside_winner(const struct ft_core *c);

bool ft_session_ended_by_us(const struct ft_core *c);
enum ft_win ft_session_win(const struct ft_core *c);
bool ft_session_given_up(const struct ft_core *c); /* our QEMU died in it, or was yielded: the peer may go on with it */
bool ft_peer_has_session(const struct ft_core *c); /* it names one, whichever */
bool ft_can_ask_arbiter(const struct ft_core *c);

static inline bool ft_peer_heard(const struct ft_core *c)
{
	return c->hearing == FT_PEER_ALIVE || c->hearing == FT_PEER_QUIET;
}

/* Our name may be on its way into the register of the session. */
static inline bool ft_claim_under_way(const struct ft_core *c)
{
	return c->arbiter_busy && c->errand != FT_ERRAND_NONE && c->errand < FT_ERRAND_READ;
}

/* A checkpoint that takes longer than this on its way over is stuck; a big guest's memory has to fit in, and what fitted in
 * before may well take longer the next time.  A QEMU that has so long not answered in band, since nothing of the peer's can hold
 * it up any more, is blocked: one of the two does not answer while memory goes over. */
static inline int64_t ft_stuck_after(const struct ft_core *c)
{
	int64_t least = 5 * c->params.reply_timeout;
	return 3 * c->longest > least ? 3 * c->longest : least;
}

/* a + b, where FT_NEVER stays FT_NEVER. */
static inline int64_t ft_after(int64_t a, int64_t b)
{
	return a == FT_NEVER ? FT_NEVER : a + b;
}

#endif
