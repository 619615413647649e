/* See tune.h. */
#include "ctl/tune.h"

#include "base/text.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HOURS_A_DAY    24.0
#define HOURS_A_MONTH  730.5
#define HOURS_A_YEAR   8766.0
#define RATE_MAX       72 /* bytes of a rate in words */
#define A_FAIR_SAMPLE  HOURS_A_DAY
#define SECONDS_A_HOUR 3600.0

static double hours_in(const char *period)
{
	static const struct {
		const char *name;
		double hours;
	} periods[] = {{"hour", 1}, {"day", HOURS_A_DAY}, {"month", HOURS_A_MONTH}, {"year", HOURS_A_YEAR}};
	for (size_t i = 0; i < sizeof(periods) / sizeof(periods[0]); i++)
		if (strcmp(periods[i].name, period) == 0)
			return periods[i].hours;
	return 0;
}

json_t *ft_tune_request(const char *false_alarms, const char *detection, const char **wrong)
{
	char *end = NULL;
	double n = strtod(false_alarms != NULL ? false_alarms : "1/year", &end);
	double hours = *end == '/' ? hours_in(end + 1) : 0;
	*wrong = "--false-alarms takes N/PERIOD: a number above 0, and hour, day, month or year, as in 1/year";
	if (!(n >= 1e-6 && n <= 1e6) || hours <= 0)
		return NULL;
	json_t *request = json_pack("{s:s, s:f}", "verb", "tune", "alarms_per_hour", n / hours);
	if (detection == NULL)
		return request;
	long ms = strtol(detection, &end, 10);
	*wrong = "--detection takes milliseconds, " FT_TUNE_DETECTION_RANGE;
	if (end == detection || *end != '\0' || ms < FT_TUNE_DETECTION_MIN || ms > FT_TUNE_DETECTION_MAX) {
		json_decref(request);
		return NULL;
	}
	json_object_set_new(request, "detection_ms", json_integer(ms));
	return request;
}

/* ---- for people ---- */

static double number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static void print_text(const json_t *object, const char *key, FILE *out)
{
	const char *text = json_string_value(json_object_get(object, key));
	char clean[256];
	ft_text_clean(clean, sizeof(clean), text != NULL ? text : "?");
	fputs(clean, out);
}

/* "3.1 a day", "one in 12 years" */
static const char *rate_text(double per_hour, char out[RATE_MAX])
{
	double a_day = per_hour * HOURS_A_DAY, a_year = per_hour * HOURS_A_YEAR;
	if (per_hour >= 1)
		snprintf(out, RATE_MAX, "%.3g an hour", per_hour);
	else if (a_day >= 1)
		snprintf(out, RATE_MAX, "%.2g a day", a_day);
	else if (a_year >= 0.995)
		snprintf(out, RATE_MAX, "%.3g a year", a_year);
	else if (a_year > 1e-4)
		snprintf(out, RATE_MAX, "one in %.2g years", 1 / a_year);
	else
		snprintf(out, RATE_MAX, "less than one in 10000 years");
	return out;
}

static void print_time(double hours, FILE *out)
{
	if (hours >= 2 * HOURS_A_DAY)
		fprintf(out, "%.1f days", hours / HOURS_A_DAY);
	else if (hours >= 2)
		fprintf(out, "%.1f hours", hours);
	else if (hours * 60 >= 2)
		fprintf(out, "%.0f minutes", hours * 60);
	else
		fprintf(out, "%.0f seconds", hours * SECONDS_A_HOUR);
}

static void print_times(const char *name, const json_t *times, FILE *out)
{
	if (json_is_object(times))
		fprintf(out, "           %-6s half %.3f, 99 %% %.3f, 99.9 %% %.3f, worst %.3f ms\n", name,
		        number(times, "p50"), number(times, "p99"), number(times, "p999"), number(times, "max"));
}

static void print_link(const json_t *link, FILE *out)
{
	double heard = number(link, "heard"), lost = number(link, "lost");
	fprintf(out, "  link     ");
	print_text(link, "local", out);
	fprintf(out, " <- ");
	print_text(link, "peer", out);
	fprintf(out, "\n           %.0f of %.0f lost (%.3g %%)", lost, heard + lost, 100 * number(link, "loss"));
	if (lost > 0)
		fprintf(out, "; the next one too in %.2g %%; longest run %.0f", 100 * number(link, "lost_again"),
		        number(link, "longest_run"));
	fprintf(out, "; longest silence %.0f ms\n", number(link, "longest_silence_ms"));
	print_times("late", json_object_get(link, "late_ms"), out);
	print_times("rtt", json_object_get(link, "rtt_ms"), out);
	if (number(link, "pauses") > 0)
		fprintf(out, "           pauses of the peer's ftd: %.0f, the longest %.0f ms; is its host busy?\n",
		        number(link, "pauses"), number(link, "longest_pause_ms"));
}

static void print_data(const json_t *result, FILE *out)
{
	const json_t *data = json_object_get(result, "data");
	double hours = number(data, "hours");
	print_text(result, "pair", out);
	fprintf(out, " on ");
	print_text(result, "node", out);
	fprintf(out, ": %.0f heartbeats heard in ", number(data, "heartbeats"));
	print_time(hours, out);
	fprintf(out, hours < A_FAIR_SAMPLE ? "; a day or more would show the nightly jobs, too\n" : "\n");
	size_t i;
	json_t *link;
	json_array_foreach(json_object_get(result, "links"), i, link)
	{
		print_link(link, out);
	}
	fprintf(out, "  silence  the longest on all links was %.0f ms of %.0f", number(data, "longest_silence_ms"),
	        number(data, "window_ms"));
	if (json_is_true(json_object_get(result, "lease")))
		fprintf(out, "; an acknowledgement came %.0f ms after what it was for, at the latest",
		        number(data, "oldest_lease_ms"));
	fputc('\n', out);
	if (number(data, "alarms") > 0)
		fprintf(out, "  ALARMS   %.0f silences of a peer that lived were taken for its loss\n",
		        number(data, "alarms"));
	if (number(data, "cuts") > 0)
		fprintf(out, "  left out %.0f silences too long for any setting: cables or networks that were down\n",
		        number(data, "cuts"));
	if (number(data, "stalls") > 0)
		fprintf(out, "  left out %.0f times that this ftd was not run in time\n", number(data, "stalls"));
}

/* A setting and its rate, and how much of that was seen. */
static void print_setting(const char *name, const json_t *s, FILE *out)
{
	char rate[RATE_MAX], supported[RATE_MAX];
	fprintf(out, "  %-8s %.0f x %.0f ms, loss after %.0f ms: false alarms at most %s", name,
	        number(s, "lost_after"), number(s, "interval_ms"), number(s, "window_ms"),
	        rate_text(number(s, "alarms_per_hour"), rate));
	if (number(s, "supported_per_hour") <= number(s, "alarms_per_hour"))
		fprintf(out, ", which what was seen supports\n");
	else
		fprintf(out, " by the model; what was seen alone supports %s\n",
		        rate_text(number(s, "supported_per_hour"), supported));
}

static void print_lines_to_paste(const json_t *s, FILE *out)
{
	fprintf(out, "\n    interval_ms = %.0f;\n    lost_after = %.0f;\n\n", number(s, "interval_ms"),
	        number(s, "lost_after"));
}

static void print_met(const json_t *result, FILE *out)
{
	const json_t *advice = json_object_get(result, "advice"), *finer = json_object_get(result, "finer");
	print_setting("advice", advice, out);
	print_lines_to_paste(advice, out);
	if (json_is_object(finer))
		fprintf(out,
		        "  faster?  What is shorter than an interval cannot be seen. interval_ms = %.0f, lost_after = "
		        "%.0f\n"
		        "           is as safe, and lets tune see more: ask again after a while.\n",
		        number(finer, "interval_ms"), number(finer, "lost_after"));
	fprintf(out,
	        "  note     Heartbeats of the peer are what was seen: ask on the other host, too, and take the longer\n"
	        "           of the two there. Both hosts need the same; with an arbiter, restart both ftd.\n"
	        "           Questions before a verdict end most silences; they are not counted on here.\n");
}

static void print_not_in_time(const json_t *result, FILE *out)
{
	const json_t *best = json_object_get(result, "advice"), *fastest = json_object_get(result, "fastest");
	char rate[RATE_MAX];
	fprintf(out, "  NOT MET  no setting is known to keep both the rate and %.0f ms\n",
	        number(json_object_get(result, "wish"), "detection_ms"));
	if (json_is_object(fastest))
		print_setting("rate", fastest, out);
	print_setting("time", best, out);
	fprintf(out,
	        "           (%s, if every heartbeat were lost for itself: what lies between those of today is not\n"
	        "           seen. Only a trial can tell.)\n",
	        rate_text(number(best, "if_independent_per_hour"), rate));
}

void ft_tune_print(const json_t *result, FILE *out)
{
	const json_t *wish = json_object_get(result, "wish");
	const char *verdict = json_string_value(json_object_get(result, "verdict"));
	char rate[RATE_MAX];
	print_data(result, out);
	if (verdict == NULL || strcmp(verdict, "too-little-data") == 0) {
		fprintf(out, "  advice   none: too little data; ask again in ");
		print_time(ceil(number(json_object_get(result, "data"), "wait_ms") / 1e3) / SECONDS_A_HOUR, out);
		fprintf(out, ", better in a day\n");
		return;
	}
	print_setting("today", json_object_get(result, "today"), out);
	fprintf(out, "  wish     false alarms at most %s", rate_text(number(wish, "alarms_per_hour"), rate));
	if (json_is_number(json_object_get(wish, "detection_ms")))
		fprintf(out, ", loss after %.0f ms at most", number(wish, "detection_ms"));
	fputc('\n', out);
	if (strcmp(verdict, "met") == 0)
		print_met(result, out);
	else if (strcmp(verdict, "not-in-time") == 0)
		print_not_in_time(result, out);
	else
		fprintf(out,
		        "  NOT MET  no setting is known to keep that rate on these links: mend them, or add one\n");
}
