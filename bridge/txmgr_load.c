/*
 * The lane's open transactions as the database has them: at its start, and
 * whenever what is in memory may be no longer what was committed.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/txmgr_int.h"
#include "core/log.h"

static void read_attempt(struct txm_tx *t, const struct db_result *r,
			 size_t row)
{
	struct txm_attempt *a;
	const uint8_t *p;
	size_t n;

	if (t->attempt_count == TXM_ATTEMPTS)
		return;
	a = &t->attempts[t->attempt_count++];
	p = db_bytes(r, row, "hash", &n);
	assert(n == 32);
	memcpy(a->hash.b, p, 32);
	a->fees.max_fee = (uint64_t)db_i64(r, row, "max_fee");
	a->fees.max_priority = (uint64_t)db_i64(r, row, "max_priority");
	p = db_bytes(r, row, "raw", &n);
	buf_reset(&t->raw);
	buf_add(&t->raw, p, n);
}

static void read_mined(struct txm_tx *t, const struct db_result *r, size_t row)
{
	const uint8_t *p;
	size_t n;

	if (strcmp(db_text(r, row, "state"), "mined") != 0) {
		/* Whether a node has it is asked anew: it is sent again. */
		t->state = strcmp(db_text(r, row, "state"), "signed") == 0
			       ? TXM_SIGNED
			       : TXM_ACCEPTED;
		return;
	}
	t->state = TXM_MINED;
	t->success = db_bool(r, row, "success");
	t->block_number = (uint64_t)db_i64(r, row, "block_number");
	p = db_bytes(r, row, "block_hash", &n);
	memcpy(t->block_hash.b, p, n < 32 ? n : 32);
	p = db_bytes(r, row, "mined_hash", &n);
	memcpy(t->mined_hash.b, p, n < 32 ? n : 32);
}

static void read_rows(struct txmgr *m, const struct db_result *r)
{
	struct txm_tx *t = NULL;
	const uint8_t *p;
	size_t n;

	for (size_t row = 0; row < db_rows(r); row++) {
		int64_t id = db_i64(r, row, "id");

		if (!t || t->id != id) {
			t = txm_tx_new();
			t->id = id;
			t->nonce = (uint64_t)db_i64(r, row, "nonce");
			t->gas = (uint64_t)db_i64(r, row, "gas");
			t->entries = (size_t)db_i64(r, row, "entries");
			if (!txmgr_kind_parse(&t->kind,
					      db_text(r, row, "kind")))
				abort();
			p = db_bytes(r, row, "data", &n);
			buf_add(&t->data, p, n);
			t->made_ms = txm_now(m);
			read_mined(t, r, row);
			txm_add(m, t);
		}
		read_attempt(t, r, row);
	}
}

static void loaded(void *arg, enum status st,
		   const struct db_result *const *results, size_t n,
		   const struct err *err)
{
	struct txm_op *op = arg;
	struct txmgr *m = op->m;
	struct txm_tx *t;

	(void)n;
	if (!txm_stored(op, st, err, &t))
		return;
	while (m->count)
		txm_remove(m, m->txs[m->count - 1]);
	read_rows(m, results[0]);
	m->nonces.db_next = (uint64_t)db_i64(results[1], 0, "next");
	m->loaded = true;
	m->unsettled = true;
	log_info("tx_lane_loaded", F_U64("open", m->count),
		 F_U64("next_nonce", m->nonces.db_next),
		 F_HEX("signer", m->o.who.b, 20));
	if (!m->o.signer && m->count)
		log_odd("key_removed", F_HEX("signer", m->o.who.b, 20),
			F_U64("open", m->count),
			F_STR("hint", "its transactions are sent and seen "
				      "through as they are; should they wait "
				      "for long, send it some ether or put "
				      "the key back"));
	txm_look(m);
}

void txm_load(struct txmgr *m)
{
	struct db_batch *b = db_batch_new(m->o.db);
	const struct address *who = &m->o.who;

	m->loaded = false;
	m->ready = false;
	nonce_round_pass(&m->round);
	DB_ADD(b,
	       "select t.id, t.nonce, t.gas, t.kind, t.entries, t.state,"
	       " t.data, coalesce(t.success, false) as success,"
	       " t.block_number, t.block_hash, t.mined_hash,"
	       " a.hash, a.raw, a.max_fee::bigint as max_fee,"
	       " a.max_priority::bigint as max_priority"
	       " from bridge.tx t join bridge.tx_attempt a on a.tx_id = t.id"
	       " where t.signer = $1"
	       " and t.state in ('signed', 'accepted', 'mined')"
	       " order by t.nonce, a.attempt",
	       P_BYTES(who->b, 20));
	DB_ADD(b,
	       "select coalesce(max(nonce) + 1, 0) as next from bridge.tx"
	       " where signer = $1",
	       P_BYTES(who->b, 20));
	db_run(b, loaded, txm_op_new(m));
}
