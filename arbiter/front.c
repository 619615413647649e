/* The front of every arbiter; see arbiter.h.
 * Knows: libevent, deadlines, how a register's content makes a winner.  Must not know: where the register is kept. */
#include "arbiter/internal.h"

#include <assert.h>
#include <event2/event.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct slot {
	struct ft_arbiter *front;
	struct event *timer; /* the deadline; made active at once when there is an answer */
	bool asked, answered;
	struct ft_ask ask;
	struct ft_told told;
	union {
		ft_arbiter_claimed *claimed;
		ft_arbiter_looked *looked;
		ft_arbiter_checked *checked;
		ft_arbiter_marked *marked;
		ft_arbiter_remembered *remembered;
	} done;
	void *arg;
};

struct ft_arbiter {
	struct ft_arbiter_settings settings;
	const struct ft_arbiter_ops *ops;
	void *self; /* the type's own */
	struct slot slots[FT_QUESTIONS];
};

void ft_told_fail(struct ft_told *told, const char *format, ...)
{
	va_list args;

	told->what = FT_REGISTER_UNKNOWN;
	told->name[0] = '\0';
	told->mark = told->epoch = 0;
	va_start(args, format);
	(void)vsnprintf(told->error, sizeof(told->error), format, args);
	va_end(args);
}

/* The one place that says who won. */
static void answer_claim(const struct slot *s, const struct ft_told *told)
{
	if (told->what == FT_REGISTER_ABSENT)
		s->done.claimed(s->arg, FT_CLAIM_UNREACHABLE, "", "the register is empty still after the claim");
	else if (told->what == FT_REGISTER_UNKNOWN)
		s->done.claimed(s->arg, FT_CLAIM_UNREACHABLE, "", told->error);
	else if (strcmp(told->name, s->ask.name) == 0)
		s->done.claimed(s->arg, FT_CLAIM_WON, told->name, "");
	else
		s->done.claimed(s->arg, FT_CLAIM_LOST, told->name, "");
}

/* There is an answer, or time is up. */
static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct slot *s = arg;
	struct ft_told told = {0};

	(void)fd;
	(void)what;
	event_del(s->timer);
	if (s->answered) {
		told = s->told;
	} else {
		char why[FT_ARBITER_TEXT_MAX] = "";
		s->front->ops->abandon(s->front->self, s->ask.question, why);
		ft_told_fail(&told, "%s", why);
	}
	s->asked = s->answered = false; /* before done: it may ask again, or free the arbiter */
	switch (s->ask.question) {
	case FT_ASK_CLAIM:
		answer_claim(s, &told);
		return;
	case FT_ASK_READ:
		s->done.looked(s->arg, told.what, told.name, told.error);
		return;
	case FT_ASK_MARK:
		s->done.marked(s->arg, told.mark, told.error);
		return;
	case FT_ASK_PAST:
		s->done.remembered(s->arg, told.what, told.epoch, told.name, told.error);
		return;
	case FT_ASK_CHECK:
		s->done.checked(s->arg, told.what == FT_REGISTER_TAKEN ? "" : told.error, told.warning);
		return;
	case FT_ASK_REACH:
		s->done.checked(s->arg, told.error, "");
		return;
	case FT_QUESTIONS:
		break;
	}
	assert(false);
}

void ft_arbiter_tell(struct ft_arbiter *front, enum ft_question question, const struct ft_told *told)
{
	struct slot *s = &front->slots[question];

	assert(s->asked && !s->answered);
	s->told = *told;
	s->answered = true;
	event_active(s->timer, EV_TIMEOUT, 0);
}

static void ask(struct slot *s)
{
	int ms = ft_arbiter_limit_ms(s->front);
	struct timeval in = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	s->asked = true;
	s->ask.timeout_ms = ms;
	event_add(s->timer, &in);
	s->front->ops->ask(s->front->self, &s->ask);
}

static struct slot *free_slot(struct ft_arbiter *a, enum ft_question question, void *arg)
{
	struct slot *s = &a->slots[question];

	assert(!s->asked);
	memset(&s->ask, 0, sizeof(s->ask));
	s->ask.question = question;
	s->arg = arg;
	return s;
}

void ft_arbiter_reserve(struct ft_arbiter *a)
{
	if (a->ops->reserve != NULL)
		a->ops->reserve(a->self);
}

bool ft_arbiter_reserved(const struct ft_arbiter *a)
{
	return a->ops->reserved == NULL || a->ops->reserved(a->self);
}

void ft_arbiter_meet(struct ft_arbiter *a, const char *peer)
{
	(void)snprintf(a->settings.peer, sizeof(a->settings.peer), "%s", peer);
}

#define REGISTER ""
#define VERDICT  "-verdict"

static void name_key(struct slot *s, const uint8_t session[FT_SESSION_BYTES], const char *which)
{
	char hex[2 * FT_SESSION_BYTES + 1];

	sodium_bin2hex(hex, sizeof(hex), session, FT_SESSION_BYTES);
	(void)snprintf(s->ask.key, sizeof(s->ask.key), "%s%s", hex, which);
}

static void put(struct slot *s, const char *name, ft_arbiter_claimed *done)
{
	assert(name[0] != '\0' && strlen(name) < FT_NAME_MAX);
	(void)snprintf(s->ask.name, sizeof(s->ask.name), "%s", name);
	s->done.claimed = done;
	ask(s);
}

static void look(struct slot *s, ft_arbiter_looked *done)
{
	s->done.looked = done;
	ask(s);
}

void ft_arbiter_claim(struct ft_arbiter *a, const uint8_t session[FT_SESSION_BYTES], const char *name,
                      ft_arbiter_claimed *done, void *arg)
{
	struct slot *s = free_slot(a, FT_ASK_CLAIM, arg);

	name_key(s, session, REGISTER);
	put(s, name, done);
}

void ft_arbiter_read(struct ft_arbiter *a, const uint8_t session[FT_SESSION_BYTES], bool sure, ft_arbiter_looked *done,
                     void *arg)
{
	struct slot *s = free_slot(a, FT_ASK_READ, arg);

	s->ask.sure = sure;
	name_key(s, session, REGISTER);
	look(s, done);
}

void ft_arbiter_put_verdict(struct ft_arbiter *a, const uint8_t session[FT_SESSION_BYTES], const char *name,
                            ft_arbiter_claimed *done, void *arg)
{
	struct slot *s = free_slot(a, FT_ASK_CLAIM, arg);

	name_key(s, session, VERDICT);
	put(s, name, done);
}

void ft_arbiter_read_verdict(struct ft_arbiter *a, const uint8_t session[FT_SESSION_BYTES], ft_arbiter_looked *done,
                             void *arg)
{
	struct slot *s = free_slot(a, FT_ASK_READ, arg);

	s->ask.sure = true;
	name_key(s, session, VERDICT);
	look(s, done);
}

void ft_arbiter_mark(struct ft_arbiter *a, uint64_t mark, uint64_t epoch, ft_arbiter_marked *done, void *arg)
{
	struct slot *s = free_slot(a, FT_ASK_MARK, arg);

	assert(mark != 0 && a->settings.peer[0] != '\0');
	s->ask.mark = mark;
	s->ask.epoch = epoch;
	s->done.marked = done;
	ask(s);
}

void ft_arbiter_remember(struct ft_arbiter *a, ft_arbiter_remembered *done, void *arg)
{
	struct slot *s = free_slot(a, FT_ASK_PAST, arg);

	s->done.remembered = done;
	ask(s);
}

void ft_arbiter_check(struct ft_arbiter *a, ft_arbiter_checked *done, void *arg)
{
	struct slot *s = free_slot(a, FT_ASK_CHECK, arg);
	uint8_t id[FT_SESSION_BYTES];
	char hex[sizeof(id) * 2 + 1];

	randombytes_buf(id, sizeof(id));
	(void)snprintf(s->ask.key, sizeof(s->ask.key), "check-%s", sodium_bin2hex(hex, sizeof(hex), id, sizeof(id)));
	strcpy(s->ask.name, "check");
	s->done.checked = done;
	ask(s);
}

void ft_arbiter_reach(struct ft_arbiter *a, ft_arbiter_checked *done, void *arg)
{
	struct slot *s = free_slot(a, FT_ASK_REACH, arg);

	strcpy(s->ask.key, "check-reach"); /* never written */
	s->done.checked = done;
	ask(s);
}

void ft_arbiter_make_way(struct ft_arbiter *a)
{
	static const enum ft_question less[] = {FT_ASK_CHECK, FT_ASK_REACH};
	char why[FT_ARBITER_TEXT_MAX];

	for (size_t i = 0; i < sizeof(less) / sizeof(less[0]); i++) {
		struct slot *s = &a->slots[less[i]];
		if (s->asked && !s->answered)
			a->ops->abandon(a->self, less[i], why);
		s->asked = s->answered = false;
		event_del(s->timer);
	}
}

int ft_arbiter_limit_ms(const struct ft_arbiter *a)
{
	const struct ft_fence_settings *fence = &a->settings.fence;

	return a->settings.type == FT_ARBITER_FENCE ? fence->delay_ms + fence->timeout_ms : a->settings.timeout_ms;
}

struct ft_arbiter *ft_arbiter_front(struct event_base *base, const struct ft_arbiter_settings *settings,
                                    const struct ft_arbiter_ops *ops, FILE *errors)
{
	struct ft_arbiter *a = calloc(1, sizeof(*a));

	if (a == NULL || sodium_init() < 0)
		abort();
	a->settings = *settings;
	a->ops = ops;
	for (int i = 0; i < FT_QUESTIONS; i++) {
		a->slots[i].front = a;
		a->slots[i].timer = evtimer_new(base, on_timer, &a->slots[i]);
		if (a->slots[i].timer == NULL)
			abort();
	}
	a->self = a->ops->open(a, base, &a->settings, errors);
	if (a->self != NULL)
		return a;
	ft_arbiter_free(a);
	return NULL;
}

void ft_arbiter_free(struct ft_arbiter *a)
{
	if (a == NULL)
		return;
	for (int i = 0; i < FT_QUESTIONS; i++) {
		struct slot *s = &a->slots[i];
		char why[FT_ARBITER_TEXT_MAX];
		if (s->asked && !s->answered)
			a->ops->abandon(a->self, s->ask.question, why);
		event_free(s->timer);
	}
	if (a->self != NULL)
		a->ops->close(a->self);
	free(a);
}
