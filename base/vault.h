/* Memory for secrets: in no core file, and empty in every child process, which needs none of them.
 * Knows: pages.  Must not know: what is secret. */
#ifndef FT_BASE_VAULT_H
#define FT_BASE_VAULT_H

#include <stddef.h>

/* Memory of zeros for open bytes, and secret ones behind them, which begin at a page of their own: so open must be a multiple of
 * 16.  Free with the same numbers.  NULL: out of memory. */
void *ft_vault_new(size_t open, size_t secret);
/* Wipes all of it. NULL is fine. */
void ft_vault_free(void *vault, size_t open, size_t secret);

#endif
