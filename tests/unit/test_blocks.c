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
#include "abi/keccak.h"
#include "abi/receipt.h"
#include "abi/rlp.h"
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

/* The text of a tree, without the zero byte behind it: what reads past the end
 * is found. */
struct copy {
	struct text t;
};

static void copy_deinit(struct copy *c)
{
	union {
		const char *in;
		char *out;
	} p = { c->t.p };

	free(p.out);
}
#define AUTO_COPY __attribute__((cleanup(copy_deinit))) struct copy

static struct copy print(const cJSON *json)
{
	AUTO_FREE char *s = cJSON_PrintUnformatted(json);
	size_t n = strlen(s);

	return (struct copy){ { mem_dup(s, n), n } };
}

static enum status header_of(struct header *h, struct copy *c,
			     const cJSON *block, struct err *err)
{
	*c = print(block);
	return header_read(h, c->t, err);
}

static enum status root_of(struct hash32 *out, const cJSON *json,
			   struct err *err)
{
	AUTO_COPY c = print(json);
	AUTO(arena) struct arena *a = arena_new(receipts_arena_max(c.t.n));
	struct receipts r;
	enum status st = receipts_read(&r, a, c.t, err);

	return st == ST_OK ? receipts_root(out, &r, err) : st;
}

static void test_blocks(void **state)
{
	AUTO_JSON cJSON *all = load();
	const cJSON *v;
	int checked = 0;

	(void)state;
	cJSON_ArrayForEach(v, all)
	{
		AUTO_COPY block = { 0 };
		struct header h;
		struct hash32 hash, root;
		struct err err = { 0 };

		assert_int_equal(header_of(&h, &block,
					   cJSON_GetObjectItem(v, "block"),
					   &err),
				 ST_OK);
		assert_false(h.incomplete);
		assert_false(h.unknown_fields);
		assert_true(h.has_bloom);
		assert_true(h.has_receipts_root);
		hash = header_hash(&h);
		assert_memory_equal(hash.b, h.hash.b, 32);
		assert_int_equal(
		    root_of(&root, cJSON_GetObjectItem(v, "receipts"), &err),
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
		AUTO_COPY block = { 0 };
		struct header h;
		struct hash32 root;
		struct err err = { 0 };
		cJSON *last, *logs;

		if (n < 2)
			continue;
		assert_int_equal(header_of(&h, &block,
					   cJSON_GetObjectItem(v, "block"),
					   &err),
				 ST_OK);
		last = cJSON_GetArrayItem(receipts, n - 1);
		logs = cJSON_GetObjectItem(last, "logs");
		cJSON_DeleteItemFromArray(logs, 0);
		assert_int_equal(root_of(&root, receipts, &err), ST_OK);
		assert_memory_not_equal(root.b, h.receipts_root.b, 32);
		cJSON_DeleteItemFromArray(receipts, n - 1);
		assert_int_equal(root_of(&root, receipts, &err), ST_OK);
		assert_memory_not_equal(root.b, h.receipts_root.b, 32);
		cJSON_DeleteItemFromArray(receipts, 0);
		assert_int_equal(root_of(&root, receipts, &err), ST_REJECTED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_altered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
