/* See realtime.h. */
#include "base/realtime.h"

#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define SENTINEL_STACK_RESERVE (16 * 1024) /* its largest buffers have 2 kB */
#define HEAP_RESERVE           (1024L * 1024)
#define HEADROOM               (64L * 1024 * 1024) /* that the limit must leave for memory to come */

/* ---- the runaway guard ---- */

/* Async-signal-safe.  Children are ordinary already and never get here; the sentinel keeps SIGXCPU blocked. */
static void on_runaway(int sig)
{
	static const char text[] =
	    "ftd: ran on the CPU for too long without waiting for anything; not real-time any more, "
	    "until it is restarted\n";
	struct sched_param ordinary = {.sched_priority = 0};
	int error = errno;
	(void)sig;
	(void)sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK,
	                         &ordinary); /* the flag takes privileges to drop */
	(void)!write(STDERR_FILENO, text, sizeof text - 1);
	errno = error;
}

static bool guard_against_runaway(FILE *errors)
{
	struct rlimit limit;
	struct sigaction action = {.sa_handler = on_runaway, .sa_flags = SA_RESTART};
	rlim_t us = FT_REALTIME_RUNAWAY_MS * 1000ul;
	if (getrlimit(RLIMIT_RTTIME, &limit) == 0 && limit.rlim_max > us) {
		limit.rlim_cur = us;
		if (sigaction(SIGXCPU, &action, NULL) == 0 && setrlimit(RLIMIT_RTTIME, &limit) == 0)
			return true;
	}
	fprintf(
	    errors,
	    "realtime = true: the guard against a runaway cannot be set (RLIMIT_RTTIME must allow more than %d ms); "
	    "raise it (systemd: LimitRTTIME=infinity), or set realtime = false\n",
	    FT_REALTIME_RUNAWAY_MS);
	return false;
}

/* ---- the scheduler ---- */

static bool be_scheduled(FILE *errors)
{
	/* The sentinel's priority is asked for first: it sets its own later, with nobody to complain to. */
	struct sched_param first = {.sched_priority = FT_SENTINEL_PRIORITY};
	struct sched_param ours = {.sched_priority = FT_REALTIME_PRIORITY};
	struct rlimit limit = {0};
	if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &first) == 0 &&
	    sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &ours) == 0)
		return true;
	int error = errno;
	(void)getrlimit(RLIMIT_RTPRIO, &limit);
	fprintf(errors,
	        "realtime = true: SCHED_RR is refused (%s; RLIMIT_RTPRIO is %llu and must be %d); systemd: "
	        "LimitRTPRIO=%d and "
	        "no RestrictRealtime=; in a cgroup with cpu.rt_runtime_us, not 0 there; or set realtime = false\n",
	        strerror(error), (unsigned long long)limit.rlim_cur, FT_SENTINEL_PRIORITY, FT_SENTINEL_PRIORITY);
	return false;
}

/* ---- memory ---- */

/* Touched once, it stays ours. */
static void reserve_stack(void)
{
	volatile char reserve[FT_REALTIME_STACK];
	for (size_t at = 0; at < sizeof reserve; at += 1024)
		reserve[at] = 0;
}

/* What is freed is kept: no memory is asked of the kernel again as long as the reserve lasts. */
static bool reserve_heap(void)
{
	(void)mallopt(M_TRIM_THRESHOLD, INT32_MAX);
	(void)mallopt(M_MMAP_MAX, 0);
	(void)mallopt(M_TOP_PAD, (int)HEAP_RESERVE);
	void *reserve = malloc(HEAP_RESERVE);
	if (reserve)
		explicit_bzero(reserve, HEAP_RESERVE); /* explicit, or nobody would touch it */
	free(reserve);
	return reserve != NULL;
}

/* From mlockall on, an allocation beyond the limit fails, and not only at the end: the limit must leave plenty. */
static bool has_headroom(void)
{
	void *room = mmap(NULL, HEADROOM, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room != MAP_FAILED)
		munmap(room, HEADROOM);
	return room != MAP_FAILED;
}

static bool lock_memory(FILE *errors)
{
	struct rlimit limit = {0};
	if (mlockall(MCL_CURRENT | MCL_FUTURE) == 0 && has_headroom() && reserve_heap()) {
		reserve_stack();
		return true;
	}
	int error = errno;
	(void)munlockall();
	(void)getrlimit(RLIMIT_MEMLOCK, &limit);
	fprintf(errors,
	        "realtime = true: memory cannot be locked (%s; RLIMIT_MEMLOCK is %llu kB); systemd: "
	        "LimitMEMLOCK=infinity; or "
	        "set realtime = false\n",
	        strerror(error), (unsigned long long)limit.rlim_cur / 1024);
	return false;
}

/* ---- the interface ---- */

int ft_realtime_begin(FILE *errors)
{
	/* The guard first, or there would be a moment without it. */
	return guard_against_runaway(errors) && be_scheduled(errors) && lock_memory(errors) ? 0 : -1;
}

bool ft_realtime_holds(void)
{
	return (sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) == SCHED_RR;
}

static bool holds_address(const struct dl_phdr_info *object, uintptr_t address)
{
	for (int i = 0; i < object->dlpi_phnum; i++) {
		uintptr_t start = object->dlpi_addr + object->dlpi_phdr[i].p_vaddr;
		if (object->dlpi_phdr[i].p_type == PT_LOAD && address - start < object->dlpi_phdr[i].p_memsz)
			return true;
	}
	return false;
}

static int lock_object(struct dl_phdr_info *object, size_t size, void *arg)
{
	(void)size, (void)arg;
	if (!holds_address(object, (uintptr_t)&lock_object) && !holds_address(object, (uintptr_t)&poll))
		return 0;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		if (part->p_type == PT_LOAD) /* the kernel rounds to whole pages */
			(void)mlock((const void *)(object->dlpi_addr + part->p_vaddr),
			            part->p_memsz); // NOLINT(performance-no-int-to-ptr)
	}
	return 0;
}

void ft_realtime_lock_own_code(void)
{
	char here[SENTINEL_STACK_RESERVE];
	(void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	(void)mlock(here, sizeof here);
	dl_iterate_phdr(lock_object, NULL);
}
