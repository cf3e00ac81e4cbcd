/*
 * Sizes of backfill requests: additive growth, multiplicative shrink,
 * bisection. Pure; sends nothing.
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
	*r = (struct range){ .limit = RANGE_SIZE_MAX };
	r->size = clamp(first_size, 1, r->limit);
	r->step = clamp(r->size / 4, 1, r->limit);
}

struct range_span range_next(const struct range *r, uint64_t from, uint64_t end)
{
	assert(from <= end);
	if (end - from < r->size)
		return (struct range_span){ from, end };
	return (struct range_span){ from, from + r->size - 1 };
}

void range_good(struct range *r, uint64_t blocks, uint64_t logs)
{
	if (logs > RANGE_LOGS_MAX) {
		r->size = clamp(blocks / 2, 1, r->limit);
		return;
	}
	if (++r->good >= RANGE_RETRY_AFTER) {
		r->good = 0;
		r->limit = clamp(r->limit * 2, 1, RANGE_SIZE_MAX);
	}
	/* A short last request, or one sent before a change, says little. */
	if (blocks >= r->size && logs < RANGE_LOGS_MAX / 2)
		r->size = clamp(r->size + r->step, 1, r->limit);
}

void range_bad(struct range *r, uint64_t blocks)
{
	r->good = 0;
	r->limit = clamp(blocks - (blocks > 1), 1, r->limit);
	r->size = clamp(blocks / 2, 1, r->size);
	r->step = clamp(r->size / 4, 1, r->step);
}

bool range_split(const struct range_span *span, struct range_span *half,
		 struct range_span *rest)
{
	uint64_t mid;

	if (span->from == span->to)
		return false;
	mid = span->from + (span->to - span->from) / 2;
	*half = (struct range_span){ span->from, mid };
	*rest = (struct range_span){ mid + 1, span->to };
	return true;
}
