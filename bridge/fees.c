/*
 * What to pay for a transaction, and how much gas to allow it. Pure
 * arithmetic that saturates: a node's absurd numbers end at the cap.
 */
#include "bridge/fees.h"

#include <stdlib.h>

static uint64_t add_sat(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

struct fees fees_first(uint64_t base, uint64_t hint, uint64_t cap)
{
	uint64_t tip = hint == FEES_NO_HINT ? FEES_PRIORITY_DEFAULT : hint;
	struct fees f;

	f.max_fee = min_u64(add_sat(add_sat(base, base), tip), cap);
	f.max_priority = min_u64(tip, f.max_fee);
	return f;
}

/* Rounded up, and at least one more: a tip of zero must rise as well. */
static uint64_t plus_percent(uint64_t v, unsigned percent)
{
	uint64_t more = v / 100 * percent + (v % 100 * percent + 99) / 100;

	return add_sat(v, max_u64(more, 1));
}

static unsigned step(size_t made)
{
	return made < 12 ? 10 : made < 20 ? 25 : 100;
}

bool fees_raise(struct fees *out, struct fees old, size_t made, uint64_t base,
		uint64_t hint, uint64_t cap)
{
	struct fees now = fees_first(base, hint, cap), f;

	f.max_fee = plus_percent(old.max_fee, 10);
	f.max_priority = plus_percent(old.max_priority, 10);
	if (f.max_fee > cap || f.max_priority > cap)
		return false;
	f.max_fee = min_u64(plus_percent(old.max_fee, step(made)), cap);
	f.max_priority =
	    min_u64(plus_percent(old.max_priority, step(made)), cap);
	if (made + 1 >= FEES_LADDER)
		f.max_fee = cap;
	f.max_fee = max_u64(f.max_fee, now.max_fee);
	f.max_priority = max_u64(f.max_priority, now.max_priority);
	f.max_fee = max_u64(f.max_fee, f.max_priority);
	*out = f;
	return true;
}

uint64_t fees_keep(uint64_t cap)
{
	return cap - (cap / 11 + 1);
}

uint64_t gas_base(enum effect_kind kind)
{
	switch (kind) {
	case EFFECT_PROVISION:
	case EFFECT_FAIL:
	case EFFECT_RECORDING:
	case EFFECT_REFUSE_OUTPUT:
	case EFFECT_END:
		return 45000; /* 21000, the role's slot, the call's frame */
	case EFFECT_REISSUE:
		return 35000;
	case EFFECT_FILL:
		return 21000;
	}
	abort();
}

uint64_t gas_entry(enum effect_kind kind, size_t envelope)
{
	uint64_t padded = ((uint64_t)envelope + 31) / 32 * 32;

	switch (kind) {
	case EFFECT_PROVISION:
		/* Two fresh slots, the event; a byte costs up to 40 in
		 * calldata (EIP-7623's floor), 8 in the log, some copying. */
		return 70000 + (padded + 256) * 56;
	case EFFECT_FAIL:
	case EFFECT_END:
		return 40000; /* room, host's count, total, event */
	case EFFECT_REISSUE:
		return 40000;
	case EFFECT_RECORDING:
	case EFFECT_REFUSE_OUTPUT:
		return 20000;
	case EFFECT_FILL:
		return 0;
	}
	abort();
}

uint64_t gas_limit_max(uint64_t block_gas_limit)
{
	uint64_t most = 16000000; /* EIP-7825: 2^24 */

	if (block_gas_limit / 2 != 0)
		most = min_u64(most, block_gas_limit / 2);
	return max_u64(most, 200000);
}
