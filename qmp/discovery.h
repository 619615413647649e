/* One round trip of questions: asks QEMU what the topology needs to know, a few questions at a time, and makes it of the answers.
 * Knows: connection, topology.  Must not know: what the topology is for, when to ask. */
#ifndef FT_QMP_DISCOVERY_H
#define FT_QMP_DISCOVERY_H

#include "qmp/connection.h"
#include "qmp/topology.h"

struct ft_discovery;

/* error: NULL, or why there is no topology (QEMU's own words where it refused an answer). */
typedef void ft_discovery_done(void *arg, const struct ft_topology *topology, const char *error, int64_t now);

struct ft_discovery *ft_discovery_new(struct ft_conn *connection, ft_discovery_done *done, void *arg);
/* False if it cannot begin now: the connection is not up, or questions are still unanswered.
 * done() follows, unless it is stopped or the connection is lost. */
bool ft_discovery_start(struct ft_discovery *d);
/* Asks nothing more and forgets what was answered; answers still to come are ignored. */
void ft_discovery_stop(struct ft_discovery *d);
void ft_discovery_free(struct ft_discovery *d); /* before the connection; NULL is fine */

#endif
