/* Outcome and status JSON for people; see record.h.  What is read here may come from a damaged file: any key may be
 * missing or of another type, and no text is shown before it was cleaned. */
#include "report/record.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define WHAT_MAX 256

/* A string member fit to be shown, or instead if there is none. */
static const char *text_of(const json_t *object, const char *key, const char *instead, char out[WHAT_MAX])
{
	const char *text = json_string_value(json_object_get(object, key));
	ft_text_clean(out, WHAT_MAX, text != NULL ? text : instead);
	return out;
}

/* A number member as text with the given decimals, or instead. */
static const char *number_of(const json_t *object, const char *key, int decimals, const char *instead,
                             char out[WHAT_MAX])
{
	const json_t *value = json_object_get(object, key);
	if (json_is_number(value))
		snprintf(out, WHAT_MAX, "%.*f", decimals, json_number_value(value));
	else
		snprintf(out, WHAT_MAX, "%s", instead);
	return out;
}

static bool is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static bool is_text(const json_t *object, const char *key, const char *text)
{
	const char *value = json_string_value(json_object_get(object, key));
	return value != NULL && strcmp(value, text) == 0;
}

static void print_none_warning(FILE *out)
{
	fprintf(
	    out,
	    "  WARNING  arbiter \"none\": nothing decides between the two sides; a partition can make two masters\n");
}

/* One line of the timeline. */
struct row {
	bool timed;
	double at_ms;
	char kind[16];
	char what[WHAT_MAX];
	char result[WHAT_MAX + 64];
};

struct rows {
	size_t n, max;
	struct row *row;
};

/* Keeps the rows in order of time; those of the same time, and those without, stay in the order they came in. */
static struct row *add_row(struct rows *rows, const json_t *at, const char *kind)
{
	struct row new = {.timed = json_is_number(at), .at_ms = json_number_value(at)};
	if (!new.timed && rows->n > 0)
		new.at_ms = rows->row[rows->n - 1].at_ms;
	snprintf(new.kind, sizeof(new.kind), "%s", kind);
	size_t i = rows->n++;
	for (; i > 0 && rows->row[i - 1].at_ms > new.at_ms; i--)
		rows->row[i] = rows->row[i - 1];
	rows->row[i] = new;
	return &rows->row[i];
}

static void add_evidence(struct rows *rows, const json_t *outcome)
{
	size_t i;
	json_t *e;
	json_array_foreach(json_object_get(outcome, "evidence"), i, e)
	{
		struct row *row = add_row(rows, json_object_get(e, "at_ms"), "evidence");
		text_of(e, "what", "?", row->what);
	}
}

static void add_decision(struct rows *rows, const json_t *outcome)
{
	const json_t *durations = json_object_get(outcome, "durations_ms"), *claim = json_object_get(outcome, "claim");
	json_t *detection = json_object_get(durations, "detection");
	char cause[WHAT_MAX], arbiter[WHAT_MAX], result[WHAT_MAX], winner[WHAT_MAX];
	if (!json_is_number(detection))
		return;
	struct row *row = add_row(rows, detection, "decision");
	snprintf(row->what, sizeof(row->what), "take over: %.100s", text_of(outcome, "cause", "?", cause));

	if (!json_is_number(json_object_get(durations, "decision"))) /* the right to take over was never had */
		return;
	double at = json_number_value(detection) + json_number_value(json_object_get(durations, "decision")) +
	            json_number_value(json_object_get(durations, "claim"));
	json_t *claimed = json_real(at);
	row = add_row(rows, claimed, "claim");
	json_decref(claimed);
	snprintf(row->what, sizeof(row->what), "arbiter %.100s", text_of(claim, "arbiter", "?", arbiter));
	snprintf(row->result, sizeof(row->result), "%.40s%s%.50s", text_of(claim, "result", "?", result),
	         json_is_string(json_object_get(claim, "winner")) ? ", winner " : "",
	         text_of(claim, "winner", "", winner));
}

static void add_steps(struct rows *rows, const json_t *outcome)
{
	size_t i;
	json_t *s;
	json_array_foreach(json_object_get(outcome, "steps"), i, s)
	{
		char command[WHAT_MAX], what[WHAT_MAX], result[WHAT_MAX], ms[WHAT_MAX], error[WHAT_MAX];
		bool sent = json_is_number(json_object_get(s, "ms"));
		bool about = json_is_string(json_object_get(s, "what"));
		struct row *row =
		    add_row(rows, json_object_get(s, "at_ms"), is_text(s, "channel", "oob") ? "oob" : "qmp");
		snprintf(row->what, sizeof(row->what), "%.100s%s%.100s", text_of(s, "command", "?", command),
		         about ? " " : "", text_of(s, "what", "", what));
		snprintf(row->result, sizeof(row->result), "%-8.20s%10.20s%s  %s", text_of(s, "result", "?", result),
		         number_of(s, "ms", 3, "", ms), sent ? " ms" : "", text_of(s, "error", "", error));
	}
}

static void print_rows(const struct rows *rows, FILE *out)
{
	int widest = 0;
	for (size_t i = 0; i < rows->n; i++)
		if (rows->row[i].result[0] != '\0' && (int)strlen(rows->row[i].what) > widest)
			widest = (int)strlen(rows->row[i].what);
	if (widest > 56) /* one long name must not push every result off the screen */
		widest = 56;
	for (size_t i = 0; i < rows->n; i++) {
		const struct row *row = &rows->row[i];
		if (row->timed)
			fprintf(out, "  %10.3f ms", row->at_ms);
		else
			fprintf(out, "  %13s", "-");
		fprintf(out, "  %-8s  ", row->kind);
		size_t end = strlen(row->result);
		while (end > 0 && row->result[end - 1] == ' ')
			end--;
		if (end > 0)
			fprintf(out, "%-*s  %.*s\n", widest, row->what, (int)end, row->result);
		else
			fprintf(out, "%s\n", row->what);
	}
}

static void print_outcome_end(const json_t *outcome, FILE *out)
{
	static const char *const phases[] = {"detection", "decision", "claim", "plan"};
	const json_t *guest = json_object_get(outcome, "guest"), *durations = json_object_get(outcome, "durations_ms");
	char a[WHAT_MAX], b[WHAT_MAX], c[WHAT_MAX];
	if (json_is_string(json_object_get(guest, "status")))
		fprintf(out, "  guest    %s, colo mode %s, was %s\n", text_of(guest, "status", "?", a),
		        text_of(guest, "colo_mode", "unknown", b), text_of(guest, "last_mode", "unknown", c));
	else
		fprintf(out, "  guest    not known\n");
	fprintf(out, "  %-8s %s ms since the first evidence",
	        is_text(outcome, "result", "success") ? "outage" : "ended", number_of(durations, "total", 3, "?", a));
	const char *before = ": ";
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		if (!json_is_number(json_object_get(durations, phases[i])))
			continue;
		fprintf(out, "%s%s %s", before, phases[i], number_of(durations, phases[i], 3, "", a));
		before = ", ";
	}
	fprintf(out, "\n");
	if (json_is_string(json_object_get(outcome, "error")))
		fprintf(out, "  error    %s\n", text_of(outcome, "error", "", a));
	if (is_text(json_object_get(outcome, "claim"), "arbiter", "none"))
		print_none_warning(out);
}

void ft_outcome_print(const json_t *outcome, FILE *out)
{
	char a[WHAT_MAX], b[WHAT_MAX], c[WHAT_MAX], d[WHAT_MAX];
	fprintf(out, "%s  %s on %s: %s\n", text_of(outcome, "time", "(no time)", a), text_of(outcome, "pair", "?", b),
	        text_of(outcome, "node", "?", c), text_of(outcome, "result", "?", d));
	fprintf(out, "  cause    %s, while %s; peer %s\n", text_of(outcome, "cause", "?", a),
	        text_of(outcome, "role_before", "?", b), text_of(outcome, "peer", "unknown", c));
	fprintf(out, "  session  %s, epoch %s\n", text_of(outcome, "session", "none", a),
	        number_of(outcome, "epoch", 0, "?", b));

	struct rows rows = {.max = json_array_size(json_object_get(outcome, "evidence")) +
	                           json_array_size(json_object_get(outcome, "steps")) + 2};
	rows.row = calloc(rows.max, sizeof(*rows.row));
	if (rows.row == NULL) {
		fprintf(out, "  (no memory for the timeline)\n");
	} else {
		add_evidence(&rows, outcome);
		add_decision(&rows, outcome);
		add_steps(&rows, outcome);
		print_rows(&rows, out);
		free(rows.row);
	}
	print_outcome_end(outcome, out);
}

static void print_peer(const json_t *status, FILE *out)
{
	const json_t *peer = json_object_get(status, "peer"), *session = json_object_get(status, "session");
	char a[WHAT_MAX], b[WHAT_MAX], c[WHAT_MAX];
	if (json_is_string(json_object_get(peer, "node")))
		fprintf(out, "  peer     %s: %s as %s, %s\n", text_of(peer, "node", "?", a),
		        text_of(peer, "state", "?", b), text_of(peer, "role", "?", c),
		        is_true(peer, "alive")     ? "alive"
		        : is_true(peer, "leaving") ? "its ftd was asked to stop"
		                                   : "NOT HEARD");
	else
		fprintf(out, "  peer     never heard\n");
	if (json_is_string(json_object_get(session, "id")))
		fprintf(out, "  session  %s, epoch %s, %s\n", text_of(session, "id", "?", a),
		        number_of(session, "epoch", 0, "?", b),
		        is_true(session, "accepted") ? "accepted" : "not accepted");
	else
		fprintf(out, "  session  none\n");
}

/* The widest text of a member over all links, so that the columns line up. */
static int widest(const json_t *links, const char *key)
{
	size_t i;
	json_t *link;
	int width = 0;
	char a[WHAT_MAX];
	json_array_foreach(links, i, link)
	{
		int n = (int)strlen(text_of(link, key, "?", a));
		width = n > width ? n : width;
	}
	return width;
}

static void print_links(const json_t *status, FILE *out)
{
	const json_t *links = json_object_get(status, "links");
	int local = widest(links, "local"), peer = widest(links, "peer");
	char a[WHAT_MAX], b[WHAT_MAX];
	size_t i;
	json_t *link;
	json_array_foreach(links, i, link)
	{
		fprintf(out, "  link     %-*s -> %-*s  %-5s", local, text_of(link, "local", "?", a), peer,
		        text_of(link, "peer", "?", b),
		        is_text(link, "state", "one-way") ? "1-WAY"
		        : is_true(link, "alive")          ? "alive"
		                                          : "DOWN");
		if (json_is_number(json_object_get(link, "last_heard_ms")))
			fprintf(out, "  heard %s ms ago", number_of(link, "last_heard_ms", 1, "?", a));
		else
			fprintf(out, "  never heard");
		if (json_is_number(json_object_get(link, "rtt_ms")))
			fprintf(out, "  rtt %s ms", number_of(link, "rtt_ms", 3, "?", a));
		fprintf(out, "  sent %s, received %s", number_of(link, "sent", 0, "?", a),
		        number_of(link, "received", 0, "?", b));
		fprintf(out, ", lost %s, rejected %s\n", number_of(link, "lost", 0, "?", a),
		        number_of(link, "rejected", 0, "?", b));
		if (json_is_string(json_object_get(link, "trouble")))
			fprintf(out, "           %s\n", text_of(link, "trouble", "", a));
	}
}

static void print_qemu(const json_t *status, FILE *out)
{
	const json_t *qemu = json_object_get(status, "qemu");
	char a[WHAT_MAX], b[WHAT_MAX], c[WHAT_MAX], d[WHAT_MAX];
	if (!is_true(qemu, "connected")) {
		fprintf(out, "  qemu     NOT CONNECTED\n");
		return;
	}
	fprintf(out, "  qemu     %s pid %s: %s, colo mode %s", text_of(qemu, "version", "?", a),
	        number_of(qemu, "pid", 0, "?", b), text_of(qemu, "status", "?", c), text_of(qemu, "colo_mode", "?", d));
	if (json_is_number(json_object_get(qemu, "checkpoint_age_ms")))
		fprintf(out, ", checkpoint %s ms ago", number_of(qemu, "checkpoint_age_ms", 0, "?", a));
	fprintf(out, ", out-of-band %s\n", is_true(qemu, "oob") ? "up" : "DOWN");
}

static void print_doubts(const json_t *status, FILE *out)
{
	const json_t *qemu = json_object_get(status, "qemu");
	char a[WHAT_MAX], b[WHAT_MAX];
	size_t i;
	json_t *doubt, *name;
	json_array_foreach(json_object_get(qemu, "doubts"), i, doubt)
	{
		if (!is_true(doubt, "disregarded"))
			fprintf(out, "  DOUBT    %s: %s\n", text_of(doubt, "name", "?", a),
			        text_of(doubt, "why", "?", b));
	}
	json_array_foreach(json_object_get(qemu, "disregard"), i, name)
	{
		ft_text_clean(a, sizeof(a), json_is_string(name) ? json_string_value(name) : "?");
		fprintf(out, "  vouched  for %s, by qmp.disregard: ftd does not heed it\n", a);
	}
}

void ft_status_print(const json_t *status, FILE *out)
{
	const json_t *arbiter = json_object_get(status, "arbiter"), *last = json_object_get(status, "last_outcome");
	char a[WHAT_MAX], b[WHAT_MAX], c[WHAT_MAX], d[WHAT_MAX];
	fprintf(out, "%s on %s: %s as %s", text_of(status, "pair", "?", a), text_of(status, "node", "?", b),
	        text_of(status, "state", "?", c), text_of(status, "role", "?", d));
	fprintf(out, " since %s%s\n", text_of(status, "since", "?", a), is_true(status, "paused") ? ", PAUSED" : "");
	fprintf(out, "  why      %s\n", text_of(status, "reason", "-", a));
	size_t i;
	json_t *alarm;
	json_array_foreach(json_object_get(status, "alarms"), i, alarm)
	{
		fprintf(out, "  ALARM    %s since %s\n", text_of(alarm, "evidence", "?", a),
		        text_of(alarm, "since", "?", b));
	}
	print_peer(status, out);
	print_links(status, out);
	print_qemu(status, out);
	print_doubts(status, out);
	fprintf(out, "  arbiter  %s, %s\n", text_of(arbiter, "type", "?", a),
	        is_text(arbiter, "type", "none") ? "no exclusion"
	        : is_true(arbiter, "reachable")  ? "reachable"
	                                         : "NOT REACHABLE");
	if (json_is_string(json_object_get(arbiter, "error")))
		fprintf(out, "           %s\n", text_of(arbiter, "error", "", a));
	const json_t *fence = json_object_get(arbiter, "fence");
	if (json_is_object(fence))
		fprintf(out, "  fence    %s\n",
		        is_true(fence, "reachable") ? "reachable" : text_of(fence, "error", "NOT REACHABLE", a));
	if (text_of(arbiter, "unshared", "", a)[0])
		fprintf(out, "  UNSHARED %s\n", a);
	else if (is_text(arbiter, "shared", "unknown"))
		fprintf(out, "  shared   not proven yet: neither host has found the other's mark, or one has not\n");
	if (json_is_object(last))
		fprintf(out, "  last     %s  %s, %s\n", text_of(last, "time", "?", a), text_of(last, "result", "?", b),
		        text_of(last, "cause", "?", c));
	else
		fprintf(out, "  last     no outcome yet\n");
	if (is_text(arbiter, "type", "none"))
		print_none_warning(out);
}
