/*
 * Ethereum keystore files, version 3: opens what geth and others write, and
 * writes files that they open. Work and memory that a file may ask for are
 * bounded. Reads and writes no file itself, and leaves no key material behind.
 */
#include "abi/keystore.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/random.h>

#include "abi/hex.h"
#include "abi/keccak.h"
#include "abi/scrypt.h"
#include "abi/secp.h"
#include "core/json.h"

#define SALT_MAX 128

struct kdf {
	bool scrypt;
	uint64_t n, r, p; /* scrypt; n: rounds for PBKDF2 */
	uint8_t salt[SALT_MAX];
	size_t salt_len;
};

struct file {
	struct kdf kdf;
	uint8_t iv[16], cipher[32], mac[32];
};

static const char *skip_0x(const char *s)
{
	return s[0] == '0' && (s[1] == 'x' || s[1] == 'X') ? s + 2 : s;
}

static enum status fixed(uint8_t *out, size_t n, const cJSON *obj,
			 const char *key, struct err *err)
{
	const char *text;
	enum status st = json_str(&text, obj, key, err);

	if (st != ST_OK)
		return st;
	text = skip_0x(text);
	return hex_decode_bare(out, n, text, strlen(text), key, err);
}

static enum status parse_salt(struct kdf *k, const cJSON *params,
			      struct err *err)
{
	const char *text;
	enum status st = json_str(&text, params, "salt", err);

	if (st != ST_OK)
		return st;
	text = skip_0x(text);
	k->salt_len = strlen(text) / 2;
	if (k->salt_len > SALT_MAX)
		return err_set(err, ST_REJECTED,
			       "keystore: salt longer than %d bytes", SALT_MAX);
	return hex_decode_bare(k->salt, k->salt_len, text, strlen(text), "salt",
			       err);
}

static enum status parse_scrypt(struct kdf *k, const cJSON *params,
				struct err *err)
{
	enum status st = json_u64(&k->n, params, "n", err);

	if (st == ST_OK)
		st = json_u64(&k->r, params, "r", err);
	if (st == ST_OK)
		st = json_u64(&k->p, params, "p", err);
	if (st != ST_OK)
		return st;
	if (k->n < 2 || (k->n & (k->n - 1)) != 0 || k->n > 1u << 24 ||
	    k->r < 1 || k->r > 64 || k->p < 1 || k->p > 64 ||
	    128 * k->n * k->r > KEYSTORE_SCRYPT_BYTES ||
	    k->n * k->r * k->p > KEYSTORE_SCRYPT_WORK)
		return err_set(err, ST_REJECTED,
			       "keystore: scrypt parameters out of bounds");
	return ST_OK;
}

static enum status parse_pbkdf2(struct kdf *k, const cJSON *params,
				struct err *err)
{
	const char *prf;
	enum status st = json_str(&prf, params, "prf", err);

	if (st == ST_OK)
		st = json_u64(&k->n, params, "c", err);
	if (st != ST_OK)
		return st;
	if (strcmp(prf, "hmac-sha256") != 0)
		return err_set(err, ST_REJECTED,
			       "keystore: prf must be hmac-sha256");
	if (k->n < 1 || k->n > KEYSTORE_PBKDF2_MAX)
		return err_set(err, ST_REJECTED,
			       "keystore: pbkdf2 rounds out of bounds");
	return ST_OK;
}

static enum status parse_kdf(struct kdf *k, const cJSON *crypto,
			     struct err *err)
{
	const cJSON *params =
	    cJSON_GetObjectItemCaseSensitive(crypto, "kdfparams");
	uint64_t dklen;
	const char *name;
	enum status st = json_str(&name, crypto, "kdf", err);

	if (st == ST_OK)
		st = json_u64(&dklen, params, "dklen", err);
	if (st != ST_OK)
		return st;
	if (dklen != 32)
		return err_set(err, ST_REJECTED, "keystore: dklen must be 32");
	k->scrypt = strcmp(name, "scrypt") == 0;
	if (!k->scrypt && strcmp(name, "pbkdf2") != 0)
		return err_set(err, ST_REJECTED,
			       "keystore: kdf must be scrypt or pbkdf2");
	st = k->scrypt ? parse_scrypt(k, params, err)
		       : parse_pbkdf2(k, params, err);
	return st == ST_OK ? parse_salt(k, params, err) : st;
}

static enum status parse(struct file *f, const cJSON *root, struct err *err)
{
	const cJSON *crypto = cJSON_GetObjectItemCaseSensitive(root, "crypto");
	const char *cipher;
	uint64_t version;
	enum status st = json_u64(&version, root, "version", err);

	if (st != ST_OK)
		return st;
	if (version != 3)
		return err_set(err, ST_REJECTED, "keystore: version must be 3");
	if (!crypto) /* some writers use a capital */
		crypto = cJSON_GetObjectItemCaseSensitive(root, "Crypto");
	st = json_str(&cipher, crypto, "cipher", err);
	if (st != ST_OK)
		return st;
	if (strcmp(cipher, "aes-128-ctr") != 0)
		return err_set(err, ST_REJECTED,
			       "keystore: cipher must be aes-128-ctr");
	st = fixed(f->iv, 16,
		   cJSON_GetObjectItemCaseSensitive(crypto, "cipherparams"),
		   "iv", err);
	if (st == ST_OK)
		st = fixed(f->cipher, 32, crypto, "ciphertext", err);
	if (st == ST_OK)
		st = fixed(f->mac, 32, crypto, "mac", err);
	return st == ST_OK ? parse_kdf(&f->kdf, crypto, err) : st;
}

/* OpenSSL refuses more than 32 MiB unless told how much it may use. */
static enum status derive(uint8_t out32[32], const struct kdf *k,
			  const char *password, size_t plen, struct err *err)
{
	uint64_t mem = 128 * k->n * k->r + 128 * k->r * k->p + (1u << 20);
	int ok;

	if (plen > INT32_MAX)
		return err_set(err, ST_REJECTED, "keystore: password too long");
	if (k->scrypt && k->r < 4 && k->n >= 1ull << (16 * k->r))
		return scrypt_derive(out32, password, plen, k->salt,
				     k->salt_len, k->n, (uint32_t)k->r,
				     (uint32_t)k->p, err);
	if (k->scrypt)
		ok = EVP_PBE_scrypt(password, plen, k->salt, k->salt_len, k->n,
				    k->r, k->p, mem, out32, 32);
	else
		ok = PKCS5_PBKDF2_HMAC(password, (int)plen, k->salt,
				       (int)k->salt_len, (int)k->n,
				       EVP_sha256(), 32, out32);
	if (ok != 1)
		return err_set(err, ST_FATAL,
			       "keystore: key derivation failed (memory?)");
	return ST_OK;
}

static enum status aes_ctr(uint8_t out[32], const uint8_t in[32],
			   const uint8_t key16[16], const uint8_t iv[16],
			   struct err *err)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, ok;

	ok = ctx && EVP_EncryptInit_ex(ctx, EVP_aes_128_ctr(), NULL, key16, iv);
	ok = ok && EVP_EncryptUpdate(ctx, out, &n, in, 32) && n == 32;
	EVP_CIPHER_CTX_free(ctx);
	if (!ok)
		return err_set(err, ST_FATAL, "keystore: AES failed");
	return ST_OK;
}

static void make_mac(uint8_t mac[32], const uint8_t derived[32],
		     const uint8_t cipher[32])
{
	struct keccak256 k;

	keccak256_init(&k);
	keccak256_update(&k, derived + 16, 16);
	keccak256_update(&k, cipher, 32);
	keccak256_final(&k, mac);
}

static enum status open_with(const struct file *f, const uint8_t derived[32],
			     uint8_t key32[32], struct err *err)
{
	uint8_t mac[32], key[32];
	enum status st;

	make_mac(mac, derived, f->cipher);
	if (CRYPTO_memcmp(mac, f->mac, sizeof(mac)) != 0)
		return err_set(err, ST_REJECTED, "keystore: wrong password");
	st = aes_ctr(key, f->cipher, derived, f->iv, err);
	if (st == ST_OK)
		st = secp_check_key(key, err);
	if (st == ST_OK)
		memcpy(key32, key, sizeof(key));
	explicit_bzero(key, sizeof(key));
	return st;
}

enum status keystore_decrypt(const char *json, size_t len, const char *password,
			     size_t plen, uint8_t key32[32], struct err *err)
{
	AUTO_JSON cJSON *root = NULL;
	struct file f = { 0 };
	uint8_t derived[32];
	enum status st;

	if (len > KEYSTORE_JSON_MAX)
		return err_set(err, ST_REJECTED, "keystore: over %d bytes",
			       KEYSTORE_JSON_MAX);
	st = json_parse(&root, json, len, "keystore", err);
	if (st == ST_OK)
		st = parse(&f, root, err);
	if (st == ST_OK)
		st = derive(derived, &f.kdf, password, plen, err);
	if (st == ST_OK)
		st = open_with(&f, derived, key32, err);
	explicit_bzero(derived, sizeof(derived));
	return st;
}

static void add_hex(struct buf *out, const uint8_t *p, size_t n)
{
	char text[2 * 32 + 1];

	hex_encode_bare(text, p, n);
	buf_add_str(out, text);
}

/* The random id is a version 4 UUID, as the definition asks. */
static void write_file(struct buf *out, const struct file *f,
		       const struct address *addr, uint8_t id[16])
{
	id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
	id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
	buf_add_str(out, "{\"version\":3,\"id\":\"");
	for (size_t i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			buf_add_byte(out, '-');
		add_hex(out, id + i, 1);
	}
	buf_add_str(out, "\",\"address\":\"");
	add_hex(out, addr->b, 20);
	buf_add_str(out, "\",\"crypto\":{\"cipher\":\"aes-128-ctr\","
			 "\"cipherparams\":{\"iv\":\"");
	add_hex(out, f->iv, 16);
	buf_add_str(out, "\"},\"ciphertext\":\"");
	add_hex(out, f->cipher, 32);
	buf_printf(out,
		   "\",\"kdf\":\"scrypt\",\"kdfparams\":{\"dklen\":32,"
		   "\"n\":%llu,\"r\":%llu,\"p\":%llu,\"salt\":\"",
		   (unsigned long long)f->kdf.n, (unsigned long long)f->kdf.r,
		   (unsigned long long)f->kdf.p);
	add_hex(out, f->kdf.salt, f->kdf.salt_len);
	buf_add_str(out, "\"},\"mac\":\"");
	add_hex(out, f->mac, 32);
	buf_add_str(out, "\"}}\n");
}

enum status keystore_encrypt(struct buf *out, const uint8_t key32[32],
			     const char *password, size_t plen, unsigned log2_n,
			     struct err *err)
{
	struct file f = {
		.kdf = { .scrypt = true, .r = 8, .p = 1, .salt_len = 32 }
	};
	uint8_t derived[32], id[16];
	struct address addr;
	enum status st;

	if (log2_n < 1 || log2_n > 20)
		return err_set(err, ST_REJECTED, "keystore: cost 1 to 20");
	f.kdf.n = 1ull << log2_n;
	if (getrandom(f.kdf.salt, 32, 0) != 32 ||
	    getrandom(f.iv, 16, 0) != 16 || getrandom(id, 16, 0) != 16)
		return err_set(err, ST_FATAL, "no randomness from the system");
	st = secp_address(&addr, key32, err);
	if (st == ST_OK)
		st = derive(derived, &f.kdf, password, plen, err);
	if (st == ST_OK)
		st = aes_ctr(f.cipher, key32, derived, f.iv, err);
	if (st == ST_OK) {
		make_mac(f.mac, derived, f.cipher);
		write_file(out, &f, &addr, id);
		st = buf_check(out, "keystore", err);
	}
	explicit_bzero(derived, sizeof(derived));
	return st;
}
