/* What the files of the topology share.  Nobody else includes it.
 *
 *   graph.c     its block nodes as a graph, its devices
 *   doubts.c    what is left over, and may lead to the peer
 *   topology.c  what is asked of QEMU, and what of it COLO is known to use */
#ifndef FT_QMP_TOPOLOGY_INTERNAL_H
#define FT_QMP_TOPOLOGY_INTERNAL_H

#include "qmp/topology.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FILTERS_MAX (2 * FT_ITEMS_MAX)
#define OBJECTS     "qom-list /objects"

struct filter {
	int kind;
	const char *id, *netdev, *queue, *indev, *outdev; /* "" for what it has not */
};

struct node {
	const char *type;       /* "block-driver", "block-backend", "block-job" */
	const char *name, *drv; /* "" unless it is a block driver node */
	const char *file;       /* query-named-block-nodes "file" */
	bool beneath;           /* scratch of ft_graph_mark_beneath */
};

struct edge {
	int parent, child;
	const char *name;
};

struct graph {
	int n_nodes; /* node ids are 1 .. n_nodes - 1 */
	struct node *nodes;
	size_t n_edges;
	struct edge *edges;
};

struct build {
	const json_t *answers;
	struct ft_topology *t;
	char *error;
	int n_filters;
	struct filter filters[FILTERS_MAX];
	struct graph graph;
};

/* NULL-terminated: where the devices are that can use an iothread, beside the compares themselves, or a chardev. */
extern const char *const ft_device_folders[];

static inline int fault(struct build *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline int fault(struct build *b, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(b->error, FT_TEXT_MAX, format, ap);
	va_end(ap);
	return -1;
}

/* "" if it is not there, or no text. */
static inline const char *text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));
	return s ? s : "";
}

static inline bool has(const struct ft_ids *ids, const char *id)
{
	for (int i = 0; i < ids->n; i++)
		if (!strcmp(ids->id[i].s, id))
			return true;
	return false;
}

static inline int answer(struct build *b, const char *key, json_type type, const json_t **out)
{
	*out = json_object_get(b->answers, key);
	if (!*out)
		return fault(b, "QEMU gave no answer to %s", key);
	if (json_typeof(*out) != type)
		return fault(b, "QEMU's answer to %s is not of the expected form", key);
	return 0;
}

static inline void list_key(char key[FT_QUERY_KEY_MAX], const char *folder)
{
	snprintf(key, FT_QUERY_KEY_MAX, "qom-list %s", folder);
}

static inline int property(struct build *b, const char *folder, const char *id, const char *name, const char **out)
{
	char key[FT_QUERY_KEY_MAX + 64];
	const json_t *value;

	snprintf(key, sizeof key, "%s/%s.%s", folder, id, name);
	if (answer(b, key, JSON_STRING, &value))
		return -1;
	*out = json_string_value(value);
	return 0;
}

static inline bool is_driver(const struct graph *g, int node, const char *driver)
{
	const char *drv = g->nodes[node].drv;
	return drv && !strcmp(drv, driver);
}

static inline bool is_edge(const struct edge *e, const char *name)
{
	return e->name && !strcmp(e->name, name);
}

/* QEMU's description of a node as an object, NULL if it is none, or was cut off for its length.  The caller's reference. */
static inline json_t *options_of(const struct node *n)
{
	return strncmp(n->file, "json:", 5) ? NULL : json_loads(n->file + 5, 0, NULL);
}

/* Of /machine/peripheral: whether it is a device that a guest uses a chardev through. */
bool ft_device_can_use_chardev(const json_t *entry);

/* graph.c: fills b->graph.  Returns 0, or -1 with b->error. */
int ft_graph_read(struct build *b);
/* Marks every node beneath node, itself included, on top of what is marked already. */
void ft_graph_mark_beneath(struct graph *g, int node);
void ft_graph_unmark(struct graph *g);
/* Of a replication driver's node. */
bool ft_graph_says_secondary(const struct graph *g, int node);
/* The end of the straight way down ("file" edges) from node. */
int ft_graph_straight_end(const struct graph *g, int node);
/* Of a quorum's children, the one that was there first: the guest's own disk. */
bool ft_graph_is_first_child(const struct graph *g, const struct edge *edge);
/* Whether it may be one of COLO's: those read from the first child that works, and are content with one.  What cannot be read
 * is no reason not to think so. */
bool ft_graph_may_be_colo(const struct node *quorum);

/* doubts.c: fills b->t->doubts, once all else is known.  Returns 0, or -1 with b->error. */
int ft_topology_judge(struct build *b);

#endif
