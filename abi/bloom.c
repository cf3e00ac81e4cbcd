/*
 * Log blooms: adding and testing members. Pure; a positive answer is never
 * taken for a proof.
 */
#include "abi/bloom.h"

#include "abi/keccak.h"

struct bloom_key bloom_key(const void *p, size_t n)
{
	struct hash32 h = keccak256(p, n);
	struct bloom_key key;

	for (unsigned i = 0; i < 3; i++) /* 11 bits, from the bloom's end */
		key.bit[i] =
		    (uint16_t)(((unsigned)h.b[2 * i] << 8 | h.b[2 * i + 1]) &
			       2047);
	return key;
}

void bloom_add(uint8_t bloom[static BLOOM_BYTES], const void *p, size_t n)
{
	struct bloom_key key = bloom_key(p, n);

	for (unsigned i = 0; i < 3; i++)
		bloom[BLOOM_BYTES - 1 - key.bit[i] / 8] |=
		    (uint8_t)(1u << key.bit[i] % 8);
}

bool bloom_may_hold(const uint8_t bloom[static BLOOM_BYTES],
		    const struct bloom_key *key)
{
	for (unsigned i = 0; i < 3; i++)
		if (!(bloom[BLOOM_BYTES - 1 - key->bit[i] / 8] &
		      1u << key->bit[i] % 8))
			return false;
	return true;
}

bool bloom_may_contain(const uint8_t bloom[static BLOOM_BYTES], const void *p,
		       size_t n)
{
	struct bloom_key key = bloom_key(p, n);

	return bloom_may_hold(bloom, &key);
}
