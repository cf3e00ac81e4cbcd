/*
 * Hands refused rooms and outputs to the transaction lane, batch by batch. How
 * many is decided in policy.c; past the allowance they stay noted in Postgres:
 * a room open on chain without a live input, an output without a word.
 */
#include "bridge/refusal.h"

#include "bridge/fees.h"
#include "bridge/policy.h"
#include "core/log.h"

#define SPENT_MS 30000 /* how often a spent allowance is looked at again */

static void on_sent(void *arg, enum status st,
		    const struct db_result *const *results, size_t n,
		    const struct err *err)
{
	struct bridge *b = (struct bridge *)arg;

	(void)n;
	b->refusing = false;
	if (st == ST_OK && db_rows(results[0]) > 0) {
		log_info("refusals_queued",
			 F_U64("count", db_rows(results[0])));
		lanes_kick(b->lanes);
	} else if (st != ST_OK && st != ST_TRANSIENT) {
		log_broken("refusals_not_queued", F_STR("why", err->msg));
	}
}

static void hand_over(struct bridge *b, const struct policy_refusals *r,
		      uint32_t n)
{
	struct db_batch *batch = db_batch_new(b->db);

	DB_ADD(batch, "select * from bridge.refuse($1::integer, $2, $3)",
	       P_I64(n), P_I64((int64_t)(r->gas_entry + r->gas_base / n)),
	       P_I64(b->facts.term));
	db_run(batch, on_sent, b);
}

static void spent(struct bridge *b, const struct policy_refusals *r)
{
	b->refuse_after_ms = uv_now(b->loop) + SPENT_MS;
	if (!b->refusals_spent)
		log_odd("refusal_gas_spent", F_U64("waiting", r->waiting),
			F_U64("spent", r->spent),
			F_U64("allowance", r->allowance),
			F_STR("hint", "what is refused is only noted in "
				      "bridge.refusal for now; see "
				      "policy.refusal_gas_per_day"));
	b->refusals_spent = true;
}

static void on_counted(void *arg, enum status st,
		       const struct db_result *const *results, size_t n,
		       const struct err *err)
{
	struct bridge *b = (struct bridge *)arg;
	const struct config *cfg = b->cfg;
	struct policy_refusals r = {
		.allowance = cfg->policy.refusal_gas_per_day,
		.batch_max = cfg->bridge.batch_max,
		.batch_wait_ms = cfg->bridge.batch_wait_ms,
		.gas_base = gas_base(EFFECT_FAIL),
		.gas_entry = gas_entry(EFFECT_FAIL, 0),
	};
	uint32_t now;

	(void)n;
	(void)err;
	b->refusing = false;
	if (st != ST_OK) {
		b->refusals_wait = true; /* the next poll asks again */
		return;
	}
	r.waiting = (uint64_t)db_i64(results[0], 0, "waiting");
	r.oldest_ms = (uint64_t)db_i64(results[0], 0, "oldest_ms");
	r.spent = (uint64_t)db_i64(results[0], 0, "spent");
	/* What was noted since it was asked is not among these. */
	b->refusals_wait |= r.waiting > 0;
	now = policy_refuse_now(&r);
	if (now) {
		b->refusing = true;
		b->refusals_spent = false;
		hand_over(b, &r, now);
	} else if (r.waiting && policy_refuse_spent(&r)) {
		spent(b, &r);
	}
}

void refusal_noted(struct bridge *b)
{
	b->refusals_wait = true;
	b->refuse_after_ms = 0;
}

void refusal_run(struct bridge *b)
{
	struct db_batch *batch;

	if (!b->refusals_wait || b->refusing || b->stopping || b->paused ||
	    uv_now(b->loop) < b->refuse_after_ms)
		return;
	b->refusing = true;
	b->refusals_wait = false;
	batch = db_batch_new(b->db);
	DB_ADD(batch,
	       "select w.waiting, w.oldest_ms, s.spent from"
	       " (select count(*) as waiting, coalesce(extract(epoch from"
	       "  now() - min(noted_at)) * 1000, 0)::bigint as oldest_ms"
	       "  from bridge.refusal where sent_at is null) w,"
	       " (select coalesce(sum(gas), 0)::bigint as spent"
	       "  from bridge.refusal where sent_at > now() - interval '1 day')"
	       " s");
	db_run(batch, on_counted, b);
}
