/*
 * What the replayed node tells of its chain: blocks, logs and receipts, out of
 * the history's texts. Changes nothing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "abi/hex.h"
#include "core/json.h"
#include "event.h"
#include "replay.h"

#define SAFE_DEPTH      32
#define FINALIZED_DEPTH 64

struct history *replay_chain;

void replay_add_slice(struct reply *out, struct slice s)
{
	reply_ref(out, s.p, s.n);
}

/* ---- arguments ---- */

/* A height or a tag; false: neither. */
static bool get_number(uint64_t *out, const cJSON *v)
{
	uint64_t head = history_head(replay_chain);
	const char *s = cJSON_IsString(v) ? v->valuestring : "latest";

	if (v && !cJSON_IsString(v) && !cJSON_IsNull(v))
		return false;
	if (strcmp(s, "latest") == 0 || strcmp(s, "pending") == 0)
		*out = head;
	else if (strcmp(s, "earliest") == 0)
		*out = 0;
	else if (strcmp(s, "safe") == 0)
		*out = head > SAFE_DEPTH ? head - SAFE_DEPTH : 0;
	else if (strcmp(s, "finalized") == 0)
		*out = head > FINALIZED_DEPTH ? head - FINALIZED_DEPTH : 0;
	else
		return hex_quantity_u64(out, s, "block", NULL) == ST_OK;
	return true;
}

static bool get_hash(struct hash32 *out, const cJSON *v)
{
	return cJSON_IsString(v) &&
	       hex_decode_hash(out, v->valuestring, "hash", NULL) == ST_OK;
}

/* A height, a tag or a hash: the block when it exists. */
static bool get_block(uint64_t *out, const cJSON *v)
{
	struct hash32 hash;

	if (get_hash(&hash, v))
		return history_find_block(replay_chain, &hash, out);
	return get_number(out, v) && *out <= history_head(replay_chain);
}

/* ---- log filters ---- */

/* Null, one value, or a list of alternatives. */
static bool allows(const cJSON *want, const void *have, size_t n)
{
	char text[HEX_HASH_SIZE];
	const cJSON *it;

	if (!want || cJSON_IsNull(want))
		return true;
	hex_encode(text, have, n);
	if (cJSON_IsString(want))
		return strcasecmp(want->valuestring, text) == 0;
	cJSON_ArrayForEach(it, want)
	{
		if (cJSON_IsString(it) &&
		    strcasecmp(it->valuestring, text) == 0)
			return true;
	}
	return false;
}

static bool passes(const cJSON *topics, const struct history_log *log)
{
	for (int i = 0; i < EVENT_TOPICS; i++)
		if (!allows(cJSON_GetArrayItem(topics, i), log->topics[i].b,
			    32))
			return false;
	return cJSON_GetArraySize(topics) <= EVENT_TOPICS;
}

/* Whether the filter says nothing that tells the chain's logs apart. */
static bool takes_all(const cJSON *topics, const struct hash32 *topic0)
{
	for (int i = 1; i < cJSON_GetArraySize(topics); i++)
		if (!cJSON_IsNull(cJSON_GetArrayItem(topics, i)))
			return false;
	return allows(cJSON_GetArrayItem(topics, 0), topic0->b, 32);
}

void replay_add_logs(struct reply *out, const cJSON *filter, uint64_t from,
		     uint64_t to)
{
	const cJSON *topics =
	    cJSON_GetObjectItemCaseSensitive(filter, "topics");
	uint64_t at = history_first_log(replay_chain, from);
	uint64_t end = history_first_log(replay_chain, to + 1);
	bool any = false;

	if (!allows(cJSON_GetObjectItemCaseSensitive(filter, "address"),
		    event_contract.b, sizeof(event_contract.b)))
		return;
	for (; at < end; at++) {
		struct history_log log = history_log(replay_chain, at);

		if (!any && takes_all(topics, &log.topics[0])) {
			replay_add_slice(out,
					 history_logs(replay_chain, from, to));
			return;
		}
		if (!passes(topics, &log))
			continue;
		reply_str(out, any ? "," : "");
		replay_add_slice(out, log.text);
		any = true;
	}
}

/* ---- methods ---- */

static const char *block_number(struct client *c, const cJSON *p,
				struct reply *out)
{
	(void)c;
	(void)p;
	reply_printf(out, "\"0x%" PRIx64 "\"", history_head(replay_chain));
	return NULL;
}

static const char *chain_id(struct client *c, const cJSON *p, struct reply *out)
{
	(void)c;
	(void)p;
	reply_printf(out, "\"0x%x\"", EVENT_CHAIN_ID);
	return NULL;
}

static const char *net_version(struct client *c, const cJSON *p,
			       struct reply *out)
{
	(void)c;
	(void)p;
	reply_printf(out, "\"%d\"", EVENT_CHAIN_ID);
	return NULL;
}

static const char *client_version(struct client *c, const cJSON *p,
				  struct reply *out)
{
	(void)c;
	(void)p;
	reply_str(out, "\"chaincast-bench\"");
	return NULL;
}

static const char *syncing(struct client *c, const cJSON *p, struct reply *out)
{
	(void)c;
	(void)p;
	reply_str(out, "false");
	return NULL;
}

/* The contract has code (of one byte); nobody else has. */
static const char *get_code(struct client *c, const cJSON *p, struct reply *out)
{
	(void)c;
	reply_str(out, allows(cJSON_GetArrayItem(p, 0), event_contract.b, 20)
			   ? "\"0xfe\""
			   : "\"0x\"");
	return NULL;
}

static const char *call(struct client *c, const cJSON *p, struct reply *out)
{
	(void)c;
	(void)p;
	(void)out;
	return "3,\"message\":\"execution reverted\"";
}

static const char *get_block_by(struct client *c, const cJSON *p,
				struct reply *out)
{
	uint64_t number;

	(void)c;
	if (cJSON_IsTrue(cJSON_GetArrayItem(p, 1)))
		return "-32602,\"message\":\"transactions are not kept\"";
	if (get_block(&number, cJSON_GetArrayItem(p, 0)))
		replay_add_slice(out, history_block(replay_chain, number));
	else
		reply_str(out, "null");
	return NULL;
}

static const char *get_logs(struct client *c, const cJSON *p, struct reply *out)
{
	const cJSON *filter = cJSON_GetArrayItem(p, 0);
	const cJSON *hash =
	    cJSON_GetObjectItemCaseSensitive(filter, "blockHash");
	uint64_t from, to, head = history_head(replay_chain);

	(void)c;
	if (hash) {
		if (!get_block(&from, hash))
			return "-32000,\"message\":\"unknown block\"";
		to = from;
	} else if (!get_number(&from, cJSON_GetObjectItemCaseSensitive(
					  filter, "fromBlock")) ||
		   !get_number(&to, cJSON_GetObjectItemCaseSensitive(
					filter, "toBlock")) ||
		   from > to) {
		return REPLAY_INVALID;
	}
	reply_str(out, "[");
	if (from <= head)
		replay_add_logs(out, filter, from, to < head ? to : head);
	reply_str(out, "]");
	return NULL;
}

static void add_receipt(struct reply *out, uint64_t tx)
{
	struct history_receipt r = history_receipt(replay_chain, tx);

	replay_add_slice(out, r.head);
	replay_add_slice(out, r.logs);
	replay_add_slice(out, r.tail);
}

static const char *get_block_receipts(struct client *c, const cJSON *p,
				      struct reply *out)
{
	uint64_t number, first;

	(void)c;
	if (!get_block(&number, cJSON_GetArrayItem(p, 0))) {
		reply_str(out, "null");
		return NULL;
	}
	first = history_first_tx(replay_chain, number);
	reply_str(out, "[");
	for (uint64_t tx = first;
	     tx < history_first_tx(replay_chain, number + 1); tx++) {
		reply_str(out, tx > first ? "," : "");
		add_receipt(out, tx);
	}
	reply_str(out, "]");
	return NULL;
}

static const char *get_receipt(struct client *c, const cJSON *p,
			       struct reply *out)
{
	struct hash32 hash;
	uint64_t tx;

	(void)c;
	if (!get_hash(&hash, cJSON_GetArrayItem(p, 0)))
		return REPLAY_INVALID;
	if (history_find_tx(replay_chain, &hash, &tx))
		add_receipt(out, tx);
	else
		reply_str(out, "null");
	return NULL;
}

const struct replay_method replay_reads[REPLAY_READS] = {
	{ "eth_getBlockByNumber", get_block_by },
	{ "eth_getBlockByHash", get_block_by },
	{ "eth_getLogs", get_logs },
	{ "eth_getBlockReceipts", get_block_receipts },
	{ "eth_getTransactionReceipt", get_receipt },
	{ "eth_blockNumber", block_number },
	{ "eth_chainId", chain_id },
	{ "eth_getCode", get_code },
	{ "eth_call", call },
	{ "eth_syncing", syncing },
	{ "net_version", net_version },
	{ "web3_clientVersion", client_version },
};
