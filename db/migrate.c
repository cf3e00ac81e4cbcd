/*
 * Applies the embedded SQL files in order, each together with its record in
 * one transaction, so that a crash leaves either both or neither. Never
 * changes a file that stands recorded: an edited one is refused by name.
 */
#include "db/migrate.h"

#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>

#include "db/embedded.h"
#include "db/internal.h"

#define LOCK_KEY 0x63686169634d4947 /* "chaicMIG" */

static int64_t file_number(const struct migration_file *f)
{
	return strtoll(f->name, NULL, 10);
}

static void checksum(char hex[65], const struct migration_file *f)
{
	uint8_t sum[SHA256_DIGEST_LENGTH];

	SHA256(f->text, f->len, sum);
	for (size_t i = 0; i < sizeof(sum); i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
}

static const struct migration_file *find_file(int64_t number)
{
	for (size_t i = 0; i < migration_file_count; i++) {
		if (file_number(&migration_files[i]) == number)
			return &migration_files[i];
	}
	return NULL;
}

static int64_t newest_file(void)
{
	if (!migration_file_count)
		return 0;
	return file_number(&migration_files[migration_file_count - 1]);
}

static enum status check_row(const struct db_result *r, size_t row,
			     struct err *err)
{
	int64_t number = db_i64(r, row, "number");
	const char *name = db_text(r, row, "name");
	const struct migration_file *f = find_file(number);
	char hex[65];

	if (number > newest_file())
		return err_set(err, ST_REJECTED,
			       "the database schema is newer (%s) than this "
			       "binary (%" PRId64 "): use the newer chaincast",
			       name, newest_file());
	if (!f)
		return err_set(err, ST_REJECTED,
			       "migration %s was applied but is not in this "
			       "binary",
			       name);
	checksum(hex, f);
	if (strcmp(hex, db_text(r, row, "checksum")) != 0)
		return err_set(err, ST_REJECTED,
			       "migration %s was edited after it was applied: "
			       "restore it and add a new file instead",
			       f->name);
	return ST_OK;
}

/* A file below the newest applied one that has no record came too late: it
 * was written against a schema that is gone. */
static enum status check_gaps(const struct db_result *r, int64_t have,
			      struct err *err)
{
	for (size_t i = 0; i < migration_file_count; i++) {
		const struct migration_file *f = &migration_files[i];
		bool there = false;

		for (size_t row = 0; row < db_rows(r); row++)
			there |= db_i64(r, row, "number") == file_number(f);
		if (!there && file_number(f) < have)
			return err_set(err, ST_REJECTED,
				       "migration %s was never applied, but "
				       "%" PRId64
				       " was: give it a number above "
				       "that",
				       f->name, have);
	}
	return ST_OK;
}

/* Reads and checks the records; @have is the newest, without a gap below. */
static enum status read_state(struct migrate_state *out, struct db *db,
			      struct err *err)
{
	AUTO(db_result) struct db_result *exists = NULL;
	AUTO(db_result) struct db_result *r = NULL;
	struct migrate_state s = { .newest = newest_file() };
	enum status st;

	st = DB_QUERY(&exists, db, err,
		      "SELECT to_regclass('public.chaincast_migration') "
		      "IS NOT NULL AS there");
	if (st != ST_OK)
		return st;
	if (db_bool(exists, 0, "there")) {
		st = DB_QUERY(&r, db, err,
			      "SELECT number, name, checksum FROM "
			      "public.chaincast_migration ORDER BY number");
		if (st != ST_OK)
			return st;
		for (size_t i = 0; i < db_rows(r); i++) {
			st = check_row(r, i, err);
			if (st != ST_OK)
				return st;
			s.have = db_i64(r, i, "number");
		}
		st = check_gaps(r, s.have, err);
		if (st != ST_OK)
			return st;
	}
	*out = s;
	return ST_OK;
}

enum status migrate_check(struct migrate_state *out, struct db *db,
			  struct err *err)
{
	return read_state(out, db, err);
}

enum status migrate_ready(struct db *db, struct err *err)
{
	struct migrate_state s;
	enum status st = migrate_check(&s, db, err);

	if (st == ST_OK && s.have < s.newest)
		return err_set(err, ST_REJECTED,
			       "the database's schema is version %" PRId64
			       ", this program needs %" PRId64
			       ": run chaincast migrate",
			       s.have, s.newest);
	return st;
}

static enum status apply_file(struct db *db, const struct migration_file *f,
			      struct err *err)
{
	AUTO(db_batch) struct db_batch *b = db_batch_new(db);
	struct err why = { 0 };
	enum status st;
	char hex[65];

	checksum(hex, f);
	DB_ADD(b,
	       "INSERT INTO public.chaincast_migration "
	       "(number, name, checksum) VALUES ($1::bigint, $2, $3)",
	       P_I64(file_number(f)), P_TEXT(f->name), P_TEXT(hex));
	db_batch_script(b, (const char *)f->text);
	st = db_wait(b, &why);
	if (st != ST_OK)
		return err_set(err, st, "migration %s: %s", f->name, why.msg);
	return ST_OK;
}

static enum status apply_missing(struct db *db,
				 void (*each)(void *arg, const char *file),
				 void *arg, struct err *err)
{
	struct migrate_state s;
	enum status st;

	st = db_exec(db,
		     "CREATE TABLE IF NOT EXISTS public.chaincast_migration ("
		     "number bigint PRIMARY KEY, name text NOT NULL, "
		     "checksum text NOT NULL, "
		     "applied_at timestamptz NOT NULL DEFAULT now())",
		     err);
	if (st == ST_OK)
		st = read_state(&s, db, err);
	for (size_t i = 0; st == ST_OK && i < migration_file_count; i++) {
		const struct migration_file *f = &migration_files[i];

		if (file_number(f) <= s.have)
			continue;
		if (each)
			each(arg, f->name);
		st = apply_file(db, f, err);
	}
	return st;
}

enum status migrate_apply(struct db *db,
			  void (*each)(void *arg, const char *file), void *arg,
			  struct err *err)
{
	enum status st, unlock;
	struct err *why;

	st = DB_QUERY(NULL, db, err, "SELECT pg_advisory_lock($1::bigint)",
		      P_I64(LOCK_KEY));
	if (st != ST_OK)
		return st;
	st = apply_missing(db, each, arg, err);
	/* On failure the first error is the one to tell. */
	why = st == ST_OK ? err : NULL;
	unlock =
	    DB_QUERY(NULL, db, why, "SELECT pg_advisory_unlock($1::bigint)",
		     P_I64(LOCK_KEY));
	return st == ST_OK ? unlock : st;
}
