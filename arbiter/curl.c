/* See curl.h. */
#include "arbiter/curl.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

#define LIBRARY "libcurl.so.4" /* of Debian 12; another number is another interface */

/* A pointer to a function is no pointer to an object in C; POSIX has dlsym give one all the same. */
static bool find(void *library, const char *name, void *function, FILE *errors)
{
	void *symbol = dlsym(library, name);

	if (symbol == NULL)
		(void)fprintf(errors, "%s has no %s; arbiter type \"etcd\" takes libcurl 7.85 or newer\n", LIBRARY,
		              name);
	memcpy(function, &symbol, sizeof(symbol));
	return symbol != NULL;
}

int ft_curl_load(struct ft_curl *out, FILE *errors)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	bool all = library != NULL;

	if (library == NULL)
		(void)fprintf(errors, "arbiter type \"etcd\" takes %s: %s; install libcurl4\n", LIBRARY, dlerror());
#define X(name) all = all && find(library, "curl_" #name, &out->name, errors);
	FT_CURL_FUNCTIONS(X)
#undef X
	if (library != NULL)
		dlclose(library); /* RTLD_NODELETE: it stays */
	return all ? 0 : -1;
}
