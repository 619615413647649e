/* The session against a QMP server that misbehaves on order, and against a real QEMU where one is installed. */
#include "qmp/session.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/timer.h"
#include "tests/unit/fake_qmp.h"

#include <check.h>
#include <dirent.h>
#include <event2/event.h>
#include <sys/stat.h>

#define PATIENCE  (30 * INT64_C(1000000000))
#define TIMEOUT   300 /* reply_timeout_ms of these tests */
#define QUIET_MS  700 /* for what must not happen; longer than TIMEOUT */
#define LOG_LINES 65536

static char dir[64];
static struct event_base *base;
static struct ft_timers *timers;
static struct event *ticker;
static struct ft_qmp *qmp;
static struct ft_qmp_settings config;
static struct fake fake;

/* What the callbacks told. */
static struct {
	int views, checkpoints, colo_exits, hangs, done, finished;
	int64_t took; /* the newest checkpoint */
	struct ft_qemu_view view;
	char colo_exit[64], hung[FT_TEXT_MAX];
	int shutdowns, resets, disks[2]; /* the peer's, our own */
	char disk[FT_TEXT_MAX];
	char shutdown[64];
	struct ft_plan_report report;
	bool ran_inside; /* plan_done came while ft_qmp_run_plan had not returned */
	bool running;
	bool run_on_exit; /* the core runs a plan from inside a callback */
} told;

static void on_view(void *arg, const struct ft_qemu_view *view, int64_t now)
{
	(void)arg, (void)now;
	told.views++;
	told.view = *view;
}

static void on_colo_exit(void *arg, const char *mode, const char *reason, int64_t now)
{
	(void)arg, (void)now;
	told.colo_exits++;
	snprintf(told.colo_exit, sizeof told.colo_exit, "%s %s", mode, reason);
	if (told.run_on_exit)
		ft_qmp_run_plan(qmp);
}

static void on_checkpoint(void *arg, int64_t took, int64_t now)
{
	(void)arg, (void)now;
	told.took = took;
	told.checkpoints++;
}

static void on_hung(void *arg, const char *evidence, int64_t now)
{
	(void)arg, (void)now;
	told.hangs++;
	snprintf(told.hung, sizeof told.hung, "%s", evidence);
}

static void on_plan_done(void *arg, const struct ft_plan_report *report, int64_t now)
{
	(void)arg, (void)now;
	told.done++;
	told.ran_inside |= told.running;
	told.report = *report;
}

static void on_plan_finished(void *arg, const struct ft_plan_report *report, int64_t now)
{
	(void)arg, (void)now;
	ck_assert_int_eq(told.done, told.finished + 1);
	told.finished++;
	told.report = *report;
}

static void on_disk(void *arg, bool own, const char *what, int64_t now)
{
	(void)arg, (void)now;
	told.disks[own]++;
	snprintf(told.disk, sizeof told.disk, "%s", what);
}

static void on_shutdown(void *arg, const char *reason, int64_t now)
{
	(void)arg, (void)now;
	told.shutdowns += reason != NULL;
	told.resets += reason == NULL;
	snprintf(told.shutdown, sizeof told.shutdown, "%s", reason ? reason : "");
}

/* ---- the frame ---- */

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

static void set_up(void)
{
	struct timeval tick = {.tv_usec = 5000};
	memset(&told, 0, sizeof told);
	snprintf(dir, sizeof dir, "/tmp/ft-session-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	char log[96];
	snprintf(log, sizeof log, "%s/log", dir);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, STDERR_FILENO);
	close(fd);
	ft_log_init("test");
	base = event_base_new();
	timers = ft_timers_new(base);
	ticker = event_new(base, -1, EV_PERSIST, on_tick, NULL);
	event_add(ticker, &tick);
	fake_prepare(&fake, dir, "fake");
}

static void remove_dir(void)
{
	char path[400];
	DIR *d = opendir(dir);
	ck_assert_ptr_nonnull(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		unlink(path);
	}
	closedir(d);
	ck_assert_int_eq(rmdir(dir), 0);
}

static void tear_down(void)
{
	ft_qmp_free(qmp);
	qmp = NULL;
	ft_timers_free(timers);
	event_free(ticker);
	event_base_free(base);
	fake_end(&fake);
	remove_dir();
}

static void open_session(const char *qmp_path, const char *oob_path)
{
	static const struct ft_qmp_callbacks callbacks = {on_view,      on_colo_exit,     on_checkpoint, on_hung,
	                                                  on_plan_done, on_plan_finished, on_disk,       on_shutdown};
	snprintf(config.socket, sizeof config.socket, "%s", qmp_path);
	snprintf(config.oob_socket, sizeof config.oob_socket, "%s", oob_path);
	config.reply_timeout_ms = TIMEOUT;
	qmp = ft_qmp_new(base, timers, &config, &callbacks, NULL);
}

static void open_fake(void)
{
	open_session(fake.paths[FAKE_QMP], fake.paths[FAKE_OOB]);
}

#define RUN_UNTIL(condition)                                                                                           \
	do {                                                                                                           \
		int64_t end = ft_clock_now() + PATIENCE;                                                               \
		while (!(condition) && ft_clock_now() < end)                                                           \
			event_base_loop(base, EVLOOP_ONCE);                                                            \
		ck_assert_msg(condition, "never came true: %s", #condition);                                           \
	} while (0)

static void run_for(int ms)
{
	for (int64_t end = ft_clock_now() + ms * FT_NS_PER_MS; ft_clock_now() < end;)
		event_base_loop(base, EVLOOP_ONCE);
}

static bool ready(void)
{
	const struct ft_qemu_view *v = &told.view;
	return v->connected && v->oob && v->plan_ready && v->pid_verified;
}

static void come_up(void)
{
	fake_start(&fake);
	open_fake();
	RUN_UNTIL(ready());
}

static const char *log_text(void)
{
	static char log[LOG_LINES];
	char path[96];
	snprintf(path, sizeof path, "%s/log", dir);
	FILE *f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	log[fread(log, 1, sizeof log - 1, f)] = '\0';
	fclose(f);
	return log;
}

static bool logged(const char *text)
{
	return strstr(log_text(), text) != NULL;
}

static enum ft_step_result result_of(const char *command)
{
	for (int i = 0; i < told.report.n_steps; i++)
		if (strcmp(told.report.steps[i].command, command) == 0)
			return told.report.steps[i].result;
	ck_abort_msg("no step %s", command);
	return FT_STEP_SKIPPED;
}

/* ---- coming up ---- */

START_TEST(learns_everything)
{
	come_up();
	const struct ft_qemu_view *v = &told.view;
	ck_assert_int_eq(v->vm, FT_VM_ALIVE);
	ck_assert_int_eq(v->pid, fake.pid);
	ck_assert_str_eq(v->version, "7.2.22");
	ck_assert_str_eq(v->status, "running");
	ck_assert_int_eq(v->role, FT_ROLE_SECONDARY);
	ck_assert_int_eq(v->last_role, FT_ROLE_NONE);
	ck_assert_int_eq(v->checkpoint_ms, 345);
	ck_assert_str_eq(v->plan_fault, "");
	ck_assert_int_eq(ft_qmp_plan(qmp)->role, FT_ROLE_SECONDARY);
	ck_assert_int_eq(ft_qmp_process(qmp)->pid, fake.pid);
	/* A quiet QEMU changes nothing, and nobody is told. */
	int views = told.views;
	run_for(2500);
	ck_assert_int_eq(told.views, views);
}
END_TEST

/* ---- what it is ---- */

/* The peer is told, to compare; and who asks for a check is told what is so now. */
START_TEST(what_it_is_is_asked_for)
{
	come_up();
	const struct ft_traits *t = ft_qmp_traits(qmp);
	RUN_UNTIL(told.view.emulator.machine[0] && t->memory != 0);
	ck_assert_str_eq(told.view.emulator.machine, "pc-i440fx-7.2");
	ck_assert(told.view.emulator.major == 7 && told.view.emulator.minor == 2 && told.view.emulator.micro == 22);
	ck_assert_uint_eq(t->memory, 16 << 20);
	ck_assert(t->capabilities_known && t->colo && !t->return_path);
	fake.orders->return_path = 1;
	ft_qmp_ask_traits(qmp);
	RUN_UNTIL(t->return_path);
}
END_TEST

/* A secondary that waits has not been in COLO yet: that is when it matters most. */
START_TEST(also_while_the_migration_comes_in)
{
	fake_start(&fake);
	fake.orders->comes_in = 1;
	open_fake();
	RUN_UNTIL(told.view.emulator.machine[0] && ft_qmp_traits(qmp)->capabilities_known);
	ck_assert_str_eq(told.view.status, "inmigrate");
}
END_TEST

/* ---- what is not understood ---- */

START_TEST(a_plan_beside_an_unknown_connection_is_not_ready)
{
	come_up();
	fake.orders->stranger = 1;
	RUN_UNTIL(ft_qmp_doubts(qmp)->n == 1);
	ck_assert(!told.view.plan_ready);
	ck_assert_ptr_nonnull(strstr(told.view.plan_fault, "chardev mon0"));
	ck_assert(logged("chardev mon0"));
	ck_assert(ft_qmp_plan(qmp) && told.view.plan_doubted); /* better than none */
	fake.orders->stranger = 0;
	RUN_UNTIL(told.view.plan_ready);
	ck_assert_str_eq(told.view.plan_fault, "");
	ck_assert(!told.view.plan_doubted);
	ck_assert_int_eq(ft_qmp_doubts(qmp)->n, 0);
}
END_TEST

START_TEST(a_person_overrules_a_doubt)
{
	fake.orders->stranger = 1;
	fake_start(&fake);
	open_fake();
	RUN_UNTIL(ft_qmp_doubts(qmp)->n == 1);
	ck_assert_ptr_nonnull(strstr(told.view.plan_fault, "chardev mon0"));
	config.disregard.n = 1;
	strcpy(config.disregard.name[0], "chardev mon1");
	ft_qmp_reconfigure(qmp, &config);
	run_for(500);
	ck_assert(!told.view.plan_ready);
	strcpy(config.disregard.name[0], "chardev mon0");
	ft_qmp_reconfigure(qmp, &config);
	RUN_UNTIL(told.view.plan_ready);
	ck_assert_int_eq(ft_qmp_doubts(qmp)->n, 1); /* it is there as before, for who asks */
	config.disregard.n = 0;
	ft_qmp_reconfigure(qmp, &config);
	RUN_UNTIL(!told.view.plan_ready);
}
END_TEST

/* What a failover has left of COLO looks odd, and must not keep the rest of it from being done. */
START_TEST(nothing_is_doubted_once_a_plan_was_run)
{
	come_up();
	fake.orders->refuses = 1;
	ft_qmp_run_plan(qmp);
	RUN_UNTIL(told.finished == 1 && !told.report.ok);
	fake.orders->stranger = 1;
	RUN_UNTIL(ft_qmp_doubts(qmp)->n == 1);
	ck_assert_int_eq(told.view.role, FT_ROLE_SECONDARY);
	ck_assert_msg(told.view.plan_ready, "%s", told.view.plan_fault);
}
END_TEST

/* ---- which process is QEMU ---- */

/* Passes bytes on from front to back, as a proxy into a container does. */
static void pass_on(const char *const front[2], const char *const back[2])
{
	struct pollfd fds[6]; /* two listeners, and both ends of a connection of each */
	char bytes[4096];
	for (int i = 0; i < 6; i++)
		fds[i] = (struct pollfd){.fd = i < 2 ? fake_listen(front[i]) : -1, .events = POLLIN};
	for (;;) {
		poll(fds, 6, -1);
		for (int i = 0; i < 2; i++) {
			if (!fds[i].revents)
				continue;
			struct sockaddr_un address = {.sun_family = AF_UNIX};
			snprintf(address.sun_path, sizeof address.sun_path, "%s", back[i]);
			fds[2 + i].fd = accept(fds[i].fd, NULL, NULL);
			fds[4 + i].fd = socket(AF_UNIX, SOCK_STREAM, 0);
			if (connect(fds[4 + i].fd, (struct sockaddr *)&address, sizeof address) < 0)
				_exit(1);
		}
		for (int i = 2; i < 6; i++) {
			int other = i < 4 ? i + 2 : i - 2;
			ssize_t n = fds[i].fd >= 0 && fds[i].revents ? read(fds[i].fd, bytes, sizeof bytes) : 1;
			if (n <= 0 || (fds[i].revents && fds[i].fd >= 0 && write(fds[other].fd, bytes, (size_t)n) != n))
				_exit(1);
		}
	}
}

static char proxy_paths[2][108];

static pid_t start_proxy(const char *qmp_path, const char *oob_path)
{
	const char *const back[2] = {qmp_path, oob_path}, *const front[2] = {proxy_paths[0], proxy_paths[1]};
	for (int i = 0; i < 2; i++)
		snprintf(proxy_paths[i], sizeof proxy_paths[i], "%s/proxy%d.sock", dir, i);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pass_on(front, back);
	}
	for (int i = 0; i < 3000 && access(proxy_paths[1], F_OK) != 0; i++)
		usleep(10000);
	return pid;
}

/* QEMU's thread ids are of a pid namespace of its own, where the numbers are small: a thread of the proxy or of a stranger
 * has the same one here.  Whoever takes that for proof freezes them, while the guest runs on. */
START_TEST(a_proxy_is_not_taken_for_qemu_by_its_number)
{
	enum { PROXY, STRANGER };
	fake_start(&fake);
	pid_t proxy = start_proxy(fake.paths[FAKE_QMP], fake.paths[FAKE_OOB]);
	fake.orders->thread_id = _i == PROXY ? proxy : getppid();
	open_session(proxy_paths[0], proxy_paths[1]);
	RUN_UNTIL(told.view.plan_ready && logged("is not shown to be QEMU"));
	ck_assert(logged("(a proxy?)"));
	ck_assert(!told.view.pid_verified);
	ck_assert_int_eq(ft_qmp_process(qmp)->pid, proxy);
	/* Nor does its end mean that the guest has ended. */
	kill(proxy, SIGKILL);
	waitpid(proxy, NULL, 0);
	RUN_UNTIL(!told.view.connected && told.view.vm == FT_VM_UNKNOWN);
	run_for(QUIET_MS);
	ck_assert_int_eq(told.view.vm, FT_VM_UNKNOWN);
}
END_TEST

START_TEST(the_process_behind_a_passed_socket_is_found)
{
	fake.socket_passed = true;
	come_up();
	ck_assert_int_eq(ft_qmp_process(qmp)->pid, fake.pid);
	ck_assert(logged("listens on the socket, QEMU itself is process"));
	fake_kill(&fake);
	RUN_UNTIL(told.view.vm == FT_VM_GONE);
}
END_TEST

/* Keeps whatever it is passed, as a daemon may, and does nothing else. */
static pid_t start_borrower(int *lender)
{
	int ends[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		struct fake_client c = {.fd = ends[1]};
		close(ends[0]);
		for (;;) {
			struct pollfd readable = {.fd = ends[1], .events = POLLIN};
			poll(&readable, 1, -1);
			c.len = 0;
			fake_receive(&c);
		}
	}
	close(ends[1]);
	*lender = ends[0];
	return pid;
}

/* The token is no proof alone: whoever has it may pass it on to a process that was to be ended in its place. */
START_TEST(the_proof_cannot_be_lent)
{
	pid_t victim = start_borrower(&fake_lends_to);
	fake.orders->thread_id = victim;
	fake_start(&fake);
	open_fake();
	RUN_UNTIL(told.view.plan_ready && logged("is not shown to be QEMU"));
	run_for(QUIET_MS);
	ck_assert(!told.view.pid_verified);
	ck_assert_int_eq(ft_qmp_process(qmp)->pid, fake.pid);
	ck_assert(logged("and writes the answers"));
	close(fake_lends_to);
	fake_lends_to = -1;
	kill(victim, SIGKILL);
	waitpid(victim, NULL, 0);
}
END_TEST

/* Nor has a user who listens anybody's but his own process end in the place of his QEMU. */
START_TEST(who_listens_speaks_for_no_other_user)
{
	if (geteuid() != 0) {
		printf("NOTE: it takes root to be another user; a socket that one passes to another was not tried\n");
		return;
	}
	ck_assert_int_eq(chmod(dir, 0777), 0);
	fake.socket_passed = true;
	ck_assert_int_eq(seteuid(65534), 0);
	fake_start(&fake); /* which listens as that user, and is root's */
	ck_assert_int_eq(seteuid(0), 0);
	open_fake();
	RUN_UNTIL(told.view.plan_ready && logged("is not shown to be QEMU"));
	ck_assert(!told.view.pid_verified);
}
END_TEST

/* Nor does it do to have a part of the answers written by somebody else. */
START_TEST(one_process_writes_all_that_comes_over_a_connection)
{
	come_up();
	fake.orders->another_says = 1;
	RUN_UNTIL(logged("two processes write to it"));
	RUN_UNTIL(ready()); /* over a new one */
}
END_TEST

START_TEST(one_in_a_container_is_proven_by_its_own_socket)
{
	if (!fake_may_be_contained()) {
		printf("NOTE: no pid namespace may be made here; a QEMU in a container was not tried\n");
		return;
	}
	fake.contained = true;
	come_up(); /* it says thread id 1 */
	ck_assert_int_eq(told.view.pid, fake.pid);
	kill(fake.pid, SIGKILL);
	RUN_UNTIL(told.view.vm == FT_VM_GONE);
}
END_TEST

/* Once more, over the same connection or another: what the proof needs is not used up, and nothing piles up in QEMU. */
START_TEST(the_proof_can_be_repeated)
{
	come_up();
	for (int i = 1; i < 4; i++) {
		fake.orders->hang_up_on[FAKE_QMP] = 1;
		RUN_UNTIL(!told.view.connected);
		RUN_UNTIL(ready());
		ck_assert_int_gt(fake.orders->accepted[FAKE_QMP], i);
	}
}
END_TEST

/* A real one may die of the question then. */
START_TEST(block_nodes_are_not_asked_for_while_the_migration_comes_in)
{
	fake_start(&fake);
	fake.orders->comes_in = 1;
	open_fake();
	RUN_UNTIL(told.view.connected);
	snprintf(fake.orders->event, sizeof fake.orders->event,
	         "{\"event\": \"MIGRATION\", \"data\": {\"status\": \"active\"}}");
	fake.orders->say++;
	run_for(1500);
	ck_assert_str_eq(told.view.status, "inmigrate");
	ck_assert_int_eq(fake.orders->nodes, 0);
	fake.orders->comes_in = 0;
	RUN_UNTIL(ready());
	ck_assert_int_gt(fake.orders->nodes, 0);
}
END_TEST

START_TEST(absent_then_there)
{
	open_fake();
	RUN_UNTIL(told.view.vm == FT_VM_ABSENT);
	ck_assert(logged("no such socket"));
	ck_assert(!told.view.connected);
	fake_start(&fake);
	RUN_UNTIL(ready());
	ck_assert_int_eq(told.view.vm, FT_VM_ALIVE);
}
END_TEST

START_TEST(silence_is_not_absence)
{
	fake.orders->no_greeting = 1;
	fake_start(&fake);
	open_fake();
	RUN_UNTIL(fake.orders->accepted[FAKE_QMP] >= 3); /* tried again and again */
	ck_assert(!told.view.connected && !told.view.oob);
	ck_assert_int_eq(told.view.vm, FT_VM_ALIVE);
	ck_assert_int_eq(told.hangs, 0); /* it may well answer somebody else */
	ck_assert(logged("one client per socket"));
	fake.orders->no_greeting = 0;
	RUN_UNTIL(ready());
}
END_TEST

START_TEST(not_qmp_at_all)
{
	fake.orders->bad_greeting = 1;
	fake_start(&fake);
	open_fake();
	RUN_UNTIL(fake.orders->accepted[FAKE_QMP] >= 3);
	ck_assert(!told.view.connected);
	ck_assert(logged("SSH-2.0"));
	fake.orders->bad_greeting = 0;
	RUN_UNTIL(ready());
}
END_TEST

/* Whatever request it is that is not answered but hung up on. */
START_TEST(closed_in_the_middle)
{
	fake.orders->hang_up_on[FAKE_QMP] = _i;
	fake.orders->hang_up_on[FAKE_OOB] = 2;
	come_up();
	RUN_UNTIL(fake.orders->accepted[FAKE_OOB] == 2 && ready());
	ck_assert_int_eq(fake.orders->accepted[FAKE_QMP], 2);
}
END_TEST

START_TEST(events_and_rubbish_between)
{
	fake.orders->rubbish = 1;
	come_up();
	fake.orders->rubbish = 2;
	run_for(QUIET_MS);
	ck_assert(ready());
	ck_assert(logged("not JSON"));
	ck_assert_int_eq(fake.orders->accepted[FAKE_QMP], 1);
}
END_TEST

/* QEMU's are of 64 bits without a sign. */
START_TEST(too_large_a_number)
{
	fake.orders->big_numbers = 1;
	come_up();
	ck_assert_int_eq(told.view.checkpoint_ms, 346);
	ck_assert(!logged("not JSON"));
}
END_TEST

START_TEST(too_large_an_answer)
{
	come_up();
	fake.orders->big_answers = 1;
	RUN_UNTIL(!told.view.connected); /* that answer never comes */
	ck_assert(logged("too large"));
	ck_assert_int_eq(told.view.vm, FT_VM_ALIVE);
	/* The connection itself goes on. */
	fake_emit(&fake, "COLO_EXIT", "{\"mode\": \"secondary\", \"reason\": \"error\"}");
	RUN_UNTIL(told.colo_exits == 1);
}
END_TEST

START_TEST(a_large_list_that_was_asked_for)
{
	fake.orders->big_lists = 1;
	come_up();
	ck_assert_int_gt(fake.orders->nodes, 0);
	ck_assert(!logged("too large"));
}
END_TEST

/* While a list is waited for, no more may be large than was asked for. */
START_TEST(large_events_beside_a_list)
{
	fake.orders->big_events = 1;
	fake_start(&fake);
	open_fake();
	RUN_UNTIL(logged("too large"));
}
END_TEST

START_TEST(the_end_that_qemu_announces_is_told_with_its_reason)
{
	come_up();
	fake_emit(&fake, "SHUTDOWN", "{\"guest\": false, \"reason\": \"host-signal\"}");
	RUN_UNTIL(told.shutdowns == 1);
	ck_assert_str_eq(told.shutdown, "host-signal");
	fake_emit(&fake, "RESET", "{\"guest\": true, \"reason\": \"guest-reset\"}");
	RUN_UNTIL(told.resets == 1);
	ck_assert_int_eq(told.shutdowns, 1); /* though both connections see it */
}
END_TEST

/* A secondary's copies are all its own. */
START_TEST(a_copy_of_the_guests_disk_that_has_failed_is_told)
{
	come_up();
	fake_emit(&fake, "QUORUM_REPORT_BAD",
	          "{\"type\": \"write\", \"error\": \"Input/output error\", \"node-name\": \"#block272\"}");
	RUN_UNTIL(told.disks[true] == 1);
	ck_assert_str_eq(told.disk, "write of node #block272: Input/output error");
	fake_emit(&fake, "QUORUM_FAILURE", "{\"reference\": \"colo-disk0\"}");
	RUN_UNTIL(told.disks[true] == 2);
	fake_emit(&fake, "BLOCK_IO_ERROR",
	          "{\"operation\": \"write\", \"node-name\": \"disk1\", \"reason\": \"No space left\"}");
	RUN_UNTIL(told.disks[true] == 3);
	/* A CD's; and copies that differ. */
	fake_emit(&fake, "BLOCK_IO_ERROR",
	          "{\"operation\": \"read\", \"node-name\": \"cd0\", \"reason\": \"I/O error\"}");
	fake_emit(&fake, "QUORUM_REPORT_BAD", "{\"type\": \"read\", \"node-name\": \"#block272\"}");
	run_for(QUIET_MS);
	ck_assert_int_eq(told.disks[true], 3);
	ck_assert_int_eq(told.disks[false], 0);
}
END_TEST

START_TEST(sockets_of_two_qemus)
{
	struct fake other;
	fake_prepare(&other, dir, "other");
	fake_start(&fake);
	fake_start(&other);
	open_session(fake.paths[FAKE_QMP], other.paths[FAKE_OOB]);
	RUN_UNTIL(told.view.connected && told.view.plan_ready);
	run_for(QUIET_MS);
	ck_assert(!told.view.oob); /* a yank there would free the wrong one */
	ck_assert(logged("of two processes"));
	ck_assert_int_eq(told.view.pid, fake.pid);
	fake_end(&other);
}
END_TEST

START_TEST(reload_moves_to_other_sockets)
{
	struct fake other;
	fake_prepare(&other, dir, "other");
	come_up();
	ft_qmp_reconfigure(qmp, &config);
	run_for(QUIET_MS);
	ck_assert_int_eq(fake.orders->accepted[FAKE_QMP], 1); /* the same sockets: kept */
	fake_start(&other);
	snprintf(config.socket, sizeof config.socket, "%s", other.paths[FAKE_QMP]);
	snprintf(config.oob_socket, sizeof config.oob_socket, "%s", other.paths[FAKE_OOB]);
	ft_qmp_reconfigure(qmp, &config);
	RUN_UNTIL(ready() && told.view.pid == other.pid);
	fake_end(&other);
}
END_TEST

/* ---- late, hung, gone ---- */

START_TEST(a_late_answer_still_counts)
{
	come_up();
	fake.orders->mute[FAKE_QMP] = 1;
	RUN_UNTIL(!told.view.connected);
	ck_assert(told.view.oob);
	ck_assert(told.view.plan_ready); /* the plan made before is as good as it was */
	ck_assert(logged("its main loop is blocked"));
	run_for(3 * TIMEOUT);
	fake.orders->mute[FAKE_QMP] = 0;
	RUN_UNTIL(ready());
	ck_assert_int_eq(fake.orders->accepted[FAKE_QMP], 1); /* one and the same connection */
	ck_assert_int_eq(told.hangs, 0);
}
END_TEST

/* One of the two QEMUs answers nothing while a checkpoint's memory goes over. */
START_TEST(an_answer_may_take_as_long_as_the_longest_checkpoint)
{
	come_up();
	fake_emit(&fake, "STOP", "");
	run_for(2500);
	fake_emit(&fake, "RESUME", "");
	RUN_UNTIL(told.checkpoints == 1);
	int64_t longest = told.took;
	ck_assert_int_ge(longest, 2000 * FT_NS_PER_MS);
	fake_emit(&fake, "STOP", "");
	fake_emit(&fake, "RESUME", "");
	RUN_UNTIL(told.checkpoints == 2);
	int64_t since = ft_clock_now();
	fake.orders->mute[FAKE_QMP] = 1;
	RUN_UNTIL(!told.view.connected);
	ck_assert_int_ge(ft_clock_now() - since, longest + TIMEOUT * FT_NS_PER_MS);
}
END_TEST

/* How long QEMU had answered nothing, in ms, as the newest such line of the log says. */
static long late_after(void)
{
	static const char said[] = "QEMU has not answered query-";
	const char *newest = NULL;
	for (const char *at = log_text(); (at = strstr(at, said)) != NULL; at++)
		newest = at;
	ck_assert_ptr_nonnull(newest);
	const char *ms = strstr(newest, " for ");
	ck_assert_ptr_nonnull(ms);
	return strtol(ms + 5, NULL, 10);
}

/* One may take much longer than any before, and be no more than slow; but not so long that it would be known too late. */
START_TEST(in_a_checkpoint_an_answer_may_take_longer_than_in_any_before)
{
	come_up();
	fake_emit(&fake, "STOP", "");
	run_for(50);
	fake.orders->mute[FAKE_QMP] = 1;
	RUN_UNTIL(!told.view.connected);
	ck_assert_int_ge(late_after(), 4L * TIMEOUT);
	ck_assert(logged("a checkpoint takes longer than ever, or its main loop is blocked"));
	fake.orders->mute[FAKE_QMP] = 0;
	fake_emit(&fake, "RESUME", "");
	RUN_UNTIL(told.view.connected && told.checkpoints == 1);
	long longest = (long)(told.took / FT_NS_PER_MS);
	ck_assert_int_gt(longest, 3L * TIMEOUT);
	fake_emit(&fake, "STOP", "");
	run_for(50);
	fake.orders->mute[FAKE_QMP] = 1;
	RUN_UNTIL(!told.view.connected);
	ck_assert_int_ge(late_after(), TIMEOUT + 2 * longest);
}
END_TEST

/* What is no checkpoint any more is given no more than others. */
START_TEST(a_checkpoint_that_ends_with_colo_gives_no_time)
{
	come_up();
	fake_emit(&fake, "STOP", "");
	fake_emit(&fake, "COLO_EXIT", "{\"mode\": \"primary\", \"reason\": \"error\"}");
	RUN_UNTIL(told.colo_exits == 1);
	fake.orders->mute[FAKE_QMP] = 1;
	RUN_UNTIL(!told.view.connected);
	ck_assert(logged("it answers out of band: its main loop is blocked"));
}
END_TEST

/* What we have stopped ourselves says nothing of QEMU. */
START_TEST(a_checkpoint_that_we_held_up_took_no_time)
{
	come_up();
	fake_emit(&fake, "STOP", "");
	run_for(50);
	ft_qmp_set_frozen(qmp, true);
	run_for(100);
	ft_qmp_set_frozen(qmp, false);
	fake_emit(&fake, "RESUME", "");
	RUN_UNTIL(told.checkpoints == 1);
	ck_assert_int_eq(told.took, 0);
}
END_TEST

START_TEST(silent_out_of_band)
{
	come_up();
	fake.orders->mute[FAKE_OOB] = 1;
	RUN_UNTIL(!told.view.oob);
	RUN_UNTIL(told.hangs == 1);
	ck_assert_ptr_nonnull(strstr(told.hung, "not even out of band"));
	ck_assert(told.view.connected);
	fake.orders->mute[FAKE_OOB] = 0;
	RUN_UNTIL(ready());
}
END_TEST

START_TEST(stopped_by_someone)
{
	come_up();
	for (int round = 1; round <= 2; round++) {
		kill(fake.pid, SIGSTOP);
		RUN_UNTIL(told.hangs == round);
		ck_assert_ptr_nonnull(strstr(told.hung, "state T"));
		run_for(QUIET_MS);
		ck_assert_int_eq(told.hangs, round); /* once a hang */
		kill(fake.pid, SIGCONT);
		RUN_UNTIL(ready());
	}
	kill(fake.pid, SIGSTOP);
	kill(fake.pid, SIGKILL);
	RUN_UNTIL(told.view.vm == FT_VM_GONE);
}
END_TEST

START_TEST(our_own_freeze_is_no_hang)
{
	come_up();
	kill(fake.pid, SIGSTOP);
	run_for(300); /* a ping is out, unanswered */
	ft_qmp_set_frozen(qmp, true);
	run_for(4000); /* past every rule for a hang */
	ck_assert_int_eq(told.hangs, 0);
	ck_assert(ready());
	kill(fake.pid, SIGCONT);
	ft_qmp_set_frozen(qmp, false);
	run_for(QUIET_MS);
	ck_assert(ready());
	ck_assert_int_eq(told.hangs, 0);
	ck_assert_int_eq(fake.orders->accepted[FAKE_QMP] + fake.orders->accepted[FAKE_OOB], 2);
}
END_TEST

/* It was frozen for the peer, which could not take over. */
START_TEST(one_that_hangs_on_after_our_freeze_is_told_again)
{
	come_up();
	fake.orders->mute[FAKE_OOB] = 1;
	RUN_UNTIL(told.hangs == 1);
	ft_qmp_set_frozen(qmp, true);
	ft_qmp_set_frozen(qmp, false);
	RUN_UNTIL(told.hangs == 2);
}
END_TEST

START_TEST(our_own_absence_is_no_hang)
{
	come_up();
	fake.orders->mute[FAKE_OOB] = 1;
	run_for(300);    /* a ping is out, unanswered */
	usleep(4000000); /* this process does not run */
	run_for(50);
	ck_assert_int_eq(told.hangs, 0);
	fake.orders->mute[FAKE_OOB] = 0;
	run_for(QUIET_MS);
	ck_assert(ready());
	ck_assert_int_eq(told.hangs, 0);
}
END_TEST

START_TEST(gone_and_another_one)
{
	come_up();
	fake_kill(&fake);
	RUN_UNTIL(told.view.vm == FT_VM_GONE);
	ck_assert(!told.view.connected && !told.view.oob && !told.view.plan_ready);
	ck_assert_ptr_null(ft_qmp_plan(qmp));
	run_for(QUIET_MS);
	ck_assert_int_eq(told.view.vm, FT_VM_GONE); /* not absent: it was there */
	pid_t first = told.view.pid;
	fake_start(&fake);
	RUN_UNTIL(ready());
	ck_assert_int_eq(told.view.vm, FT_VM_ALIVE);
	ck_assert_int_eq(told.view.pid, fake.pid);
	ck_assert_int_ne(told.view.pid, first);
}
END_TEST

/* It was frozen by us, before it had said who it is even, and is ended so: what comes after it is not frozen. */
START_TEST(ended_frozen_and_another_one)
{
	fake.orders->no_greeting = _i;
	fake_start(&fake);
	open_fake();
	RUN_UNTIL(_i ? told.view.vm == FT_VM_ALIVE : ready());
	kill(fake.pid, SIGSTOP);
	ft_qmp_set_frozen(qmp, true);
	run_for(50);
	fake_kill(&fake);
	RUN_UNTIL(told.view.vm == FT_VM_GONE);
	fake.orders->no_greeting = 0;
	fake_start(&fake);
	RUN_UNTIL(ready());
	ck_assert_int_eq(told.view.pid, fake.pid);
}
END_TEST

/* ---- events ---- */

START_TEST(checkpoints_are_stop_and_resume_in_colo)
{
	come_up();
	fake_emit(&fake, "RESUME", "");
	run_for(50);
	ck_assert_int_eq(told.checkpoints, 0);
	ck_assert_int_eq(ft_qmp_view(qmp)->checkpoint_at, FT_NEVER);
	fake_emit(&fake, "STOP", "");
	fake_emit(&fake, "RESUME", "");
	RUN_UNTIL(told.checkpoints == 1);
	ck_assert_int_le(ft_qmp_view(qmp)->checkpoint_at, ft_clock_now());
	fake_emit(&fake, "COLO_EXIT", "{\"mode\": \"secondary\", \"reason\": \"error\"}");
	fake_emit(&fake, "STOP", "");
	fake_emit(&fake, "RESUME", "");
	RUN_UNTIL(told.colo_exits == 1);
	run_for(50);
	ck_assert_str_eq(told.colo_exit, "secondary error");
	ck_assert_int_eq(told.checkpoints, 1); /* replication has ended: that was something else */
}
END_TEST

START_TEST(probe_sets_the_delay_to_what_it_is)
{
	come_up();
	ft_qmp_probe(qmp);
	RUN_UNTIL(fake.orders->parameters == 1);
}
END_TEST

/* ---- the plan ---- */

static void run_plan(void)
{
	told.running = true;
	ft_qmp_run_plan(qmp);
	told.running = false;
}

START_TEST(runs_the_plan)
{
	come_up();
	run_plan();
	RUN_UNTIL(told.finished == 1);
	ck_assert(told.report.ok);
	ck_assert_str_eq(told.report.guest_status, "running");
	ck_assert_str_eq(told.report.guest_colo_mode, "none");
	ck_assert_int_eq(result_of("yank"), FT_STEP_OK);
	ck_assert_int_eq(result_of("x-colo-lost-heartbeat"), FT_STEP_OK);
	RUN_UNTIL(told.view.role == FT_ROLE_NONE && told.view.last_role == FT_ROLE_SECONDARY);
	RUN_UNTIL(ft_qmp_plan(qmp) == NULL && !told.view.plan_ready);
}
END_TEST

START_TEST(runs_the_plan_from_inside_a_callback)
{
	come_up();
	told.run_on_exit = true;
	fake_emit(&fake, "COLO_EXIT", "{\"mode\": \"secondary\", \"reason\": \"error\"}");
	RUN_UNTIL(told.finished == 1);
	ck_assert(told.report.ok);
}
END_TEST

START_TEST(nothing_to_run)
{
	open_fake();
	RUN_UNTIL(told.view.vm == FT_VM_ABSENT);
	run_plan();
	RUN_UNTIL(told.finished == 1);
	ck_assert(!told.ran_inside);
	ck_assert(!told.report.ok);
	ck_assert_str_eq(told.report.error, "no failover plan is prepared");
	fake_start(&fake); /* and life goes on */
	RUN_UNTIL(ready());
}
END_TEST

START_TEST(dies_under_the_plan)
{
	come_up();
	fake.orders->mute[FAKE_QMP] = 1;
	run_plan();
	run_for(50);
	fake_kill(&fake);
	RUN_UNTIL(told.finished == 1);
	ck_assert(!told.report.ok);
	ck_assert_str_ne(told.report.error, "");
	ck_assert_int_eq(told.view.vm, FT_VM_GONE);
}
END_TEST

START_TEST(the_plan_outlives_a_blocked_monitor)
{
	come_up();
	fake.orders->mute[FAKE_QMP] = 1;
	RUN_UNTIL(!told.view.connected); /* the main loop was blocked before */
	run_plan();
	run_for(50);
	ck_assert_int_eq(told.done, 0);
	fake.orders->mute[FAKE_QMP] = 0;
	RUN_UNTIL(told.finished == 1);
	ck_assert(told.report.ok);
	ck_assert_int_eq(fake.orders->accepted[FAKE_QMP], 1);
}
END_TEST

/* The answers that the first run gave up waiting for come while the second one runs: they are not the second one's. */
START_TEST(answers_of_an_earlier_run)
{
	come_up();
	fake.orders->mute[FAKE_QMP] = 1;
	run_plan();
	RUN_UNTIL(told.finished == 1);
	ck_assert(!told.report.ok);
	run_plan();
	fake.orders->mute[FAKE_QMP] = 0;
	RUN_UNTIL(told.finished == 2);
	ck_assert(told.report.ok);
	/* The first run's command was carried out after all; so its repetition was refused, and the record says so. */
	ck_assert_int_eq(result_of("x-colo-lost-heartbeat"), FT_STEP_ERROR);
}
END_TEST

/* QEMU leaves COLO between two runs: nothing else is left that could open the guest's network. */
START_TEST(a_plan_that_came_through_late_is_run_to_its_end)
{
	come_up();
	fake.orders->mute[FAKE_QMP] = 1;
	run_plan();
	RUN_UNTIL(told.finished == 1);
	ck_assert(!told.report.ok);
	fake.orders->mute[FAKE_QMP] = 0;
	RUN_UNTIL(told.view.connected && told.view.role == FT_ROLE_NONE && !told.view.plan_ready);
	run_for(QUIET_MS); /* QEMU is asked for a new plan, and has none */
	run_plan();
	RUN_UNTIL(told.finished == 2);
	ck_assert(told.report.ok);
	RUN_UNTIL(ft_qmp_plan(qmp) == NULL);
}
END_TEST

/* The first one has failed, and still waits for what it asked out of band. */
START_TEST(another_run_does_not_wait_for_what_is_left_of_the_first)
{
	come_up();
	fake.orders->mute[FAKE_OOB] = 1;
	run_plan();
	snprintf(config.socket, sizeof config.socket, "/%.100s", fake.paths[FAKE_QMP]);
	ft_qmp_reconfigure(qmp, &config);
	ck_assert_int_eq(told.done, 1);
	ck_assert(!told.report.ok);
	ck_assert_int_eq(told.finished, 0);
	fake.orders->mute[FAKE_OOB] = 0;
	run_plan();
	run_for(QUIET_MS);
	ck_assert_int_eq(told.done, 2);
	RUN_UNTIL(told.finished == 2);
}
END_TEST

/* ---- a real QEMU ---- */

static bool have_qemu(void)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);
		dup2(null, STDOUT_FILENO);
		execlp("qemu-system-x86_64", "qemu-system-x86_64", "--version", NULL);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static pid_t start_qemu(const char *machine, bool contained, char paths[2][108])
{
	char arguments[2][256];
	for (int i = 0; i < 2; i++) {
		snprintf(paths[i], 108, "%s/real%d.sock", dir, i);
		snprintf(arguments[i], sizeof arguments[i], "unix:%s,server=on,wait=off", paths[i]);
	}
	pid_t pid = fake_fork(contained);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		const char *program = getenv("FTD_TEST_QEMU") ? getenv("FTD_TEST_QEMU") : "qemu-system-x86_64";
		execlp(program, program, "-accel", "tcg", "-m", "16", "-nodefaults", "-display", "none", "-S", "-qmp",
		       arguments[0], "-qmp", arguments[1], "-M", machine, strcmp(machine, "none") ? "-device" : NULL,
		       "virtio-scsi-pci", NULL);
		_exit(127);
	}
	return pid;
}

/* The fake is worth what it has in common with this. */
static void compare_greeting(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char real[1024] = "";
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	for (int i = 0; i < 3000 && connect(fd, (struct sockaddr *)&address, sizeof address) < 0; i++)
		usleep(10000);
	ck_assert_int_gt(recv(fd, real, sizeof real - 1, 0), 0);
	close(fd);
	ck_assert_ptr_nonnull(strstr(real, "\r\n"));
	json_t *a = json_loads(real, 0, NULL), *b = json_loads(FAKE_GREETING, 0, NULL);
	const json_t *qa = json_object_get(a, "QMP"), *qb = json_object_get(b, "QMP");
	ck_assert(json_equal(json_object_get(qa, "capabilities"), json_object_get(qb, "capabilities")));
	ck_assert(json_is_integer(json_object_get(json_object_get(json_object_get(qa, "version"), "qemu"), "major")));
	json_decref(a);
	json_decref(b);
}

enum { REAL_PLAIN, REAL_WITHOUT_CPU, REAL_CONTAINED, REAL_KINDS };

START_TEST(a_real_qemu)
{
	char paths[2][108];
	if (!have_qemu()) {
		printf("NOTE: qemu-system-x86_64 is not installed; the session was not tried against a real one\n");
		return;
	}
	bool has_cpu = _i != REAL_WITHOUT_CPU; /* else it cannot be verified, but its death is seen all the same */
	if (_i == REAL_CONTAINED && !fake_may_be_contained())
		return;
	pid_t pid = start_qemu(has_cpu ? "pc" : "none", _i == REAL_CONTAINED, paths);
	compare_greeting(paths[0]);
	open_session(paths[0], paths[1]);
	RUN_UNTIL(told.view.connected && told.view.oob && told.view.plan_fault[0] && told.view.pid_verified == has_cpu);
	ck_assert_int_eq(told.view.pid, pid);
	ck_assert_int_eq(told.view.role, FT_ROLE_NONE);
	ck_assert_str_eq(told.view.status, "prelaunch");
	RUN_UNTIL(
	    strstr(told.view.plan_fault, "not in COLO")); /* all that was asked has been answered, and understood */
	const struct ft_traits *t = ft_qmp_traits(qmp);
	RUN_UNTIL(t->emulator.machine[0] && t->capabilities_known && t->memory != 0);
	ck_assert(ft_emulator_known(&t->emulator) && !t->colo && !t->return_path);
	ck_assert_uint_eq(t->memory, 16 << 20);
	ck_assert_int_eq(strncmp(t->emulator.machine, has_cpu ? "pc-i440fx-" : "none", has_cpu ? 10 : 5), 0);
	kill(pid, SIGSTOP);
	RUN_UNTIL(told.hangs == 1);
	ck_assert_ptr_nonnull(strstr(told.hung, "state T"));
	kill(pid, SIGCONT);
	RUN_UNTIL(told.view.connected && told.view.oob);
	kill(pid, SIGKILL);
	RUN_UNTIL(told.view.vm == FT_VM_GONE);
	waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(a_real_qemu_behind_a_proxy)
{
	char paths[2][108];
	if (!have_qemu())
		return;
	pid_t pid = start_qemu("pc", false, paths);
	compare_greeting(paths[0]);
	pid_t proxy = start_proxy(paths[0], paths[1]);
	open_session(proxy_paths[0], proxy_paths[1]);
	RUN_UNTIL(told.view.connected && told.view.plan_fault[0] && logged("(a proxy?)"));
	ck_assert(!told.view.pid_verified);
	for (int *p = (int[]){proxy, pid, 0}; *p; p++) {
		kill(*p, SIGKILL);
		waitpid(*p, NULL, 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("session");
	TCase *c = tcase_create("session");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, learns_everything);
	tcase_add_test(c, a_plan_beside_an_unknown_connection_is_not_ready);
	tcase_add_test(c, what_it_is_is_asked_for);
	tcase_add_test(c, also_while_the_migration_comes_in);
	tcase_add_test(c, a_person_overrules_a_doubt);
	tcase_add_test(c, nothing_is_doubted_once_a_plan_was_run);
	tcase_add_test(c, block_nodes_are_not_asked_for_while_the_migration_comes_in);
	tcase_add_test(c, absent_then_there);
	tcase_add_test(c, silence_is_not_absence);
	tcase_add_test(c, not_qmp_at_all);
	tcase_add_loop_test(c, closed_in_the_middle, 1, 16);
	tcase_add_test(c, events_and_rubbish_between);
	tcase_add_test(c, too_large_a_number);
	tcase_add_test(c, too_large_an_answer);
	tcase_add_test(c, a_large_list_that_was_asked_for);
	tcase_add_test(c, large_events_beside_a_list);
	tcase_add_test(c, a_copy_of_the_guests_disk_that_has_failed_is_told);
	tcase_add_test(c, the_end_that_qemu_announces_is_told_with_its_reason);
	tcase_add_test(c, sockets_of_two_qemus);
	tcase_add_test(c, reload_moves_to_other_sockets);
	tcase_add_test(c, a_late_answer_still_counts);
	tcase_add_test(c, an_answer_may_take_as_long_as_the_longest_checkpoint);
	tcase_add_test(c, in_a_checkpoint_an_answer_may_take_longer_than_in_any_before);
	tcase_add_test(c, a_checkpoint_that_ends_with_colo_gives_no_time);
	tcase_add_test(c, a_checkpoint_that_we_held_up_took_no_time);
	tcase_add_test(c, silent_out_of_band);
	tcase_add_test(c, stopped_by_someone);
	tcase_add_test(c, our_own_freeze_is_no_hang);
	tcase_add_test(c, one_that_hangs_on_after_our_freeze_is_told_again);
	tcase_add_test(c, our_own_absence_is_no_hang);
	tcase_add_test(c, gone_and_another_one);
	tcase_add_loop_test(c, ended_frozen_and_another_one, 0, 2);
	tcase_add_test(c, checkpoints_are_stop_and_resume_in_colo);
	tcase_add_test(c, probe_sets_the_delay_to_what_it_is);
	tcase_add_test(c, runs_the_plan);
	tcase_add_test(c, runs_the_plan_from_inside_a_callback);
	tcase_add_test(c, nothing_to_run);
	tcase_add_test(c, dies_under_the_plan);
	tcase_add_test(c, the_plan_outlives_a_blocked_monitor);
	tcase_add_test(c, answers_of_an_earlier_run);
	tcase_add_test(c, a_plan_that_came_through_late_is_run_to_its_end);
	tcase_add_test(c, another_run_does_not_wait_for_what_is_left_of_the_first);
	suite_add_tcase(suite, c);
	c = tcase_create("proof");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_set_timeout(c, 120);
	tcase_add_loop_test(c, a_proxy_is_not_taken_for_qemu_by_its_number, 0, 2);
	tcase_add_test(c, the_process_behind_a_passed_socket_is_found);
	tcase_add_test(c, the_proof_cannot_be_lent);
	tcase_add_test(c, who_listens_speaks_for_no_other_user);
	tcase_add_test(c, one_process_writes_all_that_comes_over_a_connection);
	tcase_add_test(c, one_in_a_container_is_proven_by_its_own_socket);
	tcase_add_test(c, the_proof_can_be_repeated);
	tcase_add_loop_test(c, a_real_qemu, 0, REAL_KINDS);
	tcase_add_test(c, a_real_qemu_behind_a_proxy);
	suite_add_tcase(suite, c);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
