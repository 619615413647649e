/* sim --seeds FROM:COUNT: runs worlds, and for one that breaks a law prints the shortest history that shows it. */
#include "tests/sim/sim.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SETTLED_WITHIN SECOND(25)

static uint32_t all_faults = UINT32_MAX;

/* Returns the law that broke, NULL if none did. */
static const char *run(uint64_t seed, const struct options *options, uint32_t mask, bool verbose)
{
	world_begin(seed, options, verbose);
	for (int i = 0; i < w.n_faults; i++)
		w.faults[i].on = mask >> i & 1u;
	int64_t end = w.now + SECOND(8) + SETTLED_WITHIN;
	world_run(end, laws_settled);
	if (!w.broken)
		laws_at_end();
	return w.broken;
}

/* Takes out what the law breaks without. */
static uint32_t shrink(uint64_t seed, const struct options *options, const char *law)
{
	uint32_t mask = all_faults;
	for (int i = 0; i < FAULTS_MAX; i++) {
		const char *now = run(seed, options, mask & ~(1u << i), false);
		if (now && strcmp(now, law) == 0)
			mask &= ~(1u << i);
	}
	return mask;
}

static void show(uint64_t seed, const struct options *options, const char *law)
{
	uint32_t mask = shrink(seed, options, law);
	printf("\nseed %llu: %s.  The shortest history:\n", (unsigned long long)seed, law);
	run(seed, options, mask, true);
	fflush(stdout);
}

struct tally {
	volatile int broken;
	volatile uint64_t events, first;
};

static int work(uint64_t from, uint64_t count, int worker, int workers, const struct options *options, int most,
                bool brief, struct tally *tally)
{
	ftd_prepare();
	for (uint64_t i = (uint64_t)worker; i < count && tally->broken < most; i += (uint64_t)workers) {
		const char *law = run(from + i, options, all_faults, false);
		tally->events += w.events;
		if (!law)
			continue;
		if (tally->broken++ == 0 || brief) {
			if (brief) {
				printf("seed %llu: %s\n", (unsigned long long)(from + i), law);
				fflush(stdout);
			}
		}
		if (!brief)
			show(from + i, options, law);
	}
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: sim [--seeds FROM:COUNT] [--none] [--workers N] [--most N] [--brief] [--show SEED]\n"
	                "           [--break sentinel|fsync]\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct options options = {.arbitrated = true, .freeze_ms = 12};
	unsigned long long from = 1, count = 1000, shown = 0;
	int workers = 2, most = 1;
	bool brief = false, verbose = false;
	static const struct option longs[] = {
	    {"seeds", 1, NULL, 's'}, {"none", 0, NULL, 'n'}, {"workers", 1, NULL, 'w'}, {"most", 1, NULL, 'm'},
	    {"brief", 0, NULL, 'b'}, {"show", 1, NULL, 'v'}, {"break", 1, NULL, 'x'},   {NULL, 0, NULL, 0}};
	for (int o; (o = getopt_long(argc, argv, "", longs, NULL)) != -1;)
		switch (o) {
		case 's':
			if (sscanf(optarg, "%llu:%llu", &from, &count) != 2)
				return usage();
			break;
		case 'n':
			options.arbitrated = false;
			break;
		case 'w':
			workers = atoi(optarg);
			break;
		case 'm':
			most = atoi(optarg);
			break;
		case 'b':
			brief = true;
			break;
		case 'v':
			shown = strtoull(optarg, NULL, 10);
			verbose = true;
			break;
		case 'x':
			options.no_sentinel |= !strcmp(optarg, "sentinel");
			options.no_fsync |= !strcmp(optarg, "fsync");
			break;
		default:
			return usage();
		}
	if (verbose) {
		ftd_prepare();
		const char *law = run(shown, &options, all_faults, false);
		if (law)
			show(shown, &options, law);
		else
			run(shown, &options, all_faults, true);
		return law != NULL;
	}
	struct tally *tallies =
	    mmap(NULL, sizeof *tallies * 64, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tallies == MAP_FAILED || workers < 1 || workers > 64)
		return usage();
	struct timespec begun, ended;
	clock_gettime(CLOCK_MONOTONIC, &begun);
	for (int i = 0; i < workers; i++)
		if (fork() == 0) {
			work(from, count, i, workers, &options, most, brief, &tallies[i]);
			fflush(stdout);
			_exit(0);
		}
	int crashed = 0, broken = 0;
	for (int status; wait(&status) > 0;)
		crashed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	uint64_t events = 0;
	for (int i = 0; i < workers; i++) {
		broken += tallies[i].broken;
		events += tallies[i].events;
	}
	clock_gettime(CLOCK_MONOTONIC, &ended);
	double s = (double)(ended.tv_sec - begun.tv_sec) + (double)(ended.tv_nsec - begun.tv_nsec) / 1e9;
	printf("%llu seeds from %llu, %s: %d broken laws, %d crashes, %.1f s, %.1f million events\n", count, from,
	       options.arbitrated ? "arbiter" : "no arbiter", broken, crashed, s, (double)events / 1e6);
	return broken || crashed;
}
