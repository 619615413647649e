/* Requests to etcd's v3 JSON gateway, and its answers.  Pure.
 * Knows: etcd's words, base64.  Must not know: endpoints, HTTP, time.
 *
 * The gateway leaves fields out that are false, zero or empty: no "succeeded" means that the comparison failed, no
 * "kvs" that there is no such key.  So that an answer of something else, "{}" above all, is not taken for one of these,
 * every answer must carry etcd's header. */
#ifndef FT_ARBITER_ETCD_JSON_H
#define FT_ARBITER_ETCD_JSON_H

#include "arbiter/internal.h"

#define FT_ETCD_CLAIM_PATH   "/v3/kv/txn"
#define FT_ETCD_READ_PATH    "/v3/kv/range"
#define FT_ETCD_REMOVE_PATH  "/v3/kv/deleterange"
#define FT_ETCD_LOGIN_PATH   "/v3/auth/authenticate"
#define FT_ETCD_VERSION_PATH "/version" /* GET */

#define FT_ETCD_CLUSTER_MAX 24   /* a 64-bit number, with the NUL */
#define FT_ETCD_TOKEN_MAX   4096 /* JWTs are long */
#define FT_ETCD_VERSION_MAX 32

/* The body of a request, for the caller to free. entry: what is to stand there. */
char *ft_etcd_claim(const char *key, const char *entry);
/* Two ways to read: by itself, which may be answered by an earlier state (see etcd_version.h); and in one transaction behind the
 * removal of nobody, a key that nobody ever makes: that changes nothing and needs no room, but the transaction goes through etcd's
 * log, and all that was written before is seen by it. */
char *ft_etcd_read(const char *key);
char *ft_etcd_read_logged(const char *key, const char *nobody);
/* One transaction: puts text under key, and reads the peer's. */
char *ft_etcd_mark(const char *key, const char *text, const char *peers_key);
/* All keys that begin with start, whose last character is not the greatest; through the log. */
char *ft_etcd_range_logged(const char *start, const char *nobody);
char *ft_etcd_remove(const char *key);
char *ft_etcd_login(const char *user, const char *password);

/* An answer with status 200.  out->what and out->name, or UNKNOWN and out->error; and which cluster answered.
 * name: the claimant's. */
void ft_etcd_claimed(const char *body, size_t len, const char *key, const char *name, struct ft_told *out,
                     char cluster[FT_ETCD_CLUSTER_MAX]);
void ft_etcd_looked(const char *body, size_t len, const char *key, struct ft_told *out,
                    char cluster[FT_ETCD_CLUSTER_MAX]);
void ft_etcd_looked_logged(const char *body, size_t len, const char *key, struct ft_told *out,
                           char cluster[FT_ETCD_CLUSTER_MAX]);
/* out->mark; what TAKEN or UNKNOWN. */
void ft_etcd_marked(const char *body, size_t len, const char *peers_key, struct ft_told *out,
                    char cluster[FT_ETCD_CLUSTER_MAX]);
/* Of the keys that begin with start: the greatest epoch that one's mark tells.  nodes: which count, as what follows start; a
 * NULL counts any. */
void ft_etcd_remembered(const char *body, size_t len, const char *start, const char *const nodes[2],
                        struct ft_told *out, char cluster[FT_ETCD_CLUSTER_MAX]);
/* False if there is none. */
bool ft_etcd_token(const char *body, size_t len, char token[FT_ETCD_TOKEN_MAX]);
/* False if there is none. */
bool ft_etcd_version(const char *body, size_t len, char version[FT_ETCD_VERSION_MAX]);
/* etcd's own words in an answer with another status, JSON or plain text: the first line, in plain ASCII; "" if there
 * are none. */
void ft_etcd_refusal(const char *body, size_t len, char text[FT_TEXT_MAX]);

#endif
