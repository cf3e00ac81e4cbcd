#ifndef CX_BRIDGE_LEASE_H
#define CX_BRIDGE_LEASE_H

#include "bridge/bridge.h"

/*
 * Which database works for a deployment. Two bridges with one database take
 * turns by its advisory lock; two with a database each know nothing of one
 * another, but share the provider's account: there a live input that nobody
 * broadcasts to names the database and counts up while its bridge lives. No
 * clocks are compared: a count that stands still between two lists is nobody's.
 */
struct lease;

struct lease *lease_new(struct bridge *b);
void lease_free(struct lease *l);
DEFINE_AUTO(lease, lease_free)

/** lease_take - after a list of live inputs is there. Calls @held once the
 * lease is ours, at once where the config has none. Another's that is alive
 * stops the bridge with code 1; one that is seen later only where it is older,
 * or where it counts in ours. */
void lease_take(struct lease *l, void (*held)(struct bridge *b));

/* ---- the decision, pure ---- */

enum lease_verdict {
	LEASE_MAKE = 1, /* there is none */
	LEASE_TAKE,     /* ours, or nobody's any more */
	LEASE_WAIT,     /* another's: see whether it counts on */
	LEASE_HELD,     /* it does */
};

struct lease_view {
	const char *deployment, *signer, *holder; /* ours; see cf_lease */
	const struct cf_lease *now, *before;      /* two lists, a while apart */
	size_t now_count, before_count;
	bool waited; /* @before is there */
};

/** lease_judge - @which: what to take, or who holds it; NULL otherwise. Both
 * lists may be old, so that lease_moved() is still to be asked of others' */
enum lease_verdict lease_judge(const struct lease_view *v,
			       const struct cf_lease **which);
/** lease_of_others - it concerns us and another database wrote it */
bool lease_of_others(const struct lease_view *v, const struct cf_lease *l);
/** lease_moved - it counted, or went to another, between two readings */
bool lease_moved(const struct cf_lease *was, const struct cf_lease *is);

/** lease_elder - while @own is held: one that counts on and is older, so that
 * it stays and we stop; NULL: none. @v->before: see lease_remember() */
const struct cf_lease *lease_elder(const struct lease_view *v,
				   const struct cf_lease *own);
/** lease_is_eldest - the list shows @own, and none that is older */
bool lease_is_eldest(const struct lease_view *v, const struct cf_lease *own);
/** lease_remember - of @v->now all but @own, each as it was when it was first
 * listed: lists may follow one another faster than beats
 * Return: how many; @n: of those before */
size_t lease_remember(struct cf_lease before[static CF_LEASES_MAX], size_t n,
		      const struct lease_view *v, const struct cf_lease *own);

/** lease_as_written - what is @read is what we wrote last, or, where that is
 * not seen yet, the one before. Else another counts in it: with the same
 * holder, one with a copy of our database */
bool lease_as_written(const struct cf_lease *own, const struct cf_lease *read);

#endif
