/*
 * Logs as a node tells them: read out of the text in one pass, put in order,
 * hashed. Nothing is believed about their order, and nothing is allocated that
 * the text does not pay for.
 */
#include "abi/log.h"

/* The one-shot and EVP forms look their algorithm up each time, which costs
 * more than hashing a log. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "abi/hex.h"
#include "abi/log_int.h"
#include "abi/u256.h"

enum { TOPICS, DATA, REMOVED };

/* What the caller of fields_next() reads stands first. */
static const struct field table[] = {
	[TOPICS] = FIELD_OTHER("topics"),
	[DATA] = FIELD_OTHER("data"),
	[REMOVED] = FIELD_OTHER("removed"),
	FIELD_HEX("address", struct log, address),
	FIELD_U64("blockNumber", struct log, block_number, LOG_BLOCK_MAX),
	FIELD_HEX("transactionHash", struct log, tx_hash),
	FIELD_U32("transactionIndex", struct log, tx_index, LOG_INDEX_MAX),
	FIELD_HEX("blockHash", struct log, block_hash),
	FIELD_U32("logIndex", struct log, log_index, LOG_INDEX_MAX),
};

#define ALL    (((uint64_t)1 << ARRAY_SIZE(table)) - 1)
#define NEEDED (ALL & ~((uint64_t)1 << REMOVED))

static void read_topics(struct log *log, struct reader *r)
{
	struct text t;

	if (scan_peek(&r->s) != SCAN_ARRAY) {
		reader_fail(r, "topics", "is no array");
		return;
	}
	scan_array(&r->s);
	while (scan_item(&r->s)) {
		if (log->topic_count == LOG_TOPICS_MAX) {
			reader_fail(r, "topics", "are more than four");
			return;
		}
		if (!reader_string(r, "topics", &t))
			return;
		if (!hex_decode_text(log->topics[log->topic_count++].b, 32, t))
			reader_fail(r, "topics", "are malformed");
	}
}

static void read_data(struct log *log, struct arena *arena, struct reader *r)
{
	struct text t;
	uint8_t *p;

	if (!reader_string(r, "data", &t))
		return;
	log->data_len = t.n < 2 ? 0 : t.n / 2 - 1;
	p = arena_alloc(arena, log->data_len ? log->data_len : 1);
	log->data = p;
	if (!hex_decode_text(p, log->data_len, t))
		reader_fail(r, "data", "is malformed");
}

static void read_removed(struct log *log, struct reader *r)
{
	enum scan_type type = scan_peek(&r->s);

	if (type != SCAN_TRUE && type != SCAN_FALSE)
		reader_fail(r, "removed", "is neither true nor false");
	log->removed = type == SCAN_TRUE;
	scan_skip(&r->s);
}

/* The log that comes next in the scan; @log is zeroed. */
static void scan_log(struct log *log, struct arena *arena, struct reader *r)
{
	struct fields f = fields_open(r, table, ARRAY_SIZE(table), log);
	int i;

	while ((i = fields_next(r, &f)) >= 0) {
		if (i == TOPICS)
			read_topics(log, r);
		else if (i == DATA)
			read_data(log, arena, r);
		else
			read_removed(log, r);
	}
	fields_need(r, &f, NEEDED);
}

void log_list_deinit(struct log_list *l)
{
	free(l->items);
}

static struct log *list_next(struct log_list *l)
{
	struct log *log;

	if (l->count == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 16;
		l->items = mem_resize(l->items, l->cap, sizeof(*l->items));
	}
	log = &l->items[l->count++];
	*log = (struct log){ 0 };
	return log;
}

void log_list_read(struct log_list *l, struct arena *arena, struct reader *r)
{
	scan_array(&r->s);
	while (scan_item(&r->s))
		scan_log(list_next(l), arena, r);
}

static bool in_order(const struct log *a, const struct log *b)
{
	return a->block_number < b->block_number ||
	       (a->block_number == b->block_number &&
		a->log_index < b->log_index);
}

static int log_cmp(const void *a, const void *b)
{
	return in_order(a, b) ? -1 : in_order(b, a);
}

static bool all_in_order(const struct log_list *l)
{
	for (size_t i = 1; i < l->count; i++)
		if (!in_order(&l->items[i - 1], &l->items[i]))
			return false;
	return true;
}

static enum status order(struct log_list *l, struct err *err)
{
	if (!all_in_order(l))
		qsort(l->items, l->count, sizeof(*l->items), log_cmp);
	for (size_t i = 0; i < l->count; i++) {
		const struct log *b = &l->items[i], *a = i ? b - 1 : NULL;

		if (b->removed)
			return err_set(err, ST_TRANSIENT,
				       "logs: one is removed by a reorg");
		if (!a || a->block_number != b->block_number)
			continue;
		if (!hash32_eq(&a->block_hash, &b->block_hash))
			return err_set(err, ST_TRANSIENT,
				       "logs: of two blocks at one height");
		if (a->log_index == b->log_index)
			return err_set(err, ST_REJECTED,
				       "logs: two have one logIndex");
	}
	return ST_OK;
}

enum status logs_read(struct logs *out, struct arena *arena, struct text json,
		      struct err *err)
{
	AUTO_LOG_LIST l = { 0 };
	struct reader r;
	enum status st;

	reader_init(&r, json);
	log_list_read(&l, arena, &r);
	st = reader_end(&r, "logs", err);
	if (st == ST_OK)
		st = order(&l, err);
	if (st != ST_OK)
		return st;
	out->items = arena_array(arena, l.count, sizeof(*l.items));
	if (l.count)
		memcpy(out->items, l.items, l.count * sizeof(*l.items));
	out->count = l.count;
	return ST_OK;
}

enum status log_read(struct log *out, struct arena *arena, struct text json,
		     struct err *err)
{
	struct log log = { 0 };
	struct reader r;
	enum status st;

	reader_init(&r, json);
	scan_log(&log, arena, &r);
	st = reader_end(&r, "log", err);
	if (st == ST_OK)
		*out = log;
	return st;
}

size_t logs_arena_max(size_t n)
{
	return n + 64;
}

static void put_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

void log_hash(uint8_t out[static 32], const struct log *log)
{
	uint8_t head[32 + 32 + 4 + 4 + 20 + 1], *p = head;
	SHA256_CTX sha;

	memcpy(p, log->block_hash.b, 32);
	memcpy(p + 32, log->tx_hash.b, 32);
	put_be32(p + 64, log->tx_index);
	put_be32(p + 68, log->log_index);
	memcpy(p + 72, log->address.b, 20);
	p[92] = (uint8_t)log->topic_count;
	SHA256_Init(&sha);
	SHA256_Update(&sha, head, sizeof(head));
	SHA256_Update(&sha, log->topics,
		      log->topic_count * sizeof(*log->topics));
	SHA256_Update(&sha, log->data, log->data_len);
	SHA256_Final(out, &sha);
}

void log_sum_merge(struct log_sum *sum, const struct log_sum *other)
{
	unsigned carry = 0;

	for (unsigned i = 32; i-- > 0;) {
		carry += (unsigned)sum->b[i] + other->b[i];
		sum->b[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

void log_sum_sub(struct log_sum *sum, const struct log_sum *other)
{
	struct u256 a = u256_from_be(sum->b, 32),
		    b = u256_from_be(other->b, 32);

	a = u256_sub(&a, &b, NULL);
	u256_to_be(sum->b, &a);
}

void log_sum_add(struct log_sum *sum, const struct log *log)
{
	struct log_sum one = { 0 };

	log_hash(one.b, log);
	log_sum_merge(sum, &one);
}
