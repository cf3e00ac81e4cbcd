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
	char mark[CF_MARK_SIZE];
	struct cf_list list;
	bool under_way;
	struct waiter *now, *later; /* of this list, of the next */
};

static void on_list(void *arg, struct cf_answer *a);

struct inventory *inventory_new(struct cloudflare *cf, const char *deployment)
{
	struct inventory *inv = (struct inventory *)mem_zalloc(sizeof(*inv));

	inv->cf = cf;
	memcpy(inv->mark, deployment, CF_MARK_SIZE - 1);
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

int inventory_order(const struct cf_item *x, const struct cf_item *y)
{
	int c = strcmp(x->room, y->room);

	if (c)
		return c;
	if (x->created_s != y->created_s)
		return x->created_s < y->created_s ? -1 : 1;
	return strcmp(x->uid, y->uid);
}

static int by_room(const void *a, const void *b)
{
	return inventory_order((const struct cf_item *)a,
			       (const struct cf_item *)b);
}

/* Another deployment may share the account: its inputs are not ours. */
static void take_list(struct inventory *inv, struct cf_list *l)
{
	size_t i, n = 0;

	for (i = 0; i < l->count; i++)
		if (strcmp(l->items[i].mark, inv->mark) == 0)
			l->items[n++] = l->items[i];
	l->count = n;
	if (n)
		l->items = (struct cf_item *)mem_resize(l->items, n,
							sizeof(*l->items));
	if (n)
		qsort(l->items, n, sizeof(*l->items), by_room);
	cf_list_deinit(&inv->list);
	inv->list = *l;
	*l = (struct cf_list){ 0 };
}

static void on_list(void *arg, struct cf_answer *a)
{
	struct inventory *inv = (struct inventory *)arg;
	struct waiter *w = inv->now;

	inv->now = NULL;
	inv->under_way = false;
	if (a->outcome == CF_DONE)
		take_list(inv, &a->list);
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
				     const char *room, const char *prefer)
{
	const struct cf_item *items = inv->list.items;
	size_t lo = 0, hi = inv->list.count, i;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(items[mid].room, room) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == inv->list.count || strcmp(items[lo].room, room) != 0)
		return NULL;
	for (i = lo;
	     prefer && i < inv->list.count && strcmp(items[i].room, room) == 0;
	     i++)
		if (strcmp(items[i].uid, prefer) == 0)
			return &items[i];
	return &items[lo];
}
