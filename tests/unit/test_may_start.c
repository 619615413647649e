/* May this host start the VM?  Every stage a session can be left in, with an arbiter that is played and with a real one. */
#include "ctl/command.h"
#include "ctl/control.h"
#include "ctl/may_start.h"
#include "process/instance.h"
#include "store/lock.h"
#include "store/session_file.h"

#include <check.h>
#include <event2/event.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64], why[FT_MAY_START_MAX];
static struct ft_config config;

/* The arbiter, the fence and the time, played; the disk is real. */
static struct {
	enum ft_claim claim, verdict;
	const char *winner;
	bool fence;
	enum ft_claim past;
	uint64_t epoch;
	int claims, reads, fences, verdicts;
	int64_t now, claimed_at, fenced_at, fence_takes;
	struct ft_doer disk;
} plays;

static const char *name_of(enum ft_claim what)
{
	return what == FT_CLAIM_WON           ? "alpha"
	       : what == FT_CLAIM_LOST        ? plays.winner
	       : what == FT_CLAIM_UNREACHABLE ? "storage is gone"
	                                      : "";
}

static struct ft_event tell(enum ft_event_kind kind, enum ft_claim what)
{
	return (struct ft_event){.kind = kind, .claim = what, .text = name_of(what)};
}

static struct ft_event play_claim(const struct ft_action *a)
{
	ck_assert_str_eq(a->text, "alpha");
	ck_assert(!a->verdict);
	plays.claims++;
	plays.claimed_at = plays.now;
	return tell(FT_EVENT_CLAIM, plays.claim);
}

static struct ft_event play_fence(void)
{
	plays.fences++;
	plays.fenced_at = plays.now;
	plays.now += plays.fence_takes;
	return (struct ft_event){.kind = FT_EVENT_FENCED, .error = !plays.fence, .text = "the agent exited with 1"};
}

static struct ft_event play_past(void)
{
	struct ft_event e = tell(FT_EVENT_REMEMBERED, plays.past);
	e.epoch = plays.epoch;
	return e;
}

static struct ft_event play(void *arg, const struct ft_core *core, const struct ft_action *a)
{
	(void)arg;
	if (a->kind == FT_DO_STORE)
		return plays.disk.act(plays.disk.arg, core, a);
	if (a->kind == FT_DO_REMEMBER)
		return play_past();
	if (a->kind == FT_DO_FENCE)
		return play_fence();
	ck_assert_int_eq(core->claim_id[0], 7);
	if (a->kind == FT_DO_CLAIM)
		return play_claim(a);
	plays.reads += !a->verdict;
	plays.verdicts += a->verdict;
	return tell(FT_EVENT_REGISTER, a->verdict ? plays.verdict : FT_CLAIM_NOT_NEEDED);
}

static int64_t play_now(void *arg)
{
	(void)arg;
	return plays.now;
}

static void play_wait(void *arg, int64_t until)
{
	(void)arg;
	ck_assert_int_ge(until, plays.now);
	plays.now = until;
}

/* Of the session that is put. */
static bool given_before, given_since;
static enum ft_title title;

static void set_up(void)
{
	ck_assert_int_ge(sodium_init(), 0);
	signal(SIGPIPE, SIG_IGN);
	strcpy(dir, "/tmp/ftd-test-may-start.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	config = (struct ft_config){
	    .pair = "vm1",
	    .node = "alpha",
	    .heartbeat.interval_ms = 5,
	    .heartbeat.lost_after = 2,
	    .guard_ms = 5,
	    .control_mode = 0600,
	    .control_gid = (gid_t)-1,
	    .arbiter = {.type = FT_ARBITER_FILE, .timeout_ms = 20000, .pair = "vm1", .node = "alpha"},
	};
	snprintf(config.state_dir, sizeof(config.state_dir), "%s", dir);
	snprintf(config.control_socket, sizeof(config.control_socket), "%s/socket", dir);
	memset(&plays, 0, sizeof(plays));
	given_before = given_since = false;
	title = FT_TITLE_REGISTER;
	plays.winner = "beta";
	plays.now = 1000000 * FT_NS_PER_MS;
	snprintf(config.arbiter.path, sizeof(config.arbiter.path), "%s", dir);
	ck_assert_int_eq(ft_doer_open(&config, "beta", &plays.disk, stderr), 0);
}

static void tear_down(void)
{
	char command[128];
	ft_doer_close(&plays.disk);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void put(const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	ck_assert_int_ge(fputs(text, f), 0);
	fclose(f);
}

static void put_session(enum ft_session_stage stage, enum ft_role role, const char *winner)
{
	struct ft_session s = {.stage = stage, .id = {7}, .epoch = 3, .role = role, .instance = 1, .peer = "beta"};
	snprintf(s.winner, sizeof(s.winner), "%s", winner);
	s.title = title;
	s.given_before = given_before;
	s.yielded = given_since ? 2 : 0;
	s.yielded_as = given_since ? FT_ROLE_SECONDARY : FT_ROLE_NONE;
	char *text = ft_session_file_text(&s, config.pair, config.node);
	put(FT_SESSION_FILE, text);
	free(text);
}

static void assert_stored(enum ft_session_stage stage, const char *winner)
{
	struct ft_session s;
	char error[FT_SESSION_FILE_ERROR_MAX];
	ft_session_file_read(dir, config.pair, config.node, &s, error);
	ck_assert_int_eq(s.stage, stage);
	ck_assert_str_eq(s.winner, winner);
	if (stage > FT_SESSION_UNKNOWN) {
		ck_assert_int_eq(s.id[0], 7);
		ck_assert_uint_eq(s.epoch, 3);
	}
}

static bool judge_by(const struct ft_doer *doer, bool fresh, bool confirm_fenced)
{
	struct ft_session session;
	char fault[FT_SESSION_FILE_ERROR_MAX];
	ft_session_file_read(dir, config.pair, config.node, &session, fault);
	return ft_may_start_judge(&config, doer, &session, fault, fresh, confirm_fenced, why);
}

static bool may_if(bool fresh, bool confirm_fenced)
{
	const struct ft_doer doer = {.act = play, .now = play_now, .wait = play_wait};
	return judge_by(&doer, fresh, confirm_fenced);
}

/* The time alone is played: one that is out of reach is asked again, for long. */
static bool may_by_the_real_arbiter(void)
{
	struct ft_doer real, doer;
	ck_assert_int_eq(ft_doer_open(&config, "beta", &real, stderr), 0);
	doer = (struct ft_doer){.arg = real.arg, .act = real.act, .now = play_now, .wait = play_wait};
	bool answer = judge_by(&doer, false, false);
	ft_doer_close(&real);
	return answer;
}

static bool may(bool confirm_fenced)
{
	return may_if(false, confirm_fenced);
}

static bool may_with_fence(bool confirm_fenced)
{
	strcpy(config.arbiter.fence.agent, "/usr/sbin/fence_ipmilan");
	return may(confirm_fenced);
}

static void assert_said(const char *words)
{
	ck_assert_msg(strstr(why, words), "%s", why);
}

static void assert_asked(int claims, int reads)
{
	ck_assert_int_eq(plays.claims, claims);
	ck_assert_int_eq(plays.reads, reads);
}

/* It may have been lost with the file; where no ftd ever was, there was none. */
START_TEST(no_session_hinders_only_where_one_may_have_been)
{
	bool fresh;
	snprintf(config.arbiter.path, sizeof(config.arbiter.path), "%s", dir);
	for (int i = 0; i < 2; i++) { /* the question leaves nothing behind */
		ck_assert_int_eq(ft_may_start(&config, false, why), 0);
		assert_said("no session is known");
	}
	int lock = ft_lock_state_dir(dir, &fresh, stderr); /* an ftd */
	ck_assert(fresh);
	close(lock);
	ck_assert_int_eq(ft_may_start(&config, false, why), 1);
	assert_said("may have been lost");
	ck_assert_int_eq(ft_may_start(&config, true, why), 0);
	assert_said("a person vouches");
	assert_asked(0, 0);
}
END_TEST

/* state_dir was lost, and the arbiter knows the pair: the other side may run the guest. */
START_TEST(a_session_that_the_arbiter_remembers_was_lost_here)
{
	plays.past = FT_CLAIM_LOST;
	ck_assert(!may_if(true, false));
	assert_said("the arbiter knows this pair");
	ck_assert(may_if(true, true));
	plays.past = FT_CLAIM_UNREACHABLE;
	ck_assert(!may_if(true, false));
	assert_said("storage is gone");
	plays.past = FT_CLAIM_NOT_NEEDED;
	ck_assert(may_if(true, false));
	assert_asked(0, 0);
}
END_TEST

/* state_dir was put back from an older copy.  _i: what it says of the session before. */
START_TEST(a_session_after_ours_is_remembered_by_the_arbiter)
{
	static const enum ft_session_stage stages[] = {FT_SESSION_ENDED, FT_SESSION_BOUND, FT_SESSION_RELEASED};
	put_session(stages[_i], FT_ROLE_PRIMARY, stages[_i] == FT_SESSION_ENDED ? "alpha" : "");
	plays.claim = FT_CLAIM_WON;
	plays.past = FT_CLAIM_LOST;
	plays.epoch = 4;
	ck_assert(!may(false));
	assert_said("the arbiter knows a later session than this side");
	assert_said("session 3, with beta");
	assert_asked(0, 0);
	plays.epoch = 3;
	ck_assert(may(false));
	put_session(stages[_i], FT_ROLE_PRIMARY, stages[_i] == FT_SESSION_ENDED ? "alpha" : "");
	plays.epoch = 4;
	ck_assert(may(true));
}
END_TEST

START_TEST(an_unknown_session_is_a_persons_to_judge)
{
	put(FT_SESSION_FILE, "{\"version\":1,\"pai");
	ck_assert(!may(false));
	assert_said(FT_SESSION_FILE ": it is not whole");
	ck_assert(may(true));
	assert_said("a person vouches");
	assert_asked(0, 0);
	assert_stored(FT_SESSION_UNKNOWN, "");
}
END_TEST

START_TEST(an_ended_session_is_whose_it_is)
{
	put_session(FT_SESSION_ENDED, FT_ROLE_SECONDARY, "alpha");
	ck_assert(may(false));
	put_session(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "beta");
	ck_assert(!may(false));
	assert_said("no: the other side ended the last session");
	ck_assert(!may(true));
	assert_asked(0, 0);
}
END_TEST

/* The session was given back, or the peer has taken it by a person's order, and this disk does not know.  _i: 0 it is known to
 * be won; 1 it is won for this start; 2 a person vouches besides. */
START_TEST(a_winner_that_the_verdict_does_not_name_may_not_start)
{
	put_session(_i ? FT_SESSION_BOUND : FT_SESSION_ENDED, FT_ROLE_SECONDARY, _i ? "" : "alpha");
	plays.claim = FT_CLAIM_WON;
	plays.verdict = FT_CLAIM_LOST;
	plays.fence = true;
	ck_assert(!may_with_fence(_i == 2));
	assert_said("no: the other side ended the last session");
	ck_assert_int_eq(plays.fences, 0); /* it runs there */
	ck_assert_int_eq(plays.verdicts, 1);
	assert_stored(FT_SESSION_ENDED, "beta");
	ck_assert(!may(true));
	ck_assert_int_eq(plays.verdicts, 1); /* it is known for good */
}
END_TEST

START_TEST(a_verdict_out_of_reach_means_no_unless_a_person_vouches)
{
	put_session(_i ? FT_SESSION_BOUND : FT_SESSION_ENDED, FT_ROLE_PRIMARY, _i ? "" : "alpha");
	plays.claim = FT_CLAIM_WON;
	plays.verdict = FT_CLAIM_UNREACHABLE;
	ck_assert(!may(false));
	assert_said("storage is gone");
	assert_said("--confirm-fenced");
	ck_assert(may(true));
	if (!_i)
		assert_said("a person vouches");
	plays.verdict = FT_CLAIM_LOST;
	plays.winner = "alpha";
	ck_assert(may(false));
	assert_stored(FT_SESSION_ENDED, "alpha");
}
END_TEST

/* The other side may have gone on by this one's word, from before the win. */
START_TEST(a_win_after_its_own_word_needs_the_verdict_or_a_person)
{
	given_before = true;
	put_session(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	ck_assert(!may(false));
	assert_said("beta");
	assert_said("--confirm-fenced");
	ck_assert(may(true));
	ck_assert(!may(false));
	plays.verdict = FT_CLAIM_LOST;
	plays.winner = "alpha";
	ck_assert(may(false));
}
END_TEST

/* In a pair that was made anew, and had no session yet. */
START_TEST(what_was_given_since_the_win_is_no_licence)
{
	given_since = true;
	put_session(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	plays.verdict = FT_CLAIM_LOST;
	plays.winner = "alpha";
	ck_assert(!may(false));
	assert_said("beta");
	assert_said("--confirm-fenced");
	ck_assert(may(true));
}
END_TEST

/* It keeps no register, and a person may have let the other host power this one off, and go on, since. */
START_TEST(the_arbiter_fence_has_no_verdict)
{
	config.arbiter.type = FT_ARBITER_FENCE;
	put_session(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "alpha");
	plays.verdict = FT_CLAIM_LOST;
	ck_assert(!may(false));
	assert_said("--confirm-fenced");
	ck_assert(may(true));
	ck_assert_int_eq(plays.verdicts, 0);
}
END_TEST

START_TEST(a_bound_session_is_claimed_and_the_winner_stored)
{
	put_session(FT_SESSION_BOUND, FT_ROLE_PRIMARY, "");
	plays.claim = FT_CLAIM_WON;
	ck_assert(may(false));
	assert_stored(FT_SESSION_ENDED, "alpha");
	put_session(FT_SESSION_BOUND, FT_ROLE_SECONDARY, "");
	plays.claim = FT_CLAIM_LOST;
	ck_assert(!may(true));
	assert_said("no: the other side ended the last session");
	assert_stored(FT_SESSION_ENDED, "beta");
	assert_asked(2, 0);
}
END_TEST

START_TEST(a_claim_waits_until_earlier_rights_are_over)
{
	int64_t begun = plays.now;
	config.heartbeat.interval_ms = 50;
	config.heartbeat.lost_after = 4;
	config.guard_ms = 100;
	put_session(FT_SESSION_BOUND, FT_ROLE_SECONDARY, "");
	plays.claim = FT_CLAIM_WON;
	ck_assert(may(false));
	ck_assert_int_ge(plays.claimed_at - begun, 300 * FT_NS_PER_MS);
}
END_TEST

/* The peer holds a right by the detection time under which the session was bound, however short ours is by now. */
START_TEST(a_claim_waits_for_the_sessions_own_detection_time)
{
	int64_t begun = plays.now;
	struct ft_session s = {.stage = FT_SESSION_BOUND,
	                       .id = {7},
	                       .epoch = 3,
	                       .role = FT_ROLE_SECONDARY,
	                       .instance = 1,
	                       .window_ms = 60000,
	                       .peer = "beta"};
	char *text = ft_session_file_text(&s, config.pair, config.node);
	put(FT_SESSION_FILE, text);
	free(text);
	config.heartbeat.interval_ms = 10;
	config.heartbeat.lost_after = 5;
	config.guard_ms = 20;
	plays.claim = FT_CLAIM_WON;
	ck_assert(may(false));
	ck_assert_int_ge(plays.claimed_at - begun, 60020 * FT_NS_PER_MS);
}
END_TEST

/* Its register names us, and that is not enough: the other side may have had a right then, or be on still. */
START_TEST(a_win_that_is_not_complete_is_completed_first)
{
	static const enum ft_title titles[] = {FT_TITLE_FOUND, FT_TITLE_UNFENCED};
	struct ft_session s = {.stage = FT_SESSION_ENDED,
	                       .id = {7},
	                       .epoch = 3,
	                       .role = FT_ROLE_SECONDARY,
	                       .instance = 1,
	                       .window_ms = 300,
	                       .peer = "beta",
	                       .winner = "alpha",
	                       .title = titles[_i]};
	char *text = ft_session_file_text(&s, config.pair, config.node);
	put(FT_SESSION_FILE, text);
	plays.verdict = FT_CLAIM_UNREACHABLE;
	ck_assert(!may_with_fence(false));
	assert_said("storage is gone");
	ck_assert_int_eq(plays.fences, 0);
	plays.verdict = FT_CLAIM_NOT_NEEDED;
	int64_t begun = plays.now;
	ck_assert(!may_with_fence(false));
	ck_assert_int_ge(plays.fenced_at - begun, 300 * FT_NS_PER_MS);
	assert_said("the agent exited with 1");
	ck_assert(may_with_fence(true));
	plays.fence = true;
	plays.fences = 0;
	ck_assert(may_with_fence(false));
	assert_stored(FT_SESSION_ENDED, "alpha");
	ck_assert(may_with_fence(false)); /* for good */
	ck_assert_int_eq(plays.fences, 1);
	assert_asked(0, 0);
	free(text);
}
END_TEST

START_TEST(an_arbiter_out_of_reach_means_no_unless_a_person_vouches)
{
	put_session(FT_SESSION_BOUND, FT_ROLE_PRIMARY, "");
	plays.claim = FT_CLAIM_UNREACHABLE;
	ck_assert(!may(false));
	assert_said("storage is gone");
	assert_said("--confirm-fenced");
	ck_assert(may(true));
	assert_said("a person vouches");
	assert_stored(FT_SESSION_BOUND, ""); /* it is not ended: ftd goes on trying */
}
END_TEST

START_TEST(a_released_session_is_the_primarys)
{
	plays.claim = FT_CLAIM_WON;
	put_session(FT_SESSION_RELEASED, FT_ROLE_SECONDARY, "");
	ck_assert(!may(false));
	assert_said("may be running without ftd");
	assert_said("--confirm-fenced");
	assert_asked(0, 0);
	ck_assert(may(true));
	assert_asked(1, 0);
	put_session(FT_SESSION_RELEASED, FT_ROLE_PRIMARY, "");
	ck_assert(may(false));
	assert_asked(2, 0);
	assert_stored(FT_SESSION_ENDED, "alpha");
}
END_TEST

START_TEST(who_has_resigned_does_not_claim)
{
	put_session(FT_SESSION_RESIGNED, FT_ROLE_PRIMARY, "");
	plays.claim = FT_CLAIM_WON; /* by a claim from before it resigned, perhaps */
	ck_assert(!may(false));
	assert_said("the other may run the guest");
	assert_said("--confirm-fenced");
	assert_asked(0, 0);
	assert_stored(FT_SESSION_RESIGNED, "");
}
END_TEST

START_TEST(who_has_resigned_and_is_vouched_for_takes_the_register)
{
	put_session(FT_SESSION_RESIGNED, FT_ROLE_PRIMARY, "");
	plays.claim = FT_CLAIM_LOST;
	ck_assert(!may(true));
	assert_stored(FT_SESSION_ENDED, "beta");
	put_session(FT_SESSION_RESIGNED, FT_ROLE_PRIMARY, "");
	plays.claim = FT_CLAIM_WON;
	ck_assert(may(true));
	assert_stored(FT_SESSION_ENDED, "alpha");
	assert_asked(2, 0);
}
END_TEST

START_TEST(the_arbiter_fence_is_never_set_off_by_a_start)
{
	static const enum ft_session_stage stages[] = {FT_SESSION_BOUND, FT_SESSION_RELEASED, FT_SESSION_RESIGNED};
	config.arbiter.type = FT_ARBITER_FENCE;
	plays.claim = FT_CLAIM_WON;
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		put_session(stages[i], FT_ROLE_SECONDARY, "");
		ck_assert(!may(false));
		assert_said("--confirm-fenced");
		ck_assert(may(true));
		assert_stored(stages[i], "");
	}
	assert_asked(0, 0);
}
END_TEST

START_TEST(a_fence_behind_the_arbiter_ends_a_primary_that_was_not_ours)
{
	plays.claim = FT_CLAIM_WON;
	put_session(FT_SESSION_BOUND, FT_ROLE_SECONDARY, "");
	ck_assert(!may_with_fence(false));
	assert_said("the agent exited with 1");
	int tries = plays.fences;
	ck_assert_int_ge(tries, 1);
	ck_assert(!may_with_fence(false));
	ck_assert_int_gt(plays.fences, tries); /* asked again, it is fenced again */
	plays.fence = true;
	plays.fences = 0;
	ck_assert(may_with_fence(false));
	ck_assert_int_eq(plays.fences, 1);
	assert_stored(FT_SESSION_ENDED, "alpha");

	put_session(FT_SESSION_BOUND, FT_ROLE_PRIMARY, "");
	ck_assert(may_with_fence(false));
	put_session(FT_SESSION_BOUND, FT_ROLE_SECONDARY, "");
	ck_assert(may_with_fence(true));
	ck_assert_int_eq(plays.fences, 1);
}
END_TEST

/* Whoever asks may ask again.  _i: the marks could not be read either, which an open session does without; 2: it is won, and the
 * fence fails, as long after that as it takes to read the verdict again. */
START_TEST(a_claim_that_fails_is_not_tried_again_while_an_ftd_waits_for_the_lock)
{
	int64_t begun = plays.now;
	plays.past = _i ? FT_CLAIM_UNREACHABLE : FT_CLAIM_NOT_NEEDED;
	plays.claim = _i == 2 ? FT_CLAIM_WON : FT_CLAIM_UNREACHABLE;
	title = _i == 2 ? FT_TITLE_UNFENCED : FT_TITLE_REGISTER;
	put_session(_i == 2 ? FT_SESSION_ENDED : FT_SESSION_BOUND, FT_ROLE_SECONDARY, _i == 2 ? "alpha" : "");
	ck_assert(!may_with_fence(false));
	assert_said(_i == 2 ? "the agent exited with 1" : "storage is gone");
	ck_assert_int_eq(plays.claims, _i < 2);
	ck_assert_int_eq(plays.fences, _i == 2);
	ck_assert_int_le(plays.now - begun, 2000 * FT_NS_PER_MS);
}
END_TEST

/* Longer than the question is kept open for others. */
START_TEST(a_fence_that_works_late_is_a_yes)
{
	plays.claim = FT_CLAIM_WON;
	plays.fence = true;
	plays.fence_takes = 60000 * FT_NS_PER_MS;
	put_session(FT_SESSION_BOUND, FT_ROLE_SECONDARY, "");
	ck_assert(may_with_fence(false));
	assert_stored(FT_SESSION_ENDED, "alpha");
}
END_TEST

/* By its word; a person may have let the giver go on since. */
START_TEST(what_the_peer_has_given_is_claimed)
{
	struct ft_session s = {.stage = FT_SESSION_ENDED,
	                       .id = {7},
	                       .epoch = 3,
	                       .role = FT_ROLE_PRIMARY,
	                       .instance = 1,
	                       .peer = "beta",
	                       .winner = "alpha",
	                       .title = FT_TITLE_WORD};
	char *text = ft_session_file_text(&s, config.pair, config.node);
	put(FT_SESSION_FILE, text);
	plays.claim = FT_CLAIM_UNREACHABLE;
	ck_assert(!may(false));
	plays.claims = 0;
	plays.claim = FT_CLAIM_LOST;
	ck_assert(!may(false));
	assert_stored(FT_SESSION_ENDED, "beta");
	put(FT_SESSION_FILE, text);
	plays.claim = FT_CLAIM_WON;
	ck_assert(may(false));
	assert_stored(FT_SESSION_ENDED, "alpha");
	assert_asked(2, 0);
	ck_assert(may(false)); /* and it is known for good */
	assert_asked(2, 0);
	free(text);
}
END_TEST

/* _i: the one that stands still for the peer since. */
START_TEST(where_its_qemu_still_is_no_second_one_starts)
{
	uint64_t us = ft_instance_of(getpid());
	struct ft_session s = {
	    .stage = FT_SESSION_ENDED,
	    .id = {7},
	    .role = FT_ROLE_PRIMARY,
	    .instance = _i ? 1 : us,
	    .yielded = _i ? us : 0,
	    .yielded_as = _i ? FT_ROLE_SECONDARY : FT_ROLE_NONE,
	    .peer = "beta",
	    .winner = "alpha",
	};
	char *text = ft_session_file_text(&s, config.pair, config.node), words[32];
	put(FT_SESSION_FILE, text);
	ck_assert(!may(true));
	snprintf(words, sizeof(words), "process %d", (int)getpid());
	assert_said(words);
	free(text);
}
END_TEST

START_TEST(a_right_that_cannot_be_stored_is_none)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/." FT_SESSION_FILE ".new", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0); /* where the new file would be written */
	put_session(FT_SESSION_BOUND, FT_ROLE_PRIMARY, "");
	plays.claim = FT_CLAIM_WON;
	ck_assert(!may(false));
	assert_said("could not be stored");
	assert_stored(FT_SESSION_BOUND, "");
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert(may(false));
}
END_TEST

/* ---- as ftctl asks it ---- */

START_TEST(without_an_arbiter_it_says_what_that_means)
{
	config.arbiter.type = FT_ARBITER_NONE;
	put_session(FT_SESSION_ENDED, FT_ROLE_PRIMARY, "beta");
	ck_assert_int_eq(ft_may_start(&config, false, why), 0);
	assert_said("nothing excludes two masters");
}
END_TEST

START_TEST(of_two_hosts_one_may_by_the_real_register)
{
	char register_dir[80], beta_dir[80];
	snprintf(register_dir, sizeof(register_dir), "%s/register", dir);
	snprintf(beta_dir, sizeof(beta_dir), "%s/beta", dir);
	ck_assert_int_eq(mkdir(register_dir, 0700), 0);
	ck_assert_int_eq(mkdir(beta_dir, 0700), 0);
	snprintf(config.arbiter.path, sizeof(config.arbiter.path), "%s", register_dir);
	put_session(FT_SESSION_BOUND, FT_ROLE_PRIMARY, "");
	ck_assert(!may_by_the_real_arbiter()); /* the storage may not be mounted */
	assert_said("no mark of \"alpha\"");
	put("register/vm1@alpha", "");
	put("register/vm1@beta", "");
	put_session(FT_SESSION_BOUND, FT_ROLE_PRIMARY, "");
	ck_assert_int_eq(ft_may_start(&config, false, why), 0);
	ck_assert_int_eq(ft_may_start(&config, false, why), 0); /* and so it stays */
	assert_stored(FT_SESSION_ENDED, "alpha");
	put("register/07000000000000000000000000000000-verdict", "claimed by beta at 2026-11-28T12:00:00Z\n");
	ck_assert_int_eq(ft_may_start(&config, false, why), 1); /* until it has been given back */
	assert_said("no: the other side ended the last session");

	strcpy(config.node, "beta");
	strcpy(config.arbiter.node, "beta");
	put_session(FT_SESSION_BOUND, FT_ROLE_SECONDARY, "");
	ck_assert_int_eq(ft_may_start(&config, false, why), 1);
	assert_said("no: the other side ended the last session");
	put_session(FT_SESSION_RESIGNED, FT_ROLE_SECONDARY, "");
	ck_assert_int_eq(ft_may_start(&config, true, why), 1);
	assert_stored(FT_SESSION_ENDED, "alpha");
}
END_TEST

static void put_agent(void)
{
	char text[128], path[128];
	snprintf(text, sizeof(text), "#!/bin/sh\ncat > %s/fenced\n", dir);
	put("agent", text);
	snprintf(path, sizeof(path), "%s/agent", dir);
	ck_assert_int_eq(chmod(path, 0700), 0);
	snprintf(config.arbiter.fence.agent, sizeof(config.arbiter.fence.agent), "%s", path);
	config.arbiter.fence.timeout_ms = 20000;
}

static bool is_fenced(void)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/fenced", dir);
	return access(path, F_OK) == 0;
}

/* _i: the guest was ours, and the other side its secondary. */
START_TEST(a_real_fence_powers_off_who_was_the_primary)
{
	put_agent();
	put("vm1@alpha", "");
	put("vm1@beta", "");
	put_session(FT_SESSION_BOUND, _i ? FT_ROLE_PRIMARY : FT_ROLE_SECONDARY, "");
	ck_assert_msg(may_by_the_real_arbiter(), "%s", why);
	ck_assert(is_fenced() == !_i);
	assert_stored(FT_SESSION_ENDED, "alpha");
}
END_TEST

/* It was given to us by the peer's word, before the arbiter was a fence alone; the detection time is longer than an ftd starts. */
START_TEST(a_real_fence_that_keeps_no_register_is_not_set_off_to_write_down_a_win)
{
	struct ft_session s = {.stage = FT_SESSION_ENDED,
	                       .id = {7},
	                       .epoch = 3,
	                       .role = FT_ROLE_PRIMARY,
	                       .instance = 1,
	                       .peer = "beta",
	                       .winner = "alpha",
	                       .title = FT_TITLE_WORD};
	char *text = ft_session_file_text(&s, config.pair, config.node);
	put(FT_SESSION_FILE, text);
	free(text);
	put_agent();
	config.arbiter.type = FT_ARBITER_FENCE;
	config.heartbeat.interval_ms = 1000;
	config.heartbeat.lost_after = 10;
	ck_assert(!may_by_the_real_arbiter());
	assert_said("a fence keeps no register to ask");
	ck_assert(!is_fenced());
	assert_stored(FT_SESSION_ENDED, "alpha");
}
END_TEST

START_TEST(a_real_arbiter_that_is_gone_is_said)
{
	snprintf(config.arbiter.path, sizeof(config.arbiter.path), "%s/nothing", dir);
	put_session(FT_SESSION_BOUND, FT_ROLE_PRIMARY, "");
	ck_assert(!may_by_the_real_arbiter());
	assert_said("out of reach");
	assert_said("nothing");
	assert_stored(FT_SESSION_BOUND, "");
}
END_TEST

static void play_daemon(void *arg, const char *verb, const json_t *request, struct ft_call *call)
{
	(void)arg;
	ck_assert_str_eq(verb, "may-start");
	if (json_is_true(json_object_get(request, "confirm_fenced")))
		ft_call_answer(call, 0, json_string("yes: the daemon says so"), NULL);
	else
		ft_call_answer(call, 1, NULL, "no: the daemon says so");
}

/* A daemon that holds the lock, and serves if told to. Returns its process. */
static pid_t start_daemon(bool serves)
{
	int ready[2];
	char byte;
	ck_assert_int_eq(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct event_base *base = event_base_new();
		bool fresh;
		int lock = ft_lock_state_dir(dir, &fresh, stderr);
		bool good = lock >= 0 && (!serves || ft_control_new(base, &config, play_daemon, NULL, stderr) != NULL);
		if (!good || write(ready[1], "", 1) != 1)
			_exit(1);
		event_base_dispatch(base);
		for (;;)
			pause();
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

START_TEST(a_running_daemon_answers_for_itself)
{
	pid_t daemon = start_daemon(true);
	put_session(FT_SESSION_BOUND, FT_ROLE_PRIMARY, "");
	ck_assert_int_eq(ft_may_start(&config, false, why), 1);
	ck_assert_str_eq(why, "no: the daemon says so");
	ck_assert_int_eq(ft_may_start(&config, true, why), 0);
	ck_assert_str_eq(why, "yes: the daemon says so");
	assert_stored(FT_SESSION_BOUND, "");
	end(daemon);
}
END_TEST

START_TEST(a_lock_whose_holder_is_silent_is_no_licence)
{
	char words[32];
	pid_t daemon = start_daemon(false);
	ck_assert_int_eq(ft_may_start(&config, true, why), 3);
	snprintf(words, sizeof(words), "process %d", (int)daemon);
	assert_said(words);
	assert_said("no ftd listens");
	end(daemon);
}
END_TEST

START_TEST(ftctl_passes_it_on)
{
	char *out = NULL, *errors = NULL;
	size_t size;
	FILE *o = open_memstream(&out, &size), *e = open_memstream(&errors, &size);
	pid_t daemon = start_daemon(true);
	char words[][20] = {"ftctl", "-s", "may-start", "--json", "--confirm-fenced"};
	char *no[] = {words[0], words[1], config.control_socket, words[2], NULL};
	char *yes[] = {words[0], words[1], config.control_socket, words[2], words[3], words[4], NULL};
	ck_assert_int_eq(ft_ctl_run(4, no, o, e), 1);
	ck_assert_int_eq(ft_ctl_run(6, yes, o, e), 0);
	fclose(o);
	fclose(e);
	ck_assert_str_eq(out, "{\"result\":\"yes: the daemon says so\",\"code\":0}\n");
	ck_assert_str_eq(errors, "ftctl: no: the daemon says so\n");
	free(out);
	free(errors);
	end(daemon);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("may_start");
	TCase *c = tcase_create("may_start");
	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, no_session_hinders_only_where_one_may_have_been);
	tcase_add_test(c, a_session_that_the_arbiter_remembers_was_lost_here);
	tcase_add_loop_test(c, a_session_after_ours_is_remembered_by_the_arbiter, 0, 3);
	tcase_add_test(c, an_unknown_session_is_a_persons_to_judge);
	tcase_add_test(c, an_ended_session_is_whose_it_is);
	tcase_add_loop_test(c, a_winner_that_the_verdict_does_not_name_may_not_start, 0, 3);
	tcase_add_loop_test(c, a_verdict_out_of_reach_means_no_unless_a_person_vouches, 0, 2);
	tcase_add_test(c, a_win_after_its_own_word_needs_the_verdict_or_a_person);
	tcase_add_test(c, what_was_given_since_the_win_is_no_licence);
	tcase_add_test(c, the_arbiter_fence_has_no_verdict);
	tcase_add_test(c, a_bound_session_is_claimed_and_the_winner_stored);
	tcase_add_test(c, a_claim_waits_until_earlier_rights_are_over);
	tcase_add_test(c, a_claim_waits_for_the_sessions_own_detection_time);
	tcase_add_loop_test(c, a_win_that_is_not_complete_is_completed_first, 0, 2);
	tcase_add_test(c, an_arbiter_out_of_reach_means_no_unless_a_person_vouches);
	tcase_add_test(c, a_released_session_is_the_primarys);
	tcase_add_test(c, who_has_resigned_does_not_claim);
	tcase_add_test(c, who_has_resigned_and_is_vouched_for_takes_the_register);
	tcase_add_test(c, the_arbiter_fence_is_never_set_off_by_a_start);
	tcase_add_test(c, a_fence_behind_the_arbiter_ends_a_primary_that_was_not_ours);
	tcase_add_loop_test(c, a_claim_that_fails_is_not_tried_again_while_an_ftd_waits_for_the_lock, 0, 3);
	tcase_add_test(c, a_fence_that_works_late_is_a_yes);
	tcase_add_test(c, what_the_peer_has_given_is_claimed);
	tcase_add_loop_test(c, where_its_qemu_still_is_no_second_one_starts, 0, 2);
	tcase_add_test(c, a_right_that_cannot_be_stored_is_none);
	tcase_add_test(c, without_an_arbiter_it_says_what_that_means);
	tcase_add_test(c, of_two_hosts_one_may_by_the_real_register);
	tcase_add_test(c, a_real_arbiter_that_is_gone_is_said);
	tcase_add_loop_test(c, a_real_fence_powers_off_who_was_the_primary, 0, 2);
	tcase_add_test(c, a_real_fence_that_keeps_no_register_is_not_set_off_to_write_down_a_win);
	tcase_add_test(c, a_running_daemon_answers_for_itself);
	tcase_add_test(c, a_lock_whose_holder_is_silent_is_no_licence);
	tcase_add_test(c, ftctl_passes_it_on);
	suite_add_tcase(s, c);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
