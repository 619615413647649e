/* For tests of what not every machine can do: one that cannot run says so.  Under FTD_TEST_STRICT it fails instead, so that a
 * CI that lacks something is not taken for one that has tested it. */
#ifndef FT_TESTS_UNIT_SKIP_H
#define FT_TESTS_UNIT_SKIP_H

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline bool skips_are_failures(void)
{
	const char *strict = getenv("FTD_TEST_STRICT");
	return strict != NULL && strict[0] != '\0';
}

/* The caller returns then.  missing: what this machine lacks. */
static inline void skipped(const char *what, const char *missing)
{
	printf("skipped: %s: %s\n", what, missing);
	ck_assert_msg(!skips_are_failures(), "%s was not tested: %s; FTD_TEST_STRICT lets nothing be skipped", what,
	              missing);
}

static inline bool are_we_root(const char *what_is_skipped)
{
	if (geteuid() != 0)
		skipped(what_is_skipped, "not root");
	return geteuid() == 0;
}

#endif
