#ifndef CX_INDEXER_FOLLOWED_H
#define CX_INDEXER_FOLLOWED_H

#include "db/db.h"
#include "indexer/schema.h"

/*
 * Which events of which addresses the database has, beside those that the
 * config names: chain.event_table, chain.contract, chain.followed and
 * chain.missing. Blocking, at start.
 */

/**
 * followed_sync - make the tables that are new, note what is followed from now
 * on and what is missing therefore; log what changed
 *
 * Return: ST_REJECTED when a table was made for other columns, when its name
 * is taken, or when a start_block was raised: the error says what to do.
 */
enum status followed_sync(struct db *db, const struct schema *schema,
			  const struct config *cfg, uint64_t start_block,
			  struct err *err) MUST_CHECK;

/** followed_check - ST_REJECTED unless @schema is what the indexer follows;
 * for commands, which change nothing */
enum status followed_check(struct db *db, const struct schema *schema,
			   struct err *err) MUST_CHECK;

/**
 * followed_all - @schema and what was followed once, up to where it was left:
 * every row that the database should have where nothing is missing
 * @out: set only on ST_OK; release with schema_free(), before @schema
 */
enum status followed_all(struct schema **out, struct db *db,
			 const struct schema *schema,
			 struct err *err) MUST_CHECK;

/** followed_table - the table called @name; NULL: there is none. @c: the
 * contract that it is of */
const struct schema_table *followed_table(const struct schema *s,
					  const char *name,
					  const struct schema_contract **c);

#endif
