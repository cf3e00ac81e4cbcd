/* A node's message: with bounds as a tree, and read as an answer to a call and
 * to batches. What is cut out of it for an item must be a value. */
#include "core/json.h"
#include "core/rpc_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_item(const struct rpc_item *item)
{
	struct scan s;

	if (!item->result.p == !item->error.message)
		abort();
	if (item->error.message) {
		if (strlen(item->error.message) > RPC_MESSAGE_MAX)
			abort();
		return;
	}
	scan_init(&s, item->result.p, item->result.n);
	scan_skip(&s);
	if (scan_end(&s, "result", NULL) != ST_OK)
		abort();
}

static void read_answer(const char *p, size_t size, size_t n, bool batch)
{
	struct rpc_message m;
	struct rpc_answer a;
	struct err err;

	/* the front of anything: found means a number */
	if (rpc_message_front(&m, p, size) && !m.first.has_id)
		abort();
	if (rpc_message_start(&m, p, size, &err) != ST_OK)
		return;
	rpc_answer_init(&a, n);
	if (rpc_answer_read(&a, 1, batch, &m, &err) == ST_OK) {
		for (size_t i = 0; i < n; i++)
			check_item(&a.items[i]);
	}
	rpc_answer_deinit(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_JSON cJSON *root = NULL;
	const char *p = (const char *)data;
	struct err err;

	if (json_parse(&root, p, size, "fuzz", &err) != ST_OK && root)
		abort();
	read_answer(p, size, 1, false);
	for (size_t n = 1; n <= 3; n++)
		read_answer(p, size, n, true);
	return 0;
}
