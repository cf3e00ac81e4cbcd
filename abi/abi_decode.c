/*
 * Solidity ABI decoding of hostile bytes. Every offset and length is checked
 * against the bytes that are there before anything is allocated, and a budget
 * of values and bytes bounds the work where offsets overlap. Without flags
 * only the one layout that abi.encode() writes is accepted.
 */
#include "abi/abi.h"

#include <assert.h>
#include <string.h>

#include "abi/abi_word.h"
#include "abi/u256.h"

struct dec {
	struct arena *a;
	const uint8_t *data;
	size_t len;
	unsigned flags;
	struct err *err;
	const char *name;  /* of the innermost parameter that has one */
	size_t next;       /* where abi.encode() would put the next tail */
	size_t nodes_left; /* values that may still be made */
	size_t bytes_left; /* bytes that may still be copied */
};

/* In the canonical layout a leaf has 32 bytes of its own and at most
 * ABI_DEPTH_MAX values around it. */
static size_t nodes_max(size_t len)
{
	return (len / 32 + 1) * (ABI_DEPTH_MAX + 1);
}

size_t abi_decode_arena_max(size_t len)
{
	/* a value, its share of rounding, and 33 bytes of a copied word */
	return nodes_max(len) * (sizeof(struct abi_value) + 16 + 64) + len +
	       (2 + ABI_TOPICS_MAX) * 128;
}

static enum status refuse(const struct dec *d, const char *why)
{
	return err_set(d->err, ST_REJECTED, "abi: %s: %s", d->name, why);
}

static enum status need(const struct dec *d, size_t pos, size_t n)
{
	if (pos > d->len || n > d->len - pos)
		return refuse(d, "data cut short");
	return ST_OK;
}

/* a length or offset: a word that must be below what there are bytes */
static enum status take_size(const struct dec *d, size_t pos, size_t *out)
{
	struct u256 v;
	uint64_t n;
	enum status st;

	st = need(d, pos, 32);
	if (st != ST_OK)
		return st;
	v = u256_from_be(d->data + pos, 32);
	if (!u256_to_u64(&n, &v) || n > d->len)
		return refuse(d, "offset or length past the data");
	*out = (size_t)n;
	return ST_OK;
}

static enum status take(struct dec *d, const struct abi_type *t, size_t pos,
			struct abi_value *out);

/* Follows the offset at @pos of a sequence that starts at @base. */
static enum status take_tail(struct dec *d, const struct abi_type *t,
			     size_t base, size_t pos, struct abi_value *out)
{
	enum status st;
	size_t offset;

	st = take_size(d, pos, &offset);
	if (st != ST_OK)
		return st;
	if (!(d->flags & ABI_ANY_LAYOUT) && base + offset != d->next)
		return refuse(d, "offset is not where abi.encode puts it");
	return take(d, t, base + offset, out);
}

static size_t slot(const struct abi_type *t)
{
	return t->dynamic ? 32 : t->width;
}

/* @n items at @base; @fields has one type for all when @same */
static enum status take_sequence(struct dec *d, const struct abi_type *fields,
				 bool same, size_t n, size_t base, bool inner,
				 struct abi_value *out)
{
	const char *outer = d->name;
	struct abi_value *items;
	size_t head = 0, pos = base;
	enum status st = ST_OK;

	if (same && __builtin_mul_overflow(n, slot(fields), &head))
		return refuse(d, "data cut short");
	for (size_t i = 0; i < n && !same; i++)
		head += slot(&fields[i]);
	st = need(d, base, head);
	if (st != ST_OK)
		return st;
	if (n > d->nodes_left)
		return refuse(d, "overlapping offsets");
	d->nodes_left -= n;
	if (!inner)
		d->next = base + head;
	items = arena_array(d->a, n, sizeof(*items));
	for (size_t i = 0; i < n && st == ST_OK; i++) {
		const struct abi_type *t = same ? fields : &fields[i];

		if (t->name[0])
			d->name = t->name;
		st = t->dynamic ? take_tail(d, t, base, pos, &items[i])
				: take(d, t, pos, &items[i]);
		if (st == ST_OK)
			d->name = outer;
		pos += slot(t);
	}
	if (st == ST_OK)
		*out = abi_list(items, n);
	return st;
}

static enum status take_bytes(struct dec *d, size_t pos, struct abi_value *out)
{
	size_t n, padding;
	enum status st;

	st = take_size(d, pos, &n);
	if (st == ST_OK)
		st = need(d, pos + 32, n);
	if (st != ST_OK)
		return st;
	padding = (32 - n % 32) % 32;
	if (!(d->flags & ABI_ANY_PADDING)) {
		st = need(d, pos + 32 + n, padding);
		if (st != ST_OK)
			return st;
		for (size_t i = 0; i < padding; i++) {
			if (d->data[pos + 32 + n + i])
				return refuse(d, "padding is not zero");
		}
	}
	if (n > d->bytes_left)
		return refuse(d, "overlapping offsets");
	d->bytes_left -= n;
	d->next = pos + 32 + n + padding;
	*out = abi_bytes(arena_dup(d->a, d->data + pos + 32, n), n);
	return ST_OK;
}

static enum status take_list(struct dec *d, const struct abi_type *t,
			     size_t pos, struct abi_value *out)
{
	enum status st;
	size_t n;

	st = take_size(d, pos, &n);
	if (st != ST_OK)
		return st;
	return take_sequence(d, t->item, true, n, pos + 32, false, out);
}

/* The encoding of @t in place at @pos. */
static enum status take(struct dec *d, const struct abi_type *t, size_t pos,
			struct abi_value *out)
{
	enum status st;

	switch (t->kind) {
	case ABI_UINT:
	case ABI_INT:
	case ABI_BOOL:
	case ABI_ADDRESS:
	case ABI_FIXED_BYTES:
	case ABI_FUNCTION:
		st = need(d, pos, 32);
		if (st != ST_OK)
			return st;
		return abi_word_get(out, d->a, t, d->data + pos, d->flags,
				    d->name, d->err);
	case ABI_BYTES:
	case ABI_STRING:
		return take_bytes(d, pos, out);
	case ABI_LIST:
		return take_list(d, t, pos, out);
	case ABI_ARRAY:
		return take_sequence(d, t->item, true, t->size, pos,
				     !t->dynamic, out);
	case ABI_TUPLE:
		return take_sequence(d, t->fields, false, t->n_fields, pos,
				     !t->dynamic, out);
	}
	abort();
}

enum status abi_decode(const struct abi_value **values, struct arena *a,
		       const struct abi_type *tuple, const void *data,
		       size_t len, unsigned flags, struct err *err)
{
	struct dec d = { .a = a,
			 .data = data,
			 .len = len,
			 .flags = flags,
			 .err = err,
			 .name = "data",
			 .nodes_left = nodes_max(len),
			 .bytes_left = len };
	struct abi_value all;
	enum status st;
	size_t end;

	assert(tuple->kind == ABI_TUPLE);
	st = take_sequence(&d, tuple->fields, false, tuple->n_fields, 0, false,
			   &all);
	if (st != ST_OK)
		return st;
	end = d.next;
	if (!(flags & ABI_ANY_LAYOUT) && end < len)
		return err_set(err, ST_REJECTED,
			       "abi: %zu bytes after the data", len - end);
	*values = all.list.items;
	return ST_OK;
}

enum status abi_decode_call(const struct abi_value **values, struct arena *a,
			    const struct abi_entry *entry, const void *data,
			    size_t len, unsigned flags, struct err *err)
{
	const uint8_t *in = data;

	if (len < 4)
		return err_set(err, ST_REJECTED,
			       "abi: call data without a selector");
	if (memcmp(in, entry->selector, 4) != 0)
		return err_set(err, ST_REJECTED,
			       "abi: the selector is not that of %.80s",
			       entry->signature);
	return abi_decode(values, a, entry->inputs, in + 4, len - 4, flags,
			  err);
}
