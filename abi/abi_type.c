/*
 * What a Solidity type is: its kind, its width and whether it is dynamic, and
 * its canonical text. Readers of text and of ABI JSON build types through
 * this file, so that its bounds hold for both.
 */
#include "abi/abi.h"

#include <assert.h>
#include <string.h>

#include "abi/abi_build.h"
#include "abi/keccak.h"

static size_t slot(const struct abi_type *t)
{
	return t->dynamic ? 32 : t->width;
}

/* "8" to "256" without leading zeros; 0 when it is no such number */
static size_t small_number(const char *p, size_t len)
{
	size_t v = 0;

	if (len == 0 || len > 3 || p[0] == '0')
		return 0;
	for (size_t i = 0; i < len; i++) {
		if (p[i] < '0' || p[i] > '9')
			return 0;
		v = v * 10 + (size_t)(p[i] - '0');
	}
	return v;
}

static bool is_word(const char *word, size_t len, const char *want)
{
	return len == strlen(want) && memcmp(word, want, len) == 0;
}

static bool starts(const char *word, size_t len, const char *prefix)
{
	size_t n = strlen(prefix);

	return len > n && memcmp(word, prefix, n) == 0;
}

static bool build_int(struct abi_type *out, enum abi_kind kind,
		      const char *digits, size_t len)
{
	size_t bits = len == 0 ? 256 : small_number(digits, len);

	out->kind = kind;
	out->bits = (unsigned)bits;
	return bits >= 8 && bits <= 256 && bits % 8 == 0;
}

enum status abi_build_word(struct abi_type *out, const char *word, size_t len,
			   struct err *err)
{
	struct abi_type t = { .width = 32, .name = "" };
	bool ok = true;

	if (is_word(word, len, "uint") || starts(word, len, "uint")) {
		ok = build_int(&t, ABI_UINT, word + 4, len - 4);
	} else if (is_word(word, len, "int") || starts(word, len, "int")) {
		ok = build_int(&t, ABI_INT, word + 3, len - 3);
	} else if (is_word(word, len, "bool")) {
		t.kind = ABI_BOOL;
	} else if (is_word(word, len, "address")) {
		t.kind = ABI_ADDRESS;
	} else if (is_word(word, len, "function")) {
		t.kind = ABI_FUNCTION;
	} else if (is_word(word, len, "string")) {
		t.kind = ABI_STRING;
		t.dynamic = true;
	} else if (is_word(word, len, "bytes")) {
		t.kind = ABI_BYTES;
		t.dynamic = true;
	} else if (starts(word, len, "bytes")) {
		t.kind = ABI_FIXED_BYTES;
		t.size = small_number(word + 5, len - 5);
		ok = t.size >= 1 && t.size <= 32;
	} else {
		ok = false;
	}
	if (!ok)
		return err_set(err, ST_REJECTED, "abi: no such type: \"%.*s\"",
			       (int)(len < 40 ? len : 40), word);
	*out = t;
	return ST_OK;
}

/* Counts a type and bounds what it takes in place. */
static enum status admit(struct abi_parser *ps, const struct abi_type *t)
{
	if (t->depth > ABI_DEPTH_MAX)
		return err_set(ps->err, ST_REJECTED,
			       "abi: type nested deeper than %d",
			       ABI_DEPTH_MAX);
	if (t->width > ABI_WIDTH_MAX)
		return err_set(ps->err, ST_REJECTED,
			       "abi: type wider than %d bytes", ABI_WIDTH_MAX);
	if (++ps->n_types > ABI_TYPES_MAX)
		return err_set(ps->err, ST_REJECTED, "abi: more than %d types",
			       ABI_TYPES_MAX);
	return ST_OK;
}

/* "[]" gives 0, "[7]" gives 7; steps over the brackets */
static enum status bracket(struct abi_parser *ps, size_t *size)
{
	const char *p = ps->p + 1;
	size_t v = 0;

	if (*p == ']') {
		*size = 0;
		ps->p = p + 1;
		return ST_OK;
	}
	for (; *p >= '0' && *p <= '9' && v <= ABI_WIDTH_MAX; p++)
		v = v * 10 + (size_t)(*p - '0');
	if (*p != ']' || v == 0 || ps->p[1] == '0')
		return err_set(ps->err, ST_REJECTED,
			       "abi: array length is not a whole number from 1 "
			       "to %d",
			       ABI_WIDTH_MAX / 32);
	*size = v;
	ps->p = p + 1;
	return ST_OK;
}

enum status abi_build_suffixes(struct abi_parser *ps, struct abi_type *t)
{
	enum status st;

	st = admit(ps, t);
	while (st == ST_OK && *ps->p == '[') {
		struct abi_type outer = { .name = "" };

		st = bracket(ps, &outer.size);
		if (st != ST_OK)
			return st;
		outer.kind = outer.size ? ABI_ARRAY : ABI_LIST;
		outer.depth = t->depth + 1;
		outer.dynamic = t->dynamic || !outer.size;
		outer.width = 32;
		if (outer.size &&
		    __builtin_mul_overflow(outer.size, slot(t), &outer.width))
			outer.width = SIZE_MAX;
		outer.item = arena_dup(ps->a, t, sizeof(*t));
		st = admit(ps, &outer);
		*t = outer;
	}
	return st;
}

enum status abi_build_tuple(struct abi_parser *ps, struct abi_type *out,
			    const struct abi_type *fields, size_t n)
{
	struct abi_type t = { .kind = ABI_TUPLE, .name = "", .n_fields = n };

	for (size_t i = 0; i < n; i++) {
		t.dynamic |= fields[i].dynamic;
		t.width += slot(&fields[i]); /* n × WIDTH_MAX fits */
		if (fields[i].depth > t.depth)
			t.depth = fields[i].depth;
	}
	t.depth++;
	/* parameters may be none; abi_build_suffixes() admits the others */
	if (t.width > ABI_WIDTH_MAX)
		return err_set(ps->err, ST_REJECTED,
			       "abi: type wider than %d bytes", ABI_WIDTH_MAX);
	if (n > 0)
		t.fields = arena_dup(ps->a, fields, n * sizeof(*fields));
	*out = t;
	return ST_OK;
}

static void add_tuple(struct buf *b, const struct abi_type *t)
{
	buf_add_byte(b, '(');
	for (size_t i = 0; i < t->n_fields; i++) {
		if (i > 0)
			buf_add_byte(b, ',');
		abi_type_add(b, &t->fields[i]);
	}
	buf_add_byte(b, ')');
}

void abi_type_add(struct buf *b, const struct abi_type *t)
{
	switch (t->kind) {
	case ABI_UINT:
		buf_printf(b, "uint%u", t->bits);
		return;
	case ABI_INT:
		buf_printf(b, "int%u", t->bits);
		return;
	case ABI_BOOL:
		buf_add_str(b, "bool");
		return;
	case ABI_ADDRESS:
		buf_add_str(b, "address");
		return;
	case ABI_FIXED_BYTES:
		buf_printf(b, "bytes%zu", t->size);
		return;
	case ABI_FUNCTION:
		buf_add_str(b, "function");
		return;
	case ABI_BYTES:
		buf_add_str(b, "bytes");
		return;
	case ABI_STRING:
		buf_add_str(b, "string");
		return;
	case ABI_ARRAY:
		abi_type_add(b, t->item);
		buf_printf(b, "[%zu]", t->size);
		return;
	case ABI_LIST:
		abi_type_add(b, t->item);
		buf_add_str(b, "[]");
		return;
	case ABI_TUPLE:
		add_tuple(b, t);
		return;
	}
	abort();
}

int abi_field(const struct abi_type *tuple, const char *name)
{
	for (size_t i = 0; i < tuple->n_fields; i++) {
		if (strcmp(tuple->fields[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

/* An event's data holds the parameters that no topic holds. */
static enum status build_data(struct abi_parser *ps, struct abi_entry *e)
{
	const struct abi_type *in = e->inputs;
	AUTO_FREE struct abi_type *rest = NULL;
	struct abi_type *data;
	size_t n = 0;

	rest = mem_array(in->n_fields, sizeof(*rest));
	for (size_t i = 0; i < in->n_fields; i++) {
		if (!in->fields[i].indexed)
			rest[n++] = in->fields[i];
	}
	if (in->n_fields - n + !e->anonymous > ABI_TOPICS_MAX)
		return err_set(ps->err, ST_REJECTED,
			       "abi: too many indexed parameters: %s",
			       e->signature);
	data = arena_alloc(ps->a, sizeof(*data));
	e->data = data;
	return abi_build_tuple(ps, data, rest, n);
}

enum status abi_build_entry(struct abi_parser *ps, struct abi_entry *e)
{
	AUTO_BUF text = BUF_NULL;
	enum status st;

	buf_init(&text, (size_t)64 * ABI_TYPES_MAX);
	buf_add_str(&text, e->name);
	add_tuple(&text, e->inputs);
	st = buf_check(&text, "abi: signature", ps->err);
	if (st != ST_OK)
		return st;
	e->signature = arena_dup(ps->a, text.data, text.len);
	e->hash = keccak256(text.data, text.len);
	memcpy(e->selector, e->hash.b, sizeof(e->selector));
	e->data = e->inputs;
	return e->kind == ABI_ENTRY_EVENT ? build_data(ps, e) : ST_OK;
}
