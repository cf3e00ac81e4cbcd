/* Sizes of backfill requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after the above */
#include <cmocka.h>

#include "indexer/range.h"

#define SMALL ((size_t)1000) /* bytes of an answer */

static void doubles_until_it_was_too_much(void **state)
{
	struct range r;

	(void)state;
	range_init(&r, 100);
	range_good(&r, 100, SMALL);
	assert_int_equal(r.size, 200);
	range_good(&r, 100, SMALL); /* sent before it grew */
	assert_int_equal(r.size, 200);
	range_bad(&r, 200);
	assert_int_equal(r.size, 100);
}

static void grows_by_addition_afterwards(void **state)
{
	struct range r;

	(void)state;
	range_init(&r, 1600);
	range_bad(&r, 1600);
	range_good(&r, 800, SMALL);
	assert_int_equal(r.size, 900);
	range_good(&r, 900, SMALL);
	assert_int_equal(r.size, 1000);
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
	for (unsigned i = 0; i < 20; i++)
		range_good(&r, r.size, 0);
	assert_int_equal(r.size, 999);
	for (unsigned i = 0; i < 2 * RANGE_RETRY_AFTER; i++)
		range_good(&r, r.size, 0);
	assert_true(r.size > 1000);
}

static void large_answers_shrink_to_a_good_size(void **state)
{
	struct range r;

	(void)state;
	range_init(&r, 1000);
	range_good(&r, 1000, 10 * RANGE_BYTES_GOOD);
	assert_int_equal(r.size, 100);
	range_good(&r, 100, RANGE_BYTES_GOOD);
	assert_int_equal(r.size, 100); /* good as it is */
}

static void a_hint_is_a_limit(void **state)
{
	struct range r;

	(void)state;
	range_init(&r, 1000);
	range_hint(&r, 10);
	assert_int_equal(r.size, 10);
	range_good(&r, 10, SMALL);
	assert_int_equal(r.size, 10);
}

static void what_was_learnt_is_told_once(void **state)
{
	struct range r;

	(void)state;
	range_init(&r, 1000);
	assert_int_equal(range_news(&r), 0);
	range_hint(&r, 10);
	assert_int_equal(range_news(&r), 10);
	assert_int_equal(range_news(&r), 0);
	range_init(&r, 1000);
	range_learnt(&r, 10);
	assert_int_equal(r.size, 10);
	assert_int_equal(range_news(&r), 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doubles_until_it_was_too_much),
		cmocka_unit_test(grows_by_addition_afterwards),
		cmocka_unit_test(shrinks_by_half_down_to_one),
		cmocka_unit_test(stays_below_what_was_refused),
		cmocka_unit_test(large_answers_shrink_to_a_good_size),
		cmocka_unit_test(a_hint_is_a_limit),
		cmocka_unit_test(what_was_learnt_is_told_once),
		cmocka_unit_test(spans_end_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
