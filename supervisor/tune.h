/* `tune` as JSON: what the links have done, and which interval and loss count a wished rate of false alarms asks for.
 * Knows: arrivals, advice, the contract's keys.  Must not know: libevent, files, how the answer travels. */
#ifndef FT_SUPERVISOR_TUNE_H
#define FT_SUPERVISOR_TUNE_H

#include "heartbeat/advice.h"
#include "supervisor/status.h"

#define FT_TUNE_OK         0 /* codes of the answer: the wish can be met, the advice says how */
#define FT_TUNE_UNMET      1
#define FT_TUNE_USAGE      2
#define FT_TUNE_TOO_LITTLE 12 /* of data */

/* request: "alarms_per_hour" (a number above 0) and "detection_ms" (an integer in the range of ctl/tune.h, or absent: the
 * fastest).  A new reference, or NULL with *error (a constant) set; *code is the answer's. */
json_t *ft_tune_json(const struct ft_status_source *s, const json_t *request, int *code, const char **error);

#endif
