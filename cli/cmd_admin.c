/*
 * chaincast admin: the calls of the contract's owner. Each looks at its
 * arguments, at the sender's role and at what there is before it sends, and
 * tells what the contract says has changed. Writes only to the chain.
 */
#include <inttypes.h>
#include <string.h>

#include "abi/hex.h"
#include "abi/registry.h"
#include "abi/secp.h"
#include "abi/u256.h"
#include "cli/admin.h"
#include "cli/keyarg.h"
#include "cli/print.h"
#include "cli/views.h"
#include "core/json.h"

#define ARENA_MAX   (4U << 20)
#define ADMIN_USAGE "-c FILE " KEY_USAGE

struct admin_call {
	const char *did, *function, *event;
	int args;              /* positional */
	bool not_admin;        /* @check says who may call it */
	admin_fn parse, check; /* NULL: nothing to parse, to check */
};

static void admin_deinit(struct admin *m)
{
	cJSON_Delete(m->args);
	cJSON_Delete(m->before);
}

static enum status parse(struct admin *m, const struct admin_call *call,
			 struct err *err)
{
	if (m->cli->argc != call->args)
		return err_set(err, ST_REJECTED,
			       "takes %d arguments beside its options, not %d "
			       "(chaincast help)",
			       call->args, m->cli->argc);
	return call->parse ? call->parse(m, err) : ST_OK;
}

static enum status check(struct admin *m, const struct admin_call *call,
			 struct err *err)
{
	struct hash32 role = views_role(ROLE_ADMIN);
	char hex[HEX_ADDRESS_SIZE];
	bool has = call->not_admin;
	enum status st = ST_OK;

	if (!has)
		st = views_has_role(&has, m->chain, role.b, &m->sender, err);
	if (st == ST_OK && !has)
		return err_set(err, ST_REJECTED,
			       "%s lacks DEFAULT_ADMIN_ROLE: only the "
			       "contract's admin may",
			       hex_address_checksum(hex, &m->sender));
	if (st == ST_OK && call->check)
		st = call->check(m, err);
	return st;
}

/* Hashes of roles read as their names. */
static void name_roles(cJSON *values)
{
	const cJSON *role = cJSON_GetObjectItemCaseSensitive(values, "role");
	const char *name = views_role_name(cJSON_GetStringValue(role) ?: "");

	if (name)
		cJSON_ReplaceItemInObjectCaseSensitive(
		    values, "role", mem_check(cJSON_CreateString(name)));
}

static enum status tell(const struct admin *m, const struct admin_call *call,
			const cJSON *receipt, struct err *err)
{
	AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
	const struct abi_entry *event = NULL;
	const struct abi_value *v = NULL;
	const char *hash = json_str_or(receipt, "transactionHash", "");
	uint64_t block = print_receipt_block(receipt);
	AUTO_JSON cJSON *values = NULL;
	cJSON *json;
	enum status st =
	    chain_receipt_event(&v, a, m->chain, receipt, call->event, err);

	if (st == ST_OK)
		st = abi_find(&event, chain_registry(m->chain), ABI_ENTRY_EVENT,
			      call->event, err);
	if (st != ST_OK)
		return st;
	values = abi_params_to_json(event->inputs, v);
	name_roles(values);
	if (!m->cli->json) {
		printf("%s in block %" PRIu64 "\n", call->event, block);
		print_members("  ", values, m->before);
		return ST_OK;
	}
	json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "did", call->did);
	cJSON_AddStringToObject(json, "event", call->event);
	cJSON_AddItemToObject(json, "values", STEAL(values));
	if (m->before)
		cJSON_AddItemReferenceToObject(json, "before", m->before);
	cJSON_AddNumberToObject(json, "block", (double)block);
	cJSON_AddStringToObject(json, "transaction", hash);
	print_json(json);
	return ST_OK;
}

static enum status send_call(struct admin *m, const struct admin_call *call,
			     const uint8_t key[32], struct err *err)
{
	AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
	const struct abi_entry *function = NULL;
	struct abi_value args;
	AUTO_JSON cJSON *receipt = NULL;
	enum status st = abi_find(&function, chain_registry(m->chain),
				  ABI_ENTRY_FUNCTION, call->function, err);

	if (st == ST_OK)
		st = abi_from_json(&args, a, function->inputs, m->args, err);
	if (st != ST_OK)
		return st;
	chain_announce(m->chain, m->cli->json ? NULL : stdout);
	st = chain_send(&receipt, m->chain, key, call->function,
			args.list.items, args.list.n, NULL, err);
	return st == ST_OK ? tell(m, call, receipt, err) : st;
}

static enum status run_with(struct admin *m, const struct admin_call *call,
			    const struct config *cfg, const uint8_t key[32],
			    struct err *err)
{
	AUTO(chain) struct chain *chain = NULL;
	enum status st = secp_address(&m->sender, key, err);

	if (st == ST_OK)
		st = chain_open(&chain, cfg, err);
	m->chain = chain;
	if (st == ST_OK)
		st = check(m, call, err);
	return st == ST_OK ? send_call(m, call, key, err) : st;
}

static enum status run(const struct cli *cli, const struct admin_call *call,
		       struct err *err)
{
	AUTO(config) struct config *cfg = NULL;
	struct admin m = { .cli = cli, .args = cJSON_CreateArray() };
	uint8_t key[32];
	enum status st = parse(&m, call, err);

	if (st == ST_OK)
		st = cli_config(&cfg, cli, err);
	if (st == ST_OK)
		st = key_from_opts(key, cli, err);
	if (st == ST_OK)
		st = run_with(&m, call, cfg, key, err);
	explicit_bzero(key, sizeof(key));
	admin_deinit(&m);
	return st;
}

/* ---- the calls ---- */

static enum status set_limits(struct cli *cli, struct err *err)
{
	return run(cli,
		   &(struct admin_call){ .did = "set-limits",
					 .function = "setLimits",
					 .event = "LimitsSet",
					 .parse = admin_parse_limits,
					 .check = admin_check_limits },
		   err);
}

static enum status add_origin(struct cli *cli, struct err *err)
{
	return run(cli,
		   &(struct admin_call){ .did = "add-origin",
					 .function = "addOrigin",
					 .event = "OriginAdded",
					 .parse = admin_parse_origin,
					 .check = admin_check_origin },
		   err);
}

static enum status grant_role(struct cli *cli, struct err *err)
{
	return run(cli,
		   &(struct admin_call){ .did = "grant",
					 .function = "grantRole",
					 .event = "RoleGranted",
					 .args = 2,
					 .parse = admin_parse_role,
					 .check = admin_check_grant },
		   err);
}

static enum status revoke_role(struct cli *cli, struct err *err)
{
	return run(cli,
		   &(struct admin_call){ .did = "revoke",
					 .function = "revokeRole",
					 .event = "RoleRevoked",
					 .args = 2,
					 .parse = admin_parse_role,
					 .check = admin_check_revoke },
		   err);
}

static enum status pause_creation(struct cli *cli, struct err *err)
{
	return run(cli,
		   &(struct admin_call){ .did = "pause",
					 .function = "pause",
					 .event = "Paused",
					 .check = admin_check_pause },
		   err);
}

static enum status unpause(struct cli *cli, struct err *err)
{
	return run(cli,
		   &(struct admin_call){ .did = "unpause",
					 .function = "unpause",
					 .event = "Unpaused",
					 .check = admin_check_unpause },
		   err);
}

static enum status withdraw(struct cli *cli, struct err *err)
{
	return run(cli,
		   &(struct admin_call){ .did = "withdraw",
					 .function = "withdraw",
					 .event = "Withdrawn",
					 .args = 2,
					 .parse = admin_parse_withdraw,
					 .check = admin_check_withdraw },
		   err);
}

static enum status set_bridge_key(struct cli *cli, struct err *err)
{
	return run(cli,
		   &(struct admin_call){ .did = "set-bridge-key",
					 .function = "setBridgeKey",
					 .event = "BridgeKeySet",
					 .args = 2,
					 .parse = admin_parse_bridge_key,
					 .check = admin_check_bridge_key },
		   err);
}

static enum status begin_transfer(struct cli *cli, struct err *err)
{
	return run(
	    cli,
	    &(struct admin_call){ .did = "begin-transfer",
				  .function = "beginDefaultAdminTransfer",
				  .event = "DefaultAdminTransferScheduled",
				  .args = 1,
				  .parse = admin_parse_address,
				  .check = admin_check_begin },
	    err);
}

static enum status cancel_transfer(struct cli *cli, struct err *err)
{
	return run(
	    cli,
	    &(struct admin_call){ .did = "cancel-transfer",
				  .function = "cancelDefaultAdminTransfer",
				  .event = "DefaultAdminTransferCanceled",
				  .check = admin_check_cancel },
	    err);
}

static enum status accept_transfer(struct cli *cli, struct err *err)
{
	return run(
	    cli,
	    &(struct admin_call){ .did = "accept-transfer",
				  .function = "acceptDefaultAdminTransfer",
				  .event = "RoleGranted",
				  .not_admin = true,
				  .check = admin_check_accept },
	    err);
}

static enum status change_delay(struct cli *cli, struct err *err)
{
	return run(
	    cli,
	    &(struct admin_call){ .did = "change-delay",
				  .function = "changeDefaultAdminDelay",
				  .event = "DefaultAdminDelayChangeScheduled",
				  .args = 1,
				  .parse = admin_parse_delay,
				  .check = admin_check_delay },
	    err);
}

static enum status cancel_delay(struct cli *cli, struct err *err)
{
	return run(
	    cli,
	    &(struct admin_call){ .did = "cancel-delay",
				  .function = "rollbackDefaultAdminDelay",
				  .event = "DefaultAdminDelayChangeCanceled",
				  .check = admin_check_keep_delay },
	    err);
}

const struct command cmd_admin[] = {
	{ "admin set-limits",
	  "[--max-open-per-host N] [--max-open-total N] [--max-age SECONDS] "
	  "[--max-title BYTES] [--fee WEI] " ADMIN_USAGE,
	  "change limits and the fee of a room; those not named stay",
	  "max-open-per-host max-open-total max-age max-title fee " KEY_OPTIONS,
	  "", set_limits },
	{ "admin add-origin",
	  "--customer CODE | --prefix URL --suffixes JSON " ADMIN_USAGE,
	  "add where playback comes from: a Cloudflare customer's, or any",
	  "customer prefix suffixes " KEY_OPTIONS, "", add_origin },
	{ "admin grant", "bridge|moderator ADDRESS " ADMIN_USAGE, "give a role",
	  KEY_OPTIONS, "", grant_role },
	{ "admin revoke", "bridge|moderator ADDRESS " ADMIN_USAGE,
	  "take a role", KEY_OPTIONS, "", revoke_role },
	{ "admin pause", ADMIN_USAGE,
	  "stop the creation of rooms; those that are open go on", KEY_OPTIONS,
	  "", pause_creation },
	{ "admin unpause", ADMIN_USAGE, "allow it again", KEY_OPTIONS, "",
	  unpause },
	{ "admin withdraw", "ADDRESS WEI|all " ADMIN_USAGE,
	  "send collected fees to an address", KEY_OPTIONS, "", withdraw },
	{ "admin set-bridge-key", "ID 0x… " ADMIN_USAGE,
	  "publish the key to which hosts seal what only the bridge may read",
	  KEY_OPTIONS, "", set_bridge_key },
	{ "admin begin-transfer", "ADDRESS " ADMIN_USAGE,
	  "name the next admin, who accepts once the delay has passed",
	  KEY_OPTIONS, "", begin_transfer },
	{ "admin cancel-transfer", ADMIN_USAGE, "take that back", KEY_OPTIONS,
	  "", cancel_transfer },
	{ "admin accept-transfer", ADMIN_USAGE, "become the admin", KEY_OPTIONS,
	  "", accept_transfer },
	{ "admin change-delay", "SECONDS " ADMIN_USAGE,
	  "change how long a transfer waits, itself after a wait", KEY_OPTIONS,
	  "", change_delay },
	{ "admin cancel-delay", ADMIN_USAGE, "take that back", KEY_OPTIONS, "",
	  cancel_delay },
	{ 0 },
};
