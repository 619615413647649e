/* An etcd's answers, and what stands in a register: whoever else may write there, or answer in its place. */
#include "arbiter/entry.h"
#include "arbiter/etcd_json.h"
#include "arbiter/etcd_version.h"
#include "tests/fuzz/fuzz.h"

static const char key[] = "ftd/vm1/00112233445566778899aabbccddeeff";
static const char marks[] = "ftd/vm1/mark/";

static void judge(const struct ft_told *told)
{
	LAW(strnlen(told->error, sizeof told->error) < sizeof told->error, "an error is a text");
	LAW(strnlen(told->name, sizeof told->name) < sizeof told->name, "a name is a text");
}

static void read_answers(const char *body, size_t len)
{
	static const char *const nodes[2] = {"alpha", "beta"};
	char cluster[FT_ETCD_CLUSTER_MAX], token[FT_ETCD_TOKEN_MAX], version[FT_ETCD_VERSION_MAX], text[FT_TEXT_MAX];
	struct ft_told told = {0};
	ft_etcd_claimed(body, len, key, "alpha", &told, cluster);
	judge(&told);
	ft_etcd_looked(body, len, key, &told, cluster);
	judge(&told);
	ft_etcd_looked_logged(body, len, key, &told, cluster);
	judge(&told);
	ft_etcd_marked(body, len, marks, &told, cluster);
	judge(&told);
	ft_etcd_remembered(body, len, marks, nodes, &told, cluster);
	judge(&told);
	ft_etcd_token(body, len, token);
	ft_etcd_version(body, len, version);
	ft_etcd_refusal(body, len, text);
	for (const char *c = text; *c; c++)
		LAW(*c >= ' ' && *c <= '~', "etcd's own words are shown as plain ASCII");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy, so that a look behind its end is seen. */
	char *body = malloc(size + 1), name[FT_NAME_MAX], line[FT_ENTRY_MAX];
	memcpy(body, data, size);
	body[size] = '\0';
	read_answers(body, size);
	if (ft_entry_read(body, size, name)) {
		size_t len = ft_entry_write(name, (struct timespec){0}, line);
		char again[FT_NAME_MAX];
		LAW(ft_entry_read(line, len, again) && strcmp(name, again) == 0, "a claimant is read as he is written");
	}
	ft_mark_read(body, size);
	ft_mark_epoch(body, size);
	free(body);
	return 0;
}
