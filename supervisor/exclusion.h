/* What makes sessions and leases hold in the world: the session file, the arbiter, the fence and the sentinel.
 * Knows: these four, the writer.  Must not know: when a claim is due or a lease ends; that is the core's. */
#ifndef FT_SUPERVISOR_EXCLUSION_H
#define FT_SUPERVISOR_EXCLUSION_H

#include "config/config.h"
#include "process/process.h"
#include "store/writer.h"

#include <jansson.h>

struct event_base;
struct ft_exclusion;

/* From the event loop, each answer once. Texts are valid for the call. */
struct ft_exclusion_callbacks {
	void (*stored)(void *arg, const char *error); /* "" when on disk */
	/* text: the winner, or why the arbiter is unreachable */
	void (*claimed)(void *arg, enum ft_claim result, const char *text);
	void (*fenced)(void *arg, const char *error); /* "" when the other host is off */
	/* LOST: somebody stands in the register, text; NOT_NEEDED: nobody; UNREACHABLE: why */
	void (*looked)(void *arg, enum ft_claim result, const char *text);
	/* found: what stands under the peer's name, 0 nothing; or why the arbiter could not be asked, else "" */
	void (*marked)(void *arg, uint64_t found, const char *error);
	/* epoch: the newest session that a mark of this pair's tells, of text's; NOT_NEEDED: there is no mark; UNREACHABLE: text */
	void (*remembered)(void *arg, enum ft_claim result, uint64_t epoch, const char *text);
	/* at: FT_NEVER if one of an earlier ftd may have done so, at any time until now */
	void (*sentinel_froze)(void *arg, int64_t at);
	/* ft_exclusion_publish may say otherwise than it did. */
	void (*guard_changed)(void *arg);
	/* The arbiter, or the power switch behind the fence, is out of reach or in reach again. For people. */
	void (*reach)(void *arg, bool good, const char *what);
};

/* "none", "file", "etcd", "fence" */
const char *ft_arbiter_word(enum ft_arbiter_type type);

/* For configs with an arbiter. Reads the session file into *session. NULL after lines to errors.  writer must outlive it.
 * Tries the arbiter then, as a check does, and again until a claim would work; what stands against one is warned of.  From
 * then on it is looked at every ten seconds or so, at no cost to speak of, and a power switch every minute: that it cannot be
 * reached is news, and nothing else. */
struct ft_exclusion *ft_exclusion_new(struct event_base *base, const struct ft_config *config, struct ft_writer *writer,
                                      const struct ft_exclusion_callbacks *cb, void *arg, struct ft_session *session,
                                      FILE *errors);
/* The peer's name, as it is heard.  Of a new one, whether a claim would work is tried anew. */
void ft_exclusion_meet(struct ft_exclusion *x, const char *peer);
void ft_exclusion_store(struct ft_exclusion *x, const struct ft_session *session);
/* fence: of the arbiter type "fence" alone: the other host is powered off for the claim; without, by its own word, there is
 * nothing to ask, and it is won. */
void ft_exclusion_claim(struct ft_exclusion *x, const uint8_t id[FT_SESSION_BYTES], bool fence);
/* Powers the other host off, by the fence that stands behind a register; there must be one, and one run at a time. */
void ft_exclusion_fence(struct ft_exclusion *x);
/* sure: what was written before is seen; see ft_arbiter_read. */
void ft_exclusion_look(struct ft_exclusion *x, const uint8_t id[FT_SESSION_BYTES], bool sure);
/* The same of the session's verdict: name is the side that runs the guest by it, or is to.  No host is powered off. */
void ft_exclusion_put_verdict(struct ft_exclusion *x, const uint8_t id[FT_SESSION_BYTES], const char *name);
void ft_exclusion_look_at_verdict(struct ft_exclusion *x, const uint8_t id[FT_SESSION_BYTES]);
/* Puts our mark beside the registers, and looks for the peer's, which must have been met. */
void ft_exclusion_mark(struct ft_exclusion *x, uint64_t mark, uint64_t epoch);
/* What the arbiter knows of this pair's past, by its marks; answers in .remembered. */
void ft_exclusion_remember(struct ft_exclusion *x);
/* The sentinel's QEMU and lease, after every step of the core.  Cheap when nothing has changed.  known: no
 * sentinel of an earlier ftd knows better than this lease.
 * Returns false if our sentinel is not on guard over it, or an earlier ftd's still is: such a QEMU is bound by nothing new. */
bool ft_exclusion_publish(struct ft_exclusion *x, const struct ft_process *qemu, int64_t lease, bool known);
/* Whether we, and so the sentinel, may signal the QEMU published last, by the kernel's rules. */
bool ft_exclusion_may_stop(const struct ft_exclusion *x);
#define FT_NOT_APART                                                                                                   \
	"the sentinel is in ftd's control group: what freezes that (systemctl freeze, a paused container) stops "      \
	"both, and "                                                                                                   \
	"the guest runs on beyond its right"
struct ft_guard_report {
	pid_t pid;          /* of the sentinel, 0: none, and none can be started */
	bool on_guard;      /* over QEMU, and no other is */
	bool apart;         /* in a control group that cannot be frozen */
	int64_t overrun_at; /* when it last stopped QEMU too late; FT_NEVER: it never did */
	int64_t overrun;    /* ns: for so long the guest had run beyond its right */
};
struct ft_guard_report ft_exclusion_guard_report(const struct ft_exclusion *x);
/* Whether the arbiter has answered its last question; text: why not. */
bool ft_exclusion_reachable(const struct ft_exclusion *x, const char **text);
/* The same of the power switch behind the fence that stands behind a register; true where there is none. */
bool ft_exclusion_power(const struct ft_exclusion *x, const char **text);
/* Whether the processes that a claim and a fence take are there already.  Nobody else may take what could be the last one. */
bool ft_exclusion_reserved(const struct ft_exclusion *x);
/* Tries the arbiter in a scratch register, and asks the fence behind it for the power status; done is called from the event loop with a fault ("" none) and a warning. */
void ft_exclusion_check(struct ft_exclusion *x, void (*done)(void *arg, const char *fault, const char *warning),
                        void *arg);
/* Other periods for the looks of our own; for tests. */
void ft_exclusion_look_every(struct ft_exclusion *x, int look_ms, int power_ms);
/* on_guard: the sentinel stays behind; otherwise it goes with us. NULL is fine. */
void ft_exclusion_free(struct ft_exclusion *x, bool on_guard);

#endif
