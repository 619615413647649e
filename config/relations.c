/* What no setting can see alone: what the settings must hold among each other.
 * Knows: which settings belong together, and why.  Must not know: the limits of a single one (that is the table's).
 *
 * Whether a setting was given is asked of the tree, so that one whose value was refused already is not missed as well. */
#include "config/internal.h"

#include <string.h>

#define GUARD_FREEZE_MS 4    /* for the freeze, at least: a sentinel that wakes in time, a kernel that stops QEMU */
#define GUARD_ROOM_MS   10   /* ... on any host */
#define GUARD_MS        20   /* where the detection time is as it mostly is */
#define CLOCKS_APART    1000 /* the clocks of two hosts run apart by one part of so many */

/* Where a setting stands or, if it does not, its group. */
static struct ft_where place_of(const config_t *tree, const char *path)
{
	const config_setting_t *s = config_lookup(tree, path);
	char group[FT_SHOWN_MAX];

	if (!s) {
		(void)snprintf(group, sizeof(group), "%.*s", (int)strcspn(path, "."), path);
		s = config_lookup(tree, group);
	}
	return s ? ft_where(s) : (struct ft_where){NULL, 1};
}

/* Is it there, and not empty? */
static bool is_given(const config_t *tree, const char *path)
{
	const config_setting_t *s = config_lookup(tree, path);
	const char *text = s ? config_setting_get_string(s) : NULL;

	if (!s || (text && text[0] == '\0'))
		return false;
	return !config_setting_is_aggregate(s) || config_setting_length(s) > 0;
}

static void need(struct ft_reader *r, const config_t *tree, const char *path, const char *what)
{
	if (!is_given(tree, path))
		ft_fault(r, place_of(tree, path), "arbiter.type \"%s\" needs %s; %s",
		         ft_arbiter_words[r->c->arbiter.type], path, what);
}

static void need_both_or_none(struct ft_reader *r, const config_t *tree, const char *one, const char *other)
{
	bool has_one = is_given(tree, one);

	if (has_one != is_given(tree, other))
		ft_fault(r, place_of(tree, has_one ? one : other), "%s is given without %s; both are needed, or none",
		         has_one ? one : other, has_one ? other : one);
}

static void judge_without_arbiter(struct ft_reader *r, const config_t *tree)
{
	if (config_lookup(tree, "fence"))
		ft_fault(r, place_of(tree, "fence"),
		         "fence is of no use with arbiter.type \"none\", which claims nothing; leave the group out, or "
		         "choose another type");
	if (is_given(tree, "watchdog_device"))
		ft_fault(r, place_of(tree, "watchdog_device"),
		         "watchdog_device is of no use with arbiter.type \"none\": without a claim there is no lease, "
		         "and no sentinel to feed it; \"\", or choose another type");
}

/* Into the guard must go the primary's freeze, and by how much two clocks run apart in the detection time: a thousandth, see
 * base/clock.h. */
static void judge_guard(struct ft_reader *r, const config_t *tree)
{
	struct ft_config *c = r->c;
	int apart = (c->heartbeat.interval_ms * c->heartbeat.lost_after + CLOCKS_APART - 1) / CLOCKS_APART,
	    least = GUARD_FREEZE_MS + apart;
	int guard = GUARD_MS > GUARD_ROOM_MS + apart ? GUARD_MS : GUARD_ROOM_MS + apart;

	if (!config_lookup(tree, "failover.guard_ms"))
		c->guard_ms = guard;
	else if (config_lookup_int(tree, "failover.guard_ms", &guard) && guard >= 0 && guard < least)
		ft_fault(
		    r, place_of(tree, "failover.guard_ms"),
		    "failover.guard_ms is %d, too short for the primary's freeze and for two clocks in a detection "
		    "time of %d ms; at least %d with an arbiter",
		    guard, c->heartbeat.interval_ms * c->heartbeat.lost_after, least);
}

static void judge_with_arbiter(struct ft_reader *r, const config_t *tree)
{
	const struct ft_config *c = r->c;
	if (c->arbiter.type == FT_ARBITER_FILE)
		need(r, tree, "arbiter.path", "the absolute path of a folder on storage that both hosts share");
	if (c->arbiter.type == FT_ARBITER_ETCD) {
		need(r, tree, "arbiter.endpoints", "1 to 5 URLs, [ \"https://10.0.0.9:2379\" ]");
		need_both_or_none(r, tree, "arbiter.cert_file", "arbiter.cert_key_file");
		need_both_or_none(r, tree, "arbiter.user", "arbiter.password_file");
	}
	if (c->arbiter.type == FT_ARBITER_FENCE && !config_lookup(tree, "fence"))
		ft_fault(r, place_of(tree, "arbiter.type"),
		         "arbiter.type \"fence\" needs the group fence; fence: { agent = \"/usr/sbin/fence_...\"; "
		         "options: { ... }; };");
	judge_guard(r, tree);
}

static void judge_arbiter(struct ft_reader *r, const config_t *tree)
{
	const char *type = NULL;

	/* Nothing can be told about an unknown type; that has been told. */
	if (!config_lookup_string(tree, "arbiter.type", &type) ||
	    strcmp(type, ft_arbiter_words[r->c->arbiter.type]) != 0)
		return;
	if (r->c->arbiter.type == FT_ARBITER_NONE)
		judge_without_arbiter(r, tree);
	else
		judge_with_arbiter(r, tree);
}

static void judge_sockets(struct ft_reader *r, const config_t *tree)
{
	const struct ft_config *c = r->c;

	if (c->qmp.socket[0] && strcmp(c->qmp.socket, c->qmp.oob_socket) == 0)
		ft_fault(r, place_of(tree, "qmp.oob_socket"),
		         "qmp.oob_socket is the same as qmp.socket; a second -qmp socket of the same "
		         "QEMU, since each serves one client");
	if (config_lookup(tree, "control.socket") && c->control_socket[0] &&
	    (strcmp(c->control_socket, c->qmp.socket) == 0 || strcmp(c->control_socket, c->qmp.oob_socket) == 0))
		ft_fault(r, place_of(tree, "control.socket"),
		         "control.socket is one of QEMU's sockets; a path of ftd's own");
}

void ft_relations_judge(struct ft_reader *r, const config_t *tree)
{
	judge_sockets(r, tree);
	judge_arbiter(r, tree);
}
