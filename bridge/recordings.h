#ifndef CX_BRIDGE_RECORDINGS_H
#define CX_BRIDGE_RECORDINGS_H

#include "bridge/bridge.h"

/*
 * Recordings, while a room lives and after it has ended: lists them when
 * bridge.recordings_due() says so, stores what there is, deletes what a host
 * does not keep once the room is over, and queues RecordingReady for the
 * rest. Which lists come when is SQL (migrations/0020).
 */
struct recordings;

struct recordings *recordings_new(struct bridge *b);
/** recordings_free - when no call and no query will answer any more */
void recordings_free(struct recordings *r);
DEFINE_AUTO(recordings, recordings_free)

/** recordings_take - what @a lists of live input @uid, out of the answer and to
 * be released by the caller. A filter that the provider does not apply would
 * make everybody's recordings @room's: others are left out, and told.
 * @unnamed: those that name no live input are its own */
struct cf_videos recordings_take(struct cf_answer *a, const char *room,
				 const char *uid, bool unnamed);

#endif
