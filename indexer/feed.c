/*
 * Endpoints: connecting, probing, subscribing, polling, failing over. Knows
 * nothing of what the blocks mean; never writes to the database.
 */
#include "indexer/feed_int.h"

#include <inttypes.h>

#include "abi/hex.h"
#include "core/json.h"
#include "core/log.h"

#define TICK_MS        100
#define RETRY_MIN_MS   250
#define RETRY_MAX_MS   15000
#define POLL_MIN_MS    50
/* A subscription is checked by a poll now and then: a socket may be open and
 * say nothing. */
#define WS_POLL_BLOCKS 2
#define WS_POLL_MIN_MS 1000
/* Largest answer: a block of 60 M gas may hold 160,000 empty logs, each about
 * 700 bytes of JSON (375 gas and up a log). */
#define MESSAGE_MAX    ((size_t)128 * 1024 * 1024)

struct endpoint *feed_pick(const struct feed *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->eps[i].state == ENDPOINT_GOOD && f->eps[i].up)
			return &f->eps[i];
	return NULL;
}

const char *feed_label(const struct feed *f)
{
	const struct endpoint *ep = feed_pick(f);

	return ep ? rpc_label(ep->rpc) : "-";
}

const struct hash32 *feed_genesis(const struct feed *f)
{
	return &f->genesis;
}

void feed_endpoint_failed(struct endpoint *ep, const char *why)
{
	uint64_t delay = RETRY_MIN_MS;

	if (ep->state == ENDPOINT_EXCLUDED)
		return;
	for (unsigned i = 0; i < ep->fails && delay < RETRY_MAX_MS; i++)
		delay *= 2;
	if (delay > RETRY_MAX_MS)
		delay = RETRY_MAX_MS;
	ep->fails++;
	ep->state = ENDPOINT_DOWN;
	if (!ep->told)
		log_odd("endpoint_failed",
			F_STR("endpoint", rpc_label(ep->rpc)),
			F_U64("retry_ms", delay), F_STR("reason", why),
			F_STR("hint", feed_pick(ep->feed)
					  ? "another endpoint answers"
					  : "no endpoint answers: start the "
					    "node or correct chain.endpoints; "
					    "asked again until one does"));
	ep->told = true;
	ep->retry_at = uv_now(ep->feed->opts.loop) + delay;
}

void feed_blame(struct feed *f, const char *why)
{
	struct endpoint *ep = feed_pick(f);

	if (ep)
		feed_endpoint_failed(ep, why);
}

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
	feed_ask_head(ep->feed);
}

static enum status probe_check(struct endpoint *ep, cJSON **results,
			       struct err *err)
{
	struct feed *f = ep->feed;
	uint64_t want = f->opts.config->chain.chain_id, id;
	struct head genesis;
	enum status st;

	if (!cJSON_IsString(results[0]))
		return err_set(err, ST_TRANSIENT, "eth_chainId: no answer");
	st = hex_quantity_u64(&id, results[0]->valuestring, "eth_chainId", err);
	if (st != ST_OK)
		return st;
	if (id != want)
		return err_set(err, ST_REJECTED,
			       "%s is on chain %" PRIu64
			       ", the config says %" PRIu64,
			       rpc_label(ep->rpc), id, want);
	st = wire_head(&genesis, results[1], err);
	if (st != ST_OK)
		return err_set(err, ST_TRANSIENT, "no block 0 yet");
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

static void probed(void *arg, enum status st, cJSON **results,
		   const struct rpc_error *errors, size_t n,
		   const struct err *why)
{
	struct endpoint *ep = arg;
	struct err err;

	(void)errors;
	(void)n;
	if (ep->state != ENDPOINT_PROBING)
		return;
	if (st != ST_OK) {
		feed_endpoint_failed(ep, why ? why->msg : "no answer");
		return;
	}
	st = probe_check(ep, results, &err);
	if (st == ST_REJECTED) {
		exclude(ep, &err);
		return;
	}
	if (st != ST_OK) {
		feed_endpoint_failed(ep, err.msg);
		return;
	}
	ep->state = ENDPOINT_GOOD;
	ep->told = false;
	log_info("endpoint_ready", F_STR("endpoint", rpc_label(ep->rpc)));
	if (rpc_is_ws(ep->rpc) && !ep->subscribed)
		rpc_call(ep->rpc, "eth_subscribe", "[\"newHeads\"]", subscribed,
			 ep);
	feed_ask_head(ep->feed);
	ep->feed->opts.on_ready(ep->feed->opts.arg);
}

static void probe(struct endpoint *ep)
{
	static const struct rpc_batch_item items[] = {
		{ "eth_chainId", "[]" },
		{ "eth_getBlockByNumber", "[\"0x0\",false]" },
	};

	ep->state = ENDPOINT_PROBING;
	rpc_batch(ep->rpc, items, ARRAY_SIZE(items), probed, ep);
}

static void on_state(void *arg, bool up, const struct err *err)
{
	struct endpoint *ep = arg;

	ep->up = up;
	ep->subscribed = false;
	if (ep->state == ENDPOINT_EXCLUDED)
		return;
	if (up)
		probe(ep);
	else
		feed_endpoint_failed(ep, err ? err->msg : "connection lost");
}

static void on_notify(void *arg, const char *subscription, cJSON *result)
{
	struct endpoint *ep = arg;
	struct head head;
	struct err err;

	(void)subscription;
	if (feed_pick(ep->feed) != ep)
		return;
	if (wire_head(&head, result, &err) != ST_OK) {
		log_odd("head_malformed", F_STR("endpoint", rpc_label(ep->rpc)),
			F_STR("reason", err.msg));
		return;
	}
	ep->feed->opts.on_head(ep->feed->opts.arg, &head);
}

/* ---- polling ---- */

static uint64_t poll_every(const struct feed *f)
{
	const struct endpoint *ep = feed_pick(f);
	uint64_t block = f->opts.config->chain.block_time_ms;
	uint64_t ms = ep && ep->subscribed ? block * WS_POLL_BLOCKS : block / 2;
	uint64_t least = ep && ep->subscribed ? WS_POLL_MIN_MS : POLL_MIN_MS;

	return ms < least ? least : ms;
}

static void polled(void *arg, enum status st, cJSON **results,
		   const struct rpc_error *errors, size_t n,
		   const struct err *err)
{
	struct feed *f = arg;
	struct head head;
	struct err bad;

	(void)errors;
	(void)n;
	(void)err;
	f->polling = false;
	f->poll_at = uv_now(f->opts.loop) + poll_every(f);
	if (st == ST_OK && wire_head(&head, results[0], &bad) == ST_OK)
		f->opts.on_head(f->opts.arg, &head);
}

static void poll_head(struct feed *f)
{
	static const struct rpc_batch_item item = { "eth_getBlockByNumber",
						    "[\"latest\",false]" };

	f->polling = feed_batch(f, &item, 1, polled, f);
}

void feed_ask_head(struct feed *f)
{
	f->poll_at = 0;
}

static void on_tick(uv_timer_t *timer)
{
	struct feed *f = timer->data;
	uint64_t now = uv_now(f->opts.loop);

	for (size_t i = 0; i < f->count; i++) {
		struct endpoint *ep = &f->eps[i];

		if (ep->state == ENDPOINT_DOWN && ep->up && now >= ep->retry_at)
			probe(ep);
	}
	if (!f->polling && now >= f->poll_at)
		poll_head(f);
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle);
}

enum status feed_new(struct feed **out, const struct feed_opts *opts,
		     struct err *err)
{
	AUTO(feed) struct feed *f = mem_zalloc(sizeof(*f));
	const struct config *cfg = opts->config;

	f->opts = *opts;
	if (opts->genesis) {
		f->genesis = *opts->genesis;
		f->genesis_known = true;
	}
	f->http = http_new(opts->loop, 16);
	f->eps = mem_array(cfg->chain.endpoint_count, sizeof(*f->eps));
	for (size_t i = 0; i < cfg->chain.endpoint_count; i++) {
		struct endpoint *ep = &f->eps[i];
		struct rpc_opts ro = {
			.url = cfg->chain.endpoints[i].url,
			.timeout_ms = cfg->chain.request_timeout_ms,
			.max_message = MESSAGE_MAX,
			.idle_ms = 10000,
			.on_notify = on_notify,
			.on_state = on_state,
			.arg = ep,
		};
		enum status st;

		ep->feed = f;
		st = rpc_new(&ep->rpc, opts->loop, f->http, &ro, err);
		if (st != ST_OK)
			return st;
		f->count++;
		ep->up = !rpc_is_ws(ep->rpc);
	}
	f->timer = mem_zalloc(sizeof(*f->timer));
	uv_timer_init(opts->loop, f->timer);
	f->timer->data = f;
	uv_timer_start(f->timer, on_tick, 0, TICK_MS);
	*out = STEAL(f);
	return ST_OK;
}

void feed_free(struct feed *f)
{
	if (!f)
		return;
	feed_calls_drop(f);
	for (size_t i = 0; i < f->count; i++)
		rpc_free(f->eps[i].rpc);
	http_free(f->http);
	if (f->timer)
		uv_close((uv_handle_t *)f->timer, timer_closed);
	free(f->eps);
	free(f);
}
