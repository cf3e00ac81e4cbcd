/*
 * Transactions against the ethers test cases in vectors/transactions.json
 * (decode, encode, sign, recover), and bytes that must be refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "abi/hex.h"
#include "abi/tx.h"
#include "core/json.h"

static void load(struct buf *out)
{
	FILE *f = fopen(CX_SOURCE_DIR "/tests/vectors/transactions.json", "r");
	char chunk[4096];
	size_t n;

	assert_non_null(f);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(out, chunk, n);
	fclose(f);
}

static void unhex(struct buf *out, const cJSON *v, const char *key)
{
	struct err err;

	buf_init(out, TX_SIZE_MAX);
	assert_int_equal(
	    hex_decode_buf(out, json_str_or(v, key, ""), key, &err), ST_OK);
}

static void check(const cJSON *v)
{
	AUTO(arena) struct arena *a = arena_new(TX_ARENA_MAX);
	struct tx tx, plain;
	struct address want, got;
	struct err err = { 0 };
	uint8_t key[32];
	AUTO_BUF full = BUF_NULL;
	AUTO_BUF bare = BUF_NULL;
	AUTO_BUF out = BUF_NULL;

	unhex(&full, v, "signed");
	unhex(&bare, v, "unsigned");
	buf_init(&out, TX_SIZE_MAX);
	assert_int_equal(
	    hex_decode_fixed(key, 32, json_str_or(v, "key", ""), "key", &err),
	    ST_OK);
	assert_int_equal(hex_decode_address(&want,
					    json_str_or(v, "address", ""),
					    "address", &err),
			 ST_OK);
	if (tx_decode(&tx, a, full.data, full.len, &err) != ST_OK)
		fail_msg("%s: %s", json_str_or(v, "name", ""), err.msg);
	assert_int_equal(tx_sender(&got, &tx, &err), ST_OK);
	assert_memory_equal(got.b, want.b, 20);
	tx_encode(&out, &tx);
	assert_int_equal(out.len, full.len);
	assert_memory_equal(out.data, full.data, full.len);
	assert_int_equal(tx_decode(&plain, a, bare.data, bare.len, &err),
			 ST_OK);
	assert_false(plain.is_signed);
	buf_reset(&out);
	tx_encode(&out, &plain);
	assert_int_equal(out.len, bare.len);
	assert_memory_equal(out.data, bare.data, bare.len);
	/* Some cases have a priority fee above the fee: not signed by us. */
	buf_reset(&out);
	if (tx_sign(&out, NULL, &plain, key, &err) != ST_OK)
		return;
	assert_int_equal(out.len, full.len);
	assert_memory_equal(out.data, full.data, full.len);
}

static void test_vectors(void **state)
{
	AUTO_JSON cJSON *root = NULL;
	const cJSON *v;
	AUTO_BUF text = BUF_NULL;

	(void)state;
	buf_init(&text, 4 << 20);
	load(&text);
	assert_int_equal(
	    json_parse(&root, buf_str(&text), text.len, "vectors", NULL),
	    ST_OK);
	assert_true(cJSON_GetArraySize(root) > 200);
	cJSON_ArrayForEach(v, root) check(v);
}

static void refused(const char *hex)
{
	AUTO(arena) struct arena *a = arena_new(TX_ARENA_MAX);
	struct tx tx;
	AUTO_BUF b = BUF_NULL;

	buf_init(&b, 1 << 16);
	assert_int_equal(hex_decode_buf(&b, hex, "hex", NULL), ST_OK);
	assert_int_equal(tx_decode(&tx, a, b.data, b.len, NULL), ST_REJECTED);
}

static void test_refused(void **state)
{
	(void)state;
	refused("0x");
	refused("0x05c0");                                 /* unknown type */
	refused("0xc0");                                   /* no fields */
	refused("0x02cf8080428201428080808412345678");     /* cut short */
	refused("0x02cf8080428201428080808412345678c000"); /* one more */
	refused("0x02ce80804282014280808412345678c08080"); /* shifted */
	refused("0x02d0808042820142808081008412345678c0"); /* not minimal */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
