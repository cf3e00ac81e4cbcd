/*
 * What the lane learns from the node: head, fees, counts and receipts in one
 * JSON-RPC batch, so that they come from one backend. Moves transactions
 * between pending, mined, final and lost by it. That an effect holds is not
 * concluded here: that is read from the indexer's tables.
 */
#include <stdio.h>
#include <stdlib.h>

#include "abi/hex.h"
#include "bridge/txmgr_int.h"
#include "core/json.h"
#include "core/log.h"

enum {
	ITEM_HEAD,
	ITEM_LATEST,
	ITEM_PENDING,
	ITEM_TIP,
	ITEM_TAG,
	ITEM_BALANCE,
	ITEM_FIXED
};

struct receipt {
	bool success;
	uint64_t block, gas_used;
	uint64_t gas_price; /* 0: an old node does not tell */
	struct hash32 block_hash;
};

static bool quantity(uint64_t *out, const cJSON *obj, const char *key)
{
	const char *text = json_str_or(obj, key, NULL);

	return text && hex_quantity_u64(out, text, key, NULL) == ST_OK;
}

static bool plain_quantity(uint64_t *out, const cJSON *v)
{
	return cJSON_IsString(v) &&
	       hex_quantity_u64(out, v->valuestring, "quantity", NULL) == ST_OK;
}

static bool read_receipt(struct receipt *out, const cJSON *r)
{
	const char *hash = json_str_or(r, "blockHash", NULL);
	uint64_t status;

	if (!cJSON_IsObject(r) || !hash ||
	    hex_decode_hash(&out->block_hash, hash, "blockHash", NULL) !=
		ST_OK ||
	    !quantity(&status, r, "status") ||
	    !quantity(&out->block, r, "blockNumber") ||
	    !quantity(&out->gas_used, r, "gasUsed"))
		return false;
	out->success = status == 1;
	if (!quantity(&out->gas_price, r, "effectiveGasPrice"))
		out->gas_price = 0;
	return true;
}

/* --- One transaction ---------------------------------------------------- */

static void on_receipt(struct txmgr *m, struct db_batch *b, struct txm_tx *t,
		       const struct hash32 *hash, const struct receipt *r)
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
static void on_missing(struct txmgr *m, struct db_batch *b, struct txm_tx *t)
{
	if (m->head < t->block_number || ++t->missing < 2)
		return;
	t->missing = 0;
	log_odd("tx_reorged", F_HEX("tx", t->mined_hash.b, 32),
		F_U64("nonce", t->nonce), F_U64("height", t->block_number));
	txm_set_state(m, b, t, TXM_MINED, TXM_SIGNED, "reorged");
	t->sent_ms = 0;
	t->made_ms = txm_now(m);
}

/* The nonce is mined, but by none of our attempts, over many looks. */
static bool check_lost(struct txmgr *m, struct db_batch *b, struct txm_tx *t)
{
	if (t->state >= TXM_MINED || m->nonces.latest <= t->nonce) {
		t->gone_ms = 0;
		return false;
	}
	if (!t->gone_ms)
		t->gone_ms = txm_now(m);
	if (++t->missing < 5 || txm_now(m) - t->gone_ms < TXM_GONE_MS)
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

/* --- After a look ------------------------------------------------------- */

/* Seen twice, like a receipt that is gone. */
static void check_fallen(struct txmgr *m)
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

static void check_gap(struct txmgr *m)
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

/* Everything unmined is sent again now and then, unless its nonce is mined
 * already; the first in line, which is what the others wait for, pays more
 * when it takes too long. */
static void nudge(struct txmgr *m)
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
		if (t->bump || (first && t->sent_ms && waited >= patience &&
				fees_help(t->answer) && !m->no_funds))
			txm_raise(m, t);
		else if (!t->sent_ms ||
			 waited >= (untaken ? m->o.poll_ms : patience))
			txm_send(m, t);
		first = false;
	}
}

static void judge(struct txmgr *m, struct db_batch *b)
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

/* A quantity of any size; what is lost below 53 bits does not matter. */
static bool wei(double *out, const cJSON *v)
{
	const char *s = cJSON_IsString(v) ? v->valuestring : "";
	double sum = 0;

	if (strncmp(s, "0x", 2) != 0 || !s[2] || strlen(s) > 66 ||
	    strspn(s + 2, "0123456789abcdefABCDEF") != strlen(s) - 2)
		return false;
	for (s += 2; *s; s++)
		sum =
		    sum * 16 + (*s <= '9' ? *s - '0' : (*s | 0x20) - 'a' + 10);
	*out = sum;
	return true;
}

static bool read_fixed(struct txmgr *m, cJSON **r)
{
	uint64_t latest, pending, head, v;

	if (!quantity(&head, r[ITEM_HEAD], "number") ||
	    !plain_quantity(&latest, r[ITEM_LATEST]) ||
	    !plain_quantity(&pending, r[ITEM_PENDING]))
		return false;
	m->head = head;
	m->base_fee = quantity(&v, r[ITEM_HEAD], "baseFeePerGas") ? v : 0;
	m->gas_limit = quantity(&v, r[ITEM_HEAD], "gasLimit") ? v : 0;
	m->nonces.latest = latest;
	m->nonces.pending = pending > latest ? pending : latest;
	m->hint = plain_quantity(&v, r[ITEM_TIP]) ? v : FEES_NO_HINT;
	if (quantity(&v, r[ITEM_TAG], "number"))
		m->tag_head = v;
	m->balance_known = wei(&m->balance, r[ITEM_BALANCE]);
	m->looked_ms = txm_now(m);
	return true;
}

static void apply(struct txmgr *m, const struct txm_op *op, cJSON **results,
		  const struct rpc_error *errors)
{
	struct db_batch *b = db_batch_new(m->o.db);

	for (size_t i = 0; i < op->item_count; i++) {
		struct txm_tx *t = txm_find(m, op->items[i].tx_id);
		cJSON *item = results[ITEM_FIXED + i];
		struct receipt r;

		if (!t)
			continue;
		if (read_receipt(&r, item))
			on_receipt(m, b, t, &op->items[i].hash, &r);
		else if (t->state == TXM_MINED &&
			 hash32_eq(&t->mined_hash, &op->items[i].hash) &&
			 !errors[ITEM_FIXED + i].message &&
			 (!item || cJSON_IsNull(item)))
			on_missing(m, b, t);
	}
	judge(m, b);
	/* An empty batch would only cost a round trip. */
	DB_ADD(b, "select 1");
	txm_write(m, b);
	txm_start(m);
	if (!m->ready)
		return;
	txm_judge_funds(m);
	nudge(m);
	check_fallen(m);
	check_gap(m);
	if (m->stopped && txm_now(m) - m->role_ms >= TXM_IDLE_MS)
		txm_ask_role(m);
	m->o.on_looked(m->o.arg);
}

static void looked(void *arg, enum status st, cJSON **results,
		   const struct rpc_error *errors, size_t n,
		   const struct err *err)
{
	struct txm_op *op = arg;
	struct txmgr *m = op->m;

	(void)n;
	op->call = NULL;
	m->looking = false;
	if (!m->loaded) {
		txm_op_free(op);
		return;
	}
	if (st != ST_OK || !read_fixed(m, results)) {
		if (txm_silent(m))
			log_odd("tx_endpoint_failed",
				F_STR("endpoint", rpc_label(txm_rpc(m))),
				F_STR("reason", st == ST_OK
						    ? "incomplete answer"
						    : err->msg),
				F_STR("hint", "start the node or correct "
					      "chain.endpoints; the next one "
					      "is asked, and so on"));
		m->failing = true;
		txm_next_endpoint(m);
		txm_op_free(op);
		return;
	}
	m->failing = false;
	apply(m, op, results, errors);
	txm_op_free(op);
	if (m->look_again) {
		m->look_again = false;
		txm_look(m);
	}
}

static void want_receipt(struct txm_op *op, const struct txm_tx *t,
			 const struct hash32 *hash)
{
	if (ITEM_FIXED + op->item_count >= TXM_ITEMS_MAX)
		return;
	op->items[op->item_count].tx_id = t->id;
	op->items[op->item_count++].hash = *hash;
}

/* The unmined first, then those mined longest ago. */
static void want_receipts(struct txmgr *m, struct txm_op *op)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct txm_tx *t = m->txs[i];

		for (size_t a = t->attempt_count; a > 0 && t->state < TXM_MINED;
		     a--)
			want_receipt(op, t, &t->attempts[a - 1].hash);
	}
	for (size_t i = 0; i < m->count; i++)
		if (m->txs[i]->state == TXM_MINED)
			want_receipt(op, m->txs[i], &m->txs[i]->mined_hash);
}

void txm_look(struct txmgr *m)
{
	struct rpc_batch_item items[TXM_ITEMS_MAX];
	char hashes[TXM_ITEMS_MAX][HEX_HASH_SIZE + 4];
	char latest[96], pending[96], tag[32], text[HEX_HASH_SIZE];
	struct txm_op *op;

	if (m->looking) {
		m->look_again = true;
		return;
	}
	m->looking = true;
	m->look_again = false;
	op = txm_op_new(m);
	hex_address(text, &m->o.who);
	snprintf(latest, sizeof(latest), "[\"%s\",\"latest\"]", text);
	snprintf(pending, sizeof(pending), "[\"%s\",\"pending\"]", text);
	snprintf(tag, sizeof(tag), "[\"%s\",false]",
		 m->o.confirm_by_tag ? m->o.confirm_tag : "latest");
	items[ITEM_HEAD] = (struct rpc_batch_item){ "eth_getBlockByNumber",
						    "[\"latest\",false]" };
	items[ITEM_LATEST] =
	    (struct rpc_batch_item){ "eth_getTransactionCount", latest };
	items[ITEM_PENDING] =
	    (struct rpc_batch_item){ "eth_getTransactionCount", pending };
	items[ITEM_TIP] =
	    (struct rpc_batch_item){ "eth_maxPriorityFeePerGas", "[]" };
	items[ITEM_TAG] =
	    (struct rpc_batch_item){ "eth_getBlockByNumber", tag };
	items[ITEM_BALANCE] =
	    (struct rpc_batch_item){ "eth_getBalance", latest };
	want_receipts(m, op);
	for (size_t i = 0; i < op->item_count; i++) {
		hex_hash(text, &op->items[i].hash);
		snprintf(hashes[i], sizeof(hashes[i]), "[\"%s\"]", text);
		items[ITEM_FIXED + i] =
		    (struct rpc_batch_item){ "eth_getTransactionReceipt",
					     hashes[i] };
	}
	op->call = rpc_batch(txm_rpc(m), items, ITEM_FIXED + op->item_count,
			     looked, op);
}
