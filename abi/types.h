#ifndef CX_ABI_TYPES_H
#define CX_ABI_TYPES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Wrapped bytes: a hash never compiles where an address belongs. */
struct address {
	uint8_t b[20];
};

struct hash32 {
	uint8_t b[32];
};

/* 256 bits; w[0] is the least significant limb. Signed values are stored in
 * two's complement. */
struct u256 {
	uint64_t w[4];
};

static inline bool address_eq(const struct address *a, const struct address *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

static inline bool hash32_eq(const struct hash32 *a, const struct hash32 *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

#endif
