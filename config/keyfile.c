/*
 * The signing key from its file. The key and every copy of the text that held
 * it are wiped; errors name the file and never quote it.
 */
#include "config/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "abi/hex.h"
#include "abi/keystore.h"
#include "config/internal.h"
#include "core/buf.h"

enum status keyfile_read_raw(uint8_t key32[32], const char *path,
			     struct err *err)
{
	enum status st;
	uint8_t key[32];
	char *text = NULL;
	const char *hex;

	st = config_secret_file(&text, path, err);
	if (st != ST_OK)
		return st;
	hex = strncmp(text, "0x", 2) == 0 ? text + 2 : text;
	st = hex_decode_bare(key, sizeof(key), hex, strlen(hex), path, NULL);
	config_wipe(text);
	if (st == ST_OK)
		memcpy(key32, key, sizeof(key));
	explicit_bzero(key, sizeof(key));
	if (st != ST_OK)
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

enum status keyfile_read_keystore(uint8_t key32[32], const char *path,
				  const char *password_path, struct err *err)
{
	struct err why = { 0 };
	char *password = NULL;
	enum status st;
	AUTO_BUF json = BUF_NULL;

	buf_init(&json, KEYSTORE_JSON_MAX);
	st = read_keystore(&json, path, err);
	if (st == ST_OK)
		st = config_secret_file(&password, password_path, err);
	if (st != ST_OK)
		return st;
	st = keystore_decrypt(buf_str(&json), json.len, password,
			      strlen(password), key32, &why);
	config_wipe(password);
	if (st != ST_OK)
		return err_set(err, st, "%s: %s", path, why.msg);
	return ST_OK;
}

enum status keyfile_read_password(struct buf *out, const char *path,
				  struct err *err)
{
	char *text = NULL;
	enum status st = config_secret_file(&text, path, err);

	if (st != ST_OK)
		return st;
	buf_add_str(out, text);
	config_wipe(text);
	return buf_check(out, path, err);
}

enum status keyfile_load(uint8_t key32[32], const struct config *c, size_t at,
			 struct err *err)
{
	const char *why = config_unread(c, "signers");
	const struct config_signer *s =
	    at < c->signer_count ? &c->signers[at] : NULL;

	if (s && s->key_file)
		return keyfile_read_raw(key32, s->key_file, err);
	if (s && s->keystore_file && s->password_file)
		return keyfile_read_keystore(key32, s->keystore_file,
					     s->password_file, err);
	if (why)
		return err_set(err, ST_REJECTED, "%s", why);
	return err_set(err, ST_REJECTED, "%s: signers: no key is configured",
		       c->path);
}

enum status keyfile_write(const char *path, const void *text, size_t len,
			  struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok;

	if (fd < 0)
		return err_set(err, ST_REJECTED, "cannot create %s: %s", path,
			       strerror(errno));
	ok = write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
	if (close(fd) != 0 || !ok) {
		unlink(path);
		return err_set(err, ST_FATAL, "cannot write %s: %s", path,
			       strerror(errno));
	}
	return ST_OK;
}

enum status keyfile_write_raw(const char *path, const uint8_t key32[32],
			      struct err *err)
{
	char text[2 * 32 + 2];
	enum status st;

	hex_encode_bare(text, key32, 32);
	text[64] = '\n';
	st = keyfile_write(path, text, 65, err);
	explicit_bzero(text, sizeof(text));
	return st;
}
