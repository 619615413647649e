/* The register of a session, asked and waited for: what may-start needs of an arbiter.
 * Knows: the arbiter's interface, libevent.  Must not know: what the answers lead to. */
#ifndef FT_CTL_ASK_ARBITER_H
#define FT_CTL_ASK_ARBITER_H

#include "base/types.h"

#include <stdio.h>

struct ft_arbiter_settings;

/* Each call waits for its answer, within the arbiter's own time limit.  What was written before is seen by each. */
struct ft_ask_arbiter {
	void *arg;
	/* Puts node in the session's register if nobody is there.  FT_CLAIM_WON, LOST (winner) or UNREACHABLE (error). */
	enum ft_claim (*claim)(void *arg, const struct ft_session *session, const char *node, char winner[FT_NAME_MAX],
	                       char error[FT_TEXT_MAX]);
	/* FT_CLAIM_LOST: somebody stands there, maybe we (winner); NOT_NEEDED: nobody; UNREACHABLE (error). */
	enum ft_claim (*read)(void *arg, const struct ft_session *session, char winner[FT_NAME_MAX],
	                      char error[FT_TEXT_MAX]);
	/* The same of the session's verdict, see core/sessions.c. */
	enum ft_claim (*verdict)(void *arg, const struct ft_session *session, char winner[FT_NAME_MAX],
	                         char error[FT_TEXT_MAX]);
	/* What the marks tell of the pair's past, by those of node and peer, or, with peer "", of any.  FT_CLAIM_LOST: some are
	 * there, epoch is the newest session that one tells (0 none), whose is winner; NOT_NEEDED: none; UNREACHABLE (error). */
	enum ft_claim (*remember)(void *arg, const char *peer, uint64_t *epoch, char winner[FT_NAME_MAX],
	                          char error[FT_TEXT_MAX]);
	/* Powers the other host off: whether it is off, else error.  NULL: no fence stands behind this arbiter. */
	bool (*fence)(void *arg, char error[FT_TEXT_MAX]);
};

/* Returns 0, or -1 after a line a fault to errors.  The type must not be none. */
int ft_ask_arbiter_open(const struct ft_arbiter_settings *settings, struct ft_ask_arbiter *out, FILE *errors);
void ft_ask_arbiter_close(struct ft_ask_arbiter *a);

#endif
