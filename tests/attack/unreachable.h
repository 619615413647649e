/* ICMP's "destination unreachable", as somebody forges it who knows nothing of a connection but its addresses. */
#ifndef FT_TESTS_UNREACHABLE_H
#define FT_TESTS_UNREACHABLE_H

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <stdint.h>

struct unreachable {
	struct icmphdr head;
	struct iphdr ip;
	struct udphdr udp;
};

static uint16_t icmp_sum(const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* Of a datagram that from has sent to to. */
static struct unreachable forge_unreachable(const struct sockaddr_in *from, const struct sockaddr_in *to, int code)
{
	struct unreachable u = {.head = {.type = ICMP_DEST_UNREACH, .code = (uint8_t)code},
	                        .ip = {.version = 4,
	                               .ihl = 5,
	                               .ttl = 64,
	                               .protocol = IPPROTO_UDP,
	                               .tot_len = htons(200),
	                               .saddr = from->sin_addr.s_addr,
	                               .daddr = to->sin_addr.s_addr},
	                        .udp = {.source = from->sin_port, .dest = to->sin_port, .len = htons(180)}};

	if (code == ICMP_FRAG_NEEDED)
		u.head.un.frag.mtu = htons(600);
	u.head.checksum = icmp_sum(&u, sizeof u);
	return u;
}

#endif
