/* What QEMU tells of its block nodes as a graph, and the ways in it; and which devices it has.  See topology_internal.h.
 * Knows: QEMU's words.  Must not know: what a topology is made of. */
#include "qmp/topology_internal.h"

#include <stdlib.h>

#define NODES_MAX 4096 /* block graph nodes; a disk of a pair has at most 14 */

/* ---- devices ---- */

const char *const ft_device_folders[] = {"/machine/peripheral", "/machine/peripheral-anon", NULL};

bool ft_device_can_use_chardev(const json_t *entry)
{
	static const char *const types[] = {"virtserialport", "virtconsole",  "isa-serial",   "pci-serial",
	                                    "usb-serial",     "isa-parallel", "isa-debugcon", "usb-redir"};
	const char *type = text(entry, "type");

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t len = strlen(types[i]);
		if (!strncmp(type, "child<", 6) && !strncmp(type + 6, types[i], len) && !strcmp(type + 6 + len, ">"))
			return true;
	}
	return false;
}

/* ---- block graph ---- */

static int node_id(const struct graph *g, const json_t *value)
{
	json_int_t id = json_integer_value(value);
	return id > 0 && id < g->n_nodes ? (int)id : 0;
}

static int read_nodes(struct build *b, const json_t *nodes)
{
	struct graph *g = &b->graph;
	const json_t *named, *node;
	size_t i;

	if (json_array_size(nodes) > NODES_MAX)
		return fault(b, "x-debug-query-block-graph: more than %d block nodes; ftd handles no more", NODES_MAX);
	g->n_nodes = (int)json_array_size(nodes) + 1; /* QEMU counts from 1 and leaves no gaps */
	g->nodes = calloc((size_t)g->n_nodes, sizeof *g->nodes);
	if (!g->nodes)
		abort();
	for (int n = 0; n < g->n_nodes; n++) /* an id that is listed twice leaves another one out */
		g->nodes[n] = (struct node){"", "", "", "", false};
	json_array_foreach(nodes, i, node)
	{
		int id = node_id(g, json_object_get(node, "id"));
		if (!id)
			return fault(b, "x-debug-query-block-graph: a node's id is missing or out of range");
		const char *type = text(node, "type");
		bool driver = !strcmp(type, "block-driver");
		g->nodes[id] = (struct node){type, driver ? text(node, "name") : "", "", "", false};
	}
	if (answer(b, "query-named-block-nodes", JSON_ARRAY, &named))
		return -1;
	json_array_foreach(named, i, node)
	{
		for (int n = 1; n < g->n_nodes; n++)
			if (*g->nodes[n].name && !strcmp(text(node, "node-name"), g->nodes[n].name)) {
				g->nodes[n].drv = text(node, "drv");
				g->nodes[n].file = text(node, "file");
			}
	}
	return 0;
}

int ft_graph_read(struct build *b)
{
	struct graph *g = &b->graph;
	const json_t *answered, *edge;
	size_t i;

	if (answer(b, "x-debug-query-block-graph", JSON_OBJECT, &answered))
		return -1;
	const json_t *nodes = json_object_get(answered, "nodes"), *edges = json_object_get(answered, "edges");
	if (!json_is_array(nodes) || !json_is_array(edges))
		return fault(b, "QEMU's answer to x-debug-query-block-graph has no nodes or no edges");
	if (read_nodes(b, nodes))
		return -1;
	g->edges = calloc(json_array_size(edges) + 1, sizeof *g->edges);
	if (!g->edges)
		abort();
	json_array_foreach(edges, i, edge)
	{
		struct edge e = {node_id(g, json_object_get(edge, "parent")),
		                 node_id(g, json_object_get(edge, "child")), text(edge, "name")};
		if (!e.parent || !e.child)
			return fault(b, "x-debug-query-block-graph: an edge leads from or to a node that is not there");
		g->edges[g->n_edges++] = e;
	}
	return 0;
}

void ft_graph_mark_beneath(struct graph *g, int node)
{
	bool changed = true;

	g->nodes[node].beneath = true;
	while (changed) {
		changed = false;
		for (size_t i = 0; i < g->n_edges; i++) {
			struct node *child = &g->nodes[g->edges[i].child];
			if (g->nodes[g->edges[i].parent].beneath && !child->beneath)
				child->beneath = changed = true;
		}
	}
}

void ft_graph_unmark(struct graph *g)
{
	for (int n = 0; n < g->n_nodes; n++)
		g->nodes[n].beneath = false;
}

int ft_graph_straight_end(const struct graph *g, int node)
{
	for (int depth = 0; depth < g->n_nodes; depth++) {
		int file = 0;
		for (size_t i = 0; i < g->n_edges && !file; i++)
			if (g->edges[i].parent == node && is_edge(&g->edges[i], "file"))
				file = g->edges[i].child;
		if (!file)
			return node;
		node = file;
	}
	return node;
}

bool ft_graph_says_secondary(const struct graph *g, int node)
{
	json_t *options = options_of(&g->nodes[node]);
	bool secondary = !strcmp(text(options, "mode"), "secondary");

	json_decref(options);
	return secondary;
}

bool ft_graph_may_be_colo(const struct node *quorum)
{
	json_t *options = options_of(quorum);
	const json_t *threshold = json_object_get(options, "vote-threshold");
	bool one = json_integer_value(threshold) == 1 ||
	           (json_is_string(threshold) && !strcmp(json_string_value(threshold), "1"));
	bool may = !options || (one && !strcmp(text(options, "read-pattern"), "fifo"));

	json_decref(options);
	return may;
}

/* QEMU never gives a child's number twice. */
bool ft_graph_is_first_child(const struct graph *g, const struct edge *edge)
{
	static const char prefix[] = "children.";
	size_t len = sizeof prefix - 1;

	if (strncmp(edge->name, prefix, len) != 0)
		return false;
	for (size_t i = 0; i < g->n_edges; i++) {
		const struct edge *e = &g->edges[i];
		if (e->parent == edge->parent && !strncmp(e->name, prefix, len) &&
		    strtoul(e->name + len, NULL, 10) < strtoul(edge->name + len, NULL, 10))
			return false;
	}
	return true;
}
