/*
 * Keystore files: the two of the Web3 Secret Storage definition, our own both
 * ways, and files that ask for too much or do not fit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi/hex.h"
#include "abi/keystore.h"
#include "abi/secp.h"

#define SECRET                                                                 \
	"0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"

static const char pbkdf2[] =
    "{\"crypto\":{\"cipher\":\"aes-128-ctr\",\"cipherparams\":{\"iv\":"
    "\"6087dab2f9fdbbfaddc31a909735c1e6\"},\"ciphertext\":"
    "\"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46\","
    "\"kdf\":\"pbkdf2\",\"kdfparams\":{\"c\":262144,\"dklen\":32,\"prf\":"
    "\"hmac-sha256\",\"salt\":"
    "\"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd\"},"
    "\"mac\":"
    "\"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2\"},"
    "\"id\":\"3198bc9c-6672-5ab3-d995-4942343ae5b6\",\"version\":3}";

static const char scrypt[] =
    "{\"crypto\":{\"cipher\":\"aes-128-ctr\",\"cipherparams\":{\"iv\":"
    "\"83dbcc02d8ccb40e466191a123791e0e\"},\"ciphertext\":"
    "\"d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c\","
    "\"kdf\":\"scrypt\",\"kdfparams\":{\"dklen\":32,\"n\":262144,\"r\":1,"
    "\"p\":8,\"salt\":"
    "\"ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19\"},"
    "\"mac\":"
    "\"2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097\"},"
    "\"id\":\"3198bc9c-6672-5ab3-d995-4942343ae5b6\",\"version\":3}";

static enum status open_file(const char *json, const char *password,
			     uint8_t key[32])
{
	return keystore_decrypt(json, strlen(json), password, strlen(password),
				key, NULL);
}

static void test_official(void **state)
{
	const char *files[] = { pbkdf2, scrypt };
	uint8_t want[32], key[32];

	(void)state;
	assert_int_equal(hex_decode_fixed(want, 32, SECRET, "key", NULL),
			 ST_OK);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(open_file(files[i], "testpassword", key),
				 ST_OK);
		assert_memory_equal(key, want, 32);
		assert_int_equal(open_file(files[i], "wrong", key),
				 ST_REJECTED);
	}
}

static void test_round_trip(void **state)
{
	uint8_t key[32], back[32];
	AUTO_BUF out = BUF_NULL;

	(void)state;
	buf_init(&out, KEYSTORE_JSON_MAX);
	assert_int_equal(secp_new_key(key, NULL), ST_OK);
	assert_int_equal(keystore_encrypt(&out, key, "p", 1, 4, NULL), ST_OK);
	assert_int_equal(open_file(buf_str(&out), "p", back), ST_OK);
	assert_memory_equal(key, back, 32);
}

static void test_bounds(void **state)
{
	uint8_t key[32];
	char big[sizeof(scrypt)];
	char *n;

	(void)state;
	memcpy(big, scrypt, sizeof(scrypt));
	n = strstr(big, "262144");
	memcpy(n, "999999", 6); /* no power of two */
	assert_int_equal(open_file(big, "testpassword", key), ST_REJECTED);
	assert_int_equal(open_file("{}", "x", key), ST_REJECTED);
	assert_int_equal(open_file("{\"version\":3,\"crypto\":[]}", "x", key),
			 ST_REJECTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_official),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
