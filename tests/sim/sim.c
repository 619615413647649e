/* sim --seeds FROM:COUNT: runs worlds, and for one that breaks a law prints the shortest history that shows it. */
#include "tests/sim/sim.h"

#include <getopt.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SETTLED_WITHIN      SECOND(25) /* the longest chain of waits of the core, and more */
#define SETTLED_LATE_WITHIN SECOND(90) /* where it has tried in vain for long, and ever more rarely */
#define WORKERS_MAX         64
#define FOUND_MAX           100

static const uint32_t all_faults = (1u << FAULTS_MAX) - 1;

static struct order {
	struct options options;
	unsigned long long from, count, shown;
	int workers, most; /* most: broken laws until we stop */
	bool brief, show;
} o = {.options = {.arbitrated = true, .kinds = ALL_FAULTS, .freeze_ms = 12},
       .from = 1,
       .count = 1000,
       .workers = 2,
       .most = 1};

/* What the workers have found; shared by all. */
struct tally {
	atomic_int broken;
	atomic_ullong events;
	atomic_ullong all, actions; /* sums of digests, so that it is all the same which worker ran which world */
	unsigned long long at[WORKERS_MAX]; /* the seed that each is at: for one that crashes */
	struct found {
		unsigned long long seed;
		char law[80];
	} found[FOUND_MAX];
};

/* Returns the law that broke, NULL if none did. */
static const char *run(uint64_t seed, uint32_t mask, bool verbose)
{
	world_begin(seed, &o.options, verbose);
	for (int i = 0; i < w.n_faults; i++)
		w.faults[i].on = mask >> i & 1u;
	w.law = o.options.arbitrated || faults_are_harmless();
	world_run(w.heals_at + (w.heals_late ? SETTLED_LATE_WITHIN : SETTLED_WITHIN), laws_settled);
	if (!w.broken)
		laws_at_end();
	bool asked_for = w.broken && (!o.options.law || strcmp(w.broken, o.options.law) == 0);
	return asked_for ? w.broken : NULL;
}

/* Takes out every fault that the same law breaks without, until each one left is needed. */
static uint32_t shrink(uint64_t seed)
{
	uint32_t mask = all_faults, before;
	do {
		before = mask;
		for (int i = 0; i < FAULTS_MAX; i++)
			if (mask >> i & 1u && run(seed, mask & ~(1u << i), false))
				mask &= ~(1u << i);
	} while (mask != before);
	return mask;
}

static void show(unsigned long long seed, const char *law)
{
	printf("\nseed %llu: %s.  The shortest history:\n", seed, law);
	o.options.law = law;
	run(seed, shrink(seed), true);
}

static void work(int worker, struct tally *t)
{
	for (uint64_t i = (uint64_t)worker; i < o.count && t->broken < o.most; i += (uint64_t)o.workers) {
		uint64_t seed = o.from + i;
		t->at[worker] = seed;
		const char *law = run(seed, all_faults, false);
		t->events += w.events;
		t->all += w.digest.all;
		t->actions += w.digest.actions;
		if (!law)
			continue;
		int n = t->broken++;
		if (n < FOUND_MAX) {
			t->found[n].seed = seed;
			snprintf(t->found[n].law, sizeof t->found[n].law, "%s", law);
		}
	}
}

/* Returns how many crashed. */
static int wait_for_workers(const struct tally *t, const pid_t pids[])
{
	int crashed = 0;
	for (int i = 0; i < o.workers; i++) {
		int status = 0;
		if (waitpid(pids[i], &status, 0) == pids[i] && WIFEXITED(status) && WEXITSTATUS(status) == 0)
			continue;
		crashed++;
		printf("seed %llu: crashes; see it with --show %llu\n", t->at[i], t->at[i]);
	}
	return crashed;
}

static int by_seed(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	return x->seed < y->seed ? -1 : x->seed > y->seed;
}

static void show_found(struct tally *t)
{
	int n = t->broken < FOUND_MAX ? t->broken : FOUND_MAX;
	qsort(t->found, (size_t)n, sizeof t->found[0], by_seed);
	for (int i = 0; i < n && i < o.most; i++)
		if (o.brief)
			printf("seed %llu: %s\n", t->found[i].seed, t->found[i].law);
		else
			show(t->found[i].seed, t->found[i].law);
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run_all(void)
{
	struct tally *t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t == MAP_FAILED) {
		perror("sim: no memory to share");
		return 2;
	}
	double begun = seconds();
	pid_t pids[WORKERS_MAX];
	for (int i = 0; i < o.workers; i++)
		if ((pids[i] = fork()) == 0) {
			work(i, t);
			_exit(0);
		}
	int crashed = wait_for_workers(t, pids);
	double lasted = seconds() - begun;
	show_found(t);
	printf("%llu seeds from %llu, %s%s: %d broken laws, %d crashes, %.1f s, %.1f million events\n", o.count, o.from,
	       o.options.apart        ? "an arbiter each"
	       : o.options.fence      ? "fence"
	       : o.options.behind     ? "arbiter, and a fence behind it"
	       : o.options.arbitrated ? "arbiter"
	                              : "no arbiter",
	       o.options.boundaries ? ", deaths at boundaries" : "", t->broken, crashed, lasted,
	       (double)t->events / 1e6);
	if (o.options.digest)
		printf("digest %016llx, of the actions alone %016llx\n", t->all, t->actions);
	return t->broken || crashed;
}

static int show_one(void)
{
	const char *law = run(o.shown, all_faults, false);
	if (law)
		show(o.shown, law);
	else
		run(o.shown, all_faults, true);
	return law != NULL;
}

static bool break_world(const char *what)
{
	const struct {
		const char *name;
		bool *flag;
	} parts[] = {
	    {"sentinel", &o.options.no_sentinel}, {"fsync", &o.options.no_fsync}, {"guard", &o.options.no_guard}};
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		if (strcmp(what, parts[i].name) == 0) {
			*parts[i].flag = true;
			return true;
		}
	return false;
}

static bool read_options(int argc, char **argv)
{
	static const struct option longs[] = {
	    {"seeds", 1, NULL, 's'}, {"none", 0, NULL, 'n'},       {"workers", 1, NULL, 'w'},
	    {"most", 1, NULL, 'm'},  {"brief", 0, NULL, 'b'},      {"show", 1, NULL, 'v'},
	    {"break", 1, NULL, 'x'}, {"faults", 1, NULL, 'f'},     {"law", 1, NULL, 'l'},
	    {"fence", 0, NULL, 'p'}, {"boundaries", 0, NULL, 'd'}, {"behind", 0, NULL, 'h'},
	    {"apart", 0, NULL, 'a'}, {"digest", 0, NULL, 'g'},     {NULL, 0, NULL, 0}};
	bool good = true;
	for (int c; good && (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
		if (c == 's')
			good = sscanf(optarg, "%llu:%llu", &o.from, &o.count) == 2;
		else if (c == 'n')
			o.options.arbitrated = false;
		else if (c == 'p')
			o.options.fence = true;
		else if (c == 'h')
			o.options.behind = true;
		else if (c == 'a')
			o.options.apart = true;
		else if (c == 'g')
			o.options.digest = true;
		else if (c == 'd')
			o.options.boundaries = true;
		else if (c == 'w')
			good = sscanf(optarg, "%d", &o.workers) == 1 && o.workers >= 1 && o.workers <= WORKERS_MAX;
		else if (c == 'm')
			good = sscanf(optarg, "%d", &o.most) == 1;
		else if (c == 'f')
			good = faults_named(optarg, &o.options.kinds);
		else if (c == 'l')
			o.options.law = optarg;
		else if (c == 'b')
			o.brief = true;
		else if (c == 'v')
			good = o.show = sscanf(optarg, "%llu", &o.shown) == 1;
		else
			good = c == 'x' && break_world(optarg);
	}
	return good && optind == argc;
}

int main(int argc, char **argv)
{
	if (!read_options(argc, argv)) {
		fprintf(
		    stderr,
		    "usage: sim [--seeds FROM:COUNT] [--none | --fence | --behind | --apart] [--boundaries] [--workers "
		    "N] "
		    "[--most N] [--brief] [--digest]\n"
		    "           [--show SEED] [--faults NAME,...] [--law LAW] [--break sentinel|fsync|guard]\n");
		return 2;
	}
	ftd_prepare();
	return o.show ? show_one() : run_all();
}
