#ifndef CX_BRIDGE_BREAKER_H
#define CX_BRIDGE_BREAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/reconcile.h"

/*
 * What no event explains, counted: a lying node, a wrong database or a foot in
 * somebody else's account looks like many rooms gone at once. Past so many of
 * one kind within a minute nothing of the kind is done any more until an
 * operator says so. Pure: the caller brings the clock.
 */
#define BREAKER_WINDOW_MS 60000
#define BREAKER_MAX       1000 /* bound of what a config may allow */

enum breaker_kind {
	BREAKER_EXPLAINED = 0,
	BREAKER_DELETION, /* of an input whose room never ended */
	BREAKER_REMAKE,   /* an input again that there should be already */
	BREAKER_MISSING,  /* the provider does not know one of ours */
	BREAKER_KINDS,
};

struct breaker {
	uint32_t max;
	bool tripped;
	struct {
		uint64_t at_ms[BREAKER_MAX]; /* a ring of the newest */
		size_t next, count;
	} seen[BREAKER_KINDS];
};

/** breaker_init - @max of one kind within a minute are let through */
void breaker_init(struct breaker *b, uint32_t max);

/**
 * breaker_kind_of - what a step would be counted as
 *
 * Return: BREAKER_EXPLAINED for everything that follows from events: new
 * rooms, ends, failures, rotations, however many.
 */
enum breaker_kind breaker_kind_of(const struct wanted *w,
				  const struct actual *a, struct step s);

/** breaker_take - whether something of @kind may be done now; counts it. The
 * one too many trips it. BREAKER_EXPLAINED always may. */
bool breaker_take(struct breaker *b, enum breaker_kind kind, uint64_t now_ms);
/** breaker_many - the same of @n that are there at once: more than may be let
 * through in a minute trip it before the first. Counts none of them */
bool breaker_many(struct breaker *b, enum breaker_kind kind, uint64_t n);
/** breaker_step - whether the step may be taken now; counts a room once, with
 * the first of its steps that has an effect */
bool breaker_step(struct breaker *b, const struct wanted *w,
		  const struct actual *a, struct step s, uint64_t now_ms);
/** breaker_reset - an operator said that it may go on */
void breaker_reset(struct breaker *b);
/** breaker_name - "unexplained deletions", … */
const char *breaker_name(enum breaker_kind kind);

#endif
