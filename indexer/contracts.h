#ifndef CX_INDEXER_CONTRACTS_H
#define CX_INDEXER_CONTRACTS_H

#include "indexer/feed.h"
#include "indexer/schema.h"

/*
 * Whether the chain has code at every address of the config: a wrong address
 * or network would otherwise look like a contract without events.
 */
struct contracts;

/**
 * contracts_check - start asking
 * @done: once from the loop. ST_OK: all are there; ST_REJECTED: @err names
 *	the first that is not; ST_TRANSIENT: start again. Free it from there.
 */
struct contracts *
contracts_check(struct feed *feed, const struct schema *schema,
		void (*done)(void *arg, enum status st, const struct err *err),
		void *arg);
void contracts_free(struct contracts *c);

#endif
