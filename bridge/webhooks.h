#ifndef CX_BRIDGE_WEBHOOKS_H
#define CX_BRIDGE_WEBHOOKS_H

#include "bridge/bridge.h"

/*
 * Tells the configured addresses what happens in rooms: at least once, each
 * event under an id that is the same wherever it is computed. The queue is in
 * Postgres (migrations/0022); an address that fails is tried ever later for a
 * day, and holds up no other.
 */
struct webhooks;

/** webhooks_new - NULL when nobody is to be told */
struct webhooks *webhooks_new(struct bridge *b);
/** webhooks_free - drops what is under way; accepts NULL */
void webhooks_free(struct webhooks *h);
DEFINE_AUTO(webhooks, webhooks_free)

#endif
