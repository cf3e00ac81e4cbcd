#ifndef CX_INDEXER_ASK_H
#define CX_INDEXER_ASK_H

#include "indexer/feed.h"
#include "indexer/filter.h"

/*
 * A batch of questions about blocks, written and sent (execution-apis, methods
 * eth_*). `struct ask a; ask_init(&a); ask_block(&a, n); … ask_send(…)`.
 */
#define ASK_MAX 256 /* in one batch: some providers allow no more than 100 */

struct ask {
	struct buf params; /* one after another, each ended by a zero byte */
	struct {
		const char *method;
		size_t at;
	} items[ASK_MAX];
	size_t count;
};

void ask_init(struct ask *a);

/** ask_block - the header at @number */
void ask_block(struct ask *a, uint64_t number);
/** ask_tag - the header at "latest", "safe" or "finalized" */
void ask_tag(struct ask *a, const char *tag);
/** ask_block_of - the header with @hash, and its transactions' hashes */
void ask_block_of(struct ask *a, const struct hash32 *hash);
/** ask_logs - our logs of blocks @from to @to */
void ask_logs(struct ask *a, const struct filter *f, uint64_t from,
	      uint64_t to);
/** ask_logs_of - our logs of the block with @hash (EIP-234) */
void ask_logs_of(struct ask *a, const struct filter *f,
		 const struct hash32 *hash);
/** ask_receipts - all receipts of the block with @hash */
void ask_receipts(struct ask *a, const struct hash32 *hash);
/** ask_receipt - the receipt of one transaction */
void ask_receipt(struct ask *a, const struct hash32 *tx);

/** ask_code - the code of the contract at @address now */
void ask_code(struct ask *a, const struct address *address);

/** ask_send - as feed_ask(); @a is empty again afterwards, sent or not */
bool ask_send(struct ask *a, struct feed *feed, feed_done_fn done,
	      void *arg) MUST_CHECK;

/** ask_send_bulk - as feed_ask_bulk() */
bool ask_send_bulk(struct ask *a, struct feed *feed, feed_done_fn done,
		   void *arg) MUST_CHECK;

#endif
