/* May this host start this VM as primary?  Asked before QEMU is started, by a running ftd or, where there is none, from its state.
 * Knows: the lock, the stored session, the register, what they allow.  Must not know: the command line, how it is printed.
 *
 *   no session                   yes where no ftd was before; else no: one may have been lost
 *   unknown                      no: a person must look
 *   ended by this host / other   yes, but for a session whose verdict names the other / no
 *   taken by the peer's word     whoever wins the claim: a person may have let the peer go on with it since
 *   found, or without its fence  the same, once every right granted before is over: the other side may have run yet
 *   bound                        whoever wins the claim: made once every right granted before is over
 *   released, we the primary     the same
 *   released, we the secondary   no: the other side's VM may be running without an ftd, and so without a lease
 *   resigned                     no: the other side may have gone on with it, whatever the register says
 *
 * Who has won, by the claim or before, reads the session's verdict last: it was given back, or the other side has taken it by a
 * person's order or by its fence, if that names the other.  Only then, where a fence stands behind the arbiter, a won claim is
 * followed by it if the other side was the bound primary.
 * Where the answer is no for want of knowledge, a person may vouch that the other host is powered off (confirm_fenced); a
 * session whose register says that the other side has won stays lost.  With the arbiter type fence there is no register: a
 * claim would power off the other host each time this one starts, so only the person's word counts.
 * Where the session's own QEMU still exists on this host, frozen or not, the answer is no. */
#ifndef FT_CTL_MAY_START_H
#define FT_CTL_MAY_START_H

#include "config/config.h"
#include "ctl/ask_arbiter.h"

#define FT_MAY_START_MAX 1024

/* Takes the lock of state_dir and judges; where a daemon holds it, the daemon is asked.  Returns the exit code: 0 yes, 1 no,
 * 3 somebody holds the lock and does not answer.  why says why, what to know, or what would help, as lines. */
int ft_may_start(const struct ft_config *config, bool confirm_fenced, char why[FT_MAY_START_MAX]);

/* What the daemon at this control socket says, to {"verb":"may-start","confirm_fenced":false}: code 0 with the reason as
 * "result", or another with the reason as "error".  Returns the exit code. */
int ft_may_start_ask(const char *socket, bool confirm_fenced, char why[FT_MAY_START_MAX]);

/* The judgement alone.  fresh: as the lock says.  The caller holds the lock, taken just now: the wait for earlier rights to
 * end counts from here.  arbiter: NULL with the type none.  A session found ended is stored so, durably, before the answer. */
bool ft_may_start_judge(const struct ft_config *config, const struct ft_ask_arbiter *arbiter, bool fresh,
                        bool confirm_fenced, char why[FT_MAY_START_MAX]);

#endif
