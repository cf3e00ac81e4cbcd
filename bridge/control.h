#ifndef CX_BRIDGE_CONTROL_H
#define CX_BRIDGE_CONTROL_H

#include "bridge/bridge.h"

/*
 * The row of bridge.control: what an operator said, and what a successor must
 * know although it cannot be derived from chain or provider.
 */

/** control_start - read it before anything is asked of the provider; sets
 * b->paused and b->limited_ms, and tells the database what the config says that
 * it works with. Blocking, as the leader. */
enum status control_start(struct bridge *b, struct err *err) MUST_CHECK;

/** control_columns - what control_read() wants selected from bridge.control */
extern const char control_sql[];
/** control_read - take over what the row says; logs what changed. The lanes,
 * which begin paused, write once nothing is paused and b->listed */
void control_read(struct bridge *b, const struct db_result *r);

/** control_may - whether a job may take the step now: nothing is paused, and
 * the breaker lets it through. Counts it; the one too many trips the breaker */
bool control_may(struct bridge *b, const struct wanted *w,
		 const struct actual *a, struct step s);
/** control_take - the same for what is no step: a live input of ours that the
 * provider does not know, an orphan of a room that never was */
bool control_take(struct bridge *b, enum breaker_kind kind);
/** control_take_many - whether @n that are there at once may be begun with, one
 * after the other; none when they are too many */
bool control_take_many(struct bridge *b, enum breaker_kind kind, uint64_t n);
/** control_holds - rooms that vanished are left alone */
bool control_holds(const struct bridge *b);

/** control_limited - the provider said that nobody may ask for so long;
 * cf_opts.on_limited */
void control_limited(void *arg, uint64_t wait_s);

#endif
