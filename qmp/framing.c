/* One byte at a time through a small scanner: what is open, whether a string is open, whether the last byte was a
 * backslash.  No JSON is parsed here: a complete object may still be nonsense inside. */
#include "qmp/framing.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define KEEP      65536u /* a buffer that grew beyond this is given back after the object */
#define DEPTH_MAX 1024u  /* nesting; a backing chain nests once per image, and the JSON parser stops at 2048 */
#define TOLD      64u    /* of a broken line, beyond the fault */
/* An object has at most one value for each 16 bytes that it may have, and some: the parser makes 56 bytes and more of each, and
 * takes its time.  Of the lists that may be large the densest has 13, and is a third as long as the longest. */
#define VALUE_BYTES 16u
#define VALUES_MIN  1024u

struct ft_framing {
	size_t max, len, cap;
	char *buf;
	size_t values; /* or more: what opens a list or an object, and each comma */
	unsigned depth;
	uint8_t is_array[DEPTH_MAX / 8]; /* a bit for each open bracket, by depth */
	bool in_string, escaped;
	bool skipping;      /* after a fault, up to the next line feed */
	unsigned lifetimes; /* counts resets, so that a reset from inside frame() is noticed */
};

enum scan { SCAN_MORE, SCAN_COMPLETE, SCAN_BROKEN };

struct ft_framing *ft_framing_new(size_t max)
{
	struct ft_framing *f = calloc(1, sizeof *f);
	if (!f)
		abort();
	f->max = max;
	return f;
}

void ft_framing_free(struct ft_framing *f)
{
	if (!f)
		return;
	free(f->buf);
	free(f);
}

static void start_anew(struct ft_framing *f)
{
	f->len = f->values = 0;
	f->depth = 0;
	f->in_string = f->escaped = false;
	if (f->cap > KEEP) {
		free(f->buf);
		f->buf = NULL;
		f->cap = 0;
	}
}

void ft_framing_reset(struct ft_framing *f)
{
	start_anew(f);
	f->skipping = false;
	f->lifetimes++;
}

void ft_framing_limit(struct ft_framing *f, size_t max)
{
	f->max = max;
}

static void append(struct ft_framing *f, const char *data, size_t len)
{
	if (f->len + len > f->cap) {
		size_t cap = f->cap ? f->cap : 4096;
		while (cap < f->len + len)
			cap *= 2;
		char *grown = realloc(f->buf, cap);
		if (!grown)
			abort();
		f->buf = grown;
		f->cap = cap;
	}
	memcpy(f->buf + f->len, data, len);
	f->len += len;
}

static bool is_too_large(const struct ft_framing *f, size_t len)
{
	return len >= f->max || f->values > VALUES_MIN + f->max / VALUE_BYTES;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static enum scan open_bracket(struct ft_framing *f, bool array)
{
	if (f->depth == DEPTH_MAX)
		return SCAN_BROKEN;
	f->values++;
	uint8_t bit = (uint8_t)(1u << (f->depth % 8));
	if (array)
		f->is_array[f->depth / 8] |= bit;
	else
		f->is_array[f->depth / 8] &= (uint8_t)~bit;
	f->depth++;
	return SCAN_MORE;
}

static enum scan close_bracket(struct ft_framing *f, bool array)
{
	f->depth--;
	bool was_array = f->is_array[f->depth / 8] & (1u << (f->depth % 8));
	if (was_array != array)
		return SCAN_BROKEN;
	return f->depth == 0 ? SCAN_COMPLETE : SCAN_MORE;
}

static enum scan scan_string(struct ft_framing *f, char c)
{
	if (c == '\n')
		return SCAN_BROKEN; /* never raw inside a JSON string: the closing quote was lost */
	if (f->escaped)
		f->escaped = false;
	else if (c == '\\')
		f->escaped = true;
	else if (c == '"')
		f->in_string = false;
	return SCAN_MORE;
}

/* One byte of an object, or the first one of it. */
static enum scan scan_byte(struct ft_framing *f, char c)
{
	if (f->depth == 0)
		return c == '{' ? open_bracket(f, false) : SCAN_BROKEN;
	if (f->in_string)
		return scan_string(f, c);
	switch (c) {
	case '"':
		f->in_string = true;
		return SCAN_MORE;
	case '{':
		return open_bracket(f, false);
	case '[':
		return open_bracket(f, true);
	case '}':
		return close_bracket(f, false);
	case ']':
		return close_bracket(f, true);
	case ',':
		f->values++;
		return SCAN_MORE;
	default:
		return SCAN_MORE;
	}
}

/* What follows a fault on its line, for the message; it is skipped all the same. */
static void append_rest(struct ft_framing *f, const char *data, size_t len)
{
	size_t n = len < TOLD ? len : TOLD;
	const char *end = memchr(data, '\n', n);
	append(f, data, end ? (size_t)(end - data) : n);
}

/* Takes what of data belongs to the object that is open, or opens with data[0]; returns how many bytes.
 * Sets *kind when the object is complete or at fault, else leaves it alone and *told false. */
static size_t take(struct ft_framing *f, const char *data, size_t len, enum ft_frame *kind, bool *told)
{
	enum scan scan = SCAN_MORE;
	size_t n = 0;
	*told = false;
	while (n < len && scan == SCAN_MORE && !is_too_large(f, f->len + n))
		scan = scan_byte(f, data[n++]);
	append(f, data, n);
	if (scan == SCAN_MORE && !is_too_large(f, f->len))
		return n;
	*told = true;
	*kind = scan == SCAN_COMPLETE ? FT_FRAME_OBJECT : scan == SCAN_BROKEN ? FT_FRAME_BROKEN : FT_FRAME_OVERSIZED;
	/* The fault's last byte may itself be the line feed that ends the skipping. */
	f->skipping = *kind != FT_FRAME_OBJECT && data[n - 1] != '\n';
	if (f->skipping && *kind == FT_FRAME_BROKEN)
		append_rest(f, data + n, len - n);
	return n;
}

void ft_framing_feed(struct ft_framing *f, const char *data, size_t len,
                     void (*frame)(void *arg, enum ft_frame kind, const char *text, size_t len), void *arg)
{
	unsigned lifetime = f->lifetimes;
	size_t at = 0;
	while (at < len) {
		if (f->skipping) {
			const char *end = memchr(data + at, '\n', len - at);
			if (!end)
				return;
			f->skipping = false;
			at = (size_t)(end - data) + 1;
			continue;
		}
		if (f->depth == 0 && is_space(data[at])) {
			at++;
			continue;
		}
		enum ft_frame kind;
		bool told;
		at += take(f, data + at, len - at, &kind, &told);
		if (!told)
			return;
		frame(arg, kind, f->buf, f->len);
		if (f->lifetimes != lifetime)
			return;
		start_anew(f);
	}
}
