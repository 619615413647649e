/* Log lines for the person at 3 a.m.: standard error, or the journal with fields when started by systemd.
 * Knows: stderr, journald.  Must not know: libevent, anything of the decision.
 * Never blocks: when the reader is stuck, lines are dropped and their number is said when it reads again. */
#ifndef FT_REPORT_LOG_H
#define FT_REPORT_LOG_H

#include "config/config.h"

#include <stdarg.h>

void ft_log_init(const char *program);
/* Set once known: they stand in every line and are journal fields FT_PAIR, FT_NODE. */
void ft_log_context(const char *pair, const char *node);
void ft_log_level(enum ft_log_level level);
/* area: a fixed token of the room speaking: "core", "heartbeat", "qmp", "report", "control", "config", "main". One line, no line feed. */
void ft_log(enum ft_log_level level, const char *area, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
