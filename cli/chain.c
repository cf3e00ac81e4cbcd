/*
 * Reading the room contract for commands. Blocks until answered; never used by
 * a daemon.
 */
#include "cli/chain_int.h"

#include <inttypes.h>

#include "abi/registry.h"
#include "core/json.h"

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

enum status chain_encode(struct buf *data, const struct chain *c,
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
	st = chain_encode(&data, c, &entry, function, args, n, err);
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
