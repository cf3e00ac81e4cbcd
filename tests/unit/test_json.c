/* JSON with bounds: what is refused, and lookups that name the member. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/json.h"

static enum status parse(const char *text, size_t len, struct err *err)
{
	AUTO_JSON cJSON *root = NULL;

	return json_parse(&root, text, len, "answer", err);
}

static void test_parse(void **state)
{
	static const char *const bad[] = { "",     " ",        "{",
					   "[1,]", "{} x",     "\"a",
					   "nul",  "{\"a\":}", "SECRET" };
	struct err err;
	char deep[400];

	(void)state;
	assert_int_equal(parse("{\"a\":[1]} \n", 11, &err), ST_OK);
	assert_int_equal(parse("{}garbage", 2, &err), ST_OK);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(parse(bad[i], strlen(bad[i]), &err),
				 ST_REJECTED);
		assert_null(strstr(err.msg, "SECRET"));
		assert_non_null(strstr(err.msg, "answer"));
	}
	assert_int_equal(parse("[1]\0", 4, &err), ST_REJECTED);
	memset(deep, '[', 200);
	memset(deep + 200, ']', 200);
	assert_int_equal(parse(deep, 400, &err), ST_REJECTED);
	assert_int_equal(
	    parse(deep + 200 - JSON_DEPTH_MAX, 2 * JSON_DEPTH_MAX, &err),
	    ST_OK);
}

static void test_lookup(void **state)
{
	static const char text[] =
	    "{\"s\":\"x\",\"n\":5,\"f\":1.5,\"neg\":-1,\"b\":true,"
	    "\"big\":9007199254740992,\"z\":null}";
	AUTO_JSON cJSON *root = NULL;
	struct err err;
	const char *s = NULL;
	uint64_t n = 0;
	bool b = false;

	(void)state;
	assert_int_equal(json_parse(&root, text, sizeof(text) - 1, "doc", &err),
			 ST_OK);
	assert_int_equal(json_str(&s, root, "s", &err), ST_OK);
	assert_string_equal(s, "x");
	assert_int_equal(json_u64(&n, root, "n", &err), ST_OK);
	assert_int_equal(n, 5);
	assert_int_equal(json_bool(&b, root, "b", &err), ST_OK);
	assert_true(b);
	assert_int_equal(json_u64(&n, root, "f", &err), ST_REJECTED);
	assert_int_equal(json_u64(&n, root, "neg", &err), ST_REJECTED);
	assert_int_equal(json_u64(&n, root, "big", &err), ST_REJECTED);
	assert_int_equal(json_str(&s, root, "n", &err), ST_REJECTED);
	assert_int_equal(json_str(&s, root, "none", &err), ST_REJECTED);
	assert_non_null(strstr(err.msg, "none"));
	assert_int_equal(json_bool(&b, root, "s", &err), ST_REJECTED);
	assert_int_equal(n, 5);
	assert_string_equal(json_str_or(root, "z", "fb"), "fb");
	assert_string_equal(json_str_or(root, "s", "fb"), "x");
	assert_string_equal(json_str_or(NULL, "s", "fb"), "fb");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_lookup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
