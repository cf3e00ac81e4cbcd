/*
 * chaincast reindex: drops what was indexed from a block on, so that the next
 * indexer reads it again: the way out of a reorg deeper than the indexer may
 * undo by itself. Never works beside a leading indexer, and never leaves blocks
 * of a dead branch below the new ones.
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "abi/hex.h"
#include "cli/chain.h"
#include "cli/cli.h"
#include "core/json.h"
#include "db/db.h"
#include "db/locks.h"

struct reindex {
	struct db *db;
	struct chain *chain;
	const struct config *cfg;
	int64_t start, number; /* history; both are indexed */
	struct hash32 tip;     /* stored hash of @number */
	int64_t from;
	bool has_hash;
	struct hash32 hash; /* of from - 1, on the node's chain */
};

/* ---- nobody else may lead ---- */

static enum status say_who(struct db *db, struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	enum status st = DB_QUERY(
	    &r, db, err,
	    "select a.pid, coalesce(host(a.client_addr), 'this host, by unix "
	    "socket') as host, coalesce(nullif(a.application_name, ''), "
	    "'unnamed') as name, to_char(a.backend_start at time zone 'UTC', "
	    "'YYYY-MM-DD HH24:MI:SS') as since "
	    "from pg_locks l join pg_stat_activity a using (pid) "
	    "where l.locktype = 'advisory' and l.granted and l.objsubid = 1 "
	    "and l.database = (select oid from pg_database where datname = "
	    "current_database()) and (l.classid::bigint << 32 | "
	    "l.objid::bigint) = $1::bigint",
	    P_I64(LOCK_INDEXER));

	if (st != ST_OK)
		return st;
	if (!db_rows(r))
		return err_set(err, ST_AGAIN,
			       "an indexer led a moment ago: run it again");
	return err_set(err, ST_AGAIN,
		       "an indexer leads: %s, Postgres session %" PRId64
		       ", from %s, since %s UTC: stop it and every standby, "
		       "then run this again",
		       db_text(r, 0, "name"), db_i64(r, 0, "pid"),
		       db_text(r, 0, "host"), db_text(r, 0, "since"));
}

/* ---- where the node's chain and ours part ---- */

/* The node's hash of block @number; @have: it has one. */
static enum status node_hash(struct hash32 *out, bool *have, struct chain *c,
			     int64_t number, struct err *err)
{
	char hex[HEX_QUANTITY_SIZE], params[HEX_QUANTITY_SIZE + 16];
	AUTO_JSON cJSON *block = NULL;
	const char *hash = NULL;
	enum status st;

	snprintf(params, sizeof(params), "[\"%s\",false]",
		 hex_put_quantity_u64(hex, (uint64_t)number));
	st = chain_rpc(&block, c, "eth_getBlockByNumber", params, err);
	*have = st == ST_OK && cJSON_IsObject(block);
	if (!*have)
		return st;
	st = json_str(&hash, block, "hash", err);
	if (st == ST_OK)
		st = hex_decode_hash(out, hash, "block hash", err);
	return st;
}

static enum status agrees(bool *out, struct reindex *x, int64_t number,
			  const struct hash32 *stored, struct err *err)
{
	struct hash32 hash;
	bool have = false;
	enum status st = node_hash(&hash, &have, x->chain, number, err);

	*out = st == ST_OK && have && hash32_eq(&hash, stored);
	return st;
}

/* The highest stored block above @low, at most @high; @number -1: none. */
static enum status stored_below(int64_t *number, struct hash32 *hash,
				struct db *db, int64_t low, int64_t high,
				struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	const uint8_t *p;
	size_t n = 0;
	enum status st = DB_QUERY(&r, db, err,
				  "select number, hash from chain.block where "
				  "number > $1::bigint and number <= "
				  "$2::bigint order by number desc limit 1",
				  P_I64(low), P_I64(high));

	if (st != ST_OK)
		return st;
	*number = -1;
	if (!db_rows(r))
		return ST_OK;
	p = db_bytes(r, 0, "hash", &n);
	if (n != sizeof(hash->b))
		return err_set(err, ST_REJECTED,
			       "chain.block has a hash of %zu bytes", n);
	memcpy(hash->b, p, n);
	*number = db_i64(r, 0, "number");
	return ST_OK;
}

/* Bisects the stored blocks: @fork is the first block that may differ. The
 * stored tip does. */
static enum status find_fork(int64_t *fork, struct reindex *x, struct err *err)
{
	int64_t same = x->start - 1; /* all stored up to here agree */
	int64_t high = x->number;    /* stored, and differs */

	*fork = x->start;
	while (high - same > 1) {
		int64_t mid = same + (high - same) / 2, number = 0;
		struct hash32 hash;
		bool yes = false;
		enum status st =
		    stored_below(&number, &hash, x->db, same, mid, err);

		if (st == ST_OK && number >= 0)
			st = agrees(&yes, x, number, &hash, err);
		if (st != ST_OK)
			return st;
		if (number >= 0 && !yes) {
			high = number;
			continue;
		}
		if (yes)
			*fork = number + 1;
		same = mid;
	}
	return ST_OK;
}

/* Sets from, and refuses one that would keep blocks of a dead branch. */
static enum status choose(struct reindex *x, bool by_fork, bool *nothing,
			  struct err *err)
{
	int64_t fork = 0;
	bool same = false;
	enum status st = agrees(&same, x, x->number, &x->tip, err);

	*nothing = st == ST_OK && same && by_fork;
	if (st != ST_OK || same)
		return st;
	st = find_fork(&fork, x, err);
	if (st != ST_OK)
		return st;
	if (by_fork)
		x->from = fork;
	if (x->from > fork)
		return err_set(err, ST_REJECTED,
			       "stored blocks differ from the node's chain "
			       "from block %" PRId64
			       " on: run chaincast reindex --from %" PRId64,
			       fork, fork);
	return ST_OK;
}

static enum status get_hash(struct reindex *x, struct err *err)
{
	enum status st;

	if (x->from <= x->start)
		return ST_OK;
	st = node_hash(&x->hash, &x->has_hash, x->chain, x->from - 1, err);
	if (st == ST_OK && !x->has_hash)
		return err_set(err, ST_TRANSIENT,
			       "the node has no block %" PRId64 " yet",
			       x->from - 1);
	return st;
}

/* ---- doing it ---- */

static enum status load(struct reindex *x, struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	const uint8_t *p;
	size_t n = 0;
	enum status st;

	st = DB_QUERY(&r, x->db, err,
		      "select number, start_block, hash from chain.cursor");
	if (st != ST_OK)
		return st;
	if (db_rows(r) != 1 || db_is_null(r, 0, "number"))
		return err_set(err, ST_REJECTED, "nothing is indexed yet");
	x->number = db_i64(r, 0, "number");
	x->start = db_i64(r, 0, "start_block");
	p = db_bytes(r, 0, "hash", &n);
	if (n != sizeof(x->tip.b))
		return err_set(err, ST_REJECTED,
			       "chain.cursor has a hash of %zu bytes", n);
	memcpy(x->tip.b, p, n);
	return ST_OK;
}

static void print_json(const struct reindex *x, const struct db_result *rows)
{
	cJSON *all = cJSON_CreateObject(), *dropped;
	char hex[HEX_HASH_SIZE];
	AUTO_FREE char *text = NULL;

	cJSON_AddNumberToObject(all, "from", (double)x->from);
	cJSON_AddNumberToObject(all, "to", (double)x->number);
	dropped = cJSON_AddObjectToObject(all, "dropped");
	for (size_t i = 0; rows && i < db_rows(rows); i++)
		cJSON_AddNumberToObject(dropped, db_text(rows, i, "table_name"),
					(double)db_i64(rows, i, "row_count"));
	if (x->has_hash) {
		cJSON_AddNumberToObject(all, "cursor", (double)x->from - 1);
		cJSON_AddStringToObject(all, "hash", hex_hash(hex, &x->hash));
	} else {
		cJSON_AddNullToObject(all, "cursor");
	}
	text = mem_check(cJSON_PrintUnformatted(all));
	printf("%s\n", text);
	cJSON_Delete(all);
}

static void print_text(const struct reindex *x, const struct db_result *rows)
{
	printf("dropped blocks %" PRId64 " to %" PRId64 "\n", x->from,
	       x->number);
	for (size_t i = 0; i < db_rows(rows); i++)
		printf("  %s: %" PRId64 " rows\n",
		       db_text(rows, i, "table_name"),
		       db_i64(rows, i, "row_count"));
	printf("next: start chaincast-indexer; it reads from block %" PRId64
	       " on\n",
	       x->from);
}

static enum status drop(struct reindex *x, const struct cli *cli,
			struct err *err)
{
	AUTO(db_result) struct db_result *rows = NULL;
	enum status st = DB_QUERY(
	    &rows, x->db, err, "select * from chain.reindex($1::bigint, $2)",
	    P_I64(x->from), x->has_hash ? P_BYTES(x->hash.b, 32) : P_NULL());

	if (st != ST_OK)
		return st;
	if (cli->json)
		print_json(x, rows);
	else
		print_text(x, rows);
	return ST_OK;
}

static enum status prepare(struct reindex *x, struct err *err)
{
	enum status st = cli_database(&x->db, x->cfg, false, err);

	if (st == ST_OK)
		st = db_try_lock(x->db, LOCK_INDEXER, err);
	if (st == ST_AGAIN)
		return say_who(x->db, err);
	if (st == ST_OK)
		st = load(x, err);
	if (st == ST_OK && x->from > x->number)
		return err_set(err, ST_REJECTED,
			       "--from %" PRId64
			       ": blocks are indexed to %" PRId64 " only",
			       x->from, x->number);
	if (st == ST_OK && x->from < x->start)
		x->from = x->start;
	return st;
}

static enum status work(struct reindex *x, const struct cli *cli, bool by_fork,
			struct err *err)
{
	bool nothing = false;
	enum status st = prepare(x, err);

	/* From where history begins no node is needed. */
	if (st == ST_OK && (by_fork || x->from > x->start)) {
		st = chain_open(&x->chain, x->cfg, err);
		if (st == ST_OK)
			st = choose(x, by_fork, &nothing, err);
		if (st == ST_OK && !nothing)
			st = get_hash(x, err);
	}
	if (st != ST_OK)
		return st;
	if (!nothing)
		return drop(x, cli, err);
	if (cli->json)
		printf("{\"from\":null,\"to\":%" PRId64
		       ",\"dropped\":{},\"cursor\":%" PRId64 "}\n",
		       x->number, x->number);
	else
		printf("nothing to drop: the stored chain is the node's up to "
		       "block %" PRId64 "\n",
		       x->number);
	return ST_OK;
}

static enum status run_reindex(struct cli *cli, struct err *err)
{
	AUTO(config) struct config *c = NULL;
	struct reindex x = { 0 };
	const char *from = NULL;
	bool by_fork = false;
	enum status st = cli_need(&from, cli, "from", err);

	if (st == ST_OK) {
		by_fork = strcmp(from, "fork") == 0;
		if (!by_fork)
			st =
			    cli_number(&x.from, cli, "from", 0, INT64_MAX, err);
	}
	if (st == ST_OK)
		st = cli_config(&c, cli, err);
	if (st != ST_OK)
		return st;
	x.cfg = c;
	st = work(&x, cli, by_fork, err);
	chain_close(x.chain);
	db_close(x.db); /* and with it the lock */
	return st;
}

const struct command cmd_reindex[] = {
	{ "reindex", "--from N|fork -c FILE",
	  "drop what was indexed from block N on, or from where the node's "
	  "chain differs; the indexer reads it again",
	  "from", NULL, run_reindex },
	{ 0 },
};
