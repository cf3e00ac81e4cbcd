/* Transactions: what decodes encodes back to the same bytes, and its sender
 * is either recovered or refused. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/keccak.h"
#include "abi/tx.h"
#include "core/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) struct arena *a = arena_new(TX_ARENA_MAX);
	AUTO_BUF out = BUF_NULL;
	struct address who;
	struct tx tx;

	if (tx_decode(&tx, a, data, size, NULL) != ST_OK)
		return 0;
	buf_init(&out, size);
	tx_encode(&out, &tx);
	assert(!out.overflow && out.len == size);
	assert(memcmp(out.data, data, size) == 0);
	if (tx_sender(&who, &tx, NULL) == ST_OK)
		assert(tx.is_signed);
	if (!tx.is_signed) {
		struct hash32 want = keccak256(data, size);
		struct hash32 hash = tx_signing_hash(&tx);

		assert(memcmp(hash.b, want.b, 32) == 0);
	}
	return 0;
}
