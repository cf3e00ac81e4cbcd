/*
 * Turns: an item's is one above the last of its host's that wait, and never
 * below what has left already, so that who was idle saves none up.
 */
#include "bridge/queue.h"

#include <assert.h>
#include <string.h>

void queue_push(struct queue *q, struct queue_item *item)
{
	struct queue_item **p = &q->head;

	item->turn = q->turn;
	item->next = NULL;
	for (; *p; p = &(*p)->next) {
		if ((*p)->turn >= item->turn &&
		    memcmp((*p)->who, item->who, sizeof(item->who)) == 0)
			item->turn = (*p)->turn + 1;
	}
	*p = item;
	q->count++;
}

void queue_push_front(struct queue *q, struct queue_item *item)
{
	item->turn = 0;
	item->next = q->head;
	q->head = item;
	q->count++;
}

void queue_take(struct queue *q, struct queue_item *item)
{
	struct queue_item **p = &q->head;

	while (*p && *p != item)
		p = &(*p)->next;
	assert(*p);
	*p = item->next;
	item->next = NULL;
	q->count--;
}

struct queue_item *queue_pop(struct queue *q)
{
	struct queue_item *best = q->head;

	if (!best)
		return NULL;
	for (struct queue_item *i = best->next; i; i = i->next)
		if (i->turn < best->turn)
			best = i;
	if (best->turn > q->turn)
		q->turn = best->turn;
	queue_take(q, best);
	return best;
}
