/*
 * Is it true: receipts against the header's root, eth_getLogs against the
 * receipts. Says so once, naming the endpoint, where it is not.
 */
#include "indexer/prove_int.h"

#include <inttypes.h>

#include "core/log.h"

enum status prove_lied(struct prove *p, const struct prove_block *b,
		       unsigned endpoint, const struct err *err)
{
	feed_accuse(p->opts.feed, endpoint, b->head.number, err->msg);
	return ST_REJECTED;
}

enum status prove_check_receipts(struct prove *p, struct prove_block *b,
				 const struct receipts *r, struct err *err)
{
	struct hash32 root;
	enum status st;

	for (size_t i = 0; i < r->count; i++)
		if (!hash32_eq(&r->items[i].block_hash, &b->head.hash))
			return err_set(err, ST_REJECTED,
				       "receipts of another block were "
				       "answered");
	if (b->cover == COVER_UNVERIFIED) {
		st = receipts_root(&root, r, err);
		if (st == ST_AGAIN)
			b->cover = COVER_UNVERIFIABLE;
		else if (st != ST_OK)
			return st;
		else if (!hash32_eq(&root, &b->head.receipts_root))
			return err_set(err, ST_REJECTED,
				       "its receipts do not give the header's "
				       "receiptsRoot");
		else if (!r->numbered) /* the root says nothing of logIndex */
			b->cover = COVER_UNVERIFIABLE;
		else
			b->cover = COVER_RECEIPTS_VERIFIED;
	}
	filter_take(p->opts.filter, &b->logs, p->arena, &r->logs);
	return ST_OK;
}

static bool log_eq(const struct log *a, const struct log *b)
{
	uint8_t x[32], y[32];

	log_hash(x, a);
	log_hash(y, b);
	return memcmp(x, y, sizeof(x)) == 0;
}

/* Logs of @a that are not in @b; both by log index. */
static uint64_t count_missing(const struct logs *a, const struct logs *b)
{
	uint64_t n = 0;
	size_t j = 0;

	for (size_t i = 0; i < a->count; i++) {
		while (j < b->count &&
		       b->items[j].log_index < a->items[i].log_index)
			j++;
		n += j == b->count || !log_eq(&a->items[i], &b->items[j]);
	}
	return n;
}

void prove_check_claim(struct prove *p, struct prove_block *b,
		       unsigned endpoint)
{
	uint64_t left_out, made_up;

	if (!b->claimed)
		return;
	b->claimed = false;
	if (!b->logs.items) { /* no receipts were asked for */
		b->logs = b->claim;
		return;
	}
	left_out = count_missing(&b->logs, &b->claim);
	made_up = count_missing(&b->claim, &b->logs);
	if (!left_out && !made_up)
		return;
	log_broken(
	    "logs_wrong", F_STR("endpoint", feed_label(p->opts.feed, endpoint)),
	    F_U64("height", b->head.number), F_U64("left_out", left_out),
	    F_U64("made_up", made_up),
	    F_STR("hint", "the logs are taken from the block's receipts; "
			  "tell the provider"));
	feed_lied(p->opts.feed, endpoint);
}
