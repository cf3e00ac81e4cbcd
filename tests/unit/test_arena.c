/* The arena: alignment, zeroed bytes, copies, reset, large pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/arena.h"

static void test_alloc(void **state)
{
	AUTO(arena) struct arena *a = arena_new(10u << 20);
	uint8_t *p, *big;
	char *s;

	(void)state;
	for (size_t n = 1; n < 300; n++) {
		p = arena_alloc(a, n);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, n);
	}
	big = arena_array(a, 1000, 1000);
	assert_int_equal(big[0] | big[999999], 0);
	s = arena_dup(a, "abc", 3);
	assert_string_equal(s, "abc");
	assert_true(arena_used(a) >= 1000000);
	arena_reset(a);
	assert_int_equal(arena_used(a), 0);
	p = arena_alloc(a, 200);
	for (size_t i = 0; i < 200; i++)
		assert_int_equal(p[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_alloc) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
