/* Real processes with real memory, killed.  What counts is the order of what is told, not how fast. */
#include "base/timer.h"
#include "process/deathwatch.h"

#include <check.h>
#include <event2/event.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMORY      (512ul << 20) /* takes the kernel tens of ms to take down, page by page */
#define LOOK_US     5000          /* the shortest heartbeat interval */
#define ATTEMPTS    10            /* on a machine so busy that we do not run for those tens of ms */
#define PATIENCE_MS 20000

enum leader { STAYS, LEAVES };

static struct event_base *base;
static struct ft_timers *timers;
static struct event *looks;
static struct ft_process process;
static struct ft_deathwatch *watch;
static struct {
	int dying, dead;
	bool early; /* "dying" was told while the pidfd was silent */
} told;

static void *wait_on(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void *come_and_go(void *arg)
{
	usleep(100000);
	return arg;
}

static noreturn void be_child(int ready, size_t memory, int threads, enum leader leader)
{
	pthread_t thread;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	char *m = mmap(NULL, memory + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(m, memory + 1, MADV_NOHUGEPAGE);
	for (size_t at = 0; at < memory; at += 4096)
		m[at] = 1;
	if (threads > 0)
		pthread_create(&thread, NULL, come_and_go, NULL);
	for (int i = 0; i < threads; i++)
		if (pthread_create(&thread, NULL, wait_on, NULL) != 0)
			_exit(1);
	if (write(ready, "", 1) != 1)
		_exit(1);
	if (leader == LEAVES)
		pthread_exit(NULL);
	for (;;)
		pause();
}

static void on_told(void *arg, bool dead)
{
	struct pollfd died = {.fd = process.pidfd, .events = POLLIN};
	(void)arg;
	if (dead) {
		told.dead++;
		return;
	}
	told.dying++;
	told.early = poll(&died, 1, 0) == 0;
}

static void start_child(size_t memory, int threads, enum leader leader)
{
	int ready[2];
	char byte;
	ck_assert_int_eq(pipe(ready), 0);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		be_child(ready[1], memory, threads, leader);
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	ck_assert_int_eq(ft_process_open(pid, &process), 0);
	told.dying = told.dead = 0;
	told.early = false;
	watch = ft_deathwatch_new(base, timers, &process, on_told, NULL);
}

static void end_child(void)
{
	ft_deathwatch_free(watch);
	watch = NULL;
	if (process.pid == 0)
		return;
	kill(process.pid, SIGKILL);
	waitpid(process.pid, NULL, 0);
	ft_process_close(&process);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	if (watch)
		ft_deathwatch_look(watch);
}

static void set_up(void)
{
	base = event_base_new();
	timers = ft_timers_new(base);
	looks = event_new(base, -1, EV_PERSIST, on_look, NULL);
	process = (struct ft_process)FT_PROCESS_NONE;
}

static void tear_down(void)
{
	end_child();
	event_free(looks);
	ft_timers_free(timers);
	event_base_free(base);
}

static void run_for(int ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
}

static void begin_to_look(void)
{
	struct timeval every = {.tv_usec = LOOK_US};
	event_add(looks, &every);
}

/* Kills big processes until one is told to be dying before it is dead. */
static bool seen_dying(int threads)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		start_child(MEMORY, threads, STAYS);
		ck_assert_int_eq(ft_process_signal(&process, SIGKILL), 0);
		for (int ms = 0; ms < PATIENCE_MS && told.dead == 0; ms += 10)
			run_for(10);
		ck_assert_int_eq(told.dead, 1);
		ck_assert_int_le(told.dying, 1);
		bool early = told.early;
		end_child();
		if (early)
			return true;
	}
	return false;
}

START_TEST(a_big_process_is_dying_before_it_is_dead)
{
	begin_to_look();
	ck_assert(seen_dying(0));
}
END_TEST

/* Nobody looks: the end of its other threads is enough, where the kernel tells it. */
START_TEST(threads_tell_by_themselves)
{
	int fds[4];
	start_child(0, 3, STAYS);
	int n = ft_process_open_threads(&process, fds, 4);
	for (int i = 0; i < n; i++)
		close(fds[i]);
	end_child();
	if (n == 0) {
		printf("NOTE: this kernel has no pidfds of threads (Linux 6.9)\n");
		return;
	}
	ck_assert(seen_dying(3));
}
END_TEST

START_TEST(a_stopped_one_that_is_killed)
{
	begin_to_look();
	start_child(0, 2, STAYS);
	ck_assert_int_eq(ft_process_signal(&process, SIGSTOP), 0);
	run_for(100);
	ck_assert_int_eq(told.dying + told.dead, 0);
	ck_assert_int_eq(ft_process_signal(&process, SIGKILL), 0);
	for (int ms = 0; ms < PATIENCE_MS && told.dead == 0; ms += 10)
		run_for(10);
	ck_assert_int_eq(told.dead, 1);
}
END_TEST

/* Neither a thread that ends, nor a first thread that leaves the others to it, is a death. */
START_TEST(threads_may_end)
{
	begin_to_look();
	start_child(0, 2, _i ? LEAVES : STAYS);
	run_for(400);
	int stat = ft_process_open_stat(&process);
	ck_assert_int_eq(ft_process_leader_leaves(stat), _i);
	close(stat);
	ft_deathwatch_ask(watch);
	run_for(200);
	ck_assert_int_eq(told.dying + told.dead, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("deathwatch");
	TCase *c = tcase_create("deathwatch");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, a_big_process_is_dying_before_it_is_dead);
	tcase_add_test(c, threads_tell_by_themselves);
	tcase_add_test(c, a_stopped_one_that_is_killed);
	tcase_add_loop_test(c, threads_may_end, 0, 2);
	suite_add_tcase(suite, c);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
