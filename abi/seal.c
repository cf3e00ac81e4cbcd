/*
 * Both sealing suites of abi/SEALING.md over libsecp256k1 and OpenSSL.
 * Cleanses every secret before it returns; never logs, never keeps a key.
 */
#include "abi/seal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <secp256k1.h>
#include <secp256k1_ecdh.h>
#include <string.h>

#include "core/mem.h"

#define NONCE_LEN  16
#define TAG_LEN    16
#define POINT_LEN  65 /* 04 X Y */
#define X25519_LEN 32

/* What a suite's key agreement leaves: the ephemeral public key as it goes
 * into the envelope, and the shared value as it goes into the KDF. */
struct agreement {
	size_t len; /* of each */
	uint8_t ephemeral[POINT_LEN];
	uint8_t shared[POINT_LEN];
};

static size_t ephemeral_len(uint8_t suite)
{
	if (suite == SEAL_SECP256K1)
		return POINT_LEN;
	return suite == SEAL_X25519 ? X25519_LEN : 0;
}

size_t seal_overhead(uint8_t suite)
{
	size_t n = ephemeral_len(suite);

	return n ? 1 + n + NONCE_LEN + TAG_LEN : 0;
}

/* A context of its own for each use, randomised against side channels. */
static secp256k1_context *secp_new(void)
{
	uint8_t seed[32];
	secp256k1_context *ctx =
	    secp256k1_context_create(SECP256K1_CONTEXT_SIGN);

	if (!ctx || RAND_bytes(seed, sizeof(seed)) != 1 ||
	    !secp256k1_context_randomize(ctx, seed))
		abort();
	OPENSSL_cleanse(seed, sizeof(seed));
	return ctx;
}

static void secp_free(secp256k1_context **ctx)
{
	secp256k1_context_destroy(*ctx);
}
#define AUTO_SECP __attribute__((cleanup(secp_free))) secp256k1_context

/* The whole point, neither X alone nor a hash of it, as eciesjs has it. */
static int whole_point(unsigned char *out, const unsigned char *x32,
		       const unsigned char *y32, void *data)
{
	(void)data;
	out[0] = 0x04;
	memcpy(out + 1, x32, 32);
	memcpy(out + 33, y32, 32);
	return 1;
}

static enum status secp_public(uint8_t *out, size_t len, unsigned int flags,
			       const secp256k1_context *ctx,
			       const uint8_t secret32[32], struct err *err)
{
	secp256k1_pubkey pub;

	if (!secp256k1_ec_pubkey_create(ctx, &pub, secret32))
		return err_set(err, ST_REJECTED,
			       "secret is not a valid secp256k1 scalar");
	secp256k1_ec_pubkey_serialize(ctx, out, &len, &pub, flags);
	return ST_OK;
}

static enum status secp_shared(uint8_t shared[POINT_LEN],
			       const uint8_t secret32[32], const uint8_t *peer,
			       size_t peer_len, struct err *err)
{
	AUTO_SECP *ctx = secp_new();
	secp256k1_pubkey pub;

	if (!secp256k1_ec_pubkey_parse(ctx, &pub, peer, peer_len))
		return err_set(err, ST_REJECTED,
			       "public key is not on secp256k1");
	if (!secp256k1_ecdh(ctx, shared, &pub, secret32, whole_point, NULL))
		return err_set(err, ST_REJECTED,
			       "secret is not a valid secp256k1 scalar");
	return ST_OK;
}

static void pkey_free(EVP_PKEY **p)
{
	EVP_PKEY_free(*p);
}
#define AUTO_PKEY __attribute__((cleanup(pkey_free))) EVP_PKEY
static void pctx_free(EVP_PKEY_CTX **p)
{
	EVP_PKEY_CTX_free(*p);
}
#define AUTO_PCTX __attribute__((cleanup(pctx_free))) EVP_PKEY_CTX

static enum status x25519_shared(uint8_t *shared, const uint8_t secret32[32],
				 const uint8_t *peer, size_t peer_len,
				 struct err *err)
{
	size_t len = X25519_LEN;
	AUTO_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL,
						      secret32, X25519_LEN);
	AUTO_PKEY *other =
	    EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer, peer_len);
	AUTO_PCTX *ctx = own ? EVP_PKEY_CTX_new(own, NULL) : NULL;

	if (!other)
		return err_set(err, ST_REJECTED,
			       "X25519 public key is not 32 bytes");
	if (!ctx || EVP_PKEY_derive_init(ctx) != 1 ||
	    EVP_PKEY_derive_set_peer(ctx, other) != 1)
		return err_set(err, ST_FATAL, "X25519 agreement failed");
	/* OpenSSL refuses the all-zero result of a low-order point. */
	if (EVP_PKEY_derive(ctx, shared, &len) != 1)
		return err_set(err, ST_REJECTED,
			       "X25519 public key is of low order");
	return ST_OK;
}

static enum status x25519_public(uint8_t out[X25519_LEN],
				 const uint8_t secret32[32], struct err *err)
{
	size_t len = X25519_LEN;
	AUTO_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL,
						      secret32, X25519_LEN);

	if (!own || EVP_PKEY_get_raw_public_key(own, out, &len) != 1)
		return err_set(err, ST_FATAL, "X25519 public key failed");
	return ST_OK;
}

static enum status shared_value(uint8_t *shared, uint8_t suite,
				const uint8_t secret32[32], const uint8_t *peer,
				size_t peer_len, struct err *err)
{
	if (suite == SEAL_SECP256K1)
		return secp_shared(shared, secret32, peer, peer_len, err);
	if (suite == SEAL_X25519)
		return x25519_shared(shared, secret32, peer, peer_len, err);
	return err_set(err, ST_REJECTED, "unknown sealing suite 0x%02x", suite);
}

static enum status own_public(uint8_t *out, uint8_t suite,
			      const uint8_t secret32[32], struct err *err)
{
	if (suite == SEAL_SECP256K1) {
		AUTO_SECP *ctx = secp_new();

		return secp_public(out, POINT_LEN, SECP256K1_EC_UNCOMPRESSED,
				   ctx, secret32, err);
	}
	return x25519_public(out, secret32, err);
}

/* HKDF-SHA256 over ephemeral key and shared value: no salt, empty info. */
static enum status derive_key(uint8_t key32[32], const struct agreement *a,
			      struct err *err)
{
	uint8_t material[2 * POINT_LEN];
	size_t len = 32;
	int ok;
	AUTO_PCTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);

	memcpy(material, a->ephemeral, a->len);
	memcpy(material + a->len, a->shared, a->len);
	ok =
	    ctx && EVP_PKEY_derive_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256()) == 1 &&
	    EVP_PKEY_CTX_set1_hkdf_key(ctx, material, (int)(2 * a->len)) == 1 &&
	    EVP_PKEY_derive(ctx, key32, &len) == 1;
	OPENSSL_cleanse(material, sizeof(material));
	if (!ok)
		return err_set(err, ST_FATAL, "HKDF-SHA256 failed");
	return ST_OK;
}

enum status seal_derive(uint8_t key32[32], uint8_t suite,
			const uint8_t secret32[32], const uint8_t *peer,
			size_t peer_len, struct err *err)
{
	struct agreement a = { .len = ephemeral_len(suite) };
	enum status st =
	    shared_value(a.shared, suite, secret32, peer, peer_len, err);

	if (st == ST_OK)
		st = own_public(a.ephemeral, suite, secret32, err);
	if (st == ST_OK)
		st = derive_key(key32, &a, err);
	OPENSSL_cleanse(&a, sizeof(a));
	return st;
}

static void cipher_free(EVP_CIPHER_CTX **p)
{
	EVP_CIPHER_CTX_free(*p);
}
#define AUTO_CIPHER __attribute__((cleanup(cipher_free))) EVP_CIPHER_CTX

static bool gcm_encrypt(uint8_t *out, uint8_t tag[TAG_LEN],
			const uint8_t key32[32], const uint8_t nonce[NONCE_LEN],
			const uint8_t *in, size_t len)
{
	int n = 0, rest = 0;
	AUTO_CIPHER *ctx = EVP_CIPHER_CTX_new();

	return ctx &&
	       EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, NULL, NULL) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, NONCE_LEN,
				   NULL) &&
	       EVP_EncryptInit_ex(ctx, NULL, NULL, key32, nonce) &&
	       EVP_EncryptUpdate(ctx, out, &n, in, (int)len) &&
	       EVP_EncryptFinal_ex(ctx, out + n, &rest) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, tag);
}

static bool gcm_decrypt(uint8_t *out, const uint8_t *tag,
			const uint8_t key32[32], const uint8_t *nonce,
			const uint8_t *in, size_t len)
{
	int n = 0, rest = 0;
	uint8_t want[TAG_LEN];
	AUTO_CIPHER *ctx = EVP_CIPHER_CTX_new();

	memcpy(want, tag, TAG_LEN);
	return ctx &&
	       EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, NULL, NULL) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, NONCE_LEN,
				   NULL) &&
	       EVP_DecryptInit_ex(ctx, NULL, NULL, key32, nonce) &&
	       EVP_DecryptUpdate(ctx, out, &n, in, (int)len) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, want) &&
	       EVP_DecryptFinal_ex(ctx, out + n, &rest) == 1;
}

enum status seal_box_with(struct buf *out, const uint8_t *key, size_t key_len,
			  const uint8_t ephemeral32[32],
			  const uint8_t nonce16[16], const uint8_t *plain,
			  size_t plain_len, struct err *err)
{
	uint8_t key32[32], ephemeral[POINT_LEN], tag[TAG_LEN];
	AUTO_FREE uint8_t *cipher = NULL;
	enum status st;
	bool ok;

	if (plain_len > SEAL_PLAIN_MAX)
		return err_set(err, ST_REJECTED,
			       "plaintext of %zu bytes is over %d", plain_len,
			       SEAL_PLAIN_MAX);
	if (seal_check_key(key, key_len) == SEAL_KEY_MALFORMED)
		return err_set(err, ST_REJECTED,
			       "sealing key is malformed (%zu bytes)", key_len);
	st = seal_derive(key32, key[0], ephemeral32, key + 1, key_len - 1, err);
	if (st != ST_OK)
		return st;
	st = own_public(ephemeral, key[0], ephemeral32, err);
	if (st != ST_OK) {
		OPENSSL_cleanse(key32, sizeof(key32));
		return st;
	}
	cipher = mem_zalloc(plain_len);
	ok = gcm_encrypt(cipher, tag, key32, nonce16, plain, plain_len);
	OPENSSL_cleanse(key32, sizeof(key32));
	if (!ok)
		return err_set(err, ST_FATAL, "AES-256-GCM failed");
	buf_add_byte(out, key[0]);
	buf_add(out, ephemeral, ephemeral_len(key[0]));
	buf_add(out, nonce16, NONCE_LEN);
	buf_add(out, tag, TAG_LEN);
	buf_add(out, cipher, plain_len);
	return buf_check(out, "envelope", err);
}

enum status seal_new_secret(uint8_t secret32[32], uint8_t suite,
			    struct err *err)
{
	AUTO_SECP *ctx = secp_new();

	do {
		if (RAND_priv_bytes(secret32, 32) != 1)
			return err_set(err, ST_FATAL, "no randomness");
	} while (suite == SEAL_SECP256K1 &&
		 !secp256k1_ec_seckey_verify(ctx, secret32));
	return ST_OK;
}

enum status seal_box(struct buf *out, const uint8_t *key, size_t key_len,
		     const uint8_t *plain, size_t plain_len, struct err *err)
{
	uint8_t ephemeral[32], nonce[NONCE_LEN];
	enum status st;

	if (key_len == 0)
		return err_set(err, ST_REJECTED, "sealing key is empty");
	if (RAND_bytes(nonce, sizeof(nonce)) != 1)
		return err_set(err, ST_FATAL, "no randomness");
	st = seal_new_secret(ephemeral, key[0], err);
	if (st == ST_OK)
		st = seal_box_with(out, key, key_len, ephemeral, nonce, plain,
				   plain_len, err);
	OPENSSL_cleanse(ephemeral, sizeof(ephemeral));
	return st;
}

enum status seal_open(struct buf *out, const uint8_t secret32[32],
		      const uint8_t *sealed, size_t len, struct err *err)
{
	struct agreement a = { 0 };
	uint8_t key32[32], *plain;
	const uint8_t *body;
	size_t n;
	enum status st;

	if (len == 0 || !seal_overhead(sealed[0]))
		return err_set(err, ST_REJECTED,
			       "envelope is empty or of an unknown suite");
	if (len < seal_overhead(sealed[0]) ||
	    len > seal_overhead(sealed[0]) + SEAL_PLAIN_MAX)
		return err_set(err, ST_REJECTED,
			       "envelope of %zu bytes is cut short or too long",
			       len);
	a.len = ephemeral_len(sealed[0]);
	memcpy(a.ephemeral, sealed + 1, a.len);
	st = shared_value(a.shared, sealed[0], secret32, a.ephemeral, a.len,
			  err);
	if (st == ST_OK)
		st = derive_key(key32, &a, err);
	OPENSSL_cleanse(&a, sizeof(a));
	if (st != ST_OK)
		return st;
	body = sealed + 1 + ephemeral_len(sealed[0]);
	n = len - seal_overhead(sealed[0]);
	plain = mem_zalloc(n);
	if (gcm_decrypt(plain, body + NONCE_LEN, key32, body,
			body + NONCE_LEN + TAG_LEN, n)) {
		buf_add(out, plain, n);
		st = buf_check(out, "plaintext", err);
	} else {
		st = err_set(err, ST_REJECTED,
			     "envelope does not open: another key's, or "
			     "altered");
	}
	OPENSSL_cleanse(key32, sizeof(key32));
	OPENSSL_cleanse(plain, n);
	free(plain);
	return st;
}

enum seal_key_fault seal_check_key(const uint8_t *key, size_t len)
{
	uint8_t shared[X25519_LEN];
	static const uint8_t scalar[32] = { 8 };
	bool good;

	if (len == 34 && key[0] == SEAL_SECP256K1 &&
	    (key[1] == 0x02 || key[1] == 0x03)) {
		AUTO_SECP *ctx = secp_new();
		secp256k1_pubkey pub;

		good = secp256k1_ec_pubkey_parse(ctx, &pub, key + 1, 33);
	} else if (len == 33 && key[0] == SEAL_X25519) {
		good =
		    x25519_shared(shared, scalar, key + 1, 32, NULL) == ST_OK;
	} else {
		return SEAL_KEY_MALFORMED;
	}
	return good ? SEAL_KEY_GOOD : SEAL_KEY_OFF_CURVE;
}

bool seal_key_matches(const uint8_t *key, size_t len,
		      const uint8_t secret32[32])
{
	uint8_t ours[SEAL_KEY_MAX];
	struct err ignored;
	size_t n;

	return len > 0 &&
	       seal_public_key(ours, &n, key[0], secret32, &ignored) == ST_OK &&
	       n == len && memcmp(ours, key, n) == 0;
}

enum status seal_public_key(uint8_t *out, size_t *out_len, uint8_t suite,
			    const uint8_t secret32[32], struct err *err)
{
	enum status st;

	if (suite == SEAL_SECP256K1) {
		AUTO_SECP *ctx = secp_new();

		st = secp_public(out + 1, 33, SECP256K1_EC_COMPRESSED, ctx,
				 secret32, err);
		*out_len = 34;
	} else if (suite == SEAL_X25519) {
		st = x25519_public(out + 1, secret32, err);
		*out_len = 33;
	} else {
		return err_set(err, ST_REJECTED, "unknown sealing suite %u",
			       suite);
	}
	out[0] = suite;
	return st;
}
