/*
 * The daemon: takes the lock or stands by, checks the chain, and begins.
 * Crash-only: whatever goes wrong with the database ends the process, and the
 * next start continues from the cursor.
 */
#include "indexer/indexer.h"

#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include "core/backoff.h"
#include "core/log.h"
#include "core/loop.h"
#include "db/locks.h"
#include "db/migrate.h"
#include "indexer/contracts.h"
#include "indexer/followed.h"
#include "indexer/report.h"
#include "indexer/start.h"
#include "indexer/sync.h"

#define STANDBY_MS 500
#define TICK_MS    100
#define STOP_MS    5000
#define WAIT_MS    250 /* for a database that is down: doubled each time */
#define WAIT_MAX   5000
#define ROOM_MS    5000    /* how often a full disk is tried */
#define DISK_FULL  "53100" /* Postgres' code, before its words */

struct indexer {
	const struct config *cfg;
	uv_loop_t loop;
	uv_signal_t term, interrupt;
	uv_timer_t timer;
	bool standing_by, leading, ready, indexes_deferred;
	bool full, probing; /* no room for what was to be committed */
	int exit_code;
	struct db *db;
	struct schema *schema, *all; /* of the config; and what was left */
	struct store store;
	struct start_chain chain;
	struct follow_tail tail;
	struct filter *filter, *all_filter;
	struct feed *feed;
	struct contracts *checking;
	struct range *ranges; /* of each endpoint */
	struct sync *sync;
	struct report *report;
};

static void stop(struct indexer *ix, int code)
{
	ix->exit_code = code;
	uv_stop(&ix->loop);
}

static void fail(void *arg, const struct err *err)
{
	struct indexer *ix = arg;

	if (ix->exit_code < 0)
		log_broken("indexer_stopped", F_STR("reason", err->msg));
	stop(ix, 1);
}

/* The supervisor starts us again: nothing a human must look at by itself. */
static void database_gone(void *arg, const struct err *err)
{
	struct indexer *ix = arg;

	if (ix->exit_code < 0)
		log_odd("database_lost", F_STR("reason", err->msg));
	stop(ix, 1);
}

/* ---- a full disk ---- */

static bool is_full(const struct err *err)
{
	return strncmp(err->msg, DISK_FULL, strlen(DISK_FULL)) == 0;
}

static void room_probed(void *arg, enum status st,
			const struct db_result *const *results, size_t n,
			const struct err *err)
{
	struct indexer *ix = arg;

	(void)results;
	(void)n;
	ix->probing = false;
	if (st == ST_TRANSIENT && is_full(err))
		return;
	log_info("database_has_room");
	stop(ix, 1); /* begins anew from what is committed */
}

/* Some megabytes, gone again with the transaction. */
static void on_full_tick(uv_timer_t *timer)
{
	struct indexer *ix = timer->data;
	struct db_batch *b;

	if (ix->probing)
		return;
	ix->probing = true;
	b = db_batch_new(ix->db);
	DB_ADD(b, "create temporary table chaincast_room on commit drop as "
		  "select i, repeat(md5(i::text), 32) as t from "
		  "generate_series(1, 4000) i");
	db_run(b, room_probed, ix);
}

/* What was under way will not end: nothing is written until the next start,
 * which comes when there is room. */
static void disk_full(struct indexer *ix, const struct err *err)
{
	ix->full = true;
	log_broken("database_full", F_STR("reason", err->msg),
		   F_STR("hint", "free room on the disk of the database; "
				 "nothing is lost, and nothing is written "
				 "until then"));
	uv_timer_start(&ix->timer, on_full_tick, ROOM_MS, ROOM_MS);
}

static void write_failed(void *arg, const struct err *err)
{
	struct indexer *ix = arg;

	if (ix->full)
		return; /* only follows from it */
	if (is_full(err) && ix->db) {
		disk_full(ix, err);
		return;
	}
	if (err->status == ST_TRANSIENT || err->status == ST_AGAIN)
		database_gone(arg, err);
	else
		fail(arg, err);
}

static void on_signal(uv_signal_t *handle, int signum)
{
	struct indexer *ix = handle->data;

	log_info("indexer_stopping", F_I64("signal", signum));
	stop(ix, 0);
}

static void on_head(void *arg, const struct head *head)
{
	struct indexer *ix = arg;

	report_head(ix->report, head);
	if (ix->sync)
		sync_head(ix->sync, head);
}

/* ---- checks against the chain ---- */

static void begin(struct indexer *ix)
{
	struct sync_opts opts = {
		.loop = &ix->loop,
		.config = ix->cfg,
		.schema = ix->schema,
		.filter = ix->filter,
		.all = ix->all,
		.all_filter = ix->all_filter,
		.feed = ix->feed,
		.store = &ix->store,
		.tail = &ix->tail,
		.ranges = ix->ranges,
		.start = ix->chain.start_block,
		.indexes_deferred = ix->indexes_deferred,
		.on_fatal = fail,
		.arg = ix,
	};
	const struct follow_block *tip = follow_tail_tip(&ix->tail);
	struct err err;

	if (start_record_chain(ix->db, ix->cfg, feed_genesis(ix->feed),
			       ix->chain.start_block, &err) != ST_OK) {
		write_failed(ix, &err);
		return;
	}
	ix->ready = true;
	log_info("indexer_started", F_U64("chain_id", ix->cfg->chain.chain_id),
		 F_U64("from", tip ? tip->number + 1 : ix->chain.start_block),
		 F_U64("term", (uint64_t)ix->store.term),
		 F_STR("endpoint", feed_label(ix->feed, feed_best(ix->feed))));
	ix->sync = sync_new(&opts);
	feed_ask_head(ix->feed);
}

static void contracts_checked(void *arg, enum status st, const struct err *err)
{
	struct indexer *ix = arg;

	contracts_free(ix->checking);
	ix->checking = NULL;
	if (st == ST_OK)
		begin(ix);
	else if (st == ST_REJECTED)
		fail(ix, err); /* else the next tick asks again */
}

static void check_contracts(struct indexer *ix)
{
	if (!ix->ready && !ix->checking && feed_best(ix->feed) != FEED_NONE)
		ix->checking = contracts_check(ix->feed, ix->schema,
					       contracts_checked, ix);
}

static void on_ready(void *arg)
{
	struct indexer *ix = arg;

	check_contracts(ix);
	if (ix->sync)
		sync_kick(ix->sync);
}

/* ---- leading ---- */

static enum status load_ranges(struct indexer *ix, struct err *err)
{
	size_t n = ix->cfg->chain.endpoint_count;

	ix->ranges = mem_array(n, sizeof(*ix->ranges));
	for (unsigned i = 0; i < n; i++) {
		uint64_t limit;
		enum status st = store_range_limit(
		    &ix->store, feed_label(ix->feed, i), &limit, err);

		if (st != ST_OK)
			return st;
		range_init(&ix->ranges[i], ix->cfg->indexer.backfill_range);
		if (limit)
			range_learnt(&ix->ranges[i], limit);
	}
	return ST_OK;
}

static enum status take_over(struct indexer *ix, struct err *err)
{
	struct feed_opts opts = {
		.loop = &ix->loop,
		.config = ix->cfg,
		.on_ready = on_ready,
		.on_head = on_head,
		.on_fatal = fail,
		.arg = ix,
	};
	bool have;
	enum status st;

	ix->leading = true;
	ix->store = (struct store){
		.db = ix->db,
		.keep_depth = ix->cfg->indexer.max_reorg_depth,
		.on_broken = write_failed,
		.arg = ix,
	};
	/* It may have stood by through an upgrade. */
	if ((st = migrate_ready(ix->db, err)) != ST_OK ||
	    (st = store_lead(&ix->store, err)) != ST_OK ||
	    (st = start_chain_check(&ix->chain, ix->db, ix->cfg, err)) !=
		ST_OK ||
	    (st = followed_sync(ix->db, ix->schema, ix->cfg,
				ix->chain.start_block, err)) != ST_OK ||
	    (st = followed_all(&ix->all, ix->db, ix->schema, err)) != ST_OK ||
	    (st = store_load_tail(&ix->store, &ix->tail, &have, err)) !=
		ST_OK ||
	    (st = store_has_deferred(&ix->store, &ix->indexes_deferred, err)) !=
		ST_OK)
		return st;
	ix->all_filter = filter_new(ix->all);
	if (ix->chain.genesis_known)
		opts.genesis = &ix->chain.genesis;
	st = feed_new(&ix->feed, &opts, err);
	return st == ST_OK ? load_ranges(ix, err) : st;
}

static void on_tick(uv_timer_t *timer)
{
	struct indexer *ix = timer->data;
	struct err err;
	enum status st;

	if (ix->leading) {
		if (ix->feed)
			check_contracts(ix);
		return;
	}
	st = db_try_lock(ix->db, LOCK_INDEXER, &err);
	if (st == ST_AGAIN) {
		if (!ix->standing_by)
			log_info("standby",
				 F_STR("reason", "another indexer leads"));
		ix->standing_by = true;
		return;
	}
	if (st == ST_OK)
		st = take_over(ix, &err);
	if (st != ST_OK)
		write_failed(ix, &err);
	else
		uv_timer_start(&ix->timer, on_tick, 0, TICK_MS);
}

/* ---- the process ---- */

static void watch(struct indexer *ix)
{
	uv_signal_init(&ix->loop, &ix->term);
	uv_signal_init(&ix->loop, &ix->interrupt);
	uv_timer_init(&ix->loop, &ix->timer);
	ix->term.data = ix->interrupt.data = ix->timer.data = ix;
	uv_signal_start(&ix->term, on_signal, SIGTERM);
	uv_signal_start(&ix->interrupt, on_signal, SIGINT);
}

static void look(void *arg, struct report_parts *out)
{
	const struct indexer *ix = arg;

	out->role = ix->leading       ? READY_LEADER
		    : ix->standing_by ? READY_STANDBY
				      : READY_STARTING;
	out->db = ix->db;
	out->store = ix->leading ? &ix->store : NULL;
	out->feed = ix->feed;
	out->verifies = ix->cfg->indexer.verify_tip;
	out->full = ix->full;
	out->backfilling = ix->sync && sync_in_history(ix->sync);
}

static void start_report(struct indexer *ix)
{
	struct report_opts opts = {
		.loop = &ix->loop,
		.cfg = ix->cfg,
		.look = look,
		.arg = ix,
	};

	ix->report = report_new(&opts);
}

/* A database that is down is waited for; one that refuses is not. */
static enum status open_database(struct indexer *ix, bool migrate,
				 struct err *err)
{
	uint32_t attempt = 0;
	enum status st;

	while ((st = start_database(&ix->db, &ix->loop, ix->cfg, migrate,
				    err)) == ST_TRANSIENT &&
	       ix->exit_code < 0) {
		if (attempt == 0)
			log_odd("waiting_for_database",
				F_STR("reason", err->msg),
				F_STR("hint", "start it or correct "
					      "database.url; asked again until "
					      "it answers"));
		loop_pause(&ix->loop, backoff_ms(attempt++, WAIT_MS, WAIT_MAX,
						 backoff_random()));
	}
	if (st == ST_OK && attempt)
		log_info("database_answers");
	return st;
}

static void lead_or_stand_by(struct indexer *ix)
{
	db_on_lost(ix->db, database_gone, ix);
	uv_timer_start(&ix->timer, on_tick, 0, STANDBY_MS);
	uv_run(&ix->loop, UV_RUN_DEFAULT);
}

static void close_all(struct indexer *ix)
{
	sync_free(ix->sync);
	free(ix->ranges);
	contracts_free(ix->checking);
	feed_free(ix->feed);
	db_close(ix->db);
	store_deinit(&ix->store);
	follow_tail_deinit(&ix->tail);
	filter_free(ix->all_filter);
	filter_free(ix->filter);
	schema_free(ix->all);
	schema_free(ix->schema);
	report_free(ix->report);
	uv_close((uv_handle_t *)&ix->term, NULL);
	uv_close((uv_handle_t *)&ix->interrupt, NULL);
	uv_close((uv_handle_t *)&ix->timer, NULL);
}

/* Leaves the process: what is still on the loop may touch it. */
static void end_now(int code)
{
	log_odd("stop_cut_short");
	_exit(code);
}

int indexer_run(const struct config *cfg, bool migrate)
{
	struct indexer ix = { .cfg = cfg, .exit_code = -1 };
	struct err err;
	enum status st;

	/* Answers and rows of a megabyte go back to the system when freed. */
	mallopt(M_MMAP_THRESHOLD, 4 * 1024 * 1024);
	mallopt(M_TRIM_THRESHOLD, 4 * 1024 * 1024);
	if (uv_loop_init(&ix.loop) != 0)
		abort();
	follow_tail_init(&ix.tail, (size_t)cfg->indexer.max_reorg_depth + 2);
	watch(&ix);
	start_report(&ix);
	st = schema_load(&ix.schema, cfg, &err);
	if (st == ST_OK)
		ix.filter = filter_new(ix.schema);
	if (st == ST_OK)
		st = open_database(&ix, migrate, &err);
	if (ix.exit_code < 0 && st == ST_OK)
		lead_or_stand_by(&ix);
	else if (ix.exit_code < 0)
		fail(&ix, &err);
	close_all(&ix);
	if (ix.exit_code < 0)
		ix.exit_code = 1;
	if (!loop_finish(&ix.loop, STOP_MS))
		end_now(ix.exit_code);
	return ix.exit_code;
}
