#ifndef CX_BRIDGE_MEDIA_H
#define CX_BRIDGE_MEDIA_H

#include "bridge/bridge.h"

/*
 * What happens in rooms rather than to them. Nothing here decides about a
 * room's live input; all of it can stand still without a room being wrong.
 */
struct media;

/** media_new - its parts work from the loop; @b must outlive it */
struct media *media_new(struct bridge *b);
/** media_free - before the database is closed; accepts NULL */
void media_free(struct media *m);
DEFINE_AUTO(media, media_free)

#endif
