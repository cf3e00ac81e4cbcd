/*
 * Collects what the bridge's parts know into facts and metrics. Asks the
 * database whether it is there and how far the indexer is; while somebody
 * reads the metrics, also how many rooms are in which state. Never blocks; no
 * room, host or title is a label.
 */
#include "bridge/report.h"

#include <stdio.h>

#include "bridge/ready.h"
#include "bridge/report_lanes.h"
#include "bridge/report_media.h"
#include "core/log.h"
#include "core/rpc_stats.h"

#define TICK_MS       1000
#define COUNT_MS      15000 /* how often rows are counted */
/* The lane looks every ten seconds when it has nothing to do. */
#define NODE_SILENT_S 30

struct report {
	struct bridge *b;
	struct health *health;
	uv_timer_t timer;
	struct health_mark behind;
	uint64_t behind_ms, leads_since_ms;
	bool indexed;
	uint64_t indexed_number;
	bool asking, scraped; /* one question to the database at a time */
	uint64_t asked_ms, counted_ms;
	struct report_lanes *lanes;
	struct rpc_metrics *rpc;
	struct report_media *media;
	struct metric *rooms, *outbox, *jobs, *steps;
	struct metric *calls, *tokens, *queued, *limited;
	struct metric *orphans_found, *orphans_deleted;
	struct metric *refused, *tripped, *paused;
	struct metric *head, *indexed_lag;
};

static uint64_t now_ms(const struct report *r)
{
	return uv_now(r->b->loop);
}

static enum ready_role role(const struct bridge *b)
{
	return b->lanes         ? READY_LEADER
	       : b->standing_by ? READY_STANDBY
				: READY_STARTING;
}

static void on_ready(void *arg, struct health_report *out)
{
	const struct report *r = arg;
	const struct bridge *b = r->b;
	struct cf_view cf = { 0 };
	struct ready_facts f = {
		.role = role(b),
		.database = b->db != NULL,
		.silent_s = r->asking ? (now_ms(r) - r->asked_ms) / 1000 : 0,
		.needs_node = b->waits_for == NEED_NODE,
		.max_node_silent_s = NODE_SILENT_S,
		.indexed = r->indexed,
		.behind_s = r->behind_ms / 1000,
		.max_behind_s = b->cfg->health.max_head_age_s,
		.listed = b->listed,
		.paused = b->paused,
		.tripped = b->breaker.tripped,
		.provider_refused = b->refused,
	};

	if (f.role == READY_LEADER) {
		report_lanes_facts(b, r->leads_since_ms, &f);
		cloudflare_view(b->cf, &cf);
		f.limited_s = (cf.limited_ms + 999) / 1000;
	}
	ready_bridge(&f, out);
}

/* ---- metrics ---- */

static void collect_head(struct report *r)
{
	uint64_t head = lanes_node_head(r->b->lanes);

	if (!head)
		return; /* no node has been asked yet */
	METRIC_SET(r->head, head);
	if (r->indexed)
		METRIC_SET(r->indexed_lag, head > r->indexed_number
					       ? head - r->indexed_number
					       : 0);
}

static void collect_provider(struct report *r)
{
	struct cf_view v = { 0 };

	cloudflare_view(r->b->cf, &v);
	METRIC_SET(r->tokens, v.tokens);
	METRIC_SET(r->queued, v.queued);
	METRIC_SET(r->limited, (double)v.limited_ms / 1000);
	for (size_t i = 0; i < v.count; i++) {
		char code[16] = "none";

		if (v.counts[i].http)
			(void)snprintf(code, sizeof(code), "%d",
				       v.counts[i].http);
		METRIC_SET(r->calls, v.counts[i].n, cf_op_name(v.counts[i].op),
			   code);
	}
}

static void on_collect(void *arg)
{
	struct report *r = arg;
	const struct bridge *b = r->b;

	r->scraped = true;
	rpc_metrics_collect(r->rpc);
	if (role(b) != READY_LEADER)
		return;
	METRIC_SET(r->jobs, b->job_count, "work");
	METRIC_SET(r->jobs, b->stop_job_count, "stop");
	METRIC_SET(r->orphans_found, b->orphans_found);
	METRIC_SET(r->orphans_deleted, b->orphans_deleted);
	METRIC_SET(r->refused, b->rooms_refused);
	METRIC_SET(r->tripped, b->breaker.tripped);
	METRIC_SET(r->paused, b->paused);
	METRIC_SET(r->jobs, b->output_job_count, "output");
	report_lanes_collect(r->lanes);
	collect_head(r);
	collect_provider(r);
	report_media_collect(r->media, b);
}

static struct metric *add(struct report *r, enum metric_kind kind,
			  const char *name, const char *help, const char *label)
{
	return metrics_add(health_metrics(r->health),
			   &(struct metric_opts){ .kind = kind,
						  .name = name,
						  .help = help,
						  .labels = { label },
						  .series_max = 16 });
}

#define GAUGE(name, help)                                                      \
	add(r, METRIC_GAUGE, "chaincast_bridge_" name, help, NULL)
#define GAUGE_BY(name, label, help)                                            \
	add(r, METRIC_GAUGE, "chaincast_bridge_" name, help, label)
#define COUNTER(name, help)                                                    \
	add(r, METRIC_COUNTER, "chaincast_bridge_" name "_total", help, NULL)

static void add_rooms(struct report *r)
{
	static const double bounds[] = { 0.01, 0.05, 0.1, 0.25, 0.5, 1,
					 2.5,  5,    10,  30,   120, 600 };
	struct metrics *m = health_metrics(r->health);

	r->rooms = GAUGE_BY("rooms", "state",
			    "Rooms by the state of their live input.");
	r->outbox = GAUGE_BY("outbox", "state",
			     "Effects on their way to the contract.");
	r->jobs = GAUGE_BY("steps_running", "kind",
			   "Rooms that are being worked on.");
	r->steps = metrics_add(
	    m, &(struct metric_opts){
		   .kind = METRIC_HISTOGRAM,
		   .name = "chaincast_bridge_reconcile_seconds",
		   .help = "From a step's decision to its end, by step.",
		   .labels = { "step" },
		   .bounds = bounds,
		   .bound_count = ARRAY_SIZE(bounds),
		   .series_max = 32 });
	r->calls = metrics_add(
	    m, &(struct metric_opts){
		   .kind = METRIC_COUNTER,
		   .name = "chaincast_bridge_cloudflare_calls_total",
		   .help = "Calls by operation and HTTP status; none: no "
			   "answer.",
		   .labels = { "op", "code" } });
	r->tokens =
	    GAUGE("cloudflare_quota_left", "Calls that may be made at once.");
	r->queued = GAUGE("cloudflare_queued", "Calls that wait their turn.");
	r->limited = GAUGE("cloudflare_limited_seconds",
			   "How long no call may be made; 0: not limited.");
	r->orphans_found =
	    COUNTER("orphans_found", "Live inputs that no room has chosen.");
	r->orphans_deleted = COUNTER("orphans_deleted", "Of these, deleted.");
	r->refused = COUNTER("rooms_refused", "Rooms not provisioned, by the "
					      "operator's policy or for their "
					      "host's key.");
	r->tripped = GAUGE("breaker_tripped", "1 while what no event explains "
					      "waits for the operator.");
	r->paused = GAUGE("paused", "1 while an operator has paused it.");
}

static void add_metrics(struct report *r)
{
	add_rooms(r);
	r->lanes = report_lanes_new(r->b, health_metrics(r->health));
	r->head = GAUGE("head_number", "Newest block of the lanes' endpoint.");
	r->indexed_lag =
	    GAUGE("indexed_lag_blocks", "Of these, not indexed yet.");
	r->rpc = rpc_metrics_new(health_metrics(r->health));
	r->media = report_media_new(health_metrics(r->health));
}

void report_step(struct report *r, const char *step, uint64_t ms)
{
	METRIC_OBSERVE(r->steps, (double)ms / 1000, step);
}

/* ---- what is asked ---- */

static void set_states(struct metric *m, const struct db_result *rows)
{
	metric_clear(m);
	for (size_t i = 0; i < db_rows(rows); i++)
		METRIC_SET(m, db_i64(rows, i, "n"), db_text(rows, i, "state"));
}

static void on_answer(void *arg, enum status st,
		      const struct db_result *const *results, size_t n,
		      const struct err *err)
{
	struct report *r = arg;
	(void)err;
	r->asking = false;
	if (st != ST_OK)
		return; /* a lost connection ends the daemon elsewhere */
	r->indexed = db_bool(results[0], 0, "indexed");
	r->indexed_number = (uint64_t)db_i64(results[0], 0, "number");
	r->behind_ms =
	    health_mark_age_ms(&r->behind, r->indexed_number,
			       lanes_node_head(r->b->lanes), now_ms(r));
	if (n < 3 + REPORT_MEDIA_RESULTS)
		return;
	set_states(r->rooms, results[1]);
	set_states(r->outbox, results[2]);
	report_media_read(r->media, results + 3);
}

static void ask_database(struct report *r, bool count)
{
	const struct config *cfg = r->b->cfg;
	struct db_batch *b = db_batch_new(r->b->db);

	r->asking = true;
	r->asked_ms = now_ms(r);
	DB_ADD(b,
	       "select coalesce(number, 0) as number,"
	       " exists (select from bridge.ready($1, $2::integer)) as indexed"
	       " from chain.cursor",
	       P_TEXT(config_confirm_name(cfg)),
	       P_I64(cfg->chain.confirmations));
	if (count) {
		DB_ADD(b, "select state, count(*) as n from bridge.live_input"
			  " where state <> 'deleted' group by state"
			  " order by state");
		DB_ADD(b, "select state, count(*) as n from bridge.outbox"
			  " where state = 'queued' group by state"
			  " union all"
			  " select state, count(*) as n from bridge.outbox"
			  " where state = 'in_tx' group by state"
			  " union all"
			  " select state, count(*) as n from bridge.outbox"
			  " where state = 'reverted' group by state");
		report_media_query(b);
	}
	db_run(b, on_answer, r);
}

static void on_tick(uv_timer_t *timer)
{
	struct report *r = timer->data;
	bool count;

	/* A standby's own question for the lock tells as much. */
	if (role(r->b) != READY_LEADER || !r->b->db)
		return;
	if (!r->leads_since_ms)
		r->leads_since_ms = now_ms(r);
	count = !r->counted_ms ||
		(r->scraped && now_ms(r) - r->counted_ms >= COUNT_MS);
	if (r->asking)
		return;
	if (count) {
		r->counted_ms = now_ms(r);
		r->scraped = false;
	}
	ask_database(r, count);
	report_lanes_balances(r->lanes);
}

/* ---- life ---- */

static void on_listen(void *arg, uint16_t port, const struct err *err)
{
	const struct report *r = arg;

	if (err)
		log_odd("health_not_listening", F_STR("reason", err->msg));
	else
		log_info("health_listening",
			 F_STR("listen", r->b->cfg->health.bridge_listen),
			 F_U64("port", port));
}

struct report *report_new(struct bridge *b)
{
	struct report *r = mem_zalloc(sizeof(*r));
	struct health_opts h = {
		.loop = b->loop,
		.listen = b->cfg->health.bridge_listen,
		.ready = on_ready,
		.collect = on_collect,
		.on_listen = on_listen,
		.arg = r,
	};

	r->b = b;
	r->health = health_new(&h);
	add_metrics(r);
	uv_timer_init(b->loop, &r->timer);
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
	report_lanes_free(r->lanes);
	report_media_free(r->media);
	health_free(r->health);
	uv_close((uv_handle_t *)&r->timer, on_closed);
}
