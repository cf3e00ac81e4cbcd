/*
 * Hex text to bytes and back, and JSON-RPC quantities. Never quotes its input
 * in an error: the text may be a key.
 */
#include "abi/hex.h"

#include <string.h>

#include "abi/keccak.h"
#include "abi/u256.h"

static const char digits[] = "0123456789abcdef";

/* Value of each character plus one; 0: no digit. */
static const uint8_t values[256] = {
	['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
	['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
	['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

int hex_digit(char c)
{
	return values[(uint8_t)c] - 1;
}

char *hex_encode_bare(char *out, const void *p, size_t n)
{
	const uint8_t *in = p;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
	out[2 * n] = '\0';
	return out;
}

char *hex_encode(char *out, const void *p, size_t n)
{
	out[0] = '0';
	out[1] = 'x';
	hex_encode_bare(out + 2, p, n);
	return out;
}

void hex_add(struct buf *b, const void *p, size_t n)
{
	const uint8_t *in = p;

	buf_add(b, "0x", 2);
	for (size_t i = 0; i < n; i++) {
		buf_add_byte(b, (uint8_t)digits[in[i] >> 4]);
		buf_add_byte(b, (uint8_t)digits[in[i] & 15]);
	}
}

char *hex_address(char out[static HEX_ADDRESS_SIZE], const struct address *a)
{
	return hex_encode(out, a->b, sizeof(a->b));
}

char *hex_hash(char out[static HEX_HASH_SIZE], const struct hash32 *h)
{
	return hex_encode(out, h->b, sizeof(h->b));
}

char *hex_address_checksum(char out[static HEX_ADDRESS_SIZE],
			   const struct address *a)
{
	struct hash32 h;
	unsigned nibble;

	hex_address(out, a);
	h = keccak256(out + 2, 40);
	for (size_t i = 0; i < 40; i++) {
		nibble = i % 2 ? h.b[i / 2] & 15u : (unsigned)h.b[i / 2] >> 4;
		if (out[2 + i] >= 'a' && nibble >= 8)
			out[2 + i] = (char)(out[2 + i] - 'a' + 'A');
	}
	return out;
}

static bool all_digits(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (hex_digit(text[i]) < 0)
			return false;
	}
	return true;
}

static uint8_t byte_at(const char *text)
{
	return (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
}

static bool has_prefix(const char *text)
{
	return text[0] == '0' && text[1] == 'x';
}

enum status hex_decode_bare(void *out, size_t n, const char *text, size_t len,
			    const char *what, struct err *err)
{
	uint8_t *p = out;

	if (len != 2 * n)
		return err_set(err, ST_REJECTED,
			       "%s: %zu hex digits wanted, got %zu characters",
			       what, 2 * n, len);
	if (!all_digits(text, len))
		return err_set(err, ST_REJECTED, "%s: not hex", what);
	for (size_t i = 0; i < n; i++)
		p[i] = byte_at(text + 2 * i);
	return ST_OK;
}

enum status hex_decode_fixed(void *out, size_t n, const char *text,
			     const char *what, struct err *err)
{
	if (!has_prefix(text))
		return err_set(err, ST_REJECTED, "%s: 0x… wanted", what);
	return hex_decode_bare(out, n, text + 2, strlen(text + 2), what, err);
}

enum status hex_decode_buf(struct buf *out, const char *text, const char *what,
			   struct err *err)
{
	size_t len;

	if (!has_prefix(text))
		return err_set(err, ST_REJECTED, "%s: 0x… wanted", what);
	text += 2;
	len = strlen(text);
	if (len % 2)
		return err_set(err, ST_REJECTED, "%s: odd count of hex digits",
			       what);
	if (!all_digits(text, len))
		return err_set(err, ST_REJECTED, "%s: not hex", what);
	for (size_t i = 0; i < len; i += 2)
		buf_add_byte(out, byte_at(text + i));
	return buf_check(out, what, err);
}

enum status hex_decode_address(struct address *out, const char *text,
			       const char *what, struct err *err)
{
	return hex_decode_fixed(out->b, sizeof(out->b), text, what, err);
}

enum status hex_decode_hash(struct hash32 *out, const char *text,
			    const char *what, struct err *err)
{
	return hex_decode_fixed(out->b, sizeof(out->b), text, what, err);
}

enum status hex_quantity_u256(struct u256 *out, const char *text,
			      const char *what, struct err *err)
{
	struct u256 v = { 0 };
	size_t len;

	if (!has_prefix(text))
		return err_set(err, ST_REJECTED, "%s: 0x… wanted", what);
	text += 2;
	len = strnlen(text, 65);
	if (len == 0 || len > 64 || !all_digits(text, len))
		return err_set(err, ST_REJECTED, "%s: not a hex quantity",
			       what);
	if (text[0] == '0' && len > 1)
		return err_set(err, ST_REJECTED,
			       "%s: quantity with leading zeros", what);
	for (size_t i = 0; i < len; i++) {
		v = u256_shl(&v, 4);
		v.w[0] |= (uint64_t)hex_digit(text[i]);
	}
	*out = v;
	return ST_OK;
}

enum status hex_quantity_u64(uint64_t *out, const char *text, const char *what,
			     struct err *err)
{
	struct u256 v;
	enum status st;

	st = hex_quantity_u256(&v, text, what, err);
	if (st != ST_OK)
		return st;
	if (!u256_to_u64(out, &v))
		return err_set(err, ST_REJECTED, "%s: above 64 bits", what);
	return ST_OK;
}

/* Sixteen characters at once, in the compilers' portable vectors. */
#define CHARS uint8_t __attribute__((vector_size(16)))
#define PAIRS uint16_t __attribute__((vector_size(16)))
#define BYTES uint8_t __attribute__((vector_size(8)))

/* The bytes of the 16 characters at @text; false lanes of @ok: no digit. */
static inline void decode_16(uint8_t *out, const char *text, CHARS *ok)
{
	CHARS c, number, letter, is_number, is_letter;
	PAIRS pair;
	BYTES bytes;

	memcpy(&c, text, sizeof(c));
	number = c - '0';
	letter = (c | 0x20) - 'a';
	is_number = (CHARS)(number <= 9);
	is_letter = (CHARS)(letter <= 5);
	*ok &= is_number | is_letter;
	/* Times and by, for shifts: gcc 12's analyzer takes a vector's width
	 * for a scalar's. */
	pair = (PAIRS)((number & is_number) | ((letter + 10) & is_letter));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	pair = (pair / 16 | pair) & 0xff;
#else
	pair = (pair * 16 | pair / 256) & 0xff;
#endif
	bytes = __builtin_convertvector(pair, BYTES);
	memcpy(out, &bytes, sizeof(bytes));
}

static bool decode_few(uint8_t *out, size_t n, const char *text)
{
	unsigned bad = 0; /* a character that is no digit sets high bits */

	for (size_t i = 0; i < n; i++) {
		unsigned hi = values[(uint8_t)text[2 * i]] - 1u;
		unsigned lo = values[(uint8_t)text[2 * i + 1]] - 1u;

		bad |= hi | lo;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return bad < 16;
}

bool hex_decode_digits(void *out, size_t n, const char *text)
{
	CHARS ok = ~(CHARS){ 0 };
	uint64_t half[2];
	uint8_t *p = out;
	size_t i = 0;

	if (n < 8)
		return decode_few(p, n, text);
	for (; i + 8 < n; i += 8)
		decode_16(p + i, text + 2 * i, &ok);
	decode_16(p + n - 8, text + 2 * (n - 8), &ok);
	memcpy(half, &ok, sizeof(half));
	return (half[0] & half[1]) == UINT64_MAX;
}

static bool text_has_prefix(struct text t)
{
	return t.n >= 2 && has_prefix(t.p);
}

bool hex_decode_text(void *out, size_t n, struct text t)
{
	return text_has_prefix(t) && (t.n - 2) / 2 == n && t.n % 2 == 0 &&
	       hex_decode_digits(out, n, t.p + 2);
}

bool hex_check_text(struct text *out, struct text t)
{
	if (!text_has_prefix(t) || t.n % 2 || !all_digits(t.p + 2, t.n - 2))
		return false;
	*out = (struct text){ t.p + 2, t.n - 2 };
	return true;
}

bool hex_text_u256(struct u256 *out, struct text t)
{
	struct u256 v = { 0 };
	size_t n = t.n - 2;

	if (t.n < 3 || !has_prefix(t.p) || n > 64 || (n > 1 && t.p[2] == '0') ||
	    !all_digits(t.p + 2, n))
		return false;
	for (size_t i = 0; i < n; i++)
		v.w[i / 16] |= (uint64_t)hex_digit(t.p[t.n - 1 - i])
			       << 4 * (i % 16);
	*out = v;
	return true;
}

bool hex_text_u64(uint64_t *out, struct text t)
{
	uint64_t v = 0;

	if (t.n < 3 || t.n > 18 || !has_prefix(t.p) ||
	    (t.n > 3 && t.p[2] == '0'))
		return false;
	for (size_t i = 2; i < t.n; i++) {
		unsigned digit = values[(uint8_t)t.p[i]] - 1u;

		if (digit > 15)
			return false;
		v = v << 4 | digit;
	}
	*out = v;
	return true;
}

char *hex_put_quantity_u256(char out[static HEX_QUANTITY_SIZE],
			    const struct u256 *v)
{
	unsigned nibbles = (u256_bits(v) + 3) / 4;
	char *p = out;

	*p++ = '0';
	*p++ = 'x';
	if (nibbles == 0)
		*p++ = '0';
	while (nibbles-- > 0)
		*p++ = digits[v->w[nibbles / 16] >> (4 * (nibbles % 16)) & 15];
	*p = '\0';
	return out;
}

char *hex_put_quantity_u64(char out[static HEX_QUANTITY_SIZE], uint64_t v)
{
	struct u256 wide = u256_from_u64(v);

	return hex_put_quantity_u256(out, &wide);
}
