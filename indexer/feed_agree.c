/*
 * Do the endpoints agree: now and then all that are good are asked for one
 * block that no reorg can reach, and whose newest block is old is noted. For
 * readiness and the log; it decides nothing about who is asked.
 */
#include "indexer/feed_int.h"

#include <stdio.h>

#include "abi/hex.h"
#include "core/log.h"

#define COMPARE_MS 10000

static bool is_in(const struct endpoint *ep)
{
	return ep->state == ENDPOINT_GOOD && ep->up;
}

static bool was_asked(const struct endpoint *ep)
{
	return is_in(ep) && ep->compared &&
	       ep->compared_at == ep->feed->compare_at;
}

bool feed_differs(const struct endpoint *ep)
{
	const struct feed *f = ep->feed;
	const struct endpoint *by = feed_pick(f);

	return by && by != ep && was_asked(by) && was_asked(ep) &&
	       !hash32_eq(&by->compared_hash, &ep->compared_hash);
}

static void tell(struct feed *f)
{
	for (size_t i = 0; i < f->count; i++) {
		struct endpoint *ep = &f->eps[i];
		bool differs = feed_differs(ep);

		if (differs && !ep->differs)
			log_odd("endpoints_disagree",
				F_STR("endpoint", rpc_label(ep->rpc)),
				F_U64("height", f->compare_at),
				F_HEX("hash", ep->compared_hash.b, 32),
				F_STR("other", rpc_label(feed_pick(f)->rpc)),
				F_HEX("other_hash",
				      feed_pick(f)->compared_hash.b, 32),
				F_STR("hint", "one of them is on another "
					      "branch, below the reach of "
					      "reorgs"));
		ep->differs = differs;
	}
}

static void compared(void *arg, enum status st, const struct rpc_item *items,
		     size_t n, const struct err *err)
{
	struct endpoint *ep = arg;
	struct feed *f = ep->feed;
	struct head head;

	(void)n;
	(void)err;
	ep->comparing = false;
	if (st != ST_OK || head_read(&head, items[0].result, NULL) != ST_OK ||
	    head.number != f->compare_at)
		return;
	feed_saw(f, &head);
	if (head.proof == HEAD_WRONG && f->recomputes) {
		feed_accuse(f, (unsigned)(ep - f->eps), head.number,
			    "its header does not give its hash");
		return;
	}
	ep->compared = true;
	ep->compared_at = head.number;
	ep->compared_hash = head.hash;
	tell(f);
}

static void ask(struct endpoint *ep, const char *params)
{
	const struct rpc_batch_item item = { "eth_getBlockByNumber", params };

	if (!is_in(ep) || ep->comparing ||
	    uv_now(ep->feed->opts.loop) < ep->rest_until)
		return;
	ep->comparing = true;
	rpc_batch_text(ep->rpc, &item, 1, compared, ep);
}

void feed_compare(struct feed *f)
{
	uint64_t now = uv_now(f->opts.loop), low = UINT64_MAX;
	uint64_t depth = f->opts.config->indexer.max_reorg_depth;
	char params[HEX_QUANTITY_SIZE + 16], hex[HEX_QUANTITY_SIZE];
	size_t in = 0;

	if (now < f->compare_next)
		return;
	f->compare_next = now + COMPARE_MS;
	for (size_t i = 0; i < f->count; i++) {
		if (!is_in(&f->eps[i]))
			continue;
		in++;
		if (f->eps[i].head < low)
			low = f->eps[i].head;
	}
	if (in < 2 || low < depth)
		return;
	f->compare_at = low - depth;
	hex_put_quantity_u64(hex, f->compare_at);
	snprintf(params, sizeof(params), "[\"%s\",false]", hex);
	for (size_t i = 0; i < f->count; i++)
		ask(&f->eps[i], params);
}

bool feed_is_behind(const struct endpoint *ep, uint64_t max_s)
{
	const struct feed *f = ep->feed;

	for (size_t i = 0; i < f->count; i++)
		if (is_in(&f->eps[i]) && is_in(ep) &&
		    f->eps[i].head_time > ep->head_time + max_s)
			return true;
	return false;
}
