/* What ft.conf says of the heartbeats, and whose they are, as plain values.
 * Knows: the limits of these settings.  Must not know: the file they came from, what is done with them. */
#ifndef FT_HEARTBEAT_SETTINGS_H
#define FT_HEARTBEAT_SETTINGS_H

#include "base/types.h"

#include <sys/socket.h>

#define FT_KEYS_MAX  4
#define FT_KEY_BYTES 32

struct ft_key {
	uint32_t
	    id; /* first 4 bytes, big-endian, of BLAKE2b-256 of the key: names the key on the wire, tells nothing of it */
	uint8_t bytes[FT_KEY_BYTES];
};

struct ft_link_settings {
	char local_text[72], peer_text[72]; /* as written, for people and metrics */
	struct sockaddr_storage local, peer;
	socklen_t local_len, peer_len;
};

struct ft_heartbeat_settings {
	char pair[FT_NAME_MAX], node[FT_NAME_MAX]; /* whose they are: 1 .. 63 of A-Z a-z 0-9 . _ - */
	int interval_ms;                           /* 5 .. 10000 */
	int lost_after;                            /* 2 .. 100 */
	int n_links;                               /* 1 .. FT_LINKS_MAX */
	struct ft_link_settings links[FT_LINKS_MAX];
	int n_keys;                                   /* keys[0] signs; all are accepted */
	_Alignas(16) struct ft_key keys[FT_KEYS_MAX]; /* the last member: see struct ft_config */
};

#endif
