/*
 * The signing key from its file. The key and every copy of the text that held
 * it are wiped; errors name the file and never quote it.
 */
#include "config/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "abi/keystore.h"
#include "config/internal.h"
#include "core/buf.h"

static int digit(char c)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	const char *p = c ? strchr(hex, c) : NULL;

	if (!p)
		return -1;
	return (int)(p - hex) < 16 ? (int)(p - hex) : (int)(p - hex) - 6;
}

enum status keyfile_read_raw(uint8_t key32[32], const char *path,
			     struct err *err)
{
	enum status st;
	uint8_t key[32];
	char *text = NULL;
	const char *hex;
	bool good;

	st = config_secret_file(&text, path, err);
	if (st != ST_OK)
		return st;
	hex = strncmp(text, "0x", 2) == 0 ? text + 2 : text;
	good = strlen(hex) == 64;
	for (size_t i = 0; good && i < 32; i++) {
		int hi = digit(hex[2 * i]), lo = digit(hex[2 * i + 1]);

		good = hi >= 0 && lo >= 0;
		key[i] = (uint8_t)(good ? hi * 16 + lo : 0);
	}
	config_wipe(text);
	if (good)
		memcpy(key32, key, sizeof(key));
	explicit_bzero(key, sizeof(key));
	if (!good)
		return err_set(err, ST_REJECTED,
			       "%s: a raw key file holds 64 hex digits", path);
	return ST_OK;
}

static enum status read_keystore(struct buf *b, const char *path,
				 struct err *err)
{
	char chunk[4096];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, ST_REJECTED, "cannot open %s: %s", path,
			       strerror(errno));
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(b, chunk, (size_t)n);
	close(fd);
	if (n < 0)
		return err_set(err, ST_REJECTED, "cannot read %s: %s", path,
			       strerror(errno));
	return buf_check(b, path, err);
}

enum status keyfile_load(uint8_t key32[32], const struct config *c,
			 struct err *err)
{
	struct err why = { 0 };
	char *password = NULL;
	enum status st;
	AUTO_BUF json;

	buf_init(&json, KEYSTORE_JSON_MAX);
	if (c->signer.key_file)
		return keyfile_read_raw(key32, c->signer.key_file, err);
	if (!c->signer.keystore_file || !c->signer.password_file)
		return err_set(err, ST_REJECTED,
			       "%s: signer: no key is configured", c->path);
	st = read_keystore(&json, c->signer.keystore_file, err);
	if (st == ST_OK)
		st =
		    config_secret_file(&password, c->signer.password_file, err);
	if (st != ST_OK)
		return st;
	st = keystore_decrypt(buf_str(&json), json.len, password,
			      strlen(password), key32, &why);
	config_wipe(password);
	if (st != ST_OK)
		return err_set(err, st, "%s: %s", c->signer.keystore_file,
			       why.msg);
	return ST_OK;
}
