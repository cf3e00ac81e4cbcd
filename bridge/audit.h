#ifndef CX_BRIDGE_AUDIT_H
#define CX_BRIDGE_AUDIT_H

#include "bridge/bridge.h"

/*
 * A slow, endless pass over the rooms that are settled: reads each one's live
 * input once in bridge.audit_every_s, with calls that nothing else needs, and
 * marks as unsettled the rooms whose input is not as the chain says. What to do
 * about it is reconcile.c's, as ever.
 */
struct audit;

/** audit_new - starts at a random room, so that processes that live shorter
 * than a pass cover all rooms together. @b must outlive it. */
struct audit *audit_new(struct bridge *b);
/** audit_free - after database and provider were closed; accepts NULL */
void audit_free(struct audit *a);
DEFINE_AUTO(audit, audit_free)

#endif
