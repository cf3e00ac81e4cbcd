/*
 * The bridge's readiness: each reason alone, and what a standby needs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "bridge/ready.h"

static const struct ready_facts good = {
	.role = READY_LEADER,
	.database = true,
	.silent_s = READY_SILENT_S,
	.node_silent_s = 30,
	.max_node_silent_s = 30,
	.indexed = true,
	.behind_s = 60,
	.max_behind_s = 60,
	.lane_ready = true,
	.listed = true,
};

/* @reason alone, or NULL for none. */
static void expect(const struct ready_facts *f, const char *reason)
{
	struct health_report r = { 0 };

	ready_bridge(f, &r);
	if (!reason) {
		assert_int_equal(r.count, 0);
		return;
	}
	assert_int_equal(r.count, 1);
	assert_string_equal(r.reasons[0].name, reason);
}

static void test_each_reason(void **state)
{
	struct ready_facts f = good;

	(void)state;
	expect(&f, NULL); /* at every limit */
	f.database = false;
	expect(&f, "database");
	f = good;
	f.silent_s++;
	expect(&f, "database");
	f = good;
	f.node_silent_s++;
	expect(&f, "chain_unreachable");
	f = good;
	f.indexed = false;
	f.behind_s = 1000; /* said once, by its cause */
	expect(&f, "history_incomplete");
	f = good;
	f.behind_s++;
	expect(&f, "indexer_stale");
	f = good;
	f.lane_ready = false;
	expect(&f, "lane_not_ready");
	f.lane_stopped = true;
	expect(&f, "lane_stopped");
	f = good;
	f.lane_no_funds = true;
	expect(&f, "lane_no_funds");
	f = good;
	f.listed = false;
	expect(&f, "live_inputs_unlisted");
	f = good;
	f.limited_s = 1;
	expect(&f, "cloudflare_limited");
	f = good;
	f.provider_refused = true;
	expect(&f, "cloudflare_refused");
}

static void test_roles(void **state)
{
	struct ready_facts f = { .role = READY_STANDBY, .database = true };
	struct health_report r = { 0 };

	(void)state;
	ready_bridge(&f, &r);
	assert_int_equal(r.count, 0);
	assert_string_equal(r.role, "standby");
	f.database = false;
	expect(&f, "database");
	f = (struct ready_facts){ .role = READY_STARTING, .database = true };
	expect(&f, "starting");
	f.needs_node = true;
	ready_bridge(&f, &r);
	assert_int_equal(r.count, 2);
	assert_true(health_has(&r, "starting"));
	assert_true(health_has(&r, "chain_unreachable"));
	assert_string_equal(r.role, "starting");
}

static void test_all_at_once(void **state)
{
	struct ready_facts f = { .role = READY_LEADER,
				 .node_silent_s = 1,
				 .lane_stopped = true,
				 .lane_no_funds = true,
				 .limited_s = 300,
				 .provider_refused = true };
	struct health_report r = { 0 };

	(void)state;
	ready_bridge(&f, &r);
	assert_int_equal(r.count, 8);
	assert_true(r.count <= HEALTH_REASONS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_reason),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_all_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
