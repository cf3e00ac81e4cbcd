#ifndef CX_INDEXER_CATCHUP_H
#define CX_INDEXER_CATCHUP_H

#include "indexer/span.h"
#include "indexer/store.h"

/*
 * Reads what chain.missing says: the rows of events, addresses and contracts
 * that the config named after history had been read. Works beside whatever
 * follows the head, from low to high, and only for those tables; the mark
 * moves in the transaction that has the rows. Blocks that a reorg can still
 * reach are proven, and compared with the stored ones.
 */
struct catchup;

struct catchup_opts {
	uv_loop_t *loop;
	const struct config *config;
	const struct schema *schema; /* of the config */
	struct feed *feed;
	struct store *store;
	struct range *ranges; /* of each endpoint */
};

struct catchup *catchup_new(const struct catchup_opts *opts);
void catchup_free(struct catchup *c);
DEFINE_AUTO(catchup, catchup_free)

/** catchup_pause - true: finish what is under way, begin nothing */
void catchup_pause(struct catchup *c, bool paused);

#endif
