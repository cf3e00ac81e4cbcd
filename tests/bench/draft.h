#ifndef CX_BENCH_DRAFT_H
#define CX_BENCH_DRAFT_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/bloom.h"
#include "abi/trie.h"
#include "core/buf.h"
#include "event.h"

#define DRAFT_EVENTS_MAX 128
#define DRAFT_GAS_EVENT  131072
#define DRAFT_EXTRA      "chaincast bench"

/* A mainnet header since Prague; fields that are not here are zero. */
struct draft_header {
	struct hash32 hash, parent_hash, ommers_hash, state_root,
	    transactions_root, receipts_root, mix_hash, withdrawals_root,
	    beacon_root, requests_hash;
	struct address beneficiary;
	uint8_t bloom[BLOOM_BYTES];
	uint64_t number, gas_limit, gas_used, timestamp, base_fee;
};

/* A block of made-up events with its receipts and header, as values. */
struct draft {
	struct draft_header header;
	uint32_t events, txs;
	struct event event[DRAFT_EVENTS_MAX];
	struct hash32 tx_hash[DRAFT_EVENTS_MAX];
	uint8_t bloom[DRAFT_EVENTS_MAX][BLOOM_BYTES]; /* of each receipt */
	struct trie_value receipt[DRAFT_EVENTS_MAX];
};

/** draft_make - block @number on top of @parent, with @events events of which
 * the first is event @first; in one transaction, or in one each
 * @rlp: working memory, overwritten */
void draft_make(struct draft *d, uint64_t number, const struct hash32 *parent,
		uint64_t first, uint32_t events, bool one_tx, struct buf *rlp);

/** draft_tx_of - transaction that emits event @event of the block */
uint32_t draft_tx_of(const struct draft *d, uint32_t event);

/** draft_gas_after - gas of the block up to and with transaction @tx */
uint64_t draft_gas_after(const struct draft *d, uint32_t tx);

#endif
