/*
 * Calls through the feed: each goes to the best usable endpoint, is owned by
 * the feed, and tells the endpoint's health by its outcome.
 */
#include "indexer/feed_int.h"

static void call_free(struct feed_call *c)
{
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	free(c);
}

static void call_done(void *arg, enum status st, cJSON **results,
		      const struct rpc_error *errors, size_t n,
		      const struct err *err)
{
	struct feed_call *c = arg;
	struct endpoint *ep = c->ep;
	rpc_batch_done_fn done = c->done;
	void *done_arg = c->arg;

	call_free(c);
	if (st == ST_OK)
		ep->fails = 0;
	else if (st == ST_TRANSIENT)
		feed_endpoint_failed(ep, err ? err->msg : "no answer");
	done(done_arg, st, results, errors, n, err);
}

bool feed_batch(struct feed *f, const struct rpc_batch_item *items, size_t n,
		rpc_batch_done_fn done, void *arg)
{
	struct endpoint *ep = feed_pick(f);
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
	c->call = rpc_batch(ep->rpc, items, n, call_done, c);
	return true;
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
