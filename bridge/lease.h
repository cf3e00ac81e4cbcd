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
 * stops the bridge with code 1, at the start and whenever it is seen later. */
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

/** lease_judge - @which: what to take, or who holds it; NULL otherwise */
enum lease_verdict lease_judge(const struct lease_view *v,
			       const struct cf_lease **which);

#endif
