/* The outcome record and the status: the contract's spelling, and what a person gets to read. */
#include "report/record.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MS(x) ((int64_t)(1e6 * (x)))

static const struct timespec wall = {.tv_sec = 1795230000, .tv_nsec = 123456789};

/* A secondary's failover as it goes; times begin at an arbitrary 1000 ms of the host's clock. */
static struct ft_outcome *success(void)
{
	static struct ft_outcome o;
	memset(&o, 0, sizeof(o));
	for (int i = 0; i < FT_SESSION_BYTES; i++)
		o.session[i] = (uint8_t)(0xf0 + i);
	o.epoch = 7;
	strcpy(o.peer, "beta");
	o.cause = FT_CAUSE_PEER_LOST;
	o.role_before = FT_ROLE_SECONDARY;
	o.result = FT_SUCCESS;
	o.first_evidence_at = MS(1000);
	o.n_evidence = 2;
	o.evidence[0] = (struct ft_evidence){.at = MS(1000), .text = "links quiet for 250 ms"};
	o.evidence[1] = (struct ft_evidence){.at = MS(1512.3454), .text = "links silent for 505 ms"};
	o.judged_at = MS(1512.345);
	o.claimed_at = MS(1512.445);
	o.planned_at = MS(1512.5);
	o.ended_at = MS(1518.3);
	o.plan.ok = true;
	o.plan.n_steps = 3;
	o.plan.steps[0] = (struct ft_step_record){.command = "yank",
	                                          .what = "migration",
	                                          .channel = FT_CHANNEL_OOB,
	                                          .result = FT_STEP_OK,
	                                          .sent_at = MS(1512.6),
	                                          .took_ns = MS(0.6)};
	o.plan.steps[1] = (struct ft_step_record){.command = "x-colo-lost-heartbeat",
	                                          .result = FT_STEP_ERROR,
	                                          .error = "The feature 'colo' is not enabled",
	                                          .sent_at = MS(1513.1),
	                                          .took_ns = MS(3.8)};
	o.plan.steps[2] = (struct ft_step_record){.command = "chardev-remove", .what = "red0", .sent_at = FT_NEVER};
	strcpy(o.plan.guest_status, "running");
	strcpy(o.plan.guest_colo_mode, "none");
	strcpy(o.plan.guest_last_mode, "secondary");
	o.plan.proven_at = MS(1517.5);
	return &o;
}

static json_t *json_of(const struct ft_outcome *o)
{
	json_t *j = ft_outcome_json(o, "vm1", "alpha", "none", wall);
	ck_assert_ptr_nonnull(j);
	return j;
}

static char *printed(void (*print)(const json_t *, FILE *), const json_t *j)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	print(j, f);
	fclose(f);
	return text;
}

static void assert_has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "\"%s\" is not in:\n%s", part, text);
}

START_TEST(time_is_rfc_3339_in_utc)
{
	char out[32];
	ft_time_text(wall, out);
	ck_assert_str_eq(out, "2026-11-21T03:00:00.123456Z");
}
END_TEST

START_TEST(the_record_is_spelled_as_in_the_contract)
{
	json_t *j = json_of(success());
	char *text = json_dumps(j, FT_JSON_FLAGS);
	ck_assert_str_eq(
	    text,
	    "{\"pair\":\"vm1\",\"node\":\"alpha\",\"peer\":\"beta\",\"session\":\"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff\","
	    "\"epoch\":7,\"time\":\"2026-11-21T03:00:00.123456Z\",\"cause\":\"peer-lost\","
	    "\"evidence\":[{\"at_ms\":0.0,\"what\":\"links quiet for 250 ms\"},"
	    "{\"at_ms\":512.345,\"what\":\"links silent for 505 ms\"}],"
	    "\"role_before\":\"secondary\",\"result\":\"success\","
	    "\"claim\":{\"arbiter\":\"none\",\"result\":\"not-needed\",\"winner\":null,\"ms\":null},"
	    "\"steps\":[{\"command\":\"yank\",\"what\":\"migration\",\"channel\":\"oob\",\"result\":\"ok\",\"error\":"
	    "null,"
	    "\"at_ms\":512.6,\"ms\":0.6},"
	    "{\"command\":\"x-colo-lost-heartbeat\",\"what\":null,\"channel\":\"qmp\",\"result\":\"error\","
	    "\"error\":\"The feature 'colo' is not enabled\",\"at_ms\":513.1,\"ms\":3.8},"
	    "{\"command\":\"chardev-remove\",\"what\":\"red0\",\"channel\":\"qmp\",\"result\":\"skipped\",\"error\":"
	    "null,"
	    "\"at_ms\":null,\"ms\":null}],"
	    "\"guest\":{\"status\":\"running\",\"colo_mode\":\"none\",\"last_mode\":\"secondary\"},"
	    "\"durations_ms\":{\"detection\":512.345,\"decision\":0.1,\"claim\":null,\"plan\":5.0,\"total\":518.3},"
	    "\"error\":null}");
	free(text);
	json_decref(j);
}
END_TEST

START_TEST(a_claim_has_its_time_and_winner)
{
	struct ft_outcome *o = success();
	o->claim = FT_CLAIM_WON;
	strcpy(o->winner, "alpha");
	json_t *j = ft_outcome_json(o, "vm1", "alpha", "file", wall);
	json_t *claim = json_object_get(j, "claim"), *d = json_object_get(j, "durations_ms");
	ck_assert_str_eq(json_string_value(json_object_get(claim, "arbiter")), "file");
	ck_assert_str_eq(json_string_value(json_object_get(claim, "result")), "won");
	ck_assert_str_eq(json_string_value(json_object_get(claim, "winner")), "alpha");
	ck_assert_double_eq(json_real_value(json_object_get(claim, "ms")), 0.1);
	ck_assert_double_eq(json_real_value(json_object_get(d, "claim")), 0.1);
	ck_assert_double_eq(json_number_value(json_object_get(d, "decision")), 0);
	json_decref(j);
}
END_TEST

START_TEST(what_never_happened_is_null)
{
	struct ft_outcome *o = success();
	memset(o->session, 0, sizeof(o->session));
	o->peer[0] = '\0';
	o->result = FT_REFUSED;
	o->judged_at = o->claimed_at = o->planned_at = o->plan.proven_at = FT_NEVER;
	strcpy(o->error, "the other side has won");
	json_t *j = json_of(o), *d = json_object_get(j, "durations_ms");
	ck_assert(json_is_null(json_object_get(j, "session")));
	ck_assert(json_is_null(json_object_get(j, "peer")));
	ck_assert(json_is_null(json_object_get(d, "detection")));
	ck_assert(json_is_null(json_object_get(d, "decision")));
	ck_assert(json_is_null(json_object_get(d, "plan")));
	ck_assert_double_eq(json_real_value(json_object_get(d, "total")), 518.3);
	ck_assert_str_eq(json_string_value(json_object_get(j, "error")), "the other side has won");
	json_decref(j);
}
END_TEST

START_TEST(milliseconds_have_three_decimals_and_no_noise)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {{512345678, "512.346"}, {1499, "0.001"},
	             {-1500, "-0.002"},      {INT64_C(864000000123456), "864000000.123"},
	             {100000, "0.1"},        {0, "0.0"}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *j = ft_ms_json(cases[i].ns);
		char *text = json_dumps(j, FT_JSON_FLAGS | JSON_ENCODE_ANY);
		ck_assert_str_eq(text, cases[i].text);
		free(text);
		json_decref(j);
	}
}
END_TEST

START_TEST(text_cut_inside_a_character_is_still_told)
{
	struct ft_outcome *o = success();
	strcpy(o->error, "disk '\xc3\xbc\xc3"); /* a fixed buffer ended inside the second one */
	json_t *j = json_of(o);
	ck_assert_str_eq(json_string_value(json_object_get(j, "error")), "disk '???");
	json_decref(j);
}
END_TEST

START_TEST(a_full_record_with_every_step_is_made)
{
	struct ft_outcome *o = success();
	o->n_evidence = FT_EVIDENCE_MAX;
	o->plan.n_steps = FT_STEPS_MAX;
	for (int i = 0; i < FT_STEPS_MAX; i++)
		o->plan.steps[i] = o->plan.steps[1];
	json_t *j = json_of(o);
	ck_assert_uint_eq(json_array_size(json_object_get(j, "steps")), FT_STEPS_MAX);
	ck_assert_uint_eq(json_array_size(json_object_get(j, "evidence")), FT_EVIDENCE_MAX);
	json_decref(j);
}
END_TEST

START_TEST(the_timeline_can_be_read)
{
	json_t *j = json_of(success());
	char *text = printed(ft_outcome_print, j);
	if (getenv("SHOW") != NULL)
		puts(text);
	assert_has(text, "2026-11-21T03:00:00.123456Z  vm1 on alpha: success\n");
	assert_has(text, "peer-lost, while secondary; peer beta\n");
	assert_has(text, "       0.000 ms  evidence  links quiet for 250 ms\n");
	assert_has(text, "     512.345 ms  decision  take over: peer-lost\n");
	assert_has(text, "     512.600 ms  oob       yank migration ");
	assert_has(
	    text, "     513.100 ms  qmp       x-colo-lost-heartbeat  error        3.800 ms  The feature 'colo' is not");
	assert_has(text, "chardev-remove red0 ");
	assert_has(text, "guest    running, colo mode none, was secondary\n");
	assert_has(text, "518.300 ms since the first evidence: detection 512.345, decision 0.100, plan 5.000\n");
	assert_has(text, "a partition can make two masters");
	/* in order of time, although the second evidence and the decision come from different lists */
	ck_assert(strstr(text, "quiet for") < strstr(text, "silent for"));
	ck_assert(strstr(text, "take over") < strstr(text, "yank"));
	ck_assert(strstr(text, "yank") < strstr(text, "x-colo-lost"));
	free(text);
	json_decref(j);
}
END_TEST

START_TEST(late_evidence_stands_where_it_happened)
{
	struct ft_outcome *o = success();
	o->n_evidence = 3;
	o->evidence[2] = (struct ft_evidence){.at = MS(1513), .text = "the peer says goodbye"};
	json_t *j = json_of(o);
	char *text = printed(ft_outcome_print, j);
	ck_assert(strstr(text, "yank") < strstr(text, "goodbye"));
	ck_assert(strstr(text, "goodbye") < strstr(text, "x-colo-lost"));
	free(text);
	json_decref(j);
}
END_TEST

START_TEST(with_an_arbiter_there_is_no_warning)
{
	json_t *j = ft_outcome_json(success(), "vm1", "alpha", "file", wall);
	char *text = printed(ft_outcome_print, j);
	ck_assert_ptr_null(strstr(text, "two masters"));
	free(text);
	json_decref(j);
}
END_TEST

START_TEST(a_refusal_claims_neither_a_claim_nor_an_outage)
{
	struct ft_outcome *o = success();
	o->result = FT_REFUSED;
	o->claimed_at = o->planned_at = o->plan.proven_at = FT_NEVER;
	o->plan.n_steps = 0;
	o->plan.guest_status[0] = '\0';
	json_t *j = json_of(o);
	char *text = printed(ft_outcome_print, j);
	assert_has(text, "decision  take over");
	assert_has(text, "guest    not known\n");
	assert_has(text, "ended    518.300 ms since");
	ck_assert_ptr_null(strstr(text, "not-needed"));
	ck_assert_ptr_null(strstr(text, "outage"));
	free(text);
	json_decref(j);
}
END_TEST

START_TEST(damaged_records_are_printed_as_far_as_they_go)
{
	static const char *const damaged[] = {
	    "{}", "[]",
	    "{\"steps\":[{}, 1, null],\"evidence\":[{}, \"x\"],\"durations_ms\":3,\"claim\":[],\"guest\":\"x\"}",
	    "{\"pair\":7,\"epoch\":\"x\",\"durations_ms\":{\"detection\":1e300,\"total\":-1e300}}",
	    "{\"steps\":{},\"evidence\":1,\"error\":{}}"};
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		json_t *j = json_loads(damaged[i], 0, NULL);
		ck_assert_ptr_nonnull(j);
		char *text = printed(ft_outcome_print, j);
		assert_has(text, "guest ");
		free(text);
		text = printed(ft_status_print, j);
		assert_has(text, "arbiter ");
		free(text);
		json_decref(j);
	}
}
END_TEST

START_TEST(text_in_a_record_cannot_steer_the_terminal)
{
	json_t *j =
	    json_pack("{s:s, s:[{s:s, s:f}]}", "error", "a\x1b[2J\nb", "evidence", "what", "c\rd", "at_ms", 1.0);
	char *text = printed(ft_outcome_print, j);
	ck_assert_ptr_null(strchr(text, '\x1b'));
	ck_assert_ptr_null(strchr(text, '\r'));
	assert_has(text, "a\\x1b[2J\\nb");
	free(text);
	json_decref(j);
}
END_TEST

static const char status_text[] =
    "{\"pair\":\"vm1\",\"node\":\"alpha\",\"time\":\"2026-11-21T03:00:00.123456Z\",\"version\":\"0.1\","
    "\"state\":\"protected\",\"role\":\"primary\",\"since\":\"2026-11-21T02:00:00.000000Z\",\"protected\":true,"
    "\"paused\":false,\"session\":{\"id\":\"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff\",\"epoch\":7,\"accepted\":true},"
    "\"peer\":{\"node\":\"beta\",\"state\":\"protected\",\"role\":\"secondary\",\"alive\":true,"
    "\"incarnation\":\"0123456789abcdef\"},"
    "\"links\":[{\"local\":\"10.0.0.1:7400\",\"peer\":\"10.0.0.2:7400\",\"alive\":true,\"last_heard_ms\":12.1,"
    "\"rtt_ms\":0.2,\"sent\":10,\"received\":9,\"lost\":1,\"rejected\":0},"
    "{\"local\":\"[fd00::1]:7400\",\"peer\":\"[fd00::2]:7400\",\"alive\":false,\"last_heard_ms\":null,"
    "\"rtt_ms\":null,\"sent\":10,\"received\":0,\"lost\":0,\"rejected\":3}],"
    "\"qemu\":{\"connected\":true,\"oob\":false,\"pid\":1234,\"version\":\"7.2.22\",\"status\":\"running\","
    "\"colo_mode\":\"primary\",\"checkpoint_age_ms\":180},"
    "\"arbiter\":{\"type\":\"none\",\"reachable\":true},\"last_outcome\":null}";

START_TEST(the_status_can_be_read)
{
	json_t *j = json_loads(status_text, 0, NULL);
	char *text = printed(ft_status_print, j);
	if (getenv("SHOW") != NULL)
		puts(text);
	assert_has(text, "vm1 on alpha: protected as primary since 2026-11-21T02:00:00.000000Z\n");
	assert_has(text, "peer     beta: protected as secondary, alive\n");
	assert_has(text, "epoch 7, accepted\n");
	assert_has(text, "10.0.0.1:7400  -> 10.0.0.2:7400   alive  heard 12.1 ms ago");
	assert_has(text, "[fd00::1]:7400 -> [fd00::2]:7400  DOWN   never heard  sent 10");
	assert_has(text, "lost 0, rejected 3\n");
	assert_has(text,
	           "qemu     7.2.22 pid 1234: running, colo mode primary, checkpoint 180 ms ago, out-of-band DOWN\n");
	assert_has(text, "a partition can make two masters");
	assert_has(text, "no outcome yet\n");
	free(text);
	json_decref(j);
}
END_TEST

START_TEST(what_is_not_shared_and_what_alarms_is_seen_in_the_status)
{
	json_t *j = json_loads(status_text, 0, NULL), *arbiter = json_object_get(j, "arbiter");
	json_object_set_new(arbiter, "unshared", json_string("/ftd/ here, /other/ there"));
	json_object_set_new(j, "alarms",
	                    json_pack("[{s:s, s:s, s:s}]", "alarm", "two-masters", "since",
	                              "2026-11-21T03:00:00.000000Z", "evidence", "TWO MASTERS: both run"));
	char *text = printed(ft_status_print, j);
	assert_has(text, "ALARM    TWO MASTERS: both run since 2026-11-21T03:00:00.000000Z\n");
	assert_has(text, "UNSHARED /ftd/ here, /other/ there\n");
	free(text);
	json_decref(j);
}
END_TEST

START_TEST(the_status_of_a_lonely_side_can_be_read)
{
	json_t *j = json_loads(status_text, 0, NULL);
	json_object_set_new(j, "peer", json_null());
	json_object_set_new(j, "paused", json_true());
	json_object_set_new(json_object_get(j, "session"), "id", json_null());
	json_object_set_new(json_object_get(j, "qemu"), "connected", json_false());
	json_object_set_new(json_object_get(j, "arbiter"), "type", json_string("file"));
	json_object_set_new(json_object_get(j, "arbiter"), "reachable", json_false());
	json_object_set_new(j, "last_outcome", json_of(success()));
	char *text = printed(ft_status_print, j);
	assert_has(text, "PAUSED\n");
	assert_has(text, "peer     never heard\n");
	assert_has(text, "session  none\n");
	assert_has(text, "NOT CONNECTED\n");
	assert_has(text, "arbiter  file, NOT REACHABLE\n");
	assert_has(text, "last     2026-11-21T03:00:00.123456Z  success, peer-lost\n");
	ck_assert_ptr_null(strstr(text, "two masters"));
	free(text);
	json_decref(j);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("record");
	TCase *c = tcase_create("record");
	tcase_add_test(c, time_is_rfc_3339_in_utc);
	tcase_add_test(c, the_record_is_spelled_as_in_the_contract);
	tcase_add_test(c, a_claim_has_its_time_and_winner);
	tcase_add_test(c, what_never_happened_is_null);
	tcase_add_test(c, milliseconds_have_three_decimals_and_no_noise);
	tcase_add_test(c, text_cut_inside_a_character_is_still_told);
	tcase_add_test(c, a_full_record_with_every_step_is_made);
	tcase_add_test(c, the_timeline_can_be_read);
	tcase_add_test(c, late_evidence_stands_where_it_happened);
	tcase_add_test(c, with_an_arbiter_there_is_no_warning);
	tcase_add_test(c, a_refusal_claims_neither_a_claim_nor_an_outage);
	tcase_add_test(c, damaged_records_are_printed_as_far_as_they_go);
	tcase_add_test(c, text_in_a_record_cannot_steer_the_terminal);
	tcase_add_test(c, the_status_can_be_read);
	tcase_add_test(c, what_is_not_shared_and_what_alarms_is_seen_in_the_status);
	tcase_add_test(c, the_status_of_a_lonely_side_can_be_read);
	suite_add_tcase(s, c);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
