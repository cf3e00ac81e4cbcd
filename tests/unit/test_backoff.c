/* Delays: growth, cap, jitter's bounds, no overflow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/backoff.h"

static void test_growth(void **state)
{
	(void)state;
	/* random = half of the delay: nothing is taken off */
	assert_int_equal(backoff_ms(0, 200, 10000, 100), 200);
	assert_int_equal(backoff_ms(1, 200, 10000, 200), 400);
	assert_int_equal(backoff_ms(3, 200, 10000, 800), 1600);
	assert_int_equal(backoff_ms(0, 200, 10000, 0), 100);
	assert_int_equal(backoff_ms(0, 0, 0, 7), 0);
	assert_int_equal(backoff_ms(0, 1, 1, 0), 1);
}

static void test_bounds(void **state)
{
	(void)state;
	for (uint32_t attempt = 0; attempt < 100; attempt++) {
		for (uint32_t seed = 0; seed < 50; seed++) {
			uint32_t ms =
			    backoff_ms(attempt, 250, 15000, seed * 2654435761u);

			assert_in_range(ms, 125, 15000);
			if (attempt > 10)
				assert_in_range(ms, 7500, 15000);
		}
	}
	assert_in_range(backoff_ms(UINT32_MAX, UINT32_MAX, UINT32_MAX, 5),
			UINT32_MAX / 2, UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
