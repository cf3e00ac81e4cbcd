/*
 * What follows from a look for each transaction: pending, mined, final, lost,
 * and which nonce nobody holds. That an effect holds is not concluded here:
 * that is read from the indexer's tables.
 */
#include "bridge/txmgr_int.h"
#include "core/log.h"

/* --- One transaction ---------------------------------------------------- */

void txm_on_receipt(struct txmgr *m, struct db_batch *b, struct txm_tx *t,
		    const struct hash32 *hash, const struct txm_receipt *r)
{
	t->missing = 0;
	t->gone_ms = 0;
	if (t->state == TXM_MINED && t->block_number == r->block &&
	    hash32_eq(&t->block_hash, &r->block_hash))
		return;
	t->success = r->success;
	t->block_number = r->block;
	t->block_hash = r->block_hash;
	t->mined_hash = *hash;
	t->role = ROLE_UNASKED;
	txm_set_state(m, b, t, t->state, TXM_MINED, NULL);
	DB_ADD(b, "update bridge.tx set gas_used = $2 where id = $1",
	       P_I64(t->id), P_I64((int64_t)r->gas_used));
	m->stats.gas_used += r->gas_used;
	m->stats.spent_wei += (double)r->gas_used * (double)r->gas_price;
	log_info("tx_mined", F_HEX("tx", hash->b, 32), F_U64("nonce", t->nonce),
		 F_U64("height", r->block), F_U64("gas_used", r->gas_used),
		 F_U64("entries", t->entries),
		 F_STR("result", r->success ? "success" : "reverted"));
	if (!r->success)
		m->stats.reverted++;
}

/* A receipt that is gone twice, at a node that has the block's height, means
 * a reorg: the transaction waits again, and is sent again at once. */
void txm_on_missing(struct txmgr *m, struct db_batch *b, struct txm_tx *t)
{
	if (m->head < t->block_number || ++t->missing < 2)
		return;
	t->missing = 0;
	log_odd("tx_reorged", F_HEX("tx", t->mined_hash.b, 32),
		F_U64("nonce", t->nonce), F_U64("height", t->block_number));
	txm_set_state(m, b, t, TXM_MINED, TXM_SIGNED, "reorged");
	t->sent_ms = t->first_ms = 0;
	t->made_ms = txm_now(m);
}

/* The nonce is mined, but by none of our attempts, over many looks. Those that
 * did not ask for all of them, since a batch has an end, tell nothing. */
static bool check_lost(struct txmgr *m, struct db_batch *b, struct txm_tx *t)
{
	if (t->state >= TXM_MINED || m->nonces.latest <= t->nonce) {
		t->gone_ms = 0;
		return false;
	}
	if (!t->gone_ms)
		t->gone_ms = txm_now(m);
	if (t->asked < t->attempt_count || ++t->missing < 5 ||
	    txm_now(m) - t->gone_ms < TXM_GONE_MS)
		return false;
	log_odd("tx_nonce_taken", F_U64("nonce", t->nonce),
		F_HEX("signer", m->o.who.b, 20));
	txm_set_state(m, b, t, t->state, TXM_LOST,
		      "nonce used by a transaction that is not ours");
	DB_ADD(b,
	       "update bridge.outbox set state = 'queued', term = $2,"
	       " updated_at = now() where tx_id = $1 and state = 'in_tx'",
	       P_I64(t->id), P_I64(m->o.term));
	return true;
}

static bool deep(const struct txmgr *m, const struct txm_tx *t)
{
	if (m->o.confirm_by_tag)
		return m->tag_head >= t->block_number;
	return m->head >= t->block_number &&
	       m->head - t->block_number >= m->o.confirmations;
}

/* A revert is judged only after it is known whether we may write at all. */
static bool check_final(struct txmgr *m, struct db_batch *b, struct txm_tx *t)
{
	if (t->state != TXM_MINED || t->missing)
		return false;
	if (!t->success && (t->role == ROLE_UNASKED || t->role == ROLE_ASKED)) {
		t->role = ROLE_ASKED;
		txm_ask_role(m);
		return false;
	}
	if (!deep(m, t))
		return false;
	if (!t->success && t->kind != EFFECT_FILL)
		txm_reverted(m, t);
	else
		txm_set_state(m, b, t, TXM_MINED, TXM_FINAL, NULL);
	m->unsettled = true;
	return true;
}

/* --- Nonces ------------------------------------------------------------- */

/* Seen twice, like a receipt that is gone. */
void txm_check_fallen(struct txmgr *m)
{
	uint64_t held[TXM_OPEN_MAX];
	size_t n = 0;

	for (size_t i = 0; i < m->count && n < TXM_OPEN_MAX; i++)
		held[n++] = m->txs[i]->nonce;
	if (!nonce_fallen(&m->nonces, held, n)) {
		m->fallen = 0;
	} else if (++m->fallen >= 2) {
		m->fallen = 0;
		txm_reclaim(m, m->nonces.latest, false);
	}
}

void txm_check_gap(struct txmgr *m)
{
	uint64_t held[TXM_UNMINED_MAX], gap;
	size_t n = 0;

	for (size_t i = 0; i < m->count && n < TXM_UNMINED_MAX; i++)
		if (m->txs[i]->state < TXM_MINED)
			held[n++] = m->txs[i]->nonce;
	if (!nonce_gap(&gap, &m->nonces, held, n)) {
		m->gap_ms = 0;
		return;
	}
	/* Another's transaction may only be slow to reach this node. */
	if (!m->gap_ms)
		m->gap_ms = txm_now(m);
	if (txm_now(m) - m->gap_ms < 1000ull * m->o.bump_after_s)
		return;
	m->gap_ms = 0;
	txm_reclaim(m, gap, true);
}

/* --- All of them --------------------------------------------------------- */

void txm_judge(struct txmgr *m, struct db_batch *b)
{
	size_t i = 0;

	while (i < m->count) {
		struct txm_tx *t = m->txs[i];

		if (check_lost(m, b, t) || check_final(m, b, t))
			txm_remove(m, t);
		else
			i++;
	}
}
