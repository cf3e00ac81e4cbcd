/*
 * The client of Cloudflare Stream: queue, budget, circuits and connections.
 * What is asked is cf_request.c's, what an answer means cf_answer.c's. Response
 * bodies hold credentials and are overwritten here; nothing of them reaches a
 * log or an error. It never decides what to do about a room.
 */
#include "bridge/cloudflare.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/bucket.h"
#include "bridge/cf_wire.h"
#include "bridge/circuit.h"
#include "bridge/queue.h"
#include "bridge/turns.h"
#include "core/log.h"

#define CF_LIMIT_WAIT_S 300 /* a 429 without retry-after: the whole block */
#define CF_LIMIT_MAX_S  600

struct cf_call {
	struct queue_item item; /* first: what is in a queue is a call */
	struct cf_call *next;   /* in flight, or unsent */
	struct cloudflare *cf;
	enum cf_op op;
	enum cf_class class;
	struct cf_wire wire;
	uint64_t asked_ms;
	struct http_call *http;
	struct cf_sieve *sieve; /* of a list under way */
	cf_done_fn done;
	void *arg;
};

struct cloudflare {
	uv_loop_t *loop;
	struct http *http;
	uv_timer_t *timer, *later;
	char *base;          /* …/accounts/<id>/stream */
	char *auth;          /* header, secret */
	struct cf_opts opts; /* what the three below own, and numbers */
	char *customer_code, *deployment, *signer;
	char **origins;
	struct bucket bucket;
	uint64_t blocked_until_ms;
	struct queue queues[CF_CLASSES];
	struct turns turns;
	struct circuit circuits[CF_OPS];
	struct cf_call *in_flight;
	struct cf_call *unsent; /* refused by a circuit, to be told so */
	struct cf_count counts[CF_COUNTS_MAX];
	size_t count;
};

static void pump(struct cloudflare *cf);

static void call_free(struct cf_call *c)
{
	cf_sieve_free(c->sieve);
	cf_wire_wipe(&c->wire);
	free(c);
}

static void on_timer(uv_timer_t *t)
{
	pump((struct cloudflare *)t->data);
}

static uv_timer_t *timer_new(struct cloudflare *cf)
{
	uv_timer_t *t = (uv_timer_t *)mem_zalloc(sizeof(*t));

	t->data = cf;
	if (uv_timer_init(cf->loop, t) != 0)
		abort();
	return t;
}

struct cloudflare *cloudflare_new(const struct cf_opts *opts)
{
	struct cloudflare *cf = (struct cloudflare *)mem_zalloc(sizeof(*cf));
	size_t i, n = strlen(opts->api_url);

	while (n > 0 && opts->api_url[n - 1] == '/')
		n--;
	cf->loop = opts->loop;
	cf->http = opts->http;
	cf->opts = *opts;
	cf->base = cf_format("%.*s/accounts/%s/stream", (int)n, opts->api_url,
			     opts->account_id);
	cf->auth = cf_format("Authorization: Bearer %s", opts->api_token);
	cf->customer_code = mem_strdup(opts->customer_code);
	cf->deployment = mem_strdup(opts->deployment);
	cf->signer = mem_strdup(opts->signer);
	cf->origins =
	    (char **)mem_array(opts->allowed_origin_count, sizeof(char *));
	for (i = 0; i < opts->allowed_origin_count; i++)
		cf->origins[i] = mem_strdup(opts->allowed_origins[i]);
	cf->opts.api_url = cf->opts.account_id = cf->opts.api_token = NULL;
	cf->opts.customer_code = cf->customer_code;
	cf->opts.deployment = cf->deployment;
	cf->opts.signer = cf->signer;
	cf->opts.allowed_origins = cf->origins;
	bucket_init(&cf->bucket, opts->rate_burst, opts->rate_per_s,
		    uv_now(opts->loop));
	cf->timer = timer_new(cf);
	cf->later = timer_new(cf);
	return cf;
}

static void free_handle(uv_handle_t *h)
{
	free(h);
}

void cloudflare_free(struct cloudflare *cf)
{
	struct cf_call *c;
	size_t i;

	if (!cf)
		return;
	for (i = 0; i < CF_CLASSES; i++)
		while ((c = (struct cf_call *)queue_pop(&cf->queues[i])))
			call_free(c);
	while ((c = cf->unsent)) {
		cf->unsent = c->next;
		call_free(c);
	}
	while ((c = cf->in_flight)) {
		cf->in_flight = c->next;
		http_cancel(c->http);
		call_free(c);
	}
	uv_close((uv_handle_t *)cf->timer, free_handle);
	uv_close((uv_handle_t *)cf->later, free_handle);
	explicit_bzero(cf->auth, strlen(cf->auth));
	for (i = 0; i < cf->opts.allowed_origin_count; i++)
		free(cf->origins[i]);
	free(cf->origins);
	free(cf->auth);
	free(cf->base);
	free(cf->customer_code);
	free(cf->deployment);
	free(cf->signer);
	free(cf);
}

void cloudflare_call(struct cloudflare *cf, const struct cf_request *req,
		     cf_done_fn done, void *arg)
{
	struct cf_call *c = (struct cf_call *)mem_zalloc(sizeof(*c));

	c->cf = cf;
	c->op = req->op;
	c->class = cf_traits(req->op)->class;
	if (req->who)
		memcpy(c->item.who, req->who, sizeof(c->item.who));
	c->done = done;
	c->arg = arg;
	cf_wire_fill(&c->wire, &cf->opts, req);
	if (req->first)
		queue_push_front(&cf->queues[c->class], &c->item);
	else
		queue_push(&cf->queues[c->class], &c->item);
	pump(cf);
}

bool cloudflare_may(const struct cloudflare *cf, enum cf_op op)
{
	return circuit_may(&cf->circuits[op], uv_now(cf->loop));
}

static void unlink_call(struct cf_call *c)
{
	struct cf_call **p = &c->cf->in_flight;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	c->next = NULL;
	c->http = NULL;
}

void cloudflare_block(struct cloudflare *cf, uint64_t ms)
{
	uint64_t until = uv_now(cf->loop) + ms;

	if (until > cf->blocked_until_ms)
		cf->blocked_until_ms = until;
}

/* The provider's word: nobody asks anything until then. Others that were on
 * their way are told the same. */
static void limited(struct cf_call *c, uint32_t retry_after_s)
{
	struct cloudflare *cf = c->cf;
	uint64_t wait_s = retry_after_s ? retry_after_s : CF_LIMIT_WAIT_S;
	bool known = cf->blocked_until_ms > uv_now(cf->loop);

	if (wait_s > CF_LIMIT_MAX_S)
		wait_s = CF_LIMIT_MAX_S;
	cloudflare_block(cf, wait_s * 1000);
	if (!known)
		log_odd("cloudflare_limited", F_STR("op", cf_op_name(c->op)),
			F_U64("wait_s", wait_s));
	if (!known && cf->opts.on_limited)
		cf->opts.on_limited(cf->opts.arg, wait_s);
	queue_push_front(&cf->queues[c->class], &c->item);
	pump(cf);
}

static void count(struct cloudflare *cf, enum cf_op op, int http)
{
	size_t i = 0;

	while (i < cf->count &&
	       (cf->counts[i].op != op || cf->counts[i].http != http))
		i++;
	if (i == CF_COUNTS_MAX)
		return;
	if (i == cf->count)
		cf->counts[cf->count++] =
		    (struct cf_count){ .op = op, .http = http };
	cf->counts[i].n++;
}

void cloudflare_view(const struct cloudflare *cf, struct cf_view *out)
{
	uint64_t now = uv_now(cf->loop);

	*out = (struct cf_view){
		.tokens = bucket_left(&cf->bucket, now),
		.limited_ms =
		    cf->blocked_until_ms > now ? cf->blocked_until_ms - now : 0,
		.counts = cf->counts,
		.count = cf->count,
	};
	for (size_t i = 0; i < CF_CLASSES; i++)
		out->queued += cf->queues[i].count;
	for (size_t i = 0; i < CF_OPS; i++)
		out->open |= circuit_open(&cf->circuits[i]);
}

bool cloudflare_spare(const struct cloudflare *cf, double share)
{
	struct cf_view v;

	cloudflare_view(cf, &v);
	return v.queued == 0 && v.limited_ms == 0 && v.tokens >= 1 &&
	       v.tokens >= share * cf->bucket.burst;
}

/* 429 is about the account, not about the endpoint. */
static void tell_circuit(struct cf_call *c, bool failed)
{
	struct cloudflare *cf = c->cf;
	struct circuit *circuit = &cf->circuits[c->op];

	if (!circuit_answered(circuit, uv_now(cf->loop), failed))
		return;
	if (circuit_open(circuit))
		log_odd("cloudflare_endpoint_failing",
			F_STR("op", cf_op_name(c->op)),
			F_U64("failures", circuit->failures),
			F_U64("wait_ms", circuit->until_ms - uv_now(cf->loop)));
	else
		log_info("cloudflare_endpoint_works",
			 F_STR("op", cf_op_name(c->op)));
}

static bool reads(const struct cf_call *c)
{
	return strcmp(cf_traits(c->op)->method, "GET") == 0;
}

static void on_http(void *arg, enum status st, const struct http_response *res,
		    const struct err *http_err)
{
	struct cf_call *c = (struct cf_call *)arg;
	struct cloudflare *cf = c->cf;
	struct cf_answer a = { .asked_ms = c->asked_ms };
	struct err err = { 0 };

	unlink_call(c);
	count(cf, c->op, st == ST_OK ? (int)res->code : 0);
	tell_circuit(c, st == ST_OK ? res->code >= 500 : !res->too_long);
	if (st == ST_OK && res->code == 429) {
		limited(c, res->retry_after_s);
		return;
	}
	if (st == ST_OK) {
		cf_judge(&cf->opts, c->op, &a, res, c->sieve, &err);
		if (res->body.len)
			explicit_bzero(res->body.data, res->body.len);
	} else {
		a.outcome =
		    res->maybe_sent && !reads(c) ? CF_UNKNOWN : CF_UNSENT;
		err = *http_err;
	}
	a.err = a.outcome == CF_DONE ? NULL : &err;
	log_debug("cloudflare_call", F_STR("op", cf_op_name(c->op)),
		  F_STR("outcome", cf_outcome_name(a.outcome)),
		  F_I64("http", a.http),
		  F_U64("ms", uv_now(cf->loop) - c->asked_ms));
	c->done(c->arg, &a);
	cf_answer_wipe(&a);
	call_free(c);
}

static void send_call(struct cloudflare *cf, struct cf_call *c)
{
	AUTO_FREE char *url = cf_format("%s%s", cf->base, c->wire.path);
	const char *const headers[] = { cf->auth,
					"Content-Type: application/json",
					c->wire.extra, NULL };
	struct http_request req = {
		.method = cf_traits(c->op)->method,
		.url = url,
		.headers = headers,
		.body = c->wire.body,
		.body_len = c->wire.body ? strlen(c->wire.body) : 0,
		.timeout_ms = cf->opts.timeout_ms,
		.max_response = cf_answer_max(c->op),
	};

	if (cf_traits(c->op)->shape == CF_SHAPE_LIST) {
		cf_sieve_free(c->sieve); /* of a call that was refused */
		req.sift = cf_sift;
		req.sift_arg = c->sieve =
		    cf_sieve_new(cf->deployment, cf->signer);
	}
	c->asked_ms = uv_now(cf->loop);
	circuit_sent(&cf->circuits[c->op]);
	c->next = cf->in_flight;
	cf->in_flight = c;
	c->http = http_start(cf->http, &req, on_http, c);
}

static void wait_ms(struct cloudflare *cf, uint64_t ms)
{
	if (uv_timer_start(cf->timer, on_timer, ms ? ms : 1, 0) != 0)
		abort();
}

static void on_later(uv_timer_t *t)
{
	struct cloudflare *cf = (struct cloudflare *)t->data;
	struct cf_call *c = cf->unsent;

	cf->unsent = NULL;
	while (c) {
		struct cf_call *next = c->next;
		struct cf_answer a = { .outcome = CF_UNSENT };
		struct err err;

		err_set(&err, ST_TRANSIENT,
			"cloudflare %s: not asked after %u failures in a row",
			cf_op_name(c->op), cf->circuits[c->op].failures);
		a.err = &err;
		c->done(c->arg, &a);
		call_free(c);
		c = next;
	}
}

/* Calls to an endpoint that is left alone end unsent, in the loop's next turn:
 * whoever made them has other work meanwhile. */
static void refuse_held(struct cloudflare *cf)
{
	for (size_t i = 0; i < CF_CLASSES; i++) {
		struct queue_item *at = cf->queues[i].head, *next;

		for (; at; at = next) {
			struct cf_call *c = (struct cf_call *)at;

			next = at->next;
			if (cloudflare_may(cf, c->op))
				continue;
			queue_take(&cf->queues[i], at);
			c->next = cf->unsent;
			cf->unsent = c;
		}
	}
	if (cf->unsent && uv_timer_start(cf->later, on_later, 0, 0) != 0)
		abort();
}

static void pump(struct cloudflare *cf)
{
	uint64_t now = uv_now(cf->loop), wait;
	bool waits[CF_CLASSES], any;
	size_t i;

	if (cf->blocked_until_ms > now) {
		wait_ms(cf, cf->blocked_until_ms - now);
		return;
	}
	for (;;) {
		refuse_held(cf);
		for (any = false, i = 0; i < CF_CLASSES; i++)
			any |= waits[i] = cf->queues[i].head != NULL;
		if (!any)
			return;
		wait = bucket_take(&cf->bucket, now);
		if (wait) {
			wait_ms(cf, wait);
			return;
		}
		i = turns_next(&cf->turns, waits);
		send_call(cf, (struct cf_call *)queue_pop(&cf->queues[i]));
	}
}
