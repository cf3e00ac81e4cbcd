/*
 * What the lane sends: claims a nonce for the entries it is given, signs,
 * stores and broadcasts. Bytes are always in the database before a node sees
 * them.
 */
#include <assert.h>
#include <stdlib.h>

#include "abi/hex.h"
#include "abi/u256.h"
#include "bridge/txmgr_int.h"
#include "core/log.h"

enum status txm_sign(struct txmgr *m, struct txm_tx *t, struct fees f,
		     struct err *err)
{
	bool fill = t->kind == EFFECT_FILL;
	struct tx tx = {
		.type = TX_DYNAMIC_FEE,
		.has_chain_id = true,
		.chain_id = u256_from_u64(m->o.chain_id),
		.nonce = u256_from_u64(t->nonce),
		.has_to = true,
		.to = fill ? m->o.who : m->o.registry,
		.gas = u256_from_u64(t->gas),
		.max_fee = u256_from_u64(f.max_fee),
		.max_priority = u256_from_u64(f.max_priority),
		.data = t->data.data,
		.data_len = t->data.len,
	};
	struct txm_attempt a = { .fees = f };
	enum status st;

	assert(m->o.signer && t->attempt_count < TXM_ATTEMPTS);
	buf_reset(&t->raw);
	st = signer_sign_tx(m->o.signer, &t->raw, &a.hash, &tx, err);
	if (st != ST_OK)
		return st;
	t->attempts[t->attempt_count++] = a;
	t->bids = t->bid_head == m->head ? t->bids + 1 : 1;
	t->bid_head = m->head;
	t->bid_ms = txm_now(m);
	t->first_ms = 0;
	return ST_OK;
}

void txm_log(const struct txmgr *m, const char *event, const struct txm_tx *t)
{
	const struct txm_attempt *a = &t->attempts[t->attempt_count - 1];

	log_info(event, F_HEX("tx", a->hash.b, 32),
		 F_HEX("signer", m->o.who.b, 20), F_U64("nonce", t->nonce),
		 F_STR("kind", txm_kind_name(t->kind)),
		 F_U64("entries", t->entries), F_U64("gas", t->gas),
		 F_U64("max_fee", a->fees.max_fee),
		 F_U64("attempt", t->attempt_count));
}

/* --- Broadcast ---------------------------------------------------------- */

static void accepted(struct txmgr *m, struct txm_tx *t)
{
	struct db_batch *b;

	if (!m->balance_known)
		m->no_funds = false;
	if (t->state != TXM_SIGNED)
		return;
	b = db_batch_new(m->o.db);
	txm_set_state(m, b, t, TXM_SIGNED, TXM_ACCEPTED, NULL);
	txm_write(m, b);
	txm_log(m, "tx_sent", t);
}

void txm_tell_refused(struct txmgr *m, struct txm_tx *t, const char *message)
{
	if (!t->capped)
		log_broken("tx_refused", F_U64("nonce", t->nonce),
			   F_HEX("signer", m->o.who.b, 20),
			   F_STR("reason", message));
	t->capped = true;
}

static void act_on_answer(struct txmgr *m, struct txm_tx *t,
			  enum tx_answer answer, const char *message)
{
	switch (answer) {
	case TX_ANSWER_ACCEPTED:
	case TX_ANSWER_KNOWN:
		accepted(m, t);
		return;
	case TX_ANSWER_UNDERPRICED:
		if (t->bids < TXM_AT_ONCE)
			txm_raise(m, t);
		else
			t->bump = true;
		return;
	case TX_ANSWER_FEE_LOW:
		t->bump = true; /* with fees that the next look reads */
		txm_look(m);
		return;
	case TX_ANSWER_NONCE_LOW:
		txm_look(m); /* the receipts tell whose it was */
		return;
	case TX_ANSWER_FUNDS:
		txm_no_funds(m, message);
		return;
	case TX_ANSWER_REFUSED:
		txm_too_much(m, t, message);
		return;
	case TX_ANSWER_REVERT:
		txm_refused_by_node(m, t, message);
		return;
	case TX_ANSWER_NONCE_HIGH:
	case TX_ANSWER_POOL:
	case TX_ANSWER_LIMIT:
	case TX_ANSWER_UNKNOWN:
		return; /* sent again after a while */
	}
	abort();
}

static void sent(void *arg, enum status st, cJSON *result,
		 const struct rpc_error *error, const struct err *err)
{
	struct txm_op *op = arg;
	struct txmgr *m = op->m;
	struct txm_tx *t = txm_find(m, op->tx_id);
	enum tx_answer answer = TX_ANSWER_UNKNOWN;
	const char *message = err && st != ST_OK ? err->msg : "";
	struct hash32 hash = op->hash;

	(void)result;
	op->call = NULL;
	txm_op_free(op);
	if (error) {
		answer = tx_answer_classify(error->message, error->code);
		message = error->message;
	} else if (st == ST_OK) {
		answer = TX_ANSWER_ACCEPTED;
	}
	/* An answer about an attempt that was replaced meanwhile is old. */
	if (!t || t->state >= TXM_MINED ||
	    !hash32_eq(&hash, &t->attempts[t->attempt_count - 1].hash))
		return;
	if (answer != t->answer && answer != TX_ANSWER_ACCEPTED &&
	    answer != TX_ANSWER_KNOWN)
		log_odd("tx_answer", F_HEX("signer", m->o.who.b, 20),
			F_U64("nonce", t->nonce),
			F_STR("answer", tx_answer_name(answer)),
			F_STR("endpoint", rpc_label(txm_rpc(m))),
			F_STR("reason", message));
	txm_count_refused(m, t, answer);
	t->answer = answer;
	act_on_answer(m, t, answer, message);
}

/* Only to an endpoint whose last look could be used; the next such look sends
 * what was held back. */
void txm_send(struct txmgr *m, struct txm_tx *t)
{
	struct txm_op *op;
	AUTO_BUF params = BUF_NULL;

	if (m->failing) {
		t->sent_ms = 0;
		return;
	}
	op = txm_op_new(m);
	buf_init(&params, 2 * TX_SIZE_MAX + 16);
	buf_add_str(&params, "[\"");
	hex_add(&params, t->raw.data, t->raw.len);
	buf_add_str(&params, "\"]");
	op->tx_id = t->id;
	op->hash = t->attempts[t->attempt_count - 1].hash;
	t->sent_ms = txm_now(m);
	m->stats.sent++;
	op->call = rpc_call(txm_rpc(m), "eth_sendRawTransaction",
			    buf_str(&params), sent, op);
}

/* --- New transactions --------------------------------------------------- */

static void claimed(void *arg, enum status st,
		    const struct db_result *const *results, size_t n,
		    const struct err *err)
{
	struct txm_op *op = arg;
	struct txmgr *m = op->m;
	struct txm_tx *t = STEAL(op->tx);

	(void)n;
	txm_op_free(op);
	m->claiming = false;
	if (st == ST_OK && m->loaded) {
		t->id = db_i64(results[0], 0, "id");
		t->made_ms = txm_now(m);
		if (t->nonce >= m->nonces.db_next)
			m->nonces.db_next = t->nonce + 1;
		txm_add(m, t);
		txm_log(m, "tx_signed", t);
		txm_send(m, t);
		m->o.on_stored(m->o.arg);
		return;
	}
	txm_tx_free(t);
	if (st == ST_OK)
		/* the rows are being read again, this one with them */
		txm_load(m);
	else if (st == ST_AGAIN)
		/* one of them left the queue meanwhile */
		m->o.on_requeued(m->o.arg);
	else
		txm_fatal(m, err);
}

/* Takes @t over: nonce, row, bytes and the entries' move commit at once. */
static void store(struct txmgr *m, struct txm_tx *t, const char *ids)
{
	struct db_batch *b;
	struct txm_op *op;
	const struct address *who = &m->o.who;
	const struct txm_attempt *a = &t->attempts[0];
	struct err err;

	if (txm_sign(m, t, fees_first(m->base_fee, m->hint, txm_cap(m, t)),
		     &err) != ST_OK) {
		txm_tx_free(t);
		txm_fatal(m, &err);
		return;
	}
	b = db_batch_new(m->o.db);
	op = txm_op_new(m);
	op->tx = t;
	m->claiming = true;
	DB_ADD(b,
	       "select bridge.tx_claim($1, $2, $3, $4, $5, $6, $7::bigint[],"
	       " $8, $9, $10, $11, $12) as id",
	       P_BYTES(who->b, 20), P_I64((int64_t)t->nonce),
	       P_TEXT(txm_kind_name(t->kind)),
	       t->kind == EFFECT_FILL ? P_BYTES(who->b, 20)
				      : P_BYTES(m->o.registry.b, 20),
	       P_I64((int64_t)t->gas),
	       P_BYTES(t->data.data ? t->data.data : (const uint8_t *)"",
		       t->data.len),
	       P_TEXT(ids), P_BYTES(a->hash.b, 32),
	       P_BYTES(t->raw.data, t->raw.len),
	       P_I64((int64_t)a->fees.max_fee),
	       P_I64((int64_t)a->fees.max_priority), P_I64(m->o.term));
	db_run(b, claimed, op);
}

void txm_fill(struct txmgr *m, uint64_t nonce)
{
	struct txm_tx *t;

	if (m->claiming)
		return;
	if (!m->o.signer && m->gap_told)
		return;
	if (!m->o.signer) {
		m->gap_told = true;
		log_broken("tx_needs_key", F_HEX("signer", m->o.who.b, 20),
			   F_U64("nonce", nonce),
			   F_STR("reason", "nobody uses this nonce any more, "
					   "and what was signed waits behind "
					   "it; put the key back"));
		return;
	}
	t = txm_tx_new();
	t->kind = EFFECT_FILL;
	t->nonce = nonce;
	t->gas = gas_base(EFFECT_FILL);
	log_odd("tx_gap", F_HEX("signer", m->o.who.b, 20),
		F_U64("nonce", nonce));
	store(m, t, "{}");
}

void txmgr_take(struct txmgr *m, const struct effect *e, size_t n)
{
	struct txm_tx *t = txm_tx_new();
	AUTO_BUF ids = BUF_NULL;

	buf_init(&ids, 1 << 20);
	buf_add_byte(&ids, '{');
	for (size_t i = 0; i < n; i++)
		buf_printf(&ids, "%s%lld", i ? "," : "", (long long)e[i].id);
	buf_add_byte(&ids, '}');
	t->kind = e->kind;
	t->nonce = nonce_next(&m->nonces);
	t->gas = calls_gas(e, n);
	t->entries = n;
	calls_encode(&t->data, e, n);
	store(m, t, buf_str(&ids));
}
