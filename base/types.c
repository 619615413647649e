/* The contract's spelling of the shared values, in one place. */
#include "base/types.h"

#include <string.h>

#define NAME_OF(table, value) ((size_t)(value) < sizeof(table) / sizeof((table)[0]) ? (table)[value] : "?")

const char *ft_state_name(enum ft_state s)
{
	static const char *const names[] = {"starting",     "unprotected", "arming", "protected", "suspect", "claiming",
	                                    "failing-over", "solo",        "held",   "fenced",    "failed"};
	return NAME_OF(names, s);
}

const char *ft_role_name(enum ft_role r)
{
	static const char *const names[] = {"none", "primary", "secondary", "solo"};
	return NAME_OF(names, r);
}

const char *ft_vm_name(enum ft_vm v)
{
	static const char *const names[] = {"unknown", "alive", "gone", "absent", "yielded"};
	return NAME_OF(names, v);
}

const char *ft_cause_name(enum ft_cause c)
{
	static const char *const names[] = {"none",   "peer-lost", "peer-vm-gone", "peer-yielded", "replication-broken",
	                                    "signal", "operator",  "unknown"};
	return NAME_OF(names, c);
}

const char *ft_result_name(enum ft_result r)
{
	static const char *const names[] = {"none", "success", "refused", "lost-claim", "held", "failed"};
	return NAME_OF(names, r);
}

const char *ft_claim_name(enum ft_claim c)
{
	static const char *const names[] = {"not-needed", "won", "lost", "unreachable"};
	return NAME_OF(names, c);
}

const char *ft_step_result_name(enum ft_step_result r)
{
	static const char *const names[] = {"skipped", "ok", "error", "timeout"};
	return NAME_OF(names, r);
}

const char *ft_channel_name(enum ft_channel c)
{
	static const char *const names[] = {"qmp", "oob"};
	return NAME_OF(names, c);
}

const char *ft_session_stage_name(enum ft_session_stage s)
{
	static const char *const names[] = {"none", "unknown", "bound", "released", "resigned", "ended"};
	return NAME_OF(names, s);
}

const char *ft_title_name(enum ft_title t)
{
	static const char *const names[] = {"ended", "taken", "returned", "regained", "found", "unfenced"};
	return NAME_OF(names, t);
}

int64_t ft_right_ends_early(int64_t window)
{
	int64_t part = window / 20, most = 20 * FT_NS_PER_MS;
	return part < most ? part : most;
}

bool ft_side_calm(const struct ft_side *side)
{
	switch (side->state) {
	case FT_STARTING:
	case FT_UNPROTECTED:
	case FT_ARMING:
	case FT_PROTECTED:
	case FT_SUSPECT:
		return true;
	case FT_CLAIMING:
	case FT_FAILING_OVER:
	case FT_SOLO:
	case FT_HELD:
	case FT_FENCED:
	case FT_FAILED:
	case FT_STATE_COUNT:
		break;
	}
	return false;
}

bool ft_side_possible(const struct ft_side *side)
{
	bool out = side->vm == FT_VM_GONE || side->vm == FT_VM_ABSENT || side->dying;
	bool solo = side->state == FT_SOLO, goes_on = solo || side->state == FT_FAILING_OVER;
	if ((solo && out) || (goes_on && side->vm == FT_VM_YIELDED))
		return false;
	return !(side->dying && side->vm != FT_VM_UNKNOWN) && !(side->proven && side->vm != FT_VM_ALIVE);
}

const char *ft_sharing_name(enum ft_sharing s)
{
	static const char *const names[] = {"unknown", "proven", "differs"};
	return NAME_OF(names, s);
}

bool ft_share_equal(const struct ft_share *a, const struct ft_share *b)
{
	return a->arbiter == b->arbiter && a->guard_ms == b->guard_ms && a->n_links == b->n_links &&
	       memcmp(a->links, b->links, (size_t)a->n_links * sizeof a->links[0]) == 0 &&
	       strcmp(a->place, b->place) == 0 && a->mark == b->mark && a->next_mark == b->next_mark &&
	       a->verdict == b->verdict && a->about == b->about;
}

bool ft_emulator_known(const struct ft_emulator *e)
{
	return e->major || e->minor || e->micro;
}

bool ft_emulator_equal(const struct ft_emulator *a, const struct ft_emulator *b)
{
	return a->major == b->major && a->minor == b->minor && a->micro == b->micro &&
	       strcmp(a->machine, b->machine) == 0;
}

bool ft_side_equal(const struct ft_side *a, const struct ft_side *b)
{
	return a->state == b->state && a->role == b->role && a->vm == b->vm && a->ready == b->ready &&
	       a->leaving == b->leaving && a->repl_broken == b->repl_broken && a->doubtful == b->doubtful &&
	       a->released == b->released && a->guest == b->guest && a->proven == b->proven &&
	       a->returned == b->returned && a->dying == b->dying && a->sick == b->sick && a->ending == b->ending &&
	       a->disk_bad == b->disk_bad && a->request == b->request && a->request_id == b->request_id &&
	       a->answer == b->answer && a->answer_id == b->answer_id && a->checkpoint_ms == b->checkpoint_ms &&
	       a->epoch == b->epoch && a->win == b->win && a->window_ms == b->window_ms && a->runs == b->runs &&
	       memcmp(a->session, b->session, sizeof a->session) == 0 && ft_share_equal(&a->share, &b->share) &&
	       ft_emulator_equal(&a->emulator, &b->emulator);
}
