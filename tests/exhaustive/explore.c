/* The exhaustive search: every order of everything, with at most so many faults, and every path to its end.
 * Depth first; a world that was seen before, with as many faults to come, is not gone into again.  What is remembered of a
 * world is a number of 64 bits: that two of n worlds share one, and one of them is missed, has the odds n*n / 2^65. */
#include "tests/exhaustive/model.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define DEPTH_MOST  20000
#define FAULTS_MOST 15
#define RUN_MOST    20000 /* steps to the end, once all is healed */
#define CUTS_MOST   24

/* ---- what was seen ---- */

struct seen {
	uint64_t *slots, size, n;
};

static void seen_make(struct seen *s, uint64_t size)
{
	*s = (struct seen){.slots = calloc(size, sizeof s->slots[0]), .size = size};
	if (!s->slots) {
		fprintf(stderr, "no memory for %llu worlds\n", (unsigned long long)size);
		exit(3);
	}
}

static uint64_t *seen_slot(const struct seen *s, uint64_t hash)
{
	hash += hash == 0;
	uint64_t i = (hash ^ hash >> 29) & (s->size - 1);
	while (s->slots[i] != 0 && s->slots[i] != hash)
		i = (i + 1) & (s->size - 1);
	return &s->slots[i];
}

static bool seen_has(const struct seen *s, uint64_t hash)
{
	return *seen_slot(s, hash) != 0;
}

static uint64_t memory = UINT64_C(1) << 30; /* at most, for what was seen */

static void seen_add(struct seen *s, uint64_t hash);

static void seen_grow(struct seen *s)
{
	struct seen old = *s;
	if (3 * old.size * sizeof old.slots[0] > memory) { /* both are there for a while */
		fprintf(stderr, "more than %llu worlds: give it more memory (--memory MB)\n",
		        (unsigned long long)old.n);
		exit(3);
	}
	seen_make(s, 2 * old.size);
	for (uint64_t i = 0; i < old.size; i++)
		if (old.slots[i])
			seen_add(s, old.slots[i]);
	free(old.slots);
}

static void seen_add(struct seen *s, uint64_t hash)
{
	uint64_t *slot = seen_slot(s, hash);
	if (*slot)
		return;
	*slot = hash + (hash == 0);
	if (++s->n > s->size / 4 * 3)
		seen_grow(s);
}

/* ---- the search ---- */

struct frame {
	struct world world;
	struct choice did;  /* by which it was reached */
	int n, next, whole; /* choices; the first `whole` are none of killing ftd in the midst of another */
	int usual;          /* those from here on, but for faults, take a turn that is not the usual one */
	int faults, turns;  /* so far */
	struct choice choices[CHOICES_MAX * 3];
};

static struct {
	int faults, turns, depth;
	bool first; /* one broken law is enough */
} limits = {.faults = 2, .turns = 2, .depth = DEPTH_MOST};

static struct seen visited, good;
static struct frame **stack;
static int top;
static struct world now; /* the one that is being tried */

static struct {
	uint64_t states, steps, ends, endings[ENDINGS];
	int deepest;
} count;

#define TRACE_MOST DEPTH_MOST
struct trace {
	int n;
	const char *law;
	uint64_t times;
	struct choice c[TRACE_MOST];
};
static struct trace *traces[16]; /* the shortest for each law */

static bool is_broken(void)
{
	for (int i = 0; law_names[i]; i++)
		if (traces[i])
			return true;
	return false;
}

static uint64_t spent(uint64_t hash, int faults, int turns, int depth)
{
	uint64_t with_depth = limits.depth < DEPTH_MOST ? (uint64_t)depth : 0;
	uint64_t key = (uint64_t)faults | (uint64_t)turns << 8 | with_depth << 16;
	return (hash ^ key * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xff51afd7ed558ccd);
}

/* Whether it was seen with as much to come, or more. */
static bool is_known(uint64_t hash, int faults, int turns, int depth)
{
	for (int f = faults; f >= 0; f--)
		for (int t = turns; t >= 0; t--)
			if (seen_has(&visited, spent(hash, f, t, depth)))
				return true;
	return false;
}

static void keep_trace(const char *law, const struct choice *last)
{
	int i = 0;
	while (law_names[i] && strcmp(law_names[i], law) != 0)
		i++;
	if (!traces[i])
		traces[i] = calloc(1, sizeof *traces[i]);
	struct trace *t = traces[i];
	t->times++;
	int n = top + (last != NULL);
	if (t->n > 0 && t->n <= n)
		return;
	t->law = law;
	t->n = n;
	for (int k = 0; k < top; k++)
		t->c[k] = stack[k + 1]->did;
	if (last)
		t->c[top] = *last;
}

static void push(struct choice did, int faults, int turns)
{
	top++;
	if (!stack[top])
		stack[top] = calloc(1, sizeof *stack[top]);
	struct frame *f = stack[top];
	world_copy(&f->world, &now);
	f->did = did;
	f->faults = faults;
	f->turns = turns;
	f->next = 0;
	f->n = world_choices(&now, f->choices);
	f->usual = f->n > 0 && f->choices[0].kind <= URGENT_LAST ? 0 : f->n;
	if (top >= limits.depth)
		f->n = 0;
	else if (faults < limits.faults)
		f->n += world_faults(&now, f->choices + f->n);
	f->whole = f->n;
	count.states++;
	if (top > count.deepest)
		count.deepest = top;
}

static bool at_rest(const struct frame *f)
{
	for (int i = 0; i < f->whole; i++)
		if (f->choices[i].kind <= URGENT_LAST)
			return false;
	return true;
}

/* Mended, left alone, and gone on with in one order until it only repeats itself. */
static enum ending run_to_end(struct world *w)
{
	static uint64_t path[RUN_MOST];
	static struct choice c[CHOICES_MAX];
	int n = 0;
	world_heal(w);
	while (n < RUN_MOST) {
		uint64_t hash = world_hash(w);
		if (seen_has(&good, hash))
			break;
		bool again = false;
		for (int i = 0; i < n && !again; i++)
			again = path[i] == hash;
		int m = world_choices(w, c), k = 0;
		while (k < m && c[k].kind > URGENT_LAST && c[k].kind != DO_START && c[k].kind != DO_WAIT)
			k++;
		if (k == m || (again && c[k].kind == DO_WAIT)) {
			enum ending e = laws_at_end(w);
			count.endings[e]++;
			if (e == ENDS_BADLY)
				return e;
			break;
		}
		path[n++] = hash;
		world_do(w, c[k]);
		if (w->broken)
			return ENDS_BADLY;
	}
	if (n == RUN_MOST)
		return ENDS_BADLY;
	for (int i = 0; i < n; i++)
		seen_add(&good, path[i]);
	return ENDS_PROTECTED;
}

static const char *no_way_out(void)
{
	int i = 0;
	while (law_names[i + 1])
		i++;
	return law_names[i];
}

static void judge_rest(void)
{
	static struct world w;
	world_copy(&w, &stack[top]->world);
	count.ends++;
	if (run_to_end(&w) == ENDS_BADLY)
		keep_trace(w.broken ? w.broken : no_way_out(), NULL);
}

/* To kill ftd in the midst of it is another fault. */
static void add_cuts(struct frame *f, struct choice c, int places)
{
	if (f->faults >= limits.faults || c.cut != WHOLE || !(options.faults >> (FAULT_KILL_WITHIN - FAULT_KILL) & 1u))
		return;
	for (int cut = 0; cut < 2 * places && cut < CUTS_MOST && f->n < CHOICES_MAX * 3; cut++) {
		c.cut = (uint8_t)cut;
		f->choices[f->n++] = c;
	}
}

static int faults_in(struct choice c)
{
	return (c.kind >= FAULT_KILL) + (c.cut != WHOLE);
}

static void goes_on_for_ever(void)
{
	verbose = true;
	for (int i = top - 40; i < top; i++) {
		world_copy(&now, &stack[i]->world);
		world_do(&now, stack[i + 1]->did);
	}
	world_print(&now);
	fprintf(stderr, "a path of %d steps, whose last are above: something goes on for ever\n", DEPTH_MOST);
	exit(3);
}

static void search(void)
{
	while (top >= 0 && !(limits.first && is_broken())) {
		struct frame *f = stack[top];
		if (f->next == f->n) {
			top--;
			continue;
		}
		struct choice c = f->choices[f->next++];
		int faults = f->faults + faults_in(c),
		    turns = f->turns + (f->next - 1 > f->usual && c.kind < FAULT_KILL);
		if (faults > limits.faults || turns > limits.turns)
			continue;
		world_copy(&now, &f->world);
		int places = world_do(&now, c);
		count.steps++;
		add_cuts(f, c, places);
		if (now.broken) {
			keep_trace(now.broken, &c);
			continue;
		}
		if (now.freezes >= FREEZES_MOST)
			continue;
		uint64_t hash = world_hash(&now);
		if (is_known(hash, faults, turns, top + 1))
			continue;
		seen_add(&visited, spent(hash, faults, turns, top + 1));
		if (top + 1 == DEPTH_MOST) {
			goes_on_for_ever();
		}
		push(c, faults, turns);
		if (at_rest(stack[top]))
			judge_rest();
	}
}

/* ---- a trace, made short and shown ---- */

static bool is_possible(const struct world *w, struct choice c)
{
	struct choice all[CHOICES_MAX * 2];
	int n = world_choices(w, all);
	n += world_faults(w, all + n);
	for (int i = 0; i < n; i++)
		if (all[i].kind == c.kind && all[i].host == c.host && all[i].arg == c.arg)
			return true;
	return false;
}

static bool replay(const struct world *begin, const struct choice *c, int n, int without, const char *law)
{
	static struct world w;
	world_copy(&w, begin);
	for (int i = 0; i < n && !w.broken; i++) {
		if (i == without)
			continue;
		if (is_possible(&w, c[i]))
			world_do(&w, c[i]);
		else if (verbose)
			printf("impossible: %s\n", choice_names[c[i].kind]);
	}
	if (!w.broken) {
		if (verbose)
			printf("            all is mended now\n");
		free(good.slots);
		seen_make(&good, 1 << 12);
		if (run_to_end(&w) == ENDS_BADLY && !w.broken)
			w.broken = no_way_out();
	}
	if (verbose)
		world_print(&w);
	return w.broken && strcmp(w.broken, law) == 0;
}

static void show(const struct world *begin, struct trace *t)
{
	bool shorter = true;
	while (shorter) {
		shorter = false;
		for (int i = t->n - 1; i >= 0; i--) {
			if (!replay(begin, t->c, t->n, i, t->law))
				continue;
			memmove(t->c + i, t->c + i + 1, (size_t)(--t->n - i) * sizeof t->c[0]);
			shorter = true;
		}
	}
	int faults = 0;
	for (int i = 0; i < t->n; i++)
		faults += faults_in(t->c[i]);
	printf("\nBROKEN: %s (%llu times; here with %d faults, %d steps)\n", t->law, (unsigned long long)t->times,
	       faults, t->n);
	verbose = true;
	replay(begin, t->c, t->n, -1, t->law);
	verbose = false;
}

/* ---- */

/* Protected, and so for long: nothing that was lately matters any more. */
static void begin(struct world *w)
{
	struct choice c[CHOICES_MAX];
	uint64_t before = 0;
	world_begin(w);
	for (int i = 0; i < RUN_MOST; i++) {
		int n = world_choices(w, c);
		bool rests = n > 0 && c[0].kind == DO_WAIT;
		bool same = rests && before == world_hash(w);
		if (same && w->host[0].core.phase == FT_PHASE_PROTECTED && w->host[1].core.phase == FT_PHASE_PROTECTED)
			return;
		if (rests)
			before = world_hash(w);
		world_do(w, c[0]);
	}
	fprintf(stderr, "the pair does not come to be protected\n");
	exit(2);
}

static void report(double seconds)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	printf(
	    "at most %d faults, %d unusual turns: %llu worlds, %llu steps, %llu ends, %d steps deep; %.1f s, %ld MB\n",
	    limits.faults, limits.turns, (unsigned long long)count.states, (unsigned long long)count.steps,
	    (unsigned long long)count.ends, count.deepest, seconds, usage.ru_maxrss / 1024);
	for (int e = 0; e < ENDINGS; e++)
		if (count.endings[e])
			printf("    %llu end %s\n", (unsigned long long)count.endings[e], ending_names[e]);
	fflush(stdout);
}

static double clock_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* From few faults to many, so that what breaks is shown with as few as can be. */
static int explore(int most)
{
	static struct world first;
	begin(&first);
	stack = calloc(DEPTH_MOST + 1, sizeof *stack);
	for (limits.faults = 0; limits.faults <= most && !is_broken(); limits.faults++) {
		double since = clock_now();
		free(visited.slots);
		free(good.slots);
		seen_make(&visited, 1 << 16);
		seen_make(&good, 1 << 16);
		memset(&count, 0, sizeof count);
		world_copy(&now, &first);
		top = -1;
		push((struct choice){.kind = DO_WAIT, .cut = WHOLE}, 0, 0);
		seen_add(&visited, spent(world_hash(&now), 0, 0, 0));
		search();
		report(clock_now() - since);
	}
	for (int i = 0; law_names[i]; i++)
		if (traces[i])
			show(&first, traces[i]);
	return is_broken();
}

static void choose_kinds(const char *names)
{
	options.faults = 0;
	for (int k = FAULT_KILL; k < CHOICE_KINDS; k++) {
		const char *at = strstr(names, choice_names[k]);
		if (at)
			options.faults |= UINT64_C(1) << (k - FAULT_KILL);
	}
}

static bool judge_only(const char *name)
{
	for (int i = 0; law_names[i]; i++)
		if (strcmp(law_names[i], name) == 0) {
			laws_judged = 1u << i;
			return true;
		}
	return false;
}

static void leave_law_out(const char *name)
{
	for (int i = 0; law_names[i]; i++)
		if (strstr(law_names[i], name))
			laws_judged &= ~(1u << i);
}

static void usage(void)
{
	fputs("explore [--faults N] [--turns N] [--depth N] [--window MS] [--arbiter register|fence|behind] [--memory "
	      "MB]\n"
	      "        [--kinds FAULT,...] [--law LAW] [--without PART OF A "
	      "LAW]...\n"
	      "kinds of faults:",
	      stderr);
	for (int k = FAULT_KILL; k < CHOICE_KINDS; k++)
		fprintf(stderr, " %s", choice_names[k]);
	fputs("\n--law: it alone is judged, and the first time is enough\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option words[] = {
	    {"faults", required_argument, NULL, 'f'},  {"depth", required_argument, NULL, 'd'},
	    {"turns", required_argument, NULL, 't'},   {"window", required_argument, NULL, 'w'},
	    {"arbiter", required_argument, NULL, 'a'}, {"memory", required_argument, NULL, 'm'},
	    {"kinds", required_argument, NULL, 'k'},   {"without", required_argument, NULL, 'x'},
	    {"law", required_argument, NULL, 'l'},     {0}};
	for (int o; (o = getopt_long(argc, argv, "", words, NULL)) != -1;)
		switch (o) {
		case 'f':
			limits.faults = atoi(optarg);
			break;
		case 't':
			limits.turns = atoi(optarg);
			break;
		case 'd':
			limits.depth = atoi(optarg);
			break;
		case 'w':
			options.window_ms = atoi(optarg);
			break;
		case 'a':
			options.arbiter = strcmp(optarg, "fence") == 0    ? ARBITER_FENCE
			                  : strcmp(optarg, "behind") == 0 ? ARBITER_BEHIND
			                                                  : ARBITER_REGISTER;
			break;
		case 'm':
			memory = (uint64_t)atoll(optarg) << 20;
			break;
		case 'k':
			choose_kinds(optarg);
			break;
		case 'l':
			if (!judge_only(optarg))
				usage();
			limits.first = true;
			break;
		case 'x':
			leave_law_out(optarg);
			break;
		default:
			usage();
		}
	return explore(limits.faults);
}
