/* What this QEMU has, and what of it points at the peer.  Pure: JSON answers of QEMU come in, a topology goes out.
 * Knows: QEMU's words (QOM types, block drivers, chardevs).  Must not know: sockets, clocks, plans.
 * Depends on no id: everything is found by type and by edge (x-debug-query-block-graph names the quorum's children). */
#ifndef FT_QMP_TOPOLOGY_H
#define FT_QMP_TOPOLOGY_H

#include "base/types.h"

#include <jansson.h>

#define FT_ID_MAX    128
#define FT_ITEMS_MAX 64
#define FT_DISKS_MAX 32

struct ft_id {
	char s[FT_ID_MAX];
};

struct ft_ids {
	int n;
	struct ft_id id[FT_ITEMS_MAX];
};

/* One replicated disk of a primary: quorum parent, the child edge that leads to the peer, and the nbd nodes there. */
struct ft_disk {
	struct ft_id quorum; /* node name */
	struct ft_id child;  /* edge name: children.1, children.2, ... */
	struct ft_id
	    replica;       /* node name: a replication node, or, as QEMU documents it since 11.1, the nbd node itself */
	struct ft_ids nbd; /* node names of drv=nbd: the replica itself, or beneath it */
};

#define FT_DOUBT_NAME_MAX (FT_ID_MAX + 16)

/* What ftd does not understand about this QEMU's COLO: a connection that leads, or may lead, to the peer and is no part of what
 * COLO is known to use, so that no step of a plan would break it; or a part of COLO that is wired in a way not known. */
struct ft_doubt {
	char name[FT_DOUBT_NAME_MAX]; /* kind and id, "chardev mon0": what a person writes into qmp.disregard */
	char why[FT_TEXT_MAX];
};

struct ft_doubts {
	int n;
	struct ft_doubt doubt[FT_ITEMS_MAX];
};

struct ft_topology {
	enum ft_role role; /* query-colo-status mode; NONE outside COLO */
	int n_disks;       /* primary only */
	struct ft_disk disks[FT_DISKS_MAX];
	/* QOM ids by type.  Mirrors and redirectors: only those that serve COLO, told by the netdev they sit on:
	 * primary: it has a mirror and a redirector with an outdev;
	 * secondary: it has a rewriter, or a redirector that feeds the guest (tx, indev) and one that takes what it sends (rx, outdev). */
	struct ft_ids compares, mirrors, redirectors, rewriters;
	struct ft_ids
	    gates; /* the redirectors with an outdev: what the guest sends goes there, and not to the network */
	/* Iothreads that compares use and, as far as can be seen, nothing else: QEMU deletes one that is in use without a word. */
	struct ft_ids compare_iothreads;
	struct ft_ids peer_chardevs; /* sockets to the peer, by role */
	struct ft_ids
	    colo_chardevs; /* all chardevs that only COLO uses, the peer's and the loopback ones: removed in clean-up */
	struct ft_ids yank_chardevs, yank_block_nodes; /* those of the above that query-yank lists */
	bool yank_migration;
	/* Secondary.  An export is COLO's if its node lies beneath a replication node. */
	struct ft_ids colo_exports;
	struct ft_ids foreign_exports; /* other nbd exports: then block-export-del of ours instead of nbd-server-stop */
	int checkpoint_ms;             /* query-migrate-parameters x-checkpoint-delay, 0 unknown */
	/* While there are any, a failover may hang: no plan is to be called ready.  For whoever makes one of this topology. */
	struct ft_doubts doubts;
};

#define FT_QUERY_KEY_MAX 256 /* two ids of FT_ID_MAX */

/* A question for QEMU.  Asking is the caller's; the answer ("return") goes into the answers object under key. */
struct ft_query {
	const char *command;
	json_t *arguments; /* a reference for the caller to drop; NULL if none */
	char key[FT_QUERY_KEY_MAX];
	bool optional; /* a QEMU that is too old to know it refuses it: the answer is null then */
};

/* Round one is always the same; round two is made from round one's answers (QOM properties can only be had one by one).
 * Return the number written, or -1 (with nothing for the caller to drop) if max is too small or an answer cannot be used. */
int ft_topology_queries(struct ft_query *out, int max);
int ft_topology_qom_queries(const json_t *answers, struct ft_query *out, int max);

/* answers: an object {key: the "return" of that query}, both rounds; a missing or wrong-shaped answer makes it fail.
 * Returns 0; or -1 with a line in error that names the answer at fault. */
int ft_topology_build(const json_t *answers, struct ft_topology *out, char error[FT_TEXT_MAX]);

/* Of a primary, the block nodes of the guest's disks (quorums), and those beneath them that are, or lead to, the peer's copies.  A
 * secondary's copies are all its own: none. */
void ft_topology_disk_nodes(const struct ft_topology *t, struct ft_ids *disks, struct ft_ids *peers);

#endif
