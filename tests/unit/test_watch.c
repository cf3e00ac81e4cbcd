/* When rooms are asked whether they are on air, and what that means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/watch.h"

static const struct watch_pace pace = { 5000, 120000, 15000 };

static void test_interval(void **state)
{
	struct watch w = { .since_ms = -1000 };

	(void)state;
	assert_int_equal(watch_wait_ms(&w, 0, &pace), 5000);
	assert_int_equal(watch_wait_ms(&w, 49000, &pace), 5000);
	assert_int_equal(watch_wait_ms(&w, 99000, &pace), 10000);
	assert_int_equal(watch_wait_ms(&w, 599000, &pace), 60000);
	assert_int_equal(watch_wait_ms(&w, 36000000, &pace), 120000);
	w.live = true;
	assert_int_equal(watch_wait_ms(&w, 36000000, &pace), 5000);
	w.failures = 1;
	assert_int_equal(watch_wait_ms(&w, 0, &pace), 10000);
	w.failures = 30;
	assert_int_equal(watch_wait_ms(&w, 0, &pace), 300000);
}

static void test_interval_is_never_zero(void **state)
{
	struct watch_pace none = { 0 };
	struct watch w = { .live = true, .dropped = true };

	(void)state;
	assert_int_equal(watch_wait_ms(&w, 0, &none), 1);
	assert_int_equal(watch_wait_ms(&(struct watch){ 0 }, 9999, &none), 1);
}

static void test_period(void **state)
{
	struct watch w = { 0 };

	(void)state;
	assert_int_equal(watch_observe(&w, false, 1000, &pace), WATCH_NOTHING);
	assert_int_equal(watch_observe(&w, true, 2000, &pace), WATCH_LIVE);
	assert_int_equal(watch_observe(&w, true, 7000, &pace), WATCH_NOTHING);
	/* a drop that is over within the grace */
	assert_int_equal(watch_observe(&w, false, 12000, &pace), WATCH_NOTHING);
	assert_true(w.live && w.dropped);
	assert_int_equal(watch_observe(&w, false, 26999, &pace), WATCH_NOTHING);
	assert_int_equal(watch_observe(&w, true, 27500, &pace), WATCH_NOTHING);
	assert_false(w.dropped);
	/* the end */
	assert_int_equal(watch_observe(&w, false, 30000, &pace), WATCH_NOTHING);
	watch_failed(&w);
	assert_int_equal(watch_observe(&w, false, 45000, &pace), WATCH_OFFLINE);
	assert_int_equal(w.off_ms, 30000);
	assert_int_equal(w.since_ms, 45000);
	assert_false(w.live);
	assert_int_equal(watch_observe(&w, false, 50000, &pace), WATCH_NOTHING);
}

static void test_restart(void **state)
{
	struct watch on = { .live = true }, over = { .live = true };

	(void)state;
	assert_int_equal(watch_observe(&on, true, 10, &pace), WATCH_LIVE);
	assert_int_equal(watch_observe(&on, true, 20, &pace), WATCH_NOTHING);
	assert_int_equal(watch_observe(&over, false, 10, &pace), WATCH_MISSED);
	assert_int_equal(watch_observe(&over, false, 20, &pace), WATCH_NOTHING);
}

static void test_drop_is_looked_at_closely(void **state)
{
	struct watch_pace slow = { 20000, 60000, 6000 };
	struct watch w = { 0 };

	(void)state;
	assert_int_equal(watch_observe(&w, true, 0, &slow), WATCH_LIVE);
	assert_int_equal(watch_wait_ms(&w, 0, &slow), 20000);
	assert_int_equal(watch_observe(&w, false, 20000, &slow), WATCH_NOTHING);
	assert_int_equal(watch_wait_ms(&w, 20000, &slow), 3000);
}

static enum status parse(struct watch_answer *a, const char *text)
{
	struct err err;

	return watch_parse(a, text, strlen(text), &err);
}

static void test_parse(void **state)
{
	static const char uid[] = "6b9e68b07dfee8cc2d116e4c51d6a957";
	struct watch_answer a = { 0 };
	struct err err;
	uint32_t n = 7;

	(void)state;
	assert_int_equal(parse(&a, "{\"isInput\":true,\"videoUID\":"
				   "\"6b9e68b07dfee8cc2d116e4c51d6a957\","
				   "\"live\":true}"),
			 ST_OK);
	assert_true(a.live);
	assert_string_equal(a.video, uid);
	assert_int_equal(parse(&a, "{\"isInput\":true,\"videoUID\":null,"
				   "\"live\":false}"),
			 ST_OK);
	assert_false(a.live);
	assert_string_equal(a.video, "");
	assert_int_equal(parse(&a, "{\"videoUID\":\"'; drop\",\"live\":true}"),
			 ST_OK);
	assert_string_equal(a.video, "");
	assert_int_equal(parse(&a, "{\"live\":\"yes\"}"), ST_REJECTED);
	assert_int_equal(parse(&a, "not found\n"), ST_REJECTED);
	assert_int_equal(
	    watch_parse_views(&n, "{\"liveViewers\":113}", 19, &err), ST_OK);
	assert_int_equal(n, 113);
	assert_int_equal(
	    watch_parse_views(&n, "{\"liveViewers\":-1}", 18, &err),
	    ST_REJECTED);
	assert_int_equal(n, 113);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interval),
		cmocka_unit_test(test_interval_is_never_zero),
		cmocka_unit_test(test_period),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_drop_is_looked_at_closely),
		cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
