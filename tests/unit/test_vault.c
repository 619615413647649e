/* Memory for secrets: what a core file, and a child process, see of it. */
#include "base/vault.h"

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPEN   4000
#define SECRET 5000 /* more than a page */

/* Whether a core file has the page that p is on, as the kernel says. */
static bool is_dumped(const void *p)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[1024];
	bool inside = false, dumped = true;
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof line, f)) {
		unsigned long from, to;
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2 && strchr(line, '-') < strchr(line, ' '))
			inside = (unsigned long)p >= from && (unsigned long)p < to;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			dumped = strstr(line, " dd") == NULL;
	}
	fclose(f);
	return dumped;
}

START_TEST(a_secret_is_in_no_core_file_and_in_no_child)
{
	char *vault = ft_vault_new(OPEN, SECRET);
	ck_assert_ptr_nonnull(vault);
	for (int i = 0; i < OPEN + SECRET; i++)
		ck_assert_int_eq(vault[i], 0);
	memset(vault, 'o', OPEN);
	memset(vault + OPEN, 's', SECRET);
	ck_assert(is_dumped(vault));
	ck_assert(!is_dumped(vault + OPEN));
	ck_assert(!is_dumped(vault + OPEN + SECRET - 1));
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		bool good = vault[0] == 'o' && vault[OPEN - 1] == 'o';
		for (int i = 0; i < SECRET; i++)
			good = good && vault[OPEN + i] == 0;
		_exit(good ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ck_assert_int_eq(vault[OPEN], 's');
	ft_vault_free(vault, OPEN, SECRET);
	ft_vault_free(NULL, OPEN, SECRET);
}
END_TEST

/* What is freed becomes anybody's memory, of which a child and a core file are to have all. */
START_TEST(freed_memory_is_ordinary_again)
{
	char *vault = ft_vault_new(0, SECRET), *secret = vault;
	ft_vault_free(vault, 0, SECRET);
	ck_assert(is_dumped(secret));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vault");
	TCase *c = tcase_create("vault");
	tcase_add_test(c, a_secret_is_in_no_core_file_and_in_no_child);
	tcase_add_test(c, freed_memory_is_ordinary_again);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
