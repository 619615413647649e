/* The outcome record and the state as JSON, in the contract's spelling.  Pure: structs in, jansson values out.
 * Knows: the contract's keys.  Must not know: files, sockets, clocks (the wall-clock time is handed in). */
#ifndef FT_REPORT_RECORD_H
#define FT_REPORT_RECORD_H

#include "base/types.h"

#include <jansson.h>
#include <stdio.h>
#include <time.h>

/* How every JSON value leaves ftd: one line; reals with at most 15 digits, so that 512.345 is not 512.34500000000003. */
#define FT_JSON_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* RFC 3339, UTC, microseconds: 2026-11-21T03:00:00.123456Z */
void ft_time_text(struct timespec wall, char out[32]);

/* 32 hex digits, or null while there is no session (all bytes zero). A new reference. */
json_t *ft_session_json(const uint8_t session[FT_SESSION_BYTES]);
/* Text that may not be whole UTF-8 (cut in a fixed buffer, or not ours): if it is not, every non-ASCII byte becomes '?'. "" becomes null. A new reference. */
json_t *ft_text_json(const char *text);
/* Nanoseconds as milliseconds, rounded to the microsecond. A new reference. */
json_t *ft_ms_json(int64_t ns);

/* wall: the wall clock at o->ended_at. A new reference; NULL only when out of memory. arbiter: "none", ...
 * Durations: detection = judged - first evidence, decision = claimed - judged less the claim's own time, claim,
 * plan = proven - planned, total = ended - first evidence; null for what did not happen (a time of FT_NEVER).
 * A claim that was made is taken to fill the time from judged to claimed. */
json_t *ft_outcome_json(const struct ft_outcome *o, const char *pair, const char *node, const char *arbiter,
                        struct timespec wall);

/* An outcome JSON object as a timeline a person can read, several lines. Also for ones read back from disk: tolerant of missing keys. */
void ft_outcome_print(const json_t *outcome, FILE *out);
/* A status JSON object for a person. */
void ft_status_print(const json_t *status, FILE *out);

#endif
