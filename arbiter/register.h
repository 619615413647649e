/* The register as a file: a folder on storage that both hosts share holds one small file for each register.
 * Knows: link(2), fsync.  Must not know: libevent, deadlines.  Blocks for as long as the storage does: for child
 * processes.
 *
 * A claim writes and flushes a file of its own, and links that to the register's name.  link(2) is the test-and-set:
 * the storage itself lets one succeed.  Its result is not relied on: a network filesystem may repeat a request that had
 * succeeded, and report EEXIST to the one who made it.  So the folder is flushed and the register read in any case; the
 * winner is who is written there. */
#ifndef FT_ARBITER_REGISTER_H
#define FT_ARBITER_REGISTER_H

#include "arbiter/internal.h"

void ft_register_claim(const char *path, const char *key, const char *name, struct ft_told *out);
void ft_register_read(const char *path, const char *key, struct ft_told *out);
/* Claims the scratch register key, removes it again, and removes temporary files that dead processes of this host have
 * left.  Warns where the storage looks like one that is not shared. */
void ft_register_check(const char *path, const char *key, const char *name, struct ft_told *out);

#endif
