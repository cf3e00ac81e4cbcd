/*
 * Receipts: out of a node's text to the bytes whose trie root stands in the
 * header. Never trusts the order or the number of what a node sends.
 */
#include "abi/receipt.h"

#include <inttypes.h>

#include "abi/log_int.h"
#include "abi/rlp.h"
#include "abi/trie.h"

enum { LOGS, STATUS, ROOT, TYPE, PLAIN };

static const struct field table[] = {
	[LOGS] = FIELD_OTHER("logs"),
	[STATUS] = FIELD_U64("status", struct receipt, status, 1),
	[ROOT] = FIELD_HEX("root", struct receipt, state_root),
	[TYPE] = FIELD_U64("type", struct receipt, type, UINT64_MAX),
	[PLAIN] = FIELD_HEX("logsBloom", struct receipt, bloom),
	FIELD_U64("cumulativeGasUsed", struct receipt, cumulative_gas_used,
		  UINT64_MAX),
	FIELD_HEX("blockHash", struct receipt, block_hash),
	FIELD_U64("blockNumber", struct receipt, block_number, LOG_BLOCK_MAX),
	FIELD_HEX("transactionHash", struct receipt, tx_hash),
	FIELD_U32("transactionIndex", struct receipt, tx_index, LOG_INDEX_MAX),
};

#define BIT(i) ((uint64_t)1 << (i))
#define NEEDED ((BIT(ARRAY_SIZE(table)) - 1) & ~(BIT(PLAIN) - 1))

/* Of a valid receipt no text is shorter, its logs not counted. */
#define RECEIPT_TEXT_MIN 780
_Static_assert(sizeof(struct receipt) + 16 <= RECEIPT_TEXT_MIN,
	       "a receipt takes no more memory than its text");

/* Receipts while their count is not known yet, and all their logs: where a
 * receipt's stand in that list is told by @start until they stop moving. */
struct receipt_list {
	struct receipt *items;
	size_t *start;
	size_t count, cap;
	struct log_list logs;
};

static void receipt_list_deinit(struct receipt_list *l)
{
	free(l->items);
	free(l->start);
	log_list_deinit(&l->logs);
}
#define AUTO_RECEIPT_LIST                                                      \
	__attribute__((cleanup(receipt_list_deinit))) struct receipt_list

static struct receipt *list_next(struct receipt_list *l)
{
	struct receipt *r;

	if (l->count == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 16;
		l->items = mem_resize(l->items, l->cap, sizeof(*l->items));
		l->start = mem_resize(l->start, l->cap, sizeof(*l->start));
	}
	l->start[l->count] = l->logs.count;
	r = &l->items[l->count++];
	*r = (struct receipt){ 0 };
	return r;
}

/* The receipt that comes next in the scan. */
static void scan_receipt(struct receipt_list *l, struct arena *arena,
			 struct reader *r)
{
	struct receipt *receipt = list_next(l);
	struct fields f = fields_open(r, table, ARRAY_SIZE(table), receipt);

	while (fields_next(r, &f) == LOGS)
		log_list_read(&l->logs, arena, r);
	fields_need(r, &f, NEEDED | BIT(LOGS));
	receipt->has_status = f.seen & BIT(STATUS);
	if (!receipt->has_status)
		fields_need(r, &f, BIT(ROOT));
	receipt->log_count = l->logs.count - l->start[l->count - 1];
}

/* A receipt's logs state what it states. */
static enum status check_logs(const struct receipt *r, struct err *err)
{
	for (size_t i = 0; i < r->log_count; i++) {
		const struct log *log = &r->logs[i];

		if (log->removed)
			return err_set(err, ST_TRANSIENT,
				       "receipt: a log is removed by a reorg");
		if (!hash32_eq(&log->block_hash, &r->block_hash))
			return err_set(err, ST_TRANSIENT,
				       "receipt: a log is of another block");
		if (log->block_number != r->block_number ||
		    log->tx_index != r->tx_index ||
		    !hash32_eq(&log->tx_hash, &r->tx_hash))
			return err_set(err, ST_REJECTED,
				       "receipt: a log is of another "
				       "transaction");
	}
	return ST_OK;
}

static int receipt_cmp(const void *a, const void *b)
{
	const struct receipt *x = a, *y = b;

	return (x->tx_index > y->tx_index) - (x->tx_index < y->tx_index);
}

/* All logs in the block's order, in an array of their own. */
static enum status join_logs(struct receipts *out, struct arena *arena,
			     struct err *err)
{
	struct logs *all = &out->logs;
	struct log *to;

	all->count = 0;
	for (size_t i = 0; i < out->count; i++)
		all->count += out->items[i].log_count;
	to = all->items = arena_array(arena, all->count, sizeof(*to));
	for (size_t i = 0; i < out->count; i++) {
		struct receipt *r = &out->items[i];

		if (r->log_count)
			memcpy(to, r->logs, r->log_count * sizeof(*to));
		r->logs = to;
		to += r->log_count;
	}
	out->numbered = true;
	for (size_t i = 0; i < all->count; i++) {
		const struct log *log = &all->items[i];

		out->numbered = out->numbered && log->log_index == i;
		if (i > 0 && log->log_index <= log[-1].log_index)
			return err_set(err, ST_REJECTED,
				       "receipts: logIndex does not grow");
	}
	return ST_OK;
}

enum status receipts_join(struct receipts *out, struct arena *arena,
			  struct receipt *items, size_t n, struct err *err)
{
	struct receipts all = { .items = items, .count = n };
	enum status st;

	if (n)
		qsort(items, n, sizeof(*items), receipt_cmp);
	for (size_t i = 0; i < n; i++) {
		if (items[i].tx_index != i)
			return err_set(err, ST_REJECTED,
				       "receipts: transactionIndex %zu is "
				       "missing or repeated",
				       i);
		if (!hash32_eq(&items[i].block_hash, &items[0].block_hash))
			return err_set(err, ST_TRANSIENT,
				       "receipts: of different blocks");
		if (items[i].block_number != items[0].block_number)
			return err_set(err, ST_REJECTED,
				       "receipts: of different blockNumber");
		st = check_logs(&items[i], err);
		if (st != ST_OK)
			return st;
	}
	st = join_logs(&all, arena, err);
	if (st == ST_OK)
		*out = all;
	return st;
}

enum status receipts_read(struct receipts *out, struct arena *arena,
			  struct text json, struct err *err)
{
	AUTO_RECEIPT_LIST l = { 0 };
	struct receipt *items;
	struct reader r;
	enum status st;

	reader_init(&r, json);
	if (scan_null(&r.s))
		return err_set(err, ST_AGAIN, "the node has no such block");
	scan_array(&r.s);
	while (scan_item(&r.s))
		scan_receipt(&l, arena, &r);
	st = reader_end(&r, "receipts", err);
	if (st != ST_OK)
		return st;
	items = arena_array(arena, l.count, sizeof(*items));
	for (size_t i = 0; i < l.count; i++) {
		items[i] = l.items[i];
		items[i].logs = l.logs.items ? l.logs.items + l.start[i] : NULL;
	}
	return receipts_join(out, arena, items, l.count, err);
}

enum status receipt_read(struct receipt *out, struct arena *arena,
			 struct text json, struct err *err)
{
	AUTO_RECEIPT_LIST l = { 0 };
	struct receipt receipt;
	struct reader r;
	enum status st;

	reader_init(&r, json);
	if (scan_null(&r.s))
		return err_set(err, ST_AGAIN, "the node has no such receipt");
	scan_receipt(&l, arena, &r);
	st = reader_end(&r, "receipt", err);
	if (st != ST_OK)
		return st;
	receipt = l.items[0];
	receipt.logs = arena_array(arena, l.logs.count, sizeof(struct log));
	if (l.logs.count)
		memcpy(receipt.logs, l.logs.items,
		       l.logs.count * sizeof(struct log));
	st = check_logs(&receipt, err);
	if (st == ST_OK)
		*out = receipt;
	return st;
}

size_t receipts_arena_max(size_t n)
{
	return 2 * n + 64;
}

/* ---- consensus encoding ---- */

static size_t topics_size(const struct log *log)
{
	return rlp_size(33 * (size_t)log->topic_count);
}

static size_t data_size(const struct log *log)
{
	if (log->data_len == 1 && log->data[0] < 0x80)
		return 1;
	return rlp_size(log->data_len);
}

/* Payload lengths, without the list's header. */
static size_t log_len(const struct log *log)
{
	return 21 + topics_size(log) + data_size(log);
}

static size_t logs_len(const struct receipt *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->log_count; i++)
		n += rlp_size(log_len(&r->logs[i]));
	return n;
}

/* Most that one receipt's encoding takes. */
static size_t receipt_max(const struct receipt *r)
{
	return 1 + 9 + 33 + 9 + 3 + BLOOM_BYTES + 9 + logs_len(r);
}

static uint8_t *put_log(uint8_t *p, const struct log *log)
{
	p += rlp_header(p, true, log_len(log));
	p = rlp_put_bytes(p, log->address.b, 20);
	p += rlp_header(p, true, 33 * (size_t)log->topic_count);
	for (unsigned i = 0; i < log->topic_count; i++)
		p = rlp_put_bytes(p, log->topics[i].b, 32);
	return rlp_put_bytes(p, log->data, log->data_len);
}

static size_t receipt_put(uint8_t *out, const struct receipt *r)
{
	uint8_t front[33 + 9], *end = front, *p = out;
	size_t logs = logs_len(r), front_len;

	/* the state root before Byzantium, the status since (EIP-658) */
	if (r->has_status)
		end = rlp_put_u64(end, r->status);
	else
		end = rlp_put_bytes(end, r->state_root.b, 32);
	end = rlp_put_u64(end, r->cumulative_gas_used);
	front_len = (size_t)(end - front);
	if (r->type > 0)
		*p++ = (uint8_t)r->type;
	p += rlp_header(p, true,
			front_len + rlp_size(BLOOM_BYTES) + rlp_size(logs));
	memcpy(p, front, front_len);
	p = rlp_put_bytes(p + front_len, r->bloom, BLOOM_BYTES);
	p += rlp_header(p, true, logs);
	for (size_t i = 0; i < r->log_count; i++)
		p = put_log(p, &r->logs[i]);
	return (size_t)(p - out);
}

struct encoder {
	const struct receipts *receipts;
	uint8_t *scratch; /* large enough for each */
};

static struct trie_value encode(void *ctx, size_t i)
{
	const struct encoder *e = ctx;

	return (struct trie_value){
		e->scratch, receipt_put(e->scratch, &e->receipts->items[i])
	};
}

static enum status check_types(const struct receipts *r, struct err *err)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->items[i].type > RECEIPT_TYPE_MAX)
			return err_set(err, ST_AGAIN,
				       "receipt type 0x%" PRIx64
				       " is not known to this version",
				       r->items[i].type);
	return ST_OK;
}

static size_t largest(const struct receipts *r)
{
	size_t max = 0;

	for (size_t i = 0; i < r->count; i++) {
		size_t n = receipt_max(&r->items[i]);

		max = n > max ? n : max;
	}
	return max;
}

enum status receipts_root(struct hash32 *out, const struct receipts *r,
			  struct err *err)
{
	AUTO_FREE uint8_t *scratch = mem_zalloc(largest(r));
	struct encoder e = { r, scratch };
	struct trie_list list = { r->count, encode, &e };
	enum status st = check_types(r, err);

	if (st == ST_OK)
		*out = trie_list_root(&list);
	return st;
}
