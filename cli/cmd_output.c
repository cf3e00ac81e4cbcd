/*
 * chaincast output: where else a room is sent. Seals the target to the bridge's
 * key and writes to the chain only; the list is read from Postgres, which knows
 * no more of a target than its host. The stream key never stands in argv.
 */
#include <inttypes.h>
#include <string.h>

#include "abi/hex.h"
#include "abi/seal.h"
#include "abi/u256.h"
#include "cli/chain.h"
#include "cli/cli.h"
#include "cli/keyarg.h"
#include "core/json.h"
#include "db/db.h"

#define ARENA_MAX    (4U << 20)
#define TARGET_BLOCK 64
#define SEALED_MAX   2048 /* of the contract */

/* A room, an output of it, and what is needed to say something about it. */
struct request {
	struct config *cfg;
	struct chain *chain;
	struct u256 room;
	char room_text[U256_DEC_SIZE];
	uint64_t output;
	uint8_t key[32];
};

static void request_deinit(struct request *r)
{
	explicit_bzero(r->key, sizeof(r->key));
	chain_close(r->chain);
	config_free(r->cfg);
}
#define AUTO_REQUEST __attribute__((cleanup(request_deinit))) struct request

static enum status output_arg(uint64_t *out, const struct cli *cli,
			      struct err *err)
{
	struct u256 v;
	enum status st;

	if (cli->argc < 2)
		return err_set(err, ST_REJECTED, "OUTPUT is missing");
	st = u256_parse(&v, cli->args[1], "OUTPUT", err);
	if (st == ST_OK && (!u256_to_u64(out, &v) || *out > UINT32_MAX))
		return err_set(err, ST_REJECTED, "OUTPUT: no output's number");
	return st;
}

static enum status open_request(struct request *r, const struct cli *cli,
				bool output, struct err *err)
{
	enum status st = room_id_arg(&r->room, cli, 0, err);

	if (st == ST_OK && output)
		st = output_arg(&r->output, cli, err);
	if (st == ST_OK)
		st = cli_config(&r->cfg, cli, err);
	if (st == ST_OK)
		st = chain_open(&r->chain, r->cfg, err);
	if (st == ST_OK)
		st = key_from_opts(r->key, cli, err);
	if (st == ST_OK)
		u256_to_dec(r->room_text, &r->room);
	return st;
}

static enum status transact(struct request *r, const struct cli *cli,
			    const char *function, const struct abi_value *args,
			    size_t n, const char *did, struct err *err)
{
	AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
	AUTO_JSON cJSON *receipt = NULL;
	const struct abi_value *added = NULL;
	const char *hash;
	enum status st = chain_send(&receipt, r->chain, r->key, function, args,
				    n, NULL, err);

	if (st == ST_OK && !r->output) {
		st = chain_receipt_event(&added, a, r->chain, receipt,
					 "OutputAdded", err);
		if (st == ST_OK && !u256_to_u64(&r->output, &added[1].num))
			st = err_set(err, ST_REJECTED,
				     "OutputAdded: no output's number");
	}
	if (st != ST_OK)
		return st;
	hash = json_str_or(receipt, "transactionHash", "");
	if (cli->json)
		printf("{\"room\":\"%s\",\"output\":%" PRIu64
		       ",\"did\":\"%s\",\"transaction\":\"%s\"}\n",
		       r->room_text, r->output, did, hash);
	else
		printf("room %s output %" PRIu64 " %s, transaction %s\n",
		       r->room_text, r->output, did, hash);
	return ST_OK;
}

/* ---- add ---- */

static enum status bridge_key(struct buf *out, uint16_t *id, struct chain *c,
			      struct err *err)
{
	AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
	const struct abi_value *v = NULL;
	uint64_t n = 0;
	enum status st = chain_view(&v, c, a, "bridgeKey", NULL, 0, err);

	if (st != ST_OK)
		return st;
	if (!u256_to_u64(&n, &v[0].num) || n == 0 || n > UINT16_MAX ||
	    v[1].bytes.len == 0)
		return err_set(err, ST_REJECTED,
			       "the contract has no bridge key: its owner "
			       "must call setBridgeKey");
	*id = (uint16_t)n;
	buf_add(out, v[1].bytes.p, v[1].bytes.len);
	return buf_check(out, "bridge key", err);
}

static enum status room_host(uint8_t out[20], struct request *r,
			     struct err *err)
{
	AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
	const struct abi_value *v = NULL, arg = abi_num(&r->room);
	const struct abi_entry *entry = NULL;
	enum status st = chain_view(&v, r->chain, a, "room", &arg, 1, err);
	int i;

	if (st == ST_OK)
		st = abi_find(&entry, chain_registry(r->chain),
			      ABI_ENTRY_FUNCTION, "room", err);
	if (st != ST_OK)
		return st;
	i = abi_field(&entry->outputs->fields[0], "host");
	if (i < 0 || v[0].list.items[i].bytes.len != 20)
		return err_set(err, ST_FATAL, "room() has no host");
	memcpy(out, v[0].list.items[i].bytes.p, 20);
	return ST_OK;
}

static enum status read_stream_key(struct buf *out, const struct cli *cli,
				   struct err *err)
{
	const char *file = cli_opt(cli, "stream-key");
	enum status st = file ? cli_read_file(out, file, err)
			      : cli_arg(out, cli, cli->argc, "stream key", err);

	while (st == ST_OK && out->len > 0 &&
	       strchr(" \t\r\n", out->data[out->len - 1]))
		out->data[--out->len] = 0;
	if (st == ST_OK && out->len && memchr(out->data, 0, out->len))
		st = err_set(err, ST_REJECTED, "stream key: a zero byte in it");
	return st;
}

/* abi/SEALING.md, "Restream targets". */
static enum status target_text(struct buf *out, struct request *r,
			       const char *url, const char *key,
			       struct err *err)
{
	char contract[HEX_ADDRESS_SIZE], host_text[HEX_ADDRESS_SIZE];
	uint8_t host[20];
	enum status st = room_host(host, r, err);

	if (st != ST_OK)
		return st;
	buf_printf(out,
		   "{\"v\":1,\"c\":\"%" PRIu64 "\",\"a\":\"%s\",\"r\":\"%s\","
		   "\"h\":\"%s\",\"url\":",
		   r->cfg->chain.chain_id,
		   hex_encode(contract, r->cfg->registry.address, 20),
		   r->room_text, hex_encode(host_text, host, 20));
	json_add_str(out, url);
	buf_add_str(out, ",\"key\":");
	json_add_str(out, key);
	buf_add_byte(out, '}');
	while (!out->overflow && out->len % TARGET_BLOCK)
		buf_add_byte(out, ' ');
	return buf_check(out, "target", err);
}

static enum status seal_target(struct buf *out, struct request *r,
			       const struct buf *plain, struct err *err)
{
	AUTO_BUF to = BUF_NULL;
	uint16_t id = 0;
	enum status st;

	buf_init(&to, SEAL_KEY_MAX);
	st = bridge_key(&to, &id, r->chain, err);
	if (st != ST_OK)
		return st;
	buf_add_byte(out, (uint8_t)(id >> 8));
	buf_add_byte(out, (uint8_t)id);
	st = seal_box(out, to.data, to.len, plain->data, plain->len, err);
	return st == ST_OK ? buf_check(out, "sealed target", err) : st;
}

static enum status output_add(struct cli *cli, struct err *err)
{
	AUTO_REQUEST r = { 0 };
	AUTO_SECRET_BUF key = BUF_NULL, plain = BUF_NULL;
	AUTO_BUF sealed = BUF_NULL;
	const char *url = NULL;
	struct abi_value args[2];
	enum status st = cli_need(&url, cli, "url", err);

	buf_init(&key, SEALED_MAX);
	buf_init(&plain, SEALED_MAX);
	buf_init(&sealed, SEALED_MAX);
	if (st == ST_OK)
		st = read_stream_key(&key, cli, err);
	if (st == ST_OK)
		st = open_request(&r, cli, false, err);
	if (st == ST_OK)
		st = target_text(&plain, &r, url, buf_str(&key), err);
	if (st == ST_OK)
		st = seal_target(&sealed, &r, &plain, err);
	if (st != ST_OK)
		return st;
	args[0] = abi_num(&r.room);
	args[1] = abi_bytes(sealed.data, sealed.len);
	return transact(&r, cli, "addOutput", args, 2, "added", err);
}

/* ---- set, remove ---- */

static enum status output_set(struct cli *cli, struct err *err)
{
	AUTO_REQUEST r = { 0 };
	const char *to = cli->argc > 2 ? cli->args[2] : "";
	bool on = strcmp(to, "on") == 0;
	struct abi_value args[3];
	enum status st;

	if (!on && strcmp(to, "off") != 0)
		return err_set(err, ST_REJECTED,
			       "say on or off after the output's number");
	st = open_request(&r, cli, true, err);
	if (st != ST_OK)
		return st;
	args[0] = abi_num(&r.room);
	args[1] = abi_u64(r.output);
	args[2] = abi_bool(on);
	return transact(&r, cli, "setOutput", args, 3,
			on ? "switched on" : "switched off", err);
}

static enum status output_remove(struct cli *cli, struct err *err)
{
	AUTO_REQUEST r = { 0 };
	struct abi_value args[2];
	enum status st = open_request(&r, cli, true, err);

	if (st != ST_OK)
		return st;
	args[0] = abi_num(&r.room);
	args[1] = abi_u64(r.output);
	return transact(&r, cli, "removeOutput", args, 2, "removed", err);
}

/* ---- list ---- */

static const char *const columns[] = { "output", "state",   "wanted",
				       "target", "refusal", "added" };

static void print_outputs(const struct cli *cli, const struct db_result *r)
{
	AUTO_JSON cJSON *all = cJSON_CreateArray();

	for (size_t row = 0; row < db_rows(r); row++) {
		cJSON *one = cJSON_CreateObject();

		for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
			const char *v = db_text(r, row, columns[i]);

			cJSON_AddStringToObject(one, columns[i], v);
			if (!cli->json)
				printf("%s%s", i ? "  " : "", *v ? v : "-");
		}
		if (!cli->json)
			putchar('\n');
		cJSON_AddItemToArray(all, one);
	}
	if (cli->json) {
		AUTO_FREE char *text = cJSON_PrintUnformatted(all);

		printf("%s\n", text);
	}
}

static enum status output_list(struct cli *cli, struct err *err)
{
	AUTO(config) struct config *cfg = NULL;
	AUTO(db) struct db *db = NULL;
	AUTO(db_result) struct db_result *r = NULL;
	char id[U256_DEC_SIZE];
	struct u256 room;
	enum status st = room_id_arg(&room, cli, 0, err);

	if (st == ST_OK)
		st = cli_config(&cfg, cli, err);
	if (st == ST_OK)
		st = cli_database(&db, cfg, true, err);
	if (st == ST_OK)
		st = DB_QUERY(&r, db, err,
			      "select output_id::text as output, state,"
			      " wanted, coalesce(target_host, '') as target,"
			      " coalesce(refusal, '') as refusal,"
			      " added_at::text as added"
			      " from analytics.outputs"
			      " where room_id = $1::numeric order by output_id",
			      P_TEXT(u256_to_dec(id, &room)));
	if (st == ST_OK)
		print_outputs(cli, r);
	return st;
}

const struct command cmd_output[] = {
	{ "output add", "ROOM -c FILE --url URL [--stream-key FILE] " KEY_USAGE,
	  "send a room to an rtmp, rtmps or srt address as well; its stream "
	  "key is read from FILE or standard input",
	  "url stream-key " KEY_OPTIONS, "", output_add },
	{ "output list", "ROOM -c FILE",
	  "a room's outputs as Postgres has them", "", "", output_list },
	{ "output set", "ROOM OUTPUT on|off -c FILE " KEY_USAGE,
	  "switch an output on or off", KEY_OPTIONS, "", output_set },
	{ "output remove", "ROOM OUTPUT -c FILE " KEY_USAGE,
	  "send a room there no longer", KEY_OPTIONS, "", output_remove },
	{ 0 },
};
