/*
 * Header hash and receipts root against blocks of a real EVM node, one chain a
 * hard fork (tests/vectors/make-blocks.mjs), and against altered ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "abi/header.h"
#include "abi/hex.h"
#include "abi/receipt.h"
#include "abi/trie.h"
#include "core/json.h"

static cJSON *load(void)
{
	FILE *f = fopen(CX_SOURCE_DIR "/tests/vectors/blocks.json", "re");
	cJSON *all = NULL;
	struct err err = { 0 };
	char chunk[65536];
	size_t n;
	AUTO_BUF text = BUF_NULL;

	assert_non_null(f);
	buf_init(&text, 64 * 1024 * 1024);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&text, chunk, n);
	fclose(f);
	assert_int_equal(
	    json_parse(&all, buf_str(&text), text.len, "vectors", &err), ST_OK);
	return all;
}

static void test_blocks(void **state)
{
	AUTO_JSON cJSON *all = load();
	const cJSON *v;
	int checked = 0;

	(void)state;
	cJSON_ArrayForEach(v, all)
	{
		struct header h;
		struct hash32 hash, root;
		struct err err = { 0 };

		assert_int_equal(
		    header_from_json(&h, cJSON_GetObjectItem(v, "block"), &err),
		    ST_OK);
		hash = header_hash(&h);
		assert_memory_equal(hash.b, h.hash.b, 32);
		assert_int_equal(
		    receipts_root(&root, cJSON_GetObjectItem(v, "receipts"),
				  &err),
		    ST_OK);
		assert_memory_equal(root.b, h.receipts_root.b, 32);
		checked++;
	}
	assert_true(checked >= 28);
	print_message("%d blocks\n", checked);
}

/* A receipt dropped, doubled or with one log less never has the same root. */
static void test_altered(void **state)
{
	AUTO_JSON cJSON *all = load();
	const cJSON *v;

	(void)state;
	cJSON_ArrayForEach(v, all)
	{
		cJSON *receipts = cJSON_GetObjectItem(v, "receipts");
		int n = cJSON_GetArraySize(receipts);
		struct header h;
		struct hash32 root;
		struct err err = { 0 };
		cJSON *last, *logs;

		if (n < 2)
			continue;
		assert_int_equal(
		    header_from_json(&h, cJSON_GetObjectItem(v, "block"), &err),
		    ST_OK);
		last = cJSON_GetArrayItem(receipts, n - 1);
		logs = cJSON_GetObjectItem(last, "logs");
		cJSON_DeleteItemFromArray(logs, 0);
		assert_int_equal(receipts_root(&root, receipts, &err), ST_OK);
		assert_memory_not_equal(root.b, h.receipts_root.b, 32);
		cJSON_DeleteItemFromArray(receipts, n - 1);
		assert_int_equal(receipts_root(&root, receipts, &err), ST_OK);
		assert_memory_not_equal(root.b, h.receipts_root.b, 32);
		cJSON_DeleteItemFromArray(receipts, 0);
		assert_int_equal(receipts_root(&root, receipts, &err),
				 ST_REJECTED);
	}
}

static void expect_root(const struct trie_value *values, size_t n,
			const char *want)
{
	struct hash32 root = trie_list_root(values, n);
	char text[HEX_HASH_SIZE];

	assert_string_equal(hex_hash(text, &root), want);
}

static void test_empty(void **state)
{
	(void)state;
	/* yellow paper: TRIE(empty) = KEC(RLP(())) */
	expect_root(NULL, 0,
		    "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5"
		    "e363b421");
}

static void test_unknown(void **state)
{
	struct err err = { 0 };
	AUTO_JSON cJSON *deposit = cJSON_Parse("{\"type\":\"0x7e\"}");
	AUTO_JSON cJSON *bare = cJSON_Parse("{\"type\":\"0x2\"}");
	AUTO_JSON cJSON *text = cJSON_CreateString("receipts");
	struct hash32 root;
	struct header h;
	AUTO_BUF out = BUF_NULL;

	(void)state;
	buf_init(&out, 1024);
	assert_int_equal(receipt_encode(&out, deposit, &err), ST_AGAIN);
	assert_int_equal(receipt_encode(&out, bare, &err), ST_REJECTED);
	assert_int_equal(receipts_root(&root, text, &err), ST_REJECTED);
	assert_int_equal(header_from_json(&h, bare, &err), ST_REJECTED);
	assert_non_null(strstr(err.msg, "hash"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_altered),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
