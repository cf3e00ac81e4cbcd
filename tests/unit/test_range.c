/* Sizes of backfill requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after the above */
#include <cmocka.h>

#include "indexer/range.h"

static void grows_by_addition(void **state)
{
	struct range r;

	(void)state;
	range_init(&r, 100);
	range_good(&r, 100, 5);
	assert_int_equal(r.size, 125);
	range_good(&r, 100, 5); /* sent before it grew */
	assert_int_equal(r.size, 125);
	range_good(&r, 125, 5);
	assert_int_equal(r.size, 150);
}

static void shrinks_by_half_down_to_one(void **state)
{
	struct range r;

	(void)state;
	range_init(&r, 1000);
	for (unsigned i = 0; i < 20; i++)
		range_bad(&r, r.size);
	assert_int_equal(r.size, 1);
	range_bad(&r, 1);
	assert_int_equal(r.size, 1);
}

static void stays_below_what_was_refused(void **state)
{
	struct range r;

	(void)state;
	range_init(&r, 1000);
	range_bad(&r, 1000);
	for (unsigned i = 0; i < 10; i++)
		range_good(&r, r.size, 0);
	assert_int_equal(r.size, 999);
	for (unsigned i = 0; i < 2 * RANGE_RETRY_AFTER; i++)
		range_good(&r, r.size, 0);
	assert_true(r.size > 1000);
}

static void many_logs_shrink(void **state)
{
	struct range r;

	(void)state;
	range_init(&r, 1000);
	range_good(&r, 1000, RANGE_LOGS_MAX + 1);
	assert_int_equal(r.size, 500);
}

static void spans_end_at_the_end(void **state)
{
	struct range r;
	struct range_span s;

	(void)state;
	range_init(&r, 100);
	s = range_next(&r, 10, 1000);
	assert_int_equal(s.from, 10);
	assert_int_equal(s.to, 109);
	s = range_next(&r, 10, 50);
	assert_int_equal(s.to, 50);
	s = range_next(&r, 7, 7);
	assert_int_equal(s.to, 7);
}

static void split_covers_the_span(void **state)
{
	struct range_span s = { 10, 13 }, a, b;

	(void)state;
	assert_true(range_split(&s, &a, &b));
	assert_int_equal(a.from, 10);
	assert_int_equal(a.to, 11);
	assert_int_equal(b.from, 12);
	assert_int_equal(b.to, 13);
	s.to = 10;
	assert_false(range_split(&s, &a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_by_addition),
		cmocka_unit_test(shrinks_by_half_down_to_one),
		cmocka_unit_test(stays_below_what_was_refused),
		cmocka_unit_test(many_logs_shrink),
		cmocka_unit_test(spans_end_at_the_end),
		cmocka_unit_test(split_covers_the_span),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
