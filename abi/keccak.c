/*
 * Keccak-256: the sponge Keccak-f[1600] with 1088 bits of rate and the
 * original (pre-FIPS) padding. OpenSSL 3.0 has only the FIPS padding. Written
 * from the Keccak reference (keccak.team/keccak_specs_summary.html). Never
 * allocates.
 */
#include "abi/keccak.h"

#include <assert.h>
#include <string.h>

#define ROUNDS 24

static const uint64_t round_constants[ROUNDS] = {
	0x0000000000000001, 0x0000000000008082, 0x800000000000808a,
	0x8000000080008000, 0x000000000000808b, 0x0000000080000001,
	0x8000000080008081, 0x8000000000008009, 0x000000000000008a,
	0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
	0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
	0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
	0x000000000000800a, 0x800000008000000a, 0x8000000080008081,
	0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

static inline uint64_t rotl(uint64_t v, unsigned n)
{
	return n ? (v << n) | (v >> (64 - n)) : v;
}

/*
 * One row of rho, pi and chi into @e: the lanes of @a that pi brings to row
 * @row, each from a column of its own, with their rotations. @d: what theta
 * adds to each column.
 */
static inline __attribute__((always_inline)) void
row(uint64_t *e, const uint64_t *a, const uint64_t *d, const uint8_t lane[5],
    const uint8_t turn[5])
{
	uint64_t b0 = rotl(a[lane[0]] ^ d[lane[0] % 5], turn[0]);
	uint64_t b1 = rotl(a[lane[1]] ^ d[lane[1] % 5], turn[1]);
	uint64_t b2 = rotl(a[lane[2]] ^ d[lane[2] % 5], turn[2]);
	uint64_t b3 = rotl(a[lane[3]] ^ d[lane[3] % 5], turn[3]);
	uint64_t b4 = rotl(a[lane[4]] ^ d[lane[4] % 5], turn[4]);

	e[0] = b0 ^ (~b1 & b2);
	e[1] = b1 ^ (~b2 & b3);
	e[2] = b2 ^ (~b3 & b4);
	e[3] = b3 ^ (~b4 & b0);
	e[4] = b4 ^ (~b0 & b1);
}

/* clang-format off */
static const uint8_t lanes[5][5] = {
	{ 0, 6, 12, 18, 24 }, { 3, 9, 10, 16, 22 }, { 1, 7, 13, 19, 20 },
	{ 4, 5, 11, 17, 23 }, { 2, 8, 14, 15, 21 },
};
static const uint8_t turns[5][5] = {
	{ 0, 44, 43, 21, 14 }, { 28, 20, 3, 45, 61 }, { 1, 6, 25, 8, 18 },
	{ 27, 36, 10, 15, 56 }, { 62, 55, 39, 41, 2 },
};
/* clang-format on */

static inline __attribute__((always_inline)) void
one_round(uint64_t e[25], const uint64_t a[25], uint64_t constant)
{
	uint64_t c0 = a[0] ^ a[5] ^ a[10] ^ a[15] ^ a[20];
	uint64_t c1 = a[1] ^ a[6] ^ a[11] ^ a[16] ^ a[21];
	uint64_t c2 = a[2] ^ a[7] ^ a[12] ^ a[17] ^ a[22];
	uint64_t c3 = a[3] ^ a[8] ^ a[13] ^ a[18] ^ a[23];
	uint64_t c4 = a[4] ^ a[9] ^ a[14] ^ a[19] ^ a[24];
	const uint64_t d[5] = { c4 ^ rotl(c1, 1), c0 ^ rotl(c2, 1),
				c1 ^ rotl(c3, 1), c2 ^ rotl(c4, 1),
				c3 ^ rotl(c0, 1) };

	row(e, a, d, lanes[0], turns[0]);
	row(e + 5, a, d, lanes[1], turns[1]);
	row(e + 10, a, d, lanes[2], turns[2]);
	row(e + 15, a, d, lanes[3], turns[3]);
	row(e + 20, a, d, lanes[4], turns[4]);
	e[0] ^= constant;
}

/* Two rounds a turn: the state goes to @b and back, nothing is moved. */
static void permute(uint64_t a[static 25])
{
	uint64_t b[25];

	for (unsigned i = 0; i < ROUNDS; i += 2) {
		one_round(b, a, round_constants[i]);
		one_round(a, b, round_constants[i + 1]);
	}
}

static void absorb_byte(struct keccak256 *k, size_t pos, uint8_t byte)
{
	k->state[pos / 8] ^= (uint64_t)byte << (8 * (pos % 8));
}

static uint64_t load_le(const uint8_t *p)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

void keccak256_init(struct keccak256 *k)
{
	memset(k, 0, sizeof(*k));
}

void keccak256_update(struct keccak256 *k, const void *p, size_t n)
{
	const uint8_t *in = p;

	assert(k->pos < KECCAK256_RATE);
	while (n > 0) {
		if (k->pos % 8 == 0 && n >= 8) {
			k->state[k->pos / 8] ^= load_le(in);
			k->pos += 8;
			in += 8;
			n -= 8;
		} else {
			absorb_byte(k, k->pos++, *in++);
			n--;
		}
		if (k->pos == KECCAK256_RATE) {
			permute(k->state);
			k->pos = 0;
		}
	}
}

void keccak256_final(struct keccak256 *k, uint8_t out[static 32])
{
	absorb_byte(k, k->pos, 0x01);
	absorb_byte(k, KECCAK256_RATE - 1, 0x80);
	permute(k->state);
	for (unsigned i = 0; i < 32; i++)
		out[i] = (uint8_t)(k->state[i / 8] >> (8 * (i % 8)));
	explicit_bzero(k, sizeof(*k));
}

struct hash32 keccak256(const void *p, size_t n)
{
	struct keccak256 k;
	struct hash32 out;

	keccak256_init(&k);
	keccak256_update(&k, p, n);
	keccak256_final(&k, out.b);
	/* cppcheck-suppress uninitvar */
	return out;
}
