#ifndef CX_BRIDGE_FEES_H
#define CX_BRIDGE_FEES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* EIP-1559 fees in wei, and gas limits. Pure. */
struct fees {
	uint64_t max_fee, max_priority;
};

#define FEES_PRIORITY_DEFAULT 1000000000ull /* 1 gwei */
#define FEES_NO_HINT          UINT64_MAX

/**
 * fees_first - for a new transaction: 2 * base + priority, within @cap
 * @hint: the node's eth_maxPriorityFeePerGas, or FEES_NO_HINT
 */
struct fees fees_first(uint64_t base, uint64_t hint, uint64_t cap);

/* Attempts that ask for more and more: the last of them, and each after it,
 * asks for the cap. */
#define FEES_LADDER   24
/* Attempts in all: some are left for a cap that is higher one day. */
#define FEES_ATTEMPTS 28

/**
 * fees_raise - for a replacement: both fields at least 10 percent higher,
 * rounded up, and at least what a new transaction would pay. Larger steps after
 * many attempts, so that the cap is reached by FEES_LADDER of them.
 * @made: attempts until now
 *
 * Return: false when @cap does not allow it: send the same bytes again.
 */
bool fees_raise(struct fees *out, struct fees old, size_t made, uint64_t base,
		uint64_t hint, uint64_t cap);

/**
 * fees_keep - what the entries' transactions may ask of @cap: it can be outbid
 * by a cancel that pays no more than @cap
 */
uint64_t fees_keep(uint64_t cap);

enum effect_kind { /* of bridge.outbox, and what one transaction holds */
		   EFFECT_PROVISION,
		   EFFECT_FAIL,
		   EFFECT_REISSUE,
		   EFFECT_RECORDING,
		   EFFECT_REFUSE_OUTPUT,
		   EFFECT_END,
		   EFFECT_FILL, /* no effect: a self-send that closes a nonce
				   gap */
};

/** gas_base - gas that any transaction of @kind needs without its entries */
uint64_t gas_base(enum effect_kind kind);
/**
 * gas_entry - gas for one entry at its dearest (every storage slot fresh),
 * with a margin: an entry that a simulation would skip may become live
 * @envelope: bytes, for EFFECT_PROVISION
 */
uint64_t gas_entry(enum effect_kind kind, size_t envelope);
/** gas_limit_max - most gas one transaction may ask: half a block, below the
 * cap of EIP-7825; @block_gas_limit 0: unknown */
uint64_t gas_limit_max(uint64_t block_gas_limit);

#endif
