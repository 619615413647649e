/* A round is a list of questions.  When all are answered, the second list is made from the first one's answers. */
#include "qmp/discovery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUERIES_MAX 1024 /* one for each property of each COLO object; a pair with ten NICs has 120 */
#define AT_ONCE     3    /* of the 8 that QEMU takes before it stops reading */

struct ft_discovery {
	struct ft_conn *connection;
	ft_discovery_done *done;
	void *arg;
	bool running;
	int round;
	int n, asked, waiting; /* of this round: questions, how many went out, how many of them are unanswered */
	struct ft_query queries[QUERIES_MAX];
	json_t *answers;
	char refusal[FT_TEXT_MAX]; /* the first error QEMU answered with */
};

static void on_reply(void *arg, int tag, const json_t *reply, int64_t now);

struct ft_discovery *ft_discovery_new(struct ft_conn *connection, ft_discovery_done *done, void *arg)
{
	struct ft_discovery *d = calloc(1, sizeof *d);
	if (!d)
		abort();
	d->connection = connection;
	d->done = done;
	d->arg = arg;
	return d;
}

static void drop_queries(struct ft_discovery *d)
{
	for (int i = 0; i < d->n; i++)
		json_decref(d->queries[i].arguments);
	d->n = d->asked = 0;
}

void ft_discovery_stop(struct ft_discovery *d)
{
	drop_queries(d);
	json_decref(d->answers);
	d->answers = NULL;
	d->running = false;
}

void ft_discovery_free(struct ft_discovery *d)
{
	if (!d)
		return;
	ft_discovery_stop(d);
	free(d);
}

static void finish(struct ft_discovery *d, const struct ft_topology *topology, const char *error, int64_t now)
{
	ft_discovery_stop(d);
	d->done(d->arg, topology, error, now);
}

static void build(struct ft_discovery *d, int64_t now)
{
	char error[FT_TEXT_MAX], text[FT_TEXT_MAX];
	struct ft_topology *topology = calloc(1, sizeof *topology); /* large, and rarely wanted */
	if (!topology)
		abort();
	if (ft_topology_build(d->answers, topology, error) == 0) {
		finish(d, topology, NULL, now);
	} else {
		if (d->refusal[0])
			snprintf(text, sizeof text, "%.90s (QEMU: %.90s)", error, d->refusal);
		else
			snprintf(text, sizeof text, "%s", error);
		finish(d, NULL, text, now);
	}
	free(topology);
}

static void ask_more(struct ft_discovery *d)
{
	while (d->asked < d->n && d->waiting < AT_ONCE) {
		const struct ft_query *q = &d->queries[d->asked];
		if (!ft_conn_request_list(d->connection, q->command, q->arguments, on_reply, d, d->asked)) {
			if (d->waiting == 0)
				ft_discovery_stop(d); /* nothing will call again */
			return;
		}
		d->asked++;
		d->waiting++;
	}
}

static void next_round(struct ft_discovery *d, int64_t now)
{
	drop_queries(d);
	if (++d->round == 2) {
		build(d, now);
		return;
	}
	d->n = ft_topology_qom_queries(d->answers, d->queries, QUERIES_MAX);
	if (d->n < 0) {
		d->n = 0;
		finish(d, NULL, d->refusal[0] ? d->refusal : "QEMU's list of objects is of no use, or too long", now);
	} else if (d->n == 0) {
		build(d, now);
	} else {
		ask_more(d);
	}
}

static void keep_answer(struct ft_discovery *d, const struct ft_query *query, const json_t *reply)
{
	json_t *value = json_object_get(reply, "return");
	if (value) {
		json_object_set(d->answers, query->key, value);
		return;
	}
	if (query->optional && json_object_get(reply, "error")) {
		json_object_set_new(d->answers, query->key, json_null());
		return;
	}
	const char *desc = json_string_value(json_object_get(json_object_get(reply, "error"), "desc"));
	if (!d->refusal[0])
		snprintf(d->refusal, sizeof d->refusal, "%.60s: %.120s", query->command, desc ? desc : "no answer");
}

static void on_reply(void *arg, int tag, const json_t *reply, int64_t now)
{
	struct ft_discovery *d = arg;
	d->waiting--;
	if (!d->running)
		return;
	if (!reply) {
		ft_discovery_stop(d);
		return;
	}
	keep_answer(d, &d->queries[tag], reply);
	if (d->asked == d->n && d->waiting == 0)
		next_round(d, now);
	else
		ask_more(d);
}

bool ft_discovery_start(struct ft_discovery *d)
{
	if (d->running || d->waiting > 0 || !ft_conn_is_up(d->connection))
		return false;
	d->answers = json_object();
	d->n = ft_topology_queries(d->queries, QUERIES_MAX);
	if (!d->answers || d->n < 0)
		abort();
	d->running = true;
	d->round = 0;
	d->refusal[0] = '\0';
	ask_more(d);
	return true;
}
