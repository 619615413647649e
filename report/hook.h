/* The notify hook: run at every change of state, every outcome, and what else is news; one at a time, in order, each with a deadline.
 * Knows: fork, exec, libevent.  Must not know: what the events mean.  Never delays anything else.
 * A late one is killed (its whole process group) and logged; so are its exit status and time.  The queue is bounded: when a hook
 * hangs, or no process can be had for it, the oldest waiting *state* events make room, outcomes never do before them.
 *
 * The hook gets the JSON on standard input and an environment of PATH and FT_* alone.  What it writes to standard output and
 * error comes into the log, each line as one of ours, no more than the log takes of anybody (log.h); who writes faster waits. */
#ifndef FT_REPORT_HOOK_H
#define FT_REPORT_HOOK_H

#include "report/settings.h"

#define FT_HOOKS_WAITING_MAX 32

struct event_base;
struct ft_hooks;

struct ft_hook_event {
	const char *event;                                      /* FT_EVENT: "state", "outcome", "link" or "arbiter" */
	const char *state_old, *state, *role, *reason, *result; /* "" where there is none */
	uint64_t epoch;
	const char *json; /* standard input */
};

struct ft_hooks *ft_hooks_new(struct event_base *base, const struct ft_hook_settings *settings);
/* No hook is started while may(arg) says no: it is asked again every 100 ms.  For whoever needs a process more urgently. */
void ft_hooks_yield_to(struct ft_hooks *h, bool (*may)(void *arg), void *arg);
/* Copies what it needs, as _new does. What is running runs on; what waits is run as the new config says. */
void ft_hooks_reconfigure(struct ft_hooks *h, const struct ft_hook_settings *settings);
void ft_hooks_run(struct ft_hooks *h,
                  const struct ft_hook_event *e); /* copies; nothing happens when no hook is configured */
/* Lets what is queued run on for at most wait_ms, then kills. NULL is fine. */
void ft_hooks_free(struct ft_hooks *h, int wait_ms);

#endif
