#ifndef CX_BRIDGE_REFUSAL_H
#define CX_BRIDGE_REFUSAL_H

#include "bridge/bridge.h"

/*
 * Refused rooms and outputs on their way to the chain: noted in
 * bridge.refusal, handed to the lane in batches, within a daily allowance of
 * gas.
 */

/** refusal_noted - a row is about to be committed there: look soon */
void refusal_noted(struct bridge *b);

/** refusal_run - ask what waits, and hand over what may go; cheap when nothing
 * was refused. Called at each poll. */
void refusal_run(struct bridge *b);

#endif
