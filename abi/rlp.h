#ifndef CX_ABI_RLP_H
#define CX_ABI_RLP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/types.h"
#include "core/buf.h"
#include "core/err.h"

/*
 * RLP (ethereum.org, "Recursive-length prefix serialization").
 *
 * Encoding appends to a struct buf. For a list remember the position, write
 * the items, then wrap:
 *
 *	size_t mark = rlp_list_begin(b);
 *	rlp_add_u64(b, nonce);
 *	rlp_list_end(b, mark);
 *
 * Lists nest. The caller checks the buffer once, with buf_check().
 */
void rlp_add_bytes(struct buf *b, const void *p, size_t n);
/** rlp_add_u64 - minimal big-endian; zero is the empty string */
void rlp_add_u64(struct buf *b, uint64_t v);
void rlp_add_u256(struct buf *b, const struct u256 *v);
/** rlp_add_raw - @p is already RLP */
void rlp_add_raw(struct buf *b, const void *p, size_t n);
size_t rlp_list_begin(const struct buf *b) MUST_CHECK;
/** rlp_list_end - put the list's header in front of what follows @mark */
void rlp_list_end(struct buf *b, size_t mark);
/** rlp_header - header of a string or list of @len payload bytes (never used
 * for a single byte below 0x80); returns its length, 1 to 9 */
size_t rlp_header(uint8_t out[static 9], bool list, size_t len);

/*
 * Encoding into memory that the caller has sized: each writes at @p and returns
 * where it ended. A number takes at most 9 or 33 bytes, a string or a list's
 * payload of @n bytes at most 9 + @n.
 */
uint8_t *rlp_put_bytes(uint8_t *p, const void *bytes, size_t n);
uint8_t *rlp_put_u64(uint8_t *p, uint64_t v);
uint8_t *rlp_put_u256(uint8_t *p, const struct u256 *v);
/** rlp_size - of a string or list of @len payload bytes, header included (not
 * for a single byte below 0x80, which is its own encoding) */
size_t rlp_size(size_t len);

/*
 * Decoding: a cursor over bytes that someone else owns. Every item is checked
 * to be canonical (shortest header, no single byte below 0x80 in a header) and
 * to lie inside its parent.
 */
#define RLP_DEPTH_MAX 64

struct rlp {
	const uint8_t *p, *end;
	unsigned depth;
};

struct rlp_item {
	bool list;
	const uint8_t *data; /* payload, without the header */
	size_t len;
	const uint8_t *raw; /* with the header */
	size_t raw_len;
};

void rlp_init(struct rlp *r, const void *p, size_t n);
/** rlp_more - whether the cursor has another item */
bool rlp_more(const struct rlp *r);
/** rlp_next - step over one item; ST_REJECTED: none left, cut short, or not
 * canonical. Does not look inside a list. */
enum status rlp_next(struct rlp *r, struct rlp_item *out,
		     struct err *err) MUST_CHECK;
/** rlp_enter - step over a list and set @inner to its items; ST_REJECTED when
 * it is no list or deeper than RLP_DEPTH_MAX */
enum status rlp_enter(struct rlp *r, struct rlp *inner,
		      struct err *err) MUST_CHECK;
/** rlp_end - ST_REJECTED naming @what when items are left */
enum status rlp_end(const struct rlp *r, const char *what,
		    struct err *err) MUST_CHECK;

/** rlp_bytes - a string of any length; points into the input */
enum status rlp_bytes(struct rlp *r, const uint8_t **p, size_t *n,
		      struct err *err) MUST_CHECK;
/** rlp_fixed - a string of exactly @n bytes, copied to @out */
enum status rlp_fixed(struct rlp *r, void *out, size_t n,
		      struct err *err) MUST_CHECK;
/** rlp_u64 - an integer without leading zero bytes */
enum status rlp_u64(struct rlp *r, uint64_t *out, struct err *err) MUST_CHECK;
enum status rlp_u256(struct rlp *r, struct u256 *out,
		     struct err *err) MUST_CHECK;

/** rlp_validate - exactly one item in @n bytes, canonical all the way down */
enum status rlp_validate(const void *p, size_t n, struct err *err) MUST_CHECK;

#endif
