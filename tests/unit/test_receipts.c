/*
 * Receipts as nodes send them: in any order, one by one, altered; and the trie
 * over values of every length.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "abi/hex.h"
#include "abi/receipt.h"
#include "abi/trie.h"
#include "core/json.h"

/* The receipts of a block with types 0, 1 and 2. */
static cJSON *load(void)
{
	FILE *f = fopen(CX_SOURCE_DIR "/tests/fuzz/corpus/receipt/types", "re");
	char text[65536];
	cJSON *all = NULL;
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	assert_int_equal(json_parse(&all, text, n, "receipts", NULL), ST_OK);
	assert_true(cJSON_GetArraySize(all) >= 3);
	return all;
}

static enum status read_json(struct receipts *out, struct arena **arena,
			     const cJSON *json, struct err *err)
{
	AUTO_FREE char *s = cJSON_PrintUnformatted(json);
	size_t n = strlen(s);
	AUTO_FREE char *exact = mem_dup(s, n); /* without the zero byte */

	if (*arena)
		arena_free(*arena);
	*arena = arena_new(receipts_arena_max(n));
	return receipts_read(out, *arena, (struct text){ exact, n }, err);
}

static void root_of(struct hash32 *out, const cJSON *json)
{
	AUTO(arena) struct arena *a = NULL;
	struct receipts r;
	struct err err;

	assert_int_equal(read_json(&r, &a, json, &err), ST_OK);
	assert_int_equal(receipts_root(out, &r, &err), ST_OK);
}

static cJSON *reversed(cJSON *all)
{
	cJSON *out = cJSON_CreateArray();

	for (int i = cJSON_GetArraySize(all); i-- > 0;)
		cJSON_AddItemToArray(out, cJSON_DetachItemFromArray(all, i));
	return out;
}

static void test_order(void **state)
{
	AUTO_JSON cJSON *all = load(), *back = NULL;
	AUTO(arena) struct arena *a = NULL;
	struct hash32 one, two;
	struct receipts r;
	struct err err;

	(void)state;
	root_of(&one, all);
	back = reversed(all);
	root_of(&two, back);
	assert_memory_equal(one.b, two.b, 32);
	assert_int_equal(read_json(&r, &a, back, &err), ST_OK);
	assert_true(r.numbered);
	assert_true(r.logs.count > 0);
	for (size_t i = 0; i < r.count; i++)
		assert_int_equal(r.items[i].tx_index, i);
	for (size_t i = 0; i < r.logs.count; i++)
		assert_int_equal(r.logs.items[i].log_index, i);
	assert_ptr_equal(r.items[0].logs, r.logs.items);
}

static void test_join(void **state)
{
	AUTO_JSON cJSON *all = load();
	AUTO(arena) struct arena *a = arena_new(1 << 20);
	struct receipt items[16];
	struct hash32 one, two;
	struct receipts r;
	struct err err;
	size_t n = 0;

	(void)state;
	root_of(&one, all);
	for (int i = cJSON_GetArraySize(all); i-- > 0;) {
		AUTO_FREE char *s =
		    cJSON_PrintUnformatted(cJSON_GetArrayItem(all, i));

		assert_int_equal(receipt_read(&items[n++], a,
					      (struct text){ s, strlen(s) },
					      &err),
				 ST_OK);
	}
	assert_int_equal(receipts_join(&r, a, items, n, &err), ST_OK);
	assert_int_equal(receipts_root(&two, &r, &err), ST_OK);
	assert_memory_equal(one.b, two.b, 32);
	assert_int_equal(receipts_join(&r, a, items, n - 1, &err), ST_OK);
	assert_int_equal(receipts_join(&r, a, items + 1, n - 1, &err),
			 ST_REJECTED);
	items[1] = items[0];
	assert_int_equal(receipts_join(&r, a, items, n, &err), ST_REJECTED);
	assert_int_equal(
	    receipt_read(items, a, (struct text){ "null", 4 }, &err), ST_AGAIN);
}

static void set(cJSON *object, const char *key, const char *value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(object, key);
	if (value)
		cJSON_AddStringToObject(object, key, value);
}

#define HASH                                                                   \
	"0x1111111111111111111111111111111111111111111111111111111111111111"

/* @log: alter the first log of the last receipt, else that receipt */
static enum status altered(bool log, const char *key, const char *value,
			   struct err *err)
{
	AUTO_JSON cJSON *all = load();
	AUTO(arena) struct arena *a = NULL;
	cJSON *last = cJSON_GetArrayItem(all, cJSON_GetArraySize(all) - 1);
	cJSON *logs = cJSON_GetObjectItem(last, "logs");
	struct receipts r = { .count = 77 };
	enum status st;

	set(log ? cJSON_GetArrayItem(logs, 0) : last, key, value);
	st = read_json(&r, &a, all, err);
	if (st != ST_OK)
		assert_int_equal(r.count, 77);
	return st;
}

static void test_refused(void **state)
{
	static const struct {
		bool log;
		const char *key, *value;
		enum status want;
	} cases[] = {
		{ false, "logs", NULL, ST_REJECTED },
		{ false, "logs", "0x", ST_REJECTED },
		{ false, "status", NULL, ST_REJECTED },
		{ false, "status", "0x2", ST_REJECTED },
		{ false, "type", "0x02", ST_REJECTED },
		{ false, "logsBloom", "0x00", ST_REJECTED },
		{ false, "cumulativeGasUsed", NULL, ST_REJECTED },
		{ false, "transactionIndex", "0x0", ST_REJECTED },
		{ false, "transactionIndex", "0x99", ST_REJECTED },
		{ false, "transactionHash", HASH, ST_REJECTED },
		{ false, "blockNumber", "0x1", ST_REJECTED },
		{ false, "blockHash", HASH, ST_TRANSIENT },
		{ true, "blockHash", HASH, ST_TRANSIENT },
		{ true, "blockNumber", "0x1", ST_REJECTED },
		{ true, "transactionHash", HASH, ST_REJECTED },
		{ true, "transactionIndex", "0x0", ST_REJECTED },
		{ true, "logIndex", "0x0", ST_REJECTED },
		{ true, "address", "0x0", ST_REJECTED },
		{ true, "removed", "true", ST_REJECTED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = { 0 };

		if (altered(cases[i].log, cases[i].key, cases[i].value, &err) !=
			cases[i].want ||
		    err.status != cases[i].want)
			fail_msg("%s %s: %s", cases[i].key,
				 cases[i].value ? cases[i].value : "missing",
				 err.msg);
	}
}

static void test_removed(void **state)
{
	AUTO_JSON cJSON *all = load();
	AUTO(arena) struct arena *a = NULL;
	cJSON *log = cJSON_GetArrayItem(
	    cJSON_GetObjectItem(cJSON_GetArrayItem(all, 0), "logs"), 0);
	struct receipts r;
	struct err err;

	(void)state;
	cJSON_DeleteItemFromObjectCaseSensitive(log, "removed");
	assert_int_equal(read_json(&r, &a, all, &err), ST_OK);
	cJSON_AddTrueToObject(log, "removed");
	assert_int_equal(read_json(&r, &a, all, &err), ST_TRANSIENT);
}

static enum status read_text(const char *s)
{
	AUTO(arena) struct arena *a = arena_new(receipts_arena_max(strlen(s)));
	struct receipts r;
	struct err err;

	return receipts_read(&r, a, (struct text){ s, strlen(s) }, &err);
}

static void test_shapes(void **state)
{
	(void)state;
	assert_int_equal(read_text("null"), ST_AGAIN);
	assert_int_equal(read_text("[]"), ST_OK);
	assert_int_equal(read_text("\"receipts\""), ST_REJECTED);
	assert_int_equal(read_text("{}"), ST_REJECTED);
	assert_int_equal(read_text("[{}]"), ST_REJECTED);
	assert_int_equal(read_text("[null]"), ST_REJECTED);
	assert_int_equal(read_text(""), ST_REJECTED);
}

/* What a log's number cannot tell, and what a type cannot. */
static void test_unknown(void **state)
{
	AUTO_JSON cJSON *all = load();
	AUTO(arena) struct arena *a = NULL;
	cJSON *first = cJSON_GetArrayItem(all, 0), *logs, *log;
	struct receipts r;
	struct hash32 one, two;
	struct err err;

	(void)state;
	root_of(&one, all);
	logs = cJSON_GetObjectItem(
	    cJSON_GetArrayItem(all, cJSON_GetArraySize(all) - 1), "logs");
	log = cJSON_GetArrayItem(logs, cJSON_GetArraySize(logs) - 1);
	set(log, "logIndex", "0x7777");
	assert_int_equal(read_json(&r, &a, all, &err), ST_OK);
	assert_false(r.numbered);
	assert_int_equal(receipts_root(&two, &r, &err), ST_OK);
	assert_memory_equal(one.b, two.b, 32);
	set(first, "type", "0x7e");
	assert_int_equal(read_json(&r, &a, all, &err), ST_OK);
	assert_int_equal(receipts_root(&two, &r, &err), ST_AGAIN);
	assert_non_null(strstr(err.msg, "0x7e"));
}

/* ---- the trie ---- */

static struct trie_value value_at(void *ctx, size_t i)
{
	static uint8_t bytes[600];
	size_t len = *(const size_t *)ctx;

	for (size_t k = 0; k < len; k++)
		bytes[k] = (uint8_t)(i * 7 + k * 13 + 1);
	return (struct trie_value){ bytes, len };
}

static void test_trie(void **state)
{
	/* made by an independent implementation that builds the nodes */
	static const struct {
		size_t n, len;
		const char *root;
	} cases[] = {
		{ 0, 1,
		  "0x56e81f171bcc55a6ff8345e692c0f86e"
		  "5b48e01b996cadc001622fb5e363b421" },
		{ 1, 1,
		  "0xac92bc8d02906a87a573c32c72bb4270"
		  "36f0e43d7a7375c5c491ebba064add15" },
		{ 1, 40,
		  "0xe149f27581cbf64e20bee773775b713c"
		  "f87b2472881b959a9a4788eda260f34d" },
		{ 2, 1,
		  "0xe9ad7202c0b3a5edb188b1da423768a4"
		  "25acb1611775a43c8425982883178f8b" },
		{ 3, 2,
		  "0x3493932ada2db6584b3128aa34b270a3"
		  "1f4409e19d3f34a60f440eac22a58ba4" },
		{ 16, 1,
		  "0x73fee744327eab249946f000289aa2ee"
		  "c1158935835c6c21296e1f8265c21071" },
		{ 17, 1,
		  "0x806cb35a344c14d945d661ca5b964f1b"
		  "def3de750aaa39505e71bb3811b253a8" },
		{ 17, 33,
		  "0xfa332a8e7916816c5d39cfbd0e7740fd"
		  "bca77f43b4dbaa3c97fbcfd9a63dc136" },
		{ 127, 3,
		  "0x7fd9edd2b12460797a4135213829bce6"
		  "754a89a3a0b0584ffae0fdc9f345aad1" },
		{ 128, 3,
		  "0x48aec96b7902ce7b41e05f13ece20fd4"
		  "1dcf629edd063058295838203afcc083" },
		{ 129, 3,
		  "0xf234e7f923c37238bbd941ef83432282"
		  "2c98fb5420278d50bf3d7a99e19e8013" },
		{ 130, 30,
		  "0x071a764504ff3ad80fed933cf3b6edfd"
		  "30b0ad2b6c97f40a08b7a697e17bb1b5" },
		{ 256, 5,
		  "0x37b6d78be7e890adc67b16d80b4f4db5"
		  "0b75b600db7110ec4a7b6f9829179c7a" },
		{ 257, 300,
		  "0x58a52f0bf671a1dc1b5f663d78c80966"
		  "4bf894bf88925eada4d9e8ee15371e87" },
		{ 300, 1,
		  "0x0595178297877a57ab67a07a40b6d678"
		  "af5d24a60c538d7ec1d5ffd6faa00bfd" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t len = cases[i].len;
		struct trie_list list = { cases[i].n, value_at, &len };
		struct hash32 root = trie_list_root(&list);
		char text[HEX_HASH_SIZE];

		assert_string_equal(hex_hash(text, &root), cases[i].root);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),   cmocka_unit_test(test_join),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_removed),
		cmocka_unit_test(test_shapes),  cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_trie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
