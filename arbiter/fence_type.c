/* Arbiter type "fence": whoever has powered the other host off has won.
 * Knows: what a run's end means for a claim.  Must not know: how an agent is run (fence.c).
 *
 * There is no register: a claim repeated powers off again, and who won cannot be asked. */
#include "arbiter/fence.h"
#include "arbiter/internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NO_REGISTER "a fence keeps no register; nobody but the two hosts knows who has won"

struct fencer {
	struct ft_arbiter *front;
	struct ft_fence *off, *status; /* apart, so that a check never stands in the way of a claim */
	struct ft_ask claim;
	enum ft_question status_asked; /* one of the two at a time */
};

static void *fencer_open(struct ft_arbiter *front, struct event_base *base, const struct ft_arbiter_settings *settings,
                         FILE *errors)
{
	struct ft_fence *off = ft_fence_new(base, &settings->fence, errors);

	if (off == NULL)
		return NULL;
	struct fencer *self = calloc(1, sizeof(*self));
	if (self == NULL)
		abort();
	self->front = front;
	self->off = off;
	self->status = ft_fence_new(base, &settings->fence, errors);
	if (self->status != NULL)
		return self;
	ft_fence_free(off);
	free(self);
	return NULL;
}

static void on_off(void *arg, const char *fault, const char *last_line)
{
	struct fencer *self = arg;
	struct ft_told told = {.what = FT_REGISTER_TAKEN};

	(void)last_line;
	if (fault[0] != '\0')
		ft_told_fail(&told, "%s", fault);
	else
		strcpy(told.name, self->claim.name);
	ft_arbiter_tell(self->front, FT_ASK_CLAIM, &told);
}

static void on_status(void *arg, const char *fault, const char *last_line)
{
	struct fencer *self = arg;
	struct ft_told told = {.what = FT_REGISTER_TAKEN};
	bool off;

	if (!ft_fence_reached(fault, last_line, &off))
		ft_told_fail(&told, "%s", fault);
	else if (off)
		(void)snprintf(told.warning, sizeof(told.warning), FT_FENCE_IS_OFF);
	ft_arbiter_tell(self->front, self->status_asked, &told);
}

static void fencer_ask(void *arg, const struct ft_ask *ask)
{
	struct fencer *self = arg;
	struct ft_told told = {0};

	switch (ask->question) {
	case FT_ASK_CLAIM:
		self->claim = *ask;
		ft_fence_run(self->off, FT_FENCE_OFF, on_off, self);
		return;
	case FT_ASK_CHECK:
	case FT_ASK_REACH:
		self->status_asked = ask->question;
		ft_fence_run(self->status, FT_FENCE_STATUS, on_status, self);
		return;
	case FT_ASK_READ:
	case FT_ASK_MARK:
	case FT_ASK_PAST:
		ft_told_fail(&told, "%s", NO_REGISTER);
		ft_arbiter_tell(self->front, ask->question, &told);
		return;
	case FT_QUESTIONS:
		break;
	}
	assert(false);
}

static void fencer_abandon(void *arg, enum ft_question question, char why[FT_ARBITER_TEXT_MAX])
{
	struct fencer *self = arg;

	ft_fence_cancel(question == FT_ASK_CLAIM ? self->off : self->status);
	(void)snprintf(why, FT_ARBITER_TEXT_MAX, "the fence agent was not done in time, killed%s",
	               question == FT_ASK_CLAIM ? FT_FENCE_IN_DOUBT : "");
}

static void fencer_close(void *arg)
{
	struct fencer *self = arg;

	ft_fence_free(self->off);
	ft_fence_free(self->status);
	free(self);
}

static void fencer_reserve(void *arg)
{
	const struct fencer *self = arg;

	ft_fence_reserve(self->off);
}

static bool fencer_reserved(const void *arg)
{
	const struct fencer *self = arg;

	return ft_fence_reserved(self->off);
}

const struct ft_arbiter_ops ft_arbiter_fence_ops = {.open = fencer_open,
                                                    .ask = fencer_ask,
                                                    .abandon = fencer_abandon,
                                                    .reserve = fencer_reserve,
                                                    .reserved = fencer_reserved,
                                                    .close = fencer_close};
