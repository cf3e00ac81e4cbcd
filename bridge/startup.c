/*
 * What must hold on chain before the bridge may act: the right chain, the
 * contract, a key with the role, the provider's account as the origin there.
 * Blocking; it changes nothing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "abi/keccak.h"
#include "bridge/bridge.h"
#include "bridge/bridgekey.h"
#include "core/json.h"
#include "core/log.h"

#define RETURN_MAX 65536

/* One call at the endpoint whose chain is known to be ours. */
static enum status ask(struct bridge *b, cJSON **out, const char *method,
		       const char *params, struct err *err)
{
	return rpc_wait_unless(out, b->rpcs[b->start_rpc], method, params,
			       &b->stopping, err);
}

static enum status ask_text(struct bridge *b, struct buf *out,
			    const char *method, const char *params,
			    struct err *err)
{
	AUTO_JSON cJSON *res = NULL;
	enum status st = ask(b, &res, method, params, err);

	if (st != ST_OK)
		return st;
	if (!cJSON_IsString(res))
		return err_set(err, ST_TRANSIENT, "%s: no text answered",
			       method);
	buf_add_str(out, res->valuestring);
	return buf_check(out, method, err);
}

/* eth_call of the registry: selector of @signature, then @args. */
static enum status view(struct bridge *b, struct buf *out,
			const char *signature, const uint8_t *args, size_t n,
			struct err *err)
{
	struct hash32 hash = keccak256(signature, strlen(signature));
	char to[HEX_ADDRESS_SIZE];
	AUTO_BUF params = BUF_NULL, text = BUF_NULL;
	enum status st;

	buf_init(&params, 4096);
	buf_init(&text, 2 * RETURN_MAX + 16);
	buf_printf(&params, "[{\"to\":\"%s\",\"data\":\"",
		   hex_encode(to, b->cfg->registry.address, 20));
	hex_add(&params, hash.b, 4);
	if (n) {
		AUTO_FREE char *hex = (char *)mem_zalloc(2 * n + 1);

		buf_add_str(&params, hex_encode_bare(hex, args, n));
	}
	buf_add_str(&params, "\"},\"latest\"]");
	st = ask_text(b, &text, "eth_call", buf_str(&params), err);
	if (st != ST_OK)
		return st;
	buf_init(out, RETURN_MAX);
	return hex_decode_buf(out, buf_str(&text), signature, err);
}

/* Word @at of an answer as a small number; false when it is none. */
static bool word(uint64_t *out, const struct buf *b, size_t at)
{
	uint64_t v = 0;
	size_t i;

	if (at > b->len || b->len - at < 32)
		return false;
	for (i = 0; i < 24; i++)
		if (b->data[at + i])
			return false;
	for (; i < 32; i++)
		v = v << 8 | b->data[at + i];
	*out = v;
	return true;
}

static enum status ask_chain(struct bridge *b, uint64_t *id, struct err *err)
{
	AUTO_BUF text = BUF_NULL;
	enum status st;

	buf_init(&text, 128);
	st = ask_text(b, &text, "eth_chainId", "[]", err);
	if (st == ST_OK)
		st = hex_quantity_u64(id, buf_str(&text), "eth_chainId", err);
	if (st != ST_OK || *id == b->cfg->chain.chain_id)
		return st;
	return err_set(err, ST_REJECTED,
		       "chain.endpoints: the node is on chain %" PRIu64
		       ", chain.chain_id is %" PRIu64,
		       *id, b->cfg->chain.chain_id);
}

/* The first endpoint from @from on that is on our chain answers all that
 * follows. One that does not answer may yet be it, one on another chain never
 * is. */
static enum status check_chain(struct bridge *b, size_t from, struct err *err)
{
	AUTO_FREE uint64_t *ids =
	    (uint64_t *)mem_array(b->rpc_count, sizeof(*ids));
	enum status st = ST_REJECTED;
	struct err why;

	for (b->start_rpc = from; b->start_rpc < b->rpc_count; b->start_rpc++) {
		enum status one = ask_chain(b, &ids[b->start_rpc], &why);

		if (one == ST_OK)
			break;
		if (one == ST_AGAIN)
			return one;
		if (b->start_rpc == from || one == ST_TRANSIENT) {
			st = one;
			*err = why;
		}
	}
	if (b->start_rpc == b->rpc_count)
		return st;
	for (size_t i = from; i < b->start_rpc; i++)
		if (ids[i])
			log_odd("endpoint_excluded",
				F_STR("endpoint", rpc_label(b->rpcs[i])),
				F_U64("chain_id", ids[i]),
				F_U64("wanted", b->cfg->chain.chain_id));
	return ST_OK;
}

static enum status check_contract(struct bridge *b, struct err *err)
{
	char address[HEX_ADDRESS_SIZE], params[96];
	AUTO_BUF text = BUF_NULL;
	enum status st;

	buf_init(&text, 256 * 1024);
	hex_encode(address, b->cfg->registry.address, 20);
	(void)snprintf(params, sizeof(params), "[\"%s\",\"latest\"]", address);
	st = ask_text(b, &text, "eth_getCode", params, err);
	if (st != ST_OK)
		return st;
	if (text.len <= 2)
		return err_set(err, ST_REJECTED,
			       "registry.address: no contract at %s", address);
	return ST_OK;
}

static enum status ask_role(struct bridge *b, struct lanes_key *k,
			    struct err *err)
{
	struct hash32 role = keccak256("BRIDGE_ROLE", 11);
	uint8_t args[64] = { 0 };
	struct buf out = { 0 };
	uint64_t yes = 0;
	enum status st;

	memcpy(args, role.b, 32);
	memcpy(args + 44, k->who.b, 20);
	st = view(b, &out, "hasRole(bytes32,address)", args, sizeof(args), err);
	k->role = st == ST_OK && word(&yes, &out, 0) && yes == 1;
	buf_deinit(&out);
	return st;
}

/* What an operator should know of a key; nothing hangs on it. */
static enum status tell_key(struct bridge *b, const struct lanes_key *k,
			    struct err *err)
{
	char params[HEX_ADDRESS_SIZE + 16], text[HEX_ADDRESS_SIZE];
	char wei[80] = "?";
	AUTO_BUF balance = BUF_NULL;
	enum status st;

	buf_init(&balance, 128);
	(void)snprintf(params, sizeof(params), "[\"%s\",\"latest\"]",
		       hex_address(text, &k->who));
	st = ask_text(b, &balance, "eth_getBalance", params, err);
	if (st == ST_TRANSIENT)
		return st;
	if (st == ST_OK)
		(void)snprintf(wei, sizeof(wei), "%.0f",
			       strtod(buf_str(&balance), NULL));
	log_info("signing_key", F_HEX("signer", k->who.b, 20),
		 F_STR("role", k->role ? "held" : "missing"),
		 F_STR("balance_wei", wei));
	return ST_OK;
}

/* One key that may write is enough to start: the others' lanes wait. */
static enum status check_keys(struct bridge *b, struct err *err)
{
	char text[HEX_ADDRESS_SIZE];
	size_t roles = 0;

	for (size_t i = 0; i < b->signer_count; i++) {
		enum status st = ask_role(b, &b->keys[i], err);

		if (st == ST_OK)
			st = tell_key(b, &b->keys[i], err);
		if (st != ST_OK)
			return st;
		roles += b->keys[i].role;
	}
	if (roles)
		return ST_OK;
	return err_set(err, ST_REJECTED,
		       "the signer %s%s the bridge role of the registry; grant "
		       "it BRIDGE_ROLE",
		       hex_address(text, &b->keys[0].who),
		       b->signer_count == 1
			   ? " lacks"
			   : ", like all others of the config, lacks");
}

/* (string prefix, string[] suffixes): the prefix alone. */
static bool origin_matches(const struct buf *out, const char *prefix)
{
	uint64_t at, len;

	if (!word(&at, out, 0) || at > out->len || !word(&len, out, at))
		return false;
	at += 32;
	return len == strlen(prefix) && out->len - at >= len &&
	       memcmp(out->data + at, prefix, len) == 0;
}

static enum status check_origin(struct bridge *b, struct err *err)
{
	struct bridge_facts *f = &b->facts;
	struct buf out = { 0 };
	uint8_t arg[32] = { 0 };
	uint64_t count = 0, i;
	enum status st;

	(void)snprintf(f->origin, sizeof(f->origin),
		       "https://customer-%s.cloudflarestream.com/",
		       b->cfg->cloudflare.customer_code);
	st = view(b, &out, "originCount()", NULL, 0, err);
	if (st == ST_OK && (!word(&count, &out, 0) || count > UINT16_MAX))
		st = err_set(err, ST_REJECTED,
			     "the contract has no originCount()");
	buf_deinit(&out);
	/* The newest of several first. */
	for (i = count; st == ST_OK && i > 0; i--) {
		bool match;

		arg[30] = (uint8_t)(i >> 8);
		arg[31] = (uint8_t)i;
		st = view(b, &out, "origin(uint16)", arg, sizeof(arg), err);
		match = st == ST_OK && origin_matches(&out, f->origin);
		buf_deinit(&out);
		if (match) {
			f->origin_id = (uint16_t)i;
			return ST_OK;
		}
	}
	if (st != ST_OK)
		return st;
	return err_set(err, ST_REJECTED,
		       "cloudflare.customer_code: none of the %" PRIu64
		       " origins on chain begins with %s",
		       count, f->origin);
}

/* (uint16 keyId, bytes key). Restream is not worth a refusal to start. */
static enum status check_bridge_key(struct bridge *b, struct err *err)
{
	AUTO_BUF text = BUF_NULL;
	struct buf out = { 0 };
	uint64_t head, id = 0, at = 0, len = 0;
	enum status st;

	buf_init(&text, 128);
	st = ask_text(b, &text, "eth_blockNumber", "[]", err);
	if (st == ST_OK)
		st = hex_quantity_u64(&head, buf_str(&text), "eth_blockNumber",
				      err);
	if (st == ST_OK)
		st = view(b, &out, "bridgeKey()", NULL, 0, err);
	if (st == ST_OK &&
	    (!word(&id, &out, 0) || id > UINT16_MAX || !word(&at, &out, 32) ||
	     !word(&len, &out, at) || out.len - at - 32 < len))
		st = err_set(err, ST_REJECTED,
			     "the contract has no bridgeKey()");
	if (st == ST_OK)
		bridgekey_judge(b, head, (uint16_t)id, out.data + at + 32,
				(size_t)len);
	buf_deinit(&out);
	return st;
}

/* The deployment: derived from the chain, never from the database. */
static enum status find_deployment(struct bridge *b, struct err *err)
{
	AUTO_JSON cJSON *block = NULL;
	uint8_t seed[32 + 20 + 8];
	struct hash32 genesis, hash;
	const char *text;
	uint64_t start = b->cfg->registry.start_block;
	enum status st =
	    ask(b, &block, "eth_getBlockByNumber", "[\"0x0\",false]", err);
	size_t i;

	if (st == ST_OK)
		st = json_str(&text, block, "hash", err);
	if (st == ST_OK)
		st = hex_decode_hash(&genesis, text, "genesis hash", err);
	if (st != ST_OK)
		return st;
	memcpy(seed, genesis.b, 32);
	memcpy(seed + 32, b->cfg->registry.address, 20);
	for (i = 0; i < 8; i++)
		seed[52 + i] = (uint8_t)(start >> (56 - 8 * i));
	hash = keccak256(seed, sizeof(seed));
	hex_encode_bare(b->facts.deployment, hash.b, 8);
	return ST_OK;
}

static enum status check_registry(struct bridge *b, struct err *err)
{
	enum status st = check_contract(b, err);

	if (st == ST_OK)
		st = check_keys(b, err);
	if (st == ST_OK)
		st = check_origin(b, err);
	if (st == ST_OK)
		st = check_bridge_key(b, err);
	if (st == ST_OK)
		st = find_deployment(b, err);
	return st;
}

/* A gateway may know its chain while the node behind it is down. */
enum status startup_check_chain(struct bridge *b, struct err *err)
{
	enum status st = check_chain(b, 0, err), next = st;
	struct err why;

	while (next == ST_OK) {
		st = check_registry(b, err);
		if (st != ST_TRANSIENT)
			return st;
		next = check_chain(b, b->start_rpc + 1, &why);
	}
	return st;
}
