/*
 * The four vectors of abi/SEALING.md, and what a hostile envelope or key
 * meets. Interoperation with eciesjs and WebCrypto is tested in tests/e2e.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "abi/seal.h"
#include "core/mem.h"

static void from_hex(uint8_t *out, const char *hex)
{
	for (size_t i = 0; hex[2 * i]; i++) {
		unsigned int byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		out[i] = (uint8_t)byte;
	}
}

static void scalar(uint8_t out[32], uint8_t n)
{
	memset(out, 0, 32);
	out[31] = n;
}

struct vector {
	uint8_t suite;
	const char *derived, *envelope;
};

static const struct vector vectors[] = {
	{ SEAL_SECP256K1,
	  "6f982d63e8590c9d9b5b4c1959ff80315d772edd8f60287c9361d548d5200f82",
	  "04c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709e"
	  "e51ae168fea63dc339a3c58419466ceaeef7f632653266d0e1236431a950cfe5"
	  "2a000102030405060708090a0b0c0d0e0fcd524e38ae6b24a6d028219b0a7434"
	  "242fa68ed45c" },
	{ SEAL_X25519,
	  "d8f3f4d3ed301a58dd1309c372cfd147ad881dc44f495948b3e47c4e07114d0c",
	  "ad8c48c26765aea7adc536289605c1abea95050093dbd218c96abd2481a03565"
	  "000102030405060708090a0b0c0d0e0ff9dff7f9454590d0743252f69cb8a7b1"
	  "05d026dbb3" },
};

static void test_derive(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		uint8_t secret[32], peer_secret[32], want[32], got[32];
		uint8_t key[SEAL_KEY_MAX];
		size_t len = 0;
		struct err err;

		scalar(secret, 2);
		scalar(peer_secret, 3);
		from_hex(want, vectors[i].derived);
		assert_int_equal(seal_public_key(key, &len, vectors[i].suite,
						 peer_secret, &err),
				 ST_OK);
		assert_int_equal(seal_derive(got, vectors[i].suite, secret,
					     key + 1, len - 1, &err),
				 ST_OK);
		assert_memory_equal(got, want, 32);
	}
}

static void test_envelope(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		uint8_t recipient[32], ephemeral[32], nonce[16], want[256];
		uint8_t key[SEAL_KEY_MAX];
		size_t len = 0, want_len = strlen(vectors[i].envelope) / 2;
		struct err err;
		AUTO_BUF out = BUF_NULL, plain = BUF_NULL;

		buf_init(&out, 4096);
		buf_init(&plain, 4096);
		scalar(recipient, 3);
		scalar(ephemeral, 2);
		for (uint8_t n = 0; n < 16; n++)
			nonce[n] = n;
		from_hex(want, vectors[i].envelope);
		assert_int_equal(seal_public_key(key, &len, vectors[i].suite,
						 recipient, &err),
				 ST_OK);
		assert_true(seal_key_matches(key, len, recipient));
		assert_false(seal_key_matches(key, len - 1, recipient));
		assert_false(seal_key_matches(key, len, ephemeral));
		assert_false(seal_key_matches(key, 0, recipient));
		assert_int_equal(seal_box_with(&out, key, len, ephemeral, nonce,
					       (const uint8_t *)"hello", 5,
					       &err),
				 ST_OK);
		assert_int_equal(out.len, want_len + 1);
		assert_int_equal(out.data[0], vectors[i].suite);
		assert_memory_equal(out.data + 1, want, want_len);
		assert_int_equal(
		    seal_open(&plain, recipient, out.data, out.len, &err),
		    ST_OK);
		assert_string_equal(buf_str(&plain), "hello");
	}
}

/* Every altered byte and every shortened length must be refused. */
static void test_altered(void **state)
{
	(void)state;
	for (uint8_t suite = 1; suite <= 2; suite++) {
		uint8_t secret[32], key[SEAL_KEY_MAX];
		size_t key_len = 0;
		struct err err;
		AUTO_BUF out = BUF_NULL;

		buf_init(&out, 4096);
		assert_int_equal(seal_new_secret(secret, suite, &err), ST_OK);
		assert_int_equal(
		    seal_public_key(key, &key_len, suite, secret, &err), ST_OK);
		assert_int_equal(
		    seal_box(&out, key, key_len, (const uint8_t *)"x", 1, &err),
		    ST_OK);
		assert_int_equal(out.len, seal_overhead(suite) + 1);
		for (size_t i = 0; i < out.len; i++) {
			AUTO_BUF plain = BUF_NULL;

			/* X25519 ignores the top bit, but the KDF sees it */
			buf_init(&plain, 4096);
			out.data[i] ^= 0x80;
			assert_int_equal(
			    seal_open(&plain, secret, out.data, out.len, &err),
			    ST_REJECTED);
			assert_int_equal(plain.len, 0);
			out.data[i] ^= 0x80;
			assert_int_equal(
			    seal_open(&plain, secret, out.data, i, &err),
			    ST_REJECTED);
		}
	}
}

static void test_keys(void **state)
{
	uint8_t key[SEAL_KEY_MAX] = { 0 };

	(void)state;
	assert_int_equal(seal_check_key(key, 0), SEAL_KEY_MALFORMED);
	assert_int_equal(seal_check_key(key, 34), SEAL_KEY_MALFORMED);
	key[0] = 1;
	key[1] = 4;
	assert_int_equal(seal_check_key(key, 34), SEAL_KEY_MALFORMED);
	key[1] = 2;
	key[33] = 5; /* no point has x = 5 */
	assert_int_equal(seal_check_key(key, 34), SEAL_KEY_OFF_CURVE);
	key[33] = 1;
	assert_int_equal(seal_check_key(key, 34), SEAL_KEY_GOOD);
	assert_int_equal(seal_check_key(key, 33), SEAL_KEY_MALFORMED);
	memset(key, 0, sizeof(key));
	key[0] = 2;
	assert_int_equal(seal_check_key(key, 33), SEAL_KEY_OFF_CURVE);
	key[1] = 9;
	assert_int_equal(seal_check_key(key, 33), SEAL_KEY_GOOD);
	assert_int_equal(seal_check_key(key, 34), SEAL_KEY_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_derive),
		cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_altered),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
