/*
 * Calls through the feed: each goes to the endpoint in use, is owned by the
 * feed, and tells the endpoint's health by its outcome. The head is asked for
 * at intervals: often where no subscription tells it, now and then where one
 * should, since a socket may be open and say nothing.
 */
#include "indexer/feed_int.h"

#include "core/log.h"
#include "indexer/refusal.h"

#define POLL_MIN_MS    50
#define WS_POLL_MIN_MS 1000
#define IDLE_FACTOR    4 /* endpoints that are not in use are asked less */
#define SILENT_MIN_MS  5000
#define SILENT_BLOCKS  4
#define UNTOLD_MAX     3 /* polls that knew more than the subscription */
#define REST_MS        2000
#define QUOTA_MS       600000

static void call_free(struct feed_call *c)
{
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	free(c);
}

/* Whoever asks for less traffic is given a rest, whatever was asked. */
static void heed(struct endpoint *ep, const struct rpc_item *items, size_t n)
{
	unsigned index = (unsigned)(ep - ep->feed->eps);

	for (size_t i = 0; i < n; i++) {
		const struct rpc_error *e = &items[i].error;
		enum refusal_kind kind =
		    e->message ? refusal_read(e->code, e->message, 0, 0).kind
			       : REFUSAL_SPLIT;

		if (kind == REFUSAL_SLOW)
			feed_rest(ep->feed, index, REST_MS, e->message);
		else if (kind == REFUSAL_QUOTA)
			feed_rest(ep->feed, index, QUOTA_MS, e->message);
	}
}

static void call_done(void *arg, enum status st, const struct rpc_item *items,
		      size_t n, const struct err *err)
{
	struct feed_call *c = arg;
	struct endpoint *ep = c->ep;
	const struct feed_answer a = {
		.st = st,
		.items = items,
		.n = n,
		.err = err,
		.endpoint = (unsigned)(ep - ep->feed->eps),
	};
	feed_done_fn done = c->done;
	void *done_arg = c->arg;

	call_free(c);
	if (st == ST_OK)
		ep->fails = 0;
	if (st == ST_TRANSIENT)
		feed_endpoint_failed(ep, err ? err->msg : "no answer");
	else
		heed(ep, items, n);
	done(done_arg, &a);
}

static bool ask(struct feed *f, struct endpoint *ep,
		const struct rpc_batch_item *items, size_t n, feed_done_fn done,
		void *arg)
{
	struct feed_call *c;

	if (!ep)
		return false;
	c = mem_zalloc(sizeof(*c));
	*c = (struct feed_call){ .ep = ep, .done = done, .arg = arg };
	c->next = f->calls;
	c->link = &f->calls;
	if (c->next)
		c->next->link = &c->next;
	f->calls = c;
	c->call = rpc_batch_text(ep->rpc, items, n, call_done, c);
	return true;
}

bool feed_ask(struct feed *f, const struct rpc_batch_item *items, size_t n,
	      feed_done_fn done, void *arg)
{
	return ask(f, feed_pick(f), items, n, done, arg);
}

bool feed_ask_bulk(struct feed *f, const struct rpc_batch_item *items, size_t n,
		   feed_done_fn done, void *arg)
{
	return ask(f, feed_pick_bulk(f), items, n, done, arg);
}

void feed_cancel(struct feed *f, const void *arg)
{
	struct feed_call *next;

	for (struct feed_call *c = f->calls; c; c = next) {
		next = c->next;
		if (c->arg != arg)
			continue;
		rpc_cancel(c->call);
		call_free(c);
	}
}

void feed_calls_drop(struct feed *f)
{
	while (f->calls) {
		rpc_cancel(f->calls->call);
		call_free(f->calls);
	}
}

/* ---- polling ---- */

static uint64_t poll_every(const struct endpoint *ep)
{
	uint64_t block = ep->feed->opts.config->chain.block_time_ms;
	uint64_t ms = ep->subscribed ? block * 2 : block / 2;
	uint64_t least = ep->subscribed ? WS_POLL_MIN_MS : POLL_MIN_MS;

	if (ms < least)
		ms = least;
	return feed_pick(ep->feed) == ep ? ms : ms * IDLE_FACTOR;
}

static void polled(void *arg, enum status st, const struct rpc_item *items,
		   size_t n, const struct err *err)
{
	struct endpoint *ep = arg;
	struct head head;

	ep->polling = false;
	ep->poll_at = uv_now(ep->feed->opts.loop) + poll_every(ep);
	if (ep->state != ENDPOINT_GOOD)
		return;
	if (st == ST_TRANSIENT) {
		feed_endpoint_failed(ep, err ? err->msg : "no answer");
		return;
	}
	heed(ep, items, n);
	if (st != ST_OK || head_read(&head, items[0].result, NULL) != ST_OK)
		return;
	feed_saw(ep->feed, &head);
	if (head.proof == HEAD_WRONG && feed_recomputes(ep->feed)) {
		feed_accuse(ep->feed, (unsigned)(ep - ep->feed->eps),
			    head.number, "its header does not give its hash");
		return;
	}
	if (ep->subscribed && head.number > ep->head + 1 &&
	    ++ep->untold == UNTOLD_MAX) {
		log_odd("subscription_silent",
			F_STR("endpoint", rpc_label(ep->rpc)),
			F_U64("head", head.number), F_U64("told", ep->head));
		rpc_reconnect(ep->rpc); /* and subscribe anew */
		return;
	}
	feed_heard(ep, &head);
}

/* Neither a head nor an answer for some block times: the socket is dead,
 * whatever the operating system says. */
static bool is_silent(const struct endpoint *ep)
{
	uint64_t now = uv_now(ep->feed->opts.loop);
	uint64_t most = (uint64_t)SILENT_BLOCKS *
			ep->feed->opts.config->chain.block_time_ms;

	if (most < SILENT_MIN_MS)
		most = SILENT_MIN_MS;
	return rpc_is_ws(ep->rpc) && now - ep->polled_at > most &&
	       now - ep->head_at > most;
}

void feed_poll(struct endpoint *ep)
{
	static const struct rpc_batch_item item = { "eth_getBlockByNumber",
						    "[\"latest\",false]" };
	uint64_t now = uv_now(ep->feed->opts.loop);

	if (ep->polling && is_silent(ep)) {
		log_odd("endpoint_silent",
			F_STR("endpoint", rpc_label(ep->rpc)));
		rpc_reconnect(ep->rpc);
	} else if (!ep->polling && now >= ep->poll_at &&
		   now >= ep->rest_until) {
		ep->polling = true;
		ep->polled_at = now;
		rpc_batch_text(ep->rpc, &item, 1, polled, ep);
	}
}
