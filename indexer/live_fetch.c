/*
 * What the live tip asks of a node: headers by number and by hash, logs by
 * block hash (so that a reorg between two calls cannot mix two branches), and
 * receipts where an empty answer is doubtful.
 */
#include "indexer/live_int.h"

#include <inttypes.h>
#include <stdio.h>

#include "abi/hex.h"
#include "core/log.h"
#include "indexer/backfill.h"

#define LOGS_MEMORY ((size_t)1024 * 1024 * 1024)

static void send_batch(struct live *l, const struct rpc_batch_item *items,
		       size_t n, rpc_batch_done_fn done)
{
	l->busy = true;
	if (!feed_batch(l->opts.feed, items, n, done, l))
		live_retry(l, "no endpoint");
}

static void range_done(void *arg, enum status st, cJSON **results,
		       const struct rpc_error *errors, size_t n,
		       const struct err *err)
{
	struct live *l = arg;
	struct err bad = { 0 };

	(void)errors;
	if (st != ST_OK) {
		live_retry(l, err ? err->msg : "no headers");
		return;
	}
	l->queue_count = 0;
	for (size_t i = 0; i < n; i++) {
		struct head *h = &l->queue[i];

		if (wire_head(h, results[i], &bad) != ST_OK ||
		    h->number != l->fetch_from + i)
			break;
		if (i && !hash32_eq(&h->parent, &l->queue[i - 1].hash))
			break; /* the branch changed under us */
		l->queue_count++;
	}
	if (!l->queue_count) {
		/* It lags: its own heads will say when to ask again. */
		live_retry(l, bad.msg[0] ? bad.msg : "another block came");
		return;
	}
	live_got_heads(l);
}

void live_fetch_range(struct live *l, uint64_t from, uint64_t to)
{
	struct rpc_batch_item items[LIVE_QUEUE];
	char params[LIVE_QUEUE][96];
	size_t n = 0;

	for (; n < LIVE_QUEUE && from + n <= to; n++) {
		char hex[HEX_QUANTITY_SIZE];

		hex_put_quantity_u64(hex, from + n);
		snprintf(params[n], sizeof(params[n]), "[\"%s\",false]", hex);
		items[n].method = "eth_getBlockByNumber";
		items[n].params = params[n];
	}
	l->fetch_from = from;
	send_batch(l, items, n, range_done);
}

static void parent_done(void *arg, enum status st, cJSON **results,
			const struct rpc_error *errors, size_t n,
			const struct err *err)
{
	struct live *l = arg;
	struct head h;
	struct err bad;

	(void)errors;
	(void)n;
	if (st != ST_OK) {
		live_retry(l, err ? err->msg : "no parent");
		return;
	}
	if (wire_head(&h, results[0], &bad) != ST_OK) {
		live_retry(l, bad.msg);
		return;
	}
	if (!hash32_eq(&h.hash, &l->fetch_hash)) {
		live_retry(l, "another block came for a hash");
		return;
	}
	live_judge(l, &h);
}

void live_fetch_parent(struct live *l, const struct hash32 *hash)
{
	char hex[HEX_HASH_SIZE], params[96];
	struct rpc_batch_item item = { "eth_getBlockByHash", params };

	l->fetch_hash = *hash;
	snprintf(params, sizeof(params), "[\"%s\",false]", hex_hash(hex, hash));
	send_batch(l, &item, 1, parent_done);
}

/* ---- logs ---- */

static bool bloom_maybe(const struct live *l, const struct head *h)
{
	const struct schema *s = l->opts.schema;

	for (size_t i = 0; i < s->address_count; i++)
		if (bloom_may_contain(h->bloom, s->addresses[i].b, 20))
			return true;
	return false;
}

/* An empty answer that the header's own bloom does not explain. */
static bool mark_doubtful(struct live *l)
{
	bool any = false;

	for (size_t i = 0; i < l->queue_count; i++) {
		const struct head *h = &l->queue[i];
		bool maybe = h->has_bloom && bloom_maybe(l, h);

		l->doubtful[i] = maybe && l->logs[i].count == 0;
		any |= l->doubtful[i];
		if (h->has_bloom && !maybe && l->logs[i].count)
			log_odd("bloom_mismatch", F_U64("height", h->number),
				F_U64("logs", l->logs[i].count),
				F_STR("endpoint", feed_label(l->opts.feed)));
	}
	return any;
}

static void receipts_done(void *arg, enum status st, cJSON **results,
			  const struct rpc_error *errors, size_t n,
			  const struct err *err)
{
	struct live *l = arg;
	const struct schema *s = l->opts.schema;
	size_t at = 0;
	struct err bad;

	(void)errors;
	if (st != ST_OK) {
		live_retry(l, err ? err->msg : "no receipts");
		return;
	}
	for (size_t i = 0; i < l->queue_count && at < n; i++) {
		if (!l->doubtful[i])
			continue;
		st = wire_receipt_logs(&l->logs[i], l->arena, results[at++],
				       &l->queue[i], s->addresses,
				       s->address_count, &bad);
		/* A node without eth_getBlockReceipts: the block stays
		 * unverified. */
		if (st == ST_AGAIN)
			continue;
		if (st != ST_OK) {
			live_retry(l, bad.msg);
			return;
		}
		if (l->logs[i].count)
			log_odd("logs_left_out",
				F_U64("height", l->queue[i].number),
				F_U64("logs", l->logs[i].count),
				F_STR("endpoint", feed_label(l->opts.feed)));
	}
	live_commit(l);
}

static void fetch_receipts(struct live *l)
{
	struct rpc_batch_item items[LIVE_QUEUE];
	char params[LIVE_QUEUE][96];
	size_t n = 0;

	for (size_t i = 0; i < l->queue_count; i++) {
		char hex[HEX_HASH_SIZE];

		if (!l->doubtful[i])
			continue;
		snprintf(params[n], sizeof(params[n]), "[\"%s\"]",
			 hex_hash(hex, &l->queue[i].hash));
		items[n].method = "eth_getBlockReceipts";
		items[n].params = params[n];
		n++;
	}
	send_batch(l, items, n, receipts_done);
}

static enum status block_logs(struct live *l, size_t i, const cJSON *json,
			      struct err *err)
{
	const struct head *h = &l->queue[i];
	enum status st;

	st = wire_logs(&l->logs[i], l->arena, json, h->number, h->number, err);
	if (st != ST_OK)
		return st;
	for (size_t j = 0; j < l->logs[i].count; j++)
		if (!hash32_eq(&l->logs[i].items[j].block_hash, &h->hash))
			return err_set(err, ST_TRANSIENT,
				       "block %" PRIu64
				       ": logs of another block",
				       h->number);
	return ST_OK;
}

static uint64_t tag_number(const cJSON *json)
{
	struct head h;

	return wire_head(&h, json, NULL) == ST_OK ? h.number : STORE_UNKNOWN;
}

static void logs_done(void *arg, enum status st, cJSON **results,
		      const struct rpc_error *errors, size_t n,
		      const struct err *err)
{
	struct live *l = arg;
	struct err bad;

	if (st != ST_OK) {
		live_retry(l, err ? err->msg : "no logs");
		return;
	}
	for (size_t i = 0; i < l->queue_count; i++) {
		if (!results[i]) {
			live_retry(l, errors[i].message);
			return;
		}
		if (block_logs(l, i, results[i], &bad) != ST_OK) {
			feed_blame(l->opts.feed, bad.msg);
			live_retry(l, bad.msg);
			return;
		}
	}
	l->safe = tag_number(results[n - 2]);
	l->finalized = tag_number(results[n - 1]);
	if (mark_doubtful(l))
		fetch_receipts(l);
	else
		live_commit(l);
}

void live_fetch_logs(struct live *l)
{
	struct rpc_batch_item items[LIVE_QUEUE + 2];
	struct buf params[LIVE_QUEUE];
	size_t n = l->queue_count;

	if (l->arena)
		arena_free(l->arena);
	l->arena = arena_new(LOGS_MEMORY);
	for (size_t i = 0; i < n; i++) {
		char hex[HEX_HASH_SIZE];

		buf_init(&params[i], 1024 * 1024);
		buf_printf(&params[i], "[{\"blockHash\":\"%s\",",
			   hex_hash(hex, &l->queue[i].hash));
		filter_addresses(&params[i], l->opts.schema);
		buf_add_str(&params[i], "}]");
		items[i].method = "eth_getLogs";
		items[i].params = buf_str(&params[i]);
	}
	items[n] = (struct rpc_batch_item){ "eth_getBlockByNumber",
					    "[\"safe\",false]" };
	items[n + 1] = (struct rpc_batch_item){ "eth_getBlockByNumber",
						"[\"finalized\",false]" };
	send_batch(l, items, n + 2, logs_done);
	for (size_t i = 0; i < n; i++)
		buf_deinit(&params[i]);
}
