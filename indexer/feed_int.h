#ifndef CX_INDEXER_FEED_INT_H
#define CX_INDEXER_FEED_INT_H

#include <limits.h>

#include "indexer/feed.h"

/* Shared by feed.c (which endpoint), feed_probe.c (is it ours), feed_call.c
 * (calls and polls) and feed_agree.c (do they agree). */

/* Bytes of one answer: what a block of the chain's gas limit can make. A log
 * costs 375 gas and is at most some 700 bytes of JSON; an answer that is longer
 * is asked for in parts. */
#define FEED_MESSAGE_MIN     ((size_t)16 * 1024 * 1024)
#define FEED_MESSAGE_MAX     ((size_t)256 * 1024 * 1024)
#define FEED_MESSAGE_PER_GAS 2

enum endpoint_state {
	ENDPOINT_DOWN, /* not connected, or set aside until retry_at */
	ENDPOINT_PROBING,
	ENDPOINT_GOOD,
	ENDPOINT_EXCLUDED, /* another chain */
};

/* What an endpoint was accused of, so that it is not said at each question. */
struct accusation {
	uint64_t height, at;
	char why[80];
};
#define ACCUSATIONS 8

struct endpoint {
	struct feed *feed;
	struct rpc *rpc;
	enum endpoint_state state;
	bool up; /* ws: connected; http: always */
	bool subscribed;
	bool told; /* that it failed, since it was last good */
	unsigned fails, lies, untold;
	unsigned doubts; /* probes whose block 0 cannot be right, in a row */
	struct accusation said[ACCUSATIONS]; /* the last, in turn */
	unsigned said_next;
	uint64_t retry_at; /* while DOWN */
	uint64_t rest_until;
	uint64_t head, head_at; /* highest announced, and when it came */
	uint64_t head_time;     /* as it says itself, in Unix time */
	bool polling;
	uint64_t poll_at, polled_at;
	bool comparing, compared, differs;
	uint64_t compared_at; /* the height that it was last compared at */
	struct hash32 compared_hash;
};

struct feed_call {
	struct feed_call *next, **link;
	struct endpoint *ep;
	struct rpc_call *call;
	feed_done_fn done;
	void *arg;
};

struct feed {
	struct feed_opts opts;
	struct http *http;
	struct endpoint *eps;
	size_t count;
	struct feed_call *calls;
	struct hash32 genesis;
	bool genesis_known, recomputes, told_strange;
	uint64_t compare_next, compare_at; /* when; and at which height */
	uv_timer_t *timer;
};

/** feed_pick - the endpoint to be asked, or NULL */
struct endpoint *feed_pick(const struct feed *f);
/** feed_pick_bulk - the same for long answers: over HTTP where one serves it,
 * since a WebSocket's frames cost several times as much to take apart */
struct endpoint *feed_pick_bulk(const struct feed *f);
/** feed_endpoint_failed - set aside with growing delay */
void feed_endpoint_failed(struct endpoint *ep, const char *why);
/** feed_heard - @ep announced @head; handed on when it is the one asked */
void feed_heard(struct endpoint *ep, const struct head *head);
/** feed_probe - ask who it is; ends in GOOD, DOWN or EXCLUDED */
void feed_probe(struct endpoint *ep);
/** feed_poll - ask for the head when it is time to */
void feed_poll(struct endpoint *ep);
/** feed_compare - ask all for one old block when it is time to */
void feed_compare(struct feed *f);
/** feed_differs - whether @ep named another block there than the one asked */
bool feed_differs(const struct endpoint *ep);
/** feed_is_behind - whether its newest block is by more than @max_s older than
 * another's */
bool feed_is_behind(const struct endpoint *ep, uint64_t max_s);
/** feed_calls_drop - cancel and free all calls */
void feed_calls_drop(struct feed *f);

#endif
