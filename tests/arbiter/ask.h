/* For the arbiter's tests: asks, waits for the answer, and sees that it comes from the event loop, once. */
#ifndef FT_TESTS_ARBITER_ASK_H
#define FT_TESTS_ARBITER_ASK_H

#include "arbiter/internal.h"

#include <check.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONG_MS 20000 /* a deadline that a busy machine does not miss */

struct heard {
	bool told;
	enum ft_claim claim;
	enum ft_register what;
	char name[FT_NAME_MAX];
	uint64_t mark, epoch;
	char error[FT_ARBITER_TEXT_MAX], warning[FT_ARBITER_TEXT_MAX];
};

/* A text out of what a function returned, which does not outlive the expression; this does, until it is called again. */
static inline const char *kept(const char *text)
{
	static char copy[FT_ARBITER_TEXT_MAX];
	snprintf(copy, sizeof copy, "%s", text);
	return copy;
}

static inline void on_claimed(void *arg, enum ft_claim result, const char *winner, const char *error)
{
	struct heard *h = arg;
	ck_assert(!h->told);
	h->told = true;
	h->claim = result;
	strcpy(h->name, winner);
	strcpy(h->error, error);
}

static inline void on_looked(void *arg, enum ft_register what, const char *name, const char *error)
{
	struct heard *h = arg;
	ck_assert(!h->told);
	h->told = true;
	h->what = what;
	strcpy(h->name, name);
	strcpy(h->error, error);
}

static inline void on_checked(void *arg, const char *fault, const char *warning)
{
	struct heard *h = arg;
	ck_assert(!h->told);
	h->told = true;
	strcpy(h->error, fault);
	strcpy(h->warning, warning);
}

static inline void on_marked(void *arg, uint64_t found, const char *error)
{
	struct heard *h = arg;
	ck_assert(!h->told);
	h->told = true;
	h->mark = found;
	strcpy(h->error, error);
}

static inline void on_remembered(void *arg, enum ft_register what, uint64_t epoch, const char *node, const char *error)
{
	struct heard *h = arg;
	h->epoch = epoch;
	on_looked(arg, what, node, error);
}

static inline void wait_for(struct event_base *base, const struct heard *h)
{
	ck_assert(!h->told);
	while (!h->told)
		ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
}

/* The id of the session with this number. */
static inline const uint8_t *session(int number)
{
	static uint8_t id[FT_SESSION_BYTES];
	for (int i = 0; i < FT_SESSION_BYTES; i++)
		id[i] = (uint8_t)(0xa0 + i);
	id[0] = (uint8_t)(number >> 8);
	id[1] = (uint8_t)number;
	return id;
}

static inline struct heard ask_claim(struct event_base *base, struct ft_arbiter *a, int number, const char *name)
{
	struct heard h = {0};
	ft_arbiter_claim(a, session(number), name, on_claimed, &h);
	wait_for(base, &h);
	ck_assert_int_ne(h.claim, FT_CLAIM_NOT_NEEDED);
	ck_assert_int_eq(h.claim == FT_CLAIM_WON, strcmp(h.name, name) == 0);
	ck_assert_int_eq(h.claim == FT_CLAIM_UNREACHABLE, h.error[0] != '\0');
	return h;
}

static inline struct heard ask_who(struct event_base *base, struct ft_arbiter *a, int number)
{
	struct heard h = {0};
	ft_arbiter_read(a, session(number), true, on_looked, &h);
	wait_for(base, &h);
	ck_assert_int_eq(h.what == FT_REGISTER_TAKEN, h.name[0] != '\0');
	ck_assert_int_eq(h.what == FT_REGISTER_UNKNOWN, h.error[0] != '\0');
	return h;
}

/* The node's mark is put there, with its low byte for the epoch; the peer's is found. */
static inline struct heard ask_mark(struct event_base *base, struct ft_arbiter *a, uint64_t mark)
{
	struct heard h = {0};
	ft_arbiter_mark(a, mark, mark & 0xff, on_marked, &h);
	wait_for(base, &h);
	ck_assert(h.mark == 0 || h.error[0] == '\0');
	return h;
}

static inline struct heard ask_past(struct event_base *base, struct ft_arbiter *a)
{
	struct heard h = {0};
	ft_arbiter_remember(a, on_remembered, &h);
	wait_for(base, &h);
	return h;
}

static inline struct heard ask_check(struct event_base *base, struct ft_arbiter *a)
{
	struct heard h = {0};
	ft_arbiter_check(a, on_checked, &h);
	wait_for(base, &h);
	return h;
}

#define assert_says(text, words)                                                                                       \
	ck_assert_msg(strstr((text), (words)) != NULL, "\"%s\" is not in \"%s\"", (words), (text))

__attribute__((format(printf, 1, 2))) static inline void shell(const char *format, ...)
{
	char command[2048];
	va_list args;
	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	ck_assert_msg(system(command) == 0, "failed: %s", command);
}

static inline void on_beat(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	++*(int *)arg;
}

/* Counts in *beats, every few ms, that the loop is alive. The caller frees. */
static inline struct event *heartbeat(struct event_base *base, int *beats)
{
	struct event *beat = event_new(base, -1, EV_PERSIST, on_beat, beats);
	event_add(beat, &(struct timeval){.tv_usec = 5000});
	return beat;
}

#endif
