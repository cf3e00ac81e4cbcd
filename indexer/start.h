#ifndef CX_INDEXER_START_H
#define CX_INDEXER_START_H

#include "config/config.h"
#include "indexer/schema.h"
#include "indexer/store.h"

/* What an indexer does once, blocking, before it looks at the chain. */

/** start_database - open and check the schema's version; with @migrate apply
 * what is missing, else ST_REJECTED tells to run chaincast migrate */
enum status start_database(struct db **out, uv_loop_t *loop,
			   const struct config *cfg, bool migrate,
			   struct err *err) MUST_CHECK;

struct start_chain {
	bool genesis_known;
	struct hash32 genesis;
	uint64_t start_block; /* lowest of the contracts, now or ever */
};

/** start_chain_check - the stored chain is the config's; ST_REJECTED says how
 * they differ */
enum status start_chain_check(struct start_chain *out, struct db *db,
			      const struct config *cfg,
			      struct err *err) MUST_CHECK;

/** start_record_chain - store chain id, genesis and first block */
enum status start_record_chain(struct db *db, const struct config *cfg,
			       const struct hash32 *genesis,
			       uint64_t start_block,
			       struct err *err) MUST_CHECK;

#endif
