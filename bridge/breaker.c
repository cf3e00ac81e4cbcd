/*
 * Counts what no event explains, and says when it is too much. It stops
 * nothing by itself and knows no clock.
 */
#include "bridge/breaker.h"

#include <stdlib.h>

void breaker_init(struct breaker *b, uint32_t max)
{
	*b = (struct breaker){ .max = max < BREAKER_MAX ? max : BREAKER_MAX };
}

/* An input that was there, by the chain's word or ours. */
static bool existed(const struct wanted *w, const struct actual *a)
{
	return w->provisioned_epoch > 0 || a->state == INPUT_DELETED;
}

enum breaker_kind breaker_kind_of(const struct wanted *w,
				  const struct actual *a, struct step s)
{
	switch (s.kind) {
	case STEP_DISABLE:
	case STEP_COLLECT_RECORDINGS:
	case STEP_DELETE:
		/* Disabling counts as well: viewers see the end of it. */
		return w->state == WANTED_VANISHED ? BREAKER_DELETION
						   : BREAKER_EXPLAINED;
	case STEP_CREATE:
		return existed(w, a) ? BREAKER_REMAKE : BREAKER_EXPLAINED;
	case STEP_REISSUE:
		return s.code == REISSUE_REPLACED ? BREAKER_REMAKE
						  : BREAKER_EXPLAINED;
	case STEP_NONE:
	case STEP_FAIL:
	case STEP_ADOPT:
	case STEP_ADOPT_LIST:
	case STEP_ADOPT_CHAIN:
	case STEP_REANCHOR:
	case STEP_ROTATE:
	case STEP_READ_AND_SEAL:
	case STEP_VERIFY_HASH:
	case STEP_SETTLE:
	case STEP_ENABLE:
	case STEP_SET_DAYS:
	case STEP_CLOSE:
	case STEP_END:
	case STEP_OUTPUT_REANCHOR:
	case STEP_OUTPUT_REFUSE:
	case STEP_OUTPUT_CREATE:
	case STEP_OUTPUT_MATCH:
	case STEP_OUTPUT_ENABLE:
	case STEP_OUTPUT_DISABLE:
	case STEP_OUTPUT_DELETE:
	case STEP_OUTPUT_CLOSE:
	case STEP_OUTPUT_TELL:
		return BREAKER_EXPLAINED;
	}
	abort();
}

bool breaker_take(struct breaker *b, enum breaker_kind kind, uint64_t now_ms)
{
	uint64_t *oldest;
	size_t i;

	if (kind == BREAKER_EXPLAINED)
		return true;
	if (b->tripped)
		return false;
	if (b->max == 0) {
		b->tripped = true;
		return false;
	}
	/* The ring holds @max: what would be overwritten is @max ago. */
	i = b->seen[kind].next;
	oldest = &b->seen[kind].at_ms[i];
	if (b->seen[kind].count == b->max &&
	    now_ms - *oldest < BREAKER_WINDOW_MS) {
		b->tripped = true;
		return false;
	}
	*oldest = now_ms;
	b->seen[kind].next = (i + 1) % b->max;
	if (b->seen[kind].count < b->max)
		b->seen[kind].count++;
	return true;
}

bool breaker_many(struct breaker *b, enum breaker_kind kind, uint64_t n)
{
	if (kind == BREAKER_EXPLAINED || n == 0)
		return true;
	if (n > b->max)
		b->tripped = true;
	return !b->tripped;
}

bool breaker_step(struct breaker *b, const struct wanted *w,
		  const struct actual *a, struct step s, uint64_t now_ms)
{
	enum breaker_kind kind = breaker_kind_of(w, a, s);

	if (s.kind == STEP_DISABLE || s.kind == STEP_CREATE)
		return breaker_take(b, kind, now_ms);
	return kind == BREAKER_EXPLAINED || !b->tripped;
}

void breaker_reset(struct breaker *b)
{
	breaker_init(b, b->max);
}

const char *breaker_name(enum breaker_kind kind)
{
	switch (kind) {
	case BREAKER_EXPLAINED:
		return "what events explain";
	case BREAKER_DELETION:
		return "deletions that no event explains";
	case BREAKER_REMAKE:
		return "live inputs to be made again";
	case BREAKER_MISSING:
		return "live inputs that the provider does not know";
	case BREAKER_KINDS:
		break;
	}
	abort();
}
