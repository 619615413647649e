/* See may_start.h. */
#include "ctl/may_start.h"

#include "ctl/alone.h"
#include "ctl/client.h"
#include "process/instance.h"
#include "store/lock.h"
#include "store/session_file.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define DAEMON_MS   ((int)(FT_MAY_START_NS / FT_NS_PER_MS) + 5000) /* so that ftd's word comes first */
#define PENDING_MAX 8                                              /* one of each kind may be under way */

enum { YES = 0, NO = 1, SILENT = 3 };

struct question {
	const struct ft_doer *doer;
	struct ft_core *core;
	int n_pending;
	struct ft_action pending[PENDING_MAX];
	char fault[FT_TEXT_MAX]; /* of whoever failed last, "" none */
};

/* ---- a core without an ftd around it ---- */

/* What is done outside of the core; the rest is for a log, a peer or a QEMU, and there is none. */
static bool is_outside(enum ft_action_kind kind)
{
	return kind == FT_DO_STORE || kind == FT_DO_CLAIM || kind == FT_DO_READ || kind == FT_DO_REMEMBER ||
	       kind == FT_DO_FENCE;
}

static void step(struct question *q, const struct ft_event *e)
{
	static struct ft_actions out;
	ft_core_step(q->core, e, q->doer->now(q->doer->arg), &out);
	for (int i = 0; i < out.n; i++)
		if (is_outside(out.a[i].kind)) {
			assert(q->n_pending < PENDING_MAX);
			q->pending[q->n_pending++] = out.a[i];
		}
}

/* In their order, and what follows from each answer behind them. */
static void do_next(struct question *q)
{
	struct ft_action a = q->pending[0];
	memmove(q->pending, q->pending + 1, (size_t)--q->n_pending * sizeof a);
	struct ft_event answer = q->doer->act(q->doer->arg, q->core, &a);
	if (answer.error || answer.claim == FT_CLAIM_UNREACHABLE)
		snprintf(q->fault, sizeof q->fault, "%s", answer.text);
	step(q, &answer);
}

static enum ft_alone ask(struct question *q, bool confirmed, char why[FT_TEXT_MAX])
{
	const struct ft_doer *d = q->doer;
	int64_t until = ft_alone_until(q->core);
	enum ft_alone answer;
	step(q, &(struct ft_event){.kind = FT_EVENT_WANT_START, .confirmed = confirmed});
	while ((answer = ft_alone_answer(q->core, d->now(d->arg), why)) == FT_ALONE_OPEN)
		if (q->n_pending > 0) {
			do_next(q);
		} else {
			int64_t at = ft_core_deadline(q->core);
			d->wait(d->arg, at < until ? at : until);
			step(q, &(struct ft_event){.kind = FT_EVENT_TIME});
		}
	return answer;
}

/* ---- the judgement ---- */

/* The session's, frozen or not. */
static pid_t find_qemu(const struct ft_session *s)
{
	pid_t pid = s->instance ? ft_instance_find(s->instance) : 0;
	return pid == 0 && s->yielded ? ft_instance_find(s->yielded) : pid;
}

static void add(char why[FT_MAY_START_MAX], const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(char why[FT_MAY_START_MAX], const char *format, ...)
{
	size_t len = strlen(why);
	va_list args;
	va_start(args, format);
	vsnprintf(why + len, FT_MAY_START_MAX - len, format, args);
	va_end(args);
}

bool ft_may_start_judge(const struct ft_config *config, const struct ft_doer *doer, const struct ft_session *session,
                        const char *fault, bool fresh, bool confirm_fenced, char why[FT_MAY_START_MAX])
{
	struct ft_core *core = malloc(sizeof *core);
	struct question q = {.doer = doer, .core = core};
	struct ft_core_params params = ft_config_core(config);
	char said[FT_TEXT_MAX];
	if (!core)
		abort();
	params.session = *session;
	params.fresh = fresh;
	ft_core_init(core, &params, doer->now(doer->arg));
	pid_t qemu = find_qemu(session);
	if (qemu == 0)
		step(&q,
		     &(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &(struct ft_qemu_facts){.vm = FT_VM_ABSENT}});
	enum ft_alone answer = ask(&q, confirm_fenced, said);
	snprintf(why, FT_MAY_START_MAX, "%s: %s", answer == FT_ALONE_YES ? "yes" : "no", said);
	if (qemu != 0)
		add(why, ": process %d, that of the last session; end it first", (int)qemu);
	else if (answer == FT_ALONE_IN_VAIN && q.fault[0])
		add(why, ": %s", q.fault);
	else if (answer == FT_ALONE_NO && fault[0])
		add(why, ": %s", fault);
	if (core->session.peer[0])
		add(why, " (session %llu, with %s)", (unsigned long long)core->session.epoch, core->session.peer);
	free(core);
	return answer == FT_ALONE_YES;
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
	struct ft_session session;
	struct ft_doer doer;
	char fault[FT_SESSION_FILE_ERROR_MAX];
	ft_session_file_read(config->state_dir, config->pair, config->node, &session, fault);
	if (ft_doer_open(config, session.peer, &doer, errors) != 0)
		return NO;
	bool may = ft_may_start_judge(config, &doer, &session, fault, fresh, confirm_fenced, why);
	ft_doer_close(&doer);
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
