/*
 * RLP decoding: a cursor that hands out items of bytes it does not own. Every
 * header must be the shortest one and every item lies inside its parent, so
 * hostile lengths are refused before anything is read. Never allocates.
 */
#include "abi/rlp.h"

#include <string.h>

#include "abi/u256.h"

void rlp_init(struct rlp *r, const void *p, size_t n)
{
	r->p = p;
	r->end = n ? r->p + n : r->p;
	r->depth = 0;
}

bool rlp_more(const struct rlp *r)
{
	return r->p < r->end;
}

/* long form: the length stands in @n big-endian bytes after the first byte */
static enum status long_length(const struct rlp *r, size_t n, size_t *len,
			       struct err *err)
{
	uint64_t v = 0;

	if (n >= (size_t)(r->end - r->p))
		return err_set(err, ST_REJECTED, "rlp: header cut short");
	if (r->p[1] == 0)
		return err_set(err, ST_REJECTED,
			       "rlp: length with a leading zero");
	for (size_t i = 0; i < n; i++)
		v = v << 8 | r->p[1 + i];
	if (v < 56)
		return err_set(err, ST_REJECTED,
			       "rlp: long header for a short item");
	if (v > (uint64_t)(r->end - r->p))
		return err_set(err, ST_REJECTED, "rlp: item cut short");
	*len = (size_t)v;
	return ST_OK;
}

enum status rlp_next(struct rlp *r, struct rlp_item *out, struct err *err)
{
	struct rlp_item it = { .raw = r->p };
	size_t header = 1;
	uint8_t first;
	enum status st;

	if (!rlp_more(r))
		return err_set(err, ST_REJECTED, "rlp: an item is missing");
	first = r->p[0];
	it.list = first >= 0xc0;
	if (first < 0x80) {
		header = 0;
		it.len = 1;
	} else if ((first & 0x3f) < 56) {
		it.len = first & 0x3f;
	} else {
		header = 1 + (size_t)((first & 0x3f) - 55);
		st = long_length(r, header - 1, &it.len, err);
		if (st != ST_OK)
			return st;
	}
	if (it.len > (size_t)(r->end - r->p) - header)
		return err_set(err, ST_REJECTED, "rlp: item cut short");
	it.data = r->p + header;
	it.raw_len = header + it.len;
	if (!it.list && header == 1 && it.len == 1 && it.data[0] < 0x80)
		return err_set(err, ST_REJECTED,
			       "rlp: header for a single small byte");
	r->p += it.raw_len;
	*out = it;
	return ST_OK;
}

enum status rlp_enter(struct rlp *r, struct rlp *inner, struct err *err)
{
	struct rlp_item it;
	enum status st;

	if (r->depth >= RLP_DEPTH_MAX)
		return err_set(err, ST_REJECTED, "rlp: nested too deep");
	st = rlp_next(r, &it, err);
	if (st != ST_OK)
		return st;
	if (!it.list)
		return err_set(err, ST_REJECTED, "rlp: list wanted");
	inner->p = it.data;
	inner->end = it.data + it.len;
	inner->depth = r->depth + 1;
	return ST_OK;
}

enum status rlp_end(const struct rlp *r, const char *what, struct err *err)
{
	if (rlp_more(r))
		return err_set(err, ST_REJECTED, "%s: %zu bytes left over",
			       what, (size_t)(r->end - r->p));
	return ST_OK;
}

enum status rlp_bytes(struct rlp *r, const uint8_t **p, size_t *n,
		      struct err *err)
{
	struct rlp_item it;
	enum status st;

	st = rlp_next(r, &it, err);
	if (st != ST_OK)
		return st;
	if (it.list)
		return err_set(err, ST_REJECTED, "rlp: string wanted");
	*p = it.data;
	*n = it.len;
	return ST_OK;
}

enum status rlp_fixed(struct rlp *r, void *out, size_t n, struct err *err)
{
	const uint8_t *p = NULL;
	enum status st;
	size_t len = 0;

	st = rlp_bytes(r, &p, &len, err);
	if (st != ST_OK)
		return st;
	if (len != n)
		return err_set(err, ST_REJECTED,
			       "rlp: string of %zu bytes wanted, got %zu", n,
			       len);
	if (n > 0)
		memcpy(out, p, n);
	return ST_OK;
}

enum status rlp_u256(struct rlp *r, struct u256 *out, struct err *err)
{
	const uint8_t *p = NULL;
	enum status st;
	size_t len = 0;

	st = rlp_bytes(r, &p, &len, err);
	if (st != ST_OK)
		return st;
	if (len > 32)
		return err_set(err, ST_REJECTED, "rlp: integer above 256 bits");
	if (len > 0 && p[0] == 0)
		return err_set(err, ST_REJECTED,
			       "rlp: integer with a leading zero");
	*out = u256_from_be(p, len);
	return ST_OK;
}

enum status rlp_u64(struct rlp *r, uint64_t *out, struct err *err)
{
	enum status st;
	struct u256 v;

	st = rlp_u256(r, &v, err);
	if (st != ST_OK)
		return st;
	if (!u256_to_u64(out, &v))
		return err_set(err, ST_REJECTED, "rlp: integer above 64 bits");
	return ST_OK;
}

enum status rlp_validate(const void *p, size_t n, struct err *err)
{
	struct rlp stack[RLP_DEPTH_MAX + 1];
	struct rlp_item it;
	enum status st;
	size_t depth = 0;

	rlp_init(&stack[0], p, n);
	st = rlp_next(&stack[0], &it, err);
	if (st == ST_OK)
		st = rlp_end(&stack[0], "rlp", err);
	if (st != ST_OK)
		return st;
	rlp_init(&stack[0], p, n);
	for (;;) {
		struct rlp peek = stack[depth];

		if (!rlp_more(&peek)) {
			if (depth == 0)
				return ST_OK;
			depth--;
			continue;
		}
		st = rlp_next(&stack[depth], &it, err);
		if (st != ST_OK)
			return st;
		if (!it.list)
			continue;
		st = rlp_enter(&peek, &stack[depth + 1], err);
		if (st != ST_OK)
			return st;
		depth++;
	}
}
