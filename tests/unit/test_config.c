/* ft.conf: what is accepted, what it becomes, and that every fault is told with its line and what is allowed. */
#include "base/file.h"
#include "base/secret.h"
#include "config/config.h"
#include "tests/unit/skip.h"

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <grp.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define KEY_A         "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define KEY_B         "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define ZEROS         "0000000000000000000000000000000000000000000000000000000000000000"
#define LENGTH(array) ((int)(sizeof(array) / sizeof((array)[0])))

static char folder[] = "/tmp/ftd-test-config-XXXXXX";
static char said[8192]; /* the faults of the last load, each line without the path of ft.conf and its colon */

/* A good file; the key file's path is put in for KEY. */
static const char *const good[] = {
    "pair = \"vm1\";",                                                       /* line 1 */
    "node = \"Alpha\";",                                                     /* 2 */
    "state_dir = \"/var/lib/ftd/x\";",                                       /* 3 */
    "heartbeat: {",                                                          /* 4 */
    "  key_file = \"KEY\";",                                                 /* 5 */
    "  interval_ms = 20;",                                                   /* 6 */
    "  lost_after = 7;",                                                     /* 7 */
    "  links = ( { local = \"10.0.0.1:7400\"; peer = \"10.0.0.2:7401\"; },", /* 8 */
    "  { local = \"[fd00::1]:7400\"; peer = \"[fd00::2]:7401\"; }",          /* 9 */
    "  );",                                                                  /* 10 */
    "};",                                                                    /* 11 */
    "qmp: {",                                                                /* 12 */
    "  socket = \"/run/q\";",                                                /* 13 */
    "  oob_socket = \"/run/o\";",                                            /* 14 */
    "  reply_timeout_ms = 300;",                                             /* 15 */
    "};",                                                                    /* 16 */
    "arbiter: {",                                                            /* 17 */
    "  type = \"none\";",                                                    /* 18 */
    "  timeout_ms = 40;",                                                    /* 19 */
    "};",                                                                    /* 20 */
    "failover: { guard_ms = 30; };",                                         /* 21 */
    "report: {",                                                             /* 22 */
    "  hook = [ \"/bin/sh\", \"-c\", \"true\" ];",                           /* 23 */
    "  hook_timeout_ms = 500;",                                              /* 24 */
    "};",                                                                    /* 25 */
    "control: {",                                                            /* 26 */
    "  socket = \"/run/c\";",                                                /* 27 */
    "  mode = \"0600\";",                                                    /* 28 */
    "};",                                                                    /* 29 */
    "realtime = false;",                                                     /* 30 */
    "watchdog_device = \"\";",                                               /* 31 */
    "log: { level = \"debug\"; };",                                          /* 32 */
};

/* The same pointer for the same name, good for the whole test. */
static const char *in_folder(const char *name)
{
	static char paths[32][sizeof(folder) + 32];
	static int n;

	for (int i = 0; i < n; i++)
		if (strcmp(paths[i] + strlen(folder) + 1, name) == 0)
			return paths[i];
	ck_assert_int_lt(n, LENGTH(paths));
	ck_assert_int_lt(snprintf(paths[n], sizeof(paths[n]), "%s/%s", folder, name), (int)sizeof(paths[n]));
	return paths[n++];
}

static const char *write_bytes(const char *name, const char *text, size_t len, mode_t mode)
{
	const char *path = in_folder(name);
	FILE *f;

	(void)remove(path);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(text, 1, len, f), len);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
	return path;
}

static const char *write_text(const char *name, const char *text, mode_t mode)
{
	return write_bytes(name, text, strlen(text), mode);
}

/* Puts text in for every KEY of line. */
static void put_line(FILE *f, const char *line)
{
	for (const char *key; (key = strstr(line, "KEY")); line = key + 3)
		(void)fprintf(f, "%.*s%s", (int)(key - line), line, in_folder("key"));
	(void)fprintf(f, "%s\n", line);
}

/* The good file with one line replaced (line 0: none). */
static const char *write_with(int line, const char *text)
{
	const char *path = in_folder("ft.conf");
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	for (int i = 0; i < LENGTH(good); i++)
		put_line(f, i + 1 == line ? text : good[i]);
	ck_assert_int_eq(fclose(f), 0);
	return path;
}

static struct ft_config *load(const char *path)
{
	char *text = NULL;
	size_t size = 0;
	FILE *errors = open_memstream(&text, &size);
	char prefix[160];
	size_t used = 0;

	ck_assert_ptr_nonnull(errors);
	struct ft_config *c = ft_config_load(path, errors);
	ck_assert_int_eq(fclose(errors), 0);
	(void)snprintf(prefix, sizeof(prefix), "%s:", path);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		size_t skip = strncmp(line, prefix, strlen(prefix)) == 0 ? strlen(prefix) : 0;
		used += (size_t)snprintf(said + used, sizeof(said) - used, "%s\n", line + skip);
		ck_assert_uint_lt(used, sizeof(said));
	}
	said[used] = '\0';
	free(text);
	ck_assert_msg(!c == (used > 0), "a config and faults, or neither: %s", said);
	return c;
}

static struct ft_config *load_good(const char *path)
{
	struct ft_config *c = load(path);

	ck_assert_msg(c != NULL, "%s", said);
	return c;
}

/* One fault and no other, at that line (0: of the file as a whole), with these words, and what is allowed behind a semicolon. */
static void expect_fault(const char *path, int line, const char *words)
{
	char place[16] = " ";

	ck_assert_ptr_null(load(path));
	if (line > 0)
		(void)snprintf(place, sizeof(place), "%d: ", line);
	ck_assert_msg(strncmp(said, place, strlen(place)) == 0, "not at line %d: %s", line, said);
	ck_assert_msg(strstr(said, words) != NULL, "no \"%s\" in: %s", words, said);
	ck_assert_msg(strchr(said, '\n') == said + strlen(said) - 1, "more than one fault: %s", said);
	ck_assert_msg(strstr(said, "; ") != NULL, "nothing about what is allowed: %s", said);
}

struct bad {
	int line;
	const char *text;
	const char *words;
};

static void expect_faults(const struct bad *bad, int n)
{
	for (int i = 0; i < n; i++)
		expect_fault(write_with(bad[i].line, bad[i].text), bad[i].line, bad[i].words);
}

static void make_folder(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

/* Before every test: some spoil it. */
static void make_key(void)
{
	(void)write_text("key", KEY_A "\n", 0600);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static void remove_folder(void)
{
	(void)nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

START_TEST(every_setting_lands)
{
	struct ft_config *c = load_good(write_with(0, NULL));

	ck_assert_str_eq(c->path, in_folder("ft.conf"));
	ck_assert_str_eq(c->pair, "vm1");
	ck_assert_str_eq(c->node, "Alpha");
	ck_assert_str_eq(c->state_dir, "/var/lib/ftd/x");
	ck_assert_str_eq(c->key_file, in_folder("key"));
	ck_assert_int_eq(c->heartbeat.n_keys, 1);
	ck_assert_int_eq(c->heartbeat.interval_ms, 20);
	ck_assert_int_eq(c->heartbeat.lost_after, 7);
	ck_assert_str_eq(c->qmp.socket, "/run/q");
	ck_assert_str_eq(c->qmp.oob_socket, "/run/o");
	ck_assert_int_eq(c->qmp.reply_timeout_ms, 300);
	ck_assert_int_eq(c->arbiter.type, FT_ARBITER_NONE);
	ck_assert_int_eq(c->arbiter.timeout_ms, 40);
	ck_assert_int_eq(c->guard_ms, 30);
	ck_assert_int_eq(c->hook.argc, 3);
	ck_assert_str_eq(c->hook.argv[0], "/bin/sh");
	ck_assert_str_eq(c->hook.argv[2], "true");
	ck_assert_ptr_null(c->hook.argv[3]);
	ck_assert_int_eq(c->hook.timeout_ms, 500);
	ck_assert_str_eq(c->control_socket, "/run/c");
	ck_assert_uint_eq(c->control_mode, 0600);
	ck_assert_uint_eq(c->control_gid, (gid_t)-1);
	ck_assert(!c->realtime);
	ck_assert_str_eq(c->watchdog_device, "");
	ck_assert_int_eq(c->log_level, FT_LOG_DEBUG);
	ft_config_free(c);
}
END_TEST

START_TEST(what_is_left_out_has_its_default)
{
	char text[1024], host[256];

	(void)snprintf(text, sizeof(text),
	               "pair = \"p.1_x-y\"; heartbeat: { key_file = \"%s\";"
	               "links = ({ local = \"10.0.0.1:1\"; peer = \"10.0.0.2:65535\"; }); };"
	               "qmp: { socket = \"/q\"; oob_socket = \"/o\"; }; arbiter: { type = \"none\"; };",
	               in_folder("key"));
	struct ft_config *c = load_good(write_text("small.conf", text, 0644));
	ck_assert_int_eq(gethostname(host, sizeof(host)), 0);
	ck_assert_str_eq(c->node, host);
	ck_assert_str_eq(c->state_dir, "/var/lib/ftd/p.1_x-y");
	ck_assert_int_eq(c->heartbeat.interval_ms, 100);
	ck_assert_int_eq(c->heartbeat.lost_after, 5);
	ck_assert_int_eq(c->qmp.reply_timeout_ms, 1000);
	ck_assert_int_eq(c->arbiter.timeout_ms, 1000);
	ck_assert_int_eq(c->guard_ms, 20);
	ck_assert_int_eq(c->hook.argc, 0);
	ck_assert_int_eq(c->hook.timeout_ms, 10000);
	ck_assert_str_eq(c->control_socket, "/run/ftd/p.1_x-y.sock");
	ck_assert_uint_eq(c->control_mode, 0660);
	ck_assert_uint_eq(c->control_gid, (gid_t)-1);
	ck_assert_int_eq(c->log_level, FT_LOG_INFO);
	ft_config_free(c);
}
END_TEST

START_TEST(links_become_socket_addresses)
{
	struct ft_config *c = load_good(write_with(0, NULL));
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&c->heartbeat.links[0].local;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&c->heartbeat.links[1].peer;

	ck_assert_int_eq(c->heartbeat.n_links, 2);
	ck_assert_str_eq(c->heartbeat.links[0].local_text, "10.0.0.1:7400");
	ck_assert_str_eq(c->heartbeat.links[1].peer_text, "[fd00::2]:7401");
	ck_assert_int_eq(v4->sin_family, AF_INET);
	ck_assert_uint_eq(c->heartbeat.links[0].local_len, sizeof(*v4));
	ck_assert_uint_eq(ntohl(v4->sin_addr.s_addr), 0x0a000001);
	ck_assert_uint_eq(ntohs(v4->sin_port), 7400);
	ck_assert_int_eq(v6->sin6_family, AF_INET6);
	ck_assert_uint_eq(c->heartbeat.links[1].peer_len, sizeof(*v6));
	ck_assert_uint_eq(v6->sin6_addr.s6_addr[0], 0xfd);
	ck_assert_uint_eq(v6->sin6_addr.s6_addr[15], 2);
	ck_assert_uint_eq(ntohs(v6->sin6_port), 7401);
	ck_assert_uint_eq(v6->sin6_scope_id, 0);
	ft_config_free(c);

	c = load_good(write_with(9, "{ local = \"[fe80::1%lo]:7400\"; peer = \"[fe80::2%lo]:7400\"; }"));
	v6 = (const struct sockaddr_in6 *)&c->heartbeat.links[1].local;
	ck_assert_uint_ne(v6->sin6_scope_id, 0);
	ft_config_free(c);
}
END_TEST

/* Such a link is down, and no reason not to start. */
START_TEST(a_link_may_name_an_interface_that_is_missing)
{
	struct ft_config *c =
	    load_good(write_with(9, "{ local = \"[fe80::1%nosuchif]:7400\"; peer = \"[fe80::2%nosuchif]:7400\"; },"
	                            "{ local = \"[fe80::1%northis]:7400\"; peer = \"[fe80::2%northis]:7400\"; }"));

	ck_assert_int_eq(c->heartbeat.n_links, 3);
	ck_assert_str_eq(c->heartbeat.links[1].local_text, "[fe80::1%nosuchif]:7400");
	ck_assert_uint_eq(((const struct sockaddr_in6 *)&c->heartbeat.links[1].local)->sin6_scope_id, 0);
	ft_config_free(c);
}
END_TEST

START_TEST(a_bad_link_is_told_at_its_line)
{
	static const struct bad bad[] = {
	    {9, "{ local = \"[fd00::1]:7400\"; }", "a link has no peer"},
	    {9, "{ peer = \"[fd00::1]:7400\"; }", "a link has no local"},
	    {9, "{ local = \"[fd00::1]:7400\"; peer = \"[fd00::2]:7400\"; weight = 1; }", "unknown setting \"weight\""},
	    {9, "{ local = 7400; peer = \"[fd00::2]:7400\"; }", "local is an integer, not a string"},
	    {9, "{ local = \"\"; peer = \"[fd00::2]:7400\"; }", "local \"\" has no port"},
	    {9, "{ local = \"localhost:7400\"; peer = \"10.0.0.3:7400\"; }", "not a numeric IPv4"},
	    {9, "{ local = \"10.1:7400\"; peer = \"10.0.0.3:7400\"; }", "not a numeric IPv4"},
	    {9, "{ local = \"10.0.0.3\"; peer = \"10.0.0.4:7400\"; }", "has no port"},
	    {9, "{ local = \"10.0.0.3:0\"; peer = \"10.0.0.4:7400\"; }", "port that is not 1 to 65535"},
	    {9, "{ local = \"10.0.0.3:65536\"; peer = \"10.0.0.4:7400\"; }", "port that is not 1 to 65535"},
	    {9, "{ local = \"10.0.0.3:+1\"; peer = \"10.0.0.4:7400\"; }", "port that is not 1 to 65535"},
	    {9, "{ local = \"fd00::1:7400\"; peer = \"[fd00::2]:7400\"; }", "IPv6 in brackets"},
	    {9, "{ local = \"[fd00::1]\"; peer = \"[fd00::2]:7400\"; }", "has no port"},
	    {9, "{ local = \"[fd00::x]:7400\"; peer = \"[fd00::2]:7400\"; }", "not a numeric IPv6"},
	    {9, "{ local = \"[fe80::1]:7400\"; peer = \"[fe80::2%lo]:7400\"; }", "link-local"},
	    {9, "{ local = \"[fe80::1%]:7400\"; peer = \"[fe80::2%lo]:7400\"; }", "interface"},
	    {9, "{ local = \"[fe80::1%much.too.long.a.name]:7400\"; peer = \"[fe80::2%lo]:7400\"; }", "interface"},
	    {9, "{ local = \"[fe80::1%none]:7400\"; peer = \"[fe80::1%none]:7400\"; }", "local and peer are both"},
	    {9, "{ local = \"0.0.0.0:7400\"; peer = \"10.0.0.4:7400\"; }", "not the address of one host"},
	    {9, "{ local = \"10.0.0.3:7400\"; peer = \"224.0.0.1:7400\"; }", "not the address of one host"},
	    {9, "{ local = \"[::ffff:10.0.0.3]:7400\"; peer = \"[fd00::2]:7400\"; }", "write it as IPv4"},
	    {9, "{ local = \"[::]:7400\"; peer = \"[fd00::2]:7400\"; }", "not the address of one host"},
	    {9, "{ local = \"10.0.0.3:7400\"; peer = \"[fd00::2]:7400\"; }", "two families"},
	    {9, "{ local = \"10.0.0.3:7400\"; peer = \"10.0.0.3:7400\"; }", "local and peer are both"},
	    {9, "{ local = \"10.0.0.1:7400\"; peer = \"10.0.0.4:7400\"; }", "same as in an earlier link"},
	    {9, "5", "an element that is no group"},
	};

	expect_faults(bad, LENGTH(bad));
}
END_TEST

START_TEST(one_to_eight_links)
{
	for (int n = 0; n <= FT_LINKS_MAX + 1; n++) {
		const char *path = in_folder("links.conf");
		FILE *f = fopen(path, "w");
		ck_assert_ptr_nonnull(f);
		put_line(
		    f, "pair = \"p\"; qmp: { socket = \"/q\"; oob_socket = \"/o\"; }; arbiter: { type = \"none\"; };");
		put_line(f, "heartbeat: { key_file = \"KEY\"; links = (");
		for (int i = 1; i <= n; i++)
			(void)fprintf(f, "{ local = \"10.0.%d.1:1\"; peer = \"10.0.%d.2:1\"; }%s", i, i,
			              i < n ? "," : "");
		put_line(f, "); };");
		ck_assert_int_eq(fclose(f), 0);
		if (n < 1 || n > FT_LINKS_MAX) {
			expect_fault(path, 2, "links; a list of 1 to 8 links");
			continue;
		}
		struct ft_config *c = load_good(path);
		ck_assert_int_eq(c->heartbeat.n_links, n);
		ft_config_free(c);
	}
}
END_TEST

START_TEST(a_value_out_of_its_range_is_refused)
{
	static const struct {
		int line, low, high;
		const char *before, *name, *after;
	} ranges[] = {
	    {6, 5, 10000, "", "interval_ms", ""},
	    {7, 2, 100, "", "lost_after", ""},
	    {15, 50, 60000, "", "reply_timeout_ms", ""},
	    {19, 10, 600000, "", "timeout_ms", ""},
	    {21, 0, 10000, "failover: {", "guard_ms", "; }"},
	    {24, 100, 600000, "", "hook_timeout_ms", ""},
	};
	char text[128], words[128];

	for (int i = 0; i < LENGTH(ranges); i++) {
		const int values[] = {ranges[i].low - 1, ranges[i].high + 1, ranges[i].low, ranges[i].high};
		(void)snprintf(words, sizeof(words), "out of range; an integer from %d to %d", ranges[i].low,
		               ranges[i].high);
		for (int v = 0; v < LENGTH(values); v++) {
			(void)snprintf(text, sizeof(text), "%s %s = %d%s;", ranges[i].before, ranges[i].name, values[v],
			               ranges[i].after);
			if (v < 2)
				expect_fault(write_with(ranges[i].line, text), ranges[i].line, words);
			else
				ft_config_free(load_good(write_with(ranges[i].line, text)));
		}
	}
}
END_TEST

START_TEST(a_wrong_value_is_told_at_its_line)
{
	static const struct bad bad[] = {
	    {1, "pair = \"VM1\";", "pair \"VM1\" is no valid name"},
	    {1, "pair = \".vm\";", "is no valid name"},
	    {1, "pair = \"\";", "is no valid name"},
	    {1, "pair = \"a/b\";", "is no valid name"},
	    {1, "pair = \"a\\nb\";", "\"a?b\" is no valid name"},
	    {1, "pair = \"1234567890123456789012345678901234567890123456789012345678901234\";", "at most 63"},
	    {1, "pair = 1;", "pair is an integer, not a string"},
	    {1, "", "pair is missing"},
	    {2, "node = \"a b\";", "node \"a b\" is no valid name"},
	    {3, "state_dir = \"var/lib\";", "begins with /"},
	    {3, "state_dir = \"\";", "begins with /"},
	    {3, "sate_dir = \"/x\";", "unknown setting \"sate_dir\"; known here: pair, node, state_dir"},
	    {6, "interval_ms = \"20\";", "interval_ms is a string; an integer"},
	    {6, "interval_ms = 20.0;", "interval_ms is a floating-point number; an integer"},
	    {6, "interval_ms = true;", "interval_ms is a bool; an integer"},
	    {6, "intervall_ms = 20;", "unknown setting \"intervall_ms\" in heartbeat; known in heartbeat: key_file"},
	    {6, "interval_ms = 4294967396;", "the number 4294967396 is too large"}, /* 2^32 + 100 */
	    {6, "interval_ms = 0x100000064;", "the number 0x100000064 is too large"},
	    {13, "socket = \"q\";", "qmp.socket \"q\" is not an absolute path"},
	    {14, "oob_socket = \"/run/q\";", "oob_socket is the same as qmp.socket"},
	    {15, "disregard = \"chardev mon0\";", "qmp.disregard is a string; an array"},
	    {15, "disregard = [ \"mon0\" ];", "qmp.disregard \"mon0\" is no kind and id; an array"},
	    {15, "disregard = [ \"chardev \" ];", "is no kind and id"},
	    {15, "disregard = [ \"chardevs mon0\" ];", "is no kind and id"},
	    {15, "disregard = [ 1 ];", "no string"},
	    {18, "type = \"zookeeper\";", "\"zookeeper\" is none of the words known; \"none\", \"file\""},
	    {23, "hook = \"/bin/sh\";", "report.hook is a string; an array"},
	    {23, "hook = [ \"sh\" ];", "not an absolute path"},
	    {23, "hook = [ \"/nonexistent/hook\" ];", "No such file"},
	    {23, "hook = [ \"/tmp\" ];", "not a program"},
	    {23, "hook = [ \"KEY\" ];", "not a program"},
	    {23, "hook = ( \"/bin/sh\", 5 );", "no string"},
	    {27, "socket = \"/run/q\";", "one of QEMU's sockets"},
	    {28, "mode = \"0500\";", "control.mode \"0500\" is no valid mode; an octal mode in quotes"},
	    {28, "mode = \"1660\";", "is no valid mode"},
	    {28, "mode = \"0668\";", "is no valid mode"},
	    {28, "mode = 660;", "control.mode is an integer, not a string; an octal mode in quotes"},
	    {28, "group = \"no-such-group-here\";", "no group of this host"},
	    {30, "realtime = 1;", "realtime is an integer; true or false"},
	    {32, "log: { level = \"loud\"; };", "none of the words known; \"error\", \"warn\""},
	    {32, "log = 5;", "log is an integer; a group"},
	};

	expect_faults(bad, LENGTH(bad));
}
END_TEST

START_TEST(a_path_that_would_be_cut_is_refused)
{
	char text[400], fill[300];

	memset(fill, 'x', sizeof(fill));
	(void)snprintf(text, sizeof(text), "socket = \"/%.107s\";", fill); /* 108: no room for the NUL */
	expect_fault(write_with(13, text), 13, "qmp.socket is too long");
	(void)snprintf(text, sizeof(text), "socket = \"/%.106s\";", fill);
	ft_config_free(load_good(write_with(13, text)));
	(void)snprintf(text, sizeof(text), "state_dir = \"/%.255s\";", fill);
	expect_fault(write_with(3, text), 3, "state_dir is too long");
}
END_TEST

/* The good file with another arbiter in line 18, and in line 30 what is to stand beside it. */
static const char *write_arbiter(const char *arbiter, const char *beside)
{
	const char *path = in_folder("ft.conf");
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	for (int i = 0; i < LENGTH(good); i++)
		put_line(f, i + 1 == 18 ? arbiter : i + 1 == 30 ? beside : good[i]);
	ck_assert_int_eq(fclose(f), 0);
	return path;
}

#define TYPE_FILE  "type = \"file\"; path = \"/mnt/shared/ftd\"; "
#define TYPE_ETCD  "type = \"etcd\"; endpoints = [ \"https://10.0.0.9:2379\" ]; "
#define TYPE_FENCE "type = \"fence\"; "
#define A_FENCE    "fence: { agent = \"/bin/sh\"; };"

START_TEST(a_file_arbiter_lands)
{
	/* What is of another type may stand there empty. The folder is not looked at: such storage may hang. */
	struct ft_config *c =
	    load_good(write_arbiter(TYPE_FILE "endpoints = [ ]; prefix = \"\"; ca_file = \"\"; cert_file = \"\";"
	                                      "cert_key_file = \"\"; user = \"\"; password_file = \"\";",
	                            ""));

	ck_assert_int_eq(c->arbiter.type, FT_ARBITER_FILE);
	ck_assert_int_eq(c->arbiter.timeout_ms, 40);
	ck_assert_str_eq(c->arbiter.path, "/mnt/shared/ftd");
	ck_assert_int_eq(c->arbiter.n_endpoints, 0);
	ck_assert_str_eq(c->arbiter.fence.agent, "");
	ft_config_free(c);
}
END_TEST

START_TEST(an_etcd_arbiter_lands)
{
	char text[1024];
	const char *secret = write_text("password", "geheim\n", 0600);

	struct ft_config *c = load_good(write_arbiter(TYPE_ETCD, ""));
	ck_assert_int_eq(c->arbiter.type, FT_ARBITER_ETCD);
	ck_assert_int_eq(c->arbiter.n_endpoints, 1);
	ck_assert_str_eq(c->arbiter.prefix, "/ftd/");
	ck_assert_str_eq(c->arbiter.ca_file, "");
	ck_assert_str_eq(c->arbiter.user, "");
	ft_config_free(c);

	(void)snprintf(
	    text, sizeof(text),
	    "type = \"etcd\"; endpoints = [ \"https://etcd-1.example:2379\", \"http://[fd00::9]:65535\","
	    "\"https://10.0.0.9:1\", \"http://a:1\", \"http://b:1\" ]; prefix = \"/x/\"; ca_file = \"KEY\";"
	    "cert_file = \"%s\"; cert_key_file = \"KEY\"; user = \"u\"; password_file = \"%s\"; path = \"\";",
	    secret, secret);
	c = load_good(write_arbiter(text, ""));
	ck_assert_int_eq(c->arbiter.n_endpoints, 5);
	ck_assert_str_eq(c->arbiter.endpoints[0], "https://etcd-1.example:2379");
	ck_assert_str_eq(c->arbiter.endpoints[1], "http://[fd00::9]:65535");
	ck_assert_str_eq(c->arbiter.endpoints[4], "http://b:1");
	ck_assert_str_eq(c->arbiter.prefix, "/x/");
	ck_assert_str_eq(c->arbiter.ca_file, in_folder("key"));
	ck_assert_str_eq(c->arbiter.cert_file, secret);
	ck_assert_str_eq(c->arbiter.cert_key_file, in_folder("key"));
	ck_assert_str_eq(c->arbiter.user, "u");
	ck_assert_str_eq(c->arbiter.password_file, secret);
	ft_config_free(c);
}
END_TEST

START_TEST(a_fence_lands_beside_every_arbiter)
{
	static const char *const arbiters[] = {TYPE_FENCE, TYPE_FILE, TYPE_ETCD};
	char text[512];
	const char *secret = write_text("password", "geheim", 0400);

	(void)snprintf(text, sizeof(text),
	               "fence: { agent = \"/bin/sh\"; options: { ip = \"10.0.0.250\"; ssl-secure = \"1\";"
	               "password_file = \"%s\"; }; delay_ms = 600000; timeout_ms = 10; };",
	               secret);
	for (int i = 0; i < LENGTH(arbiters); i++) {
		struct ft_config *c = load_good(write_arbiter(arbiters[i], text));
		ck_assert_str_eq(c->arbiter.fence.agent, "/bin/sh");
		ck_assert_int_eq(c->arbiter.fence.n_options, 3);
		ck_assert_str_eq(c->arbiter.fence.options[0].name, "ip");
		ck_assert_str_eq(c->arbiter.fence.options[0].value, "10.0.0.250");
		ck_assert_str_eq(c->arbiter.fence.options[1].name, "ssl-secure");
		ck_assert_str_eq(c->arbiter.fence.options[2].value, secret); /* the path, not what is in it */
		ck_assert_int_eq(c->arbiter.fence.delay_ms, 600000);
		ck_assert_int_eq(c->arbiter.fence.timeout_ms, 10);
		ft_config_free(c);
	}
	struct ft_config *c = load_good(write_arbiter(TYPE_FENCE, A_FENCE));
	ck_assert_int_eq(c->arbiter.fence.n_options, 0);
	ck_assert_int_eq(c->arbiter.fence.delay_ms, 0);
	ck_assert_int_eq(c->arbiter.fence.timeout_ms, 20000);
	ft_config_free(c);
}
END_TEST

START_TEST(an_arbiter_needs_what_its_type_needs)
{
	static const struct bad bad[] = {
	    {17, "type = \"file\";", "arbiter.type \"file\" needs arbiter.path; the absolute path of a folder"},
	    {18, "type = \"file\"; path = \"\";", "needs arbiter.path"},
	    {18, "type = \"file\"; path = \"mnt\";", "arbiter.path \"mnt\" is not an absolute path"},
	    {17, "type = \"etcd\";", "arbiter.type \"etcd\" needs arbiter.endpoints; 1 to 5 URLs"},
	    {18, "type = \"etcd\"; endpoints = [ ];", "needs arbiter.endpoints"},
	    {18, TYPE_ETCD "cert_file = \"KEY\";", "cert_file is given without arbiter.cert_key_file; both"},
	    {18, TYPE_ETCD "cert_key_file = \"KEY\";", "cert_key_file is given without arbiter.cert_file; both"},
	    {18, TYPE_ETCD "user = \"u\";", "arbiter.user is given without arbiter.password_file; both"},
	    {18, TYPE_ETCD "password_file = \"PASSWORD\";", "password_file is given without arbiter.user; both"},
	    {18, TYPE_FENCE, "arbiter.type \"fence\" needs the group fence; "},
	};
	char text[512];

	for (int i = 0; i < LENGTH(bad); i++) {
		const char *mark = strstr(bad[i].text, "PASSWORD");
		(void)snprintf(text, sizeof(text), "%.*s%s%s", mark ? (int)(mark - bad[i].text) : 511, bad[i].text,
		               mark ? write_text("password", "x", 0600) : "", mark ? mark + 8 : "");
		expect_fault(write_with(18, text), bad[i].line, bad[i].words);
	}
}
END_TEST

START_TEST(an_arbiter_brings_watchdog_and_guard)
{
	const char *path = in_folder("guard.conf");
	static const struct {
		int guard_ms;
		const char *words; /* NULL: good */
	} guards[] = {
	    {0, "guard_ms is 0, too short for the primary's freeze"},
	    {4,
	     "guard_ms is 4, too short for the primary's freeze and for two clocks in a detection time of 140 ms; at "
	     "least 5"},
	    {5, NULL},
	    {-1, "out of range"},
	};
	for (int i = 0; i < LENGTH(guards); i++) {
		FILE *f = fopen(path, "w");
		ck_assert_ptr_nonnull(f);
		for (int line = 1; line <= LENGTH(good); line++)
			if (line == 21)
				(void)fprintf(f, "failover: { guard_ms = %d; };\n", guards[i].guard_ms);
			else
				put_line(f, line == 18   ? TYPE_FILE
				            : line == 31 ? "watchdog_device = \"/dev/watchdog\";"
				                         : good[line - 1]);
		ck_assert_int_eq(fclose(f), 0);
		if (guards[i].words) {
			expect_fault(path, 21, guards[i].words);
			continue;
		}
		struct ft_config *c = load_good(path);
		ck_assert_int_eq(c->guard_ms, 5);
		ck_assert_str_eq(c->watchdog_device, "/dev/watchdog");
		ft_config_free(c);
	}
}
END_TEST

/* Two clocks run apart by a thousandth of what they measure; chronyd's slewing is none of it, see base/clock.h. */
START_TEST(the_guard_has_room_for_two_clocks_in_the_detection_time)
{
	static const struct {
		int interval, lost_after, least, standard;
	} times[] = {
	    {5, 2, 5, 20},      {100, 5, 5, 20},    {100, 10, 5, 20},         {1000, 10, 14, 20},
	    {1000, 16, 20, 26}, {1000, 17, 21, 27}, {10000, 100, 1004, 1010}, {1001, 10, 15, 21},
	};
	const char *path = in_folder("guard.conf");
	char words[64];

	for (int i = 0; i < LENGTH(times); i++)
		for (int guard = times[i].least - 1; guard <= times[i].least + 1;
		     guard++) { /* the last: none is given */
			bool given = guard <= times[i].least;
			FILE *f = fopen(path, "w");
			ck_assert_ptr_nonnull(f);
			for (int line = 1; line <= LENGTH(good); line++)
				if (line == 6)
					(void)fprintf(f, "interval_ms = %d;\n", times[i].interval);
				else if (line == 7)
					(void)fprintf(f, "lost_after = %d;\n", times[i].lost_after);
				else if (line == 21)
					(void)fprintf(f, given ? "failover: { guard_ms = %d; };\n" : "\n", guard);
				else
					put_line(f, line == 18 ? TYPE_FILE : good[line - 1]);
			ck_assert_int_eq(fclose(f), 0);
			if (guard < times[i].least) {
				(void)snprintf(words, sizeof(words), "at least %d with an arbiter", times[i].least);
				expect_fault(path, 21, words);
				continue;
			}
			struct ft_config *c = load_good(path);
			ck_assert_int_eq(c->guard_ms, given ? guard : times[i].standard);
			ft_config_free(c);
		}
}
END_TEST

START_TEST(a_doubtful_endpoint_is_refused)
{
	static const char *const bad[][2] = {
	    {"10.0.0.9:2379", "is no http:// or https:// URL"},
	    {"ftp://10.0.0.9:2379", "is no http:// or https:// URL"},
	    {"HTTP://10.0.0.9:2379", "is no http:// or https:// URL"},
	    {"", "is no http:// or https:// URL"},
	    {"http://", "has no port"},
	    {"http://10.0.0.9", "has no port"},
	    {"http://[fd00::9]", "has no port"},
	    {"http://10.0.0.9:", "does not end in a port"},
	    {"http://10.0.0.9:0", "does not end in a port"},
	    {"http://10.0.0.9:65536", "does not end in a port"},
	    {"http://10.0.0.9:2379/", "does not end in a port"},
	    {"http://10.0.0.9:2379/v3", "does not end in a port"},
	    {"http://10.0.0.9:2379?x", "does not end in a port"},
	    {"http://u:p@10.0.0.9:2379", "does not end in a port"},
	    {"http://u@10.0.0.9:2379", "has no good host"},
	    {"http://:2379", "has no good host"},
	    {"http://a b:2379", "has no good host"},
	    {"http://a/b:2379", "has no good host"},
	    {"http://fd00::9:2379", "does not end in a port"},
	    {"http://[fd00::x]:2379", "not a numeric IPv6"},
	    {"http://[fe80::1%eth0]:2379", "not a numeric IPv6"},
	    {"http://[]:2379", "not a numeric IPv6"},
	};
	char text[512], fill[300];

	for (int i = 0; i < LENGTH(bad); i++) {
		(void)snprintf(text, sizeof(text), "type = \"etcd\"; endpoints = [ \"http://a:1\", \"%s\" ];",
		               bad[i][0]);
		expect_fault(write_with(18, text), 18, bad[i][1]);
		ck_assert_ptr_nonnull(strstr(said, "an array of 1 to 5 URLs"));
	}
	expect_fault(write_with(18, "type = \"etcd\"; endpoints = \"http://a:1\";"), 18, "is a string");
	expect_fault(write_with(18, "type = \"etcd\"; endpoints = [ \"http://a:1\", \"http://a:1\", \"http://a:1\","
	                            "\"http://a:1\", \"http://a:1\", \"http://a:1\" ];"),
	             18, "has 6 elements; at most 5");
	memset(fill, 'x', sizeof(fill));
	(void)snprintf(text, sizeof(text), "type = \"etcd\"; endpoints = [ \"http://%.247s:1\" ];", fill);
	expect_fault(write_with(18, text), 18, "is too long"); /* 256: no room for the NUL */
	(void)snprintf(text, sizeof(text), "type = \"etcd\"; endpoints = [ \"http://%.246s:1\" ];", fill);
	ft_config_free(load_good(write_with(18, text)));
}
END_TEST

START_TEST(a_doubtful_file_of_the_arbiter_is_refused)
{
	static const struct bad bad[] = {
	    {18, TYPE_ETCD "ca_file = \"ca.pem\";", "arbiter.ca_file \"ca.pem\" is not an absolute path; "},
	    {18, TYPE_ETCD "ca_file = \"/nonexistent/ca\";", "No such file"},
	    {18, TYPE_ETCD "ca_file = \"/tmp\";", "is not a file that ftd may read"},
	    {18, TYPE_ETCD "cert_file = \"/nonexistent/c\"; cert_key_file = \"KEY\";", "arbiter.cert_file"},
	    {18, TYPE_ETCD "cert_file = \"KEY\"; cert_key_file = \"/nonexistent/c\";", "arbiter.cert_key_file"},
	    {18, TYPE_ETCD "user = \"u\"; password_file = \"/nonexistent/p\";", "No such file"},
	    {18, TYPE_ETCD "user = \"u\"; password_file = \"p\";", "is not an absolute path; "},
	    {18, TYPE_ETCD "user = \"a\\nb\"; password_file = \"KEY\";", "holds other than printable characters; "},
	    {18, TYPE_ETCD "prefix = \"\xff\";", "arbiter.prefix"},
	};
	static const struct {
		const char *text;
		mode_t mode;
		const char *words;
	} secrets[] = {
	    {"x\n", 0640, "can be reached by others; "},
	    {"x\n", 0604, "can be reached by others; "},
	    {"", 0600, "is empty; "},
	    {"x\ny\n", 0600, "a second line; "},
	};
	char text[512];

	expect_faults(bad, LENGTH(bad));
	for (int i = 0; i < LENGTH(secrets); i++) {
		const char *path = write_text("password", secrets[i].text, secrets[i].mode);
		(void)snprintf(text, sizeof(text), TYPE_ETCD "user = \"u\"; password_file = \"%s\";", path);
		expect_fault(write_with(18, text), 18, secrets[i].words);
		(void)snprintf(text, sizeof(text),
		               "fence: { agent = \"/bin/sh\"; options: { password_file = \"%s\"; }; };", path);
		expect_fault(write_arbiter(TYPE_FENCE, text), 30, secrets[i].words);
	}
}
END_TEST

START_TEST(a_doubtful_fence_is_refused)
{
	static const char *const bad[][2] = {
	    {"fence: { };", "fence.agent is missing; "},
	    {"fence: { agent = \"\"; };", "fence.agent \"\" is not an absolute path; "},
	    {"fence: { agent = \"fence_x\"; };", "is not an absolute path"},
	    {"fence: { agent = \"/nonexistent/fence\"; };", "No such file"},
	    {"fence: { agent = \"/tmp\"; };", "is not a program"},
	    {"fence: { agent = \"KEY\"; };", "is not a program"},
	    {"fence: { agent = \"/bin/sh\"; delay_ms = 600001; };", "fence.delay_ms is 600001, out of range"},
	    {"fence: { agent = \"/bin/sh\"; timeout_ms = 9; };", "fence.timeout_ms is 9, out of range"},
	    {"fence: { agent = \"/bin/sh\"; x = 1; };", "unknown setting \"x\" in fence"},
	    {"fence: { agent = \"/bin/sh\"; options = \"ip=1\"; };", "fence.options is a string; a group"},
	    {"fence: { agent = \"/bin/sh\"; options: { ip = 5; }; };", "fence.options.ip is an integer; "},
	    {"fence: { agent = \"/bin/sh\"; options: { action = \"on\"; }; };",
	     "fence.options.action must be left out"},
	    {"fence: { agent = \"/bin/sh\"; options: { i* = \"1\"; }; };", "fence.options.i* is no name"},
	    {"fence: { agent = \"/bin/sh\"; options: { ip = \"1\\naction=on\"; }; };", "ip holds control characters"},
	    {"fence: { agent = \"/bin/sh\"; options: { password_file = \"p\"; }; };", "\"p\" is not an absolute path"},
	};
	char text[4096], fill[300];

	for (int i = 0; i < LENGTH(bad); i++)
		expect_fault(write_arbiter(TYPE_FENCE, bad[i][0]), 30, bad[i][1]);
	memset(fill, 'x', sizeof(fill));
	(void)snprintf(text, sizeof(text), "fence: { agent = \"/bin/sh\"; options: { ip = \"%.256s\"; }; };", fill);
	expect_fault(write_arbiter(TYPE_FENCE, text), 30, "fence.options.\"ip\" is too long");
	(void)snprintf(text, sizeof(text), "fence: { agent = \"/bin/sh\"; options: { %.64s = \"1\"; }; };", fill);
	expect_fault(write_arbiter(TYPE_FENCE, text), 30, "is too long; a name of at most 63");
	size_t used = (size_t)snprintf(text, sizeof(text), "fence: { agent = \"/bin/sh\"; options: {");
	for (int i = 0; i < FT_FENCE_OPTIONS_MAX + 1; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " o%d = \"\";", i);
	(void)snprintf(text + used, sizeof(text) - used, " }; };");
	expect_fault(write_arbiter(TYPE_FENCE, text), 30, "has 33 options; at most 32");
}
END_TEST

START_TEST(a_missing_key_is_told_at_its_group)
{
	expect_fault(write_with(18, ""), 17, "arbiter.type is missing; \"none\", \"file\", \"etcd\" or \"fence\"");
	expect_fault(write_with(13, ""), 12, "qmp.socket is missing");
	expect_fault(write_with(5, ""), 4, "heartbeat.key_file is missing");

	ck_assert_ptr_null(load(write_text("empty.conf", "", 0644)));
	ck_assert_str_eq(said,
	                 "1: pair is missing; at most 63 of a-z 0-9 . _ -, not beginning with a dot\n"
	                 "1: heartbeat.key_file is missing; the absolute path of a file with 64 hex digits, mode "
	                 "0600, or a list of up to 4 such paths\n"
	                 "1: heartbeat.links is missing; a list of 1 to 8 links, ( { local = \"10.0.0.1:7400\"; peer "
	                 "= \"10.0.0.2:7400\"; } )\n"
	                 "1: qmp.socket is missing; the path of a UNIX socket, which begins with /\n"
	                 "1: qmp.oob_socket is missing; the path of a UNIX socket, which begins with /\n"
	                 "1: arbiter.type is missing; \"none\", \"file\", \"etcd\" or \"fence\"; there is no "
	                 "default\n");
}
END_TEST

START_TEST(all_faults_in_one_go)
{
	static const char *const expected[] = {
	    "1: pair ",
	    "2: node ",
	    "4: heartbeat.key_file ",
	    "5: heartbeat.interval_ms ",
	    "6: unknown ",
	    "7: heartbeat.links: local",
	    "8: heartbeat.links: local",
	    "9: log is",
	    "10: unknown ",
	    "1: qmp.socket is missing",
	    "1: qmp.oob_socket is missing",
	    "1: arbiter.type is missing",
	};
	const char *at = said;

	ck_assert_ptr_null(
	    load(write_text("bad.conf",
	                    "pair = \"A\";\nnode = 5;\nheartbeat: {\nkey_file = \"/nonexistent\";\n"
	                    "interval_ms = 1;\nx = 1;\nlinks = ( { local = \"a:1\"; peer = \"10.0.0.2:1\"; },\n"
	                    "{ local = \"10.0.0.1:x\"; peer = \"10.0.0.2:1\"; } ); };\nlog = 1;\ny = 1;\n",
	                    0644)));
	for (int i = 0; i < LENGTH(expected); i++) {
		ck_assert_msg(strncmp(at, expected[i], strlen(expected[i])) == 0, "not \"%s\": %s", expected[i], at);
		at = strchr(at, '\n') + 1;
	}
	ck_assert_str_eq(at, "");
}
END_TEST

START_TEST(a_syntax_error_is_told_at_its_line)
{
	static const struct bad bad[] = {
	    {6, "interval_ms = ;", "syntax error here or just before; "},
	    {6, "interval_ms 20;", "syntax error here or just before; "},
	    {6, "lost_after = 5; lost_after = 5;", "syntax error: duplicate setting name; "},
	    {23, "hook = [ \"/bin/sh\", 5 ];", "syntax error: mismatched element type in array; "},
	    {6, "@include \"/nonexistent/file\"", "syntax error: cannot open include file; "},
	};

	expect_faults(bad, LENGTH(bad));
}
END_TEST

START_TEST(a_fault_in_an_included_file_names_that_file)
{
	char text[256], expected[256];
	const char *inner = write_text("inner.conf", "# the shared part\ninterval_ms = 1;\n", 0644);

	(void)snprintf(text, sizeof(text), "@include \"%s\"", inner);
	(void)snprintf(expected, sizeof(expected), "%s:2: heartbeat.interval_ms is 1, out of range", inner);
	ck_assert_ptr_null(load(write_with(6, text)));
	ck_assert_msg(strncmp(said, expected, strlen(expected)) == 0, "%s", said);

	(void)write_text("inner.conf", "interval_ms = 33;\n", 0644);
	struct ft_config *c = load_good(write_with(6, text));
	ck_assert_int_eq(c->heartbeat.interval_ms, 33);
	ft_config_free(c);
}
END_TEST

START_TEST(an_absurd_include_is_refused)
{
	static const struct bad bad[] = {
	    {6, "@include \"/tmp\"", "/tmp is not a regular file; "},
	    {6, "@include \"/dev/zero\"", "/dev/zero is not a regular file; "},
	    {6, "@include \"relative\"", "@include \"/absolute/path\""},
	    {6, "@include \"/a\\\\b\"", "without a backslash"},
	};
	char text[256];

	expect_faults(bad, LENGTH(bad));
	(void)snprintf(text, sizeof(text), "@include \"%s\"\n", in_folder("loop.conf"));
	ck_assert_ptr_null(load(write_text("loop.conf", text, 0644)));
	ck_assert_ptr_nonnull(strstr(said, "1: too many included files; "));
	/* What only looks like one is none. */
	ft_config_free(load_good(write_with(6, "/*\n@include \"/tmp\"\n99999999999 */ // 99999999999 \"")));
	ft_config_free(load_good(write_with(31, "# \"\n/* \" */ watchdog_device = /* 4294967396 */ \"\";")));
}
END_TEST

START_TEST(a_file_that_is_none_is_refused)
{
	static char large[(1 << 20) + 1];

	expect_fault("/nonexistent/ft.conf", 0, "cannot be opened: No such file");
	expect_fault("/tmp", 0, "not a regular file");
	expect_fault("/dev/zero", 0, "not a regular file");
	ck_assert_int_eq(mkfifo(in_folder("pipe"), 0600), 0);
	expect_fault(in_folder("pipe"), 0, "not a regular file");
	memset(large, ' ', sizeof(large));
	expect_fault(write_bytes("large.conf", large, sizeof(large), 0644), 0,
	             "is too large; a readable file of at most 1 MiB");
	expect_fault(write_bytes("nul.conf", "\n\0pair", 6, 0644), 2, "a NUL byte");
	memset(large, 'x', 300);
	large[0] = '/';
	large[300] = '\0';
	ck_assert_ptr_null(load(large));
	ck_assert_ptr_nonnull(strstr(said, "the path is too long; at most 255"));
}
END_TEST

static void expect_key_fault(const char *words)
{
	expect_fault(write_with(5, "key_file = \"KEY\";"), 5, words);
}

START_TEST(a_doubtful_key_file_is_refused)
{
	static const struct {
		const char *text;
		mode_t mode;
		const char *words;
	} bad[] = {
	    {KEY_A, 0640, "has mode 0640, so it can be reached by others; chmod 600"},
	    {KEY_A, 0604, "has mode 0604"},
	    {KEY_A, 0610, "has mode 0610"},
	    {"", 0600, "holds no key; exactly 64 hex digits"},
	    {"00112233\n", 0600, "holds no key"},
	    {KEY_A "0", 0600, "holds no key"},
	    {KEY_A "\n\n", 0600, "holds no key"},
	    {KEY_A "\n" KEY_B "\n", 0600, "holds no key"},
	    {"x" KEY_A, 0600, "holds no key"},
	    {"g0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", 0600, "holds no key"},
	    {ZEROS "\n", 0600, "a key of zeros"},
	};

	for (int i = 0; i < LENGTH(bad); i++) {
		(void)write_text("key", bad[i].text, bad[i].mode);
		expect_key_fault(bad[i].words);
	}
	(void)write_text("key", KEY_A, 0400); /* no line feed, read-only: fine */
	ft_config_free(load_good(write_with(0, NULL)));
}
END_TEST

#define MARK "\xef\xbb\xbf"

/* As an editor of another system, or a web form, leaves it. */
START_TEST(carriage_returns_and_a_byte_order_mark_are_no_part_of_it)
{
	static const char *const keys[] = {KEY_A "\r\n", KEY_A "\r", MARK KEY_A "\n", MARK KEY_A "\r\n"};
	char secret[FT_SETTING_MAX], text[4096] = MARK;
	struct ft_config *c = load_good(write_with(0, NULL));
	struct ft_key plain = c->heartbeat.keys[0];

	ft_config_free(c);
	for (int i = 0; i < LENGTH(keys); i++) {
		(void)write_text("key", keys[i], 0600);
		c = load_good(write_with(0, NULL));
		ck_assert_mem_eq(c->heartbeat.keys[0].bytes, plain.bytes, sizeof(plain.bytes));
		ft_config_free(c);
	}
	(void)write_text("key", MARK "\r\n", 0600);
	expect_key_fault("holds no key");
	ck_assert_ptr_null(ft_secret_read(write_text("password", MARK "geheim\r\n", 0600), secret));
	ck_assert_str_eq(secret, "geheim");
	/* ft.conf itself, with both */
	(void)write_text("key", KEY_A "\n", 0600);
	(void)write_with(0, NULL);
	FILE *f = fopen(in_folder("ft.conf"), "r");
	for (char line[256]; fgets(line, sizeof(line), f);)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%.*s\r\n", (int)strcspn(line, "\n"),
		               line);
	(void)fclose(f);
	ft_config_free(load_good(write_text("ft.conf", text, 0600)));
	/* A fault keeps its line. */
	strcat(text, "colour = 1;\r\n");
	expect_fault(write_text("ft.conf", text, 0600), LENGTH(good) + 1, "colour");
}
END_TEST

/* One entry of an access control list, as in system.posix_acl_access. */
static void add_entry(uint8_t *acl, size_t *size, unsigned tag, unsigned bits, uint32_t id)
{
	const uint8_t entry[] = {
	    (uint8_t)tag,       0, (uint8_t)bits, 0, (uint8_t)id, (uint8_t)(id >> 8), (uint8_t)(id >> 16),
	    (uint8_t)(id >> 24)};
	memcpy(acl + *size, entry, sizeof(entry));
	*size += sizeof(entry);
}

/* Where systemd has a credential for a service of another user, only the mask stands where the group's bits are. */
START_TEST(a_key_that_a_list_lets_this_user_alone_read_is_good)
{
	enum { USER_OBJ = 1, USER = 2, GROUP_OBJ = 4, GROUP = 8, MASK_ = 16, OTHER = 32, NOBODY = 65534, READ = 4 };
	static const struct {
		unsigned user, group_bits, group, other;
		bool good;
	} cases[] = {
	    {0, 0, 0, 0, true}, /* user 0: this one */
	    {NOBODY, 0, 0, 0, false}, {0, READ, 0, 0, false}, {0, 0, 7, 0, false}, {0, 0, 0, READ, false},
	};

	for (int i = 0; i < LENGTH(cases); i++) {
		uint8_t acl[128] = {2};
		size_t size = 4;
		uint32_t user = cases[i].user ? cases[i].user : geteuid();
		add_entry(acl, &size, USER_OBJ, READ, UINT32_MAX);
		add_entry(acl, &size, USER, READ, user);
		add_entry(acl, &size, GROUP_OBJ, cases[i].group_bits, UINT32_MAX);
		if (cases[i].group)
			add_entry(acl, &size, GROUP, READ, cases[i].group);
		add_entry(acl, &size, MASK_, READ, UINT32_MAX);
		add_entry(acl, &size, OTHER, cases[i].other, UINT32_MAX);
		ck_assert_int_eq(ft_file_acl_opens(acl, size, geteuid()), !cases[i].good);
		ck_assert(ft_file_acl_opens(acl, size - 1, geteuid()));
		if (setxattr(write_text("key", KEY_A "\n", 0400), "system.posix_acl_access", acl, size, 0) != 0) {
			skipped("a key with an access control list", strerror(errno));
			return;
		}
		if (cases[i].good)
			ft_config_free(load_good(write_with(0, NULL)));
		else
			expect_key_fault("can be reached by others");
	}
	(void)write_text("key", KEY_A "\n", 0440); /* without a list they are the group's */
	expect_key_fault("has mode 0440");
}
END_TEST

START_TEST(a_key_file_that_is_none_is_refused)
{
	const char *key = in_folder("key");

	ck_assert_int_eq(unlink(key), 0);
	expect_key_fault("cannot be opened: No such file");
	ck_assert_int_eq(mkdir(key, 0700), 0);
	expect_key_fault("not a regular file");
	ck_assert_int_eq(rmdir(key), 0);
	ck_assert_int_eq(mkfifo(key, 0600), 0);
	expect_key_fault("not a regular file");
	ck_assert_int_eq(unlink(key), 0);
	ck_assert_int_eq(symlink(write_text("real", KEY_A, 0600), key), 0);
	expect_key_fault("symbolic link");
	(void)write_text("key", KEY_A, 0600);
	if (geteuid() == 0) { /* only root can give a file away */
		ck_assert_int_eq(chown(key, 65534, (gid_t)-1), 0);
		expect_key_fault("belongs to another user (65534)");
	}
	(void)unlink(key);
	(void)write_text("key", KEY_A, 0600);
	expect_fault(write_with(5, "key_file = \"vm1.key\";"), 5, "not an absolute path");
	expect_fault(write_with(5, "key_file = 5;"), 5, "key_file is an integer; ");
	expect_fault(write_with(5, "key_file = [ ];"), 5, "key_file is empty; ");
	expect_fault(write_with(5, "key_file = [\"KEY\",\"KEY\",\"KEY\",\"KEY\",\"KEY\"];"), 5,
	             "has 5 elements; at most 4");
}
END_TEST

/* What ftd obeys, each of which somebody else could change; the folder of the test is this user's alone. */
static void expect_refused(const char *path, const char *words)
{
	const char *fault = ft_file_judge(path, FT_FILE_OBEYED);

	ck_assert_msg(fault && strstr(fault, words), "%s: %s", path, fault ? fault : "accepted");
}

static void expect_accepted(const char *path)
{
	const char *fault = ft_file_judge(path, FT_FILE_OBEYED);

	ck_assert_msg(!fault, "%s: %s", path, fault);
}

START_TEST(what_others_could_change_is_obeyed_by_nobody)
{
	const char *dir = in_folder("dir"), *file = in_folder("dir/file"), *link = in_folder("link");
	char words[256];

	ck_assert_int_eq(mkdir(dir, 0755), 0);
	(void)write_text("dir/file", "x", 0644);
	expect_accepted(file);
	ck_assert_int_eq(chmod(file, 0664), 0);
	(void)snprintf(words, sizeof(words), "has mode 0664, so others can write there; chmod go-w '%s'", file);
	expect_refused(file, words);
	ck_assert_int_eq(chmod(file, 0646), 0);
	expect_refused(file, "has mode 0646");
	ck_assert_int_eq(chmod(file, 0644), 0);
	/* A folder on the way; what may be written by all is protected by the sticky bit, but for its own content. */
	ck_assert_int_eq(chmod(dir, 0775), 0);
	(void)snprintf(words, sizeof(words), "is reached through %s, which has mode 0775", dir);
	expect_refused(file, words);
	ck_assert_int_eq(chmod(dir, 01777), 0);
	expect_accepted(file);
	expect_refused(dir, "has mode 1777");
	(void)snprintf(words, sizeof(words), "%s/.", dir);
	expect_refused(words, "has mode 1777");
	(void)snprintf(words, sizeof(words), "%s/../dir//", dir);
	expect_refused(words, "has mode 1777");
	/* What a link leads through is on the way, too. */
	ck_assert_int_eq(symlink("dir/file", link), 0);
	expect_accepted(link);
	ck_assert_int_eq(chmod(dir, 0757), 0);
	expect_refused(link, "which has mode 0757");
	expect_refused("/tmp", "has mode");
	expect_accepted("/tmp/nonexistent/file");
	ck_assert_int_eq(unlink(link), 0);
	ck_assert_int_eq(symlink("link", link), 0);
	expect_refused(link, "cannot be followed: Too many levels");
	if (geteuid() == 0) { /* only root can give a file away */
		ck_assert_int_eq(chmod(dir, 0755), 0);
		ck_assert_int_eq(lchown(link, 65534, (gid_t)-1), 0);
		expect_refused(link, "which belongs to another user (65534), who could put something else");
		ck_assert_int_eq(chown(file, 65534, (gid_t)-1), 0);
		expect_refused(file, "belongs to another user (65534), not to the user of ftd or to root; chown 0 '");
		ck_assert_int_eq(chown(file, 0, (gid_t)-1) | chown(dir, 65534, (gid_t)-1), 0);
		expect_refused(file, "which belongs to another user (65534)");
		ck_assert_int_eq(seteuid(65534), 0);
		expect_accepted(file); /* root's, in a folder of our own */
		ck_assert_int_eq(seteuid(0), 0);
	}
}
END_TEST

/* Each is a way to become who ftd runs as. */
START_TEST(every_file_that_is_obeyed_is_judged)
{
	const char *program = write_text("program", "#!/bin/sh\n", 0777), *part = write_text("part.conf", "\n", 0666);
	const char *open = in_folder("open");
	char text[512];

	(void)snprintf(text, sizeof(text), "  hook = [ \"%s\" ];", program);
	expect_fault(write_with(23, text), 23, "has mode 0777, so others can write there; chmod go-w '");
	(void)snprintf(text, sizeof(text), "fence: { agent = \"%s\"; };", program);
	expect_fault(write_arbiter(TYPE_FENCE, text), 30, "has mode 0777, so others can write there");
	(void)snprintf(text, sizeof(text), TYPE_ETCD "ca_file = \"%s\";", program);
	expect_fault(write_with(18, text), 18, "has mode 0777, so others can write there");
	(void)snprintf(text, sizeof(text), "@include \"%s\"", part);
	expect_fault(write_with(31, text), 31, "has mode 0666, so others can write there");
	ck_assert_int_eq(mkdir(open, 0700) | chmod(open, 0777), 0);
	(void)snprintf(text, sizeof(text), "state_dir = \"%s/new\";", open);
	expect_fault(write_with(3, text), 3, "which has mode 0777, so others could put something else in its place");
	(void)snprintf(text, sizeof(text), "  socket = \"%s/socket\";", open);
	expect_fault(write_with(27, text), 27, "control.socket: its folder ");
	ck_assert_int_eq(chmod(open, 01777), 0); /* the name is free for all while no ftd runs */
	expect_fault(write_with(27, text), 27, "has mode 1777, so others can write there; chmod go-w '");
	ck_assert_int_eq(chmod(open, 0777), 0);
	(void)write_text("open/key", KEY_A, 0600);
	(void)snprintf(text, sizeof(text), "key_file = \"%s\";", in_folder("open/key"));
	expect_fault(write_with(5, text), 5, "which has mode 0777, so others could put something else in its place");
	const char *conf = write_with(0, NULL);
	struct ft_config_places places;
	ck_assert_int_eq(chmod(conf, 0666), 0);
	expect_fault(conf, 0, "has mode 0666, so others can write there; chmod go-w '");
	ck_assert_int_eq(ft_config_find(conf, &places, stderr), 0); /* where a running ftd is, nobody becomes by that */
	ck_assert_int_eq(chmod(conf, 0644), 0);
}
END_TEST

START_TEST(keys_are_rotated_by_listing_two)
{
	char text[256];
	const char *other = write_text("other", KEY_B "\n", 0600);

	(void)snprintf(text, sizeof(text), "key_file = [ \"KEY\", \"%s\" ];", other);
	struct ft_config *c = load_good(write_with(5, text));
	ck_assert_int_eq(c->heartbeat.n_keys, 2);
	ck_assert_str_eq(c->key_file, in_folder("key"));
	ck_assert_uint_eq(c->heartbeat.keys[0].bytes[1], 0x11);
	ck_assert_uint_eq(c->heartbeat.keys[0].bytes[FT_KEY_BYTES - 1], 0xff);
	ck_assert_uint_eq(c->heartbeat.keys[1].bytes[0], 0xff);
	/* BLAKE2b-256, as b2sum -l 256 says it. */
	ck_assert_uint_eq(c->heartbeat.keys[0].id, 0x7f129e85);
	ck_assert_uint_eq(c->heartbeat.keys[1].id, 0x3ac4756d);
	ft_config_free(c);

	(void)write_text("other", KEY_A, 0600); /* the same key in another file */
	expect_fault(write_with(5, text), 5, "an earlier file holds already");
}
END_TEST

START_TEST(a_new_key_is_private_and_never_overwrites)
{
	const char *path = in_folder("new.key");
	char text[256], *said_text = NULL;
	size_t size = 0;
	struct stat st;
	FILE *errors = open_memstream(&said_text, &size);

	ck_assert_ptr_nonnull(errors);
	(void)umask(0);
	ck_assert_int_eq(ft_key_generate(path, errors), 0);
	ck_assert_int_eq(fflush(errors), 0);
	ck_assert_uint_eq(size, 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(st.st_size, 65);

	(void)snprintf(text, sizeof(text), "key_file = ( \"%s\", \"KEY\" );", path);
	struct ft_config *first = load_good(write_with(5, text));
	ck_assert_int_eq(ft_key_generate(path, errors), -1);
	struct ft_config *second = load_good(write_with(5, text));
	ck_assert_mem_eq(first->heartbeat.keys, second->heartbeat.keys, sizeof(first->heartbeat.keys[0]));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(ft_key_generate(path, errors), 0);
	ft_config_free(second);
	second = load_good(write_with(5, text));
	ck_assert_mem_ne(first->heartbeat.keys, second->heartbeat.keys, sizeof(first->heartbeat.keys[0]));
	ck_assert_int_eq(ft_key_generate("/nonexistent/new.key", errors), -1);
	ck_assert_int_eq(fclose(errors), 0);
	ck_assert_ptr_nonnull(strstr(said_text, "new.key: File exists; an existing file is never overwritten"));
	ck_assert_ptr_nonnull(strstr(said_text, "/nonexistent/new.key: No such file or directory; "));
	free(said_text);
	ft_config_free(first);
	ft_config_free(second);
}
END_TEST

START_TEST(a_group_becomes_its_number)
{
	const struct group *g = getgrgid(0);
	char text[128];

	ck_assert_ptr_nonnull(g);
	(void)snprintf(text, sizeof(text), "group = \"%s\";", g->gr_name);
	struct ft_config *c = load_good(write_with(28, text));
	ck_assert_uint_eq(c->control_gid, 0);
	ft_config_free(c);
}
END_TEST

START_TEST(a_reload_may_not_change_what_is_fixed)
{
	static const struct bad changed[] = {
	    {1, "pair = \"vm2\";", "pair"},           {2, "node = \"beta\";", "node"},
	    {3, "state_dir = \"/y\";", "state_dir"},  {27, "socket = \"/run/d\";", "control.socket"},
	    {28, "mode = \"0666\";", "control.mode"}, {6, "interval_ms = 30;", NULL},
	    {13, "socket = \"/run/r\";", NULL},       {32, "log: { level = \"warn\"; };", NULL},
	};
	struct ft_config *old = load_good(write_with(0, NULL));

	for (int i = 0; i < LENGTH(changed); i++) {
		struct ft_config *c = load_good(write_with(changed[i].line, changed[i].text));
		ck_assert_pstr_eq(ft_config_fixed_difference(old, c), changed[i].words);
		ft_config_free(c);
	}
	/* What no file of this version can say. */
	struct ft_config *c = load_good(write_with(0, NULL));
	c->realtime = true;
	ck_assert_str_eq(ft_config_fixed_difference(old, c), "realtime");
	ft_config_free(c);
	c = load_good(write_arbiter(TYPE_FILE, ""));
	ck_assert_str_eq(ft_config_fixed_difference(old, c), "arbiter.type");
	ck_assert_str_eq(ft_config_fixed_difference(c, old), "arbiter.type");
	ft_config_free(c);
	ft_config_free(old);
}
END_TEST

START_TEST(what_a_person_vouches_for)
{
	struct ft_config *old = load_good(write_with(0, NULL));
	struct ft_config *c = load_good(write_with(15, "disregard = [ \"chardev mon0\", \"block-node #block123\" ];"));

	ck_assert_int_eq(old->qmp.disregard.n, 0);
	ck_assert_int_eq(c->qmp.disregard.n, 2);
	ck_assert(ft_disregards(&c->qmp.disregard, "chardev mon0"));
	ck_assert(ft_disregards(&c->qmp.disregard, "block-node #block123"));
	ck_assert(!ft_disregards(&c->qmp.disregard, "chardev mon"));
	ck_assert(!ft_disregards(&old->qmp.disregard, "chardev mon0"));
	ck_assert_pstr_eq(ft_config_fixed_difference(old, c), NULL);
	ft_config_free(c);
	ft_config_free(old);
}
END_TEST

#define MUCH_FENCE "fence: { agent = \"/bin/sh\"; options: { ip = \"1\"; port = \"1\"; }; };"

START_TEST(a_reload_may_not_change_what_sessions_rest_on)
{
	static const struct {
		const char *old_arbiter, *old_beside, *arbiter, *beside, *name;
	} changed[] = {
	    {TYPE_FILE, "", "type = \"file\"; path = \"/mnt/other\";", "", "arbiter.path"},
	    {TYPE_FILE, "", TYPE_FILE, A_FENCE, "fence.agent"},
	    {TYPE_FILE, A_FENCE, TYPE_FILE, "", "fence.agent"},
	    {TYPE_ETCD, "", "type = \"etcd\"; endpoints = [ \"https://10.0.0.8:2379\" ];", "", "arbiter.endpoints"},
	    {TYPE_ETCD, "", "type = \"etcd\"; endpoints = [ \"https://10.0.0.9:2379\", \"http://a:1\" ];", "",
	     "arbiter.endpoints"},
	    {TYPE_ETCD, "", TYPE_ETCD "prefix = \"/x/\";", "", "arbiter.prefix"},
	    {TYPE_ETCD, "", TYPE_ETCD "prefix = \"/ftd/\";", "", NULL}, /* the default, said */
	    {TYPE_ETCD, "", TYPE_ETCD "ca_file = \"KEY\";", "", "arbiter.ca_file"},
	    {TYPE_ETCD, "", TYPE_ETCD "cert_file = \"KEY\"; cert_key_file = \"KEY\";", "", "arbiter.cert_file"},
	    {TYPE_FENCE, A_FENCE, TYPE_FENCE, "fence: { agent = \"/bin/cat\"; };", "fence.agent"},
	    {TYPE_FENCE, A_FENCE, TYPE_FENCE, "fence: { agent = \"/bin/sh\"; delay_ms = 1; };", "fence.delay_ms"},
	    {TYPE_FENCE, A_FENCE, TYPE_FENCE, "fence: { agent = \"/bin/sh\"; timeout_ms = 99; };", "fence.timeout_ms"},
	    {TYPE_FENCE, A_FENCE, TYPE_FENCE, MUCH_FENCE, "fence.options"},
	    {TYPE_FENCE, MUCH_FENCE, TYPE_FENCE, MUCH_FENCE, NULL},
	};

	for (int i = 0; i < LENGTH(changed); i++) {
		struct ft_config *old = load_good(write_arbiter(changed[i].old_arbiter, changed[i].old_beside));
		struct ft_config *c = load_good(write_arbiter(changed[i].arbiter, changed[i].beside));
		ck_assert_pstr_eq(ft_config_fixed_difference(old, c), changed[i].name);
		ft_config_free(c);
		ft_config_free(old);
	}
}
END_TEST

/* With none they may change, with an arbiter both sides' rights are counted with them. */
START_TEST(a_reload_may_not_change_the_detection_time_of_an_arbiter)
{
	struct ft_config *none = load_good(write_with(0, NULL)), *old = load_good(write_arbiter(TYPE_FILE, ""));
	struct ft_config *c = load_good(write_arbiter(TYPE_FILE, ""));

	c->heartbeat.interval_ms++;
	ck_assert_str_eq(ft_config_fixed_difference(old, c), "heartbeat.interval_ms");
	c->heartbeat.interval_ms--;
	c->heartbeat.lost_after++;
	ck_assert_str_eq(ft_config_fixed_difference(old, c), "heartbeat.lost_after");
	c->heartbeat.lost_after--;
	c->guard_ms++;
	ck_assert_str_eq(ft_config_fixed_difference(old, c), "failover.guard_ms");
	c->guard_ms--;
	c->arbiter.timeout_ms++;
	ck_assert_str_eq(ft_config_fixed_difference(old, c), "arbiter.timeout_ms");
	ft_config_free(c);

	c = load_good(write_with(21, "failover: { guard_ms = 31; };"));
	c->heartbeat.interval_ms++;
	c->heartbeat.lost_after++;
	ck_assert_ptr_null(ft_config_fixed_difference(none, c));
	strcpy(c->watchdog_device, "/dev/watchdog");
	ck_assert_str_eq(ft_config_fixed_difference(none, c), "watchdog_device");
	ft_config_free(c);
	ft_config_free(old);
	ft_config_free(none);
}
END_TEST

/* The example as it is shipped, with the key where a test can have one. */
START_TEST(the_example_loads)
{
	FILE *in = fopen("ft.conf.example", "r");
	FILE *out = fopen(in_folder("example.conf"), "w");
	char line[512];

	ck_assert_msg(in != NULL, "run the tests from the top of the project");
	ck_assert_ptr_nonnull(out);
	while (fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		put_line(out, strstr(line, "key_file = \"/") ? "key_file = \"KEY\";" : line);
	}
	ck_assert_int_eq(fclose(in), 0);
	ck_assert_int_eq(fclose(out), 0);
	struct ft_config *c = load_good(in_folder("example.conf"));
	ck_assert_int_eq(c->heartbeat.interval_ms, 100);
	ck_assert_int_eq(c->heartbeat.lost_after, 5);
	ck_assert_int_eq(c->heartbeat.n_links, 2);
	ck_assert_int_eq(c->heartbeat.links[0].local.ss_family, AF_INET);
	ck_assert_int_eq(c->heartbeat.links[1].local.ss_family, AF_INET6);
	ck_assert_int_eq(c->arbiter.type, FT_ARBITER_NONE);
	ft_config_free(c);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("config");
	TCase *values = tcase_create("ft.conf");

	/* The folder is made and removed outside the tests' own processes, so that a failing one leaves nothing behind. */
	tcase_add_unchecked_fixture(values, make_folder, remove_folder);
	tcase_add_checked_fixture(values, make_key, NULL);
	tcase_set_timeout(values, 60);
	tcase_add_test(values, every_setting_lands);
	tcase_add_test(values, what_is_left_out_has_its_default);
	tcase_add_test(values, links_become_socket_addresses);
	tcase_add_test(values, a_link_may_name_an_interface_that_is_missing);
	tcase_add_test(values, a_bad_link_is_told_at_its_line);
	tcase_add_test(values, one_to_eight_links);
	tcase_add_test(values, a_value_out_of_its_range_is_refused);
	tcase_add_test(values, a_wrong_value_is_told_at_its_line);
	tcase_add_test(values, a_path_that_would_be_cut_is_refused);
	tcase_add_test(values, a_file_arbiter_lands);
	tcase_add_test(values, an_etcd_arbiter_lands);
	tcase_add_test(values, a_fence_lands_beside_every_arbiter);
	tcase_add_test(values, an_arbiter_needs_what_its_type_needs);
	tcase_add_test(values, an_arbiter_brings_watchdog_and_guard);
	tcase_add_test(values, the_guard_has_room_for_two_clocks_in_the_detection_time);
	tcase_add_test(values, a_doubtful_endpoint_is_refused);
	tcase_add_test(values, a_doubtful_file_of_the_arbiter_is_refused);
	tcase_add_test(values, a_doubtful_fence_is_refused);
	tcase_add_test(values, a_missing_key_is_told_at_its_group);
	tcase_add_test(values, all_faults_in_one_go);
	tcase_add_test(values, a_syntax_error_is_told_at_its_line);
	tcase_add_test(values, a_fault_in_an_included_file_names_that_file);
	tcase_add_test(values, an_absurd_include_is_refused);
	tcase_add_test(values, a_file_that_is_none_is_refused);
	tcase_add_test(values, what_others_could_change_is_obeyed_by_nobody);
	tcase_add_test(values, every_file_that_is_obeyed_is_judged);
	tcase_add_test(values, keys_are_rotated_by_listing_two);
	tcase_add_test(values, a_group_becomes_its_number);
	tcase_add_test(values, a_reload_may_not_change_what_is_fixed);
	tcase_add_test(values, a_reload_may_not_change_what_sessions_rest_on);
	tcase_add_test(values, what_a_person_vouches_for);
	tcase_add_test(values, a_reload_may_not_change_the_detection_time_of_an_arbiter);
	tcase_add_test(values, the_example_loads);
	tcase_add_test(values, a_doubtful_key_file_is_refused);
	tcase_add_test(values, carriage_returns_and_a_byte_order_mark_are_no_part_of_it);
	tcase_add_test(values, a_key_that_a_list_lets_this_user_alone_read_is_good);
	tcase_add_test(values, a_key_file_that_is_none_is_refused);
	tcase_add_test(values, a_new_key_is_private_and_never_overwrites);
	suite_add_tcase(suite, values);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
