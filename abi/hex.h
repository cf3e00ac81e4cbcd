#ifndef CX_ABI_HEX_H
#define CX_ABI_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/types.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/scan.h"

/*
 * Hex text as Ethereum writes it. Input is case-insensitive, output lower
 * case. Unless said otherwise "0x" is required and the error never quotes the
 * text, which may be a key.
 */

/** HEX_SIZE - bytes of "0x" plus @n bytes in hex plus a zero byte */
#define HEX_SIZE(n)       (2 + 2 * (n) + 1)
#define HEX_ADDRESS_SIZE  HEX_SIZE(20)
#define HEX_HASH_SIZE     HEX_SIZE(32)
#define HEX_QUANTITY_SIZE (2 + 64 + 1)

/**
 * hex_encode - "0x" and the lower-case digits, NUL-terminated
 * @out: at least HEX_SIZE(@n) bytes
 *
 * Return: @out.
 */
char *hex_encode(char *out, const void *p, size_t n);

/** hex_encode_bare - the digits only; @out: at least 2 * @n + 1 bytes */
char *hex_encode_bare(char *out, const void *p, size_t n);

/** hex_add - append "0x" and the digits to @b */
void hex_add(struct buf *b, const void *p, size_t n);

/** hex_address - "0x…", valid in @out, which is also returned */
char *hex_address(char out[static HEX_ADDRESS_SIZE], const struct address *a);
char *hex_hash(char out[static HEX_HASH_SIZE], const struct hash32 *h);

/** hex_address_checksum - EIP-55 mixed case */
char *hex_address_checksum(char out[static HEX_ADDRESS_SIZE],
			   const struct address *a);

/**
 * hex_decode_fixed - "0x" and exactly 2 * @n digits
 * @out: @n bytes, untouched unless ST_OK
 * @what: names the thing in the error
 */
enum status hex_decode_fixed(void *out, size_t n, const char *text,
			     const char *what, struct err *err) MUST_CHECK;

/** hex_decode_bare - exactly 2 * @n digits, "0x" not allowed; @len: of @text,
 * which need not be NUL-terminated */
enum status hex_decode_bare(void *out, size_t n, const char *text, size_t len,
			    const char *what, struct err *err) MUST_CHECK;

/** hex_decode_buf - append the bytes of "0x…" (an even count of digits, none
 * included) to @out; ST_REJECTED too when @out would pass its maximum */
enum status hex_decode_buf(struct buf *out, const char *text, const char *what,
			   struct err *err) MUST_CHECK;

enum status hex_decode_address(struct address *out, const char *text,
			       const char *what, struct err *err) MUST_CHECK;
enum status hex_decode_hash(struct hash32 *out, const char *text,
			    const char *what, struct err *err) MUST_CHECK;

/**
 * hex_quantity_u64 - a JSON-RPC quantity: "0x0", or "0x" and digits without
 * leading zeros (execution-apis, schema "uint")
 *
 * Return: ST_OK, or ST_REJECTED: no such text, or above 2^64 - 1.
 */
enum status hex_quantity_u64(uint64_t *out, const char *text, const char *what,
			     struct err *err) MUST_CHECK;
enum status hex_quantity_u256(struct u256 *out, const char *text,
			      const char *what, struct err *err) MUST_CHECK;

/** hex_put_quantity_u64 - "0x…" without leading zeros; returns @out */
char *hex_put_quantity_u64(char out[static HEX_QUANTITY_SIZE], uint64_t v);
char *hex_put_quantity_u256(char out[static HEX_QUANTITY_SIZE],
			    const struct u256 *v);

/*
 * The same out of a message that is read in place (core/scan.h), where it must
 * be fast and the reader says what was wrong.
 */

/** hex_decode_text - whether @t is "0x" and exactly 2 * @n digits; @out holds
 * the @n bytes then, and nothing of use otherwise */
bool hex_decode_text(void *out, size_t n, struct text t) MUST_CHECK;
/** hex_decode_digits - 2 * @n characters at @digits, without "0x"; false: not
 * all of them are digits */
bool hex_decode_digits(void *out, size_t n, const char *digits) MUST_CHECK;
/** hex_check_text - whether @t is "0x" and an even count of digits, which are
 * given to @digits */
bool hex_check_text(struct text *digits, struct text t) MUST_CHECK;
/** hex_text_u64, hex_text_u256 - a quantity; false: no such text, or above the
 * type; @out is untouched then */
bool hex_text_u64(uint64_t *out, struct text t) MUST_CHECK;
bool hex_text_u256(struct u256 *out, struct text t) MUST_CHECK;

/** hex_digit - 0 to 15, or -1 */
int hex_digit(char c);

#endif
