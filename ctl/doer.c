/* See doer.h. */
#include "ctl/doer.h"

#include "arbiter/arbiter.h"
#include "arbiter/fence.h"
#include "base/clock.h"
#include "config/config.h"
#include "store/session_file.h"
#include "store/writer.h"

#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define STORE_MS 10000

struct doer {
	const struct ft_config *config;
	struct event_base *base;
	struct ft_arbiter *arbiter;
	struct ft_fence *fence; /* behind the registers; NULL: none */
	bool answered;
	struct ft_event answer;
	char text[FT_TEXT_MAX];
};

static void answered(struct doer *d, const char *text)
{
	d->answered = true;
	snprintf(d->text, sizeof d->text, "%s", text);
	event_base_loopbreak(d->base);
}

static void on_claimed(void *arg, enum ft_claim result, const char *winner, const char *error)
{
	struct doer *d = arg;
	d->answer.claim = result;
	answered(d, result == FT_CLAIM_UNREACHABLE ? error : winner);
}

static void on_looked(void *arg, enum ft_register what, const char *name, const char *error)
{
	static const enum ft_claim means[] = {
	    [FT_REGISTER_UNKNOWN] = FT_CLAIM_UNREACHABLE,
	    [FT_REGISTER_ABSENT] = FT_CLAIM_NOT_NEEDED,
	    [FT_REGISTER_TAKEN] = FT_CLAIM_LOST,
	};
	struct doer *d = arg;
	d->answer.claim = means[what];
	answered(d, what == FT_REGISTER_UNKNOWN ? error : name);
}

static void on_remembered(void *arg, enum ft_register what, uint64_t epoch, const char *node, const char *error)
{
	struct doer *d = arg;
	d->answer.epoch = epoch;
	on_looked(d, what, node, error);
}

static void on_stored(void *arg, const char *error)
{
	struct doer *d = arg;
	d->answer.error = error[0] != '\0';
	answered(d, error);
}

static void on_fenced(void *arg, const char *fault, const char *last_line)
{
	(void)last_line;
	on_stored(arg, fault);
}

/* ---- the actions ---- */

static void claim(struct doer *d, const struct ft_core *core, const struct ft_action *a)
{
	if (a->verdict)
		ft_arbiter_put_verdict(d->arbiter, core->claim_id, a->text, on_claimed, d);
	else if (d->config->arbiter.type == FT_ARBITER_FENCE && !a->fence)
		on_claimed(d, FT_CLAIM_WON, a->text, ""); /* it keeps no register, and would power the other host off */
	else
		ft_arbiter_claim(d->arbiter, core->claim_id, a->text, on_claimed, d);
}

static void look(struct doer *d, const struct ft_core *core, const struct ft_action *a)
{
	if (a->verdict)
		ft_arbiter_read_verdict(d->arbiter, core->claim_id, on_looked, d);
	else
		ft_arbiter_read(d->arbiter, core->claim_id, a->sure, on_looked, d);
}

static struct ft_writer *store(struct doer *d, const struct ft_session *session)
{
	char *text = ft_session_file_text(session, d->config->pair, d->config->node);
	struct ft_writer *writer = text ? ft_writer_new(d->base, d->config->state_dir, stderr) : NULL;
	if (writer)
		ft_writer_replace(writer, FT_SESSION_FILE, text, strlen(text), STORE_MS, on_stored, d);
	else
		on_stored(d, "no process could be started to write it");
	free(text);
	return writer;
}

static enum ft_event_kind answer_to(enum ft_action_kind kind)
{
	return kind == FT_DO_STORE      ? FT_EVENT_STORED
	       : kind == FT_DO_CLAIM    ? FT_EVENT_CLAIM
	       : kind == FT_DO_READ     ? FT_EVENT_REGISTER
	       : kind == FT_DO_REMEMBER ? FT_EVENT_REMEMBERED
	                                : FT_EVENT_FENCED;
}

static struct ft_event act(void *arg, const struct ft_core *core, const struct ft_action *a)
{
	struct doer *d = arg;
	struct ft_writer *writer = NULL;
	d->answered = false;
	d->answer = (struct ft_event){.kind = answer_to(a->kind)};
	if (a->kind == FT_DO_STORE)
		writer = store(d, &core->store_next);
	else if (a->kind == FT_DO_CLAIM)
		claim(d, core, a);
	else if (a->kind == FT_DO_READ)
		look(d, core, a);
	else if (a->kind == FT_DO_REMEMBER)
		ft_arbiter_remember(d->arbiter, on_remembered, d);
	else
		ft_fence_run(d->fence, FT_FENCE_OFF, on_fenced, d);
	if (!d->answered && event_base_dispatch(d->base) != 0) {
		d->answer.claim = FT_CLAIM_UNREACHABLE;
		on_stored(d, "the event loop failed");
	}
	ft_writer_free(writer, 0);
	d->answer.text = d->text;
	return d->answer;
}

static int64_t now(void *arg)
{
	(void)arg;
	return ft_clock_now();
}

static void wait_until(void *arg, int64_t until)
{
	for (int64_t left; (left = until - now(arg)) > 0;)
		poll(NULL, 0, (int)(left / FT_NS_PER_MS) + 1);
}

int ft_doer_open(const struct ft_config *config, const char *peer, struct ft_doer *out, FILE *errors)
{
	const struct ft_arbiter_settings *settings = &config->arbiter;
	struct doer *d = calloc(1, sizeof *d);
	if (!d || !(d->base = event_base_new()))
		abort();
	bool asked = settings->type != FT_ARBITER_NONE;
	bool behind = asked && settings->type != FT_ARBITER_FENCE && settings->fence.agent[0];
	*out = (struct ft_doer){.arg = d, .act = act, .now = now, .wait = wait_until};
	d->config = config;
	d->arbiter = asked ? ft_arbiter_new(d->base, settings, errors) : NULL;
	d->fence = behind ? ft_fence_new(d->base, &settings->fence, errors) : NULL;
	if (d->arbiter)
		ft_arbiter_meet(d->arbiter, peer);
	if ((d->arbiter || !asked) && (d->fence || !behind))
		return 0;
	ft_doer_close(out);
	return -1;
}

void ft_doer_close(struct ft_doer *out)
{
	struct doer *d = out->arg;
	if (!d)
		return;
	ft_arbiter_free(d->arbiter);
	ft_fence_free(d->fence);
	event_base_free(d->base);
	free(d);
	out->arg = NULL;
}
