#ifndef CX_INDEXER_BACKFILL_H
#define CX_INDEXER_BACKFILL_H

#include "indexer/follow.h"
#include "indexer/span.h"
#include "indexer/store.h"

/*
 * History by spans of blocks: several in flight, committed strictly in order.
 * Works only where reorgs cannot reach.
 */
struct backfill;

struct backfill_opts {
	uv_loop_t *loop;
	const struct config *config;
	const struct schema *schema;
	const struct filter *filter;
	struct feed *feed;
	struct store *store;
	struct range *ranges; /* one of each endpoint, with what was learnt */
	uint64_t from, to;    /* inclusive */
	uint64_t head;        /* for the cursor */
	const struct hash32 *below; /* of block @from - 1, if it is stored;
				     * copied */
	/* @last and all before is committed, and nothing more will be; NULL:
	 * nothing was. Free it from here */
	void (*on_done)(void *arg, const struct follow_block *last);
	void *arg;
};

struct backfill *backfill_new(const struct backfill_opts *opts);
void backfill_free(struct backfill *b);
DEFINE_AUTO(backfill, backfill_free)

/** backfill_limit - our chain has no block above @top: one that is to go
 * further is given up, with on_done, unless a commit is under way */
void backfill_limit(struct backfill *b, uint64_t top);

/** backfill_kick - an endpoint came back: send what waits */
void backfill_kick(struct backfill *b);

#endif
