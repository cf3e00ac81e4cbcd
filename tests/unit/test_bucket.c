/* The budget: starts empty, is used up and never passed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bridge/bucket.h"

static void test_starts_empty(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 60, 3.8, 1000);
	assert_true(bucket_take(&b, 1000) > 0);
}

/* Five minutes never see more than 1,200 calls, and most of them. */
static void test_five_minutes(void **state)
{
	uint32_t calls[400] = { 0 }, sum, i, k;
	struct bucket b;
	uint64_t t;

	(void)state;
	bucket_init(&b, 60, 3.8, 0);
	for (t = 0; t < 400000; t += 50) {
		if (t > 60000 && t < 90000)
			continue; /* idle: the burst fills up */
		while (bucket_take(&b, t) == 0)
			calls[t / 1000]++;
	}
	for (i = 0; i + 300 <= 400; i++) {
		for (sum = 0, k = 0; k < 300; k++)
			sum += calls[i + k];
		assert_true(sum <= 1200);
		assert_true(sum >= 1000);
	}
}

static void test_wait_is_enough(void **state)
{
	struct bucket b;
	uint64_t t = 0, wait;
	int i;

	(void)state;
	bucket_init(&b, 10, 3.8, 0);
	for (i = 0; i < 100; i++) {
		wait = bucket_take(&b, t);
		if (wait) {
			assert_true(wait <= 300);
			t += wait;
			assert_int_equal(bucket_take(&b, t), 0);
		}
	}
}

static void test_idle_fills_up(void **state)
{
	struct bucket b;
	int n;

	(void)state;
	for (int burst = 1; burst <= 8; burst++) {
		bucket_init(&b, burst, 4, 0);
		for (n = 0; bucket_take(&b, 10000) == 0;)
			n++;
		assert_int_equal(n, burst);
		assert_true(bucket_left(&b, 10000) < 1);
		assert_true(bucket_left(&b, 20000) >= burst);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_starts_empty),
		cmocka_unit_test(test_five_minutes),
		cmocka_unit_test(test_wait_is_enough),
		cmocka_unit_test(test_idle_fills_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
