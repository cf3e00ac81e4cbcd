#ifndef CX_INDEXER_PROGRESS_H
#define CX_INDEXER_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* What somebody waits for: how far, how fast, how much longer. */
struct progress {
	const char *event; /* of the log, without its ending */
	uint64_t of;       /* blocks in all */
	uint64_t blocks, events;
	uint64_t started, reported; /* ms of the loop's clock */
};

void progress_start(struct progress *p, const char *event, uint64_t of,
		    uint64_t now);
/** progress_add - so many more are done; a line now and then: "EVENT_progress",
 * and "EVENT_done" with the last */
void progress_add(struct progress *p, uint64_t height, uint64_t blocks,
		  uint64_t events, uint64_t now);

#endif
