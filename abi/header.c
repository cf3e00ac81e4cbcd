/*
 * Block headers: read from JSON-RPC, hashed as consensus hashes them. Never
 * decides whether a chain is canonical.
 */
#include "abi/header.h"

#include "abi/hex.h"
#include "abi/keccak.h"
#include "abi/rlp.h"
#include "core/json.h"

static enum status get_fixed(void *out, size_t n, const cJSON *block,
			     const char *key, struct err *err)
{
	const char *text = NULL;
	enum status st = json_str(&text, block, key, err);

	return st == ST_OK ? hex_decode_fixed(out, n, text, key, err) : st;
}

static enum status get_u64(uint64_t *out, const cJSON *block, const char *key,
			   struct err *err)
{
	const char *text = NULL;
	enum status st = json_str(&text, block, key, err);

	return st == ST_OK ? hex_quantity_u64(out, text, key, err) : st;
}

static enum status get_u256(struct u256 *out, const cJSON *block,
			    const char *key, struct err *err)
{
	const char *text = NULL;
	enum status st = json_str(&text, block, key, err);

	return st == ST_OK ? hex_quantity_u256(out, text, key, err) : st;
}

static enum status get_extra(struct header *h, const cJSON *block,
			     struct err *err)
{
	const char *text = NULL;
	enum status st = json_str(&text, block, "extraData", err);
	AUTO_BUF extra = BUF_NULL;

	buf_init(&extra, sizeof(h->extra));
	if (st == ST_OK)
		st = hex_decode_buf(&extra, text, "extraData", err);
	if (st != ST_OK)
		return st;
	if (extra.len)
		memcpy(h->extra, extra.data, extra.len);
	h->extra_len = extra.len;
	return ST_OK;
}

static enum status get_fixed_fields(struct header *h, const cJSON *block,
				    struct err *err)
{
	const struct {
		const char *key;
		void *out;
		size_t len;
	} fields[] = {
		{ "hash", h->hash.b, 32 },
		{ "parentHash", h->parent_hash.b, 32 },
		{ "sha3Uncles", h->ommers_hash.b, 32 },
		{ "miner", h->beneficiary.b, 20 },
		{ "stateRoot", h->state_root.b, 32 },
		{ "transactionsRoot", h->transactions_root.b, 32 },
		{ "receiptsRoot", h->receipts_root.b, 32 },
		{ "logsBloom", h->bloom, BLOOM_LEN },
		{ "mixHash", h->mix_hash.b, 32 },
		{ "nonce", h->nonce, 8 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		enum status st = get_fixed(fields[i].out, fields[i].len, block,
					   fields[i].key, err);

		if (st != ST_OK)
			return st;
	}
	return get_extra(h, block, err);
}

static enum status get_numbers(struct header *h, const cJSON *block,
			       struct err *err)
{
	enum status st = get_u256(&h->difficulty, block, "difficulty", err);

	if (st == ST_OK)
		st = get_u64(&h->number, block, "number", err);
	if (st == ST_OK)
		st = get_u64(&h->gas_limit, block, "gasLimit", err);
	if (st == ST_OK)
		st = get_u64(&h->gas_used, block, "gasUsed", err);
	if (st == ST_OK)
		st = get_u64(&h->timestamp, block, "timestamp", err);
	return st;
}

static const char *const fork_keys[HEADER_FORK_FIELDS] = {
	[HEADER_BASE_FEE] = "baseFeePerGas",
	[HEADER_WITHDRAWALS] = "withdrawalsRoot",
	[HEADER_BLOB_GAS] = "blobGasUsed",
	[HEADER_EXCESS_BLOB_GAS] = "excessBlobGas",
	[HEADER_BEACON_ROOT] = "parentBeaconBlockRoot",
	[HEADER_REQUESTS] = "requestsHash",
};

static enum status get_fork_field(struct header *h,
				  enum header_fork_field field,
				  const cJSON *block, struct err *err)
{
	const char *key = fork_keys[field];

	switch (field) {
	case HEADER_BASE_FEE:
		return get_u256(&h->base_fee, block, key, err);
	case HEADER_WITHDRAWALS:
		return get_fixed(h->withdrawals_root.b, 32, block, key, err);
	case HEADER_BLOB_GAS:
		return get_u64(&h->blob_gas_used, block, key, err);
	case HEADER_EXCESS_BLOB_GAS:
		return get_u64(&h->excess_blob_gas, block, key, err);
	case HEADER_BEACON_ROOT:
		return get_fixed(h->beacon_root.b, 32, block, key, err);
	case HEADER_REQUESTS:
		return get_fixed(h->requests_hash.b, 32, block, key, err);
	case HEADER_FORK_FIELDS:
		break;
	}
	abort();
}

static enum status get_fork_fields(struct header *h, const cJSON *block,
				   struct err *err)
{
	bool ended = false;

	for (unsigned i = 0; i < HEADER_FORK_FIELDS; i++) {
		const cJSON *m =
		    cJSON_GetObjectItemCaseSensitive(block, fork_keys[i]);
		enum status st;

		if (!m || cJSON_IsNull(m)) {
			ended = true;
			continue;
		}
		if (ended)
			return err_set(err, ST_REJECTED,
				       "header has %s but not %s", fork_keys[i],
				       fork_keys[h->fork_fields]);
		st = get_fork_field(h, (enum header_fork_field)i, block, err);
		if (st != ST_OK)
			return st;
		h->fork_fields = i + 1;
	}
	return ST_OK;
}

enum status header_from_json(struct header *out, const cJSON *block,
			     struct err *err)
{
	struct header h = { 0 };
	enum status st = get_fixed_fields(&h, block, err);

	if (st == ST_OK)
		st = get_numbers(&h, block, err);
	if (st == ST_OK)
		st = get_fork_fields(&h, block, err);
	if (st == ST_OK)
		*out = h;
	return st;
}

static void add_fork_field(struct buf *b, const struct header *h,
			   enum header_fork_field field)
{
	switch (field) {
	case HEADER_BASE_FEE:
		rlp_add_u256(b, &h->base_fee);
		return;
	case HEADER_WITHDRAWALS:
		rlp_add_bytes(b, h->withdrawals_root.b, 32);
		return;
	case HEADER_BLOB_GAS:
		rlp_add_u64(b, h->blob_gas_used);
		return;
	case HEADER_EXCESS_BLOB_GAS:
		rlp_add_u64(b, h->excess_blob_gas);
		return;
	case HEADER_BEACON_ROOT:
		rlp_add_bytes(b, h->beacon_root.b, 32);
		return;
	case HEADER_REQUESTS:
		rlp_add_bytes(b, h->requests_hash.b, 32);
		return;
	case HEADER_FORK_FIELDS:
		break;
	}
	abort();
}

struct hash32 header_hash(const struct header *h)
{
	size_t mark;
	AUTO_BUF b = BUF_NULL;

	buf_init(&b, 4096);
	mark = rlp_list_begin(&b);
	rlp_add_bytes(&b, h->parent_hash.b, 32);
	rlp_add_bytes(&b, h->ommers_hash.b, 32);
	rlp_add_bytes(&b, h->beneficiary.b, 20);
	rlp_add_bytes(&b, h->state_root.b, 32);
	rlp_add_bytes(&b, h->transactions_root.b, 32);
	rlp_add_bytes(&b, h->receipts_root.b, 32);
	rlp_add_bytes(&b, h->bloom, BLOOM_LEN);
	rlp_add_u256(&b, &h->difficulty);
	rlp_add_u64(&b, h->number);
	rlp_add_u64(&b, h->gas_limit);
	rlp_add_u64(&b, h->gas_used);
	rlp_add_u64(&b, h->timestamp);
	rlp_add_bytes(&b, h->extra, h->extra_len);
	rlp_add_bytes(&b, h->mix_hash.b, 32);
	rlp_add_bytes(&b, h->nonce, 8);
	for (unsigned i = 0; i < h->fork_fields; i++)
		add_fork_field(&b, h, (enum header_fork_field)i);
	rlp_list_end(&b, mark);
	return keccak256(b.data, b.len);
}
