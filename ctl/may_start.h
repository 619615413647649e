/* May this host start this VM as primary?  Asked before QEMU is started, by a running ftd or, where there is none, from its state.
 * Knows: the lock, the stored session, the core, which judges it both ways (core/start.c; the rule is in ftctl(8)).  Must not
 * know: what the core goes by, the command line, how it is printed.
 *
 * Without an ftd the core is one that hears nobody: it waits until every right is over that an earlier ftd may have granted just
 * now, and what it says is done at once (doer.h).
 * Where the session's own QEMU still exists on this host, frozen or not, the answer is no. */
#ifndef FT_CTL_MAY_START_H
#define FT_CTL_MAY_START_H

#include "config/config.h"
#include "ctl/doer.h"

#define FT_MAY_START_MAX 1024

/* Takes the lock of state_dir and judges; where a daemon holds it, the daemon is asked.  Returns the exit code: 0 yes, 1 no,
 * 3 somebody holds the lock and does not answer.  why says why, what to know, or what would help, as lines. */
int ft_may_start(const struct ft_config *config, bool confirm_fenced, char why[FT_MAY_START_MAX]);

/* What the daemon at this control socket says, to {"verb":"may-start","confirm_fenced":false}: code 0 with the reason as
 * "result", or another with the reason as "error".  Returns the exit code. */
int ft_may_start_ask(const char *socket, bool confirm_fenced, char why[FT_MAY_START_MAX]);

/* The judgement alone.  session, fault: as ft_session_file_read has read them.  fresh: as the lock says, which the caller holds,
 * taken just now: the wait for earlier rights to end counts from here. */
bool ft_may_start_judge(const struct ft_config *config, const struct ft_doer *doer, const struct ft_session *session,
                        const char *fault, bool fresh, bool confirm_fenced, char why[FT_MAY_START_MAX]);

#endif
