/* The laws.  What each one means is said where it is judged. */
#include "tests/exhaustive/model.h"

enum {
	TWO_MASTERS,
	OLD_COPY,
	ENDED_TOO_EARLY,
	SUCCESS_WITHOUT_RIGHT,
	TWO_SUCCESSES,
	SPINS,
	NO_INVARIANT,
	NO_WAY_OUT,
	LAWS
};
const char *const law_names[LAWS + 1] = {
    [TWO_MASTERS] = "two masters",
    [OLD_COPY] = "an old copy of the guest runs",
    [ENDED_TOO_EARLY] = "a copy is ended before the other is proven to run",
    [SUCCESS_WITHOUT_RIGHT] = "a success is recorded, and the claim is lost",
    [TWO_SUCCESSES] = "a session has two successes",
    [SPINS] = "frozen and thawed without end",
    [NO_INVARIANT] = "what holds after every step does not hold",
    [NO_WAY_OUT] = "all has healed, and nobody runs the guest",
};
uint32_t laws_judged = (1u << LAWS) - 1;

const char *const ending_names[ENDINGS] = {
    [ENDS_PROTECTED] = "protected",
    [ENDS_SOLO] = "one runs alone",
    [ENDS_DEAD] = "no copy is left, by faults alone",
    [ENDS_FOR_A_PERSON] = "held for a person",
    [ENDS_UNPROTECTED] = "one runs, unprotected",
    [ENDS_BADLY] = "badly",
};

static void breaks(struct world *w, int law)
{
	if (!w->broken && laws_judged >> law & 1u)
		w->broken = law_names[law];
}

static bool promoted(const struct qemu *q)
{
	return q->mode == FT_ROLE_NONE && q->last != FT_ROLE_NONE;
}

/* Whoever orders a failover while the peer is silent, and the register out of reach, or nobody's in a session that was released or
 * resigned, so that no lease stops the peer's guest, answers for the peer; nobody else does. */
static bool vouches(const struct host *h)
{
	const struct ft_core *c = &h->core;
	bool won = c->claim == FT_CLAIM_WON && h->claimed_unbound;
	bool ordered = c->outcome.cause == FT_CAUSE_SIGNAL || c->outcome.cause == FT_CAUSE_OPERATOR;
	bool heard = c->hearing == FT_PEER_ALIVE || c->hearing == FT_PEER_QUIET;
	return ordered && !heard && (c->claim == FT_CLAIM_UNREACHABLE || c->session.stage < FT_SESSION_BOUND || won);
}

static bool has_success(const struct host *h, const uint8_t id[FT_SESSION_BYTES])
{
	for (int i = 0; i < h->n_successes; i++)
		if (memcmp(h->successes[i], id, FT_SESSION_BYTES) == 0)
			return true;
	return false;
}

void laws_on_action(struct world *w, int host, const struct ft_action *a)
{
	static const uint8_t none[FT_SESSION_BYTES];
	const struct host *h = &w->host[host], *other = &w->host[1 - host];
	const struct qemu *q = &h->qemu;
	const struct ft_outcome *o = a->outcome;
	bool success = a->kind == FT_DO_RECORD && o->result == FT_SUCCESS;
	if (a->kind == FT_DO_FREEZE && ++w->freezes == FREEZES_MOST)
		breaks(w, SPINS);
	w->vouched |= a->kind == FT_DO_PLAN && vouches(h);
	/* A copy is needed until the other runs alone; once it has, this one is old. */
	bool needed = q->alive && h->seen.instance == q->instance && !q->old &&
	              !(promoted(&other->qemu) && runs_as_master(w, 1 - host));
	if (a->kind == FT_DO_KILL && needed)
		breaks(w, ENDED_TOO_EARLY);
	if (success && o->claim == FT_CLAIM_LOST)
		breaks(w, SUCCESS_WITHOUT_RIGHT);
	bool named = success && memcmp(o->session, none, sizeof none) != 0;
	if (named && !w->vouched && !q->ousted && (has_success(h, o->session) || has_success(other, o->session)))
		breaks(w, TWO_SUCCESSES);
}

/* As in the unit tests. */
void laws_after_step(struct world *w, int host, const struct ft_event *e, const struct ft_actions *out)
{
	struct host *h = &w->host[host];
	const char *broken = broken_invariant(&h->core, e, &h->pending, out);
	if (!broken)
		return;
	tell(w, host, "invariant: %s", broken);
	breaks(w, NO_INVARIANT);
}

void laws_after(struct world *w)
{
	for (int i = 0; i < 2; i++) {
		struct qemu *q = &w->host[i].qemu;
		const struct qemu *peers = &w->host[1 - i].qemu;
		bool theirs = runs_as_master(w, 1 - i), ours = runs_as_master(w, i);
		bool ordered = !peers->alive && w->host[i].core.outcome.cause == FT_CAUSE_SIGNAL;
		if (theirs && peers->released)
			q->old = q->alive;
		if (ours && !theirs && q->old && !q->ousted && !w->vouched && !ordered)
			breaks(w, OLD_COPY);
	}
	if (runs_as_master(w, 0) && runs_as_master(w, 1) && !w->vouched)
		breaks(w, TWO_MASTERS);
}

/* ---- at the end ---- */

static bool protects(const struct world *w, int host)
{
	return w->host[host].ftd && w->host[host].core.phase == FT_PHASE_PROTECTED;
}

static bool session_is_ended(const struct world *w)
{
	struct key key = {.verdict = false};
	memcpy(key.id, w->host[0].core.session.id, sizeof key.id);
	return winner_of(w, &key) >= 0;
}

static bool holds(const struct world *w, int host)
{
	const struct host *h = &w->host[host];
	return h->qemu.alive && h->qemu.stopped;
}

/* What ftd leaves to a person: a copy that this side has given up, or that is old, and the other side's is dead; a death while
 * the session was released, so that nobody may claim it. */
static bool for_a_person(const struct world *w, int host)
{
	const struct host *h = &w->host[host];
	const struct ft_core *c = &h->core;
	bool given_up = c->session.stage == FT_SESSION_RESIGNED || c->phase == FT_PHASE_HELD;
	bool released = c->session.stage == FT_SESSION_RELEASED;
	return h->qemu.alive && !w->host[1 - host].qemu.alive && (given_up || released || h->qemu.old);
}

enum ending laws_at_end(const struct world *w)
{
	bool runs[2] = {runs_as_master(w, 0), runs_as_master(w, 1)};
	if (protects(w, 0) && protects(w, 1) && runs[0] && !session_is_ended(w))
		return ENDS_PROTECTED;
	for (int i = 0; i < 2; i++)
		if (runs[i] && !runs[1 - i] && w->host[i].core.phase == FT_PHASE_SOLO && !w->host[1 - i].qemu.alive)
			return ENDS_SOLO;
	if (!w->host[0].qemu.alive && !w->host[1].qemu.alive)
		return ENDS_DEAD;
	if (for_a_person(w, 0) || for_a_person(w, 1))
		return ENDS_FOR_A_PERSON;
	if (runs[0] != runs[1] && !holds(w, 0) && !holds(w, 1))
		return ENDS_UNPROTECTED;
	return laws_judged >> NO_WAY_OUT & 1u ? ENDS_BADLY : ENDS_FOR_A_PERSON;
}
