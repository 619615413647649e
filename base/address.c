/* See address.h. */
#include "base/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HOST_MAX 64

/* Returns 0 if text is no port. */
static in_port_t parse_port(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 5 || text[digits])
		return 0;
	long port = strtol(text, NULL, 10);
	return port <= UINT16_MAX ? (in_port_t)port : 0;
}

static const char *parse_v4(const char *host, in_port_t port, struct sockaddr_in *sin)
{
	if (inet_pton(AF_INET, host, &sin->sin_addr) != 1)
		return "is not a numeric IPv4 address";
	uint32_t address = ntohl(sin->sin_addr.s_addr);
	if (address == INADDR_ANY || address == INADDR_BROADCAST || IN_MULTICAST(address))
		return "is not the address of one host";
	sin->sin_family = AF_INET;
	sin->sin_port = htons(port);
	return NULL;
}

static bool interface_name(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len < IF_NAMESIZE && strcspn(text, "/: \t") == len;
}

static const char *parse_v6(char *host, in_port_t port, struct sockaddr_in6 *sin6)
{
	char *scope = strchr(host, '%');

	if (scope)
		*scope++ = '\0';
	if (inet_pton(AF_INET6, host, &sin6->sin6_addr) != 1)
		return "is not a numeric IPv6 address";
	if (IN6_IS_ADDR_UNSPECIFIED(&sin6->sin6_addr) || IN6_IS_ADDR_MULTICAST(&sin6->sin6_addr))
		return "is not the address of one host";
	if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr))
		return "is an IPv4 address in IPv6 form: write it as IPv4";
	if (IN6_IS_ADDR_LINKLOCAL(&sin6->sin6_addr) != (scope != NULL))
		return scope ? "has a %interface, which only a link-local address (fe80::) takes"
		             : "is link-local and does not say on which interface: write [fe80::1%eth0]:7400";
	if (scope && !interface_name(scope))
		return "has no name of an interface behind the %";
	/* One that is missing may come: the link is down until then, and no fault of the file. */
	sin6->sin6_scope_id = scope ? if_nametoindex(scope) : 0;
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(port);
	return NULL;
}

const char *ft_address_parse(const char *text, struct sockaddr_storage *out, socklen_t *len)
{
	bool v6 = text[0] == '[';
	const char *end = strstr(text, v6 ? "]:" : ":");
	char host[HOST_MAX];

	if (!end)
		return "has no port";
	const char *start = v6 ? text + 1 : text;
	in_port_t port = parse_port(v6 ? end + 2 : end + 1);
	if (port == 0)
		return v6 || !strchr(end + 1, ':') ? "has a port that is not 1 to 65535"
		                                   : "is neither IPv4 nor IPv6 in brackets";
	if ((size_t)(end - start) >= sizeof(host))
		return "is too long";
	memcpy(host, start, (size_t)(end - start));
	host[end - start] = '\0';

	memset(out, 0, sizeof(*out));
	*len = v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	return v6 ? parse_v6(host, port, (struct sockaddr_in6 *)out) : parse_v4(host, port, (struct sockaddr_in *)out);
}

static const char *bracketed_fault(const char *host, size_t len)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (len >= sizeof(text))
		return "is not a numeric IPv6 address";
	memcpy(text, host, len);
	text[len] = '\0';
	return inet_pton(AF_INET6, text, &address) == 1 ? NULL : "is not a numeric IPv6 address";
}

const char *ft_url_fault(const char *text)
{
	static const char name_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
	size_t scheme = strncmp(text, "https://", 8) == 0 ? 8 : strncmp(text, "http://", 7) == 0 ? 7 : 0;
	bool v6 = text[scheme] == '[';
	const char *host = text + scheme + v6;
	const char *end = strstr(host, v6 ? "]:" : ":");

	if (scheme == 0)
		return "is no http:// or https:// URL";
	if (!end)
		return "has no port";
	if (parse_port(end + v6 + 1) == 0)
		return "does not end in a port, 1 to 65535";
	if (v6)
		return bracketed_fault(host, (size_t)(end - host));
	return end > host && strspn(host, name_letters) == (size_t)(end - host) ? NULL : "has no good host";
}

bool ft_address_equal(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	return memcmp(a, b, sizeof(*a)) == 0; /* ft_address_parse leaves no byte unset */
}
