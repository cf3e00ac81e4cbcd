/*
 * From a node's block to what the indexer keeps of it, with the verdict of the
 * hash over the header's fields. Pure; asks nobody and believes nothing.
 */
#include "indexer/head.h"

#include "abi/header.h"

static enum head_proof prove(const struct header *h)
{
	struct hash32 hash;

	if (h->incomplete)
		return HEAD_STRANGE;
	hash = header_hash(h);
	if (hash32_eq(&hash, &h->hash))
		return HEAD_PROVEN;
	return h->unknown_fields ? HEAD_STRANGE : HEAD_WRONG;
}

enum status head_read(struct head *out, struct text json, struct err *err)
{
	struct header h;
	enum status st = header_read(&h, json, err);

	if (st != ST_OK)
		return st;
	*out = (struct head){
		.number = h.number,
		.time = h.timestamp,
		.gas_limit = h.gas_limit,
		.hash = h.hash,
		.parent = h.parent_hash,
		.receipts_root = h.receipts_root,
		.proof = prove(&h),
	};
	memcpy(out->bloom, h.bloom, BLOOM_BYTES);
	return ST_OK;
}
