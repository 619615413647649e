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
	ck_assert_str_eq(topology.disks[0].replication.s, "replication0");
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
		ck_assert_str_eq(topology.disks[d].replication.s, data ? "data-to-b" : "toward-b");
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
	ck_assert_str_eq(topology.disks[0].replication.s, "replication0");
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
	                                       "nonet-primary"};
	struct ft_query q[256];

	for (int f = 0; f < 4; f++) {
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
	TCase *found = tcase_create("found"), *judged = tcase_create("judged"), *asked = tcase_create("asked");

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
	tcase_add_test(found, an_export_could_use_any_iothread);
	tcase_add_test(found, outside_colo_nothing_points_at_a_peer);
	tcase_add_test(judged, a_missing_answer_is_named);
	tcase_add_test(judged, nonsense_is_refused);
	tcase_add_test(judged, too_many_are_refused);
	tcase_add_test(asked, the_questions_are_those_recorded);
	tcase_add_test(asked, a_property_is_asked_by_path);
	tcase_add_test(asked, too_little_room_is_said);
	suite_add_tcase(s, found);
	suite_add_tcase(s, judged);
	suite_add_tcase(s, asked);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
