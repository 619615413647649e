/* The outcome record and the state as JSON, in the contract's spelling.  Pure: structs in, jansson values out.
 * Knows: the contract's keys.  Must not know: files, sockets, clocks (the wall-clock time is handed in). */
#ifndef FT_REPORT_RECORD_H
#define FT_REPORT_RECORD_H

#include "supervisor/types.h"

#include <jansson.h>
#include <stdio.h>
#include <time.h>

/* RFC 3339, UTC, microseconds: 2026-11-21T03:00:00.123456Z */
void ft_time_text(struct timespec wall, char out[32]);

/* wall: the wall clock at o->ended_at. A new reference. arbiter: "none", ... Durations: detection = judged - first evidence,
 * decision = claimed - judged less the claim's own time, claim, plan = proven - planned, total = ended - first evidence;
 * null for what did not happen. */
json_t *ft_outcome_json(const struct ft_outcome *o, const char *pair, const char *node, const char *arbiter,
                        struct timespec wall);

/* An outcome JSON object as a timeline a person can read, several lines. Also for ones read back from disk: tolerant of missing keys. */
void ft_outcome_print(const json_t *outcome, FILE *out);
/* A status JSON object for a person. */
void ft_status_print(const json_t *status, FILE *out);

#endif
