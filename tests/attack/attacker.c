/* Somebody on the network, without a key: sends what he likes, from whatever address, at a rate.
 * Knows: IPv4, UDP and ICMP headers.  Must not know: ftd, the format of heartbeats.
 *
 *   attacker SECONDS RATE FROM:PORT TO:PORT rubbish         datagrams of random bytes
 *   attacker SECONDS RATE FROM:PORT TO:PORT headed FILE     of FILE, one after the other, all but the first 16 bytes at random
 *   attacker SECONDS RATE FROM:PORT TO:PORT replay FILE     of FILE, one after the other, as they are
 *   attacker SECONDS RATE FROM:PORT TO:PORT icmp CODE       "destination unreachable" for what FROM has sent to TO
 *
 * FILE: datagrams, each behind its length in two bytes, big-endian.  It prints how many it has sent, and ends after so many
 * seconds, or with its parent. */
#include "tests/attack/unreachable.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH        64
#define PAYLOAD_MAX  512
#define RECORDED_MAX 20000
#define HEAD_KEPT    16 /* magic, version, link, flags, key id, and a little more */
#define RUBBISH_LEN  200
#define RATE_MAX     1000000
#define SECONDS_MAX  60

struct packet {
	struct iphdr ip;
	union {
		struct {
			struct udphdr head;
			uint8_t data[PAYLOAD_MAX];
		} udp;
		struct unreachable icmp;
	} u;
};

static struct recorded {
	uint16_t len;
	uint8_t data[PAYLOAD_MAX];
} recorded[RECORDED_MAX];
static int n_recorded, next;
static uint64_t dice = 88172645463325252u;

static uint8_t roll(void)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (uint8_t)(dice >> 32);
}

static void load(const char *path)
{
	FILE *in = fopen(path, "rb");
	uint8_t len[2];

	if (!in) {
		perror(path);
		exit(1);
	}
	while (n_recorded < RECORDED_MAX && fread(len, 1, sizeof len, in) == sizeof len) {
		struct recorded *r = &recorded[n_recorded];

		r->len = (uint16_t)(len[0] << 8 | len[1]);
		if (r->len > PAYLOAD_MAX || fread(r->data, 1, r->len, in) != r->len)
			break;
		n_recorded++;
	}
	fclose(in);
	if (n_recorded == 0) {
		fprintf(stderr, "%s: no datagram in it\n", path);
		exit(1);
	}
}

static struct sockaddr_in address(const char *text)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	char host[64] = "";
	int port = 0;

	if (sscanf(text, "%63[^:]:%d", host, &port) != 2 || inet_pton(AF_INET, host, &a.sin_addr) != 1) {
		fprintf(stderr, "not ADDRESS:PORT: %s\n", text);
		exit(2);
	}
	a.sin_port = htons((uint16_t)port);
	return a;
}

static struct iphdr ip_header(uint8_t protocol, size_t len, struct in_addr from, struct in_addr to)
{
	return (struct iphdr){.version = 4,
	                      .ihl = 5,
	                      .ttl = 64,
	                      .protocol = protocol,
	                      .tot_len = htons((uint16_t)(sizeof(struct iphdr) + len)),
	                      .saddr = from.s_addr,
	                      .daddr = to.s_addr};
}

static size_t datagram(struct packet *p, const struct sockaddr_in *from, const struct sockaddr_in *to,
                       const uint8_t *data, size_t kept, size_t len)
{
	size_t whole = sizeof p->u.udp.head + len;

	p->ip = ip_header(IPPROTO_UDP, whole, from->sin_addr, to->sin_addr);
	p->u.udp.head = (struct udphdr){.source = from->sin_port, .dest = to->sin_port, .len = htons((uint16_t)whole)};
	for (size_t i = 0; i < len; i++)
		p->u.udp.data[i] = i < kept ? data[i] : roll();
	return sizeof p->ip + whole;
}

/* To FROM, whoever sends it. */
static size_t unreachable(struct packet *p, const struct sockaddr_in *from, const struct sockaddr_in *to, int code)
{
	p->ip = ip_header(IPPROTO_ICMP, sizeof p->u.icmp, to->sin_addr, from->sin_addr);
	p->u.icmp = forge_unreachable(from, to, code);
	return sizeof p->ip + sizeof p->u.icmp;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct attack {
	struct sockaddr_in from, to;
	enum { RUBBISH, HEADED, REPLAY, ICMP } kind;
	int code;
};

static size_t make(struct packet *p, const struct attack *a)
{
	const struct recorded *r = &recorded[n_recorded ? next++ % n_recorded : 0];

	switch (a->kind) {
	case RUBBISH:
		return datagram(p, &a->from, &a->to, NULL, 0, RUBBISH_LEN);
	case HEADED:
		return datagram(p, &a->from, &a->to, r->data, HEAD_KEPT, r->len);
	case REPLAY:
		return datagram(p, &a->from, &a->to, r->data, r->len, r->len);
	case ICMP:
		break;
	}
	return unreachable(p, &a->from, &a->to, a->code);
}

static int send_batch(int fd, const struct attack *a, int n)
{
	static struct packet packets[BATCH];
	static struct iovec parts[BATCH];
	struct mmsghdr heads[BATCH] = {0};
	struct sockaddr_in to = a->kind == ICMP ? a->from : a->to;

	for (int i = 0; i < n; i++) {
		parts[i] = (struct iovec){.iov_base = &packets[i], .iov_len = make(&packets[i], a)};
		heads[i].msg_hdr =
		    (struct msghdr){.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &parts[i], .msg_iovlen = 1};
	}
	int sent = sendmmsg(fd, heads, (unsigned)n, 0);
	if (sent < 0 && errno != ENOBUFS && errno != EAGAIN) {
		perror("sendmmsg");
		exit(1);
	}
	return sent > 0 ? sent : 0;
}

/* What cannot be sent in time is not made up for beyond a batch. */
static long attack_for(int fd, const struct attack *a, double lasts, double rate)
{
	double begun = seconds(), credit = 0, last = begun;
	long sent = 0;

	for (double now = begun; now < begun + lasts; now = seconds()) {
		credit += (now - last) * rate;
		last = now;
		credit = credit > 8 * BATCH ? 8 * BATCH : credit;
		int n = credit < BATCH ? (int)credit : BATCH;
		if (n < 1 || (n < BATCH && rate > 50000)) {
			usleep(100);
			continue;
		}
		sent += send_batch(fd, a, n);
		credit -= n;
	}
	return sent;
}

int main(int argc, char **argv)
{
	struct attack a = {.kind = RUBBISH};

	if (argc < 6) {
		fprintf(
		    stderr,
		    "usage: attacker SECONDS RATE FROM:PORT TO:PORT rubbish | headed FILE | replay FILE | icmp CODE\n");
		return 2;
	}
	double lasts = atof(argv[1]), rate = atof(argv[2]);
	a.from = address(argv[3]);
	a.to = address(argv[4]);
	bool known = strcmp(argv[5], "rubbish") == 0;
	if (argc == 7 && (strcmp(argv[5], "headed") == 0 || strcmp(argv[5], "replay") == 0)) {
		a.kind = argv[5][0] == 'h' ? HEADED : REPLAY;
		load(argv[6]);
		known = true;
	} else if (argc == 7 && strcmp(argv[5], "icmp") == 0) {
		a.kind = ICMP;
		a.code = atoi(argv[6]);
		known = true;
	}
	if (!known || lasts <= 0 || lasts > SECONDS_MAX || rate <= 0 || rate > RATE_MAX) {
		fprintf(stderr, "up to %d seconds, up to %d a second, of a known kind\n", SECONDS_MAX, RATE_MAX);
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (fd < 0) {
		perror("raw socket");
		return 1;
	}
	printf("%ld\n", attack_for(fd, &a, lasts, rate));
	return 0;
}
