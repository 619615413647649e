/* See etcd_version.h. */
#include "arbiter/etcd_version.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define DIGITS       "0123456789"
#define MOST_DIGITS  6
#define VERSION_ENDS "-+~" /* of a pre-release, or of who has built it */

/* Moves *text behind the number that it begins with. */
static bool take_number(const char **text, int *out)
{
	size_t len = strspn(*text, DIGITS);

	if (len == 0 || len > MOST_DIGITS)
		return false;
	*out = 0;
	for (size_t i = 0; i < len; i++)
		*out = 10 * *out + (*text)[i] - '0';
	*text += len;
	return true;
}

static bool take_version(const char *text, int out[3])
{
	for (int i = 0; i < 3; i++) {
		if (i > 0 && *text++ != '.')
			return false;
		if (!take_number(&text, &out[i]))
			return false;
	}
	return *text == '\0' || strchr(VERSION_ENDS, *text) != NULL;
}

enum ft_etcd_reads ft_etcd_judge(const char *version, const char **upgrade)
{
	static const struct {
		int major, minor, first, sound;
		const char *upgrade;
	} lines[] = {{3, 4, 20, 42, "3.4.42"}, {3, 5, 0, 28, "3.5.28"}, {3, 6, 0, 9, "3.6.9"}};
	int v[3];

	*upgrade = "";
	if (!take_version(version, v))
		return FT_ETCD_READS_UNKNOWN;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		bool same = v[0] == lines[i].major && v[1] == lines[i].minor;
		if (!same || v[2] < lines[i].first || v[2] >= lines[i].sound)
			continue;
		*upgrade = lines[i].upgrade;
		return FT_ETCD_READS_STALE;
	}
	return FT_ETCD_READS_SOUND;
}
