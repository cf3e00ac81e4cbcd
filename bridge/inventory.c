/*
 * Lists the account's live inputs and finds a room's among them. It reads
 * only; adopting or deleting is the caller's decision.
 */
#include "bridge/inventory.h"

#include <stdlib.h>
#include <string.h>

struct waiter {
	struct waiter *next;
	inventory_fn fn;
	void *arg;
};

struct inventory {
	struct cloudflare *cf;
	struct cf_list list;
	bool under_way;
	struct waiter *now, *later; /* of this list, of the next */
	void (*watch)(void *arg);
	void *watch_arg;
};

static void on_list(void *arg, struct cf_answer *a);

struct inventory *inventory_new(struct cloudflare *cf)
{
	struct inventory *inv = (struct inventory *)mem_zalloc(sizeof(*inv));

	inv->cf = cf;
	return inv;
}

static void waiters_free(struct waiter *w)
{
	while (w) {
		struct waiter *next = w->next;

		free(w);
		w = next;
	}
}

void inventory_free(struct inventory *inv)
{
	if (!inv)
		return;
	waiters_free(inv->now);
	waiters_free(inv->later);
	cf_list_deinit(&inv->list);
	free(inv);
}

static void ask(struct inventory *inv)
{
	struct cf_request req = { .op = CF_LIST };

	inv->under_way = true;
	inv->now = inv->later;
	inv->later = NULL;
	cloudflare_call(inv->cf, &req, on_list, inv);
}

void inventory_refresh(struct inventory *inv, inventory_fn fn, void *arg)
{
	struct waiter *w = (struct waiter *)mem_zalloc(sizeof(*w));

	w->fn = fn;
	w->arg = arg;
	w->next = inv->later;
	inv->later = w;
	if (!inv->under_way)
		ask(inv);
}

void inventory_watch(struct inventory *inv, void (*fn)(void *arg), void *arg)
{
	inv->watch = fn;
	inv->watch_arg = arg;
}

int inventory_order(const struct cf_item *x, const struct cf_item *y)
{
	int c = memcmp(x->room, y->room, sizeof(x->room));

	if (c)
		return c;
	if (x->created_s != y->created_s)
		return x->created_s < y->created_s ? -1 : 1;
	return memcmp(x->uid, y->uid, sizeof(x->uid));
}

static int by_room(const void *a, const void *b)
{
	return inventory_order((const struct cf_item *)a,
			       (const struct cf_item *)b);
}

static void take_list(struct inventory *inv, struct cf_list *l)
{
	cf_list_deinit(&inv->list);
	if (l->count) {
		l->items = (struct cf_item *)mem_resize(l->items, l->count,
							sizeof(*l->items));
		qsort(l->items, l->count, sizeof(*l->items), by_room);
	}
	inv->list = *l;
	*l = (struct cf_list){ 0 };
}

static void on_list(void *arg, struct cf_answer *a)
{
	struct inventory *inv = (struct inventory *)arg;
	struct waiter *w = inv->now;

	inv->now = NULL;
	inv->under_way = false;
	if (a->outcome == CF_DONE) {
		take_list(inv, &a->list);
		if (inv->watch)
			inv->watch(inv->watch_arg);
	}
	if (inv->later)
		ask(inv);
	while (w) {
		struct waiter *next = w->next;

		w->fn(w->arg, a->outcome == CF_DONE, a->err);
		free(w);
		w = next;
	}
}

bool inventory_complete(const struct inventory *inv)
{
	return inv->list.complete;
}

const struct cf_lease *inventory_leases(const struct inventory *inv, size_t *n)
{
	*n = inv->list.lease_count;
	return inv->list.leases;
}

const struct cf_item *inventory_items(const struct inventory *inv, size_t *n)
{
	*n = inv->list.count;
	return inv->list.items;
}

const struct cf_item *inventory_find(const struct inventory *inv,
				     const char *room, const char *prefer,
				     const char *gone)
{
	const struct cf_item *items = inv->list.items, *oldest = NULL;
	size_t lo = 0, hi = inv->list.count, i;
	uint8_t id[sizeof(items->room)];
	char uid[CF_UID_SIZE];

	if (!cf_pack_room(id, room))
		return NULL;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (memcmp(items[mid].room, id, sizeof(id)) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (i = lo;
	     i < inv->list.count && memcmp(items[i].room, id, sizeof(id)) == 0;
	     i++) {
		cf_item_uid(uid, &items[i]);
		if (strcmp(uid, gone) == 0)
			continue;
		if (strcmp(uid, prefer) == 0)
			return &items[i];
		if (!oldest)
			oldest = &items[i];
	}
	return oldest;
}

void inventory_forget(struct inventory *inv, const char *uid)
{
	struct cf_list *l = &inv->list;
	char at[CF_UID_SIZE];

	for (size_t i = 0; i < l->count; i++) {
		if (strcmp(cf_item_uid(at, &l->items[i]), uid) != 0)
			continue;
		l->count--;
		memmove(&l->items[i], &l->items[i + 1],
			(l->count - i) * sizeof(*l->items));
		return;
	}
}
