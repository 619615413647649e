/* See limit.h. */
#include "base/limit.h"

#include <stddef.h>

#define SECOND     INT64_C(1000000000)
#define TELL_EVERY (10 * SECOND)

static int64_t one(const struct ft_limit *l)
{
	return SECOND / l->per_second;
}

static void pass(struct ft_limit *l, int64_t now)
{
	int64_t passed = now - l->at;

	if (passed <= 0)
		return;
	l->spent = passed < l->spent ? l->spent - passed : 0;
	l->at = now;
}

static bool has_room(const struct ft_limit *l)
{
	return l->spent + one(l) <= l->at_once * one(l);
}

bool ft_limit_take(struct ft_limit *l, int64_t now)
{
	pass(l, now);
	if (!has_room(l)) {
		if (l->left_out++ == 0)
			l->told_at = now;
		return false;
	}
	l->spent += one(l);
	return true;
}

unsigned long ft_limit_tell(struct ft_limit *l, int64_t now)
{
	unsigned long n = l->left_out;

	pass(l, now);
	/* It is over when half of what may be done at once could be again. */
	bool over = l->spent <= l->at_once * one(l) / 2;
	if (n == 0 || (!over && now - l->told_at < TELL_EVERY))
		return 0;
	l->left_out = 0;
	l->told_at = now;
	return n;
}
