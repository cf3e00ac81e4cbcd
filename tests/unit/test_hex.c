/*
 * Hex text and JSON-RPC quantities: what is accepted, and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi/hex.h"
#include "core/mem.h"

static void test_fixed(void **state)
{
	static const char *const bad[] = { "",       "0x",      "0x123",
					   "0x123g", "1234",    "0x123456",
					   "0X1234", "0x12 34", "0x-123" };
	uint8_t b[2] = { 9, 9 };
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(hex_decode_fixed(b, 2, bad[i], "x", &err),
				 ST_REJECTED);
		assert_int_equal(b[0], 9);
	}
	assert_int_equal(hex_decode_fixed(b, 2, "0xaBfF", "x", &err), ST_OK);
	assert_int_equal(b[0], 0xab);
	assert_int_equal(b[1], 0xff);
}

static void test_buf(void **state)
{
	struct err err;
	AUTO_BUF b = BUF_NULL;

	(void)state;
	buf_init(&b, 3);
	assert_int_equal(hex_decode_buf(&b, "0x", "x", &err), ST_OK);
	assert_int_equal(b.len, 0);
	assert_int_equal(hex_decode_buf(&b, "0x010203", "x", &err), ST_OK);
	assert_memory_equal(b.data, "\1\2\3", 3);
	assert_int_equal(hex_decode_buf(&b, "0x04", "x", &err), ST_REJECTED);
	buf_reset(&b);
	assert_int_equal(hex_decode_buf(&b, "0x012", "x", &err), ST_REJECTED);
	assert_int_equal(hex_decode_buf(&b, "0x0z", "x", &err), ST_REJECTED);
}

static void test_quantity(void **state)
{
	static const char *const bad[] = { "",     "0x",
					   "0x00", "0x01",
					   "0x 1", "0x1g",
					   "12",   "0x10000000000000000" };
	char text[HEX_QUANTITY_SIZE];
	struct u256 wide;
	struct err err;
	uint64_t v = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(hex_quantity_u64(&v, bad[i], "x", &err),
				 ST_REJECTED);
	assert_int_equal(v, 7);
	assert_int_equal(hex_quantity_u64(&v, "0x0", "x", &err), ST_OK);
	assert_int_equal(v, 0);
	assert_int_equal(hex_quantity_u64(&v, "0xffffffffffffffff", "x", &err),
			 ST_OK);
	assert_true(v == UINT64_MAX);
	assert_string_equal(hex_put_quantity_u64(text, 0), "0x0");
	assert_string_equal(hex_put_quantity_u64(text, 0x10), "0x10");
	assert_int_equal(
	    hex_quantity_u256(&wide, "0x10000000000000000", "x", &err), ST_OK);
	assert_string_equal(hex_put_quantity_u256(text, &wide),
			    "0x10000000000000000");
}

/* the examples of EIP-55 */
static void test_checksum(void **state)
{
	static const char *const good[] = {
		"0x52908400098527886E0F7030069857D2E4169EE7",
		"0xde709f2102306220921060314715629080e2fb77",
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
		"0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
		"0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
	};
	char text[HEX_ADDRESS_SIZE];
	struct address a;
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(hex_decode_address(&a, good[i], "x", &err),
				 ST_OK);
		assert_string_equal(hex_address_checksum(text, &a), good[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_buf),
		cmocka_unit_test(test_quantity),
		cmocka_unit_test(test_checksum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
