/* Keystore files: opened, or refused. Those whose parameters are allowed but
 * dear are left out, so that each run takes no time; those beyond the bounds
 * must be refused before any work is done. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/keystore.h"
#include "core/json.h"

#define CHEAP_WORK   4096
#define CHEAP_ROUNDS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t number(const cJSON *params, const char *key)
{
	uint64_t v = 0;

	(void)!json_u64(&v, params, key, NULL);
	return v;
}

static bool dear(const cJSON *root, const char *section)
{
	const cJSON *params = cJSON_GetObjectItemCaseSensitive(
	    cJSON_GetObjectItemCaseSensitive(root, section), "kdfparams");
	uint64_t n = number(params, "n"), r = number(params, "r"),
		 p = number(params, "p"), c = number(params, "c");

	if (c > CHEAP_ROUNDS && c <= KEYSTORE_PBKDF2_MAX)
		return true;
	return n <= 1u << 24 && r <= 64 && p <= 64 && n * r * p > CHEAP_WORK &&
	       n * r * p <= KEYSTORE_SCRYPT_WORK;
}

static void round_trip(const uint8_t key[32])
{
	uint8_t again[32];
	AUTO_BUF out = BUF_NULL;

	buf_init(&out, KEYSTORE_JSON_MAX);
	if (keystore_encrypt(&out, key, "other", 5, 1, NULL) != ST_OK ||
	    keystore_decrypt(buf_str(&out), out.len, "other", 5, again, NULL) !=
		ST_OK)
		abort();
	assert(memcmp(key, again, sizeof(again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_JSON cJSON *root = NULL;
	const char *text = (const char *)data;
	uint8_t key[32];

	if (json_parse(&root, text, size, "fuzz", NULL) == ST_OK &&
	    (dear(root, "crypto") || dear(root, "Crypto")))
		return 0;
	if (keystore_decrypt(text, size, "p", 1, key, NULL) == ST_OK)
		round_trip(key);
	return 0;
}
