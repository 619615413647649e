/* The loop that feeds the decision core: every event of the shells goes in, every action comes out and is done.
 * Knows: libevent, all shells, the core.  Must not know: how a decision is made. */
#ifndef FT_SUPERVISOR_DAEMON_H
#define FT_SUPERVISOR_DAEMON_H

#include "config/config.h"

struct ft_daemon;

/* fresh: no ftd has used this state_dir before, so no session was lost with it.  Takes config over, and frees it in the end.  NULL after lines to errors; config is freed then too. */
struct ft_daemon *ft_daemon_new(struct ft_config *config, bool fresh, FILE *errors);
/* Runs until asked to stop.  0: asked to (SIGTERM, SIGINT); 1: a fault, logged. */
int ft_daemon_run(struct ft_daemon *d);
void ft_daemon_free(struct ft_daemon *d);

#endif
