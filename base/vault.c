/* See vault.h. */
#include "base/vault.h"

#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t in_pages(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

void *ft_vault_new(size_t open, size_t secret)
{
	char *pages = aligned_alloc(in_pages(1), in_pages(open) + in_pages(secret));

	if (!pages)
		return NULL;
	memset(pages, 0, in_pages(open) + in_pages(secret));
	/* A kernel that cannot (Linux 5.3 can) leaves the secrets where all programs have theirs. */
	(void)madvise(pages + in_pages(open), in_pages(secret), MADV_DONTDUMP);
	(void)madvise(pages + in_pages(open), in_pages(secret), MADV_WIPEONFORK);
	return pages + in_pages(open) - open;
}

void ft_vault_free(void *vault, size_t open, size_t secret)
{
	if (!vault)
		return;
	char *pages = (char *)vault - (in_pages(open) - open);
	sodium_memzero(pages, in_pages(open) + in_pages(secret));
	/* They become anybody's. */
	(void)madvise(pages + in_pages(open), in_pages(secret), MADV_KEEPONFORK);
	(void)madvise(pages + in_pages(open), in_pages(secret), MADV_DODUMP);
	free(pages);
}
