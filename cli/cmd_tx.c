/*
 * chaincast tx: signs a transaction described as JSON, and takes apart the
 * bytes of any transaction. Talks to no node.
 */
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "abi/keccak.h"
#include "abi/tx.h"
#include "abi/u256.h"
#include "cli/cli.h"
#include "cli/keyarg.h"
#include "core/json.h"

static const char *const fields[] = {
	"type",  "chainId",    "nonce",        "to",
	"value", "gas",        "maxFeePerGas", "maxPriorityFeePerGas",
	"data",  "accessList", "input",        "gasLimit",
	"from",
};

static enum status check_fields(const cJSON *obj, struct err *err)
{
	const cJSON *item;

	if (!cJSON_IsObject(obj))
		return err_set(err, ST_REJECTED,
			       "tx: expected a JSON object of its fields");
	cJSON_ArrayForEach(item, obj)
	{
		size_t i = 0;

		while (i < ARRAY_SIZE(fields) &&
		       strcmp(fields[i], item->string) != 0)
			i++;
		if (i == ARRAY_SIZE(fields))
			return err_set(err, ST_REJECTED,
				       "tx: unknown field \"%.40s\"",
				       item->string);
	}
	return ST_OK;
}

/* A JSON number below 2^53, or decimal or 0x text; absent: *out untouched */
static enum status number(struct u256 *out, const cJSON *obj, const char *key,
			  bool required, struct err *err)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(obj, key);
	uint64_t n;
	enum status st;

	if (!v || cJSON_IsNull(v))
		return required
			   ? err_set(err, ST_REJECTED, "tx: %s is missing", key)
			   : ST_OK;
	if (cJSON_IsString(v)) {
		if (strcmp(v->valuestring, "0x") == 0) {
			*out = u256_from_u64(0);
			return ST_OK;
		}
		return u256_parse(out, v->valuestring, key, err);
	}
	st = json_u64(&n, obj, key, err);
	if (st == ST_OK)
		*out = u256_from_u64(n);
	return st;
}

static enum status access_keys(struct tx_access *out, const cJSON *entry,
			       struct arena *a, struct err *err)
{
	const cJSON *keys =
	    cJSON_GetObjectItemCaseSensitive(entry, "storageKeys");
	const cJSON *key;
	struct hash32 *list;
	enum status st = ST_OK;
	size_t n = 0;

	if (!cJSON_IsArray(keys))
		return err_set(err, ST_REJECTED,
			       "accessList: storageKeys must be an array");
	list = arena_array(a, (size_t)cJSON_GetArraySize(keys), sizeof(*list));
	cJSON_ArrayForEach(key, keys)
	{
		if (!cJSON_IsString(key))
			return err_set(err, ST_REJECTED,
				       "accessList: a storage key is no text");
		st = hex_decode_hash(&list[n++], key->valuestring,
				     "storage key", err);
		if (st != ST_OK)
			return st;
	}
	out->keys = list;
	out->key_count = n;
	return ST_OK;
}

static enum status access_list(struct tx *tx, const cJSON *obj, struct arena *a,
			       struct err *err)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(obj, "accessList");
	const cJSON *entry;
	struct tx_access *out;
	const char *text;
	enum status st = ST_OK;

	if (!list || cJSON_IsNull(list))
		return ST_OK;
	if (!cJSON_IsArray(list))
		return err_set(err, ST_REJECTED, "accessList: not an array");
	out = arena_array(a, (size_t)cJSON_GetArraySize(list), sizeof(*out));
	tx->access = out;
	cJSON_ArrayForEach(entry, list)
	{
		st = json_str(&text, entry, "address", err);
		if (st == ST_OK)
			st = hex_decode_address(&out->address, text,
						"accessList address", err);
		if (st == ST_OK)
			st = access_keys(out, entry, a, err);
		if (st != ST_OK)
			return st;
		out++;
		tx->access_count++;
	}
	return ST_OK;
}

static enum status to_and_data(struct tx *tx, struct buf *data,
			       const cJSON *obj, struct err *err)
{
	const char *to = json_str_or(obj, "to", NULL);
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(obj, "data");
	enum status st;

	if (!v)
		v = cJSON_GetObjectItemCaseSensitive(obj, "input");
	tx->has_to = to != NULL;
	if (to) {
		st = hex_decode_address(&tx->to, to, "to", err);
		if (st != ST_OK)
			return st;
	}
	if (!v || cJSON_IsNull(v))
		return ST_OK;
	if (!cJSON_IsString(v))
		return err_set(err, ST_REJECTED, "tx: data is no text");
	st = hex_decode_buf(data, v->valuestring, "data", err);
	tx->data = data->data;
	tx->data_len = data->len;
	return st;
}

static enum status from_json(struct tx *tx, struct buf *data, struct arena *a,
			     const cJSON *obj, struct err *err)
{
	struct u256 type = u256_from_u64(TX_DYNAMIC_FEE);
	bool has_gas = cJSON_GetObjectItemCaseSensitive(obj, "gas") != NULL;
	enum status st = check_fields(obj, err);

	*tx = (struct tx){ .type = TX_DYNAMIC_FEE, .has_chain_id = true };
	if (st == ST_OK)
		st = number(&type, obj, "type", false, err);
	if (st != ST_OK)
		return st;
	if (type.w[0] != TX_DYNAMIC_FEE || !u256_fits(&type, 8))
		return err_set(err, ST_REJECTED,
			       "tx: type must be 2 (EIP-1559)");
	st = number(&tx->chain_id, obj, "chainId", true, err);
	if (st == ST_OK)
		st = number(&tx->nonce, obj, "nonce", true, err);
	if (st == ST_OK)
		st = number(&tx->gas, obj, has_gas ? "gas" : "gasLimit", true,
			    err);
	if (st == ST_OK)
		st = number(&tx->max_fee, obj, "maxFeePerGas", true, err);
	if (st == ST_OK)
		st = number(&tx->max_priority, obj, "maxPriorityFeePerGas",
			    true, err);
	if (st == ST_OK)
		st = number(&tx->value, obj, "value", false, err);
	if (st == ST_OK &&
	    (!u256_fits(&tx->nonce, 64) || !u256_fits(&tx->gas, 64)))
		return err_set(err, ST_REJECTED,
			       "tx: nonce and gas must be below 2^64");
	if (st == ST_OK)
		st = to_and_data(tx, data, obj, err);
	return st == ST_OK ? access_list(tx, obj, a, err) : st;
}

static enum status sign_and_print(const struct cli *cli, const struct tx *tx,
				  struct err *err)
{
	uint8_t key[32];
	struct hash32 hash;
	char text[HEX_HASH_SIZE];
	enum status st = key_from_opts(key, cli, err);
	AUTO_BUF raw = BUF_NULL;
	AUTO_BUF hex = BUF_NULL;

	buf_init(&raw, TX_SIZE_MAX);
	buf_init(&hex, 2 * TX_SIZE_MAX + 2);
	if (st == ST_OK)
		st = tx_sign(&raw, &hash, tx, key, err);
	explicit_bzero(key, sizeof(key));
	if (st != ST_OK)
		return st;
	hex_add(&hex, raw.data, raw.len);
	if (cli->json)
		printf("{\"raw\":\"%s\",\"hash\":\"%s\"}\n", buf_str(&hex),
		       hex_hash(text, &hash));
	else
		printf("%s\n", buf_str(&hex));
	return ST_OK;
}

static enum status tx_sign_cmd(struct cli *cli, struct err *err)
{
	AUTO(arena) struct arena *a = arena_new(TX_ARENA_MAX);
	AUTO_JSON cJSON *obj = NULL;
	struct tx tx;
	enum status st;
	AUTO_BUF text = BUF_NULL;
	AUTO_BUF data = BUF_NULL;

	buf_init(&text, TX_SIZE_MAX);
	buf_init(&data, TX_SIZE_MAX / 4);
	st = cli_arg(&text, cli, 0, "unsigned fields", err);
	if (st == ST_OK)
		st = json_parse(&obj, buf_str(&text), text.len,
				"unsigned fields", err);
	if (st == ST_OK)
		st = from_json(&tx, &data, a, obj, err);
	return st == ST_OK ? sign_and_print(cli, &tx, err) : st;
}

/* --- Decoding ----------------------------------------------------------- */

static void put_number(cJSON *obj, const char *key, const struct u256 *v)
{
	char text[U256_DEC_SIZE];

	cJSON_AddStringToObject(obj, key, u256_to_dec(text, v));
}

static void put_hex(cJSON *obj, const char *key, const void *p, size_t n)
{
	AUTO_BUF b = BUF_NULL;

	buf_init(&b, 2 * TX_SIZE_MAX + 2);
	hex_add(&b, p, n);
	cJSON_AddStringToObject(obj, key, buf_str(&b));
}

static void put_lists(cJSON *obj, const struct tx *tx)
{
	char text[HEX_HASH_SIZE];
	cJSON *list;

	list = cJSON_AddArrayToObject(obj, "accessList");
	for (size_t i = 0; i < tx->access_count; i++) {
		cJSON *entry = cJSON_CreateObject(), *keys;

		put_hex(entry, "address", tx->access[i].address.b, 20);
		keys = cJSON_AddArrayToObject(entry, "storageKeys");
		for (size_t k = 0; k < tx->access[i].key_count; k++)
			cJSON_AddItemToArray(
			    keys, cJSON_CreateString(
				      hex_hash(text, &tx->access[i].keys[k])));
		cJSON_AddItemToArray(list, entry);
	}
	if (tx->type == TX_BLOB) {
		put_number(obj, "maxFeePerBlobGas", &tx->max_blob_fee);
		list = cJSON_AddArrayToObject(obj, "blobVersionedHashes");
		for (size_t i = 0; i < tx->blob_count; i++)
			cJSON_AddItemToArray(
			    list, cJSON_CreateString(
				      hex_hash(text, &tx->blob_hashes[i])));
	}
	if (tx->type != TX_SET_CODE)
		return;
	list = cJSON_AddArrayToObject(obj, "authorizationList");
	for (size_t i = 0; i < tx->authorization_count; i++) {
		const struct tx_authorization *a = &tx->authorizations[i];
		cJSON *entry = cJSON_CreateObject();

		put_number(entry, "chainId", &a->chain_id);
		put_hex(entry, "address", a->address.b, 20);
		put_number(entry, "nonce", &a->nonce);
		cJSON_AddNumberToObject(entry, "yParity", a->sig.y_parity);
		put_number(entry, "r", &a->sig.r);
		put_number(entry, "s", &a->sig.s);
		cJSON_AddItemToArray(list, entry);
	}
}

static void put_fields(cJSON *obj, const struct tx *tx)
{
	cJSON_AddNumberToObject(obj, "type", tx->type);
	if (tx->has_chain_id)
		put_number(obj, "chainId", &tx->chain_id);
	put_number(obj, "nonce", &tx->nonce);
	if (tx->has_to)
		put_hex(obj, "to", tx->to.b, 20);
	else
		cJSON_AddNullToObject(obj, "to");
	put_number(obj, "value", &tx->value);
	put_number(obj, "gas", &tx->gas);
	if (tx->type <= TX_ACCESS_LIST) {
		put_number(obj, "gasPrice", &tx->gas_price);
	} else {
		put_number(obj, "maxFeePerGas", &tx->max_fee);
		put_number(obj, "maxPriorityFeePerGas", &tx->max_priority);
	}
	put_hex(obj, "data", tx->data, tx->data_len);
	if (tx->type != TX_LEGACY)
		put_lists(obj, tx);
}

static enum status put_signature(cJSON *obj, const struct tx *tx,
				 const struct buf *raw, struct err *err)
{
	struct hash32 hash = keccak256(raw->data, raw->len);
	struct address from;
	char text[HEX_ADDRESS_SIZE];
	uint8_t word[32];
	enum status st;

	if (!tx->is_signed)
		return ST_OK;
	st = tx_sender(&from, tx, err);
	if (st != ST_OK)
		return st;
	cJSON_AddNumberToObject(obj, "yParity", tx->sig.y_parity);
	u256_to_be(word, &tx->sig.r);
	put_hex(obj, "r", word, 32);
	u256_to_be(word, &tx->sig.s);
	put_hex(obj, "s", word, 32);
	cJSON_AddStringToObject(obj, "from", hex_address_checksum(text, &from));
	put_hex(obj, "hash", hash.b, 32);
	return ST_OK;
}

static void print_plain(const cJSON *obj)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, obj)
	{
		AUTO_FREE char *text = cJSON_IsString(item)
					   ? mem_strdup(item->valuestring)
					   : cJSON_PrintUnformatted(item);

		printf("%s: %s\n", item->string, text);
	}
}

static enum status tx_decode_cmd(struct cli *cli, struct err *err)
{
	AUTO(arena) struct arena *a = arena_new(TX_ARENA_MAX);
	AUTO_JSON cJSON *obj = cJSON_CreateObject();
	struct tx tx;
	enum status st;
	AUTO_BUF text = BUF_NULL;
	AUTO_BUF raw = BUF_NULL;

	buf_init(&text, 2 * TX_SIZE_MAX + 2);
	buf_init(&raw, TX_SIZE_MAX);
	st = cli_arg(&text, cli, 0, "transaction", err);
	if (st == ST_OK)
		st = hex_decode_buf(&raw, buf_str(&text), "transaction", err);
	if (st == ST_OK)
		st = tx_decode(&tx, a, raw.data, raw.len, err);
	if (st != ST_OK)
		return st;
	put_fields(obj, &tx);
	st = put_signature(obj, &tx, &raw, err);
	if (st != ST_OK)
		return st;
	if (cli->json) {
		AUTO_FREE char *json = cJSON_PrintUnformatted(obj);

		printf("%s\n", json);
	} else {
		print_plain(obj);
	}
	return ST_OK;
}

const struct command cmd_tx[] = {
	{ "tx sign", KEY_USAGE " [FIELDS-JSON]",
	  "sign an EIP-1559 transaction whose fields are JSON on standard "
	  "input",
	  KEY_OPTIONS, "", tx_sign_cmd },
	{ "tx decode", "[0x…]",
	  "fields, sender and hash of a transaction, from standard input or "
	  "the argument",
	  "", "", tx_decode_cmd },
	{ 0 },
};
