#ifndef CX_ABI_KEYSTORE_H
#define CX_ABI_KEYSTORE_H

#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

/*
 * Web3 Secret Storage, version 3 (ethereum.org, "Web3 secret storage
 * definition"): AES-128-CTR under scrypt or PBKDF2-HMAC-SHA256.
 */
#define KEYSTORE_JSON_MAX     65536
#define KEYSTORE_SCRYPT_BYTES (1ull << 30) /* most memory: 128 * n * r */
#define KEYSTORE_SCRYPT_WORK  (1ull << 25) /* most n * r * p */
#define KEYSTORE_PBKDF2_MAX   10000000     /* rounds */

/**
 * keystore_decrypt - open a keystore file's text
 * @key32: untouched unless ST_OK; wipe it after use
 *
 * Return: ST_OK; ST_REJECTED: not a version 3 keystore, parameters beyond the
 * bounds above, wrong password. The error never quotes the file.
 */
enum status keystore_decrypt(const char *json, size_t len, const char *password,
			     size_t plen, uint8_t key32[32],
			     struct err *err) MUST_CHECK;

/**
 * keystore_encrypt - append a new keystore file (scrypt, r 8, p 1)
 * @log2_n: cost; 18 is usual, 1 to 20 (tests use little)
 */
enum status keystore_encrypt(struct buf *out, const uint8_t key32[32],
			     const char *password, size_t plen, unsigned log2_n,
			     struct err *err) MUST_CHECK;

#endif
