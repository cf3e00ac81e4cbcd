#ifndef CX_ABI_TRIE_H
#define CX_ABI_TRIE_H

#include <stddef.h>
#include <stdint.h>

#include "abi/types.h"

/* One value of an ordered list, as it stands in a block's trie. */
struct trie_value {
	const uint8_t *p;
	size_t len;
};

/**
 * trie_list_root - root of the Merkle Patricia trie that maps rlp(i) to
 * @values[i] (yellow paper, appendix D): a block's receiptsRoot or
 * transactionsRoot
 * @n: 0 gives the root of the empty trie
 */
struct hash32 trie_list_root(const struct trie_value *values, size_t n);

#endif
