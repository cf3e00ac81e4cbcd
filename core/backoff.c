/*
 * Delays between attempts. backoff_ms() is pure; it never sleeps and keeps no
 * state: whoever retries counts its own attempts.
 */
#include "core/backoff.h"

#include <sys/random.h>

uint32_t backoff_ms(uint32_t attempt, uint32_t base_ms, uint32_t max_ms,
		    uint32_t random)
{
	uint64_t delay = base_ms;
	uint64_t half;

	for (uint32_t i = 0; i < attempt && delay < max_ms; i++)
		delay *= 2;
	if (delay > max_ms)
		delay = max_ms;
	half = delay / 2;
	return (uint32_t)(delay - half + random % (half + 1));
}

uint32_t backoff_random(void)
{
	uint32_t value = 0;

	/* Without entropy the delays lose their jitter and nothing else. */
	if (getrandom(&value, sizeof(value), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(value))
		value = 0;
	return value;
}
