/* Arbiter type "file": registers on shared storage, asked by a child process, since such storage hangs.
 * Knows: child processes.  Must not know: how a register is kept (register.c).  Never touches the path in ftd's own
 * process. */
#include "arbiter/register.h"
#include "base/child.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a process is to ask.  It may have been forked before the peer was known: nothing here but what never changes is a
 * pointer. */
struct errand {
	const struct file *file;
	char peer[FT_NAME_MAX];
	struct ft_ask ask;
};

struct job {
	struct file *file;
	struct ft_ask ask;
	struct ft_child *child; /* NULL: none */
};

struct file {
	struct ft_arbiter *front;
	struct ft_register_place place;
	struct ft_children *children;
	struct job jobs[FT_QUESTIONS];
};

static void *file_open(struct ft_arbiter *front, struct event_base *base, const struct ft_arbiter_settings *settings,
                       FILE *errors)
{
	if (settings->path[0] != '/') {
		(void)fprintf(errors, "arbiter.path \"%s\": an absolute path is needed\n", settings->path);
		return NULL;
	}
	struct file *file = calloc(1, sizeof(*file));
	if (file == NULL)
		abort();
	file->front = front;
	file->place = (struct ft_register_place){
	    .path = settings->path, .pair = settings->pair, .node = settings->node, .peer = settings->peer};
	file->children = ft_children_new(base);
	for (int i = 0; i < FT_QUESTIONS; i++)
		file->jobs[i].file = file;
	return file;
}

/* In the child. */
static void run(void *arg, int out)
{
	const struct errand *e = arg;
	struct ft_register_place place = e->file->place;
	struct ft_told told;

	place.peer = e->peer;
	switch (e->ask.question) {
	case FT_ASK_CLAIM:
		ft_register_claim(&place, e->ask.key, e->ask.name, &told);
		break;
	case FT_ASK_READ:
		ft_register_read(&place, e->ask.key, &told);
		break;
	case FT_ASK_CHECK:
		ft_register_check(&place, e->ask.key, e->ask.name, &told);
		break;
	case FT_ASK_REACH:
		ft_register_reach(&place, &told);
		break;
	case FT_ASK_MARK:
		ft_register_mark(&place, e->ask.mark, e->ask.epoch, &told);
		break;
	case FT_ASK_PAST:
		ft_register_past(&place, &told);
		break;
	case FT_QUESTIONS:
		abort();
	}
	_Static_assert(sizeof(told) <= FT_CHILD_KEEPS_MAX, "the answer fits in what is kept of a child's output");
	_exit(write(out, &told, sizeof(told)) == (ssize_t)sizeof(told) ? 0 : 1);
}

static void on_ended(void *arg, const siginfo_t *end, const char *output, size_t len)
{
	struct job *j = arg;
	struct ft_told told = {0};

	j->child = NULL;
	if (len == sizeof(told))
		memcpy(&told, output, sizeof(told));
	else
		ft_told_fail(&told, "%s: the process that was to ask there ended without an answer (%s %d)",
		             j->file->place.path, end->si_code == CLD_EXITED ? "exit status" : "signal",
		             end->si_status);
	ft_arbiter_tell(j->file->front, j->ask.question, &told);
}

static void file_ask(void *self, const struct ft_ask *ask)
{
	struct file *file = self;
	struct job *j = &file->jobs[ask->question];
	char error[FT_TEXT_MAX];

	assert(j->child == NULL);
	j->ask = *ask;
	bool may_wait = ask->question != FT_ASK_CLAIM && ask->question != FT_ASK_READ;
	struct errand e = {.file = file, .ask = *ask};
	strcpy(e.peer, file->place.peer);
	/* Checks that hang take no claim's place; nor do marks. */
	if (may_wait && ft_children_running(file->children) >= FT_CHILDREN_MAX / 2)
		(void)snprintf(error, sizeof(error), "earlier tries hang there; see whether the storage does");
	else if (ask->question != FT_ASK_CLAIM) /* nor does any other question the process that is kept ready for one */
		j->child = ft_child_start(file->children, run, &e, on_ended, j, error);
	else
		j->child = ft_child_start_now(file->children, run, &e, sizeof(e), on_ended, j, error);
	if (j->child != NULL)
		return;
	struct ft_told told = {0};
	ft_told_fail(&told, "%s: %s", file->place.path, error);
	ft_arbiter_tell(file->front, ask->question, &told);
}

static void file_abandon(void *self, enum ft_question question, char why[FT_ARBITER_TEXT_MAX])
{
	struct file *file = self;
	struct job *j = &file->jobs[question];

	(void)snprintf(why, FT_ARBITER_TEXT_MAX, "%s: no answer within %d ms; see whether the storage hangs",
	               file->place.path, j->ask.timeout_ms);
	ft_child_abandon(j->child);
	j->child = NULL;
}

static void file_close(void *self)
{
	struct file *file = self;

	ft_children_free(file->children);
	free(file);
}

static void file_reserve(void *self)
{
	const struct file *file = self;

	ft_children_reserve(file->children);
}

static bool file_reserved(const void *self)
{
	const struct file *file = self;

	return ft_children_reserved(file->children);
}

const struct ft_arbiter_ops ft_arbiter_file_ops = {.open = file_open,
                                                   .ask = file_ask,
                                                   .abandon = file_abandon,
                                                   .reserve = file_reserve,
                                                   .reserved = file_reserved,
                                                   .close = file_close};
