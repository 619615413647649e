/* What core.c (facts, time) and rules.c (decisions) share.  Nobody else includes this. */
#ifndef FT_SUPERVISOR_CORE_INTERNAL_H
#define FT_SUPERVISOR_CORE_INTERNAL_H

#include "supervisor/core.h"

/* Reads the table from the top until no row holds. */
void ft_rules_apply(struct ft_core *c, struct ft_actions *out);
/* The earliest time at which a row could hold that does not hold now; FT_NEVER if none waits for time. */
int64_t ft_rules_deadline(const struct ft_core *c);

/* Makes core->self say what the facts and the phase are now. */
void ft_core_refresh_self(struct ft_core *c);
/* The one place where the phase changes. */
void ft_core_enter(struct ft_core *c, struct ft_actions *out, enum ft_phase phase, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void ft_core_say(struct ft_core *c, struct ft_actions *out, enum ft_level level, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
struct ft_action *ft_core_do(struct ft_actions *out, enum ft_action_kind kind);
/* Keeps a piece of evidence; when the list is full the newest replaces the last, the first ones stay. */
void ft_core_note(struct ft_core *c, int64_t at, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* a + b, where FT_NEVER stays FT_NEVER. */
static inline int64_t ft_after(int64_t a, int64_t b)
{
	return a == FT_NEVER ? FT_NEVER : a + b;
}

#endif
