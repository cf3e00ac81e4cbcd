#ifndef CX_DB_MIGRATE_H
#define CX_DB_MIGRATE_H

#include "db/db.h"

/*
 * The numbered SQL files of migrations/, embedded in the binary. Each runs in
 * a transaction of its own and is recorded with its checksum in
 * public.chaincast_migration.
 */

struct migrate_state {
	int64_t have;   /* newest number applied; 0: empty database */
	int64_t newest; /* newest number in this binary */
};

/** migrate_check - ST_REJECTED: an applied file was edited since (names it),
 * a file is
 * missing below the newest applied one, or the database is newer than this
 * binary. Changes nothing. */
enum status migrate_check(struct migrate_state *out, struct db *db,
			  struct err *err) MUST_CHECK;
/** migrate_ready - the schema is just this binary's: what a daemon makes sure
 * of when it starts, and again when it takes over after it stood by.
 * ST_REJECTED as migrate_check(), and when a file is missing */
enum status migrate_ready(struct db *db, struct err *err) MUST_CHECK;
/** migrate_apply - apply what is missing, under an advisory lock; @each is
 * called before each file (may be NULL) */
enum status migrate_apply(struct db *db,
			  void (*each)(void *arg, const char *file), void *arg,
			  struct err *err) MUST_CHECK;

#endif
