/*
 * What each call of chaincast admin takes, and whether it makes sense now;
 * those about the admin's own role are in admin_transfer.c. Sends nothing.
 */
#include <inttypes.h>
#include <string.h>

#include "abi/hex.h"
#include "abi/seal.h"
#include "abi/u256.h"
#include "cli/admin.h"
#include "cli/views.h"
#include "core/json.h"

#define FEE_BITS     104
#define TITLE_MAX    1024
#define PREFIX_MAX   256
#define SUFFIX_MAX   128
#define SUFFIXES_MAX 32
#define CUSTOMER_MAX 100

/* ---- arguments ---- */

void admin_add_text(struct admin *m, const char *text)
{
	cJSON_AddItemToArray(m->args, mem_check(cJSON_CreateString(text)));
}

enum status admin_add_address(struct admin *m, int i, struct err *err)
{
	struct address a;
	enum status st =
	    hex_decode_address(&a, m->cli->args[i], "the address", err);

	if (st != ST_OK)
		return st;
	if (address_eq(&a, &(struct address){ 0 }))
		return err_set(err, ST_REJECTED,
			       "the zero address is nobody's");
	admin_add_text(m, m->cli->args[i]);
	return ST_OK;
}

enum status admin_read_num(struct u256 *out, const char *text, const char *what,
			   unsigned bits, struct err *err)
{
	enum status st = u256_parse(out, text, what, err);

	if (st == ST_OK && !u256_fits(out, bits))
		return err_set(err, ST_REJECTED, "%s: %s is not below 2^%u",
			       what, text, bits);
	return st;
}

static const char *arg_text(const struct admin *m, int i)
{
	return cJSON_GetStringValue(cJSON_GetArrayItem(m->args, i)) ?: "";
}

/* ---- set-limits ---- */

static const struct {
	const char *option, *member;
	int64_t max;
} limit_options[] = {
	{ "max-open-per-host", "maxOpenPerHost", UINT32_MAX },
	{ "max-open-total", "maxOpenTotal", UINT32_MAX },
	{ "max-age", "maxAge", UINT32_MAX },
	{ "max-title", "maxTitle", TITLE_MAX },
};

/* Those not named stay null until what they are now is known. */
enum status admin_parse_limits(struct admin *m, struct err *err)
{
	const char *fee = cli_opt(m->cli, "fee");
	struct u256 wei;
	char text[U256_DEC_SIZE];
	int named = fee != NULL;
	enum status st;

	for (size_t i = 0; i < ARRAY_SIZE(limit_options); i++) {
		int64_t v = -1;

		st = cli_number(&v, m->cli, limit_options[i].option, 0,
				limit_options[i].max, err);
		if (st != ST_OK)
			return st;
		snprintf(text, sizeof(text), "%" PRId64, v);
		cJSON_AddItemToArray(m->args, v < 0 ? cJSON_CreateNull()
						    : cJSON_CreateString(text));
		named += v >= 0;
	}
	if (!named)
		return err_set(err, ST_REJECTED,
			       "name a limit: --max-open-per-host, "
			       "--max-open-total, --max-age, --max-title or "
			       "--fee");
	if (!fee) {
		cJSON_AddItemToArray(m->args, cJSON_CreateNull());
		return ST_OK;
	}
	st = admin_read_num(&wei, fee, "--fee", FEE_BITS, err);
	if (st == ST_OK)
		admin_add_text(m, u256_to_dec(text, &wei));
	return st;
}

enum status admin_check_limits(struct admin *m, struct err *err)
{
	enum status st =
	    views_json(&m->before, m->chain, "limits", NULL, 0, err);
	const cJSON *was;
	bool differs = false;
	int i = 0;

	if (st != ST_OK)
		return st;
	cJSON_ArrayForEach(was, m->before)
	{
		const cJSON *arg = cJSON_GetArrayItem(m->args, i);

		if (cJSON_IsNull(arg))
			cJSON_ReplaceItemInArray(m->args, i,
						 cJSON_Duplicate(was, true));
		else
			differs |= !cJSON_Compare(arg, was, true);
		i++;
	}
	if (!differs)
		return err_set(err, ST_REJECTED, "the limits are so already");
	return ST_OK;
}

/* ---- add-origin ---- */

/* By IRoomRegistry's kinds: hls, dash, webrtc, iframe, lifecycle, views,
 * thumbnail. */
static const char *const cloudflare_suffixes[] = {
	"/manifest/video.m3u8",
	"/manifest/video.mpd",
	"/webRTC/play",
	"/iframe",
	"/lifecycle",
	"/views",
	"/thumbnails/thumbnail.jpg",
};

static enum status cloudflare_origin(struct admin *m, const char *customer,
				     struct err *err)
{
	char prefix[CUSTOMER_MAX + 64];
	size_t n = strlen(customer);

	if (n == 0 || n > CUSTOMER_MAX ||
	    strspn(customer, "abcdefghijklmnopqrstuvwxyz0123456789") != n)
		return err_set(err, ST_REJECTED,
			       "--customer: the CODE of "
			       "customer-CODE.cloudflarestream.com");
	snprintf(prefix, sizeof(prefix),
		 "https://customer-%s.cloudflarestream.com/", customer);
	admin_add_text(m, prefix);
	cJSON_AddItemToArray(
	    m->args, cJSON_CreateStringArray(cloudflare_suffixes,
					     ARRAY_SIZE(cloudflare_suffixes)));
	return ST_OK;
}

static enum status other_origin(struct admin *m, const char *prefix,
				const char *suffixes, struct err *err)
{
	AUTO_JSON cJSON *list = NULL;
	const cJSON *s;
	size_t n = strlen(prefix);
	enum status st;

	if (strncmp(prefix, "https://", 8) != 0 || n > PREFIX_MAX ||
	    prefix[n - 1] != '/')
		return err_set(err, ST_REJECTED,
			       "--prefix: https://…/ of at most %d bytes, as a "
			       "live input's id follows",
			       PREFIX_MAX);
	st = json_parse(&list, suffixes, strlen(suffixes), "--suffixes", err);
	if (st != ST_OK)
		return st;
	n = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;
	if (n == 0 || n > SUFFIXES_MAX)
		return err_set(err, ST_REJECTED,
			       "--suffixes: a JSON array of 1 to %d texts",
			       SUFFIXES_MAX);
	cJSON_ArrayForEach(s, list)
	{
		if (!cJSON_IsString(s) || strlen(s->valuestring) > SUFFIX_MAX)
			return err_set(err, ST_REJECTED,
				       "--suffixes: each is a text of at most "
				       "%d bytes",
				       SUFFIX_MAX);
	}
	admin_add_text(m, prefix);
	cJSON_AddItemToArray(m->args, STEAL(list));
	return ST_OK;
}

enum status admin_parse_origin(struct admin *m, struct err *err)
{
	const char *customer = cli_opt(m->cli, "customer");
	const char *prefix = cli_opt(m->cli, "prefix");
	const char *suffixes = cli_opt(m->cli, "suffixes");

	if (customer && !prefix && !suffixes)
		return cloudflare_origin(m, customer, err);
	if (!customer && prefix && suffixes)
		return other_origin(m, prefix, suffixes, err);
	return err_set(err, ST_REJECTED,
		       "name the origin with --customer CODE, or --prefix URL "
		       "and --suffixes JSON");
}

/* Origins are never removed: the same one twice is a mistake. */
enum status admin_check_origin(struct admin *m, struct err *err)
{
	struct u256 count;
	uint64_t n = 0;
	enum status st = views_num(&count, m->chain, "originCount", NULL, err);

	if (st == ST_OK && !u256_to_u64(&n, &count))
		return err_set(err, ST_FATAL, "originCount is too high");
	for (uint64_t i = 1; st == ST_OK && i <= n; i++) {
		AUTO_JSON cJSON *origin = NULL;
		struct abi_value id = abi_u64(i);

		st = views_json(&origin, m->chain, "origin", &id, 1, err);
		if (st == ST_OK &&
		    strcmp(json_str_or(origin, "prefix", ""), arg_text(m, 0)) ==
			0 &&
		    cJSON_Compare(
			cJSON_GetObjectItemCaseSensitive(origin, "suffixes"),
			cJSON_GetArrayItem(m->args, 1), true))
			return err_set(err, ST_REJECTED,
				       "it is origin %" PRIu64 " already", i);
	}
	return st;
}

/* ---- grant, revoke ---- */

enum status admin_parse_role(struct admin *m, struct err *err)
{
	enum views_role role = ROLE_ADMIN;
	struct hash32 id;
	char hex[HEX_HASH_SIZE];
	enum status st = views_role_parse(&role, m->cli->args[0], err);

	if (st != ST_OK)
		return st;
	if (role == ROLE_ADMIN)
		return err_set(err, ST_REJECTED,
			       "the contract has one admin, who is changed by "
			       "begin-transfer and accept-transfer");
	id = views_role(role);
	admin_add_text(m, hex_hash(hex, &id));
	return admin_add_address(m, 1, err);
}

static enum status check_role(struct admin *m, bool want, struct err *err)
{
	struct hash32 role;
	struct address who;
	bool has = false;
	enum status st = hex_decode_hash(&role, arg_text(m, 0), "role", err);

	if (st == ST_OK)
		st = hex_decode_address(&who, arg_text(m, 1), "address", err);
	if (st == ST_OK)
		st = views_has_role(&has, m->chain, role.b, &who, err);
	if (st == ST_OK && has != want)
		return err_set(err, ST_REJECTED, "%s %s %s", arg_text(m, 1),
			       want ? "does not have" : "has",
			       views_role_name(arg_text(m, 0)));
	return st;
}

enum status admin_check_grant(struct admin *m, struct err *err)
{
	return check_role(m, false, err);
}

enum status admin_check_revoke(struct admin *m, struct err *err)
{
	return check_role(m, true, err);
}

/* ---- pause, unpause ---- */

static enum status check_paused(struct admin *m, bool want, struct err *err)
{
	AUTO_JSON cJSON *paused = NULL;
	enum status st = views_json(&paused, m->chain, "paused", NULL, 0, err);

	if (st == ST_OK && cJSON_IsTrue(paused) != want)
		return err_set(err, ST_REJECTED, "creation of rooms is %s",
			       want ? "not paused" : "paused already");
	return st;
}

enum status admin_check_pause(struct admin *m, struct err *err)
{
	return check_paused(m, false, err);
}

enum status admin_check_unpause(struct admin *m, struct err *err)
{
	return check_paused(m, true, err);
}

/* ---- withdraw ---- */

/* "all" stays until the contract's balance is known. */
enum status admin_parse_withdraw(struct admin *m, struct err *err)
{
	const char *amount = m->cli->args[1];
	struct u256 wei = { 0 };
	char text[U256_DEC_SIZE];
	enum status st = admin_add_address(m, 0, err);

	if (st != ST_OK)
		return st;
	if (strcmp(amount, "all") == 0) {
		admin_add_text(m, amount);
		return ST_OK;
	}
	st = admin_read_num(&wei, amount, "the amount", 256, err);
	if (st == ST_OK && u256_is_zero(&wei))
		return err_set(err, ST_REJECTED, "the amount is zero");
	if (st == ST_OK)
		admin_add_text(m, u256_to_dec(text, &wei));
	return st;
}

static enum status contract_balance(struct u256 *out, const struct admin *m,
				    struct err *err)
{
	struct address self = chain_contract(m->chain);

	return views_balance(out, m->chain, &self, err);
}

enum status admin_check_withdraw(struct admin *m, struct err *err)
{
	struct u256 have, want;
	char text[U256_DEC_SIZE];
	bool all = strcmp(arg_text(m, 1), "all") == 0;
	enum status st = contract_balance(&have, m, err);

	if (st != ST_OK)
		return st;
	u256_to_dec(text, &have);
	if (u256_is_zero(&have))
		return err_set(err, ST_REJECTED, "the contract has no coin");
	if (all) {
		cJSON_ReplaceItemInArray(m->args, 1,
					 mem_check(cJSON_CreateString(text)));
		return ST_OK;
	}
	st = u256_from_dec(&want, arg_text(m, 1), "the amount", err);
	if (st == ST_OK && u256_cmp(&want, &have) > 0)
		return err_set(err, ST_REJECTED, "the contract has %s wei",
			       text);
	return st;
}

/* ---- set-bridge-key ---- */

enum status admin_parse_bridge_key(struct admin *m, struct err *err)
{
	struct u256 id;
	enum status st =
	    admin_read_num(&id, m->cli->args[0], "the key id", 16, err);
	AUTO_BUF key = BUF_NULL;

	buf_init(&key, 256);
	if (st == ST_OK && u256_is_zero(&id))
		return err_set(err, ST_REJECTED, "a key id is above 0");
	if (st == ST_OK)
		st = hex_decode_buf(&key, m->cli->args[1], "the key", err);
	if (st != ST_OK)
		return st;
	switch (seal_check_key(key.data, key.len)) {
	case SEAL_KEY_GOOD:
		break;
	case SEAL_KEY_MALFORMED:
		return err_set(err, ST_REJECTED,
			       "the key is not 0x01 and a compressed secp256k1 "
			       "key, nor 0x02 and an X25519 key");
	case SEAL_KEY_OFF_CURVE:
		return err_set(err, ST_REJECTED, "the key is not on its curve");
	}
	admin_add_text(m, m->cli->args[0]);
	admin_add_text(m, m->cli->args[1]);
	return ST_OK;
}

enum status admin_check_bridge_key(struct admin *m, struct err *err)
{
	AUTO_JSON cJSON *was = NULL;
	enum status st = views_json(&was, m->chain, "bridgeKey", NULL, 0, err);

	if (st == ST_OK && strcmp(json_str_or(was, "keyId", "0"), "0") != 0)
		m->before = STEAL(was);
	return st;
}
