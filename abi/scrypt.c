/*
 * scrypt (RFC 7914), for the parameters that OpenSSL's refuses: those with n
 * at or above 2^(16 r). Working memory is wiped. Not for anything else.
 */
#include "abi/scrypt.h"

#include <openssl/evp.h>
#include <string.h>

#include "core/mem.h"

static uint32_t rotl(uint32_t v, unsigned n)
{
	return v << n | v >> (32 - n);
}

static void quarter(uint32_t x[16], size_t a, size_t b, size_t c, size_t d)
{
	x[b] ^= rotl(x[a] + x[d], 7);
	x[c] ^= rotl(x[b] + x[a], 9);
	x[d] ^= rotl(x[c] + x[b], 13);
	x[a] ^= rotl(x[d] + x[c], 18);
}

static void salsa20_8(uint32_t block[16])
{
	uint32_t x[16];

	memcpy(x, block, sizeof(x));
	for (int round = 0; round < 8; round += 2) {
		for (size_t i = 0; i < 4; i++) /* columns */
			quarter(x, 5 * i, (5 * i + 4) % 16, (5 * i + 8) % 16,
				(5 * i + 12) % 16);
		for (size_t i = 0; i < 4; i++) /* rows */
			quarter(x, 5 * i, 4 * i + (i + 1) % 4,
				4 * i + (i + 2) % 4, 4 * i + (i + 3) % 4);
	}
	for (size_t i = 0; i < 16; i++)
		block[i] += x[i];
}

/* @b: 2 r blocks of 16 words, mixed in place; @tmp: as large */
static void block_mix(uint32_t *b, uint32_t *tmp, size_t r)
{
	uint32_t x[16];

	memcpy(x, b + (2 * r - 1) * 16, sizeof(x));
	for (size_t i = 0; i < 2 * r; i++) {
		for (size_t k = 0; k < 16; k++)
			x[k] ^= b[i * 16 + k];
		salsa20_8(x);
		memcpy(tmp + (i / 2 + (i % 2) * r) * 16, x, sizeof(x));
	}
	memcpy(b, tmp, 32 * r * sizeof(uint32_t));
}

static void ro_mix(uint32_t *b, uint32_t *v, uint32_t *tmp, size_t n, size_t r)
{
	size_t words = 32 * r;

	for (size_t i = 0; i < n; i++) {
		memcpy(v + i * words, b, words * sizeof(uint32_t));
		block_mix(b, tmp, r);
	}
	for (size_t i = 0; i < n; i++) {
		const uint32_t *last = b + (2 * r - 1) * 16;
		uint64_t wide = (uint64_t)last[1] << 32 | last[0];
		const uint32_t *from = v + (size_t)(wide & (n - 1)) * words;

		for (size_t k = 0; k < words; k++)
			b[k] ^= from[k];
		block_mix(b, tmp, r);
	}
}

/* Bytes are little-endian words, whatever the machine is. */
static void to_words(uint32_t *out, const uint8_t *in, size_t words)
{
	for (size_t i = 0; i < words; i++, in += 4)
		out[i] = (uint32_t)in[0] | (uint32_t)in[1] << 8 |
			 (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

static void to_bytes(uint8_t *out, const uint32_t *in, size_t words)
{
	for (size_t i = 0; i < words; i++)
		for (size_t k = 0; k < 4; k++)
			*out++ = (uint8_t)(in[i] >> (8 * k));
}

static void wipe_free(void *p, size_t n)
{
	explicit_bzero(p, n);
	free(p);
}

enum status scrypt_derive(uint8_t out32[32], const char *password, size_t plen,
			  const uint8_t *salt, size_t slen, uint64_t n,
			  uint32_t r, uint32_t p, struct err *err)
{
	size_t words = 32 * (size_t)r, lane = 4 * words, all = lane * p;
	uint8_t *bytes = mem_zalloc(all);
	uint32_t *b = mem_array(words, 4), *tmp = mem_array(words, 4);
	uint32_t *v = mem_array((size_t)n, lane);
	int ok = PKCS5_PBKDF2_HMAC(password, (int)plen, salt, (int)slen, 1,
				   EVP_sha256(), (int)all, bytes);

	for (size_t i = 0; ok == 1 && i < p; i++) {
		to_words(b, bytes + i * lane, words);
		ro_mix(b, v, tmp, (size_t)n, r);
		to_bytes(bytes + i * lane, b, words);
	}
	if (ok == 1)
		ok = PKCS5_PBKDF2_HMAC(password, (int)plen, bytes, (int)all, 1,
				       EVP_sha256(), 32, out32);
	wipe_free(bytes, all);
	wipe_free(b, lane);
	wipe_free(tmp, lane);
	wipe_free(v, (size_t)n * lane);
	if (ok != 1)
		return err_set(err, ST_FATAL, "scrypt: PBKDF2 failed");
	return ST_OK;
}
