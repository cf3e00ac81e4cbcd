#ifndef CX_INDEXER_VERIFY_H
#define CX_INDEXER_VERIFY_H

#include "indexer/span.h"
#include "indexer/store.h"

/*
 * What is stored against what is proven: headers and receipts of a hundred
 * blocks at a time, from high to low, each block's logs compared by their sum
 * with those in the database. A block that differs is replaced in one
 * transaction, and said so. The headers go down, parent by parent, from a block
 * that is known to be of the chain that is followed, so that blocks of another
 * one prove nothing.
 */
struct verify;

struct verify_result {
	uint64_t blocks;   /* looked at */
	uint64_t wrong;    /* that differed, and were replaced */
	uint64_t unproven; /* that no endpoint could prove now */
	uint64_t unverifiable;
};

struct verify_opts {
	uv_loop_t *loop;
	const struct config *config;
	const struct schema *schema;
	const struct filter *filter;
	struct feed *feed;
	struct store *store;
	/* The daemon: every block that is unverified and out of reach of
	 * reorgs, again and again, at the config's rate. A command: all blocks
	 * @from to @to, once, as fast as it goes. */
	bool once;
	uint64_t from, to; /* inclusive; only with @once */
	void (*on_done)(void *arg, const struct verify_result *r);
	void *arg;
};

struct verify *verify_new(const struct verify_opts *opts);
void verify_free(struct verify *v);
DEFINE_AUTO(verify, verify_free)

/** verify_pause - true: finish what is under way, begin nothing */
void verify_pause(struct verify *v, bool paused);

#endif
