/*
 * JSON-RPC over one WebSocket: calls are queued until the socket takes them,
 * answers are matched by id in any order, subscriptions are handed on. A lost
 * socket fails what was sent and is replaced after a growing delay; what was
 * not yet sent waits for the next socket or its own deadline. An answer past
 * the bound is refused to its call, and the socket stays.
 */
#include <stdio.h>

#include "core/backoff.h"
#include "core/json.h"
#include "core/rpc_int.h"
#include "core/rpc_stats.h"

#define RETRY_BASE_MS 250
#define RETRY_MAX_MS  15000

static void open_socket(struct rpc *r);

static void on_retry(uv_timer_t *timer)
{
	open_socket(timer->data);
}

/* The socket is gone, for the reason @err: tell, and try again later. */
static void lost(struct rpc *r, const struct err *err)
{
	struct err why = *err;
	uint32_t wait = backoff_ms(r->attempt, RETRY_BASE_MS, RETRY_MAX_MS,
				   backoff_random());
	uint64_t last = r->next_id;

	ws_free(r->ws);
	r->ws = NULL;
	r->up = false;
	r->attempt++;
	uv_timer_start(&r->retry, on_retry, wait, 0);
	/* Callbacks may send anew, cancel others, or free @r: look again from
	 * the start after each. */
	for (struct rpc_call *c = r->head; c && !r->closing;) {
		if (!c->sent || c->doomed || c->id >= last) {
			c = c->next;
			continue;
		}
		rpc_call_fail(c, rpc_without_label(r, why.msg));
		c = r->closing ? NULL : r->head;
	}
	if (!r->closing && r->opts.on_state)
		r->opts.on_state(r->opts.arg, false, &why);
}

static void on_open(void *arg)
{
	struct rpc *r = arg;

	r->up = true;
	if (r->opts.on_state)
		r->opts.on_state(r->opts.arg, true, NULL);
	if (!r->closing && r->ws)
		ws_want_write(r->ws);
}

static bool on_write(void *arg, struct buf *out)
{
	struct rpc *r = arg;

	for (struct rpc_call *c = r->head; c; c = c->next) {
		if (c->sent || c->doomed)
			continue;
		buf_add(out, c->body, c->body_len);
		c->sent = true;
		return true;
	}
	return false;
}

static void on_close(void *arg, const struct err *err)
{
	lost(arg, err);
}

static struct rpc_call *find_call(struct rpc *r, const struct rpc_message *m)
{
	for (struct rpc_call *c = r->head; c && m->first.has_id; c = c->next) {
		if (c->sent && c->batch >= m->array && m->first.id >= c->id &&
		    m->first.id - c->id < c->n)
			return c;
	}
	return NULL;
}

/* An error without an id belongs to the one call that is under way. */
static struct rpc_call *only_call(struct rpc *r)
{
	struct rpc_call *only = NULL;

	for (struct rpc_call *c = r->head; c; c = c->next) {
		if (c->sent && only)
			return NULL;
		if (c->sent)
			only = c;
	}
	return only;
}

/* As a tree, for those who want one. */
static void notify_tree(struct rpc *r, struct text sub, struct text result)
{
	AUTO_JSON cJSON *root = NULL;
	char id[128];

	if (sub.n >= sizeof(id) ||
	    json_parse(&root, result.p, result.n, "message", NULL) != ST_OK)
		return;
	memcpy(id, sub.p, sub.n);
	id[sub.n] = '\0';
	r->opts.on_notify(r->opts.arg, id, root);
}

static void on_notification(struct rpc *r, struct text params)
{
	struct text key, sub = { 0 }, result = { 0 };
	struct scan s;

	scan_init(&s, params.p, params.n);
	for (scan_object(&s); scan_key(&s, &key);) {
		if (text_is(key, "subscription"))
			scan_string(&s, &sub);
		else if (text_is(key, "result"))
			scan_value(&s, &result);
		else
			scan_skip(&s);
	}
	if (scan_end(&s, "params", NULL) != ST_OK || !sub.p || !result.p)
		return;
	if (r->opts.on_notify_text)
		r->opts.on_notify_text(r->opts.arg, sub, result);
	if (r->opts.on_notify && !r->closing)
		notify_tree(r, sub, result);
}

/* A message that is not JSON: whose answer it was, or would have been after
 * it, cannot be known, so all are in doubt. */
static void bad_message(struct rpc *r, const char *why)
{
	struct err err = { 0 };

	err_set(&err, ST_TRANSIENT, "%s: %s", r->url.label, why);
	lost(r, &err);
}

static void on_message(void *arg, const char *data, size_t len)
{
	struct rpc *r = arg;
	struct rpc_message m;
	struct rpc_call *call;
	struct err why = { 0 };

	rpc_stats_bytes(0, len);
	if (rpc_message_start(&m, data, len, &why) != ST_OK) {
		bad_message(r, why.msg);
		return;
	}
	if (text_is(m.first.method, "\"eth_subscription\"") && !m.array) {
		if (scan_end(&m.s, "message", &why) != ST_OK) {
			bad_message(r, why.msg);
			return;
		}
		r->attempt = 0;
		on_notification(r, m.first.params);
		return;
	}
	call = find_call(r, &m);
	if (!call && !m.array && m.first.no_id && m.first.error.p)
		call = only_call(r);
	if (!call)
		return; /* the answer to a call that timed out */
	r->attempt = 0;
	if (!rpc_call_answer(call, &m, &why))
		bad_message(r, why.msg);
}

/* Told of the call at once, while the rest is still coming: it may ask for
 * less. false: nobody knows whose it is. */
static bool on_too_long(void *arg, const char *front, size_t len,
			size_t max_message)
{
	struct rpc *r = arg;
	struct rpc_message m;
	struct rpc_call *call;
	char why[64];

	if (!rpc_message_front(&m, front, len))
		return false;
	call = find_call(r, &m);
	if (!call)
		return true; /* the answer to a call that timed out */
	r->attempt = 0;
	snprintf(why, sizeof(why), "answer longer than %zu bytes", max_message);
	rpc_call_too_long(call, why);
	return true;
}

static void open_socket(struct rpc *r)
{
	const struct ws_opts opts = {
		.url = &r->url,
		.connect_ms = r->opts.timeout_ms,
		.idle_ms = r->opts.idle_ms,
		.max_message = r->opts.max_message,
		.on_open = on_open,
		.on_message = on_message,
		.on_too_long = on_too_long,
		.on_write = on_write,
		.on_close = on_close,
		.arg = r,
	};

	r->ws = ws_open(r->loop, &opts);
}

void rpc_ws_start(struct rpc *r)
{
	r->kept = ws_keep(r->loop);
	open_socket(r);
}

void rpc_ws_send(struct rpc_call *call)
{
	if (call->rpc->up)
		ws_want_write(call->rpc->ws);
}

void rpc_ws_stop(struct rpc *r)
{
	ws_free(r->ws);
	if (r->kept)
		ws_unkeep(r->kept);
	r->ws = NULL;
	r->kept = NULL;
	r->up = false;
}

void rpc_reconnect(struct rpc *r)
{
	struct err err = { 0 };

	if (!r->ws)
		return; /* already waiting to try again */
	err_set(&err, ST_TRANSIENT, "%s: dropped to connect anew",
		r->url.label);
	lost(r, &err);
}
