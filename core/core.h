/* The decision core: one state machine for both roles.  Pure: an event and a time come in, actions go out.
 * Knows: what each fact means for who may run the guest.  Must not know: clocks, sockets, QMP, JSON, files, libevent.
 *
 * An event only changes facts; then the table in rules.c is read from the top, and the first row whose phase and
 * condition hold is done, until no row holds.  So every decision can be found in that table with a finger, and the
 * same facts lead to the same decision however they came.  The same code decides live, in tests and in replay. */
#ifndef FT_CORE_CORE_H
#define FT_CORE_CORE_H

#include "base/types.h"
#include "core/backoff.h"
#include "core/record.h"

/* Finer than the public states: several may share one (ft_phase_state). */
enum ft_phase {
	FT_PHASE_STARTING,    /* QEMU and peer not looked at yet */
	FT_PHASE_UNPROTECTED, /* no binding: a lost peer leads to nothing */
	FT_PHASE_ARMING,      /* both here, replication being proven */
	FT_PHASE_PROTECTED,   /* bound from here on: a lost peer leads to a failover */
	FT_PHASE_SUSPECT,     /* bound; peer quiet, or replication broken and the peer's word awaited */
	FT_PHASE_WATCH, /* bound, but something is missing, or a silent peer gives other signs of life; public: unprotected */
	FT_PHASE_ASKING,    /* a live peer is asked to yield; public: claiming */
	FT_PHASE_FREEZING,  /* our right to run has ended: our QEMU is being frozen, then the claim; public: claiming */
	FT_PHASE_CLAIMING,  /* the arbiter is asked */
	FT_PHASE_CUT_OFF,   /* neither peer nor arbiter in reach: frozen, the claim retried; public: held */
	FT_PHASE_PLANNING,  /* QEMU runs the plan */
	FT_PHASE_RECORDING, /* the outcome is on its way to disk; public: failing-over */
	FT_PHASE_SOLO,
	FT_PHASE_YIELDING, /* our QEMU is being frozen; public: fenced */
	FT_PHASE_YIELDED,  /* frozen until the peer is solo; public: fenced */
	FT_PHASE_HELD,     /* frozen for a peer that fell silent before it was solo */
	FT_PHASE_FENCED,   /* the peer runs the guest; ours is ended */
	FT_PHASE_FAILED,
	FT_PHASE_COUNT
};
enum ft_state ft_phase_state(enum ft_phase p);

/* A copy of enum ft_hearing's meaning, so that the core does not depend on the heartbeat room. */
enum ft_peer_hearing { FT_PEER_NEVER = 0, FT_PEER_ALIVE, FT_PEER_QUIET, FT_PEER_LOST };

enum ft_event_kind {
	FT_EVENT_TIME = 0,  /* nothing but time has passed */
	FT_EVENT_PEER,      /* .peer: what the peer says of itself has changed */
	FT_EVENT_HEARING,   /* .hearing */
	FT_EVENT_REFUSED,   /* .link: the peer's host answered "port unreachable" */
	FT_EVENT_QEMU,      /* .qemu: what is known of the local QEMU has changed */
	FT_EVENT_COLO_EXIT, /* .text: QEMU's mode and reason; .error: the reason is "error" */
	FT_EVENT_SHUTDOWN, /* .ending, .text: QEMU says that it is on its way out; NOT: its machine was reset after all */
	FT_EVENT_DISK, /* a copy of the guest's disk has failed: .error our own, else the peer's; .text: what QEMU says */
	FT_EVENT_CHECKPOINT, /* a checkpoint completed here; .at: ns that the guest stood for it */
	FT_EVENT_HUNG,       /* .text: the local QEMU answers nothing, not even out of band */
	FT_EVENT_STALLED,  /* this ftd did not run for a while: silences of its QEMU and of the peer are counted anew */
	FT_EVENT_FROZEN,   /* .error, .text: the answer to FT_DO_FREEZE */
	FT_EVENT_PLAN,     /* .plan: the answer to FT_DO_PLAN */
	FT_EVENT_RECORDED, /* .error, .text: the answer to FT_DO_RECORD and FT_DO_REPEAT; they come in order */
	FT_EVENT_STOOD_STILL, /* .at: ns that our clock has missed, at least: what was counted by it is older than it says */
	FT_EVENT_ACK,         /* .at: when the newest heartbeat was sent that a calm peer is known to have heard */
	FT_EVENT_ANSWERED, /* .at: when the peer surely was on, in whatever state: it gives no right */
	FT_EVENT_STORED,   /* .error, .text: the answer to FT_DO_STORE */
	FT_EVENT_CLAIM,    /* .claim, .text: the winner, or why it is unreachable; the answer to FT_DO_CLAIM */
	FT_EVENT_FENCED,   /* .error, .text: why the other host is not known to be off; the answer to FT_DO_FENCE */
	FT_EVENT_REGISTER, /* .claim: FT_CLAIM_LOST: somebody stands there, .text; NOT_NEEDED: nobody; UNREACHABLE */
	FT_EVENT_MARKED, /* .mark: what stands under the peer's name beside our registers, 0 nothing; our own mark is written; or
	                    .error, .text: the arbiter could not be asked, and it may be or not; the answer to FT_DO_MARK */
	FT_EVENT_REMEMBERED, /* .claim: FT_CLAIM_LOST: .epoch is the newest session of this pair that its marks at the arbiter
	                        tell, of node .text; NOT_NEEDED: there is no mark; UNREACHABLE; the answer to FT_DO_REMEMBER */
	FT_EVENT_VERSION, /* .version: the peer's host sends heartbeats of another version than ours */
	FT_EVENT_WANT_START, /* a person or a unit wants to start the VM here as primary: see ft_core_may_start; .confirmed */
	FT_EVENT_FORCE,    /* .cause: FT_CAUSE_SIGNAL or FT_CAUSE_OPERATOR */
	FT_EVENT_LEAVE,    /* asked to stop */
	FT_EVENT_SETTINGS, /* .settings: new timing and addresses, after a reload; what is not reloaded stays as it was */
	FT_EVENT_COUNT
};

/* Our QEMU is on its way out, by its own word (SHUTDOWN). */
enum ft_ending {
	FT_ENDING_NOT = 0,
	FT_ENDING_HOST,  /* a signal, `quit`, a panic: the guest is to go on at the peer's */
	FT_ENDING_GUEST, /* it has powered itself off: it is to go on nowhere */
};
/* Of SHUTDOWN's reason. */
enum ft_ending ft_ending_of(const char *reason);

struct ft_peer_news {
	char node[FT_NAME_MAX];
	uint64_t incarnation;
	struct ft_side side;
};

struct ft_qemu_facts {
	bool connected; /* it answers in band */
	bool oob;       /* it answers out of band */
	bool plan_ready;
	bool plan_doubted; /* there is a plan, not ready since it may leave out something that leads to the peer */
	bool pid_verified; /* signals will hit the right process */
	bool
	    unguarded; /* no sentinel stops it should this ftd hang or die: what is bound stays so, and is not protected */
	bool stopped;  /* it does not answer, and stood still when we came: an earlier ftd or its sentinel did that */
	bool running;  /* it says that its guest runs (query-status) */
	bool incoming; /* it waits for a migration: a secondary to be, whose guest has not begun */
	uint64_t instance; /* names this QEMU process; differs for the next one; 0 none */
	enum ft_vm vm;     /* never YIELDED */
	enum ft_role role, last_role;
	int checkpoint_ms;
	char fault[FT_TEXT_MAX]; /* why plan_ready is false */
	struct ft_emulator emulator;
};

struct ft_event {
	enum ft_event_kind kind;
	bool error;
	bool confirmed; /* with WANT_START and FORCE: a person vouches that the other host is off */
	int link;
	enum ft_peer_hearing hearing;
	int64_t heard_at; /* with HEARING: when the newest heartbeat came in; FT_NEVER none */
	enum ft_cause cause;
	enum ft_claim claim;
	enum ft_ending ending;
	int64_t at;
	uint64_t mark, epoch;
	int version;
	const char *text;                      /* may be NULL; copied */
	const struct ft_peer_news *peer;       /* copied */
	const struct ft_qemu_facts *qemu;      /* copied */
	const struct ft_plan_report *plan;     /* copied */
	const struct ft_core_params *settings; /* copied */
};

enum ft_action_kind {
	FT_DO_SAY,    /* .level, .text: a line for the log */
	FT_DO_STATE,  /* .from, .to, .text: the public state changed, and why */
	FT_DO_SEND,   /* what this side says of itself changed: a heartbeat on every link, now */
	FT_DO_PROBE,  /* primary: force a checkpoint, to see whether replication lives */
	FT_DO_YANK,   /* out of band: break every connection of QEMU that leads to the peer; no answer is waited for */
	FT_DO_FREEZE, /* SIGSTOP our QEMU; answer FT_EVENT_FROZEN once the kernel says stopped, within FT_FREEZE_NS */
	FT_DO_THAW,   /* SIGCONT */
	FT_DO_KILL,   /* SIGKILL; the process is frozen */
	FT_DO_STORE,  /* make core->store_next durable; answer FT_EVENT_STORED */
	FT_DO_CLAIM, /* put .text, a node's name, in the register core->claim_id, if nobody's is there; answer FT_EVENT_CLAIM.
	                  .verdict: in the session's other register, see sessions.c.
	                  .fence: won only once the other host is off (of an arbiter without registers: it is powered off
	                  for the claim; where a fence stands behind a register, FT_DO_FENCE follows); without, by the
	                  peer's word, it must not be */
	FT_DO_FENCE, /* power the other host off, behind a register that names us; answer FT_EVENT_FENCED */
	FT_DO_READ,  /* read the register core->claim_id, or with .verdict the other one; answer FT_EVENT_REGISTER.
	                  .sure: whatever was put there before is seen; without, that nobody stands there may be old; always
	                  with .verdict */
	FT_DO_MARK, /* write core->self.share.next_mark under our name beside the registers, and look for the peer's; answer
	                  FT_EVENT_MARKED */
	FT_DO_PLAN,     /* run the prepared plan; answer FT_EVENT_PLAN */
	FT_DO_RECORD,   /* make .outcome durable; answer FT_EVENT_RECORDED */
	FT_DO_REPEAT,   /* FT_DO_RECORD of the newest success once more, unless it is there; answer FT_EVENT_RECORDED */
	FT_DO_OUTCOME,  /* announce what FT_DO_RECORD handed over: it is durable, or .text says why not */
	FT_DO_REMEMBER, /* ask the arbiter what it knows of this pair's past, .sure as above, always; answer
	                  FT_EVENT_REMEMBERED */
	FT_DO_ALARM,    /* .alarm, .raised, .text: something that a person must know of at once; or it is over */
	FT_DO_EXIT,     /* goodbye has been said: leave, once it is sent, if ft_core_exits() still holds */
};

/* Alarms, which last until they are over. */
enum ft_alarm_kind {
	FT_ALARM_TWO_MASTERS, /* the guest runs on both hosts */
	FT_ALARM_UNSHARED,    /* both could win: they ask different arbiters */
	FT_ALARM_REGISTER,    /* the register of the session that we have won names the other side */
	FT_ALARM_COUNT
};
const char *ft_alarm_name(enum ft_alarm_kind kind); /* "two-masters", "not-shared", "register" */

struct ft_alarm {
	int64_t since; /* FT_NEVER: it is not */
	char evidence[FT_TEXT_MAX];
};

enum ft_level { FT_LEVEL_ERROR = 0, FT_LEVEL_WARN, FT_LEVEL_INFO };

struct ft_action {
	enum ft_action_kind kind;
	enum ft_level level;
	bool fence, verdict, sure;
	enum ft_alarm_kind alarm;
	bool raised;
	enum ft_state from, to;
	const struct ft_outcome *outcome; /* of FT_DO_RECORD; kept in the same ft_actions */
	char text[FT_TEXT_MAX];
};

/* One step does a dozen at most.  A row that does half of them, or records twice, is a bug of ours (assert). */
#define FT_ACTIONS_MAX 48
#define FT_ROWS_MAX    16 /* decisions in one step */
#define FT_RECORDS_MAX 4
struct ft_actions {
	int n, n_records, n_rows;
	const char *rows[FT_ROWS_MAX]; /* the decisions that were taken, by their names in docs/decisions.md */
	struct ft_action a[FT_ACTIONS_MAX];
	struct ft_outcome records[FT_RECORDS_MAX]; /* as they were then: the same step may have begun another outcome */
};

/* For so long after the question the VM may be about to be started. */
#define FT_START_NS (60000 * FT_NS_PER_MS)
/* The waits of the core, ns. Each is documented where it is used in rules.c; FT_LANDS_NS, for how long a claim that was given
 * up can still land, in sessions.c. */
#define FT_STARTING_NS  (3000 * FT_NS_PER_MS)
#define FT_ASK_NS       (2000 * FT_NS_PER_MS)
#define FT_FREEZE_NS    (2000 * FT_NS_PER_MS)
#define FT_WORD_NS      (3000 * FT_NS_PER_MS)
#define FT_LEAVE_NS     (500 * FT_NS_PER_MS)
#define FT_LANDS_NS     (10000 * FT_NS_PER_MS)
#define FT_TROUBLE_NS   (60000 * FT_NS_PER_MS)
#define FT_GIVE_BACK_NS (10000 * FT_NS_PER_MS)
#define FT_SICK_NS      (10000 * FT_NS_PER_MS)
#define FT_OUST_NS      (30000 * FT_NS_PER_MS)
#define FT_PLAN_TRIES   5
#define FT_OUST_TRIES   8

struct ft_core_params {
	char node[FT_NAME_MAX];
	uint64_t incarnation;
	int64_t interval, window; /* heartbeat interval and detection time */
	int64_t reply_timeout;    /* qmp.reply_timeout_ms */
	/* With an arbiter; without one there is no exclusion to enforce, hence neither sessions nor leases */
	bool arbitrated;
	bool registers;                     /* the arbiter keeps registers that can be read: all but type fence do */
	bool fenced;                        /* a fence stands behind them */
	int64_t guard;                      /* from the end of the primary's right to the secondary's claim, at least */
	uint8_t seed[FT_SESSION_BYTES];     /* random: where this incarnation's session ids come from */
	struct ft_session session;          /* as read back from disk */
	struct ft_share share;              /* our side of what both must share; no marks */
	bool fresh;                         /* no ftd was here before: if there is no session, none was lost */
	uint8_t recorded[FT_SESSION_BYTES]; /* the newest session that has a success on disk; all zero: none */
};

struct ft_core {
	struct ft_core_params params;
	int64_t now;
	enum ft_phase phase;
	int64_t phase_since;
	int64_t state_since;      /* of the public state */
	char reason[FT_TEXT_MAX]; /* of the newest change of state */

	/* Facts */
	struct ft_qemu_facts qemu;
	struct ft_peer_news peer;
	bool peer_known;
	uint8_t peer_returned[FT_SESSION_BYTES]; /* the session that the peer says it has given back; all zero: none */
	enum ft_peer_hearing hearing;
	int64_t heard_at;      /* FT_NEVER none */
	int64_t refused_at;    /* newest port unreachable since the peer was last heard; FT_NEVER none */
	int64_t checkpoint_at; /* newest checkpoint completed by this QEMU in this role; FT_NEVER none */
	int64_t longest;       /* ns that its longest one took */
	int64_t broken_at;     /* COLO_EXIT{error} of this QEMU; FT_NEVER none */
	int64_t probed_at;     /* newest FT_DO_PROBE; FT_NEVER none */
	bool silence_probed;   /* the probe that a silence is answered with has been sent */
	bool frozen;           /* our QEMU is stopped by us */
	bool hung;
	/* Since when our QEMU does not answer in band, which it had done; FT_NEVER: it does, or stands still by us. */
	int64_t silent_from;
	int64_t yanked_at; /* when it was freed of the peer, for it to answer; FT_NEVER: not since it answered last */
	int64_t yank_again_at; /* when, as QEMU has not said yet that what we broke on purpose is broken; or FT_NEVER */
	bool sick;             /* that did not help: its main loop is blocked */
	char hung_text[FT_TEXT_MAX];
	enum ft_ending
	    ending; /* a secondary's copy ends by the host alone: its guest's state is what the primary sends */
	char ending_text[FT_TEXT_MAX];
	bool disk_bad, said_disk_bad;
	char disk_text[FT_TEXT_MAX];
	bool guest_ended;      /* of itself, and our QEMU with it: the peer is asked to end its copy until it answers */
	enum ft_cause forced;  /* SIGNAL or OPERATOR waits to be acted on */
	bool forced_confirmed; /* the newest order's person vouches for the other host: only written down */
	/* To be stopped, and where that stands. */
	enum ft_leave {
		FT_LEAVE_NOT = 0,
		FT_LEAVE_ASKED, /* what must be done first is done */
		FT_LEAVE_SAID,  /* the goodbye: self.leaving */
		FT_LEAVE_OVER,  /* ... and FT_DO_EXIT: nothing more is decided */
		FT_LEAVE_MUTE,  /* FT_DO_EXIT, without a goodbye */
	} leave;
	bool bound; /* was protected with this peer and this QEMU, and neither has ended it */
	/* Sessions */
	int64_t started_at;
	/* As it is on disk; or as we hold to it, and the disk follows: winner_unstored, held_unstored, stayed_stored. */
	struct ft_session session;
	struct ft_session store_next;
	bool undone;              /* we found our QEMU in COLO still, in a session that we have ended */
	uint64_t proven_instance; /* the QEMU that has said itself that the guest runs outside of COLO */
	bool win_seen;            /* this ftd has seen the guest of this side run */
	int64_t over_at;          /* when it was last told to be over, or this ftd came */
	bool winner_unstored;     /* the register said who won; the disk does not yet */
	bool held_unstored;      /* the session is held to, for a claim, and the disk did not take it: nobody is told */
	bool role_said;          /* our QEMU has told us itself what it is */
	uint64_t seen_instance;  /* the newest QEMU that was named to us */
	uint64_t gone_instance;  /* the QEMU that died under us, or by us */
	int64_t gone_at;         /* when one died under us */
	uint64_t found_instance; /* the QEMU that was there when we came */
	bool storing;            /* store_next is on its way to disk */
	int64_t store_again_at;  /* after a failure */
	bool release_failed;     /* to be stored, and may be on disk all the same; nothing was since */
	bool bind_failed;        /* ... and so may .bind, a session that was to bind us anew */
	struct ft_session bind;
	bool stayed_stored; /* session.stayed is on disk, or may be */
	char store_fault[FT_TEXT_MAX];
	uint32_t drawn;         /* ids drawn from the seed */
	int64_t stood_still_at; /* when our clock was last found to have stood still; FT_NEVER it never was */
	/* When the newest heartbeat of ours was sent that the peer has acknowledged, whatever binds it; FT_NEVER none. */
	int64_t peer_knows_until;
	int64_t answered_at; /* FT_EVENT_ANSWERED's; FT_NEVER none */
	int64_t acked_sent;  /* when the newest heartbeat was sent that gives us a right; FT_NEVER none */
	/* ... and for how long: the detection time that the peer had as it acknowledged it; 0 unknown */
	int64_t acked_grant;
	bool proposing;    /* what is on its way to disk is a session that we made; an adopted one the peer has named */
	uint64_t named_by; /* the peer's incarnation that said last that it is bound by our session */
	bool only_proposed;  /* we made the session, and the peer has never said that it is bound by it */
	bool proposed_again; /* so it is, but it was released before: its register may hold a claim of that time */
	int64_t lost_at;     /* when the peer was judged lost; FT_NEVER it is not */
	bool arbiter_busy;   /* a claim or a reading is under way */
	enum ft_errand {
		FT_ERRAND_NONE = 0,
		FT_ERRAND_FAILOVER,
		FT_ERRAND_RECORD,
		FT_ERRAND_END_OLD,
		FT_ERRAND_READ,         /* the errands before this one put our name into the register */
		FT_ERRAND_VERDICT,      /* put there who runs the guest by this session, or is to */
		FT_ERRAND_TAKE_VERDICT, /* a person vouches for a winner that is silent: put our name there */
		FT_ERRAND_READ_VERDICT
	} errand;
	uint8_t claim_id[FT_SESSION_BYTES];
	bool asked_surely; /* the newest reading: see FT_DO_READ */
	int64_t asked_arbiter_at, arbiter_again_at, arbiter_backoff;
	enum ft_claim claim; /* of the session now on disk; NOT_NEEDED: not asked yet */
	bool claim_fences;   /* the newest one counts only once the other host is off */
	bool fencing;        /* FT_DO_FENCE is under way, for this session */
	uint8_t fence_id[FT_SESSION_BYTES];
	int64_t fence_again_at, fence_backoff;
	char fence_fault[FT_TEXT_MAX]; /* why the newest has failed; "" it has not */
	/* A loser's fence switches the host of a winner off that is silent, and then our name is put into the verdict. */
	bool ousting; /* FT_DO_FENCE is under way for that */
	int64_t
	    ousted_at;   /* when it had last worked, and our name is yet to be put there by that; FT_NEVER it has not */
	bool oust_owed;  /* our name may have landed long after that: it must work once more */
	int ousts;       /* tries of this session that came to nothing */
	bool said_ousts; /* that there were too many */
	bool ousted;     /* it has worked in this session */
	bool named_nobody;     /* the verdict, by the answer that this very step is about */
	int64_t unnamed_at;    /* when the verdict was asked that named nobody, the last time; FT_NEVER not yet */
	int64_t unnamed_since; /* ... and the first time since it was out of reach; FT_NEVER not yet */
	char arbiter_text[FT_TEXT_MAX];
	/* A claim that was given up can have landed, or land yet; and what a predecessor had asked nobody knows.  Then our
	 * name may stand in the register of this session, and the peer, if it were to claim, would lose for ever. */
	bool unsure;
	int64_t sure_from; /* if it does not stand there when asked from then on, it never will */
	int64_t look_again_at, look_backoff;
	bool vacant;  /* a sure reading has found nobody there: no earlier ftd of ours had won it */
	bool refused; /* the peer has refused to yield: it may have ended a session that we hold for released */
	/* The register that we have won is looked at: somebody may put it back to an earlier state. */
	int64_t guard_at;
	bool looks_empty;                 /* by a read that may be old: it is asked surely next */
	bool put_back;                    /* it is empty */
	char register_names[FT_NAME_MAX]; /* the other side; "" it does not */
	bool given_away;                  /* it does, and we have given our right away since */
	bool given;                       /* the peer has given its right to us, by its word, since we came */
	bool given_in_doubt; /* the peer, unsure itself, has given us its right: its claim was earlier than its word */
	bool cannot_know; /* our QEMU was a primary when we came, and no session can be read: it may have been ended */
	bool forgot;      /* so it was, and then the peer has shown that nothing was ended */
	enum ft_verdict {
		FT_VERDICT_UNKNOWN = 0,
		FT_VERDICT_UNREACHABLE, /* a person's order waits, and it cannot be asked */
		FT_VERDICT_STANDS       /* it names session.winner, for ever */
	} verdict;                      /* of the session now on disk */
	int64_t verdict_again_at, verdict_backoff;
	bool
	    taking; /* our name may be on its way into the verdict, by a person's order: no word of the peer's is enough then */
	int64_t taking_until; /* if it does not stand there when asked from then on, it never will */
	bool taken;           /* it stands there by such an order */
	bool won_to_start;    /* the session was ended by us to start the VM anew here */
	int64_t leave_until;
	bool start_wanted;    /* the VM is to be started here: end what is open, if it is ours to end */
	bool start_confirmed; /* a person vouches for the other host */
	bool start_said;      /* we say that we may be starting the VM, or give way to a peer that says so */
	bool start_second;    /* the peer had said so before us */
	bool start_granted;   /* a person's word was enough, and what is told of that stands */
	/* What the arbiter knows of the pair's past: our disk may be an old copy, or a new one where there was another. */
	bool past_wanted, past_asked;
	int64_t past_again_at;
	enum ft_claim past; /* LOST: past_epoch; NOT_NEEDED: nothing, or not asked yet; UNREACHABLE */
	bool past_known;
	uint64_t past_epoch;
	/* The verdict of the session that we have won: it may name the peer by now, and our disk not know. */
	bool verdict_wanted;                       /* by a start, which waits for it */
	bool verdict_unreachable;                  /* it was asked for that in vain */
	uint64_t marked_epoch;                     /* that our mark tells, or is being written to */
	int64_t start_told_from, start_told_until; /* while we say that we may be starting the VM */
	int64_t start_vouched_until;               /* ... where only a person's word would let us */
	bool owes_answer; /* the freeze under way answers the peer's request; otherwise we yield unasked */

	/* Waits; FT_NEVER when not waiting */
	int64_t ask_until, ask_again_at, freeze_until, freeze_again_at, retry_at, probe_again_at;
	int64_t kill_again_at;
	int freezes_failed; /* in a row */
	int64_t peer_at;    /* when the peer last said something new */
	/* When the table is to be read again, though nothing happens; and where such times are kept while it is read, else NULL: ft_due(). */
	int64_t wake_at, *asking;
	const char *row;   /* the decision that is being carried out, or was last; NULL: none yet */
	int64_t resume_at; /* the table had not come to rest when the newest step ended; FT_NEVER it had */

	/* The takeover under way */
	enum ft_role role; /* that our QEMU has or last had in this pair */
	int tries;
	int failures;    /* failovers of this QEMU that have failed since one worked */
	bool retry_owed; /* the last one failed, and QEMU could not or cannot answer: try again when it does */
	bool plan_running;
	struct ft_record record; /* what becomes of core->outcome, and of the newest success */
	int64_t write_until;     /* so long a leave waits for that; FT_NEVER it does not yet */
	struct ft_outcome outcome;

	/* Evidence seen since the last calm (protected, all well) */
	int n_evidence;
	struct ft_evidence evidence[FT_EVIDENCE_MAX];

	/* What both sides must share: see sharing.c */
	bool marking; /* a round is under way */
	int64_t marked_at, mark_again_at;
	int mark_backoff;
	uint32_t marks_drawn;
	uint64_t mark_told;            /* what the peer told when the round began */
	int mark_misses;               /* in a row: the peer's mark was not there */
	char mark_fault[FT_TEXT_MAX];  /* why the newest round came to nothing; "" it did not */
	char share_fault[FT_TEXT_MAX]; /* what keeps both from being protected; "" nothing */
	int foreign_version; /* of the peer's heartbeats, where they are not understood; 0: they are, or there are none */

	struct ft_alarm alarms[FT_ALARM_COUNT];
	int64_t both_since; /* the guest runs on both hosts, as far as we see; FT_NEVER it does not */
	uint64_t
	    began_beside; /* the QEMU that was not there before, while we heard that the peer runs the guest alone */
	bool left_the_pair, said_failed;
	enum ft_sick_said { FT_SICK_UNSAID = 0, FT_SICK_ALONE, FT_SICK_BOTH } said_sick;
	struct ft_side self; /* what we say of ourselves, in every heartbeat */
};

void ft_core_init(struct ft_core *c, const struct ft_core_params *params, int64_t now);
/* now must not run backwards.  out is overwritten. */
void ft_core_step(struct ft_core *c, const struct ft_event *event, int64_t now, struct ft_actions *out);
/* For so long the question whether the VM may be started stays open, while what it takes to answer it is not known. */
#define FT_MAY_START_NS (20000 * FT_NS_PER_MS)

/* FT_DO_EXIT has been given, and not taken back since. */
static inline bool ft_core_exits(const struct ft_core *c)
{
	return c->leave == FT_LEAVE_OVER || c->leave == FT_LEAVE_MUTE;
}

/* When FT_EVENT_TIME is due; FT_NEVER if nothing waits. */
int64_t ft_core_deadline(const struct ft_core *c);
/* Whether both ask the same registers; UNKNOWN also where there are none that marks could be left beside. */
enum ft_sharing ft_core_sharing(const struct ft_core *c);
/* Whether something that both must share is known to differ, and what, with both values; "" nothing. */
bool ft_core_unshared(const struct ft_core *c, char out[FT_TEXT_MAX]);
/* Until when our QEMU may run, for the sentinel; FT_NEVER: no limit.  In the past: it must stand still. */
int64_t ft_core_lease(const struct ft_core *c);
/* The same of a process that the core may not have been told of yet (struct ft_qemu_facts.instance): only the session's
 * own has a limit.  So nothing else on the socket, a launcher say, or the next QEMU, is ever stopped for it. */
int64_t ft_core_lease_of(const struct ft_core *c, uint64_t instance);
/* Whether that process has no limit although it may have said nothing yet: its session is released, or won.  Until something is
 * known of it, an earlier ftd's sentinel stays on guard, and stops it whatever is decided here. */
bool ft_core_sets_free(const struct ft_core *c, uint64_t instance);
/* Whether the VM may be started here as primary: 1 yes, 0 no, -1 not known yet (FT_EVENT_WANT_START makes the core find
 * out: it ends an open session by a claim, once every right granted in it is over, and the peer is silent or says that
 * nothing of its runs).  confirm_fenced: a person vouches that the other host is off; that overrules not knowing, never a
 * session that the other side has ended, also after we had, or whose verdict names it, nor a peer that is heard to have a guest.  why: the
 * reason, for people. */
int ft_core_may_start(const struct ft_core *c, bool confirm_fenced, char why[FT_TEXT_MAX]);
/* What is to be said should our QEMU end after we have left, by whoever stays behind; false: nothing.  With an arbiter it
 * must be on disk first that the session is resigned. */
bool ft_core_last_word(const struct ft_core *c, struct ft_side *word);
/* Whether our QEMU is neither frozen by us nor about to be: one that is found stopped may be thawed. */
bool ft_core_may_run(const struct ft_core *c);

static inline enum ft_state ft_core_state(const struct ft_core *c)
{
	return ft_phase_state(c->phase);
}

#endif
