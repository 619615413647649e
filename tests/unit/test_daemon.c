/* What the daemon does around one step of the core, with stand-ins for the rooms it hands things to (the linker's --wrap, see
 * the Makefile): the order of things is what keeps two guests from running. */
#include "base/clock.h"
#include "qmp/session.h"
#include "supervisor/daemon_internal.h"

#include <check.h>
#include <signal.h>
#include <string.h>

static struct ft_daemon d;
static struct ft_qemu_view view;
static struct ft_process process;
static char story[256]; /* what was done, in order */
static int64_t published;

static void told(const char *what)
{
	strncat(story, what, sizeof story - strlen(story) - 1);
}

bool __wrap_ft_exclusion_publish(struct ft_exclusion *x, const struct ft_process *qemu, int64_t lease, bool known);
bool __wrap_ft_exclusion_publish(struct ft_exclusion *x, const struct ft_process *qemu, int64_t lease, bool known)
{
	(void)x, (void)qemu, (void)known;
	published = lease;
	told("publish ");
	return true;
}

void __wrap_ft_daemon_act(struct ft_daemon *daemon, const struct ft_action *a);
void __wrap_ft_daemon_act(struct ft_daemon *daemon, const struct ft_action *a)
{
	ck_assert_ptr_eq(daemon, &d);
	if (a->kind == FT_DO_FREEZE)
		told("freeze ");
	if (a->kind == FT_DO_SEND)
		told("send ");
}

const struct ft_qemu_view *__wrap_ft_qmp_view(const struct ft_qmp *q);
const struct ft_qemu_view *__wrap_ft_qmp_view(const struct ft_qmp *q)
{
	(void)q;
	return &view;
}

const struct ft_process *__wrap_ft_qmp_process(const struct ft_qmp *q);
const struct ft_process *__wrap_ft_qmp_process(const struct ft_qmp *q)
{
	(void)q;
	return &process;
}

bool __wrap_ft_process_alive(const struct ft_process *p);
bool __wrap_ft_process_alive(const struct ft_process *p)
{
	return p == &process;
}

int __wrap_ft_process_signal(const struct ft_process *p, int sig);
int __wrap_ft_process_signal(const struct ft_process *p, int sig)
{
	ck_assert_ptr_eq(p, &process);
	told(sig == SIGCONT ? "cont " : "other-signal ");
	return 0;
}

void __wrap_ft_qmp_set_frozen(struct ft_qmp *q, bool frozen);
void __wrap_ft_qmp_set_frozen(struct ft_qmp *q, bool frozen)
{
	(void)q, (void)frozen;
}

void __wrap_ft_freezer_cancel(struct ft_freezer *f);
void __wrap_ft_freezer_cancel(struct ft_freezer *f)
{
	(void)f;
}

void __wrap_ft_timer_set(struct ft_timer *a, int64_t at);
void __wrap_ft_timer_set(struct ft_timer *a, int64_t at)
{
	(void)a, (void)at;
}

/* A primary that has just come back to its session, and that nobody has acknowledged yet: its right is over. */
static void come_back(enum ft_session_stage stage)
{
	static char somewhere;
	struct ft_core_params p = {.node = "alpha",
	                           .incarnation = 1,
	                           .interval = 100 * FT_NS_PER_MS,
	                           .window = 500 * FT_NS_PER_MS,
	                           .reply_timeout = 1000 * FT_NS_PER_MS,
	                           .arbitrated = true,
	                           .registers = true,
	                           .session = {.stage = stage, .epoch = 1, .role = FT_ROLE_PRIMARY, .instance = 5}};
	memset(&d, 0, sizeof d);
	memset(&view, 0, sizeof view);
	p.session.id[0] = 7;
	ft_core_init(&d.core, &p, ft_clock_now());
	d.exclusion = (struct ft_exclusion *)(void *)&somewhere;
	d.found.pidfd = -1;
	d.instance_pid = process.pid = 4711;
	d.instance = 5;
	view.connected = view.pid_verified = true;
	story[0] = '\0';
}

static void qemu_is_seen(void)
{
	struct ft_qemu_facts q = {.connected = true,
	                          .oob = true,
	                          .plan_ready = true,
	                          .pid_verified = true,
	                          .instance = 5,
	                          .vm = FT_VM_ALIVE,
	                          .role = FT_ROLE_PRIMARY};
	ft_daemon_feed(&d, &(struct ft_event){.kind = FT_EVENT_QEMU, .qemu = &q});
}

/* The sentinel knows the lease before anybody is told, or anything done, that rests on it. */
START_TEST(a_lease_is_published_before_anything_is_done)
{
	come_back(FT_SESSION_BOUND);
	qemu_is_seen();
	ck_assert_msg(strncmp(story, "publish ", 8) == 0 && strstr(story, "freeze"), "%s", story);
	ck_assert_int_eq(published, ft_core_lease(&d.core));
	ck_assert_int_le(published, ft_clock_now());
}
END_TEST

/* Between the decision and here ftd may have been stopped, and the right have ended: then the core looks again first. */
START_TEST(nothing_is_thawed_whose_right_has_ended)
{
	come_back(FT_SESSION_BOUND);
	ft_daemon_thaw(&d);
	ck_assert_str_eq(story, "");
	ck_assert(d.thaw_refused);
	ft_daemon_feed(&d, &(struct ft_event){.kind = FT_EVENT_TIME});
	ck_assert(!d.thaw_refused);
	ck_assert_str_eq(story, "publish send publish ");
}
END_TEST

START_TEST(what_has_a_right_is_thawed)
{
	come_back(FT_SESSION_RELEASED);
	qemu_is_seen();
	story[0] = '\0';
	ft_daemon_thaw(&d);
	ck_assert_str_eq(story, "cont ");
	ck_assert(!d.thaw_refused);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("daemon");
	TCase *tc = tcase_create("one step");
	tcase_add_test(tc, a_lease_is_published_before_anything_is_done);
	tcase_add_test(tc, nothing_is_thawed_whose_right_has_ended);
	tcase_add_test(tc, what_has_a_right_is_thawed);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
