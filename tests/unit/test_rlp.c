/*
 * RLP both ways against @ethersproject/testcases, and what is not canonical.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi/hex.h"
#include "abi/rlp.h"
#include "abi/u256.h"
#include "core/json.h"
#include "vectors.h"

static void encode(struct buf *b, const cJSON *v)
{
	const cJSON *item;
	struct err err;
	size_t mark;
	AUTO_BUF raw = BUF_NULL;

	buf_init(&raw, 1 << 20);
	if (cJSON_IsString(v)) {
		assert_int_equal(
		    hex_decode_buf(&raw, v->valuestring, "x", &err), ST_OK);
		rlp_add_bytes(b, raw.data, raw.len);
		return;
	}
	mark = rlp_list_begin(b);
	cJSON_ArrayForEach(item, v) encode(b, item);
	rlp_list_end(b, mark);
}

static void decode(struct rlp *r, const cJSON *v)
{
	const cJSON *item;
	const uint8_t *p;
	struct rlp inner;
	struct err err;
	AUTO_BUF hex = BUF_NULL;
	size_t n;

	buf_init(&hex, 1 << 20);
	if (cJSON_IsString(v)) {
		assert_int_equal(rlp_bytes(r, &p, &n, &err), ST_OK);
		hex_add(&hex, p, n);
		assert_string_equal(buf_str(&hex), v->valuestring);
		return;
	}
	assert_int_equal(rlp_enter(r, &inner, &err), ST_OK);
	cJSON_ArrayForEach(item, v) decode(&inner, item);
	assert_int_equal(rlp_end(&inner, "x", &err), ST_OK);
}

static void test_vectors(void **state)
{
	AUTO_JSON cJSON *cases = vectors_load("rlp");
	const cJSON *c;
	size_t n = 0;

	(void)state;
	assert_non_null(cases);
	cJSON_ArrayForEach(c, cases)
	{
		const cJSON *decoded = cJSON_GetObjectItem(c, "decoded");
		struct rlp r;
		struct err err;
		AUTO_BUF want = BUF_NULL, got = BUF_NULL;

		buf_init(&want, 1 << 20);
		buf_init(&got, 1 << 20);
		assert_int_equal(
		    hex_decode_buf(&want, vectors_str(c, "encoded"), "x", &err),
		    ST_OK);
		encode(&got, decoded);
		assert_int_equal(got.len, want.len);
		assert_memory_equal(got.data, want.data, got.len);
		assert_int_equal(rlp_validate(want.data, want.len, &err),
				 ST_OK);
		rlp_init(&r, want.data, want.len);
		decode(&r, decoded);
		assert_int_equal(rlp_end(&r, "x", &err), ST_OK);
		n++;
	}
	assert_true(vectors_count("rlp", n));
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"0x",     /* nothing */
		"0x8100", /* single small byte in a header */
		"0x817f",
		"0xb800",
		"0xb83700", /* long header, short item */
		"0xb90038", /* length with a leading zero */
		"0x82aa",   /* cut short */
		"0xc201",
		"0xbf",
		"0xbfffffffffffffffff",
		"0xff00000000000000ff",
		"0x0102", /* bytes left over */
		"0xc28100",
		"0xc1c2",
	};
	struct err err;
	AUTO_BUF b = BUF_NULL;

	(void)state;
	buf_init(&b, 64);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		buf_reset(&b);
		assert_int_equal(hex_decode_buf(&b, bad[i], "x", &err), ST_OK);
		assert_int_equal(rlp_validate(buf_str(&b), b.len, &err),
				 ST_REJECTED);
	}
}

static void test_depth(void **state)
{
	struct err err;
	AUTO_BUF b = BUF_NULL;

	(void)state;
	buf_init(&b, 4096);
	for (int i = 0; i < RLP_DEPTH_MAX; i++)
		rlp_list_end(&b, 0);
	assert_int_equal(rlp_validate(b.data, b.len, &err), ST_OK);
	rlp_list_end(&b, 0);
	assert_int_equal(rlp_validate(b.data, b.len, &err), ST_REJECTED);
}

static void test_numbers(void **state)
{
	struct u256 max = u256_from_i64(-1), wide;
	struct err err;
	struct rlp r;
	uint64_t v;
	AUTO_BUF b = BUF_NULL;

	(void)state;
	buf_init(&b, 256);
	rlp_add_u64(&b, 0);
	rlp_add_u64(&b, 127);
	rlp_add_u64(&b, 128);
	rlp_add_u256(&b, &max);
	rlp_init(&r, b.data, b.len);
	assert_int_equal(rlp_u64(&r, &v, &err), ST_OK);
	assert_int_equal(v, 0);
	assert_int_equal(rlp_u64(&r, &v, &err), ST_OK);
	assert_int_equal(v, 127);
	assert_int_equal(rlp_u64(&r, &v, &err), ST_OK);
	assert_int_equal(v, 128);
	assert_int_equal(rlp_u256(&r, &wide, &err), ST_OK);
	assert_int_equal(u256_cmp(&wide, &max), 0);
	rlp_init(&r, "\0", 1); /* zero is the empty string */
	assert_int_equal(rlp_u64(&r, &v, &err), ST_REJECTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
