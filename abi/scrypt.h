#ifndef CX_ABI_SCRYPT_H
#define CX_ABI_SCRYPT_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/**
 * scrypt_derive - scrypt (RFC 7914) with 32 bytes of output
 * @n: power of two; unlike OpenSSL's, may reach 2^(16 r) and beyond, which
 *	keystores with r = 1 do, among them the definition's own example
 *
 * Return: ST_OK; ST_FATAL when the library fails. Needs 128 * n * r bytes,
 * which the caller bounds.
 */
enum status scrypt_derive(uint8_t out32[32], const char *password, size_t plen,
			  const uint8_t *salt, size_t slen, uint64_t n,
			  uint32_t r, uint32_t p, struct err *err) MUST_CHECK;

#endif
