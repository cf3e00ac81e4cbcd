#ifndef CX_INDEXER_WIRE_H
#define CX_INDEXER_WIRE_H

#include <cjson/cJSON.h>

#include "abi/bloom.h"
#include "abi/log.h"
#include "abi/types.h"
#include "core/arena.h"
#include "core/err.h"

/* What the indexer reads of a node's blocks and logs. */

struct head {
	uint64_t number, time; /* seconds since 1970 */
	struct hash32 hash, parent;
	bool has_bloom;
	uint8_t bloom[BLOOM_BYTES];
};

/** wire_head - a block of eth_getBlockBy… or newHeads; ST_AGAIN for JSON null
 * (the node does not have it), ST_REJECTED naming a bad field */
enum status wire_head(struct head *out, const cJSON *json,
		      struct err *err) MUST_CHECK;

/**
 * wire_logs - result of eth_getLogs
 * @out: set only on ST_OK; memory of @arena
 * @from, @to: blocks that were asked for; a log outside is refused, as are
 *	duplicates and logs marked removed
 *
 * Logs are sorted here: some backends answer out of order.
 */
enum status wire_logs(struct logs *out, struct arena *arena, const cJSON *json,
		      uint64_t from, uint64_t to, struct err *err) MUST_CHECK;

/** wire_receipt_logs - the logs of eth_getBlockReceipts' result that @address
 * list members emitted, as wire_logs() */
enum status wire_receipt_logs(struct logs *out, struct arena *arena,
			      const cJSON *json, const struct head *block,
			      const struct address *addresses, size_t n,
			      struct err *err) MUST_CHECK;

#endif
