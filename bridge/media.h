#ifndef CX_BRIDGE_MEDIA_H
#define CX_BRIDGE_MEDIA_H

#include "bridge/bridge.h"
#include "bridge/lifecycle.h"

/*
 * What happens in rooms rather than to them. Nothing here decides about a
 * room's live input; all of it can stand still without a room being wrong.
 */
struct media;

/** media_new - its parts work from the loop; @b must outlive it */
struct media *media_new(struct bridge *b);
/** media_free - before the database is closed; accepts NULL */
void media_free(struct media *m);
/** media_watch_view - false when @m is NULL or nothing is watched */
bool media_watch_view(const struct media *m, struct lifecycle_view *out);
DEFINE_AUTO(media, media_free)

#endif
