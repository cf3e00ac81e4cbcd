#ifndef CX_BRIDGE_INVENTORY_H
#define CX_BRIDGE_INVENTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/cloudflare.h"

/*
 * The account's live inputs with our mark, as last listed, by room. Those who
 * ask while a list is under way that was sent after they asked share it.
 */
struct inventory;

/** @ok: a new list is there; else @err says why not */
typedef void (*inventory_fn)(void *arg, bool ok, const struct err *err);

struct inventory *inventory_new(struct cloudflare *cf);
void inventory_free(struct inventory *inv);
DEFINE_AUTO(inventory, inventory_free)

/** inventory_refresh - a list asked for from now on; @fn from the loop */
void inventory_refresh(struct inventory *inv, inventory_fn fn, void *arg);
/** inventory_watch - @fn from now on for each new list, before those who asked
 * for it; one at most */
void inventory_watch(struct inventory *inv, void (*fn)(void *arg), void *arg);
/** inventory_complete - the last list holds all that the account has */
bool inventory_complete(const struct inventory *inv);
/** inventory_order - below, at or above 0, as qsort() wants it: by room, the
 * oldest first */
int inventory_order(const struct cf_item *x, const struct cf_item *y);
/** inventory_items - sorted by room, then by creation, oldest first */
const struct cf_item *inventory_items(const struct inventory *inv, size_t *n);
/** inventory_leases - those of the last list that concern this deployment or
 * its keys */
const struct cf_lease *inventory_leases(const struct inventory *inv, size_t *n);
/** inventory_find - the input of @room: @prefer's if listed, else the oldest,
 * but never @gone's, of which a list that is old may tell; NULL: none.
 * @prefer and @gone are uids, or empty. */
const struct cf_item *inventory_find(const struct inventory *inv,
				     const char *room, const char *prefer,
				     const char *gone);
/** inventory_forget - the provider said of @uid that it is gone: the list at
 * hand is older */
void inventory_forget(struct inventory *inv, const char *uid);

#endif
