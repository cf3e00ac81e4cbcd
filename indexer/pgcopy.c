/*
 * Values in Postgres' binary COPY format. Only writes bytes into a buffer;
 * the one who owns the buffer checks it for overflow.
 */
#include "indexer/pgcopy.h"

#include <string.h>

#include "abi/u256.h"

#define EPOCH_2000 946684800 /* Postgres counts from 2000-01-01 UTC */

static void put_be(struct buf *b, uint64_t v, unsigned n)
{
	uint8_t be[8];

	for (unsigned i = 0; i < n; i++)
		be[i] = (uint8_t)(v >> 8 * (n - 1 - i));
	buf_add(b, be, n);
}

void pgcopy_tuple(struct buf *b, unsigned columns)
{
	put_be(b, columns, 2);
}

void pgcopy_null(struct buf *b)
{
	put_be(b, UINT32_MAX, 4);
}

void pgcopy_bool(struct buf *b, bool v)
{
	put_be(b, 1, 4);
	buf_add_byte(b, v);
}

void pgcopy_i32(struct buf *b, int32_t v)
{
	put_be(b, 4, 4);
	put_be(b, (uint32_t)v, 4);
}

void pgcopy_i64(struct buf *b, int64_t v)
{
	put_be(b, 8, 4);
	put_be(b, (uint64_t)v, 8);
}

void pgcopy_bytes(struct buf *b, const void *p, size_t n)
{
	put_be(b, n, 4);
	if (n)
		buf_add(b, p, n);
}

void pgcopy_time(struct buf *b, uint64_t seconds)
{
	pgcopy_i64(b, ((int64_t)seconds - EPOCH_2000) * 1000000);
}

void pgcopy_numeric(struct buf *b, const struct u256 *v, bool is_signed)
{
	bool minus = is_signed && i256_is_negative(v);
	struct u256 rest = minus ? u256_neg(v) : *v;
	uint16_t digits[20]; /* base 10000, least significant first */
	unsigned n = 0, skip = 0;

	while (!u256_is_zero(&rest)) {
		uint64_t digit;

		rest = u256_divmod_u64(&rest, 10000, &digit);
		digits[n++] = (uint16_t)digit;
	}
	while (skip < n && digits[skip] == 0)
		skip++; /* trailing zeros are implied by the weight */
	put_be(b, 8 + 2 * (n - skip), 4);
	put_be(b, n - skip, 2);
	put_be(b, n ? n - 1 : 0, 2);
	put_be(b, minus ? 0x4000 : 0, 2);
	put_be(b, 0, 2);
	for (unsigned i = n; i > skip; i--)
		put_be(b, digits[i - 1], 2);
}

void pgcopy_jsonb(struct buf *b, const char *text, size_t n)
{
	put_be(b, n + 1, 4);
	buf_add_byte(b, 1);
	buf_add(b, text, n);
}
