/*
 * Who is due next among very many rooms. It knows no clock.
 */
#include "bridge/roomheap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

void roomheap_deinit(struct roomheap *h)
{
	for (size_t i = 0; i < h->count; i++)
		free(h->table[i]);
	free(h->table);
	free(h->heap);
	*h = (struct roomheap){ 0 };
}

/* The place of @uid in the table, or where it would be. */
static size_t place_of(const struct roomheap *h, const char *uid)
{
	size_t lo = 0, hi = h->count;

	/* They are read in the order of their uids when there are many. */
	if (hi && strcmp(h->table[hi - 1]->uid, uid) < 0)
		return hi;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(h->table[mid]->uid, uid) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct watched *roomheap_find(const struct roomheap *h, const char *uid)
{
	size_t at = place_of(h, uid);

	return at < h->count && strcmp(h->table[at]->uid, uid) == 0
		   ? h->table[at]
		   : NULL;
}

struct watched *roomheap_add(struct roomheap *h, const char *uid)
{
	struct watched *w = (struct watched *)mem_zalloc(sizeof(*w));
	size_t at = place_of(h, uid);

	assert(strlen(uid) < sizeof(w->uid));
	memcpy(w->uid, uid, strlen(uid) + 1);
	if (h->count == h->max) {
		h->max = h->max ? 2 * h->max : 64;
		h->table = (struct watched **)mem_resize(
		    h->table, h->max, sizeof(struct watched *));
		h->heap = (struct watched **)mem_resize(
		    h->heap, h->max, sizeof(struct watched *));
	}
	memmove(h->table + at + 1, h->table + at,
		(h->count - at) * sizeof(struct watched *));
	h->table[at] = w;
	h->count++;
	return w;
}

void roomheap_remove(struct roomheap *h, struct watched *w)
{
	size_t at = place_of(h, w->uid);

	assert(at < h->count && h->table[at] == w);
	roomheap_take(h, w);
	h->count--;
	memmove(h->table + at, h->table + at + 1,
		(h->count - at) * sizeof(struct watched *));
	free(w);
}

static void put(struct roomheap *h, size_t i, struct watched *w)
{
	h->heap[i] = w;
	w->place = i + 1;
}

static void sift_up(struct roomheap *h, size_t i)
{
	struct watched *w = h->heap[i];

	while (i && h->heap[(i - 1) / 2]->due_ms > w->due_ms) {
		put(h, i, h->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(h, i, w);
}

static void sift_down(struct roomheap *h, size_t i)
{
	struct watched *w = h->heap[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= h->heap_count)
			break;
		if (child + 1 < h->heap_count &&
		    h->heap[child + 1]->due_ms < h->heap[child]->due_ms)
			child++;
		if (h->heap[child]->due_ms >= w->due_ms)
			break;
		put(h, i, h->heap[child]);
		i = child;
	}
	put(h, i, w);
}

void roomheap_due(struct roomheap *h, struct watched *w, int64_t at_ms)
{
	assert(!w->place);
	w->due_ms = at_ms;
	put(h, h->heap_count++, w);
	sift_up(h, h->heap_count - 1);
}

struct watched *roomheap_first(const struct roomheap *h)
{
	return h->heap_count ? h->heap[0] : NULL;
}

void roomheap_take(struct roomheap *h, struct watched *w)
{
	size_t i = w->place;
	struct watched *last;

	if (!i--)
		return;
	w->place = 0;
	last = h->heap[--h->heap_count];
	if (last == w)
		return;
	put(h, i, last);
	sift_up(h, i);
	sift_down(h, last->place - 1);
}
