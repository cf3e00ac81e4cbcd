/*
 * Types and signatures from text, as people write them in Solidity or in
 * ethers' "human-readable" form. Recursion is bounded by ABI_DEPTH_MAX and
 * memory by ABI_TEXT_MAX.
 */
#include "abi/abi.h"

#include <assert.h>
#include <string.h>

#include "abi/abi_build.h"

static void spaces(struct abi_parser *ps)
{
	while (*ps->p == ' ' || *ps->p == '\t' || *ps->p == '\n' ||
	       *ps->p == '\r')
		ps->p++;
}

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '$';
}

/* Steps over a word after white space; its length, 0 when there is none. */
static size_t word(struct abi_parser *ps, const char **start)
{
	spaces(ps);
	*start = ps->p;
	while (name_char(*ps->p))
		ps->p++;
	return (size_t)(ps->p - *start);
}

static bool word_is(const char *p, size_t len, const char *want)
{
	return len == strlen(want) && memcmp(p, want, len) == 0;
}

static enum status expect(struct abi_parser *ps, char c)
{
	spaces(ps);
	if (*ps->p != c)
		return err_set(ps->err, ST_REJECTED,
			       *ps->p ? "abi: '%c' wanted before \"%.20s\""
				      : "abi: '%c' wanted at the end%.0s",
			       c, ps->p);
	ps->p++;
	return ST_OK;
}

static enum status parse_fields(struct abi_parser *ps, struct abi_type *out,
				unsigned depth);

static enum status parse_type(struct abi_parser *ps, struct abi_type *out,
			      unsigned depth)
{
	const char *start;
	enum status st;
	size_t len;

	len = word(ps, &start);
	if (*ps->p == '(' && (len == 0 || word_is(start, len, "tuple"))) {
		st = parse_fields(ps, out, depth + 1);
		if (st == ST_OK && out->n_fields == 0)
			st = err_set(ps->err, ST_REJECTED, "abi: empty tuple");
	} else {
		st = abi_build_word(out, start, len, ps->err);
	}
	if (st != ST_OK)
		return st;
	return abi_build_suffixes(ps, out);
}

/* "indexed", data locations and a name may follow the type. */
static enum status parse_attributes(struct abi_parser *ps, struct abi_type *t)
{
	const char *start;
	size_t len;

	while ((len = word(ps, &start)) > 0) {
		if (t->name[0])
			return err_set(ps->err, ST_REJECTED,
				       "abi: two names for a parameter");
		if (word_is(start, len, "indexed"))
			t->indexed = true;
		else if (!word_is(start, len, "memory") &&
			 !word_is(start, len, "calldata") &&
			 !word_is(start, len, "payable"))
			t->name = arena_dup(ps->a, start, len);
	}
	return ST_OK;
}

struct fields {
	struct abi_type *items;
	size_t n, cap;
};

static void fields_deinit(struct fields *f)
{
	free(f->items);
}

static void fields_add(struct fields *f, const struct abi_type *t)
{
	if (f->n == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 8;
		f->items = mem_resize(f->items, f->cap, sizeof(*f->items));
	}
	f->items[f->n++] = *t;
}

static enum status parse_fields(struct abi_parser *ps, struct abi_type *out,
				unsigned depth)
{
	__attribute__((cleanup(fields_deinit))) struct fields fields = { 0 };
	enum status st;

	if (depth > ABI_DEPTH_MAX + 1)
		return err_set(ps->err, ST_REJECTED,
			       "abi: type nested deeper than %d",
			       ABI_DEPTH_MAX);
	st = expect(ps, '(');
	if (st != ST_OK)
		return st;
	spaces(ps);
	while (*ps->p != ')' || fields.n > 0) {
		struct abi_type t;

		st = parse_type(ps, &t, depth);
		if (st == ST_OK)
			st = parse_attributes(ps, &t);
		if (st != ST_OK)
			return st;
		fields_add(&fields, &t);
		if (*ps->p != ',')
			break;
		ps->p++;
	}
	st = expect(ps, ')');
	if (st != ST_OK)
		return st;
	return abi_build_tuple(ps, out, fields.items, fields.n);
}

static enum status parse_end(struct abi_parser *ps)
{
	spaces(ps);
	if (*ps->p == ';')
		ps->p++;
	spaces(ps);
	if (*ps->p)
		return err_set(ps->err, ST_REJECTED,
			       "abi: not understood: \"%.20s\"", ps->p);
	return ST_OK;
}

static enum status check_text(const char *text, struct err *err)
{
	if (strnlen(text, ABI_TEXT_MAX + 1) > ABI_TEXT_MAX)
		return err_set(err, ST_REJECTED, "abi: text over %d bytes",
			       ABI_TEXT_MAX);
	return ST_OK;
}

enum status abi_type_parse(const struct abi_type **out, struct arena *a,
			   const char *text, struct err *err)
{
	struct abi_parser ps = { .a = a, .p = text, .err = err };
	struct abi_type t;
	enum status st;

	st = check_text(text, err);
	if (st == ST_OK)
		st = parse_type(&ps, &t, 0);
	if (st == ST_OK)
		st = parse_end(&ps);
	if (st != ST_OK)
		return st;
	*out = arena_dup(a, &t, sizeof(t));
	return ST_OK;
}

/* The leading word, where there is one, says what the entry is. */
static void parse_kind(struct abi_parser *ps, struct abi_entry *e,
		       enum abi_entry_kind fallback)
{
	const char *before, *start;
	size_t len;

	spaces(ps);
	before = ps->p;
	len = word(ps, &start);
	spaces(ps);
	e->kind = fallback;
	if (word_is(start, len, "constructor")) {
		e->kind = ABI_ENTRY_CONSTRUCTOR;
		return;
	}
	if (*ps->p == '(') {
		ps->p = before;
		return;
	}
	if (word_is(start, len, "function"))
		e->kind = ABI_ENTRY_FUNCTION;
	else if (word_is(start, len, "event"))
		e->kind = ABI_ENTRY_EVENT;
	else if (word_is(start, len, "error"))
		e->kind = ABI_ENTRY_ERROR;
	else
		ps->p = before;
}

static enum status parse_returns(struct abi_parser *ps, struct abi_entry *e)
{
	struct abi_type outputs;
	enum status st;

	st = parse_fields(ps, &outputs, 0);
	if (st == ST_OK)
		e->outputs = arena_dup(ps->a, &outputs, sizeof(outputs));
	return st;
}

/* What may follow the parameters. */
static enum status parse_modifiers(struct abi_parser *ps, struct abi_entry *e)
{
	const char *start;
	size_t len;

	while ((len = word(ps, &start)) > 0) {
		if (word_is(start, len, "anonymous") &&
		    e->kind == ABI_ENTRY_EVENT) {
			e->anonymous = true;
		} else if (word_is(start, len, "payable")) {
			e->payable = true;
		} else if (word_is(start, len, "view") ||
			   word_is(start, len, "pure")) {
			e->view = true;
		} else if (word_is(start, len, "returns")) {
			enum status st = parse_returns(ps, e);

			if (st != ST_OK)
				return st;
		} else if (!word_is(start, len, "external") &&
			   !word_is(start, len, "public") &&
			   !word_is(start, len, "nonpayable")) {
			return err_set(ps->err, ST_REJECTED,
				       "abi: not understood: \"%.20s\"", start);
		}
	}
	return ST_OK;
}

enum status abi_entry_parse(const struct abi_entry **out, struct arena *a,
			    const char *text, enum abi_entry_kind fallback,
			    struct err *err)
{
	struct abi_parser ps = { .a = a, .p = text, .err = err };
	struct abi_entry e = { .name = "" };
	struct abi_type inputs, none = { .kind = ABI_TUPLE, .name = "" };
	const char *start;
	enum status st;
	size_t len;

	st = check_text(text, err);
	if (st != ST_OK)
		return st;
	parse_kind(&ps, &e, fallback);
	if (e.kind != ABI_ENTRY_CONSTRUCTOR) {
		len = word(&ps, &start);
		if (len == 0 || (*start >= '0' && *start <= '9'))
			return err_set(err, ST_REJECTED,
				       "abi: a name wanted, as in "
				       "\"transfer(address,uint256)\"");
		e.name = arena_dup(a, start, len);
	}
	e.outputs = arena_dup(a, &none, sizeof(none));
	st = parse_fields(&ps, &inputs, 0);
	if (st == ST_OK)
		st = parse_modifiers(&ps, &e);
	if (st == ST_OK)
		st = parse_end(&ps);
	if (st != ST_OK)
		return st;
	e.inputs = arena_dup(a, &inputs, sizeof(inputs));
	st = abi_build_entry(&ps, &e);
	if (st != ST_OK)
		return st;
	*out = arena_dup(a, &e, sizeof(e));
	return ST_OK;
}
