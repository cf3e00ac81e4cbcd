/*
 * How many calls the provider's account may take. Counts only: it never
 * sleeps, sends or reads a clock.
 */
#include "bridge/bucket.h"

#include <math.h>

void bucket_init(struct bucket *b, double burst, double rate_per_s,
		 uint64_t now_ms)
{
	*b = (struct bucket){
		.burst = burst,
		.rate_per_ms = rate_per_s / 1000.0,
		.filled_ms = now_ms,
	};
}

static void bucket_fill(struct bucket *b, uint64_t now_ms)
{
	if (now_ms <= b->filled_ms)
		return;
	b->tokens += (double)(now_ms - b->filled_ms) * b->rate_per_ms;
	b->tokens = fmin(b->tokens, b->burst);
	b->filled_ms = now_ms;
}

uint64_t bucket_take(struct bucket *b, uint64_t now_ms)
{
	double wait;

	bucket_fill(b, now_ms);
	/* Rounding must not make a caller ask again for ever. */
	if (b->tokens >= 1 - 1e-9) {
		b->tokens -= 1;
		return 0;
	}
	wait = (1 - b->tokens) / b->rate_per_ms;
	return wait < 1 ? 1 : (uint64_t)ceil(wait);
}

double bucket_left(const struct bucket *b, uint64_t now_ms)
{
	struct bucket now = *b;

	bucket_fill(&now, now_ms);
	return now.tokens;
}
