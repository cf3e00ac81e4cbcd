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

/* What the chunk that is being written replaces. */
struct verify_healed {
	uint64_t first, blocks; /* none: 0 blocks */
	char *teller; /* who had told them otherwise; owned, or NULL */
};

struct verify {
	struct verify_opts opts;
	struct span_opts span_opts;
	enum verify_state state;
	bool paused, in_pass, give_up;
	bool stray;      /* the span is not of the chain that is followed */
	unsigned strays; /* in a row */
	uint64_t below;  /* this pass has looked at it and what is above;
			  * UINT64_MAX: at nothing yet */
	bool link_known;
	struct hash32 link; /* hash of the block before @below */
	uint64_t low;       /* of the blocks that the span begins with */
	size_t most;        /* headers of a span: fewer where refused */
	uint64_t next_at;
	struct span *span;
	struct hash32 span_hash; /* that its last block must have */
	struct rows *rows;       /* of the blocks that were wrong */
	struct verify_healed healed;
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
