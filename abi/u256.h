#ifndef CX_ABI_U256_H
#define CX_ABI_U256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/types.h"
#include "core/err.h"

/* 256-bit integers, wrapping modulo 2^256 like the EVM's; functions that can
 * lose bits return whether they did. Not constant time: never for secrets. */

#define U256_DEC_SIZE 79 /* 78 digits and a zero byte */
#define I256_DEC_SIZE 80 /* and a sign */

struct u256 u256_from_u64(uint64_t v);
/** u256_from_i64 - sign-extended */
struct u256 u256_from_i64(int64_t v);
/** u256_from_be - @n big-endian bytes, @n ≤ 32 */
struct u256 u256_from_be(const void *p, size_t n);
/** u256_to_be - exactly 32 big-endian bytes */
void u256_to_be(uint8_t out[static 32], const struct u256 *v);
/** u256_to_u64 - false when the value does not fit (@out untouched) */
bool u256_to_u64(uint64_t *out, const struct u256 *v) MUST_CHECK;
/** u256_to_i64 - as two's complement; false when it does not fit */
bool u256_to_i64(int64_t *out, const struct u256 *v) MUST_CHECK;

bool u256_is_zero(const struct u256 *v);
int u256_cmp(const struct u256 *a, const struct u256 *b);
/** i256_cmp - as two's complement */
int i256_cmp(const struct u256 *a, const struct u256 *b);
bool i256_is_negative(const struct u256 *v);
/** u256_bits - position of the highest set bit plus one; 0 for zero */
unsigned u256_bits(const struct u256 *v);
/** u256_fits - value below 2^@bits */
bool u256_fits(const struct u256 *v, unsigned bits);
/** i256_fits - two's complement value within @bits (1 to 256) signed bits */
bool i256_fits(const struct u256 *v, unsigned bits);

/** u256_add - sum; @carry (may be NULL): whether it wrapped */
struct u256 u256_add(const struct u256 *a, const struct u256 *b, bool *carry);
/** u256_sub - difference; @borrow (may be NULL): whether it wrapped */
struct u256 u256_sub(const struct u256 *a, const struct u256 *b, bool *borrow);
/** u256_mul - product; @overflow (may be NULL): whether bits were lost */
struct u256 u256_mul(const struct u256 *a, const struct u256 *b,
		     bool *overflow);
struct u256 u256_mul_u64(const struct u256 *a, uint64_t b, bool *overflow);
/** u256_divmod_u64 - quotient; @rem may be NULL; @d must not be zero */
struct u256 u256_divmod_u64(const struct u256 *a, uint64_t d, uint64_t *rem);
/** u256_divmod - quotient; @rem may be NULL; @d must not be zero */
struct u256 u256_divmod(const struct u256 *a, const struct u256 *d,
			struct u256 *rem);
/** u256_shl, u256_shr - logical; 256 and more give zero */
struct u256 u256_shl(const struct u256 *a, unsigned n);
struct u256 u256_shr(const struct u256 *a, unsigned n);
/** u256_neg - two's complement negation */
struct u256 u256_neg(const struct u256 *a);

/** u256_to_dec - decimal digits; returns @out */
char *u256_to_dec(char out[static U256_DEC_SIZE], const struct u256 *v);
/** i256_to_dec - two's complement as decimal with a sign where negative */
char *i256_to_dec(char out[static I256_DEC_SIZE], const struct u256 *v);

/** u256_from_dec - digits only (leading zeros allowed, at most 78 digits);
 * ST_REJECTED naming @what: no number, or above 2^256 - 1 */
enum status u256_from_dec(struct u256 *out, const char *text, const char *what,
			  struct err *err) MUST_CHECK;
/** i256_from_dec - optional '-', then digits; range of 256 signed bits */
enum status i256_from_dec(struct u256 *out, const char *text, const char *what,
			  struct err *err) MUST_CHECK;
/** u256_parse - decimal, or "0x" and 1 to 64 hex digits */
enum status u256_parse(struct u256 *out, const char *text, const char *what,
		       struct err *err) MUST_CHECK;

#endif
