/*
 * Keccak-256 against @ethersproject/testcases and, for inputs longer than its
 * block of 136 bytes, against digests made by viem.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi/hex.h"
#include "abi/keccak.h"
#include "core/json.h"
#include "vectors.h"

static void test_hashes(void **state)
{
	AUTO_JSON cJSON *cases = vectors_load("hashes");
	char text[HEX_HASH_SIZE];
	struct hash32 h;
	struct err err;
	const cJSON *c;
	size_t n = 0;
	AUTO_BUF b = BUF_NULL;

	(void)state;
	buf_init(&b, 1 << 20);
	assert_non_null(cases);
	cJSON_ArrayForEach(c, cases)
	{
		buf_reset(&b);
		assert_int_equal(
		    hex_decode_buf(&b, vectors_str(c, "data"), "x", &err),
		    ST_OK);
		h = keccak256(b.data, b.len);
		assert_string_equal(hex_hash(text, &h),
				    vectors_str(c, "keccak256"));
		n++;
	}
	assert_true(vectors_count("hashes", n));
}

/* at once, and in pieces of a size that never divides the block */
static void long_case(const uint8_t *data, size_t len, const char *want)
{
	char text[HEX_HASH_SIZE];
	struct keccak256 k;
	struct hash32 h;

	h = keccak256(data, len);
	assert_string_equal(hex_hash(text, &h), want);
	keccak256_init(&k);
	for (size_t at = 0; at < len; at += 53)
		keccak256_update(&k, data + at, len - at < 53 ? len - at : 53);
	keccak256_final(&k, h.b);
	assert_string_equal(hex_hash(text, &h), want);
}

static void test_long(void **state)
{
	AUTO_JSON cJSON *cases = vectors_load("keccak-long");
	const cJSON *c;
	size_t n = 0;

	(void)state;
	assert_non_null(cases);
	cJSON_ArrayForEach(c, cases)
	{
		size_t len = (size_t)cJSON_GetObjectItem(c, "length")->valueint;
		AUTO_FREE uint8_t *data = mem_zalloc(len);

		for (size_t i = 0; i < len; i++)
			data[i] = (uint8_t)(i * 131 + 7);
		long_case(data, len, vectors_str(c, "keccak256"));
		n++;
	}
	assert_true(vectors_count("keccak-long", n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hashes),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
