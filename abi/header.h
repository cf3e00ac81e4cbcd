#ifndef CX_ABI_HEADER_H
#define CX_ABI_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/bloom.h"
#include "abi/types.h"
#include "core/err.h"
#include "core/scan.h"

/* Numbers go into bigint columns, times into timestamps. */
#define HEADER_NUMBER_MAX (INT64_MAX - 1)
#define HEADER_TIME_MAX   ((uint64_t)1 << 40)

/*
 * Fields that forks have appended, in the order in which they are hashed. A
 * header has a prefix of them.
 */
enum header_fork_field {
	HEADER_BASE_FEE,        /* EIP-1559, London */
	HEADER_WITHDRAWALS,     /* EIP-4895, Shanghai */
	HEADER_BLOB_GAS,        /* EIP-4844, Cancun */
	HEADER_EXCESS_BLOB_GAS, /* EIP-4844, Cancun */
	HEADER_BEACON_ROOT,     /* EIP-4788, Cancun */
	HEADER_REQUESTS,        /* EIP-7685, Prague */
	HEADER_FORK_FIELDS,
};

/* A block header (yellow paper, section 4.3). */
struct header {
	struct hash32 hash; /* as the node states it: not yet verified */
	struct hash32 parent_hash, ommers_hash, state_root, transactions_root,
	    receipts_root, mix_hash;
	struct address beneficiary;
	uint8_t bloom[BLOOM_BYTES];
	struct u256 difficulty;
	uint64_t number, gas_limit, gas_used, timestamp; /* seconds, 1970 */
	struct text extra; /* hex digits, checked, an even count, no 0x: in the
	text that was read, which must outlive header_hash() */
	uint8_t nonce[8];
	unsigned fork_fields; /* how many of the following are present */
	struct u256 base_fee;
	struct hash32 withdrawals_root, beacon_root, requests_hash;
	uint64_t blob_gas_used, excess_blob_gas;
	bool has_bloom, has_receipts_root;
	/* A hash that differs from header_hash() is a lie only where both are
	 * false: of a format that this code does not know nothing follows. */
	bool incomplete;     /* a hashed field is absent, or an older fork's is
	while a newer one's is there */
	bool unknown_fields; /* has a member, not null, that is neither hashed
	nor of the schema "Block" */
};

/**
 * header_read - the result of eth_getBlockBy… or a newHeads message
 * (execution-apis, schema "Block")
 * @out: set only on ST_OK; @out->extra points into @block
 *
 * Some chains leave out fields that Ethereum hashes: only hash, parentHash,
 * number and timestamp must be there, the rest is told by @out->incomplete.
 *
 * Return: ST_OK; ST_AGAIN for null (the node does not have the block);
 * ST_REJECTED naming the field that is missing or malformed.
 */
enum status header_read(struct header *out, struct text block,
			struct err *err) MUST_CHECK;

/** header_hash - keccak256 of the RLP of the fields: equal to @h->hash on a
 * chain whose header format is known to this code */
struct hash32 header_hash(const struct header *h);

#endif
