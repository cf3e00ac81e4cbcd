/*
 * 256-bit integers as decimal and hex text. Refuses what it does not fully
 * understand; never rounds or clips.
 */
#include "abi/u256.h"

#include <stdio.h>
#include <string.h>

#include "abi/hex.h"

/* the most digits a decimal may have, leading zeros included */
#define DEC_DIGITS_MAX 78

char *u256_to_dec(char out[static U256_DEC_SIZE], const struct u256 *v)
{
	char reversed[U256_DEC_SIZE];
	struct u256 rest = *v;
	uint64_t digit;
	size_t n = 0;

	do {
		rest = u256_divmod_u64(&rest, 10, &digit);
		reversed[n++] = (char)('0' + digit);
	} while (!u256_is_zero(&rest));
	for (size_t i = 0; i < n; i++)
		out[i] = reversed[n - 1 - i];
	out[n] = '\0';
	return out;
}

char *i256_to_dec(char out[static I256_DEC_SIZE], const struct u256 *v)
{
	struct u256 magnitude;

	if (!i256_is_negative(v))
		return u256_to_dec(out, v);
	magnitude = u256_neg(v);
	out[0] = '-';
	u256_to_dec(out + 1, &magnitude);
	return out;
}

enum status u256_from_dec(struct u256 *out, const char *text, const char *what,
			  struct err *err)
{
	size_t len = strnlen(text, DEC_DIGITS_MAX + 1);
	struct u256 v = { 0 };
	bool overflow, carry;

	if (len == 0 || len > DEC_DIGITS_MAX)
		return err_set(
		    err, ST_REJECTED,
		    "%s: a decimal number of at most 78 digits wanted", what);
	for (size_t i = 0; i < len; i++) {
		struct u256 digit;

		if (text[i] < '0' || text[i] > '9')
			return err_set(err, ST_REJECTED,
				       "%s: not a decimal number", what);
		digit = u256_from_u64((uint64_t)(text[i] - '0'));
		v = u256_mul_u64(&v, 10, &overflow);
		v = u256_add(&v, &digit, &carry);
		if (overflow || carry)
			return err_set(err, ST_REJECTED, "%s: above 256 bits",
				       what);
	}
	*out = v;
	return ST_OK;
}

enum status i256_from_dec(struct u256 *out, const char *text, const char *what,
			  struct err *err)
{
	bool negative = text[0] == '-';
	enum status st;
	struct u256 v;

	st = u256_from_dec(&v, negative ? text + 1 : text, what, err);
	if (st != ST_OK)
		return st;
	if (negative)
		v = u256_neg(&v);
	if (!u256_is_zero(&v) && i256_is_negative(&v) != negative)
		return err_set(err, ST_REJECTED, "%s: above 256 signed bits",
			       what);
	*out = v;
	return ST_OK;
}

static enum status from_hex(struct u256 *out, const char *digits,
			    const char *what, struct err *err)
{
	size_t len = strnlen(digits, 65);
	struct u256 v = { 0 };

	if (len == 0 || len > 64)
		return err_set(err, ST_REJECTED,
			       "%s: 1 to 64 hex digits wanted", what);
	for (size_t i = 0; i < len; i++) {
		int digit = hex_digit(digits[i]);

		if (digit < 0)
			return err_set(err, ST_REJECTED, "%s: not hex", what);
		v = u256_shl(&v, 4);
		v.w[0] |= (uint64_t)digit;
	}
	*out = v;
	return ST_OK;
}

enum status u256_parse(struct u256 *out, const char *text, const char *what,
		       struct err *err)
{
	if (text[0] == '0' && text[1] == 'x')
		return from_hex(out, text + 2, what, err);
	return u256_from_dec(out, text, what, err);
}
