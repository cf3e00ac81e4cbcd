#ifndef CX_BRIDGE_REPORT_LANES_H
#define CX_BRIDGE_REPORT_LANES_H

#include "bridge/bridge.h"
#include "bridge/ready.h"
#include "core/metrics.h"

/* What is told of the signing keys' lanes: metrics by the key's address, and
 * an alert for each whose balance is low. */
struct report_lanes;

/** report_lanes_new - adds its metrics to @m */
struct report_lanes *report_lanes_new(struct bridge *b, struct metrics *m);
void report_lanes_free(struct report_lanes *r);

/** report_lanes_collect - set the metrics; only while b->lanes is there, as the
 * two below */
void report_lanes_collect(struct report_lanes *r);
/** report_lanes_balances - tell when a balance becomes low, or is not any more;
 * cheap */
void report_lanes_balances(struct report_lanes *r);
/** report_lanes_facts - one lane that can write is enough
 * @since_ms: what counts as a node's last answer while there was none */
void report_lanes_facts(const struct bridge *b, uint64_t since_ms,
			struct ready_facts *f);

#endif
