/* Real processes that are kept from running, and told to stop. */
#include "base/clock.h"
#include "process/freezer.h"
#include "tests/unit/cgroups.h"

#include <check.h>
#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct event_base *base;
static struct ft_freezer *freezer;
static struct ft_process process;
static struct cgroup cgroup;
static volatile unsigned long *count; /* of the child, which does nothing else */
static struct {
	int times;
	bool failed;
} told;

static void on_done(void *arg, const char *error)
{
	(void)arg;
	told.times++;
	told.failed = error != NULL;
	event_base_loopbreak(base);
}

/* A test that fails leaves no other way. */
static void end_child(void)
{
	if (process.pid > 0)
		kill(process.pid, SIGKILL);
	if (cgroup.dir[0] && cgroup_says(&cgroup, "freezer.state", "F"))
		cgroup_freeze(&cgroup, false);
	if (process.pid > 0)
		waitpid(process.pid, NULL, 0);
	ft_process_close(&process);
	cgroup_end(&cgroup);
}

static void set_up(void)
{
	base = event_base_new();
	freezer = ft_freezer_new(base, on_done, NULL);
	count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	told.times = 0;
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			++*count;
	}
	ck_assert_int_eq(ft_process_open(pid, &process), 0);
	atexit(end_child);
}

static void tear_down(void)
{
	end_child();
	ft_freezer_free(freezer);
	event_base_free(base);
}

static void freeze(int within_ms)
{
	ft_freezer_start(freezer, &process, within_ms * FT_NS_PER_MS);
	ck_assert_int_eq(told.times, 0); /* from the event loop only */
	event_base_dispatch(base);
	ck_assert_int_eq(told.times, 1);
}

static void stands_still(void)
{
	unsigned long then = *count;
	poll(NULL, 0, 100);
	ck_assert_uint_eq(*count, then);
}

START_TEST(a_busy_one)
{
	freeze(20000);
	ck_assert(!told.failed);
	stands_still();
}
END_TEST

/* As a paused container is: it cannot take the signal, and needs not. */
START_TEST(in_a_frozen_cgroup)
{
	static const char *const versions[] = {NULL, "freezer"};
	if (!cgroup_make(&cgroup, versions[_i]))
		return;
	cgroup_add(&cgroup, process.pid);
	cgroup_freeze(&cgroup, true);
	freeze(20000);
	ck_assert(!told.failed);
	cgroup_freeze(&cgroup, false);
	stands_still();
}
END_TEST

/* Its share of the CPU, one ms in a second, is used up: it is said to run, and does not. */
START_TEST(without_a_cpu)
{
	char root[256];
	bool v1 = cgroup_mount_point("cgroup", "cpu", root, sizeof root);
	if (!cgroup_make(&cgroup, v1 ? "cpu" : NULL))
		return;
	if (v1)
		cgroup_write(&cgroup, "cpu.cfs_period_us", "1000000");
	else
		cgroup_write(&cgroup, "../cgroup.subtree_control", "+cpu");
	cgroup_write(&cgroup, v1 ? "cpu.cfs_quota_us" : "cpu.max", v1 ? "1000" : "1000 1000000");
	cgroup_add(&cgroup, process.pid);
	poll(NULL, 0, 1500);
	freeze(150); /* sooner than it gets a CPU again, mostly */
	ck_assert(!told.failed);
	cgroup_write(&cgroup, v1 ? "cpu.cfs_quota_us" : "cpu.max", v1 ? "-1" : "max");
	stands_still();
}
END_TEST

START_TEST(who_has_died_is_not_frozen)
{
	kill(process.pid, SIGKILL);
	waitpid(process.pid, NULL, 0);
	freeze(20000);
	ck_assert(told.failed);
	ck_assert(ft_freezer_outlived(freezer));
	ft_process_close(&process);
}
END_TEST

/* That is no failure of ours to freeze it; that nothing was there to be frozen is. */
START_TEST(who_is_killed_meanwhile_is_outlived)
{
	ft_freezer_start(freezer, &process, 100 * FT_NS_PER_MS);
	kill(process.pid, SIGKILL);
	event_base_dispatch(base);
	ck_assert(!told.failed || ft_freezer_outlived(freezer));
	ft_freezer_start(freezer, &(struct ft_process)FT_PROCESS_NONE, 100 * FT_NS_PER_MS);
	event_base_dispatch(base);
	ck_assert(told.failed);
	ck_assert(!ft_freezer_outlived(freezer));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("freezer");
	TCase *c = tcase_create("freezer");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, a_busy_one);
	tcase_add_loop_test(c, in_a_frozen_cgroup, 0, 2);
	tcase_add_test(c, without_a_cpu);
	tcase_add_test(c, who_has_died_is_not_frozen);
	tcase_add_test(c, who_is_killed_meanwhile_is_outlived);
	suite_add_tcase(suite, c);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
