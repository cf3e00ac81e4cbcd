#ifndef CX_INDEXER_FEED_H
#define CX_INDEXER_FEED_H

#include "config/config.h"
#include "core/rpc.h"
#include "indexer/wire.h"

/*
 * The endpoints as one source: the best usable one answers, heads come from
 * its subscription or by polling. Each is asked for its chain id and genesis
 * before it is believed; one on another chain is left out for good.
 */
struct feed;
struct feed_call;

struct feed_opts {
	uv_loop_t *loop;
	const struct config *config;
	const struct hash32 *genesis; /* NULL: the first endpoint's is taken */
	/* an endpoint became usable (may repeat) */
	void (*on_ready)(void *arg);
	/* a head was announced: old, repeated or of another branch, too */
	void (*on_head)(void *arg, const struct head *head);
	/* no endpoint can ever be used */
	void (*on_fatal)(void *arg, const struct err *err);
	void *arg;
};

/** feed_new - ST_REJECTED for an unusable URL; release with feed_free() */
enum status feed_new(struct feed **out, const struct feed_opts *opts,
		     struct err *err) MUST_CHECK;
void feed_free(struct feed *f);
DEFINE_AUTO(feed, feed_free)

/**
 * feed_batch - several calls answered by one backend, as rpc_batch()
 * @done: called once from the loop. ST_TRANSIENT has set the endpoint aside;
 *	calling again uses the next.
 *
 * Return: false when no endpoint is usable now; @done will not be called.
 */
bool feed_batch(struct feed *f, const struct rpc_batch_item *items, size_t n,
		rpc_batch_done_fn done, void *arg) MUST_CHECK;

/** feed_cancel - drop the callbacks of all calls made with @arg */
void feed_cancel(struct feed *f, const void *arg);

/** feed_genesis - hash of block 0; valid after on_ready */
const struct hash32 *feed_genesis(const struct feed *f);
/** feed_label - what logs call the endpoint in use; "-" when none is */
const char *feed_label(const struct feed *f);
/** feed_ask_head - poll for the head soon instead of at the next turn */
void feed_ask_head(struct feed *f);
/** feed_blame - the endpoint in use answered nonsense: set it aside */
void feed_blame(struct feed *f, const char *why);

#endif
