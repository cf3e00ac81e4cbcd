/*
 * ABI decoding: a signature, a zero byte, then data. What decodes without
 * flags encodes back to the same bytes; memory stays within what the header
 * promises; values survive JSON.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/abi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct abi_value *decode(const struct abi_type *t, struct arena *a,
				      const uint8_t *data, size_t size,
				      unsigned flags)
{
	size_t before = arena_used(a);
	const struct abi_value *v = NULL;

	if (abi_decode(&v, a, t, data, size, flags, NULL) != ST_OK)
		v = NULL;
	assert(arena_used(a) - before <= abi_decode_arena_max(size));
	return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) struct arena *a = arena_new((size_t)1 << 30);
	const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
	const struct abi_entry *e;
	const struct abi_value *v;
	struct abi_value back;
	AUTO_BUF out = BUF_NULL;
	cJSON *json;

	buf_init(&out, size + 1);
	if (!zero || abi_entry_parse(&e, a, (const char *)data,
				     ABI_ENTRY_FUNCTION, NULL) != ST_OK)
		return 0;
	size -= (size_t)(zero + 1 - data);
	data = zero + 1;
	decode(e->inputs, a, data, size, ABI_ANY_LAYOUT | ABI_ANY_PADDING);
	v = decode(e->inputs, a, data, size, 0);
	if (!v)
		return 0;
	json = abi_params_to_json(e->inputs, v);
	if (abi_from_json(&back, a, e->inputs, json, NULL) != ST_OK ||
	    abi_encode(&out, e->inputs, back.list.items, back.list.n, NULL) !=
		ST_OK)
		abort();
	cJSON_Delete(json);
	assert(out.len == size &&
	       (size == 0 || memcmp(out.data, data, size) == 0));
	return 0;
}
