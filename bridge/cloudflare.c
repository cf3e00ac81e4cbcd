/*
 * The client of Cloudflare Stream: queue, budget, requests, and what answers
 * mean. Response bodies hold credentials and are overwritten here; nothing of
 * them reaches a log or an error. It never decides what to do about a room.
 */
#include "bridge/cloudflare.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/bucket.h"
#include "bridge/circuit.h"
#include "bridge/queue.h"
#include "core/buf.h"
#include "core/json.h"
#include "core/log.h"

#define CF_BODY_MAX       8192
#define CF_ANSWER_MAX     (256 * 1024)
#define CF_LIST_BYTES_MAX (128 * 1024 * 1024)
#define CF_LIMIT_WAIT_S   300 /* a 429 without retry-after: the whole block */
#define CF_LIMIT_MAX_S    600
#define CF_VIDEOS_BYTES   (4 * 1024 * 1024)
#define CF_OPS            (CF_OUTPUT_DELETE + 1)

/* Who goes first when the budget is short. */
enum call_class { CLASS_STOP, CLASS_OTHER, CLASS_CREATE, CLASSES };

struct cf_call {
	struct queue_item item; /* first: what is in a queue is a call */
	struct cf_call *next;   /* in flight, or unsent */
	struct cloudflare *cf;
	enum cf_op op;
	enum call_class class;
	char *path;  /* after the account */
	char *body;  /* NULL: none */
	char *extra; /* Idempotency-Key header; NULL: none */
	uint64_t asked_ms;
	struct http_call *http;
	cf_done_fn done;
	void *arg;
};

struct cloudflare {
	uv_loop_t *loop;
	struct http *http;
	uv_timer_t *timer, *later;
	char *base; /* …/accounts/<id>/stream */
	char *auth; /* header, secret */
	char *customer_code, *deployment;
	struct cf_opts opts; /* numbers only */
	char **origins;
	size_t origin_count;
	struct bucket bucket;
	uint64_t blocked_until_ms;
	struct queue queues[CLASSES];
	struct circuit circuits[CF_OPS];
	struct cf_call *in_flight;
	struct cf_call *unsent; /* refused by a circuit, to be told so */
	struct cf_count counts[CF_COUNTS_MAX];
	size_t count;
};

static void pump(struct cloudflare *cf);

const char *cf_op_name(enum cf_op op)
{
	static const char *const names[] = {
		"create",         "list",          "get",
		"enable",         "disable",       "rotate",
		"delete",         "videos",        "video_delete",
		"recordings",     "lease_make",    "lease_beat",
		"output_create",  "outputs",       "output_enable",
		"output_disable", "output_delete",
	};

	return names[op];
}

const char *cf_outcome_name(enum cf_outcome outcome)
{
	static const char *const names[] = { "done",    "gone",    "conflict",
					     "refused", "denied",  "unsent",
					     "unknown", "bad_uid", "foreign" };

	return names[outcome];
}

static void call_free(struct cf_call *c)
{
	if (c->body)
		explicit_bzero(c->body, strlen(c->body)); /* a target's key */
	free(c->path);
	free(c->body);
	free(c->extra);
	free(c);
}

static char *format(const char *fmt, ...) PRINTF(1, 2);
static char *format(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	return mem_check(s);
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
	cf->base = format("%.*s/accounts/%s/stream", (int)n, opts->api_url,
			  opts->account_id);
	cf->auth = format("Authorization: Bearer %s", opts->api_token);
	cf->customer_code = mem_strdup(opts->customer_code);
	cf->deployment = mem_strdup(opts->deployment);
	cf->origin_count = opts->allowed_origin_count;
	cf->origins = (char **)mem_array(cf->origin_count, sizeof(char *));
	for (i = 0; i < cf->origin_count; i++)
		cf->origins[i] = mem_strdup(opts->allowed_origins[i]);
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
	for (i = 0; i < CLASSES; i++)
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
	for (i = 0; i < cf->origin_count; i++)
		free(cf->origins[i]);
	free(cf->origins);
	free(cf->auth);
	free(cf->base);
	free(cf->customer_code);
	free(cf->deployment);
	free(cf);
}

static void add_recording(const struct cloudflare *cf, cJSON *body,
			  const struct cf_request *req)
{
	cJSON *rec = cJSON_AddObjectToObject(body, "recording");
	cJSON *origins;
	size_t i;

	/* "off" would end HLS and DASH playback as well. */
	cJSON_AddStringToObject(rec, "mode", "automatic");
	cJSON_AddBoolToObject(rec, "requireSignedURLs", req->require_signed);
	if (cf->origin_count == 0)
		return;
	origins = cJSON_AddArrayToObject(rec, "allowedOrigins");
	for (i = 0; i < cf->origin_count; i++)
		cJSON_AddItemToArray(origins,
				     cJSON_CreateString(cf->origins[i]));
}

static char *create_body(const struct cloudflare *cf,
			 const struct cf_request *req)
{
	AUTO_JSON cJSON *body = cJSON_CreateObject();
	cJSON *meta = cJSON_AddObjectToObject(body, "meta");
	char *text;

	cJSON_AddStringToObject(meta, "name", req->name);
	cJSON_AddStringToObject(meta, "chaincast", cf->deployment);
	cJSON_AddStringToObject(meta, "room", req->room);
	cJSON_AddStringToObject(body, "defaultCreator", req->host);
	cJSON_AddBoolToObject(body, "enabled", true);
	cJSON_AddBoolToObject(body, "preferLowLatency",
			      cf->opts.prefer_low_latency && req->low_latency);
	if (cf->opts.delete_recording_after_days)
		cJSON_AddNumberToObject(body, "deleteRecordingAfterDays",
					cf->opts.delete_recording_after_days);
	add_recording(cf, body, req);
	text = cJSON_PrintUnformatted(body);
	if (!text)
		abort();
	return text;
}

static char *lease_body(const struct cf_lease *l)
{
	return format("{\"meta\":{\"name\":\"chaincast: which bridge works "
		      "(keep)\",\"lease\":\"%s\",\"signer\":\"%s\","
		      "\"holder\":\"%s\",\"beat\":\"%" PRIu64 "\"}}",
		      l->deployment, l->signer, l->holder, l->beat);
}

/* cJSON_Print would leave copies of the key behind. */
static char *output_body(const struct cf_request *req)
{
	AUTO_SECRET_BUF b = BUF_NULL;

	buf_init(&b, 4 * CF_TARGET_SIZE);
	buf_add_str(&b, "{\"url\":");
	json_add_str(&b, req->target_url);
	buf_add_str(&b, ",\"streamKey\":");
	json_add_str(&b, req->target_key);
	buf_printf(&b, ",\"enabled\":%s}", req->output_on ? "true" : "false");
	if (b.overflow)
		abort(); /* escapes double what target_parse() lets through */
	return mem_strdup(buf_str(&b));
}

static void fill_output(struct cf_call *c, const struct cf_request *req)
{
	if (req->op == CF_OUTPUT_CREATE || req->op == CF_OUTPUTS)
		c->path = format("/live_inputs/%s/outputs", req->uid);
	else
		c->path =
		    format("/live_inputs/%s/outputs/%s", req->uid, req->output);
	if (req->op == CF_OUTPUT_CREATE)
		c->body = output_body(req);
	else if (req->op == CF_OUTPUT_ENABLE || req->op == CF_OUTPUT_DISABLE)
		c->body =
		    format("{\"enabled\":%s}",
			   req->op == CF_OUTPUT_ENABLE ? "true" : "false");
}

static void fill_call(const struct cloudflare *cf, struct cf_call *c,
		      const struct cf_request *req)
{
	switch (req->op) {
	case CF_CREATE:
		c->path = mem_strdup("/live_inputs");
		c->body = create_body(cf, req);
		c->extra = format("Idempotency-Key: %s-%s-%" PRIu32,
				  cf->deployment, req->room, req->attempt);
		return;
	case CF_LIST:
		c->path = mem_strdup("/live_inputs?include_counts=true");
		return;
	case CF_GET:
	case CF_DELETE:
		c->path = format("/live_inputs/%s", req->uid);
		return;
	case CF_ENABLE:
	case CF_DISABLE:
		c->path = format("/live_inputs/%s", req->uid);
		c->body = format("{\"enabled\":%s}",
				 req->op == CF_ENABLE ? "true" : "false");
		return;
	case CF_ROTATE:
		c->path = format("/live_inputs/%s/rotate_keys", req->uid);
		return;
	case CF_VIDEOS:
		c->path = format("/live_inputs/%s/videos", req->uid);
		return;
	case CF_VIDEO_DELETE:
		c->path = format("/%s", req->uid);
		return;
	case CF_RECORDINGS:
		c->path = format("?live_input_id=%s", req->uid);
		return;
	case CF_LEASE_MAKE:
		c->path = mem_strdup("/live_inputs");
		c->body = lease_body(req->lease);
		return;
	case CF_LEASE_BEAT:
		c->path = format("/live_inputs/%s", req->uid);
		c->body = lease_body(req->lease);
		return;
	case CF_OUTPUT_CREATE:
	case CF_OUTPUTS:
	case CF_OUTPUT_ENABLE:
	case CF_OUTPUT_DISABLE:
	case CF_OUTPUT_DELETE:
		fill_output(c, req);
		return;
	}
	abort();
}

static const char *method(enum cf_op op)
{
	switch (op) {
	case CF_CREATE:
	case CF_ROTATE:
	case CF_LEASE_MAKE:
	case CF_OUTPUT_CREATE:
		return "POST";
	case CF_LIST:
	case CF_GET:
	case CF_VIDEOS:
	case CF_RECORDINGS:
	case CF_OUTPUTS:
		return "GET";
	case CF_ENABLE:
	case CF_DISABLE:
	case CF_LEASE_BEAT:
	case CF_OUTPUT_ENABLE:
	case CF_OUTPUT_DISABLE:
		return "PUT";
	case CF_DELETE:
	case CF_VIDEO_DELETE:
	case CF_OUTPUT_DELETE:
		return "DELETE";
	}
	abort();
}

static bool reads(enum cf_op op)
{
	return op == CF_LIST || op == CF_GET || op == CF_VIDEOS ||
	       op == CF_RECORDINGS || op == CF_OUTPUTS;
}

/* A rotation cuts off whoever has keys that they should not have. */
static enum call_class class_of(enum cf_op op)
{
	switch (op) {
	case CF_DISABLE:
	case CF_DELETE:
	case CF_VIDEOS:
	case CF_VIDEO_DELETE:
	case CF_ROTATE:
	case CF_LEASE_MAKE:
	case CF_LEASE_BEAT:
	case CF_OUTPUT_DISABLE:
	case CF_OUTPUT_DELETE:
		return CLASS_STOP;
	case CF_LIST:
	case CF_GET:
	case CF_ENABLE:
	case CF_RECORDINGS:
	case CF_OUTPUTS:
	case CF_OUTPUT_ENABLE:
		return CLASS_OTHER;
	case CF_CREATE:
	case CF_OUTPUT_CREATE:
		return CLASS_CREATE;
	}
	abort();
}

void cloudflare_call(struct cloudflare *cf, const struct cf_request *req,
		     cf_done_fn done, void *arg)
{
	struct cf_call *c = (struct cf_call *)mem_zalloc(sizeof(*c));

	c->cf = cf;
	c->op = req->op;
	c->class = class_of(req->op);
	if (req->who)
		memcpy(c->item.who, req->who, sizeof(c->item.who));
	c->done = done;
	c->arg = arg;
	fill_call(cf, c, req);
	/* A lease that is late looks like one that nobody holds. */
	if (c->op == CF_LEASE_BEAT)
		queue_push_front(&cf->queues[c->class], &c->item);
	else
		queue_push(&cf->queues[c->class], &c->item);
	pump(cf);
}

bool cloudflare_may(const struct cloudflare *cf, enum cf_op op)
{
	return circuit_may(&cf->circuits[op], uv_now(cf->loop));
}

/* What the HTTP status and the envelope say, before the content is looked at.
 */
static enum cf_outcome classify(long http, bool readable,
				const struct cf_envelope *env)
{
	if (readable && env->code == CF_CODE_GONE)
		return CF_GONE;
	if (http == 404)
		return CF_GONE;
	if (http == 409)
		return CF_CONFLICT;
	if (http == 401 || http == 403)
		return CF_DENIED;
	if (http == 408 || http >= 500 || http < 200)
		return CF_UNKNOWN;
	if (http >= 400)
		return CF_REFUSED;
	if (http >= 300 || !readable)
		return CF_UNKNOWN;
	return env->success ? CF_DONE : CF_REFUSED;
}

static enum status parse(const struct cf_call *c, struct cf_envelope *env,
			 struct cf_answer *a, const struct http_response *res,
			 struct err *err)
{
	const char *text = (const char *)res->body.data;
	size_t len = res->body.len;

	switch (c->op) {
	case CF_CREATE:
	case CF_GET:
	case CF_LEASE_MAKE:
	case CF_LEASE_BEAT:
		return cf_parse_input(env, &a->input, text, len, err);
	case CF_LIST:
		return cf_parse_list(env, &a->list, text, len, err);
	case CF_VIDEOS:
	case CF_RECORDINGS:
		return cf_parse_videos(env, &a->videos, text, len, err);
	case CF_OUTPUT_CREATE:
		return cf_parse_output(env, &a->output, text, len, err);
	case CF_OUTPUTS:
		return cf_parse_outputs(env, &a->outputs, text, len, err);
	case CF_ENABLE:
	case CF_DISABLE:
	case CF_ROTATE:
	case CF_OUTPUT_ENABLE:
	case CF_OUTPUT_DISABLE:
		return cf_parse_plain(env, text, len, err);
	case CF_DELETE:
	case CF_VIDEO_DELETE:
	case CF_OUTPUT_DELETE:
		/* Their body is unspecified and may be empty. */
		if (res->code >= 200 && res->code < 300) {
			*env = (struct cf_envelope){ .success = true };
			return ST_OK;
		}
		return cf_parse_plain(env, text, len, err);
	}
	abort();
}

static void bad_uid(struct cf_answer *a, struct err *err)
{
	a->outcome = CF_BAD_UID;
	err_set(err, ST_REJECTED,
		"cloudflare gave a uid that is not 32 lower-case hex digits");
}

static void check_input(const struct cloudflare *cf, struct cf_answer *a,
			struct err *err)
{
	if (*a->input.customer_code &&
	    strcmp(a->input.customer_code, cf->customer_code) != 0) {
		a->outcome = CF_FOREIGN;
		err_set(err, ST_REJECTED,
			"cloudflare answers for customer code %s, configured "
			"is %s",
			a->input.customer_code, cf->customer_code);
		return;
	}
	if (*a->input.uid == '\0')
		bad_uid(a, err);
}

static void judge(const struct cf_call *c, struct cf_answer *a,
		  const struct http_response *res, struct err *err)
{
	struct cf_envelope env = { 0 };
	bool readable = parse(c, &env, a, res, err) == ST_OK;

	a->http = res->code;
	a->code = env.code;
	a->outcome = classify(res->code, readable, &env);
	if (a->outcome == CF_DONE) {
		if (c->op == CF_CREATE || c->op == CF_GET ||
		    c->op == CF_LEASE_MAKE || c->op == CF_LEASE_BEAT)
			check_input(c->cf, a, err);
		else if (c->op == CF_OUTPUT_CREATE && !*a->output.uid)
			bad_uid(a, err);
		return;
	}
	/* A message about a target may quote it. */
	if (c->op >= CF_OUTPUT_CREATE)
		env.message[0] = '\0';
	if (readable || a->outcome != CF_UNKNOWN || res->code >= 300)
		err_set(err, ST_REJECTED,
			"cloudflare %s: HTTP %ld code %" PRId64 " %s",
			cf_op_name(c->op), res->code, env.code, env.message);
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
	for (size_t i = 0; i < CLASSES; i++)
		out->queued += cf->queues[i].count;
	for (size_t i = 0; i < CF_OPS; i++)
		out->open |= circuit_open(&cf->circuits[i]);
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
		judge(c, &a, res, &err);
		if (res->body.len)
			explicit_bzero(res->body.data, res->body.len);
	} else {
		a.outcome =
		    res->maybe_sent && !reads(c->op) ? CF_UNKNOWN : CF_UNSENT;
		err = *http_err;
	}
	a.err = a.outcome == CF_DONE ? NULL : &err;
	log_debug("cloudflare_call", F_STR("op", cf_op_name(c->op)),
		  F_STR("outcome", cf_outcome_name(a.outcome)),
		  F_I64("http", a.http),
		  F_U64("ms", uv_now(cf->loop) - c->asked_ms));
	c->done(c->arg, &a);
	cf_input_wipe(&a.input);
	cf_list_deinit(&a.list);
	cf_videos_deinit(&a.videos);
	cf_output_wipe(&a.output);
	cf_outputs_wipe(&a.outputs);
	call_free(c);
}

static size_t answer_max(enum cf_op op)
{
	if (op == CF_LIST)
		return CF_LIST_BYTES_MAX;
	return op == CF_VIDEOS || op == CF_RECORDINGS ? CF_VIDEOS_BYTES
						      : CF_ANSWER_MAX;
}

static void send_call(struct cloudflare *cf, struct cf_call *c)
{
	AUTO_FREE char *url = format("%s%s", cf->base, c->path);
	const char *const headers[] = { cf->auth,
					"Content-Type: application/json",
					c->extra, NULL };
	struct http_request req = {
		.method = method(c->op),
		.url = url,
		.headers = headers,
		.body = c->body,
		.body_len = c->body ? strlen(c->body) : 0,
		.timeout_ms = cf->opts.timeout_ms,
		.max_response = answer_max(c->op),
	};

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
	for (size_t i = 0; i < CLASSES; i++) {
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
	bool stops;
	size_t i;

	if (cf->blocked_until_ms > now) {
		wait_ms(cf, cf->blocked_until_ms - now);
		return;
	}
	for (;;) {
		refuse_held(cf);
		for (i = 0; i < CLASSES && !cf->queues[i].head;)
			i++;
		if (i == CLASSES)
			return;
		stops = cf->queues[CLASS_STOP].head != NULL;
		wait = bucket_take(&cf->bucket, now, i == CLASS_STOP, stops);
		if (wait) {
			wait_ms(cf, wait);
			return;
		}
		send_call(cf, (struct cf_call *)queue_pop(&cf->queues[i]));
	}
}
