/*
 * Builds the chain block on block and prints each as a node does. The texts lie
 * in two reserved regions that never move; logs stand one after another, so
 * that any range of blocks is one slice. Never reads what it wrote.
 */
#include "history.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "abi/hex.h"
#include "core/buf.h"
#include "draft.h"

#define LOG_TEXT_MAX        2048 /* one log object */
#define TX_TEXT_MAX         2048 /* the rest of its receipt */
#define BLOCK_TEXT_MAX(txs) (4096 + (size_t)(txs)*80)
#define RLP_MAX             ((size_t)1 << 20)

struct region {
	char *p;
	size_t n, cap;
};

struct block {
	struct hash32 hash;
	uint64_t first_log, first_tx;
	size_t text, text_len, header_len;
};

struct tx {
	struct hash32 hash;
	uint64_t first_log, logs;
	size_t text, head_len, tail_len;
};

struct history {
	struct history_shape shape;
	struct region logs, texts;
	struct block *blocks;
	struct tx *txs;
	size_t *log_at; /* where each log begins; the last: where one would */
	struct hash32 (*topics)[EVENT_TOPICS];
	uint64_t block_count, tx_count, log_count, block_cap;
	uint32_t *table; /* open addressing: 1 + block, or 1 + blocks + tx */
	size_t table_mask;
	struct buf rlp, row;
	struct draft *draft;
	EVP_MD_CTX *digest;
};

/* ---- regions: address space is reserved, pages come as they are used ---- */

static void region_init(struct region *r, size_t cap)
{
	r->p = mmap(NULL, cap, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r->p == MAP_FAILED)
		abort();
	r->n = 0;
	r->cap = cap;
}

static void put(struct region *r, const char *text, size_t n)
{
	assert(r->cap - r->n >= n);
	memcpy(r->p + r->n, text, n);
	r->n += n;
}

static void put_str(struct region *r, const char *text)
{
	put(r, text, strlen(text));
}

static void put_hex(struct region *r, const char *before, const void *p,
		    size_t n)
{
	put_str(r, before);
	assert(r->cap - r->n >= HEX_SIZE(n));
	hex_encode(r->p + r->n, p, n);
	r->n += HEX_SIZE(n) - 1;
}

static void put_num(struct region *r, const char *before, uint64_t v)
{
	char text[HEX_QUANTITY_SIZE];

	put_str(r, before);
	put_str(r, hex_put_quantity_u64(text, v));
}

/* ---- by hash ---- */

static const struct hash32 *entry_hash(const struct history *h, uint32_t entry)
{
	uint64_t i = entry - 1;

	return i < h->block_cap ? &h->blocks[i].hash
				: &h->txs[i - h->block_cap].hash;
}

static size_t slot_of(const struct history *h, const struct hash32 *hash)
{
	size_t slot;

	memcpy(&slot, hash->b, sizeof(slot));
	for (slot &= h->table_mask; h->table[slot];
	     slot = (slot + 1) & h->table_mask)
		if (hash32_eq(entry_hash(h, h->table[slot]), hash))
			break;
	return slot;
}

static void remember(struct history *h, const struct hash32 *hash, uint64_t i)
{
	h->table[slot_of(h, hash)] = (uint32_t)(i + 1);
}

bool history_find_block(const struct history *h, const struct hash32 *hash,
			uint64_t *number)
{
	uint32_t entry = h->table[slot_of(h, hash)];

	if (!entry || entry > h->block_cap)
		return false;
	*number = entry - 1;
	return true;
}

bool history_find_tx(const struct history *h, const struct hash32 *hash,
		     uint64_t *tx)
{
	uint32_t entry = h->table[slot_of(h, hash)];

	if (entry <= h->block_cap)
		return false;
	*tx = entry - 1 - h->block_cap;
	return true;
}

/* ---- as a node prints it ---- */

static void print_log(struct history *h, const struct draft *d, uint32_t i)
{
	const struct draft_header *hd = &d->header;
	const struct event *e = &d->event[i];
	struct region *r = &h->logs;

	if (h->log_count)
		put_str(r, ",");
	h->log_at[h->log_count] = r->n;
	put_hex(r, "{\"address\":\"", event_contract.b, 20);
	put_hex(r, "\",\"topics\":[\"", e->topics[0].b, 32);
	for (size_t t = 1; t < EVENT_TOPICS; t++)
		put_hex(r, "\",\"", e->topics[t].b, 32);
	put_hex(r, "\"],\"data\":\"", e->data, EVENT_DATA_LEN);
	put_num(r, "\",\"blockNumber\":\"", hd->number);
	put_hex(r, "\",\"transactionHash\":\"", d->tx_hash[draft_tx_of(d, i)].b,
		32);
	put_num(r, "\",\"transactionIndex\":\"", draft_tx_of(d, i));
	put_hex(r, "\",\"blockHash\":\"", hd->hash.b, 32);
	put_num(r, "\",\"blockTimestamp\":\"", hd->timestamp);
	put_num(r, "\",\"logIndex\":\"", i);
	put_str(r, "\",\"removed\":false}");
	memcpy(h->topics[h->log_count], e->topics, sizeof(e->topics));
	h->log_at[++h->log_count] = r->n + 1; /* after the comma to come */
}

static void print_receipt(struct history *h, const struct draft *d, uint32_t tx)
{
	const struct draft_header *hd = &d->header;
	struct region *r = &h->texts;
	struct tx *t = &h->txs[h->tx_count];
	uint64_t used = d->txs == 1 ? draft_gas_after(d, 0) : DRAFT_GAS_EVENT;

	t->hash = d->tx_hash[tx];
	t->first_log = h->blocks[h->block_count].first_log + tx;
	t->logs = d->txs == 1 ? d->events : 1;
	t->text = r->n;
	put_str(r, "{\"type\":\"0x2\",\"status\":\"0x1\"");
	put_num(r, ",\"cumulativeGasUsed\":\"", draft_gas_after(d, tx));
	put_str(r, "\",\"logs\":[");
	t->head_len = r->n - t->text;
	put_hex(r, "],\"logsBloom\":\"", d->bloom[tx], BLOOM_BYTES);
	put_hex(r, "\",\"transactionHash\":\"", t->hash.b, 32);
	put_num(r, "\",\"transactionIndex\":\"", tx);
	put_hex(r, "\",\"blockHash\":\"", hd->hash.b, 32);
	put_num(r, "\",\"blockNumber\":\"", hd->number);
	put_num(r, "\",\"gasUsed\":\"", used);
	put_num(r, "\",\"effectiveGasPrice\":\"", hd->base_fee);
	put_hex(r, "\",\"from\":\"", d->event[tx].host.b, 20);
	put_hex(r, "\",\"to\":\"", event_contract.b, 20);
	put_str(r, "\",\"contractAddress\":null}");
	t->tail_len = r->n - t->text - t->head_len;
	remember(h, &t->hash, h->block_cap + h->tx_count);
	h->tx_count++;
}

static void print_header(struct region *r, const struct draft_header *hd)
{
	put_num(r, "{\"number\":\"", hd->number);
	put_hex(r, "\",\"hash\":\"", hd->hash.b, 32);
	put_hex(r, "\",\"parentHash\":\"", hd->parent_hash.b, 32);
	put_hex(r, "\",\"sha3Uncles\":\"", hd->ommers_hash.b, 32);
	put_hex(r, "\",\"miner\":\"", hd->beneficiary.b, 20);
	put_hex(r, "\",\"stateRoot\":\"", hd->state_root.b, 32);
	put_hex(r, "\",\"transactionsRoot\":\"", hd->transactions_root.b, 32);
	put_hex(r, "\",\"receiptsRoot\":\"", hd->receipts_root.b, 32);
	put_hex(r, "\",\"logsBloom\":\"", hd->bloom, BLOOM_BYTES);
	put_num(r, "\",\"difficulty\":\"", 0);
	put_num(r, "\",\"gasLimit\":\"", hd->gas_limit);
	put_num(r, "\",\"gasUsed\":\"", hd->gas_used);
	put_num(r, "\",\"timestamp\":\"", hd->timestamp);
	put_hex(r, "\",\"extraData\":\"", DRAFT_EXTRA, sizeof(DRAFT_EXTRA) - 1);
	put_hex(r, "\",\"mixHash\":\"", hd->mix_hash.b, 32);
	put_str(r, "\",\"nonce\":\"0x0000000000000000");
	put_num(r, "\",\"baseFeePerGas\":\"", hd->base_fee);
	put_hex(r, "\",\"withdrawalsRoot\":\"", hd->withdrawals_root.b, 32);
	put_num(r, "\",\"blobGasUsed\":\"", 0);
	put_num(r, "\",\"excessBlobGas\":\"", 0);
	put_hex(r, "\",\"parentBeaconBlockRoot\":\"", hd->beacon_root.b, 32);
	put_hex(r, "\",\"requestsHash\":\"", hd->requests_hash.b, 32);
	put_str(r, "\"");
}

static void print_block(struct history *h, const struct draft *d)
{
	struct region *r = &h->texts;
	struct block *b = &h->blocks[h->block_count];

	b->text = r->n;
	print_header(r, &d->header);
	b->header_len = r->n - b->text;
	put_num(r, ",\"size\":\"", 1024 + 512 * d->events);
	put_str(r, "\",\"uncles\":[],\"withdrawals\":[],\"transactions\":[");
	for (uint32_t i = 0; i < d->txs; i++)
		put_hex(r, i ? "\",\"" : "\"", d->tx_hash[i].b, 32);
	put_str(r, d->txs ? "\"]}" : "]}");
	b->text_len = r->n - b->text;
}

/* ---- growing ---- */

static void digest_events(struct history *h, const struct draft *d)
{
	for (uint32_t i = 0; i < d->events; i++) {
		struct event_place at = {
			.block_number = d->header.number,
			.block_time = d->header.timestamp,
			.block_hash = d->header.hash,
			.tx_hash = d->tx_hash[draft_tx_of(d, i)],
			.tx_index = draft_tx_of(d, i),
			.log_index = i,
		};

		buf_reset(&h->row);
		event_row(&h->row, &d->event[i], &at);
		if (EVP_DigestUpdate(h->digest, h->row.data, h->row.len) != 1)
			abort();
	}
}

static void add_block(struct history *h, uint32_t events, bool one_tx)
{
	static const struct hash32 none;
	struct draft *d = h->draft;
	struct block *b = &h->blocks[h->block_count];

	assert(h->block_count < h->block_cap);
	draft_make(d, h->block_count, h->block_count ? &b[-1].hash : &none,
		   h->log_count, events, one_tx, &h->rlp);
	b->hash = d->header.hash;
	b->first_log = h->log_count;
	b->first_tx = h->tx_count;
	for (uint32_t i = 0; i < events; i++)
		print_log(h, d, i);
	for (uint32_t i = 0; i < d->txs; i++)
		print_receipt(h, d, i);
	print_block(h, d);
	digest_events(h, d);
	remember(h, &b->hash, h->block_count);
	h->block_count++;
	h->blocks[h->block_count].first_log = h->log_count;
	h->blocks[h->block_count].first_tx = h->tx_count;
}

static void reserve(struct history *h)
{
	const struct history_shape *s = &h->shape;
	uint64_t logs = s->blocks * s->per_block + s->more;
	uint64_t txs = s->more + s->blocks * (s->one_tx ? 1 : s->per_block);
	size_t slots = 1024;

	assert(s->per_block <= DRAFT_EVENTS_MAX);
	h->block_cap = 1 + s->blocks + s->more;
	while (slots < 2 * (h->block_cap + txs))
		slots *= 2;
	assert(slots < UINT32_MAX);
	h->table = mem_array(slots, sizeof(*h->table));
	h->table_mask = slots - 1;
	h->blocks = mem_array(h->block_cap + 1, sizeof(*h->blocks));
	h->txs = mem_array(txs, sizeof(*h->txs));
	h->log_at = mem_array(logs + 1, sizeof(*h->log_at));
	h->topics = mem_array(logs, sizeof(*h->topics));
	region_init(&h->logs, logs * LOG_TEXT_MAX);
	region_init(&h->texts, txs * TX_TEXT_MAX +
				   h->block_cap * BLOCK_TEXT_MAX(s->per_block));
}

struct history *history_new(const struct history_shape *shape)
{
	struct history *h = mem_zalloc(sizeof(*h));

	h->shape = *shape;
	reserve(h);
	buf_init(&h->rlp, RLP_MAX);
	buf_init(&h->row, RLP_MAX);
	h->draft = mem_zalloc(sizeof(*h->draft));
	h->digest = mem_check(EVP_MD_CTX_new());
	if (EVP_DigestInit_ex(h->digest, EVP_sha256(), NULL) != 1)
		abort();
	add_block(h, 0, true);
	for (uint64_t i = 0; i < shape->blocks; i++)
		add_block(h, shape->per_block, shape->one_tx);
	return h;
}

void history_free(struct history *h)
{
	munmap(h->logs.p, h->logs.cap);
	munmap(h->texts.p, h->texts.cap);
	EVP_MD_CTX_free(h->digest);
	buf_deinit(&h->rlp);
	buf_deinit(&h->row);
	free(h->draft);
	free(h->blocks);
	free(h->txs);
	free(h->log_at);
	free(h->topics);
	free(h->table);
	free(h);
}

uint64_t history_append(struct history *h)
{
	if (h->block_count == h->block_cap)
		return 0;
	add_block(h, 1, true);
	return h->block_count - 1;
}

/* ---- reading ---- */

uint64_t history_head(const struct history *h)
{
	return h->block_count - 1;
}

uint64_t history_events(const struct history *h)
{
	return h->log_count;
}

struct slice history_block(const struct history *h, uint64_t number)
{
	const struct block *b = &h->blocks[number];

	return (struct slice){ h->texts.p + b->text, b->text_len };
}

struct slice history_header(const struct history *h, uint64_t number)
{
	const struct block *b = &h->blocks[number];

	return (struct slice){ h->texts.p + b->text, b->header_len };
}

static struct slice logs_between(const struct history *h, uint64_t first,
				 uint64_t end)
{
	if (first == end)
		return (struct slice){ h->logs.p, 0 };
	return (struct slice){ h->logs.p + h->log_at[first],
			       h->log_at[end] - 1 - h->log_at[first] };
}

struct slice history_logs(const struct history *h, uint64_t from, uint64_t to)
{
	return logs_between(h, h->blocks[from].first_log,
			    h->blocks[to + 1].first_log);
}

uint64_t history_first_log(const struct history *h, uint64_t number)
{
	return h->blocks[number].first_log;
}

struct history_log history_log(const struct history *h, uint64_t log)
{
	struct history_log l = { .text = logs_between(h, log, log + 1) };

	memcpy(l.topics, h->topics[log], sizeof(l.topics));
	return l;
}

uint64_t history_first_tx(const struct history *h, uint64_t number)
{
	return h->blocks[number].first_tx;
}

struct history_receipt history_receipt(const struct history *h, uint64_t tx)
{
	const struct tx *t = &h->txs[tx];
	const char *text = h->texts.p + t->text;

	return (struct history_receipt){
		.head = { text, t->head_len },
		.logs = logs_between(h, t->first_log, t->first_log + t->logs),
		.tail = { text + t->head_len, t->tail_len },
	};
}

void history_digest(const struct history *h, uint8_t out[static 32])
{
	EVP_MD_CTX *copy = mem_check(EVP_MD_CTX_new());

	if (EVP_MD_CTX_copy_ex(copy, h->digest) != 1 ||
	    EVP_DigestFinal_ex(copy, out, NULL) != 1)
		abort();
	EVP_MD_CTX_free(copy);
}
