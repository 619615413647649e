/* ft.conf -> struct ft_config.  Nobody else reads the file.
 * Knows: libconfig, the file system, the limits of every setting.  Must not know: libevent, what the settings are used for. */
#ifndef FT_CONFIG_CONFIG_H
#define FT_CONFIG_CONFIG_H

#include "arbiter/settings.h"
#include "supervisor/types.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>

#define FT_KEYS_MAX     4
#define FT_KEY_BYTES    32
#define FT_ARGV_MAX     16
#define FT_PATH_MAX     256 /* our own limit for a path in ft.conf, with the NUL */
#define FT_SOCKPATH_MAX 108 /* sun_path, unix(7) */

enum ft_log_level { FT_LOG_ERROR = 0, FT_LOG_WARN, FT_LOG_INFO, FT_LOG_DEBUG };

struct ft_key {
	uint32_t
	    id; /* first 4 bytes, big-endian, of BLAKE2b-256 of the key: names the key on the wire, tells nothing of it */
	uint8_t bytes[FT_KEY_BYTES];
};

struct ft_link_config {
	char local_text[72], peer_text[72]; /* as written, for people and metrics */
	struct sockaddr_storage local, peer;
	socklen_t local_len, peer_len;
};

#define FT_DISREGARDS_MAX     16
#define FT_DISREGARD_NAME_MAX 160

/* What a person vouches for: names of doubts (qmp/topology.h), "chardev mon0". */
struct ft_disregard {
	int n;
	char name[FT_DISREGARDS_MAX][FT_DISREGARD_NAME_MAX];
};
bool ft_disregards(const struct ft_disregard *d, const char *name);

struct ft_config {
	char path[FT_PATH_MAX]; /* the file this came from */
	char pair[FT_NAME_MAX];
	char node[FT_NAME_MAX];
	char state_dir[FT_PATH_MAX];

	char key_file[FT_PATH_MAX]; /* the first one, which holds keys[0] */
	int n_keys;                 /* keys[0] signs; all are accepted */
	int interval_ms;            /* 5 .. 10000 */
	int lost_after;             /* 2 .. 100 */
	int n_links;
	struct ft_link_config links[FT_LINKS_MAX];

	char qmp_socket[FT_SOCKPATH_MAX];
	char qmp_oob_socket[FT_SOCKPATH_MAX];
	int qmp_reply_timeout_ms; /* 50 .. 60000 */
	struct ft_disregard disregard;

	struct ft_arbiter_settings arbiter; /* with the fence */
	int guard_ms; /* 0 .. 10000; with an arbiter, at least 4 and a thousandth of the detection time */

	int n_hook;                  /* 0: no hook */
	char *hook[FT_ARGV_MAX + 1]; /* argv, NULL-terminated, owned */
	int hook_timeout_ms;         /* 100 .. 600000 */

	char control_socket[FT_SOCKPATH_MAX];
	mode_t control_mode; /* 0600 .. 0777 */
	gid_t control_gid;   /* (gid_t)-1: leave as is */

	bool realtime;
	char watchdog_device[FT_PATH_MAX]; /* "": none */
	enum ft_log_level log_level;

	/* The last: what ft_config_load returns has them, and nothing else, in memory for secrets (config/vault.h): they are
	 * zero in a child process. */
	_Alignas(16) struct ft_key keys[FT_KEYS_MAX];
};

/* Reads and judges the whole file, key files included.  Every fault found is written to errors, one line each,
 * `FILE:LINE: WHAT is wrong; what is allowed` (without LINE where the file as a whole is at fault, e.g. a missing group's
 * key is reported at the group's line, a missing top-level key at line 1).
 * Returns a new config (ft_config_free), or NULL if there was any fault. */
struct ft_config *ft_config_load(const char *path, FILE *errors);
void ft_config_free(struct ft_config *c); /* NULL is fine; wipes the keys */

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

/* The address of a link, as it stands in the file.  A link-local one names its interface, whose number is looked
 * up; it is 0 while there is no such interface.
 * Returns NULL, or what is wrong with text. Numeric only: no name is ever resolved. */
const char *ft_address_parse(const char *text, struct sockaddr_storage *out, socklen_t *len);

/* Makes a new random key file, 64 hex digits and a newline, mode 0600, never over an existing file.
 * Returns 0, or -1 after writing one line to errors. */
int ft_key_generate(const char *path, FILE *errors);

#endif
