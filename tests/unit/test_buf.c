/* The bounded buffer: growth, its maximum, formatting, wiping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "core/buf.h"

static void test_growth(void **state)
{
	AUTO_BUF b = BUF_NULL;
	struct err err;

	(void)state;
	buf_init(&b, 5000);
	assert_string_equal(buf_str(&b), "");
	for (int i = 0; i < 500; i++)
		buf_printf(&b, "%03d,", i);
	assert_int_equal(b.len, 2000);
	assert_memory_equal(b.data + 1996, "499,", 5); /* and a zero byte */
	buf_add_zeros(&b, 3000);
	assert_int_equal(buf_check(&b, "thing", &err), ST_OK);
	buf_add_byte(&b, 1);
	assert_true(b.overflow);
	assert_int_equal(b.len, 5000);
	assert_int_equal(buf_check(&b, "thing", &err), ST_REJECTED);
	assert_non_null(strstr(err.msg, "thing"));
	assert_non_null(strstr(err.msg, "5000"));
	buf_reset(&b);
	assert_int_equal(b.len, 0);
	assert_false(b.overflow);
}

static void test_limits(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 3);
	buf_add(&b, "abcd", 4); /* all or nothing */
	assert_true(b.overflow);
	buf_reset(&b);
	buf_printf(&b, "%s", "abcd");
	assert_true(b.overflow);
	buf_reset(&b);
	buf_add(&b, "ab", SIZE_MAX);
	assert_true(b.overflow);
	buf_reset(&b);
	buf_add_str(&b, "abc");
	assert_string_equal(buf_str(&b), "abc");
	assert_false(b.overflow);
	buf_wipe(&b);
	buf_wipe(&b);
	assert_int_equal(b.len, 0);
}

/* What is announced is not doubled, what is large grows by half, nothing is
 * ever more than the maximum and its zero byte. */
static void test_room(void **state)
{
	static const char chunk[4096];
	struct buf b;
	size_t last = 0;

	(void)state;
	buf_init(&b, 3000000);
	buf_expect(&b, 2000000);
	assert_int_equal(b.cap, 2000001);
	assert_int_equal(b.len, 0);
	buf_expect(&b, 3000001); /* more than it may hold: nothing */
	assert_int_equal(b.cap, 2000001);
	assert_false(b.overflow);
	buf_add(&b, "abc", 3);
	buf_expect(&b, 1999997);
	assert_int_equal(b.cap, 2000001);
	buf_expect(&b, 1999998);
	assert_int_equal(b.cap, 3000001);
	assert_string_equal(buf_str(&b), "abc");
	buf_shrink(&b, 3000001);
	assert_int_equal(b.cap, 3000001);
	assert_int_equal(b.len, 0);
	buf_shrink(&b, 3000000);
	assert_null(b.data);
	assert_int_equal(b.cap, 0);
	assert_string_equal(buf_str(&b), "");
	while (b.len + sizeof(chunk) <= b.max) {
		buf_add(&b, chunk, sizeof(chunk));
		if (b.cap > last && last >= 262144)
			assert_true(b.cap <= last + last / 2 + 1);
		last = b.cap;
	}
	assert_false(b.overflow);
	assert_true(b.cap <= b.max + 1);
	buf_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
