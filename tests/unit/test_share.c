/* Which lane takes how much of the queue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi/u256.h"
#include "bridge/share.h"
#include "core/mem.h"

#define GWEI 1000000000ull

static const struct share_limits limits = { .entries = 4, .bytes = 100000 };
static uint8_t envelope[500];

/* @n entries of rooms 1, 2 …, numbered from 1. */
static void queue(struct effect *e, size_t n)
{
	for (size_t i = 0; i < n; i++)
		e[i] = (struct effect){ .id = (int64_t)i + 1,
					.kind = EFFECT_PROVISION,
					.holder = SHARE_NONE,
					.envelope = envelope,
					.envelope_len = sizeof(envelope),
					.room = u256_from_u64(i + 1) };
}

static struct share_lane lane(size_t unmined, double coins)
{
	return (struct share_lane){ .able = true,
				    .sound = true,
				    .unmined = unmined,
				    .free_wei = coins * 1e18,
				    .gas_max = 15000000,
				    .max_fee = 2 * GWEI };
}

static void taken(struct share s, size_t lane, const struct effect *e,
		  const int64_t *ids, size_t n)
{
	assert_int_equal(s.lane, lane);
	assert_int_equal(s.count, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(e[i].id, ids[i]);
}

static void test_one_lane(void **state)
{
	struct share_lane l[] = { lane(3, 1) };
	struct effect e[6];

	(void)state;
	queue(e, 6);
	assert_int_equal(share_take(e, 0, l, 1, &limits).lane, SHARE_NONE);
	taken(share_take(e, 6, l, 1, &limits), 0, e, (int64_t[]){ 1, 2, 3, 4 },
	      4);
	e[1].solo = true;
	taken(share_take(e, 6, l, 1, &limits), 0, e, (int64_t[]){ 1 }, 1);
	l[0].able = false;
	assert_int_equal(share_take(e, 6, l, 1, &limits).lane, SHARE_NONE);
	assert_int_equal(share_take(e, 6, l, 1, &limits).count, 0);
}

static void test_least_busy_then_richest(void **state)
{
	struct share_lane l[] = { lane(2, 9), lane(1, 1), lane(1, 2) };
	struct effect e[1];

	(void)state;
	queue(e, 1);
	assert_int_equal(share_take(e, 1, l, 3, &limits).lane, 2);
	l[2].able = false;
	assert_int_equal(share_take(e, 1, l, 3, &limits).lane, 1);
	l[1].unmined = 3;
	assert_int_equal(share_take(e, 1, l, 3, &limits).lane, 0);
	/* Equal in everything: the first of the config. */
	l[1] = l[2] = l[0];
	assert_int_equal(share_take(e, 1, l, 3, &limits).lane, 0);
}

static void test_money(void **state)
{
	struct share_lane l[] = { lane(0, 0), lane(5, 1) };
	double one;
	struct effect e[4];

	(void)state;
	queue(e, 4);
	one = (double)calls_gas(e, 1) * (double)l[0].max_fee;
	assert_int_equal(share_take(e, 4, l, 2, &limits).lane, 1);
	l[0].free_wei = one - 1e6;
	assert_int_equal(share_take(e, 4, l, 2, &limits).lane, 1);
	l[0].free_wei = one + 1e6;
	taken(share_take(e, 4, l, 2, &limits), 0, e, (int64_t[]){ 1 }, 1);
	l[0].free_wei = (double)calls_gas(e, 3) * (double)l[0].max_fee + 1e6;
	taken(share_take(e, 4, l, 2, &limits), 0, e, (int64_t[]){ 1, 2, 3 }, 3);
	/* A reservation above the balance, and nobody else. */
	l[0].free_wei = -1e18;
	l[1].able = false;
	assert_int_equal(share_take(e, 4, l, 2, &limits).count, 0);
	l[0].free_wei = SHARE_RICH;
	assert_int_equal(share_take(e, 4, l, 2, &limits).count, 4);
}

/* A room stays with the lane that has it unmined. */
static void test_order_of_a_room(void **state)
{
	struct share_lane l[] = { lane(0, 5), lane(9, 5) };
	struct effect e[5];

	(void)state;
	queue(e, 5);
	e[0].holder = 1;
	e[3].holder = 1;
	taken(share_take(e, 5, l, 2, &limits), 1, e, (int64_t[]){ 1, 2, 3, 4 },
	      4);
	queue(e, 5);
	e[1].holder = 1;
	e[2].holder = 1;
	taken(share_take(e, 5, l, 2, &limits), 0, e, (int64_t[]){ 1, 4, 5 }, 3);
	/* what it left is there still */
	assert_int_equal(e[3].id, 2);
	assert_int_equal(e[4].id, 3);
	/* Its lane cannot take it: it waits, the others go. */
	queue(e, 5);
	e[0].holder = e[1].holder = 1;
	l[1].able = false;
	taken(share_take(e, 5, l, 2, &limits), 0, e, (int64_t[]){ 3, 4, 5 }, 3);
	queue(e, 1);
	e[0].holder = 7; /* of a key that is no lane's */
	assert_int_equal(share_take(e, 1, l, 2, &limits).lane, SHARE_NONE);
}

/* A burst that nothing mines is spread evenly. */
static void test_burst(void **state)
{
	struct share_lane l[] = { lane(0, 5), lane(0, 5), lane(0, 5) };
	struct effect e[5];

	(void)state;
	for (size_t i = 0; i < 12; i++) {
		struct share s;

		queue(e, 5);
		s = share_take(e, 5, l, 3, &limits);
		assert_int_equal(s.count, 4);
		l[s.lane].unmined++;
		l[s.lane].free_wei -= 1e16;
	}
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(l[i].unmined, 4);
}

static void test_idle(void **state)
{
	struct share_lane l[] = { lane(0, 5), lane(2, 5) };

	(void)state;
	assert_true(share_idle(l, 1));
	assert_false(share_idle(l, 2));
	/* What a lane without money has waiting is no reason to wait. */
	l[1].sound = l[1].able = false;
	assert_true(share_idle(l, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_lane),
		cmocka_unit_test(test_least_busy_then_richest),
		cmocka_unit_test(test_money),
		cmocka_unit_test(test_order_of_a_room),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
