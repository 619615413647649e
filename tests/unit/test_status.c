/* What check says of a pair, line by line: it must be what is the case, and lead to what mends it. */
#include "supervisor/status.h"

#include "report/record.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct ft_config config;
static struct ft_core core;
static struct ft_hub hub;
static struct ft_qemu_view qemu;
static const struct ft_process nobody = FT_PROCESS_NONE;
static const struct ft_setup *setup;
static json_t *checked;

static void set_up(void)
{
	int64_t now = 1000000 * FT_NS_PER_MS;
	memset(&config, 0, sizeof config);
	strcpy(config.pair, "vm1");
	strcpy(config.node, "alpha");
	strcpy(config.heartbeat.pair, "vm1");
	strcpy(config.heartbeat.node, "alpha");
	config.heartbeat.n_links = config.heartbeat.n_keys = 1;
	config.heartbeat.interval_ms = 100;
	config.heartbeat.lost_after = 5;
	struct ft_core_params params = {.incarnation = 7, .interval = 100 * FT_NS_PER_MS, .window = 500 * FT_NS_PER_MS};
	ft_core_init(&core, &params, now);
	ft_hub_init(&hub, &config.heartbeat, 7, 0, now);
	qemu = (struct ft_qemu_view){
	    .connected = true, .oob = true, .pid = 4711, .vm = FT_VM_ALIVE, .role = FT_ROLE_PRIMARY};
	checked = NULL;
	setup = NULL;
}

static void tear_down(void)
{
	json_decref(checked);
}

static struct ft_status_source source(void)
{
	return (struct ft_status_source){
	    .config = &config,
	    .core = &core,
	    .hub = &hub,
	    .qemu = &qemu,
	    .process = &nobody,
	    .setup = setup,
	    .now = core.now + 60000 * FT_NS_PER_MS,
	};
}

/* "RESULT: what was found" of the line with this name. */
static const char *line(const char *name)
{
	static char text[512];
	struct ft_status_source s = source();
	size_t i;
	json_t *check;
	json_decref(checked);
	checked = ft_check_json(&s, "", "", "");
	json_array_foreach(json_object_get(checked, "checks"), i, check)
	{
		if (strcmp(json_string_value(json_object_get(check, "name")), name) != 0)
			continue;
		snprintf(text, sizeof text, "%s: %s", json_string_value(json_object_get(check, "result")),
		         json_string_value(json_object_get(check, "detail")));
		return text;
	}
	return "";
}

START_TEST(of_a_qemu_that_died_no_checkpoint_is_waited_for)
{
	ck_assert_str_eq(line("colo"), "warn: primary, but no checkpoint seen yet");
	qemu.connected = qemu.oob = false; /* its role is what it said last */
	ck_assert_str_eq(line("colo"), "FAIL: QEMU does not answer: how replication stands is not known");
	core.self.vm = FT_VM_GONE; /* in the plan, say */
	ck_assert_str_eq(line("colo"), "FAIL: our QEMU has ended");
}
END_TEST

START_TEST(a_peer_that_said_goodbye_is_not_called_silent)
{
	ck_assert_str_eq(line("peer"), "FAIL: the peer is not heard");
	core.peer_known = true;
	strcpy(core.peer.node, "beta");
	core.hearing = FT_PEER_LOST;
	ck_assert_str_eq(line("peer"), "FAIL: the peer is not heard");
	core.peer.side.leaving = true;
	ck_assert_str_eq(line("peer"), "FAIL: peer beta's ftd was asked to stop");
}
END_TEST

START_TEST(why_a_link_is_down_is_said)
{
	ck_assert_ptr_nonnull(strstr(line("link 1"), "nothing heard"));
	for (int i = 0; i < 5; i++)
		ft_trouble_note(&hub.links[0].trouble, FT_WIRE_AUTH, source().now);
	ck_assert_ptr_nonnull(strstr(line("link 1"), "FAIL: "));
	ck_assert_ptr_nonnull(strstr(line("link 1"), "fail authentication"));
}
END_TEST

/* A peer that is heard, and says that it has this arbiter. */
static void meet(uint8_t ours, uint8_t its)
{
	core.peer_known = true;
	strcpy(core.peer.node, "beta");
	core.peer.incarnation = 8;
	core.hearing = FT_PEER_ALIVE;
	core.params.registers = core.params.arbitrated = ours > 1;
	core.params.share.arbiter = ours;
	core.peer.side.share.arbiter = its;
	core.peer.side.window_ms = 500;
}

static const char *status_of(const char *group, const char *key)
{
	static char text[512];
	struct ft_status_source s = source();
	json_t *j = ft_status_json(&s);
	const json_t *value = json_object_get(json_object_get(j, group), key);
	snprintf(text, sizeof text, "%s", json_is_string(value) ? json_string_value(value) : "");
	json_decref(j);
	return text;
}

static const struct ft_doubts two_doubts = {
    .n = 2,
    .doubt = {{"chardev mon0", "who uses it is not known"}, {"block-node loose", "not seen to be the guest's own"}}};

static char *status_text(void)
{
	char *out = NULL;
	size_t size;
	struct ft_status_source s = source();
	s.doubts = &two_doubts;
	json_t *j = ft_status_json(&s);
	FILE *f = open_memstream(&out, &size);
	ft_status_print(j, f);
	fclose(f);
	json_decref(j);
	return out;
}

static int count(const json_t *checks, const char *name, const char *result, const char *part)
{
	const json_t *check;
	size_t i;
	int n = 0;
	json_array_foreach(json_object_get(checks, "checks"), i, check)
	{
		n += !strcmp(json_string_value(json_object_get(check, "name")), name) &&
		     !strcmp(json_string_value(json_object_get(check, "result")), result) &&
		     strstr(json_string_value(json_object_get(check, "detail")), part);
	}
	return n;
}

/* Each thing that is not understood, and each that a person vouches for, in every status and in check. */
START_TEST(what_is_not_understood_is_said_and_so_is_who_overruled_it)
{
	struct ft_status_source s = source();
	s.doubts = &two_doubts;
	checked = ft_check_json(&s, "", "", "");
	ck_assert_int_eq(count(checked, "doubt", "FAIL", "chardev mon0: who uses it"), 1);
	ck_assert_int_eq(count(checked, "doubt", "FAIL", "block-node loose: "), 1);
	char *text = status_text();
	ck_assert_ptr_nonnull(strstr(text, "DOUBT    chardev mon0: who uses it"));
	ck_assert_ptr_null(strstr(text, "vouched"));
	free(text);

	config.qmp.disregard = (struct ft_disregard){.n = 2, .name = {"chardev mon0", "chardev gone"}};
	json_decref(checked);
	checked = ft_check_json(&s, "", "", "");
	ck_assert_int_eq(count(checked, "doubt", "FAIL", ""), 1);
	ck_assert_int_eq(count(checked, "disregard", "warn", "chardev mon0, by qmp.disregard: who uses it"), 1);
	ck_assert_int_eq(count(checked, "disregard", "warn", "chardev gone, by qmp.disregard: this QEMU has none"), 1);
	text = status_text();
	ck_assert_ptr_null(strstr(text, "DOUBT    chardev mon0"));
	ck_assert_ptr_nonnull(strstr(text, "DOUBT    block-node loose"));
	ck_assert_ptr_nonnull(strstr(text, "vouched  for chardev mon0, by qmp.disregard"));
	ck_assert_ptr_nonnull(strstr(text, "vouched  for chardev gone, by qmp.disregard"));
	free(text);
	json_t *j = ft_status_json(&s), *qemu_says = json_object_get(j, "qemu");
	ck_assert_int_eq((int)json_array_size(json_object_get(qemu_says, "disregard")), 2);
	ck_assert(
	    json_is_true(json_object_get(json_array_get(json_object_get(qemu_says, "doubts"), 0), "disregarded")));
	ck_assert(
	    json_is_false(json_object_get(json_array_get(json_object_get(qemu_says, "doubts"), 1), "disregarded")));
	json_decref(j);
}
END_TEST

START_TEST(what_both_must_share_is_said_with_both_values)
{
	ck_assert_ptr_nonnull(strstr(line("shared"), "warn: not compared"));
	meet(1, 2);
	ck_assert_str_eq(line("shared"),
	                 "FAIL: arbiter.type is none here and file at peer beta: both hosts need the same");
	ck_assert_ptr_nonnull(strstr(status_of("arbiter", "unshared"), "none here and file at peer beta"));
	meet(1, 1);
	ck_assert_ptr_nonnull(strstr(line("shared"), "ok: "));
	core.peer.side.window_ms = 700;
	ck_assert_ptr_nonnull(strstr(line("shared"), "FAIL: "));
	ck_assert_ptr_nonnull(strstr(line("shared"), "is 500 ms here and 700 ms at the peer"));
	meet(3, 3);
	ck_assert_ptr_nonnull(strstr(line("shared"), "warn: not proven yet"));
	core.self.share.verdict = core.peer.side.share.verdict = FT_SHARING_PROVEN;
	core.self.share.about = 8;
	core.peer.side.share.about = 7;
	ck_assert_ptr_nonnull(strstr(line("shared"), "ok: both hosts have found each other's mark"));
	core.peer.side.share.verdict = FT_SHARING_DIFFERS;
	strcpy(core.params.share.place, "/ftd/ at a");
	strcpy(core.peer.side.share.place, "/ftd/ at b");
	ck_assert_ptr_nonnull(strstr(line("shared"), "FAIL: "));
	ck_assert_ptr_nonnull(strstr(line("shared"), "/ftd/ at a here, /ftd/ at b there"));
	core.hearing = FT_PEER_LOST;
	core.peer_known = false;
	core.foreign_version = 2;
	ck_assert_ptr_nonnull(strstr(line("shared"), "FAIL: the peer's ftd speaks another version"));
}
END_TEST

START_TEST(a_qemu_that_is_not_fit_for_colo_fails_the_check)
{
	struct ft_setup s = {.answers = true,
	                     .traits = {.emulator = {10, 1, 0, "pc-i440fx-10.1"}},
	                     .peer = {10, 1, 0, "pc-i440fx-10.0"}};
	ck_assert_str_eq(line("release"), ""); /* nobody has looked */
	setup = &s;
	ck_assert_ptr_nonnull(strstr(line("release"), "FAIL: QEMU 10.1.0: it cannot do COLO"));
	ck_assert_ptr_nonnull(strstr(line("both QEMU"), "FAIL: the machine is pc-i440fx-10.1 here and pc-i440fx-10.0"));
	ck_assert_str_eq(line("vhost"), "ok: no NIC has vhost=on");
}
END_TEST

START_TEST(an_alarm_is_in_the_status_and_fails_the_check)
{
	ck_assert_str_eq(line("alarm two-masters"), "");
	core.alarms[FT_ALARM_TWO_MASTERS].since = core.now;
	strcpy(core.alarms[FT_ALARM_TWO_MASTERS].evidence, "TWO MASTERS: it runs there, too");
	ck_assert_str_eq(line("alarm two-masters"), "FAIL: TWO MASTERS: it runs there, too");
	struct ft_status_source s = source();
	json_t *j = ft_status_json(&s);
	const json_t *alarms = json_object_get(j, "alarms"), *one = json_array_get(alarms, 0);
	ck_assert_uint_eq(json_array_size(alarms), 1);
	ck_assert_str_eq(json_string_value(json_object_get(one, "alarm")), "two-masters");
	ck_assert_str_eq(json_string_value(json_object_get(one, "evidence")), "TWO MASTERS: it runs there, too");
	ck_assert(json_is_string(json_object_get(one, "since")) && json_is_null(json_object_get(one, "cleared_by")));
	json_decref(j);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("status");
	TCase *c = tcase_create("status");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, of_a_qemu_that_died_no_checkpoint_is_waited_for);
	tcase_add_test(c, a_peer_that_said_goodbye_is_not_called_silent);
	tcase_add_test(c, why_a_link_is_down_is_said);
	tcase_add_test(c, what_is_not_understood_is_said_and_so_is_who_overruled_it);
	tcase_add_test(c, what_both_must_share_is_said_with_both_values);
	tcase_add_test(c, a_qemu_that_is_not_fit_for_colo_fails_the_check);
	tcase_add_test(c, an_alarm_is_in_the_status_and_fails_the_check);
	suite_add_tcase(s, c);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
