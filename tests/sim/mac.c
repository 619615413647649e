/* BLAKE2b was two fifths of the simulation's time.  No world tries to break it: it must differ where key, pair or packet do, and
 * that a cheap hash does as well.  (The real one is for tests/unit/test_wire.c.)  It stands before libsodium's of these names. */
#include <sodium.h>
#include <stdint.h>
#include <string.h>

struct cheap {
	uint64_t a, b;
};

static void mix(struct cheap *c, uint64_t word)
{
	c->a = (c->a ^ word) * 0x9e3779b97f4a7c15u; /* odd, with its bits well spread: 2^64 over the golden ratio */
	c->a ^= c->a >> 32;
	c->b = (c->b + c->a) * 0xff51afd7ed558ccdu; /* MurmurHash3's finalizer */
	c->b ^= c->b >> 29;
}

static void take(crypto_generichash_state *state, const unsigned char *in, size_t len)
{
	struct cheap c;
	memcpy(&c, state, sizeof c);
	mix(&c, len);
	for (size_t at = 0; at < len; at += 8) {
		uint64_t word = 0;
		memcpy(&word, in + at, len - at < 8 ? len - at : 8);
		mix(&c, word);
	}
	memcpy(state, &c, sizeof c);
}

int crypto_generichash_init(crypto_generichash_state *state, const unsigned char *key, size_t key_len, size_t out_len)
{
	memset(state, 0, sizeof *state);
	take(state, key, key_len);
	return out_len <= sizeof(struct cheap) ? 0 : -1;
}

int crypto_generichash_update(crypto_generichash_state *state, const unsigned char *in, unsigned long long len)
{
	take(state, in, (size_t)len);
	return 0;
}

int crypto_generichash_final(crypto_generichash_state *state, unsigned char *out, size_t out_len)
{
	take(state, NULL, 0);
	memcpy(out, state, out_len);
	return 0;
}
