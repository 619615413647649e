/* What an earlier ftd's sentinel that will not end costs: protection, and not the event loop's time.  And an arbiter at which
 * nothing could be claimed is known before a claim is due. */
#include "supervisor/exclusion.h"

#include "base/clock.h"
#include "base/log.h"
#include "process/sentinel_child.h"

#include <check.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_NS (20000 * FT_NS_PER_MS) /* only a fault takes that long */

static struct event_base *base;
static struct ft_exclusion *exclusion;
static struct ft_process qemu;
static pid_t earlier;
static char dir[64];
static bool stubborn; /* the earlier sentinel hangs in the kernel */
static int kills;     /* SIGKILLs sent meanwhile */
static struct {
	int guard_changed, maybe_froze;
	bool froze_first;
	int away, back;
} told;

/* In place of the C library's. */
int pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned flags)
{
	if (sig == SIGKILL && stubborn) {
		kills++;
		return 0;
	}
	return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, info, flags);
}

static enum ft_claim claimed;
static int fences; /* that were done */

static void on_stored(void *arg, const char *error)
{
	(void)arg, (void)error;
}

static void on_claim(void *arg, enum ft_claim result, const char *text)
{
	(void)arg, (void)text;
	claimed = result;
}

static void on_fenced(void *arg, const char *error)
{
	(void)arg;
	ck_assert_str_eq(error, "");
	fences++;
}

static void on_marked(void *arg, uint64_t found, const char *error)
{
	(void)arg, (void)found, (void)error;
}

static void on_froze(void *arg, int64_t at)
{
	(void)arg;
	told.froze_first |= told.guard_changed == 0;
	told.maybe_froze += at == FT_NEVER;
}

static void on_guard_changed(void *arg)
{
	(void)arg;
	told.guard_changed++;
}

static void on_reach(void *arg, bool good, const char *what)
{
	(void)arg;
	ck_assert_ptr_nonnull(strstr(what, good ? "in reach again" : "out of reach: "));
	*(good ? &told.back : &told.away) += 1;
}

static pid_t start(void (*body)(int ready))
{
	int ready[2];
	char byte;
	ck_assert_int_eq(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		body(ready[1]);
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void be_qemu(int ready)
{
	if (write(ready, "", 1) != 1)
		_exit(1);
}

static void be_earlier(int ready)
{
	char path[128];
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
	snprintf(path, sizeof path, "%s/%s", dir, FT_SENTINEL_FILE);
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fcntl(fd, F_SETLK, &lock) != 0 || write(ready, "", 1) != 1)
		_exit(1);
}

static struct ft_config config;

static void open_exclusion(void)
{
	static const struct ft_exclusion_callbacks callbacks = {
	    .stored = on_stored,
	    .claimed = on_claim,
	    .fenced = on_fenced,
	    .looked = on_claim,
	    .marked = on_marked,
	    .sentinel_froze = on_froze,
	    .guard_changed = on_guard_changed,
	    .reach = on_reach,
	};
	struct ft_session session;
	exclusion = ft_exclusion_new(base, &config, NULL, &callbacks, NULL, &session, stderr);
	ck_assert_ptr_nonnull(exclusion);
}

static void set_up(void)
{
	strcpy(dir, "/tmp/ftd-test-exclusion.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	char log[96];
	snprintf(log, sizeof log, "%s/log", dir);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, STDERR_FILENO);
	close(fd);
	ft_log_init("test");
	base = event_base_new();
	ck_assert_int_eq(ft_process_open(start(be_qemu), &qemu), 0);
	earlier = start(be_earlier);
	snprintf(config.state_dir, sizeof config.state_dir, "%s", dir);
	snprintf(config.pair, sizeof config.pair, "vm1");
	snprintf(config.node, sizeof config.node, "alpha");
	config.arbiter =
	    (struct ft_arbiter_settings){.type = FT_ARBITER_FILE, .timeout_ms = 20000, .pair = "vm1", .node = "alpha"};
	snprintf(config.arbiter.path, sizeof config.arbiter.path, "%s/register", dir); /* not there yet */
	open_exclusion();
}

static void tear_down(void)
{
	char command[128];
	stubborn = false;
	ft_exclusion_free(exclusion, false);
	kill(earlier, SIGKILL);
	kill(qemu.pid, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	ft_process_close(&qemu);
	event_base_free(base);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void turn_loop(int ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
}

static bool publish(void)
{
	return ft_exclusion_publish(exclusion, &qemu, FT_NEVER, true);
}

static int count_logged(const char *text)
{
	static char log[65536];
	char path[96];
	int n = 0;
	snprintf(path, sizeof path, "%s/log", dir);
	FILE *f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	log[fread(log, 1, sizeof log - 1, f)] = '\0';
	fclose(f);
	for (const char *at = log; (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}

START_TEST(an_earlier_sentinel_is_relieved_and_its_last_blow_looked_for)
{
	ck_assert(publish() || told.guard_changed == 0);
	for (int64_t end = ft_clock_now() + PATIENCE_NS; told.maybe_froze == 0 && ft_clock_now() < end;)
		turn_loop(1);
	ck_assert_int_eq(told.maybe_froze, 1);
	ck_assert(!told.froze_first);
	ck_assert(publish());
	ck_assert_int_eq(waitpid(earlier, NULL, 0), earlier);
	ck_assert_int_eq(count_logged("cannot be ended"), 0);
}
END_TEST

START_TEST(an_earlier_sentinel_stays_while_only_it_may_know_the_limit)
{
	for (int i = 0; i < 50; i++) {
		ft_exclusion_publish(exclusion, &qemu, FT_NEVER, false);
		turn_loop(1);
	}
	ck_assert_int_eq(waitpid(earlier, NULL, WNOHANG), 0);
	ck_assert_int_eq(told.maybe_froze, 0);
}
END_TEST

START_TEST(one_that_cannot_be_ended_does_not_hold_up_the_loop)
{
	stubborn = true;
	int64_t begun = ft_clock_now();
	for (int i = 0; i < 100; i++) /* as after every step of the core */
		ck_assert(!publish());
	ck_assert_int_lt(ft_clock_now() - begun, 500 * FT_NS_PER_MS);
	ck_assert_int_le(kills, 1);
	int64_t longest = 0, turned = ft_clock_now();
	for (int64_t end = turned + 4000 * FT_NS_PER_MS; turned < end;) {
		turn_loop(1);
		ck_assert(!publish());
		int64_t now = ft_clock_now();
		longest = now - turned > longest ? now - turned : longest;
		turned = now;
	}
	ck_assert_int_lt(longest, 500 * FT_NS_PER_MS);
	ck_assert_int_le(kills, 12); /* ever more rarely */
	ck_assert_int_eq(count_logged("cannot be ended"), 1);
	ck_assert_int_eq(told.guard_changed + told.maybe_froze, 0);
	/* It ends after all, by itself or by a person's hand. */
	kill(earlier, SIGKILL);
	for (int64_t end = ft_clock_now() + PATIENCE_NS; told.maybe_froze == 0 && ft_clock_now() < end;)
		turn_loop(1);
	ck_assert_int_eq(told.guard_changed, 1);
	ck_assert_int_eq(told.maybe_froze, 1);
	ck_assert(!told.froze_first);
	ck_assert(publish());
	ck_assert_int_eq(count_logged("has ended"), 1);
}
END_TEST

static void make(const char *name, bool folder)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = folder ? mkdir(path, 0700) : open(path, O_WRONLY | O_CREAT, 0600);
	ck_assert_int_ge(fd, 0);
	if (!folder)
		close(fd);
}

static void wait_for_reach(bool reachable)
{
	const char *why;
	for (int64_t end = ft_clock_now() + PATIENCE_NS; ft_exclusion_reachable(exclusion, &why) != reachable;) {
		ck_assert_msg(ft_clock_now() < end, "%s", why);
		turn_loop(1);
	}
}

START_TEST(the_arbiter_is_tried_from_the_start_until_it_works)
{
	wait_for_reach(false);
	turn_loop(1500); /* it is tried again, and said no second time */
	ck_assert_int_eq(count_logged("the arbiter is out of reach"), 1);
	make("register", true);
	wait_for_reach(true);
	ck_assert_int_eq(count_logged("the arbiter is in reach again"), 1);
}
END_TEST

/* Nobody asks: it is looked at all the same, told once, and so is its return.  Nothing is written there meanwhile. */
START_TEST(an_arbiter_lost_later_is_news_within_seconds)
{
	char path[128], away[128];
	struct stat before, after;
	make("register", true);
	make("register/vm1@beta", false);
	ft_exclusion_meet(exclusion, "beta");
	turn_loop(1500);
	ck_assert_int_eq(told.away + told.back, 0);
	ft_exclusion_look_every(exclusion, 200, 60000);
	snprintf(path, sizeof path, "%s/register", dir);
	snprintf(away, sizeof away, "%s/elsewhere", dir);
	ck_assert_int_eq(stat(path, &before), 0);
	turn_loop(2000); /* several looks */
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_int_eq(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
	ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	ck_assert_int_eq(told.away + told.back, 0);
	ck_assert_int_eq(rename(path, away), 0); /* as a storage that is unmounted */
	wait_for_reach(false);
	turn_loop(1);
	ck_assert_int_eq(told.away, 1);
	turn_loop(3000);
	ck_assert_int_eq(told.away, 1);
	ck_assert_int_eq(rename(away, path), 0);
	wait_for_reach(true);
	turn_loop(1);
	ck_assert_int_eq(told.back, 1);
}
END_TEST

/* An agent that appends its action to a file, and does to it what the file "agent" says. */
static void write_agent(void)
{
	char path[128];
	snprintf(path, sizeof path, "%s/fence_agent", dir);
	FILE *f = fopen(path, "w");
	fprintf(f, "#!/bin/sh\ngrep action= >> %s/actions; . %s/agent\n", dir, dir);
	fclose(f);
	chmod(path, 0700);
	snprintf(config.arbiter.fence.agent, sizeof config.arbiter.fence.agent, "%s", path);
	config.arbiter.fence.timeout_ms = 20000;
}

static void set_agent(const char *script)
{
	char path[128];
	snprintf(path, sizeof path, "%s/agent", dir);
	FILE *f = fopen(path, "w");
	fprintf(f, "%s\n", script);
	fclose(f);
}

static int actions(const char *action)
{
	char path[128], line[64];
	int n = 0;
	snprintf(path, sizeof path, "%s/actions", dir);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		n += strstr(line, action) != NULL;
	if (f)
		fclose(f);
	return n;
}

static void wait_for_count(const int *count, int n)
{
	for (int64_t end = ft_clock_now() + PATIENCE_NS; *count < n && ft_clock_now() < end;)
		turn_loop(5);
	ck_assert_int_eq(*count, n);
}

/* As the arbiter, and behind a register. */
START_TEST(a_power_switch_lost_is_news_and_no_claim_waits_for_a_look_at_it)
{
	const char *why;
	bool behind = _i == 1;
	ft_exclusion_free(exclusion, false);
	write_agent();
	config.arbiter.type = behind ? FT_ARBITER_FILE : FT_ARBITER_FENCE;
	make("register", true);
	make("register/vm1@beta", false);
	set_agent("exit 0");
	open_exclusion();
	ft_exclusion_meet(exclusion, "beta");
	if (behind)
		turn_loop(1500); /* the trial */
	ft_exclusion_look_every(exclusion, 100, 100);
	for (int64_t end = ft_clock_now() + PATIENCE_NS; actions("status") < 2 && ft_clock_now() < end;)
		turn_loop(5);
	ck_assert_int_ge(actions("status"), 2);
	ck_assert_int_eq(told.away, 0);
	set_agent("exit 1");
	wait_for_count(&told.away, 1);
	ck_assert(!(behind ? ft_exclusion_power(exclusion, &why) : ft_exclusion_reachable(exclusion, &why)));
	ck_assert_ptr_nonnull(strstr(why, "fence_agent"));
	set_agent("exit 0");
	wait_for_count(&told.back, 1);
	/* One that hangs while it is looked at: the claim's own run is not held up. */
	int before = actions("status");
	set_agent("sleep 30");
	for (int64_t end = ft_clock_now() + PATIENCE_NS; actions("status") == before && ft_clock_now() < end;)
		turn_loop(5);
	set_agent("exit 0");
	claimed = FT_CLAIM_COUNT;
	fences = 0;
	int64_t asked = ft_clock_now();
	ft_exclusion_claim(exclusion, (const uint8_t[FT_SESSION_BYTES]){1}, true);
	while (claimed == FT_CLAIM_COUNT && ft_clock_now() < asked + PATIENCE_NS)
		turn_loop(5);
	ck_assert_int_eq(claimed, FT_CLAIM_WON);
	if (behind)
		ft_exclusion_fence(exclusion);
	while (behind && fences == 0 && ft_clock_now() < asked + PATIENCE_NS)
		turn_loop(5);
	ck_assert_int_lt(ft_clock_now() - asked, 10000 * FT_NS_PER_MS);
	ck_assert_int_eq(actions("off"), 1);
}
END_TEST

START_TEST(of_a_new_peer_it_is_known_whether_it_shares_the_storage)
{
	make("register", true);
	ft_exclusion_meet(exclusion, "beta");
	wait_for_reach(false);
	ck_assert_int_eq(count_logged("no mark of \"beta\""), 1); /* and ours is there */
	make("register/vm1@beta", false);
	wait_for_reach(true);
}
END_TEST

static void on_checked(void *arg, const char *fault, const char *warning)
{
	(void)warning;
	snprintf(arg, FT_TEXT_MAX, "%s.", fault);
}

START_TEST(a_check_is_not_answered_by_a_trial_that_began_before_it)
{
	char answer[FT_TEXT_MAX] = "";
	turn_loop(0);
	usleep(100000); /* the trial's process finds nothing there, and has not been heard yet */
	make("register", true);
	ft_exclusion_check(exclusion, on_checked, answer);
	for (int64_t end = ft_clock_now() + PATIENCE_NS; !answer[0] && ft_clock_now() < end;)
		turn_loop(1);
	ck_assert_str_eq(answer, ".");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("exclusion");
	TCase *c = tcase_create("exclusion");
	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, an_earlier_sentinel_is_relieved_and_its_last_blow_looked_for);
	tcase_add_test(c, an_earlier_sentinel_stays_while_only_it_may_know_the_limit);
	tcase_add_test(c, one_that_cannot_be_ended_does_not_hold_up_the_loop);
	tcase_add_test(c, the_arbiter_is_tried_from_the_start_until_it_works);
	tcase_add_test(c, an_arbiter_lost_later_is_news_within_seconds);
	tcase_add_loop_test(c, a_power_switch_lost_is_news_and_no_claim_waits_for_a_look_at_it, 0, 2);
	tcase_add_test(c, of_a_new_peer_it_is_known_whether_it_shares_the_storage);
	tcase_add_test(c, a_check_is_not_answered_by_a_trial_that_began_before_it);
	suite_add_tcase(s, c);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
