#ifndef CX_INDEXER_STORE_H
#define CX_INDEXER_STORE_H

#include "db/db.h"
#include "indexer/follow.h"
#include "indexer/rows.h"

/*
 * Every write of the indexer: one transaction each, begun by a check that this
 * process still leads. A kill at any point leaves the whole transaction or
 * nothing of it.
 */
struct store_totals {
	bool any;        /* @cursor and @head are known */
	uint64_t cursor; /* the last block committed */
	uint64_t head;   /* as it was told with it; 0: not yet */
	uint64_t blocks, events, reorgs, rolled_back;
};

struct store {
	struct db *db;
	int64_t term;
	uint32_t keep_depth; /* blocks without events older than this go */
	/* the write's outcome is a failure or unknown: exit, start again */
	void (*on_broken)(void *arg, const struct err *err);
	void *arg;
	struct store_totals totals, next; /* of what is committed; after the
					     write under way */
	bool writing;
	void (*done)(void *arg);
	void *done_arg;
};

#define STORE_UNKNOWN UINT64_MAX /* height that the node does not tell */

enum store_cover {
	STORE_UNVERIFIED = 1,
	STORE_ABSENT_BY_BLOOM,
};

struct store_span {
	uint64_t from, to;
	enum store_cover state;
};

struct store_append {
	uint64_t from, to;
	struct hash32 hash; /* of @to */
	uint64_t head, safe, finalized;
	const struct rows *rows;
	const struct store_span *covers; /* together from to to */
	size_t cover_count;
};

/** store_append - commit blocks with events, coverage and cursor; @done from
 * the loop after the commit. One write at a time. Failures go to on_broken. */
void store_append(struct store *s, const struct store_append *a,
		  void (*done)(void *arg), void *arg);

/** store_roll_back - drop everything above @number; @hash may be NULL when
 * @number lies before the first block of interest */
void store_roll_back(struct store *s, uint64_t number,
		     const struct hash32 *hash, void (*done)(void *arg),
		     void *arg);

/** store_lead - take the next term; blocking, at start only */
enum status store_lead(struct store *s, struct err *err) MUST_CHECK;

/** store_load_tail - the stored blocks of the live tip; *have is false before
 * the first block; blocking */
enum status store_load_tail(struct store *s, struct follow_tail *tail,
			    bool *have, struct err *err) MUST_CHECK;

#endif
