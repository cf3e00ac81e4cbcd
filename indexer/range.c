/*
 * Sizes of backfill requests: additive growth, multiplicative shrink. Pure;
 * sends nothing.
 */
#include "indexer/range.h"

#include <assert.h>

static uint64_t clamp(uint64_t v, uint64_t low, uint64_t high)
{
	if (v < low)
		return low;
	return v > high ? high : v;
}

void range_init(struct range *r, uint64_t first_size)
{
	*r = (struct range){ .limit = RANGE_SIZE_MAX, .told = RANGE_SIZE_MAX };
	r->size = clamp(first_size, 1, r->limit);
}

void range_learnt(struct range *r, uint64_t limit)
{
	r->limit = r->told = clamp(limit, 1, RANGE_SIZE_MAX);
	r->size = clamp(r->size, 1, r->limit);
}

uint64_t range_news(struct range *r)
{
	if (r->limit == r->told)
		return 0;
	r->told = r->limit;
	return r->limit;
}

struct range_span range_next(const struct range *r, uint64_t from, uint64_t end)
{
	assert(from <= end);
	if (end - from < r->size)
		return (struct range_span){ from, end };
	return (struct range_span){ from, from + r->size - 1 };
}

static void shrink_to(struct range *r, uint64_t size)
{
	r->settled = true;
	r->size = clamp(size, 1, r->size);
	r->step = clamp(r->size / 8, 1, r->limit);
}

static void grow(struct range *r)
{
	r->size =
	    clamp(r->size + (r->settled ? r->step : r->size), 1, r->limit);
}

void range_good(struct range *r, uint64_t blocks, size_t bytes)
{
	if (++r->good >= RANGE_RETRY_AFTER) {
		r->good = 0;
		r->limit = clamp(r->limit * 2, 1, RANGE_SIZE_MAX);
	}
	if (bytes > 2 * RANGE_BYTES_GOOD) {
		shrink_to(r, blocks * RANGE_BYTES_GOOD / bytes);
	} else if (blocks >= r->size && bytes < RANGE_BYTES_GOOD / 2) {
		/* A short last request, or one sent before a change, says
		 * little. */
		grow(r);
	}
}

void range_bad(struct range *r, uint64_t blocks)
{
	r->good = 0;
	r->limit = clamp(blocks - (blocks > 1), 1, r->limit);
	shrink_to(r, blocks / 2);
}

void range_hint(struct range *r, uint64_t blocks)
{
	r->good = 0;
	r->limit = clamp(blocks, 1, r->limit);
	shrink_to(r, r->limit);
}
