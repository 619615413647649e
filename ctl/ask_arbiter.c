/* See ask_arbiter.h. */
#include "ctl/ask_arbiter.h"

#include "arbiter/arbiter.h"
#include "arbiter/fence.h"

#include <event2/event.h>
#include <stdlib.h>

struct asker {
	struct event_base *base;
	struct ft_arbiter *arbiter;
	struct ft_fence *fence; /* behind a won claim; NULL: none */
	enum ft_claim answer;
	uint64_t epoch;
	char *winner, *error; /* the caller's; FT_NAME_MAX, FT_TEXT_MAX */
};

static void answered(struct asker *a, enum ft_claim what, const char *winner, const char *error)
{
	a->answer = what;
	snprintf(a->winner, FT_NAME_MAX, "%s", winner);
	snprintf(a->error, FT_TEXT_MAX, "%s", error);
	event_base_loopbreak(a->base);
}

static void on_claimed(void *arg, enum ft_claim result, const char *winner, const char *error)
{
	answered(arg, result, winner, error);
}

static void on_looked(void *arg, enum ft_register what, const char *name, const char *error)
{
	static const enum ft_claim means[] = {
	    [FT_REGISTER_UNKNOWN] = FT_CLAIM_UNREACHABLE,
	    [FT_REGISTER_ABSENT] = FT_CLAIM_NOT_NEEDED,
	    [FT_REGISTER_TAKEN] = FT_CLAIM_LOST,
	};
	answered(arg, means[what], name, error);
}

static void on_remembered(void *arg, enum ft_register what, uint64_t epoch, const char *node, const char *error)
{
	struct asker *a = arg;
	a->epoch = epoch;
	on_looked(arg, what, node, error);
}

static void on_fenced(void *arg, const char *fault, const char *last_line)
{
	(void)last_line;
	answered(arg, fault[0] ? FT_CLAIM_UNREACHABLE : FT_CLAIM_WON, "", fault);
}

static enum ft_claim await_answer(struct asker *a)
{
	if (event_base_dispatch(a->base) != 0)
		answered(a, FT_CLAIM_UNREACHABLE, "", "the event loop failed");
	return a->answer;
}

/* Where the answer of the question to come belongs. */
static struct asker *prepare(void *arg, char *winner, char *error)
{
	struct asker *a = arg;
	a->winner = winner;
	a->error = error;
	return a;
}

static enum ft_claim claim(void *arg, const struct ft_session *session, const char *node, char winner[FT_NAME_MAX],
                           char error[FT_TEXT_MAX])
{
	struct asker *a = prepare(arg, winner, error);
	ft_arbiter_meet(a->arbiter, session->peer);
	ft_arbiter_claim(a->arbiter, session->id, node, on_claimed, a);
	return await_answer(a);
}

static enum ft_claim read_register(void *arg, const struct ft_session *session, char winner[FT_NAME_MAX],
                                   char error[FT_TEXT_MAX])
{
	struct asker *a = prepare(arg, winner, error);
	ft_arbiter_meet(a->arbiter, session->peer);
	ft_arbiter_read(a->arbiter, session->id, true, on_looked, a);
	return await_answer(a);
}

static enum ft_claim read_verdict(void *arg, const struct ft_session *session, char winner[FT_NAME_MAX],
                                  char error[FT_TEXT_MAX])
{
	struct asker *a = prepare(arg, winner, error);
	ft_arbiter_meet(a->arbiter, session->peer);
	ft_arbiter_read_verdict(a->arbiter, session->id, on_looked, a);
	return await_answer(a);
}

static enum ft_claim remember(void *arg, const char *peer, uint64_t *epoch, char winner[FT_NAME_MAX],
                              char error[FT_TEXT_MAX])
{
	struct asker *a = prepare(arg, winner, error);
	ft_arbiter_meet(a->arbiter, peer);
	ft_arbiter_remember(a->arbiter, on_remembered, a);
	enum ft_claim said = await_answer(a);
	*epoch = a->epoch;
	return said;
}

static bool fence(void *arg, char error[FT_TEXT_MAX])
{
	char nobody[FT_NAME_MAX];
	struct asker *a = prepare(arg, nobody, error);
	ft_fence_run(a->fence, FT_FENCE_OFF, on_fenced, a);
	return await_answer(a) == FT_CLAIM_WON;
}

int ft_ask_arbiter_open(const struct ft_arbiter_settings *settings, struct ft_ask_arbiter *out, FILE *errors)
{
	struct asker *a = calloc(1, sizeof(*a));
	if (!a || !(a->base = event_base_new()))
		abort();
	bool behind = settings->type != FT_ARBITER_FENCE && settings->fence.agent[0];
	*out = (struct ft_ask_arbiter){.arg = a,
	                               .claim = claim,
	                               .read = read_register,
	                               .verdict = read_verdict,
	                               .remember = remember,
	                               .fence = behind ? fence : NULL};
	a->arbiter = ft_arbiter_new(a->base, settings, errors);
	a->fence = behind ? ft_fence_new(a->base, &settings->fence, errors) : NULL;
	if (a->arbiter && (a->fence || !behind))
		return 0;
	ft_ask_arbiter_close(out);
	return -1;
}

void ft_ask_arbiter_close(struct ft_ask_arbiter *a)
{
	struct asker *asker = a->arg;
	if (!asker)
		return;
	ft_arbiter_free(asker->arbiter);
	ft_fence_free(asker->fence);
	event_base_free(asker->base);
	free(asker);
	a->arg = NULL;
}
