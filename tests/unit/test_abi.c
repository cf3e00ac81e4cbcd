/*
 * Solidity ABI: hostile encodings, types that are refused, filters, JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi/abi.h"
#include "abi/hex.h"
#include "core/json.h"

#define W0 "0000000000000000000000000000000000000000000000000000000000000000"
#define WORD(last2)                                                            \
	"00000000000000000000000000000000000000000000000000000000000000" last2
#define WMAX "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define LETTER                                                                 \
	"6100000000000000000000000000000000000000000000000000000000000000"

static enum status decode(const char *types, const char *hex, unsigned flags,
			  char *json, size_t size)
{
	AUTO(arena) struct arena *a = arena_new((size_t)1 << 30);
	const struct abi_entry *e;
	const struct abi_value *v;
	struct err err = { 0 };
	enum status st;
	size_t before;
	AUTO_BUF b = BUF_NULL;

	buf_init(&b, 1 << 20);
	assert_int_equal(
	    abi_entry_parse(&e, a, types, ABI_ENTRY_FUNCTION, &err), ST_OK);
	assert_int_equal(hex_decode_buf(&b, hex, "x", &err), ST_OK);
	before = arena_used(a);
	st = abi_decode(&v, a, e->inputs, b.data, b.len, flags, &err);
	assert_true(arena_used(a) - before <= abi_decode_arena_max(b.len));
	if (st == ST_OK && json) {
		AUTO_JSON cJSON *out = abi_params_to_json(e->inputs, v);

		assert_true(
		    cJSON_PrintPreallocated(out, json, (int)size, false));
	}
	return st;
}

static void test_hostile(void **state)
{
	static const struct {
		const char *types, *hex;
		enum status plain, any;
	} cases[] = {
		{ "f(uint8)", "0x" WORD("ff"), ST_OK, ST_OK },
		{ "f(uint8)", "0x" WMAX, ST_REJECTED, ST_OK },
		{ "f(int8)", "0x" WMAX, ST_OK, ST_OK },
		{ "f(int8)", "0x" WORD("80"), ST_REJECTED, ST_OK },
		{ "f(bool)", "0x" WORD("02"), ST_REJECTED, ST_OK },
		{ "f(address)", "0x" WMAX, ST_REJECTED, ST_OK },
		{ "f(bytes1)", "0x" WORD("01"), ST_REJECTED, ST_OK },
		{ "f(uint8)", "0x", ST_REJECTED, ST_REJECTED },
		{ "f(uint8)", "0x" W0 "00", ST_REJECTED, ST_OK },
		{ "f()", "0x", ST_OK, ST_OK },
		{ "f(bytes)", "0x" WORD("20") WORD("01") LETTER, ST_OK, ST_OK },
		{ "f(bytes)", "0x" WORD("20") WORD("01") "61", ST_REJECTED,
		  ST_OK },
		{ "f(bytes)", "0x" WORD("20") WORD("00") LETTER, ST_REJECTED,
		  ST_OK },
		{ "f(bytes)", "0x" WORD("20") WMAX, ST_REJECTED, ST_REJECTED },
		{ "f(bytes)", "0x" WMAX WORD("00"), ST_REJECTED, ST_REJECTED },
		{ "f(bytes)", "0x" WORD("41") WORD("00"), ST_REJECTED,
		  ST_REJECTED },
		{ "f(bytes,bytes)", "0x" WORD("40") WORD("40") W0, ST_REJECTED,
		  ST_OK },
		{ "f(uint256[])", "0x" WORD("20") WORD("02") W0, ST_REJECTED,
		  ST_REJECTED },
		{ "f(uint256[1000000])", "0x" W0, ST_REJECTED, ST_REJECTED },
		{ "f(string[1000000])", "0x" WORD("20") W0, ST_REJECTED,
		  ST_REJECTED },
		/* the inner list's offset points at itself: an empty list */
		{ "f(bytes[][][])", "0x" WORD("20") WORD("01") WORD("00"),
		  ST_REJECTED, ST_OK },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(
		    decode(cases[i].types, cases[i].hex, 0, NULL, 0),
		    cases[i].plain);
		assert_int_equal(decode(cases[i].types, cases[i].hex,
					ABI_ANY_LAYOUT | ABI_ANY_PADDING, NULL,
					0),
				 cases[i].any);
	}
}

/* 64 offsets a level, all to the same next level: 64^5 values if followed */
static void test_amplification(void **state)
{
	AUTO(arena) struct arena *a = arena_new((size_t)1 << 30);
	uint8_t data[32 * (1 + 5 * 65)] = { 0 };
	const struct abi_value *v;
	const struct abi_entry *e;
	struct err err;
	size_t at = 32;

	(void)state;
	data[31] = 32;
	for (int level = 0; level < 5; level++) {
		data[at + 31] = 64;
		for (size_t i = 1; level < 4 && i <= 64; i++) {
			data[at + 32 * i + 30] = 2048 >> 8;
			data[at + 32 * i + 31] = 2048 & 255;
		}
		at += (size_t)32 * 65;
	}
	assert_int_equal(abi_entry_parse(&e, a, "f(uint8[][][][][])",
					 ABI_ENTRY_FUNCTION, &err),
			 ST_OK);
	assert_int_equal(abi_decode(&v, a, e->inputs, data, sizeof(data),
				    ABI_ANY_LAYOUT, &err),
			 ST_REJECTED);
	assert_true(arena_used(a) < ((size_t)2 << 20));
}

static void test_types(void **state)
{
	static const char *const bad[] = {
		"",
		"uint7",
		"uint264",
		"uint08",
		"bytes0",
		"bytes33",
		"uint256[0]",
		"uint[",
		"uint]",
		"uint[01]",
		"(uint",
		"()",
		"uint,",
		"uint[-1]",
		"fixed128x18",
		"uint[4294967296]",
		"uint[1000][1000][1000]",
		"UINT256",
		"((((((((((((((((((uint))))))))))))))))))",
		"uint[][][][][][][][][][][][][][][][][]",
	};
	AUTO(arena) struct arena *a = arena_new((size_t)1 << 26);
	const struct abi_type *t;
	struct err err;
	AUTO_BUF b = BUF_NULL;

	(void)state;
	buf_init(&b, 1024);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(abi_type_parse(&t, a, bad[i], &err),
				 ST_REJECTED);
	assert_int_equal(
	    abi_type_parse(&t, a, " tuple( uint a, (int,bytes3 )[2] b)[] ",
			   &err),
	    ST_OK);
	abi_type_add(&b, t);
	assert_string_equal(buf_str(&b), "(uint256,(int256,bytes3)[2])[]");
}

static void test_strings(void **state)
{
	char json[256];

	(void)state;
	assert_int_equal(decode("f(string s)",
				"0x" WORD("20") WORD("01") LETTER, 0, json,
				sizeof(json)),
			 ST_OK);
	assert_string_equal(json, "{\"s\":\"a\"}");
	assert_int_equal(decode("f(string s)",
				"0x" WORD("20") WORD("02") LETTER, 0, json,
				sizeof(json)),
			 ST_OK);
	assert_string_equal(json, "{\"s\":{\"bytes\":\"0x6100\"}}");
}

static void test_filter(void **state)
{
	AUTO(arena) struct arena *a = arena_new((size_t)1 << 26);
	struct abi_filter_topic out[ABI_TOPICS_MAX];
	struct abi_value room = abi_u64(5);
	const struct abi_value *values[3] = { NULL, &room, NULL };
	const struct abi_entry *e;
	struct err err;
	size_t n;

	(void)state;
	assert_int_equal(
	    abi_entry_parse(&e, a,
			    "event E(address indexed h, uint96 indexed room, "
			    "bytes32 indexed ref)",
			    ABI_ENTRY_EVENT, &err),
	    ST_OK);
	assert_int_equal(abi_filter(out, &n, e, values, &err), ST_OK);
	assert_int_equal(n, 3);
	assert_false(out[0].any);
	assert_memory_equal(out[0].topic.b, e->hash.b, 32);
	assert_true(out[1].any);
	assert_int_equal(out[2].topic.b[31], 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_amplification),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
