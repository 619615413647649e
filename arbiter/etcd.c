/* Arbiter type "etcd": registers as keys, over the v3 JSON gateway.
 * Knows: which endpoint is asked what, and for how long.  Must not know: JSON (etcd_json.c), HTTP (http.c).
 *
 * A claim is one transaction: if the key was never created, put it; else get it.  Both ends of it say who stands there.
 * The endpoints are tried in turn, each with its share of what is left of the deadline, since a frozen server just
 * hangs.  What was sent to one that did not answer may have been carried out, or be carried out later.  So the same
 * transaction goes to the next one: it reads the register back and, if nobody is there, claims it, in one step.
 * Whoever of the two comes first, the other one finds the name. (Reading alone would leave a claim open that could
 * still come true.)
 *
 * A read by itself is not linearizable in every etcd, see etcd_version.h: it tells who stands there, and not for sure that nobody
 * does.  Where something follows from that, the question is a transaction that writes nothing, and yet goes through the log. */
#include "arbiter/entry.h"
#include "arbiter/etcd_json.h"
#include "arbiter/etcd_version.h"
#include "arbiter/http.h"
#include "arbiter/internal.h"
#include "base/clock.h"
#include "base/secret.h"
#include "base/vault.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUND_PAUSE_MS 50 /* after all endpoints have failed: a refused connection fails at once */
#define LAST_MOMENT_MS 5  /* before the deadline, in which only the deadline itself ends a try */
#define TRY_MAX_MS                                                                                                     \
	1000 /* a follower hands a claim on to a leader that has just died, and it is lost there: ask again soon */
#define URL_MAX (FT_SETTING_MAX + 64)
#define KEY_MAX (FT_SETTING_MAX + 2 * FT_NAME_MAX) /* prefix, and PAIR@NODE */

enum step {
	STEP_LOGIN,
	STEP_ASK,
	STEP_VERSION, /* of a check: of an endpoint that works */
	STEP_REMOVE   /* of a check's scratch register */
};

/* One question under way. */
struct job {
	struct etcd *etcd;
	struct ft_ask ask;
	char key[KEY_MAX];
	char nobody[KEY_MAX];    /* a key that nobody ever makes */
	char peers_key[KEY_MAX]; /* of a mark */
	int64_t deadline, try_until;
	int endpoint;     /* the one asked now */
	int tried;        /* endpoints in this round, before that one */
	int refused;      /* of these, those that have answered with a refusal: asking again will not help */
	bool is_removing; /* a check: all endpoints were tried, and on one of them the scratch register was made */
	int working;      /* a check: endpoints that worked */
	bool mixed;       /* a check: endpoints of different clusters, with which both sides could win */
	bool stale;       /* a check: an endpoint whose reads may be stale has been told of */
	bool renewed;     /* this try has fetched a new token already */
	enum step step;
	struct ft_http_call *call; /* NULL: none */
	struct event *pause;
	struct ft_told told;            /* of a check: the warnings so far */
	char last[FT_ARBITER_TEXT_MAX]; /* what went wrong last, "" nothing yet */
};

struct etcd {
	struct ft_arbiter *front;
	const struct ft_arbiter_settings *settings;
	struct ft_http *http;
	char *password;                    /* in a vault, FT_SETTING_MAX */
	char token[FT_ETCD_TOKEN_MAX];     /* "": none */
	char cluster[FT_ETCD_CLUSTER_MAX]; /* the first that has answered; "" none yet */
	int good;                          /* the endpoint that has answered last */
	struct job jobs[FT_QUESTIONS];
};

static void begin_try(struct job *j);
static void begin_round(struct job *j);
static void failed(struct job *j, bool is_refusal, const char *format, ...) __attribute__((format(printf, 3, 4)));

static const char *endpoint_of(const struct job *j)
{
	return j->etcd->settings->endpoints[j->endpoint];
}

static void finish(struct job *j, const struct ft_told *told)
{
	ft_arbiter_tell(j->etcd->front, j->ask.question, told);
}

static void finish_check(struct job *j)
{
	if (j->mixed)
		ft_told_fail(&j->told, "the endpoints are not all of one cluster: both hosts could win");
	finish(j, &j->told);
}

/* All endpoints were tried by a check. */
static void conclude_check(struct job *j)
{
	if (j->working == 0) {
		ft_told_fail(&j->told, "%s", j->last);
		finish(j, &j->told);
		return;
	}
	j->is_removing = true;
	j->endpoint = j->etcd->good;
	begin_try(j);
}

static void end_round(struct job *j)
{
	const struct timeval in = {.tv_usec = ROUND_PAUSE_MS * INT64_C(1000)};
	struct ft_told told = {0};

	if (j->ask.question == FT_ASK_CHECK) {
		conclude_check(j);
	} else if (j->refused == j->tried) {
		ft_told_fail(&told, "%s", j->last);
		finish(j, &told);
	} else {
		event_add(j->pause, &in);
	}
}

static void next_endpoint(struct job *j)
{
	j->tried++;
	j->endpoint = (j->endpoint + 1) % j->etcd->settings->n_endpoints;
	if (j->tried < j->etcd->settings->n_endpoints)
		begin_try(j);
	else
		end_round(j);
}

/* Each endpoint may add one.  What does not fit is left out, and that it was is seen. */
static void warn(struct job *j, const char *text)
{
	static const char more[] = " ...";
	char *all = j->told.warning;
	size_t used = strlen(all), left = sizeof(j->told.warning) - used;
	int n = snprintf(all + used, left, "%s%s", used > 0 ? "; " : "", text);

	if (n < 0 || (size_t)n >= left)
		memcpy(all + sizeof(j->told.warning) - sizeof(more), more, sizeof(more));
}

/* This endpoint, this time. */
static void failed(struct job *j, bool is_refusal, const char *format, ...)
{
	va_list args;
	int used = snprintf(j->last, sizeof(j->last), "%s: ", endpoint_of(j));

	va_start(args, format);
	(void)vsnprintf(j->last + used, sizeof(j->last) - (size_t)used, format, args);
	va_end(args);
	if (j->ask.question == FT_ASK_CHECK)
		warn(j, j->last);
	if (j->is_removing) {
		warn(j, "the scratch register stays");
		finish_check(j);
		return;
	}
	j->refused += is_refusal;
	next_endpoint(j);
}

/* Two endpoints of different clusters would each let another side win. */
static bool is_our_cluster(struct job *j, const char *cluster)
{
	struct etcd *e = j->etcd;

	if (e->cluster[0] == '\0')
		strcpy(e->cluster, cluster);
	if (strcmp(e->cluster, cluster) == 0)
		return true;
	j->mixed = true;
	failed(j, true,
	       "belongs to cluster %s, another has answered as %s; all endpoints must be of one cluster (if etcd was "
	       "set up anew: restart ftd)",
	       cluster, e->cluster);
	return false;
}

static void post(struct job *j, enum step step);

/* That it cannot be asked says nothing: a claim works there.  One endpoint is enough to tell of. */
static void take_version(struct job *j, const struct ft_http_answer *answer)
{
	char version[FT_ETCD_VERSION_MAX], text[FT_ARBITER_TEXT_MAX];
	const char *upgrade = "";
	bool told = answer->error == NULL && answer->status == 200 && !j->stale;

	if (told && ft_etcd_version(answer->body, answer->len, version) &&
	    ft_etcd_judge(version, &upgrade) == FT_ETCD_READS_STALE) {
		j->stale = true;
		(void)snprintf(text, sizeof(text),
		               "%s: etcd %s may answer a read by an old state after its leader was paused (etcd issue "
		               "20418); no right to run follows from such a read, but upgrade etcd to %s or later",
		               endpoint_of(j), version, upgrade);
		warn(j, text);
	}
	next_endpoint(j);
}

static void take_answer(struct job *j, const struct ft_http_answer *answer)
{
	struct ft_told told;
	char cluster[FT_ETCD_CLUSTER_MAX] = "";

	const struct ft_arbiter_settings *s = j->etcd->settings;
	const char *const nodes[2] = {s->peer[0] != '\0' ? s->node : NULL, s->peer};

	if (j->ask.question == FT_ASK_MARK)
		ft_etcd_marked(answer->body, answer->len, j->peers_key, &told, cluster);
	else if (j->ask.question == FT_ASK_PAST)
		ft_etcd_remembered(answer->body, answer->len, j->key, nodes, &told, cluster);
	else if (j->ask.question == FT_ASK_READ && j->ask.sure)
		ft_etcd_looked_logged(answer->body, answer->len, j->key, &told, cluster);
	else if (j->ask.question == FT_ASK_READ || j->ask.question == FT_ASK_REACH)
		ft_etcd_looked(answer->body, answer->len, j->key, &told, cluster);
	else
		ft_etcd_claimed(answer->body, answer->len, j->key, j->ask.name, &told, cluster);
	if (cluster[0] != '\0' && !is_our_cluster(j, cluster))
		return;
	if (told.what == FT_REGISTER_UNKNOWN) {
		failed(j, true, "%s", told.error);
		return;
	}
	j->etcd->good = j->endpoint;
	if (j->ask.question == FT_ASK_CHECK) {
		j->working++;
		j->told.what = FT_REGISTER_TAKEN;
		post(j, STEP_VERSION);
	} else {
		finish(j, &told);
	}
}

static const char *advice(const struct etcd *e, long status, const char *words)
{
	if (strstr(words, "CommonName") != NULL)
		return "; use a client certificate whose subject has no CN";
	if (e->settings->user[0] != '\0')
		return status == 403 ? "; give the user's role readwrite on the prefix"
		                     : "; see user and password_file";
	return strstr(words, "user name is empty") != NULL ? "; set user and password_file" : "";
}

static void refused(struct job *j, const struct ft_http_answer *answer)
{
	char words[FT_TEXT_MAX];

	ft_etcd_refusal(answer->body, answer->len, words);
	failed(j, answer->status < 500, "HTTP status %ld: %s%s", answer->status,
	       words[0] != '\0' ? words : "no reason is given", advice(j->etcd, answer->status, words));
}

static void take_token(struct job *j, const struct ft_http_answer *answer)
{
	if (ft_etcd_token(answer->body, answer->len, j->etcd->token))
		post(j, j->is_removing ? STEP_REMOVE : STEP_ASK);
	else
		failed(j, true, "the answer to the login holds no token");
}

/* The question's time ran out in this try.  What an earlier one has met says more than that. */
static bool cut_short(const struct job *j)
{
	bool out_of_time = ft_clock_now() >= j->deadline - LAST_MOMENT_MS * FT_NS_PER_MS;

	return out_of_time && j->last[0] != '\0' && j->ask.question != FT_ASK_CHECK;
}

static void on_answer(void *arg, const struct ft_http_answer *answer)
{
	struct job *j = arg;
	bool with_token = j->step != STEP_LOGIN && j->etcd->settings->user[0] != '\0';

	j->call = NULL;
	if (j->step == STEP_VERSION) {
		take_version(j, answer);
	} else if (answer->error != NULL && cut_short(j)) {
		next_endpoint(j);
	} else if (answer->error != NULL) {
		failed(j, false, "%s", answer->error);
	} else if (with_token && !j->renewed && (answer->status == 401 || answer->status == 400)) {
		/* The token was too old, or the users were changed since; another question may be fetching a new one. */
		j->renewed = true;
		post(j, STEP_LOGIN);
	} else if (answer->status != 200) {
		refused(j, answer);
	} else if (j->step == STEP_LOGIN) {
		take_token(j, answer);
	} else if (j->step == STEP_ASK) {
		take_answer(j, answer);
	} else {
		finish_check(j);
	}
}

static char *body_of(const struct job *j, const char **path)
{
	char entry[FT_ENTRY_MAX];

	if (j->step == STEP_LOGIN) {
		*path = FT_ETCD_LOGIN_PATH;
		return ft_etcd_login(j->etcd->settings->user, j->etcd->password);
	}
	if (j->step == STEP_REMOVE) {
		*path = FT_ETCD_REMOVE_PATH;
		return ft_etcd_remove(j->key);
	}
	if ((j->ask.question == FT_ASK_READ && !j->ask.sure) || j->ask.question == FT_ASK_REACH) {
		*path = FT_ETCD_READ_PATH;
		return ft_etcd_read(j->key);
	}
	*path = FT_ETCD_CLAIM_PATH;
	if (j->ask.question == FT_ASK_READ)
		return ft_etcd_read_logged(j->key, j->nobody);
	if (j->ask.question == FT_ASK_PAST)
		return ft_etcd_range_logged(j->key, j->nobody);
	if (j->ask.question == FT_ASK_MARK) {
		ft_mark_write(j->ask.mark, j->ask.epoch, entry);
		return ft_etcd_mark(j->key, entry, j->peers_key);
	}
	ft_entry_write(j->ask.name, ft_clock_wall(), entry);
	return ft_etcd_claim(j->key, entry);
}

static void post(struct job *j, enum step step)
{
	struct etcd *e = j->etcd;
	const char *path = NULL;
	char url[URL_MAX];
	int64_t left = (j->try_until - ft_clock_now()) / FT_NS_PER_MS;

	j->step = step;
	if (step == STEP_LOGIN)
		e->token[0] = '\0';
	if (step == STEP_VERSION) {
		(void)snprintf(url, sizeof(url), "%s%s", endpoint_of(j), FT_ETCD_VERSION_PATH);
		j->call = ft_http_get(e->http, url, e->token, left > 0 ? (int)left : 1, on_answer, j);
		return;
	}
	char *body = body_of(j, &path);
	size_t len = strlen(body);
	(void)snprintf(url, sizeof(url), "%s%s", endpoint_of(j), path);
	j->call = ft_http_post(e->http, url, e->token, body, left > 0 ? (int)left : 1, on_answer, j);
	sodium_memzero(body, len); /* a login holds the password */
	free(body);
}

/* One endpoint, with its share of the time. A check keeps a share for the removal. */
static void begin_try(struct job *j)
{
	const struct etcd *e = j->etcd;
	bool is_check = j->ask.question == FT_ASK_CHECK;
	int64_t now = ft_clock_now();
	int shares = j->is_removing ? 1 : e->settings->n_endpoints - j->tried + is_check;
	int64_t share = (j->deadline - now) / shares, most = TRY_MAX_MS * FT_NS_PER_MS;

	j->try_until = now + (share < most ? share : most);
	j->renewed = false;
	if (e->settings->user[0] != '\0' && e->token[0] == '\0')
		post(j, STEP_LOGIN);
	else
		post(j, j->is_removing ? STEP_REMOVE : STEP_ASK);
}

static void begin_round(struct job *j)
{
	j->tried = j->refused = 0;
	begin_try(j);
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	begin_round(arg);
}

/* A mark's name has an @, which no session's has. */
static void name_keys(struct job *j, const struct ft_ask *ask)
{
	const struct ft_arbiter_settings *s = j->etcd->settings;

	(void)snprintf(j->nobody, sizeof(j->nobody), "%scheck-nobody", s->prefix);
	if (ask->question == FT_ASK_PAST) {
		(void)snprintf(j->key, sizeof(j->key), "%s%s@", s->prefix, s->pair);
		return;
	}
	if (ask->question != FT_ASK_MARK) {
		(void)snprintf(j->key, sizeof(j->key), "%s%s", s->prefix, ask->key);
		return;
	}
	(void)snprintf(j->key, sizeof(j->key), "%s%s@%s", s->prefix, s->pair, s->node);
	(void)snprintf(j->peers_key, sizeof(j->peers_key), "%s%s@%s", s->prefix, s->pair, s->peer);
}

static void etcd_ask(void *self, const struct ft_ask *ask)
{
	struct etcd *e = self;
	struct job *j = &e->jobs[ask->question];

	assert(j->call == NULL);
	j->ask = *ask;
	name_keys(j, ask);
	j->deadline = ft_clock_now() + ask->timeout_ms * FT_NS_PER_MS;
	j->endpoint = e->good;
	j->is_removing = false;
	j->working = 0;
	j->mixed = j->stale = false;
	j->last[0] = '\0';
	memset(&j->told, 0, sizeof(j->told));
	begin_round(j);
}

static void etcd_abandon(void *self, enum ft_question question, char why[FT_ARBITER_TEXT_MAX])
{
	struct etcd *e = self;
	struct job *j = &e->jobs[question];

	if (j->last[0] != '\0')
		memcpy(why, j->last, sizeof(j->last));
	else
		(void)snprintf(why, FT_ARBITER_TEXT_MAX, "%s: no answer within %d ms", endpoint_of(j),
		               j->ask.timeout_ms);
	event_del(j->pause);
	if (j->call != NULL)
		ft_http_cancel(j->call);
	j->call = NULL;
}

static bool is_readable(const char *name, const char *path, FILE *errors)
{
	if (path[0] == '\0' || access(path, R_OK) == 0)
		return true;
	(void)fprintf(errors, "arbiter.%s %s: %s\n", name, path, strerror(errno));
	return false;
}

/* "https://host:port", "http://..." */
static bool is_endpoint(const char *url)
{
	size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;

	/* No path, no query, no name and password; and what else belongs in no address. */
	return scheme > 0 && url[scheme] != '\0' && url[scheme + strcspn(url + scheme, "/?#@\\ \t\r\n")] == '\0';
}

/* False after a line a fault. */
static bool judge(const struct ft_arbiter_settings *s, FILE *errors)
{
	bool good = s->n_endpoints >= 1 && s->n_endpoints <= FT_ENDPOINTS_MAX;

	if (!good)
		(void)fprintf(errors, "arbiter.endpoints: %d of them; 1 to %d are needed\n", s->n_endpoints,
		              FT_ENDPOINTS_MAX);
	for (int i = 0; good && i < s->n_endpoints; i++) {
		if (is_endpoint(s->endpoints[i]))
			continue;
		(void)fprintf(errors, "arbiter.endpoints \"%s\": is no address like \"https://10.0.0.9:2379\"\n",
		              s->endpoints[i]);
		good = false;
	}
	if ((s->cert_file[0] == '\0') != (s->cert_key_file[0] == '\0')) {
		(void)fprintf(errors, "arbiter.cert_file and arbiter.cert_key_file: both are needed, or none\n");
		good = false;
	}
	if ((s->user[0] == '\0') != (s->password_file[0] == '\0')) {
		(void)fprintf(errors, "arbiter.user and arbiter.password_file: both are needed, or none\n");
		good = false;
	}
	good = is_readable("ca_file", s->ca_file, errors) && good;
	good = is_readable("cert_file", s->cert_file, errors) && good;
	return is_readable("cert_key_file", s->cert_key_file, errors) && good;
}

static void etcd_close(void *self)
{
	struct etcd *e = self;

	ft_http_free(e->http);
	for (int i = 0; i < FT_QUESTIONS; i++) {
		if (e->jobs[i].pause != NULL)
			event_free(e->jobs[i].pause);
	}
	ft_vault_free(e->password, 0, FT_SETTING_MAX);
	sodium_memzero(e->token, sizeof(e->token));
	free(e);
}

static void *etcd_open(struct ft_arbiter *front, struct event_base *base, const struct ft_arbiter_settings *settings,
                       FILE *errors)
{
	if (!judge(settings, errors))
		return NULL;
	struct etcd *e = calloc(1, sizeof(*e));
	if (e == NULL)
		abort();
	e->front = front;
	e->settings = settings;
	e->password = ft_vault_new(0, FT_SETTING_MAX);
	if (e->password == NULL)
		abort();
	const char *fault = settings->user[0] != '\0' ? ft_secret_read(settings->password_file, e->password) : NULL;
	if (fault != NULL)
		(void)fprintf(errors, "arbiter.password_file %s: %s\n", settings->password_file, fault);
	else
		e->http = ft_http_new(base, settings, errors);
	if (e->http == NULL) {
		etcd_close(e);
		return NULL;
	}
	for (int i = 0; i < FT_QUESTIONS; i++) {
		e->jobs[i].etcd = e;
		e->jobs[i].pause = evtimer_new(base, on_pause_over, &e->jobs[i]);
		if (e->jobs[i].pause == NULL)
			abort();
	}
	return e;
}

const struct ft_arbiter_ops ft_arbiter_etcd_ops = {
    .open = etcd_open, .ask = etcd_ask, .abandon = etcd_abandon, .close = etcd_close};
