/* The wire format: every field makes the journey, nothing else gets in, and the bytes never change unnoticed. */
#include "heartbeat/wire.h"

#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAIR "vm1"

static struct ft_key key_of(uint32_t id, uint8_t first)
{
	struct ft_key key = {.id = id};

	for (int i = 0; i < FT_KEY_BYTES; i++)
		key.bytes[i] = (uint8_t)(first + i);
	return key;
}

static struct ft_beat sample(void)
{
	struct ft_beat beat = {
	    .link = 1,
	    .asking = true,
	    .tentative = true,
	    .incarnation = 0x1112131415161718,
	    .born = 0x1718191a1b1c1d1e,
	    .echo_incarnation = 0x2122232425262728,
	    .sequence = 0x3132333435363738,
	    .ack_sequence = 0x4142434445464748,
	    .sent = 0x5152535455565758,
	    .echo_sent = 0x6162636465666768,
	    .held_us = 0x71727374,
	    .node = "alpha",
	    .side =
	        {
	            .state = FT_FAILED,
	            .role = FT_ROLE_SECONDARY,
	            .vm = FT_VM_YIELDED,
	            .ready = true,
	            .leaving = true,
	            .repl_broken = true,
	            .request = FT_REQUEST_YIELD,
	            .request_id = 0x81828384,
	            .answer = FT_ANSWER_REFUSED,
	            .answer_id = 0x91929394,
	            .checkpoint_ms = 0xa1a2a3a4,
	            .epoch = 0xb1b2b3b4b5b6b7b8,
	            .window_ms = 0xd1d2d3d4,
	            .runs = true,
	            .share = {.arbiter = 3,
	                      .guard_ms = 0xe1e2e3e4,
	                      .n_links = 2,
	                      .links = {0xf1f2f3f4, 0x01020304},
	                      .place = "/ftd/",
	                      .mark = 0x0102030405060708,
	                      .next_mark = 0x1112131415161719,
	                      .verdict = FT_SHARING_DIFFERS,
	                      .about = 0x2122232425262729},
	            .emulator = {10, 0, 13, "pc-q35-10.0"},
	        },
	};

	for (int i = 0; i < FT_SESSION_BYTES; i++)
		beat.side.session[i] = (uint8_t)(0xc0 + i);
	return beat;
}

static void assert_same_side(const struct ft_side *a, const struct ft_side *b)
{
	ck_assert_int_eq(a->state, b->state);
	ck_assert_int_eq(a->role, b->role);
	ck_assert_int_eq(a->vm, b->vm);
	ck_assert_int_eq(a->ready, b->ready);
	ck_assert_int_eq(a->leaving, b->leaving);
	ck_assert_int_eq(a->repl_broken, b->repl_broken);
	ck_assert_int_eq(a->request, b->request);
	ck_assert_uint_eq(a->request_id, b->request_id);
	ck_assert_int_eq(a->answer, b->answer);
	ck_assert_uint_eq(a->answer_id, b->answer_id);
	ck_assert_uint_eq(a->checkpoint_ms, b->checkpoint_ms);
	ck_assert_mem_eq(a->session, b->session, FT_SESSION_BYTES);
	ck_assert_uint_eq(a->epoch, b->epoch);
	ck_assert_uint_eq(a->window_ms, b->window_ms);
	ck_assert_int_eq(a->runs, b->runs);
	ck_assert(ft_share_equal(&a->share, &b->share));
	ck_assert(ft_emulator_equal(&a->emulator, &b->emulator));
	ck_assert(ft_side_equal(a, b));
}

static void assert_same_beat(const struct ft_beat *a, const struct ft_beat *b)
{
	ck_assert_uint_eq(a->link, b->link);
	ck_assert_int_eq(a->asking, b->asking);
	ck_assert_int_eq(a->tentative, b->tentative);
	ck_assert_uint_eq(a->incarnation, b->incarnation);
	ck_assert_uint_eq(a->echo_incarnation, b->echo_incarnation);
	ck_assert_int_eq(a->born, b->born);
	ck_assert_uint_eq(a->sequence, b->sequence);
	ck_assert_uint_eq(a->ack_sequence, b->ack_sequence);
	ck_assert_int_eq(a->sent, b->sent);
	ck_assert_int_eq(a->echo_sent, b->echo_sent);
	ck_assert_uint_eq(a->held_us, b->held_us);
	ck_assert_str_eq(a->node, b->node);
	assert_same_side(&a->side, &b->side);
}

/* Decodes a copy of exactly len bytes, so that a read beyond it is seen by the sanitizer. */
static enum ft_wire_error decode(const uint8_t *data, size_t len, const struct ft_key *key, struct ft_beat *out)
{
	uint8_t *exact = malloc(len ? len : 1);
	enum ft_wire_error e;

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, data, len);
	e = ft_wire_decode(exact, len, key, 1, PAIR, out);
	free(exact);
	return e;
}

static void assert_round_trip(const struct ft_beat *beat)
{
	struct ft_key key = key_of(7, 1);
	uint8_t data[FT_WIRE_MAX];
	struct ft_beat got;
	size_t len = ft_wire_encode(beat, &key, PAIR, data);

	ck_assert_int_eq(decode(data, len, &key, &got), FT_WIRE_OK);
	assert_same_beat(beat, &got);
}

START_TEST(every_field_makes_the_journey)
{
	struct ft_beat beat = sample();

	assert_round_trip(&beat);
}
END_TEST

/* Each flag alone, so that no two can be swapped. */
START_TEST(every_flag_makes_the_journey_alone)
{
	struct ft_beat beat = sample();

	beat.asking = _i == 0;
	beat.tentative = _i == 1;
	beat.side.ready = _i == 2;
	beat.side.leaving = _i == 3;
	beat.side.repl_broken = _i == 4;
	beat.side.doubtful = _i == 5;
	beat.side.released = _i == 6;
	beat.side.guest = _i == 7;
	beat.side.dying = _i == 8;
	beat.side.ending = _i == 9;
	beat.side.disk_bad = _i == 10;
	beat.side.sick = _i == 11;
	beat.side.returned = _i == 12;
	beat.side.proven = _i == 13;
	beat.side.win = _i == 14 ? FT_WIN_FIRST : _i == 15 ? FT_WIN_REGAINED : FT_WIN_NONE;
	assert_round_trip(&beat);
}
END_TEST

START_TEST(extreme_values_make_the_journey)
{
	struct ft_beat low = {.incarnation = 1, .sequence = 1, .node = "a"};
	struct ft_beat high = sample();

	assert_round_trip(&low);
	high.link = UINT8_MAX;
	high.incarnation = high.echo_incarnation = high.sequence = high.ack_sequence = UINT64_MAX;
	high.sent = high.echo_sent = INT64_MAX;
	high.held_us = high.side.request_id = high.side.answer_id = high.side.checkpoint_ms = UINT32_MAX;
	high.side.epoch = UINT64_MAX;
	high.side.window_ms = high.side.share.guard_ms = UINT32_MAX;
	high.side.share.arbiter = UINT8_MAX;
	high.side.share.n_links = FT_LINKS_MAX;
	memset(high.side.share.links, 0xff, sizeof high.side.share.links);
	memset(high.side.share.place, '~', FT_PLACE_MAX - 1);
	high.side.share.mark = high.side.share.next_mark = high.side.share.about = UINT64_MAX;
	memset(high.side.session, 0xff, FT_SESSION_BYTES);
	memset(high.node, 'z', FT_NAME_MAX - 1);
	assert_round_trip(&high);
}
END_TEST

/* Written down by hand from the table in wire.h.  If this fails, the format has changed: raise FT_WIRE_VERSION. */
START_TEST(the_bytes_are_those_of_the_table)
{
	static const char golden[] = "46544842"
	                             "03"
	                             "01"
	                             "001f"
	                             "00000007"
	                             "0a"
	                             "02"
	                             "04"
	                             "12"
	                             "81828384"
	                             "91929394"
	                             "1112131415161718"
	                             "2122232425262728"
	                             "3132333435363738"
	                             "4142434445464748"
	                             "5152535455565758"
	                             "6162636465666768"
	                             "71727374"
	                             "a1a2a3a4"
	                             "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
	                             "b1b2b3b4b5b6b7b8"
	                             "d1d2d3d4"
	                             "05"
	                             "616c706861"
	                             "010503e1e2e3e4"
	                             "0208f1f2f3f401020304"
	                             "03052f6674642f"
	                             "041901020304050607081112131415161719022122232425262729"
	                             "050101"
	                             "060e0a000d70632d7133352d31302e30"
	                             "07081718191a1b1c1d1e"
	                             "d40e6daafaf0f7eadba42f8e66a9bf6d";
	struct ft_key key = key_of(7, 1);
	struct ft_beat beat = sample();
	uint8_t data[FT_WIRE_MAX];
	char hex[2 * FT_WIRE_MAX + 1] = "";
	size_t len = ft_wire_encode(&beat, &key, PAIR, data);

	for (size_t i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", data[i]);
	ck_assert_uint_eq(len, FT_WIRE_FIXED + 5 + 7 + 10 + 7 + 27 + 3 + 16 + 10 + FT_WIRE_MAC);
	ck_assert_str_eq(hex, golden);
}
END_TEST

START_TEST(every_other_length_is_refused)
{
	struct ft_key key = key_of(7, 1);
	struct ft_beat beat = sample(), out = {.link = 99};
	uint8_t data[2 * FT_WIRE_MAX] = {0};
	size_t len = ft_wire_encode(&beat, &key, PAIR, data);

	for (size_t n = 0; n <= sizeof data; n++)
		if (n != len)
			ck_assert_int_eq(decode(data, n, &key, &out),
			                 n < FT_WIRE_FIXED + 5 + FT_WIRE_MAC || n > FT_WIRE_MAX ? FT_WIRE_LENGTH
			                                                                        : FT_WIRE_AUTH);
	ck_assert_uint_eq(out.link, 99);
}
END_TEST

START_TEST(a_truncated_datagram_is_refused_unread)
{
	struct ft_key key = key_of(7, 1);
	struct ft_beat out;
	uint8_t *data = calloc(1, FT_WIRE_MAX);

	ck_assert_ptr_nonnull(data);
	ck_assert_int_eq(ft_wire_decode(data, 65507, &key, 1, PAIR, &out), FT_WIRE_LENGTH);
	free(data);
}
END_TEST

START_TEST(every_flipped_bit_is_refused)
{
	struct ft_key key = key_of(7, 1);
	struct ft_beat beat = sample(), out = {.link = 99};
	uint8_t data[FT_WIRE_MAX];
	size_t len = ft_wire_encode(&beat, &key, PAIR, data);

	for (size_t bit = 0; bit < 8 * len; bit++) {
		size_t at = bit / 8;
		enum ft_wire_error expect = at < 4               ? FT_WIRE_MAGIC
		                            : at == 4            ? FT_WIRE_VERSION_UNKNOWN
		                            : at >= 8 && at < 12 ? FT_WIRE_KEY
		                                                 : FT_WIRE_AUTH;

		data[at] ^= (uint8_t)(1u << bit % 8);
		enum ft_wire_error got = decode(data, len, &key, &out);
		/* A node name that is too long to be one is seen before it is known who wrote it. */
		if (at != FT_WIRE_FIXED - 1 || got != FT_WIRE_LENGTH)
			ck_assert_int_eq(got, expect);
		data[at] ^= (uint8_t)(1u << bit % 8);
	}
	ck_assert_uint_eq(out.link, 99);
	ck_assert_int_eq(decode(data, len, &key, &out), FT_WIRE_OK);
}
END_TEST

START_TEST(another_key_or_pair_is_refused)
{
	struct ft_key key = key_of(7, 1), unknown = key_of(8, 1), forged = key_of(7, 2);
	struct ft_beat beat = sample(), out;
	uint8_t data[FT_WIRE_MAX];
	size_t len = ft_wire_encode(&beat, &key, PAIR, data);

	ck_assert_int_eq(ft_wire_decode(data, len, &unknown, 1, PAIR, &out), FT_WIRE_KEY);
	ck_assert_int_eq(ft_wire_decode(data, len, &forged, 1, PAIR, &out), FT_WIRE_AUTH);
	ck_assert_int_eq(ft_wire_decode(data, len, &key, 1, "vm2", &out), FT_WIRE_AUTH);
	ck_assert_int_eq(ft_wire_decode(data, len, &key, 1, "vm", &out), FT_WIRE_AUTH);
	ck_assert_int_eq(ft_wire_decode(data, len, NULL, 0, PAIR, &out), FT_WIRE_KEY);
}
END_TEST

START_TEST(every_listed_key_is_accepted_during_rotation)
{
	/* Two keys of one id: unlikely, and no reason to lose the peer. */
	struct ft_key keys[3] = {key_of(9, 9), key_of(7, 2), key_of(7, 1)};
	struct ft_beat beat = sample(), out;
	uint8_t data[FT_WIRE_MAX];

	for (int i = 0; i < 3; i++) {
		size_t len = ft_wire_encode(&beat, &keys[i], PAIR, data);

		ck_assert_int_eq(ft_wire_decode(data, len, keys, 3, PAIR, &out), FT_WIRE_OK);
	}
}
END_TEST

/* Signs whatever stands in data, as a peer of another version would. */
static void sign(uint8_t *data, size_t len, const struct ft_key *key)
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, key->bytes, FT_KEY_BYTES, FT_WIRE_MAC);
	crypto_generichash_update(&state, (const uint8_t *)PAIR, sizeof PAIR);
	crypto_generichash_update(&state, data, len - FT_WIRE_MAC);
	crypto_generichash_final(&state, data + len - FT_WIRE_MAC, FT_WIRE_MAC);
}

static const struct {
	int at;
	uint8_t value;
	enum ft_wire_error expect;
} values[] = {
    {12, FT_STATE_COUNT, FT_WIRE_VALUE},
    {12, 0xff, FT_WIRE_VALUE},
    {13, FT_ROLE_COUNT, FT_WIRE_VALUE},
    {14, FT_VM_COUNT, FT_WIRE_VALUE},
    {15, FT_REQUEST_COUNT << 4, FT_WIRE_VALUE},
    {15, FT_ANSWER_COUNT, FT_WIRE_VALUE},
    {56, 0x80, FT_WIRE_VALUE}, /* a time beyond int64_t */
    {64, 0x80, FT_WIRE_VALUE},
    {109, ' ', FT_WIRE_VALUE}, /* node names go to logs and metrics as they are */
    {113, 0, FT_WIRE_VALUE},
    {110, '\n', FT_WIRE_VALUE},
    {109, 0xc3, FT_WIRE_VALUE},
    {109, '_', FT_WIRE_OK},
    {6, 0xff, FT_WIRE_OK},                  /* unknown flags are ignored */
    {114, 77, FT_WIRE_OK},                  /* so are unknown records: the arbiter's is one now */
    {114, 2, FT_WIRE_VALUE},                /* the links' a second time */
    {115, 4, FT_WIRE_VALUE},                /* a record that is too short, and what follows it does not fit */
    {133, '\n', FT_WIRE_VALUE},             /* a place goes to logs as it is */
    {156, FT_SHARING_COUNT, FT_WIRE_VALUE}, /* the verdict */
    {166, 2, FT_WIRE_VALUE},                /* the guest's record longer than it is: what follows is none */
    {169, 2, FT_WIRE_VALUE},                /* a QEMU without a whole version */
    {173, '\n', FT_WIRE_VALUE},             /* a machine's name goes to logs as it is */
    {169, 15, FT_WIRE_VALUE},               /* a record longer than it is: what follows is none */
    {185, 7, FT_WIRE_VALUE},                /* a birth that is not whole */
    {186, 0x80, FT_WIRE_VALUE},             /* ... or beyond int64_t */
    {185, 9, FT_WIRE_VALUE},                /* a record longer than what is left */
};

START_TEST(authentic_values_out_of_range_are_refused)
{
	struct ft_key key = key_of(7, 1);
	struct ft_beat beat = sample(), out;
	uint8_t data[FT_WIRE_MAX];
	size_t len = ft_wire_encode(&beat, &key, PAIR, data);

	data[values[_i].at] = values[_i].value;
	ck_assert_int_eq(decode(data, len, &key, &out), FT_WIRE_AUTH);
	sign(data, len, &key);
	ck_assert_int_eq(decode(data, len, &key, &out), values[_i].expect);
}
END_TEST

/* Whatever stands behind the node name, signed by who holds the key: it is understood or refused, and never read beyond. */
START_TEST(no_record_leads_astray)
{
	struct ft_key key = key_of(7, 1);
	struct ft_beat beat = sample(), out;
	int good = 0;

	srand(1);
	beat.side.runs = false;
	beat.side.share = (struct ft_share){0};
	beat.side.emulator = (struct ft_emulator){0};
	for (int i = 0; i < 20000; i++) {
		uint8_t data[FT_WIRE_MAX];
		size_t at = ft_wire_encode(&beat, &key, PAIR, data) - FT_WIRE_MAC;
		size_t len = at + (size_t)rand() % (FT_WIRE_MAX - FT_WIRE_MAC - at + 1) / (i % 2 ? 1 : 8);

		for (size_t k = at; k < len; k++)
			data[k] = (uint8_t)(i % 3 ? rand() % 9 : rand());
		sign(data, len + FT_WIRE_MAC, &key);
		enum ft_wire_error e = decode(data, len + FT_WIRE_MAC, &key, &out);
		ck_assert(e == FT_WIRE_OK || e == FT_WIRE_VALUE);
		if (e != FT_WIRE_OK)
			continue;
		good++;
		ck_assert(out.side.share.n_links <= FT_LINKS_MAX && out.side.share.verdict < FT_SHARING_COUNT);
		ck_assert_uint_lt(strlen(out.side.share.place), FT_PLACE_MAX);
		ck_assert_uint_lt(strlen(out.side.emulator.machine), FT_MACHINE_MAX);
	}
	ck_assert_int_gt(good, 10);
}
END_TEST

/* A later ftd may know more of a record, and have more of them. */
START_TEST(what_a_later_ftd_adds_is_skipped)
{
	static const uint8_t later[] = {200, 3, 1, 2, 3, 1, 7, 3, 0, 0, 0, 9, 0xaa, 0xbb, 201, 0};
	struct ft_key key = key_of(7, 1);
	struct ft_beat beat = sample(), out;
	uint8_t data[FT_WIRE_MAX];
	beat.side.share = (struct ft_share){0};
	beat.side.runs = false;
	beat.side.emulator = (struct ft_emulator){0};
	size_t len = ft_wire_encode(&beat, &key, PAIR, data) - FT_WIRE_MAC;

	memcpy(data + len, later, sizeof later);
	len += sizeof later + FT_WIRE_MAC;
	sign(data, len, &key);
	ck_assert_int_eq(decode(data, len, &key, &out), FT_WIRE_OK);
	ck_assert_uint_eq(out.side.share.arbiter, 3);
	ck_assert_uint_eq(out.side.share.guard_ms, 9);
}
END_TEST

/* No name that is none, or too long for one, whatever else makes the datagram long enough. */
START_TEST(a_name_of_no_possible_length_is_refused)
{
	static const uint8_t lengths[] = {0, FT_NAME_MAX, 255};
	struct ft_key key = key_of(7, 1);
	struct ft_beat beat = sample(), out;
	uint8_t data[FT_WIRE_MAX] = {0};

	ft_wire_encode(&beat, &key, PAIR, data);
	memset(data + FT_WIRE_FIXED, 'a', FT_WIRE_MAX - FT_WIRE_FIXED);
	data[FT_WIRE_FIXED - 1] = lengths[_i];
	sign(data, FT_WIRE_MAX, &key);
	ck_assert_int_eq(decode(data, FT_WIRE_MAX, &key, &out), FT_WIRE_LENGTH);
}
END_TEST

/* An upgrade meets the other side's earlier ftd: whose it is must be known, and that nobody forged it. */
START_TEST(another_version_is_known_for_what_it_is)
{
	struct ft_key key = key_of(7, 1), other = key_of(7, 2);
	struct ft_beat beat = sample(), out;
	uint8_t data[FT_WIRE_MAX];
	size_t len = ft_wire_encode(&beat, &key, PAIR, data);

	ck_assert_int_eq(ft_wire_version(data, len, &key, 1, PAIR), FT_WIRE_VERSION);
	data[4] = 2;
	ck_assert_int_eq(ft_wire_version(data, len, &key, 1, PAIR), 0);
	sign(data, len, &key);
	ck_assert_int_eq(decode(data, len, &key, &out), FT_WIRE_VERSION_UNKNOWN);
	ck_assert_int_eq(ft_wire_version(data, len, &key, 1, PAIR), 2);
	ck_assert_int_eq(ft_wire_version(data, len, &other, 1, PAIR), 0);
	ck_assert_int_eq(ft_wire_version(data, 20, &key, 1, PAIR), 0);
}
END_TEST

START_TEST(no_incarnation_or_sequence_is_refused)
{
	struct ft_key key = key_of(7, 1);
	struct ft_beat beat = sample(), out;
	uint8_t data[FT_WIRE_MAX];
	size_t len = ft_wire_encode(&beat, &key, PAIR, data);

	memset(data + (_i ? 24 : 40), 0, 8);
	sign(data, len, &key);
	ck_assert_int_eq(decode(data, len, &key, &out), FT_WIRE_VALUE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("wire");
	TCase *t = tcase_create("wire");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_test(t, every_field_makes_the_journey);
	tcase_add_loop_test(t, every_flag_makes_the_journey_alone, 0, 16);
	tcase_add_test(t, extreme_values_make_the_journey);
	tcase_add_test(t, the_bytes_are_those_of_the_table);
	tcase_add_test(t, every_other_length_is_refused);
	tcase_add_test(t, a_truncated_datagram_is_refused_unread);
	tcase_add_test(t, every_flipped_bit_is_refused);
	tcase_add_test(t, another_key_or_pair_is_refused);
	tcase_add_test(t, every_listed_key_is_accepted_during_rotation);
	tcase_add_loop_test(t, authentic_values_out_of_range_are_refused, 0, (int)(sizeof values / sizeof values[0]));
	tcase_add_test(t, no_record_leads_astray);
	tcase_add_test(t, what_a_later_ftd_adds_is_skipped);
	tcase_add_loop_test(t, a_name_of_no_possible_length_is_refused, 0, 3);
	tcase_add_test(t, another_version_is_known_for_what_it_is);
	tcase_add_loop_test(t, no_incarnation_or_sequence_is_refused, 0, 2);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
