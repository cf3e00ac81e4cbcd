/*
 * Values: building them in C, and the types that fit into one 32-byte word.
 * Padding is checked: a word that does not encode back to itself is refused
 * unless the caller tolerates it.
 */
#include "abi/abi.h"

#include <assert.h>
#include <string.h>

#include "abi/abi_word.h"
#include "abi/u256.h"

struct abi_value abi_num(const struct u256 *v)
{
	return (struct abi_value){ .kind = ABI_V_NUM, .num = *v };
}

struct abi_value abi_u64(uint64_t v)
{
	struct u256 wide = u256_from_u64(v);

	return abi_num(&wide);
}

struct abi_value abi_i64(int64_t v)
{
	struct u256 wide = u256_from_i64(v);

	return abi_num(&wide);
}

struct abi_value abi_bool(bool v)
{
	return abi_u64(v);
}

struct abi_value abi_bytes(const void *p, size_t n)
{
	return (struct abi_value){ .kind = ABI_V_BYTES,
				   .bytes = { .p = p, .len = n } };
}

struct abi_value abi_address(const struct address *a)
{
	return abi_bytes(a->b, sizeof(a->b));
}

struct abi_value abi_string(const char *s)
{
	return abi_bytes(s, strlen(s));
}

struct abi_value abi_list(const struct abi_value *items, size_t n)
{
	return (struct abi_value){ .kind = ABI_V_LIST,
				   .list = { .items = items, .n = n } };
}

bool abi_is_word(const struct abi_type *t)
{
	switch (t->kind) {
	case ABI_UINT:
	case ABI_INT:
	case ABI_BOOL:
	case ABI_ADDRESS:
	case ABI_FIXED_BYTES:
	case ABI_FUNCTION:
		return true;
	case ABI_BYTES:
	case ABI_STRING:
	case ABI_ARRAY:
	case ABI_LIST:
	case ABI_TUPLE:
		return false;
	}
	abort();
}

static bool is_num(const struct abi_type *t)
{
	return t->kind == ABI_UINT || t->kind == ABI_INT || t->kind == ABI_BOOL;
}

static bool num_fits(const struct abi_type *t, const struct u256 *v)
{
	if (t->kind == ABI_INT)
		return i256_fits(v, t->bits);
	return u256_fits(v, t->kind == ABI_BOOL ? 1 : t->bits);
}

/* bytes of the types that are byte strings inside a word */
static size_t word_bytes(const struct abi_type *t)
{
	if (t->kind == ABI_ADDRESS)
		return 20;
	return t->kind == ABI_FUNCTION ? 24 : t->size;
}

enum status abi_word_put(uint8_t word[static 32], const struct abi_type *t,
			 const struct abi_value *v, const char *name,
			 struct err *err)
{
	size_t n;

	assert(abi_is_word(t));
	if (is_num(t)) {
		if (v->kind != ABI_V_NUM)
			return err_set(err, ST_REJECTED,
				       "abi: %s: a number wanted", name);
		if (!num_fits(t, &v->num))
			return err_set(err, ST_REJECTED,
				       "abi: %s: does not fit its %u bits",
				       name, t->kind == ABI_BOOL ? 1 : t->bits);
		u256_to_be(word, &v->num);
		return ST_OK;
	}
	n = word_bytes(t);
	if (v->kind != ABI_V_BYTES || v->bytes.len != n)
		return err_set(err, ST_REJECTED, "abi: %s: %zu bytes wanted",
			       name, n);
	memset(word, 0, 32);
	memcpy(word + (t->kind == ABI_ADDRESS ? 12 : 0), v->bytes.p, n);
	return ST_OK;
}

static bool all_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i])
			return false;
	}
	return true;
}

/* drop the bits that @t does not have, as the EVM does when it cleans up */
static struct u256 clean(const struct abi_type *t, const struct u256 *v)
{
	struct u256 low;

	if (t->kind == ABI_BOOL)
		return u256_from_u64(!u256_is_zero(v));
	low = u256_shl(v, 256 - t->bits);
	low = u256_shr(&low, 256 - t->bits);
	if (t->kind == ABI_INT && !u256_fits(&low, t->bits - 1)) {
		struct u256 top = u256_from_i64(-1);

		top = u256_shl(&top, t->bits);
		low = u256_add(&low, &top, NULL);
	}
	return low;
}

enum status abi_word_get(struct abi_value *out, struct arena *a,
			 const struct abi_type *t,
			 const uint8_t word[static 32], unsigned flags,
			 const char *name, struct err *err)
{
	bool padded = flags & ABI_ANY_PADDING;
	size_t n, at;

	assert(abi_is_word(t));
	if (is_num(t)) {
		struct u256 v = u256_from_be(word, 32);

		if (!num_fits(t, &v)) {
			if (!padded)
				return err_set(err, ST_REJECTED,
					       "abi: %s: bits outside its type",
					       name);
			v = clean(t, &v);
		}
		*out = abi_num(&v);
		return ST_OK;
	}
	n = word_bytes(t);
	at = t->kind == ABI_ADDRESS ? 32 - n : 0;
	if (!padded &&
	    !(all_zero(word, at) && all_zero(word + at + n, 32 - at - n)))
		return err_set(err, ST_REJECTED,
			       "abi: %s: bytes outside its type", name);
	*out = abi_bytes(arena_dup(a, word + at, n), n);
	return ST_OK;
}
