/*
 * Members of JSON objects by name, on top of the scan. Never allocates and
 * never quotes the text.
 */
#include "abi/fields.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"

void reader_init(struct reader *r, struct text json)
{
	scan_init(&r->s, json.p, json.n);
	r->why[0] = '\0';
}

void reader_fail(struct reader *r, const char *field, const char *why)
{
	if (r->why[0])
		return;
	snprintf(r->why, sizeof(r->why), "%s %s", field, why);
	scan_fail(&r->s, r->why);
}

enum status reader_end(struct reader *r, const char *what, struct err *err)
{
	return scan_end(&r->s, what, err);
}

bool reader_string(struct reader *r, const char *field, struct text *out)
{
	*out = (struct text){ 0 };
	if (scan_peek(&r->s) == SCAN_STRING)
		return scan_string(&r->s, out);
	reader_fail(r, field, "is no string");
	return false;
}

static void read_hex(struct reader *r, const struct field *field, void *out)
{
	struct text t;

	if (reader_string(r, field->name, &t) &&
	    !hex_decode_text(out, field->size, t))
		reader_fail(r, field->name, "is malformed");
}

static uint64_t read_u64(struct reader *r, const struct field *field)
{
	struct text t;
	uint64_t v = 0;

	if (!reader_string(r, field->name, &t))
		return 0;
	if (!hex_text_u64(&v, t))
		reader_fail(r, field->name, "is no quantity");
	else if (v > field->max)
		reader_fail(r, field->name, "is too large");
	return v;
}

static void read_u256(struct reader *r, const struct field *field,
		      struct u256 *out)
{
	struct text t;

	if (reader_string(r, field->name, &t) && !hex_text_u256(out, t))
		reader_fail(r, field->name, "is no quantity");
}

/* False: it is the caller's to read. */
static bool read_field(struct reader *r, const struct field *field, void *out)
{
	void *at = (uint8_t *)out + field->at;

	switch (field->kind) {
	case FIELD_KIND_HEX:
		read_hex(r, field, at);
		return true;
	case FIELD_KIND_U64:
		*(uint64_t *)at = read_u64(r, field);
		return true;
	case FIELD_KIND_U32:
		*(uint32_t *)at = (uint32_t)read_u64(r, field);
		return true;
	case FIELD_KIND_U256:
		read_u256(r, field, at);
		return true;
	case FIELD_KIND_SKIP:
		scan_skip(&r->s);
		return true;
	case FIELD_KIND_OTHER:
		return false;
	}
	abort();
}

struct fields fields_open(struct reader *r, const struct field *table,
			  unsigned count, void *out)
{
	assert(count <= FIELDS_MAX);
	scan_object(&r->s);
	return (struct fields){ .table = table, .count = count, .out = out };
}

/* Nodes write the members of all objects in one order: after the one that was
 * found last comes the next. */
static int find(struct fields *f, struct text key)
{
	unsigned i = f->next;

	for (unsigned tried = 0; tried < f->count; tried++, i++) {
		if (i >= f->count)
			i = 0;
		if (f->table[i].len == key.n &&
		    memcmp(f->table[i].name, key.p, key.n) == 0) {
			f->next = i + 1;
			return (int)i;
		}
	}
	return -1;
}

int fields_next(struct reader *r, struct fields *f)
{
	struct text key;

	while (scan_key(&r->s, &key)) {
		int i = find(f, key);

		if (scan_null(&r->s))
			continue;
		if (i < 0) {
			f->unknown = true;
			scan_skip(&r->s);
			continue;
		}
		if (f->seen >> i & 1) {
			reader_fail(r, f->table[i].name, "stands there twice");
			return -1;
		}
		f->seen |= (uint64_t)1 << i;
		if (!read_field(r, &f->table[i], f->out))
			return i;
	}
	return -1;
}

void fields_need(struct reader *r, const struct fields *f, uint64_t mask)
{
	uint64_t missing = mask & ~f->seen;

	if (missing)
		reader_fail(r, f->table[__builtin_ctzll(missing)].name,
			    "is missing");
}
