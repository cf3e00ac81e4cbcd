#ifndef CX_INDEXER_ROWS_H
#define CX_INDEXER_ROWS_H

#include "abi/log.h"
#include "core/arena.h"
#include "core/buf.h"
#include "db/db.h"
#include "indexer/head.h"
#include "indexer/schema.h"

/* Rows waiting to be committed: decoded logs as COPY tuples, by table. */
struct rows;

/** rows_new - @schema must outlive it */
struct rows *rows_new(const struct schema *schema);
void rows_free(struct rows *r);
DEFINE_AUTO(rows, rows_free)

/*
 * A log that does not decode goes to chain.undecodable and is reported with
 * rows_each(); one that is no event of ours is left out.
 */
/** rows_add_block - a row of chain.block, and its @n logs, all of ours */
void rows_add_block(struct rows *r, const struct head *h,
		    const struct log *logs, size_t n);

/** rows_copy - append everything as COPYs to @batch; ST_REJECTED when rows
 * took more memory than allowed */
enum status rows_copy(const struct rows *r, struct db_batch *batch,
		      struct err *err) MUST_CHECK;

/** rows_copy_late - as rows_copy(), with the blocks into chain.late_block */
enum status rows_copy_late(const struct rows *r, struct db_batch *batch,
			   struct err *err) MUST_CHECK;

/** rows_count - event rows and undecodable ones */
uint64_t rows_count(const struct rows *r);

/* What an operator's log says of each row. */
struct row_note {
	const struct schema_table *table;
	uint64_t block_number;
	struct hash32 tx_hash;
	uint32_t log_index;
	char room[40];    /* decimal; "" when the event has none */
	char reason[200]; /* "": decoded */
};

/** rows_each - notes in order of the logs */
void rows_each(const struct rows *r,
	       void (*fn)(void *arg, const struct row_note *note), void *arg);
/** rows_keep_notes - false (backfill): only of undecodable rows */
void rows_keep_notes(struct rows *r, bool keep);

#endif
