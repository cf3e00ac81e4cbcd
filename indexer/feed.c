/*
 * Which endpoint is asked: connecting, setting aside, failing over, coming
 * back. Knows nothing of what the blocks mean; never writes to the database.
 */
#include "indexer/feed_int.h"

#include <stdio.h>

#include "core/backoff.h"
#include "core/log.h"

#define TICK_MS      100
#define RETRY_MIN_MS 250
#define RETRY_MAX_MS 15000
#define REST_MAX_MS  600000
#define LIE_MIN_MS   10000
#define LIE_MAX_MS   600000
#define LIE_AGAIN_MS 60000
/* Behind the best by more blocks than this, and for so long: it lags. */
#define LAG_BLOCKS   3
#define LAG_MIN_MS   2000

static uint64_t now(const struct feed *f)
{
	return uv_now(f->opts.loop);
}

static bool usable(const struct feed *f, const struct endpoint *ep)
{
	return ep->state == ENDPOINT_GOOD && ep->up && now(f) >= ep->rest_until;
}

static bool lags(const struct feed *f, const struct endpoint *ep)
{
	uint64_t patience =
	    (uint64_t)LAG_BLOCKS * f->opts.config->chain.block_time_ms;
	uint64_t best = 0;

	if (patience < LAG_MIN_MS)
		patience = LAG_MIN_MS;
	for (size_t i = 0; i < f->count; i++)
		if (usable(f, &f->eps[i]) && f->eps[i].head > best)
			best = f->eps[i].head;
	return ep->head + LAG_BLOCKS < best && now(f) - ep->head_at > patience;
}

/* The first by priority of those that @suits. */
static struct endpoint *pick(const struct feed *f,
			     bool (*suits)(const struct feed *f,
					   const struct endpoint *ep))
{
	for (size_t i = 0; i < f->count; i++)
		if (usable(f, &f->eps[i]) && suits(f, &f->eps[i]))
			return &f->eps[i];
	return NULL;
}

static bool any(const struct feed *f, const struct endpoint *ep)
{
	(void)f;
	(void)ep;
	return true;
}

static bool keeps_up(const struct feed *f, const struct endpoint *ep)
{
	return !lags(f, ep);
}

static bool keeps_up_over_http(const struct feed *f, const struct endpoint *ep)
{
	return !rpc_is_ws(ep->rpc) && !lags(f, ep);
}

struct endpoint *feed_pick(const struct feed *f)
{
	struct endpoint *ep = pick(f, keeps_up);

	return ep ? ep : pick(f, any);
}

struct endpoint *feed_pick_bulk(const struct feed *f)
{
	struct endpoint *ep = pick(f, keeps_up_over_http);

	return ep ? ep : feed_pick(f);
}

static unsigned index_of(const struct feed *f, const struct endpoint *ep)
{
	return ep ? (unsigned)(ep - f->eps) : FEED_NONE;
}

unsigned feed_best_bulk(const struct feed *f)
{
	return index_of(f, feed_pick_bulk(f));
}

uv_loop_t *feed_loop(const struct feed *f)
{
	return f->opts.loop;
}

unsigned feed_best(const struct feed *f)
{
	return index_of(f, feed_pick(f));
}

const char *feed_label(const struct feed *f, unsigned endpoint)
{
	return endpoint < f->count ? rpc_label(f->eps[endpoint].rpc) : "-";
}

const struct hash32 *feed_genesis(const struct feed *f)
{
	return &f->genesis;
}

bool feed_recomputes(const struct feed *f)
{
	return f->recomputes;
}

void feed_saw(struct feed *f, const struct head *head)
{
	f->recomputes |= head->proof == HEAD_PROVEN;
	if (!f->recomputes || head->proof != HEAD_STRANGE || f->told_strange)
		return;
	f->told_strange = true;
	log_odd("header_strange", F_U64("height", head->number),
		F_STR("hint", "its hash cannot be recomputed, though others' "
			      "could: a fork that this version does not know, "
			      "or an endpoint that leaves fields out; such "
			      "blocks are recorded as unverifiable"));
}

static void set_aside(struct endpoint *ep, uint64_t delay)
{
	uint64_t at = now(ep->feed) + delay;

	if (ep->state != ENDPOINT_DOWN || at > ep->retry_at)
		ep->retry_at = at;
	ep->state = ENDPOINT_DOWN;
}

/* HTTP's 429 and 503 may say for how long. */
static uint64_t asked_for_ms(const struct endpoint *ep)
{
	uint64_t ms = (uint64_t)rpc_retry_after_s(ep->rpc) * 1000;

	return ms < REST_MAX_MS ? ms : REST_MAX_MS;
}

void feed_endpoint_failed(struct endpoint *ep, const char *why)
{
	uint64_t delay =
	    backoff_ms(ep->fails, RETRY_MIN_MS, RETRY_MAX_MS, backoff_random());

	if (delay < asked_for_ms(ep))
		delay = asked_for_ms(ep);
	if (ep->state == ENDPOINT_EXCLUDED)
		return;
	ep->fails += ep->state != ENDPOINT_DOWN;
	set_aside(ep, delay);
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
}

static bool is_alone(const struct feed *f, const struct endpoint *ep)
{
	for (size_t i = 0; i < f->count; i++)
		if (&f->eps[i] != ep && usable(f, &f->eps[i]))
			return false;
	return true;
}

void feed_lied(struct feed *f, unsigned endpoint)
{
	struct endpoint *ep = &f->eps[endpoint];
	uint64_t delay;

	/* Where nobody else answers it is asked again: one wrong answer of a
	 * load balancer is better than no chain at all. */
	if (ep->state != ENDPOINT_GOOD || is_alone(f, ep))
		return;
	delay =
	    backoff_ms(ep->lies++, LIE_MIN_MS, LIE_MAX_MS, backoff_random());
	log_info("endpoint_left", F_STR("endpoint", rpc_label(ep->rpc)),
		 F_U64("ms", delay), F_STR("reason", "it lied"));
	set_aside(ep, delay);
}

/* Whether this is new, or was last said long ago; notes that it is said. */
static bool accuse_anew(struct endpoint *ep, uint64_t height, const char *why)
{
	struct accusation *a = ep->said;
	uint64_t at = now(ep->feed);

	for (unsigned i = 0; i < ACCUSATIONS; i++, a++)
		if (a->why[0] && a->height == height &&
		    strncmp(a->why, why, sizeof(a->why) - 1) == 0 &&
		    at - a->at <= LIE_AGAIN_MS)
			return false;
	a = &ep->said[ep->said_next++ % ACCUSATIONS];
	a->height = height;
	a->at = at;
	snprintf(a->why, sizeof(a->why), "%s", why);
	return true;
}

void feed_accuse(struct feed *f, unsigned endpoint, uint64_t height,
		 const char *why)
{
	struct endpoint *ep = &f->eps[endpoint];

	if (accuse_anew(ep, height, why))
		log_broken("endpoint_lied",
			   F_STR("endpoint", rpc_label(ep->rpc)),
			   F_U64("height", height), F_STR("reason", why));
	feed_lied(f, endpoint);
}

void feed_doubt(struct feed *f, unsigned endpoint)
{
	if (f->eps[endpoint].state == ENDPOINT_GOOD)
		feed_probe(&f->eps[endpoint]);
}

void feed_rest(struct feed *f, unsigned endpoint, uint64_t ms, const char *why)
{
	struct endpoint *ep = &f->eps[endpoint];

	if (ms < asked_for_ms(ep))
		ms = asked_for_ms(ep);
	if (now(f) + ms <= ep->rest_until)
		return;
	if (now(f) >= ep->rest_until)
		log_odd("endpoint_rests", F_STR("endpoint", rpc_label(ep->rpc)),
			F_U64("ms", ms), F_STR("reason", why));
	ep->rest_until = now(f) + ms;
}

void feed_heard(struct endpoint *ep, const struct head *head)
{
	struct feed *f = ep->feed;

	feed_saw(f, head);
	if (head->proof == HEAD_WRONG && f->recomputes) {
		/* A lie, or told with fields left out: it is asked for. */
		ep->poll_at = 0;
		return;
	}
	if (head->number > ep->head) {
		ep->head = head->number;
		ep->head_at = now(f);
		ep->head_time = head->time;
	}
	if (feed_pick(f) == ep)
		f->opts.on_head(f->opts.arg, head);
}

void feed_ask_head(struct feed *f)
{
	struct endpoint *ep = feed_pick(f);

	if (ep)
		ep->poll_at = 0;
}

/* ---- the connection ---- */

static void on_state(void *arg, bool up, const struct err *err)
{
	struct endpoint *ep = arg;

	ep->up = up;
	ep->subscribed = ep->polling = ep->comparing = false;
	if (ep->state == ENDPOINT_EXCLUDED)
		return;
	if (!up)
		feed_endpoint_failed(ep, err ? err->msg : "connection lost");
	else if (now(ep->feed) >= ep->retry_at || !ep->lies)
		feed_probe(ep);
}

static void on_notify(void *arg, struct text subscription, struct text result)
{
	struct endpoint *ep = arg;
	struct head head;
	struct err err;

	(void)subscription;
	if (ep->state != ENDPOINT_GOOD)
		return;
	if (head_read(&head, result, &err) != ST_OK)
		log_odd("head_malformed", F_STR("endpoint", rpc_label(ep->rpc)),
			F_STR("reason", err.msg));
	else {
		ep->untold = 0;
		feed_heard(ep, &head);
	}
}

static void on_tick(uv_timer_t *timer)
{
	struct feed *f = timer->data;

	for (size_t i = 0; i < f->count; i++) {
		struct endpoint *ep = &f->eps[i];

		if (ep->state == ENDPOINT_DOWN && ep->up &&
		    now(f) >= ep->retry_at)
			feed_probe(ep);
		else if (ep->state == ENDPOINT_GOOD && ep->up)
			feed_poll(ep);
	}
	feed_compare(f);
}

static enum status endpoint_open(struct endpoint *ep, const char *url,
				 struct err *err)
{
	struct feed *f = ep->feed;
	struct rpc_opts opts = {
		.url = url,
		.timeout_ms = f->opts.config->chain.request_timeout_ms,
		.max_message = FEED_MESSAGE_MIN,
		.idle_ms = 10000,
		.on_notify_text = on_notify,
		.on_state = on_state,
		.arg = ep,
	};
	enum status st = rpc_new(&ep->rpc, f->opts.loop, f->http, &opts, err);

	if (st == ST_OK)
		ep->up = !rpc_is_ws(ep->rpc);
	return st;
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
		enum status st;

		f->eps[i].feed = f;
		st =
		    endpoint_open(&f->eps[i], cfg->chain.endpoints[i].url, err);
		if (st != ST_OK)
			return st;
		f->count++;
	}
	f->timer = mem_zalloc(sizeof(*f->timer));
	uv_timer_init(opts->loop, f->timer);
	f->timer->data = f;
	uv_timer_start(f->timer, on_tick, 0, TICK_MS);
	*out = STEAL(f);
	return ST_OK;
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle);
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
