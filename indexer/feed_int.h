#ifndef CX_INDEXER_FEED_INT_H
#define CX_INDEXER_FEED_INT_H

#include "indexer/feed.h"

/* Shared by feed.c and feed_call.c only. */

enum endpoint_state {
	ENDPOINT_DOWN, /* not connected, or set aside until retry_at */
	ENDPOINT_PROBING,
	ENDPOINT_GOOD,
	ENDPOINT_EXCLUDED, /* another chain */
};

struct endpoint {
	struct feed *feed;
	struct rpc *rpc;
	enum endpoint_state state;
	bool up; /* ws: connected; http: always */
	bool subscribed;
	bool told; /* that it failed, since it was last good */
	unsigned fails;
	uint64_t retry_at;
};

struct feed_call {
	struct feed_call *next, **link;
	struct endpoint *ep;
	struct rpc_call *call;
	rpc_batch_done_fn done;
	void *arg;
};

struct feed {
	struct feed_opts opts;
	struct http *http;
	struct endpoint *eps;
	size_t count;
	struct feed_call *calls;
	struct hash32 genesis;
	bool genesis_known, polling;
	uint64_t poll_at;
	uv_timer_t *timer;
};

/** feed_pick - the best usable endpoint, or NULL */
struct endpoint *feed_pick(const struct feed *f);
/** feed_endpoint_failed - set aside with growing delay */
void feed_endpoint_failed(struct endpoint *ep, const char *why);
/** feed_calls_drop - cancel and free all calls */
void feed_calls_drop(struct feed *f);

#endif
