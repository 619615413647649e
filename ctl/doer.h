/* What a core says without an ftd around it, done at once and waited for: what may-start needs of disk, arbiter and fence.
 * Knows: the arbiter's interface, the writer, libevent.  Must not know: what the answers lead to. */
#ifndef FT_CTL_DOER_H
#define FT_CTL_DOER_H

#include "core/core.h"

#include <stdio.h>

struct ft_config;

struct ft_doer {
	void *arg;
	/* Does a FT_DO_STORE, CLAIM, READ, REMEMBER or FENCE of this core, and waits for the answer, within the time limit of whoever is
	 * asked.  The event's text is valid until the next call. */
	struct ft_event (*act)(void *arg, const struct ft_core *core, const struct ft_action *a);
	int64_t (*now)(void *arg);
	void (*wait)(void *arg, int64_t until);
};

/* peer: of the session, "" none is known.  config must outlive it.  Returns 0, or -1 after a line a fault to errors. */
int ft_doer_open(const struct ft_config *config, const char *peer, struct ft_doer *out, FILE *errors);
void ft_doer_close(struct ft_doer *out); /* once; nothing happens where .arg is NULL */

#endif
