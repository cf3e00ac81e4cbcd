/*
 * Values to and from JSON, for people and for jsonb columns. What goes out is
 * always valid UTF-8 without NUL, whatever the chain holds.
 */
#include "abi/abi.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "abi/hex.h"
#include "abi/u256.h"

#define STRING_MAX (64u << 20)

/* length of the UTF-8 character at @p, 0 when it is none (RFC 3629) */
static size_t utf8_char(const uint8_t *p, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = p[0] < 0x80   ? 1
		     : p[0] < 0xc0 ? 0
		     : p[0] < 0xe0 ? 2
		     : p[0] < 0xf0 ? 3
		     : p[0] < 0xf8 ? 4
				   : 0;
	uint32_t c;

	if (len < 2)
		return len;
	if (len > n)
		return 0;
	c = p[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return len;
}

bool abi_is_text(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	size_t len;

	for (size_t i = 0; i < n; i += len) {
		len = p[i] ? utf8_char(p + i, n - i) : 0;
		if (len == 0)
			return false;
	}
	return true;
}

static cJSON *hex_json(const uint8_t *p, size_t n)
{
	AUTO_FREE char *text = mem_zalloc(HEX_SIZE(n));

	hex_encode(text, p, n);
	return mem_check(cJSON_CreateString(text));
}

static cJSON *wrapped(const char *key, cJSON *inner)
{
	cJSON *obj = mem_check(cJSON_CreateObject());

	cJSON_AddItemToObject(obj, key, inner);
	return obj;
}

static cJSON *string_json(const struct abi_value *v)
{
	AUTO_FREE char *text = NULL;

	if (!abi_is_text(v->bytes.p, v->bytes.len))
		return wrapped("bytes", hex_json(v->bytes.p, v->bytes.len));
	text = mem_zalloc(v->bytes.len + 1);
	if (v->bytes.len > 0)
		memcpy(text, v->bytes.p, v->bytes.len);
	return mem_check(cJSON_CreateString(text));
}

static bool names_are_keys(const struct abi_type *tuple)
{
	for (size_t i = 0; i < tuple->n_fields; i++) {
		if (!tuple->fields[i].name[0] ||
		    abi_field(tuple, tuple->fields[i].name) != (int)i)
			return false;
	}
	return true;
}

cJSON *abi_params_to_json(const struct abi_type *tuple,
			  const struct abi_value *values)
{
	bool keys = names_are_keys(tuple);
	cJSON *out;

	out = mem_check(keys ? cJSON_CreateObject() : cJSON_CreateArray());
	for (size_t i = 0; i < tuple->n_fields; i++) {
		const struct abi_type *t = &tuple->fields[i];
		cJSON *item = abi_to_json(t, &values[i]);

		if (keys)
			cJSON_AddItemToObject(out, t->name, item);
		else
			cJSON_AddItemToArray(out, item);
	}
	return out;
}

static cJSON *list_json(const struct abi_type *item, const struct abi_value *v)
{
	cJSON *out = mem_check(cJSON_CreateArray());

	for (size_t i = 0; i < v->list.n; i++)
		cJSON_AddItemToArray(out, abi_to_json(item, &v->list.items[i]));
	return out;
}

cJSON *abi_to_json(const struct abi_type *t, const struct abi_value *v)
{
	char dec[I256_DEC_SIZE];

	if (v->kind == ABI_V_HASH)
		return wrapped("hash", hex_json(v->bytes.p, v->bytes.len));
	switch (t->kind) {
	case ABI_UINT:
		return mem_check(cJSON_CreateString(u256_to_dec(dec, &v->num)));
	case ABI_INT:
		return mem_check(cJSON_CreateString(i256_to_dec(dec, &v->num)));
	case ABI_BOOL:
		return mem_check(cJSON_CreateBool(!u256_is_zero(&v->num)));
	case ABI_ADDRESS:
	case ABI_FIXED_BYTES:
	case ABI_FUNCTION:
	case ABI_BYTES:
		return hex_json(v->bytes.p, v->bytes.len);
	case ABI_STRING:
		return string_json(v);
	case ABI_ARRAY:
	case ABI_LIST:
		return list_json(t->item, v);
	case ABI_TUPLE:
		return abi_params_to_json(t, v->list.items);
	}
	abort();
}

static const char *name_of(const struct abi_type *t)
{
	return t->name[0] ? t->name : "argument";
}

static enum status num_from(struct abi_value *out, const struct abi_type *t,
			    const cJSON *json, struct err *err)
{
	bool is_signed = t->kind == ABI_INT;
	char text[32];
	const char *in = cJSON_GetStringValue(json);
	enum status st;
	struct u256 v;

	if (cJSON_IsNumber(json)) {
		double d = json->valuedouble;

		if (!(d == floor(d)) || fabs(d) >= 9007199254740992.0)
			return err_set(err, ST_REJECTED,
				       "abi: %s: a whole number below 2^53 or "
				       "a decimal string wanted",
				       name_of(t));
		snprintf(text, sizeof(text), "%.0f", d == 0 ? 0 : d);
		in = text;
	}
	if (!in)
		return err_set(err, ST_REJECTED, "abi: %s: a number wanted",
			       name_of(t));
	if (is_signed && !(in[0] == '0' && in[1] == 'x'))
		st = i256_from_dec(&v, in, name_of(t), err);
	else
		st = u256_parse(&v, in, name_of(t), err);
	if (st != ST_OK)
		return st;
	/* hex of a signed type is a magnitude, not two's complement */
	if (is_signed && in[0] == '0' && in[1] == 'x' && i256_is_negative(&v))
		return err_set(err, ST_REJECTED,
			       "abi: %s: above 256 signed bits", name_of(t));
	if (is_signed ? !i256_fits(&v, t->bits) : !u256_fits(&v, t->bits))
		return err_set(err, ST_REJECTED,
			       "abi: %s: does not fit its %u bits", name_of(t),
			       t->bits);
	*out = abi_num(&v);
	return ST_OK;
}

static enum status check_case(const char *text, const struct address *a,
			      const char *name, struct err *err)
{
	bool upper = false, lower = false;
	char want[HEX_ADDRESS_SIZE];

	for (const char *p = text + 2; *p; p++) {
		upper |= *p >= 'A' && *p <= 'F';
		lower |= *p >= 'a' && *p <= 'f';
	}
	if (upper && lower && strcmp(hex_address_checksum(want, a), text) != 0)
		return err_set(
		    err, ST_REJECTED,
		    "abi: %s: the address's EIP-55 checksum is wrong", name);
	return ST_OK;
}

/* @want: bytes that it must have; 0: any count */
static enum status hex_from(struct abi_value *out, struct arena *a,
			    const struct abi_type *t, const char *text,
			    size_t want, struct err *err)
{
	const char *name = name_of(t);
	struct address addr;
	enum status st;
	AUTO_BUF b = BUF_NULL;

	buf_init(&b, STRING_MAX);
	if (!text)
		return err_set(err, ST_REJECTED, "abi: %s: \"0x…\" wanted",
			       name);
	st = hex_decode_buf(&b, text, name, err);
	if (st != ST_OK)
		return st;
	if (want && b.len != want)
		return err_set(err, ST_REJECTED,
			       "abi: %s: %zu bytes wanted, got %zu", name, want,
			       b.len);
	if (t->kind == ABI_ADDRESS) {
		memcpy(addr.b, b.data, sizeof(addr.b));
		st = check_case(text, &addr, name, err);
		if (st != ST_OK)
			return st;
	}
	*out = abi_bytes(arena_dup(a, b.data, b.len), b.len);
	return ST_OK;
}

static enum status string_from(struct abi_value *out, struct arena *a,
			       const struct abi_type *t, const cJSON *json,
			       struct err *err)
{
	const char *text = cJSON_GetStringValue(json);
	const cJSON *raw = cJSON_GetObjectItemCaseSensitive(json, "bytes");

	if (cJSON_IsObject(json) && raw)
		return hex_from(out, a, t, cJSON_GetStringValue(raw), 0, err);
	if (!text)
		return err_set(err, ST_REJECTED, "abi: %s: a string wanted",
			       name_of(t));
	*out = abi_bytes(arena_dup(a, text, strlen(text)), strlen(text));
	return ST_OK;
}

static enum status list_from(struct abi_value *out, struct arena *a,
			     const struct abi_type *t, const cJSON *json,
			     struct err *err)
{
	bool tuple = t->kind == ABI_TUPLE;
	struct abi_value *items;
	const cJSON *item;
	enum status st;
	size_t n, i = 0;

	if (!cJSON_IsArray(json))
		return err_set(err, ST_REJECTED, "abi: %s: an array wanted",
			       name_of(t));
	n = (size_t)cJSON_GetArraySize(json);
	if (t->kind != ABI_LIST && n != (tuple ? t->n_fields : t->size))
		return err_set(err, ST_REJECTED,
			       "abi: %s: %zu values wanted, got %zu",
			       name_of(t), tuple ? t->n_fields : t->size, n);
	items = arena_array(a, n, sizeof(*items));
	cJSON_ArrayForEach(item, json)
	{
		st = abi_from_json(&items[i], a,
				   tuple ? &t->fields[i] : t->item, item, err);
		if (st != ST_OK)
			return st;
		i++;
	}
	*out = abi_list(items, n);
	return ST_OK;
}

static enum status tuple_from(struct abi_value *out, struct arena *a,
			      const struct abi_type *t, const cJSON *json,
			      struct err *err)
{
	struct abi_value *items;
	const cJSON *item;
	enum status st;

	if (!cJSON_IsObject(json))
		return list_from(out, a, t, json, err);
	if (!names_are_keys(t))
		return err_set(
		    err, ST_REJECTED,
		    "abi: %s: members without names: an array wanted",
		    name_of(t));
	if ((size_t)cJSON_GetArraySize(json) != t->n_fields)
		return err_set(
		    err, ST_REJECTED, "abi: %s: %zu members wanted, got %d",
		    name_of(t), t->n_fields, cJSON_GetArraySize(json));
	items = arena_array(a, t->n_fields, sizeof(*items));
	for (size_t i = 0; i < t->n_fields; i++) {
		const struct abi_type *field = &t->fields[i];

		item = cJSON_GetObjectItemCaseSensitive(json, field->name);
		if (!item)
			return err_set(err, ST_REJECTED,
				       "abi: %s: member %s is missing",
				       name_of(t), field->name);
		st = abi_from_json(&items[i], a, field, item, err);
		if (st != ST_OK)
			return st;
	}
	*out = abi_list(items, t->n_fields);
	return ST_OK;
}

enum status abi_from_json(struct abi_value *out, struct arena *a,
			  const struct abi_type *t, const cJSON *json,
			  struct err *err)
{
	switch (t->kind) {
	case ABI_UINT:
	case ABI_INT:
		return num_from(out, t, json, err);
	case ABI_BOOL:
		if (!cJSON_IsBool(json))
			return err_set(err, ST_REJECTED,
				       "abi: %s: true or false wanted",
				       name_of(t));
		*out = abi_bool(cJSON_IsTrue(json));
		return ST_OK;
	case ABI_ADDRESS:
		return hex_from(out, a, t, cJSON_GetStringValue(json), 20, err);
	case ABI_FUNCTION:
		return hex_from(out, a, t, cJSON_GetStringValue(json), 24, err);
	case ABI_FIXED_BYTES:
		return hex_from(out, a, t, cJSON_GetStringValue(json), t->size,
				err);
	case ABI_BYTES:
		return hex_from(out, a, t, cJSON_GetStringValue(json), 0, err);
	case ABI_STRING:
		return string_from(out, a, t, json, err);
	case ABI_ARRAY:
	case ABI_LIST:
		return list_from(out, a, t, json, err);
	case ABI_TUPLE:
		return tuple_from(out, a, t, json, err);
	}
	abort();
}
