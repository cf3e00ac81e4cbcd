/*
 * 256-bit arithmetic: edges by hand, identities on a fixed pseudo-random walk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi/u256.h"
#include "core/mem.h"

#define MAX_DEC                                                                \
	"11579208923731619542357098500868790785326998466564056403945758400791" \
	"3129639935"
#define MIN_SIGNED_DEC                                                         \
	"-5789604461865809771178549250434395392663499233282028201972879200395" \
	"6"                                                                    \
	"564819968"

static uint64_t walk(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* limbs that are often all zeros or all ones, where carries go wrong */
static struct u256 random_u256(uint64_t *s)
{
	struct u256 v;

	for (int i = 0; i < 4; i++) {
		v.w[i] = walk(s);
		if (v.w[i] % 4 == 0)
			v.w[i] = 0;
		else if (v.w[i] % 4 == 1)
			v.w[i] = UINT64_MAX;
	}
	return v;
}

static void test_identities(void **state)
{
	uint64_t s = 88172645463325252u;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct u256 a = random_u256(&s), b = random_u256(&s), q, r, t;
		unsigned n = (unsigned)(walk(&s) % 256);
		char text[I256_DEC_SIZE];
		uint8_t be[32];
		struct err err;
		uint64_t rem;

		t = u256_add(&a, &b, NULL);
		t = u256_sub(&t, &b, NULL);
		assert_int_equal(u256_cmp(&t, &a), 0);
		b = u256_shr(&b, n);
		if (!u256_is_zero(&b)) {
			q = u256_divmod(&a, &b, &r);
			assert_true(u256_cmp(&r, &b) < 0);
			t = u256_mul(&q, &b, NULL);
			t = u256_add(&t, &r, NULL);
			assert_int_equal(u256_cmp(&t, &a), 0);
		}
		q = u256_divmod_u64(&a, 1000003, &rem);
		t = u256_mul_u64(&q, 1000003, NULL);
		r = u256_from_u64(rem);
		t = u256_add(&t, &r, NULL);
		assert_int_equal(u256_cmp(&t, &a), 0);
		u256_to_be(be, &a);
		t = u256_from_be(be, 32);
		assert_int_equal(u256_cmp(&t, &a), 0);
		assert_int_equal(
		    u256_from_dec(&t, u256_to_dec(text, &a), "x", &err), ST_OK);
		assert_int_equal(u256_cmp(&t, &a), 0);
		assert_int_equal(
		    i256_from_dec(&t, i256_to_dec(text, &a), "x", &err), ST_OK);
		assert_int_equal(u256_cmp(&t, &a), 0);
		t = u256_shl(&a, n);
		t = u256_shr(&t, n);
		assert_true(u256_fits(&t, 256 - n));
	}
}

static void test_text(void **state)
{
	static const char *const bad[] = {
		"",
		"-",
		"1x",
		" 1",
		"-1",
		("115792089237316195423570985008687907853269984665640564039"
		 "457584007913129639936"),
	};
	char text[I256_DEC_SIZE];
	struct u256 v;
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(u256_from_dec(&v, bad[i], "x", &err),
				 ST_REJECTED);
	assert_int_equal(u256_from_dec(&v, MAX_DEC, "x", &err), ST_OK);
	assert_string_equal(u256_to_dec(text, &v), MAX_DEC);
	assert_string_equal(i256_to_dec(text, &v), "-1");
	assert_int_equal(i256_from_dec(&v, MAX_DEC, "x", &err), ST_REJECTED);
	assert_int_equal(i256_from_dec(&v, MIN_SIGNED_DEC, "x", &err), ST_OK);
	assert_string_equal(i256_to_dec(text, &v), MIN_SIGNED_DEC);
	assert_int_equal(u256_parse(&v, "0xff", "x", &err), ST_OK);
	assert_true(v.w[0] == 255);
	assert_int_equal(u256_parse(&v, "0x", "x", &err), ST_REJECTED);
}

static void test_edges(void **state)
{
	struct u256 max = u256_from_i64(-1), one = u256_from_u64(1), v;
	bool lost;
	int64_t i;

	(void)state;
	v = u256_add(&max, &one, &lost);
	assert_true(lost && u256_is_zero(&v));
	v = u256_sub(&v, &one, &lost);
	assert_true(lost && u256_cmp(&v, &max) == 0);
	v = u256_mul(&max, &max, &lost);
	assert_true(lost && u256_cmp(&v, &one) == 0);
	assert_int_equal(i256_cmp(&max, &one), -1);
	assert_int_equal(u256_cmp(&max, &one), 1);
	v = u256_from_i64(-128);
	assert_true(i256_fits(&v, 8));
	v = u256_from_i64(-129);
	assert_false(i256_fits(&v, 8));
	assert_true(u256_to_i64(&i, &v) && i == -129);
	v = u256_shl(&one, 255);
	assert_int_equal(u256_bits(&v), 256);
	assert_false(u256_to_i64(&i, &v));
	v = u256_shl(&one, 256);
	assert_true(u256_is_zero(&v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identities),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
