/*
 * The indexer's readiness: each reason alone, what a standby needs, and
 * the head's age.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "indexer/ready.h"

static const struct indexer_facts good = {
	.role = READY_LEADER,
	.database = true,
	.endpoints = 3,
	.usable = 2,
	.head_known = true,
	.head_age_s = 60,
	.max_head_age_s = 60,
	.behind_s = 60,
	.verifies = true,
	.unverified_s = 60,
	.silent_s = READY_SILENT_S,
};

/* @reason alone, or NULL for none. */
static void expect(const struct indexer_facts *f, const char *reason)
{
	struct health_report r = { 0 };

	ready_indexer(f, &r);
	if (!reason) {
		assert_int_equal(r.count, 0);
		return;
	}
	assert_int_equal(r.count, 1);
	assert_string_equal(r.reasons[0].name, reason);
	assert_true(health_has(&r, reason));
	assert_false(health_has(&r, "other"));
}

static void test_each_reason(void **state)
{
	struct indexer_facts f = good;

	(void)state;
	expect(&f, NULL); /* at every limit */
	f.database = false;
	expect(&f, "database");
	f = good;
	f.silent_s = READY_SILENT_S + 1;
	expect(&f, "database");
	f = good;
	f.usable = 0;
	expect(&f, "endpoints_unreachable");
	f = good;
	f.disagree = 1;
	expect(&f, "endpoints_disagree");
	f = good;
	f.lagging = 1;
	expect(&f, "endpoints_disagree");
	f.disagree = 1;
	expect(&f, "endpoints_disagree");
	f = good;
	f.full = true;
	expect(&f, "database_full");
	f = good;
	f.head_known = false;
	f.head_age_s = 1000;
	expect(&f, "head_unknown");
	f = good;
	f.head_age_s++;
	expect(&f, "head_old");
	f = good;
	f.catching_up = true;
	f.left = 12345;
	f.behind_s = 1000; /* said once, by its cause */
	expect(&f, "catching_up");
	f = good;
	f.behind_s++;
	expect(&f, "behind");
	f = good;
	f.unverified_s++;
	expect(&f, "verification");
	f.verifies = false;
	expect(&f, NULL);
}

static void test_roles(void **state)
{
	struct indexer_facts f = { .role = READY_STANDBY, .database = true };
	struct health_report r = { 0 };

	(void)state;
	/* A standby knows no endpoint, and needs none to be ready. */
	ready_indexer(&f, &r);
	assert_int_equal(r.count, 0);
	assert_string_equal(r.role, "standby");
	f.database = false;
	expect(&f, "database");
	f = (struct indexer_facts){ .role = READY_STARTING, .database = true };
	expect(&f, "starting");
	f.database = false;
	r = (struct health_report){ 0 };
	ready_indexer(&f, &r);
	assert_int_equal(r.count, 2);
	assert_true(health_has(&r, "database"));
	assert_true(health_has(&r, "starting"));
	assert_string_equal(r.role, "starting");
}

static void test_all_at_once(void **state)
{
	struct indexer_facts f = { .role = READY_LEADER,
				   .disagree = 1,
				   .endpoints = 1,
				   .catching_up = true,
				   .verifies = true,
				   .unverified_s = 1 };
	struct health_report r = { 0 };

	(void)state;
	ready_indexer(&f, &r);
	assert_int_equal(r.count, 6);
	/* More than fit are left out, and it stays not ready. */
	for (size_t i = 0; i < 2 * HEALTH_REASONS_MAX; i++)
		health_reason(&r, "more", "%zu", i);
	assert_int_equal(r.count, HEALTH_REASONS_MAX);
}

static void test_head_age(void **state)
{
	(void)state;
	assert_int_equal(ready_head_age_s(1000, 990, 3000), 10);
	assert_int_equal(ready_head_age_s(1000, 990, 33999), 33);
	assert_int_equal(ready_head_age_s(1000, 5000, 2000), 2); /* ahead */
	assert_int_equal(ready_head_age_s(1000, 5000, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_reason),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_head_age),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
