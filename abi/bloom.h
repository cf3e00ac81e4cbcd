#ifndef CX_ABI_BLOOM_H
#define CX_ABI_BLOOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The 2048-bit log bloom of a block header or receipt (yellow paper, section
 * 4.3.1): three bits for each address and each topic. */
#define BLOOM_BYTES 256

/** bloom_add - set the bits of @n bytes (a 20-byte address, 32-byte topic) */
void bloom_add(uint8_t bloom[static BLOOM_BYTES], const void *p, size_t n);

/** bloom_may_contain - false proves absence; true proves nothing */
bool bloom_may_contain(const uint8_t bloom[static BLOOM_BYTES], const void *p,
		       size_t n);

/* Where a member's three bits stand: for testing it against many blooms. */
struct bloom_key {
	uint16_t bit[3];
};

struct bloom_key bloom_key(const void *p, size_t n);
/** bloom_may_hold - as bloom_may_contain() */
bool bloom_may_hold(const uint8_t bloom[static BLOOM_BYTES],
		    const struct bloom_key *key);

#endif
