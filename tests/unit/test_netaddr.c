/* Which addresses are public. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/netaddr.h"

static bool is_public(const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return netaddr_is_public((struct sockaddr *)&in);
	if (inet_pton(AF_INET6, text, &in6.sin6_addr) != 1)
		fail_msg("%s", text);
	return netaddr_is_public((struct sockaddr *)&in6);
}

static void test_inside(void **state)
{
	static const char *const inside[] = {
		"0.0.0.0",
		"10.0.0.1",
		"100.64.0.1",
		"100.127.255.255",
		"127.0.0.1",
		"127.255.255.254",
		"169.254.169.254",
		"172.16.0.1",
		"172.31.255.255",
		"192.0.0.8",
		"192.168.1.1",
		"198.19.0.1",
		"203.0.113.7",
		"224.0.0.1",
		"255.255.255.255",
		"::",
		"::1",
		"::ffff:127.0.0.1",
		"::ffff:10.1.2.3",
		"::127.0.0.1",
		"64:ff9b::a00:1",
		"2002:a00:1::1",
		"2001:db8::1",
		"2001::1",
		"fc00::1",
		"fd12:3456::1",
		"fe80::1",
		"fec0::1",
		"ff02::1",
		"100::1",
		"3fff::1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(inside) / sizeof(*inside); i++)
		if (is_public(inside[i]))
			fail_msg("%s is not public", inside[i]);
}

static void test_outside(void **state)
{
	static const char *const outside[] = {
		"1.1.1.1",         "8.8.8.8",          "100.63.255.255",
		"100.128.0.0",     "172.15.255.255",   "172.32.0.1",
		"192.0.1.1",       "198.17.255.255",   "198.20.0.1",
		"223.255.255.255", "2606:4700::1111",  "2a00:1450::1",
		"::ffff:1.1.1.1",  "64:ff9b::101:101", "2002:101:101::1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(outside) / sizeof(*outside); i++)
		if (!is_public(outside[i]))
			fail_msg("%s is public", outside[i]);
}

static void test_other_family(void **state)
{
	struct sockaddr_storage un = { .ss_family = AF_UNIX };

	(void)state;
	assert_false(netaddr_is_public((struct sockaddr *)&un));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inside),
		cmocka_unit_test(test_outside),
		cmocka_unit_test(test_other_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
