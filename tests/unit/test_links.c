/* Real sockets on loopback, IPv4 and IPv6, on a real event loop.  Deadlines are generous: nothing here fails because
 * the machine is busy. */
#include "base/clock.h"
#include "base/timer.h"
#include "heartbeat/links.h"
#include "tests/attack/unreachable.h"
#include "tests/unit/skip.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MS       FT_NS_PER_MS
#define PATIENCE (20000 * MS)

struct end {
	int64_t acked, answered;
	struct ft_heartbeat_settings config;
	struct ft_links *links;
	struct ft_side side;
	int news, lost, new_incarnations, stalls, dues;
	int refused[FT_LINKS_MAX];
	enum ft_hearing hearing;
	struct ft_beat peer;
	bool send_from_news, releases; /* as the other leaves */
	bool first_released;           /* what the other said first */
};

static struct end a, b;
static struct event_base *base_a, *base_b;
static struct ft_timers *timers_a, *timers_b;
static char *error_text;
static size_t error_len;
static FILE *errors;

static const struct ft_side *on_self(void *arg)
{
	return &((struct end *)arg)->side;
}

static bool on_news(void *arg, const struct ft_beat *peer, bool new_incarnation, int64_t now)
{
	struct end *e = arg;

	/* The time of a turn is later than what was read in it. */
	ck_assert_int_ge(now, ft_links_hub(e->links)->detector.newest_at);
	if (e->news == 0)
		e->first_released = peer->side.released;
	if (e->releases && peer->side.leaving)
		e->side.released = true;
	e->news++;
	e->new_incarnations += new_incarnation;
	e->peer = *peer;
	if (e->send_from_news)
		ft_links_send_now(e->links);
	return true;
}

/* What we sent last is acknowledged later than it was sent, and never twice. */
static bool on_acked(void *arg, int64_t sent, int64_t now)
{
	struct end *e = arg;

	ck_assert_int_gt(sent, e->acked);
	ck_assert_int_le(sent, now);
	e->acked = sent;
	return true;
}

/* The other was on later than before, and not in the future. */
static bool on_answered(void *arg, int64_t at, int64_t now)
{
	struct end *e = arg;

	ck_assert_int_gt(at, e->answered);
	ck_assert_int_le(at, now);
	e->answered = at;
	return true;
}

static bool on_hearing(void *arg, enum ft_hearing hearing, int64_t now)
{
	struct end *e = arg;

	(void)now;
	ck_assert_int_ne(e->hearing, hearing);
	e->hearing = hearing;
	e->lost += hearing == FT_HEARING_LOST;
	return true;
}

static bool on_refused(void *arg, int link, int64_t now)
{
	(void)now;
	((struct end *)arg)->refused[link]++;
	return true;
}

static bool on_foreign(void *arg, int version, int64_t now)
{
	(void)arg, (void)version, (void)now;
	ck_abort_msg("both are of one version");
	return true;
}

static bool on_stalled(void *arg, int64_t gap, int64_t now)
{
	struct end *e = arg;

	(void)now;
	ck_assert_int_gt(gap, ft_links_hub(e->links)->detector.window);
	e->stalls++;
	return true;
}

static bool on_due(void *arg, int64_t now)
{
	(void)now;
	((struct end *)arg)->dues++;
	return true;
}

static const struct ft_turn_callbacks callbacks = {on_self,    on_news,    on_acked,   on_answered, on_hearing,
                                                   on_refused, on_foreign, on_stalled, on_due};

static socklen_t make_address(int family, int port, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof *out);
	if (family == AF_INET6) {
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};

		in6.sin6_addr = in6addr_loopback;
		memcpy(out, &in6, sizeof in6);
		return sizeof in6;
	}
	{
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

		in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		memcpy(out, &in, sizeof in);
		return sizeof in;
	}
}

/* A socket on a port that was free; *port says which.  -1 where the family is not to be had. */
static int bind_any(int family, int *port)
{
	struct sockaddr_storage address;
	socklen_t len = make_address(family, 0, &address);
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&address, len) != 0) {
		close(fd);
		return -1;
	}
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	/* The port is at the same place in both. */
	*port = ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
	return fd;
}

/* Gives link i of both ends a new pair of free ports. */
static void address_link(int i, int family)
{
	struct ft_link_settings *la = &a.config.links[i], *lb = &b.config.links[i];
	int port_a, port_b, fd_a = bind_any(family, &port_a), fd_b = bind_any(family, &port_b);

	ck_assert(fd_a >= 0 && fd_b >= 0);
	la->local_len = lb->peer_len = make_address(family, port_a, &la->local);
	la->peer_len = lb->local_len = make_address(family, port_b, &la->peer);
	lb->peer = la->local;
	lb->local = la->peer;
	snprintf(la->local_text, sizeof la->local_text, "loopback:%d", port_a);
	snprintf(la->peer_text, sizeof la->peer_text, "loopback:%d", port_b);
	memcpy(lb->local_text, la->peer_text, sizeof lb->local_text);
	memcpy(lb->peer_text, la->local_text, sizeof lb->peer_text);
	close(fd_a);
	close(fd_b);
}

static int second_family(void)
{
	int port, fd = bind_any(AF_INET6, &port);

	if (fd < 0)
		return AF_INET;
	close(fd);
	return AF_INET6;
}

static struct ft_links *open_end(struct end *e, struct event_base *base, uint64_t incarnation)
{
	struct ft_timers *timers = base == base_a ? timers_a : timers_b;

	e->links = ft_links_new(base, timers, &e->config, incarnation, &callbacks, e, errors);
	fflush(errors);
	return e->links;
}

static void prepare(void)
{
	struct ft_heartbeat_settings c = {.pair = "vm1", .n_keys = 1, .interval_ms = 20, .lost_after = 5, .n_links = 2};

	c.keys[0] = (struct ft_key){.id = 42, .bytes = {1, 2, 3}};
	a = b = (struct end){.config = c, .side = {.state = FT_UNPROTECTED}};
	strcpy(a.config.node, "alpha");
	strcpy(b.config.node, "beta");
	base_a = event_base_new();
	base_b = event_base_new();
	errors = open_memstream(&error_text, &error_len);
	ck_assert(base_a && base_b && errors);
	timers_a = ft_timers_new(base_a);
	timers_b = ft_timers_new(base_b);
	ck_assert(timers_a && timers_b);
	address_link(0, AF_INET);
	address_link(1, second_family());
}

static void clean_up(void)
{
	ft_links_free(a.links);
	ft_links_free(b.links);
	ft_timers_free(timers_a);
	ft_timers_free(timers_b);
	event_base_free(base_a);
	event_base_free(base_b);
	fclose(errors);
	free(error_text);
}

/* One look at both loops, and a short sleep. */
static void turn_both(void)
{
	event_base_loop(base_a, EVLOOP_NONBLOCK);
	event_base_loop(base_b, EVLOOP_NONBLOCK);
	usleep(500);
}

#define run_until(condition)                                                                                           \
	do {                                                                                                           \
		int64_t give_up = ft_clock_now() + PATIENCE;                                                           \
		while (!(condition)) {                                                                                 \
			ck_assert_msg(ft_clock_now() < give_up, "never came: %s", #condition);                         \
			turn_both();                                                                                   \
		}                                                                                                      \
	} while (0)

static uint64_t received(const struct end *e, int link)
{
	return ft_links_hub(e->links)->links[link].stats.received;
}

static int send_error(const struct end *e, int link)
{
	return ft_links_hub(e->links)->links[link].stats.send_error;
}

static bool flows(const struct end *e, int n_links)
{
	const struct ft_hub *h = ft_links_hub(e->links);
	bool all = e->hearing == FT_HEARING_ALIVE && ft_hub_acked_sent(h) != FT_NEVER;

	for (int i = 0; i < n_links; i++)
		all = all && h->detector.links[i].alive && h->links[i].stats.received > 0;
	return all;
}

static void open_both(void)
{
	ck_assert_msg(open_end(&a, base_a, 1) != NULL, "%s", error_text);
	ck_assert_msg(open_end(&b, base_b, 2) != NULL, "%s", error_text);
	run_until(flows(&a, 2) && flows(&b, 2));
}

START_TEST(both_links_carry_heartbeats_both_ways)
{
	open_both();
	ck_assert_str_eq(a.peer.node, "beta");
	ck_assert_str_eq(b.peer.node, "alpha");
	ck_assert_int_eq(a.new_incarnations, 1);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_ge(ft_links_hub(a.links)->links[i].stats.rtt, 0);
		ck_assert_int_eq(send_error(&a, i), 0);
	}
	ck_assert_uint_eq(error_len, 0);
}
END_TEST

START_TEST(news_is_told_when_it_is_news)
{
	int told;

	open_both();
	told = a.news;
	{
		uint64_t before = received(&a, 0);
		int dues = b.dues;

		run_until(received(&a, 0) > before + 5);
		run_until(b.dues > dues + 5);
	}
	ck_assert_int_eq(a.news, told);
	b.side.state = FT_PROTECTED;
	b.side.session[15] = 1;
	b.side.epoch = 7;
	ft_links_send_now(b.links);
	run_until(a.news > told);
	ck_assert_int_eq(a.news, told + 1);
	ck_assert_int_eq(a.peer.side.state, FT_PROTECTED);
	ck_assert_uint_eq(a.peer.side.epoch, 7);
	ck_assert_int_eq(a.new_incarnations, 1);
}
END_TEST

START_TEST(a_callback_may_send)
{
	a.send_from_news = b.send_from_news = true;
	open_both();
	b.side.state = FT_PROTECTED;
	run_until(a.peer.side.state == FT_PROTECTED);
}
END_TEST

START_TEST(a_leaver_is_refused_then_lost_then_new)
{
	int64_t start;

	open_both();
	ft_links_free(b.links);
	b.links = NULL;
	start = ft_clock_now();
	run_until(a.refused[0] > 0 && a.refused[1] > 0);
	run_until(a.hearing == FT_HEARING_LOST);
	/* At most one an interval and link, however many come. */
	ck_assert_int_le(a.refused[0], (ft_clock_now() - start) / (20 * MS) + 1);
	ck_assert_uint_ge(ft_links_hub(a.links)->links[0].stats.refused, (uint64_t)a.refused[0]);
	b.hearing = FT_HEARING_NEVER;
	ck_assert_ptr_nonnull(open_end(&b, base_b, 3));
	run_until(a.hearing == FT_HEARING_ALIVE && flows(&b, 2));
	ck_assert_int_eq(a.new_incarnations, 2);
}
END_TEST

/* a does not run for several windows, b does; then a's timer and sockets are all due at once. */
static void stall_a(void)
{
	int64_t until;
	uint64_t sent;

	open_both();
	a.lost = 0;
	until = ft_clock_now() + 5 * ft_links_hub(a.links)->detector.window;
	sent = ft_links_hub(b.links)->links[0].stats.sent;
	while (ft_clock_now() < until || ft_links_hub(b.links)->links[0].stats.sent < sent + 3) {
		event_base_loop(base_b, EVLOOP_NONBLOCK);
		usleep(1000);
	}
}

START_TEST(a_stalled_daemon_reads_before_it_judges)
{
	uint64_t before;

	stall_a();
	before = received(&a, 0);
	if (_i)
		ft_links_catch_up(a.links);
	else
		event_base_loop(base_a, EVLOOP_NONBLOCK);
	ck_assert_int_eq(a.lost, 0);
	ck_assert_int_ge(a.stalls, 1);
	ck_assert_uint_gt(received(&a, 0), before);
	ck_assert_int_eq(a.hearing, FT_HEARING_ALIVE);
}
END_TEST

/* It leaves and comes again while a does not run: the hello and the goodbye are read in one turn.  Seen in the simulation: the answer named a
 * session that the goodbye had ended, and the new life was bound by it. */
START_TEST(an_answer_says_what_the_goodbye_before_it_has_changed)
{
	open_both();
	a.releases = b.side.leaving = true;
	ft_links_send_now(b.links);
	ft_links_free(b.links);
	b.side.leaving = false;
	b.news = 0;
	b.hearing = FT_HEARING_NEVER;
	ck_assert_ptr_nonnull(open_end(&b, base_b, 3));
	for (uint64_t sent = 0; sent < 2; sent = ft_links_hub(b.links)->links[1].stats.sent) {
		event_base_loop(base_b, EVLOOP_NONBLOCK);
		usleep(1000);
	}
	run_until(b.news > 0);
	ck_assert(b.first_released);
}
END_TEST

START_TEST(a_flood_of_rubbish_does_no_harm)
{
	static const uint8_t rubbish[2000] = "FTHB";
	int port, fd = bind_any(AF_INET, &port), told;
	const struct ft_hub *h;

	/* The peer of link 0 is replaced by someone who only makes noise; link 1 goes on. */
	ck_assert_int_ge(fd, 0);
	a.config.links[0].peer_len = make_address(AF_INET, port, &a.config.links[0].peer);
	ck_assert(open_end(&a, base_a, 1) && open_end(&b, base_b, 2));
	run_until(a.hearing == FT_HEARING_ALIVE && b.hearing == FT_HEARING_ALIVE);
	told = a.news;
	h = ft_links_hub(a.links);
	for (int i = 0; i < 600; i++) {
		(void)sendto(fd, rubbish, i % 2 ? sizeof rubbish : (size_t)(i % 150), 0,
		             (struct sockaddr *)&a.config.links[0].local, a.config.links[0].local_len);
		if (i % 100 == 0)
			turn_both();
	}
	run_until(h->links[0].stats.rejected[FT_WIRE_LENGTH] > 100);
	run_until(received(&a, 1) > 20);
	ck_assert_uint_eq(received(&a, 0), 0);
	ck_assert_int_eq(a.news, told);
	ck_assert(!h->detector.links[0].alive && h->detector.links[1].alive);
	close(fd);
}
END_TEST

/* A peer of a's only link that sends when it is told to, and whatever it is told to. */
struct puppet {
	int fd;
	struct ft_hub hub;
};

static void puppet_says(struct puppet *p)
{
	uint8_t out[FT_WIRE_MAX];
	size_t len = ft_hub_compose(&p->hub, 0, &b.side, ft_clock_now(), out);

	ck_assert_int_eq(send(p->fd, out, len, 0), (ssize_t)len);
}

/* More than are read at a time, less than fill the least buffer of a Linux that nobody has tuned. */
static void puppet_floods(const struct puppet *p)
{
	for (int i = 0; i < 400; i++)
		(void)send(p->fd, "rubbish", 7, 0);
}

static void puppet_meets_a(struct puppet *p)
{
	uint8_t in[FT_WIRE_MAX];
	ssize_t n;

	a.config.n_links = b.config.n_links = 1;
	a.config.interval_ms = b.config.interval_ms = 100;
	a.config.lost_after = b.config.lost_after = 3;
	p->fd = bind_any(AF_INET, &(int){0});
	struct sockaddr_storage *own = &a.config.links[0].peer;
	ck_assert_int_eq(getsockname(p->fd, (struct sockaddr *)own, &a.config.links[0].peer_len), 0);
	const struct ft_link_settings *to = &a.config.links[0];
	ck_assert_int_eq(connect(p->fd, (const struct sockaddr *)&to->local, to->local_len), 0);
	ft_hub_init(&p->hub, &b.config, 2, 0, ft_clock_now());
	ck_assert_msg(open_end(&a, base_a, 1) != NULL, "%s", error_text);
	while (a.hearing != FT_HEARING_ALIVE) {
		turn_both();
		while ((n = recv(p->fd, in, sizeof in, MSG_DONTWAIT)) > 0)
			(void)ft_hub_receive(&p->hub, 0, in, (size_t)n, ft_clock_now());
		puppet_says(p);
	}
}

static void run_a_until(int64_t at)
{
	while (ft_clock_now() < at) {
		event_base_loop(base_a, EVLOOP_NONBLOCK);
		usleep(500);
	}
}

static void sleep_until(int64_t at)
{
	while (ft_clock_now() < at)
		usleep(500);
}

/* The heartbeat comes in time, behind a flood, and is read only when its time is over. */
START_TEST(a_flood_hides_no_heartbeat_from_the_verdict)
{
	struct puppet p;
	const struct ft_detector *d;

	puppet_meets_a(&p);
	d = &ft_links_hub(a.links)->detector;
	run_a_until(ft_detector_silent_at(d, d->window) - 50 * MS);
	if (a.hearing != FT_HEARING_LOST) { /* on a machine that was busy */
		int64_t verdict_at = ft_detector_silent_at(d, d->window);

		puppet_floods(&p);
		puppet_says(&p);
		sleep_until(verdict_at + 5 * MS);
		event_base_loop(base_a, EVLOOP_NONBLOCK);
		ck_assert_int_eq(a.lost, 0);
		ck_assert_int_eq(a.hearing, FT_HEARING_ALIVE);
	}
	close(p.fd);
}
END_TEST

START_TEST(a_flood_puts_no_verdict_off)
{
	struct puppet p;

	puppet_meets_a(&p);
	run_until((puppet_floods(&p), a.hearing == FT_HEARING_LOST));
	close(p.fd);
}
END_TEST

/* Far more than the socket's buffer holds, unread; and behind it a heartbeat, which finds room. */
START_TEST(a_flood_of_what_is_no_heartbeat_leaves_room_for_heartbeats)
{
	static const uint8_t rubbish[700] = "FTHB";
	struct puppet p;
	const struct ft_link_stats *stats;

	puppet_meets_a(&p);
	stats = &ft_links_hub(a.links)->links[0].stats;
	for (int i = 0; i < 3; i++) {
		for (int k = 0; k < 4; k++) { /* whoever reads finds out that there is one */
			puppet_floods(&p);
			event_base_loop(base_a, EVLOOP_NONBLOCK);
		}
		uint64_t before = stats->received;
		for (int k = 0; k < 5000; k++)
			(void)send(p.fd, rubbish, _i ? FT_WIRE_MIN : (size_t)k % sizeof rubbish, 0);
		puppet_says(&p);
		run_a_until(ft_clock_now() + MS);
		ck_assert_uint_eq(stats->received, before + 1);
	}
	close(p.fd);
}
END_TEST

/* A peer with another key, say, is to be told of. */
START_TEST(a_flood_that_has_ended_hides_nothing)
{
	struct puppet p;
	const struct ft_link_stats *stats;

	puppet_meets_a(&p);
	stats = &ft_links_hub(a.links)->links[0].stats;
	for (int k = 0; k < 4; k++) {
		puppet_floods(&p);
		event_base_loop(base_a, EVLOOP_NONBLOCK);
	}
	uint64_t told = stats->rejected[FT_WIRE_LENGTH];
	puppet_floods(&p);
	event_base_loop(base_a, EVLOOP_NONBLOCK);
	ck_assert_uint_eq(stats->rejected[FT_WIRE_LENGTH], told);
	for (int64_t give_up = ft_clock_now() + PATIENCE; stats->rejected[FT_WIRE_LENGTH] == told;) {
		ck_assert_int_lt(ft_clock_now(), give_up);
		(void)send(p.fd, "rubbish", 7, 0);
		run_a_until(ft_clock_now() + 20 * MS);
	}
	close(p.fd);
}
END_TEST

/* What the codes of ICMP's "destination unreachable" become for a socket that is connected. */
static const struct {
	uint8_t code;
	int error;
} unreachable[] = {{ICMP_PROT_UNREACH, ENOPROTOOPT}, {ICMP_PORT_UNREACH, ECONNREFUSED},
                   {ICMP_FRAG_NEEDED, EMSGSIZE},     {ICMP_HOST_UNKNOWN, EHOSTDOWN},
                   {ICMP_HOST_ISOLATED, ENONET},     {ICMP_PKT_FILTERED, EHOSTUNREACH}};

/* Somebody who has seen nothing of the link but knows its addresses says that a's heartbeats do not arrive. */
static void forge(int raw, const struct ft_link_settings *link, uint8_t code)
{
	const struct sockaddr_in *from = (const void *)&link->local, *to = (const void *)&link->peer;
	struct unreachable forged = forge_unreachable(from, to, code);

	ck_assert_int_eq(sendto(raw, &forged, sizeof forged, 0, (const struct sockaddr *)from, sizeof *from),
	                 (ssize_t)sizeof forged);
}

START_TEST(the_word_of_others_on_a_heartbeat_does_not_hold_up_the_next)
{
	int raw, error = 0;
	socklen_t len = sizeof error;
	int plain = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (!are_we_root("forged ICMP"))
		return;
	raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	ck_assert(raw >= 0 && plain >= 0);
	open_both();
	const struct ft_link_stats *stats = &ft_links_hub(a.links)->links[0].stats;
	for (int i = 0; i < 20; i++) {
		uint64_t sent = stats->sent, unsent = stats->unsent;

		forge(raw, &a.config.links[0], unreachable[_i].code);
		ft_links_send_now(a.links);
		ck_assert_uint_gt(stats->sent, sent);
		ck_assert_uint_eq(stats->unsent, unsent);
		ck_assert_int_eq(stats->send_error, 0);
	}
	/* It is the error that is meant: told to who sends but once. */
	ft_links_free(a.links);
	a.links = NULL;
	const struct ft_link_settings *link = &a.config.links[0];
	ck_assert_int_eq(bind(plain, (const struct sockaddr *)&link->local, link->local_len), 0);
	ck_assert_int_eq(connect(plain, (const struct sockaddr *)&link->peer, link->peer_len), 0);
	forge(raw, link, unreachable[_i].code);
	ck_assert_int_eq(getsockopt(plain, SOL_SOCKET, SO_ERROR, &error, &len), 0);
	ck_assert_int_eq(error, unreachable[_i].error);
	close(raw);
	close(plain);
}
END_TEST

START_TEST(every_fault_at_start_has_its_line)
{
	struct sockaddr_in *far = (struct sockaddr_in *)(void *)&a.config.links[0].local;
	int port, fd = bind_any(AF_INET, &port);

	ck_assert_int_ge(fd, 0);
	far->sin_addr.s_addr = inet_addr("192.0.2.1"); /* TEST-NET-1: no host has it */
	strcpy(a.config.links[0].local_text, "192.0.2.1:7400");
	a.config.links[1].local_len = make_address(AF_INET, port, &a.config.links[1].local);
	ck_assert_ptr_null(open_end(&a, base_a, 1));
	ck_assert_ptr_nonnull(strstr(error_text, "link 1: cannot bind 192.0.2.1:7400: "));
	ck_assert_ptr_nonnull(strstr(error_text, "; is the address on this host?\n"));
	ck_assert_ptr_nonnull(strstr(error_text, "link 2: cannot bind loopback:"));
	ck_assert_ptr_nonnull(strstr(error_text, "; is another ftd using it?\n"));
	close(fd);
}
END_TEST

/* Nobody has TEST-NET-1's addresses, until somebody has. */
static void lack_the_address(struct ft_link_settings *c)
{
	((struct sockaddr_in *)(void *)&c->local)->sin_addr.s_addr = inet_addr("192.0.2.1");
}

START_TEST(a_link_that_cannot_be_opened_yet_does_not_hold_up_the_others)
{
	struct ft_link_settings here = a.config.links[0];

	lack_the_address(&a.config.links[0]);
	ck_assert_msg(open_end(&a, base_a, 1) != NULL, "%s", error_text);
	ck_assert_ptr_nonnull(open_end(&b, base_b, 2));
	run_until(a.hearing == FT_HEARING_ALIVE && b.hearing == FT_HEARING_ALIVE);
	ck_assert_int_eq(send_error(&a, 0), EADDRNOTAVAIL);
	ck_assert_int_eq(send_error(&a, 1), 0);
	ck_assert_uint_gt(ft_links_hub(a.links)->links[0].stats.unsent, 0);
	/* A reload that leaves it as it is does not fail for it; one that corrects it opens it. */
	ck_assert_int_eq(ft_links_reconfigure(a.links, &a.config, errors), 0);
	ft_links_send_now(a.links);
	ck_assert_int_eq(send_error(&a, 0), EADDRNOTAVAIL);
	a.config.links[0] = here;
	ck_assert_int_eq(ft_links_reconfigure(a.links, &a.config, errors), 0);
	run_until(flows(&a, 2) && flows(&b, 2));
	ck_assert_int_eq(send_error(&a, 0), 0);
}
END_TEST

START_TEST(a_link_is_opened_once_its_address_is_there)
{
	struct ft_link_settings here = a.config.links[0];

	lack_the_address(&a.config.links[0]);
	ck_assert_msg(open_end(&a, base_a, 1) != NULL, "%s", error_text);
	ck_assert_ptr_nonnull(open_end(&b, base_b, 2));
	a.config.links[0] = here; /* as if the host had got it */
	run_until(flows(&a, 2) && flows(&b, 2));
	ck_assert_int_eq(send_error(&a, 0), 0);
}
END_TEST

/* A link that is not open asks no questions, and must not ask for its turn for ever. */
START_TEST(a_link_that_is_not_open_costs_nothing_in_doubt)
{
	int64_t until;
	int turns = 0;

	a.config.interval_ms = b.config.interval_ms = 200;
	lack_the_address(&a.config.links[0]);
	ck_assert_ptr_nonnull(open_end(&a, base_a, 1));
	ck_assert_ptr_nonnull(open_end(&b, base_b, 2));
	run_until(a.hearing == FT_HEARING_ALIVE && b.hearing == FT_HEARING_ALIVE);
	until = ft_clock_now() + 2000 * MS;
	while (a.hearing != FT_HEARING_LOST && ft_clock_now() < until) {
		event_base_loop(base_a, EVLOOP_ONCE); /* b says nothing any more */
		turns++;
	}
	ck_assert_int_eq(a.hearing, FT_HEARING_LOST);
	ck_assert_int_lt(turns, 200);
}
END_TEST

/* In a network namespace of our own; v0 is then made anew under the same name, as a driver that is loaded again does. */
static bool make_interface(void)
{
	return system("{ ip link add v0 type veth peer name v1 && ip link set v1 up && ip link set v0 up && "
	              "ip addr add fe80::77/64 dev v0 nodad; } 2>/dev/null") == 0;
}

static void address_link_local(struct ft_link_settings *c, const char *interface)
{
	c->local_len = make_address(AF_INET6, 7400, &c->local);
	inet_pton(AF_INET6, "fe80::77", &((struct sockaddr_in6 *)(void *)&c->local)->sin6_addr);
	((struct sockaddr_in6 *)(void *)&c->local)->sin6_scope_id = if_nametoindex(interface);
	c->peer = c->local;
	c->peer_len = c->local_len;
	inet_pton(AF_INET6, "fe80::78", &((struct sockaddr_in6 *)(void *)&c->peer)->sin6_addr);
	snprintf(c->local_text, sizeof c->local_text, "[fe80::77%%%s]:7400", interface);
	snprintf(c->peer_text, sizeof c->peer_text, "[fe80::78%%%s]:7400", interface);
}

START_TEST(a_link_local_address_follows_its_interface)
{
	if (unshare(CLONE_NEWNET) != 0 || !make_interface()) {
		printf("NOTE: no network namespace with an interface may be made here; one made anew was not tried\n");
		return;
	}
	a.config.n_links = 1;
	address_link_local(&a.config.links[0], "v0");
	ck_assert_msg(open_end(&a, base_a, 1) != NULL, "%s", error_text);
	turn_both();
	ck_assert_int_eq(send_error(&a, 0), 0);
	ck_assert_int_eq(system("ip link del v0"), 0);
	run_until(send_error(&a, 0) != 0);
	ck_assert(make_interface());
	run_until(send_error(&a, 0) == 0);
}
END_TEST

START_TEST(a_link_whose_interface_is_missing_comes_up_with_it)
{
	struct ft_heartbeat_settings same;

	if (unshare(CLONE_NEWNET) != 0 || system("ip link set lo up") != 0) {
		skipped("a missing interface", "no network namespace may be made here");
		return;
	}
	address_link_local(&a.config.links[0], "v0");
	ck_assert_msg(open_end(&a, base_a, 1) != NULL, "%s", error_text);
	ck_assert_ptr_nonnull(open_end(&b, base_b, 2));
	run_until(a.hearing == FT_HEARING_ALIVE && b.hearing == FT_HEARING_ALIVE);
	ck_assert_int_eq(send_error(&a, 0), ENODEV);
	ck_assert(!ft_links_hub(a.links)->detector.links[0].alive);
	ck_assert(make_interface());
	run_until(send_error(&a, 0) == 0);
	/* It goes away again: a reload of the very same file, where it has no number now, is none the worse for it. */
	ck_assert_int_eq(system("ip link del v0"), 0);
	run_until(send_error(&a, 0) != 0);
	same = a.config;
	address_link_local(&same.links[0], "v0");
	ck_assert_int_eq(ft_links_reconfigure(a.links, &same, errors), 0);
	ck_assert(make_interface());
	run_until(send_error(&a, 0) == 0);
	ft_links_free(a.links);
	a.links = NULL;
}
END_TEST

/* connect(2) says EINVAL of the first, EACCES of the second. */
START_TEST(a_route_that_leads_nowhere_is_a_link_that_is_down)
{
	static const char *const kinds[] = {"blackhole", "prohibit", "unreachable"};
	struct ft_link_settings *c = &a.config.links[0];
	char command[128];

	if (unshare(CLONE_NEWNET) != 0 || system("ip link set lo up") != 0) {
		skipped("a route that leads nowhere", "no network namespace may be made here");
		return;
	}
	snprintf(command, sizeof command, "ip route add %s 192.0.2.0/24", kinds[_i]);
	ck_assert_int_eq(system(command), 0);
	((struct sockaddr_in *)(void *)&c->peer)->sin_addr.s_addr = inet_addr("192.0.2.9");
	ck_assert_msg(open_end(&a, base_a, 1) != NULL, "%s", error_text);
	ck_assert_ptr_nonnull(open_end(&b, base_b, 2));
	run_until(a.hearing == FT_HEARING_ALIVE && b.hearing == FT_HEARING_ALIVE);
	ck_assert_int_ne(send_error(&a, 0), 0);
	snprintf(command, sizeof command, "ip route del %s 192.0.2.0/24 && ip route add 192.0.2.0/24 dev lo",
	         kinds[_i]);
	ck_assert_int_eq(system(command), 0);
	run_until(send_error(&a, 0) == 0);
}
END_TEST

START_TEST(two_daemons_cannot_share_a_link)
{
	struct end twin = a;

	open_both();
	ck_assert_ptr_null(open_end(&twin, base_a, 9));
	ck_assert_ptr_nonnull(strstr(error_text, "link 2: cannot bind"));
	/* nor after a reload has rebound the socket for another peer */
	a.config.links[0].peer_len = make_address(AF_INET, 9, &a.config.links[0].peer);
	ck_assert_int_eq(ft_links_reconfigure(a.links, &a.config, errors), 0);
	ck_assert_ptr_null(open_end(&twin, base_a, 9));
}
END_TEST

START_TEST(a_reload_keeps_the_heartbeats_flowing)
{
	struct ft_heartbeat_settings *next = malloc(sizeof *next);
	uint64_t before;

	ck_assert_ptr_nonnull(next);
	open_both();
	before = received(&a, 0);
	address_link(1, AF_INET);
	*next = a.config;
	ck_assert_int_eq(ft_links_reconfigure(a.links, next, errors), 0);
	/* The old config may be freed: nobody looks at it any more. */
	memset(a.config.keys, 0, sizeof a.config.keys);
	run_until(received(&a, 0) > before + 3);
	ck_assert_int_eq(ft_links_reconfigure(b.links, &b.config, errors), 0);
	before = received(&a, 1);
	run_until(received(&a, 1) > before + 3);
	ck_assert_int_eq(a.new_incarnations, 1);
	/* One link less, the other in its place: its socket moves with it. */
	next->links[0] = next->links[1];
	b.config.links[0] = b.config.links[1];
	next->n_links = b.config.n_links = 1;
	ck_assert_int_eq(ft_links_reconfigure(a.links, next, errors), 0);
	ck_assert_int_eq(ft_links_reconfigure(b.links, &b.config, errors), 0);
	before = received(&a, 0);
	run_until(received(&a, 0) > before + 3);
	ck_assert_int_eq(a.new_incarnations, 1);
	free(next);
}
END_TEST

START_TEST(a_failed_reload_changes_nothing)
{
	struct ft_heartbeat_settings good = a.config, bad = a.config;
	uint64_t before;

	open_both();
	bad.interval_ms = 5000;
	address_link(0, AF_INET); /* one that could be opened */
	bad.links[0] = a.config.links[0];
	((struct sockaddr_in *)(void *)&bad.links[1].local)->sin_family = AF_INET;
	bad.links[1].local_len = make_address(AF_INET, 0, &bad.links[1].local);
	((struct sockaddr_in *)(void *)&bad.links[1].local)->sin_addr.s_addr = inet_addr("192.0.2.1");
	ck_assert_int_eq(ft_links_reconfigure(a.links, &bad, errors), -1);
	fflush(errors);
	ck_assert_ptr_nonnull(strstr(error_text, "link 2: cannot bind"));
	a.config = good;
	for (int i = 0; i < 2; i++) {
		before = received(&a, i);
		run_until(received(&a, i) > before + 3);
	}
	ck_assert_int_eq(ft_links_hub(a.links)->detector.interval, 20 * MS);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("links");
	TCase *t = tcase_create("links");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, prepare, clean_up);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, both_links_carry_heartbeats_both_ways);
	tcase_add_test(t, news_is_told_when_it_is_news);
	tcase_add_test(t, a_callback_may_send);
	tcase_add_test(t, a_leaver_is_refused_then_lost_then_new);
	tcase_add_test(t, an_answer_says_what_the_goodbye_before_it_has_changed);
	tcase_add_loop_test(t, a_stalled_daemon_reads_before_it_judges, 0, 2);
	tcase_add_test(t, a_flood_of_rubbish_does_no_harm);
	tcase_add_test(t, a_flood_hides_no_heartbeat_from_the_verdict);
	tcase_add_test(t, a_flood_puts_no_verdict_off);
	tcase_add_loop_test(t, a_flood_of_what_is_no_heartbeat_leaves_room_for_heartbeats, 0, 2);
	tcase_add_test(t, a_flood_that_has_ended_hides_nothing);
	tcase_add_loop_test(t, the_word_of_others_on_a_heartbeat_does_not_hold_up_the_next, 0,
	                    sizeof unreachable / sizeof unreachable[0]);
	tcase_add_test(t, every_fault_at_start_has_its_line);
	tcase_add_test(t, a_link_that_cannot_be_opened_yet_does_not_hold_up_the_others);
	tcase_add_test(t, a_link_is_opened_once_its_address_is_there);
	tcase_add_test(t, a_link_that_is_not_open_costs_nothing_in_doubt);
	tcase_add_test(t, a_link_local_address_follows_its_interface);
	tcase_add_test(t, a_link_whose_interface_is_missing_comes_up_with_it);
	tcase_add_loop_test(t, a_route_that_leads_nowhere_is_a_link_that_is_down, 0, 3);
	tcase_add_test(t, two_daemons_cannot_share_a_link);
	tcase_add_test(t, a_reload_keeps_the_heartbeats_flowing);
	tcase_add_test(t, a_failed_reload_changes_nothing);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
