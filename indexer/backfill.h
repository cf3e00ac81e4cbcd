#ifndef CX_INDEXER_BACKFILL_H
#define CX_INDEXER_BACKFILL_H

#include <uv.h>

#include "core/log.h"
#include "indexer/feed.h"
#include "indexer/store.h"

/*
 * History by ranges: several eth_getLogs in flight, committed strictly in
 * order. Works only where reorgs cannot reach.
 */
struct backfill;

struct backfill_opts {
	uv_loop_t *loop;
	const struct config *config;
	const struct schema *schema;
	struct feed *feed;
	struct store *store;
	uint64_t from, to; /* inclusive */
	uint64_t head;     /* for the cursor */
	/* everything is committed; free it from here */
	void (*on_done)(void *arg, const struct follow_block *last);
	void *arg;
};

struct backfill *backfill_new(const struct backfill_opts *opts);
void backfill_free(struct backfill *b);
DEFINE_AUTO(backfill, backfill_free)

/** backfill_kick - an endpoint came back: send what waits */
void backfill_kick(struct backfill *b);

/** backfill_waits - whether a node's refusal means "not there yet": waiting
 * helps, smaller ranges do not */
bool backfill_waits(const char *message);

/** filter_addresses - append `"address":["0x…",…]` */
void filter_addresses(struct buf *b, const struct schema *s);

/** note_log - the line of the daemon's log for one row */
void note_log(enum log_level level, const struct row_note *n);

#endif
