/* What ft.conf says of the way to QEMU, as plain values.
 * Knows: the limits of these settings.  Must not know: the file they came from, what is asked of QEMU. */
#ifndef FT_QMP_SETTINGS_H
#define FT_QMP_SETTINGS_H

#include "base/types.h"

#define FT_DISREGARDS_MAX     16
#define FT_DISREGARD_NAME_MAX 160

/* What a person vouches for: names of doubts (qmp/topology.h), "chardev mon0". */
struct ft_disregard {
	int n;
	char name[FT_DISREGARDS_MAX][FT_DISREGARD_NAME_MAX];
};
bool ft_disregards(const struct ft_disregard *d, const char *name);

struct ft_qmp_settings {
	char socket[FT_SOCKPATH_MAX], oob_socket[FT_SOCKPATH_MAX]; /* two monitors of the same QEMU */
	int reply_timeout_ms;                                      /* 50 .. 60000 */
	struct ft_disregard disregard;
};

#endif
