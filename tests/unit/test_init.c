/* Process 1 of a pid namespace: orphans are reaped, signals passed on, and the child's end is the container's. */
#include "supervisor/init.h"
#include "tests/unit/skip.h"

#include <check.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#define PATIENCE_MS 20000

/* Runs body as process 1 of a namespace of its own, behind ft_init_be_two(). Returns what waitpid(2) says, -1: it cannot be
 * done here. */
static int run_as_first(void (*body)(void))
{
	int status = -1;
	pid_t helper = fork();
	if (helper == 0) {
		if (unshare(CLONE_NEWPID) != 0)
			_exit(99);
		pid_t first = fork();
		if (first == 0) {
			sigset_t blocked;
			sigemptyset(&blocked);
			sigaddset(&blocked, SIGTERM);
			sigaddset(&blocked, SIGUSR1);
			sigprocmask(SIG_BLOCK, &blocked, NULL);
			ft_init_be_two();
			body();
			_exit(98);
		}
		waitpid(first, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 97);
	}
	ck_assert_int_eq(waitpid(helper, &status, 0), helper);
	if (WEXITSTATUS(status) != 99)
		return WEXITSTATUS(status);
	skipped("ftd as process 1", "no pid namespace may be made here");
	return -1;
}

/* A grandchild whose parent ends before it: process 1 gets it. */
static void leave_an_orphan(void)
{
	int ends[2];
	pid_t orphan = 0;
	if (pipe(ends) != 0)
		_exit(1);
	pid_t parent = fork();
	if (parent == 0) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(0);
		_exit(write(ends[1], &pid, sizeof(pid)) == sizeof(pid) ? 0 : 1);
	}
	if (getpid() == 1 || read(ends[0], &orphan, sizeof(orphan)) != sizeof(orphan) ||
	    waitpid(parent, NULL, 0) != parent)
		_exit(2);
	for (int i = 0; i < PATIENCE_MS && kill(orphan, 0) == 0; i++)
		usleep(1000);
	_exit(kill(orphan, 0) != 0 && errno == ESRCH ? 7 : 3);
}

START_TEST(an_orphan_is_reaped_and_the_exit_code_handed_on)
{
	int code = run_as_first(leave_an_orphan);
	ck_assert(code == -1 || code == 7);
}
END_TEST

/* As `docker stop` does: to process 1. */
static void be_stopped(void)
{
	sigset_t wanted;
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGTERM);
	kill(1, SIGTERM);
	struct timespec patience = {.tv_sec = PATIENCE_MS / 1000};
	_exit(sigtimedwait(&wanted, NULL, &patience) == SIGTERM ? 8 : 4);
}

START_TEST(a_signal_is_passed_on)
{
	int code = run_as_first(be_stopped);
	ck_assert(code == -1 || code == 8);
}
END_TEST

static void be_killed(void)
{
	kill(getpid(), SIGKILL);
}

START_TEST(one_that_is_killed_ends_it_all)
{
	int code = run_as_first(be_killed);
	ck_assert(code == -1 || code == 128 + SIGKILL);
}
END_TEST

START_TEST(any_other_process_is_left_as_it_is)
{
	pid_t before = getpid();
	ft_init_be_two();
	ck_assert_int_eq(getpid(), before);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("init");
	TCase *c = tcase_create("init");
	tcase_set_timeout(c, 60);
	tcase_add_test(c, an_orphan_is_reaped_and_the_exit_code_handed_on);
	tcase_add_test(c, a_signal_is_passed_on);
	tcase_add_test(c, one_that_is_killed_ends_it_all);
	tcase_add_test(c, any_other_process_is_left_as_it_is);
	suite_add_tcase(s, c);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
