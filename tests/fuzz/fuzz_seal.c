/* Envelopes: a hostile one opens or is refused and leaves no bytes behind; a
 * key that passes the check can be sealed to; what is sealed opens, and does
 * not after one bit of it has changed. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/seal.h"
#include "core/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The secrets of SEALING.md's vectors: 3 receives, 2 is the ephemeral one. */
static const uint8_t recipient[32] = { [31] = 3 };
static const uint8_t ephemeral[32] = { [31] = 2 };
static const uint8_t nonce[16] = { 1, 2, 3 };

static void try_open(const uint8_t *data, size_t size)
{
	AUTO_SECRET_BUF plain = BUF_NULL;

	buf_init(&plain, SEAL_PLAIN_MAX);
	if (seal_open(&plain, recipient, data, size, NULL) == ST_OK)
		assert(plain.len + seal_overhead(data[0]) == size);
	else
		assert(plain.len == 0);
}

static void try_key(const uint8_t *data, size_t size)
{
	AUTO_BUF out = BUF_NULL;
	enum status st;

	buf_init(&out, 1024);
	st = seal_box_with(&out, data, size, ephemeral, nonce,
			   (const uint8_t *)"x", 1, NULL);
	assert((st == ST_OK) == (seal_check_key(data, size) == SEAL_KEY_GOOD));
}

static void round_trip(uint8_t suite, const uint8_t *data, size_t size)
{
	uint8_t key[SEAL_KEY_MAX];
	size_t n;
	AUTO_BUF out = BUF_NULL;
	AUTO_SECRET_BUF plain = BUF_NULL;

	buf_init(&out, SEAL_PLAIN_MAX + 256);
	buf_init(&plain, SEAL_PLAIN_MAX);
	if (seal_public_key(key, &n, suite, recipient, NULL) != ST_OK ||
	    seal_box_with(&out, key, n, ephemeral, nonce, data, size, NULL) !=
		ST_OK ||
	    seal_open(&plain, recipient, out.data, out.len, NULL) != ST_OK)
		abort();
	assert(plain.len == size);
	assert(size == 0 || memcmp(plain.data, data, size) == 0);
	buf_reset(&plain);
	n = size ? data[0] % out.len : 0;
	out.data[n] ^= (uint8_t)(1u << (size % 8));
	assert(seal_open(&plain, recipient, out.data, out.len, NULL) ==
	       ST_REJECTED);
	assert(plain.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_open(data, size);
	try_key(data, size);
	if (size > SEAL_PLAIN_MAX)
		return 0;
	round_trip(SEAL_SECP256K1, data, size);
	round_trip(SEAL_X25519, data, size);
	return 0;
}
