#ifndef CX_INDEXER_REPORT_H
#define CX_INDEXER_REPORT_H

#include <uv.h>

#include "config/config.h"
#include "indexer/feed.h"
#include "indexer/ready.h"
#include "indexer/store.h"

/*
 * What the indexer tells those who watch it: /healthz, /readyz and /metrics.
 * It reads the numbers of the parts that work, and asks the database now and
 * then whether it still answers. It changes nothing.
 */
struct report;

struct feed_view {
	uint32_t endpoints, usable, down, excluded;
	uint32_t differ; /* usable, and name another old block than the one in
			  * use */
	uint32_t behind; /* usable, and their newest block is too old */
};

/** feed_view - how many endpoints are in which state; one is behind by more
 * than @max_age_s */
void feed_view(const struct feed *f, uint64_t max_age_s, struct feed_view *out);

/* The parts as they are now; NULL: not there (yet). */
struct report_parts {
	enum ready_role role;
	struct db *db;
	const struct store *store; /* while leading */
	const struct feed *feed;
	bool backfilling;
	bool full;     /* the database has no room left */
	bool verifies; /* blocks of the tip are to be proven */
};

struct report_opts {
	uv_loop_t *loop;
	const struct config *cfg;
	void (*look)(void *arg, struct report_parts *out);
	void *arg;
};

/** report_new - listens where the config says, and logs where that is */
struct report *report_new(const struct report_opts *opts);
/** report_free - after the database was closed; accepts NULL */
void report_free(struct report *r);
DEFINE_AUTO(report, report_free)

/** report_head - a head was announced: old or repeated ones, too */
void report_head(struct report *r, const struct head *head);

#endif
