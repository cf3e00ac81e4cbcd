#ifndef CX_ABI_HEADER_H
#define CX_ABI_HEADER_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/types.h"
#include "core/err.h"

#define BLOOM_LEN        256
#define HEADER_EXTRA_MAX 1024 /* clique and other chains exceed 32 bytes */

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
	uint8_t bloom[BLOOM_LEN];
	struct u256 difficulty;
	uint64_t number, gas_limit, gas_used, timestamp;
	uint8_t extra[HEADER_EXTRA_MAX];
	size_t extra_len;
	uint8_t nonce[8];
	unsigned fork_fields; /* how many of the following are present */
	struct u256 base_fee;
	struct hash32 withdrawals_root, beacon_root, requests_hash;
	uint64_t blob_gas_used, excess_blob_gas;
};

/**
 * header_from_json - read the result of eth_getBlockBy… or a newHeads message
 * (execution-apis, schema "Block")
 * @out: set only on ST_OK
 *
 * Return: ST_OK, or ST_REJECTED naming the field that is missing, malformed,
 * or present while an older fork's field is absent.
 */
enum status header_from_json(struct header *out, const cJSON *block,
			     struct err *err) MUST_CHECK;

/** header_hash - keccak256 of the RLP of the fields: equal to @h->hash on a
 * chain whose header format is known to this code */
struct hash32 header_hash(const struct header *h);

#endif
