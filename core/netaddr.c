/*
 * Tells public addresses from those inside a network. Pure; resolves nothing.
 */
#include "core/netaddr.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct net4 {
	uint8_t at[4];
	unsigned bits;
};

static const struct net4 inside4[] = {
	{ { 0 }, 8 },
	{ { 10 }, 8 },
	{ { 100, 64 }, 10 },
	{ { 127 }, 8 },
	{ { 169, 254 }, 16 },
	{ { 172, 16 }, 12 },
	{ { 192, 0, 0 }, 24 },
	{ { 192, 0, 2 }, 24 },
	{ { 192, 88, 99 }, 24 },
	{ { 192, 168 }, 16 },
	{ { 198, 18 }, 15 },
	{ { 198, 51, 100 }, 24 },
	{ { 203, 0, 113 }, 24 },
	{ { 224 }, 4 },
	{ { 240 }, 4 },
};

static bool has_prefix(const uint8_t *a, const uint8_t *net, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	uint8_t mask = (uint8_t)(0xff00u >> rest);

	return memcmp(a, net, whole) == 0 &&
	       (!rest || ((a[whole] ^ net[whole]) & mask) == 0);
}

static bool public4(const uint8_t *a)
{
	for (size_t i = 0; i < sizeof(inside4) / sizeof(*inside4); i++)
		if (has_prefix(a, inside4[i].at, inside4[i].bits))
			return false;
	return true;
}

static bool public6(const uint8_t *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
	static const uint8_t global[] = { 0x20 };
	static const uint8_t protocols[] = { 0x20, 0x01, 0x00 };
	static const uint8_t examples[] = { 0x20, 0x01, 0x0d, 0xb8 };
	static const uint8_t examples2[] = { 0x3f, 0xff, 0x00 };
	static const uint8_t six_to_four[] = { 0x20, 0x02 };

	if (has_prefix(a, mapped, 96) || has_prefix(a, nat64, 96))
		return public4(a + 12);
	if (has_prefix(a, six_to_four, 16))
		return public4(a + 2);
	return has_prefix(a, global, 3) && !has_prefix(a, protocols, 23) &&
	       !has_prefix(a, examples, 32) && !has_prefix(a, examples2, 20);
}

bool netaddr_is_public(const struct sockaddr *sa)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		return public4((const uint8_t *)&in.sin_addr);
	}
	if (sa->sa_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		return public6(in6.sin6_addr.s6_addr);
	}
	return false;
}
