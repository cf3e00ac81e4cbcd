/* The budget: starts empty, is used up and never passed, stops have a share. */
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
	assert_true(bucket_take(&b, 1000, false, false) > 0);
	assert_true(bucket_take(&b, 1000, true, true) > 0);
}

/* Whatever the mix, five minutes never see more than 1,200 calls. */
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
		while (bucket_take(&b, t, t % 3 == 0, t % 2 == 0) == 0)
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
		wait = bucket_take(&b, t, false, false);
		if (wait) {
			assert_true(wait <= 300);
			t += wait;
			assert_int_equal(bucket_take(&b, t, false, false), 0);
		}
	}
}

static void test_share_for_stops(void **state)
{
	struct bucket b;
	int open = 0, stop = 0;
	uint64_t t;

	(void)state;
	bucket_init(&b, 8, 4, 0);
	(void)bucket_take(&b, 10000, false, true);
	while (bucket_take(&b, 10000, false, true) == 0)
		open++;
	assert_int_equal(open, 5); /* and one before; two are kept for stops */
	while (bucket_take(&b, 10000, true, true) == 0)
		stop++;
	assert_int_equal(stop, 2);
	/* Idle, the share is lent out. */
	for (t = 20000, open = 0; bucket_take(&b, t, false, false) == 0;)
		open++;
	assert_int_equal(open, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_starts_empty),
		cmocka_unit_test(test_five_minutes),
		cmocka_unit_test(test_wait_is_enough),
		cmocka_unit_test(test_share_for_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
