/* Headers as a node sends them: read within their bounds and hashed, or
 * refused. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/header.h"
#include "core/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_JSON cJSON *root = NULL;
	struct header h;
	struct hash32 before, after;

	if (json_parse(&root, (const char *)data, size, "fuzz", NULL) !=
		ST_OK ||
	    header_from_json(&h, root, NULL) != ST_OK)
		return 0;
	assert(h.extra_len <= HEADER_EXTRA_MAX);
	assert(h.fork_fields <= HEADER_FORK_FIELDS);
	before = header_hash(&h);
	h.hash.b[0] ^= 1; /* what the node states is no part of it */
	after = header_hash(&h);
	assert(memcmp(before.b, after.b, 32) == 0);
	h.state_root.b[0] ^= 1;
	after = header_hash(&h);
	assert(memcmp(before.b, after.b, 32) != 0);
	return 0;
}
