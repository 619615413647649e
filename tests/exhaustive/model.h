/* The small world of the exhaustive search: two real decision cores, and the least that lies between and below them.
 * It is a value: copied to try one order of things, and thrown away to try the next.  Nothing in it is drawn by chance.
 *
 * Time stands still while anything is under way; what is under way comes in any order.  When nothing is, time goes on to the
 * next moment at which anybody does something by the clock.  A link that is up is heard and acknowledges without a pause.
 * So between two moments nothing happens, and each moment is gone through in every order.  What takes time takes a fault.
 *
 * What this believes of QEMU, the sentinel and the disk is what tests/sim believes, without the delays. */
#ifndef FT_TESTS_EXHAUSTIVE_MODEL_H
#define FT_TESTS_EXHAUSTIVE_MODEL_H

#include "core/core.h"
#include "tests/unit/core_world.h"

#define INTERVAL_MS 100
#define GUARD_MS    20
/* Every time in the world is one of these: no other number of it is as large, so that times can be told from numbers. */
#define TIME_BEGINS (INT64_C(1) << 50)
#define TIME_ENDS   (TIME_BEGINS + (INT64_C(1) << 48))

#define REGISTERS_MAX 16
#define LATE_MAX      4
#define SUCCESSES_MAX 8
#define CHOICES_MAX   96
#define FREEZES_MOST  8

enum arbiter_kind { ARBITER_REGISTER, ARBITER_FENCE, ARBITER_BEHIND }; /* the last: a fence behind a register */

/* What can happen next.  The first few must, before time goes on; they stand in the order in which they usually come. */
enum choice_kind {
	DO_TIME, /* the core's own deadline */
	DO_STOP, /* a SIGSTOP takes hold */
	DO_SENTINEL_STOPS,
	DO_SENTINEL_TELLS,
	DO_MEET, /* a new incarnation of the peer has proved itself */
	DO_HEAR, /* the peer's newest heartbeat is heard */
	DO_MISS, /* it was not, for too long */
	DO_FROZEN,
	DO_COLO_EXIT,
	DO_CHECKPOINT,
	DO_LAND, /* a request reaches the register */
	DO_ANSWER,
	DO_FENCE, /* the one behind a register has powered the other host off */
	DO_OBEY,  /* QEMU carries the plan out */
	DO_PLANNED,
	DO_STORED,
	DO_RECORDED,
	DO_LOOK, /* QMP, or the kernel, shows how QEMU stands */
	DO_EXIT,
	URGENT_LAST = DO_EXIT,
	DO_LAND_LATE, /* one that was given up; .arg: which */
	DO_START,     /* ftd */
	DO_BOOT,
	DO_JOIN,  /* a cut link is whole again; .arg: from this host */
	DO_REACH, /* the arbiter is in reach again */
	DO_WAIT,  /* until the next moment */
	/* faults */
	FAULT_KILL,        /* of ftd; .arg bit 0: what was being written is on disk, bit 1: the outcome */
	FAULT_KILL_WITHIN, /* the same in the midst of something else: see struct choice */
	FAULT_LEAVE,
	FAULT_FORCE,
	FAULT_CRASH, /* of the host; .arg as above */
	FAULT_QEMU,  /* it dies */
	FAULT_CUT,   /* what this host says is not heard */
	FAULT_PART,  /* both from each other, replication too */
	FAULT_ARBITER,
	FAULT_STORE,      /* the disk takes nothing this time */
	FAULT_PLAN,       /* QEMU refuses it */
	FAULT_FENCE,      /* the agent fails */
	FAULT_SLOW_STORE, /* time goes on meanwhile */
	FAULT_SLOW_CLAIM,
	FAULT_SLOW_PLAN,
	FAULT_STALE, /* what is only read is answered by an earlier state: nobody stands there yet */
	CHOICE_KINDS
};
extern const char *const choice_names[CHOICE_KINDS];

#define WHOLE UINT8_MAX
struct choice {
	uint8_t kind, host, arg;
	uint8_t
	    cut; /* WHOLE, or: ftd is killed in the midst of it, when it has done half so many things; odd: what was being
	                written is on disk */
};

struct qemu {
	uint64_t instance;
	bool alive, stopped, stopping;
	bool exit_said, exit_coming; /* COLO_EXIT comes once */
	bool plan_sent;
	bool released; /* it runs alone */
	bool old;      /* since then its peer has run alone */
	bool ousted;   /* ... and was switched off by this host's fence, for this one to go on */
	enum ft_role mode, last;
	int64_t silent_since;
};

struct sentinel {
	bool on;
	uint64_t instance;
	int64_t lease;
};

/* Of a session, or of its verdict. */
struct key {
	uint8_t id[FT_SESSION_BYTES];
	bool verdict;
};

struct request {
	bool open, read, sure, fence, landed, slow;
	enum ft_claim said;
	int name, winner; /* whom it puts there, who stands there; -1 nobody */
	struct key key;
	int64_t at, not_before;
};

struct host {
	bool up, ftd;
	uint64_t life, lives;
	struct ft_core core;
	int64_t due; /* the core's deadline */
	struct pending pending;
	/* links */
	uint64_t knows; /* the peer's life that has proved itself; 0 none */
	uint64_t told_life;
	struct ft_side told;
	enum ft_peer_hearing hearing;
	int64_t heard_at;
	/* QMP */
	struct ft_qemu_facts seen;
	bool spoken, frozen_held, freezing, sentinel_tells, planning, checkpoint, exiting;
	enum { PLAN_WAITS, PLAN_GOOD, PLAN_REFUSED, PLAN_DEAD, PLAN_NONE } plan;
	bool plan_slow;
	int64_t plan_until;
	bool arbiter_cut, fencing;
	bool claimed_unbound; /* the newest claim was in a session that no lease belongs to */
	struct request request;
	struct qemu qemu;
	struct sentinel sentinel, predecessor;
	/* disk */
	struct ft_session file, coming;
	bool writing, store_slow;
	int recording; /* outcomes on their way */
	bool success_coming;
	uint8_t success[FT_SESSION_BYTES]; /* of the one on its way, or the last */
	int n_successes;
	uint8_t successes[SUCCESSES_MAX][FT_SESSION_BYTES];
};

struct world {
	int64_t now;
	struct host host[2];
	bool cut[2]; /* what this host says */
	bool silent; /* nothing of replication gets through */
	int n_registers;
	struct {
		struct key key;
		int winner;
	} registers[REGISTERS_MAX];
	int n_late;
	struct {
		struct key key;
		int host, name;
		int64_t until;
	} late[LATE_MAX];
	bool vouched;
	int freezes;        /* in this moment; FREEZES_MOST: it goes on so for ever */
	const char *broken; /* the law; NULL: all hold */
};

struct options {
	enum arbiter_kind arbiter;
	int window_ms;
	uint64_t faults; /* a bit for each kind from FAULT_KILL on */
};
extern struct options options;
extern bool verbose;

/* Copies what decisions hang on: not the steps of plans, which are most of it. */
void world_copy(struct world *to, const struct world *from);
/* Two ftd on a pair in COLO, which nobody has looked at yet. */
void world_begin(struct world *w);
/* Everything that can happen but faults; returns how many. */
int world_choices(const struct world *w, struct choice out[CHOICES_MAX]);
int world_faults(const struct world *w, struct choice out[CHOICES_MAX]);
/* Returns at how many places in it ftd can be killed: .cut may be below twice that. */
int world_do(struct world *w, struct choice c);
/* Cut links, unreachable arbiters, hosts that are down, and ftd that are dead: all is mended. */
void world_heal(struct world *w);
/* Two with the same number do the same from here on, whenever that is. */
uint64_t world_hash(const struct world *w);
void world_print(const struct world *w);
bool runs_as_master(const struct world *w, int host);
/* Who stands there; -1 nobody. */
int winner_of(const struct world *w, const struct key *key);
/* A line of the story, if it is to be told. */
void tell(const struct world *w, int host, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* laws.c */
extern const char *const law_names[];
extern uint32_t laws_judged; /* a bit for each name */
void laws_after(struct world *w);
void laws_on_action(struct world *w, int host, const struct ft_action *a);
void laws_after_step(struct world *w, int host, const struct ft_event *e, const struct ft_actions *out);
enum ending { ENDS_PROTECTED, ENDS_SOLO, ENDS_DEAD, ENDS_FOR_A_PERSON, ENDS_UNPROTECTED, ENDS_BADLY, ENDINGS };
extern const char *const ending_names[ENDINGS];
/* All is healed and at rest. */
enum ending laws_at_end(const struct world *w);

#endif
