/* See wire.h.  Bytes go in and out through the offsets below and nowhere else. */
#include "heartbeat/wire.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

enum offset {
	AT_MAGIC = FT_WIRE_AT_MAGIC,
	AT_VERSION = 4,
	AT_LINK = 5,
	AT_FLAGS = 6,
	AT_KEY_ID = FT_WIRE_AT_KEY_ID,
	AT_STATE = 12,
	AT_ROLE = 13,
	AT_VM = 14,
	AT_REQUEST_ANSWER = 15,
	AT_REQUEST_ID = 16,
	AT_ANSWER_ID = 20,
	AT_INCARNATION = 24,
	AT_ECHO_INCARNATION = 32,
	AT_SEQUENCE = 40,
	AT_ACK_SEQUENCE = 48,
	AT_SENT = 56,
	AT_ECHO_SENT = 64,
	AT_HELD = 72,
	AT_CHECKPOINT = 76,
	AT_SESSION = 80,
	AT_EPOCH = 96,
	AT_WINDOW = 104,
	AT_NODE_LEN = 108,
	AT_NODE = FT_WIRE_FIXED
};

enum record {
	RECORD_ARBITER = 1,
	RECORD_LINKS = 2,
	RECORD_PLACE = 3,
	RECORD_MARK = 4,
	RECORD_GUEST = 5,
	RECORD_EMULATOR = 6,
	RECORD_BORN = 7
};
#define RECORD_HEAD 2 /* type and length */

/* What our own records take at the most leaves room. */
_Static_assert(FT_WIRE_FIXED + FT_NAME_MAX - 1 + (RECORD_HEAD + 5) + (RECORD_HEAD + 4 * FT_LINKS_MAX) +
                       (RECORD_HEAD + FT_PLACE_MAX - 1) + (RECORD_HEAD + 25) + (RECORD_HEAD + 1) +
                       (RECORD_HEAD + 3 + FT_MACHINE_MAX - 1) + (RECORD_HEAD + 8) + FT_WIRE_MAC <=
                   FT_WIRE_MAX,
               "a heartbeat fits");

enum flag {
	FLAG_READY = 1,
	FLAG_LEAVING = 2,
	FLAG_REPL_BROKEN = 4,
	FLAG_ASKING = 8,
	FLAG_TENTATIVE = 16,
	FLAG_DOUBTFUL = 32,
	FLAG_RELEASED = 64,
	FLAG_GUEST = 128,
	FLAG_DYING = 256,
	FLAG_RETURNED = 512,
	FLAG_ENDING = 1024,
	FLAG_SICK = 2048,
	FLAG_DISK_BAD = 4096,
	FLAG_PROVEN = 8192,
	FLAG_WON = 16384,
	FLAG_REGAINED = 32768
};

const char *ft_wire_error_name(enum ft_wire_error e)
{
	static const char *const names[FT_WIRE_ERROR_COUNT] = {
	    [FT_WIRE_OK] = "ok",       [FT_WIRE_LENGTH] = "length",
	    [FT_WIRE_MAGIC] = "magic", [FT_WIRE_VERSION_UNKNOWN] = "version",
	    [FT_WIRE_KEY] = "key",     [FT_WIRE_AUTH] = "auth",
	    [FT_WIRE_VALUE] = "value",
	};

	return (unsigned)e < FT_WIRE_ERROR_COUNT ? names[e] : "?";
}

static void put(uint8_t *out, size_t at, int bytes, uint64_t value)
{
	for (int i = bytes - 1; i >= 0; i--, value >>= 8)
		out[at + (size_t)i] = (uint8_t)value;
}

static uint64_t get(const uint8_t *data, size_t at, int bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < bytes; i++)
		value = value << 8 | data[at + (size_t)i];
	return value;
}

static void authenticate(const uint8_t *data, size_t len, const struct ft_key *key, const char *pair,
                         uint8_t mac[FT_WIRE_MAC])
{
	crypto_generichash_state state;

	/* The pair's NUL goes in as well, so that no pair's name can borrow bytes from the datagram. */
	crypto_generichash_init(&state, key->bytes, sizeof key->bytes, FT_WIRE_MAC);
	crypto_generichash_update(&state, (const unsigned char *)pair, strlen(pair) + 1);
	crypto_generichash_update(&state, data, len);
	crypto_generichash_final(&state, mac, FT_WIRE_MAC);
	sodium_memzero(&state, sizeof state);
}

static unsigned flags_of(const struct ft_beat *beat)
{
	return (beat->side.ready ? FLAG_READY : 0u) | (beat->side.leaving ? FLAG_LEAVING : 0u) |
	       (beat->side.repl_broken ? FLAG_REPL_BROKEN : 0u) | (beat->asking ? FLAG_ASKING : 0u) |
	       (beat->tentative ? FLAG_TENTATIVE : 0u) | (beat->side.doubtful ? FLAG_DOUBTFUL : 0u) |
	       (beat->side.released ? FLAG_RELEASED : 0u) | (beat->side.guest ? FLAG_GUEST : 0u) |
	       (beat->side.dying ? FLAG_DYING : 0u) | (beat->side.ending ? FLAG_ENDING : 0u) |
	       (beat->side.disk_bad ? FLAG_DISK_BAD : 0u) | (beat->side.returned ? FLAG_RETURNED : 0u) |
	       (beat->side.proven ? FLAG_PROVEN : 0u) | (beat->side.sick ? FLAG_SICK : 0u) |
	       (beat->side.win == FT_WIN_FIRST ? FLAG_WON : 0u) |
	       (beat->side.win == FT_WIN_REGAINED ? FLAG_REGAINED : 0u);
}

static void put_side(const struct ft_side *side, uint8_t *out)
{
	assert(side->state < FT_STATE_COUNT && side->role < FT_ROLE_COUNT && side->vm < FT_VM_COUNT);
	assert(side->request < FT_REQUEST_COUNT && side->answer < FT_ANSWER_COUNT);
	put(out, AT_STATE, 1, side->state);
	put(out, AT_ROLE, 1, side->role);
	put(out, AT_VM, 1, side->vm);
	put(out, AT_REQUEST_ANSWER, 1, (unsigned)side->request << 4 | (unsigned)side->answer);
	put(out, AT_REQUEST_ID, 4, side->request_id);
	put(out, AT_ANSWER_ID, 4, side->answer_id);
	put(out, AT_CHECKPOINT, 4, side->checkpoint_ms);
	memcpy(out + AT_SESSION, side->session, FT_SESSION_BYTES);
	put(out, AT_EPOCH, 8, side->epoch);
	put(out, AT_WINDOW, 4, side->window_ms);
}

/* Begins a record; returns where its bytes go. */
static size_t put_head(uint8_t *out, size_t at, enum record type, size_t len)
{
	put(out, at, 1, type);
	put(out, at + 1, 1, len);
	return at + RECORD_HEAD;
}

static size_t put_emulator(const struct ft_emulator *e, uint8_t *out, size_t at)
{
	size_t len = strnlen(e->machine, sizeof e->machine);

	assert(len < sizeof e->machine);
	if (!ft_emulator_known(e))
		return at;
	at = put_head(out, at, RECORD_EMULATOR, 3 + len);
	put(out, at, 1, e->major);
	put(out, at + 1, 1, e->minor);
	put(out, at + 2, 1, e->micro);
	memcpy(out + at + 3, e->machine, len);
	return at + 3 + len;
}

static size_t put_records(const struct ft_beat *beat, uint8_t *out, size_t at)
{
	const struct ft_side *side = &beat->side;
	const struct ft_share *s = &side->share;
	size_t place_len = strnlen(s->place, sizeof s->place);

	assert(s->n_links >= 0 && s->n_links <= FT_LINKS_MAX && place_len < sizeof s->place);
	if (s->arbiter) {
		at = put_head(out, at, RECORD_ARBITER, 5);
		put(out, at, 1, s->arbiter);
		put(out, at + 1, 4, s->guard_ms);
		at += 5;
	}
	if (s->n_links > 0)
		at = put_head(out, at, RECORD_LINKS, 4 * (size_t)s->n_links);
	for (int i = 0; i < s->n_links; i++, at += 4)
		put(out, at, 4, s->links[i]);
	if (place_len > 0) {
		at = put_head(out, at, RECORD_PLACE, place_len);
		memcpy(out + at, s->place, place_len);
		at += place_len;
	}
	if (s->mark || s->next_mark || s->verdict != FT_SHARING_UNKNOWN) {
		at = put_head(out, at, RECORD_MARK, 25);
		put(out, at, 8, s->mark);
		put(out, at + 8, 8, s->next_mark);
		put(out, at + 16, 1, s->verdict);
		put(out, at + 17, 8, s->about);
		at += 25;
	}
	if (side->runs) {
		at = put_head(out, at, RECORD_GUEST, 1);
		put(out, at, 1, 1);
		at += 1;
	}
	at = put_emulator(&side->emulator, out, at);
	if (beat->born) {
		at = put_head(out, at, RECORD_BORN, 8);
		put(out, at, 8, (uint64_t)beat->born);
		at += 8;
	}
	return at;
}

size_t ft_wire_encode(const struct ft_beat *beat, const struct ft_key *key, const char *pair, uint8_t out[FT_WIRE_MAX])
{
	size_t node_len = strnlen(beat->node, sizeof beat->node);
	size_t len;

	assert(node_len >= 1 && node_len < FT_NAME_MAX);
	assert(beat->incarnation != 0 && beat->sequence != 0 && beat->sent >= 0 && beat->echo_sent >= 0 &&
	       beat->born >= 0);
	put(out, AT_MAGIC, 4, FT_WIRE_MAGIC_NUMBER);
	put(out, AT_VERSION, 1, FT_WIRE_VERSION);
	put(out, AT_LINK, 1, beat->link);
	put(out, AT_FLAGS, 2, flags_of(beat));
	put(out, AT_KEY_ID, 4, key->id);
	put(out, AT_INCARNATION, 8, beat->incarnation);
	put(out, AT_ECHO_INCARNATION, 8, beat->echo_incarnation);
	put(out, AT_SEQUENCE, 8, beat->sequence);
	put(out, AT_ACK_SEQUENCE, 8, beat->ack_sequence);
	put(out, AT_SENT, 8, (uint64_t)beat->sent);
	put(out, AT_ECHO_SENT, 8, (uint64_t)beat->echo_sent);
	put(out, AT_HELD, 4, beat->held_us);
	put_side(&beat->side, out);
	put(out, AT_NODE_LEN, 1, node_len);
	memcpy(out + AT_NODE, beat->node, node_len);
	len = put_records(beat, out, AT_NODE + node_len);
	authenticate(out, len, key, pair, out + len);
	return len + FT_WIRE_MAC;
}

/* What may be looked at before authenticity is known: is it a heartbeat of our version, of the length it says? */
static enum ft_wire_error check_shape(const uint8_t *data, size_t len)
{
	if (len < FT_WIRE_MIN || len > FT_WIRE_MAX)
		return FT_WIRE_LENGTH;
	if (get(data, AT_MAGIC, 4) != FT_WIRE_MAGIC_NUMBER)
		return FT_WIRE_MAGIC;
	if (data[AT_VERSION] != FT_WIRE_VERSION)
		return FT_WIRE_VERSION_UNKNOWN;
	if (data[AT_NODE_LEN] < 1 || data[AT_NODE_LEN] >= FT_NAME_MAX ||
	    len < (size_t)FT_WIRE_FIXED + data[AT_NODE_LEN] + FT_WIRE_MAC)
		return FT_WIRE_LENGTH;
	return FT_WIRE_OK;
}

static enum ft_wire_error check_authentic(const uint8_t *data, size_t len, const struct ft_key *keys, int n_keys,
                                          const char *pair)
{
	enum ft_wire_error error = FT_WIRE_KEY;
	uint32_t id = (uint32_t)get(data, AT_KEY_ID, 4);

	for (int i = 0; i < n_keys; i++) {
		uint8_t mac[FT_WIRE_MAC];

		if (keys[i].id != id)
			continue;
		authenticate(data, len - FT_WIRE_MAC, &keys[i], pair, mac);
		if (sodium_memcmp(mac, data + len - FT_WIRE_MAC, FT_WIRE_MAC) == 0)
			return FT_WIRE_OK;
		error = FT_WIRE_AUTH;
	}
	return error;
}

int ft_wire_version(const uint8_t *data, size_t len, const struct ft_key *keys, int n_keys, const char *pair)
{
	if (len < FT_WIRE_MIN || len > FT_WIRE_MAX || get(data, AT_MAGIC, 4) != FT_WIRE_MAGIC_NUMBER)
		return 0;
	return check_authentic(data, len, keys, n_keys, pair) == FT_WIRE_OK ? data[AT_VERSION] : 0;
}

static bool known_values(const uint8_t *data)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	for (int i = 0; i < data[AT_NODE_LEN]; i++)
		if (!memchr(allowed, data[AT_NODE + i], sizeof allowed - 1))
			return false;
	return data[AT_STATE] < FT_STATE_COUNT && data[AT_ROLE] < FT_ROLE_COUNT && data[AT_VM] < FT_VM_COUNT &&
	       data[AT_REQUEST_ANSWER] >> 4 < FT_REQUEST_COUNT && (data[AT_REQUEST_ANSWER] & 15) < FT_ANSWER_COUNT &&
	       get(data, AT_INCARNATION, 8) != 0 && get(data, AT_SEQUENCE, 8) != 0 &&
	       get(data, AT_SENT, 8) <= INT64_MAX && get(data, AT_ECHO_SENT, 8) <= INT64_MAX;
}

static struct ft_side get_side(const uint8_t *data)
{
	unsigned flags = (unsigned)get(data, AT_FLAGS, 2);
	struct ft_side side = {
	    .state = (enum ft_state)data[AT_STATE],
	    .role = (enum ft_role)data[AT_ROLE],
	    .vm = (enum ft_vm)data[AT_VM],
	    .ready = flags & FLAG_READY,
	    .leaving = flags & FLAG_LEAVING,
	    .repl_broken = flags & FLAG_REPL_BROKEN,
	    .doubtful = flags & FLAG_DOUBTFUL,
	    .released = flags & FLAG_RELEASED,
	    .guest = flags & FLAG_GUEST,
	    .dying = flags & FLAG_DYING,
	    .ending = flags & FLAG_ENDING,
	    .disk_bad = flags & FLAG_DISK_BAD,
	    .returned = flags & FLAG_RETURNED,
	    .proven = flags & FLAG_PROVEN,
	    .sick = flags & FLAG_SICK,
	    .win = flags & FLAG_REGAINED ? FT_WIN_REGAINED
	           : flags & FLAG_WON    ? FT_WIN_FIRST
	                                 : FT_WIN_NONE,
	    .request = (enum ft_request)(data[AT_REQUEST_ANSWER] >> 4),
	    .request_id = (uint32_t)get(data, AT_REQUEST_ID, 4),
	    .answer = (enum ft_answer)(data[AT_REQUEST_ANSWER] & 15),
	    .answer_id = (uint32_t)get(data, AT_ANSWER_ID, 4),
	    .checkpoint_ms = (uint32_t)get(data, AT_CHECKPOINT, 4),
	    .epoch = get(data, AT_EPOCH, 8),
	    .window_ms = (uint32_t)get(data, AT_WINDOW, 4),
	};

	memcpy(side.session, data + AT_SESSION, FT_SESSION_BYTES);
	return side;
}

static bool get_links(const uint8_t *value, size_t len, struct ft_share *out)
{
	size_t n = len / 4;

	if (n > FT_LINKS_MAX)
		return false;
	out->n_links = (int)n;
	for (size_t i = 0; i < n; i++)
		out->links[i] = (uint32_t)get(value, 4 * i, 4);
	return true;
}

/* Printable ASCII alone: it goes to logs as it is. */
static bool get_text(const uint8_t *value, size_t len, char *out, size_t size)
{
	if (len >= size)
		return false;
	for (size_t i = 0; i < len; i++)
		if (value[i] < ' ' || value[i] > '~')
			return false;
	memcpy(out, value, len);
	return true;
}

static bool get_emulator(const uint8_t *value, size_t len, struct ft_emulator *out)
{
	if (len < 3)
		return false;
	out->major = value[0];
	out->minor = value[1];
	out->micro = value[2];
	return get_text(value + 3, len - 3, out->machine, sizeof out->machine);
}

static bool get_born(const uint8_t *value, size_t len, struct ft_beat *out)
{
	uint64_t born = len < 8 ? UINT64_MAX : get(value, 0, 8);

	out->born = born <= INT64_MAX ? (int64_t)born : 0;
	return born <= INT64_MAX;
}

static bool get_record(unsigned type, const uint8_t *value, size_t len, struct ft_beat *out)
{
	struct ft_share *s = &out->side.share;

	switch (type) {
	case RECORD_ARBITER:
		if (len < 5)
			return false;
		s->arbiter = value[0];
		s->guard_ms = (uint32_t)get(value, 1, 4);
		return true;
	case RECORD_LINKS:
		return get_links(value, len, s);
	case RECORD_PLACE:
		return get_text(value, len, s->place, sizeof s->place);
	case RECORD_MARK:
		if (len < 25 || value[16] >= FT_SHARING_COUNT)
			return false;
		s->mark = get(value, 0, 8);
		s->next_mark = get(value, 8, 8);
		s->verdict = (enum ft_sharing)value[16];
		s->about = get(value, 17, 8);
		return true;
	case RECORD_GUEST:
		out->side.runs = len > 0 && value[0] == 1;
		return true;
	case RECORD_EMULATOR:
		return get_emulator(value, len, &out->side.emulator);
	case RECORD_BORN:
		return get_born(value, len, out);
	default:
		return true;
	}
}

/* All that stand between at and end, whole. */
static bool get_records(const uint8_t *at, const uint8_t *end, struct ft_beat *out)
{
	bool seen[256] = {false};

	while (at < end) {
		if (end - at < RECORD_HEAD || end - at - RECORD_HEAD < at[1] || seen[at[0]])
			return false;
		seen[at[0]] = true;
		if (!get_record(at[0], at + RECORD_HEAD, at[1], out))
			return false;
		at += RECORD_HEAD + at[1];
	}
	return true;
}

enum ft_wire_error ft_wire_decode(const uint8_t *data, size_t len, const struct ft_key *keys, int n_keys,
                                  const char *pair, struct ft_beat *out)
{
	enum ft_wire_error error = check_shape(data, len);
	struct ft_beat beat;
	unsigned flags;

	if (error == FT_WIRE_OK)
		error = check_authentic(data, len, keys, n_keys, pair);
	if (error != FT_WIRE_OK)
		return error;
	if (!known_values(data))
		return FT_WIRE_VALUE;
	flags = (unsigned)get(data, AT_FLAGS, 2);
	beat = (struct ft_beat){
	    .link = data[AT_LINK],
	    .asking = flags & FLAG_ASKING,
	    .tentative = flags & FLAG_TENTATIVE,
	    .incarnation = get(data, AT_INCARNATION, 8),
	    .echo_incarnation = get(data, AT_ECHO_INCARNATION, 8),
	    .sequence = get(data, AT_SEQUENCE, 8),
	    .ack_sequence = get(data, AT_ACK_SEQUENCE, 8),
	    .sent = (int64_t)get(data, AT_SENT, 8),
	    .echo_sent = (int64_t)get(data, AT_ECHO_SENT, 8),
	    .held_us = (uint32_t)get(data, AT_HELD, 4),
	    .side = get_side(data),
	};
	memcpy(beat.node, data + AT_NODE, data[AT_NODE_LEN]);
	if (!get_records(data + AT_NODE + data[AT_NODE_LEN], data + len - FT_WIRE_MAC, &beat))
		return FT_WIRE_VALUE;
	*out = beat;
	return FT_WIRE_OK;
}
