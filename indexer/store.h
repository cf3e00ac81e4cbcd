#ifndef CX_INDEXER_STORE_H
#define CX_INDEXER_STORE_H

#include "db/db.h"
#include "indexer/cover.h"
#include "indexer/follow.h"
#include "indexer/rows.h"

/*
 * Every write of the indexer: one transaction each, begun by a check that this
 * process still leads. A kill at any point leaves the whole transaction or
 * nothing of it.
 */
struct write;
struct store_totals {
	bool any;        /* @cursor and @head are known */
	uint64_t cursor; /* the last block committed */
	uint64_t head;   /* as it was told with it; 0: not yet */
	uint64_t blocks, events, reorgs, rolled_back;
};

struct store {
	struct db *db;
	int64_t term;        /* 0: a command beside the leader */
	uint32_t keep_depth; /* blocks without events older than this go */
	/* the write's outcome is a failure or unknown: exit, start again */
	void (*on_broken)(void *arg, const struct err *err);
	void *arg;
	struct store_totals totals; /* of what is committed */
	struct write *writes;       /* under way */
};

/** store_deinit - forget the writes under way, after the database was closed
 * and will not tell of them */
void store_deinit(struct store *s);

#define STORE_UNKNOWN UINT64_MAX /* height that the node does not tell */

struct store_append {
	uint64_t from, to;
	struct hash32 hash; /* of @to */
	uint64_t head, safe, finalized;
	const struct rows *rows;
	struct cover_span *covers; /* together from @from to @to; ours */
	size_t cover_count;
	const char *endpoint; /* who told what is not verified */
	uint64_t range_limit; /* learnt of that endpoint; 0: nothing new */
	bool history; /* may be lost with the server: it is fetched again */
};

/** store_append_cover - append to @a->covers, merged where states agree;
 * freed by store_append() */
void store_append_cover(struct store_append *a, const struct cover_span *c);

/** store_append - commit blocks with events, coverage and cursor; @done from
 * the loop after the commit. Writes commit in the order made. Failures go to
 * on_broken. */
void store_append(struct store *s, struct store_append *a,
		  void (*done)(void *arg), void *arg);

/** store_tags - which blocks are safe and finalized now; STORE_UNKNOWN: the
 * node does not tell */
void store_tags(struct store *s, uint64_t safe, uint64_t finalized);

/** store_begin - a transaction of the leader; for a command (term 0) one that
 * waits for the leader's and fails unless the cursor is at @reaches or above */
struct db_batch *store_begin(struct store *s, uint64_t reaches);
/** store_commit - as store_append(), for what store_begin() began */
void store_commit(struct store *s, struct db_batch *b, void (*done)(void *arg),
		  void *arg);

/** store_add_cover - add to @b what is known of a range of blocks */
void store_add_cover(struct db_batch *b, const struct cover_span *c,
		     const char *endpoint);

/** store_roll_back - drop everything above @number; @hash may be NULL when
 * @number lies before the first block of interest */
void store_roll_back(struct store *s, uint64_t number,
		     const struct hash32 *hash, void (*done)(void *arg),
		     void *arg);

/** store_defer_indexes - drop what slows the first history down */
void store_defer_indexes(struct store *s, void (*done)(void *arg), void *arg);
/** store_build_indexes - make it, however long it takes */
void store_build_indexes(struct store *s, void (*done)(void *arg), void *arg);
/** store_has_deferred - whether indexes are still to be made; blocking */
enum status store_has_deferred(struct store *s, bool *out,
			       struct err *err) MUST_CHECK;

/** store_range_limit - what was learnt of the endpoint @label earlier; 0:
 * nothing; blocking */
enum status store_range_limit(struct store *s, const char *label, uint64_t *out,
			      struct err *err) MUST_CHECK;

/** store_lead - take the next term; blocking, at start only */
enum status store_lead(struct store *s, struct err *err) MUST_CHECK;

/** store_load_tail - the stored blocks of the live tip; *have is false before
 * the first block; blocking */
enum status store_load_tail(struct store *s, struct follow_tail *tail,
			    bool *have, struct err *err) MUST_CHECK;

#endif
