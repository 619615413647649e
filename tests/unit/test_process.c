/* pidfds and /proc, with real children. */
#include "process/process.h"
#include "tests/unit/cgroups.h"
#include "tests/unit/skip.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000

static pid_t child;
static pid_t child_thread; /* a second thread of the child */

static void *sleep_on(void *arg)
{
	int *ready = arg;
	pid_t tid = gettid();
	if (write(*ready, &tid, sizeof tid) != sizeof tid)
		_exit(1);
	for (;;)
		pause();
}

/* A child with two threads and a name that a careless reader of /proc/PID/stat trips over. */
static void start_child(void)
{
	int ready[2];
	ck_assert_int_eq(pipe(ready), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		pthread_t thread;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "a) R (T) Z 1");
		if (pthread_create(&thread, NULL, sleep_on, &ready[1]) != 0)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &child_thread, sizeof child_thread), sizeof child_thread);
	close(ready[0]);
}

static void end_child(void)
{
	if (child <= 0)
		return;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	child = 0;
}

static bool comes_true(bool (*question)(const struct ft_process *), const struct ft_process *p, bool wanted)
{
	for (int i = 0; i < PATIENCE_MS; i++) {
		if (question(p) == wanted)
			return true;
		poll(NULL, 0, 1);
	}
	return false;
}

static bool is_dying(const struct ft_process *p)
{
	return ft_process_dying(p, NULL);
}

static bool denied;

/* In place of the C library's: a container's filter may say no. */
int pidfd_open(pid_t pid, unsigned flags)
{
	if (denied) {
		errno = EPERM;
		return -1;
	}
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

START_TEST(a_denied_pidfd_is_told_by_its_name)
{
	char *text = NULL;
	size_t size = 0;
	FILE *errors = open_memstream(&text, &size);
	ck_assert_int_eq(ft_process_try(errors), 0);
	denied = true;
	ck_assert_int_eq(ft_process_try(errors), -1);
	denied = false;
	fclose(errors);
	ck_assert_msg(strstr(text, "pidfd_open(2): Operation not permitted; ") == text, "%s", text);
	free(text);
}
END_TEST

START_TEST(stop_and_continue)
{
	struct ft_process p;
	ck_assert_int_eq(ft_process_open(child, &p), 0);
	ck_assert(ft_process_alive(&p));
	ck_assert(!ft_process_stopped(&p));
	ck_assert_int_eq(ft_process_signal(&p, SIGSTOP), 0);
	ck_assert(comes_true(ft_process_stopped, &p, true));
	ck_assert(ft_process_alive(&p));
	ck_assert(!ft_process_dying(&p, NULL));
	ck_assert_int_eq(ft_process_signal(&p, SIGCONT), 0);
	ck_assert(comes_true(ft_process_stopped, &p, false));
	ft_process_close(&p);
	ck_assert_int_eq(p.pid, 0);
	ck_assert_int_eq(p.pidfd, -1);
}
END_TEST

noreturn static void *spin(void *arg)
{
	volatile unsigned long *n = arg;
	for (;;)
		++*n;
}

/* A debugger holds one thread, and the other goes on: that is no freeze. */
START_TEST(one_thread_that_stands_still_is_not_the_process)
{
	struct ft_process p;
	pid_t two = fork();
	if (two == 0) {
		static unsigned long count;
		pthread_t other;
		pthread_create(&other, NULL, spin, &count);
		for (;;)
			pause();
	}
	ck_assert_int_eq(ft_process_open(two, &p), 0);
	poll(NULL, 0, 50);
	bool held = ptrace(PTRACE_SEIZE, two, NULL, NULL) == 0 && ptrace(PTRACE_INTERRUPT, two, NULL, NULL) == 0;
	if (held)
		ck_assert_int_eq(waitpid(two, NULL, __WALL), two);
	bool stopped = held && ft_process_stopped(&p);
	kill(two, SIGKILL);
	waitpid(two, NULL, __WALL);
	ft_process_close(&p);
	if (!held)
		skipped("a process of which one thread stands still", "ptrace is not allowed");
	ck_assert(!stopped);
}
END_TEST

START_TEST(an_unreaped_zombie_is_dead)
{
	struct ft_process p;
	ck_assert_int_eq(ft_process_open(child, &p), 0);
	ck_assert_int_eq(ft_process_signal(&p, 0), 0);
	ck_assert_int_eq(ft_process_signal(&p, SIGKILL), 0);
	struct pollfd died = {.fd = p.pidfd, .events = POLLIN};
	ck_assert_int_eq(poll(&died, 1, PATIENCE_MS), 1);
	ck_assert(!ft_process_alive(&p)); /* nobody has waited for it yet */
	ck_assert(!ft_process_stopped(&p));
	ck_assert(!ft_process_dying(&p, NULL));
	end_child();
	ck_assert(!ft_process_alive(&p));
	ck_assert_int_eq(ft_process_signal(&p, SIGKILL), -1);
	ck_assert_int_eq(errno, ESRCH);
	ft_process_close(&p);
}
END_TEST

START_TEST(a_stopped_process_can_be_killed)
{
	struct ft_process p;
	ck_assert_int_eq(ft_process_open(child, &p), 0);
	ck_assert_int_eq(ft_process_signal(&p, SIGSTOP), 0);
	ck_assert(comes_true(ft_process_stopped, &p, true));
	ck_assert_int_eq(ft_process_signal(&p, SIGKILL), 0);
	ck_assert(comes_true(ft_process_alive, &p, false));
	ft_process_close(&p);
}
END_TEST

START_TEST(threads_tell_whose_process_it_is)
{
	struct ft_process p, self;
	pid_t real = -1;
	ck_assert_int_eq(ft_process_open(child, &p), 0);
	ck_assert_int_eq(ft_process_open(getpid(), &self), 0);
	ck_assert(ft_process_owns_thread(&p, child_thread, &real));
	ck_assert_int_eq(real, child);
	ck_assert(ft_process_owns_thread(&p, child, &real));
	/* As if this test had passed its listening socket to the child. */
	ck_assert(!ft_process_owns_thread(&self, child_thread, &real));
	ck_assert_int_eq(real, child);
	ck_assert(!ft_process_owns_thread(&self, 0, &real));
	ck_assert_int_eq(real, 0);
	end_child();
	ck_assert(!ft_process_owns_thread(&p, child_thread, &real));
	ck_assert_int_eq(real, 0);
	ft_process_close(&p);
	ft_process_close(&self);
}
END_TEST

START_TEST(a_token_is_where_it_was_passed_to)
{
	struct ft_process p, self;
	ck_assert_int_eq(ft_process_open(child, &p), 0);
	ck_assert_int_eq(ft_process_open(getpid(), &self), 0);
	int token = ft_process_make_token(), other = ft_process_make_token();
	ck_assert_int_ge(token, 0);
	ck_assert_int_eq(ft_process_holds(&self, token), 1);
	ck_assert_int_eq(ft_process_holds(&p, token), 0);
	end_child();
	start_child(); /* a fork has both */
	ft_process_close(&p);
	ck_assert_int_eq(ft_process_open(child, &p), 0);
	close(other);
	ck_assert_int_eq(ft_process_holds(&p, token), 1);
	ck_assert_int_eq(ft_process_holds(&p, other), -1);
	end_child();
	ck_assert_int_le(ft_process_holds(&p, token), 0);
	close(token);
	ft_process_close(&p);
	ft_process_close(&self);
}
END_TEST

/* As a QEMU whose NIC has vhost=on has /dev/vhost-net. */
START_TEST(what_it_has_open_is_known_by_its_path)
{
	struct ft_process p, none = FT_PROCESS_NONE;
	char path[] = "/tmp/ftd-test-vhost.XXXXXX";
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ft_process_open(child, &p), 0);
	ck_assert_int_eq(ft_process_has_open(&p, path), 0);
	end_child();
	start_child(); /* a fork has it */
	ck_assert_int_eq(ft_process_has_open(&p, path), -1);
	ft_process_close(&p);
	ck_assert_int_eq(ft_process_open(child, &p), 0);
	ck_assert_int_eq(ft_process_has_open(&p, path), 1);
	ck_assert_int_eq(ft_process_has_open(&none, path), -1);
	unlink(path);
	close(fd);
	ft_process_close(&p);
}
END_TEST

START_TEST(its_memory_and_the_hosts_are_known)
{
	struct ft_process p, none = FT_PROCESS_NONE;
	ck_assert_int_eq(ft_process_open(getpid(), &p), 0);
	uint64_t before = ft_process_memory(&p), more = 256 << 20;
	char *memory = mmap(NULL, more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(memory, MAP_FAILED);
	memset(memory, 1, more);
	ck_assert_uint_ge(ft_process_memory(&p), before + more / 2); /* some may have been swapped out */
	munmap(memory, more);
	ck_assert_uint_gt(before, 0);
	ck_assert_uint_gt(ft_process_free_memory(), 0);
	ck_assert_uint_eq(ft_process_memory(&none), 0);
	ft_process_close(&p);
}
END_TEST

/* As long as the thread stays that stayed last, no other is looked at. */
START_TEST(who_stays_is_looked_at_first)
{
	struct ft_process p;
	pid_t stays = 0;
	ck_assert_int_eq(ft_process_open(child, &p), 0);
	ck_assert(!ft_process_dying(&p, &stays));
	ck_assert_int_eq(stays, child);
	stays = child_thread;
	ck_assert(!ft_process_dying(&p, &stays));
	ck_assert_int_eq(stays, child_thread);
	stays = getpid(); /* none of its threads */
	ck_assert(!ft_process_dying(&p, &stays));
	ck_assert_int_eq(stays, child);
	ft_process_close(&p);
}
END_TEST

START_TEST(none_is_harmless)
{
	struct ft_process none = FT_PROCESS_NONE, p;
	pid_t real;
	ck_assert_int_eq(ft_process_holds(&none, STDIN_FILENO), -1);
	ck_assert(!ft_process_alive(&none));
	ck_assert(!ft_process_stopped(&none));
	ck_assert(!ft_process_dying(&none, NULL));
	ck_assert(!ft_process_owns_thread(&none, child, &real));
	ck_assert_int_eq(ft_process_signal(&none, SIGKILL), -1);
	ck_assert_int_eq(errno, ESRCH);
	ft_process_close(&none);
	ck_assert_int_eq(ft_process_open(0, &p), -1);
	ck_assert_int_eq(ft_process_open(-1, &p), -1);
	ck_assert_int_eq(p.pidfd, -1);
}
END_TEST

/* The peer of a socket is who listens, not who has connected or who came after. */
START_TEST(the_peer_of_a_socket)
{
	char dir[] = "/tmp/ft-process-XXXXXX";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ft_process p;
	int up[2];
	char byte = 0;
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(address.sun_path, sizeof address.sun_path, "%s/s", dir);
	ck_assert_int_eq(pipe(up), 0);
	pid_t listener = fork();
	if (listener == 0) {
		int l = socket(AF_UNIX, SOCK_STREAM, 0);
		if (bind(l, (struct sockaddr *)&address, sizeof address) || listen(l, 1) || write(up[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(up[0], &byte, 1), 1);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	ck_assert_int_eq(ft_process_of_socket(fd, &p), 0);
	ck_assert_int_eq(p.pid, listener);
	ck_assert_int_eq(ft_process_signal(&p, SIGKILL), 0);
	ck_assert(comes_true(ft_process_alive, &p, false));
	ft_process_close(&p);
	waitpid(listener, NULL, 0);
	ck_assert_int_eq(ft_process_of_socket(fd, &p), -1); /* dead, and its number means nobody */
	ck_assert_int_eq(p.pidfd, -1);
	close(fd);
	unlink(address.sun_path);
	rmdir(dir);
}
END_TEST

/* Version 2 of the freezer, and version 1: they show a frozen thread in different states. */
static const char *const freezers[] = {NULL, "freezer"};
#define FREEZERS 2

static struct cgroup cgroup;

/* A test that fails leaves no other way. */
static void leave_cgroup(void)
{
	if (child > 0)
		kill(child, SIGKILL);
	if (cgroup.dir[0])
		cgroup_freeze(&cgroup, false);
	end_child();
	cgroup_end(&cgroup);
}

static void start_child_to_freeze(void)
{
	start_child();
	atexit(leave_cgroup);
}

static bool freeze_child(int freezer)
{
	if (!cgroup_make(&cgroup, freezers[freezer]))
		return false;
	cgroup_add(&cgroup, child);
	cgroup_freeze(&cgroup, true);
	return true;
}

/* Each thread, or who was started in between would be left out. */
static void stop_threads(pid_t pid)
{
	kill(pid, SIGSTOP);
	tgkill(pid, pid, SIGSTOP);
	tgkill(pid, child_thread, SIGSTOP);
}

/* A frozen cgroup may be thawed by anybody at any time: only with SIGSTOP pending does its process stand still for us. */
START_TEST(in_a_frozen_cgroup_a_pending_stop_is_enough)
{
	struct ft_process p;
	if (!freeze_child(_i))
		return;
	ck_assert_int_eq(ft_process_open(child, &p), 0);
	ck_assert(!ft_process_stopped(&p));
	stop_threads(child);
	ck_assert(comes_true(ft_process_stopped, &p, true));
	cgroup_freeze(&cgroup, false);
	ck_assert(comes_true(ft_process_stopped, &p, true));
	ck_assert_int_eq(ft_process_signal(&p, SIGCONT), 0);
	ck_assert(comes_true(ft_process_stopped, &p, false));
	ft_process_close(&p);
}
END_TEST

/* Nothing of what it counts is counted after the stop, when the freezer lets go of it. */
START_TEST(a_thawed_cgroup_runs_nothing_of_a_stopped_process)
{
	volatile unsigned long *counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct ft_process p;
	end_child();
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			counts[0]++;
	}
	child_thread = child;
	if (!freeze_child(_i))
		return;
	ck_assert_int_eq(ft_process_open(child, &p), 0);
	for (int i = 0; i < 50; i++) {
		stop_threads(child);
		ck_assert(comes_true(ft_process_stopped, &p, true));
		unsigned long count = counts[0];
		cgroup_freeze(&cgroup, false);
		ck_assert(comes_true(ft_process_stopped, &p, true));
		poll(NULL, 0, 2);
		ck_assert_uint_eq(counts[0], count);
		kill(child, SIGCONT);
		while (counts[0] == count)
			poll(NULL, 0, 1);
		cgroup_freeze(&cgroup, true);
	}
	ft_process_close(&p);
	munmap((void *)(uintptr_t)counts, 4096);
}
END_TEST

/* As in a wait for a disk that nothing interrupts: killed, and it cannot die.  (Version 2 lets it.) */
START_TEST(who_is_killed_and_cannot_die_is_dying)
{
	struct ft_process p;
	if (!freeze_child(1))
		return;
	ck_assert_int_eq(ft_process_open(child, &p), 0);
	int stat = ft_process_open_stat(&p);
	ck_assert(!ft_process_dying(&p, NULL));
	ck_assert(!ft_process_leader_leaves(stat));
	ck_assert_int_eq(ft_process_signal(&p, SIGKILL), 0);
	ck_assert(ft_process_dying(&p, NULL));
	ck_assert(ft_process_leader_leaves(stat));
	ck_assert(ft_process_alive(&p)); /* as far as its pidfd tells */
	cgroup_freeze(&cgroup, false);
	ck_assert(comes_true(ft_process_alive, &p, false));
	close(stat);
	ft_process_close(&p);
}
END_TEST

static void *wait_in_cgroup(void *arg)
{
	char text[16];
	snprintf(text, sizeof text, "%d", (int)gettid());
	cgroup_write(arg, "tasks", text); /* the thread alone */
	for (;;)
		pause();
	return arg;
}

static noreturn void be_leaderless(int ready)
{
	pthread_t thread;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (pthread_create(&thread, NULL, wait_in_cgroup, &cgroup) != 0 || write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* A first thread that is dead, and a zombie since another thread is not: for ps it is defunct, and its pidfd is silent. */
START_TEST(a_zombie_with_a_thread_that_is_stuck_is_dying)
{
	struct ft_process p;
	int ready[2];
	char byte;
	end_child();
	if (!cgroup_make(&cgroup, "freezer"))
		return;
	ck_assert_int_eq(pipe(ready), 0);
	child = fork();
	if (child == 0)
		be_leaderless(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	while (cgroup_says(&cgroup, "tasks", "\n") == false)
		poll(NULL, 0, 1);
	cgroup_freeze(&cgroup, true);
	ck_assert_int_eq(ft_process_open(child, &p), 0);
	ck_assert(!ft_process_dying(&p, NULL));
	ck_assert_int_eq(ft_process_signal(&p, SIGKILL), 0);
	ck_assert(comes_true(is_dying, &p, true));
	siginfo_t info = {0};
	ck_assert_int_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT), 0);
	ck_assert_int_eq(info.si_pid, 0); /* it cannot be reaped */
	ck_assert(ft_process_alive(&p));
	ft_process_close(&p);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("process");
	TCase *c = tcase_create("process");
	tcase_add_checked_fixture(c, start_child, end_child);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, a_denied_pidfd_is_told_by_its_name);
	tcase_add_test(c, stop_and_continue);
	tcase_add_test(c, one_thread_that_stands_still_is_not_the_process);
	tcase_add_test(c, an_unreaped_zombie_is_dead);
	tcase_add_test(c, a_stopped_process_can_be_killed);
	tcase_add_test(c, threads_tell_whose_process_it_is);
	tcase_add_test(c, a_token_is_where_it_was_passed_to);
	tcase_add_test(c, what_it_has_open_is_known_by_its_path);
	tcase_add_test(c, its_memory_and_the_hosts_are_known);
	tcase_add_test(c, who_stays_is_looked_at_first);
	tcase_add_test(c, none_is_harmless);
	tcase_add_test(c, the_peer_of_a_socket);
	suite_add_tcase(suite, c);
	TCase *g = tcase_create("cgroups");
	tcase_add_checked_fixture(g, start_child_to_freeze, leave_cgroup);
	tcase_set_timeout(g, 60);
	tcase_add_loop_test(g, in_a_frozen_cgroup_a_pending_stop_is_enough, 0, FREEZERS);
	tcase_add_loop_test(g, a_thawed_cgroup_runs_nothing_of_a_stopped_process, 0, FREEZERS);
	tcase_add_test(g, who_is_killed_and_cannot_die_is_dying);
	tcase_add_test(g, a_zombie_with_a_thread_that_is_stuck_is_dying);
	suite_add_tcase(suite, g);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
