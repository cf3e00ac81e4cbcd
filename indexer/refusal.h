#ifndef CX_INDEXER_REFUSAL_H
#define CX_INDEXER_REFUSAL_H

#include <stddef.h>
#include <stdint.h>

/*
 * What a node's error object means for an eth_getLogs request, read from the
 * words of the providers and clients listed in refusal.c. Pure.
 */
enum refusal_kind {
	REFUSAL_SPLIT = 0,   /* nobody's known words: bisect */
	REFUSAL_RANGE,       /* retry with from..to, see struct refusal */
	REFUSAL_TOO_MUCH,    /* too wide or too many results: shrink */
	REFUSAL_NOT_YET,     /* the block is not there yet: wait, same range */
	REFUSAL_SLOW,        /* rate limit or overload: wait, same range */
	REFUSAL_QUOTA,       /* not paid for, or not kept: set the endpoint
			      * aside for long */
	REFUSAL_UNSUPPORTED, /* the method does not exist there */
};

/**
 * struct refusal - the meaning of one error
 * @from, @to: REFUSAL_RANGE: a range that the node says it serves. It lies
 *	inside the request and is smaller. It begins where the request does,
 *	unless the node named one that begins later: blocks before @from and
 *	after @to are still to be asked for.
 * @blocks: REFUSAL_RANGE: to - from + 1, what the next requests may span
 */
struct refusal {
	enum refusal_kind kind;
	uint64_t from, to;
	uint64_t blocks;
};

/* core/rpc cuts messages here: a number that ends there may be half of one. */
#define REFUSAL_TEXT_MAX 300

/**
 * refusal_read - the meaning of error @code, @message to a request for the
 * blocks @from to @to
 * @message: may be hostile; only its first REFUSAL_TEXT_MAX bytes are read.
 *	NULL counts as empty
 *
 * A hint that is not smaller than the request, or lies outside, is none.
 */
struct refusal refusal_read(int64_t code, const char *message, uint64_t from,
			    uint64_t to);

/** refusal_row - for tests: the row of the table that decides, -1: none of
 * its refusal_rows() rows */
int refusal_row(const char *message, uint64_t from, uint64_t to);
size_t refusal_rows(void);

/** refusal_name - "split", "range", "too_much", "not_yet", "slow", "quota",
 * "unsupported" */
const char *refusal_name(enum refusal_kind kind);

#endif
