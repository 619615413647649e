/* May this host start the VM?  The same case is put to a running ftd that hears nobody, which is a core that has been there for
 * a while, and to ftctl without one: both say the same, and do the same to the register, the fence and the disk. */
#include "ctl/may_start.h"
#include "tests/unit/core_world.h"

#include <check.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define AS_LONG_AS_FTCTL SECOND(20)

/* What a session on disk can say; of those that ended, by whose title. */
static const struct known {
	enum ft_session_stage stage;
	enum ft_role role;
	const char *winner;
	enum ft_title title;
	bool given_before, given_since, fresh;
} known[] = {
    {.stage = FT_SESSION_NONE, .fresh = true},
    {.stage = FT_SESSION_NONE},
    {.stage = FT_SESSION_UNKNOWN},
    {.stage = FT_SESSION_BOUND, .role = FT_ROLE_PRIMARY},
    {.stage = FT_SESSION_BOUND, .role = FT_ROLE_SECONDARY},
    {.stage = FT_SESSION_BOUND, .role = FT_ROLE_PRIMARY, .given_since = true},
    {.stage = FT_SESSION_RELEASED, .role = FT_ROLE_PRIMARY},
    {.stage = FT_SESSION_RELEASED, .role = FT_ROLE_SECONDARY},
    {.stage = FT_SESSION_RESIGNED, .role = FT_ROLE_PRIMARY},
    {.stage = FT_SESSION_RESIGNED, .role = FT_ROLE_SECONDARY},
    {.stage = FT_SESSION_ENDED, .role = FT_ROLE_PRIMARY, .winner = "beta"},
    {.stage = FT_SESSION_ENDED, .role = FT_ROLE_PRIMARY, .winner = "beta", .title = FT_TITLE_RETURNED},
    {.stage = FT_SESSION_ENDED, .role = FT_ROLE_PRIMARY, .winner = "alpha"},
    {.stage = FT_SESSION_ENDED, .role = FT_ROLE_SECONDARY, .winner = "alpha"},
    {.stage = FT_SESSION_ENDED, .role = FT_ROLE_PRIMARY, .winner = "alpha", .given_before = true},
    {.stage = FT_SESSION_ENDED, .role = FT_ROLE_PRIMARY, .winner = "alpha", .given_since = true},
    {.stage = FT_SESSION_ENDED, .role = FT_ROLE_PRIMARY, .winner = "alpha", .title = FT_TITLE_WORD},
    {.stage = FT_SESSION_ENDED, .role = FT_ROLE_SECONDARY, .winner = "alpha", .title = FT_TITLE_WORD},
    {.stage = FT_SESSION_ENDED, .role = FT_ROLE_PRIMARY, .winner = "alpha", .title = FT_TITLE_REGAINED},
    {.stage = FT_SESSION_ENDED, .role = FT_ROLE_SECONDARY, .winner = "alpha", .title = FT_TITLE_REGAINED},
    {.stage = FT_SESSION_ENDED, .role = FT_ROLE_PRIMARY, .winner = "alpha", .title = FT_TITLE_FOUND},
    {.stage = FT_SESSION_ENDED, .role = FT_ROLE_SECONDARY, .winner = "alpha", .title = FT_TITLE_FOUND},
    {.stage = FT_SESSION_ENDED, .role = FT_ROLE_PRIMARY, .winner = "alpha", .title = FT_TITLE_UNFENCED},
    {.stage = FT_SESSION_ENDED, .role = FT_ROLE_SECONDARY, .winner = "alpha", .title = FT_TITLE_UNFENCED},
};

/* What the others say. */
static const struct named {
	enum ft_claim what;
	const char *text;
} claims[] = {{FT_CLAIM_WON, "alpha"}, {FT_CLAIM_LOST, "beta"}, {FT_CLAIM_UNREACHABLE, "no answer"}},
  verdicts[] = {{FT_CLAIM_NOT_NEEDED, ""},
                {FT_CLAIM_LOST, "beta"},
                {FT_CLAIM_LOST, "alpha"},
                {FT_CLAIM_UNREACHABLE, "no answer"}};
static const struct past {
	enum ft_claim what;
	uint64_t epoch;
} pasts[] = {{FT_CLAIM_NOT_NEEDED, 0}, {FT_CLAIM_LOST, 3}, {FT_CLAIM_LOST, 4}, {FT_CLAIM_UNREACHABLE, 0}};
enum fence { FENCE_NONE, FENCE_WORKS, FENCE_FAILS, FENCE_COUNT };

static struct {
	const struct named *claim, *verdict;
	const struct past *past;
	bool fence_works;
	int64_t now;
} world;

/* What came of it. */
struct deeds {
	int may, claims, fences;
	bool ours; /* our name stands in the register */
	struct ft_session disk;
	char why[FT_MAY_START_MAX];
};
static struct deeds *done;

/* ---- disk, arbiter and fence, played for both ---- */

static struct ft_event claimed(const struct ft_action *a)
{
	if (a->verdict)
		return (struct ft_event){.kind = FT_EVENT_CLAIM, .claim = FT_CLAIM_WON, .text = a->text};
	done->claims++;
	done->ours |= world.claim->what == FT_CLAIM_WON;
	return (struct ft_event){.kind = FT_EVENT_CLAIM, .claim = world.claim->what, .text = world.claim->text};
}

static struct ft_event looked(const struct ft_action *a)
{
	enum ft_claim what = a->verdict                          ? world.verdict->what
	                     : world.claim->what != FT_CLAIM_WON ? world.claim->what
	                     : done->ours                        ? FT_CLAIM_LOST
	                                                         : FT_CLAIM_NOT_NEEDED;
	return (struct ft_event){
	    .kind = FT_EVENT_REGISTER, .claim = what, .text = a->verdict ? world.verdict->text : world.claim->text};
}

static struct ft_event play(void *arg, const struct ft_core *core, const struct ft_action *a)
{
	(void)arg;
	switch ((int)a->kind) {
	case FT_DO_STORE:
		done->disk = core->store_next;
		return (struct ft_event){.kind = FT_EVENT_STORED};
	case FT_DO_CLAIM:
		return claimed(a);
	case FT_DO_READ:
		return looked(a);
	case FT_DO_REMEMBER:
		return (struct ft_event){
		    .kind = FT_EVENT_REMEMBERED, .claim = world.past->what, .epoch = world.past->epoch, .text = "beta"};
	case FT_DO_FENCE:
		done->fences++;
		return (struct ft_event){.kind = FT_EVENT_FENCED, .error = !world.fence_works, .text = "stuck"};
	default:
		return (struct ft_event){.kind = FT_EVENT_COUNT};
	}
}

static int64_t play_now(void *arg)
{
	(void)arg;
	return world.now;
}

static void play_wait(void *arg, int64_t until)
{
	(void)arg;
	world.now = until;
}

/* ---- a running ftd ---- */

static struct ft_core running;

static void feed(const struct ft_event *e)
{
	struct ft_actions *out = malloc(sizeof *out);
	ft_core_step(&running, e, world.now, out);
	for (int i = 0; i < out->n; i++) {
		struct ft_event answer = play(NULL, &running, &out->a[i]);
		if (answer.kind != FT_EVENT_COUNT)
			feed(&answer);
	}
	free(out);
}

static void pass(int64_t ns)
{
	world.now += ns;
	feed(&(struct ft_event){.kind = FT_EVENT_TIME});
}

static void ask_running(const struct ft_config *config, const struct ft_session *s, bool fresh, bool confirmed)
{
	bool registers = config->arbiter.type != FT_ARBITER_FENCE;
	struct ft_core_params p = {.node = "alpha",
	                           .incarnation = 1,
	                           .interval = MS(100),
	                           .window = MS(500),
	                           .reply_timeout = SECOND(1),
	                           .arbitrated = true,
	                           .registers = registers,
	                           .fenced = registers && config->arbiter.fence.agent[0],
	                           .guard = MS(20),
	                           .session = *s,
	                           .fresh = fresh};
	ft_core_init(&running, &p, world.now);
	feed(&(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &(struct ft_qemu_facts){.vm = FT_VM_ABSENT}});
	for (int i = 0; i < 10; i++)
		pass(MS(500));
	feed(&(struct ft_event){.kind = FT_EVENT_WANT_START, .confirmed = confirmed});
	int64_t until = world.now + AS_LONG_AS_FTCTL;
	while ((done->may = ft_core_may_start(&running, confirmed, done->why)) < 0 && world.now < until)
		pass(MS(100));
}

/* ---- both ---- */

static struct ft_session session_of(const struct known *k)
{
	struct ft_session s = {.stage = k->stage};
	if (k->stage == FT_SESSION_NONE || k->stage == FT_SESSION_UNKNOWN)
		return s;
	s = (struct ft_session){.stage = k->stage,
	                        .id = {7},
	                        .epoch = 3,
	                        .role = k->role,
	                        .instance = 1,
	                        .peer = "beta",
	                        .title = k->title,
	                        .given_before = k->given_before,
	                        .yielded = k->given_since ? 2 : 0,
	                        .yielded_as = k->given_since ? FT_ROLE_SECONDARY : FT_ROLE_NONE};
	snprintf(s.winner, sizeof s.winner, "%s", k->winner ? k->winner : "");
	return s;
}

static void begin(struct deeds *d, const struct ft_session *s)
{
	*d = (struct deeds){.disk = *s};
	done = d;
	world.now = SECOND(1000);
	done->ours = s->stage == FT_SESSION_ENDED && strcmp(s->winner, "alpha") == 0;
}

static void compare(const struct ft_config *config, const struct known *k, bool confirmed, const char *of)
{
	static const struct ft_doer doer = {.act = play, .now = play_now, .wait = play_wait};
	static struct deeds with, without;
	struct ft_session s = session_of(k);
	begin(&with, &s);
	ask_running(config, &s, k->fresh, confirmed);
	begin(&without, &s);
	without.may = ft_may_start_judge(config, &doer, &s, "", k->fresh, confirmed, without.why);
	bool old = world.past->epoch > s.epoch && !confirmed; /* the no is there before all has been read */
	bool same =
	    (with.may == 1) == without.may && with.ours == without.ours && (with.fences > 0) == (without.fences > 0);
	bool same_disk = with.disk.stage == without.disk.stage && with.disk.title == without.disk.title &&
	                 strcmp(with.disk.winner, without.disk.winner) == 0 &&
	                 with.disk.given_before == without.disk.given_before;
	ck_assert_msg(
	    same && (same_disk || old),
	    "%s session, %s: a running ftd: %d %s, %d claims, %d fences, %s %s %s; without: %s, %d claims, %d "
	    "fences, %s %s %s",
	    ft_session_stage_name(s.stage), of, with.may, with.why, with.claims, with.fences,
	    ft_session_stage_name(with.disk.stage), with.disk.winner, ft_title_name(with.disk.title), without.why,
	    without.claims, without.fences, ft_session_stage_name(without.disk.stage), without.disk.winner,
	    ft_title_name(without.disk.title));
}

#define N(a) (sizeof(a) / sizeof(a)[0])

static struct ft_config config = {.pair = "vm1",
                                  .node = "alpha",
                                  .heartbeat.interval_ms = 100,
                                  .heartbeat.lost_after = 5,
                                  .guard_ms = 20,
                                  .arbiter = {.type = FT_ARBITER_FILE}};

static void compare_fences(const struct known *k, bool confirmed, const char *of)
{
	for (int fence = FENCE_NONE; fence < FENCE_COUNT; fence++) {
		char text[200];
		snprintf(config.arbiter.fence.agent, sizeof config.arbiter.fence.agent, "%s",
		         fence ? "/usr/sbin/fence_ipmilan" : "");
		world.fence_works = fence == FENCE_WORKS;
		snprintf(text, sizeof text, "%s, fence %s", of, fence == 0 ? "none" : fence == 1 ? "works" : "fails");
		compare(&config, k, confirmed, text);
	}
}

/* _i: what the disk knows. */
START_TEST(with_an_ftd_or_without_the_same_is_said_and_done)
{
	const struct known *k = &known[_i];
	for (size_t n = 0; n < 2 * N(claims) * N(verdicts) * N(pasts); n++) {
		bool confirmed = n % 2;
		char of[160];
		world.claim = &claims[n / 2 % N(claims)];
		world.verdict = &verdicts[n / 2 / N(claims) % N(verdicts)];
		world.past = &pasts[n / 2 / N(claims) / N(verdicts)];
		snprintf(of, sizeof of, "%s as %s, title %s, %svouched for, claim %s, verdict \"%s\", marks %s %d",
		         k->winner ? k->winner : "", ft_role_name(k->role), ft_title_name(k->title),
		         confirmed ? "" : "not ", ft_claim_name(world.claim->what), world.verdict->text,
		         ft_claim_name(world.past->what), (int)world.past->epoch);
		compare_fences(k, confirmed, of);
	}
}
END_TEST

START_TEST(the_same_with_a_fence_alone)
{
	config.arbiter.type = FT_ARBITER_FENCE;
	world.claim = &claims[0];
	world.verdict = &verdicts[0];
	world.past = &pasts[0];
	for (int confirmed = 0; confirmed < 2 && known[_i].title != FT_TITLE_WORD;
	     confirmed++) /* that asks a register */
		compare(&config, &known[_i], confirmed, confirmed ? "vouched for" : "not vouched for");
}
END_TEST

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	Suite *s = suite_create("one_verdict");
	TCase *c = tcase_create("one_verdict");
	tcase_set_timeout(c, 120);
	tcase_add_loop_test(c, with_an_ftd_or_without_the_same_is_said_and_done, 0, N(known));
	tcase_add_loop_test(c, the_same_with_a_fence_alone, 0, N(known));
	suite_add_tcase(s, c);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
