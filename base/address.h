/* Addresses as text: of a link, "10.0.0.1:7400", "[fd00::1]:7400", "[fe80::1%eth0]:7400"; and of an endpoint, a URL.
 * Knows: their form.  Must not know: name resolution; a heartbeat must not hang on a name server. */
#ifndef FT_BASE_ADDRESS_H
#define FT_BASE_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* The address of a link, as it stands in the file.  A link-local one names its interface, whose number is looked
 * up; it is 0 while there is no such interface.
 * Returns NULL, or what is wrong with text.  Numeric only: no name is ever resolved. */
const char *ft_address_parse(const char *text, struct sockaddr_storage *out, socklen_t *len);
/* Same family, address, scope and port, of two that were parsed. */
bool ft_address_equal(const struct sockaddr_storage *a, const struct sockaddr_storage *b);

/* "https://host:port" or "http://host:port", and no more.  Returns NULL, or what is wrong with text. */
const char *ft_url_fault(const char *text);

#endif
