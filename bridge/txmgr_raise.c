/*
 * When a transaction is sent again, and when with higher fees.
 */
#include <stdlib.h>

#include "bridge/txmgr_int.h"
#include "core/log.h"

static void raised(void *arg, enum status st,
		   const struct db_result *const *results, size_t n,
		   const struct err *err)
{
	struct txm_op *op = arg;
	struct txmgr *m = op->m;
	struct txm_tx *t;

	(void)results;
	(void)n;
	if (!txm_stored(op, st, err, &t) || !t)
		return;
	if (t->state < TXM_MINED) {
		txm_log(m, "tx_fee_raised", t);
		txm_send(m, t);
	}
}

void txm_store_attempt(struct txmgr *m, struct db_batch *b, struct txm_tx *t,
		       db_done_fn done)
{
	const struct txm_attempt *a = &t->attempts[t->attempt_count - 1];
	struct txm_op *op = txm_op_new(m);

	op->tx_id = t->id;
	t->writing = true;
	DB_ADD(b, "select bridge.tx_check_term($1)", P_I64(m->o.term));
	DB_ADD(b,
	       "insert into bridge.tx_attempt (tx_id, attempt, hash, raw,"
	       " max_fee, max_priority) values ($1, $2, $3, $4, $5, $6)",
	       P_I64(t->id), P_I64((int64_t)t->attempt_count),
	       P_BYTES(a->hash.b, 32), P_BYTES(t->raw.data, t->raw.len),
	       P_I64((int64_t)a->fees.max_fee),
	       P_I64((int64_t)a->fees.max_priority));
	db_run(b, done, op);
}

uint64_t txm_cap(const struct txmgr *m, const struct txm_tx *t)
{
	return t->kind == EFFECT_FILL ? m->cap : m->ask;
}

/* Without a higher fee: the same bytes again, when they are due. */
static void repeat(struct txmgr *m, struct txm_tx *t)
{
	t->capped = true;
	t->first_ms = 0;
	if (txm_now(m) - t->sent_ms >= m->o.poll_ms)
		txm_send(m, t);
}

/* What it would pay next; false, told once, when that may not be. */
static bool higher(const struct txmgr *m, const struct txm_tx *t,
		   struct fees *out)
{
	const struct fees old = t->attempts[t->attempt_count - 1].fees;
	const size_t most =
	    t->kind == EFFECT_FILL ? TXM_ATTEMPTS : FEES_ATTEMPTS;
	bool below = fees_raise(out, old, t->attempt_count, m->base_fee,
				m->hint, txm_cap(m, t));

	if (below && t->attempt_count < most)
		return true;
	if (!t->capped && below)
		log_broken("tx_attempts_spent", F_HEX("signer", m->o.who.b, 20),
			   F_U64("nonce", t->nonce),
			   F_U64("attempts", t->attempt_count),
			   F_U64("max_fee", old.max_fee),
			   F_STR("hint",
				 "it is sent again as it is and waits until "
				 "fees fall; or send another transaction with "
				 "this key and nonce, and what it carried is "
				 "written anew"));
	else if (!t->capped)
		log_broken(
		    "tx_fee_cap", F_HEX("signer", m->o.who.b, 20),
		    F_U64("nonce", t->nonce), F_U64("base_fee", m->base_fee),
		    F_U64("cap", txm_cap(m, t)),
		    F_STR("hint", "it is sent again as it is and waits until "
				  "fees fall; or raise bridge.max_fee_gwei and "
				  "start the bridge anew"));
	return false;
}

void txm_raise(struct txmgr *m, struct txm_tx *t)
{
	struct fees f;
	struct err err;

	if (t->writing || t->state >= TXM_MINED)
		return;
	t->bump = false;
	if (!m->o.signer) {
		if (!t->capped)
			log_broken("tx_needs_key",
				   F_HEX("signer", m->o.who.b, 20),
				   F_U64("nonce", t->nonce),
				   F_STR("reason",
					 "it was taken out of the config with "
					 "this unmined, and its fees cannot be "
					 "raised; put the key back, or wait "
					 "until fees fall"));
		repeat(m, t);
		return;
	}
	if (!higher(m, t, &f)) {
		repeat(m, t);
		return;
	}
	if (txm_sign(m, t, f, &err) != ST_OK) {
		txm_fatal(m, &err);
		return;
	}
	m->stats.bumped++;
	txm_store_attempt(m, db_batch_new(m->o.db), t, raised);
}

/* Whether a node that gave this answer would like higher fees better. Where
 * the balance is what lacks they only make it worse. */
static bool fees_help(enum tx_answer answer)
{
	switch (answer) {
	case TX_ANSWER_ACCEPTED:
	case TX_ANSWER_KNOWN:
	case TX_ANSWER_UNDERPRICED:
	case TX_ANSWER_FEE_LOW:
	case TX_ANSWER_POOL:
	case TX_ANSWER_UNKNOWN:
		return true;
	case TX_ANSWER_NONCE_LOW:
	case TX_ANSWER_NONCE_HIGH:
	case TX_ANSWER_FUNDS:
	case TX_ANSWER_REVERT:
	case TX_ANSWER_REFUSED:
	case TX_ANSWER_LIMIT:
		return false;
	}
	abort();
}

/* The first in line, which a node has taken, waits with these fees however
 * often it is sent again meanwhile. Where no block came nobody outbid it. */
static bool too_slow(const struct txmgr *m, struct txm_tx *t)
{
	if (t->state != TXM_ACCEPTED)
		return false;
	if (!t->first_ms) {
		t->first_ms = txm_now(m);
		t->first_head = m->head > m->indexed ? m->head : m->indexed;
	}
	return t->sent_ms && m->head > t->first_head &&
	       txm_now(m) - t->first_ms >= 1000ull * m->o.bump_after_s &&
	       fees_help(t->answer) && !m->no_funds;
}

/* A node wants higher fees: once for each block, or for each patience where
 * none comes. */
static bool may_bid(const struct txmgr *m, const struct txm_tx *t)
{
	return m->head > t->bid_head ||
	       txm_now(m) - t->bid_ms >= 1000ull * m->o.bump_after_s;
}

/* Everything unmined is sent again now and then, unless its nonce is mined
 * already; the first in line, which is what the others wait for, pays more
 * when it takes too long. */
void txm_nudge(struct txmgr *m)
{
	uint64_t patience = 1000ull * m->o.bump_after_s;
	bool first = true;

	for (size_t i = 0; i < m->count; i++) {
		struct txm_tx *t = m->txs[i];
		uint64_t waited = txm_now(m) - t->sent_ms;
		bool untaken = t->answer == TX_ANSWER_FUNDS
				   ? t->state == TXM_SIGNED || m->payable
				   : t->state == TXM_SIGNED &&
					 t->answer != TX_ANSWER_LIMIT;

		if (t->state >= TXM_MINED || t->writing || t->gone_ms)
			continue;
		if ((t->bump && may_bid(m, t)) || (first && too_slow(m, t)))
			txm_raise(m, t);
		else if (!t->sent_ms ||
			 waited >= (untaken ? m->o.poll_ms : patience))
			txm_send(m, t);
		first = false;
	}
}
