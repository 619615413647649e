/* The register as a file: a folder on storage that both hosts share holds one small file for each register.
 * Knows: link(2), fsync.  Must not know: libevent, deadlines.  Blocks for as long as the storage does: for child
 * processes.
 *
 * A claim writes and flushes a file of its own, and links that to the register's name.  link(2) is the test-and-set:
 * the storage itself lets one succeed.  Its result is not relied on: a network filesystem may repeat a request that had
 * succeeded, and report EEXIST to the one who made it.  So the folder is flushed and the register read in any case; the
 * winner is who is written there.
 *
 * A folder is at that path on a host, too, where the storage is not mounted: a claim there would be won by whoever asks.  So
 * each node leaves a mark, a file PAIR@NODE, once it knows the other one; and only where both marks are is a register
 * claimed, or believed to be absent.  A name that stands in one is believed anywhere: somebody has won.  A folder that was
 * copied holds both: so a mark holds a number, by which its owner can tell the peer that it is not an old one. */
#ifndef FT_ARBITER_REGISTER_H
#define FT_ARBITER_REGISTER_H

#include "arbiter/internal.h"

/* Where a pair's registers are. */
struct ft_register_place {
	const char *path; /* of the folder */
	const char *pair, *node;
	const char *peer; /* the other node; "" while it is not known */
};

void ft_register_claim(const struct ft_register_place *place, const char *key, const char *name, struct ft_told *out);
void ft_register_read(const struct ft_register_place *place, const char *key, struct ft_told *out);
/* Whether the folder is there, and what it takes to claim: writes nothing, flushes nothing. */
void ft_register_reach(const struct ft_register_place *place, struct ft_told *out);
/* Puts the number in node's mark, in one step in place of what was there, and reads the peer's. */
void ft_register_mark(const struct ft_register_place *place, uint64_t mark, uint64_t epoch, struct ft_told *out);
/* The marks of both nodes, or, without a peer, of any. */
void ft_register_past(const struct ft_register_place *place, struct ft_told *out);
/* Claims the scratch register key, removes it again, and removes temporary files that dead processes of this host have
 * left.  With a peer: leaves node's mark, and looks for that of the peer.  Warns where the storage looks like one that is
 * not shared. */
void ft_register_check(const struct ft_register_place *place, const char *key, const char *name, struct ft_told *out);

#endif
