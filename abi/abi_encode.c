/*
 * Solidity ABI encoding: heads in place, tails behind them in order. Values
 * are checked against their types as they are written.
 */
#include "abi/abi.h"

#include <assert.h>
#include <string.h>

#include "abi/abi_word.h"
#include "abi/u256.h"

struct enc {
	struct buf *b;
	struct err *err;
	const char *name; /* of the innermost parameter that has one */
};

static const char *name_of(const struct abi_type *t, const char *outer)
{
	return t->name[0] ? t->name : outer;
}

static void put_length(struct enc *e, size_t n)
{
	struct u256 v = u256_from_u64(n);
	uint8_t word[32];

	u256_to_be(word, &v);
	buf_add(e->b, word, sizeof(word));
}

static enum status put(struct enc *e, const struct abi_type *t,
		       const struct abi_value *v);

/* @fields has one type for all when @same, else @n types */
static enum status put_sequence(struct enc *e, const struct abi_type *fields,
				bool same, const struct abi_value *items,
				size_t n)
{
	size_t base = e->b->len, at = base;
	const char *outer = e->name;
	enum status st;

	for (size_t i = 0; i < n; i++) {
		const struct abi_type *t = same ? fields : &fields[i];

		e->name = name_of(t, outer);
		if (t->dynamic) {
			buf_add_zeros(e->b, 32);
			continue;
		}
		st = put(e, t, &items[i]);
		if (st != ST_OK)
			return st;
	}
	for (size_t i = 0; i < n; i++) {
		const struct abi_type *t = same ? fields : &fields[i];
		struct u256 offset = u256_from_u64(e->b->len - base);

		if (t->dynamic && !e->b->overflow) {
			u256_to_be(e->b->data + at, &offset);
			e->name = name_of(t, outer);
			st = put(e, t, &items[i]);
			if (st != ST_OK)
				return st;
		}
		at += t->dynamic ? 32 : t->width;
	}
	e->name = outer;
	return ST_OK;
}

static enum status put_bytes(struct enc *e, const struct abi_value *v)
{
	if (v->kind != ABI_V_BYTES)
		return err_set(e->err, ST_REJECTED, "abi: %s: bytes wanted",
			       e->name);
	put_length(e, v->bytes.len);
	if (v->bytes.len > 0)
		buf_add(e->b, v->bytes.p, v->bytes.len);
	buf_add_zeros(e->b, (32 - v->bytes.len % 32) % 32);
	return ST_OK;
}

/* @n: how many items the type wants; ignored for ABI_LIST */
static enum status check_list(struct enc *e, const struct abi_type *t,
			      const struct abi_value *v, size_t n)
{
	if (v->kind != ABI_V_LIST)
		return err_set(e->err, ST_REJECTED, "abi: %s: a list wanted",
			       e->name);
	if (t->kind != ABI_LIST && v->list.n != n)
		return err_set(e->err, ST_REJECTED,
			       "abi: %s: %zu values wanted, got %zu", e->name,
			       n, v->list.n);
	return ST_OK;
}

static enum status put_list(struct enc *e, const struct abi_type *t,
			    const struct abi_value *v)
{
	bool tuple = t->kind == ABI_TUPLE;
	enum status st;

	st = check_list(e, t, v, tuple ? t->n_fields : t->size);
	if (st != ST_OK)
		return st;
	if (t->kind == ABI_LIST)
		put_length(e, v->list.n);
	return put_sequence(e, tuple ? t->fields : t->item, !tuple,
			    v->list.items, v->list.n);
}

static enum status put(struct enc *e, const struct abi_type *t,
		       const struct abi_value *v)
{
	uint8_t word[32];
	enum status st;

	switch (t->kind) {
	case ABI_UINT:
	case ABI_INT:
	case ABI_BOOL:
	case ABI_ADDRESS:
	case ABI_FIXED_BYTES:
	case ABI_FUNCTION:
		st = abi_word_put(word, t, v, e->name, e->err);
		if (st == ST_OK)
			buf_add(e->b, word, sizeof(word));
		return st;
	case ABI_BYTES:
	case ABI_STRING:
		return put_bytes(e, v);
	case ABI_ARRAY:
	case ABI_LIST:
	case ABI_TUPLE:
		return put_list(e, t, v);
	}
	abort();
}

enum status abi_encode(struct buf *b, const struct abi_type *tuple,
		       const struct abi_value *values, size_t n,
		       struct err *err)
{
	struct enc e = { .b = b, .err = err, .name = "argument" };
	enum status st;

	assert(tuple->kind == ABI_TUPLE);
	if (n != tuple->n_fields)
		return err_set(err, ST_REJECTED,
			       "abi: %zu arguments wanted, got %zu",
			       tuple->n_fields, n);
	st = put_sequence(&e, tuple->fields, false, values, n);
	if (st != ST_OK)
		return st;
	return buf_check(b, "abi: encoding", err);
}

enum status abi_encode_call(struct buf *b, const struct abi_entry *entry,
			    const struct abi_value *args, size_t n,
			    struct err *err)
{
	buf_add(b, entry->selector, sizeof(entry->selector));
	return abi_encode(b, entry->inputs, args, n, err);
}
