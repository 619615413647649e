/* Datagrams: as they come from anybody, and as they would come from somebody with the key. */
#include "heartbeat/wire.h"
#include "tests/fuzz/fuzz.h"

#include <sodium.h>

static const struct ft_key keys[2] = {{.id = 1, .bytes = "one key"}, {.id = 2, .bytes = "another key"}};
static const char pair[] = "vm1";

/* The MAC is put right, so that what comes behind it is looked at. */
static size_t sign(uint8_t *datagram, size_t len, const struct ft_key *key)
{
	crypto_generichash_state state;
	if (len < FT_WIRE_FIXED || len + FT_WIRE_MAC > FT_WIRE_MAX)
		return len;
	memcpy(datagram, "FTHB", 4);
	datagram[8] = datagram[9] = datagram[10] = 0;
	datagram[11] = (uint8_t)key->id;
	crypto_generichash_init(&state, key->bytes, FT_KEY_BYTES, FT_WIRE_MAC);
	crypto_generichash_update(&state, (const uint8_t *)pair, sizeof pair);
	crypto_generichash_update(&state, datagram, len);
	crypto_generichash_final(&state, datagram + len, FT_WIRE_MAC);
	return len + FT_WIRE_MAC;
}

/* What is understood can be said again, and means the same to the next. */
static void say_again(const struct ft_beat *beat)
{
	struct ft_beat again;
	uint8_t first[FT_WIRE_MAX], second[FT_WIRE_MAX];
	size_t len = ft_wire_encode(beat, &keys[0], pair, first);
	LAW(len <= FT_WIRE_MAX, "a heartbeat fits");
	LAW(ft_wire_decode(first, len, keys, 2, pair, &again) == FT_WIRE_OK, "what we say is understood");
	LAW(ft_wire_encode(&again, &keys[0], pair, second) == len && memcmp(first, second, len) == 0,
	    "a heartbeat means the same when it is said again");
}

static void judge(const uint8_t *datagram, size_t len)
{
	struct ft_beat beat;
	enum ft_wire_error e = ft_wire_decode(datagram, len, keys, 2, pair, &beat);
	int version = ft_wire_version(datagram, len, keys, 2, pair);
	LAW(e >= 0 && e < FT_WIRE_ERROR_COUNT, "every refusal has a name");
	if (e == FT_WIRE_OK) {
		LAW(version == FT_WIRE_VERSION, "what is understood is of our version");
		say_again(&beat);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t datagram[FT_WIRE_MAX + FT_WIRE_MAC];
	size_t len = size < sizeof datagram ? size : sizeof datagram;
	if (len == 0 || sodium_init() < 0)
		return 0;
	memcpy(datagram, data, len);
	struct ft_beat beat;
	enum ft_wire_error raw = ft_wire_decode(datagram, size > FT_WIRE_MAX ? size : len, keys, 2, pair, &beat);
	LAW(raw != FT_WIRE_OK && raw != FT_WIRE_VALUE, "nothing is authentic without the key");
	len = sign(datagram, len < FT_WIRE_MAX ? len : FT_WIRE_MAX, &keys[data[0] & 1]);
	judge(datagram, len);
	return 0;
}
