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

/* Each length takes its own way through the vectors, and each place in the text
 * must be looked at. */
static void test_text(void **state)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	AUTO_FREE char *t = mem_zalloc(2 + 2 * 70 + 1);
	uint8_t want[70], got[70];
	struct err err;

	(void)state;
	t[0] = '0';
	t[1] = 'x';
	for (size_t i = 0; i < 140; i++)
		t[2 + i] = digits[i * 7 % 22];
	for (size_t n = 0; n <= 70; n++) {
		char end = t[2 + 2 * n];

		t[2 + 2 * n] = '\0';
		assert_int_equal(hex_decode_fixed(want, n, t, "x", &err),
				 ST_OK);
		t[2 + 2 * n] = end;
		assert_true(
		    hex_decode_text(got, n, (struct text){ t, 2 + 2 * n }));
		assert_memory_equal(got, want, n);
		assert_false(
		    hex_decode_text(got, n, (struct text){ t, 3 + 2 * n }));
		for (size_t i = 0; i < 2 * n; i++) {
			char was = t[2 + i];

			t[2 + i] = 'g';
			assert_false(hex_decode_digits(got, n, t + 2));
			t[2 + i] = was;
		}
	}
}

/* Of all characters only digits are digits, wherever they stand. */
static void test_characters(void **state)
{
	char t[16];
	uint8_t got[8];

	(void)state;
	for (int c = 0; c < 256; c++) {
		int value = c == 0 ? -1 : hex_digit((char)c);

		for (size_t at = 0; at < 16; at++) {
			memset(t, '0', sizeof(t));
			t[at] = (char)c;
			assert_int_equal(hex_decode_digits(got, 8, t),
					 value >= 0);
			if (value >= 0)
				assert_int_equal(got[at / 2],
						 at % 2 ? value : value << 4);
			assert_int_equal(
			    hex_decode_digits(got, 1, t + at / 2 * 2),
			    value >= 0);
		}
	}
	assert_int_equal(hex_digit('0'), 0);
	assert_int_equal(hex_digit('9'), 9);
	assert_int_equal(hex_digit('a'), 10);
	assert_int_equal(hex_digit('F'), 15);
	assert_int_equal(hex_digit('g'), -1);
	assert_int_equal(hex_digit('@'), -1);
	assert_int_equal(hex_digit('/'), -1);
	assert_int_equal(hex_digit(':'), -1);
	assert_int_equal(hex_digit('\0'), -1);
}

static struct text text_of(const char *s)
{
	return (struct text){ s, strlen(s) };
}

static void test_text_quantity(void **state)
{
	static const char *const both[] = { "",     "0x",   "0x00", "0x01",
					    "0x 1", "0x1g", "12",   "0X1",
					    "0",    "x" };
	struct u256 wide = { { 5 } };
	struct text t;
	uint64_t v = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		assert_false(hex_text_u64(&v, text_of(both[i])));
		assert_false(hex_text_u256(&wide, text_of(both[i])));
	}
	assert_false(hex_text_u64(&v, text_of("0x10000000000000000")));
	assert_int_equal(v, 7);
	assert_int_equal(wide.w[0], 5);
	assert_false(hex_text_u256(&wide, (struct text){ 0 }));
	assert_true(hex_text_u64(&v, text_of("0x0")));
	assert_int_equal(v, 0);
	assert_true(hex_text_u64(&v, text_of("0xfFffffffffffffff")));
	assert_true(v == UINT64_MAX);
	assert_true(hex_text_u256(&wide, text_of("0x10000000000000002")));
	assert_int_equal(wide.w[0], 2);
	assert_int_equal(wide.w[1], 1);
	assert_false(hex_check_text(&t, text_of("0x123")));
	assert_false(hex_check_text(&t, text_of("0x12zz")));
	assert_false(hex_check_text(&t, text_of("12")));
	assert_true(hex_check_text(&t, text_of("0x12fF")));
	assert_true(t.n == 4 && memcmp(t.p, "12fF", 4) == 0);
	assert_true(hex_check_text(&t, text_of("0x")));
	assert_int_equal(t.n, 0);
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
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_characters),
		cmocka_unit_test(test_text_quantity),
		cmocka_unit_test(test_checksum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
