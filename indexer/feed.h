#ifndef CX_INDEXER_FEED_H
#define CX_INDEXER_FEED_H

#include "config/config.h"
#include "core/rpc.h"
#include "indexer/head.h"

/*
 * The endpoints as one source. Each is asked for its chain id and genesis
 * before it is believed; the first by priority that is up, not behind the
 * others and not at rest answers. Heads come from its subscription or by
 * polling. One on another chain is left out for good.
 */
struct feed;

#define FEED_NONE UINT_MAX

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

/* Valid inside the callback only. */
struct feed_answer {
	enum status st;               /* as for rpc_items_fn */
	const struct rpc_item *items; /* NULL when ST_TRANSIENT */
	size_t n;
	const struct err *err;
	unsigned endpoint; /* who answered */
};
typedef void (*feed_done_fn)(void *arg, const struct feed_answer *a);

/**
 * feed_ask - several calls answered by one backend
 * @done: called once from the loop. ST_TRANSIENT has set the endpoint aside;
 *	asking again uses the next.
 *
 * Return: false when no endpoint is usable now; @done will not be called.
 */
bool feed_ask(struct feed *f, const struct rpc_batch_item *items, size_t n,
	      feed_done_fn done, void *arg) MUST_CHECK;
/** feed_ask_bulk - the same where the answer may be long */
bool feed_ask_bulk(struct feed *f, const struct rpc_batch_item *items, size_t n,
		   feed_done_fn done, void *arg) MUST_CHECK;
/** feed_cancel - drop the callbacks of all calls made with @arg */
void feed_cancel(struct feed *f, const void *arg);

/** feed_loop - the loop that its callbacks come from */
uv_loop_t *feed_loop(const struct feed *f);
/** feed_best - the endpoint that would be asked now, or FEED_NONE */
unsigned feed_best(const struct feed *f);
/** feed_best_bulk - the same for feed_ask_bulk() */
unsigned feed_best_bulk(const struct feed *f);
/** feed_top - highest head that an endpoint of our chain ever told; 0: none */
uint64_t feed_top(const struct feed *f);
/** feed_label - what logs call @endpoint; "-" for FEED_NONE */
const char *feed_label(const struct feed *f, unsigned endpoint);
/** feed_genesis - hash of block 0; valid after on_ready */
const struct hash32 *feed_genesis(const struct feed *f);
/** feed_ask_head - poll for the head soon instead of at the next turn */
void feed_ask_head(struct feed *f);

/** feed_lied - @endpoint answered what cannot be true: set aside, longer each
 * time, while the others answer */
void feed_lied(struct feed *f, unsigned endpoint);
/** feed_accuse - feed_lied(), and say so: once a minute of the same block for
 * the same reason */
void feed_accuse(struct feed *f, unsigned endpoint, uint64_t height,
		 const char *why);
/** feed_doubt - ask @endpoint again which chain it is on before it is used */
void feed_doubt(struct feed *f, unsigned endpoint);
/** feed_rest - @endpoint asked for less traffic: not asked for @ms, at least;
 * the others are not slowed */
void feed_rest(struct feed *f, unsigned endpoint, uint64_t ms, const char *why);

/** feed_recomputes - whether a header of this chain was ever seen whose hash
 * recomputes: then one that does not is wrong, and not of another kind */
bool feed_recomputes(const struct feed *f);
/** feed_saw - tell the verdict on a header that came through feed_ask() */
void feed_saw(struct feed *f, const struct head *head);

#endif
