/* A node's words: 16 bytes are the request, the rest is the message. Whatever
 * it says, a range that comes out lies inside the request and is smaller. */
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "indexer/refusal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t range[2];
	AUTO_FREE char *text = NULL;
	struct refusal r;

	if (size < sizeof(range))
		return 0;
	memcpy(range, data, sizeof(range));
	text = mem_strndup((const char *)data + sizeof(range),
			   size - sizeof(range));
	r = refusal_read(-32000, text, range[0], range[1]);
	if (!*refusal_name(r.kind))
		abort();
	if (r.kind != REFUSAL_RANGE) {
		if (r.from || r.to || r.blocks)
			abort();
		return 0;
	}
	if (r.from < range[0] || r.to > range[1] || r.from > r.to ||
	    r.to - r.from >= range[1] - range[0] ||
	    r.blocks != r.to - r.from + 1)
		abort();
	return 0;
}
