#ifndef CX_INDEXER_SYNC_H
#define CX_INDEXER_SYNC_H

#include "indexer/feed.h"
#include "indexer/filter.h"
#include "indexer/range.h"
#include "indexer/store.h"

/*
 * Keeping the database at the chain: history by backfill while it is far
 * behind, the head block by block. What was named late is read beside that, and
 * what was only told is verified behind.
 */
struct sync;

struct sync_opts {
	uv_loop_t *loop;
	const struct config *config;
	const struct schema *schema;
	const struct filter *filter;
	const struct schema *all; /* and what was followed once */
	const struct filter *all_filter;
	struct feed *feed;
	struct store *store;
	struct follow_tail *tail; /* as it is stored */
	struct range *ranges;     /* of each endpoint */
	uint64_t start;           /* first block of interest */
	bool indexes_deferred;    /* an earlier backfill did not end */
	void (*on_fatal)(void *arg, const struct err *err);
	void *arg;
};

struct sync *sync_new(const struct sync_opts *opts);
void sync_free(struct sync *s);
DEFINE_AUTO(sync, sync_free)

/** sync_head - a head was announced */
void sync_head(struct sync *s, const struct head *head);
/** sync_kick - an endpoint came back */
void sync_kick(struct sync *s);
/** sync_in_history - whether a backfill, or its indexes, are under way */
bool sync_in_history(const struct sync *s);

#endif
