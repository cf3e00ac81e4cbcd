#ifndef CX_INDEXER_RANGE_H
#define CX_INDEXER_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How many blocks the next eth_getLogs asks for: a pure controller, one for
 * each endpoint. Doubles until the first answer that is large or refused; from
 * then on grows by addition and shrinks by halves.
 */
struct range {
	uint64_t size;  /* blocks of the next request */
	uint64_t step;  /* added after a good answer, once @settled */
	uint64_t limit; /* never above; sinks below what a node refused */
	uint32_t good;  /* good answers since the last refusal */
	bool settled;   /* the first doubling is over */
	uint64_t told;  /* the limit that range_news() told last */
};

/* Bytes of an answer worth asking for: larger ones cost memory and save
 * nothing. */
#define RANGE_BYTES_GOOD  ((size_t)512 * 1024)
/* A refused size is tried again after so many good answers. */
#define RANGE_RETRY_AFTER 64
#define RANGE_SIZE_MAX    100000

struct range_span {
	uint64_t from, to; /* inclusive */
};

void range_init(struct range *r, uint64_t first_size);
/** range_learnt - @limit is known of an earlier time */
void range_learnt(struct range *r, uint64_t limit);
/** range_news - the limit, if it sank or rose since it was told; else 0 */
uint64_t range_news(struct range *r);
/** range_next - the span that begins at @from and ends at @end or before */
struct range_span range_next(const struct range *r, uint64_t from,
			     uint64_t end);
/** range_good - @blocks were answered in @bytes */
void range_good(struct range *r, uint64_t blocks, size_t bytes);
/** range_bad - a request over @blocks was refused */
void range_bad(struct range *r, uint64_t blocks);
/** range_hint - the node said that it serves @blocks and no more */
void range_hint(struct range *r, uint64_t blocks);

#endif
