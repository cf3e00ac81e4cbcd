#ifndef CX_BRIDGE_LIFECYCLE_INT_H
#define CX_BRIDGE_LIFECYCLE_INT_H

#include "bridge/lifecycle.h"
#include "bridge/roomheap.h"
#include "core/http.h"

/* Inside of the watch over rooms; only lifecycle*.c include this. */

/* One question under way. */
struct question {
	struct question *next;
	struct lifecycle *l;
	struct watched *w;
	struct http_call *call;
	bool views;
};

/* The list of rooms, as the database has it. */
struct lifecycle_sync {
	bool running, full; /* the list under way is of all rooms */
	unsigned pass;
	char since[40],
	    next_since[40];      /* the database's time of the last list */
	char after[CF_UID_SIZE]; /* of a list in pages: the last so far */
	int64_t full_ms;
};

struct lifecycle {
	struct bridge *b;
	struct http *http;
	uv_timer_t *timer, *ticker;
	struct roomheap rooms;
	struct watch_pace pace;
	char *base; /* ends in a slash */
	struct question *questions;
	struct stored *stored; /* on their way to the database */
	size_t asking;
	struct lifecycle_sync sync;
	int64_t touched_ms;
};

/** lifecycle_now_ms - the loop's time */
int64_t lifecycle_now_ms(const struct lifecycle *l);
/** lifecycle_pump - asks what is due, and comes back when more is */
void lifecycle_pump(struct lifecycle *l);

/** lifecycle_sync_rooms - asks the database which rooms to watch: those that
 * changed since it last did, and all of them at times. Nothing while it asks */
void lifecycle_sync_rooms(struct lifecycle *l);

/** lifecycle_store_live - @w is on air, with the recording @video or "" */
void lifecycle_store_live(struct lifecycle *l, const struct watched *w,
			  const char *video);
/** lifecycle_store_gone - @w went off air
 * @seen: at its watch.off_ms; else when it was last seen on air */
void lifecycle_store_gone(struct lifecycle *l, const struct watched *w,
			  bool seen);
/** lifecycle_store_viewers - @n of them watch @w now */
void lifecycle_store_viewers(struct lifecycle *l, const struct watched *w,
			     uint32_t n);
/** lifecycle_store_reach - that rooms on air still are: what their periods
 * are worth, should we die */
void lifecycle_store_reach(struct lifecycle *l);
/** lifecycle_store_free - forgets what is on its way */
void lifecycle_store_free(struct lifecycle *l);

#endif
