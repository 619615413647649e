/* The sentinel over real processes: what stops when the lease ends, whatever becomes of who set it. */
#include "base/clock.h"
#include "base/log.h"
#include "process/sentinel.h"
#include "tests/arbiter/no_process.h"
#include "tests/unit/skip.h"

#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000 /* only a fault takes that long */
#define HOUR        (3600000 * FT_NS_PER_MS)

static struct event_base *base;
static struct ft_sentinel *sentinel;
static struct ft_process qemu;
static char dir[64], device[128];
static int n_told, told_error;
static int64_t told_at;

static int64_t told_late;

static void on_froze(void *arg, int64_t at, int error, int64_t late)
{
	(void)arg;
	n_told++;
	told_late = late;
	told_at = at;
	told_error = error;
}

static int n_on_guard;

static void on_guard(void *arg)
{
	(void)arg;
	n_on_guard++;
}

static int n_lost;

static void on_lost(void *arg)
{
	(void)arg;
	n_lost++;
}

static const struct ft_sentinel_callbacks callbacks = {on_froze, on_guard, on_lost};

static int64_t in_ms(int ms)
{
	return ft_clock_now() + ms * FT_NS_PER_MS;
}

/* Plays QEMU: runs until it is stopped, and does not outlive the test. */
static struct ft_process start_qemu(void)
{
	struct ft_process p;
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			poll(NULL, 0, 1);
	}
	ck_assert_int_eq(ft_process_open(pid, &p), 0);
	return p;
}

static void end_process(struct ft_process *p)
{
	if (p->pid == 0)
		return;
	ft_process_signal(p, SIGKILL);
	waitpid(p->pid, NULL, 0);
	ft_process_close(p);
}

static struct ft_sentinel *start_sentinel(const char *watchdog)
{
	struct ft_sentinel *s = ft_sentinel_new(base, dir, watchdog, &callbacks, NULL, stderr);
	ck_assert_ptr_nonnull(s);
	return s;
}

static void set_up(void)
{
	signal(SIGPIPE, SIG_IGN);
	strcpy(dir, "/tmp/ftd-test-sentinel.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(device, sizeof(device), "%s/watchdog", dir);
	base = event_base_new();
	qemu = start_qemu();
}

static void tear_down(void)
{
	char command[128];
	ft_sentinel_dismiss(sentinel);
	end_process(&qemu);
	event_base_free(base);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void guard(void)
{
	ck_assert_int_eq(ft_sentinel_guard(sentinel, &qemu), 0);
	ck_assert(ft_sentinel_on_guard(sentinel));
}

static bool comes_true(bool (*question)(const struct ft_process *), const struct ft_process *p, bool wanted)
{
	for (int64_t end = in_ms(PATIENCE_MS); ft_clock_now() < end; poll(NULL, 0, 1))
		if (question(p) == wanted)
			return true;
	return false;
}

static void assert_stops(void)
{
	ck_assert(comes_true(ft_process_stopped, &qemu, true));
}

static void turn_loop(int ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
}

static void await_told(int n)
{
	for (int64_t end = in_ms(PATIENCE_MS); n_told < n && ft_clock_now() < end;)
		turn_loop(1);
	ck_assert_int_ge(n_told, n);
}

static void thaw(void)
{
	ft_sentinel_lease(sentinel, FT_NEVER);
	ck_assert_int_eq(ft_sentinel_guard(sentinel, &qemu), 0); /* the child has surely read the new lease */
	ck_assert_int_eq(ft_process_signal(&qemu, SIGCONT), 0);
	ck_assert(comes_true(ft_process_stopped, &qemu, false));
}

START_TEST(the_end_of_a_lease_stops_qemu)
{
	sentinel = start_sentinel("");
	guard();
	int64_t lease = in_ms(50);
	ft_sentinel_lease(sentinel, lease);
	assert_stops();
	ck_assert_int_ge(ft_clock_now(), lease);
	await_told(1);
	ck_assert_int_ge(told_at, lease);
	ck_assert_int_eq(told_error, 0);
	turn_loop(300); /* three more signals to one that stands still are no news */
	ck_assert_int_eq(n_told, 1);
}
END_TEST

START_TEST(a_lease_without_end_and_a_renewed_one_let_it_run)
{
	sentinel = start_sentinel("");
	guard();
	poll(NULL, 0, 100);
	ck_assert(!ft_process_stopped(&qemu));
	int64_t first;
	do { /* again if we were not scheduled in time ourselves */
		thaw();
		first = in_ms(300);
		ft_sentinel_lease(sentinel, first);
		ft_sentinel_lease(sentinel, in_ms(PATIENCE_MS));
	} while (ft_clock_now() >= first);
	while (ft_clock_now() < first + 200 * FT_NS_PER_MS)
		poll(NULL, 0, 10);
	ck_assert(!ft_process_stopped(&qemu));
}
END_TEST

START_TEST(a_lease_that_is_over_already_stops_the_next_qemu)
{
	sentinel = start_sentinel("");
	ft_sentinel_lease(sentinel, ft_clock_now());
	guard();
	assert_stops();
}
END_TEST

START_TEST(a_limit_where_there_was_none_is_noticed_at_once)
{
	int64_t best = FT_NEVER;
	sentinel = start_sentinel("");
	for (int i = 0; i < 10 && best > 500 * FT_NS_PER_MS; i++) {
		guard(); /* it has just looked: left alone it would sleep for a second now */
		int64_t set_at = ft_clock_now();
		ft_sentinel_lease(sentinel, set_at);
		await_told(i + 1);
		best = told_at - set_at < best ? told_at - set_at : best;
		thaw();
	}
	ck_assert_int_le(best, 500 * FT_NS_PER_MS);
}
END_TEST

START_TEST(it_never_thaws_and_tells_of_each_end)
{
	sentinel = start_sentinel("");
	guard();
	ft_sentinel_lease(sentinel, ft_clock_now());
	assert_stops();
	await_told(1);
	ft_sentinel_lease(sentinel, ft_clock_now() + HOUR);
	poll(NULL, 0, 50);
	ck_assert(ft_process_stopped(&qemu));
	thaw();
	ft_sentinel_lease(sentinel, ft_clock_now());
	assert_stops();
	await_told(2);
}
END_TEST

START_TEST(who_is_woken_beyond_its_right_is_stopped_again)
{
	sentinel = start_sentinel("");
	guard();
	ft_sentinel_lease(sentinel, ft_clock_now());
	assert_stops();
	ck_assert_int_eq(ft_process_signal(&qemu, SIGCONT), 0);
	poll(NULL, 0, 300); /* it may run in between; in the end it stands still */
	assert_stops();
}
END_TEST

static volatile unsigned long *turns; /* of the guest in start_hung_qemu; shared */

static void *run_guest(void *arg)
{
	for (;;) {
		++*turns;
		usleep(100);
	}
	return arg;
}

/* Its main thread waits for its vfork, and so cannot be stopped until that has ended, which it does at the end of a pipe.
 * with_guest: another thread goes on meanwhile. */
static struct ft_process start_hung_qemu(int hold, bool with_guest)
{
	struct ft_process p;
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		char byte;
		pthread_t guest;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (with_guest && pthread_create(&guest, NULL, run_guest, NULL) != 0)
			_exit(1);
		if (vfork() == 0) /* NOLINT: to be hung in the kernel is what it is for */
			_exit(read(hold, &byte, 1) != 0);
		for (;;)
			poll(NULL, 0, 1);
	}
	ck_assert_int_eq(ft_process_open(pid, &p), 0);
	return p;
}

static void await_turns(unsigned long n)
{
	unsigned long begun = *turns;
	for (int64_t end = in_ms(PATIENCE_MS); *turns - begun < n && ft_clock_now() < end;)
		poll(NULL, 0, 1);
	ck_assert_uint_ge(*turns - begun, n);
}

START_TEST(a_guest_stops_even_where_the_main_thread_hangs)
{
	int hold[2];
	ck_assert_int_eq(pipe2(hold, O_CLOEXEC), 0);
	turns = mmap(NULL, sizeof(*turns), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	end_process(&qemu);
	qemu = start_hung_qemu(hold[0], true);
	sentinel = start_sentinel("");
	guard();
	await_turns(100);
	ft_sentinel_lease(sentinel, ft_clock_now());
	await_told(1);
	poll(NULL, 0, 200);
	unsigned long seen = *turns;
	poll(NULL, 0, 200);
	ck_assert_uint_eq(*turns, seen);
	ft_sentinel_lease(sentinel, FT_NEVER);
	guard();
	ck_assert_int_eq(ft_process_signal(&qemu, SIGCONT), 0); /* takes back what each thread was sent */
	await_turns(100);
	ck_assert_int_eq(write(hold[1], "x", 1), 1);
	await_turns(100);
	ck_assert(!ft_process_stopped(&qemu));
	close(hold[0]);
	close(hold[1]);
}
END_TEST

/* A file of the control groups; with text: written. False: it cannot be. */
static bool write_group(const char *group, const char *file, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", group, file);
	int fd = open(path, O_WRONLY | O_CLOEXEC, 0);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return done;
}

/* A control group that can be frozen, for ftd alone. "" where there may be none. */
static const char *make_group(const char **freeze, const char **frozen, const char **thawed)
{
	static char path[128];
	static const char *const kinds[][4] = {{"/sys/fs/cgroup/freezer", "freezer.state", "FROZEN", "THAWED"},
	                                       {"/sys/fs/cgroup/unified", "cgroup.freeze", "1", "0"},
	                                       {"/sys/fs/cgroup", "cgroup.freeze", "1", "0"}};
	for (size_t i = 0; i < 3; i++) {
		char file[192];
		snprintf(path, sizeof(path), "%s/ftd-test-%d", kinds[i][0], (int)getpid());
		if (mkdir(path, 0755) != 0)
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, kinds[i][1]);
		*freeze = kinds[i][1], *frozen = kinds[i][2], *thawed = kinds[i][3];
		if (access(file, W_OK) == 0)
			return path;
		rmdir(path);
	}
	return "";
}

static struct ft_process play_ftd_with(const char *watchdog_device, int lease_ms, int sig, struct ft_process *child);
static const char *join; /* the control group that the ftd which is played joins; NULL: none */

/* systemctl freeze, or a container that is paused: QEMU is in a group of its own and runs on. */
START_TEST(a_frozen_control_group_of_ftd_does_not_keep_it_from_its_duty)
{
	const char *freeze, *frozen, *thawed, *group;
	if (!are_we_root("leaving a control group"))
		return;
	group = make_group(&freeze, &frozen, &thawed);
	if (!group[0]) {
		skipped("leaving a control group", "none can be made here");
		return;
	}
	struct ft_process child, ftd;
	join = group;
	ftd = play_ftd_with("", 300, 0, &child);
	join = NULL;
	bool froze = write_group(group, freeze, frozen);
	bool stopped = comes_true(ft_process_stopped, &qemu, true);
	bool thaws = write_group(group, freeze, thawed);
	end_process(&ftd);
	end_process(&qemu);
	ck_assert(comes_true(ft_process_alive, &child, false));
	ft_process_close(&child);
	for (int64_t end = in_ms(PATIENCE_MS); rmdir(group) != 0 && ft_clock_now() < end;)
		poll(NULL, 0, 5);
	ck_assert(froze && thaws);
	ck_assert(stopped);
}
END_TEST

/* Where it was stopped all the same, and QEMU was not, that is told with the time. */
START_TEST(one_that_was_stopped_itself_tells_how_late_it_was)
{
	int64_t lease;
	sentinel = start_sentinel("");
	do { /* again if we were not scheduled in time ourselves */
		lease = in_ms(500);
		ft_sentinel_lease(sentinel, lease);
		guard(); /* it has surely seen that lease */
		ck_assert_int_eq(kill(ft_sentinel_pid(sentinel), SIGSTOP), 0);
	} while (ft_clock_now() >= lease && kill(ft_sentinel_pid(sentinel), SIGCONT) == 0);
	while (ft_clock_now() < lease + 200 * FT_NS_PER_MS)
		poll(NULL, 0, 5);
	ck_assert(!ft_process_stopped(&qemu));
	ck_assert_int_eq(kill(ft_sentinel_pid(sentinel), SIGCONT), 0);
	await_told(1);
	ck_assert_int_ge(told_late, 200 * FT_NS_PER_MS);
	thaw();
	ft_sentinel_lease(sentinel, in_ms(-5000)); /* it was over before it was set: nobody was late by that */
	await_told(2);
	ck_assert_int_eq(told_late, 0);
}
END_TEST

/* ---- without its parent ---- */

/* A process that sets a sentinel over qemu with this lease from now on, and then sends itself a signal, 0: none.  Returns
 * it; the sentinel's process goes to *child. */
static struct ft_process play_ftd_with(const char *watchdog_device, int lease_ms, int sig, struct ft_process *child)
{
	int tell[2];
	pid_t pid, sentinel_pid = 0;
	struct ft_process ftd;
	ck_assert_int_eq(pipe(tell), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (join && !write_group(join, "cgroup.procs", "0"))
			_exit(1);
		struct ft_sentinel *s =
		    ft_sentinel_new(event_base_new(), dir, watchdog_device, &callbacks, NULL, stderr);
		if (!s || ft_sentinel_guard(s, &qemu) != 0)
			_exit(1);
		sentinel_pid = ft_sentinel_pid(s);
		ft_sentinel_lease(s, in_ms(lease_ms));
		if (write(tell[1], &sentinel_pid, sizeof(sentinel_pid)) < 0)
			_exit(1);
		raise(sig);
		for (;;)
			pause();
	}
	close(tell[1]);
	ck_assert_int_eq(read(tell[0], &sentinel_pid, sizeof(sentinel_pid)), sizeof(sentinel_pid));
	close(tell[0]);
	ck_assert_int_eq(ft_process_open(pid, &ftd), 0);
	ck_assert_int_eq(ft_process_open(sentinel_pid, child), 0);
	return ftd;
}

static struct ft_process play_ftd(int lease_ms, int sig, struct ft_process *child)
{
	return play_ftd_with("", lease_ms, sig, child);
}

START_TEST(a_stopped_ftd_does_not_keep_it_from_its_duty)
{
	struct ft_process child, ftd = play_ftd(200, SIGSTOP, &child);
	ck_assert(comes_true(ft_process_stopped, &ftd, true));
	assert_stops();
	end_process(&ftd);
	end_process(&qemu);
	ck_assert(comes_true(ft_process_alive, &child, false));
	ft_process_close(&child);
}
END_TEST

START_TEST(a_killed_ftd_leaves_it_on_guard_until_qemu_has_died)
{
	struct ft_process child, ftd = play_ftd(200, SIGKILL, &child);
	end_process(&ftd);
	assert_stops();
	poll(NULL, 0, 200);
	ck_assert(ft_process_alive(&child));
	end_process(&qemu);
	ck_assert(comes_true(ft_process_alive, &child, false));
	ft_process_close(&child);
}
END_TEST

START_TEST(signals_to_all_leave_it_on_guard)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGTSTP};
	sentinel = start_sentinel("");
	guard();
	pid_t pid = ft_sentinel_pid(sentinel);
	ck_assert_int_ne(getpgid(pid), getpgid(0)); /* so kill(0, ..) does not reach it at all */
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		ck_assert_int_eq(kill(pid, signals[i]), 0);
	ft_sentinel_lease(sentinel, in_ms(50));
	assert_stops();
	ck_assert_int_eq(ft_sentinel_pid(sentinel), pid);
}
END_TEST

START_TEST(it_holds_no_file_of_its_parent)
{
	int ends[2];
	char byte;
	ck_assert_int_eq(pipe(ends), 0);
	int error = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO); /* who reads our errors must see their end when we are gone */
	sentinel = start_sentinel("");
	dup2(error, STDERR_FILENO);
	close(ends[1]);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	ck_assert_int_eq(read(ends[0], &byte, 1), 0);
	close(ends[0]);
	close(error);
}
END_TEST

START_TEST(a_dismissed_one_touches_nothing)
{
	int64_t lease;
	do { /* again if we were not scheduled in time ourselves */
		sentinel = start_sentinel("");
		guard();
		thaw();
		lease = in_ms(300);
		ft_sentinel_lease(sentinel, lease);
		struct ft_process child;
		ck_assert_int_eq(ft_process_open(ft_sentinel_pid(sentinel), &child), 0);
		ft_sentinel_dismiss(sentinel);
		sentinel = NULL;
		ck_assert(!ft_process_alive(&child));
		ft_process_close(&child);
	} while (ft_clock_now() >= lease);
	while (ft_clock_now() < lease + 200 * FT_NS_PER_MS)
		poll(NULL, 0, 10);
	ck_assert(!ft_process_stopped(&qemu));
}
END_TEST

START_TEST(an_abandoned_one_stays)
{
	struct ft_process child;
	sentinel = start_sentinel("");
	guard();
	ck_assert_int_eq(ft_process_open(ft_sentinel_pid(sentinel), &child), 0);
	ft_sentinel_lease(sentinel, in_ms(100));
	ft_sentinel_abandon(sentinel);
	sentinel = NULL;
	assert_stops();
	end_process(&qemu);
	ck_assert(comes_true(ft_process_alive, &child, false));
	waitpid(child.pid, NULL, 0);
	ft_process_close(&child);
}
END_TEST

START_TEST(an_abandoned_one_without_qemu_leaves)
{
	struct ft_process child;
	sentinel = start_sentinel("");
	ck_assert_int_eq(ft_process_open(ft_sentinel_pid(sentinel), &child), 0);
	ft_sentinel_abandon(sentinel);
	sentinel = NULL;
	ck_assert(comes_true(ft_process_alive, &child, false));
	waitpid(child.pid, NULL, 0);
	ft_process_close(&child);
}
END_TEST

/* ---- successors ---- */

static int relieve(void)
{
	pid_t stays;
	return ft_sentinel_relieve_predecessors(sentinel, PATIENCE_MS, &stays);
}

START_TEST(a_successor_relieves_all_that_were_left)
{
	struct ft_process old[2];
	for (int i = 0; i < 2; i++) { /* the second ftd was killed before it relieved the first one's */
		struct ft_process ftd = play_ftd(3600000, SIGKILL, &old[i]);
		end_process(&ftd);
	}
	sentinel = start_sentinel("");
	guard();
	ft_sentinel_lease(sentinel, ft_clock_now() + HOUR);
	ck_assert(ft_process_alive(&old[0]) && ft_process_alive(&old[1]));
	ck_assert_int_eq(relieve(), 2);
	for (int i = 0; i < 2; i++) {
		ck_assert(!ft_process_alive(&old[i]));
		ft_process_close(&old[i]);
	}
	ck_assert_int_eq(relieve(), 0);
	ck_assert_int_eq(kill(ft_sentinel_pid(sentinel), 0), 0);
	ck_assert(!ft_process_stopped(&qemu));
	ft_sentinel_lease(sentinel, ft_clock_now());
	assert_stops();
}
END_TEST

START_TEST(one_that_is_killed_is_replaced_with_the_same_charge)
{
	sentinel = start_sentinel("");
	guard();
	ft_sentinel_lease(sentinel, ft_clock_now() + HOUR);
	pid_t first = ft_sentinel_pid(sentinel);
	kill(first, SIGKILL);
	int64_t end = in_ms(PATIENCE_MS);
	while ((ft_sentinel_pid(sentinel) == first || !ft_sentinel_on_guard(sentinel)) && ft_clock_now() < end)
		turn_loop(1);
	ck_assert(ft_sentinel_on_guard(sentinel));
	ck_assert_int_ne(ft_sentinel_pid(sentinel), first);
	ck_assert_int_eq(waitpid(first, NULL, WNOHANG), -1); /* reaped */
	ck_assert(!ft_process_stopped(&qemu));
	ft_sentinel_lease(sentinel, ft_clock_now());
	assert_stops();
}
END_TEST

START_TEST(one_that_is_gone_and_cannot_be_replaced_is_told_and_replaced_later)
{
	sentinel = start_sentinel("");
	guard();
	ft_sentinel_lease(sentinel, ft_clock_now() + HOUR);
	no_process = true;
	kill(ft_sentinel_pid(sentinel), SIGKILL);
	for (int64_t end = in_ms(PATIENCE_MS); n_lost == 0 && ft_clock_now() < end;)
		turn_loop(1);
	ck_assert_int_eq(n_lost, 1);
	ck_assert(!ft_sentinel_on_guard(sentinel));
	turn_loop(2500); /* it is tried again, and nothing new is to be told */
	ck_assert_int_eq(n_lost, 1);
	ck_assert_int_eq(n_on_guard, 0);
	no_process = false;
	for (int64_t end = in_ms(PATIENCE_MS); n_on_guard == 0 && ft_clock_now() < end;)
		turn_loop(1);
	ck_assert(ft_sentinel_on_guard(sentinel));
	ft_sentinel_lease(sentinel, ft_clock_now());
	assert_stops();
}
END_TEST

START_TEST(one_that_does_not_answer_is_not_trusted_and_replaced)
{
	sentinel = start_sentinel("");
	pid_t first = ft_sentinel_pid(sentinel);
	kill(first, SIGSTOP);
	ck_assert_int_eq(ft_sentinel_guard(sentinel, &qemu), -1);
	ck_assert_int_eq(errno, EINPROGRESS);
	ck_assert(!ft_sentinel_on_guard(sentinel));
	for (int64_t end = in_ms(PATIENCE_MS); !ft_sentinel_on_guard(sentinel) && ft_clock_now() < end;)
		turn_loop(1);
	ck_assert_int_ne(ft_sentinel_pid(sentinel), first);
	ck_assert_int_eq(n_on_guard, 1);
	ft_sentinel_lease(sentinel, ft_clock_now());
	assert_stops();
}
END_TEST

/* Starved, as by a stop here: nobody waits for it, no lease is given meanwhile, and it is not killed for it. */
START_TEST(one_that_answers_late_holds_nobody_up_and_stays)
{
	int64_t waited;
	pid_t pid;
	do { /* again if we were not scheduled in time ourselves */
		ft_sentinel_dismiss(sentinel);
		sentinel = start_sentinel("");
		n_on_guard = 0;
		pid = ft_sentinel_pid(sentinel);
		kill(pid, SIGSTOP);
		int64_t begun = ft_clock_now();
		ck_assert_int_eq(ft_sentinel_guard(sentinel, &qemu), -1);
		waited = ft_clock_now() - begun;
		ck_assert_int_eq(ft_sentinel_guard(sentinel, &qemu), -1); /* asked twice; the last one counts */
		turn_loop(100);
		ck_assert(!ft_sentinel_on_guard(sentinel));
		ck_assert_int_eq(n_on_guard, 0);
		kill(pid, SIGCONT);
		for (int64_t end = in_ms(PATIENCE_MS); !ft_sentinel_on_guard(sentinel) && ft_clock_now() < end;)
			turn_loop(1);
	} while (waited > 100 * FT_NS_PER_MS || ft_sentinel_pid(sentinel) != pid);
	ck_assert_int_eq(n_on_guard, 1);
	/* Nor is it blamed when we are late ourselves: its answer has come while we did not look. */
	kill(pid, SIGSTOP);
	ck_assert_int_eq(ft_sentinel_guard(sentinel, &qemu), -1);
	kill(pid, SIGCONT);
	poll(NULL, 0, 1500);
	for (int64_t end = in_ms(PATIENCE_MS); !ft_sentinel_on_guard(sentinel) && ft_clock_now() < end;)
		turn_loop(1);
	ck_assert_int_eq(n_on_guard, 2);
	turn_loop(1200); /* the time for the answer is over, and was kept */
	ck_assert_int_eq(ft_sentinel_pid(sentinel), pid);
	ft_sentinel_lease(sentinel, ft_clock_now());
	assert_stops();
}
END_TEST

START_TEST(the_next_qemu_takes_the_place_of_a_dead_one)
{
	sentinel = start_sentinel("");
	guard();
	pid_t pid = ft_sentinel_pid(sentinel);
	ft_sentinel_lease(sentinel, ft_clock_now());
	await_told(1);
	end_process(&qemu);
	qemu = start_qemu();
	guard();
	assert_stops();
	await_told(2);
	ck_assert_int_eq(ft_sentinel_pid(sentinel), pid);
}
END_TEST

/* ---- the watchdog, played by a file that keeps what it is fed ---- */

/* What the kernel's watchdogs do besides: open is for one alone, and ioctls tell and set the time to the reset.  The
 * sentinel is a fork of this program, so these calls are its own. */
struct watchdog {
	_Atomic int opens;
	int settable; /* 0, or the error of setting the time */
	int at_least; /* seconds; a shorter time is rounded up to it */
	int at_most;
	_Atomic int seconds;
};
static struct watchdog *watchdog; /* NULL: a plain file */

int open(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	int mode = va_arg(args, int);
	va_end(args);
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	if (!watchdog || fd < 0 || strcmp(path, device) != 0 || (flags & O_ACCMODE) != O_WRONLY)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) { /* let go by the holder's death, as the kernel does */
		close(fd);
		errno = EBUSY;
		return -1;
	}
	watchdog->opens++;
	return fd;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	va_start(args, request);
	int *seconds = va_arg(args, int *);
	va_end(args);
	bool set = request == WDIOC_SETTIMEOUT;
	if (!watchdog || (!set && request != WDIOC_GETTIMEOUT))
		return (int)syscall(SYS_ioctl, fd, request, seconds);
	if (set && watchdog->settable != 0) {
		errno = watchdog->settable;
		return -1;
	}
	if (set)
		watchdog->seconds = *seconds < watchdog->at_least  ? watchdog->at_least
		                    : *seconds > watchdog->at_most ? watchdog->at_most
		                                                   : *seconds;
	*seconds = watchdog->seconds;
	return 0;
}

static size_t meals(char food[64])
{
	int fd = open(device, O_RDONLY);
	ssize_t n = read(fd, food, 64);
	close(fd);
	return n > 0 ? (size_t)n : 0;
}

/* Waits for n meals in all, and returns the last of them. */
static char await_meals(size_t n)
{
	char food[64];
	size_t have = 0;
	for (int64_t end = in_ms(PATIENCE_MS); (have = meals(food)) < n && ft_clock_now() < end;)
		poll(NULL, 0, 10);
	ck_assert_uint_ge(have, n);
	return food[have - 1];
}

static size_t count_meals(void)
{
	char food[64];
	return meals(food);
}

static void make_device(void)
{
	close(open(device, O_WRONLY | O_CREAT, 0600));
}

START_TEST(a_watchdog_is_fed_and_may_rest_only_where_no_lease_can_end)
{
	make_device();
	sentinel = start_sentinel(device);
	ck_assert_int_eq(await_meals(1), 'V');
	guard();
	ck_assert_int_eq(await_meals(2), 'V');
	ft_sentinel_lease(sentinel, ft_clock_now() + HOUR);
	size_t n = count_meals();
	ck_assert_int_eq(await_meals(n + 2), '\0');
	ft_sentinel_lease(sentinel, ft_clock_now()); /* stands still: no harm if we die now */
	assert_stops();
	n = count_meals();
	ck_assert_int_eq(await_meals(n + 2), 'V');
	ft_sentinel_lease(sentinel, ft_clock_now() + HOUR);
	n = count_meals();
	ck_assert_int_eq(await_meals(n + 1), '\0');
	ft_sentinel_dismiss(sentinel);
	sentinel = NULL;
	ck_assert_int_eq(await_meals(n + 2), 'V');
}
END_TEST

/* What the device is for: nobody is left who could freeze the guest, so the host must be reset. */
START_TEST(a_watchdog_runs_out_when_ftd_and_its_sentinel_are_killed_in_one_blow)
{
	char food[64];
	struct ft_process child, ftd;
	make_device();
	ftd = play_ftd_with(device, 3600000, 0, &child);
	size_t n = count_meals();
	ck_assert_int_eq(await_meals(n + 2), '\0'); /* the lease is in force, and the second meal surely knows it */
	ck_assert_int_eq(ft_process_signal(&ftd, SIGKILL), 0);
	ck_assert_int_eq(ft_process_signal(&child, SIGKILL), 0);
	end_process(&ftd);
	ck_assert(comes_true(ft_process_alive, &child, false));
	ft_process_close(&child);
	n = meals(food);
	ck_assert_int_eq(food[n - 1], '\0'); /* not 'V', with which it would rest now that it is closed */
	poll(NULL, 0, 2500);
	ck_assert_uint_eq(count_meals(), n);
	ck_assert(!ft_process_stopped(&qemu));
}
END_TEST

#define NOBODY 65534

/* One that may not signal root's QEMU. */
static struct ft_sentinel *start_powerless_sentinel(void)
{
	ck_assert_int_eq(chmod(dir, 0777), 0);
	ck_assert_int_eq(chmod(device, 0666), 0);
	ck_assert_int_eq(setresuid(NOBODY, NOBODY, 0), 0);
	struct ft_sentinel *s = start_sentinel(device);
	ck_assert_int_eq(setresuid(0, 0, 0), 0);
	return s;
}

START_TEST(a_watchdog_is_not_fed_while_a_guest_runs_on)
{
	if (!are_we_root("a guest that cannot be stopped"))
		return;
	make_device();
	sentinel = start_powerless_sentinel();
	guard();
	ft_sentinel_lease(sentinel, in_ms(500));
	await_told(1);
	ck_assert_int_eq(told_error, EPERM);
	ck_assert(!ft_process_stopped(&qemu));
	size_t n = count_meals();
	poll(NULL, 0, 2500);
	ck_assert_uint_eq(count_meals(), n);
	ck_assert_int_eq(ft_process_signal(&qemu, SIGSTOP), 0);
	assert_stops();
	ck_assert_int_eq(await_meals(n + 1), 'V');
}
END_TEST

/* Its main thread cannot take the signal now, and takes it before it does anything else: it stands still, and is worth no reset. */
START_TEST(a_watchdog_is_fed_where_the_guest_cannot_go_on)
{
	int hold[2];
	ck_assert_int_eq(pipe2(hold, O_CLOEXEC), 0);
	make_device();
	sentinel = start_sentinel(device);
	end_process(&qemu);
	qemu = start_hung_qemu(hold[0], false);
	guard();
	ft_sentinel_lease(sentinel, in_ms(500));
	await_told(1);
	size_t n = count_meals();
	ck_assert_int_eq(await_meals(n + 2), 'V');
	close(hold[0]);
	close(hold[1]);
}
END_TEST

static void make_watchdog(struct watchdog w)
{
	make_device();
	watchdog = mmap(NULL, sizeof(*watchdog), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(watchdog, MAP_FAILED);
	*watchdog = w;
}

START_TEST(a_watchdog_is_opened_once_and_told_its_time)
{
	make_watchdog((struct watchdog){.at_least = 1, .at_most = 600, .seconds = 60});
	sentinel = start_sentinel(device);
	guard();
	ft_sentinel_lease(sentinel, ft_clock_now() + HOUR);
	size_t n = count_meals();
	ck_assert_int_eq(await_meals(n + 2), '\0');
	ck_assert_int_eq(watchdog->opens, 1);
	ck_assert_int_eq(watchdog->seconds, FT_SENTINEL_WATCHDOG_S);
}
END_TEST

START_TEST(a_watchdog_that_takes_its_own_longer_time_is_used)
{
	make_watchdog((struct watchdog){.settable = EOPNOTSUPP, .seconds = 60});
	sentinel = start_sentinel(device);
	ck_assert_int_eq(await_meals(1), 'V');
}
END_TEST

/* With less than three seconds, a machine that is busy for a moment would be reset. */
START_TEST(a_watchdog_that_would_reset_too_soon_is_refused_and_left_at_rest)
{
	const struct watchdog hasty[] = {{.settable = EOPNOTSUPP, .seconds = 1}, {.at_least = 1, .at_most = 2}};
	for (size_t i = 0; i < sizeof(hasty) / sizeof(hasty[0]); i++) {
		char *text = NULL;
		size_t size = 0;
		FILE *errors = open_memstream(&text, &size);
		unlink(device);
		watchdog = NULL;
		make_watchdog(hasty[i]);
		ck_assert_ptr_null(ft_sentinel_new(base, dir, device, &callbacks, NULL, errors));
		fclose(errors);
		ck_assert_msg(strstr(text, device) && strstr(text, "less than 3 s"), "%s", text);
		ck_assert_int_eq(await_meals(1), 'V');
		free(text);
	}
}
END_TEST

START_TEST(a_watchdog_that_somebody_else_feeds_is_said)
{
	char *text = NULL;
	size_t size = 0;
	FILE *errors = open_memstream(&text, &size);
	make_watchdog((struct watchdog){.at_least = 1, .at_most = 600});
	int other = open(device, O_WRONLY);
	ck_assert_int_ge(other, 0);
	ck_assert_ptr_null(ft_sentinel_new(base, dir, device, &callbacks, NULL, errors));
	fclose(errors);
	ck_assert_msg(strstr(text, device) && strstr(text, "busy"), "%s", text);
	ck_assert_uint_eq(count_meals(), 0);
	close(other);
	free(text);
}
END_TEST

/* Busy while an earlier ftd's sentinel feeds it; never at rest in between, since a lease is in force. */
START_TEST(a_watchdog_is_taken_over_with_its_charge)
{
	make_watchdog((struct watchdog){.at_least = 1, .at_most = 600});
	struct ft_sentinel *first = start_sentinel(device);
	ft_sentinel_lease(first, ft_clock_now() + HOUR);
	ck_assert_int_eq(ft_sentinel_guard(first, &qemu), 0);
	size_t n = count_meals();
	ck_assert_int_eq(await_meals(n + 1), '\0');
	pid_t pid = ft_sentinel_pid(first);
	ft_sentinel_abandon(first);
	sentinel = start_sentinel(device);
	ft_sentinel_lease(sentinel, ft_clock_now() + HOUR);
	guard();
	ck_assert_int_eq(watchdog->opens, 1);
	ck_assert_int_eq(relieve(), 1);
	waitpid(pid, NULL, 0);
	n = count_meals();
	ck_assert_int_eq(await_meals(n + 2), '\0');
	ck_assert_int_eq(watchdog->opens, 2);
	char food[64];
	n = meals(food);
	const char *charged = memchr(food, '\0', n);
	ck_assert_ptr_null(memchr(charged, 'V', (size_t)(food + n - charged)));
}
END_TEST

START_TEST(a_watchdog_that_cannot_be_opened_is_said)
{
	char *text = NULL;
	size_t size = 0;
	FILE *errors = open_memstream(&text, &size);
	ck_assert_ptr_null(ft_sentinel_new(base, dir, device, &callbacks, NULL, errors));
	fclose(errors);
	ck_assert_msg(strstr(text, device) && strstr(text, "No such file"), "%s", text);
	free(text);
}
END_TEST

START_TEST(a_state_dir_that_is_missing_is_said)
{
	char *text = NULL;
	size_t size = 0;
	FILE *errors = open_memstream(&text, &size);
	ck_assert_ptr_null(ft_sentinel_new(base, "/nonexistent/state", "", &callbacks, NULL, errors));
	fclose(errors);
	ck_assert_msg(strstr(text, "/nonexistent/state: No such file"), "%s", text);
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sentinel");
	TCase *c = tcase_create("sentinel");
	ft_log_init("test_sentinel");
	ft_log_level(FT_LOG_ERROR);
	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, the_end_of_a_lease_stops_qemu);
	tcase_add_test(c, a_lease_without_end_and_a_renewed_one_let_it_run);
	tcase_add_test(c, a_lease_that_is_over_already_stops_the_next_qemu);
	tcase_add_test(c, a_limit_where_there_was_none_is_noticed_at_once);
	tcase_add_test(c, it_never_thaws_and_tells_of_each_end);
	tcase_add_test(c, who_is_woken_beyond_its_right_is_stopped_again);
	tcase_add_test(c, a_guest_stops_even_where_the_main_thread_hangs);
	tcase_add_test(c, a_frozen_control_group_of_ftd_does_not_keep_it_from_its_duty);
	tcase_add_test(c, one_that_was_stopped_itself_tells_how_late_it_was);
	tcase_add_test(c, one_that_is_gone_and_cannot_be_replaced_is_told_and_replaced_later);
	tcase_add_test(c, a_stopped_ftd_does_not_keep_it_from_its_duty);
	tcase_add_test(c, a_killed_ftd_leaves_it_on_guard_until_qemu_has_died);
	tcase_add_test(c, signals_to_all_leave_it_on_guard);
	tcase_add_test(c, it_holds_no_file_of_its_parent);
	tcase_add_test(c, a_dismissed_one_touches_nothing);
	tcase_add_test(c, an_abandoned_one_stays);
	tcase_add_test(c, an_abandoned_one_without_qemu_leaves);
	tcase_add_test(c, a_successor_relieves_all_that_were_left);
	tcase_add_test(c, one_that_is_killed_is_replaced_with_the_same_charge);
	tcase_add_test(c, one_that_does_not_answer_is_not_trusted_and_replaced);
	tcase_add_test(c, one_that_answers_late_holds_nobody_up_and_stays);
	tcase_add_test(c, the_next_qemu_takes_the_place_of_a_dead_one);
	tcase_add_test(c, a_watchdog_is_fed_and_may_rest_only_where_no_lease_can_end);
	tcase_add_test(c, a_watchdog_runs_out_when_ftd_and_its_sentinel_are_killed_in_one_blow);
	tcase_add_test(c, a_watchdog_is_not_fed_while_a_guest_runs_on);
	tcase_add_test(c, a_watchdog_is_fed_where_the_guest_cannot_go_on);
	tcase_add_test(c, a_watchdog_is_opened_once_and_told_its_time);
	tcase_add_test(c, a_watchdog_that_takes_its_own_longer_time_is_used);
	tcase_add_test(c, a_watchdog_that_would_reset_too_soon_is_refused_and_left_at_rest);
	tcase_add_test(c, a_watchdog_that_somebody_else_feeds_is_said);
	tcase_add_test(c, a_watchdog_is_taken_over_with_its_charge);
	tcase_add_test(c, a_watchdog_that_cannot_be_opened_is_said);
	tcase_add_test(c, a_state_dir_that_is_missing_is_said);
	suite_add_tcase(s, c);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
