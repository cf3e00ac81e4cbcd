#ifndef CX_INDEXER_LIVE_H
#define CX_INDEXER_LIVE_H

#include <uv.h>

#include "indexer/feed.h"
#include "indexer/filter.h"
#include "indexer/follow.h"
#include "indexer/store.h"

/*
 * Following the head block by block: fetches what follow_next() asks for, and
 * commits or rolls back what it decides.
 */
struct live;

struct live_opts {
	uv_loop_t *loop;
	const struct config *config;
	const struct schema *schema;
	const struct filter *filter;
	struct feed *feed;
	struct store *store;
	struct follow_tail *tail; /* shared with the one who switches modes */
	uint64_t start;           /* first block of interest */
	void (*on_fatal)(void *arg, const struct err *err);
	void *arg;
};

struct live *live_new(const struct live_opts *opts);
void live_free(struct live *l);
DEFINE_AUTO(live, live_free)

/** live_head - a head was announced */
void live_head(struct live *l, const struct head *head);

/** live_idle - nothing is being fetched or written: it may be freed */
bool live_idle(const struct live *l);

/** live_settle - look at the stored tip again: the chain may have left it
 * while nobody listened */
void live_settle(struct live *l);

/** live_settled - the stored tip was seen on the chain since the start or the
 * last live_settle(), so history may be continued from it */
bool live_settled(const struct live *l);

/** live_pause - true: only check the tip and undo reorgs, append nothing */
void live_pause(struct live *l, bool paused);

/** live_best - highest head announced so far */
uint64_t live_best(const struct live *l);
/** live_limit - who told of a head above @top was of another chain */
void live_limit(struct live *l, uint64_t top);

#endif
