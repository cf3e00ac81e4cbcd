/* Receipts as a node sends them: within the arena that their text pays for, in
 * order, and of the same root when they are joined one by one backwards. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same receipts again, each read out of its own text. */
static size_t read_each(struct receipt *out, size_t n, struct arena *a,
			const uint8_t *data, size_t size)
{
	struct scan s;
	struct text one;
	size_t at = n;

	scan_init(&s, (const char *)data, size);
	for (scan_array(&s); scan_item(&s);) {
		assert(at > 0);
		if (!scan_value(&s, &one) ||
		    receipt_read(&out[--at], a, one, NULL) != ST_OK)
			abort();
	}
	return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) struct arena *a = arena_new(receipts_arena_max(size));
	AUTO(arena) struct arena *b = arena_new(receipts_arena_max(size));
	struct text text = { (const char *)data, size };
	struct receipts all, joined;
	struct receipt *items;
	struct hash32 one, two;
	enum status st;

	if (receipts_read(&all, a, text, NULL) != ST_OK)
		return 0;
	for (size_t i = 0; i < all.count; i++)
		assert(all.items[i].tx_index == i);
	for (size_t i = 1; i < all.logs.count; i++)
		assert(all.logs.items[i - 1].log_index <
		       all.logs.items[i].log_index);
	items = arena_array(b, all.count, sizeof(*items));
	assert(read_each(items, all.count, b, data, size) == 0);
	if (receipts_join(&joined, b, items, all.count, NULL) != ST_OK)
		abort();
	assert(joined.logs.count == all.logs.count);
	assert(joined.numbered == all.numbered);
	st = receipts_root(&one, &all, NULL);
	assert(receipts_root(&two, &joined, NULL) == st);
	if (st == ST_OK)
		assert(memcmp(one.b, two.b, 32) == 0);
	return 0;
}
