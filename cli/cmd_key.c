/*
 * chaincast key: makes signing keys and host keys, and tells what belongs to
 * them. Secrets are read from files and written to files, never printed.
 */
#include <string.h>

#include "abi/hex.h"
#include "abi/keystore.h"
#include "abi/seal.h"
#include "abi/secp.h"
#include "cli/cli.h"
#include "cli/hostkey.h"
#include "cli/keyarg.h"
#include "config/keyfile.h"

#define SCRYPT_LOG2_N 18 /* a second or so, 256 MiB: what geth uses */

/* The password that opens or will open a keystore. */
static enum status read_password(struct buf *out, const struct cli *cli,
				 struct err *err)
{
	const char *path;
	enum status st = cli_need(&path, cli, "password-file", err);

	return st == ST_OK ? keyfile_read_password(out, path, err) : st;
}

static enum status write_keystore(const char *path, const uint8_t key[32],
				  const struct cli *cli, struct err *err)
{
	AUTO_SECRET_BUF password = BUF_NULL;
	AUTO_BUF file = BUF_NULL;
	enum status st;

	buf_init(&password, 4096);
	buf_init(&file, KEYSTORE_JSON_MAX);
	st = read_password(&password, cli, err);
	if (st == ST_OK)
		st = keystore_encrypt(&file, key, (char *)password.data,
				      password.len, SCRYPT_LOG2_N, err);
	return st == ST_OK ? keyfile_write(path, file.data, file.len, err) : st;
}

static enum status print_address(const struct cli *cli, const char *path,
				 const uint8_t key[32], struct err *err)
{
	char text[HEX_ADDRESS_SIZE];
	struct address a;
	enum status st = secp_address(&a, key, err);

	if (st != ST_OK)
		return st;
	hex_address_checksum(text, &a);
	printf(cli->json ? "{\"address\":\"%s\"}\n" : "%s\n", text);
	if (path && !cli->json)
		fprintf(stderr, "the key is in %s: keep it safe\n", path);
	return ST_OK;
}

static enum status print_host_key(const struct cli *cli, const uint8_t key[32],
				  struct err *err)
{
	uint8_t public[SEAL_KEY_MAX], suite;
	char text[HEX_SIZE(SEAL_KEY_MAX)];
	size_t n = 0;
	enum status st = suite_from_opts(&suite, cli, err);

	if (st == ST_OK)
		st = seal_public_key(public, &n, suite, key, err);
	if (st != ST_OK)
		return st;
	hex_encode(text, public, n);
	printf(cli->json ? "{\"hostKey\":\"%s\"}\n" : "%s\n", text);
	return ST_OK;
}

static enum status new_host(struct cli *cli, uint8_t key[32], struct err *err)
{
	const char *path;
	uint8_t suite = 0;
	enum status st = cli_need(&path, cli, "key-file", err);

	if (st == ST_OK)
		st = suite_from_opts(&suite, cli, err);
	if (st == ST_OK)
		st = seal_new_secret(key, suite, err);
	if (st == ST_OK)
		st = keyfile_write_raw(path, key, err);
	return st == ST_OK ? print_host_key(cli, key, err) : st;
}

static enum status new_signer(struct cli *cli, uint8_t key[32], struct err *err)
{
	const char *raw = cli_opt(cli, "key-file");
	const char *keystore = cli_opt(cli, "keystore");
	enum status st;

	if (!raw == !keystore)
		return err_set(err, ST_REJECTED,
			       "name one file for the key: " KEY_USAGE);
	st = secp_new_key(key, err);
	if (st != ST_OK)
		return st;
	st = raw ? keyfile_write_raw(raw, key, err)
		 : write_keystore(keystore, key, cli, err);
	return st == ST_OK ? print_address(cli, raw ? raw : keystore, key, err)
			   : st;
}

static enum status key_new(struct cli *cli, struct err *err)
{
	uint8_t key[32];
	enum status st = cli_flag(cli, "host") ? new_host(cli, key, err)
					       : new_signer(cli, key, err);

	explicit_bzero(key, sizeof(key));
	return st;
}

/* A file named by position: keystore when it looks like JSON. */
static enum status read_any(uint8_t key[32], const struct cli *cli,
			    const char *path, struct err *err)
{
	const char *password;
	enum status st;
	AUTO_SECRET_BUF file = BUF_NULL;

	buf_init(&file, KEYSTORE_JSON_MAX);
	st = cli_read_file(&file, path, err);
	if (st != ST_OK)
		return st;
	if (!file.len || file.data[0] != '{')
		return keyfile_read_raw(key, path, err);
	st = cli_need(&password, cli, "password-file", err);
	if (st != ST_OK)
		return st;
	return keyfile_read_keystore(key, path, password, err);
}

static enum status key_address(struct cli *cli, struct err *err)
{
	uint8_t key[32];
	enum status st = ST_OK;

	if (cli->argc < 1)
		return err_set(err, ST_REJECTED, "name a key file");
	for (int i = 0; i < cli->argc && st == ST_OK; i++) {
		st = read_any(key, cli, cli->args[i], err);
		if (st == ST_OK)
			st = print_address(cli, NULL, key, err);
	}
	explicit_bzero(key, sizeof(key));
	return st;
}

static enum status print_public(const struct cli *cli, const uint8_t key[32],
				struct err *err)
{
	uint8_t public[64];
	char text[HEX_SIZE(64)];
	enum status st = secp_public(public, key, err);

	if (st != ST_OK)
		return st;
	hex_encode_bare(text, public, sizeof(public));
	printf(cli->json ? "{\"publicKey\":\"0x04%s\"}\n" : "0x04%s\n", text);
	return ST_OK;
}

static enum status key_public(struct cli *cli, struct err *err)
{
	uint8_t key[32];
	enum status st;

	if (cli->argc != 1)
		return err_set(err, ST_REJECTED, "name one key file");
	st = cli_flag(cli, "host") ? keyfile_read_raw(key, cli->args[0], err)
				   : read_any(key, cli, cli->args[0], err);
	if (st == ST_OK)
		st = cli_flag(cli, "host") ? print_host_key(cli, key, err)
					   : print_public(cli, key, err);
	explicit_bzero(key, sizeof(key));
	return st;
}

const struct command cmd_key[] = {
	{ "key new", KEY_USAGE " | --host [--suite 1|2] --key-file FILE",
	  "make a signing key, or a host key to which credentials are sealed",
	  KEY_OPTIONS " suite", "host", key_new },
	{ "key address", "FILE… [--password-file FILE]",
	  "address of a raw key file or keystore", "password-file", "",
	  key_address },
	{ "key public",
	  "FILE [--password-file FILE] | --host [--suite 1|2] FILE",
	  "public key of a signing key; with --host as createRoom takes it",
	  "password-file suite", "host", key_public },
	{ 0 },
};
