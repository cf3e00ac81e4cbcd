/*
 * The host's key pair: read from its file, or made and written there. The
 * secret half never leaves the file and this function.
 */
#include "cli/hostkey.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "abi/hex.h"
#include "config/keyfile.h"

enum status suite_from_opts(uint8_t *out, const struct cli *cli,
			    struct err *err)
{
	const char *suite = cli_opt(cli, "suite") ?: "1";

	if (strcmp(suite, "1") != 0 && strcmp(suite, "2") != 0)
		return err_set(err, ST_REJECTED,
			       "--suite is 1 (secp256k1) or 2 (X25519)");
	*out = (uint8_t)(suite[0] - '0');
	return ST_OK;
}

static enum status make(uint8_t secret[32], const char *path, uint8_t suite,
			struct err *err)
{
	enum status st = seal_new_secret(secret, suite, err);

	if (st == ST_OK)
		st = keyfile_write_raw(path, secret, err);
	if (st == ST_OK)
		fprintf(stderr,
			"a new host key is in %s: keep it, it opens "
			"the room's credentials\n",
			path);
	return st;
}

static enum status public_from_hex(uint8_t out[64], size_t *len,
				   const char *hex, struct err *err)
{
	enum status st;
	AUTO_BUF key = BUF_NULL;

	buf_init(&key, 64);
	st = hex_decode_buf(&key, hex, "--host-key", err);
	if (st != ST_OK)
		return st;
	if (key.len)
		memcpy(out, key.data, key.len);
	*len = key.len;
	return ST_OK;
}

enum status hostkey_from_opts(uint8_t out[64], size_t *len,
			      const struct cli *cli, struct err *err)
{
	const char *name = NULL;
	uint8_t secret[32], suite = 0;
	enum status st = cli_need(&name, cli, "host-key", err);

	if (st == ST_OK && strncmp(name, "0x", 2) == 0)
		return public_from_hex(out, len, name, err);
	if (st == ST_OK)
		st = suite_from_opts(&suite, cli, err);
	if (st != ST_OK)
		return st;
	if (access(name, F_OK) != 0 && errno == ENOENT)
		st = make(secret, name, suite, err);
	else
		st = keyfile_read_raw(secret, name, err);
	if (st == ST_OK)
		st = seal_public_key(out, len, suite, secret, err);
	explicit_bzero(secret, sizeof(secret));
	return st;
}
