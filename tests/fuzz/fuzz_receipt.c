/* Receipts as a node sends them: their root does not depend on the order in
 * which they stand, and each that is part of one encodes alone. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/receipt.h"
#include "core/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_JSON cJSON *root = NULL;
	struct hash32 one, two;
	cJSON *item;

	if (json_parse(&root, (const char *)data, size, "fuzz", NULL) !=
		ST_OK ||
	    receipts_root(&one, root, NULL) != ST_OK)
		return 0;
	cJSON_ArrayForEach(item, root)
	{
		AUTO_BUF out = BUF_NULL;

		buf_init(&out, size + 1024);
		if (receipt_encode(&out, item, NULL) != ST_OK)
			abort();
	}
	item = cJSON_DetachItemFromArray(root, 0);
	if (item)
		cJSON_AddItemToArray(root, item);
	if (receipts_root(&two, root, NULL) != ST_OK)
		abort();
	assert(memcmp(one.b, two.b, 32) == 0);
	return 0;
}
