/* See may_start.h. */
#include "ctl/may_start.h"

#include "base/clock.h"
#include "ctl/client.h"
#include "process/instance.h"
#include "store/lock.h"
#include "store/session_file.h"
#include "store/writer.h"

#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STORE_MS  10000
#define DAEMON_MS 25000 /* longer than ftd keeps the question open, so that its word comes first */

enum { YES = 0, NO = 1, SILENT = 3 };

#define VOUCH "if the other host is known to be powered off, say so: ftctl may-start --confirm-fenced"

struct question {
	const struct ft_config *config;
	const struct ft_ask_arbiter *arbiter;
	bool fresh, confirmed;
	bool unread; /* the verdict is out of reach, and a person vouches */
	int64_t asked_at;
	struct ft_session session;
	char *why; /* FT_MAY_START_MAX */
};

static bool answer(const struct question *q, bool may, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool answer(const struct question *q, bool may, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(q->why, FT_MAY_START_MAX, format, args);
	va_end(args);
	return may;
}

/* ---- storing ---- */

struct stored {
	struct event_base *base;
	char *error; /* FT_MAY_START_MAX */
};

static void on_stored(void *arg, const char *error)
{
	struct stored *s = arg;
	snprintf(s->error, FT_MAY_START_MAX, "%s", error);
	event_base_loopexit(s->base, NULL);
}

/* Returns whether text is on disk; else error says why not. */
static bool write_session(const char *state_dir, const char *text, char error[FT_MAY_START_MAX])
{
	struct stored s = {.base = event_base_new(), .error = error};
	struct ft_writer *writer = s.base ? ft_writer_new(s.base, state_dir, stderr) : NULL;
	snprintf(error, FT_MAY_START_MAX, "%s/%s: no process could be started to write it", state_dir, FT_SESSION_FILE);
	if (writer) {
		ft_writer_replace(writer, FT_SESSION_FILE, text, strlen(text), STORE_MS, on_stored, &s);
		event_base_dispatch(s.base);
	}
	ft_writer_free(writer, 0);
	if (s.base)
		event_base_free(s.base);
	return error[0] == '\0';
}

static bool store_ended(struct question *q, const char *winner, enum ft_title title, char error[FT_MAY_START_MAX])
{
	q->session.stage = FT_SESSION_ENDED;
	q->session.title = title;
	snprintf(q->session.winner, sizeof(q->session.winner), "%s", winner);
	char *text = ft_session_file_text(&q->session, q->config->pair, q->config->node);
	snprintf(error, FT_MAY_START_MAX, "the session cannot be put into words: out of memory");
	bool stored = text && write_session(q->config->state_dir, text, error);
	free(text);
	return stored;
}

/* ---- what follows from what the register says ---- */

static bool ended_by_us(struct question *q, const char *how)
{
	char error[FT_MAY_START_MAX];
	if (store_ended(q, q->config->node, FT_TITLE_REGISTER, error))
		return answer(q, true, "yes: %s", how);
	return answer(q, false, "no: %s, but that could not be stored: %.400s; mend this and ask again", how, error);
}

/* The answer is no whether this can be stored or not: the register says the same again. */
static bool is_the_others(struct question *q, const char *other, enum ft_title title, const char *how)
{
	char error[FT_MAY_START_MAX], by[FT_NAME_MAX];
	snprintf(by, sizeof(by), "%s", other);
	bool stored = store_ended(q, by, title, error);
	return answer(q, false, "no: %s %s; start it here as its secondary%s%.400s", by, how,
	              stored ? "" : "; this could not be stored: ", stored ? "" : error);
}

static bool ended_by_other(struct question *q, const char *winner)
{
	return is_the_others(q, winner, FT_TITLE_REGISTER, "has ended the session and runs the VM");
}

static bool vouched_for(struct question *q, const char *because)
{
	return answer(q, true,
	              "yes, on a person's word that the other host is off: %s; keep it off until ftctl status here "
	              "shows this side protected or solo",
	              because);
}

/* A right that was drawn from an acknowledgement of ours is over one detection time after the last one: that under which
 * the session was bound, on both sides, or ours of today, which it may have been since. */
static void wait_for_earlier_rights(const struct question *q)
{
	const struct ft_config *c = q->config;
	int64_t ours = (int64_t)c->heartbeat.interval_ms * c->heartbeat.lost_after, bound = q->session.window_ms;
	int64_t ms = (bound > ours ? bound : ours) + c->guard_ms, until = q->asked_at + ms * FT_NS_PER_MS;
	for (int64_t left; (left = until - ft_clock_now()) > 0;)
		poll(NULL, 0, (int)(left / FT_NS_PER_MS) + 1);
}

/* Whether this host's win is known to be no licence, or not known to be one; then it is answered. */
static bool verdict_forbids(struct question *q)
{
	char winner[FT_NAME_MAX] = "", error[FT_TEXT_MAX] = "";
	if (q->config->arbiter.type == FT_ARBITER_FENCE)
		return false;
	switch (q->arbiter->verdict(q->arbiter->arg, &q->session, winner, error)) {
	case FT_CLAIM_NOT_NEEDED: /* nobody's guest was seen to run by it */
		if (!q->session.given_before || q->confirmed)
			return false;
		answer(q, false,
		       "no: this host ended the last session after the guest had been %s's, which may run it; start "
		       "ftd, which asks the other side, or, " VOUCH,
		       q->session.peer);
		return true;
	case FT_CLAIM_WON:
		return false;
	case FT_CLAIM_LOST:
		if (strcmp(winner, q->config->node) == 0)
			return false;
		is_the_others(q, winner, FT_TITLE_RETURNED,
		              "has the guest by the verdict of the session, which this host had won before");
		return true;
	case FT_CLAIM_UNREACHABLE:
	case FT_CLAIM_COUNT:
		break;
	}
	q->unread = q->confirmed;
	if (q->confirmed)
		return false;
	answer(q, false,
	       "no: this host has ended the last session, but whether the guest is its own still only the arbiter "
	       "knows, and that is out of reach: %s; mend this and ask again, or, " VOUCH,
	       error);
	return true;
}

/* A primary that was not ours may run on beyond its right where its ftd and its sentinel were killed in one blow. */
static bool won(struct question *q)
{
	char error[FT_TEXT_MAX];
	if (verdict_forbids(q)) /* before the other host is powered off: it may run the guest */
		return false;
	bool open = q->session.stage == FT_SESSION_BOUND || q->session.title == FT_TITLE_FOUND;
	bool may_run = (open && q->session.role == FT_ROLE_SECONDARY) || q->session.title == FT_TITLE_UNFENCED;
	may_run = may_run && !q->confirmed;
	if (may_run && q->arbiter->fence && !q->arbiter->fence(q->arbiter->arg, error))
		return answer(q, false,
		              "no: the claim is won, but the other host cannot be powered off: %s; mend this and ask "
		              "again, or, " VOUCH,
		              error);
	return ended_by_us(q, "this host has ended the last session");
}

static bool won_before(struct question *q)
{
	if (q->config->arbiter.type == FT_ARBITER_FENCE && !q->confirmed)
		return answer(
		    q, false,
		    "no: this host has ended the last session, but %s may have been given the guest since, and the "
		    "arbiter type fence keeps no register to ask; start ftd, which asks the other side, or, " VOUCH,
		    q->session.peer);
	if (verdict_forbids(q))
		return false;
	return q->unread ? vouched_for(q, "the arbiter is out of reach")
	                 : answer(q, true, "yes: this host has ended the last session");
}

static bool claim(struct question *q)
{
	char winner[FT_NAME_MAX] = "", error[FT_TEXT_MAX] = "";
	wait_for_earlier_rights(q);
	switch (q->arbiter->claim(q->arbiter->arg, &q->session, q->config->node, winner, error)) {
	case FT_CLAIM_WON:
		return won(q);
	case FT_CLAIM_LOST:
		return ended_by_other(q, winner);
	case FT_CLAIM_NOT_NEEDED:
	case FT_CLAIM_UNREACHABLE:
	case FT_CLAIM_COUNT:
		break;
	}
	if (q->confirmed)
		return vouched_for(q, "the arbiter is out of reach");
	return answer(q, false, "no: the arbiter is out of reach: %s; mend this and ask again, or, " VOUCH, error);
}

static bool read_register(struct question *q)
{
	char winner[FT_NAME_MAX] = "", error[FT_TEXT_MAX] = "";
	enum ft_claim what = q->arbiter->read(q->arbiter->arg, &q->session, winner, error);
	bool ours = what == FT_CLAIM_LOST && strcmp(winner, q->config->node) == 0;
	if (what == FT_CLAIM_LOST && !ours)
		return ended_by_other(q, winner);
	if (q->confirmed) /* so that the other side finds it ended when it comes back */
		return claim(q);
	/* A claim of ours that was given up can have landed before the right was given away by word, and that outlives it. */
	if (ours || what == FT_CLAIM_NOT_NEEDED)
		return answer(q, false, "no: this host has given the session up, and %s may go on with it; " VOUCH,
		              q->session.peer);
	return answer(q, false, "no: the arbiter is out of reach: %s; mend this and ask again, or, " VOUCH, error);
}

/* ---- the question ---- */

/* No register, and a claim is no question but a deed. */
static bool ask_person(struct question *q)
{
	if (q->confirmed)
		return ended_by_us(q, "a person vouches that the other host is off");
	return answer(q, false,
	              "no: the last session with %s is not known to have ended, and the arbiter type fence keeps no "
	              "register to ask; " VOUCH,
	              q->session.peer);
}

static bool ask_arbiter(struct question *q)
{
	if (q->config->arbiter.type == FT_ARBITER_FENCE)
		return ask_person(q);
	if (q->session.stage == FT_SESSION_RESIGNED)
		return read_register(q);
	if (q->session.stage == FT_SESSION_RELEASED && q->session.role == FT_ROLE_SECONDARY && !q->confirmed)
		return answer(
		    q, false,
		    "no: %s was the primary when one ftd was stopped, and may run its VM without one; start ftd "
		    "on both hosts, or, " VOUCH,
		    q->session.peer);
	return claim(q);
}

/* The lock says whether an ftd was here, and the arbiter whether one of this pair was anywhere. */
static bool without_session(struct question *q)
{
	char node[FT_NAME_MAX] = "", error[FT_TEXT_MAX] = "";
	uint64_t epoch;
	if (q->confirmed)
		return vouched_for(q, "no session is known here");
	if (q->fresh && q->config->arbiter.type == FT_ARBITER_FENCE)
		return answer(q, true, "yes: no session is known here");
	enum ft_claim said = FT_CLAIM_COUNT;
	if (q->fresh)
		said = q->arbiter->remember(q->arbiter->arg, "", &epoch, node, error);
	switch (said) {
	case FT_CLAIM_NOT_NEEDED:
		return answer(q, true, "yes: no session is known here");
	case FT_CLAIM_LOST:
		return answer(
		    q, false,
		    "no: no session is known here, but %s has left its mark at the arbiter: one of this pair has "
		    "been lost; start ftd, which asks the other side, or, " VOUCH,
		    node);
	case FT_CLAIM_UNREACHABLE:
		return answer(
		    q, false,
		    "no: no session is known here, and the arbiter, which may know one, is out of reach: %s; mend "
		    "this and ask again, or, " VOUCH,
		    error);
	case FT_CLAIM_WON:
	case FT_CLAIM_COUNT:
		break;
	}
	return answer(q, false,
	              "no: no session is known here, but ftd was here before: one may have been lost; start ftd, which "
	              "asks the other side, or, " VOUCH);
}

/* By what the arbiter remembers, state_dir is an old copy, put back.  One that is out of reach knows nothing: where it is
 * needed, that is found next. */
static bool is_outdated(struct question *q)
{
	char node[FT_NAME_MAX] = "", error[FT_TEXT_MAX] = "";
	uint64_t epoch = 0;
	bool known = q->session.stage != FT_SESSION_NONE && q->session.stage != FT_SESSION_UNKNOWN;
	if (!known || q->confirmed || q->config->arbiter.type == FT_ARBITER_FENCE)
		return false;
	enum ft_claim said = q->arbiter->remember(q->arbiter->arg, q->session.peer, &epoch, node, error);
	if (said != FT_CLAIM_LOST || epoch <= q->session.epoch)
		return false;
	answer(
	    q, false,
	    "no: by the mark of %s at the arbiter there was a session %llu of this pair, and this host knows no later "
	    "one than %llu: its state_dir is an old copy; start ftd, which asks the other side, or, " VOUCH,
	    node, (unsigned long long)epoch, (unsigned long long)q->session.epoch);
	return true;
}

static bool judge(struct question *q, const char *fault)
{
	pid_t running = q->session.instance ? ft_instance_find(q->session.instance) : 0;
	running = running == 0 && q->session.yielded ? ft_instance_find(q->session.yielded) : running;
	if (running)
		return answer(q, false, "no: the VM's QEMU of the last session is still here, process %d; end it first",
		              (int)running);
	if (is_outdated(q))
		return false;
	if (q->session.yielded && !q->confirmed)
		return answer(
		    q, false,
		    "no: this host has given the guest to %s since its last session, and it may run there; start "
		    "ftd, which asks the other side, or, " VOUCH,
		    q->session.peer);
	switch (q->session.stage) {
	case FT_SESSION_NONE:
		return without_session(q);
	case FT_SESSION_BOUND:
	case FT_SESSION_RELEASED:
	case FT_SESSION_RESIGNED:
		return ask_arbiter(q);
	case FT_SESSION_ENDED:
		switch (q->session.title) {
		case FT_TITLE_WORD:
		case FT_TITLE_FOUND:
		case FT_TITLE_UNFENCED:
			return claim(q);
		case FT_TITLE_REGISTER:
		case FT_TITLE_RETURNED:
		case FT_TITLE_REGAINED:
		case FT_TITLE_COUNT:
			break;
		}
		if (strcmp(q->session.winner, q->config->node) == 0)
			return won_before(q);
		return answer(q, false, "no: %s has ended the session and runs the VM; start it here as its secondary",
		              q->session.winner);
	case FT_SESSION_UNKNOWN:
	case FT_SESSION_STAGE_COUNT:
		break;
	}
	if (!fault[0]) /* it was written so, beside what was given */
		fault = "the last session here could not be read";
	return q->confirmed ? vouched_for(q, fault) : answer(q, false, "no: %s; or, " VOUCH, fault);
}

bool ft_may_start_judge(const struct ft_config *config, const struct ft_ask_arbiter *arbiter, bool fresh,
                        bool confirm_fenced, char why[FT_MAY_START_MAX])
{
	struct question q = {
	    .config = config,
	    .arbiter = arbiter,
	    .fresh = fresh,
	    .confirmed = confirm_fenced,
	    .asked_at = ft_clock_now(),
	};
	char fault[FT_SESSION_FILE_ERROR_MAX];
	q.why = why;
	if (!arbiter)
		return answer(&q, true, "yes, but the arbiter type is none: nothing excludes two masters");
	ft_session_file_read(config->state_dir, config->pair, config->node, &q.session, fault);
	return judge(&q, fault);
}

/* ---- who answers it ---- */

int ft_may_start_ask(const char *socket, bool confirm_fenced, char why[FT_MAY_START_MAX])
{
	char error[FT_CLIENT_ERROR_MAX];
	json_t *answer, *request = json_pack("{s:s, s:b}", "verb", "may-start", "confirm_fenced", confirm_fenced);
	enum ft_asked asked = ft_client_ask(socket, request, DAEMON_MS, &answer, error);
	json_decref(request);
	if (asked != FT_ASKED_OK) {
		snprintf(why, FT_MAY_START_MAX, "%s", error);
		return asked == FT_ASKED_NO_DAEMON ? SILENT : NO;
	}
	int code = json_integer_value(json_object_get(answer, "code")) == YES ? YES : NO;
	const char *reason = json_string_value(json_object_get(answer, code == YES ? "result" : "error"));
	snprintf(why, FT_MAY_START_MAX, "%s", reason ? reason : code == YES ? "yes" : "no");
	json_decref(answer);
	return code;
}

static int judge_locked(const struct ft_config *config, bool fresh, bool confirm_fenced, char why[FT_MAY_START_MAX],
                        FILE *errors)
{
	struct ft_ask_arbiter arbiter = {0};
	bool arbitrated = config->arbiter.type != FT_ARBITER_NONE;
	if (arbitrated && ft_ask_arbiter_open(&config->arbiter, &arbiter, errors) != 0)
		return NO;
	bool may = ft_may_start_judge(config, arbitrated ? &arbiter : NULL, fresh, confirm_fenced, why);
	ft_ask_arbiter_close(&arbiter);
	return may ? YES : NO;
}

int ft_may_start(const struct ft_config *config, bool confirm_fenced, char why[FT_MAY_START_MAX])
{
	char faults[FT_MAY_START_MAX] = "", answer[FT_MAY_START_MAX] = "";
	FILE *errors = fmemopen(faults, sizeof(faults) - 1, "w");
	if (!errors)
		abort();
	setvbuf(errors, NULL, _IONBF, 0);
	bool fresh;
	int code, lock = ft_lock_state_dir(config->state_dir, &fresh, errors);
	if (lock < 0) {
		code = ft_may_start_ask(config->control_socket, confirm_fenced, answer);
	} else {
		code = judge_locked(config, fresh, confirm_fenced, answer, errors);
		ft_unlock_state_dir(lock, fresh);
	}
	fclose(errors);
	/* An answer of the daemon's says it all; that somebody held the lock is news only beside its silence. */
	bool faults_matter = lock >= 0 || code == SILENT;
	snprintf(why, FT_MAY_START_MAX, "%.300s%.700s", faults_matter ? faults : "", answer);
	return code;
}
