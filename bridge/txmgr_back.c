/*
 * What the lane does when it cannot write: tells that its money is gone, and
 * gives work back to the lanes that can.
 *
 * Work is given back by a recorded cancel: in one database transaction the
 * entries return to the queue, and the nonce's row becomes a self-send whose
 * first attempt, with higher fees, is stored with it. From then on this lane
 * never sends the old bytes again. Somebody else might: they may lie in a
 * pool, and be mined when money comes. So only those kinds are given back
 * whose second writing the contract skips (an epoch is provisioned once, a
 * room fails or ends once): whichever comes first, nothing is doubled. A
 * reissue, which would count twice, and what would be told twice, recordings
 * and outputs, wait.
 */
#include "bridge/txmgr_int.h"
#include "core/log.h"

/* Two looks: the balance of one may be of a newer block than its receipts. */
#define POOR_LOOKS 2
#define FUNDS_BACK 1.25 /* a fee that moves a little changes nothing */
#define ENVELOPE   600  /* bytes of a usual one */

double txm_cost(const struct txm_tx *t)
{
	return (double)t->gas *
	       (double)t->attempts[t->attempt_count - 1].fees.max_fee;
}

void txm_no_funds(struct txmgr *m, const char *why)
{
	if (m->no_funds)
		return;
	m->no_funds = true;
	log_broken("tx_no_funds", F_HEX("signer", m->o.who.b, 20),
		   F_U64("unmined", txm_unmined(m)), F_STR("reason", why),
		   F_STR("hint", "send it some ether and it goes on"));
}

static double usual_cost(const struct txmgr *m)
{
	struct fees f = fees_first(m->base_fee, m->hint, m->ask);

	return (double)(gas_base(EFFECT_PROVISION) +
			gas_entry(EFFECT_PROVISION, ENVELOPE)) *
	       (double)f.max_fee;
}

/* What the first in line may cost, and all. Without any: the next one, if
 * there will be one. */
void txm_judge_funds(struct txmgr *m)
{
	double first = -1, all = 0;
	bool refused = false;

	if (!m->balance_known)
		return;
	for (size_t i = 0; i < m->count; i++) {
		const struct txm_tx *t = m->txs[i];

		if (t->state >= TXM_MINED)
			continue;
		all += txm_cost(t);
		first = first < 0 ? all : first;
		refused = refused || t->answer == TX_ANSWER_FUNDS;
	}
	m->payable = m->balance >= all;
	if (first < 0 && m->o.signer)
		first = all = usual_cost(m);
	m->poor = m->balance < first ? m->poor + 1 : 0;
	if (m->poor >= POOR_LOOKS) {
		txm_no_funds(m, "its balance does not pay for a transaction");
	} else if (m->no_funds && m->balance >= all * FUNDS_BACK && !refused) {
		m->no_funds = false;
		log_info("tx_funds_back", F_HEX("signer", m->o.who.b, 20));
	}
}

/* --- Giving back -------------------------------------------------------- */

static bool harmless_twice(enum effect_kind kind)
{
	switch (kind) {
	case EFFECT_PROVISION:
	case EFFECT_FAIL:
	case EFFECT_END:
		return true;
	case EFFECT_REISSUE:
	case EFFECT_RECORDING:
	case EFFECT_REFUSE_OUTPUT:
	case EFFECT_FILL:
		return false;
	}
	abort();
}

static void given_back(void *arg, enum status st,
		       const struct db_result *const *results, size_t n,
		       const struct err *err)
{
	struct txm_op *op = arg;
	struct txmgr *m = op->m;
	struct txm_tx *t;

	(void)results;
	(void)n;
	if (!txm_stored(op, st, err, &t))
		return;
	if (t && t->state < TXM_MINED)
		txm_send(m, t);
	m->o.on_requeued(m->o.arg);
}

/* Its next attempt is a transfer of nothing with higher fees. */
static bool make_fill(struct txmgr *m, struct txm_tx *t)
{
	struct fees f;
	struct err err;

	if (t->attempt_count == TXM_ATTEMPTS ||
	    !fees_raise(&f, t->attempts[t->attempt_count - 1].fees,
			t->attempt_count, m->base_fee, m->hint, m->cap))
		return false;
	t->kind = EFFECT_FILL;
	t->gas = gas_base(EFFECT_FILL);
	t->entries = 0;
	t->capped = t->bump = false;
	buf_reset(&t->data);
	if (txm_sign(m, t, f, &err) == ST_OK)
		return true;
	txm_fatal(m, &err);
	return false;
}

bool txm_cancel(struct txmgr *m, struct txm_tx *t, const char *event,
		const char *why)
{
	struct txm_attempt last = t->attempts[t->attempt_count - 1];
	const char *kind = txm_kind_name(t->kind);
	size_t entries = t->entries;

	if (!make_fill(m, t))
		return false;
	log_odd(event, F_HEX("tx", last.hash.b, 32),
		F_HEX("signer", m->o.who.b, 20), F_U64("nonce", t->nonce),
		F_STR("kind", kind), F_U64("entries", entries),
		F_STR("reason", why));
	return true;
}

static void give_back(struct txmgr *m, struct txm_tx *t)
{
	const char *why = m->stopped ? "given back: no right to write"
				     : "given back: no funds";
	struct db_batch *b;

	if (!txm_cancel(m, t, "tx_given_back", why))
		return;
	b = db_batch_new(m->o.db);
	DB_ADD(b, "select bridge.tx_give_back($1, $2, $3::integer, $4, $5)",
	       P_I64(t->id), P_I64((int64_t)t->gas),
	       P_I64((int64_t)t->attempt_count), P_TEXT(why), P_I64(m->o.term));
	txm_store_attempt(m, b, t, given_back);
}

/* Without funds: what the balance does not pay for, counted from the first in
 * line. Without the role: everything, or it would revert. */
void txmgr_give_back(struct txmgr *m)
{
	double sum = 0;

	if (!m->o.signer || !m->ready || (!m->stopped && !m->no_funds))
		return;
	for (size_t i = 0; i < m->count; i++) {
		struct txm_tx *t = m->txs[i];

		if (t->state >= TXM_MINED)
			continue;
		sum += txm_cost(t);
		if (t->writing || t->gone_ms || t->entries == 0 ||
		    !harmless_twice(t->kind))
			continue;
		if (m->stopped || !m->balance_known || sum > m->balance)
			give_back(m, t);
	}
}
