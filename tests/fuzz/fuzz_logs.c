/* Logs as a node sends them: within the arena that their text pays for, in
 * order, and each the same when it is read alone. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void sum_each(struct log_sum *sum, struct arena *a, const uint8_t *data,
		     size_t size)
{
	struct scan s;
	struct text one;
	struct log log;

	scan_init(&s, (const char *)data, size);
	for (scan_array(&s); scan_item(&s);) {
		if (!scan_value(&s, &one) ||
		    log_read(&log, a, one, NULL) != ST_OK)
			abort();
		log_sum_add(sum, &log);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) struct arena *a = arena_new(logs_arena_max(size));
	AUTO(arena) struct arena *b = arena_new(logs_arena_max(size));
	struct text text = { (const char *)data, size };
	struct log_sum one = { 0 }, two = { 0 };
	struct logs logs;

	if (logs_read(&logs, a, text, NULL) != ST_OK)
		return 0;
	for (size_t i = 0; i < logs.count; i++) {
		const struct log *log = &logs.items[i];

		assert(log->topic_count <= LOG_TOPICS_MAX && log->data);
		assert(!log->removed && log->block_number <= LOG_BLOCK_MAX);
		assert(i == 0 || log[-1].block_number < log->block_number ||
		       log[-1].log_index < log->log_index);
		log_sum_add(&one, log);
	}
	sum_each(&two, b, data, size);
	assert(memcmp(one.b, two.b, 32) == 0);
	return 0;
}
