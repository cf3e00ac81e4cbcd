#ifndef CX_BENCH_HISTORY_H
#define CX_BENCH_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/types.h"
#include "core/mem.h"

/*
 * A chain of RoomCreated events in memory, as the JSON texts of a node: each
 * header's hash, parent link, bloom and receiptsRoot is genuine (an
 * Ethereum mainnet header since Prague, receipts of type 2). There are no
 * transactions behind it: their hashes and transactionsRoot are made up.
 * Nothing that was handed out moves: slices stay valid until history_free().
 */
struct history;

struct slice {
	const char *p;
	size_t n;
};

struct history_shape {
	uint64_t blocks;    /* after the empty block 0 */
	uint32_t per_block; /* events, 1 to 128 */
	bool one_tx;        /* all in one transaction, or one each */
	uint64_t more;      /* blocks that history_append() may add */
};

struct history *history_new(const struct history_shape *shape);
void history_free(struct history *h);
DEFINE_AUTO(history, history_free)

/** history_append - a block of one event on top; its number, or 0 when @more
 * of the shape are used up */
uint64_t history_append(struct history *h);

uint64_t history_head(const struct history *h);
uint64_t history_events(const struct history *h);

/** history_block - result of eth_getBlockByNumber without transaction
 * objects; @number must exist, here and below */
struct slice history_block(const struct history *h, uint64_t number);
/** history_header - members of that object that a newHeads message has, up to
 * and without the closing brace */
struct slice history_header(const struct history *h, uint64_t number);
/** history_logs - log objects of @from to @to with commas between; at least
 * one block */
struct slice history_logs(const struct history *h, uint64_t from, uint64_t to);

/* Single logs, for filters that most of them do not pass. */
struct history_log {
	struct slice text;
	struct hash32 topics[4];
};
/** history_first_log - first log of block @number; that of the next block is
 * the end */
uint64_t history_first_log(const struct history *h, uint64_t number);
struct history_log history_log(const struct history *h, uint64_t log);

/* A receipt is three slices in a row: its logs stand in the log texts. */
struct history_receipt {
	struct slice head, logs, tail;
};
/** history_first_tx - as history_first_log(), for receipts */
uint64_t history_first_tx(const struct history *h, uint64_t number);
struct history_receipt history_receipt(const struct history *h, uint64_t tx);

/** history_find_block, history_find_tx - by hash; false: unknown */
bool history_find_block(const struct history *h, const struct hash32 *hash,
			uint64_t *number);
bool history_find_tx(const struct history *h, const struct hash32 *hash,
		     uint64_t *tx);

/** history_digest - SHA-256 of all rows (event_row()) in chain order */
void history_digest(const struct history *h, uint8_t out[static 32]);

#endif
