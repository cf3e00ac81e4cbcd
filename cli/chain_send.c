/*
 * Sending transactions to the room contract for commands: prices them, signs,
 * and waits until they are mined. Keeps nothing; never used by a daemon.
 */
#include "cli/chain_int.h"

#include <stdio.h>
#include <string.h>

#include "abi/secp.h"
#include "abi/tx.h"
#include "abi/u256.h"
#include "cli/refusal.h"
#include "cli/views.h"
#include "core/json.h"

#define RECEIPT_WAIT_MS 180000
#define RECEIPT_POLL_MS 200

/* The bytes that the contract reverted with come beside the node's error text,
 * inside of it, or not at all. */
static void name_revert(const struct chain *c, const char *data,
			struct err *err)
{
	const char *hex = strstr(err->msg, "0x");

	if (refusal_set(err, c->abi, data))
		return;
	for (; hex; hex = strstr(hex + 2, "0x"))
		if (refusal_set(err, c->abi, hex))
			return;
}

static enum status quantity(struct u256 *out, struct chain *c,
			    const char *method, const char *params,
			    struct err *err)
{
	AUTO_JSON cJSON *result = NULL;
	enum status st = chain_rpc(&result, c, method, params, err);

	if (st != ST_OK)
		return st;
	return hex_quantity_u256(out, cJSON_GetStringValue(result) ?: "",
				 method, err);
}

/* Twice the current base fee and the node's own tip: enough for the next few
 * blocks (EIP-1559 lets the base fee grow by an eighth a block). */
static enum status fill_fees(struct tx *tx, struct chain *c, struct err *err)
{
	AUTO_JSON cJSON *block = NULL;
	struct u256 base;
	const char *text = NULL;
	enum status st = chain_rpc(&block, c, "eth_getBlockByNumber",
				   "[\"latest\",false]", err);

	if (st == ST_OK)
		st = json_str(&text, block, "baseFeePerGas", err);
	if (st == ST_OK)
		st = hex_quantity_u256(&base, text, "baseFeePerGas", err);
	if (st != ST_OK)
		return st;
	if (quantity(&tx->max_priority, c, "eth_maxPriorityFeePerGas", "[]",
		     err) != ST_OK)
		tx->max_priority = u256_from_u64(1000000000);
	base = u256_mul_u64(&base, 2, NULL);
	tx->max_fee = u256_add(&base, &tx->max_priority, NULL);
	return ST_OK;
}

static enum status fill_gas(struct tx *tx, struct chain *c,
			    const char *from_hex, struct err *err)
{
	AUTO_JSON cJSON *result = NULL;
	AUTO_FREE char *data = NULL;
	char value[HEX_QUANTITY_SIZE];
	enum status st;
	AUTO_BUF params = BUF_NULL;

	buf_init(&params, 3 * CALL_DATA_MAX);
	buf_printf(&params,
		   "[{\"from\":\"%s\",\"to\":\"%s\",\"value\":\"%s\","
		   "\"data\":\"",
		   from_hex, c->address,
		   hex_put_quantity_u256(value, &tx->value));
	hex_add(&params, tx->data, tx->data_len);
	buf_add_str(&params, "\"}]");
	st = rpc_wait_data(&result, &data, c->rpc, "eth_estimateGas",
			   buf_str(&params), err);
	if (st == ST_REJECTED)
		name_revert(c, data, err);
	if (st == ST_OK)
		st = hex_quantity_u256(&tx->gas,
				       cJSON_GetStringValue(result) ?: "",
				       "eth_estimateGas", err);
	if (st == ST_OK) {
		/* a fifth more: state may move before it is mined */
		tx->gas = u256_mul_u64(&tx->gas, 6, NULL);
		tx->gas = u256_divmod_u64(&tx->gas, 5, NULL);
	}
	return st;
}

/* All that it may cost must be there, or no node takes it. */
static enum status check_funds(const struct tx *tx, struct chain *c,
			       const struct address *from, struct err *err)
{
	struct u256 cost = u256_mul(&tx->gas, &tx->max_fee, NULL), have;
	char has[U256_DEC_SIZE], takes[U256_DEC_SIZE], hex[HEX_ADDRESS_SIZE];
	enum status st = views_balance(&have, c, from, err);

	cost = u256_add(&cost, &tx->value, NULL);
	if (st != ST_OK || u256_cmp(&have, &cost) >= 0)
		return st;
	return err_set(err, ST_REJECTED,
		       "%s has %s wei, and this takes up to %s wei with its "
		       "gas",
		       hex_address_checksum(hex, from), u256_to_dec(has, &have),
		       u256_to_dec(takes, &cost));
}

static enum status sign_and_send(cJSON **hash, struct chain *c, struct tx *tx,
				 const uint8_t key32[32], struct err *err)
{
	enum status st;
	AUTO_BUF raw = BUF_NULL, params = BUF_NULL;

	buf_init(&raw, CALL_DATA_MAX + 1024);
	buf_init(&params, 3 * CALL_DATA_MAX);
	st = tx_sign(&raw, NULL, tx, key32, err);
	if (st != ST_OK)
		return st;
	buf_add_str(&params, "[\"");
	hex_add(&params, raw.data, raw.len);
	buf_add_str(&params, "\"]");
	return chain_rpc(hash, c, "eth_sendRawTransaction", buf_str(&params),
			 err);
}

static void on_timer(uv_timer_t *t)
{
	*(bool *)t->data = true;
}

static void on_closed(uv_handle_t *h)
{
	*(bool *)h->data = true;
}

static void pause_loop(struct chain *c, uint64_t ms)
{
	bool done = false, closed = false;
	uv_timer_t t;

	uv_timer_init(&c->loop, &t);
	t.data = &done;
	uv_timer_start(&t, on_timer, ms, 0);
	while (!done)
		uv_run(&c->loop, UV_RUN_ONCE);
	t.data = &closed;
	uv_close((uv_handle_t *)&t, on_closed);
	while (!closed)
		uv_run(&c->loop, UV_RUN_ONCE);
}

static enum status wait_receipt(cJSON **receipt, struct chain *c,
				const char *hash, struct err *err)
{
	char params[HEX_HASH_SIZE + 8];
	enum status st;

	snprintf(params, sizeof(params), "[\"%s\"]", hash);
	for (int waited = 0; waited < RECEIPT_WAIT_MS;
	     waited += RECEIPT_POLL_MS) {
		AUTO_JSON cJSON *r = NULL;

		st = chain_rpc(&r, c, "eth_getTransactionReceipt", params, err);
		if (st != ST_OK && st != ST_TRANSIENT)
			return st;
		if (st == ST_OK && cJSON_IsObject(r)) {
			*receipt = STEAL(r);
			return ST_OK;
		}
		pause_loop(c, RECEIPT_POLL_MS);
	}
	return err_set(err, ST_TRANSIENT,
		       "transaction %s is sent but not mined after %d s", hash,
		       RECEIPT_WAIT_MS / 1000);
}

/* Asked again, the contract says why. */
static enum status reverted(struct tx *tx, struct chain *c, const char *hash,
			    const char *from_hex, struct err *err)
{
	struct err why = { 0 };

	if (fill_gas(tx, c, from_hex, &why) == ST_REJECTED)
		return err_set(err, ST_REJECTED,
			       "transaction %s was reverted: %s", hash,
			       why.msg);
	return err_set(err, ST_REJECTED, "transaction %s was reverted", hash);
}

static enum status prepare(struct tx *tx, struct chain *c,
			   const struct address *from, const char *from_hex,
			   struct err *err)
{
	char params[HEX_ADDRESS_SIZE + 32];
	enum status st;

	tx->chain_id = u256_from_u64(c->cfg->chain.chain_id);
	tx->has_to = true;
	memcpy(tx->to.b, c->cfg->registry.address, sizeof(tx->to.b));
	snprintf(params, sizeof(params), "[\"%s\",\"pending\"]", from_hex);
	st = quantity(&tx->nonce, c, "eth_getTransactionCount", params, err);
	if (st == ST_OK)
		st = fill_fees(tx, c, err);
	if (st == ST_OK)
		st = fill_gas(tx, c, from_hex, err);
	return st == ST_OK ? check_funds(tx, c, from, err) : st;
}

enum status chain_send(cJSON **receipt, struct chain *c,
		       const uint8_t key32[32], const char *function,
		       const struct abi_value *args, size_t n,
		       const struct u256 *value, struct err *err)
{
	struct tx tx = { .type = TX_DYNAMIC_FEE, .has_chain_id = true };
	const struct abi_entry *entry = NULL;
	struct address from;
	char from_hex[HEX_ADDRESS_SIZE];
	AUTO_JSON cJSON *sent = NULL, *got = NULL;
	const char *hash;
	enum status st;
	AUTO_BUF data = BUF_NULL;

	buf_init(&data, CALL_DATA_MAX);
	st = chain_encode(&data, c, &entry, function, args, n, err);
	if (st == ST_OK)
		st = secp_address(&from, key32, err);
	if (st != ST_OK)
		return st;
	if (value)
		tx.value = *value;
	tx.data = data.data;
	tx.data_len = data.len;
	st = prepare(&tx, c, &from, hex_address(from_hex, &from), err);
	if (st == ST_OK)
		st = sign_and_send(&sent, c, &tx, key32, err);
	if (st != ST_OK)
		return st;
	hash = cJSON_GetStringValue(sent) ?: "";
	if (c->announce) {
		fprintf(c->announce, "transaction %.66s is sent\n", hash);
		fflush(c->announce);
	}
	st = wait_receipt(&got, c, hash, err);
	if (st == ST_OK && strcmp(json_str_or(got, "status", ""), "0x1") != 0)
		return reverted(&tx, c, hash, from_hex, err);
	if (st == ST_OK)
		*receipt = STEAL(got);
	return st;
}
