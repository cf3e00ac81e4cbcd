/*
 * chaincast room: what a dApp front end does, for operators and tests. Writes
 * only to the chain; the list is read from Postgres.
 */
#include <inttypes.h>
#include <string.h>
#include <uv.h>

#include "abi/hex.h"
#include "abi/secp.h"
#include "abi/u256.h"
#include "cli/chain.h"
#include "cli/cli.h"
#include "cli/hostkey.h"
#include "cli/keyarg.h"
#include "core/json.h"
#include "db/db.h"

#define ARENA_MAX (4U << 20)

static const char *const ingest_names[] = { "rtmps", "srt", "webrtc" };
static const char *const access_names[] = { "public", "signed" };
static const char *const state_names[] = { "none", "open", "failed", "ended" };

static enum status name_index(uint64_t *out, const char *const *names, size_t n,
			      const char *option, const char *value,
			      struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], value) == 0) {
			*out = i;
			return ST_OK;
		}
	return err_set(err, ST_REJECTED,
		       "--%s: \"%s\" is not one of %s, %s%s%s", option, value,
		       names[0], names[1], n > 2 ? ", " : "",
		       n > 2 ? names[2] : "");
}

static void print_json(cJSON *json)
{
	AUTO_FREE char *text = cJSON_PrintUnformatted(json);

	printf("%s\n", text);
	cJSON_Delete(json);
}

/* What a transaction did, for people or programs. */
static void print_sent(const struct cli *cli, const char *what,
		       const char *room, const cJSON *receipt)
{
	const char *hash = json_str_or(receipt, "transactionHash", "");
	uint64_t block = 0;
	struct err ignored;
	cJSON *json;

	if (hex_quantity_u64(&block, json_str_or(receipt, "blockNumber", ""),
			     "blockNumber", &ignored) != ST_OK)
		block = 0;
	if (!cli->json) {
		printf("room %s %s in block %" PRIu64 ", transaction %s\n",
		       room, what, block, hash);
		return;
	}
	json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "room", room);
	cJSON_AddStringToObject(json, "did", what);
	cJSON_AddNumberToObject(json, "block", (double)block);
	cJSON_AddStringToObject(json, "transaction", hash);
	print_json(json);
}

/* ---- create ---- */

struct create {
	uint64_t ingest, access;
	struct hash32 ref;
	const char *title;
	uint8_t host_key[64];
	size_t host_key_len;
	struct u256 fee;
};

static enum status create_args(struct create *out, const struct cli *cli,
			       struct err *err)
{
	const char *ref = cli_opt(cli, "ref");
	enum status st = cli_need(&out->title, cli, "title", err);

	if (st == ST_OK)
		st = name_index(&out->ingest, ingest_names, 3, "ingest",
				cli_opt(cli, "ingest") ?: "rtmps", err);
	if (st == ST_OK)
		st = name_index(&out->access, access_names, 2, "access",
				cli_opt(cli, "access") ?: "public", err);
	if (st == ST_OK && ref)
		st = hex_decode_hash(&out->ref, ref, "--ref", err);
	if (st == ST_OK)
		st = hostkey_from_opts(out->host_key, &out->host_key_len, cli,
				       err);
	return st;
}

static enum status current_fee(struct u256 *out, struct chain *c,
			       struct err *err)
{
	AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
	const struct abi_value *v = NULL;
	const struct abi_entry *entry = NULL;
	enum status st = chain_view(&v, c, a, "limits", NULL, 0, err);
	int fee;

	if (st == ST_OK)
		st = abi_find(&entry, chain_registry(c), ABI_ENTRY_FUNCTION,
			      "limits", err);
	if (st != ST_OK)
		return st;
	fee = abi_field(entry->outputs, "fee");
	if (fee >= 0) {
		*out = v[fee].num;
		return ST_OK;
	}
	/* limits() answers one struct */
	fee = abi_field(&entry->outputs->fields[0], "fee");
	if (fee < 0)
		return err_set(err, ST_FATAL, "limits() has no fee");
	*out = v[0].list.items[fee].num;
	return ST_OK;
}

static enum status send_create(cJSON **receipt, struct chain *c,
			       const uint8_t key32[32], const struct create *r,
			       const struct cli *cli, struct err *err)
{
	const struct abi_value args[] = {
		abi_u64(r->ingest),
		abi_u64(r->access),
		abi_bool(!cli_flag(cli, "discard")),
		abi_bytes(r->ref.b, sizeof(r->ref.b)),
		abi_string(r->title),
		abi_bytes(r->host_key, r->host_key_len),
	};

	return chain_send(receipt, c, key32, "createRoom", args,
			  ARRAY_SIZE(args), &r->fee, err);
}

static enum status room_create(struct cli *cli, struct err *err)
{
	AUTO(config) struct config *cfg = NULL;
	AUTO(chain) struct chain *c = NULL;
	AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
	AUTO_JSON cJSON *receipt = NULL;
	const struct abi_value *created = NULL;
	struct create r = { 0 };
	uint8_t key[32];
	char id[U256_DEC_SIZE];
	enum status st = cli_config(&cfg, cli, err);

	if (st == ST_OK)
		st = create_args(&r, cli, err);
	if (st == ST_OK)
		st = chain_open(&c, cfg, err);
	if (st == ST_OK)
		st = current_fee(&r.fee, c, err);
	if (st == ST_OK)
		st = key_from_opts(key, cli, err);
	if (st != ST_OK)
		return st;
	st = send_create(&receipt, c, key, &r, cli, err);
	explicit_bzero(key, sizeof(key));
	if (st == ST_OK)
		st = chain_receipt_event(&created, a, c, receipt, "RoomCreated",
					 err);
	if (st == ST_OK)
		print_sent(cli, "created", u256_to_dec(id, &created[0].num),
			   receipt);
	return st;
}

/* ---- end ---- */

static enum status room_end(struct cli *cli, struct err *err)
{
	AUTO(config) struct config *cfg = NULL;
	AUTO(chain) struct chain *c = NULL;
	AUTO_JSON cJSON *receipt = NULL;
	struct u256 room;
	struct abi_value arg;
	uint8_t key[32];
	char id[U256_DEC_SIZE];
	enum status st = room_id_arg(&room, cli, 0, err);

	if (st == ST_OK)
		st = cli_config(&cfg, cli, err);
	if (st == ST_OK)
		st = chain_open(&c, cfg, err);
	if (st == ST_OK)
		st = key_from_opts(key, cli, err);
	if (st != ST_OK)
		return st;
	arg = abi_num(&room);
	st = chain_send(&receipt, c, key, "endRoom", &arg, 1, NULL, err);
	explicit_bzero(key, sizeof(key));
	if (st == ST_OK)
		print_sent(cli, "ended", u256_to_dec(id, &room), receipt);
	return st;
}

/* ---- show ---- */

static void name_member(cJSON *room, const char *key, const char *const *names,
			size_t n)
{
	const cJSON *m = cJSON_GetObjectItemCaseSensitive(room, key);
	uint64_t i = 0;
	struct u256 v;
	struct err ignored;

	if (u256_parse(&v, cJSON_GetStringValue(m) ?: "", key, &ignored) !=
		ST_OK ||
	    !u256_to_u64(&i, &v) || i >= n)
		return;
	cJSON_ReplaceItemInObjectCaseSensitive(room, key,
					       cJSON_CreateString(names[i]));
}

static enum status view_json(cJSON **out, struct chain *c, const char *function,
			     const struct u256 *room, struct err *err)
{
	AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
	const struct abi_value *v = NULL, arg = abi_num(room);
	const struct abi_entry *entry = NULL;
	enum status st = chain_view(&v, c, a, function, &arg, 1, err);

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

static void print_members(const char *prefix, const cJSON *object)
{
	const cJSON *m;

	cJSON_ArrayForEach(m, object)
	{
		AUTO_FREE char *text =
		    cJSON_IsString(m) ? NULL : cJSON_PrintUnformatted(m);
		const char *value = text ? text : m->valuestring;

		if (m->string)
			printf("%s%-18s", prefix, m->string);
		/* titles come from the chain: nothing may drive a terminal */
		for (const char *p = value; *p; p++)
			putchar((unsigned char)*p < ' ' || *p == 0x7f ? '?'
								      : *p);
		putchar('\n');
	}
}

static enum status room_show(struct cli *cli, struct err *err)
{
	AUTO(config) struct config *cfg = NULL;
	AUTO(chain) struct chain *c = NULL;
	AUTO_JSON cJSON *room = NULL, *playback = NULL;
	struct u256 id;
	char text[U256_DEC_SIZE];
	enum status st = room_id_arg(&id, cli, 0, err);

	if (st == ST_OK)
		st = cli_config(&cfg, cli, err);
	if (st == ST_OK)
		st = chain_open(&c, cfg, err);
	if (st == ST_OK)
		st = view_json(&room, c, "room", &id, err);
	if (st == ST_OK)
		st = view_json(&playback, c, "playback", &id, err);
	if (st != ST_OK)
		return st;
	name_member(room, "state", state_names, ARRAY_SIZE(state_names));
	name_member(room, "ingest", ingest_names, ARRAY_SIZE(ingest_names));
	name_member(room, "access", access_names, ARRAY_SIZE(access_names));
	u256_to_dec(text, &id);
	if (cli->json) {
		cJSON_AddStringToObject(room, "room", text);
		cJSON_AddItemToObject(room, "playback", STEAL(playback));
		print_json(STEAL(room));
		return ST_OK;
	}
	printf("%-18s%s\n", "room", text);
	print_members("", room);
	print_members("playback.", playback);
	return ST_OK;
}

/* ---- list ---- */

static enum status query_rooms(struct db_result **out, struct db *db,
			       const struct cli *cli, struct err *err)
{
	const char *limit = cli_opt(cli, "limit") ?: "50";

	return DB_QUERY(out, db, err,
			"select room_id::text as room, coalesce(state, '') as "
			"state, ingest::text as ingest, host::text as host, "
			"coalesce(title, '') as title, coalesce(input_uid, '') "
			"as input, coalesce(playback_hls, playback_webrtc, '') "
			"as playback, created_at::text as created "
			"from analytics.rooms "
			"where $1::text is null or state = $1 "
			"order by created_block desc, room_id "
			"limit $2::bigint",
			P_TEXT(cli_opt(cli, "state")), P_TEXT(limit));
}

static const char *const list_columns[] = { "room",     "state",  "ingest",
					    "host",     "title",  "input",
					    "playback", "created" };

static void print_rooms(const struct cli *cli, const struct db_result *r)
{
	cJSON *all = cJSON_CreateArray();

	for (size_t row = 0; row < db_rows(r); row++) {
		cJSON *one = cJSON_CreateObject();

		for (size_t i = 0; i < ARRAY_SIZE(list_columns); i++) {
			const char *v = db_text(r, row, list_columns[i]);

			cJSON_AddStringToObject(one, list_columns[i], v);
			if (!cli->json)
				printf("%s%s", i ? "  " : "", v);
		}
		if (!cli->json)
			putchar('\n');
		cJSON_AddItemToArray(all, one);
	}
	if (cli->json)
		print_json(all);
	else
		cJSON_Delete(all);
}

static enum status room_list(struct cli *cli, struct err *err)
{
	AUTO(config) struct config *cfg = NULL;
	AUTO(db) struct db *db = NULL;
	AUTO(db_result) struct db_result *r = NULL;
	enum status st = cli_config(&cfg, cli, err);

	if (st == ST_OK)
		st = cli_database(&db, cfg, true, err);
	if (st == ST_OK)
		st = query_rooms(&r, db, cli, err);
	if (st == ST_OK)
		print_rooms(cli, r);
	return st;
}

const struct command cmd_room[] = {
	{ "room create",
	  "-c FILE --title TEXT [--ingest rtmps|srt|webrtc] "
	  "[--access public|signed] [--discard] [--ref 0x…] " HOSTKEY_USAGE
	  " " KEY_USAGE,
	  "create a room; --discard deletes its recordings when it ends",
	  "title ingest access ref " HOSTKEY_OPTIONS " " KEY_OPTIONS, "discard",
	  room_create },
	{ "room end", "ROOM -c FILE " KEY_USAGE,
	  "end a room, as its host or a moderator", KEY_OPTIONS, "", room_end },
	{ "room show", "ROOM -c FILE", "a room as the contract has it", "", "",
	  room_show },
	{ "room list", "-c FILE [--state open|failed|ended] [--limit N]",
	  "rooms as Postgres has them, newest first", "state limit", "",
	  room_list },
	{ 0 },
};
