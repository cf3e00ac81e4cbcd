#ifndef CX_ABI_RECEIPT_H
#define CX_ABI_RECEIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/bloom.h"
#include "abi/log.h"
#include "abi/types.h"
#include "core/arena.h"
#include "core/err.h"
#include "core/scan.h"

#define RECEIPT_TYPE_MAX 4 /* EIP-7702; a newer type is not known here */

/* One receipt as a node tells it (execution-apis, schema "ReceiptInfo"). */
struct receipt {
	uint64_t type; /* EIP-2718; 0: legacy */
	bool has_status;
	uint64_t status;          /* EIP-658: 0 or 1, when there is one */
	struct hash32 state_root; /* before Byzantium: when there is none */
	uint64_t cumulative_gas_used;
	uint8_t bloom[BLOOM_BYTES];
	struct log *logs; /* in the arena, in the receipt's order */
	size_t log_count;
	uint32_t tx_index;
	struct hash32 tx_hash, block_hash;
	uint64_t block_number;
};

/* All receipts of one block. */
struct receipts {
	struct receipt *items; /* in the arena; items[i].tx_index is i */
	size_t count;
	struct logs logs; /* of all of them, in the block's order */
	bool numbered;    /* their logIndex counts from 0 without a gap */
};

/**
 * receipts_read - result of eth_getBlockReceipts
 * @out: set only on ST_OK; memory of @arena, which gives at most
 *	receipts_arena_max(@json.n)
 *
 * Nodes may send them in any order. Each log must state its receipt's block and
 * transaction. Types that this code does not know are read as the others.
 *
 * Return: ST_OK; ST_AGAIN for null (the node does not have the block);
 * ST_REJECTED naming the field that is missing or malformed, or when the
 * transactions' indices are not 0, 1, 2 …; ST_TRANSIENT when receipts or logs
 * are of different blocks or a log is marked removed.
 */
enum status receipts_read(struct receipts *out, struct arena *arena,
			  struct text json, struct err *err) MUST_CHECK;

/** receipt_read - result of eth_getTransactionReceipt; as receipts_read() */
enum status receipt_read(struct receipt *out, struct arena *arena,
			 struct text json, struct err *err) MUST_CHECK;

/**
 * receipts_join - a block's receipts, got one by one, in any order
 * @items: @n receipts, of @arena as their logs; sorted here, and their logs
 *	moved into one array
 *
 * Return: as receipts_read(). Takes n logs' sizes from @arena.
 */
enum status receipts_join(struct receipts *out, struct arena *arena,
			  struct receipt *items, size_t n,
			  struct err *err) MUST_CHECK;

/** receipts_arena_max - the most that reading @n bytes of text takes of an
 * arena, be it at once or receipt by receipt and joined */
size_t receipts_arena_max(size_t n);

/**
 * receipts_root - root of the trie of the receipts' consensus encoding (yellow
 * paper, section 4.3.1; EIP-2718 envelope for types 1 to 4)
 *
 * A root that equals the header's proves of the receipts all but the hashes of
 * transactions and block, and of the logs address, topics, data and order: then
 * @r->numbered tells whether logIndex is true as well.
 *
 * Return: ST_OK; ST_AGAIN for a type that this code does not know: the block is
 * unverifiable, not wrong.
 */
enum status receipts_root(struct hash32 *out, const struct receipts *r,
			  struct err *err) MUST_CHECK;

#endif
