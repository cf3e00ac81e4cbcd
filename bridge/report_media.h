#ifndef CX_BRIDGE_REPORT_MEDIA_H
#define CX_BRIDGE_REPORT_MEDIA_H

#include "bridge/bridge.h"
#include "core/metrics.h"

/*
 * Metrics of what happens in rooms: restream, who is on air, recordings,
 * webhooks. A part of report.c, which asks and is asked.
 */
struct report_media;

/** report_media_new - its metrics are added to @m, which must outlive it */
struct report_media *report_media_new(struct metrics *m);
/** report_media_free - accepts NULL */
void report_media_free(struct report_media *r);

#define REPORT_MEDIA_RESULTS 2
/** report_media_query - add the statements whose rows are counted */
void report_media_query(struct db_batch *batch);
/** report_media_read - their results, REPORT_MEDIA_RESULTS of them */
void report_media_read(struct report_media *r,
		       const struct db_result *const *results);
/** report_media_collect - what the bridge knows itself; it leads */
void report_media_collect(struct report_media *r, const struct bridge *b);

#endif
