#ifndef CX_INDEXER_RANGE_H
#define CX_INDEXER_RANGE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How many blocks the next eth_getLogs asks for: a pure controller. Grows by
 * addition while answers are quick and small, halves on an error, and finds
 * its way down to a single block.
 */
struct range {
	uint64_t size;  /* blocks of the next request */
	uint64_t step;  /* added after a good answer */
	uint64_t limit; /* never above; sinks below what a node refused */
	uint32_t good;  /* good answers since the last refusal */
};

/* Answers above this shrink the next range: memory stays bounded. */
#define RANGE_LOGS_MAX    10000
/* A refused size is tried again after so many good answers. */
#define RANGE_RETRY_AFTER 64
#define RANGE_SIZE_MAX    100000

struct range_span {
	uint64_t from, to; /* inclusive */
};

void range_init(struct range *r, uint64_t first_size);
/** range_next - the span that begins at @from and ends at @end or before */
struct range_span range_next(const struct range *r, uint64_t from,
			     uint64_t end);
/** range_good - @blocks were answered with @logs */
void range_good(struct range *r, uint64_t blocks, uint64_t logs);
/** range_bad - a request over @blocks was refused */
void range_bad(struct range *r, uint64_t blocks);
/** range_split - the first half of @span (bisecting); false: it is one block
 * already. @rest is the second half. */
bool range_split(const struct range_span *span, struct range_span *half,
		 struct range_span *rest);

#endif
