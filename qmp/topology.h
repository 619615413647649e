/* What this QEMU has, and what of it points at the peer.  Pure: JSON answers of QEMU come in, a topology goes out.
 * Knows: QEMU's words (QOM types, block drivers, chardevs).  Must not know: sockets, clocks, plans.
 * Depends on no id: everything is found by type and by edge (x-debug-query-block-graph names the quorum's children). */
#ifndef FT_QMP_TOPOLOGY_H
#define FT_QMP_TOPOLOGY_H

#include "supervisor/types.h"

#include <jansson.h>

#define FT_ID_MAX    128
#define FT_ITEMS_MAX 32

struct ft_id {
	char s[FT_ID_MAX];
};

struct ft_ids {
	int n;
	struct ft_id id[FT_ITEMS_MAX];
};

/* One replicated disk of a primary: quorum parent, the child edge that leads to the replication node, and the nbd nodes under it. */
struct ft_disk {
	struct ft_id quorum;      /* node name */
	struct ft_id child;       /* edge name: children.1, children.2, ... */
	struct ft_id replication; /* node name */
	struct ft_ids nbd;        /* node names of drv=nbd beneath the replication node */
};

struct ft_topology {
	enum ft_role role; /* query-colo-status mode; NONE outside COLO */
	int n_disks;       /* primary only */
	struct ft_disk disks[FT_ITEMS_MAX];
	/* QOM ids by type. Redirectors: only those that serve COLO (on a netdev with a mirror, rewriter or compare's chardevs). */
	struct ft_ids compares, compare_iothreads, mirrors, redirectors, rewriters;
	struct ft_ids peer_chardevs; /* sockets to the peer, by role */
	struct ft_ids
	    colo_chardevs; /* all chardevs that only COLO uses, the peer's and the loopback ones: removed in clean-up */
	struct ft_ids yank_chardevs, yank_block_nodes; /* those of the above that query-yank lists */
	bool yank_migration;
	bool nbd_server; /* secondary: exports of COLO disks stand (query-block-exports) */
	struct ft_ids
	    foreign_exports; /* nbd exports that are not COLO's: then block-export-del of ours instead of nbd-server-stop */
	struct ft_ids colo_exports;
	int checkpoint_ms; /* query-migrate-parameters x-checkpoint-delay */
};

/* The commands whose answers ft_topology_build wants, in order; ft_topology_query(i) is NULL past the last.
 * qom-get is per object and property: a second round, listed by ft_topology_qom_queries(). */
struct ft_query {
	const char *command;
	json_t *arguments;       /* owned by the caller of the list, may be NULL */
	char key[2 * FT_ID_MAX]; /* where the answer goes in answers */
};

/* Round one (fixed) and round two (made from round one's answers). Return the number written, or -1 if max is too small. */
int ft_topology_queries(struct ft_query *out, int max);
int ft_topology_qom_queries(const json_t *answers, struct ft_query *out, int max);

/* answers: an object {key: the "return" of that query}; a missing or wrong-shaped answer makes it fail.
 * Returns 0; or -1 with a line in error that names the answer at fault. */
int ft_topology_build(const json_t *answers, struct ft_topology *out, char error[FT_TEXT_MAX]);

#endif
