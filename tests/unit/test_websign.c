/* The signature of webhooks, against what the openssl command computes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/websign.h"

static void test_signature(void **state)
{
	static const char body[] = "{\"id\":\"evt_1\"}";
	char out[WEBSIGN_SIZE];

	(void)state;
	websign(out, "a secret of some length", 1700000000, body,
		sizeof(body) - 1);
	assert_string_equal(
	    out,
	    "t=1700000000,v1="
	    "9789ae88487df6f78049d8c5be4afbdffa9cc0012243390698d3aa426878b6d1");
	websign(out, "a secret of some length", UINT64_MAX, body,
		sizeof(body) - 1);
	assert_int_equal(strlen(out), 2 + 20 + 4 + 64);
}

static void test_endpoint(void **state)
{
	char out[WEBSIGN_ID];

	(void)state;
	websign_endpoint(out, "https://hooks.example/x?k=1");
	assert_string_equal(out, "0ab59fec09c8b1fd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_endpoint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
