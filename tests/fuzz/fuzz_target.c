/* Any bytes as the plaintext of a restream target, which anyone may seal. */
#include <assert.h>
#include <string.h>

#include "bridge/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t contract[20] = { 0x11 }, host[20] = { 0x22 };
	const struct target_scope scope = { .chain_id = 1,
					    .contract20 = contract,
					    .host20 = host,
					    .room = "42" };
	struct target t;

	if (target_parse(&t, (const char *)data, size, &scope) == TARGET_GOOD) {
		assert(strlen(t.url) <= TARGET_URL_MAX);
		assert(strlen(t.key) <= TARGET_KEY_MAX);
		assert(*t.host && strstr(t.url, t.host));
		assert(!strpbrk(t.host, "/?#@"));
		target_wipe(&t);
	}
	return 0;
}
