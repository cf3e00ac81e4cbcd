/*
 * The lanes' part of health and metrics. It reads what the lanes know and asks
 * nobody.
 */
#include "bridge/report_lanes.h"

#include <stdlib.h>

#include "abi/hex.h"
#include "bridge/fees.h"
#include "core/log.h"

#define ENVELOPE 600 /* bytes of a usual one */

struct report_lanes {
	struct bridge *b;
	struct metric *txs, *sent, *raised, *reverted, *gas, *spent;
	struct metric *next_nonce, *mined_nonce, *gap, *stuck, *working;
	struct metric *balance, *balance_txs, *base_fee;
	bool low[LANES_MAX];
};

/* Told in transactions, each with one room at the fee of a new one. */
static double transactions(const struct config *cfg, const struct txmgr_view *v)
{
	struct fees f = fees_first(v->base_fee, FEES_NO_HINT,
				   cfg->bridge.max_fee_gwei * 1000000000ull);

	return v->balance_wei /
	       ((double)(gas_base(EFFECT_PROVISION) +
			 gas_entry(EFFECT_PROVISION, ENVELOPE)) *
		(double)(f.max_fee ? f.max_fee : 1));
}

static void judge(struct report_lanes *r, size_t i, const struct txmgr_view *v)
{
	const struct config *cfg = r->b->cfg;
	double txs = transactions(cfg, v);

	if ((txs < cfg->bridge.balance_min_txs) == r->low[i])
		return;
	r->low[i] = !r->low[i];
	if (r->low[i])
		log_odd("balance_low", F_HEX("signer", v->who.b, 20),
			F_U64("transactions", (uint64_t)txs),
			F_U64("wanted", cfg->bridge.balance_min_txs),
			F_STR("hint", "send it some ether"));
	else
		log_info("balance_restored", F_HEX("signer", v->who.b, 20),
			 F_U64("transactions",
			       txs < 1e18 ? (uint64_t)txs : UINT64_MAX));
}

void report_lanes_balances(struct report_lanes *r)
{
	for (size_t i = 0; i < lanes_count(r->b->lanes); i++) {
		struct txmgr_view v = { 0 };

		lanes_view(r->b->lanes, i, &v);
		if (v.key && v.looked_ms && v.balance_known)
			judge(r, i, &v);
	}
}

void report_lanes_facts(const struct bridge *b, uint64_t since_ms,
			struct ready_facts *f)
{
	uint64_t now = uv_now(b->loop), looked = 0;
	bool sound = false;

	for (size_t i = 0; i < lanes_count(b->lanes); i++) {
		struct txmgr_view v = { 0 };

		lanes_view(b->lanes, i, &v);
		looked = v.looked_ms > looked ? v.looked_ms : looked;
		if (!v.key)
			continue;
		sound = sound || v.sound;
		f->lane_ready = f->lane_ready || v.ready;
		f->lane_stopped = f->lane_stopped || v.stopped;
		f->lane_no_funds = f->lane_no_funds || v.no_funds;
	}
	if (sound)
		f->lane_stopped = f->lane_no_funds = false;
	looked = looked ? looked : since_ms;
	f->node_silent_s = looked ? (now - looked) / 1000 : 0;
}

static void collect(struct report_lanes *r, const struct txmgr_view *v)
{
	char who[HEX_ADDRESS_SIZE];

	hex_address(who, &v->who);
	METRIC_SET(r->txs, v->signed_count, who, "signed");
	METRIC_SET(r->txs, v->unmined - v->signed_count, who, "accepted");
	METRIC_SET(r->txs, v->unsettled, who, "mined");
	METRIC_SET(r->sent, v->sent, who);
	METRIC_SET(r->raised, v->bumped, who);
	METRIC_SET(r->reverted, v->reverted, who);
	METRIC_SET(r->gas, v->gas_used, who);
	METRIC_SET(r->spent, v->spent_wei, who);
	METRIC_SET(r->stuck, v->stuck_s, who);
	METRIC_SET(r->working, v->sound, who);
	if (!v->looked_ms)
		return; /* no node has been asked yet */
	METRIC_SET(r->next_nonce, v->next_nonce, who);
	METRIC_SET(r->mined_nonce, v->mined_nonce, who);
	METRIC_SET(r->gap, v->gap, who);
	METRIC_SET(r->base_fee, v->base_fee);
	if (!v->balance_known)
		return;
	METRIC_SET(r->balance, v->balance_wei, who);
	METRIC_SET(r->balance_txs, transactions(r->b->cfg, v), who);
}

void report_lanes_collect(struct report_lanes *r)
{
	for (size_t i = 0; i < lanes_count(r->b->lanes); i++) {
		struct txmgr_view v = { 0 };

		lanes_view(r->b->lanes, i, &v);
		collect(r, &v);
	}
}

static struct metric *add(struct metrics *m, enum metric_kind kind,
			  const char *name, const char *help)
{
	return metrics_add(m, &(struct metric_opts){ .kind = kind,
						     .name = name,
						     .help = help,
						     .labels = { "signer" },
						     .series_max = LANES_MAX });
}

#define GAUGE(name, help) add(m, METRIC_GAUGE, "chaincast_bridge_" name, help)
#define COUNTER(name, help)                                                    \
	add(m, METRIC_COUNTER, "chaincast_bridge_" name "_total", help)

struct report_lanes *report_lanes_new(struct bridge *b, struct metrics *m)
{
	struct report_lanes *r = mem_zalloc(sizeof(*r));

	r->b = b;
	r->txs = metrics_add(
	    m, &(struct metric_opts){ .kind = METRIC_GAUGE,
				      .name = "chaincast_bridge_transactions",
				      .help = "Not final yet.",
				      .labels = { "signer", "state" },
				      .series_max = 3UL * LANES_MAX });
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
	r->working = GAUGE("lane_working", "1 while the key may write and can "
					   "pay for it.");
	r->balance = GAUGE("balance_wei", "What the key has.");
	r->balance_txs =
	    GAUGE("balance_transactions",
		  "Transactions with one room that the balance pays for.");
	r->base_fee = metrics_add(
	    m, &(struct metric_opts){ .kind = METRIC_GAUGE,
				      .name = "chaincast_bridge_base_fee_wei",
				      .help = "Of the newest block." });
	return r;
}

void report_lanes_free(struct report_lanes *r)
{
	free(r);
}
