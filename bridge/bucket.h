#ifndef CX_BRIDGE_BUCKET_H
#define CX_BRIDGE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Token bucket for a provider's API, a pure value: the caller brings the
 * clock. It starts empty, so that a crash loop cannot overspend. A share is
 * set aside for stopping and deleting; others may borrow it while no such
 * call waits, and stops may use what the others leave.
 */
#define BUCKET_STOP_SHARE 0.25

struct bucket {
	double burst, rate_per_ms;
	double open, stop; /* tokens at hand */
	uint64_t filled_ms;
};

/** bucket_init - @burst ≥ 2 tokens at most, refilled at @rate_per_s > 0 */
void bucket_init(struct bucket *b, double burst, double rate_per_s,
		 uint64_t now_ms);

/**
 * bucket_take - one token for one call
 * @stop: the call stops or deletes
 * @stops_waiting: calls that stop or delete are waiting too
 *
 * Return: 0 when it may go now (a token is taken), else the milliseconds
 * after which to ask again.
 */
uint64_t bucket_take(struct bucket *b, uint64_t now_ms, bool stop,
		     bool stops_waiting);

/** bucket_left - tokens at hand at @now_ms */
double bucket_left(const struct bucket *b, uint64_t now_ms);

#endif
