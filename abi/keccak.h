#ifndef CX_ABI_KECCAK_H
#define CX_ABI_KECCAK_H

#include <stddef.h>
#include <stdint.h>

#include "abi/types.h"

/* Keccak-256 as Ethereum uses it: the original padding byte 0x01, not the
 * 0x06 of FIPS 202's SHA3-256. */
#define KECCAK256_RATE 136

struct keccak256 {
	uint64_t state[25];
	size_t pos; /* bytes absorbed into the current block */
};

void keccak256_init(struct keccak256 *k);
void keccak256_update(struct keccak256 *k, const void *p, size_t n);
/** keccak256_final - the digest; @k is wiped */
void keccak256_final(struct keccak256 *k, uint8_t out[static 32]);

/** keccak256 - digest of @n bytes; @out may overlap @p */
struct hash32 keccak256(const void *p, size_t n);

#endif
