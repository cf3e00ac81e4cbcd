#ifndef CX_BRIDGE_BUCKET_H
#define CX_BRIDGE_BUCKET_H

#include <stdint.h>

/*
 * Token bucket for a provider's API, a pure value: the caller brings the
 * clock. It starts empty, so that a crash loop cannot overspend.
 */
struct bucket {
	double burst, rate_per_ms, tokens;
	uint64_t filled_ms;
};

/** bucket_init - @burst ≥ 1 tokens at most, refilled at @rate_per_s > 0 */
void bucket_init(struct bucket *b, double burst, double rate_per_s,
		 uint64_t now_ms);

/**
 * bucket_take - one token for one call
 *
 * Return: 0 when it may go now (a token is taken), else the milliseconds
 * after which to ask again.
 */
uint64_t bucket_take(struct bucket *b, uint64_t now_ms);

/** bucket_left - tokens at hand at @now_ms */
double bucket_left(const struct bucket *b, uint64_t now_ms);

#endif
