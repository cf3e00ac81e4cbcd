#ifndef CX_CORE_BACKOFF_H
#define CX_CORE_BACKOFF_H

#include <stdint.h>

/**
 * backoff_ms - how long to wait before attempt number @attempt (0: the first
 * retry): base · 2^attempt, at most @max_ms, of which a random half is taken
 * off so that clients that failed together do not come back together.
 * @random: any number; the same number gives the same delay
 *
 * Return: between half of the capped delay and all of it, in milliseconds.
 */
uint32_t backoff_ms(uint32_t attempt, uint32_t base_ms, uint32_t max_ms,
		    uint32_t random);

/** backoff_random - a number from the system for backoff_ms() */
uint32_t backoff_random(void);

#endif
