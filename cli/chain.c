/*
 * Reading and writing the room contract for commands. Blocks until answered;
 * never used by a daemon.
 */
#include "cli/chain.h"

#include <inttypes.h>
#include <uv.h>

#include "abi/hex.h"
#include "abi/registry.h"
#include "abi/secp.h"
#include "abi/tx.h"
#include "abi/u256.h"
#include "cli/refusal.h"
#include "cli/views.h"
#include "core/http.h"
#include "core/json.h"
#include "core/rpc.h"

#define RECEIPT_WAIT_MS 180000
#define RECEIPT_POLL_MS 200
#define CALL_DATA_MAX   (128 * 1024)

struct chain {
	uv_loop_t loop;
	struct http *http;
	struct rpc *rpc;
	struct abi *abi;
	const struct config *cfg;
	FILE *announce;
	char address[HEX_ADDRESS_SIZE];
};

static enum status check_id(struct rpc *rpc, uint64_t want, struct err *err)
{
	AUTO_JSON cJSON *result = NULL;
	uint64_t id = 0;
	enum status st = rpc_wait(&result, rpc, "eth_chainId", "[]", err);

	if (st != ST_OK)
		return st;
	st = hex_quantity_u64(&id, cJSON_GetStringValue(result) ?: "",
			      "eth_chainId", err);
	if (st == ST_OK && id != want)
		return err_set(err, ST_REJECTED,
			       "%s is chain %" PRIu64
			       ", the config says chain.chain_id %" PRIu64,
			       rpc_label(rpc), id, want);
	return st;
}

static enum status connect_any(struct chain *c, struct err *err)
{
	enum status st = err_set(err, ST_REJECTED,
				 "%s: chain.endpoints is empty", c->cfg->path);

	for (size_t i = 0; i < c->cfg->chain.endpoint_count; i++) {
		struct rpc_opts opts = {
			.url = c->cfg->chain.endpoints[i].url,
			.timeout_ms = c->cfg->chain.request_timeout_ms,
			.max_message = 32 * 1024 * 1024,
			.idle_ms = 30000,
		};

		st = rpc_new(&c->rpc, &c->loop, c->http, &opts, err);
		if (st == ST_OK)
			st = check_id(c->rpc, c->cfg->chain.chain_id, err);
		if (st == ST_OK)
			return ST_OK;
		rpc_free(STEAL(c->rpc));
	}
	return st;
}

enum status chain_open(struct chain **out, const struct config *cfg,
		       struct err *err)
{
	AUTO(chain) struct chain *c = mem_zalloc(sizeof(*c));
	struct address registry;
	enum status st;

	if (uv_loop_init(&c->loop) != 0)
		abort();
	c->cfg = cfg;
	memcpy(registry.b, cfg->registry.address, sizeof(registry.b));
	hex_address(c->address, &registry);
	c->http = http_new(&c->loop, 4);
	st = registry_abi(&c->abi, err);
	if (st == ST_OK)
		st = connect_any(c, err);
	if (st == ST_OK)
		*out = STEAL(c);
	return st;
}

void chain_close(struct chain *c)
{
	if (!c)
		return;
	rpc_free(c->rpc);
	http_free(c->http);
	abi_free(c->abi);
	uv_run(&c->loop, UV_RUN_DEFAULT);
	uv_loop_close(&c->loop);
	free(c);
}

const struct abi *chain_registry(const struct chain *c)
{
	return c->abi;
}

struct address chain_contract(const struct chain *c)
{
	struct address a;

	memcpy(a.b, c->cfg->registry.address, sizeof(a.b));
	return a;
}

const struct config *chain_config(const struct chain *c)
{
	return c->cfg;
}

void chain_announce(struct chain *c, FILE *f)
{
	c->announce = f;
}

enum status chain_rpc(cJSON **result, struct chain *c, const char *method,
		      const char *params, struct err *err)
{
	return rpc_wait(result, c->rpc, method, params, err);
}

static enum status encode(struct buf *data, const struct chain *c,
			  const struct abi_entry **entry, const char *function,
			  const struct abi_value *args, size_t n,
			  struct err *err)
{
	enum status st =
	    abi_find(entry, c->abi, ABI_ENTRY_FUNCTION, function, err);

	return st == ST_OK ? abi_encode_call(data, *entry, args, n, err) : st;
}

enum status chain_view(const struct abi_value **out, struct chain *c,
		       struct arena *a, const char *function,
		       const struct abi_value *args, size_t n, struct err *err)
{
	const struct abi_entry *entry = NULL;
	AUTO_JSON cJSON *result = NULL;
	enum status st;
	AUTO_BUF data = BUF_NULL, params = BUF_NULL, answer = BUF_NULL;

	buf_init(&data, CALL_DATA_MAX);
	buf_init(&params, 3 * CALL_DATA_MAX);
	buf_init(&answer, CALL_DATA_MAX);
	st = encode(&data, c, &entry, function, args, n, err);
	if (st != ST_OK)
		return st;
	buf_printf(&params, "[{\"to\":\"%s\",\"data\":\"", c->address);
	hex_add(&params, data.data, data.len);
	buf_add_str(&params, "\"},\"latest\"]");
	st = chain_rpc(&result, c, "eth_call", buf_str(&params), err);
	if (st == ST_OK)
		st = hex_decode_buf(&answer, cJSON_GetStringValue(result) ?: "",
				    "eth_call", err);
	if (st != ST_OK)
		return st;
	if (answer.len == 0)
		return err_set(err, ST_REJECTED,
			       "no room contract at %s on chain %" PRIu64
			       " (registry.address in %s)",
			       c->address, c->cfg->chain.chain_id,
			       c->cfg->path);
	return abi_decode(out, a, entry->outputs, answer.data, answer.len, 0,
			  err);
}

/* ---- sending ---- */

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
	st = encode(&data, c, &entry, function, args, n, err);
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

/* ---- receipts ---- */

static enum status decode_log(const struct abi_value **values, struct arena *a,
			      const struct abi_entry *event, const cJSON *log,
			      struct err *err)
{
	struct hash32 topics[ABI_TOPICS_MAX];
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(log, "topics"),
		    *topic;
	size_t n = 0;
	const char *text = NULL;
	enum status st = ST_OK;
	AUTO_BUF data = BUF_NULL;

	buf_init(&data, CALL_DATA_MAX);
	cJSON_ArrayForEach(topic, list)
	{
		if (n == ABI_TOPICS_MAX)
			return err_set(err, ST_REJECTED, "log of five topics");
		st = hex_decode_hash(&topics[n++],
				     cJSON_GetStringValue(topic) ?: "", "topic",
				     err);
		if (st != ST_OK)
			return st;
	}
	st = json_str(&text, log, "data", err);
	if (st == ST_OK)
		st = hex_decode_buf(&data, text, "log data", err);
	if (st == ST_OK)
		st = abi_decode_log(values, a, event, topics, n, data.data,
				    data.len, 0, err);
	return st;
}

enum status chain_receipt_event(const struct abi_value **values,
				struct arena *a, const struct chain *c,
				const cJSON *receipt, const char *event,
				struct err *err)
{
	const struct abi_entry *entry = NULL;
	const cJSON *log;
	enum status st = abi_find(&entry, c->abi, ABI_ENTRY_EVENT, event, err);

	if (st != ST_OK)
		return st;
	cJSON_ArrayForEach(log,
			   cJSON_GetObjectItemCaseSensitive(receipt, "logs"))
	{
		if (strcasecmp(json_str_or(log, "address", ""), c->address) ==
			0 &&
		    decode_log(values, a, entry, log, err) == ST_OK)
			return ST_OK;
	}
	return err_set(err, ST_REJECTED, "the receipt holds no %s", event);
}
