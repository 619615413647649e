/* See command.h. */
#include "ctl/command.h"

#include "base/file.h"
#include "base/text.h"
#include "config/config.h"
#include "ctl/client.h"
#include "ctl/may_start.h"
#include "ctl/tune.h"
#include "report/record.h"
#include "store/outcomes.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_CONFIG "/etc/ftd/ft.conf"
#define ANSWER_MS      10000
#define LONG_ANSWER_MS 62000 /* longer than ftd's own 60 s for an answer, so that its word comes first */
#define LAST_MAX       1000

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NO_DAEMON = 3, EXIT_NOT_PROTECTED = 10, EXIT_STOPPED = 11 };
/* 12, too little data: tune's, in the daemon's answer */

struct command {
	const char *config_path;              /* NULL: not given */
	const char *socket;                   /* NULL: from the config */
	const char *false_alarms, *detection; /* NULL: not given */
	bool json, confirm_fenced, help, version;
	int n_args;
	char **args; /* behind the verb */
	FILE *out, *errors;
};

struct verb {
	const char *name;
	int (*run)(const struct command *c);
	int min_args, max_args;
	bool takes_confirm;
	const char *arguments, *help;
};

/* Text of one or several lines, each behind prefix, the later ones behind as many blanks. */
static void print_lines(FILE *to, const char *prefix, const char *text)
{
	int indent = (int)strlen(prefix);
	char clean[1024], line[1024];
	do {
		size_t len = strcspn(text, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)(len < sizeof(line) ? len : sizeof(line) - 1), text);
		ft_text_clean(clean, sizeof(clean), line);
		fprintf(to, "%s%s\n", prefix, clean);
		prefix = "";
		text += len + (text[len] == '\n');
		if (*text != '\0')
			fprintf(to, "%*s", indent, "");
	} while (*text != '\0');
}

/* Steals value. */
static void print_json(const struct command *c, json_t *value)
{
	json_dumpf(value, c->out, FT_JSON_FLAGS | JSON_ENCODE_ANY);
	fputc('\n', c->out);
	json_decref(value);
}

static int fail(const struct command *c, int code, const char *error)
{
	if (c->json)
		print_json(c, json_pack("{s:o, s:i}", "error", ft_text_json(error), "code", code));
	else
		print_lines(c->errors, "ftctl: ", error);
	return code;
}

static const char *path_of_config(const struct command *c)
{
	return c->config_path != NULL ? c->config_path : DEFAULT_CONFIG;
}

/* The config, or NULL with all its faults in *faults, which the caller frees. */
static struct ft_config *load_config(const struct command *c, char **faults)
{
	size_t size = 0;
	*faults = NULL;
	FILE *errors = open_memstream(faults, &size);
	if (errors == NULL)
		return NULL;
	struct ft_config *config = ft_config_load(path_of_config(c), errors);
	fclose(errors);
	return config;
}

/* What of the config is needed to ask. Returns whether it is had, else with all that is wrong with the file in *error, which
 * the caller frees. */
static bool find_places(const struct command *c, struct ft_config_places *places, char **error)
{
	char *faults = NULL;
	size_t size = 0;
	*error = NULL;
	FILE *errors = open_memstream(&faults, &size);
	if (errors == NULL)
		return false;
	bool found = ft_config_find(path_of_config(c), places, errors) == 0;
	fclose(errors);
	if (!found) {
		free(faults);
		ft_config_free(load_config(c, &faults));
	}
	if (!found && asprintf(error, "%smend this file, or name the control socket of a running ftd with -s SOCKET",
	                       faults != NULL ? faults : "") < 0)
		*error = NULL;
	free(faults);
	return found;
}

/* Where to ask. Returns 0, or an exit code with a complaint in *error, which the caller frees. */
static int find_socket(const struct command *c, char path[FT_SOCKPATH_MAX], char **error)
{
	struct ft_config_places places;
	*error = NULL;
	if (c->socket == NULL && !find_places(c, &places, error))
		return EXIT_USAGE;
	snprintf(path, FT_SOCKPATH_MAX, "%s", c->socket != NULL ? c->socket : places.control_socket);
	return 0;
}

static int exit_code_of(enum ft_asked asked)
{
	return asked == FT_ASKED_NO_DAEMON ? EXIT_NO_DAEMON : EXIT_FAILED;
}

/* Asks the daemon. Steals request. Returns 0 with a new *answer, or an exit code after having said why. */
static int ask(const struct command *c, json_t *request, int answer_ms, json_t **answer)
{
	char path[FT_SOCKPATH_MAX], why[FT_CLIENT_ERROR_MAX], *fault = NULL;
	int code = find_socket(c, path, &fault);
	if (code != 0) {
		fail(c, code, fault != NULL ? fault : "out of memory");
	} else {
		enum ft_asked asked = ft_client_ask(path, request, answer_ms, answer, why);
		if (asked != FT_ASKED_OK)
			code = fail(c, exit_code_of(asked), why);
	}
	free(fault);
	json_decref(request);
	return code;
}

static int code_of(const json_t *answer)
{
	json_int_t code = json_integer_value(json_object_get(answer, "code"));
	return code >= 0 && code <= 255 ? (int)code : EXIT_FAILED;
}

static void tell_done(const struct command *c, const char *done)
{
	if (c->json)
		print_json(c, json_pack("{s:o, s:i}", "result", ft_text_json(done), "code", EXIT_OK));
	else
		print_lines(c->out, "", done);
}

/* An answer without a result: its error, or that it was done. */
static int tell_plain(const struct command *c, const json_t *answer, const char *done)
{
	const char *error = json_string_value(json_object_get(answer, "error"));
	int code = code_of(answer);
	if (code != EXIT_OK || error != NULL)
		return fail(c, code, error != NULL ? error : "ftd says no more than that");
	tell_done(c, done);
	return EXIT_OK;
}

/* Prints the result object of an answer; without one, its error. */
static int tell_result(const struct command *c, const json_t *answer, void (*print)(const json_t *, FILE *))
{
	json_t *result = json_object_get(answer, "result");
	if (!json_is_object(result))
		return tell_plain(c, answer, "ftd has nothing to tell");
	if (c->json)
		print_json(c, json_incref(result));
	else
		print(result, c->out);
	return code_of(answer);
}

static int run_status(const struct command *c)
{
	json_t *answer;
	int code = ask(c, json_pack("{s:s}", "verb", "status"), ANSWER_MS, &answer);
	if (code != 0)
		return code;
	const json_t *status = json_object_get(answer, "result");
	const char *state = json_string_value(json_object_get(status, "state"));
	code = tell_result(c, answer, ft_status_print);
	if (code == EXIT_OK && state != NULL && (strcmp(state, "held") == 0 || strcmp(state, "fenced") == 0))
		code = EXIT_STOPPED;
	else if (code == EXIT_OK && !json_is_true(json_object_get(status, "protected")))
		code = EXIT_NOT_PROTECTED;
	json_decref(answer);
	return code;
}

static int run_failover(const struct command *c)
{
	json_t *answer;
	json_t *request = json_pack("{s:s, s:b}", "verb", "failover", "confirm_fenced", c->confirm_fenced);
	int code = ask(c, request, LONG_ANSWER_MS, &answer);
	if (code != 0)
		return code;
	code = tell_result(c, answer, ft_outcome_print);
	json_decref(answer);
	return code;
}

/* With a file that is not without faults, a daemon that runs on an earlier one can be asked all the same. */
static int may_start_by_daemon(const struct command *c, const char *faults, char why[FT_MAY_START_MAX])
{
	char path[FT_SOCKPATH_MAX], *error = NULL;
	int code = find_socket(c, path, &error);
	if (code == EXIT_OK)
		code = ft_may_start_ask(path, c->confirm_fenced, why);
	if (code == EXIT_USAGE || (code == EXIT_NO_DAEMON && c->socket == NULL)) {
		snprintf(why, FT_MAY_START_MAX, "%s", faults != NULL ? faults : "out of memory");
		code = EXIT_USAGE;
	}
	free(error);
	return code;
}

static int run_may_start(const struct command *c)
{
	char why[FT_MAY_START_MAX] = "", *faults = NULL;
	struct ft_config *config = c->socket == NULL ? load_config(c, &faults) : NULL;
	int code = config != NULL ? ft_may_start(config, c->confirm_fenced, why) : may_start_by_daemon(c, faults, why);
	ft_config_free(config);
	free(faults);
	if (code != EXIT_OK)
		return fail(c, code, why);
	tell_done(c, why);
	return EXIT_OK;
}

static int run_reload(const struct command *c)
{
	json_t *answer;
	int code = ask(c, json_pack("{s:s}", "verb", "reload"), ANSWER_MS, &answer);
	if (code != 0)
		return code;
	code = tell_plain(c, answer, "ftd has read its config again");
	json_decref(answer);
	return code;
}

static int run_tune(const struct command *c)
{
	const char *wrong;
	json_t *answer, *request = ft_tune_request(c->false_alarms, c->detection, &wrong);
	if (request == NULL)
		return fail(c, EXIT_USAGE, wrong);
	int code = ask(c, request, ANSWER_MS, &answer);
	if (code != 0)
		return code;
	code = tell_result(c, answer, ft_tune_print);
	json_decref(answer);
	return code;
}

/* ---- check ---- */

static void add_check(json_t *checks, const char *name, const char *result, const char *detail, const char *fix)
{
	json_array_append_new(checks, json_pack("{s:s, s:s, s:o, s:o}", "name", name, "result", result, "detail",
	                                        ft_text_json(detail), "fix", ft_text_json(fix)));
}

static bool is_ok(const char *result)
{
	return result != NULL && (strcmp(result, "ok") == 0 || strcmp(result, "warn") == 0);
}

static void print_checks(const json_t *checks, FILE *out)
{
	size_t i;
	json_t *check;
	json_array_foreach(checks, i, check)
	{
		const char *result = json_string_value(json_object_get(check, "result"));
		const char *name = json_string_value(json_object_get(check, "name"));
		const char *detail = json_string_value(json_object_get(check, "detail"));
		const char *fix = json_string_value(json_object_get(check, "fix"));
		char head[64], r[16], n[32];
		ft_text_clean(r, sizeof(r), result != NULL ? result : "FAIL");
		ft_text_clean(n, sizeof(n), name != NULL ? name : "?");
		snprintf(head, sizeof(head), "%-5s %-11s ", r, n);
		print_lines(out, head, detail != NULL ? detail : "");
		if (fix != NULL && (result == NULL || strcmp(result, "ok") != 0))
			print_lines(out, "                  to do: ", fix);
	}
}

static void print_plan(const json_t *plan, FILE *out)
{
	size_t i;
	json_t *step;
	json_array_foreach(plan, i, step)
	{
		const char *command = json_string_value(json_object_get(step, "command"));
		const char *channel = json_string_value(json_object_get(step, "channel"));
		const char *what = json_string_value(json_object_get(step, "what"));
		char head[64], text[512], clean[512];
		snprintf(head, sizeof(head), "plan  %2zu %.8s", i + 1, channel != NULL ? channel : "?");
		snprintf(text, sizeof(text), "%.200s %.200s", command != NULL ? command : "?",
		         what != NULL ? what : "");
		ft_text_clean(clean, sizeof(clean), text);
		fprintf(out, "%-17s %s\n", head, clean);
	}
}

struct daemon_to_ask {
	char path[FT_SOCKPATH_MAX];
	int answer_ms;
};

/* An arbiter and a power switch that hang are waited for by the daemon; its word on them shall come first. */
static int check_ms(const struct ft_config *config)
{
	const struct ft_arbiter_settings *a = &config->arbiter;
	int ms = ANSWER_MS + a->timeout_ms + (a->fence.agent[0] ? a->fence.delay_ms + a->fence.timeout_ms : 0);
	return ms < LONG_ANSWER_MS ? ms : LONG_ANSWER_MS;
}

/* What can be seen without the daemon: the config. Returns whether there is a socket to ask; a daemon may run on an earlier
 * file than one that is not without faults. */
static bool check_config(const struct command *c, json_t *checks, struct daemon_to_ask *daemon)
{
	daemon->answer_ms = LONG_ANSWER_MS;
	if (c->socket != NULL) {
		snprintf(daemon->path, sizeof(daemon->path), "%s", c->socket);
		return true;
	}
	char *faults = NULL, *error = NULL, text[FT_PATH_MAX + 64];
	struct ft_config_places places;
	struct stat st;
	bool found = find_places(c, &places, &error);
	free(error);
	/* Whose socket it is runs ftd, and what is his may be obeyed. */
	if (found && stat(places.control_socket, &st) == 0 && S_ISSOCK(st.st_mode))
		ft_file_judge_for(st.st_uid);
	struct ft_config *config = load_config(c, &faults);
	if (found)
		snprintf(daemon->path, sizeof(daemon->path), "%s", places.control_socket);
	if (config != NULL) {
		snprintf(text, sizeof(text), "%s is without faults", config->path);
		add_check(checks, "ft.conf", "ok", text, "");
		daemon->answer_ms = check_ms(config);
	} else {
		add_check(checks, "ft.conf", "FAIL", faults != NULL ? faults : "out of memory",
		          "mend these; ftd starts on no doubtful file");
	}
	ft_config_free(config);
	free(faults);
	return found;
}

/* Adds what the daemon has to say; *plan is a new reference or NULL. Returns an exit code. */
static int check_daemon(json_t *checks, const struct daemon_to_ask *daemon, json_t **plan)
{
	char why[FT_CLIENT_ERROR_MAX];
	json_t *answer, *request = json_pack("{s:s}", "verb", "check");
	enum ft_asked asked = ft_client_ask(daemon->path, request, daemon->answer_ms, &answer, why);
	json_decref(request);
	if (asked != FT_ASKED_OK) {
		add_check(checks, "ftd", "FAIL", why, "");
		return exit_code_of(asked);
	}
	add_check(checks, "ftd", "ok", "answers on its control socket", "");
	json_t *result = json_object_get(answer, "result");
	const char *error = json_string_value(json_object_get(answer, "error"));
	if (!json_is_array(json_object_get(result, "checks")))
		add_check(checks, "ftd", "FAIL", error != NULL ? error : "the answer has no checks in it",
		          "see the log of ftd");
	json_array_extend(checks, json_object_get(result, "checks"));
	*plan = json_incref(json_object_get(result, "plan"));
	int code = code_of(answer);
	json_decref(answer);
	return code;
}

static int run_check(const struct command *c)
{
	struct daemon_to_ask daemon;
	json_t *checks = json_array(), *plan = NULL, *check;
	size_t i;
	int code = check_config(c, checks, &daemon) ? check_daemon(checks, &daemon, &plan) : EXIT_FAILED;
	json_array_foreach(checks, i, check)
	{
		if (code == EXIT_OK && !is_ok(json_string_value(json_object_get(check, "result"))))
			code = EXIT_FAILED;
	}
	if (c->json) {
		print_json(c, json_pack("{s:O, s:i, s:o*}", "checks", checks, "code", code, "plan", plan));
	} else {
		print_checks(checks, c->out);
		print_plan(plan, c->out);
		json_decref(plan);
	}
	json_decref(checks);
	return code;
}

/* ---- last ---- */

static int print_outcomes(const struct command *c, json_t *outcomes)
{
	size_t i, n = json_array_size(outcomes);
	json_t *outcome;
	if (c->json && c->n_args > 0) {
		print_json(c, json_incref(outcomes));
	} else if (c->json) {
		print_json(c, n > 0 ? json_incref(json_array_get(outcomes, n - 1)) : json_null());
	} else {
		if (n == 0)
			fprintf(c->out, "no outcome yet\n");
		json_array_foreach(outcomes, i, outcome)
		{
			fprintf(c->out, "%s", i > 0 ? "\n" : "");
			ft_outcome_print(outcome, c->out);
		}
	}
	return EXIT_OK;
}

static int ask_outcomes(const struct command *c, int count)
{
	json_t *answer;
	int code = ask(c, json_pack("{s:s, s:i}", "verb", "last", "count", count), ANSWER_MS, &answer);
	if (code != 0)
		return code;
	json_t *outcomes = json_object_get(answer, "result");
	code = json_is_array(outcomes) ? print_outcomes(c, outcomes) : tell_plain(c, answer, "no outcome yet");
	json_decref(answer);
	return code;
}

/* The file tells as much as the daemon does, and needs none. */
static int run_last(const struct command *c)
{
	char *end = NULL, *error = NULL, text[FT_PATH_MAX + 128];
	long count = c->n_args > 0 ? strtol(c->args[0], &end, 10) : 1;
	int damaged = 0;
	if (count < 1 || count > LAST_MAX || (end != NULL && *end != '\0'))
		return fail(c, EXIT_USAGE, "last: N must be a number, 1 .. 1000");
	struct ft_config_places places;
	bool found = c->socket == NULL && find_places(c, &places, &error);
	free(error);
	if (!found)
		return ask_outcomes(c, (int)count);

	json_t *outcomes = ft_outcomes_read(places.state_dir, (size_t)count, &damaged);
	snprintf(text, sizeof(text), "cannot read the outcomes in %s: %s", places.state_dir, ft_file_error(errno));
	if (outcomes == NULL)
		return fail(c, EXIT_FAILED, text);
	if (damaged > 0)
		fprintf(c->errors, "ftctl: %d damaged lines were skipped\n", damaged);
	int code = print_outcomes(c, outcomes);
	json_decref(outcomes);
	return code;
}

/* ---- without a daemon ---- */

static int run_genkey(const struct command *c)
{
	char *why = NULL;
	size_t size = 0;
	FILE *errors = open_memstream(&why, &size);
	if (errors == NULL)
		return fail(c, EXIT_FAILED, "out of memory");
	int rc = ft_key_generate(c->args[0], errors);
	fclose(errors);
	int code = EXIT_OK;
	if (rc != 0)
		code = fail(c, EXIT_FAILED, why);
	else if (c->json)
		print_json(c, json_pack("{s:o}", "key_file", ft_text_json(c->args[0])));
	else
		fprintf(c->out, "%s is made; copy it to the other host, mode 0600, and name it in key_file on both\n",
		        c->args[0]);
	free(why);
	return code;
}

static int run_version(const struct command *c)
{
	if (c->json)
		print_json(c, json_pack("{s:s}", "version", FT_VERSION));
	else
		fprintf(c->out, "ftctl %s\n", FT_VERSION);
	return EXIT_OK;
}

static const struct verb verbs[] = {
    {"status", run_status, 0, 0, false, "", "where this side stands"},
    {"check", run_check, 0, 0, false, "", "would a failover work right now?"},
    {"failover", run_failover, 0, 0, true, " [--confirm-fenced]", "forced failover; waits for its outcome"},
    {"last", run_last, 0, 1, false, " [N]", "the newest outcome, or the newest N"},
    {"may-start", run_may_start, 0, 0, true, " [--confirm-fenced]", "may this host start this VM as primary?"},
    {"tune", run_tune, 0, 0, false, " [options]", "interval and loss count for this link"},
    {"genkey", run_genkey, 1, 1, false, " FILE", "make a new key file"},
    {"reload", run_reload, 0, 0, false, "", "have ftd read its config again"},
    {"version", run_version, 0, 0, false, "", "of this ftctl"},
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void print_usage(FILE *to)
{
	fprintf(to, "usage: ftctl [-c FILE | -s SOCKET] [--json] VERB\n\n");
	for (size_t i = 0; i < N_VERBS; i++) {
		char left[48];
		snprintf(left, sizeof(left), "%s%s", verbs[i].name, verbs[i].arguments);
		fprintf(to, "  %-28s %s\n", left, verbs[i].help);
	}
	fprintf(to, "\n  -c FILE     the config of the pair, default " DEFAULT_CONFIG "\n"
	            "  -s SOCKET   the control socket of a running ftd, instead of the config's\n"
	            "  --json      one JSON value on standard output, errors too\n"
	            "  --false-alarms N/PERIOD, --detection MS   what tune shall keep; default 1/year, and fast\n"
	            "\nexit: 0 well, 1 failed, 2 usage or config, 3 no daemon, 4 refused, 10 not protected, 11 held or "
	            "fenced, 12 too little data\n");
}

static int usage(const struct command *c, const char *what, const char *which)
{
	char text[256];
	snprintf(text, sizeof(text), "%s%.100s", what, which);
	if (!c->json) {
		fail(c, EXIT_USAGE, text);
		print_usage(c->errors);
		return EXIT_USAGE;
	}
	return fail(c, EXIT_USAGE, text);
}

/* Returns 0, or -1 for an unknown option or one without its value. */
static int parse(int argc, char **argv, struct command *c)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
	                                        {"confirm-fenced", no_argument, NULL, 'f'},
	                                        {"false-alarms", required_argument, NULL, 'a'},
	                                        {"detection", required_argument, NULL, 'd'},
	                                        {"help", no_argument, NULL, 'h'},
	                                        {"version", no_argument, NULL, 'v'},
	                                        {NULL, 0, NULL, 0}};
	int option, faults = 0;
	optind = 0; /* begin anew: tests parse more than once */
	opterr = 0;
	while ((option = getopt_long(argc, argv, "c:s:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			c->config_path = optarg;
			break;
		case 's':
			c->socket = optarg;
			break;
		case 'j':
			c->json = true;
			break;
		case 'f':
			c->confirm_fenced = true;
			break;
		case 'a':
			c->false_alarms = optarg;
			break;
		case 'd':
			c->detection = optarg;
			break;
		case 'h':
			c->help = true;
			break;
		case 'v':
			c->version = true;
			break;
		default:
			faults++; /* go on: a later --json says how to complain */
		}
	}
	c->args = argv + optind;
	c->n_args = argc - optind;
	return faults == 0 ? 0 : -1;
}

static int run(struct command *c)
{
	const char *name = c->n_args > 0 ? c->args[0] : NULL;
	const struct verb *v = NULL;
	for (size_t i = 0; name != NULL && i < N_VERBS && v == NULL; i++)
		if (strcmp(verbs[i].name, name) == 0)
			v = &verbs[i];
	if (name == NULL)
		return usage(c, "no verb given", "");
	if (v == NULL)
		return usage(c, "unknown verb: ", name);
	c->args++;
	c->n_args--;
	if (c->config_path != NULL && c->socket != NULL)
		return usage(c, "either -c or -s, not both", "");
	if (c->socket != NULL && strlen(c->socket) >= FT_SOCKPATH_MAX)
		return usage(c, "the path of a socket has at most 107 bytes: ", c->socket);
	if (c->n_args < v->min_args || c->n_args > v->max_args)
		return usage(c, "wrong number of arguments for ", name);
	if (c->confirm_fenced && !v->takes_confirm)
		return usage(c, "--confirm-fenced means nothing to ", name);
	if ((c->false_alarms != NULL || c->detection != NULL) && v->run != run_tune)
		return usage(c, "--false-alarms and --detection mean nothing to ", name);
	return v->run(c);
}

int ft_ctl_run(int argc, char **argv, FILE *out, FILE *errors)
{
	struct command c = {.out = out, .errors = errors};
	int code = EXIT_OK;
	if (parse(argc, argv, &c) != 0)
		code = usage(&c, "unknown option, or one without its value", "");
	else if (c.help)
		print_usage(out);
	else if (c.version)
		code = run_version(&c);
	else
		code = run(&c);
	if (fflush(out) == 0)
		return code;
	fprintf(errors, "ftctl: cannot write the answer: %s\n", strerror(errno));
	return code == EXIT_OK ? EXIT_FAILED : code;
}
