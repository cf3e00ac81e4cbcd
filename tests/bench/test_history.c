/*
 * The made-up history held against the code that verifies a real chain: if it
 * were not genuine, a benchmark of verification would measure nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "abi/abi.h"
#include "abi/bloom.h"
#include "abi/header.h"
#include "abi/log.h"
#include "abi/receipt.h"
#include "abi/registry.h"
#include "core/arena.h"
#include "core/buf.h"
#include "event.h"
#include "history.h"

#define BLOCKS    5
#define PER_BLOCK 20

static struct history *history_of(bool one_tx)
{
	struct history_shape shape = { BLOCKS, PER_BLOCK, one_tx, 2 };

	return history_new(&shape);
}

static struct text text_of(const struct buf *b)
{
	return (struct text){ buf_str(b), b->len };
}

static void get_header(struct header *out, const struct history *h,
		       uint64_t number)
{
	struct slice s = history_block(h, number);
	struct err err = { 0 };

	if (header_read(out, (struct text){ s.p, s.n }, &err) != ST_OK)
		fail_msg("%s", err.msg);
	assert_false(out->incomplete || out->unknown_fields);
}

static void get_receipts(struct receipts *out, struct arena **arena,
			 const struct history *h, uint64_t number)
{
	AUTO_BUF text = BUF_NULL;
	uint64_t first = history_first_tx(h, number);
	struct err err = { 0 };

	buf_init(&text, 1 << 20);
	buf_add_str(&text, "[");
	for (uint64_t i = first; i < history_first_tx(h, number + 1); i++) {
		struct history_receipt r = history_receipt(h, i);

		buf_add_str(&text, i > first ? "," : "");
		buf_add(&text, r.head.p, r.head.n);
		buf_add(&text, r.logs.p, r.logs.n);
		buf_add(&text, r.tail.p, r.tail.n);
	}
	buf_add_str(&text, "]");
	*arena = arena_new(receipts_arena_max(text.len));
	if (receipts_read(out, *arena, text_of(&text), &err) != ST_OK)
		fail_msg("%s", err.msg);
}

static void check_chain(bool one_tx)
{
	AUTO(history) struct history *h = history_of(one_tx);
	struct header last = { 0 };

	assert_int_equal(history_append(h), BLOCKS + 1);
	assert_int_equal(history_append(h), BLOCKS + 2);
	assert_int_equal(history_append(h), 0);
	for (uint64_t n = 0; n <= history_head(h); n++) {
		struct arena *arena = NULL;
		struct receipts receipts;
		struct header hd;
		struct hash32 hash, root;
		struct err err;
		uint64_t found;

		get_header(&hd, h, n);
		get_receipts(&receipts, &arena, h, n);
		hash = header_hash(&hd);
		assert_int_equal(hd.number, n);
		assert_memory_equal(hash.b, hd.hash.b, 32);
		assert_memory_equal(hd.parent_hash.b, last.hash.b, 32);
		assert_true(history_find_block(h, &hd.hash, &found));
		assert_int_equal(found, n);
		assert_int_equal(receipts_root(&root, &receipts, &err), ST_OK);
		assert_memory_equal(root.b, hd.receipts_root.b, 32);
		assert_int_equal(
		    bloom_may_contain(hd.bloom, event_contract.b, 20), n > 0);
		assert_int_equal(receipts.count, !n ? 0
						 : n > BLOCKS || one_tx
						     ? 1
						     : PER_BLOCK);
		last = hd;
		arena_free(arena);
	}
}

static void test_one_tx(void **state)
{
	(void)state;
	check_chain(true);
}

static void test_many_tx(void **state)
{
	(void)state;
	check_chain(false);
}

/* The union of the receipts' blooms, nothing more. */
static void test_bloom(void **state)
{
	AUTO(history) struct history *h = history_of(false);
	struct receipts receipts;
	struct arena *arena = NULL;
	uint8_t all[BLOOM_BYTES] = { 0 };
	struct header hd;

	(void)state;
	get_header(&hd, h, 3);
	get_receipts(&receipts, &arena, h, 3);
	for (size_t i = 0; i < receipts.count; i++)
		for (size_t j = 0; j < sizeof(all); j++)
			all[j] |= receipts.items[i].bloom[j];
	arena_free(arena);
	assert_memory_equal(all, hd.bloom, sizeof(all));
}

/* The hand-written encoding is what the contract's ABI says. */
static void test_event(void **state)
{
	struct abi *abi = NULL;
	const struct abi_entry *entry;
	const struct abi_value *v;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(registry_abi(&abi, &err), ST_OK);
	for (uint64_t n = 0; n < 50; n++) {
		struct arena *a =
		    arena_new(abi_decode_arena_max(EVENT_DATA_LEN));
		struct event e;

		event_make(&e, n);
		entry = abi_event_by_topic(abi, &e.topics[0]);
		assert_non_null(entry);
		assert_int_equal(abi_decode_log(&v, a, entry, e.topics,
						EVENT_TOPICS, e.data,
						sizeof(e.data), 0, &err),
				 ST_OK);
		assert_int_equal(v[3].num.w[0], e.ingest);
		assert_int_equal(v[6].bytes.len, EVENT_TITLE_LEN);
		assert_memory_equal(v[6].bytes.p, e.title, EVENT_TITLE_LEN);
		assert_int_equal(v[7].bytes.len, e.key_len);
		assert_memory_equal(v[7].bytes.p, e.key, e.key_len);
		assert_int_equal(e.key_len, e.key[0] == 1 ? 34 : 33);
		arena_free(a);
	}
	abi_free(abi);
}

/* A range's logs are those of its blocks, and the digest follows growth. */
static void test_logs(void **state)
{
	AUTO(history) struct history *h = history_of(true);
	AUTO(history) struct history *same = history_of(true);
	AUTO_BUF text = BUF_NULL;
	struct arena *arena;
	struct logs logs;
	struct err err;
	struct slice s = history_logs(h, 0, 4);
	uint8_t before[32], after[32];

	(void)state;
	buf_init(&text, 1 << 20);
	buf_add_str(&text, "[");
	buf_add(&text, s.p, s.n);
	buf_add_str(&text, "]");
	arena = arena_new(logs_arena_max(text.len));
	assert_int_equal(logs_read(&logs, arena, text_of(&text), &err), ST_OK);
	assert_int_equal(logs.count, 4 * PER_BLOCK);
	assert_memory_equal(logs.items[0].address.b, event_contract.b, 20);
	arena_free(arena);
	assert_int_equal(history_logs(h, 0, 0).n, 0);
	history_digest(h, before);
	history_digest(same, after);
	assert_memory_equal(before, after, 32);
	history_append(h);
	history_digest(h, after);
	assert_memory_not_equal(before, after, 32);
	assert_int_equal(history_events(h), BLOCKS * PER_BLOCK + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_tx), cmocka_unit_test(test_many_tx),
		cmocka_unit_test(test_bloom),  cmocka_unit_test(test_event),
		cmocka_unit_test(test_logs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
