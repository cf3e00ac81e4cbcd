#ifndef CX_INDEXER_FILTER_H
#define CX_INDEXER_FILTER_H

#include "abi/log.h"
#include "indexer/head.h"
#include "indexer/schema.h"

/* Which logs are ours: as a node is asked for them, as a block's bloom tells,
 * and as a log itself does. */
struct filter;

/** filter_new - for every table of @schema, which must outlive it */
struct filter *filter_new(const struct schema *schema);
void filter_free(struct filter *f);
DEFINE_AUTO(filter, filter_free)

/** filter_text - members "address" and, where it narrows the answer, "topics"
 * of an eth_getLogs filter object; owned by @f */
const char *filter_text(const struct filter *f);

/** filter_may_match - false: the bloom excludes that the block has a log of
 * ours (worth what the header's proof is worth) */
bool filter_may_match(const struct filter *f, const struct head *head);

/**
 * filter_take - the logs of ours among @logs
 * @out: in the same order, of @arena, their data copied there
 */
void filter_take(const struct filter *f, struct logs *out, struct arena *arena,
		 const struct logs *logs);

#endif
