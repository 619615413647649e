/* libcurl, loaded when an arbiter needs it and not before.
 * Knows: its name and the functions that we call.  Must not know: what they are called for.
 *
 * It brings some thirty libraries, and each has tables that the loader writes to: more memory than all of ftd itself, in
 * every process of every pair, for those who use no etcd. */
#ifndef FT_ARBITER_CURL_H
#define FT_ARBITER_CURL_H

#define CURL_DISABLE_TYPECHECK /* macros of the functions' names */
#include <curl/curl.h>
#include <stdio.h>

#define FT_CURL_FUNCTIONS(X)                                                                                           \
	X(global_init_mem)                                                                                             \
	X(global_cleanup)                                                                                              \
	X(version_info)                                                                                                \
	X(slist_append)                                                                                                \
	X(slist_free_all)                                                                                              \
	X(easy_init)                                                                                                   \
	X(easy_setopt)                                                                                                 \
	X(easy_getinfo)                                                                                                \
	X(easy_strerror)                                                                                               \
	X(easy_cleanup)                                                                                                \
	X(multi_init)                                                                                                  \
	X(multi_setopt)                                                                                                \
	X(multi_add_handle)                                                                                            \
	X(multi_remove_handle)                                                                                         \
	X(multi_socket_action)                                                                                         \
	X(multi_assign)                                                                                                \
	X(multi_info_read)                                                                                             \
	X(multi_cleanup)

/* As in libcurl, without curl_ before the name. */
struct ft_curl {
#define X(name) __typeof__(&curl_##name) name;
	FT_CURL_FUNCTIONS(X)
#undef X
};

/* It stays loaded until the process ends.  0, or -1 after writing to errors what is missing. */
int ft_curl_load(struct ft_curl *out, FILE *errors);

#endif
