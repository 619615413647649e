/* What the files of this room share.  Nobody outside config/ includes it.
 *
 *   source.c    the file as bytes: opened safely, cleared of what the parser would swallow or die of
 *   settings.c  the table of all settings, and the walk of the parsed tree against it
 *   value.c     one judge for each kind of value
 *   key.c       key files
 *   relations.c what settings must hold among each other
 *   core_params.c what of it the decision core goes by
 *   fault.c     what is said of a fault, and of the place where it stands
 *   config.c    the whole: load, free */
#ifndef FT_CONFIG_INTERNAL_H
#define FT_CONFIG_INTERNAL_H

#include "config/config.h"

#include <libconfig.h>

/* Where something stands. file NULL: ft.conf itself; line 0: the file as a whole. */
struct ft_where {
	const char *file;
	unsigned line;
};

struct ft_reader {
	struct ft_config *c;
	FILE *errors;
	int n_faults;
	const char *const *only; /* paths of settings, NULL-terminated: the others are not looked at; NULL: all are */
};

struct ft_setting;
/* Judges one text and, if it is good and slot is not NULL, stores it there; else adds a fault. */
typedef void ft_judge_text(struct ft_reader *r, const struct ft_setting *row, struct ft_where w, const char *text,
                           void *slot);
/* The same for a value that is no single text, its type included. */
typedef void ft_judge_tree(struct ft_reader *r, const struct ft_setting *row, const config_setting_t *s, void *slot);

enum ft_type { FT_GROUP, FT_INT, FT_BOOL, FT_STRING, FT_TREE };
enum ft_need { FT_OPTIONAL, FT_IN_GROUP /* if its group is there */, FT_ALWAYS };
enum ft_reload { FT_RELOADED, FT_FIXED_WITH_ARBITER, FT_FIXED };

/* One row of the table. */
struct ft_setting {
	const char *path; /* "heartbeat.interval_ms" */
	enum ft_type type;
	enum ft_need need;
	ft_judge_text *text; /* FT_STRING */
	ft_judge_tree *tree; /* FT_TREE */
	bool stored;
	size_t offset,
	    room; /* where it is stored in struct ft_config (a link's: in struct ft_link_settings); sizeof that */
	enum ft_reload reload;
	int min, max;         /* FT_INT */
	int number;           /* FT_INT: default */
	const char *fallback; /* FT_STRING: default, NULL none; "PAIR" in it is the pair's name, "HOST" the host's */
	const char *const *words; /* ft_judge_word: NULL-terminated, stored as index */
	const char *allowed;      /* for people, what may stand here; an integer's range is added by itself */
};

#define FT_A_SECRET "the absolute path of a file with the password as its one line, mode 0600"

void ft_fault(struct ft_reader *r, struct ft_where w, const char *format, ...) __attribute__((format(printf, 3, 4)));
struct ft_where ft_where(const config_setting_t *s);

#define FT_SHOWN_MAX 100
/* text in quotes, fit for one line of a message: control characters become '?', a long text is cut. Returns out. */
const char *ft_shown(const char *text, char out[FT_SHOWN_MAX]);

/* The whole file as a NUL-terminated text (caller frees), or NULL after adding faults. */
char *ft_source_read(struct ft_reader *r, const char *path);

/* Fills r->c from the tree; every fault is added. */
void ft_settings_apply(struct ft_reader *r, const config_t *tree);
/* Adds what no row can see alone. After ft_settings_apply. */
void ft_relations_judge(struct ft_reader *r, const config_t *tree);
/* The words of arbiter.type, by enum ft_arbiter_type; NULL-terminated. */
extern const char *const ft_arbiter_words[];

ft_judge_text ft_judge_pair, ft_judge_node, ft_judge_path, ft_judge_state_dir, ft_judge_own_socket, ft_judge_file,
    ft_judge_secret, ft_judge_program, ft_judge_word, ft_judge_mode, ft_judge_group, ft_judge_plain, ft_judge_any;
ft_judge_tree ft_judge_key_files, ft_judge_disregard, ft_judge_hook, ft_judge_endpoints, ft_judge_options;
void ft_judge_int(struct ft_reader *r, const struct ft_setting *row, const config_setting_t *s, void *slot);
void ft_judge_bool(struct ft_reader *r, const struct ft_setting *row, const config_setting_t *s, void *slot);
void ft_type_fault(struct ft_reader *r, const struct ft_setting *row, const config_setting_t *s);

/* Returns 0, or -1 with why, a text like "is a folder; a regular file ...". sodium_init() must have been called. */
#define FT_KEY_WHY_MAX 1024
int ft_key_load(const char *path, struct ft_key *out, char why[FT_KEY_WHY_MAX]);

#endif
