/*
 * Reading a node's JSON into blocks and logs. Everything here is hostile
 * input: lengths and ranges are checked, nothing is believed about order.
 */
#include "indexer/wire.h"

#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "core/json.h"

static enum status get_u64(uint64_t *out, const cJSON *o, const char *key,
			   struct err *err)
{
	const char *s;
	enum status st = json_str(&s, o, key, err);

	if (st != ST_OK)
		return st;
	return hex_quantity_u64(out, s, key, err);
}

static enum status get_u32(uint32_t *out, const cJSON *o, const char *key,
			   struct err *err)
{
	uint64_t v;
	enum status st = get_u64(&v, o, key, err);

	if (st != ST_OK)
		return st;
	if (v > INT32_MAX) /* an integer column holds it */
		return err_set(err, ST_REJECTED, "%s: too large", key);
	*out = (uint32_t)v;
	return ST_OK;
}

static enum status get_fixed(void *out, size_t n, const cJSON *o,
			     const char *key, struct err *err)
{
	const char *s;
	enum status st = json_str(&s, o, key, err);

	if (st != ST_OK)
		return st;
	return hex_decode_fixed(out, n, s, key, err);
}

enum status wire_head(struct head *out, const cJSON *json, struct err *err)
{
	struct head h = { 0 };
	enum status st;

	if (!json || cJSON_IsNull(json))
		return err_set(err, ST_AGAIN, "the node has no such block");
	if ((st = get_u64(&h.number, json, "number", err)) != ST_OK ||
	    (st = get_u64(&h.time, json, "timestamp", err)) != ST_OK ||
	    (st = get_fixed(h.hash.b, 32, json, "hash", err)) != ST_OK ||
	    (st = get_fixed(h.parent.b, 32, json, "parentHash", err)) != ST_OK)
		return st;
	if (h.number > INT64_MAX - 1 || h.time > (uint64_t)1 << 40)
		return err_set(err, ST_REJECTED,
			       "block: number or time absurd");
	h.has_bloom =
	    get_fixed(h.bloom, BLOOM_BYTES, json, "logsBloom", NULL) == ST_OK;
	*out = h;
	return ST_OK;
}

static enum status log_data(struct log *l, struct arena *arena,
			    const cJSON *json, struct err *err)
{
	const char *s;
	uint8_t *p;
	size_t n;
	enum status st = json_str(&s, json, "data", err);

	if (st != ST_OK)
		return st;
	n = strlen(s);
	if (n < 2 || n % 2)
		return err_set(err, ST_REJECTED, "data: not hex bytes");
	n = n / 2 - 1;
	p = arena_alloc(arena, n ? n : 1);
	st = hex_decode_fixed(p, n, s, "data", err);
	if (st != ST_OK)
		return st;
	l->data = p;
	l->data_len = n;
	return ST_OK;
}

static enum status log_topics(struct log *l, const cJSON *json, struct err *err)
{
	const cJSON *topics = cJSON_GetObjectItemCaseSensitive(json, "topics");
	const cJSON *t;

	if (!cJSON_IsArray(topics))
		return err_set(err, ST_REJECTED, "topics: missing");
	cJSON_ArrayForEach(t, topics)
	{
		enum status st;

		if (l->topic_count == ARRAY_SIZE(l->topics) ||
		    !cJSON_IsString(t))
			return err_set(err, ST_REJECTED, "topics: malformed");
		st = hex_decode_hash(&l->topics[l->topic_count++],
				     t->valuestring, "topics", err);
		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

static enum status wire_log(struct log *out, struct arena *arena,
			    const cJSON *json, struct err *err)
{
	struct log l = { 0 };
	enum status st;

	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "removed")))
		return err_set(err, ST_TRANSIENT, "log: removed by a reorg");
	if ((st = get_u64(&l.block_number, json, "blockNumber", err)) ||
	    (st = get_u32(&l.tx_index, json, "transactionIndex", err)) ||
	    (st = get_u32(&l.log_index, json, "logIndex", err)) ||
	    (st = get_fixed(l.block_hash.b, 32, json, "blockHash", err)) ||
	    (st = get_fixed(l.tx_hash.b, 32, json, "transactionHash", err)) ||
	    (st = get_fixed(l.address.b, 20, json, "address", err)) ||
	    (st = log_topics(&l, json, err)) ||
	    (st = log_data(&l, arena, json, err)))
		return st;
	*out = l;
	return ST_OK;
}

static int log_cmp(const void *a, const void *b)
{
	const struct log *x = a, *y = b;

	if (x->block_number != y->block_number)
		return x->block_number < y->block_number ? -1 : 1;
	if (x->log_index != y->log_index)
		return x->log_index < y->log_index ? -1 : 1;
	return 0;
}

static enum status logs_order(struct logs *l, struct err *err)
{
	qsort(l->items, l->count, sizeof(*l->items), log_cmp);
	for (size_t i = 1; i < l->count; i++) {
		const struct log *a = &l->items[i - 1], *b = &l->items[i];

		if (a->block_number != b->block_number)
			continue;
		if (a->log_index == b->log_index)
			return err_set(err, ST_REJECTED, "logs: one is double");
		if (!hash32_eq(&a->block_hash, &b->block_hash))
			return err_set(err, ST_TRANSIENT,
				       "logs: of two blocks at one height");
	}
	return ST_OK;
}

enum status wire_logs(struct logs *out, struct arena *arena, const cJSON *json,
		      uint64_t from, uint64_t to, struct err *err)
{
	struct logs l = { 0 };
	const cJSON *it;
	enum status st;

	if (!cJSON_IsArray(json))
		return err_set(err, ST_REJECTED, "logs: not an array");
	l.items = arena_array(arena, (size_t)cJSON_GetArraySize(json) + 1,
			      sizeof(*l.items));
	cJSON_ArrayForEach(it, json)
	{
		struct log *item = &l.items[l.count++];

		st = wire_log(item, arena, it, err);
		if (st != ST_OK)
			return st;
		if (item->block_number < from || item->block_number > to)
			return err_set(err, ST_REJECTED,
				       "logs: one of a block not asked for");
	}
	st = logs_order(&l, err);
	if (st != ST_OK)
		return st;
	*out = l;
	return ST_OK;
}

static bool wanted(const struct log *l, const struct address *a, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (address_eq(&l->address, &a[i]))
			return true;
	return false;
}

static size_t receipts_log_count(const cJSON *receipts)
{
	const cJSON *r;
	size_t n = 0;

	cJSON_ArrayForEach(r, receipts) n += (size_t)cJSON_GetArraySize(
	    cJSON_GetObjectItemCaseSensitive(r, "logs"));
	return n;
}

enum status wire_receipt_logs(struct logs *out, struct arena *arena,
			      const cJSON *json, const struct head *block,
			      const struct address *addresses, size_t n,
			      struct err *err)
{
	struct logs l = { 0 };
	const cJSON *r, *it;
	enum status st;

	if (!cJSON_IsArray(json))
		return err_set(err, ST_AGAIN, "receipts: not an array");
	l.items =
	    arena_array(arena, receipts_log_count(json) + 1, sizeof(*l.items));
	cJSON_ArrayForEach(r, json)
	{
		const cJSON *logs = cJSON_GetObjectItemCaseSensitive(r, "logs");

		cJSON_ArrayForEach(it, logs)
		{
			struct log *item = &l.items[l.count];

			st = wire_log(item, arena, it, err);
			if (st != ST_OK)
				return st;
			if (!hash32_eq(&item->block_hash, &block->hash))
				return err_set(err, ST_TRANSIENT,
					       "receipts: of another block");
			if (wanted(item, addresses, n))
				l.count++;
		}
	}
	st = logs_order(&l, err);
	if (st != ST_OK)
		return st;
	*out = l;
	return ST_OK;
}
