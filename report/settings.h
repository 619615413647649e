/* What ft.conf says of the notify hook, and whose it is, as plain values.
 * Knows: the limits of these settings.  Must not know: the file they came from, when the hook runs. */
#ifndef FT_REPORT_SETTINGS_H
#define FT_REPORT_SETTINGS_H

#include "base/types.h"

struct ft_hook_settings {
	char pair[FT_NAME_MAX], node[FT_NAME_MAX]; /* whose it is: 1 .. 63 of A-Z a-z 0-9 . _ - */
	int argc;                                  /* 0: no hook */
	char *argv[FT_ARGV_MAX + 1];               /* NULL-terminated, owned by whoever owns the settings */
	int timeout_ms;                            /* 100 .. 600000 */
};

#endif
