/* See trouble.h. */
#include "heartbeat/trouble.h"

#include <assert.h>
#include <string.h>

#define HALF (FT_TROUBLE_LASTS / 2)

void ft_trouble_note(struct ft_trouble *t, int kind, int64_t now)
{
	int64_t age = now - t->half_began;

	assert(kind >= 0 && kind < FT_TROUBLES_MAX);
	if (age >= HALF) {
		memcpy(t->counts[1], t->counts[0], sizeof t->counts[1]);
		memset(t->counts[0], 0, sizeof t->counts[0]);
		if (age >= 2 * HALF)
			memset(t->counts[1], 0, sizeof t->counts[1]);
		t->half_began = now;
	}
	if (t->counts[0][kind] < UINT32_MAX)
		t->counts[0][kind]++;
	t->newest[kind] = now;
}

uint32_t ft_trouble_recent(const struct ft_trouble *t, int kind, int64_t now)
{
	int64_t age = now - t->half_began;

	assert(kind >= 0 && kind < FT_TROUBLES_MAX);
	if (age >= 2 * HALF)
		return 0;
	return t->counts[0][kind] + (age < HALF ? t->counts[1][kind] : 0);
}

uint32_t ft_trouble_ongoing(const struct ft_trouble *t, int kind, int64_t within, int64_t now)
{
	return now - t->newest[kind] <= within ? ft_trouble_recent(t, kind, now) : 0;
}
