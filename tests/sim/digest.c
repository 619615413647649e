/* A digest of everything that both cores were told and have said: two programs that decide the same have the same one.
 * Knows: what events and actions hold.  Must not know: what they mean. */
#include "tests/sim/sim.h"

#include <string.h>

/* FNV-1a of 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/. */
#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

static void add(uint64_t *sum, const void *data, size_t len)
{
	const uint8_t *bytes = data;
	for (size_t i = 0; i < len; i++)
		*sum = (*sum ^ bytes[i]) * FNV_PRIME;
}

/* Values one by one: what lies between them in a struct is anything. */
static void add_number(uint64_t *sum, int64_t n)
{
	add(sum, &n, sizeof n);
}

static void add_text(uint64_t *sum, const char *text)
{
	add(sum, text ? text : "", strlen(text ? text : "") + 1);
}

static void add_event(uint64_t *sum, const struct ft_event *e, int64_t now)
{
	const int64_t values[] = {
	    e->kind,  e->error,  e->confirmed, e->link, e->hearing,       e->heard_at,       e->cause,
	    e->claim, e->ending, e->at,        now,     (int64_t)e->mark, (int64_t)e->epoch, e->version,
	};
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		add_number(sum, values[i]);
	add_text(sum, e->text);
}

static void add_action(uint64_t *sum, const struct ft_action *a)
{
	const int64_t values[] = {a->kind,  a->level,  a->fence, a->verdict, a->sure,
	                          a->alarm, a->raised, a->from,  a->to};
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		add_number(sum, values[i]);
	add_text(sum, a->text);
}

void digest_begins(struct digest *d)
{
	*d = (struct digest){FNV_BASIS, FNV_BASIS};
}

void digest_takes(struct digest *d, int host, const struct ft_event *e, int64_t now, const struct ft_actions *out)
{
	add_number(&d->all, host);
	add_event(&d->all, e, now);
	for (int i = 0; i < out->n; i++) {
		add_number(&d->actions, host);
		add_action(&d->all, &out->a[i]);
		add_action(&d->actions, &out->a[i]);
	}
}
