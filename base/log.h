/* Log lines for the person at 3 a.m.: standard error, or the journal with fields when started by systemd.
 * Knows: stderr, journald.  Must not know: libevent, anything of the decision.
 * Never blocks: when the reader is stuck, lines are dropped and their number is said when it reads again.
 *
 *   2026-11-21T03:00:00.123Z ftd[vm1/alpha] WARN core: text        UTC, to the millisecond
 *
 * The log of a process is one thing, so this is the one room that keeps its state in the file and not with the caller.
 * The caller's process must ignore SIGPIPE. */
#ifndef FT_BASE_LOG_H
#define FT_BASE_LOG_H

#include "base/types.h"

#include <stdarg.h>

enum ft_log_level { FT_LOG_ERROR = 0, FT_LOG_WARN, FT_LOG_INFO, FT_LOG_DEBUG };

void ft_log_init(const char *program);
/* Set once known: they stand in every line and are journal fields FT_PAIR, FT_NODE. */
void ft_log_context(const char *pair, const char *node);
void ft_log_level(enum ft_log_level level);
/* From now on lines go to this journald socket (its native protocol), and to standard error only when it cannot take them
 * for want of a reader.  ft_log_init does this with journald's own socket when JOURNAL_STREAM says that standard error is
 * the journal.  NULL: back to standard error.  Returns 0, or -1 with errno and nothing changed. */
int ft_log_journal(const char *socket_path);
/* area: a fixed token of the room speaking: "core", "heartbeat", "qmp", "report", "control", "config", "main", "hook". One line,
 * no line feed.  Leaves errno as it was.
 * Most of what is logged follows from what others do (who asks, a hook, QEMU, the network), and they may do it in a loop: of each
 * area and level 200 lines go out at once, 5 a second later on, and how many were left out is told. */
void ft_log(enum ft_log_level level, const char *area, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same for what nobody may hide by a flood: a change of state, an alarm, a claim, an outcome. It is never left out. */
void ft_log_surely(enum ft_log_level level, const char *area, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Tells how many lines were left out of late, if it is time to.  To be called now and then. */
void ft_log_tell_left_out(void);

#endif
