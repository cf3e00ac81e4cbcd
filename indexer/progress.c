/*
 * Progress lines of everything that a person waits for.
 */
#include "indexer/progress.h"

#include <stdio.h>

#include "core/log.h"

#define EVERY_MS 1000

void progress_start(struct progress *p, const char *event, uint64_t of,
		    uint64_t now)
{
	*p = (struct progress){
		.event = event, .of = of, .started = now, .reported = now
	};
}

void progress_add(struct progress *p, uint64_t height, uint64_t blocks,
		  uint64_t events, uint64_t now)
{
	uint64_t ms = now > p->started ? now - p->started : 1, left;
	char event[48];
	bool last;

	p->blocks += blocks;
	p->events += events;
	last = p->blocks >= p->of;
	left = last ? 0 : p->of - p->blocks;
	if (!last && now - p->reported < EVERY_MS)
		return;
	p->reported = now;
	snprintf(event, sizeof(event), "%s_%s", p->event,
		 last ? "done" : "progress");
	log_info(event, F_U64("height", height), F_U64("blocks", p->blocks),
		 F_U64("of", p->of), F_U64("events", p->events),
		 F_U64("blocks_per_s", p->blocks * 1000 / ms),
		 F_U64("events_per_s", p->events * 1000 / ms),
		 F_U64("left_s", p->blocks ? left * ms / p->blocks / 1000 : 0));
}
