#ifndef CX_BRIDGE_REPORT_H
#define CX_BRIDGE_REPORT_H

#include "bridge/bridge.h"

/*
 * What the bridge tells those who watch it: /healthz, /readyz and /metrics. It
 * reads the numbers of the parts that work, and asks the database now and then
 * whether it still answers. It changes nothing.
 */
struct report;

/** report_new - listens where the config says, and logs where that is;
 * @b must outlive it */
struct report *report_new(struct bridge *b);
/** report_free - after database and endpoints were closed; accepts NULL */
void report_free(struct report *r);
DEFINE_AUTO(report, report_free)

/** report_step - a step of a room has ended, @ms after it began */
void report_step(struct report *r, const char *step, uint64_t ms);

#endif
