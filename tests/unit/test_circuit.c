/* Circuits and turns: when an endpoint is left alone, and who comes next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/circuit.h"
#include "bridge/queue.h"

static void fails(struct circuit *c, uint64_t now, int times)
{
	while (times--)
		(void)circuit_answered(c, now, true);
}

static void test_opens_and_closes(void **state)
{
	struct circuit c = { 0 };

	(void)state;
	fails(&c, 0, CIRCUIT_FAILURES - 1);
	assert_true(circuit_may(&c, 0));
	assert_true(circuit_answered(&c, 0, true));
	assert_true(circuit_open(&c));
	assert_false(circuit_may(&c, CIRCUIT_WAIT_MS - 1));
	assert_true(circuit_may(&c, CIRCUIT_WAIT_MS));
	circuit_sent(&c);
	assert_false(circuit_may(&c, CIRCUIT_WAIT_MS)); /* one probe */
	assert_true(circuit_answered(&c, CIRCUIT_WAIT_MS, true));
	/* the wait has doubled */
	assert_false(circuit_may(&c, 3 * CIRCUIT_WAIT_MS - 1));
	assert_true(circuit_may(&c, 3 * CIRCUIT_WAIT_MS));
	circuit_sent(&c);
	assert_true(circuit_answered(&c, 3 * CIRCUIT_WAIT_MS, false));
	assert_false(circuit_open(&c));
	assert_false(circuit_answered(&c, 3 * CIRCUIT_WAIT_MS, false));
}

/* A probe that tells nothing lets another one go, no earlier than it. */
static void test_untold(void **state)
{
	struct circuit c = { 0 };

	(void)state;
	fails(&c, 0, CIRCUIT_FAILURES);
	circuit_sent(&c);
	circuit_untold(&c);
	assert_true(circuit_open(&c));
	assert_false(circuit_may(&c, CIRCUIT_WAIT_MS - 1));
	assert_true(circuit_may(&c, CIRCUIT_WAIT_MS));
}

static void test_4xx_never(void **state)
{
	struct circuit c = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_false(circuit_answered(&c, 0, false));
	fails(&c, 0, CIRCUIT_FAILURES - 1);
	(void)circuit_answered(&c, 0, false); /* starts anew */
	fails(&c, 0, CIRCUIT_FAILURES - 1);
	assert_false(circuit_open(&c));
}

/* Calls sent before it opened neither prolong nor close it by failing. */
static void test_late_failures(void **state)
{
	struct circuit c = { 0 };
	uint64_t until;

	(void)state;
	fails(&c, 0, CIRCUIT_FAILURES);
	until = c.until_ms;
	fails(&c, 100, 30);
	assert_int_equal(c.until_ms, until);
	for (uint64_t t = until, i = 0; i < 20; i++, t = c.until_ms) {
		circuit_sent(&c);
		assert_true(circuit_answered(&c, t, true));
		assert_true(c.until_ms - t <= CIRCUIT_WAIT_MAX);
	}
}

static struct queue_item item(uint8_t who)
{
	struct queue_item i = { 0 };

	i.who[0] = who;
	return i;
}

static void test_turns(void **state)
{
	static const uint8_t want[] = { 1, 2, 3, 1, 2, 1, 1 };
	struct queue_item in[] = { item(1), item(1), item(1), item(1),
				   item(2), item(2), item(3) };
	struct queue q = { 0 };
	struct queue_item *out;
	size_t i;

	(void)state;
	for (i = 0; i < 7; i++)
		queue_push(&q, &in[i]);
	for (i = 0; i < 7; i++) {
		out = queue_pop(&q);
		assert_non_null(out);
		assert_int_equal(out->who[0], want[i]);
	}
	assert_null(queue_pop(&q));
	assert_int_equal(q.count, 0);
}

/* However many one host has, another's first is the next but one. */
static void test_late_comer(void **state)
{
	static struct queue_item many[1000];
	struct queue_item late = item(2), again = item(2);
	struct queue q = { 0 };

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		many[i] = item(1);
		queue_push(&q, &many[i]);
	}
	for (size_t i = 0; i < 500; i++)
		assert_ptr_equal(queue_pop(&q), &many[i]);
	queue_push(&q, &late);
	queue_push(&q, &again);
	assert_ptr_equal(queue_pop(&q), &late);
	assert_ptr_equal(queue_pop(&q), &many[500]);
	assert_ptr_equal(queue_pop(&q), &again);
	queue_push_front(&q, &many[499]);
	assert_ptr_equal(queue_pop(&q), &many[499]);
	queue_take(&q, &many[700]);
	for (size_t i = 501; i < 1000; i++)
		if (i != 700)
			assert_ptr_equal(queue_pop(&q), &many[i]);
	assert_null(queue_pop(&q));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opens_and_closes),
		cmocka_unit_test(test_untold),
		cmocka_unit_test(test_4xx_never),
		cmocka_unit_test(test_late_failures),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_late_comer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
