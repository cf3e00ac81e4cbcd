/*
 * What the lane learns from the node: head, fees, counts and receipts in one
 * JSON-RPC batch, so that they come from one backend. What follows from it for
 * each transaction is in txmgr_judge.c and txmgr_raise.c.
 */
#include <inttypes.h>
#include <stdio.h>

#include "abi/hex.h"
#include "bridge/txmgr_int.h"
#include "core/json.h"
#include "core/log.h"

#define COUNT_MAX     (1ull << 53) /* no key has sent as many */
#define BEHIND_BLOCKS 4            /* fewer than the indexer has */
#define BEHIND_LOOKS  5            /* in a row, before another is asked */

enum {
	ITEM_CHAIN,
	ITEM_HEAD,
	ITEM_LATEST,
	ITEM_PENDING,
	ITEM_TIP,
	ITEM_TAG,
	ITEM_BALANCE,
	ITEM_FIXED
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

static bool read_receipt(struct txm_receipt *out, const cJSON *r)
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

/* --- What was answered -------------------------------------------------- */

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

/* Nothing is kept of an answer that cannot be used: a count of another chain
 * would declare lost what is under way, and give its nonces away for good. */
static enum status read_fixed(struct txmgr *m, cJSON **r, struct err *err)
{
	uint64_t chain, latest, pending, head, v;

	if (!plain_quantity(&chain, r[ITEM_CHAIN]) ||
	    !quantity(&head, r[ITEM_HEAD], "number") ||
	    !plain_quantity(&latest, r[ITEM_LATEST]) ||
	    !plain_quantity(&pending, r[ITEM_PENDING]))
		return err_set(err, ST_TRANSIENT, "incomplete answer");
	if (chain != m->o.chain_id)
		return err_set(err, ST_REJECTED,
			       "it is on chain %" PRIu64 ", not %" PRIu64,
			       chain, m->o.chain_id);
	v = pending > latest ? pending : latest;
	if (v > COUNT_MAX)
		return err_set(
		    err, ST_REJECTED,
		    "its count of our transactions cannot be: %" PRIu64, v);
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
	return ST_OK;
}

static void apply(struct txmgr *m, const struct txm_op *op, cJSON **results,
		  const struct rpc_error *errors)
{
	struct db_batch *b = db_batch_new(m->o.db);
	const bool was = m->ready;

	for (size_t i = 0; i < m->count; i++)
		m->txs[i]->asked = 0;
	for (size_t i = 0; i < op->item_count; i++) {
		struct txm_tx *t = txm_find(m, op->items[i].tx_id);
		cJSON *item = results[ITEM_FIXED + i];
		bool none = !errors[ITEM_FIXED + i].message &&
			    (!item || cJSON_IsNull(item));
		struct txm_receipt r;

		if (!t)
			continue;
		t->asked += none;
		if (read_receipt(&r, item))
			txm_on_receipt(m, b, t, &op->items[i].hash, &r);
		else if (none && t->state == TXM_MINED &&
			 hash32_eq(&t->mined_hash, &op->items[i].hash))
			txm_on_missing(m, b, t);
	}
	txm_judge(m, b);
	/* An empty batch would only cost a round trip. */
	DB_ADD(b, "select 1");
	txm_write(m, b);
	/* What is signed must not wait for the lane to be ready: it may be all
	 * that it waits for. */
	if (!was)
		txm_nudge(m);
	txm_start(m);
	if (!m->ready)
		return;
	txm_judge_funds(m);
	if (was)
		txm_nudge(m);
	txm_check_fallen(m);
	txm_check_gap(m);
	if (m->stopped && txm_now(m) - m->role_ms >= TXM_IDLE_MS)
		txm_ask_role(m);
	m->o.on_looked(m->o.arg);
}

/* The indexer has what some endpoint told it; one that stands still would have
 * us wait, or pay more, for what is mined or was never passed on. */
static enum status check_behind(struct txmgr *m, struct err *err)
{
	if (!m->ready || m->o.rpc_count == 1 ||
	    m->indexed <= m->head + BEHIND_BLOCKS) {
		m->behind = 0;
		return ST_OK;
	}
	if (++m->behind < BEHIND_LOOKS)
		return ST_OK;
	return err_set(err, ST_REJECTED,
		       "it is behind: at block %" PRIu64 ", block %" PRIu64
		       " is indexed",
		       m->head, m->indexed);
}

/* The next one may know nothing of what this one was sent; where that was no
 * use all the time, patience begins anew: once, for all may be like that. */
static void failed(struct txmgr *m, enum status st, const char *why)
{
	bool news = st == ST_REJECTED ? txm_accuse(m) : txm_silent(m);

	if (news)
		log_odd("tx_endpoint_failed",
			F_STR("endpoint", rpc_label(txm_rpc(m))),
			F_STR("reason", why),
			F_STR("hint", "start the node or correct "
				      "chain.endpoints; the next one is asked, "
				      "and so on"));
	m->failing = true;
	m->behind = 0;
	for (size_t i = 0; i < m->count && m->o.rpc_count > 1; i++) {
		m->txs[i]->sent_ms = 0;
		if (news && st == ST_REJECTED)
			m->txs[i]->first_ms = 0;
	}
	txm_next_endpoint(m);
}

static void looked(void *arg, enum status st, cJSON **results,
		   const struct rpc_error *errors, size_t n,
		   const struct err *err)
{
	struct txm_op *op = arg;
	struct txmgr *m = op->m;
	struct err why;

	(void)n;
	op->call = NULL;
	m->looking = false;
	if (!m->loaded) {
		txm_op_free(op);
		return;
	}
	if (st != ST_OK) {
		failed(m, ST_TRANSIENT, err->msg);
		txm_op_free(op);
		return;
	}
	st = read_fixed(m, results, &why);
	if (st == ST_OK)
		st = check_behind(m, &why);
	if (st != ST_OK) {
		failed(m, st, why.msg);
		txm_op_free(op);
		return;
	}
	if (!m->behind)
		m->accused &= ~((uint32_t)1 << m->rpc_at);
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
	items[ITEM_CHAIN] = (struct rpc_batch_item){ "eth_chainId", "[]" };
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
