#ifndef CX_ABI_RECEIPT_H
#define CX_ABI_RECEIPT_H

#include <cjson/cJSON.h>

#include "abi/types.h"
#include "core/buf.h"
#include "core/err.h"

#define RECEIPT_TYPE_MAX 4 /* EIP-7702; a newer type is not known here */

/**
 * receipt_encode - consensus encoding of one receipt (yellow paper, section
 * 4.3.1; EIP-2718 envelope for types 1 to 4; EIP-658 status, or the state
 * root of blocks before Byzantium)
 * @out: appended to
 * @receipt: result of eth_getTransactionReceipt or a member of
 *	eth_getBlockReceipts
 *
 * Return: ST_OK; ST_AGAIN for a type or shape that this code does not know
 * (the block is then unverifiable, not wrong); ST_REJECTED naming a field that
 * is missing or malformed.
 */
enum status receipt_encode(struct buf *out, const cJSON *receipt,
			   struct err *err) MUST_CHECK;

/**
 * receipts_root - root of a block's receipts, in the order of their
 * transactionIndex, which must run from 0 without a gap
 * @receipts: JSON array of all receipts of one block
 *
 * Return: as receipt_encode().
 */
enum status receipts_root(struct hash32 *out, const cJSON *receipts,
			  struct err *err) MUST_CHECK;

#endif
