#ifndef CX_BRIDGE_CIRCUIT_H
#define CX_BRIDGE_CIRCUIT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Circuit breaker of one endpoint of the provider, a pure value: the caller
 * brings the clock. Failures in a row (no answer, 5xx) open it, and nothing
 * is asked of the endpoint for a while that doubles up to a bound; then one
 * call probes. An answer below 500 means that the endpoint works, whatever it
 * says: 4xx never open it.
 */
#define CIRCUIT_FAILURES 5
#define CIRCUIT_WAIT_MS  2000
#define CIRCUIT_WAIT_MAX 60000

struct circuit {
	unsigned failures; /* in a row */
	uint64_t until_ms; /* open until then; 0: closed */
	uint32_t wait_ms;  /* how long it is open the next time */
	bool probing;      /* the one call that tells is under way */
};

/** circuit_may - whether a call may be sent at @now_ms */
bool circuit_may(const struct circuit *c, uint64_t now_ms);
/** circuit_sent - a call that circuit_may() allowed is on its way */
void circuit_sent(struct circuit *c);
/**
 * circuit_answered - how it ended
 * @failed: no answer, or one of 500 and above
 *
 * Return: true when it has opened, or closed, just now (circuit_open() tells).
 */
bool circuit_answered(struct circuit *c, uint64_t now_ms, bool failed);
/** circuit_untold - it ended with what says nothing of the endpoint */
void circuit_untold(struct circuit *c);
/** circuit_open - whether calls are held back, one probe apart */
bool circuit_open(const struct circuit *c);

#endif
