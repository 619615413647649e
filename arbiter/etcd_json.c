/* See etcd_json.h. */
#include "arbiter/etcd_json.h"

#include "arbiter/entry.h"

#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define BASE64    sodium_base64_VARIANT_ORIGINAL
#define PLAIN_MAX 448 /* a key or a value, with the NUL; longer ones are not ours */
#define CODED_MAX sodium_base64_ENCODED_LEN(PLAIN_MAX, BASE64)

static const char *coded(const char *text, char out[CODED_MAX])
{
	return sodium_bin2base64(out, CODED_MAX, (const unsigned char *)text, strlen(text), BASE64);
}

/* Takes over the reference. */
static char *dumped(json_t *request)
{
	char *text = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;

	json_decref(request);
	if (text == NULL)
		abort();
	return text;
}

char *ft_etcd_claim(const char *key, const char *entry)
{
	char k[CODED_MAX], v[CODED_MAX];

	coded(key, k);
	coded(entry, v);
	return dumped(json_pack("{s:[{s:s,s:s,s:s,s:s}], s:[{s:{s:s,s:s}}], s:[{s:{s:s}}]}", "compare", "key", k,
	                        "target", "CREATE", "result", "EQUAL", "create_revision", "0", "success", "request_put",
	                        "key", k, "value", v, "failure", "request_range", "key", k));
}

/* Nothing to compare is always true. */
char *ft_etcd_mark(const char *key, const char *text, const char *peers_key)
{
	char k[CODED_MAX], v[CODED_MAX], p[CODED_MAX];

	coded(key, k);
	coded(text, v);
	coded(peers_key, p);
	return dumped(json_pack("{s:[{s:{s:s,s:s}},{s:{s:s}}]}", "success", "request_put", "key", k, "value", v,
	                        "request_range", "key", p));
}

static char *about_key(const char *key)
{
	char k[CODED_MAX];

	return dumped(json_pack("{s:s}", "key", coded(key, k)));
}

char *ft_etcd_read(const char *key)
{
	return about_key(key);
}

/* range: of a key, or of all keys between two; taken over. */
static char *behind_a_write(json_t *range, const char *nobody)
{
	char n[CODED_MAX];

	return dumped(json_pack("{s:[{s:{s:s}},{s:o}]}", "success", "request_delete_range", "key", coded(nobody, n),
	                        "request_range", range));
}

char *ft_etcd_read_logged(const char *key, const char *nobody)
{
	char k[CODED_MAX];

	return behind_a_write(json_pack("{s:s}", "key", coded(key, k)), nobody);
}

char *ft_etcd_remove(const char *key)
{
	return about_key(key);
}

char *ft_etcd_range_logged(const char *start, const char *nobody)
{
	char k[CODED_MAX], e[CODED_MAX], end[PLAIN_MAX];

	(void)snprintf(end, sizeof(end), "%s", start);
	end[strlen(end) - 1]++;
	return behind_a_write(json_pack("{s:s, s:s}", "key", coded(start, k), "range_end", coded(end, e)), nobody);
}

char *ft_etcd_login(const char *user, const char *password)
{
	json_t *request = json_pack("{s:s, s:s}", "name", user, "password", password);
	const char *copy = json_string_value(json_object_get(request, "password"));

	/* What is no UTF-8 is no password that etcd could have been given through JSON either. */
	if (request == NULL)
		return dumped(json_object());
	/* Not by json_dumps, which leaves behind what it has outgrown. */
	size_t len = json_dumpb(request, NULL, 0, JSON_COMPACT);
	char *text = calloc(1, len + 1);
	if (text == NULL)
		abort();
	(void)json_dumpb(request, text, len, JSON_COMPACT);
	explicit_bzero((char *)(uintptr_t)copy, strlen(copy));
	json_decref(request);
	return text;
}

/* The answer as an object with etcd's header, a new reference; or NULL. */
static json_t *parse(const char *body, size_t len, char cluster[FT_ETCD_CLUSTER_MAX])
{
	const char *id = NULL, *revision = NULL;
	json_t *answer = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);

	if (answer != NULL &&
	    json_unpack(answer, "{s:{s:s, s:s}}", "header", "cluster_id", &id, "revision", &revision) == 0 &&
	    id[0] != '\0' && strlen(id) < FT_ETCD_CLUSTER_MAX && id[strspn(id, "0123456789")] == '\0') {
		strcpy(cluster, id);
		return answer;
	}
	json_decref(answer);
	return NULL;
}

/* Decodes text; returns its length, or -1. */
static int plain(const char *text, char out[PLAIN_MAX])
{
	size_t len = 0;

	if (sodium_base642bin((unsigned char *)out, PLAIN_MAX - 1, text, strlen(text), NULL, &len, NULL, BASE64) != 0)
		return -1;
	out[len] = '\0';
	return (int)len;
}

/* range: the answer to a range request. */
static void read_range(const json_t *range, const char *key, struct ft_told *out)
{
	const json_t *kvs = json_object_get(range, "kvs"), *kv = json_array_get(kvs, 0);
	const char *k = json_string_value(json_object_get(kv, "key"));
	const char *v = json_string_value(json_object_get(kv, "value"));
	char text[PLAIN_MAX];

	if (kvs == NULL && json_object_get(range, "count") == NULL) {
		out->what = FT_REGISTER_ABSENT;
		return;
	}
	if (json_array_size(kvs) != 1 || k == NULL || plain(k, text) < 0 || strcmp(text, key) != 0) {
		ft_told_fail(out, "the answer is not about the key that was asked for");
		return;
	}
	int len = v != NULL ? plain(v, text) : 0;
	if (len < 0 || !ft_entry_read(text, (size_t)len, out->name))
		ft_told_fail(out, "key %s holds no claim of ftd's; find out who wrote it", key);
	else
		out->what = FT_REGISTER_TAKEN;
}

void ft_etcd_claimed(const char *body, size_t len, const char *key, const char *name, struct ft_told *out,
                     char cluster[FT_ETCD_CLUSTER_MAX])
{
	json_t *answer = parse(body, len, cluster);
	const json_t *response = json_array_get(json_object_get(answer, "responses"), 0);
	const json_t *succeeded = json_object_get(answer, "succeeded"), *range = NULL;

	memset(out, 0, sizeof(*out));
	if (succeeded == NULL || json_is_false(succeeded))
		range = json_object_get(response, "response_range");
	if (answer == NULL) {
		ft_told_fail(out, "the answer is not one of etcd's");
	} else if (json_is_true(succeeded) && json_object_get(response, "response_put") != NULL) {
		out->what = FT_REGISTER_TAKEN;
		(void)snprintf(out->name, sizeof(out->name), "%s", name);
	} else if (range != NULL) {
		read_range(range, key, out);
	} else {
		ft_told_fail(out, "the answer says neither that the claim succeeded nor who holds the key");
	}
	json_decref(answer);
}

void ft_etcd_looked(const char *body, size_t len, const char *key, struct ft_told *out,
                    char cluster[FT_ETCD_CLUSTER_MAX])
{
	json_t *answer = parse(body, len, cluster);

	memset(out, 0, sizeof(*out));
	if (answer == NULL)
		ft_told_fail(out, "the answer is not one of etcd's");
	else
		read_range(answer, key, out);
	json_decref(answer);
}

/* What was read behind a write; NULL after out tells that it was not. */
static const json_t *read_behind(const json_t *answer, struct ft_told *out)
{
	const json_t *responses = json_object_get(answer, "responses");
	const json_t *range = json_object_get(json_array_get(responses, 1), "response_range");
	bool written = json_object_get(json_array_get(responses, 0), "response_delete_range") != NULL;

	if (answer == NULL)
		ft_told_fail(out, "the answer is not one of etcd's");
	else if (!json_is_true(json_object_get(answer, "succeeded")) || !written || range == NULL)
		ft_told_fail(out, "the answer does not say that it has gone through the log");
	else
		return range;
	return NULL;
}

void ft_etcd_looked_logged(const char *body, size_t len, const char *key, struct ft_told *out,
                           char cluster[FT_ETCD_CLUSTER_MAX])
{
	json_t *answer = parse(body, len, cluster);

	memset(out, 0, sizeof(*out));
	const json_t *range = read_behind(answer, out);
	if (range != NULL)
		read_range(range, key, out);
	json_decref(answer);
}

void ft_etcd_marked(const char *body, size_t len, const char *peers_key, struct ft_told *out,
                    char cluster[FT_ETCD_CLUSTER_MAX])
{
	json_t *answer = parse(body, len, cluster);
	const json_t *responses = json_object_get(answer, "responses");
	const json_t *range = json_object_get(json_array_get(responses, 1), "response_range");
	const json_t *kvs = json_object_get(range, "kvs"), *kv = json_array_get(kvs, 0);
	const char *k = json_string_value(json_object_get(kv, "key"));
	const char *v = json_string_value(json_object_get(kv, "value"));
	bool put = json_object_get(json_array_get(responses, 0), "response_put") != NULL;
	char text[PLAIN_MAX];
	int n = 0;

	memset(out, 0, sizeof(*out));
	out->what = FT_REGISTER_TAKEN;
	if (answer == NULL)
		ft_told_fail(out, "the answer is not one of etcd's");
	else if (!json_is_true(json_object_get(answer, "succeeded")) || !put || range == NULL)
		ft_told_fail(out, "the answer does not say that the mark was put there");
	else if (kvs != NULL &&
	         (json_array_size(kvs) != 1 || k == NULL || plain(k, text) < 0 || strcmp(text, peers_key) != 0))
		ft_told_fail(out, "the answer is not about the key that was asked for");
	else if (v != NULL && (n = plain(v, text)) > 0)
		out->mark = ft_mark_read(text, (size_t)n);
	json_decref(answer);
}

static void remember(const json_t *kv, const char *start, const char *const nodes[2], struct ft_told *out)
{
	const char *k = json_string_value(json_object_get(kv, "key"));
	const char *v = json_string_value(json_object_get(kv, "value"));
	char key[PLAIN_MAX], text[PLAIN_MAX];
	int n = v != NULL ? plain(v, text) : -1;

	if (k == NULL || plain(k, key) < 0 || strncmp(key, start, strlen(start)) != 0 || n < 0) {
		ft_told_fail(out, "the answer is not about the keys that were asked for");
		return;
	}
	const char *node = key + strlen(start);
	bool counts = nodes[0] == NULL || strcmp(node, nodes[0]) == 0 || strcmp(node, nodes[1]) == 0;
	uint64_t epoch = ft_mark_epoch(text, (size_t)n);
	if (!counts || strlen(node) >= sizeof(out->name) || (out->what == FT_REGISTER_TAKEN && epoch <= out->epoch))
		return;
	out->what = FT_REGISTER_TAKEN;
	out->epoch = epoch;
	(void)snprintf(out->name, sizeof(out->name), "%s", node);
}

void ft_etcd_remembered(const char *body, size_t len, const char *start, const char *const nodes[2],
                        struct ft_told *out, char cluster[FT_ETCD_CLUSTER_MAX])
{
	json_t *answer = parse(body, len, cluster);

	memset(out, 0, sizeof(*out));
	out->what = FT_REGISTER_ABSENT;
	const json_t *kvs = json_object_get(read_behind(answer, out), "kvs");
	for (size_t i = 0; out->error[0] == '\0' && i < json_array_size(kvs); i++)
		remember(json_array_get(kvs, i), start, nodes, out);
	json_decref(answer);
}

bool ft_etcd_token(const char *body, size_t len, char token[FT_ETCD_TOKEN_MAX])
{
	char cluster[FT_ETCD_CLUSTER_MAX];
	json_t *answer = parse(body, len, cluster);
	const char *text = json_string_value(json_object_get(answer, "token"));
	/* It goes into a header: nothing may end that early. */
	bool good = text != NULL && text[0] != '\0' && strlen(text) < FT_ETCD_TOKEN_MAX;

	for (const char *c = good ? text : ""; *c != '\0'; c++)
		good = good && *c > ' ' && *c <= '~';
	if (good)
		strcpy(token, text);
	json_decref(answer);
	return good;
}

bool ft_etcd_version(const char *body, size_t len, char version[FT_ETCD_VERSION_MAX])
{
	json_t *answer = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
	const char *text = json_string_value(json_object_get(answer, "etcdserver"));
	bool good = text != NULL && strlen(text) < FT_ETCD_VERSION_MAX;

	if (good)
		strcpy(version, text);
	json_decref(answer);
	return good;
}

void ft_etcd_refusal(const char *body, size_t len, char text[FT_TEXT_MAX])
{
	json_t *answer = json_loadb(body, len, 0, NULL);
	const char *words = json_string_value(json_object_get(answer, "error"));

	if (words != NULL)
		(void)snprintf(text, FT_TEXT_MAX, "%s", words);
	else
		(void)snprintf(text, FT_TEXT_MAX, "%.*s", (int)(len < FT_TEXT_MAX ? len : FT_TEXT_MAX), body);
	text[strcspn(text, "\r\n")] = '\0';
	for (char *c = text; *c != '\0'; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
	json_decref(answer);
}
