/* See fence.h. */
#include "arbiter/fence.h"

#include "arbiter/internal.h"
#include "base/child.h"
#include "base/secret.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <event2/event.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define AGENT_PATH    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define CANNOT_RUN    127
#define PASSWORD_FILE "password_file"
#define LINE_MAX_SEEN 200 /* of the agent's last line */

struct ft_fence {
	struct ft_fence_settings settings;
	struct ft_children *children;
	struct event *begin, *late;
	bool running;
	enum ft_fence_action action;
	struct ft_child *child; /* NULL: not started yet */
	ft_fence_done *done;
	void *arg;
};

static const char *action_name(enum ft_fence_action action)
{
	return action == FT_FENCE_OFF ? "off" : "status";
}

static bool has_control(const char *text)
{
	for (; *text != '\0'; text++) {
		if (iscntrl((unsigned char)*text))
			return true;
	}
	return false;
}

static const char *option_fault(const struct ft_fence_option *o)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

	if (o->name[0] == '\0' || o->name[strspn(o->name, allowed)] != '\0')
		return "is no name of an option; A-Z a-z 0-9 _ - are allowed";
	if (strcmp(o->name, "action") == 0)
		return "must be left out; ftd sets it";
	if (has_control(o->value))
		return "holds control characters; one line of text is allowed";
	return NULL;
}

/* Returns false after a line a fault. */
static bool judge(const struct ft_fence_settings *s, FILE *errors)
{
	bool good = true;
	char secret[FT_SETTING_MAX];

	if (s->agent[0] != '/' || access(s->agent, X_OK) != 0) {
		(void)fprintf(errors, "fence.agent \"%s\": %s; the path of a fence agent is needed\n", s->agent,
		              s->agent[0] != '/' ? "is not absolute" : strerror(errno));
		good = false;
	}
	for (int i = 0; i < s->n_options; i++) {
		const struct ft_fence_option *o = &s->options[i];
		const char *fault = option_fault(o);
		if (fault == NULL && strcmp(o->name, PASSWORD_FILE) == 0 &&
		    (fault = ft_secret_read(o->value, secret)) != NULL)
			(void)fprintf(errors, "fence.options.%s %s: %s\n", o->name, o->value, fault);
		else if (fault != NULL)
			(void)fprintf(errors, "fence.options.%s: %s\n", o->name, fault);
		good = good && fault == NULL;
	}
	explicit_bzero(secret, sizeof(secret));
	return good;
}

/* In the child, before exec: standard error is the agent's output already. */
static _Noreturn void give_up(const char *format, ...) __attribute__((format(printf, 1, 2)));
static _Noreturn void give_up(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vdprintf(STDERR_FILENO, format, args);
	va_end(args);
	_exit(CANNOT_RUN);
}

/* A file in memory: it is complete before the agent starts, and nothing has to be fed. */
static int write_options(const struct ft_fence_settings *s, enum ft_fence_action action)
{
	char secret[FT_SETTING_MAX];
	int fd = memfd_create("fence-options", MFD_CLOEXEC);
	bool good = fd >= 0 && dprintf(fd, "action=%s\n", action_name(action)) > 0;

	for (int i = 0; good && i < s->n_options; i++) {
		const char *name = s->options[i].name, *value = s->options[i].value;
		if (strcmp(name, PASSWORD_FILE) == 0) {
			const char *fault = ft_secret_read(value, secret);
			if (fault != NULL)
				give_up("%s: %s", value, fault);
			name = "password";
			value = secret;
		}
		good = dprintf(fd, "%s=%s\n", name, value) > 0;
	}
	if (!good || lseek(fd, 0, SEEK_SET) != 0)
		give_up("cannot write the options: %s", strerror(errno));
	return fd;
}

/* What a process is to do, which may have been forked long ago: the settings never change. */
struct order {
	const struct ft_fence *fence;
	enum ft_fence_action action;
};

/* In the child. */
static void run(void *arg, int out)
{
	const struct order *order = arg;
	const struct ft_fence *f = order->fence;
	static const struct sched_param plain = {0};
	char program[FT_SETTING_MAX], path[] = AGENT_PATH, locale[] = "LC_ALL=C";
	char *argv[] = {program, NULL}, *env[] = {path, locale, NULL};

	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	sched_setscheduler(0, SCHED_OTHER, &plain);
	setpriority(PRIO_PROCESS, 0, 0);
	dup2(write_options(&f->settings, order->action), STDIN_FILENO);
	close(out);
	strcpy(program, f->settings.agent);
	execve(program, argv, env);
	give_up("cannot run it: %s", strerror(errno));
}

static void tell(struct ft_fence *f, const char *last_line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void tell(struct ft_fence *f, const char *last_line, const char *format, ...)
{
	char fault[FT_ARBITER_TEXT_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(fault, sizeof(fault), format, args);
	va_end(args);
	event_del(f->begin);
	event_del(f->late);
	f->child = NULL;
	f->running = false;
	f->done(f->arg, fault, last_line); /* last: it may free the fence */
}

/* The last line that is not empty, made fit to be shown. */
static void last_line_of(const char *output, size_t len, char out[LINE_MAX_SEEN])
{
	size_t n = 0;

	while (len > 0 && (iscntrl((unsigned char)output[len - 1]) || output[len - 1] == ' '))
		len--;
	size_t from = len;
	while (from > 0 && output[from - 1] != '\n')
		from--;
	for (; from < len && n < LINE_MAX_SEEN - 1; from++, n++) {
		out[n] = output[from];
		if (out[n] < ' ' || out[n] > '~')
			out[n] = '?';
	}
	out[n] = '\0';
}

static void on_ended(void *arg, const siginfo_t *end, const char *output, size_t len)
{
	struct ft_fence *f = arg;
	char line[LINE_MAX_SEEN];

	last_line_of(output, len, line);
	if (end->si_code == CLD_EXITED && end->si_status == 0)
		tell(f, line, "%s", "");
	else
		tell(f, line, "fence agent %s action=%s: %s %d: %s", f->settings.agent, action_name(f->action),
		     end->si_code == CLD_EXITED ? "exit status" : "died of signal", end->si_status,
		     line[0] != '\0' ? line : "no output");
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	struct ft_fence *f = arg;

	(void)fd;
	(void)what;
	ft_child_abandon(f->child);
	tell(f, "", "fence agent %s action=%s: not done after %d ms, killed%s", f->settings.agent,
	     action_name(f->action), f->settings.timeout_ms, f->action == FT_FENCE_OFF ? FT_FENCE_IN_DOUBT : "");
}

static struct timeval milliseconds(int ms)
{
	return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

static void on_begin(evutil_socket_t fd, short what, void *arg)
{
	struct ft_fence *f = arg;
	struct timeval in = milliseconds(f->settings.timeout_ms);
	char error[FT_TEXT_MAX];

	(void)fd;
	(void)what;
	struct order order = {.fence = f, .action = f->action};
	if (f->action == FT_FENCE_OFF)
		f->child = ft_child_start_now(f->children, run, &order, sizeof(order), on_ended, f, error);
	else
		f->child = ft_child_start(f->children, run, &order, on_ended, f, error);
	if (f->child == NULL)
		tell(f, "", "fence agent %s: %s", f->settings.agent, error);
	else
		event_add(f->late, &in);
}

struct ft_fence *ft_fence_new(struct event_base *base, const struct ft_fence_settings *settings, FILE *errors)
{
	if (!judge(settings, errors))
		return NULL;
	struct ft_fence *f = calloc(1, sizeof(*f));
	if (f == NULL)
		abort();
	f->settings = *settings;
	f->children = ft_children_new(base);
	f->begin = evtimer_new(base, on_begin, f);
	f->late = evtimer_new(base, on_late, f);
	if (f->begin == NULL || f->late == NULL)
		abort();
	return f;
}

void ft_fence_reserve(struct ft_fence *f)
{
	ft_children_reserve(f->children);
}

bool ft_fence_reserved(const struct ft_fence *f)
{
	return ft_children_reserved(f->children);
}

void ft_fence_run(struct ft_fence *f, enum ft_fence_action action, ft_fence_done *done, void *arg)
{
	struct timeval in = milliseconds(action == FT_FENCE_OFF ? f->settings.delay_ms : 0);

	assert(!f->running);
	f->running = true;
	f->action = action;
	f->done = done;
	f->arg = arg;
	event_add(f->begin, &in);
}

/* Agents exit with 0 for on and with 2 for off, but with 2 for bad options as well; the words make the difference. */
bool ft_fence_reached(const char *fault, const char *last_line, bool *off)
{
	*off = fault[0] != '\0' && strcmp(last_line, "Status: OFF") == 0;
	return *off || fault[0] == '\0';
}

void ft_fence_cancel(struct ft_fence *f)
{
	event_del(f->begin);
	event_del(f->late);
	if (f->child != NULL)
		ft_child_abandon(f->child);
	f->child = NULL;
	f->running = false;
}

void ft_fence_free(struct ft_fence *f)
{
	if (f == NULL)
		return;
	ft_fence_cancel(f);
	event_free(f->begin);
	event_free(f->late);
	ft_children_free(f->children);
	free(f);
}
