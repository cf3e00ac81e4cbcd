/*
 * What the lane sends: takes entries from the outbox, claims a nonce for
 * them, signs, stores, broadcasts, and raises fees. Bytes are always in the
 * database before a node sees them.
 */
#include <assert.h>
#include <stdlib.h>

#include "abi/hex.h"
#include "abi/u256.h"
#include "bridge/txmgr_int.h"
#include "core/log.h"

/* Sign @t with @f and make the bytes its newest attempt. */
static enum status sign(struct txmgr *m, struct txm_tx *t, struct fees f,
			struct err *err)
{
	bool fill = t->kind == EFFECT_FILL;
	struct tx tx = {
		.type = TX_DYNAMIC_FEE,
		.has_chain_id = true,
		.chain_id = u256_from_u64(m->o.chain_id),
		.nonce = u256_from_u64(t->nonce),
		.has_to = true,
		.to = fill ? *signer_address(m->o.signer) : m->o.registry,
		.gas = u256_from_u64(t->gas),
		.max_fee = u256_from_u64(f.max_fee),
		.max_priority = u256_from_u64(f.max_priority),
		.data = t->data.data,
		.data_len = t->data.len,
	};
	struct txm_attempt a = { .fees = f };
	enum status st;

	assert(t->attempt_count < TXM_ATTEMPTS);
	buf_reset(&t->raw);
	st = signer_sign_tx(m->o.signer, &t->raw, &a.hash, &tx, err);
	if (st == ST_OK)
		t->attempts[t->attempt_count++] = a;
	return st;
}

static void log_tx(const char *event, const struct txm_tx *t)
{
	const struct txm_attempt *a = &t->attempts[t->attempt_count - 1];

	log_info(event, F_HEX("tx", a->hash.b, 32), F_U64("nonce", t->nonce),
		 F_STR("kind", txm_kind_name(t->kind)),
		 F_U64("entries", t->entries), F_U64("gas", t->gas),
		 F_U64("max_fee", a->fees.max_fee),
		 F_U64("attempt", t->attempt_count));
}

/* --- Broadcast ---------------------------------------------------------- */

static void accepted(struct txmgr *m, struct txm_tx *t)
{
	struct db_batch *b;

	m->no_funds = false;
	if (t->state != TXM_SIGNED)
		return;
	b = db_batch_new(m->o.db);
	txm_set_state(m, b, t, TXM_SIGNED, TXM_ACCEPTED, NULL);
	txm_write(m, b);
	log_tx("tx_sent", t);
}

static void alert(struct txmgr *m, struct txm_tx *t, enum tx_answer answer,
		  const char *message)
{
	if (answer == TX_ANSWER_FUNDS ? m->no_funds : t->capped)
		return;
	if (answer == TX_ANSWER_FUNDS)
		m->no_funds = true;
	else
		t->capped = true;
	log_broken("tx_refused", F_U64("nonce", t->nonce),
		   F_STR("answer", tx_answer_name(answer)),
		   F_HEX("signer", signer_address(m->o.signer)->b, 20),
		   F_STR("reason", message));
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
		txm_raise(m, t);
		return;
	case TX_ANSWER_FEE_LOW:
		t->bump = true; /* with fees that the next look reads */
		txm_look(m);
		return;
	case TX_ANSWER_NONCE_LOW:
		txm_look(m); /* the receipts tell whose it was */
		return;
	case TX_ANSWER_FUNDS:
	case TX_ANSWER_REFUSED:
		alert(m, t, answer, message);
		return;
	case TX_ANSWER_REVERT:
		txm_ask_role(m);
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
		log_odd("tx_answer", F_U64("nonce", t->nonce),
			F_STR("answer", tx_answer_name(answer)),
			F_STR("endpoint", rpc_label(txm_rpc(m))),
			F_STR("reason", message));
	t->answer = answer;
	act_on_answer(m, t, answer, message);
}

void txm_send(struct txmgr *m, struct txm_tx *t)
{
	struct txm_op *op = txm_op_new(m);
	AUTO_BUF params = BUF_NULL;

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

/* --- Higher fees -------------------------------------------------------- */

static void raised(void *arg, enum status st,
		   const struct db_result *const *results, size_t n,
		   const struct err *err)
{
	struct txm_op *op = arg;
	struct txmgr *m = op->m;
	struct txm_tx *t = txm_find(m, op->tx_id);

	(void)results;
	(void)n;
	txm_op_free(op);
	if (st == ST_AGAIN) {
		txm_load(m);
		return;
	}
	if (st != ST_OK) {
		txm_fatal(m, err);
		return;
	}
	if (!t)
		return;
	t->writing = false;
	if (t->state < TXM_MINED) {
		log_tx("tx_fee_raised", t);
		txm_send(m, t);
	}
}

static void store_attempt(struct txmgr *m, struct txm_tx *t)
{
	const struct txm_attempt *a = &t->attempts[t->attempt_count - 1];
	struct db_batch *b = db_batch_new(m->o.db);
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
	db_run(b, raised, op);
}

void txm_raise(struct txmgr *m, struct txm_tx *t)
{
	struct fees f;
	struct err err;

	if (t->writing || t->state >= TXM_MINED)
		return;
	t->bump = false;
	if (t->attempt_count == TXM_ATTEMPTS ||
	    !fees_raise(&f, t->attempts[t->attempt_count - 1].fees, m->base_fee,
			m->hint, m->cap)) {
		if (!t->capped)
			log_broken("tx_fee_cap", F_U64("nonce", t->nonce),
				   F_U64("base_fee", m->base_fee),
				   F_U64("cap", m->cap));
		t->capped = true;
		if (txm_now(m) - t->sent_ms >= m->o.poll_ms)
			txm_send(m, t);
		return;
	}
	if (sign(m, t, f, &err) != ST_OK) {
		txm_fatal(m, &err);
		return;
	}
	m->stats.bumped++;
	store_attempt(m, t);
}

/* --- New transactions --------------------------------------------------- */

static void again(struct txmgr *m)
{
	m->claiming = false;
	if (m->claim_again) {
		m->claim_again = false;
		txm_claim(m);
	}
}

static void claimed(void *arg, enum status st,
		    const struct db_result *const *results, size_t n,
		    const struct err *err)
{
	struct txm_op *op = arg;
	struct txmgr *m = op->m;
	struct txm_tx *t = STEAL(op->tx);

	(void)n;
	txm_op_free(op);
	if (st == ST_OK && m->loaded) {
		t->id = db_i64(results[0], 0, "id");
		t->made_ms = txm_now(m);
		if (t->nonce >= m->nonces.db_next)
			m->nonces.db_next = t->nonce + 1;
		txm_add(m, t);
		log_tx("tx_signed", t);
		txm_send(m, t);
		again(m);
		return;
	}
	txm_tx_free(t);
	if (st == ST_OK) {
		/* the rows are being read again, this one with them */
		txm_load(m);
	} else if (st == ST_AGAIN) {
		m->claim_again = true;
	} else {
		txm_fatal(m, err);
		return;
	}
	again(m);
}

/* Takes @t over: nonce, row, bytes and the entries' move commit at once. */
static void store(struct txmgr *m, struct txm_tx *t, const char *ids)
{
	struct db_batch *b;
	struct txm_op *op;
	const struct address *who = signer_address(m->o.signer);
	const struct txm_attempt *a = &t->attempts[0];
	struct err err;

	if (sign(m, t, fees_first(m->base_fee, m->hint, m->cap), &err) !=
	    ST_OK) {
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
	t = txm_tx_new();
	t->kind = EFFECT_FILL;
	t->nonce = nonce;
	t->gas = gas_base(EFFECT_FILL);
	log_odd("tx_gap", F_U64("nonce", nonce));
	store(m, t, "{}");
}

static bool read_bytes(uint8_t *out, size_t size, const struct db_result *r,
		       size_t row, const char *col)
{
	size_t n;
	const uint8_t *p = db_bytes(r, row, col, &n);

	if (!p || n != size)
		return false;
	memcpy(out, p, n);
	return true;
}

static bool read_effect(struct effect *e, const struct db_result *r, size_t row)
{
	bool recording, provision;

	*e = (struct effect){ .id = db_i64(r, row, "id") };
	if (!txm_kind_parse(&e->kind, db_text(r, row, "kind")) ||
	    u256_from_dec(&e->room, db_text(r, row, "room"), "room", NULL) !=
		ST_OK ||
	    !u256_fits(&e->room, 96))
		return false;
	provision = e->kind == EFFECT_PROVISION;
	recording = e->kind == EFFECT_RECORDING;
	e->solo = db_bool(r, row, "solo");
	e->epoch = (uint32_t)db_i64(r, row, "epoch");
	if (e->kind == EFFECT_END)
		return true;
	if (!provision && !recording) {
		e->code = (uint8_t)db_i64(r, row, "code");
		return !db_is_null(r, row, "code");
	}
	if (db_is_null(r, row, "origin_id") ||
	    !read_bytes(e->uid, 16, r, row, "input_uid"))
		return false;
	e->origin = (uint16_t)db_i64(r, row, "origin_id");
	if (recording)
		return true;
	e->envelope = db_bytes(r, row, "envelope", &e->envelope_len);
	return e->envelope_len > 0 &&
	       read_bytes(e->credential_hash, 8, r, row, "credential_hash");
}

static void drop_malformed(struct txmgr *m, const struct db_result *r,
			   size_t row)
{
	struct db_batch *b = db_batch_new(m->o.db);

	log_broken("outbox_malformed", F_STR("room", db_text(r, row, "room")),
		   F_STR("kind", db_text(r, row, "kind")));
	DB_ADD(b,
	       "update bridge.outbox set state = 'dropped',"
	       " note = 'malformed entry', updated_at = now(), term = $2"
	       " where id = $1 and state = 'queued'",
	       P_I64(db_i64(r, row, "id")), P_I64(m->o.term));
	txm_write(m, b);
}

static void make_tx(struct txmgr *m, const struct effect *e, size_t n)
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

static void queue_read(void *arg, enum status st,
		       const struct db_result *const *results, size_t n,
		       const struct err *err)
{
	struct txm_op *op = arg;
	struct txmgr *m = op->m;
	AUTO_FREE struct effect *e = NULL;
	size_t rows, good = 0, take;

	(void)n;
	txm_op_free(op);
	if (st != ST_OK && st != ST_AGAIN) {
		txm_fatal(m, err);
		return;
	}
	m->claiming = false;
	if (st != ST_OK || !m->ready || m->stopped || m->paused)
		return;
	rows = db_rows(results[0]);
	e = mem_array(rows, sizeof(*e));
	for (size_t i = 0; i < rows; i++) {
		if (read_effect(&e[good], results[0], i))
			good++;
		else
			drop_malformed(m, results[0], i);
	}
	take = calls_take(e, good, m->o.batch_max, m->o.batch_calldata_max,
			  gas_limit_max(m->gas_limit));
	/* What is left is taken as soon as this one is stored. */
	m->claim_again = m->claim_again || rows > take ||
			 (rows && db_bool(results[0], 0, "others"));
	if (take)
		make_tx(m, e, take);
	else
		again(m);
}

void txm_claim(struct txmgr *m)
{
	struct db_batch *b;

	/* A nonce that is being looked into may be filled: that goes first. */
	if (m->claiming || m->reclaiming) {
		m->claim_again = true;
		return;
	}
	if (!m->ready || m->stopped || m->paused || m->count >= TXM_OPEN_MAX ||
	    txm_unmined(m) >= TXM_UNMINED_MAX)
		return;
	m->claiming = true;
	m->kicks = 0;
	uv_timer_stop(m->window);
	b = db_batch_new(m->o.db);
	/* Whoever is refused waits until all others are served. */
	DB_ADD(b,
	       "select id, kind, room_id::text as room, epoch, origin_id,"
	       " input_uid, credential_hash, envelope, code, solo,"
	       " exists (select from bridge.outbox p where p.state = 'queued'"
	       "  and p.kind <> o.kind) as others"
	       " from bridge.outbox o where state = 'queued' and kind ="
	       " (select kind from bridge.outbox where state = 'queued'"
	       "  order by (kind = 'fail'), id limit 1)"
	       " order by (kind = 'fail'), id limit $1",
	       P_I64((int64_t)m->o.batch_max + 1));
	db_run(b, queue_read, txm_op_new(m));
}
