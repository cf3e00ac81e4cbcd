#ifndef CX_INDEXER_FOLLOW_H
#define CX_INDEXER_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/types.h"

/*
 * What to do with a block that a node shows us: a pure decision over the
 * stored tail of the chain. A node that lags, or forgets its head, shows the
 * same blocks again, or ones older than all we hold, and is waited for; only a
 * different block whose parents were walked down to a block that we hold is a
 * reorg.
 */

/* A block as far as following needs it. */
struct follow_block {
	uint64_t number;
	struct hash32 hash, parent;
};

/* The last blocks stored, ascending, without gaps. */
struct follow_tail {
	struct follow_block *blocks; /* ring of @cap */
	size_t cap, first, count;
};

void follow_tail_init(struct follow_tail *t, size_t cap);
void follow_tail_deinit(struct follow_tail *t);
/** follow_tail_push - append; the oldest falls out when full. A block that
 * does not follow the last one empties the tail first. */
void follow_tail_push(struct follow_tail *t, const struct follow_block *b);
/** follow_tail_cut - forget blocks above @number */
void follow_tail_cut(struct follow_tail *t, uint64_t number);
/** follow_tail_get - the stored block at @number, or NULL; owned by @t */
const struct follow_block *follow_tail_get(const struct follow_tail *t,
					   uint64_t number);
/** follow_tail_tip - the last block, or NULL while empty */
const struct follow_block *follow_tail_tip(const struct follow_tail *t);

enum follow_action {
	FOLLOW_APPEND,       /* store the candidate */
	FOLLOW_ROLLBACK,     /* drop what is above @number */
	FOLLOW_FETCH,        /* get block @number of the canonical chain */
	FOLLOW_FETCH_PARENT, /* get the candidate's parent, by hash */
	FOLLOW_WAIT,         /* nothing new */
	FOLLOW_CONFIRM,      /* a shorter branch: wait, then look again */
	FOLLOW_TOO_DEEP,     /* branches below all that we may undo */
};

struct follow_step {
	enum follow_action action;
	uint64_t number;
};

struct follow_in {
	const struct follow_tail *tail;
	uint64_t start;     /* first block of interest */
	uint64_t max_depth; /* blocks that may be rolled back */
	uint64_t head;      /* highest block of the branch that was seen */
	bool patient; /* a shorter branch has been confirmed long enough */
};

/**
 * follow_next - decide about @cand
 *
 * FETCH names the block wanted next, tip + 1. FETCH_PARENT walks the new
 * branch down. ROLLBACK names the common ancestor (start - 1: nothing of what
 * is stored remains); asked again afterwards, with blocks of the new branch,
 * the answer is APPEND or FETCH.
 */
struct follow_step follow_next(const struct follow_in *in,
			       const struct follow_block *cand);

#endif
