#ifndef CX_ABI_SEAL_H
#define CX_ABI_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

/*
 * Sealed credentials (abi/SEALING.md): the eciesjs wire format behind one
 * suite byte. Suite 1 is ECIES over secp256k1, suite 2 over X25519; both use
 * HKDF-SHA256 and AES-256-GCM with a 16-byte nonce and the tag first.
 */
enum seal_suite {
	SEAL_SECP256K1 = 1, /* stored on chain; never renumber */
	SEAL_X25519 = 2,
};

#define SEAL_KEY_MAX   34   /* suite byte and public key */
#define SEAL_PLAIN_MAX 8192 /* bytes of one plaintext */

/** What seal_check_key() found wrong; the failure codes of the contract. */
enum seal_key_fault {
	SEAL_KEY_GOOD = 0,
	SEAL_KEY_MALFORMED = 1, /* unknown suite or wrong length */
	SEAL_KEY_OFF_CURVE = 2, /* not a point, or of low order */
};

/** seal_check_key - @key: suite byte and public key, as in hostKey */
enum seal_key_fault seal_check_key(const uint8_t *key, size_t len);

/** seal_overhead - bytes that sealing adds to the plaintext, the suite byte
 * included; 0 for an unknown suite */
size_t seal_overhead(uint8_t suite);

/**
 * seal_box - seal @plain to @key with a fresh ephemeral key and nonce
 * @out: suite byte and envelope are appended
 * @key: suite byte and public key
 *
 * Return: ST_OK; ST_REJECTED for a bad key or a plaintext over
 * SEAL_PLAIN_MAX; ST_FATAL when randomness or the library fails. Key
 * material is cleansed on every path.
 */
enum status seal_box(struct buf *out, const uint8_t *key, size_t key_len,
		     const uint8_t *plain, size_t plain_len,
		     struct err *err) MUST_CHECK;

/** seal_box_with - seal_box with a given ephemeral secret and nonce: only for
 * vectors, never for real credentials */
enum status seal_box_with(struct buf *out, const uint8_t *key, size_t key_len,
			  const uint8_t ephemeral32[32],
			  const uint8_t nonce16[16], const uint8_t *plain,
			  size_t plain_len, struct err *err) MUST_CHECK;

/**
 * seal_open - open suite byte and envelope with the recipient's secret
 * @out: the plaintext is appended; a secret: initialise as AUTO_SECRET_BUF
 * @secret32: of the suite that @sealed names
 *
 * Return: ST_OK; ST_REJECTED when it is cut short, of an unknown suite, off
 * the curve, or does not authenticate (wrong key or altered).
 */
enum status seal_open(struct buf *out, const uint8_t secret32[32],
		      const uint8_t *sealed, size_t len,
		      struct err *err) MUST_CHECK;

/**
 * seal_public_key - suite byte and public key that belong to a secret
 * @out: room for SEAL_KEY_MAX bytes; *out_len is set
 * @secret32: any 32 bytes for suite 2; a valid scalar for suite 1
 */
enum status seal_public_key(uint8_t *out, size_t *out_len, uint8_t suite,
			    const uint8_t secret32[32],
			    struct err *err) MUST_CHECK;

/** seal_key_matches - whether @key (suite byte and public key) is that of the
 * secret */
bool seal_key_matches(const uint8_t *key, size_t len,
		      const uint8_t secret32[32]);

/** seal_new_secret - a fresh random secret for @suite; wipe it after use */
enum status seal_new_secret(uint8_t secret32[32], uint8_t suite,
			    struct err *err) MUST_CHECK;

/** seal_derive - the AES key of suite @suite for an ephemeral secret and a
 * peer's public key (no suite byte), as SEALING.md's first two vectors */
enum status seal_derive(uint8_t key32[32], uint8_t suite,
			const uint8_t secret32[32], const uint8_t *peer,
			size_t peer_len, struct err *err) MUST_CHECK;

#endif
