/* Through which network interface a link's datagrams leave this host: so that two links that share one are told.
 * Knows: Linux's routing tables and interfaces, by netlink.  Must not know: what a link is for. */
#ifndef FT_SUPERVISOR_NIC_H
#define FT_SUPERVISOR_NIC_H

#include <net/if.h>
#include <sys/socket.h>

/* The interface under that of the route from local to peer: a VLAN's is the one it lies on.  Asks the kernel, which answers at
 * once.  0, or -1 if there is no such thing to tell: no route, loopback, or an interface that is several (a bond, a bridge). */
int ft_nic_of(const struct sockaddr_storage *local, const struct sockaddr_storage *peer, char name[IF_NAMESIZE]);

#endif
