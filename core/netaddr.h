#ifndef CX_CORE_NETADDR_H
#define CX_CORE_NETADDR_H

#include <stdbool.h>
#include <sys/socket.h>

/**
 * netaddr_is_public - an IPv4 or IPv6 address that the public internet routes
 *
 * Not so: loopback, private, link-local, shared, documentation, benchmarking,
 * multicast and reserved ranges (RFC 6890 and the IANA registries it founded),
 * unique-local IPv6, and IPv6 forms that carry such an IPv4 address (mapped,
 * NAT64, 6to4). Any other family is not public.
 */
bool netaddr_is_public(const struct sockaddr *sa);

#endif
