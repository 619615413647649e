/* The byte stream of QMP cut into objects, whatever way it arrives. */
#include "qmp/framing.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEN_MAX 64

struct seen {
	int n;
	enum ft_frame kind[SEEN_MAX];
	char text[SEEN_MAX][200]; /* the beginning of it */
	size_t len[SEEN_MAX];
	struct ft_framing *reset; /* to be reset from inside the first call */
};

static void see(void *arg, enum ft_frame kind, const char *text, size_t len)
{
	struct seen *s = arg;
	ck_assert_int_lt(s->n, SEEN_MAX);
	size_t n = len < sizeof s->text[0] - 1 ? len : sizeof s->text[0] - 1;
	memcpy(s->text[s->n], text, n);
	s->text[s->n][n] = '\0';
	s->len[s->n] = len;
	s->kind[s->n++] = kind;
	if (s->reset)
		ft_framing_reset(s->reset);
	s->reset = NULL;
}

/* Three objects with all that can mislead a scanner. */
static const char *const objects[] = {
    "{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}",
    "{\"return\": [{\"a\": \"}]{[\"}, {\"b\": \"quote \\\" and \\\\\"}, [[]]], \"id\": \"x\"}",
    "{\"event\": \"E\", \"data\": {\"s\": \"\\\\\\\"{\"}}",
};
static const char stream[] = " \r\n\t{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}\r\n"
                             "{\"return\": [{\"a\": \"}]{[\"}, {\"b\": \"quote \\\" and \\\\\"}, [[]]], \"id\": \"x\"}"
                             "{\"event\": \"E\", \"data\": {\"s\": \"\\\\\\\"{\"}}\r\n";

static void expect_objects(const struct seen *s)
{
	ck_assert_int_eq(s->n, 3);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(s->kind[i], FT_FRAME_OBJECT);
		ck_assert_str_eq(s->text[i], objects[i]);
	}
}

START_TEST(split_anywhere)
{
	size_t len = strlen(stream);
	for (size_t cut = 0; cut <= len; cut++) {
		struct seen s = {0};
		struct ft_framing *f = ft_framing_new(4096);
		ft_framing_feed(f, stream, cut, see, &s);
		ft_framing_feed(f, stream + cut, len - cut, see, &s);
		expect_objects(&s);
		ft_framing_free(f);
	}
}
END_TEST

START_TEST(byte_by_byte)
{
	struct seen s = {0};
	struct ft_framing *f = ft_framing_new(4096);
	for (size_t i = 0; i < strlen(stream); i++)
		ft_framing_feed(f, stream + i, 1, see, &s);
	expect_objects(&s);
	ft_framing_free(f);
}
END_TEST

static void feed_text(struct ft_framing *f, const char *text, struct seen *s)
{
	ft_framing_feed(f, text, strlen(text), see, s);
}

START_TEST(several_lines_are_one_object)
{
	struct seen s = {0};
	struct ft_framing *f = ft_framing_new(4096);
	feed_text(f, "{\r\n  \"return\": {\r\n  }\r\n}\r\n{}\r\n", &s);
	ck_assert_int_eq(s.n, 2);
	ck_assert_int_eq(s.kind[0], FT_FRAME_OBJECT);
	ck_assert_str_eq(s.text[1], "{}");
	ft_framing_free(f);
}
END_TEST

START_TEST(garbage_is_told_once_and_skipped)
{
	static const char *const broken[] = {
	    "garbage } { \"\r\n",    "}\n",    "\"text\"\n", "{\"a\": [}]\n", "{\"a\": 1]\n",
	    "{\"open\": \"string\n", "12 {}\n"};
	for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
		struct seen s = {0};
		struct ft_framing *f = ft_framing_new(4096);
		feed_text(f, broken[i], &s);
		ck_assert_msg(s.n == 1 && s.kind[0] == FT_FRAME_BROKEN, "%s", broken[i]);
		ck_assert_msg(strncmp(s.text[0], broken[i], strcspn(broken[i], "\n")) == 0, "told: %s", s.text[0]);
		feed_text(f, "{\"good\":1}\r\n", &s);
		ck_assert_msg(s.n == 2 && s.kind[1] == FT_FRAME_OBJECT, "after %s", broken[i]);
		ck_assert_str_eq(s.text[1], "{\"good\":1}");
		ft_framing_free(f);
	}
}
END_TEST

START_TEST(nesting_is_bounded)
{
	char deep[3000];
	struct seen s = {0};
	struct ft_framing *f = ft_framing_new(1 << 20);
	/* 1024 levels pass, one more does not. */
	for (int extra = 0; extra <= 1; extra++) {
		size_t inner = 1023 + (size_t)extra, n = 0;
		deep[n++] = '{';
		memset(deep + n, '[', inner);
		n += inner;
		memset(deep + n, ']', inner);
		n += inner;
		deep[n++] = '}';
		deep[n++] = '\n';
		ft_framing_feed(f, deep, n, see, &s);
	}
	feed_text(f, "{}\n", &s);
	ck_assert_int_eq(s.n, 3);
	ck_assert_int_eq(s.kind[0], FT_FRAME_OBJECT);
	ck_assert_int_eq(s.kind[1], FT_FRAME_BROKEN);
	ck_assert_int_eq(s.kind[2], FT_FRAME_OBJECT);
	ft_framing_free(f);
}
END_TEST

START_TEST(oversized_is_told_once_and_not_kept)
{
	struct seen s = {0};
	struct ft_framing *f = ft_framing_new(1000);
	char filler[512];
	memset(filler, 'x', sizeof filler);
	feed_text(f, "{\"return\": \"", &s);
	for (int i = 0; i < 10000; i++)
		ft_framing_feed(f, filler, sizeof filler, see, &s);
	ck_assert_int_eq(s.n, 1);
	ck_assert_int_eq(s.kind[0], FT_FRAME_OVERSIZED);
	ck_assert_uint_le(s.len[0], 1000); /* the five megabytes after that were not kept */
	ck_assert_int_eq(strncmp(s.text[0], "{\"return\": \"xxx", 15), 0);
	feed_text(f, "\"}\r\n{\"id\":2}\r\n", &s);
	ck_assert_int_eq(s.n, 2);
	ck_assert_str_eq(s.text[1], "{\"id\":2}");
	ft_framing_free(f);
}
END_TEST

START_TEST(an_object_of_just_the_limit_passes)
{
	struct seen s = {0};
	struct ft_framing *f = ft_framing_new(8);
	feed_text(f, "{\"a\":12}{\"a\":123}\n{}", &s);
	ck_assert_int_eq(s.n, 3);
	ck_assert_int_eq(s.kind[0], FT_FRAME_OBJECT);
	ck_assert_int_eq(s.kind[1], FT_FRAME_OVERSIZED);
	ck_assert_int_eq(s.kind[2], FT_FRAME_OBJECT);
	ft_framing_free(f);
}
END_TEST

/* A parser makes 56 bytes and more of each value: of 4 MB of empty lists 170 MB, for which the loop stands still. */
START_TEST(more_values_than_any_answer_has_are_told_once_and_skipped)
{
	static const char *const values[] = {"[],", "{},", "0,", "\"\","};
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		struct seen s = {0};
		struct ft_framing *f = ft_framing_new(1 << 20);
		feed_text(f, "{\"return\": [", &s);
		for (int n = 0; n < 200000; n++)
			feed_text(f, values[i], &s);
		feed_text(f, "0]}\r\n{\"id\":2}\r\n", &s);
		ck_assert_int_eq(s.n, 2);
		ck_assert_int_eq(s.kind[0], FT_FRAME_OVERSIZED);
		ck_assert_uint_le(s.len[0], 400 << 10);
		ck_assert_str_eq(s.text[1], "{\"id\":2}");
		ft_framing_free(f);
	}
}
END_TEST

/* What QEMU says of its block graph has 13 bytes for each, and nothing has fewer. Commas in a string are none. */
START_TEST(as_many_values_as_an_answer_has_pass)
{
	struct seen s = {0};
	struct ft_framing *f = ft_framing_new(1 << 20);
	feed_text(f, "{\"commas\": \"", &s);
	for (int n = 0; n < 200000; n++)
		feed_text(f, ",", &s);
	feed_text(f, "\", \"return\": [", &s);
	for (int n = 0; n < 62000; n++)
		feed_text(f, "\"id\": 12345,", &s);
	feed_text(f, "0]}\r\n", &s);
	ck_assert_int_eq(s.n, 1);
	ck_assert_int_eq(s.kind[0], FT_FRAME_OBJECT);
	ft_framing_free(f);
}
END_TEST

START_TEST(reset_forgets_what_was_open)
{
	struct seen s = {0};
	struct ft_framing *f = ft_framing_new(4096);
	feed_text(f, "{\"half\": \"", &s);
	ft_framing_reset(f);
	feed_text(f, "{}\n", &s);
	ck_assert_int_eq(s.n, 1);
	feed_text(f, "rubbish", &s);
	ft_framing_reset(f);
	feed_text(f, "{}", &s);
	ck_assert_int_eq(s.n, 3);
	ck_assert_int_eq(s.kind[2], FT_FRAME_OBJECT);
	ft_framing_free(f);
}
END_TEST

START_TEST(reset_from_inside_drops_the_rest)
{
	struct ft_framing *f = ft_framing_new(4096);
	struct seen s = {.reset = f};
	feed_text(f, "{\"last\":1}\n{\"of the old connection\":1}\n{\"hal", &s);
	ck_assert_int_eq(s.n, 1);
	feed_text(f, "{\"new\":1}\n", &s);
	ck_assert_int_eq(s.n, 2);
	ck_assert_str_eq(s.text[1], "{\"new\":1}");
	ft_framing_free(f);
}
END_TEST

/* xorshift; the same numbers every time */
static uint32_t random_number(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

START_TEST(random_cuts_change_nothing)
{
	uint32_t state = 20261121;
	size_t len = strlen(stream);
	for (int round = 0; round < 2000; round++) {
		struct seen s = {0};
		struct ft_framing *f = ft_framing_new(4096);
		for (size_t at = 0, n; at < len; at += n) {
			n = 1 + random_number(&state) % 20;
			n = n > len - at ? len - at : n;
			ft_framing_feed(f, stream + at, n, see, &s);
		}
		expect_objects(&s);
		ft_framing_free(f);
	}
}
END_TEST

/* One byte of the stream is damaged: whatever is lost, the next line is not. */
START_TEST(random_damage_ends_at_the_line)
{
	uint32_t state = 7400;
	for (int round = 0; round < 5000; round++) {
		static const char alphabet[] = "{}[]\"\\,: x";
		char line[] = "{\"return\": {\"a\": [1, {\"b\": \"c\\\\\"}]}, \"id\": 5}\n";
		struct seen s = {0};
		struct ft_framing *f = ft_framing_new(4096);
		line[random_number(&state) % (sizeof line - 2)] = alphabet[random_number(&state) % 10];
		feed_text(f, line, &s);
		/* Damage can leave the object open; then the next line's braces and the one after it settle it. */
		for (int i = 0; i < 4; i++)
			feed_text(f, "{\"s\": \"}]}]\"}]\n", &s);
		feed_text(f, "{\"good\": 1}\n", &s);
		ck_assert_int_gt(s.n, 1);
		ck_assert_str_eq(s.text[s.n - 1], "{\"good\": 1}");
		ft_framing_free(f);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("framing");
	TCase *c = tcase_create("framing");
	tcase_add_test(c, split_anywhere);
	tcase_add_test(c, byte_by_byte);
	tcase_add_test(c, several_lines_are_one_object);
	tcase_add_test(c, garbage_is_told_once_and_skipped);
	tcase_add_test(c, nesting_is_bounded);
	tcase_add_test(c, oversized_is_told_once_and_not_kept);
	tcase_add_test(c, an_object_of_just_the_limit_passes);
	tcase_add_test(c, more_values_than_any_answer_has_are_told_once_and_skipped);
	tcase_add_test(c, as_many_values_as_an_answer_has_pass);
	tcase_add_test(c, reset_forgets_what_was_open);
	tcase_add_test(c, reset_from_inside_drops_the_rest);
	tcase_add_test(c, random_cuts_change_nothing);
	tcase_add_test(c, random_damage_ends_at_the_line);
	suite_add_tcase(suite, c);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
