/*
 * Receipt by receipt: for nodes without eth_getBlockReceipts, and for a block
 * whose receipts are too long for one answer. The transactions' hashes come
 * from the block.
 */
#include "indexer/prove_int.h"

#include <inttypes.h>

#include "abi/hex.h"

#define BATCH_FIRST 32
#define BATCH_MAX   100
#define BYTES_GOOD  ((size_t)1024 * 1024)
#define PARTS_MAX   ((size_t)1024 * 1024 * 1024)
#define TXS_MAX     100000 /* in a block; 21,000 gas each */

static void ask_next(struct prove *p);

void prove_parts_drop(struct prove *p)
{
	struct prove_parts *q = &p->parts;

	free(q->txs);
	free(q->items);
	if (q->arena)
		arena_free(q->arena);
	*q = (struct prove_parts){ 0 };
}

static void fail(struct prove *p, enum status st, struct err *err,
		 unsigned endpoint)
{
	const struct prove_block *b = &p->blocks[p->at];

	if (st == ST_REJECTED)
		st = prove_lied(p, b, endpoint, err);
	else
		st = ST_TRANSIENT;
	prove_end(p, st, err);
}

static void all_there(struct prove *p, unsigned endpoint)
{
	struct prove_parts *q = &p->parts;
	struct prove_block *b = &p->blocks[p->at];
	struct receipts r;
	struct err err;
	enum status st = receipts_join(&r, q->arena, q->items, q->count, &err);

	if (st == ST_OK)
		st = prove_check_receipts(p, b, &r, &err);
	if (st != ST_OK) {
		fail(p, st, &err, endpoint);
		return;
	}
	b->receipts = false;
	prove_check_claim(p, b, endpoint);
	prove_parts_drop(p);
	prove_go_on(p);
}

static void receipts_came(void *arg, const struct feed_answer *a)
{
	struct prove *p = arg;
	struct prove_parts *q = &p->parts;
	size_t bytes = 0;
	struct err err;

	if (a->st == ST_TRANSIENT) {
		prove_end(p, ST_TRANSIENT, a->err);
		return;
	}
	for (size_t i = 0; i < a->n; i++) {
		const struct rpc_item *it = &a->items[i];
		enum status st;

		if (!it->result.p && q->batch > 1) {
			q->batch /= 2; /* too much at once? */
			ask_next(p);
			return;
		}
		if (!it->result.p)
			st = err_set(&err, ST_TRANSIENT, "%s",
				     it->error.message);
		else
			st = receipt_read(&q->items[q->have], q->arena,
					  it->result, &err);
		if (st != ST_OK) {
			fail(p, st, &err, a->endpoint);
			return;
		}
		bytes += it->result.n;
		q->have++;
	}
	if (bytes < BYTES_GOOD / 2 && q->batch < BATCH_MAX)
		q->batch = q->batch * 2 < BATCH_MAX ? q->batch * 2 : BATCH_MAX;
	if (q->have == q->count)
		all_there(p, a->endpoint);
	else
		ask_next(p);
}

static void ask_next(struct prove *p)
{
	struct prove_parts *q = &p->parts;
	struct ask ask;

	ask_init(&ask);
	for (size_t i = q->have; i < q->count && ask.count < q->batch; i++)
		ask_receipt(&ask, &q->txs[i]);
	prove_ask(p, &ask, receipts_came);
}

/* ---- which transactions ---- */

static enum status read_txs(struct prove_parts *q, struct text block,
			    struct err *err)
{
	struct scan s;
	struct text key, tx;

	scan_init(&s, block.p, block.n);
	if (scan_null(&s))
		return err_set(err, ST_AGAIN, "the node has no such block");
	for (scan_object(&s); scan_key(&s, &key);) {
		if (!text_is(key, "transactions")) {
			scan_skip(&s);
			continue;
		}
		for (scan_array(&s); scan_item(&s);) {
			if (!scan_string(&s, &tx))
				break;
			if (q->count == TXS_MAX) {
				scan_fail(&s, "too many");
				break;
			}
			if (q->count % 256 == 0)
				q->txs = mem_resize(q->txs, q->count + 256,
						    sizeof(*q->txs));
			if (!hex_decode_text(q->txs[q->count++].b, 32, tx))
				scan_fail(&s, "transactions: not hashes");
		}
	}
	return scan_end(&s, "block", err);
}

static void txs_came(void *arg, const struct feed_answer *a)
{
	struct prove *p = arg;
	struct prove_parts *q = &p->parts;
	enum status st;
	struct err err;

	if (a->st == ST_TRANSIENT) {
		prove_end(p, ST_TRANSIENT, a->err);
		return;
	}
	if (!a->items[0].result.p)
		st = err_set(&err, ST_TRANSIENT, "%s",
			     a->items[0].error.message);
	else
		st = read_txs(q, a->items[0].result, &err);
	if (st != ST_OK) {
		fail(p, st, &err, a->endpoint);
		return;
	}
	q->items = mem_array(q->count + 1, sizeof(*q->items));
	if (q->count)
		ask_next(p);
	else
		all_there(p, a->endpoint);
}

void prove_parts_start(struct prove *p)
{
	struct ask ask;

	prove_parts_drop(p);
	p->parts.arena = arena_new(PARTS_MAX);
	p->parts.batch = BATCH_FIRST;
	ask_init(&ask);
	ask_block_of(&ask, &p->blocks[p->at].head.hash);
	prove_ask(p, &ask, txs_came);
}
