/*
 * Receipts: from JSON-RPC to the bytes whose trie root stands in the header.
 * Never trusts the order or the number of what a node sends.
 */
#include "abi/receipt.h"

#include "abi/header.h"
#include "abi/hex.h"
#include "abi/rlp.h"
#include "abi/trie.h"
#include "core/json.h"

#define RECEIPT_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define TOPICS_MAX        4

static enum status add_fixed(struct buf *out, size_t n, const cJSON *obj,
			     const char *key, struct err *err)
{
	uint8_t bytes[BLOOM_LEN];
	const char *text = NULL;
	enum status st = json_str(&text, obj, key, err);

	if (st == ST_OK)
		st = hex_decode_fixed(bytes, n, text, key, err);
	if (st == ST_OK)
		rlp_add_bytes(out, bytes, n);
	return st;
}

static enum status add_topics(struct buf *out, const cJSON *log,
			      struct err *err)
{
	const cJSON *topics = cJSON_GetObjectItemCaseSensitive(log, "topics");
	const cJSON *topic;
	size_t mark = rlp_list_begin(out);

	if (!cJSON_IsArray(topics) || cJSON_GetArraySize(topics) > TOPICS_MAX)
		return err_set(err, ST_REJECTED, "log without valid topics");
	cJSON_ArrayForEach(topic, topics)
	{
		uint8_t hash[32];
		enum status st;

		if (!cJSON_IsString(topic))
			return err_set(err, ST_REJECTED,
				       "log topic is not a string");
		st = hex_decode_fixed(hash, 32, topic->valuestring, "log topic",
				      err);
		if (st != ST_OK)
			return st;
		rlp_add_bytes(out, hash, 32);
	}
	rlp_list_end(out, mark);
	return ST_OK;
}

static enum status add_log(struct buf *out, const cJSON *log, struct err *err)
{
	const char *text = NULL;
	size_t mark = rlp_list_begin(out);
	enum status st = add_fixed(out, 20, log, "address", err);
	AUTO_BUF data = BUF_NULL;

	buf_init(&data, RECEIPT_BYTES_MAX);
	if (st == ST_OK)
		st = add_topics(out, log, err);
	if (st == ST_OK)
		st = json_str(&text, log, "data", err);
	if (st == ST_OK)
		st = hex_decode_buf(&data, text, "log data", err);
	if (st != ST_OK)
		return st;
	rlp_add_bytes(out, data.data, data.len);
	rlp_list_end(out, mark);
	return ST_OK;
}

static enum status add_logs(struct buf *out, const cJSON *receipt,
			    struct err *err)
{
	const cJSON *logs = cJSON_GetObjectItemCaseSensitive(receipt, "logs");
	const cJSON *log;
	size_t mark = rlp_list_begin(out);

	if (!cJSON_IsArray(logs))
		return err_set(err, ST_REJECTED, "receipt without logs");
	cJSON_ArrayForEach(log, logs)
	{
		enum status st = add_log(out, log, err);

		if (st != ST_OK)
			return st;
	}
	rlp_list_end(out, mark);
	return ST_OK;
}

/* The state root before Byzantium, the status code since (EIP-658). */
static enum status add_outcome(struct buf *out, const cJSON *receipt,
			       struct err *err)
{
	const char *status = json_str_or(receipt, "status", NULL);
	uint64_t code = 0;
	enum status st;

	if (!status)
		return add_fixed(out, 32, receipt, "root", err);
	st = hex_quantity_u64(&code, status, "status", err);
	if (st != ST_OK)
		return st;
	if (code > 1)
		return err_set(err, ST_REJECTED, "receipt status is above 1");
	rlp_add_u64(out, code);
	return ST_OK;
}

enum status receipt_encode(struct buf *out, const cJSON *receipt,
			   struct err *err)
{
	const char *type = json_str_or(receipt, "type", "0x0"), *gas = NULL;
	uint64_t kind = 0, used = 0;
	enum status st = hex_quantity_u64(&kind, type, "type", err);
	size_t mark;

	if (st != ST_OK)
		return st;
	if (kind > RECEIPT_TYPE_MAX)
		return err_set(err, ST_AGAIN,
			       "receipt type %s is not known to this version",
			       type);
	if (kind > 0)
		buf_add_byte(out, (uint8_t)kind);
	mark = rlp_list_begin(out);
	st = add_outcome(out, receipt, err);
	if (st == ST_OK)
		st = json_str(&gas, receipt, "cumulativeGasUsed", err);
	if (st == ST_OK)
		st = hex_quantity_u64(&used, gas, "cumulativeGasUsed", err);
	if (st != ST_OK)
		return st;
	rlp_add_u64(out, used);
	st = add_fixed(out, BLOOM_LEN, receipt, "logsBloom", err);
	if (st == ST_OK)
		st = add_logs(out, receipt, err);
	if (st != ST_OK)
		return st;
	rlp_list_end(out, mark);
	return buf_check(out, "receipt", err);
}

/* Where each receipt's encoding stands in the shared buffer. */
struct span {
	size_t start, len;
	bool seen;
};

static enum status encode_all(struct buf *all, struct span *spans, size_t n,
			      const cJSON *receipts, struct err *err)
{
	const cJSON *receipt;

	cJSON_ArrayForEach(receipt, receipts)
	{
		const char *text = NULL;
		uint64_t index = 0;
		size_t start = all->len;
		enum status st =
		    json_str(&text, receipt, "transactionIndex", err);

		if (st == ST_OK)
			st = hex_quantity_u64(&index, text, "transactionIndex",
					      err);
		if (st != ST_OK)
			return st;
		if (index >= n || spans[index].seen)
			return err_set(err, ST_REJECTED,
				       "receipts: transactionIndex %s is "
				       "repeated or past the %zu received",
				       text, n);
		st = receipt_encode(all, receipt, err);
		if (st != ST_OK)
			return st;
		spans[index] = (struct span){ start, all->len - start, true };
	}
	return ST_OK;
}

enum status receipts_root(struct hash32 *out, const cJSON *receipts,
			  struct err *err)
{
	AUTO_FREE struct span *spans = NULL;
	AUTO_FREE struct trie_value *values = NULL;
	enum status st;
	size_t n;
	AUTO_BUF all = BUF_NULL;

	buf_init(&all, RECEIPT_BYTES_MAX);
	if (!cJSON_IsArray(receipts))
		return err_set(err, ST_REJECTED, "receipts are not an array");
	n = (size_t)cJSON_GetArraySize(receipts);
	spans = mem_array(n, sizeof(*spans));
	values = mem_array(n, sizeof(*values));
	st = encode_all(&all, spans, n, receipts, err);
	if (st != ST_OK)
		return st;
	for (size_t i = 0; i < n; i++)
		values[i] = (struct trie_value){ all.data + spans[i].start,
						 spans[i].len };
	*out = trie_list_root(values, n);
	return ST_OK;
}
