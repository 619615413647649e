/* The simulation: two whole nodes in virtual time, and everything between and below them, from one seed.
 * The node with its core, the turn of the links, the hub with its wire format, the plan and its runner are the real ones; hosts,
 * processes, disks, links, the arbiter, the sentinel and QEMU are models, which lie, break and come back as the seed says.
 *
 * One world a process: it is a global, so that a fault can strike at any place. */
#ifndef FT_TESTS_SIM_SIM_H
#define FT_TESTS_SIM_SIM_H

#include "core/core.h"
#include "heartbeat/turn.h"
#include "qmp/runner.h"
#include "supervisor/node.h"

#define MS(x)       ((int64_t)(1e6 * (double)(x)))
#define SECOND(x)   MS(1000.0 * (x))
#define LINKS       2
#define INTERVAL_MS 100
#define LOST_AFTER  5
#define GUARD_MS    20

#define QUEUE_MAX     2048
#define DATAGRAMS_MAX 512 /* under way or waiting in a socket */
#define SOCKET_MAX    128
#define INBOX_MAX     256
#define PARKED_MAX    64
#define DRAWN_MAX     7 /* faults of the kinds that are drawn; those on top come besides */
#define FAULTS_MAX    29
#define REGISTERS_MAX 128
#define OUTCOMES_MAX  64
#define RECORDS_MAX   16 /* on their way to a disk */
#define MARKED_MAX    256

/* ---- chance: each part of the world has a stream of its own, so that taking a fault out disturbs the others little ---- */

enum stream {
	RANDOM_SETUP,
	RANDOM_NET,
	RANDOM_ARBITER,
	RANDOM_HOST,
	RANDOM_ON_TOP = RANDOM_HOST + 2, /* of the faults on top */
	RANDOM_DEATH,                    /* of the deaths at boundaries */
	RANDOM_SITUATION,                /* of the situations */
	RANDOM_ATTACK,                   /* of the floods of earlier lives */
	RANDOM_PERSON,                   /* of the person who vouches */
	RANDOM_ALONE,                    /* of ftctl without ftd */
	RANDOM_STREAMS
};
uint64_t chance(enum stream s);
double between(enum stream s, double low, double high);
bool happens(enum stream s, double probability);

/* ---- what happens ---- */

enum what {
	/* to a process of ftd: waits while it is stopped, is void once it has died */
	FTD_DATAGRAM,   /* .arg: which */
	FTD_REFUSED,    /* .arg: link */
	FTD_LOOK,       /* QMP shows how QEMU stands */
	FTD_GONE,       /* the kernel says that QEMU has died */
	FTD_HUNG,       /* QEMU is stopped and answers nothing */
	FTD_COLO_EXIT,  /* the event; .arg: which QEMU said so, as for the next two */
	FTD_SHUTDOWN,   /* the event; .detail: enum ft_ending */
	FTD_CHECKPOINT, /* the event */
	FTD_FROZEN,     /* the freezer's answer; .arg: which freeze */
	FTD_SENTINEL,   /* the sentinel has stopped QEMU */
	FTD_REPLY,      /* QEMU answers a step of the plan; .arg: run, .detail: step, .error */
	FTD_PLANNED,    /* the plan's verdict */
	FTD_STORED,     /* the disk's answer; .error */
	FTD_RECORDED,   /* the disk's answer; .error */
	FTD_REGISTER,   /* the arbiter's answer, or its absence; .arg: which request, .detail: enum register_answer */
	FTD_FENCED,     /* the agent behind a register is done; .error: it has failed */
	FTD_REMEMBERED, /* what the marks tell; .arg: the newest epoch, .detail: enum ft_claim */
	FTD_MARKED, /* the arbiter's answer to a mark, or its absence; .arg: which, .error; what was found: arbiter_found() */
	FTD_TERM,    /* it is asked to stop, by SIGTERM */
	FTD_GOODBYE, /* the next goodbye, or the end; .arg: which leaving */
	FTD_LAST = FTD_GOODBYE,
	/* to a QEMU process: void once it has died */
	QEMU_ATTEMPT, /* a primary's next checkpoint */
	QEMU_NOTICE,  /* finds the peer's connection closed */
	QEMU_ENDS,    /* it is told to end, or its guest is; .detail: enum ft_ending, .arg: how far it is */
	QEMU_UNBLOCK, /* what its main loop waited for comes, or somebody loses patience; .detail: that */
	QEMU_STOP,    /* a SIGSTOP takes hold; .arg: how many SIGCONT came before it */
	QEMU_COMMAND, /* a step of a plan; .arg: run, .detail: step, .more: the plan's role */
	QEMU_LAST = QEMU_COMMAND,
	/* to a host, or to all */
	HOST_FTD_START,
	HOST_FTD_RESUME, /* .arg: which stop */
	HOST_BOOT,
	HOST_RESUME,
	HOST_UNIT_ASKS,   /* whether it may start the VM; .arg: once, and not again after a while */
	HOST_UNIT_STARTS, /* it; .arg: since which boot it wants to */
	HOST_RESET,       /* the watchdog */
	ARBITER_ARRIVES,
	ARBITER_REMEMBERS,
	ARBITER_MARKS, /* .arg: which mark */
	ARBITER_SHOOTS,
	ATTACK,         /* .arg: what is sent again */
	ATTACK_IN_LIFE, /* .arg: where the tape stands, 0 nowhere */
	ATTACK_FLOODS,
	ATTACK_BY_ICMP,
	FAULT_STRIKES, /* .arg: which */
	FAULT_ENDS,
	HEAL,
};

struct happening {
	int64_t at;
	uint32_t order;
	uint8_t what, host;
	bool error;
	uint8_t detail;
	uint64_t guard; /* the life or the instance it is meant for */
	uint32_t arg, more;
};

/* Never NULL. */
struct happening *later(double ms, enum what what, int host);

/* ---- the parts ---- */

struct datagram {
	int next_free;
	int link;
	size_t len;
	uint8_t data[FT_WIRE_MAX];
};

struct qemu {
	uint64_t instance;
	bool alive, stopped;
	bool killed; /* died by itself; false: with its host, or not at all */
	bool stuck;  /* its main loop waits for the peer, and answers nothing in band */
	bool yanked; /* has closed its migration connection */
	bool disk_yanked;
	bool halted;  /* its guest was stopped for a checkpoint that came to nothing; only the failover lets it go on */
	bool foreign; /* somebody else stopped it */
	bool hung;    /* its monitor answers nothing in band, though it runs */
	bool blocked; /* ... and not because all heals */
	bool ending;  /* it is on its way out: its guest is stopped for good */
	bool quit;    /* ... and has left the pair */
	bool exit_said;     /* COLO_EXIT comes once */
	uint64_t exit_life; /* ... and to which ftd; 0 none */
	enum ft_role mode, last;
	bool booted; /* runs a guest that it has booted itself, outside any pair */
	enum { CHECKPOINT_NONE, CHECKPOINT_ASKED, CHECKPOINT_RUNS, CHECKPOINT_CAUGHT } checkpoint;
	int64_t attempt_at;                /* whatever was to be attempted before is void */
	uint32_t conts;                    /* SIGCONT undoes every SIGSTOP before it */
	int64_t silent_since;              /* FT_NEVER: it answers */
	bool released;                     /* it runs what the other side must not run any more */
	uint8_t session[FT_SESSION_BYTES]; /* of the failover that did that */
	int n_parked;
	struct happening parked[PARKED_MAX]; /* commands that wait for it to answer again */
	int trouble_in;                      /* commands until the next goes wrong; 0 none */
	enum trouble { TROUBLE_ERROR, TROUBLE_SILENT, TROUBLE_LATE, TROUBLE_KINDS } trouble;
};

struct sentinel {
	bool on;
	uint64_t instance; /* 0 none yet */
	int64_t lease;     /* by the host's clock */
	int64_t wake;      /* true time */
	bool told;
};

struct disk {
	struct ft_session file, cached; /* what survives a crash, and what is read while there is none */
	struct ft_session coming;       /* being written */
	bool writing;
	bool full, hangs, lost, used;
	enum { FILE_WHOLE, FILE_LOST, FILE_TORN } next_reading;
	struct kept_outcome {
		uint8_t session[FT_SESSION_BYTES];
		enum ft_result result;
		bool ordered, rebuilt;
		bool again; /* handed over once more: not written if it is there */
	} outcomes[OUTCOMES_MAX], outcomes_coming[RECORDS_MAX];
	int n_outcomes, n_coming;
};

enum running { FTD_DEAD, FTD_RUNS, FTD_STOPPED };

struct ftd {
	enum running running;
	uint64_t life; /* names this process */
	uint32_t stops;
	bool exiting;
	uint32_t exits;     /* how often it was told to leave */
	int64_t stopped_at; /* local time */
	int64_t anew_from;  /* local time: when the newest long stop ended; FT_NEVER there was none */
	bool alone;         /* it is no ftd, but ftctl may-start, which judges by itself */
	bool stalled;       /* within boundary(): only that goes on with it */
	int64_t resumed_at; /* true time */
	struct ft_core core;
	struct ft_hub hub;
	struct ft_turn turn;
	struct ft_node node;
	uint8_t received[FT_WIRE_MAX];
	int64_t wake_links, wake_core, wake_plan; /* true time; FT_NEVER */
	int n_socket, socket[SOCKET_MAX];
	int n_inbox;
	struct happening inbox[INBOX_MAX];
	/* QMP */
	struct ft_qemu_facts seen;
	bool spoken;      /* this QEMU has spoken to this ftd */
	bool frozen_held; /* while our own freeze lasts, silence is no news */
	bool look_coming;
	uint32_t freezes;
	const struct ft_plan *plan;
	struct ft_runner runner;
	bool plan_runs, plan_told;
	uint32_t plan_run;
	uint32_t requests;  /* to the arbiter */
	uint32_t mark_open; /* the mark under way, 0 none */
	bool request_open, claimed_released;
	int64_t verdict_asked_at;    /* true time, the newest time; 0 never */
	struct ft_outcome pending;   /* as the core handed it over to be written */
	struct kept_outcome success; /* the newest one that it handed over */
	int stall_in;                /* boundaries until it is stopped between two instructions; 0: not */
	double stall_ms;
	int dies_in; /* boundaries until it dies between two instructions; 0: not */
	int dies_of; /* which fault */
};

struct host {
	bool up, suspended;
	int64_t booted_at;  /* true time */
	int64_t clock_base; /* CLOCK_BOOTTIME then */
	int drift;          /* ppm */
	int64_t resumed_at; /* true time; FT_NEVER never */
	bool blown;         /* ftd and sentinel were killed in one blow, and the watchdog has yet to bite */
	bool unverifiable;  /* ftd cannot be sure of QEMU's process */
	uint32_t boots;
	double stretch;         /* of what its timers wait, by a clock that is slewed; that of the decisions is not */
	int lost_after;         /* as its ft.conf has it */
	int longest_after;      /* that it has had */
	int64_t missed;         /* ns that its clock has missed by that, and ftd has not found out yet */
	int64_t paused_until;   /* or until its ftd found out; FT_NEVER never */
	int64_t paused_at;      /* its clock stands still since; FT_NEVER: it goes */
	int words, muted_after; /* that its ftd has left to be heard; and its next one, 0: all */
	double mute_ms;
	int64_t muted_until;
	bool unit;                          /* starts the VM whenever there is none, and it may */
	bool asks_alone;                    /* ... also where no ftd runs */
	bool unit_starts;                   /* it was told that it may, and is about to */
	bool booted_unheard;                /* ... while no peer was heard */
	uint64_t swapped_beside;            /* the QEMU that lived on while its state_dir was lost or put back */
	uint8_t set_back[FT_SESSION_BYTES]; /* the session that its state_dir, put back, has at an earlier stage */
	struct ftd ftd;
	struct qemu qemu;
	struct sentinel sentinel, predecessor;
	struct disk disk, backup;
};

struct registration {
	uint8_t id[FT_SESSION_BYTES];
	bool verdict; /* the session's other register */
	int winner;
	int of; /* whose arbiter keeps it: 0, unless each host has its own */
	int64_t at;
};

enum fault_kind {
	CUT_LINK,    /* one link, one way */
	CUT_ONE_WAY, /* all links from a host */
	CUT_LINKS,   /* all links */
	CUT_ARBITER, /* a host from it */
	ISOLATE,     /* a host from everything */
	PARTITION,   /* the hosts from each other, COLO too */
	FLAP,
	LOSSY,
	SLOW_NET, /* delays of seconds, and things come in any order */
	SLOW_ARBITER,
	STOP_FTD,
	STALL_FTD, /* between two instructions of ftd, at a place that matters */
	KILL_FTD,
	LEAVE_FTD,
	CRASH_HOST,
	SUSPEND_HOST,
	BLOW, /* ftd and sentinel at once */
	KILL_QEMU,
	STOP_QEMU,
	HANG_QEMU,
	SILENCE_COLO,
	CLOSE_COLO,
	FORCE,
	DISK_FULL,
	DISK_HANGS,
	DISK_LOSES,
	PLAN_TROUBLE,
	REPLAY,  /* somebody sends again what was sent to a host */
	REBUILD, /* a person gives the survivor a new secondary */
	/* These come on top of the others, by a stream of their own. */
	REPLAY_LIFE, /* while a host is silent, somebody plays its former life to the other */
	MUTE_START,  /* the next ftd of a host is heard for a few words, and then no more */
	START_VM,    /* a unit of the host starts the VM anew, wherever ftd says that it may */
	START_ALONE, /* ... or, where none runs, ftctl by itself, which holds the lock meanwhile; a person asks that, too */
	FLOOD_LIVES, /* somebody floods both hosts with what they have said, and with the hellos of their lives before all this */
	FORGE_ICMP, /* somebody tells a host that the peer's has no such port */
	/* Deaths at boundaries, by another stream: right after a certain answer. */
	KILL_AT_ANSWER,  /* ftd is killed, or crashes: the world cannot tell */
	LEAVE_AT_ANSWER, /* it is asked to stop */
	CRASH_AT_ANSWER, /* its host crashes */
	/* Situations, on top as well, by a stream of their own. */
	END_QEMU,   /* QEMU is told to end, or its guest powers itself off; with its ftd or without, in either order */
	BLOCK_QEMU, /* its main loop waits for something that is not the peer; then it goes on, or is killed */
	SLEW_CLOCK, /* timers come late, as chrony may slew them; a clock that nobody slews is for the decisions */
	RETIME,     /* the detection time is changed, first on this side, then on the other */
	RESTORE_DISK, /* state_dir is put back as it was */
	LOSE_DISK,    /* ... or is made anew */
	ROLL_BACK,    /* the arbiter forgets what it was told last */
	LATE_CLAIM,   /* a proxy delivers a claim long after it was given up */
	PAUSE_HOST,   /* a host that is a VM stands still, and its clock with it */
	STALE_READS, /* the arbiter answers what is only read by what it was before; what goes through its log, by what it is */
	VOUCH, /* a person ends the other side's QEMU, or its host, and then orders this one to go on, as confirmed */
	FAULT_KINDS
};

/* What a host is told by those that it has asked. */
enum answer { ANSWER_STORED, ANSWER_RECORDED, ANSWER_REGISTER, ANSWER_PLAN, ANSWER_FROZEN, ANSWERS };

struct fault {
	enum fault_kind kind;
	int host;
	int64_t at;
	double ms; /* how long, or after what time what it ended begins again */
	bool on;
	bool at_start; /* waits for an ftd to start after .at, and strikes within ms of that */
	/* Of a death at a boundary: after the .nth such answer from .at on, .steps boundaries later; 0: it was given, and is
	 * not heard any more. */
	enum answer answer;
	int nth, steps;
	bool armed;
};

/* Of everything that the cores were told, and when, and did; and of what they did alone, however often they were woken. */
struct digest {
	uint64_t all, actions;
};

struct options {
	bool digest; /* is wanted */
	bool arbitrated;
	bool apart;                           /* each host asks an arbiter of its own */
	bool fence;                           /* the arbiter is of type fence, and keeps no register */
	bool behind;                          /* a fence stands behind the registers */
	bool no_sentinel, no_fsync, no_guard; /* break the world on purpose */
	bool boundaries;                      /* deaths at boundaries, besides all else */
	uint64_t kinds;                       /* of faults, a bit each: which may happen */
	double freeze_ms;                     /* the longest time that a SIGSTOP takes to take hold */
	const char *law;                      /* only this one is judged; NULL: all */
};

struct world {
	struct options options;
	uint64_t seed;
	uint64_t random[RANDOM_STREAMS];
	int64_t now; /* true time, which nobody in the world knows */
	uint32_t order;
	uint64_t names; /* lives and instances given so far */
	bool verbose;
	bool healed;
	bool walls_unset; /* the hosts' wall clocks begin anew at each boot */
	bool law;         /* exclusion and liveness are promised in this world */
	int64_t healed_at;
	struct host host[2]; /* 0 starts as the primary */
	/* counts: several faults may hold the same thing */
	int late_claims[2], cut[LINKS][2], cut_arbiter[2], lossy, slow_net, slow_arbiter, colo_silent, replayed[2],
	    lives_played[2], lives_flooded, icmp_forged[2];
	int n_recorded[2]; /* datagrams from a host, since the beginning */
	bool colo_closed;
	int64_t checkpoint_every;
	double guard_ms;
	bool guest_ended; /* it has powered itself off */
	struct digest digest;
	/* The sessions whose register has forgotten a winner. */
	uint8_t rolled_back[REGISTERS_MAX][FT_SESSION_BYTES];
	int n_rolled_back;
	int n_registers;
	struct registration registers[REGISTERS_MAX];
	uint64_t marks[2][2]; /* beside them: whose arbiter, whose mark */
	int n_marked;         /* what their epochs were, one after the other; the newest MARKED_MAX */
	struct marked {
		int64_t at;
		int of, host;
		uint32_t epoch;
	} marked[MARKED_MAX];
	int stale_reads;
	int64_t stale_since; /* what was put there from then on, such reads do not find */
	int n_resigned[2];
	uint8_t resigned[2][REGISTERS_MAX][FT_SESSION_BYTES]; /* the sessions that a side has resigned on its disk */
	int n_faults;
	struct fault faults[FAULTS_MAX];
	int64_t heals_at;
	bool heals_late;
	/* Whose QEMU a person has ended: he starts nothing there, until it is known that the other side has gone on. */
	struct kept_off {
		bool on, stopped;
		uint64_t life;     /* of the ftd that was there then, 0 none */
		int orders, tries; /* that he has left */
	} kept_off[2];
	bool rebuilt; /* a survivor was given a new secondary */
	int64_t rebuilt_at;
	bool vouched;   /* a person has said that the other side is dead, and nobody could check it */
	int vouched_by; /* ... the side that went on by that, in this session */
	uint8_t vouched_session[FT_SESSION_BYTES];
	uint64_t vouched_for[2]; /* the QEMUs of then: the other side's is the one that he answers for; 0 none */
	uint64_t superseded[2];  /* the QEMU whose peer was proven to run the guest since; 0 none */
	const char *broken;      /* the law, NULL: all hold */
	int depth;               /* of stalls within stalls */
	uint64_t events;
	int freezes;
	int asks;                  /* of the arbiter */
	int questions;             /* of units: may the VM be started here? */
	int64_t crashed_at[2];     /* FT_NEVER never, or its peer was not protected then */
	uint64_t ordered[2];       /* the QEMU that a person has ordered to go on; 0 none */
	uint64_t order_claimed[2]; /* ... by a claim in a session that was released or resigned, which may land */
	uint64_t order_life[2];    /* ... and the life of the ftd that claimed */
	uint64_t taken_back[2];    /* ... and that order has been carried through */
	uint64_t old_copy[2];      /* the QEMU whose peer has run the guest alone since; 0 none */
	uint64_t ousted_for[2];    /* the QEMU for which its host's fence has switched a silent winner off; 0 none */
	int n_queue;
	struct happening queue[QUEUE_MAX];
	int free_datagram;
	struct datagram datagrams[DATAGRAMS_MAX];
};
extern struct world w;

/* world.c */
void world_begin(uint64_t seed, const struct options *options, bool verbose);
/* Runs until the time comes, a law breaks, or (if given) the condition holds. */
void world_run(int64_t until, bool (*enough)(void));
void tell(int host, const char *format, ...) __attribute__((format(printf, 2, 3)));
int64_t local_time(int host);
/* The first true time at which the host's clock has reached local; FT_NEVER stays. */
int64_t true_time(int host, int64_t local);
struct datagram *take_datagram(void); /* NULL: too many are under way, this one is lost */
void drop_datagram(int i);

/* ftd.c */
void ftd_start(int host);
void ftd_end(int host, bool sentinel_stays);
void ftd_happens(const struct happening *h);
void ftd_wakes(int host);
void ftd_stop(int host, double ms);
void ftd_pauses(int host, int64_t for_ns); /* its clock has stood still */
void ftd_continue(int host, uint32_t which_stop);
void ftd_resumes(int host);
void ftd_feed(int host, const struct ft_event *e);
void ftd_may_start(int host, bool confirmed); /* a unit asks, or a person */
void ftd_ask_alone(int host, bool confirmed); /* ... where no ftd runs */
bool ftd_can_run(int host);
void ftd_prepare(void); /* once a process */
const struct ft_heartbeat_settings *settings_of(int host);
int64_t wall_time(int host);
void look_soon(int host, double ms);
const struct ft_plan *plan_of(enum ft_role role);

/* qemu.c */
void qemu_happens(const struct happening *h);
void qemu_start(int host, enum ft_role mode);
void qemu_boot(int host);    /* a guest of its own */
void qemu_protect(int host); /* a survivor becomes the primary of a new pair */
void qemu_kill(int host);
void qemu_signal_stop(int host);
void qemu_signal_cont(int host);
void qemu_hang(int host, bool hung);
void qemu_block(int host, double ms, bool killed);
void qemu_end(int host, enum ft_ending how);
void qemu_probe(int host);
bool qemu_answers(int host, enum ft_channel channel);
bool runs_as_master(int host);
void colo_close(void);
void colo_closes(int host); /* host's QEMU will find out */
void sentinel_wakes(int host, struct sentinel *s);
void sentinel_lease(int host, int64_t lease, uint64_t instance);

/* hosts.c */
void host_crash(int host);
void disk_settles(int host, bool crash); /* who wrote it has died */
void disk_keeps(struct disk *d, const struct kept_outcome *o);
void host_happens(const struct happening *h);
void unit_hears(int host, bool may, const char *why); /* the answer */

/* faults.c */
#define FAULT(kind) (UINT64_C(1) << (kind))
#define ALL_FAULTS  (FAULT(FAULT_KINDS) - 1)
void faults_plan(void);
/* Whether what happens here is what an arbiter of type none still excludes two masters in. */
bool faults_are_harmless(void);
/* A list with commas, as in the histories; false: one of them is unknown, or given twice. */
bool faults_named(const char *names, uint64_t *kinds);
void fault_happens(const struct happening *h);
void faults_at_start(void);
/* Whether the faults of this run are a crash of this host, after deaths of its ftd, and an attacker, and no more. */
bool faults_are_a_crash(int host);
/* Whether they are ends of ftd, and an attacker, and no more. */
bool faults_are_restarts(void);
bool faults_forge_icmp(void);
void heal(void);
extern const char *const fault_names[FAULT_KINDS];

/* person.c */
void person_plan(void);
void person_vouches(const struct fault *f, const struct happening *h);
bool person_keeps_down(int host); /* the host */
bool person_keeps_off(int host);  /* its guest */
void person_heals(void);
bool is_order(enum ft_cause cause);

/* situations.c */
void situations_plan(void);
void situation_begins(struct fault *f, int which);
void situation_ends(const struct fault *f);
void situations_heal(void);

/* deaths.c */
void deaths_plan(void);
/* Kinds of faults which deaths at boundaries are to meet in this world; 0: as they come. */
uint64_t death_theme(void);
/* The core is about to be told this. */
void death_hears_of(int host, const struct ft_event *e);
void death_strikes(int host);

/* arbiter.c */
void arbiter_ask(int host, const struct ft_action *a);
void arbiter_fence(int host); /* the fence behind a register */
void arbiter_arrives(const struct happening *h);
void arbiter_mark(int host);
void arbiter_remember(int host, bool sure);
void arbiter_remembers(const struct happening *h);
void arbiter_marks(const struct happening *h);
uint64_t arbiter_found(uint32_t mark);
void arbiter_reads_stale(double back_ms);
void arbiter_shoots(const struct happening *h);
const struct registration *arbiter_find(const uint8_t id[FT_SESSION_BYTES]);
const struct registration *arbiter_verdict(const uint8_t id[FT_SESSION_BYTES]);

/* digest.c */
void digest_begins(struct digest *d);
void digest_takes(struct digest *d, int host, const struct ft_event *e, int64_t now, const struct ft_actions *out);

/* attacker.c */
void attacker_hears(int from, int link, const uint8_t *data, size_t len);
void attacker_sends(const struct happening *h);
void attack(int host);
void attacker_plays(const struct happening *h);
void attacker_floods(void);
void attacker_forges(int host);

/* laws.c */
extern const char *const world_spins; /* the one law that ends a world even where it is not judged */
void law_broken(const char *law);
void laws_after_event(void);
void laws_before_record(int host, const struct ft_outcome *o);
void laws_after_outcome(int host, const struct ft_action *a);
void laws_before_crash(int host);
void laws_before_fence(int host);
void laws_before_loss(int host);
void laws_before_act(int host, const struct ft_action *a);
void laws_before_kill(int host);
void laws_after_step(int host, const struct ft_actions *out);
void laws_after_write(int host);
bool laws_settled(void);
void laws_at_end(void);

#endif
