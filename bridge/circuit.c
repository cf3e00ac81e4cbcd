/*
 * When to leave an endpoint of the provider alone, and when to try it again.
 * Counts only: it never sends or reads a clock.
 */
#include "bridge/circuit.h"

bool circuit_open(const struct circuit *c)
{
	return c->until_ms != 0;
}

bool circuit_may(const struct circuit *c, uint64_t now_ms)
{
	return !circuit_open(c) || (!c->probing && now_ms >= c->until_ms);
}

void circuit_sent(struct circuit *c)
{
	if (circuit_open(c))
		c->probing = true;
}

void circuit_untold(struct circuit *c)
{
	c->probing = false;
}

bool circuit_answered(struct circuit *c, uint64_t now_ms, bool failed)
{
	bool was = circuit_open(c);

	c->probing = false;
	if (!failed) {
		*c = (struct circuit){ 0 };
		return was;
	}
	c->failures++;
	/* Those sent before it opened say nothing new. */
	if (c->failures < CIRCUIT_FAILURES || (was && now_ms < c->until_ms))
		return false;
	c->wait_ms = c->wait_ms ? c->wait_ms : CIRCUIT_WAIT_MS;
	c->until_ms = now_ms + c->wait_ms;
	c->wait_ms = c->wait_ms * 2 < CIRCUIT_WAIT_MAX ? c->wait_ms * 2
						       : CIRCUIT_WAIT_MAX;
	return true;
}
