/* The decision tables as a reader sees them: docs/decisions.md is what they are, and each decision has a name of its own.
 * With --print the document goes to standard output (make decisions). */
#include "core/core_internal.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENT "docs/decisions.md"

static const char head[] = "# Who may run the guest, and what is done about it\n"
                           "\n"
                           "Printed from the tables of `core/rules.c` by `make decisions`; a test keeps it true. A "
                           "*decision* is a row: in these phases, where this\n"
                           "condition holds, that is done. After each event the tables are read from the top; the "
                           "first row that holds is done, and they are read\n"
                           "again, until none holds. A row that does nothing keeps those below it from being done. "
                           "Conditions and what is done are functions of\n"
                           "`core/`, each a few lines long. The name of a decision stands in the log at level `debug`, "
                           "and in an outcome's evidence\n"
                           "(`ftctl last`) behind \"decided:\".\n"
                           "\n"
                           "| group | phases |\n"
                           "|---|---|\n"
                           "| OPEN | UNPROTECTED, ARMING |\n"
                           "| BOUND | PROTECTED, SUSPECT, WATCH |\n"
                           "| CLAIM | FREEZING, CLAIMING, CUT_OFF |\n"
                           "| ENDING | PLANNING, RECORDING |\n"
                           "| FROZEN | YIELDED, HELD |\n"
                           "| BUSY | ENDING, ASKING, YIELDING, FREEZING, CLAIMING |\n"
                           "| RUNNING | STARTING, OPEN, BOUND, ASKING, FAILED |\n";

/* "P(STARTING) | OPEN" as people read it. */
static void print_phases(FILE *f, const char *text)
{
	bool but = false;
	for (const char *p = text; *p; p++) {
		if (strncmp(p, "P(", 2) == 0 || *p == '(' || *p == ')') {
			p += *p == 'P';
		} else if (strncmp(p, " | ", 3) == 0) {
			fputs(", ", f);
			p += 2;
		} else if (strncmp(p, " & ~", 4) == 0) {
			fputs(but ? ", " : " but ", f);
			but = true;
			p += 3;
		} else {
			fputc(*p, f);
		}
	}
}

/* Without the prefix of what several files share. */
static const char *word(const char *name)
{
	return strncmp(name, "ft_", 3) == 0 ? name + 3 : name;
}

static void print_row(FILE *f, int n, const struct ft_rule *r)
{
	fprintf(f, "| %d | %s | ", n, r->name);
	print_phases(f, r->phases_text);
	fprintf(f, " | `%s` | ", word(r->when_text));
	if (r->then)
		fprintf(f, "`%s` |\n", word(r->then_text));
	else
		fputs("nothing |\n", f);
}

static void print_all(FILE *f)
{
	size_t tables;
	const struct ft_table *law = ft_rules_law(&tables);
	int n = 0;
	fputs(head, f);
	for (size_t t = 0; t < tables; t++) {
		fprintf(f, "\n## %s\n\n| # | decision | in | where | done |\n|---|---|---|---|---|\n", law[t].name);
		for (size_t i = 0; i < law[t].n; i++)
			print_row(f, ++n, &law[t].rules[i]);
	}
}

START_TEST(the_document_is_what_the_tables_are)
{
	char *printed = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&printed, &len);
	print_all(f);
	fclose(f);
	char *file = calloc(1, len + 2);
	f = fopen(DOCUMENT, "r");
	ck_assert_msg(f != NULL, "%s cannot be read: this runs in the project's top folder", DOCUMENT);
	size_t got = fread(file, 1, len + 1, f);
	fclose(f);
	ck_assert_msg(got == len && memcmp(file, printed, len) == 0, "%s is not what the tables are: make decisions",
	              DOCUMENT);
	free(file);
	free(printed);
}
END_TEST

/* By its name a decision is found, in the log and in the tables. */
START_TEST(each_decision_has_a_name_of_its_own)
{
	size_t tables;
	const struct ft_table *law = ft_rules_law(&tables);
	const char *names[512];
	int n = 0;
	for (size_t t = 0; t < tables; t++)
		for (size_t i = 0; i < law[t].n; i++) {
			const struct ft_rule *r = &law[t].rules[i];
			ck_assert_msg(r->phases != 0, "%s: in no phase", r->name);
			for (int k = 0; k < n; k++)
				ck_assert_str_ne(names[k], r->name);
			ck_assert_int_lt(n, 512);
			names[n++] = r->name;
			/* As evidence it stands behind "decided: ". */
			ck_assert_uint_lt(strlen(r->name) + strlen("decided: "), sizeof((struct ft_evidence *)0)->text);
		}
}
END_TEST

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--print") == 0) {
		print_all(stdout);
		return 0;
	}
	Suite *s = suite_create("decisions");
	TCase *c = tcase_create("decisions");
	tcase_add_test(c, the_document_is_what_the_tables_are);
	tcase_add_test(c, each_decision_has_a_name_of_its_own);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
