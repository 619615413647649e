/* The language the rooms share: states, roles, causes, and the records made of them.
 * Knows: nothing but fixed-width integers.  Must not know: clocks, sockets, JSON, libevent, QEMU's words.
 *
 * Times are int64_t nanoseconds of one host's clock (base/clock.h) unless a name says otherwise; FT_NEVER is "no such
 * time".
 * Nothing here is ever compared with the other host's clock. */
#ifndef FT_BASE_TYPES_H
#define FT_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FT_NEVER         INT64_MAX
#define FT_NS_PER_MS     INT64_C(1000000)
#define FT_NAME_MAX      64 /* pair and node names, with the NUL */
#define FT_SESSION_BYTES 16
/* Limits of ours for what ft.conf says, with the NUL. */
#define FT_PATH_MAX     256
#define FT_SETTING_MAX  256
#define FT_SOCKPATH_MAX 108 /* sun_path, unix(7) */
#define FT_ARGV_MAX     16  /* words of a command */

#define FT_LINKS_MAX    8
#define FT_TEXT_MAX     192 /* a reason or an error for people, with the NUL */
#define FT_EVIDENCE_MAX 16
#define FT_STEPS_MAX    192 /* steps of one plan */

/* The public states, spelled by ft_state_name() as in the contract. Numbers are on the wire. */
enum ft_state {
	FT_STARTING = 0,
	FT_UNPROTECTED = 1,
	FT_ARMING = 2,
	FT_PROTECTED = 3,
	FT_SUSPECT = 4,
	FT_CLAIMING = 5,
	FT_FAILING_OVER = 6,
	FT_SOLO = 7,
	FT_HELD = 8,
	FT_FENCED = 9,
	FT_FAILED = 10,
	FT_STATE_COUNT
};

/* With an arbiter: so much of the detection time before its end does the primary's right to run end.  Most or all of the guard
 * (failover.guard_ms) passes so before the peer is lost, and not after it.  Both sides follow from the detection time alone:
 * a twentieth, which no heartbeat hangs on, and 20 ms at the most, the guard as it is shipped. */
int64_t ft_right_ends_early(int64_t window);

/* Learned from QEMU, never configured. Numbers are on the wire. */
enum ft_role { FT_ROLE_NONE = 0, FT_ROLE_PRIMARY = 1, FT_ROLE_SECONDARY = 2, FT_ROLE_SOLO = 3, FT_ROLE_COUNT };

/* What a side knows of its own QEMU process. Numbers are on the wire. */
enum ft_vm {
	FT_VM_UNKNOWN = 0, /* not looked yet, or it cannot be told */
	FT_VM_ALIVE = 1,   /* the process exists and is not stopped by us */
	FT_VM_GONE = 2,    /* it was there, in COLO, and the kernel says it has died */
	FT_VM_ABSENT = 3,  /* nobody listens on the QMP socket, or what has died was not in COLO */
	FT_VM_YIELDED = 4, /* stopped (SIGSTOP) for the other side's sake; will not run again unasked */
	FT_VM_COUNT
};

enum ft_cause {
	FT_CAUSE_NONE = 0,
	FT_CAUSE_PEER_LOST,
	FT_CAUSE_PEER_VM_GONE,
	FT_CAUSE_PEER_YIELDED,
	FT_CAUSE_REPLICATION_BROKEN,
	FT_CAUSE_SIGNAL,
	FT_CAUSE_OPERATOR,
	FT_CAUSE_UNKNOWN, /* the failover is over, and whoever began it wrote nothing of it */
	FT_CAUSE_COUNT
};

enum ft_result {
	FT_RESULT_NONE = 0,
	FT_SUCCESS,
	FT_REFUSED,
	FT_LOST_CLAIM,
	FT_RESULT_HELD,
	FT_RESULT_FAILED,
	FT_RESULT_COUNT
};

enum ft_claim { FT_CLAIM_NOT_NEEDED = 0, FT_CLAIM_WON, FT_CLAIM_LOST, FT_CLAIM_UNREACHABLE, FT_CLAIM_COUNT };

/* What one side asks of the other in its heartbeats, repeated until answered. Numbers are on the wire. */
enum ft_request {
	FT_REQUEST_NONE = 0,
	FT_REQUEST_YIELD = 1,
	FT_REQUEST_END = 2, /* the guest has ended itself: end the copy, too */
	FT_REQUEST_COUNT
};
enum ft_answer { FT_ANSWER_NONE = 0, FT_ANSWER_YIELDED = 1, FT_ANSWER_REFUSED = 2, FT_ANSWER_COUNT };

/* How far a session has come, on this side's disk.  A session is the right to end the pair once: see core.h. */
enum ft_session_stage {
	FT_SESSION_NONE = 0, /* none is known */
	FT_SESSION_UNKNOWN,  /* there was one, and it cannot be read: nothing may be concluded */
	FT_SESSION_BOUND,    /* proposed (primary) or accepted (secondary) */
	FT_SESSION_RELEASED, /* not ended, but neither side may claim it: one ftd took its leave */
	FT_SESSION_RESIGNED, /* our QEMU died in it: the other side may go on, we never may */
	FT_SESSION_ENDED,    /* claimed: winner says by whom */
	FT_SESSION_STAGE_COUNT
};

/* How a side came to hold that a session is over; on disk with FT_SESSION_ENDED. */
enum ft_title {
	FT_TITLE_REGISTER = 0, /* the register named the winner */
	FT_TITLE_WORD,         /* we took it by the peer's word, and the register may not name us yet */
	FT_TITLE_RETURNED,     /* we had won, and the guest is the peer's: given back, or the verdict says so */
	FT_TITLE_REGAINED,     /* the peer had won, and gave it back to us; the register names the peer for ever */
	FT_TITLE_FOUND,        /* the register names us, by a claim given up before: the peer may hold a right yet */
	FT_TITLE_UNFENCED,     /* the register names us, and the other host is not known to be off, as it must be */
	FT_TITLE_COUNT
};

struct ft_session {
	enum ft_session_stage stage;
	uint8_t id[FT_SESSION_BYTES]; /* random; names the register at the arbiter */
	uint64_t epoch;               /* counts sessions, for people */
	enum ft_role role;            /* ours in it: primary or secondary */
	uint64_t instance;            /* our QEMU process in it, see struct ft_qemu_facts */
	uint32_t window_ms; /* the detection time under which it was bound; 0: by an ftd that did not write it */
	bool disk_bad;      /* our QEMU's copy of the guest's disk has failed */
	bool
	    stayed; /* with FT_SESSION_RESIGNED: our QEMU, which stands still or is dead, has never run the guest alone */
	/* With FT_SESSION_ENDED: we went on after our own word, or the register, had let the peer, and it may run the guest. */
	bool given_before;
	/* Not of this session, which may be none: since then the guest was given to the peer by our word, in a pair that had no session
	 * yet.  Our QEMU stands still for that, or has ended: which one, and what it was in the pair.  0 nothing was given. */
	uint64_t yielded;
	enum ft_role yielded_as;
	char peer[FT_NAME_MAX];
	char winner[FT_NAME_MAX]; /* with FT_SESSION_ENDED */
	enum ft_title title;      /* with FT_SESSION_ENDED; else 0 */
};

/* Whether the peer asks the registers that we ask, by the marks that both leave there. Numbers are on the wire. */
enum ft_sharing {
	FT_SHARING_UNKNOWN = 0, /* nothing was compared yet */
	FT_SHARING_PROVEN = 1,
	FT_SHARING_DIFFERS = 2, /* proven, too: the registers that one claims in, the other never sees */
	FT_SHARING_COUNT
};

#define FT_PLACE_MAX 64 /* where the registers are, with the NUL */

/* What both sides of a pair must have in common before either may say protected. */
struct ft_share {
	uint8_t arbiter;   /* 0: not said; else 1 + enum ft_arbiter_type */
	uint32_t guard_ms; /* failover.guard_ms */
	int n_links;       /* 0 .. FT_LINKS_MAX */
	uint32_t
	    links[FT_LINKS_MAX];  /* names each pair of addresses, the same on both hosts; in the order of ft.conf */
	char place[FT_PLACE_MAX]; /* for people alone, printable ASCII */
	/* The mark: a number that this side has written beside its registers, and tells here.  It draws a new one now and then,
	 * and tells that before it writes it. */
	uint64_t mark, next_mark; /* the one that stands there; the one that may by now; 0 none */
	enum ft_sharing verdict;  /* of having looked for the peer's mark beside our registers */
	uint64_t about;           /* the incarnation of the peer that the verdict is about; 0 with UNKNOWN */
};
const char *ft_sharing_name(enum ft_sharing s); /* "unknown", "proven", "differs" */
bool ft_share_equal(const struct ft_share *a, const struct ft_share *b);

#define FT_MACHINE_MAX 64 /* a machine type's name, with the NUL */

/* Which QEMU, and which machine it plays: what a guest's state is understood by.  Nothing is decided by it; people are told. */
struct ft_emulator {
	uint8_t major, minor, micro;  /* all 0: not known */
	char machine[FT_MACHINE_MAX]; /* "pc-q35-10.0", printable ASCII; "" not known */
};
bool ft_emulator_known(const struct ft_emulator *e); /* its version at the least */
bool ft_emulator_equal(const struct ft_emulator *a, const struct ft_emulator *b);

/* Whether a side has ended the session that it knows last. */
enum ft_win {
	FT_WIN_NONE = 0,
	FT_WIN_FIRST,    /* by a claim, or by the other side's word */
	FT_WIN_REGAINED, /* after the other side had, which may not know: given back, or by a person's order */
};

/* Everything a side says of itself in a heartbeat. The core keeps it true, the heartbeat room carries it. */
struct ft_side {
	enum ft_state state;
	enum ft_role role;
	enum ft_vm vm;
	bool ready;       /* a failover could run here now: QMP up on both sockets, plan prepared, replication proven */
	bool leaving;     /* goodbye: this ftd was asked to stop; do not fail over because of it */
	bool repl_broken; /* this side's QEMU reported that replication ended in an error */
	bool doubtful; /* our name may stand in the register of the session, by a claim that was given up: see core.h */
	bool released; /* the session of this epoch binds this side no longer, nor will it after a restart */
	bool guest;    /* this side runs the guest outside of COLO, or may be starting it */
	bool proven;   /* solo, and QEMU itself has said that the guest runs */
	bool
	    returned; /* this side had won .session, and has given it back for good: its QEMU is dead or stands still */
	bool dying;   /* this side's QEMU in the session has died, and that its claim is given up is not on disk yet */
	bool disk_bad; /* this side's copy of the guest's disk has failed: what the guest writes is not all on it */
	bool ending;   /* this side's QEMU is on its way out: it claims nothing, and nobody should wait for it */
	bool sick; /* this side's QEMU answers nothing, or nothing in band though the peer cannot be what it waits for:
	                  it could not take over, so nobody gives way to it */
	enum ft_request request;
	uint32_t request_id; /* names the request; from a random start, so that answers to a predecessor's fit none */
	enum ft_answer answer;
	uint32_t answer_id;     /* the request_id answered */
	uint32_t checkpoint_ms; /* x-checkpoint-delay of this side's QEMU, 0 unknown */
	uint8_t
	    session[FT_SESSION_BYTES]; /* the one this side is bound by or has resigned, on its disk; all zero: none */
	uint64_t epoch;
	enum ft_win win;    /* of the session of that epoch */
	uint32_t window_ms; /* this side's detection time: it claims nothing before a silence of that length */
	bool runs;          /* this side's QEMU was never in COLO, and its guest runs */
	struct ft_share share;
	struct ft_emulator emulator;
};

/* Whether a side that says this holds to its promise not to claim: only then may the other draw a right to run from its
 * acknowledgements. */
bool ft_side_calm(const struct ft_side *side);
/* Whether an ftd can say this of itself at all: where it stands, what it asks, and what it says of its QEMU fit together. */
bool ft_side_possible(const struct ft_side *side);
bool ft_side_equal(const struct ft_side *a, const struct ft_side *b);

enum ft_channel { FT_CHANNEL_QMP = 0, FT_CHANNEL_OOB = 1 };
enum ft_step_result { FT_STEP_SKIPPED = 0, FT_STEP_OK, FT_STEP_ERROR, FT_STEP_TIMEOUT };

/* One command of a plan, as it went. */
struct ft_step_record {
	char command[48]; /* the QMP command's name */
	char what[80];    /* what it was about, for people: "mirror0" */
	enum ft_channel channel;
	enum ft_step_result result;
	char error[FT_TEXT_MAX]; /* QEMU's own words, "" if none */
	int64_t sent_at;         /* FT_NEVER if it never was */
	int64_t took_ns;
};

/* How a plan ended, and how the guest stood then. */
struct ft_plan_report {
	bool ok; /* the failover is proven: COLO left, guest running */
	int n_steps;
	struct ft_step_record steps[FT_STEPS_MAX];
	char guest_status[24];    /* query-status */
	char guest_colo_mode[12]; /* query-colo-status mode */
	char guest_last_mode[12];
	int64_t proven_at; /* when the proof was in hand; FT_NEVER if not */
	char error[FT_TEXT_MAX];
};

struct ft_evidence {
	int64_t at;
	char text[FT_TEXT_MAX];
};

/* Everything one failover leaves behind; the outcome record of the contract is this, written as JSON. */
struct ft_outcome {
	uint8_t session[FT_SESSION_BYTES];
	uint64_t epoch;
	char peer[FT_NAME_MAX];
	enum ft_cause cause;
	enum ft_role role_before;
	enum ft_result result;
	int n_evidence;
	struct ft_evidence evidence[FT_EVIDENCE_MAX];
	bool claim_asked; /* the register had to be asked before going on */
	enum ft_claim claim;
	int64_t claim_ns; /* what the arbiter took; 0 if it was not asked */
	char winner[FT_NAME_MAX];
	int64_t first_evidence_at;
	int64_t judged_at;  /* the decision to take over */
	int64_t claimed_at; /* the right to do so in hand (a yield, a claim, or nothing needed) */
	int64_t planned_at; /* the plan handed to QMP */
	int64_t ended_at;   /* proven, refused or given up */
	struct ft_plan_report plan;
	char error[FT_TEXT_MAX];
};

/* The contract's spelling of each value; "?" for a number out of range. Never NULL. */
const char *ft_state_name(enum ft_state s);
const char *ft_role_name(enum ft_role r);
const char *ft_vm_name(enum ft_vm v);
const char *ft_cause_name(enum ft_cause c);
const char *ft_result_name(enum ft_result r);
const char *ft_session_stage_name(enum ft_session_stage s);
/* As in the session file; that of FT_TITLE_REGISTER is the stage's own. */
const char *ft_title_name(enum ft_title t);
const char *ft_claim_name(enum ft_claim c);
const char *ft_step_result_name(enum ft_step_result r);
const char *ft_channel_name(enum ft_channel c);

#endif
