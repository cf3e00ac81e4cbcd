/*
 * RLP encoding into a struct buf. Only ever writes the canonical form.
 * Decoding is in rlp_decode.c.
 */
#include "abi/rlp.h"

#include <assert.h>
#include <string.h>

#include "abi/u256.h"

size_t rlp_header(uint8_t out[static 9], bool list, size_t len)
{
	uint8_t base = list ? 0xc0 : 0x80;
	size_t n = 0;

	if (len < 56) {
		out[0] = (uint8_t)(base + len);
		return 1;
	}
	for (size_t rest = len; rest; rest >>= 8)
		n++;
	out[0] = (uint8_t)(base + 55 + n);
	for (size_t i = 0; i < n; i++)
		out[n - i] = (uint8_t)(len >> (8 * i));
	return n + 1;
}

void rlp_add_bytes(struct buf *b, const void *p, size_t n)
{
	const uint8_t *in = p;
	uint8_t header[9];

	if (n == 1 && in[0] < 0x80) {
		buf_add_byte(b, in[0]);
		return;
	}
	buf_add(b, header, rlp_header(header, false, n));
	if (n > 0)
		buf_add(b, in, n);
}

void rlp_add_u256(struct buf *b, const struct u256 *v)
{
	size_t n = (u256_bits(v) + 7) / 8;
	uint8_t be[32];

	u256_to_be(be, v);
	rlp_add_bytes(b, be + 32 - n, n);
}

void rlp_add_u64(struct buf *b, uint64_t v)
{
	struct u256 wide = u256_from_u64(v);

	rlp_add_u256(b, &wide);
}

void rlp_add_raw(struct buf *b, const void *p, size_t n)
{
	buf_add(b, p, n);
}

size_t rlp_list_begin(const struct buf *b)
{
	return b->len;
}

void rlp_list_end(struct buf *b, size_t mark)
{
	uint8_t header[9];
	size_t payload, n;

	assert(mark <= b->len);
	payload = b->len - mark;
	n = rlp_header(header, true, payload);
	buf_add_zeros(b, n);
	if (b->overflow)
		return;
	memmove(b->data + mark + n, b->data + mark, payload);
	memcpy(b->data + mark, header, n);
}

uint8_t *rlp_put_bytes(uint8_t *p, const void *bytes, size_t n)
{
	const uint8_t *in = bytes;

	if (n == 1 && in[0] < 0x80) {
		*p = in[0];
		return p + 1;
	}
	p += rlp_header(p, false, n);
	if (n > 0)
		memcpy(p, in, n);
	return p + n;
}

uint8_t *rlp_put_u64(uint8_t *p, uint64_t v)
{
	size_t n = (size_t)(64 - (v ? __builtin_clzll(v) : 64) + 7) / 8;

	if (n == 1 && v < 0x80) {
		*p = (uint8_t)v;
		return p + 1;
	}
	*p++ = (uint8_t)(0x80 + n);
	for (size_t i = n; i-- > 0;)
		*p++ = (uint8_t)(v >> (8 * i));
	return p;
}

uint8_t *rlp_put_u256(uint8_t *p, const struct u256 *v)
{
	size_t n = (u256_bits(v) + 7) / 8;
	uint8_t be[32];

	u256_to_be(be, v);
	return rlp_put_bytes(p, be + 32 - n, n);
}

size_t rlp_size(size_t len)
{
	uint8_t header[9];

	return rlp_header(header, false, len) + len;
}
