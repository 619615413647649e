/* See nic.h. */
#include "supervisor/nic.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define LAYERS_MAX 8 /* a VLAN on a VLAN on ... */
#define ANSWER_MS  200

struct request {
	struct nlmsghdr head;
	union {
		struct rtmsg route;
		struct ifinfomsg link;
	} body;
	uint8_t attributes[64];
};

static void add_attribute(struct request *r, unsigned short type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)(void *)((uint8_t *)r + NLMSG_ALIGN(r->head.nlmsg_len));
	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

/* The answer's length, -1: none, or a refusal. */
static ssize_t ask(struct request *r, unsigned short wanted, void *answer, size_t size)
{
	struct timeval limit = {.tv_usec = ANSWER_MS * 1000L};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t n = -1;
	if (fd < 0)
		return -1;
	r->head.nlmsg_flags = NLM_F_REQUEST;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
	    send(fd, r, r->head.nlmsg_len, 0) == (ssize_t)r->head.nlmsg_len)
		n = recv(fd, answer, size, 0);
	close(fd);
	const struct nlmsghdr *head = answer;
	return n > 0 && NLMSG_OK(head, (size_t)n) && head->nlmsg_type == wanted ? n : -1;
}

/* The first of that type, or NULL.  (No const here and below: the kernel's macros take it away.) */
static struct rtattr *find(struct rtattr *a, size_t len, unsigned short type)
{
	for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
	return NULL;
}

static uint32_t number(struct rtattr *a)
{
	uint32_t value = 0;
	if (a && RTA_PAYLOAD(a) >= sizeof value)
		memcpy(&value, RTA_DATA(a), sizeof value);
	return value;
}

static const void *address_of(const struct sockaddr_storage *s, size_t *len)
{
	const struct sockaddr_in *four = (const void *)s;
	const struct sockaddr_in6 *six = (const void *)s;
	*len = s->ss_family == AF_INET ? sizeof four->sin_addr : sizeof six->sin6_addr;
	return s->ss_family == AF_INET ? (const void *)&four->sin_addr : (const void *)&six->sin6_addr;
}

/* 0: there is none. */
static uint32_t interface_of_route(const struct sockaddr_storage *local, const struct sockaddr_storage *peer)
{
	_Alignas(struct nlmsghdr) uint8_t answer[4096];
	struct request r = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof r.body.route), .nlmsg_type = RTM_GETROUTE}};
	size_t len;
	const void *to = address_of(peer, &len), *from = address_of(local, &len);
	uint32_t scope =
	    peer->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)(const void *)peer)->sin6_scope_id : 0;
	r.body.route = (struct rtmsg){.rtm_family = (unsigned char)peer->ss_family,
	                              .rtm_dst_len = (unsigned char)(8 * len),
	                              .rtm_src_len = (unsigned char)(8 * len)};
	add_attribute(&r, RTA_DST, to, len);
	add_attribute(&r, RTA_SRC, from, len);
	if (scope)
		add_attribute(&r, RTA_OIF, &scope, sizeof scope);
	ssize_t n = ask(&r, RTM_NEWROUTE, answer, sizeof answer);
	if (n < 0)
		return 0;
	struct nlmsghdr *head = (void *)answer;
	return number(find(RTM_RTA(NLMSG_DATA(head)), RTM_PAYLOAD(head), RTA_OIF));
}

static bool kind_is(const char *kind, const char *const kinds[])
{
	for (; *kinds; kinds++)
		if (strcmp(kind, *kinds) == 0)
			return true;
	return false;
}

/* What an interface lies on: another's number, itself, or 0 if it is several, or none that has a cable. */
static uint32_t lower_of(uint32_t interface)
{
	static const char *const on_one[] = {"vlan", "macvlan", "ipvlan", "macvtap", "ipvtap", NULL};
	static const char *const several[] = {"bond", "team", "bridge", NULL};
	_Alignas(struct nlmsghdr) uint8_t answer[16384];
	struct request r = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof r.body.link), .nlmsg_type = RTM_GETLINK}};
	r.body.link = (struct ifinfomsg){.ifi_family = AF_UNSPEC, .ifi_index = (int)interface};
	ssize_t n = ask(&r, RTM_NEWLINK, answer, sizeof answer);
	if (n < 0)
		return 0;
	struct nlmsghdr *head = (void *)answer;
	struct ifinfomsg *info = NLMSG_DATA(head);
	struct rtattr *all = IFLA_RTA(info);
	size_t len = IFLA_PAYLOAD(head);
	struct rtattr *about = find(all, len, IFLA_LINKINFO);
	struct rtattr *kind = about ? find(RTA_DATA(about), RTA_PAYLOAD(about), IFLA_INFO_KIND) : NULL;
	char text[IF_NAMESIZE] = "";
	if (kind && RTA_PAYLOAD(kind) < sizeof text)
		memcpy(text, RTA_DATA(kind), RTA_PAYLOAD(kind));
	if (info->ifi_flags & IFF_LOOPBACK || kind_is(text, several))
		return 0;
	uint32_t lower = number(find(all, len, IFLA_LINK));
	bool elsewhere = find(all, len, IFLA_LINK_NETNSID) != NULL;
	return kind_is(text, on_one) && lower && !elsewhere ? lower : interface;
}

int ft_nic_of(const struct sockaddr_storage *local, const struct sockaddr_storage *peer, char name[IF_NAMESIZE])
{
	uint32_t interface = interface_of_route(local, peer), lower;
	for (int i = 0; interface && i < LAYERS_MAX && (lower = lower_of(interface)) != interface; i++)
		interface = lower;
	return interface && if_indextoname(interface, name) ? 0 : -1;
}
