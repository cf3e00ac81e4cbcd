/*
 * chaincast admin show: how the room contract is set up, and who may do what.
 * Reads the chain alone, so it needs no database; changes nothing.
 */
#include <inttypes.h>
#include <string.h>

#include "abi/hex.h"
#include "abi/u256.h"
#include "cli/chain.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "cli/views.h"
#include "core/json.h"

/* ---- roles ---- */

/* Accounts were found by who was ever granted; who has a role now the contract
 * says. */
static enum status add_holder(cJSON *roles, struct chain *c, const cJSON *log,
			      struct err *err)
{
	const cJSON *topics = cJSON_GetObjectItemCaseSensitive(log, "topics");
	struct hash32 role, word;
	struct address who;
	char hex[HEX_HASH_SIZE], account[HEX_ADDRESS_SIZE];
	const char *name;
	cJSON *list;
	const cJSON *known;
	bool has = false;
	enum status st = hex_decode_hash(
	    &role, cJSON_GetStringValue(cJSON_GetArrayItem(topics, 1)) ?: "",
	    "role", err);

	if (st == ST_OK)
		st = hex_decode_hash(
		    &word,
		    cJSON_GetStringValue(cJSON_GetArrayItem(topics, 2)) ?: "",
		    "account", err);
	if (st != ST_OK)
		return st;
	memcpy(who.b, word.b + 12, sizeof(who.b));
	hex_address_checksum(account, &who);
	hex_hash(hex, &role);
	name = views_role_name(hex) ?: hex;
	list = cJSON_GetObjectItemCaseSensitive(roles, name);
	cJSON_ArrayForEach(known, list)
	{
		if (strcmp(known->valuestring, account) == 0)
			return ST_OK;
	}
	st = views_has_role(&has, c, role.b, &who, err);
	if (st != ST_OK || !has)
		return st;
	if (!list)
		list = cJSON_AddArrayToObject(roles, name);
	cJSON_AddItemToArray(list, mem_check(cJSON_CreateString(account)));
	return ST_OK;
}

static enum status get_logs(cJSON **out, struct chain *c,
			    const struct hash32 *topic, uint64_t from,
			    uint64_t to, struct err *err)
{
	struct address at = chain_contract(c);
	char address[HEX_ADDRESS_SIZE], hash[HEX_HASH_SIZE], params[400];

	snprintf(params, sizeof(params),
		 "[{\"address\":\"%s\",\"topics\":[\"%s\"],\"fromBlock\":"
		 "\"0x%" PRIx64 "\",\"toBlock\":\"0x%" PRIx64 "\"}]",
		 hex_address(address, &at), hex_hash(hash, topic), from, to);
	return chain_rpc(out, c, "eth_getLogs", params, err);
}

/* All blocks in one call where the node allows it, else in ever smaller ones:
 * grants are few, so only the range can be what it minds. */
static enum status read_roles(cJSON *roles, struct chain *c, struct err *err)
{
	AUTO_JSON cJSON *head = NULL;
	const struct abi_entry *event = NULL;
	uint64_t from = chain_config(c)->registry.start_block, to = 0, step;
	enum status st = chain_rpc(&head, c, "eth_blockNumber", "[]", err);

	if (st == ST_OK)
		st = hex_quantity_u64(&to, cJSON_GetStringValue(head) ?: "",
				      "eth_blockNumber", err);
	if (st == ST_OK)
		st = abi_find(&event, chain_registry(c), ABI_ENTRY_EVENT,
			      "RoleGranted", err);
	step = to >= from ? to - from : 0;
	while (st == ST_OK && from <= to) {
		AUTO_JSON cJSON *logs = NULL;
		uint64_t last = to - from < step ? to : from + step;
		const cJSON *log;

		st = get_logs(&logs, c, &event->hash, from, last, err);
		if (st == ST_REJECTED && step > 0) {
			step /= 2;
			st = ST_OK;
			continue;
		}
		cJSON_ArrayForEach(log, logs)
		{
			if (st == ST_OK)
				st = add_holder(roles, c, log, err);
		}
		from = last + 1;
	}
	return st;
}

/* ---- the rest ---- */

static enum status read_origins(cJSON *out, struct chain *c, struct err *err)
{
	struct u256 count;
	uint64_t n = 0;
	enum status st = views_num(&count, c, "originCount", NULL, err);

	if (st == ST_OK && !u256_to_u64(&n, &count))
		return err_set(err, ST_FATAL, "originCount is too high");
	for (uint64_t i = 1; st == ST_OK && i <= n; i++) {
		struct abi_value id = abi_u64(i);
		cJSON *origin = NULL;

		st = views_json(&origin, c, "origin", &id, 1, err);
		if (st != ST_OK)
			return st;
		cJSON_AddNumberToObject(origin, "id", (double)i);
		cJSON_AddItemToArray(out, origin);
	}
	return st;
}

static const struct {
	const char *member, *function;
} views[] = {
	{ "version", "version" },
	{ "paused", "paused" },
	{ "openTotal", "openTotal" },
	{ "limits", "limits" },
	{ "bridgeKey", "bridgeKey" },
	{ "admin", "defaultAdmin" },
	{ "adminDelay", "defaultAdminDelay" },
	{ "nextAdmin", "pendingDefaultAdmin" },
	{ "nextAdminDelay", "pendingDefaultAdminDelay" },
	{ "trustedForwarder", "trustedForwarder" },
};

static enum status read_views(cJSON *out, struct chain *c, struct err *err)
{
	struct address self = chain_contract(c);
	struct u256 balance;
	char text[U256_DEC_SIZE], hex[HEX_ADDRESS_SIZE];
	enum status st = ST_OK;

	cJSON_AddStringToObject(out, "contract",
				hex_address_checksum(hex, &self));
	for (size_t i = 0; st == ST_OK && i < ARRAY_SIZE(views); i++) {
		cJSON *v = NULL;

		st = views_json(&v, c, views[i].function, NULL, 0, err);
		if (v)
			cJSON_AddItemToObject(out, views[i].member, v);
	}
	if (st == ST_OK)
		st = views_balance(&balance, c, &self, err);
	if (st == ST_OK)
		cJSON_AddStringToObject(out, "balance",
					u256_to_dec(text, &balance));
	return st;
}

/* Values in a line each; lists and objects a line for each of theirs. */
static void print_all(const cJSON *all)
{
	const cJSON *m, *item;

	cJSON_ArrayForEach(m, all)
	{
		char prefix[80];

		snprintf(prefix, sizeof(prefix), "%s.", m->string);
		if (cJSON_IsObject(m)) {
			print_members(prefix, m, NULL);
			continue;
		}
		cJSON_ArrayForEach(item, m)
		{
			print_members(prefix, item, NULL);
		}
		if (!cJSON_IsArray(m)) {
			AUTO_FREE char *text = cJSON_IsString(m)
						   ? NULL
						   : cJSON_PrintUnformatted(m);

			printf("%-18s", m->string);
			print_text(text ? text : m->valuestring);
			putchar('\n');
		}
	}
}

static enum status show(struct cli *cli, struct err *err)
{
	AUTO(config) struct config *cfg = NULL;
	AUTO(chain) struct chain *c = NULL;
	AUTO_JSON cJSON *all = cJSON_CreateObject();
	enum status st = cli_config(&cfg, cli, err);

	if (st == ST_OK)
		st = chain_open(&c, cfg, err);
	if (st == ST_OK)
		st = read_views(all, c, err);
	if (st == ST_OK)
		st = read_origins(cJSON_AddArrayToObject(all, "origins"), c,
				  err);
	if (st == ST_OK)
		st = read_roles(cJSON_AddObjectToObject(all, "roles"), c, err);
	if (st != ST_OK)
		return st;
	if (cli->json)
		print_json(STEAL(all));
	else
		print_all(all);
	return ST_OK;
}

const struct command cmd_admin_show[] = {
	{ "admin show", "-c FILE",
	  "limits, origins, bridge key, balance, and who holds which role", "",
	  "", show },
	{ 0 },
};
