/* See links.h.
 * Every wake-up, whatever its cause, is one turn: what is done in it, and in which order, turn.c knows. */
#include "heartbeat/links.h"
#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/timer.h"
#include "heartbeat/sieve.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Taken from the kernel at a time; one more than there usually are, so that it says at once that there are no more. */
#define BATCH 4
/* Room for the heartbeats of a stall of some seconds; the kernel counts its own overhead as well, and doubles it for that. */
#define RECEIVE_BUFFER (256 * 1024)
/* Per link and turn, a bound on what a flood can cost the loop: more than the buffer can hold, or a flood would hide from
 * the verdict a heartbeat that came in time.  The least that the kernel counts for a datagram is its two headers. */
#define DATAGRAM_COST      512
#define DATAGRAMS_PER_TURN (2 * RECEIVE_BUFFER / DATAGRAM_COST)
#define OPEN_AGAIN         (1000 * FT_NS_PER_MS)
/* The network's words on earlier heartbeats that are taken in, each in place of a send or a read; anybody may forge them.  Where
 * 50 000 a second come in, in bursts of 64, eight sends in a row have all met one; who reads does not do that for ever. */
#define SENDS_AT_MOST   32
#define ERRORS_PER_TURN 256
/* So much that is no heartbeat of this pair, within that time, is a flood; for so long it is dropped in the kernel (sieve.h).  It
 * is less than the least buffer holds, and more than a peer sends that is set up wrongly. */
#define FLOOD_FROM   400
#define FLOOD_WITHIN (1000 * FT_NS_PER_MS)
#define SIEVE_LASTS  (2000 * FT_NS_PER_MS)
#define FLOOD_AGAIN  (60000 * FT_NS_PER_MS) /* who goes on within that time is not told of again */

struct udp_link {
	int fd; /* -1: not open; with a local_len, it is to be */
	struct event *readable;
	struct sockaddr_storage local, peer;
	socklen_t local_len, peer_len;
	int open_error;          /* while it is not open, why it is not */
	bool lasting;            /* and that will not pass by itself */
	char fault[FT_TEXT_MAX]; /* the same, for people */
	struct flood {
		int64_t since; /* what is counted here came in since then */
		uint64_t rubbish;
		bool sieved;
		int64_t until; /* while it is sieved; once it is not: when it ceased to be; 0 never was */
	} flood;
};

struct inbox {
	struct mmsghdr heads[BATCH];
	struct iovec parts[BATCH];
	uint8_t data[BATCH][FT_WIRE_MAX];
	int link;         /* that is being read, one after the other; n_links: all are */
	int n, next;      /* read from it, of which next is the next to be handed on */
	int left, errors; /* that are still to be read from it at most; 0: it is not read further in this turn */
};

struct ft_links {
	struct event_base *base;
	struct ft_timers *timers;
	const struct ft_heartbeat_settings *settings;
	struct ft_turn_callbacks cb;
	struct ft_hub hub;
	struct ft_turn turn;
	struct udp_link links[FT_LINKS_MAX]; /* hub.n_links of them */
	struct inbox inbox;
	struct ft_timer *timer; /* for the next turn at the latest */
	struct ft_timer *open_again;
	bool open_again_set;
	struct event *looked; /* the loop is about to look at the sockets again */
	bool drained;         /* since it last looked: what it found readable then is read */
};

static void open_again_later(struct ft_links *l)
{
	if (!l->open_again_set)
		ft_timer_set(l->open_again, ft_clock_now() + OPEN_AGAIN);
	l->open_again_set = true;
}

static bool link_local(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET6 &&
	       IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

/* The number of the interface of a link-local address, 0 of any other, or while there is none of that name. */
static uint32_t scope(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)(const void *)address)->sin6_scope_id : 0;
}

/* An error may be the answer to an earlier heartbeat, true or forged; it is told in place of sending this one, and is gone then.
 * One that our own kernel has with this one stays. */
static ssize_t send_anyway(struct ft_links *l, int i, const uint8_t *data, size_t len, int64_t now)
{
	ssize_t sent = -1;

	for (int tries = 0; tries < SENDS_AT_MOST && sent < 0; tries++) {
		sent = send(l->links[i].fd, data, len, 0);
		if (sent < 0 && errno == ECONNREFUSED)
			ft_turn_refused(&l->turn, i, now);
	}
	return sent;
}

static int64_t clock_now(void *world)
{
	(void)world;
	return ft_clock_now();
}

static bool moment(void *world)
{
	(void)world;
	return true;
}

static void send_on(void *world, int i, const uint8_t *data, size_t len, int64_t now)
{
	struct ft_links *l = world;
	struct udp_link *u = &l->links[i];
	struct ft_link_stats *stats = &l->hub.links[i].stats;

	if (u->fd < 0) {
		stats->unsent++;
		stats->send_error = u->open_error;
		return;
	}
	ssize_t sent = send_anyway(l, i, data, len, now);

	stats->send_error = sent < 0 ? errno : 0;
	if (sent >= 0)
		return;
	stats->unsent++;
	if (link_local(&u->local)) /* its interface may have been made anew */
		open_again_later(l);
}

static void prepare_inbox(struct inbox *in)
{
	for (int k = 0; k < BATCH; k++) {
		in->parts[k] = (struct iovec){.iov_base = in->data[k], .iov_len = sizeof in->data[k]};
		in->heads[k].msg_hdr = (struct msghdr){.msg_iov = &in->parts[k], .msg_iovlen = 1};
	}
}

static void begin_link(struct inbox *in, int link)
{
	in->link = link;
	in->n = in->next = 0;
	in->left = DATAGRAMS_PER_TURN;
	in->errors = ERRORS_PER_TURN;
}

/* The next batch from the link that is being read; false: there is no more on it. */
static bool read_batch(struct ft_links *l)
{
	struct inbox *in = &l->inbox;

	while (in->left > 0 && in->errors > 0) {
		/* MSG_TRUNC: the true length, so that a datagram that is too long is refused for it. */
		int n = recvmmsg(l->links[in->link].fd, in->heads, BATCH, MSG_TRUNC, NULL);

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return false;
		/* Any other error is the network's word on an earlier send, and reading it has cleared it. */
		if (n < 0 && errno == ECONNREFUSED)
			ft_turn_refused(&l->turn, in->link, ft_clock_now());
		in->errors -= n <= 0;
		if (n <= 0)
			continue;
		/* Fewer: no more there, or an error met in between; then what is behind it came just now. */
		in->left = n < BATCH ? 0 : in->left - n;
		in->n = n;
		in->next = 0;
		return true;
	}
	return false;
}

static bool receive(void *world, struct ft_datagram *out)
{
	struct ft_links *l = world;
	struct inbox *in = &l->inbox;

	for (; in->link < l->hub.n_links; begin_link(in, in->link + 1)) {
		bool open = l->links[in->link].fd >= 0;

		if (!open || (in->next == in->n && !read_batch(l)))
			continue;
		*out = (struct ft_datagram){
		    .link = in->link, .data = in->data[in->next], .len = in->heads[in->next].msg_len};
		in->next++;
		return true;
	}
	l->drained = true;
	event_active(l->looked, 0, 0);
	return false;
}

static uint64_t rubbish_so_far(const struct ft_links *l, int i)
{
	const uint64_t *rejected = l->hub.links[i].stats.rejected;

	return rejected[FT_WIRE_LENGTH] + rejected[FT_WIRE_MAGIC] + rejected[FT_WIRE_KEY];
}

static void sieve(struct ft_links *l, int i, int64_t now)
{
	struct flood *f = &l->links[i].flood;

	if (ft_sieve_attach(l->links[i].fd, l->settings->keys, l->settings->n_keys) != 0)
		return;
	if (f->until == 0 || now - f->until >= FLOOD_AGAIN)
		ft_log(FT_LOG_WARN, "heartbeat",
		       "link %d: a flood of datagrams that are no heartbeats of this pair; the kernel drops them",
		       i + 1);
	f->sieved = true;
	f->until = now + SIEVE_LASTS;
}

static void end_sieve(struct ft_links *l, int i)
{
	if (l->links[i].flood.sieved)
		ft_sieve_detach(l->links[i].fd);
	l->links[i].flood.sieved = false;
}

/* It is looked at anew every few seconds whether there is a flood still: what is sieved is not seen. */
static void watch_for_flood(struct ft_links *l, int i, uint64_t rubbish, int64_t now)
{
	struct flood *f = &l->links[i].flood;

	if (f->sieved && now < f->until)
		return;
	end_sieve(l, i);
	if (now - f->since >= FLOOD_WITHIN) {
		f->since = now;
		f->rubbish = 0;
	}
	f->rubbish += rubbish;
	if (f->rubbish < FLOOD_FROM)
		return;
	f->rubbish = 0;
	sieve(l, i, now);
}

/* When to look again; FT_NEVER: nothing is sieved.  No datagram brings that turn: those that come are dropped. */
static int64_t sieve_ends(const struct ft_links *l)
{
	int64_t at = FT_NEVER;

	for (int i = 0; i < l->hub.n_links; i++)
		if (l->links[i].flood.sieved && l->links[i].flood.until < at)
			at = l->links[i].flood.until;
	return at;
}

static void set_timer(struct ft_links *l)
{
	int64_t at = ft_turn_deadline(&l->turn), sieved_until = sieve_ends(l);

	ft_timer_set(l->timer, sieved_until < at ? sieved_until : at);
}

static void turn(struct ft_links *l, bool (*what)(struct ft_turn *t))
{
	uint64_t before[FT_LINKS_MAX] = {0};

	if (l->turn.running)
		return;
	for (int i = 0; i < l->hub.n_links; i++)
		before[i] = rubbish_so_far(l, i);
	begin_link(&l->inbox, 0);
	what(&l->turn);
	for (int i = 0; i < l->hub.n_links; i++)
		if (l->links[i].fd >= 0)
			watch_for_flood(l, i, rubbish_so_far(l, i) - before[i], ft_clock_now());
	set_timer(l);
}

/* Of several links that the loop has found readable, the first brings the turn that reads them all. */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct ft_links *l = arg;

	(void)fd;
	(void)what;
	if (l->drained)
		return;
	turn(l, ft_turn_run);
	/* A secondary wakes once an interval, to hear; its own timer is far. */
	ft_timers_join(l->timers);
}

/* Activated by hand in a turn, it comes after all that the loop has found when it last looked. */
static void on_looked(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	((struct ft_links *)arg)->drained = false;
}

/* What is sieved is looked at anew in a turn that reads. */
static void on_timer(void *arg)
{
	struct ft_links *l = arg;

	turn(l, ft_clock_now() < sieve_ends(l) ? ft_turn_timer : ft_turn_run);
}

static void close_link(struct udp_link *u)
{
	if (u->readable)
		event_free(u->readable);
	if (u->fd >= 0)
		close(u->fd);
	*u = (struct udp_link){.fd = -1};
}

static int set_reuse(int fd, int on)
{
	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

static const char *bind_hint(int error)
{
	if (error == EADDRNOTAVAIL)
		return "is the address on this host?";
	if (error == EADDRINUSE)
		return "is another ftd using it?";
	return "check heartbeat.links in ft.conf";
}

/* All else may pass: an interface that comes late or is down, an address still looked for a double, a route that leads
 * nowhere or is forbidden, IPv6 that is switched off, a want of memory. */
static bool lasts(int bind_error)
{
	return bind_error == EADDRINUSE || bind_error == EACCES;
}

static int fault(struct udp_link *u, const char *what, const char *address, int error, const char *hint)
{
	u->open_error = error;
	snprintf(u->fault, sizeof u->fault, "cannot %s %s: %s; %s", what, address, strerror(error), hint);
	return -1;
}

static int bind_and_connect(struct udp_link *u, const struct ft_link_settings *c)
{
	int on = 1, size = RECEIVE_BUFFER, rc;

	if ((link_local(&c->local) && !scope(&c->local)) || (link_local(&c->peer) && !scope(&c->peer)))
		return fault(u, "bind", c->local_text, ENODEV, "is its interface on this host?");
	if (c->local.ss_family == AF_INET6 && setsockopt(u->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
		return fault(u, "set up", c->local_text, errno, "is IPv6 switched off on this host?");
	/* More room is welcome, not needed: a heartbeat repeats all that the one before it said. */
	(void)setsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	/* Only towards our own sockets that are about to close (see reconfigure); off again once bound, or a second
	 * ftd could share the port. */
	if (set_reuse(u->fd, 1) != 0)
		return fault(u, "set up", c->local_text, errno, bind_hint(0));
	rc = bind(u->fd, (const struct sockaddr *)&c->local, c->local_len);
	u->lasting = rc != 0 && lasts(errno);
	if (rc != 0)
		return fault(u, "bind", c->local_text, errno, bind_hint(errno));
	if (set_reuse(u->fd, 0) != 0)
		return fault(u, "set up", c->local_text, errno, bind_hint(0));
	if (connect(u->fd, (const struct sockaddr *)&c->peer, c->peer_len) != 0)
		return fault(u, "connect to", c->peer_text, errno, "is there a route from the local address?");
	return 0;
}

static int watch(struct ft_links *l, struct udp_link *u, const char *address)
{
	u->readable = event_new(l->base, u->fd, EV_READ | EV_PERSIST, on_readable, l);
	if (u->readable && event_add(u->readable, NULL) == 0)
		return 0;
	return fault(u, "watch", address, ENOMEM, "free some memory");
}

/* 0, or -1 with the fault in out, which stands for the link all the same. */
static int open_link(struct ft_links *l, const struct ft_link_settings *c, struct udp_link *out)
{
	struct udp_link closed = {
	    .fd = -1, .local = c->local, .peer = c->peer, .local_len = c->local_len, .peer_len = c->peer_len};
	*out = closed;
	out->fd = socket(c->local.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (out->fd < 0)
		return fault(out, "open a socket for", c->local_text, errno, bind_hint(0));
	if (bind_and_connect(out, c) == 0 && watch(l, out, c->local_text) == 0)
		return 0;
	closed.open_error = out->open_error;
	closed.lasting = out->lasting;
	memcpy(closed.fault, out->fault, sizeof closed.fault);
	close_link(out);
	*out = closed;
	return -1;
}

/* The interface may have another number meanwhile, or none: then the text tells. */
static bool same_link(const struct ft_links *l, int i, const struct ft_link_settings *c)
{
	const struct udp_link *u = &l->links[i];
	const struct ft_link_settings *old = &l->settings->links[i];

	if (u->local_len != c->local_len || u->peer_len != c->peer_len)
		return false;
	if (link_local(&c->local))
		return strcmp(old->local_text, c->local_text) == 0 && strcmp(old->peer_text, c->peer_text) == 0;
	return memcmp(&u->local, &c->local, c->local_len) == 0 && memcmp(&u->peer, &c->peer, c->peer_len) == 0;
}

/* The link with these addresses, open or still to be opened, or -1. */
static int find_link(const struct ft_links *l, const struct ft_link_settings *c)
{
	for (int i = 0; i < l->hub.n_links; i++)
		if (same_link(l, i, c))
			return i;
	return -1;
}

/* Links are numbered from 1 for people. */
static void tell_closed(int i, const struct udp_link *u)
{
	ft_log(FT_LOG_ERROR, "heartbeat", "link %d: %s (it is tried again every second)", i + 1, u->fault);
}

/* The interface that stands behind the % has another number once it was made anew. */
static void follow_interface(struct sockaddr_storage *address, const char *text)
{
	struct sockaddr_storage now;
	socklen_t len;

	if (link_local(address) && ft_address_parse(text, &now, &len) == NULL)
		*address = now;
}

static void open_again(struct ft_links *l, int i)
{
	struct udp_link now, *before = &l->links[i];
	struct ft_link_settings c = l->settings->links[i];

	follow_interface(&c.local, c.local_text);
	follow_interface(&c.peer, c.peer_text);
	bool moved = scope(&c.local) != scope(&before->local);
	if (before->fd >= 0 && !(l->hub.links[i].stats.send_error && moved))
		return;
	char fault_told[FT_TEXT_MAX];
	memcpy(fault_told, before->fault, sizeof fault_told);
	close_link(before); /* it has the port */
	if (open_link(l, &c, &now) == 0)
		ft_log(FT_LOG_INFO, "heartbeat", "link %d: open", i + 1);
	else if (strcmp(now.fault, fault_told) != 0)
		tell_closed(i, &now);
	*before = now;
}

static void on_open_again(void *arg)
{
	struct ft_links *l = arg;

	l->open_again_set = false;
	for (int i = 0; i < l->hub.n_links; i++) {
		open_again(l, i);
		if (l->links[i].fd < 0)
			open_again_later(l);
	}
}

/* Opens what settings has and we have not, and only then closes what we have and settings has not.  All or nothing; but what
 * could not be opened at the start may still wait.
 * A link that changes its peer only is bound anew beside its old socket, hence the moment of SO_REUSEADDR. */
static int swap_sockets(struct ft_links *l, const struct ft_heartbeat_settings *settings, bool at_start, FILE *errors)
{
	struct udp_link fresh[FT_LINKS_MAX];
	bool opened[FT_LINKS_MAX] = {false}, failed[FT_LINKS_MAX] = {false}, kept[FT_LINKS_MAX] = {false};
	int faults = 0;

	for (int i = 0; i < l->hub.n_links; i++)
		if (l->links[i].fd >= 0)
			(void)set_reuse(l->links[i].fd, 1);
	for (int i = 0; i < settings->n_links; i++) {
		int old = find_link(l, &settings->links[i]);

		if (old >= 0 && !kept[old]) {
			fresh[i] = l->links[old];
			kept[old] = true;
		} else {
			opened[i] = open_link(l, &settings->links[i], &fresh[i]) == 0;
			failed[i] = !opened[i];
			faults += failed[i] && !(at_start && !fresh[i].lasting);
		}
	}
	for (int i = 0; i < l->hub.n_links; i++) {
		if (l->links[i].fd >= 0)
			(void)set_reuse(l->links[i].fd, 0);
		if (!faults && !kept[i])
			close_link(&l->links[i]);
	}
	for (int i = 0; i < settings->n_links && faults; i++) {
		if (opened[i])
			close_link(&fresh[i]);
		else if (failed[i])
			fprintf(errors, "link %d: %s\n", i + 1, fresh[i].fault);
	}
	if (faults)
		return -1;
	for (int i = 0; i < FT_LINKS_MAX; i++)
		l->links[i] = i < settings->n_links ? fresh[i] : (struct udp_link){.fd = -1};
	return 0;
}

static int make_events(struct ft_links *l, FILE *errors)
{
	l->timer = ft_timer_new(l->timers, on_timer, l);
	l->open_again = ft_timer_new(l->timers, on_open_again, l);
	l->looked = event_new(l->base, -1, 0, on_looked, l);
	if (l->timer && l->open_again && l->looked)
		return 0;
	fprintf(errors, "heartbeat timer: out of memory\n");
	return -1;
}

struct ft_links *ft_links_new(struct event_base *base, struct ft_timers *timers,
                              const struct ft_heartbeat_settings *settings, uint64_t incarnation,
                              const struct ft_turn_callbacks *cb, void *arg, FILE *errors)
{
	static const struct ft_turn_deeds deeds = {
	    .now = clock_now, .moment = moment, .receive = receive, .send = send_on};
	struct ft_links *l = calloc(1, sizeof *l);
	struct timespec wall = ft_clock_wall();
	int64_t born = wall.tv_sec > 0 ? (int64_t)wall.tv_sec * 1000 * FT_NS_PER_MS + wall.tv_nsec : 0;

	if (!l) {
		fprintf(errors, "heartbeat links: out of memory\n");
		return NULL;
	}
	*l = (struct ft_links){.base = base, .timers = timers, .settings = settings, .cb = *cb};
	for (int i = 0; i < FT_LINKS_MAX; i++)
		l->links[i].fd = -1;
	prepare_inbox(&l->inbox);
	ft_hub_init(&l->hub, settings, incarnation, born, ft_clock_now());
	ft_turn_init(&l->turn, &l->hub, &deeds, l, &l->cb, arg);
	if (swap_sockets(l, settings, true, errors) != 0 || make_events(l, errors) != 0) {
		ft_links_free(l);
		return NULL;
	}
	for (int i = 0; i < settings->n_links; i++)
		if (l->links[i].fd < 0) {
			tell_closed(i, &l->links[i]);
			open_again_later(l);
		}
	set_timer(l);
	return l;
}

int ft_links_reconfigure(struct ft_links *l, const struct ft_heartbeat_settings *settings, FILE *errors)
{
	assert(!l->turn.running);
	if (swap_sockets(l, settings, false, errors) != 0)
		return -1;
	l->settings = settings;
	ft_hub_reconfigure(&l->hub, settings, ft_clock_now());
	for (int i = 0; i < settings->n_links; i++)
		end_sieve(l, i); /* the keys may be others */
	set_timer(l);
	return 0;
}

size_t ft_links_compose(struct ft_links *l, int link, const struct ft_side *self, uint8_t out[FT_WIRE_MAX])
{
	return ft_hub_compose(&l->hub, link, self, ft_clock_now(), out);
}

void ft_links_send_now(struct ft_links *l)
{
	ft_turn_send_now(&l->turn);
	if (!l->turn.running)
		set_timer(l);
}

void ft_links_catch_up(struct ft_links *l)
{
	turn(l, ft_turn_run);
}

const struct ft_hub *ft_links_hub(const struct ft_links *l)
{
	return &l->hub;
}

void ft_links_free(struct ft_links *l)
{
	if (!l)
		return;
	assert(!l->turn.running);
	for (int i = 0; i < FT_LINKS_MAX; i++)
		close_link(&l->links[i]);
	ft_timer_free(l->timer);
	ft_timer_free(l->open_again);
	if (l->looked)
		event_free(l->looked);
	free(l);
}
