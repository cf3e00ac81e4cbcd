/*
 * Start-up against the database: version and chain identity. Every
 * refusal says what to do. Never asks a node.
 */
#include "indexer/start.h"

#include <inttypes.h>
#include <stdio.h>

#include "abi/hex.h"
#include "core/log.h"
#include "db/migrate.h"

static void log_migration(void *arg, const char *file)
{
	(void)arg;
	log_info("migration_applied", F_STR("file", file));
}

enum status start_database(struct db **out, uv_loop_t *loop,
			   const struct config *cfg, bool migrate,
			   struct err *err)
{
	AUTO(db) struct db *db = NULL;
	struct db_opts opts = {
		.url = cfg->database.url,
		.application_name = "chaincast-indexer",
		.connect_timeout_s = cfg->database.connect_timeout_s,
		.statement_timeout_ms = cfg->database.statement_timeout_ms,
	};
	enum status st;

	st = db_open(&db, loop, &opts, err);
	if (st != ST_OK)
		return st;
	if (migrate) {
		st = migrate_apply(db, log_migration, NULL, err);
		if (st != ST_OK)
			return st;
	}
	st = migrate_ready(db, err);
	if (st != ST_OK)
		return st;
	*out = STEAL(db);
	return ST_OK;
}

enum status start_chain_check(struct start_chain *out, struct db *db,
			      const struct config *cfg, struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	struct start_chain c = { .start_block = UINT64_MAX };
	const uint8_t *genesis;
	char id[24];
	size_t n;
	enum status st;

	for (size_t i = 0; i < cfg->contract_count; i++)
		if (cfg->contracts[i].start_block < c.start_block)
			c.start_block = cfg->contracts[i].start_block;
	st =
	    DB_QUERY(&r, db, err,
		     "select chain_id::text, genesis_hash, start_block, number "
		     "from chain.cursor");
	if (st != ST_OK)
		return st;
	if (db_rows(r) != 1)
		return err_set(err, ST_REJECTED,
			       "chain.cursor has lost its row");
	snprintf(id, sizeof(id), "%" PRIu64, cfg->chain.chain_id);
	if (!db_is_null(r, 0, "chain_id") &&
	    strcmp(id, db_text(r, 0, "chain_id")) != 0)
		return err_set(err, ST_REJECTED,
			       "the database holds chain %s, the config says "
			       "chain.chain_id %s: one database per chain",
			       db_text(r, 0, "chain_id"), id);
	if (!db_is_null(r, 0, "number") &&
	    (uint64_t)db_i64(r, 0, "start_block") < c.start_block)
		c.start_block = (uint64_t)db_i64(r, 0, "start_block");
	genesis = db_bytes(r, 0, "genesis_hash", &n);
	if (genesis && n == sizeof(c.genesis.b)) {
		memcpy(c.genesis.b, genesis, n);
		c.genesis_known = true;
	}
	*out = c;
	return ST_OK;
}

enum status start_record_chain(struct db *db, const struct config *cfg,
			       const struct hash32 *genesis,
			       uint64_t start_block, struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	char id[24];

	snprintf(id, sizeof(id), "%" PRIu64, cfg->chain.chain_id);
	return DB_QUERY(&r, db, err,
			"update chain.cursor set chain_id = $1::numeric, "
			"genesis_hash = $2, start_block = $3::bigint "
			"where number is null",
			P_TEXT(id), P_BYTES(genesis->b, 32),
			P_I64((int64_t)start_block));
}
