/*
 * How many calls the provider's account may take, and who goes first. Counts
 * only: it never sleeps, sends or reads a clock.
 */
#include "bridge/bucket.h"

#include <math.h>

void bucket_init(struct bucket *b, double burst, double rate_per_s,
		 uint64_t now_ms)
{
	*b = (struct bucket){
		.burst = burst < 2 ? 2 : burst,
		.rate_per_ms = rate_per_s / 1000.0,
		.filled_ms = now_ms,
	};
}

/* What one side cannot hold any more goes to the other. */
static void bucket_fill(struct bucket *b, uint64_t now_ms)
{
	double stop_max = fmax(1, b->burst * BUCKET_STOP_SHARE);
	double open_max = b->burst - stop_max;
	double fresh;

	if (now_ms <= b->filled_ms)
		return;
	fresh = (double)(now_ms - b->filled_ms) * b->rate_per_ms;
	b->filled_ms = now_ms;
	b->stop += fresh * BUCKET_STOP_SHARE;
	b->open += fresh * (1 - BUCKET_STOP_SHARE);
	if (b->stop > stop_max) {
		b->open += b->stop - stop_max;
		b->stop = stop_max;
	}
	if (b->open > open_max) {
		b->stop = fmin(stop_max, b->stop + b->open - open_max);
		b->open = open_max;
	}
}

/* Rounding must not make a caller ask again for ever. */
static bool bucket_has(double tokens)
{
	return tokens >= 1 - 1e-9;
}

uint64_t bucket_take(struct bucket *b, uint64_t now_ms, bool stop,
		     bool stops_waiting)
{
	double *first = stop ? &b->stop : &b->open;
	double *second = stop ? &b->open : &b->stop;
	bool borrow = stop || !stops_waiting;
	double missing, wait;

	bucket_fill(b, now_ms);
	if (bucket_has(*first)) {
		*first -= 1;
		return 0;
	}
	if (borrow && bucket_has(*second)) {
		*second -= 1;
		return 0;
	}
	/* Two halves make one token when both may be used. */
	if (borrow && bucket_has(*first + *second)) {
		*second -= 1 - *first;
		*first = 0;
		return 0;
	}
	missing = borrow ? 1 - *first - *second : 1 - *first;
	wait = missing / (borrow ? b->rate_per_ms
				 : b->rate_per_ms * (1 - BUCKET_STOP_SHARE));
	return wait < 1 ? 1 : (uint64_t)ceil(wait);
}

double bucket_left(const struct bucket *b, uint64_t now_ms)
{
	struct bucket now = *b;

	bucket_fill(&now, now_ms);
	return now.open + now.stop;
}
