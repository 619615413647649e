/* A test-only work-around (LD_PRELOAD) for a deadlock of QEMU 7.2's COLO primary under TCG.  ftd does not need it, and no
 * real deployment should: COLO runs under KVM there, which does not have the bug.
 *
 * Why: at every checkpoint QEMU drops its big lock around qemu_savevm_live_state().  Under TCG that call reaches
 * run_on_cpu(), which waits on a condition variable with the big lock, a lock it does not hold at that moment.  Such a wait
 * is undefined; in practice it returns owning the lock, and the next statement of the same thread takes it again, for ever.
 * The request to the CPU thread was made without the lock as well, so its wake-up can be lost.
 *
 * What: POSIX lets any wait on a condition end early, and every caller must check its condition again.  So here
 *  - a wait with a mutex that the caller does not hold is a short nap that leaves the mutex alone;
 *  - every other wait ends after a few ms at the latest, which makes up for a lost wake-up. */
#define _GNU_SOURCE
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#define NAP_NS      200000L
#define WAIT_MAX_NS 3000000L

int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	if (mutex->__data.__owner != gettid()) {
		struct timespec nap = {.tv_nsec = NAP_NS};
		nanosleep(&nap, NULL);
		return 0;
	}

	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += WAIT_MAX_NS;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, &until);
	return 0;
}
