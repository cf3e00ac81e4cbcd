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
#include "cli/print.h"
#include "cli/views.h"
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

/* What a transaction did, for people or programs. */
static void print_sent(const struct cli *cli, const char *what,
		       const char *room, const cJSON *receipt)
{
	const char *hash = json_str_or(receipt, "transactionHash", "");
	uint64_t block = print_receipt_block(receipt);
	cJSON *json;

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

/* What createRoom costs now; a sender that cannot pay it is told so here, in
 * these words. */
static enum status current_fee(struct u256 *out, struct chain *c,
			       const uint8_t key32[32], struct err *err)
{
	struct address from;
	struct u256 have;
	char fee[U256_DEC_SIZE], has[U256_DEC_SIZE], hex[HEX_ADDRESS_SIZE];
	enum status st = views_num(out, c, "limits", "fee", err);

	if (st != ST_OK || u256_is_zero(out))
		return st;
	st = secp_address(&from, key32, err);
	if (st == ST_OK)
		st = views_balance(&have, c, &from, err);
	if (st != ST_OK || u256_cmp(&have, out) > 0)
		return st;
	return err_set(err, ST_REJECTED,
		       "a room costs a fee of %s wei and its gas, and %s has "
		       "%s wei",
		       u256_to_dec(fee, out), hex_address_checksum(hex, &from),
		       u256_to_dec(has, &have));
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
		st = key_from_opts(key, cli, err);
	if (st != ST_OK)
		return st;
	st = current_fee(&r.fee, c, key, err);
	if (st == ST_OK)
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

/* What a call about the room of the first argument needs. */
static enum status open_room_call(struct config **cfg, struct chain **c,
				  struct u256 *room, uint8_t key32[32],
				  const struct cli *cli, struct err *err)
{
	enum status st = room_id_arg(room, cli, 0, err);

	if (st == ST_OK)
		st = cli_config(cfg, cli, err);
	if (st == ST_OK)
		st = chain_open(c, *cfg, err);
	return st == ST_OK ? key_from_opts(key32, cli, err) : st;
}

/* ---- end ---- */

/* As whom a room is ended is said, not guessed: a moderator's key ends rooms of
 * others only with --as-moderator. What is left the contract decides. */
static enum status check_end(struct chain *c, const struct cli *cli,
			     const struct u256 *room, const uint8_t key32[32],
			     struct err *err)
{
	AUTO_JSON cJSON *was = NULL;
	struct hash32 role = views_role(ROLE_MODERATOR);
	struct abi_value arg = abi_num(room);
	struct address from;
	char hex[HEX_ADDRESS_SIZE];
	bool moderates = false, as = cli_flag(cli, "as-moderator");
	enum status st = secp_address(&from, key32, err);

	if (st == ST_OK)
		st = views_has_role(&moderates, c, role.b, &from, err);
	if (st == ST_OK)
		st = views_json(&was, c, "room", &arg, 1, err);
	if (st != ST_OK)
		return st;
	hex_address_checksum(hex, &from);
	if (as && !moderates)
		return err_set(err, ST_REJECTED, "%s lacks MODERATOR_ROLE",
			       hex);
	if (!as && moderates &&
	    strcasecmp(json_str_or(was, "host", ""), hex) != 0)
		return err_set(err, ST_REJECTED,
			       "%s is a moderator and not the room's host: say "
			       "--as-moderator",
			       hex);
	return ST_OK;
}

static enum status room_end(struct cli *cli, struct err *err)
{
	AUTO(config) struct config *cfg = NULL;
	AUTO(chain) struct chain *c = NULL;
	AUTO_JSON cJSON *receipt = NULL;
	struct u256 room;
	struct abi_value arg;
	uint8_t key[32];
	char id[U256_DEC_SIZE];
	enum status st = open_room_call(&cfg, &c, &room, key, cli, err);

	if (st != ST_OK)
		return st;
	arg = abi_num(&room);
	st = check_end(c, cli, &room, key, err);
	if (st == ST_OK)
		st =
		    chain_send(&receipt, c, key, "endRoom", &arg, 1, NULL, err);
	explicit_bzero(key, sizeof(key));
	if (st == ST_OK)
		print_sent(cli, "ended", u256_to_dec(id, &room), receipt);
	return st;
}

/* ---- record ---- */

struct record {
	bool keeps, discards;
	int64_t days; /* below 0: nothing is said of them */
};

/* One thing at a time, since each is a transaction. */
static enum status record_args(struct record *out, const struct cli *cli,
			       struct err *err)
{
	struct record r = { .keeps = cli_flag(cli, "keep"),
			    .discards = cli_flag(cli, "discard"),
			    .days = -1 };
	enum status st = cli_number(&r.days, cli, "days", 0, UINT16_MAX, err);

	if (st != ST_OK)
		return st;
	if (r.keeps + r.discards + (r.days >= 0) != 1)
		return err_set(err, ST_REJECTED,
			       "say one of --keep, --discard and --days N");
	*out = r;
	return ST_OK;
}

static enum status send_record(cJSON **receipt, struct chain *c,
			       const uint8_t key32[32], const struct u256 *room,
			       const struct record *r, struct err *err)
{
	bool days = r->days >= 0;
	const struct abi_value args[] = {
		abi_num(room),
		days ? abi_u64((uint64_t)r->days) : abi_bool(r->keeps),
	};

	return chain_send(receipt, c, key32,
			  days ? "setRecordingDays" : "setRecording", args,
			  ARRAY_SIZE(args), NULL, err);
}

static enum status room_record(struct cli *cli, struct err *err)
{
	AUTO(config) struct config *cfg = NULL;
	AUTO(chain) struct chain *c = NULL;
	AUTO_JSON cJSON *receipt = NULL;
	struct record r = { 0 };
	struct u256 room;
	uint8_t key[32];
	char id[U256_DEC_SIZE];
	enum status st = record_args(&r, cli, err);

	if (st == ST_OK)
		st = open_room_call(&cfg, &c, &room, key, cli, err);
	if (st != ST_OK)
		return st;
	st = send_record(&receipt, c, key, &room, &r, err);
	explicit_bzero(key, sizeof(key));
	if (st == ST_OK)
		print_sent(cli,
			   r.keeps      ? "keeps recordings"
			   : r.discards ? "discards recordings"
					: "has other days for recordings",
			   u256_to_dec(id, &room), receipt);
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

static enum status room_show(struct cli *cli, struct err *err)
{
	AUTO(config) struct config *cfg = NULL;
	AUTO(chain) struct chain *c = NULL;
	AUTO_JSON cJSON *room = NULL, *playback = NULL;
	struct u256 id;
	struct abi_value arg;
	char text[U256_DEC_SIZE];
	enum status st = room_id_arg(&id, cli, 0, err);

	arg = abi_num(&id);
	if (st == ST_OK)
		st = cli_config(&cfg, cli, err);
	if (st == ST_OK)
		st = chain_open(&c, cfg, err);
	if (st == ST_OK)
		st = views_json(&room, c, "room", &arg, 1, err);
	if (st == ST_OK)
		st = views_json(&playback, c, "playback", &arg, 1, err);
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
	print_members("", room, NULL);
	print_members("playback.", playback, NULL);
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
	  "create a room and pay the contract's fee; --discard deletes its "
	  "recordings when it ends",
	  "title ingest access ref " HOSTKEY_OPTIONS " " KEY_OPTIONS, "discard",
	  room_create },
	{ "room end", "ROOM -c FILE [--as-moderator] " KEY_USAGE,
	  "end a room, as its host or with --as-moderator another's",
	  KEY_OPTIONS, "as-moderator", room_end },
	{ "room record", "ROOM -c FILE --keep|--discard|--days N " KEY_USAGE,
	  "keep or discard recordings, or have those that become ready deleted "
	  "after N days (as near as 30 to 1096 come; 0: the operator's "
	  "setting)",
	  "days " KEY_OPTIONS, "keep discard", room_record },
	{ "room show", "ROOM -c FILE", "a room as the contract has it", "", "",
	  room_show },
	{ "room list", "-c FILE [--state open|failed|ended] [--limit N]",
	  "rooms as Postgres has them, newest first", "state limit", "",
	  room_list },
	{ 0 },
};
