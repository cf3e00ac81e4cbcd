/*
 * Headers of other shapes than Ethereum's: what is still read, what is told of
 * them, and the hash against another encoding of the same fields.
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
#include "abi/rlp.h"
#include "core/json.h"

/* The newest header with all that a node sends of its block. */
static cJSON *load(void)
{
	FILE *f = fopen(CX_SOURCE_DIR "/tests/fuzz/corpus/header/newest", "re");
	char text[65536];
	cJSON *block = NULL;
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	assert_int_equal(json_parse(&block, text, n, "header", NULL), ST_OK);
	return block;
}

/* @text: what @h points into; the caller frees it */
static enum status read_json(struct header *h, char **text, const cJSON *json,
			     struct err *err)
{
	AUTO_FREE char *s = cJSON_PrintUnformatted(json);
	size_t n = strlen(s);

	*text = mem_dup(s, n); /* without the zero byte */
	return header_read(h, (struct text){ *text, n }, err);
}

static bool hash_holds(const struct header *h)
{
	struct hash32 hash = header_hash(h);

	return hash32_eq(&hash, &h->hash);
}

static void test_unknown(void **state)
{
	AUTO_JSON cJSON *block = load();
	AUTO_FREE char *a = NULL, *b = NULL, *c = NULL;
	struct header h;
	struct err err;

	(void)state;
	assert_int_equal(read_json(&h, &a, block, &err), ST_OK);
	assert_true(hash_holds(&h));
	assert_false(h.unknown_fields);
	cJSON_AddNullToObject(block, "blockAccessListHash");
	assert_int_equal(read_json(&h, &b, block, &err), ST_OK);
	assert_false(h.unknown_fields);
	cJSON_AddStringToObject(block, "slotNumber", "0x1");
	assert_int_equal(read_json(&h, &c, block, &err), ST_OK);
	assert_true(h.unknown_fields);
	assert_false(h.incomplete);
	assert_true(hash_holds(&h));
}

static void test_incomplete(void **state)
{
	static const char *const hashed[] = {
		"sha3Uncles",    "miner",       "stateRoot", "transactionsRoot",
		"receiptsRoot",  "logsBloom",   "mixHash",   "nonce",
		"difficulty",    "gasLimit",    "gasUsed",   "extraData",
		"baseFeePerGas", "blobGasUsed",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hashed); i++) {
		AUTO_JSON cJSON *block = load();
		AUTO_FREE char *text = NULL;
		struct header h;
		struct err err;

		cJSON_DeleteItemFromObjectCaseSensitive(block, hashed[i]);
		assert_int_equal(read_json(&h, &text, block, &err), ST_OK);
		assert_true(h.incomplete);
		assert_int_equal(h.has_bloom,
				 strcmp(hashed[i], "logsBloom") != 0);
		assert_int_equal(h.has_receipts_root,
				 strcmp(hashed[i], "receiptsRoot") != 0);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *key, *value; /* NULL: left out */
	} cases[] = {
		{ "hash", NULL },
		{ "parentHash", NULL },
		{ "number", NULL },
		{ "timestamp", NULL },
		{ "number", "0x7fffffffffffffff" },
		{ "timestamp", "0x10000000001" },
		{ "hash", "0x12" },
		{ "logsBloom", "0x" },
		{ "extraData", "0x123" },
		{ "extraData", "0x1z" },
		{ "gasUsed", "0x00" },
		{ "nonce", "0x0" },
		{ "difficulty", "12" },
		{ "requestsHash", "0x1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_JSON cJSON *block = load();
		AUTO_FREE char *text = NULL;
		struct header h = { .number = 99 };
		struct err err;

		cJSON_DeleteItemFromObjectCaseSensitive(block, cases[i].key);
		if (cases[i].value)
			cJSON_AddStringToObject(block, cases[i].key,
						cases[i].value);
		assert_int_equal(read_json(&h, &text, block, &err),
				 ST_REJECTED);
		assert_non_null(strstr(err.msg, cases[i].key));
		assert_int_equal(h.number, 99);
	}
}

static void test_shapes(void **state)
{
	AUTO_JSON cJSON *block = load();
	AUTO_FREE char *text = NULL;
	struct header h;
	struct err err;

	(void)state;
	assert_int_equal(header_read(&h, (struct text){ "null", 4 }, &err),
			 ST_AGAIN);
	assert_int_equal(header_read(&h, (struct text){ "[]", 2 }, &err),
			 ST_REJECTED);
	assert_int_equal(header_read(&h, (struct text){ "", 0 }, &err),
			 ST_REJECTED);
	cJSON_AddStringToObject(block, "number", "0x1");
	assert_int_equal(read_json(&h, &text, block, &err), ST_REJECTED);
	assert_non_null(strstr(err.msg, "number"));
}

/* The header's hash by way of the growing RLP buffer. */
static struct hash32 slow_hash(const struct header *h, const void *extra,
			       size_t extra_len)
{
	size_t mark;
	AUTO_BUF b = BUF_NULL;

	buf_init(&b, 1 << 20);
	mark = rlp_list_begin(&b);
	rlp_add_bytes(&b, h->parent_hash.b, 32);
	rlp_add_bytes(&b, h->ommers_hash.b, 32);
	rlp_add_bytes(&b, h->beneficiary.b, 20);
	rlp_add_bytes(&b, h->state_root.b, 32);
	rlp_add_bytes(&b, h->transactions_root.b, 32);
	rlp_add_bytes(&b, h->receipts_root.b, 32);
	rlp_add_bytes(&b, h->bloom, BLOOM_BYTES);
	rlp_add_u256(&b, &h->difficulty);
	rlp_add_u64(&b, h->number);
	rlp_add_u64(&b, h->gas_limit);
	rlp_add_u64(&b, h->gas_used);
	rlp_add_u64(&b, h->timestamp);
	rlp_add_bytes(&b, extra, extra_len);
	rlp_add_bytes(&b, h->mix_hash.b, 32);
	rlp_add_bytes(&b, h->nonce, 8);
	if (h->fork_fields > 0)
		rlp_add_u256(&b, &h->base_fee);
	rlp_list_end(&b, mark);
	return keccak256(b.data, b.len);
}

/* Clique, Parlia and others keep their validators in extraData; single bytes
 * and numbers of every width have an encoding of their own. */
static void test_hash(void **state)
{
	static const size_t lengths[] = { 0,   1,   2,   32,   55,  56,
					  117, 256, 257, 1700, 5000 };
	AUTO_JSON cJSON *block = load();
	AUTO_FREE char *text = NULL;
	AUTO_FREE uint8_t *extra = mem_zalloc(5000);
	AUTO_FREE char *digits = mem_zalloc(10001);
	struct header h;
	struct err err;

	(void)state;
	assert_int_equal(read_json(&h, &text, block, &err), ST_OK);
	h.fork_fields = 1;
	for (unsigned byte = 0; byte < 256; byte += 15) {
		for (size_t i = 0; i < 5000; i++)
			extra[i] = (uint8_t)(byte + 31 * i);
		hex_encode_bare(digits, extra, 5000);
		for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
			size_t n = lengths[i];
			struct hash32 want = slow_hash(&h, extra, n), got;

			h.extra = (struct text){ digits, 2 * n };
			got = header_hash(&h);
			assert_memory_equal(got.b, want.b, 32);
		}
		h.number = byte % 64 ? UINT64_MAX >> byte % 64 : 0;
		h.gas_used = byte;
		memset(&h.difficulty, (int)byte, byte % 33);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_incomplete),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
