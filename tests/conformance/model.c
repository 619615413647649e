/* model SCRIPTS SEEDS: plays the scripts on the simulation's two QEMUs, in virtual time, each with so many seeds, and
 * prints "LINE<tab>VALUE<tab>MS" for each observation: what was seen (several values with | if chance decides) and, for
 * "within", the longest time it took.
 * model --plan: the commands of both plans, for who gives them to real QEMUs:
 * "NODE<tab>CHANNEL<tab>COMMAND<tab>WHAT<tab>REQUEST".
 *
 * Knows: the scripts' language (its words are explained in scripts), tests/sim.  No ftd runs in this world: each side's
 * counts as stopped, and what QEMU has to say to it is read from its inbox. */
#include "tests/sim/sim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX  1000
#define WORDS_MAX  6
#define VALUES_MAX 200
#define FIRST      MS(1000) /* the pair is up, and its first checkpoint through */

struct line {
	char text[160];
	int n;
	const char *word[WORDS_MAX];
	char values[VALUES_MAX];
	double ms;
};
static struct line lines[LINES_MAX];
static int n_lines;

/* What has been seen and asked of each side in the script that is played. */
static struct side {
	int exits;
	bool checkpoint; /* since the last act */
	uint32_t run;    /* the last order */
	int steps, answered;
	bool refused;
} side[2];

static const struct line *awaited;

static void complain(int line, const char *what)
{
	fprintf(stderr, "line %d: %s\n", line + 1, what);
	exit(2);
}

/* ---- what is seen ---- */

static void hear(int host)
{
	struct ftd *f = &w.host[host].ftd;
	struct side *s = &side[host];
	for (int i = 0; i < f->n_inbox; i++) {
		const struct happening *h = &f->inbox[i];
		s->exits += h->what == FTD_COLO_EXIT;
		s->checkpoint |= h->what == FTD_CHECKPOINT && qemu_answers(host, FT_CHANNEL_QMP);
		if (h->what == FTD_REPLY && h->arg == s->run) {
			s->answered++;
			s->refused |= h->error;
		}
	}
	f->n_inbox = 0;
}

static const char *yes(bool it_is)
{
	return it_is ? "yes" : "no";
}

static const char *process(const struct qemu *q)
{
	return !q->alive ? "gone" : q->stopped ? "stopped" : "runs";
}

static const char *reply(const struct side *s)
{
	if (s->answered < s->steps)
		return "silent";
	return s->refused ? "error" : "ok";
}

/* Valid until the next call. */
static const char *see(int line, int host, const char *thing)
{
	static char text[40];
	const struct qemu *q = &w.host[host].qemu;
	bool answers = qemu_answers(host, FT_CHANNEL_QMP);
	if (!strcmp(thing, "process"))
		return process(q);
	if (!strcmp(thing, "answers"))
		return yes(answers);
	if (!strcmp(thing, "oob"))
		return yes(qemu_answers(host, FT_CHANNEL_OOB));
	if (!strcmp(thing, "master"))
		return yes(runs_as_master(host) && !q->halted);
	if (!strcmp(thing, "checkpoint"))
		return yes(side[host].checkpoint);
	if (!strcmp(thing, "reply"))
		return reply(&side[host]);
	if (!strcmp(thing, "exits"))
		snprintf(text, sizeof text, "%d", side[host].exits);
	else if (!strcmp(thing, "colo") && answers)
		snprintf(text, sizeof text, "%s/%s", ft_role_name(q->mode), ft_role_name(q->last));
	else if (!strcmp(thing, "colo"))
		snprintf(text, sizeof text, "silent");
	else
		complain(line, "nothing of that name can be seen");
	return text;
}

static int host_of(int line, const char *name)
{
	if (strcmp(name, "alpha") != 0 && strcmp(name, "beta") != 0)
		complain(line, "alpha or beta is missing");
	return !strcmp(name, "beta");
}

static bool seen(void)
{
	int line = (int)(awaited - lines);
	hear(0);
	hear(1);
	return !strcmp(see(line, host_of(line, awaited->word[2]), awaited->word[3]), awaited->word[4]);
}

static bool just_hear(void)
{
	hear(0);
	hear(1);
	return false;
}

static void run_for(double ms)
{
	world_run(w.now + MS(ms), just_hear);
}

/* ---- what is done ---- */

static bool wanted(const struct ft_step *s, const char *command, const char *what)
{
	if (s->policy == FT_PROVE)
		return false;
	return !strcmp(command, "plan") || (!strcmp(s->command, command) && (!what || !strcmp(s->what, what)));
}

static void order(int line, int host, const char *command, const char *what)
{
	const struct ft_plan *plan = plan_of(host ? FT_ROLE_SECONDARY : FT_ROLE_PRIMARY);
	struct side *s = &side[host];
	*s = (struct side){.exits = s->exits, .run = s->run + 1};
	for (int i = 0; i < plan->n; i++)
		if (wanted(&plan->steps[i], command, what)) {
			struct happening *h = later(0.1, QEMU_COMMAND, host);
			h->arg = s->run;
			h->more = plan->role;
			h->detail = (uint8_t)i;
			s->steps++;
		}
	if (s->steps == 0)
		complain(line, "the plan has no such step");
}

static void crash(int host)
{
	host_crash(host);
	w.host[host].ftd.running = FTD_STOPPED;
}

static void boot(int host)
{
	later(0, HOST_BOOT, host);
	run_for(0);
}

static bool in_checkpoint(void)
{
	just_hear();
	return w.host[0].qemu.checkpoint == CHECKPOINT_RUNS;
}

static void catch_host(int host)
{
	qemu_probe(0);
	if (!in_checkpoint())
		world_run(w.now + SECOND(1), in_checkpoint);
	qemu_signal_stop(host);
}

static void rebuild(int host)
{
	qemu_start(host, FT_ROLE_SECONDARY);
	w.host[host].ftd.spoken = true;
	qemu_protect(1 - host);
	run_for((double)FIRST / 1e6);
	side[host].exits = 0;
}

static void act_on(int line, const char *verb, int host)
{
	if (!strcmp(verb, "kill"))
		qemu_kill(host);
	else if (!strcmp(verb, "end"))
		qemu_end(host, FT_ENDING_HOST);
	else if (!strcmp(verb, "stop"))
		qemu_signal_stop(host);
	else if (!strcmp(verb, "cont"))
		qemu_signal_cont(host);
	else if (!strcmp(verb, "checkpoint"))
		qemu_probe(host);
	else if (!strcmp(verb, "catch"))
		catch_host(host);
	else if (!strcmp(verb, "rebuild"))
		rebuild(host);
	else if (!strcmp(verb, "crash"))
		crash(host);
	else if (!strcmp(verb, "boot"))
		boot(host);
	else
		complain(line, "nothing of that name can be done");
}

static void restore(void)
{
	w.colo_silent = 0;
	colo_closes(0);
	colo_closes(1);
}

static void act(int line, const struct line *l)
{
	const char *verb = l->word[0];
	if (!strcmp(verb, "every"))
		w.checkpoint_every = MS(atof(l->word[1]));
	else if (!strcmp(verb, "silence"))
		w.colo_silent = 1;
	else if (!strcmp(verb, "restore"))
		restore();
	else if (!strcmp(verb, "close"))
		colo_close();
	else if (!strcmp(verb, "order") && l->n >= 3)
		order(line, host_of(line, l->word[1]), l->word[2], l->n > 3 ? l->word[3] : NULL);
	else if (l->n == 2)
		act_on(line, verb, host_of(line, l->word[1]));
	else
		complain(line, "not understood");
	side[0].checkpoint = side[1].checkpoint = false;
}

/* ---- playing ---- */

static void remember(struct line *l, const char *value)
{
	size_t len = strlen(l->values);
	char all[VALUES_MAX + 2], one[VALUES_MAX];
	snprintf(all, sizeof all, "|%s|", l->values);
	snprintf(one, sizeof one, "|%s|", value);
	if (!strstr(all, one))
		snprintf(l->values + len, sizeof l->values - len, "%s%s", len ? "|" : "", value);
}

/* Returns false if this world is none of those that the script is about. */
static bool play(int line)
{
	struct line *l = &lines[line];
	const char *verb = l->word[0];
	if (!strcmp(verb, "wait") && l->n == 2) {
		run_for(atof(l->word[1]));
	} else if (!strcmp(verb, "see") && l->n == 4) {
		remember(l, see(line, host_of(line, l->word[1]), l->word[2]));
	} else if (!strcmp(verb, "within") && l->n == 5) {
		int64_t from = w.now;
		awaited = l;
		if (!seen())
			world_run(from + MS(atof(l->word[1])), seen);
		double took = (double)(w.now - from) / 1e6;
		l->ms = took > l->ms ? took : l->ms;
		remember(l, see(line, host_of(line, l->word[2]), l->word[3]));
	} else if (!strcmp(verb, "given") && l->n == 4) {
		return !strcmp(see(line, host_of(line, l->word[1]), l->word[2]), l->word[3]);
	} else {
		act(line, l);
	}
	return true;
}

static void begin(uint64_t seed, double every)
{
	static const struct options options = {.kinds = UINT32_MAX, .freeze_ms = 12};
	world_begin(seed, &options, false);
	w.n_queue = 0; /* none of the faults that it plans, and no ftd */
	memset(side, 0, sizeof side);
	for (int i = 0; i < 2; i++) {
		struct ftd *f = &w.host[i].ftd;
		f->running = FTD_STOPPED;
		f->spoken = true;
		f->life = ++w.names;
		qemu_start(i, i ? FT_ROLE_SECONDARY : FT_ROLE_PRIMARY);
	}
	w.checkpoint_every = MS(every);
	run_for((double)FIRST / 1e6);
}

/* Returns the line after the script's last. */
static int play_script(int line, uint64_t seed)
{
	bool slow = line + 1 < n_lines && lines[line + 1].n == 2 && !strcmp(lines[line + 1].word[0], "every");
	begin(seed, slow ? atof(lines[line + 1].word[1]) : 300);
	bool goes_on = true;
	for (line++; line < n_lines && (lines[line].n == 0 || strcmp(lines[line].word[0], "script") != 0); line++)
		if (lines[line].n > 0 && goes_on)
			goes_on = play(line);
	return line;
}

static void read_scripts(const char *path)
{
	FILE *in = fopen(path, "r");
	if (!in) {
		perror(path);
		exit(2);
	}
	for (; n_lines < LINES_MAX && fgets(lines[n_lines].text, sizeof lines[0].text, in); n_lines++) {
		struct line *l = &lines[n_lines];
		l->text[strcspn(l->text, "#\n")] = 0;
		char *unless = strstr(l->text, " unless "); /* of some real QEMUs; the model has one way */
		if (unless)
			*unless = 0;
		bool title = !strncmp(l->text, "script ", 7);
		for (char *p = strtok(l->text, " \t"); p && l->n < (title ? 1 : WORDS_MAX); p = strtok(NULL, " \t"))
			l->word[l->n++] = p;
	}
	fclose(in);
}

static void print_plans(void)
{
	for (int host = 0; host < 2; host++) {
		const struct ft_plan *plan = plan_of(host ? FT_ROLE_SECONDARY : FT_ROLE_PRIMARY);
		for (int i = 0; i < plan->n; i++) {
			const struct ft_step *s = &plan->steps[i];
			if (wanted(s, "plan", NULL))
				printf("%s\t%s\t%s\t%s\t%s\n", host ? "beta" : "alpha",
				       s->channel == FT_CHANNEL_OOB ? "oob" : "qmp", s->command, s->what, s->text);
		}
	}
}

int main(int argc, char **argv)
{
	ftd_prepare();
	if (argc == 2 && !strcmp(argv[1], "--plan")) {
		print_plans();
		return 0;
	}
	if (argc != 3) {
		fprintf(stderr, "usage: model SCRIPTS SEEDS\n       model --plan\n");
		return 2;
	}
	read_scripts(argv[1]);
	for (uint64_t seed = 1; seed <= strtoull(argv[2], NULL, 10); seed++)
		for (int line = 0; line < n_lines;)
			line = lines[line].n > 0 && !strcmp(lines[line].word[0], "script") ? play_script(line, seed)
			                                                                   : line + 1;
	for (int i = 0; i < n_lines; i++)
		if (*lines[i].values)
			printf("%d\t%s\t%.1f\n", i + 1, lines[i].values, lines[i].ms);
	return 0;
}
