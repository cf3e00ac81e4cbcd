#ifndef CX_BRIDGE_BRIDGEKEY_H
#define CX_BRIDGE_BRIDGEKEY_H

#include "bridge/bridge.h"

/*
 * The key that hosts seal restream targets to, as the contract announces it,
 * against those that the bridge opens with. A mismatch is said once; rooms
 * do not suffer from it, their new outputs do.
 */

/** bridgekey_judge - say whether @key, which the contract has since block
 * @block, is one of ours; @id 0: it has none */
void bridgekey_judge(struct bridge *b, uint64_t block, uint16_t id,
		     const uint8_t *key, size_t len);

/** bridgekey_query - add the statement for a newer BridgeKeySet */
void bridgekey_query(struct bridge *b, struct db_batch *batch);
/** bridgekey_read - judge its result */
void bridgekey_read(struct bridge *b, const struct db_result *r);

#endif
