/* See text.h. */
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* Bytes of the next unit of in: an ordinary run of one byte, or a two-byte C1 control character. */
static size_t control_length(const unsigned char *in)
{
	if (in[0] < 0x20 || in[0] == 0x7f)
		return 1;
	if (in[0] == 0xc2 && in[1] >= 0x80 && in[1] <= 0x9f)
		return 2;
	return 0;
}

static size_t escape(char out[5], unsigned char byte)
{
	switch (byte) {
	case '\n':
		return (size_t)snprintf(out, 5, "\\n");
	case '\r':
		return (size_t)snprintf(out, 5, "\\r");
	case '\t':
		return (size_t)snprintf(out, 5, "\\t");
	default:
		return (size_t)snprintf(out, 5, "\\x%02x", byte);
	}
}

size_t ft_text_clean(char *out, size_t size, const char *in)
{
	static const char cut[] = "...";
	const unsigned char *p = (const unsigned char *)in;
	size_t len = 0, room_for_cut = 0; /* room_for_cut: the last length at which the mark still fitted */

	while (*p != '\0') {
		char unit[5] = {(char)*p};
		size_t n = 1, control = control_length(p);
		if (control > 0)
			n = escape(unit, p[control - 1]);
		if (len + n + 1 > size) {
			memcpy(out + room_for_cut, cut, sizeof(cut));
			return room_for_cut + sizeof(cut) - 1;
		}
		memcpy(out + len, unit, n);
		len += n;
		if (len + sizeof(cut) <= size)
			room_for_cut = len;
		p += control > 0 ? control : 1;
	}
	out[len] = '\0';
	return len;
}
