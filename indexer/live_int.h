#ifndef CX_INDEXER_LIVE_INT_H
#define CX_INDEXER_LIVE_INT_H

#include "indexer/ask.h"
#include "indexer/live.h"
#include "indexer/prove.h"

/* Shared by live.c and live_fetch.c only. */

#define LIVE_QUEUE 16 /* blocks fetched and committed together */

struct live {
	struct live_opts opts;
	bool busy, paused, settled;
	bool has_target;
	struct head target; /* latest head announced */
	uint64_t best;
	uint64_t branch_head; /* highest block of the branch being judged */
	uint64_t confirm_since, wait_until;
	uint64_t safe, finalized;
	bool asking_tags;
	struct head queue[LIVE_QUEUE]; /* linked, the first follows the tip */
	size_t queue_count;
	uint64_t fetch_from; /* of the question under way */
	struct hash32 fetch_hash;
	uint64_t undo_to;
	bool deep, deep_asked; /* the branch begins below all that may be
				* undone; its endpoint was asked who it is */
	struct prove *prove;   /* of the queue */
	unsigned lies;         /* in a row, about these blocks */
	unsigned endpoint;     /* who told the headers */
	struct rows *rows;
	uv_timer_t *timer;
};

/** live_fetch_range - headers from @from up to the target; ends in
 * live_got_heads() or live_retry() */
void live_fetch_range(struct live *l, uint64_t from, uint64_t to);
/** live_fetch_parent - one header by hash; ends in live_judge() */
void live_fetch_parent(struct live *l, const struct hash32 *hash);
/** live_fetch_logs - logs of the whole queue; ends in live_commit() */
void live_fetch_logs(struct live *l);
/** live_fetch_tags - which blocks are safe and finalized, in passing */
void live_fetch_tags(struct live *l);

/** live_confirm - whether the chain really has @branch where the new branch
 * begins, above @ancestor; ends in live_confirmed() or live_retry() */
void live_confirm(struct live *l, const struct head *branch, uint64_t ancestor);
/** live_confirmed - the chain left ours; @endpoint said so twice */
void live_confirmed(struct live *l, unsigned endpoint);

/** live_judge - act on a candidate */
void live_judge(struct live *l, const struct head *cand);
/** live_got_heads - queue[0..n) is linked in itself */
void live_got_heads(struct live *l);
/** live_commit - store the queue with its logs */
void live_commit(struct live *l);
/** live_retry - nothing came of it; try again after a moment */
void live_retry(struct live *l, const char *why);

#endif
