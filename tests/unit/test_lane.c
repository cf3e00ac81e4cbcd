/*
 * The lane's pure decisions: fees, nonces, how much goes into a transaction.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi/hex.h"
#include "abi/u256.h"
#include "bridge/calls.h"
#include "bridge/nonce.h"
#include "core/mem.h"

static void test_fees(void **state)
{
	struct fees f = fees_first(100, 7, 1000), up;

	(void)state;
	assert_int_equal(f.max_fee, 207);
	assert_int_equal(f.max_priority, 7);
	assert_int_equal(fees_first(UINT64_MAX, 7, 1000).max_fee, 1000);
	assert_int_equal(fees_first(0, FEES_NO_HINT, 5000000000).max_fee,
			 FEES_PRIORITY_DEFAULT);
	assert_true(fees_raise(&up, f, 1, 1, 0, 1000));
	assert_int_equal(up.max_fee, 228);    /* 227.7 */
	assert_int_equal(up.max_priority, 8); /* 7.7 */
	assert_true(fees_raise(&up, (struct fees){ 10, 0 }, 1, 1, 0, 1000));
	assert_int_equal(up.max_priority, 1);
	assert_false(fees_raise(&up, (struct fees){ 950, 1 }, 1, 1, 0, 1000));
	assert_true(fees_raise(&up, f, 1, 400, 7, 1000));
	assert_int_equal(up.max_fee, 807);
}

/* From however little the cap is reached before the attempts are spent, a
 * cancel can still outbid that, and so can a higher cap. */
static void test_fee_ladder(void **state)
{
	const uint64_t caps[] = { 11, 1000, 200000000000, 1000000000000000 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		uint64_t cap = fees_keep(caps[i]);
		struct fees f = { 1, 0 }, up;
		size_t made = 1;

		for (; fees_raise(&up, f, made, 0, 0, cap); made++) {
			assert_true(made < FEES_LADDER);
			assert_true(up.max_fee * 10 >= f.max_fee * 11);
			assert_true(up.max_priority * 10 >=
				    f.max_priority * 11);
			assert_true(up.max_fee >= up.max_priority);
			f = up;
		}
		assert_true(f.max_fee * 11 > cap * 10);
		assert_true(fees_raise(&up, f, made, 0, 0, caps[i]));
		assert_true(up.max_fee <= caps[i]);
		/* The operator raises it, as the log says, and again. */
		for (made = FEES_LADDER; made < FEES_ATTEMPTS; made++) {
			cap *= 2;
			assert_true(fees_raise(&up, f, made, 0, 0, cap));
			assert_int_equal(up.max_fee, cap);
			f = up;
			assert_false(fees_raise(&up, f, made + 1, 0, 0, cap));
		}
	}
}

static void test_nonces(void **state)
{
	struct nonce_view v = { .latest = 5, .pending = 7, .db_next = 6 };
	uint64_t held[] = { 5, 6, 9 }, gap = 0;

	(void)state;
	assert_int_equal(nonce_next(&v), 7);
	assert_true(nonce_gap(&gap, &v, held, 3));
	assert_int_equal(gap, 7);
	v.pending = 8; /* another's transaction holds 7 */
	assert_false(nonce_gap(&gap, &v, held, 3));
	assert_false(nonce_gap(&gap, &v, held, 2));
	assert_false(nonce_gap(&gap, &v, held, 0));
	v.db_next = 0;
	assert_true(nonce_lost(&v));
	/* A database of yesterday knows less than the pool. */
	v.db_next = v.pending - 1;
	assert_true(nonce_lost(&v));
	v.latest = v.pending;
	assert_true(nonce_lost(&v));
	v.db_next = v.pending;
	assert_false(nonce_lost(&v));
}

static void told(struct nonce_round *r, size_t at, uint64_t latest,
		 uint64_t pending, uint64_t now_ms)
{
	struct nonce_view v = { .latest = latest, .pending = pending };

	nonce_round_told(r, at, &v, now_ms);
}

/* After a lost database all endpoints are asked. */
static void test_round(void **state)
{
	struct nonce_round r = { 0 };

	(void)state;
	told(&r, 0, 5, 5, 1);
	assert_true(nonce_round_done(&r, 1, 1));
	assert_false(nonce_round_done(&r, 2, 1));
	assert_false(nonce_round_done(&r, 2, 1 + 10 * NONCE_WAIT_MS));
	/* The second has one in its pool: nobody agrees until that is mined. */
	told(&r, 1, 5, 6, 2);
	assert_false(nonce_round_agrees(&r, 0));
	assert_false(nonce_round_done(&r, 2, 2 + 10 * NONCE_WAIT_MS));
	nonce_round_pass(&r);
	told(&r, 0, 6, 6, 3);
	assert_false(nonce_round_done(&r, 2, 3));
	told(&r, 1, 6, 6, 4);
	assert_true(nonce_round_done(&r, 2, 4));
	assert_int_equal(nonce_round_next(&r), 6);
	/* What was told in another pass is old. */
	nonce_round_pass(&r);
	assert_false(nonce_round_done(&r, 2, 5));
	/* It is dropped from the pool again. */
	r = (struct nonce_round){ 0 };
	told(&r, 0, 5, 6, 1);
	told(&r, 1, 5, 5, 2);
	assert_false(nonce_round_agrees(&r, 1));
	nonce_round_pass(&r);
	told(&r, 0, 5, 5, 3);
	told(&r, 1, 5, 5, 4);
	assert_true(nonce_round_done(&r, 2, 4));
}

/* One that does not answer, or lags, is waited for and then left out. */
static void test_round_without(void **state)
{
	struct nonce_round r = { 0 };
	const uint64_t end = 10 + NONCE_WAIT_MS;

	(void)state;
	told(&r, 0, 5, 5, 9);
	assert_true(nonce_round_silent(&r, 1, 10));
	assert_false(nonce_round_silent(&r, 1, 11));
	assert_false(nonce_round_done(&r, 2, end - 1));
	assert_true(nonce_round_done(&r, 2, end));
	assert_true(nonce_round_left_out(&r, 1, end));
	/* Without any that agrees, never. */
	nonce_round_pass(&r);
	assert_false(nonce_round_done(&r, 2, end));
	assert_true(nonce_round_silent(&r, 0, end));
	assert_false(nonce_round_done(&r, 2, 10 * end));
	/* It comes back, a block behind. */
	told(&r, 1, 4, 4, 10 * end);
	assert_false(nonce_round_agrees(&r, 1));
	assert_false(nonce_round_done(&r, 2, 20 * end));
	/* One that knew of a transaction and fell silent holds all. */
	r = (struct nonce_round){ 0 };
	told(&r, 0, 5, 6, 1);
	assert_true(nonce_round_silent(&r, 0, 10));
	told(&r, 1, 5, 5, 11);
	assert_false(nonce_round_done(&r, 2, 10 * end));
	told(&r, 1, 6, 6, 12);
	assert_true(nonce_round_done(&r, 2, end));
}

/* A reorg took back what was final: the chain counts less than we used. */
static void test_fallen(void **state)
{
	struct nonce_view v = { .latest = 4, .pending = 4, .db_next = 4 };
	uint64_t held[] = { 2, 3, 4 };

	(void)state;
	assert_false(nonce_fallen(&v, NULL, 0)); /* all of ours are mined */
	v.latest = 5;                            /* and another's */
	assert_false(nonce_fallen(&v, NULL, 0));
	v.latest = 2;
	assert_true(nonce_fallen(&v, NULL, 0));
	assert_true(nonce_fallen(&v, held + 1, 2)); /* a later one waits */
	/* open: it waits itself, or its receipt tells of the reorg */
	assert_false(nonce_fallen(&v, held, 3));
	v.pending = 3; /* a node that put it back into its pool */
	assert_true(nonce_fallen(&v, NULL, 0));
	/* the number is not given away again */
	assert_int_equal(nonce_next(&v), 4);
}

static void test_take(void **state)
{
	uint8_t envelope[500] = { 0 };
	struct effect e[6];

	(void)state;
	memset(e, 0, sizeof(e));
	for (size_t i = 0; i < 6; i++) {
		e[i].envelope = envelope;
		e[i].envelope_len = sizeof(envelope);
	}
	assert_int_equal(calls_take(e, 0, 5, 100000, 10000000), 0);
	assert_int_equal(calls_take(e, 6, 4, 100000, 10000000), 4);
	assert_int_equal(calls_take(e, 6, 9, 68 + 3 * 768, 10000000), 3);
	assert_int_equal(calls_take(e, 6, 9, 100000, 300000), 2);
	assert_int_equal(calls_take(e, 6, 9, 1, 1), 1);
	e[2].solo = true;
	assert_int_equal(calls_take(e, 6, 9, 100000, 10000000), 2);
	assert_int_equal(calls_take(e + 2, 4, 9, 100000, 10000000), 1);
	/* what the contract's gas table shows, with room to spare */
	assert_true(calls_gas(e, 1) > 71148 * 2);
}

static void test_calldata(void **state)
{
	struct effect e = { .kind = EFFECT_FAIL, .code = 3 };
	char text[HEX_SIZE(132)];
	AUTO_BUF b = BUF_NULL;

	(void)state;
	e.room = u256_from_u64(0x1234);
	buf_init(&b, 1000);
	calls_encode(&b, &e, 1);
	assert_int_equal(b.len, 132);
	hex_encode(text, b.data + 4, 128);
	assert_string_equal(
	    text,
	    "0x"
	    "0000000000000000000000000000000000000000000000000000000000000020"
	    "0000000000000000000000000000000000000000000000000000000000000001"
	    "0000000000000000000000000000000000000000000000000000000000001234"
	    "0000000000000000000000000000000000000000000000000000000000000003");
	buf_reset(&b);
	e.kind = EFFECT_PROVISION;
	e.envelope = (const uint8_t *)"abc";
	e.envelope_len = 3;
	calls_encode(&b, &e, 1);
	assert_int_equal(b.len, 4 + 32 * (2 + 1 + 8));
	assert_int_equal(b.len - 68, calls_size(&e));
}

static void test_calldata_of_outputs_and_ends(void **state)
{
	struct effect e[2] = {
		{ .kind = EFFECT_REFUSE_OUTPUT, .epoch = 7, .code = 5 },
		{ .kind = EFFECT_REFUSE_OUTPUT, .epoch = 8, .code = 6 },
	};
	AUTO_BUF b = BUF_NULL;

	(void)state;
	e[0].room = e[1].room = u256_from_u64(0x1234);
	buf_init(&b, 1000);
	calls_encode(&b, e, 2);
	assert_int_equal(b.len, 68 + 2 * calls_size(e));
	assert_int_equal(b.data[68 + 64 - 1], 7);
	assert_int_equal(b.data[68 + 96 - 1], 5);
	assert_int_equal(b.data[68 + 192 - 1], 6);
	e[0].kind = e[1].kind = EFFECT_END;
	buf_reset(&b);
	calls_encode(&b, e, 2);
	assert_int_equal(b.len, 68 + 2 * calls_size(e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fees),
		cmocka_unit_test(test_fee_ladder),
		cmocka_unit_test(test_nonces),
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_round_without),
		cmocka_unit_test(test_fallen),
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_calldata),
		cmocka_unit_test(test_calldata_of_outputs_and_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
