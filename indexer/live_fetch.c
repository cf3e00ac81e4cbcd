/*
 * What the live tip asks of a node: headers by number and by hash, and which
 * blocks are safe and finalized. The blocks' logs are prove.c's to settle.
 */
#include "indexer/live_int.h"

#include <inttypes.h>

/* Wrong receipts so often, from whatever endpoint: the block is taken at the
 * node's word and verified later. */
#define LIES_MAX 3

static void send_ask(struct live *l, struct ask *ask, feed_done_fn done)
{
	l->busy = true;
	if (!ask_send(ask, l->opts.feed, done, l))
		live_retry(l, "no endpoint");
}

/* A header whose hash does not fit it, on a chain where hashes do. */
static bool is_lie(struct live *l, const struct head *h, unsigned endpoint)
{
	feed_saw(l->opts.feed, h);
	if (h->proof != HEAD_WRONG || !feed_recomputes(l->opts.feed))
		return false;
	feed_accuse(l->opts.feed, endpoint, h->number,
		    "its header does not give its hash");
	return true;
}

static void range_done(void *arg, const struct feed_answer *a)
{
	struct live *l = arg;
	struct err bad = { 0 };

	if (a->st != ST_OK) {
		live_retry(l, a->err ? a->err->msg : "no headers");
		return;
	}
	l->queue_count = 0;
	l->endpoint = a->endpoint;
	for (size_t i = 0; i < a->n; i++) {
		struct head *h = &l->queue[i];

		if (head_read(h, a->items[i].result, &bad) != ST_OK ||
		    h->number != l->fetch_from + i)
			break;
		if (i && !hash32_eq(&h->parent, &l->queue[i - 1].hash))
			break; /* the branch changed under us */
		if (is_lie(l, h, a->endpoint))
			break;
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
	struct ask ask;

	ask_init(&ask);
	for (uint64_t n = from; n <= to && ask.count < LIVE_QUEUE; n++)
		ask_block(&ask, n);
	l->fetch_from = from;
	send_ask(l, &ask, range_done);
}

static void parent_done(void *arg, const struct feed_answer *a)
{
	struct live *l = arg;
	struct head h;
	struct err bad;

	if (a->st != ST_OK) {
		live_retry(l, a->err ? a->err->msg : "no parent");
		return;
	}
	if (head_read(&h, a->items[0].result, &bad) != ST_OK) {
		live_retry(l, bad.msg);
		return;
	}
	if (!hash32_eq(&h.hash, &l->fetch_hash) || is_lie(l, &h, a->endpoint)) {
		live_retry(l, "another block came for a hash");
		return;
	}
	live_judge(l, &h);
}

void live_fetch_parent(struct live *l, const struct hash32 *hash)
{
	struct ask ask;

	l->fetch_hash = *hash;
	ask_init(&ask);
	ask_block_of(&ask, hash);
	send_ask(l, &ask, parent_done);
}

/* A backend that lags behind a load balancer tells of a branch that the chain
 * left: the block is asked for once more, by its number, before rows go. */
static void confirmed(void *arg, const struct feed_answer *a)
{
	struct live *l = arg;
	struct head h;

	if (a->st == ST_OK &&
	    head_read(&h, a->items[0].result, NULL) == ST_OK &&
	    hash32_eq(&h.hash, &l->fetch_hash) && !is_lie(l, &h, a->endpoint))
		live_confirmed(l, a->endpoint);
	else
		live_retry(l, "the new branch was not confirmed");
}

void live_confirm(struct live *l, const struct head *branch, uint64_t ancestor)
{
	struct ask ask;

	l->undo_to = ancestor;
	l->fetch_hash = branch->hash;
	ask_init(&ask);
	ask_block(&ask, branch->number);
	send_ask(l, &ask, confirmed);
}

/* ---- tags ---- */

static uint64_t tag_number(const struct live *l, const struct rpc_item *item)
{
	struct head h;

	if (head_read(&h, item->result, NULL) != ST_OK ||
	    (h.proof == HEAD_WRONG && feed_recomputes(l->opts.feed)))
		return STORE_UNKNOWN;
	return h.number;
}

/* Calls of their own: they must not be dropped with the queue's. */
static void tags_done(void *arg, const struct feed_answer *a)
{
	struct live *l = arg;

	l->asking_tags = false;
	if (a->st != ST_OK)
		return;
	if (l->safe == tag_number(l, &a->items[0]) &&
	    l->finalized == tag_number(l, &a->items[1]))
		return;
	l->safe = tag_number(l, &a->items[0]);
	l->finalized = tag_number(l, &a->items[1]);
	store_tags(l->opts.store, l->safe, l->finalized);
}

void live_fetch_tags(struct live *l)
{
	struct ask ask;

	if (l->asking_tags)
		return;
	ask_init(&ask);
	ask_tag(&ask, "safe");
	ask_tag(&ask, "finalized");
	l->asking_tags = ask_send(&ask, l->opts.feed, tags_done, l);
}

/* ---- logs ---- */

static void proved(void *arg, enum status st, const struct err *err)
{
	struct live *l = arg;

	if (st == ST_OK) {
		l->lies = 0;
		live_commit(l);
		return;
	}
	prove_free(l->prove);
	l->prove = NULL;
	l->lies += st == ST_REJECTED;
	live_retry(l, err->msg);
}

void live_fetch_logs(struct live *l)
{
	bool receipts =
	    l->opts.config->indexer.verify_tip && l->lies < LIES_MAX;
	struct prove_opts opts = {
		.feed = l->opts.feed,
		.filter = l->opts.filter,
		.receipts = receipts,
		.compare = receipts,
		.done = proved,
		.arg = l,
	};

	l->busy = true;
	l->prove = prove_start(&opts, l->queue, l->queue_count);
}
