/*
 * Spans of old blocks: waiting, splitting, being ready. How the blocks are
 * asked for is in span_told.c and span_proven.c. Never gives up: what cannot
 * be had now is asked for again, and said so.
 */
#include "indexer/span_int.h"

#include <inttypes.h>

#include "core/backoff.h"
#include "core/log.h"
#include "indexer/refusal.h"

#define RETRY_MS     250
#define RETRY_MAX_MS 10000
#define STUCK_TRIES  10

struct span *span_new(const struct span_opts *opts, struct range_span r)
{
	struct span *s = mem_zalloc(sizeof(*s));

	*s = (struct span){
		.opts = opts,
		.r = r,
		.how = opts->how,
		.prove_to = UINT64_MAX,
		.state = SPAN_WAITING,
	};
	return s;
}

static void clear(struct span *s)
{
	feed_cancel(s->opts->feed, s);
	prove_free(s->prove);
	if (s->arena)
		arena_free(s->arena);
	free(s->heads);
	s->prove = NULL;
	s->arena = NULL;
	s->heads = NULL;
	s->head_count = s->heads_have = s->bytes = 0;
	s->blocks = NULL;
	s->covers = NULL;
	s->block_count = s->log_count = s->cover_count = 0;
}

void span_free(struct span *s)
{
	if (!s)
		return;
	clear(s);
	free(s);
}

static void split(struct span *s, uint64_t at)
{
	struct span *rest =
	    span_new(s->opts, (struct range_span){ at + 1, s->r.to });

	rest->range = s->range;
	rest->prove_to = s->prove_to;
	rest->next = s->next;
	s->next = rest;
	s->r.to = at;
	s->tries = 0;
}

void span_send(struct span *s)
{
	clear(s);
	/* Less was learnt to be enough since it was made. */
	if (s->range && s->r.to - s->r.from >= s->range->size)
		split(s, s->r.from + s->range->size - 1);
	s->state = SPAN_ASKING;
	s->arena = arena_new(SIZE_MAX / 2);
	if (s->how == SPAN_TOLD)
		span_told_ask(s);
	else
		span_proven_ask(s);
}

void span_ready(struct span *s)
{
	uint64_t blocks = s->r.to - s->r.from + 1;

	s->state = SPAN_READY;
	s->tries = s->lies = 0;
	if (s->range)
		range_good(s->range, blocks, s->bytes);
	s->opts->changed(s->opts->arg, s);
}

uint64_t span_middle(const struct span *s)
{
	return s->r.from + (s->r.to - s->r.from) / 2;
}

void span_failed(struct span *s, bool shrink, uint64_t at, const char *why)
{
	struct feed *feed = s->opts->feed;
	uint64_t delay;

	log_debug("span_retry", F_U64("from", s->r.from), F_U64("to", s->r.to),
		  F_U64("tries", s->tries), F_STR("reason", why));
	clear(s);
	s->state = SPAN_WAITING;
	delay =
	    backoff_ms(s->tries++, RETRY_MS, RETRY_MAX_MS, backoff_random());
	if (shrink && at < s->r.to) {
		if (s->range)
			range_bad(s->range, s->r.to - s->r.from + 1);
		split(s, at);
		delay = 0;
	} else if (s->r.from == s->r.to && shrink && s->how == SPAN_TOLD) {
		/* One block alone: by its receipts and by its logs in turns. */
		s->how = SPAN_PROVEN;
		delay = 0;
	} else {
		s->how = s->opts->how;
	}
	if (s->tries == STUCK_TRIES)
		log_odd("blocks_not_to_be_had", F_U64("from", s->r.from),
			F_U64("to", s->r.to), F_STR("reason", why),
			F_STR("endpoint", feed_label(feed, feed_best(feed))),
			F_STR("hint", "asked again until they come; add an "
				      "endpoint that keeps history"));
	s->retry_at = uv_now(feed_loop(feed)) + delay;
	s->opts->changed(s->opts->arg, s);
}

void span_again(struct span *s, const char *why)
{
	span_failed(s, false, 0, why);
}

void span_refused(struct span *s, const struct rpc_error *e)
{
	struct refusal r =
	    refusal_read(e->code, e->message, s->r.from, s->r.to);

	switch (r.kind) {
	case REFUSAL_NOT_YET:
	case REFUSAL_SLOW:  /* the feed lets */
	case REFUSAL_QUOTA: /* it rest */
		span_failed(s, false, 0, e->message);
		return;
	case REFUSAL_RANGE:
		if (s->range)
			range_hint(s->range, r.blocks);
		/* It may begin later and end where the request does. */
		span_failed(s, true, r.to < s->r.to ? r.to : r.from - 1,
			    e->message);
		return;
	case REFUSAL_SPLIT:
	case REFUSAL_TOO_MUCH:
	case REFUSAL_UNSUPPORTED:
		span_failed(s, true, span_middle(s), e->message);
		return;
	}
	abort();
}

void span_lied(struct span *s, unsigned endpoint, uint64_t height,
	       const char *why)
{
	feed_accuse(s->opts->feed, endpoint, height, why);
	s->lies++;
	span_failed(s, false, 0, why);
}
