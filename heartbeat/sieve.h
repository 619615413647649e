/* A filter in the kernel, on a link's socket, for the time of a flood: what is no heartbeat of this pair by its length, its magic or
 * its key id is dropped before it takes room in the socket's buffer, where it would push heartbeats out.
 * Knows: the wire format's first bytes.  Must not know: when there is a flood.
 *
 * It is not always there, since what it drops nobody counts: that a peer has another key, or that something else sends to this port,
 * is told by what comes in.  The version is not looked at either, for the same reason.  Who has seen one heartbeat knows its key id,
 * and gets through; what he sends is refused for its authentication. */
#ifndef FT_HEARTBEAT_SIEVE_H
#define FT_HEARTBEAT_SIEVE_H

#include "heartbeat/wire.h"

/* Lets heartbeats of these keys through, and nothing else.  Returns 0, or -1: then all comes in as before. */
int ft_sieve_attach(int fd, const struct ft_key *keys, int n_keys);
void ft_sieve_detach(int fd);

#endif
