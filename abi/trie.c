/*
 * Root of a list trie, computed over the sorted keys without building nodes.
 * Only hashes; never stores or proves anything.
 */
#include "abi/trie.h"

#include "abi/keccak.h"
#include "abi/rlp.h"
#include "core/mem.h"

/* rlp of an index below 2^64 is at most 9 bytes, 18 nibbles. */
#define NIBBLES_MAX 18

struct entry {
	uint8_t nibbles[NIBBLES_MAX];
	size_t len;
	const struct trie_value *value;
};

static void entry_init(struct entry *e, size_t index,
		       const struct trie_value *value)
{
	AUTO_BUF key = BUF_NULL;

	buf_init(&key, 16);
	rlp_add_u64(&key, index);
	for (size_t i = 0; i < key.len; i++) {
		e->nibbles[2 * i] = key.data[i] >> 4;
		e->nibbles[2 * i + 1] = key.data[i] & 0xf;
	}
	e->len = 2 * key.len;
	e->value = value;
}

static int entry_cmp(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	size_t n = x->len < y->len ? x->len : y->len;
	int c = memcmp(x->nibbles, y->nibbles, n);

	return c ? c : (x->len > y->len) - (x->len < y->len);
}

/* Hex-prefix encoding (yellow paper, appendix C) of part of a path. */
static void add_path(struct buf *b, const uint8_t *nibbles, size_t n, bool leaf)
{
	uint8_t out[NIBBLES_MAX / 2 + 1];
	size_t at = 1;

	out[0] = (uint8_t)((leaf ? 0x20 : 0) | (n % 2 ? 0x10 | *nibbles : 0));
	for (size_t i = n % 2; i < n; i += 2)
		out[at++] = (uint8_t)(nibbles[i] << 4 | nibbles[i + 1]);
	rlp_add_bytes(b, out, at);
}

/* A node goes into its parent whole when it is short, else as its hash. */
static void add_ref(struct buf *b, const struct buf *node)
{
	struct hash32 hash;

	if (node->len < 32) {
		rlp_add_raw(b, node->data, node->len);
		return;
	}
	hash = keccak256(node->data, node->len);
	rlp_add_bytes(b, hash.b, sizeof(hash.b));
}

static void add_node(struct buf *b, const struct entry *e, size_t n,
		     size_t depth);

static void add_child(struct buf *b, const struct entry *e, size_t n,
		      size_t depth)
{
	AUTO_BUF node = BUF_NULL;

	buf_init(&node, SIZE_MAX / 2);
	add_node(&node, e, n, depth);
	add_ref(b, &node);
}

static void add_branch(struct buf *b, const struct entry *e, size_t n,
		       size_t depth)
{
	/* a key that ends here sorts first */
	const struct entry *here = e->len == depth ? e : NULL;
	size_t at = here ? 1 : 0;

	for (uint8_t nibble = 0; nibble < 16; nibble++) {
		size_t start = at;

		while (at < n && e[at].nibbles[depth] == nibble)
			at++;
		if (at > start)
			add_child(b, e + start, at - start, depth + 1);
		else
			rlp_add_bytes(b, NULL, 0);
	}
	if (here)
		rlp_add_bytes(b, here->value->p, here->value->len);
	else
		rlp_add_bytes(b, NULL, 0);
}

/* Entries e[0..n) are sorted and share their first @depth nibbles. */
static void add_node(struct buf *b, const struct entry *e, size_t n,
		     size_t depth)
{
	size_t mark = rlp_list_begin(b), shared = depth;

	if (n == 1) {
		add_path(b, e->nibbles + depth, e->len - depth, true);
		rlp_add_bytes(b, e->value->p, e->value->len);
		rlp_list_end(b, mark);
		return;
	}
	while (shared < e[0].len && shared < e[n - 1].len &&
	       e[0].nibbles[shared] == e[n - 1].nibbles[shared])
		shared++;
	if (shared > depth) {
		add_path(b, e->nibbles + depth, shared - depth, false);
		add_child(b, e, n, shared);
	} else {
		add_branch(b, e, n, depth);
	}
	rlp_list_end(b, mark);
}

struct hash32 trie_list_root(const struct trie_value *values, size_t n)
{
	static const uint8_t empty = 0x80;
	AUTO_FREE struct entry *entries = NULL;
	AUTO_BUF root = BUF_NULL;

	buf_init(&root, SIZE_MAX / 2);
	if (n == 0)
		return keccak256(&empty, 1);
	entries = mem_array(n, sizeof(*entries));
	for (size_t i = 0; i < n; i++)
		entry_init(&entries[i], i, &values[i]);
	qsort(entries, n, sizeof(*entries), entry_cmp);
	add_node(&root, entries, n, 0);
	return keccak256(root.data, root.len);
}
