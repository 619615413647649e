/* What ft.conf says of the arbiter and the fence, and whose they are, as plain values.
 * Knows: the limits of these settings.  Must not know: the file they came from, what an arbiter does with them. */
#ifndef FT_ARBITER_SETTINGS_H
#define FT_ARBITER_SETTINGS_H

#include "base/types.h"

#define FT_ENDPOINTS_MAX     5
#define FT_FENCE_OPTIONS_MAX 32

enum ft_arbiter_type { FT_ARBITER_NONE = 0, FT_ARBITER_FILE, FT_ARBITER_ETCD, FT_ARBITER_FENCE };

/* One line for the agent, name=value.  name: A-Z a-z 0-9 _ -, and not "action"; value: no control characters.
 * "password_file" is not handed on: the first line of that file is, as "password". */
struct ft_fence_option {
	char name[64];
	char value[FT_SETTING_MAX];
};

struct ft_fence_settings {
	char agent[FT_SETTING_MAX]; /* absolute path; "": there is none */
	int n_options;
	struct ft_fence_option options[FT_FENCE_OPTIONS_MAX];
	int delay_ms;   /* 0 .. 600000; before a run with action=off, so that two sides do not shoot each other */
	int timeout_ms; /* 10 .. 600000; for the agent's run */
};

struct ft_arbiter_settings {
	enum ft_arbiter_type type;
	int timeout_ms; /* 10 .. 600000; file and etcd */

	/* file */
	char path[FT_SETTING_MAX];                 /* absolute path of a folder on storage that both hosts share */
	char pair[FT_NAME_MAX], node[FT_NAME_MAX]; /* whose it is: 1 .. 63 of A-Z a-z 0-9 . _ - */
	char peer[FT_NAME_MAX];                    /* the pair's other node; "" while it is not known */

	/* etcd; "" where a setting is left out */
	int n_endpoints;
	char endpoints[FT_ENDPOINTS_MAX][FT_SETTING_MAX]; /* "https://10.0.0.9:2379": scheme, host and port, no more */
	char prefix[FT_SETTING_MAX];                      /* of every key, "/ftd/" */
	char ca_file[FT_SETTING_MAX];
	char cert_file[FT_SETTING_MAX], cert_key_file[FT_SETTING_MAX]; /* both or none */
	char user[FT_SETTING_MAX], password_file[FT_SETTING_MAX];      /* both or none */

	struct ft_fence_settings fence; /* of the other host; required by the type fence */
};

#endif
