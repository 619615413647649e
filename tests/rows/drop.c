/* Linked into a test in place of the law (the linker's --wrap): the same tables, with one row left out.
 * FT_DROP=N in the environment: the row that docs/decisions.md has as number N; not given: none is left out. */
#include "core/core_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLES_MAX 32
#define ROWS_MAX   512

const struct ft_table *__real_ft_rules_law(size_t *n);
const struct ft_table *__wrap_ft_rules_law(size_t *n);

static struct ft_table tables[TABLES_MAX];
static struct ft_rule rows[ROWS_MAX];
static size_t n_tables;

static void copy_without(int dropped)
{
	const struct ft_table *law = __real_ft_rules_law(&n_tables);
	int number = 0, kept = 0;
	for (size_t t = 0; t < n_tables && t < TABLES_MAX; t++) {
		tables[t] = (struct ft_table){law[t].name, &rows[kept], 0};
		for (size_t i = 0; i < law[t].n && kept < ROWS_MAX; i++)
			if (++number != dropped) {
				memcpy(&rows[kept++], &law[t].rules[i], sizeof rows[0]);
				tables[t].n++;
			}
	}
	if (dropped > number) {
		fprintf(stderr, "FT_DROP=%d: there are %d rows\n", dropped, number);
		exit(2);
	}
}

const struct ft_table *__wrap_ft_rules_law(size_t *n)
{
	if (n_tables == 0)
		copy_without(atoi(getenv("FT_DROP") ? getenv("FT_DROP") : "0"));
	*n = n_tables;
	return tables;
}
