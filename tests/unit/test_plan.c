/* The commands of a failover, and how the runner walks them: all in virtual time. */
#include "qmp/runner.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MS      FT_NS_PER_MS
#define TIMEOUT (1000 * MS)

static struct ft_topology topology;
static struct ft_plan plan;
static struct ft_runner runner;
static char error[FT_TEXT_MAX];
static int64_t now;

/* ---- the plan ---- */

static void plan_of(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "tests/unit/fixtures/%s.json", name);
	json_t *answers = json_load_file(path, 0, NULL);
	ck_assert_msg(answers != NULL, "%s", path);
	ck_assert_msg(ft_topology_build(answers, &topology, error) == 0, "%s", error);
	ck_assert_msg(ft_plan_build(&topology, TIMEOUT, &plan, error) == 0, "%s", error);
	json_decref(answers);
}

/* One step as "P command what": P is the policy's first letter, "!" before it means out of band. */
static void expect(const char *const *want)
{
	static const char letters[] = {[FT_MUST] = 'M', [FT_MAY] = 'm', [FT_PROVE] = 'P', [FT_CLEAN] = 'C'};
	int i = 0;

	for (; want[i]; i++) {
		char line[256];
		ck_assert_msg(i < plan.n, "the plan ends before '%s'", want[i]);
		const struct ft_step *s = &plan.steps[i];
		snprintf(line, sizeof line, "%s%c %s %s", s->channel == FT_CHANNEL_OOB ? "!" : "", letters[s->policy],
		         s->command, s->what);
		ck_assert_str_eq(line, want[i]);
	}
	ck_assert_msg(i == plan.n, "the plan goes on with %s %s", plan.steps[i].command, plan.steps[i].what);
}

START_TEST(plan_of_the_default_primary)
{
	static const char *const want[] = {"!m yank migration",
	                                   "!m yank nbd0",
	                                   "!m yank mirror0",
	                                   "!m yank compare1",
	                                   "m object-del redire1",
	                                   "m x-blockdev-change replication0",
	                                   "M x-colo-lost-heartbeat primary",
	                                   "P query-colo-status COLO left",
	                                   "P query-migrate migration completed",
	                                   "P query-status guest running",
	                                   "C object-del comp0",
	                                   "C object-del iothread1",
	                                   "C object-del m0",
	                                   "C object-del redire0",
	                                   "C chardev-remove compare1",
	                                   "C chardev-remove compare0-0",
	                                   "C chardev-remove compare_out0",
	                                   "C chardev-remove compare_out",
	                                   "C chardev-remove mirror0",
	                                   "C chardev-remove compare0",
	                                   "C blockdev-del replication0",
	                                   NULL};

	plan_of("default-primary");
	expect(want);
	ft_plan_free(&plan);
}
END_TEST

/* As QEMU documents it since 11.1: the nbd node is itself the quorum's child. */
START_TEST(plan_of_a_primary_without_the_replication_driver)
{
	static const char *const want[] = {"!m yank migration",
	                                   "!m yank nbd0",
	                                   "!m yank mirror0",
	                                   "!m yank compare1",
	                                   "m object-del redire1",
	                                   "m x-blockdev-change nbd0",
	                                   "M x-colo-lost-heartbeat primary",
	                                   "P query-colo-status COLO left",
	                                   "P query-migrate migration completed",
	                                   "P query-status guest running",
	                                   "C object-del comp0",
	                                   "C object-del iothread1",
	                                   "C object-del m0",
	                                   "C object-del redire0",
	                                   "C chardev-remove compare1",
	                                   "C chardev-remove compare0-0",
	                                   "C chardev-remove compare_out0",
	                                   "C chardev-remove compare_out",
	                                   "C chardev-remove mirror0",
	                                   "C chardev-remove compare0",
	                                   "C blockdev-del nbd0",
	                                   NULL};

	plan_of("nbd-primary");
	expect(want);
	ck_assert(strstr(plan.steps[5].text, "\"child\":\"children.1\""));
	ck_assert(plan.steps[plan.n - 1].needs_yank);
	ft_plan_free(&plan);
}
END_TEST

START_TEST(plan_of_the_default_secondary)
{
	static const char *const want[] = {"!m yank migration",
	                                   "!m yank red0",
	                                   "!m yank red1",
	                                   "m nbd-server-stop all exports",
	                                   "M x-colo-lost-heartbeat secondary",
	                                   "m object-del f2",
	                                   "P query-colo-status COLO left",
	                                   "P query-migrate migration completed",
	                                   "P query-status guest running",
	                                   "C object-del f1",
	                                   "C chardev-remove red0",
	                                   "C chardev-remove red1",
	                                   NULL};

	plan_of("default-secondary");
	expect(want);
	ft_plan_free(&plan);
}
END_TEST

START_TEST(plan_of_the_renamed_primary)
{
	static const char *const want[] = {"!m yank migration",
	                                   "!m yank #block306",
	                                   "!m yank wire",
	                                   "!m yank mir0",
	                                   "!m yank from-peer0",
	                                   "!m yank mir1",
	                                   "!m yank from-peer1",
	                                   "m object-del away0",
	                                   "m object-del away1",
	                                   "m x-blockdev-change toward-b",
	                                   "m x-blockdev-change data-to-b",
	                                   "M x-colo-lost-heartbeat primary",
	                                   "P query-colo-status COLO left",
	                                   "P query-migrate migration completed",
	                                   "P query-status guest running",
	                                   "C object-del judge0",
	                                   "C object-del judge1",
	                                   "C object-del cmp-thread0",
	                                   "C object-del cmp-thread1",
	                                   "C object-del copy1",
	                                   "C object-del copy0",
	                                   "C object-del back0",
	                                   "C object-del back1",
	                                   "C chardev-remove from-peer0",
	                                   "C chardev-remove cin0",
	                                   "C chardev-remove cout0",
	                                   "C chardev-remove from-peer1",
	                                   "C chardev-remove cin1",
	                                   "C chardev-remove cout1",
	                                   "C chardev-remove mir1",
	                                   "C chardev-remove cin-l0",
	                                   "C chardev-remove cin-l1",
	                                   "C chardev-remove cout-l0",
	                                   "C chardev-remove cout-l1",
	                                   "C chardev-remove mir0",
	                                   "C blockdev-del toward-b",
	                                   "C blockdev-del data-to-b",
	                                   NULL};

	plan_of("renamed-primary");
	expect(want);
	ft_plan_free(&plan);
}
END_TEST

/* Somebody else's export stands on the same NBD server: the server stays. */
START_TEST(plan_of_the_renamed_secondary)
{
	static const char *const want[] = {"!m yank migration",
	                                   "!m yank in0",
	                                   "!m yank out0",
	                                   "!m yank in1",
	                                   "!m yank out1",
	                                   "m block-export-del data-exp",
	                                   "m block-export-del sysbase",
	                                   "M x-colo-lost-heartbeat secondary",
	                                   "m object-del give1",
	                                   "m object-del give0",
	                                   "P query-colo-status COLO left",
	                                   "P query-migrate migration completed",
	                                   "P query-status guest running",
	                                   "C object-del take1",
	                                   "C object-del take0",
	                                   "C chardev-remove in1",
	                                   "C chardev-remove out1",
	                                   "C chardev-remove in0",
	                                   "C chardev-remove out0",
	                                   NULL};

	plan_of("renamed-secondary");
	expect(want);
	ft_plan_free(&plan);
}
END_TEST

START_TEST(plan_of_pairs_without_network)
{
	static const char *const primary[] = {"!m yank migration",
	                                      "!m yank nbd0",
	                                      "m x-blockdev-change replication0",
	                                      "M x-colo-lost-heartbeat primary",
	                                      "P query-colo-status COLO left",
	                                      "P query-migrate migration completed",
	                                      "P query-status guest running",
	                                      "C blockdev-del replication0",
	                                      NULL};
	static const char *const secondary[] = {"!m yank migration",
	                                        "m nbd-server-stop all exports",
	                                        "M x-colo-lost-heartbeat secondary",
	                                        "P query-colo-status COLO left",
	                                        "P query-migrate migration completed",
	                                        "P query-status guest running",
	                                        NULL};

	plan_of("nonet-primary");
	expect(primary);
	ft_plan_free(&plan);
	plan_of("nonet-secondary");
	expect(secondary);
	ft_plan_free(&plan);
}
END_TEST

/* The bytes that go to QEMU. */
START_TEST(requests_are_what_qemu_reads)
{
	plan_of("default-primary");
	ck_assert_str_eq(plan.steps[1].text, "{\"exec-oob\":\"yank\",\"arguments\":{\"instances\":[{\"type\":"
	                                     "\"block-node\",\"node-name\":\"nbd0\"}]},\"id\":\"plan-1\"}");
	ck_assert_str_eq(plan.steps[4].text,
	                 "{\"execute\":\"object-del\",\"arguments\":{\"id\":\"redire1\"},\"id\":\"plan-4\"}");
	ck_assert_str_eq(plan.steps[5].text,
	                 "{\"execute\":\"x-blockdev-change\",\"arguments\":{\"parent\":\"#block076\","
	                 "\"child\":\"children.1\"},\"id\":\"plan-5\"}");
	ck_assert_str_eq(plan.steps[6].text, "{\"execute\":\"x-colo-lost-heartbeat\",\"id\":\"plan-6\"}");
	for (int i = 0; i < plan.n; i++)
		ck_assert_uint_eq(plan.steps[i].text_len, strlen(plan.steps[i].text));
	ft_plan_free(&plan);
}
END_TEST

START_TEST(no_plan_outside_colo)
{
	memset(&topology, 0, sizeof topology);
	ck_assert_int_eq(ft_plan_build(&topology, TIMEOUT, &plan, error), -1);
	ck_assert_ptr_nonnull(strstr(error, "not in COLO"));
	ft_plan_free(&plan);
}
END_TEST

START_TEST(too_large_a_pair_is_refused)
{
	plan_of("default-primary");
	ft_plan_free(&plan);
	for (int i = 0; i < FT_ITEMS_MAX; i++) {
		snprintf(topology.mirrors.id[i].s, FT_ID_MAX, "m%d", i);
		snprintf(topology.compares.id[i].s, FT_ID_MAX, "c%d", i);
		snprintf(topology.colo_chardevs.id[i].s, FT_ID_MAX, "d%d", i);
	}
	topology.mirrors.n = topology.compares.n = topology.colo_chardevs.n = FT_ITEMS_MAX;
	ck_assert_int_eq(ft_plan_build(&topology, TIMEOUT, &plan, error), -1);
	ck_assert_ptr_nonnull(strstr(error, "too many disks"));
	ft_plan_free(&plan);
}
END_TEST

START_TEST(equal_plans_are_equal)
{
	struct ft_plan other;

	plan_of("default-primary");
	ck_assert_int_eq(ft_plan_build(&topology, TIMEOUT, &other, error), 0);
	ck_assert(ft_plan_equal(&plan, &other));
	ft_plan_free(&other);
	ck_assert_int_eq(ft_plan_build(&topology, 2 * TIMEOUT, &other, error), 0);
	ck_assert(!ft_plan_equal(&plan, &other));
	ft_plan_free(&other);
	strcpy(topology.mirrors.id[0].s, "other");
	ck_assert_int_eq(ft_plan_build(&topology, TIMEOUT, &other, error), 0);
	ck_assert(!ft_plan_equal(&plan, &other));
	ft_plan_free(&other);
	ft_plan_free(&plan);
}
END_TEST

/* ---- the runner ---- */

/* Steps of the default primary's plan, as above. */
enum { YANKS = 4, GATE = 4, DISK = 5, FAILOVER = 6, COLO = 7, MIGRATE = 8, STATUS = 9, FIRST_CLEAN = 10 };

static void start(bool oob_up)
{
	plan_of("default-primary");
	now = 50 * MS;
	ft_runner_start(&runner, &plan, oob_up, now);
}

static void stop(void)
{
	ft_plan_free(&plan);
}

static int send(void)
{
	return ft_runner_send(&runner, now);
}

static void answer(int step, json_t *reply)
{
	ft_runner_reply(&runner, step, reply, now);
	json_decref(reply);
}

static void ok(int step)
{
	answer(step, json_pack("{s:{}}", "return"));
}

static void refused(int step, const char *class, const char *desc)
{
	answer(step, json_pack("{s:{s:s,s:s}}", "error", "class", class, "desc", desc));
}

static void colo_status(const char *mode, const char *last)
{
	answer(COLO, json_pack("{s:{s:s,s:s}}", "return", "mode", mode, "last-mode", last));
}

static void status(int step, const char *value)
{
	answer(step, json_pack("{s:{s:s}}", "return", "status", value));
}

static void expect_sent(int step)
{
	ck_assert_int_eq(send(), step);
	ck_assert_int_eq(send(), -1);
}

static void send_yanks(void)
{
	for (int i = 0; i < YANKS; i++)
		ck_assert_int_eq(send(), i);
}

/* Up to and with the sending of step; yanks and everything before it answered well. */
static void run_up_to(int step)
{
	send_yanks();
	for (int i = 0; i < YANKS; i++)
		ok(i);
	for (int i = GATE; i <= step; i++) {
		ck_assert_int_eq(send(), i);
		if (i == step)
			return;
		if (i == COLO)
			colo_status("none", "primary");
		else if (i == MIGRATE)
			status(i, "completed");
		else if (i == STATUS)
			status(i, "running");
		else
			ok(i);
	}
}

static void to_deadline(void)
{
	int64_t at = ft_runner_deadline(&runner);

	ck_assert_int_gt(at, now);
	ck_assert_int_lt(at, FT_NEVER);
	now = at;
	ft_runner_tick(&runner, now);
}

START_TEST(a_good_run)
{
	start(true);
	send_yanks();
	expect_sent(GATE); /* nothing waits for the yanks */
	now += MS;
	ok(GATE);
	expect_sent(DISK);
	ok(DISK);
	expect_sent(FAILOVER);
	ok(FAILOVER);
	expect_sent(COLO);
	colo_status("none", "primary");
	expect_sent(MIGRATE);
	status(MIGRATE, "completed");
	expect_sent(STATUS);
	ck_assert(!runner.proof_known);
	now += MS;
	status(STATUS, "running");
	ck_assert(runner.proof_known && runner.report.ok && !runner.finished);
	ck_assert_int_eq(runner.report.proven_at, now);
	for (int i = FIRST_CLEAN; i < plan.n - 1; i++) {
		expect_sent(i);
		ok(i);
	}
	ck_assert_int_eq(send(), -1); /* the last one may go only when the yanks are known to have worked */
	ck_assert(!runner.finished);
	for (int i = 0; i < YANKS; i++)
		ok(i);
	expect_sent(plan.n - 1);
	ok(plan.n - 1);
	ck_assert(runner.finished);
	ck_assert_int_eq(ft_runner_deadline(&runner), FT_NEVER);
	ck_assert_int_eq(send(), -1);
	ck_assert_str_eq(runner.report.guest_status, "running");
	ck_assert_str_eq(runner.report.guest_colo_mode, "none");
	ck_assert_str_eq(runner.report.guest_last_mode, "primary");
	ck_assert_str_eq(runner.report.error, "");
	ck_assert_int_eq(runner.report.steps[GATE].sent_at, 50 * MS);
	ck_assert_int_eq(runner.report.steps[GATE].took_ns, MS);
	ck_assert_int_eq(runner.report.n_steps, plan.n);
	for (int i = 0; i < plan.n; i++) {
		ck_assert_int_eq(runner.report.steps[i].result, FT_STEP_OK);
		ck_assert_str_eq(runner.report.steps[i].command, plan.steps[i].command);
	}
	stop();
}
END_TEST

START_TEST(a_yank_that_finds_nothing_is_fine)
{
	start(true);
	send_yanks();
	refused(0, "DeviceNotFound", "Instance 'x' not found");
	ck_assert_int_eq(runner.report.steps[0].result, FT_STEP_OK);
	refused(1, "GenericError", "no");
	ck_assert_int_eq(runner.report.steps[1].result, FT_STEP_ERROR);
	ck_assert_str_eq(runner.report.steps[1].error, "no");
	stop();
}
END_TEST

START_TEST(without_oob_the_yanks_are_skipped)
{
	start(false);
	expect_sent(GATE);
	for (int i = 0; i < YANKS; i++) {
		ck_assert_int_eq(runner.report.steps[i].result, FT_STEP_SKIPPED);
		ck_assert_int_eq(runner.report.steps[i].sent_at, FT_NEVER);
		ck_assert_ptr_nonnull(strstr(runner.report.steps[i].error, "out-of-band"));
	}
	to_deadline(); /* no yanks, no rescue */
	ck_assert_int_eq(runner.report.steps[GATE].result, FT_STEP_TIMEOUT);
	stop();
}
END_TEST

START_TEST(may_is_recorded_and_passed)
{
	start(true);
	run_up_to(DISK);
	refused(DISK, "GenericError", "Node has no such child");
	ck_assert_int_eq(runner.report.steps[DISK].result, FT_STEP_ERROR);
	ck_assert_str_eq(runner.report.steps[DISK].error, "Node has no such child");
	expect_sent(FAILOVER);
	stop();
}
END_TEST

START_TEST(the_proof_is_asked_again)
{
	start(true);
	run_up_to(COLO);
	for (int i = 0; i < 5; i++) {
		colo_status("primary", "none");
		ck_assert_int_eq(send(), -1);
		ck_assert_int_eq(ft_runner_deadline(&runner), now + FT_PROVE_EVERY);
		to_deadline();
		expect_sent(COLO);
	}
	colo_status("none", "primary");
	expect_sent(MIGRATE);
	ck_assert_int_eq(runner.report.steps[COLO].took_ns, 5 * FT_PROVE_EVERY);
	ck_assert_str_eq(runner.report.steps[COLO].error, "");
	stop();
}
END_TEST

/* "none" alone proves nothing: it is the state before COLO as well. */
START_TEST(another_role_is_no_proof)
{
	start(true);
	run_up_to(COLO);
	colo_status("none", "secondary");
	ck_assert_int_eq(send(), -1);
	ck_assert(!runner.settled[COLO]);
	stop();
}
END_TEST

START_TEST(a_guest_that_does_not_run_fails_the_plan)
{
	start(true);
	run_up_to(STATUS);
	for (int i = 0; i < 2000 && !runner.proof_known; i++) {
		status(STATUS, "io-error");
		to_deadline();
		while (send() >= 0)
			;
	}
	ck_assert(runner.proof_known && !runner.report.ok);
	ck_assert_str_eq(runner.report.guest_status, "io-error");
	ck_assert_ptr_nonnull(strstr(runner.report.error, "io-error"));
	ck_assert_int_eq(runner.report.proven_at, FT_NEVER);
	ck_assert_int_eq(runner.report.steps[FIRST_CLEAN].result, FT_STEP_SKIPPED);
	ck_assert_int_eq(runner.report.steps[FIRST_CLEAN].sent_at, FT_NEVER);
	ck_assert_int_le(now, 50 * MS + 3 * TIMEOUT);
	stop();
}
END_TEST

START_TEST(already_done_is_proven)
{
	start(true);
	run_up_to(FAILOVER);
	refused(FAILOVER, "GenericError", "The feature 'colo' is not enabled");
	ck_assert_int_eq(runner.report.steps[FAILOVER].result, FT_STEP_ERROR);
	ck_assert(!runner.proof_known);
	expect_sent(COLO);
	colo_status("none", "primary");
	expect_sent(MIGRATE);
	status(MIGRATE, "completed");
	expect_sent(STATUS);
	status(STATUS, "running");
	ck_assert(runner.proof_known && runner.report.ok);
	ck_assert_str_eq(runner.report.error, "");
	stop();
}
END_TEST

START_TEST(not_done_fails_with_qemus_words)
{
	start(true);
	run_up_to(FAILOVER);
	refused(FAILOVER, "GenericError", "The feature 'colo' is not enabled");
	while (!runner.proof_known) {
		while (send() >= 0)
			;
		colo_status("none", "none");
		to_deadline();
	}
	ck_assert(!runner.report.ok);
	ck_assert_ptr_nonnull(strstr(runner.report.error, "The feature 'colo' is not enabled"));
	ck_assert_str_eq(runner.report.guest_last_mode, "none");
	stop();
}
END_TEST

/* The case of the field: the main loop waits on a dead connection, the second yank frees it. */
START_TEST(an_overdue_command_is_rescued_once)
{
	start(true);
	run_up_to(FAILOVER);
	now += TIMEOUT - 1;
	ft_runner_tick(&runner, now);
	ck_assert_int_eq(send(), -1);
	now += 1;
	ft_runner_tick(&runner, now);
	ck_assert(runner.rescued);
	send_yanks();
	ck_assert_int_eq(send(), -1);
	ck_assert(!runner.settled[FAILOVER]);
	ok(FAILOVER);
	expect_sent(COLO);
	stop();
}
END_TEST

START_TEST(a_hung_monitor_fails_the_plan_in_time)
{
	start(true);
	run_up_to(FAILOVER);
	to_deadline();
	send_yanks();
	ck_assert_int_eq(ft_runner_deadline(&runner), now + TIMEOUT);
	to_deadline();
	ck_assert(runner.proof_known && !runner.report.ok);
	ck_assert_int_eq(runner.report.steps[FAILOVER].result, FT_STEP_TIMEOUT);
	ck_assert_ptr_nonnull(strstr(runner.report.error, "x-colo-lost-heartbeat"));
	ck_assert_ptr_nonnull(strstr(runner.report.error, "2000 ms"));
	ck_assert(runner.finished);
	ck_assert_int_eq(send(), -1);
	stop();
}
END_TEST

/* However many steps there are: nobody answers, and the verdict comes within four timeouts. */
START_TEST(silence_costs_the_same_for_every_plan)
{
	static const char *const names[] = {"default-primary", "renamed-primary", "renamed-secondary", "nonet-primary"};

	for (int k = 0; k < 4; k++) {
		plan_of(names[k]);
		now = 0;
		ft_runner_start(&runner, &plan, true, now);
		while (!runner.finished) {
			while (send() >= 0)
				;
			to_deadline();
		}
		ck_assert(!runner.report.ok);
		ck_assert_int_le(now, 4 * TIMEOUT);
		ft_plan_free(&plan);
	}
}
END_TEST

/* After a command was given up, what may fail is sent without waiting, in order, and then the failover command. */
START_TEST(a_stuck_monitor_gets_the_failover_command)
{
	start(true);
	run_up_to(GATE);
	to_deadline();
	send_yanks();
	to_deadline();
	ck_assert_int_eq(runner.report.steps[GATE].result, FT_STEP_TIMEOUT);
	ck_assert_int_eq(send(), DISK);
	ck_assert_int_eq(send(), FAILOVER);
	ck_assert_int_eq(send(), -1);
	now += MS;
	ok(GATE); /* too late for the record, but a sign of life */
	ck_assert_int_eq(runner.report.steps[GATE].result, FT_STEP_TIMEOUT);
	ck_assert(!runner.stuck);
	ok(DISK);
	ok(FAILOVER);
	expect_sent(COLO);
	stop();
}
END_TEST

START_TEST(clean_up_cannot_undo_the_proof)
{
	start(true);
	run_up_to(FIRST_CLEAN);
	ck_assert(runner.proof_known && runner.report.ok);
	to_deadline();
	while (!runner.finished) {
		while (send() >= 0)
			;
		to_deadline();
	}
	ck_assert(runner.report.ok);
	ck_assert_str_eq(runner.report.error, "");
	ck_assert_int_eq(runner.report.steps[FIRST_CLEAN].result, FT_STEP_TIMEOUT);
	ck_assert_int_le(now, 50 * MS + 4 * TIMEOUT);
	stop();
}
END_TEST

/* Seen on a real pair: with a frozen peer and no yank, blockdev-del stops the guest after a proven failover. */
START_TEST(what_could_hang_the_guest_needs_the_yanks)
{
	int last;

	start(true);
	last = plan.n - 1;
	ck_assert_str_eq(plan.steps[last].command, "blockdev-del");
	run_up_to(last);
	ok(last);
	ck_assert(runner.finished);
	ck_assert_int_eq(runner.report.steps[last].result, FT_STEP_OK);

	ft_runner_start(&runner, &plan, true, now);
	send_yanks();
	for (int i = GATE; i < last; i++) { /* the yanks are not answered */
		expect_sent(i);
		if (i == COLO)
			colo_status("none", "primary");
		else
			status(i, i == MIGRATE ? "completed" : "running");
	}
	ck_assert_int_eq(send(), -1);
	ck_assert(!runner.finished);
	to_deadline();
	ck_assert_int_eq(send(), -1);
	ck_assert(runner.finished && runner.report.ok);
	ck_assert_int_eq(runner.report.steps[last].result, FT_STEP_SKIPPED);
	ck_assert_ptr_nonnull(strstr(runner.report.steps[last].error, "yank"));
	stop();
}
END_TEST

START_TEST(a_lost_connection_fails_the_plan)
{
	start(true);
	run_up_to(FAILOVER);
	ft_runner_disconnected(&runner, FT_CHANNEL_QMP, "QEMU closed the connection", now);
	ck_assert(runner.proof_known && !runner.report.ok && runner.finished);
	ck_assert_int_eq(runner.report.steps[FAILOVER].result, FT_STEP_ERROR);
	ck_assert_str_eq(runner.report.error, "QEMU closed the connection");
	ck_assert_int_eq(runner.report.steps[COLO].result, FT_STEP_SKIPPED);
	stop();
}
END_TEST

START_TEST(a_connection_lost_while_cleaning_up_ends_it)
{
	start(true);
	run_up_to(FIRST_CLEAN);
	ft_runner_disconnected(&runner, FT_CHANNEL_QMP, "QEMU closed the connection", now);
	ck_assert(runner.report.ok && runner.finished);
	ck_assert_int_eq(runner.report.steps[FIRST_CLEAN].result, FT_STEP_ERROR);
	ck_assert_int_eq(runner.report.steps[FIRST_CLEAN + 1].result, FT_STEP_SKIPPED);
	stop();
}
END_TEST

START_TEST(a_lost_oob_connection_does_not_stop_the_plan)
{
	start(true);
	send_yanks();
	ok(0);
	ft_runner_disconnected(&runner, FT_CHANNEL_OOB, "gone", now);
	ck_assert_int_eq(runner.report.steps[0].result, FT_STEP_OK);
	ck_assert_int_eq(runner.report.steps[1].result, FT_STEP_ERROR);
	ck_assert(!runner.proof_known);
	expect_sent(GATE);
	to_deadline(); /* and no rescue is tried over it */
	ck_assert(!runner.rescued);
	stop();
}
END_TEST

START_TEST(odd_replies_change_nothing)
{
	start(true);
	send_yanks();
	ok(-1);
	ok(plan.n);
	ok(FAILOVER); /* not sent yet */
	ck_assert(!runner.settled[FAILOVER]);
	answer(0, json_pack("{s:s}", "event", "STOP"));
	ck_assert_int_eq(runner.report.steps[0].result, FT_STEP_ERROR);
	ok(0); /* the second answer to the same question */
	ck_assert_int_eq(runner.report.steps[0].result, FT_STEP_ERROR);
	stop();
}
END_TEST

/* Any mix of answers, silence, refusals and lost connections: deadlines stay finite, it ends, and it ends in time. */
START_TEST(never_stuck)
{
	static const char *const names[] = {"default-primary", "renamed-secondary"};

	srandom((unsigned)_i);
	plan_of(names[_i % 2]);
	now = 0;
	ft_runner_start(&runner, &plan, random() % 4 != 0, now);
	int turns = 0;
	while (!runner.finished) {
		int step;
		ck_assert_int_lt(turns++, 100000);
		while ((step = send()) >= 0) {
			long dice = random() % 10;
			if (dice < 5)
				answer(step, json_pack("{s:{s:s,s:s,s:s}}", "return", "mode", "none", "last-mode",
				                       ft_role_name(plan.role), "status",
				                       plan.steps[step].command[6] == 'm' ? "completed" : "running"));
			else if (dice < 7)
				refused(step, "GenericError", "no");
			else if (dice < 8 && random() % 20 == 0)
				ft_runner_disconnected(&runner, random() % 2 ? FT_CHANNEL_OOB : FT_CHANNEL_QMP, "gone",
				                       now);
		}
		ck_assert(runner.finished || ft_runner_deadline(&runner) < FT_NEVER);
		if (!runner.finished)
			to_deadline();
	}
	ck_assert_int_le(now, (int64_t)(plan.n + 2) * TIMEOUT);
	ck_assert(runner.proof_known);
	ck_assert(runner.report.ok == (runner.report.proven_at != FT_NEVER));
	ck_assert(runner.report.ok == !*runner.report.error);
	stop();
}
END_TEST

static TCase *plan_tests(void)
{
	TCase *t = tcase_create("plan");

	tcase_add_test(t, plan_of_the_default_primary);
	tcase_add_test(t, plan_of_a_primary_without_the_replication_driver);
	tcase_add_test(t, plan_of_the_default_secondary);
	tcase_add_test(t, plan_of_the_renamed_primary);
	tcase_add_test(t, plan_of_the_renamed_secondary);
	tcase_add_test(t, plan_of_pairs_without_network);
	tcase_add_test(t, requests_are_what_qemu_reads);
	tcase_add_test(t, no_plan_outside_colo);
	tcase_add_test(t, too_large_a_pair_is_refused);
	tcase_add_test(t, equal_plans_are_equal);
	return t;
}

static TCase *runner_tests(void)
{
	TCase *t = tcase_create("runner");

	tcase_add_test(t, a_good_run);
	tcase_add_test(t, a_yank_that_finds_nothing_is_fine);
	tcase_add_test(t, without_oob_the_yanks_are_skipped);
	tcase_add_test(t, may_is_recorded_and_passed);
	tcase_add_test(t, the_proof_is_asked_again);
	tcase_add_test(t, another_role_is_no_proof);
	tcase_add_test(t, a_guest_that_does_not_run_fails_the_plan);
	tcase_add_test(t, already_done_is_proven);
	tcase_add_test(t, not_done_fails_with_qemus_words);
	tcase_add_test(t, an_overdue_command_is_rescued_once);
	tcase_add_test(t, a_hung_monitor_fails_the_plan_in_time);
	tcase_add_test(t, silence_costs_the_same_for_every_plan);
	tcase_add_test(t, a_stuck_monitor_gets_the_failover_command);
	tcase_add_test(t, clean_up_cannot_undo_the_proof);
	tcase_add_test(t, what_could_hang_the_guest_needs_the_yanks);
	tcase_add_test(t, a_lost_connection_fails_the_plan);
	tcase_add_test(t, a_connection_lost_while_cleaning_up_ends_it);
	tcase_add_test(t, a_lost_oob_connection_does_not_stop_the_plan);
	tcase_add_test(t, odd_replies_change_nothing);
	tcase_add_loop_test(t, never_stuck, 0, 200);
	return t;
}

int main(void)
{
	Suite *s = suite_create("plan");

	suite_add_tcase(s, plan_tests());
	suite_add_tcase(s, runner_tests());
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
