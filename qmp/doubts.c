/* What is left over once everything that COLO is known to use has been found: what of it may lead to the peer?  See topology.h.
 *
 * query-yank lists every connection that QEMU could wait on.  A plan breaks those that COLO is known to use.  Any other is
 * looked at here, and is a doubt unless it can be told that it does not lead to the peer:
 *
 * A chardev leads elsewhere if it is a UNIX socket, if a primary's compare and redirectors talk to each other by it, if its
 * protocol is for people (telnet, a browser), or if it is used by a device of the guest or named by QEMU itself (-serial,
 * -monitor, -qmp).
 * A block node leads elsewhere if its server is behind a UNIX socket, or if the guest's own storage is there: beneath a disk of
 * its own, and not beneath a further child of a quorum, nor what a job writes to.
 * Neither is believed of one whose other end has an address that is known to be the peer's: that of a connection which COLO uses.
 * (An address within this host says nothing: a tunnel could stand behind it.)
 *
 * What is wired in a way not known is a doubt, too. */
#include "qmp/topology_internal.h"

#include <stdlib.h>

#define HOST_MAX 256

static int doubt(struct build *b, const char *kind, const char *id, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static int doubt(struct build *b, const char *kind, const char *id, const char *format, ...)
{
	struct ft_doubts *all = &b->t->doubts;
	va_list ap;

	if (all->n == FT_ITEMS_MAX)
		return fault(b, "more than %d things about this QEMU's COLO that ftd does not understand",
		             FT_ITEMS_MAX);
	struct ft_doubt *d = &all->doubt[all->n++];
	if ((size_t)snprintf(d->name, sizeof d->name, "%s %s", kind, id) >= sizeof d->name)
		return fault(b, "the id '%.40s...' is longer than %d characters; give it a shorter one", id,
		             FT_ID_MAX - 1);
	va_start(ap, format);
	vsnprintf(d->why, sizeof d->why, format, ap);
	va_end(ap);
	return 0;
}

/* ---- addresses ---- */

/* "HOST:..." or "[HOST]:...": the host, "" if there is none. */
static void host_of(const char *place, char out[HOST_MAX])
{
	bool bracket = *place == '[';
	size_t len = bracket ? strcspn(place + 1, "]") : strcspn(place, ":/");

	snprintf(out, HOST_MAX, "%.*s", (int)len, place + bracket);
}

static const char *chardev_file(const struct build *b, const char *id)
{
	const json_t *chardev;
	size_t i;

	json_array_foreach(json_object_get(b->answers, "query-chardev"), i, chardev)
	{
		if (!strcmp(text(chardev, "label"), id))
			return text(chardev, "filename");
	}
	return "";
}

/* "disconnected:tcp:HOST:PORT", "tcp:HOST:PORT <-> HOST:PORT", "telnet:HOST:PORT,server=on": what stands before the address. */
static bool speaks(const char *file, const char *protocol)
{
	static const char disconnected[] = "disconnected:";
	size_t len = strlen(protocol);

	if (!strncmp(file, disconnected, sizeof disconnected - 1))
		file += sizeof disconnected - 1;
	return !strncmp(file, protocol, len) && file[len] == ':';
}

/* Of a server that nobody has connected to it is not known. */
static void chardev_peer(const char *file, char out[HOST_MAX])
{
	static const char between[] = " <-> ", disconnected[] = "disconnected:tcp:";
	const char *other = strstr(file, between);

	*out = 0;
	if (other)
		host_of(other + sizeof between - 1, out);
	else if (!strncmp(file, disconnected, sizeof disconnected - 1) && !strstr(file, ",server"))
		host_of(file + sizeof disconnected - 1, out);
}

/* The server of an nbd node by its description.  Whether it could be read: a UNIX socket has no host. */
static bool nbd_server(const struct node *n, char host[HOST_MAX], bool *is_unix)
{
	static const char tcp[] = "nbd://", local[] = "nbd+unix:";
	json_t *options = options_of(n);
	const json_t *server = json_object_get(options, "server");
	const char *type = text(server, "type"), *name = text(server, "host");

	if (!*type)
		type = text(options, "server.type");
	if (!*name)
		name = text(options, "server.host");
	if (!*name)
		name = text(options, "host");
	*is_unix = !strncmp(n->file, local, sizeof local - 1) || !strcmp(type, "unix") || *text(options, "path");
	if (!strncmp(n->file, tcp, sizeof tcp - 1))
		host_of(n->file + sizeof tcp - 1, host);
	else
		snprintf(host, HOST_MAX, "%s", name);
	json_decref(options);
	return *is_unix || *host;
}

static bool is_loopback(const char *host)
{
	return !strncmp(host, "127.", 4) || !strcmp(host, "::1") || !strcmp(host, "localhost") ||
	       !strncmp(host, "::ffff:127.", 11);
}

static const struct node *find_node(const struct graph *g, const char *name)
{
	for (int n = 1; n < g->n_nodes; n++)
		if (*name && !strcmp(g->nodes[n].name, name))
			return &g->nodes[n];
	return NULL;
}

/* Whether a connection that COLO uses has its other end there. */
static bool is_peers(const struct build *b, const char *host)
{
	const struct ft_topology *t = b->t;
	char other[HOST_MAX];
	bool local;

	if (!*host || is_loopback(host))
		return false;
	for (int i = 0; i < t->peer_chardevs.n; i++) {
		chardev_peer(chardev_file(b, t->peer_chardevs.id[i].s), other);
		if (!strcmp(host, other))
			return true;
	}
	for (int i = 0; i < t->yank_block_nodes.n; i++) {
		const struct node *n = find_node(&b->graph, t->yank_block_nodes.id[i].s);
		if (n && nbd_server(n, other, &local) && !strcmp(host, other))
			return true;
	}
	return false;
}

/* ---- what query-yank lists ---- */

/* QEMU's own names of what -monitor, -qmp, -serial, -parallel and -gdb make. */
static bool is_qemus_own(const char *id)
{
	static const char *const names[] = {"compat_monitor", "serial", "parallel"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i]);
		if (!strncmp(id, names[i], len) && id[len] && !id[len + strspn(id + len, "0123456789")])
			return true;
	}
	return !strcmp(id, "gdb");
}

static bool is_of_a_device(const struct build *b, const char *id)
{
	char list[FT_QUERY_KEY_MAX], key[2 * FT_QUERY_KEY_MAX];
	const json_t *entry;
	size_t i;

	for (const char *const *f = ft_device_folders; *f; f++) {
		list_key(list, *f);
		json_array_foreach(json_object_get(b->answers, list), i, entry)
		{
			snprintf(key, sizeof key, "%s/%s.chardev", *f, text(entry, "name"));
			if (ft_device_can_use_chardev(entry) && !strcmp(text(b->answers, key), id))
				return true;
		}
	}
	return false;
}

static int judge_chardev(struct build *b, const char *id)
{
	const char *file = chardev_file(b, id);
	bool for_people = speaks(file, "telnet") || speaks(file, "tn3270") || speaks(file, "websocket");
	char host[HOST_MAX];

	chardev_peer(file, host);
	if (speaks(file, "unix"))
		return 0;
	if (is_peers(b, host))
		return doubt(b, "chardev", id, "it leads to the peer (%.60s), and no step of a failover breaks it",
		             host);
	if (for_people || has(&b->t->colo_chardevs, id) || is_qemus_own(id) || is_of_a_device(b, id))
		return 0;
	return doubt(b, "chardev", id, "who uses it is not known; if it leads to the peer, a failover may hang on it");
}

/* Marks every node that the guest's own storage is made of. */
static void mark_own(struct graph *g)
{
	bool changed = true;

	ft_graph_unmark(g);
	for (int n = 1; n < g->n_nodes; n++)
		g->nodes[n].beneath = !strcmp(g->nodes[n].type, "block-backend");
	for (size_t i = 0; i < g->n_edges; i++) /* a mirror's own way to its target is a block backend, too */
		for (size_t k = 0; is_edge(&g->edges[i], "target") && k < g->n_edges; k++)
			if (!strcmp(g->nodes[g->edges[i].parent].type, "block-job") &&
			    g->edges[k].child == g->edges[i].child)
				g->nodes[g->edges[k].parent].beneath = false;
	while (changed) {
		changed = false;
		for (size_t i = 0; i < g->n_edges; i++) {
			const struct edge *e = &g->edges[i];
			bool further = is_driver(g, e->parent, "quorum") && !ft_graph_is_first_child(g, e);
			bool way = g->nodes[e->parent].beneath && !further;
			if (way && !g->nodes[e->child].beneath)
				g->nodes[e->child].beneath = changed = true;
		}
	}
}

static int judge_block_node(struct build *b, const char *name)
{
	const struct node *n = find_node(&b->graph, name);
	char host[HOST_MAX] = "";
	bool local = false;

	bool known = n && nbd_server(n, host, &local);
	if (local)
		return 0;
	if (is_peers(b, host))
		return doubt(b, "block-node", name, "it leads to the peer (%.60s), and no step of a failover breaks it",
		             host);
	if (known && n->beneath)
		return 0;
	return doubt(b, "block-node", name,
	             "it is not seen to be the guest's own disk; if it leads to the peer, a failover may hang on it");
}

static int judge_yank(struct build *b)
{
	const struct ft_topology *t = b->t;
	const json_t *instances, *instance;
	size_t i;

	if (answer(b, "query-yank", JSON_ARRAY, &instances))
		return -1;
	mark_own(&b->graph);
	json_array_foreach(instances, i, instance)
	{
		const char *type = text(instance, "type"), *id = text(instance, "id"),
		           *node = text(instance, "node-name");
		int bad = 0;
		if (!strcmp(type, "chardev"))
			bad = has(&t->yank_chardevs, id) ? 0 : judge_chardev(b, id);
		else if (!strcmp(type, "block-node"))
			bad = has(&t->yank_block_nodes, node) ? 0 : judge_block_node(b, node);
		else if (strcmp(type, "migration") != 0)
			bad = doubt(b, "yank", type, "a kind of connection that ftd does not know");
		if (bad)
			return -1;
	}
	return 0;
}

/* ---- what is wired in a way not known ---- */

/* A copy of the guest's disk that is elsewhere, and not by NBD. */
static int judge_copies(struct build *b)
{
	static const char *const here[] = {"nbd", "file", "host_device", "null-co", "null-aio", "nvme", "io_uring"};
	const struct graph *g = &b->graph;

	for (size_t i = 0; i < g->n_edges; i++) {
		const struct edge *e = &g->edges[i];
		if (!is_driver(g, e->parent, "quorum") || ft_graph_is_first_child(g, e) ||
		    !ft_graph_may_be_colo(&g->nodes[e->parent]))
			continue;
		int end = ft_graph_straight_end(g, e->child);
		bool known = false;
		for (size_t k = 0; k < sizeof(here) / sizeof(here[0]); k++)
			known |= is_driver(g, end, here[k]);
		if (!known && doubt(b, "block-node", g->nodes[e->child].name,
		                    "a copy of the guest's disk by '%.20s', which no step of a failover can break",
		                    g->nodes[end].drv))
			return -1;
	}
	return 0;
}

/* Filters that neither COLO nor ftd has anything to do with are known by name: a later QEMU may have more of them. */
static int judge_objects(struct build *b)
{
	static const char *const known[] = {
	    "child<filter-mirror>", "child<filter-redirector>", "child<filter-rewriter>", "child<filter-buffer>",
	    "child<filter-dump>",   "child<filter-replay>",     "child<colo-compare>"};
	const json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(b->answers, OBJECTS), i, entry)
	{
		const char *type = text(entry, "type");
		bool is_known = strncmp(type, "child<filter-", 13) != 0 && strncmp(type, "child<colo-", 11) != 0;
		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			is_known |= !strcmp(type, known[k]);
		if (!is_known &&
		    doubt(b, "object", text(entry, "name"), "'%.40s' is of a kind that ftd does not know", type))
			return -1;
	}
	return 0;
}

/* Until the redirector before a compare is gone, nothing that the guest sends gets out. */
static int judge_compares(struct build *b)
{
	const struct ft_topology *t = b->t;

	if (t->compares.n <= t->gates.n)
		return 0;
	return doubt(b, "object", t->compares.id[t->compares.n - 1].s,
	             "no redirector is seen that feeds it: after a failover the guest could reach nobody");
}

/* A secondary whose disk is served, but no disk of COLO's: the old primary could go on writing after a failover. */
static int judge_exports(struct build *b)
{
	const struct ft_topology *t = b->t;

	if (t->role != FT_ROLE_SECONDARY || t->colo_exports.n || !t->foreign_exports.n)
		return 0;
	return doubt(
	    b, "export", t->foreign_exports.id[0].s,
	    "no replication node stands over it; if it takes the primary's writes, a failover does not end them");
}

int ft_topology_judge(struct build *b)
{
	const json_t *chardevs;

	if (answer(b, "query-chardev", JSON_ARRAY, &chardevs))
		return -1;
	return judge_yank(b) || judge_copies(b) || judge_objects(b) || judge_compares(b) || judge_exports(b) ? -1 : 0;
}
