/* Each test in a process of its own, which becomes real-time, or is not allowed to. */
#include "base/realtime.h"
#include "core/core.h"
#include "tests/unit/skip.h"

#include <check.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 60

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true /* ASan makes mlockall do nothing */
#else
#define SANITIZED false
#endif

static char *said;
static size_t said_len;
static FILE *errors;

static void set_up(void)
{
	errors = open_memstream(&said, &said_len);
}

static void tear_down(void)
{
	fclose(errors);
	free(said);
}

/* False, with a note, where this machine does not let us. */
static bool may(void)
{
	struct sched_param p = {.sched_priority = FT_SENTINEL_PRIORITY}, ordinary = {0};
	bool allowed = geteuid() == 0 && sched_setscheduler(0, SCHED_RR, &p) == 0;
	if (allowed)
		sched_setscheduler(0, SCHED_OTHER, &ordinary);
	else
		skipped("real-time scheduling", "not allowed here");
	return allowed;
}

/* kB, from a line "KEY:   N kB" of /proc/self/status */
static long status_kb(const char *key)
{
	char line[256];
	long kb = -1;
	FILE *f = fopen("/proc/self/status", "r");
	while (kb < 0 && fgets(line, sizeof line, f))
		if (strncmp(line, key, strlen(key)) == 0)
			kb = strtol(line + strlen(key) + 1, NULL, 10);
	fclose(f);
	return kb;
}

/* Whether all code of the library or program with this in its path is in memory and locked there. */
static bool code_is_locked(const char *what)
{
	char line[1024];
	long kb = 0, size = 0, missing = 0;
	bool ours = false, found = false;
	FILE *f = fopen("/proc/self/smaps", "r");
	while (fgets(line, sizeof line, f)) {
		if (strchr(line, '/')) /* a mapping's first line */
			ours = strstr(line, what) && strstr(line, "r-xp");
		else if (ours && sscanf(line, "Size: %ld", &kb) == 1)
			size = kb;
		else if (ours && sscanf(line, "Rss: %ld", &kb) == 1)
			missing += size - kb;
		else if (ours && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, " lo") != NULL;
	}
	fclose(f);
	return found && missing == 0;
}

/* Limits instead of privileges; the one to be real-time may be kept. False, with a note, where they cannot be had. */
static bool limit_to(bool keep_nice, rlim_t rtprio, rlim_t memlock)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2];
	struct rlimit prio = {rtprio, rtprio}, lock = {memlock, memlock};
	if (setrlimit(RLIMIT_RTPRIO, &prio) != 0 || setrlimit(RLIMIT_MEMLOCK, &lock) != 0) {
		printf("NOTE: limits cannot be raised here: not tried\n");
		return false;
	}
	ck_assert_int_eq(syscall(SYS_capget, &header, caps), 0);
	caps[0].effective &= ~(1u << CAP_IPC_LOCK);
	if (!keep_nice)
		caps[0].effective &= ~(1u << CAP_SYS_NICE);
	ck_assert_int_eq(syscall(SYS_capset, &header, caps), 0);
	return true;
}

static bool refused_naming(const char *limit)
{
	bool refused = ft_realtime_begin(errors) == -1;
	fflush(errors);
	return refused && strstr(said, limit) && strchr(said, '\n') == said + said_len - 1;
}

START_TEST(keeps_its_promise)
{
	int status;
	if (!may())
		return;
	if (_i == 1 && !limit_to(false, FT_SENTINEL_PRIORITY, RLIM_INFINITY))
		return; /* limits will do, without privileges */
	ck_assert_int_eq(ft_realtime_begin(errors), 0);
	ck_assert_uint_eq(said_len, 0);
	ck_assert(ft_realtime_holds());
	struct sched_param p;
	sched_getparam(0, &p);
	ck_assert_int_eq(p.sched_priority, FT_REALTIME_PRIORITY);
	if (!SANITIZED)
		ck_assert_int_gt(status_kb("VmLck"), 1024);
	pid_t child = fork();
	if (child == 0)
		_exit(sched_getscheduler(0) == SCHED_OTHER && status_kb("VmLck") == 0 ? 0 : 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* A failover asks the kernel for no memory, whatever the daemon has in hand as it steps. */
START_TEST(the_stack_in_reserve_holds_the_actions_of_nested_steps)
{
	ck_assert_int_ge(FT_REALTIME_STACK, 3 * (long)sizeof(struct ft_actions) + 128 * 1024);
}
END_TEST

START_TEST(names_the_limit_that_forbids_it)
{
	if (!may())
		return;
	if (_i > 0 && SANITIZED)
		return;
	/* Too low a priority, too little for what is there, enough for that but not for what is to come. */
	rlim_t memory[] = {65536, 65536, (rlim_t)(status_kb("VmSize") + 8192) * 1024};
	if (limit_to(_i > 0, 0, memory[_i]))
		ck_assert(refused_naming(_i > 0 ? "LimitMEMLOCK=infinity" : "LimitRTPRIO=50"));
}
END_TEST

/* Or it would take a CPU away from the guests for good. */
START_TEST(a_runaway_becomes_ordinary)
{
	if (!may())
		return;
	if (_i == 1 && !limit_to(false, FT_SENTINEL_PRIORITY, RLIM_INFINITY))
		return;
	ck_assert_int_eq(ft_realtime_begin(errors), 0);
	time_t end = time(NULL) + PATIENCE_S;
	while (ft_realtime_holds() && time(NULL) < end)
		;
	ck_assert(!ft_realtime_holds());
}
END_TEST

START_TEST(locks_what_runs_and_little_more)
{
	if (!may() || SANITIZED)
		return;
	ft_realtime_lock_own_code();
	ck_assert(code_is_locked("test_realtime"));
	ck_assert(code_is_locked("libc.so"));
	ck_assert(!code_is_locked("libcrypto"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("realtime");
	TCase *c = tcase_create("realtime");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_set_timeout(c, 2 * PATIENCE_S);
	tcase_add_loop_test(c, keeps_its_promise, 0, 2);
	tcase_add_test(c, the_stack_in_reserve_holds_the_actions_of_nested_steps);
	tcase_add_loop_test(c, names_the_limit_that_forbids_it, 0, 3);
	tcase_add_loop_test(c, a_runaway_becomes_ordinary, 0, 2);
	tcase_add_test(c, locks_what_runs_and_little_more);
	suite_add_tcase(suite, c);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
