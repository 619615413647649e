/* What a leaving ftd leaves behind: a process dies, and it is told; not if another ftd has come since. */
#include "store/session_file.h"
#include "supervisor/herald.h"

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define GENEROUS_MS 20000
#define QUIET_MS    300

static char dir[64];
static int peer;
static struct ft_process qemu;
static struct ft_herald_word word;

static void file_is(char *path, const char *name)
{
	snprintf(path, 128, "%s/%s", dir, name);
}

static void write_session(const char *text)
{
	char path[128];
	file_is(path, FT_SESSION_FILE);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static const char *session(void)
{
	static char text[64];
	char path[128];
	file_is(path, FT_SESSION_FILE);
	FILE *f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	return text;
}

/* Its port is free again until somebody wants it. */
static void bind_to(struct sockaddr_in *at, int fd)
{
	socklen_t len = sizeof *at;
	*at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	ck_assert_int_eq(bind(fd, (struct sockaddr *)at, sizeof *at), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)at, &len), 0);
}

static void set_up(void)
{
	struct sockaddr_in at;
	strcpy(dir, "/tmp/ftd-test-herald.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	qemu.pid = fork();
	if (qemu.pid == 0)
		for (;;)
			pause();
	qemu.pidfd = pidfd_open(qemu.pid, 0);
	ck_assert_int_ge(qemu.pidfd, 0);
	memset(&word, 0, sizeof word);
	word.n_links = 1;
	struct ft_link_settings *c = &word.links[0];
	c->local_len = c->peer_len = sizeof at;
	peer = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bind_to(&at, peer);
	memcpy(&c->peer, &at, sizeof at);
	int own = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bind_to(&at, own);
	memcpy(&c->local, &at, sizeof at);
	close(own);
	for (int k = 0; k < FT_HERALD_ROUNDS; k++)
		word.len[0][k] = (size_t)snprintf((char *)word.data[0][k], FT_WIRE_MAX, "word %d", k);
	word.found = "released\n";
	word.resigned = "resigned\n";
	write_session(word.found);
}

static void qemu_dies(void)
{
	kill(qemu.pid, SIGKILL);
	ck_assert_int_eq(waitpid(qemu.pid, NULL, 0), qemu.pid);
	qemu.pid = 0;
}

static void tear_down(void)
{
	char command[128];
	if (qemu.pid)
		qemu_dies();
	ck_assert(ft_herald_relieve(dir, GENEROUS_MS));
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	close(qemu.pidfd);
	close(peer);
	snprintf(command, sizeof command, "rm -r %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static bool hears(int ms, char text[32])
{
	struct pollfd in = {.fd = peer, .events = POLLIN};
	if (poll(&in, 1, ms) <= 0)
		return false;
	ssize_t n = recv(peer, text, 31, 0);
	text[n > 0 ? n : 0] = '\0';
	return true;
}

START_TEST(the_death_is_put_on_disk_and_told)
{
	char text[32];
	ft_herald_leave(&word, &qemu, dir);
	ck_assert(!hears(QUIET_MS, text));
	ck_assert_str_eq(session(), word.found);
	qemu_dies();
	ck_assert(hears(GENEROUS_MS, text));
	ck_assert_str_eq(text, "word 0");
	ck_assert_str_eq(session(), word.resigned); /* before it is told */
	ck_assert(hears(GENEROUS_MS, text) && hears(GENEROUS_MS, text));
	ck_assert_str_eq(text, "word 2");
}
END_TEST

START_TEST(one_that_was_dead_already_is_told_at_once)
{
	char text[32];
	qemu_dies();
	ft_herald_leave(&word, &qemu, dir);
	ck_assert(hears(GENEROUS_MS, text));
}
END_TEST

START_TEST(without_an_arbiter_there_is_no_session_to_give_up)
{
	char text[32];
	word.found = word.resigned = NULL;
	ft_herald_leave(&word, &qemu, dir);
	qemu_dies();
	ck_assert(hears(GENEROUS_MS, text));
}
END_TEST

/* Whatever was agreed on since, it is not what was given up. */
START_TEST(what_another_ftd_has_written_since_is_left_alone)
{
	char text[32];
	ft_herald_leave(&word, &qemu, dir);
	write_session("bound\n");
	qemu_dies();
	ck_assert(!hears(QUIET_MS, text));
	ck_assert_str_eq(session(), "bound\n");
}
END_TEST

START_TEST(the_next_ftd_relieves_it)
{
	char text[32];
	ft_herald_leave(&word, &qemu, dir);
	ck_assert(ft_herald_relieve(dir, GENEROUS_MS));
	qemu_dies();
	ck_assert(!hears(QUIET_MS, text));
	ck_assert_str_eq(session(), word.found);
	ck_assert(ft_herald_relieve(dir, 0)); /* there is none */
}
END_TEST

/* The lock on state_dir, say: the next ftd may be here at once. */
START_TEST(once_it_is_left_it_holds_nothing_more_of_ours)
{
	char path[128];
	file_is(path, "lock");
	for (int i = 0; i < 20; i++) {
		int ours = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), next = open(path, O_RDWR | O_CLOEXEC);
		ck_assert_int_eq(flock(ours, LOCK_EX | LOCK_NB), 0);
		ft_herald_leave(&word, &qemu, dir);
		close(ours);
		ck_assert_int_eq(flock(next, LOCK_EX | LOCK_NB), 0);
		close(next);
		ck_assert(ft_herald_relieve(dir, GENEROUS_MS));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("herald");
	TCase *tc = tcase_create("herald");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, the_death_is_put_on_disk_and_told);
	tcase_add_test(tc, one_that_was_dead_already_is_told_at_once);
	tcase_add_test(tc, without_an_arbiter_there_is_no_session_to_give_up);
	tcase_add_test(tc, what_another_ftd_has_written_since_is_left_alone);
	tcase_add_test(tc, the_next_ftd_relieves_it);
	tcase_add_test(tc, once_it_is_left_it_holds_nothing_more_of_ours);
	suite_add_tcase(s, tc);
	SRunner *runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
