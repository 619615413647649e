/* The plan: from a topology to every command of a failover.  See plan.h.
 *
 * The order, and why (measured on QEMU 7.2, each command takes 0.3 to 1 ms unless it hangs):
 *
 * Primary.  1. Yanks.  2. The gates, the redirectors that take what the guest sends: until they are gone the guest does not
 * reach the network, and the failover command does not open them.  3. The quorum's child that leads to the peer: the failover
 * command drains all disks, and this one may never answer.  4. x-colo-lost-heartbeat.  5. Proof.  6. What costs the guest
 * nothing by being there: compares (before the redirectors that read what they write, or they wait for a reader for ever),
 * their iothreads, mirrors, the other redirectors, chardevs; last the nodes that led to the peer, and those only if the yanks worked:
 * with a frozen peer on the other end, blockdev-del hangs QEMU's main loop and stops the guest that was just saved.
 *
 * Secondary.  1. Yanks.  2. The NBD exports, so that the old primary can write no more.  3. x-colo-lost-heartbeat.
 * 4. The gates, and only now: before, a checkpoint that has arrived whole could still replace the guest that has spoken.
 * 5. Proof.  6. The other redirectors, chardevs.  The rewriter stays: the guest's open connections live by it. */
#include "qmp/plan.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct builder {
	struct ft_plan *plan;
	bool full;
};

/* arguments: reference taken, NULL if none. */
static void step(struct builder *b, enum ft_channel channel, enum ft_policy policy, const char *command,
                 json_t *arguments, const char *what)
{
	struct ft_plan *p = b->plan;
	char id[16];

	if (p->n == FT_STEPS_MAX) {
		b->full = true;
		json_decref(arguments);
		return;
	}
	struct ft_step *s = &p->steps[p->n];
	s->channel = channel;
	s->policy = policy;
	snprintf(s->command, sizeof s->command, "%s", command);
	snprintf(s->what, sizeof s->what, "%s", what);
	snprintf(id, sizeof id, "plan-%d", p->n);
	json_t *request = json_pack("{s:s,s:o*,s:s}", channel == FT_CHANNEL_OOB ? "exec-oob" : "execute", command,
	                            "arguments", arguments, "id", id);
	s->text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	if (!s->text)
		abort(); /* out of memory, long before it matters */
	s->text_len = strlen(s->text);
	json_decref(request);
	p->n++;
}

static void yank(struct builder *b, json_t *instance, const char *what)
{
	step(b, FT_CHANNEL_OOB, FT_MAY, "yank", json_pack("{s:[o]}", "instances", instance), what);
}

/* One yank an instance: one that has vanished would fail all others of the same command. */
static void yanks(struct builder *b, const struct ft_topology *t)
{
	if (t->yank_migration)
		yank(b, json_pack("{s:s}", "type", "migration"), "migration");
	for (int i = 0; i < t->yank_block_nodes.n; i++) {
		const char *node = t->yank_block_nodes.id[i].s;
		yank(b, json_pack("{s:s,s:s}", "type", "block-node", "node-name", node), node);
	}
	for (int i = 0; i < t->yank_chardevs.n; i++) {
		const char *id = t->yank_chardevs.id[i].s;
		yank(b, json_pack("{s:s,s:s}", "type", "chardev", "id", id), id);
	}
}

static bool has(const struct ft_ids *ids, const char *id)
{
	for (int i = 0; i < ids->n; i++)
		if (!strcmp(ids->id[i].s, id))
			return true;
	return false;
}

/* except: ids to leave out, NULL if none. */
static void for_each(struct builder *b, enum ft_policy policy, const char *command, const char *key,
                     const struct ft_ids *ids, const struct ft_ids *except)
{
	for (int i = 0; i < ids->n; i++) {
		const char *id = ids->id[i].s;
		if (!except || !has(except, id))
			step(b, FT_CHANNEL_QMP, policy, command, json_pack("{s:s}", key, id), id);
	}
}

static void open_gates(struct builder *b, const struct ft_topology *t)
{
	for_each(b, FT_MAY, "object-del", "id", &t->gates, NULL);
}

static void fail_over(struct builder *b)
{
	step(b, FT_CHANNEL_QMP, FT_MUST, "x-colo-lost-heartbeat", NULL, ft_role_name(b->plan->role));
}

static void prove(struct builder *b)
{
	step(b, FT_CHANNEL_QMP, FT_PROVE, "query-colo-status", NULL, "COLO left");
	step(b, FT_CHANNEL_QMP, FT_PROVE, "query-migrate", NULL, "migration completed");
	step(b, FT_CHANNEL_QMP, FT_PROVE, "query-status", NULL, "guest running");
}

static void primary(struct builder *b, const struct ft_topology *t)
{
	yanks(b, t);
	open_gates(b, t);
	for (int i = 0; i < t->n_disks; i++) {
		const struct ft_disk *d = &t->disks[i];
		step(b, FT_CHANNEL_QMP, FT_MAY, "x-blockdev-change",
		     json_pack("{s:s,s:s}", "parent", d->quorum.s, "child", d->child.s), d->replica.s);
	}
	fail_over(b);
	prove(b);
	for_each(b, FT_CLEAN, "object-del", "id", &t->compares, NULL);
	for_each(b, FT_CLEAN, "object-del", "id", &t->compare_iothreads, NULL);
	for_each(b, FT_CLEAN, "object-del", "id", &t->mirrors, NULL);
	for_each(b, FT_CLEAN, "object-del", "id", &t->redirectors, &t->gates);
	for_each(b, FT_CLEAN, "chardev-remove", "id", &t->colo_chardevs, NULL);
	for (int i = 0; i < t->n_disks; i++) {
		const char *node = t->disks[i].replica.s;
		step(b, FT_CHANNEL_QMP, FT_CLEAN, "blockdev-del", json_pack("{s:s}", "node-name", node), node);
		if (!b->full)
			b->plan->steps[b->plan->n - 1].needs_yank = true;
	}
}

static void close_exports(struct builder *b, const struct ft_topology *t)
{
	if (t->colo_exports.n && !t->foreign_exports.n) {
		step(b, FT_CHANNEL_QMP, FT_MAY, "nbd-server-stop", NULL, "all exports");
		return;
	}
	for (int i = 0; i < t->colo_exports.n; i++) {
		const char *id = t->colo_exports.id[i].s;
		step(b, FT_CHANNEL_QMP, FT_MAY, "block-export-del", json_pack("{s:s,s:s}", "id", id, "mode", "hard"),
		     id);
	}
}

static void secondary(struct builder *b, const struct ft_topology *t)
{
	yanks(b, t);
	close_exports(b, t);
	fail_over(b);
	open_gates(b, t);
	prove(b);
	for_each(b, FT_CLEAN, "object-del", "id", &t->redirectors, &t->gates);
	for_each(b, FT_CLEAN, "chardev-remove", "id", &t->colo_chardevs, NULL);
}

int ft_plan_build(const struct ft_topology *t, int64_t step_timeout_ns, struct ft_plan *out, char error[FT_TEXT_MAX])
{
	struct builder b = {.plan = out};

	assert(step_timeout_ns > 0);
	memset(out, 0, sizeof *out);
	*error = 0;
	out->role = t->role;
	out->timeout = step_timeout_ns;
	if (t->role == FT_ROLE_PRIMARY) {
		primary(&b, t);
	} else if (t->role == FT_ROLE_SECONDARY) {
		secondary(&b, t);
	} else {
		snprintf(error, FT_TEXT_MAX, "this QEMU is not in COLO state; there is nothing to fail over");
		return -1;
	}
	if (b.full) {
		snprintf(
		    error, FT_TEXT_MAX,
		    "the failover would take more than %d commands; this pair has too many disks and network cards",
		    FT_STEPS_MAX);
		return -1;
	}
	return 0;
}

void ft_plan_free(struct ft_plan *p)
{
	for (int i = 0; i < p->n; i++)
		free(p->steps[i].text);
	p->n = 0;
}

bool ft_plan_equal(const struct ft_plan *a, const struct ft_plan *b)
{
	if (a->role != b->role || a->timeout != b->timeout || a->n != b->n)
		return false;
	for (int i = 0; i < a->n; i++)
		if (a->steps[i].policy != b->steps[i].policy || strcmp(a->steps[i].text, b->steps[i].text) != 0)
			return false;
	return true;
}
