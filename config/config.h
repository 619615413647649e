/* ft.conf -> struct ft_config.  Nobody else reads the file.
 * Knows: libconfig, the file system, the limits of every setting.  Must not know: libevent, what the settings are used for. */
#ifndef FT_CONFIG_CONFIG_H
#define FT_CONFIG_CONFIG_H

#include "arbiter/settings.h"
#include "base/log.h"
#include "core/core.h"
#include "heartbeat/settings.h"
#include "qmp/settings.h"
#include "report/settings.h"

#include <stdio.h>
#include <sys/types.h>

struct ft_config {
	char path[FT_PATH_MAX]; /* the file this came from */
	char pair[FT_NAME_MAX];
	char node[FT_NAME_MAX];
	char state_dir[FT_PATH_MAX];

	char key_file[FT_PATH_MAX]; /* the first one, which holds heartbeat.keys[0] */

	struct ft_qmp_settings qmp;
	struct ft_arbiter_settings arbiter; /* with the fence */
	int guard_ms; /* 0 .. 10000; with an arbiter, at least 4 and a thousandth of the detection time */

	struct ft_hook_settings hook;

	char control_socket[FT_SOCKPATH_MAX];
	mode_t control_mode; /* 0600 .. 0777 */
	gid_t control_gid;   /* (gid_t)-1: leave as is */

	bool realtime;
	char watchdog_device[FT_PATH_MAX]; /* "": none */
	enum ft_log_level log_level;

	/* The last, since its keys are its own last: what ft_config_load returns has them, and nothing else, in memory for secrets
	 * (base/vault.h), so that they are zero in a child process. */
	struct ft_heartbeat_settings heartbeat;
};

/* Reads and judges the whole file, key files included.  Every fault found is written to errors, one line each,
 * `FILE:LINE: WHAT is wrong; what is allowed` (without LINE where the file as a whole is at fault, e.g. a missing group's
 * key is reported at the group's line, a missing top-level key at line 1).
 * Returns a new config (ft_config_free), or NULL if there was any fault. */
struct ft_config *ft_config_load(const char *path, FILE *errors);
void ft_config_free(struct ft_config *c); /* NULL is fine; wipes the keys */

/* What it says to the decision core; the rest of the parameters is zero, and whoever asks the core fills it in. */
struct ft_core_params ft_config_core(const struct ft_config *c);

/* What it takes to ask a running ftd, or to read what one has left. */
struct ft_config_places {
	char control_socket[FT_SOCKPATH_MAX];
	char state_dir[FT_PATH_MAX];
};
/* Reads these two alone (and the pair's name, of which they are made if they are not given): whatever else is wrong with the
 * file, or may not be read by this user, is no reason not to ask an ftd that runs.  Returns 0, or -1 after lines to errors. */
int ft_config_find(const char *path, struct ft_config_places *out, FILE *errors);

/* Settings that a running daemon cannot change without a restart: pair, node, state_dir, realtime, watchdog_device, all of
 * control, arbiter and fence.  Where old has an arbiter, also heartbeat.interval_ms, heartbeat.lost_after and
 * failover.guard_ms: the sessions of both sides rest on them.
 * Returns the name of the first one that differs, or NULL if new can take old's place. */
const char *ft_config_fixed_difference(const struct ft_config *old_config, const struct ft_config *new_config);

/* Makes a new random key file, 64 hex digits and a newline, mode 0600, never over an existing file.
 * Returns 0, or -1 after writing one line to errors. */
int ft_key_generate(const char *path, FILE *errors);

#endif
