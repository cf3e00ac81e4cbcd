/*
 * chaincast seal and unseal: envelopes by hand. The plaintext of unseal is a
 * secret and goes to standard output only.
 */
#include <string.h>

#include "abi/hex.h"
#include "abi/seal.h"
#include "abi/u256.h"
#include "cli/cli.h"
#include "cli/keyarg.h"
#include "config/keyfile.h"
#include "core/json.h"
#include "db/db.h"

static void print_hex(const struct cli *cli, const char *key,
		      const struct buf *bytes)
{
	AUTO_BUF hex = BUF_NULL;

	buf_init(&hex, 4 * SEAL_PLAIN_MAX);
	hex_add(&hex, bytes->data, bytes->len);
	if (cli->json)
		printf("{\"%s\":\"%s\"}\n", key, buf_str(&hex));
	else
		printf("%s\n", buf_str(&hex));
}

static enum status seal(struct cli *cli, struct err *err)
{
	const char *to = NULL;
	enum status st = cli_need(&to, cli, "to", err);
	AUTO_SECRET_BUF plain = BUF_NULL;
	AUTO_BUF key = BUF_NULL, out = BUF_NULL;

	buf_init(&plain, SEAL_PLAIN_MAX);
	buf_init(&key, SEAL_KEY_MAX);
	buf_init(&out, 2 * SEAL_PLAIN_MAX);
	if (st == ST_OK)
		st = hex_decode_buf(&key, to, "--to", err);
	if (st != ST_OK)
		return st;
	switch (seal_check_key(key.data, key.len)) {
	case SEAL_KEY_GOOD:
		break;
	case SEAL_KEY_MALFORMED:
		return err_set(err, ST_REJECTED,
			       "--to: not a suite byte and public key (0x01 "
			       "and 33 bytes, or 0x02 and 32)");
	case SEAL_KEY_OFF_CURVE:
		return err_set(err, ST_REJECTED,
			       "--to: the key is not on its curve");
	}
	st = cli_arg(&plain, cli, 0, "plaintext", err);
	if (st == ST_OK)
		st = seal_box(&out, key.data, key.len, plain.data, plain.len,
			      err);
	if (st == ST_OK)
		print_hex(cli, "sealed", &out);
	return st;
}

/* ---- unseal ---- */

static enum status query_envelope(struct buf *out, const struct config *cfg,
				  const char *room, struct err *err)
{
	AUTO(db) struct db *db = NULL;
	AUTO(db_result) struct db_result *r = NULL;
	const uint8_t *p;
	size_t len = 0;
	enum status st = cli_database(&db, cfg, true, err);

	if (st == ST_OK)
		st = DB_QUERY(&r, db, err,
			      "select envelope from "
			      "chain.registry_room_provisioned "
			      "where room_id = $1::numeric "
			      "order by epoch desc limit 1",
			      P_TEXT(room));
	if (st != ST_OK)
		return st;
	if (db_rows(r) == 0)
		return err_set(err, ST_REJECTED,
			       "room %s has no credentials yet: no "
			       "RoomProvisioned is indexed",
			       room);
	p = db_bytes(r, 0, "envelope", &len);
	buf_add(out, p, len);
	return buf_check(out, "envelope", err);
}

static enum status room_envelope(struct buf *out, struct u256 *room,
				 const struct cli *cli, struct err *err)
{
	AUTO(config) struct config *cfg = NULL;
	char id[U256_DEC_SIZE];
	enum status st = room_id_arg(room, cli, 0, err);

	if (st == ST_OK)
		st = cli_config(&cfg, cli, err);
	if (st == ST_OK)
		st = query_envelope(out, cfg, u256_to_dec(id, room), err);
	return st;
}

/* The envelope names no sender: what it says of its room is checked. */
static enum status check_room(const struct buf *plain, const struct u256 *room,
			      struct err *err)
{
	AUTO_JSON cJSON *json = NULL;
	const char *says = NULL;
	char id[U256_DEC_SIZE];
	enum status st =
	    json_parse(&json, buf_str(plain), plain->len, "credentials", err);

	if (st == ST_OK)
		st = json_str(&says, json, "r", err);
	if (st == ST_OK && strcmp(says, u256_to_dec(id, room)) != 0)
		return err_set(err, ST_REJECTED,
			       "the envelope is of another room (%.40s)", says);
	return st;
}

static enum status unseal(struct cli *cli, struct err *err)
{
	const char *given = cli_opt(cli, "envelope"), *file = NULL;
	struct u256 room = { 0 };
	uint8_t secret[32];
	enum status st = cli_need(&file, cli, "host-key", err);
	AUTO_SECRET_BUF plain = BUF_NULL;
	AUTO_BUF sealed = BUF_NULL;

	buf_init(&plain, SEAL_PLAIN_MAX);
	buf_init(&sealed, 2 * SEAL_PLAIN_MAX);
	if (st == ST_OK && given)
		st = hex_decode_buf(&sealed, given, "--envelope", err);
	else if (st == ST_OK)
		st = room_envelope(&sealed, &room, cli, err);
	if (st == ST_OK)
		st = keyfile_read_raw(secret, file, err);
	if (st != ST_OK)
		return st;
	st = seal_open(&plain, secret, sealed.data, sealed.len, err);
	explicit_bzero(secret, sizeof(secret));
	if (st == ST_OK && !given)
		st = check_room(&plain, &room, err);
	if (st != ST_OK)
		return st;
	while (plain.len > 0 && plain.data[plain.len - 1] == ' ')
		plain.data[--plain.len] = 0; /* padding */
	printf("%s\n", buf_str(&plain));
	return ST_OK;
}

const struct command cmd_seal[] = {
	{ "unseal",
	  "ROOM -c FILE --host-key FILE | --envelope 0x… --host-key FILE",
	  "open a room's newest credentials with the host's key",
	  "host-key envelope", "", unseal },
	{ "seal", "--to 0x… [PLAINTEXT]",
	  "seal standard input to a suite byte and public key", "to", "",
	  seal },
	{ 0 },
};
