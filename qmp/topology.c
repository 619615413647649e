/* What this QEMU has: from QEMU's own answers to a topology.  See topology.h. */
#include "qmp/topology_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct kind {
	const char *type;
	const char *properties[7];
} kinds[] = {
    {"colo-compare", {"primary_in", "secondary_in", "outdev", "notify_dev", "iothread"}},
    {"filter-mirror", {"netdev", "queue", "outdev"}},
    {"filter-redirector", {"netdev", "queue", "indev", "outdev"}},
    {"filter-rewriter", {"netdev"}},
};
enum { COMPARE, MIRROR, REDIRECTOR, REWRITER, N_KINDS };

static int set_id(struct build *b, struct ft_id *out, const char *id)
{
	size_t len = strlen(id);

	if (len >= FT_ID_MAX)
		return fault(b, "the id '%.40s...' is longer than %d characters; give it a shorter one", id,
		             FT_ID_MAX - 1);
	memcpy(out->s, id, len + 1);
	return 0;
}

/* Once only; an empty id is what QEMU answers for a property that is not set. */
static int add(struct build *b, struct ft_ids *ids, const char *id)
{
	if (!*id || has(ids, id))
		return 0;
	if (ids->n == FT_ITEMS_MAX)
		return fault(b, "no room for '%.60s': ftd handles at most %d of a kind", id, FT_ITEMS_MAX);
	if (set_id(b, &ids->id[ids->n], id))
		return -1;
	ids->n++;
	return 0;
}

/* ---- queries ---- */

static int kind_of(const json_t *entry)
{
	const char *type = text(entry, "type");
	size_t len = strlen(type);

	for (int k = 0; k < N_KINDS; k++) {
		size_t want = strlen(kinds[k].type);
		if (len == want + strlen("child<>") && !strncmp(type, "child<", 6) &&
		    !strncmp(type + 6, kinds[k].type, want) && type[len - 1] == '>')
			return k;
	}
	return -1;
}

/* The only devices with an iothread property, whatever the bus; and whether they can have one for each of their queues, by
 * iothread-vq-mapping, in which case iothread reads "".  As QEMU 7.2, 10.0 and 11.1 list them. */
static const struct iothread_user {
	const char *type;
	bool maps;
} iothread_users[] = {
    {"virtio-blk", true}, {"virtio-scsi", true}, {"virtio-balloon", false}, {"xen-disk", false}, {"xen-cdrom", false},
};

static const struct iothread_user *iothread_user(const json_t *entry)
{
	const char *type = text(entry, "type");
	for (size_t i = 0; i < sizeof(iothread_users) / sizeof(iothread_users[0]); i++) {
		const char *wanted = iothread_users[i].type;
		if (!strncmp(type, "child<", 6) && !strncmp(type + 6, wanted, strlen(wanted)))
			return &iothread_users[i];
	}
	return NULL;
}

struct list {
	struct ft_query *out;
	int n, max;
	bool failed;
};

static void ask(struct list *l, const char *command, json_t *arguments, const char *key)
{
	if (l->n == l->max || strlen(key) >= sizeof(l->out[0].key)) {
		l->failed = true;
		json_decref(arguments);
		return;
	}
	struct ft_query *q = &l->out[l->n++];
	q->command = command;
	q->arguments = arguments;
	q->optional = false;
	strcpy(q->key, key);
}

static void ask_property(struct list *l, const char *folder, const json_t *entry, const char *property, bool optional)
{
	char path[FT_QUERY_KEY_MAX], key[FT_QUERY_KEY_MAX + 32];

	int n = snprintf(path, sizeof path, "%s/%s", folder, text(entry, "name"));
	if (n < 0 || (size_t)n >= sizeof path) {
		l->failed = true;
		return;
	}
	snprintf(key, sizeof key, "%s.%s", path, property);
	ask(l, "qom-get", json_pack("{s:s,s:s}", "path", path, "property", property), key);
	if (!l->failed)
		l->out[l->n - 1].optional = optional;
}

static int done(struct list *l)
{
	if (!l->failed)
		return l->n;
	for (int i = 0; i < l->n; i++)
		json_decref(l->out[i].arguments);
	return -1;
}

int ft_topology_queries(struct ft_query *out, int max)
{
	static const char *const plain[] = {"query-colo-status",         "query-migrate-parameters", "query-yank",
	                                    "x-debug-query-block-graph", "query-block-exports",      "query-chardev"};
	struct list l = {.out = out, .max = max};
	char key[FT_QUERY_KEY_MAX];

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		ask(&l, plain[i], NULL, plain[i]);
	ask(&l, "query-named-block-nodes", json_pack("{s:b}", "flat", 1), "query-named-block-nodes");
	ask(&l, "qom-list", json_pack("{s:s}", "path", "/objects"), OBJECTS);
	for (const char *const *f = ft_device_folders; *f; f++) {
		list_key(key, *f);
		ask(&l, "qom-list", json_pack("{s:s}", "path", *f), key);
	}
	return done(&l);
}

int ft_topology_qom_queries(const json_t *answers, struct ft_query *out, int max)
{
	struct list l = {.out = out, .max = max};
	char key[FT_QUERY_KEY_MAX];
	const json_t *entry;
	size_t i;

	const json_t *objects = json_object_get(answers, OBJECTS);
	if (!json_is_array(objects))
		return -1;
	json_array_foreach(objects, i, entry)
	{
		int k = kind_of(entry);
		for (const char *const *p = k < 0 ? NULL : kinds[k].properties; p && *p; p++)
			ask_property(&l, "/objects", entry, *p, false);
	}
	for (const char *const *f = ft_device_folders; *f; f++) {
		list_key(key, *f);
		json_array_foreach(json_object_get(answers, key), i, entry)
		{
			const struct iothread_user *user = iothread_user(entry);
			if (user)
				ask_property(&l, *f, entry, "iothread", false);
			if (user && user->maps)
				ask_property(&l, *f, entry, "iothread-vq-mapping", true);
			if (ft_device_can_use_chardev(entry))
				ask_property(&l, *f, entry, "chardev", false);
		}
	}
	return done(&l);
}

/* ---- objects ---- */

static int read_compare(struct build *b, const char *id)
{
	struct ft_topology *t = b->t;
	const char *primary_in, *secondary_in, *outdev, *notify_dev, *iothread;

	if (property(b, "/objects", id, "primary_in", &primary_in) ||
	    property(b, "/objects", id, "secondary_in", &secondary_in) ||
	    property(b, "/objects", id, "outdev", &outdev) || property(b, "/objects", id, "notify_dev", &notify_dev) ||
	    property(b, "/objects", id, "iothread", &iothread))
		return -1;
	if (!strncmp(iothread, "/objects/", 9) && add(b, &t->compare_iothreads, iothread + 9))
		return -1;
	return add(b, &t->compares, id) || add(b, &t->peer_chardevs, secondary_in) ||
	               add(b, &t->colo_chardevs, secondary_in) || add(b, &t->colo_chardevs, primary_in) ||
	               add(b, &t->colo_chardevs, outdev) || add(b, &t->colo_chardevs, notify_dev)
	           ? -1
	           : 0;
}

static int read_filter(struct build *b, int kind, const char *id)
{
	struct filter *f = &b->filters[b->n_filters];

	if (b->n_filters == FILTERS_MAX)
		return fault(b, "more than %d network filters; ftd handles no more", FILTERS_MAX);
	*f = (struct filter){kind, id, "", "", "", ""};
	for (const char *const *p = kinds[kind].properties; *p; p++) {
		const char **to = !strcmp(*p, "netdev")  ? &f->netdev
		                  : !strcmp(*p, "queue") ? &f->queue
		                  : !strcmp(*p, "indev") ? &f->indev
		                                         : &f->outdev;
		if (property(b, "/objects", id, *p, to))
			return -1;
	}
	b->n_filters++;
	return 0;
}

static int read_objects(struct build *b)
{
	const json_t *objects, *entry;
	size_t i;

	if (answer(b, OBJECTS, JSON_ARRAY, &objects))
		return -1;
	json_array_foreach(objects, i, entry)
	{
		int kind = kind_of(entry);
		const char *id = text(entry, "name");
		if (kind == COMPARE && b->t->role == FT_ROLE_PRIMARY && read_compare(b, id))
			return -1;
		if (kind > COMPARE && read_filter(b, kind, id))
			return -1;
	}
	return 0;
}

static bool is_feed(const struct filter *f)
{
	return f->kind == REDIRECTOR && *f->indev && strcmp(f->queue, "rx") != 0;
}

static bool is_gate(const struct filter *f)
{
	return f->kind == REDIRECTOR && *f->outdev;
}

static bool is_colo_netdev(const struct build *b, const char *netdev)
{
	bool mirror = false, rewriter = false, feed = false, gate = false;

	for (int i = 0; i < b->n_filters; i++) {
		const struct filter *f = &b->filters[i];
		if (strcmp(f->netdev, netdev) != 0)
			continue;
		mirror |= f->kind == MIRROR;
		rewriter |= f->kind == REWRITER;
		feed |= is_feed(f);
		gate |= is_gate(f);
	}
	return b->t->role == FT_ROLE_PRIMARY ? mirror && gate : rewriter || (feed && gate);
}

static int sort_filter(struct build *b, const struct filter *f)
{
	struct ft_topology *t = b->t;
	bool primary = t->role == FT_ROLE_PRIMARY;

	if (f->kind == REWRITER)
		return add(b, &t->rewriters, f->id);
	if (f->kind == MIRROR) { /* a secondary has none: one that is there feeds somebody else */
		if (!primary)
			return 0;
		return add(b, &t->mirrors, f->id) || add(b, &t->peer_chardevs, f->outdev) ||
		               add(b, &t->colo_chardevs, f->outdev)
		           ? -1
		           : 0;
	}
	if (add(b, &t->redirectors, f->id) || (is_gate(f) && add(b, &t->gates, f->id)) ||
	    add(b, &t->colo_chardevs, f->indev) || add(b, &t->colo_chardevs, f->outdev))
		return -1;
	/* A primary's redirectors end at its own compare, a secondary's at the peer. */
	return !primary && (add(b, &t->peer_chardevs, f->indev) || add(b, &t->peer_chardevs, f->outdev)) ? -1 : 0;
}

static int sort_filters(struct build *b)
{
	for (int i = 0; i < b->n_filters; i++)
		if (is_colo_netdev(b, b->filters[i].netdev) && sort_filter(b, &b->filters[i]))
			return -1;
	return 0;
}

static void drop(struct ft_ids *ids, const char *id)
{
	int n = 0;

	for (int i = 0; i < ids->n; i++)
		if (strcmp(ids->id[i].s, id) != 0)
			ids->id[n++] = ids->id[i];
	ids->n = n;
}

static int drop_mapped(struct build *b, const char *folder, const char *id, struct ft_ids *threads)
{
	char key[FT_QUERY_KEY_MAX + 64];
	const json_t *queue;
	size_t i;

	snprintf(key, sizeof key, "%s/%s.iothread-vq-mapping", folder, id);
	const json_t *mapping = json_object_get(b->answers, key);
	if (!json_is_array(mapping) && !json_is_null(mapping)) /* null: this QEMU knows of none */
		return fault(b, "QEMU's answer to %s is not of the expected form", key);
	json_array_foreach(mapping, i, queue)
	{
		drop(threads, text(queue, "iothread"));
	}
	return 0;
}

/* Takes the iothreads off the list that a device uses.  Which one an export uses QEMU does not tell: then none is ours alone. */
static int keep_used_iothreads(struct build *b)
{
	struct ft_ids *threads = &b->t->compare_iothreads;
	char key[FT_QUERY_KEY_MAX];
	const json_t *devices, *exports, *entry;
	size_t i;

	for (const char *const *f = ft_device_folders; *f; f++) {
		list_key(key, *f);
		if (answer(b, key, JSON_ARRAY, &devices))
			return -1;
		json_array_foreach(devices, i, entry)
		{
			const struct iothread_user *user = iothread_user(entry);
			const char *used, *id = text(entry, "name");
			if (!user)
				continue;
			if (property(b, *f, id, "iothread", &used))
				return -1;
			if (!strncmp(used, "/objects/", 9))
				drop(threads, used + 9);
			if (user->maps && drop_mapped(b, *f, id, threads))
				return -1;
		}
	}
	if (answer(b, "query-block-exports", JSON_ARRAY, &exports))
		return -1;
	if (json_array_size(exports))
		threads->n = 0;
	return 0;
}

/* ---- block graph ---- */

/* Whether a quorum's child sends to the peer.  With the replication driver: a promoted secondary keeps its own, in mode
 * secondary, as children.0 for ever, and the guest's storage under that may be NBD as well: so what counts is a straight way
 * down to an nbd node, and that the node does not say it is a secondary's (QEMU cuts long descriptions off; then the way down
 * alone decides).  Without that driver: the same way down, from any child but the first, of a quorum that may be COLO's. */
static bool sends_to_peer(const struct graph *g, const struct edge *e)
{
	if (!is_driver(g, ft_graph_straight_end(g, e->child), "nbd") || ft_graph_says_secondary(g, e->child))
		return false;
	return is_driver(g, e->child, "replication") ||
	       (!ft_graph_is_first_child(g, e) && ft_graph_may_be_colo(&g->nodes[e->parent]));
}

static int add_disk(struct build *b, const struct edge *e)
{
	struct graph *g = &b->graph;

	if (b->t->n_disks == FT_DISKS_MAX)
		return fault(b, "more than %d replicated disks; ftd handles no more", FT_DISKS_MAX);
	struct ft_disk *d = &b->t->disks[b->t->n_disks++];
	if (set_id(b, &d->quorum, g->nodes[e->parent].name) || set_id(b, &d->child, e->name) ||
	    set_id(b, &d->replica, g->nodes[e->child].name))
		return -1;
	ft_graph_unmark(g);
	ft_graph_mark_beneath(g, e->child);
	for (int n = 1; n < g->n_nodes; n++)
		if (g->nodes[n].beneath && is_driver(g, n, "nbd") && add(b, &d->nbd, g->nodes[n].name))
			return -1;
	return 0;
}

static int find_disks(struct build *b)
{
	const struct graph *g = &b->graph;

	for (size_t i = 0; i < g->n_edges; i++) {
		const struct edge *e = &g->edges[i];
		if (is_driver(g, e->parent, "quorum") && sends_to_peer(g, e) && add_disk(b, e))
			return -1;
	}
	return 0;
}

static bool is_beneath(const struct graph *g, const char *name)
{
	for (int n = 1; n < g->n_nodes; n++)
		if (g->nodes[n].beneath && *name && !strcmp(g->nodes[n].name, name))
			return true;
	return false;
}

static int sort_exports(struct build *b)
{
	struct graph *g = &b->graph;
	const json_t *exports, *e;
	size_t i;

	if (answer(b, "query-block-exports", JSON_ARRAY, &exports))
		return -1;
	ft_graph_unmark(g);
	for (int n = 1; n < g->n_nodes; n++)
		if (!strcmp(g->nodes[n].drv, "replication"))
			ft_graph_mark_beneath(g, n);
	json_array_foreach(exports, i, e)
	{
		bool ours = is_beneath(g, text(e, "node-name"));
		if (strcmp(text(e, "type"), "nbd") != 0)
			continue;
		if (add(b, ours ? &b->t->colo_exports : &b->t->foreign_exports, text(e, "id")))
			return -1;
	}
	return 0;
}

/* ---- the rest ---- */

static int read_status(struct build *b)
{
	const json_t *status, *parameters;

	if (answer(b, "query-colo-status", JSON_OBJECT, &status) ||
	    answer(b, "query-migrate-parameters", JSON_OBJECT, &parameters))
		return -1;
	const char *mode = text(status, "mode");
	if (!strcmp(mode, "primary"))
		b->t->role = FT_ROLE_PRIMARY;
	else if (!strcmp(mode, "secondary"))
		b->t->role = FT_ROLE_SECONDARY;
	else if (!strcmp(mode, "none"))
		b->t->role = FT_ROLE_NONE;
	else
		return fault(b, "query-colo-status: mode '%.20s' is neither none, primary nor secondary", mode);
	json_int_t delay = json_integer_value(json_object_get(parameters, "x-checkpoint-delay"));
	b->t->checkpoint_ms = delay > 0 && delay < INT32_MAX ? (int)delay : 0;
	return 0;
}

static bool is_peer_nbd(const struct ft_topology *t, const char *name)
{
	for (int d = 0; d < t->n_disks; d++)
		if (has(&t->disks[d].nbd, name))
			return true;
	return false;
}

static int read_yank(struct build *b)
{
	struct ft_topology *t = b->t;
	const json_t *instances, *instance;
	size_t i;

	if (answer(b, "query-yank", JSON_ARRAY, &instances))
		return -1;
	json_array_foreach(instances, i, instance)
	{
		const char *type = text(instance, "type"), *id = text(instance, "id"),
		           *node = text(instance, "node-name");
		if (!strcmp(type, "migration"))
			t->yank_migration = true;
		bool chardev = !strcmp(type, "chardev") && has(&t->peer_chardevs, id);
		bool block_node = !strcmp(type, "block-node") && is_peer_nbd(t, node);
		if ((chardev && add(b, &t->yank_chardevs, id)) || (block_node && add(b, &t->yank_block_nodes, node)))
			return -1;
	}
	return 0;
}

static int build(struct build *b)
{
	if (read_status(b))
		return -1;
	if (b->t->role == FT_ROLE_NONE) /* whatever stands there points at no peer yet */
		return 0;
	if (read_objects(b) || sort_filters(b) || ft_graph_read(b))
		return -1;
	if (b->t->role == FT_ROLE_PRIMARY ? find_disks(b) || keep_used_iothreads(b) : sort_exports(b))
		return -1;
	return read_yank(b) || ft_topology_judge(b) ? -1 : 0;
}

int ft_topology_build(const json_t *answers, struct ft_topology *out, char error[FT_TEXT_MAX])
{
	struct build b = {.answers = answers, .t = out, .error = error};

	memset(out, 0, sizeof *out);
	*error = 0;
	int result = build(&b);
	free(b.graph.nodes);
	free(b.graph.edges);
	return result;
}

static void add_id(struct ft_ids *ids, const struct ft_id *id)
{
	if (ids->n < FT_ITEMS_MAX)
		ids->id[ids->n++] = *id;
}

void ft_topology_disk_nodes(const struct ft_topology *t, struct ft_ids *disks, struct ft_ids *peers)
{
	disks->n = peers->n = 0;
	for (int i = 0; i < t->n_disks; i++) {
		const struct ft_disk *d = &t->disks[i];
		add_id(disks, &d->quorum);
		add_id(peers, &d->replica);
		for (int k = 0; k < d->nbd.n; k++)
			if (!has(peers, d->nbd.id[k].s))
				add_id(peers, &d->nbd.id[k]);
	}
}
