/*
 * Collects what the bridge's parts know into facts and metrics. Asks the
 * database whether it is there and how far the indexer is; while somebody
 * reads the metrics, also how many rooms are in which state, and a node for
 * the signer's balance. Never blocks; no room, host or title is a label.
 */
#include "bridge/report.h"

#include <stdio.h>

#include "abi/hex.h"
#include "bridge/fees.h"
#include "bridge/ready.h"
#include "bridge/report_media.h"
#include "core/log.h"
#include "core/rpc_stats.h"

#define TICK_MS       1000
#define COUNT_MS      15000 /* how often rows are counted and money is asked for */
#define BALANCE_MS    60000 /* money, when nobody scrapes */
#define ENVELOPE      600   /* bytes of a usual one */
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
	/* one question to the database, and one to a node, at a time */
	bool asking, asking_balance, scraped;
	uint64_t asked_ms, counted_ms, balance_ms;
	size_t rpc_at;
	struct rpc_metrics *rpc;
	struct report_media *media;
	struct metric *rooms, *outbox, *jobs, *steps;
	struct metric *calls, *tokens, *queued, *limited;
	struct metric *orphans_found, *orphans_deleted;
	struct metric *txs, *sent, *raised, *reverted, *gas, *spent;
	struct metric *next_nonce, *mined_nonce, *gap, *stuck, *balance;
	struct metric *balance_txs, *refused, *tripped, *paused;
	bool balance_low;
	struct metric *base_fee, *head, *indexed_lag;
};

static uint64_t now_ms(const struct report *r)
{
	return uv_now(r->b->loop);
}

static enum ready_role role(const struct bridge *b)
{
	return b->txmgr         ? READY_LEADER
	       : b->standing_by ? READY_STANDBY
				: READY_STARTING;
}

static void take_lane(const struct report *r, struct ready_facts *f)
{
	struct txmgr_view v = { 0 };
	uint64_t since;

	txmgr_view(r->b->txmgr, &v);
	since = v.looked_ms ? v.looked_ms : r->leads_since_ms;
	f->node_silent_s = since ? (now_ms(r) - since) / 1000 : 0;
	f->lane_ready = v.ready;
	f->lane_stopped = v.stopped;
	f->lane_no_funds = v.no_funds;
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
		take_lane(r, &f);
		cloudflare_view(b->cf, &cf);
		f.limited_s = (cf.limited_ms + 999) / 1000;
	}
	ready_bridge(&f, out);
}

/* ---- metrics ---- */

static void collect_lane(struct report *r)
{
	struct txmgr_view v = { 0 };

	txmgr_view(r->b->txmgr, &v);
	METRIC_SET(r->txs, v.signed_count, "signed");
	METRIC_SET(r->txs, v.unmined - v.signed_count, "accepted");
	METRIC_SET(r->txs, v.unsettled, "mined");
	METRIC_SET(r->sent, v.sent);
	METRIC_SET(r->raised, v.bumped);
	METRIC_SET(r->reverted, v.reverted);
	METRIC_SET(r->gas, v.gas_used);
	METRIC_SET(r->spent, v.spent_wei);
	METRIC_SET(r->stuck, v.stuck_s);
	if (!v.looked_ms)
		return; /* no node has been asked yet */
	METRIC_SET(r->next_nonce, v.next_nonce);
	METRIC_SET(r->mined_nonce, v.mined_nonce);
	METRIC_SET(r->gap, v.gap);
	METRIC_SET(r->base_fee, v.base_fee);
	METRIC_SET(r->head, v.head);
	if (r->indexed)
		METRIC_SET(r->indexed_lag, v.head > r->indexed_number
					       ? v.head - r->indexed_number
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
	collect_lane(r);
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
	r->txs = GAUGE_BY("transactions", "state", "Not final yet.");
	r->sent =
	    COUNTER("transactions_sent", "Broadcasts, repeated ones too.");
	r->raised = COUNTER("fees_raised", "Attempts with higher fees.");
	r->reverted = COUNTER("transactions_reverted", "Mined, but reverted.");
	r->gas = COUNTER("gas_used", "Gas of mined transactions.");
	r->spent = COUNTER("spent_wei", "Paid for that gas.");
	r->next_nonce = GAUGE("nonce_next", "The next transaction's.");
	r->mined_nonce = GAUGE("nonce_mined", "Transactions mined so far.");
	r->gap = GAUGE("nonce_gap", "1 while a nonce that nobody holds blocks "
				    "transactions of ours.");
	r->stuck =
	    GAUGE("stuck_seconds", "Age of the oldest unmined transaction.");
	r->balance = GAUGE("balance_wei", "What the signer has.");
	r->balance_txs =
	    GAUGE("balance_transactions",
		  "Transactions with one room that the balance pays for.");
	r->base_fee = GAUGE("base_fee_wei", "Of the newest block.");
	r->head = GAUGE("head_number", "Newest block of the lane's endpoint.");
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
	struct txmgr_view v = { 0 };

	(void)err;
	r->asking = false;
	if (st != ST_OK)
		return; /* a lost connection ends the daemon elsewhere */
	r->indexed = db_bool(results[0], 0, "indexed");
	r->indexed_number = (uint64_t)db_i64(results[0], 0, "number");
	txmgr_view(r->b->txmgr, &v);
	r->behind_ms = health_mark_age_ms(&r->behind, r->indexed_number, v.head,
					  now_ms(r));
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
	       P_TEXT(bridge_confirm_name(cfg)),
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

/* Told in transactions, each with one room at the fee of a new one. */
static void judge_balance(struct report *r, double wei)
{
	const struct config *cfg = r->b->cfg;
	struct txmgr_view v = { 0 };
	struct fees f;
	double txs;

	txmgr_view(r->b->txmgr, &v);
	if (!v.looked_ms) {
		r->balance_ms = 0; /* the fee is not known yet */
		return;
	}
	f = fees_first(v.base_fee, FEES_NO_HINT,
		       cfg->bridge.max_fee_gwei * 1000000000ull);
	txs = wei / ((double)(gas_base(EFFECT_PROVISION) +
			      gas_entry(EFFECT_PROVISION, ENVELOPE)) *
		     (double)(f.max_fee ? f.max_fee : 1));
	METRIC_SET(r->balance_txs, txs);
	if ((txs < cfg->bridge.balance_min_txs) == r->balance_low)
		return;
	r->balance_low = !r->balance_low;
	if (r->balance_low)
		log_odd("balance_low",
			F_HEX("signer", signer_address(r->b->signer)->b, 20),
			F_U64("transactions", (uint64_t)txs),
			F_U64("wanted", cfg->bridge.balance_min_txs),
			F_STR("hint", "send it some ether"));
	else
		log_info("balance_restored",
			 F_U64("transactions",
			       txs < 1e18 ? (uint64_t)txs : UINT64_MAX));
}

static void on_balance(void *arg, enum status st, cJSON *result,
		       const struct rpc_error *error, const struct err *err)
{
	struct report *r = arg;
	const char *text = cJSON_IsString(result) ? result->valuestring : "";
	double wei = 0;

	(void)error;
	(void)err;
	r->asking_balance = false;
	if (st != ST_OK || strncmp(text, "0x", 2) != 0 ||
	    strspn(text + 2, "0123456789abcdefABCDEF") != strlen(text) - 2 ||
	    strlen(text) > 66) {
		r->rpc_at++;
		return;
	}
	for (text += 2; *text; text++)
		wei = wei * 16 +
		      (*text <= '9' ? *text - '0' : (*text | 0x20) - 'a' + 10);
	METRIC_SET(r->balance, wei);
	judge_balance(r, wei);
}

static void ask_balance(struct report *r)
{
	char params[HEX_ADDRESS_SIZE + 16], who[HEX_ADDRESS_SIZE];

	r->asking_balance = true;
	(void)snprintf(params, sizeof(params), "[\"%s\",\"latest\"]",
		       hex_address(who, signer_address(r->b->signer)));
	rpc_call(r->b->rpcs[r->rpc_at % r->b->rpc_count], "eth_getBalance",
		 params, on_balance, r);
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
	if (!r->asking_balance &&
	    (count || now_ms(r) - r->balance_ms >= BALANCE_MS)) {
		r->balance_ms = now_ms(r);
		ask_balance(r);
	}
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
	report_media_free(r->media);
	health_free(r->health);
	uv_close((uv_handle_t *)&r->timer, on_closed);
}
