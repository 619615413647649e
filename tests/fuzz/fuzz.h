/* What the fuzz programs share: an input taken apart from its front, a folder of one's own, and laws.
 * Knows: nothing of ftd.
 *
 * Each program is one edge at which something from outside comes in.  libFuzzer calls LLVMFuzzerTestOneInput() with one input
 * after the other; a crash, a sanitizer's word, or a law that does not hold is a find. */
#ifndef FT_TESTS_FUZZ_FUZZ_H
#define FT_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What must be so, whatever came in. */
#define LAW(holds, what)                                                                                               \
	do {                                                                                                           \
		if (!(holds)) {                                                                                        \
			fprintf(stderr, "broken law: %s (%s:%d)\n", what, __FILE__, __LINE__);                         \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t left;
};

/* Little-endian, of 1 to 8 bytes; what is missing is zero. */
static inline uint64_t take(struct input *in, size_t bytes)
{
	uint64_t value = 0;
	for (size_t i = 0; i < bytes && in->left > 0; i++, in->data++, in->left--)
		value |= (uint64_t)*in->data << (8 * i);
	return value;
}

/* 0 .. below - 1. */
static inline int choose(struct input *in, int below)
{
	return (int)(take(in, 1) % (unsigned)below);
}

/* So many bytes, or what is left; valid as long as the input is. */
static inline size_t take_bytes(struct input *in, size_t most, const uint8_t **out)
{
	size_t n = most < in->left ? most : in->left;
	*out = in->data;
	in->data += n;
	in->left -= n;
	return n;
}

/* A text in a buffer, NUL-terminated: a byte that says its length, and so many bytes without a NUL. */
static inline void take_text(struct input *in, char *out, size_t size)
{
	const uint8_t *bytes;
	size_t n = take_bytes(in, take(in, 1) % size, &bytes);
	memcpy(out, bytes, n);
	for (size_t i = 0; i < n; i++)
		out[i] = out[i] ? out[i] : '?';
	out[n] = '\0';
}

/* A folder for this process alone, which goes with it; and a file in it. */
static inline const char *fuzz_folder(void)
{
	static char folder[64];
	if (!folder[0]) {
		strcpy(folder, "/tmp/ftd-fuzz.XXXXXX");
		LAW(mkdtemp(folder) != NULL, "a folder in /tmp");
	}
	return folder;
}

static inline const char *fuzz_put(const char *name, const void *text, size_t len, char path[128])
{
	snprintf(path, 128, "%s/%s", fuzz_folder(), name);
	FILE *f = fopen(path, "w");
	LAW(f && fwrite(text, 1, len, f) == len && fclose(f) == 0, "a file in /tmp");
	return path;
}

static inline void fuzz_remove(const char *name)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
	unlink(path);
}

/* Where what a program prints for people goes: it is written, for the sanitizers to see, and never read. */
static inline FILE *fuzz_nowhere(void)
{
	static FILE *f;
	if (!f)
		f = fopen("/dev/null", "w");
	LAW(f != NULL, "/dev/null");
	return f;
}

#endif
