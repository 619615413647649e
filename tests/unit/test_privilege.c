/* What ftd keeps of root's powers, and what it hands on. */
#include "supervisor/privilege.h"
#include "tests/unit/skip.h"

#include <check.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t bit(int capability)
{
	return UINT64_C(1) << capability;
}

/* A line of /proc/self/status. */
static uint64_t mine(const char *name)
{
	char line[256];
	unsigned long long value = 0;
	FILE *f = fopen("/proc/self/status", "r");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, name, strlen(name)) == 0)
			sscanf(line + strlen(name) + 1, "%llx", &value);
	fclose(f);
	return value;
}

/* What a program that is run from here has. */
static uint64_t of_a_program(void)
{
	char text[64] = "";
	FILE *f = popen("sed -n 's/^CapEff:\t//p' /proc/self/status", "r");
	ck_assert_ptr_nonnull(fgets(text, sizeof text, f));
	pclose(f);
	return strtoull(text, NULL, 16);
}

START_TEST(root_keeps_what_ftd_has_a_use_for)
{
	if (!are_we_root("root_keeps_what_ftd_has_a_use_for"))
		return;
	ck_assert_int_eq(ft_privilege_shrink(), 0);
	uint64_t left = mine("CapEff:"), gone = bit(CAP_SYS_ADMIN) | bit(CAP_SYS_MODULE) | bit(CAP_SETUID) |
	                                        bit(CAP_SYS_RAWIO) | bit(CAP_NET_ADMIN) | bit(CAP_SYS_BOOT);
	uint64_t kept = bit(CAP_KILL) | bit(CAP_SYS_PTRACE) | bit(CAP_DAC_READ_SEARCH) | bit(CAP_DAC_OVERRIDE) |
	                bit(CAP_SYS_NICE) | bit(CAP_IPC_LOCK);
	ck_assert_uint_eq(left & gone, 0);
	ck_assert_uint_eq(left & kept, kept);
	ck_assert_uint_eq(mine("CapPrm:"), left); /* for good */
}
END_TEST

START_TEST(what_root_runs_has_all_of_roots)
{
	if (!are_we_root("what_root_runs_has_all_of_roots"))
		return;
	uint64_t all = mine("CapEff:");
	ck_assert_int_eq(ft_privilege_shrink(), 0);
	ck_assert_uint_ne(mine("CapEff:"), all);
	ck_assert_uint_eq(of_a_program(), all);
}
END_TEST

START_TEST(what_can_have_nothing_new_is_not_made_poor)
{
	if (!are_we_root("what_can_have_nothing_new_is_not_made_poor"))
		return;
	uint64_t all = mine("CapEff:");
	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(ft_privilege_shrink(), 0);
	ck_assert_uint_eq(of_a_program(), all);
}
END_TEST

/* As with AmbientCapabilities= of systemd. */
START_TEST(an_ordinary_user_hands_nothing_on)
{
	if (!are_we_root("an_ordinary_user_hands_nothing_on"))
		return;
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	uint32_t given = (uint32_t)(bit(CAP_KILL) | bit(CAP_NET_ADMIN));
	data[0] = (struct __user_cap_data_struct){.permitted = given, .effective = given, .inheritable = given};
	ck_assert_int_eq(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
	ck_assert_int_eq((int)syscall(SYS_capset, &head, data), 0);
	ck_assert_int_eq(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0), 0);
	ck_assert_uint_eq(of_a_program(), bit(CAP_KILL));
	ck_assert_int_eq(ft_privilege_shrink(), 0);
	ck_assert_uint_eq(mine("CapEff:"), bit(CAP_KILL));
	ck_assert_uint_eq(of_a_program(), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("privilege");
	TCase *t = tcase_create("all");
	tcase_add_test(t, root_keeps_what_ftd_has_a_use_for);
	tcase_add_test(t, what_root_runs_has_all_of_roots);
	tcase_add_test(t, what_can_have_nothing_new_is_not_made_poor);
	tcase_add_test(t, an_ordinary_user_hands_nothing_on);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
