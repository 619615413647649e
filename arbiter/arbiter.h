/* Who may end a session: put-if-absent on a write-once register at a third party.  Asynchronous, on libevent.
 * Knows: one arbiter of the type in its settings.  Must not know: what a session is, what winning or losing leads to.
 *
 * A register is named by a session's id and holds the name of whoever claimed first, for ever: ftd never changes or
 * removes one.  Beside it stands the session's verdict, a second register of the same kind.  The winner is who is written there.  So an answer that was lost on the way, or a request that was
 * carried out twice, is settled by looking again, and a claim repeated by the winner finds its own name: WON.
 *
 * UNREACHABLE means unknown, not lost: a request given up may still be carried out later.  Who claimed once must go on
 * claiming until it hears WON or LOST.
 *
 * One question of each kind may be under way at a time; another of that kind is a fault of the caller (assert).
 * Every answer comes from the event loop, never from inside the call that asks, within ft_arbiter_limit_ms() of it,
 * whatever storage, server or agent do.  Texts are valid for the call only. */
#ifndef FT_ARBITER_ARBITER_H
#define FT_ARBITER_ARBITER_H

#include "arbiter/settings.h"

#include <stdio.h>

struct event_base;
struct ft_arbiter;

enum ft_register {
	FT_REGISTER_UNKNOWN = 0, /* it could not be asked */
	FT_REGISTER_ABSENT,      /* nobody had claimed when it was asked; the next moment somebody may */
	FT_REGISTER_TAKEN,
};

/* result: WON, LOST or UNREACHABLE.  winner: who holds the register, "" when unreachable.
 * error: why it is unreachable and what to do, for people; else "". */
typedef void ft_arbiter_claimed(void *arg, enum ft_claim result, const char *winner, const char *error);
/* name: "" unless taken.  error: "" unless unknown. */
typedef void ft_arbiter_looked(void *arg, enum ft_register what, const char *name, const char *error);
/* fault: why a claim would not work, "" if it would.  warning: what else a person should know, "" if nothing. */
typedef void ft_arbiter_checked(void *arg, const char *fault, const char *warning);

/* found: what stands under the peer's name, 0 nothing.  error: "" unless it could not be asked; our mark may be written all
 * the same. */
typedef void ft_arbiter_marked(void *arg, uint64_t found, const char *error);

/* what: TAKEN where the pair has left marks; epoch: the newest session that one of them tells, 0 none; node: whose. */
typedef void ft_arbiter_remembered(void *arg, enum ft_register what, uint64_t epoch, const char *node,
                                   const char *error);

/* settings are copied; type must not be NONE.  Touches no storage and no network: only secrets and certificates, which
 * are local files, are looked at.  NULL after a line a fault to errors. */
struct ft_arbiter *ft_arbiter_new(struct event_base *base, const struct ft_arbiter_settings *settings, FILE *errors);

/* A claim takes a process (but for etcd).  From now on it is forked ahead, again after each claim, and a claim works where no
 * process is to be had. */
void ft_arbiter_reserve(struct ft_arbiter *a);
bool ft_arbiter_reserved(const struct ft_arbiter *a); /* it is there */

/* Names the pair's other node.  Questions from now on count with it.  file: nothing is claimed before. */
void ft_arbiter_meet(struct ft_arbiter *a, const char *peer);
/* Puts name (1 .. 63 of A-Z a-z 0-9 . _ -) in the register if nobody's name is there yet.
 * fence: powers the other host off; done means won.  It keeps no register, so a repeated claim powers off again. */
void ft_arbiter_claim(struct ft_arbiter *a, const uint8_t session[FT_SESSION_BYTES], const char *name,
                      ft_arbiter_claimed *done, void *arg);
/* Who stands in the register.  sure: what was written before the question is seen by it (linearizable).  Otherwise that may be
 * answered by an earlier state, at less cost: who is said to stand there does, and that nobody does may be old.
 * fence: always unknown. */
void ft_arbiter_read(struct ft_arbiter *a, const uint8_t session[FT_SESSION_BYTES], bool sure, ft_arbiter_looked *done,
                     void *arg);
/* The same, of the session's verdict; always surely.  Not with fence. */
void ft_arbiter_put_verdict(struct ft_arbiter *a, const uint8_t session[FT_SESSION_BYTES], const char *name,
                            ft_arbiter_claimed *done, void *arg);
void ft_arbiter_read_verdict(struct ft_arbiter *a, const uint8_t session[FT_SESSION_BYTES], ft_arbiter_looked *done,
                             void *arg);
/* Puts mark, which is not 0, beside the registers under this node's name, in place of an earlier one, and then looks for the
 * peer's, who must have been met.  What the peer wrote before the question is seen by it.  epoch: of the newest session that
 * this node knows, for ft_arbiter_remember.  Not for fence. */
void ft_arbiter_mark(struct ft_arbiter *a, uint64_t mark, uint64_t epoch, ft_arbiter_marked *done, void *arg);
/* What the marks tell of this pair's past: those of both nodes, or, where no peer was met, of any.  What was written before the
 * question is seen by it.  fence: always unknown. */
void ft_arbiter_remember(struct ft_arbiter *a, ft_arbiter_remembered *done, void *arg);
/* Tries a claim in a scratch register and removes that again.
 * fence: asks the agent for the other host's power status. */
void ft_arbiter_check(struct ft_arbiter *a, ft_arbiter_checked *done, void *arg);
/* Whether a claim could be asked at all: changes nothing there, and costs it next to nothing, so it may be asked every few
 * seconds.  fence: as ft_arbiter_check. */
void ft_arbiter_reach(struct ft_arbiter *a, ft_arbiter_checked *done, void *arg);
/* Ends a check or ft_arbiter_reach under way, to make way for a claim; their done is not called.  Nothing happens when there
 * is none. */
void ft_arbiter_make_way(struct ft_arbiter *a);
/* The longest that an answer may take, ms: timeout_ms; with fence: its delay_ms and timeout_ms. */
int ft_arbiter_limit_ms(const struct ft_arbiter *a);

/* Questions under way are dropped, their done is not called.  A child process that hangs in the kernel for a dead
 * storage cannot be ended: it is killed and left for whoever reaps ftd's children.  Waits for at most 0.2 s.  NULL is
 * fine. */
void ft_arbiter_free(struct ft_arbiter *a);

#endif
