/* The whole of ft.conf: source, syntax, settings, and their relations, in this order.
 * Knows: libconfig.  Must not know: what the settings are used for. */
#include "base/vault.h"
#include "config/internal.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static void syntax_fault(struct ft_reader *r, const config_t *tree)
{
	struct ft_where w = {config_error_file(tree), (unsigned)config_error_line(tree)};
	const char *text = config_error_text(tree);

	if (strcmp(text, "syntax error") == 0)
		ft_fault(r, w, "syntax error here or just before; name = value; name: { ... }; with strings in quotes");
	else
		ft_fault(r, w, "syntax error: %s; the syntax is libconfig's, each setting once in its group", text);
}

static void read_file(struct ft_reader *r)
{
	config_t tree;
	char *source = ft_source_read(r, r->c->path);

	if (!source)
		return;
	config_init(&tree);
	if (config_read_string(&tree, source)) {
		ft_settings_apply(r, &tree);
		if (!r->only)
			ft_relations_judge(r, &tree);
	} else {
		syntax_fault(r, &tree);
	}
	config_destroy(&tree);
	free(source);
}

#define OPEN_BYTES   offsetof(struct ft_config, heartbeat.keys)
#define SECRET_BYTES (sizeof(struct ft_config) - OPEN_BYTES)

static void tell_whose(struct ft_config *c)
{
	char *const pairs[] = {c->arbiter.pair, c->heartbeat.pair, c->hook.pair};
	char *const nodes[] = {c->arbiter.node, c->heartbeat.node, c->hook.node};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		memcpy(pairs[i], c->pair, sizeof(c->pair));
		memcpy(nodes[i], c->node, sizeof(c->node));
	}
}

/* only: as in struct ft_reader. */
static struct ft_config *load(const char *path, const char *const *only, FILE *errors)
{
	struct ft_config *c = ft_vault_new(OPEN_BYTES, SECRET_BYTES);
	struct ft_reader r = {.c = c, .errors = errors, .only = only};

	if (!c || sodium_init() < 0) {
		(void)fprintf(errors, "%s: %s; nothing was read\n", path,
		              c ? "libsodium cannot start" : "out of memory");
		ft_vault_free(c, OPEN_BYTES, SECRET_BYTES);
		return NULL;
	}
	if (snprintf(c->path, sizeof(c->path), "%s", path) >= (int)sizeof(c->path))
		ft_fault(&r, (struct ft_where){0}, "the path is too long; at most %zu characters", sizeof(c->path) - 1);
	else
		read_file(&r);
	if (r.n_faults > 0) {
		ft_config_free(c);
		return NULL;
	}
	tell_whose(c);
	return c;
}

struct ft_config *ft_config_load(const char *path, FILE *errors)
{
	return load(path, NULL, errors);
}

int ft_config_find(const char *path, struct ft_config_places *out, FILE *errors)
{
	static const char *const only[] = {"pair", "state_dir", "control", "control.socket", NULL};
	struct ft_config *c = load(path, only, errors);

	if (!c)
		return -1;
	memcpy(out->control_socket, c->control_socket, sizeof(out->control_socket));
	memcpy(out->state_dir, c->state_dir, sizeof(out->state_dir));
	ft_config_free(c);
	return 0;
}

void ft_config_free(struct ft_config *c)
{
	if (!c)
		return;
	for (int i = 0; i < c->hook.argc; i++)
		free(c->hook.argv[i]);
	ft_vault_free(c, OPEN_BYTES, SECRET_BYTES);
}
