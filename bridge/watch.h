#ifndef CX_BRIDGE_WATCH_H
#define CX_BRIDGE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/cf_parse.h"
#include "core/err.h"

/*
 * Whether a room is on air, from what its /lifecycle answers, and when to ask
 * again: a pure value, the caller brings the clock. Times are milliseconds of
 * the caller's loop and may lie before its start.
 */
struct watch_pace {
	uint32_t fast_ms;  /* while live, and just after something happened */
	uint32_t idle_ms;  /* when nothing has happened for long */
	uint32_t grace_ms; /* a drop that is shorter ends nothing */
};

struct watch {
	bool known;        /* asked since the start */
	bool live;         /* as last told; at the start: by the database */
	bool dropped;      /* live, but the last answers say otherwise */
	int64_t since_ms;  /* something happened last: provisioned, on, off */
	int64_t off_ms;    /* dropped: the first such answer */
	unsigned failures; /* answers in a row that could not be read */
};

/* What an answer means for those who are told. */
enum watch_news {
	WATCH_NOTHING = 0,
	WATCH_LIVE,    /* on air now */
	WATCH_OFFLINE, /* off air, since off_ms */
	WATCH_MISSED,  /* it ended while nobody watched */
};

/** watch_observe - an answer came at @now_ms */
enum watch_news watch_observe(struct watch *w, bool live, int64_t now_ms,
			      const struct watch_pace *p);
/** watch_failed - no answer, or none that can be read: nothing is known */
void watch_failed(struct watch *w);
/** watch_wait_ms - how long to wait before asking again; at least 1 */
uint32_t watch_wait_ms(const struct watch *w, int64_t now_ms,
		       const struct watch_pace *p);

struct watch_answer {
	bool live;
	char video[CF_UID_SIZE]; /* empty: none */
};

/** watch_parse - {"isInput":true,"videoUID":"…"|null,"live":bool};
 * ST_REJECTED when it reads otherwise, the error does not quote it */
enum status watch_parse(struct watch_answer *out, const char *text, size_t len,
			struct err *err) MUST_CHECK;
/** watch_parse_views - {"liveViewers":113} */
enum status watch_parse_views(uint32_t *out, const char *text, size_t len,
			      struct err *err) MUST_CHECK;

#endif
