#ifndef CX_BRIDGE_LOOK_H
#define CX_BRIDGE_LOOK_H

#include "bridge/bridge.h"

/** look_run - ask now; bridge_wake() knows when that may be. Only what an
 * operator says before b->listed */
void look_run(struct bridge *b);

#endif
