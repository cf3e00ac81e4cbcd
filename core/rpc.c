/*
 * JSON-RPC client: building calls, keeping their ids, deadlines and owners,
 * and handing answers over. The transports are rpc_http.c and rpc_ws.c. It
 * never retries a call: that is the caller's decision. No URL path, query or
 * credential is ever in an error.
 */
#include "core/rpc.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "core/crash.h"
#include "core/json.h"
#include "core/rpc_int.h"
#include "core/rpc_stats.h"

#define BODY_MAX ((size_t)32 * 1024 * 1024)

static void on_deadline(uv_timer_t *timer);

/* Doomed calls stand first and are due at once. HTTP calls have their
 * deadline in the HTTP client. */
static void arm_timer(struct rpc *r)
{
	const struct rpc_call *first = r->head;
	uint64_t now = uv_now(r->loop);

	if (r->closing)
		return;
	if (!first || (!r->url.ws && !first->doomed)) {
		uv_timer_stop(&r->timer);
		return;
	}
	uv_timer_start(&r->timer, on_deadline,
		       first->doomed || first->deadline_ms <= now
			   ? 0
			   : first->deadline_ms - now,
		       0);
}

static void unlink_call(struct rpc_call *call)
{
	struct rpc *r = call->rpc;

	if (call->prev)
		call->prev->next = call->next;
	else
		r->head = call->next;
	if (call->next)
		call->next->prev = call->prev;
	else
		r->tail = call->prev;
	call->prev = call->next = NULL;
	r->pending--;
	arm_timer(r);
}

static void call_free(struct rpc_call *call)
{
	free(call->methods);
	free(call->body);
	free(call);
}

/* @a: NULL when there was no answer */
static void tally(const struct rpc_call *call, const struct rpc_answer *a)
{
	for (size_t i = 0; i < call->n; i++) {
		const struct rpc_error *e = a ? &a->items[i].error : NULL;

		rpc_stats_count(call->methods[i], !e || e->too_long
						      ? RPC_UNANSWERED
						  : e->message ? RPC_REFUSED
							       : RPC_ANSWERED);
	}
}

/* For those who want trees: the results of @a as such. */
static enum status parse_results(cJSON **roots, const struct rpc_answer *a,
				 struct err *err)
{
	enum status st = ST_OK;

	for (size_t i = 0; st == ST_OK && i < a->n; i++) {
		const struct text *t = &a->items[i].result;

		if (t->p)
			st = json_parse(&roots[i], t->p, t->n, "answer", err);
	}
	return st;
}

static void call_back_trees(struct rpc_call *call, enum status st,
			    const struct rpc_answer *a, cJSON **roots,
			    const struct err *err)
{
	if (!call->batch) {
		const struct rpc_error *error = &a->items[0].error;

		call->done(call->arg, st, roots[0],
			   error->message ? error : NULL, err);
		return;
	}
	AUTO_FREE struct rpc_error *errors = mem_array(a->n, sizeof(*errors));

	for (size_t i = 0; i < a->n; i++)
		errors[i] = a->items[i].error;
	call->batch_done(call->arg, st, roots, errors, a->n, err);
}

/* @call, out of its list, got no answer. Frees it. */
static void deliver_failure(struct rpc_call *call, const char *why)
{
	struct err err = { 0 };

	crash_rpc(CRASH_AFTER, call->method);
	tally(call, NULL);
	err_set(&err, ST_TRANSIENT, "%s: %s: %s", call->rpc->url.label,
		call->method, why);
	if (call->items_done)
		call->items_done(call->arg, ST_TRANSIENT, NULL, 0, &err);
	else if (call->batch)
		call->batch_done(call->arg, ST_TRANSIENT, NULL, NULL, 0, &err);
	else
		call->done(call->arg, ST_TRANSIENT, NULL, NULL, &err);
	call_free(call);
}

/* @call, out of its list, got the answer @a. Frees it. */
static void deliver(struct rpc_call *call, const struct rpc_answer *a)
{
	const struct rpc_error *first = &a->items[0].error;
	enum status st = ST_OK;
	struct err err = { 0 };
	cJSON **roots;

	crash_rpc(CRASH_AFTER, call->method);
	if (first->too_long)
		st =
		    err_set(&err, ST_REJECTED, "%s: %s: %s",
			    call->rpc->url.label, call->method, first->message);
	else if (a->refused || (!call->batch && first->message))
		st = err_set(&err, ST_REJECTED,
			     "%s: %s: node error %" PRId64 ": %s",
			     call->rpc->url.label, call->method, first->code,
			     first->message);
	if (call->items_done) {
		tally(call, a);
		call->items_done(call->arg, st, a->items, a->n, &err);
		call_free(call);
		return;
	}
	roots = mem_array(a->n, sizeof(*roots));
	if (parse_results(roots, a, &err) == ST_OK) {
		tally(call, a);
		call_back_trees(call, st, a, roots, &err);
		call_free(call);
	} else {
		deliver_failure(call, err.msg);
	}
	for (size_t i = 0; i < a->n; i++)
		cJSON_Delete(roots[i]);
	free(roots);
}

void rpc_call_fail(struct rpc_call *call, const char *why)
{
	unlink_call(call);
	deliver_failure(call, why);
}

void rpc_call_too_long(struct rpc_call *call, const char *message)
{
	struct rpc_answer a;

	unlink_call(call);
	rpc_answer_init(&a, call->n);
	rpc_answer_too_long(&a, message);
	deliver(call, &a);
	rpc_answer_deinit(&a);
}

const char *rpc_without_label(const struct rpc *r, const char *msg)
{
	size_t n = strlen(r->url.label);

	return strncmp(msg, r->url.label, n) == 0 &&
		       strncmp(msg + n, ": ", 2) == 0
		   ? msg + n + 2
		   : msg;
}

void rpc_call_refuse(struct rpc_call *call, const char *why)
{
	struct rpc *r = call->rpc;

	err_set(&call->err, ST_TRANSIENT, "%s", why);
	call->doomed = true;
	if (r->head != call) {
		unlink_call(call);
		call->next = r->head;
		if (r->head)
			r->head->prev = call;
		else
			r->tail = call;
		r->head = call;
		r->pending++;
	}
	arm_timer(r);
}

static void on_deadline(uv_timer_t *timer)
{
	struct rpc *r = timer->data;
	uint64_t now = uv_now(r->loop);
	char why[64];

	snprintf(why, sizeof(why), "no answer within %u ms",
		 r->opts.timeout_ms);
	while (
	    !r->closing && r->head &&
	    (r->head->doomed || (r->url.ws && r->head->deadline_ms <= now))) {
		struct rpc_call *call = r->head;
		struct err err = call->err;

		rpc_call_fail(call, call->doomed ? err.msg : why);
	}
	arm_timer(r);
}

bool rpc_call_answer(struct rpc_call *call, struct rpc_message *m,
		     struct err *why)
{
	struct rpc_answer a;
	enum status st;

	rpc_answer_init(&a, call->n);
	st = rpc_answer_read(&a, call->id, call->batch, m, why);
	if (st != ST_REJECTED)
		unlink_call(call);
	if (st == ST_OK)
		deliver(call, &a);
	else if (st != ST_REJECTED)
		deliver_failure(call, why->msg);
	rpc_answer_deinit(&a);
	return st != ST_REJECTED;
}

static struct rpc_call *call_start(struct rpc *r, struct rpc_call *call,
				   struct buf *body)
{
	bool too_long = body->overflow;

	call->rpc = r;
	call->body = mem_dup(buf_str(body), body->len);
	call->body_len = body->len;
	call->deadline_ms = uv_now(r->loop) + r->opts.timeout_ms;
	call->prev = r->tail;
	if (r->tail)
		r->tail->next = call;
	else
		r->head = call;
	r->tail = call;
	r->pending++;
	crash_rpc(CRASH_BEFORE, call->method);
	if (r->pending > RPC_PENDING_MAX)
		rpc_call_refuse(call, "too many calls are waiting");
	else if (too_long)
		rpc_call_refuse(call, "the request is too long");
	else if (r->url.ws)
		rpc_ws_send(call);
	else
		rpc_http_send(call);
	if (!call->doomed)
		rpc_stats_bytes(call->body_len, 0);
	if (r->head == call)
		arm_timer(r);
	return call;
}

static void add_item(struct buf *body, uint64_t id, const char *method,
		     const char *params)
{
	buf_printf(body,
		   "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
		   ",\"method\":\"%s\",\"params\":",
		   id, method);
	buf_add_str(body, params);
	buf_add_byte(body, '}');
}

struct rpc_call *rpc_call(struct rpc *r, const char *method, const char *params,
			  rpc_done_fn done, void *arg)
{
	struct rpc_call *call = mem_zalloc(sizeof(*call));
	AUTO_BUF body = BUF_NULL;

	buf_init(&body, BODY_MAX);
	call->n = 1;
	call->id = r->next_id++;
	call->done = done;
	call->arg = arg;
	snprintf(call->method, sizeof(call->method), "%s", method);
	call->methods = mem_array(1, 1);
	call->methods[0] = rpc_stats_method(method);
	add_item(&body, call->id, method, params);
	return call_start(r, call, &body);
}

static struct rpc_call *batch_start(struct rpc *r, struct rpc_call *call,
				    const struct rpc_batch_item *items,
				    size_t n)
{
	AUTO_BUF body = BUF_NULL;

	assert(n > 0);
	buf_init(&body, BODY_MAX);
	call->n = n;
	call->batch = true;
	call->id = r->next_id;
	r->next_id += n;
	snprintf(call->method, sizeof(call->method), "batch of %zu from %.48s",
		 n, items[0].method);
	call->methods = mem_array(n, 1);
	buf_add_byte(&body, '[');
	for (size_t i = 0; i < n; i++) {
		call->methods[i] = rpc_stats_method(items[i].method);
		if (i)
			buf_add_byte(&body, ',');
		add_item(&body, call->id + i, items[i].method, items[i].params);
	}
	buf_add_byte(&body, ']');
	return call_start(r, call, &body);
}

struct rpc_call *rpc_batch(struct rpc *r, const struct rpc_batch_item *items,
			   size_t n, rpc_batch_done_fn done, void *arg)
{
	struct rpc_call *call = mem_zalloc(sizeof(*call));

	call->batch_done = done;
	call->arg = arg;
	return batch_start(r, call, items, n);
}

struct rpc_call *rpc_batch_text(struct rpc *r,
				const struct rpc_batch_item *items, size_t n,
				rpc_items_fn done, void *arg)
{
	struct rpc_call *call = mem_zalloc(sizeof(*call));

	call->items_done = done;
	call->arg = arg;
	return batch_start(r, call, items, n);
}

void rpc_cancel(struct rpc_call *call)
{
	if (call->http)
		http_cancel(call->http);
	unlink_call(call);
	call_free(call);
}

enum status rpc_new(struct rpc **out, uv_loop_t *loop, struct http *http,
		    const struct rpc_opts *opts, struct err *err)
{
	struct rpc *r = mem_zalloc(sizeof(*r));
	enum status st = url_parse(&r->url, opts->url, err);

	if (st == ST_OK && !r->url.ws && !http)
		st = err_set(err, ST_FATAL, "%s: rpc without an HTTP client",
			     r->url.label);
	if (st != ST_OK) {
		free(r);
		return st;
	}
	r->loop = loop;
	r->http = http;
	r->opts = *opts;
	r->opts.url = mem_strdup(opts->url);
	r->next_id = 1;
	uv_timer_init(loop, &r->timer);
	uv_timer_init(loop, &r->retry);
	r->timer.data = r->retry.data = r;
	r->open_handles = 2;
	if (r->url.ws)
		rpc_ws_start(r);
	*out = r;
	return ST_OK;
}

static void on_rpc_closed(uv_handle_t *handle)
{
	struct rpc *r = handle->data;

	if (--r->open_handles)
		return;
	url_wipe(&r->url);
	free(r);
}

void rpc_free(struct rpc *r)
{
	char *url;

	if (!r || r->closing)
		return;
	r->closing = true;
	rpc_ws_stop(r);
	while (r->head)
		rpc_cancel(r->head);
	memcpy(&url, &r->opts.url, sizeof(url));
	explicit_bzero(url, strlen(url));
	free(url);
	r->opts.url = NULL;
	uv_close((uv_handle_t *)&r->timer, on_rpc_closed);
	uv_close((uv_handle_t *)&r->retry, on_rpc_closed);
}

const char *rpc_label(const struct rpc *r)
{
	return r->url.label;
}

bool rpc_is_ws(const struct rpc *r)
{
	return r->url.ws;
}

void rpc_set_max_message(struct rpc *r, size_t max_message)
{
	r->opts.max_message = max_message;
	if (r->ws)
		ws_set_max_message(r->ws, max_message);
}

uint32_t rpc_retry_after_s(const struct rpc *r)
{
	return r->retry_after_s;
}
