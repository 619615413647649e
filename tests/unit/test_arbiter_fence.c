/* The fence: only an agent that exits with 0 in time has fenced; and no agent, however bad, holds ftd up. */
#include "arbiter/fence.h"
#include "base/clock.h"
#include "tests/arbiter/ask.h"
#include "tests/arbiter/no_process.h"
#include "tests/unit/skip.h"

#include <sys/stat.h>
#include <unistd.h>

#define DUMMY "/usr/sbin/fence_dummy"

static char dir[64];
static struct event_base *base;
static struct ft_fence_settings settings;
static struct ft_fence *fence;

static void set_up(void)
{
	strcpy(dir, "/tmp/ftd-test-fence.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	base = event_base_new();
	settings = (struct ft_fence_settings){.timeout_ms = LONG_MS};
	snprintf(settings.agent, sizeof(settings.agent), "%s/agent", dir);
	fence = NULL;
}

static void tear_down(void)
{
	char command[128];
	ft_fence_free(fence);
	event_base_free(base);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

/* The agent is a shell script with this body, run in dir. */
static void use_agent(const char *body)
{
	char text[1024];
	snprintf(text, sizeof(text), "#!/bin/sh\ncd %s\n%s\n", dir, body);
	write_file("agent", text, 0700);
}

static void add_option(const char *name, const char *value)
{
	struct ft_fence_option *o = &settings.options[settings.n_options++];
	snprintf(o->name, sizeof(o->name), "%s", name);
	snprintf(o->value, sizeof(o->value), "%s", value);
}

static void assert_content(const char *name, const char *expected)
{
	char path[128], text[4096];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s was never written", name);
	size_t len = fread(text, 1, sizeof(text) - 1, f);
	text[len] = '\0';
	fclose(f);
	ck_assert_str_eq(text, expected);
}

static bool exists(const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

struct ended {
	bool told;
	char fault[512], line[512];
};

static void on_done(void *arg, const char *fault, const char *last_line)
{
	struct ended *h = arg;
	ck_assert(!h->told);
	h->told = true;
	snprintf(h->fault, sizeof(h->fault), "%s", fault);
	snprintf(h->line, sizeof(h->line), "%s", last_line);
}

static struct ended run(enum ft_fence_action action)
{
	struct ended h = {0};
	if (fence == NULL)
		fence = ft_fence_new(base, &settings, stderr);
	ck_assert_ptr_nonnull(fence);
	ft_fence_run(fence, action, on_done, &h);
	ck_assert(!h.told);
	while (!h.told)
		ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
	return h;
}

static struct ended off(void)
{
	return run(FT_FENCE_OFF);
}

/* The agent's own processes are its own affair; the one that becomes the agent was there before. */
START_TEST(an_agent_is_run_where_no_process_can_be_had)
{
	use_agent("read a; echo \"$a\" > seen");
	fence = ft_fence_new(base, &settings, stderr);
	ck_assert_ptr_nonnull(fence);
	ft_fence_reserve(fence);
	no_process = true;
	struct ended e = run(FT_FENCE_STATUS);
	assert_says(e.fault, "cannot start a process");
	e = off();
	ck_assert_str_eq(e.fault, "");
	assert_content("seen", "action=off\n");
	e = off();
	assert_says(e.fault, "cannot start a process");
	no_process = false;
	e = off();
	ck_assert_str_eq(e.fault, "");
}
END_TEST

START_TEST(the_agent_gets_its_options_as_lines_and_an_empty_world)
{
	setenv("SECRET", "of the daemon", 1);
	use_agent(
	    "cat > options; env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= -e ^OLDPWD= | sort > env; echo \"$#\" > args;"
	    "ls /proc/self/fd > fds; echo Success: Powered OFF");
	add_option("ip", "10.0.0.250");
	add_option("plug", "a b=c; $(x)");
	struct ended h = off();
	ck_assert_str_eq(h.fault, "");
	ck_assert_str_eq(h.line, "Success: Powered OFF");
	assert_content("options", "action=off\nip=10.0.0.250\nplug=a b=c; $(x)\n");
	assert_content("env", "LC_ALL=C\n"
	                      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n");
	assert_content("args", "0\n");
	assert_content("fds", "0\n1\n2\n3\n"); /* 3: ls has the folder open */
	h = run(FT_FENCE_STATUS);
	assert_content("options", "action=status\nip=10.0.0.250\nplug=a b=c; $(x)\n");
}
END_TEST

START_TEST(a_password_comes_from_its_file)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/secret", dir);
	write_file("secret", "s3cret = word\n", 0600);
	use_agent("cat > options");
	add_option("password_file", path);
	ck_assert_str_eq(kept(off().fault), "");
	assert_content("options", "action=off\npassword=s3cret = word\n");
	unlink(path); /* later, while ftd runs */
	struct ended h = off();
	assert_says(h.fault, "secret: No such file");
}
END_TEST

START_TEST(any_other_exit_status_is_a_failure)
{
	use_agent("echo first; echo 'Failed: no such plug' >&2; exit 1");
	struct ended h = off();
	assert_says(h.fault, "exit status 1: Failed: no such plug");
	use_agent("exit 2");
	h = off();
	assert_says(h.fault, "exit status 2: no output");
}
END_TEST

/* Agents print their word before they are done, and may fail after it. */
START_TEST(success_in_words_alone_is_a_failure)
{
	use_agent("echo Success: Powered OFF; exit 1");
	struct ended h = off();
	assert_says(h.fault, "exit status 1: Success: Powered OFF");
	use_agent("echo Success: Powered OFF; kill -KILL $$");
	h = off();
	assert_says(h.fault, "died of signal 9: Success: Powered OFF");
}
END_TEST

/* docs/ft.conf.5 says so: nobody asks again, and an agent that lies is believed. */
START_TEST(exit_status_0_alone_is_believed)
{
	use_agent("grep action= >> asked; echo 'Failed: the power is still on' >&2; exit 0");
	struct ended h = off();
	ck_assert_str_eq(h.fault, "");
	ck_assert_str_eq(h.line, "Failed: the power is still on");
	assert_content("asked", "action=off\n");
}
END_TEST

START_TEST(an_agent_that_dies_has_failed)
{
	use_agent("echo on my way; kill -SEGV $$");
	struct ended h = off();
	assert_says(h.fault, "died of signal 11: on my way");
}
END_TEST

START_TEST(an_agent_that_hangs_has_failed_and_is_killed_with_its_family)
{
	settings.timeout_ms = 300;
	use_agent("trap '' TERM INT HUP\n(sleep 1; touch orphan_lives) & sleep 100");
	struct ended h = off();
	assert_says(h.fault, "not done after 300 ms");
	ft_fence_free(fence);
	fence = NULL;
	sleep(2);
	ck_assert(!exists("orphan_lives"));
}
END_TEST

START_TEST(an_agent_need_not_close_its_output_to_be_done)
{
	int64_t before = ft_clock_now();
	use_agent("sleep 60 & exit 0"); /* the child inherits the output */
	ck_assert_str_eq(kept(off().fault), "");
	ck_assert_int_lt(ft_clock_now() - before, 30000 * FT_NS_PER_MS);
}
END_TEST

START_TEST(a_flood_of_output_is_drained_and_only_its_end_is_kept)
{
	use_agent("yes 'a line of many' | head -c 15000000; printf 'and \\033[2J the end\\n\\n'; exit 3");
	struct ended h = off();
	assert_says(h.fault, "exit status 3: and ?[2J the end");
}
END_TEST

START_TEST(a_flood_without_end_holds_nobody_up)
{
	int beats = 0;
	settings.timeout_ms = 500;
	use_agent("exec yes");
	struct event *beat = heartbeat(base, &beats);
	struct ended h = off();
	assert_says(h.fault, "not done after 500 ms");
	ck_assert_int_gt(beats, 5);
	event_free(beat);
}
END_TEST

START_TEST(an_agent_that_reads_nothing_may)
{
	add_option("a", "b");
	use_agent("exec <&-; exit 0");
	ck_assert_str_eq(kept(off().fault), "");
}
END_TEST

START_TEST(a_program_that_cannot_be_run_has_failed)
{
	write_file("agent", "#!/no/such/interpreter\n", 0700);
	struct ended h = off();
	assert_says(h.fault, "cannot run it: No such file");
}
END_TEST

START_TEST(the_delay_comes_before_off_and_not_before_status)
{
	settings.delay_ms = 400;
	use_agent("exit 0");
	int64_t before = ft_clock_now();
	ck_assert_str_eq(kept(off().fault), "");
	ck_assert_int_ge(ft_clock_now() - before, 395 * FT_NS_PER_MS);
	settings.delay_ms = 600000;
	ft_fence_free(fence);
	fence = NULL;
	ck_assert_str_eq(kept(run(FT_FENCE_STATUS).fault), "");
}
END_TEST

START_TEST(a_cancelled_run_is_not_heard_of)
{
	struct ended h = {0};
	settings.delay_ms = 100;
	use_agent("touch ran");
	fence = ft_fence_new(base, &settings, stderr);
	ft_fence_run(fence, FT_FENCE_OFF, on_done, &h);
	ft_fence_cancel(fence);
	event_base_loopexit(base, &(struct timeval){.tv_usec = 300000});
	event_base_dispatch(base);
	ck_assert(!h.told && !exists("ran"));
}
END_TEST

START_TEST(doubtful_settings_are_refused_in_one_go)
{
	char *text = NULL;
	size_t len = 0;
	FILE *errors = open_memstream(&text, &len);
	char path[128];
	snprintf(path, sizeof(path), "%s/secret", dir);
	write_file("secret", "open to all\n", 0644);
	add_option("action", "on");
	add_option("a name", "x");
	add_option("plug", "1\naction=on");
	add_option("password_file", path);
	strcpy(settings.agent, "/no/such/agent");
	ck_assert_ptr_null(ft_fence_new(base, &settings, errors));
	fclose(errors);
	assert_says(text, "fence.agent \"/no/such/agent\"");
	assert_says(text, "fence.options.action: must be left out");
	assert_says(text, "fence.options.a name: is no name");
	assert_says(text, "fence.options.plug: holds control characters");
	assert_says(text, "chmod 600");
	free(text);
}
END_TEST

/* --- As the arbiter --- */

static struct ft_arbiter *arbiter_of_fence(void)
{
	struct ft_arbiter_settings s = {.type = FT_ARBITER_FENCE, .timeout_ms = 10, .fence = settings};
	struct ft_arbiter *a = ft_arbiter_new(base, &s, stderr);
	ck_assert_ptr_nonnull(a);
	return a;
}

static struct heard claim(struct ft_arbiter *a)
{
	return ask_claim(base, a, 1, "alpha");
}

START_TEST(who_has_powered_the_other_off_has_won)
{
	use_agent("cat > options; [ -e broken ] && { echo no power switch; exit 1; }; exit 0");
	struct ft_arbiter *a = arbiter_of_fence();
	struct heard v = claim(a);
	ck_assert_int_eq(v.claim, FT_CLAIM_WON);
	ck_assert_str_eq(v.name, "alpha");
	assert_content("options", "action=off\n");
	v = ask_who(base, a, 1);
	ck_assert_int_eq(v.what, FT_REGISTER_UNKNOWN);
	write_file("broken", "", 0600);
	v = claim(a);
	ck_assert_int_eq(v.claim, FT_CLAIM_UNREACHABLE);
	assert_says(v.error, "no power switch");
	ft_arbiter_free(a);
}
END_TEST

START_TEST(a_claim_is_won_by_the_exit_status_alone)
{
	use_agent("echo Success: Powered OFF; exit 1");
	struct ft_arbiter *a = arbiter_of_fence();
	struct heard v = claim(a);
	ck_assert_int_eq(v.claim, FT_CLAIM_UNREACHABLE);
	assert_says(v.error, "exit status 1: Success: Powered OFF");
	use_agent("grep action= >> asked; echo Status: ON; exit 0");
	v = claim(a);
	ck_assert_int_eq(v.claim, FT_CLAIM_WON);
	assert_content("asked", "action=off\n");
	ft_arbiter_free(a);
}
END_TEST

START_TEST(a_claim_with_an_agent_that_hangs_is_unreachable_in_time)
{
	settings.timeout_ms = 200;
	settings.delay_ms = 100;
	use_agent("sleep 100");
	struct ft_arbiter *a = arbiter_of_fence();
	ck_assert_int_eq(ft_arbiter_limit_ms(a), 300);
	ck_assert_int_eq(claim(a).claim, FT_CLAIM_UNREACHABLE);
	ck_assert_int_eq(claim(a).claim, FT_CLAIM_UNREACHABLE); /* and may be tried again */
	ft_arbiter_free(a);
}
END_TEST

START_TEST(a_check_asks_for_the_power_status)
{
	use_agent("grep -q action=status || exit 9; . ./now");
	struct ft_arbiter *a = arbiter_of_fence();
	write_file("now", "echo Status: ON; exit 0", 0600);
	struct heard v = ask_check(base, a);
	ck_assert_str_eq(v.error, "");
	ck_assert_str_eq(v.warning, "");
	write_file("now", "echo Status: OFF; exit 2", 0600);
	v = ask_check(base, a);
	ck_assert_str_eq(v.error, "");
	assert_says(v.warning, "is off");
	write_file("now", "echo Bad arguments; exit 2", 0600);
	v = ask_check(base, a);
	assert_says(v.error, "Bad arguments");
	ft_arbiter_free(a);
}
END_TEST

START_TEST(a_real_agent_does_it)
{
	char status[128];
	if (access(DUMMY, X_OK) != 0) {
		skipped("a real agent", "no " DUMMY " (Debian: fence-agents)");
		return;
	}
	strcpy(settings.agent, DUMMY);
	snprintf(status, sizeof(status), "%s/power", dir);
	add_option("type", "file");
	add_option("status_file", status);
	write_file("power", "on", 0600);
	struct ft_arbiter *a = arbiter_of_fence();
	struct heard v = ask_check(base, a);
	ck_assert_msg(v.error[0] == '\0' && v.warning[0] == '\0', "%s%s", v.error, v.warning);
	v = claim(a);
	ck_assert_msg(v.claim == FT_CLAIM_WON, "%s", v.error);
	assert_content("power", "off");
	v = ask_check(base, a);
	ck_assert_str_eq(v.error, "");
	assert_says(v.warning, "is off");
	ft_arbiter_free(a);
	strcpy(settings.options[0].value, "fail"); /* its power switch does nothing, and it says so */
	add_option("plug", "1");
	add_option("power_timeout", "1");
	a = arbiter_of_fence();
	v = claim(a);
	ck_assert_int_eq(v.claim, FT_CLAIM_UNREACHABLE);
	assert_says(v.error, "exit status");
	ft_arbiter_free(a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("arbiter fence");
	TCase *t = tcase_create("fence");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, the_agent_gets_its_options_as_lines_and_an_empty_world);
	tcase_add_test(t, an_agent_is_run_where_no_process_can_be_had);
	tcase_add_test(t, a_password_comes_from_its_file);
	tcase_add_test(t, any_other_exit_status_is_a_failure);
	tcase_add_test(t, success_in_words_alone_is_a_failure);
	tcase_add_test(t, exit_status_0_alone_is_believed);
	tcase_add_test(t, an_agent_that_dies_has_failed);
	tcase_add_test(t, an_agent_that_hangs_has_failed_and_is_killed_with_its_family);
	tcase_add_test(t, an_agent_need_not_close_its_output_to_be_done);
	tcase_add_test(t, a_flood_of_output_is_drained_and_only_its_end_is_kept);
	tcase_add_test(t, a_flood_without_end_holds_nobody_up);
	tcase_add_test(t, an_agent_that_reads_nothing_may);
	tcase_add_test(t, a_program_that_cannot_be_run_has_failed);
	tcase_add_test(t, the_delay_comes_before_off_and_not_before_status);
	tcase_add_test(t, a_cancelled_run_is_not_heard_of);
	tcase_add_test(t, doubtful_settings_are_refused_in_one_go);
	tcase_add_test(t, who_has_powered_the_other_off_has_won);
	tcase_add_test(t, a_claim_is_won_by_the_exit_status_alone);
	tcase_add_test(t, a_claim_with_an_agent_that_hangs_is_unreachable_in_time);
	tcase_add_test(t, a_check_asks_for_the_power_status);
	tcase_add_test(t, a_real_agent_does_it);
	suite_add_tcase(s, t);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
