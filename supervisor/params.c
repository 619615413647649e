/* What the core of a running ftd is told: what ft.conf says, and what is this process's own. */
#include "supervisor/daemon_internal.h"

#include <netinet/in.h>
#include <sodium.h>
#include <string.h>

static uint32_t hash(uint32_t h, const void *bytes, size_t n)
{
	for (const uint8_t *b = bytes; n-- > 0; b++) /* FNV-1a */
		h = (h ^ *b) * UINT32_C(16777619);
	return h;
}

/* Address and port.  (A scope is one host's own number.) */
static uint32_t name_of_end(const struct sockaddr_storage *a)
{
	const struct sockaddr_in *four = (const void *)a;
	const struct sockaddr_in6 *six = (const void *)a;
	uint32_t h = UINT32_C(2166136261);
	if (a->ss_family == AF_INET)
		return hash(hash(h, &four->sin_addr, sizeof four->sin_addr), &four->sin_port, sizeof four->sin_port);
	return hash(hash(h, &six->sin6_addr, sizeof six->sin6_addr), &six->sin6_port, sizeof six->sin6_port);
}

/* The same on both hosts, where one's end is local and the other's is the peer's. */
static uint32_t name_of_link(const struct ft_link_settings *link)
{
	uint32_t local = name_of_end(&link->local), peer = name_of_end(&link->peer);
	uint32_t lower = local < peer ? local : peer, upper = local < peer ? peer : local;
	return hash(hash(UINT32_C(2166136261), &lower, sizeof lower), &upper, sizeof upper);
}

static void place_of(const struct ft_arbiter_settings *a, char out[FT_PLACE_MAX])
{
	if (a->type == FT_ARBITER_FILE)
		snprintf(out, FT_PLACE_MAX, "%.*s", FT_PLACE_MAX - 1, a->path);
	else if (a->type == FT_ARBITER_ETCD)
		snprintf(out, FT_PLACE_MAX, "%.30s at %.28s", a->prefix, a->endpoints[0]);
	for (char *c = out; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

/* Our side of what both must share. */
static struct ft_share share_of(const struct ft_config *config)
{
	struct ft_share s = {
	    .arbiter = (uint8_t)(1 + config->arbiter.type),
	    .guard_ms = (uint32_t)config->guard_ms,
	    .n_links = config->heartbeat.n_links,
	};
	for (int i = 0; i < config->heartbeat.n_links; i++)
		s.links[i] = name_of_link(&config->heartbeat.links[i]);
	place_of(&config->arbiter, s.place);
	return s;
}

struct ft_core_params ft_daemon_core_params(const struct ft_config *config, uint64_t incarnation)
{
	struct ft_core_params p = ft_config_core(config);
	p.incarnation = incarnation;
	p.share = share_of(config);
	randombytes_buf(p.seed, sizeof p.seed);
	return p;
}
