/* See entry.h. */
#include "arbiter/entry.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD       "claimed by "
#define MIDDLE     " at "
#define MARK_HEAD  "mark "
#define EPOCH_HEAD "epoch "
#define TIME_SHAPE "dddd-dd-ddTdd:dd:ddZ\n" /* d: a digit */
#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

static bool has_shape(const char *text, const char *shape)
{
	for (; *shape != '\0'; text++, shape++) {
		bool fits = *shape == 'd' ? *text >= '0' && *text <= '9' : *text == *shape;
		if (!fits)
			return false;
	}
	return *text == '\0';
}

size_t ft_mark_write(uint64_t mark, uint64_t epoch, char out[FT_ENTRY_MAX])
{
	int len = snprintf(out, FT_ENTRY_MAX,
	                   MARK_HEAD "%016" PRIx64 "\n" EPOCH_HEAD "%" PRIu64
	                             "\nThe pair before the @ keeps its claims here.  Written by ftd; leave it.\n",
	                   mark, epoch);
	assert(len > 0 && len < FT_ENTRY_MAX);
	return (size_t)len;
}

uint64_t ft_mark_read(const char *text, size_t len)
{
	const size_t head = strlen(MARK_HEAD), digits = 16;
	uint64_t mark = 0;

	if (len <= head + digits || memcmp(text, MARK_HEAD, head) != 0 || text[head + digits] != '\n')
		return 0;
	for (size_t i = head; i < head + digits; i++) {
		bool figure = text[i] >= '0' && text[i] <= '9', letter = text[i] >= 'a' && text[i] <= 'f';

		if (!figure && !letter)
			return 0;
		mark = mark << 4 | (uint64_t)(figure ? text[i] - '0' : text[i] - 'a' + 10);
	}
	return mark;
}

uint64_t ft_mark_epoch(const char *text, size_t len)
{
	char copy[FT_ENTRY_MAX], *end;

	if (ft_mark_read(text, len) == 0 || len >= sizeof(copy))
		return 0;
	memcpy(copy, text, len);
	copy[len] = '\0';
	const char *line = strchr(copy, '\n') + 1;
	if (strncmp(line, EPOCH_HEAD, strlen(EPOCH_HEAD)) != 0)
		return 0;
	const char *digits = line + strlen(EPOCH_HEAD);
	errno = 0;
	unsigned long long epoch = strtoull(digits, &end, 10);
	bool good = *digits >= '0' && *digits <= '9' && errno == 0 && *end == '\n';
	return good ? epoch : 0;
}

size_t ft_entry_write(const char *name, struct timespec wall, char out[FT_ENTRY_MAX])
{
	struct tm utc;
	char when[32];

	/* A wall clock beyond year 9999 is a broken one; the register must be readable all the same. */
	if (gmtime_r(&wall.tv_sec, &utc) == NULL || strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ\n", &utc) == 0 ||
	    !has_shape(when, TIME_SHAPE))
		strcpy(when, "0000-00-00T00:00:00Z\n");
	int len = snprintf(out, FT_ENTRY_MAX, HEAD "%s" MIDDLE "%s", name, when);
	assert(len > 0 && len < FT_ENTRY_MAX);
	return (size_t)len;
}

bool ft_entry_read(const char *text, size_t len, char name[FT_NAME_MAX])
{
	char line[FT_ENTRY_MAX];

	if (len >= sizeof(line) || memchr(text, '\0', len) != NULL)
		return false;
	memcpy(line, text, len);
	line[len] = '\0';
	if (strncmp(line, HEAD, strlen(HEAD)) != 0)
		return false;
	const char *from = line + strlen(HEAD);
	size_t n = strspn(from, NAME_CHARS);
	if (n == 0 || n >= FT_NAME_MAX || strncmp(from + n, MIDDLE, strlen(MIDDLE)) != 0 ||
	    !has_shape(from + n + strlen(MIDDLE), TIME_SHAPE))
		return false;
	memcpy(name, from, n);
	name[n] = '\0';
	return true;
}
