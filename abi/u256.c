/*
 * 256-bit integer arithmetic on four 64-bit limbs. Never constant time: not
 * for secrets. Text forms are in u256_text.c.
 */
#include "abi/u256.h"

#include <assert.h>

__extension__ typedef unsigned __int128 u128;

struct u256 u256_from_u64(uint64_t v)
{
	return (struct u256){ { v, 0, 0, 0 } };
}

struct u256 u256_from_i64(int64_t v)
{
	uint64_t top = v < 0 ? UINT64_MAX : 0;

	return (struct u256){ { (uint64_t)v, top, top, top } };
}

struct u256 u256_from_be(const void *p, size_t n)
{
	const uint8_t *in = p;
	struct u256 v = { 0 };

	assert(n <= 32);
	for (size_t i = 0; i < n; i++) {
		size_t pos = n - 1 - i;

		v.w[pos / 8] |= (uint64_t)in[i] << (8 * (pos % 8));
	}
	return v;
}

void u256_to_be(uint8_t out[static 32], const struct u256 *v)
{
	for (size_t i = 0; i < 32; i++)
		out[31 - i] = (uint8_t)(v->w[i / 8] >> (8 * (i % 8)));
}

bool u256_to_u64(uint64_t *out, const struct u256 *v)
{
	if (v->w[1] || v->w[2] || v->w[3])
		return false;
	*out = v->w[0];
	return true;
}

bool u256_to_i64(int64_t *out, const struct u256 *v)
{
	if (!i256_fits(v, 64))
		return false;
	*out = (int64_t)v->w[0];
	return true;
}

bool u256_is_zero(const struct u256 *v)
{
	return !(v->w[0] | v->w[1] | v->w[2] | v->w[3]);
}

int u256_cmp(const struct u256 *a, const struct u256 *b)
{
	for (int i = 3; i >= 0; i--) {
		if (a->w[i] != b->w[i])
			return a->w[i] < b->w[i] ? -1 : 1;
	}
	return 0;
}

bool i256_is_negative(const struct u256 *v)
{
	return v->w[3] >> 63;
}

int i256_cmp(const struct u256 *a, const struct u256 *b)
{
	bool na = i256_is_negative(a), nb = i256_is_negative(b);

	if (na != nb)
		return na ? -1 : 1;
	return u256_cmp(a, b);
}

unsigned u256_bits(const struct u256 *v)
{
	for (unsigned i = 4; i-- > 0;) {
		if (v->w[i])
			return i * 64 + 64 - (unsigned)__builtin_clzll(v->w[i]);
	}
	return 0;
}

bool u256_fits(const struct u256 *v, unsigned bits)
{
	return u256_bits(v) <= bits;
}

bool i256_fits(const struct u256 *v, unsigned bits)
{
	struct u256 inverse;

	assert(bits >= 1 && bits <= 256);
	if (!i256_is_negative(v))
		return u256_fits(v, bits - 1);
	for (unsigned i = 0; i < 4; i++)
		inverse.w[i] = ~v->w[i];
	return u256_fits(&inverse, bits - 1);
}

struct u256 u256_add(const struct u256 *a, const struct u256 *b, bool *carry)
{
	struct u256 out;
	u128 sum = 0;

	for (unsigned i = 0; i < 4; i++) {
		sum += (u128)a->w[i] + b->w[i];
		out.w[i] = (uint64_t)sum;
		sum >>= 64;
	}
	if (carry)
		*carry = sum != 0;
	return out;
}

struct u256 u256_sub(const struct u256 *a, const struct u256 *b, bool *borrow)
{
	struct u256 out;
	uint64_t take = 0;

	for (unsigned i = 0; i < 4; i++) {
		u128 diff = (u128)a->w[i] - b->w[i] - take;

		out.w[i] = (uint64_t)diff;
		take = (uint64_t)(diff >> 64) & 1;
	}
	if (borrow)
		*borrow = take != 0;
	return out;
}

struct u256 u256_mul(const struct u256 *a, const struct u256 *b, bool *overflow)
{
	uint64_t full[8] = { 0 };
	struct u256 out;

	for (unsigned i = 0; i < 4; i++) {
		uint64_t carry = 0;

		for (unsigned j = 0; j < 4; j++) {
			u128 t = (u128)a->w[i] * b->w[j] + full[i + j] + carry;

			full[i + j] = (uint64_t)t;
			carry = (uint64_t)(t >> 64);
		}
		full[i + 4] = carry;
	}
	for (unsigned i = 0; i < 4; i++)
		out.w[i] = full[i];
	if (overflow)
		*overflow = full[4] | full[5] | full[6] | full[7];
	return out;
}

struct u256 u256_mul_u64(const struct u256 *a, uint64_t b, bool *overflow)
{
	struct u256 wide = u256_from_u64(b);

	return u256_mul(a, &wide, overflow);
}

struct u256 u256_divmod_u64(const struct u256 *a, uint64_t d, uint64_t *rem)
{
	struct u256 out;
	uint64_t r = 0;

	assert(d != 0);
	for (unsigned i = 4; i-- > 0;) {
		u128 part = (u128)r << 64 | a->w[i];

		out.w[i] = (uint64_t)(part / d);
		r = (uint64_t)(part % d);
	}
	if (rem)
		*rem = r;
	return out;
}

struct u256 u256_divmod(const struct u256 *a, const struct u256 *d,
			struct u256 *rem)
{
	struct u256 quotient = { 0 }, r = *a, step;
	unsigned shift;

	assert(!u256_is_zero(d));
	if (u256_cmp(a, d) >= 0) {
		shift = u256_bits(a) - u256_bits(d);
		step = u256_shl(d, shift);
		for (unsigned i = shift + 1; i-- > 0;) {
			if (u256_cmp(&r, &step) >= 0) {
				r = u256_sub(&r, &step, NULL);
				quotient.w[i / 64] |= (uint64_t)1 << (i % 64);
			}
			step = u256_shr(&step, 1);
		}
	}
	if (rem)
		*rem = r;
	return quotient;
}

struct u256 u256_shl(const struct u256 *a, unsigned n)
{
	struct u256 out = { 0 };
	unsigned limbs = n / 64, bits = n % 64;

	if (n >= 256)
		return out;
	for (unsigned i = limbs; i < 4; i++) {
		out.w[i] = a->w[i - limbs] << bits;
		if (bits && i > limbs)
			out.w[i] |= a->w[i - limbs - 1] >> (64 - bits);
	}
	return out;
}

struct u256 u256_shr(const struct u256 *a, unsigned n)
{
	struct u256 out = { 0 };
	unsigned limbs = n / 64, bits = n % 64;

	if (n >= 256)
		return out;
	for (unsigned i = 0; i + limbs < 4; i++) {
		out.w[i] = a->w[i + limbs] >> bits;
		if (bits && i + limbs < 3)
			out.w[i] |= a->w[i + limbs + 1] << (64 - bits);
	}
	return out;
}

struct u256 u256_neg(const struct u256 *a)
{
	struct u256 zero = { 0 };

	return u256_sub(&zero, a, NULL);
}
