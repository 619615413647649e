/* The verb `tune`, on ftctl's side: the wish as people write it, the answer as people read it.
 * Knows: jansson, the verb's keys.  Must not know: sockets, how the advice is made. */
#ifndef FT_CTL_TUNE_H
#define FT_CTL_TUNE_H

#include <jansson.h>
#include <stdio.h>

/* A detection time that may be asked for, in ms: more than twice the shortest interval.  In words: the same. */
#define FT_TUNE_DETECTION_MIN   11
#define FT_TUNE_DETECTION_MAX   1000000
#define FT_TUNE_DETECTION_RANGE "11 .. 1000000"

/* false_alarms: N/PERIOD, a number above 0 and one of hour, day, month, year; NULL: 1/year.  detection: ms;
 * NULL: as fast as the rate allows.  A new reference, or NULL with what is wrong in *wrong (a constant). */
json_t *ft_tune_request(const char *false_alarms, const char *detection, const char **wrong);
/* The verb's result, several lines.  Tolerant of missing keys. */
void ft_tune_print(const json_t *result, FILE *out);

#endif
