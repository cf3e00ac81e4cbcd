#ifndef CX_INDEXER_VERIFY_INT_H
#define CX_INDEXER_VERIFY_INT_H

#include "indexer/progress.h"
#include "indexer/verify.h"

/* Shared by verify.c (which blocks, when) and verify_check.c (are they
 * right). */

enum verify_state {
	VERIFY_RESTING = 1, /* until next_at */
	VERIFY_CHOOSING,
	VERIFY_ASKING,
	VERIFY_COMPARING,
	VERIFY_WRITING,
};

struct verify {
	struct verify_opts opts;
	struct span_opts span_opts;
	enum verify_state state;
	bool paused, in_pass, give_up;
	uint64_t below; /* this pass has looked at it and what is above */
	uint64_t next_at;
	struct span *span;
	char told_by[256]; /* who told the unverified blocks */
	struct rows *rows; /* of the blocks that were wrong */
	struct verify_result result;
	struct progress progress;
	uv_timer_t *timer;
};

/** verify_check - compare the ready span with the database, replace what is
 * wrong, record what is known; ends in verify_chunk_done() */
void verify_check(struct verify *v);
/** verify_chunk_done - on to the next */
void verify_chunk_done(struct verify *v);

#endif
