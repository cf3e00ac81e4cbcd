#ifndef CX_BRIDGE_ROOMHEAP_H
#define CX_BRIDGE_ROOMHEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/cf_parse.h"
#include "bridge/watch.h"

/* One room that is watched. It is in the heap while no question about it is
 * under way, and in the table always. */
struct watched {
	char uid[CF_UID_SIZE], room[CF_ITEM_ROOM_SIZE];
	struct watch watch;
	int64_t due_ms, viewers_ms; /* viewers were counted last; 0: never */
	size_t place;               /* in the heap, from 1; 0: not in it */
	unsigned pass;              /* the last full list that it was in */
	bool has_viewers, asking, gone;
};

/*
 * Rooms by the time at which they are due and by the uid of their live input:
 * a binary heap and a sorted table, for some hundred thousand rooms. Pure.
 */
struct roomheap {
	struct watched **heap, **table;
	size_t heap_count, count, max;
};

/** roomheap_deinit - the rooms with it */
void roomheap_deinit(struct roomheap *h);
/** roomheap_find - or NULL */
struct watched *roomheap_find(const struct roomheap *h, const char *uid);
/** roomheap_add - a new room, not due yet; its uid is not in the table */
struct watched *roomheap_add(struct roomheap *h, const char *uid);
/** roomheap_remove - out of both, and freed */
void roomheap_remove(struct roomheap *h, struct watched *w);
/** roomheap_due - @w, which is not in the heap, is due at @at_ms */
void roomheap_due(struct roomheap *h, struct watched *w, int64_t at_ms);
/** roomheap_first - who is due first, still in the heap; NULL: nobody */
struct watched *roomheap_first(const struct roomheap *h);
/** roomheap_take - @w out of the heap; nothing if it is not in it */
void roomheap_take(struct roomheap *h, struct watched *w);

#endif
