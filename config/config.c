/* The whole of ft.conf: source, syntax, settings, and what the settings must hold among each other.
 * Knows: libconfig.  Must not know: what the settings are used for. */
#include "config/internal.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void ft_fault(struct ft_reader *r, struct ft_where w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)fprintf(r->errors, "%s:", w.file ? w.file : r->c->path);
	if (w.line > 0)
		(void)fprintf(r->errors, "%u:", w.line);
	(void)fputc(' ', r->errors);
	(void)vfprintf(r->errors, format, args);
	(void)fputc('\n', r->errors);
	va_end(args);
	r->n_faults++;
}

struct ft_where ft_where(const config_setting_t *s)
{
	return (struct ft_where){config_setting_source_file(s), config_setting_source_line(s)};
}

static void syntax_fault(struct ft_reader *r, const config_t *tree)
{
	struct ft_where w = {config_error_file(tree), (unsigned)config_error_line(tree)};
	const char *text = config_error_text(tree);

	if (strcmp(text, "syntax error") == 0)
		ft_fault(r, w, "syntax error here or just before; name = value; name: { ... }; with strings in quotes");
	else
		ft_fault(r, w, "syntax error: %s; the syntax is libconfig's, each setting once in its group", text);
}

/* What no row can see alone. */
static void judge_relations(struct ft_reader *r, const config_t *tree)
{
	const struct ft_config *c = r->c;
	const config_setting_t *oob = config_lookup(tree, "qmp.oob_socket");
	const config_setting_t *control = config_lookup(tree, "control.socket");

	if (c->qmp_socket[0] && strcmp(c->qmp_socket, c->qmp_oob_socket) == 0)
		ft_fault(r, ft_where(oob),
		         "qmp.oob_socket is the same as qmp.socket; a second -qmp socket of the same "
		         "QEMU, since each serves one client");
	if (control && c->control_socket[0] &&
	    (strcmp(c->control_socket, c->qmp_socket) == 0 || strcmp(c->control_socket, c->qmp_oob_socket) == 0))
		ft_fault(r, ft_where(control), "control.socket is one of QEMU's sockets; a path of ftd's own");
}

/* Nothing that the operator believes protects them may be silently ignored: what this version has not built, it refuses. */
static void refuse_unbuilt(struct ft_reader *r, const config_t *tree)
{
	const struct ft_config *c = r->c;
	const config_setting_t *fence = config_lookup(tree, "fence");

	if (c->arbiter != FT_ARBITER_NONE)
		ft_fault(r, ft_where(config_lookup(tree, "arbiter.type")),
		         "arbiter.type \"%s\" is not built yet in this version; \"none\" is, with which a partition "
		         "can make "
		         "two masters",
		         config_setting_get_string(config_lookup(tree, "arbiter.type")));
	if (fence)
		ft_fault(r, ft_where(fence), "fence is not built yet in this version; leave the group out");
	if (c->realtime)
		ft_fault(r, ft_where(config_lookup(tree, "realtime")),
		         "realtime is not built yet in this version; false, or leave it out");
	if (c->watchdog_device[0])
		ft_fault(r, ft_where(config_lookup(tree, "watchdog_device")),
		         "watchdog_device is not built yet in this version; \"\", or leave it out");
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
		judge_relations(r, &tree);
		refuse_unbuilt(r, &tree);
	} else {
		syntax_fault(r, &tree);
	}
	config_destroy(&tree);
	free(source);
}

struct ft_config *ft_config_load(const char *path, FILE *errors)
{
	struct ft_config *c = calloc(1, sizeof(*c));
	struct ft_reader r = {.c = c, .errors = errors};

	if (!c || sodium_init() < 0) {
		(void)fprintf(errors, "%s: %s; nothing was read\n", path,
		              c ? "libsodium cannot start" : "out of memory");
		free(c);
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
	return c;
}

void ft_config_free(struct ft_config *c)
{
	if (!c)
		return;
	for (int i = 0; i < c->n_hook; i++)
		free(c->hook[i]);
	sodium_memzero(c, sizeof(*c)); /* the keys */
	free(c);
}

const char *ft_config_fixed_difference(const struct ft_config *old_config, const struct ft_config *new_config)
{
	const struct {
		const char *name;
		bool differs;
	} fixed[] = {
	    {"pair", strcmp(old_config->pair, new_config->pair) != 0},
	    {"node", strcmp(old_config->node, new_config->node) != 0},
	    {"state_dir", strcmp(old_config->state_dir, new_config->state_dir) != 0},
	    {"control.socket", strcmp(old_config->control_socket, new_config->control_socket) != 0},
	    {"control.mode", old_config->control_mode != new_config->control_mode},
	    {"control.group", old_config->control_gid != new_config->control_gid},
	    {"arbiter.type", old_config->arbiter != new_config->arbiter},
	    {"realtime", old_config->realtime != new_config->realtime},
	    {"watchdog_device", strcmp(old_config->watchdog_device, new_config->watchdog_device) != 0},
	};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (fixed[i].differs)
			return fixed[i].name;
	return NULL;
}
