/*
 * What the lane does about a nonce below its highest that nothing open holds.
 * Its row was final, or lost to another, and a reorg deeper than what counted
 * as final took that back: the row waits again, with the same signed bytes,
 * and its entries are under way again. A nonce of no row of ours was another's
 * to use: a fill closes it when our own wait behind it. A nonce never gets a
 * second purpose here.
 */
#include "bridge/txmgr_int.h"
#include "core/log.h"

static void log_reclaimed(const struct db_result *r)
{
	size_t n = db_rows(r);

	for (size_t i = 0; i < n; i++)
		log_odd("tx_final_reorged",
			F_I64("nonce", db_i64(r, i, "nonce")),
			F_STR("kind", db_text(r, i, "kind")),
			F_I64("entries", db_i64(r, i, "entries")));
}

static void reclaimed(void *arg, enum status st,
		      const struct db_result *const *results, size_t n,
		      const struct err *err)
{
	struct txm_op *op = arg;
	struct txmgr *m = op->m;
	uint64_t nonce = op->nonce;
	bool fill = op->fill;

	(void)n;
	txm_op_free(op);
	m->reclaiming = false;
	if (st != ST_OK && st != ST_AGAIN) {
		txm_fatal(m, err);
		return;
	}
	if (st != ST_OK || !m->loaded)
		return; /* the next looks see it still */
	if (db_rows(results[1]) > 0) {
		log_reclaimed(results[1]);
		txm_load(m);
	} else if (fill && m->ready && !db_bool(results[2], 0, "ours")) {
		txm_fill(m, nonce);
	}
}

/* A bounded number at a time, the lowest first: the others' turn comes when
 * these are mined. A node that has not got as far as the row's block is no
 * witness. */
void txm_reclaim(struct txmgr *m, uint64_t nonce, bool fill)
{
	const struct address *who = &m->o.who;
	struct db_batch *b;
	struct txm_op *op;

	if (m->reclaiming)
		return;
	m->reclaiming = true;
	op = txm_op_new(m);
	op->nonce = nonce;
	op->fill = fill;
	b = db_batch_new(m->o.db);
	DB_ADD(b, "select bridge.tx_check_term($1)", P_I64(m->o.term));
	DB_ADD(b,
	       "with gone as (update bridge.tx t set state = 'signed',"
	       "  note = 'reorged after it was ' || t.state,"
	       "  mined_hash = null, block_number = null, block_hash = null,"
	       "  success = null, term = $4, updated_at = now()"
	       " where t.id in (select x.id from bridge.tx x"
	       "  where x.signer = $1 and x.nonce >= $2"
	       "  and x.state in ('final', 'lost')"
	       "  and coalesce(x.block_number, 0) <= $3"
	       "  order by x.nonce limit $5)"
	       " returning t.id, t.nonce, t.kind, t.entries),"
	       " again as (update bridge.outbox o set state = 'in_tx',"
	       "  note = null, term = $4, updated_at = now()"
	       " from gone where o.tx_id = gone.id"
	       "  and o.state in ('done', 'dropped', 'reverted'))"
	       " select nonce, kind, entries from gone order by nonce",
	       P_BYTES(who->b, 20), P_I64((int64_t)nonce),
	       P_I64((int64_t)m->head), P_I64(m->o.term),
	       P_I64(TXM_UNMINED_MAX));
	DB_ADD(b,
	       "select exists (select from bridge.tx where signer = $1"
	       " and nonce = $2) as ours",
	       P_BYTES(who->b, 20), P_I64((int64_t)nonce));
	db_run(b, reclaimed, op);
}
