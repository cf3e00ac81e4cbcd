/*
 * Collects what the indexer's parts know into facts and metrics. Asks the
 * database only whether it is there and, while somebody reads the metrics,
 * what has been verified. Never blocks.
 */
#include "indexer/report.h"

#include <time.h>

#include "core/log.h"
#include "core/rpc_stats.h"

#define TICK_MS   1000
#define COVER_MS  60000 /* how often coverage is added up */
#define RATE_OVER 10    /* ticks that the backfill's rate is taken over */

struct report {
	struct report_opts o;
	struct health *health;
	uv_timer_t timer;
	/* the newest head by number; what is older is no news */
	bool head_known;
	uint64_t head, head_time_s, head_since_ms;
	struct health_mark behind, unproven;
	uint64_t behind_ms, unproven_ms;
	bool at_tip; /* history is done up to @tip_from */
	uint64_t tip_from;
	/* one question to the database at a time */
	bool asking, scraped;
	uint64_t asked_ms, cover_ms;
	/* where the cursor was, a tick each */
	uint64_t was[RATE_OVER];
	size_t ticks;
	struct rpc_metrics *rpc;
	struct metric *head_number, *head_age, *cursor, *lag, *term;
	struct metric *blocks, *events, *reorgs, *rolled_back;
	struct metric *left_blocks, *rate, *left_s, *endpoints, *covered;
};

static void look(const struct report *r, struct report_parts *out)
{
	*out = (struct report_parts){ .role = READY_STARTING };
	r->o.look(r->o.arg, out);
}

static uint64_t now_ms(const struct report *r)
{
	return uv_now(r->o.loop);
}

static uint64_t head_age_s(const struct report *r)
{
	return ready_head_age_s((uint64_t)time(NULL), r->head_time_s,
				now_ms(r) - r->head_since_ms);
}

/* The last block that is done; before the first commit, that before the
 * room contract. */
static uint64_t done(const struct report *r, const struct store *s)
{
	uint64_t start = r->o.cfg->registry.start_block;

	return s->totals.any ? s->totals.cursor : start ? start - 1 : 0;
}

static uint64_t lag(const struct report *r, const struct store *s)
{
	if (!r->head_known || !s || r->head <= done(r, s))
		return 0;
	return r->head - done(r, s);
}

static void on_ready(void *arg, struct health_report *out)
{
	struct report *r = arg;
	struct report_parts p;
	struct feed_view v = { 0 };
	struct indexer_facts f = {
		.max_head_age_s = r->o.cfg->health.max_head_age_s,
		.head_known = r->head_known,
		.head_age_s = r->head_known ? head_age_s(r) : 0,
		.behind_s = r->behind_ms / 1000,
		.silent_s = r->asking ? (now_ms(r) - r->asked_ms) / 1000 : 0,
	};

	look(r, &p);
	if (p.feed)
		feed_view(p.feed, r->o.cfg->health.max_head_age_s, &v);
	f.role = p.role;
	f.database = p.db != NULL;
	f.endpoints = v.endpoints;
	f.usable = v.usable;
	f.disagree = v.excluded + v.differ;
	f.lagging = v.behind;
	f.full = p.full;
	f.catching_up = p.backfilling;
	f.verifies = p.verifies;
	f.unverified_s = r->unproven_ms / 1000;
	f.left = lag(r, p.store);
	ready_indexer(&f, out);
}

/* ---- metrics ---- */

/* Blocks a second over the last ticks; 0: too early to tell. */
static double rate(const struct report *r, uint64_t cursor)
{
	size_t n = r->ticks < RATE_OVER ? r->ticks : RATE_OVER;
	uint64_t then = r->was[(r->ticks - n) % RATE_OVER];

	return n && cursor > then
		   ? (double)(cursor - then) * 1000 / (double)(n * TICK_MS)
		   : 0;
}

static void collect_store(struct report *r, const struct store *s, bool history)
{
	uint64_t left = lag(r, s), depth = r->o.cfg->indexer.max_reorg_depth;
	double per_s = history ? rate(r, s->totals.cursor) : 0;

	METRIC_SET(r->term, s->term);
	METRIC_SET(r->blocks, s->totals.blocks);
	METRIC_SET(r->events, s->totals.events);
	METRIC_SET(r->reorgs, s->totals.reorgs);
	METRIC_SET(r->rolled_back, s->totals.rolled_back);
	if (s->totals.any)
		METRIC_SET(r->cursor, s->totals.cursor);
	if (r->head_known)
		METRIC_SET(r->lag, left);
	left = history && left > depth ? left - depth : 0;
	METRIC_SET(r->left_blocks, left);
	METRIC_SET(r->rate, per_s);
	metric_clear(r->left_s);
	if (!left || per_s > 0)
		METRIC_SET(r->left_s, left ? (double)left / per_s : 0);
}

static void on_collect(void *arg)
{
	struct report *r = arg;
	struct report_parts p;
	struct feed_view v = { 0 };

	r->scraped = true;
	rpc_metrics_collect(r->rpc);
	if (r->head_known) {
		METRIC_SET(r->head_number, r->head);
		METRIC_SET(r->head_age, head_age_s(r));
	}
	look(r, &p);
	if (p.feed) {
		feed_view(p.feed, r->o.cfg->health.max_head_age_s, &v);
		METRIC_SET(r->endpoints, v.usable, "usable");
		METRIC_SET(r->endpoints, v.down, "down");
		METRIC_SET(r->endpoints, v.excluded, "excluded");
		METRIC_SET(r->endpoints, v.differ, "differs");
		METRIC_SET(r->endpoints, v.behind, "behind");
	}
	if (p.store)
		collect_store(r, p.store, p.backfilling);
}

static struct metric *add(struct report *r, enum metric_kind kind,
			  const char *name, const char *help, const char *label)
{
	return metrics_add(health_metrics(r->health),
			   &(struct metric_opts){ .kind = kind,
						  .name = name,
						  .help = help,
						  .labels = { label },
						  .series_max = 8 });
}

#define GAUGE(name, help)                                                      \
	add(r, METRIC_GAUGE, "chaincast_indexer_" name, help, NULL)
#define COUNTER(name, help)                                                    \
	add(r, METRIC_COUNTER, "chaincast_indexer_" name "_total", help, NULL)

static void add_metrics(struct report *r)
{
	r->head_number = GAUGE("head_number", "Newest block announced.");
	r->head_age = GAUGE("head_age_seconds", "Age of the newest block.");
	r->cursor = GAUGE("cursor_number", "Newest block committed.");
	r->lag = GAUGE("lag_blocks", "Blocks announced but not committed.");
	r->term = GAUGE("term", "Grows with each change of the leader.");
	r->blocks = COUNTER("blocks", "Blocks committed.");
	r->events = COUNTER("events", "Event rows committed.");
	r->reorgs = COUNTER("reorgs", "Rollbacks to an earlier block.");
	r->rolled_back =
	    COUNTER("rolled_back_blocks", "Blocks dropped by rollbacks.");
	r->left_blocks = GAUGE("backfill_left_blocks",
			       "Blocks of history left; 0 at the tip.");
	r->rate = GAUGE("backfill_blocks_per_second",
			"Over the last ten seconds; 0 at the tip.");
	r->left_s = GAUGE("backfill_left_seconds",
			  "At this rate; absent while it is unknown.");
	r->endpoints = add(r, METRIC_GAUGE, "chaincast_indexer_endpoints",
			   "Endpoints by state.", "state");
	r->covered = add(r, METRIC_GAUGE, "chaincast_indexer_covered_blocks",
			 "Blocks by what was verified of them.", "state");
	r->rpc = rpc_metrics_new(health_metrics(r->health));
}

/* ---- the database ---- */

static void on_answer(void *arg, enum status st,
		      const struct db_result *const *results, size_t n,
		      const struct err *err)
{
	struct report *r = arg;

	(void)err;
	r->asking = false;
	if (st != ST_OK)
		return; /* a lost connection ends the daemon elsewhere */
	if (r->at_tip)
		r->unproven_ms = health_mark_age_ms(
		    &r->unproven, (uint64_t)db_i64(results[0], 0, "proven"),
		    (uint64_t)db_i64(results[0], 0, "number"), now_ms(r));
	if (n < 2)
		return;
	metric_clear(r->covered);
	for (size_t i = 0; i < db_rows(results[1]); i++)
		METRIC_SET(r->covered, db_i64(results[1], i, "blocks"),
			   db_text(results[1], i, "state"));
}

static void ask_database(struct report *r, struct db *db)
{
	struct db_batch *b = db_batch_new(db);

	r->asking = true;
	r->asked_ms = now_ms(r);
	/* History is proven at its own pace; what came since is not late. */
	DB_ADD(
	    b,
	    "select coalesce(c.number, 0) as number,"
	    " coalesce((select min(greatest(v.from_block, $1::bigint + 1)) - 1"
	    "  from chain.coverage v where v.state = 'unverified'"
	    "  and v.to_block > $1::bigint and v.from_block >= coalesce("
	    "   (select max(s.from_block) from chain.coverage s"
	    "    where s.from_block <= $1::bigint), 0)),"
	    " c.number, 0) as proven from chain.cursor c",
	    P_I64((int64_t)r->tip_from));
	if (r->scraped &&
	    (!r->cover_ms || now_ms(r) - r->cover_ms > COVER_MS)) {
		r->scraped = false;
		r->cover_ms = now_ms(r);
		DB_ADD(b, "select state,"
			  " sum(to_block - from_block + 1)::bigint as blocks"
			  " from chain.coverage group by state order by state");
	}
	db_run(b, on_answer, r);
}

static void on_tick(uv_timer_t *timer)
{
	struct report *r = timer->data;
	struct report_parts p;

	look(r, &p);
	if (p.store && r->head_known)
		r->behind_ms = health_mark_age_ms(&r->behind, done(r, p.store),
						  r->head, now_ms(r));
	if (p.store && p.store->totals.any && !r->at_tip && !p.backfilling &&
	    !lag(r, p.store)) {
		r->at_tip = true;
		r->tip_from = p.store->totals.cursor;
	}
	if (p.store && p.store->totals.any)
		r->was[r->ticks++ % RATE_OVER] = p.store->totals.cursor;
	/* A standby's own question for the lock tells as much. */
	if (p.db && p.role == READY_LEADER && !r->asking)
		ask_database(r, p.db);
}

/* ---- life ---- */

void report_head(struct report *r, const struct head *head)
{
	/* Lower but younger: a reorg to a shorter branch. Lower and older: a
	 * node that lags. */
	if (r->head_known && head->number <= r->head &&
	    head->time <= r->head_time_s)
		return;
	r->head_known = true;
	r->head = head->number;
	r->head_time_s = head->time;
	r->head_since_ms = now_ms(r);
}

static void on_listen(void *arg, uint16_t port, const struct err *err)
{
	struct report *r = arg;

	if (err)
		log_odd("health_not_listening", F_STR("reason", err->msg));
	else
		log_info("health_listening",
			 F_STR("listen", r->o.cfg->health.indexer_listen),
			 F_U64("port", port));
}

struct report *report_new(const struct report_opts *opts)
{
	struct report *r = mem_zalloc(sizeof(*r));
	struct health_opts h = {
		.loop = opts->loop,
		.listen = opts->cfg->health.indexer_listen,
		.ready = on_ready,
		.collect = on_collect,
		.on_listen = on_listen,
		.arg = r,
	};

	r->o = *opts;
	r->health = health_new(&h);
	add_metrics(r);
	uv_timer_init(opts->loop, &r->timer);
	r->timer.data = r;
	uv_timer_start(&r->timer, on_tick, TICK_MS, TICK_MS);
	return r;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void report_free(struct report *r)
{
	if (!r)
		return;
	rpc_metrics_free(r->rpc);
	health_free(r->health);
	uv_close((uv_handle_t *)&r->timer, on_closed);
}
