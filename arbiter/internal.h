/* What the files of this room share.  Nobody outside arbiter/ includes it.
 *
 *   front.c        every arbiter: one slot for each kind of question, its deadline, who won
 *   file.c         type file: runs register.c in a child process
 *   register.c     the register as a file; blocks
 *   etcd.c         type etcd: which endpoint is asked what, and when
 *   etcd_json.c    etcd's requests and answers (pure)
 *   etcd_version.c what a version of etcd means (pure)
 *   http.c         libcurl's multi interface on the event loop
 *   fence_type.c   type fence: a fence agent as the arbiter
 *   fence.c        one run of a fence agent
 *   entry.c        what stands in a register, and in a mark (pure)
 *   arbiter.c      which of the types */
#ifndef FT_ARBITER_INTERNAL_H
#define FT_ARBITER_INTERNAL_H

#include "arbiter/arbiter.h"

#define FT_ARBITER_TEXT_MAX 512 /* an error or a warning, with the NUL */
#define FT_KEY_NAME_MAX     48 /* a register's name, with the NUL: 32 hex digits; "check-" before, or "-verdict" behind */

enum ft_question { FT_ASK_CLAIM = 0, FT_ASK_READ, FT_ASK_CHECK, FT_ASK_REACH, FT_ASK_MARK, FT_ASK_PAST, FT_QUESTIONS };

struct ft_ask {
	enum ft_question question;
	char key[FT_KEY_NAME_MAX]; /* which register; for a check: a scratch register that nobody else uses */
	char name[FT_NAME_MAX];    /* for a claim and a check: whose name to put there */
	uint64_t mark, epoch;      /* for a mark: ours, to be put there */
	bool sure;                 /* for a read: that nobody stands there must not be old */
	int timeout_ms;            /* the front gives up after this */
};

/* What stands in the register now.  Also what a child process writes to its parent, hence no pointers. */
struct ft_told {
	/* Of a check and a mark: TAKEN if all went well, else UNKNOWN; to reach it: anything but UNKNOWN. */
	enum ft_register what;
	uint64_t mark;  /* of a mark: the peer's, 0 none */
	uint64_t epoch; /* of the past, with what TAKEN: the newest that a mark tells; name: whose */
	char name[FT_NAME_MAX];
	char error[FT_ARBITER_TEXT_MAX];   /* unless UNKNOWN: "" */
	char warning[FT_ARBITER_TEXT_MAX]; /* of a check */
};

/* One type of arbiter. */
struct ft_arbiter_ops {
	/* NULL after a line a fault to errors. settings and front outlive what is returned. */
	void *(*open)(struct ft_arbiter *front, struct event_base *base, const struct ft_arbiter_settings *settings,
	              FILE *errors);
	/* Ends in one ft_arbiter_tell, unless abandoned first.  At most one ask of each question at a time. */
	void (*ask)(void *self, const struct ft_ask *ask);
	/* Time is up.  What is under way may go on out there, but is not told any more.  why: what it
	 * was waiting for. */
	void (*abandon)(void *self, enum ft_question question, char why[FT_ARBITER_TEXT_MAX]);
	/* What a claim takes of this host is had ahead from now on, and whether it is; NULL: it takes nothing. */
	void (*reserve)(void *self);
	bool (*reserved)(const void *self);
	void (*close)(void *self); /* all is abandoned by then */
};

extern const struct ft_arbiter_ops ft_arbiter_file_ops, ft_arbiter_etcd_ops, ft_arbiter_fence_ops;

/* An arbiter of that type: as ft_arbiter_new. */
struct ft_arbiter *ft_arbiter_front(struct event_base *base, const struct ft_arbiter_settings *settings,
                                    const struct ft_arbiter_ops *ops, FILE *errors);

/* From anywhere, ask() included: the one who asked hears of it from the event loop. Copies. */
void ft_arbiter_tell(struct ft_arbiter *front, enum ft_question question, const struct ft_told *told);

/* Makes it UNKNOWN, with this error. */
void ft_told_fail(struct ft_told *told, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
