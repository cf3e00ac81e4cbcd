#ifndef CX_INDEXER_PROVE_H
#define CX_INDEXER_PROVE_H

#include "core/arena.h"
#include "indexer/cover.h"
#include "indexer/feed.h"
#include "indexer/filter.h"

/*
 * The logs of blocks whose headers are known, and what proves them: a bloom
 * that excludes ours; or the block's receipts, whose trie root is recomputed.
 * Where eth_getBlockReceipts is not to be had, receipts come one by one. Logs
 * are asked for by block hash, so that a reorg cannot mix two branches.
 */
struct prove;

struct prove_opts {
	struct feed *feed;
	const struct filter *filter;
	bool receipts; /* false: take the node's word where the bloom fits */
	bool compare;  /* ask eth_getLogs too, and tell when it differs */
	bool bulk;     /* history: where long answers are asked for */
	/*
	 * ST_OK: read prove_…() and free it. ST_TRANSIENT: nothing came of it;
	 * ask anew. ST_REJECTED: an endpoint told what cannot be true; it was
	 * logged and set aside. @p may be freed inside.
	 */
	void (*done)(void *arg, enum status st, const struct err *err);
	void *arg;
};

/** prove_start - @heads are @n linked headers, copied; @done comes from the
 * loop, never from inside */
struct prove *prove_start(const struct prove_opts *opts,
			  const struct head *heads, size_t n);
/** prove_free - also while it runs: @done is then not called */
void prove_free(struct prove *p);
DEFINE_AUTO(prove, prove_free)

/** prove_logs - our logs of block @i, valid until prove_free() */
const struct logs *prove_logs(const struct prove *p, size_t i);
/** prove_cover - what is known of block @i */
enum cover prove_cover(const struct prove *p, size_t i);
/** prove_needed - whether @head needs questions at all: false where its bloom
 * is proven and excludes ours */
bool prove_needed(const struct filter *f, const struct head *head);

#endif
