/* What is asked of an etcd, and what its answers and the entries in it are taken for: others may answer, or write there. */
#include "arbiter/entry.h"
#include "arbiter/etcd_json.h"

#include <check.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define PEERS "/ftd/vm1@beta"
#define START "/ftd/vm1@"
#define MARK  "mark 00000000000000ff\nepoch 7\nwhatever\n"

static struct ft_told told;
static char cluster[FT_ETCD_CLUSTER_MAX];

static const char *coded(const char *text, char out[512])
{
	return sodium_bin2base64(out, 512, (const unsigned char *)text, strlen(text), sodium_base64_VARIANT_ORIGINAL);
}

static json_t *entry(const char *key, const char *value)
{
	char k[512], v[512];
	return json_pack("{s:s,s:s}", "key", coded(key, k), "value", coded(value, v));
}

/* A transaction's answer: what the write said of itself, and the range that was read behind it.  Takes kvs over. */
static char *answer(const char *written, json_t *kvs)
{
	json_t *all = json_pack("{s:{s:s,s:s},s:b,s:[{s:{}},{s:{s:o}}]}", "header", "cluster_id", "77", "revision", "1",
	                        "succeeded", 1, "responses", written, "response_range", "kvs", kvs);
	ck_assert_ptr_nonnull(all);
	char *text = json_dumps(all, JSON_COMPACT);
	json_decref(all);
	return text;
}

static void mark(const char *body)
{
	ft_etcd_marked(body, strlen(body), PEERS, &told, cluster);
}

static void mark_beside(const char *written, const char *key, const char *value)
{
	char *body = answer(written, json_pack("[o]", entry(key, value)));
	mark(body);
	free(body);
}

START_TEST(a_mark_that_was_put_there_tells_the_peers)
{
	mark_beside("response_put", PEERS, MARK);
	ck_assert_int_eq(told.what, FT_REGISTER_TAKEN);
	ck_assert_uint_eq(told.mark, 0xff);
	ck_assert_str_eq(cluster, "77");
	mark_beside("response_put", PEERS, "not a mark");
	ck_assert_int_eq(told.what, FT_REGISTER_TAKEN);
	ck_assert_uint_eq(told.mark, 0);
}
END_TEST

/* A proof that both hosts share the registers must not come out of it. */
START_TEST(what_does_not_say_that_the_mark_was_put_there_proves_nothing)
{
	static const char *const others[] = {"", "{}", "[]", "404 page not found",
	                                     "{\"header\":{\"cluster_id\":\"77\"}}"};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		mark(others[i]);
		ck_assert_msg(told.what == FT_REGISTER_UNKNOWN && told.error[0] && told.mark == 0, "%s", others[i]);
	}
	mark_beside("response_range", PEERS, MARK);
	ck_assert_int_eq(told.what, FT_REGISTER_UNKNOWN);
	ck_assert_ptr_nonnull(strstr(told.error, "put there"));
}
END_TEST

START_TEST(a_mark_under_another_key_is_not_the_peers)
{
	mark_beside("response_put", "/ftd/vm2@beta", MARK);
	ck_assert_int_eq(told.what, FT_REGISTER_UNKNOWN);
	ck_assert_uint_eq(told.mark, 0);
	char *body = answer("response_put", json_pack("[o,o]", entry(PEERS, MARK), entry(PEERS, MARK)));
	mark(body);
	free(body);
	ck_assert_int_eq(told.what, FT_REGISTER_UNKNOWN);
	ck_assert_ptr_nonnull(strstr(told.error, "the key that was asked for"));
}
END_TEST

static void remember(json_t *kvs)
{
	static const char *const nodes[2] = {"alpha", "beta"};
	char *body = answer("response_delete_range", kvs);
	ft_etcd_remembered(body, strlen(body), START, nodes, &told, cluster);
	free(body);
}

START_TEST(the_newest_session_of_the_pair_is_remembered)
{
	remember(json_pack("[o,o,o]", entry(START "alpha", "mark 00000000000000aa\nepoch 3\n"), entry(PEERS, MARK),
	                   entry(START "gamma", "mark 00000000000000bb\nepoch 9\n")));
	ck_assert_int_eq(told.what, FT_REGISTER_TAKEN);
	ck_assert_uint_eq(told.epoch, 7);
	ck_assert_str_eq(told.name, "beta");
	remember(json_array());
	ck_assert_int_eq(told.what, FT_REGISTER_ABSENT);
}
END_TEST

/* "This pair is new here" must not come out of an answer about something else: a guest would be started by it. */
START_TEST(keys_that_were_not_asked_for_are_no_past)
{
	remember(json_pack("[o]", entry("/ftd/vm2@beta", MARK)));
	ck_assert_int_eq(told.what, FT_REGISTER_UNKNOWN);
	remember(json_pack("[{s:s}]", "key", "no base64!"));
	ck_assert_int_eq(told.what, FT_REGISTER_UNKNOWN);
	ck_assert_ptr_nonnull(strstr(told.error, "the keys that were asked for"));
}
END_TEST

START_TEST(a_reading_that_is_not_etcds_is_no_absence)
{
	static const char *const others[] = {"", "{}", "{\"kvs\":[]}", "<html>", "{\"header\":7}"};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		ft_etcd_looked(others[i], strlen(others[i]), PEERS, &told, cluster);
		ck_assert_msg(told.what == FT_REGISTER_UNKNOWN && told.error[0], "%s", others[i]);
	}
}
END_TEST

START_TEST(a_password_that_is_no_text_is_not_sent)
{
	char *body = ft_etcd_login("ftd", "\xff\xfe");
	ck_assert_str_eq(body, "{}");
	free(body);
	body = ft_etcd_login("ftd", "secret");
	ck_assert_str_eq(body, "{\"name\":\"ftd\",\"password\":\"secret\"}");
	free(body);
}
END_TEST

/* It goes into the log, and to a terminal from there. */
START_TEST(etcds_own_words_are_shown_in_plain_ascii)
{
	static const struct {
		const char *body, *text;
	} cases[] = {
	    {"{\"error\":\"etcdserver: no leader\"}", "etcdserver: no leader"},
	    {"\x1b[31mred\nsecond line", "?[31mred"},
	    {"caf\xc3\xa9", "caf??"},
	    {"", ""},
	};
	char text[FT_TEXT_MAX];
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ft_etcd_refusal(cases[i].body, strlen(cases[i].body), text);
		ck_assert_str_eq(text, cases[i].text);
	}
}
END_TEST

START_TEST(the_epoch_of_a_mark_is_a_number_or_none)
{
	static const struct {
		const char *text;
		uint64_t epoch;
	} cases[] = {
	    {MARK, 7},
	    {"mark 00000000000000ff\nepoch 18446744073709551615\n", UINT64_MAX},
	    {"mark 00000000000000ff\nepoch 18446744073709551616\n", 0},
	    {"mark 00000000000000ff\nepoch -1\n", 0},
	    {"mark 00000000000000ff\nepoch 7", 0},
	    {"mark 00000000000000ff\nepoch 7x\n", 0},
	    {"mark 00000000000000ff\nThe pair before the @\n", 0},
	    {"mark 00000000000000fg\nepoch 7\n", 0},
	    {"epoch 7\n", 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ck_assert_msg(ft_mark_epoch(cases[i].text, strlen(cases[i].text)) == cases[i].epoch, "%s",
		              cases[i].text);
}
END_TEST

/* Or a host with a broken clock could claim nothing that anybody reads. */
START_TEST(a_claim_is_readable_whatever_the_clock_says)
{
	static const time_t times[] = {0, 1800000000, 253402300799, 253402300800, INT64_MAX, INT64_MIN};
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		char line[FT_ENTRY_MAX], name[FT_NAME_MAX];
		size_t len = ft_entry_write("alpha", (struct timespec){.tv_sec = times[i]}, line);
		ck_assert_msg(ft_entry_read(line, len, name), "%s", line);
		ck_assert_str_eq(name, "alpha");
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("etcd json");
	TCase *t = tcase_create("answers and entries");
	tcase_add_test(t, a_mark_that_was_put_there_tells_the_peers);
	tcase_add_test(t, what_does_not_say_that_the_mark_was_put_there_proves_nothing);
	tcase_add_test(t, a_mark_under_another_key_is_not_the_peers);
	tcase_add_test(t, the_newest_session_of_the_pair_is_remembered);
	tcase_add_test(t, keys_that_were_not_asked_for_are_no_past);
	tcase_add_test(t, a_reading_that_is_not_etcds_is_no_absence);
	tcase_add_test(t, a_password_that_is_no_text_is_not_sent);
	tcase_add_test(t, etcds_own_words_are_shown_in_plain_ascii);
	tcase_add_test(t, the_epoch_of_a_mark_is_a_number_or_none);
	tcase_add_test(t, a_claim_is_readable_whatever_the_clock_says);
	suite_add_tcase(s, t);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
