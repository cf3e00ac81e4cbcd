#ifndef CX_INDEXER_PROVE_INT_H
#define CX_INDEXER_PROVE_INT_H

#include "indexer/ask.h"
#include "indexer/prove.h"

#include "abi/receipt.h"

/* Shared by prove.c (block by block), prove_parts.c (receipt by receipt) and
 * prove_check.c (is it true). */

struct prove_block {
	struct head head;
	enum cover cover;
	struct logs logs;      /* ours, of the prove's arena */
	bool receipts, claims; /* still to be asked for */
	bool claimed;
	struct logs claim; /* what eth_getLogs told, until compared */
};

/* A block whose receipts come one by one. */
struct prove_parts {
	struct hash32 *txs;
	struct receipt *items;
	size_t count, have;
	struct arena *arena;
	size_t batch; /* receipts of the next question */
};

struct prove {
	struct prove_opts opts;
	struct prove_block *blocks;
	size_t count;
	struct arena *arena; /* of the logs that are kept */
	size_t at;           /* first block not yet settled */
	size_t batch_to;     /* of the question under way: [at, batch_to) */
	size_t step;         /* blocks of the next question */
	bool one_by_one;     /* eth_getBlockReceipts is not to be had */
	struct prove_parts parts;
	uv_idle_t *idle; /* when nothing had to be asked */
};

/** prove_ask - send, or end for want of an endpoint */
void prove_ask(struct prove *p, struct ask *ask, feed_done_fn done);
/** prove_go_on - ask about the next blocks, or end */
void prove_go_on(struct prove *p);
/** prove_end - call back; @p may be gone afterwards */
void prove_end(struct prove *p, enum status st, const struct err *err);

/** prove_parts_start - the receipts of blocks[at], one by one */
void prove_parts_start(struct prove *p);
void prove_parts_drop(struct prove *p);

/**
 * prove_check_receipts - settle @b by its receipts
 *
 * Return: ST_OK: cover and logs are set; ST_AGAIN: they cannot be recomputed,
 * @b is unverifiable and needs the node's word; ST_REJECTED: they are wrong.
 */
enum status prove_check_receipts(struct prove *p, struct prove_block *b,
				 const struct receipts *r,
				 struct err *err) MUST_CHECK;
/** prove_check_claim - compare the settled @b with what eth_getLogs told;
 * takes it where nothing else is known */
void prove_check_claim(struct prove *p, struct prove_block *b,
		       unsigned endpoint);
/** prove_lied - log and set aside; returns ST_REJECTED */
enum status prove_lied(struct prove *p, const struct prove_block *b,
		       unsigned endpoint, const struct err *err);

#endif
