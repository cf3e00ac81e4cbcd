/* RLP: whatever validates must encode back to the same bytes. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/rlp.h"
#include "core/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void copy(struct buf *out, struct rlp *r)
{
	while (rlp_more(r)) {
		struct rlp before = *r, inner;
		struct rlp_item it;
		size_t mark;

		if (rlp_next(r, &it, NULL) != ST_OK)
			abort();
		if (!it.list) {
			rlp_add_bytes(out, it.data, it.len);
			continue;
		}
		if (rlp_enter(&before, &inner, NULL) != ST_OK)
			abort();
		mark = rlp_list_begin(out);
		copy(out, &inner);
		rlp_list_end(out, mark);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rlp r;
	AUTO_BUF out = BUF_NULL;

	buf_init(&out, size + 1);
	if (rlp_validate(data, size, NULL) != ST_OK)
		return 0;
	rlp_init(&r, data, size);
	copy(&out, &r);
	assert(out.len == size && memcmp(out.data, data, size) == 0);
	return 0;
}
