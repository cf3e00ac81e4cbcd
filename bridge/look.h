#ifndef CX_BRIDGE_LOOK_H
#define CX_BRIDGE_LOOK_H

#include "bridge/bridge.h"

/** look_run - ask now; bridge_wake() knows when that may be. Nothing before the
 * provider's list at the start is there */
void look_run(struct bridge *b);

#endif
