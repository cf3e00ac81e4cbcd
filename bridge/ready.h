#ifndef CX_BRIDGE_READY_H
#define CX_BRIDGE_READY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/health.h"

/*
 * Whether a bridge is ready, from what was observed: pure. Ready means that a
 * room opened or ended now is acted upon, or, for a standby, that it can take
 * over. A standby is ready: it counts for a rolling update and for an alert;
 * who must know which one leads reads "role" or chaincast_leader.
 */
enum ready_role { READY_STARTING = 1, READY_STANDBY, READY_LEADER };

/* A database that owes an answer for so long counts as gone. */
#define READY_SILENT_S 10

struct ready_facts {
	enum ready_role role;
	bool database;     /* connected */
	uint64_t silent_s; /* how long it has owed an answer; 0: it does not */
	bool needs_node;   /* starting: no endpoint answers */
	uint64_t node_silent_s; /* since an endpoint last answered the lane */
	uint64_t max_node_silent_s;
	bool indexed;      /* history is complete up to some block */
	uint64_t behind_s; /* how long a known block has not been indexed */
	uint64_t max_behind_s;
	bool lane_ready;       /* a key's nonces are known */
	bool lane_stopped;     /* no key can, and one lacks the role */
	bool lane_no_funds;    /* no key can, and one lacks money */
	bool paused;           /* an operator said so */
	bool tripped;          /* what no event explains: asks the operator */
	bool listed;           /* the provider's live inputs are known */
	uint64_t limited_s;    /* the provider must not be asked for so long */
	bool provider_refused; /* its answers are of another account */
};

/**
 * ready_bridge - the reasons for not being ready
 * @out: empty; its role is set too
 *
 * Reasons: "starting", "database", "chain_unreachable", "history_incomplete",
 * "indexer_stale", "lane_not_ready", "lane_stopped", "lane_no_funds",
 * "paused", "breaker_tripped",
 * "live_inputs_unlisted", "cloudflare_limited", "cloudflare_refused".
 */
void ready_bridge(const struct ready_facts *f, struct health_report *out);

#endif
