/* The etcd arbiter against a real etcd: alone and three of them, with servers that die, freeze, lie and lose answers,
 * with TLS and users. */
#include "arbiter/entry.h"
#include "arbiter/etcd_json.h"
#include "arbiter/etcd_version.h"
#include "base/clock.h"
#include "process/process.h"
#include "tests/arbiter/ask.h"
#include "tests/arbiter/race.h"
#include "tests/unit/skip.h"

#include <arpa/inet.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define NODES_MAX 3

struct node {
	pid_t pid;
	int port, peer_port;
};

static char dir[64];
static struct node nodes[NODES_MAX];
static int n_nodes;
static struct event_base *base;
static struct ft_arbiter *arbiter;
static struct ft_arbiter_settings settings;

/* --- A cluster for one test case, and the arbiter of each test --- */

static int free_port(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	close(fd);
	return ntohs(at.sin_port);
}

static void begin_dir(int count)
{
	strcpy(dir, "/tmp/ftd-test-etcd.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	n_nodes = count;
	for (int i = 0; i < count; i++)
		nodes[i] = (struct node){.port = free_port(), .peer_port = free_port()};
}

static pid_t spawn(const char *command)
{
	pid_t parent = getpid(), pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* scheme: of the clients' side. */
static void start_node(int i, const char *scheme, const char *options)
{
	char cluster[256] = "", command[1600];
	for (int n = 0; n < n_nodes; n++) {
		size_t used = strlen(cluster);
		snprintf(cluster + used, sizeof(cluster) - used, "%sn%d=http://127.0.0.1:%d", n > 0 ? "," : "", n,
		         nodes[n].peer_port);
	}
	snprintf(command, sizeof(command),
	         "exec etcd --name n%d --data-dir %s/n%d --listen-client-urls %s://127.0.0.1:%d "
	         "--advertise-client-urls %s://127.0.0.1:%d --listen-peer-urls http://127.0.0.1:%d "
	         "--initial-advertise-peer-urls http://127.0.0.1:%d --initial-cluster %s --initial-cluster-token %s "
	         "--heartbeat-interval 50 --election-timeout 500 --logger zap --log-level error %s >>%s/log 2>&1",
	         i, dir, i, scheme, nodes[i].port, scheme, nodes[i].port, nodes[i].peer_port, nodes[i].peer_port,
	         cluster, dir, options, dir);
	nodes[i].pid = spawn(command);
}

static void stop_nodes(void)
{
	for (int i = 0; i < n_nodes; i++) {
		kill(nodes[i].pid, SIGKILL);
		waitpid(nodes[i].pid, NULL, 0);
	}
	shell("rm -rf %s", dir);
}

static void add_endpoint(const char *scheme, int port)
{
	snprintf(settings.endpoints[settings.n_endpoints++], FT_SETTING_MAX, "%s://127.0.0.1:%d", scheme, port);
}

static void use_settings(void)
{
	ft_arbiter_free(arbiter);
	arbiter = ft_arbiter_new(base, &settings, stderr);
	ck_assert_ptr_nonnull(arbiter);
}

static void use_endpoints(int count, const int ports[])
{
	settings.n_endpoints = 0;
	for (int i = 0; i < count; i++)
		add_endpoint("http", ports[i]);
	use_settings();
}

static void with_timeout(int ms)
{
	settings.timeout_ms = ms;
	use_settings();
}

static void set_up(void)
{
	base = event_base_new();
	arbiter = NULL;
	settings = (struct ft_arbiter_settings){.type = FT_ARBITER_ETCD, .timeout_ms = LONG_MS, .prefix = "/ftd/"};
	for (int i = 0; i < n_nodes; i++)
		add_endpoint("http", nodes[i].port);
	use_settings();
}

static void tear_down(void)
{
	ft_arbiter_free(arbiter);
	event_base_free(base);
}

static void wait_until_it_works(void)
{
	for (int i = 0; i < 20; i++) {
		if (ask_check(base, arbiter).error[0] == '\0')
			return;
		usleep(200000);
	}
	ck_abort_msg("the cluster does not come up: %s", ask_check(base, arbiter).error);
}

static void start_plain(int count)
{
	begin_dir(count);
	for (int i = 0; i < count; i++)
		start_node(i, "http", "");
	set_up();
	for (int i = 0; i < count; i++) {
		use_endpoints(1, &nodes[i].port);
		wait_until_it_works();
	}
	tear_down();
}

static void start_one(void)
{
	start_plain(1);
}

static void start_three(void)
{
	start_plain(3);
}

static struct heard claim(int number, const char *name)
{
	return ask_claim(base, arbiter, number, name);
}

static struct heard look(int number)
{
	return ask_who(base, arbiter, number);
}

static struct heard check(void)
{
	return ask_check(base, arbiter);
}

/* Of the etcd that is installed: whether its reads may be stale. */
static enum ft_etcd_reads installed(char version[64])
{
	const char *upgrade;
	FILE *f = popen("etcd --version | sed -n 's/^etcd Version: //p'", "r");
	ck_assert_ptr_nonnull(fgets(version, 64, f));
	pclose(f);
	version[strcspn(version, "\n")] = '\0';
	return ft_etcd_judge(version, &upgrade);
}

/* What a check warns of but for that. */
static void assert_no_warning(const struct heard *h)
{
	char version[64];
	if (installed(version) != FT_ETCD_READS_STALE) {
		ck_assert_str_eq(h->warning, "");
		return;
	}
	assert_says(h->warning, "issue 20418");
	ck_assert_msg(strchr(h->warning, ';') == strstr(h->warning, "; no right"), "%s", h->warning);
	ck_assert_msg(strchr(strchr(h->warning, ';') + 1, ';') == NULL, "%s", h->warning);
}

/* Registers are for ever, and all tests of a case share a cluster: each takes the number of its own line. */
#define A_SESSION __LINE__

/* A bad server in front of upstream (0: none); returns its port. It ends with the test. */
static int bad_server(const char *mode, int upstream)
{
	int port = free_port(), out[2];
	char port_text[16], upstream_text[16], ready;
	snprintf(port_text, sizeof(port_text), "%d", port);
	snprintf(upstream_text, sizeof(upstream_text), "%d", upstream);
	ck_assert_int_eq(pipe(out), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(out[1], STDOUT_FILENO);
		execlp("python3", "python3", "tests/arbiter/bad_server.py", mode, port_text, upstream_text,
		       (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	ck_assert_msg(read(out[0], &ready, 1) == 1,
	              "tests/arbiter/bad_server.py does not start (run from the top folder)");
	return port;
}

/* --- One server --- */

START_TEST(the_first_to_claim_wins_and_the_next_learns_its_name)
{
	const int s = A_SESSION;
	ck_assert_int_eq(look(s).what, FT_REGISTER_ABSENT);
	ck_assert_int_eq(claim(s, "alpha").claim, FT_CLAIM_WON);
	struct heard h = claim(s, "beta");
	ck_assert_int_eq(h.claim, FT_CLAIM_LOST);
	ck_assert_str_eq(h.name, "alpha");
	ck_assert_str_eq(kept(look(s).name), "alpha");
	ck_assert_int_eq(claim(s, "alpha").claim, FT_CLAIM_WON);
}
END_TEST

START_TEST(a_check_leaves_nothing)
{
	struct heard h = check();
	ck_assert_str_eq(h.error, "");
	assert_no_warning(&h);
	shell("[ -z \"$(ETCDCTL_API=3 etcdctl --endpoints=127.0.0.1:%d get --keys-only --prefix /ftd/check)\" ]",
	      nodes[0].port);
}
END_TEST

/* Debian 12's 3.4.23 is one. */
START_TEST(an_etcd_whose_reads_may_be_stale_is_named_by_a_check)
{
	char version[64], said[96];
	bool stale = installed(version) == FT_ETCD_READS_STALE;
	struct heard h = check();
	ck_assert_str_eq(h.error, "");
	snprintf(said, sizeof(said), "etcd %s may answer", version);
	ck_assert_msg((strstr(h.warning, said) != NULL) == stale, "%s: \"%s\"", version, h.warning);
	ck_assert_msg((strstr(h.warning, "upgrade etcd to 3.") != NULL) == stale, "\"%s\"", h.warning);
}
END_TEST

static long raft_index(void)
{
	char command[256], line[512], *at;
	snprintf(command, sizeof(command),
	         "ETCDCTL_API=3 etcdctl --endpoints=127.0.0.1:%d endpoint status --write-out=json", nodes[0].port);
	FILE *f = popen(command, "r");
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
	pclose(f);
	ck_assert_ptr_nonnull(at = strstr(line, "\"raftIndex\":"));
	return strtol(at + strlen("\"raftIndex\":"), NULL, 10);
}

static long revision(void)
{
	char command[256], line[512], *at;
	snprintf(command, sizeof(command), "ETCDCTL_API=3 etcdctl --endpoints=127.0.0.1:%d get x --write-out=json",
	         nodes[0].port);
	FILE *f = popen(command, "r");
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
	pclose(f);
	ck_assert_ptr_nonnull(at = strstr(line, "\"revision\":"));
	return strtol(at + strlen("\"revision\":"), NULL, 10);
}

/* A read alone, even one in a transaction, may be answered by an old state; what is in the log is answered in its turn. */
START_TEST(what_something_follows_from_is_asked_through_the_log)
{
	const int s = A_SESSION;
	struct heard h = {0};
	ck_assert_int_eq(claim(s, "alpha").claim, FT_CLAIM_WON);
	long changes = revision(), before = raft_index();
	ft_arbiter_read(arbiter, session(s), false, on_looked, &h);
	wait_for(base, &h);
	ck_assert_str_eq(h.name, "alpha");
	ck_assert_int_eq(raft_index(), before);
	ck_assert_str_eq(look(s).name, "alpha");
	ck_assert_int_eq(raft_index(), before + 1);
	ck_assert_int_eq(look(s + 5000).what, FT_REGISTER_ABSENT);
	ck_assert_int_eq(raft_index(), before + 2);
	h = (struct heard){0};
	ft_arbiter_read_verdict(arbiter, session(s), on_looked, &h);
	wait_for(base, &h);
	ck_assert_int_eq(h.what, FT_REGISTER_ABSENT);
	ck_assert_int_eq(raft_index(), before + 3);
	strcpy(settings.pair, "vm9");
	use_settings();
	ck_assert_int_eq(ask_past(base, arbiter).what, FT_REGISTER_ABSENT);
	ck_assert_int_eq(raft_index(), before + 4);
	ck_assert_int_eq(revision(), changes); /* and nothing was written for it */
}
END_TEST

START_TEST(another_prefix_is_another_world)
{
	const int s = A_SESSION;
	ck_assert_int_eq(claim(s, "alpha").claim, FT_CLAIM_WON);
	strcpy(settings.prefix, "other/");
	use_settings();
	ck_assert_int_eq(claim(s, "beta").claim, FT_CLAIM_WON);
}
END_TEST

START_TEST(a_key_that_holds_no_claim_is_nobodys)
{
	const int s = A_SESSION;
	char hex[2 * FT_SESSION_BYTES + 1];
	shell("ETCDCTL_API=3 etcdctl --endpoints=127.0.0.1:%d put /ftd/%s alpha >/dev/null", nodes[0].port,
	      sodium_bin2hex(hex, sizeof(hex), session(s), FT_SESSION_BYTES));
	struct heard h = claim(s, "alpha");
	ck_assert_int_eq(h.claim, FT_CLAIM_UNREACHABLE);
	assert_says(h.error, hex);
	ck_assert_int_eq(look(s).what, FT_REGISTER_UNKNOWN);
}
END_TEST

START_TEST(proxies_of_the_environment_are_ignored)
{
	static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		setenv(names[i], "http://127.0.0.1:1", 1);
	use_settings();
	ck_assert_int_eq(claim(A_SESSION, "alpha").claim, FT_CLAIM_WON);
}
END_TEST

START_TEST(endpoints_that_refuse_or_hang_are_passed_over)
{
	with_timeout(3000);
	use_endpoints(3, (int[]){free_port(), bad_server("hang", 0), nodes[0].port});
	ck_assert_int_eq(claim(A_SESSION, "alpha").claim, FT_CLAIM_WON);
	struct heard h = check();
	ck_assert_str_eq(h.error, "");
	assert_says(h.warning, settings.endpoints[0]);
	assert_says(h.warning, settings.endpoints[1]);
}
END_TEST

/* Who reads the half of them must not take it for all. */
START_TEST(warnings_that_do_not_fit_end_in_dots)
{
	with_timeout(3000);
	use_endpoints(3, (int[]){free_port(), free_port(), nodes[0].port});
	for (int i = 0; i < 2; i++) /* 127.0.0.1, at length */
		snprintf(settings.endpoints[i], FT_SETTING_MAX, "http://%0*d.0.0.1:%d", FT_SETTING_MAX - 24, 177,
		         free_port());
	use_settings();
	struct heard h = check();
	size_t len = strlen(h.warning);
	ck_assert_str_eq(h.error, "");
	ck_assert_uint_eq(len, sizeof(h.warning) - 1);
	ck_assert_str_eq(h.warning + len - 4, " ...");
}
END_TEST

START_TEST(nobody_there_is_unreachable_in_time)
{
	with_timeout(300);
	use_endpoints(2, (int[]){free_port(), free_port()});
	struct heard h = claim(A_SESSION, "alpha");
	ck_assert_int_eq(h.claim, FT_CLAIM_UNREACHABLE);
	assert_says(h.error, "http://127.0.0.1:");
	ck_assert_int_eq(look(A_SESSION).what, FT_REGISTER_UNKNOWN);
	ck_assert_str_ne(kept(check().error), "");
}
END_TEST

START_TEST(an_answer_lost_on_the_way_is_settled_at_the_next_endpoint)
{
	const int s = A_SESSION;
	use_endpoints(2, (int[]){bad_server("lose", nodes[0].port), nodes[0].port});
	ck_assert_int_eq(claim(s, "alpha").claim, FT_CLAIM_WON);
	ck_assert_str_eq(kept(look(s).name), "alpha");
}
END_TEST

START_TEST(a_lost_answer_that_cannot_be_settled_is_unreachable_not_lost)
{
	const int s = A_SESSION;
	with_timeout(700);
	use_endpoints(1, (int[]){bad_server("lose", nodes[0].port)});
	ck_assert_int_eq(claim(s, "alpha").claim, FT_CLAIM_UNREACHABLE);
	with_timeout(LONG_MS);
	use_endpoints(1, &nodes[0].port);
	ck_assert_str_eq(kept(look(s).name), "alpha"); /* it had been carried out */
	ck_assert_int_eq(claim(s, "beta").claim, FT_CLAIM_LOST);
	ck_assert_int_eq(claim(s, "alpha").claim, FT_CLAIM_WON);
}
END_TEST

START_TEST(answers_that_are_not_etcds_count_for_nothing)
{
	static const char *const bodies[] = {
	    "{}",
	    "",
	    "[1]",
	    "not JSON",
	    "{\"succeeded\":true}",
	    "{\"succeeded\":true,\"responses\":[{\"response_put\":{}}]}",
	    "{\"header\":{\"cluster_id\":\"1\"}}",
	    "{\"header\":{\"cluster_id\":\"1\",\"revision\":\"2\"},\"succeeded\":true,\"count\":\"1\"}",
	    ("{\"header\":{\"cluster_id\":\"1\",\"revision\":\"2\"},\"kvs\":[{\"key\":\"YQ==\",\"value\":\"YQ==\"}],"
	     "\"responses\":[{\"response_range\":{\"kvs\":[{\"key\":\"YQ==\",\"value\":\"YQ==\"}],\"count\":\"1\"}}]}"),
	    "{\"header\":{\"cluster_id\":\"1\",\"revision\":\"2\"},\"kvs\":7,\"responses\":{\"response_range\":[]}}",
	    "redirect",
	    "flood"};
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		int port = bad_server(bodies[i], nodes[0].port);
		settings.timeout_ms = 500;
		use_endpoints(1, &port);
		struct heard h = look(1);
		ck_assert_msg(h.what == FT_REGISTER_UNKNOWN, "%s", bodies[i]);
		h = claim(1, "alpha");
		ck_assert_msg(h.claim == FT_CLAIM_UNREACHABLE, "%s", bodies[i]);
		ck_assert_str_ne(kept(check().error), "");
	}
}
END_TEST

/* Until the kernel has stopped every thread: on a busy machine it answers for a while yet. */
static void freeze(pid_t pid)
{
	struct ft_process p;
	ck_assert_int_eq(ft_process_open(pid, &p), 0);
	kill(pid, SIGSTOP);
	for (int i = 0; !ft_process_stopped(&p) && i < 5000; i++)
		usleep(1000);
	ck_assert(ft_process_stopped(&p));
	ft_process_close(&p);
}

START_TEST(a_frozen_server_holds_nobody_up)
{
	const int s = A_SESSION;
	int beats = 0;
	with_timeout(400);
	ck_assert_str_eq(kept(check().error), ""); /* there is a connection to hang on */
	struct event *beat = heartbeat(base, &beats);
	freeze(nodes[0].pid);
	struct heard h = claim(s, "alpha"), seen = look(s), checked = check();
	kill(nodes[0].pid, SIGCONT);
	event_free(beat);
	ck_assert_int_eq(h.claim, FT_CLAIM_UNREACHABLE);
	assert_says(h.error, settings.endpoints[0]);
	ck_assert_int_eq(seen.what, FT_REGISTER_UNKNOWN);
	ck_assert_str_ne(checked.error, "");
	ck_assert_int_ge(beats, 20);
	with_timeout(LONG_MS);
	h = claim(s, "beta"); /* the first claim may have come true meanwhile */
	ck_assert_str_eq(h.name, kept(look(s).name));
}
END_TEST

START_TEST(two_clusters_are_not_one_arbiter)
{
	struct node first = nodes[0];
	char first_dir[64];
	strcpy(first_dir, dir);
	begin_dir(1);
	start_node(0, "http", "");
	use_endpoints(1, &nodes[0].port);
	wait_until_it_works();
	use_endpoints(2, (int[]){first.port, nodes[0].port});
	struct heard h = check();
	stop_nodes();
	strcpy(dir, first_dir);
	assert_says(h.error, "not all of one cluster");
}
END_TEST

START_TEST(a_name_server_that_hangs_holds_nobody_up)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(53)};
	int beats = 0, fd = socket(AF_INET, SOCK_DGRAM, 0);
	inet_pton(AF_INET, "127.0.7.53", &at.sin_addr);
	if (!are_we_root("a name server that hangs"))
		return;
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
		skipped("a name server that hangs", "no mounts of its own here");
		return;
	}
	shell("echo nameserver 127.0.7.53 > %s/resolv.conf && mount --bind %s/resolv.conf \"$(realpath "
	      "/etc/resolv.conf)\"",
	      dir, dir);
	settings.timeout_ms = 300;
	settings.n_endpoints = 1;
	strcpy(settings.endpoints[0], "http://arbiter.example:2379");
	use_settings();
	struct event *beat = heartbeat(base, &beats);
	int64_t before = ft_clock_now();
	ck_assert_int_eq(claim(A_SESSION, "alpha").claim, FT_CLAIM_UNREACHABLE);
	ft_arbiter_free(arbiter);
	arbiter = NULL;
	ck_assert_int_lt(ft_clock_now() - before, 4000 * FT_NS_PER_MS); /* the resolver itself waits for 5 s, twice */
	ck_assert_int_ge(beats, 20);
	event_free(beat);
	ck_assert_int_gt(recv(fd, &at, sizeof(at), MSG_DONTWAIT), 0); /* it was asked */
	close(fd);
}
END_TEST

START_TEST(doubtful_settings_are_refused)
{
	char *text = NULL;
	size_t len = 0;
	FILE *errors = open_memstream(&text, &len);
	strcpy(settings.endpoints[0], "ftp://127.0.0.1:21");
	strcpy(settings.ca_file, "/no/such/file");
	strcpy(settings.cert_file, "/dev/null");
	strcpy(settings.user, "ftd");
	ck_assert_ptr_null(ft_arbiter_new(base, &settings, errors));
	fclose(errors);
	assert_says(text, "ftp://127.0.0.1:21");
	assert_says(text, "arbiter.ca_file /no/such/file: No such file");
	assert_says(text, "cert_key_file: both");
	assert_says(text, "password_file: both");
	free(text);
}
END_TEST

/* --- Three servers --- */

static int leader(void)
{
	char command[256], line[256];
	for (int tries = 0; tries < 100; tries++, usleep(100000)) {
		for (int i = 0; i < n_nodes; i++) {
			snprintf(command, sizeof(command),
			         "ETCDCTL_API=3 etcdctl --command-timeout=2s --endpoints=127.0.0.1:%d endpoint status "
			         "2>/dev/null",
			         nodes[i].port);
			FILE *f = popen(command, "r");
			bool is_leader = fgets(line, sizeof(line), f) != NULL && strstr(line, ", true, false,") != NULL;
			pclose(f);
			if (is_leader)
				return i;
		}
	}
	ck_abort_msg("no leader");
	return -1;
}

/* The endpoints, the leader first. */
static int leader_first(void)
{
	int first = leader(), ports[NODES_MAX];
	for (int i = 0; i < n_nodes; i++)
		ports[i] = nodes[(first + i) % n_nodes].port;
	use_endpoints(n_nodes, ports);
	return first;
}

START_TEST(a_frozen_leader_is_passed_over_and_later_agrees)
{
	const int s = A_SESSION;
	int first = leader_first();
	struct heard checked = check();
	assert_no_warning(&checked);
	freeze(nodes[first].pid);
	struct heard h = claim(s, "alpha");
	kill(nodes[first].pid, SIGCONT);
	ck_assert_msg(h.claim == FT_CLAIM_WON, "%s", h.error);
	use_endpoints(1, &nodes[first].port); /* which knew nothing of it a moment ago */
	h = claim(s, "beta");
	ck_assert_int_eq(h.claim, FT_CLAIM_LOST);
	ck_assert_str_eq(h.name, "alpha");
}
END_TEST

START_TEST(without_a_majority_nobody_wins_and_nothing_is_said_to_be_absent)
{
	const int s = A_SESSION;
	with_timeout(1000);
	freeze(nodes[0].pid);
	freeze(nodes[1].pid);
	struct heard h = claim(s, "alpha"), seen = look(s);
	kill(nodes[0].pid, SIGCONT);
	kill(nodes[1].pid, SIGCONT);
	ck_assert_int_eq(h.claim, FT_CLAIM_UNREACHABLE);
	ck_assert_int_eq(seen.what, FT_REGISTER_UNKNOWN);
	with_timeout(LONG_MS);
	h = claim(s, "alpha");
	ck_assert_msg(h.claim == FT_CLAIM_WON, "%s", h.error);
}
END_TEST

#define RACE_SESSIONS 10000 /* above all lines */

static void race_etcd(struct race *race, int self)
{
	set_up();
	settings.timeout_ms = 1500;
	use_endpoints(3, (int[]){nodes[self % 3].port, nodes[(self + 1) % 3].port, nodes[(self + 2) % 3].port});
	for (int round = race->done[self]; round < race->rounds; round++) {
		struct heard h;
		race_line_up(race, round);
		do
			h = claim(RACE_SESSIONS + round, racer_names[self]);
		while (h.claim == FT_CLAIM_UNREACHABLE);
		race_note(race, self, round, h.name);
	}
	tear_down();
}

/* Now and then a server is frozen, for long enough that the others choose another leader if it was that. */
static void freeze_one(void)
{
	static int turn, frozen;
	if (turn % 10 == 2)
		kill(nodes[frozen = (int)randombytes_uniform(3)].pid, SIGSTOP);
	else if (turn % 10 == 9)
		kill(nodes[frozen].pid, SIGCONT);
	turn++;
}

static const char *etcd_holder(int round)
{
	static struct heard h;
	h = look(RACE_SESSIONS + round);
	ck_assert_msg(h.what == FT_REGISTER_TAKEN, "%s", h.error);
	return h.name;
}

START_TEST(hundreds_of_races_with_servers_freezing_have_one_winner_each)
{
	struct race *race = race_new(300);
	int deaths = race_run(race, race_etcd, 150000, freeze_one);
	for (int i = 0; i < n_nodes; i++)
		kill(nodes[i].pid, SIGCONT);
	ck_assert_int_gt(deaths, 0);
	race_judge(race, etcd_holder);
}
END_TEST

/* Last of its case: that server stays dead. */
START_TEST(a_killed_leader_is_passed_over)
{
	const int s = A_SESSION;
	ck_assert_int_eq(claim(s, "beta").claim, FT_CLAIM_WON);
	int first = leader_first();
	kill(nodes[first].pid, SIGKILL);
	struct heard h = claim(s + 1, "alpha");
	ck_assert_msg(h.claim == FT_CLAIM_WON, "%s", h.error);
	h = claim(s, "alpha");
	ck_assert_int_eq(h.claim, FT_CLAIM_LOST);
	ck_assert_str_eq(h.name, "beta");
	assert_says(check().warning, settings.endpoints[0]);
}
END_TEST

/* --- TLS and users --- */

#define SERVER_OPTIONS                                                                                                 \
	"--cert-file %s/server.pem --key-file %s/server.key --client-cert-auth --trusted-ca-file %s/ca.pem "           \
	"--auth-token-ttl 2"
#define CTL                                                                                                            \
	"ETCDCTL_API=3 etcdctl --endpoints=https://127.0.0.1:%d --cacert=%s/ca.pem --cert=%s/client.pem "              \
	"--key=%s/client.key "
#define CTL_ARGS nodes[0].port, dir, dir, dir

static void make_certificate(const char *name, const char *subject)
{
	shell("cd %s && openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '%s' -keyout %s.key "
	      "-out %s.csr 2>>openssl.log && openssl x509 -req -in %s.csr -CA ca.pem -CAkey ca.key -CAcreateserial "
	      "-days 2 "
	      "-extfile extensions -out %s.pem 2>>openssl.log",
	      dir, subject, name, name, name, name);
}

static void make_certificates(void)
{
	shell(
	    "cd %s && printf 'subjectAltName=IP:127.0.0.1\\nextendedKeyUsage=serverAuth,clientAuth\\n' > extensions && "
	    "for ca in ca other; do openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
	    "-subj /O=$ca -keyout $ca.key -out $ca.pem 2>>openssl.log || exit 1; done",
	    dir);
	make_certificate("server", "/O=server");
	make_certificate("client", "/O=client");
	make_certificate("named", "/CN=client");
	shell("cd %s && umask 077 && echo secret > password && echo wrong > wrong", dir);
}

static void start_tls_node(void)
{
	char options[512];
	snprintf(options, sizeof(options), SERVER_OPTIONS, dir, dir, dir);
	start_node(0, "https", options);
}

static void set_file(char to[FT_SETTING_MAX], const char *name)
{
	snprintf(to, FT_SETTING_MAX, "%s/%s", dir, name);
}

static void set_up_tls(void)
{
	set_up();
	settings.n_endpoints = 0;
	add_endpoint("https", nodes[0].port);
	set_file(settings.ca_file, "ca.pem");
	set_file(settings.cert_file, "client.pem");
	set_file(settings.cert_key_file, "client.key");
	set_file(settings.password_file, "password");
	strcpy(settings.user, "ftd");
	use_settings();
}

static void start_tls(void)
{
	begin_dir(1);
	make_certificates();
	start_tls_node();
	set_up_tls();
	settings.user[0] = settings.password_file[0] = '\0';
	use_settings();
	wait_until_it_works();
	tear_down();
	shell("{ " CTL "user add root:root; " CTL "user add ftd:secret; " CTL "role add ftd; " CTL
	      "role grant-permission ftd --prefix=true readwrite /ftd/; " CTL "user grant-role ftd ftd; " CTL
	      "user grant-role root root; " CTL "auth enable; } >/dev/null",
	      CTL_ARGS, CTL_ARGS, CTL_ARGS, CTL_ARGS, CTL_ARGS, CTL_ARGS, CTL_ARGS);
}

START_TEST(tls_client_certificate_and_user_work_together)
{
	const int s = A_SESSION;
	struct heard h = check();
	ck_assert_str_eq(h.error, "");
	assert_no_warning(&h);
	ck_assert_int_eq(claim(s, "alpha").claim, FT_CLAIM_WON);
	ck_assert_int_eq(claim(s, "beta").claim, FT_CLAIM_LOST);
	ck_assert_str_eq(kept(look(s).name), "alpha");
}
END_TEST

START_TEST(a_token_that_has_expired_is_renewed)
{
	const int s = A_SESSION;
	ck_assert_int_eq(claim(s, "alpha").claim, FT_CLAIM_WON);
	sleep(5); /* it lives for 2 s beyond its last use, and the dead are looked for every second */
	struct heard h = claim(s, "beta");
	ck_assert_msg(h.claim == FT_CLAIM_LOST, "%s", h.error);
	sleep(5);
	ck_assert_str_eq(kept(look(s).name), "alpha");
	sleep(5);
	ck_assert_str_eq(kept(check().error), "");
}
END_TEST

/* A busy machine takes longer for a login over TLS than a question may last, which says nothing of tokens. */
static bool too_slow(const struct heard *h)
{
	return strstr(h->error, "timed out");
}

START_TEST(a_token_that_has_expired_fails_no_question_beside_another)
{
	const int s = A_SESSION;
	struct heard checked, claimed, looked;
	ck_assert_int_eq(claim(s, "alpha").claim, FT_CLAIM_WON);
	for (int tries = 0; tries < 20; tries++) {
		checked = claimed = looked = (struct heard){0};
		sleep(5);
		ft_arbiter_check(arbiter, on_checked, &checked);
		ft_arbiter_read(arbiter, session(s), true, on_looked, &looked);
		ft_arbiter_claim(arbiter, session(s), "beta", on_claimed, &claimed);
		while (!checked.told || !looked.told || !claimed.told)
			ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
		if (!too_slow(&checked) && !too_slow(&looked) && !too_slow(&claimed))
			break;
	}
	ck_assert_str_eq(checked.error, "");
	ck_assert_msg(claimed.claim == FT_CLAIM_LOST, "%s", claimed.error);
	ck_assert_msg(looked.what == FT_REGISTER_TAKEN, "%s", looked.error);
}
END_TEST

START_TEST(a_token_that_has_grown_old_is_renewed)
{
	const int s = A_SESSION;
	ck_assert_int_eq(claim(s, "alpha").claim, FT_CLAIM_WON);
	shell(CTL "--user root:root user add someone%d:else >/dev/null", CTL_ARGS, (int)getpid());
	ck_assert_int_eq(claim(s, "beta").claim, FT_CLAIM_LOST); /* the users have changed: an old token is refused */
	kill(nodes[0].pid, SIGKILL);
	usleep(100000);
	start_tls_node(); /* which has forgotten all tokens */
	struct heard h = claim(s, "beta");
	pid_t pid = nodes[0].pid; /* a child of this test's process: it ends with it, so the next one needs another */
	ck_assert_msg(h.claim == FT_CLAIM_LOST, "%s", h.error);
	ck_assert_str_eq(kept(look(s).name), "alpha");
	kill(pid, SIGKILL);
}
END_TEST

static void assert_refused(const char *words)
{
	settings.timeout_ms = 5000;
	use_settings();
	struct heard h = claim(1, "alpha");
	ck_assert_int_eq(h.claim, FT_CLAIM_UNREACHABLE);
	assert_says(h.error, words);
	assert_says(check().error, words);
	ck_assert_int_eq(look(1).what, FT_REGISTER_UNKNOWN);
}

START_TEST(a_wrong_password_is_named)
{
	set_file(settings.password_file, "wrong");
	assert_refused("authentication failed");
}
END_TEST

START_TEST(a_missing_user_is_named)
{
	settings.user[0] = settings.password_file[0] = '\0';
	assert_refused("set user and password_file");
}
END_TEST

START_TEST(a_prefix_that_is_not_granted_is_named)
{
	strcpy(settings.prefix, "/elsewhere/");
	assert_refused("permission denied");
	assert_refused("readwrite on the prefix");
}
END_TEST

START_TEST(a_client_certificate_with_a_common_name_is_named)
{
	set_file(settings.cert_file, "named.pem");
	set_file(settings.cert_key_file, "named.key");
	assert_refused("has no CN");
}
END_TEST

START_TEST(a_server_of_another_ca_is_not_believed)
{
	settings.timeout_ms = 1000;
	set_file(settings.ca_file, "other.pem");
	use_settings();
	struct heard h = claim(1, "alpha");
	ck_assert_int_eq(h.claim, FT_CLAIM_UNREACHABLE);
	assert_says(h.error, "certificate");
}
END_TEST

START_TEST(without_a_client_certificate_there_is_no_answer)
{
	settings.timeout_ms = 1000;
	settings.cert_file[0] = settings.cert_key_file[0] = '\0';
	use_settings();
	ck_assert_int_eq(claim(1, "alpha").claim, FT_CLAIM_UNREACHABLE);
}
END_TEST

START_TEST(a_password_that_others_can_read_is_refused)
{
	char *text = NULL;
	size_t len = 0;
	FILE *errors = open_memstream(&text, &len);
	shell("echo secret > %s/open && chmod 644 %s/open", dir, dir);
	set_file(settings.password_file, "open");
	ck_assert_ptr_null(ft_arbiter_new(base, &settings, errors));
	fclose(errors);
	assert_says(text, "chmod 600");
	free(text);
}
END_TEST

static struct heard mark_as(const char *node, const char *peer, uint64_t mark)
{
	strcpy(settings.pair, "vm1");
	strcpy(settings.node, node);
	strcpy(settings.peer, peer);
	use_settings();
	return ask_mark(base, arbiter, mark);
}

static void mark_both(uint64_t first)
{
	mark_as("alpha", "beta", first);
	ck_assert_uint_eq(mark_as("beta", "alpha", UINT64_MAX).mark, first);
	ck_assert_uint_eq(mark_as("alpha", "beta", first + 1).mark, UINT64_MAX);
	ck_assert_uint_eq(mark_as("beta", "alpha", 7).mark, first + 1);
}

START_TEST(each_node_finds_the_others_mark)
{
	strcpy(settings.prefix, "/marks/");
	ck_assert_uint_eq(mark_as("alpha", "beta", 1).mark, 0);
	mark_both(0x0123456789abcdef);
	strcpy(settings.prefix, "/others/");
	ck_assert_uint_eq(mark_as("alpha", "beta", 2).mark, 0);
	ck_assert_str_eq(kept(ask_mark(base, arbiter, 3).error), "");
}
END_TEST

static struct heard past_for(const char *peer)
{
	strcpy(settings.pair, "vm1");
	strcpy(settings.node, "alpha");
	strcpy(settings.peer, peer);
	use_settings();
	return ask_past(base, arbiter);
}

/* A host that has lost its disk knows no peer: then any mark of the pair's tells that there was one. */
START_TEST(the_marks_tell_of_the_pairs_past)
{
	strcpy(settings.prefix, "/past/");
	ck_assert_int_eq(past_for("").what, FT_REGISTER_ABSENT);
	mark_as("alpha", "beta", 3);
	mark_as("beta", "alpha", 7);
	mark_as("gamma", "alpha", 8); /* which has left the pair */
	struct heard h = past_for("beta");
	ck_assert_int_eq(h.what, FT_REGISTER_TAKEN);
	ck_assert_uint_eq(h.epoch, 7);
	ck_assert_str_eq(h.name, "beta");
	ck_assert_uint_eq(past_for("").epoch, 8);
	strcpy(settings.prefix, "/pas");
	ck_assert_int_eq(past_for("").what, FT_REGISTER_ABSENT);
}
END_TEST

START_TEST(a_mark_without_a_server_is_told_in_time)
{
	int nobody = free_port();
	with_timeout(300);
	use_endpoints(1, &nobody);
	assert_says(mark_as("alpha", "beta", 1).error, "127.0.0.1");
}
END_TEST

START_TEST(a_mark_needs_no_more_rights_than_a_claim)
{
	mark_both(21);
}
END_TEST

/* --- */

static TCase *add_case(Suite *s, const char *name, SFun start, SFun each)
{
	TCase *t = tcase_create(name);
	tcase_add_unchecked_fixture(t, start, stop_nodes);
	tcase_add_checked_fixture(t, each, tear_down);
	tcase_set_timeout(t, 120);
	suite_add_tcase(s, t);
	return t;
}

int main(void)
{
	if (system("command -v etcd etcdctl openssl python3 >/dev/null") != 0) {
		printf("skipped: all of test_arbiter_etcd: Debian's etcd-server, etcd-client, openssl and python3 are "
		       "needed\n");
		return skips_are_failures() ? 1 : 0;
	}
	Suite *s = suite_create("arbiter etcd");
	TCase *one = add_case(s, "one", start_one, set_up);
	tcase_add_test(one, the_first_to_claim_wins_and_the_next_learns_its_name);
	tcase_add_test(one, a_check_leaves_nothing);
	tcase_add_test(one, an_etcd_whose_reads_may_be_stale_is_named_by_a_check);
	tcase_add_test(one, what_something_follows_from_is_asked_through_the_log);
	tcase_add_test(one, another_prefix_is_another_world);
	tcase_add_test(one, each_node_finds_the_others_mark);
	tcase_add_test(one, the_marks_tell_of_the_pairs_past);
	tcase_add_test(one, a_mark_without_a_server_is_told_in_time);
	tcase_add_test(one, a_key_that_holds_no_claim_is_nobodys);
	tcase_add_test(one, proxies_of_the_environment_are_ignored);
	tcase_add_test(one, endpoints_that_refuse_or_hang_are_passed_over);
	tcase_add_test(one, warnings_that_do_not_fit_end_in_dots);
	tcase_add_test(one, nobody_there_is_unreachable_in_time);
	tcase_add_test(one, an_answer_lost_on_the_way_is_settled_at_the_next_endpoint);
	tcase_add_test(one, a_lost_answer_that_cannot_be_settled_is_unreachable_not_lost);
	tcase_add_test(one, answers_that_are_not_etcds_count_for_nothing);
	tcase_add_test(one, a_frozen_server_holds_nobody_up);
	tcase_add_test(one, two_clusters_are_not_one_arbiter);
	tcase_add_test(one, a_name_server_that_hangs_holds_nobody_up);
	tcase_add_test(one, doubtful_settings_are_refused);
	TCase *three = add_case(s, "three", start_three, set_up);
	tcase_add_test(three, a_frozen_leader_is_passed_over_and_later_agrees);
	tcase_add_test(three, without_a_majority_nobody_wins_and_nothing_is_said_to_be_absent);
	tcase_add_test(three, hundreds_of_races_with_servers_freezing_have_one_winner_each);
	tcase_add_test(three, a_killed_leader_is_passed_over);
	TCase *tls = add_case(s, "tls", start_tls, set_up_tls);
	tcase_add_test(tls, tls_client_certificate_and_user_work_together);
	tcase_add_test(tls, a_mark_needs_no_more_rights_than_a_claim);
	tcase_add_test(tls, a_wrong_password_is_named);
	tcase_add_test(tls, a_missing_user_is_named);
	tcase_add_test(tls, a_prefix_that_is_not_granted_is_named);
	tcase_add_test(tls, a_client_certificate_with_a_common_name_is_named);
	tcase_add_test(tls, a_server_of_another_ca_is_not_believed);
	tcase_add_test(tls, without_a_client_certificate_there_is_no_answer);
	tcase_add_test(tls, a_password_that_others_can_read_is_refused);
	tcase_add_test(tls, a_token_that_has_expired_is_renewed);
	tcase_add_test(tls, a_token_that_has_expired_fails_no_question_beside_another);
	tcase_add_test(tls, a_token_that_has_grown_old_is_renewed); /* last: the server does not outlive it */
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
