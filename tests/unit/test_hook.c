/* The notify hook: what it gets, that it is one at a time, and that a late one goes, family and all. */
#include "base/clock.h"
#include "base/log.h"
#include "report/hook.h"
#include "tests/arbiter/no_process.h"

#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static struct event_base *base;
static struct ft_hooks *hooks;
static struct ft_hook_settings config;
static char dir[64], script[80];

static void use_script(const char *body)
{
	FILE *f = fopen(script, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "#!/bin/sh\ncd %s\n%s\n", dir, body);
	fclose(f);
	ck_assert_int_eq(chmod(script, 0700), 0);
}

static void set_up(void)
{
	static char argument[] = "an argument; not a shell";
	strcpy(dir, "/tmp/ftd-test-hook.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(script, sizeof(script), "%s/hook", dir);
	config = (struct ft_hook_settings){.pair = "vm1", .node = "alpha", .argc = 2, .timeout_ms = 20000};
	config.argv[0] = script;
	config.argv[1] = argument;
	base = event_base_new();
	hooks = ft_hooks_new(base, &config);
}

static void tear_down(void)
{
	char command[128];
	ft_hooks_free(hooks, 0);
	event_base_free(base);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void run_json(const char *event, const char *what, const char *json)
{
	struct ft_hook_event e = {.event = event,
	                          .state_old = "protected",
	                          .state = what,
	                          .role = "secondary",
	                          .reason = "links silent",
	                          .result = what,
	                          .epoch = 7,
	                          .json = json};
	ft_hooks_run(hooks, &e);
}

static void run(const char *event, const char *what)
{
	run_json(event, what, "{}\n");
}

/* A file in dir; NULL if there is none yet. The caller frees. */
static char *content(const char *name)
{
	char path[160];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "r");
	if (f == NULL)
		return NULL;
	char *text = calloc(1, 1 << 20);
	if (fread(text, 1, (1 << 20) - 1, f) == 0)
		ck_assert(feof(f));
	fclose(f);
	return text;
}

static void assert_content(const char *name, const char *expected)
{
	char *text = content(name);
	ck_assert_msg(text != NULL, "%s was never written", name);
	ck_assert_str_eq(text, expected);
	free(text);
}

/* Lets the loop run until the file is there. */
static void wait_for_file(const char *name)
{
	int64_t end = ft_clock_now() + 20000 * FT_NS_PER_MS;
	char path[160];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	while (access(path, F_OK) != 0 && ft_clock_now() < end) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
	ck_assert_msg(access(path, F_OK) == 0, "%s was never written", name);
}

/* Runs everything that waits, to its end. */
static void finish(void)
{
	ft_hooks_free(hooks, 20000);
	hooks = NULL;
}

static bool may_run(void *arg)
{
	return *(bool *)arg;
}

START_TEST(it_waits_until_a_process_can_be_had)
{
	use_script("echo \"$FT_STATE\" >> seen");
	no_process = true;
	run("state", "suspect");
	run("state", "solo");
	for (int i = 0; i < 300; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(5000);
	}
	no_process = false;
	wait_for_file("seen");
	finish();
	assert_content("seen", "suspect\nsolo\n");
}
END_TEST

/* What a claim takes is had first. */
START_TEST(it_waits_while_a_process_is_needed_more_urgently)
{
	bool may = false;
	use_script("echo \"$FT_STATE\" >> seen");
	ft_hooks_yield_to(hooks, may_run, &may);
	run("state", "suspect");
	run("state", "solo");
	for (int i = 0; i < 60; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(5000);
	}
	char *seen = content("seen");
	ck_assert_ptr_null(seen);
	may = true;
	wait_for_file("seen");
	finish();
	assert_content("seen", "suspect\nsolo\n");
}
END_TEST

START_TEST(the_hook_gets_environment_arguments_and_json)
{
	setenv("SECRET", "of the daemon", 1);
	use_script(
	    "env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= -e ^OLDPWD= | sort > env; echo \"$#:$1\" > args; cat > json");
	run_json("state", "suspect", "{\"state\":\"suspect\"}");
	finish();
	assert_content("env", "FT_EPOCH=7\nFT_EVENT=state\nFT_NODE=alpha\nFT_PAIR=vm1\nFT_REASON=links silent\n"
	                      "FT_RESULT=suspect\nFT_ROLE=secondary\nFT_STATE=suspect\nFT_STATE_OLD=protected\n"
	                      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n");
	assert_content("args", "1:an argument; not a shell\n");
	assert_content("json", "{\"state\":\"suspect\"}");
}
END_TEST

START_TEST(json_larger_than_a_pipe_reaches_a_hook_that_reads_late)
{
	enum { LEN = 300000 };
	char *json = malloc(LEN + 1);
	memset(json, 'j', LEN);
	json[LEN] = '\0';
	use_script("sleep 0.05; wc -c > size");
	run_json("outcome", "success", json);
	free(json);
	finish();
	assert_content("size", "300000\n");
}
END_TEST

START_TEST(hooks_run_one_at_a_time_in_order)
{
	use_script("mkdir running || echo overlap >> log; echo $FT_STATE >> log; sleep 0.02; rmdir running");
	run("state", "suspect");
	run("state", "claiming");
	run("outcome", "success");
	run("state", "solo");
	finish();
	assert_content("log", "suspect\nclaiming\nsuccess\nsolo\n");
}
END_TEST

START_TEST(running_a_hook_returns_at_once_and_the_loop_reaps_it)
{
	use_script("echo $FT_STATE >> log; [ $FT_STATE = last ] && touch done; exit 3");
	run("state", "first");
	run("state", "last"); /* started by the loop, when it has seen the first one end */
	wait_for_file("done");
	assert_content("log", "first\nlast\n");
}
END_TEST

START_TEST(a_late_hook_is_killed_with_its_whole_group)
{
	config.timeout_ms = 300;
	ft_hooks_reconfigure(hooks, &config);
	use_script("[ $FT_STATE = next ] && touch next && exit\n"
	           "trap '' TERM INT HUP\nsleep 1000 &\necho $! > pid.tmp; mv pid.tmp pid; wait; sleep 1000");
	run("state", "suspect");
	run("state", "next");
	wait_for_file("pid");
	char *text = content("pid");
	pid_t grandchild = (pid_t)atoi(text);
	free(text);
	ck_assert_int_gt(grandchild, 0);
	wait_for_file("next"); /* only after the late one was gone */

	char path[64], state = 'R';
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)grandchild);
	for (int i = 0; i < 5000 && state != 'Z'; i++) {
		FILE *f = fopen(path, "r");
		if (f == NULL || fscanf(f, "%*d %*s %c", &state) != 1)
			state = 'Z';
		if (f != NULL)
			fclose(f);
		usleep(1000);
	}
	ck_assert_int_eq(state, 'Z'); /* or gone */
}
END_TEST

START_TEST(waiting_state_events_make_room_for_outcomes)
{
	use_script("while ! [ -e go ]; do sleep 0.01; done; echo $FT_EVENT $FT_STATE >> log");
	run("state", "running");
	char name[24], expected[4096] = "state running\n";
	for (int i = 0; i < FT_HOOKS_WAITING_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		run("state", name);
	}
	run("outcome", "success"); /* makes 0 go */
	run("state", "solo");      /* makes 1 go */
	char path[160];
	snprintf(path, sizeof(path), "%s/go", dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	for (int i = 2; i < FT_HOOKS_WAITING_MAX; i++)
		sprintf(expected + strlen(expected), "state %d\n", i);
	strcat(expected, "outcome success\nstate solo\n");
	finish();
	assert_content("log", expected);
}
END_TEST

START_TEST(no_state_event_ever_takes_an_outcomes_place)
{
	use_script("while ! [ -e go ]; do sleep 0.01; done; echo $FT_EVENT $FT_STATE >> log");
	run("state", "running");
	char name[24], expected[4096] = "state running\n";
	for (int i = 0; i < FT_HOOKS_WAITING_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		run("outcome", name);
	}
	run("state", "solo");     /* no room */
	run("outcome", "newest"); /* in place of outcome 0 */
	char path[160];
	snprintf(path, sizeof(path), "%s/go", dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	for (int i = 1; i < FT_HOOKS_WAITING_MAX; i++)
		sprintf(expected + strlen(expected), "outcome %d\n", i);
	strcat(expected, "outcome newest\n");
	finish();
	assert_content("log", expected);
}
END_TEST

START_TEST(a_hook_that_cannot_run_does_not_stop_the_next)
{
	run("state", "suspect"); /* there is no script yet */
	for (int i = 0; i < 100; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
	use_script("touch ran");
	run("state", "solo");
	finish();
	assert_content("ran", "");
}
END_TEST

/* Standard error becomes a file, as a person would see it; what is in it then. */
static int log_to_file(void)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/log", dir);
	int before = dup(STDERR_FILENO), fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_ge(before, 0);
	ft_log_level(FT_LOG_INFO);
	ck_assert_int_ge(dup2(fd, STDERR_FILENO), 0);
	close(fd);
	return before;
}

static char *logged(int before)
{
	ft_log_level(FT_LOG_ERROR);
	dup2(before, STDERR_FILENO);
	close(before);
	return content("log");
}

START_TEST(what_a_hook_writes_is_in_the_log)
{
	int before = log_to_file();
	use_script("echo one; echo two >&2; printf '\\033[2Jthree'; (sleep 1; echo four; touch later) &");
	run("state", "suspect");
	wait_for_file("later");
	finish();
	char *log = logged(before);
	ck_assert_ptr_nonnull(strstr(log, "INFO hook: one\n"));
	ck_assert_ptr_nonnull(strstr(log, "INFO hook: two\n"));
	ck_assert_ptr_nonnull(strstr(log, "INFO hook: \\x1b[2Jthree\n"));
	ck_assert_ptr_nonnull(strstr(log, "INFO hook: four\n"));
	free(log);
}
END_TEST

/* A log that is full stops more than ftd. */
START_TEST(a_hook_that_floods_the_log_is_held_back)
{
	int lines = 0, before = log_to_file();
	config.timeout_ms = 2000;
	ft_hooks_reconfigure(hooks, &config);
	use_script("touch began; exec yes 'a line of a flood'");
	run("state", "suspect");
	wait_for_file("began");
	int64_t slowest = 0, end = ft_clock_now() + 1000 * FT_NS_PER_MS;
	for (int64_t begun; (begun = ft_clock_now()) < end; usleep(1000)) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		if (ft_clock_now() - begun > slowest)
			slowest = ft_clock_now() - begun;
	}
	finish();
	char *log = logged(before);
	for (const char *p = log; (p = strstr(p, "a line of a flood")) != NULL; p++)
		lines++;
	ck_assert_int_ge(lines, 100);
	ck_assert_int_le(lines, 400);
	ck_assert_ptr_nonnull(strstr(log, "killed after"));
	ck_assert_int_lt(slowest / FT_NS_PER_MS, 500); /* one turn of the loop reads little */
	free(log);
}
END_TEST

START_TEST(the_hook_inherits_no_file_no_mask_and_no_priority)
{
	sigset_t all;
	int held = open("/dev/null", O_RDONLY); /* no close-on-exec */
	ck_assert_int_gt(held, 2);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGPIPE, SIG_IGN);
	setpriority(PRIO_PROCESS, 0, 5);
	use_script("ls /proc/self/fd | wc -l > fds; grep -e ^SigBlk -e ^SigIgn /proc/self/status > signals");
	run("state", "suspect");
	finish();
	char *fds = content("fds");
	ck_assert_int_le(atoi(fds), 4); /* 0, 1, 2 and the directory that ls reads */
	free(fds);
	unsigned long long blocked = 1, ignored = 1;
	char *signals = content("signals");
	ck_assert_int_eq(sscanf(signals, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
	free(signals);
	ck_assert_uint_eq(blocked, 0);
	ck_assert_uint_eq(ignored & 0x7fffffff, 0); /* 32 and 33 are the C library's own */
	close(held);
}
END_TEST

START_TEST(without_a_hook_nothing_happens)
{
	struct ft_hook_settings none = {.timeout_ms = 1000};
	use_script("touch ran");
	ft_hooks_reconfigure(hooks, &none);
	run("state", "suspect");
	finish();
	ck_assert_ptr_null(content("ran"));
}
END_TEST

START_TEST(free_kills_what_does_not_end)
{
	use_script("echo $$ > pid.tmp; mv pid.tmp pid; exec sleep 1000");
	run("state", "suspect");
	wait_for_file("pid");
	char *text = content("pid");
	pid_t pid = (pid_t)atoi(text);
	free(text);
	ft_hooks_free(hooks, 10);
	hooks = NULL;
	ck_assert_int_eq(kill(pid, 0), -1);
	ck_assert_int_eq(errno, ESRCH);
}
END_TEST

int main(void)
{
	ft_log_level(FT_LOG_ERROR); /* the queue tests would fill the screen */
	Suite *s = suite_create("hook");
	TCase *c = tcase_create("hook");
	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, the_hook_gets_environment_arguments_and_json);
	tcase_add_test(c, it_waits_while_a_process_is_needed_more_urgently);
	tcase_add_test(c, it_waits_until_a_process_can_be_had);
	tcase_add_test(c, json_larger_than_a_pipe_reaches_a_hook_that_reads_late);
	tcase_add_test(c, hooks_run_one_at_a_time_in_order);
	tcase_add_test(c, running_a_hook_returns_at_once_and_the_loop_reaps_it);
	tcase_add_test(c, a_late_hook_is_killed_with_its_whole_group);
	tcase_add_test(c, waiting_state_events_make_room_for_outcomes);
	tcase_add_test(c, no_state_event_ever_takes_an_outcomes_place);
	tcase_add_test(c, a_hook_that_cannot_run_does_not_stop_the_next);
	tcase_add_test(c, what_a_hook_writes_is_in_the_log);
	tcase_add_test(c, a_hook_that_floods_the_log_is_held_back);
	tcase_add_test(c, the_hook_inherits_no_file_no_mask_and_no_priority);
	tcase_add_test(c, without_a_hook_nothing_happens);
	tcase_add_test(c, free_kills_what_does_not_end);
	suite_add_tcase(s, c);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
