#ifndef CX_INDEXER_COVER_H
#define CX_INDEXER_COVER_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/types.h"

/* What is known of a block's logs, worst last: the column chain.coverage.state
 * is named so. */
enum cover {
	COVER_ABSENT_BY_BLOOM = 1, /* the proven header's bloom excludes ours */
	COVER_RECEIPTS_VERIFIED,   /* out of receipts whose root is proven */
	COVER_UNVERIFIED,          /* the node's word */
	COVER_UNVERIFIABLE,        /* header or receipts of another kind than
				    * can be recomputed here */
};

struct cover_span {
	uint64_t from, to;
	enum cover state;
	/* The hashes of @from - 1 and @to, where headers link the range to the
	 * chain that is followed. */
	bool linked;
	struct hash32 parent, hash;
};

/** cover_name - as it stands in the database */
const char *cover_name(enum cover c);

#endif
