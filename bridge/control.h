#ifndef CX_BRIDGE_CONTROL_H
#define CX_BRIDGE_CONTROL_H

#include "bridge/bridge.h"

/*
 * The row of bridge.control: what an operator said, and what a successor must
 * know although it cannot be derived from chain or provider.
 */

/** control_start - read it before anything is asked of the provider; sets
 * b->limited_ms. Blocking, as the leader. */
enum status control_start(struct bridge *b, struct err *err) MUST_CHECK;

/** control_limited - the provider said that nobody may ask for so long;
 * cf_opts.on_limited */
void control_limited(void *arg, uint64_t wait_s);

#endif
