#ifndef CX_INDEXER_SPAN_INT_H
#define CX_INDEXER_SPAN_INT_H

#include "indexer/ask.h"
#include "indexer/span.h"

/* Shared by span.c (waiting, splitting), span_told.c and span_proven.c. */

/** span_told_ask, span_proven_ask - send the first question */
void span_told_ask(struct span *s);
void span_proven_ask(struct span *s);

/** span_ready - everything is there; calls changed() */
void span_ready(struct span *s);
/** span_failed - ask again later: smaller when @shrink and it can be split at
 * @at (its last block in the first half); calls changed() */
void span_failed(struct span *s, bool shrink, uint64_t at, const char *why);
/** span_refused - the node refused: wait or split as its words say */
void span_refused(struct span *s, const struct rpc_error *e);
/** span_lied - as span_failed(), after blaming @endpoint in the log */
void span_lied(struct span *s, unsigned endpoint, uint64_t height,
	       const char *why);
/** span_middle - where a span is cut when nothing better is known */
uint64_t span_middle(const struct span *s);

#endif
