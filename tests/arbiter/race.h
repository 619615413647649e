/* For the arbiter's tests: several processes race for the same registers, round by round, and are killed at any
 * moment; the dead come again and go on where they were.  In each round all must have been told one and the same
 * winner. */
#ifndef FT_TESTS_ARBITER_RACE_H
#define FT_TESTS_ARBITER_RACE_H

#include <check.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RACERS     4
#define ROUNDS_MAX 3000

static const char *const racer_names[RACERS] = {"alpha", "beta", "gamma", "delta"};

/* Shared by all processes of a race. */
struct race {
	int rounds;
	volatile int done[RACERS];              /* rounds done; survives the racer's death */
	unsigned char told[ROUNDS_MAX][RACERS]; /* 0 nothing yet, else 1 + the winner's number */
};

/* Claims in every round from race->done[self] on, and notes each answer. */
typedef void racer_main(struct race *race, int self);
/* Does to the world what happens between two deaths; NULL: nothing. */
typedef void race_trouble(void);

static inline int racer_number(const char *name)
{
	for (int i = 0; i < RACERS; i++) {
		if (strcmp(racer_names[i], name) == 0)
			return i;
	}
	ck_abort_msg("nobody is called %s", name);
	return -1;
}

/* All begin a round together. */
static inline void race_line_up(const struct race *race, int round)
{
	for (int i = 0; i < RACERS; i++) {
		while (race->done[i] < round)
			usleep(50);
	}
}

static inline void race_note(struct race *race, int self, int round, const char *winner)
{
	unsigned char *told = &race->told[round][self];
	ck_assert(*told == 0 || *told == 1 + racer_number(winner)); /* the word given before a death still holds */
	*told = (unsigned char)(1 + racer_number(winner));
	race->done[self] = round + 1;
}

/* In a racer: check notes each assertion in a file of the test's, buffered, and a racer that is killed as it writes would leave half a
 * note between the test's own.  What a racer says of itself is its exit status. */
static inline void race_take_no_notes(void)
{
	struct stat file;
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	for (int fd = STDERR_FILENO + 1; fd < 64; fd++) {
		if (fstat(fd, &file) == 0 && S_ISREG(file.st_mode))
			dup2(nowhere, fd);
	}
}

static inline pid_t race_start(racer_main *run, struct race *race, int self)
{
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid != 0)
		return pid;
	race_take_no_notes();
	run(race, self);
	_exit(0);
}

static inline struct race *race_new(int rounds)
{
	struct race *race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(race, MAP_FAILED);
	race->rounds = rounds;
	return race;
}

/* Runs the race to its end. every_us: how often, at random, a racer is killed. Returns how many died. */
static inline int race_run(struct race *race, racer_main *run, uint32_t every_us, race_trouble *trouble)
{
	pid_t pids[RACERS];
	int deaths = 0, left = RACERS;
	for (int i = 0; i < RACERS; i++)
		pids[i] = race_start(run, race, i);
	while (left > 0) {
		usleep(every_us / 4 + randombytes_uniform(every_us));
		if (trouble != NULL)
			trouble();
		int i = (int)randombytes_uniform(RACERS), status = 0;
		if (pids[i] == 0)
			continue;
		kill(pids[i], SIGKILL);
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_msg(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0,
		              "racer %s failed", racer_names[i]);
		deaths += WIFSIGNALED(status);
		left -= race->done[i] == race->rounds;
		pids[i] = race->done[i] == race->rounds ? 0 : race_start(run, race, i);
	}
	return deaths;
}

/* Who stands in the register of this round. */
typedef const char *race_holder(int round);

/* Ends the race. */
static inline void race_judge(struct race *race, race_holder *holder)
{
	int wins[RACERS] = {0};
	for (int round = 0; round < race->rounds; round++) {
		const char *name = holder(round);
		for (int i = 0; i < RACERS; i++)
			ck_assert_msg(race->told[round][i] == 1 + racer_number(name),
			              "round %d: %s was told %d, the register says %s", round, racer_names[i],
			              race->told[round][i], name);
		wins[racer_number(name)]++;
	}
	int winners = 0;
	for (int i = 0; i < RACERS; i++)
		winners += wins[i] > 0;
	ck_assert_msg(winners > 1, "one has won every round: that was no race");
	munmap(race, sizeof(*race));
}

#endif
