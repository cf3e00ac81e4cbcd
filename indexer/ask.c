/*
 * Writing questions to a node. Says nothing about answers.
 */
#include "indexer/ask.h"

#include <assert.h>

#include "abi/hex.h"

#define PARAMS_MAX ((size_t)256 * 1024 * 1024)

void ask_init(struct ask *a)
{
	a->count = 0;
	buf_init(&a->params, PARAMS_MAX);
}

static void begin(struct ask *a, const char *method)
{
	assert(a->count < ASK_MAX);
	a->items[a->count].method = method;
	a->items[a->count++].at = a->params.len;
}

static void add_by_hash(struct ask *a, const char *method,
			const struct hash32 *hash, const char *rest)
{
	char hex[HEX_HASH_SIZE];

	begin(a, method);
	buf_printf(&a->params, "[\"%s\"%s]", hex_hash(hex, hash), rest);
	buf_add_byte(&a->params, 0);
}

void ask_block(struct ask *a, uint64_t number)
{
	char hex[HEX_QUANTITY_SIZE];

	begin(a, "eth_getBlockByNumber");
	hex_put_quantity_u64(hex, number);
	buf_printf(&a->params, "[\"%s\",false]", hex);
	buf_add_byte(&a->params, 0);
}

void ask_tag(struct ask *a, const char *tag)
{
	begin(a, "eth_getBlockByNumber");
	buf_printf(&a->params, "[\"%s\",false]", tag);
	buf_add_byte(&a->params, 0);
}

void ask_block_of(struct ask *a, const struct hash32 *hash)
{
	add_by_hash(a, "eth_getBlockByHash", hash, ",false");
}

void ask_receipts(struct ask *a, const struct hash32 *hash)
{
	add_by_hash(a, "eth_getBlockReceipts", hash, "");
}

void ask_receipt(struct ask *a, const struct hash32 *tx)
{
	add_by_hash(a, "eth_getTransactionReceipt", tx, "");
}

void ask_logs(struct ask *a, const struct filter *f, uint64_t from, uint64_t to)
{
	char first[HEX_QUANTITY_SIZE], last[HEX_QUANTITY_SIZE];

	begin(a, "eth_getLogs");
	hex_put_quantity_u64(first, from);
	hex_put_quantity_u64(last, to);
	buf_printf(&a->params, "[{\"fromBlock\":\"%s\",\"toBlock\":\"%s\",",
		   first, last);
	buf_add_str(&a->params, filter_text(f));
	buf_add_str(&a->params, "}]");
	buf_add_byte(&a->params, 0);
}

void ask_logs_of(struct ask *a, const struct filter *f,
		 const struct hash32 *hash)
{
	char hex[HEX_HASH_SIZE];

	begin(a, "eth_getLogs");
	buf_printf(&a->params, "[{\"blockHash\":\"%s\",", hex_hash(hex, hash));
	buf_add_str(&a->params, filter_text(f));
	buf_add_str(&a->params, "}]");
	buf_add_byte(&a->params, 0);
}

void ask_code(struct ask *a, const struct address *address)
{
	char hex[HEX_ADDRESS_SIZE];

	begin(a, "eth_getCode");
	buf_printf(&a->params, "[\"%s\",\"latest\"]",
		   hex_address(hex, address));
	buf_add_byte(&a->params, 0);
}

static bool
send_by(struct ask *a, struct feed *feed, feed_done_fn done, void *arg,
	bool (*by)(struct feed *f, const struct rpc_batch_item *items, size_t n,
		   feed_done_fn done, void *arg))
{
	struct rpc_batch_item items[ASK_MAX];
	bool sent;

	assert(a->count && !a->params.overflow);
	for (size_t i = 0; i < a->count; i++) {
		items[i].method = a->items[i].method;
		items[i].params = buf_str(&a->params) + a->items[i].at;
	}
	sent = by(feed, items, a->count, done, arg);
	buf_deinit(&a->params);
	ask_init(a);
	return sent;
}

bool ask_send(struct ask *a, struct feed *feed, feed_done_fn done, void *arg)
{
	return send_by(a, feed, done, arg, feed_ask);
}

bool ask_send_bulk(struct ask *a, struct feed *feed, feed_done_fn done,
		   void *arg)
{
	return send_by(a, feed, done, arg, feed_ask_bulk);
}
