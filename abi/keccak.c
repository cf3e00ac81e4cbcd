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

/* rho's rotations and pi's targets, in the order of pi's single cycle that
 * starts at lane (1, 0) */
static const uint8_t rho[24] = {
	1,  3,  6,  10, 15, 21, 28, 36, 45, 55, 2,  14,
	27, 41, 56, 8,  25, 43, 62, 18, 39, 61, 20, 44
};
static const uint8_t pi[24] = { 10, 7,  11, 17, 18, 3, 5,  16, 8,  21, 24, 4,
				15, 23, 19, 13, 12, 2, 20, 14, 22, 9,  6,  1 };

static inline uint64_t rotl(uint64_t v, unsigned n)
{
	return (v << n) | (v >> (64 - n));
}

static void theta(uint64_t a[static 25])
{
	uint64_t c[5], d;

	for (unsigned x = 0; x < 5; x++)
		c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
	for (unsigned x = 0; x < 5; x++) {
		d = c[(x + 4) % 5] ^ rotl(c[(x + 1) % 5], 1);
		for (unsigned y = 0; y < 25; y += 5)
			a[y + x] ^= d;
	}
}

static void rho_pi(uint64_t a[static 25])
{
	uint64_t carried = a[1], next;

	for (unsigned i = 0; i < 24; i++) {
		next = a[pi[i]];
		a[pi[i]] = rotl(carried, rho[i]);
		carried = next;
	}
}

static void chi(uint64_t a[static 25])
{
	uint64_t row[5];

	for (unsigned y = 0; y < 25; y += 5) {
		memcpy(row, a + y, sizeof(row));
		for (unsigned x = 0; x < 5; x++)
			a[y + x] ^= ~row[(x + 1) % 5] & row[(x + 2) % 5];
	}
}

static void permute(uint64_t a[static 25])
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		theta(a);
		rho_pi(a);
		chi(a);
		a[0] ^= round_constants[i];
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
