/* URLs taken apart; what is refused; that no error or label shows a secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "core/url.h"

static void test_parts(void **state)
{
	struct url u;
	struct err err;

	(void)state;
	assert_int_equal(url_parse(&u,
				   "HTTPS://Us%65r:p%40ss@Node.Example/"
				   "v2/KEY?q=1#frag",
				   &err),
			 ST_OK);
	assert_true(u.tls && !u.ws && !u.ip6);
	assert_int_equal(u.port, 443);
	assert_string_equal(u.host, "node.example");
	assert_string_equal(u.target, "/v2/KEY?q=1");
	assert_string_equal(u.userinfo, "User:p@ss");
	assert_string_equal(u.label, "https://node.example:443");
	assert_int_equal(url_parse(&u, "ws://[::1]:8546", &err), ST_OK);
	assert_true(u.ws && u.ip6 && url_is_loopback(&u) && url_is_numeric(&u));
	assert_string_equal(u.host, "::1");
	assert_string_equal(u.target, "/");
	assert_string_equal(u.label, "ws://[::1]:8546");
	assert_int_equal(url_parse(&u, "wss://a.b?key=K", &err), ST_OK);
	assert_string_equal(u.target, "/?key=K");
	assert_string_equal(u.label, "wss://a.b:443");
}

static void test_loopback(void **state)
{
	static const struct {
		const char *url;
		bool loopback, numeric;
	} cases[] = {
		{ "http://localhost", true, false },
		{ "http://a.localhost:1", true, false },
		{ "http://127.9.9.9", true, true },
		{ "http://128.0.0.1", false, true },
		{ "http://localhost.evil", false, false },
		{ "http://notlocalhost", false, false },
		{ "http://[::2]", false, true },
	};
	struct url u;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(url_parse(&u, cases[i].url, &err), ST_OK);
		assert_int_equal(url_is_loopback(&u), cases[i].loopback);
		assert_int_equal(url_is_numeric(&u), cases[i].numeric);
	}
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"SECRET",
		"ftp://SECRET",
		"http://",
		"http:///SECRET",
		"http://:80/SECRET",
		"http://a:0/SECRET",
		"http://a:65536/SECRET",
		"http://a:8x/SECRET",
		"http://a:-1/SECRET",
		"http://SE CRET/",
		"http://a/SECRET\r\nX: y",
		"http://a\\SECRET",
		"http://SECRET\xc3\xa9/",
		"http://[::1/SECRET",
		"http://[::g]/SECRET",
		"http://[::1]SECRET",
		"http://SECRET%2@a/",
		"http://SECRET%zz@a/",
		"http://SECRET%00@a/",
		"http://SECRET%",
		"http://a,SECRET/",
	};
	char longer[3000];
	struct url u = { .port = 77 };
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (url_parse(&u, bad[i], &err) != ST_REJECTED)
			fail_msg("accepted %s", bad[i]);
		assert_null(strstr(err.msg, "SECRET"));
	}
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	memcpy(longer, "http://a/", 9);
	assert_int_equal(url_parse(&u, longer, &err), ST_REJECTED);
	longer[2047] = '\0';
	assert_int_equal(u.port, 77);
	assert_int_equal(url_parse(&u, longer, &err), ST_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
