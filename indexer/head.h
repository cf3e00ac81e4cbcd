#ifndef CX_INDEXER_HEAD_H
#define CX_INDEXER_HEAD_H

#include "abi/bloom.h"
#include "abi/types.h"
#include "core/err.h"
#include "core/scan.h"

/* How far a header's own hash vouches for its fields. */
enum head_proof {
	HEAD_PROVEN = 1, /* the hash recomputes from the fields */
	HEAD_STRANGE,    /* it does not, and fields are there that we do not
			  * know: a newer fork or another kind of chain */
	HEAD_WRONG,      /* it does not, and every field is known */
};

/* What the indexer keeps of a block header. */
struct head {
	uint64_t number, time; /* seconds since 1970 */
	uint64_t gas_limit;
	struct hash32 hash, parent, receipts_root;
	uint8_t bloom[BLOOM_BYTES];
	enum head_proof proof;
};

/**
 * head_read - a block of eth_getBlockBy… or newHeads
 * (execution-apis, schema "Block")
 * @out: set only on ST_OK
 *
 * Return: ST_OK; ST_AGAIN for JSON null (the node does not have it);
 * ST_REJECTED naming the field that is missing or malformed.
 */
enum status head_read(struct head *out, struct text json,
		      struct err *err) MUST_CHECK;

#endif
