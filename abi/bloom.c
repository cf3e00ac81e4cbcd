/*
 * Log blooms: adding and testing members. Pure; a positive answer is never
 * taken for a proof.
 */
#include "abi/bloom.h"

#include "abi/keccak.h"

/* Bit @i of three: 11 bits of the digest, counted from the bloom's end. */
static unsigned bloom_bit(const struct hash32 *h, unsigned i)
{
	return ((unsigned)h->b[2 * i] << 8 | h->b[2 * i + 1]) & 2047;
}

void bloom_add(uint8_t bloom[static BLOOM_BYTES], const void *p, size_t n)
{
	struct hash32 h = keccak256(p, n);

	for (unsigned i = 0; i < 3; i++) {
		unsigned bit = bloom_bit(&h, i);

		bloom[BLOOM_BYTES - 1 - bit / 8] |= (uint8_t)(1u << bit % 8);
	}
}

bool bloom_may_contain(const uint8_t bloom[static BLOOM_BYTES], const void *p,
		       size_t n)
{
	struct hash32 h = keccak256(p, n);

	for (unsigned i = 0; i < 3; i++) {
		unsigned bit = bloom_bit(&h, i);

		if (!(bloom[BLOOM_BYTES - 1 - bit / 8] & 1u << bit % 8))
			return false;
	}
	return true;
}
