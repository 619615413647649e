/* A daemon that leaves while somebody waits for an answer that hangs on the disk. */
#include "config/config.h"
#include "supervisor/daemon_internal.h"

#include <check.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[64];

static void write_file(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void write_file(const char *name, const char *format, ...)
{
	char path[128];
	va_list args;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fchmod(fileno(f), 0600), 0);
	va_start(args, format);
	vfprintf(f, format, args);
	va_end(args);
	fclose(f);
}

static struct ft_daemon *start(void)
{
	char path[128];
	strcpy(dir, "/tmp/ftd-test-leave.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	write_file("key", "%064d\n", 7);
	write_file("ft.conf",
	           "pair = \"vm1\"; node = \"alpha\"; state_dir = \"%s\"; arbiter: { type = \"none\"; };\n"
	           "heartbeat: { key_file = \"%s/key\"; links = ({ local = \"127.%d.%d.1:7400\"; peer = "
	           "\"127.0.0.1:9\"; }); };\n"
	           "qmp: { socket = \"%s/qmp\"; oob_socket = \"%s/oob\"; };\n"
	           "control: { socket = \"%s/control\"; };\n",
	           dir, dir, getpid() >> 8 & 0xff, getpid() & 0xff, dir, dir, dir);
	snprintf(path, sizeof(path), "%s/ft.conf", dir);
	struct ft_config *config = ft_config_load(path, stderr);
	ck_assert_ptr_nonnull(config);
	struct ft_daemon *d = ft_daemon_new(config, true, stderr);
	ck_assert_ptr_nonnull(d);
	ft_daemon_feed(d, &(struct ft_event){.kind = FT_EVENT_TIME});
	return d;
}

static int ask(const char *request)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/control", dir);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
	return fd;
}

START_TEST(an_outcome_that_is_not_on_disk_yet_is_told_once)
{
	char answer[4096], command[128];
	struct ft_daemon *d = start();
	kill(ft_writer_pid(d->writer), SIGSTOP); /* the disk hangs */
	int fd = ask("{\"verb\":\"failover\"}\n");
	while (d->n_calls == 0 || !ft_record_busy(&d->core.record))
		ck_assert_int_eq(event_base_loop(d->base, EVLOOP_ONCE), 0);
	ft_daemon_free(d);
	ssize_t n = recv(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT);
	ck_assert_int_gt(n, 0);
	answer[n] = '\0';
	ck_assert_ptr_nonnull(strstr(answer, "\"result\":\"refused\""));
	ck_assert_ptr_eq(strchr(answer, '\n'), answer + n - 1);
	close(fd);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("leave");
	TCase *c = tcase_create("leave");
	tcase_add_test(c, an_outcome_that_is_not_on_disk_yet_is_told_once);
	tcase_set_timeout(c, 30);
	suite_add_tcase(s, c);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
