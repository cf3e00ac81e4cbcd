#ifndef CX_BRIDGE_QUEUE_H
#define CX_BRIDGE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

/*
 * A queue in which those who wait take turns: each host's first item comes
 * before any host's second. Pure; items are the caller's, and few (every
 * operation walks them).
 */
struct queue_item {
	struct queue_item *next;
	uint8_t who[20];
	uint64_t turn;
};

struct queue {
	struct queue_item *head; /* in the order of arrival */
	uint64_t turn;           /* of the last that left */
	size_t count;
};

/** queue_push - @item->who is set; it waits behind its own */
void queue_push(struct queue *q, struct queue_item *item);
/** queue_push_front - it has had its turn and is the next again */
void queue_push_front(struct queue *q, struct queue_item *item);
/** queue_pop - the next, or NULL */
struct queue_item *queue_pop(struct queue *q);
/** queue_take - takes @item, which is in it, out of turn */
void queue_take(struct queue *q, struct queue_item *item);

#endif
