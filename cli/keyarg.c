/*
 * Keys and room ids on the command line. A key itself never stands there, only
 * the file that holds it.
 */
#include "cli/keyarg.h"

#include "abi/u256.h"
#include "config/keyfile.h"

#define ROOM_ID_BITS 96

enum status key_from_opts(uint8_t key32[32], const struct cli *cli,
			  struct err *err)
{
	const char *raw = cli_opt(cli, "key-file");
	const char *keystore = cli_opt(cli, "keystore");
	const char *password = cli_opt(cli, "password-file");

	if (!raw && !keystore)
		return err_set(err, ST_REJECTED,
			       "name the signing key with " KEY_USAGE);
	if (raw && keystore)
		return err_set(err, ST_REJECTED,
			       "--key-file and --keystore exclude each other");
	if (raw)
		return keyfile_read_raw(key32, raw, err);
	if (!password)
		return err_set(err, ST_REJECTED,
			       "--keystore needs --password-file");
	return keyfile_read_keystore(key32, keystore, password, err);
}

enum status room_id_arg(struct u256 *out, const struct cli *cli, int i,
			struct err *err)
{
	struct u256 id;
	enum status st;
	AUTO_BUF text = BUF_NULL;

	buf_init(&text, 128);
	st = cli_arg(&text, cli, i, "room id", err);
	if (st == ST_OK)
		st = u256_parse(&id, buf_str(&text), "room id", err);
	if (st != ST_OK)
		return st;
	if (!u256_fits(&id, ROOM_ID_BITS))
		return err_set(err, ST_REJECTED, "room id %s is not below 2^96",
			       buf_str(&text));
	*out = id;
	return ST_OK;
}
