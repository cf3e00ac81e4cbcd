/*
 * Entries that the contract does not take: found among those that share their
 * transaction, ended, and told. By its receipt, or by the word of a node that
 * simulates before it takes a transaction and refuses this one again and again.
 */
#include "bridge/txmgr_int.h"
#include "core/log.h"

/* So often in a row, and for so long, before a node's word counts: it may be
 * behind, or one of several. One that goes alone and is too much for the node
 * gains nothing by another try but its place behind the others, and a fill
 * costs gas: that is not done often. */
#define REFUSED_TIMES    5
#define REFUSED_MS       20000
#define REFUSED_ALONE_MS 600000

/* What tx_reverted() and tx_refused() answer. */
static void tell(const struct db_result *r)
{
	for (size_t i = 0; i < db_rows(r); i++)
		if (strcmp(db_text(r, i, "state"), "reverted") == 0)
			log_broken("effect_reverted",
				   F_STR("room", db_text(r, i, "room_id")),
				   F_STR("kind", db_text(r, i, "kind")),
				   F_I64("epoch", db_i64(r, i, "epoch")),
				   F_STR("hint",
					 "it is not sent again; find out why, "
					 "then run: chaincast resume"));
}

static void on_reverted(void *arg, enum status st,
			const struct db_result *const *results, size_t n,
			const struct err *err)
{
	struct txm_tx *t;

	if (txm_stored(arg, st, err, &t))
		tell(results[n - 1]);
}

/* Each entry gets a try alone, one that had it is to blame: in the transaction
 * that makes the revert final. */
void txm_reverted(struct txmgr *m, struct txm_tx *t)
{
	struct db_batch *b = db_batch_new(m->o.db);

	log_odd("tx_reverted", F_HEX("tx", t->mined_hash.b, 32),
		F_STR("kind", txm_kind_name(t->kind)),
		F_U64("entries", t->entries));
	txm_set_state(m, b, t, TXM_MINED, TXM_FINAL, NULL);
	DB_ADD(b,
	       "select room_id::text as room_id, kind, epoch, state"
	       " from bridge.tx_reverted($1, $2, $3)",
	       P_I64(t->id), P_BOOL(t->role == ROLE_MISSING), P_I64(m->o.term));
	db_run(b, on_reverted, txm_op_new(m));
}

/* --- Refused by a node -------------------------------------------------- */

static void on_cancelled(void *arg, enum status st,
			 const struct db_result *const *results, size_t n,
			 const struct err *err)
{
	struct txm_op *op = arg;
	struct txmgr *m = op->m;
	struct txm_tx *t;

	(void)n;
	if (!txm_stored(op, st, err, &t))
		return;
	tell(results[0]);
	if (t && t->state < TXM_MINED)
		txm_send(m, t);
	m->o.on_requeued(m->o.arg);
}

/* The nonce is only filled from here on; what the transaction carried goes once
 * more, each entry alone, and ends if that was so already. Nobody has taken the
 * old bytes: they are not 'accepted'. */
static void set_apart(struct txmgr *m, struct txm_tx *t, const char *message,
		      bool reverts)
{
	struct db_batch *b;

	if (!txm_cancel(m, t, "tx_refused_entries", message))
		return;
	t->refused = 0;
	b = db_batch_new(m->o.db);
	DB_ADD(b,
	       "select room_id::text as room_id, kind, epoch, state"
	       " from bridge.tx_refused($1, $2, $3::integer, $4, $5)",
	       P_I64(t->id), P_I64((int64_t)t->gas),
	       P_I64((int64_t)t->attempt_count), P_BOOL(reverts),
	       P_I64(m->o.term));
	txm_store_attempt(m, b, t, on_cancelled);
}

/* A node that refuses a transfer of nothing as well says nothing of entries. */
static bool credible(const struct txmgr *m)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->txs[i]->kind == EFFECT_FILL &&
		    m->txs[i]->state < TXM_MINED &&
		    m->txs[i]->state != TXM_ACCEPTED)
			return false;
	return true;
}

void txm_count_refused(const struct txmgr *m, struct txm_tx *t,
		       enum tx_answer answer)
{
	switch (answer) {
	case TX_ANSWER_REVERT:
	case TX_ANSWER_REFUSED:
		break;
	case TX_ANSWER_UNKNOWN:
	case TX_ANSWER_LIMIT:
	case TX_ANSWER_POOL:
		return;
	case TX_ANSWER_ACCEPTED:
	case TX_ANSWER_KNOWN:
	case TX_ANSWER_UNDERPRICED:
	case TX_ANSWER_FEE_LOW:
	case TX_ANSWER_NONCE_LOW:
	case TX_ANSWER_NONCE_HIGH:
	case TX_ANSWER_FUNDS:
		t->refused = 0;
		return;
	}
	if (t->refused_for != answer)
		t->refused = 0;
	t->refused_for = answer;
	if (t->refused++ == 0)
		t->refused_ms = txm_now(m);
}

static bool enough(const struct txmgr *m, const struct txm_tx *t, uint64_t ms)
{
	return t->refused >= REFUSED_TIMES && t->state == TXM_SIGNED &&
	       txm_now(m) - t->refused_ms >= ms && !t->writing;
}

void txm_refused_by_node(struct txmgr *m, struct txm_tx *t, const char *message)
{
	if (enough(m, t, REFUSED_MS)) {
		/* With the role it is about this transaction, or the node. */
		if (t->kind == EFFECT_FILL)
			txm_tell_refused(m, t, message);
		else if (m->o.signer && !m->stopped &&
			 m->held_ms > t->refused_ms && credible(m))
			set_apart(m, t, message, true);
	}
	txm_ask_role(m);
}

void txm_too_much(struct txmgr *m, struct txm_tx *t, const char *message)
{
	uint64_t ms = t->entries > 1 ? REFUSED_MS : REFUSED_ALONE_MS;

	txm_tell_refused(m, t, message);
	if (enough(m, t, ms) && t->kind != EFFECT_FILL && m->o.signer &&
	    credible(m))
		set_apart(m, t, message, false);
}
