/*
 * Questions to the room contract whose answers several commands need. Only
 * reads.
 */
#include "cli/views.h"

#include <string.h>

#include "abi/hex.h"
#include "abi/keccak.h"
#include "abi/u256.h"
#include "core/json.h"

#define ARENA_MAX (4U << 20)

static const struct {
	const char *text, *name;
} roles[VIEWS_ROLES] = {
	[ROLE_ADMIN] = { "admin", "DEFAULT_ADMIN_ROLE" },
	[ROLE_BRIDGE] = { "bridge", "BRIDGE_ROLE" },
	[ROLE_MODERATOR] = { "moderator", "MODERATOR_ROLE" },
};

struct hash32 views_role(enum views_role role)
{
	if (role == ROLE_ADMIN)
		return (struct hash32){ 0 };
	return keccak256(roles[role].name, strlen(roles[role].name));
}

enum status views_role_parse(enum views_role *out, const char *name,
			     struct err *err)
{
	for (int i = 0; i < VIEWS_ROLES; i++)
		if (strcmp(roles[i].text, name) == 0) {
			*out = (enum views_role)i;
			return ST_OK;
		}
	return err_set(err, ST_REJECTED,
		       "\"%.60s\" is no role: admin, bridge or moderator",
		       name);
}

const char *views_role_text(enum views_role role)
{
	return roles[role].text;
}

const char *views_role_name(const char *hex)
{
	char text[HEX_HASH_SIZE];

	for (int i = 0; i < VIEWS_ROLES; i++) {
		struct hash32 h = views_role((enum views_role)i);

		if (strcmp(hex_hash(text, &h), hex) == 0)
			return roles[i].name;
	}
	return NULL;
}

enum status views_has_role(bool *out, struct chain *c, const uint8_t role[32],
			   const struct address *who, struct err *err)
{
	AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
	const struct abi_value args[] = { abi_bytes(role, 32),
					  abi_address(who) },
			       *v = NULL;
	enum status st = chain_view(&v, c, a, "hasRole", args, 2, err);

	if (st == ST_OK)
		*out = !u256_is_zero(&v[0].num);
	return st;
}

enum status views_json(cJSON **out, struct chain *c, const char *function,
		       const struct abi_value *args, size_t n, struct err *err)
{
	AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
	const struct abi_value *v = NULL;
	const struct abi_entry *entry = NULL;
	enum status st = chain_view(&v, c, a, function, args, n, err);

	if (st == ST_OK)
		st = abi_find(&entry, chain_registry(c), ABI_ENTRY_FUNCTION,
			      function, err);
	if (st != ST_OK)
		return st;
	if (entry->outputs->n_fields == 1)
		*out = abi_to_json(&entry->outputs->fields[0], &v[0]);
	else
		*out = abi_params_to_json(entry->outputs, v);
	return ST_OK;
}

enum status views_num(struct u256 *out, struct chain *c, const char *function,
		      const char *member, struct err *err)
{
	AUTO_JSON cJSON *json = NULL;
	const cJSON *v;
	enum status st = views_json(&json, c, function, NULL, 0, err);

	if (st != ST_OK)
		return st;
	v = member ? cJSON_GetObjectItemCaseSensitive(json, member) : json;
	return u256_parse(out, cJSON_GetStringValue(v) ?: "", function, err);
}

enum status views_balance(struct u256 *out, struct chain *c,
			  const struct address *who, struct err *err)
{
	AUTO_JSON cJSON *result = NULL;
	char hex[HEX_ADDRESS_SIZE], params[HEX_ADDRESS_SIZE + 32];
	enum status st;

	snprintf(params, sizeof(params), "[\"%s\",\"latest\"]",
		 hex_address(hex, who));
	st = chain_rpc(&result, c, "eth_getBalance", params, err);
	if (st != ST_OK)
		return st;
	return hex_quantity_u256(out, cJSON_GetStringValue(result) ?: "",
				 "eth_getBalance", err);
}
