/*
 * Is an endpoint ours: its chain id, its genesis and its head are asked for
 * before anything it says is used. Subscribes to its heads once it is good.
 */
#include "indexer/feed_int.h"

#include <inttypes.h>
#include <stdio.h>

#include "abi/hex.h"
#include "core/log.h"

/* Wrong blocks 0 in a row that are not believed. */
#define DOUBTS_MAX 5

enum { PROBE_CHAIN, PROBE_GENESIS, PROBE_HEAD, PROBE_ITEMS };

static void exclude(struct endpoint *ep, const struct err *err)
{
	struct feed *f = ep->feed;

	ep->state = ENDPOINT_EXCLUDED;
	log_odd("endpoint_excluded", F_STR("endpoint", rpc_label(ep->rpc)),
		F_STR("reason", err->msg));
	for (size_t i = 0; i < f->count; i++)
		if (f->eps[i].state != ENDPOINT_EXCLUDED)
			return;
	f->opts.on_fatal(f->opts.arg, err);
}

static enum status check_chain(const struct endpoint *ep, struct text answer,
			       struct err *err)
{
	uint64_t want = ep->feed->opts.config->chain.chain_id, id;
	char text[HEX_QUANTITY_SIZE + 2];
	enum status st;

	/* "0x…" with its quotes */
	if (answer.n < 2 || answer.n >= sizeof(text) || answer.p[0] != '"')
		return err_set(err, ST_TRANSIENT, "eth_chainId: no answer");
	snprintf(text, sizeof(text), "%.*s", (int)answer.n - 2, answer.p + 1);
	st = hex_quantity_u64(&id, text, "eth_chainId", err);
	if (st == ST_OK && id != want)
		st = err_set(err, ST_REJECTED,
			     "%s is on chain %" PRIu64
			     ", the config says %" PRIu64,
			     rpc_label(ep->rpc), id, want);
	return st;
}

static bool is_wrong(const struct feed *f, const struct head *h)
{
	return h->proof == HEAD_WRONG && feed_recomputes(f);
}

/* Before any header was proven, a wrong one may be a lie, or of a chain whose
 * hashes are made in another way: that one says it each time. */
static bool is_doubtful(const struct feed *f, const struct head *genesis,
			unsigned doubts)
{
	if (f->genesis_known && hash32_eq(&genesis->hash, &f->genesis))
		return false;
	switch (genesis->proof) {
	case HEAD_PROVEN:
		return false;
	case HEAD_STRANGE:
		return f->genesis_known && !doubts;
	case HEAD_WRONG:
		return doubts < DOUBTS_MAX;
	}
	abort();
}

static enum status check_genesis(struct endpoint *ep, struct text answer,
				 struct err *err)
{
	struct feed *f = ep->feed;
	struct head genesis;

	if (head_read(&genesis, answer, err) != ST_OK)
		return err_set(err, ST_TRANSIENT, "no block 0 yet");
	feed_saw(f, &genesis);
	if (genesis.number != 0 || is_wrong(f, &genesis))
		return err_set(err, ST_TRANSIENT,
			       "its block 0 does not give its hash");
	if (is_doubtful(f, &genesis, ep->doubts)) {
		ep->doubts++;
		return err_set(
		    err, ST_TRANSIENT,
		    "an unknown block 0, without proof: asked again");
	}
	if (!f->genesis_known) {
		f->genesis = genesis.hash;
		f->genesis_known = true;
	}
	if (!hash32_eq(&genesis.hash, &f->genesis))
		return err_set(err, ST_REJECTED,
			       "%s has another genesis block than the one "
			       "indexed (a test chain started anew?): use an "
			       "empty database or the right endpoint",
			       rpc_label(ep->rpc));
	return ST_OK;
}

static enum status check(struct endpoint *ep, struct head *head,
			 const struct rpc_item *items, struct err *err)
{
	enum status st = check_chain(ep, items[PROBE_CHAIN].result, err);

	if (st == ST_OK &&
	    head_read(head, items[PROBE_HEAD].result, err) != ST_OK)
		st = err_set(err, ST_TRANSIENT, "it has no head yet");
	if (st == ST_OK)
		feed_saw(ep->feed, head);
	if (st == ST_OK)
		st = check_genesis(ep, items[PROBE_GENESIS].result, err);
	if (st == ST_OK && is_wrong(ep->feed, head))
		st = err_set(err, ST_TRANSIENT,
			     "its head does not give its hash");
	return st;
}

static void set_bound(struct endpoint *ep, uint64_t gas_limit)
{
	size_t max = FEED_MESSAGE_MIN;

	if (gas_limit > FEED_MESSAGE_MAX / FEED_MESSAGE_PER_GAS)
		max = FEED_MESSAGE_MAX;
	else if (gas_limit * FEED_MESSAGE_PER_GAS > max)
		max = (size_t)gas_limit * FEED_MESSAGE_PER_GAS;
	rpc_set_max_message(ep->rpc, max);
}

static void subscribed(void *arg, enum status st, cJSON *result,
		       const struct rpc_error *error, const struct err *err)
{
	struct endpoint *ep = arg;

	(void)result;
	(void)error;
	if (st == ST_OK) {
		ep->subscribed = true;
		log_info("subscribed", F_STR("endpoint", rpc_label(ep->rpc)));
	} else {
		log_odd("subscribe_failed",
			F_STR("endpoint", rpc_label(ep->rpc)),
			F_STR("reason", err ? err->msg : "refused"));
	}
	ep->poll_at = 0;
}

static void good(struct endpoint *ep, const struct head *head)
{
	struct feed *f = ep->feed;

	ep->state = ENDPOINT_GOOD;
	ep->told = false;
	ep->doubts = 0;
	ep->poll_at = 0;
	ep->polling = ep->comparing = ep->compared = ep->differs = false;
	ep->head = head->number;
	ep->head_at = uv_now(f->opts.loop);
	ep->head_time = head->time;
	set_bound(ep, head->gas_limit);
	log_info("endpoint_ready", F_STR("endpoint", rpc_label(ep->rpc)),
		 F_U64("head", head->number));
	if (rpc_is_ws(ep->rpc) && !ep->subscribed)
		rpc_call(ep->rpc, "eth_subscribe", "[\"newHeads\"]", subscribed,
			 ep);
	f->opts.on_ready(f->opts.arg);
	feed_heard(ep, head);
}

static void probed(void *arg, enum status st, const struct rpc_item *items,
		   size_t n, const struct err *why)
{
	struct endpoint *ep = arg;
	struct head head;
	struct err err;

	(void)n;
	if (ep->state != ENDPOINT_PROBING)
		return;
	if (st != ST_OK) {
		feed_endpoint_failed(ep, why ? why->msg : "no answer");
		return;
	}
	st = check(ep, &head, items, &err);
	if (st == ST_REJECTED)
		exclude(ep, &err);
	else if (st != ST_OK)
		feed_endpoint_failed(ep, err.msg);
	else
		good(ep, &head);
}

void feed_probe(struct endpoint *ep)
{
	static const struct rpc_batch_item items[PROBE_ITEMS] = {
		[PROBE_CHAIN] = { "eth_chainId", "[]" },
		[PROBE_GENESIS] = { "eth_getBlockByNumber", "[\"0x0\",false]" },
		[PROBE_HEAD] = { "eth_getBlockByNumber", "[\"latest\",false]" },
	};

	ep->state = ENDPOINT_PROBING;
	rpc_batch_text(ep->rpc, items, PROBE_ITEMS, probed, ep);
}
