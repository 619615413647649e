/* Structs to JSON; see record.h. */
#include "report/record.h"

#include <stdlib.h>
#include <string.h>

void ft_time_text(struct timespec wall, char out[32])
{
	struct tm utc;
	gmtime_r(&wall.tv_sec, &utc);
	size_t n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(out + n, 32 - n, ".%06ldZ", wall.tv_nsec / 1000);
}

json_t *ft_session_json(const uint8_t session[FT_SESSION_BYTES])
{
	static const uint8_t none[FT_SESSION_BYTES];
	char hex[2 * FT_SESSION_BYTES + 1];
	if (memcmp(session, none, sizeof(none)) == 0)
		return json_null();
	for (size_t i = 0; i < FT_SESSION_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", session[i]);
	return json_string(hex);
}

json_t *ft_text_json(const char *text)
{
	if (text[0] == '\0')
		return json_null();
	json_t *json = json_string(text);
	if (json != NULL)
		return json;
	char *ascii = strdup(text);
	if (ascii == NULL)
		return NULL;
	for (char *p = ascii; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	json = json_string(ascii);
	free(ascii);
	return json;
}

json_t *ft_ms_json(int64_t ns)
{
	int64_t us = (ns + (ns < 0 ? -500 : 500)) / 1000;
	return json_real((double)us / 1000.0);
}

/* The span between two times, null if either never was. */
static json_t *span_json(int64_t from, int64_t to)
{
	return from == FT_NEVER || to == FT_NEVER ? json_null() : ft_ms_json(to - from);
}

static json_t *evidence_json(const struct ft_outcome *o)
{
	json_t *list = json_array();
	for (int i = 0; i < o->n_evidence; i++) {
		const struct ft_evidence *e = &o->evidence[i];
		json_array_append_new(list, json_pack("{s:o, s:o}", "at_ms", span_json(o->first_evidence_at, e->at),
		                                      "what", ft_text_json(e->text)));
	}
	return list;
}

static json_t *steps_json(const struct ft_outcome *o)
{
	json_t *list = json_array();
	for (int i = 0; i < o->plan.n_steps; i++) {
		const struct ft_step_record *s = &o->plan.steps[i];
		json_array_append_new(list, json_pack("{s:o, s:o, s:s, s:s, s:o, s:o, s:o}", "command",
		                                      ft_text_json(s->command), "what", ft_text_json(s->what),
		                                      "channel", ft_channel_name(s->channel), "result",
		                                      ft_step_result_name(s->result), "error", ft_text_json(s->error),
		                                      "at_ms", span_json(o->first_evidence_at, s->sent_at), "ms",
		                                      s->sent_at == FT_NEVER ? json_null() : ft_ms_json(s->took_ns)));
	}
	return list;
}

static json_t *claim_json(const struct ft_outcome *o, const char *arbiter)
{
	bool made = o->claim != FT_CLAIM_NOT_NEEDED;
	return json_pack("{s:s, s:s, s:o, s:o}", "arbiter", arbiter, "result", ft_claim_name(o->claim), "winner",
	                 ft_text_json(o->winner), "ms", made ? span_json(o->judged_at, o->claimed_at) : json_null());
}

static json_t *durations_json(const struct ft_outcome *o)
{
	bool made = o->claim != FT_CLAIM_NOT_NEEDED;
	json_t *judged_to_claimed = span_json(o->judged_at, o->claimed_at);
	json_t *decision = made && json_is_real(judged_to_claimed) ? json_real(0) : json_incref(judged_to_claimed);
	json_t *claim = made ? json_incref(judged_to_claimed) : json_null();
	json_decref(judged_to_claimed);
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "detection", span_json(o->first_evidence_at, o->judged_at),
	                 "decision", decision, "claim", claim, "plan", span_json(o->planned_at, o->plan.proven_at),
	                 "total", span_json(o->first_evidence_at, o->ended_at));
}

static json_t *guest_json(const struct ft_plan_report *plan)
{
	return json_pack("{s:o, s:o, s:o}", "status", ft_text_json(plan->guest_status), "colo_mode",
	                 ft_text_json(plan->guest_colo_mode), "last_mode", ft_text_json(plan->guest_last_mode));
}

json_t *ft_outcome_json(const struct ft_outcome *o, const char *pair, const char *node, const char *arbiter,
                        struct timespec wall)
{
	char time[32];
	ft_time_text(wall, time);
	return json_pack("{s:s, s:s, s:o, s:o, s:I, s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "pair", pair,
	                 "node", node, "peer", ft_text_json(o->peer), "session", ft_session_json(o->session), "epoch",
	                 (json_int_t)o->epoch, "time", time, "cause", ft_cause_name(o->cause), "evidence",
	                 evidence_json(o), "role_before", ft_role_name(o->role_before), "result",
	                 ft_result_name(o->result), "claim", claim_json(o, arbiter), "steps", steps_json(o), "guest",
	                 guest_json(&o->plan), "durations_ms", durations_json(o), "error", ft_text_json(o->error));
}
