/* What is found in the answers of real QEMUs, and what must be left alone. */
#include "qmp/topology.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static struct ft_topology topology;
static char error[FT_TEXT_MAX];

/* The fixtures lie beside this source file; the tests run in the project's root. */
static json_t *fixture(const char *name)
{
	char path[PATH_MAX];
	json_error_t e;

	snprintf(path, sizeof path, "tests/unit/fixtures/%s.json", name);
	json_t *answers = json_load_file(path, 0, &e);
	ck_assert_msg(answers != NULL, "%s: %s", path, e.text);
	return answers;
}

/* Takes the reference. */
static void build(json_t *answers)
{
	int result = ft_topology_build(answers, &topology, error);

	json_decref(answers);
	ck_assert_msg(result == 0, "%s", error);
}

static void refuse(json_t *answers, const char *part)
{
	int result = ft_topology_build(answers, &topology, error);

	json_decref(answers);
	ck_assert_int_eq(result, -1);
	ck_assert_msg(strstr(error, part) != NULL, "'%s' does not name '%s'", error, part);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct ft_id *)a)->s, ((const struct ft_id *)b)->s);
}

/* The ids, sorted, since QEMU lists objects in no order, with a blank between them. */
static const char *list(const struct ft_ids *ids)
{
	static char out[FT_ITEMS_MAX * FT_ID_MAX];
	struct ft_ids sorted = *ids;

	qsort(sorted.id, (size_t)sorted.n, sizeof sorted.id[0], by_name);
	*out = 0;
	for (int i = 0; i < sorted.n; i++) {
		strcat(out, i ? " " : "");
		strcat(out, sorted.id[i].s);
	}
	return out;
}

static json_t *entry(json_t *answers, const char *key, const char *name_key, const char *name)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(answers, key), i, item)
	{
		const char *s = json_string_value(json_object_get(item, name_key));
		if (s && !strcmp(s, name))
			return item;
	}
	ck_abort_msg("no %s in %s", name, key);
}

START_TEST(default_primary)
{
	build(fixture("default-primary"));
	ck_assert_int_eq(topology.role, FT_ROLE_PRIMARY);
	ck_assert_int_eq(topology.checkpoint_ms, 300);
	ck_assert_int_eq(topology.n_disks, 1);
	ck_assert_str_eq(topology.disks[0].child.s, "children.1");
	ck_assert_str_eq(topology.disks[0].replica.s, "replication0");
	ck_assert_str_eq(list(&topology.disks[0].nbd), "nbd0");
	ck_assert_str_eq(list(&topology.compares), "comp0");
	ck_assert_str_eq(list(&topology.compare_iothreads), "iothread1");
	ck_assert_str_eq(list(&topology.mirrors), "m0");
	ck_assert_str_eq(list(&topology.redirectors), "redire0 redire1");
	ck_assert_str_eq(list(&topology.gates), "redire1");
	ck_assert_str_eq(list(&topology.peer_chardevs), "compare1 mirror0");
	ck_assert_str_eq(list(&topology.colo_chardevs),
	                 "compare0 compare0-0 compare1 compare_out compare_out0 mirror0");
	ck_assert_str_eq(list(&topology.yank_chardevs), "compare1 mirror0");
	ck_assert_str_eq(list(&topology.yank_block_nodes), "nbd0");
	ck_assert(topology.yank_migration);
}
END_TEST

/* An error on one of the latter is replication's; on another child of the quorum it is that of this host's disk. */
START_TEST(the_peers_copies_of_the_disks_are_told_from_our_own)
{
	static struct ft_ids disks, peers;

	build(fixture("renamed-primary"));
	ft_topology_disk_nodes(&topology, &disks, &peers);
	ck_assert_int_eq(disks.n, 2);
	ck_assert_int_eq(peers.n, 4);
	ck_assert_ptr_nonnull(strstr(list(&peers), "toward-b"));
	ck_assert_ptr_nonnull(strstr(list(&peers), "wire"));
	ck_assert_ptr_nonnull(strstr(list(&disks), "q-data"));
	build(fixture("default-secondary"));
	ft_topology_disk_nodes(&topology, &disks, &peers);
	ck_assert_int_eq(disks.n + peers.n, 0);
}
END_TEST

START_TEST(default_secondary)
{
	build(fixture("default-secondary"));
	ck_assert_int_eq(topology.role, FT_ROLE_SECONDARY);
	ck_assert_int_eq(topology.n_disks, 0);
	ck_assert_str_eq(list(&topology.redirectors), "f1 f2");
	ck_assert_str_eq(list(&topology.gates), "f2");
	ck_assert_str_eq(list(&topology.rewriters), "rew0");
	ck_assert_str_eq(list(&topology.peer_chardevs), "red0 red1");
	ck_assert_str_eq(list(&topology.colo_exports), "parent0");
	ck_assert_int_eq(topology.foreign_exports.n, 0);
	ck_assert(topology.yank_migration);
}
END_TEST

/* Two disks, two network cards, no id of the documentation, one disk's own storage on NBD, a mirror that feeds somebody else. */
START_TEST(renamed_primary)
{
	build(fixture("renamed-primary"));
	ck_assert_int_eq(topology.n_disks, 2);
	for (int d = 0; d < 2; d++) {
		bool data = !strcmp(topology.disks[d].quorum.s, "q-data");
		ck_assert_str_eq(topology.disks[d].replica.s, data ? "data-to-b" : "toward-b");
		ck_assert_str_eq(list(&topology.disks[d].nbd), data ? "wire" : "#block306");
	}
	ck_assert_str_eq(list(&topology.yank_block_nodes), "#block306 wire");
	ck_assert_str_eq(list(&topology.compares), "judge0 judge1");
	ck_assert_str_eq(list(&topology.compare_iothreads), "cmp-thread0 cmp-thread1");
	ck_assert_str_eq(list(&topology.mirrors), "copy0 copy1");
	ck_assert_str_eq(list(&topology.gates), "away0 away1");
	ck_assert_str_eq(list(&topology.redirectors), "away0 away1 back0 back1");
	ck_assert_str_eq(list(&topology.yank_chardevs), "from-peer0 from-peer1 mir0 mir1");
	ck_assert_str_eq(list(&topology.colo_chardevs),
	                 "cin-l0 cin-l1 cin0 cin1 cout-l0 cout-l1 cout0 cout1 from-peer0 from-peer1 mir0 mir1");
}
END_TEST

/* Its second card has no rewriter: the pair of redirectors tells. */
START_TEST(renamed_secondary)
{
	build(fixture("renamed-secondary"));
	ck_assert_str_eq(list(&topology.redirectors), "give0 give1 take0 take1");
	ck_assert_str_eq(list(&topology.gates), "give0 give1");
	ck_assert_str_eq(list(&topology.rewriters), "seq0");
	ck_assert_int_eq(topology.mirrors.n, 0);
	ck_assert_str_eq(list(&topology.yank_chardevs), "in0 in1 out0 out1");
	ck_assert_str_eq(list(&topology.colo_exports), "data-exp sysbase");
	ck_assert_str_eq(list(&topology.foreign_exports), "other-exp");
}
END_TEST

/* A promoted secondary keeps its old replication node as children.0: that one is its own disk. */
START_TEST(resumed_primary)
{
	build(fixture("resumed-primary"));
	ck_assert_int_eq(topology.n_disks, 1);
	ck_assert_str_eq(topology.disks[0].child.s, "children.1");
	ck_assert_str_eq(topology.disks[0].replica.s, "replication0");
	ck_assert_str_eq(list(&topology.gates), "redire1");
	ck_assert_str_eq(list(&topology.rewriters), "rew0");
	ck_assert_str_eq(list(&topology.yank_chardevs), "compare1 mirror0");
}
END_TEST

START_TEST(the_child_edge_is_read_and_not_assumed)
{
	json_t *answers = fixture("default-primary"), *graph = json_object_get(answers, "x-debug-query-block-graph"),
	       *edge;
	size_t i;

	json_array_foreach(json_object_get(graph, "edges"), i, edge)
	{
		if (!strcmp(json_string_value(json_object_get(edge, "name")), "children.1"))
			json_object_set_new(edge, "name", json_string("children.7"));
	}
	build(answers);
	ck_assert_str_eq(topology.disks[0].child.s, "children.7");
}
END_TEST

/* The overlay of a promoted secondary on NBD: a straight way down, but it says that it is a secondary's. */
START_TEST(own_storage_on_nbd_is_left_alone)
{
	json_t *answers = fixture("default-primary");
	json_t *node = entry(answers, "query-named-block-nodes", "node-name", "replication0");

	json_object_set_new(node, "file", json_string("json:{\"driver\": \"replication\", \"mode\": \"secondary\"}"));
	build(answers);
	ck_assert_int_eq(topology.n_disks, 0);
	ck_assert_int_eq(topology.yank_block_nodes.n, 0);
}
END_TEST

START_TEST(a_description_cut_short_does_not_hide_the_disk)
{
	json_t *answers = fixture("default-primary");
	json_t *node = entry(answers, "query-named-block-nodes", "node-name", "replication0");

	json_object_set_new(node, "file", json_string("json:{\"driver\": \"repl..."));
	build(answers);
	ck_assert_int_eq(topology.n_disks, 1);
}
END_TEST

START_TEST(no_network)
{
	build(fixture("nonet-primary"));
	ck_assert_int_eq(topology.peer_chardevs.n + topology.redirectors.n + topology.compares.n, 0);
	ck_assert_str_eq(list(&topology.yank_block_nodes), "nbd0");
	build(fixture("nonet-secondary"));
	ck_assert_int_eq(topology.peer_chardevs.n + topology.redirectors.n, 0);
	ck_assert_str_eq(list(&topology.colo_exports), "parent0");
}
END_TEST

START_TEST(only_what_query_yank_lists_is_yanked)
{
	json_t *answers = fixture("default-primary");

	json_object_set_new(answers, "query-yank", json_pack("[{s:s,s:s}]", "type", "chardev", "id", "mirror0"));
	build(answers);
	ck_assert_str_eq(list(&topology.yank_chardevs), "mirror0");
	ck_assert_int_eq(topology.yank_block_nodes.n, 0);
	ck_assert(!topology.yank_migration);
}
END_TEST

static json_t *with_device(const char *iothread)
{
	json_t *answers = fixture("default-primary");

	json_array_append_new(json_object_get(answers, "qom-list /machine/peripheral"),
	                      json_pack("{s:s,s:s}", "name", "v0", "type", "child<virtio-blk-pci>"));
	json_object_set_new(answers, "/machine/peripheral/v0.iothread", json_string(iothread));
	json_object_set_new(answers, "/machine/peripheral/v0.iothread-vq-mapping", json_null()); /* as of 7.2 */
	return answers;
}

START_TEST(an_iothread_in_use_is_left_alone)
{
	build(with_device("/objects/iothread1"));
	ck_assert_int_eq(topology.compare_iothreads.n, 0);
	build(with_device("/objects/another"));
	ck_assert_str_eq(list(&topology.compare_iothreads), "iothread1");
}
END_TEST

/* Each queue of a device may have its own, from QEMU 9.0 on; iothread reads "" then. */
START_TEST(an_iothread_of_a_queue_is_left_alone)
{
	json_t *answers = with_device("");
	const char *mapping = "/machine/peripheral/v0.iothread-vq-mapping";

	json_object_set_new(answers, mapping, json_array());
	build(json_deep_copy(answers));
	ck_assert_str_eq(list(&topology.compare_iothreads), "iothread1");
	json_object_set_new(answers, mapping, json_pack("[{s:s},{s:s}]", "iothread", "t0", "iothread", "iothread1"));
	build(json_deep_copy(answers));
	ck_assert_int_eq(topology.compare_iothreads.n, 0);
	json_object_del(answers, mapping);
	refuse(answers, "iothread-vq-mapping");
}
END_TEST

START_TEST(an_iothread_of_a_balloon_is_left_alone)
{
	json_t *answers = fixture("default-primary");

	json_array_append_new(json_object_get(answers, "qom-list /machine/peripheral-anon"),
	                      json_pack("{s:s,s:s}", "name", "device[0]", "type", "child<virtio-balloon-pci>"));
	json_object_set_new(answers, "/machine/peripheral-anon/device[0].iothread", json_string("/objects/iothread1"));
	build(answers);
	ck_assert_int_eq(topology.compare_iothreads.n, 0);
}
END_TEST

START_TEST(an_export_could_use_any_iothread)
{
	json_t *answers = fixture("default-primary");

	json_array_append_new(json_object_get(answers, "query-block-exports"),
	                      json_pack("{s:s,s:s,s:s}", "id", "e", "type", "vhost-user-blk", "node-name", "n"));
	build(answers);
	ck_assert_int_eq(topology.compare_iothreads.n, 0);
}
END_TEST

START_TEST(outside_colo_nothing_points_at_a_peer)
{
	json_t *answers = fixture("default-primary");

	json_object_set_new(json_object_get(answers, "query-colo-status"), "mode", json_string("none"));
	build(answers);
	ck_assert_int_eq(topology.role, FT_ROLE_NONE);
	ck_assert_int_eq(topology.yank_chardevs.n + topology.n_disks, 0);
}
END_TEST

/* ---- QEMU's newer wiring: an NBD node directly under the quorum ---- */

START_TEST(nbd_directly_under_the_quorum)
{
	static struct ft_ids disks, peers;

	build(fixture("nbd-primary"));
	ck_assert_int_eq(topology.n_disks, 1);
	ck_assert_str_eq(topology.disks[0].child.s, "children.1");
	ck_assert_str_eq(topology.disks[0].replica.s, "nbd0");
	ck_assert_str_eq(list(&topology.disks[0].nbd), "nbd0");
	ck_assert_str_eq(list(&topology.yank_block_nodes), "nbd0");
	ft_topology_disk_nodes(&topology, &disks, &peers);
	ck_assert_str_eq(list(&peers), "nbd0");
}
END_TEST

/* The names of all doubts, with a comma between them. */
static const char *doubts(void)
{
	static char out[FT_ITEMS_MAX * FT_DOUBT_NAME_MAX];

	*out = 0;
	for (int i = 0; i < topology.doubts.n; i++) {
		strcat(out, i ? ", " : "");
		strcat(out, topology.doubts.doubt[i].name);
	}
	return out;
}

START_TEST(what_was_recorded_leaves_no_doubt)
{
	static const char *const fixtures[] = {"default", "nonet", "renamed", "resumed", "nbd"};

	for (int f = 0; f < 5; f++)
		for (int role = 0; role < 2; role++) {
			char name[64];
			snprintf(name, sizeof name, "%s-%s", fixtures[f], role ? "secondary" : "primary");
			build(fixture(name));
			ck_assert_msg(topology.doubts.n == 0, "%s: %s", name, doubts());
		}
}
END_TEST

/* The quorum of the fixture, with another description. */
static json_t *quorum_is(const char *description)
{
	json_t *answers = fixture("nbd-primary"), *node;
	size_t i;

	json_array_foreach(json_object_get(answers, "query-named-block-nodes"), i, node)
	{
		if (!strcmp(json_string_value(json_object_get(node, "drv")), "quorum"))
			json_object_set_new(node, "file", json_string(description));
	}
	return answers;
}

/* Someone's redundant storage: it is not taken apart; but where it leads is not known. */
START_TEST(a_quorum_of_another_kind_is_not_colos)
{
	static const char *const others[] = {
	    "json:{\"driver\": \"quorum\", \"read-pattern\": \"fifo\", \"vote-threshold\": 2}",
	    "json:{\"driver\": \"quorum\", \"read-pattern\": \"quorum\", \"vote-threshold\": \"1\"}",
	    "json:{\"driver\": \"quorum\", \"vote-threshold\": 1}"};

	for (int i = 0; i < 3; i++) {
		build(quorum_is(others[i]));
		ck_assert_int_eq(topology.n_disks, 0);
		ck_assert_int_eq(topology.yank_block_nodes.n, 0);
		ck_assert_str_eq(doubts(), "block-node nbd0");
	}
	build(quorum_is("json:{\"driver\": \"quorum\", \"read-pattern\": \"fifo\", \"vote-threshold\": 1}"));
	ck_assert_int_eq(topology.n_disks, 1);
	build(quorum_is("json:{\"read-pattern\": \"fifo\", \"children\": [{\"dri..."));
	ck_assert_int_eq(topology.n_disks, 1);
}
END_TEST

START_TEST(a_quorum_of_another_kind_with_a_replication_node_is_colos)
{
	json_t *answers = fixture("default-primary"), *node;
	size_t i;

	json_array_foreach(json_object_get(answers, "query-named-block-nodes"), i, node)
	{
		if (!strcmp(json_string_value(json_object_get(node, "drv")), "quorum"))
			json_object_set_new(node, "file",
			                    json_string("json:{\"driver\": \"quorum\", \"vote-threshold\": 1}"));
	}
	build(answers);
	ck_assert_int_eq(topology.n_disks, 1);
	ck_assert_int_eq(topology.doubts.n, 0);
}
END_TEST

static void rename_edge(json_t *answers, const char *from, const char *to)
{
	json_t *edge, *graph = json_object_get(answers, "x-debug-query-block-graph");
	size_t i;

	json_array_foreach(json_object_get(graph, "edges"), i, edge)
	{
		if (!strcmp(json_string_value(json_object_get(edge, "name")), from))
			json_object_set_new(edge, "name", json_string(to));
	}
}

/* The guest's own disk on an NBD server, and the copy on this host. */
START_TEST(the_first_child_is_the_guests_own_disk)
{
	json_t *answers = fixture("nbd-primary");

	rename_edge(answers, "children.0", "children.10");
	rename_edge(answers, "children.1", "children.9");
	build(answers);
	ck_assert_int_eq(topology.n_disks, 0);
	ck_assert_int_eq(topology.doubts.n, 0);
}
END_TEST

/* ---- doubts ---- */

static void add_chardev(json_t *answers, const char *id, const char *file)
{
	json_array_append_new(json_object_get(answers, "query-yank"),
	                      json_pack("{s:s,s:s}", "type", "chardev", "id", id));
	if (file)
		json_array_append_new(json_object_get(answers, "query-chardev"),
		                      json_pack("{s:s,s:s,s:b}", "label", id, "filename", file, "frontend-open", 1));
}

static json_t *with_chardev(const char *of, const char *id, const char *file)
{
	json_t *answers = fixture(of);

	add_chardev(answers, id, file);
	return answers;
}

static const char *const both[] = {"default-primary", "default-secondary"};

START_TEST(a_chardev_that_nobody_knows_is_doubted)
{
	for (int i = 0; i < 2; i++) {
		build(with_chardev(both[i], "mon0", "disconnected:tcp:0.0.0.0:4444,server=on"));
		ck_assert_str_eq(doubts(), "chardev mon0");
		build(with_chardev(both[i], "x", "tcp:10.0.0.1:4444 <-> 10.0.0.9:5555"));
		ck_assert_str_eq(doubts(), "chardev x");
		build(with_chardev(both[i], "unlisted", NULL));
		ck_assert_str_eq(doubts(), "chardev unlisted");
		build(with_chardev(both[i], "serial", "tcp:10.0.0.1:4444 <-> 10.0.0.9:5555"));
		ck_assert_str_eq(doubts(), "chardev serial");
	}
}
END_TEST

START_TEST(a_chardev_that_leads_elsewhere_is_not_doubted)
{
	for (int i = 0; i < 2; i++) {
		json_t *answers = with_chardev(both[i], "local", "unix:/run/x.sock,server=on");
		add_chardev(answers, "local2", "disconnected:unix:/run/tcp:x.sock,server=on");
		add_chardev(answers, "people", "telnet:0.0.0.0:4444,server=on <-> 10.0.0.9:5555");
		add_chardev(answers, "serial1", "tcp:10.0.0.1:4444 <-> 10.0.0.9:5555");
		add_chardev(answers, "compat_monitor7", "tcp:10.0.0.1:4444,server=on <-> 10.0.0.9:5555");
		build(answers);
		ck_assert_str_eq(doubts(), "");
	}
}
END_TEST

START_TEST(a_chardev_of_a_device_is_not_doubted)
{
	json_t *answers = with_chardev("default-primary", "agent", "tcp:10.0.0.1:4444 <-> 10.0.0.9:5555");

	json_array_append_new(json_object_get(answers, "qom-list /machine/peripheral"),
	                      json_pack("{s:s,s:s}", "name", "port0", "type", "child<virtserialport>"));
	json_object_set_new(answers, "/machine/peripheral/port0.chardev", json_string("agent"));
	build(answers);
	ck_assert_str_eq(doubts(), "");
}
END_TEST

/* Where one of COLO's connections has its other end, it is the peer, whoever else has a connection there. */
static json_t *peer_is_at(const char *of, const char *chardev, const char *address)
{
	json_t *answers = fixture(of), *c = entry(answers, "query-chardev", "label", chardev);
	char file[128];

	snprintf(file, sizeof file, "tcp:10.0.0.1:9003,server=on <-> %s:33333", address);
	json_object_set_new(c, "filename", json_string(file));
	return answers;
}

START_TEST(whatever_leads_to_the_peers_address_is_named)
{
	static const char *const chardevs[] = {"mirror0", "red0"}, *const addresses[] = {"10.0.0.2", "[fd00::2]"};

	for (int i = 0; i < 4; i++) {
		char file[128];
		json_t *answers = peer_is_at(both[i % 2], chardevs[i % 2], addresses[i / 2]);
		snprintf(file, sizeof file, "telnet:0.0.0.0:4444,server=on <-> %s:5555", addresses[i / 2]);
		add_chardev(answers, "serial1", file);
		snprintf(file, sizeof file, "disconnected:tcp:%s:5555", addresses[i / 2]);
		add_chardev(answers, "compat_monitor9", file);
		build(answers);
		ck_assert_str_eq(doubts(), "chardev serial1, chardev compat_monitor9");
		ck_assert_ptr_nonnull(strstr(topology.doubts.doubt[0].why, i / 2 ? "fd00::2" : "10.0.0.2"));
	}
}
END_TEST

/* A node like that of the peer's copy, and a way to it. */
static void add_nbd(json_t *answers, const char *name, const char *file, int parent, const char *edge)
{
	json_t *graph = json_object_get(answers, "x-debug-query-block-graph"), *nodes = json_object_get(graph, "nodes");
	int id = (int)json_array_size(nodes) + 1;

	json_array_append_new(nodes, json_pack("{s:i,s:s,s:s}", "id", id, "name", name, "type", "block-driver"));
	if (parent)
		json_array_append_new(json_object_get(graph, "edges"),
		                      json_pack("{s:i,s:i,s:s}", "parent", parent, "child", id, "name", edge));
	json_array_append_new(json_object_get(answers, "query-named-block-nodes"),
	                      json_pack("{s:s,s:s,s:s}", "node-name", name, "drv", "nbd", "file", file));
	json_array_append_new(json_object_get(answers, "query-yank"),
	                      json_pack("{s:s,s:s}", "type", "block-node", "node-name", name));
}

/* Its number. */
static int add_parent(json_t *answers, const char *name, const char *type)
{
	json_t *nodes = json_object_get(json_object_get(answers, "x-debug-query-block-graph"), "nodes");
	int id = (int)json_array_size(nodes) + 1;

	json_array_append_new(nodes, json_pack("{s:i,s:s,s:s}", "id", id, "name", name, "type", type));
	return id;
}

START_TEST(storage_of_the_guests_own_is_not_doubted)
{
	for (int i = 0; i < 2; i++) {
		json_t *answers = fixture(both[i]);
		add_nbd(answers, "data", "nbd://10.0.0.9:10809/data", add_parent(answers, "", "block-backend"), "root");
		add_nbd(answers, "more", "json:{\"driver\": \"nbd\", \"server.host\": \"nas\", \"export\": \"m\"}",
		        add_parent(answers, "d1", "block-backend"), "root");
		add_nbd(answers, "here", "nbd+unix:///x?socket=/run/x", 0, NULL);
		build(answers);
		ck_assert_str_eq(doubts(), "");
		ck_assert(!strstr(list(&topology.yank_block_nodes), "data"));
	}
}
END_TEST

START_TEST(other_nbd_connections_are_doubted)
{
	for (int i = 0; i < 2; i++) {
		json_t *answers = fixture(both[i]);
		add_nbd(answers, "loose", "nbd://10.0.0.9:10809/data", 0, NULL);
		build(answers);
		ck_assert_str_eq(doubts(), "block-node loose");

		/* A mirror has a block backend of its own on what it writes to. */
		answers = fixture(both[i]);
		add_nbd(answers, "copy", "nbd://10.0.0.9:10809/data", add_parent(answers, "", "block-backend"), "root");
		json_t *graph = json_object_get(answers, "x-debug-query-block-graph");
		int copy = (int)json_array_size(json_object_get(graph, "nodes"));
		json_array_append_new(json_object_get(graph, "edges"),
		                      json_pack("{s:i,s:i,s:s}", "parent", add_parent(answers, "j", "block-job"),
		                                "child", copy, "name", "target"));
		build(answers);
		ck_assert_str_eq(doubts(), "block-node copy");

		/* The guest's own, and on the peer: no plan could save it. */
		answers = i ? peer_is_at(both[i], "red0", "10.0.0.2") : peer_is_at(both[i], "mirror0", "10.0.0.2");
		add_nbd(answers, "data", "nbd://10.0.0.2:10809/data", add_parent(answers, "", "block-backend"), "root");
		build(answers);
		ck_assert_str_eq(doubts(), "block-node data");

		answers = fixture(both[i]);
		add_nbd(answers, "data", "json:{\"driver\": \"nb...", add_parent(answers, "", "block-backend"), "root");
		build(answers);
		ck_assert_str_eq(doubts(), "block-node data");
	}
}
END_TEST

START_TEST(a_connection_of_a_kind_not_known_is_doubted)
{
	for (int i = 0; i < 2; i++) {
		json_t *answers = fixture(both[i]);
		json_array_append_new(json_object_get(answers, "query-yank"), json_pack("{s:s}", "type", "vfio-user"));
		build(answers);
		ck_assert_str_eq(doubts(), "yank vfio-user");
	}
}
END_TEST

START_TEST(a_copy_of_the_disk_by_another_protocol_is_doubted)
{
	json_t *answers = fixture("nbd-primary");

	json_object_set_new(entry(answers, "query-named-block-nodes", "node-name", "nbd0"), "drv", json_string("ssh"));
	build(answers);
	ck_assert_int_eq(topology.n_disks, 0);
	ck_assert_ptr_nonnull(strstr(doubts(), "block-node nbd0"));
}
END_TEST

START_TEST(a_network_that_is_not_understood_is_doubted)
{
	json_t *answers = fixture("default-primary");

	json_array_append_new(json_object_get(answers, "qom-list /objects"),
	                      json_pack("{s:s,s:s}", "name", "q0", "type", "child<filter-quic>"));
	json_array_append_new(json_object_get(answers, "qom-list /objects"),
	                      json_pack("{s:s,s:s}", "name", "d0", "type", "child<filter-dump>"));
	build(answers);
	ck_assert_str_eq(doubts(), "object q0");

	answers = fixture("default-primary"); /* the guest's network would stay shut */
	json_object_set_new(answers, "/objects/redire1.netdev", json_string("another"));
	build(answers);
	ck_assert_ptr_nonnull(strstr(doubts(), "object comp0"));
}
END_TEST

START_TEST(a_secondary_whose_disk_is_served_without_replication_is_doubted)
{
	json_t *answers = fixture("default-secondary"), *node;
	size_t i;

	json_array_foreach(json_object_get(answers, "query-named-block-nodes"), i, node)
	{
		if (!strcmp(json_string_value(json_object_get(node, "drv")), "replication"))
			json_object_set_new(node, "drv", json_string("raw"));
	}
	build(answers);
	ck_assert_str_eq(doubts(), "export parent0");
}
END_TEST

START_TEST(too_many_doubts_are_refused)
{
	json_t *answers = fixture("default-primary");
	char id[16];

	for (int i = 0; i <= FT_ITEMS_MAX; i++) {
		snprintf(id, sizeof id, "c%d", i);
		add_chardev(answers, id, "tcp:10.0.0.1:4444 <-> 10.0.0.9:5555");
	}
	refuse(answers, "does not understand");
}
END_TEST

START_TEST(outside_colo_nothing_is_doubted)
{
	json_t *answers = with_chardev("default-primary", "mon0", "disconnected:tcp:0.0.0.0:4444,server=on");

	json_object_set_new(json_object_get(answers, "query-colo-status"), "mode", json_string("none"));
	build(answers);
	ck_assert_int_eq(topology.doubts.n, 0);
}
END_TEST

/* Each answer taken away in turn: always a line that names it, never a guess. */
START_TEST(a_missing_answer_is_named)
{
	static const char *const fixtures[] = {"default-primary", "default-secondary"};

	for (int f = 0; f < 2; f++) {
		json_t *all = fixture(fixtures[f]), *value;
		const char *key;
		int refused = 0, asked = 0;
		json_object_foreach(all, key, value)
		{
			json_t *answers = json_copy(all);
			json_object_del(answers, key);
			asked++;
			if (ft_topology_build(answers, &topology, error)) {
				ck_assert_msg(strstr(error, key) != NULL, "'%s' does not name '%s'", error, key);
				refused++;
			}
			json_object_set_new(answers, key, json_true());
			(void)ft_topology_build(answers, &topology, error);
			json_decref(answers);
		}
		/* Devices matter to a primary only, and these pairs have none that count. */
		ck_assert_int_ge(refused, asked - 2);
		json_decref(all);
	}
}
END_TEST

START_TEST(nonsense_is_refused)
{
	json_t *answers = fixture("default-primary");
	json_t *graph = json_object_get(answers, "x-debug-query-block-graph");
	char *huge = calloc(1, 4096);

	json_object_set_new(json_array_get(json_object_get(graph, "edges"), 0), "child", json_integer(4000000000));
	refuse(answers, "an edge leads");

	answers = fixture("default-primary");
	graph = json_object_get(answers, "x-debug-query-block-graph");
	json_object_set_new(json_array_get(json_object_get(graph, "nodes"), 0), "id", json_integer(-3));
	refuse(answers, "node's id");

	answers = fixture("default-primary");
	json_object_set_new(json_object_get(answers, "query-colo-status"), "mode", json_string("both"));
	refuse(answers, "both");

	answers = fixture("default-primary");
	memset(huge, 'x', 4095);
	json_object_set_new(answers, "/objects/m0.outdev", json_string(huge));
	refuse(answers, "longer than");
	free(huge);
}
END_TEST

static json_t *longer_than_an_id(void)
{
	char id[2 * FT_ID_MAX];

	memset(id, 'x', sizeof id - 1);
	id[sizeof id - 1] = '\0';
	return json_string(id);
}

/* Cut short, it would name something else. */
START_TEST(an_id_that_is_too_long_is_refused_wherever_it_stands)
{
	static const char *const properties[] = {"/objects/m0.outdev", "/objects/redire1.outdev"};
	for (int i = 0; i < 2; i++) {
		json_t *answers = fixture("default-primary");
		json_object_set_new(answers, properties[i], longer_than_an_id());
		refuse(answers, "longer than");
	}
	json_t *answers = fixture("default-primary");
	json_t *edges = json_object_get(json_object_get(answers, "x-debug-query-block-graph"), "edges"), *edge;
	size_t i;
	json_array_foreach(edges, i, edge)
	{
		if (!strcmp(json_string_value(json_object_get(edge, "name")), "children.1"))
			json_object_set_new(edge, "name", longer_than_an_id());
	}
	refuse(answers, "longer than");
	answers = fixture("default-primary");
	json_t *yank = json_pack("{s:s,s:o}", "type", "chardev", "id", longer_than_an_id());
	json_array_append_new(json_object_get(answers, "query-yank"), yank);
	refuse(answers, "longer than");
}
END_TEST

START_TEST(a_graph_without_its_parts_is_refused)
{
	static const char *const parts[] = {"nodes", "edges"};
	for (int i = 0; i < 2; i++) {
		json_t *answers = fixture("default-primary");
		json_object_del(json_object_get(answers, "x-debug-query-block-graph"), parts[i]);
		refuse(answers, "no nodes or no edges");
	}
}
END_TEST

START_TEST(too_many_filters_are_refused)
{
	json_t *answers = fixture("default-primary"), *objects = json_object_get(answers, "qom-list /objects");
	char id[32], key[64];

	for (int i = 0; i <= 2 * FT_ITEMS_MAX; i++) {
		snprintf(id, sizeof id, "rew%d", i);
		json_array_append_new(objects, json_pack("{s:s,s:s}", "name", id, "type", "child<filter-rewriter>"));
		snprintf(key, sizeof key, "/objects/%s.netdev", id);
		json_object_set_new(answers, key, json_string("net9"));
	}
	refuse(answers, "network filters");
}
END_TEST

START_TEST(too_many_block_nodes_are_refused)
{
	json_t *answers = fixture("default-primary");
	json_t *nodes = json_object_get(json_object_get(answers, "x-debug-query-block-graph"), "nodes");

	while (json_array_size(nodes) <= 4096)
		json_array_append_new(nodes, json_pack("{s:i}", "id", (int)json_array_size(nodes) + 1));
	refuse(answers, "block nodes");
}
END_TEST

START_TEST(too_many_disks_are_refused)
{
	json_t *answers = fixture("default-primary"), *ours = NULL, *edge;
	json_t *edges = json_object_get(json_object_get(answers, "x-debug-query-block-graph"), "edges");
	size_t i;

	json_array_foreach(edges, i, edge)
	{
		if (!strcmp(json_string_value(json_object_get(edge, "name")), "children.1"))
			ours = edge;
	}
	ck_assert_ptr_nonnull(ours);
	for (int n = 0; n < FT_DISKS_MAX; n++)
		json_array_append(edges, ours);
	refuse(answers, "replicated disks");
}
END_TEST

static int new_node(json_t *answers, const char *name, const char *drv)
{
	json_t *nodes = json_object_get(json_object_get(answers, "x-debug-query-block-graph"), "nodes");
	int id = (int)json_array_size(nodes) + 1;

	json_array_append_new(nodes, json_pack("{s:i,s:s,s:s}", "id", id, "type", "block-driver", "name", name));
	json_array_append_new(json_object_get(answers, "query-named-block-nodes"),
	                      json_pack("{s:s,s:s,s:s}", "node-name", name, "drv", drv, "file", ""));
	return id;
}

static void new_edge(json_t *answers, int parent, int child, const char *name)
{
	json_array_append_new(json_object_get(json_object_get(answers, "x-debug-query-block-graph"), "edges"),
	                      json_pack("{s:i,s:i,s:s}", "parent", parent, "child", child, "name", name));
}

/* One that is left out would not be yanked, and a failover would hang on it. */
START_TEST(too_many_connections_to_the_peer_are_refused)
{
	json_t *answers = fixture("default-primary");
	int quorum = new_node(answers, "q9", "quorum");

	for (int d = 0; d < 3; d++) {
		char name[32];
		snprintf(name, sizeof name, "replica%d", d);
		int replica = new_node(answers, name, "replication");
		snprintf(name, sizeof name, "children.%d", d + 1);
		new_edge(answers, quorum, replica, name);
		for (int i = 0; i < FT_ITEMS_MAX / 2; i++) {
			snprintf(name, sizeof name, "wire%d-%d", d, i);
			new_edge(answers, replica, new_node(answers, name, "nbd"), i ? "more" : "file");
			json_array_append_new(json_object_get(answers, "query-yank"),
			                      json_pack("{s:s,s:s}", "type", "block-node", "node-name", name));
		}
	}
	refuse(answers, "at most");
}
END_TEST

START_TEST(an_export_that_is_not_nbd_is_nobodys_to_stop)
{
	json_t *answers = fixture("default-secondary");

	json_array_append_new(json_object_get(answers, "query-block-exports"),
	                      json_pack("{s:s,s:s,s:s}", "id", "e", "type", "vhost-user-blk", "node-name", "n"));
	build(answers);
	ck_assert_str_eq(list(&topology.colo_exports), "parent0");
	ck_assert_int_eq(topology.foreign_exports.n, 0);
}
END_TEST

START_TEST(too_many_are_refused)
{
	json_t *answers = fixture("default-secondary"), *exports = json_object_get(answers, "query-block-exports");
	char id[16];

	for (int i = 0; i <= FT_ITEMS_MAX; i++) {
		snprintf(id, sizeof id, "e%d", i);
		json_array_append_new(exports, json_pack("{s:s,s:s,s:s}", "id", id, "type", "nbd", "node-name", "n"));
	}
	refuse(answers, "at most");
}
END_TEST

static bool asks(const struct ft_query *q, int n, const char *command, const char *key)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(q[i].command, command) && !strcmp(q[i].key, key))
			return true;
	return false;
}

static void drop(struct ft_query *q, int n)
{
	for (int i = 0; i < n; i++)
		json_decref(q[i].arguments);
}

/* Every answer in a recording was asked for, and nothing else is: the recordings and the code speak of the same questions. */
START_TEST(the_questions_are_those_recorded)
{
	static const char *const fixtures[] = {"default-primary", "renamed-primary", "renamed-secondary",
	                                       "nonet-primary", "nbd-primary"};
	struct ft_query q[256];

	for (int f = 0; f < 5; f++) {
		json_t *answers = fixture(fixtures[f]);
		int n = ft_topology_queries(q, 256);
		ck_assert_int_gt(n, 0);
		int more = ft_topology_qom_queries(answers, q + n, 256 - n);
		ck_assert_int_ge(more, 0);
		ck_assert_int_eq(n + more, (int)json_object_size(answers));
		for (int i = 0; i < n + more; i++)
			ck_assert_msg(json_object_get(answers, q[i].key) != NULL, "%s", q[i].key);
		drop(q, n + more);
		json_decref(answers);
	}
}
END_TEST

START_TEST(a_property_is_asked_by_path)
{
	struct ft_query q[256];
	json_t *answers = with_device("");
	int n = ft_topology_qom_queries(answers, q, 256);

	ck_assert(asks(q, n, "qom-get", "/objects/redire1.outdev"));
	ck_assert(asks(q, n, "qom-get", "/machine/peripheral/v0.iothread"));
	for (int i = 0; i < n; i++) {
		const char *path = json_string_value(json_object_get(q[i].arguments, "path"));
		if (!strcmp(q[i].key, "/objects/redire1.outdev")) {
			ck_assert_str_eq(path, "/objects/redire1");
			ck_assert_str_eq(json_string_value(json_object_get(q[i].arguments, "property")), "outdev");
		}
	}
	drop(q, n);
	json_decref(answers);
}
END_TEST

/* Who listens to a port of the guest's may be the peer, and a failover would hang on it. */
START_TEST(a_device_is_asked_for_its_chardev)
{
	struct ft_query q[256];
	json_t *answers = fixture("default-primary");
	json_array_append_new(json_object_get(answers, "qom-list /machine/peripheral"),
	                      json_pack("{s:s,s:s}", "name", "port0", "type", "child<virtserialport>"));
	int n = ft_topology_qom_queries(answers, q, 256);

	ck_assert(asks(q, n, "qom-get", "/machine/peripheral/port0.chardev"));
	drop(q, n);
	json_decref(answers);
}
END_TEST

START_TEST(an_object_whose_name_cannot_be_asked_for_is_told)
{
	struct ft_query q[256];
	char name[FT_QUERY_KEY_MAX];
	json_t *answers = fixture("default-primary");

	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	json_array_append_new(json_object_get(answers, "qom-list /objects"),
	                      json_pack("{s:s,s:s}", "name", name, "type", "child<filter-mirror>"));
	ck_assert_int_eq(ft_topology_qom_queries(answers, q, 256), -1);
	json_decref(answers);
}
END_TEST

START_TEST(too_little_room_is_said)
{
	struct ft_query q[256];
	json_t *answers = fixture("default-primary");

	ck_assert_int_eq(ft_topology_queries(q, 3), -1);
	ck_assert_int_eq(ft_topology_qom_queries(answers, q, 3), -1);
	json_object_del(answers, "qom-list /objects");
	ck_assert_int_eq(ft_topology_qom_queries(answers, q, 256), -1);
	json_decref(answers);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("topology");
	TCase *found = tcase_create("found"), *doubted = tcase_create("doubted"), *judged = tcase_create("judged"),
	      *asked = tcase_create("asked");

	tcase_add_test(found, default_primary);
	tcase_add_test(found, the_peers_copies_of_the_disks_are_told_from_our_own);
	tcase_add_test(found, default_secondary);
	tcase_add_test(found, renamed_primary);
	tcase_add_test(found, renamed_secondary);
	tcase_add_test(found, resumed_primary);
	tcase_add_test(found, the_child_edge_is_read_and_not_assumed);
	tcase_add_test(found, own_storage_on_nbd_is_left_alone);
	tcase_add_test(found, a_description_cut_short_does_not_hide_the_disk);
	tcase_add_test(found, no_network);
	tcase_add_test(found, only_what_query_yank_lists_is_yanked);
	tcase_add_test(found, an_iothread_in_use_is_left_alone);
	tcase_add_test(found, an_iothread_of_a_queue_is_left_alone);
	tcase_add_test(found, an_iothread_of_a_balloon_is_left_alone);
	tcase_add_test(found, an_export_could_use_any_iothread);
	tcase_add_test(found, outside_colo_nothing_points_at_a_peer);
	tcase_add_test(found, nbd_directly_under_the_quorum);
	tcase_add_test(found, a_quorum_of_another_kind_is_not_colos);
	tcase_add_test(found, a_quorum_of_another_kind_with_a_replication_node_is_colos);
	tcase_add_test(found, the_first_child_is_the_guests_own_disk);
	tcase_add_test(doubted, what_was_recorded_leaves_no_doubt);
	tcase_add_test(doubted, a_chardev_that_nobody_knows_is_doubted);
	tcase_add_test(doubted, a_chardev_that_leads_elsewhere_is_not_doubted);
	tcase_add_test(doubted, a_chardev_of_a_device_is_not_doubted);
	tcase_add_test(doubted, whatever_leads_to_the_peers_address_is_named);
	tcase_add_test(doubted, storage_of_the_guests_own_is_not_doubted);
	tcase_add_test(doubted, other_nbd_connections_are_doubted);
	tcase_add_test(doubted, a_connection_of_a_kind_not_known_is_doubted);
	tcase_add_test(doubted, a_copy_of_the_disk_by_another_protocol_is_doubted);
	tcase_add_test(doubted, a_network_that_is_not_understood_is_doubted);
	tcase_add_test(doubted, a_secondary_whose_disk_is_served_without_replication_is_doubted);
	tcase_add_test(doubted, too_many_doubts_are_refused);
	tcase_add_test(doubted, outside_colo_nothing_is_doubted);
	tcase_add_test(judged, a_missing_answer_is_named);
	tcase_add_test(judged, nonsense_is_refused);
	tcase_add_test(judged, an_id_that_is_too_long_is_refused_wherever_it_stands);
	tcase_add_test(judged, a_graph_without_its_parts_is_refused);
	tcase_add_test(judged, too_many_filters_are_refused);
	tcase_add_test(judged, too_many_block_nodes_are_refused);
	tcase_add_test(judged, too_many_disks_are_refused);
	tcase_add_test(judged, too_many_connections_to_the_peer_are_refused);
	tcase_add_test(judged, an_export_that_is_not_nbd_is_nobodys_to_stop);
	tcase_add_test(judged, too_many_are_refused);
	tcase_add_test(asked, the_questions_are_those_recorded);
	tcase_add_test(asked, a_property_is_asked_by_path);
	tcase_add_test(asked, a_device_is_asked_for_its_chardev);
	tcase_add_test(asked, an_object_whose_name_cannot_be_asked_for_is_told);
	tcase_add_test(asked, too_little_room_is_said);
	suite_add_tcase(s, found);
	suite_add_tcase(s, doubted);
	suite_add_tcase(s, judged);
	suite_add_tcase(s, asked);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
