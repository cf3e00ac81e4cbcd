#ifndef CX_INDEXER_SPAN_H
#define CX_INDEXER_SPAN_H

#include "core/arena.h"
#include "indexer/cover.h"
#include "indexer/feed.h"
#include "indexer/filter.h"
#include "indexer/prove.h"
#include "indexer/range.h"

/*
 * The events of a span of old blocks, fetched until they are there. Either as
 * eth_getLogs tells them, which is quick; or proven, header by header and
 * receipts by receipts. A span that a node refuses becomes two.
 */
enum span_how {
	SPAN_TOLD = 1, /* the node's word; one block that eth_getLogs refuses
			* comes from its receipts */
	SPAN_PROVEN,   /* at most SPAN_PROVEN_MAX blocks, linked in themselves:
			* whoever asks knows a neighbour, and compares */
};

#define SPAN_PROVEN_MAX 100 /* headers in one question */

enum span_state {
	SPAN_WAITING, /* to be sent at retry_at */
	SPAN_ASKING,
	SPAN_READY,
};

/* A block with events of ours. */
struct span_block {
	struct head head;
	struct logs logs; /* ours, in order */
};

struct span;

struct span_opts {
	struct feed *feed;
	const struct filter *filter;
	enum span_how how;
	/* @s is ready, or waits again: with a new @s->next where it was split.
	 * Comes from the loop. */
	void (*changed)(void *arg, struct span *s);
	void *arg;
};

struct span {
	struct span *next;
	const struct span_opts *opts;
	struct range *range; /* told what was answered and refused */
	struct range_span r;
	enum span_state state;
	enum span_how how;
	uint64_t prove_to; /* proven: above it, headers alone */
	uint64_t retry_at;
	unsigned tries, lies;

	/* while SPAN_READY */
	struct head last; /* of r.to */
	struct span_block *blocks;
	size_t block_count, log_count;
	struct cover_span *covers; /* together from r.from to r.to, or to
				    * prove_to; not marked as linked */
	size_t cover_count;
	size_t bytes;      /* of the answer (told), of the logs (proven) */
	unsigned endpoint; /* who told the logs */

	struct arena *arena;
	struct head *heads; /* proven: of all blocks */
	size_t head_count, heads_have;
	struct prove *prove;
};

/** span_new - waits to be sent; @opts must outlive it */
struct span *span_new(const struct span_opts *opts, struct range_span r);
void span_free(struct span *s);

/** span_send - ask; only while SPAN_WAITING */
void span_send(struct span *s);

/** span_again - what is ready does not fit what is known: ask once more, later;
 * calls changed() */
void span_again(struct span *s, const char *why);

#endif
