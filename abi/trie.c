/*
 * Root of a list trie, hashed while walking its keys in order, without building
 * nodes. Only hashes; never stores or proves anything.
 */
#include "abi/trie.h"

#include <string.h>

#include "abi/keccak.h"
#include "abi/rlp.h"

/* rlp of an index below 2^64 is at most 9 bytes, 18 nibbles. */
#define NIBBLES_MAX 18

/* How a node stands in its parent: whole when it is shorter than 32 bytes, else
 * as the RLP of its hash. */
struct ref {
	uint8_t b[33];
	size_t len;
};

struct key {
	uint8_t nibbles[NIBBLES_MAX];
	size_t len;
};

/* Keys sort as 1 … 127, 0, 128, …: zero is 0x80, the empty string. */
static size_t index_at(const struct trie_list *list, size_t place)
{
	size_t zero = list->n < 128 ? list->n - 1 : 127;

	return place < zero ? place + 1 : place == zero ? 0 : place;
}

static void key_at(struct key *key, const struct trie_list *list, size_t place)
{
	uint8_t bytes[9];
	size_t n = (size_t)(rlp_put_u64(bytes, index_at(list, place)) - bytes);

	*key = (struct key){ .len = 2 * n };
	for (size_t i = 0; i < n; i++) {
		key->nibbles[2 * i] = bytes[i] >> 4;
		key->nibbles[2 * i + 1] = bytes[i] & 0xf;
	}
}

/* A list of two parts that are already RLP, except for the second's header. */
static void set_ref(struct ref *out, const uint8_t *first, size_t first_len,
		    const uint8_t *rest, size_t rest_len)
{
	uint8_t head[9];
	size_t head_len = rlp_header(head, true, first_len + rest_len);
	struct keccak256 k;

	out->len = head_len + first_len + rest_len;
	if (out->len < 32) {
		memcpy(out->b, head, head_len);
		memcpy(out->b + head_len, first, first_len);
		if (rest_len)
			memcpy(out->b + head_len + first_len, rest, rest_len);
		return;
	}
	keccak256_init(&k);
	keccak256_update(&k, head, head_len);
	keccak256_update(&k, first, first_len);
	keccak256_update(&k, rest, rest_len);
	out->b[0] = 0x80 + 32;
	keccak256_final(&k, out->b + 1);
	out->len = 33;
}

/* Hex-prefix encoding (yellow paper, appendix C) of a key from @from to @to. */
static uint8_t *put_path(uint8_t *p, const struct key *key, size_t from,
			 size_t to, bool leaf)
{
	uint8_t path[NIBBLES_MAX / 2 + 1];
	bool odd = (to - from) % 2;
	size_t n = 1;

	path[0] = leaf ? 0x20 : 0;
	if (odd)
		path[0] |= (uint8_t)(0x10 | key->nibbles[from++]);
	for (; from < to; from += 2)
		path[n++] =
		    (uint8_t)(key->nibbles[from] << 4 | key->nibbles[from + 1]);
	return rlp_put_bytes(p, path, n);
}

static void leaf_ref(struct ref *out, const struct trie_list *list,
		     const struct key *key, size_t place, size_t depth)
{
	struct trie_value v = list->value(list->ctx, index_at(list, place));
	uint8_t head[NIBBLES_MAX + 9];
	uint8_t *p = put_path(head, key, depth, key->len, true);

	if (v.len != 1 || v.p[0] >= 0x80)
		p += rlp_header(p, false, v.len);
	set_ref(out, head, (size_t)(p - head), v.p, v.len);
}

static void node_ref(struct ref *out, const struct trie_list *list, size_t from,
		     size_t to, size_t depth);

/* No key is a prefix of another, so no value stands in a branch. */
static void branch_ref(struct ref *out, const struct trie_list *list,
		       size_t from, size_t to, size_t depth)
{
	uint8_t items[16 * 33 + 1], *p = items;
	struct ref child;
	struct key key;

	for (uint8_t nibble = 0; nibble < 16; nibble++) {
		size_t at = from;

		for (; at < to; at++) {
			key_at(&key, list, at);
			if (key.nibbles[depth] != nibble)
				break;
		}
		if (at == from) {
			*p++ = 0x80;
			continue;
		}
		node_ref(&child, list, from, at, depth + 1);
		memcpy(p, child.b, child.len);
		p += child.len;
		from = at;
	}
	*p++ = 0x80;
	set_ref(out, items, (size_t)(p - items), NULL, 0);
}

/* The keys at [from, to) share their first @depth nibbles. */
static void node_ref(struct ref *out, const struct trie_list *list, size_t from,
		     size_t to, size_t depth)
{
	uint8_t path[NIBBLES_MAX];
	size_t shared = depth;
	struct key a, b;
	struct ref child;

	key_at(&a, list, from);
	if (to - from == 1) {
		leaf_ref(out, list, &a, from, depth);
		return;
	}
	key_at(&b, list, to - 1);
	while (shared < a.len && a.nibbles[shared] == b.nibbles[shared])
		shared++;
	if (shared == depth) {
		branch_ref(out, list, from, to, depth);
		return;
	}
	branch_ref(&child, list, from, to, shared);
	set_ref(out, path,
		(size_t)(put_path(path, &a, depth, shared, false) - path),
		child.b, child.len);
}

struct hash32 trie_list_root(const struct trie_list *list)
{
	static const uint8_t empty = 0x80;
	struct hash32 root;
	struct ref ref;

	if (list->n == 0)
		return keccak256(&empty, 1);
	node_ref(&ref, list, 0, list->n, 0);
	if (ref.len < 33)
		return keccak256(ref.b, ref.len);
	memcpy(root.b, ref.b + 1, sizeof(root.b));
	return root;
}
