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

/* A list whose values are made when they are wanted. */
struct trie_list {
	size_t n;
	/* The value at @i, good until the next call; each is asked for once,
	 * not in order. */
	struct trie_value (*value)(void *ctx, size_t i);
	void *ctx;
};

/**
 * trie_list_root - root of the Merkle Patricia trie that maps rlp(i) to the
 * list's value at i (yellow paper, appendix D): a block's receiptsRoot or
 * transactionsRoot
 *
 * Takes no memory but the stack's, at most 16 KiB. An empty list gives the root
 * of the empty trie.
 */
struct hash32 trie_list_root(const struct trie_list *list);

#endif
