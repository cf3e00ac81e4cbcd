/* A node's message: parsed with bounds, then read as an answer to a call and
 * to a batch. */
#include "core/json.h"
#include "core/rpc_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_JSON cJSON *root = NULL;
	struct err err;

	if (json_parse(&root, (const char *)data, size, "fuzz", &err) != ST_OK)
		return 0;
	for (size_t n = 1; n <= 3; n++) {
		struct rpc_answer a;

		rpc_answer_init(&a, n);
		if (rpc_answer_read(&a, 1, n, n > 1, root, &err) == ST_OK) {
			for (size_t i = 0; i < n && !a.refused; i++) {
				if (!a.results[i] && !a.errors[i].message)
					abort();
			}
		}
		rpc_answer_deinit(&a);
	}
	return 0;
}
