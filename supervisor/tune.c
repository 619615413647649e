/* See tune.h. */
#include "supervisor/tune.h"

#include "ctl/tune.h"
#include "report/record.h"

#include <math.h>

#define RUNS_TOLD      8 /* lengths of runs of losses: 1 .. 7, and longer */
#define NS_PER_US      1000
#define NEVER_PER_HOUR 1e-12 /* a model's figure below this says nothing but "never" */

static json_t *times_json(const struct ft_histogram *us)
{
	if (us->n == 0)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o}", "p50", ft_ms_json(ft_histogram_quantile(us, 0.5) * NS_PER_US), "p99",
	                 ft_ms_json(ft_histogram_quantile(us, 0.99) * NS_PER_US), "p999",
	                 ft_ms_json(ft_histogram_quantile(us, 0.999) * NS_PER_US), "max",
	                 ft_ms_json(us->max * NS_PER_US));
}

static json_t *runs_json(const struct ft_histogram *runs)
{
	json_t *out = json_array();
	for (int length = 1; length <= RUNS_TOLD; length++) {
		uint64_t n = ft_histogram_at_least(runs, length);
		if (length < RUNS_TOLD)
			n -= ft_histogram_at_least(runs, length + 1);
		json_array_append_new(out, json_integer((json_int_t)n));
	}
	return out;
}

static double share(uint64_t part, uint64_t of)
{
	return of > 0 ? (double)part / (double)of : 0;
}

static json_t *link_json(const struct ft_link_settings *c, const struct ft_arrivals_link *l)
{
	json_t *out =
	    json_pack("{s:s, s:s, s:I, s:I, s:f, s:f, s:I, s:o}", "local", c->local_text, "peer", c->peer_text, "heard",
	              (json_int_t)l->heard, "lost", (json_int_t)l->lost, "loss", share(l->lost, l->heard + l->lost),
	              "lost_again", share(l->lost - l->runs.n, l->lost), "longest_run",
	              (json_int_t)(l->runs.n > 0 ? l->runs.max : 0), "runs", runs_json(&l->runs));
	json_object_set_new(out, "late_ms", times_json(&l->late_us));
	json_object_set_new(out, "rtt_ms", times_json(&l->rtt_us));
	json_object_set_new(out, "longest_silence_ms", ft_ms_json(l->longest));
	json_object_set_new(out, "pauses", json_integer((json_int_t)l->pauses));
	json_object_set_new(out, "longest_pause_ms", ft_ms_json(l->longest_pause));
	return out;
}

static json_t *setting_json(const struct ft_advice_setting *s)
{
	if (s->lost_after == 0)
		return json_null();
	return json_pack("{s:i, s:i, s:o, s:f, s:f, s:f}", "interval_ms", s->interval_ms, "lost_after", s->lost_after,
	                 "window_ms", ft_ms_json(s->window), "alarms_per_hour", fmax(s->per_hour, NEVER_PER_HOUR),
	                 "supported_per_hour", s->supported, "if_independent_per_hour",
	                 fmax(s->if_independent, NEVER_PER_HOUR));
}

static json_t *data_json(const struct ft_arrivals *a, const struct ft_advice *advice)
{
	return json_pack("{s:f, s:I, s:o, s:o, s:o, s:I, s:I, s:I, s:o}", "hours", advice->hours, "heartbeats",
	                 (json_int_t)advice->heartbeats, "longest_silence_ms", ft_ms_json(a->longest), "window_ms",
	                 ft_ms_json(a->window), "oldest_lease_ms", ft_ms_json(a->oldest), "alarms",
	                 (json_int_t)a->alarms, "cuts", (json_int_t)a->cuts, "stalls", (json_int_t)a->stalls, "wait_ms",
	                 ft_ms_json(advice->wait));
}

static const char *verdict_name(enum ft_advice_verdict v)
{
	static const char *const names[] = {"too-little-data", "met", "not-in-time", "impossible"};
	return names[v];
}

static int code_of(enum ft_advice_verdict v)
{
	return v == FT_ADVICE_MET ? FT_TUNE_OK : v == FT_ADVICE_TOO_LITTLE ? FT_TUNE_TOO_LITTLE : FT_TUNE_UNMET;
}

/* Returns what is wrong with the request, NULL if nothing is. */
static const char *take_wish(const json_t *request, struct ft_advice_wish *wish)
{
	const json_t *alarms = json_object_get(request, "alarms_per_hour");
	const json_t *detection = json_object_get(request, "detection_ms");
	json_int_t ms = json_integer_value(detection);
	wish->alarms_per_hour = json_number_value(alarms);
	if (!isnormal(wish->alarms_per_hour) || wish->alarms_per_hour < 0)
		return "alarms_per_hour must be a number above 0";
	if (detection && (!json_is_integer(detection) || ms < FT_TUNE_DETECTION_MIN || ms > FT_TUNE_DETECTION_MAX))
		return "detection_ms must be an integer, " FT_TUNE_DETECTION_RANGE;
	wish->detection = ms * FT_NS_PER_MS;
	return NULL;
}

json_t *ft_tune_json(const struct ft_status_source *s, const json_t *request, int *code, const char **error)
{
	const struct ft_arrivals *a = &s->hub->arrivals;
	struct ft_advice_wish wish = {.lease = s->exclusion != NULL};
	*code = FT_TUNE_USAGE;
	*error = take_wish(request, &wish);
	if (*error)
		return NULL;
	struct ft_advice advice = ft_advise(a, s->config->heartbeat.lost_after, &wish);
	*code = code_of(advice.verdict);
	json_t *links = json_array();
	for (int i = 0; i < s->config->heartbeat.n_links; i++)
		json_array_append_new(links, link_json(&s->config->heartbeat.links[i], &a->links[i]));
	json_t *wished = json_pack("{s:f, s:o}", "alarms_per_hour", wish.alarms_per_hour, "detection_ms",
	                           wish.detection > 0 ? json_integer(wish.detection / FT_NS_PER_MS) : json_null());
	return json_pack("{s:s, s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "pair", s->config->pair, "node",
	                 s->config->node, "verdict", verdict_name(advice.verdict), "lease", wish.lease, "data",
	                 data_json(a, &advice), "links", links, "wish", wished, "today", setting_json(&advice.today),
	                 "advice", setting_json(&advice.best), "fastest", setting_json(&advice.fastest), "finer",
	                 setting_json(&advice.finer));
}
