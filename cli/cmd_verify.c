/*
 * chaincast verify: proves stored blocks against the chain now, beside whatever
 * indexer leads, and replaces what is wrong. Does what the daemon does in the
 * background; never looks at a block that a reorg can still take away.
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <uv.h>

#include "cli/cli.h"
#include "core/log.h"
#include "core/loop.h"
#include "indexer/followed.h"
#include "indexer/verify.h"

#define READY_MS 30000 /* for an endpoint to answer */
#define STOP_MS  5000

struct run {
	uv_loop_t loop;
	uv_timer_t timer;
	struct config *cfg;
	struct db *db;
	struct schema *schema, *all;
	struct filter *filter;
	struct store store;
	struct feed *feed;
	struct verify *verify;
	bool genesis_known;
	struct hash32 genesis;
	int64_t from, to;
	struct verify_result result;
	enum status st;
	struct err err;
};

/* ---- which blocks ---- */

static enum status no_reach(const struct run *r, int64_t number, int64_t high,
			    struct err *err)
{
	return err_set(err, ST_REJECTED,
		       "--to %" PRId64 ": a reorg can still take blocks above "
		       "%" PRId64 " away (indexer.max_reorg_depth is %" PRIu32
		       ", blocks are indexed to %" PRId64 ")",
		       r->to, high, r->cfg->indexer.max_reorg_depth, number);
}

static enum status check_range(struct run *r, int64_t start, int64_t number,
			       struct err *err)
{
	int64_t high = number - (int64_t)r->cfg->indexer.max_reorg_depth;

	if (r->from < start)
		return err_set(err, ST_REJECTED,
			       "--from %" PRId64 ": history begins at block "
			       "%" PRId64,
			       r->from, start);
	if (r->to > high && high >= start)
		return no_reach(r, number, high, err);
	if (r->to < start || r->to > high)
		return err_set(err, ST_REJECTED,
			       "no block is out of reach of reorgs yet "
			       "(indexer.max_reorg_depth is %" PRIu32
			       ", blocks are indexed to %" PRId64 ")",
			       r->cfg->indexer.max_reorg_depth, number);
	if (r->from > r->to)
		return err_set(err, ST_REJECTED,
			       "--from %" PRId64 " is above --to %" PRId64,
			       r->from, r->to);
	return ST_OK;
}

static enum status get_range(struct run *r, const struct cli *cli,
			     struct err *err)
{
	AUTO(db_result) struct db_result *c = NULL;
	const uint8_t *genesis;
	int64_t number, start;
	size_t n;
	enum status st = DB_QUERY(&c, r->db, err,
				  "select number, start_block, genesis_hash "
				  "from chain.cursor");

	if (st != ST_OK)
		return st;
	if (db_rows(c) != 1 || db_is_null(c, 0, "number"))
		return err_set(err, ST_REJECTED, "nothing is indexed yet");
	number = db_i64(c, 0, "number");
	start = db_i64(c, 0, "start_block");
	genesis = db_bytes(c, 0, "genesis_hash", &n);
	if (genesis && n == sizeof(r->genesis.b)) {
		memcpy(r->genesis.b, genesis, n);
		r->genesis_known = true;
	}
	r->from = start;
	r->to = number - (int64_t)r->cfg->indexer.max_reorg_depth;
	st = cli_number(&r->from, cli, "from", 0, INT64_MAX, err);
	if (st == ST_OK)
		st = cli_number(&r->to, cli, "to", 0, INT64_MAX, err);
	if (st == ST_OK)
		st = check_range(r, start, number, err);
	return st;
}

static enum status check_missing(struct run *r, struct err *err)
{
	AUTO(db_result) struct db_result *m = NULL;
	enum status st =
	    DB_QUERY(&m, r->db, err,
		     "select table_name, from_block, to_block from "
		     "chain.missing where from_block <= $2::bigint and "
		     "to_block >= $1::bigint order by from_block limit 1",
		     P_I64(r->from), P_I64(r->to));

	if (st == ST_OK && db_rows(m))
		st = err_set(
		    err, ST_REJECTED,
		    "table chain.%s still lacks the rows of blocks %" PRId64
		    " to %" PRId64 ": let the indexer catch up first",
		    db_text(m, 0, "table_name"), db_i64(m, 0, "from_block"),
		    db_i64(m, 0, "to_block"));
	return st;
}

/* ---- the loop ---- */

static void stop(struct run *r, enum status st)
{
	r->st = st;
	uv_stop(&r->loop);
}

static void failed(void *arg, const struct err *err)
{
	struct run *r = arg;

	r->err = *err;
	stop(r, ST_REJECTED);
}

static void done(void *arg, const struct verify_result *result)
{
	struct run *r = arg;

	r->result = *result;
	stop(r, ST_OK);
}

static void on_ready(void *arg)
{
	struct run *r = arg;
	struct verify_opts opts = {
		.loop = &r->loop,
		.config = r->cfg,
		.schema = r->all,
		.filter = r->filter,
		.feed = r->feed,
		.store = &r->store,
		.once = true,
		.from = (uint64_t)r->from,
		.to = (uint64_t)r->to,
		.on_done = done,
		.arg = r,
	};

	uv_timer_stop(&r->timer);
	if (!r->verify)
		r->verify = verify_new(&opts);
}

static void on_head(void *arg, const struct head *head)
{
	(void)arg; /* the range is fixed */
	(void)head;
}

static void not_ready(uv_timer_t *timer)
{
	struct run *r = timer->data;

	err_set(&r->err, ST_TRANSIENT, "no endpoint answers");
	stop(r, ST_TRANSIENT);
}

static enum status prepare(struct run *r, const struct cli *cli,
			   struct err *err)
{
	struct feed_opts opts = {
		.loop = &r->loop,
		.on_ready = on_ready,
		.on_head = on_head,
		.on_fatal = failed,
		.arg = r,
	};
	enum status st = cli_config_for(&r->cfg, cli, CONFIG_INDEXER, err);

	if (st == ST_OK)
		st = cli_database_on(&r->db, &r->loop, r->cfg, true, err);
	if (st == ST_OK)
		st = get_range(r, cli, err);
	if (st == ST_OK)
		st = check_missing(r, err);
	if (st == ST_OK)
		st = schema_load(&r->schema, r->cfg, err);
	if (st == ST_OK)
		st = followed_check(r->db, r->schema, err);
	if (st == ST_OK)
		st = followed_all(&r->all, r->db, r->schema, err);
	if (st != ST_OK)
		return st;
	r->filter = filter_new(r->all);
	r->store = (struct store){
		.db = r->db,
		.keep_depth = r->cfg->indexer.max_reorg_depth,
		.on_broken = failed,
		.arg = r,
	};
	opts.config = r->cfg;
	opts.genesis = r->genesis_known ? &r->genesis : NULL;
	return feed_new(&r->feed, &opts, err);
}

/* ---- what came of it ---- */

static void print(const struct cli *cli, const struct run *r)
{
	const struct verify_result *v = &r->result;
	AUTO_FREE char *text = NULL;
	cJSON *o;

	if (!cli->json) {
		printf("blocks %" PRId64 " to %" PRId64 ": %" PRIu64
		       " looked at, %" PRIu64 " wrong and replaced, %" PRIu64
		       " not proven\n",
		       r->from, r->to, v->blocks, v->wrong, v->unproven);
		if (v->unverifiable)
			printf("%" PRIu64 " are unverifiable: their headers or "
			       "receipts are of a kind that cannot be "
			       "recomputed\n",
			       v->unverifiable);
		return;
	}
	o = mem_check(cJSON_CreateObject());
	cJSON_AddNumberToObject(o, "from", (double)r->from);
	cJSON_AddNumberToObject(o, "to", (double)r->to);
	cJSON_AddNumberToObject(o, "blocks", (double)v->blocks);
	cJSON_AddNumberToObject(o, "wrong", (double)v->wrong);
	cJSON_AddNumberToObject(o, "unproven", (double)v->unproven);
	cJSON_AddNumberToObject(o, "unverifiable", (double)v->unverifiable);
	text = mem_check(cJSON_PrintUnformatted(o));
	printf("%s\n", text);
	cJSON_Delete(o);
}

static void close_all(struct run *r)
{
	verify_free(r->verify);
	feed_free(r->feed);
	db_close(r->db);
	filter_free(r->filter);
	schema_free(r->all);
	schema_free(r->schema);
	uv_close((uv_handle_t *)&r->timer, NULL);
	if (!loop_finish(&r->loop, STOP_MS))
		return; /* something still looks at it; the process ends */
	config_free(r->cfg);
	free(r);
}

/* Exit 1 is for a gap that was healed, so every other failure is 2. */
static enum status run_verify(struct cli *cli, struct err *err)
{
	struct run *r = mem_zalloc(sizeof(*r));
	enum status st;

	log_init("chaincast", LOG_LVL_INFO, false);
	if (uv_loop_init(&r->loop) != 0)
		abort();
	uv_timer_init(&r->loop, &r->timer);
	r->timer.data = r;
	st = prepare(r, cli, err);
	if (st == ST_OK) {
		uv_timer_start(&r->timer, not_ready, READY_MS, 0);
		uv_run(&r->loop, UV_RUN_DEFAULT);
		st = r->st;
		*err = r->err;
	}
	if (st != ST_OK) {
		st = ST_REJECTED;
	} else {
		print(cli, r);
		if (r->result.unproven)
			st = err_set(err, ST_REJECTED,
				     "%" PRIu64 " blocks could not be proven "
				     "now and stay as they are: try again, or "
				     "add an endpoint that has their receipts",
				     r->result.unproven);
		else if (r->result.wrong)
			st = ST_AGAIN; /* exit 1; said already */
	}
	close_all(r);
	return st;
}

const struct command cmd_verify[] = {
	{ "verify", "[--from N] [--to M] -c FILE",
	  "prove indexed blocks by the chain's receipts; exit 1: gaps were "
	  "healed, 2: not all proven",
	  "from to", "", run_verify },
	{ 0 },
};
