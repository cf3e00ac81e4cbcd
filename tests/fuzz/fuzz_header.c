/* Headers as a node sends them: read within the text and hashed, or refused. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	struct header h;
	struct hash32 before, after;

	if (header_read(&h, (struct text){ p, size }, NULL) != ST_OK)
		return 0;
	assert(h.extra.n % 2 == 0 && h.extra.n <= size);
	assert(h.fork_fields <= HEADER_FORK_FIELDS);
	assert(h.number <= HEADER_NUMBER_MAX);
	before = header_hash(&h);
	h.hash.b[0] ^= 1; /* what the node states is no part of it */
	after = header_hash(&h);
	assert(memcmp(before.b, after.b, 32) == 0);
	h.state_root.b[0] ^= 1;
	after = header_hash(&h);
	assert(memcmp(before.b, after.b, 32) != 0);
	return 0;
}
