#ifndef CX_ABI_LOG_H
#define CX_ABI_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/types.h"
#include "core/arena.h"
#include "core/err.h"
#include "core/scan.h"

#define LOG_TOPICS_MAX 4
/* Numbers go into bigint and integer columns. */
#define LOG_BLOCK_MAX  (INT64_MAX - 1)
#define LOG_INDEX_MAX  INT32_MAX

/* One log as a node tells it (execution-apis, schema "Log"). */
struct log {
	uint64_t block_number; /* at most LOG_BLOCK_MAX */
	struct hash32 block_hash, tx_hash;
	uint32_t tx_index, log_index; /* in the block; at most LOG_INDEX_MAX */
	struct address address;
	bool removed;         /* a reorg took it back: subscriptions say so */
	unsigned topic_count; /* 0 to LOG_TOPICS_MAX */
	struct hash32 topics[LOG_TOPICS_MAX];
	const uint8_t *data; /* in the arena; never NULL */
	size_t data_len;
};

struct logs {
	struct log *items; /* in the arena, by block and log index */
	size_t count;
};

/**
 * logs_read - result of eth_getLogs
 * @out: set only on ST_OK; memory of @arena, which gives at most
 *	logs_arena_max(@json.n)
 *
 * Logs are sorted here: some backends answer out of order. Members that this
 * code does not know are skipped. Whether the blocks were asked for is for the
 * caller to check: the first and the last item tell.
 *
 * Return: ST_OK; ST_REJECTED naming the field that is missing or malformed, or
 * when two logs have one place; ST_TRANSIENT when a log is marked removed or
 * two blocks stand at one height: a reorg came between.
 */
enum status logs_read(struct logs *out, struct arena *arena, struct text json,
		      struct err *err) MUST_CHECK;

/** log_read - one log, of a subscription's message; may be marked removed */
enum status log_read(struct log *out, struct arena *arena, struct text json,
		     struct err *err) MUST_CHECK;

/** logs_arena_max - the most that reading @n bytes of text takes of an arena */
size_t logs_arena_max(size_t n);

/**
 * log_hash - SHA-256 of what makes the log's row, in this layout:
 *
 *	block_hash 32 ‖ tx_hash 32 ‖ tx_index 4 ‖ log_index 4 ‖ address 20 ‖
 *	topic_count 1 ‖ topics 32 each ‖ data, the rest
 *
 * with big-endian integers. The block's number follows from its hash.
 */
void log_hash(uint8_t out[static 32], const struct log *log);

/*
 * Digest of a multiset of logs, whatever their order: the sum modulo 2^256 of
 * their hashes as big-endian numbers. Two databases that differ by accident or
 * by a node's omission have different sums. It is no defence against someone
 * who can choose thousands of logs of one sum freely (Wagner's generalised
 * birthday attack finds sets of equal sum): what must withstand that compares
 * block by block, and the count too.
 */
struct log_sum {
	uint8_t b[32]; /* all zero: of no log */
};

void log_sum_add(struct log_sum *sum, const struct log *log);
/** log_sum_merge - add what another sum holds */
void log_sum_merge(struct log_sum *sum, const struct log_sum *other);
/** log_sum_sub - take away what another sum holds */
void log_sum_sub(struct log_sum *sum, const struct log_sum *other);

#endif
