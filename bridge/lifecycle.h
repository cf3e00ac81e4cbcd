#ifndef CX_BRIDGE_LIFECYCLE_H
#define CX_BRIDGE_LIFECYCLE_H

#include "bridge/bridge.h"

/*
 * Which open rooms are on air: asks the delivery host, which is not the API's
 * and costs no API calls, for each room's /lifecycle as often as watch.h says,
 * and for /views while it is on air. Stores what it sees in bridge.live_period
 * and bridge.viewer_sample. All rooms share one pool of connections.
 */
struct lifecycle;

#define LIFECYCLE_ROOMS_MAX 200000 /* those beyond are not watched */
#define LIFECYCLE_AT_ONCE   64     /* questions under way */

/* For metrics. */
struct lifecycle_view {
	size_t rooms, live;
	int64_t late_ms;         /* of the room that is due longest; 0: none */
	int64_t viewers_late_ms; /* the same of counting viewers */
};

/** lifecycle_new - NULL when the config says that nothing is watched */
struct lifecycle *lifecycle_new(struct bridge *b);
/** lifecycle_free - drops what is under way; accepts NULL */
void lifecycle_free(struct lifecycle *l);
/** lifecycle_view - reads every room */
void lifecycle_view(const struct lifecycle *l, struct lifecycle_view *out);
DEFINE_AUTO(lifecycle, lifecycle_free)

#endif
